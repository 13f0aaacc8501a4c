//! The table of all parameters. Defaults and ranges of what has settings of its own elsewhere are
//! taken from there.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use super::settings::threshold_name;
use super::{Changeable, Declared, Range, Value};
use crate::decide::{Mount, SupervisorConfig};
use crate::engine::Mode;
use crate::pipeline::Settings;
use crate::schedule::AdmissionConfig;
use crate::score::ScoreKind;
use crate::watchdog::{Board, Realtime, WatchdogConfig};

/// All parameters of the node.
pub fn declared() -> &'static [Declared] {
    static TABLE: LazyLock<Vec<Declared>> = LazyLock::new(|| {
        let mut table = top();
        table.extend(thresholds());
        table.extend(supervisor());
        table.extend(admission());
        table.extend(corridor());
        table.extend(surroundings());
        table.extend(machine());
        table
    });
    &TABLE
}

/// A parameter that may change while nothing is loaded, which is so unless its line says otherwise.
fn entry(name: &str, default: Value, range: Range) -> Declared {
    Declared {
        name: name.to_owned(),
        default,
        range,
        description: "",
        changeable: Changeable::Unconfigured,
    }
}

fn flag(name: &str, default: bool) -> Declared {
    entry(name, Value::Bool(default), Range::Any)
}

fn integer(name: &str, default: impl Into<i64>, range: RangeInclusive<i64>) -> Declared {
    entry(name, Value::Integer(default.into()), Range::Integer(range))
}

fn double(name: &str, default: f64, range: RangeInclusive<f64>) -> Declared {
    entry(name, Value::Double(default), Range::Double(range))
}

/// Any text, and none unless it is set.
fn text(name: &str) -> Declared {
    entry(name, Value::String(String::new()), Range::Any)
}

fn choice(name: &str, default: &str, choices: impl Into<Vec<&'static str>>) -> Declared {
    let default = Value::String(default.to_owned());
    entry(name, default, Range::OneOf(choices.into()))
}

impl Declared {
    fn anytime(self) -> Self {
        let changeable = Changeable::Anytime;
        Self { changeable, ..self }
    }

    fn at_start(self) -> Self {
        let changeable = Changeable::AtStart;
        Self { changeable, ..self }
    }

    fn about(self, description: &'static str) -> Self {
        Self {
            description,
            ..self
        }
    }
}

fn wide(range: RangeInclusive<u32>) -> RangeInclusive<i64> {
    i64::from(*range.start())..=i64::from(*range.end())
}

/// Default, least and largest value of a field in its settings' own list.
fn field(ranges: &[(&'static str, u32, u32, u32)], name: &str) -> (u32, RangeInclusive<i64>) {
    let found = ranges.iter().find(|(field, ..)| *field == name);
    found.map_or((0, 0..=0), |&(_, default, min, max)| {
        (default, wide(min..=max))
    })
}

fn top() -> Vec<Declared> {
    let (deadline, deadlines) = field(&AdmissionConfig::default().ranges(), "deadline_ms");
    vec![
        flag("use_sim_time", false).about("Take the time from /clock."),
        flag("autostart", true)
            .at_start()
            .about("Configure and activate the node at its start."),
        text("bundle").about("Folder of the model bundle; empty: the built-in one."),
        choice("engine", "auto", ["auto", "rten", "ort", "tensorrt"])
            .about("What runs the networks; auto: the fastest that works."),
        integer("threads", 0, 0..=256)
            .about("CPU threads that a network may use; 0: chosen by the number of cores."),
        entry("score", Value::String(ScoreKind::OBSERVER.name().to_owned()), Range::Any).about(
            "Which out-of-distribution score judges pixels: observer, another head of the bundle, softmax, \
             max-logit, entropy or energy.",
        ),
        double("threshold", 0.0, 0.0..=1.0).anytime().about(
            "Pixels with a higher score are anomalous, in every mode that is judged by the \
             score; 0: the bundle's calibrated thresholds.",
        ),
        choice(
            "least_mode",
            Settings::LEAST_MODE.name(),
            Mode::ALL.map(Mode::name),
        )
        .about(
            "The least mode that counts as watching; what a frame in a lesser one is, \
             supervisor.weak_mode says.",
        ),
        choice("image_transport", "raw", ["raw", "compressed"])
            .about("Whether ~/input/image or ~/input/image/compressed is subscribed."),
        integer("deadline_ms", deadline, 10..=*deadlines.end())
            .about("Greatest age of a fresh verdict, in ms from the capture stamp."),
        integer(
            "stale_after_ms",
            SupervisorConfig::default().stale_after_ms,
            wide(Board::STALE_AFTER_MS),
        )
        .about(
            "No frame and no fresh verdict for longer than this raises the flag, in ms; at \
             least deadline_ms.",
        ),
        integer(
            "heartbeat_period_ms",
            WatchdogConfig::default().period_ms,
            wide(WatchdogConfig::PERIOD_MS),
        )
        .at_start()
        .about("Period at which the safe-stop flag is repeated, in ms."),
        integer("diagnostics_period_ms", 1000, 100..=60_000)
            .anytime()
            .about("Period of /diagnostics, in ms."),
        integer("overlay_quality", 80, 1..=100)
            .anytime()
            .about("JPEG quality of the overlay picture."),
        integer("overlay_max_width", 640, 64..=8192)
            .anytime()
            .about("Width that the overlay picture is reduced to, in pixels."),
    ]
}

/// One for each mode.
fn thresholds() -> Vec<Declared> {
    let of = |mode| {
        double(&threshold_name(mode), 0.0, 0.0..=1.0)
            .anytime()
            .about("Threshold of this mode alone, whatever its score; 0: as in the others.")
    };
    Mode::ALL.map(of).into()
}

/// Two fields have parameters of their own: the deadline and the staleness limit.
fn supervisor() -> Vec<Declared> {
    let defaults = SupervisorConfig::default();
    // Some ranges end at another field; the widest are those with that field at its own end.
    let end = |name| {
        let (_, range) = field(&defaults.ranges(), name);
        u32::try_from(*range.end()).unwrap_or(u32::MAX)
    };
    let mut widest = SupervisorConfig {
        area_on_ppm: end("area_on_ppm"),
        confirm_window: end("confirm_window"),
        ..defaults
    };
    widest.quality.frozen_frames = 0;
    let own = |name: &str| !["max_age_ms", "stale_after_ms"].contains(&name);
    let fields = defaults.ranges().into_iter().zip(widest.ranges());
    fields
        .filter(|((name, ..), _)| own(name))
        .map(|((name, default, ..), (_, _, min, max))| {
            let range = wide(min..=max);
            let parameter = format!("supervisor.{name}");
            integer(&parameter, default, range).about(about_supervisor(name))
        })
        .chain([
            flag(
                "supervisor.quality.size_may_change",
                defaults.quality.size_may_change,
            )
            .about("A picture of another size than the one before is no fault."),
            choice("supervisor.weak_mode", "warn", ["warn", "fault"])
                .about("What a frame is that was judged in a mode below least_mode."),
        ])
        .collect()
}

fn about_supervisor(field: &str) -> &'static str {
    match field {
        "area_on_ppm" => {
            "A frame is a hit from this anomalous area in the corridor on, \
             in parts per million of the score map."
        }
        "area_off_ppm" => {
            "After a hit, the next frame is one too from this area on, \
             in parts per million; at most supervisor.area_on_ppm."
        }
        "confirm_hits" => {
            "Hits within the window that confirm a STOP; \
             at most supervisor.confirm_window."
        }
        "confirm_window" => "Length of the window, in frames without a fault.",
        "start_frames" => "Frames without a fault, one after another, before the first OK.",
        "fault_clear_frames" => "Frames without a fault, one after another, that end a FAULT.",
        "reset_frames" => "Clean frames, one after another, after a reset that end a STOP.",
        "future_tolerance_ms" => {
            "A capture stamp further in the future than this is a fault, in ms."
        }
        "clock_step_ms" => {
            "The clock was set to another time when it moved this much more or less \
             than the monotonic clock, in ms."
        }
        "quality.black_below" => {
            "A picture that is nowhere as bright as this is black, in luma; 0: never."
        }
        "quality.over_exposed_ppm" => {
            "A picture with this much of its better half clipped is over-exposed, \
             in parts per million; 1000001: never."
        }
        "quality.incomplete_from" => {
            "A part of a picture is missing where this share of its rows repeats, in thousandths; \
             1001: never."
        }
        "quality.shifted_from" => {
            "Rows of a picture are shifted, as below lost bytes, where a seam stands out over this \
             share of its height, in thousandths; 1001: never."
        }
        "quality.blurred_below" => {
            "A picture less sharp than this is blurred, in thousandths; 0: never."
        }
        "quality.blur_fault_frames" => "Blurred pictures, one after another, that are a fault.",
        "quality.frozen_frames" => {
            "The same picture so many times in a row is a fault; 0: never; 1 is not allowed."
        }
        _ => "",
    }
}

fn admission() -> Vec<Declared> {
    let ranges = AdmissionConfig::default().ranges();
    let about = [
        (
            "recover_frames",
            "Frames, one after another, in which a better mode must have fitted before it is \
             taken.",
        ),
        (
            "recover_margin_percent",
            "Share of the slack that a better mode must leave over, in percent.",
        ),
        (
            "probe_every",
            "Of the frames that no mode is predicted to do in time, one in so many is run all \
             the same.",
        ),
    ];
    about
        .into_iter()
        .map(|(name, about)| {
            let (default, range) = field(&ranges, name);
            let name = format!("admission.{name}");
            integer(&name, default, range).about(about)
        })
        .collect()
}

/// All 0 is no trapezoid, and stands for the bundle's corridor.
fn corridor() -> Vec<Declared> {
    let about = [
        ("top", "Upper side of the corridor, share of the height."),
        (
            "top_left",
            "Left end of the upper side, share of the width.",
        ),
        (
            "top_right",
            "Right end of the upper side, share of the width.",
        ),
        (
            "bottom_left",
            "Left end of the lower side, share of the width.",
        ),
        (
            "bottom_right",
            "Right end of the lower side, share of the width.",
        ),
        (
            "bottom",
            "Lower side of the corridor, share of the height; with all six 0, the corridor is \
             the bundle's.",
        ),
    ];
    about
        .into_iter()
        .map(|(name, about)| {
            let name = format!("corridor.{name}");
            double(&name, 0.0, 0.0..=1.0).about(about)
        })
        .collect()
}

fn surroundings() -> Vec<Declared> {
    vec![
        flag("use_odometry", false)
            .about("Take the vehicle's speed and yaw rate from ~/input/odometry."),
        integer("odometry_timeout_ms", 500, 10..=60_000)
            .about("A speed older than this is not believed, in ms."),
        text("stop_file").about(
            "TOML file of stop levels, as lookout calibrate stop makes it: the evidence of \
             tracks decides about a stop; empty: the area in the corridor does.",
        ),
        text("camera.file").about("YAML file of the camera, in place of camera_info; empty: none."),
        double("camera.height_m", 0.0, 0.0..=10.0).about(
            "Height of the camera above the ground, in m; 0: height, pitch, roll and yaw are \
             those of camera.file and, without one, there are no distances.",
        ),
        double("camera.pitch_deg", 0.0, -45.0..=45.0)
            .about("Pitch of the camera, in degrees, nose down positive."),
        double("camera.roll_deg", 0.0, -45.0..=45.0)
            .about("Roll of the camera, in degrees, right side down positive."),
        double("camera.yaw_deg", 0.0, -45.0..=45.0)
            .about("Yaw of the camera, in degrees, to the right positive."),
        double(
            "camera.pitch_uncertainty_deg",
            0.0,
            0.0..=Mount::MAX_UNCERTAINTY,
        )
        .about("How much the pitch may be off either way, in degrees."),
        double("vehicle.deceleration_mps2", 4.0, 0.1..=20.0)
            .about("Deceleration that the vehicle brakes with, in m/s^2."),
        integer("vehicle.reaction_time_ms", 300, 0..=10_000).about(
            "Time from the first frame within the stopping distance until the brakes act, in ms.",
        ),
        double("vehicle.margin_m", 3.0, 0.0..=1000.0)
            .about("Distance that is left to the obstacle after braking, in m."),
        double("vehicle.width_m", 1.9, 0.1..=10.0).about("Width of the vehicle, in m."),
        double("vehicle.side_margin_m", 0.3, 0.0..=10.0)
            .about("Room that the vehicle needs on either side, in m."),
    ]
}

fn machine() -> Vec<Declared> {
    // The watchdog's thread runs one above.
    let highest = Realtime::FIFO_PRIORITY.end() - 1;
    vec![
        integer("realtime.fifo_priority", 0, 0..=i64::from(highest))
            .at_start()
            .about(
                "SCHED_FIFO priority of the frames' thread, the watchdog's is one above; 0: none.",
            ),
        text("realtime.cpus")
            .at_start()
            .about("Processors that the threads may run on, such as 0,2-3; empty: all."),
        flag("realtime.lock_memory", false)
            .at_start()
            .about("Keep all memory of the process in RAM."),
        integer(
            "socket_receive_buffer_bytes",
            8 * 1024 * 1024,
            65_536..=1_073_741_824,
        )
        .at_start()
        .about("Receive buffer that is asked for on every socket, in bytes."),
    ]
}

#[cfg(test)]
#[path = "declared_tests.rs"]
mod tests;
