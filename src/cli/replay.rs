//! `lookout replay`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use anyhow::Context;
use lookout::bag::{BagError, BagReader};
use lookout::decide::State;
use lookout::live::LiveError;
use lookout::pipeline::{FrameHandler, Live};
use lookout::shutdown::Shutdown;

use super::drive::{DriveResult, Lost, drive, print_summary};
use super::handler::Handler;
use super::live::{self, LiveArgs, Paced};
use super::outputs::Outputs;
use super::surroundings::CameraArgs;
use super::{Ending, EngineArgs, JudgeArgs, camera};

/// Flags of `lookout replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// rosbag2 folder, or one .mcap or .db3 file.
    bag: PathBuf,
    /// Image or CompressedImage topic; needed where the bag has several.
    #[arg(long)]
    topic: Option<String>,
    /// max: as fast as possible, the same verdicts on every machine. A number: that multiple of
    /// the recorded pace, with a watchdog; a frame that is still waiting when a newer one comes is
    /// dropped.
    #[arg(long, default_value = "max", value_name = "max|X")]
    rate: Rate,
    /// Folder for annotated/, frames.csv and report.html.
    #[cfg_attr(
        feature = "ros",
        arg(long, value_name = "DIR", required_unless_present = "publish")
    )]
    #[cfg_attr(not(feature = "ros"), arg(long, value_name = "DIR", required = true))]
    out: Option<PathBuf>,
    /// Judge nothing: publish the topic as live ROS 2 messages at the recorded pace (or --rate times
    /// it), with /clock, for any subscriber that uses simulated time.
    #[cfg(feature = "ros")]
    #[arg(long, conflicts_with_all = ["out", "force", "json", "exit_verdict", "recover"])]
    publish: bool,
    /// Go on behind damage of the recording, and say how much is lost and where; ends with 4 where
    /// something is.
    #[arg(long)]
    recover: bool,
    /// Replace the results of an earlier run in the folder.
    #[arg(long)]
    force: bool,
    /// Summary as JSON on stdout.
    #[arg(long)]
    json: bool,
    /// End with 3 where the last verdict is STOP or FAULT.
    #[arg(long)]
    exit_verdict: bool,
    #[command(flatten)]
    camera: CameraArgs,
    #[command(flatten)]
    live: LiveArgs,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    judge: JudgeArgs,
}

/// Pace of a replay.
#[derive(Clone, Copy, Debug)]
struct Rate(Option<f64>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        if s == "max" {
            return Ok(Self(None));
        }
        match s.parse::<f64>() {
            Ok(x) if x.is_finite() && (0.001..=1000.0).contains(&x) => Ok(Self(Some(x))),
            _ => Err(format!("{s:?} is not max or a number in 0.001..=1000")),
        }
    }
}

/// Opens the bag; where it is damaged, the error names the way round that.
fn open(args: &ReplayArgs) -> anyhow::Result<BagReader> {
    if args.recover {
        return Ok(BagReader::open_recovering(&args.bag)?);
    }
    BagReader::open(&args.bag).map_err(|error| {
        let damaged = error.is_damage() && args.bag.exists();
        let error = anyhow::Error::from(error);
        match damaged {
            true => error.context("the recording is damaged (`--recover` plays what can be read)"),
            false => error,
        }
    })
}

/// Whether the bag was read up to damage of it.
fn ended_at_damage(error: &anyhow::Error) -> bool {
    let unpaced = error.downcast_ref::<BagError>();
    let paced = matches!(error.downcast_ref(), Some(LiveError::Source(_)));
    paced || unpaced.is_some_and(BagError::is_damage)
}

/// Runs the command.
pub(crate) fn run(args: &ReplayArgs) -> anyhow::Result<Ending> {
    #[cfg(feature = "ros")]
    if args.publish {
        return super::publish::run(&args.bag, args.topic.as_deref(), args.rate.0.unwrap_or(1.0));
    }
    let out = args.out.as_deref().context("--out is missing")?;
    let mut reader = open(args)?;
    let topic = camera::select(&mut reader, args.topic.as_deref())?;
    super::recorder::check_topic(&topic.name)?;
    let bundle = args.engine.bundle(args.judge.score)?;
    let settings = args.judge.settings(&bundle, args.live.stale_ms)?;
    let camera = args.camera.read(&settings.vehicle)?;
    let live = match args.rate.0 {
        Some(_) => Some(Live::of_recording(&settings)?),
        None => None,
    };
    let frames = FrameHandler::assemble(args.engine.opener(&bundle), settings, live)?;
    let outputs = Outputs::prepare(out, args.force, Some(&args.bag))?;
    let name = format!("{} {}", args.bag.display(), topic.name);
    let shutdown = Shutdown::on_signals()?;
    let mut handler = Handler::new(frames, &bundle, &outputs, &name)?;
    handler.surroundings.take(camera);
    let mut result = match args.rate.0 {
        None => {
            let each = &mut |_: &_, _: &_| {};
            drive(reader, topic.message_count, handler, &shutdown, each)?
        }
        Some(rate) => {
            let (began, mut outcome) = (Instant::now(), (None, Lost::default()));
            if let Some(paced) = Paced::open(reader, rate, &mut handler.surroundings, &shutdown)? {
                let beats = outputs.heartbeat_csv();
                outcome = live::run(paced, &mut handler, &args.live, &beats, &mut ())?;
            }
            DriveResult::of(handler, began, outcome, &shutdown)?
        }
    };
    if let Some(line) = result.lost.line() {
        result.report.headline(line);
    }
    result.report.write(&outputs.report(), &result.summary)?;
    print_summary(&result, &outputs, args.json, None)?;
    if let Some(error) = result.broken {
        let done = result.summary.frames.handled;
        let way_round = match ended_at_damage(&error) && !args.recover {
            true => " (`--recover` goes on behind the damage)",
            false => "",
        };
        return Err(error)
            .with_context(|| format!("the bag ended early, after {done} frames{way_round}"));
    }
    if let Some(code) = result.interrupted {
        return Ok(Ending::Interrupted(code));
    }
    anyhow::ensure!(result.last.is_some(), "{} has no message", topic.name);
    let raised = |state| matches!(state, State::Stop | State::Fault);
    Ok(match result.last {
        Some(verdict) if args.exit_verdict && raised(verdict.state) => Ending::Verdict,
        _ if args.recover && result.lost.line().is_some() => Ending::Recovered,
        _ => Ending::Done,
    })
}
