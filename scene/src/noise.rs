//! Randomness: integer hashes, value noise over them, and streams of numbers.
//!
//! All of it is integer arithmetic and basic floating point, so it gives the same numbers on
//! every machine.

use rand::Rng;
use rand_pcg::Pcg32;

use crate::math::{Rgb, floor_i, v3};

/// Mixes 32 bits (the finaliser of MurmurHash3 with constants by C. Wellons, "lowbias32").
pub(crate) fn mix32(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Hash of a lattice cell.
pub(crate) fn hash2(x: i32, y: i32, seed: u32) -> u32 {
    mix32(
        (x as u32).wrapping_mul(0x9e37_79b1)
            ^ (y as u32).wrapping_mul(0x85eb_ca77).rotate_left(13)
            ^ seed,
    )
}

/// Top 24 bits as a number from 0 up to 1.
pub(crate) fn unit(h: u32) -> f32 {
    (h >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Cell as a number from 0 up to 1.
pub(crate) fn cell(x: i32, y: i32, seed: u32) -> f32 {
    unit(hash2(x, y, seed))
}

// One multiply-xorshift round: cheap, and good enough under interpolation.
fn lattice(x: u32, y: u32, z: u32, seed: u32) -> f32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77);
    h ^= z.wrapping_mul(0xc2b2_ae3d) ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 13)).wrapping_mul(0x297a_2d39);
    (h >> 8) as f32 * (1.0 / 16_777_216.0)
}

fn fade(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

fn split(x: f32) -> (u32, f32) {
    let i = floor_i(x);
    (i as u32, fade(x - i as f32))
}

/// Smooth noise over the plane, 0 to 1, features about 1 wide.
pub(crate) fn noise2(x: f32, y: f32, seed: u32) -> f32 {
    let (xi, fx) = split(x);
    let (yi, fy) = split(y);
    let (xj, yj) = (xi.wrapping_add(1), yi.wrapping_add(1));
    let (a, b) = (lattice(xi, yi, 0, seed), lattice(xj, yi, 0, seed));
    let (c, d) = (lattice(xi, yj, 0, seed), lattice(xj, yj, 0, seed));
    let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx);
    top + (bottom - top) * fy
}

/// Smooth noise over space, 0 to 1, features about 1 wide.
pub(crate) fn noise3(x: f32, y: f32, z: f32, seed: u32) -> f32 {
    let (zi, fz) = split(z);
    let (xi, fx) = split(x);
    let (yi, fy) = split(y);
    let (xj, yj) = (xi.wrapping_add(1), yi.wrapping_add(1));
    let plane = |z: u32| {
        let (a, b) = (lattice(xi, yi, z, seed), lattice(xj, yi, z, seed));
        let (c, d) = (lattice(xi, yj, z, seed), lattice(xj, yj, z, seed));
        let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx);
        top + (bottom - top) * fy
    };
    let (near, far) = (plane(zi), plane(zi.wrapping_add(1)));
    near + (far - near) * fz
}

/// Octaves of [`noise2`], 0 to 1.
pub(crate) fn fbm2(x: f32, y: f32, seed: u32, octaves: u32) -> f32 {
    let (mut sum, mut total, mut weight, mut freq) = (0.0, 0.0, 1.0, 1.0);
    for k in 0..octaves {
        sum += weight * noise2(x * freq, y * freq, seed.wrapping_add(k * 0x51));
        total += weight;
        weight *= 0.55;
        freq *= 2.03;
    }
    sum / total
}

/// Octaves of [`noise3`], 0 to 1.
pub(crate) fn fbm3(x: f32, y: f32, z: f32, seed: u32, octaves: u32) -> f32 {
    let (mut sum, mut total, mut weight, mut freq) = (0.0, 0.0, 1.0, 1.0);
    for k in 0..octaves {
        sum += weight * noise3(x * freq, y * freq, z * freq, seed.wrapping_add(k * 0x51));
        total += weight;
        weight *= 0.55;
        freq *= 2.03;
    }
    sum / total
}

/// A stream of random numbers of its own for each thing that is made, so that adding one thing
/// does not change another.
#[derive(Debug, Clone)]
pub(crate) struct Stream(Pcg32);

impl Stream {
    /// The stream for thing number `index` of sort `sort`.
    pub(crate) fn new(seed: u64, sort: u64, index: u64) -> Stream {
        let state = seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rng = Pcg32::new(state, sort.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ seed >> 32);
        // The first outputs of neighbouring states are alike.
        for _ in 0..4 {
            rng.next_u32();
        }
        Stream(rng)
    }

    pub(crate) fn bits(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// From 0 up to 1.
    pub(crate) fn unit(&mut self) -> f32 {
        unit(self.bits())
    }

    pub(crate) fn range(&mut self, lo: f32, hi: f32) -> f32 {
        lo + (hi - lo) * self.unit()
    }

    pub(crate) fn chance(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// -1 or 1.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// From 0 up to `n`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.bits()) * n as u64) >> 32) as usize
    }

    /// One of them. The slice must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// The colour, each channel moved by up to `by` (relative) and all of them together by `by`.
    pub(crate) fn vary(&mut self, c: Rgb, by: f32) -> Rgb {
        let all = 1.0 + self.range(-by, by);
        let mut one = || all * (1.0 + by * 0.3 * (self.unit() * 2.0 - 1.0));
        v3(c.x * one(), c.y * one(), c.z * one())
    }
}
