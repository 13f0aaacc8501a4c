// As much of an ONNX file as the stand-in has to know: what goes in, what comes out, and which types the
// nodes in between have.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace standin::onnx {

struct Dim {
    int64_t value = -1; // -1: not fixed
    std::string symbol; // its name, where it has one
};

// A value of TensorProto.DataType.
enum Type : int { unknown = 0, f32 = 1, u8 = 2, i8 = 3, i32 = 6, i64 = 7, boolean = 9, f16 = 10, bf16 = 16 };

struct Value {
    std::string name;
    int type = unknown;
    std::vector<Dim> dims;
};

struct NodeInfo {
    std::string op, name;
    std::vector<std::string> inputs, outputs;
    int cast_to = unknown;
    std::vector<int> output_types; // found by `read`
};

struct Model {
    std::string graph;
    int64_t opset = 0;
    std::vector<Value> inputs, outputs; // inputs without initialisers
    std::vector<Value> initializers;    // names and types
    std::vector<NodeInfo> nodes;
};

// Empty if the file is sound, else what is wrong with it; `node` is the index of the node that is, or -1.
std::string read(const void* data, size_t size, Model& model, int& node);

} // namespace standin::onnx
