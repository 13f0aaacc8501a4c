//! A reader that fails is found, and its input is kept so that it fails again.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_lookout-fuzz");
    Command::new(program).args(arguments).output().unwrap()
}

#[track_caller]
fn is_found(target: &str, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = run(&[target, "--seconds", "30", "--seed", "1", "--out", out]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains(words), "{text}");
    let mut kept = fs::read_dir(folder.path()).unwrap();
    let kept = kept.next().unwrap().unwrap().path();
    let name = kept.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("{target}-")), "{name}");
    assert!(
        text.contains(&format!("--input {}", kept.display())),
        "{text}"
    );
    let again = run(&["--input", kept.to_str().unwrap(), target, "--out", out]);
    assert!(!again.status.success());
}

#[test]
fn a_panic_is_found() {
    is_found("panics", "another beginning");
}

#[test]
fn a_gigabyte_is_found() {
    is_found("grows", "too much memory");
}

#[test]
fn targets_that_are_not_there_are_named() {
    let output = run(&["jpg"]);
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("no target jpg; there are mcap"), "{text}");
}
