// What all classes of the stand-in's TensorRT share.
#pragma once
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <mutex>
#include <string>
#include <type_traits>

#include "../core/capture.h"
#include "../core/objects.h"
#include "../driver/cuda_abi.h"

namespace standin::trt {

void note_unexpected(const char* name) noexcept;

// What a method that the stand-in does not implement returns.
template <class T>
T unexpected(const char* name) noexcept {
    note_unexpected(name);
    if constexpr (std::is_void_v<T>) {
        return;
    } else if constexpr (std::is_reference_v<T>) {
        // There is no object to refer to. Whoever uses this reference crashes, after the fault is noted.
        alignas(16) static char nothing[64] = {};
        return reinterpret_cast<T>(nothing);
    } else {
        return T{};
    }
}

// Where an object's errors go: to its logger, and to its recorder where it has one.
struct Voice {
    nvinfer1::ILogger* logger = nullptr;
    nvinfer1::IErrorRecorder* recorder = nullptr;

    void error(const std::string& text, nvinfer1::ErrorCode code = nvinfer1::ErrorCode::kINVALID_ARGUMENT) const noexcept;
    void info(const std::string& text) const noexcept;
};

// One call into TensorRT: holds the lock, is counted, takes the time that was set for it and may be told to
// fail.
class Call {
public:
    Call(const char* name, const Voice& voice);
    bool failed() const { return failed_; }

private:
    std::unique_lock<std::recursive_mutex> lock_;
    bool failed_ = false;
};

// Counts the live objects of a class, and knows whether they are of before a reset.
class Tracked {
public:
    explicit Tracked(const char* name);
    ~Tracked();
    bool current() const { return state().generation == generation_; }
    Tracked(const Tracked&) = delete;
    Tracked& operator=(const Tracked&) = delete;

private:
    const char* name_;
    uint64_t generation_;
};

// Device memory that TensorRT takes for itself. Null address if there was none.
class Scratch {
public:
    Scratch() = default;
    Scratch(size_t size, const std::string& what);
    ~Scratch();
    Scratch(Scratch&& other) noexcept;
    Scratch& operator=(Scratch&& other) noexcept;
    uintptr_t address() const { return address_; }
    size_t size() const { return size_; }

private:
    void release();
    uintptr_t address_ = 0;
    size_t size_ = 0;
    uint64_t serial_ = 0;
};

std::string text(const nvinfer1::Dims& dims);
bool same(const nvinfer1::Dims& a, const nvinfer1::Dims& b);
// Elements, or -1 where a dimension is not known.
int64_t volume(const nvinfer1::Dims& dims);
size_t bytes_of(nvinfer1::DataType type);

} // namespace standin::trt

namespace standin::trt {
using namespace nvinfer1;
using namespace nvonnxparser;
using ErrorCode = nvinfer1::ErrorCode; // the parser has one too
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "unexpected.h"
#pragma GCC diagnostic pop
} // namespace standin::trt
