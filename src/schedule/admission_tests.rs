use super::*;
use crate::engine::Resolution;
use crate::schedule::ModeSet;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Whole frames of 37, 16, 9, 27, 12 and 7 ms, in the order of [`Mode::ALL`]; observer with all after it
/// 12, 6 and 4 ms.
fn times(mode: Mode, scale: u32) -> StageTimes {
    let (segmentation, observer) = match mode.resolution {
        Resolution::Full => (25, 10),
        Resolution::Reduced => (10, 4),
        Resolution::Fallback => (5, 2),
    };
    let mut times = StageTimes::default();
    times.add(Stage::Segmentation, ms(segmentation) * scale);
    if mode.observer {
        times.add(Stage::Observer, ms(observer) * scale);
    }
    times.add(Stage::Publish, ms(2) * scale);
    times
}

/// For a bundle without a fallback.
fn admission(config: AdmissionConfig) -> Admission {
    let own = Mode::ALL.into_iter();
    warmed(
        config,
        own.filter(|mode| mode.resolution != Resolution::Fallback),
    )
}

fn warmed(config: AdmissionConfig, modes: impl Iterator<Item = Mode> + Clone) -> Admission {
    let mut admission = Admission::new(config).unwrap();
    for _ in 0..10 {
        for mode in modes.clone() {
            admission.warm_up(mode, &times(mode, 1));
        }
    }
    admission
}

/// Deadline 60 ms, four frames to recover, every third a probe.
const CONFIG: AdmissionConfig = AdmissionConfig {
    deadline_ms: 60,
    recover_frames: 4,
    recover_margin_percent: 10,
    probe_every: 3,
    modes: ModeSet::ALL,
};

fn run(mode: Mode) -> Admit {
    Admit::Run { mode, probe: false }
}

/// A frame that was `age` old when admitted, on a machine `scale` times slower than at warm-up.
fn frame(admission: &mut Admission, age: Duration, scale: u32) -> Admit {
    let admit = admission.admit(age);
    if let Admit::Run { mode, .. } = admit {
        let times = times(mode, scale);
        admission.done(mode, &times, age + times.total());
    }
    admit
}

#[test]
fn the_best_mode_that_fits_is_taken_to_the_millisecond() {
    for (age, want) in [
        (0, run(Mode::FULL)),
        (23, run(Mode::FULL)),
        (24, run(Mode::REDUCED)),
        (44, run(Mode::REDUCED)),
        (45, run(Mode::REDUCED_LOGITS)),
        (48, run(Mode::REDUCED_LOGITS)),
        (49, refuse(11)),
        (60, refuse(0)),
        (61, refuse(0)),
    ] {
        assert_eq!(admission(CONFIG).admit(ms(age)), want, "age {age}");
    }
    assert_eq!(admission(CONFIG).admit(Duration::MAX), refuse(0));
}

fn refuse(slack: u64) -> Admit {
    Admit::Refuse {
        slack: ms(slack),
        needed: Some(ms(12)),
    }
}

#[test]
fn without_dry_runs_every_frame_is_refused() {
    let mut admission = Admission::new(CONFIG).unwrap();
    for _ in 0..20 {
        let refused = Admit::Refuse {
            slack: ms(60),
            needed: None,
        };
        assert_eq!(admission.admit(ms(0)), refused);
    }
    assert_eq!(admission.counters().refused, 20);
    assert_eq!(admission.counters().probes, 0);
}

#[test]
fn a_mode_without_dry_runs_is_passed_over() {
    let mut admission = Admission::new(CONFIG).unwrap();
    for _ in 0..10 {
        admission.warm_up(Mode::FULL_LOGITS, &times(Mode::FULL_LOGITS, 1));
    }
    assert_eq!(admission.admit(ms(0)), run(Mode::FULL_LOGITS));
}

#[test]
fn settings_out_of_range_are_refused() {
    let config = AdmissionConfig {
        deadline_ms: 0,
        ..CONFIG
    };
    assert!(Admission::new(config).is_err());
}

#[test]
fn it_degrades_at_once_and_recovers_after_frames_with_room() {
    let mut admission = admission(CONFIG);
    frame(&mut admission, ms(10), 1);
    assert_eq!(frame(&mut admission, ms(30), 1), run(Mode::REDUCED));
    // 37 ms are not within 90 % of 40, so these frames do not count.
    for _ in 0..10 {
        assert_eq!(frame(&mut admission, ms(20), 1), run(Mode::REDUCED));
    }
    for _ in 0..3 {
        assert_eq!(frame(&mut admission, ms(10), 1), run(Mode::REDUCED));
    }
    assert_eq!(frame(&mut admission, ms(10), 1), run(Mode::FULL));
    assert_eq!(admission.counters().switches, 2);
}

#[test]
fn a_machine_that_slows_down_costs_two_late_frames() {
    let mut admission = admission(CONFIG);
    for _ in 0..20 {
        assert_eq!(frame(&mut admission, ms(10), 1), run(Mode::FULL));
    }
    assert_eq!(frame(&mut admission, ms(10), 2), run(Mode::FULL));
    assert_eq!(frame(&mut admission, ms(10), 2), run(Mode::FULL));
    for _ in 0..50 {
        assert_eq!(frame(&mut admission, ms(10), 2), run(Mode::REDUCED));
    }
    assert_eq!(admission.counters().late, 2);
}

#[test]
fn refused_frames_are_probed_and_recovery_is_seen() {
    let mut admission = admission(CONFIG);
    // Ten times slower: the cheapest mode takes 120 ms.
    let probe = |admit| {
        matches!(
            admit,
            Admit::Run {
                mode: Mode::REDUCED_LOGITS,
                probe: true
            }
        )
    };
    let refused = |admit| matches!(admit, Admit::Refuse { .. });
    for _ in 0..2 {
        frame(&mut admission, ms(10), 10);
    }
    for round in 0..5 {
        for _ in 0..2 {
            assert!(refused(frame(&mut admission, ms(10), 10)), "round {round}");
        }
        assert!(probe(frame(&mut admission, ms(10), 10)), "round {round}");
    }
    // A frame without slack is no probe and does not count as a step towards one.
    for _ in 0..5 {
        assert!(refused(frame(&mut admission, ms(60), 10)));
    }
    // From here on the machine is as at warm-up. Probes that come in time follow one another until
    // most of the last frames were fast.
    for _ in 0..2 {
        assert!(refused(frame(&mut admission, ms(10), 1)));
    }
    for _ in 0..3 {
        assert!(probe(frame(&mut admission, ms(10), 1)));
    }
    assert_eq!(frame(&mut admission, ms(10), 1), run(Mode::FULL));
    let counters = admission.counters();
    assert_eq!((counters.probes, counters.late), (8, 7));
    assert_eq!(counters.refused, 5 * 2 + 5 + 2);
    assert_eq!(counters.offered, counters.ran() + counters.refused);
    assert_eq!(counters.in_time(), 4);
    assert_eq!(counters.run, [3, 0, 0, 0, 8, 0]);
}

#[test]
fn the_fallback_with_its_observer_comes_before_modes_without_one() {
    let mut admission = warmed(CONFIG, Mode::ALL.into_iter());
    // 12 ms are left: the reduced mode without the observer would fit too
    assert_eq!(frame(&mut admission, ms(48), 1), run(Mode::FALLBACK));
    assert_eq!(frame(&mut admission, ms(52), 1), run(Mode::FALLBACK_LOGITS));
    assert_eq!(
        frame(&mut admission, ms(54), 1),
        Admit::Refuse {
            slack: ms(6),
            needed: Some(ms(7)),
        }
    );
}

#[test]
fn the_observer_runs_when_it_still_fits() {
    // Observer and publication take 12 ms.
    for (age, fits) in [(40, true), (48, true), (49, false), (70, false)] {
        let mut admission = admission(CONFIG);
        assert_eq!(admission.admit(ms(10)), run(Mode::FULL));
        assert_eq!(admission.observer_fits(ms(age)), fits, "age {age}");
        assert_eq!(admission.counters().downgraded, u64::from(!fits));
        // Asked again it is not counted again.
        admission.observer_fits(ms(age));
        assert_eq!(admission.counters().downgraded, u64::from(!fits));
    }
}

#[test]
fn a_downgraded_frame_counts_as_one_of_the_mode_it_ended_in() {
    let mut admission = admission(CONFIG);
    admission.admit(ms(10));
    assert!(!admission.observer_fits(ms(50)));
    assert!(admission.done(Mode::FULL_LOGITS, &times(Mode::FULL_LOGITS, 1), ms(52)));
    assert_eq!(admission.counters().run, [0, 0, 0, 1, 0, 0]);
    // The next frame is admitted with the observer again.
    assert_eq!(admission.admit(ms(10)), run(Mode::FULL));
}

#[test]
fn the_observer_is_not_given_up_where_its_absence_is_not_allowed() {
    let modes = ModeSet::from_iter([Mode::FULL, Mode::REDUCED_LOGITS]);
    let mut admission = admission(AdmissionConfig { modes, ..CONFIG });
    assert_eq!(admission.admit(ms(10)), run(Mode::FULL));
    assert!(admission.observer_fits(ms(55)));
    assert_eq!(admission.counters().downgraded, 0);
}

#[test]
fn there_is_no_observer_to_fit_without_a_frame_or_in_a_mode_without_one() {
    let mut admission = admission(CONFIG);
    assert!(!admission.observer_fits(ms(0)));
    assert_eq!(admission.admit(ms(47)), run(Mode::REDUCED_LOGITS));
    assert!(!admission.observer_fits(ms(47)));
    assert_eq!(admission.admit(ms(55)), refuse(5));
    assert!(!admission.observer_fits(ms(0)));
    assert_eq!(admission.counters().downgraded, 0);
}

#[test]
fn a_fixed_mode_is_refused_where_it_does_not_fit() {
    let modes = ModeSet::only(Mode::FULL);
    let mut admission = admission(AdmissionConfig { modes, ..CONFIG });
    assert_eq!(frame(&mut admission, ms(10), 1), run(Mode::FULL));
    let refused = Admit::Refuse {
        slack: ms(30),
        needed: Some(ms(37)),
    };
    assert_eq!(frame(&mut admission, ms(30), 1), refused);
    assert_eq!(frame(&mut admission, ms(30), 1), refused);
    let probe = Admit::Run {
        mode: Mode::FULL,
        probe: true,
    };
    assert_eq!(frame(&mut admission, ms(30), 1), probe);
    assert_eq!(frame(&mut admission, ms(10), 1), run(Mode::FULL));
}

#[test]
fn a_verdict_is_in_time_up_to_the_deadline() {
    let mut admission = admission(CONFIG);
    let times = times(Mode::FULL, 1);
    for (age, in_time) in [
        (ms(60), true),
        (ms(60) + Duration::from_nanos(1), false),
        (Duration::MAX, false),
    ] {
        admission.admit(ms(0));
        assert_eq!(admission.done(Mode::FULL, &times, age), in_time);
        assert_eq!(admission.in_time(age), in_time);
    }
    assert_eq!(admission.counters().late, 2);
}
