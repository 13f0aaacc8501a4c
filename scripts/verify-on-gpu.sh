#!/usr/bin/env bash
# Builds lookout with TensorRT on a Jetson or a computer with an NVIDIA GPU, checks it there against the CPU,
# measures it, and packs all of it into one file here: lookout-gpu-report-HOST-DATE.tar.gz, to attach to a report.
#
#   scripts/verify-on-gpu.sh [--precision fp32|fp16|int8] [--qdq DIR | --calibration FILE]
#                            [--camera WxH]... [--pictures DIR] [--work DIR] [--dry-run]
#
#   --precision   beside fp32, which is always tried; fp16 without it
#   --qdq         folder with the bundle's graphs with Q and DQ nodes, for int8
#   --calibration calibration cache of TensorRT, for int8
#   --camera      size of a camera to build for; 1280x720 and 640x480 without it
#   --pictures    folder with pictures (JPEG, PNG, WebP) to compare on; 24 rendered ones without it
#   --work        where results and engines go; target/verify-on-gpu without it
#   --dry-run     only print what would be run
#
# Needs: Rust, a C++ compiler, the NVIDIA driver, TensorRT with its headers and ONNX parser, NVRTC. No root.
# The report names this machine, its packages and the pictures' file names; it has no picture in it. Engines
# are kept in the work folder and used again; your own in ~/.cache/lookout are not touched.
# Exit codes: 0 all of it held, 1 something is missing or failed, 2 usage.
set -euo pipefail
readonly caller=$PWD # what the options name is seen from there
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null
export CARGO_TERM_PROGRESS_WHEN=never CARGO_TERM_COLOR=never LC_ALL=C

# Of all classes and of all mask pixels, in per cent. f16 changes 0.03 % of the classes (docs/gpu.md).
readonly most_differing=1

usage() { sed -n '2,/^set -euo/{/^#/{s/^# \{0,1\}//;p;}}' "scripts/${BASH_SOURCE[0]##*/}"; }
wrong() {
  echo "$0: $1; --help says how" >&2
  exit 2
}

from_caller() { # PATH
  case $1 in /*) echo "$1" ;; *) echo "$caller/$1" ;; esac
}

target=${CARGO_TARGET_DIR:-$PWD/target}
precision=fp16 work=$target/verify-on-gpu pictures='' dry_run='' scales=() cameras=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --dry-run) dry_run=yes ;;
    --precision | --qdq | --calibration | --camera | --pictures | --work)
      [ $# -ge 2 ] || wrong "$1 wants a value"
      case $1 in
        --precision) precision=$2 ;;
        --qdq | --calibration) scales+=("$1" "$(from_caller "$2")") ;;
        --camera) cameras+=(--camera "$2") ;;
        --pictures) pictures=$(from_caller "$2") ;;
        --work) work=$(from_caller "$2") ;;
      esac
      shift
      ;;
    *) wrong "$1 is unknown" ;;
  esac
  shift
done
case $precision in
  fp32 | fp16) [ ${#scales[@]} -eq 0 ] || wrong "scales are for int8" ;;
  int8) [ ${#scales[@]} -eq 2 ] || wrong "int8 needs --qdq or --calibration" ;;
  *) wrong "precision $precision is not fp32, fp16 or int8" ;;
esac
if [ -n "$pictures" ] && [ ! -d "$pictures" ]; then wrong "$pictures is no folder"; fi
precisions=(fp32)
[ "$precision" = fp32 ] || precisions+=("$precision")

readonly target precision work dry_run precisions
readonly results=$work/results lookout=$target/release/lookout

# ---- what has to be there

libraries() { # the names of all that the loader finds
  local folder folders
  PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | awk '/=>/ { print $1 }' || true
  IFS=: read -ra folders <<<"${LD_LIBRARY_PATH:-}"
  for folder in ${folders[@]+"${folders[@]}"}; do
    if [ -d "$folder" ]; then (cd "$folder" && printf '%s\n' *); fi
  done
}

library() { # PATTERN
  grep -qxE "$1" <<<"$found"
}

header() { # FILE VARIABLE FOLDER...: in the folder that the variable names, else in one of the others
  local file=$1 named=${!2:-} folder
  shift 2
  if [ -n "$named" ]; then
    [ -f "$named/$file" ]
    return
  fi
  for folder in "$@"; do
    if [ -f "$folder/$file" ]; then return; fi
  done
  return 1
}

problems=0
missing() { # WHAT WHAT-TO-DO
  printf 'missing: %s\n         %s\n' "$1" "$2" >&2
  problems=$((problems + 1))
}

look() { # says all that is missing, not only the first
  local arch tensorrt_places cuda_places jetson=''
  arch=$(uname -m)-linux-gnu
  # those of gpu/build.rs
  tensorrt_places=("/usr/include/$arch" /usr/include /usr/local/tensorrt/include /usr/local/TensorRT/include
    /opt/tensorrt/include /usr/local/cuda/include /usr/local/include)
  cuda_places=("${CUDA_HOME:-/usr/local/cuda}/include" "${CUDA_PATH:-/usr/local/cuda}/include"
    "${TENSORRT_INCLUDE_DIR:-/usr/include}" "${TENSORRT_INCLUDE_DIR:-/usr/include}/.." /usr/local/cuda/include
    "/usr/local/cuda/targets/$(uname -m)-linux/include" "/usr/include/$arch" /opt/cuda/include /usr/include)
  found=$(libraries)
  if [ -e /etc/nv_tegra_release ] || grep -qsi jetson /proc/device-tree/model; then jetson=yes; fi

  command -v cargo >/dev/null || missing 'Rust' 'https://rustup.rs'
  command -v "${CXX:-c++}" >/dev/null || missing 'a C++ compiler' 'apt install g++'
  # a Jetson may have no nvidia-smi
  if [ -z "$jetson" ] && [[ $(nvidia-smi -L 2>/dev/null) != GPU* ]]; then
    missing 'an NVIDIA GPU: no /etc/nv_tegra_release, and nvidia-smi names none' \
      'This check is for a Jetson or a computer with an NVIDIA GPU and its driver; without one there is nothing to check.'
  fi
  library 'libcuda\.so\.1' ||
    missing 'the driver library libcuda.so.1' 'It comes with the driver; in a container, pass the GPU in (--runtime nvidia, --gpus all).'
  header NvInfer.h TENSORRT_INCLUDE_DIR "${tensorrt_places[@]}" ||
    missing "TensorRT's headers (NvInfer.h${TENSORRT_INCLUDE_DIR:+ in $TENSORRT_INCLUDE_DIR})" \
      'Jetson: apt install nvidia-jetpack, or tensorrt libnvinfer-dev. Else libnvinfer-dev of the same version as the library, from the apt repository of NVIDIA; or set TENSORRT_INCLUDE_DIR.'
  header NvOnnxParser.h TENSORRT_INCLUDE_DIR "${tensorrt_places[@]}" ||
    missing "the headers of TensorRT's ONNX parser (NvOnnxParser.h)" 'apt install libnvonnxparsers-dev'
  header cuda_runtime_api.h CUDA_INCLUDE_DIR "${cuda_places[@]}" ||
    missing 'the headers of CUDA (cuda_runtime_api.h)' \
      'apt install cuda-cudart-dev-12-6, or that of your version; or set CUDA_INCLUDE_DIR.'
  if [ -z "${LOOKOUT_TENSORRT_LIB:-}" ]; then
    library 'libnvinfer\.so\.1[01]' || library 'libtensorrt_rtx\.so\.1' ||
      missing 'the TensorRT library (libnvinfer.so.10 or .11, or libtensorrt_rtx.so.1)' \
        'apt install libnvinfer10; for an unpacked archive set LOOKOUT_TENSORRT_LIB to its lib folder.'
    library 'libnvonnxparser\.so\.1[01]' || library 'libtensorrt_onnxparser_rtx\.so\.1' ||
      missing "TensorRT's ONNX parser (libnvonnxparser.so.10 or .11)" 'apt install libnvonnxparsers10'
  elif [ ! -e "$LOOKOUT_TENSORRT_LIB" ]; then
    missing "$LOOKOUT_TENSORRT_LIB" 'LOOKOUT_TENSORRT_LIB names the library or its folder.'
  fi
  if [ -z "${LOOKOUT_NVRTC_LIB:-}" ]; then
    library 'libnvrtc\.so(\.11\.2|\.12|\.13)?' ||
      missing 'NVRTC (libnvrtc.so)' \
        'apt install cuda-nvrtc-12-6, or that of your version; where it is in /usr/local/cuda/lib64, set LD_LIBRARY_PATH or LOOKOUT_NVRTC_LIB.'
  elif [ ! -e "$LOOKOUT_NVRTC_LIB" ]; then
    missing "$LOOKOUT_NVRTC_LIB" 'LOOKOUT_NVRTC_LIB names the library.'
  fi
  if [ "$problems" -gt 0 ]; then
    echo "cannot begin: $problems missing, nothing was built" >&2
    exit 1
  fi
}

# ---- steps

summary=() failed=0
step() { # NAME COMMAND...: what it says goes to NAME.log
  local name=$1 began=$SECONDS
  shift
  if [ -n "$dry_run" ]; then
    printf '%-18s' "$name:"
    printf ' %q' "$@"
    echo
    return
  fi
  printf '%s ...' "$name"
  if "$@" >"$results/$name.log" 2>&1; then
    summary+=("$(printf '%5d s  ok      %s' $((SECONDS - began)) "$name")")
    echo " $((SECONDS - began)) s"
  else
    summary+=("$(printf '%5d s  FAILED  %s' $((SECONDS - began)) "$name")")
    failed=$((failed + 1))
    echo ' FAILED'
    tail -n 15 "$results/$name.log" | sed 's/^/    /' >&2
    return 1
  fi
}

show() { # NAME: what the step said, for people
  if [ -n "$dry_run" ]; then return; fi
  printf '\n-- %s\n' "$1"
  if [ -e "$results/$1.log" ]; then grep -v '^\[' "$results/$1.log" || true; fi
}

told() { # COMMAND...: what it says, or that it cannot be asked
  printf '\n$ %s\n' "$*"
  if command -v "$1" >/dev/null; then "$@" 2>&1 || echo "(exit code $?)"; else echo '(not there)'; fi
}

machine() { # nothing in here may fail
  told date -u
  told uname -a
  told cat /etc/os-release
  told cat /etc/nv_tegra_release
  told sh -c "tr -d '\\0' </proc/device-tree/model"
  told nvidia-smi
  told nvpmodel -q
  told jetson_clocks --show # wants root on most: then it says so
  told lscpu
  told free -m
  told sh -c 'dpkg -l | grep -E "nvinfer|nvonnx|tensorrt|cuda-nvrtc|cuda-cudart|libcudnn|l4t-core|nvidia-driver"'
  told sh -c "env | grep -E '^(CUDA|LOOKOUT|TENSORRT|LD_LIBRARY)'"
  told rustc --version --verbose
  told c++ --version
  told git log -1 --format='%H %cI'
  told git status --short
}

same_drive() { # FRAMES.CSV FRAMES.CSV: told, not judged: one pixel at the threshold may change a state
  awk -F, '
    FNR == 1 { next }
    NR == FNR { pixels[$1] = $4; state[$1] = $7; all++; next }
    !($1 in pixels) { next }
    {
      both++
      apart = $4 - pixels[$1]; if (apart < 0) apart = -apart
      sum += apart; if (apart > most) most = apart
      if ($7 != state[$1]) states++
    }
    END {
      printf "%d frames; anomalous pixels %.2f apart on average, at most %d; another state in %d frames\n",
        both, both ? sum / both : 0, most, states
      exit !(all > 0 && both == all)
    }' "$1" "$2"
}

finish() {
  if [ -n "$dry_run" ]; then exit 0; fi
  local host report
  printf '%s\n' "${summary[@]}" >"$results/summary.txt"
  printf '\n'
  cat "$results/summary.txt"
  host=$(uname -n | tr -c 'A-Za-z0-9.\n-' _)
  report=$caller/lookout-gpu-report-$host-$(date -u +%Y%m%dT%H%M%SZ).tar.gz
  # drives, traces and pictures stay here: they are large, and pictures may be private
  (cd "$results" && find . -name '*.log' -o -name summary.txt -o -name profile.json -o -name frames.csv) |
    tar -C "$results" -czf "$report" -T -
  echo "report: $report"
  if [ "$failed" -gt 0 ]; then
    echo "$failed of ${#summary[@]} steps failed"
    exit 1
  fi
  echo 'all of it held'
  exit 0
}

# ---- the way

if [ -z "$dry_run" ]; then
  look
  rm -rf "$results"
  mkdir -p "$results"
fi
step machine machine || true
step build cargo build --locked --release --features tensorrt --bin lookout --example compare_scores || finish
step engine-info "$lookout" engine info || finish
for p in "${precisions[@]}"; do
  of_p=()
  if [ "$p" = int8 ]; then of_p=("${scales[@]}"); fi
  step "engine-build-$p" "$lookout" engine build --engine-cache "$work/engines-$p" --precision "$p" \
    ${of_p[@]+"${of_p[@]}"} ${cameras[@]+"${cameras[@]}"} || finish
  step "engine-info-$p" "$lookout" engine info --engine-cache "$work/engines-$p" || true
done

# The suite of every engine. It holds logits to 0.001, so it is for fp32.
step conformance env LOOKOUT_TEST_ENGINE=tensorrt LOOKOUT_ENGINE_CACHE="$work/engines-fp32" \
  cargo test --locked --release --features tensorrt --test conformance || true

if [ -z "$pictures" ]; then
  pictures=$work/pictures
  step pictures cargo run --locked --release -p lookout-scene --example pictures -- "$pictures" || finish
fi
step score-rten "$lookout" score "$pictures" --engine rten --force --out "$results/score-rten" || finish
step drive-rten "$lookout" demo --engine rten --force --out "$results/drive-rten" || true
step profile-rten "$lookout" profile --synthetic --engine rten --force --out "$results/profile-rten" || true
for p in "${precisions[@]}"; do
  limit=("$most_differing")
  if [ "$p" = int8 ]; then limit=(); fi # what int8 may cost is a matter of its scales
  with=(env LOOKOUT_ENGINE_CACHE="$work/engines-$p" "$lookout")
  on=(--engine tensorrt --force --out)
  step "score-$p" "${with[@]}" score "$pictures" "${on[@]}" "$results/score-$p" &&
    step "compare-$p" "$target/release/examples/compare_scores" "$results/score-rten" "$results/score-$p" \
      ${limit[@]+"${limit[@]}"} || true
  step "drive-$p" "${with[@]}" demo "${on[@]}" "$results/drive-$p" &&
    step "same-drive-$p" same_drive "$results/drive-rten/frames.csv" "$results/drive-$p/frames.csv" || true
  step "profile-$p" "${with[@]}" profile --synthetic "${on[@]}" "$results/profile-$p" || true
done

show engine-info
for p in "${precisions[@]}"; do
  show "compare-$p"
  show "same-drive-$p"
done
for p in rten "${precisions[@]}"; do show "profile-$p"; done
finish
