// The kernels as a library for the CPU: one function that launches them by name.
//
// Compile with -std=c++17 -ffp-contract=off: sums must not be contracted here either.

#include "cuda_on_cpu.h"
#include "kernels.h"

#include <type_traits>
#include <utility>

// In this order: NVRTC gets each kernel behind the declarations in one text, without includes.
#include "../../src/engine/tensorrt/kernels/params.cuh"

#include "../../src/engine/tensorrt/kernels/preprocess.cu"

#include "../../src/engine/tensorrt/kernels/judge.cu"

namespace {

enum class Barriers { none, some };

template <class... Args, size_t... I>
void launch(void (*kernel)(Args...), Barriers barriers, Extent grid, Extent block, void** params,
            std::index_sequence<I...>) {
    auto call = [&] { kernel(*static_cast<Args*>(params[I])...); };
    if (barriers == Barriers::none) {
        cuda_on_cpu::run_plain(grid, block, call);
    } else {
        cuda_on_cpu::Fibers::run(grid, block, call);
    }
}

template <class... Args>
void launch(void (*kernel)(Args...), Barriers barriers, Extent grid, Extent block, void** params) {
    launch(kernel, barriers, grid, block, params, std::index_sequence_for<Args...>());
}

} // namespace

// As cuLaunchKernel, on this thread: `params` are the addresses of the arguments, in order. 0, or 1 for a
// kernel that is not known.
extern "C" int lookout_kernel_launch(const char* name, unsigned gx, unsigned gy, unsigned gz,
                                     unsigned bx, unsigned by, unsigned bz, void** params) {
    const Extent grid = {gx, gy, gz}, block = {bx, by, bz};
    if (std::strcmp(name, "preprocess") == 0) {
        launch(preprocess, Barriers::none, grid, block, params);
    } else if (std::strcmp(name, "judge") == 0) {
        launch(judge, Barriers::some, grid, block, params);
    } else {
        return 1;
    }
    return 0;
}

// What a launch has to copy of its arguments, and what a kernel does with memory: for the stand-in driver.
extern "C" int lookout_kernel_params(const char* name, size_t* sizes, int max) {
    if (std::strcmp(name, "preprocess") == 0) return kernel_sizes(preprocess, sizes, max);
    if (std::strcmp(name, "judge") == 0) return kernel_sizes(judge, sizes, max);
    return -1;
}

extern "C" int lookout_kernel_uses(const char* name, int* uses, int max) {
    if (std::strcmp(name, "preprocess") == 0) return kernel_uses(preprocess, uses, max);
    if (std::strcmp(name, "judge") == 0) return kernel_uses(judge, uses, max);
    return -1;
}
