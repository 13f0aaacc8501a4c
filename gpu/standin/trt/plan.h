// A serialised engine of the stand-in: the ONNX file, the profiles, and a checksum.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "common.h"
#include "onnx.h"

namespace standin::trt {

struct Range {
    Dims min{-1, {}}, opt{-1, {}}, max{-1, {}};
};

// Ranges by the name of the input.
using Profile = std::map<std::string, Range>;

struct Tensor {
    std::string name;
    DataType type = DataType::kFLOAT;
    Dims dims{}; // -1 where they are not fixed
    bool input = false;
};

// What an engine and its contexts share.
struct Plan {
    std::string onnx;
    onnx::Model model;
    std::vector<Profile> profiles; // at least one
    std::vector<Tensor> tensors;   // inputs, then outputs
    uint64_t options = 0;
    bool detailed = false;

    const Tensor* find(const char* name) const;
    // Bytes of all inputs and outputs at the largest shapes of a profile; what is not known counts as 1.
    size_t io_bytes(size_t profile) const;
    // The outputs' shapes for these inputs' shapes, by the names of symbolic dimensions.
    std::map<std::string, Dims> shapes(const std::map<std::string, Dims>& inputs) const;
};

Dims dims_of(const std::vector<onnx::Dim>& dims);
// False for a type that TensorRT has no counterpart of.
bool type_of(int onnx_type, DataType& type);

std::string write_plan(const std::string& onnx, const std::vector<Profile>& profiles, uint64_t options, bool detailed);
// Empty if the plan is sound, else what is wrong with it.
std::string read_plan(const void* data, size_t size, Plan& plan);
// Fills model and tensors from the ONNX file; empty if all is well.
std::string read_model(Plan& plan, int& node);

} // namespace standin::trt
