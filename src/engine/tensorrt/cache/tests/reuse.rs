use super::*;

#[test]
fn what_was_built_once_is_used_from_then_on() {
    let bench = Bench::new();
    let (first, built) = fetch(&bench.cache, &key(), b"plan");
    assert!(built);
    assert_eq!(reasons(&first), ["there is none"]);
    let path = bench.path(&key(), "plan").canonicalize().unwrap();
    assert_eq!(first.path, Some(path.clone()));
    for cache in [&bench.cache, &bench.reopened()] {
        let (again, built) = fetch(cache, &key(), b"another plan");
        assert!(!built);
        assert_eq!((again.bytes, again.from), (b"plan".to_vec(), Origin::Hit));
        assert_eq!(again.path.as_ref(), Some(&path));
    }
    // nothing else is left: no lock, no temporary file
    let stem = key().stem();
    assert_eq!(
        bench.files(),
        [format!("{stem}.plan"), format!("{stem}.toml")]
    );
}

#[test]
fn the_reasons_are_the_differences_from_the_nearest_of_its_kind() {
    let bench = Bench::new();
    let newer = |key: &mut Key, driver: &str| key.device.driver = driver.to_owned();
    // farther away
    let mut far = plan_key(|p| p.precision = Precision::Fp32);
    newer(&mut far, "11.4");
    far.device.gpu = "Xavier".to_owned();
    fetch(&bench.cache, &far, b"far");
    // nearer, and of another kind
    let observer = plan_key(|p| {
        p.graph = Graph::Observer;
        p.library.version = "10.13.2".to_owned();
    });
    fetch(&bench.cache, &observer, b"observer");
    fetch(&bench.cache, &key(), b"near");

    let mut wanted = plan_key(|p| p.library.version = "10.13.2".to_owned());
    newer(&mut wanted, "13.0");
    let (fetched, _) = fetch(&bench.cache, &wanted, b"plan");
    let expected = ["GPU driver 12.6 -> 13.0", "TensorRT 10.3.0 -> 10.13.2"];
    assert_eq!(reasons(&fetched), expected);
    // kernels have no plan for a relative
    let (fetched, _) = fetch(&bench.cache, &kernels(), b"cubin");
    assert_eq!(reasons(&fetched), ["there is none"]);
    assert!(bench.path(&kernels(), "cubin").is_file());
    // and all are there, each for its own key
    for (key, bytes) in [
        (&far, &b"far"[..]),
        (&observer, b"observer"),
        (&wanted, b"plan"),
    ] {
        assert_eq!(fetch(&bench.cache, key, b"").0.bytes, bytes);
    }
}

#[test]
fn a_build_that_fails_is_not_kept_and_the_next_tries_again() {
    let bench = Bench::new();
    let error = bench.cache.get_or_build(&key(), || Err("out of memory"));
    assert_eq!(error.unwrap_err(), "out of memory");
    assert_eq!(bench.files(), [""; 0]);
    assert!(fetch(&bench.cache, &key(), b"plan").1);
}

#[test]
fn a_plan_that_is_refused_is_built_anew_once() {
    let bench = Bench::new();
    fetch(&bench.cache, &key(), b"plan");
    bench.cache.reject(&key(), "TensorRT cannot read it");
    assert_eq!(bench.files(), [""; 0]);
    // the same bytes again: the builder gives what it gives, and asking a third time helps nobody
    let (fetched, built) = fetch(&bench.cache, &key(), b"plan");
    assert!(built);
    assert_eq!(reasons(&fetched), ["TensorRT cannot read it"]);
    assert!(!fetch(&bench.cache, &key(), b"plan").1);
}

#[test]
fn what_another_process_built_after_a_refusal_is_used() {
    let bench = Bench::new();
    fetch(&bench.cache, &key(), b"bad plan");
    bench.cache.reject(&key(), "TensorRT cannot read it");
    fetch(&bench.reopened(), &key(), b"good plan");
    let (fetched, built) = fetch(&bench.cache, &key(), b"better plan");
    assert!(!built);
    assert_eq!(fetched.bytes, b"good plan");
}

#[test]
fn a_refused_plan_that_comes_back_is_known_by_its_hash() {
    let bench = Bench::new();
    fetch(&bench.cache, &key(), b"plan");
    bench.cache.reject(&key(), "no good");
    // as if it could not have been removed
    fetch(&bench.reopened(), &key(), b"plan");
    let (fetched, built) = fetch(&bench.cache, &key(), b"another plan");
    assert!(built);
    assert_eq!(reasons(&fetched), ["no good"]);
}

#[test]
fn a_build_that_is_asked_for_replaces_what_is_there_once_it_is_ready() {
    let bench = Bench::new();
    fetch(&bench.cache, &key(), b"old plan");
    let failed = bench.reopened().rebuild(&key(), "--force", || {
        // still there for everybody else
        assert!(!fetch(&bench.cache, &key(), b"").1);
        Err("out of memory")
    });
    assert_eq!(failed.unwrap_err(), "out of memory");
    let (kept, built) = fetch(&bench.cache, &key(), b"");
    assert!(!built && kept.bytes == b"old plan");
    let rebuilt = bench.cache.rebuild(&key(), "--force", || {
        Ok::<_, Infallible>(b"new plan".to_vec())
    });
    let Ok(rebuilt) = rebuilt;
    assert_eq!(reasons(&rebuilt), ["--force"]);
    for cache in [&bench.cache, &bench.reopened()] {
        let (kept, built) = fetch(cache, &key(), b"");
        assert!(!built && kept.bytes == b"new plan");
    }
}

#[test]
fn one_who_can_do_without_a_folder_gets_a_cache_in_any_case() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::open_or_without(Some(dir.path()));
    let folder = dir.path().canonicalize().unwrap();
    assert_eq!(cache.folder(), Some(folder.as_path()));
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let cache = Cache::open_or_without(Some(&file));
    assert_eq!(cache.folder(), None);
    assert!(fetch(&cache, &key(), b"plan").1);
}

#[test]
fn without_a_folder_everything_is_built() {
    let cache = Cache::without_folder();
    cache.reject(&key(), "no good");
    for _ in 0..2 {
        let (fetched, built) = fetch(&cache, &key(), b"plan");
        assert!(built);
        assert_eq!((fetched.bytes, fetched.path), (b"plan".to_vec(), None));
    }
    assert!(cache.entries().unwrap().is_empty());
    assert_eq!(cache.clean(Filter::All, false).unwrap().bytes(), 0);
}

#[test]
fn a_folder_is_made_for_its_owner_only_and_a_file_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let cache = Cache::open(&folder).unwrap();
    fetch(&cache, &key(), b"plan");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&folder), 0o700);
        for name in names_in(&folder) {
            assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
        }
    }
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = Cache::open(&file).unwrap_err().to_string();
    let expected = format!("cannot keep engines in {}: ", file.display());
    assert!(error.starts_with(&expected), "{error}");
}

/// Not even root may make files in there.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_does_not_keep_an_engine_from_running() {
    let cache = Cache::open(Path::new("/proc/self")).unwrap();
    for _ in 0..2 {
        let (fetched, built) = fetch(&cache, &key(), b"plan");
        assert!(built);
        assert_eq!((fetched.bytes, fetched.path), (b"plan".to_vec(), None));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_read_only_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    fetch(&bench.cache, &key(), b"plan");
    let mode = |mode| fs::set_permissions(bench.dir.path(), fs::Permissions::from_mode(mode));
    mode(0o500).unwrap();
    let (fetched, built) = fetch(&bench.reopened(), &key(), b"another plan");
    let (other, _) = fetch(&bench.reopened(), &kernels(), b"cubin");
    mode(0o700).unwrap();
    assert!(!built);
    assert_eq!(
        (fetched.bytes, other.bytes),
        (b"plan".to_vec(), b"cubin".to_vec())
    );
}

#[test]
fn an_engine_that_cannot_be_put_in_place_is_used_all_the_same() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path(&key(), "plan").join("full")).unwrap();
    let (fetched, built) = fetch(&bench.cache, &key(), b"plan");
    assert!(built);
    assert_eq!(reasons(&fetched), ["half-written, without its .toml"]);
    assert_eq!((fetched.bytes, fetched.path), (b"plan".to_vec(), None));
    // nor is anything left of the attempt
    assert_eq!(bench.files(), [format!("{}.plan", key().stem())]);
}
