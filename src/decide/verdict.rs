use crate::time::Stamp;
use serde::{Serialize, Serializer};
use std::fmt;

/// Stamps are written as nanoseconds.
fn nanos<S: Serializer>(stamp: &Stamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(stamp.as_nanos())
}

fn optional_nanos<S: Serializer>(stamp: &Option<Stamp>, serializer: S) -> Result<S::Ok, S::Error> {
    stamp.map(Stamp::as_nanos).serialize(serializer)
}

/// What the supervisor believes. The flag is raised in every state but OK and WARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not enough good frames since the start to say anything.
    Waiting,
    /// Frames are good and the corridor was clear over the whole window.
    Ok,
    /// Something anomalous was in the corridor within the window, not often enough to be sure.
    Warn,
    /// Something anomalous in the corridor was confirmed. Stays until reset.
    Stop,
    /// The input cannot be relied on.
    Fault,
}

impl State {
    /// Whether the safe-stop flag is raised.
    pub const fn safe_stop(self) -> bool {
        !matches!(self, Self::Ok | Self::Warn)
    }

    /// The name, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Stop => "STOP",
            Self::Fault => "FAULT",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What one processed frame showed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Observation {
    /// When the frame was captured.
    #[serde(serialize_with = "nanos")]
    pub capture_stamp: Stamp,
    /// Pixels of the score map; 0 is a fault.
    pub pixels: u32,
    /// Pixels without a finite score; anything but 0 is a fault.
    pub non_finite: u32,
    /// Anomalous pixels in the whole picture.
    pub anomalous_pixels: u32,
    /// Anomalous pixels in the corridor that count
    /// ([`Regions::corridor_area`](super::Regions::corridor_area)).
    pub corridor_pixels: u32,
    /// Distance to the nearest region in the corridor, in metres, where known.
    pub nearest: Option<f32>,
}

/// Why there is no observation of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The frame's bytes don't fit its description, or can't be decoded.
    MalformedFrame,
    /// The engine gave an error.
    Engine,
    /// Score, mask or regions could not be made of what the engine gave.
    Score,
    /// The source ended or was lost.
    Source,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedFrame => "malformed frame",
            Self::Engine => "engine failed",
            Self::Score => "score failed",
            Self::Source => "source lost",
        })
    }
}

/// What the supervisor is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A frame was processed.
    Frame(Observation),
    /// A frame was not, or there is none to process.
    Failed {
        /// When it was captured, where that can be told.
        capture_stamp: Option<Stamp>,
        /// What went wrong.
        failure: Failure,
    },
    /// Nothing happened; time passed.
    Tick,
    /// Someone entitled to it says that the STOP may end.
    Reset,
}

/// Why the verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Reason {
    /// No frame has come yet.
    NoFrameYet,
    /// The first frames are good, but too few so far.
    Starting {
        /// Good frames so far.
        good: u32,
        /// Good frames needed.
        needed: u32,
    },
    /// The corridor was clear over the window.
    Clear,
    /// Anomalous area in the corridor, not confirmed.
    Candidate {
        /// Hits in the window.
        hits: u32,
        /// Hits that confirm.
        needed: u32,
        /// Length of the window.
        window: u32,
    },
    /// Anomalous area in the corridor was confirmed with this frame.
    Confirmed {
        /// Hits in the window.
        hits: u32,
        /// Length of the window.
        window: u32,
        /// Anomalous pixels in the corridor.
        corridor_pixels: u32,
    },
    /// A STOP holds until it is reset.
    Latched {
        /// Capture stamp of the frame that confirmed it.
        #[serde(serialize_with = "nanos")]
        since: Stamp,
    },
    /// A reset waits for clean frames.
    ResetPending {
        /// Clean frames so far.
        clean: u32,
        /// Clean frames needed.
        needed: u32,
    },
    /// A hit came before the reset was through: the reset is void.
    ResetCancelled {
        /// Anomalous pixels in the corridor.
        corridor_pixels: u32,
    },
    /// Frames are good again, but too few so far.
    Recovering {
        /// Good frames so far.
        good: u32,
        /// Good frames needed.
        needed: u32,
    },
    /// No frame for too long.
    Missing {
        /// Time without a frame, in ms.
        gap_ms: u64,
        /// What is allowed, in ms.
        limit_ms: u32,
    },
    /// The result came too late to act on.
    Late {
        /// Age of the frame, in ms.
        age_ms: u64,
        /// What is allowed, in ms.
        limit_ms: u32,
    },
    /// The capture stamp lies in the future.
    FutureStamp {
        /// How far, in ms.
        ahead_ms: u64,
        /// What is allowed, in ms.
        limit_ms: u32,
    },
    /// The capture stamp is not later than that of the frame before.
    StampRegressed {
        /// Stamp of the frame before.
        #[serde(serialize_with = "nanos")]
        previous: Stamp,
        /// Stamp of this one.
        #[serde(serialize_with = "nanos")]
        stamp: Stamp,
    },
    /// Pixels without a finite score.
    NonFinite {
        /// How many.
        pixels: u32,
        /// Out of how many.
        of: u32,
    },
    /// A score map without pixels.
    EmptyScoreMap,
    /// The frame could not be processed.
    Failed {
        /// What went wrong.
        failure: Failure,
    },
}

impl Reason {
    /// A short name that stays the same over versions, for tables.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoFrameYet => "no-frame-yet",
            Self::Starting { .. } => "starting",
            Self::Clear => "clear",
            Self::Candidate { .. } => "candidate",
            Self::Confirmed { .. } => "confirmed",
            Self::Latched { .. } => "latched",
            Self::ResetPending { .. } => "reset-pending",
            Self::ResetCancelled { .. } => "reset-cancelled",
            Self::Recovering { .. } => "recovering",
            Self::Missing { .. } => "missing",
            Self::Late { .. } => "late",
            Self::FutureStamp { .. } => "future-stamp",
            Self::StampRegressed { .. } => "stamp-regressed",
            Self::NonFinite { .. } => "non-finite",
            Self::EmptyScoreMap => "empty-score-map",
            Self::Failed { .. } => "failed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoFrameYet => write!(f, "no frame yet"),
            Self::Starting { good, needed } => {
                write!(f, "starting: {good} of {needed} good frames")
            }
            Self::Clear => write!(f, "corridor clear"),
            Self::Candidate {
                hits,
                needed,
                window,
            } => {
                write!(
                    f,
                    "anomaly in the corridor in {hits} of {window} frames, {needed} confirm"
                )
            }
            Self::Confirmed {
                hits,
                window,
                corridor_pixels,
            } => write!(
                f,
                "anomaly of {corridor_pixels} pixels in the corridor confirmed by {hits} of \
                 {window} frames"
            ),
            Self::Latched { since } => write!(f, "stopped since {since}, waits for a reset"),
            Self::ResetPending { clean, needed } => {
                write!(f, "reset asked for: {clean} of {needed} clean frames")
            }
            Self::ResetCancelled { corridor_pixels } => {
                write!(
                    f,
                    "reset void: anomaly of {corridor_pixels} pixels in the corridor"
                )
            }
            Self::Recovering { good, needed } => {
                write!(f, "recovering: {good} of {needed} good frames")
            }
            Self::Missing { gap_ms, limit_ms } => {
                write!(f, "no frame for {gap_ms} ms, limit {limit_ms} ms")
            }
            Self::Late { age_ms, limit_ms } => {
                write!(f, "frame is {age_ms} ms old, limit {limit_ms} ms")
            }
            Self::FutureStamp { ahead_ms, limit_ms } => {
                write!(
                    f,
                    "capture stamp {ahead_ms} ms in the future, limit {limit_ms} ms"
                )
            }
            Self::StampRegressed { previous, stamp } => {
                write!(f, "capture stamp {stamp} is not after {previous}")
            }
            Self::NonFinite { pixels, of } => {
                write!(f, "{pixels} of {of} pixels have no finite score")
            }
            Self::EmptyScoreMap => write!(f, "score map without pixels"),
            Self::Failed { failure } => write!(f, "{failure}"),
        }
    }
}

/// The supervisor's word after an event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What it believes.
    pub state: State,
    /// The flag: true means that the vehicle must not go on.
    pub safe_stop: bool,
    /// Why.
    pub reason: Reason,
    /// Capture stamp of the last frame that was told of, if any.
    #[serde(serialize_with = "optional_nanos")]
    pub capture_stamp: Option<Stamp>,
    /// Age of that frame now, in nanoseconds; negative when its stamp is ahead of the clock.
    pub age_nanos: Option<i64>,
    /// Anomalous pixels of the last frame processed; 0 when the last one failed.
    pub anomalous_pixels: u32,
    /// Those in the corridor; 0 when the last frame failed.
    pub corridor_pixels: u32,
    /// Distance to the nearest region in the corridor, in metres, where known.
    pub nearest: Option<f32>,
}
