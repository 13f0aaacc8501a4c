use super::*;
use proptest::prelude::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn source() -> SpeedSource {
    SpeedSource::new(StoppingConfig::default()).unwrap()
}

#[test]
fn g09_the_way_to_stop_is_reaction_braking_and_margin() {
    for (speed, metres) in [
        (0.0, 3.0),
        (-0.0, 3.0),
        (1.0, 3.0 + 0.3 + 0.125),
        (10.0, 3.0 + 3.0 + 12.5),
        (36.0, 3.0 + 10.8 + 162.0),
    ] {
        let mut source = source();
        source.heard(speed, 0.0, MS(5));
        let got = source.stopping_distance(MS(5)).unwrap();
        assert!((got - metres).abs() < 1e-4, "{speed}: {got} for {metres}");
    }
}

#[test]
fn g07_a_speed_that_is_old_or_never_came_sets_no_limit() {
    let mut source = source();
    assert_eq!(source.stopping_distance(MS(0)), Err(NoLimit::NoSpeedYet));
    source.heard(10.0, 0.0, MS(1000));
    assert!(source.far_limit(MS(1500)).is_some());
    let stale = source.stopping_distance(MS(1501)).unwrap_err();
    assert_eq!(stale.to_string(), "speed is 501 ms old, limit 500 ms");
    assert_eq!(source.far_limit(Duration::MAX), None);
    // handed over between the two readings of the clock
    assert!(source.far_limit(MS(999)).is_some());
}

#[test]
fn g08_a_speed_that_cannot_be_believed_sets_no_limit_and_replaces_one_that_could() {
    for speed in [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.11,
        -13.9,
        f64::MAX,
        1e30,
        1e5,
        600.0,
        70.01,
    ] {
        let mut source = source();
        source.heard(10.0, 0.0, MS(0));
        source.heard(speed, 0.0, MS(1));
        assert_eq!(source.far_limit(MS(2)), None, "{speed}");
        assert_eq!(source.speed(MS(2)), 0.0, "{speed}");
        source.heard(10.0, 0.0, MS(3));
        assert!(source.far_limit(MS(4)).is_some());
    }
}

#[test]
fn g08_a_speed_in_another_unit_is_told_and_the_fastest_vehicle_is_believed() {
    let mut source = source();
    source.heard(600.0, 0.0, MS(0));
    let why = source.stopping_distance(MS(0)).unwrap_err();
    assert_eq!(
        why.to_string(),
        "speed is 600 m/s, over 70: look at its unit"
    );
    source.heard(70.0, 0.0, MS(0));
    assert!(source.far_limit(MS(0)).is_some());
    assert_eq!(source.speed(MS(0)), 70.0);
}

#[test]
fn g08_a_vehicle_at_a_stand_whose_odometry_trembles_stands() {
    for speed in [-0.1, -0.01, -0.0, 0.0, 0.02, 0.1] {
        let mut source = source();
        source.heard(speed, 0.3, MS(0));
        let limit = source.far_limit(MS(0)).unwrap();
        assert!((3.0..3.04).contains(&limit), "{speed}: the margin, {limit}");
        assert_eq!(source.speed(MS(0)), 0.0, "{speed}");
        assert_eq!(source.curvature(MS(0)), 0.0, "{speed}");
    }
    let mut source = source();
    source.heard(0.11, 0.0, MS(0));
    assert_eq!(source.speed(MS(0)), 0.11, "it creeps");
}

#[test]
fn g14_the_way_bends_by_yaw_rate_and_speed_and_is_straight_where_they_are_not_known() {
    let bent = |speed, yaw, now| {
        let mut source = source();
        source.heard(speed, yaw, MS(0));
        source.curvature(MS(now))
    };
    assert_eq!(bent(10.0, 0.5, 500), 0.05);
    assert_eq!(bent(10.0, -0.5, 0), -0.05);
    assert_eq!(bent(10.0, 0.5, 501), 0.0, "too old");
    assert_eq!(bent(0.9, 0.5, 0), 0.0, "hardly moves");
    assert_eq!(bent(-10.0, 0.5, 0), 0.0, "backwards");
    assert_eq!(source().curvature(MS(0)), 0.0);
}

#[test]
fn g14_a_yaw_rate_that_no_car_has_at_its_speed_bends_nothing() {
    let bent = |speed, yaw| {
        let mut source = source();
        source.heard(speed, yaw, MS(0));
        source.curvature(MS(0))
    };
    // the tightest circle, and the fastest bend
    assert_eq!(bent(4.0, 1.0), 0.25);
    assert_eq!(bent(4.0, -1.0), -0.25);
    assert_eq!(bent(24.0, 0.5), 0.5 / 24.0);
    for (speed, yaw) in [
        (10.0, f64::NAN),
        (10.0, f64::INFINITY),
        (10.0, f64::MAX),
        // of degrees a second
        (13.9, 10.0),
        (24.0, 0.51),
        (4.0, 1.01),
        (1.0, 0.3),
        // a small robot, and one that turns in place
        (1.0, 1.0),
        (0.0, 1.0),
    ] {
        assert_eq!(bent(speed, yaw), 0.0, "{speed} {yaw}");
        assert_eq!(bent(speed, -yaw), 0.0, "{speed} -{yaw}");
    }
}

#[test]
fn settings_out_of_range_are_named() {
    type Change = fn(&mut StoppingConfig);
    let cases: &[(&str, Change)] = &[
        ("deceleration_mps2", |c| c.deceleration_mps2 = 0.0),
        ("deceleration_mps2", |c| c.deceleration_mps2 = 20.1),
        ("deceleration_mps2", |c| c.deceleration_mps2 = f64::NAN),
        ("reaction_time_ms", |c| c.reaction_time_ms = 10_001),
        ("margin_m", |c| c.margin_m = -0.1),
        ("margin_m", |c| c.margin_m = f64::INFINITY),
        ("odometry_timeout_ms", |c| c.odometry_timeout_ms = 9),
        ("odometry_timeout_ms", |c| c.odometry_timeout_ms = 60_001),
        ("width_m", |c| c.width_m = 0.0),
        ("side_margin_m", |c| c.side_margin_m = f64::NAN),
    ];
    for (name, change) in cases {
        let mut config = StoppingConfig::default();
        change(&mut config);
        let error = SpeedSource::new(config).unwrap_err();
        assert_eq!(error.name, *name, "{error}");
    }
}

prop_compose! {
    fn configs()(
        deceleration_mps2 in 0.1f64..=20.0,
        reaction_time_ms in 0u32..=10_000,
        margin_m in 0f64..=1000.0,
        odometry_timeout_ms in 10u32..=60_000,
    ) -> StoppingConfig {
        StoppingConfig {
            deceleration_mps2,
            reaction_time_ms,
            margin_m,
            odometry_timeout_ms,
            ..StoppingConfig::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_the_odometry_says_the_limit_is_none_or_at_least_the_margin(
        config in configs(),
        heard in prop::collection::vec((prop::num::f64::ANY, any::<u32>()), 0..5),
        now in any::<u32>(),
    ) {
        let mut source = SpeedSource::new(config).unwrap();
        for (speed, at) in heard {
            source.heard(speed, 0.0, MS(at.into()));
        }
        if let Some(limit) = source.far_limit(MS(now.into())) {
            prop_assert!(limit.is_finite());
            prop_assert!(f64::from(limit) >= config.margin_m, "{} under {}", limit, config.margin_m);
        }
    }

    #[test]
    fn faster_never_stops_sooner(config in configs(), speed in 0f64..35.0, more in 0f64..35.0) {
        let mut source = SpeedSource::new(config).unwrap();
        source.heard(speed, 0.0, MS(0));
        let slow = source.far_limit(MS(1)).unwrap();
        source.heard(speed + more, 0.0, MS(0));
        prop_assert!(source.far_limit(MS(1)).unwrap() >= slow);
    }
}
