//! `docs/safety.md` against the names of the tests: every row W.. has one, and none is without a row.

use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../docs/safety.md");

const TESTS: [&str; 7] = [
    include_str!("board_tests.rs"),
    include_str!("thread_tests.rs"),
    include_str!("schedule.rs"),
    include_str!("realtime/linux.rs"),
    include_str!("../../tests/watchdog_allocation.rs"),
    include_str!("../../tests/watchdog_panics.rs"),
    include_str!("../../tests/watchdog_realtime.rs"),
];

/// The numbers of words such as W07, with that letter.
fn ids(words: impl Iterator<Item = &'static str>, letter: char) -> BTreeSet<u8> {
    words
        .filter_map(|word| word.strip_prefix(letter))
        .filter(|digits| digits.len() == 2)
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[test]
fn every_rule_has_a_test_and_every_test_a_rule() {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| "));
    let rules = ids(rows.filter_map(|row| row.split(' ').next()), 'W');
    let names = TESTS.iter().flat_map(|text| text.split("fn ").skip(1));
    let tests = ids(
        names.flat_map(|name| name.split('(').next().unwrap().split('_')),
        'w',
    );
    assert!(rules.len() >= 17, "{rules:?}");
    assert_eq!(rules, tests);
}
