//! What the bundle says of itself to people: figures, costs, budget, data, licence, how it was made.

use std::fmt::Write as _;

use super::line::{ENGINES, Line};
use super::page::words;
use super::row::Done;
use super::table::sets;
use super::{Bench, Place, first_seed};

/// The card.
pub(super) fn markdown(bench: &Bench, place: &Place, done: &[Done]) -> String {
    let (lines, sets) = (Line::all(done), sets(done));
    let about = &bench.bundle;
    let heads = first_seed(bench, done).filter(|d| d.score().is_some());
    let (file, out) = (place.file.display(), place.out.display());
    let mut text = format!(
        "# Bundle `{}`\n{}. It is made for comparing methods: it has one segmentation network and {} scores, and \
         `lookout replay BAG --bundle DIR --score NAME` or the node's parameter `score` chooses the one that \
         runs.\n\n## How it was made\n```sh\nlookout-train bench {file} --out {out}\n```\nEach row of that file is a \
         head; `table.csv`, `table.json` and `table.html` in the output folder have all figures, the page has \
         curves too. The thresholds of each mode come from {}.\n",
        about.name,
        about.description,
        heads.count(),
        super::material::CALIBRATION
    );
    for words in words(bench, place.threads) {
        // writing to a string does not fail
        let _ = write!(text, "\n{words}\n");
    }
    let _ = write!(
        text,
        "\n## Data and licence\n{}. Data: {}.\n\n## How well unknown pixels are found\n",
        about.licence, about.data
    );
    let mut header = ["mIoU", "errors AUROC", "AUPR", "FPR95"]
        .map(str::to_owned)
        .to_vec();
    for set in &sets {
        header.extend([format!("{set} AUROC"), "AP".to_owned(), "FPR95".to_owned()]);
    }
    table(
        &mut text,
        &header,
        lines.iter().map(|l| (l.name, l.figures(&sets))),
    );
    text.push_str("\n## What it costs and what was spent\n");
    let mut header = ["parameters", "million MAC"].map(str::to_owned).to_vec();
    for what in ["head", "frame"] {
        header.extend(ENGINES.map(|(_, engine)| format!("ms, {what}, {engine}")));
    }
    header.extend(["pictures", "steps", "seconds"].map(str::to_owned));
    let rows = lines
        .iter()
        .map(|l| (l.name, [&l.costs()[..], &l.budget()].concat()));
    table(&mut text, &header, rows);
    text
}

fn table<'a>(
    text: &mut String,
    header: &[String],
    rows: impl Iterator<Item = (&'a str, Vec<String>)>,
) {
    let _ = write!(
        text,
        "| row | {} |\n|---|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for (name, cells) in rows {
        let _ = writeln!(text, "| `{name}` | {} |", cells.join(" | "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_has_the_command_the_licence_and_a_line_for_every_row() {
        let bench: Bench = toml::from_str(include_str!("../../../experiments/bench.toml")).unwrap();
        let mut done = super::super::plots::done();
        done.iter_mut().for_each(|d| d.seed = bench.seeds[0]);
        let place = Place {
            file: "experiments/bench.toml".into(),
            out: "runs/bench".into(),
            data: "data".into(),
            lookout: "lookout".into(),
            threads: 2,
        };
        let text = markdown(&bench, &place, &done);
        for words in [
            "# Bundle `methods`\n",
            "and 2 scores, and",
            "lookout-train bench experiments/bench.toml --out runs/bench\n",
            "Research use only",
            "| `observer` |  |  |  |  | 0.900 | 0.750 | 0.200 |\n",
            "| `energy` | 0 | 0.0 | 0.06 |  | 30.50 |  | 0 | 0 | 0 |\n",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
