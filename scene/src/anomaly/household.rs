//! Household goods and shop equipment that lie on roads.

use super::things::{any_colour, planks};
use crate::builder::Builder;
use crate::cutout::Cutout;
use crate::material::{Material, Pattern};
use crate::math::{rgb, v3};
use crate::noise::Stream;

pub(super) fn mattress(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[
        rgb(226, 222, 212),
        rgb(180, 196, 214),
        rgb(206, 190, 160),
        rgb(196, 160, 166),
    ]);
    let quilt = Pattern::Quilt {
        pitch: s.range(0.18, 0.34),
    };
    let m = Material::new(quilt, s.vary(c, 0.1), c * 0.5, s.bits());
    let (w, l, t) = (s.range(0.45, 0.8), s.range(0.92, 1.02), s.range(0.09, 0.14));
    if s.chance(0.35) {
        b.tilt(s.range(1.1, 1.4), 0.0);
        b.block(v3(w, 0.0, 0.0), v3(w, t, l), m);
    } else {
        b.block(v3(0.0, t, 0.0), v3(w, t, l), m);
        let (x, z) = (s.range(-0.2, 0.2), s.range(-0.2, 0.2));
        if s.chance(0.5) {
            b.block_at(v3(x, 3.0 * t, z), v3(w, t, l), s.range(-0.6, 0.6), m);
        }
    }
    let edge = Material::new(
        Pattern::Stripes {
            axis: 1,
            pitch: 0.05,
        },
        c * 0.8,
        c * 0.4,
        1,
    );
    b.block(v3(0.0, t, 0.0), v3(w * 1.004, t * 0.5, l * 1.004), edge);
}

pub(super) fn fridge(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[
        rgb(232, 232, 230),
        rgb(176, 180, 184),
        rgb(196, 60, 50),
        rgb(222, 214, 190),
    ]);
    let m = Material::mottle(c, c * 0.85, 0.5, s.bits()).gloss(0.3);
    let seam = Material::plain(rgb(48, 48, 50), 2);
    let (w, h, d) = (0.3, s.range(0.42, 0.9), 0.31);
    let lying = s.chance(0.5);
    if lying {
        b.tilt(core::f32::consts::FRAC_PI_2, w);
    }
    let y = if lying { 0.0 } else { h };
    b.block(v3(0.0, y, 0.0), v3(w, h, d), m);
    b.block(v3(0.0, y + h * 0.3, d), v3(w * 1.005, 0.012, 0.02), seam);
    b.block(
        v3(0.24, y + h * 0.1, d + 0.03),
        v3(0.015, h * 0.15, 0.02),
        seam,
    );
    if h < 0.6 {
        b.sheet(v3(0.0, y, d + 0.015), 0.2, 0.2, 0.0, seam)
            .cut(Cutout::Disc);
        b.sheet(v3(0.0, y, -d - 0.015), 0.2, 0.2, 0.0, seam)
            .cut(Cutout::Disc);
    } else {
        b.block(v3(0.0, y, -d), v3(w * 0.8, h * 0.6, 0.03), seam);
        b.cut(Cutout::Bars {
            pitch: 0.06,
            width: 0.02,
            rail: 0.03,
        });
    }
}

pub(super) fn sofa(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[
        rgb(126, 40, 44),
        rgb(70, 84, 110),
        rgb(150, 130, 96),
        rgb(86, 102, 70),
        rgb(96, 66, 48),
        rgb(172, 160, 152),
    ]);
    let c = s.vary(c, 0.2);
    let m = if s.chance(0.4) {
        Material::new(
            Pattern::Stripes {
                axis: 0,
                pitch: 0.14,
            },
            c,
            c * 0.55,
            s.bits(),
        )
    } else {
        Material::new(Pattern::Quilt { pitch: 0.3 }, c, c * 0.5, s.bits())
    };
    let w = s.range(0.75, 1.05);
    b.block(v3(0.0, 0.24, 0.0), v3(w, 0.17, 0.42), m);
    b.taper(v3(0.0, 0.58, -0.36), v3(w, 0.32, 0.13), [0.05, 0.2, 0.0], m);
    for x in [-1.0, 1.0] {
        b.block(v3(x * w, 0.36, 0.0), v3(0.12, 0.27, 0.45), m);
        b.rod(v3(x * w, 0.63, -0.44), v3(x * w, 0.63, 0.46), 0.13, 0.13, m);
        let cushion = Material::mottle(c * 1.2, c * 0.9, 0.2, s.bits());
        b.ball(
            v3(x * w * 0.45, 0.45, 0.04),
            v3(w * 0.44, 0.12, 0.4),
            cushion,
        );
        for z in [-0.36, 0.36] {
            b.block(
                v3(x * w * 0.9, 0.04, z),
                v3(0.04, 0.05, 0.04),
                Material::plain(rgb(50, 36, 26), 1),
            );
        }
    }
}

pub(super) fn barrel(b: &mut Builder<'_>, s: &mut Stream) {
    let colours = [
        rgb(30, 70, 140),
        rgb(160, 60, 30),
        rgb(60, 64, 62),
        rgb(36, 96, 60),
        rgb(190, 160, 40),
    ];
    for k in 0..1 + s.below(3) {
        let c = s.pick(&colours);
        let rust = rgb(112, 62, 36);
        let m = Material::new(
            Pattern::Patches {
                size: 0.25,
                share: 0.35,
            },
            c,
            rust,
            s.bits(),
        )
        .gloss(0.25);
        let ring = Material::plain(c * 0.7, s.bits()).gloss(0.3);
        let r = 0.3;
        let x = k as f32 * 0.75 - 0.4 + s.range(-0.08, 0.08);
        let z = s.range(-0.4, 0.4);
        let (a, axis) = if s.chance(0.55) {
            (v3(x, 0.0, z), v3(0.0, 0.9, 0.0))
        } else {
            (v3(x, r, z - 0.4), v3(s.range(-0.2, 0.2), 0.0, 0.88))
        };
        b.rod(a, a + axis, r, r, m);
        for at in [0.02, 0.34, 0.66, 0.97] {
            b.rod(
                a + axis * at,
                a + axis * (at + 0.025),
                r * 1.04,
                r * 1.04,
                ring,
            );
        }
    }
}

pub(super) fn trolley(b: &mut Builder<'_>, s: &mut Stream) {
    let wire = Material::plain(rgb(176, 180, 184), 3).gloss(0.4);
    let trim = Material::plain(
        s.pick(&[rgb(200, 90, 30), rgb(30, 80, 160), rgb(170, 30, 40)]),
        4,
    );
    if s.chance(0.4) {
        b.tilt(core::f32::consts::FRAC_PI_2, 0.3);
    }
    let grid = Cutout::Mesh {
        pitch: 0.07,
        width: 0.016,
    };
    b.taper(
        v3(0.0, 0.72, 0.0),
        v3(0.28, 0.22, 0.45),
        [-0.1, -0.1, 0.0],
        wire,
    )
    .cut(grid);
    b.taper(
        v3(0.0, 0.62, 0.0),
        v3(0.25, 0.08, 0.4),
        [-0.1, -0.1, 0.0],
        wire,
    );
    b.cut(Cutout::Mesh {
        pitch: 0.05,
        width: 0.02,
    });
    b.rod(
        v3(-0.3, 1.02, -0.52),
        v3(0.3, 1.02, -0.52),
        0.025,
        0.025,
        trim,
    );
    for x in [-0.26, 0.26] {
        b.rod(v3(x, 0.9, -0.42), v3(x, 1.02, -0.52), 0.018, 0.018, wire);
        b.rod(v3(x, 0.5, -0.42), v3(x, 0.14, -0.3), 0.02, 0.02, wire);
        b.rod(v3(x, 0.14, -0.42), v3(x, 0.2, 0.42), 0.02, 0.02, wire);
        for z in [-0.38, 0.4] {
            let tyre = Material::plain(rgb(30, 30, 31), 4);
            b.rod(
                v3(x - 0.02, 0.07, z),
                v3(x + 0.02, 0.07, z),
                0.07,
                0.07,
                tyre,
            );
        }
    }
    for _ in 0..s.below(4) {
        let m = Material::plain(any_colour(s), s.bits());
        b.block(
            v3(s.range(-0.15, 0.15), 0.72, s.range(-0.3, 0.3)),
            v3(0.09, 0.14, 0.08),
            m,
        );
    }
}

pub(super) fn table(b: &mut Builder<'_>, s: &mut Stream) {
    let m = planks(s, 0);
    let (w, d) = (s.range(0.5, 0.85), s.range(0.38, 0.5));
    let leg = s.range(0.32, 0.42);
    if s.chance(0.4) {
        b.tilt(core::f32::consts::FRAC_PI_2, w);
        b.block(v3(0.0, 0.0, 0.0), v3(w, 0.03, d), m);
    } else {
        b.block(v3(0.0, 0.04, 0.0), v3(w, 0.03, d), m);
    }
    let wood = Material::plain(m.a * 0.8, 3);
    for (x, z) in [(-0.9, -0.85), (0.9, -0.85), (-0.9, 0.85), (0.9, 0.85)] {
        b.block(v3(x * w, 0.05 + leg, z * d), v3(0.035, leg, 0.035), wood);
    }
}

pub(super) fn carpet(b: &mut Builder<'_>, s: &mut Stream) {
    let pairs = [
        (rgb(140, 36, 40), rgb(206, 176, 120)),
        (rgb(40, 60, 110), rgb(200, 190, 170)),
        (rgb(150, 120, 70), rgb(70, 44, 34)),
        (rgb(70, 100, 84), rgb(196, 186, 150)),
    ];
    let (a, c) = s.pick(&pairs);
    let m = Material::new(Pattern::Carpet, a, c, s.bits());
    let (l, r) = (s.range(0.9, 1.7), s.range(0.16, 0.28));
    b.rod(v3(-l, r, 0.0), v3(l, r, s.range(-0.2, 0.2)), r, r, m);
    let core = Material::new(
        Pattern::Stripes {
            axis: 0,
            pitch: 0.05,
        },
        c * 0.8,
        a * 0.4,
        5,
    );
    b.rod(
        v3(-l - 0.01, r, 0.0),
        v3(-l, r, 0.0),
        r * 0.9,
        r * 0.9,
        core,
    );
    b.rod(v3(l, r, 0.0), v3(l + 0.01, r, 0.0), r * 0.9, r * 0.9, core);
    // The loose end.
    b.block(v3(0.0, 0.02, r + 0.3), v3(l * 0.97, 0.02, 0.45), m);
}
