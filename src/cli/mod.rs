//! The subcommands of `lookout`, one file each. The only place with `anyhow`.

mod adopt;
mod calibrate;
mod camera;
mod closed_loop;
mod demo;
mod drive;
mod engine;
mod evaluate;
mod faults;
mod grey;
mod handler;
mod image;
mod listing;
mod live;
mod masks;
#[cfg(feature = "ros")]
mod node;
mod outputs;
mod pictures;
mod profile;
#[cfg(feature = "ros")]
mod publish;
mod recorder;
mod replay;
mod score;
mod settings;
mod surroundings;
mod sweep;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand};
use log::LevelFilter;
use lookout::engine::{Engine, EngineKind, Mode, Options};
use lookout::model::{Bundle, ThresholdAt};
use lookout::pipeline::{Asked, Choice, OpenEngine, PartialSettings, Settings, Threshold};
use lookout::score::ScoreKind;
use lookout::shutdown::Shutdown;

/// Sees the road, knows when it is lost, and says so in time.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// More log lines (-v debug, -vv trace); `RUST_LOG` overrides it.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Render a drive with something strange on the road, watch it, and brake when the flag rises.
    Demo(demo::DemoArgs),
    /// Many rendered drives: how often the vehicle stops in time, and how often for nothing.
    Sweep(sweep::SweepArgs),
    /// Run a rosbag2 through the networks: annotated bag, frames.csv, report.html.
    Replay(replay::ReplayArgs),
    /// Run as a ROS 2 node: camera topics in, safe-stop flag, status, masks out.
    #[cfg(feature = "ros")]
    Node(node::NodeArgs),
    /// Run a rosbag2 at camera rate against a deadline: times of every stage and mode, misses, ages.
    Profile(profile::ProfileArgs),
    /// Overlay and mask of single pictures.
    Image(image::ImageArgs),
    /// Score, class and mask pictures of a folder of pictures.
    Score(score::ScoreArgs),
    // the help of its arguments says what it measures, and how
    Evaluate(evaluate::EvaluateArgs),
    Adopt(Box<adopt::AdoptArgs>),
    /// Thresholds of the scores from labelled pictures; the evidence of a stop from clean recordings.
    Calibrate(calibrate::CalibrateCommand),
    /// An engine held against the reference; TensorRT engines: built ahead, listed, cleared away.
    Engine(engine::EngineCommand),
}

/// How a command ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done.
    Done,
    /// Done, but the last verdict was STOP or FAULT and `--exit-verdict` was given.
    Verdict,
    /// Done with what could be read of a damaged recording.
    Recovered,
    /// A signal asked for the end; what was done until then is written. The exit code.
    Interrupted(u8),
}

impl Ending {
    /// Of a command that a signal may have ended.
    fn of(shutdown: &Shutdown) -> Self {
        shutdown.exit_code().map_or(Self::Done, Self::Interrupted)
    }
}

impl Cli {
    /// From which level on messages are logged.
    fn level(&self) -> LevelFilter {
        match self.verbose {
            0 => LevelFilter::Info,
            1 => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        }
    }

    /// Sends the log to the terminal. A node does that by itself: its log goes to ROS too.
    pub(crate) fn start_log(&self) {
        #[cfg(feature = "ros")]
        if let Command::Node(_) = self.command {
            return;
        }
        let mut builder = env_logger::Builder::new();
        // `replay --publish` has the transport of a node
        #[cfg(feature = "ros")]
        lookout::ros::rosout::filter(&mut builder, self.level());
        #[cfg(not(feature = "ros"))]
        builder.filter_level(self.level()).parse_default_env();
        builder.format_timestamp(None).format_target(false).init();
    }

    /// Runs the chosen command.
    pub(crate) fn run(&self) -> anyhow::Result<Ending> {
        match &self.command {
            Command::Demo(args) => demo::run(args),
            Command::Sweep(args) => sweep::run(args),
            Command::Replay(args) => replay::run(args),
            #[cfg(feature = "ros")]
            Command::Node(args) => node::run(args, self.level()).map(|()| Ending::Done),
            Command::Profile(args) => profile::run(args),
            Command::Image(args) => image::run(args).map(|()| Ending::Done),
            Command::Score(args) => score::run(args),
            Command::Evaluate(args) => evaluate::run(args).map(|()| Ending::Done),
            Command::Adopt(args) => adopt::run(args).map(|()| Ending::Done),
            Command::Calibrate(args) => calibrate::run(args),
            Command::Engine(args) => engine::run(args).map(|()| Ending::Done),
        }
    }
}

/// Which bundle and engine to use.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EngineArgs {
    /// Folder of a model bundle, or its model.toml; the built-in road bundle without it.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// auto takes TensorRT where there is a GPU for it, else ONNX Runtime where its library is found, else
    /// the built-in rten.
    #[arg(long, default_value_t = EngineKind::Auto, value_name = "auto|rten|ort|tensorrt")]
    engine: EngineKind,
    /// CPU threads of the networks; all cores, at most four, without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

/// The flags that have a value, as words of a command line.
fn words<const N: usize>(flags: [(&str, Option<String>); N]) -> Vec<String> {
    let given = flags
        .into_iter()
        .filter_map(|(flag, value)| Some([flag.to_owned(), value?]));
    given.flatten().collect()
}

fn path_word(path: Option<&Path>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

impl EngineArgs {
    /// The flags that were given, as words of a command line.
    fn words(&self) -> Vec<String> {
        let engine = (self.engine != EngineKind::Auto).then(|| self.engine.to_string());
        words([
            ("--bundle", path_word(self.bundle.as_deref())),
            ("--engine", engine),
            ("--threads", self.threads.map(|n| n.to_string())),
        ])
    }

    /// Loads the bundle, with the head that a score needs, where one is named, in place of the observer.
    pub(crate) fn bundle(&self, score: Option<ScoreKind>) -> anyhow::Result<Bundle> {
        load_bundle(self.bundle.as_deref(), score)
    }

    /// Opens the engine for it.
    pub(crate) fn open(&self, bundle: &Bundle) -> anyhow::Result<Box<dyn Engine>> {
        Ok(lookout::engine::open(bundle, self.options())?)
    }

    /// Opens it at the start, and again after a panic.
    pub(crate) fn opener(&self, bundle: &Bundle) -> OpenEngine {
        let (options, bundle) = (self.options(), bundle.clone());
        Box::new(move || lookout::engine::open(&bundle, options))
    }

    fn options(&self) -> Options {
        let default = Options::default();
        Options {
            kind: self.engine,
            threads: self.threads.map_or(default.threads, usize::from),
        }
    }
}

/// The bundle in a folder, or the built-in one, as [`EngineArgs::bundle`].
fn load_bundle(folder: Option<&Path>, score: Option<ScoreKind>) -> anyhow::Result<Bundle> {
    let bundle = match folder {
        Some(folder) => Bundle::load(folder)
            .with_context(|| format!("cannot use the bundle in {}", folder.display()))?,
        None => Bundle::shipped().context("cannot use the built-in bundle")?,
    };
    match score {
        Some(score) => Ok(bundle.choose(score)?),
        None => {
            // the score that will stand in where there is no observer
            let score = Asked::score_of(bundle.manifest(), ScoreKind::OBSERVER);
            bundle.manifest().check_score(score)?;
            Ok(bundle)
        }
    }
}

/// Which score is compared with which threshold.
#[derive(Debug, clap::Args)]
pub(crate) struct JudgeArgs {
    /// observer, another head of the bundle, softmax, max-logit, entropy or energy; without it the observer, or
    /// max-logit where the bundle has none.
    #[arg(long, value_name = "NAME")]
    score: Option<ScoreKind>,
    /// Score (0 known .. 1 unknown) above which a pixel is anomalous; the bundle's calibrated one
    /// without it.
    #[arg(long, value_name = "X")]
    threshold: Option<Threshold>,
    #[command(flatten)]
    settings: settings::SettingsArgs,
}

impl JudgeArgs {
    /// The flags that were given, as words of a command line.
    fn words(&self) -> Vec<String> {
        let mut all = words([
            ("--score", self.score.map(|score| score.to_string())),
            ("--threshold", self.threshold.map(|x| x.to_string())),
        ]);
        all.extend(self.settings.words());
        all
    }

    /// Full resolution, a head only where the score needs it. The bundle is loaded for that score.
    fn settings(&self, bundle: &Bundle, stale_ms: Option<u32>) -> anyhow::Result<Settings> {
        let manifest = bundle.manifest();
        let score = score_of(bundle, self.score);
        let mode = if score.needs_head() {
            Mode::FULL
        } else {
            Mode::FULL_LOGITS
        };
        let set = self.settings.read(stale_ms, self.threshold)?;
        let choice = self.choice(bundle, &set);
        let judge = choice.judges.of(mode).with_context(|| {
            format!(
                "bundle {} has no threshold for score {score} in mode {mode}: give --threshold or calibrate it",
                manifest.name
            )
        })?;
        let mut settings = Settings::fixed(mode, judge);
        settings.unobserved = choice.unobserved;
        let settings = settings.with(&set, manifest);
        for note in settings.notes() {
            log::warn!("{note}");
        }
        self.settings.with_stop_levels(settings, bundle)
    }

    /// The same for every mode that the bundle has a threshold for, as in the node.
    fn settings_of_all_modes(&self, bundle: &Bundle) -> anyhow::Result<Settings> {
        let mut settings = self.settings(bundle, None)?;
        settings.judges = self
            .choice(bundle, &self.settings.read(None, self.threshold)?)
            .judges;
        Ok(settings)
    }

    fn choice(&self, bundle: &Bundle, set: &PartialSettings) -> Choice {
        let score = score_of(bundle, self.score);
        Choice::new(
            bundle.manifest(),
            &Asked {
                score,
                fallback: score,
                at: ThresholdAt::Fpr1,
                given: set.given(),
            },
        )
    }

    /// The same for rendered drives, whose stop levels ship with the bundle.
    fn rendered_settings(&self, bundle: &Bundle) -> anyhow::Result<Settings> {
        let settings = self.settings(bundle, None)?;
        Ok(self.settings.with_shipped_levels(settings, bundle))
    }
}

/// The score that somebody names, or the best of a bundle that was loaded for none.
fn score_of(bundle: &Bundle, named: Option<ScoreKind>) -> ScoreKind {
    Asked::score_of(bundle.manifest(), named.unwrap_or(ScoreKind::OBSERVER))
}
