//! The folder that the results go to.

use super::*;

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let bag = dir.path().join("drive");
    write_bag(&bag, &images(1));
    let file = dir.path().join("file");
    fs::write(&file, "mine").unwrap();
    for out in [file.clone(), file.join("below")] {
        replay(&bag, &out, &[]).fails(&[out.to_str().unwrap()]);
        replay(&bag, &out, &["--force"]).fails(&[out.to_str().unwrap()]);
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let out = dir.path().join("out");
    fs::create_dir_all(out.join("frames.csv")).unwrap();
    replay(&bag, &out, &["--force"]).fails(&["frames.csv"]);
}

#[test]
fn an_output_folder_with_something_in_it_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(2));
    fs::create_dir(&out).unwrap();
    fs::write(out.join("notes.txt"), "mine").unwrap();
    let before = snapshot(&out);
    replay(&bag, &out, &[]).fails(&[out.to_str().unwrap(), "--force"]);
    assert!(snapshot(&out) == before);
    // results of ours are no less something
    let results = dir.path().join("results");
    replay(&bag, &results, &[]).ends_with(0);
    let before = snapshot(&results);
    replay(&bag, &results, &[]).fails(&["--force"]);
    assert!(snapshot(&results) == before);
}

#[test]
fn force_replaces_results_and_leaves_what_is_not_ours() {
    let dir = tempfile::tempdir().unwrap();
    let [long, short, out] = ["long", "short", "out"].map(|name| dir.path().join(name));
    write_bag(&long, &images(4));
    write_bag(&short, &images(2));
    fs::create_dir_all(out.join("annotated")).unwrap();
    let foreign = [out.join("notes.txt"), out.join("annotated/notes.txt")];
    for path in &foreign {
        fs::write(path, "mine").unwrap();
    }
    for (bag, frames) in [(&long, 4), (&short, 2)] {
        replay(bag, &out, &["--force"]).ends_with(0);
        assert_eq!(Table::of(&out).len(), frames);
        assert_eq!(count(&annotated(&out), MASK), frames);
    }
    for path in &foreign {
        assert_eq!(fs::read(path).unwrap(), b"mine");
    }
}

#[test]
fn a_folder_that_another_run_writes_into_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(2));
    replay(&bag, &out, &[]).ends_with(0);
    let before = snapshot(&out);
    let other = fs::File::open(&out).unwrap();
    other.lock().unwrap();
    let run = replay(&bag, &out, &["--force"]);
    run.fails(&["another run is writing into", out.to_str().unwrap()]);
    assert!(snapshot(&out) == before);
    drop(other);
    replay(&bag, &out, &["--force"]).ends_with(0);
}

#[test]
fn force_never_takes_the_bag_that_is_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let (bag, out) = (dir.path().join("drive"), dir.path().join("out"));
    write_bag(&bag, &images(2));
    replay(&bag, &out, &[]).ends_with(0);
    let before = snapshot(&out);
    let own = out.join("annotated");
    for input in [own.clone(), own.join("annotated_0.mcap")] {
        replay(&input, &out, &["--force", "--topic", TOPIC]).fails(&["annotated"]);
        assert!(snapshot(&out) == before);
    }
}

#[test]
fn an_annotated_bag_can_be_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let [bag, first, second] = ["drive", "a", "b"].map(|name| dir.path().join(name));
    write_bag(&bag, &images(3));
    replay(&bag, &first, &[]).ends_with(0);
    replay(&first.join("annotated"), &second, &["--topic", TOPIC]).ends_with(0);
    same_results(&first, &second);
}
