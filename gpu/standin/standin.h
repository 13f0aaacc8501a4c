/* Control of the stand-in for libcuda, libnvrtc, libnvinfer and libnvonnxparser.
 *
 * The stand-in is one shared library under four names. A program finds it instead of the real libraries
 * and runs its GPU code unmodified on a machine without a GPU; the stand-in checks what the program asks
 * for and records each mistake as a fault. It is for tests only and knows nothing about speed.
 *
 * All functions may be called from any thread. One process has one stand-in: tests that share a process
 * take turns. Strings are UTF-8 and end with NUL. README.md lists the kinds of fault and the limits.
 */
#ifndef LOOKOUT_STANDIN_H
#define LOOKOUT_STANDIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When the operations of a stream run.
 * EAGER:  as soon as they are enqueued.
 * LATE:   not before a synchronisation needs them, and then only those that it needs. Finds most mistakes.
 *         A query runs one waiting operation and says "not ready", so that a polling loop comes to its end.
 * RANDOM: interleaved by a seeded generator, within what streams and events allow. */
enum { STANDIN_EAGER = 0, STANDIN_LATE = 1, STANDIN_RANDOM = 2 };

/* Contents of memory that nobody may rely on, as 32-bit words; each is a NaN when read as a float. */
#define STANDIN_POISON_NEW 0x7FC0FFEEu     /* allocated, never written */
#define STANDIN_POISON_FREED 0x7FC0DEADu   /* freed */
#define STANDIN_POISON_PENDING 0x7FC0BADDu /* host memory that a device-to-host copy has yet to fill */

/* One tensor of a network. `dtype` is a value of nvinfer1::DataType; `data` points to `bytes` bytes of it
 * and is NULL where only shapes are asked for. */
typedef struct standin_tensor {
    const char* name;
    int ndim;
    int64_t dims[8];
    float* data;
    size_t bytes;
    int dtype;
} standin_tensor;

/* Runs the network `onnx` (a serialised ModelProto of `len` bytes): reads `in`, fills `out`. Returns 0, or
 * anything else to make the operation fail as a device fault. Called with the stand-in's lock held, on the
 * thread whose call made the operation run. */
typedef int (*standin_network_fn)(void* user, const void* onnx, size_t len, int n_in, const standin_tensor* in,
                                  int n_out, standin_tensor* out);

/* Fills ndim and dims of `out` for the input shapes in `in`; no data. Returns 0, or else the shapes stay
 * unknown. Without it, output dimensions are found by the names of the symbolic dimensions of the inputs. */
typedef int (*standin_shapes_fn)(void* user, const void* onnx, size_t len, int n_in, const standin_tensor* in,
                                 int n_out, standin_tensor* out);

/* Forgets everything: objects, faults, calls, injections, delays, callbacks, settings. Handles from before
 * are invalid afterwards. */
void standin_reset(void);

void standin_set_policy(int policy, uint64_t seed);
void standin_set_network(standin_network_fn fn, void* user);
void standin_set_shapes(standin_shapes_fn fn, void* user);

/* The device: number (0 or 1), compute capability, bytes of memory, 1 if it shares memory with the host.
 * Take effect at the next call that asks. Defaults: 1, 8.7, 8 GiB, 0. */
void standin_set_device_count(int count);
void standin_set_compute_capability(int major, int minor);
void standin_set_memory(size_t bytes);
void standin_set_integrated(int integrated);
/* 1 (the default): the device has memory pools, so cudarc allocates with cuMemAllocAsync. */
void standin_set_memory_pools(int supported);
/* 1000 * major + 10 * minor, as cuDriverGetVersion returns it. Default 12060. */
void standin_set_driver_version(int version);

/* Cost of what starts with `prefix`; the longest prefix that fits counts. Operations of a stream are
 * "copy:htod", "copy:dtoh", "copy:dtod", "memset", "host", "kernel:NAME" and "network:GRAPH"; calls have
 * the names that standin_call_name gives. The cost of an operation moves the virtual clock of its stream,
 * which events measure; that of a call moves the host's. */
void standin_set_delay(const char* prefix, double microseconds);
/* Real seconds that pass for each second of the virtual clock: 0 (the default) never sleeps. Whoever
 * synchronises sleeps until the work would have been done; enqueuing never sleeps. */
void standin_set_sleep_factor(double factor);

/* The nth call from now (1 = the next) of the function `name` returns `code`, once; TensorRT's functions
 * return null or false and log it. Functions that release do release, and then return the code. */
void standin_fail(const char* name, int nth, int code);
/* The nth fallible call from now, whatever its name. */
void standin_fail_call(long nth, int code);
/* The nth operation from now whose name starts with `prefix` fails while it runs: a synchronisation
 * returns `code`. Codes of lost devices (700 to 719, 214) stay, as on a real device, until the context goes. */
void standin_fail_operation(const char* prefix, int nth, int code);
/* The next nvrtcCompileProgram fails with this log. */
void standin_fail_compile(const char* log);

/* Fallible calls since the last reset, in order. Index 0 is the first. NULL beyond the end. */
long standin_call_count(void);
const char* standin_call_name(long index);

/* Writes the faults so far as lines, cut to `size`, NUL at the end; returns the bytes needed without NUL.
 * Each line is "kind: what happened". A fault that repeats is one line. `buf` may be NULL. */
size_t standin_faults(char* buf, size_t size);
void standin_clear_faults(void);

/* Live allocations, streams, events, graphs, modules and TensorRT objects. */
long standin_leaks(void);
/* Records a fault for each of them and for each capture that was never ended, and checks the guard zones. */
void standin_check(void);

/* 1 if the host may read (write) these bytes now; otherwise 0 and a fault, because an operation that writes
 * (uses) them has not been waited for. */
int standin_check_host_read(const void* ptr, size_t len);
int standin_check_host_write(const void* ptr, size_t len);

/* Bytes of device memory that are allocated now, and the most that ever were. */
size_t standin_memory_used(void);
size_t standin_memory_peak(void);
/* Operations that were enqueued and have not run. */
long standin_pending(void);

#ifdef __cplusplus
}
#endif
#endif
