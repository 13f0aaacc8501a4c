// One piece of work of a stream, or one node of a graph: the two differ only in when they run.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "clock.h"

namespace standin {

// Bytes that an operation reads or writes.
struct Use {
    uintptr_t begin;
    size_t size;
    bool write;
    // What the host may not do before the operation is over shows in its memory:
    bool poison = false;   // fill with poison when enqueued, so that an early read sees garbage
    bool checksum = false; // compare with what was there when enqueued
    uint64_t serial = 0;   // of the block, from when the operation was made
};

enum class NodeType { kernel = 0, copy = 1, memset = 2, host = 3, empty = 5, event_record = 7 };

struct Operation {
    std::string name;  // what delays and injected failures go by, such as "copy:htod"
    std::string where; // the call that made it
    NodeType type = NodeType::kernel;
    double cost_us = 0;
    std::vector<Use> uses;
    std::function<int()> run; // a CUresult
    // More uses, known only when it is about to run.
    std::function<std::vector<Use>()> late_uses;
    // Told at each launch of a graph when the node will be over.
    std::function<void(const Moment&)> reached;
    // Why a graph that holds this may no longer be launched; empty if it may.
    std::function<std::string()> stale;
    bool releases = false; // cuMemFreeAsync: work that nobody needs to wait for

    // Set when it is enqueued:
    size_t lane = 0;
    uint64_t count = 0;
    Clock after; // what has to run before
    std::vector<uint64_t> sums;
    int broken = 0; // found unfit when enqueued: does not run, but fails with this code
};

} // namespace standin
