#!/usr/bin/env bash
# `lookout node` against the real ROS 2: every check, in a network of its own.
#
#   .ci/ros/run.sh LOOKOUT [jazzy|kilted|cyclone|all] [CHECK]...
#   .ci/ros/run.sh ECHO bench [OPTION]...     # ECHO: examples/ros_echo; see bench_transport.py
#
# `all` without CHECK is what CI runs: everything with Jazzy, a shorter set with Kilted, a smoke test
# with CycloneDDS. LOOKOUT_ORT may name ONNX Runtime's library, which `scores` runs too. Needs what venvs.sh makes; the checks `transport`, `staleness` and `truth` need examples/ros_echo
# and examples/slow_node where cargo puts them, beside LOOKOUT. Logs go to $LOOKOUT_ROS_OUT (else ros/ below target/ci).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
readonly here root

usage() { echo "usage: .ci/ros/run.sh LOOKOUT [jazzy|kilted|cyclone|all] [CHECK]..." >&2; exit 2; }
[ $# -ge 1 ] || usage
lookout=$(realpath "$1")
which=${2:-all}
shift $(($# < 2 ? $# : 2))
[ -x "$lookout" ] || { echo "$lookout: no program" >&2; exit 2; }

# A private network with plain loopback, so that no other ROS on this machine or its network takes
# part, and private shared memory, where FastDDS keeps its ports. Ordinary users get both in a user
# namespace. Socket limits (net.core.rmem_max) belong to the host and are left as they are.
if [ "${LOOKOUT_ROS_INSIDE:-}" != yes ]; then
  private=(unshare --net --mount)
  if [ "$(id -u)" -ne 0 ]; then private=(unshare --user --map-root-user --net --mount); fi
  if ! "${private[@]}" true; then
    echo "cannot make a private network: the checks would see, and disturb, other ROS nodes" >&2
    exit 2
  fi
  # shellcheck disable=SC2016 # expanded inside
  LOOKOUT_ROS_INSIDE=yes exec "${private[@]}" bash -c '
    set -e
    ip link set lo up
    mount -t tmpfs -o size=512m tmpfs /dev/shm
    exec "$@"' _ "$0" "$lookout" "$which" "$@"
fi

readonly prefix=${LOOKOUT_ROS_VENVS:-$root/.venv-ros-}
readonly out=${LOOKOUT_ROS_OUT:-${CARGO_TARGET_DIR:-$root/target}/ci/ros}
mkdir -p "$out"

# Peers with the default socket buffers lose pictures; see the profile.
profile=${LOOKOUT_FASTDDS_PROFILE:-$root/launch/fastdds_profile.xml}
[ -f "$profile" ] || { echo "$profile: not there" >&2; exit 2; }
unset FASTRTPS_DEFAULT_PROFILES_FILE FASTDDS_DEFAULT_PROFILES_FILE
unset ROS_DOMAIN_ID ROS_LOCALHOST_ONLY ROS_AUTOMATIC_DISCOVERY_RANGE RMW_IMPLEMENTATION
export ROS_LOG_DIR=$out/rclpy PYTHONDONTWRITEBYTECODE=1

summary='' failed=0
run() { # DISTRIBUTION CHECK
  local log=$out/$1-$2.log python=$prefix$1/bin/python began=$SECONDS code=0 result=ok
  local fastdds=FASTDDS_DEFAULT_PROFILES_FILE
  if [ "$1" = jazzy ]; then fastdds=FASTRTPS_DEFAULT_PROFILES_FILE; fi # the name it had then
  printf '\n==== %s, %s\n' "$2" "$1"
  : >"$log"
  if [ ! -x "$python" ]; then
    echo "$python: not there; .ci/ros/venvs.sh makes it" | tee -a "$log"
    code=1
  else
    timeout --kill-after=10 300 env "$fastdds=$profile" "$python" "$here/check_$2.py" "$lookout" 2>>"$log" || code=$?
  fi
  if [ "$code" -ne 0 ]; then
    result=FAILED
    failed=$((failed + 1))
    if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then echo "  not done after 300 s"; fi
    echo "  the log, $log, ends:"
    grep -v ' rustdds::' "$log" | tail -n 25 | cut -c 1-240 | sed 's/^/  | /'
  fi
  summary+=$(printf '%5d s  %-6s  %s, %s' $((SECONDS - began)) "$result" "$2" "$1")$'\n'
}

if [ "$which" = bench ]; then # not a check: its figures are for people
  export FASTRTPS_DEFAULT_PROFILES_FILE=$profile
  exec "${prefix}jazzy/bin/python" "$here/bench_transport.py" "$lookout" "$@" 2>"$out/bench.log"
fi

readonly every=(
  graph lifecycle flag truth interrupted throughput large staleness road encodings scores garbage clock replay
  transport
)
readonly short=(graph lifecycle flag throughput)
case $which in
  jazzy | kilted) checks=("$@"); for check in "${checks[@]:-${every[@]}}"; do run "$which" "$check"; done ;;
  cyclone) run cyclone cyclone ;;
  all)
    if [ $# -gt 0 ]; then usage; fi
    for check in "${every[@]}"; do run jazzy "$check"; done
    for check in "${short[@]}"; do run kilted "$check"; done
    run cyclone cyclone
    ;;
  *) usage ;;
esac

printf '\n%s' "$summary"
if [ "$failed" -ne 0 ]; then
  printf 'FAILED: %d of the checks, %d s\n' "$failed" "$SECONDS"
  exit 1
fi
printf 'all of it held, %d s\n' "$SECONDS"
