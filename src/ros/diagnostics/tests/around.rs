//! What is around the frames: engine, lifecycle, speed, losses, the machine.

use super::*;

#[test]
fn an_engine_that_fails_or_is_gone_is_an_error() {
    let mut health = active();
    drive(&mut health, 0, 1000, 40);
    health.frame(&outcome(
        MS(1000),
        40,
        FrameFate::Failed,
        fault(Failure::Panicked),
    ));
    health.no_engine();
    assert_eq!(
        status(&health, 1001, "frames"),
        said(ERROR, "1 failed in the last 10 s")
    );
    assert_eq!(
        status(&health, 1001, "engine"),
        said(ERROR, "active, but there is no engine")
    );
    assert_eq!(value(&full(&health, 1001, "engine"), "engine"), "none");
    assert_eq!(
        status(&health, 1001, "verdict"),
        said(ERROR, "FAULT: engine panicked")
    );
}

#[test]
fn the_lifecycle_says_why_nothing_is_judged() {
    let mut health = active();
    drive(&mut health, 0, 1000, 40);
    health.enabled = false;
    assert_eq!(
        status(&health, 1000, "frames"),
        said(STALE, "disabled: frames are not judged")
    );
    assert_eq!(
        status(&health, 1000, "engine"),
        said(WARN, "active, but disabled")
    );
    health.enabled = true;
    health.set_lifecycle("inactive", false);
    assert_eq!(
        status(&health, 1000, "frames"),
        said(STALE, "inactive: frames are not judged")
    );
    let inactive = "inactive: the engine is loaded, frames are not judged";
    assert_eq!(status(&health, 1000, "engine"), said(WARN, inactive));
    health.set_lifecycle("active", true);
    let waiting = said(STALE, "waiting for the first frame");
    assert_eq!(
        status(&health, 1000, "frames"),
        waiting,
        "the old ones are forgotten"
    );
    assert_eq!(health.counts().judged(), 31, "but counted");

    health.set_lifecycle("unconfigured", false);
    health.no_engine();
    health.failure = Some("no bundle at /x".to_owned());
    assert_eq!(
        status(&health, 0, "engine"),
        said(ERROR, "unconfigured: no bundle at /x")
    );
    health.failure = None;
    assert_eq!(status(&health, 0, "engine").0, WARN);
}

#[test]
fn a_speed_that_is_not_believed_is_a_warning() {
    let mut health = active();
    drive(&mut health, 0, 1000, 40);
    let has_limit = |health: &Health| {
        let values = full(health, 1000, "frames").values;
        values.iter().any(|pair| pair.key == "far_limit_m")
    };
    assert!(!has_limit(&health), "no odometry is used");
    health.far_limit = Some(Ok(18.54));
    assert_eq!(value(&full(&health, 1000, "frames"), "far_limit_m"), "18.5");
    health.far_limit = Some(Err(NoLimit::NoSpeedYet));
    let want = said(WARN, "the whole corridor counts: no speed yet");
    assert_eq!(status(&health, 1000, "frames"), want);
}

#[test]
fn a_camera_info_that_is_none_for_the_pictures_is_a_warning() {
    let mut health = active();
    drive(&mut health, 0, 1000, 40);
    let told = |health: &Health| {
        let values = full(health, 1000, "frames").values;
        let ground = values.into_iter().find(|pair| pair.key == "ground");
        ground.map(|pair| pair.value)
    };
    assert_eq!(told(&health), None, "the camera's height is not known");
    health.ground = Some(Ok(()));
    assert_eq!(told(&health).as_deref(), Some("known"));
    health.ground = Some(Err(NoGround::NoCameraInfo));
    let want = said(WARN, "no distances: no camera_info yet");
    assert_eq!(status(&health, 1000, "frames"), want);
    let refused = GroundError::FocalLength {
        axis: 'y',
        value: 0.0,
    };
    health.ground = Some(Err(NoGround::Refused(refused.clone())));
    let words = format!("none: {refused}");
    assert_eq!(told(&health).as_deref(), Some(words.as_str()));
}

#[test]
fn what_is_lost_around_the_node_is_a_warning_for_a_while() {
    let mut health = active();
    health.receive_buffer = Some(Err("type sysctl".to_owned()));
    health.set_log_records_dropped(MS(0), 4);
    health.set_log_records_dropped(MS(1000), 7);
    health.set_late_beats(MS(1000), 2);
    let words = "type sysctl; 7 log records dropped in the last 10 s; \
                 2 beats of the watchdog left out in the last 10 s";
    assert_eq!(status(&health, 1000, "machine"), said(WARN, words));
    health.set_log_records_dropped(MS(60_000), 7);
    assert_eq!(
        status(&health, 60_000, "machine"),
        said(WARN, "type sysctl")
    );
    let machine = full(&health, 60_000, "machine");
    assert_eq!(value(&machine, "log_records_dropped"), "7");
    assert_eq!(value(&machine, "receive_buffer"), "too small");
}

#[test]
fn the_machine_is_as_it_was_read() {
    let root = tempfile::tempdir().unwrap();
    let zone = root.path().join("sys/class/thermal/thermal_zone0");
    let proc = root.path().join("proc/self");
    fs::create_dir_all(&zone).unwrap();
    fs::create_dir_all(&proc).unwrap();
    fs::write(zone.join("type"), "cpu-thermal\n").unwrap();
    fs::write(zone.join("temp"), "61500\n").unwrap();
    fs::write(
        proc.join("status"),
        "VmHWM: 99 kB\nVmRSS: 96000 kB\nThreads: 9\n",
    )
    .unwrap();
    let mut machine = Machine::at(root.path(), Instant::now());
    let health = active();
    let read = |machine: &Machine| {
        let array = array(
            &health,
            "eye",
            (&flag(), Duration::ZERO),
            MS(0),
            Stamp::default(),
            Some(machine.profile()),
        );
        array.status.into_iter().last().unwrap()
    };
    let before = read(&machine);
    assert_eq!(
        (before.level, &*before.message),
        (STALE, "waiting for the first reading")
    );
    assert_eq!(value(&before, "temperature_celsius cpu-thermal"), "unknown");
    machine.sample();
    let cool = read(&machine);
    assert_eq!(
        (cool.level, &*cool.message),
        (OK, "98 MB, cpu-thermal 62 °C")
    );
    assert_eq!(value(&cool, "temperature_celsius cpu-thermal"), "61.5");
    assert_eq!(value(&cool, "resident_mb"), "98.3");
    fs::write(zone.join("temp"), "85000\n").unwrap();
    machine.sample();
    let hot = read(&machine);
    assert_eq!(hot.level, WARN);
    assert_eq!(hot.message, "cpu-thermal has 85.0 °C, hot from 85 °C on");
    fs::remove_dir_all(root.path().join("sys")).unwrap();
    let mut bare = Machine::at(root.path(), Instant::now());
    bare.sample();
    assert_eq!(read(&bare).message, "98 MB, no temperatures on this system");
}
