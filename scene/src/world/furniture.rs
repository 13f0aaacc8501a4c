//! Lamp posts, traffic lights, signs, bollards, fences. The road is towards -x of the builder.

use crate::builder::Builder;
use crate::class::Class;
use crate::cutout::Cutout;
use crate::material::{Material, Pattern};
use crate::math::{rgb, v3};
use crate::noise::Stream;

fn metal(s: &mut Stream) -> Material {
    let c = s.pick(&[
        rgb(110, 114, 116),
        rgb(40, 42, 44),
        rgb(70, 78, 72),
        rgb(150, 152, 150),
    ]);
    Material::plain(s.vary(c, 0.2), s.bits()).gloss(0.15)
}

pub(crate) fn lamp_post(b: &mut Builder<'_>, s: &mut Stream, tall: f32, metal_seed: u64) {
    let mut common = Stream::new(metal_seed, 0x1a3b, 0);
    let m = metal(&mut common);
    let r = 0.07 + 0.004 * tall;
    b.rod(v3(0.0, 0.0, 0.0), v3(0.0, 1.3, 0.0), r * 1.5, r * 1.4, m);
    b.rod(v3(0.0, 1.3, 0.0), v3(0.0, tall, 0.0), r, r * 0.6, m);
    let arm = common.range(0.6, 1.8);
    b.rod(
        v3(0.0, tall, 0.0),
        v3(-arm, tall + 0.35, 0.0),
        r * 0.55,
        r * 0.5,
        m,
    );
    let head = Material::plain(rgb(190, 190, 185), s.bits());
    b.taper(
        v3(-arm - 0.3, tall + 0.38, 0.0),
        v3(0.4, 0.09, 0.16),
        [0.2, 0.2, 0.2],
        head,
    );
}

/// A traffic light; its lamps face the camera.
pub(crate) fn traffic_light(b: &mut Builder<'_>, s: &mut Stream) {
    let m = metal(s);
    b.rod(v3(0.0, 0.0, 0.0), v3(0.0, 3.4, 0.0), 0.06, 0.06, m);
    b.class(Class::SignSymbol);
    let lamp = s.below(3) as u8;
    let head = Material::new(
        Pattern::TrafficLight { lamp },
        rgb(16, 17, 18),
        m.a,
        s.bits(),
    );
    b.block(v3(-0.05, 2.75, -0.16), v3(0.17, 0.48, 0.12), head);
    if s.chance(0.5) {
        b.block(
            v3(-0.05, 2.75, -0.1),
            v3(0.28, 0.62, 0.02),
            Material::plain(rgb(14, 14, 15), 3),
        );
    }
}

/// A sign on a post: discs, triangles, rectangles; some with a second plate.
pub(crate) fn sign(b: &mut Builder<'_>, s: &mut Stream) {
    let m = metal(s);
    let h = s.range(2.2, 3.1);
    b.rod(v3(0.0, 0.0, 0.0), v3(0.0, h + 0.3, 0.0), 0.04, 0.04, m);
    b.class(Class::SignSymbol);
    let (white, red, blue) = (rgb(232, 232, 228), rgb(190, 26, 34), rgb(28, 64, 140));
    let r = s.range(0.28, 0.42);
    let at = v3(0.0, h, -0.06);
    match s.below(6) {
        0 => {
            let p = Pattern::Plate {
                rim: 0.78,
                triangle: false,
            };
            b.sheet(at, r, r, 0.0, Material::new(p, white, red, s.bits()))
                .cut(Cutout::Disc);
        }
        1 => {
            let p = Pattern::Plate {
                rim: 0.92,
                triangle: false,
            };
            b.sheet(at, r, r, 0.0, Material::new(p, blue, white, s.bits()))
                .cut(Cutout::Disc);
        }
        2 => {
            let p = Pattern::Plate {
                rim: 0.62,
                triangle: true,
            };
            let down = s.chance(0.3);
            b.sheet(
                at,
                r * 1.2,
                r * 1.1,
                0.0,
                Material::new(p, white, red, s.bits()),
            );
            b.cut(Cutout::Triangle { down });
        }
        3 => {
            let p = Pattern::Plate {
                rim: 2.0,
                triangle: false,
            };
            b.sheet(at, r, r, 0.0, Material::new(p, red, red, s.bits()))
                .cut(Cutout::Disc);
        }
        _ => {
            let (a, ink) = s.pick(&[
                (blue, white),
                (rgb(20, 92, 60), white),
                (white, rgb(20, 20, 20)),
                (rgb(225, 190, 40), rgb(20, 20, 20)),
                (rgb(120, 70, 40), white),
            ]);
            let board = Material::new(Pattern::Writing, a, ink, s.bits());
            b.sheet(at, r * s.range(0.8, 2.0), r * s.range(0.8, 1.3), 0.0, board);
        }
    }
    if s.chance(0.35) {
        let board = Material::new(Pattern::Writing, white, rgb(20, 20, 24), s.bits());
        b.sheet(v3(0.0, h - r - 0.22, -0.06), r * 0.8, 0.14, 0.0, board);
    }
}

pub(crate) fn bollard(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[rgb(34, 34, 36), rgb(90, 88, 84), rgb(120, 24, 24)]);
    let m = Material::plain(c, s.bits());
    b.rod(v3(0.0, 0.0, 0.0), v3(0.0, 0.95, 0.0), 0.075, 0.06, m);
    b.ball(v3(0.0, 0.97, 0.0), v3(0.08, 0.06, 0.08), m);
}

/// A fence along z at x = 0: railings, guard rails, panels, mesh.
pub(crate) fn fence(b: &mut Builder<'_>, s: &mut Stream, length: f32, sort: u64) {
    let mut common = Stream::new(sort, 0xfe, 0);
    let half = length * 0.5;
    let turn = core::f32::consts::FRAC_PI_2;
    let h = common.range(0.5, 0.9);
    let painted = metal(&mut common);
    match common.below(4) {
        0 | 1 => {
            let pitch = common.range(0.1, 0.16);
            b.sheet(v3(0.0, h, 0.0), half, h, turn, painted);
            b.cut(Cutout::Bars {
                pitch,
                width: common.range(0.02, 0.035),
                rail: 0.05,
            });
        }
        2 => {
            let c = common.pick(&[rgb(112, 84, 58), rgb(140, 112, 80), rgb(86, 72, 60)]);
            let m = Material::new(
                Pattern::Planks {
                    axis: 2,
                    pitch: common.range(0.1, 0.18),
                },
                common.vary(c, 0.2),
                rgb(34, 28, 22),
                s.bits(),
            );
            b.block(v3(0.0, h * 1.15, 0.0), v3(0.025, h * 1.15, half), m);
        }
        _ => {
            b.sheet(v3(0.0, h * 1.2, 0.0), half, h * 1.2, turn, painted);
            b.cut(Cutout::Mesh {
                pitch: 0.09,
                width: 0.012,
            });
        }
    }
    for k in 0..=(length / 2.5) as i32 {
        let z = (-half + 2.5 * k as f32).min(half);
        b.block(v3(0.0, h, z), v3(0.035, h + 0.03, 0.035), painted);
    }
}
