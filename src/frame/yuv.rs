//! YUV encodings: BT.601, limited range (Y 16 ..= 235, U and V 16 ..= 240), as ROS drivers send
//! it and OpenCV converts it.
//!
//! With `y = max(Y - 16, 0)`, `u = U - 128`, `v = V - 128`:
//!
//! ```text
//! R = 1.164 y             + 1.596 v
//! G = 1.164 y - 0.391 u   - 0.813 v
//! B = 1.164 y + 2.018 u
//! ```
//!
//! in fixed point with 20 fractional bits, rounded, and cut to 0 ..= 255. The factors are those of
//! OpenCV's `color_yuv.simd.hpp`, so the bytes are those of `cv::cvtColor`.

const SHIFT: u32 = 20;
const Y: i32 = 1_220_542;
const U_TO_B: i32 = 2_116_026;
const U_TO_G: i32 = -409_993;
const V_TO_G: i32 = -852_492;
const V_TO_R: i32 = 1_673_527;

/// What one pair of colour samples adds to red, green and blue, rounding included.
fn chroma(u: u8, v: u8) -> [i32; 3] {
    let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
    let half = 1 << (SHIFT - 1);
    [
        half + V_TO_R * v,
        half + V_TO_G * v + U_TO_G * u,
        half + U_TO_B * u,
    ]
}

/// No sum overflows: 239 * Y + 128 * U_TO_B + half is below 2^30.
fn to_rgb(y: u8, chroma: [i32; 3]) -> [u8; 3] {
    let y = (i32::from(y) - 16).max(0) * Y;
    chroma.map(|c| ((y + c) >> SHIFT).clamp(0, 255) as u8)
}

/// Two pixels in four bytes; `order` tells where Y of the left, U, Y of the right and V are.
pub(super) fn packed422(data: &[u8], step: usize, width: usize, order: [usize; 4], rgb: &mut [u8]) {
    for (from, to) in data.chunks_exact(step).zip(rgb.chunks_exact_mut(width * 3)) {
        for (from, to) in from
            .as_chunks::<4>()
            .0
            .iter()
            .zip(to.as_chunks_mut::<6>().0)
        {
            let [left, u, right, v] = order.map(|at| from[at]);
            let chroma = chroma(u, v);
            let ([r0, g0, b0], [r1, g1, b1]) = (to_rgb(left, chroma), to_rgb(right, chroma));
            *to = [r0, g0, b0, r1, g1, b1];
        }
    }
}

/// A plane of Y and, after all its rows, one of colour pairs with half the rows, `step` bytes
/// apart too; `order` tells where U and V are in a pair.
pub(super) fn semi_planar(
    data: &[u8],
    step: usize,
    width: usize,
    order: [usize; 2],
    rgb: &mut [u8],
) {
    let height = rgb.len() / (width * 3).max(1);
    let Some((luma, pairs)) = data.split_at_checked(step * height) else {
        return;
    };
    // Every row of pairs serves two rows of Y.
    let pairs = pairs.chunks_exact(step).flat_map(|row| [row, row]);
    let rows = luma
        .chunks_exact(step)
        .zip(pairs)
        .zip(rgb.chunks_exact_mut(width * 3));
    for ((luma, pairs), to) in rows {
        let luma = luma.as_chunks::<2>().0.iter();
        let pairs = pairs.as_chunks::<2>().0.iter();
        for ((&[left, right], pair), to) in luma.zip(pairs).zip(to.as_chunks_mut::<6>().0) {
            let chroma = chroma(pair[order[0]], pair[order[1]]);
            let ([r0, g0, b0], [r1, g1, b1]) = (to_rgb(left, chroma), to_rgb(right, chroma));
            *to = [r0, g0, b0, r1, g1, b1];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_range_become_the_colours_they_stand_for() {
        // Reference values: cv2.cvtColor(.., COLOR_YUV2RGB_UYVY).
        for ([y, u, v], expected) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([126, 128, 128], [128, 128, 128]),
            ([0, 128, 128], [0, 0, 0]),
            ([255, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [254, 0, 0]),
            ([145, 54, 34], [0, 255, 1]),
            ([41, 240, 110], [0, 0, 255]),
            ([255, 255, 255], [255, 125, 255]),
            ([0, 0, 0], [0, 154, 0]),
        ] {
            assert_eq!(to_rgb(y, chroma(u, v)), expected, "Y U V {y} {u} {v}");
        }
    }
}
