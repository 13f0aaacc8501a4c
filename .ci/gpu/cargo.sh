#!/usr/bin/env bash
# cargo for whatever needs the feature `tensorrt`, always with the same settings, so that the library is
# built once for all of it. Its own code is optimised less than in a release: it is built for tests, whose
# time goes into networks and kernels.
#
#   .ci/gpu/cargo.sh test|build|clippy ARGUMENT...
set -euo pipefail
root=$(dirname "$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")")
TENSORRT_INCLUDE_DIR=${TENSORRT_INCLUDE_DIR:-$("$root/scripts/tensorrt-headers.sh" 11.4)}
export TENSORRT_INCLUDE_DIR
command=$1
shift
exec cargo "$command" --release --locked --features tensorrt \
  --config 'profile.release.package.lookout.opt-level=1' "$@"
