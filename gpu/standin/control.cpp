// The functions of standin.h.
#include <cstring>

#include "core/objects.h"
#include "driver/cuda_abi.h"

using namespace standin;

namespace {

using Guard = std::lock_guard<std::recursive_mutex>;

int check_host(const char* what, const char* fault_kind, const void* pointer, size_t size, bool writing) {
    const Guard guard(lock());
    State& s = state();
    const Access* access = s.schedule.not_waited_for(reinterpret_cast<uintptr_t>(pointer), size, writing);
    if (access == nullptr) return 1;
    s.fault(fault_kind, std::string("the host ") + what + " memory that " + access->operation + (access->write ? " writes" : " reads") +
                            ", which has not been waited for");
    return 0;
}

} // namespace

API void standin_reset(void) {
    const Guard guard(lock());
    reset_state();
}

API void standin_set_policy(int policy, uint64_t seed) {
    const Guard guard(lock());
    state().schedule.set_policy(policy, seed);
}

API void standin_set_network(standin_network_fn fn, void* user) {
    const Guard guard(lock());
    state().settings.network = fn;
    state().settings.network_user = user;
}

API void standin_set_shapes(standin_shapes_fn fn, void* user) {
    const Guard guard(lock());
    state().settings.shapes = fn;
    state().settings.shapes_user = user;
}

API void standin_set_device_count(int count) {
    const Guard guard(lock());
    state().settings.devices = count;
}

API void standin_set_compute_capability(int major, int minor) {
    const Guard guard(lock());
    state().settings.major = major;
    state().settings.minor = minor;
}

API void standin_set_memory(size_t bytes) {
    const Guard guard(lock());
    state().settings.memory = bytes;
}

API void standin_set_integrated(int integrated) {
    const Guard guard(lock());
    state().settings.integrated = integrated;
}

API void standin_set_memory_pools(int supported) {
    const Guard guard(lock());
    state().settings.pools = supported;
}

API void standin_set_driver_version(int version) {
    const Guard guard(lock());
    state().settings.driver = version;
}

API void standin_set_delay(const char* prefix, double microseconds) {
    const Guard guard(lock());
    state().calls.set_delay(prefix, microseconds);
}

API void standin_set_sleep_factor(double factor) {
    const Guard guard(lock());
    state().schedule.set_sleep_factor(factor);
}

API void standin_fail(const char* name, int nth, int code) {
    const Guard guard(lock());
    state().calls.fail(name, nth, code);
}

API void standin_fail_call(long nth, int code) {
    const Guard guard(lock());
    state().calls.fail_call(nth, code);
}

API void standin_fail_operation(const char* prefix, int nth, int code) {
    const Guard guard(lock());
    state().calls.fail_operation(prefix, nth, code);
}

API void standin_fail_compile(const char* log) {
    const Guard guard(lock());
    state().settings.compile_fails = true;
    state().settings.compile_log = log;
}

API long standin_call_count(void) {
    const Guard guard(lock());
    return static_cast<long>(state().calls.names().size());
}

API const char* standin_call_name(long index) {
    const Guard guard(lock());
    const auto& names = state().calls.names();
    if (index < 0 || index >= static_cast<long>(names.size())) return nullptr;
    return names[static_cast<size_t>(index)].c_str();
}

API size_t standin_faults(char* buf, size_t size) {
    const Guard guard(lock());
    const std::string text = state().faults.text();
    if (buf != nullptr && size > 0) {
        const size_t length = std::min(size - 1, text.size());
        std::memcpy(buf, text.data(), length);
        buf[length] = '\0';
    }
    return text.size();
}

API void standin_clear_faults(void) {
    const Guard guard(lock());
    state().faults.clear();
}

API long standin_leaks(void) {
    const Guard guard(lock());
    return state().leaks();
}

API void standin_check(void) {
    const Guard guard(lock());
    state().check();
}

API int standin_check_host_read(const void* ptr, size_t len) {
    return check_host("reads", kind::host_read, ptr, len, false);
}

API int standin_check_host_write(const void* ptr, size_t len) {
    return check_host("writes", kind::host_write, ptr, len, true);
}

API size_t standin_memory_used(void) {
    const Guard guard(lock());
    return state().heap.used();
}

API size_t standin_memory_peak(void) {
    const Guard guard(lock());
    return state().heap.peak();
}

API long standin_pending(void) {
    const Guard guard(lock());
    return state().schedule.pending();
}
