// Modules, functions and launches.
#include <cstring>

#include "../kernels.h"
#include "../nvrtc/image.h"
#include "entry.h"

using namespace standin;

namespace {

constexpr double kernel_cost_us = 5;
constexpr int most_params = 64;

Function* find(CUfunction handle) {
    for (Function& function : state().functions) {
        if (&function == handle) return function.module->dead ? nullptr : &function;
    }
    return nullptr;
}

bool in_grid(unsigned x, unsigned y, unsigned z) { return x >= 1 && y >= 1 && y <= 65535 && z >= 1 && z <= 65535; }
bool in_block(unsigned x, unsigned y, unsigned z) {
    return x >= 1 && y >= 1 && z >= 1 && z <= 64 && static_cast<uint64_t>(x) * y * z <= 1024;
}

// The values of a launch's parameters, which the caller may change as soon as the launch returns.
struct Params {
    std::vector<std::vector<uint8_t>> values;
    std::vector<void*> pointers() {
        std::vector<void*> all;
        for (auto& value : values) all.push_back(value.data());
        return all;
    }
};

// Memory behind a pointer is used from there to the end of its block: the extent is the kernel's secret.
void note_pointer(Operation& op, const std::vector<uint8_t>& value, int use) {
    if (value.size() != sizeof(uintptr_t) || use == KERNEL_VALUE) return;
    uintptr_t pointer = 0;
    std::memcpy(&pointer, value.data(), sizeof pointer);
    if (pointer == 0) return;
    Block* block = state().heap.find(pointer);
    const size_t size = block == nullptr ? 1 : block->end() - pointer;
    if (use == KERNEL_READS || use == KERNEL_UPDATES) op.uses.push_back({pointer, size, false});
    if (use == KERNEL_WRITES || use == KERNEL_UPDATES) op.uses.push_back({pointer, size, true});
}

int readable(const void* begin, size_t size) {
    const auto address = reinterpret_cast<uintptr_t>(begin);
    const Block* block = state().heap.find(address);
    return block != nullptr && !block->freed && size <= block->end() - address ? 1 : 0;
}

std::vector<Use> reaches(const std::string& kernel, Params& params) {
    constexpr int most = 16;
    KernelRange ranges[most] = {};
    std::vector<void*> pointers = params.pointers();
    const int count = lookout_kernel_reaches(kernel.c_str(), pointers.data(), ranges, most, readable);
    std::vector<Use> uses;
    for (int i = 0; i < std::min(count, most); ++i) {
        const auto begin = reinterpret_cast<uintptr_t>(ranges[i].begin);
        uses.push_back({begin, ranges[i].size, ranges[i].use != KERNEL_READS});
    }
    return uses;
}

} // namespace

API CUresult cuModuleLoadData(CUmodule* handle, const void* image) {
    ENTER_UNSAFE(context);
    State& s = state();
    auto module = std::make_unique<Module>();
    if (image == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (!image_names(image, module->names)) return CUDA_ERROR_INVALID_IMAGE;
    *handle = s.modules.add(std::move(module));
    return CUDA_SUCCESS;
}

API CUresult cuModuleLoadDataEx(CUmodule* handle, const void* image, unsigned, void*, void*) {
    return cuModuleLoadData(handle, image);
}

API CUresult cuModuleUnload(CUmodule handle) {
    ENTER_RELEASE();
    if (const int code = forbid_while_capturing(__func__)) return code;
    State& s = state();
    LIVE(module, s.modules.live(handle), handle);
    s.schedule.run_all();
    module->dead = true;
    return entry.done();
}

API CUresult cuModuleGetFunction(CUfunction* handle, CUmodule module_handle, const char* name) {
    ENTER(context);
    State& s = state();
    LIVE(module, s.modules.live(module_handle), module_handle);
    const bool in_image = module->names.empty() || module->names.find("\n" + std::string(name) + "\n") != std::string::npos;
    size_t none = 0;
    if (!in_image || lookout_kernel_params == nullptr || lookout_kernel_params(name, &none, 0) < 0) {
        return CUDA_ERROR_NOT_FOUND;
    }
    s.functions.push_back({name, module});
    *handle = &s.functions.back();
    return CUDA_SUCCESS;
}

API CUresult cuFuncGetAttribute(int* value, int attribute, CUfunction handle) {
    ENTER(context);
    LIVE(function, find(handle), handle);
    *value = attribute == 0 ? 1024 : 0; // threads a block; nothing else is known of a kernel
    return CUDA_SUCCESS;
}

API CUresult cuFuncSetAttribute(CUfunction handle, int, int) {
    ENTER(context);
    LIVE(function, find(handle), handle);
    return CUDA_SUCCESS;
}

API CUresult cuLaunchKernel(CUfunction handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                            unsigned bz, unsigned shared, CUstream stream_handle, void** params, void** extra) {
    ENTER(context);
    State& s = state();
    LIVE(function, find(handle), handle);
    LIVE(stream, s.stream(stream_handle), stream_handle);
    if (!in_grid(gx, gy, gz) || !in_block(bx, by, bz) || shared > (99u << 10) || extra != nullptr) {
        s.fault(kind::argument, "cuLaunchKernel of " + function->name + " with a grid, a block or shared memory that no device takes");
        return CUDA_ERROR_INVALID_VALUE;
    }
    size_t sizes[most_params] = {};
    int uses[most_params] = {};
    const char* name = function->name.c_str();
    const int count = std::min(lookout_kernel_params(name, sizes, most_params), most_params);
    const bool told = lookout_kernel_uses != nullptr && lookout_kernel_uses(name, uses, most_params) == count;
    if (count > 0 && params == nullptr) return CUDA_ERROR_INVALID_VALUE;

    Operation op;
    op.name = "kernel:" + function->name;
    op.where = __func__;
    op.type = NodeType::kernel;
    op.cost_us = kernel_cost_us;
    auto copied = std::make_shared<Params>();
    for (int i = 0; i < count; ++i) {
        if (params[i] == nullptr) {
            s.fault(kind::argument, "cuLaunchKernel of " + function->name + " with too few parameters");
            return CUDA_ERROR_INVALID_VALUE;
        }
        const auto* first = static_cast<const uint8_t*>(params[i]);
        copied->values.emplace_back(first, first + sizes[i]);
        uintptr_t value = 0;
        std::memcpy(&value, copied->values.back().data(), std::min(sizes[i], sizeof value));
        const bool device = sizes[i] == sizeof value && s.heap.find(value) != nullptr;
        note_pointer(op, copied->values.back(), told ? uses[i] : device ? KERNEL_READS : KERNEL_VALUE);
    }
    if (lookout_kernel_reaches != nullptr) {
        op.late_uses = [copied, kernel = function->name] { return reaches(kernel, *copied); };
    }
    op.run = [copied, kernel = function->name, gx, gy, gz, bx, by, bz] {
        std::vector<void*> pointers = copied->pointers();
        const int code = lookout_kernel_launch == nullptr
                             ? 1
                             : lookout_kernel_launch(kernel.c_str(), gx, gy, gz, bx, by, bz, pointers.data());
        return code == 0 ? CUDA_SUCCESS : CUDA_ERROR_LAUNCH_FAILED;
    };
    return submit(*stream, std::move(op));
}
