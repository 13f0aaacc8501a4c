//! Labelled pictures in memory.

use std::path::{Path, PathBuf};

use lookout_scene::SceneError;
use thiserror::Error;

/// An 8-bit RGB picture with a class id a pixel.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Packed RGB8.
    pub rgb: Vec<u8>,
    /// Class ids, [`super::VOID`] where nothing is to be learnt.
    pub label: Vec<u8>,
    /// 1 where something of no known class was rendered.
    pub outlier: Vec<u8>,
}

/// Why data could not be loaded.
#[derive(Debug, Error)]
pub enum DataError {
    /// A folder cannot be listed.
    #[error("{path}: {source}")]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture cannot be decoded.
    #[error("{path}: {source}")]
    Decode {
        /// File.
        path: PathBuf,
        /// What is wrong.
        source: image::ImageError,
    },
    /// A picture and its labels differ in size.
    #[error("{path}: labels are {label:?}, the picture {image:?}")]
    Size {
        /// Label file.
        path: PathBuf,
        /// Width and height of the labels.
        label: (u32, u32),
        /// Width and height of the picture.
        image: (u32, u32),
    },
    /// A set's description cannot be read.
    #[error("{path}: {source}")]
    Description {
        /// File.
        path: PathBuf,
        /// What is wrong.
        source: toml::de::Error,
    },
    /// A set's description leaves no picture.
    #[error("{path}: no picture is left: check the folder and the prefixes")]
    Empty {
        /// Folder of pictures.
        path: PathBuf,
    },
    /// The renderer refused.
    #[error(transparent)]
    Scene(#[from] SceneError),
}

pub(super) fn sorted_files(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let io = |source| DataError::Io {
        path: dir.to_owned(),
        source,
    };
    let mut files = vec![];
    for entry in std::fs::read_dir(dir).map_err(io)? {
        files.push(entry.map_err(io)?.path());
    }
    files.sort();
    Ok(files)
}

pub(super) fn open(path: &Path) -> Result<image::DynamicImage, DataError> {
    image::open(path).map_err(|source| DataError::Decode {
        path: path.to_owned(),
        source,
    })
}

/// Loads every picture of `images` whose stem `wanted` accepts, with `labels/STEM.png`, in the order
/// of the names.
///
/// # Errors
/// Where a file is missing, cannot be decoded, or the sizes differ.
pub fn load_pictures(
    images: &Path,
    labels: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Picture>, DataError> {
    let mut pictures = vec![];
    for path in sorted_files(images)? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if !wanted(&stem) {
            continue;
        }
        let label_path = labels.join(format!("{stem}.png"));
        let rgb = open(&path)?.into_rgb8();
        let label = open(&label_path)?.into_luma8();
        if rgb.dimensions() != label.dimensions() {
            let (label, image) = (label.dimensions(), rgb.dimensions());
            return Err(DataError::Size {
                path: label_path,
                label,
                image,
            });
        }
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        pictures.push(Picture {
            width,
            height,
            rgb: rgb.into_raw(),
            label: label.into_raw(),
            outlier: vec![0; width * height],
        });
    }
    Ok(pictures)
}
