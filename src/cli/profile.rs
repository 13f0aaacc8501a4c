//! `lookout profile`: a drive at camera rate, and where its time went.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use lookout::bag::BagReader;
use lookout::model::{Bundle, ThresholdAt};
use lookout::pipeline::{Asked, Choice, FrameHandler, Live, Settings, Threshold};
use lookout::profile::load::MAX_LOAD_THREADS;
use lookout::profile::{
    DeadlineProfile, FrameFate, FrameOutcome, FrameTrace, Load, Machine, MachineSampler,
    ProfileSummary, Trace,
};
use lookout::schedule::{AdmissionConfig, AdmissionCounters};
use lookout::score::ScoreKind;
use lookout::shutdown::Shutdown;
use lookout_scene::{Drive, DriveConfig};
use serde_json::json;

use super::camera;
use super::handler::{Handled, Handler};
use super::live::{self, LiveArgs, Paced, RunMonitor};
use super::outputs::Outputs;
use super::recorder::Recorder;
use super::settings::SettingsArgs;
use super::surroundings::CameraArgs;
use super::{Ending, EngineArgs};

/// Dry runs of each mode before the first frame, the modes in turn.
const DRY_RUNS: usize = 20;
/// That of the recording only: at another, ages would pass faster than the machine's own time.
const PACE: f64 = 1.0;
/// How often temperatures and memory are read.
const MACHINE_PERIOD: Duration = Duration::from_millis(500);

/// Flags of `lookout profile`.
#[derive(Debug, clap::Args)]
pub(crate) struct ProfileArgs {
    /// rosbag2 folder, or one .mcap or .db3 file.
    #[arg(required_unless_present = "synthetic", conflicts_with = "synthetic")]
    bag: Option<PathBuf>,
    /// A rendered drive in place of a bag.
    #[arg(long)]
    synthetic: bool,
    /// Image or CompressedImage topic; needed where the bag has several.
    #[arg(long, conflicts_with = "synthetic")]
    topic: Option<String>,
    /// Greatest age of a fresh verdict, in ms from the capture stamp; 100 without it and without
    /// settings.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    deadline_ms: Option<u32>,
    /// Threads of background load.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = load)]
    load: usize,
    /// Folder for profile.json, trace.json, report.html, frames.csv, heartbeat.csv and annotated/.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace the results of an earlier run in the folder.
    #[arg(long)]
    force: bool,
    /// The profile as JSON on stdout too.
    #[arg(long)]
    json: bool,
    /// Score of the modes with the observer or another head, or of all when it is one of the logits; without it
    /// the observer, or max-logit where the bundle has none.
    #[arg(long, value_name = "NAME")]
    score: Option<ScoreKind>,
    /// Score of the modes without a head.
    #[arg(long, default_value_t = ScoreKind::Energy, value_name = "NAME", value_parser = of_logits)]
    fallback_score: ScoreKind,
    /// Threshold (0 known .. 1 unknown) of every mode that is judged by that score; the bundle's calibrated
    /// ones without it. [thresholds] in --settings have those of single modes.
    #[arg(long, value_name = "X")]
    threshold: Option<Threshold>,
    #[command(flatten)]
    camera: CameraArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    live: LiveArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

fn load(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(n) if n <= MAX_LOAD_THREADS => Ok(n),
        _ => Err(format!(
            "{text:?} is not a number in 0..={MAX_LOAD_THREADS}"
        )),
    }
}

fn of_logits(text: &str) -> Result<ScoreKind, String> {
    let kind: ScoreKind = text.parse().map_err(|e| format!("{e}"))?;
    if kind.needs_head() {
        return Err(format!(
            "{kind} is no score of the logits, and those modes have nothing else: take softmax, max-logit, entropy \
             or energy"
        ));
    }
    Ok(kind)
}

/// Runs the command.
pub(crate) fn run(args: &ProfileArgs) -> anyhow::Result<Ending> {
    let shutdown = Shutdown::on_signals()?;
    let rendered = args.synthetic.then(|| synthetic(&shutdown)).transpose()?;
    let bag = match (&rendered, &args.bag) {
        (Some(folder), _) => folder.path(),
        (None, Some(bag)) => bag.as_path(),
        (None, None) => anyhow::bail!("give a bag or --synthetic"),
    };
    let mut reader = BagReader::open(bag)?;
    let topic = camera::select(&mut reader, args.topic.as_deref())?.name;
    super::recorder::check_topic(&topic)?;
    let source = match args.synthetic {
        true => "rendered drive".to_owned(),
        false => format!("{} {topic}", bag.display()),
    };
    let bundle = args.engine.bundle(args.score)?;
    let settings = settings(args, &bundle)?;
    let camera = args.camera.read(&settings.vehicle)?;
    let deadline = Duration::from_millis(settings.supervisor.max_age_ms.into());
    let live = Live::of_recording(&settings)?;
    let frames = FrameHandler::assemble(args.engine.opener(&bundle), settings, Some(live))?;
    let outputs = Outputs::prepare(&args.out, args.force, args.bag.as_deref())?;
    let mut handler = Handler::new(frames, &bundle, &outputs, &source)?;
    handler.surroundings.take(camera);
    let paced = Paced::open(reader, PACE, &mut handler.surroundings, &shutdown)?
        .with_context(|| format!("{topic} has no message"))?;

    let load = Load::start(args.load).context("cannot start the load")?;
    dry_runs(&mut handler, &paced)?;
    let began = Instant::now();
    let machine = MachineSampler::start(Machine::new(began), MACHINE_PERIOD)?;
    let mut profiler = Profiler::begin(began, deadline, &outputs.trace())?;
    let (broken, _) = live::run(
        paced,
        &mut handler,
        &args.live,
        &outputs.heartbeat_csv(),
        &mut profiler,
    )?;
    let wall = began.elapsed();
    let machine = machine.stop();
    drop(load);

    // what cannot be written any more must not keep the rest from being told
    let mut problems: Vec<anyhow::Error> = broken.into_iter().collect();
    problems.extend(handler.out.finish_records().err());
    let traced = profiler.trace.machine(&machine);
    let traced = traced.and_then(|()| profiler.trace.finish());
    problems.extend(
        traced
            .err()
            .map(|e| anyhow::Error::from(e).context("trace.json")),
    );
    let summary = handler.out.profile.summary(wall);
    let corridor = handler.tell_corridor();
    let deadlines = profiler.deadlines.summary(wall);
    handler.out.report.set_deadlines(&profiler.deadlines, wall);
    let profile = ProfileSummary {
        schema: ProfileSummary::SCHEMA,
        source,
        engine: handler.frames.pipeline().engine_description().to_owned(),
        camera_hz: deadlines.frames as f64 / deadlines.seconds.max(1e-9),
        load_threads: args.load,
        deadlines,
        machine: Some(machine.summary()),
    };
    let mut value = serde_json::to_value(&profile)?;
    if let Some(map) = value.as_object_mut() {
        let counters = handler.frames.pipeline().admission().map(|a| a.counters());
        map.insert("bundle".into(), json!(bundle.hash()));
        map.insert("corridor".into(), json!(corridor));
        let settings = handler.frames.pipeline().settings();
        let scores: BTreeMap<_, _> = settings
            .judges
            .modes()
            .filter_map(|mode| Some((mode.name(), settings.judges.of(mode)?.score)))
            .collect();
        map.insert("scores".into(), json!(scores));
        map.insert("notes".into(), json!(settings.notes()));
        map.insert("admission".into(), json!(counters.as_ref().map(counted)));
        map.insert("run".into(), serde_json::to_value(&summary)?);
        map.insert("taken_back".into(), json!(handler.frames.taken_back()));
        map.insert("last_verdict".into(), json!(handler.frames.last()));
        let error = problems.first().map(|e| format!("{e:#}"));
        map.insert("error".into(), json!(error));
        map.insert("interrupted".into(), json!(shutdown.exit_code().is_some()));
    }
    problems.extend(print_profile(&profile, &value, args.json, &outputs).err());
    handler.out.report.set_machine(machine);
    let reported = handler.out.report.write(&outputs.report(), &summary);
    problems.extend(reported.err().map(anyhow::Error::from));
    let mut problems = problems.into_iter();
    let first = problems.next();
    problems.for_each(|problem| log::error!("{problem:#}"));
    match (first, shutdown.exit_code()) {
        (Some(problem), _) => Err(problem),
        (None, Some(code)) => Ok(Ending::Interrupted(code)),
        (None, None) => Ok(Ending::Done),
    }
}

fn settings(args: &ProfileArgs, bundle: &Bundle) -> anyhow::Result<Settings> {
    let manifest = bundle.manifest();
    let mut set = args.settings.read(args.live.stale_ms, args.threshold)?;
    let asked = Asked {
        score: super::score_of(bundle, args.score),
        fallback: args.fallback_score,
        at: ThresholdAt::Fpr1,
        given: set.given(),
    };
    let choice = Choice::new(manifest, &asked);
    if let Some(deadline_ms) = args.deadline_ms {
        set.admission.get_or_insert_default().deadline_ms = deadline_ms;
    }
    for mode in set.admission.iter().flat_map(|a| a.modes.named()) {
        mode.check(manifest)?;
    }
    let settings = Settings::chosen(AdmissionConfig::default(), choice);
    let settings = settings.with(&set, manifest);
    settings
        .best_mode()
        .with_context(|| format!("cannot use the thresholds of bundle {}", manifest.name))?;
    let settings = args.settings.with_stop_levels(settings, bundle)?;
    for note in settings.notes() {
        log::warn!("{note}");
    }
    Ok(settings)
}

/// Measures every mode on the first frame, pictures recorded into a folder that goes away.
fn dry_runs(handler: &mut Handler, paced: &Paced) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scratch = Recorder::create(&folder.path().join("dry"), "".into())?;
    let modes: Vec<_> = handler
        .frames
        .pipeline()
        .settings()
        .judges
        .modes()
        .collect();
    // the first runs make buffers and are not counted on: a model that starts over knows no better
    for _ in 0..=DRY_RUNS {
        for &mode in &modes {
            handler
                .rehearse(&paced.first, mode, &mut scratch)
                .with_context(|| format!("the dry run of mode {mode} on the first frame failed"))?;
        }
    }
    Ok(())
}

/// Renders a short drive into a bag.
fn synthetic(shutdown: &Shutdown) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let street = Drive::new(DriveConfig::default())?;
    super::closed_loop::render(&street, folder.path(), shutdown)?;
    Ok(folder)
}

/// Takes in every frame.
struct Profiler {
    began: Instant,
    deadlines: DeadlineProfile,
    trace: Trace<BufWriter<File>>,
    frames: u64,
}

impl Profiler {
    fn begin(began: Instant, deadline: Duration, trace: &Path) -> anyhow::Result<Self> {
        let file =
            File::create(trace).with_context(|| format!("cannot write {}", trace.display()))?;
        Ok(Self {
            began,
            deadlines: DeadlineProfile::new(deadline),
            trace: Trace::new(BufWriter::new(file), "lookout profile")?,
            frames: 0,
        })
    }

    fn add(&mut self, frame: &FrameTrace) {
        self.deadlines.add(&frame.outcome);
        self.frames += 1;
        // a trace that cannot be written is told of at its end
        let _ = self.trace.frame(frame);
    }
}

impl RunMonitor for Profiler {
    fn frame(&mut self, handled: &Handled) {
        let (judged, Some(record)) = (&handled.judged, &handled.record) else {
            return;
        };
        let since = |at: Instant| at.saturating_duration_since(self.began);
        let outcome = FrameOutcome {
            at: self.began.elapsed(),
            mode: record.score.map(|_| record.mode),
            stages: record.stages,
            gpu: judged.gpu(),
            latency: Some(record.latency),
            age: record.age,
            fate: judged.fate,
            verdict: Some(record.verdict),
            mean_score: record.score.map(|score| score.mean),
        };
        let frame = FrameTrace {
            frame: record.index,
            outcome,
            decode_at: since(judged.decode_at),
            engine_at: since(judged.engine_at),
            engine_time: judged
                .publish_at
                .saturating_duration_since(judged.engine_at),
            publish_at: since(judged.publish_at),
        };
        self.add(&frame);
    }

    fn replaced(&mut self, frames: u64) {
        let at = self.began.elapsed();
        self.add(&FrameTrace {
            frame: self.frames,
            outcome: FrameOutcome::untried(at, FrameFate::Replaced(frames)),
            decode_at: at,
            engine_at: at,
            engine_time: Duration::ZERO,
            publish_at: at,
        });
    }
}

fn counted(counters: &AdmissionCounters) -> serde_json::Value {
    json!({
        "offered": counters.offered,
        "refused": counters.refused,
        "probes": counters.probes,
        "downgraded": counters.downgraded,
        "late": counters.late,
        "switches": counters.switches,
    })
}

/// For people on stderr, for machines in profile.json and, where asked for, on stdout.
fn print_profile(
    profile: &ProfileSummary,
    value: &serde_json::Value,
    json: bool,
    outputs: &Outputs,
) -> anyhow::Result<()> {
    let path = outputs.profile();
    let mut err = std::io::stderr().lock();
    writeln!(err, "{profile}")?;
    for (what, path) in [
        ("profile", &path),
        ("trace", &outputs.trace()),
        ("report", &outputs.report()),
    ] {
        writeln!(err, "{what}: {}", path.display())?;
    }
    if json {
        let mut out = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, value)?;
        writeln!(out)?;
    }
    let named = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(&path).with_context(named)?);
    serde_json::to_writer_pretty(&mut file, value).with_context(named)?;
    file.flush().with_context(named)
}
