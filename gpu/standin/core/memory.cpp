#include "memory.h"

#include <cstdlib>
#include <cstring>

#include "../standin.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define HIDE(begin, size) ASAN_POISON_MEMORY_REGION(reinterpret_cast<void*>(begin), size)
#define SHOW(begin, size) ASAN_UNPOISON_MEMORY_REGION(reinterpret_cast<void*>(begin), size)
constexpr bool sanitized = true;
#else
#define HIDE(begin, size) (void)0
#define SHOW(begin, size) (void)0
constexpr bool sanitized = false;
#endif

namespace standin {
namespace {

constexpr size_t guard = 256; // also the alignment that cuMemAlloc promises
constexpr uint32_t guard_word = 0x7FC06A4Du;
constexpr size_t quarantine_limit = size_t(256) << 20;

size_t rounded(size_t size) { return (size + guard - 1) / guard * guard; }

// Not of one heap: a block of before a reset is not mistaken for one of after it.
uint64_t next_serial() {
    static uint64_t last = 0;
    return ++last;
}

uint8_t poison_byte(uintptr_t address, uint32_t word) { return static_cast<uint8_t>(word >> (8 * (address % 4))); }

bool intact(uintptr_t begin, uintptr_t end) {
    for (uintptr_t at = begin; at < end; ++at) {
        if (*reinterpret_cast<const uint8_t*>(at) != poison_byte(at, guard_word)) return false;
    }
    return true;
}

const char* kind_name(Memory kind) {
    switch (kind) {
    case Memory::device: return "device";
    case Memory::pooled: return "pooled";
    case Memory::managed: return "managed";
    case Memory::pinned: return "pinned";
    case Memory::registered: return "registered";
    }
    return "";
}

} // namespace

void fill_poison(uintptr_t begin, size_t size, uint32_t word) {
    uintptr_t at = begin;
    const uintptr_t end = begin + size;
    for (; at < end && at % 4 != 0; ++at) *reinterpret_cast<uint8_t*>(at) = poison_byte(at, word);
    for (; at + 4 <= end; at += 4) std::memcpy(reinterpret_cast<void*>(at), &word, 4);
    for (; at < end; ++at) *reinterpret_cast<uint8_t*>(at) = poison_byte(at, word);
}

Heap::~Heap() {
    for (auto& [base, block] : blocks_) {
        if (block->storage == nullptr) continue;
        SHOW(block->base - guard, rounded(block->size) + 2 * guard);
        std::free(block->storage);
    }
}

Block* Heap::allocate(size_t size, Memory kind, const std::string& by, size_t limit) {
    const bool on_device = kind != Memory::pinned;
    if (on_device && (size > limit || used_ > limit - size)) return nullptr;
    if (size > (size_t(1) << 40)) return nullptr;
    void* storage = std::aligned_alloc(guard, rounded(size) + 2 * guard);
    if (storage == nullptr) return nullptr;
    auto block = std::make_unique<Block>();
    block->base = reinterpret_cast<uintptr_t>(storage) + guard;
    block->size = size;
    block->kind = kind;
    block->serial = next_serial();
    block->name = std::string(kind_name(kind)) + " block of " + std::to_string(size) + " bytes from " + by;
    block->storage = storage;
    fill_poison(block->base - guard, guard, guard_word);
    fill_poison(block->base, size, STANDIN_POISON_NEW);
    fill_poison(block->end(), rounded(size) - size + guard, guard_word);
    HIDE(block->base - guard, guard);
    HIDE(block->end(), rounded(size) - size + guard);
    if (on_device) {
        used_ += size;
        peak_ = std::max(peak_, used_);
    }
    Block* raw = block.get();
    blocks_[raw->base] = std::move(block);
    return raw;
}

Block* Heap::adopt(void* base, size_t size) {
    const auto begin = reinterpret_cast<uintptr_t>(base);
    for (auto it = blocks_.begin(); it != blocks_.end();) {
        Block& old = *it->second;
        if (old.storage == nullptr && old.freed && old.base < begin + size && begin < old.end()) {
            it = blocks_.erase(it);
        } else {
            ++it;
        }
    }
    auto block = std::make_unique<Block>();
    block->base = begin;
    block->size = size;
    block->kind = Memory::registered;
    block->serial = next_serial();
    block->name = "registered block of " + std::to_string(size) + " bytes";
    Block* raw = block.get();
    blocks_[raw->base] = std::move(block);
    return raw;
}

Block* Heap::find(uintptr_t address) {
    auto it = blocks_.upper_bound(address);
    if (it == blocks_.begin()) return nullptr;
    Block& block = *std::prev(it)->second;
    // Memory that was registered once is the program's own again: the stand-in has no say in it.
    if (block.freed && block.storage == nullptr) return nullptr;
    return address < block.end() || (block.size == 0 && address == block.base) ? &block : nullptr;
}

void Heap::bury(Block& block, Faults& faults) {
    if (block.poisoned) return;
    block.freed = block.poisoned = true;
    if (block.storage == nullptr) return;
    check_guards(block, faults);
    fill_poison(block.base, block.size, STANDIN_POISON_FREED);
    HIDE(block.base, block.size);
    if (!block.on_host()) used_ -= block.size;
    quarantine_.push_back(block.base);
    quarantined_ += block.size;
    while (quarantined_ > quarantine_limit && quarantine_.size() > 1) {
        const uintptr_t oldest = quarantine_.front();
        quarantine_.pop_front();
        quarantined_ -= blocks_.at(oldest)->size;
        forget(oldest);
    }
}

void Heap::forget(uintptr_t base) {
    auto it = blocks_.find(base);
    SHOW(base - guard, rounded(it->second->size) + 2 * guard);
    std::free(it->second->storage);
    blocks_.erase(it);
}

void Heap::check_guards(Block& block, Faults& faults) const {
    // The sanitizer watches the guard zones itself, and would object to their being read.
    if (sanitized || block.storage == nullptr) return;
    const uintptr_t last = block.base + rounded(block.size) + guard;
    if (!intact(block.base - guard, block.base)) {
        faults.add(kind::out_of_range, "somebody wrote before the start of the " + block.name);
        fill_poison(block.base - guard, guard, guard_word);
    }
    if (!intact(block.end(), last)) {
        faults.add(kind::out_of_range, "somebody wrote behind the end of the " + block.name);
        fill_poison(block.end(), last - block.end(), guard_word);
    }
}

void Heap::check_all_guards(Faults& faults) {
    for (auto& [base, block] : blocks_) check_guards(*block, faults);
}

std::vector<Block*> Heap::live() {
    std::vector<Block*> found;
    for (auto& [base, block] : blocks_) {
        if (!block->freed) found.push_back(block.get());
    }
    return found;
}

} // namespace standin
