//! `sweep.html`: what came of a sweep, in one file that needs no other.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lookout::profile::report::document;
use maud::{Markup, html};

use super::rows::{Identity, Row};
use super::totals::{Group, Totals, time};
use crate::cli::closed_loop::End;

const STYLE: &str =
    ".worst img { width: 100%; border-radius: .3rem; } .worst figure { margin: 1rem 0; }";
/// Drives that are shown with their frames.
const WORST: usize = 12;
/// Width of a bar of the histogram, in metres, and how many there are.
const BIN_M: f32 = 5.0;
const BINS: usize = 10;

/// The page. `planned` drives were asked for, with these `flags` of engine and judgement.
pub(super) fn page(
    identity: &Identity,
    totals: &Totals,
    rows: &[Row],
    planned: usize,
    folder: &Path,
    flags: &[String],
) -> String {
    let main = html! {
        header {
            h1 { "Does the vehicle stop in time?" }
            p.soft {
                "Rendered drives. When the safe-stop flag rises, the vehicle brakes after 300 ms with 6 m/s² to a stand."
            }
        }
        @if rows.len() < planned {
            p.bad { (rows.len()) " of " (planned) " drives are done: the numbers are of these." }
        }
        ul.headlines { @for line in totals.lines() { li { (line) } } }
        (stops(totals))
        (left(totals, rows))
        (clean(totals))
        (worst(identity, rows, folder, flags))
        (facts(identity, rows))
        footer {
            "Written by lookout " (identity.lookout) ". One row a drive is in "
            span.mono { "sweep.csv" } "."
        }
    };
    document("Stops in time · lookout", STYLE, main).into_string()
}

fn stops(totals: &Totals) -> Markup {
    let metres = |m: f32| format!("{m:.1} m");
    let cells = |low: Option<[f32; 3]>| {
        let (least, median) = low.map_or_else(Default::default, |[least, _, median]| {
            (metres(least), metres(median))
        });
        html! { td.num { (least) } td.num { (median) } }
    };
    html! {
        @if !totals.groups.is_empty() {
            section aria-labelledby="stops" {
                h2 id="stops" { "With something on the road" }
                div.scroll { table {
                    thead {
                        tr {
                            th rowspan="2" scope="col" { "Drives" }
                            @for name in ["driven", "in time", "hit", "false stops", "other"] {
                                th.num rowspan="2" scope="col" { (name) }
                            }
                            th.num colspan="2" scope="colgroup" { "left, of those in time" }
                            th.num colspan="2" scope="colgroup" { "at the first warning" }
                        }
                        tr { @for name in ["least", "median", "least", "median"] {
                            th.num scope="col" { (name) }
                        } }
                    }
                    tbody { @for group in &totals.groups {
                        tr {
                            th scope="row" { (group.what()) ", " (group.speed_kmh) " km/h" }
                            td.num { (group.drives) }
                            td.num { (group.in_time) " (" (percent(group)) ")" }
                            td.num { (group.hit) }
                            td.num { (group.false_stops) }
                            td.num { (group.other) }
                            (cells(group.left_m))
                            (cells(group.warn_at_m))
                        }
                    } }
                } }
                p.small.soft {
                    "Distances are from the vehicle's front to the nearest of the thing. "
                    "“Hit”: the vehicle drove into it. “False stops”: it stopped because the flag rose before the thing was to be seen, for something else or for a fault. “Other”: it was passed, or the drive ended undecided."
                }
            }
        }
    }
}

fn percent(group: &Group) -> String {
    match group.drives {
        0 => "—".to_owned(),
        n => format!("{:.0} %", 100.0 * group.in_time as f64 / n as f64),
    }
}

/// How much was left, as bars.
fn left(totals: &Totals, rows: &[Row]) -> Markup {
    html! {
        @for group in &totals.groups {
            h3 { "Distance left with " (group.what()) " at " (group.speed_kmh) " km/h" }
            div.chart { (bars(&counts(group, rows), group.hit)) }
        }
    }
}

/// Drives that stopped in time, by what was left.
fn counts(group: &Group, rows: &[Row]) -> [usize; BINS] {
    let mut counts = [0; BINS];
    let of_it = |r: &&Row| r.speed_kmh == group.speed_kmh && r.with == group.with;
    for row in rows.iter().filter(of_it).filter(|r| r.is_in_time()) {
        if let Some(metres) = row.left_m {
            let bin = (metres.max(0.0) / BIN_M) as usize;
            counts[bin.min(BINS - 1)] += 1;
        }
    }
    counts
}

/// A bar of those that drove into it, then one for every five metres.
fn bars(counts: &[usize; BINS], hit: usize) -> Markup {
    const WIDTH: usize = 80;
    const HEIGHT: f64 = 110.0;
    let most = counts
        .iter()
        .copied()
        .chain([hit])
        .max()
        .unwrap_or(0)
        .max(1);
    let names = (0..BINS).map(|i| {
        let from = i as f32 * BIN_M;
        match i + 1 {
            BINS => format!("over {from:.0} m"),
            _ => format!("{from:.0} to {:.0} m", from + BIN_M),
        }
    });
    let all = [("hit".to_owned(), hit, "over")].into_iter().chain(
        names
            .zip(counts)
            .map(|(name, &count)| (name, count, "used")),
    );
    html! {
        svg viewBox={ "0 0 " (WIDTH * (BINS + 1)) " 150" } role="img" aria-label="Drives by the distance left" {
            @for (i, (name, count, class)) in all.enumerate() {
                @let height = HEIGHT * count as f64 / most as f64;
                @let x = i * WIDTH;
                rect.(class) x=(x + 8) y=(format!("{:.1}", 20.0 + HEIGHT - height)) width=(WIDTH - 16) height=(format!("{height:.1}")) {}
                text.strong x=(x + WIDTH / 2) y=(format!("{:.1}", 15.0 + HEIGHT - height)) text-anchor="middle" { (count) }
                text x=(x + WIDTH / 2) y="146" text-anchor="middle" { (name) }
            }
        }
    }
}

fn clean(totals: &Totals) -> Markup {
    let clean = &totals.clean;
    html! {
        @if let Some(rate) = clean.false_stops_an_hour {
            section aria-labelledby="clean" {
                h2 id="clean" { "With nothing on the road" }
                dl.tiles {
                    div.tile { dt { "Driven" } dd { (time(clean.hours)) small { (clean.drives) " drives, simulated" } } }
                    div.tile { dt { "False stops" } dd { (clean.false_stops) } }
                    div.tile { dt { "False stops an hour" } dd {
                        (format!("{rate:.2}"))
                        @if let Some(under) = clean.under_an_hour {
                            small { (format!("under {under:.2} with 95 % confidence")) }
                        }
                    } }
                }
                p.small.soft { "A drive counts up to its stop. Each lasts " (format!("{:.0} s", 3600.0 * clean.hours / clean.drives.max(1) as f64)) " on average, so a stop that takes longer to build up does not show." }
            }
        }
    }
}

/// How bad a drive went: the kind first, then the degree.
fn badness(row: &Row) -> (u8, f64) {
    match (row.end, row.false_stop, row.left_m) {
        (End::Hit, false, _) => (3, row.impact_kmh.unwrap_or(0.0)),
        (_, true, _) => (2, -row.stop_s.unwrap_or(0.0)),
        (End::Stopped, false, Some(left)) => (1, -f64::from(left)),
        _ => (0, 0.0),
    }
}

/// The command that drives it again and shows every frame.
fn again(row: &Row, flags: &[String]) -> String {
    let (seed, speed) = (row.seed.to_string(), row.speed_kmh.to_string());
    let drive = [
        "lookout", "demo", "--seed", &seed, "--speed", &speed, "--thing", &row.with,
    ];
    let flags = flags.iter().map(String::as_str);
    // no word of a command line has a NUL, which is all that cannot be quoted
    shlex::try_join(drive.into_iter().chain(flags)).unwrap_or_default()
}

fn worst(identity: &Identity, rows: &[Row], folder: &Path, flags: &[String]) -> Markup {
    let mut drives: Vec<&Row> = rows.iter().filter(|row| badness(row).0 > 0).collect();
    drives.sort_by(|a, b| {
        let (a, b) = (badness(a), badness(b));
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    drives.truncate(WORST);
    html! {
        @if !drives.is_empty() {
            section.worst aria-labelledby="worst" {
                h2 id="worst" { "The worst drives" }
                p.small.soft {
                    "From left to right, as far as they came: the thing comes into view, the first warning, the flag rises, the last frame. "
                    "What was taken for unknown is marked. Drives that ended in time come last, those with the least left first."
                }
                @for row in drives {
                    figure {
                        @if let Ok(jpeg) = fs::read(folder.join("strips").join(row.key().strip())) {
                            img src={ "data:image/jpeg;base64," (STANDARD.encode(jpeg)) } alt={ "Frames of the drive of " (row.key()) };
                        }
                        figcaption {
                            strong { "Seed " (row.seed) ", " (row.speed_kmh) " km/h. " } (row.line)
                            @if identity.seconds == 20.0 {
                                br;
                                span.mono.soft { (again(row, flags)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn facts(identity: &Identity, rows: &[Row]) -> Markup {
    let seeds = rows.iter().map(|row| row.seed);
    let (first, last) = (seeds.clone().min(), seeds.max());
    html! {
        section aria-labelledby="facts" {
            h2 id="facts" { "What was driven" }
            div.scroll { table.facts { tbody {
                tr { th scope="row" { "Bundle" } td.mono { (identity.bundle) } }
                tr { th scope="row" { "Engine" } td { (identity.engine) } }
                @if let (Some(first), Some(last)) = (first, last) {
                    tr { th scope="row" { "Seeds" } td { (first) @if first < last { " to " (last) } } }
                }
                tr { th scope="row" { "Length of a drive" } td { (identity.seconds) " s, or until it is decided" } }
                tr { th scope="row" { "Settings" } td.mono.small { (identity.settings) } }
            } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::rows::tests::row;
    use super::*;
    use crate::cli::Command;

    /// Set `LOOKOUT_SWEEP_SAMPLE` to a path to keep the page and look at it.
    #[test]
    fn the_page_says_what_came_of_it_and_asks_for_nothing() {
        let mut rows: Vec<Row> = (0..60)
            .map(|i| row(i, End::Stopped, Some((i * 7 % 29) as f32 + 0.5)))
            .collect();
        let hit = Row {
            impact_kmh: Some(31.0),
            line: "A <deer> on the road: the vehicle drove into it at 31 km/h.".to_owned(),
            ..row(60, End::Hit, None)
        };
        rows.push(hit);
        rows.extend((0..9).map(|i| Row {
            with: "none".to_owned(),
            thing: None,
            driven_s: 400.0,
            ..row(i, End::Driving, None)
        }));
        let identity = Identity {
            lookout: "0.1.0".to_owned(),
            bundle: "9f2c4e1b7a6d".to_owned(),
            engine: "rten 0.27".to_owned(),
            settings: "Settings { .. }".to_owned(),
            seconds: 20.0,
        };
        let dir = tempfile::tempdir().unwrap();
        let html = page(&identity, &Totals::of(&rows), &rows, 80, dir.path(), &[]);
        if let Some(path) = std::env::var_os("LOOKOUT_SWEEP_SAMPLE") {
            fs::write(path, &html).unwrap();
        }
        assert!(html.contains("60 of 61 drives ended in time before it and 1 drove into it"));
        assert!(html.contains("no false stop in 1.0 hours"));
        assert!(html.contains("70 of 80 drives are done"));
        assert!(html.contains("A &lt;deer&gt; on the road"));
        assert!(html.contains("lookout demo --seed 60 --speed 50 --thing any"));
        assert!(
            !html.contains("http://") && !html.contains("https://") && !html.contains("<script")
        );
    }

    #[test]
    fn the_command_of_a_drive_has_every_flag_that_the_sweep_judged_with() {
        let flags = [
            ("--bundle", "my bundle"),
            ("--engine", "rten"),
            ("--threads", "2"),
            ("--score", "observer"),
            ("--threshold", "0.56"),
            ("--settings", "it's.toml"),
            ("--stop", "stops/road.toml"),
        ];
        let flags: Vec<&str> = flags.into_iter().flat_map(|(a, b)| [a, b]).collect();
        let parse = |words: &[&str]| crate::cli::Cli::try_parse_from(words).unwrap().command;
        let Command::Sweep(args) = parse(&[&["lookout", "sweep"], flags.as_slice()].concat())
        else {
            panic!("a sweep is another command");
        };
        let given = [args.engine.words(), args.judge.words()].concat();
        assert_eq!(given, flags);
        let line = again(&row(60, End::Hit, None), &given);
        let words = shlex::split(&line).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(words[words.len() - flags.len()..], flags);
        assert!(matches!(parse(&words), Command::Demo(_)), "{line}");
        // a sweep without any has a line without any
        let line = again(&row(60, End::Hit, None), &[]);
        assert_eq!(line, "lookout demo --seed 60 --speed 50 --thing any");
    }
}
