// What every function of the driver does first: take the lock, note the call, refuse it where it must be.
#pragma once
#include <mutex>

#include "../core/capture.h"
#include "../core/objects.h"
#include "cuda_abi.h"

namespace standin {

enum class Needs { nothing, initialised, context };

class Entry {
public:
    // `releases`: an injected failure does not keep the function from doing its work.
    Entry(const char* name, Needs needs, bool releases = false);
    bool refused() const { return refused_; }
    int code() const { return code_; }
    // Puts an error that an earlier operation left behind in place of success.
    int done(int code = CUDA_SUCCESS) const { return code != CUDA_SUCCESS ? code : code_; }
    // Sleeps, with the lock given back, until the machine's clock has passed `moment`.
    void sleep_until(const Moment& moment);
    // Waits for `moment` and returns the error that work before it has met.
    int wait_for(const Moment& moment);

private:
    std::unique_lock<std::recursive_mutex> lock_;
    bool refused_ = false;
    int code_ = CUDA_SUCCESS;
};

// This thread's current context; null if there is none.
void*& current_context();

} // namespace standin

#define ENTER(needs)                                                                                                  \
    ::standin::Entry entry(__func__, ::standin::Needs::needs);                                                         \
    if (entry.refused()) return entry.code()

#define ENTER_RELEASE()                                                                                               \
    ::standin::Entry entry(__func__, ::standin::Needs::context, true);                                                 \
    if (entry.refused()) return entry.code()

// For calls that the driver counts as unsafe while a thread captures.
#define ENTER_UNSAFE(needs)                                                                                           \
    ENTER(needs);                                                                                                      \
    if (const int forbidden = ::standin::forbid_while_capturing(__func__)) return forbidden

// The live object behind a handle, or the end of the call.
#define LIVE(variable, object, handle)                                                                                \
    auto* const variable = (object);                                                                                   \
    if (variable == nullptr) return ::standin::bad_handle(__func__, handle)

namespace standin {
int bad_handle(const char* call, const void* handle);
}
