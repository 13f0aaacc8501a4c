#!/usr/bin/env bash
# `lookout-gpu` with NVIDIA's real libraries, on a machine that needs no GPU: TensorRT-RTX builds engines
# from the bundle's graphs, the lean runtime is loaded and left alone.
#
#   .ci/gpu/run_real.sh
#
# $LOOKOUT_GPU_GRAPHS names a folder with segmentation.fp16.onnx, segmentation.int8.onnx and those of the
# observer; without it graphs.py makes them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
readonly here root
cd "$root"

wheels=$("$here/wheels.sh")
eval "$wheels"
: "${rtx:?}" "${lean:?}" "${python:?}"

if [ -z "${LOOKOUT_GPU_GRAPHS:-}" ]; then
  LOOKOUT_GPU_GRAPHS=${CARGO_TARGET_DIR:-$root/target}/ci/gpu/graphs
  "$python" "$here/graphs.py" models/road "$LOOKOUT_GPU_GRAPHS"
fi
export LOOKOUT_GPU_GRAPHS

with() { # HEADERS LIBRARY OTHER-LIBRARY CARGO-TEST-ARGUMENTS...
  local headers library=$2 other=$3
  headers=$(scripts/tensorrt-headers.sh "$1")
  shift 3
  # One test at a time, so that seconds and bytes are of one build each.
  TENSORRT_INCLUDE_DIR=$headers LOOKOUT_TENSORRT_LIB=$library LOOKOUT_GPU_OTHER_LIB=$other \
    cargo test --locked --package lookout-gpu "$@" --nocapture --test-threads=1
}
with rtx-1.7 "$rtx" "$lean/libnvinfer_lean.so.11" --lib --test rtx -- --include-ignored
with 11.4 "$lean/libnvinfer_lean.so.11" "$rtx/libtensorrt_rtx.so.1" --test lean -- --include-ignored
echo "the real libraries: all of it held"
