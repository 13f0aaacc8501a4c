//! Animals on four legs. Ahead is +z of the builder.

use super::AnomalyKind;
use crate::builder::Builder;
use crate::material::{Material, Pattern};
use crate::math::{Rgb, rgb, v3};
use crate::noise::Stream;

/// Proportions in metres.
struct Beast {
    /// Height of the back, half length, half width and half depth of the trunk.
    back: f32,
    long: f32,
    wide: f32,
    deep: f32,
    leg: f32,
    /// Length and rise of the neck.
    neck: [f32; 2],
    head: f32,
    ear: f32,
    tail: f32,
}

fn patches(s: &mut Stream, a: Rgb, b: Rgb, size: f32) -> Material {
    let share = s.range(0.2, 0.8);
    Material::new(Pattern::Patches { size, share }, a, b, s.bits())
}

fn fur(s: &mut Stream, a: Rgb, b: Rgb, size: f32) -> Material {
    let a = s.vary(a, 0.25);
    Material::new(Pattern::Fur { size }, a, s.vary(b, 0.25), s.bits())
}

pub(super) fn build(kind: AnomalyKind, b: &mut Builder<'_>, s: &mut Stream, phase: f32) {
    let (beast, coat) = match kind {
        AnomalyKind::Cow => {
            let (white, black) = (rgb(226, 220, 208), rgb(30, 26, 24));
            let (brown, cream) = (rgb(124, 72, 42), rgb(206, 176, 132));
            let coat = match s.below(5) {
                0 | 1 => patches(s, white, black, 0.55),
                2 => patches(s, white, brown, 0.5),
                3 => fur(s, brown * 0.7, brown, 0.1),
                _ => fur(s, cream * 0.8, cream, 0.1),
            };
            let beast = Beast {
                back: s.range(1.3, 1.5),
                long: s.range(0.8, 1.0),
                wide: 0.36,
                deep: 0.42,
                leg: 0.085,
                neck: [0.5, 0.1],
                head: 0.27,
                ear: 0.13,
                tail: 0.9,
            };
            (beast, coat)
        }
        AnomalyKind::Sheep => {
            let coat = fur(s, rgb(150, 142, 124), rgb(232, 226, 210), 0.07);
            let beast = Beast {
                back: s.range(0.8, 0.95),
                long: 0.55,
                wide: 0.32,
                deep: 0.34,
                leg: 0.045,
                neck: [0.22, 0.16],
                head: 0.17,
                ear: 0.1,
                tail: 0.15,
            };
            (beast, coat)
        }
        AnomalyKind::Pig => {
            let pink = rgb(214, 150, 134);
            let dark = rgb(60, 48, 44);
            let coat = match s.below(3) {
                0 => fur(s, pink * 0.8, pink, 0.2),
                1 => patches(s, pink, dark, 0.4),
                _ => fur(s, dark * 0.7, dark * 1.3, 0.05),
            };
            let beast = Beast {
                back: s.range(0.7, 0.85),
                long: 0.62,
                wide: 0.27,
                deep: 0.29,
                leg: 0.055,
                neck: [0.18, -0.02],
                head: 0.2,
                ear: 0.12,
                tail: 0.12,
            };
            (beast, coat)
        }
        AnomalyKind::Deer => {
            let coat = if s.chance(0.4) {
                Material::new(
                    Pattern::Spots { pitch: 0.13 },
                    s.vary(rgb(150, 96, 56), 0.2),
                    rgb(216, 196, 168),
                    s.bits(),
                )
            } else {
                fur(s, rgb(104, 70, 44), rgb(164, 116, 74), 0.06)
            };
            let beast = Beast {
                back: s.range(1.05, 1.3),
                long: 0.62,
                wide: 0.2,
                deep: 0.25,
                leg: 0.04,
                neck: [0.34, 0.48],
                head: 0.18,
                ear: 0.15,
                tail: 0.12,
            };
            (beast, coat)
        }
        _ => {
            let coats = [
                (rgb(150, 104, 56), rgb(198, 150, 92)),
                (rgb(26, 24, 24), rgb(58, 52, 48)),
                (rgb(190, 180, 160), rgb(228, 222, 206)),
                (rgb(92, 62, 42), rgb(140, 98, 66)),
            ];
            let (a, c) = s.pick(&coats);
            let coat = if s.chance(0.3) {
                patches(s, a, c * 1.3, 0.3)
            } else {
                fur(s, a, c, 0.04)
            };
            let beast = Beast {
                back: s.range(0.55, 0.8),
                long: 0.38,
                wide: 0.13,
                deep: 0.16,
                leg: 0.038,
                neck: [0.18, 0.16],
                head: 0.13,
                ear: 0.1,
                tail: 0.35,
            };
            (beast, coat)
        }
    };
    quadruped(kind, b, s, &beast, coat, phase);
}

fn quadruped(
    kind: AnomalyKind,
    b: &mut Builder<'_>,
    s: &mut Stream,
    q: &Beast,
    coat: Material,
    phase: f32,
) {
    let dark = Material::plain(coat.a * 0.35, s.bits());
    let skin = match kind {
        AnomalyKind::Sheep => Material::plain(s.pick(&[rgb(34, 30, 28), rgb(190, 176, 156)]), 3),
        _ => coat,
    };
    let mid = q.back - q.deep;
    b.ball(v3(0.0, mid, 0.0), v3(q.wide, q.deep, q.long), coat);
    b.ball(
        v3(0.0, mid + 0.04, q.long * 0.55),
        v3(q.wide * 0.95, q.deep, q.long * 0.45),
        coat,
    );
    b.ball(
        v3(0.0, mid + 0.06, -q.long * 0.55),
        v3(q.wide, q.deep * 0.95, q.long * 0.45),
        coat,
    );
    // Diagonal legs step together.
    for (x, z, step) in [
        (-1.0, 0.62, 0.0),
        (1.0, 0.62, 0.5),
        (-1.0, -0.66, 0.5),
        (1.0, -0.66, 0.0),
    ] {
        let swing = libm::sinf((phase + step) * core::f32::consts::TAU) * mid * 0.22;
        let hip = v3(x * q.wide * 0.62, mid, z * q.long);
        let knee = v3(x * q.wide * 0.62, mid * 0.5, z * q.long + swing * 0.6);
        let foot = v3(x * q.wide * 0.62, 0.05, z * q.long + swing);
        b.rod(hip, knee, q.leg * 1.9, q.leg * 1.1, skin);
        b.rod(knee, foot, q.leg * 1.1, q.leg * 0.8, skin);
        b.ball(foot, v3(q.leg * 1.1, 0.06, q.leg * 1.3), dark);
    }
    let [len, rise] = q.neck;
    let chest = v3(0.0, mid + q.deep * 0.45, q.long * 0.8);
    let nape = chest + v3(0.0, rise, len);
    b.rod(chest, nape, q.deep * 0.62, q.head * 0.55, coat);
    b.ball(nape, v3(q.head * 0.6, q.head * 0.65, q.head * 0.8), skin);
    let nose = nape + v3(0.0, -q.head * 0.35, q.head * 1.25);
    b.rod(
        nape + v3(0.0, -0.02, q.head * 0.2),
        nose,
        q.head * 0.52,
        q.head * 0.34,
        skin,
    );
    b.ball(nose, v3(q.head * 0.33, q.head * 0.3, q.head * 0.2), dark);
    for x in [-1.0, 1.0] {
        let root = nape + v3(x * q.head * 0.5, q.head * 0.5, -0.02);
        b.ball(
            root + v3(x * q.ear * 0.5, 0.03, 0.0),
            v3(q.ear * 0.6, q.ear * 0.35, 0.03),
            skin,
        );
        let eye = nape + v3(x * q.head * 0.5, q.head * 0.2, q.head * 0.45);
        b.ball(eye, v3(0.025, 0.025, 0.025), dark);
        let horned = kind == AnomalyKind::Cow && q.back > 1.38;
        if horned {
            let tip = root + v3(x * 0.2, 0.2, 0.05);
            b.rod(
                root,
                tip,
                0.035,
                0.01,
                Material::plain(rgb(206, 196, 170), 4),
            );
        }
        if kind == AnomalyKind::Deer && q.back > 1.13 {
            let antler = Material::plain(rgb(150, 122, 88), 4);
            let fork = root + v3(x * 0.16, 0.32, -0.1);
            b.rod(root, fork, 0.025, 0.018, antler);
            b.rod(fork, fork + v3(x * 0.1, 0.28, 0.12), 0.018, 0.008, antler);
            b.rod(fork, fork + v3(x * 0.16, 0.12, -0.16), 0.018, 0.008, antler);
            b.rod(
                root + v3(x * 0.08, 0.16, -0.05),
                root + v3(x * 0.1, 0.26, 0.14),
                0.016,
                0.008,
                antler,
            );
        }
    }
    let rump = v3(0.0, mid + q.deep * 0.6, -q.long * 0.95);
    let up = if kind == AnomalyKind::Dog {
        q.tail * 0.5
    } else {
        -q.tail * 0.85
    };
    let side = 0.2 * q.tail * libm::sinf(phase * 9.0);
    b.rod(
        rump,
        rump + v3(side, up, -q.tail * 0.35),
        0.035,
        0.015,
        coat,
    );
    if kind == AnomalyKind::Sheep {
        // A fleece is lumpy.
        for _ in 0..10 {
            let at = v3(
                s.range(-0.8, 0.8) * q.wide,
                mid + s.range(-0.3, 0.9) * q.deep * 0.8,
                s.range(-0.9, 0.9) * q.long,
            );
            let r = s.range(0.12, 0.2);
            b.ball(at, v3(r, r, r), coat);
        }
    }
}
