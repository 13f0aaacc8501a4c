#!/usr/bin/env bash
# `lookout-gpu` with NVIDIA's real libraries, on a machine that needs no GPU: TensorRT-RTX builds engines
# from the bundle's graphs, the lean runtime is loaded and left alone.
#
#   .ci/gpu/run_real.sh
#
# The graphs in f16 are lookout's own, which ONNX's checker and ONNX Runtime have to accept first; those in
# int8 are made by graphs.py, or are in the folder that $LOOKOUT_GPU_GRAPHS names, with the others
# (segmentation.fp16.onnx, segmentation.int8.onnx and those of the observer).
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
  .ci/gpu/cargo.sh build --example to_fp16
  to_fp16=${CARGO_TARGET_DIR:-target}/release/examples/to_fp16
  frames=../shared/data/camvid/val/images
  # shellcheck disable=SC2046 # none, or one
  "$python" .ci/gpu/check_precision.py "$to_fp16" $([ ! -d "$frames" ] || echo "$frames")
  for graph in segmentation observer; do
    "$to_fp16" "models/road/$graph.onnx" "$LOOKOUT_GPU_GRAPHS/$graph.fp16.onnx"
  done
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
