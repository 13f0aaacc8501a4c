//! Training data: labelled pictures, augmentation, outliers, and the thread that prepares batches.

mod augment;
mod canvas;
mod cutouts;
mod loader;
mod picture;
mod shapes;
mod texture;

pub use augment::{AugmentConfig, augment};
pub use canvas::Canvas;
pub use cutouts::{Cutout, CutoutSplit, Match, load_cutouts, paste_cutout, place_by_row};
pub use loader::{Batch, Prefetch, epoch_order, sample_rng};
pub use picture::{DataError, Picture, camvid, rendered};
pub use shapes::random_shapes;
pub use texture::{TextureSource, paste_texture};

/// Class ids below this are known; this is void, which no loss and no metric counts.
pub const VOID: u8 = 11;
/// How many known classes there are.
pub const CLASSES: i64 = 11;
/// The generator of all training randomness.
pub type Rng = rand_pcg::Pcg64;
