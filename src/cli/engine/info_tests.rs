use super::*;
use lookout::engine::tensorrt::cache::{
    Cache, Device, Digest, Flavour, KernelRecipe, Key, Library, Recipe,
};

fn environment() -> Environment {
    Environment {
        device: Device {
            gpu: "Orin".to_owned(),
            compute_capability: (8, 7),
            multiprocessors: 16,
            driver: "12.6".to_owned(),
        },
        library: Some(Library {
            flavour: Flavour::Standard,
            version: "10.3.0".to_owned(),
        }),
        nvrtc: Some("12.6".to_owned()),
    }
}

fn machine() -> Machine {
    let Environment {
        device,
        library,
        nvrtc,
    } = environment();
    Machine {
        device: Ok(device),
        library: library.ok_or_else(String::new),
        library_path: Some("/usr/lib/libnvinfer.so.10".into()),
        compiled_for: None,
        nvrtc: nvrtc.ok_or_else(String::new),
    }
}

fn kernels() -> Key {
    Key {
        source: Digest::of(b"abc"),
        device: environment().device,
        recipe: Recipe::Kernels(KernelRecipe {
            nvrtc: "12.6".to_owned(),
            options: vec!["-DCLASSES=11".to_owned()],
        }),
    }
}

/// One whole entry, built ten seconds ago, and its cache's folder.
fn kept() -> (tempfile::TempDir, Entry) {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    let built = cache.get_or_build(&kernels(), || Ok::<_, ()>(b"cubin".to_vec()));
    assert!(built.is_ok());
    let mut entries = cache.entries().unwrap();
    let mut entry = entries.pop().unwrap();
    entry.record.as_mut().unwrap().built_at = 100;
    entry.bytes = 1500;
    (dir, entry)
}

const NOW: Duration = Duration::from_secs(110);

#[test]
fn a_machine_is_told_to_people() {
    assert_eq!(
        machine_words(&machine()),
        "GPU           Orin, compute capability 8.7, 16 multiprocessors\n\
         GPU driver    for CUDA 12.6\n\
         TensorRT      TensorRT 10.3.0, /usr/lib/libnvinfer.so.10\n\
         NVRTC         12.6"
    );
    let nothing = Machine {
        device: Err("no driver".to_owned()),
        library: Err("not found".to_owned()),
        library_path: None,
        compiled_for: environment().library,
        nvrtc: Err("not found".to_owned()),
    };
    assert_eq!(
        machine_words(&nothing),
        "GPU           none: no driver\n\
         TensorRT      none: not found\n\
         compiled for  TensorRT 10.3.0\n\
         NVRTC         none: not found"
    );
}

#[test]
fn a_machine_is_told_to_machines() {
    let told = machine_json(&machine());
    assert_eq!(told["device"]["gpu"], "Orin");
    assert_eq!(told["device"]["compute_capability"], json!([8, 7]));
    assert_eq!(
        told["tensorrt"],
        json!({"flavour": "standard", "version": "10.3.0"})
    );
    assert_eq!(
        (&told["usable"], &told["nvrtc_problem"]),
        (&json!(true), &Value::Null)
    );
    let mut without = machine();
    without.nvrtc = Err("not found".to_owned());
    let told = machine_json(&without);
    assert_eq!(
        (&told["usable"], &told["nvrtc_problem"]),
        (&json!(false), &json!("not found"))
    );
}

#[test]
fn an_entry_is_told_with_its_key_and_whether_it_fits() {
    let (_dir, entry) = kept();
    let mut newer = environment();
    newer.device.driver = "13.0".to_owned();
    let why = "GPU driver 12.6 -> 13.0";
    for (machine, fits, words) in [
        (
            Some(environment()),
            json!(true),
            "fits this machine".to_owned(),
        ),
        (Some(newer), json!(false), format!("does not fit: {why}")),
        (
            None,
            Value::Null,
            "cannot tell without a GPU whether it fits".to_owned(),
        ),
    ] {
        let told = entry_words(&entry, machine.as_ref(), NOW);
        let mut lines = told.lines();
        let stem = &kernels().stem()[..12];
        let first = format!("{stem}     1.5 kB  kernels, built 10 s ago; {words}");
        assert_eq!(lines.next(), Some(first.as_str()));
        assert!(
            lines.any(|l| l == "    options = [\"-DCLASSES=11\"]"),
            "{told}"
        );

        let told = entry_json(&entry, machine.as_ref(), NOW);
        assert_eq!(told["fits"], fits);
        assert_eq!((&told["age_s"], &told["bytes"]), (&json!(10), &json!(1500)));
        assert_eq!(told["artefact"], "kernels");
        assert_eq!(
            told["key"]["recipe"]["kernels"]["options"][0],
            "-DCLASSES=11"
        );
        assert_eq!(told["problem"], Value::Null);
        if fits == json!(false) {
            assert_eq!(told["differences"][0]["label"], "GPU driver");
        }
    }
    // a clock that was set back makes nothing older than new
    let told = entry_json(&entry, None, Duration::from_secs(50));
    assert_eq!(told["age_s"], 0);
}

#[test]
fn an_entry_that_is_not_used_is_told_with_the_reason() {
    let (dir, entry) = kept();
    let cubin = entry
        .files
        .iter()
        .find(|f| f.extension().is_some_and(|e| e == "cubin"));
    std::fs::write(cubin.unwrap(), b"cubic").unwrap();
    let cache = Cache::open(dir.path()).unwrap();
    let entry = cache.entries().unwrap().pop().unwrap();
    let why = "corrupt: its SHA-256 is not the recorded one";
    let told = entry_words(&entry, Some(&environment()), NOW);
    assert!(told.ends_with(&format!("not used: {why}")), "{told}");
    let told = entry_json(&entry, Some(&environment()), NOW);
    assert_eq!(
        (&told["problem"], &told["fits"]),
        (&json!(why), &json!(false))
    );
}
