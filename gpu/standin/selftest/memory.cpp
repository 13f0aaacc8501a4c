// Memory and copies: mistakes planted once each, and a sequence without any.
#include "check.h"

namespace {

void copy_round(int policy, uint64_t seed) {
    {
        Device device(policy, seed);
        TestStream stream;
        Floats a(16), b(16);
        Pinned in(16, 2.5f), out(16);
        OK(cuMemcpyHtoDAsync_v2(a.address, in.data, in.bytes, stream));
        OK(cuMemcpyDtoDAsync_v2(b.address, a.address, a.bytes, stream));
        OK(cuMemcpyDtoHAsync_v2(out.data, b.address, b.bytes, stream));
        OK(cuStreamSynchronize(stream));
        CHECK(standin_check_host_read(out.data, out.bytes) == 1);
        CHECK(out.data[0] == 2.5f && out.data[15] == 2.5f);
    }
    standin_check();
    CHECK(faultless());
    CHECK(standin_leaks() == 0);
}

} // namespace

TEST(a_clean_sequence_has_no_fault) {
    copy_round(STANDIN_EAGER, 0);
    copy_round(STANDIN_LATE, 0);
    for (uint64_t seed = 0; seed < 20; ++seed) copy_round(STANDIN_RANDOM, seed);
}

TEST(new_memory_is_poison) {
    Device device;
    Floats a(4);
    Pinned out(4);
    TestStream stream;
    OK(cuMemcpyDtoHAsync_v2(out.data, a.address, a.bytes, stream));
    OK(cuStreamSynchronize(stream));
    CHECK(is_poison(out.data + 3, STANDIN_POISON_NEW));
}

TEST(a_read_before_the_synchronisation_sees_poison) {
    Device device;
    TestStream stream;
    Floats a(4);
    Pinned out(4, 1.0f);
    OK(cuMemsetD32Async(a.address, 0, 4, stream));
    OK(cuMemcpyDtoHAsync_v2(out.data, a.address, a.bytes, stream));
    CHECK(is_poison(out.data, STANDIN_POISON_PENDING));
    CHECK(standin_check_host_read(out.data, out.bytes) == 0);
    CHECK(has_fault("host-read", "copy:dtoh"));
    OK(cuStreamSynchronize(stream));
    CHECK(standin_check_host_read(out.data, out.bytes) == 1);
    CHECK(out.data[0] == 0.0f);
}

TEST(even_eager_knows_that_nobody_has_waited) {
    Device device(STANDIN_EAGER);
    TestStream stream;
    Floats a(4);
    Pinned out(4);
    OK(cuMemcpyDtoHAsync_v2(out.data, a.address, a.bytes, stream));
    CHECK(standin_check_host_read(out.data, out.bytes) == 0);
    OK(cuStreamSynchronize(stream));
}

TEST(a_host_write_under_a_pending_copy_is_found) {
    Device device;
    TestStream stream;
    Floats a(4);
    Pinned in(4, 1.0f);
    OK(cuMemcpyHtoDAsync_v2(a.address, in.data, in.bytes, stream));
    in.data[2] = 7.0f;
    OK(cuStreamSynchronize(stream));
    CHECK(has_fault("host-write", "cuMemcpyHtoDAsync_v2"));
}

TEST(use_after_free_is_found) {
    Device device;
    TestStream stream;
    Floats a(4);
    const CUdeviceptr old = a.address;
    OK(cuMemFree_v2(a.address));
    a.address = 0;
    CHECK(cuMemsetD32Async(old, 0, 4, stream) == CUDA_ERROR_INVALID_VALUE);
    CHECK(has_fault("use-after-free", "cuMemsetD32Async"));
    CHECK(cuMemFree_v2(old) == CUDA_ERROR_INVALID_VALUE);
    CHECK(has_fault("double-free"));
}

TEST(out_of_range_is_found) {
    Device device;
    TestStream stream;
    Floats a(4);
    CHECK(cuMemsetD32Async(a.address, 0, 5, stream) == CUDA_ERROR_INVALID_VALUE);
    CHECK(has_fault("out-of-range", "bytes 0..20"));
    CHECK(cuMemsetD8Async(12345, 0, 5, stream) == CUDA_ERROR_INVALID_VALUE);
    CHECK(has_fault("out-of-range", "never allocated"));
}

TEST(a_pageable_copy_is_found) {
    Device device;
    TestStream stream;
    Floats a(4);
    float local[4] = {1, 2, 3, 4};
    OK(cuMemcpyHtoDAsync_v2(a.address, local, sizeof local, stream));
    CHECK(has_fault("pageable", "cuMemcpyHtoDAsync_v2"));
    local[0] = 9; // it has been read already
    float back[4] = {};
    OK(cuMemcpyDtoHAsync_v2(back, a.address, sizeof back, stream));
    CHECK(back[0] == 1 && back[3] == 4);
}

TEST(a_synchronous_copy_from_pageable_memory_has_only_been_staged) {
    Device device;
    TestStream stream;
    Floats a(4);
    Pinned pinned(4, 1.0f);
    float local[4] = {1, 2, 3, 4};
    OK(cuMemcpyHtoD_v2(a.address, pinned.data, pinned.bytes));
    OK(cuMemsetD32Async(a.address, 0, 4, stream));
    OK(cuStreamSynchronize(stream));
    CHECK(faultless());
    OK(cuMemcpyHtoD_v2(a.address, local, sizeof local));
    OK(cuStreamSynchronize(nullptr));
    OK(cuMemsetD32Async(a.address, 0, 4, stream));
    OK(cuStreamSynchronize(stream));
    CHECK(faultless());
    OK(cuMemcpyHtoD_v2(a.address, local, sizeof local));
    OK(cuMemsetD32Async(a.address, 0, 4, stream));
    CHECK(has_fault("race", "copy:htod on the null stream"));
    OK(cuCtxSynchronize());
}

TEST(leaks_are_counted_and_named) {
    CUdeviceptr kept = 0;
    CUstream stream = nullptr;
    Device device;
    OK(cuMemAlloc_v2(&kept, 100));
    OK(cuStreamCreateWithPriority(&stream, 1, 0));
    CHECK(standin_leaks() == 2);
    standin_check();
    CHECK(has_fault("leak", "100 bytes from cuMemAlloc_v2"));
    CHECK(has_fault("leak", "stream 1"));
    OK(cuMemFree_v2(kept));
    OK(cuStreamDestroy_v2(stream));
    CHECK(standin_leaks() == 0);
}

TEST(pooled_memory_is_ordered_by_its_stream) {
    Device device;
    TestStream a, b;
    CUdeviceptr memory = 0;
    OK(cuMemAllocAsync(&memory, 64, a));
    OK(cuMemsetD8Async(memory, 1, 32, a));
    CHECK(faultless());
    OK(cuMemsetD8Async(memory + 32, 1, 32, b)); // nothing orders b after the allocation
    CHECK(has_fault("race", "allocation on stream 1"));
    standin_clear_faults();
    OK(cuStreamSynchronize(b));
    OK(cuMemFreeAsync(memory, a));
    CHECK(cuMemsetD8Async(memory, 1, 64, a) == CUDA_ERROR_INVALID_VALUE);
    CHECK(has_fault("use-after-free"));
    OK(cuStreamSynchronize(a));
    CHECK(standin_memory_used() == 0);
}

TEST(freeing_pinned_memory_under_a_copy_is_found) {
    Device device;
    TestStream stream;
    Floats a(4);
    Pinned out(4);
    OK(cuMemcpyDtoHAsync_v2(out.data, a.address, a.bytes, stream));
    OK(cuMemFreeHost(out.data));
    out.data = nullptr;
    CHECK(has_fault("use-after-free", "cuMemFreeHost"));
    OK(cuStreamSynchronize(stream));
}

TEST(memory_runs_out) {
    Device device;
    standin_set_memory(1000);
    Floats a(200);
    CUdeviceptr more = 0;
    CHECK(cuMemAlloc_v2(&more, 300) == CUDA_ERROR_OUT_OF_MEMORY);
    size_t free = 0, total = 0;
    OK(cuMemGetInfo_v2(&free, &total));
    CHECK(free == 200 && total == 1000);
    CHECK(faultless());
}
