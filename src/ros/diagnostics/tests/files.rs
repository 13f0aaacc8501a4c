//! The files of `launch/config` for aggregators against the statuses that there are.

use std::collections::BTreeSet;

use super::*;

const GRAPH: &str = include_str!("../../../../launch/config/lookout.diagnostic_graph.yaml");
const AGGREGATOR: &str =
    include_str!("../../../../launch/config/lookout.diagnostic_aggregator.yaml");

/// The values of a key in YAML that has one pair a line.
fn of<'a>(text: &'a str, key: &str) -> BTreeSet<&'a str> {
    let values = text.lines().filter_map(|line| {
        let pair = line.trim_start().trim_start_matches("- ");
        pair.strip_prefix(key)?.strip_prefix(": ")
    });
    values.map(|value| value.trim_matches('"')).collect()
}

#[test]
fn the_files_for_aggregators_name_the_statuses_that_there_are() {
    let flag = (&flag(), Duration::ZERO);
    let array = array(&active(), "lookout", flag, MS(0), Stamp::default(), None);
    let names: BTreeSet<&str> = array.status.iter().map(|s| s.name.as_str()).collect();
    let in_graph = of(GRAPH, "diag");
    assert!(in_graph.contains("lookout: verdict"), "{in_graph:?}");
    assert!(in_graph.is_subset(&names), "{in_graph:?}, {names:?}");

    let parts = AGGREGATOR.split_once("'^[^:]*: (").unwrap().1;
    let parts = parts.split_once(')').unwrap().0.split('|');
    let in_aggregator: Vec<String> = parts.map(|part| format!("lookout: {part}")).collect();
    assert_eq!(
        in_aggregator
            .iter()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        names
    );
}

#[test]
fn what_the_graph_links_to_is_in_it() {
    let links: BTreeSet<&str> = GRAPH
        .lines()
        .filter_map(|line| Some(line.split_once("link: ")?.1.trim_end_matches([' ', '}'])))
        .collect();
    let paths = of(GRAPH, "path");
    assert!(
        links.len() > 2 && links.is_subset(&paths),
        "{links:?}, {paths:?}"
    );
}
