// The one device and its context.
#include <cstring>

#include "entry.h"

using namespace standin;

namespace {

constexpr const char* device_name = "lookout stand-in";

bool bad_device(CUdevice device) { return device < 0 || device >= state().settings.devices; }

int attribute(int which) {
    const Settings& s = state().settings;
    switch (which) {
    case 1: return 1024;              // threads a block
    case 2: case 3: return 1024;      // block x, y
    case 4: return 64;                // block z
    case 5: return 2147483647;        // grid x
    case 6: case 7: return 65535;     // grid y, z
    case 8: return 48 << 10;          // shared memory a block
    case 10: return 32;               // warp
    case 12: return 65536;            // registers a block
    case 13: return 1300000;          // clock, kHz
    case 16: return 16;               // multiprocessors
    case 18: return s.integrated;
    case 19: return 1;                // host memory can be mapped
    case 31: return 1;                // concurrent kernels
    case 39: return 1536;             // threads a multiprocessor
    case 40: return 2;                // copy engines
    case 41: return 1;                // unified addressing
    case 75: return s.major;
    case 76: return s.minor;
    case 78: return 1;                // stream priorities
    case 81: return 164 << 10;        // shared memory a multiprocessor
    case 83: return 1;                // managed memory
    case 97: return 99 << 10;         // shared memory a block, on demand
    case 115: return s.pools;
    default: return 0;
    }
}

} // namespace

API CUresult cuInit(unsigned) {
    ENTER(nothing);
    if (state().settings.devices == 0) return CUDA_ERROR_NO_DEVICE;
    state().initialised = true;
    return CUDA_SUCCESS;
}

API CUresult cuDriverGetVersion(int* version) {
    ENTER(nothing);
    *version = state().settings.driver;
    return CUDA_SUCCESS;
}

API CUresult cuDeviceGetCount(int* count) {
    ENTER(initialised);
    *count = state().settings.devices;
    return CUDA_SUCCESS;
}

API CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    ENTER(initialised);
    if (bad_device(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_SUCCESS;
}

API CUresult cuDeviceGetName(char* name, int size, CUdevice device) {
    ENTER(initialised);
    if (bad_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    if (size <= 0) return CUDA_ERROR_INVALID_VALUE;
    std::strncpy(name, device_name, static_cast<size_t>(size));
    name[size - 1] = '\0';
    return CUDA_SUCCESS;
}

API CUresult cuDeviceGetUuid_v2(unsigned char uuid[16], CUdevice device) {
    ENTER(initialised);
    if (bad_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    std::memcpy(uuid, "lookout-stand-in", 16);
    return CUDA_SUCCESS;
}

API CUresult cuDeviceGetUuid(unsigned char uuid[16], CUdevice device) { return cuDeviceGetUuid_v2(uuid, device); }

API CUresult cuDeviceGetAttribute(int* value, int which, CUdevice device) {
    ENTER(initialised);
    if (bad_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    *value = attribute(which);
    return CUDA_SUCCESS;
}

API CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
    ENTER(initialised);
    if (bad_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    *bytes = state().settings.memory;
    return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    ENTER(initialised);
    if (bad_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    ++state().primary.references;
    *context = &state().primary;
    return CUDA_SUCCESS;
}

API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    Entry entry(__func__, Needs::initialised, true);
    if (entry.refused()) return entry.code();
    State& s = state();
    if (bad_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    if (s.primary.references == 0) {
        s.fault(kind::context, "the primary context is released more often than it was retained");
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (--s.primary.references == 0) {
        s.schedule.run_all();
        s.schedule.forget_error();
        for (Stream* stream : s.streams.all_live()) abandon(*stream, "loses its context");
        if (s.leaks() > 0) {
            s.fault(kind::lifetime, "the context goes while " + std::to_string(s.leaks()) + " of its objects live");
        }
    }
    return entry.done();
}

API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
    ENTER(initialised);
    if (bad_device(device)) return CUDA_ERROR_INVALID_DEVICE;
    *flags = 0;
    *active = state().primary.references > 0;
    return CUDA_SUCCESS;
}

API CUresult cuCtxSetCurrent(CUcontext context) {
    ENTER(initialised);
    if (context != nullptr && (context != &state().primary || state().primary.references == 0)) {
        state().fault(kind::context, "cuCtxSetCurrent with a context that does not live");
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    current_context() = context;
    return CUDA_SUCCESS;
}

API CUresult cuCtxGetCurrent(CUcontext* context) {
    ENTER(initialised);
    const bool lives = current_context() == &state().primary && state().primary.references > 0;
    *context = lives ? current_context() : nullptr;
    return CUDA_SUCCESS;
}

API CUresult cuCtxGetDevice(CUdevice* device) {
    ENTER(context);
    *device = 0;
    return CUDA_SUCCESS;
}

API CUresult cuCtxSetFlags(unsigned) {
    ENTER(context);
    return CUDA_SUCCESS;
}

API CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
    ENTER(context);
    *least = 0;
    *greatest = -5;
    return CUDA_SUCCESS;
}

API CUresult cuCtxSynchronize() {
    ENTER(context);
    if (const int code = forbid_waiting(__func__, nullptr)) return code;
    State& s = state();
    Moment all;
    for (Stream* stream : s.streams.all_live()) all.merge(s.schedule.moment(stream->lane));
    return entry.wait_for(all);
}

API CUresult cuThreadExchangeStreamCaptureMode(int* mode) {
    ENTER(nothing);
    std::swap(thread_mode(), *mode);
    return CUDA_SUCCESS;
}
