// Names of the driver's errors.
#include <map>

#include "cuda_abi.h"

namespace {

struct Words {
    const char* name;
    const char* text;
};

const std::map<CUresult, Words>& words() {
#define CODE(name, text)                                                                                               \
    {                                                                                                                  \
        name, { #name, text }                                                                                          \
    }
    static const std::map<CUresult, Words> all = {
        CODE(CUDA_SUCCESS, "no error"),
        CODE(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
        CODE(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
        CODE(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
        CODE(CUDA_ERROR_DEINITIALIZED, "driver shutting down"),
        CODE(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
        CODE(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
        CODE(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
        CODE(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
        CODE(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered"),
        CODE(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
        CODE(CUDA_ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"),
        CODE(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
        CODE(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
        CODE(CUDA_ERROR_NOT_READY, "device not ready"),
        CODE(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
        CODE(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
        CODE(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
        CODE(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
        CODE(CUDA_ERROR_ASSERT, "device-side assert triggered"),
        CODE(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the requested memory range is already mapped"),
        CODE(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
        CODE(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
        CODE(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_MERGE, "operation would result in a merge of separate capture sequences"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not ended in the same stream as it began"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "dependency created on uncaptured work in another stream"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "operation would make the legacy stream depend on a capturing stream"),
        CODE(CUDA_ERROR_CAPTURED_EVENT, "operation not permitted on an event last recorded in a capturing stream"),
        CODE(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "attempt to terminate a thread-local capture from another thread"),
        CODE(CUDA_ERROR_UNKNOWN, "unknown error"),
    };
#undef CODE
    return all;
}

} // namespace

API CUresult cuGetErrorName(CUresult error, const char** text) {
    const auto it = words().find(error);
    *text = it == words().end() ? nullptr : it->second.name;
    return *text == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

API CUresult cuGetErrorString(CUresult error, const char** text) {
    const auto it = words().find(error);
    *text = it == words().end() ? nullptr : it->second.text;
    return *text == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
