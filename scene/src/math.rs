//! Vectors and rotations. World axes: x to the right, y up, z along the street.

use core::ops::{Add, AddAssign, Mul, Neg, Sub};

/// A point or direction, metres where it is a length; also a linear RGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Vec3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

/// Linear RGB, 1.0 is a white wall under the drive's light.
pub(crate) type Rgb = Vec3;

pub(crate) const fn v3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

/// A colour given as it would look on a screen (0 to 255); the renderer's display curve is a
/// square root.
pub(crate) const fn rgb(r: u8, g: u8, b: u8) -> Rgb {
    let (r, g, b) = (r as f32 / 255.0, g as f32 / 255.0, b as f32 / 255.0);
    v3(r * r, g * g, b * b)
}

impl Vec3 {
    pub(crate) fn dot(self, o: Vec3) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub(crate) fn cross(self, o: Vec3) -> Vec3 {
        v3(
            self.y * o.z - self.z * o.y,
            self.z * o.x - self.x * o.z,
            self.x * o.y - self.y * o.x,
        )
    }

    pub(crate) fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Unit vector, or straight up where there is no direction.
    pub(crate) fn unit(self) -> Vec3 {
        let len = self.length();
        if len > 1e-12 {
            self * (1.0 / len)
        } else {
            v3(0.0, 1.0, 0.0)
        }
    }

    /// Product by component.
    pub(crate) fn scale(self, o: Vec3) -> Vec3 {
        v3(self.x * o.x, self.y * o.y, self.z * o.z)
    }

    pub(crate) fn mix(self, o: Vec3, k: f32) -> Vec3 {
        self + (o - self) * k
    }

    /// Mean of the components, as a grey.
    pub(crate) fn grey(self) -> f32 {
        (self.x + self.y + self.z) * (1.0 / 3.0)
    }
}

impl Add for Vec3 {
    type Output = Vec3;
    fn add(self, o: Vec3) -> Vec3 {
        v3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}

impl AddAssign for Vec3 {
    fn add_assign(&mut self, o: Vec3) {
        *self = *self + o;
    }
}

impl Sub for Vec3 {
    type Output = Vec3;
    fn sub(self, o: Vec3) -> Vec3 {
        v3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Vec3;
    fn mul(self, k: f32) -> Vec3 {
        v3(self.x * k, self.y * k, self.z * k)
    }
}

impl Neg for Vec3 {
    type Output = Vec3;
    fn neg(self) -> Vec3 {
        v3(-self.x, -self.y, -self.z)
    }
}

/// 0 below `a`, 1 above `b`, smooth between. `a` must be below `b`.
pub(crate) fn smoothstep(a: f32, b: f32, x: f32) -> f32 {
    let k = ((x - a) / (b - a)).clamp(0.0, 1.0);
    k * k * (3.0 - 2.0 * k)
}

/// How much of a pixel that covers `width` and is centred on `x` lies within `[lo, hi]`, 0 to 1.
pub(crate) fn coverage(x: f32, lo: f32, hi: f32, width: f32) -> f32 {
    let w = width.max(1e-4);
    (((hi - x) / w + 0.5).clamp(0.0, 1.0) - ((lo - x) / w + 0.5).clamp(0.0, 1.0)).max(0.0)
}

/// The integer at or below `x`, for `x` within the range of `i32`. `f32::floor` is a call into a
/// library where the processor may lack an instruction for it.
#[inline]
pub(crate) fn floor_i(x: f32) -> i32 {
    let i = x as i32;
    if (i as f32) > x { i.wrapping_sub(1) } else { i }
}

/// As [`floor_i`], as a float.
#[inline]
pub(crate) fn floor(x: f32) -> f32 {
    floor_i(x) as f32
}

/// `x` modulo `m`, from 0 up to `m`.
pub(crate) fn wrap(x: f32, m: f32) -> f32 {
    x - floor(x / m) * m
}

pub(crate) fn lerp(a: f32, b: f32, k: f32) -> f32 {
    a + (b - a) * k
}
