#include "schedule.h"

#include <chrono>

#include "../driver/cuda_abi.h"
#include "../standin.h"

namespace standin {
namespace {

uint64_t sum(const Use& use) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < use.size; ++i) {
        hash = (hash ^ *reinterpret_cast<const uint8_t*>(use.begin + i)) * 0x100000001b3u;
    }
    return hash;
}

bool lasting(int code) { return (code >= 700 && code <= 719) || code == 214; }

std::string bytes(const Block& block, const Use& use) {
    return "bytes " + std::to_string(use.begin - block.base) + ".." +
           std::to_string(use.begin - block.base + use.size) + " of the " + block.name;
}

} // namespace

double real_now_us() {
    using namespace std::chrono;
    return duration<double, std::micro>(steady_clock::now().time_since_epoch()).count();
}

size_t Schedule::new_lane(const std::string& name) {
    lanes_.emplace_back();
    lanes_.back().name = name;
    return lanes_.size() - 1;
}

int Schedule::check(Operation& op) {
    int code = 0;
    for (Use& use : op.uses) {
        if (use.size == 0) continue;
        Block* block = heap_.find(use.begin);
        if (block != nullptr && use.serial != 0 && block->serial != use.serial) block = nullptr;
        if (block == nullptr) {
            faults_.add(kind::out_of_range, op.where + " (" + op.name + ") uses memory that was never allocated" +
                                                (use.serial != 0 ? ", or no longer is" : ""));
            code = CUDA_ERROR_ILLEGAL_ADDRESS;
        } else if (block->freed) {
            faults_.add(use.serial != 0 ? kind::stale : kind::use_after_free,
                        op.where + " (" + op.name + ") uses the freed " + block->name);
            code = CUDA_ERROR_ILLEGAL_ADDRESS;
        } else if (use.size > block->end() - use.begin) {
            faults_.add(kind::out_of_range, op.where + " (" + op.name + ") uses " + bytes(*block, use));
            code = CUDA_ERROR_ILLEGAL_ADDRESS;
        } else {
            use.serial = block->serial;
        }
    }
    return code;
}

void Schedule::watch_for_races(const Operation& op) {
    for (const Use& use : op.uses) {
        Block* block = use.size == 0 ? nullptr : heap_.find(use.begin);
        if (block == nullptr) continue;
        const uintptr_t end = use.begin + use.size;
        auto& accesses = block->accesses;
        for (const Access& other : accesses) {
            const bool overlap = other.begin < end && use.begin < other.end;
            if (!overlap || (!use.write && !other.write) || other.lane == op.lane) continue;
            // An operation whose uses show late may come before one that was enqueued meanwhile.
            if (op.after.at(other.lane) >= other.count || other.after.at(op.lane) >= op.count) continue;
            faults_.add(kind::race, op.name + " on " + lanes_[op.lane].name + (use.write ? " writes " : " reads ") +
                                        bytes(*block, use) + ", which " + other.operation + " on " +
                                        lanes_[other.lane].name + (other.write ? " writes" : " reads") +
                                        "; no event and no synchronisation orders them");
        }
        // What this one covers and comes after cannot race with anything that this one does not race with.
        accesses.erase(std::remove_if(accesses.begin(), accesses.end(),
                                      [&](const Access& a) {
                                          if (host_.clock.at(a.lane) >= a.count) return true;
                                          const bool covered = use.begin <= a.begin && a.end <= end;
                                          return covered && (use.write || !a.write) &&
                                                 op.after.at(a.lane) >= a.count;
                                      }),
                       accesses.end());
        accesses.push_back({op.lane, op.count, use.begin, end, use.write, op.name, op.after});
    }
}

// Has to come before the operation's own accesses are noted.
void Schedule::prepare_host_memory(Operation& op) {
    op.sums.assign(op.uses.size(), 0);
    for (size_t i = 0; i < op.uses.size(); ++i) {
        Use& use = op.uses[i];
        if (!use.poison && !use.checksum) continue;
        Block* block = heap_.find(use.begin);
        bool in_use = false; // by earlier work that has not run: the bytes are not the host's to judge
        for (const Access& a : block->accesses) {
            const bool overlap = a.begin < use.begin + use.size && use.begin < a.end;
            in_use |= overlap && !executed(a) && (a.write || use.poison);
        }
        if (in_use) {
            use.checksum = false;
        } else if (use.poison) {
            fill_poison(use.begin, use.size, STANDIN_POISON_PENDING);
        } else {
            op.sums[i] = sum(use);
        }
    }
}

void Schedule::enqueue(size_t index, Operation op) {
    Lane& lane = lanes_[index];
    const double cost = calls_.delay(op.name, op.cost_us);
    lane.moment.merge(host_);
    op.lane = index;
    op.after = lane.moment.clock;
    op.count = ++lane.enqueued;
    if (!op.releases) lane.last_work = op.count;
    lane.moment.clock.raise(index, op.count);
    lane.moment.virtual_us += cost;
    if (sleep_factor_ > 0) lane.moment.real_us = std::max(lane.moment.real_us, real_now_us()) + cost * sleep_factor_;
    if (op.broken == 0) {
        prepare_host_memory(op);
        watch_for_races(op);
    }
    const Clock target = lane.moment.clock;
    lane.queue.push_back(std::move(op));
    if (policy_ == STANDIN_EAGER) {
        run_until(target);
    } else if (policy_ == STANDIN_RANDOM) {
        for (uint64_t steps = random_() % 3; steps > 0 && run_one(nullptr); --steps) {
        }
    }
}

int Schedule::late(const Operation& op) {
    if (!op.late_uses) return 0;
    Operation more = op;
    more.uses = op.late_uses();
    const int code = check(more);
    if (code == 0) watch_for_races(more);
    return code;
}

void Schedule::run_front(Lane& lane) {
    Operation op = std::move(lane.queue.front());
    lane.queue.pop_front();
    int code = op.broken != 0 ? op.broken : calls_.note_operation(op.name);
    if (code == 0 && lasting_error() == 0) {
        for (size_t i = 0; i < op.uses.size(); ++i) {
            const Use& use = op.uses[i];
            Block* block = use.size == 0 ? nullptr : heap_.find(use.begin);
            if (block != nullptr && block->poisoned && !op.releases) {
                faults_.add(kind::use_after_free, op.where + " (" + op.name + ") runs after the " + block->name +
                                                      " that it uses was freed");
                code = CUDA_ERROR_ILLEGAL_ADDRESS;
                continue;
            }
            if (use.checksum && sum(use) != op.sums[i]) {
                faults_.add(kind::host_write, "the host changed the memory that " + op.where + " on " + lane.name +
                                                  " reads, before it was read");
            }
        }
        if (code == 0) code = late(op);
        if (code == 0 && op.run) code = op.run();
        for (const Use& use : op.uses) {
            Block* block = use.write ? heap_.find(use.begin) : nullptr;
            if (block != nullptr && !block->freed) heap_.check_guards(*block, faults_);
        }
    } else if (op.releases && op.run) {
        op.run();
    }
    if (code != 0 && error_ == 0) error_ = code;
    lane.executed = op.count;
}

bool Schedule::runnable(const Lane& lane) const {
    return !lane.queue.empty() && [&] {
        const Operation& op = lane.queue.front();
        for (size_t other = 0; other < op.after.lanes(); ++other) {
            if (other != op.lane && lanes_[other].executed < op.after.at(other)) return false;
        }
        return true;
    }();
}

bool Schedule::run_one(const Clock* within) {
    std::vector<size_t> candidates;
    for (size_t i = 0; i < lanes_.size(); ++i) {
        const bool wanted = within == nullptr || lanes_[i].executed < within->at(i);
        if (wanted && runnable(lanes_[i])) candidates.push_back(i);
    }
    if (candidates.empty()) return false;
    const size_t pick = policy_ == STANDIN_RANDOM ? random_() % candidates.size() : 0;
    run_front(lanes_[candidates[pick]]);
    return true;
}

bool Schedule::done(const Clock& clock) const {
    for (size_t lane = 0; lane < clock.lanes(); ++lane) {
        if (lanes_[lane].executed < clock.at(lane)) return false;
    }
    return true;
}

void Schedule::run_until(const Clock& clock) {
    // The clock of a point holds all that its predecessors needed, so there is always one that can run.
    while (!done(clock)) {
        if (!run_one(policy_ == STANDIN_RANDOM ? nullptr : &clock)) return;
    }
}

void Schedule::run_all() {
    while (run_one(nullptr)) {
    }
}

void Schedule::synchronise(const Moment& moment) {
    run_until(moment.clock);
    host_.merge(moment);
}

bool Schedule::poll(const Moment& moment) {
    if (policy_ == STANDIN_EAGER) run_until(moment.clock);
    if (!done(moment.clock)) {
        run_one(&moment.clock);
        return false;
    }
    if (moment.real_us > real_now_us()) return false;
    host_.merge(moment);
    return true;
}

void Schedule::host_spends(double microseconds) { host_.virtual_us += microseconds; }

void Schedule::set_policy(int policy, uint64_t seed) {
    policy_ = policy;
    random_.seed(seed);
    if (policy == STANDIN_EAGER) run_all();
}

int Schedule::lasting_error() const { return lasting(error_) ? error_ : 0; }

int Schedule::take_error() {
    const int code = error_;
    if (!lasting(code)) error_ = 0;
    return code;
}

const Access* Schedule::not_waited_for(uintptr_t begin, size_t size, bool writing) {
    Block* block = heap_.find(begin);
    if (block == nullptr) return nullptr;
    for (const Access& a : block->accesses) {
        const bool overlap = a.begin < begin + size && begin < a.end;
        if (overlap && (a.write || writing) && host_.clock.at(a.lane) < a.count) return &a;
    }
    return nullptr;
}

bool Schedule::has_unwaited(size_t lane) const { return lanes_[lane].last_work > host_.clock.at(lane); }

long Schedule::pending() const {
    long count = 0;
    for (const Lane& lane : lanes_) count += static_cast<long>(lane.queue.size());
    return count;
}

} // namespace standin
