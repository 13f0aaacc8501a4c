#!/usr/bin/env bash
# scripts/verify-on-gpu.sh without a GPU: it says what is missing and ends with 1; with programs that only
# pretend, it takes every step, packs one report, and a step that fails makes it fail.
#
#   .ci/gpu/verify_script.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
readonly scratch script=scripts/verify-on-gpu.sh
unset TENSORRT_INCLUDE_DIR CUDA_INCLUDE_DIR LOOKOUT_TENSORRT_LIB LOOKOUT_NVRTC_LIB CARGO_TARGET_DIR

wrong() {
  echo "$1" >&2
  tail -n 30 "$scratch/log" >&2
  exit 1
}
ends() { # CODE COMMAND...
  local code=0 expected=$1
  shift
  "$@" >"$scratch/log" 2>&1 || code=$?
  [ "$code" -eq "$expected" ] || wrong "$*: ended with $code, not $expected"
}
says() { grep -qF -- "$1" "$scratch/log" || wrong "it does not say: $1"; }

bash -n "$script"
ends 0 "$script" --help
says 'lookout-gpu-report-HOST-DATE.tar.gz'
for arguments in --precision '--precision fp8' '--precision int8' '--qdq graphs' --frob '--pictures nowhere'; do
  # shellcheck disable=SC2086 # several words
  ends 2 "$script" $arguments
done
ends 0 "$script" --dry-run --camera 1920x1080
says 'LOOKOUT_TEST_ENGINE=tensorrt'
says 'engine build --engine-cache'
says '--precision fp16 --camera 1920x1080'

# A copy, so that nothing is written into this checkout, and programs that pretend.
mkdir -p "$scratch/repo/scripts" "$scratch/bin" "$scratch/lib" "$scratch/include" "$scratch/here"
cp "$script" "$scratch/repo/scripts"
cat >"$scratch/bin/lookout" <<'STUB'
#!/bin/sh
echo "lookout $*, engines in $LOOKOUT_ENGINE_CACHE"
case " $PRETEND_FAILURE " in *" $1 "*) exit 1 ;; esac
while [ $# -gt 0 ]; do
  if [ "$1" = --out ]; then
    mkdir -p "$2"
    echo '{}' >"$2/profile.json"
    printf 'frame,stamp_ns,mode,anomalous_pixels,corridor_pixels,score_max,state\n0,0,full,7,0,0.5,OK\n' >"$2/frames.csv"
  fi
  shift
done
STUB
cat >"$scratch/bin/cargo" <<'STUB'
#!/bin/sh
echo "cargo $*"
case " $PRETEND_FAILURE " in *" $1 "*) exit 1 ;; esac
mkdir -p target/release/examples
cp "$(dirname "$0")/lookout" target/release/lookout
cp "$(dirname "$0")/lookout" target/release/examples/compare_scores
STUB
printf '#!/bin/sh\necho "GPU 0: pretended"\n' >"$scratch/bin/nvidia-smi"
chmod +x "$scratch"/bin/*
touch "$scratch"/include/{NvInfer.h,NvOnnxParser.h,cuda_runtime_api.h}
touch "$scratch"/lib/{libcuda.so.1,libnvinfer.so.10,libnvonnxparser.so.10,libnvrtc.so.12}
pretended() ( # in a folder of its own
  cd "$scratch/here"
  PATH=$scratch/bin:$PATH TENSORRT_INCLUDE_DIR=$scratch/include CUDA_INCLUDE_DIR=$scratch/include \
    LD_LIBRARY_PATH=${libraries-$scratch/lib} PRETEND_FAILURE=${failing:-} "$scratch/repo/$script" "$@"
)
report() { # the file names in the one report there is, which goes
  local reports=("$scratch"/here/lookout-gpu-report-*.tar.gz)
  [ ${#reports[@]} -eq 1 ] && [ -e "${reports[0]}" ] || wrong 'not one report'
  tar -tzf "${reports[0]}" >"$scratch/log"
  tar -xzOf "${reports[0]}" ./summary.txt >>"$scratch/log"
  rm "${reports[0]}"
}

libraries='' ends 1 pretended
if ! ldconfig -p 2>/dev/null | grep -F libcuda.so.1 >/dev/null; then
  says 'the driver library libcuda.so.1'
  says 'nothing was built'
fi
for _ in 1 2; do # a second time in the same place
  ends 0 pretended
  says '1 frames; anomalous pixels 0.00 apart on average, at most 0; another state in 0 frames'
  report
  for file in machine.log conformance.log compare-fp32.log compare-fp16.log profile-rten/profile.json \
    drive-fp16/frames.csv; do
    says "./$file"
  done
done
failing='test' ends 1 pretended
report
says 'FAILED  conformance'
says 'ok      profile-fp16'
failing='engine' ends 1 pretended # what comes after it makes no sense then
report
says 'FAILED  engine-info'
if grep -qF conformance "$scratch/log"; then wrong 'it went on'; fi
echo 'verify-on-gpu.sh: as far as it goes without a GPU, all of it held'
