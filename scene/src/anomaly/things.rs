//! Lost loads and other things that lie on roads.

use super::{AnomalyKind, household};
use crate::builder::Builder;
use crate::cutout::Cutout;
use crate::material::{Material, Pattern};
use crate::math::{Rgb, rgb, v3};
use crate::noise::Stream;

const WOOD: [Rgb; 3] = [rgb(176, 136, 88), rgb(136, 98, 62), rgb(196, 168, 124)];

pub(super) fn planks(s: &mut Stream, axis: u8) -> Material {
    let c = s.pick(&WOOD);
    let pitch = s.range(0.09, 0.16);
    Material::new(
        Pattern::Planks { axis, pitch },
        s.vary(c, 0.25),
        rgb(26, 20, 14),
        s.bits(),
    )
}

pub(super) fn any_colour(s: &mut Stream) -> Rgb {
    v3(s.unit(), s.unit(), s.unit()) * s.range(0.15, 0.9)
}

pub(super) fn build(kind: AnomalyKind, b: &mut Builder<'_>, s: &mut Stream, phase: f32) {
    match kind {
        AnomalyKind::Mattress => household::mattress(b, s),
        AnomalyKind::Tyres => tyres(b, s),
        AnomalyKind::Crates => crates(b, s),
        AnomalyKind::Boulder => boulder(b, s),
        AnomalyKind::Trunk => trunk(b, s),
        AnomalyKind::Wheelbarrow => wheelbarrow(b, s),
        AnomalyKind::Fridge => household::fridge(b, s),
        AnomalyKind::Ladder => ladder(b, s),
        AnomalyKind::Tarp => tarp(b, s),
        AnomalyKind::Ball => ball(b, s, phase),
        AnomalyKind::Cardboard => cardboard(b, s),
        AnomalyKind::Bags => bags(b, s),
        AnomalyKind::Sofa => household::sofa(b, s),
        AnomalyKind::Barrel => household::barrel(b, s),
        AnomalyKind::Trolley => household::trolley(b, s),
        AnomalyKind::Table => household::table(b, s),
        _ => household::carpet(b, s),
    }
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
