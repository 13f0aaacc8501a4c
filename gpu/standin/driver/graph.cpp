// Graphs that came out of captures.
#include "entry.h"

using namespace standin;

namespace {

std::shared_ptr<Graph> find(CUgraph handle) {
    for (const auto& graph : state().graphs) {
        if (graph.get() == handle && !graph->dead) return graph;
    }
    return nullptr;
}

} // namespace

API CUresult cuGraphInstantiateWithFlags(CUgraphExec* handle, CUgraph graph_handle, unsigned long long) {
    ENTER(context);
    State& s = state();
    const auto graph = find(graph_handle);
    if (!graph) return bad_handle(__func__, graph_handle);
    auto exec = std::make_unique<GraphExec>();
    exec->graph = graph;
    for (size_t branch = 1; branch < graph->branches; ++branch) {
        exec->lanes.push_back(s.schedule.new_lane("branch " + std::to_string(branch) + " of a graph"));
    }
    *handle = s.execs.add(std::move(exec));
    return CUDA_SUCCESS;
}

API CUresult cuGraphUpload(CUgraphExec handle, CUstream stream_handle) {
    ENTER(context);
    State& s = state();
    LIVE(exec, s.execs.live(handle), handle);
    LIVE(stream, s.stream(stream_handle), stream_handle);
    if (stream->capture) return forbid_waiting(__func__, stream);
    return CUDA_SUCCESS;
}

API CUresult cuGraphLaunch(CUgraphExec handle, CUstream stream_handle) {
    ENTER(context);
    State& s = state();
    LIVE(exec, s.execs.live(handle), handle);
    LIVE(stream, s.stream(stream_handle), stream_handle);
    return launch(*exec, *stream);
}

API CUresult cuGraphExecDestroy(CUgraphExec handle) {
    ENTER_RELEASE();
    LIVE(exec, state().execs.live(handle), handle);
    exec->dead = true;
    return entry.done();
}

API CUresult cuGraphDestroy(CUgraph handle) {
    ENTER_RELEASE();
    const auto graph = find(handle);
    if (!graph) return bad_handle(__func__, handle);
    graph->dead = true;
    return entry.done();
}

API CUresult cuGraphGetNodes(CUgraph handle, CUgraphNode* nodes, size_t* count) {
    ENTER(context);
    const auto graph = find(handle);
    if (!graph) return bad_handle(__func__, handle);
    if (nodes != nullptr) {
        for (size_t i = 0; i < *count; ++i) nodes[i] = i < graph->nodes.size() ? &graph->nodes[i] : nullptr;
    }
    *count = nodes == nullptr ? graph->nodes.size() : std::min(*count, graph->nodes.size());
    return CUDA_SUCCESS;
}

API CUresult cuGraphNodeGetType(CUgraphNode node, int* type) {
    ENTER(context);
    for (const auto& graph : state().graphs) {
        for (const Node& each : graph->nodes) {
            if (&each == node && !graph->dead) {
                *type = static_cast<int>(each.op.type);
                return CUDA_SUCCESS;
            }
        }
    }
    return bad_handle(__func__, node);
}
