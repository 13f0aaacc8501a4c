use std::fmt;
use std::time::Duration;

use super::{Message, ThreadName};
use crate::decide::{Reason, Verdict};
use crate::time::InWords;

/// What the watchdog gives out at a fixed rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    /// Beats before this one; one more each time, so that a receiver sees what it lost.
    pub sequence: u64,
    /// When it was made, on the board's clock ([`Board::now`](super::Board::now)).
    pub at: Duration,
    /// The flag: true means that the vehicle must not go on.
    pub safe_stop: bool,
    /// Why the flag is what it is.
    pub cause: Cause,
    /// The last verdict that was posted, whether it still counts or not.
    pub verdict: Option<Verdict>,
    /// How long ago that was.
    pub verdict_age: Option<Duration>,
    /// Beats left out so far, because their time had passed before the thread came to them.
    pub late_beats: u64,
    /// Times that the sink panicked so far.
    pub sink_failures: u64,
}

/// Why the flag is what it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Cause {
    /// Raised: nothing was posted yet.
    #[error("no frame has been judged yet")]
    NoVerdictYet,
    /// Down or raised, as the last verdict says.
    #[error("{0}")]
    Verdict(Reason),
    /// As the last verdict says, but that was just being written.
    #[error("a verdict is being written at this moment")]
    DetailsBusy,
    /// Raised: the last verdict that let the flag down has become too old.
    #[error(fmt = stale)]
    Stale {
        /// How old the frame of that verdict is.
        age: Duration,
        /// The staleness limit.
        limit: Duration,
    },
    /// Raised: a thread panicked and nobody has acknowledged it.
    #[error("thread {thread} panicked: {message}")]
    Panic {
        /// Name of the thread.
        thread: ThreadName,
        /// What the panic said.
        message: Message,
    },
    /// Raised: somebody asked that no frames are judged.
    #[error("no frames are judged: {message}")]
    Disabled {
        /// Who, or how.
        message: Message,
    },
    /// Raised: a trip was acknowledged and nothing was posted since.
    #[error("no frame has been judged since the last repair")]
    Repaired,
    /// Raised: the watchdog was stopped; this is its last beat.
    #[error("the node ends")]
    Stopped,
}

fn stale(age: &Duration, limit: &Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (age, limit) = (InWords(*age), limit.as_millis());
    write!(
        f,
        "the last frame that was found clear is {age} old; the limit is {limit} ms"
    )
}

impl Cause {
    /// A short name that stays the same over versions; that of the reason for a verdict.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoVerdictYet => "no-verdict-yet",
            Self::Verdict(reason) => reason.code(),
            Self::DetailsBusy => "details-busy",
            Self::Stale { .. } => "stale",
            Self::Panic { .. } => "panic",
            Self::Disabled { .. } => "disabled",
            Self::Repaired => "repaired",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::clipped;
    use super::*;

    #[test]
    fn causes_in_words_and_codes() {
        let ms = Duration::from_millis;
        let cases = [
            (
                Cause::NoVerdictYet,
                "no-verdict-yet",
                "no frame has been judged yet",
            ),
            (Cause::Verdict(Reason::Clear), "clear", "corridor clear"),
            (
                Cause::Stale {
                    age: ms(1250),
                    limit: ms(300),
                },
                "stale",
                "the last frame that was found clear is 1250 ms old; the limit is 300 ms",
            ),
            (
                Cause::Stale {
                    age: ms(41_944),
                    limit: ms(500),
                },
                "stale",
                "the last frame that was found clear is 41 s old; the limit is 500 ms",
            ),
            (
                Cause::Panic {
                    thread: clipped("engine"),
                    message: clipped("no such tensor"),
                },
                "panic",
                "thread engine panicked: no such tensor",
            ),
            (
                Cause::Disabled {
                    message: clipped("a service asked for it"),
                },
                "disabled",
                "no frames are judged: a service asked for it",
            ),
            (Cause::Stopped, "stopped", "the node ends"),
        ];
        for (cause, code, words) in cases {
            assert_eq!((cause.code(), cause.to_string().as_str()), (code, words));
        }
    }
}
