use thiserror::Error;

use super::super::arguments::ParamsFileError;
use super::super::names::NameError;
use super::super::outputs::OutputError;
use super::super::parameters::{DeclareError, SettingsError};
use super::super::participant::ParticipantError;
use crate::watchdog::WatchdogError;

/// Why there is no node.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A file of parameters that cannot be read.
    #[error(transparent)]
    ParamsFile(#[from] ParamsFileError),
    /// A parameter that cannot have its value.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// Parameters that cannot be together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The network.
    #[error(transparent)]
    Participant(#[from] ParticipantError),
    /// The watchdog.
    #[error(transparent)]
    Watchdog(#[from] WatchdogError),
    /// A topic.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The network's threads ended; nothing is sent or received any more.
    #[error("the threads of RustDDS have ended: nothing is sent or received any more")]
    TransportEnded,
    /// A thread panicked, and nobody repairs what it left behind; whoever started the process starts it
    /// again.
    #[error("the node ends because of a failure that it cannot repair: {0}")]
    Lost(String),
    /// What ROS 2 does not make, in words.
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
