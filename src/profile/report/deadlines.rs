//! What became of the frames against their deadline, and in which modes.

use super::axis::{RIGHT, WIDTH, curve, nice, px};
use super::{gpu, latency, page, words};
use crate::profile::modes::Step;
use crate::profile::{DeadlineProfile, DeadlineSummary, LatencySummary, Misses};
use maud::{Markup, html};
use std::time::Duration;

/// Width of the bars of shares, in user units.
const BAR: f64 = 300.0;

/// What the section shows.
#[derive(Clone, Debug)]
pub(super) struct Deadlines {
    summary: DeadlineSummary,
    steps: Vec<Step>,
    /// Frames that a step stands for.
    stride: u64,
}

impl Deadlines {
    pub(super) fn new(profile: &DeadlineProfile, end: Duration) -> Self {
        let timeline = profile.timeline();
        Self {
            summary: profile.summary(end),
            steps: timeline.steps().to_vec(),
            stride: timeline.stride(),
        }
    }
}

pub(super) fn section(deadlines: &Deadlines) -> Markup {
    let summary = &deadlines.summary;
    html! {
        section aria-labelledby="deadlines" {
            h2 id="deadlines" { "Deadlines and modes" }
            (tiles(summary))
            @if !summary.modes.is_empty() {
                h3 { "Modes" }
                (residency(summary))
            }
            @if !deadlines.steps.is_empty() { div.chart { (chart(deadlines)) } }
            @if summary.age.count > 0 {
                h3 { "Age at publication" }
                (ages(summary))
            }
            @if !summary.modes.is_empty() {
                h3 { "Stages by mode" }
                (stages(summary))
                (gpu::by_mode(summary))
            }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn tiles(summary: &DeadlineSummary) -> Markup {
    let misses = &summary.misses;
    let count = words::grouped;
    let fresh = count(summary.late_shown_as_fresh);
    let in_time = match summary.frames {
        0 => "—".to_owned(),
        _ => percent(1.0 - summary.miss_ratio),
    };
    html! {
        dl.tiles {
            (page::tile("Deadline", &format!("{} ms", words::millis(summary.deadline_ms)),
                "from capture to publication".to_owned()))
            (page::tile("In time", &in_time, format!(
                "{} of {}", count(summary.in_time), words::frames(summary.frames))))
            (page::tile("Missed", &count(misses.total()), format!(
                "{} late, {} refused, {} replaced, {} failed", count(misses.late),
                count(misses.refused), count(misses.replaced), count(misses.failed))))
            @if summary.late_shown_as_fresh == 0 {
                (page::tile("Late shown as fresh", &fresh, format!(
                    "of {} checked", count(summary.fresh_checked))))
            } @else {
                div.tile { dt { "Late shown as fresh" } dd.bad { (fresh) small { "must be 0" } } }
            }
            @if let Some(gap) = summary.worst_fresh_gap {
                (page::tile("Longest gap", &format!("{} ms", words::millis(gap.ms)),
                    format!("without a verdict in time, from {} on", words::clock(gap.at_s))))
            }
            (page::tile("Changes of mode", &count(summary.mode_switches), String::new()))
        }
    }
}

/// Shares of time, as bars.
fn residency(summary: &DeadlineSummary) -> Markup {
    let missing = || html! { td.num.soft { "—" } };
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "Mode" }
                th.spread scope="col" { "Share of the time" }
                @for name in ["", "seconds", "frames", "in time", "late", "failed"] {
                    th.num scope="col" { (name) }
                }
            } }
            tbody {
                @for mode in &summary.modes {
                    tr {
                        th scope="row" { (mode.mode) }
                        (share(mode.time_share, "share"))
                        td.num { (format!("{:.1}", mode.seconds)) }
                        @for number in [mode.frames, mode.in_time, mode.late, mode.failed] {
                            td.num { (words::grouped(number)) }
                        }
                    }
                }
                @if summary.misses.refused > 0 {
                    tr {
                        th scope="row" { "none: refusing" }
                        (share(summary.refusing_share, "over"))
                        td.num { (format!("{:.1}", summary.refusing_seconds)) }
                        td.num { (words::grouped(summary.misses.refused)) }
                        (missing()) (missing()) (missing())
                    }
                }
            }
        } }
        @if summary.frames_in_other_modes > 0 {
            p.small.soft { (words::frames(summary.frames_in_other_modes)) " in further modes." }
        }
    }
}

fn share(share: f64, class: &str) -> Markup {
    html! {
        td.spread {
            svg viewBox={ "0 0 " (BAR) " 14" } preserveAspectRatio="none" aria-hidden="true" {
                rect.share-bg y="1" width=(px(BAR)) height="12" {}
                rect.(class) y="1" width=(px(BAR * share.clamp(0.0, 1.0))) height="12" {}
            }
        }
        td.num { (percent(share)) }
    }
}

fn ages(summary: &DeadlineSummary) -> Markup {
    let deadline = summary.deadline_ms;
    // Up to the deadline at least, and not so far that a single frame flattens the rest.
    let top = (1.2 * deadline).max(summary.age.p99_ms).max(1e-6);
    let line =
        |name: &str, age: &LatencySummary| latency::row(name, age, Some(top), Some(deadline));
    html! {
        div.scroll { table {
            (latency::head("Mode", top))
            tbody {
                @for mode in summary.modes.iter().filter(|mode| mode.age.count > 0) {
                    tr { (line(mode.mode, &mode.age)) }
                }
                tr.total { (line("all", &summary.age)) }
            }
        } }
        (latency::key())
        p.small.soft {
            span.key {
                svg viewBox="0 0 14 12" aria-hidden="true" { rect.over x="6" width="2" height="12" {} }
                "the deadline, " (words::millis(deadline)) " ms"
            }
        }
    }
}

fn stages(summary: &DeadlineSummary) -> Markup {
    let top = summary
        .modes
        .iter()
        .map(|mode| mode.latency.p99_ms)
        .fold(1e-6, f64::max);
    html! {
        div.scroll { table {
            (latency::head("Stage", top))
            @for mode in &summary.modes {
                tbody {
                    tr.group { th colspan="8" scope="rowgroup" { (mode.mode) } }
                    @for stage in mode.stages.iter().filter(|stage| stage.latency.count > 0) {
                        tr { (latency::row(stage.stage.name(), &stage.latency, Some(top), None)) }
                    }
                    @if mode.latency.count > 0 {
                        tr.total { (latency::row("whole frame", &mode.latency, Some(top), None)) }
                    }
                }
            }
        } }
        (latency::key())
    }
}

/// Names of modes need more room than the numbers of the other plots.
const LEFT: f64 = 148.0;
const LANES_TOP: f64 = 24.0;
const LANE: f64 = 16.0;
const AGE_HEIGHT: f64 = 150.0;

/// A line of the plot that frames are in or not.
struct Lane<'a> {
    name: &'a str,
    class: &'static str,
    count: u64,
    has: Box<dyn Fn(&Step) -> bool>,
}

type Count = fn(&Misses) -> u64;

fn lanes(summary: &DeadlineSummary) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    for (i, mode) in summary.modes.iter().enumerate() {
        lanes.push(Lane {
            name: mode.mode,
            class: "used",
            count: mode.frames,
            has: Box::new(move |step| step.lanes >> i & 1 == 1),
        });
    }
    let kinds: [(&str, Count); 4] = [
        ("late", |misses| misses.late),
        ("refused", |misses| misses.refused),
        ("replaced", |misses| misses.replaced),
        ("failed", |misses| misses.failed),
    ];
    for (name, of) in kinds {
        let count = of(&summary.misses);
        if count > 0 {
            lanes.push(Lane {
                name,
                class: "over",
                count,
                has: Box::new(move |step| of(&step.misses) > 0),
            });
        }
    }
    lanes
}

/// Time from left to right.
struct TimeAxis {
    from: f64,
    length: f64,
}

impl TimeAxis {
    fn x(&self, time: Duration) -> f64 {
        LEFT + (RIGHT - LEFT) * ((time.as_secs_f64() - self.from) / self.length).clamp(0.0, 1.0)
    }
}

fn chart(deadlines: &Deadlines) -> Markup {
    let (summary, steps) = (&deadlines.summary, &deadlines.steps);
    let seconds = |step: Option<&Step>, time: fn(&Step) -> Duration| {
        step.map_or(0.0, |step| time(step).as_secs_f64())
    };
    let from = seconds(steps.first(), |step| step.first);
    let to = seconds(steps.last(), |step| step.last).max(from + summary.seconds);
    let axis = TimeAxis {
        from,
        length: (to - from).max(1e-3),
    };
    let lanes = lanes(summary);
    let lanes_bottom = LANES_TOP + LANE * lanes.len() as f64;
    let (top, bottom) = (lanes_bottom + 40.0, lanes_bottom + 40.0 + AGE_HEIGHT);
    let deadline = summary.deadline_ms;
    let most = summary.age.max_ms.min(2.0 * deadline).max(1.2 * deadline);
    let tick = nice(most / 4.0);
    let most = (most / tick).ceil() * tick;
    let y = |ms: f64| bottom - (bottom - top) * (ms / most).clamp(0.0, 1.0);
    let points = steps.iter().map(|step| (axis.x(step.at()), step.age_ms));
    let (line, area) = curve(points, y, bottom);
    let note = match deadlines.stride {
        1 => "milliseconds, frame by frame".to_owned(),
        n => format!("milliseconds, the highest of every {n} frames"),
    };
    let every = nice(axis.length / 10.0);
    let ticks = (0..=11).map(|i| (from / every).ceil() * every + f64::from(i) * every);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (px(bottom + 30.0)) } role="img" aria-labelledby="dl-title dl-desc" {
            title id="dl-title" { "Modes, misses and age at publication over the run" }
            desc id="dl-desc" {
                (words::grouped(summary.in_time)) " of " (words::frames(summary.frames)) " in time. "
                @for lane in &lanes { (lane.name) ": " (words::frames(lane.count)) ". " }
            }
            @for at in ticks.filter(|at| *at <= to + 1e-9) {
                @let x = px(axis.x(Duration::try_from_secs_f64(at).unwrap_or_default()));
                line.grid x1=(x) x2=(x) y1=(px(LANES_TOP)) y2=(px(bottom)) {}
                text x=(x) y=(px(bottom + 19.0)) text-anchor="middle" { (words::clock(at)) }
            }
            text x=(px(LEFT)) y=(px(LANES_TOP - 9.0)) {
                tspan.strong { "Mode and misses" } tspan dx="8" { "frames on the right" }
            }
            @for (i, lane) in lanes.iter().enumerate() {
                (lane_of(lane, LANES_TOP + LANE * i as f64, steps, &axis))
            }
            text x=(px(LEFT)) y=(px(top - 9.0)) {
                tspan.strong { "Age at publication" } tspan dx="8" { (note) }
            }
            @for i in 0..=(most / tick).round() as u32 {
                @let value = f64::from(i) * tick;
                line.grid x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y(value))) y2=(px(y(value))) {}
                text x=(px(LEFT - 12.0)) y=(px(y(value) + 4.0)) text-anchor="end" { (value) }
            }
            path.area d=(area) {}
            path.curve d=(line) {}
            line.limit x1=(px(LEFT)) x2=(px(RIGHT)) y1=(px(y(deadline))) y2=(px(y(deadline))) {}
            text.limit-text x=(px(LEFT + 6.0)) y=(px(y(deadline) - 5.0)) {
                "deadline " (words::millis(deadline)) " ms"
            }
        }
    }
}

fn lane_of(lane: &Lane<'_>, y: f64, steps: &[Step], axis: &TimeAxis) -> Markup {
    let mut runs: Vec<(f64, f64)> = Vec::new();
    let mut open = false;
    for (i, step) in steps.iter().enumerate() {
        let on = (lane.has)(step);
        if on {
            let end = steps.get(i + 1).map_or(step.last, |next| next.first);
            let (left, right) = (axis.x(step.first), axis.x(end));
            match runs.last_mut().filter(|_| open) {
                Some(run) => run.1 = right,
                None => runs.push((left, right)),
            }
        }
        open = on;
    }
    html! {
        rect.lane x=(px(LEFT)) y=(px(y + 1.0)) width=(px(RIGHT - LEFT)) height=(px(LANE - 2.0)) {}
        text.strong x=(px(LEFT - 12.0)) y=(px(y + 12.0)) text-anchor="end" { (lane.name) }
        @for (left, right) in runs {
            rect.(lane.class) x=(px(left)) y=(px(y + 1.0)) width=(px((right - left).max(2.0)))
                height=(px(LANE - 2.0)) { title { (lane.name) } }
        }
        text.strong x=(px(RIGHT + 6.0)) y=(px(y + 12.0)) { (words::grouped(lane.count)) }
    }
}
