#!/usr/bin/env bash
# NVRTC and ptxas of three CUDA versions, from PyPI, each in a folder of its own: .venv-gpu-cuda/VERSION.
# Does nothing where they are there already. About 760 MB on disk; no GPU and no driver is needed.
#
#   12.6  JetPack 6, and the oldest that the kernels have to compile with
#   12.9  the last CUDA 12; sm_120 needs 12.8 or later
#   13.0  JetPack 7, sm_110
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly root=$PWD/.venv-gpu-cuda

wheels() { # VERSION PACKAGE==VERSION...
  local to=$root/$1
  shift
  if [ "$(cat "$to/made-from.txt" 2>/dev/null)" = "$*" ]; then
    echo "$to: there"
    return
  fi
  rm -rf "$to" # half made, or of other versions
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --only-binary :all: \
    --target "$to" "$@"
  echo "$*" >"$to/made-from.txt"
  echo "$to: made"
}

wheels 12.6 nvidia-cuda-nvrtc-cu12==12.6.85 nvidia-cuda-nvcc-cu12==12.6.85
wheels 12.9 nvidia-cuda-nvrtc-cu12==12.9.86 nvidia-cuda-nvcc-cu12==12.9.86
wheels 13.0 nvidia-cuda-nvrtc==13.0.88 nvidia-cuda-nvcc==13.0.88
