#include "objects.h"

namespace standin {
namespace {

std::unique_ptr<State>& slot() {
    static std::unique_ptr<State> state;
    return state;
}

uint64_t next_generation() {
    static uint64_t last = 0;
    return ++last;
}

} // namespace

std::recursive_mutex& lock() {
    static std::recursive_mutex mutex;
    return mutex;
}

State& state() {
    if (!slot()) slot() = std::make_unique<State>();
    return *slot();
}

void reset_state() { slot() = std::make_unique<State>(); }

State::State() : generation(next_generation()) {
    const auto make = [&](const char* name) {
        auto stream = std::make_unique<Stream>();
        stream->name = name;
        stream->blocking = true;
        stream->lane = schedule.new_lane(name);
        return streams.add(std::move(stream));
    };
    legacy = make("the null stream");
    per_thread = make("the per-thread stream");
}

Stream* State::stream(const void* handle) {
    const auto number = reinterpret_cast<uintptr_t>(handle);
    if (number <= 1) return legacy;
    if (number == 2) return per_thread;
    return streams.live(handle);
}

void State::order_with_legacy(Stream& stream) {
    if (&stream == legacy) {
        Moment& all = schedule.moment(legacy->lane);
        for (Stream* other : streams.all_live()) {
            if (other->blocking && other != legacy) all.merge(schedule.moment(other->lane));
        }
    } else if (stream.blocking) {
        schedule.moment(stream.lane).merge(schedule.moment(legacy->lane));
    }
}

long State::leaks() {
    long count = static_cast<long>(heap.live().size());
    count += static_cast<long>(streams.all_live().size()) - 2;
    count += static_cast<long>(events.all_live().size() + execs.all_live().size() + modules.all_live().size());
    for (const auto& graph : graphs) count += graph->dead ? 0 : 1;
    for (const auto& [name, number] : objects) count += number;
    return count;
}

void State::check() {
    heap.check_all_guards(faults);
    for (const auto& capture : captures) {
        fault(kind::capture, "the capture of " + capture->origin->name + " was never ended");
    }
    for (const Block* block : heap.live()) fault(kind::leak, "the " + block->name + " was never freed");
    for (const Stream* stream : streams.all_live()) {
        if (stream != legacy && stream != per_thread) fault(kind::leak, stream->name + " was never destroyed");
    }
    const auto count = [&](const char* what, size_t number) {
        if (number != 0) fault(kind::leak, std::to_string(number) + " " + what + " never destroyed");
    };
    count("events", events.all_live().size());
    count("executable graphs", execs.all_live().size());
    count("modules", modules.all_live().size());
    size_t live_graphs = 0;
    for (const auto& graph : graphs) live_graphs += graph->dead ? 0 : 1;
    count("graphs", live_graphs);
    for (const auto& [name, number] : objects) count(name.c_str(), static_cast<size_t>(std::max(number, 0L)));
}

} // namespace standin
