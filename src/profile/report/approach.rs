//! Of a drive in which the vehicle heeds the flag: distance to the thing, speed, what decides about a
//! stop, and the flag, one above the other.

use super::axis::{LEFT, RIGHT, RunAxis, WIDTH, nice, px};
use super::series::{Approach, Sample};
use super::timeline::{heading, hit, scale};
use super::{ReportBuilder, evidence};
use maud::{Markup, html};

const TOP: f64 = 24.0;
const PANEL: f64 = 90.0;
const STEP: f64 = PANEL + 36.0;
const FLAG_TOP: f64 = TOP + 3.0 * STEP;
const FLAG_HEIGHT: f64 = 16.0;
const BOTTOM: f64 = FLAG_TOP + FLAG_HEIGHT;
const HEIGHT: f64 = BOTTOM + 44.0;

/// Whether there is something to draw.
pub(super) fn is_known(report: &ReportBuilder) -> bool {
    report.series.steps().iter().any(|s| s.approach.is_some())
}

pub(super) fn chart(report: &ReportBuilder) -> Markup {
    let axis = RunAxis::new(&report.series);
    let metres = |s: &Sample| s.approach?.ahead_m.map(|m| f64::from(m.max(0.0)));
    let kmh = |s: &Sample| s.approach.map(|a| speed(&a));
    let pixels = |s: &Sample| Some(f64::from(s.corridor_pixels));
    let on = f64::from(report.info.area_on);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby="ap-title" {
            title id="ap-title" {
                "Distance to the thing, speed, what speaks for a stop and the flag over the run"
            }
            (axis.ticks(TOP, BOTTOM))
            (panel(report, &axis, 0, ("Distance to the thing", "true distance from the vehicle's front, in metres; a gap where there is no thing"), metres, None))
            (panel(report, &axis, 1, ("Speed", "km/h"), kmh, None))
            @if evidence::decides(report) {
                (evidence::panel(report, &axis, (TOP + 2.0 * STEP, TOP + 2.0 * STEP + PANEL)))
            } @else {
                (panel(report, &axis, 2, ("Anomalous area in the corridor", "pixels of the score map"), pixels, Some(on)))
            }
            (flag(report, &axis))
        }
    }
}

fn speed(approach: &Approach) -> f64 {
    f64::from(approach.speed_mps) * 3.6
}

/// One curve from 0 to its largest value.
fn panel(
    report: &ReportBuilder,
    axis: &RunAxis<'_>,
    place: u32,
    (title, note): (&str, &str),
    value: impl Fn(&Sample) -> Option<f64>,
    from: Option<f64>,
) -> Markup {
    let top = TOP + STEP * f64::from(place);
    let bottom = top + PANEL;
    let values = report.series.steps().iter().filter_map(&value);
    let least = from.map_or(1.0, |from| 2.0 * from);
    let largest = values.filter(|v| v.is_finite()).fold(least, f64::max);
    // at most three steps, of a round number
    let step = nice(largest / 3.0);
    let end = (largest / step).ceil() * step;
    let ticks: Vec<f64> = (0..=3).map(|i| f64::from(i) * step).collect();
    let y = |value: f64| bottom - PANEL * (value / end).clamp(0.0, 1.0);
    let (line, area) = axis.curve(value, y, bottom);
    html! {
        (heading(top, title, note))
        (scale(&ticks[..=((end / step) as usize).min(3)], y, |v| format!("{v:.0}")))
        path.area d=(area) {}
        path.curve d=(line) {}
        @if let Some(from) = from { (hit(y(from), from)) }
    }
}

/// Where the flag was up.
fn flag(report: &ReportBuilder, axis: &RunAxis<'_>) -> Markup {
    let mut runs: Vec<(f64, f64)> = Vec::new();
    for (i, step) in report.series.steps().iter().enumerate() {
        let (left, right) = axis.edges(i);
        match runs.last_mut() {
            _ if !step.flag => {}
            Some(run) if run.1 == left => run.1 = right,
            _ => runs.push((left, right)),
        }
    }
    html! {
        (heading(FLAG_TOP, "Safe-stop flag", "drawn where it is up, as it is until the first good frames have come"))
        rect.lane x=(px(LEFT)) y=(px(FLAG_TOP + 1.0)) width=(px(RIGHT - LEFT))
            height=(px(FLAG_HEIGHT - 2.0)) {}
        @for (left, right) in runs {
            rect.run.stop x=(px(left)) y=(px(FLAG_TOP + 1.0)) width=(px((right - left).max(2.0)))
                height=(px(FLAG_HEIGHT - 2.0)) {}
        }
    }
}
