use std::path::Path;

use super::*;
use crate::decide::WeakMode;
use crate::engine::EngineKind;
use crate::ros::arguments::ParamsFile;
use crate::ros::names::NodeName;
use crate::ros::parameters::Changeable::{Anytime, AtStart, Unconfigured};
use crate::ros::parameters::ValueType;

/// What the node promises: name, type, range of a number, and when it can change: at run time (R),
/// while unconfigured (U), at start (S).
const PROMISED: &str = "
use_sim_time bool U
autostart bool S
bundle string U
engine string U
threads integer 0..256 U
score string U
threshold double 0..1 R
least_mode string U
image_transport string U
deadline_ms integer 10..10000 U
stale_after_ms integer 10..60000 U
heartbeat_period_ms integer 10..1000 S
diagnostics_period_ms integer 100..60000 R
overlay_quality integer 1..100 R
overlay_max_width integer 64..8192 R
thresholds.full_observer double 0..1 R
thresholds.reduced_observer double 0..1 R
thresholds.fallback_observer double 0..1 R
thresholds.full double 0..1 R
thresholds.reduced double 0..1 R
thresholds.fallback double 0..1 R
supervisor.area_on_ppm integer 1..1000000 U
supervisor.area_off_ppm integer 1..1000000 U
supervisor.confirm_window integer 1..64 U
supervisor.confirm_hits integer 1..64 U
supervisor.start_frames integer 1..1000 U
supervisor.fault_clear_frames integer 1..1000 U
supervisor.reset_frames integer 1..1000 U
supervisor.future_tolerance_ms integer 0..1000 U
supervisor.clock_step_ms integer 1..10000 U
supervisor.quality.black_below integer 0..255 U
supervisor.quality.over_exposed_ppm integer 1..1000001 U
supervisor.quality.incomplete_from integer 1..1001 U
supervisor.quality.shifted_from integer 1..1001 U
supervisor.quality.blurred_below integer 0..1000 U
supervisor.quality.blur_fault_frames integer 1..1000 U
supervisor.quality.frozen_frames integer 0..1000 U
supervisor.quality.size_may_change bool U
supervisor.weak_mode string U
admission.recover_frames integer 1..1000 U
admission.recover_margin_percent integer 0..90 U
admission.probe_every integer 1..1000 U
corridor.top double 0..1 U
corridor.top_left double 0..1 U
corridor.top_right double 0..1 U
corridor.bottom_left double 0..1 U
corridor.bottom_right double 0..1 U
corridor.bottom double 0..1 U
use_odometry bool U
odometry_timeout_ms integer 10..60000 U
stop_file string U
camera.file string U
camera.height_m double 0..10 U
camera.pitch_deg double -45..45 U
camera.roll_deg double -45..45 U
camera.yaw_deg double -45..45 U
camera.pitch_uncertainty_deg double 0..5 U
vehicle.deceleration_mps2 double 0.1..20 U
vehicle.reaction_time_ms integer 0..10000 U
vehicle.margin_m double 0..1000 U
vehicle.width_m double 0.1..10 U
vehicle.side_margin_m double 0..10 U
realtime.fifo_priority integer 0..98 S
realtime.cpus string S
realtime.lock_memory bool S
socket_receive_buffer_bytes integer 65536..1073741824 S
";

#[test]
fn the_table_is_what_was_promised() {
    let lines = declared().iter().map(|entry| {
        let kind = match entry.value_type() {
            ValueType::Bool => "bool",
            ValueType::Integer => "integer",
            ValueType::Double => "double",
            ValueType::String => "string",
            other => panic!("{}: {other}", entry.name),
        };
        let range = match &entry.range {
            Range::Any | Range::OneOf(_) => String::new(),
            Range::Integer(range) => format!("{}..{} ", range.start(), range.end()),
            Range::Double(range) => format!("{}..{} ", range.start(), range.end()),
        };
        let when = match entry.changeable {
            Anytime => "R",
            Unconfigured => "U",
            AtStart => "S",
        };
        format!("{} {kind} {range}{when}", entry.name)
    });
    let lines: Vec<_> = lines.collect();
    let promised: Vec<_> = PROMISED.trim().lines().collect();
    assert_eq!(lines, promised);
}

#[test]
fn every_default_can_be_had_and_every_entry_says_what_it_is() {
    for entry in declared() {
        assert_eq!(entry.check(&entry.default), Ok(()));
        assert!(entry.description.ends_with('.'), "{}", entry.name);
        let choices = declared().iter().filter(|other| other.name == entry.name);
        assert_eq!(choices.count(), 1, "{}", entry.name);
    }
}

#[test]
fn the_choices_are_those_that_are_read() {
    let choices = |name: &str| {
        let entry = declared().iter().find(|entry| entry.name == name).unwrap();
        match &entry.range {
            Range::OneOf(choices) => choices.clone(),
            other => panic!("{name}: {other:?}"),
        }
    };
    for engine in choices("engine") {
        assert_eq!(engine.parse::<EngineKind>().unwrap().to_string(), engine);
    }
    for mode in choices("least_mode") {
        assert_eq!(mode.parse::<Mode>().unwrap().name(), mode);
    }
    for weak in choices("supervisor.weak_mode") {
        assert!(weak.parse::<WeakMode>().is_ok());
    }
}

#[test]
fn the_shipped_file_has_every_parameter_at_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("launch/config/lookout.param.yaml");
    let file = ParamsFile::read(&path).unwrap();
    let node = NodeName::new("/any/where", "eye").unwrap();
    let mut found: Vec<_> = file.of(&node).collect();
    let mut expected: Vec<_> = declared()
        .iter()
        .map(|entry| (entry.name.as_str(), &entry.default))
        .collect();
    found.sort_by_key(|(name, _)| *name);
    expected.sort_by_key(|(name, _)| *name);
    assert_eq!(found, expected);
}
