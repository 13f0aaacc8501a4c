//! What moves along the street: vehicles, people, bicycles.

use super::layout::next;
use super::{REACH_M, person, vehicle};
use crate::anomaly::{Encounter, Road};
use crate::builder::Builder;
use crate::class::Class;
use crate::config::DriveConfig;
use crate::ground::{KERB, Street};
use crate::math::{Vec3, v3};
use crate::noise::Stream;
use crate::primitive::Primitive;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Car,
    Van,
    Bus,
    Pedestrian,
    Bicyclist,
}

/// Something that moves in a straight line at one speed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mover {
    sort: Sort,
    instance: u16,
    seed: u64,
    /// Place at time 0 and metres a second.
    start: Vec3,
    velocity: Vec3,
    half_street: f32,
}

impl Mover {
    pub(super) fn place(&self, t: f32) -> Vec3 {
        let mut p = self.start + self.velocity * t;
        if self.sort == Sort::Pedestrian && p.x.abs() > self.half_street {
            p.y = KERB;
        }
        p
    }

    pub(super) fn add(&self, t: f32, out: &mut Vec<Primitive>) {
        let class = match self.sort {
            Sort::Pedestrian => Class::Pedestrian,
            Sort::Bicyclist => Class::Bicyclist,
            _ => Class::Car,
        };
        let yaw = libm::atan2f(self.velocity.x, self.velocity.z);
        let mut b = Builder::new(out, class, self.instance, self.place(t), yaw);
        let mut s = Stream::new(self.seed, 0x30fe, 0);
        let phase = s.unit();
        let speed = self.velocity.length();
        match self.sort {
            Sort::Car => _ = vehicle::car(&mut b, &mut s),
            Sort::Van => _ = vehicle::van(&mut b, &mut s),
            Sort::Bus => _ = vehicle::bus(&mut b, &mut s),
            Sort::Pedestrian => {
                person::pedestrian(&mut b, &mut s, phase + t * speed * 0.7, speed < 0.1);
            }
            Sort::Bicyclist => person::bicyclist(&mut b, &mut s, phase + t * speed * 0.22),
        }
    }
}

/// All that moves in a drive.
pub(super) fn movers(
    config: &DriveConfig,
    street: &Street,
    road: &Road,
    encounter: Option<&Encounter>,
    instances: &mut u16,
) -> Vec<Mover> {
    let mut s = Stream::new(config.seed, 0x7aff, 0);
    let mut out: Vec<Mover> = Vec::new();
    let duration = config.duration_s as f32;
    let half = street.half;
    let far = road.start + road.speed * duration + REACH_M;
    let mut add = |s: &mut Stream, sort, start, velocity| {
        let instance = next(instances);
        let seed = u64::from(s.bits());
        out.push(Mover {
            sort,
            instance,
            seed,
            start,
            velocity,
            half_street: half,
        });
    };

    // Oncoming traffic, on the right; none while the camera passes the anomaly there.
    let speed = s.range(7.0, 15.0);
    let gap = s.range(18.0, 90.0);
    let mut z = road.start + s.range(10.0, gap);
    while z < far + speed * duration {
        let x = half * s.range(0.44, 0.54);
        let blocked = encounter.is_some_and(|e| {
            let meets = (z - road.start) / (speed + road.speed).max(0.1);
            let at = road.start + road.speed * meets;
            (e.z() - 40.0..e.z() + 50.0).contains(&at)
        });
        if !blocked {
            let sort = match s.unit() {
                k if k < 0.05 => Sort::Bus,
                k if k < 0.17 => Sort::Van,
                _ => Sort::Car,
            };
            add(&mut s, sort, v3(x, 0.0, z), v3(0.0, 0.0, -speed));
        }
        z += 7.5 + gap * s.range(0.3, 1.7);
    }

    // Ahead in our lane: the van that drops something, or, where nothing comes, others.
    match encounter {
        Some(e) if e.hide_out().is_none() => {
            let back = e.starts_z() - road.speed * e.from_s;
            let van = v3(road.lane, 0.0, back + 3.2);
            add(&mut s, Sort::Van, van, v3(0.0, 0.0, road.speed));
        }
        Some(_) => {}
        None => {
            let mut ahead = s.range(9.0, 45.0);
            while ahead < 200.0 && s.chance(0.7) {
                let sort = match s.unit() {
                    k if k < 0.1 => Sort::Bus,
                    k if k < 0.25 => Sort::Van,
                    _ => Sort::Car,
                };
                let x = road.lane + s.range(-0.3, 0.3);
                add(
                    &mut s,
                    sort,
                    v3(x, 0.0, road.start + ahead),
                    v3(0.0, 0.0, road.speed),
                );
                ahead += s.range(12.0, 60.0);
            }
        }
    }

    // Bicycles at the edges.
    let mut z = road.start + s.range(15.0, 60.0);
    while z < far {
        let v = s.range(3.5, 6.5);
        let ours = s.chance(0.65);
        let x = (half - s.range(0.6, 0.9)) * if ours { -1.0 } else { 1.0 };
        let clear = encounter.is_none_or(|e| (z - e.z()).abs() > 80.0);
        if clear {
            let v = if ours { v } else { -v };
            add(&mut s, Sort::Bicyclist, v3(x, 0.0, z), v3(0.0, 0.0, v));
        }
        z += s.range(25.0, 110.0);
    }

    // People along the pavements, and some across the road ahead of us.
    let mut z = road.start;
    let density = s.range(6.0, 40.0);
    while z < far {
        let side = s.sign();
        let x = side * (half + s.range(0.6, street.pavement.max(1.0)));
        let v = s.range(0.9, 1.7) * s.sign();
        add(&mut s, Sort::Pedestrian, v3(x, 0.0, z), v3(0.0, 0.0, v));
        if s.chance(0.3) {
            let x = side * (half + s.range(0.6, street.pavement.max(1.0)));
            add(
                &mut s,
                Sort::Pedestrian,
                v3(x, 0.0, z + 0.6),
                v3(0.0, 0.0, v),
            );
        }
        z += density * s.range(0.3, 1.7);
    }
    let mut t = s.range(0.5, 6.0);
    while t < duration + 4.0 {
        // Across by the time that the camera is some metres away.
        let side = s.sign();
        let v = s.range(1.2, 2.2);
        let z = road.start + road.speed * t + s.range(14.0, 34.0);
        let near = encounter.is_some_and(|e| (z - e.z()).abs() < 30.0);
        if !near {
            let out_at = side * (half + 0.8);
            // At time t it has reached the far kerb.
            let start = -out_at + side * v * t;
            add(
                &mut s,
                Sort::Pedestrian,
                v3(start, 0.0, z),
                v3(-side * v, 0.0, 0.0),
            );
        }
        t += s.range(3.0, 12.0);
    }
    out
}
