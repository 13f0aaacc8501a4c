// The queues of all streams, the order in which their work runs, and the races between them.
#pragma once
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "calls.h"
#include "memory.h"
#include "operation.h"

namespace standin {

class Schedule {
public:
    Schedule(Heap& heap, Faults& faults, Calls& calls) : heap_(heap), faults_(faults), calls_(calls) {}

    size_t new_lane(const std::string& name);
    // The point that lane has been enqueued to.
    Moment& moment(size_t lane) { return lanes_[lane].moment; }
    const Moment& host() const { return host_; }

    // Checks what the operation uses: 0, or the CUresult that the call or the operation should fail with.
    // Notes the blocks' serials in the uses.
    int check(Operation& op);
    void enqueue(size_t lane, Operation op);
    // Runs what `clock` needs.
    void run_until(const Clock& clock);
    void run_all();
    // The host has waited for this point: the work is done, and known to be.
    void synchronise(const Moment& moment);
    // Whether all before `moment` is over, without waiting; under LATE runs one operation if not.
    bool poll(const Moment& moment);

    // The host's time passes while it is inside a call.
    void host_spends(double microseconds);
    void set_policy(int policy, uint64_t seed);
    void set_sleep_factor(double factor) { sleep_factor_ = factor; }
    double sleep_factor() const { return sleep_factor_; }

    // The first failure of an operation since the last `take_error`, which forgets it unless it is one
    // that a device does not recover from.
    int take_error();
    int lasting_error() const;
    void forget_error() { error_ = 0; }

    // The operation that writes (or, with `writing`, uses) these bytes and has not been waited for; or null.
    const Access* not_waited_for(uintptr_t begin, size_t size, bool writing);
    // The same for one lane.
    bool has_unwaited(size_t lane) const;
    long pending() const;

private:
    struct Lane {
        std::string name;
        std::deque<Operation> queue;
        uint64_t enqueued = 0, executed = 0;
        uint64_t last_work = 0; // count of the last operation that is not a release
        Moment moment;
    };

    bool executed(const Access& access) const { return lanes_[access.lane].executed >= access.count; }
    void watch_for_races(const Operation& op);
    void prepare_host_memory(Operation& op);
    // Checks the uses that only show now.
    int late(const Operation& op);
    void run_front(Lane& lane);
    // Runs the front of a lane that the policy picks among those that can run; false if there is none.
    bool run_one(const Clock* within);
    bool runnable(const Lane& lane) const;
    bool done(const Clock& clock) const;

    Heap& heap_;
    Faults& faults_;
    Calls& calls_;
    std::deque<Lane> lanes_;
    Moment host_;
    int policy_ = 0;
    std::mt19937_64 random_{0};
    double sleep_factor_ = 0;
    int error_ = 0;
};

double real_now_us();

} // namespace standin
