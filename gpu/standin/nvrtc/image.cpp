#include "image.h"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <regex>

namespace standin {
namespace {

// As a cubin begins, so that whoever looks at that before it hands an image over is content.
constexpr const char* mark = "\x7f" "ELF stand-in image\n";

uint64_t hash(const std::string& text) {
    uint64_t value = 0xcbf29ce484222325u;
    for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return value;
}

} // namespace

std::string make_image(const std::string& source, const std::string& architecture) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash(source)));
    std::string image = mark;
    image += ".version 8.5\n.target " + architecture + "\n// source " + digits + "\n";
    static const std::regex kernel(
        R"re(__global__\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\()re");
    for (std::sregex_iterator it(source.begin(), source.end(), kernel), end; it != end; ++it) {
        image += ".entry " + (*it)[1].str() + "\n";
    }
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
