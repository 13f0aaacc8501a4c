//! The table as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::line::ENGINES;
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
    let mut text = String::from("method,seed,kind,parameters,multiply_accumulates");
    // writing to a string does not fail
    for (engine, _) in ENGINES {
        let _ = write!(text, ",{engine}_head_ms,{engine}_frame_ms");
    }
    text.push_str(
        ",pictures,steps,seconds,perturbation,miou,errors_auroc,errors_aupr,errors_fpr95",
    );
    for set in &sets {
        let _ = write!(text, ",{set}_auroc,{set}_ap,{set}_fpr95");
    }
    for d in done {
        let kind = format!("{:?}", d.reading.kind).to_lowercase();
        let (parameters, work) = (d.parameters, d.multiply_accumulates);
        let _ = write!(text, "\n{},{},{kind},{parameters},{work}", d.name, d.seed);
        for (engine, _) in ENGINES {
            let times = d.times.get(engine);
            text.push_str(&cell(times.map(|t| t.head)));
            text.push_str(&cell(times.map(|t| t.frame)));
        }
        let _ = write!(text, ",{},{},{:.1}", d.pictures, d.steps, d.seconds);
        let errors = &d.errors;
        let own = [
            d.perturbation,
            d.miou,
            errors.auroc,
            errors.aupr,
            errors.fpr95,
        ];
        text.extend(own.map(cell));
        for set in &sets {
            let figures = d.unknown.get(*set);
            text.push_str(&cell(figures.and_then(|f| f.auroc)));
            text.push_str(&cell(figures.and_then(|f| f.ap)));
            text.push_str(&cell(figures.and_then(|f| f.fpr95)));
        }
    }
    text + "\n"
}

fn cell(figure: Option<f64>) -> String {
    figure.map_or(",".to_owned(), |v| format!(",{v:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_cell_for_every_column() {
        let mut done = super::super::plots::done();
        done.push(Done::named("softmax"));
        done[1].perturbation = Some(0.0025);
        let text = csv(&done);
        let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split(',').collect()).collect();
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|l| l.len() == lines[0].len()), "{text}");
        let at = |column: &str| lines[0].iter().position(|c| *c == column).unwrap();
        assert_eq!(lines[1][at("ort_head_ms")], "0.0625");
        assert_eq!(lines[1][at("rten_head_ms")], "");
        assert_eq!(lines[2][at("perturbation")], "0.0025");
        assert_eq!(lines[2][at("rendered_ap")], "0.7500");
        assert_eq!(lines[3][at("rendered_ap")], "");
    }
}
