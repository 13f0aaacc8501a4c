// Enough of CUDA C++ to compile the kernels as C++ and run them on a CPU: the numbers they compute, and
// with sanitizers every address they touch. Threads run one after another, so it finds no races but one:
// a barrier that is missing, because thread 0 goes first as far as it can.
#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define __global__
#define __device__
#define __launch_bounds__(threads)
// One block runs at a time on an operating system's thread.
#define __shared__ static thread_local

struct Extent {
    unsigned x, y, z;
};

inline thread_local Extent threadIdx, blockIdx, blockDim, gridDim;

inline float __int_as_float(int bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline int __float_as_int(float value) {
    int bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

namespace cuda_on_cpu {

// Calls `f` with every place in `extent`, x fastest.
template <class F>
void for_each(Extent extent, F f) {
    for (unsigned z = 0; z < extent.z; z++) {
        for (unsigned y = 0; y < extent.y; y++) {
            for (unsigned x = 0; x < extent.x; x++) {
                f(Extent{x, y, z});
            }
        }
    }
}

// A kernel without barriers: plain loops.
template <class Kernel>
void run_plain(Extent grid, Extent block, Kernel kernel) {
    gridDim = grid;
    blockDim = block;
    for_each(grid, [&](Extent at) {
        blockIdx = at;
        for_each(block, [&](Extent thread) {
            threadIdx = thread;
            kernel();
        });
    });
}

// Threads of one block, each on a stack of its own, which take turns: every one runs to its next barrier
// or its end. The stacks serve all blocks of a launch.
class Fibers {
public:
    template <class Kernel>
    static void run(Extent grid, Extent block, Kernel kernel) {
        Fibers fibers(block, [](void* of) { (*static_cast<Kernel*>(of))(); }, &kernel);
        gridDim = grid;
        blockDim = block;
        for_each(grid, [&](Extent at) {
            blockIdx = at;
            fibers.run_block();
        });
    }

    static void barrier() {
        if (running == nullptr) {
            give_up("a barrier in a kernel that was said to have none");
        }
        running->leave(State::waiting);
    }

private:
    enum class State { ready, waiting, done };

    struct Fiber {
        ucontext_t context;
        std::unique_ptr<char[]> stack;
        Extent thread;
        State state;
        void* sanitizer = nullptr; // none before it has run
    };

    static constexpr size_t stack_bytes = 64 << 10;
    static inline thread_local Fibers* running = nullptr;

    std::vector<Fiber> fibers;
    Fiber* current = nullptr;
    ucontext_t scheduler;
    void (*call)(void*);
    void* kernel;
    void* scheduler_sanitizer = nullptr;
    const void* scheduler_stack = nullptr;
    size_t scheduler_stack_bytes = 0;

    Fibers(Extent block, void (*call)(void*), void* kernel)
        : fibers(size_t(block.x) * block.y * block.z), call(call), kernel(kernel) {
        size_t index = 0;
        for_each(block, [&](Extent thread) {
            Fiber& fiber = fibers[index++];
            fiber.thread = thread;
            fiber.stack.reset(new char[stack_bytes]);
            getcontext(&fiber.context);
            fiber.context.uc_stack.ss_sp = fiber.stack.get();
            fiber.context.uc_stack.ss_size = stack_bytes;
            fiber.context.uc_link = nullptr;
            makecontext(&fiber.context, enter, 0);
        });
    }

    static void give_up(const char* why) {
        std::fprintf(stderr, "cuda_on_cpu: %s\n", why);
        std::abort();
    }

    // Where a fiber begins. It never returns: after a block it waits for the next.
    static void enter() {
        running->arrived();
        for (;;) {
            running->call(running->kernel);
            running->leave(State::done);
        }
    }

    void run_block() {
        running = this;
        for (Fiber& fiber : fibers) {
            fiber.state = State::ready;
        }
        size_t done = 0;
        while (done < fibers.size()) {
            done = 0;
            for (Fiber& fiber : fibers) {
                go_on(fiber);
                done += fiber.state == State::done;
            }
            if (done != 0 && done != fibers.size()) {
                give_up("some threads of a block wait at a barrier that the others do not reach");
            }
        }
        running = nullptr;
    }

    void go_on(Fiber& fiber) {
        current = &fiber;
        threadIdx = fiber.thread;
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_start_switch_fiber(&scheduler_sanitizer, fiber.stack.get(), stack_bytes);
#endif
        swapcontext(&scheduler, &fiber.context);
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_finish_switch_fiber(scheduler_sanitizer, nullptr, nullptr);
#endif
    }

    void leave(State state) {
        Fiber& fiber = *current;
        fiber.state = state;
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_start_switch_fiber(&fiber.sanitizer, scheduler_stack, scheduler_stack_bytes);
#endif
        swapcontext(&fiber.context, &scheduler);
        arrived();
    }

    // On a fiber's stack again.
    void arrived() {
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_finish_switch_fiber(current->sanitizer, &scheduler_stack, &scheduler_stack_bytes);
#endif
    }
};

} // namespace cuda_on_cpu

inline void __syncthreads() { cuda_on_cpu::Fibers::barrier(); }
