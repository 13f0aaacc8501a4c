// Order between streams, events, time, failures.
#include <chrono>
#include <thread>

#include "check.h"

TEST(missing_synchronisation_between_streams_is_found) {
    Device device;
    TestStream a, b;
    Floats memory(4);
    Pinned out(4);
    OK(cuMemsetD32Async(memory.address, 5, 4, a));
    OK(cuMemcpyDtoHAsync_v2(out.data, memory.address, memory.bytes, b));
    CHECK(has_fault("race", "copy:dtoh on stream 2 reads"));
    OK(cuCtxSynchronize());
}

TEST(an_event_orders_streams) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Device device(STANDIN_RANDOM, seed);
        TestStream a, b;
        TestEvent event;
        Floats memory(4);
        Pinned out(4);
        OK(cuMemsetD32Async(memory.address, 0, 4, a));
        OK(cuEventRecord(event, a));
        OK(cuStreamWaitEvent(b, event, 0));
        OK(cuMemcpyDtoHAsync_v2(out.data, memory.address, memory.bytes, b));
        OK(cuStreamSynchronize(b));
        OK(cuStreamSynchronize(a));
        CHECK(out.data[3] == 0.0f);
        CHECK(faultless());
    }
}

TEST(a_wait_before_the_record_orders_nothing) {
    Device device;
    TestStream a, b;
    TestEvent event;
    Floats memory(4);
    OK(cuStreamWaitEvent(b, event, 0));
    OK(cuMemsetD32Async(memory.address, 0, 4, a));
    OK(cuEventRecord(event, a));
    OK(cuMemsetD32Async(memory.address, 1, 4, b));
    CHECK(has_fault("race", "memset"));
    OK(cuCtxSynchronize());
}

TEST(the_host_orders_streams) {
    Device device;
    TestStream a, b;
    Floats memory(4);
    OK(cuMemsetD32Async(memory.address, 0, 4, a));
    OK(cuStreamSynchronize(a));
    OK(cuMemsetD32Async(memory.address, 1, 4, b));
    OK(cuStreamSynchronize(b));
    CHECK(faultless());
}

TEST(different_parts_of_a_block_do_not_race) {
    Device device;
    TestStream a, b;
    Floats memory(4);
    OK(cuMemsetD32Async(memory.address, 0, 2, a));
    OK(cuMemsetD32Async(memory.address + 8, 1, 2, b));
    OK(cuCtxSynchronize());
    CHECK(faultless());
}

TEST(late_runs_nothing_that_nobody_needs) {
    Device device;
    TestStream a, b;
    Floats x(4), y(4);
    OK(cuMemsetD32Async(x.address, 0, 4, a));
    OK(cuMemsetD32Async(y.address, 0, 4, b));
    CHECK(standin_pending() == 2);
    OK(cuStreamSynchronize(b));
    CHECK(standin_pending() == 1);
    OK(cuStreamSynchronize(a));
    CHECK(standin_pending() == 0);
}

TEST(a_polling_loop_comes_to_its_end) {
    Device device;
    TestStream stream;
    TestEvent event;
    Floats x(4);
    OK(cuMemsetD32Async(x.address, 0, 4, stream));
    OK(cuMemsetD32Async(x.address, 1, 4, stream));
    OK(cuEventRecord(event, stream));
    CHECK(cuEventQuery(event) == CUDA_ERROR_NOT_READY);
    CHECK(cuEventQuery(event) == CUDA_ERROR_NOT_READY);
    CHECK(cuEventQuery(event) == CUDA_SUCCESS);
    CHECK(cuStreamQuery(stream) == CUDA_SUCCESS);
}

TEST(events_measure_the_virtual_clock) {
    Device device;
    TestStream stream;
    TestEvent start, middle, end;
    Floats x(4);
    standin_set_delay("memset", 1500);
    OK(cuEventRecord(start, stream));
    OK(cuMemsetD32Async(x.address, 0, 4, stream));
    OK(cuEventRecord(middle, stream));
    OK(cuMemsetD32Async(x.address, 0, 4, stream));
    OK(cuEventRecord(end, stream));
    float milliseconds = 0;
    CHECK(cuEventElapsedTime_v2(&milliseconds, start, end) == CUDA_ERROR_NOT_READY);
    OK(cuEventSynchronize(end));
    OK(cuEventElapsedTime_v2(&milliseconds, start, end));
    CHECK(milliseconds == 3.0f);
    OK(cuEventElapsedTime_v2(&milliseconds, start, middle));
    CHECK(milliseconds == 1.5f);
}

TEST(streams_overlap_on_the_virtual_clock) {
    Device device;
    TestStream a, b;
    TestEvent start, end_a, end_b;
    Floats x(4), y(4);
    standin_set_delay("memset", 1000);
    OK(cuEventRecord(start, a));
    OK(cuMemsetD32Async(x.address, 0, 4, a));
    OK(cuMemsetD32Async(y.address, 0, 4, b));
    OK(cuEventRecord(end_a, a));
    OK(cuEventRecord(end_b, b));
    OK(cuCtxSynchronize());
    float milliseconds = 0;
    OK(cuEventElapsedTime_v2(&milliseconds, start, end_b));
    CHECK(milliseconds == 1.0f);
}

TEST(an_event_without_timing_has_no_time) {
    Device device;
    TestStream stream;
    TestEvent timed, untimed(CU_EVENT_DISABLE_TIMING);
    OK(cuEventRecord(timed, stream));
    OK(cuEventRecord(untimed, stream));
    float milliseconds = 0;
    CHECK(cuEventElapsedTime_v2(&milliseconds, timed, untimed) == CUDA_ERROR_INVALID_HANDLE);
    CHECK(has_fault("argument", "without timing"));
}

TEST(delays_are_felt_by_who_waits_and_by_nobody_else) {
    using Clock = std::chrono::steady_clock;
    for (const int policy : {STANDIN_EAGER, STANDIN_LATE}) {
        Device device(policy);
        TestStream stream;
        TestEvent event;
        Floats x(4);
        standin_set_delay("memset", 50000);
        standin_set_sleep_factor(1);
        const auto start = Clock::now();
        OK(cuMemsetD32Async(x.address, 0, 4, stream));
        OK(cuEventRecord(event, stream));
        CHECK(cuEventQuery(event) == CUDA_ERROR_NOT_READY);
        const auto enqueued = Clock::now();
        OK(cuStreamSynchronize(stream));
        const auto done = Clock::now();
        CHECK(enqueued - start < std::chrono::milliseconds(40));
        CHECK(done - start >= std::chrono::milliseconds(50));
        CHECK(cuEventQuery(event) == CUDA_SUCCESS);
    }
}

TEST(a_stream_destroyed_with_work_is_found) {
    Device device;
    TestStream stream;
    Floats x(4);
    OK(cuMemsetD32Async(x.address, 0, 4, stream));
    OK(cuStreamDestroy_v2(stream));
    CHECK(has_fault("pending-work", "stream 1"));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_INVALID_HANDLE);
    CHECK(has_fault("invalid-handle", "destroyed object"));
    stream.handle = nullptr;
}

TEST(a_thread_without_a_context_is_found) {
    Device device;
    TestStream stream;
    std::thread([&] { CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_INVALID_CONTEXT); }).join();
    CHECK(has_fault("wrong-context", "cuStreamSynchronize"));
}

TEST(calls_fail_when_told) {
    Device device;
    TestStream stream;
    Floats x(4);
    standin_fail("cuMemsetD32Async", 2, CUDA_ERROR_UNKNOWN);
    OK(cuMemsetD32Async(x.address, 0, 4, stream));
    CHECK(cuMemsetD32Async(x.address, 0, 4, stream) == CUDA_ERROR_UNKNOWN);
    OK(cuMemsetD32Async(x.address, 0, 4, stream));
    const long calls = standin_call_count();
    CHECK(std::string(standin_call_name(calls - 1)) == "cuMemsetD32Async");
    CHECK(standin_call_name(calls) == nullptr);
    standin_fail_call(1, CUDA_ERROR_OUT_OF_MEMORY);
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_OUT_OF_MEMORY);
    OK(cuStreamSynchronize(stream));
    CHECK(faultless());
}

TEST(a_release_that_fails_still_releases) {
    Device device;
    CUdeviceptr memory = 0;
    OK(cuMemAlloc_v2(&memory, 16));
    standin_fail("cuMemFree_v2", 1, CUDA_ERROR_LAUNCH_FAILED);
    CHECK(cuMemFree_v2(memory) == CUDA_ERROR_LAUNCH_FAILED);
    CHECK(standin_leaks() == 0);
}

TEST(an_operation_fails_at_the_synchronisation) {
    Device device;
    TestStream stream;
    Floats x(4);
    standin_fail_operation("memset", 1, CUDA_ERROR_UNKNOWN);
    OK(cuMemsetD32Async(x.address, 0, 4, stream));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_UNKNOWN);
    OK(cuStreamSynchronize(stream));
}

TEST(a_lost_device_stays_lost_but_releases) {
    Device device;
    CUdeviceptr memory = 0;
    OK(cuMemAlloc_v2(&memory, 16));
    TestStream stream;
    standin_fail_operation("memset", 1, CUDA_ERROR_ILLEGAL_ADDRESS);
    OK(cuMemsetD32Async(memory, 0, 4, stream));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cuMemsetD32Async(memory, 0, 4, stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cuMemFree_v2(memory) == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(cuStreamDestroy_v2(stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
    stream.handle = nullptr;
    CHECK(standin_leaks() == 0);
    CHECK(faultless());
}

TEST(without_a_device_nothing_starts) {
    standin_reset();
    standin_set_device_count(0);
    CHECK(cuInit(0) == CUDA_ERROR_NO_DEVICE);
    int count = 0;
    CHECK(cuDeviceGetCount(&count) == CUDA_ERROR_NOT_INITIALIZED);
    const char* name = nullptr;
    OK(cuGetErrorName(CUDA_ERROR_NO_DEVICE, &name));
    CHECK(std::string(name) == "CUDA_ERROR_NO_DEVICE");
}
