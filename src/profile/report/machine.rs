//! The machine during the run.

use super::axis::curve;
use super::words;
use crate::profile::{MachineProfile, Quantity};
use maud::{Markup, html};

/// Size of the plot of a channel, in user units.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 28.0;

pub(super) fn section(machine: &MachineProfile) -> Markup {
    let summary = machine.summary();
    // The summary leaves out channels without a reading; the series has all.
    let read = (0..machine.channels().len()).filter(|&i| machine.last(i).is_some());
    let rows: Vec<_> = read.zip(&summary.channels).collect();
    if rows.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="machine" {
            h2 id="machine" { "The machine" }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Channel" }
                    th.spark scope="col" { "Over the run" }
                    @for name in ["min", "mean", "max", "last"] { th.num scope="col" { (name) } }
                    th scope="col" { "unit" }
                } }
                tbody { @for (i, channel) in rows {
                    tr {
                        th scope="row" {
                            (channel.name) " " span.soft { (channel.quantity.title()) }
                        }
                        td.spark { (plot(machine, i)) }
                        @for value in [channel.min, channel.mean, channel.max, channel.last] {
                            td.num { (number(value)) }
                        }
                        td { (channel.unit) }
                    }
                } }
            } }
            p.small.soft {
                (words::grouped(summary.samples)) " readings"
                @if summary.cores > 0 { ", " (summary.cores) " cores" }
                @if let Some(bytes) = summary.peak_resident_bytes {
                    ", at most " (words::grouped(bytes.div_ceil(1_000_000))) " MB resident"
                }
                ". Plots of one quantity share their scale"
                @if summary.channels.iter().any(|c| c.quantity == Quantity::Power) {
                    "; rails may contain one another"
                }
                "."
                @if summary.channels_left_out > 0 {
                    " " (summary.channels_left_out) " more sensors were not read."
                }
            }
        }
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Least and largest mean of all channels of a quantity; temperatures need no zero.
fn range(machine: &MachineProfile, quantity: Quantity) -> (f64, f64) {
    let same = |i: &usize| machine.channels().get(*i).map(|c| c.quantity) == Some(quantity);
    let (mut low, mut high) = (f64::MAX, f64::MIN);
    for i in (0..machine.channels().len()).filter(same) {
        for value in machine.steps().iter().filter_map(|step| step.value(i)) {
            (low, high) = (low.min(value), high.max(value));
        }
    }
    let floor = match quantity {
        Quantity::Temperature => low - 1.0,
        _ => low.min(0.0),
    };
    (floor, high.max(floor + 1e-6))
}

fn plot(machine: &MachineProfile, channel: usize) -> Markup {
    let Some(quantity) = machine.channels().get(channel).map(|c| c.quantity) else {
        return html! {};
    };
    let (low, high) = range(machine, quantity);
    let steps = machine.steps();
    let end = steps.last().map_or(0.0, |step| step.at().as_secs_f64());
    let start = steps.first().map_or(0.0, |step| step.at().as_secs_f64());
    let x = |seconds: f64| WIDTH * (seconds - start) / (end - start).max(1e-6);
    let y = |value: f64| HEIGHT - 2.0 - (HEIGHT - 4.0) * (value - low) / (high - low);
    let points = steps
        .iter()
        .map(|step| (x(step.at().as_secs_f64()), step.value(channel)));
    let (line, area) = curve(points, y, HEIGHT);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" {
            path.area d=(area) {}
            path.curve d=(line) {}
        }
    }
}
