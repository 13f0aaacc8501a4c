#!/usr/bin/env bash
# The TensorRT shim compiles against every version that there are headers for, without a warning, and
# wants no symbol of TensorRT; the crate builds and passes clippy and its tests with two of them.
#
#   .ci/gpu/shim.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
readonly here root
readonly out=${CARGO_TARGET_DIR:-$root/target}/ci/gpu/shim
mkdir -p "$out"
cd "$root"

alone() { # NAME TENSORRT-HEADERS CUDA-HEADERS
  local source
  for source in build run; do
    g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -O2 -fPIC -isystem "$2" -isystem "$3" \
      -c "gpu/shim/$source.cpp" -o "$out/$source.o"
  done
  # C++ spells nvinfer1 and nvonnxparser out in every symbol; the factories have these names in C.
  if nm --undefined-only "$out/build.o" "$out/run.o" |
    grep -E 'nvinfer1|nvonnxparser|createInfer|createNvOnnx|getInferLib'; then
    echo "$1: the shim wants these from TensorRT when it is linked" >&2
    exit 1
  fi
  echo "shim alone, $1: fine"
}

# The interface is C, whatever is behind it.
gcc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c gpu/shim/lookout_trt.h
echo "its header as C: fine"

for version in 11.4 rtx-1.3 rtx-1.4 rtx-1.5 rtx-1.6 rtx-1.7; do
  headers=$(scripts/tensorrt-headers.sh "$version")
  alone "$version" "$headers" "$(dirname "$headers")"
done
headers=$(scripts/tensorrt-headers.sh 11.4)
python3 "$here/headers_ten.py" "$headers" "$out/ten"
alone "10, put together from 11.4" "$out/ten" "$(dirname "$headers")"

for version in 11.4 rtx-1.7; do
  TENSORRT_INCLUDE_DIR=$(scripts/tensorrt-headers.sh "$version")
  export TENSORRT_INCLUDE_DIR
  cargo clippy --locked --package lookout-gpu --all-targets -- -D warnings
  cargo test --locked --package lookout-gpu
  echo "crate, $version: fine"
done
# The half that still chooses precisions itself.
TENSORRT_INCLUDE_DIR=$out/ten CUDA_INCLUDE_DIR=$(dirname "$headers") \
  cargo test --locked --package lookout-gpu --lib
echo "crate, 10, put together from 11.4: fine"

# Without headers the message says what to do. Machines that have them in the usual places skip this.
if [ ! -e /usr/include/NvInfer.h ] && [ ! -e "/usr/include/$(uname -m)-linux-gnu/NvInfer.h" ]; then
  unset TENSORRT_INCLUDE_DIR
  if cargo check --locked --package lookout-gpu >"$out/no-headers.txt" 2>&1; then
    echo "no headers, and it was built" >&2
    exit 1
  fi
  grep -q 'TENSORRT_INCLUDE_DIR' "$out/no-headers.txt"
  grep -q 'scripts/tensorrt-headers.sh' "$out/no-headers.txt"
  echo "no headers: the message says what to set"
fi
echo "the shim: all of it held"
