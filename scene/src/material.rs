//! What surfaces look like before light falls on them.

mod facade;
mod paint;

pub(crate) use facade::Facade;

use crate::math::{Rgb, Vec3, rgb};
use crate::primitive::Face;

/// A pattern and the colours that it mixes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Material {
    pub(crate) pattern: Pattern,
    pub(crate) a: Rgb,
    pub(crate) b: Rgb,
    /// 0 matt to 1 mirror-like.
    pub(crate) gloss: f32,
    pub(crate) seed: u32,
}

/// Patterns; lengths are metres.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pattern {
    /// `a`, a little uneven.
    Plain,
    /// `a` and `b` mixed by noise with features of `size`.
    Mottle { size: f32 },
    /// Patches of `b` on `a`, as on a cow.
    Patches { size: f32, share: f32 },
    /// Round spots of `b` on `a`.
    Spots { pitch: f32 },
    /// Stripes of `a` and `b` across x, y or z.
    Stripes { axis: u8, pitch: f32 },
    /// Boards side by side along an axis, each of its own shade, with gaps of `b`.
    Planks { axis: u8, pitch: f32 },
    /// Bricks of `a` in mortar of `b`.
    Bricks,
    /// Rows of tiles.
    Tiles,
    /// Sectors of `a` and `b` round the y axis.
    Sectors { count: f32 },
    /// A padded surface with seams of `b`.
    Quilt { pitch: f32 },
    /// Folds of cloth.
    Folds { pitch: f32 },
    /// A woven pattern with a border.
    Carpet,
    /// Light and dark leaves; darker inside and below.
    Leaves { size: f32 },
    /// Wool, fur: fine noise, `size` long.
    Fur { size: f32 },
    /// A house front.
    Facade(Facade),
    /// A car's lower body: `a` the paint.
    CarBody,
    /// A car's cabin: glass between pillars of the paint `a`.
    CarCabin,
    /// The whole of a van or a bus, with a band of windows from `low` to `high` of its height.
    Van { low: f32, high: f32 },
    /// Lines of writing of `b` on `a`.
    Writing,
    /// A round or triangular plate: rim of `b`, middle `a`, a symbol.
    Plate { rim: f32, triangle: bool },
    /// A traffic light's head with one lamp on: 0 red, 1 amber, 2 green.
    TrafficLight { lamp: u8 },
    /// A lamp of its own light.
    Lamp,
}

/// A point of a surface as a pattern sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    /// In unit space.
    pub(crate) q: Vec3,
    /// In metres from the centre of the shape.
    pub(crate) p: Vec3,
    /// Half sizes in metres.
    pub(crate) half: Vec3,
    pub(crate) face: Face,
    /// Width of a pixel on the surface, in metres.
    pub(crate) foot: f32,
}

/// What light meets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surface {
    pub(crate) albedo: Rgb,
    pub(crate) gloss: f32,
    /// Light of its own.
    pub(crate) glow: f32,
}

impl Material {
    pub(crate) fn new(pattern: Pattern, a: Rgb, b: Rgb, seed: u32) -> Material {
        Material {
            pattern,
            a,
            b,
            gloss: 0.0,
            seed,
        }
    }

    pub(crate) fn plain(a: Rgb, seed: u32) -> Material {
        Material::new(Pattern::Plain, a, a, seed)
    }

    pub(crate) fn mottle(a: Rgb, b: Rgb, size: f32, seed: u32) -> Material {
        Material::new(Pattern::Mottle { size }, a, b, seed)
    }

    pub(crate) fn gloss(mut self, gloss: f32) -> Material {
        self.gloss = gloss;
        self
    }

    pub(crate) fn at(&self, s: &Spot) -> Surface {
        let mut out = Surface {
            albedo: self.a,
            gloss: self.gloss,
            glow: 0.0,
        };
        match self.pattern {
            Pattern::Facade(f) => f.paint(self, s, &mut out),
            _ => paint::paint(self, s, &mut out),
        }
        out
    }
}

/// Window glass, before it mirrors anything.
pub(crate) const GLASS: Rgb = rgb(22, 27, 30);
