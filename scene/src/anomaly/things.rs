//! Lost loads and other things that lie on roads.

use super::AnomalyKind;
use crate::builder::Builder;
use crate::cutout::Cutout;
use crate::material::{Material, Pattern};
use crate::math::{Rgb, rgb, v3};
use crate::noise::Stream;

const WOOD: [Rgb; 3] = [rgb(176, 136, 88), rgb(136, 98, 62), rgb(196, 168, 124)];

fn planks(s: &mut Stream, axis: u8) -> Material {
    let c = s.pick(&WOOD);
    let pitch = s.range(0.09, 0.16);
    Material::new(
        Pattern::Planks { axis, pitch },
        s.vary(c, 0.25),
        rgb(26, 20, 14),
        s.bits(),
    )
}

fn any_colour(s: &mut Stream) -> Rgb {
    v3(s.unit(), s.unit(), s.unit()) * s.range(0.15, 0.9)
}

pub(super) fn build(kind: AnomalyKind, b: &mut Builder<'_>, s: &mut Stream, phase: f32) {
    match kind {
        AnomalyKind::Mattress => mattress(b, s),
        AnomalyKind::Tyres => tyres(b, s),
        AnomalyKind::Crates => crates(b, s),
        AnomalyKind::Boulder => boulder(b, s),
        AnomalyKind::Trunk => trunk(b, s),
        AnomalyKind::Wheelbarrow => wheelbarrow(b, s),
        AnomalyKind::Fridge => fridge(b, s),
        AnomalyKind::Ladder => ladder(b, s),
        AnomalyKind::Tarp => tarp(b, s),
        AnomalyKind::Ball => ball(b, s, phase),
        AnomalyKind::Cardboard => cardboard(b, s),
        AnomalyKind::Bags => bags(b, s),
        AnomalyKind::Sofa => sofa(b, s),
        AnomalyKind::Barrel => barrel(b, s),
        AnomalyKind::Trolley => trolley(b, s),
        AnomalyKind::Table => table(b, s),
        _ => carpet(b, s),
    }
}

fn mattress(b: &mut Builder<'_>, s: &mut Stream) {
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

fn tyres(b: &mut Builder<'_>, s: &mut Stream) {
    let m = Material::new(
        Pattern::Sectors { count: 40.0 },
        rgb(44, 43, 42),
        rgb(22, 22, 22),
        7,
    );
    let hole = Material::plain(rgb(6, 6, 6), 3);
    let r = s.range(0.3, 0.55);
    let t = r * s.range(0.5, 0.7);
    let n = 2 + s.below(4);
    for k in 0..n {
        let y = t * k as f32;
        let (x, z) = (s.range(-0.1, 0.1), s.range(-0.1, 0.1));
        let (low, mid) = (v3(x, y, z), v3(x, y + t * 0.5, z));
        b.rod(low, mid, r * 0.9, r, m);
        b.rod(mid, v3(x, y + t * 0.98, z), r, r * 0.88, m);
        b.rod(mid, v3(x, y + t, z), r * 0.56, r * 0.56, hole);
    }
    for _ in 0..s.below(3) {
        let (x, z) = (s.sign() * s.range(0.8, 1.2), s.range(-0.8, 0.8));
        b.rod(v3(x, 0.0, z), v3(x, t, z), r, r * 0.9, m);
        b.rod(
            v3(x, t * 0.5, z),
            v3(x, t + 0.01, z),
            r * 0.56,
            r * 0.56,
            hole,
        );
    }
}

fn crates(b: &mut Builder<'_>, s: &mut Stream) {
    for _ in 0..2 + s.below(4) {
        let h = s.range(0.2, 0.42);
        let m = planks(s, 1);
        let at = v3(s.range(-0.6, 0.6), h, s.range(-0.5, 0.5));
        let yaw = s.range(-1.5, 1.5);
        b.block_at(at, v3(h * s.range(0.9, 1.4), h, h), yaw, m);
        if s.chance(0.6) {
            let g = h * 0.7;
            let m = planks(s, 0);
            b.block_at(
                at + v3(0.0, h + g, 0.0),
                v3(g, g, g * 1.2),
                yaw + s.range(-0.7, 0.7),
                m,
            );
        }
    }
}

fn boulder(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[
        rgb(120, 116, 108),
        rgb(142, 128, 106),
        rgb(96, 98, 102),
        rgb(134, 102, 84),
    ]);
    let m = Material::mottle(c * 0.5, s.vary(c, 0.2) * 1.3, 0.35, s.bits());
    let big = s.range(0.45, 0.9);
    for k in 0..8 {
        let r = big * if k == 0 { 1.0 } else { s.range(0.2, 0.62) };
        let off = if k == 0 { 0.0 } else { big * 0.8 };
        let at = v3(
            s.range(-off, off),
            r * s.range(0.35, 0.6),
            s.range(-off, off),
        );
        b.egg(
            at,
            v3(r, r * s.range(0.6, 0.9), r * s.range(0.7, 1.1)),
            s.range(-0.6, 0.6),
            m,
        );
    }
}

fn trunk(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.vary(rgb(92, 74, 58), 0.3);
    let bark = Material::mottle(c * 0.45, c * 1.3, 0.1, s.bits());
    let cut = Material::new(
        Pattern::Fur { size: 0.05 },
        rgb(196, 160, 112),
        rgb(160, 122, 80),
        4,
    );
    let (l, r) = (s.range(1.0, 1.9), s.range(0.16, 0.32));
    let (a, e) = (v3(-l, r, 0.0), v3(l, r * 0.8, s.range(-0.3, 0.3)));
    b.rod(a, e, r, r * 0.7, bark);
    b.rod(a - v3(0.01, 0.0, 0.0), a, r * 0.9, r * 0.9, cut);
    for _ in 0..5 {
        let k = s.range(0.2, 0.95);
        let root = a.mix(e, k);
        let tip = root + v3(s.range(-0.2, 0.7), s.range(0.1, 0.9), s.range(-0.8, 0.8));
        b.rod(root, tip, r * 0.32, r * 0.12, bark);
        if s.chance(0.5) {
            let leaves = Pattern::Leaves { size: 0.15 };
            let m = Material::new(leaves, rgb(60, 76, 36), rgb(110, 116, 56), s.bits());
            b.ball(tip, v3(0.4, 0.3, 0.4), m);
            b.cut(Cutout::Leaves {
                grain: 0.14,
                keep: 0.4,
                seed: s.bits(),
            });
        }
    }
}

fn wheelbarrow(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[
        rgb(40, 96, 56),
        rgb(170, 52, 36),
        rgb(60, 84, 140),
        rgb(110, 112, 112),
    ]);
    let tray = Material::mottle(c, c * 0.6, 0.2, s.bits()).gloss(0.2);
    let steel = Material::plain(rgb(70, 70, 72), 3);
    let tyre = Material::plain(rgb(22, 22, 23), 4);
    b.taper(
        v3(0.0, 0.52, 0.0),
        v3(0.36, 0.17, 0.48),
        [-0.35, -0.3, -0.2],
        tray,
    );
    let load = Material::mottle(rgb(100, 78, 56), rgb(150, 130, 100), 0.12, s.bits());
    b.ball(v3(0.0, 0.68, 0.0), v3(0.36, s.range(0.08, 0.3), 0.46), load);
    b.rod(
        v3(-0.05, 0.21, 0.72),
        v3(0.05, 0.21, 0.72),
        0.21,
        0.21,
        tyre,
    );
    for x in [-1.0, 1.0] {
        b.rod(
            v3(x * 0.08, 0.21, 0.74),
            v3(x * 0.3, 0.55, -1.0),
            0.025,
            0.025,
            steel,
        );
        b.rod(
            v3(x * 0.24, 0.4, -0.3),
            v3(x * 0.26, 0.0, -0.4),
            0.022,
            0.022,
            steel,
        );
    }
}

fn fridge(b: &mut Builder<'_>, s: &mut Stream) {
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

fn ladder(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[rgb(180, 184, 186), rgb(190, 150, 90), rgb(210, 120, 40)]);
    let m = Material::plain(c, s.bits()).gloss(0.25);
    let (l, w) = (s.range(1.2, 2.2), 0.24);
    let prop = s.chance(0.5);
    let rise = if prop { s.range(0.4, 0.9) } else { 0.06 };
    let end = |x: f32, k: f32| v3(x, 0.05 + (rise - 0.05) * k, -l + 2.0 * l * k);
    for x in [-w, w] {
        b.rod(end(x, 0.0), end(x, 1.0), 0.04, 0.04, m);
    }
    let n = (l * 3.6 * 2.0) as i32;
    for k in 0..n {
        let k = (k as f32 + 0.5) / n as f32;
        b.rod(end(-w, k), end(w, k), 0.022, 0.022, m);
    }
    if prop {
        for x in [-w, w] {
            b.rod(
                end(x * 1.2, 0.95),
                v3(x * 1.3, 0.03, l * 1.3),
                0.03,
                0.03,
                m,
            );
        }
    }
}

fn tarp(b: &mut Builder<'_>, s: &mut Stream) {
    let c = s.pick(&[
        rgb(36, 76, 150),
        rgb(44, 96, 62),
        rgb(196, 104, 40),
        rgb(120, 112, 96),
    ]);
    let m = Material::new(Pattern::Folds { pitch: 0.22 }, c, c * 0.4, s.bits()).gloss(0.2);
    for _ in 0..5 {
        let r = s.range(0.35, 0.75);
        let at = v3(s.range(-0.6, 0.6), 0.05, s.range(-0.7, 0.7));
        b.egg(
            at,
            v3(r, r * s.range(0.5, 1.0), r * 1.2),
            s.range(-0.3, 0.3),
            m,
        );
    }
    b.taper(v3(0.0, 0.1, 0.0), v3(0.95, 0.1, 1.05), [0.5, 0.5, 0.5], m);
}

fn ball(b: &mut Builder<'_>, s: &mut Stream, phase: f32) {
    let r = s.range(0.35, 0.75);
    let (a, c) = (any_colour(s), any_colour(s));
    let m = Material::new(Pattern::Sectors { count: 8.0 }, a, c, s.bits()).gloss(0.35);
    b.egg(v3(0.0, r, 0.0), v3(r, r, r), 1.2 - phase * 6.0, m);
}

fn cardboard(b: &mut Builder<'_>, s: &mut Stream) {
    for k in 0..2 + s.below(4) {
        let c = s.vary(rgb(168, 128, 84), 0.2);
        let m = Material::mottle(c, c * 0.75, 0.4, s.bits());
        let h = s.range(0.14, 0.38);
        let half = v3(s.range(0.2, 0.5), h, s.range(0.2, 0.45));
        let spread = 0.25 * (k + 1) as f32;
        let at = v3(s.range(-spread, spread), h, s.range(-spread, spread));
        let yaw = s.range(-1.5, 1.5);
        b.block_at(at, half, yaw, m);
        let tape = Material::plain(rgb(206, 186, 140), 5);
        b.block_at(at, v3(0.035, h * 1.01, half.z * 1.01), yaw, tape);
        let print = Material::new(Pattern::Writing, c, c * 0.3, s.bits());
        b.block_at(at, v3(half.x * 0.4, h * 0.4, half.z * 1.02), yaw, print);
    }
}

fn bags(b: &mut Builder<'_>, s: &mut Stream) {
    for _ in 0..3 + s.below(5) {
        let c = s.pick(&[
            rgb(24, 24, 26),
            rgb(210, 210, 214),
            rgb(60, 110, 70),
            rgb(70, 90, 150),
        ]);
        let m = Material::new(Pattern::Folds { pitch: 0.1 }, c, c * 0.5, s.bits()).gloss(0.45);
        let r = s.range(0.22, 0.4);
        let at = v3(s.range(-0.7, 0.7), r * 0.75, s.range(-0.6, 0.6));
        b.egg(at, v3(r, r * 0.85, r * 0.95), s.range(-0.4, 0.4), m);
        b.rod(
            at + v3(0.0, r * 0.7, 0.0),
            at + v3(0.03, r * 1.15, 0.02),
            0.05,
            0.1,
            m,
        );
    }
}

fn sofa(b: &mut Builder<'_>, s: &mut Stream) {
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

fn barrel(b: &mut Builder<'_>, s: &mut Stream) {
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

fn trolley(b: &mut Builder<'_>, s: &mut Stream) {
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

fn table(b: &mut Builder<'_>, s: &mut Stream) {
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

fn carpet(b: &mut Builder<'_>, s: &mut Stream) {
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
