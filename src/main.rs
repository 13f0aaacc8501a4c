//! The `lookout` command.

mod cli;

use std::process::ExitCode;

use clap::Parser;

/// Ran, but the vehicle should stop.
const EXIT_VERDICT: u8 = 3;

fn main() -> ExitCode {
    // clap ends usage errors with 2 by itself
    let cli = cli::Cli::parse();
    let level = match cli.verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format_timestamp(None)
        .format_target(false)
        .init();
    match cli.run() {
        Ok(cli::Ending::Done) => ExitCode::SUCCESS,
        Ok(cli::Ending::Verdict) => ExitCode::from(EXIT_VERDICT),
        Err(error) => {
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
