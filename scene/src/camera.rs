//! The pinhole camera and its pose in each frame.

use crate::math::{Vec3, v3};
use crate::noise::{Stream, noise2};

/// A pinhole camera without distortion, at one moment.
///
/// World axes: x to the right of the street, y up from the road, z along the street; metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Image width in pixels.
    pub width: u32,
    /// Image height in pixels.
    pub height: u32,
    /// Focal length in pixels, the same in both directions.
    pub focal_px: f32,
    /// Principal point in pixels, x; the centre of the first pixel is at 0.5.
    pub cx: f32,
    /// Principal point in pixels, y.
    pub cy: f32,
    /// Where the camera is: x, y (its height above the road), z in metres.
    pub position: [f32; 3],
    /// Rows are the camera's right, down and forward in world axes.
    pub rotation: [[f32; 3]; 3],
}

impl Camera {
    /// Pixel of a world point and its depth along the optical axis in metres; `None` where the
    /// point is not in front of the camera. The pixel may lie outside the image.
    pub fn project(&self, point: [f32; 3]) -> Option<(f32, f32, f32)> {
        let d = v3(point[0], point[1], point[2]) - self.eye();
        let depth = d.dot(self.axis(2));
        if depth <= NEAR {
            return None;
        }
        let k = self.focal_px / depth;
        Some((
            d.dot(self.axis(0)) * k + self.cx,
            d.dot(self.axis(1)) * k + self.cy,
            depth,
        ))
    }

    /// Row at which the horizon crosses column `u`, in pixels; may lie outside the image.
    pub fn horizon_row(&self, u: f32) -> f32 {
        let (right, down, forward) = (self.axis(0), self.axis(1), self.axis(2));
        let level = forward.y + right.y * (u - self.cx) / self.focal_px;
        self.cy - level * self.focal_px / down.y
    }

    pub(crate) fn eye(&self) -> Vec3 {
        v3(self.position[0], self.position[1], self.position[2])
    }

    pub(crate) fn axis(&self, i: usize) -> Vec3 {
        let r = self.rotation[i];
        v3(r[0], r[1], r[2])
    }

    /// Direction of the ray through pixel (u, v) as `d0 + du*u + dv*v`: depth 1 along the optical
    /// axis, so that a multiple of it is a depth.
    pub(crate) fn ray_basis(&self) -> [Vec3; 3] {
        let inv = 1.0 / self.focal_px;
        let (du, dv) = (self.axis(0) * inv, self.axis(1) * inv);
        [self.axis(2) - du * self.cx - dv * self.cy, du, dv]
    }
}

/// Nothing nearer than this is drawn, in metres.
pub(crate) const NEAR: f32 = 0.15;

/// How a drive's camera is mounted, round which it shakes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mounting {
    /// Above the road in metres.
    pub height_m: f32,
    /// Down in radians.
    pub pitch: f32,
    /// Right side down in radians.
    pub roll: f32,
    /// To the right of the vehicle's axis in radians.
    pub yaw: f32,
}

/// How a drive's camera is mounted and how it shakes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mount {
    focal: f32,
    height: f32,
    pitch: f32,
    yaw: f32,
    roll: f32,
    shake: f32,
    seed: u32,
}

impl Mount {
    pub(crate) fn new(seed: u64) -> Mount {
        let mut s = Stream::new(seed, 0xca3e, 0);
        Mount {
            focal: s.range(0.88, 1.22),
            height: s.range(1.2, 1.6),
            // Looking down by this much; the horizon is a little above the middle.
            pitch: s.range(-0.015, 0.055),
            yaw: s.range(-0.03, 0.03),
            roll: s.range(-0.012, 0.012),
            shake: s.range(0.2, 1.0),
            seed: s.bits(),
        }
    }

    pub(crate) fn mounting(&self) -> Mounting {
        Mounting {
            height_m: self.height,
            pitch: self.pitch,
            roll: self.roll,
            yaw: self.yaw,
        }
    }

    /// The camera at time `t` (s), at `x`, `z` (m), its course turned by `course` (rad, to the
    /// right).
    pub(crate) fn at(&self, size: (u32, u32), t: f32, x: f32, z: f32, course: f32) -> Camera {
        let wobble = |rate: f32, k: u32| {
            (noise2(t * rate, 0.37, self.seed.wrapping_add(k)) - 0.5) * 2.0 * self.shake
        };
        let pitch = self.pitch + 0.004 * wobble(2.7, 1) + 0.0015 * wobble(9.0, 2);
        let roll = self.roll + 0.004 * wobble(1.9, 3);
        let yaw = self.yaw + course + 0.004 * wobble(0.6, 4);
        let y = self.height + 0.015 * wobble(3.1, 5);
        let (sy, cy) = (libm::sinf(yaw), libm::cosf(yaw));
        let (sp, cp) = (libm::sinf(pitch), libm::cosf(pitch));
        let (sr, cr) = (libm::sinf(roll), libm::cosf(roll));
        let forward = v3(sy * cp, -sp, cy * cp);
        let level = v3(cy, 0.0, -sy);
        let down = level.cross(forward).unit();
        let right = level * cr + down * sr;
        let down = down * cr - level * sr;
        Camera {
            width: size.0,
            height: size.1,
            focal_px: self.focal * size.0.max(size.1) as f32,
            cx: size.0 as f32 * 0.5,
            cy: size.1 as f32 * 0.5,
            position: [x, y, z],
            rotation: [
                [right.x, right.y, right.z],
                [down.x, down.y, down.z],
                [forward.x, forward.y, forward.z],
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_orthonormal_and_down_points_down() {
        for seed in 0..20 {
            let c = Mount::new(seed).at((480, 360), 1.3, -2.0, 50.0, 0.1);
            for i in 0..3 {
                for j in 0..3 {
                    let want = if i == j { 1.0 } else { 0.0 };
                    assert!((c.axis(i).dot(c.axis(j)) - want).abs() < 1e-5);
                }
            }
            assert!(c.axis(1).y < -0.9);
        }
    }

    #[test]
    fn projection_inverts_the_rays() {
        let c = Mount::new(3).at((480, 360), 0.0, -2.0, 50.0, 0.0);
        let [d0, du, dv] = c.ray_basis();
        let p = c.eye() + (d0 + du * 100.0 + dv * 200.0) * 7.0;
        let (u, v, depth) = c.project([p.x, p.y, p.z]).unwrap();
        assert!((u - 100.0).abs() < 0.01 && (v - 200.0).abs() < 0.01 && (depth - 7.0).abs() < 1e-3);
    }

    #[test]
    fn far_ground_is_at_the_horizon() {
        let c = Mount::new(3).at((480, 360), 0.0, 0.0, 0.0, 0.0);
        let (u, v, _) = c.project([0.0, c.position[1], 1e6]).unwrap();
        assert!((v - c.horizon_row(u)).abs() < 0.05);
    }
}
