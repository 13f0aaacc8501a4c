//! The patterns of everything but house fronts.

use super::{GLASS, Material, Pattern, Spot, Surface};
use crate::math::{Rgb, Vec3, coverage, floor, floor_i, lerp, rgb, smoothstep, wrap};
use crate::noise::{cell, fbm3, mix32, noise3, unit};
use crate::primitive::Face;

/// Noise of features `size` large, faded to its mean where a pixel covers them.
fn soft(p: Vec3, size: f32, foot: f32, seed: u32) -> f32 {
    let blur = smoothstep(0.4, 1.6, foot / size);
    if blur >= 1.0 {
        return 0.5;
    }
    let k = 1.0 / size;
    lerp(noise3(p.x * k, p.y * k, p.z * k, seed), 0.5, blur)
}

fn along(p: Vec3, axis: u8) -> f32 {
    match axis {
        0 => p.x,
        1 => p.y,
        _ => p.z,
    }
}

/// The two coordinates on a face: across, up.
pub(super) fn on_face(s: &Spot) -> (f32, f32) {
    match s.face {
        Face::Side => (s.p.z, s.p.y),
        Face::Top | Face::Bottom => (s.p.x, s.p.z),
        _ => (s.p.x, s.p.y),
    }
}

pub(super) fn bricks(a: Rgb, mortar: Rgb, u: f32, v: f32, foot: f32, seed: u32) -> Rgb {
    let (w, h) = (0.225, 0.075);
    let fine = 1.0 - smoothstep(0.3, 1.0, foot / h);
    let row = floor(v / h);
    let shift = if wrap(row, 2.0) < 0.5 { 0.0 } else { 0.5 };
    let col = floor(u / w + shift);
    let tint = cell(col as i32, row as i32, seed);
    let joint = coverage(wrap(v, h), 0.0, 0.012, foot).max(coverage(
        wrap(u / w + shift, 1.0) * w,
        0.0,
        0.012,
        foot,
    ));
    // Beyond the size of a brick, groups of them keep some of the unevenness.
    let group = cell(floor_i(u * 1.3), floor_i(v * 2.1), seed ^ 5);
    let far = a.mix(mortar, 0.16) * (0.92 + 0.16 * group);
    let near = (a * (0.72 + 0.56 * tint)).mix(mortar, joint * 0.8);
    far.mix(near, fine)
}

pub(super) fn paint(m: &Material, s: &Spot, out: &mut Surface) {
    let (p, foot, seed) = (s.p, s.foot, m.seed);
    let (a, b) = (m.a, m.b);
    let dirt = |size: f32, by: f32| 1.0 + by * (soft(p, size, foot, seed ^ 0x33) - 0.5);
    out.albedo = match m.pattern {
        Pattern::Plain => a * dirt(0.35, 0.25) * dirt(0.06, 0.15),
        Pattern::Mottle { size } => {
            let k = 0.55 * soft(p, size, foot, seed)
                + 0.3 * soft(p, size * 0.41, foot, seed ^ 1)
                + 0.15 * soft(p, size * 0.13, foot, seed ^ 2);
            a.mix(b, smoothstep(0.25, 0.75, k))
        }
        Pattern::Patches { size, share } => {
            let k = 1.0 / size;
            let n = fbm3(p.x * k, p.y * k, p.z * k, seed, 2);
            let edge = 0.03 + foot / size;
            let cut = 0.68 - 0.36 * share;
            a.mix(b, smoothstep(cut - edge, cut + edge, n)) * dirt(0.03, 0.3)
        }
        Pattern::Spots { pitch } => {
            let (u, v) = (p.z + p.x * 0.4, p.y + p.x * 0.6);
            let (i, j) = (floor(u / pitch), floor(v / pitch));
            let h = mix32((i as i32 as u32).wrapping_mul(77) ^ (j as i32 as u32) ^ seed);
            let (du, dv) = (u / pitch - i - 0.3 - 0.4 * unit(h), v / pitch - j - 0.5);
            let r = 0.2 + 0.15 * unit(mix32(h));
            let edge = 0.05 + foot / pitch;
            let d = (du * du + dv * dv).sqrt();
            a.mix(b, 1.0 - smoothstep(r - edge, r + edge, d)) * dirt(0.04, 0.25)
        }
        Pattern::Stripes { axis, pitch } => {
            let wave = wrap(
                along(p, axis) + 0.15 * pitch * soft(p, pitch, foot, seed),
                pitch,
            );
            let k = coverage(wave, 0.0, pitch * 0.5, foot);
            let k = lerp(k, 0.5, smoothstep(0.5, 1.2, foot / pitch));
            a.mix(b, k) * dirt(0.2, 0.3)
        }
        Pattern::Planks { axis, pitch } => {
            let x = along(p, axis) / pitch;
            let i = floor(x);
            let tint = cell(i as i32, 0, seed);
            let gap = coverage((x - i) * pitch, 0.0, pitch * 0.09, foot);
            let other = (axis + 1) % 3;
            let grain = Vec3 {
                x: p.x,
                y: p.y,
                z: p.z,
            };
            let long = along(grain, other) * 3.0;
            let streak = noise3(x * 9.0, long, i, seed) - 0.5;
            let streak = streak * (1.0 - smoothstep(0.02, 0.1, foot));
            (a * (0.7 + 0.5 * tint + 0.3 * streak)).mix(b, gap * 0.85)
        }
        Pattern::Bricks => {
            let (u, v) = on_face(s);
            bricks(a, b, u, v, foot, seed) * dirt(1.5, 0.3)
        }
        Pattern::Tiles => {
            let (u, v) = (p.x + p.z, p.y * 1.6);
            let (w, h) = (0.24, 0.3);
            let (i, j) = (floor(u / w), floor(v / h));
            let line = coverage(wrap(v, h), 0.0, 0.05, foot);
            let fine = 1.0 - smoothstep(0.15, 0.6, foot);
            let tint = lerp(0.5, cell(i as i32, j as i32, seed), fine);
            (a * (0.78 + 0.44 * tint)).mix(b, 0.45 * line) * dirt(1.2, 0.4)
        }
        Pattern::Sectors { count } => {
            let turn = libm::atan2f(p.x, p.z) * (0.5 / core::f32::consts::PI);
            let k = wrap(turn * count, 2.0);
            let edge = (foot / s.half.x).max(0.02);
            let k = smoothstep(1.0 - edge, 1.0 + edge, k) * dirt(0.1, 0.1).min(1.0);
            a.mix(b, k) * dirt(0.15, 0.2)
        }
        Pattern::Quilt { pitch } => {
            let (u, v) = on_face(s);
            let (d, e) = (wrap(u + v, pitch), wrap(u - v, pitch));
            let seam = coverage(d, 0.0, 0.02, foot).max(coverage(e, 0.0, 0.02, foot));
            let (pd, pe) = (d / pitch - 0.5, e / pitch - 0.5);
            let puff = 1.06 - 0.5 * (pd * pd + pe * pe);
            (a * puff).mix(b, seam * 0.7) * dirt(0.25, 0.4)
        }
        Pattern::Folds { pitch } => {
            let bend = 2.0 * soft(p, pitch * 3.0, foot, seed);
            let wave = wrap((p.x + p.z) / pitch + bend, 1.0) - 0.5;
            a.mix(b, 0.3 * soft(p, 0.25, foot, seed ^ 8)) * (0.7 + 1.6 * wave * wave)
        }
        Pattern::Carpet => {
            let (u, v) = on_face(s);
            let edge = (s.half.y - p.y.abs()).min(0.5);
            let weave = cell(floor_i(u * 14.0), floor_i(v * 14.0), seed);
            let band = coverage(wrap(p.y * 3.0, 1.0), 0.2, 0.4, foot * 3.0);
            let k = (band + 0.5 * weave).min(1.0);
            a.mix(b, if edge < 0.12 { 0.9 } else { k }) * dirt(0.03, 0.4)
        }
        Pattern::Leaves { size } => {
            let n = soft(p, size, foot, seed) * 0.6 + soft(p, size * 0.37, foot, seed ^ 1) * 0.4;
            let lit = 0.55 + 0.45 * (s.q.y * 0.5 + 0.5);
            a.mix(b, smoothstep(0.3, 0.7, n)) * (lit * (0.55 + 0.9 * n))
        }
        Pattern::Fur { size } => {
            let n = soft(p, size, foot, seed) * 0.5 + soft(p, size * 0.3, foot, seed ^ 1) * 0.5;
            a.mix(b, smoothstep(0.3, 0.75, n)) * (0.75 + 0.5 * n)
        }
        Pattern::CarBody => {
            out.gloss = 0.5;
            let sill = coverage(s.q.y, -2.0, -0.72, foot / s.half.y);
            let door = coverage((p.z - 0.1).abs(), 0.0, 0.012, foot);
            let mut c = a;
            match s.face {
                Face::Side => {
                    c = c.mix(c * 0.3, 0.8 * door);
                    let handle = coverage(s.q.y, 0.42, 0.52, foot)
                        * coverage((p.z + 0.45).abs(), 0.0, 0.08, foot);
                    c = c.mix(rgb(20, 20, 20), 0.8 * handle);
                }
                Face::Front => {
                    let grille =
                        coverage(s.q.y, -0.25, 0.2, foot) * coverage(s.q.x, -0.5, 0.5, foot);
                    c = c.mix(rgb(18, 18, 20), grille);
                }
                Face::Back => {
                    let seam = coverage(s.q.y, -0.2, -0.15, foot * 2.0);
                    c = c.mix(c * 0.3, 0.6 * seam);
                }
                _ => {}
            }
            c.mix(rgb(22, 22, 24), 0.85 * sill) * dirt(0.4, 0.2)
        }
        Pattern::CarCabin => {
            let (u, hu) = if s.face == Face::Side {
                (p.z, s.half.z)
            } else {
                (p.x, s.half.x)
            };
            if s.face == Face::Top {
                out.gloss = 0.45;
                return out.albedo = a * dirt(0.5, 0.1);
            }
            let lean = 0.30 * (s.q.y + 1.0) * if s.face == Face::Side { 1.0 } else { 0.35 };
            let edge = hu * (1.0 - lean) - u.abs();
            let glass = coverage(s.q.y, -0.85, 0.72, foot / s.half.y)
                * coverage(edge, 0.07, 10.0, foot)
                * if s.face == Face::Side {
                    1.0 - coverage(u, -0.05, 0.05, foot)
                } else {
                    1.0
                };
            out.gloss = lerp(0.4, 0.85, glass);
            // Seats and heads behind the glass.
            let inside = 0.5 + soft(p, 0.35, foot, seed ^ 4);
            a.mix(GLASS * inside, glass)
        }
        Pattern::Van { low, high } => {
            let y = s.q.y * 0.5 + 0.5;
            let f = foot / (2.0 * s.half.y);
            let (u, pane) = if s.face == Face::Side {
                (p.z, 1.4)
            } else {
                (p.x, 4.0)
            };
            let bars = if s.face == Face::Side {
                coverage(wrap(u, pane), 0.0, 0.09, foot)
            } else {
                0.0
            };
            let band = match s.face {
                Face::Top | Face::Bottom => 0.0,
                _ => coverage(y, low, high, f) * (1.0 - bars),
            };
            let sill = coverage(y, -1.0, 0.08, f);
            let trim = coverage(y, low - 0.12, low - 0.05, f);
            out.gloss = lerp(0.35, 0.8, band);
            let c = a.mix(b, trim * 0.8).mix(rgb(20, 20, 20), sill * 0.8);
            c.mix(GLASS * (0.5 + soft(p, 0.5, foot, seed)), band) * dirt(0.7, 0.2)
        }
        Pattern::Writing => {
            let (u, v) = on_face(s);
            let h = s.half.y.min(0.5);
            let line = floor(v / h);
            let y = v / h - line;
            let x = u / (h * 0.34);
            let i = floor(x);
            let letter = cell(i as i32, line as i32, seed);
            // Strokes: some uprights, some bars, some blanks between words.
            let f = foot / h;
            let inside = coverage(y, 0.22, 0.78, f) * coverage(x - i, 0.1, 0.8, f * 3.0);
            let hole =
                coverage(y, 0.4 + 0.2 * letter, 0.62, f) * coverage(x - i, 0.3, 0.6, f * 3.0);
            let blank = if letter < 0.2 { 0.0 } else { 1.0 };
            let margin = coverage(u.abs() / s.half.x.max(s.half.z), 0.0, 0.85, 0.02);
            a.mix(b, inside * (1.0 - hole) * blank * margin)
        }
        Pattern::Plate { rim, triangle } => {
            let f = foot / s.half.x;
            let r = if triangle {
                // Distance from the middle of the triangle, 1 at its sides.
                let y = s.q.y + 0.33;
                (-y / 0.67).max(0.447 * (2.0 * s.q.x.abs() + y) / 0.596)
            } else {
                (s.q.x * s.q.x + s.q.y * s.q.y).sqrt()
            };
            let k = smoothstep(rim - f, rim + f, r);
            let (x, y) = (s.q.x * 5.0, s.q.y * 5.0);
            let mark = cell(floor_i(x + 9.0), floor_i(y + 9.0), seed);
            let mark = if mark > 0.55 && r < rim * 0.6 {
                0.85
            } else {
                0.0
            };
            let ink = if a.grey() > 0.3 {
                rgb(15, 15, 15)
            } else {
                rgb(235, 235, 235)
            };
            a.mix(ink, mark).mix(b, k)
        }
        Pattern::TrafficLight { lamp } => {
            let mut c = rgb(16, 17, 18);
            if s.face != Face::Side && s.face != Face::Top {
                for (i, (y, on)) in [
                    (0.62, rgb(255, 30, 20)),
                    (0.0, rgb(255, 170, 20)),
                    (-0.62, rgb(40, 255, 130)),
                ]
                .into_iter()
                .enumerate()
                {
                    let (dx, dy) = (p.x, p.y - y * s.half.y);
                    let d = (dx * dx + dy * dy).sqrt();
                    let k = coverage(d, -1.0, s.half.x * 0.7, foot.min(0.1));
                    if i == usize::from(lamp) {
                        c = c.mix(on, k);
                        out.glow = out.glow.max(k * 1.3);
                    } else {
                        c = c.mix(on * 0.06, k);
                    }
                }
            }
            c
        }
        Pattern::Lamp => {
            out.glow = 0.9;
            a
        }
        Pattern::Facade(_) => a,
    };
}
