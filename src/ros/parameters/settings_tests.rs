use super::*;
use crate::ros::parameters::{Phase, declared};

fn with(values: &[(&str, Value)]) -> Store {
    let mut store = Store::default();
    let owned = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    let pairs: Vec<_> = values.iter().map(owned).collect();
    store.set(&pairs, Phase::Unconfigured).unwrap();
    store
}

#[test]
fn defaults_are_those_of_the_parts_that_they_are_for() {
    let settings = NodeSettings::new(&Store::default()).unwrap();
    let deadline_ms = AdmissionConfig::default().deadline_ms;
    assert_eq!(settings.admission, AdmissionConfig::default());
    assert_eq!(
        settings.supervisor,
        SupervisorConfig {
            max_age_ms: deadline_ms,
            ..SupervisorConfig::default()
        }
    );
    assert_eq!(settings.watchdog(), WatchdogConfig::default());
    assert_eq!(settings.realtime, Realtime::default());
    assert_eq!(settings.bundle, None);
    assert_eq!(settings.corridor, None);
    assert_eq!(settings.camera, None);
    assert!(!settings.use_odometry);
    assert_eq!(settings.camera_file, None);
    assert_eq!(settings.stop_file, None);
    assert_eq!(settings.vehicle, StoppingConfig::default());
    assert_eq!(settings.live.thresholds, GivenThresholds::default());
    let (options, expected) = (settings.engine_options(), Options::default());
    assert_eq!(options.kind, expected.kind);
    assert_eq!(options.threads, expected.threads);
}

#[test]
fn values_reach_the_parts_that_they_are_for() {
    let text = |text: &str| Value::String(text.to_owned());
    let settings = NodeSettings::new(&with(&[
        ("bundle", text("/b")),
        ("engine", text("ort")),
        ("threads", Value::Integer(3)),
        ("score", text("max-logit")),
        ("threshold", Value::Double(0.5)),
        ("thresholds.reduced_observer", Value::Double(0.25)),
        ("image_transport", text("compressed")),
        ("deadline_ms", Value::Integer(60)),
        ("stale_after_ms", Value::Integer(250)),
        ("diagnostics_period_ms", Value::Integer(200)),
        ("supervisor.quality.frozen_frames", Value::Integer(0)),
        ("admission.probe_every", Value::Integer(4)),
        ("use_odometry", Value::Bool(true)),
        ("odometry_timeout_ms", Value::Integer(70)),
        ("camera.height_m", Value::Double(1.5)),
        ("camera.file", text("/c.yaml")),
        ("stop_file", text("/s.toml")),
        ("camera.pitch_deg", Value::Double(-2.0)),
        ("camera.roll_deg", Value::Double(0.5)),
        ("camera.yaw_deg", Value::Double(-1.5)),
        ("camera.pitch_uncertainty_deg", Value::Double(1.0)),
        ("vehicle.reaction_time_ms", Value::Integer(400)),
        ("vehicle.width_m", Value::Double(2.5)),
    ]))
    .unwrap();
    assert_eq!(settings.bundle, Some(PathBuf::from("/b")));
    assert_eq!(settings.engine, EngineKind::Ort);
    assert_eq!(settings.engine_options().threads, 3);
    assert_eq!(settings.score, ScoreKind::MaxLogit);
    assert_eq!(settings.live.thresholds.of(Mode::FULL, true), Some(0.5));
    let reduced = settings.live.thresholds.of(Mode::REDUCED, true);
    assert_eq!(reduced, Some(0.25));
    assert_eq!(settings.live.diagnostics_period, Duration::from_millis(200));
    assert_eq!(settings.image_transport, ImageTransport::Compressed);
    assert_eq!(settings.admission.deadline_ms, 60);
    assert_eq!(settings.admission.probe_every, 4);
    assert_eq!(settings.supervisor.max_age_ms, 60);
    assert_eq!(settings.supervisor.stale_after_ms, 250);
    assert_eq!(settings.stale_after_ms, 250);
    assert_eq!(settings.supervisor.quality.frozen_frames, 0);
    assert_eq!(settings.camera_file, Some(PathBuf::from("/c.yaml")));
    assert_eq!(settings.stop_file, Some(PathBuf::from("/s.toml")));
    let camera = Mount {
        height_m: 1.5,
        pitch_deg: -2.0,
        roll_deg: 0.5,
        yaw_deg: -1.5,
        pitch_uncertainty_deg: 1.0,
    };
    assert_eq!(settings.camera, Some(camera));
    assert!(settings.use_odometry);
    let vehicle = StoppingConfig {
        odometry_timeout_ms: 70,
        reaction_time_ms: 400,
        width_m: 2.5,
        ..StoppingConfig::default()
    };
    assert_eq!(settings.vehicle, vehicle);
    assert_eq!(settings.for_pipeline().vehicle, Some(vehicle));
}

#[test]
fn what_is_set_at_start_is_read_too() {
    use crate::ros::arguments::{Override, ParameterOrigin};
    let given = |name: &str, value| Override {
        name: name.to_owned(),
        value,
        source: ParameterOrigin::CommandLine,
    };
    let cpus = |list: &str| given("realtime.cpus", Value::String(list.to_owned()));
    let (store, _) = Store::new(&[
        given("realtime.fifo_priority", Value::Integer(98)),
        cpus("0,2-3"),
        given("heartbeat_period_ms", Value::Integer(50)),
    ])
    .unwrap();
    let settings = NodeSettings::new(&store).unwrap();
    assert_eq!(settings.realtime.fifo_priority, Some(98));
    assert_eq!(settings.realtime.cpus, [0, 2, 3]);
    let watchdog = settings.watchdog();
    assert_eq!(watchdog.realtime.fifo_priority, Some(99));
    assert_eq!(watchdog.period_ms, 50);
    assert!(watchdog.validate().is_ok());

    let error = Store::new(&[cpus("0-x")]).unwrap_err().to_string();
    assert!(error.starts_with("parameters: realtime.cpus: "), "{error}");
}

#[test]
fn a_corridor_is_whole_or_the_bundles() {
    let whole = [
        ("corridor.top", 0.4),
        ("corridor.top_left", 0.3),
        ("corridor.top_right", 0.6),
        ("corridor.bottom_right", 1.0),
        ("corridor.bottom", 0.9),
    ]
    .map(|(name, value)| (name, Value::Double(value)));
    let settings = NodeSettings::new(&with(&whole)).unwrap();
    let expected = Trapezoid::new((0.4, 0.3, 0.6), (0.9, 0.0, 1.0)).unwrap();
    assert_eq!(settings.corridor, Some(expected));

    let half = NodeSettings::new(&with(&whole[..2]));
    assert_eq!(half, Err(SettingsError::HalfCorridor));
}

#[test]
fn a_score_may_be_that_of_any_head_and_what_cannot_be_a_name_is_refused() {
    let score = |name: &str| [("score".to_owned(), Value::String(name.to_owned()))];
    let mut store = Store::default();
    store
        .set(&score("mahalanobis"), Phase::Unconfigured)
        .unwrap();
    let settings = NodeSettings::new(&store).unwrap();
    assert_eq!(settings.score, "mahalanobis".parse().unwrap());
    for name in ["", "two words"] {
        let error = store.set(&score(name), Phase::Unconfigured).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("not the name of a score"), "{error}");
    }
    assert_eq!(NodeSettings::new(&store).unwrap().score, settings.score);
}

/// One parameter after the other to either end of its range: nothing that a descriptor allows is
/// refused by the part that it is for, but where a relation to another parameter says so.
#[test]
fn both_ends_of_every_range_are_taken() {
    use crate::ros::parameters::Range;
    for entry in declared() {
        let ends = match &entry.range {
            Range::Integer(range) => [range.start(), range.end()].map(|&v| Value::Integer(v)),
            Range::Double(range) => [range.start(), range.end()].map(|&v| Value::Double(v)),
            Range::Any | Range::OneOf(_) => continue,
        };
        let related = entry.name.starts_with("corridor.")
            || [
                "deadline_ms",
                "stale_after_ms",
                "supervisor.area_on_ppm",
                "supervisor.area_off_ppm",
                "supervisor.confirm_hits",
                "supervisor.confirm_window",
            ]
            .contains(&entry.name.as_str());
        for end in ends {
            let given = crate::ros::arguments::Override {
                name: entry.name.clone(),
                value: end,
                source: crate::ros::arguments::ParameterOrigin::CommandLine,
            };
            let store = Store::new(&[given]);
            assert!(store.is_ok() || related, "{}: {store:?}", entry.name);
        }
    }
    let extremes = with(&[
        ("stale_after_ms", Value::Integer(60_000)),
        ("deadline_ms", Value::Integer(10_000)),
        ("supervisor.area_on_ppm", Value::Integer(1_000_000)),
        ("supervisor.area_off_ppm", Value::Integer(1_000_000)),
        ("supervisor.confirm_window", Value::Integer(64)),
        ("supervisor.confirm_hits", Value::Integer(64)),
    ]);
    assert!(NodeSettings::new(&extremes).is_ok());
}
