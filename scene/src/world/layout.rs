//! What stands along each piece of the street.

use super::{CHUNK_M, Shadow, building, furniture, person, shadow_of, tree, vehicle};
use crate::builder::Builder;
use crate::class::Class;
use crate::ground::{Beyond, KERB, Street};
use crate::look::Look;
use crate::math::{Vec3, v3};
use crate::noise::Stream;
use crate::primitive::Primitive;

/// How one side of the street is built on, for some 60 m.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// House fronts at the back of the pavement.
    Terrace,
    /// Front gardens with walls, hedges, fences.
    Gardens,
    /// Grass and trees behind a fence.
    Park,
    /// Offices and flats, set back a little.
    Blocks,
}

/// One piece of the street, both sides.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) prims: Vec<Primitive>,
    pub(super) shadows: Vec<Shadow>,
    /// Left, right.
    pub(super) beyond: [Beyond; 2],
}

/// Pieces that share a style.
const BLOCK: u64 = 3;

struct Side<'a> {
    prims: &'a mut Vec<Primitive>,
    shadows: &'a mut Vec<Shadow>,
    instances: &'a mut u16,
    street: &'a Street,
    look: &'a Look,
    /// -1 left, 1 right.
    side: f32,
    z: f32,
    seed: u64,
}

/// The next instance number: 1 and up, beginning again before the anomaly's.
pub(super) fn next(instances: &mut u16) -> u16 {
    *instances = if *instances >= u16::MAX - 1 {
        1
    } else {
        *instances + 1
    };
    *instances
}

impl Chunk {
    pub(super) fn new(
        seed: u64,
        index: usize,
        street: &Street,
        look: &Look,
        hide_out: Option<(f32, f32)>,
        instances: &mut u16,
    ) -> Chunk {
        let mut chunk = Chunk {
            prims: Vec::new(),
            shadows: Vec::new(),
            beyond: [Beyond::Paving; 2],
        };
        let z = index as f32 * CHUNK_M;
        for (k, side) in [-1.0, 1.0].into_iter().enumerate() {
            let lot = index as u64 * 2 + k as u64;
            let mut block = Stream::new(seed, 0xb10c, index as u64 / BLOCK * 2 + k as u64);
            let style = match block.unit() {
                x if x < 0.38 => Style::Terrace,
                x if x < 0.62 => Style::Gardens,
                x if x < 0.82 => Style::Park,
                _ => Style::Blocks,
            };
            let parking = block.range(-0.3, 0.9);
            chunk.beyond[k] = match style {
                Style::Terrace => Beyond::Paving,
                Style::Gardens => block.pick(&[Beyond::Grass, Beyond::Yard, Beyond::Paving]),
                Style::Park => Beyond::Grass,
                Style::Blocks => block.pick(&[Beyond::Paving, Beyond::Grass, Beyond::Yard]),
            };
            let mut s = Stream::new(seed, 0x10ad, lot);
            let mut side = Side {
                prims: &mut chunk.prims,
                shadows: &mut chunk.shadows,
                instances,
                street,
                look,
                side,
                z,
                seed,
            };
            side.houses(&mut s, style);
            side.pavement(&mut s, style);
            let here = hide_out.filter(|(at, _)| *at == side.side);
            side.parked(&mut s, parking, here);
        }
        chunk
    }
}

impl Side<'_> {
    /// A thing `out` metres from the edge of the carriageway at `z`.
    fn thing(
        &mut self,
        class: Class,
        out: f32,
        z: f32,
        yaw: f32,
        build: impl FnOnce(&mut Builder<'_>),
    ) -> core::ops::Range<usize> {
        let from = self.prims.len();
        let y = if out > 0.0 { KERB } else { 0.0 };
        let at = v3(self.side * (self.street.half + out), y, z);
        // Things are made for the right side; on the left they are turned round.
        let turn = if self.side > 0.0 {
            0.0
        } else {
            core::f32::consts::PI
        };
        let id = next(self.instances);
        build(&mut Builder::new(self.prims, class, id, at, turn + yaw));
        from..self.prims.len()
    }

    /// As [`Side::thing`], its front to the camera on both sides of the street.
    fn facing(
        &mut self,
        class: Class,
        out: f32,
        z: f32,
        build: impl FnOnce(&mut Builder<'_>),
    ) -> core::ops::Range<usize> {
        let back = if self.side > 0.0 {
            0.0
        } else {
            -core::f32::consts::PI
        };
        self.thing(class, out, z, back, build)
    }

    fn houses(&mut self, s: &mut Stream, style: Style) {
        let back = self.street.pavement;
        let mid = self.z + CHUNK_M * 0.5;
        match style {
            Style::Terrace | Style::Blocks => {
                let set = if style == Style::Blocks {
                    s.range(0.5, 7.0)
                } else {
                    0.02
                };
                let big = style == Style::Blocks || s.chance(0.2);
                if s.chance(0.08) {
                    // A gap: a tree, a fence.
                    self.thing(Class::Fence, back + 0.1, mid, 0.0, |b| {
                        furniture::fence(b, s, CHUNK_M, self_seed(mid));
                    });
                    self.thing(Class::Tree, back + 4.0, mid, 0.0, |b| {
                        tree::tree(b, s);
                    });
                    return;
                }
                let mut z = self.z;
                let end = self.z + CHUNK_M;
                while z < end - 0.5 {
                    let left = end - z;
                    let len = if big || left < 9.0 {
                        left
                    } else {
                        s.range(4.5, 9.0).min(left)
                    };
                    self.house(s, back + set, z + len * 0.5, len, big);
                    z += len;
                }
                if style == Style::Blocks && set > 2.0 && s.chance(0.6) {
                    self.trees(s, back + set * 0.5, 2);
                }
            }
            Style::Gardens => {
                let set = s.range(4.0, 9.0);
                let len = s.range(8.0, 15.0);
                let at = mid + s.range(-2.0, 2.0);
                self.house(s, back + set, at, len, false);
                match s.below(4) {
                    0 => self.thing(Class::Building, back + 0.05, mid, 0.0, |b| {
                        building::wall(b, s, CHUNK_M * 0.85);
                    }),
                    1 => self.thing(Class::Tree, back + 0.05, mid, 0.0, |b| {
                        tree::hedge(b, s, CHUNK_M * 0.9);
                    }),
                    _ => {
                        let sort = self.seed ^ (self.z / 60.0) as u64;
                        self.thing(Class::Fence, back + 0.05, mid, 0.0, |b| {
                            furniture::fence(b, s, CHUNK_M, sort);
                        })
                    }
                };
                for _ in 0..1 + s.below(2) {
                    let (out, z) = (back + s.range(1.2, set - 0.6), self.z + s.range(1.0, 19.0));
                    if s.chance(0.5) {
                        self.thing(Class::Tree, out, z, 0.0, |b| tree::bush(b, s));
                    } else {
                        self.tree(s, out, z);
                    }
                }
            }
            Style::Park => {
                if s.chance(0.8) {
                    let sort = self.seed ^ (self.z / 60.0) as u64;
                    self.thing(Class::Fence, back + 0.1, mid, 0.0, |b| {
                        furniture::fence(b, s, CHUNK_M, sort);
                    });
                }
                self.trees(s, back + 3.0, 2);
                self.trees(s, back + 11.0, 2);
                if s.chance(0.7) {
                    self.thing(Class::Tree, back + s.range(16.0, 24.0), mid, 0.0, |b| {
                        tree::hedge(b, s, CHUNK_M * 1.3);
                    });
                } else {
                    self.house(s, back + 22.0, mid, CHUNK_M, true);
                }
            }
        }
    }

    fn house(&mut self, s: &mut Stream, out: f32, z: f32, len: f32, big: bool) {
        let mut top = 0.0;
        self.thing(Class::Building, out, z, 0.0, |b| {
            top = building::building(b, s, len, big)
        });
        // The sun shadow of its front, if that falls towards the street.
        let away = v3(-self.look.sun.x, 0.0, -self.look.sun.z) * (top / self.look.sun.y);
        if self.look.shadow > 0.12 && away.x * self.side < 0.0 {
            let front = v3(self.side * (self.street.half + out), 0.0, z);
            self.shadows.push(Shadow {
                centre: front + away * 0.5,
                u: v3(0.0, 0.0, len * 0.5 + 0.3),
                v: away * 0.5,
                dark: self.look.shadow,
                soft: 0.02,
                round: false,
            });
        }
    }

    fn tree(&mut self, s: &mut Stream, out: f32, z: f32) {
        let mut size = (0.0, 0.0);
        self.thing(Class::Tree, out, z, 0.0, |b| size = tree::tree(b, s));
        let (h, r) = size;
        let at = v3(self.side * (self.street.half + out), 0.0, z);
        let long = (h * 0.6 / self.look.sun.y).min(14.0);
        let away = v3(-self.look.sun.x, 0.0, -self.look.sun.z) * long;
        if self.look.shadow > 0.12 {
            self.shadows.push(Shadow {
                centre: at + away,
                u: v3(r, 0.0, 0.0),
                v: v3(0.0, 0.0, r),
                dark: self.look.shadow * 0.75,
                soft: 0.5,
                round: true,
            });
        }
    }

    fn trees(&mut self, s: &mut Stream, out: f32, most: usize) {
        for k in 0..most {
            if s.chance(0.75) {
                let z = self.z + (k as f32 + s.unit()) * CHUNK_M / most as f32;
                let out = out + s.range(-1.5, 2.5);
                self.tree(s, out, z);
            }
        }
    }

    fn pavement(&mut self, s: &mut Stream, style: Style) {
        let index = (self.z / CHUNK_M) as i64;
        let z = self.z;
        let seed = self.seed;
        // Lamp posts alternate between the sides.
        if (index % 2 == 0) == (self.side > 0.0) {
            let tall = 5.0 + (seed % 5) as f32;
            let r = self.thing(Class::Pole, 0.45, z + 3.0, 0.0, |b| {
                furniture::lamp_post(b, s, tall, seed);
            });
            shadow_of(&self.prims[r], self.look, self.shadows);
        }
        if s.chance(0.4) {
            self.facing(Class::Pole, 0.5, z + s.range(5.0, 18.0), |b| {
                furniture::sign(b, s)
            });
        }
        if s.chance(0.16) {
            self.facing(Class::Pole, 0.4, z + 9.0, |b| {
                furniture::traffic_light(b, s)
            });
        }
        if s.chance(0.12) {
            for k in 0..5 {
                let z = z + 2.0 + 1.8 * k as f32;
                self.thing(Class::Pole, 0.35, z, 0.0, |b| furniture::bollard(b, s));
            }
        } else if s.chance(0.16) {
            self.thing(Class::Fence, 0.3, z + 10.0, 0.0, |b| {
                furniture::fence(b, s, CHUNK_M * 0.8, seed ^ 1);
            });
        } else if style != Style::Park && s.chance(0.25) && self.street.pavement > 2.2 {
            let at = z + s.range(6.0, 16.0);
            self.tree(s, 0.9, at);
        }
        // People who stand and wait.
        let people = if s.chance(0.3) { 1 + s.below(3) } else { 0 };
        for _ in 0..people {
            let out = s.range(0.5, self.street.pavement.max(1.2) - 0.3);
            let yaw = s.range(-3.1, 3.1);
            let z = z + s.range(1.0, 19.0);
            let r = self.thing(Class::Pedestrian, out, z, yaw, |b| {
                person::pedestrian(b, s, 0.0, true);
            });
            shadow_of(&self.prims[r], self.look, self.shadows);
        }
        if s.chance(0.08) {
            // Someone about to mount.
            let out = s.range(0.5, 1.0);
            self.thing(Class::Bicyclist, out, z + 6.0, s.range(-0.4, 0.4), |b| {
                person::bicyclist(b, s, 0.2);
            });
        }
    }

    /// Cars parked with two wheels on the pavement; a van hides what will come from behind it.
    fn parked(&mut self, s: &mut Stream, share: f32, hide: Option<(f32, f32)>) {
        let out: f32 = 0.25;
        let mut z = self.z + 3.0;
        for _ in 0..3 {
            let taken = s.chance(share);
            let reach = 3.4;
            let clear = hide.is_none_or(|(_, h)| z + reach < h - 7.2 || z - reach > h + 2.5);
            if taken && clear {
                let heading = if s.chance(0.85) {
                    0.0
                } else {
                    core::f32::consts::PI
                };
                let yaw = if self.side > 0.0 {
                    core::f32::consts::PI
                } else {
                    0.0
                };
                let (kind, jitter) = (s.unit(), s.range(-0.15, 0.1));
                self.vehicle(s, out + jitter, z, yaw + heading, kind < 0.02);
            }
            z += 6.2;
        }
        let here = |h: f32| (self.z..self.z + CHUNK_M).contains(&h);
        if let Some((_, h)) = hide.filter(|(_, h)| here(*h)) {
            let yaw = if self.side > 0.0 {
                core::f32::consts::PI
            } else {
                0.0
            };
            let at = v3(self.side * (self.street.half + out), 0.0, h - 3.9);
            self.place(
                at,
                |b| {
                    vehicle::van(b, s);
                },
                yaw,
            );
        }
    }

    fn vehicle(&mut self, s: &mut Stream, out: f32, z: f32, yaw: f32, bus: bool) {
        let at = v3(self.side * (self.street.half + out), 0.0, z);
        self.place(
            at,
            |b| {
                if bus {
                    vehicle::bus(b, s)
                } else {
                    vehicle::car(b, s)
                };
            },
            yaw,
        );
    }

    fn place(&mut self, at: Vec3, build: impl FnOnce(&mut Builder<'_>), yaw: f32) {
        let from = self.prims.len();
        let id = next(self.instances);
        build(&mut Builder::new(self.prims, Class::Car, id, at, yaw));
        shadow_of(&self.prims[from..], self.look, self.shadows);
    }
}

fn self_seed(z: f32) -> u64 {
    z.to_bits().into()
}
