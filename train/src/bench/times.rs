//! What a head costs on an engine, on frames of a camera.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use lookout::engine::{Engine, Mode, OrtEngine, RtenEngine, find_onnxruntime};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::score::{ScoreKind, ScoreMap, score};
use lookout::time::Stamp;
use serde::{Deserialize, Serialize};

use crate::data::Picture;

/// Medians in ms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    /// The head and what makes a score of its plane; of a score of the logits, that alone.
    pub(super) head: f64,
    /// From the decoded picture to the score: resizing, segmentation network, head.
    pub(super) frame: f64,
}

/// The first frames are not timed.
const WARM_UP: usize = 2;
const TIMED: usize = 15;

/// Frames of these pictures.
pub(super) fn frames(pictures: &[Picture]) -> anyhow::Result<Vec<Frame>> {
    let frame = |p: &Picture| {
        let (width, height) = (p.width as u32, p.height as u32);
        Ok(Frame::from_rgb(
            Stamp::default(),
            width,
            height,
            p.rgb.clone(),
        )?)
    };
    pictures.iter().map(frame).collect()
}

/// The times of a bundle's score on each engine that is there, from the file, or measured and written to it.
pub(super) fn measured(
    bundle: &Path,
    kind: ScoreKind,
    frames: &[Frame],
    threads: usize,
    file: &Path,
) -> anyhow::Result<BTreeMap<String, Times>> {
    if file.exists() {
        let text = fs::read_to_string(file)?;
        let read = serde_json::from_str(&text);
        return read.with_context(|| format!("cannot read {}", file.display()));
    }
    let bundle = Bundle::load(bundle)?.choose(kind)?;
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(RtenEngine::load(&bundle, threads)?)];
    match find_onnxruntime() {
        Ok(library) => engines.push(Box::new(OrtEngine::load(&bundle, &library, threads)?)),
        Err(why) => log::warn!("nothing is timed on ONNX Runtime: {why}"),
    }
    let mut all = BTreeMap::new();
    for mut engine in engines {
        let name = engine.name().to_owned();
        all.insert(name, measure(engine.as_mut(), kind, frames)?);
    }
    fs::write(file, serde_json::to_string_pretty(&all)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(all)
}

fn measure(engine: &mut dyn Engine, kind: ScoreKind, frames: &[Frame]) -> anyhow::Result<Times> {
    let mode = match kind.needs_head() {
        true => Mode::FULL,
        false => Mode::FULL_LOGITS,
    };
    let mut map = ScoreMap::default();
    let (mut heads, mut wholes) = (vec![], vec![]);
    for (i, frame) in frames.iter().cycle().take(WARM_UP + TIMED).enumerate() {
        let began = Instant::now();
        let perception = engine.run(frame, mode)?;
        let ran = Instant::now();
        let logits = perception.logits().context("the engine gave no logits")?;
        score(kind, logits, perception.observer(), &mut map)?;
        if i >= WARM_UP {
            heads.push(perception.times().observer + ran.elapsed());
            wholes.push(began.elapsed());
        }
    }
    Ok(Times {
        head: median(heads),
        frame: median(wholes),
    })
}

/// In ms.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let middle = times.get(times.len() / 2);
    middle.map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_in_milliseconds() {
        let times = [9, 1, 4].map(Duration::from_millis);
        assert_eq!(median(times.to_vec()), 4.0);
    }
}
