//! `lookout calibrate`: thresholds, the evidence of a stop, the mount of a camera.

use std::path::Path;

use anyhow::Result;

use super::Ending;

mod camera;
mod entries;
mod stop;
mod thresholds;

/// Chooses thresholds for a bundle's scores; `stop` and `camera` calibrate those
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct CalibrateCommand {
    #[command(flatten)]
    thresholds: thresholds::ThresholdsArgs,
    #[command(subcommand)]
    other: Option<Other>,
}

#[derive(Debug, clap::Subcommand)]
enum Other {
    /// The evidence that confirms a stop, from clean recordings, for a stated rate of false stops.
    Stop(stop::StopArgs),
    /// Height, pitch and yaw of a camera, from a bag of a straight road with lane markings.
    Camera(camera::CameraCalibrationArgs),
}

/// Runs the command.
pub(crate) fn run(command: &CalibrateCommand) -> Result<Ending> {
    match &command.other {
        Some(Other::Stop(args)) => stop::run(args),
        Some(Other::Camera(args)) => camera::run(args),
        None => thresholds::run(&command.thresholds).map(|()| Ending::Done),
    }
}

/// What a file or folder is called, for people.
fn base_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    full.file_name().map_or_else(
        || full.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    )
}
