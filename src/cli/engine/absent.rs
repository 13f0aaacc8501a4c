//! What a lookout without TensorRT has and says.

use std::borrow::Cow;
use std::ffi::OsString;

use anyhow::bail;
use clap::Subcommand;

use super::check;

/// Flags of `lookout engine`, as far as there are any.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Not in this lookout: its commands build, info and clean need one that was \
                        built with `--features tensorrt`."
)]
pub(crate) struct EngineCommand {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Hold an engine against the reference on pictures, and fail where they differ too much.
    Check(check::CheckArgs),
    /// Whatever a lookout with TensorRT takes.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// Runs the command.
pub(crate) fn run(args: &EngineCommand) -> anyhow::Result<()> {
    let name = match &args.command {
        Some(Command::Check(args)) => return check::run(args),
        Some(Command::Other(words)) => words.first(),
        None => None,
    };
    let name = name.map_or(Cow::Borrowed("build"), |name| name.to_string_lossy());
    bail!(
        "this lookout was built without TensorRT, which `lookout engine {name}` needs; build one that has it \
         with `cargo build --release --features tensorrt`"
    )
}
