#!/usr/bin/env bash
# The GPU code of lookout on a software stand-in for CUDA and TensorRT: no GPU, no NVIDIA software.
#
#   .ci/gpu/standin.sh             self tests of the stand-in, then the engine's tests on it
#   .ci/gpu/standin.sh --sanitize  the engine's tests on a stand-in with ASan and UBSan besides
#
# Needs g++, awk and Rust.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=$(realpath -m "${CARGO_TARGET_DIR:-target}/standin")

engine_tests() { # FOLDER ARGUMENT...
  local folder=$1
  shift
  LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$program" "$@"
}

STANDIN_TEST_DIR=$out gpu/standin/test.sh
STANDIN_TEST_DIR=$out gpu/standin/test.sh --cargo
gpu/standin/build.sh "$out/plain"
program=$(.ci/gpu/cargo.sh test --test gpu --no-run --message-format json-render-diagnostics |
  python3 .ci/gpu/executable.py gpu)
readonly program
engine_tests "$out/plain"
if [ "${1:-}" = --sanitize ]; then
  gpu/standin/build.sh "$out/sanitized" --sanitize
  # A leak is the stand-in's to find: it knows what was allocated on the device. The failing calls, one
  # after the other, take minutes there.
  LD_PRELOAD=$(g++ -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 \
    engine_tests "$out/sanitized" --skip whichever_call_fails
fi
echo 'the stand-in: all of it held'
