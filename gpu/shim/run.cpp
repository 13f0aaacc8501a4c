// Serialized engines back to life: runtime, engine, execution context.
#include "messages.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>

using namespace nvinfer1;
using lookout::fail;
using lookout::guarded;
using lookout::Logger;
using lookout::Recorder;

struct lookout_trt_runtime {
    Recorder recorder;
    std::unique_ptr<IRuntime> runtime;
};

struct lookout_trt_engine {
    // The runtime's, which outlives its engines.
    Recorder *recorder;
    std::unique_ptr<ICudaEngine> engine;
};

struct lookout_trt_context {
    // Contexts run side by side, so each keeps its errors apart.
    Recorder recorder;
#if defined(TRT_MAJOR_RTX)
    std::unique_ptr<IRuntimeConfig> config;
#endif
    std::unique_ptr<IExecutionContext> context;
};

namespace {

lookout_trt_shape shape_of(Dims const &dims) noexcept {
    lookout_trt_shape shape{};
    shape.rank = dims.nbDims;
    for (int32_t i = 0; i < dims.nbDims && i < LOOKOUT_TRT_MAX_RANK; ++i) {
        shape.d[i] = dims.d[i];
    }
    return shape;
}

IExecutionContext *create_context(ICudaEngine &engine, lookout_trt_context &context) {
#if defined(TRT_MAJOR_RTX)
    // By default a kernel for a new shape is compiled in the background and swapped in when it is done:
    // times would change under a running system, and a captured graph would keep the slow kernel.
    context.config.reset(engine.createRuntimeConfig());
    if (!context.config) {
        return nullptr;
    }
    context.config->setDynamicShapesKernelSpecializationStrategy(
        DynamicShapesKernelSpecializationStrategy::kEAGER);
    return engine.createExecutionContext(context.config.get());
#else
    (void)context;
    return engine.createExecutionContext();
#endif
}

} // namespace

extern "C" {

lookout_trt_status lookout_trt_runtime_create(lookout_trt_library const *library,
    lookout_trt_runtime **out, lookout_trt_error *error) noexcept {
    *out = nullptr;
    return guarded(error, [&] {
        auto made = std::make_unique<lookout_trt_runtime>();
        made->runtime.reset(static_cast<IRuntime *>(
            library->create_runtime(&Logger::of(library->log), NV_TENSORRT_VERSION)));
        if (!made->runtime) {
            return fail(error, LOOKOUT_TRT_FAILED, "the library gave no runtime", made->recorder);
        }
        made->runtime->setErrorRecorder(&made->recorder);
        *out = made.release();
        return LOOKOUT_TRT_OK;
    });
}

lookout_trt_status lookout_trt_runtime_set_dla_core(
    lookout_trt_runtime *runtime, int32_t core, lookout_trt_error *error) noexcept {
    return guarded(error, [&] {
        int32_t const cores = runtime->runtime->getNbDLACores();
        if (core < 0 || core >= cores) {
            std::string const text = "DLA core " + std::to_string(core)
                + " was asked for; this machine has " + std::to_string(cores);
            lookout::set_error(error, text.c_str());
            return LOOKOUT_TRT_BAD_OPTION;
        }
        runtime->runtime->setDLACore(core);
        return LOOKOUT_TRT_OK;
    });
}

void lookout_trt_runtime_free(lookout_trt_runtime *runtime) noexcept { delete runtime; }

lookout_trt_status lookout_trt_engine_create(lookout_trt_runtime *runtime, void const *plan,
    size_t plan_bytes, lookout_trt_engine **out, lookout_trt_error *error) noexcept {
    *out = nullptr;
    return guarded(error, [&] {
        std::unique_ptr<ICudaEngine> engine(
            runtime->runtime->deserializeCudaEngine(plan, plan_bytes));
        if (!engine) {
            return fail(error, LOOKOUT_TRT_FAILED, "the library refused the serialized engine",
                runtime->recorder);
        }
        *out = new lookout_trt_engine{&runtime->recorder, std::move(engine)};
        return LOOKOUT_TRT_OK;
    });
}

int32_t lookout_trt_engine_tensors(lookout_trt_engine const *engine) noexcept {
    return engine->engine->getNbIOTensors();
}

lookout_trt_status lookout_trt_engine_tensor(lookout_trt_engine const *engine, int32_t index,
    lookout_trt_tensor *out, lookout_trt_error *error) noexcept {
    return guarded(error, [&] {
        ICudaEngine const &inner = *engine->engine;
        char const *const name = inner.getIOTensorName(index);
        if (name == nullptr) {
            return fail(error, LOOKOUT_TRT_FAILED, "no such tensor", *engine->recorder);
        }
        // Addresses that are bound are on the device, and buffers are dense.
        if (inner.getTensorLocation(name) != TensorLocation::kDEVICE
            || inner.getTensorFormat(name) != TensorFormat::kLINEAR) {
            std::string const text
                = std::string("tensor \"") + name + "\" is not a dense one on the device";
            lookout::set_error(error, text.c_str());
            return LOOKOUT_TRT_BAD_TENSOR;
        }
        lookout_trt_shape const shape = shape_of(inner.getTensorShape(name));
        *out = lookout_trt_tensor{};
        out->name = name;
        std::copy(std::begin(shape.d), std::end(shape.d), std::begin(out->shape));
        out->rank = shape.rank;
        out->dtype = static_cast<int32_t>(inner.getTensorDataType(name));
        out->input = inner.getTensorIOMode(name) == TensorIOMode::kINPUT ? 1 : 0;
        return LOOKOUT_TRT_OK;
    });
}

int32_t lookout_trt_engine_profiles(lookout_trt_engine const *engine) noexcept {
    return engine->engine->getNbOptimizationProfiles();
}

lookout_trt_shape lookout_trt_engine_profile_shape(lookout_trt_engine const *engine, char const *name,
    int32_t profile, int32_t select) noexcept {
    return shape_of(engine->engine->getProfileShape(
        name, profile, static_cast<OptProfileSelector>(select)));
}

int64_t lookout_trt_engine_device_memory(
    lookout_trt_engine const *engine, int32_t profile) noexcept {
    return engine->engine->getDeviceMemorySizeForProfileV2(profile);
}

lookout_trt_status lookout_trt_engine_information(lookout_trt_engine const *engine,
    lookout_trt_bytes **out, lookout_trt_error *error) noexcept {
    *out = nullptr;
    return guarded(error, [&] {
        std::unique_ptr<IEngineInspector> const inspector(engine->engine->createEngineInspector());
        if (!inspector) {
            return fail(error, LOOKOUT_TRT_FAILED, "the library gave no inspector", *engine->recorder);
        }
        char const *const text = inspector->getEngineInformation(LayerInformationFormat::kJSON);
        *out = new lookout_trt_bytes(std::string(text == nullptr ? "" : text));
        return LOOKOUT_TRT_OK;
    });
}

void lookout_trt_engine_free(lookout_trt_engine *engine) noexcept { delete engine; }

lookout_trt_status lookout_trt_context_create(lookout_trt_engine *engine, int32_t profile,
    lookout_trt_context **out, lookout_trt_error *error) noexcept {
    *out = nullptr;
    return guarded(error, [&] {
        auto made = std::make_unique<lookout_trt_context>();
        made->context.reset(create_context(*engine->engine, *made));
        if (!made->context) {
            return fail(error, LOOKOUT_TRT_FAILED, "no execution context", made->recorder);
        }
        made->context->setErrorRecorder(&made->recorder);
        if (made->context->getOptimizationProfile() != profile
            && !made->context->setOptimizationProfileAsync(profile, nullptr)) {
            return fail(error, LOOKOUT_TRT_FAILED, "the profile is refused", made->recorder);
        }
        *out = made.release();
        return LOOKOUT_TRT_OK;
    });
}

lookout_trt_status lookout_trt_context_set_input_shape(lookout_trt_context *context,
    char const *name, int64_t const *shape, int32_t rank, lookout_trt_error *error) noexcept {
    return guarded(error, [&] {
        if (rank < 0 || rank > LOOKOUT_TRT_MAX_RANK) {
            lookout::set_error(error, "a shape has 0 to 8 dimensions");
            return LOOKOUT_TRT_BAD_OPTION;
        }
        Dims dims{};
        dims.nbDims = rank;
        std::copy(shape, shape + rank, dims.d);
        if (!context->context->setInputShape(name, dims)) {
            return fail(error, LOOKOUT_TRT_FAILED, "the shape is refused", context->recorder);
        }
        return LOOKOUT_TRT_OK;
    });
}

lookout_trt_shape lookout_trt_context_shape(
    lookout_trt_context const *context, char const *name) noexcept {
    return shape_of(context->context->getTensorShape(name));
}

lookout_trt_status lookout_trt_context_set_address(lookout_trt_context *context, char const *name,
    uint64_t address, lookout_trt_error *error) noexcept {
    return guarded(error, [&] {
        if (!context->context->setTensorAddress(
                name, reinterpret_cast<void *>(static_cast<uintptr_t>(address)))) {
            return fail(error, LOOKOUT_TRT_FAILED, "the address is refused", context->recorder);
        }
        return LOOKOUT_TRT_OK;
    });
}

lookout_trt_status lookout_trt_context_enqueue(
    lookout_trt_context *context, void *stream, lookout_trt_error *error) noexcept {
    return guarded(error, [&] {
        // On the frame path: no lock is taken and nothing is allocated unless it fails.
        if (!context->context->enqueueV3(static_cast<cudaStream_t>(stream))) {
            return fail(error, LOOKOUT_TRT_FAILED, "the library refused to run", context->recorder);
        }
        return LOOKOUT_TRT_OK;
    });
}

void lookout_trt_context_free(lookout_trt_context *context) noexcept { delete context; }

} // extern "C"
