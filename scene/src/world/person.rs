//! People on foot and on bicycles. Ahead is +z of the builder.

use crate::builder::Builder;
use crate::cutout::Cutout;
use crate::material::{Material, Pattern};
use crate::math::{Rgb, Vec3, rgb, v3};
use crate::noise::Stream;

struct Clothes {
    skin: Material,
    hair: Material,
    top: Material,
    legs: Material,
    shoes: Material,
}

fn cloth(s: &mut Stream, of: &[Rgb]) -> Material {
    let c = s.pick(of);
    let c = s.vary(c, 0.3);
    let seed = s.bits();
    match s.below(5) {
        0 => Material::new(
            Pattern::Stripes {
                axis: 1,
                pitch: 0.12,
            },
            c,
            c * 0.6,
            seed,
        ),
        1 => Material::mottle(c, c * 0.65, 0.15, seed),
        _ => Material::new(Pattern::Folds { pitch: 0.14 }, c * 1.1, c * 0.8, seed),
    }
}

fn clothes(s: &mut Stream) -> Clothes {
    let tops = [
        rgb(28, 28, 32),
        rgb(38, 44, 62),
        rgb(60, 56, 50),
        rgb(112, 30, 34),
        rgb(90, 94, 98),
        rgb(176, 170, 158),
        rgb(52, 74, 54),
        rgb(60, 90, 136),
        rgb(205, 200, 60),
        rgb(120, 84, 110),
    ];
    let bottoms = [
        rgb(26, 26, 30),
        rgb(42, 52, 76),
        rgb(70, 64, 54),
        rgb(52, 52, 54),
    ];
    let skins = [
        rgb(214, 168, 142),
        rgb(186, 136, 106),
        rgb(120, 82, 60),
        rgb(84, 58, 44),
    ];
    let hairs = [
        rgb(28, 22, 18),
        rgb(74, 52, 34),
        rgb(140, 104, 60),
        rgb(128, 126, 124),
    ];
    Clothes {
        skin: Material::plain(s.pick(&skins), s.bits()),
        hair: Material::plain(s.pick(&hairs), s.bits()),
        top: cloth(s, &tops),
        legs: cloth(s, &bottoms),
        shoes: Material::plain(
            s.pick(&[rgb(20, 20, 22), rgb(66, 46, 34), rgb(190, 190, 190)]),
            1,
        ),
    }
}

fn head(b: &mut Builder<'_>, s: &mut Stream, c: &Clothes, at: Vec3) {
    b.rod(at - v3(0.0, 0.22, 0.02), at, 0.055, 0.05, c.skin);
    b.ball(at, v3(0.082, 0.12, 0.1), c.skin);
    let long = if s.chance(0.4) { 0.14 } else { 0.095 };
    b.ball(
        at + v3(0.0, 0.07 - long * 0.4, -0.035),
        v3(0.093, long, 0.095),
        c.hair,
    );
}

/// Someone walking: `stride` counts turns of the legs; standing where `still`.
pub(crate) fn pedestrian(b: &mut Builder<'_>, s: &mut Stream, stride: f32, still: bool) {
    let c = clothes(s);
    let k = if s.chance(0.12) {
        s.range(0.6, 0.8)
    } else {
        s.range(0.9, 1.08)
    };
    let turn = core::f32::consts::TAU;
    let swing = if still {
        s.range(-0.2, 0.2)
    } else {
        libm::sinf(stride * turn)
    };
    let reach = 0.32 * swing;
    let hip = 0.86;
    let girth = s.range(0.85, 1.25);
    let skirt = s.chance(0.2);
    for side in [-1.0, 1.0] {
        let f = side * reach;
        let knee = v3(side * 0.09, 0.46, f * 0.6 + 0.06 * f.abs()) * k;
        let foot = v3(side * 0.09, 0.07 + 0.1 * (-f).max(0.0), f * 1.15) * k;
        b.rod(
            v3(side * 0.08, hip, 0.0) * k,
            knee,
            0.085 * k * girth,
            0.06 * k,
            c.legs,
        );
        b.rod(knee, foot, 0.06 * k, 0.05 * k, c.legs);
        b.ball(
            foot + v3(0.0, -0.02, 0.05),
            v3(0.05, 0.05, 0.13) * k,
            c.shoes,
        );
        // Arms swing against the legs.
        let elbow = v3(side * 0.235 * girth, 1.08, -f * 0.5) * k;
        let hand = v3(side * 0.24 * girth, 0.84, -f * 0.9 + 0.06) * k;
        b.rod(
            v3(side * 0.185 * girth, 1.38, 0.0) * k,
            elbow,
            0.058 * k,
            0.05 * k,
            c.top,
        );
        b.rod(elbow, hand, 0.05 * k, 0.04 * k, c.top);
        b.ball(hand, v3(0.04, 0.06, 0.04) * k, c.skin);
    }
    let low = if skirt {
        0.5
    } else {
        s.pick(&[0.78, 0.84, 0.62])
    };
    let hem = if skirt { 0.24 } else { 0.17 };
    b.rod(
        v3(0.0, low, 0.0) * k,
        v3(0.0, 1.12, 0.0) * k,
        hem * k * girth,
        0.15 * k * girth,
        c.top,
    );
    b.egg(
        v3(0.0, 1.2, 0.0) * k,
        v3(0.2 * girth, 0.28, 0.135 * girth) * k,
        0.0,
        c.top,
    );
    head(b, s, &c, v3(0.0, 1.62, 0.02) * k);
    match s.below(5) {
        0 => {
            let bag = cloth(s, &[rgb(30, 30, 34), rgb(120, 40, 40), rgb(50, 70, 110)]);
            b.ball(v3(0.0, 1.2, -0.2) * k, v3(0.15, 0.22, 0.11) * k, bag);
        }
        1 => {
            let bag = cloth(s, &[rgb(210, 205, 195), rgb(40, 36, 34), rgb(150, 110, 60)]);
            b.block(v3(0.3, 0.62, 0.0) * k, v3(0.06, 0.17, 0.16) * k, bag);
        }
        _ => {}
    }
}

/// Someone riding; `turns` counts those of the pedals.
pub(crate) fn bicyclist(b: &mut Builder<'_>, s: &mut Stream, turns: f32) {
    let c = clothes(s);
    let side_on = core::f32::consts::FRAC_PI_2;
    let r = 0.34;
    let rubber = Material::plain(rgb(26, 26, 27), s.bits());
    let paints = [
        rgb(30, 30, 32),
        rgb(130, 30, 30),
        rgb(40, 70, 130),
        rgb(180, 180, 180),
    ];
    let frame = Material::plain(s.pick(&paints), s.bits()).gloss(0.3);
    let (rear, front) = (v3(0.0, r, -0.52), v3(0.0, r, 0.55));
    for hub in [rear, front] {
        b.sheet(hub, r, r, side_on, rubber)
            .cut(Cutout::Wheel { inner: 0.88 });
        // Seen from the front or the rear a tyre is a bar.
        b.ball(hub, v3(0.022, r, 0.06), rubber);
    }
    let (crank, seat, bars) = (
        v3(0.0, 0.3, -0.05),
        v3(0.0, 0.92, -0.25),
        v3(0.0, 0.98, 0.42),
    );
    for (p, q) in [
        (rear, crank),
        (crank, seat),
        (rear, seat),
        (seat, bars),
        (crank, bars),
        (front, bars),
    ] {
        b.rod(p, q, 0.022, 0.022, frame);
    }
    b.rod(
        bars - v3(0.27, 0.0, 0.0),
        bars + v3(0.27, 0.0, 0.0),
        0.02,
        0.02,
        rubber,
    );
    b.ball(seat, v3(0.08, 0.04, 0.13), rubber);
    let turn = core::f32::consts::TAU;
    let (sin, cos) = (libm::sinf(turns * turn), libm::cosf(turns * turn));
    let (hip, shoulder) = (seat + v3(0.0, 0.08, 0.0), v3(0.0, 1.42, 0.08));
    for side in [-1.0, 1.0] {
        let x = v3(side * 0.1, 0.0, 0.0);
        let pedal = crank + x + v3(0.0, side * sin * 0.17, side * cos * 0.17);
        let knee = (hip + pedal) * 0.5 + v3(side * 0.06, 0.06, 0.2);
        b.rod(hip + x, knee, 0.085, 0.06, c.legs);
        b.rod(knee, pedal, 0.06, 0.045, c.legs);
        b.ball(pedal + v3(0.0, 0.0, 0.05), v3(0.045, 0.045, 0.12), c.shoes);
        let hand = bars + v3(side * 0.25, 0.02, 0.0);
        let elbow = (shoulder + hand) * 0.5 + v3(side * 0.16, -0.07, 0.0);
        b.rod(shoulder + x * 1.7, elbow, 0.055, 0.045, c.top);
        b.rod(elbow, hand, 0.045, 0.038, c.skin);
    }
    b.egg((hip + shoulder) * 0.5, v3(0.19, 0.14, 0.36), 1.05, c.top);
    b.ball(shoulder - v3(0.0, 0.06, 0.03), v3(0.21, 0.11, 0.12), c.top);
    head(b, s, &c, v3(0.0, 1.66, 0.17));
    if s.chance(0.5) {
        let helmet = Material::plain(s.pick(&paints), s.bits());
        b.ball(v3(0.0, 1.73, 0.16), v3(0.11, 0.085, 0.14), helmet);
    }
}
