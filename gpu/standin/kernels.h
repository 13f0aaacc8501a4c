// How the stand-in calls kernels that were compiled for the CPU.
//
// Whoever compiles the .cu files as C++ defines the functions below; they are weak references here,
// so that the stand-in loads without them (it then knows no kernel: cuModuleGetFunction finds nothing).
#ifndef LOOKOUT_STANDIN_KERNELS_H
#define LOOKOUT_STANDIN_KERNELS_H

#include <cstddef>
#include <type_traits>

// What a kernel does with a parameter.
enum KernelParam {
    KERNEL_VALUE = 0,   // not a pointer
    KERNEL_READS = 1,   // pointer to const
    KERNEL_WRITES = 2,  // pointer that is only written
    KERNEL_UPDATES = 3, // pointer that may be read and written
};

// Memory that a kernel uses, besides what its parameters point to.
struct KernelRange {
    const void* begin;
    size_t size;
    int use; // a KernelParam
};

extern "C" {
// Runs the whole grid of kernel `name`. `params[i]` points to the value of parameter i, as for
// cuLaunchKernel. Returns 0, or else the launch fails like a device fault.
__attribute__((weak)) int lookout_kernel_launch(const char* name, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                                                unsigned by, unsigned bz, void** params);
// Writes the size in bytes of up to `max` parameters of kernel `name`; returns how many it has, or -1 for
// a name that it does not know.
__attribute__((weak)) int lookout_kernel_params(const char* name, size_t* sizes, int max);
// Writes a KernelParam for up to `max` parameters; returns how many there are, or -1. Optional: without it
// a pointer to device memory counts as read only, and races between kernels stay unseen.
__attribute__((weak)) int lookout_kernel_uses(const char* name, int* uses, int max);
// Writes up to `max` ranges that kernel `name` reaches through pointers that are themselves in memory;
// returns how many. Called when the kernel is about to run, so that those pointers are there to be read;
// `readable` says whether an address from memory may be followed. Optional: without it such uses are not
// checked.
__attribute__((weak)) int lookout_kernel_reaches(const char* name, void** params, KernelRange* ranges, int max,
                                                 int (*readable)(const void* begin, size_t size));
}

// Sizes and uses by the signature of a kernel: kernel_sizes(&fill, sizes, max), kernel_uses(&fill, uses, max).
template <class T>
constexpr int kernel_use() {
    if constexpr (!std::is_pointer_v<T>) {
        return KERNEL_VALUE;
    } else {
        return std::is_const_v<std::remove_pointer_t<T>> ? KERNEL_READS : KERNEL_UPDATES;
    }
}

template <class... P>
int kernel_sizes(void (*)(P...), size_t* sizes, int max) {
    const size_t all[] = {sizeof(P)..., 0};
    for (int i = 0; i < static_cast<int>(sizeof...(P)) && i < max; ++i) sizes[i] = all[i];
    return static_cast<int>(sizeof...(P));
}

template <class... P>
int kernel_uses(void (*)(P...), int* uses, int max) {
    const int all[] = {kernel_use<P>()..., 0};
    for (int i = 0; i < static_cast<int>(sizeof...(P)) && i < max; ++i) uses[i] = all[i];
    return static_cast<int>(sizeof...(P));
}

#endif
