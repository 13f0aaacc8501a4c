//! States, score and what decides about a stop over the run, one above the other.

use super::axis::{LEFT, RIGHT, RunAxis, WIDTH, px};
use super::words;
use super::{ReportBuilder, Summary, evidence};
use crate::decide::State;
use maud::{Markup, html};

/// From the least worry to the greatest, top to bottom.
const LANES: [State; 5] = [
    State::Ok,
    State::Waiting,
    State::Warn,
    State::Fault,
    State::Stop,
];
const LANE_HEIGHT: f64 = 16.0;
const STATES_TOP: f64 = 24.0;
const STATES_BOTTOM: f64 = STATES_TOP + LANE_HEIGHT * LANES.len() as f64;
const SCORE_TOP: f64 = STATES_BOTTOM + 40.0;
const SCORE_BOTTOM: f64 = SCORE_TOP + 140.0;
const DECIDES_TOP: f64 = SCORE_BOTTOM + 40.0;
const DECIDES_BOTTOM: f64 = DECIDES_TOP + 120.0;
const HEIGHT: f64 = DECIDES_BOTTOM + 44.0;

pub(super) fn timeline(report: &ReportBuilder, summary: &Summary) -> Markup {
    let axis = RunAxis::new(&report.series);
    let stop = summary
        .first_stop
        .and_then(|stop| axis.of_frame(stop.frame));
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby="tl-title tl-desc" {
            title id="tl-title" { "States, largest score and what speaks for a stop over the run" }
            desc id="tl-desc" {
                @for state in LANES {
                    (state.name()) " in " (words::frames(summary.states.get(state))) ". "
                }
                @if let Some(max) = summary.score_max { "Largest score " (format!("{max:.2}")) ". " }
            }
            (axis.ticks(STATES_TOP, DECIDES_BOTTOM))
            (states(report, summary, &axis))
            (score(report, &axis))
            @if evidence::decides(report) {
                (evidence::panel(report, &axis, (DECIDES_TOP, DECIDES_BOTTOM)))
            } @else {
                (area(report, &axis))
            }
            @if let Some(x) = stop {
                line.stop-line x1=(px(x)) x2=(px(x)) y1=(px(STATES_TOP)) y2=(px(DECIDES_BOTTOM)) {
                    title { "first STOP" }
                }
            }
        }
    }
}

pub(super) fn heading(y: f64, title: &str, note: &str) -> Markup {
    html! {
        text x=(px(LEFT)) y=(px(y - 9.0)) {
            tspan.strong { (title) } tspan dx="8" { (note) }
        }
    }
}

/// A lane for each state, so that none is told by its colour alone.
fn states(report: &ReportBuilder, summary: &Summary, axis: &RunAxis<'_>) -> Markup {
    let note = match report.series.stride() {
        1 => "one state at a time, a lane each; frames on the right".to_owned(),
        n => format!("the gravest of every {n} frames; frames on the right"),
    };
    html! {
        (heading(STATES_TOP, "State", &note))
        @for (i, state) in LANES.into_iter().enumerate() {
            @let y = STATES_TOP + i as f64 * LANE_HEIGHT;
            rect.lane x=(px(LEFT)) y=(px(y + 1.0)) width=(px(RIGHT - LEFT))
                height=(px(LANE_HEIGHT - 2.0)) {}
            text.strong x=(px(LEFT - 12.0)) y=(px(y + 12.0)) text-anchor="end" { (state.name()) }
            @for (left, right) in runs(report, axis, state) {
                rect.run.(words::class(state)) x=(px(left)) y=(px(y + 1.0))
                    width=(px((right - left).max(2.0))) height=(px(LANE_HEIGHT - 2.0)) {
                    title { (state.name()) }
                }
            }
            text.strong x=(px(RIGHT + 6.0)) y=(px(y + 12.0)) {
                (words::grouped(summary.states.get(state)))
            }
        }
    }
}

/// Left and right edges of the stretches of a state.
fn runs(report: &ReportBuilder, axis: &RunAxis<'_>, state: State) -> Vec<(f64, f64)> {
    let mut runs: Vec<(f64, f64)> = Vec::new();
    let mut previous = None;
    for (i, step) in report.series.steps().iter().enumerate() {
        if step.state == state {
            let (left, right) = axis.edges(i);
            match runs.last_mut().filter(|_| previous == Some(state)) {
                Some(run) => run.1 = right,
                None => runs.push((left, right)),
            }
        }
        previous = Some(step.state);
    }
    runs
}

fn score(report: &ReportBuilder, axis: &RunAxis<'_>) -> Markup {
    let y = |value: f64| SCORE_BOTTOM - (SCORE_BOTTOM - SCORE_TOP) * value.clamp(0.0, 1.0);
    let (line, area) = axis.curve(|s| s.score.map(f64::from), y, SCORE_BOTTOM);
    let best = report.info.judges.modes().next();
    let judge = best.and_then(|mode| report.info.judges.of(mode));
    let threshold = judge.map_or(f64::NAN, |judge| f64::from(judge.threshold));
    html! {
        (heading(SCORE_TOP, "Largest OOD score", "of the whole picture, 0 known to 1 unknown; gaps are failed frames"))
        (scale(&[0.0, 0.25, 0.5, 0.75, 1.0], y, |v| format!("{v:.2}")))
        path.area d=(area) {}
        path.curve d=(line) {}
        @if threshold.is_finite() {
            // below it: the largest score of a frame is seldom there
            (named_line(y(threshold), y(threshold) + 14.0, &format!("threshold {threshold:.3}")))
        }
    }
}

fn area(report: &ReportBuilder, axis: &RunAxis<'_>) -> Markup {
    let on = f64::from(report.info.area_on);
    let pixels = report
        .series
        .steps()
        .iter()
        .map(|s| s.corridor_pixels)
        .max()
        .unwrap_or(0);
    let top = f64::from(pixels).max(2.0 * on).max(1.0) * 1.05;
    let y = |value: f64| {
        DECIDES_BOTTOM - (DECIDES_BOTTOM - DECIDES_TOP) * (value / top).clamp(0.0, 1.0).sqrt()
    };
    let (line, area) = axis.curve(|s| Some(f64::from(s.corridor_pixels)), y, DECIDES_BOTTOM);
    // With the root, quarters of the height are sixteenths of the value.
    let round = |value: f64| {
        let unit = 10f64.powf(value.log10().floor());
        if unit.is_finite() && unit > 0.0 {
            (value / unit).round() * unit
        } else {
            value
        }
    };
    let ticks = [0.0, round(top / 16.0), round(top / 4.0), round(top * 0.9)];
    html! {
        (heading(DECIDES_TOP, "Anomalous area in the corridor", "pixels of the score map, square-root scale"))
        (scale(&ticks, y, |v| format!("{v:.0}")))
        path.area d=(area) {}
        path.curve d=(line) {}
        (hit(y(on), on))
    }
}

/// Horizontal lines with their values on the left.
pub(super) fn scale(
    values: &[f64],
    y: impl Fn(f64) -> f64,
    label: impl Fn(f64) -> String,
) -> Markup {
    html! {
        @for &value in values {
            @let at = y(value);
            line.grid x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(at)) y2=(px(at)) {}
            text x=(px(LEFT - 12.0)) y=(px(at + 4.0)) text-anchor="end" { (label(value)) }
        }
    }
}

/// A dashed line with its name above it.
pub(super) fn limit(y: f64, name: &str) -> Markup {
    named_line(y, y - 5.0, name)
}

/// The area from which on a frame is a hit.
pub(super) fn hit(y: f64, pixels: f64) -> Markup {
    limit(y, &format!("a frame is a hit from {pixels:.0} on"))
}

fn named_line(y: f64, name_y: f64, name: &str) -> Markup {
    html! {
        line.limit x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y)) y2=(px(y)) {}
        text.limit-text x=(px(LEFT + 6.0)) y=(px(name_y)) { (name) }
    }
}
