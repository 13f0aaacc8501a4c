//! Where things lie in a plot over the run.

use super::series::{Sample, Series};
use super::words;
use maud::{Markup, html};
use std::fmt::Write as _;

/// Width of every plot, in user units.
pub(super) const WIDTH: f64 = 1000.0;
/// Where the axis of the run begins and ends.
pub(super) const LEFT: f64 = 76.0;
pub(super) const RIGHT: f64 = WIDTH - 62.0;

/// A coordinate; what is not finite goes to 0, so that a picture stays valid.
pub(super) fn px(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    format!("{value:.1}")
}

/// The horizontal axis: every frame has the same width, whatever its stamp says, so that stamps
/// that jump or go backwards cannot spoil the plot. Times are written on it.
pub(super) struct RunAxis<'a> {
    series: &'a Series,
}

impl<'a> RunAxis<'a> {
    pub(super) fn new(series: &'a Series) -> Self {
        Self { series }
    }

    /// Of a frame's left edge, by its place in the run.
    fn at(&self, place: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * place / self.series.count().max(1) as f64
    }

    /// Left and right edge of a step.
    pub(super) fn edges(&self, step: usize) -> (f64, f64) {
        let first = step as u64 * self.series.stride();
        let end = (first + self.series.stride()).min(self.series.count());
        (self.at(first as f64), self.at(end as f64))
    }

    /// Middle of a step.
    pub(super) fn middle(&self, step: usize) -> f64 {
        let (left, right) = self.edges(step);
        (left + right) / 2.0
    }

    /// Left edge of the step that holds a frame, by its number.
    pub(super) fn of_frame(&self, frame: u64) -> Option<f64> {
        let after = self.series.steps().iter().position(|s| s.frame > frame);
        let step = after.unwrap_or(self.series.steps().len()).checked_sub(1)?;
        Some(self.edges(step).0)
    }

    /// Time of the frame `offset` places into a step, between the times that are kept.
    fn seconds(&self, step: usize, offset: u64) -> Option<f64> {
        let steps = self.series.steps();
        let start = steps.get(step)?.seconds?;
        let next = steps.get(step + 1).and_then(|next| next.seconds);
        let share = offset as f64 / self.series.stride() as f64;
        Some(start + next.map_or(0.0, |next| next - start) * share)
    }

    /// Vertical lines from `top` to `bottom`, frame numbers and times below them.
    pub(super) fn ticks(&self, top: f64, bottom: f64) -> Markup {
        let frames = self.series.count();
        let every = (nice(frames as f64 / 10.0) as u64).max(1);
        let places = (0..frames).step_by(usize::try_from(every).unwrap_or(usize::MAX));
        html! {
            @for place in places {
                @let step = (place / self.series.stride()) as usize;
                @if let Some(sample) = self.series.steps().get(step) {
                    @let x = px(self.at(place as f64 + 0.5));
                    line.grid x1=(x) x2=(x) y1=(px(top)) y2=(px(bottom)) {}
                    text x=(x) y=(px(bottom + 19.0)) text-anchor="middle" {
                        (sample.frame.saturating_add(place % self.series.stride()))
                    }
                    @if let Some(seconds) = self.seconds(step, place % self.series.stride()) {
                        text x=(x) y=(px(bottom + 34.0)) text-anchor="middle" {
                            (words::clock(seconds))
                        }
                    }
                }
            }
            text.strong x=(px(LEFT - 30.0)) y=(px(bottom + 19.0)) text-anchor="end" { "frame" }
            @if self.series.steps().iter().any(|step| step.seconds.is_some()) {
                text.strong x=(px(LEFT - 30.0)) y=(px(bottom + 34.0)) text-anchor="end" { "time" }
            }
        }
    }

    /// The line through `value` of every step and the area below it, as SVG paths; `y` puts a
    /// value on the page, `floor` is where the area ends. Steps without a finite value are gaps.
    pub(super) fn curve(
        &self,
        value: impl Fn(&Sample) -> Option<f64>,
        y: impl Fn(f64) -> f64,
        floor: f64,
    ) -> (String, String) {
        let steps = self.series.steps().iter().enumerate();
        curve(
            steps.map(|(i, step)| (self.middle(i), value(step))),
            y,
            floor,
        )
    }
}

/// The line through points of `x` on the page and a value, and the area below it, as SVG paths;
/// as [`RunAxis::curve`].
pub(super) fn curve(
    points: impl Iterator<Item = (f64, Option<f64>)>,
    y: impl Fn(f64) -> f64,
    floor: f64,
) -> (String, String) {
    let (mut line, mut area) = (String::new(), String::new());
    let mut open: Option<f64> = None;
    for (x, value) in points {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            close(&mut area, open.take(), floor);
            continue;
        };
        let y = y(value);
        // Writing to a String cannot fail.
        let _ = if open.is_none() {
            // The step of no length makes a dot of a point that stands alone.
            let _ = write!(line, "M{x:.1} {y:.1}h0");
            write!(area, "M{x:.1} {floor:.1}L{x:.1} {y:.1}")
        } else {
            let _ = write!(line, "L{x:.1} {y:.1}");
            write!(area, "L{x:.1} {y:.1}")
        };
        open = Some(x);
    }
    close(&mut area, open, floor);
    (line, area)
}

/// Ends an area at `floor` below its last point.
fn close(area: &mut String, last: Option<f64>, floor: f64) {
    if let Some(x) = last {
        let _ = write!(area, "L{x:.1} {floor:.1}Z");
    }
}

/// The least of 1, 2, 5 times a power of ten that is not less than `value`; 1 for what is no
/// positive number.
pub(super) fn nice(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&candidate| candidate >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nice_numbers_are_one_two_or_five() {
        for (value, want) in [
            (0.3, 0.5),
            (1.0, 1.0),
            (11.0, 20.0),
            (2000.0, 2000.0),
            (51.0, 100.0),
        ] {
            assert!((nice(value) / want - 1.0).abs() < 1e-9, "{value}");
        }
        for odd in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(nice(odd), 1.0);
        }
    }
}
