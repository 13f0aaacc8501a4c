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
    /// Scores, repeated or with commas: observer or one other head of the bundle, softmax, max-logit, entropy,
    /// energy; all: those of the logits and that of the head, which is the observer where none is named
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

/// A score, or all that the bundle with its head can give.
#[derive(Clone, Copy, Debug)]
enum Choice {
    All,
    One(ScoreKind),
}

impl Choice {
    fn one(&self) -> Option<ScoreKind> {
        match self {
            Self::All => None,
            Self::One(kind) => Some(*kind),
        }
    }
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

/// The head that is named; only one runs at a time.
fn named_head(choices: &[Choice]) -> Result<Option<ScoreKind>> {
    let mut heads = choices.iter().filter_map(|choice| match choice {
        Choice::One(kind) if kind.needs_head() => Some(*kind),
        _ => None,
    });
    let first = heads.next();
    match heads.find(|other| Some(*other) != first) {
        Some(other) => bail!(
            "only one head of a bundle runs at a time, and {other} is named beside another: evaluate them one after \
             the other"
        ),
        None => Ok(first),
    }
}

/// The scores meant, each once, in their usual order; `head` is that of the bundle's head.
fn scores(choices: &[Choice], head: Option<ScoreKind>) -> Vec<ScoreKind> {
    let chosen = |kind: &ScoreKind| {
        choices.iter().any(|choice| match choice {
            Choice::All => true,
            Choice::One(one) => one == kind,
        })
    };
    let all = head.into_iter().chain(ScoreKind::OF_LOGITS);
    all.filter(chosen).collect()
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
    let bundle = args.engine.bundle(named_head(&args.score)?)?;
    let mut kinds = scores(&args.score, bundle.manifest().head_score());
    for kind in args.score.iter().filter_map(Choice::one) {
        bundle.manifest().check_score(kind)?;
    }
    kinds.retain(|&kind| bundle.manifest().check_score(kind).is_ok());
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
        let observer = Some(ScoreKind::OBSERVER);
        let of = |text: &str, head| scores(&choices(text), head);
        assert_eq!(of("all", observer), ScoreKind::ALL);
        assert_eq!(of("all", None), ScoreKind::OF_LOGITS);
        let two = [ScoreKind::OBSERVER, ScoreKind::Energy];
        assert_eq!(of("energy,observer,energy", observer), two);
        assert!("two words".parse::<Choice>().is_err());
    }

    #[test]
    fn one_head_may_be_named_and_another_beside_it_is_refused() {
        let head = |text: &str| named_head(&choices(text));
        assert_eq!(head("energy,all").unwrap(), None);
        let vim: ScoreKind = "vim".parse().unwrap();
        assert_eq!(head("vim,energy,vim").unwrap(), Some(vim));
        let error = head("vim,observer").unwrap_err().to_string();
        assert!(error.contains("observer is named beside"), "{error}");
    }

    fn choices(text: &str) -> Vec<Choice> {
        text.split(',').map(|t| t.parse().unwrap()).collect()
    }
}
