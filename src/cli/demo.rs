//! `lookout demo`: renders a drive, judges every frame as it is rendered, and brakes when the flag
//! rises.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use lookout::bag::MessageBuf;
use lookout::pipeline::FrameHandler;
use lookout::shutdown::Shutdown;
use lookout::time::SteppedClock;
use lookout_scene::{Anomaly, Drive};

use super::closed_loop::{self, ClosedLoop, DriveBag};
use super::drive::{DriveResult, Lost, print_summary, progress_bar};
use super::handler::Handler;
use super::outputs::Outputs;
use super::{Ending, EngineArgs, JudgeArgs};

/// Flags of `lookout demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Folder for the drive and its camera.yaml, annotated/, frames.csv and report.html.
    #[arg(long, default_value = "demo", value_name = "DIR")]
    out: PathBuf,
    /// Which street, traffic, light and thing on the road.
    #[arg(long, default_value_t = 5)]
    seed: u64,
    /// How fast the vehicle drives. When the flag rises, it brakes after 300 ms with 6 m/s² to a
    /// stand: 20 m from 50 km/h.
    #[arg(long, default_value_t = 50.0, value_name = "KM/H", value_parser = closed_loop::speed)]
    speed: f64,
    /// What comes onto the road, such as deer or sofa; any: as the seed has it; none: nothing.
    #[arg(long, default_value = "any", value_name = "any|none|NAME", value_parser = closed_loop::thing)]
    thing: Anomaly,
    /// Replace the results of an earlier run in the folder.
    #[arg(long)]
    force: bool,
    /// Summary as JSON on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Runs the command.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<Ending> {
    let street = Drive::new(closed_loop::config(args.seed, args.speed, args.thing))?;
    let bundle = args.engine.bundle(args.judge.score)?;
    let settings = args.judge.rendered_settings(&bundle)?;
    let frames = FrameHandler::assemble(args.engine.opener(&bundle), settings, None)?;
    let outputs = Outputs::prepare(&args.out, args.force, None)?;
    let mut bag = DriveBag::create(&args.out.join("drive"))?;
    let shutdown = Shutdown::on_signals()?;
    let name = format!("rendered drive, seed {}, {} km/h", args.seed, args.speed);
    let mut handler = Handler::new(frames, &bundle, &outputs, &name)?;
    let mount = closed_loop::mount(&street);
    handler.surroundings.set_mount(mount);

    let began = Instant::now();
    let bar = progress_bar(Some(street.frame_count() as u64));
    let clock = SteppedClock::default();
    let mut message = MessageBuf::new();
    let mut drive = ClosedLoop::new(&street);
    while !shutdown.requested() && drive.next_frame()? {
        bag.write(drive.camera())?;
        drive.camera().tell(&handler.surroundings, &mut message)?;
        drive.message(&mut message)?;
        clock.set(drive.camera().stamp());
        handler.out.report.approach(drive.approach());
        let handled = handler.message(&message, &clock);
        handled.recorded?;
        drive.judged(&handled.judged.verdict, handler.frames.pipeline());
        bar.inc(1);
    }
    bar.finish_and_clear();
    bag.finish()?;
    let camera = drive.camera().file(mount).to_yaml();
    fs::write(args.out.join("camera.yaml"), camera).context("cannot write camera.yaml")?;

    let outcome = drive.outcome();
    let nothing_lost = (None, Lost::default());
    let mut result = DriveResult::of(handler, began, nothing_lost, &shutdown)?;
    result.report.headline(outcome.line.clone());
    result.report.write(&outputs.report(), &result.summary)?;
    print_summary(
        &result,
        &outputs,
        args.json,
        Some(("demo", serde_json::to_value(&outcome)?)),
    )?;
    writeln!(std::io::stderr().lock(), "{}", outcome.line)?;
    Ok(match result.interrupted {
        Some(code) => Ending::Interrupted(code),
        None => Ending::Done,
    })
}
