//! The statuses of frames, latency, engine and verdict.

use std::time::Duration;

use super::NO_CLOCK;
use super::health::{Broken, Health};
use super::recent::SECONDS;
use super::report::Report;
use crate::msg::DiagnosticStatus;
use crate::status::{LiveStatus, Networks};
use crate::time::InWords;
use crate::watchdog::Snapshot;

const WARN: u8 = DiagnosticStatus::WARN;
const ERROR: u8 = DiagnosticStatus::ERROR;
const STALE: u8 = DiagnosticStatus::STALE;

const WAITING: &str = "waiting for the first frame";
/// One in so many frames that is replaced is too many.
const REPLACED_ONE_IN: u64 = 10;

/// Why there is nothing to judge the frames by.
fn nothing_seen(health: &Health, now: Duration) -> Option<String> {
    if !health.active {
        return Some(format!("{}: frames are not judged", health.lifecycle));
    }
    if !health.enabled {
        return Some("disabled: frames are not judged".to_owned());
    }
    let Some(last) = health.seen.arrivals.last() else {
        return Some(WAITING.to_owned());
    };
    let (gap, limit) = (now.saturating_sub(last), health.limits.stale_after_ms);
    (gap > Duration::from_millis(limit.into()))
        .then(|| format!("no frame for {}, limit {limit} ms", InWords(gap)))
}

pub(super) fn frames(health: &Health, now: Duration) -> DiagnosticStatus {
    let (mut report, seen) = (Report::default(), &health.seen);
    let recent = seen.recent.sum(now);
    let frequency = seen.arrivals.frequency(now);
    match (nothing_seen(health, now), &health.waiting) {
        (Some(words), Some(why)) => report.find(STALE, format!("{words}: {why}")),
        (Some(words), None) => report.find(STALE, words),
        (None, _) => {
            if health.underway.without_clock {
                report.find(ERROR, NO_CLOCK.to_owned());
            }
            // With one frame lost in between, the next is there just within the limit.
            let least = 2e3 / f64::from(health.limits.stale_after_ms.max(1));
            if let Some(hz) = frequency.filter(|hz| *hz < least) {
                let words =
                    format!("{hz:.1} Hz, less than the {least:.1} Hz that may lose a frame");
                report.find(WARN, words);
            }
            if recent.replaced.saturating_mul(REPLACED_ONE_IN) > recent.received {
                report.find(
                    WARN,
                    format!(
                        "{} of {} frames gave way to newer ones in the last {SECONDS} s, more than \
                         1 in {REPLACED_ONE_IN}",
                        recent.replaced, recent.received
                    ),
                );
            }
        }
    }
    let drifted = seen.drift.found(now);
    if let Some(drifted) = drifted {
        let (percent, higher) = (
            drifted.share * 100.0,
            ["lower", "higher"][usize::from(drifted.higher)],
        );
        report.find(
            WARN,
            format!(
                "this road is not what was calibrated for: {percent:.0} % of the frames of the last two minutes \
                 score {higher} than 95 % of clean frames: check the camera, or calibrate with such roads"
            ),
        );
    }
    let has_means = |words: &super::EngineWords| words.clean_means.iter().any(Option::is_some);
    let as_calibrated = match health.engine.as_ref().is_some_and(has_means) {
        true => drifted.is_none().to_string(),
        false => "unknown".to_owned(),
    };
    report.pair("as_calibrated", as_calibrated);
    let level = |broken| match seen.broken == Some(broken) {
        true => ERROR,
        false => WARN,
    };
    if recent.malformed > 0 {
        let (count, why) = (recent.malformed, &health.malformed);
        let words = format!("{count} malformed in the last {SECONDS} s, the last one: {why}");
        report.find(level(Broken::Malformed), words);
    }
    if recent.failed > 0 {
        let words = format!("{} failed in the last {SECONDS} s", recent.failed);
        report.find(level(Broken::Failed), words);
    }
    match &health.ground {
        Some(Ok(())) => report.pair("ground", "known"),
        Some(Err(why)) => {
            report.find(WARN, format!("no distances: {why}"));
            report.pair("ground", format!("none: {why}"));
        }
        None => {}
    }
    if health.is_camera_unsteady {
        report.find(
            WARN,
            format!(
                "the camera's calibration changes again and again: do two cameras publish on {}?",
                health.camera_info
            ),
        );
    }
    match health.far_limit {
        Some(Ok(metres)) => report.number("far_limit_m", Some(metres.into())),
        Some(Err(why)) => {
            report.find(WARN, format!("the whole corridor counts: {why}"));
            report.pair("far_limit_m", format!("none: {why}"));
        }
        None => {}
    }
    let total = &health.total;
    report.number("frequency_hz", frequency);
    for (key, count) in [
        ("received", total.received),
        ("judged", total.judged()),
        ("replaced", total.replaced),
        ("refused", total.refused),
        ("late", total.late),
        ("malformed", total.malformed),
        ("failed", total.failed),
    ] {
        report.pair(key, count.to_string());
    }
    let since = seen.arrivals.last().map(|last| now.saturating_sub(last));
    report.number("since_last_ms", since.map(millis));
    let words = frequency.map_or_else(|| "receiving".to_owned(), |hz| format!("{hz:.1} Hz"));
    report.finish("frames", words)
}

pub(super) fn latency(health: &Health, now: Duration) -> DiagnosticStatus {
    let (mut report, seen) = (Report::default(), &health.seen);
    let deadline = health.limits.deadline_ms;
    let recent = seen.recent.sum(now);
    let ages = |quantile| seen.ages.quantile(quantile).map(f64::from);
    let p99 = ages(0.99);
    let stale_after = health.limits.stale_after_ms;
    let longer_than = |time: &Duration, limit: u32| *time > Duration::from_millis(limit.into());
    let underway = health.underway.since.map(|since| now.saturating_sub(since));
    let hangs = underway.filter(|time| longer_than(time, stale_after));
    if let Some(time) = hangs {
        report.find(
            ERROR,
            format!(
                "one frame has been judged for {}, limit {stale_after} ms: the engine hangs, or the machine is much \
                 too slow; start the node again where it does not end",
                InWords(time)
            ),
        );
    }
    match nothing_seen(health, now) {
        Some(words) => report.find(STALE, words),
        None if hangs.is_some() => {}
        None if health.underway.without_clock => {
            report.find(STALE, "waiting for /clock".to_owned());
        }
        None if recent.judged() == 0 && recent.refused == 0 && p99.is_none() => {
            report.find(STALE, WAITING.to_owned());
        }
        None => {}
    }
    if recent.missed() > 0 {
        let kinds = format!("({} late, {} refused)", recent.late, recent.refused);
        if recent.in_time == 0 {
            let words = "no frame within the deadline of";
            report.find(
                ERROR,
                format!("{words} {deadline} ms in the last {SECONDS} s {kinds}"),
            );
        } else {
            let tried = recent.judged().saturating_add(recent.refused);
            let words = format!(
                "{} of {tried} frames missed the deadline of",
                recent.missed()
            );
            report.find(
                WARN,
                format!("{words} {deadline} ms in the last {SECONDS} s {kinds}"),
            );
        }
    }
    if let Some(p99) = p99.filter(|p99| *p99 > f64::from(deadline)) {
        report.find(
            WARN,
            format!("p99 {p99:.0} ms over the deadline of {deadline} ms"),
        );
    }
    if recent.lesser > 0 {
        let best = health.engine.as_ref().map_or("unknown", |words| words.mode);
        let (count, judged) = (recent.lesser, recent.judged());
        let words = format!("{count} of {judged} frames were judged in a lesser mode than {best}");
        report.find(WARN, format!("{words} in the last {SECONDS} s"));
    }
    // the keys of Autoware's detectors
    let expected =
        |time: Option<Duration>, limit: u32| time.is_none_or(|time| !longer_than(&time, limit));
    // the frame under way takes that long at least
    let processing = seen.last_processing.max(underway);
    let slow = seen.slow_since.map(|since| now.saturating_sub(since));
    let delay = slow.max(underway.filter(|time| longer_than(time, deadline)));
    report.number("processing_time_ms", processing.map(millis));
    report.pair(
        "is_processing_time_ms_in_expected_range",
        expected(processing, deadline).to_string(),
    );
    report.number(
        "consecutive_processing_delay_ms",
        Some(delay.map_or(0.0, millis)),
    );
    report.pair(
        "is_consecutive_processing_delay_in_range",
        expected(delay, stale_after).to_string(),
    );
    report.pair("lesser_mode", health.total.lesser.to_string());
    report.pair("deadline_ms", deadline.to_string());
    report.number("p50_ms", ages(0.5));
    report.number("p99_ms", p99);
    report.number("max_ms", ages(1.0));
    let processed = |quantile| seen.processing.quantile(quantile).map(f64::from);
    report.number("processing_p50_ms", processed(0.5));
    report.number("processing_p99_ms", processed(0.99));
    let gpu = |quantile| seen.gpu.quantile(quantile).map(f64::from);
    report.number("gpu_p50_ms", gpu(0.5));
    report.number("gpu_p99_ms", gpu(0.99));
    report.pair("window", seen.ages.len().to_string());
    report.pair("misses", health.total.missed().to_string());
    report.pair("misses_recent", recent.missed().to_string());
    let words = match p99 {
        Some(p99) => format!("p99 {p99:.0} ms, deadline {deadline} ms"),
        None => format!("ages are unknown, deadline {deadline} ms"),
    };
    report.finish("latency", words)
}

pub(super) fn engine(health: &Health) -> DiagnosticStatus {
    let mut report = Report::default();
    let is_lost = health.underway.without_engine;
    let (state, engine) = (&health.lifecycle, health.engine.as_ref());
    let engine = engine.filter(|_| !is_lost);
    if let Some(reason) = &health.failure {
        report.find(ERROR, format!("{state}: {reason}"));
    } else if health.active && is_lost {
        let words = "a panic took the engine, and it is not open again: the log says why where it cannot be; where this stays and the log says \
                     nothing, opening it hangs: start the node again";
        report.find(ERROR, format!("{state}, but there is no engine: {words}"));
    } else if health.active && engine.is_none() {
        report.find(ERROR, format!("{state}, but there is no engine"));
    } else if !health.active {
        let loaded = engine.map_or("no engine is loaded", |_| "the engine is loaded");
        report.find(WARN, format!("{state}: {loaded}, frames are not judged"));
    } else if !health.enabled {
        report.find(WARN, format!("{state}, but disabled"));
    }
    let none = "none".to_owned();
    let word = |of: fn(&super::EngineWords) -> &String| engine.map_or(&none, of);
    let mode = match engine {
        Some(_) => health.seen.mode.unwrap_or("unknown"),
        None => "none",
    };
    let name = word(|words| &words.name).clone();
    // as little is known of the score as of the mode
    let score = engine
        .and_then(|words| words.judges.score_of(mode))
        .map_or_else(|| mode.to_owned(), |score| score.to_string());
    let ready = format!("{state}: {name}, mode {mode}, score {score}");
    report.pair("engine", name);
    report.pair("description", word(|words| &words.description));
    report.pair("mode", mode);
    report.pair("score", score);
    report.pair("bundle", word(|words| &words.bundle));
    report.pair("bundle_hash", word(|words| &words.bundle_hash));
    report.pair("stop_promise", word(|words| &words.stop_promise));
    report.pair("note", word(|words| &words.note));
    report.pair("left_out", word(|words| &words.left_out));
    report.pair("lifecycle", state);
    report.pair("enabled", health.enabled.to_string());
    report.finish("engine", ready)
}

pub(super) fn verdict(health: &Health, flag: (&Snapshot, Duration)) -> DiagnosticStatus {
    let live = health
        .seen
        .verdict
        .map_or(LiveStatus::default(), |told| LiveStatus {
            mode: told.mode,
            fate: told.fate,
            age_nanos: told.age.and_then(|age| i64::try_from(age.as_nanos()).ok()),
        });
    let networks = health
        .engine
        .as_ref()
        .map_or("unknown".into(), |words| Networks {
            bundle_hash: &words.bundle_hash,
            note: &words.note,
            judges: words.judges,
        });
    let mut status = DiagnosticStatus::of_flag(flag.0, flag.1, networks, &live);
    "verdict".clone_into(&mut status.name);
    status
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
