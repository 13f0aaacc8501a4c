// Copies and fills.
#include <cstring>

#include "entry.h"

using namespace standin;

namespace {

constexpr double copy_cost_us = 10, fill_cost_us = 2;

uintptr_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

Operation copy(const char* call, const char* name, uintptr_t to, uintptr_t from, size_t bytes) {
    Operation op;
    op.where = call;
    op.name = name;
    op.type = NodeType::copy;
    op.cost_us = copy_cost_us;
    op.run = [to, from, bytes] {
        std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
        return CUDA_SUCCESS;
    };
    return op;
}

// Whether `end` of a copy may be device memory; the driver looks at once and refuses what it does not know.
bool known(const char* call, uintptr_t end, size_t bytes) {
    State& s = state();
    Operation probe;
    probe.where = probe.name = call;
    probe.uses = {{end, bytes, false}};
    return s.schedule.check(probe) == 0;
}

// Pageable memory makes an asynchronous copy wait: what was meant to overlap does not.
bool pageable(const char* call, const void* host) {
    State& s = state();
    Block* block = s.heap.find(address(host));
    if (block != nullptr) return false;
    s.fault(kind::pageable, std::string(call) + " with host memory that is not pinned, so that it is not asynchronous");
    return true;
}

CUresult wait_for_stream(Entry& entry, Stream& stream) { return entry.wait_for(state().schedule.moment(stream.lane)); }

CUresult host_to_device(Entry& entry, const char* call, CUdeviceptr to, const void* from, size_t bytes, Stream& stream,
                        bool synchronous) {
    if (bytes == 0) return CUDA_SUCCESS;
    if (!known(call, to, bytes)) return CUDA_ERROR_INVALID_VALUE;
    const bool staged = state().heap.find(address(from)) == nullptr;
    if (!synchronous) pageable(call, from);
    Operation op = copy(call, "copy:htod", to, address(from), bytes);
    op.uses = {{to, bytes, true}};
    if (!staged) {
        if (!known(call, address(from), bytes)) return CUDA_ERROR_INVALID_VALUE;
        Use source{address(from), bytes, false};
        source.checksum = true;
        op.uses.push_back(source);
    } else if (!stream.capture) {
        // The driver has read pageable memory before the call returns.
        const auto* first = static_cast<const uint8_t*>(from);
        op.run = [to, data = std::vector<uint8_t>(first, first + bytes)] {
            std::memcpy(reinterpret_cast<void*>(to), data.data(), data.size());
            return CUDA_SUCCESS;
        };
    }
    if (const int code = submit(stream, std::move(op))) return code;
    // From pageable memory even the synchronous copy returns when the bytes are staged: that they have
    // arrived on the device nobody promises (CUDA driver API, "API synchronization behavior").
    return synchronous && !staged ? wait_for_stream(entry, stream) : CUDA_SUCCESS;
}

CUresult device_to_host(Entry& entry, const char* call, void* to, CUdeviceptr from, size_t bytes, Stream& stream,
                        bool synchronous) {
    if (bytes == 0) return CUDA_SUCCESS;
    if (!known(call, from, bytes)) return CUDA_ERROR_INVALID_VALUE;
    const bool staged = state().heap.find(address(to)) == nullptr;
    if (!synchronous) pageable(call, to);
    Operation op = copy(call, "copy:dtoh", address(to), from, bytes);
    op.uses = {{from, bytes, false}};
    if (!staged) {
        if (!known(call, address(to), bytes)) return CUDA_ERROR_INVALID_VALUE;
        Use target{address(to), bytes, true};
        target.poison = true;
        op.uses.push_back(target);
    }
    const bool waits = synchronous || (staged && !stream.capture);
    if (const int code = submit(stream, std::move(op))) return code;
    return waits ? wait_for_stream(entry, stream) : CUDA_SUCCESS;
}

CUresult device_to_device(Entry& entry, const char* call, CUdeviceptr to, CUdeviceptr from, size_t bytes,
                          Stream& stream, bool synchronous) {
    if (bytes == 0) return CUDA_SUCCESS;
    if (!known(call, from, bytes) || !known(call, to, bytes)) return CUDA_ERROR_INVALID_VALUE;
    Operation op = copy(call, "copy:dtod", to, from, bytes);
    op.uses = {{from, bytes, false}, {to, bytes, true}};
    if (const int code = submit(stream, std::move(op))) return code;
    return synchronous ? wait_for_stream(entry, stream) : CUDA_SUCCESS;
}

template <class T>
CUresult fill(const char* call, CUdeviceptr to, T value, size_t count, Stream& stream) {
    if (count == 0) return CUDA_SUCCESS;
    if (!known(call, to, count * sizeof(T))) return CUDA_ERROR_INVALID_VALUE;
    if (to % sizeof(T) != 0) {
        state().fault(kind::argument, std::string(call) + " of an address that is not aligned");
        return CUDA_ERROR_INVALID_VALUE;
    }
    Operation op;
    op.where = call;
    op.name = "memset";
    op.type = NodeType::memset;
    op.cost_us = fill_cost_us;
    op.uses = {{to, count * sizeof(T), true}};
    op.run = [to, value, count] {
        std::fill_n(reinterpret_cast<T*>(to), count, value);
        return CUDA_SUCCESS;
    };
    return submit(stream, std::move(op));
}

} // namespace

API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream handle) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    return host_to_device(entry, __func__, to, from, bytes, *stream, false);
}

API CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream handle) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    return device_to_host(entry, __func__, to, from, bytes, *stream, false);
}

API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream handle) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    return device_to_device(entry, __func__, to, from, bytes, *stream, false);
}

// The driver finds out by itself which ends are on the host.
API CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream handle) {
    ENTER(context);
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    const Block* target = s.heap.find(to);
    const Block* source = s.heap.find(from);
    const bool to_host = target == nullptr || target->on_host();
    const bool from_host = source == nullptr || source->on_host();
    if (to_host && !from_host) {
        return device_to_host(entry, __func__, reinterpret_cast<void*>(to), from, bytes, *stream, false);
    }
    if (from_host && !to_host) {
        return host_to_device(entry, __func__, to, reinterpret_cast<const void*>(from), bytes, *stream, false);
    }
    return device_to_device(entry, __func__, to, from, bytes, *stream, false);
}

API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
    ENTER_UNSAFE(context);
    return host_to_device(entry, __func__, to, from, bytes, *state().legacy, true);
}

API CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
    ENTER_UNSAFE(context);
    return device_to_host(entry, __func__, to, from, bytes, *state().legacy, true);
}

API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    ENTER_UNSAFE(context);
    return device_to_device(entry, __func__, to, from, bytes, *state().legacy, false);
}

API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream handle) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    return fill<uint8_t>(__func__, to, value, count, *stream);
}

API CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value, size_t count, CUstream handle) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    return fill<uint16_t>(__func__, to, value, count, *stream);
}

API CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream handle) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    return fill<uint32_t>(__func__, to, value, count, *stream);
}

API CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count) {
    ENTER_UNSAFE(context);
    return fill<uint8_t>(__func__, to, value, count, *state().legacy);
}

API CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count) {
    ENTER_UNSAFE(context);
    return fill<uint32_t>(__func__, to, value, count, *state().legacy);
}
