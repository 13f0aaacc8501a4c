#!/usr/bin/env bash
# `colcon build` makes an install tree in which `ros2 run lookout lookout node` and `ros2 launch
# lookout lookout.launch.py` find what they look for. The tools come from PyPI (.venv-colcon).
# Cargo's own target folder is used, so nothing is compiled twice.
#
#     .ci/ros/colcon.sh [FOLDER]     FOLDER: where build and install go; default target/colcon
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly root=$PWD
readonly venv=$root/.venv-colcon
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(realpath "$target")
readonly target
work=${1:-$target/colcon}
mkdir -p "$work"
work=$(realpath "$work")
readonly work install=$work/install
export PATH=$venv/bin:$PATH # cargo looks for cargo-ament-build there

fail() { # MESSAGE
  echo "colcon.sh: $1" >&2
  exit 1
}

tools() {
  if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
  fi
  "$venv/bin/pip" install --quiet --disable-pip-version-check \
    --requirement .ci/ros/requirements-colcon.txt
}

build() {
  # colcon gives cargo the target folder build/lookout, and cargo takes that option only once.
  rm -rf "$work/build" "$install"
  mkdir -p "$work/build"
  ln -s "$target" "$work/build/lookout"
  # Not from the repository: colcon-ros-cargo writes .cargo/config.toml where it is started.
  cd "$work"
  unset CARGO_TARGET_DIR
  # Its standard output is the metadata of the whole workspace.
  if ! "$venv/bin/colcon" --log-base log build --base-paths "$root" \
    --cargo-args --release --locked >build.log 2>&1; then
    cut -c 1-300 build.log | tail -n 40
    fail 'colcon build'
  fi
  cd "$root"
}

# What `colcon list` finds: this package, and none of the crates beside it.
packages() {
  local found
  found=$("$venv/bin/colcon" --log-base "$work/log" list --base-paths "$root" --names-only)
  if [ "$found" != lookout ]; then
    fail "colcon finds these packages in place of lookout alone: $found"
  fi
}

tree() {
  local file
  for file in lib/lookout/lookout \
    share/ament_index/resource_index/packages/lookout share/lookout/package.xml \
    share/lookout/launch/lookout.launch.{py,xml,yaml} \
    share/lookout/launch/replay_with_rviz.launch.py share/lookout/launch/fastdds_profile.xml \
    share/lookout/rviz/lookout.rviz share/lookout/foxglove/lookout.json; do
    if [ ! -f "$install/lookout/$file" ]; then
      fail "not installed: $file"
    fi
  done
  if [ -f launch/config/lookout.param.yaml ]; then
    cmp launch/config/lookout.param.yaml "$install/lookout/share/lookout/config/lookout.param.yaml"
  else
    echo '     launch/config/lookout.param.yaml is not there yet'
  fi
}

# What `ros2 run` does: it asks the index for the prefix, and runs lib/PACKAGE/EXECUTABLE.
found() {
  (
    set +u
    # shellcheck source=/dev/null
    . "$install/setup.sh"
    "$venv/bin/python" - <<'PYTHON'
import os
import subprocess
from ament_index_python import get_package_prefix, get_package_share_directory
program = os.path.join(get_package_prefix('lookout'), 'lib', 'lookout', 'lookout')
assert os.access(program, os.X_OK), program
version = subprocess.run([program, '--version'], check=True, capture_output=True, text=True).stdout
share = get_package_share_directory('lookout')
assert os.path.isfile(os.path.join(share, 'launch', 'lookout.launch.py')), share
print('     by the index:', program.split('/install/')[1], version.strip())
PYTHON
  )
}

tools
packages
build
tree
found
"$venv/bin/python" .ci/ros/check_launch.py --self-test
