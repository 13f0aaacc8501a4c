//! `model.toml`: its form, and what is checked of it beyond the form.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::ModelError;
use super::acceptance::Acceptance;
use super::head::{Head, observer};
use super::input::Input;
use crate::decide::Trapezoid;
use crate::score::ScoreKind;

/// The only manifest format there is.
const FORMAT: u32 = 1;

/// Contents of `model.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form; 1.
    pub format: Spanned<u32>,
    /// Short name of the bundle.
    pub name: String,
    /// Version of the bundle, semantic.
    pub version: String,
    /// What it is, for people.
    pub description: String,
    /// What the networks want to see.
    pub input: Input,
    /// The segmentation network.
    pub segmentation: Segmentation,
    /// The head that runs: the observer, where the bundle has one, until another is chosen
    /// ([`Bundle::choose`](super::Bundle::choose)).
    #[serde(rename = "observer", default, deserialize_with = "observer")]
    pub head: Option<Head>,
    /// The others that could be chosen.
    #[serde(rename = "head", default)]
    pub other_heads: Vec<Head>,
    /// Smaller networks, for when these are not in time at reduced resolution either.
    pub fallback: Option<Fallback>,
    /// Classes in the order of the logits.
    #[serde(rename = "class")]
    pub classes: Spanned<Vec<Class>>,
    /// Where anomalies matter to the camera that the bundle is for; without it, a lane ahead of a
    /// level camera in the middle ([`Trapezoid::default`]).
    pub corridor: Option<Trapezoid>,
    /// Calibrated thresholds.
    #[serde(rename = "threshold", default)]
    pub thresholds: Vec<Spanned<ThresholdEntry>>,
    /// How far an engine may be from the reference.
    #[serde(default)]
    pub acceptance: Acceptance,
    /// Where the bundle comes from.
    pub provenance: Provenance,
}

/// The segmentation graph.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segmentation {
    /// ONNX file in the bundle's folder.
    pub file: Spanned<String>,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: Spanned<String>,
    /// SHA-256 of the files that the graph keeps its data in, by the names that it has for them.
    #[serde(default)]
    pub data: BTreeMap<String, Spanned<String>>,
    /// Name of the image input, f32 [1, 3, H, W].
    pub image: String,
    /// Name of the logits output, f32 [1, classes, H / stride, W / stride], rounded up. They cover the input:
    /// the column i of n is for its pixels from i * W / n to (i + 1) * W / n.
    pub logits: String,
    /// Image pixels a logit: 1, 2, 4, 8, 16 or 32.
    pub stride: Spanned<u32>,
    /// The logits are made of labels and tell nothing more: no score can be made of them.
    #[serde(default)]
    pub labels_only: bool,
    /// Outputs that heads read, besides the logits.
    #[serde(default)]
    pub activations: Vec<String>,
}

impl Segmentation {
    /// Names of the tensors that heads can read: the image, the logits, the activations.
    pub fn tensors(&self) -> impl Iterator<Item = &str> {
        let activations = self.activations.iter().map(String::as_str);
        [self.image.as_str(), self.logits.as_str()]
            .into_iter()
            .chain(activations)
    }
}

/// A smaller bundle inside of another, with the same classes and heads. Its networks run at its least resolution,
/// in the modes `fallback+observer` and `fallback`, with its thresholds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// Folder in the bundle's folder.
    pub bundle: Spanned<String>,
    /// SHA-256 of its `model.toml`, in hexadecimal.
    pub sha256: Spanned<String>,
}

/// A class of the segmentation network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Name.
    pub name: String,
    /// R, G, B for pictures.
    pub color: [u8; 3],
}

/// Thresholds of one score in one mode: anomalous where `score > threshold`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdEntry {
    /// Which score.
    pub score: ScoreKind,
    /// Mode that it was calibrated in, as [`crate::engine::Mode`] writes itself.
    pub mode: String,
    /// At 95 % of the anomalous pixels found; none where the calibration had no anomalies.
    pub tpr95: Option<f32>,
    /// At 1 % of the known pixels wrongly flagged.
    pub fpr1: f32,
    /// The data they come from.
    pub calibration: String,
    /// Mean score of a picture's known pixels: one picture in twenty is below the first, one in twenty
    /// above the second. None where the calibration had too few pictures.
    pub clean_mean: Option<[f32; 2]>,
}

/// Which of the calibrated thresholds to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdAt {
    /// Finds 95 % of the anomalous pixels of the calibration set.
    Tpr95,
    /// Flags 1 % of its known pixels.
    Fpr1,
}

/// Where a bundle comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Training data.
    pub data: String,
    /// Licence of the weights, as far as the data's licences bind them.
    pub licence: String,
    /// How it was trained.
    pub training: String,
}

impl Manifest {
    /// Parses and checks a manifest; `path` is for messages.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, ModelError> {
        let wrong = |span: Option<Range<usize>>, message: String| ModelError::Manifest {
            path: path.to_owned(),
            line: span.map_or(1, |s| line_of(text, s.start)),
            message,
        };
        let mut manifest: Manifest =
            toml::from_str(text).map_err(|e| wrong(e.span(), e.message().to_owned()))?;
        if let Some(observer) = &mut manifest.head {
            observer.read_all(&manifest.segmentation);
        }
        match manifest.problem() {
            Some((span, message)) => Err(wrong(Some(span), message)),
            None => Ok(manifest),
        }
    }

    /// Line of a place in the text that this was parsed from.
    pub(super) fn line(text: &str, span: &Range<usize>) -> usize {
        line_of(text, span.start)
    }

    /// The first thing that the form allows and the meaning does not.
    fn problem(&self) -> Option<(Range<usize>, String)> {
        if *self.format.get_ref() != FORMAT {
            let found = self.format.get_ref();
            return Some((
                self.format.span(),
                format!("format {found} is not known, only {FORMAT}"),
            ));
        }
        if let Some(problem) = self.input.problem() {
            return Some(problem);
        }
        let stride = *self.segmentation.stride.get_ref();
        if !matches!(stride, 1 | 2 | 4 | 8 | 16 | 32) {
            let text = format!("stride {stride} is not 1, 2, 4, 8, 16 or 32");
            return Some((self.segmentation.stride.span(), text));
        }
        let count = self.classes.get_ref().len();
        if !(2..=254).contains(&count) {
            return Some((
                self.classes.span(),
                format!("{count} classes are not in 2..=254"),
            ));
        }
        self.file_problem()
            .or_else(|| self.head_problem())
            .or_else(|| self.threshold_problem())
            .or_else(|| self.acceptance.problem())
    }

    fn file_problem(&self) -> Option<(Range<usize>, String)> {
        let s = &self.segmentation;
        let heads = self.heads().map(|h| (&h.file, &h.sha256, &h.data));
        let graphs = std::iter::once((&s.file, &s.sha256, &s.data)).chain(heads);
        for (file, sha256, data) in graphs {
            let name = file.get_ref();
            // a graph lies beside the manifest and nowhere else
            if !is_plain(name) {
                return Some((
                    file.span(),
                    format!("{name:?} is not the plain name of a file"),
                ));
            }
            let hashes = std::iter::once(sha256).chain(data.values());
            if let Some(problem) = hashes.filter_map(hash_problem).next() {
                return Some(problem);
            }
        }
        if let Some(Fallback { bundle, sha256 }) = &self.fallback {
            let name = bundle.get_ref();
            if !is_plain(name) {
                let text = format!("{name:?} is not the plain name of a folder");
                return Some((bundle.span(), text));
            }
            if let Some(problem) = hash_problem(sha256) {
                return Some(problem);
            }
        }
        self.acceptance.pictures.values().find_map(hash_problem)
    }

    /// Why the networks of another bundle cannot stand in for these.
    pub(super) fn fallback_problem(&self, other: &Manifest) -> Option<&'static str> {
        let scores = |m: &Manifest| m.heads().map(Head::score).collect::<Vec<_>>();
        let labels_only = |m: &Manifest| m.segmentation.labels_only;
        if other.fallback.is_some() {
            Some("it has a fallback of its own")
        } else if self.classes.get_ref() != other.classes.get_ref() {
            Some("its classes are others")
        } else if labels_only(self) != labels_only(other) {
            Some("only one of the two has logits")
        } else if scores(self) != scores(other) {
            Some("its heads are others")
        } else {
            None
        }
    }

    /// Takes over the thresholds of the fallback, which are for its own least resolution: they go behind those that
    /// are here.
    pub(super) fn take_thresholds(&mut self, fallback: &Manifest) {
        let least = match fallback.input.fixed() {
            Some(_) => "full",
            None => "reduced",
        };
        for entry in &fallback.thresholds {
            if let Some(rest) = entry.get_ref().mode.strip_prefix(least) {
                let mut taken = entry.clone();
                taken.get_mut().mode = format!("fallback{rest}");
                self.thresholds.push(taken);
            }
        }
    }

    fn head_problem(&self) -> Option<(Range<usize>, String)> {
        let s = &self.segmentation;
        let others = self.other_heads.iter().enumerate();
        let mut problems = others.filter_map(|(i, head)| head.problem(s, &self.other_heads[..i]));
        problems
            .next()
            .or_else(|| self.heads().find_map(|head| head.output_problem(s)))
    }

    fn threshold_problem(&self) -> Option<(Range<usize>, String)> {
        for entry in &self.thresholds {
            let t = entry.get_ref();
            // evaluate's thresholds lie on half steps, so the lowest is slightly below 0
            let valid = |v: f32| (-0.001..=1.0).contains(&v);
            if !valid(t.fpr1) || t.tpr95.is_some_and(|v| !valid(v)) {
                let text = format!("thresholds of {} are not in 0..=1", t.score);
                return Some((entry.span(), text));
            }
            if let Some([low, high]) = t.clean_mean
                && !(valid(low) && valid(high) && low <= high)
            {
                let text = format!("clean_mean of {} is no range within 0..=1", t.score);
                return Some((entry.span(), text));
            }
            if t.score.needs_head() && !self.heads().any(|head| head.score() == t.score) {
                let text = format!("a threshold for {0}, but no head {0}", t.score);
                return Some((entry.span(), text));
            }
        }
        None
    }

    /// All heads, the one that runs first.
    pub fn heads(&self) -> impl Iterator<Item = &Head> {
        self.head.iter().chain(&self.other_heads)
    }

    /// The score of the head that runs.
    pub fn head_score(&self) -> Option<ScoreKind> {
        self.head.as_ref().map(Head::score)
    }

    /// Whether a score can be made of what the networks give.
    ///
    /// # Errors
    /// It needs logits, and there are labels only.
    pub fn check_score(&self, score: ScoreKind) -> Result<(), ModelError> {
        match self.segmentation.labels_only && !score.needs_head() {
            true => Err(ModelError::LabelsOnly {
                bundle: self.name.clone(),
            }),
            false => Ok(()),
        }
    }

    fn entry(&self, score: ScoreKind, mode: &str) -> Option<&ThresholdEntry> {
        let mut entries = self.thresholds.iter().map(Spanned::get_ref);
        entries.find(|t| t.score == score && t.mode == mode)
    }

    /// The range of the mean scores of clean frames in a mode, where the calibration gave one.
    pub fn clean_mean(&self, score: ScoreKind, mode: &str) -> Option<[f32; 2]> {
        self.entry(score, mode)?.clean_mean
    }

    /// The calibrated threshold of a score in a mode.
    pub fn threshold(&self, score: ScoreKind, mode: &str, at: ThresholdAt) -> Option<f32> {
        let entry = self.entry(score, mode)?;
        match at {
            ThresholdAt::Tpr95 => entry.tpr95,
            ThresholdAt::Fpr1 => Some(entry.fpr1),
        }
    }
}

/// Whether it is the name of a file, without a folder.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && Path::new(name).file_name() == Some(name.as_ref())
}

fn hash_problem(hash: &Spanned<String>) -> Option<(Range<usize>, String)> {
    let text = hash.get_ref();
    let is_hash = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let problem = || {
        (
            hash.span(),
            format!("{text:?} is not a SHA-256 in hexadecimal"),
        )
    };
    (!is_hash).then(problem)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}
