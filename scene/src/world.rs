//! What stands and moves along the street.

use crate::anomaly::{Encounter, Road};
use crate::builder::Builder;
use crate::camera::Camera;
use crate::class::Class;
use crate::config::DriveConfig;
use crate::ground::{Beyond, Street};
use crate::look::Look;
use crate::material::{Facade, Material, Pattern};
use crate::math::{Vec3, rgb, smoothstep, v3};
use crate::noise::Stream;
use crate::primitive::Primitive;

/// A patch of ground that the sun does not reach: a parallelogram with half sides `u` and `v`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shadow {
    pub(crate) centre: Vec3,
    pub(crate) u: Vec3,
    pub(crate) v: Vec3,
    /// How dark, 0 to 1.
    pub(crate) dark: f32,
    /// Part of the half side over which it fades.
    pub(crate) soft: f32,
    pub(crate) round: bool,
}

impl Shadow {
    /// Darkness at (a, b), each -1 to 1 inside.
    pub(crate) fn strength(&self, a: f32, b: f32) -> f32 {
        let r = if self.round { (a * a + b * b).sqrt() } else { a.abs().max(b.abs()) };
        self.dark * (1.0 - smoothstep(1.0 - self.soft, 1.0, r))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    prims: Vec<Primitive>,
}

impl World {
    pub(crate) fn new(c: &DriveConfig, street: &Street, _r: &Road, _e: Option<&Encounter>) -> World {
        let mut prims = Vec::new();
        for k in 0..40u16 {
            for side in [-1.0, 1.0] {
                let mut s = Stream::new(c.seed, 1, u64::from(k) * 2 + u64::from(side > 0.0));
                let f = Facade::random(&mut s);
                let m = Material::new(Pattern::Facade(f), rgb(150, 110, 90), rgb(160, 150, 140), s.bits());
                let h = s.range(3.0, 7.0);
                let x = side * (street.half + street.pavement + 4.0);
                let mut b = Builder::new(&mut prims, Class::Building, 1 + k, v3(x, 0.0, f32::from(k) * 14.0), 0.0);
                b.block(v3(0.0, h, 0.0), v3(4.0, h, 7.0), m);
            }
        }
        World { prims }
    }
    pub(crate) fn beyond(&self, _z: f32, _right: bool) -> Beyond {
        Beyond::Paving
    }
    pub(crate) fn collect(&self, _t: f32, _c: &Camera, _l: &Look, prims: &mut Vec<Primitive>, _s: &mut Vec<Shadow>) {
        prims.extend_from_slice(&self.prims);
    }
}

pub(crate) fn shadow_of(_p: &[Primitive], _l: &Look, _s: &mut Vec<Shadow>) {}
