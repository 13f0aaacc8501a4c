//! `lookout demo`: renders a drive into a bag and replays it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::ProgressBar;
use jpeg_encoder::{ColorType, Encoder};
use lookout::bag::{BagReader, BagWriter, Qos};
use lookout::decide::{AnomalyMask, State, SupervisorConfig};
use lookout::msg::{CompressedImageRef, HeaderRef};
use lookout::pipeline::{FrameHandler, Pipeline};
use lookout::profile::FrameRecord;
use lookout::shutdown::Shutdown;
use lookout::time::Stamp;
use lookout_scene::{Drive, DriveConfig, Rendered};
use serde::Serialize;

use super::drive::{drive, print_summary};
use super::handler::Handler;
use super::outputs::Outputs;
use super::{Ending, EngineArgs, JudgeArgs};

/// Flags of `lookout demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Folder for the drive, annotated/, frames.csv and report.html.
    #[arg(long, default_value = "demo", value_name = "DIR")]
    out: PathBuf,
    /// Which street, traffic, light and thing on the road.
    #[arg(long, default_value_t = 1)]
    seed: u64,
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

const TOPIC: &str = "/camera/image_raw/compressed";
const JPEG_QUALITY: u8 = 95;
/// Share of the thing's pixels that must be in the mask for it to count as seen.
const SEEN_SHARE: f64 = 0.2;

/// Runs the command.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<Ending> {
    let config = DriveConfig {
        seed: args.seed,
        ..DriveConfig::default()
    };
    let street = Drive::new(config)?;
    let bundle = args.engine.bundle()?;
    let settings = args.judge.settings(&bundle, None)?;
    let frames = FrameHandler::assemble(args.engine.opener(&bundle), settings, None)?;
    let outputs = Outputs::prepare(&args.out, args.force, None)?;
    let bag = args.out.join("drive");
    let shutdown = Shutdown::on_signals()?;
    let truth = render(&street, &bag, &shutdown)?;

    let mut reader = BagReader::open(&bag)?;
    let topic = reader.select(Some(TOPIC))?;
    let name = format!("rendered drive, seed {}", args.seed);
    let mut comparison = TruthComparison::new(&street, &truth);
    let mut each = |record: &FrameRecord, pipeline: &Pipeline| comparison.frame(record, pipeline);
    let handler = Handler::new(frames, &bundle, &outputs, &name)?;
    let mut result = drive(reader, topic.message_count, handler, &shutdown, &mut each)?;
    let outcome = comparison.outcome();
    result.report.headline(outcome.line.clone());
    result.report.write(&outputs.report(), &result.summary)?;
    print_summary(
        &result,
        &outputs,
        args.json,
        Some(("demo", serde_json::to_value(&outcome)?)),
    )?;
    writeln!(std::io::stderr().lock(), "{}", outcome.line)?;
    match (result.broken, result.interrupted) {
        (Some(error), _) => Err(error),
        (None, Some(code)) => Ok(Ending::Interrupted(code)),
        (None, None) => Ok(Ending::Done),
    }
}

/// What is really there, at the resolution of the class map.
pub(crate) struct Truth {
    /// Pixels of the anomaly, frame by frame.
    pixels: Vec<Vec<u32>>,
    width: usize,
    height: usize,
}

/// Renders the drive into a rosbag2 as a camera would have recorded it; less of it where the process
/// is asked to end.
pub(crate) fn render(street: &Drive, folder: &Path, shutdown: &Shutdown) -> anyhow::Result<Truth> {
    for old in ["drive_0.mcap", "metadata.yaml"] {
        match fs::remove_file(folder.join(old)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("cannot replace {}", folder.display()));
            }
            _ => {}
        }
    }
    let mut bag = BagWriter::create(folder, "drive")?;
    let topic = bag.add_topic::<CompressedImageRef<'_>>(TOPIC, Qos::Sensor)?;
    let bar = ProgressBar::new(street.frame_count() as u64).with_message("rendering");
    let mut out = Rendered::new();
    let mut jpeg = Vec::new();
    let mut truth = Truth {
        pixels: Vec::with_capacity(street.frame_count()),
        width: 0,
        height: 0,
    };
    for i in 0..street.frame_count() {
        if shutdown.requested() {
            break;
        }
        street.render(i, &mut out);
        let size = (u16::try_from(out.width)?, u16::try_from(out.height)?);
        jpeg.clear();
        Encoder::new(&mut jpeg, JPEG_QUALITY).encode(&out.rgb, size.0, size.1, ColorType::Rgb)?;
        let stamp = Stamp::from_nanos((street.time_s(i) * 1e9).round() as i64);
        let header = HeaderRef {
            stamp: stamp.into(),
            frame_id: "camera",
        };
        bag.write(
            topic,
            stamp,
            &CompressedImageRef {
                header,
                format: "jpeg",
                data: &jpeg,
            },
        )?;
        (truth.width, truth.height) = (out.width as usize, out.height as usize);
        let anomalous = |(i, &a): (usize, &u8)| (a != 0).then_some(i as u32);
        truth.pixels.push(
            out.anomaly
                .iter()
                .enumerate()
                .filter_map(anomalous)
                .collect(),
        );
        bar.inc(1);
    }
    bar.finish_and_clear();
    bag.finish()?;
    Ok(truth)
}

/// Compares verdicts with the truth, frame by frame.
struct TruthComparison<'a> {
    street: &'a Drive,
    truth: &'a Truth,
    seen: Option<usize>,
    warned: Option<usize>,
    stopped: Option<usize>,
    false_alarms: usize,
    alarmed: bool,
}

/// How the drive went, for people and as JSON.
#[derive(Debug, Serialize)]
struct Outcome {
    line: String,
    thing: Option<&'static str>,
    first_visible_frame: Option<usize>,
    first_visible_m: Option<f32>,
    seen_at_m: Option<f32>,
    warn_at_m: Option<f32>,
    stop_at_m: Option<f32>,
    stop_after_seen_ms: Option<f64>,
    /// A stop that came when the thing was not to be seen any more.
    stopped_out_of_sight: bool,
    false_alarms_before: usize,
}

impl<'a> TruthComparison<'a> {
    fn new(street: &'a Drive, truth: &'a Truth) -> Self {
        let (seen, warned, stopped) = (None, None, None);
        Self {
            street,
            truth,
            seen,
            warned,
            stopped,
            false_alarms: 0,
            alarmed: false,
        }
    }

    fn first_visible(&self) -> Option<usize> {
        self.truth.pixels.iter().position(|p| !p.is_empty())
    }

    fn frame(&mut self, record: &FrameRecord, pipeline: &Pipeline) {
        let i = record.index as usize;
        let visible = self.first_visible().is_some_and(|first| i >= first);
        let alarm = matches!(
            record.verdict.state,
            State::Warn | State::Stop | State::Fault
        );
        if !visible {
            self.false_alarms += usize::from(alarm && !self.alarmed);
            self.alarmed = alarm;
            return;
        }
        if self.seen.is_none() && self.covered(i, pipeline.mask()) >= SEEN_SHARE {
            self.seen = Some(i);
        }
        if alarm {
            self.warned.get_or_insert(i);
        }
        if record.verdict.state == State::Stop {
            self.stopped.get_or_insert(i);
        }
    }

    /// Share of the thing's pixels that the mask covers.
    fn covered(&self, i: usize, mask: &AnomalyMask) -> f64 {
        let Some(pixels) = self.truth.pixels.get(i).filter(|p| !p.is_empty()) else {
            return 0.0;
        };
        let (w, h) = (self.truth.width, self.truth.height);
        let hit = |&&p: &&u32| {
            let (x, y) = (p as usize % w, p as usize / w);
            let at = (y * mask.height() / h) * mask.width() + x * mask.width() / w;
            mask.pixels().get(at).is_some_and(|&m| m != 0)
        };
        pixels.iter().filter(hit).count() as f64 / pixels.len() as f64
    }

    /// Whether the thing was to be seen in that frame, or in one before that may have confirmed with it.
    fn in_sight(&self, i: usize) -> bool {
        let window = SupervisorConfig::default().confirm_window as usize;
        let first = (i + 1).saturating_sub(window);
        let pixels = self.truth.pixels.get(first..=i);
        pixels.is_some_and(|frames| frames.iter().any(|p| !p.is_empty()))
    }

    fn outcome(&self) -> Outcome {
        let stopped = self.stopped.filter(|&i| self.in_sight(i));
        let stray = self.stopped.filter(|&i| !self.in_sight(i));
        let metres = |i: Option<usize>| i.and_then(|i| self.street.anomaly_distance_m(i));
        let thing = self.street.anomaly().map(|a| a.name);
        let after = match (self.seen, stopped) {
            (Some(a), Some(b)) => Some((self.street.time_s(b) - self.street.time_s(a)) * 1e3),
            _ => None,
        };
        let at = |m: Option<f32>| {
            m.map_or_else(|| "an unknown distance".into(), |m| format!("{m:.0} m"))
        };
        let name = thing.unwrap_or("nothing");
        let alarms = match self.false_alarms {
            0 => "no false alarm before".to_owned(),
            1 => "one false alarm before".to_owned(),
            n => format!("{n} false alarms before"),
        };
        let alarms = match stray {
            Some(i) => format!(
                "{alarms}, one after: a stop {:.1} s into the drive, when it was out of sight",
                self.street.time_s(i)
            ),
            None => alarms,
        };
        let line = match (self.seen, stopped, after) {
            (Some(_), Some(_), Some(after)) if after >= 0.0 => format!(
                "A {name} on the road: seen at {}, stop raised {after:.0} ms after, at {}; {alarms}.",
                at(metres(self.seen)),
                at(metres(stopped)),
            ),
            (_, Some(_), _) => {
                format!(
                    "A {name} on the road: stop raised at {}; {alarms}.",
                    at(metres(stopped))
                )
            }
            (Some(_), None, _) => format!(
                "A {name} on the road: seen at {}, but no stop was raised; {alarms}.",
                at(metres(self.seen)),
            ),
            (None, None, _) => format!("A {name} on the road was not seen; {alarms}."),
        };
        Outcome {
            line,
            thing,
            first_visible_frame: self.first_visible(),
            first_visible_m: metres(self.first_visible()),
            seen_at_m: metres(self.seen),
            warn_at_m: metres(self.warned),
            stop_at_m: metres(stopped),
            stop_after_seen_ms: after,
            stopped_out_of_sight: stray.is_some(),
            false_alarms_before: self.false_alarms,
        }
    }
}
