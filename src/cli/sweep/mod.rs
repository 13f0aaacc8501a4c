//! `lookout sweep`: many rendered drives, each with a vehicle that brakes when the flag rises, over
//! all cores; a row a drive, and one page that says what came of them.

mod page;
mod rows;
mod strip;
mod totals;

use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use log::LevelFilter;
use lookout::bag::MessageBuf;
use lookout::frame::{CameraView, CompressedView};
use lookout::model::Bundle;
use lookout::pipeline::{FrameHandler, Settings};
use lookout::shutdown::Shutdown;
use lookout::time::SteppedClock;
use lookout_scene::{Anomaly, Drive, DriveConfig};

use super::closed_loop::{self, ClosedLoop, Seeds};
use super::pictures::{self, note};
use super::surroundings::Surroundings;
use super::{Ending, EngineArgs, JudgeArgs};
use rows::{Identity, Key, Row, Rows};
use strip::Strip;
use totals::Totals;

/// Flags of `lookout sweep`.
#[derive(Debug, clap::Args)]
pub(crate) struct SweepArgs {
    /// Folder for sweep.csv, strips/ and sweep.html. A sweep that was begun there with the same
    /// bundle and settings goes on: drives that are in sweep.csv are not driven again.
    #[arg(long, default_value = "sweep", value_name = "DIR")]
    out: PathBuf,
    /// Streets, traffic and lights: FIRST-LAST or one number.
    #[arg(long, default_value = "0-19", value_name = "A-B")]
    seeds: Seeds,
    /// Speeds, separated by commas. When the flag rises, the vehicle brakes after 300 ms with 6 m/s².
    #[arg(
        long,
        default_value = "30,50",
        value_name = "KM/H",
        value_delimiter = ','
    )]
    #[arg(value_parser = closed_loop::speed)]
    speeds: Vec<f64>,
    /// What comes onto the road, separated by commas; any: as the seed has it; none: a clean drive,
    /// in which every stop is a false one.
    #[arg(
        long,
        default_value = "any,none",
        value_name = "any|none|NAME",
        value_delimiter = ','
    )]
    #[arg(value_parser = Thing::from_str)]
    things: Vec<Thing>,
    /// Length of a drive; one in which something happens ends when that is decided.
    #[arg(long, default_value_t = 20.0, value_name = "S", value_parser = seconds)]
    seconds: f64,
    /// Drives at a time, each with an engine of its own; all cores without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Totals as JSON on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// What comes onto the road, by its name.
#[derive(Clone, Debug)]
struct Thing {
    name: String,
    anomaly: Anomaly,
}

impl FromStr for Thing {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(Self {
            anomaly: closed_loop::thing(name)?,
            name: name.to_owned(),
        })
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.1..=400.0).contains(&s) => Ok(s),
        _ => Err(format!("{text:?} is not a number in 0.1..=400")),
    }
}

/// A drive to be driven.
#[derive(Clone)]
struct Plan {
    key: Key,
    anomaly: Anomaly,
}

/// What every worker needs.
struct Setup<'a> {
    engine: EngineArgs,
    bundle: &'a Bundle,
    settings: &'a Settings,
    seconds: f64,
    shutdown: &'a Shutdown,
    /// A worker failed.
    failed: &'a AtomicBool,
}

impl Setup<'_> {
    fn handler(&self) -> anyhow::Result<FrameHandler> {
        let open = self.engine.opener(self.bundle);
        Ok(FrameHandler::assemble(open, self.settings.clone(), None)?)
    }

    fn is_over(&self) -> bool {
        self.shutdown.requested() || self.failed.load(Ordering::Relaxed)
    }
}

/// Runs the command.
pub(crate) fn run(args: &SweepArgs) -> anyhow::Result<Ending> {
    let bundle = args.engine.bundle(args.judge.score)?;
    let settings = args.judge.rendered_settings(&bundle)?;
    let mut engine = args.engine.clone();
    // the drives share the cores
    engine.threads = engine.threads.or(Some(1));
    let failed = AtomicBool::new(false);
    let shutdown = Shutdown::on_signals()?;
    let setup = Setup {
        engine,
        bundle: &bundle,
        settings: &settings,
        seconds: args.seconds,
        shutdown: &shutdown,
        failed: &failed,
    };
    let identity = Identity {
        lookout: env!("CARGO_PKG_VERSION").to_owned(),
        bundle: bundle.hash().to_owned(),
        engine: setup.handler()?.pipeline().engine_description().to_owned(),
        settings: format!("{settings:?}"),
        seconds: args.seconds,
    };
    let goes_on = rows::is_begun(&args.out);
    let _lock = pictures::output_dir(&args.out, goes_on)?;
    fs::create_dir_all(args.out.join("strips")).context("cannot make the folder strips")?;
    let mut rows = Rows::open(&args.out, &identity)?;
    // nobody reads every change of state of a thousand drives
    if log::max_level() <= LevelFilter::Info {
        log::set_max_level(LevelFilter::Error);
    }

    let plan = plan(args);
    let todo: Vec<_> = plan.iter().filter(|p| !rows.has(&p.key)).cloned().collect();
    let done = plan.len() - todo.len();
    if done > 0 {
        note(format_args!(
            "{done} of {} drives are in sweep.csv already",
            plan.len()
        ));
    }
    let bar = progress_bar(plan.len(), done);
    let broken = drive_all(&todo, args, &setup, &mut rows, &bar).err();
    bar.finish_and_clear();

    rows.sort()?;
    tell(args, &plan, &rows, &identity, &shutdown)?;
    match (broken, shutdown.exit_code()) {
        (Some(error), _) => Err(error),
        (None, Some(code)) => Ok(Ending::Interrupted(code)),
        (None, None) => Ok(Ending::Done),
    }
}

/// The page, and the totals on stderr and, where asked for, on stdout.
fn tell(
    args: &SweepArgs,
    plan: &[Plan],
    rows: &Rows,
    identity: &Identity,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let chosen: Vec<Row> = plan
        .iter()
        .filter_map(|p| rows.get(&p.key).cloned())
        .collect();
    let totals = Totals::of(&chosen);
    let path = args.out.join("sweep.html");
    let flags = [args.engine.words(), args.judge.words()].concat();
    let page = page::page(identity, &totals, &chosen, plan.len(), &args.out, &flags);
    pictures::replace_file(&path, |file| Ok(file.write_all(page.as_bytes())?))?;
    for line in totals.lines() {
        note(line);
    }
    if chosen.len() < plan.len() {
        note(format_args!(
            "{} of {} drives are done; the same command goes on with the rest",
            chosen.len(),
            plan.len()
        ));
    }
    note(format_args!("page: {}", path.display()));
    if args.json {
        let value = serde_json::json!({
            "drives": plan.len(),
            "done": chosen.len(),
            "interrupted": shutdown.requested(),
            "bundle_hash": identity.bundle,
            "engine": identity.engine,
            "totals": totals,
        });
        let mut out = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &value)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Every drive of the grid; a seed's drives come together, so that a sweep that is cut short says
/// something of every speed and thing.
fn plan(args: &SweepArgs) -> Vec<Plan> {
    let mut plan: Vec<Plan> = Vec::new();
    for seed in args.seeds.all() {
        for &speed_kmh in &args.speeds {
            for thing in &args.things {
                let key = Key::new(seed, speed_kmh, &thing.name);
                plan.push(Plan {
                    key,
                    anomaly: thing.anomaly,
                });
            }
        }
    }
    plan.sort_by(|a, b| a.key.cmp(&b.key));
    plan.dedup_by(|a, b| a.key == b.key);
    plan
}

fn progress_bar(drives: usize, done: usize) -> ProgressBar {
    let bar = ProgressBar::new(drives as u64);
    let template = "{wide_bar} {pos}/{len} drives, ETA {eta}  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_position(done as u64);
    bar.reset_eta();
    bar
}

/// The result of a drive, with its strip of frames.
type DriveResult = anyhow::Result<(Row, Vec<u8>)>;

/// Drives them, so many at a time, and writes a row of each.
fn drive_all(
    todo: &[Plan],
    args: &SweepArgs,
    setup: &Setup<'_>,
    rows: &mut Rows,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = args.jobs.map_or(cores, usize::from).min(todo.len());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (results, received) = mpsc::channel();
        for _ in 0..jobs {
            let (results, next) = (results.clone(), &next);
            scope.spawn(move || work(todo, next, setup, &results));
        }
        drop(results);
        let mut first_error = None;
        for drive in received {
            let kept = drive.and_then(|(row, strip)| {
                fs::write(args.out.join("strips").join(row.key().strip()), strip)
                    .context("cannot write a strip of frames")?;
                rows.add(row)
            });
            match kept {
                Ok(()) => bar.inc(1),
                Err(error) => {
                    setup.failed.store(true, Ordering::Relaxed);
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    })
}

/// Takes one drive after another until all are taken.
fn work(todo: &[Plan], next: &AtomicUsize, setup: &Setup<'_>, results: &Sender<DriveResult>) {
    let mut strip = Strip::default();
    while let Some(plan) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
        let drive = match drive(plan, setup, &mut strip) {
            Ok(Some(drive)) => Ok(drive),
            Ok(None) => return,
            Err(error) => Err(error.context(format!("the drive of {}", plan.key))),
        };
        if results.send(drive).is_err() {
            return;
        }
    }
}

/// One drive; `None` where it was not driven to its end.
fn drive(
    plan: &Plan,
    setup: &Setup<'_>,
    strip: &mut Strip,
) -> anyhow::Result<Option<(Row, Vec<u8>)>> {
    let street = Drive::new(DriveConfig {
        duration_s: setup.seconds,
        ..closed_loop::config(plan.key.seed, plan.key.speed_kmh(), plan.anomaly)
    })?;
    // a supervisor of its own: a STOP of the drive before must not last
    let mut frames = setup.handler()?;
    let clock = SteppedClock::default();
    let surroundings = Surroundings::new(setup.settings.vehicle)?;
    surroundings.set_mount(closed_loop::mount(&street));
    let mut message = MessageBuf::new();
    let mut drive = ClosedLoop::new(&street);
    strip.begin();
    while drive.next_frame()? {
        if setup.is_over() {
            return Ok(None);
        }
        let image = drive.camera().image();
        let stamp = drive.camera().stamp();
        clock.set(stamp);
        drive.camera().tell(&surroundings, &mut message)?;
        surroundings.apply(frames.pipeline_mut(), stamp);
        let view = CameraView::Compressed(CompressedView {
            stamp,
            format: image.format,
            data: image.data,
        });
        let judged = frames.run(Ok(view), Some(stamp), &clock, &mut ());
        if let Some(error) = judged.error {
            anyhow::bail!("a frame could not be judged: {error}");
        }
        let pipeline = frames.pipeline();
        drive.judged(&judged.verdict, pipeline);
        if drive.is_worth_a_picture() {
            strip.add(frames.frame(), pipeline.mask());
        }
    }
    strip.add(frames.frame(), frames.pipeline().mask());
    let jpeg = strip.jpeg()?;
    Ok(Some((Row::new(&plan.key, drive.outcome()), jpeg)))
}
