//! Choosing an engine.

use std::str::FromStr;
use std::sync::Arc;

use super::acceptance::accepted;
use super::fallback::with_fallback;
use super::ort_library::named_onnxruntime;
use super::{Engine, EngineError, OrtEngine, RtenEngine, find_onnxruntime};
use crate::model::Bundle;

named! {
    /// Which engine to use.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum EngineKind {
        /// The fastest that works.
        #[default]
        Auto => "auto",
        /// rten.
        Rten => "rten",
        /// ONNX Runtime.
        Ort => "ort",
        /// TensorRT, in a build with the feature `tensorrt`. Known in every build, so that files and
        /// command lines mean the same everywhere.
        TensorRt => "tensorrt",
    }
}

impl FromStr for EngineKind {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == s);
        found.ok_or_else(|| format!("engine {s:?} is not auto, rten, ort or tensorrt"))
    }
}

/// How to open an engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which one.
    pub kind: EngineKind,
    /// CPU threads that a network may use.
    pub threads: usize,
}

impl Default for Options {
    /// The fastest engine, on the cores that there are, at most four.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Self {
            kind: EngineKind::Auto,
            threads: cores.min(4),
        }
    }
}

/// Opens engines: [`open`], or whoever has an engine of his own.
pub type EngineFactory =
    Arc<dyn Fn(&Bundle, Options) -> Result<Box<dyn Engine>, EngineError> + Send + Sync>;

/// Opens an engine for a bundle, with the networks of its fallback where it has one, and logs which and why. One that is not the reference is held against it on
/// the bundle's pictures, where the bundle has some.
///
/// # Errors
/// Where the engine asked for cannot be used, or is too far from the reference; with `Auto`, where the
/// built-in one cannot be used.
pub fn open(bundle: &Bundle, options: Options) -> Result<Box<dyn Engine>, EngineError> {
    open_if(bundle, options, &|engine| {
        accepted(bundle, engine, options.threads)
    })
}

/// Opens an engine as [`open`] does, however far it is from the reference.
///
/// # Errors
/// As [`open`], but for the last.
pub fn open_unchecked(bundle: &Bundle, options: Options) -> Result<Box<dyn Engine>, EngineError> {
    open_if(bundle, options, &Ok)
}

/// Opens an engine that passes.
fn open_if(
    bundle: &Bundle,
    options: Options,
    pass: &dyn Fn(Box<dyn Engine>) -> Result<Box<dyn Engine>, EngineError>,
) -> Result<Box<dyn Engine>, EngineError> {
    let threads = options.threads;
    let rten = || with_fallback(bundle, |bundle| RtenEngine::load(bundle, threads));
    let ort = || {
        let library = find_onnxruntime()?;
        with_fallback(bundle, |bundle| OrtEngine::load(bundle, &library, threads)).and_then(pass)
    };
    let tensorrt = || tensorrt(bundle).and_then(pass);
    let cpu = || match ort() {
        Ok(engine) => Ok(engine),
        Err(e @ EngineError::NoOnnxRuntime { .. }) if !named_onnxruntime() => {
            log::debug!("{e}");
            log::info!("no ONNX Runtime was found: the built-in engine is used");
            rten()
        }
        Err(e) => {
            log::warn!("ONNX Runtime cannot be used, the built-in engine is: {e}");
            rten()
        }
    };
    let engine = match options.kind {
        EngineKind::Rten => rten()?,
        EngineKind::Ort => ort()?,
        EngineKind::TensorRt => tensorrt()?,
        EngineKind::Auto => match tensorrt() {
            Ok(engine) => engine,
            Err(e @ EngineError::NoTensorRt { .. }) => {
                log::debug!("{e}");
                cpu()?
            }
            Err(e) => {
                log::warn!("a GPU was found but cannot be used, so the CPU is used: {e}");
                cpu()?
            }
        },
    };
    log::info!("engine: {}", engine.description());
    Ok(engine)
}

#[cfg(not(feature = "tensorrt"))]
fn tensorrt(_bundle: &Bundle) -> Result<Box<dyn Engine>, EngineError> {
    let message = "this lookout was built without it; build with `--features tensorrt`";
    Err(EngineError::NoTensorRt {
        message: message.to_owned(),
    })
}

#[cfg(feature = "tensorrt")]
fn tensorrt(bundle: &Bundle) -> Result<Box<dyn Engine>, EngineError> {
    use super::tensorrt::{BuildSettings, TensorRtEngine, machine};
    // what is missing is no failure of what is there
    if let Err(e) = machine().check() {
        return Err(EngineError::NoTensorRt {
            message: e.to_string(),
        });
    }
    let settings = BuildSettings::remembered();
    with_fallback(bundle, |part| {
        TensorRtEngine::load(part, &settings.of_part(bundle, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_read_by_its_name() {
        for kind in EngineKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "cuda".parse::<EngineKind>().unwrap_err();
        assert_eq!(error, "engine \"cuda\" is not auto, rten, ort or tensorrt");
    }

    #[cfg(not(feature = "tensorrt"))]
    #[test]
    fn a_build_without_tensorrt_says_how_to_get_it() {
        let options = Options {
            kind: EngineKind::TensorRt,
            threads: 1,
        };
        let error = open(&Bundle::shipped().unwrap(), options).err().unwrap();
        assert_eq!(
            error.to_string(),
            "TensorRT cannot be used: this lookout was built without it; build with \
             `--features tensorrt`"
        );
    }
}
