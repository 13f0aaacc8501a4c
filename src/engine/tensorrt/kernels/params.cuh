// What the host hands to the kernels. The same layouts are in params.rs and taps.rs; both sides check
// their sizes when they are compiled.
//
// No header is included: NVRTC has none, and `unsigned int` is 32 bits wherever CUDA runs.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

// One camera message in device memory, and how its two axes are resized. Read at every launch, so a
// captured graph takes the next frame, of whatever size and encoding, without being captured again.
struct FrameParams {
    u64 pixels;  // address of the message's bytes
    u64 columns; // address of the Taps along x
    u64 rows;    // address of the Taps along y
    u32 width;
    u32 height;
    u32 step;       // bytes from one row to the next
    u32 encoding;   // an Encoding below
    u32 big_endian; // byte order of 16-bit samples; 0 or 1
    u32 reserved;   // 0
};
static_assert(sizeof(FrameParams) == 48, "as FrameParams in params.rs");

// Places in `Encoding::ALL` of src/frame/encoding.rs.
enum Encoding : u32 {
    RGB8,
    BGR8,
    RGBA8,
    BGRA8,
    MONO8,
    MONO16,
    YUV422,
    YUV422_YUY2,
    NV12,
    NV21,
    BAYER_RGGB8,
    BAYER_BGGR8,
    BAYER_GBRG8,
    BAYER_GRBG8,
    RGB16,
    BGR16,
    BAYER_RGGB16,
    BAYER_BGGR16,
    BAYER_GBRG16,
    BAYER_GRBG16,
};

// The network's input: its size, where the frame lies in it, and value * scale + offset for red, green and
// blue.
struct InputParams {
    u32 width;
    u32 height;
    u32 left; // the frame's first column
    u32 top;
    u32 across; // its columns
    u32 down;
    float scale[3];
    float offset[3];
};
static_assert(sizeof(InputParams) == 48, "as InputParams in params.rs");

// Which source pixels make a target pixel along one axis: `count` of them from `start`, their weights
// from place `first` on.
struct Tap {
    u32 start;
    u32 count;
    u32 first;
};
static_assert(sizeof(Tap) == 12, "as a tap in taps.rs");

// Heads a table for one axis. `target` taps come after it, and after those the weights: 16 bits each,
// `1 << precision` stands for 1.
struct Taps {
    u32 source; // pixels of the frame along this axis
    u32 target; // pixels of the frame in the network's input
    u32 precision;
    u32 weights; // how many
};
static_assert(sizeof(Taps) == 16, "as the head in taps.rs");

// How pixels are judged. Read at every launch, as FrameParams.
struct JudgeParams {
    u32 kind; // a ScoreKind below
    u32 classes;
    u32 width; // of what is judged
    u32 height;
    float threshold; // scores above it are anomalous; NaN makes everything so
    u32 first; // place in a plane of logits of the first one that is judged
    u32 pitch; // from one row of a plane to the next
    u32 plane; // from one plane to the next
    float center; // (value - center) / scale is the logit of what a head gave
    float scale;
};
static_assert(sizeof(JudgeParams) == 40, "as JudgeParams in params.rs");

// 0 for whatever head; the others in the order of `ScoreKind::OF_LOGITS` of src/score/kind.rs.
enum ScoreKind : u32 {
    HEAD,
    SOFTMAX,
    MAX_LOGIT,
    ENTROPY,
    ENERGY,
};

// What one block of JUDGE_BLOCK pixels found.
struct BlockCounts {
    u32 anomalous;
    u32 non_finite;
    float min; // of the finite scores; +inf without one
    float max; // of the finite scores; -inf without one
    float sum; // of the finite scores
};
static_assert(sizeof(BlockCounts) == 20, "as BlockCounts in blocks.rs");

// Threads a block, as in mod.rs.
constexpr u32 PREPROCESS_BLOCK_X = 32;
constexpr u32 PREPROCESS_BLOCK_Y = 8;
constexpr u32 JUDGE_BLOCK = 256;

__device__ inline float not_a_number() { return __int_as_float(0x7fc00000); }
