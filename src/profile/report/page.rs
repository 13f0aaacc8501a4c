//! The page, from top to bottom. `maud` escapes whatever is put between parentheses; nothing here
//! goes round that but the style sheet.

use super::pictures::Picture;
use super::{
    ReportBuilder, Summary, Transition, approach, deadlines, evidence, latency, machine, timeline,
    words,
};
use crate::decide::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
/// Says to the browser what is so anyway: the page loads nothing and runs nothing.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// A whole page around its `main`, in the style of the report and with more of one's own.
pub fn document(title: &str, style: &str, main: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { main { (main) } }
        }
    }
}

pub(super) fn page(report: &ReportBuilder, summary: &Summary) -> Markup {
    let info = &report.info;
    let (state, sentence) = words::verdict(summary);
    let any = report.series.count() > 0;
    let main = html! {
        header {
            h1 { (info.title) }
            p.soft.mono { (info.source) }
        }
        div.verdict.(words::class(state)) { (badge(state)) p { (sentence) } }
        @if !report.headlines.is_empty() {
            ul.headlines { @for line in &report.headlines { li { (line) } } }
        }
        (tiles(summary))
        @if let Some(deadlines) = &report.deadlines { (deadlines::section(deadlines)) }
        @if approach::is_known(report) {
            section aria-labelledby="approach" {
                h2 id="approach" { "How the vehicle came towards it" }
                div.chart { (approach::chart(report)) }
            }
        }
        (pictures(report))
        @if any {
            section aria-labelledby="run" {
                h2 id="run" { "The run" }
                div.chart { (timeline::timeline(report, summary)) }
            }
        }
        (transitions(report))
        @if any {
            section aria-labelledby="latency" {
                h2 id="latency" { "Latency" }
                (latency::by_stage(summary))
                div.chart { (latency::over_time(report, summary)) }
            }
        }
        @if let Some(machine) = &report.machine { (machine::section(machine)) }
        (facts(report, summary))
        footer {
            "Written by lookout " (env!("CARGO_PKG_VERSION")) ". One row a frame is in "
            span.mono { "frames.csv" } ". Percentiles are right to 0.1 %."
        }
    };
    document(&format!("{} · {}", state.name(), info.title), "", main)
}

fn badge(state: State) -> Markup {
    html! { span.badge.(words::class(state)) { (state.name()) } }
}

/// A number that is worth knowing, with a note below.
pub(super) fn tile(name: &str, value: &str, note: String) -> Markup {
    html! { div.tile { dt { (name) } dd { (value) @if !note.is_empty() { small { (note) } } } } }
}

fn tiles(summary: &Summary) -> Markup {
    let frames = &summary.frames;
    let length = words::since_start(summary, summary.last_stamp_ns);
    html! {
        dl.tiles {
            (tile("Frames", &words::grouped(frames.handled + frames.failed), format!(
                "{} failed, {} dropped", words::grouped(frames.failed), words::grouped(frames.dropped))))
            @if let Some(stop) = summary.first_stop {
                @let at = words::since_start(summary, stop.stamp_ns);
                (tile("First stop", &at.map_or_else(|| "—".to_owned(), words::clock),
                    format!("frame {}", words::grouped(stop.frame))))
            } @else {
                (tile("First stop", "none", String::new()))
            }
            @if let Some(max) = summary.score_max {
                (tile("Largest score", &format!("{max:.2}"), "0 known to 1 unknown".to_owned()))
            }
            (tile("Latency p99", &format!("{} ms", words::millis(summary.latency.p99_ms)),
                format!("median {} ms", words::millis(summary.latency.p50_ms))))
            (tile("Frames a second", &format!("{:.1}", summary.frames_per_second),
                length.map_or_else(String::new, |s| format!("{} of the drive in {}",
                    words::clock(s), words::clock(summary.wall_seconds)))))
            @if let Some(bytes) = summary.peak_resident_bytes {
                (tile("Peak memory", &format!("{} MB", bytes.div_ceil(1_000_000)), String::new()))
            }
        }
    }
}

fn pictures(report: &ReportBuilder) -> Markup {
    let worst = report.pictures.worst();
    html! {
        @if !worst.is_empty() {
            section aria-labelledby="pictures" {
                h2 id="pictures" { "Worst frames" }
                p.small.soft.no-print { "In the order of the run, spread over it. Click one to enlarge it." }
                div.pictures { @for picture in worst { (figure(picture)) } }
            }
        }
    }
}

fn figure(picture: &Picture) -> Markup {
    let index = picture.index;
    let largest = picture.caption.and_then(|caption| caption.score_max);
    let score = match largest.filter(|score| !score.is_nan()) {
        Some(score) => format!("largest score {score:.2}"),
        None => "no score".to_owned(),
    };
    let source = format!("data:image/jpeg;base64,{}", STANDARD.encode(&picture.jpeg));
    let state = picture.caption.map_or("", |caption| caption.state.name());
    html! {
        figure {
            label {
                input type="checkbox" aria-label={ "Enlarge frame " (index) };
                img src=(source) alt={ "Frame " (index) " with what is unknown marked: " (score) " " (state) };
            }
            figcaption {
                @if let Some(caption) = picture.caption { (badge(caption.state)) " " }
                strong { "frame " (words::grouped(index)) }
                @if let Some(seconds) = picture.caption.and_then(|c| c.seconds) {
                    " · " (words::clock(seconds))
                }
                br;
                span.soft {
                    (score)
                    @if let Some(caption) = picture.caption {
                        " · "
                        @match caption.evidence {
                            Some(evidence) => { "evidence " (evidence::percent(evidence)) }
                            None => { (words::grouped(caption.corridor_pixels.into())) " px in the corridor" }
                        }
                    }
                }
            }
        }
    }
}

fn transitions(report: &ReportBuilder) -> Markup {
    html! {
        @if !report.transitions.is_empty() {
            section aria-labelledby="transitions" {
                h2 id="transitions" { "Changes of state" }
                div.scroll { table {
                    thead { tr {
                        th.num scope="col" { "Time" } th.num scope="col" { "Frame" }
                        th scope="col" { "From → to" } th.num scope="col" { "Nearest" }
                        th scope="col" { "Reason" }
                    } }
                    tbody { @for transition in &report.transitions { (transition_row(transition)) } }
                } }
                @if report.transitions_left_out > 0 {
                    p.small.soft { (words::grouped(report.transitions_left_out)) " more are in frames.csv." }
                }
            }
        }
    }
}

fn transition_row(transition: &Transition) -> Markup {
    html! {
        tr {
            td.num { (transition.seconds.map_or_else(|| "—".to_owned(), words::clock)) }
            td.num { (words::grouped(transition.frame)) }
            td.states {
                @match transition.from { Some(from) => (badge(from)), None => span.soft { "start" } }
                " → " (badge(transition.to))
            }
            td.num { (transition.nearest.map_or_else(|| "—".to_owned(), |m| format!("{m:.1} m"))) }
            td { (transition.reason) }
        }
    }
}

fn facts(report: &ReportBuilder, summary: &Summary) -> Markup {
    let info = &report.info;
    let modes: Vec<String> = summary
        .modes
        .iter()
        .map(|mode| format!("{} ({})", mode.mode, words::frames(mode.frames)))
        .collect();
    let row = |name: &str, value: Markup| html! { tr { th scope="row" { (name) } td { (value) } } };
    html! {
        section aria-labelledby="facts" {
            h2 id="facts" { "How it was made" }
            table.facts { tbody {
                (row("Source", html! { span.mono { (info.source) } }))
                (row("Frame size", html! { (info.width) " × " (info.height) " pixels" }))
                (row("Bundle", html! { (info.bundle_name) " " span.mono.soft { (info.bundle_hash) } }))
                (row("Engine", html! { (info.engine) }))
                (row("Mode asked for", html! { (info.mode) }))
                (row("Modes run", html! { (modes.join(", ")) }))
                @if !info.corridor.is_empty() { (row("Corridor", html! { (info.corridor) })) }
                @for note in &info.notes { (row("Note", html! { (note) })) }
                @for (mode, judge) in info.judges.modes().filter_map(|m| Some((m, info.judges.of(m)?))) {
                    (row("Score", html! { (judge.score) ", anomalous over " (judge.threshold) ", in mode " (mode) }))
                }
                @if info.stop.is_empty() {
                    (row("Stop", html! {
                        "by area: a frame is a hit from " (words::grouped(info.area_on.into()))
                        " anomalous pixels of the score map in the corridor on"
                    }))
                } @else { (row("Stop", html! { (info.stop) })) }
            } }
        }
    }
}
