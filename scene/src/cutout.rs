//! Holes in surfaces: between railings, leaves, twigs and spokes.

use crate::math::{Vec3, wrap};
use crate::noise::noise3;

/// Which points of a surface are there. Lengths are metres on the surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cutout {
    /// All of it.
    Solid,
    /// Upright bars `width` wide every `pitch`, between a top and a bottom rail of `rail`.
    Bars { pitch: f32, width: f32, rail: f32 },
    /// A grid of wires `width` wide every `pitch`.
    Mesh { pitch: f32, width: f32 },
    /// Clumps of leaves about `grain` large; `keep` of the surface is there.
    Leaves { grain: f32, keep: f32, seed: u32 },
    /// A tangle of twigs `grain` apart.
    Twigs { grain: f32, width: f32, seed: u32 },
    /// A disc.
    Disc,
    /// A wheel: a rim that begins at `inner` of the radius, and spokes.
    Wheel { inner: f32 },
    /// A triangle, tip up (or down).
    Triangle { down: bool },
}

impl Cutout {
    /// Whether the surface is there, at unit-space point `q` of a shape with these half sizes.
    pub(crate) fn keeps(&self, q: Vec3, half: Vec3) -> bool {
        let p = q.scale(half);
        match *self {
            Cutout::Solid => true,
            Cutout::Bars { pitch, width, rail } => {
                wrap(p.x, pitch) < width || half.y - p.y.abs() < rail
            }
            Cutout::Mesh { pitch, width } => {
                wrap(p.x, pitch) < width
                    || wrap(p.y, pitch) < width
                    || (half.z > 0.02 && wrap(p.z, pitch) < width)
            }
            Cutout::Leaves { grain, keep, seed } => {
                let k = 1.0 / grain;
                let coarse = noise3(p.x * k, p.y * k, p.z * k, seed);
                let k = k * 2.7;
                let fine = noise3(p.x * k, p.y * k, p.z * k, seed ^ 0x77);
                coarse * 0.6 + fine * 0.4 < 0.22 + keep * 0.56
            }
            Cutout::Twigs { grain, width, seed } => {
                let k = 1.0 / grain;
                let line = |k: f32, seed: u32| {
                    (noise3(p.x * k, p.y * k * 0.6, p.z * k, seed) - 0.5).abs() * 2.0
                };
                line(k, seed) < width
                    || line(k * 2.3, seed ^ 0x91) < width * 1.2
                    || line(k * 1.6, seed ^ 0x13) < width
            }
            Cutout::Disc => q.x * q.x + q.y * q.y <= 1.0,
            Cutout::Wheel { inner } => {
                let r2 = q.x * q.x + q.y * q.y;
                r2 <= 1.0
                    && (r2 >= inner * inner
                        || r2 < 0.012
                        || q.x.abs() < 0.03
                        || q.y.abs() < 0.03
                        || (q.x - q.y).abs() < 0.04
                        || (q.x + q.y).abs() < 0.04)
            }
            Cutout::Triangle { down } => {
                let y = if down { -q.y } else { q.y };
                q.x.abs() <= (1.0 - y) * 0.5
            }
        }
    }
}
