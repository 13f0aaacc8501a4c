//! `docs/safety.md` against the names of the tests of ground and stopping distance: every row G..
//! has one, and none is without a row.

use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../docs/safety.md");

const TESTS: [&str; 7] = [
    include_str!("../calibration/camera.rs"),
    include_str!("camera_tests.rs"),
    include_str!("ground_tests.rs"),
    include_str!("ground_corridor_tests.rs"),
    include_str!("ground_corridor_fit_tests.rs"),
    include_str!("stopping_tests.rs"),
    include_str!("../pipeline/tests/ground.rs"),
];

/// The number of a word such as G07, with that letter.
fn id(word: &str, letter: char) -> Option<u8> {
    let digits = word.strip_prefix(letter).filter(|d| d.len() == 2)?;
    digits.parse().ok()
}

#[test]
fn every_rule_of_the_ground_has_a_test_and_every_test_a_rule() {
    let first_cells = DOCUMENT.lines().filter_map(|line| {
        let row = line.strip_prefix("| ")?;
        id(row.split(' ').next()?, 'G')
    });
    let rules: Vec<u8> = first_cells.collect();
    let distinct: BTreeSet<u8> = rules.iter().copied().collect();
    assert_eq!(rules.len(), distinct.len(), "an id is defined twice");
    assert!(rules.len() >= 10, "{rules:?}");
    let names = TESTS.iter().flat_map(|text| text.split("fn ").skip(1));
    let first_words = names.filter_map(|name| id(name.split('_').next()?, 'g'));
    assert_eq!(distinct, first_words.collect());
}
