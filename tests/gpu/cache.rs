//! Engines that are kept: used again where they may be, built anew where they may not.

use std::fs;
use std::path::PathBuf;

use lookout::engine::tensorrt::cache::{Artefact, Origin};
use lookout::engine::tensorrt::{BuildSettings, Precision, Prepared, Progress, prepare};
use lookout::engine::{Engine, Mode};
use lookout::model::Bundle;
use tempfile::TempDir;

use crate::pictures::picture;
use crate::standin::Standin;
use crate::{clean, networks, open, settings};

fn prepared(settings: &BuildSettings) -> (Prepared, Vec<Artefact>) {
    let mut built = Vec::new();
    let mut progress = |progress: Progress<'_>| {
        if let Progress::Building(artefact) = progress {
            built.push(artefact);
        }
    };
    let made = prepare(&Bundle::shipped().unwrap(), settings, &mut progress).unwrap();
    (made, built)
}

const ALL: [Artefact; 3] = [
    Artefact::Kernels,
    Artefact::Segmentation,
    Artefact::Observer,
];

#[test]
fn engines_are_built_once_and_again_for_another_machine_or_precision() {
    let mut standin = Standin::get();
    standin.set_network(networks::cheap());
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder);
    assert_eq!(prepared(&settings).1, ALL);
    let (kept, built) = prepared(&settings);
    assert_eq!(built, []);
    assert!(kept.artefacts.iter().all(|a| a.from == Origin::Hit));
    assert_eq!(BuildSettings::remembered_in(folder.path()), settings);

    // a changed machine or setting, what is built for it, and the word for it in the log
    let fp16 = BuildSettings {
        precision: Precision::Fp16,
        ..settings.clone()
    };
    standin.driver_version(13000);
    assert_eq!(prepared(&settings).1, ALL, "another driver");
    standin.compute_capability(8, 9);
    assert_eq!(prepared(&settings).1, ALL, "another GPU");
    let (made, built) = prepared(&fp16);
    assert_eq!(built, ALL[1..], "kernels know no precision");
    let Origin::Built { reasons, .. } = &made.artefacts[1].from else {
        panic!("{made:?}");
    };
    assert!(reasons.iter().any(|r| r.contains("fp16")), "{reasons:?}");
    assert!(made.artefacts.iter().all(|a| a.layers.is_none()));
    let layers = BuildSettings {
        detailed_profile: true,
        ..settings.clone()
    };
    let (made, built) = prepared(&layers);
    assert_eq!(built, ALL[1..], "plans that tell of their layers");
    for (artefact, told) in made.artefacts.iter().map(|a| (a.artefact, &a.layers)) {
        assert_eq!(told.is_some(), artefact != Artefact::Kernels);
        let convolutions = told.iter().filter(|t| t.contains("\"LayerType\":\"Conv\""));
        assert_eq!(
            convolutions.count(),
            usize::from(told.is_some()),
            "{told:?}"
        );
    }
    let force = BuildSettings {
        force: true,
        ..settings
    };
    assert_eq!(prepared(&force).1, ALL, "asked for");
    clean(&mut standin);
}

fn files(folder: &TempDir, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.path()).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|f| f.extension().is_some_and(|e| e == ending))
        .collect();
    files.sort();
    files
}

#[test]
fn engines_that_are_damaged_or_that_tensorrt_refuses_are_built_anew() {
    let mut standin = Standin::get();
    standin.set_network(networks::cheap());
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder).unwrap());
    let plans = files(&folder, "plan");
    assert_eq!((plans.len(), files(&folder, "cubin").len()), (2, 1));
    for file in plans.iter().chain(&files(&folder, "cubin")) {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, &bytes).unwrap();
        let mut engine = open(&folder).unwrap();
        engine.run(&picture(640, 480, 1), Mode::FULL).unwrap();
        drop(engine);
        bytes[middle] ^= 1;
        assert!(
            fs::read(file).unwrap() == bytes,
            "{file:?} is not as it was"
        );
    }
    // the hash is right, and TensorRT does not want it all the same
    standin.fail("IRuntime::deserializeCudaEngine", 1, 1);
    drop(open(&folder).unwrap());
    // it does not want the new one either
    standin.fail("IRuntime::deserializeCudaEngine", 1, 1);
    standin.fail("IRuntime::deserializeCudaEngine", 2, 1);
    let error = open(&folder).unwrap_err().to_string();
    assert!(error.starts_with("TensorRT: "), "{error}");
    drop(open(&folder).unwrap());
    clean(&mut standin);
}
