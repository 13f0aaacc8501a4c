//! A profile for people at a terminal.

use super::{ChannelSummary, DeadlineSummary, LatencySummary, ModeSummary, ProfileSummary};
use std::fmt::{self, Display, Formatter};

/// The profile as text in columns: the deadline, the modes, their stages, the GPU's own times where
/// there are any, the machine.
impl Display for ProfileSummary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let load = match self.load_threads {
            0 => "no load".to_owned(),
            1 => "1 load thread".to_owned(),
            n => format!("{n} load threads"),
        };
        writeln!(
            f,
            "{} at {:.1} Hz, {}, {load}",
            self.source, self.camera_hz, self.engine
        )?;
        writeln!(f)?;
        deadlines(f, &self.deadlines)?;
        modes(f, &self.deadlines)?;
        stages(f, &self.deadlines)?;
        on_gpu(f, &self.deadlines)?;
        let machine = self.machine.as_ref();
        match machine.filter(|machine| !machine.channels.is_empty()) {
            Some(machine) => channels(f, &machine.channels),
            None => Ok(()),
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn deadlines(f: &mut Formatter<'_>, summary: &DeadlineSummary) -> fmt::Result {
    let misses = &summary.misses;
    writeln!(
        f,
        "deadline {} ms: {} of {} frames in time in {:.1} s, {} missed ({})",
        summary.deadline_ms,
        summary.in_time,
        summary.frames,
        summary.seconds,
        misses.total(),
        percent(summary.miss_ratio),
    )?;
    writeln!(
        f,
        "  late {}, refused {}, replaced {}, failed {}; {} missed of those taken",
        misses.late,
        misses.refused,
        misses.replaced,
        misses.failed,
        percent(summary.miss_ratio_taken),
    )?;
    writeln!(
        f,
        "  late shown as fresh: {} of {} checked{}",
        summary.late_shown_as_fresh,
        summary.fresh_checked,
        if summary.late_shown_as_fresh > 0 {
            "  <-- MUST BE 0"
        } else {
            ""
        },
    )?;
    if let Some(gap) = summary.worst_fresh_gap {
        writeln!(
            f,
            "  longest without a verdict in time: {:.1} ms, from {:.2} s on",
            gap.ms, gap.at_s
        )?;
    }
    writeln!(f)
}

fn modes(f: &mut Formatter<'_>, summary: &DeadlineSummary) -> fmt::Result {
    let mut table = Table::new([
        "mode", "frames", "share", "time", "in time", "late", "failed",
    ]);
    for mode in &summary.modes {
        table.row([
            mode.mode.to_owned(),
            mode.frames.to_string(),
            percent(mode.frame_share),
            percent(mode.time_share),
            mode.in_time.to_string(),
            mode.late.to_string(),
            mode.failed.to_string(),
        ]);
    }
    if summary.misses.refused > 0 {
        let none = String::new;
        let (refused, time) = (summary.misses.refused, summary.refusing_share);
        table.row([
            "(refusing)".to_owned(),
            refused.to_string(),
            none(),
            percent(time),
            none(),
            none(),
            none(),
        ]);
    }
    write!(f, "{table}")?;
    writeln!(
        f,
        "changes of mode: {}{}\n",
        summary.mode_switches,
        match summary.frames_in_other_modes {
            0 => String::new(),
            n => format!("; {n} frames in further modes"),
        }
    )
}

fn stages(f: &mut Formatter<'_>, summary: &DeadlineSummary) -> fmt::Result {
    let mut table = Table::new(["ms", "", "frames", "p50", "p90", "p99", "max"]);
    for mode in &summary.modes {
        for (i, (name, latency)) in lines(mode).enumerate() {
            let mode = if i == 0 { mode.mode } else { "" };
            table.row(times(mode, name, &latency));
        }
    }
    if summary.latency.count > 0 {
        table.row(times("all modes", "whole frame", &summary.latency));
    }
    if summary.age.count > 0 {
        table.row(times("", "age", &summary.age));
    }
    writeln!(f, "{table}")
}

/// What there is to say of a mode: the stages that ran, the whole frame, the age.
fn lines(mode: &ModeSummary) -> impl Iterator<Item = (&'static str, LatencySummary)> {
    let stages = mode.stages.iter().map(|s| (s.stage.name(), s.latency));
    stages
        .chain([("whole frame", mode.latency), ("age", mode.age)])
        .filter(|(_, latency)| latency.count > 0)
}

/// A table for itself: its rows must not look like parts of the frame beside the CPU's.
fn on_gpu(f: &mut Formatter<'_>, summary: &DeadlineSummary) -> fmt::Result {
    if summary.modes.iter().all(|mode| mode.gpu.is_none()) {
        return Ok(());
    }
    let mut table = Table::new(["GPU, ms", "", "frames", "p50", "p90", "p99", "max"]);
    for mode in &summary.modes {
        let lines = mode.gpu.iter().flat_map(|gpu| gpu.lines());
        for (i, (name, latency)) in lines.enumerate() {
            let mode = if i == 0 { mode.mode } else { "" };
            table.row(times(mode, name, latency));
        }
    }
    writeln!(f, "{table}{}\n", super::gpu::NOTE)
}

fn times(mode: &str, name: &str, latency: &LatencySummary) -> [String; 7] {
    let ms = |ms: f64| format!("{ms:.2}");
    [
        mode.to_owned(),
        name.to_owned(),
        latency.count.to_string(),
        ms(latency.p50_ms),
        ms(latency.p90_ms),
        ms(latency.p99_ms),
        ms(latency.max_ms),
    ]
}

fn channels(f: &mut Formatter<'_>, channels: &[ChannelSummary]) -> fmt::Result {
    let mut table = Table::new(["machine", "", "min", "mean", "max", "last", "unit"]);
    for channel in channels {
        let number = |value: f64| format!("{value:.2}");
        table.row([
            channel.name.clone(),
            channel.quantity.title().to_owned(),
            number(channel.min),
            number(channel.mean),
            number(channel.max),
            number(channel.last),
            channel.unit.to_owned(),
        ]);
    }
    write!(f, "{table}")
}

/// Rows of seven columns: text on the left, numbers on the right.
struct Table {
    rows: Vec<[String; Self::COLUMNS]>,
}

impl Table {
    const COLUMNS: usize = 7;

    fn new(head: [&str; Self::COLUMNS]) -> Self {
        Self {
            rows: vec![head.map(str::to_owned)],
        }
    }

    fn row(&mut self, row: [String; Self::COLUMNS]) {
        self.rows.push(row);
    }

    /// Whether a column holds names: its heading is text and so is what is below.
    fn is_text(&self, column: usize) -> bool {
        let digit =
            |row: &[String; Self::COLUMNS]| row[column].starts_with(|c: char| c.is_ascii_digit());
        column == 0 || !self.rows.iter().any(digit)
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let columns: [(usize, bool); Self::COLUMNS] =
            std::array::from_fn(|i| (width(i), self.is_text(i)));
        let mut line = String::new();
        for row in &self.rows {
            line.clear();
            for (cell, (width, text)) in row.iter().zip(columns) {
                line += &if text {
                    format!("{cell:<width$}  ")
                } else {
                    format!("{cell:>width$}  ")
                };
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
