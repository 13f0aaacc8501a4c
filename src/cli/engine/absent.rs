//! What a lookout without TensorRT says.

use std::ffi::OsString;

use anyhow::bail;

/// Flags of `lookout engine`, as far as there are any.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Not in this lookout: its commands build, info and clean need one that was \
                        built with `--features tensorrt`."
)]
pub(crate) struct EngineCommand {
    /// Whatever a lookout with TensorRT takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
}

/// Runs the command.
pub(crate) fn run(_: &EngineCommand) -> anyhow::Result<()> {
    bail!(
        "this lookout was built without TensorRT; build one that has it with \
         `cargo build --release --features tensorrt`"
    )
}
