use super::{Reason, Tracked};
use crate::frame::Quality;
use crate::time::Stamp;
use serde::{Serialize, Serializer};

/// Stamps are written as nanoseconds.
pub(super) fn nanos<S: Serializer>(stamp: &Stamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(stamp.as_nanos())
}

fn optional_nanos<S: Serializer>(stamp: &Option<Stamp>, serializer: S) -> Result<S::Ok, S::Error> {
    stamp.map(Stamp::as_nanos).serialize(serializer)
}

named! {
    /// What the supervisor believes. The flag is raised in every state but OK and WARN.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "UPPERCASE")]
    pub enum State {
        /// Not enough good frames since the start to say anything.
        Waiting => "WAITING",
        /// Frames are good and the corridor was clear over the whole window.
        Ok => "OK",
        /// Something anomalous was in the corridor within the window, not often enough to be sure, or
        /// the picture is blurred.
        Warn => "WARN",
        /// Something anomalous in the corridor was confirmed. Stays until reset.
        Stop => "STOP",
        /// The input cannot be relied on.
        Fault => "FAULT",
    }
}

impl State {
    /// Whether the safe-stop flag is raised.
    pub const fn safe_stop(self) -> bool {
        !matches!(self, Self::Ok | Self::Warn)
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
    /// Smallest finite score; NaN when there is none.
    pub score_min: f32,
    /// Largest finite score; NaN when there is none. As good as the smallest is a fault.
    pub score_max: f32,
    /// Anomalous pixels in the whole picture.
    pub anomalous_pixels: u32,
    /// Anomalous pixels in the corridor that count
    /// ([`Regions::corridor_area`](super::Regions::corridor_area)).
    pub corridor_pixels: u32,
    /// Distance from the camera to the nearest region in the corridor, in metres along the ground,
    /// where known.
    pub nearest: Option<f32>,
    /// What the tracks say, where there are some: they decide then, and the area does not.
    pub tracked: Option<Tracked>,
    /// What the picture is worth, where it was measured; nothing is held against one that was not.
    pub quality: Option<Quality>,
    /// Columns and rows of the picture, where they are known.
    pub size: Option<(u32, u32)>,
    /// Whether the frame counts as watching.
    pub watch: Watch,
    /// Whether the mode is less than the best that may run, as when the machine is busy. Where only such
    /// frames show a hazard, the flag is raised and no STOP is latched.
    pub fallback: bool,
}

/// Whether a frame counts as watching, by the mode that it was judged in. The supervisor takes a frame that does
/// not count neither as proof of a hazard nor as proof of a clear way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watch {
    /// It does.
    Counts,
    /// The mode finds too little: it is below the least that counts.
    WeakMode,
    /// The evidence of tracks decides, and the mode has no stop level to hold it to.
    NoStopLevel,
}

named! {
    /// Why there is no observation of a frame.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Failure {
        /// The frame's bytes don't fit its description, or can't be decoded.
        MalformedFrame => "malformed frame",
        /// The engine gave an error.
        Engine => "engine failed",
        /// Score, mask or regions could not be made of what the engine gave.
        Score => "score failed",
        /// The source ended or was lost.
        Source => "source lost",
        /// The engine, or what runs it, panicked.
        Panicked => "engine panicked",
        /// A result could not be handed out or recorded.
        Output => "output failed",
        /// A verdict that was in time when it was made came out after its deadline.
        Overdue => "verdict came out too late",
        /// Somebody switched the judging of frames off.
        Disabled => "judging is disabled",
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
    /// The scheduler refused a frame: no mode would have been done in time.
    Missed {
        /// When it was captured.
        capture_stamp: Stamp,
        /// Time that was left until its deadline, in ms; negative when the deadline was past.
        slack_ms: i64,
        /// Time that the fastest mode was expected to need, in ms.
        needed_ms: u64,
    },
    /// Nothing happened; time passed.
    Tick,
    /// Someone entitled to it says that the STOP may end.
    Reset,
}

impl Event {
    /// Capture stamp of the frame that this is the first word on, where it has one.
    pub(super) fn first_told(&self) -> Option<Stamp> {
        match *self {
            Self::Frame(Observation { capture_stamp, .. }) | Self::Missed { capture_stamp, .. } => {
                Some(capture_stamp)
            }
            Self::Failed {
                failure: Failure::Overdue,
                ..
            }
            | Self::Tick
            | Self::Reset => None,
            Self::Failed { capture_stamp, .. } => capture_stamp,
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
    /// What the tracks said of the last frame, where there are some; none when it failed.
    pub tracked: Option<Tracked>,
}
