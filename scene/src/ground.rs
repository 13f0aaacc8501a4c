//! The street's surface: asphalt, markings, kerbs, pavements and what lies beyond them.

use crate::class::Class;
use crate::math::{Rgb, coverage, floor, floor_i, lerp, rgb, smoothstep, wrap};
use crate::noise::{Stream, cell, fbm2, noise2};

/// Height of the pavement above the road in metres.
pub(crate) const KERB: f32 = 0.12;

/// What lies beyond the pavement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    Grass,
    Paving,
    Yard,
}

/// A street's cross-section and its surfaces. Traffic keeps to the left (x below 0).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Street {
    /// Half width of the carriageway in metres.
    pub(crate) half: f32,
    /// Width of the pavement in metres.
    pub(crate) pavement: f32,
    asphalt: Rgb,
    paint: Rgb,
    paving: Rgb,
    kerb: Rgb,
    slab: [f32; 2],
    dash: [f32; 2],
    edge: u8,
    yellow: bool,
    cycle_lane: bool,
    wear: f32,
    cracks: f32,
    seed: u32,
}

/// A point of the ground.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground {
    pub(crate) class: Class,
    pub(crate) albedo: Rgb,
    pub(crate) gloss: f32,
    pub(crate) kerb_face: bool,
}

impl Street {
    pub(crate) fn new(seed: u64) -> Street {
        let mut s = Stream::new(seed, 0x57ee, 0);
        let grey = s.range(62.0, 122.0);
        let warm = s.range(-8.0, 6.0);
        let paving = s.range(80.0, 150.0);
        Street {
            half: s.range(3.7, 5.4),
            pavement: s.range(1.6, 3.6),
            asphalt: rgb((grey + warm) as u8, grey as u8, (grey - warm * 0.6) as u8),
            paint: rgb(215, 215, 210) * s.range(0.6, 1.0),
            paving: s.vary(
                rgb(paving as u8, (paving * 0.98) as u8, (paving * 0.93) as u8),
                0.1,
            ),
            kerb: rgb(150, 148, 142) * s.range(0.5, 1.1),
            slab: s.pick(&[[0.6, 0.6], [0.9, 0.6], [0.2, 0.1], [40.0, 40.0]]),
            dash: s.pick(&[
                [6.0, 4.0],
                [6.0, 2.0],
                [9.0, 4.0],
                [3.0, 2.0],
                [1e4, 1e4],
                [6.0, 0.0],
            ]),
            edge: s.below(4) as u8,
            yellow: s.chance(0.6),
            cycle_lane: s.chance(0.25),
            wear: s.range(0.2, 0.9),
            cracks: s.range(0.0, 1.0),
            seed: s.bits(),
        }
    }

    /// Colour and class at (x, z), a pixel being `fx` wide and `fz` long there (metres).
    pub(crate) fn at(&self, x: f32, z: f32, fx: f32, fz: f32, beyond: Beyond) -> Ground {
        let side = x.abs();
        if side < self.half {
            return Ground {
                class: Class::Road,
                albedo: self.road(x, z, fx, fz),
                gloss: 0.06,
                kerb_face: false,
            };
        }
        let out = side - self.half;
        if out < self.pavement || beyond == Beyond::Paving {
            let albedo = if out < 0.14 {
                let joint = coverage(wrap(z, 0.9), 0.0, 0.015, fz);
                self.kerb * (1.0 - 0.5 * joint) * (0.8 + 0.4 * noise2(z * 1.1, x * 9.0, self.seed))
            } else {
                self.slabs(x, z, fx, fz)
            };
            return Ground {
                class: Class::Pavement,
                albedo,
                gloss: 0.03,
                kerb_face: false,
            };
        }
        if beyond == Beyond::Grass {
            let n = fbm2(x * 0.7, z * 0.7, self.seed ^ 21, 3);
            let blade = self.fine(x, z, 0.06, fz, 31);
            let c =
                rgb(82, 98, 48).mix(rgb(112, 108, 62), smoothstep(0.4, 0.75, n)) * (0.5 + blade);
            return Ground {
                class: Class::Tree,
                albedo: c,
                gloss: 0.0,
                kerb_face: false,
            };
        }
        let n = fbm2(x * 0.9, z * 0.9, self.seed ^ 23, 3);
        let c = self.paving.mix(self.asphalt, 0.6) * (0.55 + 0.7 * n);
        Ground {
            class: Class::Pavement,
            albedo: c,
            gloss: 0.0,
            kerb_face: false,
        }
    }

    /// The upright face of the kerb.
    pub(crate) fn kerb_side(&self, z: f32, fz: f32) -> Ground {
        let joint = coverage(wrap(z, 0.9), 0.0, 0.015, fz);
        Ground {
            class: Class::Pavement,
            albedo: self.kerb * (0.55 - 0.25 * joint),
            gloss: 0.0,
            kerb_face: true,
        }
    }

    /// Noise of features `size` large, faded where a pixel covers them.
    fn fine(&self, x: f32, z: f32, size: f32, foot: f32, salt: u32) -> f32 {
        let blur = smoothstep(0.5, 2.5, foot / size);
        if blur >= 1.0 {
            return 0.5;
        }
        lerp(noise2(x / size, z / size, self.seed ^ salt), 0.5, blur)
    }

    fn slabs(&self, x: f32, z: f32, fx: f32, fz: f32) -> Rgb {
        let [l, w] = self.slab;
        let (i, j) = (floor(z / l), floor(x / w));
        let fade = 1.0 - smoothstep(0.3, 1.2, fz / l);
        let tint = lerp(0.5, cell(i as i32, j as i32, self.seed ^ 3), fade);
        let joint = coverage(wrap(z, l), 0.0, 0.02, fz).max(coverage(wrap(x, w), 0.0, 0.015, fx));
        let stain = fbm2(x * 0.8, z * 0.5, self.seed ^ 11, 3);
        let grain = self.fine(x, z, 0.03, fz.max(fx), 5);
        let c = self.paving * (0.86 + 0.24 * tint) * (0.62 + 0.6 * stain) * (0.85 + 0.3 * grain);
        c * (1.0 - 0.45 * joint)
    }

    fn road(&self, x: f32, z: f32, fx: f32, fz: f32) -> Rgb {
        let foot = (fx * fz).sqrt();
        let broad = fbm2(x * 0.35, z * 0.08, self.seed, 3);
        let stones = self.fine(x, z, 0.025, foot, 1);
        let clods = self.fine(x, z, 0.11, foot, 2);
        let mut c = self.asphalt * (0.7 + 0.5 * broad) * (0.72 + 0.36 * stones + 0.2 * clods);
        // Wheels polish two tracks a lane; oil darkens the middle between them.
        let lane = (x.abs() - self.half * 0.5).abs();
        let track = smoothstep(0.45, 0.75, lane) * (1.0 - smoothstep(0.85, 1.15, lane));
        let oil = 1.0 - smoothstep(0.0, 0.5, lane);
        c = c * (1.0 + 0.12 * track - 0.14 * oil * noise2(z * 0.12, 4.0, self.seed));
        c = self.repairs(c, x, z, fx, fz);
        // Cracks: thin lines where two noises agree.
        if self.cracks > 0.3 && fz < 0.5 {
            let warp = noise2(x * 1.3, z * 1.3, self.seed ^ 40);
            let n = noise2(x * 0.55 + warp, z * 0.4 + warp, self.seed ^ 41) - 0.5;
            let line = 1.0 - smoothstep(0.006, 0.012 + 0.04 * fz, n.abs());
            let there = smoothstep(0.45, 0.6, noise2(x * 0.13, z * 0.07, self.seed ^ 42));
            c = c * (1.0 - 0.55 * self.cracks * line * there * (1.0 - smoothstep(0.1, 0.5, fz)));
        }
        let (k, yellow) = self.marking(x, z, fx, fz);
        if k > 0.0 {
            let worn = smoothstep(
                self.wear - 0.75,
                self.wear + 0.15,
                self.fine(x, z, 0.08, foot, 6) * 0.5
                    + 0.5 * fbm2(x * 1.9, z * 0.9, self.seed ^ 61, 2),
            );
            let paint = if yellow {
                rgb(205, 165, 60)
            } else {
                self.paint
            };
            c = c.mix(paint, k * (0.35 + 0.65 * worn));
        }
        // Grit in the gutter.
        let gutter = smoothstep(self.half - 0.4, self.half, x.abs());
        c * (1.0 - 0.35 * gutter * (0.4 + 0.6 * clods))
    }

    /// Patches of newer asphalt, trenches, drain covers.
    fn repairs(&self, c: Rgb, x: f32, z: f32, fx: f32, fz: f32) -> Rgb {
        let block = 14.0;
        let i = floor(z / block);
        let pick = |k: i32| cell(i as i32, k, self.seed ^ 70);
        let local = z - i * block;
        let mut c = c;
        if pick(0) < 0.45 {
            let (lo, hi) = (1.0 + 6.0 * pick(1), 8.0 + 5.0 * pick(2));
            let (a, b) = (self.half * (2.0 * pick(3) - 1.0), 0.4 + 2.2 * pick(4));
            let inside = coverage(local, lo, hi, fz) * coverage(x, a - b, a + b, fx);
            let tone = 0.62 + 0.6 * pick(5);
            let rim = coverage(local, lo + 0.04, hi - 0.04, fz)
                * coverage(x, a - b + 0.04, a + b - 0.04, fx);
            c = c.mix(c * tone, inside) * (1.0 - 0.35 * (inside - rim).max(0.0));
        }
        if pick(6) < 0.3 {
            let (dx, dz) = (
                x - self.half * (1.6 * pick(7) - 0.8),
                local - 2.0 - 10.0 * pick(8),
            );
            let round = pick(9) < 0.5;
            let d = if round {
                (dx * dx + dz * dz).sqrt()
            } else {
                dx.abs().max(dz.abs())
            };
            let k = coverage(d, -1.0, 0.34, (fx * fz).sqrt());
            let ring = coverage(d, 0.27, 0.34, (fx * fz).sqrt());
            let ribs = coverage(wrap(dx + dz, 0.08), 0.0, 0.03, fz);
            c = c.mix(rgb(58, 56, 54) * (1.0 - 0.3 * ribs), k * 0.85) * (1.0 - 0.3 * ring);
        }
        c
    }

    /// How much paint covers the point, and whether it is yellow.
    fn marking(&self, x: f32, z: f32, fx: f32, fz: f32) -> (f32, bool) {
        let line = |at: f32, w: f32| coverage(x - at, -w, w, fx);
        let dashes = |on: f32, off: f32| coverage(wrap(z, on + off), 0.0, on, fz);
        let [on, off] = self.dash;
        let centre = if off > 1e3 {
            0.0
        } else if off == 0.0 {
            line(-0.12, 0.05).max(line(0.12, 0.05))
        } else {
            line(0.0, 0.055) * dashes(on, off)
        };
        let mut k = centre;
        let side = x.abs();
        if self.cycle_lane {
            let at = self.half - 1.45;
            k = k.max(coverage(side - at, -0.06, 0.06, fx) * dashes(4.0, 2.0));
        }
        if let Some(shape) = self.symbol(x, z, fx, fz) {
            k = k.max(shape);
        }
        if k > 0.02 {
            return (k, false);
        }
        let edge = match self.edge {
            0 => 0.0,
            1 => coverage(side, self.half - 0.36, self.half - 0.28, fx),
            _ => coverage(side, self.half - 0.36, self.half - 0.28, fx).max(coverage(
                side,
                self.half - 0.54,
                self.half - 0.46,
                fx,
            )),
        };
        (edge, self.yellow)
    }

    /// Zebra crossings, stop lines, arrows and hatching, here and there.
    fn symbol(&self, x: f32, z: f32, fx: f32, fz: f32) -> Option<f32> {
        let block = 52.0;
        let i = floor(z / block);
        let pick = |k: i32| cell(i as i32, k, self.seed ^ 90);
        let local = z - i * block - 6.0 - 30.0 * pick(1);
        let kind = pick(0);
        if !(-1.0..12.0).contains(&local) {
            return None;
        }
        if kind < 0.16 {
            // Zebra.
            let bars = coverage(wrap(x + 20.0, 1.1), 0.0, 0.55, fx);
            Some(bars * coverage(local, 0.0, 2.8, fz) * coverage(x.abs(), 0.0, self.half - 0.2, fx))
        } else if kind < 0.3 {
            // Stop line of the left lane and its mirror image.
            let left = coverage(local, 0.0, 0.3, fz) * coverage(x, -self.half + 0.5, -0.1, fx);
            let right = coverage(local, 8.0, 8.3, fz) * coverage(x, 0.1, self.half - 0.5, fx);
            Some(left.max(right))
        } else if kind < 0.48 {
            // An arrow: shaft and head.
            let d = (x + self.half * 0.5).abs();
            let shaft = coverage(d, -1.0, 0.1, fx) * coverage(local, 0.0, 3.2, fz);
            let head =
                coverage(d, -1.0, 0.42 * (4.8 - local) / 1.6, fx) * coverage(local, 3.2, 4.8, fz);
            Some(shaft.max(head))
        } else if kind < 0.6 {
            // Writing on the road.
            let (u, v) = ((x + self.half * 0.5) / 0.5, local / 1.6);
            let ink = cell(floor_i(u * 2.0 + 30.0), floor_i(v * 3.0), self.seed ^ 91);
            let area = coverage(u, -2.4, 2.4, fx) * coverage(v, 0.0, 1.0, fz);
            Some(if ink > 0.5 {
                area * (1.0 - smoothstep(0.2, 0.9, fz))
            } else {
                0.0
            })
        } else if kind < 0.7 {
            // Hatching down the middle.
            let inside = coverage(x.abs(), -1.0, 0.6, fx) * coverage(local, 0.0, 11.0, fz);
            Some(inside * coverage(wrap(local + x, 1.6), 0.0, 0.3, fz))
        } else {
            None
        }
    }
}
