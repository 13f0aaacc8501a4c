// Streams.
#include "entry.h"

using namespace standin;

namespace {

CUresult create(CUstream* handle, unsigned flags, int priority) {
    State& s = state();
    auto stream = std::make_unique<Stream>();
    stream->blocking = (flags & CU_STREAM_NON_BLOCKING) == 0;
    stream->priority = priority;
    stream->name = "stream " + std::to_string(s.streams.size() - 1);
    stream->lane = s.schedule.new_lane(stream->name);
    *handle = s.streams.add(std::move(stream));
    return CUDA_SUCCESS;
}

} // namespace

API CUresult cuStreamCreate(CUstream* handle, unsigned flags) {
    ENTER(context);
    return create(handle, flags, 0);
}

API CUresult cuStreamCreateWithPriority(CUstream* handle, unsigned flags, int priority) {
    ENTER(context);
    return create(handle, flags, std::max(-5, std::min(0, priority)));
}

API CUresult cuStreamGetPriority(CUstream handle, int* priority) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    *priority = stream->priority;
    return CUDA_SUCCESS;
}

API CUresult cuStreamGetFlags(CUstream handle, unsigned* flags) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    *flags = stream->blocking ? 0u : unsigned(CU_STREAM_NON_BLOCKING);
    return CUDA_SUCCESS;
}

API CUresult cuStreamGetCtx(CUstream handle, CUcontext* context) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    *context = &state().primary;
    return CUDA_SUCCESS;
}

API CUresult cuStreamDestroy_v2(CUstream handle) {
    ENTER_RELEASE();
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    if (stream == s.legacy || stream == s.per_thread) return CUDA_ERROR_INVALID_HANDLE;
    abandon(*stream, "is destroyed");
    if (s.schedule.has_unwaited(stream->lane)) {
        s.fault(kind::pending, stream->name + " is destroyed before its work was waited for");
    }
    s.schedule.run_until(s.schedule.moment(stream->lane).clock);
    stream->dead = true;
    return entry.done();
}

API CUresult cuStreamSynchronize(CUstream handle) {
    ENTER(context);
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    if (const int code = forbid_waiting(__func__, stream)) return code;
    s.order_with_legacy(*stream);
    return entry.wait_for(s.schedule.moment(stream->lane));
}

API CUresult cuStreamQuery(CUstream handle) {
    ENTER(context);
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    if (const int code = forbid_waiting(__func__, stream)) return code;
    if (const int code = forbid_while_capturing(__func__)) return code;
    if (!s.schedule.poll(s.schedule.moment(stream->lane))) return CUDA_ERROR_NOT_READY;
    return s.schedule.take_error();
}

API CUresult cuStreamWaitEvent(CUstream handle, CUevent event_handle, unsigned) {
    ENTER(context);
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    LIVE(event, s.events.live(event_handle), event_handle);
    if (stream->capture && stream->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (stream->capture || event->captured) return capture_wait(*stream, *event);
    if (event->recorded) s.schedule.moment(stream->lane).merge(event->moment);
    return CUDA_SUCCESS;
}

API CUresult cuStreamBeginCapture_v2(CUstream handle, int mode) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    return begin_capture(*stream, mode);
}

API CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
    ENTER_RELEASE();
    State& s = state();
    LIVE(stream, s.stream(handle), handle);
    *graph = nullptr;
    std::shared_ptr<Graph> made;
    if (const int code = end_capture(*stream, made)) return code;
    if (entry.code() != CUDA_SUCCESS) return entry.code();
    s.graphs.push_back(made);
    *graph = made.get();
    return CUDA_SUCCESS;
}

API CUresult cuStreamIsCapturing(CUstream handle, int* status) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    *status = !stream->capture ? 0 : stream->capture->invalid ? 2 : 1;
    return CUDA_SUCCESS;
}

API CUresult cuLaunchHostFunc(CUstream handle, void (*function)(void*), void* user) {
    ENTER(context);
    LIVE(stream, state().stream(handle), handle);
    Operation op;
    op.name = "host";
    op.where = __func__;
    op.type = NodeType::host;
    op.run = [function, user] {
        function(user);
        return CUDA_SUCCESS;
    };
    return submit(*stream, std::move(op));
}
