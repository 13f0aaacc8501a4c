use super::*;
use std::path::PathBuf;

fn given(name: &str, value: Value) -> Override {
    Override {
        name: name.to_owned(),
        value,
        source: ParameterOrigin::File(PathBuf::from("p.yaml")),
    }
}

fn pairs(values: &[(&str, Value)]) -> Vec<(String, Value)> {
    let owned = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    values.iter().map(owned).collect()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn overrides_go_over_defaults() {
    let (store, undeclared) = Store::new(&[
        given("threshold", Value::Double(0.25)),
        given("treshold", Value::Double(0.5)),
        given("qos_overrides./clock.depth", Value::Integer(3)),
    ])
    .unwrap();
    assert_eq!(store.get("threshold"), Some(&Value::Double(0.25)));
    assert_eq!(store.get("deadline_ms"), Some(&Value::Integer(100)));
    assert_eq!(store.get("treshold"), None);
    let warnings: Vec<_> = undeclared.iter().map(ToString::to_string).collect();
    let expected = [
        "p.yaml: no such parameter: treshold (did you mean threshold?)",
        "p.yaml: no such parameter: qos_overrides./clock.depth",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn overrides_that_cannot_be_are_refused() {
    let cases = [
        (
            "threshold",
            Value::Integer(1),
            "p.yaml: threshold is a double, not an integer: write 1.0 for 1",
        ),
        (
            "deadline_ms",
            Value::Double(100.0),
            "p.yaml: deadline_ms is an integer, not a double",
        ),
        (
            "realtime.cpus",
            Value::Integer(0),
            "p.yaml: realtime.cpus is a string, not an integer: put it in quotes",
        ),
        (
            "autostart",
            Value::NotSet,
            "p.yaml: autostart is a bool, not no value",
        ),
        (
            "threshold",
            Value::Double(f64::NAN),
            "p.yaml: threshold: NaN is not in 0 ..= 1",
        ),
        (
            "overlay_quality",
            Value::Integer(0),
            "p.yaml: overlay_quality: 0 is not in 1 ..= 100",
        ),
        (
            "engine",
            text("cuda"),
            "p.yaml: engine: \"cuda\" is not in auto, rten, ort, tensorrt",
        ),
        (
            "stale_after_ms",
            Value::Integer(90),
            "parameters: stale_after_ms: 90 is less than deadline_ms, 100",
        ),
    ];
    for (name, value, expected) in cases {
        let error = Store::new(&[given(name, value)]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn what_is_set_is_changed_or_the_reason_is_told() {
    use Phase::{Active, Configuring, Inactive, Unconfigured};
    type Set<'a> = Result<&'a [&'a str], &'a str>;
    type Case<'a> = (&'a [(&'a str, Value)], Phase, Set<'a>);
    let cases: &[Case] = &[
        (
            &[("threshold", Value::Double(0.5))],
            Active,
            Ok(&["threshold"]),
        ),
        (
            &[("threshold", Value::Double(1.5))],
            Active,
            Err("threshold: 1.5 is not in 0 ..= 1"),
        ),
        (
            &[("threshold", Value::NotSet)],
            Active,
            Err("threshold is a double, not no value"),
        ),
        (
            &[("treshold", Value::Double(0.5))],
            Active,
            Err("no such parameter: treshold (did you mean threshold?)"),
        ),
        (
            &[("xyzzy", Value::Double(0.5))],
            Active,
            Err("no such parameter: xyzzy"),
        ),
        (
            &[("deadline_ms", Value::Integer(50))],
            Unconfigured,
            Ok(&["deadline_ms"]),
        ),
        (
            &[("deadline_ms", Value::Integer(50))],
            Inactive,
            Err("deadline_ms can be changed only while the node is unconfigured (it is inactive)"),
        ),
        (
            &[("deadline_ms", Value::Integer(50))],
            Configuring,
            Err(
                "deadline_ms can be changed only while the node is unconfigured \
                 (it is configuring)",
            ),
        ),
        // the same value is no change
        (&[("deadline_ms", Value::Integer(100))], Active, Ok(&[])),
        (
            &[("autostart", Value::Bool(true))],
            Unconfigured,
            Err("autostart can be set only when the node starts"),
        ),
        (
            &[("supervisor.confirm_hits", Value::Integer(6))],
            Unconfigured,
            Err("supervisor: confirm_hits is 6, not in 1 ..= 5"),
        ),
        (
            &[("supervisor.area_off_ppm", Value::Integer(4000))],
            Unconfigured,
            Err("supervisor: area_off_ppm is 4000, not in 1 ..= 3030"),
        ),
        (
            &[("supervisor.quality.frozen_frames", Value::Integer(1))],
            Unconfigured,
            Err("supervisor: quality.frozen_frames is 1, not in 2 ..= 1000"),
        ),
        (
            &[("deadline_ms", Value::Integer(600))],
            Unconfigured,
            Err("stale_after_ms: 500 is less than deadline_ms, 600"),
        ),
        // together what each alone could not be
        (
            &[
                ("deadline_ms", Value::Integer(600)),
                ("stale_after_ms", Value::Integer(600)),
            ],
            Unconfigured,
            Ok(&["deadline_ms", "stale_after_ms"]),
        ),
        (
            &[
                ("threshold", Value::Double(0.5)),
                ("overlay_quality", Value::Integer(0)),
            ],
            Active,
            Err("overlay_quality: 0 is not in 1 ..= 100"),
        ),
    ];
    for (values, phase, expected) in cases {
        let mut store = Store::default();
        let set = store.set(&pairs(values), *phase);
        match expected {
            Ok(changed) => {
                assert_eq!(set.as_deref(), Ok(*changed), "{values:?}");
                for (name, value) in *values {
                    assert_eq!(store.get(name), Some(value));
                }
            }
            Err(reason) => {
                assert_eq!(set.unwrap_err().to_string(), *reason);
                assert_eq!(store, Store::default(), "nothing was set: {values:?}");
            }
        }
    }
}

#[test]
fn a_corridor_can_be_set_field_by_field() {
    let mut store = Store::default();
    let fields = [
        ("corridor.top", 0.4),
        ("corridor.top_left", 0.4),
        ("corridor.top_right", 0.6),
        ("corridor.bottom_left", 0.0),
        ("corridor.bottom_right", 1.0),
        ("corridor.bottom", 0.9),
    ];
    for (name, value) in fields {
        let set = store.set(&pairs(&[(name, Value::Double(value))]), Phase::Unconfigured);
        assert!(set.is_ok(), "{name}: {set:?}");
    }
    let upside_down = pairs(&[("corridor.bottom", Value::Double(0.3))]);
    let error = store.set(&upside_down, Phase::Unconfigured).unwrap_err();
    assert_eq!(
        error.to_string(),
        "corridor: top 0.4 is not above bottom 0.3"
    );
}

#[test]
fn a_very_long_string_is_refused() {
    let mut store = Store::default();
    let long = pairs(&[("bundle", text(&"x".repeat(5000)))]);
    let error = store.set(&long, Phase::Unconfigured).unwrap_err();
    assert_eq!(
        error.to_string(),
        "bundle: a string of 5000 bytes is not in 0 ..= 4096 bytes"
    );
}

#[test]
fn lists_are_those_of_rclcpp() {
    let names = |prefixes: &[&str], depth| Store::list(prefixes, depth).names;
    let all = names(&[], 0);
    assert_eq!(all.len(), declared().len());
    assert!(all.is_sorted());

    let top = names(&[], 1);
    assert!(top.contains(&"threshold") && !top.iter().any(|name| name.contains('.')));
    let two = names(&[], 2);
    assert!(two.contains(&"camera.height_m"));
    assert!(!two.contains(&"supervisor.quality.black_below"));

    assert_eq!(
        names(&["camera"], 0),
        [
            "camera.file",
            "camera.height_m",
            "camera.pitch_deg",
            "camera.pitch_uncertainty_deg",
            "camera.roll_deg",
            "camera.yaw_deg"
        ]
    );
    assert_eq!(names(&["threshold"], 0), ["threshold"]);
    assert_eq!(names(&["thresh"], 0), [""; 0]);
    assert_eq!(names(&["camera."], 0), [""; 0]);
    let direct = names(&["supervisor"], 1);
    assert!(direct.contains(&"supervisor.confirm_hits"));
    assert!(!direct.contains(&"supervisor.quality.black_below"));
    assert!(names(&["supervisor"], 2).contains(&"supervisor.quality.black_below"));
    assert_eq!(names(&["camera", "threshold"], 1).len(), 7);

    let listing = Store::list(&["supervisor"], 0);
    assert_eq!(listing.prefixes, ["supervisor", "supervisor.quality"]);
    assert_eq!(Store::list(&["threshold"], 0).prefixes, [""; 0]);
}

#[test]
fn names_that_look_alike_are_found() {
    assert_eq!(
        nearest("deadline"),
        None,
        "three letters are missing of eight"
    );
    assert_eq!(nearest("deadline_m"), Some("deadline_ms"));
    assert_eq!(nearest("camera.hight_m"), Some("camera.height_m"));
    assert_eq!(nearest(""), None);
    assert_eq!(nearest(&"x".repeat(100_000)), None);
    assert_eq!(nearest("xyzzy"), None);
}
