//! Whether the road looks like those that the thresholds were calibrated on.

use std::time::Duration;

use crate::engine::Mode;

/// How long is looked back, in pieces of equal length.
const PIECES: u64 = 12;
const PIECE: Duration = Duration::from_secs(10);
/// Fewer frames say nothing.
const LEAST_FRAMES: u32 = 100;
/// A tenth of clean frames is outside of the range. Frames of one road are alike, so a road may have several
/// times as many; one that has more than half is another world.
const SHARE: f64 = 0.5;

/// The range of the mean scores of clean frames, by mode, as the bundle has it: 5 % of them are below the first
/// and 5 % above the second; `None` where the bundle does not say.
pub type CleanMeans = [Option<[f32; 2]>; Mode::COUNT];

/// Frames of a piece of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Piece {
    /// Which, counted from the start of the clock.
    number: u64,
    below: u32,
    inside: u32,
    above: u32,
}

/// The mean scores of the last two minutes, held against those of clean frames. Fixed memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drift {
    pieces: [Piece; PIECES as usize],
}

/// Most frames of the last minutes score as few clean ones do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drifted {
    /// Share of the frames.
    pub(super) share: f64,
    /// Whether they score higher than clean ones, or lower.
    pub(super) higher: bool,
}

impl Drift {
    /// A frame was judged in a mode; its mean score.
    pub(super) fn add(&mut self, at: Duration, mean: f32, [low, high]: [f32; 2]) {
        let number = at.as_secs() / PIECE.as_secs();
        // the remainder is less than the number of pieces
        let piece = &mut self.pieces[(number % PIECES) as usize];
        if piece.number < number {
            *piece = Piece {
                number,
                ..Piece::default()
            };
        }
        let counter = if mean < low {
            &mut piece.below
        } else if mean > high {
            &mut piece.above
        } else {
            &mut piece.inside
        };
        *counter = counter.saturating_add(1);
    }

    /// What the last minutes say; `None` where they look as calibrated, or are too few frames.
    pub(super) fn found(&self, now: Duration) -> Option<Drifted> {
        let since = (now.as_secs() / PIECE.as_secs()).saturating_sub(PIECES - 1);
        let fresh = self.pieces.iter().filter(|piece| piece.number >= since);
        let (below, inside, above) = fresh.fold((0u32, 0u32, 0u32), |(b, i, a), piece| {
            (
                b.saturating_add(piece.below),
                i.saturating_add(piece.inside),
                a.saturating_add(piece.above),
            )
        });
        let all = below.saturating_add(inside).saturating_add(above);
        if all < LEAST_FRAMES {
            return None;
        }
        let higher = above >= below;
        let share = f64::from(below.max(above)) / f64::from(all);
        (share > SHARE).then_some(Drifted { share, higher })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: [f32; 2] = [0.1, 0.2];

    /// Ten frames a second from one second to another.
    fn drive(drift: &mut Drift, seconds: std::ops::Range<u64>, mean: impl Fn(u64) -> f32) {
        for i in seconds.start * 10..seconds.end * 10 {
            drift.add(Duration::from_millis(i * 100), mean(i), CLEAN);
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_road_as_calibrated_is_none_to_warn_of() {
        let mut drift = Drift::default();
        drive(&mut drift, 0..300, |_| 0.15);
        assert_eq!(drift.found(at(300)), None);
        // four in ten are outside, as on a road that is rather strange
        drive(
            &mut drift,
            300..600,
            |i| if i % 10 < 4 { 0.3 } else { 0.15 },
        );
        assert_eq!(drift.found(at(600)), None);
    }

    #[test]
    fn a_road_of_another_kind_is_found_within_two_minutes_and_forgotten_as_soon() {
        for (mean, higher) in [(0.3, true), (0.05, false), (f32::INFINITY, true)] {
            let mut drift = Drift::default();
            drive(&mut drift, 0..300, |_| 0.15);
            drive(&mut drift, 300..430, |_| mean);
            let found = drift.found(at(430)).unwrap();
            assert_eq!(found.higher, higher);
            assert!(found.share > 0.99, "{found:?}");
            drive(&mut drift, 430..550, |_| 0.15);
            assert_eq!(drift.found(at(550)), None, "{mean}");
        }
    }

    #[test]
    fn a_few_frames_say_nothing() {
        let mut drift = Drift::default();
        drive(&mut drift, 0..9, |_| 0.9);
        assert_eq!(drift.found(at(9)), None);
        drive(&mut drift, 9..11, |_| 0.9);
        assert!(drift.found(at(11)).is_some());
        assert_eq!(drift.found(at(200)), None, "long ago");
    }
}
