#!/usr/bin/env bash
# Holds vendor/rustdds against the release on crates.io with vendor/rustdds.patch.
# usage: scripts/check_vendor.sh [--write]     --write makes the patch from what vendor/rustdds holds
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' vendor/rustdds/Cargo.toml | head -1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# cargo fetches a crate only for a package that needs it
mkdir -p "$work/asks/src"
: >"$work/asks/src/lib.rs"
printf '[package]\nname = "asks"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\nrustdds = { version = "=%s", default-features = false }\n[workspace]\n' \
  "$version" >"$work/asks/Cargo.toml"
manifest=$(cargo metadata --format-version 1 --manifest-path "$work/asks/Cargo.toml" |
  python3 -c 'import json, sys
packages = json.load(sys.stdin)["packages"]
print(next(p["manifest_path"] for p in packages if p["name"] == "rustdds"))')

mkdir "$work/a"
cp -r "$(dirname "$manifest")/src" "$work/a/src"
rm -rf "$work/a/src/security" "$work/a/src/test" "$work/a/src/discovery/secure_discovery.rs"
find "$work/a/src" -name '*.md' -delete
ln -s "$PWD/vendor/rustdds" "$work/b"
made=$work/rustdds.patch
# without the times of the files; `diff` ends with 1 where there is something to patch
(cd "$work" && diff -ru a/src b/src || test $? = 1) |
  sed -E '/^diff /d; s/^(---|\+\+\+) ([^\t]+)\t.*/\1 \2/' >"$made"
case ${1:-} in
  --write) cp "$made" vendor/rustdds.patch ;;
  '') diff -u vendor/rustdds.patch "$made" ;;
  *) echo "usage: $0 [--write]" >&2; exit 2 ;;
esac
