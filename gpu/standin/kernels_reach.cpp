// What the kernels reach through pointers in memory: the frame and its resizing tables, whose addresses
// lie in a FrameParams on the device.

#include "cuda_on_cpu.h"
#include "kernels.h"

#include <cstring>

#include "../../src/engine/tensorrt/kernels/params.cuh"

namespace {

const void* at(u64 address) { return reinterpret_cast<const void*>(address); }

size_t frame_bytes(const FrameParams& frame) {
    const size_t bytes = size_t(frame.step) * frame.height;
    return frame.encoding == NV12 || frame.encoding == NV21 ? bytes * 3 / 2 : bytes;
}

size_t table_bytes(u64 address, int (*readable)(const void*, size_t)) {
    if (readable(at(address), sizeof(Taps)) == 0) return sizeof(Taps);
    Taps head;
    std::memcpy(&head, at(address), sizeof head);
    return sizeof head + sizeof(Tap) * head.target + 2 * size_t(head.weights);
}

} // namespace

extern "C" int lookout_kernel_reaches(const char* name, void** params, KernelRange* ranges, int max,
                                      int (*readable)(const void*, size_t)) {
    if (std::strcmp(name, "preprocess") != 0 || max < 3) return 0;
    const FrameParams& frame = **static_cast<const FrameParams**>(params[0]);
    ranges[0] = {at(frame.pixels), frame_bytes(frame), KERNEL_READS};
    ranges[1] = {at(frame.columns), table_bytes(frame.columns, readable), KERNEL_READS};
    ranges[2] = {at(frame.rows), table_bytes(frame.rows, readable), KERNEL_READS};
    return 3;
}
