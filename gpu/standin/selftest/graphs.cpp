// Captures and graphs.
#include <thread>

#include "launch.h"

namespace {

constexpr int thread_local_mode = CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;

} // namespace

TEST(a_graph_sees_the_memory_of_each_launch) {
    {
        Device device;
        Kernels kernels;
        TestStream stream;
        Floats in(4), out(4);
        Pinned host(4, 1.0f), back(4);
        const CUfunction function = kernels.get("scale");
        Recorded graph(stream, [&] {
            OK(cuMemcpyHtoDAsync_v2(in.address, host.data, host.bytes, stream));
            OK(scale(function, stream, in.address, out.address, 10, 4));
            OK(cuMemcpyDtoHAsync_v2(back.data, out.address, out.bytes, stream));
        });
        size_t nodes = 0;
        OK(cuGraphGetNodes(graph.graph, nullptr, &nodes));
        CHECK(nodes == 3);
        OK(cuGraphUpload(graph.exec, stream));
        for (const float value : {1.0f, 2.0f}) {
            host.data[0] = value;
            OK(cuGraphLaunch(graph.exec, stream));
            CHECK(is_poison(back.data, STANDIN_POISON_PENDING));
            OK(cuStreamSynchronize(stream));
            CHECK(back.data[0] == 10 * value);
        }
    }
    standin_check();
    CHECK(faultless());
}

TEST(events_inside_a_graph_are_reached_at_each_launch) {
    Device device;
    TestStream stream;
    TestEvent start, end;
    Floats a(4);
    standin_set_delay("memset", 2000);
    Recorded graph(stream, [&] {
        OK(cuEventRecordWithFlags(start, stream, CU_EVENT_RECORD_EXTERNAL));
        OK(cuMemsetD32Async(a.address, 0, 4, stream));
        OK(cuEventRecordWithFlags(end, stream, CU_EVENT_RECORD_EXTERNAL));
    });
    float milliseconds = 0;
    for (const double delay : {2000.0, 3000.0}) {
        standin_set_delay("memset", delay);
        OK(cuGraphLaunch(graph.exec, stream));
        CHECK(cuEventQuery(end) == CUDA_ERROR_NOT_READY);
        OK(cuEventSynchronize(end));
        OK(cuEventElapsedTime_v2(&milliseconds, start, end));
        CHECK(milliseconds == static_cast<float>(delay / 1000));
    }
    CHECK(faultless());
    CHECK(cuEventRecordWithFlags(end, stream, CU_EVENT_RECORD_EXTERNAL) == CUDA_ERROR_INVALID_VALUE);
}

TEST(a_graph_with_a_destroyed_event_is_found) {
    Device device;
    TestStream stream;
    CUevent event = nullptr;
    OK(cuEventCreate(&event, 0));
    Recorded graph(stream, [&] { OK(cuEventRecordWithFlags(event, stream, CU_EVENT_RECORD_EXTERNAL)); });
    OK(cuEventDestroy_v2(event));
    OK(cuGraphLaunch(graph.exec, stream));
    CHECK(has_fault("stale-graph", "event is destroyed"));
    cuStreamSynchronize(stream);
}

TEST(a_graph_with_a_stale_pointer_is_found) {
    Device device;
    TestStream stream;
    Floats a(4);
    Recorded graph(stream, [&] { OK(cuMemsetD32Async(a.address, 0, 4, stream)); });
    OK(cuMemFree_v2(a.address));
    a.address = 0;
    OK(cuGraphLaunch(graph.exec, stream));
    CHECK(has_fault("stale-graph", "cuMemsetD32Async"));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

TEST(a_fork_and_a_join_are_captured) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
        Device device(STANDIN_RANDOM, seed);
        TestStream a, b;
        TestEvent fork, join;
        Floats x(4), y(4);
        Pinned out(4);
        Recorded graph(a, [&] {
            OK(cuMemsetD32Async(x.address, 0, 4, a));
            OK(cuEventRecord(fork, a));
            OK(cuStreamWaitEvent(b, fork, 0));
            OK(cuMemcpyDtoDAsync_v2(y.address, x.address, x.bytes, b));
            OK(cuEventRecord(join, b));
            OK(cuStreamWaitEvent(a, join, 0));
            OK(cuMemcpyDtoHAsync_v2(out.data, y.address, y.bytes, a));
        });
        OK(cuGraphLaunch(graph.exec, a));
        OK(cuGraphLaunch(graph.exec, a));
        OK(cuStreamSynchronize(a));
        CHECK(out.data[0] == 0.0f);
        CHECK(faultless());
    }
}

TEST(launches_of_one_graph_follow_each_other_in_whatever_streams) {
    Device device;
    TestStream a, b;
    Floats x(4);
    Recorded graph(a, [&] { OK(cuMemsetD32Async(x.address, 0, 4, a)); });
    OK(cuGraphLaunch(graph.exec, a));
    OK(cuGraphLaunch(graph.exec, b));
    OK(cuStreamSynchronize(b));
    CHECK(standin_pending() == 0);
    OK(cuStreamSynchronize(a));
    CHECK(faultless());
}

TEST(a_race_within_a_graph_is_found) {
    Device device;
    TestStream a, b;
    TestEvent fork, join;
    Floats x(4);
    Recorded graph(a, [&] {
        OK(cuEventRecord(fork, a));
        OK(cuStreamWaitEvent(b, fork, 0));
        OK(cuMemsetD32Async(x.address, 0, 4, a));
        OK(cuMemsetD32Async(x.address, 1, 4, b));
        OK(cuEventRecord(join, b));
        OK(cuStreamWaitEvent(a, join, 0));
    });
    OK(cuGraphLaunch(graph.exec, a));
    CHECK(has_fault("race", "branch 1 of a graph"));
    OK(cuStreamSynchronize(a));
}

TEST(a_fork_that_is_not_joined_is_found) {
    Device device;
    TestStream a, b;
    TestEvent fork;
    Floats x(4);
    CUgraph graph = nullptr;
    OK(cuStreamBeginCapture_v2(a, thread_local_mode));
    OK(cuEventRecord(fork, a));
    OK(cuStreamWaitEvent(b, fork, 0));
    OK(cuMemsetD32Async(x.address, 1, 4, b));
    CHECK(cuStreamEndCapture(a, &graph) == CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
    CHECK(has_fault("capture", "not joined"));
    OK(cuMemsetD32Async(x.address, 1, 4, b)); // b is out of the capture again
    OK(cuStreamSynchronize(b));
}

TEST(what_a_capture_forbids_spoils_it) {
    const std::function<int(CUstream)> forbidden[] = {
        [](CUstream stream) { return cuStreamSynchronize(stream); },
        [](CUstream stream) { return cuStreamQuery(stream); },
        [](CUstream) { return cuCtxSynchronize(); },
        [](CUstream) {
            CUdeviceptr memory = 0;
            return cuMemAlloc_v2(&memory, 4);
        },
        [](CUstream) {
            void* memory = nullptr;
            return cuMemHostAlloc(&memory, 4, 0);
        },
    };
    for (const auto& call : forbidden) {
        Device device;
        TestStream stream;
        Floats x(4);
        CUgraph graph = nullptr;
        OK(cuStreamBeginCapture_v2(stream, thread_local_mode));
        CHECK(call(stream) == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
        CHECK(has_fault("capture"));
        CHECK(cuMemsetD32Async(x.address, 0, 4, stream) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        CHECK(cuStreamEndCapture(stream, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        CHECK(graph == nullptr);
        OK(cuStreamSynchronize(stream));
    }
}

TEST(an_event_from_before_a_capture_does_not_enter_it) {
    Device device;
    TestStream a, b;
    TestEvent event;
    Floats x(4);
    OK(cuMemsetD32Async(x.address, 0, 4, b));
    OK(cuEventRecord(event, b));
    OK(cuStreamBeginCapture_v2(a, thread_local_mode));
    CHECK(cuStreamWaitEvent(a, event, 0) == CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    CUgraph graph = nullptr;
    CHECK(cuStreamEndCapture(a, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuStreamSynchronize(b));
}

TEST(a_captured_event_is_not_waited_for) {
    Device device;
    TestStream a;
    TestEvent event;
    CUgraph graph = nullptr;
    OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cuEventRecord(event, a));
    CHECK(cuEventQuery(event) == CUDA_ERROR_CAPTURED_EVENT);
    CHECK(cuStreamEndCapture(a, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    CHECK(cuEventSynchronize(event) == CUDA_ERROR_CAPTURED_EVENT);
}

TEST(unbalanced_captures_are_found) {
    Device device;
    CUgraph graph = nullptr;
    TestStream stream;
    CHECK(cuStreamEndCapture(stream, &graph) == CUDA_ERROR_ILLEGAL_STATE);
    CHECK(has_fault("capture", "without having begun"));
    OK(cuStreamBeginCapture_v2(stream, thread_local_mode));
    CHECK(cuStreamBeginCapture_v2(stream, thread_local_mode) == CUDA_ERROR_ILLEGAL_STATE);
    CHECK(has_fault("capture", "begins twice"));
    standin_check();
    CHECK(has_fault("capture", "never ended"));
    OK(cuStreamDestroy_v2(stream));
    stream.handle = nullptr;
    CHECK(has_fault("capture", "is destroyed while it is being captured"));
}

TEST(captures_belong_to_their_thread) {
    Device device;
    TestStream stream;
    CUgraph graph = nullptr;
    OK(cuStreamBeginCapture_v2(stream, thread_local_mode));
    std::thread([&] {
        OK(cuCtxSetCurrent(device.context));
        // Thread-local: other threads may allocate meanwhile, but not end the capture.
        Floats x(4);
        CHECK(cuStreamEndCapture(stream, &graph) == CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
    }).join();
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphDestroy(graph));
    CHECK(has_fault("capture", "another thread"));
}

TEST(the_null_stream_is_not_captured) {
    Device device;
    CHECK(cuStreamBeginCapture_v2(nullptr, thread_local_mode) == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CHECK(has_fault("capture", "null stream"));
}

