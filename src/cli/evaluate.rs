//! `lookout evaluate`: how well scores find anomalous pixels, pooled over a folder of pictures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use lookout::engine::{Engine, Mode};
use lookout::evaluate::{
    ANOMALOUS, BinaryHistogram, BinaryMetrics, Confusion, ErrorDetection, ErrorDetectionMetrics,
    IGNORE, NORMAL, SegmentationMetrics,
};
use lookout::frame::file::read_image;
use lookout::model::Bundle;
use lookout::score::{ScoreKind, ScoreMap, score};
use serde::Serialize;

use super::pictures::{self, Picture, Upsampler, note};

/// Label of a pixel that no class is meant for, besides the number of classes.
const VOID: u8 = 255;

/// Measures how well scores find anomalous pixels
#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateArgs {
    /// Folder with pictures (JPEG, PNG, WebP)
    images: PathBuf,
    /// Folder with a mask `<stem>.png` for every picture: 0 known, 255 anomalous, 128 ignored.
    /// `-` for none
    masks: PathBuf,
    /// Folder with labels `<stem>.png` for every picture: class ids; 255, or as many as there are
    /// classes, is ignored
    #[arg(long, value_name = "DIR")]
    labels: Option<PathBuf>,
    /// Scores, repeated or with commas: observer, softmax, max-logit, entropy, energy, all
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "all"
    )]
    score: Vec<Choice>,
    /// A JSON object on stdout instead of tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: super::EngineArgs,
}

/// A score, or all that the bundle can give.
#[derive(Clone, Copy, Debug)]
enum Choice {
    All,
    One(ScoreKind),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse()
            .map(Self::One)
            .map_err(|e: lookout::score::ParseScoreKindError| e.to_string())
    }
}

/// The scores meant, each once, in their usual order.
fn scores(choices: &[Choice], observer: bool) -> Vec<ScoreKind> {
    let chosen = |kind: ScoreKind| {
        choices.iter().any(|choice| match choice {
            Choice::All => observer || !kind.needs_observer(),
            Choice::One(one) => *one == kind,
        })
    };
    ScoreKind::ALL
        .into_iter()
        .filter(|kind| chosen(*kind))
        .collect()
}

/// What comes out, as JSON.
#[derive(Serialize)]
struct Report {
    settings: Settings,
    /// Positive: the anomalous pixel. By score.
    #[serde(skip_serializing_if = "Option::is_none")]
    anomaly: Option<BTreeMap<&'static str, BinaryMetrics>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<Segmentation>,
    /// ObsNet's convention, positive: the correctly classified pixel. By score.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_detection: Option<BTreeMap<&'static str, ErrorDetectionMetrics>>,
}

#[derive(Serialize)]
struct Settings {
    bundle: String,
    bundle_version: String,
    bundle_hash: String,
    engine: String,
    mode: &'static str,
    images: String,
    masks: Option<String>,
    labels: Option<String>,
    pictures: usize,
    /// Widths and heights that the pictures were resized to, each once.
    input_sizes: Vec<(u32, u32)>,
}

#[derive(Serialize)]
struct Segmentation {
    classes: Vec<String>,
    #[serde(flatten)]
    metrics: SegmentationMetrics,
}

/// Runs the command.
pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let masks = (args.masks != Path::new("-")).then_some(args.masks.as_path());
    if masks.is_none() && args.labels.is_none() {
        bail!("nothing to evaluate against: MASKS is `-` and there is no --labels");
    }
    let pictures = pictures::list(&args.images)?;
    let mask_files = masks
        .map(|dir| pictures::partners(&pictures, dir, "mask"))
        .transpose()?;
    let labels = args.labels.as_deref();
    let label_files = labels
        .map(|dir| pictures::partners(&pictures, dir, "labels"))
        .transpose()?;
    let bundle = args.engine.bundle()?;
    let engine = args.engine.open(&bundle)?;
    let engine_text = engine.description();
    let kinds = scores(&args.score, bundle.manifest().observer.is_some());
    let classes = bundle.manifest().classes.get_ref().len();
    let mut evaluator = Evaluator::new(engine, kinds, classes)?;
    let bar = pictures::progress(pictures.len());
    for (index, picture) in pictures.iter().enumerate() {
        let of = |files: &Option<Vec<PathBuf>>| files.as_ref().and_then(|f| f.get(index)).cloned();
        evaluator
            .add(
                picture,
                of(&mask_files).as_deref(),
                of(&label_files).as_deref(),
            )
            .inspect_err(|_| bar.finish_and_clear())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if evaluator.non_finite > 0 {
        let count = evaluator.non_finite;
        note(format_args!(
            "warning: {count} scores are not finite; they count as unknown"
        ));
    }
    let settings = Settings {
        bundle: bundle.manifest().name.clone(),
        bundle_version: bundle.manifest().version.clone(),
        bundle_hash: bundle.hash().to_owned(),
        engine: engine_text,
        mode: evaluator.mode.name(),
        images: args.images.display().to_string(),
        masks: masks.map(|m| m.display().to_string()),
        labels: labels.map(|l| l.display().to_string()),
        pictures: pictures.len(),
        input_sizes: evaluator.input_sizes.clone(),
    };
    let report = evaluator.report(settings, &bundle, masks.is_some(), labels.is_some());
    let text = if args.json {
        serde_json::to_string_pretty(&report)? + "\n"
    } else {
        report.tables()
    };
    io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .context("cannot write to stdout")
}

/// What is counted of one score.
struct Counts {
    kind: ScoreKind,
    anomaly: BinaryHistogram,
    errors: ErrorDetection,
}

struct Evaluator {
    engine: Box<dyn Engine>,
    mode: Mode,
    counts: Vec<Counts>,
    confusion: Confusion,
    classes: usize,
    input_sizes: Vec<(u32, u32)>,
    non_finite: usize,
    map: ScoreMap,
    upsampler: Upsampler,
    predictions: Vec<u8>,
}

impl Evaluator {
    fn new(engine: Box<dyn Engine>, kinds: Vec<ScoreKind>, classes: usize) -> Result<Self> {
        let counts = |kind: &ScoreKind| Counts {
            kind: *kind,
            anomaly: BinaryHistogram::new(),
            errors: ErrorDetection::new(),
        };
        Ok(Self {
            engine,
            mode: pictures::mode_for(&kinds),
            counts: kinds.iter().map(counts).collect(),
            confusion: Confusion::new(classes, Some(VOID))?,
            classes,
            input_sizes: Vec::new(),
            non_finite: 0,
            map: ScoreMap::default(),
            upsampler: Upsampler::default(),
            predictions: Vec::new(),
        })
    }

    /// Counts one picture.
    fn add(&mut self, picture: &Picture, mask: Option<&Path>, labels: Option<&Path>) -> Result<()> {
        let frame = read_image(&picture.path)?;
        let size = (frame.width(), frame.height());
        let mask = mask
            .map(|path| truth(path, size, &picture.path))
            .transpose()?;
        let truth = labels.map(|path| classes(path, size, &picture.path, self.classes));
        let truth = truth.transpose()?;
        let named = || picture.path.display().to_string();
        let perception = self.engine.run(&frame, self.mode).with_context(named)?;
        if !self.input_sizes.contains(&perception.input_size()) {
            self.input_sizes.push(perception.input_size());
        }
        let logits = perception
            .logits()
            .context("the engine gave no logits")
            .with_context(named)?;
        if let (Some(truth), Some(path)) = (&truth, labels) {
            self.predictions.clear();
            self.predictions
                .extend_from_slice(self.upsampler.classes(logits, size).with_context(named)?);
            self.confusion
                .add_slice(&self.predictions, truth)
                .with_context(|| path.display().to_string())?;
        }
        for counts in &mut self.counts {
            let stats = score(counts.kind, logits, perception.observer(), &mut self.map)
                .with_context(named)?;
            self.non_finite += stats.non_finite;
            let full = self.upsampler.scores(&self.map, size).with_context(named)?;
            // both histograms count the 16-bit steps that `score` writes
            if let Some(mask) = &mask {
                counts
                    .anomaly
                    .add_slice(full.values(), mask)
                    .with_context(named)?;
            }
            if let Some(truth) = &truth {
                counts
                    .errors
                    .add_slice(full.values(), &self.predictions, truth, Some(VOID))
                    .with_context(named)?;
            }
        }
        Ok(())
    }

    fn report(&self, settings: Settings, bundle: &Bundle, masks: bool, labels: bool) -> Report {
        let names = bundle
            .manifest()
            .classes
            .get_ref()
            .iter()
            .map(|c| c.name.clone());
        let by_score = self.counts.iter();
        Report {
            settings,
            anomaly: masks.then(|| {
                by_score
                    .clone()
                    .map(|c| (c.kind.name(), c.anomaly.metrics()))
                    .collect()
            }),
            segmentation: labels.then(|| Segmentation {
                classes: names.collect(),
                metrics: self.confusion.metrics(),
            }),
            error_detection: labels.then(|| {
                by_score
                    .clone()
                    .map(|c| (c.kind.name(), c.errors.metrics()))
                    .collect()
            }),
        }
    }
}

/// A mask in the terms of the histograms.
fn truth(path: &Path, size: (u32, u32), picture: &Path) -> Result<Vec<u8>> {
    let mut mask = pictures::read_mask(path)?;
    mask.expect_size(path, size, picture)?;
    for value in &mut mask.pixels {
        *value = match *value {
            0 => NORMAL,
            255 => ANOMALOUS,
            _ => IGNORE,
        };
    }
    Ok(mask.pixels)
}

/// Labels with one value for what is ignored.
fn classes(path: &Path, size: (u32, u32), picture: &Path, classes: usize) -> Result<Vec<u8>> {
    let mut labels = pictures::read_grey(path)?;
    labels.expect_size(path, size, picture)?;
    for value in &mut labels.pixels {
        if usize::from(*value) == classes {
            *value = VOID;
        }
    }
    Ok(labels.pixels)
}

/// A share in per cent, or a dash.
fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{:.2}", v * 100.0))
}

impl Report {
    /// For people.
    fn tables(&self) -> String {
        let s = &self.settings;
        let hash = s.bundle_hash.get(..12).unwrap_or(&s.bundle_hash);
        let sizes: Vec<_> = s
            .input_sizes
            .iter()
            .map(|(w, h)| format!("{w}x{h}"))
            .collect();
        let mut text = String::new();
        // writing to a string does not fail
        let _ = writeln!(text, "bundle {} {} ({hash})", s.bundle, s.bundle_version);
        let _ = writeln!(
            text,
            "engine {}, mode {}, input {}",
            s.engine,
            s.mode,
            sizes.join(", ")
        );
        let _ = writeln!(
            text,
            "{} pictures of {}; figures in per cent",
            s.pictures, s.images
        );
        if let Some(anomaly) = &self.anomaly {
            text += "\nAnomalies (positive: the anomalous pixel)\n";
            let _ = writeln!(
                text,
                "  {:<10} {:>7} {:>7} {:>7}",
                "score", "AUROC", "AP", "FPR95"
            );
            for (name, m) in ordered(anomaly) {
                let (a, p, f) = (percent(m.auroc), percent(m.ap), percent(m.fpr95));
                let _ = writeln!(text, "  {name:<10} {a:>7} {p:>7} {f:>7}");
            }
            if let Some(m) = anomaly.values().next() {
                let _ = writeln!(
                    text,
                    "  {} anomalous, {} known pixels",
                    m.positives, m.negatives
                );
            }
        }
        if let Some(segmentation) = &self.segmentation {
            let m = &segmentation.metrics;
            text += "\nSegmentation\n";
            let names = segmentation.classes.iter().map(|n| n.chars().count());
            let width = names.max().unwrap_or(0).max(14);
            for (name, iou) in segmentation.classes.iter().zip(&m.iou) {
                let _ = writeln!(text, "  {name:<width$} {:>7}", percent(*iou));
            }
            let _ = writeln!(text, "  {:<width$} {:>7}", "mIoU", percent(m.miou));
            let _ = writeln!(
                text,
                "  {:<width$} {:>7}",
                "pixel accuracy",
                percent(m.pixel_accuracy)
            );
        }
        if let Some(errors) = &self.error_detection {
            text += "\nError detection (ObsNet's convention; positive: the correctly classified \
                     pixel)\n";
            let _ = writeln!(
                text,
                "  {:<10} {:>7} {:>7} {:>7}",
                "score", "AUROC", "AUPR", "FPR95"
            );
            for (name, m) in ordered(errors) {
                let (a, p, f) = (percent(m.auroc), percent(m.aupr), percent(m.fpr95));
                let _ = writeln!(text, "  {name:<10} {a:>7} {p:>7} {f:>7}");
            }
            if let Some(m) = errors.values().next() {
                let _ = writeln!(text, "  {} correct, {} wrong pixels", m.correct, m.wrong);
            }
        }
        text
    }
}

/// Figures in the usual order of the scores.
fn ordered<'a, T>(
    figures: &'a BTreeMap<&'static str, T>,
) -> impl Iterator<Item = (&'a str, &'a T)> {
    ScoreKind::ALL
        .into_iter()
        .filter_map(|k| Some((k.name(), figures.get(k.name())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_score_is_taken_once_and_all_means_all_there_are() {
        let of = |text: &str, observer| {
            let choices: Vec<Choice> = text.split(',').map(|t| t.parse().unwrap()).collect();
            scores(&choices, observer)
        };
        assert_eq!(of("all", true), ScoreKind::ALL);
        assert_eq!(of("all", false), ScoreKind::ALL[1..]);
        let two = [ScoreKind::Observer, ScoreKind::Energy];
        assert_eq!(of("energy,observer,energy", false), two);
        assert!("entropie".parse::<Choice>().is_err());
    }
}
