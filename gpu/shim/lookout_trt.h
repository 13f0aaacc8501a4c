// The part of TensorRT that lookout calls, as a C interface.
//
// TensorRT has no C interface of its own: its classes are C++, their layout differs from one major
// version to the next (between minor versions too, in TensorRT-RTX), and only the compiler that reads
// the headers of a version knows it. So this is compiled against the headers that a machine has, and
// the Rust side sees opaque pointers and plain structs.
//
// No function of the library is called by its name. The few `extern "C"` factories come in as pointers,
// everything after them is a virtual method; so nothing of TensorRT is linked.
//
// Every function is noexcept. One that can fail returns a lookout_trt_status and fills `error`, which may
// not be null. What a function gives out through `out` belongs to the caller, who gives it back with the
// `_free` of its type, contexts before their engine and engines before their runtime.
#ifndef LOOKOUT_TRT_H
#define LOOKOUT_TRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define LOOKOUT_TRT_NOEXCEPT noexcept
#else
#define LOOKOUT_TRT_NOEXCEPT
#endif

enum { LOOKOUT_TRT_MAX_RANK = 8, LOOKOUT_TRT_IMAGE_RANK = 4, LOOKOUT_TRT_ERROR_BYTES = 4096 };

typedef enum lookout_trt_status {
    LOOKOUT_TRT_OK = 0,
    // The library refused; `error` has what it logged.
    LOOKOUT_TRT_FAILED = 1,
    // The ONNX parser refused the graph.
    LOOKOUT_TRT_BAD_GRAPH = 2,
    // The graph's types are not those of the precision that was asked for.
    LOOKOUT_TRT_BAD_PRECISION = 3,
    // An option that this library, this machine or this graph does not have.
    LOOKOUT_TRT_BAD_OPTION = 4,
    // The engine has an input or output that this shim cannot serve.
    LOOKOUT_TRT_BAD_TENSOR = 5,
    // A C++ exception reached the shim.
    LOOKOUT_TRT_EXCEPTION = 6,
} lookout_trt_status;

// Text of a failure, UTF-8, zero terminated, cut to fit.
typedef struct lookout_trt_error {
    char text[LOOKOUT_TRT_ERROR_BYTES];
} lookout_trt_error;

typedef enum lookout_trt_precision {
    LOOKOUT_TRT_FP32 = 0,
    LOOKOUT_TRT_FP16 = 1,
    LOOKOUT_TRT_INT8 = 2,
} lookout_trt_precision;

// Called from any thread, also several at once. `severity`: 0 internal error, 1 error, 2 warning, 3 info,
// 4 verbose. `text` is not zero terminated.
typedef void (*lookout_trt_log)(int32_t severity, const char *text, size_t bytes);

// The factories, by dlsym. The builder and the parser may be null in a library that only runs engines.
typedef struct lookout_trt_library {
    void *(*create_runtime)(void *logger, int32_t version);
    void *(*create_builder)(void *logger, int32_t version);
    void *(*create_parser)(void *network, void *logger, int version);
    lookout_trt_log log;
} lookout_trt_library;

typedef struct lookout_trt_range {
    const char *name;
    int64_t min[LOOKOUT_TRT_IMAGE_RANK];
    int64_t opt[LOOKOUT_TRT_IMAGE_RANK];
    int64_t max[LOOKOUT_TRT_IMAGE_RANK];
} lookout_trt_range;

typedef struct lookout_trt_profile {
    const lookout_trt_range *ranges;
    size_t count;
} lookout_trt_profile;

typedef struct lookout_trt_options {
    const lookout_trt_profile *profiles;
    size_t profile_count;
    const void *calibration_cache; // null: none
    size_t calibration_cache_bytes;
    const void *timing_cache; // null: start from an empty one
    size_t timing_cache_bytes;
    uint64_t workspace;         // bytes; 0: the library's default
    int32_t precision;          // lookout_trt_precision
    int32_t optimization_level; // -1: the library's default
    int32_t dla_core;           // -1: GPU
    int32_t gpu_fallback;       // with DLA: layers that it cannot run go to the GPU
    int32_t detailed_profile;
    int32_t compute_capability; // TensorRT-RTX: 89 is 8.9; 0: the library's default
} lookout_trt_options;

typedef struct lookout_trt_tensor {
    const char *name; // lives as long as the engine
    int64_t shape[LOOKOUT_TRT_MAX_RANK]; // -1: chosen when run
    int32_t rank;
    int32_t dtype; // nvinfer1::DataType
    int32_t input;
} lookout_trt_tensor;

typedef struct lookout_trt_shape {
    int64_t d[LOOKOUT_TRT_MAX_RANK];
    int32_t rank; // -1: unknown
} lookout_trt_shape;

typedef struct lookout_trt_bytes lookout_trt_bytes;
typedef struct lookout_trt_runtime lookout_trt_runtime;
typedef struct lookout_trt_engine lookout_trt_engine;
typedef struct lookout_trt_context lookout_trt_context;

// What this was compiled against. Nothing of the library is called.
void lookout_trt_compiled(int32_t *major, int32_t *minor, int32_t *patch, int32_t *rtx)
    LOOKOUT_TRT_NOEXCEPT;
// 1: types come from the graph alone; there are no precision flags and no calibration caches.
int32_t lookout_trt_strongly_typed(void) LOOKOUT_TRT_NOEXCEPT;

// Sizes of library, range, profile, options, tensor, shape and error above, in this order, for whoever
// declares them again in another language.
enum { LOOKOUT_TRT_LAYOUT = 7 };
void lookout_trt_layout(size_t sizes[LOOKOUT_TRT_LAYOUT]) LOOKOUT_TRT_NOEXCEPT;

// Bytes that the library or the shim allocated.
const void *lookout_trt_bytes_data(const lookout_trt_bytes *bytes) LOOKOUT_TRT_NOEXCEPT;
size_t lookout_trt_bytes_size(const lookout_trt_bytes *bytes) LOOKOUT_TRT_NOEXCEPT;
void lookout_trt_bytes_free(lookout_trt_bytes *bytes) LOOKOUT_TRT_NOEXCEPT;

// Builds a serialized engine. `timing_cache` becomes null where the library has none.
lookout_trt_status lookout_trt_build(const lookout_trt_library *library,
    const lookout_trt_options *options, const void *onnx, size_t onnx_bytes, lookout_trt_bytes **plan,
    lookout_trt_bytes **timing_cache, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;

// Only on a machine with a CUDA device: without one the library's factory has been seen to give a pointer
// that is neither null nor usable.
lookout_trt_status lookout_trt_runtime_create(const lookout_trt_library *library,
    lookout_trt_runtime **out, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
lookout_trt_status lookout_trt_runtime_set_dla_core(
    lookout_trt_runtime *runtime, int32_t core, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
void lookout_trt_runtime_free(lookout_trt_runtime *runtime) LOOKOUT_TRT_NOEXCEPT;

lookout_trt_status lookout_trt_engine_create(lookout_trt_runtime *runtime, const void *plan,
    size_t plan_bytes, lookout_trt_engine **out, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
int32_t lookout_trt_engine_tensors(const lookout_trt_engine *engine) LOOKOUT_TRT_NOEXCEPT;
lookout_trt_status lookout_trt_engine_tensor(const lookout_trt_engine *engine, int32_t index,
    lookout_trt_tensor *out, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
int32_t lookout_trt_engine_profiles(const lookout_trt_engine *engine) LOOKOUT_TRT_NOEXCEPT;
// `select`: 0 min, 1 opt, 2 max.
lookout_trt_shape lookout_trt_engine_profile_shape(const lookout_trt_engine *engine, const char *name,
    int32_t profile, int32_t select) LOOKOUT_TRT_NOEXCEPT;
// Bytes of activation memory that this profile needs; a context allocates the most that any needs.
int64_t lookout_trt_engine_device_memory(
    const lookout_trt_engine *engine, int32_t profile) LOOKOUT_TRT_NOEXCEPT;
// The layers as JSON.
lookout_trt_status lookout_trt_engine_information(const lookout_trt_engine *engine,
    lookout_trt_bytes **out, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
void lookout_trt_engine_free(lookout_trt_engine *engine) LOOKOUT_TRT_NOEXCEPT;

// The caller synchronises the default stream before the first enqueue: choosing a profile may copy on it.
lookout_trt_status lookout_trt_context_create(lookout_trt_engine *engine, int32_t profile,
    lookout_trt_context **out, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
lookout_trt_status lookout_trt_context_set_input_shape(lookout_trt_context *context, const char *name,
    const int64_t *shape, int32_t rank, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
lookout_trt_shape lookout_trt_context_shape(
    const lookout_trt_context *context, const char *name) LOOKOUT_TRT_NOEXCEPT;
lookout_trt_status lookout_trt_context_set_address(lookout_trt_context *context, const char *name,
    uint64_t address, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
lookout_trt_status lookout_trt_context_enqueue(
    lookout_trt_context *context, void *stream, lookout_trt_error *error) LOOKOUT_TRT_NOEXCEPT;
void lookout_trt_context_free(lookout_trt_context *context) LOOKOUT_TRT_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
