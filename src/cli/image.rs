//! `lookout image`: single pictures with their anomalous area marked.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use lookout::decide::{AnomalyMask, threshold};
use lookout::engine::{Engine, Mode};
use lookout::frame::file::read_image;
use lookout::paint::Painter;
use lookout::score::{ScoreKind, ScoreMap, score};
use serde::Serialize;

use super::faults::Faults;
use super::listing::{self, Picture};
use super::pictures::{self, Pixels, ThresholdArgs, Upsampler, note};

/// Marks the anomalous area of single pictures
#[derive(Debug, clap::Args)]
pub(crate) struct ImageArgs {
    /// Pictures (JPEG, PNG, WebP)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder for `<stem>_overlay.png` and `<stem>_mask.png`
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Score: observer, another head of the bundle, softmax, max-logit, entropy, energy [default: observer, or
    /// max-logit where the bundle has none]
    #[arg(long, value_name = "NAME")]
    score: Option<ScoreKind>,
    #[command(flatten)]
    threshold: ThresholdArgs,
    /// One JSON object a picture on stdout
    #[arg(long)]
    json: bool,
    /// Write into a folder that already has something in it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    engine: super::EngineArgs,
}

/// What is said of a picture.
#[derive(Serialize)]
struct Summary {
    file: String,
    overlay: String,
    mask: String,
    width: u32,
    height: u32,
    input: (u32, u32),
    score: ScoreKind,
    threshold: f32,
    /// Largest finite score at the networks' resolution; null without one.
    max_score: f32,
    /// Share of the picture's pixels over the threshold or without a score, `0 ..= 1`.
    anomalous_share: f64,
    /// Scores that are not finite, at the networks' resolution.
    non_finite: usize,
    /// From the decoded picture to its score map, in milliseconds.
    ms: f64,
}

/// Runs the command.
pub(crate) fn run(args: &ImageArgs) -> Result<()> {
    let pictures = listing::from_files(&args.files)?;
    let bundle = args.engine.bundle(args.score)?;
    let kind = pictures::score_of(&bundle, args.score);
    let mode = pictures::mode_for(&[kind]);
    let threshold = args.threshold.threshold(&bundle, kind, mode)?;
    let mut marker = Marker {
        engine: args.engine.open(&bundle)?,
        mode,
        kind,
        threshold,
        map: ScoreMap::default(),
        mask: AnomalyMask::default(),
        upsampler: Upsampler::default(),
        painter: Painter::default(),
        overlay: Vec::new(),
        faults: Faults::default(),
    };
    let outputs: Vec<PathBuf> = pictures
        .iter()
        .flat_map(|p| [overlay_of(p, &args.out), mask_of(p, &args.out)])
        .collect();
    listing::spare_inputs(&pictures, &outputs)?;
    let _lock = pictures::output_dir(&args.out, args.force)?;
    let mut failed = Vec::new();
    for picture in &pictures {
        let summary = match marker.mark(picture, &args.out) {
            Ok(summary) => summary,
            Err(Failed::Picture(error)) => {
                note(format_args!("error: {error:#}"));
                failed.push(picture.path.display().to_string());
                continue;
            }
            Err(Failed::Output(error)) => return Err(error),
        };
        if args.json {
            writeln!(io::stdout().lock(), "{}", serde_json::to_string(&summary)?)
                .context("cannot write to stdout")?;
        } else {
            note(summary.line());
        }
    }
    marker.faults.tell();
    if !failed.is_empty() {
        bail!(
            "{} of {} pictures failed: {}",
            failed.len(),
            pictures.len(),
            failed.join(", ")
        );
    }
    Ok(())
}

fn overlay_of(picture: &Picture, folder: &Path) -> PathBuf {
    picture.output(folder, "_overlay.png")
}

fn mask_of(picture: &Picture, folder: &Path) -> PathBuf {
    picture.output(folder, "_mask.png")
}

/// Why a picture was not done: the next may be, or none will.
enum Failed {
    Picture(anyhow::Error),
    Output(anyhow::Error),
}

struct Marker {
    engine: Box<dyn Engine>,
    mode: Mode,
    kind: ScoreKind,
    threshold: f32,
    map: ScoreMap,
    mask: AnomalyMask,
    upsampler: Upsampler,
    painter: Painter,
    overlay: Vec<u8>,
    faults: Faults,
}

impl Marker {
    fn mark(&mut self, picture: &Picture, folder: &Path) -> Result<Summary, Failed> {
        let mut summary = self.paint(picture).map_err(Failed::Picture)?;
        let size = (summary.width, summary.height);
        let files = [
            (overlay_of(picture, folder), Pixels::Rgb(&self.overlay)),
            (mask_of(picture, folder), Pixels::Grey(self.mask.pixels())),
        ];
        for (path, pixels) in &files {
            pictures::write_png(path, size, *pixels).map_err(Failed::Output)?;
        }
        summary.overlay = files[0].0.display().to_string();
        summary.mask = files[1].0.display().to_string();
        Ok(summary)
    }

    /// Mask and overlay at the picture's size.
    fn paint(&mut self, picture: &Picture) -> Result<Summary> {
        let frame = read_image(&picture.path)?;
        let named = || picture.path.display().to_string();
        self.faults.look(&frame, picture.path.display());
        let start = Instant::now();
        let perception = self.engine.run(&frame, self.mode).with_context(named)?;
        let input = perception.input_size();
        let logits = perception
            .logits()
            .context("the engine gave no logits")
            .with_context(named)?;
        let stats =
            score(self.kind, logits, perception.observer(), &mut self.map).with_context(named)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let size = (frame.width(), frame.height());
        let full = self.upsampler.scores(&self.map, size).with_context(named)?;
        let found = threshold(full, self.threshold, &mut self.mask);
        self.painter.overlay(&frame, &self.mask, &mut self.overlay);
        Ok(Summary {
            file: named(),
            overlay: String::new(),
            mask: String::new(),
            width: size.0,
            height: size.1,
            input,
            score: self.kind,
            threshold: self.threshold,
            max_score: stats.max,
            anomalous_share: found.anomalous as f64 / full.values().len().max(1) as f64,
            non_finite: stats.non_finite,
            ms,
        })
    }
}

impl Summary {
    /// For people.
    fn line(&self) -> String {
        let broken = match self.non_finite {
            0 => String::new(),
            count => format!(", {count} scores are not finite"),
        };
        format!(
            "{}: {:.2} % anomalous, {} at most {:.3} (threshold {:.3}), input {}x{}, {:.0} ms{broken}",
            self.file,
            self.anomalous_share * 100.0,
            self.score,
            self.max_score,
            self.threshold,
            self.input.0,
            self.input.1,
            self.ms,
        )
    }
}
