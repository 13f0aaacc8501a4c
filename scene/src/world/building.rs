//! Houses, shops, offices and garden walls.

use crate::builder::Builder;
use crate::class::Class;
use crate::material::{Facade, Material, Pattern};
use crate::math::{Rgb, rgb, v3};
use crate::noise::Stream;

fn wall_colours(s: &mut Stream, brick: bool) -> (Rgb, Rgb) {
    let bricks = [
        rgb(140, 84, 66),
        rgb(165, 120, 84),
        rgb(186, 166, 124),
        rgb(110, 72, 62),
        rgb(96, 84, 78),
        rgb(176, 136, 104),
    ];
    let render = [
        rgb(222, 216, 204),
        rgb(196, 186, 166),
        rgb(165, 163, 158),
        rgb(232, 230, 224),
        rgb(200, 178, 140),
        rgb(140, 142, 146),
        rgb(178, 196, 200),
        rgb(112, 104, 98),
    ];
    let a = if brick {
        s.pick(&bricks)
    } else {
        s.pick(&render)
    };
    let mortar = s.pick(&[rgb(165, 158, 148), rgb(120, 114, 106), rgb(196, 190, 178)]);
    (s.vary(a, 0.22), mortar)
}

/// A building whose front stands at x = 0 of the builder, `depth` deep towards +x, `length` along
/// z. `big` ones are offices and flats. Returns its height.
pub(crate) fn building(b: &mut Builder<'_>, s: &mut Stream, length: f32, big: bool) -> f32 {
    let facade = Facade::random(s);
    let (a, mortar) = wall_colours(s, facade.brick);
    let wall = Material::new(Pattern::Facade(facade), a, mortar, s.bits());
    let storeys = if big {
        3.0 + s.below(4) as f32
    } else {
        1.0 + s.below(3) as f32
    };
    let h = facade.storey * storeys + s.range(0.3, 0.7);
    let depth = s.range(7.0, 11.0);
    let (hx, hz) = (depth * 0.5, length * 0.5);
    b.block(v3(hx, h * 0.5, 0.0), v3(hx, h * 0.5, hz), wall);
    let slate = s.pick(&[
        rgb(78, 80, 88),
        rgb(96, 92, 90),
        rgb(134, 82, 64),
        rgb(112, 74, 62),
        rgb(62, 60, 62),
    ]);
    let slate = s.vary(slate, 0.2);
    let tiles = Material::new(Pattern::Tiles, slate, slate * 0.4, s.bits());
    let trim = Material::plain(s.vary(rgb(150, 146, 140), 0.3), s.bits());
    let mut top = h;
    if !big || s.chance(0.35) {
        let rise = s.range(1.6, 3.4);
        let lean = if s.chance(0.25) {
            [1.0, 0.5, 0.5]
        } else {
            [1.0, 0.0, 0.0]
        };
        b.taper(
            v3(hx, h + rise * 0.5, 0.0),
            v3(hx + 0.3, rise * 0.5, hz + 0.05),
            lean,
            tiles,
        );
        // Gutter.
        b.block(
            v3(-0.22, h - 0.02, 0.0),
            v3(0.08, 0.07, hz),
            Material::plain(rgb(46, 46, 48), 1),
        );
        top += rise;
        let stack = Material::new(Pattern::Bricks, rgb(134, 88, 70), mortar, s.bits());
        for _ in 0..s.below(3) {
            let z = hz * s.range(-0.85, 0.85);
            b.block(
                v3(hx * s.range(0.8, 1.2), top + 0.2, z),
                v3(0.35, 1.0, 0.5),
                stack,
            );
            b.rod(
                v3(hx, top + 1.1, z),
                v3(hx, top + 1.6, z),
                0.13,
                0.11,
                tiles,
            );
        }
        if s.chance(0.3) {
            let z = hz * s.range(-0.5, 0.5);
            let c = v3(hx * 0.45, h + rise * 0.45, z);
            let plain = Material::new(Pattern::Facade(facade), a, mortar, 3);
            b.block(c, v3(hx * 0.35, rise * 0.35, 0.8), plain);
            b.taper(
                c + v3(0.0, rise * 0.5, 0.0),
                v3(hx * 0.36, 0.4, 0.95),
                [0.0, 1.0, 1.0],
                tiles,
            );
        }
    } else {
        b.block(v3(hx, h + 0.25, 0.0), v3(hx + 0.12, 0.25, hz + 0.02), trim);
        if s.chance(0.5) {
            let z = hz * s.range(-0.5, 0.5);
            b.block(v3(hx, h + 1.2, z), v3(hx * 0.4, 1.0, hz * 0.25), trim);
        }
    }
    // Bay windows, porches, drain pipes.
    if !facade.shop && !big && s.chance(0.4) {
        let z = hz * s.range(-0.5, 0.5);
        let glass = Material::new(Pattern::CarCabin, facade.trim, a, s.bits()).gloss(0.3);
        let up = facade.storey * 0.5;
        b.block(v3(-0.3, up * 0.5, z), v3(0.4, up * 0.5, 1.0), wall);
        b.taper(
            v3(-0.3, up * 1.5, z),
            v3(0.4, up * 0.5, 1.0),
            [0.0, 0.05, 0.05],
            glass,
        );
        b.taper(
            v3(-0.3, up * 2.0 + 0.2, z),
            v3(0.5, 0.2, 1.1),
            [0.8, 0.3, 0.3],
            tiles,
        );
    }
    if s.chance(0.6) {
        let z = hz * s.range(-0.95, 0.95);
        let pipe = Material::plain(rgb(40, 40, 42), s.bits());
        b.rod(v3(-0.08, 0.0, z), v3(-0.08, h, z), 0.055, 0.055, pipe);
    }
    if facade.shop {
        let awning = s.chance(0.4);
        let z = hz * s.range(-0.4, 0.4);
        if awning {
            let cloth = Material::new(
                Pattern::Stripes {
                    axis: 2,
                    pitch: s.range(0.3, 0.8),
                },
                facade.shop_colour,
                rgb(225, 222, 214),
                s.bits(),
            );
            let c = v3(-0.7, facade.storey - 0.7, z);
            b.taper(c, v3(0.75, 0.22, hz * 0.45), [0.9, 0.0, 0.0], cloth);
        }
        if s.chance(0.7) {
            let c = v3(-0.55, facade.storey + 0.4, hz * s.range(-0.9, 0.9));
            let board = Material::new(
                Pattern::Writing,
                facade.shop_colour,
                rgb(235, 230, 215),
                s.bits(),
            );
            b.class(Class::SignSymbol);
            b.block(c, v3(0.42, 0.42, 0.05), board);
            b.class(Class::Building);
        }
    }
    top
}

/// A brick garden wall along z at x = 0.
pub(crate) fn wall(b: &mut Builder<'_>, s: &mut Stream, length: f32) {
    let h = s.range(0.35, 1.0);
    let (a, mortar) = wall_colours(s, true);
    let m = Material::new(Pattern::Bricks, a, mortar, s.bits());
    b.block(v3(0.12, h, 0.0), v3(0.12, h, length * 0.5), m);
    let cap = Material::plain(rgb(150, 146, 138), s.bits());
    b.block(
        v3(0.12, 2.0 * h + 0.04, 0.0),
        v3(0.17, 0.05, length * 0.5),
        cap,
    );
}
