use super::Failure;
use super::verdict::nanos;
use crate::time::Stamp;
use serde::Serialize;
use std::fmt;

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
    /// The same score everywhere.
    ConstantScoreMap,
    /// A picture without any bright spot.
    Black,
    /// Too much of the picture is clipped.
    OverExposed,
    /// The same picture again and again.
    Frozen {
        /// How many times in a row.
        frames: u32,
    },
    /// The picture is blurred: in OK and WARN a warning, from the limit on a fault.
    Blurred {
        /// How many times in a row.
        frames: u32,
        /// How many are a fault.
        limit: u32,
    },
    /// The clock of the capture stamps was set to another time.
    ClockStepped {
        /// How far, in ms; negative when it was set back.
        by_ms: i64,
    },
    /// The scheduler refused the frame.
    Refused {
        /// Time that was left, in ms; negative when the deadline was past.
        slack_ms: i64,
        /// Time that was needed, in ms.
        needed_ms: u64,
    },
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
            Self::ConstantScoreMap => "constant-score-map",
            Self::Black => "black",
            Self::OverExposed => "over-exposed",
            Self::Frozen { .. } => "frozen",
            Self::Blurred { .. } => "blurred",
            Self::ClockStepped { .. } => "clock-stepped",
            Self::Refused { .. } => "refused",
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
            Self::ConstantScoreMap => write!(f, "the same score everywhere"),
            Self::Black => write!(f, "black picture"),
            Self::OverExposed => write!(f, "over-exposed picture"),
            Self::Frozen { frames } => write!(f, "the same picture {frames} times in a row"),
            Self::Blurred { frames, limit } => {
                write!(
                    f,
                    "picture blurred {frames} times in a row, {limit} are a fault"
                )
            }
            Self::ClockStepped { by_ms } => {
                write!(f, "the clock was set to another time, {by_ms} ms away")
            }
            Self::Refused {
                slack_ms,
                needed_ms,
            } => match needed_ms {
                // of no mode is known how long it takes
                u64::MAX => write!(f, "frame refused: {slack_ms} ms left, no mode is ready"),
                _ => write!(
                    f,
                    "frame refused: {slack_ms} ms left, {needed_ms} ms needed"
                ),
            },
            Self::Failed { failure } => write!(f, "{failure}"),
        }
    }
}
