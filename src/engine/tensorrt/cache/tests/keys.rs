use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Change = (&'static str, fn(&mut Key), &'static str);

fn plan_of(key: &mut Key) -> &mut PlanRecipe {
    match &mut key.recipe {
        Recipe::Plan(plan) => plan,
        Recipe::Kernels(_) => panic!("kernels"),
    }
}

fn kernels_of(key: &mut Key) -> &mut KernelRecipe {
    match &mut key.recipe {
        Recipe::Kernels(kernels) => kernels,
        Recipe::Plan(_) => panic!("a plan"),
    }
}

/// Name of the field, a change of it, and how the change is told.
const PLAN_CHANGES: &[Change] = &[
    (
        "source",
        |k| k.source = Digest::of(b"other.onnx"),
        "network 0f6309abcafd -> ",
    ),
    ("gpu", |k| k.device.gpu = "Thor".into(), "GPU Orin -> Thor"),
    (
        "compute_capability",
        |k| k.device.compute_capability = (8, 70),
        "compute capability 8.7 -> 8.70",
    ),
    (
        "multiprocessors",
        |k| k.device.multiprocessors = 8,
        "multiprocessors 16 -> 8",
    ),
    (
        "driver",
        |k| k.device.driver = "13.0".into(),
        "GPU driver 12.6 -> 13.0",
    ),
    (
        "artefact",
        |k| plan_of(k).graph = Graph::Observer,
        "artefact segmentation -> observer",
    ),
    (
        "tensorrt",
        |k| plan_of(k).library.version = "10.13.2".into(),
        "TensorRT 10.3.0 -> 10.13.2",
    ),
    (
        "tensorrt_flavour",
        |k| plan_of(k).library.flavour = Flavour::Rtx,
        "TensorRT flavour standard -> rtx",
    ),
    (
        "precision",
        |k| plan_of(k).precision = Precision::Int8,
        "precision fp16 -> int8",
    ),
    ("dla", |k| plan_of(k).dla = Some(0), "DLA core none -> 0"),
    (
        "workspace",
        |k| plan_of(k).workspace = Some(512 << 20),
        "workspace default -> 512 MiB",
    ),
    (
        "optimization_level",
        |k| plan_of(k).optimization_level = Some(5),
        "optimisation level default -> 5",
    ),
    (
        "detailed_profile",
        |k| plan_of(k).detailed_profile = true,
        "detailed profile false -> true",
    ),
    (
        "calibration",
        |k| plan_of(k).calibration = Some(Digest::of(b"abc")),
        "INT8 calibration none -> ba7816bf8f01",
    ),
    (
        "flag.sparse_weights",
        |k| _ = plan_of(k).flags.insert("sparse_weights".into()),
        "flag sparse_weights none -> true",
    ),
    (
        "profiles",
        |k| plan_of(k).profiles.push(Profile::new()),
        "number of profiles 1 -> 2",
    ),
    (
        "profile.0.image",
        |k| _ = plan_of(k).profiles[0].insert("image".into(), range(288, 480, 640)),
        "shapes of image in profile 0 1x3x224x288 1x3x352x640 1x3x352x640 -> \
         1x3x224x288 1x3x352x480 1x3x352x640",
    ),
];

const KERNEL_CHANGES: &[Change] = &[
    (
        "source",
        |k| k.source = Digest::of(b"abc"),
        "-> ba7816bf8f01",
    ),
    ("gpu", |k| k.device.gpu = "Thor".into(), "GPU Orin -> Thor"),
    (
        "compute_capability",
        |k| k.device.compute_capability = (11, 0),
        "compute capability 8.7 -> 11.0",
    ),
    (
        "multiprocessors",
        |k| k.device.multiprocessors = 8,
        "multiprocessors 16 -> 8",
    ),
    (
        "driver",
        |k| k.device.driver = "13.0".into(),
        "GPU driver 12.6 -> 13.0",
    ),
    (
        "artefact",
        |k| k.recipe = Recipe::Plan(plan()),
        "artefact kernels -> segmentation",
    ),
    (
        "nvrtc",
        |k| kernels_of(k).nvrtc = "13.0".into(),
        "NVRTC 12.6 -> 13.0",
    ),
    (
        "options",
        |k| _ = kernels_of(k).options.pop(),
        "number of compiler options 2 -> 1",
    ),
    (
        "option.0",
        |k| kernels_of(k).options[0] = "--std=c++20".into(),
        "compiler option 0 --std=c++17 -> --std=c++20",
    ),
    (
        "option.1",
        |k| kernels_of(k).options[1] = "-DCLASSES=19".into(),
        "compiler option 1 -DCLASSES=11 -> -DCLASSES=19",
    ),
];

#[test]
fn every_field_gives_another_file_and_is_named_as_the_reason() {
    for (base, changes) in [(key(), PLAN_CHANGES), (kernels(), KERNEL_CHANGES)] {
        let mut stems = BTreeSet::from([base.stem()]);
        for (field, change, words) in changes {
            let mut changed = base.clone();
            change(&mut changed);
            assert!(stems.insert(changed.stem()), "{field} does not count");
            let differences = base.differences(&changed);
            let named = differences.iter().find(|d| d.field == *field);
            let told = named.unwrap_or_else(|| panic!("{field}: {differences:?}"));
            assert!(told.to_string().contains(words), "{told}");
            // the other way round too
            let back = changed.differences(&base);
            assert_eq!(back.len(), differences.len(), "{field}");
        }
        // a field that is new has no row above yet
        for name in base.fields().keys() {
            let known = changes.iter().any(|(field, ..)| field == name);
            assert!(known, "{name} is not tried");
        }
    }
}

#[test]
fn the_text_is_toml_and_names_the_files() {
    let expected = format!(
        "format = 2\n\
         source = \"{}\"\n\
         \n\
         [device]\n\
         compute_capability = [8, 7]\n\
         driver = \"12.6\"\n\
         gpu = \"Orin\"\n\
         multiprocessors = 16\n\
         \n\
         [recipe.plan]\n\
         detailed_profile = false\n\
         flags = []\n\
         graph = \"segmentation\"\n\
         precision = \"fp16\"\n\
         \n\
         [recipe.plan.library]\n\
         flavour = \"standard\"\n\
         version = \"10.3.0\"\n\
         \n\
         [[recipe.plan.profiles]]\n\
         \n\
         [recipe.plan.profiles.image]\n\
         max = [1, 3, 352, 640]\n\
         min = [1, 3, 224, 288]\n\
         opt = [1, 3, 352, 640]\n",
        Digest::of(b"segmentation.onnx")
    );
    assert_eq!(key().text(), expected);
    assert_eq!(key().stem(), Digest::of(expected.as_bytes()).to_string());
}

fn record(key: Key) -> Record {
    Record {
        key,
        sha256: Digest::of(b"plan"),
        length: 4,
        built_at: 1_700_000_000,
        took_ms: 1500,
        built_by: "lookout".to_owned(),
    }
}

/// Another text with the seal that belongs to it.
fn sealed(body: &str) -> String {
    format!("seal = \"{}\"\n{body}", Digest::of(body.as_bytes()))
}

#[test]
fn a_text_that_no_record_gives_is_none() {
    let body = |key| {
        let text = record(key).text();
        let (_, body) = text.split_once('\n').unwrap();
        body.to_owned()
    };
    let (plan, kernels) = (body(key()), body(kernels()));
    assert_eq!(Record::parse(sealed(&plan).as_bytes()).unwrap().key, key());
    for (wrong, words) in [
        (String::new(), "missing field"),
        (
            plan.replace("format = 2", "format = 1"),
            "it has format 1, and this lookout has 2",
        ),
        (plan.replace("format = 2\n", ""), "missing field `format`"),
        (plan.replace("gpu = \"Orin\"\n", ""), "missing field `gpu`"),
        (format!("colour = \"red\"\n{plan}"), "`colour`"),
        (plan.replace("gpu", "colour"), "`colour`"),
        (plan.replace("[8, 7]", "[8]"), "invalid length 1"),
        (plan.replace("[8, 7]", "[8, -7]"), "invalid value"),
        (
            plan.replace("version = \"10.3.0\"\n", ""),
            "missing field `version`",
        ),
        (
            plan.replace("min = [1, 3, 224, 288]\n", ""),
            "missing field `min`",
        ),
        (plan.replace("288]", "\"W\"]"), "invalid type"),
        (plan.replace("fp16", "fp17"), "unknown variant `fp17`"),
        (
            plan.replace("recipe.plan", "recipe.kernels"),
            "unknown field",
        ),
        (
            kernels.replace("nvrtc = \"12.6\"\n", ""),
            "missing field `nvrtc`",
        ),
        (
            plan.replace("length = 4", "length = 4_"),
            "its record cannot be used",
        ),
    ] {
        let error = Record::parse(sealed(&wrong).as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error:?} has no {words:?}: {wrong}");
    }
}

#[test]
fn a_key_fits_the_machine_that_has_what_it_needs() {
    let library = |version: &str| Library {
        flavour: Flavour::Standard,
        version: version.to_owned(),
    };
    let here = Environment {
        device: device(),
        library: Some(library("10.3.0")),
        nvrtc: Some("12.6".to_owned()),
    };
    let told = |key: &Key, machine: &Environment| -> Vec<String> {
        let misfits = key.misfits(machine);
        misfits.iter().map(Difference::to_string).collect()
    };
    assert_eq!(told(&key(), &here), [""; 0]);
    assert_eq!(told(&kernels(), &here), [""; 0]);
    let mut newer = here.clone();
    newer.device.driver = "13.0".to_owned();
    newer.library = Some(library("10.13.2"));
    newer.nvrtc = None;
    let driver = "GPU driver 12.6 -> 13.0";
    assert_eq!(told(&key(), &newer), [driver, "TensorRT 10.3.0 -> 10.13.2"]);
    assert_eq!(told(&kernels(), &newer), [driver, "NVRTC 12.6 -> none"]);
}

/// Anything, odd characters too.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9._-]{0,8}",
        "\\PC{0,8}",
        any::<String>(),
        Just("quote\"back\\slash\nline\u{7f}\u{85}\t#=.".to_owned()),
    ]
}

fn digests() -> impl Strategy<Value = Digest> {
    any::<[u8; 4]>().prop_map(|bytes| Digest::of(&bytes))
}

fn shapes() -> impl Strategy<Value = ShapeRange> {
    let shape = || prop::collection::vec(any::<u32>(), 0..5);
    (shape(), shape(), shape()).prop_map(|(min, opt, max)| ShapeRange { min, opt, max })
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let precision = prop_oneof![
        Just(Precision::Fp32),
        Just(Precision::Fp16),
        Just(Precision::Int8),
    ];
    let libraries = (any::<bool>(), words()).prop_map(|(rtx, version)| {
        let flavour = if rtx { Flavour::Rtx } else { Flavour::Standard };
        Library { flavour, version }
    });
    let profiles =
        prop::collection::vec(prop::collection::btree_map(words(), shapes(), 0..3), 0..12);
    let plans = (
        (any::<bool>(), libraries, precision, any::<Option<u32>>()),
        (
            prop::option::of(0..1u64 << 63),
            any::<Option<u8>>(),
            any::<bool>(),
            prop::option::of(digests()),
        ),
        prop::collection::btree_set(words(), 0..3),
        profiles,
    );
    let plans = plans.prop_map(|(what, options, flags, profiles)| {
        let (observer, library, precision, dla) = what;
        let (workspace, optimization_level, detailed_profile, calibration) = options;
        let graph = if observer {
            Graph::Observer
        } else {
            Graph::Segmentation
        };
        Recipe::Plan(PlanRecipe {
            graph,
            library,
            precision,
            dla,
            workspace,
            optimization_level,
            detailed_profile,
            calibration,
            flags,
            profiles,
        })
    });
    let kernels = (words(), prop::collection::vec(words(), 0..12))
        .prop_map(|(nvrtc, options)| Recipe::Kernels(KernelRecipe { nvrtc, options }));
    prop_oneof![3 => plans, 1 => kernels]
}

fn keys() -> impl Strategy<Value = Key> {
    let device = (words(), any::<(u32, u32)>(), any::<u32>(), words()).prop_map(
        |(gpu, compute_capability, multiprocessors, driver)| Device {
            gpu,
            compute_capability,
            multiprocessors,
            driver,
        },
    );
    (digests(), device, recipes()).prop_map(|(source, device, recipe)| Key {
        source,
        device,
        recipe,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_key_differs_in_nothing_from_itself(key in keys()) {
        prop_assert!(key.differences(&key).is_empty());
    }

    #[test]
    fn keys_are_the_same_where_nothing_differs(a in keys(), b in keys()) {
        prop_assert_eq!(a == b, a.differences(&b).is_empty());
        prop_assert_eq!(a == b, a.stem() == b.stem());
    }

    #[test]
    fn a_record_is_what_its_text_says(
        key in keys(),
        built_at in 0..1u64 << 63,
        took_ms in 0..1u64 << 63,
        length in 0..1u64 << 63,
        built_by in words(),
    ) {
        let sha256 = Digest::of(b"plan");
        let record = Record { key, sha256, length, built_at, took_ms, built_by };
        let text = record.text();
        prop_assert_eq!(Record::parse(text.as_bytes()).unwrap(), record);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in words(), number in any::<u64>()) {
        let _ = Record::parse(text.as_bytes());
        let _ = Record::parse(sealed(&text).as_bytes());
        let known = record(key()).text().replace("= 16\n", &format!("= {number}\n"));
        let (_, body) = known.split_once('\n').unwrap();
        let _ = Record::parse(sealed(body).as_bytes());
    }
}

#[test]
fn differences_of_one_map_are_those_of_the_other_turned_round() {
    let other = plan_key(|p| {
        p.profiles = vec![];
        p.workspace = Some(5);
    });
    let turned = |differences: Vec<Difference>| -> BTreeMap<String, (String, String)> {
        let pair = |d: Difference| (d.field, (d.was, d.now));
        differences.into_iter().map(pair).collect()
    };
    let there = turned(key().differences(&other));
    let back = turned(other.differences(&key()));
    assert_eq!(there.len(), 3);
    for (field, (was, now)) in &there {
        assert_eq!(back[field], (now.clone(), was.clone()), "{field}");
    }
    assert_eq!(there["workspace"].1, "5 bytes");
}
