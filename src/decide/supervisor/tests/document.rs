//! `docs/safety.md` against the tests: every requirement is tested, and nothing is tested that is
//! none. Its matrix of transitions is what [`super::invariants`] checks the runs with.

use super::*;
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../../docs/safety.md");

const TESTS: [&str; 9] = [
    include_str!("../tests.rs"),
    include_str!("states.rs"),
    include_str!("reset.rs"),
    include_str!("faults.rs"),
    include_str!("pictures.rs"),
    include_str!("time.rs"),
    include_str!("invariants.rs"),
    include_str!("../../../pipeline/tests/evidence.rs"),
    include_str!("../../../pipeline/tests/modes.rs"),
];

/// A letter of the three tables and two digits.
fn is_id(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 3
        && matches!(bytes[0], b'S' | b'F' | b'I')
        && bytes[1..].iter().all(u8::is_ascii_digit)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The lines of a section, under its heading.
fn section(heading: &str) -> impl Iterator<Item = &'static str> {
    DOCUMENT
        .lines()
        .skip_while(move |line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// Rows that begin with an id.
fn defined() -> Vec<&'static str> {
    DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| cells(line)[0])
        .filter(|cell| is_id(cell))
        .collect()
}

/// One transition that may happen: the input, the state before, the state after.
pub(super) type Transition = (&'static str, State, State);

/// Every transition of the matrix with the ids that govern it.
pub(super) fn matrix() -> Vec<(Transition, Vec<&'static str>)> {
    const STATES: [State; 5] = [Waiting, Clear, Warn, Stop, Fault];
    let mut rows = section("## Transitions").filter(|line| line.starts_with('|'));
    let header = cells(rows.next().unwrap());
    assert_eq!(header[1..], STATES.map(State::name));
    let mut all = Vec::new();
    for row in rows.skip(1) {
        let row = cells(row);
        assert_eq!(row.len(), 6, "{row:?}");
        let input = row[0].trim_matches('`');
        for (before, cell) in STATES.into_iter().zip(&row[1..]) {
            for part in cell.split(',') {
                let mut part = words(part);
                let name = part.next().unwrap();
                let after = STATES.into_iter().find(|s| s.name() == name).unwrap();
                all.push(((input, before, after), part.collect()));
            }
        }
    }
    all
}

#[test]
fn every_requirement_is_defined_once_and_tested() {
    let all = defined();
    let defined: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!(all.len(), defined.len(), "an id is defined twice");
    let upper: Vec<String> = TESTS
        .iter()
        .flat_map(|text| {
            let names = text.lines().filter_map(|line| {
                let name = line.trim_start().strip_prefix("fn ")?.split('(').next()?;
                Some(name.to_uppercase())
            });
            names.chain([text.replace(|c: char| c.is_ascii_lowercase(), "x")])
        })
        .collect();
    let tested: BTreeSet<_> = upper
        .iter()
        .flat_map(|text| words(text))
        .filter(|word| is_id(word))
        .collect();
    let untested: Vec<_> = defined.difference(&tested).collect();
    let unknown: Vec<_> = tested.difference(&defined).collect();
    assert!(untested.is_empty(), "no test names {untested:?}");
    assert!(unknown.is_empty(), "not in docs/safety.md: {unknown:?}");
}

#[test]
fn every_cell_of_the_matrix_names_requirements_that_exist() {
    let defined: BTreeSet<_> = defined().into_iter().collect();
    let mut seen = BTreeSet::new();
    for ((input, before, after), ids) in matrix() {
        let cell = format!("{input} in {before} to {after}");
        assert!(!ids.is_empty(), "{cell}: no id");
        for id in ids {
            assert!(defined.contains(id), "{cell}: {id}");
        }
        assert!(
            seen.insert((input, before.name(), after.name())),
            "{cell}: twice"
        );
    }
}

#[test]
fn every_reason_of_a_fault_is_a_row_of_the_matrix() {
    let inputs: BTreeSet<_> = matrix().iter().map(|((input, ..), _)| *input).collect();
    for line in section("## Faults").filter(|line| line.starts_with("| F")) {
        // The last cell is the reason, where the row has one.
        let code = cells(line)[2].trim_matches('`');
        let rows = code == "blurred" || inputs.contains(code) || !cells(line)[2].contains('`');
        assert!(rows, "{code} is no row of the matrix");
    }
}
