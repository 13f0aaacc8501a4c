//! Labelled pictures in memory: CamVid frames and rendered scenes.

use std::path::{Path, PathBuf};

use lookout_scene::{Anomaly, Drive, DriveConfig, Rendered, SceneError};
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

/// Loads `images/*.webp` and `labels/*.png` of a CamVid split folder, in the order of the names,
/// with their file stems.
///
/// # Errors
/// Where a file is missing, cannot be decoded, or the sizes differ.
pub fn camvid(split: &Path) -> Result<Vec<(String, Picture)>, DataError> {
    let load = |path: PathBuf| {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let label_path = split.join("labels").join(format!("{stem}.png"));
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
        let outlier = vec![0; width * height];
        let (rgb, label) = (rgb.into_raw(), label.into_raw());
        Ok((
            stem,
            Picture {
                width,
                height,
                rgb,
                label,
                outlier,
            },
        ))
    };
    sorted_files(&split.join("images"))?
        .into_iter()
        .map(load)
        .collect()
}

/// Renders `drives` street drives of consecutive seeds and takes `per_drive` frames spread over
/// each; `anomaly` says what lies on the road.
///
/// # Errors
/// Where the renderer refuses the configuration.
pub fn rendered(
    first_seed: u64,
    drives: usize,
    per_drive: usize,
    anomaly: Anomaly,
) -> Result<Vec<Picture>, DataError> {
    let mut pictures = Vec::with_capacity(drives * per_drive);
    let mut out = Rendered::default();
    for k in 0..drives {
        let config = DriveConfig {
            seed: first_seed + k as u64,
            anomaly,
            ..DriveConfig::default()
        };
        let drive = Drive::new(config)?;
        // with an anomaly, the frames between its coming into view and its being passed
        let first = drive
            .anomaly()
            .and_then(|a| a.first_visible_frame)
            .unwrap_or(0);
        let ahead = |&i: &usize| drive.anomaly_distance_m(i).is_some_and(|m| m > 3.0);
        let frames = match anomaly {
            Anomaly::None => drive.frame_count(),
            _ => (first..drive.frame_count())
                .take_while(ahead)
                .count()
                .max(1),
        };
        for j in 0..per_drive {
            let i = first + (2 * j + 1) * frames / (2 * per_drive);
            drive.render(i.min(drive.frame_count() - 1), &mut out);
            pictures.push(Picture {
                width: out.width as usize,
                height: out.height as usize,
                rgb: out.rgb.clone(),
                label: out.class.clone(),
                outlier: out.anomaly.iter().map(|&a| u8::from(a != 0)).collect(),
            });
        }
    }
    Ok(pictures)
}
