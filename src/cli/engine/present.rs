//! The subcommands of a lookout with TensorRT.

use std::path::PathBuf;

use clap::Subcommand;
use lookout::engine::tensorrt::cache::{Cache, folder};

use super::{build, check, clean, info};

/// Flags of `lookout engine`.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build what a bundle needs on this machine, as far as it is not there yet.
    Build(build::BuildArgs),
    /// Hold an engine against the reference on pictures, and fail where they differ too much.
    Check(check::CheckArgs),
    /// The GPU, its libraries, and the engines that are kept.
    Info(info::InfoArgs),
    /// Remove engines that are kept.
    Clean(clean::CleanArgs),
}

/// Runs the command.
pub(crate) fn run(args: &EngineCommand) -> anyhow::Result<()> {
    match &args.command {
        Command::Build(args) => build::run(args),
        Command::Check(args) => check::run(args),
        Command::Info(args) => info::run(args),
        Command::Clean(args) => clean::run(args),
    }
}

/// Where engines are kept.
#[derive(Debug, clap::Args)]
pub(super) struct FolderArgs {
    /// Folder for engines; without it LOOKOUT_ENGINE_CACHE, or lookout/engines in
    /// XDG_CACHE_HOME or ~/.cache.
    #[arg(long, value_name = "DIR")]
    pub(super) engine_cache: Option<PathBuf>,
}

impl FolderArgs {
    /// The cache there.
    pub(super) fn open(&self) -> anyhow::Result<Cache> {
        Ok(Cache::open(&folder(self.engine_cache.as_deref())?)?)
    }
}
