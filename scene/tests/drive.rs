//! What a drive promises, through its public interface.

// Helpers of the tests are not in a test function themselves.
#![allow(clippy::unwrap_used)]

use lookout_scene::{
    Anomaly, AnomalyKind, Class, Drive, DriveConfig, Moment, Rendered, SceneError,
};

fn small(seed: u64, anomaly: Anomaly) -> DriveConfig {
    DriveConfig {
        seed,
        width: 160,
        height: 120,
        anomaly,
        ..Default::default()
    }
}

fn drive(seed: u64, anomaly: Anomaly) -> Drive {
    Drive::new(small(seed, anomaly)).unwrap()
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn a_frame_is_the_same_on_every_machine() {
    let d = drive(7, Anomaly::HeldOut);
    let mut frame = Rendered::new();
    d.render(150, &mut frame);
    let truth: Vec<u8> = frame.class.iter().chain(&frame.anomaly).copied().collect();
    assert_eq!((hash(&frame.rgb), hash(&truth)), (RGB_HASH, TRUTH_HASH));
}

// They change with anything that changes what is drawn; they must not change otherwise.
const RGB_HASH: u64 = 0x897e_48a9_d677_1312;
const TRUTH_HASH: u64 = 0xac87_dd46_4fcc_0257;

#[test]
fn frames_by_number_are_what_they_always_were() {
    let mut frame = Rendered::new();
    let hashes = FRAMES.map(|(seed, anomaly, i, _)| {
        drive(seed, anomaly).render(i, &mut frame);
        hash(&frame.rgb)
    });
    assert_eq!(hashes, FRAMES.map(|(.., hash)| hash));
}

/// The trainer renders by number: before the anomaly, round it, behind it, and without one.
const FRAMES: [(u64, Anomaly, usize, u64); 5] = [
    (1, Anomaly::HeldOut, 0, 0x3fe6_b2ac_3071_ac51),
    (1, Anomaly::HeldOut, 200, 0xd949_e96a_3f97_76a4),
    (3, Anomaly::Training, 170, 0x4a7a_dbc3_ac53_6268),
    (4, Anomaly::HeldOut, 299, 0x1b80_6901_1b5c_ac47),
    (5, Anomaly::None, 90, 0x0dc6_3e2b_6c8d_ef61),
];

#[test]
fn frames_do_not_depend_on_what_was_rendered_before() {
    let d = drive(3, Anomaly::Training);
    let (mut a, mut b) = (Rendered::new(), Rendered::new());
    for i in [0, 90, 40, 200] {
        d.render(i, &mut a);
    }
    Drive::new(small(3, Anomaly::Training))
        .unwrap()
        .render(200, &mut b);
    assert_eq!(a.rgb, b.rgb);
    assert_eq!(a.class, b.class);
    assert_eq!(a.instance, b.instance);
    assert_eq!(a.anomaly, b.anomaly);
    assert_eq!(a.distance_m, b.distance_m);
}

#[test]
fn seeds_differ() {
    let (mut a, mut b) = (Rendered::new(), Rendered::new());
    drive(1, Anomaly::None).render(10, &mut a);
    drive(2, Anomaly::None).render(10, &mut b);
    assert_ne!(a.rgb, b.rgb);
}

#[test]
fn the_anomaly_comes_into_view_once_and_about_60_m_ahead() {
    for seed in 0..6 {
        let d = drive(seed, Anomaly::HeldOut);
        let info = d.anomaly().unwrap();
        assert!(AnomalyKind::HELD_OUT.contains(&info.kind));
        let first = info.first_visible_frame.unwrap();
        let mut frame = Rendered::new();
        for i in [0, first / 2, first.saturating_sub(1)] {
            d.render(i, &mut frame);
            assert!(
                frame.anomaly.iter().all(|&a| a == 0),
                "seed {seed} frame {i}"
            );
        }
        d.render(first, &mut frame);
        assert!(frame.anomaly.contains(&1), "seed {seed} frame {first}");
        let metres = d.anomaly_distance_m(first).unwrap();
        assert!((30.0..66.0).contains(&metres), "seed {seed}: {metres} m");
        let [x, y, z] = info.size_m;
        assert!(
            x > 0.2 && x < 4.5 && y > 0.1 && y < 2.5 && z > 0.2 && z < 4.5,
            "{info:?}"
        );
    }
}

#[test]
fn the_anomaly_nears_and_grows() {
    for seed in [1, 4] {
        let d = drive(seed, Anomaly::HeldOut);
        let first = d.anomaly().unwrap().first_visible_frame.unwrap();
        let mut frame = Rendered::new();
        let (mut last_m, mut sizes) = (f32::INFINITY, Vec::new());
        for i in first..first + 40 {
            let metres = d.anomaly_distance_m(i).unwrap();
            assert!(metres < last_m, "seed {seed} frame {i}");
            last_m = metres;
            d.render(i, &mut frame);
            sizes.push(frame.anomaly.iter().map(|&a| u32::from(a)).sum::<u32>());
            for (k, &a) in frame.anomaly.iter().enumerate().filter(|(_, a)| **a == 1) {
                assert_eq!((a, frame.class[k]), (1, Class::Void.id()));
                assert!((frame.distance_m[k] - metres).abs() < 4.0);
            }
        }
        assert!(sizes[39] > 2 * sizes[5].max(1), "seed {seed}: {sizes:?}");
    }
}

#[test]
fn void_is_the_anomaly_and_nothing_else() {
    let mut frame = Rendered::new();
    let d = drive(5, Anomaly::None);
    assert_eq!(d.anomaly(), None);
    for i in (0..300).step_by(60) {
        d.render(i, &mut frame);
        assert!(frame.class.iter().all(|&c| c < Class::Void.id()));
        assert_eq!(d.anomaly_distance_m(i), None);
    }
}

#[test]
fn every_kind_can_be_seen() {
    for &kind in AnomalyKind::TRAINING.iter().chain(AnomalyKind::HELD_OUT) {
        let d = drive(11, Anomaly::Kind(kind));
        let info = d.anomaly().unwrap();
        assert_eq!((info.kind, info.name), (kind, kind.name()));
        assert!(info.first_visible_frame.is_some(), "{kind:?}");
        assert_eq!(AnomalyKind::from_name(kind.name()), Some(kind));
    }
    let both = |k: &&AnomalyKind| AnomalyKind::HELD_OUT.contains(k);
    assert_eq!(AnomalyKind::TRAINING.iter().find(both), None);
}

#[test]
fn every_class_appears_and_lies_where_it_should() {
    let mut count = [0usize; 12];
    let mut frame = Rendered::new();
    for seed in 0..8 {
        let d = drive(seed, Anomaly::Training);
        for i in (0..300).step_by(50) {
            d.render(i, &mut frame);
            let camera = d.camera(i);
            for (k, &c) in frame.class.iter().enumerate() {
                count[usize::from(c)] += 1;
                let (u, v) = ((k % 160) as f32 + 0.5, (k / 160) as f32 + 0.5);
                let above = camera.horizon_row(u) - v;
                let sky = c == Class::Sky.id();
                assert!(!sky || above > -1.0, "sky {above} rows below the horizon");
                assert!(
                    c != Class::Road.id() || above < 1.0,
                    "road above the horizon"
                );
                assert_eq!(frame.distance_m[k].is_infinite(), sky);
                assert!(frame.distance_m[k] > 0.0);
            }
        }
    }
    let total: usize = count.iter().sum();
    for class in Class::ALL {
        assert!(
            count[usize::from(class.id())] > 0,
            "{} never appears",
            class.name()
        );
    }
    let share = |c: Class| count[usize::from(c.id())] as f32 / total as f32;
    assert!(
        (0.2..0.55).contains(&share(Class::Road)),
        "{}",
        share(Class::Road)
    );
    assert!(
        (0.05..0.4).contains(&share(Class::Sky)),
        "{}",
        share(Class::Sky)
    );
}

#[test]
fn road_distance_agrees_with_the_camera() {
    let d = drive(2, Anomaly::None);
    let mut frame = Rendered::new();
    d.render(30, &mut frame);
    let camera = d.camera(30);
    let mut checked = 0;
    let [right, down, forward] = camera.rotation;
    let road = frame
        .class
        .iter()
        .enumerate()
        .filter(|(_, c)| **c == Class::Road.id());
    for (k, _) in road {
        // The truth is that of one of four samples in the pixel.
        let (u, v) = ((k % 160) as f32 + 0.5, (k / 160) as f32 + 0.5);
        let (x, y) = (
            (u - camera.cx) / camera.focal_px,
            (v - camera.cy) / camera.focal_px,
        );
        let d = [0, 1, 2].map(|i| forward[i] + right[i] * x + down[i] * y);
        let length = d.iter().map(|x| x * x).sum::<f32>().sqrt();
        let want = -camera.position[1] / d[1] * length;
        if want < 12.0 {
            let got = frame.distance_m[k];
            assert!((got / want - 1.0).abs() < 0.06, "{got} m, not {want} m");
            checked += 1;
        }
    }
    assert!(checked > 1000);
}

#[test]
fn odd_sizes_and_short_drives_render() {
    for (width, height) in [(16, 16), (17, 33), (333, 19), (40, 200)] {
        for duration_s in [0.01, 1.3] {
            let config = DriveConfig {
                width,
                height,
                duration_s,
                seed: 9,
                anomaly: Anomaly::Training,
                ..Default::default()
            };
            let d = Drive::new(config).unwrap();
            let mut frame = Rendered::new();
            for i in [0, d.frame_count() - 1, d.frame_count() + 10_000, usize::MAX] {
                d.render(i, &mut frame);
                assert_eq!(frame.rgb.len(), (width * height * 3) as usize);
            }
        }
    }
}

#[test]
fn a_standing_camera_and_a_fast_one_render() {
    for speed_mps in [0.0, 70.0] {
        let d = Drive::new(DriveConfig {
            speed_mps,
            ..small(4, Anomaly::HeldOut)
        })
        .unwrap();
        let mut frame = Rendered::new();
        d.render(d.frame_count() - 1, &mut frame);
        assert!(frame.class.contains(&Class::Road.id()));
    }
}

#[test]
fn absurd_configs_are_refused() {
    let ok = DriveConfig::default();
    assert_eq!(Drive::new(ok).map(|d| d.frame_count()), Ok(300));
    let size = |width, height| {
        Drive::new(DriveConfig {
            width,
            height,
            ..ok
        })
        .map(|_| ())
    };
    for (width, height) in [(0, 360), (480, 0), (15, 360), (480, 1 << 30)] {
        assert_eq!(size(width, height), Err(SceneError::Size { width, height }));
    }
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e9] {
        for config in [
            DriveConfig { fps: bad, ..ok },
            DriveConfig {
                duration_s: bad,
                ..ok
            },
            DriveConfig {
                speed_mps: bad,
                ..ok
            },
        ] {
            assert!(
                matches!(Drive::new(config), Err(SceneError::Number { .. })),
                "{config:?}"
            );
        }
    }
    let long = DriveConfig {
        duration_s: 3600.0,
        speed_mps: 50.0,
        ..ok
    };
    assert_eq!(
        Drive::new(long).map(|_| ()),
        Err(SceneError::TooLong { metres: 180_000.0 })
    );
}

#[test]
fn a_frame_by_its_number_is_that_of_a_vehicle_that_keeps_its_speed() {
    let d = drive(3, Anomaly::HeldOut);
    let (mut a, mut b) = (Rendered::new(), Rendered::new());
    for i in [0, 90, 200] {
        d.render(i, &mut a);
        let way_m = i as f64 / d.config().fps * d.config().speed_mps;
        let time_s = d.time_s(i);
        d.render_at(i, Moment { time_s, way_m }, &mut b);
        assert_eq!((&a.rgb, &a.anomaly), (&b.rgb, &b.anomaly));
    }
}

#[test]
fn a_standing_vehicle_sees_the_world_go_on() {
    let d = drive(3, Anomaly::None);
    let (mut a, mut b) = (Rendered::new(), Rendered::new());
    let at = |time_s| Moment {
        time_s,
        way_m: 30.0,
    };
    let (before, after) = (d.camera_at(at(4.0)), d.camera_at(at(5.0)));
    assert_eq!(before.position[2], after.position[2]);
    d.render_at(60, at(4.0), &mut a);
    d.render_at(75, at(5.0), &mut b);
    assert_ne!(a.instance, b.instance, "the traffic moves");
    // at the same moment only the sensor's noise differs
    d.render_at(61, at(4.0), &mut b);
    assert_eq!(a.class, b.class);
    assert_ne!(a.rgb, b.rgb);
}

#[test]
fn who_does_not_swerve_drives_into_it_and_who_swerves_passes_it() {
    for seed in 0..12 {
        for swerves in [false, true] {
            let config = DriveConfig {
                swerves,
                ..small(seed, Anomaly::HeldOut)
            };
            let d = Drive::new(config).unwrap();
            let first = d.anomaly().unwrap().first_visible_frame.unwrap();
            let gap = d.gap_at(d.moment(first)).unwrap();
            assert!((25.0..64.0).contains(&gap.ahead_m), "seed {seed}: {gap:?}");
            assert!(!gap.hit && !gap.passed);
            let gaps = (first..first + 120).filter_map(|i| d.gap_at(d.moment(i)));
            let end = gaps.into_iter().find(|gap| gap.hit || gap.passed).unwrap();
            assert_eq!((end.hit, end.passed), (!swerves, swerves), "seed {seed}");
            if !swerves {
                // found within a frame's way, and no sooner
                assert!((-1.0..=0.0).contains(&end.ahead_m), "seed {seed}: {end:?}");
            }
        }
    }
    assert_eq!(
        drive(1, Anomaly::None).gap_at(drive(1, Anomaly::None).moment(200)),
        None
    );
    assert_eq!(
        drive(1, Anomaly::HeldOut).gap_at(drive(1, Anomaly::HeldOut).moment(0)),
        None
    );
}

#[test]
fn the_gap_is_the_way_that_is_left() {
    let config = DriveConfig {
        swerves: false,
        ..small(2, Anomaly::HeldOut)
    };
    let d = Drive::new(config).unwrap();
    // the thing rests by then
    let at = |way_m| Moment {
        time_s: 60.0,
        way_m,
    };
    let near = d.gap_at(at(0.0)).unwrap().ahead_m;
    let far = d.gap_at(at(-10.0)).unwrap().ahead_m;
    assert!((far - near - 10.0).abs() < 1e-3, "{far} m, then {near} m");
    let there = d.gap_at(at(f64::from(near) + 0.01)).unwrap();
    assert!(there.hit && !there.passed, "{there:?}");
    let behind = d.gap_at(at(f64::from(near) + 20.0)).unwrap();
    assert!(!behind.hit && behind.passed, "{behind:?}");
}
