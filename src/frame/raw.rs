//! Packed encodings with one sample for every colour: rgb8, bgr8, rgba8, bgra8, mono8, mono16, rgb16,
//! bgr16.
//!
//! Every function takes rows `step` bytes apart, uses their first `width` pixels, and fills
//! `rgb` (packed RGB8). The sizes were checked by the caller; should they not fit all the same,
//! the iterators end early and nothing panics.

/// Rows are copied as they are.
pub(super) fn rgb(data: &[u8], step: usize, width: usize, rgb: &mut [u8]) {
    let row = width * 3;
    for (from, to) in data.chunks_exact(step).zip(rgb.chunks_exact_mut(row)) {
        if let Some(from) = from.get(..row) {
            to.copy_from_slice(from);
        }
    }
}

/// Pixels of `N` bytes, of which `order` tells where red, green and blue are.
pub(super) fn swizzle<const N: usize>(
    data: &[u8],
    step: usize,
    width: usize,
    order: [usize; 3],
    rgb: &mut [u8],
) {
    for (from, to) in data.chunks_exact(step).zip(rgb.chunks_exact_mut(width * 3)) {
        for (from, to) in from
            .as_chunks::<N>()
            .0
            .iter()
            .zip(to.as_chunks_mut::<3>().0)
        {
            *to = order.map(|channel| from[channel]);
        }
    }
}

/// Grey becomes three equal channels.
pub(super) fn mono8(data: &[u8], step: usize, width: usize, rgb: &mut [u8]) {
    for (from, to) in data.chunks_exact(step).zip(rgb.chunks_exact_mut(width * 3)) {
        for (grey, to) in from.iter().zip(to.as_chunks_mut::<3>().0) {
            *to = [*grey; 3];
        }
    }
}

/// 0 ..= 65535 becomes 0 ..= 255 as cv_bridge scales it: `v * 255 / 65535`, rounded.
pub(super) fn to_8_bits(bytes: [u8; 2], big_endian: bool) -> u8 {
    let value = if big_endian {
        u16::from_be_bytes(bytes)
    } else {
        u16::from_le_bytes(bytes)
    };
    ((u32::from(value) + 128) / 257) as u8
}

/// Grey of two bytes.
pub(super) fn mono16(data: &[u8], step: usize, width: usize, big_endian: bool, rgb: &mut [u8]) {
    for (from, to) in data.chunks_exact(step).zip(rgb.chunks_exact_mut(width * 3)) {
        let (from, to) = (from.as_chunks::<2>().0, to.as_chunks_mut::<3>().0);
        for (&bytes, to) in from.iter().zip(to) {
            *to = [to_8_bits(bytes, big_endian); 3];
        }
    }
}

/// Three colours of two bytes each, of which `order` tells where red, green and blue are.
pub(super) fn rgb16(
    data: &[u8],
    step: usize,
    width: usize,
    (order, big_endian): ([usize; 3], bool),
    rgb: &mut [u8],
) {
    for (from, to) in data.chunks_exact(step).zip(rgb.chunks_exact_mut(width * 3)) {
        let (from, to) = (from.as_chunks::<6>().0, to.as_chunks_mut::<3>().0);
        for (from, to) in from.iter().zip(to) {
            let samples = from.as_chunks::<2>().0;
            *to = order.map(|channel| to_8_bits(samples[channel], big_endian));
        }
    }
}
