//! What the commands on picture files share: writing, sizes, thresholds.

use std::fmt::Display;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use lookout::engine::Mode;
use lookout::model::{Bundle, ThresholdAt};
use lookout::score::resample::Resampler;
use lookout::score::{Planes, ScoreKind, ScoreMap};

/// A line for people on stderr; one that cannot be written is lost.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A progress bar on stderr; invisible where stderr is no terminal.
pub(crate) fn progress(pictures: usize) -> ProgressBar {
    let bar = ProgressBar::new(pictures as u64);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} pictures, {eta} left  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Keeps other runs out of a folder while it lives.
#[must_use]
pub(crate) struct FolderLock {
    _file: File,
}

/// Makes a folder for output and keeps other runs out of it. One that has something in it is
/// refused, unless forced; then the command overwrites files of its own names and leaves
/// everything else.
pub(crate) fn output_dir(path: &Path, force: bool) -> Result<FolderLock> {
    fs::create_dir_all(path)
        .with_context(|| format!("cannot make the output folder {}", path.display()))?;
    let file = File::open(path)
        .with_context(|| format!("cannot open the output folder {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!(
            "another run is writing into {}: wait for its end, or choose another folder",
            path.display()
        ),
        Err(TryLockError::Error(error)) => note(format_args!(
            "warning: {} cannot be locked ({error}): let no other run write into it",
            path.display()
        )),
    }
    let mut entries = fs::read_dir(path)
        .with_context(|| format!("cannot read the output folder {}", path.display()))?;
    if !force && entries.next().is_some() {
        bail!(
            "the output folder {} already has something in it (--force writes into it)",
            path.display()
        );
    }
    Ok(FolderLock { _file: file })
}

/// Pixels to write, row by row.
#[derive(Clone, Copy)]
pub(crate) enum Pixels<'a> {
    /// One byte a pixel.
    Grey(&'a [u8]),
    /// 16 bits a pixel.
    Grey16(&'a [u16]),
    /// Three bytes a pixel.
    Rgb(&'a [u8]),
}

/// Writes a PNG file. The file is whole or not there: a former one is replaced at the end.
pub(crate) fn write_png(path: &Path, size: (u32, u32), pixels: Pixels<'_>) -> Result<()> {
    let (colour, depth) = match pixels {
        Pixels::Grey(_) => (png::ColorType::Grayscale, png::BitDepth::Eight),
        Pixels::Grey16(_) => (png::ColorType::Grayscale, png::BitDepth::Sixteen),
        Pixels::Rgb(_) => (png::ColorType::Rgb, png::BitDepth::Eight),
    };
    replace_file(path, |file| {
        let mut encoder = png::Encoder::new(file, size.0, size.1);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        match pixels {
            Pixels::Grey(bytes) | Pixels::Rgb(bytes) => writer.write_image_data(bytes)?,
            Pixels::Grey16(values) => {
                let mut stream = writer.stream_writer()?;
                let mut row = Vec::with_capacity(size.0 as usize * 2);
                for values in values.chunks(size.0.max(1) as usize) {
                    row.clear();
                    row.extend(values.iter().flat_map(|v| v.to_be_bytes()));
                    stream.write_all(&row)?;
                }
                stream.finish()?;
            }
        }
        writer.finish()?;
        Ok(())
    })
}

/// That a file can be written there, before there is anything to write.
pub(crate) fn check_place(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let there = tempfile::tempfile_in(folder.unwrap_or(Path::new(".")));
    there.with_context(|| format!("cannot write {}", path.display()))?;
    ensure!(
        !path.is_dir(),
        "cannot write {}: it is a folder",
        path.display()
    );
    Ok(())
}

/// Writes a file under another name beside its place and moves it there once it is whole.
/// The permissions of a former one are kept.
pub(crate) fn replace_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>,
) -> Result<()> {
    let replace = || -> Result<()> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".lookout-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        let mut file = BufWriter::new(temporary.as_file());
        write(&mut file)?;
        file.flush()?;
        drop(file);
        if let Ok(former) = fs::metadata(path) {
            fs::set_permissions(temporary.path(), former.permissions())?;
        }
        temporary.persist(path)?;
        Ok(())
    };
    replace().with_context(|| format!("cannot write {}", path.display()))
}

/// Which calibrated threshold.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum At {
    /// Finds 95 % of the anomalous pixels of the calibration set
    Tpr95,
    /// Flags 1 % of the known pixels of the calibration set
    Fpr1,
}

/// The flags that choose a threshold.
#[derive(Debug, clap::Args)]
pub(crate) struct ThresholdArgs {
    /// Scores over this are anomalous, instead of over the bundle's threshold
    #[arg(
        long,
        value_name = "X",
        conflicts_with = "threshold_at",
        allow_negative_numbers = true
    )]
    #[arg(value_parser = parse_threshold)]
    threshold: Option<f32>,
    /// Which of the bundle's thresholds
    #[arg(long, value_name = "POINT", value_enum, default_value = "fpr1")]
    threshold_at: At,
}

fn parse_threshold(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("not a number".to_owned()),
    }
}

impl ThresholdArgs {
    /// The threshold for a score in a mode.
    pub(crate) fn threshold(&self, bundle: &Bundle, score: ScoreKind, mode: Mode) -> Result<f32> {
        if let Some(threshold) = self.threshold {
            return Ok(threshold);
        }
        let at = match self.threshold_at {
            At::Tpr95 => ThresholdAt::Tpr95,
            At::Fpr1 => ThresholdAt::Fpr1,
        };
        calibrated(bundle, score, mode, at).with_context(|| {
            let name = &bundle.manifest().name;
            let other = calibrated(bundle, score, mode, ThresholdAt::Fpr1);
            if let (ThresholdAt::Tpr95, Some(fpr1)) = (at, other) {
                return format!(
                    "the bundle {name} has no threshold tpr95 for {score} in mode {mode}, because it was \
                     calibrated without anomalies: take --threshold-at fpr1 ({fpr1}), give --threshold, or \
                     calibrate with pictures of anomalies and their masks"
                );
            }
            format!(
                "the bundle {name} has no threshold for {score} in mode {mode}: give \
                 --threshold, or make one with `lookout calibrate`"
            )
        })
    }
}

/// The bundle's threshold for a score in a mode.
pub(crate) fn calibrated(
    bundle: &Bundle,
    score: ScoreKind,
    mode: Mode,
    at: ThresholdAt,
) -> Option<f32> {
    // the logits are the same whether a head runs after them or not
    let sibling = Mode {
        observer: !mode.observer,
        ..mode
    };
    let other = (!score.needs_head()).then_some(sibling);
    [Some(mode), other]
        .into_iter()
        .flatten()
        .find_map(|mode| bundle.manifest().threshold(score, mode.name(), at))
}

/// The score that somebody names, or the best of a bundle that was loaded for none; says so where that is not
/// a head's, because the bundle has none.
pub(crate) fn score_of(bundle: &Bundle, named: Option<ScoreKind>) -> ScoreKind {
    let kind = super::score_of(bundle, named);
    if bundle.manifest().head.is_none() {
        note(format_args!("no observer: the score is {kind}"));
    }
    kind
}

/// The cheapest mode at full resolution that gives these scores.
pub(crate) fn mode_for(scores: &[ScoreKind]) -> Mode {
    if scores.iter().any(|s| s.needs_head()) {
        Mode::FULL
    } else {
        Mode::FULL_LOGITS
    }
}

/// Score maps and classes at the size of their pictures.
#[derive(Default)]
pub(crate) struct Upsampler {
    resampler: Option<((usize, usize), Resampler)>,
    scores: ScoreMap,
    classes: Vec<u8>,
}

impl Upsampler {
    fn resampler(&mut self, from: (usize, usize), size: (u32, u32)) -> Result<&mut Resampler> {
        let to = (size.0 as usize, size.1 as usize);
        let kept = self
            .resampler
            .take()
            .filter(|(f, r)| *f == from && r.target() == to);
        let kept = match kept {
            Some(kept) => kept,
            None => (from, Resampler::new(from, to)?),
        };
        Ok(&mut self.resampler.insert(kept).1)
    }

    /// A score map at a picture's size.
    pub(crate) fn scores(&mut self, map: &ScoreMap, size: (u32, u32)) -> Result<&ScoreMap> {
        let mut full = std::mem::take(&mut self.scores);
        self.resampler((map.width(), map.height()), size)?
            .scores(map, &mut full)?;
        self.scores = full;
        Ok(&self.scores)
    }

    /// The classes of logits at a picture's size.
    pub(crate) fn classes(&mut self, logits: Planes<'_>, size: (u32, u32)) -> Result<&[u8]> {
        let mut classes = std::mem::take(&mut self.classes);
        classes.resize(size.0 as usize * size.1 as usize, 0);
        self.resampler((logits.width(), logits.height()), size)?
            .argmax(logits, &mut classes)?;
        self.classes = classes;
        Ok(&self.classes)
    }

    /// The classes made last.
    pub(crate) fn last_classes(&self) -> &[u8] {
        &self.classes
    }
}
