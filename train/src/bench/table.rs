//! The table as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::row::Done;

/// Names of all sets, in order.
pub(super) fn sets(done: &[Done]) -> BTreeSet<&str> {
    done.iter()
        .flat_map(|d| d.unknown.keys().map(String::as_str))
        .collect()
}

/// A row for each method and seed. Names need no quotes: [`super::Bench`] sees to that.
pub(super) fn csv(done: &[Done]) -> String {
    let sets = sets(done);
    let mut text = String::from(
        "method,seed,kind,parameters,multiply_accumulates,steps,seconds,miou,errors_auroc",
    );
    // writing to a string does not fail
    for set in &sets {
        let _ = write!(text, ",{set}_auroc,{set}_ap,{set}_fpr95");
    }
    for d in done {
        let _ = write!(
            text,
            "\n{},{},{},{},{},{},{:.1}",
            d.name,
            d.seed,
            format!("{:?}", d.reading.kind).to_lowercase(),
            d.parameters,
            d.multiply_accumulates,
            d.steps,
            d.seconds
        );
        let mut cells = vec![d.miou, d.errors];
        for set in &sets {
            let figures = d.unknown.get(*set);
            cells.push(figures.and_then(|f| f.auroc));
            cells.push(figures.and_then(|f| f.ap));
            cells.push(figures.and_then(|f| f.fpr95));
        }
        for cell in cells {
            let _ = match cell {
                Some(v) => write!(text, ",{v:.4}"),
                None => write!(text, ","),
            };
        }
    }
    text + "\n"
}
