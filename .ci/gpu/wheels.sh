#!/usr/bin/env bash
# Fetches NVIDIA's libraries from PyPI into a Python environment, and says where they are. Does nothing
# but say so where they are there already with the versions wanted.
#
#   .ci/gpu/wheels.sh
#
# The environment is `.venv-gpu` in the repository's root, or $LOOKOUT_GPU_VENV. What comes out on stdout
# is one NAME=FOLDER a line, fit for `eval`; `python` is the interpreter.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly venv=${LOOKOUT_GPU_VENV:-$(dirname "$(dirname "$here")")/.venv-gpu}
readonly wanted=$here/requirements.txt

if ! cmp -s "$wanted" "$venv/made-from.txt"; then
  began=$SECONDS
  rm -rf "$venv" # an environment that is half made, or of other versions
  python3.11 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$wanted"
  cp "$wanted" "$venv/made-from.txt"
  echo "$venv: made in $((SECONDS - began)) s" >&2
fi

packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
folder() { # NAME FILE-PATTERN: the folder with that file
  local found
  found=$(find "$packages" -path "*$2" | sort | head -n 1)
  if [ -z "$found" ]; then
    echo "$venv has no $2" >&2
    exit 1
  fi
  printf '%s=%q\n' "$1" "$(dirname "$found")"
}
folder rtx /libtensorrt_rtx.so.1
folder lean /libnvinfer_lean.so.11
folder nvrtc12 /libnvrtc.so.12
folder nvrtc13 /libnvrtc.so.13
folder ptxas12 /bin/ptxas
printf 'python=%q\n' "$venv/bin/python"
