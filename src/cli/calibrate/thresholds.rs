//! Thresholds for a bundle, at the resolution at which a drive applies them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use lookout::bag::{BagError, BagReader, MessageBuf};
use lookout::engine::{Engine, Mode};
use lookout::evaluate::{ANOMALOUS, BinaryHistogram, IGNORE, NORMAL};
use lookout::frame::file::read_image;
use lookout::frame::{Decoder, Frame};
use lookout::model::{Bundle, ThresholdEntry};
use lookout::score::{ScoreKind, ScoreMap, score};
use toml_edit::DocumentMut;

use super::{base_name, entries};
use crate::cli::EngineArgs;
use crate::cli::camera::{self, Camera};
use crate::cli::faults::Faults;
use crate::cli::listing;
use crate::cli::masks::{MaskArgs, Masks};
use crate::cli::pictures::{self, note};

/// Share of the known pixels that `fpr1` flags.
const FLAGGED: f64 = 0.01;

/// What thresholds are chosen with.
#[derive(Debug, clap::Args)]
pub(super) struct ThresholdsArgs {
    /// Folder with pictures (JPEG, PNG, WebP), or a rosbag2 folder, .mcap or .db3 file. A folder in it with 40
    /// pictures or more is a set of its own (day, night, another town): the threshold at 1 % of the known pixels
    /// flagged is the highest that any set needs, so it flags at most 1 % of each
    #[arg(required = true)]
    images: Option<PathBuf>,
    /// Folder with a mask `<stem>.png` for every picture, in the same folders below it. Without it every
    /// pixel is taken for known: pictures of ordinary drives, with nothing strange in them. Thresholds are
    /// then at 1 % of the known pixels flagged, and none is at 95 % of the anomalies found
    masks: Option<PathBuf>,
    #[command(flatten)]
    mask: MaskArgs,
    /// Image or CompressedImage topic; needed where a bag has several
    #[arg(long, conflicts_with = "masks")]
    topic: Option<String>,
    /// Mode: full+observer, full, reduced+observer, reduced [default: full+observer, or full where the
    /// bundle has no observer and --score names no head]
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Head of the bundle that is calibrated, with the scores of the logits [default: observer, where the bundle
    /// has one]
    #[arg(long, value_name = "NAME")]
    score: Option<ScoreKind>,
    /// What the entries say about the data they come from [default: names and number of pictures]
    #[arg(long, value_name = "TEXT")]
    calibration: Option<String>,
    /// Put them into the bundle's model.toml, in place of those of the same scores and mode
    #[arg(long, requires = "bundle")]
    write: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs the command.
pub(super) fn run(args: &ThresholdsArgs) -> Result<()> {
    let images = args.images.as_deref().context("the pictures are missing")?;
    if args.write && args.engine.bundle.is_none() {
        bail!("--write needs --bundle DIR: the built-in bundle cannot be written");
    }
    // a folder without the files of a bag is one of pictures
    let source = match (BagReader::open(images), &args.masks) {
        (Err(BagError::NotABag { path, .. } | BagError::Io { path, .. }), masks)
            if path == images && !path.is_file() =>
        {
            Source::pictures(images, masks.as_deref(), args)?
        }
        (_, Some(_)) => bail!("a bag has no masks: give a folder of pictures, or no masks"),
        (reader, None) => Source::bag(reader?, args.topic.as_deref())?,
    };
    let bundle = args.engine.bundle(args.score)?;
    let head = bundle.manifest().head_score();
    let mode = args.mode.unwrap_or(match head {
        Some(_) => Mode::FULL,
        None => Mode::FULL_LOGITS,
    });
    mode.check(bundle.manifest())?;
    let mut kinds = scores(mode, head);
    kinds.retain(|&kind| bundle.manifest().check_score(kind).is_ok());
    let mut counter = Counter::new(args.engine.open(&bundle)?, mode, &kinds);
    let frames = source.each(&mut counter)?;
    counter.end_set();
    counter.faults.tell();
    ensure!(frames > 0, "{} has no picture", images.display());
    if counter.non_finite > 0 {
        let count = counter.non_finite;
        bail!("{count} scores are not finite: no thresholds can be made of them");
    }
    let made = Made {
        mode,
        calibration: calibration(args, images, frames),
        masks: args.masks.as_deref(),
    };
    let counts = counter.counts.iter();
    let entries = counts
        .map(|counts| made.entry(counts))
        .collect::<Result<Vec<_>>>()?;
    tell(&bundle, &entries, args.write)
}

/// The entries on stdout and, where asked for, in the bundle.
fn tell(bundle: &Bundle, made: &[ThresholdEntry], write: bool) -> Result<()> {
    let mut document = DocumentMut::new();
    entries::put_entries(&mut document, made)?;
    let blocks = document.to_string();
    io::stdout()
        .lock()
        .write_all(blocks.trim_start().as_bytes())
        .context("cannot write to stdout")?;
    match write {
        true => entries::write(bundle.path(), made),
        false => Ok(()),
    }
}

/// What the entries say of where they come from.
fn calibration(args: &ThresholdsArgs, images: &Path, frames: usize) -> String {
    let data = args.calibration.clone();
    let data = data.unwrap_or_else(|| format!("{}, {frames} pictures", base_name(images)));
    match args.masks {
        Some(_) => data,
        None => format!("{data}; no masks: every pixel was taken for known"),
    }
}

/// Where pictures come from.
enum Source {
    Pictures(Vec<listing::Picture>, Option<Masks>),
    /// With the number of its messages, where it is known.
    Bag(Box<BagReader>, Option<u64>),
}

impl Source {
    fn pictures(folder: &Path, masks: Option<&Path>, args: &ThresholdsArgs) -> Result<Self> {
        let others: Vec<&Path> = masks.into_iter().collect();
        let pictures = listing::list_set(folder, &args.mask.pictures, &others)?;
        let masks = masks
            .map(|folder| Masks::open(&pictures, folder, &args.mask))
            .transpose()?;
        match &masks {
            Some(masks) => note(format_args!("masks: {}", masks.meaning())),
            None => note(
                "no masks: every pixel is taken for known, so nothing strange may be in the pictures",
            ),
        }
        Ok(Self::Pictures(pictures, masks))
    }

    fn bag(mut reader: BagReader, topic: Option<&str>) -> Result<Self> {
        let messages = camera::select(&mut reader, topic)?.message_count;
        note("a bag has no masks: every pixel is taken for known, so nothing strange may be in it");
        Ok(Self::Bag(Box::new(reader), messages))
    }

    /// Counts every picture; how many there were.
    fn each(self, counter: &mut Counter) -> Result<usize> {
        match self {
            Self::Pictures(pictures, masks) => {
                let bar = pictures::progress(pictures.len());
                // set by set
                let mut order: Vec<_> = pictures.iter().enumerate().collect();
                order.sort_by_key(|(_, picture)| picture.set());
                for (at, picture) in order {
                    counter.in_set(picture.set());
                    let frame = read_image(&picture.path)?;
                    counter.faults.look(&frame, picture.path.display());
                    let size = (frame.width(), frame.height());
                    let mask = match &masks {
                        Some(masks) => Some(masks.labels(at, Some((&picture.path, size)))?.0),
                        None => None,
                    };
                    counter
                        .add(&frame, mask.as_deref())
                        .with_context(|| picture.path.display().to_string())?;
                    bar.inc(1);
                }
                bar.finish_and_clear();
                Ok(pictures.len())
            }
            Self::Bag(mut reader, messages) => {
                let bar = crate::cli::drive::progress_bar(messages);
                let (mut message, mut frames) = (MessageBuf::new(), 0);
                let (mut decoder, mut frame) = (Decoder::default(), Frame::new());
                while reader.read_next(&mut message)? {
                    let named = || format!("the message of {}", message.log_time());
                    let camera = Camera::parse(&message).with_context(named)?;
                    decoder
                        .decode(&camera.view(), &mut frame)
                        .with_context(named)?;
                    counter.faults.look(&frame, named());
                    counter.add(&frame, None).with_context(named)?;
                    frames += 1;
                    bar.inc(1);
                }
                bar.finish_and_clear();
                Ok(frames)
            }
        }
    }
}

/// Fewer pictures are no set of their own, and the range of their means says little.
const LEAST_PICTURES: usize = 40;

/// What pictures give in one score.
struct Counts {
    kind: ScoreKind,
    /// Of the sets that have ended.
    histogram: BinaryHistogram,
    /// Of the set at hand.
    set: BinaryHistogram,
    /// The highest threshold at 1 % that a set needed, with its name.
    strictest: Option<(f32, String)>,
    /// Mean score of the known pixels of each picture.
    clean_means: Vec<f32>,
}

impl Counts {
    fn new(kind: ScoreKind) -> Self {
        Self {
            kind,
            histogram: BinaryHistogram::new(),
            set: BinaryHistogram::new(),
            strictest: None,
            clean_means: Vec::new(),
        }
    }

    fn end_set(&mut self, name: &Path, pictures: usize) {
        let set = std::mem::take(&mut self.set);
        self.histogram.merge(&set);
        let needed = set.threshold_at_fpr(FLAGGED).map(|chosen| chosen.threshold);
        let before = self.strictest.as_ref().map_or(f32::MIN, |s| s.0);
        if let Some(needed) = needed.filter(|t| pictures >= LEAST_PICTURES && *t > before) {
            self.strictest = Some((needed, name.display().to_string()));
        }
    }

    /// One picture in twenty is below the first, one above the second.
    fn clean_mean(&self) -> Option<[f32; 2]> {
        let mut means = self.clean_means.clone();
        means.sort_unstable_by(f32::total_cmp);
        let twentieth = means.len() / 20;
        let (low, high) = (means.get(twentieth)?, means.iter().nth_back(twentieth)?);
        (means.len() >= LEAST_PICTURES).then_some([*low, *high])
    }
}

/// Counts the scores of pictures.
struct Counter {
    engine: Box<dyn Engine>,
    mode: Mode,
    counts: Vec<Counts>,
    non_finite: usize,
    /// The set at hand, and how many of its pictures were counted.
    set: (PathBuf, usize),
    map: ScoreMap,
    labels: Vec<u8>,
    faults: Faults,
}

/// The scores of a mode.
fn scores(mode: Mode, head: Option<ScoreKind>) -> Vec<ScoreKind> {
    let head = head.filter(|_| mode.observer);
    head.into_iter().chain(ScoreKind::OF_LOGITS).collect()
}

impl Counter {
    fn new(engine: Box<dyn Engine>, mode: Mode, kinds: &[ScoreKind]) -> Self {
        Self {
            engine,
            mode,
            counts: kinds.iter().copied().map(Counts::new).collect(),
            non_finite: 0,
            set: (PathBuf::new(), 0),
            map: ScoreMap::default(),
            labels: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// What is added from now on belongs to this set, whose pictures come one after another.
    fn in_set(&mut self, name: &Path) {
        if self.set.0 != name {
            self.end_set();
            self.set.0 = name.to_owned();
        }
    }

    fn end_set(&mut self) {
        let (name, pictures) = std::mem::take(&mut self.set);
        for counts in &mut self.counts {
            counts.end_set(&name, pictures);
        }
    }

    /// Without a mask every pixel is known.
    fn add(&mut self, frame: &Frame, mask: Option<&[u8]>) -> Result<()> {
        let perception = self.engine.run(frame, self.mode)?;
        let logits = perception.logits().context("the engine gave no logits")?;
        let cells = (logits.width(), logits.height());
        match mask {
            Some(mask) => {
                let size = (frame.width() as usize, frame.height() as usize);
                reduce_labels(mask, size, cells, &mut self.labels);
            }
            None => {
                self.labels.clear();
                self.labels.resize(cells.0 * cells.1, NORMAL);
            }
        }
        self.set.1 += 1;
        for counts in &mut self.counts {
            let stats = score(counts.kind, logits, perception.observer(), &mut self.map)?;
            self.non_finite += stats.non_finite;
            counts.set.add_slice(self.map.values(), &self.labels)?;
            let known = self.map.values().iter().zip(&self.labels);
            let known = known.filter(|(_, label)| **label == NORMAL);
            let (sum, number) = known.fold((0.0, 0u32), |(sum, n), (v, _)| (sum + v, n + 1));
            if number > 0 {
                counts.clean_means.push(sum / number as f32);
            }
        }
        Ok(())
    }
}

/// How thresholds are made.
struct Made<'a> {
    mode: Mode,
    calibration: String,
    masks: Option<&'a Path>,
}

impl Made<'_> {
    /// The thresholds of one score, with a line for people on what they do to the set.
    fn entry(&self, counts: &Counts) -> Result<ThresholdEntry> {
        let (kind, histogram) = (counts.kind, &counts.histogram);
        let mode = self.mode;
        let none = |what: &str| match self.masks {
            Some(masks) => format!(
                "no {what} pixel at {mode} resolution in {}",
                masks.display()
            ),
            None => format!("no {what} pixel at {mode} resolution"),
        };
        let mut fpr1 = histogram
            .threshold_at_fpr(FLAGGED)
            .with_context(|| none("known"))?;
        if let Some((needed, set)) = &counts.strictest
            && *needed > fpr1.threshold
        {
            note(format_args!(
                "{kind:<10} at 1 % of the known of {set}, the set that needs the highest threshold"
            ));
            fpr1 = histogram.rates_at(*needed);
        }
        let percent = |rate: Option<f64>| rate.unwrap_or(f64::NAN) * 100.0;
        let mut entry = ThresholdEntry {
            score: kind,
            mode: mode.name().to_owned(),
            tpr95: None,
            fpr1: fpr1.threshold,
            calibration: self.calibration.clone(),
            clean_mean: counts.clean_mean(),
        };
        if self.masks.is_none() {
            note(format_args!(
                "{kind:<10} over {:.4}: {:.2} % of the known flagged; how many anomalies are found is not known",
                fpr1.threshold,
                percent(fpr1.fpr),
            ));
            return Ok(entry);
        }
        let tpr95 = histogram.threshold_at_tpr(0.95).with_context(|| {
            format!(
                "{}; where nothing in the pictures is anomalous, leave the masks out",
                none("anomalous")
            )
        })?;
        entry.tpr95 = Some(tpr95.threshold);
        note(format_args!(
            "{kind:<10} over {:.4}: {:.2} % found, {:.2} % of the known flagged; over {:.4}: {:.2} % \
             found, {:.2} % flagged; AUROC {:.2} %",
            tpr95.threshold,
            percent(tpr95.tpr),
            percent(tpr95.fpr),
            fpr1.threshold,
            percent(fpr1.tpr),
            percent(fpr1.fpr),
            percent(histogram.metrics().auroc),
        ));
        Ok(entry)
    }
}

/// Labels at the size of a score map: a cell is anomalous when more than half of its pixels are, known when all of them
/// are, and ignored otherwise.
fn reduce_labels(
    mask: &[u8],
    (width, height): (usize, usize),
    (columns, rows): (usize, usize),
    out: &mut Vec<u8>,
) {
    out.clear();
    // at least one pixel, where there are more cells than pixels
    let range = |cell: usize, cells: usize, pixels: usize| {
        let start = cell * pixels / cells;
        start..((cell + 1) * pixels / cells).max(start + 1).min(pixels)
    };
    for row in 0..rows {
        for column in 0..columns {
            let (mut pixels, mut anomalous, mut known) = (0usize, 0usize, 0usize);
            for y in range(row, rows, height) {
                let across = range(column, columns, width);
                let line = mask.get(y * width + across.start..y * width + across.end);
                for &value in line.unwrap_or_default() {
                    pixels += 1;
                    anomalous += usize::from(value == ANOMALOUS);
                    known += usize::from(value == NORMAL);
                }
            }
            out.push(if 2 * anomalous > pixels {
                ANOMALOUS
            } else if pixels > 0 && known == pixels {
                NORMAL
            } else {
                IGNORE
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_that_needs_the_highest_threshold_decides_and_a_few_pictures_are_no_set() {
        let mut counts = Counts::new(ScoreKind::Energy);
        for (name, pictures, highest) in [("day", 40, 0.5), ("night", 40, 0.9), ("few", 39, 1.0)] {
            let scores: Vec<f32> = (0..1000).map(|i| highest * i as f32 / 1000.0).collect();
            counts.set.add_slice(&scores, &[NORMAL; 1000]).unwrap();
            counts.end_set(Path::new(name), pictures);
        }
        let (needed, name) = counts.strictest.unwrap();
        assert_eq!(name, "night");
        assert!((needed - 0.9 * 0.9895).abs() < 1e-3, "{needed}");
        // 10 of the thousand of the night, none of the day, 109 of the few
        let rates = counts.histogram.rates_at(needed);
        assert!(
            (rates.fpr.unwrap() - 119.0 / 3000.0).abs() < 1e-3,
            "{rates:?}"
        );
    }

    #[test]
    fn a_cell_is_what_most_or_all_of_its_pixels_are() {
        #[rustfmt::skip]
        let mask = [
            0, 0,   1, 1,   1, 1,   0, 255,   255, 255,
            0, 0,   1, 0,   0, 0,   0, 0,     1,   1,
        ];
        let mut out = Vec::new();
        reduce_labels(&mask, (10, 2), (5, 1), &mut out);
        assert_eq!(out, [NORMAL, ANOMALOUS, IGNORE, IGNORE, IGNORE]);
    }

    #[test]
    fn every_pixel_falls_into_one_cell_and_small_masks_are_stretched() {
        let mut out = Vec::new();
        // 7 pixels in 3 cells: 2, 2, 3
        reduce_labels(&[0, 0, 1, 1, 1, 0, 0], (7, 1), (3, 1), &mut out);
        assert_eq!(out, [NORMAL, ANOMALOUS, IGNORE]);
        reduce_labels(&[0, 1], (2, 1), (4, 2), &mut out);
        assert_eq!(out, [0, 0, 1, 1, 0, 0, 1, 1]);
        reduce_labels(&[], (0, 0), (1, 1), &mut out);
        assert_eq!(out, [IGNORE]);
    }
}
