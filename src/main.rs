//! The `lookout` command.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// Keeps what the networks' tensors were in for the next frame. The system's allocator gives large
/// buffers back at once, and fetching them again, page by page, takes a seventh of every frame
/// (docs/decisions/allocator.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Ran, but the vehicle should stop.
const EXIT_VERDICT: u8 = 3;
/// Ran, but parts of the recording are lost.
const EXIT_RECOVERED: u8 = 4;

fn main() -> ExitCode {
    // clap ends usage errors with 2 by itself
    let cli = cli::Cli::parse();
    cli.start_log();
    let code = match cli.run() {
        Ok(cli::Ending::Done) => ExitCode::SUCCESS,
        Ok(cli::Ending::Verdict) => ExitCode::from(EXIT_VERDICT),
        Ok(cli::Ending::Recovered) => ExitCode::from(EXIT_RECOVERED),
        Ok(cli::Ending::Interrupted(code)) => ExitCode::from(code),
        Err(error) => {
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    };
    log::logger().flush();
    code
}
