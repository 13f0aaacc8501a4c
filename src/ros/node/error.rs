use thiserror::Error;

use super::super::arguments::ParamsFileError;
use super::super::names::NameError;
use super::super::outputs::OutputError;
use super::super::parameters::{DeclareError, SettingsError};
use super::super::participant::ParticipantError;
use crate::watchdog::WatchdogError;

/// Why the node cannot run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A name is not valid in ROS 2.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A parameter file cannot be read.
    #[error(transparent)]
    ParamsFile(#[from] ParamsFileError),
    /// A parameter cannot have the value that it is given.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// Parameters contradict each other.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// DDS cannot be joined.
    #[error(transparent)]
    Participant(#[from] ParticipantError),
    /// The watchdog cannot be started.
    #[error(transparent)]
    Watchdog(#[from] WatchdogError),
    /// A topic cannot be published.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The network's threads ended; nothing is sent or received any more.
    #[error("the threads of RustDDS have ended: nothing is sent or received any more")]
    TransportEnded,
    /// A thread panicked, and nobody repairs what it left behind; whoever started the process starts it
    /// again.
    #[error("the node ends because of a failure that it cannot repair: {0}")]
    Lost(String),
    /// ROS 2 refuses to make something.
    #[error("cannot make {what}: {reason}")]
    Create {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
}

pub(super) fn not_made(what: &str) -> impl Fn(&dyn std::fmt::Display) -> NodeError + '_ {
    move |reason| NodeError::Create {
        what: what.to_owned(),
        reason: reason.to_string(),
    }
}
