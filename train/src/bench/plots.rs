//! Plots of a set: precision against recall, AP against ms.

use maud::{Markup, html};

use super::line::{ENGINES, Line};

/// Left, right, top and bottom of a plot's area, in pixels.
const AREA: [f64; 4] = [60.0, 620.0, 20.0, 500.0];
const SIZE: [f64; 2] = [900.0, 550.0];
/// Of the best rows.
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4ea3", "#333333",
];
const OTHERS: &str = "#c8c8c8";

/// The lines that have an AP on the set, the best first, with it.
fn ranked<'l, 'a>(lines: &'l [Line<'a>], set: &str) -> Vec<(&'l Line<'a>, f64)> {
    let all = lines.iter().filter_map(|l| Some((l, l.ap(set)?)));
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

fn colour(rank: usize) -> &'static str {
    COLOURS.get(rank).copied().unwrap_or(OTHERS)
}

/// From 0..=1 to the height in the plot.
fn upwards(share: f64) -> f64 {
    AREA[3] - share * (AREA[3] - AREA[2])
}

/// Lines at each fifth, and what the axes are.
fn frame(across: &str, up: &str) -> Markup {
    let [left, right, top, bottom] = AREA;
    html! {
        @for i in 0..=5 {
            @let share = f64::from(i) / 5.0;
            line x1=(left) x2=(right) y1=(upwards(share)) y2=(upwards(share)) stroke="#e5e5e5" {}
            text x=(left - 8.0) y=(upwards(share) + 4.0) text-anchor="end" font-size="11" { (format!("{share:.1}")) }
        }
        text x=((left + right) / 2.0) y=(bottom + 40.0) text-anchor="middle" font-size="12" { (across) }
        text x="16" y=((top + bottom) / 2.0) text-anchor="middle" font-size="12"
            transform=(format!("rotate(-90 16 {})", (top + bottom) / 2.0)) { (up) }
    }
}

/// Rank, name and AP of all rows, in the colours of their curves where they have some.
fn legend(ranked: &[(&Line<'_>, f64)], is_coloured: bool) -> Markup {
    html! {
        @for (rank, (line, ap)) in ranked.iter().enumerate() {
            @let y = AREA[2] + 8.0 + 13.0 * rank as f64;
            @if is_coloured { rect x=(AREA[1] + 20.0) y=(y - 8.0) width="10" height="8" fill=(colour(rank)) {} }
            text x=(AREA[1] + 54.0) y=(y) text-anchor="end" font-size="11" { (rank + 1) }
            text x=(AREA[1] + 60.0) y=(y) font-size="11" { (line.name) }
            text x=(SIZE[0] - 8.0) y=(y) text-anchor="end" font-size="11" { (format!("{ap:.3}")) }
        }
    }
}

fn svg(rows: usize, what: &Markup) -> Markup {
    let height = SIZE[1].max(AREA[2] + 13.0 * rows as f64 + 10.0);
    html! { svg width=(SIZE[0]) height=(height) font-family="sans-serif" fill="#222" { (what) } }
}

/// Precision against recall, of the first seed; the best rows in colours.
pub(super) fn curves(lines: &[Line<'_>], set: &str) -> Markup {
    let ranked = ranked(lines, set);
    let [left, right, _, bottom] = AREA;
    let x = |recall: f64| left + recall * (right - left);
    let points = |line: &Line<'_>| -> String {
        let curve = line.first.unknown.get(set).map(|f| &f.curve);
        let points = curve.into_iter().flatten();
        points
            .map(|[recall, precision]| format!("{:.1},{:.1} ", x(*recall), upwards(*precision)))
            .collect()
    };
    svg(
        ranked.len(),
        &html! {
            (frame("recall", "precision"))
            @for i in 0..=5 {
                @let share = f64::from(i) / 5.0;
                text x=(x(share)) y=(bottom + 18.0) text-anchor="middle" font-size="11" { (format!("{share:.1}")) }
            }
            // the best lies on top
            @for (rank, (line, _)) in ranked.iter().enumerate().rev() {
                polyline points=(points(line)) fill="none" stroke=(colour(rank)) stroke-width="1.5" {
                    title { (line.name) }
                }
            }
            (legend(&ranked, true))
        },
    )
}

/// AP against the ms of the head, which are logarithmic; numbers are those of the legend.
pub(super) fn cost(lines: &[Line<'_>], set: &str) -> Markup {
    let timed = |engine: &str| lines.iter().any(|l| l.first.times.contains_key(engine));
    let Some((engine, name)) = ENGINES.into_iter().find(|(engine, _)| timed(engine)) else {
        return html! {};
    };
    let ranked = ranked(lines, set);
    let ms = |line: &Line<'_>| Some(line.first.times.get(engine)?.head.max(LEAST_MS));
    let most = ranked.iter().filter_map(|(l, _)| ms(l)).fold(1.0, f64::max);
    let [left, right, _, bottom] = AREA;
    let x = |ms: f64| {
        left + 10.0 + (ms / LEAST_MS).ln() / (most / LEAST_MS).ln() * (right - left - 30.0)
    };
    let places: Vec<Option<[f64; 2]>> = ranked
        .iter()
        .map(|(line, ap)| Some([x(ms(line)?), upwards(*ap)]))
        .collect();
    svg(
        ranked.len(),
        &html! {
            (frame(&format!("ms of the head on {name}"), "AP"))
            @for ms in [0.01, 0.1, 1.0, 10.0, 100.0] {
                @if ms <= most {
                    line x1=(x(ms)) x2=(x(ms)) y1=(AREA[2]) y2=(bottom) stroke="#e5e5e5" {}
                    text x=(x(ms)) y=(bottom + 18.0) text-anchor="middle" font-size="11" { (ms) }
                }
            }
            @for (place, (line, _)) in places.iter().zip(&ranked) {
                @if let Some([x, y]) = place {
                    circle cx=(x) cy=(y) r="3.5" fill=(COLOURS[0]) { title { (line.name) } }
                }
            }
            @for (rank, [x, y]) in labels(&places) {
                text x=(x) y=(y + 4.0) text-anchor="middle" font-size="10" { (rank + 1) }
            }
            (legend(&ranked, false))
        },
    )
}

/// Left end of the axis.
const LEAST_MS: f64 = 0.01;
/// Where a number may stand beside its point, the dearest place first.
const BESIDE: [[f64; 2]; 8] = [
    [12.0, 0.0],
    [-12.0, 0.0],
    [0.0, -11.0],
    [0.0, 11.0],
    [12.0, -10.0],
    [-12.0, -10.0],
    [12.0, 10.0],
    [-12.0, 10.0],
];

/// Middles of the numbers, so that none covers another or a point as long as there is room.
fn labels(places: &[Option<[f64; 2]>]) -> Vec<(usize, [f64; 2])> {
    let mut taken: Vec<[f64; 2]> = places.iter().flatten().copied().collect();
    let mut all = vec![];
    for (rank, place) in places.iter().enumerate() {
        let Some(place) = place else { continue };
        let at = BESIDE.map(|[x, y]| [place[0] + x, place[1] + y]);
        let is_free = |at: &&[f64; 2]| {
            let near = |t: &[f64; 2]| (t[0] - at[0]).abs() < 11.0 && (t[1] - at[1]).abs() < 9.0;
            !taken.iter().any(near)
        };
        let chosen = *at.iter().find(is_free).unwrap_or(&at[0]);
        taken.push(chosen);
        all.push((rank, chosen));
    }
    all
}

/// Two finished rows with times and a curve.
#[cfg(test)]
pub(super) fn done() -> Vec<super::row::Done> {
    use super::judge::Figures;
    use super::row::Done;
    use super::times::Times;
    let row = |name: &str, ap: f64, head: f64| {
        let mut done = Done::named(name);
        let figures = Figures {
            auroc: Some(0.9),
            ap: Some(ap),
            fpr95: Some(0.2),
            curve: vec![[0.5, 0.9], [1.0, 0.25]],
        };
        done.unknown.insert("rendered".to_owned(), figures);
        let frame = 30.5;
        done.times.insert("ort".to_owned(), Times { head, frame });
        done
    };
    vec![row("energy", 0.5, 0.0625), row("observer", 0.75, 1.25)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_first_and_has_a_colour_of_its_own() {
        let done = done();
        let lines = Line::all(&done);
        let names: Vec<&str> = ranked(&lines, "rendered")
            .iter()
            .map(|r| r.0.name)
            .collect();
        assert_eq!(names, ["observer", "energy"]);
        assert!(ranked(&lines, "nowhere").is_empty());
        assert_ne!(colour(0), colour(1));
        assert_eq!(colour(8), colour(30));
    }

    #[test]
    fn a_curve_lies_where_its_figures_say() {
        let done = done();
        let text = curves(&Line::all(&done), "rendered").into_string();
        // half the way from 60 to 620, a tenth down from 20 to 500
        assert!(text.contains("340.0,68.0 620.0,380.0"), "{text}");
    }

    #[test]
    fn numbers_of_points_at_one_place_do_not_cover_each_other() {
        let places = [Some([100.0, 100.0]), None, Some([100.0, 100.0])];
        let found = labels(&places);
        assert_eq!(found[0], (0, [112.0, 100.0]));
        assert_eq!(found[1], (2, [88.0, 100.0]));
    }
}
