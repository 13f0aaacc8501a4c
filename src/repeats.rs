//! What may go wrong at every frame or message is logged once, and after that only its number, ever less often.
//!
//! The first of a kind is logged at once. Those after it are counted, and their number is logged after five
//! minutes, after ten more, after twenty more, and so on. When a kind has not come for an hour, it is forgotten,
//! and the next one is logged at once.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// How many kinds of failure are counted separately. The log would fill the disk without this limit, if every failure
/// were of a new kind.
const KINDS: usize = 16;
const FIRST_PAUSE: Duration = Duration::from_secs(5 * 60);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// What makes two lines the same to whoever reads the log. Of 64 bits: two kinds are mixed up only by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(u64);

impl Kind {
    /// Kinds are the same where `what` is.
    pub fn of(what: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// Of a message whose numbers may differ from one time to the next.
    pub fn of_text(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        let letters = text.bytes().filter(|byte| !byte.is_ascii_digit());
        letters.for_each(|byte| hasher.write_u8(byte));
        Self(hasher.finish())
    }
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    kind: Kind,
    last: Instant,
    logged: Instant,
    /// Until its number is logged again.
    pause: Duration,
    unlogged: u64,
}

/// Decides what is logged, in fixed memory.
#[derive(Debug, Default)]
pub struct Repeats {
    /// The last of them stands for all kinds that have no place of their own.
    seen: [Option<Seen>; KINDS + 1],
}

impl Repeats {
    /// Counts one of a kind at `now`, which does not go backwards. Gives the end of the line where one is due.
    pub fn note(&mut self, kind: Kind, now: Instant) -> Option<Repeated> {
        let current = |seen: &Option<Seen>| {
            seen.filter(|seen| now.saturating_duration_since(seen.last) < FORGOTTEN_AFTER)
        };
        let own = &self.seen[..KINDS];
        let known = own
            .iter()
            .position(|seen| current(seen).is_some_and(|seen| seen.kind == kind));
        let at = known
            .or_else(|| own.iter().position(|seen| current(seen).is_none()))
            .unwrap_or(KINDS);
        let is_shared = at == KINDS;
        let Some(mut seen) = current(&self.seen[at]) else {
            self.seen[at] = Some(Seen {
                kind,
                last: now,
                logged: now,
                pause: FIRST_PAUSE,
                unlogged: 0,
            });
            return Some(Repeated {
                times: 0,
                within: Duration::ZERO,
                is_shared,
            });
        };
        seen.last = now;
        seen.unlogged = seen.unlogged.saturating_add(1);
        let within = now.saturating_duration_since(seen.logged);
        let due = (within >= seen.pause).then_some(Repeated {
            times: seen.unlogged,
            within,
            is_shared,
        });
        if due.is_some() {
            seen.logged = now;
            seen.pause = seen.pause.saturating_mul(2);
            seen.unlogged = 0;
        }
        self.seen[at] = Some(seen);
        due
    }
}

/// The end of a line, in words: how often the same came since the last line of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    times: u64,
    within: Duration,
    is_shared: bool,
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (times, minutes) = (self.times, self.within.as_secs() / 60);
        match (times, self.is_shared) {
            (0, false) => write!(f, "; repeats are only counted"),
            (0, true) => write!(
                f,
                "; {KINDS} other kinds of errors came before this one, and errors of all further kinds are \
                 only counted"
            ),
            (_, false) => write!(f, "; this came {times} times in the last {minutes} min"),
            (_, true) => write!(
                f,
                "; this and errors of further kinds came {times} times in the last {minutes} min"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_at_once_and_the_number_of_the_others_ever_less_often() {
        let (begin, kind) = (Instant::now(), Kind::of("a"));
        let mut repeats = Repeats::default();
        let lines: Vec<_> = (0..3 * 60 * 60)
            .filter_map(|second| {
                let line = repeats.note(kind, begin + Duration::from_secs(second))?;
                Some((second / 60, line.to_string()))
            })
            .collect();
        let after = |minutes, times, within| {
            let line = format!("; this came {times} times in the last {within} min");
            (minutes, line)
        };
        let expected = [
            (0, "; repeats are only counted".to_owned()),
            after(5, 300, 5),
            after(15, 600, 10),
            after(35, 1200, 20),
            after(75, 2400, 40),
            after(155, 4800, 80),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_kind_that_did_not_come_for_an_hour_is_logged_at_once_and_others_do_not_matter_to_it() {
        let begin = Instant::now();
        let mut repeats = Repeats::default();
        let mut times = |kind, minutes: u64| {
            let now = begin + Duration::from_secs(minutes * 60);
            repeats.note(Kind::of(kind), now).map(|line| line.times)
        };
        let first = Some(0);
        assert_eq!((times("a", 0), times("b", 0)), (first, first));
        assert_eq!((times("a", 1), times("b", 1)), (None, None));
        assert_eq!(times("a", 4), None);
        // `b` has been away for 59 minutes, then for 60
        assert_eq!((times("b", 60), times("b", 61)), (Some(2), None));
        assert_eq!(times("b", 121), first);
        assert_eq!(times("a", 121), first);
    }

    #[test]
    fn errors_of_ever_new_kinds_are_a_bounded_number_of_lines() {
        let begin = Instant::now();
        let mut repeats = Repeats::default();
        let lines: Vec<_> = (0..10_000)
            .filter_map(|kind| repeats.note(Kind::of(kind), begin + Duration::from_millis(kind)))
            .collect();
        assert_eq!(lines.len(), KINDS + 1);
        assert!(lines[..KINDS].iter().all(|line| *line == lines[0]));
        let words = "errors of all further kinds are only counted";
        assert!(lines[KINDS].to_string().ends_with(words));
    }

    #[test]
    fn messages_are_of_one_kind_where_they_differ_in_numbers_only() {
        let of = Kind::of_text;
        assert_eq!(of("row 7 of 480"), of("row 123 of 480"));
        assert_ne!(of("row 7 of 480"), of("column 7 of 480"));
    }
}
