// From the networks' logits to class, score, mask and counts, in one pass: every thread judges one
// pixel, and a block of them adds up what it found.
//
// Scores are those of src/score/kernels.rs, in the same order of operations. Only `logf` and `log1pf`
// are the GPU's own, within 1 unit in the last place each, which moves a score by less than 3e-7.

namespace {

constexpr float LOG_FLOOR = 16.118095f;

// e^x for x in -87 ..= 0, as in src/score/kernels.rs.
__device__ float exp_non_positive(float x) {
    const float round = 12582912.0f; // 1.5 * 2^23
    float shifted = x * 1.44269504f + round;
    float n = shifted - round;
    float r = (x - n * 0.6933594f) - n * -2.1219444e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    u32 power_of_two = (u32(__float_as_int(shifted)) << 23) + (127u << 23);
    return p * __int_as_float(int(power_of_two));
}

// Not fminf and fmaxf: they would turn NaN into a number.
__device__ float clamped(float value) { return value < 0.0f ? 0.0f : value > 1.0f ? 1.0f : value; }

struct Largest {
    float value;
    u32 at;
    bool finite; // all of them, not the largest alone
};

// `stride` is from one class's logit to the next's. The first of equal ones counts.
__device__ Largest largest(const float* logits, u64 stride, u32 classes) {
    Largest found = {__int_as_float(int(0xff800000)), 0, true};
    for (u32 i = 0; i < classes; i++) {
        float value = logits[i * stride];
        if (value > found.value) {
            found.value = value;
            found.at = i;
        }
        found.finite = found.finite && value * 0.0f == 0.0f;
    }
    return found;
}

__device__ float score_of_logits(u32 kind, const float* logits, u64 stride, u32 classes, Largest best) {
    if (kind == MAX_LOGIT) {
        return (40.0f - best.value) / 80.0f;
    }
    // Summed apart from the largest class's 1, or everything under 6e-8 would be lost.
    float others = 0.0f, spread = 0.0f;
    for (u32 i = 0; i < classes; i++) {
        float below = logits[i * stride] - best.value;
        below = below > -87.0f ? below : -87.0f;
        float power = i == best.at ? 0.0f : exp_non_positive(below);
        others += power;
        spread -= below * power;
    }
    switch (kind) {
    case SOFTMAX:
        return 1.0f + logf(others / (1.0f + others)) / LOG_FLOOR;
    case ENTROPY: {
        float entropy = log1pf(others) + spread / (1.0f + others);
        return 1.0f + logf(entropy / logf(float(classes))) / LOG_FLOOR;
    }
    case ENERGY:
        return (40.0f - (best.value + log1pf(others))) / 80.0f;
    }
    return not_a_number();
}

// NaN where the logits that the score reads are not all finite, and where there is no such score.
__device__ float score_of(const JudgeParams& params, const float* logits, u64 stride,
                          const float* head, Largest best) {
    if (params.kind == HEAD) {
        float z = head ? (*head - params.center) / params.scale : not_a_number();
        return clamped((z + 12.0f) / 24.0f) + z * 0.0f;
    }
    if (!best.finite || params.classes < 2) {
        return not_a_number();
    }
    return clamped(score_of_logits(params.kind, logits, stride, params.classes, best));
}

__device__ void add(BlockCounts& to, const BlockCounts& more) {
    to.anomalous += more.anomalous;
    to.non_finite += more.non_finite;
    to.min = more.min < to.min ? more.min : to.min;
    to.max = more.max > to.max ? more.max : to.max;
    to.sum += more.sum;
}

// Adds places step, 2 * step, .. below `end` to place 0, always in this order: floats do not
// associate, and two runs over the same logits have to give the same numbers.
__device__ void gather(BlockCounts* counts, u32 step, u32 end) {
    BlockCounts sum = counts[0];
    for (u32 i = step; i < end; i += step) {
        add(sum, counts[i]);
    }
    counts[0] = sum;
}

} // namespace

// One block of JUDGE_BLOCK threads for as many pixels, row-major. `logits` are `classes` planes, of which
// width * height from place `first` on are judged; `head` is one such plane, what a head gave, or null where its
// score is not asked for. Fills
// `score`, `label` (255: no class), `mask` (255: anomalous, 0: not), a value a pixel, and one of
// `blocks` a block.
extern "C" __global__ void __launch_bounds__(JUDGE_BLOCK)
    judge(const float* logits, const float* head, const JudgeParams* params_in, float* score,
          u8* label, u8* mask, BlockCounts* blocks) {
    const u32 gathering = 16; // threads that add up a share each
    __shared__ BlockCounts counts[JUDGE_BLOCK];

    const JudgeParams params = *params_in;
    u64 pixels = u64(params.width) * params.height;
    u64 pixel = u64(blockIdx.x) * JUDGE_BLOCK + threadIdx.x;
    float infinity = __int_as_float(0x7f800000);
    BlockCounts own = {0, 0, infinity, -infinity, 0.0f};
    if (pixel < pixels) {
        u64 place = params.first + pixel / params.width * params.pitch + pixel % params.width;
        Largest best = largest(logits + place, params.plane, params.classes);
        const float* given = head ? head + place : head;
        float value = score_of(params, logits + place, params.plane, given, best);
        bool known = value <= params.threshold;
        score[pixel] = value;
        label[pixel] = best.finite && params.classes - 1 < 255 ? u8(best.at) : u8(255);
        mask[pixel] = known ? 0 : 255;
        own.anomalous = !known;
        if (value == value) {
            own.min = own.max = own.sum = value;
        } else {
            own.non_finite = 1;
        }
    }
    counts[threadIdx.x] = own;
    __syncthreads();
    if (threadIdx.x < gathering) {
        gather(counts + threadIdx.x, gathering, JUDGE_BLOCK - threadIdx.x);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        gather(counts, 1, gathering);
        blocks[blockIdx.x] = counts[0];
    }
}
