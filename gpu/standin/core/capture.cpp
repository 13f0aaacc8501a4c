#include "capture.h"

#include <algorithm>

#include "../driver/cuda_abi.h"

namespace standin {
namespace {

// A mistake in a capture spoils it as a whole; the program learns of it at the latest when it ends it.
int spoil(Capture& capture, int code, const std::string& why) {
    capture.invalid = true;
    state().fault(kind::capture, why);
    return code;
}

void merge_tail(std::vector<size_t>& into, const std::vector<size_t>& from) {
    for (size_t node : from) {
        if (std::find(into.begin(), into.end(), node) == into.end()) into.push_back(node);
    }
}

void leave(Capture& capture) {
    for (Stream* member : capture.members) {
        member->capture.reset();
        member->tail.clear();
        member->branch = 0;
    }
    capture.members.clear();
}

bool joined(const Graph& graph, const std::vector<size_t>& tail) {
    std::vector<bool> reached(graph.nodes.size(), false);
    std::vector<size_t> open = tail;
    while (!open.empty()) {
        const size_t node = open.back();
        open.pop_back();
        if (reached[node]) continue;
        reached[node] = true;
        open.insert(open.end(), graph.nodes[node].needs.begin(), graph.nodes[node].needs.end());
    }
    return std::find(reached.begin(), reached.end(), false) == reached.end();
}

} // namespace

int& thread_mode() {
    thread_local int mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
    return mode;
}

int forbid_while_capturing(const char* call) {
    if (thread_mode() == CU_STREAM_CAPTURE_MODE_RELAXED) return 0;
    for (const auto& capture : state().captures) {
        const bool own = capture->thread == std::this_thread::get_id();
        const bool hit = (own && capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED) ||
                         (capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL && thread_mode() == CU_STREAM_CAPTURE_MODE_GLOBAL);
        if (hit) {
            return spoil(*capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                         std::string(call) + " while " + capture->origin->name + " is being captured");
        }
    }
    return 0;
}

int forbid_waiting(const char* call, Stream* stream) {
    for (const auto& capture : state().captures) {
        if (stream == nullptr || stream->capture == capture) {
            return spoil(*capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                         std::string(call) + " waits for " + capture->origin->name + ", which is being captured");
        }
    }
    return 0;
}

int begin_capture(Stream& stream, int mode) {
    State& s = state();
    if (&stream == s.legacy) {
        s.fault(kind::capture, "the null stream cannot be captured");
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (stream.capture) {
        s.fault(kind::capture, "the capture of " + stream.name + " begins twice");
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    auto capture = std::make_shared<Capture>();
    capture->origin = &stream;
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->members.insert(&stream);
    stream.capture = capture;
    s.captures.insert(capture);
    return 0;
}

int end_capture(Stream& stream, std::shared_ptr<Graph>& graph) {
    State& s = state();
    const auto capture = stream.capture;
    if (!capture) {
        s.fault(kind::capture, "the capture of " + stream.name + " ends without having begun");
        return CUDA_ERROR_ILLEGAL_STATE;
    }
    if (capture->origin != &stream) {
        return spoil(*capture, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED,
                     "the capture that began in " + capture->origin->name + " is ended in " + stream.name);
    }
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != std::this_thread::get_id()) {
        s.fault(kind::capture, "the capture of " + stream.name + " is ended by another thread");
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    }
    int code = capture->invalid ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : 0;
    if (code == 0 && !joined(*capture->graph, stream.tail)) {
        code = spoil(*capture, CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
                     "a stream that joined the capture of " + stream.name + " was not joined back to it");
    }
    s.captures.erase(capture);
    leave(*capture);
    if (code == 0) graph = capture->graph;
    return code;
}

void abandon(Stream& stream, const char* why) {
    if (!stream.capture) return;
    const auto capture = stream.capture;
    spoil(*capture, 0, stream.name + " " + why + " while it is being captured");
    if (capture->origin == &stream) {
        state().captures.erase(capture);
        leave(*capture);
    } else {
        capture->members.erase(&stream);
        stream.capture.reset();
    }
}

int capture_record(Stream& stream, Event& event) {
    if (stream.capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    event.captured = true;
    event.recorded = false;
    event.capture = stream.capture;
    event.tail = stream.tail;
    return 0;
}

int capture_external_record(Stream& stream, Event& event) {
    Operation op;
    op.name = "event";
    op.where = "cuEventRecordWithFlags";
    op.type = NodeType::event_record;
    op.reached = [&event](const Moment& moment) {
        event.captured = false;
        event.recorded = true;
        event.moment = moment;
    };
    op.stale = [&event]() -> std::string { return event.dead ? "its event is destroyed" : ""; };
    return submit(stream, std::move(op));
}

int capture_wait(Stream& stream, Event& event) {
    State& s = state();
    const auto origin = event.capture.lock();
    const bool open = event.captured && origin && s.captures.count(origin) != 0;
    if (event.captured && !open) {
        s.fault(kind::capture, "a stream waits for an event of a capture that has ended");
        if (stream.capture) stream.capture->invalid = true;
        return CUDA_ERROR_CAPTURED_EVENT;
    }
    if (!event.captured) {
        // An event that was never recorded orders nothing and so crosses no boundary.
        if (!event.recorded) return 0;
        return spoil(*stream.capture, CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
                     stream.name + " waits, while it is being captured, for an event from before the capture");
    }
    if (origin->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (stream.capture && stream.capture != origin) {
        spoil(*origin, 0, "two captures are joined by an event");
        return spoil(*stream.capture, CUDA_ERROR_STREAM_CAPTURE_MERGE, "two captures are joined by an event");
    }
    if (!stream.capture) {
        if (&stream == s.legacy) {
            return spoil(*origin, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "the null stream waits for a captured event");
        }
        stream.capture = origin;
        stream.branch = origin->graph->branches++;
        origin->members.insert(&stream);
    }
    merge_tail(stream.tail, event.tail);
    return 0;
}

int submit(Stream& stream, Operation op) {
    State& s = state();
    if (!stream.capture) {
        // The null stream waits for blocking streams; one of them that captures cannot be waited for.
        for (const auto& capture : s.captures) {
            for (Stream* member : capture->members) {
                if (&stream == s.legacy && member->blocking) {
                    return spoil(*capture, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                                 op.where + " uses the null stream while " + member->name + " is being captured");
                }
            }
        }
        op.broken = s.schedule.check(op);
        s.order_with_legacy(stream);
        s.schedule.enqueue(stream.lane, std::move(op));
        return 0;
    }
    Capture& capture = *stream.capture;
    if (capture.invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    for (Use& use : op.uses) {
        Block* block = s.heap.find(use.begin);
        if (block != nullptr && !block->freed) use.serial = block->serial;
    }
    Graph& graph = *capture.graph;
    graph.nodes.push_back({std::move(op), stream.tail, stream.branch});
    stream.tail = {graph.nodes.size() - 1};
    return 0;
}

int launch(GraphExec& exec, Stream& stream) {
    State& s = state();
    if (stream.capture) {
        return spoil(*stream.capture, CUDA_ERROR_NOT_SUPPORTED,
                     "a graph is launched into a capture, which the stand-in does not know");
    }
    Schedule& schedule = s.schedule;
    s.order_with_legacy(stream);
    Moment& trunk = schedule.moment(stream.lane);
    trunk.merge(exec.last);
    trunk.merge(schedule.host());
    const auto lane = [&](size_t branch) { return branch == 0 ? stream.lane : exec.lanes[branch - 1]; };
    const Moment start = trunk;
    for (size_t branch = 1; branch <= exec.lanes.size(); ++branch) schedule.moment(lane(branch)).merge(start);
    std::vector<Moment> ends;
    for (const Node& node : exec.graph->nodes) {
        Operation op = node.op;
        op.where = "a graph with " + op.where;
        op.broken = schedule.check(op);
        const std::string stale = op.stale ? op.stale() : "";
        if (!stale.empty()) {
            s.fault(kind::stale, "a graph with " + op.name + " is launched: " + stale);
            op.broken = CUDA_ERROR_ILLEGAL_ADDRESS;
        }
        Moment& moment = schedule.moment(lane(node.branch));
        for (size_t need : node.needs) moment.merge(ends[need]);
        const auto reached = op.broken == 0 ? op.reached : nullptr;
        schedule.enqueue(lane(node.branch), std::move(op));
        ends.push_back(schedule.moment(lane(node.branch)));
        if (reached) reached(ends.back());
    }
    Moment& end = schedule.moment(stream.lane);
    for (size_t branch = 1; branch <= exec.lanes.size(); ++branch) end.merge(schedule.moment(lane(branch)));
    exec.last = end;
    return 0;
}

} // namespace standin
