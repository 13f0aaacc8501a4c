//! Engines are held against the reference: the same pictures through both.

mod agreement;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

pub use agreement::{Agreement, CompareError};

use super::fallback::with_fallback;
use super::{Asked, Engine, EngineError, Mode, OrtEngine, RtenEngine, find_onnxruntime};
use crate::frame::file::read_image;
use crate::model::{Bundle, ThresholdAt};
use crate::score::ScoreKind;

/// What every engine is held to: the built-in one or, where it cannot run the graphs, ONNX Runtime.
///
/// # Errors
/// Neither can run them.
pub fn reference(bundle: &Bundle, threads: usize) -> Result<Box<dyn Engine>, EngineError> {
    with_fallback(bundle, |bundle| RtenEngine::load(bundle, threads)).or_else(|built_in| {
        log::info!("the built-in engine cannot be the reference, ONNX Runtime is: {built_in}");
        let library = find_onnxruntime()?;
        with_fallback(bundle, |bundle| OrtEngine::load(bundle, &library, threads))
    })
}

/// Runs pictures through the reference and another engine: in every mode with the head or, where none
/// runs, in every mode.
///
/// # Errors
/// A picture that cannot be read, or on which an engine fails; results that cannot be compared.
pub fn compare(
    bundle: &Bundle,
    reference: &mut dyn Engine,
    other: &mut dyn Engine,
    pictures: &[PathBuf],
) -> Result<Vec<Agreement>, CompareError> {
    let manifest = bundle.manifest();
    let score = manifest.head_score().unwrap_or(Asked::WITHOUT_OBSERVER);
    let modes = Mode::ALL.into_iter();
    let modes = modes.filter(|m| m.observer == score.needs_head() && m.check(manifest).is_ok());
    let mut found: Vec<_> = modes
        .map(|mode| {
            let threshold = manifest.threshold(score, mode.name(), ThresholdAt::Fpr1);
            (mode, Agreement::new(mode, score, threshold))
        })
        .collect();
    for picture in pictures {
        let frame = read_image(picture)?;
        let failed = |source| CompareError::Engine {
            picture: picture.clone(),
            source: Box::new(source),
        };
        for (mode, agreement) in &mut found {
            let want = reference.run(&frame, *mode).map_err(failed)?;
            let got = other.run(&frame, *mode).map_err(failed)?;
            agreement.add(want, got)?;
        }
    }
    Ok(found.into_iter().map(|(_, agreement)| agreement).collect())
}

/// Hash of a bundle, the head that ran, and the engine in words.
type Accepted = (String, Option<ScoreKind>, String);

/// Holds an engine against the reference on the bundle's pictures, where it has some; once in a process, so
/// that one that is opened again after a panic is there at once.
///
/// # Errors
/// It is beyond the bundle's limits, or cannot be held to them.
pub(super) fn accepted(
    bundle: &Bundle,
    mut engine: Box<dyn Engine>,
    threads: usize,
) -> Result<Box<dyn Engine>, EngineError> {
    static ACCEPTED: Mutex<BTreeSet<Accepted>> = Mutex::new(BTreeSet::new());
    if bundle.manifest().acceptance.pictures.is_empty() {
        return Ok(engine);
    }
    let head = bundle.manifest().head_score();
    let key = (bundle.hash().to_owned(), head, engine.description());
    let known = || ACCEPTED.lock().unwrap_or_else(PoisonError::into_inner);
    if known().contains(&key) {
        return Ok(engine);
    }
    let mut reference = reference(bundle, threads)?;
    if reference.name() != engine.name() {
        hold(bundle, reference.as_mut(), engine.as_mut())?;
    }
    known().insert(key);
    Ok(engine)
}

fn hold(
    bundle: &Bundle,
    reference: &mut dyn Engine,
    engine: &mut dyn Engine,
) -> Result<(), EngineError> {
    let (name, limits) = (&bundle.manifest().name, &bundle.manifest().acceptance);
    let compared = bundle
        .pictures()
        .map_err(CompareError::from)
        .and_then(|pictures| Ok((compare(bundle, reference, engine, &pictures)?, pictures)));
    let (found, pictures) = compared.map_err(|source| EngineError::NotCompared {
        engine: engine.description(),
        bundle: name.clone(),
        source: Box::new(source),
    })?;
    let lines = |all: bool| {
        let found = found.iter().filter(|a| all || !a.is_within(limits));
        let lines: Vec<_> = found.map(|a| a.line(&pictures)).collect();
        lines.join("; ")
    };
    if !found.iter().all(|agreement| agreement.is_within(limits)) {
        return Err(EngineError::NotAccepted {
            engine: engine.description(),
            bundle: name.clone(),
            figures: lines(false),
            limits: limits.line(),
        });
    }
    log::info!(
        "{} is held against the reference: {}",
        engine.description(),
        lines(true)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::agreement::tests::perception;
    use super::*;
    use crate::engine::{Perception, Resolution};
    use crate::frame::Frame;
    use sha2::{Digest, Sha256};

    /// Gives the same whatever it sees.
    struct Fixed(&'static str, Perception);

    impl Engine for Fixed {
        fn name(&self) -> &'static str {
            self.0
        }

        fn description(&self) -> String {
            self.0.to_owned()
        }

        fn has_observer(&self) -> bool {
            false
        }

        fn segment(&mut self, _: &Frame, _: Resolution) -> Result<(), EngineError> {
            Ok(())
        }

        fn observe(&mut self) -> Result<(), EngineError> {
            Err(EngineError::NoObserver)
        }

        fn perception(&self) -> &Perception {
            &self.1
        }
    }

    #[test]
    fn an_engine_beyond_the_bundles_limits_is_refused_with_the_figures() {
        let dir = tempfile::tempdir().unwrap();
        let keep = |name: &str, bytes: &[u8]| {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            let digest = Sha256::digest(bytes);
            let digits = digest.iter().map(|b| format!("{b:02x}"));
            digits.collect::<String>()
        };
        let graph = include_bytes!("../../models/road/segmentation.onnx");
        let grey = image::RgbImage::from_pixel(64, 48, image::Rgb([90, 90, 90]));
        grey.save(dir.path().join("a.png")).unwrap();
        let picture = std::fs::read(dir.path().join("a.png")).unwrap();
        let manifest = include_str!("../../models/road/model.toml");
        let at = manifest.find("[observer]").unwrap();
        let end = manifest.find("[provenance]").unwrap();
        let thresholds = manifest.find("[[threshold]]").unwrap();
        let text = format!(
            "{}{}[acceptance]\npictures.\"a.png\" = \"{}\"\n",
            &manifest[..at],
            &manifest[end..thresholds],
            keep("a.png", &picture)
        );
        keep("segmentation.onnx", graph);
        std::fs::write(dir.path().join("model.toml"), text).unwrap();
        let bundle = Bundle::load(dir.path()).unwrap();
        let mut reference = Fixed("reference", perception([0, 0, 1, 1], 8.0));
        let mut same = Fixed("same", perception([0, 0, 1, 1], 8.5));
        hold(&bundle, &mut reference, &mut same).unwrap();
        let mut other = Fixed("other", perception([0, 1, 1, 1], 8.0));
        let error = hold(&bundle, &mut reference, &mut other).unwrap_err();
        let error = error.to_string();
        for words in [
            "other is not accepted for the bundle road",
            "mode full, 1 pictures: labels agree on 75.00 %",
            "a.png",
            "labels have to agree on 99.00 %",
        ] {
            assert!(error.contains(words), "{error}");
        }
        // and where a picture is not the bundle's nothing is compared
        std::fs::write(dir.path().join("a.png"), b"another").unwrap();
        let error = hold(&bundle, &mut reference, &mut same).unwrap_err();
        assert!(
            error.to_string().contains("cannot be held against"),
            "{error}"
        );
    }
}
