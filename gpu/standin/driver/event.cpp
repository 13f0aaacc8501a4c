// Events.
#include "entry.h"

using namespace standin;

namespace {

// An event that was last recorded in a capture marks a place in a graph, not a moment.
int forbid_captured(const char* call, Event& event) {
    if (!event.captured) return 0;
    if (const auto capture = event.capture.lock()) capture->invalid = true;
    state().fault(kind::capture, std::string(call) + " on an event that was last recorded in a capture");
    return CUDA_ERROR_CAPTURED_EVENT;
}

int record(Event& event, Stream& stream) {
    if (stream.capture) return capture_record(stream, event);
    State& s = state();
    s.order_with_legacy(stream);
    event.captured = false;
    event.recorded = true;
    event.moment = s.schedule.moment(stream.lane);
    event.moment.merge(s.schedule.host());
    return CUDA_SUCCESS;
}

} // namespace

API CUresult cuEventCreate(CUevent* handle, unsigned flags) {
    ENTER(context);
    auto event = std::make_unique<Event>();
    event->timing = (flags & CU_EVENT_DISABLE_TIMING) == 0;
    *handle = state().events.add(std::move(event));
    return CUDA_SUCCESS;
}

API CUresult cuEventDestroy_v2(CUevent handle) {
    ENTER_RELEASE();
    LIVE(event, state().events.live(handle), handle);
    event->dead = true;
    return entry.done();
}

API CUresult cuEventRecord(CUevent handle, CUstream stream_handle) {
    ENTER(context);
    State& s = state();
    LIVE(event, s.events.live(handle), handle);
    LIVE(stream, s.stream(stream_handle), stream_handle);
    return record(*event, *stream);
}

API CUresult cuEventRecordWithFlags(CUevent handle, CUstream stream_handle, unsigned flags) {
    ENTER(context);
    State& s = state();
    LIVE(event, s.events.live(handle), handle);
    LIVE(stream, s.stream(stream_handle), stream_handle);
    if (flags != CU_EVENT_RECORD_EXTERNAL) return record(*event, *stream);
    if (stream->capture) return capture_external_record(*stream, *event);
    s.fault(kind::argument, "an event is recorded as external outside of a capture");
    return CUDA_ERROR_INVALID_VALUE;
}

API CUresult cuEventSynchronize(CUevent handle) {
    ENTER_UNSAFE(context);
    LIVE(event, state().events.live(handle), handle);
    if (const int code = forbid_captured(__func__, *event)) return code;
    if (!event->recorded) return CUDA_SUCCESS;
    return entry.wait_for(event->moment);
}

API CUresult cuEventQuery(CUevent handle) {
    ENTER_UNSAFE(context);
    State& s = state();
    LIVE(event, s.events.live(handle), handle);
    if (const int code = forbid_captured(__func__, *event)) return code;
    if (!event->recorded) return CUDA_SUCCESS;
    if (!s.schedule.poll(event->moment)) return CUDA_ERROR_NOT_READY;
    return s.schedule.take_error();
}

API CUresult cuEventElapsedTime(float* milliseconds, CUevent from, CUevent to) {
    ENTER(context);
    State& s = state();
    LIVE(start, s.events.live(from), from);
    LIVE(end, s.events.live(to), to);
    for (Event* event : {start, end}) {
        if (const int code = forbid_captured(__func__, *event)) return code;
        if (!event->timing || !event->recorded) {
            s.fault(kind::argument, std::string(__func__) + (event->timing ? " of an event that was never recorded"
                                                                            : " of an event made without timing"));
            return CUDA_ERROR_INVALID_HANDLE;
        }
        if (!s.schedule.poll(event->moment)) return CUDA_ERROR_NOT_READY;
    }
    *milliseconds = static_cast<float>((end->moment.virtual_us - start->moment.virtual_us) / 1000.0);
    return CUDA_SUCCESS;
}

API CUresult cuEventElapsedTime_v2(float* milliseconds, CUevent from, CUevent to) {
    return cuEventElapsedTime(milliseconds, from, to);
}
