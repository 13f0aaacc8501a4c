#!/bin/sh
# Prints a folder with TensorRT's headers, for TENSORRT_INCLUDE_DIR, on a machine that has no TensorRT.
# They are those that the crate trtx-sys ships (Apache-2.0); cargo fetches it into its own cache.
#
#   scripts/tensorrt-headers.sh 11.4       TensorRT 11.4
#   scripts/tensorrt-headers.sh rtx-1.7    TensorRT-RTX 1.7 (also rtx-1.3 to rtx-1.6)
set -eu

case ${1:-} in
11.4) folder=TRT-Enterprise-11.4 ;;
rtx-1.[3-7]) folder=TRT-RTX-${1#rtx-} ;;
*)
    echo "usage: $0 11.4 | rtx-1.3 .. rtx-1.7" >&2
    exit 2
    ;;
esac

# A package that only names the crate: neither it nor the crate is ever built.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/src"
: >"$scratch/src/lib.rs"
cat >"$scratch/Cargo.toml" <<'TOML'
[package]
name = "tensorrt-headers"
version = "0.0.0"
edition = "2021"

[dependencies]
trtx-sys = "=0.9.1"

[workspace]
TOML

# `metadata` fetches what it names; the crate's folder is that of its manifest.
manifest=$(cargo metadata --quiet --format-version 1 --manifest-path "$scratch/Cargo.toml" |
    grep -o '"manifest_path":"[^"]*/trtx-sys-[^"]*/Cargo.toml"' | head -n 1 | cut -d '"' -f 4)
headers=${manifest%/Cargo.toml}/TensorRT-Headers/$folder
if [ ! -f "$headers/NvInfer.h" ]; then
    echo "$0: trtx-sys has no $headers" >&2
    exit 1
fi
echo "$headers"
