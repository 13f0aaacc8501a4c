// From an ONNX graph to a serialized engine.
#include "messages.hpp"

#include <NvOnnxParser.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>

#if defined(TRT_MAJOR_RTX)
#define LOOKOUT_RTX 1
#else
#define LOOKOUT_RTX 0
#endif

// TensorRT 11 and TensorRT-RTX know typed graphs only: the flags that allow FP16 and INT8 are gone, and
// so are calibrators.
#if LOOKOUT_RTX || NV_TENSORRT_MAJOR >= 11
#define LOOKOUT_STRONGLY_TYPED 1
#else
#define LOOKOUT_STRONGLY_TYPED 0
#endif

#if !LOOKOUT_RTX && NV_TENSORRT_MAJOR < 10
#error "lookout needs the headers of TensorRT 10 or later, or those of TensorRT-RTX"
#endif

namespace {

using namespace nvinfer1;
using lookout::fail;
using lookout::Logger;
using lookout::Recorder;
using lookout::said;

lookout_trt_status bad_option(lookout_trt_error *error, std::string const &text) {
    lookout::set_error(error, text.c_str());
    return LOOKOUT_TRT_BAD_OPTION;
}

#if !LOOKOUT_STRONGLY_TYPED
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
// Hands out a calibration that was made elsewhere, and has no pictures to make another.
class CalibrationCache final : public IInt8EntropyCalibrator2 {
public:
    CalibrationCache(void const *data, std::size_t bytes) noexcept : data_(data), bytes_(bytes) {}

    int32_t getBatchSize() const noexcept override { return 1; }
    bool getBatch(void *[], char const *[], int32_t) noexcept override { return false; }
    void const *readCalibrationCache(std::size_t &length) noexcept override {
        length = bytes_;
        return data_;
    }
    void writeCalibrationCache(void const *, std::size_t) noexcept override {}

private:
    void const *data_;
    std::size_t bytes_;
};
#pragma GCC diagnostic pop
#endif

std::string parser_errors(nvonnxparser::IParser &parser) {
    std::string text;
    for (int i = 0; i < parser.getNbErrors(); ++i) {
        nvonnxparser::IParserError const *const error = parser.getError(i);
        if (error == nullptr) {
            continue;
        }
        if (!text.empty()) {
            text += "; ";
        }
        if (error->node() >= 0) {
            text += "node " + std::to_string(error->node());
            char const *const op = error->nodeOperator();
            char const *const name = error->nodeName();
            if (op != nullptr && *op != '\0') {
                text += std::string(" (") + op;
                if (name != nullptr && *name != '\0') {
                    text += std::string(" \"") + name + '"';
                }
                text += ')';
            }
            text += ": ";
        }
        text += error->desc() == nullptr ? "no description" : error->desc();
        if (error->file() != nullptr) {
            text += std::string(" [") + error->file() + ':' + std::to_string(error->line()) + ']';
        }
    }
    return text;
}

struct Types {
    bool half = false;
    bool quantised = false;
};

Types types_of(INetworkDefinition const &network) {
    Types types;
    for (int32_t i = 0; i < network.getNbLayers(); ++i) {
        ILayer const *const layer = network.getLayer(i);
        types.quantised |= layer->getType() == LayerType::kQUANTIZE;
        for (int32_t o = 0; o < layer->getNbOutputs(); ++o) {
            ITensor const *const tensor = layer->getOutput(o);
            if (tensor != nullptr) {
                types.half |= tensor->getType() == DataType::kHALF;
                types.quantised |= tensor->getType() == DataType::kINT8;
            }
        }
    }
    return types;
}

// A graph that does not say what was asked for would build into a slower engine, or one with other
// numbers, without a word.
lookout_trt_status check_precision(
    lookout_trt_options const &options, Types types, lookout_trt_error *error) {
    char const *text = nullptr;
    bool const typed_by_graph = LOOKOUT_STRONGLY_TYPED != 0;
    switch (options.precision) {
    case LOOKOUT_TRT_FP32:
        if (types.half) {
            text = "fp32 was asked for, but the graph has fp16 tensors";
        } else if (types.quantised) {
            text = "fp32 was asked for, but the graph is quantised";
        }
        break;
    case LOOKOUT_TRT_FP16:
        if (types.quantised) {
            text = "fp16 was asked for, but the graph is quantised";
        } else if (typed_by_graph && !types.half) {
            text = "fp16 was asked for, but the graph has no fp16 tensor, and this version of TensorRT "
                   "takes types from the graph";
        }
        break;
    case LOOKOUT_TRT_INT8:
        if (!types.quantised && options.calibration_cache == nullptr) {
            text = typed_by_graph
                ? "int8 was asked for, but the graph has no QuantizeLinear node, and this version of "
                  "TensorRT takes types from the graph"
                : "int8 was asked for, but the graph has no QuantizeLinear node and there is no "
                  "calibration cache";
        } else if (types.quantised && options.calibration_cache != nullptr) {
            text = "the graph is quantised already; a calibration cache cannot be used with it";
        }
        break;
    default:
        return bad_option(error, "no such precision");
    }
    if (text == nullptr) {
        return LOOKOUT_TRT_OK;
    }
    lookout::set_error(error, text);
    return LOOKOUT_TRT_BAD_PRECISION;
}

Dims dims(int64_t const *shape) {
    Dims out{};
    out.nbDims = LOOKOUT_TRT_IMAGE_RANK;
    for (int32_t i = 0; i < out.nbDims; ++i) {
        // Not a cast in TensorRT 10 and later, where a dimension has 64 bits.
        out.d[i] = shape[i];
    }
    return out;
}

lookout_trt_status add_profiles(IBuilder &builder, IBuilderConfig &config,
    lookout_trt_options const &options, Recorder &recorder, lookout_trt_error *error) {
    for (std::size_t p = 0; p < options.profile_count; ++p) {
        // Belongs to the builder.
        IOptimizationProfile *const profile = builder.createOptimizationProfile();
        if (profile == nullptr) {
            return fail(error, LOOKOUT_TRT_FAILED, "no optimization profile", recorder);
        }
        for (std::size_t r = 0; r < options.profiles[p].count; ++r) {
            lookout_trt_range const &range = options.profiles[p].ranges[r];
            bool const taken
                = profile->setDimensions(range.name, OptProfileSelector::kMIN, dims(range.min))
                && profile->setDimensions(range.name, OptProfileSelector::kMAX, dims(range.max))
                && profile->setDimensions(range.name, OptProfileSelector::kOPT, dims(range.opt));
            if (!taken) {
                return bad_option(error,
                    "profile " + std::to_string(p) + ", input \"" + range.name
                        + "\": the sizes are refused; " + said(recorder));
            }
        }
        if (config.addOptimizationProfile(profile) < 0) {
            return bad_option(error,
                "profile " + std::to_string(p) + " does not fit the graph; " + said(recorder));
        }
    }
    return LOOKOUT_TRT_OK;
}

lookout_trt_status configure(IBuilder &builder, IBuilderConfig &config,
    lookout_trt_options const &options, Types types, lookout_trt_error *error) {
    if (options.workspace != 0) {
        config.setMemoryPoolLimit(MemoryPoolType::kWORKSPACE, options.workspace);
    }
    if (options.optimization_level >= 0) {
        config.setBuilderOptimizationLevel(options.optimization_level);
    }
    if (options.precision == LOOKOUT_TRT_FP32) {
        // On by default: products of 32 bit numbers with 10 bits of mantissa, under the name of FP32.
        config.clearFlag(BuilderFlag::kTF32);
    }
    if (options.detailed_profile != 0) {
        config.setProfilingVerbosity(ProfilingVerbosity::kDETAILED);
    }
    if (options.dla_core >= 0) {
        if (options.dla_core >= builder.getNbDLACores()) {
            return bad_option(error,
                "DLA core " + std::to_string(options.dla_core) + " was asked for; this machine has "
                    + std::to_string(builder.getNbDLACores()));
        }
        config.setDefaultDeviceType(DeviceType::kDLA);
        config.setDLACore(options.dla_core);
        if (options.gpu_fallback != 0) {
            config.setFlag(BuilderFlag::kGPU_FALLBACK);
        }
    }
#if LOOKOUT_STRONGLY_TYPED
    (void)types;
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    // INT8 alone would run whatever is not quantised in FP32; DLA has no FP32 at all.
    if (types.half || options.precision != LOOKOUT_TRT_FP32) {
        config.setFlag(BuilderFlag::kFP16);
    }
    if (options.precision == LOOKOUT_TRT_INT8) {
        config.setFlag(BuilderFlag::kINT8);
    }
#pragma GCC diagnostic pop
#endif
#if LOOKOUT_RTX
    if (options.compute_capability != 0) {
        if (!config.setNbComputeCapabilities(1)
            || !config.setComputeCapability(
                static_cast<ComputeCapability>(options.compute_capability), 0)) {
            return bad_option(error,
                "compute capability " + std::to_string(options.compute_capability / 10) + "."
                    + std::to_string(options.compute_capability % 10)
                    + " is not one that this version of TensorRT-RTX builds for");
        }
    }
#endif
    return LOOKOUT_TRT_OK;
}

lookout_trt_status build(lookout_trt_library const &library, lookout_trt_options const &options,
    void const *onnx, std::size_t onnx_bytes, lookout_trt_bytes **plan,
    lookout_trt_bytes **timing_cache, lookout_trt_error *error) {
    if (library.create_builder == nullptr || library.create_parser == nullptr) {
        return bad_option(error, "this library has no builder or no ONNX parser");
    }
    // Destroyed in reverse order: the parser before its network, all of them before their recorder.
    Logger &logger = Logger::of(library.log);
    Recorder recorder;
    std::unique_ptr<IBuilder> const builder(
        static_cast<IBuilder *>(library.create_builder(&logger, NV_TENSORRT_VERSION)));
    if (!builder) {
        return fail(error, LOOKOUT_TRT_FAILED, "the library gave no builder", recorder);
    }
    builder->setErrorRecorder(&recorder);
    std::unique_ptr<INetworkDefinition> const network(builder->createNetworkV2(0U));
    std::unique_ptr<IBuilderConfig> const config(builder->createBuilderConfig());
    if (!network || !config) {
        return fail(error, LOOKOUT_TRT_FAILED, "the library gave no network", recorder);
    }
    std::unique_ptr<nvonnxparser::IParser> const parser(static_cast<nvonnxparser::IParser *>(
        library.create_parser(network.get(), &logger, NV_ONNX_PARSER_VERSION)));
    if (!parser) {
        return fail(error, LOOKOUT_TRT_FAILED, "the library gave no ONNX parser", recorder);
    }
    if (!parser->parse(onnx, onnx_bytes, nullptr)) {
        std::string const text = parser_errors(*parser);
        if (text.empty()) {
            return fail(error, LOOKOUT_TRT_BAD_GRAPH, "the ONNX parser refused the graph", recorder);
        }
        lookout::set_error(error, text.c_str());
        return LOOKOUT_TRT_BAD_GRAPH;
    }
    if (network->getNbOutputs() == 0) {
        // No bytes at all are a graph to the parser, an empty one.
        lookout::set_error(error, "the graph has no output");
        return LOOKOUT_TRT_BAD_GRAPH;
    }
    Types const types = types_of(*network);
    lookout_trt_status status = check_precision(options, types, error);
    if (status == LOOKOUT_TRT_OK) {
        status = configure(*builder, *config, options, types, error);
    }
    if (status == LOOKOUT_TRT_OK) {
        status = add_profiles(*builder, *config, options, recorder, error);
    }
    if (status != LOOKOUT_TRT_OK) {
        return status;
    }
#if !LOOKOUT_STRONGLY_TYPED
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    CalibrationCache calibration(options.calibration_cache, options.calibration_cache_bytes);
    if (options.calibration_cache != nullptr) {
        config->setInt8Calibrator(&calibration);
    }
#pragma GCC diagnostic pop
#endif
#if !LOOKOUT_RTX
    std::unique_ptr<ITimingCache> timings(
        config->createTimingCache(options.timing_cache, options.timing_cache_bytes));
    if (!timings || !config->setTimingCache(*timings, false)) {
        // One of another GPU or another version. It only saves time, so an empty one does as well.
        logger.log(ILogger::Severity::kWARNING, "the timing cache is of no use here; starting anew");
        timings.reset(config->createTimingCache(nullptr, 0));
        if (!timings || !config->setTimingCache(*timings, false)) {
            return fail(error, LOOKOUT_TRT_FAILED, "the library gave no timing cache", recorder);
        }
    }
#endif
    std::unique_ptr<IHostMemory> serialized(builder->buildSerializedNetwork(*network, *config));
    if (!serialized || serialized->size() == 0) {
        return fail(error, LOOKOUT_TRT_FAILED, "the library gave no engine and no reason", recorder);
    }
#if !LOOKOUT_RTX
    std::unique_ptr<IHostMemory> measured(timings->serialize());
    if (measured) {
        *timing_cache = new lookout_trt_bytes(measured.get());
        (void)measured.release();
    }
#else
    (void)timing_cache;
#endif
    *plan = new lookout_trt_bytes(serialized.get());
    (void)serialized.release();
    return LOOKOUT_TRT_OK;
}

} // namespace

extern "C" {

void lookout_trt_compiled(
    int32_t *major, int32_t *minor, int32_t *patch, int32_t *rtx) noexcept {
    *major = NV_TENSORRT_MAJOR;
    *minor = NV_TENSORRT_MINOR;
    *patch = NV_TENSORRT_PATCH;
    *rtx = LOOKOUT_RTX;
}

int32_t lookout_trt_strongly_typed(void) noexcept { return LOOKOUT_STRONGLY_TYPED; }

void lookout_trt_layout(size_t sizes[LOOKOUT_TRT_LAYOUT]) noexcept {
    size_t const all[LOOKOUT_TRT_LAYOUT] = {sizeof(lookout_trt_library), sizeof(lookout_trt_range),
        sizeof(lookout_trt_profile), sizeof(lookout_trt_options), sizeof(lookout_trt_tensor),
        sizeof(lookout_trt_shape), sizeof(lookout_trt_error)};
    std::copy(std::begin(all), std::end(all), sizes);
}

void const *lookout_trt_bytes_data(lookout_trt_bytes const *bytes) noexcept {
    return bytes->memory != nullptr ? bytes->memory->data() : bytes->text.data();
}

size_t lookout_trt_bytes_size(lookout_trt_bytes const *bytes) noexcept {
    return bytes->memory != nullptr ? bytes->memory->size() : bytes->text.size();
}

void lookout_trt_bytes_free(lookout_trt_bytes *bytes) noexcept { delete bytes; }

lookout_trt_status lookout_trt_build(lookout_trt_library const *library,
    lookout_trt_options const *options, void const *onnx, size_t onnx_bytes, lookout_trt_bytes **plan,
    lookout_trt_bytes **timing_cache, lookout_trt_error *error) noexcept {
    *plan = nullptr;
    *timing_cache = nullptr;
    lookout_trt_status const status = lookout::guarded(error, [&] {
        return build(*library, *options, onnx, onnx_bytes, plan, timing_cache, error);
    });
    if (status != LOOKOUT_TRT_OK) {
        delete *plan;
        delete *timing_cache;
        *plan = nullptr;
        *timing_cache = nullptr;
    }
    return status;
}

} // extern "C"
