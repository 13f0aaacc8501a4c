//! Puts primitives together into things.

use crate::class::Class;
use crate::cutout::Cutout;
use crate::material::Material;
use crate::math::{Vec3, v3};
use crate::primitive::{Primitive, Shape};

/// Builds one thing in its own axes (x to its right, y up, z ahead; metres, the origin on the
/// ground) and adds its primitives, placed in the world, to a list.
pub(crate) struct Builder<'a> {
    out: &'a mut Vec<Primitive>,
    origin: Vec3,
    axes: [Vec3; 3],
    class: Class,
    instance: u16,
}

impl<'a> Builder<'a> {
    /// A thing at `origin`, its z axis turned from the street's by `yaw` (rad, to the right).
    pub(crate) fn new(
        out: &'a mut Vec<Primitive>,
        class: Class,
        instance: u16,
        origin: Vec3,
        yaw: f32,
    ) -> Builder<'a> {
        Builder {
            out,
            origin,
            axes: yawed(yaw),
            class,
            instance,
        }
    }

    /// The same place, with other classes and pixels counted to `class`.
    pub(crate) fn class(&mut self, class: Class) -> &mut Self {
        self.class = class;
        self
    }

    /// Rolls the whole thing about its z axis by `angle` (rad), then lifts it by `lift`.
    pub(crate) fn tilt(&mut self, angle: f32, lift: f32) -> &mut Self {
        let (s, c) = (libm::sinf(angle), libm::cosf(angle));
        let [x, y, z] = self.axes;
        self.axes = [x * c + y * s, y * c - x * s, z];
        self.origin.y += lift;
        self
    }

    fn world(&self, p: Vec3) -> Vec3 {
        self.origin + self.turn(p)
    }

    fn turn(&self, d: Vec3) -> Vec3 {
        self.axes[0] * d.x + self.axes[1] * d.y + self.axes[2] * d.z
    }

    fn push(&mut self, shape: Shape, centre: Vec3, axes: [Vec3; 3], half: Vec3, m: Material) {
        let least = 0.002;
        self.out.push(Primitive {
            shape,
            centre: self.world(centre),
            axes: [self.turn(axes[0]), self.turn(axes[1]), self.turn(axes[2])],
            half: v3(half.x.max(least), half.y.max(least), half.z.max(least)),
            material: m,
            cutout: Cutout::Solid,
            class: self.class,
            instance: self.instance,
        });
    }

    /// Gives the last part holes.
    pub(crate) fn cut(&mut self, cutout: Cutout) -> &mut Self {
        if let Some(last) = self.out.last_mut() {
            last.cutout = cutout;
        }
        self
    }

    pub(crate) fn block(&mut self, centre: Vec3, half: Vec3, m: Material) -> &mut Self {
        self.block_at(centre, half, 0.0, m)
    }

    pub(crate) fn block_at(&mut self, c: Vec3, half: Vec3, yaw: f32, m: Material) -> &mut Self {
        self.push(Shape::Block, c, yawed(yaw), half, m);
        self
    }

    /// See [`Shape::Taper`]; `lean` is its side, front and back.
    pub(crate) fn taper(&mut self, c: Vec3, half: Vec3, lean: [f32; 3], m: Material) -> &mut Self {
        let [side, front, back] = lean;
        self.push(Shape::Taper { side, front, back }, c, yawed(0.0), half, m);
        self
    }

    pub(crate) fn ball(&mut self, centre: Vec3, half: Vec3, m: Material) -> &mut Self {
        self.push(Shape::Ball, centre, yawed(0.0), half, m);
        self
    }

    /// An ellipsoid whose z axis is tipped up by `pitch` (rad).
    pub(crate) fn egg(&mut self, centre: Vec3, half: Vec3, pitch: f32, m: Material) -> &mut Self {
        let (s, c) = (libm::sinf(pitch), libm::cosf(pitch));
        let axes = [v3(1.0, 0.0, 0.0), v3(0.0, c, -s), v3(0.0, s, c)];
        self.push(Shape::Ball, centre, axes, half, m);
        self
    }

    /// A round bar from `a` to `b` with these radii.
    pub(crate) fn rod(&mut self, a: Vec3, b: Vec3, ra: f32, rb: f32, m: Material) -> &mut Self {
        // The thicker end is the bottom.
        let (a, b, ra, rb) = if rb > ra {
            (b, a, rb, ra)
        } else {
            (a, b, ra, rb)
        };
        let y = (b - a).unit();
        let other = if y.y.abs() > 0.9 {
            v3(0.0, 0.0, 1.0)
        } else {
            v3(0.0, 1.0, 0.0)
        };
        let x = y.cross(other).unit();
        let half = v3(ra, (b - a).length() * 0.5, ra);
        let shape = Shape::Cone {
            tip: rb / ra.max(1e-4),
        };
        self.push(shape, (a + b) * 0.5, [x, y, x.cross(y)], half, m);
        self
    }

    /// An upright sheet whose normal is turned from z by `yaw`.
    pub(crate) fn sheet(&mut self, c: Vec3, w: f32, h: f32, yaw: f32, m: Material) -> &mut Self {
        self.push(Shape::Sheet, c, yawed(yaw), v3(w, h, 0.001), m);
        self
    }
}

fn yawed(yaw: f32) -> [Vec3; 3] {
    let (s, c) = (libm::sinf(yaw), libm::cosf(yaw));
    [v3(c, 0.0, -s), v3(0.0, 1.0, 0.0), v3(s, 0.0, c)]
}
