use super::*;
use crate::model::Bundle;

fn with(change: impl FnOnce(&mut BuildSettings)) -> BuildSettings {
    let mut settings = BuildSettings::default();
    change(&mut settings);
    settings
}

#[test]
fn a_precision_is_read_by_its_name() {
    for precision in [Precision::Fp32, Precision::Fp16, Precision::Int8] {
        assert_eq!(
            precision.to_string().parse::<Precision>().unwrap(),
            precision
        );
    }
    let error = "half".parse::<Precision>().unwrap_err().to_string();
    assert_eq!(error, "precision \"half\" is not fp32, fp16 or int8");
}

#[test]
fn settings_that_cannot_be_together_are_named() {
    let scales = || Some(PathBuf::from("scales"));
    let cases: [(BuildSettings, &str); 13] = [
        (with(|s| s.precision = Precision::Int8), "int8 needs scales"),
        (with(|s| s.qdq = scales()), "the precision is fp16"),
        (with(|s| s.calibration = scales()), "the precision is fp16"),
        (
            with(|s| {
                s.precision = Precision::Int8;
                (s.qdq, s.calibration) = (scales(), scales());
            }),
            "no calibration cache beside them",
        ),
        (
            with(|s| (s.precision, s.dla) = (Precision::Fp32, Some(0))),
            "not fp32",
        ),
        (
            with(|s| s.optimization_level = Some(6)),
            "level 6 is not in 0..=5",
        ),
        (with(|s| s.workspace = Some(1023)), "1023 bytes"),
        (
            with(|s| s.workspace = Some(u64::MAX)),
            "18446744073709551615 bytes",
        ),
        (with(|s| s.cameras.clear()), "no camera"),
        (with(|s| s.min_width = Some(0)), "0 pixels wide"),
        (with(|s| s.max_width = Some(2080)), "2080 pixels wide"),
        (with(|s| s.max_width = Some(100)), "100 pixels wide"),
        (
            with(|s| s.cameras.push((0, 480))),
            "camera 0x480: an empty frame",
        ),
    ];
    let input = Bundle::shipped().unwrap().manifest().input.clone();
    for (settings, words) in cases {
        let error = settings.input_sizes(&input).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} has no {words:?}");
    }
}

#[test]
fn settings_that_can_be_together_are_taken() {
    let scales = || Some(PathBuf::from("scales"));
    for settings in [
        BuildSettings::default(),
        with(|s| (s.precision, s.qdq) = (Precision::Int8, scales())),
        with(|s| (s.precision, s.calibration, s.dla) = (Precision::Int8, scales(), Some(1))),
        with(|s| (s.workspace, s.optimization_level) = (Some(1 << 20), Some(5))),
    ] {
        assert!(settings.check().is_ok(), "{settings:?}");
    }
}

#[test]
fn inputs_are_those_of_the_cameras_at_both_resolutions() {
    // the built-in bundle has 352 and 224 rows
    let input = Bundle::shipped().unwrap().manifest().input.clone();
    let sizes = BuildSettings::default().input_sizes(&input).unwrap();
    assert_eq!(
        sizes.optimised,
        [(288, 224), (384, 224), (480, 352), (640, 352)]
    );
    assert_eq!((sizes.min, sizes.max), ((288, 224), (640, 352)));
    // of the same shape, so of the same input
    let same = with(|s| s.cameras = vec![(1280, 720), (1920, 1080)]);
    let sizes = same.input_sizes(&input).unwrap();
    assert_eq!(sizes.optimised, [(384, 224), (640, 352)]);
    assert_eq!((sizes.min, sizes.max), ((384, 224), (640, 352)));
}

#[test]
fn networks_of_one_size_are_built_for_that_size_alone() {
    let text = include_str!("../../../models/road/model.toml")
        .replace(
            "full_height = 352",
            "fixed = { width = 17, height = 65, fit = \"letterbox\" }",
        )
        .replace("reduced_height = 224", "");
    let manifest: crate::model::Manifest = toml::from_str(&text).unwrap();
    let sizes = BuildSettings::default()
        .input_sizes(&manifest.input)
        .unwrap();
    assert_eq!(sizes.optimised, [(17, 65)]);
    assert_eq!((sizes.min, sizes.max), ((17, 65), (17, 65)));
    let wider = with(|s| s.max_width = Some(64)).input_sizes(&manifest.input);
    assert!(
        wider
            .unwrap_err()
            .to_string()
            .contains("17 pixels wide only")
    );
}

#[test]
fn limits_of_the_width_widen_what_a_plan_takes_and_never_shut_a_camera_out() {
    let input = Bundle::shipped().unwrap().manifest().input.clone();
    let wider = with(|s| (s.min_width, s.max_width) = (Some(256), Some(1024)));
    let sizes = wider.input_sizes(&input).unwrap();
    assert_eq!((sizes.min, sizes.max), ((256, 224), (1024, 352)));
    assert_eq!(sizes.optimised.len(), 4);
    for (settings, words) in [
        (
            with(|s| s.max_width = Some(608)),
            "640 pixels wide, which is not in 32..=608",
        ),
        (
            with(|s| s.min_width = Some(320)),
            "288 pixels wide, which is not in 320..=2048",
        ),
    ] {
        let error = settings.input_sizes(&input).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} has no {words:?}");
    }
}
