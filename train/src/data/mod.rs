//! Training data: labelled pictures, augmentation, outliers, and the thread that prepares batches.

mod augment;
mod canvas;
mod corruption;
mod cutouts;
mod graded;
mod known;
mod loader;
mod picture;
mod rendered;
mod set;
mod shapes;
mod texture;
mod weather;

pub use augment::{AugmentConfig, InUse, augment, augment_all, augment_as};
pub use canvas::Canvas;
pub use corruption::corrupt;
pub use cutouts::{
    Cutout, CutoutSplit, Match, ground_pixel, load_cutouts, outlier_weight, paste, paste_cutout,
    place_by_row,
};
pub use graded::Corruption;
pub use known::{KnownThing, known_things, paste_known};
pub use loader::{Batch, Prefetch, sample_rng};
pub use picture::{DataError, Picture, load_pictures};
pub use rendered::{Rendering, rendered};
pub use set::{LabelKind, Mixture, Part, Pasted, SetFile, TrainingSet};
pub use shapes::random_shapes;
pub use texture::{TextureSource, paste_texture};
pub use weather::weather;

/// Class ids below this are known; this is void, which no loss and no metric counts.
pub const VOID: u8 = 11;
/// Rows of a picture in the best mode of a bundle; scales are relative to it.
pub const FULL_HEIGHT: usize = 352;
/// How many known classes there are.
pub const CLASSES: i64 = 11;
/// Labels from here on mean "one of these classes": label `FIRST_CHOICE + i` is one of `CHOICES[i]`.
pub const FIRST_CHOICE: u8 = 12;
/// What a label of several classes means, from [`FIRST_CHOICE`] on (the data sets' `labels_sets`).
pub const CHOICES: [&[u8]; 5] = [
    &[8, 10], // car or bicyclist
    &[9, 10], // pedestrian or bicyclist
    // pole, sign or fence; IDD Lite's also holds kerbs, which were learnt as poles without pavement
    &[2, 4, 6, 7],
    &[1, 5], // building or tree
    &[4, 5], // pavement or tree
];
/// The generator of all training randomness.
pub type Rng = rand_pcg::Pcg64;
