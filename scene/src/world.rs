//! What stands and moves along the street.

mod building;
mod furniture;
mod layout;
mod person;
mod traffic;
mod tree;
mod vehicle;

use crate::anomaly::{Encounter, Road};
use crate::camera::Camera;
use crate::config::DriveConfig;
use crate::ground::{Beyond, Street};
use crate::look::Look;
use crate::math::{Vec3, smoothstep, v3};
use crate::primitive::Primitive;
use crate::raster::corners;
use layout::Chunk;
use traffic::Mover;

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
        let r = if self.round {
            (a * a + b * b).sqrt()
        } else {
            a.abs().max(b.abs())
        };
        self.dark * (1.0 - smoothstep(1.0 - self.soft, 1.0, r))
    }
}

/// How far things are drawn, in metres.
pub(crate) const REACH_M: f32 = 260.0;

/// Length of the pieces in which the street is laid out, in metres.
pub(crate) const CHUNK_M: f32 = 20.0;

/// Everything along a drive, laid out once.
#[derive(Debug, Clone)]
pub(crate) struct World {
    chunks: Vec<Chunk>,
    movers: Vec<Mover>,
}

impl World {
    pub(crate) fn new(
        config: &DriveConfig,
        street: &Street,
        look: &Look,
        road: &Road,
        encounter: Option<&Encounter>,
    ) -> World {
        let end = road.start + (config.duration_s * config.speed_mps) as f32 + REACH_M;
        let count = (end / CHUNK_M).ceil() as usize + 1;
        let hide_out = encounter.and_then(|e| e.hide_out());
        let mut instances = 0;
        let chunks = (0..count)
            .map(|i| Chunk::new(config.seed, i, street, look, hide_out, &mut instances))
            .collect();
        let movers = traffic::movers(config, street, road, encounter, &mut instances);
        World { chunks, movers }
    }

    /// What lies beyond the pavement at `z`, on the right or the left.
    pub(crate) fn beyond(&self, z: f32, right: bool) -> Beyond {
        let i = (z / CHUNK_M).max(0.0) as usize;
        self.chunks
            .get(i)
            .map_or(Beyond::Grass, |c| c.beyond[usize::from(right)])
    }

    /// Adds what the camera may see at time `t` (s), and the shadows on the ground.
    pub(crate) fn collect(
        &self,
        t: f32,
        camera: &Camera,
        look: &Look,
        prims: &mut Vec<Primitive>,
        shadows: &mut Vec<Shadow>,
    ) {
        let z = camera.position[2];
        let first = ((z - CHUNK_M) / CHUNK_M).max(0.0) as usize;
        let last = (((z + REACH_M) / CHUNK_M).max(0.0) as usize + 1).min(self.chunks.len());
        for chunk in &self.chunks[first.min(last)..last] {
            prims.extend(chunk.prims.iter().filter(|p| worth_drawing(p, camera)));
            shadows.extend(
                chunk
                    .shadows
                    .iter()
                    .filter(|s| s.centre.z - z < 120.0 && s.centre.z > z - 30.0),
            );
        }
        for m in &self.movers {
            let at = m.place(t);
            if at.z < z - 8.0 || at.z > z + REACH_M {
                continue;
            }
            let from = prims.len();
            m.add(t, prims);
            if at.z < z + 120.0 {
                shadow_of(&prims[from..], look, shadows);
            }
        }
    }
}

/// Whether a primitive is in front of the camera and large enough to be seen.
fn worth_drawing(p: &Primitive, camera: &Camera) -> bool {
    let size = p.half.length();
    let d = p.centre - camera.eye();
    let depth = d.dot(camera.axis(2));
    if depth < -size {
        return false;
    }
    // The second largest half size says how wide the thin way of a pole or a plate is.
    let h = p.half;
    let second = h.x.max(h.y).min(h.x.max(h.z)).min(h.y.max(h.z));
    second * camera.focal_px > 0.12 * depth
}

/// Shadow of one thing: where it touches the ground, and away from the sun.
pub(crate) fn shadow_of(prims: &[Primitive], look: &Look, out: &mut Vec<Shadow>) {
    let (mut lo, mut hi) = (v3(f32::MAX, 0.0, f32::MAX), v3(f32::MIN, 0.0, f32::MIN));
    for c in prims.iter().flat_map(corners) {
        lo = v3(lo.x.min(c.x), lo.y, lo.z.min(c.z));
        hi = v3(hi.x.max(c.x), hi.y.max(c.y), hi.z.max(c.z));
    }
    if lo.x > hi.x {
        return;
    }
    let mid = v3((lo.x + hi.x) * 0.5, 0.0, (lo.z + hi.z) * 0.5);
    let (rx, rz) = ((hi.x - lo.x) * 0.5, (hi.z - lo.z) * 0.5);
    out.push(Shadow {
        centre: mid,
        u: v3(rx * 1.25 + 0.08, 0.0, 0.0),
        v: v3(0.0, 0.0, rz * 1.15 + 0.08),
        dark: 0.62,
        soft: 0.6,
        round: rx.max(rz) < 1.2,
    });
    if look.shadow > 0.12 {
        let tall = hi.y.min(5.0) * 0.9;
        let along = v3(-look.sun.x, 0.0, -look.sun.z) * (tall / look.sun.y);
        let len = along.length().max(0.1);
        let dir = along * (1.0 / len);
        let across = v3(dir.z, 0.0, -dir.x);
        let half_across = rx * across.x.abs() + rz * across.z.abs();
        let half_along = rx * dir.x.abs() + rz * dir.z.abs();
        out.push(Shadow {
            centre: mid + along * 0.5,
            u: across * half_across.max(0.05),
            v: dir * (len * 0.5 + half_along * 0.6),
            dark: look.shadow,
            soft: 0.25,
            round: hi.y > rz.max(rx) * 1.5,
        });
    }
}
