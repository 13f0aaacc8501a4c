//! Things like nothing in particular: shapes, sizes and textures at random.

use crate::builder::Builder;
use crate::cutout::Cutout;
use crate::material::{Material, Pattern};
use crate::math::{Rgb, v3};
use crate::noise::Stream;

fn colour(s: &mut Stream) -> Rgb {
    let grey = s.unit();
    let c = v3(s.unit(), s.unit(), s.unit());
    let dull = s.unit();
    let c = c.mix(v3(grey, grey, grey), dull);
    c.scale(c) * s.range(0.5, 1.1)
}

fn texture(s: &mut Stream) -> Material {
    let size = s.range(0.03, 0.6);
    let pattern = match s.below(12) {
        0 => Pattern::Plain,
        1 => Pattern::Patches {
            size,
            share: s.unit(),
        },
        2 => Pattern::Spots {
            pitch: size.max(0.06),
        },
        3 => Pattern::Stripes {
            axis: s.below(3) as u8,
            pitch: size,
        },
        4 => Pattern::Planks {
            axis: s.below(3) as u8,
            pitch: size.max(0.06),
        },
        5 => Pattern::Sectors {
            count: 2.0 * (1 + s.below(8)) as f32,
        },
        6 => Pattern::Quilt {
            pitch: size.max(0.1),
        },
        7 => Pattern::Folds { pitch: size },
        8 => Pattern::Carpet,
        9 => Pattern::Leaves { size },
        10 => Pattern::Fur { size: size * 0.4 },
        _ => Pattern::Mottle { size },
    };
    let (a, b) = (colour(s), colour(s));
    let gloss = if s.chance(0.3) {
        s.range(0.1, 0.8)
    } else {
        0.0
    };
    Material::new(pattern, a, b, s.bits()).gloss(gloss)
}

/// What is seen through it.
fn holes(s: &mut Stream) -> Cutout {
    match s.below(3) {
        0 => Cutout::Leaves {
            grain: s.range(0.05, 0.3),
            keep: s.range(0.3, 0.8),
            seed: s.bits(),
        },
        1 => Cutout::Mesh {
            pitch: s.range(0.05, 0.2),
            width: s.range(0.015, 0.06),
        },
        _ => Cutout::Bars {
            pitch: s.range(0.06, 0.2),
            width: 0.03,
            rail: 0.05,
        },
    }
}

pub(super) fn build(b: &mut Builder<'_>, s: &mut Stream) {
    let scale = s.range(0.35, 1.1);
    let flat = s.range(0.5, 1.0);
    let textures = [texture(s), texture(s), texture(s)];
    let count = 1 + s.below(10);
    let spread = scale * s.range(0.3, 1.0);
    // some are cages
    let see_through = if s.chance(0.25) { 0.8 } else { 0.12 };
    for k in 0..count {
        let m = s.pick(&textures);
        let size = scale
            * if k == 0 {
                s.range(0.6, 1.0)
            } else {
                s.range(0.1, 0.7)
            };
        let half = v3(
            s.range(0.3, 1.0),
            s.range(0.2, 1.0) * flat,
            s.range(0.3, 1.0),
        ) * size;
        let lift = if s.chance(0.3) { s.unit() * scale } else { 0.0 };
        let at = v3(
            s.range(-spread, spread),
            half.y + lift,
            s.range(-spread, spread),
        );
        match s.below(6) {
            0 | 1 => b.egg(at, half, s.range(-1.5, 1.5), m),
            2 => b.block_at(at, half, s.range(-1.5, 1.5), m),
            3 => b.taper(
                at,
                half,
                [s.range(-0.4, 1.0), s.range(0.0, 1.0), s.range(0.0, 1.0)],
                m,
            ),
            _ => {
                let end = v3(
                    s.range(-1.0, 1.0) * scale,
                    half.y + s.unit() * scale,
                    s.range(-1.0, 1.0) * scale,
                );
                let r = size * s.range(0.06, 0.4);
                b.rod(at, end, r, r * s.range(0.2, 1.0), m)
            }
        };
        if s.chance(see_through) {
            b.cut(holes(s));
        }
    }
}
