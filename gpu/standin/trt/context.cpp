// Execution contexts: shapes, addresses, and the work that they put into streams.
#include <cstring>

#include "engine.h"

namespace standin::trt {
namespace {

constexpr double network_cost_us = 1000;
constexpr size_t lazy_bytes = 4096;

// What a graph that was captured from a context still depends on.
struct Life {
    bool context_lives = true;
    uint64_t shapes = 0; // counts changes of shape
};

class Context final : public IExecutionContext, public UnexpectedExecutionContext {
public:
    Context(std::shared_ptr<const Plan> plan, ICudaEngine& engine, Scratch memory, Voice voice,
            std::shared_ptr<Children> siblings)
        : tracked_("IExecutionContext"), plan_(std::move(plan)), engine_(engine), memory_(std::move(memory)),
          voice_(voice), siblings_(std::move(siblings)) {
        mImpl = this;
        ++siblings_->live;
        for (const Tensor& tensor : plan_->tensors) {
            if (tensor.input && volume(tensor.dims) >= 0) shapes_[tensor.name] = tensor.dims;
        }
    }
    ~Context() override {
        const std::lock_guard guard(lock());
        --siblings_->live;
        life_->context_lives = false;
    }

    IExecutionContext* getPImpl() noexcept override { return this; }
    ICudaEngine const& getEngine() const noexcept override { return engine_; }
    void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.recorder = recorder; }
    IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder; }
    void setName(char const* name) noexcept override { name_ = name; }
    char const* getName() const noexcept override { return name_.c_str(); }
    int32_t getOptimizationProfile() const noexcept override { return static_cast<int32_t>(profile_); }
    bool setOptimizationProfileAsync(int32_t profile, cudaStream_t stream) noexcept override;
    void setDeviceMemoryV2(void* memory, int64_t size) noexcept override;

    bool setInputShape(char const* name, Dims const& dims) noexcept override;
    Dims getTensorShape(char const* name) const noexcept override;
    bool allInputDimensionsSpecified() const noexcept override;
    int32_t inferShapes(int32_t, char const**) noexcept override;
    bool setTensorAddress(char const* name, void* data) noexcept override;
    bool setInputTensorAddress(char const* name, void const* data) noexcept override;
    bool setOutputTensorAddress(char const* name, void* data) noexcept override { return setTensorAddress(name, data); }
    void const* getTensorAddress(char const* name) const noexcept override;
    int64_t getMaxOutputSize(char const* name) const noexcept override;
    bool enqueueV3(cudaStream_t stream) noexcept override;

private:
    bool refuse(const std::string& text) const noexcept {
        voice_.error(text);
        return false;
    }
    std::map<std::string, Dims> output_shapes() const;
    bool warm_up(Stream& stream);
    bool describe(Operation& op);

    Tracked tracked_;
    std::shared_ptr<const Plan> plan_;
    ICudaEngine& engine_;
    Scratch memory_, lazy_;
    uintptr_t user_memory_ = 0;
    size_t user_bytes_ = 0;
    Voice voice_;
    std::shared_ptr<Children> siblings_;
    std::shared_ptr<Life> life_ = std::make_shared<Life>();
    std::string name_;
    size_t profile_ = 0;
    std::map<std::string, Dims> shapes_; // of the inputs that were set
    std::map<std::string, uintptr_t> addresses_;
    bool warm_ = false;
};

struct Bound {
    Tensor tensor;
    Dims dims;
    uintptr_t address;
    size_t bytes;
};

standin_tensor describe(const Bound& bound, bool with_data) {
    standin_tensor out{};
    out.name = bound.tensor.name.c_str();
    out.ndim = bound.dims.nbDims;
    for (int32_t i = 0; i < bound.dims.nbDims; ++i) out.dims[i] = bound.dims.d[i];
    out.data = with_data ? reinterpret_cast<float*>(bound.address) : nullptr;
    out.bytes = bound.bytes;
    out.dtype = static_cast<int>(bound.tensor.type);
    return out;
}

int run_network(const Plan& plan, const std::vector<Bound>& bound) {
    State& s = state();
    if (s.settings.network == nullptr) {
        s.fault(kind::unexpected, "a network runs, but the test has set none (standin_set_network)");
        return CUDA_ERROR_LAUNCH_FAILED;
    }
    std::vector<standin_tensor> in, out;
    for (const Bound& each : bound) (each.tensor.input ? in : out).push_back(describe(each, true));
    const int code = s.settings.network(s.settings.network_user, plan.onnx.data(), plan.onnx.size(),
                                        static_cast<int>(in.size()), in.data(), static_cast<int>(out.size()), out.data());
    return code == 0 ? CUDA_SUCCESS : CUDA_ERROR_LAUNCH_FAILED;
}

std::map<std::string, Dims> Context::output_shapes() const {
    auto found = plan_->shapes(shapes_);
    const State& s = state();
    if (s.settings.shapes == nullptr || !allInputDimensionsSpecified()) return found;
    std::vector<standin_tensor> in, out;
    for (const Tensor& tensor : plan_->tensors) {
        const Dims dims = tensor.input ? shapes_.at(tensor.name) : tensor.dims;
        (tensor.input ? in : out).push_back(trt::describe(Bound{tensor, dims, 0, 0}, false));
        (tensor.input ? in : out).back().name = tensor.name.c_str();
    }
    if (s.settings.shapes(s.settings.shapes_user, plan_->onnx.data(), plan_->onnx.size(), static_cast<int>(in.size()),
                          in.data(), static_cast<int>(out.size()), out.data()) != 0) {
        return found;
    }
    size_t next = 0;
    for (const Tensor& tensor : plan_->tensors) {
        if (tensor.input) continue;
        Dims& dims = found[tensor.name];
        dims.nbDims = out[next].ndim;
        for (int32_t i = 0; i < dims.nbDims; ++i) dims.d[i] = out[next].dims[i];
        ++next;
    }
    return found;
}

bool Context::setOptimizationProfileAsync(int32_t profile, cudaStream_t) noexcept {
    const Call call("IExecutionContext::setOptimizationProfileAsync", voice_);
    if (call.failed()) return false;
    if (profile < 0 || static_cast<size_t>(profile) >= plan_->profiles.size()) {
        return refuse("there is no optimization profile " + std::to_string(profile));
    }
    profile_ = static_cast<size_t>(profile);
    for (const Tensor& tensor : plan_->tensors) {
        if (tensor.input && volume(tensor.dims) < 0) shapes_.erase(tensor.name);
    }
    ++life_->shapes;
    warm_ = false;
    return true;
}

void Context::setDeviceMemoryV2(void* memory, int64_t size) noexcept {
    const Call call("IExecutionContext::setDeviceMemoryV2", voice_);
    user_memory_ = reinterpret_cast<uintptr_t>(memory);
    user_bytes_ = static_cast<size_t>(std::max<int64_t>(size, 0));
}

bool Context::setInputShape(char const* name, Dims const& dims) noexcept {
    const Call call("IExecutionContext::setInputShape", voice_);
    if (call.failed()) return false;
    const Tensor* tensor = plan_->find(name);
    if (tensor == nullptr || !tensor->input) return refuse(std::string("there is no input \"") + name + "\"");
    bool fits = dims.nbDims == tensor->dims.nbDims;
    const auto it = plan_->profiles[profile_].find(tensor->name);
    for (int32_t i = 0; fits && i < dims.nbDims; ++i) {
        fits = tensor->dims.d[i] < 0 || tensor->dims.d[i] == dims.d[i];
        if (it != plan_->profiles[profile_].end()) {
            fits = fits && it->second.min.d[i] <= dims.d[i] && dims.d[i] <= it->second.max.d[i];
        }
    }
    if (!fits) {
        return refuse("the shape " + text(dims) + " of \"" + tensor->name + "\" does not fit optimization profile " +
                      std::to_string(profile_));
    }
    const auto old = shapes_.find(tensor->name);
    if (old == shapes_.end() || !same(old->second, dims)) {
        shapes_[tensor->name] = dims;
        ++life_->shapes;
        warm_ = false;
    }
    return true;
}

Dims Context::getTensorShape(char const* name) const noexcept {
    const std::lock_guard guard(lock());
    const Tensor* tensor = plan_->find(name);
    if (tensor == nullptr) {
        refuse(std::string("there is no tensor \"") + name + "\"");
        return {-1, {}};
    }
    if (!tensor->input) return output_shapes().at(tensor->name);
    const auto it = shapes_.find(tensor->name);
    return it == shapes_.end() ? tensor->dims : it->second;
}

bool Context::allInputDimensionsSpecified() const noexcept {
    for (const Tensor& tensor : plan_->tensors) {
        if (tensor.input && shapes_.count(tensor.name) == 0) return false;
    }
    return true;
}

int32_t Context::inferShapes(int32_t, char const**) noexcept {
    const Call call("IExecutionContext::inferShapes", voice_);
    if (call.failed()) return -1;
    int32_t missing = 0;
    for (const Tensor& tensor : plan_->tensors) missing += tensor.input && shapes_.count(tensor.name) == 0 ? 1 : 0;
    return missing;
}

bool Context::setTensorAddress(char const* name, void* data) noexcept {
    const Call call("IExecutionContext::setTensorAddress", voice_);
    if (call.failed()) return false;
    const Tensor* tensor = plan_->find(name);
    if (tensor == nullptr) return refuse(std::string("there is no tensor \"") + name + "\"");
    const auto address = reinterpret_cast<uintptr_t>(data);
    if (address % 256 != 0) {
        state().fault(kind::argument, "the address of \"" + tensor->name + "\" is not a multiple of 256");
    }
    addresses_[tensor->name] = address;
    return true;
}

bool Context::setInputTensorAddress(char const* name, void const* data) noexcept {
    return setTensorAddress(name, const_cast<void*>(data));
}

void const* Context::getTensorAddress(char const* name) const noexcept {
    const auto it = addresses_.find(name);
    return it == addresses_.end() ? nullptr : reinterpret_cast<void const*>(it->second);
}

int64_t Context::getMaxOutputSize(char const* name) const noexcept {
    const std::lock_guard guard(lock());
    const Tensor* tensor = plan_->find(name);
    if (tensor == nullptr || tensor->input) return -1;
    const int64_t elements = volume(output_shapes().at(tensor->name));
    return elements < 0 ? -1 : elements * static_cast<int64_t>(bytes_of(tensor->type));
}

// The first run after a change of shape sets itself up: it allocates and loads, which a capture forbids.
bool Context::warm_up(Stream& stream) {
    State& s = state();
    if (warm_) return true;
    if (stream.capture) {
        stream.capture->invalid = true;
        s.fault(kind::warm_up, "the first enqueueV3 of \"" + plan_->model.graph +
                                   "\" since its shapes were set is in a capture; it has to run once before");
        return refuse("CUDA error 900: operation not permitted when stream is capturing");
    }
    if (forbid_while_capturing("the first IExecutionContext::enqueueV3 of a shape") != 0) {
        return refuse("CUDA error 900: operation not permitted when stream is capturing");
    }
    if (lazy_.address() == 0) lazy_ = Scratch(lazy_bytes, "TensorRT's lazy initialisation");
    if (lazy_.address() == 0) return refuse("CUDA error 2: out of memory");
    warm_ = true;
    return true;
}

bool Context::describe(Operation& op) {
    State& s = state();
    const auto outputs = output_shapes();
    std::vector<Bound> bound;
    for (const Tensor& tensor : plan_->tensors) {
        const auto shape = shapes_.find(tensor.name);
        if (tensor.input && shape == shapes_.end()) return refuse("the shape of \"" + tensor.name + "\" is not set");
        const Dims dims = tensor.input ? shape->second : outputs.at(tensor.name);
        if (volume(dims) < 0) return refuse("the shape of \"" + tensor.name + "\" is not known: " + text(dims));
        const auto address = addresses_.find(tensor.name);
        if (address == addresses_.end() || address->second == 0) {
            return refuse("the address of \"" + tensor.name + "\" is not set");
        }
        const size_t bytes = static_cast<size_t>(volume(dims)) * bytes_of(tensor.type);
        bound.push_back({tensor, dims, address->second, bytes});
        Use use{address->second, bytes, !tensor.input};
        const Block* block = s.heap.find(address->second);
        use.checksum = tensor.input && block != nullptr && block->on_host();
        op.uses.push_back(use);
    }
    const bool user = memory_.address() == 0;
    if (user && (user_memory_ == 0 || user_bytes_ < context_bytes(*plan_, profile_))) {
        return refuse("the context has no device memory, or too little");
    }
    op.uses.push_back({user ? user_memory_ : memory_.address(), user ? user_bytes_ : memory_.size(), true});
    op.run = [plan = plan_, bound] { return run_network(*plan, bound); };
    return true;
}

bool Context::enqueueV3(cudaStream_t handle) noexcept {
    const Call call("IExecutionContext::enqueueV3", voice_);
    if (call.failed()) return false;
    State& s = state();
    Stream* stream = s.stream(handle);
    if (stream == nullptr) {
        s.fault(kind::handle, "IExecutionContext::enqueueV3 with a stream that does not live");
        return refuse("CUDA error 400: invalid resource handle");
    }
    if (const int lost = s.schedule.lasting_error()) return refuse("CUDA error " + std::to_string(lost));
    Operation op;
    op.name = "network:" + plan_->model.graph;
    op.where = "IExecutionContext::enqueueV3";
    op.cost_us = network_cost_us;
    if (!describe(op) || !warm_up(*stream)) return false;
    op.stale = [life = life_, shapes = life_->shapes]() -> std::string {
        if (!life->context_lives) return "its execution context is gone";
        return life->shapes == shapes ? "" : "its execution context has other shapes now";
    };
    const int code = submit(*stream, std::move(op));
    return code == 0 || refuse("CUDA error " + std::to_string(code));
}

} // namespace

IExecutionContext* make_context(std::shared_ptr<const Plan> plan, ICudaEngine& engine, bool own_memory,
                                const Voice& voice, std::shared_ptr<Children> siblings) {
    Scratch memory;
    if (own_memory) {
        size_t most = 0;
        for (size_t i = 0; i < plan->profiles.size(); ++i) most = std::max(most, context_bytes(*plan, i));
        memory = Scratch(most, "TensorRT's execution context of " + plan->model.graph);
        if (memory.address() == 0) {
            voice.error("CUDA error 2: out of memory for an execution context of " + std::to_string(most) + " bytes",
                        ErrorCode::kFAILED_ALLOCATION);
            return nullptr;
        }
    }
    return new Context(std::move(plan), engine, std::move(memory), voice, std::move(siblings));
}

} // namespace standin::trt
