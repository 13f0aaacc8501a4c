//! When and how a drive's anomaly comes onto the road.

use super::AnomalyKind;
use crate::builder::Builder;
use crate::class::Class;
use crate::config::{Anomaly, DriveConfig};
use crate::ground::KERB;
use crate::math::{Vec3, smoothstep, v3};
use crate::noise::Stream;
use crate::primitive::Primitive;

/// Instance number of the anomaly.
pub(crate) const INSTANCE: u16 = u16::MAX;

/// What an encounter needs to know of the drive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Road {
    /// Half width of the carriageway, m.
    pub(crate) half: f32,
    /// Where the camera begins, m along the street.
    pub(crate) start: f32,
    /// Its speed, m/s.
    pub(crate) speed: f32,
    /// The middle of its lane, m.
    pub(crate) lane: f32,
}

/// One anomaly and its way onto the road.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encounter {
    pub(crate) kind: AnomalyKind,
    shape_seed: u64,
    /// It does not exist before this time, s.
    pub(crate) from_s: f32,
    /// Where it comes into being and where it ends, m.
    start: Vec3,
    end: Vec3,
    /// How long it moves, s.
    moves_s: f32,
    yaw: f32,
    spin: f32,
}

impl Encounter {
    pub(crate) fn new(config: &DriveConfig, road: Road) -> Option<Encounter> {
        let mut s = Stream::new(config.seed, 0xa40a, 0);
        let kind = match config.anomaly {
            Anomaly::None => return None,
            Anomaly::HeldOut => s.pick(AnomalyKind::HELD_OUT),
            // what is like nothing teaches more than one more of a kind
            Anomaly::Training if s.chance(0.25) => AnomalyKind::Medley,
            Anomaly::Training => s.pick(AnomalyKind::TRAINING),
            Anomaly::Kind(kind) => kind,
        };
        let training = config.anomaly == Anomaly::Training;
        let duration = config.duration_s as f32;
        let from_s = if duration < 3.0 {
            // A still or a clip: it is there already.
            -s.range(0.2, 3.0)
        } else {
            let last = (duration - 5.0).max(0.2 * duration);
            last.min(duration * s.range(0.3, 0.6))
        };
        let ahead = if training {
            s.range(24.0, 72.0)
        } else {
            s.range(59.0, 61.0)
        };
        let z = road.start + road.speed * from_s + ahead;
        let shape_seed = u64::from(s.bits());
        let walks = kind.walks();
        let x_end = road.lane + s.range(-0.5, 0.5) * if training { 2.2 } else { 1.0 };
        let (start, end, moves_s, yaw) = if walks {
            let from_left = s.chance(0.6);
            let side = if from_left { -1.0 } else { 1.0 };
            let start = v3(side * (road.half + 1.1), KERB, z);
            let moves = s.range(1.4, 2.4);
            (
                start,
                v3(x_end, 0.0, z + s.range(-0.6, 0.6)),
                moves,
                -side * s.range(1.2, 1.8),
            )
        } else {
            let moves = 1.1;
            let slide = 0.3 * road.speed * moves;
            let start = v3(road.lane + s.range(-0.2, 0.2), 1.0, z);
            (start, v3(x_end, 0.0, z + slide), moves, s.range(-3.1, 3.1))
        };
        let spin = if walks { 0.0 } else { s.range(-1.5, 1.5) };
        Some(Encounter {
            kind,
            shape_seed,
            from_s,
            start,
            end,
            moves_s,
            yaw,
            spin,
        })
    }

    /// Where the van that hides or drops it is: behind it (nearer the camera) on that side of the
    /// street, or `None` where it falls from a van that drives ahead.
    pub(crate) fn hide_out(&self) -> Option<(f32, f32)> {
        let side = if self.start.x < 0.0 { -1.0 } else { 1.0 };
        self.kind.walks().then_some((side, self.start.z))
    }

    /// Where it comes into being along the street, m.
    pub(crate) fn starts_z(&self) -> f32 {
        self.start.z
    }

    /// Where it ends along the street, m.
    pub(crate) fn z(&self) -> f32 {
        self.end.z
    }

    /// Its place, heading and stride at time `t` (s), if it is there.
    pub(crate) fn pose(&self, t: f32) -> Option<(Vec3, f32, f32)> {
        let since = t - self.from_s;
        if since < 0.0 {
            return None;
        }
        let k = (since / self.moves_s).min(1.0);
        let mut p;
        if self.kind.walks() {
            p = self.start.mix(self.end, k);
            // Down the kerb.
            let left = (self.end.x - p.x).abs();
            let all = (self.end.x - self.start.x).abs();
            p.y = KERB * smoothstep(all - 1.1, all - 0.9, left);
        } else {
            p = self.start.mix(self.end, k * (2.0 - k));
            let fallen = self.start.y - 4.9 * since * since;
            p.y = if fallen > 0.0 {
                fallen
            } else {
                let bounce = (since - 0.452).max(0.0);
                (1.4 * bounce - 4.9 * bounce * bounce).max(0.0)
            };
        }
        let yaw = self.yaw + self.spin * (1.0 - k) * (1.0 - k);
        let phase = if k < 1.0 {
            since * 1.4
        } else {
            self.moves_s * 1.4
        };
        Some((p, yaw, phase))
    }

    /// Adds it as it is at time `t`; tells where, if it is there.
    pub(crate) fn add(&self, t: f32, out: &mut Vec<Primitive>) -> Option<Vec3> {
        let (p, yaw, phase) = self.pose(t)?;
        let mut b = Builder::new(out, Class::Void, INSTANCE, p, yaw);
        let mut s = Stream::new(self.shape_seed, 0x5a9e, 0);
        self.kind.build(&mut b, &mut s, phase);
        Some(p)
    }
}
