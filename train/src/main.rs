//! The `lookout-train` command.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use lookout_train::bench;
use lookout_train::run::{AdoptedExperiment, Experiment, Stage, Surroundings};
use tch::{Cuda, Device};

/// Trains lookout's segmentation network and observer, and exports them.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// CPU threads of libtorch.
    #[arg(long, global = true, default_value_t = 2)]
    threads: i32,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run an experiment, or go on with it where it was stopped.
    Run(RunArgs),
    /// Write an experiment's labelled sets, for `lookout calibrate` and `evaluate`, without training.
    Sets(RunArgs),
    /// Compare methods that say what is unknown, in one table; rows that are finished are not done again.
    Bench {
        /// The bench, `experiments/bench.toml`.
        bench: PathBuf,
        /// Folder of the rows and the table; `runs/NAME` where none is given.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Folder of all data.
        #[arg(long, default_value = "../shared/data")]
        data: PathBuf,
        /// The program `lookout`, for thresholds; beside this one where none is given.
        #[arg(long)]
        lookout: Option<PathBuf>,
    },
    /// Train an observer for a bundle's network, whoever trained that, or go on with it
    Observer(ObserverArgs),
    /// Print the figures of runs side by side, in Markdown.
    Table {
        /// Folders of runs.
        #[arg(required = true)]
        runs: Vec<PathBuf>,
    },
}

#[derive(clap::Args)]
struct ObserverArgs {
    /// The bundle, as `lookout adopt` made it or as it was written by hand. It stays as it is.
    #[arg(long)]
    bundle: PathBuf,
    /// Folder of the run; `bundle/` in it is the bundle with the observer.
    #[arg(long)]
    out: PathBuf,
    /// How it is trained; `sets/` lies beside the file.
    #[arg(long, default_value = "experiments/adopted.toml")]
    experiment: PathBuf,
    /// Data sets in place of the experiment's, by name, with commas.
    #[arg(long, value_delimiter = ',', conflicts_with = "experiment")]
    sets: Vec<String>,
    /// Pretrained weights of the observer's backbone; `train/setup.sh` says where they are.
    #[arg(long, env = "LOOKOUT_BACKBONE")]
    backbone: Option<PathBuf>,
    /// Attack no samples: for a network that cannot be trained through. ONNX Runtime or rten runs it.
    #[arg(long)]
    no_attack: bool,
    /// Folder of all data.
    #[arg(long, default_value = "../shared/data")]
    data: PathBuf,
    /// The program `lookout`, for calibration and evaluation; beside this one where none is given.
    #[arg(long)]
    lookout: Option<PathBuf>,
}

#[derive(clap::Args)]
struct RunArgs {
    /// The experiment, `experiments/NAME.toml`.
    experiment: PathBuf,
    /// Folder of the runs; `runs/NAME` where none is given.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder of all data.
    #[arg(long, default_value = "../shared/data")]
    data: PathBuf,
    /// Pretrained weights of the backbone; `train/setup.sh` says where they are.
    #[arg(long, env = "LOOKOUT_BACKBONE")]
    backbone: Option<PathBuf>,
    /// The last stage to do.
    #[arg(long, value_enum, default_value_t = Stage::Evaluation)]
    until: Stage,
    /// The program `lookout`, for calibration and evaluation; beside this one where none is given.
    #[arg(long)]
    lookout: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format(|out, record| {
            let at = chrono::Utc::now().format("%FT%TZ");
            writeln!(out, "[{at} {:<5}] {}", record.level(), record.args())
        })
        .init();
    let cli = Cli::parse();
    tch::set_num_threads(cli.threads);
    let device = if Cuda::is_available() {
        Device::Cuda(0)
    } else {
        Device::Cpu
    };
    match cli.command {
        Command::Run(args) => {
            let (experiment, around) = args.read()?;
            experiment.run(&around, device)
        }
        Command::Sets(args) => {
            let (experiment, around) = args.read()?;
            experiment.write_sets(&around)
        }
        Command::Bench {
            bench,
            out,
            data,
            lookout: program,
        } => {
            let name = bench.file_stem().unwrap_or_default();
            let out = out.unwrap_or_else(|| PathBuf::from("runs").join(name));
            let place = bench::Place {
                file: bench,
                out,
                data,
                lookout: lookout(program)?,
                threads: usize::try_from(cli.threads).unwrap_or(1).max(1),
            };
            bench::run(&place, device)
        }
        Command::Observer(args) => args.run(device),
        Command::Table { runs } => {
            let text = lookout_train::run::table(&runs)?;
            Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
        }
    }
}

/// The program `lookout`.
fn lookout(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => Ok(path),
        None => Ok(std::env::current_exe()
            .context("cannot find this program's folder")?
            .with_file_name("lookout")),
    }
}

impl ObserverArgs {
    fn run(self, device: Device) -> anyhow::Result<()> {
        let mut experiment = AdoptedExperiment::read(&self.experiment)?;
        if !self.sets.is_empty() {
            experiment.sets = self.sets;
        }
        let around = Surroundings {
            file: self.experiment,
            out: self.out,
            data: self.data,
            backbone: self.backbone,
            lookout: lookout(self.lookout)?,
            until: Stage::Evaluation,
        };
        experiment.run(&self.bundle, !self.no_attack, &around, device)
    }
}

impl RunArgs {
    fn read(self) -> anyhow::Result<(Experiment, Surroundings)> {
        let experiment = Experiment::read(&self.experiment)?;
        let name = self.experiment.file_stem().unwrap_or_default();
        let out = self.out.unwrap_or_else(|| PathBuf::from("runs").join(name));
        let lookout = lookout(self.lookout)?;
        let around = Surroundings {
            file: self.experiment,
            out,
            data: self.data,
            backbone: self.backbone,
            lookout,
            until: self.until,
        };
        Ok((experiment, around))
    }
}
