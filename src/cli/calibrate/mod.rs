//! `lookout calibrate`: thresholds for a bundle, at the resolution at which a drive applies them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lookout::engine::{Mode, Resolution};
use lookout::evaluate::{ANOMALOUS, BinaryHistogram, IGNORE, NORMAL};
use lookout::frame::file::read_image;
use lookout::model::{Bundle, Manifest, ThresholdEntry};
use lookout::score::{ScoreKind, ScoreMap, score};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::listing;
use super::masks::{MaskArgs, Masks};
use super::pictures::{self, note};
use super::{Ending, EngineArgs};

mod camera;
mod stop;

/// Chooses thresholds for a bundle's scores; `stop` and `camera` calibrate those
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct CalibrateCommand {
    #[command(flatten)]
    thresholds: CalibrateArgs,
    #[command(subcommand)]
    other: Option<Other>,
}

#[derive(Debug, clap::Subcommand)]
enum Other {
    /// The evidence that confirms a stop, from clean recordings, for a stated rate of false stops.
    Stop(stop::StopArgs),
    /// Height, pitch and yaw of a camera, from a bag of a straight road with lane markings.
    Camera(camera::CameraCalibrationArgs),
}

/// Runs the command.
pub(crate) fn run(command: &CalibrateCommand) -> Result<Ending> {
    match &command.other {
        Some(Other::Stop(args)) => stop::run(args),
        Some(Other::Camera(args)) => camera::run(args),
        None => thresholds(&command.thresholds).map(|()| Ending::Done),
    }
}

/// What thresholds are chosen with.
#[derive(Debug, clap::Args)]
struct CalibrateArgs {
    /// Folder with pictures (JPEG, PNG, WebP)
    #[arg(required = true)]
    images: Option<PathBuf>,
    /// Folder with a mask `<stem>.png` for every picture, in the same folders below it
    #[arg(required = true)]
    masks: Option<PathBuf>,
    #[command(flatten)]
    mask: MaskArgs,
    /// Mode: full+observer, full, reduced+observer, reduced
    #[arg(long, value_name = "MODE", default_value = "full+observer", value_parser = parse_mode)]
    mode: Mode,
    /// What the entries say about the data they come from [default: names and number of pictures]
    #[arg(long, value_name = "TEXT")]
    calibration: Option<String>,
    /// Put them into the bundle's model.toml, in place of those of the same scores and mode
    #[arg(long, requires = "bundle")]
    write: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    [Resolution::Full, Resolution::Reduced]
        .into_iter()
        .flat_map(|resolution| {
            [true, false].map(|observer| Mode {
                resolution,
                observer,
            })
        })
        .find(|mode| mode.name() == text)
        .ok_or_else(|| {
            "no such mode; there are full+observer, full, reduced+observer, reduced".into()
        })
}

fn thresholds(args: &CalibrateArgs) -> Result<()> {
    let (Some(images), Some(masks_dir)) = (&args.images, &args.masks) else {
        bail!("the folders with pictures and masks are missing");
    };
    if args.write && args.engine.bundle.is_none() {
        bail!("--write needs --bundle DIR: the built-in bundle cannot be written");
    }
    let pictures = listing::list_set(images, &args.mask.pictures, &[masks_dir])?;
    let masks = Masks::open(&pictures, masks_dir, &args.mask)?;
    note(format_args!("masks: {}", masks.meaning()));
    let bundle = args.engine.bundle()?;
    let mut engine = args.engine.open(&bundle)?;
    let kinds = ScoreKind::ALL
        .into_iter()
        .filter(|k| args.mode.observer || !k.needs_observer());
    let mut counts: Vec<(ScoreKind, BinaryHistogram)> =
        kinds.map(|kind| (kind, BinaryHistogram::new())).collect();
    let mut map = ScoreMap::default();
    let mut labels = Vec::new();
    let mut non_finite = 0;
    let bar = pictures::progress(pictures.len());
    for (at, picture) in pictures.iter().enumerate() {
        let frame = read_image(&picture.path)?;
        let size = (frame.width(), frame.height());
        let (mask, _) = masks.labels(at, Some((&picture.path, size)))?;
        let named = || picture.path.display().to_string();
        let perception = engine.run(&frame, args.mode).with_context(named)?;
        let logits = perception
            .logits()
            .context("the engine gave no logits")
            .with_context(named)?;
        let size = (size.0 as usize, size.1 as usize);
        reduce_labels(&mask, size, (logits.width(), logits.height()), &mut labels);
        for (kind, histogram) in &mut counts {
            let stats =
                score(*kind, logits, perception.observer(), &mut map).with_context(named)?;
            non_finite += stats.non_finite;
            histogram
                .add_slice(map.values(), &labels)
                .with_context(named)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if non_finite > 0 {
        bail!("{non_finite} scores are not finite: no thresholds can be made of them");
    }
    let calibration = args
        .calibration
        .clone()
        .unwrap_or_else(|| format!("{}, {} pictures", base_name(images), pictures.len()));
    let entries = counts
        .iter()
        .map(|(kind, histogram)| entry(*kind, histogram, args.mode, &calibration, masks_dir))
        .collect::<Result<Vec<_>>>()?;
    let mut document = DocumentMut::new();
    put_entries(&mut document, &entries)?;
    let blocks = document.to_string();
    io::stdout()
        .lock()
        .write_all(blocks.trim_start().as_bytes())
        .context("cannot write to stdout")?;
    if args.write {
        write(bundle.path(), &entries)?;
    }
    Ok(())
}

fn base_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().map_or_else(
        || full.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    )
}

/// The thresholds of one score, with a line for people on what they do to the set.
fn entry(
    kind: ScoreKind,
    histogram: &BinaryHistogram,
    mode: Mode,
    calibration: &str,
    masks: &Path,
) -> Result<ThresholdEntry> {
    let metrics = histogram.metrics();
    let none = |what: &str| {
        format!(
            "no {what} pixel at {mode} resolution in {}",
            masks.display()
        )
    };
    let tpr95 = histogram
        .threshold_at_tpr(0.95)
        .with_context(|| none("anomalous"))?;
    let fpr1 = histogram
        .threshold_at_fpr(0.01)
        .with_context(|| none("known"))?;
    let percent = |rate: Option<f64>| rate.unwrap_or(f64::NAN) * 100.0;
    note(format_args!(
        "{kind:<10} over {:.4}: {:.2} % found, {:.2} % of the known flagged; over {:.4}: {:.2} % \
         found, {:.2} % flagged; AUROC {:.2} %",
        tpr95.threshold,
        percent(tpr95.tpr),
        percent(tpr95.fpr),
        fpr1.threshold,
        percent(fpr1.tpr),
        percent(fpr1.fpr),
        percent(metrics.auroc),
    ));
    Ok(ThresholdEntry {
        score: kind,
        mode: mode.name().to_owned(),
        tpr95: Some(tpr95.threshold),
        fpr1: fpr1.threshold,
        calibration: calibration.to_owned(),
    })
}

/// Puts the entries into the manifest of a bundle and loads the bundle again.
fn write(folder: &Path, entries: &[ThresholdEntry]) -> Result<()> {
    let named = folder.join("model.toml");
    // a link stays a link
    let path = named
        .canonicalize()
        .with_context(|| format!("cannot find {}", named.display()))?;
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let edited = with_entries(&text, entries).with_context(|| path.display().to_string())?;
    pictures::replace_file(&path, |file| Ok(file.write_all(edited.as_bytes())?))?;
    let bundle = Bundle::load(folder)?;
    note(format_args!(
        "{} written, the bundle's hash is now {}",
        path.display(),
        bundle.hash()
    ));
    Ok(())
}

/// A manifest with the entries in it, everything else as it was.
fn with_entries(text: &str, entries: &[ThresholdEntry]) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    put_entries(&mut document, entries)?;
    let edited = document.to_string();
    // what cannot be read again is not written
    toml::from_str::<Manifest>(&edited)?;
    Ok(edited)
}

/// Sets the entries of the same score and mode, and adds those that there are none of.
fn put_entries(document: &mut DocumentMut, entries: &[ThresholdEntry]) -> Result<()> {
    let tables = document
        .entry("threshold")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .context("thresholds are not in [[threshold]] tables")?;
    for entry in entries {
        let is = |table: &Table, key: &str, text: &str| {
            table.get(key).and_then(Item::as_str) == Some(text)
        };
        let same = |t: &Table| is(t, "score", entry.score.name()) && is(t, "mode", &entry.mode);
        if let Some(table) = tables.iter_mut().find(|t| same(t)) {
            fill(table, entry);
        } else {
            let mut table = Table::new();
            fill(&mut table, entry);
            tables.push(table);
        }
    }
    Ok(())
}

fn fill(table: &mut Table, entry: &ThresholdEntry) {
    put(table, "score", value(entry.score.name()));
    put(table, "mode", value(entry.mode.as_str()));
    match entry.tpr95 {
        Some(threshold) => put(table, "tpr95", value(shortest(threshold))),
        // what was there is of another calibration
        None => drop(table.remove("tpr95")),
    }
    put(table, "fpr1", value(shortest(entry.fpr1)));
    put(table, "calibration", value(entry.calibration.as_str()));
}

/// Sets a value and keeps the comment beside the old one.
fn put(table: &mut Table, key: &str, mut new: Item) {
    let decor = table
        .get(key)
        .and_then(Item::as_value)
        .map(|v| v.decor().clone());
    if let (Some(decor), Some(new)) = (decor, new.as_value_mut()) {
        *Value::decor_mut(new) = decor;
    }
    match table.get_mut(key) {
        Some(item) => *item = new,
        None => {
            table.insert(key, new);
        }
    }
}

/// The double whose digits are the fewest that give this float again.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
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

    fn some(score: ScoreKind, tpr95: f32) -> ThresholdEntry {
        let mode = "full+observer".to_owned();
        ThresholdEntry {
            score,
            mode,
            tpr95: Some(tpr95),
            fpr1: 0.75,
            calibration: "test".into(),
        }
    }

    #[test]
    fn entries_replace_their_own_and_keep_comments_and_others() {
        let text = "\
# head
name = \"x\" # beside

# about the observer
[[threshold]]
score = \"observer\"
mode = \"full+observer\"
tpr95 = 0.1 # low
fpr1 = 0.2
calibration = \"old\"

[[threshold]]
score = \"observer\"
mode = \"reduced+observer\"
tpr95 = 0.3
fpr1 = 0.4
calibration = \"old\"

# the end
[provenance]
data = \"d\"
";
        let mut document: DocumentMut = text.parse().unwrap();
        let entries = [
            some(ScoreKind::Observer, 0.62),
            some(ScoreKind::Energy, 0.1),
        ];
        put_entries(&mut document, &entries).unwrap();
        let edited = document.to_string();
        for kept in [
            "# head\n",
            "# beside",
            "# about the observer\n[[thr",
            "# the end\n[prov",
        ] {
            assert!(edited.contains(kept), "{kept}: {edited}");
        }
        assert!(edited.contains("tpr95 = 0.62 # low\nfpr1 = 0.75\ncalibration = \"test\"\n"));
        assert!(edited.contains("tpr95 = 0.3\n") && edited.contains("score = \"energy\"\n"));
        let again: toml::Table = toml::from_str(&edited).unwrap();
        assert_eq!(again["threshold"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn thresholds_are_written_so_that_the_same_float_is_read() {
        let half_step = (-0.5f64 / 65535.0) as f32;
        for threshold in [half_step, 0.0, 0.1, 0.312_345_6, 1.0] {
            let mut document = DocumentMut::new();
            put_entries(&mut document, &[some(ScoreKind::Softmax, threshold)]).unwrap();
            #[derive(serde::Deserialize)]
            struct Read {
                threshold: Vec<ThresholdEntry>,
            }
            let read: Read = toml::from_str(&document.to_string()).unwrap();
            assert_eq!(read.threshold, [some(ScoreKind::Softmax, threshold)]);
        }
    }

    #[test]
    fn modes_are_told_by_their_names() {
        for name in ["full+observer", "full", "reduced+observer", "reduced"] {
            assert_eq!(parse_mode(name).unwrap().name(), name);
        }
        assert!(parse_mode("half").is_err());
    }
}
