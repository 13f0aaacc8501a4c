//! The colour and the truth of each pixel, from what its samples see.

use crate::camera::Camera;
use crate::class::Class;
use crate::ground::Street;
use crate::look::Look;
use crate::material::Spot;
use crate::math::{Rgb, Vec3, smoothstep, v3};
use crate::noise::noise2;
use crate::primitive::{Primitive, normal, world_normal};
use crate::raster::{KERB_FACE, PAVEMENT, ROAD, Rect, SIDE, SKY, Samples, position};
use crate::render::Rendered;
use crate::world::World;

/// Everything that shading one frame looks at.
pub(crate) struct Shader<'a> {
    pub(crate) prims: &'a [Primitive],
    pub(crate) samples: &'a Samples,
    pub(crate) world: &'a World,
    pub(crate) street: &'a Street,
    pub(crate) look: &'a Look,
    pub(crate) camera: &'a Camera,
    pub(crate) basis: [Vec3; 3],
    pub(crate) time: f32,
}

#[derive(Debug, Clone, Copy)]
struct Shaded {
    colour: Rgb,
    class: Class,
    instance: u16,
    metres: f32,
}

impl Shader<'_> {
    /// Fills `linear` and the ground truth of `out`.
    pub(crate) fn shade(&self, linear: &mut [Rgb], out: &mut Rendered) {
        let (w, h) = (self.camera.width as usize, self.camera.height as usize);
        for y in 0..h {
            for x in 0..w {
                let (colour, truth) = self.pixel(x, y);
                let i = y * w + x;
                linear[i] = colour;
                out.class[i] = truth.class.id();
                out.instance[i] = truth.instance;
                out.distance_m[i] = truth.metres;
                out.anomaly[i] = u8::from(truth.class == Class::Void);
            }
        }
    }

    /// Colour of a pixel, and what most of its samples see: the nearest where they disagree.
    fn pixel(&self, x: usize, y: usize) -> (Rgb, Shaded) {
        let s = self.samples;
        let first = y * SIDE * s.stride + x * SIDE;
        let at = [first, first + 1, first + s.stride, first + s.stride + 1];
        let ids = at.map(|i| s.id[i]);
        let sample = |k: usize| {
            self.sample(
                at[k],
                position(x * SIDE + (k & 1)),
                position(y * SIDE + (k >> 1)),
            )
        };
        // Samples of one surface share a colour: patterns are filtered to the pixel's width.
        let first = sample(0);
        if ids[1] == ids[0] && ids[2] == ids[0] && ids[3] == ids[0] {
            return (first.colour, first);
        }
        let mut all = [first; 4];
        for k in 1..4 {
            let twin = (0..k).find(|&j| ids[j] == ids[k]);
            all[k] = twin.map_or_else(|| sample(k), |j| all[j]);
        }
        let colour = all.iter().fold(Vec3::default(), |c, s| c + s.colour) * 0.25;
        let votes = |k: usize| {
            let same = |s: &&Shaded| s.class == all[k].class && s.instance == all[k].instance;
            all.iter().filter(same).count()
        };
        let best = (1..4).fold(0, |b, k| {
            let (old, new) = (votes(b), votes(k));
            let nearer = all[k].metres < all[b].metres;
            if new > old || (new == old && nearer) {
                k
            } else {
                b
            }
        });
        (colour, all[best])
    }

    /// Whether a pixel of `area` (whole pixels) shows `class`, as [`Shader::shade`] would say.
    pub(crate) fn shows(&self, class: Class, area: Rect) -> bool {
        (area.y0 / SIDE..area.y1 / SIDE)
            .any(|y| (area.x0 / SIDE..area.x1 / SIDE).any(|x| self.pixel(x, y).1.class == class))
    }

    fn sample(&self, at: usize, u: f32, v: f32) -> Shaded {
        let id = self.samples.id[at];
        let ray = self.basis[0] + self.basis[1] * u + self.basis[2] * v;
        let stretch = ray.length();
        let dir = ray * (1.0 / stretch);
        if id == SKY {
            return self.distance(dir);
        }
        let depth = self.samples.depth[at];
        let metres = depth * stretch;
        let p = self.camera.eye() + ray * depth;
        let foot = depth / self.camera.focal_px * 0.8;
        if id >= ROAD {
            return self.ground(id, p, dir, metres, foot, self.samples.shadow[at]);
        }
        let prim = &self.prims[id as usize];
        let view = self.samples.view(id);
        let q = view.o + view.ray(u, v) * depth;
        let (n, face) = normal(&prim.shape, q);
        let mut n = world_normal(prim, n);
        let mut facing = -n.dot(dir);
        if facing < 0.0 {
            (n, facing) = (-n, -facing);
        }
        let spot = Spot {
            q,
            p: q.scale(prim.half),
            half: prim.half,
            face,
            foot: foot / facing.max(0.25),
        };
        let surface = prim.material.at(&spot);
        let mut c = surface.albedo.scale(self.look.light(n, p.y));
        if surface.gloss > 0.0 {
            let mirror = dir + n * (2.0 * facing);
            let graze = 1.0 - facing;
            let k = surface.gloss * (0.12 + 0.75 * graze * graze * graze);
            c = c.mix(self.look.mirrored(mirror), k.min(0.9));
            let spark = mirror.dot(self.look.sun).max(0.0);
            let spark = spark * spark * spark * spark;
            c += self.look.sun_colour * (surface.gloss * spark * spark * spark);
        }
        c += surface.albedo * surface.glow;
        Shaded {
            colour: self.look.hazed(c, metres),
            class: prim.class,
            instance: prim.instance,
            metres,
        }
    }

    fn distance(&self, dir: Vec3) -> Shaded {
        let skyline = if dir.y < 0.06 {
            self.look.skyline(dir)
        } else {
            None
        };
        if let Some((trees, colour)) = skyline {
            let class = if trees { Class::Tree } else { Class::Building };
            return Shaded {
                colour,
                class,
                instance: 0,
                metres: SKYLINE_M,
            };
        }
        Shaded {
            colour: self.look.sky(dir, self.time),
            class: Class::Sky,
            instance: 0,
            metres: f32::INFINITY,
        }
    }

    fn ground(&self, id: u32, p: Vec3, dir: Vec3, metres: f32, foot: f32, shadow: f32) -> Shaded {
        let along = foot / (-dir.y).max(0.002);
        let g = match id {
            KERB_FACE => self.street.kerb_side(p.z, foot),
            ROAD | PAVEMENT => {
                let beyond = self.world.beyond(p.z, p.x > 0.0);
                // A hair's breadth decides which side of the kerb a rounded x is on.
                let x = if id == ROAD {
                    p.x.clamp(-self.street.half * 0.9999, self.street.half * 0.9999)
                } else {
                    let least = self.street.half * 1.0001;
                    if p.x < 0.0 {
                        p.x.min(-least)
                    } else {
                        p.x.max(least)
                    }
                };
                self.street.at(x, p.z, foot, along, beyond)
            }
            _ => self.street.kerb_side(p.z, foot),
        };
        let n = if g.kerb_face {
            v3(if p.x > 0.0 { -1.0 } else { 1.0 }, 0.0, 0.0)
        } else {
            v3(0.0, 1.0, 0.0)
        };
        let wet = self.look.wet;
        let mut c = g.albedo * (1.0 - 0.35 * wet);
        c = c.scale(self.look.light(n, 1.0)) * (1.0 - shadow);
        let puddle = if wet > 0.0 {
            wet * (0.25 + 0.75 * smoothstep(0.45, 0.62, noise2(p.x * 0.8, p.z * 0.25, 77)))
        } else {
            0.0
        };
        let graze = 1.0 + dir.y;
        let k = (g.gloss + 0.5 * puddle) * graze * graze * graze;
        if k > 0.003 && !g.kerb_face {
            let mirror = v3(dir.x, -dir.y, dir.z);
            c = c.mix(
                self.look.mirrored(mirror + v3(0.0, 0.1, 0.0)),
                k * (1.0 - 0.8 * shadow),
            );
        }
        Shaded {
            colour: self.look.hazed(c, metres),
            class: g.class,
            instance: 0,
            metres,
        }
    }
}

/// Distance given to the skyline, in metres.
pub(crate) const SKYLINE_M: f32 = 900.0;
