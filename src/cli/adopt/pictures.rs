//! Pictures as planes for a network.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use lookout::frame::file::read_image;
use lookout_adopt::bundle::Sizes;

use crate::cli::listing::{self, Picture};

/// The pictures of a folder.
pub(super) struct Pictures {
    /// In the order of their names.
    pub(super) all: Vec<Picture>,
}

/// A picture's colours in 0 to 255, a plane each.
pub(super) struct Planes {
    /// Width and height of the picture file.
    pub(super) original: (u32, u32),
    /// Width and height of the planes.
    pub(super) size: (u32, u32),
    /// Red, green, blue.
    pub(super) values: Vec<f32>,
}

impl Pictures {
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let all = listing::list(folder)?;
        Ok(Self { all })
    }

    /// At most so many, spread over all.
    pub(super) fn some(&self, most: usize) -> Vec<Picture> {
        let step = self.all.len().div_ceil(most.max(1)).max(1);
        self.all.iter().step_by(step).cloned().collect()
    }

    /// Width and height of the first.
    pub(super) fn first_size(&self) -> Result<(u32, u32)> {
        let first = self.all.first().context("there are no pictures")?;
        let frame = read_image(&first.path)?;
        Ok((frame.width(), frame.height()))
    }

    /// The one with that name, without its extension.
    pub(super) fn named(&self, stem: &std::ffi::OsStr) -> Option<PathBuf> {
        let found = self.all.iter().find(|picture| picture.stem == stem)?;
        Some(found.path.clone())
    }
}

/// Width and height of the input for a picture of that size.
pub(super) fn input_size(sizes: &Sizes) -> impl Fn((u32, u32)) -> (u32, u32) {
    let sizes = *sizes;
    move |(width, height)| match sizes {
        Sizes::Fixed { width, height, .. } => (width, height),
        Sizes::Rows { full, .. } => {
            let exact = u64::from(width) * u64::from(full) / u64::from(height.max(1));
            let columns = (exact + 16) / 32 * 32;
            (columns.clamp(32, 2048) as u32, full)
        }
    }
}

/// Reads a picture, stretched to the size that is asked for it.
pub(super) fn read(path: &Path, size: impl Fn((u32, u32)) -> (u32, u32)) -> Result<Planes> {
    let frame = read_image(path)?;
    let original = (frame.width(), frame.height());
    let size = size(original);
    let resized;
    let pixels = if size == original {
        frame.pixels()
    } else {
        let source = ImageRef::new(original.0, original.1, frame.pixels(), PixelType::U8x3)?;
        let mut target = Image::new(size.0, size.1, PixelType::U8x3);
        let algorithm = ResizeAlg::Convolution(FilterType::Bilinear);
        let options = ResizeOptions::new().resize_alg(algorithm);
        Resizer::new()
            .resize(&source, &mut target, &options)
            .with_context(|| format!("cannot resize {}", path.display()))?;
        resized = target.into_vec();
        &resized
    };
    let plane = |c: usize| pixels.iter().skip(c).step_by(3).map(|&v| f32::from(v));
    Ok(Planes {
        original,
        size,
        values: (0..3).flat_map(plane).collect(),
    })
}
