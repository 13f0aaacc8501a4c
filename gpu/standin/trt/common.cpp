#include "common.h"

#include <chrono>
#include <thread>

namespace standin::trt {

void note_unexpected(const char* name) noexcept {
    const std::lock_guard guard(lock());
    state().fault(kind::unexpected, std::string(name) + " is not part of the stand-in");
}

void Voice::error(const std::string& text, nvinfer1::ErrorCode code) const noexcept {
    if (recorder != nullptr) recorder->reportError(code, text.c_str());
    if (logger != nullptr) logger->log(nvinfer1::ILogger::Severity::kERROR, text.c_str());
}

void Voice::info(const std::string& text) const noexcept {
    if (logger != nullptr) logger->log(nvinfer1::ILogger::Severity::kINFO, text.c_str());
}

Call::Call(const char* name, const Voice& voice) : lock_(lock()) {
    State& s = state();
    const int code = s.calls.note(name);
    const double cost = s.calls.delay(name, 0);
    if (cost > 0) {
        s.schedule.host_spends(cost);
        const double sleep = cost * s.schedule.sleep_factor();
        lock_.unlock();
        std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(sleep));
        lock_.lock();
    }
    if (code != 0) {
        failed_ = true;
        voice.error(std::string(name) + ": CUDA error " + std::to_string(code) + " (asked for by the test)",
                    nvinfer1::ErrorCode::kINTERNAL_ERROR);
    }
}

Tracked::Tracked(const char* name) : name_(name) {
    const std::lock_guard guard(lock());
    generation_ = state().generation;
    ++state().objects[name_];
}

Tracked::~Tracked() {
    const std::lock_guard guard(lock());
    if (current()) --state().objects[name_];
}

Scratch::Scratch(size_t size, const std::string& what) {
    const std::lock_guard guard(lock());
    State& s = state();
    Block* block = s.heap.allocate(size, Memory::device, what, s.settings.memory);
    if (block == nullptr) return;
    address_ = block->base;
    size_ = size;
    serial_ = block->serial;
}

Scratch::~Scratch() { release(); }

Scratch::Scratch(Scratch&& other) noexcept { *this = std::move(other); }

Scratch& Scratch::operator=(Scratch&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    std::swap(serial_, other.serial_);
    return *this;
}

void Scratch::release() {
    if (address_ == 0) return;
    const std::lock_guard guard(lock());
    State& s = state();
    Block* block = s.heap.find(address_);
    if (block == nullptr || block->serial != serial_ || block->freed) return;
    if (const Access* access = s.schedule.not_waited_for(block->base, block->size, true)) {
        s.fault(kind::lifetime, "the " + block->name + " goes while " + access->operation +
                                    ", which uses it, has not been waited for");
    }
    s.schedule.run_all();
    s.heap.bury(*block, s.faults);
}

std::string text(const nvinfer1::Dims& dims) {
    std::string all = "[";
    for (int32_t i = 0; i < dims.nbDims; ++i) all += (i == 0 ? "" : ",") + std::to_string(dims.d[i]);
    return all + "]";
}

bool same(const nvinfer1::Dims& a, const nvinfer1::Dims& b) {
    return a.nbDims == b.nbDims && std::equal(a.d, a.d + std::max(a.nbDims, 0), b.d);
}

int64_t volume(const nvinfer1::Dims& dims) {
    if (dims.nbDims < 0) return -1;
    int64_t product = 1;
    for (int32_t i = 0; i < dims.nbDims; ++i) {
        if (dims.d[i] < 0) return -1;
        product *= dims.d[i];
    }
    return product;
}

size_t bytes_of(nvinfer1::DataType type) {
    using nvinfer1::DataType;
    switch (type) {
    case DataType::kINT64: return 8;
    case DataType::kFLOAT:
    case DataType::kINT32: return 4;
    case DataType::kHALF:
    case DataType::kBF16: return 2;
    default: return 1;
    }
}

} // namespace standin::trt

API int32_t getInferLibVersion() noexcept { return NV_TENSORRT_VERSION; }
API int32_t getInferLibMajorVersion() noexcept { return NV_TENSORRT_MAJOR; }
API int32_t getInferLibMinorVersion() noexcept { return NV_TENSORRT_MINOR; }
API int32_t getInferLibPatchVersion() noexcept { return NV_TENSORRT_PATCH; }
API int32_t getInferLibBuildVersion() noexcept { return NV_TENSORRT_BUILD; }
API int getNvOnnxParserVersion() noexcept { return NV_ONNX_PARSER_VERSION; }
