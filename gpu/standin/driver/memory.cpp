// Allocation and release.
#include "entry.h"

using namespace standin;

namespace {

CUresult allocate(CUdeviceptr* pointer, size_t bytes, Memory kind, const char* call) {
    State& s = state();
    if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    Block* block = s.heap.allocate(bytes, kind, call, s.settings.memory);
    if (block == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    *pointer = block->base;
    return CUDA_SUCCESS;
}

// The live block that starts at `base`, or null and a fault.
Block* to_free(uintptr_t base, const char* call) {
    State& s = state();
    Block* block = s.heap.find(base);
    if (block == nullptr) {
        s.fault(kind::out_of_range, std::string(call) + " of memory that was never allocated");
    } else if (block->freed) {
        s.fault(kind::double_free, std::string(call) + " of the " + block->name + ", which is free already");
    } else if (block->base != base) {
        s.fault(kind::out_of_range, std::string(call) + " of an address inside the " + block->name);
    } else {
        return block;
    }
    return nullptr;
}

void note_use_at_free(const Block& block, const char* call) {
    State& s = state();
    if (const Access* access = s.schedule.not_waited_for(block.base, block.size, true)) {
        s.fault(kind::use_after_free, std::string(call) + " of the " + block.name + " while " + access->operation +
                                          ", which uses it, has not been waited for");
    }
}

} // namespace

API CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
    ENTER_UNSAFE(context);
    return allocate(pointer, bytes, Memory::device, __func__);
}

API CUresult cuMemAllocManaged(CUdeviceptr* pointer, size_t bytes, unsigned) {
    ENTER_UNSAFE(context);
    return allocate(pointer, bytes, Memory::managed, __func__);
}

API CUresult cuMemFree_v2(CUdeviceptr pointer) {
    ENTER_RELEASE();
    if (pointer == 0) return entry.done();
    if (const int code = forbid_while_capturing(__func__)) return code;
    State& s = state();
    Block* block = to_free(pointer, __func__);
    if (block == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (block->on_host()) {
        s.fault(kind::argument, "cuMemFree_v2 of the " + block->name);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (block->kind == Memory::pooled) {
        // The one kind of memory for which it does not wait.
        note_use_at_free(*block, __func__);
    } else {
        Moment all;
        for (Stream* stream : s.streams.all_live()) all.merge(s.schedule.moment(stream->lane));
        s.schedule.synchronise(all);
    }
    s.schedule.run_all();
    s.heap.bury(*block, s.faults);
    return entry.done();
}

API CUresult cuMemAllocAsync(CUdeviceptr* pointer, size_t bytes, CUstream handle) {
    ENTER(context);
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    if (s.settings.pools == 0) return CUDA_ERROR_NOT_SUPPORTED;
    if (stream->capture) {
        stream->capture->invalid = true;
        s.fault(kind::capture, "cuMemAllocAsync in a capture: the memory would live in the graph only");
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    *pointer = 0;
    if (bytes == 0) return CUDA_SUCCESS;
    if (const int code = allocate(pointer, bytes, Memory::pooled, __func__)) return code;
    // Who uses the memory has to come after its allocation.
    Operation op;
    op.name = "allocation";
    op.where = __func__;
    op.type = NodeType::empty;
    op.uses = {{static_cast<uintptr_t>(*pointer), bytes, true}};
    op.releases = true;
    return submit(*stream, std::move(op));
}

API CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream handle) {
    ENTER_RELEASE();
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    if (pointer == 0) return entry.done();
    if (stream->capture) {
        stream->capture->invalid = true;
        s.fault(kind::capture, "cuMemFreeAsync in a capture: each launch of the graph would free again");
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    Block* block = to_free(pointer, __func__);
    if (block == nullptr) return CUDA_ERROR_INVALID_VALUE;
    Operation op;
    op.name = "release";
    op.where = __func__;
    op.type = NodeType::empty;
    op.uses = {{block->base, block->size, true}};
    op.releases = true;
    op.run = [base = block->base, serial = block->serial] {
        State& now = state();
        Block* old = now.heap.find(base);
        if (old != nullptr && old->serial == serial) now.heap.bury(*old, now.faults);
        return CUDA_SUCCESS;
    };
    s.order_with_legacy(*stream);
    s.schedule.enqueue(stream->lane, std::move(op));
    if (Block* old = s.heap.find(pointer)) old->freed = true;
    return entry.done();
}

API CUresult cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
    ENTER_UNSAFE(context);
    State& s = state();
    if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    Block* block = s.heap.allocate(bytes, Memory::pinned, __func__, s.settings.memory);
    if (block == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    *pointer = reinterpret_cast<void*>(block->base);
    return CUDA_SUCCESS;
}

API CUresult cuMemAllocHost_v2(void** pointer, size_t bytes) { return cuMemHostAlloc(pointer, bytes, 0); }

API CUresult cuMemFreeHost(void* pointer) {
    ENTER_RELEASE();
    if (const int code = forbid_while_capturing(__func__)) return code;
    State& s = state();
    Block* block = to_free(reinterpret_cast<uintptr_t>(pointer), __func__);
    if (block == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (block->kind != Memory::pinned) {
        s.fault(kind::argument, "cuMemFreeHost of the " + block->name);
        return CUDA_ERROR_INVALID_VALUE;
    }
    note_use_at_free(*block, __func__);
    s.schedule.run_all();
    s.heap.bury(*block, s.faults);
    return entry.done();
}

API CUresult cuMemHostRegister_v2(void* pointer, size_t bytes, unsigned) {
    ENTER_UNSAFE(context);
    State& s = state();
    const auto base = reinterpret_cast<uintptr_t>(pointer);
    if (pointer == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    if (s.heap.find(base) != nullptr || s.heap.find(base + bytes - 1) != nullptr) {
        return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
    }
    s.heap.adopt(pointer, bytes);
    return CUDA_SUCCESS;
}

API CUresult cuMemHostUnregister(void* pointer) {
    ENTER_RELEASE();
    if (const int code = forbid_while_capturing(__func__)) return code;
    State& s = state();
    Block* block = s.heap.find(reinterpret_cast<uintptr_t>(pointer));
    if (block == nullptr || block->kind != Memory::registered || block->base != reinterpret_cast<uintptr_t>(pointer)) {
        s.fault(kind::argument, "cuMemHostUnregister of memory that is not registered");
        return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    }
    note_use_at_free(*block, __func__);
    s.schedule.run_all();
    s.heap.bury(*block, s.faults);
    return entry.done();
}

API CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* device, void* pointer, unsigned) {
    ENTER(context);
    Block* block = state().heap.find(reinterpret_cast<uintptr_t>(pointer));
    if (block == nullptr || block->freed || !block->on_host()) {
        state().fault(kind::argument, "cuMemHostGetDevicePointer_v2 of memory that is not pinned");
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = reinterpret_cast<uintptr_t>(pointer);
    return CUDA_SUCCESS;
}

API CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
    ENTER(context);
    const State& s = state();
    *total = s.settings.memory;
    *free = s.settings.memory - std::min(s.settings.memory, s.heap.used());
    return CUDA_SUCCESS;
}
