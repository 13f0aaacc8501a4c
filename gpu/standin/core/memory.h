// All memory that the stand-in handed out: where it lies, whether it lives, who uses it.
//
// Device memory is host memory between two guard zones. Freed memory is overwritten and kept back for a
// while, so that a use of it is seen and not mistaken for a use of its successor.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clock.h"
#include "fault.h"

namespace standin {

enum class Memory { device, pooled, managed, pinned, registered };

// A use of some bytes by one operation of a lane.
struct Access {
    size_t lane;
    uint64_t count;
    uintptr_t begin, end;
    bool write;
    std::string operation;
    Clock after; // what its operation came after
};

struct Block {
    uintptr_t base;
    size_t size;
    Memory kind;
    uint64_t serial; // never reused, unlike the address
    std::string name;
    bool freed = false;    // no later call may use it
    bool poisoned = false; // the free has happened on the device too
    std::vector<Access> accesses;
    void* storage = nullptr; // with guard zones; null if the program owns the memory

    uintptr_t end() const { return base + size; }
    bool on_host() const { return kind == Memory::pinned || kind == Memory::registered; }
};

class Heap {
public:
    ~Heap();
    // Null if the device has no room (`limit` bytes, device memory only) or the host has none.
    Block* allocate(size_t size, Memory kind, const std::string& by, size_t limit);
    // Memory of the program that it registered as pinned.
    Block* adopt(void* base, size_t size);
    // The block that `address` lies in, live or freed; null if there is none. One past the end is outside.
    Block* find(uintptr_t address);
    // Overwrites a freed block and keeps it back.
    void bury(Block& block, Faults& faults);
    // Records a fault if somebody wrote before or behind the block.
    void check_guards(Block& block, Faults& faults) const;
    void check_all_guards(Faults& faults);

    size_t used() const { return used_; }
    size_t peak() const { return peak_; }
    // Blocks that were not freed.
    std::vector<Block*> live();

private:
    void forget(uintptr_t base);

    std::map<uintptr_t, std::unique_ptr<Block>> blocks_;
    std::deque<uintptr_t> quarantine_;
    size_t quarantined_ = 0, used_ = 0, peak_ = 0;
};

void fill_poison(uintptr_t begin, size_t size, uint32_t word);

} // namespace standin
