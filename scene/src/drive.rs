//! A drive: a street, a camera that moves along it, and what it meets.

use crate::anomaly::{AnomalyInfo, Encounter, Road};
use crate::camera::{Camera, Mount, Mounting};
use crate::class::Class;
use crate::config::{DriveConfig, SceneError};
use crate::ground::Street;
use crate::look::Look;
use crate::math::{lerp, smoothstep};
use crate::noise::{Stream, mix32, noise2};
use crate::post::develop;
use crate::primitive::Primitive;
use crate::raster::{Rect, SIDE, bounds, corners};
use crate::render::Rendered;
use crate::shade::Shader;
use crate::world::World;

/// Where every drive begins, in metres along the street.
const START_M: f32 = 40.0;

/// How far the vehicle's front is ahead of its camera, in metres.
pub const FRONT_M: f32 = 2.0;
/// Length of the vehicle and half of its width, in metres.
const LENGTH_M: f32 = 4.5;
const HALF_WIDTH_M: f32 = 0.9;

/// When, and where the vehicle is then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds since the first frame: everything but the vehicle moves by this clock.
    pub time_s: f64,
    /// Metres that the vehicle has driven since then.
    pub way_m: f64,
}

/// How the vehicle and the anomaly stand to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// Along the street from the vehicle's front to the nearest of the anomaly, in metres; below 0
    /// from where the front is level with it.
    pub ahead_m: f32,
    /// Whether they touch.
    pub hit: bool,
    /// Whether the whole of the anomaly is behind the camera.
    pub passed: bool,
}

/// A drive, ready to render any of its frames in any order.
#[derive(Debug, Clone)]
pub struct Drive {
    config: DriveConfig,
    mount: Mount,
    street: Street,
    look: Look,
    world: World,
    encounter: Option<Encounter>,
    info: Option<AnomalyInfo>,
    lane: f32,
    sway: u32,
}

impl Drive {
    /// Lays out the street. Costs a few milliseconds and, for the frames round the one in which
    /// the anomaly comes into view, a fraction of their rendering.
    ///
    /// # Errors
    /// [`SceneError`] where a field of `config` is out of its range.
    pub fn new(config: DriveConfig) -> Result<Drive, SceneError> {
        config.check()?;
        let street = Street::new(config.seed);
        let mut s = Stream::new(config.seed, 0xd71e, 0);
        let lane = -street.half * s.range(0.4, 0.5);
        let road = Road {
            half: street.half,
            start: START_M,
            speed: config.speed_mps as f32,
            lane,
        };
        let encounter = Encounter::new(&config, road);
        let look = Look::new(config.seed);
        let world = World::new(&config, &street, &look, &road, encounter.as_ref());
        let mut drive = Drive {
            config,
            mount: Mount::new(config.seed),
            street,
            look,
            world,
            encounter,
            info: None,
            lane,
            sway: s.bits(),
        };
        drive.info = encounter.map(|e| AnomalyInfo {
            kind: e.kind,
            name: e.kind.name(),
            first_visible_frame: drive.first_visible(&e),
            size_m: size(&e),
        });
        Ok(drive)
    }

    /// What the drive was made from.
    pub fn config(&self) -> &DriveConfig {
        &self.config
    }

    /// Number of frames, at least 1.
    pub fn frame_count(&self) -> usize {
        self.config.frame_count()
    }

    /// Time of frame `i` in seconds from the first.
    pub fn time_s(&self, i: usize) -> f64 {
        i as f64 / self.config.fps
    }

    /// The anomaly, where the drive has one.
    pub fn anomaly(&self) -> Option<AnomalyInfo> {
        self.info
    }

    /// Where the vehicle is in frame `i` when it keeps its speed.
    pub fn moment(&self, i: usize) -> Moment {
        let time_s = self.time_s(i);
        Moment {
            time_s,
            way_m: time_s * self.config.speed_mps,
        }
    }

    /// Distance over the ground from the camera to the middle of the anomaly in metres; `None`
    /// where there is none, before it exists, and once the camera has passed it.
    pub fn anomaly_distance_m(&self, i: usize) -> Option<f32> {
        let (p, _, _) = self.encounter?.pose(self.time_s(i) as f32)?;
        let [x, _, z] = self.camera(i).position;
        let (dx, dz) = (p.x - x, p.z - z);
        (dz > 0.0).then(|| (dx * dx + dz * dz).sqrt())
    }

    /// How the vehicle and the anomaly stand to each other; `None` in a drive without an anomaly, and
    /// before it exists.
    pub fn gap_at(&self, at: Moment) -> Option<Gap> {
        let mut prims = Vec::new();
        self.encounter?.add(at.time_s as f32, &mut prims)?;
        let (lo, hi) = extent(&prims);
        let z = along(at);
        let (x, front) = (self.course(z), z + FRONT_M);
        let ahead_m = lo[2] - front;
        let beside = lo[0] > x + HALF_WIDTH_M || hi[0] < x - HALF_WIDTH_M;
        Some(Gap {
            ahead_m,
            hit: ahead_m <= 0.0 && hi[2] >= front - LENGTH_M && !beside,
            passed: hi[2] < z,
        })
    }

    /// How the camera is mounted.
    pub fn mounting(&self) -> Mounting {
        self.mount.mounting()
    }

    /// Which way the vehicle goes, in radians to the right of the street's axis.
    pub fn heading_at(&self, at: Moment) -> f32 {
        libm::atanf(self.slope(along(at)))
    }

    /// The camera of frame `i`.
    pub fn camera(&self, i: usize) -> Camera {
        self.camera_at(self.moment(i))
    }

    /// The camera at any moment.
    pub fn camera_at(&self, at: Moment) -> Camera {
        let z = along(at);
        // The camera looks less aside than the car goes, as a driver does.
        let turn = 0.35 * self.slope(z);
        let size = (self.config.width, self.config.height);
        self.mount
            .at(size, at.time_s as f32, self.course(z), z, turn)
    }

    /// Metres to the right that the course takes in a metre along the street.
    fn slope(&self, z: f32) -> f32 {
        let step = 0.5;
        (self.course(z + step) - self.course(z - step)) / (2.0 * step)
    }

    /// Where the camera crosses the street at `z`: its lane, and round the anomaly.
    fn course(&self, z: f32) -> f32 {
        let sway = 0.35 * (noise2(z * 0.013, 0.5, self.sway) - 0.5);
        let Some(e) = self.encounter.as_ref().filter(|_| self.config.swerves) else {
            return self.lane + sway;
        };
        let d = z - e.z();
        let out = smoothstep(-19.0, -2.5, d) * (1.0 - smoothstep(7.0, 34.0, d));
        lerp(self.lane + sway, self.street.half * 0.5, out)
    }

    /// Renders frame `i` of a vehicle that keeps its speed, with its ground truth. Depends on the
    /// config and `i` alone; frames past the last go on along the street for some 250 m.
    pub fn render(&self, i: usize, out: &mut Rendered) {
        self.render_at(i, self.moment(i), out);
    }

    /// Renders what frame `i` shows where the vehicle is elsewhere than at its constant speed. The
    /// number chooses the sensor's noise, so that two frames at a standstill differ.
    pub fn render_at(&self, i: usize, at: Moment, out: &mut Rendered) {
        let camera = self.camera_at(at);
        let t = at.time_s as f32;
        out.resize(camera.width, camera.height);
        let mut scratch = core::mem::take(&mut out.scratch);
        self.collect(t, &camera, &mut scratch);
        scratch.samples.look(
            &scratch.prims,
            &scratch.shadows,
            &self.street,
            &camera,
            whole(&camera),
        );
        let shader = Shader {
            prims: &scratch.prims,
            samples: &scratch.samples,
            world: &self.world,
            street: &self.street,
            look: &self.look,
            camera: &camera,
            basis: camera.ray_basis(),
            time: t,
        };
        shader.shade(&mut scratch.linear, out);
        let noise = mix32(self.sway ^ mix32(i as u32));
        develop(
            &scratch.linear,
            camera.width as usize,
            &self.look,
            noise,
            &mut out.rgb,
        );
        out.scratch = scratch;
    }

    fn collect(&self, t: f32, camera: &Camera, s: &mut crate::render::Scratch) {
        s.prims.clear();
        s.shadows.clear();
        self.world
            .collect(t, camera, &self.look, &mut s.prims, &mut s.shadows);
        if let Some(e) = &self.encounter {
            let first = s.prims.len();
            if e.add(t, &mut s.prims).is_some() {
                crate::world::shadow_of(&s.prims[first..], &self.look, &mut s.shadows);
            }
        }
    }

    /// First frame with a pixel of the anomaly.
    fn first_visible(&self, e: &Encounter) -> Option<usize> {
        let fps = self.config.fps;
        let first = (f64::from(e.from_s) * fps).ceil().max(0.0) as usize;
        // A moment, whatever the rate: it is soon in the open.
        let last = self.frame_count().min(first + (4.0 * fps) as usize + 1);
        let mut scratch = crate::render::Scratch::default();
        let mut own = Vec::new();
        for i in first..last {
            let camera = self.camera(i);
            let t = self.time_s(i) as f32;
            own.clear();
            if e.add(t, &mut own).is_none() {
                continue;
            }
            let mut area: Option<Rect> = None;
            for p in &own {
                let Some((_, r)) = bounds(&corners(p), &camera, whole(&camera)) else {
                    continue;
                };
                area = Some(area.map_or(r, |a| Rect {
                    x0: a.x0.min(r.x0),
                    y0: a.y0.min(r.y0),
                    x1: a.x1.max(r.x1),
                    y1: a.y1.max(r.y1),
                }));
            }
            let Some(mut area) = area else { continue };
            // Whole pixels, as the truth is per pixel.
            area.x0 -= area.x0 % SIDE;
            area.y0 -= area.y0 % SIDE;
            area.x1 += area.x1 % SIDE;
            area.y1 += area.y1 % SIDE;
            self.collect(t, &camera, &mut scratch);
            let s = &mut scratch;
            s.samples.look(&s.prims, &[], &self.street, &camera, area);
            let shader = Shader {
                prims: &s.prims,
                samples: &s.samples,
                world: &self.world,
                street: &self.street,
                look: &self.look,
                camera: &camera,
                basis: camera.ray_basis(),
                time: t,
            };
            if shader.shows(Class::Void, area) {
                return Some(i);
            }
        }
        None
    }
}

fn whole(camera: &Camera) -> Rect {
    Rect {
        x0: 0,
        y0: 0,
        x1: camera.width as usize * SIDE,
        y1: camera.height as usize * SIDE,
    }
}

/// Place of the camera along the street, in metres.
fn along(at: Moment) -> f32 {
    START_M + at.way_m as f32
}

/// Extent at rest.
fn size(e: &Encounter) -> [f32; 3] {
    let mut prims = Vec::new();
    e.add(e.from_s + 60.0, &mut prims);
    let (lo, hi) = extent(&prims);
    [hi[0] - lo[0], hi[1] - lo[1], hi[2] - lo[2]]
}

/// Least and largest x, y and z.
fn extent(prims: &[Primitive]) -> ([f32; 3], [f32; 3]) {
    let mut lo = [f32::INFINITY; 3];
    let mut hi = [f32::NEG_INFINITY; 3];
    for c in prims.iter().flat_map(corners) {
        for (k, x) in [c.x, c.y, c.z].into_iter().enumerate() {
            lo[k] = lo[k].min(x);
            hi[k] = hi[k].max(x);
        }
    }
    (lo, hi)
}
