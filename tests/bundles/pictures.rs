//! Inputs and folders of `demo` and `image`.

use super::*;

#[track_caller]
fn demo(out: &Path, more: &[&str]) -> Run {
    let mut demo = command("demo");
    demo.arg("--out").arg(out).args(more);
    demo.args(["--engine", "rten", "--threads", "1"]);
    finish(demo)
}

#[test]
fn a_demo_goes_into_no_folder_that_has_something_in_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    let before = snapshot(dir.path());
    demo(dir.path(), &[]).fails(&[dir.path().to_str().unwrap(), "--force"]);
    let file = dir.path().join("notes.txt");
    demo(&file, &[]).fails(&["notes.txt"]);
    demo(&file.join("below"), &["--force"]).fails(&["notes.txt"]);
    assert!(snapshot(dir.path()) == before);
}

#[test]
fn two_runs_never_write_into_one_folder() {
    let bench = Bench::new();
    let out = bench.path("out");
    fs::create_dir(&out).unwrap();
    let other = fs::File::open(&out).unwrap();
    other.lock().unwrap();
    let forced = || replay(&bench.path("drive"), &out, &["--force"]);
    let refused = ["another run", out.to_str().unwrap()];
    forced().fails(&refused);
    mark(&[&bench.path("a.png")], &out).fails(&refused);
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    drop(other);
    forced().ends_with(0);
    assert_eq!(Table::of(&out).len(), 2);
}

#[test]
fn wrong_arguments_of_a_demo_are_usage_errors() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    demo(&out, &["--seed", "three"])
        .ends_with(2)
        .says(&["--seed"]);
    assert!(!out.exists());
}

#[track_caller]
fn mark(files: &[&Path], out: &Path) -> Run {
    let mut image = command("image");
    image.args(files).arg("--out").arg(out);
    image.args(["--engine", "rten", "--threads", "1"]);
    finish(image)
}

#[test]
fn pictures_that_cannot_be_read_or_written_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (good, cut) = (dir.path().join("good.png"), dir.path().join("cut.png"));
    let picture = image::RgbImage::from_fn(96, 64, |x, y| image::Rgb([x as u8, y as u8, 90]));
    picture.save(&good).unwrap();
    let bytes = fs::read(&good).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let absent = dir.path().join("absent.png");
    let out = dir.path().join("out");
    mark(&[&cut, &good, &absent], &out).fails(&["cut.png", "absent.png", "2 of 3"]);
    assert!(out.join("good_overlay.png").is_file() && out.join("good_mask.png").is_file());
    assert!(!out.join("cut_overlay.png").exists());
    // the picture is a file, not a folder
    mark(&[&good], &good).fails(&["good.png"]);
    assert_eq!(fs::read(&good).unwrap(), bytes);
    let before = snapshot(&out);
    mark(&[&good], &out).fails(&["--force"]);
    assert!(snapshot(&out) == before);
}
