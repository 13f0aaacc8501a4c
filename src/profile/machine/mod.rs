//! The machine during a run: processor, memory, temperatures, clocks, power.
//!
//! - **channel**: one thing that is measured, such as `process` in cores or `VDD_IN` in watts.
//! - **machine**: finds the channels that a system has ([`Machine`]) and reads them.
//! - **profile**: what was read, in fixed memory ([`MachineProfile`]).
//! - **sampler**: a thread that reads at a low rate ([`MachineSampler`]).
//!
//! A file that is not there is a channel that is not there. A value that cannot be read or cannot
//! be true is left out of its channel.

mod probe;
mod proc;
mod sampler;
#[cfg(test)]
mod tests;

pub use probe::Machine;
pub(super) use proc::status_bytes;
pub use sampler::MachineSampler;

use super::thin::{Merge, Thinned};
use serde::Serialize;
use std::time::Duration;

/// Channels that are read; further ones are only counted.
pub const MAX_CHANNELS: usize = 48;
/// Steps of the series.
const STEPS: usize = 600;

/// What a channel measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Processor time of this process by wall time, in cores.
    ProcessCpu,
    /// Processor time of everything that runs, in cores.
    MachineCpu,
    /// Resident memory of this process, in MB (10^6 bytes).
    Resident,
    /// Threads of this process.
    Threads,
    /// How often a thread of this process gave up its core by itself, a second.
    VoluntarySwitches,
    /// How often a thread of this process was taken off its core, a second.
    InvoluntarySwitches,
    /// Of a rail, in watts. Rails may contain one another, so they are not to be summed; where a
    /// board has `VDD_IN` or `POM_5V_IN`, that is all it draws.
    Power,
    /// Of the GPU, in percent of the time.
    GpuLoad,
    /// In degrees Celsius.
    Temperature,
    /// In MHz.
    Frequency,
}

impl Quantity {
    /// The unit, as in tables.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::ProcessCpu | Self::MachineCpu => "cores",
            Self::Resident => "MB",
            Self::Threads => "",
            Self::VoluntarySwitches | Self::InvoluntarySwitches => "/s",
            Self::Power => "W",
            Self::GpuLoad => "%",
            Self::Temperature => "°C",
            Self::Frequency => "MHz",
        }
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ProcessCpu => "CPU",
            Self::MachineCpu => "CPU",
            Self::Resident => "resident memory",
            Self::Threads => "threads",
            Self::VoluntarySwitches => "switches, voluntary",
            Self::InvoluntarySwitches => "switches, forced",
            Self::Power => "power",
            Self::GpuLoad => "load",
            Self::Temperature => "temperature",
            Self::Frequency => "clock",
        }
    }

    /// Whether a reading can be true. A sensor that is off reads -256 °C, for example.
    fn plausible(self, value: f64) -> bool {
        let (low, high) = match self {
            Self::Temperature => (-60.0, 200.0),
            Self::Frequency => (0.0, 20_000.0),
            Self::GpuLoad => (0.0, 100.0),
            Self::Power => (0.0, 10_000.0),
            _ => (0.0, f64::MAX),
        };
        (low..=high).contains(&value)
    }
}

/// One thing that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name on this system: `process`, `VDD_IN`, `cpu-thermal`.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
}

/// The mean of the readings of one channel in a step; of none at first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    sum: f32,
    count: u32,
}

impl Mean {
    fn of(value: Option<f64>) -> Self {
        value.map_or_else(Self::default, |value| Self {
            sum: value as f32,
            count: 1,
        })
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| f64::from(self.sum) / f64::from(self.count))
    }
}

/// Readings of every channel over a stretch of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct MachineStep {
    first: Duration,
    last: Duration,
    means: [Mean; MAX_CHANNELS],
}

impl MachineStep {
    /// Middle of the stretch, since the start of the run.
    pub(super) fn at(&self) -> Duration {
        self.first + self.last.saturating_sub(self.first) / 2
    }

    /// Mean of a channel; `None` when nothing was read.
    pub(super) fn value(&self, channel: usize) -> Option<f64> {
        self.means.get(channel)?.get()
    }
}

impl Merge for MachineStep {
    fn merge(&mut self, next: &Self) {
        self.last = self.last.max(next.last);
        for (mean, other) in self.means.iter_mut().zip(next.means) {
            mean.sum += other.sum;
            mean.count += other.count;
        }
    }
}

/// Readings of one channel over the run.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Tally {
    fn add(&mut self, value: f64) {
        let first = self.count == 0;
        self.min = if first { value } else { self.min.min(value) };
        self.max = if first { value } else { self.max.max(value) };
        self.count += 1;
        self.sum += value;
        self.last = value;
    }
}

/// What was read of a machine, in about 250 kB however long it ran: for every channel its extremes
/// and mean, and a series that halves its resolution when it is full. Adding does not allocate.
#[derive(Clone, Debug)]
pub struct MachineProfile {
    channels: Vec<Channel>,
    left_out: usize,
    cores: usize,
    tallies: [Tally; MAX_CHANNELS],
    peak_resident: Option<u64>,
    series: Thinned<MachineStep>,
}

impl MachineProfile {
    fn new(channels: Vec<Channel>, left_out: usize, cores: usize) -> Self {
        Self {
            channels,
            left_out,
            cores,
            tallies: [Tally::default(); MAX_CHANNELS],
            peak_resident: None,
            series: Thinned::new(STEPS),
        }
    }

    fn add(&mut self, at: Duration, values: &[Option<f64>; MAX_CHANNELS]) {
        for (tally, value) in self.tallies.iter_mut().zip(values) {
            if let Some(value) = value {
                tally.add(*value);
            }
        }
        self.series.push(MachineStep {
            first: at,
            last: at,
            means: values.map(Mean::of),
        });
    }

    /// The channels of this machine.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// How often it was read.
    pub fn samples(&self) -> u64 {
        self.series.count()
    }

    /// The last reading of a channel, by its place in [`channels`](Self::channels).
    pub fn last(&self, channel: usize) -> Option<f64> {
        let tally = self.tallies.get(channel)?;
        (tally.count > 0).then_some(tally.last)
    }

    /// The steps of the series, in the order of the run.
    pub(super) fn steps(&self) -> &[MachineStep] {
        self.series.steps()
    }

    /// The run in numbers. Channels without a single reading are left out.
    pub fn summary(&self) -> MachineSummary {
        let read = self.channels.iter().zip(&self.tallies);
        MachineSummary {
            samples: self.samples(),
            cores: self.cores,
            peak_resident_bytes: self.peak_resident,
            channels_left_out: self.left_out,
            channels: read
                .filter(|(_, tally)| tally.count > 0)
                .map(|(channel, tally)| ChannelSummary {
                    name: channel.name.clone(),
                    quantity: channel.quantity,
                    unit: channel.quantity.unit(),
                    samples: tally.count,
                    min: tally.min,
                    mean: tally.sum / tally.count as f64,
                    max: tally.max,
                    last: tally.last,
                })
                .collect(),
        }
    }
}

/// A board that grows hot over 20 s.
#[cfg(test)]
pub(super) fn sample_profile() -> MachineProfile {
    let channels = [
        ("process", Quantity::ProcessCpu),
        ("machine", Quantity::MachineCpu),
        ("process", Quantity::Resident),
        ("process", Quantity::Threads),
        ("VDD_IN", Quantity::Power),
        ("VDD_CPU_GPU_CV", Quantity::Power),
        ("cpu-thermal", Quantity::Temperature),
        ("gpu-thermal", Quantity::Temperature),
        ("cpu policy0", Quantity::Frequency),
    ];
    let named = channels.map(|(name, quantity)| Channel {
        name: name.to_owned(),
        quantity,
    });
    let mut profile = MachineProfile::new(named.into(), 0, 6);
    for i in 0..40u32 {
        let (t, wobble) = (f64::from(i), f64::from(i * 7 % 5) / 10.0);
        let throttled = i >= 18;
        let read = [
            (i > 0).then_some(1.2 + wobble),
            (i > 0).then_some(3.3 + wobble),
            Some(96.0 + t / 8.0),
            Some(9.0),
            Some(if throttled { 9.1 } else { 13.6 } + wobble),
            Some(if throttled { 4.2 } else { 7.9 } + wobble),
            Some(62.0 + (t * 1.1).min(21.0)),
            Some(58.0 + (t * 0.9).min(19.0)),
            Some(if throttled { 1190.4 } else { 1728.0 }),
        ];
        let mut values = [None; MAX_CHANNELS];
        values[..read.len()].copy_from_slice(&read);
        profile.add(Duration::from_millis(500 * u64::from(i)), &values);
    }
    profile.peak_resident = Some(101_000_000);
    profile
}

/// A [`MachineProfile`] in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MachineSummary {
    /// How often the machine was read.
    pub samples: u64,
    /// Cores that it has; 0 where the system does not tell.
    pub cores: usize,
    /// Largest resident memory of the process so far, in bytes, where the system tells.
    pub peak_resident_bytes: Option<u64>,
    /// Sensors beyond [`MAX_CHANNELS`].
    pub channels_left_out: usize,
    /// The channels that gave a reading.
    pub channels: Vec<ChannelSummary>,
}

/// One channel in numbers, in its unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelSummary {
    /// Its name on this system.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
    /// The unit of what follows.
    pub unit: &'static str,
    /// Readings.
    pub samples: u64,
    /// Least reading.
    pub min: f64,
    /// Mean of the readings.
    pub mean: f64,
    /// Largest reading.
    pub max: f64,
    /// Last reading.
    pub last: f64,
}
