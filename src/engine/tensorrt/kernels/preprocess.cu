// From a camera's bytes to the network's input, in one pass: every thread makes one pixel.
//
// The numbers are those of the CPU path, bit for bit: `frame::Decoder`, then `engine::Preprocessor`,
// which resizes along y first and rounds to 8 bits in between. So every source pixel is decoded to 8
// bits, and all sums are of integers.

namespace {

struct Rgb {
    int r, g, b;
};

// Encodings with `bytes` a pixel, of which r, g and b tell where the colours are.
struct Packed {
    const u8* pixels;
    u64 step;
    u32 bytes, r, g, b;

    __device__ Rgb at(u32 x, u32 y) const {
        const u8* p = pixels + step * y + u64(bytes) * x;
        return {p[r], p[g], p[b]};
    }
};

// A sample of two bytes, of which `high` says which is the higher one.
__device__ int of_16_bits(const u8* p, u32 high) {
    return ((int(p[high]) << 8 | p[1 - high]) + 128) / 257;
}

// The same with two bytes a sample.
struct Packed16 {
    const u8* pixels;
    u64 step;
    u32 high, samples, r, g, b;

    __device__ Rgb at(u32 x, u32 y) const {
        const u8* p = pixels + step * y + 2 * u64(samples) * x;
        return {of_16_bits(p + 2 * r, high), of_16_bits(p + 2 * g, high), of_16_bits(p + 2 * b, high)};
    }
};

__device__ int to_8_bits(int fixed) {
    int value = fixed >> 20;
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

// BT.601, limited range; factors and rounding of src/frame/yuv.rs.
__device__ Rgb from_yuv(int y, int u, int v) {
    const int half = 1 << 19;
    int luma = (y > 16 ? y - 16 : 0) * 1220542;
    u -= 128;
    v -= 128;
    return {
        to_8_bits(luma + half + 1673527 * v),
        to_8_bits(luma + half - 852492 * v - 409993 * u),
        to_8_bits(luma + half + 2116026 * u),
    };
}

// Two pixels in four bytes; `luma` is where Y of the left one is (that of the right one is two bytes
// on), u and v where the colours are.
struct Packed422 {
    const u8* pixels;
    u64 step;
    u32 luma, u, v;

    __device__ Rgb at(u32 x, u32 y) const {
        const u8* pair = pixels + step * y + 4 * u64(x / 2);
        return from_yuv(pair[luma + 2 * (x % 2)], pair[u], pair[v]);
    }
};

// A plane of Y, and after it one of colour pairs with half the rows; u and v tell the order.
struct SemiPlanar {
    const u8* pixels;
    u64 step;
    u32 height, u, v;

    __device__ Rgb at(u32 x, u32 y) const {
        const u8* pair = pixels + step * (height + y / 2) + (x & ~1u);
        return from_yuv(pixels[step * y + x], pair[u], pair[v]);
    }
};

// A Bayer sensor whose first red pixel is at red_x, red_y. Its own colour is kept, the others are
// rounded means; edges are mirrored without repeating them, which keeps the pattern.
struct Bayer {
    const u8* pixels;
    u64 step;
    u32 width, height, red_x, red_y;
    bool wide; // two bytes a sample
    u32 high;

    __device__ int sample(u32 x, u32 y) const {
        const u8* row = pixels + step * y;
        return wide ? of_16_bits(row + 2 * u64(x), high) : row[x];
    }

    __device__ Rgb at(u32 x, u32 y) const {
        u32 above = y == 0 ? 1 : y - 1;
        u32 below = y + 1 == height ? height - 2 : y + 1;
        u32 left = x == 0 ? 1 : x - 1;
        u32 right = x + 1 == width ? width - 2 : x + 1;
        int own = sample(x, y);
        int sides = sample(left, y) + sample(right, y);
        int ends = sample(x, above) + sample(x, below);
        bool red_row = y % 2 == red_y;
        if (red_row == (x % 2 == red_x)) {
            int cross = (sides + ends + 2) / 4;
            int corners = (sample(left, above) + sample(right, above) + sample(left, below) +
                           sample(right, below) + 2) / 4;
            return red_row ? Rgb{own, cross, corners} : Rgb{corners, cross, own};
        }
        sides = (sides + 1) / 2;
        ends = (ends + 1) / 2;
        return red_row ? Rgb{sides, own, ends} : Rgb{ends, own, sides};
    }
};

// One axis of one target pixel.
struct Window {
    const short* weights;
    u32 start, count, precision;

    __device__ Window(const Taps* taps, u32 target) {
        const Tap* all = reinterpret_cast<const Tap*>(taps + 1);
        const Tap& tap = all[target];
        weights = reinterpret_cast<const short*>(all + taps->target) + tap.first;
        start = tap.start;
        count = tap.count;
        precision = taps->precision;
    }

    __device__ int half() const { return 1 << (precision - 1); }

    // Weights are rounded one by one, so a sum of them can be a little over 1.
    __device__ int round(int sum) const {
        int value = sum >> precision;
        return value > 255 ? 255 : value;
    }
};

template <class Source>
__device__ Rgb resized(const Source& source, const Window& column, const Window& row) {
    Rgb sum = {column.half(), column.half(), column.half()};
    for (u32 i = 0; i < column.count; i++) {
        Rgb part = {row.half(), row.half(), row.half()};
        for (u32 j = 0; j < row.count; j++) {
            Rgb pixel = source.at(column.start + i, row.start + j);
            int weight = row.weights[j];
            part.r += weight * pixel.r;
            part.g += weight * pixel.g;
            part.b += weight * pixel.b;
        }
        int weight = column.weights[i];
        sum.r += weight * row.round(part.r);
        sum.g += weight * row.round(part.g);
        sum.b += weight * row.round(part.b);
    }
    return {column.round(sum.r), column.round(sum.g), column.round(sum.b)};
}

// Resizes what the encoding says. False for one that is not known.
__device__ bool decoded(const FrameParams& frame, const Window& column, const Window& row, Rgb* out) {
    const u8* pixels = reinterpret_cast<const u8*>(frame.pixels);
    u64 step = frame.step;
    u32 width = frame.width, height = frame.height;
    u32 high = frame.big_endian ? 0 : 1;
    switch (frame.encoding) {
    case RGB8:
        *out = resized(Packed{pixels, step, 3, 0, 1, 2}, column, row);
        return true;
    case BGR8:
        *out = resized(Packed{pixels, step, 3, 2, 1, 0}, column, row);
        return true;
    case RGBA8:
        *out = resized(Packed{pixels, step, 4, 0, 1, 2}, column, row);
        return true;
    case BGRA8:
        *out = resized(Packed{pixels, step, 4, 2, 1, 0}, column, row);
        return true;
    case MONO8:
        *out = resized(Packed{pixels, step, 1, 0, 0, 0}, column, row);
        return true;
    case MONO16:
        *out = resized(Packed16{pixels, step, high, 1, 0, 0, 0}, column, row);
        return true;
    case YUV422:
        *out = resized(Packed422{pixels, step, 1, 0, 2}, column, row);
        return true;
    case YUV422_YUY2:
        *out = resized(Packed422{pixels, step, 0, 1, 3}, column, row);
        return true;
    case NV12:
        *out = resized(SemiPlanar{pixels, step, height, 0, 1}, column, row);
        return true;
    case NV21:
        *out = resized(SemiPlanar{pixels, step, height, 1, 0}, column, row);
        return true;
    case BAYER_RGGB8:
        *out = resized(Bayer{pixels, step, width, height, 0, 0, false, high}, column, row);
        return true;
    case BAYER_BGGR8:
        *out = resized(Bayer{pixels, step, width, height, 1, 1, false, high}, column, row);
        return true;
    case BAYER_GBRG8:
        *out = resized(Bayer{pixels, step, width, height, 0, 1, false, high}, column, row);
        return true;
    case BAYER_GRBG8:
        *out = resized(Bayer{pixels, step, width, height, 1, 0, false, high}, column, row);
        return true;
    case RGB16:
        *out = resized(Packed16{pixels, step, high, 3, 0, 1, 2}, column, row);
        return true;
    case BGR16:
        *out = resized(Packed16{pixels, step, high, 3, 2, 1, 0}, column, row);
        return true;
    case BAYER_RGGB16:
        *out = resized(Bayer{pixels, step, width, height, 0, 0, true, high}, column, row);
        return true;
    case BAYER_BGGR16:
        *out = resized(Bayer{pixels, step, width, height, 1, 1, true, high}, column, row);
        return true;
    case BAYER_GBRG16:
        *out = resized(Bayer{pixels, step, width, height, 0, 1, true, high}, column, row);
        return true;
    case BAYER_GRBG16:
        *out = resized(Bayer{pixels, step, width, height, 1, 0, true, high}, column, row);
        return true;
    }
    return false;
}

} // namespace

// Fills `out`, planes R, G, B of input.width * input.height values, row by row: 0, the mean colour, beside
// the frame. The host has checked the message as `frame::Decoder` does. Tables of other sizes than the frame
// has, there and in the input, or an unknown encoding, give NaN, which no later step takes for a picture.
extern "C" __global__ void __launch_bounds__(PREPROCESS_BLOCK_X* PREPROCESS_BLOCK_Y)
    preprocess(const FrameParams* frame_in, float* out, InputParams input) {
    u32 x = blockIdx.x * blockDim.x + threadIdx.x;
    u32 y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= input.width || y >= input.height) {
        return;
    }
    const FrameParams frame = *frame_in;
    const Taps* columns = reinterpret_cast<const Taps*>(frame.columns);
    const Taps* rows = reinterpret_cast<const Taps*>(frame.rows);
    u64 plane = u64(input.width) * input.height;
    float* to = out + u64(y) * input.width + x;
    // to the left of it and above they are larger than any picture
    u32 column = x - input.left, row = y - input.top;
    if (column >= input.across || row >= input.down) {
        to[0] = to[plane] = to[2 * plane] = 0.0f;
        return;
    }
    Rgb rgb;
    if (columns->source != frame.width || columns->target != input.across ||
        rows->source != frame.height || rows->target != input.down ||
        !decoded(frame, Window(columns, column), Window(rows, row), &rgb)) {
        to[0] = to[plane] = to[2 * plane] = not_a_number();
        return;
    }
    to[0] = float(rgb.r) * input.scale[0] + input.offset[0];
    to[plane] = float(rgb.g) * input.scale[1] + input.offset[1];
    to[2 * plane] = float(rgb.b) * input.scale[2] + input.offset[2];
}
