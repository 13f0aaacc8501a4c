// The driver's objects behind its opaque handles, and the state that they all share.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "../standin.h"
#include "schedule.h"

namespace standin {

struct Node {
    Operation op;
    std::vector<size_t> needs; // indices of nodes before this one
    size_t branch = 0;         // 0: the stream that the graph is launched in
};

struct Graph {
    std::deque<Node> nodes;
    size_t branches = 1;
    bool dead = false;
};

struct GraphExec {
    std::shared_ptr<const Graph> graph;
    std::vector<size_t> lanes; // of branches 1..
    Moment last;               // launches of one graph follow each other
    bool dead = false;
};

struct Stream;

struct Capture {
    Stream* origin = nullptr;
    int mode = 0;
    std::thread::id thread;
    bool invalid = false;
    std::shared_ptr<Graph> graph = std::make_shared<Graph>();
    std::set<Stream*> members;
};

struct Stream {
    std::string name;
    size_t lane = 0;
    bool blocking = false; // waits for the legacy stream, and it for this
    int priority = 0;
    bool dead = false;
    std::shared_ptr<Capture> capture;
    std::vector<size_t> tail; // nodes that the next one comes after
    size_t branch = 0;
};

struct Event {
    bool timing = true;
    bool recorded = false;
    bool dead = false;
    Moment moment;
    std::weak_ptr<Capture> capture; // last recorded in a capturing stream
    bool captured = false;
    std::vector<size_t> tail;
};

struct Module {
    std::string names; // of the kernels in it, each within '\n'; empty: not known
    bool dead = false;
};

struct Function {
    std::string name;
    Module* module = nullptr;
};

struct Context {
    int references = 0;
};

// Handles that were given out. Those of destroyed objects stay, so that their use is seen for what it is.
template <class T>
class Table {
public:
    T* add(std::unique_ptr<T> object) {
        T* raw = object.get();
        all_[raw] = std::move(object);
        return raw;
    }
    size_t size() const { return all_.size(); }
    bool knows(const void* handle) const { return all_.count(handle) != 0; }
    T* live(const void* handle) const {
        const auto it = all_.find(handle);
        return it == all_.end() || it->second->dead ? nullptr : it->second.get();
    }
    std::vector<T*> all_live() const {
        std::vector<T*> found;
        for (auto& [handle, object] : all_) {
            if (!object->dead) found.push_back(object.get());
        }
        return found;
    }

private:
    std::unordered_map<const void*, std::unique_ptr<T>> all_;
};

struct Settings {
    int devices = 1, major = 8, minor = 7, integrated = 0, pools = 1, driver = 12060;
    size_t memory = size_t(8) << 30;
    standin_network_fn network = nullptr;
    void* network_user = nullptr;
    standin_shapes_fn shapes = nullptr;
    void* shapes_user = nullptr;
    std::string compile_log;
    bool compile_fails = false;
};

struct State {
    State();
    uint64_t generation; // tells objects of before a reset
    Settings settings;
    Faults faults;
    Calls calls;
    Heap heap;
    Schedule schedule{heap, faults, calls};
    bool initialised = false;
    Context primary;
    Stream* legacy;
    Stream* per_thread;
    Table<Stream> streams;
    Table<Event> events;
    Table<GraphExec> execs;
    Table<Module> modules;
    std::deque<Function> functions;
    std::vector<std::shared_ptr<Graph>> graphs;
    std::set<std::shared_ptr<Capture>> captures;
    std::unordered_map<std::string, long> objects; // live TensorRT objects by class

    Stream* stream(const void* handle);
    // Streams that the null stream waits for.
    void order_with_legacy(Stream& stream);
    void fault(const char* kind, const std::string& text) { faults.add(kind, text); }
    long leaks();
    void check();
};

State& state();
void reset_state();
std::recursive_mutex& lock();

} // namespace standin
