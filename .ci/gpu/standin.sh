#!/usr/bin/env bash
# The GPU code of lookout on a software stand-in for CUDA and TensorRT: no GPU, no NVIDIA software.
#
#   .ci/gpu/standin.sh             self tests of the stand-in, then the engine's tests on it
#   .ci/gpu/standin.sh --sanitize  the engine's tests on a stand-in with ASan and UBSan besides
#
# Needs g++, awk and Rust.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target=${CARGO_TARGET_DIR:-target}
out=$(realpath -m "$target/standin")
TENSORRT_INCLUDE_DIR=$(scripts/tensorrt-headers.sh 11.4)
export TENSORRT_INCLUDE_DIR

engine_tests() { # FOLDER [NAME=VALUE...]
  local folder=$1
  shift
  cargo test --release --locked --features tensorrt --test gpu --no-run
  env LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@" \
    cargo test --release --locked --features tensorrt --test gpu
}

gpu/standin/test.sh
gpu/standin/build.sh "$out/plain"
engine_tests "$out/plain"
if [ "${1:-}" = --sanitize ]; then
  gpu/standin/build.sh "$out/sanitized" --sanitize
  # A leak is the stand-in's to find: it knows what was allocated on the device.
  engine_tests "$out/sanitized" "LD_PRELOAD=$(g++ -print-file-name=libasan.so)" \
    ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
fi
echo 'the stand-in: all of it held'
