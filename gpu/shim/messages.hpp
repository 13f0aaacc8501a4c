// What TensorRT says while it works: passed on to the caller's log, errors kept for the next failure.
#ifndef LOOKOUT_TRT_MESSAGES_HPP
#define LOOKOUT_TRT_MESSAGES_HPP

#include "lookout_trt.h"

#include <NvInfer.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <utility>

namespace lookout {

// The errors that the library logged on this thread since the last `begin`. Plain bytes, so that a library
// thread that is ending can still log.
struct ThreadErrors {
    std::size_t bytes;
    char text[LOOKOUT_TRT_ERROR_BYTES];

    void begin() noexcept { bytes = 0; }

    void add(char const *more) noexcept {
        if (bytes != 0) {
            append("; ");
        }
        append(more);
    }

private:
    void append(char const *more) noexcept {
        std::size_t const fits = std::min(std::strlen(more), sizeof text - bytes);
        std::memcpy(text + bytes, more, fits);
        bytes += fits;
    }
};

inline thread_local ThreadErrors thread_errors;

// One for the process and never destroyed: the library keeps the first that it is given for good, and so
// asks for one and the same everywhere.
class Logger final : public nvinfer1::ILogger {
public:
    static Logger &of(lookout_trt_log sink) noexcept {
        alignas(Logger) static unsigned char place[sizeof(Logger)];
        static Logger *const logger = new (place) Logger;
        logger->sink_ = sink;
        return *logger;
    }

    void log(Severity severity, nvinfer1::AsciiChar const *text) noexcept override {
        if (text == nullptr) {
            return;
        }
        if (severity <= Severity::kERROR) {
            thread_errors.add(text);
        }
        lookout_trt_log const sink = sink_;
        if (sink != nullptr) {
            sink(static_cast<int32_t>(severity), text, std::strlen(text));
        }
    }

private:
    std::atomic<lookout_trt_log> sink_{nullptr};
};

// The errors of one object, from whatever thread: a builder has threads of its own.
class Messages {
public:
    void add(char const *text) noexcept {
        try {
            std::lock_guard<std::mutex> guard(mutex_);
            if (text_.size() >= LOOKOUT_TRT_ERROR_BYTES) {
                return;
            }
            if (!text_.empty()) {
                text_ += "; ";
            }
            text_ += text;
        } catch (...) {
            // No memory for the text of an error: the failure itself is still reported.
        }
    }

    // A failure is told once, so that the next one is not blamed with its words.
    std::string take() {
        std::lock_guard<std::mutex> guard(mutex_);
        return std::exchange(text_, std::string());
    }

private:
    std::mutex mutex_;
    std::string text_;
};

// Attached to one object, it gets that object's errors only; the logger gets everybody's.
class Recorder final : public nvinfer1::IErrorRecorder {
public:
    std::string take() { return messages_.take(); }

    int32_t getNbErrors() const noexcept override { return count_.load(); }
    nvinfer1::ErrorCode getErrorCode(int32_t) const noexcept override { return last_.load(); }
    ErrorDesc getErrorDesc(int32_t) const noexcept override { return ""; }
    bool hasOverflowed() const noexcept override { return false; }
    void clear() noexcept override { count_ = 0; }

    bool reportError(nvinfer1::ErrorCode code, ErrorDesc text) noexcept override {
        last_ = code;
        ++count_;
        if (text != nullptr) {
            messages_.add(text);
        }
        // No error is called fatal: whoever made the call sees it fail.
        return false;
    }

    // Its owner outlives what it is attached to, so the count decides nothing.
    RefCount incRefCount() noexcept override { return ++references_; }
    RefCount decRefCount() noexcept override { return --references_; }

private:
    Messages messages_;
    std::atomic<int32_t> count_{0};
    std::atomic<int32_t> references_{0};
    std::atomic<nvinfer1::ErrorCode> last_{nvinfer1::ErrorCode::kSUCCESS};
};

inline void set_error(lookout_trt_error *error, char const *text) noexcept {
    std::size_t const bytes = std::min(std::strlen(text), sizeof error->text - 1);
    std::memcpy(error->text, text, bytes);
    error->text[bytes] = '\0';
}

// What the library said: on this thread, or else to the recorder. Empty if nothing.
inline std::string said(Recorder &recorder) {
    std::string recorded = recorder.take();
    if (thread_errors.bytes == 0) {
        return recorded;
    }
    return std::string(thread_errors.text, thread_errors.bytes);
}

// `what` failed; with the library's own words where it had any.
inline lookout_trt_status fail(
    lookout_trt_error *error, lookout_trt_status status, char const *what, Recorder &recorder) {
    std::string const text = said(recorder);
    set_error(error, text.empty() ? what : text.c_str());
    return status;
}

// Runs `body`; no exception leaves.
template <typename Body>
lookout_trt_status guarded(lookout_trt_error *error, Body &&body) noexcept {
    error->text[0] = '\0';
    thread_errors.begin();
    try {
        return body();
    } catch (std::exception const &exception) {
        set_error(error, exception.what());
    } catch (...) {
        set_error(error, "an exception of unknown type");
    }
    return LOOKOUT_TRT_EXCEPTION;
}

} // namespace lookout

// How the shim hands out bytes: a buffer of the library's, or a text that was copied.
struct lookout_trt_bytes {
    explicit lookout_trt_bytes(nvinfer1::IHostMemory *memory) noexcept : memory(memory) {}
    explicit lookout_trt_bytes(std::string text) : text(std::move(text)) {}
    ~lookout_trt_bytes() { delete memory; }
    lookout_trt_bytes(lookout_trt_bytes const &) = delete;
    lookout_trt_bytes &operator=(lookout_trt_bytes const &) = delete;

    nvinfer1::IHostMemory *memory = nullptr;
    std::string text;
};

#endif
