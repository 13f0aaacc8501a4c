// Kernels and graphs for the tests.
#pragma once
#include "check.h"

struct Kernels {
    Kernels() {
        const char* source = "extern \"C\" __global__ void scale(const float*, float*, float, int) {}\n"
                             "extern \"C\" __global__ void __launch_bounds__(64) overrun(float*, int) {}\n"
                             "extern \"C\" __global__ void follow(const float* const*, float*) {}\n";
        void* program = nullptr;
        OK(nvrtcCreateProgram(&program, source, "test.cu", 0, nullptr, nullptr));
        const char* options[] = {"--gpu-architecture=compute_87"};
        OK(nvrtcCompileProgram(program, 1, options));
        size_t size = 0;
        OK(nvrtcGetPTXSize(program, &size));
        std::string image(size, '\0');
        OK(nvrtcGetPTX(program, image.data()));
        OK(nvrtcDestroyProgram(&program));
        OK(cuModuleLoadData(&module, image.c_str()));
    }
    ~Kernels() { cuModuleUnload(module); }
    CUfunction get(const char* name) {
        CUfunction function = nullptr;
        OK(cuModuleGetFunction(&function, module, name));
        return function;
    }
    CUmodule module = nullptr;
};

inline int scale(CUfunction function, CUstream stream, CUdeviceptr in, CUdeviceptr out, float factor, int count) {
    void* params[] = {&in, &out, &factor, &count};
    return cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, params, nullptr);
}

struct Recorded {
    // Captures what `body` puts into `stream`.
    Recorded(CUstream stream, const std::function<void()>& body) {
        OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
        body();
        OK(cuStreamEndCapture(stream, &graph));
        if (graph != nullptr) OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    }
    ~Recorded() {
        if (exec != nullptr) cuGraphExecDestroy(exec);
        if (graph != nullptr) cuGraphDestroy(graph);
    }
    CUgraph graph = nullptr;
    CUgraphExec exec = nullptr;
};
