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
    /// A track in the corridor has some of the evidence that confirms a stop.
    TrackCandidate {
        /// Distance to what it follows, in metres.
        distance_m: f32,
        /// In nats.
        evidence: f32,
        /// Evidence that confirms a stop within the stopping distance, in nats.
        level: f32,
    },
    /// The evidence of a track in the corridor, within the stopping distance, confirmed a stop.
    TrackConfirmed {
        /// Distance to what it follows, in metres.
        distance_m: f32,
        /// In nats.
        evidence: f32,
        /// Evidence that confirms a stop, in nats.
        level: f32,
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
    /// Rows of the picture repeat: data is missing.
    Incomplete {
        /// Rows that are like the row above, in thousandths of the height.
        rows: u16,
    },
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
    /// A picture of a size that cannot show a road.
    PictureSize {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A picture of another size than the one before.
    PictureChanged {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The frame was judged in a mode that does not count as watching.
    WeakMode,
    /// The clock of the capture stamps was set to another time.
    ClockStepped {
        /// How far, in ms; negative when it was set back.
        by_ms: i64,
    },
    /// The scheduler refused the frame.
    Refused {
        /// Age of the frame, in ms.
        age_ms: u64,
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
    /// Whether the driver does not stamp its frames, whatever that led to.
    pub fn is_unstamped(&self) -> bool {
        match *self {
            Self::Late { age_ms, .. } | Self::Refused { age_ms, .. } => age_ms > UNSTAMPED,
            Self::Missing { gap_ms, .. } => gap_ms > UNSTAMPED,
            Self::StampRegressed { previous, stamp } => previous == stamp && stamp == ZERO,
            _ => false,
        }
    }

    /// A short name that stays the same over versions, for tables.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoFrameYet => "no-frame-yet",
            Self::Starting { .. } => "starting",
            Self::Clear => "clear",
            Self::Candidate { .. } => "candidate",
            Self::Confirmed { .. } => "confirmed",
            Self::TrackCandidate { .. } => "track-candidate",
            Self::TrackConfirmed { .. } => "track-confirmed",
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
            Self::Incomplete { .. } => "incomplete",
            Self::Frozen { .. } => "frozen",
            Self::Blurred { .. } => "blurred",
            Self::PictureSize { .. } => "picture-size",
            Self::PictureChanged { .. } => "picture-changed",
            Self::WeakMode => "weak-mode",
            Self::ClockStepped { .. } => "clock-stepped",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unstamped() {
            return write!(f, "{NO_STAMP}");
        }
        match *self {
            Self::NoFrameYet => write!(f, "no frame has come yet"),
            Self::Starting { good, needed } => {
                write!(f, "starting: {good} of {needed} good frames have come")
            }
            Self::Clear => write!(f, "corridor clear"),
            Self::Candidate {
                hits,
                needed,
                window,
            } => write!(
                f,
                "anomaly in the corridor in {hits} of {window} frames; {needed} confirm a stop"
            ),
            Self::Confirmed {
                hits,
                window,
                corridor_pixels,
            } => write!(
                f,
                "anomaly of {corridor_pixels} pixels in the corridor confirmed by {hits} of \
                 {window} frames"
            ),
            Self::TrackCandidate {
                distance_m,
                evidence,
                level,
            } => write!(
                f,
                "something may stand in the corridor, {distance_m:.0} m ahead: its evidence is {evidence:.0}; \
                 {level:.0} within the stopping distance confirm a stop"
            ),
            Self::TrackConfirmed {
                distance_m,
                evidence,
                level,
            } => write!(
                f,
                "something stands in the corridor, {distance_m:.0} m ahead: its evidence is {evidence:.0}; \
                 {level:.0} confirm a stop"
            ),
            Self::Latched { since } => write!(
                f,
                "the frame of {since} confirmed a stop, which holds until a reset"
            ),
            Self::ResetPending { clean, needed } => {
                write!(
                    f,
                    "reset accepted: {clean} of {needed} clean frames have come"
                )
            }
            Self::ResetCancelled { corridor_pixels } => write!(
                f,
                "reset void: there is an anomaly of {corridor_pixels} pixels in the corridor"
            ),
            Self::Recovering { good, needed } => {
                write!(f, "recovering: {good} of {needed} good frames have come")
            }
            Self::Missing { gap_ms, limit_ms } => {
                write!(
                    f,
                    "no frame came for {gap_ms} ms; the limit is {limit_ms} ms"
                )
            }
            Self::Late { age_ms, limit_ms } => {
                write!(
                    f,
                    "the frame is {age_ms} ms old; the limit is {limit_ms} ms"
                )
            }
            Self::FutureStamp { ahead_ms, limit_ms } => write!(
                f,
                "the capture stamp is {ahead_ms} ms in the future; the limit is {limit_ms} ms"
            ),
            Self::StampRegressed { previous, stamp } => write!(
                f,
                "the capture stamp {stamp} is not later than {previous} of the frame before"
            ),
            Self::NonFinite { pixels, of } => {
                write!(f, "{pixels} of {of} pixels have no finite score")
            }
            Self::EmptyScoreMap => write!(f, "the score map has no pixels"),
            Self::ConstantScoreMap => write!(f, "every pixel has the same score"),
            Self::Black => write!(f, "the picture is black"),
            Self::OverExposed => write!(f, "the picture is over-exposed"),
            Self::Incomplete { rows } => write!(
                f,
                "a part of the picture is missing: {}.{} % of its rows, one below the other, are the same",
                rows / 10,
                rows % 10
            ),
            Self::Frozen { frames } => write!(f, "the same picture came {frames} times in a row"),
            Self::Blurred { frames, limit } => write!(
                f,
                "the picture is blurred, {frames} times in a row; {limit} times are a fault"
            ),
            Self::PictureSize { width, height } => {
                write!(f, "a picture of {width}x{height} pixels cannot show a road")
            }
            Self::PictureChanged { width, height } => write!(
                f,
                "the picture has {width}x{height} pixels, the one before had another size"
            ),
            Self::WeakMode => write!(
                f,
                "the frame was judged in a mode below the least that counts as watching"
            ),
            Self::ClockStepped { by_ms } => {
                write!(f, "the clock of the capture stamps was moved by {by_ms} ms")
            }
            Self::Refused {
                age_ms, slack_ms, ..
            } if slack_ms <= 0 => write!(
                f,
                "frame refused: its capture stamp is {} old, and the deadline is past",
                Old(age_ms)
            ),
            // it is not known of any mode how long it takes
            Self::Refused {
                needed_ms: u64::MAX,
                ..
            } => write!(f, "frame refused: no mode is ready"),
            Self::Refused {
                slack_ms,
                needed_ms,
                ..
            } => write!(
                f,
                "frame refused: {slack_ms} ms are left and the fastest mode needs {needed_ms} ms"
            ),
            Self::Failed { failure } => write!(f, "{failure}"),
        }
    }
}

/// Said of a frame that nobody stamped.
const NO_STAMP: &str = "the driver does not stamp its frames: the capture stamp is zero";
const ZERO: Stamp = Stamp::from_nanos(0);
/// A frame is that old, and a time without one that long, only where stamps are zero: thirty years, in ms.
const UNSTAMPED: u64 = 30 * 365 * 86_400_000;

/// A duration in ms, in the unit that people read.
struct Old(u64);

impl fmt::Display for Old {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms @ 0..10_000 => write!(f, "{ms} ms"),
            ms @ 10_000..600_000 => write!(f, "{} s", ms / 1000),
            ms @ 600_000..172_800_000 => write!(f, "{} min", ms / 60_000),
            ms => write!(f, "{} days", ms / 86_400_000),
        }
    }
}
