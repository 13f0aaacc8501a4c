#include "network.h"

namespace standin::trt {
namespace {

template <class T>
T* pick(std::deque<T>& list, int32_t index) {
    return index >= 0 && static_cast<size_t>(index) < list.size() ? &list[static_cast<size_t>(index)] : nullptr;
}

} // namespace

Layer::Layer(const onnx::NodeInfo& node) : node_(node) {
    mLayer = this;
    for (size_t i = 0; i < node_.outputs.size(); ++i) {
        DataType type = DataType::kFLOAT;
        type_of(node_.output_types[i], type);
        outputs_.emplace_back(node_.outputs[i], type, Dims{-1, {}}, false, false);
    }
}

LayerType Layer::getType() const noexcept {
    static const std::map<std::string, LayerType> types = {
        {"QuantizeLinear", LayerType::kQUANTIZE}, {"DequantizeLinear", LayerType::kDEQUANTIZE},
        {"Conv", LayerType::kCONVOLUTION},        {"Cast", LayerType::kCAST},
        {"Relu", LayerType::kACTIVATION},         {"Resize", LayerType::kRESIZE},
        {"Concat", LayerType::kCONCATENATION},    {"Softmax", LayerType::kSOFTMAX},
    };
    const auto it = types.find(node_.op);
    return it == types.end() ? LayerType::kELEMENTWISE : it->second;
}

ITensor* Layer::getOutput(int32_t index) const noexcept { return pick(outputs_, index); }

DataType Layer::getOutputType(int32_t index) const noexcept {
    const ITensor* tensor = getOutput(index);
    return tensor == nullptr ? DataType::kFLOAT : tensor->getType();
}

ILayer* Network::getLayer(int32_t index) const noexcept { return pick(layers_, index); }
ITensor* Network::getInput(int32_t index) const noexcept { return pick(inputs_, index); }
ITensor* Network::getOutput(int32_t index) const noexcept { return pick(outputs_, index); }

void Network::fill(Plan plan) {
    plan_ = std::move(plan);
    for (const onnx::NodeInfo& node : plan_.model.nodes) layers_.emplace_back(node);
    for (const Tensor& tensor : plan_.tensors) {
        (tensor.input ? inputs_ : outputs_).emplace_back(tensor.name, tensor.type, tensor.dims, tensor.input, !tensor.input);
    }
}

} // namespace standin::trt
