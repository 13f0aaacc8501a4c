//! The light and the camera's rendering of a drive: sun, sky, haze, exposure, sensor.

use crate::math::{Rgb, Vec3, coverage, floor, floor_i, rgb, smoothstep, v3};
use crate::noise::{Stream, cell, fbm2, noise2};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Towards the sun, of length 1.
    pub(crate) sun: Vec3,
    pub(crate) sun_colour: Rgb,
    /// How dark a sun shadow is on the ground, 0 to 1.
    pub(crate) shadow: f32,
    /// Light from above and from below.
    sky_light: Rgb,
    ground_light: Rgb,
    zenith: Rgb,
    horizon: Rgb,
    cloud: Rgb,
    cloud_dark: Rgb,
    cover: f32,
    pub(crate) haze: Rgb,
    haze_per_m: f32,
    /// 0 dry to 1 soaked.
    pub(crate) wet: f32,
    pub(crate) exposure: f32,
    /// White balance and saturation.
    pub(crate) tint: Rgb,
    pub(crate) saturation: f32,
    pub(crate) vignette: f32,
    /// 0 as it is, 1 a strong S-curve.
    pub(crate) contrast: f32,
    /// Standard deviation of sensor noise at mid grey, in 8-bit steps.
    pub(crate) noise: f32,
    /// 0 sharp to 1 soft.
    pub(crate) blur: f32,
    seed: u32,
}

impl Look {
    pub(crate) fn new(seed: u64) -> Look {
        let mut s = Stream::new(seed, 0x100c, 0);
        let weather = s.unit();
        let azimuth = s.range(0.0, core::f32::consts::TAU);
        let height = s.range(0.32, 0.9);
        let flat = (1.0 - height * height).sqrt();
        let sun = v3(
            flat * libm::cosf(azimuth),
            height,
            flat * libm::sinf(azimuth),
        );
        let warm = rgb(
            255,
            s.range(225.0, 248.0) as u8,
            s.range(190.0, 235.0) as u8,
        );
        // Overcast, mixed, sunny, dusk.
        let (sun_k, ambient, cover, zenith, horizon, cloud, dark) = if weather < 0.42 {
            let white = s.range(0.75, 1.25);
            let c = v3(0.93, 0.97, 1.0) * white;
            (
                s.range(0.0, 0.25),
                s.range(0.62, 0.85),
                s.range(0.75, 1.0),
                c * 0.9,
                c,
                c,
                c * 0.72,
            )
        } else if weather < 0.65 {
            let blue = rgb(120, 165, 215);
            (
                s.range(0.3, 0.8),
                s.range(0.5, 0.7),
                s.range(0.4, 0.75),
                blue * s.range(0.8, 1.2),
                rgb(225, 235, 242),
                rgb(250, 250, 250),
                rgb(170, 178, 188),
            )
        } else if weather < 0.86 {
            let blue = rgb(95, 150, 220);
            (
                s.range(0.9, 1.5),
                s.range(0.35, 0.55),
                s.range(0.05, 0.4),
                blue * s.range(0.8, 1.4),
                rgb(235, 242, 248),
                rgb(255, 255, 255),
                rgb(205, 210, 220),
            )
        } else {
            let grey = s.range(0.5, 0.9);
            (
                s.range(0.0, 0.15),
                s.range(0.16, 0.32),
                s.range(0.5, 0.9),
                rgb(120, 140, 160) * grey,
                rgb(215, 222, 215) * grey,
                rgb(205, 215, 220) * grey,
                rgb(90, 102, 110) * grey,
            )
        };
        let level = ambient + sun_k * 0.4;
        Look {
            sun,
            sun_colour: warm * sun_k,
            shadow: (sun_k / (sun_k + ambient)).min(0.8),
            sky_light: v3(0.95, 0.99, 1.05) * ambient,
            ground_light: v3(0.5, 0.47, 0.43) * (ambient + 0.3 * sun_k),
            zenith,
            horizon,
            cloud,
            cloud_dark: dark,
            cover,
            haze: horizon.mix(v3(1.0, 1.0, 1.0) * horizon.grey(), 0.3) * 0.75,
            haze_per_m: s.range(0.0002, 0.0016),
            wet: if weather < 0.42 && s.chance(0.35) {
                s.range(0.3, 1.0)
            } else {
                0.0
            },
            exposure: s.range(0.6, 1.15) / level.max(0.55),
            tint: v3(s.range(0.94, 1.05), 1.0, s.range(0.95, 1.08)),
            saturation: s.range(0.5, 0.98),
            vignette: s.range(0.0, 0.35),
            contrast: s.range(0.1, 0.9),
            noise: s.range(0.8, 3.2),
            blur: s.range(0.1, 0.9),
            seed: s.bits(),
        }
    }

    /// Light on a surface with this normal, `y` metres above the ground.
    pub(crate) fn light(&self, n: Vec3, y: f32) -> Rgb {
        let up = 0.5 + 0.5 * n.y;
        let near_ground = 0.62 + 0.38 * smoothstep(0.0, 0.9, y);
        let ambient = self.ground_light.mix(self.sky_light, up) * near_ground;
        ambient + self.sun_colour * n.dot(self.sun).max(0.0)
    }

    /// What a mirror sees in direction `d` (of length 1): the sky, houses below it.
    pub(crate) fn mirrored(&self, d: Vec3) -> Rgb {
        let houses = self.haze * 0.16;
        houses.mix(
            self.horizon.mix(self.zenith, d.y.max(0.0)),
            smoothstep(0.12, 0.4, d.y),
        )
    }

    pub(crate) fn hazed(&self, c: Rgb, metres: f32) -> Rgb {
        let k = metres * self.haze_per_m;
        c.mix(self.haze, k / (1.0 + k))
    }

    /// The sky in direction `d` (of length 1) at time `t` (s).
    pub(crate) fn sky(&self, d: Vec3, t: f32) -> Rgb {
        let up = d.y.max(0.0);
        let clear = self.horizon.mix(self.zenith, (up * 2.2).min(1.0));
        let k = 1.6 / (up + 0.16);
        let (x, z) = (d.x * k + t * 0.01, d.z * k);
        let n = fbm2(x, z, self.seed, 4);
        let edge = 1.0 - self.cover;
        let cloud = smoothstep(edge - 0.14, edge + 0.2, n);
        let relief = noise2(x * 1.9 + 0.3, z * 1.9, self.seed ^ 0xc1);
        let body = self
            .cloud_dark
            .mix(self.cloud, smoothstep(0.25, 0.8, relief * 0.5 + 0.6 * n));
        let glare = d.dot(self.sun).max(0.0);
        let glare = glare * glare * glare * glare;
        (clear.mix(body, cloud) + self.sun_colour * (0.25 * glare * glare)) * 1.35
    }

    /// The skyline where the street is lost to sight: whether direction `d` (of length 1) meets
    /// it, and whether it is trees rather than houses; with its colour.
    pub(crate) fn skyline(&self, d: Vec3) -> Option<(bool, Rgb)> {
        let a = d.x / d.z.abs().max(0.2);
        let trees = cell(floor_i(a * 9.0 + 40.0), i32::from(d.z < 0.0), self.seed) < 0.5;
        let height = if trees {
            0.022 + 0.03 * fbm2(a * 30.0, 0.5, self.seed ^ 7, 3)
        } else {
            let block = floor(a * 42.0);
            0.018 + 0.025 * cell(block as i32, 3, self.seed)
        };
        if d.y > height {
            return None;
        }
        let c = if trees {
            rgb(64, 70, 58) * (0.7 + 0.6 * noise2(a * 220.0, d.y * 240.0, self.seed))
        } else {
            let w = coverage((d.y * 300.0).fract().abs(), 0.3, 0.7, 0.2);
            rgb(100, 92, 86) * (0.8 + 0.3 * cell(floor_i(a * 42.0), 8, self.seed) - 0.25 * w)
        };
        Some((
            trees,
            c.scale(self.light(v3(0.0, 0.3, -0.95), 5.0))
                .mix(self.haze, 0.35),
        ))
    }
}
