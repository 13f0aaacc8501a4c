//! Counts pictures: once through the networks, and once more over the kept score maps when the
//! benchmark's threshold is known.

use std::path::Path;

use anyhow::{Context, Result};
use lookout::decide::{AnomalyMask, threshold};
use lookout::engine::{Engine, Mode};
use lookout::evaluate::{
    ANOMALOUS, BinaryHistogram, Components, Confusion, ErrorDetection, Flagged, Found, IGNORE,
    NORMAL, Segments, Things, Threshold,
};
use lookout::frame::{Frame, file::read_image};
use lookout::model::{Bundle, ThresholdAt};
use lookout::score::{ScoreKind, ScoreMap, score};

use super::spill::Spill;
use super::{Set, Truth};
use crate::cli::faults::Faults;
use crate::cli::grey::read_grey;
use crate::cli::pictures::{self, Upsampler, note};

/// Label of a pixel that no class is meant for, besides the number of classes.
const VOID: u8 = 255;

/// What is counted of one score.
pub(super) struct Counts {
    pub(super) kind: ScoreKind,
    /// The bundle's.
    pub(super) threshold: Option<f32>,
    pub(super) anomaly: BinaryHistogram,
    pub(super) errors: ErrorDetection,
    pub(super) things: Things,
    pub(super) flagged: Flagged,
    /// Components over the bundle's threshold.
    pub(super) calibrated: Segments,
    /// Components over the benchmark's threshold.
    pub(super) benchmark: Option<(Threshold, Segments)>,
}

/// What the first of the scores makes of one picture.
#[derive(Clone, Copy, Default)]
pub(super) struct Figures {
    /// The larger, the better; `None` where there is nothing to say.
    pub(super) rank: Option<f64>,
    pub(super) found: Found,
    /// Share of the known pixels in the mask.
    pub(super) flagged: Option<f64>,
}

pub(super) struct Evaluator {
    engine: Box<dyn Engine>,
    mode: Mode,
    truth: Truth,
    counts: Vec<Counts>,
    confusion: Confusion,
    classes: usize,
    colours: Vec<[u8; 3]>,
    input_sizes: Vec<(u32, u32)>,
    non_finite: usize,
    figures: Vec<Figures>,
    map: ScoreMap,
    upsampler: Upsampler,
    predictions: Vec<u8>,
    components: Components,
    /// The mask at the score map's size, as in a drive, and stretched over the picture.
    drive: AnomalyMask,
    stretched: Vec<u8>,
    /// The mask of the upsampled scores.
    over: AnomalyMask,
    faults: Faults,
}

impl Evaluator {
    pub(super) fn new(
        engine: Box<dyn Engine>,
        bundle: &Bundle,
        kinds: &[ScoreKind],
        truth: Truth,
        min_component: u32,
    ) -> Result<Self> {
        let mode = pictures::mode_for(kinds);
        let counts = |kind: &ScoreKind| Counts {
            kind: *kind,
            threshold: pictures::calibrated(bundle, *kind, mode, ThresholdAt::Fpr1),
            anomaly: BinaryHistogram::new(),
            errors: ErrorDetection::new(),
            things: Things::default(),
            flagged: Flagged::default(),
            calibrated: Segments::new(min_component),
            benchmark: None,
        };
        let classes = bundle.manifest().classes.get_ref();
        Ok(Self {
            engine,
            mode,
            truth,
            counts: kinds.iter().map(counts).collect(),
            confusion: Confusion::new(classes.len(), Some(VOID))?,
            classes: classes.len(),
            colours: classes.iter().map(|class| class.color).collect(),
            input_sizes: Vec::new(),
            non_finite: 0,
            figures: Vec::new(),
            map: ScoreMap::default(),
            upsampler: Upsampler::default(),
            predictions: Vec::new(),
            components: Components::default(),
            drive: AnomalyMask::default(),
            stretched: Vec::new(),
            over: AnomalyMask::default(),
            faults: Faults::default(),
        })
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn counts(&self) -> &[Counts] {
        &self.counts
    }

    pub(super) fn truth(&self) -> Truth {
        self.truth
    }

    pub(super) fn colours(&self) -> &[[u8; 3]] {
        &self.colours
    }

    pub(super) fn confusion(&self) -> &Confusion {
        &self.confusion
    }

    pub(super) fn input_sizes(&self) -> &[(u32, u32)] {
        &self.input_sizes
    }

    /// Of every picture that was counted.
    pub(super) fn figures(&self) -> &[Figures] {
        &self.figures
    }

    /// Counts all pictures.
    pub(super) fn run(&mut self, set: &Set) -> Result<()> {
        let mut spill = self.truth.masks.then(Spill::new).transpose()?;
        let bar = pictures::progress(set.pictures.len());
        for at in 0..set.pictures.len() {
            self.add(set, at, spill.as_mut())
                .inspect_err(|_| bar.finish_and_clear())?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.faults.tell();
        if self.non_finite > 0 {
            let count = self.non_finite;
            note(format_args!(
                "warning: {count} scores are not finite; they count as unknown"
            ));
        }
        match spill {
            Some(spill) => self.add_benchmark(set, spill),
            None => Ok(()),
        }
    }

    /// Counts one picture.
    fn add(&mut self, set: &Set, at: usize, mut spill: Option<&mut Spill>) -> Result<()> {
        let path = &set.pictures[at].path;
        let named = || path.display().to_string();
        let frame = read_image(path)?;
        self.faults.look(&frame, path.display());
        let size = (frame.width(), frame.height());
        let mask = set.masks.as_ref();
        let mask = mask
            .map(|masks| masks.labels(at, Some((path, size))))
            .transpose()?;
        let mask = mask.map(|(labels, _)| labels);
        let label_path = set.labels.as_ref().map(|files| files[at].as_path());
        let labels = label_path.map(|file| class_labels(file, size, path, self.classes));
        let labels = labels.transpose()?;
        let perception = self.engine.run(&frame, self.mode).with_context(named)?;
        if !self.input_sizes.contains(&perception.input_size()) {
            self.input_sizes.push(perception.input_size());
        }
        let logits = perception
            .logits()
            .context("the engine gave no logits")
            .with_context(named)?;
        let mut miou = None;
        if let (Some(labels), Some(label_path)) = (&labels, label_path) {
            self.predictions.clear();
            self.predictions
                .extend_from_slice(self.upsampler.classes(logits, size).with_context(named)?);
            let mut here = Confusion::new(self.classes, Some(VOID))?;
            here.add_slice(&self.predictions, labels)
                .with_context(|| label_path.display().to_string())?;
            self.confusion.merge(&here)?;
            miou = here.metrics().miou;
        }
        // what is known: by the mask, else by the labels, else all of it
        let known = match (&mask, &labels) {
            (Some(mask), _) => mask.clone(),
            (None, Some(labels)) => labels
                .iter()
                .map(|&id| if id == VOID { IGNORE } else { NORMAL })
                .collect(),
            (None, None) => vec![NORMAL; size.0 as usize * size.1 as usize],
        };
        let width = size.0 as usize;
        if let Some(mask) = &mask {
            self.components
                .find(width, mask.len(), |at| mask[at] == ANOMALOUS);
        }
        let mut first = None;
        for counts in &mut self.counts {
            let stats = score(counts.kind, logits, perception.observer(), &mut self.map)
                .with_context(named)?;
            self.non_finite += stats.non_finite;
            let full = self.upsampler.scores(&self.map, size).with_context(named)?;
            // both histograms count the 16-bit steps that `score` writes
            if let Some(labels) = &labels {
                counts
                    .errors
                    .add_slice(full.values(), &self.predictions, labels, Some(VOID))
                    .with_context(named)?;
            }
            if let Some(mask) = &mask {
                counts
                    .anomaly
                    .add_slice(full.values(), mask)
                    .with_context(named)?;
            }
            if let Some(spill) = &mut spill {
                spill.push(&self.map)?;
            }
            let mut figures = Figures::default();
            if let Some(limit) = counts.threshold {
                threshold(&self.map, limit, &mut self.drive);
                stretch(&self.drive, size, &mut self.stretched);
                figures.flagged = counts.flagged.add(&self.stretched, &known)?;
                if let Some(mask) = &mask {
                    figures.found = counts.things.add(&self.components, &self.stretched)?;
                    threshold(full, limit, &mut self.over);
                    let pixels = self.over.pixels();
                    counts
                        .calibrated
                        .add(width, &self.components, pixels, mask)?;
                }
                figures.rank = rank(&self.stretched, &known, figures.flagged);
            }
            first.get_or_insert(figures);
        }
        let mut figures = first.unwrap_or_default();
        if mask.is_none() && labels.is_some() {
            figures.rank = miou;
        }
        self.figures.push(figures);
        Ok(())
    }

    /// What the first of the scores sees in a frame: its mask as in a drive, empty without a
    /// threshold, and the classes at the size given.
    pub(super) fn look(
        &mut self,
        frame: &Frame,
        size: (u32, u32),
    ) -> Result<(AnomalyMask, Vec<u8>)> {
        let perception = self.engine.run(frame, self.mode)?;
        let logits = perception.logits().context("the engine gave no logits")?;
        let mut mask = AnomalyMask::default();
        if let Some((kind, limit)) = self
            .counts
            .first()
            .and_then(|c| Some((c.kind, c.threshold?)))
        {
            score(kind, logits, perception.observer(), &mut self.map)?;
            threshold(&self.map, limit, &mut mask);
        }
        Ok((mask, self.upsampler.classes(logits, size)?.to_vec()))
    }

    /// Counts the components over the benchmark's threshold.
    fn add_benchmark(&mut self, set: &Set, spill: Spill) -> Result<()> {
        for counts in &mut self.counts {
            let best = counts.anomaly.threshold_at_best_f1();
            counts.benchmark =
                best.map(|best| (best, Segments::new(counts.calibrated.min_component())));
        }
        let mut spilled = spill.read()?;
        let bar = pictures::progress(set.pictures.len());
        bar.set_message("components");
        for at in 0..set.pictures.len() {
            let masks = set.masks.as_ref().context("the masks are missing")?;
            let (mask, size) = masks.labels(at, None)?;
            let width = size.0 as usize;
            self.components
                .find(width, mask.len(), |at| mask[at] == ANOMALOUS);
            for counts in &mut self.counts {
                spilled.next(&mut self.map)?;
                if let Some((best, segments)) = &mut counts.benchmark {
                    let full = self.upsampler.scores(&self.map, size)?;
                    threshold(full, best.threshold, &mut self.over);
                    segments.add(width, &self.components, self.over.pixels(), &mask)?;
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// The share of the anomalous pixels in the mask less that of the known ones; a picture without
/// anomalous pixels misses none of them.
fn rank(mask: &[u8], labels: &[u8], flagged: Option<f64>) -> Option<f64> {
    let anomalous = || mask.iter().zip(labels).filter(|(_, l)| **l == ANOMALOUS);
    let found = match anomalous().count() {
        0 => 1.0,
        count => anomalous().filter(|(pixel, _)| **pixel != 0).count() as f64 / count as f64,
    };
    (!labels.iter().all(|l| *l == IGNORE)).then(|| found - flagged.unwrap_or(0.0))
}

/// A mask at the size of its picture: every pixel takes the cell that it lies in.
fn stretch(mask: &AnomalyMask, (width, height): (u32, u32), out: &mut Vec<u8>) {
    let (columns, rows) = (mask.width(), mask.height());
    let (width, height) = (width as usize, height as usize);
    let cell = |at: usize, cells: usize, pixels: usize| (2 * at + 1) * cells / (2 * pixels);
    let across: Vec<usize> = (0..width).map(|x| cell(x, columns, width)).collect();
    out.clear();
    for y in 0..height {
        let row = &mask.pixels()[cell(y, rows, height) * columns..][..columns];
        out.extend(across.iter().map(|&x| row[x]));
    }
}

/// Labels with one value for what is ignored.
fn class_labels(path: &Path, size: (u32, u32), picture: &Path, classes: usize) -> Result<Vec<u8>> {
    let mut labels = read_grey(path)?;
    labels.expect_size(path, size, picture)?;
    for value in &mut labels.pixels {
        if usize::from(*value) == classes {
            *value = VOID;
        }
    }
    Ok(labels.pixels)
}
