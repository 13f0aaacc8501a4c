// The log of calls, and failures and delays that tests ask for.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace standin {

class Calls {
public:
    // Notes one call; returns the code that it shall fail with, or 0.
    int note(const char* name);
    // The same for an operation that is about to run.
    int note_operation(const std::string& name);

    void fail(const std::string& name, int nth, int code) { named_.push_back({name, nth, code}); }
    void fail_call(long nth, int code) { any_.push_back({"", nth, code}); }
    void fail_operation(const std::string& prefix, int nth, int code) { operations_.push_back({prefix, nth, code}); }

    void set_delay(const std::string& prefix, double microseconds) { delays_[prefix] = microseconds; }
    // Microseconds by the longest prefix that was set, else `otherwise`.
    double delay(const std::string& name, double otherwise) const;

    const std::vector<std::string>& names() const { return names_; }

private:
    struct Injection {
        std::string name;
        long left;
        int code;
    };
    static int count_down(std::vector<Injection>& list, bool (*fits)(const Injection&, const std::string&),
                          const std::string& name);

    std::vector<std::string> names_;
    std::vector<Injection> named_, any_, operations_;
    std::map<std::string, double> delays_;
};

} // namespace standin
