//! How long the work took: by stage, and over the run.

use super::axis::{LEFT, RIGHT, RunAxis, WIDTH, nice, px};
use super::timeline::scale;
use super::words;
use super::{ReportBuilder, Summary};
use crate::profile::LatencySummary;
use maud::{Markup, html};

/// Width of the bars in the table, in user units.
const BAR: f64 = 300.0;

/// The table of stages with a bar each, all on one scale.
pub(super) fn by_stage(summary: &Summary) -> Markup {
    let ran = summary.stages.iter().map(|stage| stage.latency.p99_ms);
    let top = ran.fold(summary.latency.p99_ms, f64::max).max(1e-6);
    html! {
        div.scroll { table {
            (head("Stage", top))
            tbody {
                @for stage in &summary.stages {
                    tr { (row(stage.stage.name(), &stage.latency, Some(top), None)) }
                }
                tr.total { (row("whole frame", &summary.latency, Some(top), None)) }
                @if summary.age.count > 0 {
                    tr { (row("age at publication", &summary.age, None, None)) }
                }
            }
        } }
        (key())
    }
}

/// The head of a table of [`row`]s; bars end at `top`.
pub(super) fn head(first: &str, top: f64) -> Markup {
    html! {
        thead { tr {
            th scope="col" { (first) }
            th.spread scope="col" { "0 to " (words::millis(top)) " ms" }
            @for name in ["p50", "p90", "p99", "max", "mean"] { th.num scope="col" { (name) } }
            th.num scope="col" { "frames" }
        } }
    }
}

/// What the bars mean.
pub(super) fn key() -> Markup {
    html! {
        p.small.soft {
            "Milliseconds. "
            @for (class, name) in [("b50", "up to p50"), ("b90", "to p90"), ("b99", "to p99"), ("bmax", "max, where it fits")] {
                span.key {
                    svg viewBox="0 0 14 12" aria-hidden="true" {
                        @if class == "bmax" { rect.bmax x="6" width="2" height="12" {} }
                        @else { rect.(class) width="14" height="12" {} }
                    }
                    (name)
                }
            }
        }
    }
}

/// The cells of one line of times. Its bar ends at `top`, with a mark at `mark`.
pub(super) fn row(
    name: &str,
    latency: &LatencySummary,
    top: Option<f64>,
    mark: Option<f64>,
) -> Markup {
    html! {
        th scope="row" { (name) }
        @if latency.count == 0 {
            td.soft colspan="6" { "did not run" }
        } @else {
            td.spread { @if let Some(top) = top { (bar(latency, top, mark)) } }
            @for ms in [latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.max_ms, latency.mean_ms] {
                td.num { (words::millis(ms)) }
            }
        }
        td.num { (words::grouped(latency.count)) }
    }
}

fn bar(latency: &LatencySummary, top: f64, mark: Option<f64>) -> Markup {
    let x = |ms: f64| (ms / top * BAR).clamp(0.0, BAR);
    html! {
        svg viewBox={ "0 0 " (BAR) " 14" } preserveAspectRatio="none" aria-hidden="true" {
            rect.b99 y="1" width=(px(x(latency.p99_ms))) height="12" {}
            rect.b90 y="1" width=(px(x(latency.p90_ms))) height="12" {}
            rect.b50 y="1" width=(px(x(latency.p50_ms))) height="12" {}
            @if latency.max_ms <= top {
                rect.bmax x=(px((x(latency.max_ms) - 2.0).max(0.0))) width="2" height="14" {}
            }
            @if let Some(mark) = mark { rect.over x=(px(x(mark) - 1.0)) width="2" height="14" {} }
        }
    }
}

const TOP: f64 = 24.0;
const BOTTOM: f64 = 164.0;
const HEIGHT: f64 = BOTTOM + 44.0;
/// Peaks beyond the top that are marked one by one.
const MAX_MARKS: usize = 100;

/// Whole-frame latency over the run. A few slow frames, as when caches are cold, must not flatten
/// the rest: the scale ends at twice p90, and what is beyond is marked.
pub(super) fn over_time(report: &ReportBuilder, summary: &Summary) -> Markup {
    let axis = RunAxis::new(&report.series);
    let latency = &summary.latency;
    let most = latency.max_ms.min(2.0 * latency.p90_ms).max(1e-3);
    let tick = nice(most / 4.0);
    let top = (most / tick).ceil() * tick;
    let y = |ms: f64| BOTTOM - (BOTTOM - TOP) * (ms / top).clamp(0.0, 1.0);
    let (line, area) = axis.curve(|s| Some(s.latency_ms), y, BOTTOM);
    let ticks: Vec<f64> = (0..=(top / tick).round() as usize)
        .map(|i| i as f64 * tick)
        .collect();
    let beyond = report
        .series
        .steps()
        .iter()
        .enumerate()
        .filter(|(_, s)| s.latency_ms > top);
    let note = match report.series.stride() {
        1 => "milliseconds a frame".to_owned(),
        n => format!("milliseconds, the longest of every {n} frames"),
    };
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby="lt-title lt-desc" {
            title id="lt-title" { "Latency of the whole frame over the run" }
            desc id="lt-desc" {
                "Median " (words::millis(latency.p50_ms)) " ms, p99 " (words::millis(latency.p99_ms))
                " ms, longest " (words::millis(latency.max_ms)) " ms."
            }
            text x=(px(LEFT)) y=(px(TOP - 9.0)) {
                tspan.strong { "Whole frame" } tspan dx="8" { (note) }
            }
            (axis.ticks(TOP, BOTTOM))
            (scale(&ticks, y, |v| format!("{v}")))
            path.area d=(area) {}
            path.curve d=(line) {}
            @for (name, ms, below) in [("p50", latency.p50_ms, 11.0), ("p99", latency.p99_ms, -2.0)] {
                @if ms <= top {
                    line.level x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y(ms))) y2=(px(y(ms))) {}
                    text.strong x=(px(RIGHT + 6.0)) y=(px(y(ms) + below)) { (name) }
                }
            }
            @for (i, step) in beyond.take(MAX_MARKS) {
                @let x = axis.middle(i);
                path.over d={ "M" (px(x)) " " (px(TOP - 7.0)) "l5 8h-10z" } {
                    title { "frame " (step.frame) ": " (words::millis(step.latency_ms)) " ms" }
                }
            }
        }
    }
}
