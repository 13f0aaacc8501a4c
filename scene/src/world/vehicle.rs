//! Cars, vans and buses. Ahead is +z of the builder.

use crate::builder::Builder;
use crate::material::{Material, Pattern};
use crate::math::{Rgb, rgb, v3};
use crate::noise::Stream;

fn paint(s: &mut Stream) -> Rgb {
    let c = s.pick(&[
        rgb(26, 27, 30),
        rgb(60, 63, 68),
        rgb(128, 132, 136),
        rgb(172, 176, 180),
        rgb(226, 227, 226),
        rgb(28, 46, 96),
        rgb(60, 96, 140),
        rgb(120, 22, 28),
        rgb(170, 32, 30),
        rgb(24, 62, 48),
        rgb(140, 120, 84),
        rgb(150, 128, 60),
        rgb(72, 40, 52),
    ]);
    s.vary(c, 0.2)
}

fn wheels(b: &mut Builder<'_>, s: &mut Stream, width: f32, axles: &[f32], r: f32) {
    let tyre = Material::plain(rgb(24, 24, 25), s.bits());
    let hub = Material::plain(s.vary(rgb(128, 130, 134), 0.3), s.bits()).gloss(0.3);
    for &z in axles {
        for side in [-1.0, 1.0] {
            let out = side * width * 0.5;
            let (a, c) = (v3(out - side * 0.2, r, z), v3(out + side * 0.015, r, z));
            b.rod(a, c, r, r, tyre);
            b.rod(c, c + v3(side * 0.012, 0.0, 0.0), r * 0.62, r * 0.55, hub);
        }
    }
}

/// Lamps and number plates at the front and the rear.
fn ends(b: &mut Builder<'_>, s: &mut Stream, width: f32, length: f32, y: f32, tall: f32) {
    let red = Material::new(Pattern::Lamp, rgb(150, 16, 18), rgb(0, 0, 0), 1).gloss(0.4);
    let white = Material::plain(rgb(215, 218, 220), 2).gloss(0.5);
    let lit = Material::new(Pattern::Lamp, rgb(250, 246, 230), rgb(0, 0, 0), 1);
    let front = if s.chance(0.25) { lit } else { white };
    let (x, z) = (width * 0.39, length * 0.5);
    let dim = Material::plain(rgb(112, 18, 20), 4).gloss(0.4);
    let rear = if s.chance(0.3) { red } else { dim };
    for side in [-1.0, 1.0] {
        b.block(
            v3(side * x, y, z - 0.06),
            v3(width * 0.09, 0.075, 0.09),
            front,
        );
        b.block(
            v3(side * (x + 0.02), y + 0.04, 0.05 - z),
            v3(width * 0.07, tall, 0.07),
            rear,
        );
    }
    let plate = |c: Rgb| Material::new(Pattern::Writing, c, rgb(14, 14, 14), 9);
    b.block(
        v3(0.0, y - 0.22, z),
        v3(0.26, 0.06, 0.02),
        plate(rgb(232, 232, 226)),
    );
    b.block(
        v3(0.0, y - 0.06, -z),
        v3(0.26, 0.06, 0.02),
        plate(rgb(226, 190, 40)),
    );
}

/// Any vehicle but a bus. Returns its length.
pub(crate) fn car(b: &mut Builder<'_>, s: &mut Stream) -> f32 {
    if s.chance(0.13) {
        return van(b, s);
    }
    let seed = s.bits();
    let c = paint(s);
    let body = Material::new(Pattern::CarBody, c, c, seed);
    let cabin = Material::new(Pattern::CarCabin, c, c, seed);
    let width = s.range(1.62, 1.86);
    let w = width * 0.5;
    // Hatchback, saloon, estate, off-roader.
    let sort = s.below(4);
    let (length, height, lift) = match sort {
        0 => (s.range(3.5, 4.1), s.range(1.4, 1.52), 0.0),
        1 => (s.range(4.3, 4.9), s.range(1.36, 1.46), 0.0),
        2 => (s.range(4.3, 4.8), s.range(1.42, 1.55), 0.0),
        _ => (s.range(4.2, 4.8), s.range(1.68, 1.85), 0.14),
    };
    let l = length * 0.5;
    let (sill, belt) = (0.2 + lift, 0.86 + lift * 1.6 + s.range(-0.03, 0.05));
    let mid = (sill + belt) * 0.5;
    let deck = 0.1 * length;
    // Rear part as high as the belt, a lower bonnet sloping to the nose.
    b.taper(
        v3(0.0, mid, -deck),
        v3(w, belt - mid, l - deck),
        [0.06, 0.05, 0.05],
        body,
    );
    let bonnet = belt - s.range(0.05, 0.12);
    let bm = (sill + bonnet) * 0.5;
    b.taper(
        v3(0.0, bm, l - 0.16 * length),
        v3(w * 0.98, bonnet - bm, 0.16 * length),
        [0.1, 0.18, 0.0],
        body,
    );
    let bumper = if s.chance(0.5) {
        body
    } else {
        Material::plain(rgb(38, 38, 40), seed)
    };
    for z in [l - 0.05, 0.05 - l] {
        b.block(v3(0.0, sill + 0.18, z), v3(w * 0.96, 0.11, 0.09), bumper);
    }
    let (front, back, lean_b) = match sort {
        0 => (0.16, -0.46, 0.25),
        1 => (0.16, -0.33, 0.5),
        2 => (0.16, -0.48, 0.16),
        _ => (0.2, -0.48, 0.1),
    };
    let (zf, zb) = (front * length, back * length);
    let hz = (zf - zb) * 0.5;
    let hy = (height - belt) * 0.5;
    b.taper(
        v3(0.0, belt + hy, (zf + zb) * 0.5),
        v3(w * 0.95, hy, hz),
        [0.2, 0.48, lean_b],
        cabin,
    );
    // Under-body shade, wing mirrors.
    b.block(
        v3(0.0, 0.24, 0.0),
        v3(w * 0.86, 0.1, l * 0.93),
        Material::plain(rgb(12, 12, 12), 1),
    );
    for side in [-1.0, 1.0] {
        let c = v3(side * (w + 0.07), belt + 0.06, zf - 0.35 * hz);
        b.ball(c, v3(0.1, 0.075, 0.06), body);
    }
    wheels(
        b,
        s,
        width,
        &[0.31 * length, -0.3 * length],
        0.3 + lift * 0.4,
    );
    let tall = if s.chance(0.4) { 0.2 } else { 0.09 };
    ends(b, s, width, length, belt - 0.18, tall);
    if sort == 3 && s.chance(0.5) {
        let spare = Material::plain(rgb(30, 30, 30), 5);
        b.rod(
            v3(0.1, belt, -l),
            v3(0.1, belt, -l - 0.2),
            0.33,
            0.33,
            spare,
        );
    }
    length
}

pub(crate) fn van(b: &mut Builder<'_>, s: &mut Stream) -> f32 {
    let c = if s.chance(0.5) {
        s.vary(rgb(222, 222, 220), 0.12)
    } else {
        paint(s)
    };
    let seed = s.bits();
    let (w, length, h) = (s.range(0.9, 1.02), s.range(4.8, 5.8), s.range(1.9, 2.5));
    let l = length * 0.5;
    let body = Material::new(
        Pattern::Van {
            low: 0.6,
            high: 0.86,
        },
        c,
        s.vary(c, 0.5),
        seed,
    );
    let cargo = Material::plain(c, seed).gloss(0.35);
    let hy = (h - 0.3) * 0.5;
    b.taper(
        v3(0.0, 0.3 + hy, l - 1.0),
        v3(w, hy, 1.0),
        [0.06, 0.75, 0.0],
        body,
    );
    let rear = if s.chance(0.5) { body } else { cargo };
    b.taper(
        v3(0.0, 0.3 + hy, -0.75),
        v3(w, hy, l - 0.75),
        [0.05, 0.0, 0.03],
        cargo,
    );
    b.block(
        v3(0.0, 0.3 + hy, -l + 0.02),
        v3(w * 0.96, hy * 0.97, 0.03),
        rear,
    );
    b.block(
        v3(0.0, 0.27, 0.0),
        v3(w * 0.9, 0.1, l * 0.95),
        Material::plain(rgb(14, 14, 14), 1),
    );
    wheels(b, s, 2.0 * w, &[l - 0.9, -l + 1.0], 0.34);
    ends(b, s, 2.0 * w, length + 0.08, 0.95, 0.22);
    length
}

pub(crate) fn bus(b: &mut Builder<'_>, s: &mut Stream) -> f32 {
    let colours = [
        rgb(150, 30, 34),
        rgb(60, 110, 160),
        rgb(225, 225, 220),
        rgb(60, 120, 70),
    ];
    let c = s.pick(&colours);
    let trim = s.pick(&colours);
    let (w, l) = (1.25, s.range(4.6, 5.8));
    let double = s.chance(0.4);
    let h = if double { 4.2 } else { 3.0 };
    let lower = if double { h * 0.5 } else { h };
    let seed = s.bits();
    let low = if double { (0.52, 0.88) } else { (0.42, 0.84) };
    let m = Material::new(
        Pattern::Van {
            low: low.0,
            high: low.1,
        },
        c,
        trim,
        seed,
    );
    let hy = (lower - 0.3) * 0.5;
    b.taper(v3(0.0, 0.3 + hy, 0.0), v3(w, hy, l), [0.0, 0.02, 0.01], m);
    if double {
        let top = Material::new(
            Pattern::Van {
                low: 0.35,
                high: 0.8,
            },
            c,
            trim,
            seed ^ 1,
        );
        let hy = (h - lower) * 0.5;
        b.taper(
            v3(0.0, lower + hy, 0.0),
            v3(w, hy, l),
            [0.05, 0.06, 0.02],
            top,
        );
    }
    let board = Material::new(Pattern::Writing, rgb(20, 20, 20), rgb(240, 170, 40), seed);
    b.block(v3(0.0, lower - 0.25, l), v3(0.8, 0.13, 0.03), board);
    b.block(
        v3(0.0, 0.26, 0.0),
        v3(w * 0.9, 0.12, l * 0.96),
        Material::plain(rgb(14, 14, 14), 1),
    );
    wheels(b, s, 2.0 * w, &[l - 2.0, -l + 2.2], 0.48);
    ends(b, s, 2.0 * w, 2.0 * l + 0.06, 0.95, 0.25);
    2.0 * l
}
