//! A verdict, and the flag, as a `diagnostic_msgs/msg/DiagnosticStatus`: for the adapters, which publish and
//! record it.

use std::time::Duration;

use crate::decide::{State, Verdict};
use crate::engine::Judges;
use crate::msg::{DiagnosticStatus, KeyValue};
use crate::stages::FrameFate;
use crate::watchdog::{Cause, Snapshot};

/// Name of the status of a verdict.
const NAME: &str = "lookout: verdict";

/// What a live node tells of a verdict, beside the verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveStatus<'a> {
    /// The mode that the frame ran in, if it ran.
    pub mode: Option<&'a str>,
    /// What became of the frame; `None` for a verdict without one.
    pub fate: Option<FrameFate>,
    /// Age of the frame when the status is published, in nanoseconds; takes the place of the age
    /// when the verdict was made.
    pub age_nanos: Option<i64>,
}

/// What a status says of the networks that saw the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Networks<'a> {
    /// Hash of their bundle.
    pub bundle_hash: &'a str,
    /// What everybody has to know of how frames are judged, such as that there is no observer; empty where
    /// nothing is special.
    pub note: &'a str,
    /// By which score each mode is judged: a mode's name does not say which head runs.
    pub judges: Judges,
}

impl<'a> From<&'a str> for Networks<'a> {
    /// Of a bundle with that hash, and nothing special.
    fn from(bundle_hash: &'a str) -> Self {
        Self {
            bundle_hash,
            ..Self::default()
        }
    }
}

impl DiagnosticStatus {
    /// The status of a verdict. A live node adds `mode`, `score` and `fate` (`none` where there is none).
    pub fn of_verdict<'a>(
        verdict: &Verdict,
        networks: impl Into<Networks<'a>>,
        live: Option<&LiveStatus<'_>>,
    ) -> Self {
        let words = Words {
            state: verdict.state,
            code: verdict.reason.code(),
            safe_stop: verdict.safe_stop,
            message: format!("{}: {}", verdict.state, verdict.reason),
        };
        Self::made(words, Some(verdict), networks.into(), live)
    }

    /// The status of the flag, from the board that holds it, so that it says what the flag says also
    /// where that is not what the last verdict said. `unchanged_for` is how long the flag has been so.
    pub fn of_flag<'a>(
        flag: &Snapshot,
        unchanged_for: Duration,
        networks: impl Into<Networks<'a>>,
        live: &LiveStatus<'_>,
    ) -> Self {
        let verdict = flag.verdict();
        let state = match (&flag.cause, verdict.map(|verdict| verdict.state)) {
            (Cause::Verdict(_) | Cause::DetailsBusy, Some(state)) => state,
            (_, Some(State::Stop)) => State::Stop,
            (Cause::NoVerdictYet, _) => State::Waiting,
            _ => State::Fault,
        };
        let words = Words {
            state,
            code: flag.cause.code(),
            safe_stop: flag.safe_stop,
            message: format!("{state}: {}", flag.cause),
        };
        let mut status = Self::made(words, verdict.as_ref(), networks.into(), Some(live));
        let seconds = format!("{:.1}", unchanged_for.as_secs_f64());
        status.values.push(KeyValue::new("flag_for_s", seconds));
        status
    }

    fn made(
        words: Words,
        verdict: Option<&Verdict>,
        networks: Networks<'_>,
        live: Option<&LiveStatus<'_>>,
    ) -> Self {
        let optional = |v: Option<String>| v.unwrap_or_else(|| "unknown".to_owned());
        let age_nanos = match live {
            Some(live) => live.age_nanos,
            None => verdict.and_then(|verdict| verdict.age_nanos),
        };
        let pixels = |of: fn(&Verdict) -> u32| verdict.map_or(0, of).to_string();
        let mut values = vec![
            KeyValue::new("state", words.state.to_string()),
            KeyValue::new("reason", words.code),
            KeyValue::new("safe_stop", words.safe_stop.to_string()),
            KeyValue::new(
                "capture_stamp",
                optional(verdict.and_then(|v| v.capture_stamp).map(|s| s.to_string())),
            ),
            KeyValue::new(
                "age_ms",
                optional(age_nanos.map(|n| format!("{:.3}", n as f64 / 1e6))),
            ),
            KeyValue::new("anomalous_pixels", pixels(|v| v.anomalous_pixels)),
            KeyValue::new("corridor_pixels", pixels(|v| v.corridor_pixels)),
            KeyValue::new(
                "distance_m",
                optional(verdict.and_then(|v| v.nearest).map(|d| format!("{d:.1}"))),
            ),
            KeyValue::new("bundle", networks.bundle_hash),
        ];
        if !networks.note.is_empty() {
            values.push(KeyValue::new("note", networks.note));
        }
        if let Some(tracked) = verdict.and_then(|verdict| verdict.tracked) {
            let nats = |nats: f32| format!("{nats:.1}");
            values.push(KeyValue::new("evidence", nats(tracked.evidence)));
            values.push(KeyValue::new("stop_level", nats(tracked.level)));
        }
        if let Some(live) = live {
            let fate = live.fate.map_or("none", FrameFate::name);
            let score = live.mode.and_then(|mode| networks.judges.score_of(mode));
            let score = score.map_or_else(|| "none".to_owned(), |score| score.to_string());
            values.push(KeyValue::new("mode", live.mode.unwrap_or("none")));
            values.push(KeyValue::new("score", score));
            values.push(KeyValue::new("fate", fate));
        }
        Self {
            level: level_of(words.state),
            name: NAME.to_owned(),
            message: words.message,
            hardware_id: String::new(),
            values,
        }
    }
}

/// What a status says first.
struct Words {
    state: State,
    code: &'static str,
    safe_stop: bool,
    message: String,
}

fn level_of(state: State) -> u8 {
    match state {
        State::Ok => DiagnosticStatus::OK,
        State::Warn => DiagnosticStatus::WARN,
        State::Waiting => DiagnosticStatus::STALE,
        State::Stop | State::Fault => DiagnosticStatus::ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Failure, Reason, Tracked};
    use crate::engine::{Judge, Mode};
    use crate::msg::cdr;
    use crate::score::ScoreKind;
    use crate::time::Stamp;
    use crate::watchdog::{Board, BoardReader, Trip};

    fn values(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
        pairs.iter().map(|(k, v)| KeyValue::new(k, *v)).collect()
    }

    fn warning() -> Verdict {
        Verdict {
            state: State::Warn,
            safe_stop: false,
            reason: Reason::Candidate {
                hits: 1,
                needed: 3,
                window: 5,
            },
            capture_stamp: Some(Stamp::from_nanos(1_500_000_000)),
            age_nanos: Some(12_345_678),
            anomalous_pixels: 70,
            corridor_pixels: 41,
            nearest: Some(9.449),
            tracked: None,
        }
    }

    fn warning_status() -> DiagnosticStatus {
        DiagnosticStatus {
            level: 1,
            name: "lookout: verdict".to_owned(),
            message: "WARN: anomaly in the corridor in 1 of 5 frames; 3 confirm a stop".to_owned(),
            hardware_id: String::new(),
            values: values(&[
                ("state", "WARN"),
                ("reason", "candidate"),
                ("safe_stop", "false"),
                ("capture_stamp", "1.500000000"),
                ("age_ms", "12.346"),
                ("anomalous_pixels", "70"),
                ("corridor_pixels", "41"),
                ("distance_m", "9.4"),
                ("bundle", "abc123"),
            ]),
        }
    }

    #[test]
    fn the_status_of_a_recording_to_the_byte() {
        let status = DiagnosticStatus::of_verdict(&warning(), "abc123", None);
        assert_eq!(status, warning_status());
        assert_eq!(cdr::to_vec(&status), cdr::to_vec(&warning_status()));
    }

    #[test]
    fn a_note_on_how_frames_are_judged_stands_in_every_status() {
        let networks = Networks {
            bundle_hash: "abc123",
            note: "no observer: the score is max-logit",
            judges: Judges::default(),
        };
        let mut want = warning_status();
        want.values.extend(values(&[("note", networks.note)]));
        let status = DiagnosticStatus::of_verdict(&warning(), networks, None);
        assert_eq!(status, want);
        let board = Board::new(60_000).unwrap();
        let flag = BoardReader::default().read(&board);
        let live = LiveStatus::default();
        let status = DiagnosticStatus::of_flag(&flag, Duration::ZERO, networks, &live);
        let note = status.values.iter().find(|pair| pair.key == "note");
        assert_eq!(note.unwrap().value, networks.note);
    }

    #[test]
    fn where_there_are_tracks_their_evidence_and_what_confirms_a_stop_are_told() {
        let tracked = Verdict {
            tracked: Some(Tracked {
                evidence: 7.25,
                level: 21.0,
                distance_m: 30.0,
                in_reach: true,
            }),
            ..warning()
        };
        let status = DiagnosticStatus::of_verdict(&tracked, "abc123", None);
        let mut want = warning_status();
        want.values
            .extend(values(&[("evidence", "7.2"), ("stop_level", "21.0")]));
        assert_eq!(status, want);
    }

    #[test]
    fn a_live_node_adds_mode_score_and_fate_and_says_how_old_it_is_when_published() {
        let score: ScoreKind = "vim".parse().unwrap();
        let networks = Networks {
            bundle_hash: "abc123",
            note: "",
            judges: Judges::one(
                Mode::FULL,
                Judge {
                    score,
                    threshold: 0.5,
                },
            ),
        };
        let live = LiveStatus {
            mode: Some("full+observer"),
            fate: Some(FrameFate::InTime),
            age_nanos: Some(20_000_000),
        };
        let status = DiagnosticStatus::of_verdict(&warning(), networks, Some(&live));
        let mut want = warning_status();
        want.values[4].value = "20.000".to_owned();
        want.values.extend(values(&[
            ("mode", "full+observer"),
            ("score", "vim"),
            ("fate", "in-time"),
        ]));
        assert_eq!(status, want);
        // a mode that nothing judges
        let live = LiveStatus {
            mode: Some("refused"),
            ..live
        };
        let status = DiagnosticStatus::of_verdict(&warning(), networks, Some(&live));
        want.values[9].value = "refused".to_owned();
        want.values[10].value = "none".to_owned();
        assert_eq!(status, want);
    }

    #[test]
    fn what_is_not_known_is_said_to_be_so() {
        let verdict = Verdict {
            state: State::Fault,
            safe_stop: true,
            reason: Reason::Failed {
                failure: Failure::Source,
            },
            capture_stamp: None,
            age_nanos: None,
            anomalous_pixels: 0,
            corridor_pixels: 0,
            nearest: None,
            tracked: None,
        };
        let live = LiveStatus::default();
        let status = DiagnosticStatus::of_verdict(&verdict, "abc123", Some(&live));
        assert_eq!((status.level, &*status.message), (2, "FAULT: source lost"));
        let unknown: Vec<&str> = status
            .values
            .iter()
            .filter(|pair| pair.value == "unknown" || pair.value == "none")
            .map(|pair| pair.key.as_str())
            .collect();
        assert_eq!(
            unknown,
            [
                "capture_stamp",
                "age_ms",
                "distance_m",
                "mode",
                "score",
                "fate"
            ]
        );
    }

    #[test]
    fn a_status_says_what_the_flag_says_and_not_what_the_last_verdict_said() {
        let clear = Verdict {
            state: State::Ok,
            reason: Reason::Clear,
            ..warning()
        };
        let stop = Verdict {
            state: State::Stop,
            safe_stop: true,
            ..warning()
        };
        let board = Board::new(60_000).unwrap();
        let status = || {
            let snapshot = BoardReader::default().read(&board);
            let live = LiveStatus::default();
            let status = DiagnosticStatus::of_flag(&snapshot, Duration::from_secs(3), "", &live);
            let value = |key: &str| {
                let pair = status.values.iter().find(|pair| pair.key == key);
                pair.unwrap().value.clone()
            };
            (
                status.level,
                value("state"),
                value("reason"),
                value("safe_stop"),
            )
        };
        let want = |level, state: &str, reason: &str, safe_stop: bool| {
            (
                level,
                state.to_owned(),
                reason.to_owned(),
                safe_stop.to_string(),
            )
        };
        assert_eq!(status(), want(3, "WAITING", "no-verdict-yet", true));
        board.post(&clear, Duration::ZERO);
        assert_eq!(status(), want(0, "OK", "clear", false));
        let disabled = board.trip(Trip::Disabled { message: "by hand" });
        assert_eq!(status(), want(2, "FAULT", "disabled", true));
        board.post(&clear, Duration::ZERO);
        assert_eq!(status(), want(2, "FAULT", "disabled", true));
        board.post(&stop, Duration::ZERO);
        assert_eq!(status(), want(2, "STOP", "disabled", true));
        board.acknowledge(disabled);
        board.post(&clear, Duration::ZERO);
        assert_eq!(status(), want(0, "OK", "clear", false));
        let _panic = board.trip(Trip::Panic {
            thread: "any",
            message: "any",
            owned: true,
        });
        assert_eq!(status(), want(2, "FAULT", "panic", true));
    }

    #[test]
    fn levels_by_state() {
        let levels = [
            (State::Waiting, 3),
            (State::Ok, 0),
            (State::Warn, 1),
            (State::Stop, 2),
            (State::Fault, 2),
        ];
        for (state, level) in levels {
            let verdict = Verdict { state, ..warning() };
            let status = DiagnosticStatus::of_verdict(&verdict, "", None);
            assert_eq!(status.level, level, "{state}");
        }
    }
}
