// TensorRT through its public headers, as the shim uses it.
#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <memory>

#include "check.h"
#include "onnx_bytes.h"

using namespace nvinfer1;

namespace {

class Logger : public ILogger {
public:
    void log(Severity severity, AsciiChar const* text) noexcept override {
        if (severity <= Severity::kERROR) errors += std::string(text) + "\n";
    }
    std::string errors;
};

Dims shape(int64_t h, int64_t w) { return {4, {1, 3, h, w}}; }

std::string build(Logger& logger, const std::string& onnx, bool with_profile = true) {
    std::unique_ptr<IBuilder> builder(createInferBuilder(logger));
    if (!builder) return "";
    std::unique_ptr<INetworkDefinition> network(builder->createNetworkV2(0));
    std::unique_ptr<IBuilderConfig> config(builder->createBuilderConfig());
    std::unique_ptr<nvonnxparser::IParser> parser(nvonnxparser::createParser(*network, logger));
    if (!parser->parse(onnx.data(), onnx.size())) {
        logger.errors += parser->getError(0)->desc();
        return "";
    }
    CHECK(network->getNbLayers() == 1 && network->getLayer(0)->getOutput(0)->getType() == DataType::kFLOAT);
    if (with_profile) {
        IOptimizationProfile* profile = builder->createOptimizationProfile();
        CHECK(profile->setDimensions("image", OptProfileSelector::kMIN, shape(2, 2)));
        CHECK(profile->setDimensions("image", OptProfileSelector::kOPT, shape(4, 4)));
        CHECK(profile->setDimensions("image", OptProfileSelector::kMAX, shape(8, 8)));
        CHECK(config->addOptimizationProfile(profile) == 0);
    }
    std::unique_ptr<IHostMemory> plan(builder->buildSerializedNetwork(*network, *config));
    return plan ? std::string(static_cast<const char*>(plan->data()), plan->size()) : "";
}

// Each output is its input plus one.
int plus_one(void* user, const void*, size_t, int n_in, const standin_tensor* in, int n_out, standin_tensor* out) {
    ++*static_cast<int*>(user);
    if (n_in != 1 || n_out != 1 || in->bytes != out->bytes || std::string(in->name) != "image") return 1;
    for (size_t i = 0; i < in->bytes / 4; ++i) out->data[i] = in->data[i] + 1;
    return 0;
}

// An engine with one context, shapes 4 x 4 and addresses set.
struct Network {
    explicit Network(int64_t size = -1) : in(48), out(48) {
        standin_set_network(plus_one, &runs);
        const std::string plan = build(logger, onnx_bytes::model(size, size), size < 0);
        runtime.reset(createInferRuntime(logger));
        engine.reset(runtime->deserializeCudaEngine(plan.data(), plan.size()));
        CHECK(engine != nullptr);
        context.reset(engine->createExecutionContext());
        CHECK(context->setInputShape("image", shape(4, 4)));
        CHECK(context->setTensorAddress("image", reinterpret_cast<void*>(in.address)));
        CHECK(context->setTensorAddress("logits", reinterpret_cast<void*>(out.address)));
    }
    bool enqueue(CUstream stream) { return context->enqueueV3(static_cast<cudaStream_t>(stream)); }

    int runs = 0;
    Logger logger;
    Floats in, out;
    std::unique_ptr<IRuntime> runtime;
    std::unique_ptr<ICudaEngine> engine;
    std::unique_ptr<IExecutionContext> context;
};

} // namespace

TEST(a_network_is_built_loaded_and_run) {
    {
        Device device;
        TestStream stream;
        Network network;
        CHECK(network.engine->getNbIOTensors() == 2);
        CHECK(std::string(network.engine->getIOTensorName(1)) == "logits");
        CHECK(network.engine->getTensorIOMode("image") == TensorIOMode::kINPUT);
        CHECK(network.engine->getTensorShape("image").d[2] == -1);
        CHECK(network.engine->getProfileShape("image", 0, OptProfileSelector::kMAX).d[3] == 8);
        CHECK(network.context->getTensorShape("logits").d[3] == 4);
        CHECK(network.engine->getDeviceMemorySizeForProfileV2(0) > 0);
        OK(cuMemsetD32Async(network.in.address, 0, 48, stream));
        CHECK(network.enqueue(stream));
        CHECK(network.runs == 0);
        Pinned back(48);
        OK(cuMemcpyDtoHAsync_v2(back.data, network.out.address, network.out.bytes, stream));
        OK(cuStreamSynchronize(stream));
        CHECK(network.runs == 1 && back.data[47] == 1.0f);
    }
    standin_check();
    CHECK(faultless());
    CHECK(standin_leaks() == 0);
}

TEST(a_warm_up_missing_before_a_capture_is_found) {
    Device device;
    TestStream stream;
    Network network;
    CUgraph graph = nullptr;
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CHECK(!network.enqueue(stream));
    CHECK(has_fault("warm-up", "segmentation"));
    CHECK(network.logger.errors.find("900") != std::string::npos);
    CHECK(cuStreamEndCapture(stream, &graph) == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

TEST(a_network_is_captured_with_its_addresses) {
    Device device;
    TestStream stream;
    Network network;
    Floats other(48);
    CHECK(network.enqueue(stream));
    OK(cuStreamSynchronize(stream));
    CUgraph graph = nullptr;
    CUgraphExec exec = nullptr;
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CHECK(network.enqueue(stream));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    // Addresses set later are not the graph's.
    CHECK(network.context->setTensorAddress("logits", reinterpret_cast<void*>(other.address)));
    OK(cuMemsetD32Async(network.in.address, 0, 48, stream));
    OK(cuGraphLaunch(exec, stream));
    Pinned back(48);
    OK(cuMemcpyDtoHAsync_v2(back.data, network.out.address, network.out.bytes, stream));
    OK(cuStreamSynchronize(stream));
    CHECK(back.data[0] == 1.0f && network.runs == 2);
    CHECK(faultless());
    // A change of shape leaves the graph with what is no longer so.
    CHECK(network.context->setInputShape("image", shape(2, 2)));
    OK(cuGraphLaunch(exec, stream));
    CHECK(has_fault("stale-graph", "other shapes"));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
    cuGraphExecDestroy(exec);
    cuGraphDestroy(graph);
}

TEST(a_graph_outlives_its_context_in_vain) {
    Device device;
    TestStream stream;
    Network network;
    CHECK(network.enqueue(stream));
    OK(cuStreamSynchronize(stream));
    CUgraph graph = nullptr;
    CUgraphExec exec = nullptr;
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CHECK(network.enqueue(stream));
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    network.context.reset();
    OK(cuGraphLaunch(exec, stream));
    CHECK(has_fault("stale-graph", "context is gone"));
    cuStreamSynchronize(stream);
    cuGraphExecDestroy(exec);
    cuGraphDestroy(graph);
}

TEST(one_context_in_two_streams_is_a_race) {
    Device device;
    TestStream a, b;
    Network network;
    CHECK(network.enqueue(a));
    CHECK(network.enqueue(b));
    CHECK(has_fault("race", "network:segmentation"));
    OK(cuCtxSynchronize());
}

TEST(an_output_that_is_too_small_is_found) {
    Device device;
    TestStream stream;
    Network network;
    Floats small(40);
    CHECK(network.context->setTensorAddress("logits", reinterpret_cast<void*>(small.address)));
    CHECK(network.enqueue(stream));
    CHECK(has_fault("out-of-range", "network:segmentation"));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_ILLEGAL_ADDRESS);
}

TEST(tensorrt_refuses_what_does_not_fit) {
    Device device;
    TestStream stream;
    Network network;
    CHECK(!network.context->setInputShape("image", shape(16, 16)));
    CHECK(network.logger.errors.find("does not fit") != std::string::npos);
    CHECK(network.context->setTensorAddress("logits", nullptr));
    CHECK(!network.enqueue(stream));
    CHECK(network.logger.errors.find("address of \"logits\"") != std::string::npos);
    Logger logger;
    CHECK(build(logger, "garbage").empty() && !logger.errors.empty());
    logger.errors.clear();
    CHECK(build(logger, onnx_bytes::model(4, 4, "nowhere"), false).empty());
    CHECK(logger.errors.find("nowhere") != std::string::npos);
    logger.errors.clear();
    CHECK(build(logger, onnx_bytes::model(-1, -1), false).empty());
    CHECK(logger.errors.find("no optimization profile") != std::string::npos);
    std::string plan = build(logger, onnx_bytes::model(-1, -1));
    plan[plan.size() / 2] ^= 1;
    logger.errors.clear();
    std::unique_ptr<IRuntime> runtime(createInferRuntime(logger));
    CHECK(runtime->deserializeCudaEngine(plan.data(), plan.size()) == nullptr);
    CHECK(logger.errors.find("checksum") != std::string::npos);
    CHECK(faultless());
}

TEST(tensorrt_fails_when_told) {
    Device device;
    TestStream stream;
    Network network;
    standin_fail("IExecutionContext::enqueueV3", 1, CUDA_ERROR_OUT_OF_MEMORY);
    CHECK(!network.enqueue(stream));
    CHECK(network.logger.errors.find("CUDA error 2") != std::string::npos);
    CHECK(network.enqueue(stream));
    OK(cuStreamSynchronize(stream));
    standin_fail_operation("network:", 1, CUDA_ERROR_LAUNCH_FAILED);
    CHECK(network.enqueue(stream));
    CHECK(cuStreamSynchronize(stream) == CUDA_ERROR_LAUNCH_FAILED);
    CHECK(faultless());
}

TEST(a_network_takes_its_time) {
    Device device;
    TestStream stream;
    TestEvent start, end;
    Network network;
    standin_set_delay("network:segmentation", 7000);
    OK(cuEventRecord(start, stream));
    CHECK(network.enqueue(stream));
    OK(cuEventRecord(end, stream));
    OK(cuStreamSynchronize(stream));
    float milliseconds = 0;
    OK(cuEventElapsedTime_v2(&milliseconds, start, end));
    CHECK(milliseconds == 7.0f);
}

TEST(the_wrong_order_of_destruction_is_found) {
    Device device;
    Network network;
    network.engine.reset();
    CHECK(has_fault("lifetime", "execution contexts"));
    network.context.reset();
}

TEST(what_the_stand_in_does_not_know_is_found) {
    Device device;
    Network network;
    CHECK(!network.context->setDebugListener(nullptr));
    CHECK(has_fault("unexpected-call", "IExecutionContext::setDebugListener"));
}
