// Vector clocks: which operations are known to be over, by lane (one lane a stream).
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace standin {

class Clock {
public:
    uint64_t at(size_t lane) const { return lane < count_.size() ? count_[lane] : 0; }
    void raise(size_t lane, uint64_t count) {
        if (lane >= count_.size()) count_.resize(lane + 1, 0);
        count_[lane] = std::max(count_[lane], count);
    }
    void merge(const Clock& other) {
        for (size_t lane = 0; lane < other.count_.size(); ++lane) raise(lane, other.count_[lane]);
    }
    size_t lanes() const { return count_.size(); }

private:
    std::vector<uint64_t> count_;
};

// A point in the work of a stream: what comes before it, and when it is reached.
struct Moment {
    Clock clock;
    double virtual_us = 0; // on the virtual clock
    double real_us = 0;    // on the machine's monotonic clock; 0 if nothing needs to be waited for

    void merge(const Moment& other) {
        clock.merge(other.clock);
        virtual_us = std::max(virtual_us, other.virtual_us);
        real_us = std::max(real_us, other.real_us);
    }
};

} // namespace standin
