#include "image.h"

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace standin {
namespace {

// As a cubin begins, so that whoever looks at that before it hands an image over is content.
constexpr const char* mark = "\x7f" "ELF stand-in image\n";

uint64_t hash(const std::string& text) {
    uint64_t value = 0xcbf29ce484222325u;
    for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return value;
}

bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Names of the kernels that a source defines: after __global__, the first name with an opening bracket
// behind it that is not that of launch bounds.
std::vector<std::string> kernels_in(const std::string& source) {
    static const std::string keyword = "__global__", bounds = "__launch_bounds__";
    std::vector<std::string> names;
    for (size_t at = 0; (at = source.find(keyword, at)) != std::string::npos;) {
        at += keyword.size();
        for (size_t open = source.find('(', at); open != std::string::npos; open = source.find('(', at)) {
            size_t end = open;
            while (end > at && !in_name(source[end - 1])) --end;
            size_t begin = end;
            while (begin > at && in_name(source[begin - 1])) --begin;
            const std::string name = source.substr(begin, end - begin);
            at = open + 1;
            if (name != bounds) {
                names.push_back(name);
                break;
            }
            for (int depth = 1; depth > 0 && at < source.size(); ++at) {
                depth += source[at] == '(' ? 1 : source[at] == ')' ? -1 : 0;
            }
        }
    }
    return names;
}

} // namespace

std::string make_image(const std::string& source, const std::string& architecture) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash(source)));
    std::string image = mark;
    image += ".version 8.5\n.target " + architecture + "\n// source " + digits + "\n";
    for (const std::string& name : kernels_in(source)) image += ".entry " + name + "\n";
    // A cubin knows its own length; this is read to the NUL.
    image.push_back('\0');
    return image;
}

bool image_names(const void* image, std::string& names) {
    const auto* text = static_cast<const char*>(image);
    if (std::strncmp(text, mark, std::strlen(mark)) != 0) {
        // A cubin of the real compiler, or else text that ends with NUL.
        return std::memcmp(text, "\x7f" "ELF", 4) == 0 || std::strstr(text, ".version") != nullptr;
    }
    names = "\n";
    for (const char* at = text; (at = std::strstr(at, "\n.entry ")) != nullptr;) {
        at += std::strlen("\n.entry ");
        const size_t length = std::strcspn(at, "\n");
        names += std::string(at, length) + "\n";
        at += length;
    }
    return true;
}

} // namespace standin
