//! Which primitive each sample sees, and how far away it is.

use crate::camera::{Camera, NEAR};
use crate::cutout::Cutout;
use crate::ground::{KERB, Street};
use crate::math::{Vec3, v3};
use crate::primitive::{Primitive, Shape, View, meet};
use crate::world::Shadow;

/// Samples along each side of a pixel.
pub(crate) const SIDE: usize = 2;

/// Ids of samples that see no primitive.
pub(crate) const ROAD: u32 = u32::MAX - 3;
pub(crate) const KERB_FACE: u32 = u32::MAX - 2;
pub(crate) const PAVEMENT: u32 = u32::MAX - 1;
pub(crate) const SKY: u32 = u32::MAX;

/// A rectangle of samples: x0, y0 (first) and x1, y1 (one past the last).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x0: usize,
    pub(crate) y0: usize,
    pub(crate) x1: usize,
    pub(crate) y1: usize,
}

/// Depth, primitive and shadow of each sample; kept between frames for their memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    /// Samples in a row.
    pub(crate) stride: usize,
    /// Along the optical axis, metres.
    pub(crate) depth: Vec<f32>,
    /// Index into the primitives, or one of the ids above.
    pub(crate) id: Vec<u32>,
    /// How much of the sun a sample of the ground is kept from, 0 to 1.
    pub(crate) shadow: Vec<f32>,
    views: Vec<View>,
    order: Vec<(f32, u32, Rect)>,
}

/// Centre of sample `i` in pixels.
pub(crate) fn position(i: usize) -> f32 {
    (i as f32 + 0.5) * (1.0 / SIDE as f32)
}

impl Samples {
    pub(crate) fn view(&self, i: u32) -> &View {
        &self.views[i as usize]
    }

    /// Finds what every sample in `area` sees.
    pub(crate) fn look(
        &mut self,
        prims: &[Primitive],
        shadows: &[Shadow],
        street: &Street,
        camera: &Camera,
        area: Rect,
    ) {
        self.stride = camera.width as usize * SIDE;
        let count = self.stride * camera.height as usize * SIDE;
        self.depth.resize(count, 0.0);
        self.id.resize(count, SKY);
        self.shadow.resize(count, 0.0);
        for y in area.y0..area.y1 {
            let row = y * self.stride + area.x0..y * self.stride + area.x1;
            self.depth[row.clone()].fill(f32::INFINITY);
            self.id[row.clone()].fill(SKY);
            self.shadow[row].fill(0.0);
        }
        let basis = camera.ray_basis();
        self.views.clear();
        self.order.clear();
        for (i, p) in prims.iter().enumerate() {
            self.views.push(View::new(p, camera, &basis));
            if let Some((near, rect)) = bounds(&corners(p), camera, area) {
                self.order.push((near, i as u32, rect));
            }
        }
        // Front to back, so that most of what is hidden is never intersected.
        self.order
            .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let order = core::mem::take(&mut self.order);
        for &(near, i, rect) in &order {
            self.draw(&prims[i as usize], i, near, rect);
        }
        self.order = order;
        self.ground(street, camera, &basis, area);
        for s in shadows {
            self.cast(s, camera, &basis, area);
        }
    }

    fn draw(&mut self, p: &Primitive, i: u32, near: f32, rect: Rect) {
        let view = self.views[i as usize];
        let solid = p.cutout == Cutout::Solid;
        for y in rect.y0..rect.y1 {
            let v = position(y);
            let row = y * self.stride;
            for x in rect.x0..rect.x1 {
                let at = row + x;
                if self.depth[at] <= near {
                    continue;
                }
                let d = view.ray(position(x), v);
                let Some((t0, t1)) = meet(&p.shape, view.o, d) else {
                    continue;
                };
                let there = |t: f32| {
                    t > NEAR && t.is_finite() && (solid || p.cutout.keeps(view.o + d * t, p.half))
                };
                let t = if there(t0) {
                    t0
                } else if !solid && there(t1) {
                    t1
                } else {
                    continue;
                };
                if t < self.depth[at] {
                    self.depth[at] = t;
                    self.id[at] = i;
                }
            }
        }
    }

    /// The ground, where nothing stands before it.
    fn ground(&mut self, street: &Street, camera: &Camera, basis: &[Vec3; 3], area: Rect) {
        let eye = camera.eye();
        for y in area.y0..area.y1 {
            let v = position(y);
            for x in area.x0..area.x1 {
                let at = y * self.stride + x;
                if self.id[at] != SKY {
                    continue;
                }
                let d = basis[0] + basis[1] * position(x) + basis[2] * v;
                if d.y > -1e-4 {
                    continue;
                }
                let t = -eye.y / d.y;
                let (t, id) = if (eye.x + d.x * t).abs() < street.half {
                    (t, ROAD)
                } else {
                    let kerb = if d.x > 0.0 { street.half } else { -street.half };
                    let tk = (kerb - eye.x) / d.x;
                    if eye.y + d.y * tk < KERB {
                        (tk, KERB_FACE)
                    } else {
                        ((KERB - eye.y) / d.y, PAVEMENT)
                    }
                };
                // Beyond this there is only the skyline.
                if t > 900.0 {
                    continue;
                }
                self.depth[at] = t;
                self.id[at] = id;
            }
        }
    }

    /// Darkens the ground below a shadow.
    fn cast(&mut self, s: &Shadow, camera: &Camera, basis: &[Vec3; 3], area: Rect) {
        let corner = |a: f32, b: f32| s.centre + s.u * a + s.v * b;
        let mut box8 = [Vec3::default(); 8];
        for (i, c) in box8.iter_mut().enumerate() {
            let sign = |bit: usize| if i & bit == 0 { -1.0 } else { 1.0 };
            *c = corner(sign(1), sign(2)) + v3(0.0, if i & 4 == 0 { 0.0 } else { KERB }, 0.0);
        }
        let Some((_, rect)) = bounds(&box8, camera, area) else {
            return;
        };
        let det = s.u.x * s.v.z - s.u.z * s.v.x;
        if det.abs() < 1e-6 {
            return;
        }
        let inv = 1.0 / det;
        let eye = camera.eye() - s.centre;
        for y in rect.y0..rect.y1 {
            let v = position(y);
            for x in rect.x0..rect.x1 {
                let at = y * self.stride + x;
                if self.id[at] < ROAD || self.id[at] == SKY {
                    continue;
                }
                let d = basis[0] + basis[1] * position(x) + basis[2] * v;
                let p = eye + d * self.depth[at];
                let a = (p.x * s.v.z - p.z * s.v.x) * inv;
                let b = (p.z * s.u.x - p.x * s.u.z) * inv;
                let k = s.strength(a, b);
                if k > 0.0 {
                    let old = self.shadow[at];
                    self.shadow[at] = old.max(k).max(1.0 - (1.0 - old) * (1.0 - k * 0.6));
                }
            }
        }
    }
}

/// Corners of the box round a primitive; corners 1, 2 and 4 apart in index share an edge.
pub(crate) fn corners(p: &Primitive) -> [Vec3; 8] {
    // A block that leans outwards is wider than its base.
    let (wide, long) = match p.shape {
        Shape::Taper { side, front, back } => (1.0 - side.min(0.0), 1.0 - front.min(back).min(0.0)),
        _ => (1.0, 1.0),
    };
    let half = v3(p.half.x * wide, p.half.y, p.half.z * long);
    let (x, y, z) = (p.axes[0] * half.x, p.axes[1] * half.y, p.axes[2] * half.z);
    let mut out = [p.centre; 8];
    for (i, c) in out.iter_mut().enumerate() {
        let sign = |bit: usize| if i & bit == 0 { -1.0 } else { 1.0 };
        *c += x * sign(1) + y * sign(2) + z * sign(4);
    }
    out
}

/// Least depth of a box and the samples of `area` that may see it; `None` where none does.
pub(crate) fn bounds(corners: &[Vec3; 8], camera: &Camera, area: Rect) -> Option<(f32, Rect)> {
    let (eye, right, down, forward) =
        (camera.eye(), camera.axis(0), camera.axis(1), camera.axis(2));
    let mut seen = [Vec3::default(); 8];
    let mut near = f32::INFINITY;
    for (s, c) in seen.iter_mut().zip(corners) {
        let d = *c - eye;
        *s = v3(d.dot(right), d.dot(down), d.dot(forward));
        near = near.min(s.z);
    }
    let (mut u0, mut v0) = (f32::INFINITY, f32::INFINITY);
    let (mut u1, mut v1) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    let mut add = |p: Vec3| {
        let k = camera.focal_px / p.z;
        let (u, v) = (p.x * k + camera.cx, p.y * k + camera.cy);
        (u0, u1) = (u0.min(u), u1.max(u));
        (v0, v1) = (v0.min(v), v1.max(v));
    };
    for i in 0..8 {
        let a = seen[i];
        if a.z >= NEAR {
            add(a);
        }
        // An edge that passes the near plane is cut there.
        for bit in [1, 2, 4] {
            let b = seen[i ^ bit];
            if a.z < NEAR && b.z >= NEAR {
                let k = (NEAR - a.z) / (b.z - a.z);
                let cut = a.mix(b, k);
                add(v3(cut.x, cut.y, NEAR));
            }
        }
    }
    if u0 > u1 {
        return None;
    }
    let side = SIDE as f32;
    let clamp = |x: f32, lo: usize, hi: usize| (x.clamp(lo as f32, hi as f32)) as usize;
    let rect = Rect {
        x0: clamp((u0 * side - 0.5).floor(), area.x0, area.x1),
        y0: clamp((v0 * side - 0.5).floor(), area.y0, area.y1),
        x1: clamp((u1 * side + 1.5).ceil(), area.x0, area.x1),
        y1: clamp((v1 * side + 1.5).ceil(), area.y0, area.y1),
    };
    (rect.x0 < rect.x1 && rect.y0 < rect.y1).then_some((near.max(NEAR), rect))
}
