//! Every message against bytes of another implementation (tests/interop/write_messages.py).

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

fn header() -> Header {
    let (sec, nanosec) = (1_700_000_000, 123_456_789);
    Header {
        stamp: Time { sec, nanosec },
        frame_id: "camera".into(),
    }
}

fn numbers<const N: usize>(first: f64) -> [f64; N] {
    std::array::from_fn(|i| first + i as f64 / 4.0)
}

fn pose() -> PoseWithCovariance {
    let (x, y, z) = (1.0, 2.0, 3.0);
    let orientation = Quaternion {
        x: 0.5,
        y: 0.25,
        z: 0.125,
        w: 1.0,
    };
    PoseWithCovariance {
        pose: Pose {
            position: Point { x, y, z },
            orientation,
        },
        covariance: numbers(100.0),
    }
}

/// Written and read as the other implementation does, padding to a multiple of four aside.
fn same<M: Serialize + DeserializeOwned + PartialEq + Debug>(message: &M, expected: &[u8]) {
    let written = cdr::to_vec(message).unwrap();
    let (used, padding) = expected.split_at(written.len());
    assert_eq!(written, used);
    assert!(padding.len() < 4 && padding.iter().all(|&b| b == 0));
    assert_eq!(&cdr::from_slice::<M>(expected).unwrap(), message);
    for len in 0..used.len() {
        assert!(cdr::from_slice::<M>(&used[..len]).is_err(), "{len} bytes");
    }
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/fixtures/msg/", $name, ".cdr"))
    };
}

#[test]
fn small_messages_are_those_of_another_implementation() {
    let clock = Time {
        sec: -2,
        nanosec: 5,
    };
    same(&Clock { clock }, fixture!("Clock"));
    same(&Float64 { data: 0.1 }, fixture!("Float64"));
    let log = Log {
        stamp: Time { sec: 7, nanosec: 8 },
        level: Log::WARN,
        name: "lookout".into(),
        msg: "slow".into(),
        file: "a.rs".into(),
        function: "f".into(),
        line: 9,
    };
    same(&log, fixture!("Log"));
}

#[test]
fn a_camera_info_is_that_of_another_implementation() {
    let roi = RegionOfInterest {
        x_offset: 3,
        y_offset: 4,
        height: 5,
        width: 6,
        do_rectify: true,
    };
    let info = CameraInfo {
        header: header(),
        height: 720,
        width: 1280,
        distortion_model: "plumb_bob".into(),
        d: numbers::<5>(0.5).to_vec(),
        k: numbers(1.0),
        r: numbers(10.0),
        p: numbers(20.0),
        binning_x: 1,
        binning_y: 2,
        roi,
    };
    same(&info, fixture!("CameraInfo"));
}

#[test]
fn an_odometry_is_that_of_another_implementation() {
    let xyz = |x| Vector3 {
        x,
        y: x + 1.0,
        z: x + 2.0,
    };
    let odometry = Odometry {
        header: header(),
        child_frame_id: "base_link".into(),
        pose: pose(),
        twist: TwistWithCovariance {
            twist: Twist {
                linear: xyz(8.0),
                angular: xyz(11.0),
            },
            covariance: numbers(200.0),
        },
    };
    same(&odometry, fixture!("Odometry"));
}

#[test]
fn detections_are_those_of_another_implementation() {
    let bbox = |[x, y, theta, size_x, size_y]: [f64; 5]| BoundingBox2D {
        center: Pose2D {
            position: Point2D { x, y },
            theta,
        },
        size_x,
        size_y,
    };
    let hypothesis = ObjectHypothesis {
        class_id: "anomaly".into(),
        score: 0.75,
    };
    let results = vec![ObjectHypothesisWithPose {
        hypothesis,
        pose: pose(),
    }];
    let first = Detection2D {
        header: header(),
        results,
        bbox: bbox([320.5, 240.25, 0.0, 64.0, 32.0]),
        id: String::new(),
    };
    let second = Detection2D {
        header: header(),
        bbox: bbox([1.0, 2.0, 3.0, 4.0, 5.0]),
        id: "n".into(),
        ..Detection2D::default()
    };
    let array = Detection2DArray {
        header: header(),
        detections: vec![first, second],
    };
    same(&array, fixture!("Detection2DArray"));
}

#[test]
fn definitions_name_every_type_that_they_use() {
    for (name, definition) in [
        (CameraInfo::TYPE, CameraInfo::DEFINITION),
        (Odometry::TYPE, Odometry::DEFINITION),
        (Clock::TYPE, Clock::DEFINITION),
        (Float64::TYPE, Float64::DEFINITION),
        (Log::TYPE, Log::DEFINITION),
        (Detection2DArray::TYPE, Detection2DArray::DEFINITION),
    ] {
        let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        let given: Vec<String> = definition
            .lines()
            .filter_map(|line| line.strip_prefix("MSG: "))
            .map(short)
            .collect();
        for line in definition.lines().filter(|l| !l.starts_with(['=', 'M'])) {
            let used = short(line.split([' ', '[']).next().unwrap_or_default());
            let plain = used.starts_with(char::is_lowercase);
            assert!(plain || given.contains(&used), "{name}: {line}");
        }
    }
}
