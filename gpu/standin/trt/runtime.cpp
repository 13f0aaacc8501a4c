// The runtime: plans into engines.
#include "engine.h"

namespace standin::trt {
namespace {

class Runtime final : public IRuntime, public UnexpectedRuntime {
public:
    explicit Runtime(ILogger* logger) : tracked_("IRuntime"), voice_{logger, nullptr} { mImpl = this; }
    ~Runtime() override {
        const std::lock_guard guard(lock());
        if (engines_->live > 0 && tracked_.current()) {
            state().fault(kind::lifetime, "an IRuntime goes while " + std::to_string(engines_->live) + " of its engines live");
        }
    }

    IRuntime* getPImpl() noexcept override { return this; }
    ILogger* getLogger() const noexcept override { return voice_.logger; }
    void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.recorder = recorder; }
    IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder; }
    int32_t getNbDLACores() const noexcept override { return 0; }
    bool setMaxThreads(int32_t threads) noexcept override { return threads > 0; }

    ICudaEngine* deserializeCudaEngine(void const* blob, std::size_t size) noexcept override {
        const Call call("IRuntime::deserializeCudaEngine", voice_);
        if (call.failed()) return nullptr;
        if (forbid_while_capturing("IRuntime::deserializeCudaEngine") != 0) {
            voice_.error("CUDA error 900: operation not permitted when stream is capturing");
            return nullptr;
        }
        auto plan = std::make_shared<Plan>();
        const std::string wrong = blob == nullptr ? "there is none" : read_plan(blob, size, *plan);
        if (!wrong.empty()) {
            voice_.error("the serialized engine cannot be used: " + wrong, ErrorCode::kFAILED_EXECUTION);
            return nullptr;
        }
        Scratch weights(std::max<size_t>(plan->onnx.size(), 1), "TensorRT's weights of " + plan->model.graph);
        if (weights.address() == 0) {
            voice_.error("CUDA error 2: out of memory for the weights", ErrorCode::kFAILED_ALLOCATION);
            return nullptr;
        }
        return new Engine(plan, std::string(static_cast<const char*>(blob), size), std::move(weights), voice_, engines_);
    }

private:
    Tracked tracked_;
    Voice voice_;
    std::shared_ptr<Children> engines_ = std::make_shared<Children>();
};

} // namespace
} // namespace standin::trt

API void* createInferRuntime_INTERNAL(void* logger, int32_t version) noexcept {
    using namespace standin::trt;
    const Voice voice{static_cast<ILogger*>(logger), nullptr};
    const Call call("createInferRuntime", voice);
    if (call.failed() || version / 10000 != NV_TENSORRT_MAJOR) return nullptr;
    // Callers cast the result to the interface.
    return static_cast<IRuntime*>(new Runtime(voice.logger));
}
