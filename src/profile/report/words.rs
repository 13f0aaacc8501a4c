use crate::decide::State;
use crate::profile::Summary;

/// Class of the style sheet for a state.
pub(super) fn class(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Ok => "ok",
        State::Warn => "warn",
        State::Stop => "stop",
        State::Fault => "fault",
    }
}

/// Seconds into the run: `12.35 s`, from two minutes on `2:03.4`.
pub(super) fn clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "?".to_owned();
    }
    if seconds.abs() < 120.0 {
        return format!("{seconds:.2} s");
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let tenths = (seconds.abs() * 10.0).round() as u64;
    let (minutes, tenths) = (tenths / 600, tenths % 600);
    format!("{sign}{minutes}:{:02}.{}", tenths / 10, tenths % 10)
}

/// A time in milliseconds with three digits that matter.
pub(super) fn millis(ms: f64) -> String {
    match ms {
        ms if ms >= 100.0 => format!("{ms:.0}"),
        ms if ms >= 10.0 => format!("{ms:.1}"),
        ms => format!("{ms:.2}"),
    }
}

/// `1 frame`, `2 frames`.
pub(super) fn frames(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} frame{plural}", grouped(count))
}

/// Thousands set apart by thin spaces.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len());
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Seconds from the first stamp of the run to `stamp_ns`.
pub(super) fn since_start(summary: &Summary, stamp_ns: Option<i64>) -> Option<f64> {
    let nanos = stamp_ns?.saturating_sub(summary.first_stamp_ns?);
    Some(nanos as f64 / 1e9)
}

/// The state that stands for the whole run, and what happened in one sentence.
pub(super) fn verdict(summary: &Summary) -> (State, String) {
    let states = &summary.states;
    let all = summary.frames.handled + summary.frames.failed;
    let unreliable = match states.fault {
        0 => String::new(),
        n => format!(" In {} the input could not be relied on.", frames(n)),
    };
    if all == 0 {
        let text = "No frame was processed: nothing can be said about this drive.";
        return (State::Waiting, text.to_owned());
    }
    if let Some(stop) = summary.first_stop {
        let at = match since_start(summary, stop.stamp_ns) {
            Some(seconds) => format!("{} into the drive (frame {})", clock(seconds), stop.frame),
            None => format!("at frame {}", stop.frame),
        };
        let ahead = match stop.nearest {
            Some(metres) => format!(", measured {metres:.0} m ahead"),
            None => String::new(),
        };
        let text = format!(
            "Safe stop called {at}: something unknown was confirmed in the corridor{ahead}.\
             {unreliable}"
        );
        return (State::Stop, text);
    }
    if states.fault > 0 {
        let text = format!("No anomaly was confirmed.{unreliable}");
        return (State::Fault, text);
    }
    if states.ok + states.warn == 0 {
        let text = format!("Only {} came: too few for a first verdict.", frames(all));
        return (State::Waiting, text);
    }
    if states.warn > 0 {
        let text = format!(
            "Something unknown was suspected in the corridor in {}, and never confirmed.",
            frames(states.warn)
        );
        return (State::Warn, text);
    }
    let text = format!(
        "The corridor was clear in every frame after the start: {}.",
        frames(states.ok)
    );
    (State::Ok, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_people() {
        for (seconds, text) in [
            (0.0, "0.00 s"),
            (12.346, "12.35 s"),
            (119.9, "119.90 s"),
            (120.0, "2:00.0"),
            (3599.96, "60:00.0"),
            (-130.0, "-2:10.0"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(clock(seconds), text);
        }
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(999), "999");
        assert_eq!(frames(1), "1 frame");
    }
}
