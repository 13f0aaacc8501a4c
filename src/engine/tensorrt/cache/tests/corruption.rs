use super::*;

fn kept() -> Bench {
    let bench = Bench::new();
    fetch(&bench.cache, &key(), b"old plan");
    bench
}

/// Puts other bytes into a file without making it another file.
fn overwrite(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let bench = kept();
    let store = bench.cache.store.as_ref().unwrap();
    for ending in ["plan", "toml"] {
        let path = bench.path(&key(), ending);
        let whole = fs::read(&path).unwrap();
        assert!(whole.len() >= 8);
        for place in 0..whole.len() {
            // one bit, the one that tells small letters from large ones, and all of them
            for flip in [1 << (place % 8), 0x20, 0xff] {
                let mut damaged = whole.clone();
                damaged[place] ^= flip;
                overwrite(&path, &damaged);
                let read = store.read(&key());
                assert!(
                    read.is_err(),
                    "{ending} byte {place} ^ {flip:#04x}: {read:?}"
                );
            }
        }
        overwrite(&path, &whole);
        assert!(store.read(&key()).is_ok());
    }
}

#[test]
fn a_missing_or_an_added_end_is_noticed_wherever_it_is() {
    let bench = kept();
    let store = bench.cache.store.as_ref().unwrap();
    for ending in ["plan", "toml"] {
        let path = bench.path(&key(), ending);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            overwrite(&path, &whole[..length]);
            assert!(
                store.read(&key()).is_err(),
                "{ending} cut to {length} bytes"
            );
        }
        for more in [&b"\n"[..], b"\0", b"# comment\n", b"x"] {
            overwrite(&path, &[&whole, more].concat());
            assert!(
                store.read(&key()).is_err(),
                "{ending} with {more:?} at its end"
            );
        }
        overwrite(&path, &whole);
        assert!(store.read(&key()).is_ok());
    }
}

#[test]
fn what_is_wrong_is_told_and_mended() {
    type Damage = fn(&Bench, &Key);
    let cases: [(Damage, &str); 9] = [
        (
            |b, k| overwrite(&b.path(k, "plan"), b"old flan"),
            "corrupt: its SHA-256 is not the recorded one",
        ),
        (
            |b, k| overwrite(&b.path(k, "plan"), b"old"),
            "corrupt: 3 bytes, not 8",
        ),
        (
            |b, k| overwrite(&b.path(k, "plan"), b""),
            "corrupt: 0 bytes, not 8",
        ),
        (
            |b, k| fs::remove_file(b.path(k, "plan")).unwrap(),
            "half-written, without its .plan",
        ),
        (
            |b, k| fs::remove_file(b.path(k, "toml")).unwrap(),
            "half-written, without its .toml",
        ),
        (
            |b, k| overwrite(&b.path(k, "toml"), b""),
            "its record cannot be used: it has no seal",
        ),
        (
            |b, k| overwrite(&b.path(k, "toml"), &[0xff; 9]),
            "its record cannot be used: not UTF-8",
        ),
        (
            |b, k| {
                let path = b.path(k, "toml");
                let text = fs::read_to_string(&path).unwrap();
                overwrite(&path, text.replace("Orin", "Thor").as_bytes());
            },
            "its record cannot be used: its seal is broken",
        ),
        (
            |b, k| overwrite(&b.path(k, "toml"), &[b' '; (1 << 16) + 1]),
            "its .toml has 65537 bytes, more than 65536",
        ),
    ];
    for (damage, words) in cases {
        let bench = kept();
        damage(&bench, &key());
        assert_eq!(why_built_anew(&bench, &key()), words);
    }
}

#[test]
fn the_entry_of_another_key_is_not_taken_for_ones_own() {
    let bench = kept();
    let other = plan_key(|p| p.precision = Precision::Fp32);
    fetch(&bench.cache, &other, b"fp32 plan");
    for ending in ["plan", "toml"] {
        fs::copy(bench.path(&other, ending), bench.path(&key(), ending)).unwrap();
    }
    let why = why_built_anew(&bench, &key());
    assert_eq!(why, "its record is that of another engine");
}

#[test]
fn a_record_of_another_format_is_not_read() {
    let bench = kept();
    let path = bench.path(&key(), "toml");
    let text = fs::read_to_string(&path).unwrap();
    let (_, body) = text.split_once('\n').unwrap();
    let body = body.replace("format = 2", "format = 9");
    let seal = Digest::of(body.as_bytes());
    overwrite(&path, format!("seal = \"{seal}\"\n{body}").as_bytes());
    let why = why_built_anew(&bench, &key());
    assert_eq!(
        why,
        "its record cannot be used: it has format 9, and this lookout has 2"
    );
}

#[cfg(unix)]
#[test]
fn what_others_may_write_is_never_trusted() {
    use std::os::unix::fs::PermissionsExt;
    for ending in ["plan", "toml"] {
        for mode in [0o620, 0o602, 0o666] {
            let bench = kept();
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(bench.path(&key(), ending), permissions).unwrap();
            let why = why_built_anew(&bench, &key());
            let expected = format!("never trusted: others may write its .{ending} (mode {mode:o})");
            assert_eq!(why, expected);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_never_followed() {
    for ending in ["plan", "toml"] {
        let bench = kept();
        let elsewhere = tempfile::tempdir().unwrap();
        let (path, target) = (bench.path(&key(), ending), elsewhere.path().join("moved"));
        fs::rename(&path, &target).unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let before = fs::read(&target).unwrap();
        let why = why_built_anew(&bench, &key());
        assert_eq!(why, format!("its .{ending} is not a plain file"));
        // the link was replaced, not what it pointed to
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(fs::read(&target).unwrap(), before);
    }
}

/// Only root can give a file away, so only there is this to be seen from outside.
#[cfg(target_os = "linux")]
#[test]
fn what_belongs_to_somebody_else_is_never_trusted() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for ending in ["plan", "toml"] {
        let bench = kept();
        std::os::unix::fs::chown(bench.path(&key(), ending), Some(12345), None).unwrap();
        let why = why_built_anew(&bench, &key());
        assert_eq!(
            why,
            format!("never trusted: its .{ending} belongs to user 12345")
        );
    }
}
