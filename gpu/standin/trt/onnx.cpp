#include "onnx.h"

#include <map>

namespace standin::onnx {
namespace {

// A protobuf message, read front to back. Anything malformed makes it bad, and then it is at its end.
class Message {
public:
    Message(const uint8_t* begin, size_t size) : at_(begin), end_(begin + size) {}

    // Goes to the next field; false at the end.
    bool next() {
        if (at_ == end_ || bad_) return false;
        const uint64_t tag = varint();
        field_ = static_cast<int>(tag >> 3);
        wire_ = static_cast<int>(tag & 7);
        if (field_ == 0) bad_ = true;
        length_ = 0;
        switch (wire_) {
        case 0: value_ = varint(); break;
        case 1: length_ = 8; break;
        case 2: length_ = varint(); break;
        case 5: length_ = 4; break;
        default: bad_ = true;
        }
        if (length_ > static_cast<uint64_t>(end_ - at_)) bad_ = true;
        if (bad_) return false;
        body_ = at_;
        at_ += length_;
        return true;
    }

    bool bad() const { return bad_; }
    bool number(int field) const { return field_ == field && wire_ == 0; }
    bool bytes(int field) const { return field_ == field && wire_ == 2; }
    int64_t value() const { return static_cast<int64_t>(value_); }
    std::string text() const { return std::string(reinterpret_cast<const char*>(body_), length_); }
    Message inside() const { return Message(body_, length_); }

private:
    uint64_t varint() {
        uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (at_ == end_) break;
            const uint8_t byte = *at_++;
            value |= static_cast<uint64_t>(byte & 0x7F) << shift;
            if ((byte & 0x80) == 0) return value;
        }
        bad_ = true;
        return 0;
    }

    const uint8_t *at_, *end_, *body_ = nullptr;
    int field_ = 0, wire_ = 0;
    uint64_t value_ = 0, length_ = 0;
    bool bad_ = false;
};

// Each reader returns whether its message was well formed.

bool read_dim(Message m, Dim& dim) {
    while (m.next()) {
        if (m.number(1)) dim.value = m.value();
        if (m.bytes(2)) dim.symbol = m.text();
    }
    return !m.bad();
}

bool read_shape(Message m, std::vector<Dim>& dims) {
    bool good = true;
    while (m.next()) {
        if (!m.bytes(1)) continue;
        dims.emplace_back();
        good &= read_dim(m.inside(), dims.back());
    }
    return good && !m.bad();
}

bool read_tensor_type(Message m, Value& value) {
    bool good = true;
    while (m.next()) {
        if (m.number(1)) value.type = static_cast<int>(m.value());
        if (m.bytes(2)) good &= read_shape(m.inside(), value.dims);
    }
    return good && !m.bad();
}

bool read_value(Message m, Value& value) {
    bool good = true;
    while (m.next()) {
        if (m.bytes(1)) value.name = m.text();
        if (!m.bytes(2)) continue;
        Message type = m.inside();
        while (type.next()) {
            if (type.bytes(1)) good &= read_tensor_type(type.inside(), value);
        }
        good &= !type.bad();
    }
    return good && !m.bad();
}

bool read_attribute(Message m, NodeInfo& node) {
    std::string name;
    int64_t number = 0;
    while (m.next()) {
        if (m.bytes(1)) name = m.text();
        if (m.number(3)) number = m.value();
    }
    if (name == "to") node.cast_to = static_cast<int>(number);
    return !m.bad();
}

bool read_node(Message m, NodeInfo& node) {
    bool good = true;
    while (m.next()) {
        if (m.bytes(1)) node.inputs.push_back(m.text());
        if (m.bytes(2)) node.outputs.push_back(m.text());
        if (m.bytes(3)) node.name = m.text();
        if (m.bytes(4)) node.op = m.text();
        if (m.bytes(5)) good &= read_attribute(m.inside(), node);
    }
    return good && !m.bad();
}

bool read_initializer(Message m, Value& value) {
    while (m.next()) {
        if (m.number(2)) value.type = static_cast<int>(m.value());
        if (m.bytes(8)) value.name = m.text();
    }
    return !m.bad();
}

bool read_graph(Message m, Model& model) {
    bool good = true;
    while (m.next()) {
        if (m.bytes(2)) model.graph = m.text();
        if (m.bytes(1)) good &= read_node(m.inside(), model.nodes.emplace_back());
        if (m.bytes(5)) good &= read_initializer(m.inside(), model.initializers.emplace_back());
        if (m.bytes(11)) good &= read_value(m.inside(), model.inputs.emplace_back());
        if (m.bytes(12)) good &= read_value(m.inside(), model.outputs.emplace_back());
    }
    return good && !m.bad();
}

bool read_opset(Message m, int64_t& opset) {
    std::string domain;
    int64_t version = 0;
    while (m.next()) {
        if (m.bytes(1)) domain = m.text();
        if (m.number(2)) version = m.value();
    }
    if (domain.empty() || domain == "ai.onnx") opset = version;
    return !m.bad();
}

int output_type(const NodeInfo& node, const std::map<std::string, int>& types) {
    const auto input = [&](size_t index) {
        const auto it = index < node.inputs.size() ? types.find(node.inputs[index]) : types.end();
        return it == types.end() ? unknown : it->second;
    };
    if (node.op == "Cast") return node.cast_to;
    if (node.op == "QuantizeLinear") return input(2) != unknown ? input(2) : int(u8);
    if (node.op == "DequantizeLinear" || node.op == "Where") return input(1);
    if (node.op == "Shape" || node.op == "ArgMax" || node.op == "ArgMin") return i64;
    return input(0);
}

} // namespace

std::string read(const void* data, size_t size, Model& model, int& node) {
    node = -1;
    bool good = true, has_graph = false;
    Message m(static_cast<const uint8_t*>(data), size);
    while (m.next()) {
        if (m.bytes(8)) good &= read_opset(m.inside(), model.opset);
        if (m.bytes(7)) {
            has_graph = true;
            good &= read_graph(m.inside(), model);
        }
    }
    if (!good || m.bad() || !has_graph) return "Failed to parse the ONNX model from the buffer.";
    if (model.opset == 0) return "The ONNX model imports no operator set.";

    std::map<std::string, int> types;
    for (const Value& value : model.initializers) types[value.name] = value.type;
    std::vector<Value> inputs;
    for (const Value& value : model.inputs) {
        if (types.count(value.name) == 0) inputs.push_back(value);
    }
    model.inputs = inputs;
    for (const Value& value : model.inputs) types[value.name] = value.type;
    for (size_t i = 0; i < model.nodes.size(); ++i) {
        NodeInfo& each = model.nodes[i];
        for (const std::string& name : each.inputs) {
            if (name.empty() || types.count(name) != 0) continue;
            node = static_cast<int>(i);
            return "Nothing before this node makes its input \"" + name + "\".";
        }
        const int type = output_type(each, types);
        for (const std::string& name : each.outputs) {
            types[name] = type;
            each.output_types.push_back(type);
        }
    }
    if (model.inputs.empty() || model.outputs.empty()) return "The graph has no input or no output.";
    for (const Value& value : model.outputs) {
        if (types.count(value.name) == 0) return "No node makes the output \"" + value.name + "\".";
    }
    return "";
}

} // namespace standin::onnx
