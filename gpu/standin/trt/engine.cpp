#include "engine.h"

namespace standin::trt {
namespace {

class Inspector final : public IEngineInspector, public UnexpectedEngineInspector {
public:
    explicit Inspector(std::shared_ptr<const Plan> plan) : tracked_("IEngineInspector"), plan_(std::move(plan)) {
        mImpl = this;
    }
    IEngineInspector* getPImpl() noexcept override { return this; }
    char const* getEngineInformation(LayerInformationFormat) const noexcept override {
        const Call call("IEngineInspector::getEngineInformation", Voice{});
        if (call.failed()) return nullptr;
        std::string layers;
        for (const onnx::NodeInfo& node : plan_->model.nodes) {
            if (!layers.empty()) layers += ",";
            layers += plan_->detailed ? "{\"Name\":\"" + node.name + "\",\"LayerType\":\"" + node.op + "\"}"
                                      : "\"" + node.name + "\"";
        }
        text_ = "{\"Layers\":[" + layers + "],\"Bindings\":[]}";
        return text_.c_str();
    }
    void setErrorRecorder(IErrorRecorder*) noexcept override {}
    IErrorRecorder* getErrorRecorder() const noexcept override { return nullptr; }

private:
    Tracked tracked_;
    std::shared_ptr<const Plan> plan_;
    mutable std::string text_;
};

constexpr size_t context_overhead = 64 << 10;

} // namespace

size_t context_bytes(const Plan& plan, size_t profile) { return context_overhead + plan.io_bytes(profile); }

Engine::Engine(std::shared_ptr<const Plan> plan, std::string bytes, Scratch weights, Voice voice,
               std::shared_ptr<Children> siblings)
    : tracked_("ICudaEngine"), plan_(std::move(plan)), bytes_(std::move(bytes)), weights_(std::move(weights)),
      voice_(voice), siblings_(std::move(siblings)) {
    mImpl = this;
    ++siblings_->live;
}

Engine::~Engine() {
    const std::lock_guard guard(lock());
    --siblings_->live;
    if (contexts_->live > 0 && tracked_.current()) {
        state().fault(kind::lifetime, "an ICudaEngine goes while " + std::to_string(contexts_->live) +
                                          " of its execution contexts live");
    }
}

IExecutionContext* Engine::createExecutionContext(ExecutionContextAllocationStrategy strategy) noexcept {
    const Call call("ICudaEngine::createExecutionContext", voice_);
    if (call.failed()) return nullptr;
    if (forbid_while_capturing("ICudaEngine::createExecutionContext") != 0) {
        voice_.error("CUDA error 900: operation not permitted when stream is capturing");
        return nullptr;
    }
    return make_context(plan_, *this, strategy != ExecutionContextAllocationStrategy::kUSER_MANAGED, voice_, contexts_);
}

IEngineInspector* Engine::createEngineInspector() const noexcept {
    const Call call("ICudaEngine::createEngineInspector", voice_);
    return call.failed() ? nullptr : new Inspector(plan_);
}

const Tensor* Engine::find(char const* name) const noexcept {
    const Tensor* tensor = plan_->find(name);
    if (tensor == nullptr) voice_.error(std::string("the engine has no tensor \"") + (name == nullptr ? "" : name) + "\"");
    return tensor;
}

char const* Engine::getIOTensorName(int32_t index) const noexcept {
    if (index < 0 || index >= getNbIOTensors()) {
        voice_.error("there is no tensor " + std::to_string(index));
        return nullptr;
    }
    return plan_->tensors[static_cast<size_t>(index)].name.c_str();
}

Dims Engine::getTensorShape(char const* name) const noexcept {
    const Tensor* tensor = find(name);
    return tensor == nullptr ? Dims{-1, {}} : tensor->dims;
}

DataType Engine::getTensorDataType(char const* name) const noexcept {
    const Tensor* tensor = find(name);
    return tensor == nullptr ? DataType::kFLOAT : tensor->type;
}

TensorIOMode Engine::getTensorIOMode(char const* name) const noexcept {
    const Tensor* tensor = find(name);
    if (tensor == nullptr) return TensorIOMode::kNONE;
    return tensor->input ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
}

int32_t Engine::getTensorBytesPerComponent(char const* name) const noexcept {
    const Tensor* tensor = find(name);
    return tensor == nullptr ? -1 : static_cast<int32_t>(bytes_of(tensor->type));
}

Dims Engine::getProfileShape(char const* name, int32_t profile, OptProfileSelector select) const noexcept {
    const Tensor* tensor = find(name);
    if (tensor == nullptr || !tensor->input || profile < 0 || profile >= getNbOptimizationProfiles()) return {-1, {}};
    const Profile& ranges = plan_->profiles[static_cast<size_t>(profile)];
    const auto it = ranges.find(tensor->name);
    if (it == ranges.end()) return tensor->dims;
    switch (select) {
    case OptProfileSelector::kMIN: return it->second.min;
    case OptProfileSelector::kOPT: return it->second.opt;
    case OptProfileSelector::kMAX: return it->second.max;
    }
    return {-1, {}};
}

int64_t Engine::getDeviceMemorySizeV2() const noexcept {
    int64_t most = 0;
    for (int32_t i = 0; i < getNbOptimizationProfiles(); ++i) {
        most = std::max(most, getDeviceMemorySizeForProfileV2(i));
    }
    return most;
}

int64_t Engine::getDeviceMemorySizeForProfileV2(int32_t profile) const noexcept {
    if (profile < 0 || profile >= getNbOptimizationProfiles()) return 0;
    return static_cast<int64_t>(context_bytes(*plan_, static_cast<size_t>(profile)));
}

} // namespace standin::trt
