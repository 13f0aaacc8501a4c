#!/bin/sh
# Builds the stand-in and runs its tests.
#
#   test.sh [--sanitize] [NAME]   its own, in C++, with small kernels; those whose names have NAME in them
#   test.sh --cargo               those of the crate lookout-gpu, in Rust, with lookout's kernels
#
# Build products go to STANDIN_TEST_DIR, by default a temporary folder.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${STANDIN_TEST_DIR:-}
if [ -z "$out" ]; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi

if [ "${1:-}" = --cargo ]; then
    "$here/build.sh" "$out/lookout"
    TENSORRT_INCLUDE_DIR=$(cat "$out/lookout/headers")
    export TENSORRT_INCLUDE_DIR
    LD_LIBRARY_PATH=$out/lookout cargo test --release -p lookout-gpu --test standin \
        --manifest-path "$here/../../Cargo.toml" -- --ignored
    exit
fi

sanitize=
if [ "${1:-}" = --sanitize ]; then
    sanitize=--sanitize
    shift
fi
# shellcheck disable=SC2086
"$here/build.sh" "$out/own$sanitize" $sanitize --kernels "$here/selftest/kernels_test.cpp"
out=$out/own$sanitize
headers=$(cat "$out/headers")
flags="-std=c++17 -O1 -g1 -Wall -Wextra ${sanitize:+-fsanitize=address,undefined -fno-sanitize-recover=undefined}"
# shellcheck disable=SC2086
${CXX:-g++} $flags -isystem "$headers" -isystem "$headers/.." "$here"/selftest/[!k]*.cpp \
    -L"$out" -llookout_standin -Wl,-rpath,"$out" -pthread -o "$out/selftest"
"$out/selftest" "$@"
