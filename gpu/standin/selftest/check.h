// A small harness: TEST(name) { ... }, CHECK(condition), and what all tests need of the driver.
#pragma once
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../standin.h"
#include "driver_api.h"

struct TestCase {
    const char* name;
    void (*run)();
};
std::vector<TestCase>& tests();
int& failures();

#define TEST(name)                                                                                                     \
    static void name();                                                                                                \
    static const bool name##_listed = (tests().push_back({#name, name}), true);                                        \
    static void name()

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::printf("%s:%d: not true: %s\nfaults:\n%s", __FILE__, __LINE__, #condition, faults().c_str());          \
            ++failures();                                                                                              \
        }                                                                                                              \
    } while (false)

#define OK(call) CHECK((call) == CUDA_SUCCESS)

inline std::string faults() {
    std::string text(standin_faults(nullptr, 0) + 1, '\0');
    standin_faults(text.data(), text.size());
    text.pop_back();
    return text;
}

// Whether a fault of this kind is there, with these words in it.
inline bool has_fault(const std::string& kind, const std::string& words = "") {
    const std::string all = "\n" + faults();
    for (size_t at = all.find("\n" + kind + ": "); at != std::string::npos; at = all.find("\n" + kind + ": ", at + 1)) {
        if (all.substr(at, all.find('\n', at + 1) - at).find(words) != std::string::npos) return true;
    }
    return false;
}

inline bool faultless() { return faults().empty(); }

// A context that is current, until the end of the scope.
struct Device {
    explicit Device(int policy = STANDIN_LATE, uint64_t seed = 0) {
        standin_reset();
        standin_set_policy(policy, seed);
        OK(cuInit(0));
        OK(cuDevicePrimaryCtxRetain(&context, 0));
        OK(cuCtxSetCurrent(context));
    }
    ~Device() { cuDevicePrimaryCtxRelease_v2(0); }
    CUcontext context = nullptr;
};

struct TestStream {
    TestStream() { OK(cuStreamCreateWithPriority(&handle, CU_STREAM_NON_BLOCKING, 0)); }
    ~TestStream() {
        if (handle != nullptr) cuStreamDestroy_v2(handle);
    }
    operator CUstream() const { return handle; }
    CUstream handle = nullptr;
};

struct TestEvent {
    explicit TestEvent(unsigned flags = 0) { OK(cuEventCreate(&handle, flags)); }
    ~TestEvent() { cuEventDestroy_v2(handle); }
    operator CUevent() const { return handle; }
    CUevent handle = nullptr;
};

struct Floats {
    explicit Floats(size_t count) : bytes(count * 4) { OK(cuMemAlloc_v2(&address, bytes)); }
    ~Floats() {
        if (address != 0) cuMemFree_v2(address);
    }
    CUdeviceptr address = 0;
    size_t bytes;
};

struct Pinned {
    explicit Pinned(size_t count, float value = 0) : bytes(count * 4) {
        void* raw = nullptr;
        OK(cuMemHostAlloc(&raw, bytes, 0));
        data = static_cast<float*>(raw);
        for (size_t i = 0; i < count; ++i) data[i] = value;
    }
    ~Pinned() {
        if (data != nullptr) cuMemFreeHost(data);
    }
    float* data = nullptr;
    size_t bytes;
};

inline bool is_poison(const float* at, uint32_t word) { return std::memcmp(at, &word, 4) == 0; }
