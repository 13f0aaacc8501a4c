//! Changes of an input.

use std::ops::Range;

use rand::RngExt;

use crate::formats::Format;

pub(crate) type Rng = rand_pcg::Pcg64;

/// Bytes of an input at most: a reader's time goes with them.
const LONGEST: usize = 128 << 10;
/// Bytes at the beginning of a part in which its numbers are.
const HEAD: usize = 32;

/// Numbers that are often forgotten.
const NUMBERS: [u64; 20] = [
    0,
    1,
    2,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x0001_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x0001_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// Changes an input at one to eight places; `other` is one that it may be joined to.
pub(crate) fn mutate(input: &mut Vec<u8>, other: &[u8], format: &Format, rng: &mut Rng) {
    for _ in 0..1 << rng.random_range(0..4) {
        change(input, other, format, rng);
        input.truncate(LONGEST);
    }
    // checksums hide what is behind them; now and then they are what is tried
    if rng.random_bool(0.9) {
        (format.mend)(input);
    }
}

fn change(input: &mut Vec<u8>, other: &[u8], format: &Format, rng: &mut Rng) {
    let parts = (format.parts)(input);
    let at = place(input.len(), &parts, rng);
    match rng.random_range(0..14) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = rng.random();
            }
        }
        2..=4 => set_number(input, at, rng),
        5 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = byte.wrapping_add(rng.random_range(0..9)).wrapping_sub(4);
            }
        }
        6 => {
            input.drain(span(input.len(), &parts, rng));
        }
        7 => {
            let piece = input[span(input.len(), &parts, rng)].to_vec();
            let times = 1 << rng.random_range(0..8);
            let times = (LONGEST / piece.len().max(1)).min(times);
            let at = boundary(input.len(), &parts, rng);
            input.splice(at..at, piece.repeat(times));
        }
        8 => {
            let (a, b) = (
                span(input.len(), &parts, rng),
                span(input.len(), &parts, rng),
            );
            let (a, b) = if a.start <= b.start { (a, b) } else { (b, a) };
            if a.end <= b.start {
                let swapped = [
                    &input[..a.start],
                    &input[b.clone()],
                    &input[a.end..b.start],
                    &input[a],
                    &input[b.end..],
                ];
                *input = swapped.concat();
            }
        }
        9 => {
            let theirs = (format.parts)(other);
            let from = boundary(other.len(), &theirs, rng);
            input.truncate(boundary(input.len(), &parts, rng));
            input.extend_from_slice(&other[from..]);
        }
        10 => {
            let theirs = (format.parts)(other);
            let piece = &other[span(other.len(), &theirs, rng)];
            let at = boundary(input.len(), &parts, rng);
            input.splice(at..at, piece.iter().copied());
        }
        11 => {
            let word = match format.words {
                [] => &[0xff, 0xd8, 0xff, 0xda][..],
                words => words[rng.random_range(0..words.len())].as_bytes(),
            };
            let times = if rng.random_bool(0.1) { 200 } else { 1 };
            // in the place of what is there, or beside it
            let replaced = if rng.random_bool(0.5) { word.len() } else { 0 };
            let end = (at + replaced).min(input.len());
            input.splice(at..end, word.repeat(times));
        }
        12 => input.truncate(at),
        _ => {
            // a number of seven bits a byte, of ten bytes or without an end
            let mut bytes = vec![0xff; rng.random_range(1..12)];
            if rng.random_bool(0.7) {
                bytes.push(1);
            }
            let end = (at + bytes.len() * usize::from(rng.random_bool(0.5))).min(input.len());
            input.splice(at..end, bytes);
        }
    }
}

/// Writes a number over what is at `at`: one of those that are often forgotten, about as many as there are
/// bytes, or a little more than before.
fn set_number(input: &mut [u8], at: usize, rng: &mut Rng) {
    let width = 1 << rng.random_range(0..4);
    let all = input.len() as u64;
    let Some(place) = input.get_mut(at..at + width) else {
        return;
    };
    let number = match rng.random_range(0..4) {
        0 => all.wrapping_add(rng.random_range(0..32)).wrapping_sub(16),
        1 => rng.random_range(0..300),
        _ => NUMBERS[rng.random_range(0..NUMBERS.len())].wrapping_sub(rng.random_range(0..2)),
    };
    let bytes = number.to_le_bytes();
    place.copy_from_slice(&bytes[..width]);
    if rng.random_bool(0.5) {
        place.reverse();
    }
}

/// A byte, mostly where a part has its numbers; within the input, but for an empty one.
fn place(all: usize, parts: &[Range<usize>], rng: &mut Rng) -> usize {
    if !parts.is_empty() && rng.random_bool(0.7) {
        let part = &parts[rng.random_range(0..parts.len())];
        let head = part.len().clamp(1, HEAD);
        return (part.start + rng.random_range(0..head)).min(all);
    }
    rng.random_range(0..all.max(1)).min(all)
}

/// Where a part begins or ends, or anywhere.
fn boundary(all: usize, parts: &[Range<usize>], rng: &mut Rng) -> usize {
    if !parts.is_empty() && rng.random_bool(0.8) {
        let part = &parts[rng.random_range(0..parts.len())];
        return if rng.random_bool(0.5) {
            part.start
        } else {
            part.end
        };
    }
    rng.random_range(0..=all)
}

/// A part, or any stretch.
fn span(all: usize, parts: &[Range<usize>], rng: &mut Rng) -> Range<usize> {
    if !parts.is_empty() && rng.random_bool(0.7) {
        return parts[rng.random_range(0..parts.len())].clone();
    }
    let from = rng.random_range(0..=all);
    let most = (all - from).min(1 << rng.random_range(0..12));
    from..from + rng.random_range(0..=most)
}
