//! With the real TensorRT-RTX library and the headers of its version. It builds without a GPU.
//!
//! Ignored unless asked for, because the library is 220 MB and NVIDIA's; `.ci/gpu/run_real.sh` fetches it
//! and runs these. Asked for, a library or a graph that is missing is a failure.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

use lookout_gpu::cuda::{ProbeError, probe};
use lookout_gpu::tensorrt::{
    BuildOptions, Dla, Error, Flavour, LIBRARY_VARIABLE, Library, Precision, Profile, ShapeRange,
    Typing, compiled_for,
};

/// Names a folder with `segmentation.fp16.onnx`, `observer.int8.onnx` and so on.
const GRAPHS_VARIABLE: &str = "LOOKOUT_GPU_GRAPHS";
/// Names a library that these headers do not describe.
const OTHER_VARIABLE: &str = "LOOKOUT_GPU_OTHER_LIB";

/// Rows and columns of the bundle's two resolutions, for a camera of 480 x 352.
const FULL: (i64, i64) = (352, 480);
const REDUCED: (i64, i64) = (224, 320);

/// Inputs of a graph: name, channels, stride.
type Inputs = &'static [(&'static str, i64, i64)];

const SEGMENTATION: (&str, Inputs) = ("segmentation", &[("image", 3, 1)]);
const OBSERVER: (&str, Inputs) = (
    "observer",
    &[
        ("image", 3, 1),
        ("logits", 11, 4),
        ("detail4", 32, 4),
        ("context8", 24, 8),
        ("context16", 40, 16),
        ("context32", 112, 32),
        ("decoder16", 96, 16),
        ("decoder8", 64, 8),
        ("decoder4", 48, 4),
    ],
);

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        assert_eq!(
            compiled_for().0,
            Flavour::Rtx,
            "compiled with other headers"
        );
        assert!(
            std::env::var_os(LIBRARY_VARIABLE).is_some(),
            "{LIBRARY_VARIABLE} is not set"
        );
        Library::load().unwrap()
    })
}

fn bundle(graph: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/road");
    fs::read(folder.join(format!("{graph}.onnx"))).unwrap()
}

/// One profile a resolution, each of one size.
fn profiles(inputs: Inputs) -> Vec<Profile> {
    [FULL, REDUCED]
        .into_iter()
        .map(|(rows, columns)| Profile {
            inputs: inputs
                .iter()
                .map(|&(name, channels, stride)| {
                    ShapeRange::fixed(name, [1, channels, rows / stride, columns / stride])
                })
                .collect(),
        })
        .collect()
}

fn options(inputs: Inputs, precision: Precision) -> BuildOptions {
    BuildOptions {
        precision,
        profiles: profiles(inputs),
        ..BuildOptions::default()
    }
}

/// Builds, and says what came of it.
fn build(what: &str, onnx: &[u8], options: &BuildOptions) -> Vec<u8> {
    let start = Instant::now();
    let plan = library()
        .build(onnx, options)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "{what}: {} bytes of graph, {} bytes of engine, {seconds:.2} s",
        onnx.len(),
        plan.len()
    );
    plan
}

fn refused(onnx: &[u8], options: &BuildOptions) -> Error {
    library().build(onnx, options).unwrap_err()
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn the_library_is_of_the_version_of_the_headers() {
    let library = library();
    let (flavour, headers) = compiled_for();
    let version = library.version();
    eprintln!("{flavour} {version} at {}", library.path().display());
    assert_eq!(
        (version.major, version.minor),
        (headers.major, headers.minor)
    );
    assert_eq!(library.typing(), Typing::Strong);
    assert!(library.can_build());
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn a_library_of_another_version_is_not_touched() {
    let other =
        std::env::var_os(OTHER_VARIABLE).unwrap_or_else(|| panic!("{OTHER_VARIABLE} is not set"));
    let error = Library::load_from(other).unwrap_err();
    eprintln!("{error}");
    assert!(matches!(error, Error::WrongMajor { .. }), "{error}");
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn both_graphs_build_in_fp32() {
    for (graph, inputs) in [SEGMENTATION, OBSERVER] {
        let onnx = bundle(graph);
        let plan = build(
            &format!("{graph} fp32"),
            &onnx,
            &options(inputs, Precision::Fp32),
        );
        // The weights are in there.
        assert!(plan.len() > onnx.len() / 2, "{graph}: {}", plan.len());
    }
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn both_graphs_build_in_fp16_and_int8_and_in_no_other_name() {
    let folder = std::env::var_os(GRAPHS_VARIABLE)
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{GRAPHS_VARIABLE} is not set"));
    for (graph, inputs) in [SEGMENTATION, OBSERVER] {
        for (suffix, precision) in [("fp16", Precision::Fp16), ("int8", Precision::Int8)] {
            let path = folder.join(format!("{graph}.{suffix}.onnx"));
            let onnx = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            build(
                &format!("{graph} {suffix}"),
                &onnx,
                &options(inputs, precision),
            );
            for other in [Precision::Fp32, Precision::Fp16, Precision::Int8] {
                if other != precision {
                    let error = refused(&onnx, &options(inputs, other));
                    assert!(
                        matches!(error, Error::Precision { asked, .. } if asked == other),
                        "{graph} {suffix} as {other:?}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn fp16_is_not_had_from_an_fp32_graph() {
    let onnx = bundle("segmentation");
    for precision in [Precision::Fp16, Precision::Int8] {
        let error = refused(&onnx, &options(SEGMENTATION.1, precision));
        assert!(
            matches!(error, Error::Precision { asked, .. } if asked == precision),
            "{error}"
        );
        assert!(
            error.to_string().contains("types from the graph"),
            "{error}"
        );
    }
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn a_range_of_sizes_builds() {
    let range = ShapeRange {
        name: "image".to_owned(),
        min: [1, 3, 224, 320],
        opt: [1, 3, 352, 480],
        max: [1, 3, 352, 640],
    };
    let ranged = BuildOptions {
        profiles: vec![Profile {
            inputs: vec![range],
        }],
        workspace: Some(64 << 20),
        optimization_level: Some(3),
        detailed_profile: true,
        ..BuildOptions::default()
    };
    build(
        "segmentation fp32, 224 x 320 to 352 x 640",
        &bundle("segmentation"),
        &ranged,
    );
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn it_builds_for_a_gpu_that_is_not_there_and_names_one_it_does_not_know() {
    let onnx = bundle("observer");
    let mut options = options(OBSERVER.1, Precision::Fp32);
    for capability in [(7, 5), (8, 6), (8, 9), (12, 0)] {
        options.compute_capability = Some(capability);
        let (major, minor) = capability;
        build(
            &format!("observer fp32 for {major}.{minor}"),
            &onnx,
            &options,
        );
    }
    // Jetson Orin.
    options.compute_capability = Some((8, 7));
    let error = refused(&onnx, &options);
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(error.to_string().contains("8.7"), "{error}");
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn what_is_no_graph_is_refused_in_the_parsers_words() {
    let options = options(SEGMENTATION.1, Precision::Fp32);
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("text", b"this is no graph".to_vec()),
        ("half a graph", {
            let mut onnx = bundle("segmentation");
            onnx.truncate(onnx.len() / 2);
            onnx
        }),
    ] {
        let error = refused(&bytes, &options);
        eprintln!("{what}: {error}");
        let Error::Graph { message } = error else {
            panic!("{what}: {error}");
        };
        assert!(!message.is_empty(), "{what}");
    }
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn an_operator_that_is_not_known_is_named_with_its_node() {
    // Of the same length, so that the file stays a file: only the operator's name is another.
    let mut onnx = bundle("segmentation");
    let place = onnx
        .windows(6)
        .position(|bytes| bytes == b"Resize")
        .expect("the graph has a Resize");
    onnx[place..place + 6].copy_from_slice(b"Resiye");
    let error = refused(&onnx, &options(SEGMENTATION.1, Precision::Fp32));
    eprintln!("{error}");
    assert!(matches!(error, Error::Graph { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("Resiye") && message.contains("node "),
        "{message}"
    );
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn options_that_cannot_be_are_refused() {
    let onnx = bundle("segmentation");
    let good = options(SEGMENTATION.1, Precision::Fp32);
    let with = |change: fn(&mut BuildOptions)| {
        let mut options = good.clone();
        change(&mut options);
        refused(&onnx, &options)
    };
    let option = |error: Error| match error {
        Error::Option { option, .. } => option,
        other => panic!("{other}"),
    };
    assert_eq!(
        option(with(|o| o.optimization_level = Some(6))),
        "optimization_level"
    );
    assert_eq!(option(with(|o| o.workspace = Some(0))), "workspace");
    assert_eq!(
        option(with(|o| o.calibration_cache = Some(vec![1]))),
        "calibration_cache"
    );
    assert_eq!(
        option(with(|o| o.timing_cache = Some(vec![]))),
        "timing_cache"
    );
    let on_dla = with(|o| {
        o.dla = Some(Dla {
            core: 0,
            gpu_fallback: true,
        });
    });
    assert_eq!(option(on_dla), "dla");

    // What only the library can know.
    let error = with(|o| o.profiles[0].inputs[0].name = "picture".to_owned());
    eprintln!("{error}");
    assert!(
        matches!(error, Error::Refused { .. } | Error::Library { .. }),
        "{error}"
    );
    let error = with(|o| o.profiles.clear());
    eprintln!("{error}");
    assert!(matches!(error, Error::Library { .. }), "{error}");
    // The graph fixes the channels at 3.
    let error = with(|o| {
        for profile in &mut o.profiles {
            let at = &mut profile.inputs[0];
            (at.min[1], at.opt[1], at.max[1]) = (4, 4, 4);
        }
    });
    eprintln!("{error}");
    assert!(
        matches!(error, Error::Refused { .. } | Error::Library { .. }),
        "{error}"
    );
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn builds_side_by_side_keep_their_errors_apart() {
    let good = bundle("observer");
    thread::scope(|scope| {
        let fine = scope.spawn(|| {
            build(
                "observer beside",
                &good,
                &options(OBSERVER.1, Precision::Fp32),
            )
        });
        let bad = scope.spawn(|| refused(b"no graph", &options(OBSERVER.1, Precision::Fp32)));
        assert!(!fine.join().unwrap().is_empty());
        assert!(matches!(bad.join().unwrap(), Error::Graph { .. }));
    });
}

#[test]
#[ignore = "needs TensorRT-RTX; .ci/gpu/run_real.sh runs it"]
fn without_a_driver_there_is_no_runtime_and_the_probe_says_why() {
    match probe() {
        // A machine with a GPU has the rest of it.
        Ok(device) => {
            let plan = build(
                "segmentation fp32",
                &bundle("segmentation"),
                &options(SEGMENTATION.1, Precision::Fp32),
            );
            let engine = library()
                .runtime(&device)
                .unwrap()
                .deserialize(&plan)
                .unwrap();
            assert_eq!(engine.profiles(), 2);
        }
        Err(error) => {
            assert!(matches!(error, ProbeError::NoDriver), "{error}");
            assert!(error.to_string().contains("libcuda.so.1"), "{error}");
        }
    }
}
