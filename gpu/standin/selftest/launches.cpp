// Compilation, modules, kernels.
#include "launch.h"

TEST(kernels_run_with_the_parameters_of_the_launch) {
    {
        Device device;
        Kernels kernels;
        TestStream stream;
        Floats in(4), out(4);
        Pinned host(4, 3.0f);
        OK(cuMemcpyHtoDAsync_v2(in.address, host.data, host.bytes, stream));
        OK(scale(kernels.get("scale"), stream, in.address, out.address, 2.0f, 4));
        Pinned back(4);
        OK(cuMemcpyDtoHAsync_v2(back.data, out.address, out.bytes, stream));
        OK(cuStreamSynchronize(stream));
        CHECK(back.data[3] == 6.0f);
        CUfunction none = nullptr;
        CHECK(cuModuleGetFunction(&none, kernels.module, "absent") == CUDA_ERROR_NOT_FOUND);
    }
    standin_check();
    CHECK(faultless());
}

TEST(a_launch_of_a_size_that_no_device_takes_is_found) {
    Device device;
    Kernels kernels;
    CHECK(cuLaunchKernel(kernels.get("scale"), 1, 1, 1, 2048, 1, 1, 0, nullptr, nullptr, nullptr) == CUDA_ERROR_INVALID_VALUE);
    CHECK(has_fault("argument", "scale"));
}

TEST(kernels_race_too) {
    Device device;
    Kernels kernels;
    TestStream a, b;
    Floats in(4), x(4), y(4);
    const CUfunction function = kernels.get("scale");
    OK(cuMemsetD32Async(in.address, 0, 4, a));
    OK(cuStreamSynchronize(a));
    OK(scale(function, a, in.address, x.address, 1, 4));
    OK(scale(function, b, in.address, y.address, 1, 4)); // both read `in`
    CHECK(faultless());
    OK(scale(function, b, x.address, y.address, 1, 4));
    CHECK(has_fault("race", "kernel:scale on stream 2 reads"));
    OK(cuCtxSynchronize());
}

#if !defined(__SANITIZE_ADDRESS__)
// With the sanitizer the program ends at the write itself.
TEST(a_kernel_that_writes_behind_its_memory_is_found) {
    Device device;
    Kernels kernels;
    TestStream stream;
    Floats out(5);
    int count = 5;
    void* params[] = {&out.address, &count};
    OK(cuLaunchKernel(kernels.get("overrun"), 1, 1, 1, 1, 1, 1, 0, stream, params, nullptr));
    OK(cuStreamSynchronize(stream));
    CHECK(has_fault("out-of-range", "behind the end"));
}
#endif

TEST(a_kernel_on_freed_memory_loses_the_device) {
    Device device;
    Kernels kernels;
    TestStream stream;
    Floats in(4), out(4);
    const CUdeviceptr old = out.address;
    OK(cuMemFree_v2(out.address));
    out.address = 0;
    OK(scale(kernels.get("scale"), stream, in.address, old, 1, 4));
    CHECK(has_fault("use-after-free", "kernel:scale"));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

TEST(what_a_kernel_reaches_through_memory_is_watched) {
    for (const int policy : {STANDIN_EAGER, STANDIN_LATE}) {
        Device device(policy);
        Kernels kernels;
        TestStream compute, upload;
        TestEvent released;
        Floats pointer(2), target(4), out(1);
        Pinned holder(2);
        const CUfunction function = kernels.get("follow");
        void* params[] = {&pointer.address, &out.address};
        const auto follow = [&] {
            OK(cuMemcpyHtoDAsync_v2(pointer.address, holder.data, 8, compute));
            OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, compute, params, nullptr));
        };
        std::memcpy(holder.data, &target.address, sizeof target.address);
        OK(cuMemsetD32Async(target.address, 0, 4, compute));
        follow();
        OK(cuEventRecord(released, compute));
        OK(cuStreamWaitEvent(upload, released, 0));
        OK(cuMemsetD32Async(target.address, 0, 4, upload)); // ordered
        OK(cuCtxSynchronize());
        CHECK(faultless());
        follow();
        OK(cuMemsetD32Async(target.address, 0, 4, upload)); // not ordered
        OK(cuCtxSynchronize());
        CHECK(has_fault("race", "kernel:follow") || has_fault("race", "memset"));
        std::memset(holder.data, 0x7f, 8);
        follow();
        CHECK(cuCtxSynchronize() == CUDA_ERROR_ILLEGAL_ADDRESS);
        CHECK(has_fault("out-of-range", "kernel:follow"));
    }
}

TEST(a_source_that_does_not_compile_says_why) {
    Device device;
    standin_fail_compile("test.cu(3): error: expected a ;");
    void* program = nullptr;
    OK(nvrtcCreateProgram(&program, "x", "test.cu", 0, nullptr, nullptr));
    CHECK(nvrtcCompileProgram(program, 0, nullptr) == 6);
    size_t size = 0;
    OK(nvrtcGetProgramLogSize(program, &size));
    std::string log(size, '\0');
    OK(nvrtcGetProgramLog(program, log.data()));
    CHECK(log.find("expected a ;") != std::string::npos);
    OK(nvrtcDestroyProgram(&program));
    CUmodule module = nullptr;
    CHECK(cuModuleLoadData(&module, "garbage") == CUDA_ERROR_INVALID_IMAGE);
}
