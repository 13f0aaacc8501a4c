//! The status of the machine and of what lies between the node and the network.

use std::time::Duration;

use super::Health;
use super::recent::SECONDS;
use super::report::Report;
use crate::msg::DiagnosticStatus;
use crate::profile::{Channel, MachineProfile, Quantity};

const WARN: u8 = DiagnosticStatus::WARN;

/// A sensor is hot from here on, in degrees Celsius: boards begin to throttle between 85 and 100.
const HOT_CELSIUS: f64 = 85.0;

/// The key of a channel's last reading; `None` for those that are of no use in a status.
fn key(channel: &Channel) -> Option<String> {
    let name = &channel.name;
    Some(match channel.quantity {
        Quantity::ProcessCpu => "process_cpu_cores".to_owned(),
        Quantity::MachineCpu => "machine_cpu_cores".to_owned(),
        Quantity::Resident => "resident_mb".to_owned(),
        Quantity::Threads => "threads".to_owned(),
        Quantity::Power => format!("power_w {name}"),
        Quantity::GpuLoad => "gpu_load_percent".to_owned(),
        Quantity::Temperature => format!("temperature_celsius {name}"),
        Quantity::VoluntarySwitches | Quantity::InvoluntarySwitches | Quantity::Frequency => {
            return None;
        }
    })
}

pub(super) fn machine(
    health: &Health,
    now: Duration,
    machine: Option<&MachineProfile>,
) -> DiagnosticStatus {
    let mut report = Report::default();
    let mut words = "nothing is read of the machine".to_owned();
    if let Some(machine) = machine {
        words = readings(&mut report, machine);
    }
    let recent = health.seen.recent.sum(now);
    let buffer = match &health.receive_buffer {
        None => "unknown",
        Some(Ok(())) => "large enough",
        Some(Err(warning)) => {
            report.find(WARN, warning.clone());
            "too small"
        }
    };
    for (count, what) in [
        (recent.log_records_dropped, "log records dropped"),
        (recent.late_beats, "beats of the watchdog left out"),
    ] {
        if count > 0 {
            report.find(WARN, format!("{count} {what} in the last {SECONDS} s"));
        }
    }
    report.pair("receive_buffer", buffer);
    let total = &health.total;
    report.pair("log_records_dropped", total.log_records_dropped.to_string());
    report.pair("late_beats", total.late_beats.to_string());
    report.finish("machine", words)
}

/// What was read last; in words for where nothing is wrong.
fn readings(report: &mut Report, machine: &MachineProfile) -> String {
    if machine.samples() == 0 {
        report.find(
            DiagnosticStatus::STALE,
            "waiting for the first reading".to_owned(),
        );
    }
    let mut hottest: Option<(&str, f64)> = None;
    let mut words = Vec::new();
    for (i, channel) in machine.channels().iter().enumerate() {
        let Some(key) = key(channel) else {
            continue;
        };
        let value = machine.last(i);
        report.number(&key, value);
        match (channel.quantity, value) {
            (Quantity::Resident, Some(mb)) => words.push(format!("{mb:.0} MB")),
            (Quantity::Temperature, Some(celsius))
                if hottest.is_none_or(|(_, most)| celsius > most) =>
            {
                hottest = Some((&channel.name, celsius));
            }
            _ => {}
        }
    }
    if let Some((name, celsius)) = hottest {
        words.push(format!("{name} {celsius:.0} °C"));
        if celsius >= HOT_CELSIUS {
            let text = format!("{name} has {celsius:.1} °C, hot from {HOT_CELSIUS:.0} °C on");
            report.find(WARN, text);
        }
    } else {
        words.push("no temperatures on this system".to_owned());
    }
    words.join(", ")
}
