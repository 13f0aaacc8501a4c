#!/bin/sh
# Builds the stand-in: build.sh OUTDIR [--sanitize] [--kernels FILE.cpp]
#
# Needs g++ and awk, and the headers of TensorRT 11.4: in TENSORRT_INCLUDE_DIR, or else where
# scripts/tensorrt-headers.sh puts them. `--kernels` names a file that defines the functions of kernels.h
# in place of lookout's kernels. `--sanitize` adds AddressSanitizer and UndefinedBehaviorSanitizer; a
# program that was built without them then has to preload libasan. CXX and CXXFLAGS are honoured.
# Does nothing where OUTDIR holds what would be built.
set -eu

usage="usage: build.sh OUTDIR [--sanitize] [--kernels FILE.cpp]"
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?$usage}
shift
sanitize=
kernels="$here/kernels_cpu.cpp $here/kernels_reach.cpp"
while [ $# -gt 0 ]; do
    case $1 in
    --sanitize) sanitize="-fsanitize=address,undefined -fno-sanitize-recover=undefined" ;;
    --kernels)
        kernels=${2:?$usage}
        shift
        ;;
    *)
        echo "$usage" >&2
        exit 2
        ;;
    esac
    shift
done

headers=${TENSORRT_INCLUDE_DIR:-$("$here/../../scripts/tensorrt-headers.sh" 11.4)}
if [ ! -f "$headers/NvInferImpl.h" ]; then
    echo "build.sh: no NvInferImpl.h in $headers" >&2
    exit 1
fi

# -ffp-contract=off: the kernels' sums are not contracted on the GPU either.
flags="-std=c++17 -O2 -g1 -fPIC -fvisibility=hidden -ffp-contract=off -Wall -Wextra ${CXXFLAGS:-}"
if [ -n "$sanitize" ]; then
    # Instrumented code makes the compiler see uninitialised uses that are none.
    flags="$flags $sanitize -Wno-maybe-uninitialized"
fi
sources="$here/core/*.cpp $here/driver/*.cpp $here/nvrtc/*.cpp $here/trt/*.cpp $here/control.cpp $kernels"

stamp=$(
    {
        echo "${CXX:-g++} $flags $kernels $headers"
        # shellcheck disable=SC2086
        cat $sources "$here"/*.h "$here"/*/*.h "$here"/trt/*.awk "$here"/../../src/engine/tensorrt/kernels/*.cu*
    } | cksum
)
if [ -f "$out/stamp" ] && [ "$(cat "$out/stamp")" = "$stamp" ]; then
    exit 0
fi
rm -rf "$out/objects" "$out/stamp"
mkdir -p "$out/objects/generated"
echo "$headers" >"$out/headers"
awk -v classes="VRuntime VCudaEngine VExecutionContext VBuilder VBuilderConfig VNetworkDefinition VOptimizationProfile \
VHostMemory VTimingCache VTensor VLayer VEngineInspector IParser" \
    -f "$here/trt/unexpected.awk" "$headers/NvInferImpl.h" "$headers/NvOnnxParser.h" >"$out/objects/generated/unexpected.h"

compile() {
    # shellcheck disable=SC2086
    ${CXX:-g++} $flags -I"$out/objects/generated" -isystem "$headers" -isystem "$headers/.." -c "$1" -o "$2"
}
objects=
running=
for source in $sources; do
    object=$out/objects/$(echo "${source#"$here"/}" | tr / _).o
    objects="$objects $object"
    compile "$source" "$object" &
    # Two at a time.
    # shellcheck disable=SC2086
    set -- $running $!
    if [ $# -ge 2 ]; then
        wait "$1"
        shift
    fi
    running=$*
done
for one in $running; do
    wait "$one"
done
# shellcheck disable=SC2086
${CXX:-g++} -shared $sanitize -pthread -Wl,-soname,liblookout_standin.so $objects -o "$out/liblookout_standin.so"
for name in libcuda.so libcuda.so.1 libnvrtc.so libnvrtc.so.12 libnvrtc.so.13 libnvinfer.so libnvinfer.so.11 \
    libnvonnxparser.so libnvonnxparser.so.11; do
    ln -sf liblookout_standin.so "$out/$name"
done
echo "$stamp" >"$out/stamp"
