// The ONNX parser.
#include "network.h"

namespace standin::trt {
namespace {

class Error final : public IParserError {
public:
    Error(std::string text, int node, const onnx::NodeInfo* info)
        : text_(std::move(text)), node_(node), name_(info == nullptr ? "" : info->name), op_(info == nullptr ? "" : info->op) {}
    nvonnxparser::ErrorCode code() const override {
        using Code = nvonnxparser::ErrorCode;
        return node_ < 0 ? Code::kMODEL_DESERIALIZE_FAILED : Code::kINVALID_NODE;
    }
    char const* desc() const override { return text_.c_str(); }
    char const* file() const override { return "onnx.cpp"; }
    int line() const override { return 1; }
    char const* func() const override { return "parse"; }
    int node() const override { return node_; }
    char const* nodeName() const override { return name_.c_str(); }
    char const* nodeOperator() const override { return op_.c_str(); }
    char const* const* localFunctionStack() const override { return nullptr; }
    int32_t localFunctionStackSize() const override { return 0; }

private:
    std::string text_;
    int node_;
    std::string name_, op_;
};

class Parser final : public UnexpectedParser {
public:
    Parser(Network& network, ILogger* logger) : tracked_("IParser"), network_(network), voice_{logger, nullptr} {}

    bool parse(void const* model, size_t size, char const*) noexcept override {
        const Call call("IParser::parse", voice_);
        if (call.failed()) return false;
        Plan plan;
        if (model != nullptr) plan.onnx.assign(static_cast<const char*>(model), size);
        int node = -1;
        const std::string wrong = read_model(plan, node);
        if (!wrong.empty()) {
            errors_.emplace_back(wrong, node, node < 0 ? nullptr : &plan.model.nodes[static_cast<size_t>(node)]);
            voice_.error(wrong);
            return false;
        }
        network_.fill(std::move(plan));
        return true;
    }
    int getNbErrors() const noexcept override { return static_cast<int>(errors_.size()); }
    IParserError const* getError(int index) const noexcept override {
        return index >= 0 && static_cast<size_t>(index) < errors_.size() ? &errors_[static_cast<size_t>(index)] : nullptr;
    }
    void clearErrors() noexcept override { errors_.clear(); }
    void setFlags(OnnxParserFlags flags) noexcept override { flags_ = flags; }
    OnnxParserFlags getFlags() const noexcept override { return flags_; }
    void setFlag(OnnxParserFlag flag) noexcept override { flags_ |= 1u << static_cast<uint32_t>(flag); }
    void clearFlag(OnnxParserFlag flag) noexcept override { flags_ &= ~(1u << static_cast<uint32_t>(flag)); }
    bool getFlag(OnnxParserFlag flag) const noexcept override { return (flags_ >> static_cast<uint32_t>(flag) & 1u) != 0; }

private:
    Tracked tracked_;
    Network& network_;
    Voice voice_;
    std::deque<Error> errors_;
    OnnxParserFlags flags_ = 1; // native instance normalisation
};

} // namespace
} // namespace standin::trt

API void* createNvOnnxParser_INTERNAL(void* network, void* logger, int) noexcept {
    using namespace standin::trt;
    const Voice voice{static_cast<nvinfer1::ILogger*>(logger), nullptr};
    const Call call("createNvOnnxParser", voice);
    if (call.failed()) return nullptr;
    auto* definition = static_cast<Network*>(static_cast<nvinfer1::INetworkDefinition*>(network));
    return static_cast<nvonnxparser::IParser*>(new Parser(*definition, voice.logger));
}
