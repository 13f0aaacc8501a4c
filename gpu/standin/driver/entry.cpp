#include "entry.h"

#include <chrono>
#include <thread>

namespace standin {

void*& current_context() {
    thread_local void* context = nullptr;
    return context;
}

Entry::Entry(const char* name, Needs needs, bool releases) : lock_(lock()) {
    State& s = state();
    const int injected = s.calls.note(name);
    const double cost = s.calls.delay(name, 0);
    if (cost > 0) {
        s.schedule.host_spends(cost);
        Moment until;
        if (s.schedule.sleep_factor() > 0) until.real_us = real_now_us() + cost * s.schedule.sleep_factor();
        sleep_until(until);
    }
    code_ = injected;
    refused_ = injected != 0 && !releases;
    if (refused_ || needs == Needs::nothing) return;
    if (!s.initialised) {
        code_ = CUDA_ERROR_NOT_INITIALIZED;
        refused_ = true;
        return;
    }
    if (needs != Needs::context) return;
    if (current_context() != &s.primary || s.primary.references == 0) {
        s.fault(kind::context, std::string(name) + " without a current context");
        code_ = CUDA_ERROR_INVALID_CONTEXT;
        refused_ = true;
        return;
    }
    if (const int lost = s.schedule.lasting_error()) {
        code_ = lost;
        refused_ = !releases;
    }
}

void Entry::sleep_until(const Moment& moment) {
    const double left = moment.real_us - real_now_us();
    if (moment.real_us <= 0 || left <= 0) return;
    lock_.unlock();
    std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(left));
    lock_.lock();
}

int Entry::wait_for(const Moment& moment) {
    const Moment point = moment; // the stream may move on while this thread sleeps
    const uint64_t generation = state().generation;
    state().schedule.run_until(point.clock);
    sleep_until(point);
    if (state().generation != generation) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    state().schedule.synchronise(point);
    return state().schedule.take_error();
}

int bad_handle(const char* call, const void* handle) {
    State& s = state();
    const bool known = s.streams.knows(handle) || s.events.knows(handle) || s.execs.knows(handle) || s.modules.knows(handle);
    s.fault(kind::handle, std::string(call) + " with " + (known ? "the handle of a destroyed object" : "a handle that was never given out"));
    return CUDA_ERROR_INVALID_HANDLE;
}

} // namespace standin
