//! Finds and reads the channels of a Linux system.
//!
//! Where the values lie, and in which unit:
//! - `class/thermal/thermal_zone*/{type,temp}`: thousandths of a degree (kernel documentation,
//!   `driver-api/thermal/sysfs-api`).
//! - `devices/system/cpu/cpufreq/policy*/scaling_cur_freq`: kHz; `class/devfreq/*/cur_freq`: Hz.
//! - Power of a Jetson, from JetPack 5 on: `in*_label` (rail), `in*_input` (mV), `curr*_input` (mA)
//!   of the hwmon device of an INA3221 (kernel documentation, `hwmon/ina3221`). Channels that are
//!   not connected are labelled `NC`, some inputs give an I/O error
//!   (<https://github.com/alumet-dev/alumet/issues/212>, an AGX Orin).
//! - Until JetPack 4 the driver is `ina3221x`, its device an `iio:device*` with `rail_name_*` and
//!   `in_power*_input` (mW) (<https://github.com/rbonghi/jetson_stats>, `jtop/core/power.py`).
//! - Load of a Jetson's GPU in thousandths: `devices/platform/gpu.0/load` (Orin, Xavier),
//!   `devices/gpu.0/load` (Xavier, Nano)
//!   (<https://github.com/autowarefoundation/autoware_universe/pull/11326>,
//!   <https://github.com/rbonghi/jetson_stats/issues/360>).

use super::proc::{self, Ticks};
use super::{Channel, MAX_CHANNELS, MachineProfile, Quantity};
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest name of a sensor, in bytes.
const MAX_NAME: usize = 48;

/// How a channel is read.
#[derive(Clone, Debug)]
enum Probe {
    /// From `/proc`, once for all channels.
    Process,
    /// A number in a file, times a factor.
    File(PathBuf, f64),
    /// Millivolts times milliamperes.
    VoltsAmperes(PathBuf, PathBuf),
}

/// Counters of the last reading; rates are differences.
#[derive(Clone, Copy, Debug)]
struct Counters {
    at: Instant,
    process: Duration,
    ticks: Option<Ticks>,
    switches: Option<(u64, u64)>,
}

/// Finds the channels of a system and reads them. On a system without `/proc` and `/sys` there is
/// the processor time of the process alone.
#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    origin: Instant,
    probes: Vec<Probe>,
    counters: Option<Counters>,
    buffer: Vec<u8>,
    profile: MachineProfile,
}

impl Machine {
    /// This machine. `origin` is the start of the run.
    pub fn new(origin: Instant) -> Self {
        Self::at(Path::new("/"), origin)
    }

    /// The machine whose `proc` and `sys` lie below `root`.
    pub fn at(root: &Path, origin: Instant) -> Self {
        let mut buffer = Vec::with_capacity(4096);
        let mut found = vec![
            sensor("process", Quantity::ProcessCpu, Probe::Process),
            sensor("machine", Quantity::MachineCpu, Probe::Process),
            sensor("process", Quantity::Resident, Probe::Process),
            sensor("process", Quantity::Threads, Probe::Process),
            sensor("process", Quantity::VoluntarySwitches, Probe::Process),
            sensor("process", Quantity::InvoluntarySwitches, Probe::Process),
        ];
        let sys = root.join("sys");
        // What is most worth knowing comes first, should there be too many.
        power(&sys, &mut buffer, &mut found);
        gpu_load(&sys, &mut found);
        temperatures(&sys, &mut buffer, &mut found);
        frequencies(&sys, &mut found);
        let left_out = found.len().saturating_sub(MAX_CHANNELS);
        found.truncate(MAX_CHANNELS);
        let (channels, probes) = found.into_iter().unzip();
        let stat = proc::read(&root.join("proc/stat"), &mut buffer);
        let cores = stat.map_or(0, proc::cores);
        Self {
            root: root.to_owned(),
            origin,
            probes,
            counters: None,
            buffer,
            profile: MachineProfile::new(channels, left_out, cores),
        }
    }

    /// Reads every channel once. Allocates, and may wait for sensors on a slow bus: not for the
    /// thread of the frames.
    pub fn sample(&mut self) {
        let now = Instant::now();
        let process = process_values(self, now);
        let mut values = [None; MAX_CHANNELS];
        let channels = self.profile.channels.iter().zip(&self.probes);
        for (value, (channel, probe)) in values.iter_mut().zip(channels) {
            let read = match probe {
                Probe::Process => process.get(channel.quantity),
                Probe::File(path, factor) => {
                    number(path, &mut self.buffer).map(|value| value * factor)
                }
                Probe::VoltsAmperes(volts, amperes) => number(volts, &mut self.buffer)
                    .zip(number(amperes, &mut self.buffer))
                    .filter(|&(volts, amperes)| volts >= 0.0 && amperes >= 0.0)
                    .map(|(volts, amperes)| volts * amperes / 1e6),
            };
            *value = read.filter(|&value| channel.quantity.plausible(value));
        }
        self.profile.peak_resident = process.peak_resident.or(self.profile.peak_resident);
        let at = now.saturating_duration_since(self.origin);
        self.profile.add(at, &values);
    }

    /// What was read so far.
    pub fn profile(&self) -> &MachineProfile {
        &self.profile
    }

    /// What was read.
    pub fn into_profile(self) -> MachineProfile {
        self.profile
    }
}

/// Readings from `/proc`.
#[derive(Default)]
struct ProcessValues {
    process_cpu: Option<f64>,
    machine_cpu: Option<f64>,
    resident: Option<f64>,
    threads: Option<f64>,
    voluntary: Option<f64>,
    involuntary: Option<f64>,
    peak_resident: Option<u64>,
}

impl ProcessValues {
    fn get(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::ProcessCpu => self.process_cpu,
            Quantity::MachineCpu => self.machine_cpu,
            Quantity::Resident => self.resident,
            Quantity::Threads => self.threads,
            Quantity::VoluntarySwitches => self.voluntary,
            Quantity::InvoluntarySwitches => self.involuntary,
            _ => None,
        }
    }
}

fn process_values(machine: &mut Machine, now: Instant) -> ProcessValues {
    let folder = machine.root.join("proc/self");
    let buffer = &mut machine.buffer;
    let mut values = ProcessValues::default();
    if let Some(status) = proc::read(&folder.join("status"), buffer) {
        values.resident = proc::status_bytes(status, "VmRSS").map(|bytes| bytes as f64 / 1e6);
        values.peak_resident = proc::status_bytes(status, "VmHWM");
        values.threads = proc::status_number(status, "Threads").map(|threads| threads as f64);
    }
    let counters = Counters {
        at: now,
        process: process_time(),
        ticks: proc::read(&machine.root.join("proc/stat"), buffer).and_then(proc::ticks),
        switches: proc::switches(&folder.join("task"), buffer),
    };
    let Some(before) = machine.counters.replace(counters) else {
        return values;
    };
    let seconds = now.saturating_duration_since(before.at).as_secs_f64();
    if seconds <= 0.0 {
        return values;
    }
    let process = counters.process.saturating_sub(before.process);
    values.process_cpu = Some(process.as_secs_f64() / seconds);
    values.machine_cpu = counters
        .ticks
        .zip(before.ticks)
        .and_then(|(now, before)| now.busy_since(before))
        .map(|share| share * machine.profile.cores as f64);
    // Counters go backwards when a thread has ended.
    let rate = |now: u64, before: u64| Some(now.checked_sub(before)? as f64 / seconds);
    if let Some((now, before)) = counters.switches.zip(before.switches) {
        values.voluntary = rate(now.0, before.0);
        values.involuntary = rate(now.1, before.1);
    }
    values
}

/// Processor time that this process has used, by users and by the system.
fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

type Sensor = (Channel, Probe);

fn sensor(name: &str, quantity: Quantity, probe: Probe) -> Sensor {
    let end = name.floor_char_boundary(MAX_NAME);
    let name = name[..end].to_owned();
    (Channel { name, quantity }, probe)
}

/// A finite number, the first word of a file.
fn number(path: &Path, buffer: &mut Vec<u8>) -> Option<f64> {
    let text = proc::read(path, buffer)?.split_whitespace().next()?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A name, the text of a file without white space around it.
fn name(path: &Path, buffer: &mut Vec<u8>) -> Option<String> {
    let text = proc::read(path, buffer)?.trim();
    let plain = !text.is_empty() && !text.contains(char::is_control);
    plain.then(|| text.to_owned())
}

/// The folders in `folder` whose name begins with `prefix`, `2` before `10`.
fn folders(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    found
}

fn power(sys: &Path, buffer: &mut Vec<u8>, found: &mut Vec<Sensor>) {
    for driver in folders(&sys.join("bus/i2c/drivers"), "ina3221") {
        for device in folders(&driver, "") {
            for hwmon in folders(&device.join("hwmon"), "hwmon") {
                // The labels beyond are of sums of channels.
                for i in 1..=3 {
                    let label = name(&hwmon.join(format!("in{i}_label")), buffer);
                    let volts = hwmon.join(format!("in{i}_input"));
                    let amperes = hwmon.join(format!("curr{i}_input"));
                    add_rail(label, Probe::VoltsAmperes(volts, amperes), found);
                }
            }
            for iio in folders(&device, "iio:device") {
                for i in 0..=2 {
                    let label = name(&iio.join(format!("rail_name_{i}")), buffer);
                    let milliwatts = iio.join(format!("in_power{i}_input"));
                    add_rail(label, Probe::File(milliwatts, 1e-3), found);
                }
            }
        }
    }
}

fn add_rail(label: Option<String>, probe: Probe, found: &mut Vec<Sensor>) {
    if let Some(label) = label.filter(|label| label != "NC") {
        found.push(sensor(&label, Quantity::Power, probe));
    }
}

fn gpu_load(sys: &Path, found: &mut Vec<Sensor>) {
    let places = ["devices/platform/gpu.0/load", "devices/gpu.0/load"];
    let there = places.iter().map(|p| sys.join(p)).find(|p| p.exists());
    if let Some(path) = there {
        found.push(sensor("gpu", Quantity::GpuLoad, Probe::File(path, 0.1)));
    }
}

fn temperatures(sys: &Path, buffer: &mut Vec<u8>, found: &mut Vec<Sensor>) {
    for zone in folders(&sys.join("class/thermal"), "thermal_zone") {
        let Some(mut label) = name(&zone.join("type"), buffer) else {
            continue;
        };
        let same = |(c, _): &Sensor| c.quantity == Quantity::Temperature && c.name == label;
        if found.iter().any(same) {
            let zone = zone.file_name().unwrap_or_default().to_string_lossy();
            label = format!("{label} ({zone})");
        }
        let probe = Probe::File(zone.join("temp"), 1e-3);
        found.push(sensor(&label, Quantity::Temperature, probe));
    }
}

fn frequencies(sys: &Path, found: &mut Vec<Sensor>) {
    for policy in folders(&sys.join("devices/system/cpu/cpufreq"), "policy") {
        let cpu = policy.file_name().unwrap_or_default().to_string_lossy();
        let probe = Probe::File(policy.join("scaling_cur_freq"), 1e-3);
        found.push(sensor(&format!("cpu {cpu}"), Quantity::Frequency, probe));
    }
    for device in folders(&sys.join("class/devfreq"), "") {
        let label = device.file_name().unwrap_or_default().to_string_lossy();
        let probe = Probe::File(device.join("cur_freq"), 1e-6);
        found.push(sensor(&label, Quantity::Frequency, probe));
    }
}
