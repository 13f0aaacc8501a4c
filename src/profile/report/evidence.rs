//! The evidence of the tracks over the run, in parts of the level that confirms a stop.

use super::ReportBuilder;
use super::axis::RunAxis;
use super::series::Sample;
use super::timeline::{heading, limit, scale};
use maud::{Markup, html};

/// Where the scale ends, in percent of the level. A vehicle that stands before a thing goes on to gather
/// evidence, and a scale that had room for all of it would flatten what led to the stop.
const MOST: f64 = 400.0;
/// Where it ends when no frame had more, in percent.
const USUAL: f64 = 200.0;

/// Whether evidence decided about a frame.
pub(super) fn decides(report: &ReportBuilder) -> bool {
    report.series.steps().iter().any(|s| s.evidence.is_some())
}

/// `120 % of the level` for evidence in parts of the level.
pub(super) fn percent(evidence: f32) -> String {
    format!("{:.0} % of the level", evidence * 100.0)
}

/// The curve from `top` to `bottom`, with the level.
pub(super) fn panel(
    report: &ReportBuilder,
    axis: &RunAxis<'_>,
    (top, bottom): (f64, f64),
) -> Markup {
    let value = |s: &Sample| s.evidence.map(|e| f64::from(e) * 100.0);
    let steps = report.series.steps();
    let exceeds = |percent: f64| steps.iter().filter_map(value).any(|v| v > percent);
    let end = if exceeds(USUAL) { MOST } else { USUAL };
    let mut note = "% of the level that confirms a stop within the stopping distance".to_owned();
    if exceeds(MOST) {
        note += &format!("; cut off at {MOST:.0} %");
    }
    if steps
        .iter()
        .any(|s| s.score.is_some() && s.evidence.is_none())
    {
        note += "; a gap where the ground is not known";
    }
    let y = |value: f64| bottom - (bottom - top) * (value / end).clamp(0.0, 1.0);
    let (line, area) = axis.curve(value, y, bottom);
    html! {
        (heading(top, "Evidence in the corridor", &note))
        (scale(&[0.0, end / 2.0, end], y, |v| format!("{v:.0}")))
        path.area d=(area) {}
        path.curve d=(line) {}
        (limit(y(100.0), "confirms a stop from 100 % on"))
    }
}
