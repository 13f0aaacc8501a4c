//! What a lookout without TensorRT says.

use std::ffi::OsString;

use anyhow::bail;

/// Not in this lookout: build it with `--features tensorrt` for build, info and clean.
#[derive(Debug, clap::Args)]
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
