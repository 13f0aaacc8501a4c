// Kernels for the stand-in's own tests.
#include <cstring>

#include "../kernels.h"

namespace {

// Sees what the launch's size was, so that a test can tell that it came through.
thread_local unsigned threads;

void scale(const float* in, float* out, float factor, int count) {
    for (int i = 0; i < count && i < static_cast<int>(threads); ++i) out[i] = factor * in[i];
}

// Copies the first of the floats that `in` points to.
void follow(const float* const* in, float* out) { *out = **in; }

void overrun(float* out, int count) {
    for (int i = 0; i <= count; ++i) out[i] = 1;
}

} // namespace

extern "C" int lookout_kernel_launch(const char* name, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                                     unsigned bz, void** p) {
    threads = gx * gy * gz * bx * by * bz;
    if (std::strcmp(name, "scale") == 0) {
        scale(*static_cast<const float**>(p[0]), *static_cast<float**>(p[1]), *static_cast<float*>(p[2]),
              *static_cast<int*>(p[3]));
    } else if (std::strcmp(name, "follow") == 0) {
        follow(*static_cast<const float* const**>(p[0]), *static_cast<float**>(p[1]));
    } else if (std::strcmp(name, "overrun") == 0) {
        overrun(*static_cast<float**>(p[0]), *static_cast<int*>(p[1]));
    } else {
        return 1;
    }
    return 0;
}

extern "C" int lookout_kernel_params(const char* name, size_t* sizes, int max) {
    if (std::strcmp(name, "scale") == 0) return kernel_sizes(&scale, sizes, max);
    if (std::strcmp(name, "follow") == 0) return kernel_sizes(&follow, sizes, max);
    if (std::strcmp(name, "overrun") == 0) return kernel_sizes(&overrun, sizes, max);
    return -1;
}

extern "C" int lookout_kernel_uses(const char* name, int* uses, int max) {
    if (std::strcmp(name, "scale") == 0) return kernel_uses(&scale, uses, max);
    if (std::strcmp(name, "follow") == 0) return kernel_uses(&follow, uses, max);
    if (std::strcmp(name, "overrun") == 0) return kernel_uses(&overrun, uses, max);
    return -1;
}

extern "C" int lookout_kernel_reaches(const char* name, void** p, KernelRange* ranges, int,
                                      int (*)(const void*, size_t)) {
    if (std::strcmp(name, "follow") != 0) return 0;
    ranges[0] = {**static_cast<const float* const**>(p[0]), sizeof(float), KERNEL_READS};
    return 1;
}
