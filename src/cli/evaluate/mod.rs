//! `lookout evaluate`: how well scores find anomalous pixels and things, over a folder of pictures.

mod evaluator;
mod report;
mod sheets;
mod spill;
mod tables;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use lookout::score::ScoreKind;

use super::listing::{self, Picture};
use super::masks::{MaskArgs, Masks};
use super::pictures::note;
use evaluator::Evaluator;
use report::{Convention, Settings};

/// How well scores find anomalous pixels and things, on labelled pictures; mIoU with class labels
///
/// Pixels (AUROC, AP, FPR95) and components (sIoU, PPV, F1, as SegmentMeIfYouCan defines them) are
/// pooled over the set and measured at the pictures' own resolution, to which score maps are
/// upsampled bilinearly. Components are given at two thresholds: the bundle's (fpr1 of score and
/// mode), which a vehicle has, and the one of the best pixel F1 on this very set, which is the
/// benchmark's rule.
///
/// Things found and known pixels flagged are measured on the mask of a drive: thresholded at the
/// score map's resolution with the bundle's threshold, each pixel of the picture taking the cell
/// that it lies in. A thing is an 8-connected component of the anomalous pixels; it is found when
/// at least a fifth of its pixels is in the mask. Score maps wait in a temporary file until the
/// benchmark's threshold is known.
#[derive(Debug, clap::Args)]
pub(crate) struct EvaluateArgs {
    /// Folder with pictures (JPEG, PNG, WebP)
    images: PathBuf,
    /// Folder with a mask `<stem>.png` for every picture, in the same folders below it. `-` for
    /// none
    masks: PathBuf,
    #[command(flatten)]
    mask: MaskArgs,
    /// Folder with labels `<stem>.png` for every picture: class ids; 255, or as many as there are
    /// classes, is ignored. Without masks, every pixel that has a class counts as known
    #[arg(long, value_name = "DIR")]
    labels: Option<PathBuf>,
    /// What the names of labels have after the picture's, before `.png`: `_gtFine_labelTrainIds`
    #[arg(long, value_name = "TEXT", default_value = "")]
    label_suffix: String,
    /// Nothing in the pictures is anomalous: without masks and labels, every pixel counts as known
    #[arg(long, conflicts_with = "labels")]
    clean: bool,
    /// Scores, repeated or with commas: observer, softmax, max-logit, entropy, energy, all
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "all"
    )]
    score: Vec<Choice>,
    /// Detections of fewer pixels are dropped, and things of less than a fifth of that are not
    /// looked for, in the component metrics. 50 for sets of small obstacles
    #[arg(long, value_name = "PIXELS", default_value_t = 500)]
    min_component: u32,
    /// Writes the 24 worst and the 24 best pictures: `worst.jpg`, `best.jpg`, and their names in
    /// `sheets.txt`. Ranked, for the first of the scores, by the share of the anomalous pixels in
    /// the mask less the share of the known ones; with labels only, by mIoU
    #[arg(long, value_name = "DIR")]
    sheets: Option<PathBuf>,
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

/// What the pixels are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Truth {
    masks: bool,
    labels: bool,
}

/// The pictures and what belongs to each.
struct Set {
    pictures: Vec<Picture>,
    masks: Option<Masks>,
    labels: Option<Vec<PathBuf>>,
}

impl EvaluateArgs {
    fn truth(&self) -> Result<Truth> {
        let truth = Truth {
            masks: self.masks != Path::new("-"),
            labels: self.labels.is_some(),
        };
        if truth.masks && self.clean {
            bail!("--clean says that nothing is anomalous, and there are MASKS: give `-` for them");
        }
        if !(truth.masks || truth.labels || self.clean) {
            bail!(
                "nothing to evaluate against: MASKS is `-`; give --labels DIR, or --clean where \
                 nothing in the pictures is anomalous"
            );
        }
        Ok(truth)
    }

    /// Every picture with its partners; one that is missing is an error before anything is done.
    fn set(&self, truth: Truth) -> Result<Set> {
        let others: Vec<&Path> = [&self.labels, &self.sheets]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .chain([self.masks.as_path()])
            .collect();
        let pictures = listing::list_set(&self.images, &self.mask.pictures, &others)?;
        let masks = truth
            .masks
            .then(|| Masks::open(&pictures, &self.masks, &self.mask))
            .transpose()?;
        let labels = self
            .labels
            .as_deref()
            .map(|dir| listing::partners(&pictures, dir, &self.label_suffix, "labels"))
            .transpose()?;
        Ok(Set {
            pictures,
            masks,
            labels,
        })
    }
}

/// Runs the command.
pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let truth = args.truth()?;
    let set = args.set(truth)?;
    let bundle = args.engine.bundle()?;
    let kinds = scores(&args.score, bundle.manifest().observer.is_some());
    let sheets = args.sheets.as_ref();
    let _lock = sheets
        .map(|folder| sheets::check(folder, &set))
        .transpose()?;
    let engine = args.engine.open(&bundle)?;
    let engine_text = engine.description();
    let mut evaluator = Evaluator::new(engine, &bundle, &kinds, truth, args.min_component)?;
    for counts in evaluator.counts().iter().filter(|c| c.threshold.is_none()) {
        note(format_args!(
            "warning: the bundle {} has no threshold for {} in mode {}: what needs one is left \
             out; make one with `lookout calibrate`",
            bundle.manifest().name,
            counts.kind,
            evaluator.mode(),
        ));
    }
    evaluator.run(&set)?;
    if let Some(folder) = sheets {
        sheets::write(folder, &mut evaluator, &set)?;
    }
    let settings = Settings {
        bundle: bundle.manifest().name.clone(),
        bundle_version: bundle.manifest().version.clone(),
        bundle_hash: bundle.hash().to_owned(),
        engine: engine_text,
        mode: evaluator.mode().name(),
        images: args.images.display().to_string(),
        masks: truth.masks.then(|| args.masks.display().to_string()),
        mask_convention: set.masks.as_ref().map(Masks::convention),
        labels: args.labels.as_ref().map(|l| l.display().to_string()),
        pictures: set.pictures.len(),
        input_sizes: evaluator.input_sizes().to_vec(),
    };
    let convention = Convention::new(&set, args.min_component);
    let report = report::make(settings, convention, &bundle, &evaluator, truth);
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
