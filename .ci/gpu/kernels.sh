#!/usr/bin/env bash
# The CUDA kernels without a GPU: their numbers on the CPU against the CPU path, every address under
# sanitizers, faults planted that have to be found, and NVIDIA's own compilers. Needs g++ and PyPI.
#
#   .ci/gpu/kernels.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly out=${CARGO_TARGET_DIR:-target}/ci/gpu
readonly kernels=src/engine/tensorrt/kernels standin=gpu/standin
readonly sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=all -g)
export UBSAN_OPTIONS=print_stacktrace=1

build() { # LIBRARY ROOT OPTION...: from the kernels below ROOT
  local library=$1 root=$2
  shift 2
  g++ -std=c++17 -O2 -Wall -Wextra -Werror -ffp-contract=off -fPIC -shared "$@" \
    "$root/$standin/kernels_cpu.cpp" -o "$library"
}

plain() { # LIBRARY
  LOOKOUT_KERNELS_CPU=$1 "$program"
}

sanitized() { # LIBRARY
  LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 plain "$1"
}

planted() { # FILE SED: a copy of the kernels with one thing changed, below $out/planted
  rm -rf "$out/planted"
  mkdir -p "$out/planted/$kernels" "$out/planted/$standin"
  cp "$kernels"/*.cu "$kernels"/*.cuh "$out/planted/$kernels"
  cp "$standin"/*.h "$standin"/*.cpp "$out/planted/$standin"
  sed -i -e "$2" "$out/planted/$kernels/$1"
  if cmp -s "$kernels/$1" "$out/planted/$kernels/$1"; then
    echo "nothing to change in $1: $2" >&2
    return 1
  fi
}

found() { # FILE SED: wrong numbers, which the comparison has to find
  planted "$1" "$2"
  build "$out/planted.so" "$out/planted"
  if plain "$out/planted.so" >"$out/planted.log" 2>&1; then
    echo "not found: $1: $2" >&2
    return 1
  fi
  # A comparison that failed, or the stand-in's own check; not a library that did not load.
  if ! grep -qE '^test result: FAILED|^cuda_on_cpu: ' "$out/planted.log" ||
    grep -q 'cannot load' "$out/planted.log"; then
    echo "failed, but not by a test: $1: $2" >&2
    cat "$out/planted.log" >&2
    return 1
  fi
  echo "found: $1: $2"
}

caught() { # WORDS FILE SED: the numbers stay right, and a sanitizer has to say WORDS
  planted "$2" "$3"
  build "$out/planted.so" "$out/planted"
  plain "$out/planted.so" >"$out/planted.log" 2>&1 || { cat "$out/planted.log" >&2; return 1; }
  build "$out/planted.so" "$out/planted" "${sanitize[@]}"
  if sanitized "$out/planted.so" >"$out/planted.log" 2>&1 || ! grep -qF "$1" "$out/planted.log"; then
    echo "no $1: $2: $3" >&2
    tail -n 40 "$out/planted.log" >&2
    return 1
  fi
  echo "caught: $1: $2: $3"
}

mkdir -p "$out"
program=$(.ci/gpu/cargo.sh test --test gpu_kernels --no-run --message-format json-render-diagnostics |
  python3 .ci/gpu/executable.py gpu_kernels)
readonly program

echo '-- plain'
build "$out/libkernels_cpu.so" .
plain "$out/libkernels_cpu.so"

echo '-- with sanitizers'
build "$out/libkernels_cpu_sanitized.so" . "${sanitize[@]}"
sanitized "$out/libkernels_cpu_sanitized.so"

echo '-- faults planted'
found preprocess.cu 's|+ 128) / 257|) / 257|'
found preprocess.cu 's|height - 2 : y + 1|height - 1 : y + 1|'
found preprocess.cu 's|(sides + 1) / 2|sides / 2|'
found preprocess.cu 's|return 1 << (precision - 1);|return 0;|'
found preprocess.cu 's|x >= input.width|x + 1 >= input.width|'
found judge.cu 's|value > found.value|value >= found.value|'
found judge.cu 's|value <= params.threshold|value < params.threshold|'
found judge.cu 's|!best.finite|false|'
found judge.cu '0,/__syncthreads();/s|__syncthreads();||'
found judge.cu 's|threadIdx.x < gathering) {|& __syncthreads();|'
found judge.cu 's|return p \* |return 1.000001f * p * |'
caught heap-buffer-overflow preprocess.cu \
  's|return {p\[r\], p\[g\], p\[b\]};|(void)*(volatile const u8*)(p + bytes); &|'
caught heap-buffer-overflow preprocess.cu \
  's|int weight = row.weights\[j\];|& (void)*(volatile const short*)(row.weights + row.count);|'
caught heap-buffer-overflow judge.cu \
  's|bool known = value|(void)*(volatile const u8*)(label + pixels); &|'
caught 'signed integer overflow' judge.cu \
  's|u32(__float_as_int(shifted)) << 23|u32(__float_as_int(shifted) * (1 << 23))|'

echo '-- NVIDIA compilers'
.ci/gpu/cuda_wheels.sh
LOOKOUT_KERNEL_SOURCES=$PWD/$out/sources.json "$program" --ignored --exact \
  sources::written_for_the_compile_check
python3 .ci/gpu/nvrtc_check.py "$out/sources.json" .venv-gpu-cuda
