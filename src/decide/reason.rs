use super::Failure;
use super::verdict::nanos;
use crate::time::{InWords, Stamp};
use serde::Serialize;
use std::fmt;
use thiserror::Error;

/// Why the verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Error)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Reason {
    /// No frame has come yet.
    #[error("no frame has come yet")]
    NoFrameYet,
    /// The first frames are good, but too few so far.
    #[error("starting: {good} of {needed} good frames have come")]
    Starting {
        /// Good frames so far.
        good: u32,
        /// Good frames needed.
        needed: u32,
    },
    /// The corridor was clear over the window.
    #[error("corridor clear")]
    Clear,
    /// Anomalous area in the corridor, not confirmed.
    #[error("anomaly in the corridor in {hits} of {window} frames; {needed} confirm a stop")]
    Candidate {
        /// Hits in the window.
        hits: u32,
        /// Hits that confirm.
        needed: u32,
        /// Length of the window.
        window: u32,
    },
    /// Anomalous area in the corridor was confirmed with this frame.
    #[error(
        "anomaly of {corridor_pixels} pixels in the corridor confirmed by {hits} of {window} frames"
    )]
    Confirmed {
        /// Hits in the window.
        hits: u32,
        /// Length of the window.
        window: u32,
        /// Anomalous pixels in the corridor.
        corridor_pixels: u32,
    },
    /// A track in the corridor has some of the evidence that confirms a stop.
    #[error(
        "something may stand in the corridor, {distance_m:.0} m ahead: its evidence is {evidence:.1}; \
         {level:.1} within the stopping distance confirm a stop"
    )]
    TrackCandidate {
        /// Distance to what it follows, in metres.
        distance_m: f32,
        /// In nats.
        evidence: f32,
        /// Evidence that confirms a stop within the stopping distance, in nats.
        level: f32,
    },
    /// No track in the corridor has enough evidence for a warning now; in a frame of the window one had, or
    /// the area was a hit.
    #[error(fmt = track_fading)]
    TrackFading {
        /// Distance to what the strongest track follows, in metres; infinite where no track is in the corridor.
        distance_m: f32,
        /// In nats.
        evidence: f32,
        /// Evidence that confirms a stop within the stopping distance, in nats.
        level: f32,
    },
    /// The evidence of a track in the corridor, within the stopping distance, confirmed a stop.
    #[error(
        "something stands in the corridor, {distance_m:.0} m ahead: its evidence is {evidence:.1}; \
         {level:.1} confirm a stop"
    )]
    TrackConfirmed {
        /// Distance to what it follows, in metres.
        distance_m: f32,
        /// In nats.
        evidence: f32,
        /// Evidence that confirms a stop, in nats.
        level: f32,
    },
    /// A STOP holds until it is reset.
    #[error("the frame of {since} confirmed a stop, which holds until a reset")]
    Latched {
        /// Capture stamp of the frame that confirmed it.
        #[serde(serialize_with = "nanos")]
        since: Stamp,
    },
    /// A reset waits for clean frames.
    #[error("reset accepted: {clean} of {needed} clean frames have come")]
    ResetPending {
        /// Clean frames so far.
        clean: u32,
        /// Clean frames needed.
        needed: u32,
    },
    /// A hit came before the reset was through: the reset is void.
    #[error("reset void: there is an anomaly of {corridor_pixels} pixels in the corridor")]
    ResetCancelled {
        /// Anomalous pixels in the corridor.
        corridor_pixels: u32,
    },
    /// Frames are good again, but too few so far.
    #[error("recovering: {good} of {needed} good frames have come")]
    Recovering {
        /// Good frames so far.
        good: u32,
        /// Good frames needed.
        needed: u32,
    },
    /// No frame for too long.
    #[error(fmt = missing)]
    Missing {
        /// Time without a frame, in ms.
        gap_ms: u64,
        /// What is allowed, in ms.
        limit_ms: u32,
    },
    /// The result came too late to act on.
    #[error(fmt = late)]
    Late {
        /// Age of the frame, in ms.
        age_ms: u64,
        /// What is allowed, in ms.
        limit_ms: u32,
    },
    /// The capture stamp lies in the future.
    #[error("the capture stamp is {ahead_ms} ms in the future; the limit is {limit_ms} ms")]
    FutureStamp {
        /// How far, in ms.
        ahead_ms: u64,
        /// What is allowed, in ms.
        limit_ms: u32,
    },
    /// The capture stamp is not later than that of the frame before.
    #[error(fmt = regressed)]
    StampRegressed {
        /// Stamp of the frame before.
        #[serde(serialize_with = "nanos")]
        previous: Stamp,
        /// Stamp of this one.
        #[serde(serialize_with = "nanos")]
        stamp: Stamp,
    },
    /// Pixels without a finite score.
    #[error("{pixels} of {of} pixels have no finite score")]
    NonFinite {
        /// How many.
        pixels: u32,
        /// Out of how many.
        of: u32,
    },
    /// A score map without pixels.
    #[error("the score map has no pixels")]
    EmptyScoreMap,
    /// The same score everywhere.
    #[error("every pixel has the same score")]
    ConstantScoreMap,
    /// A picture without any bright spot.
    #[error("the picture is black")]
    Black,
    /// Too much of the picture is clipped.
    #[error("the picture is over-exposed")]
    OverExposed,
    /// Rows of the picture repeat: data is missing.
    #[error(
        "a part of the picture is missing: {}.{} % of its rows, one below the other, are the same",
        .rows / 10,
        .rows % 10
    )]
    Incomplete {
        /// Rows that are like the row above, in thousandths of the height.
        rows: u16,
    },
    /// Rows of the picture are moved to the side: bytes of the image were lost.
    #[error(
        "rows of the picture are shifted: a seam counts as standing out over {}.{} % of its height, because \
         bytes of the image were lost",
        .rows / 10,
        .rows % 10
    )]
    Shifted {
        /// How far the seam stands out, in thousandths of the height.
        rows: u16,
    },
    /// The same picture again and again.
    #[error("the same picture came {frames} times in a row")]
    Frozen {
        /// How many times in a row.
        frames: u32,
    },
    /// The picture is blurred: in OK and WARN a warning, from the limit on a fault.
    #[error("the picture is blurred, {frames} times in a row; {limit} times are a fault")]
    Blurred {
        /// How many times in a row.
        frames: u32,
        /// How many are a fault.
        limit: u32,
    },
    /// A picture of a size that cannot show a road.
    #[error("a picture of {width}x{height} pixels cannot show a road")]
    PictureSize {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// A picture of another size than the one before.
    #[error("the picture has {width}x{height} pixels, the one before had another size")]
    PictureChanged {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Enough hits to confirm a STOP, none of them in the best mode: a machine that is busy latches none.
    #[error(
        "anomaly of {corridor_pixels} pixels in the corridor in {hits} of {window} frames, all judged in a weaker mode \
         than the best: the flag stays raised until they are past, and it is not latched"
    )]
    FallbackHits {
        /// Hits in the window.
        hits: u32,
        /// Frames in the window.
        window: u32,
        /// Anomalous pixels in the corridor that count in this frame.
        corridor_pixels: u32,
    },
    /// The frame was judged in a mode that does not count as watching.
    #[error("the frame was judged in a mode below the least that counts as watching")]
    WeakMode,
    /// The frame was judged in a mode that lacks a stop level, while the evidence of tracks decides.
    #[error(
        "the frame was judged in a mode that stop_file has no level for, so nothing can be said of the corridor: make a \
         level for each mode with `lookout calibrate stop`"
    )]
    NoStopLevel,
    /// The clock of the capture stamps was set to another time.
    #[error("the clock of the capture stamps was moved by {by_ms} ms")]
    ClockStepped {
        /// How far, in ms; negative when it was set back.
        by_ms: i64,
    },
    /// The scheduler refused the frame.
    #[error(fmt = refused)]
    Refused {
        /// Age of the frame, in ms.
        age_ms: u64,
        /// Time that was left, in ms; negative when the deadline was past.
        slack_ms: i64,
        /// Time that was needed, in ms.
        needed_ms: u64,
    },
    /// The frame could not be processed.
    #[error("{failure}")]
    Failed {
        /// What went wrong.
        failure: Failure,
    },
}

impl Reason {
    /// Whether the driver does not stamp its frames, whatever that led to.
    pub fn is_unstamped(&self) -> bool {
        match *self {
            Self::Late { age_ms, .. } | Self::Refused { age_ms, .. } => age_ms >= UNSTAMPED,
            Self::Missing { gap_ms, .. } => gap_ms >= UNSTAMPED,
            Self::StampRegressed { previous, stamp } => previous == ZERO && stamp == ZERO,
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
            Self::TrackFading { .. } => "track-fading",
            Self::TrackConfirmed { .. } => "track-confirmed",
            Self::FallbackHits { .. } => "fallback-hits",
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
            Self::Shifted { .. } => "shifted",
            Self::Frozen { .. } => "frozen",
            Self::Blurred { .. } => "blurred",
            Self::PictureSize { .. } => "picture-size",
            Self::PictureChanged { .. } => "picture-changed",
            Self::WeakMode => "weak-mode",
            Self::NoStopLevel => "no-stop-level",
            Self::ClockStepped { .. } => "clock-stepped",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Said of a frame that nobody stamped.
const NO_STAMP: &str = "the driver does not stamp its frames: the capture stamp is zero";
const ZERO: Stamp = Stamp::from_nanos(0);
/// A frame is that old, and a time without one that long, only where stamps are zero: over thirty years, in ms.
const UNSTAMPED: u64 = 30 * 365 * 86_400_000 + 1;

fn track_fading(
    distance_m: &f32,
    evidence: &f32,
    level: &f32,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match *evidence > 0.0 {
        true => write!(
            f,
            "something is tracked in the corridor, {distance_m:.0} m ahead: its evidence is {evidence:.1}, too little \
             for a warning by itself, and a frame before showed more; {level:.1} within the stopping distance confirm a stop"
        ),
        false => f.write_str("what may have stood in the corridor a moment ago is tracked no more"),
    }
}

fn missing(gap_ms: &u64, limit_ms: &u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match *gap_ms {
        UNSTAMPED.. => f.write_str(NO_STAMP),
        gap_ms => {
            let gap = InWords::of_ms(gap_ms);
            write!(f, "no frame came for {gap}; the limit is {limit_ms} ms")
        }
    }
}

fn late(age_ms: &u64, limit_ms: &u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match *age_ms {
        UNSTAMPED.. => f.write_str(NO_STAMP),
        age_ms => {
            let age = InWords::of_ms(age_ms);
            write!(f, "the frame is {age} old; the limit is {limit_ms} ms")
        }
    }
}

fn regressed(previous: &Stamp, stamp: &Stamp, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (*previous, *stamp) {
        (ZERO, ZERO) => f.write_str(NO_STAMP),
        _ => write!(
            f,
            "the capture stamp {stamp} is not later than {previous} of the frame before"
        ),
    }
}

fn refused(
    age_ms: &u64,
    slack_ms: &i64,
    needed_ms: &u64,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let old = InWords::of_ms(*age_ms);
    match (*age_ms, *slack_ms, *needed_ms) {
        (UNSTAMPED.., ..) => f.write_str(NO_STAMP),
        (_, ..=0, _) => write!(
            f,
            "frame refused: its capture stamp is {old} old, and the deadline is past"
        ),
        // it is not known of any mode how long it takes
        (_, _, u64::MAX) => write!(f, "frame refused: no mode is ready"),
        (_, slack_ms, needed_ms) => write!(
            f,
            "frame refused: {slack_ms} ms are left and the fastest mode needs {needed_ms} ms"
        ),
    }
}
