#!/bin/sh
# Builds the stand-in with its own kernels and runs its tests: test.sh [--sanitize] [NAME]
# Build products go to STANDIN_TEST_DIR, by default a temporary folder.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sanitize=
if [ "${1:-}" = --sanitize ]; then
    sanitize=--sanitize
    shift
fi
out=${STANDIN_TEST_DIR:-}
if [ -z "$out" ]; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi

"$here/build.sh" "$out" $sanitize --kernels "$here/selftest/kernels_test.cpp"
headers=$(cat "$out/objects/headers")
flags="-std=c++17 -O1 -g1 -Wall -Wextra ${sanitize:+-fsanitize=address,undefined -fno-sanitize-recover=undefined}"
# shellcheck disable=SC2086
${CXX:-g++} $flags -isystem "$headers" -isystem "$headers/.." "$here"/selftest/[!k]*.cpp \
    -L"$out" -llookout_standin -Wl,-rpath,"$out" -pthread -o "$out/selftest"
"$out/selftest" "$@"
