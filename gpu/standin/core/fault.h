// The list of mistakes that the program under test has made.
#pragma once
#include <string>
#include <vector>

namespace standin {

namespace kind {
inline constexpr const char* use_after_free = "use-after-free";
inline constexpr const char* double_free = "double-free";
inline constexpr const char* out_of_range = "out-of-range";
inline constexpr const char* leak = "leak";
inline constexpr const char* race = "race";
inline constexpr const char* capture = "capture";
inline constexpr const char* pageable = "pageable";
inline constexpr const char* context = "wrong-context";
inline constexpr const char* handle = "invalid-handle";
inline constexpr const char* pending = "pending-work";
inline constexpr const char* host_read = "host-read";
inline constexpr const char* host_write = "host-write";
inline constexpr const char* stale = "stale-graph";
inline constexpr const char* warm_up = "warm-up";
inline constexpr const char* argument = "argument";
inline constexpr const char* lifetime = "lifetime";
inline constexpr const char* unexpected = "unexpected-call";
} // namespace kind

class Faults {
public:
    // A line that is there already is not added again: a mistake in a loop is one mistake.
    void add(const char* kind, const std::string& text);
    void clear() { lines_.clear(); }
    std::string text() const;

private:
    std::vector<std::string> lines_;
};

} // namespace standin
