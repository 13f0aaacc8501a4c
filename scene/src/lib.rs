//! Rendered road scenes with ground truth.
//!
//! A [`Drive`] is a street seen from a camera that moves along it. It is laid out from the seed
//! of its [`DriveConfig`], and each frame is rendered on its own: the same config and frame
//! number give the same bytes on every machine, in any order. A frame by its number is that of a
//! vehicle that keeps its speed; [`Drive::render_at`] renders one that brakes. A [`Rendered`]
//! frame holds the image and, for each pixel, its [`Class`], object, distance and whether it shows
//! the *anomaly*: an object of no class that comes onto the road in most drives. The kinds of
//! anomaly are split into [`AnomalyKind::TRAINING`] and [`AnomalyKind::HELD_OUT`], so that what
//! was trained on the first can be shown the second.
//!
//! ```
//! use lookout_scene::{Drive, DriveConfig, Rendered};
//!
//! let drive = Drive::new(DriveConfig { seed: 7, width: 96, height: 72, ..Default::default() })?;
//! let mut frame = Rendered::new();
//! drive.render(drive.frame_count() / 2, &mut frame);
//! assert_eq!(frame.rgb.len(), 96 * 72 * 3);
//! # Ok::<(), lookout_scene::SceneError>(())
//! ```
//!
//! # How a frame is made
//! Everything that stands is a list of primitives (`primitive`): blocks, ellipsoids, cones and
//! sheets with procedural materials (`material`), which `world` and `anomaly` put together.
//! `raster` intersects the rays through their screen bounds, front to back, with four samples a
//! pixel; `shade` lights what they see; `post` develops the light into a camera's 8-bit image.

#![forbid(unsafe_code)]

mod anomaly;
mod builder;
mod camera;
mod class;
mod config;
mod cutout;
mod drive;
mod ground;
mod look;
mod material;
mod math;
mod noise;
mod post;
mod primitive;
mod raster;
mod render;
mod shade;
mod world;

pub use anomaly::{AnomalyInfo, AnomalyKind};
pub use camera::{Camera, Mounting};
pub use class::Class;
pub use config::{Anomaly, DriveConfig, MAX_LENGTH_M, MAX_SIDE, MIN_SIDE, SceneError};
pub use drive::{Drive, FRONT_M, Gap, Moment};
pub use render::Rendered;
