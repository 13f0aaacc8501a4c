"""Pictures in every encoding a camera may send, made and decoded here, apart from `lookout`.

The decoders follow what the encodings say: BT.601 limited range for YUV, in OpenCV's fixed point; 16-bit
grey by 257, rounded; Bayer by bilinear interpolation over a mirrored edge.
"""
from collections import namedtuple

import numpy as np

# A message's fields, and the RGB picture that it is.
Case = namedtuple("Case", "name encoding width height step big_endian data picture")


def yuv_to_rgb(y, u, v):
    """Planes of one size to RGB."""
    y = np.maximum(y.astype(np.int64) - 16, 0) * 1_220_542
    u, v = u.astype(np.int64) - 128, v.astype(np.int64) - 128
    half = 1 << 19
    planes = (y + half + 1_673_527 * v, y + half - 852_492 * v - 409_993 * u,
              y + half + 2_116_026 * u)
    return np.clip(np.stack([plane >> 20 for plane in planes], -1), 0, 255).astype(np.uint8)


def rgb_to_yuv(picture):
    """BT.601 limited range, full resolution."""
    red, green, blue = np.moveaxis(picture.astype(np.float64), -1, 0)
    y = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    u = 128 - 0.148 * red - 0.291 * green + 0.439 * blue
    v = 128 + 0.439 * red - 0.368 * green - 0.071 * blue
    return [np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in (y, u, v)]


# Where red, green (two) and blue are in the top left four pixels, as (row, column).
BAYER = {
    "rggb": {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2},
    "bggr": {(0, 0): 2, (0, 1): 1, (1, 0): 1, (1, 1): 0},
    "gbrg": {(0, 0): 1, (0, 1): 2, (1, 0): 0, (1, 1): 1},
    "grbg": {(0, 0): 1, (0, 1): 0, (1, 0): 2, (1, 1): 1},
}


def to_bayer(picture, pattern):
    mosaic = np.empty(picture.shape[:2], np.uint8)
    for (row, column), channel in BAYER[pattern].items():
        mosaic[row::2, column::2] = picture[row::2, column::2, channel]
    return mosaic


def from_bayer(mosaic, pattern):
    height, width = mosaic.shape
    padded = np.pad(mosaic, 1, mode="reflect").astype(np.int64)

    def at(row, column):
        return padded[1 + row:1 + row + height, 1 + column:1 + column + width]

    sides = (at(0, -1) + at(0, 1) + 1) // 2
    ends = (at(-1, 0) + at(1, 0) + 1) // 2
    cross = (at(0, -1) + at(0, 1) + at(-1, 0) + at(1, 0) + 2) // 4
    corners = (at(-1, -1) + at(-1, 1) + at(1, -1) + at(1, 1) + 2) // 4
    out = np.empty((height, width, 3), np.uint8)
    for (row, column), own in BAYER[pattern].items():
        here = np.s_[row::2, column::2]
        out[here + (own,)] = mosaic[here]
        if own != 1:
            out[here + (1,)] = cross[here]
            out[here + (2 - own,)] = corners[here]
        else:
            beside = BAYER[pattern][row, 1 - column]
            out[here + (beside,)] = sides[here]
            out[here + (2 - beside,)] = ends[here]
    return out


def padded(data, rows, step, more):
    """The same rows with `more` bytes of noise after each."""
    noise = np.random.default_rng(more).integers(0, 256, (rows, step + more), np.uint8)
    noise[:, :step] = np.frombuffer(data, np.uint8).reshape(rows, step)
    return noise.tobytes()


def cases(picture):
    """Every encoding of a picture (height and width even), some of them also with padded rows."""
    height, width = picture.shape[:2]
    noise = np.random.default_rng(1)
    y, u, v = rgb_to_yuv(picture)
    # Colour samples of two pixels in a row, and of four.
    u2, v2 = u[:, ::2], v[:, ::2]
    u4, v4 = u[::2, ::2], v[::2, ::2]
    alpha = noise.integers(0, 256, (height, width, 1), np.uint8)
    grey16 = y.astype(np.uint16) * 257 + noise.integers(-100, 100, y.shape).astype(np.uint16)
    grey8 = ((grey16.astype(np.int64) + 128) // 257).astype(np.uint8)

    def wide(samples):
        """Two bytes that stand for the same."""
        return (samples.astype(np.uint16) * 257).astype("<u2")

    def grey(plane):
        return np.repeat(plane[:, :, None], 3, 2)

    of422 = yuv_to_rgb(y, u2.repeat(2, 1), v2.repeat(2, 1))
    of420 = yuv_to_rgb(y, u4.repeat(2, 0).repeat(2, 1), v4.repeat(2, 0).repeat(2, 1))

    def interleaved(*planes):
        """Four samples for two pixels."""
        return np.stack(planes, -1)

    def two_planes(first, second):
        return np.concatenate([y, np.stack([first, second], -1).reshape(height // 2, width)])

    made = [
        ("rgb8", picture, picture, 3),
        ("bgr8", picture[:, :, ::-1], picture, 3),
        ("rgba8", np.concatenate([picture, alpha], 2), picture, 4),
        ("bgra8", np.concatenate([picture[:, :, ::-1], alpha], 2), picture, 4),
        ("mono8", y, grey(y), 1),
        ("mono16", grey16.astype("<u2"), grey(grey8), 2),
        ("yuv422", interleaved(u2, y[:, ::2], v2, y[:, 1::2]), of422, 2),
        ("yuv422_yuy2", interleaved(y[:, ::2], u2, y[:, 1::2], v2), of422, 2),
        ("nv12", two_planes(u4, v4), of420, 1),
        ("rgb16", wide(picture), picture, 6),
        ("bgr16", wide(picture[:, :, ::-1]), picture, 6),
        ("8UC3", picture[:, :, ::-1], picture, 3),
        ("8UC1", y, grey(y), 1),
        ("16UC1", grey16.astype("<u2"), grey(grey8), 2),
        ("nv21", two_planes(v4, u4), of420, 1),
    ]
    for pattern in BAYER:
        mosaic = to_bayer(picture, pattern)
        made.append((f"bayer_{pattern}8", mosaic, from_bayer(mosaic, pattern), 1))
        made.append((f"bayer_{pattern}16", wide(mosaic), from_bayer(mosaic, pattern), 2))
    found = []
    for name, data, decoded, size in made:
        data, step = np.ascontiguousarray(data).tobytes(), width * size
        rows = len(data) // step
        found.append(Case(name, name, width, height, step, 0, data, decoded))
        more = 26
        found.append(Case(f"{name}, rows padded", name, width, height, step + more, 0,
                          padded(data, rows, step, more), decoded))
    found.append(Case("mono16, big-endian", "mono16", width, height, width * 2, 1,
                      grey16.astype(">u2").tobytes(), grey(grey8)))
    return found
