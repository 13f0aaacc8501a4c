use super::*;

/// The keys of a cache's good entries, and what is wrong with the others.
fn listed(cache: &Cache) -> (Vec<Key>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for entry in cache.entries().unwrap() {
        assert!(entry.bytes > 0);
        match entry.record {
            Ok(record) => {
                assert_eq!(record.key.stem(), entry.stem);
                assert_eq!(entry.files.len(), 2);
                good.push(record.key);
            }
            Err(e) => bad.push(e.to_string()),
        }
    }
    (good, bad)
}

fn fp32() -> Key {
    plan_key(|p| p.precision = Precision::Fp32)
}

/// Two whole entries, one corrupt one, one of a writer that died, and files of somebody else.
fn full() -> Bench {
    let bench = Bench::new();
    for (key, bytes) in [
        (key(), &b"plan"[..]),
        (fp32(), b"fp32 plan"),
        (kernels(), b"cubin"),
    ] {
        fetch(&bench.cache, &key, bytes);
    }
    fs::write(bench.path(&kernels(), "cubin"), b"cubic").unwrap();
    let stem = Digest::of(b"dead").to_string();
    fs::write(bench.dir.path().join(format!(".{stem}.abc.tmp")), b"123").unwrap();
    fs::write(bench.dir.path().join("notes.txt"), b"mine").unwrap();
    fs::write(bench.dir.path().join("model.plan"), b"mine").unwrap();
    bench
}

#[test]
fn entries_are_listed_with_what_is_wrong_with_them() {
    let bench = full();
    let (mut good, mut bad) = listed(&bench.cache);
    good.sort_by_key(Key::stem);
    let mut expected = [key(), fp32()];
    expected.sort_by_key(Key::stem);
    assert_eq!(good, expected);
    bad.sort();
    let words = [
        "corrupt: its SHA-256 is not the recorded one",
        "half-written, without its .toml",
    ];
    assert_eq!(bad, words);
}

#[test]
fn a_record_tells_when_and_by_whom_it_was_built() {
    let bench = Bench::new();
    let before = std::time::SystemTime::now();
    fetch(&bench.cache, &key(), b"plan");
    let entries = bench.cache.entries().unwrap();
    let record = entries[0].record.as_ref().unwrap();
    let built = std::time::UNIX_EPOCH + Duration::from_secs(record.built_at);
    // whole seconds, rounded down
    assert!(built + Duration::from_secs(1) > before && built <= std::time::SystemTime::now());
    assert_eq!(record.length, 4);
    assert_eq!(
        record.built_by,
        format!("lookout {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn what_does_not_fit_goes_and_so_does_all_that_is_broken() {
    let bench = full();
    let wanted = [key()];
    let worth = |key: &Key| wanted.contains(key);
    let before = bench.files();
    let would = bench.cache.clean(Filter::Unless(&worth), true).unwrap();
    assert_eq!(bench.files(), before, "a dry run changed something");
    let cleaned = bench.cache.clean(Filter::Unless(&worth), false).unwrap();
    for cleaned in [&would, &cleaned] {
        assert_eq!((cleaned.removed.len(), cleaned.kept), (3, 1));
        assert!(cleaned.busy.is_empty());
        assert!(cleaned.removed.iter().all(|r| r.failure.is_none()));
    }
    assert_eq!(would.bytes(), cleaned.bytes());
    assert!(cleaned.bytes() > (b"fp32 plan".len() + b"cubin".len() + 3) as u64);
    let stem = key().stem();
    let mut left = [
        "model.plan".into(),
        "notes.txt".into(),
        format!("{stem}.plan"),
        format!("{stem}.toml"),
    ];
    left.sort();
    assert_eq!(bench.files(), left);
    assert!(!fetch(&bench.cache, &key(), b"another plan").1);
}

#[test]
fn all_is_all_of_ours_and_nothing_else() {
    let bench = full();
    let cleaned = bench.cache.clean(Filter::All, false).unwrap();
    assert_eq!((cleaned.removed.len(), cleaned.kept), (4, 0));
    assert_eq!(bench.files(), ["model.plan", "notes.txt"]);
    let again = bench.cache.clean(Filter::All, false).unwrap();
    assert_eq!((again.removed.len(), again.bytes()), (0, 0));
}

#[test]
fn what_is_left_beside_a_good_entry_goes_and_the_entry_stays() {
    let bench = Bench::new();
    fetch(&bench.cache, &key(), b"plan");
    let half = bench.dir.path().join(format!(".{}.abc.tmp", key().stem()));
    fs::write(&half, b"12345").unwrap();
    let cleaned = bench.cache.clean(Filter::Unless(&|_| true), false).unwrap();
    assert_eq!(
        (cleaned.removed.len(), cleaned.kept, cleaned.bytes()),
        (1, 1, 5)
    );
    assert!(!half.exists());
    assert!(!fetch(&bench.cache, &key(), b"another plan").1);
}

#[test]
fn what_is_being_built_is_left_alone() {
    let bench = Bench::new();
    fetch(&bench.cache, &fp32(), b"fp32 plan");
    let (fetched, _) = {
        let cache = &bench.cache;
        let Ok(fetched) = cache.get_or_build(&key(), || {
            let cleaned = bench.reopened().clean(Filter::All, false).unwrap();
            assert_eq!(cleaned.busy, [key().stem()]);
            assert_eq!(cleaned.removed.len(), 1);
            Ok::<_, Infallible>(b"plan".to_vec())
        });
        (fetched, true)
    };
    assert!(fetched.path.is_some_and(|p| p.is_file()));
    assert!(!fetch(&bench.cache, &key(), b"another plan").1);
}

#[test]
fn what_cannot_be_removed_is_told() {
    let bench = Bench::new();
    fs::create_dir(bench.path(&key(), "plan")).unwrap();
    let cleaned = bench.cache.clean(Filter::All, false).unwrap();
    assert_eq!((cleaned.removed.len(), cleaned.bytes()), (1, 0));
    assert!(cleaned.removed[0].failure.is_some());
}
