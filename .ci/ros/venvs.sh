#!/usr/bin/env bash
# Makes the Python environments that the ROS checks run in: real rclpy (Jazzy, Kilted) and CycloneDDS,
# all from PyPI. Does nothing where they are there already with the versions wanted.
#
#   .ci/ros/venvs.sh [--prefix PREFIX] [jazzy|kilted|cyclone]...
#
# An environment is PREFIX and its name; the prefix is `.venv-ros-` in the repository's root without
# the option (or $LOOKOUT_ROS_VENVS).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here

prefix=${LOOKOUT_ROS_VENVS:-$(dirname "$(dirname "$here")")/.venv-ros-}
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=${2:?--prefix needs a value}; shift ;;
    jazzy | kilted | cyclone) names+=("$1") ;;
    *) echo "usage: .ci/ros/venvs.sh [--prefix PREFIX] [jazzy|kilted|cyclone]..." >&2; exit 2 ;;
  esac
  shift
done
if [ ${#names[@]} -eq 0 ]; then names=(jazzy kilted cyclone); fi

for name in "${names[@]}"; do
  venv=$prefix$name
  wanted=$here/requirements-$name.txt
  if cmp -s "$wanted" "$venv/made-from.txt"; then
    echo "$venv: there"
    continue
  fi
  began=$SECONDS
  rm -rf "$venv" # an environment that is half made, or of other versions
  # The wheels of rclpy are for this Python alone.
  python3.11 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
  cp "$wanted" "$venv/made-from.txt"
  echo "$venv: made in $((SECONDS - began)) s"
done
