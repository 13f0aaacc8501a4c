//! The table as one page, with curves, and with what each method costs against what it is worth.

use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Bench;
use super::line::{ENGINES, Line};
use super::plots::{cost, curves};
use super::row::Done;
use super::table::sets;

const STYLE: &str = "body{font:14px sans-serif;margin:2em;color:#222;max-width:1100px}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:12px;white-space:nowrap}\
td,th{padding:.2em .5em;text-align:right;border-bottom:1px solid #ddd}\
td:first-child,.name{text-align:left;position:sticky;left:0;background:#fff}\
.group{border-left:1px solid #bbb}.best{font-weight:bold}svg{display:block;margin:1em 0}";

/// The page.
pub(super) fn html(bench: &Bench, threads: usize, done: &[Done]) -> String {
    let (lines, sets) = (Line::all(done), sets(done));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Methods" } style { (PreEscaped(STYLE)) } }
            body {
                h1 { "Methods" }
                @for words in words(bench, threads) { p { (words) } }
                div.wide { (table(&lines, &sets)) }
                @for set in &sets {
                    h2 { (set) }
                    (curves(&lines, set))
                    (cost(&lines, set))
                }
            }
        }
    };
    page.into_string()
}

/// What the table is of, in sentences.
pub(super) fn words(bench: &Bench, threads: usize) -> [String; 3] {
    let (plan, learn) = (&bench.training, &bench.learn);
    let seeds = match bench.seeds.len() {
        1 => "The table has one seed, so how much the figures vary between seeds is not known."
            .to_owned(),
        n => format!(
            "Figures are means of {n} seeds; the number behind ± is half the difference between the highest and \
             the lowest of them."
        ),
    };
    [
        format!(
            "All rows read the activations of one segmentation network, that of {}, whose weights no row changes. A \
             row learns from at most {} training pictures of each of {}. Of each picture it sees {} pixels of each \
             class, and {} of the pictures it sees whole. A row that trains on pixels takes {} steps; one that \
             trains on frames takes {} steps on {} frames of {}x{} each.",
            bench.start.display(),
            learn.pictures,
            bench.sets.join(", "),
            learn.pixels,
            learn.frames,
            plan.pixel_steps,
            plan.frame_steps,
            plan.batch,
            plan.sample.width,
            plan.sample.height
        ),
        format!(
            "The figures come from at most {} validation pictures of each set, into which things were pasted that no \
             training showed, from rendered drives, and from the photographs of RoadAnomaly21. In AUROC, AP and \
             FPR95 the unknown pixels are the positives. In the columns of errors the positives are the pixels \
             whose class the row gets right, as in ObsNet's paper. {seeds}",
            bench.judged
        ),
        format!(
            "Multiply-accumulates are those of the head alone, at 480x352. Times are medians in ms on {threads} \
             threads: that of the head with its score, and that of the whole frame from the decoded picture to the \
             score. A row without times cannot run in a vehicle, because it needs gradients for every frame. \
             Pictures, steps and seconds say what its training and fitting took."
        ),
    ]
}

fn table(lines: &[Line<'_>], sets: &BTreeSet<&str>) -> Markup {
    let figures: Vec<Vec<String>> = lines.iter().map(|l| l.figures(sets)).collect();
    let best = best(&figures);
    html! {
        table {
            tr {
                th.name rowspan="2" { "method" }
                th.group colspan="2" { "head" }
                th.group colspan=(ENGINES.len()) { "ms, head" }
                th.group colspan=(ENGINES.len()) { "ms, frame" }
                th.group colspan="3" { "budget" }
                th.group rowspan="2" { "mIoU" }
                th.group colspan="3" { "errors" }
                @for set in sets { th.group colspan="3" { (set) } }
            }
            tr {
                th.group { "parameters" } th { "million MAC" }
                @for _ in 0..2 {
                    @for (i, (_, engine)) in ENGINES.iter().enumerate() { th.group[i == 0] { (engine) } }
                }
                th.group { "pictures" } th { "steps" } th { "seconds" }
                th.group { "AUROC" } th { "AUPR" } th { "FPR95" }
                @for _ in sets { th.group { "AUROC" } th { "AP" } th { "FPR95" } }
            }
            @for (line, figures) in lines.iter().zip(&figures) {
                tr {
                    td { (line.name) }
                    @for (i, cost) in line.costs().iter().enumerate() { td.group[i % 2 == 0] { (cost) } }
                    @for (i, spent) in line.budget().iter().enumerate() { td.group[i == 0] { (spent) } }
                    @for (i, (figure, best)) in figures.iter().zip(&best).enumerate() {
                        td.group[i == 0 || i % 3 == 1].best[figure == best] { (figure) }
                    }
                }
            }
        }
    }
}

/// The best of each column of figures: the greatest, of every third behind the first the least.
fn best(figures: &[Vec<String>]) -> Vec<String> {
    let columns = figures.first().map_or(0, Vec::len);
    let of = |i: usize| {
        let all = figures.iter().map(|row| &row[i]).filter(|f| !f.is_empty());
        let is_rate = i > 0 && i.is_multiple_of(3);
        let found = if is_rate { all.min() } else { all.max() };
        found.cloned().unwrap_or_default()
    };
    (0..columns).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_rates_of_false_alarms_the_least_is_the_best() {
        let row = |values: [&str; 7]| values.map(str::to_owned).to_vec();
        let figures = [
            row(["0.500", "0.900", "0.990", "0.200", "0.700", "", "0.300"]),
            row(["0.600", "0.800", "0.980", "0.100", "0.750", "0.400", ""]),
        ];
        assert_eq!(
            best(&figures),
            [
                "0.600", "0.900", "0.990", "0.100", "0.750", "0.400", "0.300"
            ]
        );
    }

    #[test]
    fn a_page_has_every_row_its_times_and_its_curves() {
        let bench: Bench = toml::from_str(include_str!("../../../experiments/bench.toml")).unwrap();
        let page = html(&bench, 2, &super::super::plots::done());
        for words in [
            "<td>observer</td>",
            "<td>energy</td>",
            "1.25",
            "30.50",
            "polyline",
            "on 2 threads",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
    }
}
