// ONNX files made in memory: the few messages of the format that the tests need.
#pragma once
#include <cstdint>
#include <string>

namespace onnx_bytes {

inline std::string varint(uint64_t value) {
    std::string out;
    while (value >= 0x80) {
        out += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    return out + static_cast<char>(value);
}
inline std::string number(int field, uint64_t value) { return varint(static_cast<uint64_t>(field) << 3) + varint(value); }
inline std::string bytes(int field, const std::string& body) {
    return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(body.size()) + body;
}

// `height` below 0 makes height and width symbolic.
inline std::string value(const std::string& name, int64_t channels, int64_t height, int64_t width) {
    const auto dim = [](int64_t size, const char* symbol) {
        return bytes(1, size < 0 ? bytes(2, symbol) : number(1, static_cast<uint64_t>(size)));
    };
    const std::string shape = dim(1, "") + dim(channels, "") + dim(height, "h") + dim(width, "w");
    return bytes(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, shape)));
}

inline std::string model(int64_t height, int64_t width, const std::string& input_of_node = "image") {
    const std::string node = bytes(1, input_of_node) + bytes(2, "logits") + bytes(3, "only") + bytes(4, "Relu");
    const std::string graph = bytes(1, node) + bytes(2, "segmentation") + bytes(11, value("image", 3, height, width)) +
                              bytes(12, value("logits", 3, height, width));
    return number(1, 8) + bytes(7, graph) + bytes(8, number(2, 17));
}

} // namespace onnx_bytes
