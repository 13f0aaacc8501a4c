use std::fmt;
use std::time::Duration;

use super::{Message, ThreadName};
use crate::decide::{Reason, Verdict};

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
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// Raised: nothing was posted yet.
    NoVerdictYet,
    /// Down or raised, as the last verdict says.
    Verdict(Reason),
    /// As the last verdict says, but that was just being written.
    DetailsBusy,
    /// Raised: the last verdict that let the flag down has become too old.
    Stale {
        /// When the flag went up, on the board's clock.
        since: Duration,
        /// The staleness limit.
        limit: Duration,
    },
    /// Raised: a thread panicked and nobody has acknowledged it.
    Panic {
        /// Name of the thread.
        thread: ThreadName,
        /// What the panic said.
        message: Message,
    },
    /// Raised: results could not be handed out and nobody has acknowledged it.
    Output {
        /// What failed.
        message: Message,
    },
    /// Raised: a trip was acknowledged and nothing was posted since.
    Repaired,
    /// Raised: the watchdog was stopped; this is its last beat.
    Stopped,
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
            Self::Output { .. } => "output-failed",
            Self::Repaired => "repaired",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVerdictYet => write!(f, "no verdict yet"),
            Self::Verdict(reason) => write!(f, "{reason}"),
            Self::DetailsBusy => write!(f, "a verdict that is just being written"),
            Self::Stale { since, limit } => write!(
                f,
                "no fresh verdict since {:.3} s, limit {} ms",
                since.as_secs_f64(),
                limit.as_millis()
            ),
            Self::Panic { thread, message } => write!(f, "thread {thread} panicked: {message}"),
            Self::Output { message } => write!(f, "results cannot be handed out: {message}"),
            Self::Repaired => write!(f, "no verdict since the last repair"),
            Self::Stopped => write!(f, "watchdog stopped"),
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
            (Cause::NoVerdictYet, "no-verdict-yet", "no verdict yet"),
            (Cause::Verdict(Reason::Clear), "clear", "corridor clear"),
            (
                Cause::Stale {
                    since: ms(1250),
                    limit: ms(300),
                },
                "stale",
                "no fresh verdict since 1.250 s, limit 300 ms",
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
                Cause::Output {
                    message: clipped("disk full"),
                },
                "output-failed",
                "results cannot be handed out: disk full",
            ),
            (Cause::Stopped, "stopped", "watchdog stopped"),
        ];
        for (cause, code, words) in cases {
            assert_eq!((cause.code(), cause.to_string().as_str()), (code, words));
        }
    }
}
