//! `lookout score`: score, class and mask of every picture of a folder, for other programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lookout::decide::{AnomalyMask, threshold};
use lookout::engine::{Engine, Mode};
use lookout::evaluate::bin_of;
use lookout::frame::file::read_image;
use lookout::score::{ScoreKind, ScoreMap, score};
use lookout::shutdown::Shutdown;

use super::Ending;
use super::faults::Faults;
use super::listing::{self, Picture};
use super::pictures::{self, Pixels, ThresholdArgs, Upsampler, note};

/// Writes score, class and mask of every picture of a folder
#[derive(Debug, clap::Args)]
pub(crate) struct ScoreArgs {
    /// Folder with pictures (JPEG, PNG, WebP)
    #[arg(value_name = "DIR")]
    images: PathBuf,
    /// Folder for `score/<stem>.png` (16-bit grey, 0 known .. 65535 unknown), `class/<stem>.png`
    /// (class ids) and `mask/<stem>.png` (0 or 255)
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    /// Score: observer, another head of the bundle, softmax, max-logit, entropy, energy [default: observer, or
    /// max-logit where the bundle has none]
    #[arg(long, value_name = "NAME")]
    score: Option<ScoreKind>,
    #[command(flatten)]
    threshold: ThresholdArgs,
    /// Write into a folder that already has something in it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    engine: super::EngineArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ScoreArgs) -> Result<Ending> {
    let pictures = listing::list(&args.images)?;
    let folders = ["score", "class", "mask"].map(|name| args.out.join(name));
    let outputs: Vec<PathBuf> = pictures
        .iter()
        .flat_map(|p| folders.each_ref().map(|f| p.output(f, ".png")))
        .collect();
    listing::spare_inputs(&pictures, &outputs)?;
    let bundle = args.engine.bundle(args.score)?;
    let kind = pictures::score_of(&bundle, args.score);
    let mode = pictures::mode_for(&[kind]);
    let threshold = args.threshold.threshold(&bundle, kind, mode)?;
    let engine = args.engine.open(&bundle)?;
    let _lock = pictures::output_dir(&args.out, args.force)?;
    for folder in &folders {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the output folder {}", folder.display()))?;
    }
    let mut scorer = Scorer {
        engine,
        mode,
        kind,
        threshold,
        map: ScoreMap::default(),
        mask: AnomalyMask::default(),
        upsampler: Upsampler::default(),
        steps: Vec::new(),
        faults: Faults::default(),
    };
    let shutdown = Shutdown::on_signals()?;
    let bar = pictures::progress(pictures.len());
    let (mut done, mut failed) = (0, Vec::new());
    for picture in &pictures {
        if shutdown.requested() {
            break;
        }
        match scorer.score(picture) {
            Ok(size) => {
                scorer.write(picture, size, &folders)?;
                done += 1;
            }
            Err(error) => failed.push(format!("{error:#}")),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    scorer.faults.tell();
    note(format_args!(
        "{done} of {} pictures scored with {kind} into {}",
        pictures.len(),
        args.out.display()
    ));
    if !failed.is_empty() {
        bail!(
            "{} of {} pictures failed:\n{}",
            failed.len(),
            pictures.len(),
            failed.join("\n")
        );
    }
    Ok(Ending::of(&shutdown))
}

struct Scorer {
    engine: Box<dyn Engine>,
    mode: Mode,
    kind: ScoreKind,
    threshold: f32,
    map: ScoreMap,
    mask: AnomalyMask,
    upsampler: Upsampler,
    /// The scores of the picture in 16 bits.
    steps: Vec<u16>,
    faults: Faults,
}

impl Scorer {
    /// Scores, classes and mask at the picture's size, which is returned.
    fn score(&mut self, picture: &Picture) -> Result<(u32, u32)> {
        let frame = read_image(&picture.path)?;
        let size = (frame.width(), frame.height());
        self.faults.look(&frame, picture.path.display());
        let named = || picture.path.display().to_string();
        let perception = self.engine.run(&frame, self.mode).with_context(named)?;
        let logits = perception
            .logits()
            .context("the engine gave no logits")
            .with_context(named)?;
        let stats =
            score(self.kind, logits, perception.observer(), &mut self.map).with_context(named)?;
        if stats.non_finite > 0 {
            let count = stats.non_finite;
            note(format_args!(
                "warning: {}: {count} scores are not finite",
                named()
            ));
        }
        self.upsampler.classes(logits, size).with_context(named)?;
        let full = self.upsampler.scores(&self.map, size).with_context(named)?;
        threshold(full, self.threshold, &mut self.mask);
        self.steps.clear();
        self.steps.extend(full.values().iter().map(|&s| bin_of(s)));
        Ok(size)
    }

    fn write(&self, picture: &Picture, size: (u32, u32), folders: &[PathBuf; 3]) -> Result<()> {
        let [score, class, mask] = folders
            .each_ref()
            .map(|f: &PathBuf| -> PathBuf { picture.output(f as &Path, ".png") });
        pictures::write_png(&score, size, Pixels::Grey16(&self.steps))?;
        pictures::write_png(&class, size, Pixels::Grey(self.upsampler.last_classes()))?;
        pictures::write_png(&mask, size, Pixels::Grey(self.mask.pixels()))
    }
}
