//! Settings from a file, and the corridor from a bundle.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::fs;
use std::path::Path;

use support::{Run, Table, copy_bundle, images, replay, write_bag};

/// Replays six noisy frames with a settings file.
fn with_settings(dir: &Path, text: &str, more: &[&str]) -> Run {
    let (bag, out, file) = (
        dir.join("drive"),
        dir.join("out"),
        dir.join("settings.toml"),
    );
    if !bag.exists() {
        write_bag(&bag, &images(6));
    }
    fs::write(&file, text).unwrap();
    let mut args = vec!["--settings", file.to_str().unwrap(), "--force"];
    args.extend(more);
    replay(&bag, &out, &args)
}

#[test]
fn the_supervisor_does_as_the_file_says() {
    let dir = tempfile::tempdir().unwrap();
    with_settings(dir.path(), "", &[]).ends_with(0);
    let usual = Table::of(&dir.path().join("out"));
    assert_eq!(usual.get(0, "state"), "WAITING");
    with_settings(dir.path(), "[supervisor]\nstart_frames = 1", &[]).ends_with(0);
    let quick = Table::of(&dir.path().join("out"));
    assert_ne!(quick.get(0, "state"), "WAITING");
}

const NARROW: &str = "top = 0.0\nbottom = 1.0\ntop_left = 0.0\ntop_right = 0.01\n\
                      bottom_left = 0.0\nbottom_right = 0.01\n";
const WIDE: &str = "top = 0.0\nbottom = 1.0\ntop_left = 0.0\ntop_right = 1.0\n\
                    bottom_left = 0.0\nbottom_right = 1.0\n";

fn in_corridor(out: &Path) -> u32 {
    let table = Table::of(out);
    let pixels = table.column("corridor_pixels");
    pixels.iter().map(|n| n.parse::<u32>().unwrap()).sum()
}

#[test]
fn the_corridor_is_the_file_s_or_the_bundle_s() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    // so low a threshold that the whole picture is anomalous
    let all = ["--threshold", "0"];
    with_settings(dir.path(), &format!("[corridor]\n{WIDE}"), &all).ends_with(0);
    let wide = in_corridor(&out);
    with_settings(dir.path(), &format!("[corridor]\n{NARROW}"), &all).ends_with(0);
    let narrow = in_corridor(&out);
    assert!(narrow < wide / 10, "{narrow} of {wide}");

    let bundle = dir.path().join("bundle");
    copy_bundle(&bundle);
    let path = bundle.join("model.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{manifest}\n[corridor]\n{WIDE}")).unwrap();
    let bundle = bundle.to_str().unwrap();
    let with_bundle = ["--threshold", "0", "--bundle", bundle];
    with_settings(dir.path(), "", &with_bundle).ends_with(0);
    assert_eq!(in_corridor(&out), wide);
    with_settings(dir.path(), &format!("[corridor]\n{NARROW}"), &with_bundle).ends_with(0);
    assert_eq!(in_corridor(&out), narrow, "the file goes before the bundle");
}

#[test]
fn settings_that_cannot_be_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("[supervisor]\nstart_frame = 1", "start_frame"),
        ("[supervisor]\nstart_frames = 0", "start_frames"),
        ("[corridor]\ntop = 0.5", "missing field"),
        ("[guess]", "guess"),
        ("[admission]\nmodes = ['best']", "best"),
        ("start", "settings.toml"),
    ] {
        with_settings(dir.path(), text, &[]).fails(&[words]);
    }
    let upside_down = WIDE.replace("top = 0.0", "top = 1.0");
    with_settings(dir.path(), &format!("[corridor]\n{upside_down}"), &[]).fails(&["corridor"]);
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    replay(&bag, &out, &["--settings", "/nowhere/lookout.toml"]).fails(&["/nowhere/lookout.toml"]);
}
