use super::*;
use crate::profile::sample::profiled;

#[test]
fn a_profile_is_told_in_columns_that_line_up() {
    let summary = profiled().0;
    let text = summary.to_string();
    for part in [
        "rendered drive at 15.0 Hz, rten 0.27, 2 load threads",
        "deadline 100 ms: 288 of 300 frames in time",
        "late 3, refused 6, replaced 2, failed 1;",
        "late shown as fresh: 0 of",
        "full+observer",
        "(refusing)",
        "all modes",
        "VDD_IN",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("MUST BE 0"));
    // Numbers of one column end where its heading ends.
    for (heading, below) in [("p99", "segmentation"), ("mean", "VDD_IN")] {
        let end = |line: &str, word: &str| {
            let at = line.find(word).unwrap() + word.len();
            line[..at].chars().count()
        };
        let head = text.lines().find(|line| line.contains(heading)).unwrap();
        let line = text.lines().find(|line| line.contains(below)).unwrap();
        let column = end(head, heading);
        let last = line.chars().nth(column - 1).unwrap();
        let after = line.chars().nth(column).unwrap();
        assert!(last.is_ascii_digit() && after == ' ', "{head}\n{line}");
    }
    assert!(
        text.lines()
            .all(|line| line == line.trim_end() && line.len() < 100)
    );
}

#[test]
fn a_late_frame_shown_as_fresh_cannot_be_overlooked() {
    let mut summary = profiled().0;
    summary.deadlines.late_shown_as_fresh = 1;
    assert!(summary.to_string().contains("late shown as fresh: 1 of"));
    assert!(summary.to_string().contains("MUST BE 0"));
}

#[test]
fn no_frames_and_no_machine_are_told_too() {
    let empty = ProfileSummary {
        deadlines: DeadlineSummary::of(
            &crate::profile::DeadlineProfile::new(std::time::Duration::from_millis(100)),
            std::time::Duration::ZERO,
        ),
        machine: None,
        load_threads: 0,
        ..profiled().0
    };
    let text = empty.to_string();
    assert!(
        text.contains("no load") && text.contains("0 of 0 frames in time"),
        "{text}"
    );
    assert!(!text.contains("machine") && !text.contains("NaN"));
}
