// A network definition: what the parser puts into it and the builder takes out.
#pragma once
#include <deque>
#include <memory>

#include "plan.h"

namespace standin::trt {

class NetworkTensor final : public ITensor, public UnexpectedTensor {
public:
    NetworkTensor(std::string name, DataType type, Dims dims, bool input, bool output)
        : name_(std::move(name)), type_(type), dims_(dims), input_(input), output_(output) {
        mImpl = this;
    }
    char const* getName() const noexcept override { return name_.c_str(); }
    Dims getDimensions() const noexcept override { return dims_; }
    DataType getType() const noexcept override { return type_; }
    bool isNetworkInput() const noexcept override { return input_; }
    bool isNetworkOutput() const noexcept override { return output_; }
    bool isShapeTensor() const noexcept override { return false; }
    bool isExecutionTensor() const noexcept override { return true; }
    TensorLocation getLocation() const noexcept override { return TensorLocation::kDEVICE; }
    void setAllowedFormats(TensorFormats formats) noexcept override { formats_ = formats; }
    TensorFormats getAllowedFormats() const noexcept override { return formats_; }

private:
    std::string name_;
    DataType type_;
    Dims dims_;
    bool input_, output_;
    TensorFormats formats_ = 1; // linear
};

class Layer final : public ILayer, public UnexpectedLayer {
public:
    explicit Layer(const onnx::NodeInfo& node);
    LayerType getType() const noexcept override;
    char const* getName() const noexcept override { return node_.name.c_str(); }
    int32_t getNbOutputs() const noexcept override { return static_cast<int32_t>(outputs_.size()); }
    ITensor* getOutput(int32_t index) const noexcept override;
    DataType getOutputType(int32_t index) const noexcept override;

private:
    onnx::NodeInfo node_;
    mutable std::deque<NetworkTensor> outputs_;
};

class Network final : public INetworkDefinition, public UnexpectedNetworkDefinition {
public:
    explicit Network(Voice voice) : voice_(voice), tracked_("INetworkDefinition") { mImpl = this; }
    int32_t getNbLayers() const noexcept override { return static_cast<int32_t>(layers_.size()); }
    ILayer* getLayer(int32_t index) const noexcept override;
    int32_t getNbInputs() const noexcept override { return static_cast<int32_t>(inputs_.size()); }
    ITensor* getInput(int32_t index) const noexcept override;
    int32_t getNbOutputs() const noexcept override { return static_cast<int32_t>(outputs_.size()); }
    ITensor* getOutput(int32_t index) const noexcept override;
    char const* getName() const noexcept override { return plan_.model.graph.c_str(); }
    void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.recorder = recorder; }
    IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder; }

    void fill(Plan plan);
    const Plan& plan() const { return plan_; }

private:
    Voice voice_;
    Tracked tracked_;
    Plan plan_;
    mutable std::deque<Layer> layers_;
    mutable std::deque<NetworkTensor> inputs_, outputs_;
};

} // namespace standin::trt
