//! `lookout calibrate stop`: the evidence that confirms a stop, from clean recordings.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use indicatif::ProgressBar;
use lookout::bag::{BagReader, MessageBuf};
use lookout::calibration::{CleanFrame, CleanRecordings, Promise, StopFile, StopMode};
use lookout::decide::{Reason, StoppingConfig};
use lookout::engine::Mode;
use lookout::model::Bundle;
use lookout::pipeline::{FrameHandler, NoGround, Pipeline, Schedule, Settings};
use lookout::shutdown::Shutdown;
use lookout::time::{Stamp, SteppedClock};
use lookout_scene::{Anomaly, Drive, DriveConfig};
use sha2::{Digest, Sha256};

use crate::cli::camera::{self, Camera};
use crate::cli::closed_loop::{self, ClosedLoop, Seeds};
use crate::cli::pictures::{self, note};
use crate::cli::surroundings::{CameraArgs, Surroundings};
use crate::cli::{Ending, EngineArgs, JudgeArgs};

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
    if let Some(path) = &args.out {
        pictures::check_place(path)?;
    }
    if let (Some(seeds), []) = (args.rendered, args.bags.as_slice()) {
        // at most so many set the level
        let of_a_drive = ((args.seconds + 0.1) / args.block) as usize;
        promise.check((of_a_drive * seeds.all().count()).div_ceil(2))?;
    }
    let bundle = args.engine.bundle(args.judge.score)?;
    let mut settings = args.judge.settings_of_all_modes(&bundle)?;
    ensure!(
        settings.stop_levels.is_empty(),
        "--stop is what is to be made"
    );
    settings.min_region_ppm = CleanRecordings::MIN_REGION_PPM;
    let best = settings.best_mode()?;
    let lesser =
        |mode: &Mode| mode.index() > best.index() && mode.index() <= settings.least_mode.index();
    let lesser = settings.judges.modes().filter(lesser);
    let modes: Vec<Mode> = [best].into_iter().chain(lesser).collect();
    let shutdown = Shutdown::on_signals()?;
    let seen = look(args, &bundle, (&settings, &modes), &shutdown)?;
    if let Some(code) = shutdown.exit_code() {
        return Ok(Ending::Interrupted(code));
    }
    let level = |(mode, seen): (&Mode, &CleanRecordings)| -> Result<StopMode> {
        let judge = settings.judges.of(*mode);
        let judge = judge.context("the mode has no threshold")?;
        Ok(StopMode {
            name: mode.name().to_owned(),
            score: judge.score,
            threshold: judge.threshold,
            stop: seen
                .level(&promise, settings.vehicle.way_width_m())
                .with_context(|| {
                    format!("mode {mode} (one that counts as watching: see least_mode)")
                })?,
        })
    };
    let of_the_best = seen.first().context("no mode can run")?;
    let levels = modes.iter().zip(&seen).map(level);
    let levels = levels.collect::<Result<_>>()?;
    let file = StopFile {
        version: StopFile::VERSION,
        bundle_hash: bundle.hash().to_owned(),
        date: today(),
        command: command(),
        promise,
        data: of_the_best.data(&promise, recordings(args))?,
        vehicle: settings.vehicle,
        modes: levels,
    };
    let text = toml::to_string(&file).context("cannot write the stop levels")?;
    match &args.out {
        Some(path) => pictures::replace_file(path, |out| Ok(out.write_all(text.as_bytes())?))?,
        None => std::io::stdout().lock().write_all(text.as_bytes())?,
    }
    note(file.line());
    for mode in &file.modes {
        if let Some(frames) = mode.stop.frames_to_confirm() {
            note(format_args!(
                "{}: a sure thing is confirmed after {frames} frames",
                mode.name
            ));
        }
    }
    Ok(Ending::Done)
}

/// What the frames of a recording showed, in each of the modes.
type Shown = Vec<Vec<CleanFrame>>;

/// Runs every recording through the networks, in each of the modes.
fn look(
    args: &StopArgs,
    bundle: &Bundle,
    (settings, modes): (&Settings, &[Mode]),
    shutdown: &Shutdown,
) -> Result<Vec<CleanRecordings>> {
    let mut seen = vec![CleanRecordings::default(); modes.len()];
    let mut add = |shown: Shown| {
        let both = seen.iter_mut().zip(shown);
        both.for_each(|(seen, shown)| seen.add(shown));
    };
    let handlers = |engine: &EngineArgs| -> Result<Vec<FrameHandler>> {
        let of = |&mode: &Mode| {
            let settings = Settings {
                schedule: Schedule::Fixed(mode),
                ..settings.clone()
            };
            let open = engine.opener(bundle);
            Ok(FrameHandler::assemble(open, settings, None)?)
        };
        modes.iter().map(of).collect()
    };
    let seeds: Vec<u64> = args.rendered.into_iter().flat_map(Seeds::all).collect();
    let bar = ProgressBar::new((args.bags.len() + seeds.len()) as u64);
    let mut pictures = HashSet::new();
    for path in &args.bags {
        let mut frames = handlers(&args.engine)?;
        let shown = bag(path, args, &mut frames, &mut pictures, shutdown)
            .with_context(|| path.display().to_string())?;
        let faulty = shown.iter().flatten().filter(|frame| frame.faulty).count();
        if faulty > 0 {
            note(format_args!(
                "{}: {} frames are a fault and do not count",
                path.display(),
                faulty / shown.len().max(1)
            ));
        }
        add(shown);
        bar.inc(1);
    }
    // the drives share the cores
    let mut engine = args.engine.clone();
    engine.threads = engine.threads.or(Some(1));
    let one = |seed: u64| -> Result<Shown> {
        let config = DriveConfig {
            duration_s: args.seconds,
            ..closed_loop::config(seed, args.speed, Anomaly::None)
        };
        let mut frames = handlers(&engine)?;
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
            add(drive.map_err(|_| anyhow!("a drive was broken off by a panic"))??);
        }
        if shutdown.requested() {
            break;
        }
    }
    bar.finish_and_clear();
    Ok(seen)
}

/// A drive that nobody stops.
fn rendered(
    street: &Drive,
    frames: &mut [FrameHandler],
    vehicle: StoppingConfig,
    shutdown: &Shutdown,
) -> Result<Shown> {
    let surroundings = Surroundings::new(vehicle)?;
    surroundings.set_mount(closed_loop::mount(street));
    let clock = SteppedClock::default();
    let mut message = MessageBuf::new();
    let mut drive = ClosedLoop::new(street);
    let mut shown = vec![Vec::new(); frames.len()];
    while drive.next_frame()? && !shutdown.requested() {
        drive.camera().tell(&surroundings, &mut message)?;
        drive.message(&mut message)?;
        tell_all(frames, &surroundings, &message);
        for (frames, shown) in frames.iter_mut().zip(&mut shown) {
            shown.extend(judge(&message, frames, &clock)?);
        }
    }
    Ok(shown)
}

fn bag(
    path: &Path,
    args: &StopArgs,
    frames: &mut [FrameHandler],
    pictures: &mut HashSet<[u8; 32]>,
    shutdown: &Shutdown,
) -> Result<Shown> {
    let vehicle = frames.first().context("no mode can run")?;
    let vehicle = vehicle.pipeline().settings().vehicle;
    let mut reader = BagReader::open(path)?;
    camera::select(&mut reader, args.topic.as_deref())?;
    let mut surroundings = Surroundings::new(vehicle)?;
    surroundings.take(args.camera.read(&vehicle)?);
    ensure!(
        surroundings.has_mount(),
        "where the camera sits is not known, so no frame has distances: give --camera with a mount, or \
         --camera-height"
    );
    surroundings.follow(&mut reader);
    let clock = SteppedClock::default();
    let mut message = MessageBuf::new();
    let mut shown = vec![Vec::new(); frames.len()];
    let mut own = Vec::new();
    while reader.read_next(&mut message)? && !shutdown.requested() {
        if surroundings.hear(&message) {
            continue;
        }
        // a picture has its stamp in it
        let picture: [u8; 32] = Sha256::digest(message.data()).into();
        ensure!(
            !pictures.contains(&picture),
            "the frame at {} is in a recording before this one, too: the same hours count once, so give every recording once",
            message.log_time()
        );
        own.push(picture);
        tell_all(frames, &surroundings, &message);
        for (frames, shown) in frames.iter_mut().zip(&mut shown) {
            let frame = judge(&message, frames, &clock)?;
            if frame.is_none() {
                let at = message.log_time();
                match surroundings.check(frames) {
                    // frames before the first camera_info are passed over
                    Err(NoGround::NoCameraInfo) => {}
                    Err(why) => bail!("the frame at {at} has no distances: {why}"),
                    Ok(()) => bail!("the frame at {at} has no distances"),
                }
            }
            shown.extend(frame);
        }
    }
    ensure!(
        shown.iter().all(|shown| !shown.is_empty()) || shutdown.requested(),
        "no frame has distances: the bag has no camera_info beside its pictures; give --camera"
    );
    let has_speed = |frame: &CleanFrame| frame.far_limit_m.is_some();
    ensure!(
        shown.iter().flatten().any(has_speed) || shutdown.requested(),
        "no frame has a speed, so nobody knows how far the vehicle drives and what is within its stopping distance: record \
         one topic of nav_msgs/msg/Odometry, in time with the pictures"
    );
    pictures.extend(own);
    Ok(shown)
}

/// Before a camera message is judged in every mode.
fn tell_all(frames: &mut [FrameHandler], surroundings: &Surroundings, message: &MessageBuf) {
    let pipelines = frames.iter_mut().map(FrameHandler::pipeline_mut);
    surroundings.apply_to_all(pipelines, message.log_time().max(Stamp::default()));
}

/// What a camera message shows; `None` where the ground is not known.
fn judge(
    message: &MessageBuf,
    frames: &mut FrameHandler,
    clock: &SteppedClock,
) -> Result<Option<CleanFrame>> {
    let camera = Camera::parse(message)?;
    let stamp = camera.stamp();
    clock.set(stamp);
    let judged = frames.run(Ok(camera.view()), Some(stamp), clock, &mut ());
    if let Some(error) = judged.error {
        bail!("the frame of {stamp} cannot be judged, so the recording is not clean: {error}");
    }
    let pipeline: &Pipeline = frames.pipeline();
    // as at run time, where such a frame raises the flag by itself
    let is_blurred_for_long = matches!(
        judged.verdict.reason,
        Reason::Blurred { frames, limit } if frames >= limit
    );
    let is_known = pipeline.corridor().is_on_ground();
    Ok(is_known.then(|| CleanFrame {
        time_s: stamp.as_nanos() as f64 / 1e9,
        motion: pipeline.motion(),
        far_limit_m: pipeline.corridor().far_limit_m(),
        blurred: pipeline.is_blurred(),
        faulty: pipeline.frame_fault().is_some() || is_blurred_for_long,
        sightings: pipeline.sightings().to_vec(),
    }))
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
