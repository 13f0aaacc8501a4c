// Engines and the objects that they make.
#pragma once
#include <memory>

#include "plan.h"

namespace standin::trt {

class Bytes final : public IHostMemory, public UnexpectedHostMemory {
public:
    explicit Bytes(std::string bytes) : tracked_("IHostMemory"), bytes_(std::move(bytes)) { mImpl = this; }
    void* data() const noexcept override { return const_cast<char*>(bytes_.data()); }
    std::size_t size() const noexcept override { return bytes_.size(); }
    DataType type() const noexcept override { return DataType::kINT8; }

private:
    Tracked tracked_;
    std::string bytes_;
};

// How many objects an object has made that must go before it.
struct Children {
    long live = 0;
};

class Engine final : public ICudaEngine, public UnexpectedCudaEngine {
public:
    Engine(std::shared_ptr<const Plan> plan, std::string bytes, Scratch weights, Voice voice,
           std::shared_ptr<Children> siblings);
    ~Engine() override;

    ICudaEngine* getPImpl() noexcept override { return this; }
    int32_t getNbLayers() const noexcept override { return static_cast<int32_t>(plan_->model.nodes.size()); }
    IHostMemory* serialize() const noexcept override { return new Bytes(bytes_); }
    IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy strategy) noexcept override;
    IEngineInspector* createEngineInspector() const noexcept override;
    char const* getName() const noexcept override { return plan_->model.graph.c_str(); }
    bool isRefittable() const noexcept override { return false; }
    int32_t getNbOptimizationProfiles() const noexcept override { return static_cast<int32_t>(plan_->profiles.size()); }
    EngineCapability getEngineCapability() const noexcept override { return EngineCapability::kSTANDARD; }
    void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.recorder = recorder; }
    IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder; }
    int32_t getNbAuxStreams() const noexcept override { return 0; }
    HardwareCompatibilityLevel getHardwareCompatibilityLevel() const noexcept override {
        return HardwareCompatibilityLevel::kNONE;
    }
    ProfilingVerbosity getProfilingVerbosity() const noexcept override {
        return plan_->detailed ? ProfilingVerbosity::kDETAILED : ProfilingVerbosity::kLAYER_NAMES_ONLY;
    }

    int32_t getNbIOTensors() const noexcept override { return static_cast<int32_t>(plan_->tensors.size()); }
    char const* getIOTensorName(int32_t index) const noexcept override;
    Dims getTensorShape(char const* name) const noexcept override;
    DataType getTensorDataType(char const* name) const noexcept override;
    TensorIOMode getTensorIOMode(char const* name) const noexcept override;
    TensorLocation getTensorLocation(char const*) const noexcept override { return TensorLocation::kDEVICE; }
    TensorFormat getTensorFormat(char const*) const noexcept override { return TensorFormat::kLINEAR; }
    TensorFormat getTensorFormatV2(char const*, int32_t) const noexcept override { return TensorFormat::kLINEAR; }
    bool isShapeInferenceIO(char const*) const noexcept override { return false; }
    int32_t getTensorBytesPerComponent(char const* name) const noexcept override;
    int32_t getTensorVectorizedDim(char const*) const noexcept override { return -1; }
    Dims getProfileShape(char const* name, int32_t profile, OptProfileSelector select) const noexcept override;
    int64_t getDeviceMemorySizeV2() const noexcept override;
    int64_t getDeviceMemorySizeForProfileV2(int32_t profile) const noexcept override;

private:
    const Tensor* find(char const* name) const noexcept;

    Tracked tracked_;
    std::shared_ptr<const Plan> plan_;
    std::string bytes_;
    Scratch weights_;
    Voice voice_;
    std::shared_ptr<Children> siblings_, contexts_ = std::make_shared<Children>();
};

// Makes an execution context; null and an error if there is no memory for it.
IExecutionContext* make_context(std::shared_ptr<const Plan> plan, ICudaEngine& engine, bool own_memory,
                                const Voice& voice, std::shared_ptr<Children> siblings);
// Device memory that a context needs for a profile.
size_t context_bytes(const Plan& plan, size_t profile);

} // namespace standin::trt
