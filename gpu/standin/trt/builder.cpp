// The builder and its configuration.
#include "engine.h"
#include "network.h"

namespace standin::trt {
namespace {

class ProfileDefinition final : public IOptimizationProfile, public UnexpectedOptimizationProfile {
public:
    ProfileDefinition() { mImpl = this; }
    bool setDimensions(char const* name, OptProfileSelector select, Dims const& dims) noexcept override {
        if (dims.nbDims < 0 || volume(dims) < 0) return false;
        Range& range = ranges[name];
        Dims* const slot = pick(range, select);
        *slot = dims;
        return true;
    }
    Dims getDimensions(char const* name, OptProfileSelector select) const noexcept override {
        const auto it = ranges.find(name);
        return it == ranges.end() ? Dims{-1, {}} : *pick(const_cast<Range&>(it->second), select);
    }
    bool isValid() const noexcept override { return !ranges.empty(); }

    Profile ranges;

private:
    static Dims* pick(Range& range, OptProfileSelector select) {
        return select == OptProfileSelector::kMIN ? &range.min : select == OptProfileSelector::kOPT ? &range.opt : &range.max;
    }
};

class Timings final : public ITimingCache, public UnexpectedTimingCache {
public:
    explicit Timings(std::string bytes) : tracked_("ITimingCache"), bytes_(std::move(bytes)) { mImpl = this; }
    IHostMemory* serialize() const noexcept override { return new Bytes(bytes_); }
    bool combine(ITimingCache const&, bool) noexcept override { return true; }
    bool reset() noexcept override {
        bytes_ = empty();
        return true;
    }
    static std::string empty() { return "lookout stand-in timings\n"; }

private:
    Tracked tracked_;
    std::string bytes_;
};

class Config final : public IBuilderConfig, public UnexpectedBuilderConfig {
public:
    explicit Config(Voice voice) : tracked_("IBuilderConfig"), voice_(voice) { mImpl = this; }

    void setFlags(BuilderFlags flags) noexcept override { flags_ = flags; }
    BuilderFlags getFlags() const noexcept override { return flags_; }
    void setFlag(BuilderFlag flag) noexcept override { flags_ |= 1u << static_cast<uint32_t>(flag); }
    void clearFlag(BuilderFlag flag) noexcept override { flags_ &= ~(1u << static_cast<uint32_t>(flag)); }
    bool getFlag(BuilderFlag flag) const noexcept override { return (flags_ >> static_cast<uint32_t>(flag) & 1u) != 0; }
    void setMemoryPoolLimit(MemoryPoolType pool, std::size_t size) noexcept override { pools_[static_cast<int>(pool)] = size; }
    std::size_t getMemoryPoolLimit(MemoryPoolType pool) const noexcept override {
        const auto it = pools_.find(static_cast<int>(pool));
        return it == pools_.end() ? state().settings.memory : it->second;
    }
    void setBuilderOptimizationLevel(int32_t level) noexcept override { level_ = level; }
    int32_t getBuilderOptimizationLevel() const noexcept override { return level_; }
    void setProfilingVerbosity(ProfilingVerbosity verbosity) noexcept override { verbosity_ = verbosity; }
    ProfilingVerbosity getProfilingVerbosity() const noexcept override { return verbosity_; }
    bool setMaxAuxStreams(int32_t streams) noexcept override {
        aux_ = streams;
        return streams >= 0;
    }
    int32_t getMaxAuxStreams() const noexcept override { return aux_; }

    int32_t addOptimizationProfile(IOptimizationProfile const* profile) noexcept override {
        const Call call("IBuilderConfig::addOptimizationProfile", voice_);
        const auto* definition = static_cast<ProfileDefinition const*>(profile);
        if (call.failed() || definition == nullptr || !definition->isValid()) return -1;
        profiles.push_back(definition->ranges);
        return static_cast<int32_t>(profiles.size()) - 1;
    }
    int32_t getNbOptimizationProfiles() const noexcept override { return static_cast<int32_t>(profiles.size()); }

    ITimingCache* createTimingCache(void const* blob, std::size_t size) const noexcept override {
        const Call call("IBuilderConfig::createTimingCache", voice_);
        if (call.failed()) return nullptr;
        std::string bytes(static_cast<const char*>(blob), blob == nullptr ? 0 : size);
        if (bytes.empty()) bytes = Timings::empty();
        if (bytes.compare(0, Timings::empty().size(), Timings::empty()) != 0) {
            voice_.error("the timing cache cannot be read");
            return nullptr;
        }
        return new Timings(bytes);
    }
    bool setTimingCache(ITimingCache const& cache, bool) noexcept override {
        const Call call("IBuilderConfig::setTimingCache", voice_);
        timings_ = &cache;
        return !call.failed();
    }
    ITimingCache const* getTimingCache() const noexcept override { return timings_; }

    std::vector<Profile> profiles;

private:
    Tracked tracked_;
    Voice voice_;
    BuilderFlags flags_ = 0;
    std::map<int, size_t> pools_;
    int32_t level_ = 3, aux_ = -1;
    ProfilingVerbosity verbosity_ = ProfilingVerbosity::kLAYER_NAMES_ONLY;
    ITimingCache const* timings_ = nullptr;
};

// What is wrong with a profile for this network; empty if nothing is.
std::string check_profile(const Plan& plan, const Profile& profile) {
    for (const auto& [name, range] : profile) {
        const Tensor* tensor = plan.find(name.c_str());
        if (tensor == nullptr || !tensor->input) return "there is no input \"" + name + "\"";
        for (const Dims* dims : {&range.min, &range.opt, &range.max}) {
            bool fits = dims->nbDims == tensor->dims.nbDims;
            for (int32_t i = 0; fits && i < dims->nbDims; ++i) {
                fits = tensor->dims.d[i] < 0 || tensor->dims.d[i] == dims->d[i];
            }
            if (!fits) return "the shape " + text(*dims) + " does not fit the input \"" + name + "\" of " + text(tensor->dims);
        }
        for (int32_t i = 0; i < range.min.nbDims; ++i) {
            if (range.min.d[i] > range.opt.d[i] || range.opt.d[i] > range.max.d[i]) {
                return "minimum, optimum and maximum of \"" + name + "\" are not in order";
            }
        }
    }
    for (const Tensor& tensor : plan.tensors) {
        if (tensor.input && volume(tensor.dims) < 0 && profile.count(tensor.name) == 0) {
            return "the input \"" + tensor.name + "\" has dimensions that are not fixed and is in no optimization profile";
        }
    }
    return "";
}

class Builder final : public IBuilder, public UnexpectedBuilder {
public:
    explicit Builder(ILogger* logger) : tracked_("IBuilder"), voice_{logger, nullptr} { mImpl = this; }

    int32_t getNbDLACores() const noexcept override { return 0; }
    ILogger* getLogger() const noexcept override { return voice_.logger; }
    void setErrorRecorder(IErrorRecorder* recorder) noexcept override { voice_.recorder = recorder; }
    IErrorRecorder* getErrorRecorder() const noexcept override { return voice_.recorder; }
    bool setMaxThreads(int32_t threads) noexcept override { return threads > 0; }

    INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags) noexcept override {
        const Call call("IBuilder::createNetworkV2", voice_);
        return call.failed() ? nullptr : new Network(voice_);
    }
    IBuilderConfig* createBuilderConfig() noexcept override {
        const Call call("IBuilder::createBuilderConfig", voice_);
        return call.failed() ? nullptr : new Config(voice_);
    }
    IOptimizationProfile* createOptimizationProfile() noexcept override {
        const Call call("IBuilder::createOptimizationProfile", voice_);
        if (call.failed()) return nullptr;
        profiles_.push_back(std::make_unique<ProfileDefinition>());
        return profiles_.back().get();
    }

    IHostMemory* buildSerializedNetwork(INetworkDefinition& definition, IBuilderConfig& configuration) noexcept override {
        const Call call("IBuilder::buildSerializedNetwork", voice_);
        if (call.failed()) return nullptr;
        const Plan& plan = static_cast<Network&>(definition).plan();
        auto& config = static_cast<Config&>(configuration);
        std::string wrong = plan.tensors.empty() ? "the network is empty" : "";
        std::vector<Profile> profiles = config.profiles;
        if (profiles.empty()) profiles.emplace_back();
        for (const Profile& profile : profiles) {
            if (wrong.empty()) wrong = check_profile(plan, profile);
        }
        if (!wrong.empty()) {
            voice_.error(wrong);
            return nullptr;
        }
        const bool detailed = config.getProfilingVerbosity() == ProfilingVerbosity::kDETAILED;
        voice_.info("built " + plan.model.graph);
        return new Bytes(write_plan(plan.onnx, profiles, config.getFlags(), detailed));
    }

private:
    Tracked tracked_;
    Voice voice_;
    std::vector<std::unique_ptr<ProfileDefinition>> profiles_;
};

} // namespace
} // namespace standin::trt

API void* createInferBuilder_INTERNAL(void* logger, int32_t version) noexcept {
    using namespace standin::trt;
    const Voice voice{static_cast<ILogger*>(logger), nullptr};
    const Call call("createInferBuilder", voice);
    if (call.failed() || version / 10000 != NV_TENSORRT_MAJOR) return nullptr;
    return static_cast<IBuilder*>(new Builder(voice.logger));
}
