//! The shapes that everything is built of, and where a ray meets them.

use crate::camera::Camera;
use crate::class::Class;
use crate::cutout::Cutout;
use crate::material::Material;
use crate::math::{Vec3, v3};

/// A shape in its own unit space, from -1 to 1 along each local axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Block,
    /// A block whose top is smaller: the sides lean in by these parts of the half size at the
    /// left and right, at the front (+z) and at the back. `front = back = 1` is a gable roof.
    Taper {
        side: f32,
        front: f32,
        back: f32,
    },
    Ball,
    /// Along y; the radius at the top is `tip` times that at the bottom. Closed at both ends.
    Cone {
        tip: f32,
    },
    /// The square z = 0.
    Sheet,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Primitive {
    pub(crate) shape: Shape,
    pub(crate) centre: Vec3,
    /// Unit local axes in world coordinates.
    pub(crate) axes: [Vec3; 3],
    /// Half sizes along them in metres, above 0.
    pub(crate) half: Vec3,
    pub(crate) material: Material,
    pub(crate) cutout: Cutout,
    pub(crate) class: Class,
    pub(crate) instance: u16,
}

/// A primitive as one camera sees it: rays in its unit space are `d0 + du*u + dv*v` from `o`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) o: Vec3,
    d0: Vec3,
    du: Vec3,
    dv: Vec3,
}

impl View {
    pub(crate) fn new(p: &Primitive, camera: &Camera, basis: &[Vec3; 3]) -> View {
        let inv = v3(1.0 / p.half.x, 1.0 / p.half.y, 1.0 / p.half.z);
        let local = |w: Vec3| v3(w.dot(p.axes[0]), w.dot(p.axes[1]), w.dot(p.axes[2])).scale(inv);
        View {
            o: local(camera.eye() - p.centre),
            d0: local(basis[0]),
            du: local(basis[1]),
            dv: local(basis[2]),
        }
    }

    /// Ray through (u, v), at the left end of a row of them.
    pub(crate) fn ray(&self, u: f32, v: f32) -> Vec3 {
        self.d0 + self.du * u + self.dv * v
    }
}

/// The two depths at which a ray enters and leaves a shape; the second is infinite for a sheet.
/// `None` where it misses.
#[inline(always)]
pub(crate) fn meet(shape: &Shape, o: Vec3, d: Vec3) -> Option<(f32, f32)> {
    match *shape {
        Shape::Block => {
            let (mut t0, mut t1) = (f32::NEG_INFINITY, f32::INFINITY);
            for (o, d) in [(o.x, d.x), (o.y, d.y), (o.z, d.z)] {
                let inv = 1.0 / d;
                let (a, b) = ((-1.0 - o) * inv, (1.0 - o) * inv);
                // A NaN (0/0, the ray in the plane of a side) leaves the bounds as they are.
                t0 = t0.max(a.min(b));
                t1 = t1.min(a.max(b));
            }
            (t0 <= t1).then_some((t0, t1))
        }
        Shape::Taper { side, front, back } => {
            let (mut t0, mut t1) = (f32::NEG_INFINITY, f32::INFINITY);
            for (n, limit) in taper_planes(side, front, back) {
                let (dist, speed) = (limit - n.dot(o), n.dot(d));
                if speed > 0.0 {
                    t1 = t1.min(dist / speed);
                } else if speed < 0.0 {
                    t0 = t0.max(dist / speed);
                } else if dist < 0.0 {
                    return None;
                }
            }
            (t0 <= t1).then_some((t0, t1))
        }
        Shape::Ball => roots(d.dot(d), o.dot(d), o.dot(o) - 1.0),
        Shape::Cone { tip } => {
            let (m, k) = ((1.0 + tip) * 0.5, (tip - 1.0) * 0.5);
            let (ro, rd) = (m + k * o.y, k * d.y);
            let (a, b) = (
                d.x * d.x + d.z * d.z - rd * rd,
                o.x * d.x + o.z * d.z - ro * rd,
            );
            let c = o.x * o.x + o.z * o.z - ro * ro;
            let inv = 1.0 / d.y;
            let (y0, y1) = ((-1.0 - o.y) * inv, (1.0 - o.y) * inv);
            let (mut lo, mut hi) = (y0.min(y1), y0.max(y1));
            if a > 0.0 {
                let (t0, t1) = roots(a, b, c)?;
                lo = lo.max(t0);
                hi = hi.min(t1);
            } else {
                // Steeper than the mantle: in through an end, or from without through the mantle.
                let inside = (a * lo + 2.0 * b) * lo + c <= 0.0;
                if !inside {
                    let disc = b * b - a * c;
                    if disc < 0.0 || a == 0.0 {
                        return None;
                    }
                    // The larger root, as `a` is below 0.
                    lo = lo.max((-b - disc.sqrt()) / a);
                }
            }
            (lo <= hi).then_some((lo, hi))
        }
        Shape::Sheet => {
            let t = -o.z / d.z;
            let (x, y) = (o.x + d.x * t, o.y + d.y * t);
            (x.abs() <= 1.0 && y.abs() <= 1.0).then_some((t, f32::INFINITY))
        }
    }
}

/// Where `a t² + 2 b t + c` is 0 or less, for `a` above 0.
fn roots(a: f32, b: f32, c: f32) -> Option<(f32, f32)> {
    let disc = b * b - a * c;
    if disc < 0.0 || a <= 0.0 {
        return None;
    }
    let (root, inv) = (disc.sqrt(), 1.0 / a);
    Some(((-b - root) * inv, (-b + root) * inv))
}

/// Planes `n·p <= limit` round a tapered block.
fn taper_planes(side: f32, front: f32, back: f32) -> [(Vec3, f32); 6] {
    // A side that leans in by s: x <= 1 - s (y + 1) / 2.
    let (s, f, b) = (side * 0.5, front * 0.5, back * 0.5);
    [
        (v3(1.0, s, 0.0), 1.0 - s),
        (v3(-1.0, s, 0.0), 1.0 - s),
        (v3(0.0, f, 1.0), 1.0 - f),
        (v3(0.0, b, -1.0), 1.0 - b),
        (v3(0.0, 1.0, 0.0), 1.0),
        (v3(0.0, -1.0, 0.0), 1.0),
    ]
}

/// Which face of a block-like shape a point is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Side,
    Front,
    Back,
    Top,
    Bottom,
    /// Of a round shape or a sheet.
    Round,
}

/// Outward normal in unit space (not of unit length) and face at a point of the surface.
pub(crate) fn normal(shape: &Shape, q: Vec3) -> (Vec3, Face) {
    let planes = match *shape {
        Shape::Ball => return (q, Face::Round),
        Shape::Sheet => return (v3(0.0, 0.0, -1.0), Face::Round),
        Shape::Cone { tip } => {
            let r = 1.0 + (tip - 1.0) * (q.y + 1.0) * 0.5;
            let rim = (q.x * q.x + q.z * q.z).sqrt();
            // Nearer to an end than to the mantle?
            if q.y.abs() > 0.999 && rim < r * 0.999 {
                let top = q.y > 0.0;
                let face = if top { Face::Top } else { Face::Bottom };
                return (v3(0.0, if top { 1.0 } else { -1.0 }, 0.0), face);
            }
            return (v3(q.x, (1.0 - tip) * 0.5 * rim, q.z), Face::Round);
        }
        Shape::Block => taper_planes(0.0, 0.0, 0.0),
        Shape::Taper { side, front, back } => taper_planes(side, front, back),
    };
    let mut best = 0;
    let mut least = f32::INFINITY;
    for (i, (n, limit)) in planes.iter().enumerate() {
        let slack = (limit - n.dot(q)).abs();
        if slack < least {
            (best, least) = (i, slack);
        }
    }
    let face = [
        Face::Side,
        Face::Side,
        Face::Front,
        Face::Back,
        Face::Top,
        Face::Bottom,
    ][best];
    (planes[best].0, face)
}

/// Normal of the surface in world axes, of length 1.
pub(crate) fn world_normal(p: &Primitive, local: Vec3) -> Vec3 {
    let n = v3(local.x / p.half.x, local.y / p.half.y, local.z / p.half.z);
    (p.axes[0] * n.x + p.axes[1] * n.y + p.axes[2] * n.z).unit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rays_meet_each_shape_where_they_should() {
        let o = v3(0.0, 0.0, -5.0);
        let d = v3(0.0, 0.0, 1.0);
        let near = |shape| meet(&shape, o, d).unwrap().0;
        assert_eq!(near(Shape::Block), 4.0);
        assert_eq!(near(Shape::Ball), 4.0);
        assert_eq!(near(Shape::Cone { tip: 1.0 }), 4.0);
        assert_eq!(near(Shape::Cone { tip: 0.5 }), 4.25);
        assert_eq!(
            near(Shape::Taper {
                side: 0.0,
                front: 1.0,
                back: 1.0
            }),
            4.5
        );
        assert_eq!(near(Shape::Sheet), 5.0);
        let aside = v3(0.0, 3.0, -5.0);
        for shape in [
            Shape::Block,
            Shape::Ball,
            Shape::Sheet,
            Shape::Cone { tip: 0.5 },
            Shape::Taper {
                side: 0.1,
                front: 0.2,
                back: 0.3,
            },
        ] {
            assert_eq!(meet(&shape, aside, d), None, "{shape:?}");
        }
    }

    #[test]
    fn faces_are_named_after_their_direction() {
        assert_eq!(normal(&Shape::Block, v3(0.3, 1.0, 0.2)).1, Face::Top);
        assert_eq!(normal(&Shape::Block, v3(-1.0, 0.1, 0.2)).1, Face::Side);
        assert_eq!(normal(&Shape::Block, v3(0.0, 0.1, -1.0)).1, Face::Back);
    }
}
