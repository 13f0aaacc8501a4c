//! `lookout calibrate stop`: the evidence that confirms a stop, from clean recordings.
//!
//! Every recording is cut into blocks of time. Every second block is what clean frames look like, and the
//! blocks between set the level: nothing is tried on what it was made from.

use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use indicatif::ProgressBar;
use lookout::bag::{BagReader, MessageBuf};
use lookout::calibration::{Promise, StopData, StopFile, StopMode};
use lookout::decide::{
    Band, GroundCorridor, Motion, Sighting, StopLevel, StoppingConfig, Tracker, Trapezoid,
};
use lookout::model::Bundle;
use lookout::pipeline::{FrameHandler, Pipeline, Settings};
use lookout::shutdown::Shutdown;
use lookout::time::{Stamp, SteppedClock};
use lookout_scene::{Anomaly, Drive, DriveConfig};
use sha2::{Digest, Sha256};

use crate::cli::camera::Camera;
use crate::cli::closed_loop::{self, ClosedLoop, Seeds};
use crate::cli::pictures::{self, note};
use crate::cli::surroundings::{CameraArgs, Surroundings};
use crate::cli::{Ending, EngineArgs, JudgeArgs};

/// Ends of the bands of distance, in metres.
const BANDS_M: [f32; 7] = [8.0, 12.0, 18.0, 27.0, 40.0, 60.0, 90.0];
/// What a frame takes from a track, and may add to it at most, in nats.
const ALLOWANCE: f32 = 4.0;
const MOST_A_FRAME: f32 = 2.5;
/// Three pixels of a score map of 120x88.
const MIN_REGION_PPM: u32 = 280;

/// Flags of `lookout calibrate stop`.
#[derive(Debug, clap::Args)]
pub(crate) struct StopArgs {
    /// Recordings of roads with nothing strange on them: rosbag2 folders, or .mcap or .db3 files.
    bags: Vec<PathBuf>,
    /// Image or CompressedImage topic; needed where a bag has several.
    #[arg(long)]
    topic: Option<String>,
    /// Rendered clean drives of these seeds, beside the bags or without any.
    #[arg(long, value_name = "A-B")]
    rendered: Option<Seeds>,
    /// Speed of rendered drives.
    #[arg(long, default_value_t = 50.0, value_name = "KM/H", value_parser = closed_loop::speed)]
    speed: f64,
    /// Length of rendered drives.
    #[arg(long, default_value_t = 20.0, value_name = "S")]
    seconds: f64,
    /// Promise: at most one false stop in so many hours of driving.
    #[arg(long, value_name = "H")]
    hours: f64,
    /// How sure that is to be.
    #[arg(long, default_value_t = 0.9, value_name = "P")]
    confidence: f64,
    /// Blocks of time that hardly depend on each other: longer than a thing is in view.
    #[arg(long, default_value_t = 10.0, value_name = "S")]
    block: f64,
    /// File to write; stdout without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    camera: CameraArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// What a frame shows, and how the vehicle moved to there.
struct Shown {
    time_s: f64,
    motion: Motion,
    far_limit_m: Option<f32>,
    sightings: Vec<Sighting>,
}

/// What is looked at, and how far it came.
struct Looking {
    frames: Vec<Vec<Shown>>,
    hash: Sha256,
}

/// Runs the command.
pub(crate) fn run(args: &StopArgs) -> Result<Ending> {
    let promise = Promise {
        hours: args.hours,
        confidence: args.confidence,
        block_s: args.block,
    };
    promise.validate()?;
    ensure!(
        !args.bags.is_empty() || args.rendered.is_some(),
        "there is nothing to calibrate with: give bags, or --rendered A-B"
    );
    let bundle = args.engine.bundle()?;
    let mut settings = args.judge.settings(&bundle, None)?;
    ensure!(
        settings.stop_levels.is_empty(),
        "--stop is what is to be made"
    );
    settings.min_region_ppm = MIN_REGION_PPM;
    let shutdown = Shutdown::on_signals()?;
    let looking = look(args, &bundle, &settings, &shutdown)?;
    if let Some(code) = shutdown.exit_code() {
        return Ok(Ending::Interrupted(code));
    }
    let file = calibrate(args, &bundle, &settings, promise, &looking)?;
    let text = toml::to_string(&file).context("cannot write the stop levels")?;
    match &args.out {
        Some(path) => pictures::replace_file(path, |out| Ok(out.write_all(text.as_bytes())?))?,
        None => std::io::stdout().lock().write_all(text.as_bytes())?,
    }
    note(file.line());
    Ok(Ending::Done)
}

/// Runs every recording through the networks.
fn look(
    args: &StopArgs,
    bundle: &Bundle,
    settings: &Settings,
    shutdown: &Shutdown,
) -> Result<Looking> {
    let mut looking = Looking {
        frames: Vec::new(),
        hash: Sha256::new(),
    };
    let seeds: Vec<u64> = args.rendered.into_iter().flat_map(Seeds::all).collect();
    let bar = ProgressBar::new((args.bags.len() + seeds.len()) as u64);
    for path in &args.bags {
        let mut frames = handler(&args.engine, bundle, settings)?;
        let shown = bag(path, args, &mut frames, settings.vehicle, shutdown)
            .with_context(|| path.display().to_string())?;
        looking.add(shown);
        bar.inc(1);
    }
    // the drives share the cores
    let mut engine = args.engine.clone();
    engine.threads = engine.threads.or(Some(1));
    let one = |seed: u64| -> Result<Vec<Shown>> {
        let config = DriveConfig {
            duration_s: args.seconds,
            ..closed_loop::config(seed, args.speed, Anomaly::None)
        };
        let mut frames = handler(&engine, bundle, settings)?;
        let shown = rendered(
            &Drive::new(config)?,
            &mut frames,
            settings.vehicle,
            shutdown,
        )?;
        bar.inc(1);
        Ok(shown)
    };
    let jobs = thread::available_parallelism().map_or(1, NonZero::get);
    for some in seeds.chunks(jobs) {
        let shown: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|seed| scope.spawn(|| one(*seed))).collect();
            threads
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect()
        });
        for drive in shown {
            looking.add(drive.map_err(|_| anyhow!("a drive was broken off by a panic"))??);
        }
        if shutdown.requested() {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(looking)
}

fn handler(engine: &EngineArgs, bundle: &Bundle, settings: &Settings) -> Result<FrameHandler> {
    let open = engine.opener(bundle);
    Ok(FrameHandler::assemble(open, settings.clone(), None)?)
}

impl Looking {
    fn add(&mut self, shown: Vec<Shown>) {
        for frame in &shown {
            self.hash.update(frame.time_s.to_le_bytes());
            for sighting in &frame.sightings {
                self.hash
                    .update(sighting.footprint.distance_m.to_le_bytes());
                self.hash.update(sighting.strength.to_le_bytes());
            }
        }
        self.frames.push(shown);
    }
}

/// A drive that nobody stops.
fn rendered(
    street: &Drive,
    frames: &mut FrameHandler,
    vehicle: StoppingConfig,
    shutdown: &Shutdown,
) -> Result<Vec<Shown>> {
    let surroundings = Surroundings::new(vehicle)?;
    surroundings.set_mount(closed_loop::mount(street));
    let clock = SteppedClock::default();
    let mut message = MessageBuf::new();
    let mut drive = ClosedLoop::new(street);
    let mut shown = Vec::new();
    while drive.next_frame()? && !shutdown.requested() {
        drive.camera().tell(&surroundings, &mut message)?;
        drive.message(&mut message)?;
        shown.extend(judge(&message, frames, &surroundings, &clock)?);
    }
    Ok(shown)
}

fn bag(
    path: &Path,
    args: &StopArgs,
    frames: &mut FrameHandler,
    vehicle: StoppingConfig,
    shutdown: &Shutdown,
) -> Result<Vec<Shown>> {
    let mut reader = BagReader::open(path)?;
    reader.select(args.topic.as_deref())?;
    let mut surroundings = Surroundings::new(vehicle)?;
    surroundings.take(args.camera.read()?);
    surroundings.follow(&mut reader);
    let clock = SteppedClock::default();
    let mut message = MessageBuf::new();
    let mut shown = Vec::new();
    while reader.read_next(&mut message)? && !shutdown.requested() {
        if surroundings.hear(&message) {
            continue;
        }
        let frame = judge(&message, frames, &surroundings, &clock)?;
        ensure!(
            frame.is_some() || shown.is_empty(),
            "the frame at {} has no distances, and those before it had: is it of another size?",
            message.log_time()
        );
        // frames before the first camera_info are passed over
        shown.extend(frame);
    }
    ensure!(
        !shown.is_empty() || shutdown.requested(),
        "no frame has distances: the camera or its height is not known (--camera, --camera-height)"
    );
    Ok(shown)
}

/// What a camera message shows; `None` where the ground is not known.
fn judge(
    message: &MessageBuf,
    frames: &mut FrameHandler,
    surroundings: &Surroundings,
    clock: &SteppedClock,
) -> Result<Option<Shown>> {
    let camera = Camera::parse(message)?;
    let stamp = camera.stamp();
    clock.set(stamp);
    surroundings.apply(
        frames.pipeline_mut(),
        message.log_time().max(Stamp::default()),
    );
    let judged = frames.run(Ok(camera.view()), Some(stamp), clock, &mut ());
    if let Some(error) = judged.error {
        bail!("the frame of {stamp} cannot be judged, so the recording is not clean: {error}");
    }
    let pipeline: &Pipeline = frames.pipeline();
    let is_known = pipeline.corridor().is_on_ground();
    Ok(is_known.then(|| Shown {
        time_s: stamp.as_nanos() as f64 / 1e9,
        motion: pipeline.motion(),
        far_limit_m: pipeline.corridor().far_limit_m(),
        sightings: pipeline.sightings().to_vec(),
    }))
}

/// A recording in whole blocks of time.
fn blocks(frames: &[Shown], block_s: f64) -> Vec<&[Shown]> {
    let Some(first) = frames.first() else {
        return Vec::new();
    };
    let number = |frame: &Shown| ((frame.time_s - first.time_s) / block_s) as usize;
    let mut blocks: Vec<_> = frames.chunk_by(|a, b| number(a) == number(b)).collect();
    // what the last one lacks is about a frame where it is whole
    let frame_s = frames.len().max(2) - 1;
    let last_s = frames.last().map_or(0.0, |last| last.time_s) - first.time_s;
    let frame_s = last_s / frame_s as f64;
    let last = blocks.last().copied().unwrap_or_default();
    let length = last.last().map_or(0.0, |f| f.time_s) - last.first().map_or(0.0, |f| f.time_s);
    if length + 1.5 * frame_s < block_s {
        blocks.pop();
    }
    blocks
}

fn calibrate(
    args: &StopArgs,
    bundle: &Bundle,
    settings: &Settings,
    promise: Promise,
    looking: &Looking,
) -> Result<StopFile> {
    let mode = settings.best_mode()?;
    let judge = settings
        .judges
        .of(mode)
        .context("the mode has no threshold")?;
    let drives: Vec<Vec<&[Shown]>> = looking
        .frames
        .iter()
        .map(|f| blocks(f, args.block))
        .collect();
    let bands = bands(&drives);
    let mut stop = StopLevel {
        level: f32::MAX,
        most_a_frame: MOST_A_FRAME,
        allowance: ALLOWANCE,
        min_region_ppm: MIN_REGION_PPM,
        bands,
    };
    let maxima = largest_evidence(&drives, settings, &stop);
    let level = promise.level(&maxima)?;
    stop.level = level.max(2.0 * MOST_A_FRAME);
    stop.validate()?;
    let frames: usize = looking.frames.iter().map(Vec::len).sum();
    let seconds = drives.iter().flatten().count() as f64 * args.block;
    Ok(StopFile {
        bundle_hash: bundle.hash().to_owned(),
        date: today(),
        command: command(),
        promise,
        data: StopData {
            hash: hex(&looking.hash.clone().finalize()),
            recordings: recordings(args),
            frames: frames as u64,
            hours: seconds / 3600.0,
        },
        modes: vec![StopMode {
            name: mode.name().to_owned(),
            score: judge.score,
            threshold: judge.threshold,
            stop,
        }],
    })
}

/// Whether a block is one of those that the table of clean frames is made of; the others set the level.
/// They alternate over all recordings, so that short ones are halved too.
fn is_table(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// What clean frames look like, band by band.
fn bands(drives: &[Vec<&[Shown]>]) -> Vec<Band> {
    let blocks = drives.iter().flatten().enumerate();
    let table = blocks.filter(|(number, _)| is_table(*number));
    let frames: Vec<&Shown> = table.flat_map(|(_, block)| block.iter()).collect();
    let mut from = 0.0;
    let of = |to_m: f32| {
        let inside = from..to_m;
        from = to_m;
        let strongest = frames.iter().map(|frame| {
            let there = frame.sightings.iter();
            let there = there.filter(|s| inside.contains(&s.footprint.distance_m));
            there.map(|s| s.strength).fold(0.0, f32::max)
        });
        Band::new(to_m, strongest.collect())
    };
    BANDS_M.into_iter().map(of).collect()
}

/// The largest evidence of anything within the stopping distance, in each block that sets the level.
fn largest_evidence(drives: &[Vec<&[Shown]>], settings: &Settings, level: &StopLevel) -> Vec<f32> {
    let mut corridor = GroundCorridor::new(Trapezoid::everywhere(), settings.vehicle.way_width_m());
    let mut maxima = Vec::new();
    let mut number = 0;
    for drive in drives {
        let mut tracker = Tracker::default();
        for block in drive {
            let mut largest = 0.0f32;
            for frame in *block {
                corridor.set_curvature(frame.motion.curvature);
                corridor.set_far_limit(frame.far_limit_m);
                tracker.update(&frame.sightings, frame.motion, level);
                let tracked = tracker.tracked(&corridor, level);
                if tracked.in_reach {
                    largest = largest.max(tracked.evidence);
                }
            }
            if !is_table(number) {
                maxima.push(largest);
            }
            number += 1;
        }
    }
    maxima
}

fn recordings(args: &StopArgs) -> String {
    let mut text = match args.bags.as_slice() {
        [] => String::new(),
        [one] => super::base_name(one),
        [first, rest @ ..] => format!("{} and {} more", super::base_name(first), rest.len()),
    };
    if let Some(seeds) = args.rendered {
        let and = if text.is_empty() { "" } else { " and " };
        let _ = write!(
            text,
            "{and}rendered clean drives of seeds {seeds} at {} km/h, {} s each",
            args.speed, args.seconds
        );
    }
    text
}

fn command() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    format!("lookout {}", words.join(" "))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Year, month and day of now, UTC.
fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let days = since.map_or(0, |since| since.as_secs() / 86_400);
    // days are counted from 1 March of year 0: leap days are last (Hinnant, chrono-compatible algorithms)
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
