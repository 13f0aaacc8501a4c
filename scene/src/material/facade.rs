//! House fronts: windows with sills and lintels, doors, shop fronts, cornices.

use super::paint::{bricks, on_face};
use super::{GLASS, Material, Spot, Surface};
use crate::math::{Rgb, coverage, floor, floor_i, lerp, rgb, smoothstep, wrap};
use crate::noise::{Stream, cell, noise2};
use crate::primitive::Face;

/// How a front is laid out. Lengths are metres.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facade {
    /// Height of a storey.
    pub(crate) storey: f32,
    /// Distance of windows from one another.
    pub(crate) bay: f32,
    /// Width and height of a window.
    pub(crate) window: [f32; 2],
    /// Panes across and up in a window.
    pub(crate) panes: [f32; 2],
    /// Brickwork, else render or stone.
    pub(crate) brick: bool,
    /// A shop on the ground floor.
    pub(crate) shop: bool,
    /// A continuous band of windows, as on an office.
    pub(crate) band: bool,
    pub(crate) trim: Rgb,
    pub(crate) shop_colour: Rgb,
}

impl Facade {
    pub(crate) fn random(s: &mut Stream) -> Facade {
        let modern = s.chance(0.22);
        let storey = s.range(2.6, 3.6);
        let bay = if modern {
            s.range(1.4, 3.2)
        } else {
            s.range(1.9, 3.4)
        };
        Facade {
            storey,
            bay,
            window: [
                bay * if modern {
                    s.range(0.6, 0.85)
                } else {
                    s.range(0.32, 0.55)
                },
                storey * s.range(0.45, 0.66),
            ],
            panes: s.pick(&[[1.0, 2.0], [2.0, 2.0], [2.0, 4.0], [1.0, 1.0], [3.0, 4.0]]),
            brick: s.chance(if modern { 0.3 } else { 0.65 }),
            shop: s.chance(0.35),
            band: modern && s.chance(0.4),
            trim: s.pick(&[
                rgb(225, 222, 212),
                rgb(235, 235, 232),
                rgb(60, 60, 62),
                rgb(180, 170, 150),
                rgb(90, 70, 55),
            ]),
            shop_colour: s.pick(&[
                rgb(30, 70, 50),
                rgb(130, 25, 30),
                rgb(25, 40, 90),
                rgb(20, 20, 22),
                rgb(150, 132, 70),
                rgb(84, 52, 76),
                rgb(210, 210, 205),
                rgb(44, 84, 100),
            ]),
        }
    }

    pub(super) fn paint(&self, m: &Material, s: &Spot, out: &mut Surface) {
        if matches!(s.face, Face::Top | Face::Bottom) {
            out.albedo = rgb(70, 70, 72);
            return;
        }
        let (u, y) = on_face(s);
        let v = y + s.half.y;
        let foot = s.foot;
        let wall = if self.brick {
            bricks(m.a, m.b, u, v, foot, m.seed)
        } else {
            m.a
        };
        // Weather: streaks run down, the foot of a wall is darker.
        let streak =
            noise2(u * 1.7, v * 0.25, m.seed ^ 3) * 0.6 + noise2(u * 0.3, v * 0.4, m.seed) * 0.4;
        let wall = wall * (0.78 + 0.36 * streak) * lerp(0.8, 1.0, smoothstep(0.0, 1.2, v));
        let top = 2.0 * s.half.y - v;
        let cornice = coverage(top, 0.0, 0.32, foot);
        let under = coverage(top, 0.32, 0.5, foot);
        let mut c = wall
            .mix(self.trim * 0.9, cornice)
            .mix(wall * 0.45, 0.7 * under);

        let storey = floor(v / self.storey);
        let h = v - storey * self.storey;
        // A last storey cut off by the roof has no windows.
        let whole = (storey + 0.93) * self.storey < 2.0 * s.half.y;
        if self.shop && storey < 0.5 {
            c = self.shop_front(c, m, u, v, foot, out);
        } else if whole {
            c = self.window_at(c, m, [u, h, storey], foot, out);
        }
        out.albedo = c;
    }

    fn window_at(
        &self,
        wall: Rgb,
        m: &Material,
        [u, h, storey]: [f32; 3],
        foot: f32,
        out: &mut Surface,
    ) -> Rgb {
        let i = floor(u / self.bay);
        let x = u - (i + 0.5) * self.bay;
        let id = cell(i as i32, storey as i32, m.seed ^ 0x5eed);
        let [w, tall] = self.window;
        let half = if self.band {
            self.bay * 0.5 - 0.03
        } else {
            w * 0.5
        };
        let door = storey < 0.5 && !self.band && id < 0.3;
        let bottom = if door {
            0.05
        } else {
            (self.storey - tall) * 0.55
        };
        let up = h - bottom;
        let tall = if door { self.storey * 0.7 } else { tall };
        let mut c = wall;
        // Sill, lintel, and the surround.
        let across = coverage(x, -half - 0.12, half + 0.12, foot);
        if !self.band {
            let sill = across * coverage(up, -0.14, 0.0, foot);
            let lintel = across * coverage(up, tall, tall + 0.2, foot);
            c = c.mix(self.trim, 0.85 * sill.max(lintel));
            c = c.mix(wall * 0.35, 0.6 * across * coverage(up, -0.24, -0.14, foot));
        }
        let hole = coverage(x, -half, half, foot) * coverage(up, 0.0, tall, foot);
        if hole <= 0.0 {
            return c;
        }
        if door {
            let paint = self
                .shop_colour
                .mix(self.trim, if id < 0.1 { 0.7 } else { 0.0 });
            let panel = coverage((x.abs() - half * 0.5).abs(), half * 0.3, half * 0.36, foot);
            return c.mix(paint * (1.0 - 0.4 * panel), hole);
        }
        let [nx, ny] = self.panes;
        let frame = 0.055;
        let bar = |x: f32, n: f32, len: f32| {
            let pane = len / n;
            coverage(wrap(x + frame * 0.5, pane), 0.0, frame, foot)
        };
        let bars = bar(x + half, nx, 2.0 * half).max(bar(up, ny, tall));
        // Behind the glass: dark, curtains, or blinds; above it the reveal's shadow.
        let room = cell(i as i32, storey as i32, m.seed ^ 0xc0de);
        let curtain = if room < 0.3 {
            smoothstep(0.45, 0.9, x.abs() / half) * 0.8
        } else {
            0.0
        };
        let blind = if room > 0.8 {
            coverage(up, tall * (room - 0.3), tall, foot)
        } else {
            0.0
        };
        let mut inside = GLASS * (0.5 + 1.4 * id);
        inside = inside.mix(rgb(190, 185, 175), curtain.max(blind * 0.75));
        inside = inside * lerp(1.0, 0.4, coverage(up, tall - 0.16, tall, foot));
        let glass = hole * (1.0 - bars);
        out.gloss = glass * 0.75;
        c.mix(self.trim.mix(inside, 1.0 - bars), hole)
    }

    fn shop_front(
        &self,
        wall: Rgb,
        m: &Material,
        u: f32,
        v: f32,
        foot: f32,
        out: &mut Surface,
    ) -> Rgb {
        let board_low = self.storey - 0.85;
        let board = coverage(v, board_low, self.storey - 0.15, foot);
        let bay = self.bay * 1.6;
        let i = floor(u / bay);
        let x = u - i * bay;
        let glass = coverage(x, 0.16, bay - 0.1, foot) * coverage(v, 0.5, board_low - 0.1, foot);
        let door = cell(i as i32, 9, m.seed) < 0.25;
        let glass = if door {
            glass * coverage(x, 0.3, 1.3, foot)
        } else {
            glass
        };
        // Goods and posters in the window.
        let goods = cell(floor_i(u * 2.2), floor_i(v * 2.5), m.seed ^ 0x99);
        let poster = if goods > 0.72 { 0.55 } else { 0.0 };
        let light = if goods > 0.9 {
            rgb(220, 200, 150)
        } else {
            self.shop_colour.mix(rgb(190, 190, 190), goods)
        };
        let room = (GLASS * 1.3).mix(light, poster);
        let glyph = cell(floor_i(u / 0.22), i as i32, m.seed ^ 0x7e);
        let text = coverage(v, board_low + 0.2, board_low + 0.52, foot)
            * coverage(wrap(u, 0.22), 0.03, 0.17, foot)
            * if glyph > 0.25 { 1.0 } else { 0.0 };
        let ink = if self.shop_colour.grey() > 0.3 {
            rgb(30, 30, 40)
        } else {
            rgb(230, 225, 205)
        };
        out.gloss = glass * 0.7;
        wall.mix(self.shop_colour, 0.9)
            .mix(room, glass)
            .mix(self.shop_colour, board)
            .mix(ink, text * board)
    }
}
