//! The table as one page, with what each method costs against what it is worth.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Bench;
use super::row::Done;
use super::table::sets;

/// Of one method, over the seeds.
struct Line<'a> {
    name: &'a str,
    first: &'a Done,
    of: Vec<&'a Done>,
}

impl Line<'_> {
    /// The mean over the seeds, and half of what lies between the least and the greatest.
    fn mean(&self, figure: impl Fn(&Done) -> Option<f64>) -> Option<(f64, f64)> {
        let all: Option<Vec<f64>> = self.of.iter().map(|d| figure(d)).collect();
        let all = all.filter(|all| !all.is_empty())?;
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let least = all.iter().copied().fold(f64::MAX, f64::min);
        let greatest = all.iter().copied().fold(f64::MIN, f64::max);
        Some((mean, (greatest - least) / 2.0))
    }
}

fn lines(done: &[Done]) -> Vec<Line<'_>> {
    let mut all: Vec<Line<'_>> = vec![];
    for d in done {
        match all.iter_mut().find(|l| l.name == d.name) {
            Some(line) => line.of.push(d),
            None => all.push(Line {
                name: &d.name,
                first: d,
                of: vec![d],
            }),
        }
    }
    all
}

const STYLE: &str = "body{font:14px sans-serif;margin:2em;color:#222}table{border-collapse:collapse}\
td,th{padding:.2em .6em;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child\
{text-align:left}svg{display:block;margin:1em 0}";

/// The page.
pub(super) fn html(bench: &Bench, done: &[Done]) -> String {
    let (lines, sets) = (lines(done), sets(done));
    let plan = &bench.training;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Methods" } style { (PreEscaped(STYLE)) } }
            body {
                h1 { "Methods" }
                p {
                    "All read the segmentation network of " (bench.start.display()) ". Fitted on "
                    (bench.learn.pictures) " pictures of each of " (bench.sets.join(", "))
                    ". Trained for " (plan.pixel_steps) " steps on pixels or for "
                    (plan.frame_steps) " on " (plan.batch) " frames. Judged on " (bench.judged)
                    " validation pictures of each set. Seeds: " (bench.seeds.len())
                    "; behind ± is half of what lies between them. Costs are those of the head alone, at 480x352."
                }
                table {
                    tr {
                        th { "method" } th { "parameters" } th { "million multiply-accumulates" }
                        th { "seconds to fit" } th { "mIoU" } th { "errors, AUROC" }
                        @for set in &sets {
                            th { (set) ": AUROC" } th { "AP" } th { "FPR95" }
                        }
                    }
                    @for line in &lines {
                        tr {
                            td { (line.name) }
                            td { (line.first.parameters) }
                            td { (format!("{:.1}", millions(line))) }
                            td { (line.mean(|d| Some(d.seconds)).map_or(String::new(), |m| format!("{:.0}", m.0))) }
                            (cell(line.mean(|d| d.miou)))
                            (cell(line.mean(|d| d.errors)))
                            @for set in &sets {
                                (cell(line.mean(|d| d.unknown.get(*set)?.auroc)))
                                (cell(line.mean(|d| d.unknown.get(*set)?.ap)))
                                (cell(line.mean(|d| d.unknown.get(*set)?.fpr95)))
                            }
                        }
                    }
                }
                @for set in &sets {
                    h2 { (set) ": AP against cost" }
                    (plot(&lines, set))
                }
            }
        }
    };
    page.into_string()
}

fn millions(line: &Line<'_>) -> f64 {
    line.first.multiply_accumulates as f64 / 1e6
}

fn cell(figure: Option<(f64, f64)>) -> Markup {
    html! {
        td {
            @if let Some((mean, spread)) = figure {
                (format!("{mean:.3}"))
                @if spread > 0.0 { (format!(" ±{spread:.3}")) }
            }
        }
    }
}

/// Plot area in pixels: left, right, top, bottom.
const AREA: (f64, f64, f64, f64) = (60.0, 700.0, 20.0, 360.0);

/// AP upwards from 0 to 1, one more than the million multiply-accumulates to the right, logarithmic.
fn plot(lines: &[Line<'_>], set: &str) -> Markup {
    let (left, right, top, bottom) = AREA;
    let most = lines.iter().map(millions).fold(9.0, f64::max) + 1.0;
    let x = |cost: f64| left + (cost + 1.0).ln() / most.ln() * (right - left);
    let y = |ap: f64| bottom - ap * (bottom - top);
    html! {
        svg width="860" height="400" {
            @for i in 0..=5 {
                @let ap = f64::from(i) / 5.0;
                line x1=(left) x2=(right) y1=(y(ap)) y2=(y(ap)) stroke="#ddd" {}
                text x=(left - 8.0) y=(y(ap) + 4.0) text-anchor="end" font-size="11" { (format!("{ap:.1}")) }
            }
            @for cost in [0.0, 1.0, 10.0, 100.0, 1000.0] {
                @if cost < most {
                    text x=(x(cost)) y=(bottom + 18.0) text-anchor="middle" font-size="11" { (cost) }
                }
            }
            text x=((left + right) / 2.0) y=(bottom + 36.0) text-anchor="middle" font-size="12" {
                "million multiply-accumulates"
            }
            @for line in lines {
                @if let Some((ap, _)) = line.mean(|d| d.unknown.get(set)?.ap) {
                    circle cx=(x(millions(line))) cy=(y(ap)) r="4" fill="#25a" {}
                    text x=(x(millions(line)) + 7.0) y=(y(ap) + 4.0) font-size="11" { (line.name) }
                }
            }
        }
    }
}
