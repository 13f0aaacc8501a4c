//! How engines are to be built.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::{EngineError, Resolution, input_size};
use crate::model::{Bundle, Input};

named! {
    /// Precision of the networks' layers. Inputs and outputs stay f32.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Precision {
        /// 32 bits.
        Fp32 => "fp32",
        /// 16 bits where that is faster.
        #[default]
        Fp16 => "fp16",
        /// 8 bits where that is faster; needs scales.
        Int8 => "int8",
    }
}

impl FromStr for Precision {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let found = Self::ALL.into_iter().find(|p| p.name() == text);
        found.ok_or_else(|| SettingsError::Precision(text.to_owned()))
    }
}

/// What of the settings cannot be.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No precision has this name.
    #[error("precision {0:?} is not fp32, fp16 or int8")]
    Precision(String),
    /// INT8 without scales would be INT8 with made-up ones.
    #[error("int8 needs scales: networks with Q and DQ nodes, or a calibration cache")]
    NoScales,
    /// Scales from two places.
    #[error("networks with Q and DQ nodes have their scales: no calibration cache beside them")]
    TwoScales,
    /// Scales that would not be used.
    #[error("scales are for int8, and the precision is {0}")]
    UnusedScales(Precision),
    /// DLA cores know no 32-bit floats.
    #[error("a DLA core runs fp16 and int8, not fp32")]
    DlaPrecision,
    /// No such optimisation level.
    #[error("optimisation level {0} is not in 0..=5")]
    Level(u8),
    /// The workspace is too small or beyond any memory.
    #[error("a workspace of {bytes} bytes is not between {least} and {most}")]
    Workspace {
        /// What was asked for.
        bytes: u64,
        /// Smallest.
        least: u64,
        /// Largest.
        most: u64,
    },
    /// No shapes to build for.
    #[error("no camera to build for")]
    NoCamera,
    /// A limit of the input width that no input has.
    #[error("an input {0} pixels wide is not a multiple of {STEP} from {STEP} to {WIDEST}")]
    Width(u32),
    /// Networks of one size take no other widths.
    #[error(
        "the networks take inputs {width} pixels wide only: leave out the narrowest and the widest input"
    )]
    OneWidth {
        /// Columns that they take.
        width: u32,
    },
    /// A camera whose input is outside of the limits that were given.
    #[error(
        "camera {width}x{height} needs an input {input} pixels wide, which is not in {least}..={most}"
    )]
    OutsideWidths {
        /// Camera width in pixels.
        width: u32,
        /// Camera height in pixels.
        height: u32,
        /// Input width that it needs.
        input: u32,
        /// Narrowest that was asked for.
        least: u32,
        /// Widest that was asked for.
        most: u32,
    },
    /// A camera that the networks do not take.
    #[error("camera {width}x{height}: {source}")]
    Camera {
        /// Camera width in pixels.
        width: u32,
        /// Camera height in pixels.
        height: u32,
        /// Why.
        source: EngineError,
    },
}

/// Input widths are multiples of this.
const STEP: u32 = 32;
/// Widest input that a frame may need.
const WIDEST: u32 = 2048;
const LEAST_WORKSPACE: u64 = 1 << 20;
const MOST_WORKSPACE: u64 = 1 << 40;
const MOST_LEVEL: u8 = 5;

/// How engines are to be built, and where they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildSettings {
    /// Precision of the layers.
    pub precision: Precision,
    /// Most scratch memory of the builder and the engine, in bytes; the library's own limit
    /// without it.
    pub workspace: Option<u64>,
    /// 0 to 5; higher builds longer and may run faster. The library's own default without it.
    pub optimization_level: Option<u8>,
    /// DLA core of a Jetson; the GPU without it.
    pub dla: Option<u32>,
    /// Width and height in pixels of the cameras that the engines are optimised for.
    pub cameras: Vec<(u32, u32)>,
    /// Narrowest input in pixels that the plans take; what the cameras need without it.
    pub min_width: Option<u32>,
    /// Widest input in pixels that the plans take; what the cameras need without it.
    pub max_width: Option<u32>,
    /// Whether the plans tell what their layers do.
    pub detailed_profile: bool,
    /// Folder with the bundle's graphs, by their names, with Q and DQ nodes in them.
    pub qdq: Option<PathBuf>,
    /// INT8 calibration cache of TensorRT.
    pub calibration: Option<PathBuf>,
    /// Where engines are kept; see [`folder`](super::cache::folder) without it.
    #[serde(skip)]
    pub cache_dir: Option<PathBuf>,
    /// Whether everything is built anew, whatever is kept.
    #[serde(skip)]
    pub force: bool,
}

impl Default for BuildSettings {
    /// FP16 on the GPU, for cameras of 1280x720 and 640x480.
    fn default() -> Self {
        Self {
            precision: Precision::default(),
            workspace: None,
            optimization_level: None,
            dla: None,
            cameras: vec![(1280, 720), (640, 480)],
            min_width: None,
            max_width: None,
            detailed_profile: false,
            qdq: None,
            calibration: None,
            cache_dir: None,
            force: false,
        }
    }
}

/// Sizes of the networks' input, width and height in pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSizes {
    /// Those of the cameras at both resolutions: each once, ascending by height and width.
    pub optimised: Vec<(u32, u32)>,
    /// Smallest width and height that a plan has to take.
    pub min: (u32, u32),
    /// Largest width and height that a plan has to take.
    pub max: (u32, u32),
}

impl BuildSettings {
    /// Those of a part of a bundle: of itself or of its fallback, whose quantised graphs lie in its own folder.
    pub fn of_part(&self, bundle: &Bundle, part: &Bundle) -> Self {
        let inner = bundle.manifest().fallback.as_ref();
        let inner = inner.filter(|_| part.hash() != bundle.hash());
        let qdq = self.qdq.as_ref().map(|folder| match inner {
            Some(fallback) => folder.join(fallback.bundle.get_ref()),
            None => folder.clone(),
        });
        Self {
            qdq,
            ..self.clone()
        }
    }

    /// Whether the settings can be together.
    ///
    /// # Errors
    /// What cannot be.
    pub fn check(&self) -> Result<(), SettingsError> {
        let scaled = self.qdq.is_some() || self.calibration.is_some();
        match (self.precision, scaled) {
            (Precision::Int8, false) => return Err(SettingsError::NoScales),
            (Precision::Fp32 | Precision::Fp16, true) => {
                return Err(SettingsError::UnusedScales(self.precision));
            }
            _ if self.qdq.is_some() && self.calibration.is_some() => {
                return Err(SettingsError::TwoScales);
            }
            _ => {}
        }
        if self.dla.is_some() && self.precision == Precision::Fp32 {
            return Err(SettingsError::DlaPrecision);
        }
        if let Some(level) = self.optimization_level.filter(|l| *l > MOST_LEVEL) {
            return Err(SettingsError::Level(level));
        }
        if let Some(bytes) = self.workspace {
            let (least, most) = (LEAST_WORKSPACE, MOST_WORKSPACE);
            if !(least..=most).contains(&bytes) {
                return Err(SettingsError::Workspace { bytes, least, most });
            }
        }
        for width in [self.min_width, self.max_width].into_iter().flatten() {
            if !width.is_multiple_of(STEP) || !(STEP..=WIDEST).contains(&width) {
                return Err(SettingsError::Width(width));
            }
        }
        match self.cameras.is_empty() {
            true => Err(SettingsError::NoCamera),
            false => Ok(()),
        }
    }

    /// The input sizes that the plans of a bundle are built for.
    ///
    /// # Errors
    /// As [`check`](Self::check); a camera that the bundle does not take, or that is outside of
    /// the widths asked for.
    pub fn input_sizes(&self, input: &Input) -> Result<InputSizes, SettingsError> {
        self.check()?;
        let mut optimised = Vec::new();
        if let Some(fixed) = input.fixed()
            && (self.min_width.is_some() || self.max_width.is_some())
        {
            return Err(SettingsError::OneWidth { width: fixed.width });
        }
        let least = self.min_width.unwrap_or(1);
        let most = self.max_width.unwrap_or(WIDEST);
        for &(width, height) in &self.cameras {
            for &resolution in Resolution::of(input) {
                let size = input_size(input, resolution, width, height).map_err(|source| {
                    SettingsError::Camera {
                        width,
                        height,
                        source,
                    }
                })?;
                if !(least..=most).contains(&size.0) {
                    return Err(SettingsError::OutsideWidths {
                        width,
                        height,
                        input: size.0,
                        least,
                        most,
                    });
                }
                optimised.push(size);
            }
        }
        optimised.sort_unstable_by_key(|&(width, height)| (height, width));
        optimised.dedup();
        let widths = || optimised.iter().map(|s| s.0);
        let heights = || optimised.iter().map(|s| s.1);
        let (Some(narrow), Some(wide)) = (widths().min(), widths().max()) else {
            return Err(SettingsError::NoCamera);
        };
        let (Some(low), Some(high)) = (heights().min(), heights().max()) else {
            return Err(SettingsError::NoCamera);
        };
        Ok(InputSizes {
            min: (self.min_width.unwrap_or(narrow), low),
            max: (self.max_width.unwrap_or(wide), high),
            optimised,
        })
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
