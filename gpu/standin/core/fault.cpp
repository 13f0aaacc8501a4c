#include "fault.h"

#include <algorithm>

namespace standin {

void Faults::add(const char* kind, const std::string& text) {
    std::string line = std::string(kind) + ": " + text;
    std::replace(line.begin(), line.end(), '\n', ' ');
    if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) lines_.push_back(std::move(line));
}

std::string Faults::text() const {
    std::string all;
    for (const auto& line : lines_) {
        all += line;
        all += '\n';
    }
    return all;
}

} // namespace standin
