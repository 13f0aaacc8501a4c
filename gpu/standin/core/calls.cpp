#include "calls.h"

namespace standin {
namespace {

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

} // namespace

int Calls::count_down(std::vector<Injection>& list, bool (*fits)(const Injection&, const std::string&),
                      const std::string& name) {
    int code = 0;
    for (auto it = list.begin(); it != list.end();) {
        if (fits(*it, name) && --it->left <= 0) {
            code = it->code;
            it = list.erase(it);
        } else {
            ++it;
        }
    }
    return code;
}

int Calls::note(const char* name) {
    names_.emplace_back(name);
    const int any = count_down(any_, [](const Injection&, const std::string&) { return true; }, names_.back());
    const int named = count_down(
        named_, [](const Injection& i, const std::string& n) { return i.name == n; }, names_.back());
    return named != 0 ? named : any;
}

int Calls::note_operation(const std::string& name) {
    return count_down(
        operations_, [](const Injection& i, const std::string& n) { return starts_with(n, i.name); }, name);
}

double Calls::delay(const std::string& name, double otherwise) const {
    double found = otherwise;
    size_t longest = 0;
    for (const auto& [prefix, microseconds] : delays_) {
        if (starts_with(name, prefix) && prefix.size() >= longest) {
            longest = prefix.size();
            found = microseconds;
        }
    }
    return found;
}

} // namespace standin
