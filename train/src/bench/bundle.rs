//! The rows of the first seed as heads of one bundle.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use lookout::score::ScoreKind;
use sha2::{Digest, Sha256};
use tch::Device;

use super::Bench;
use super::row::Done;
use crate::methods::{Kind, shipped_observer};
use crate::nets::OBSERVER;
use crate::run::{export_bundle, load_segmentation};

impl Done {
    /// What the bundle calls the score; `None` where no graph gives it.
    pub(super) fn score(&self) -> Option<ScoreKind> {
        match &*self.output {
            _ if self.perturbation.is_some() => None,
            OBSERVER => Some(ScoreKind::OBSERVER),
            _ => self.name.parse().ok(),
        }
    }
}

/// Writes the bundle to `out`; `folder` says where a row's `head.onnx` is. Thresholds are not in it.
pub(super) fn write<'a>(
    bench: &Bench,
    done: &[Done],
    folder: impl Fn(&Done) -> std::path::PathBuf + 'a,
    out: &Path,
) -> anyhow::Result<()> {
    let cpu = Device::Cpu;
    let segmentation = load_segmentation(bench.design, &bench.start.join("segmentation"), cpu)?;
    let observer = shipped_observer(bench.design, &bench.start, cpu)?;
    export_bundle(&bench.bundle, bench.design, &segmentation, &observer, out)?;
    let path = out.join("model.toml");
    let mut text = fs::read_to_string(&path)?;
    let first = bench.seeds.first();
    for row in done.iter().filter(|d| Some(&d.seed) == first) {
        // the observer has a table of its own, and what the node computes by itself needs no graph
        if row.output == OBSERVER || !row.score().is_some_and(ScoreKind::needs_head) {
            continue;
        }
        let graph = folder(row).join("head.onnx");
        let bytes = fs::read(&graph).with_context(|| format!("cannot read {}", graph.display()))?;
        fs::write(out.join(format!("{}.onnx", row.name)), &bytes)?;
        text += &entry(row, &bytes);
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// `[[head]]` of a row.
fn entry(row: &Done, graph: &[u8]) -> String {
    let hash: String = Sha256::digest(graph)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let (name, inputs, output) = (&row.name, &row.inputs, &row.output);
    let kind = format!("{:?}", row.reading.kind).to_lowercase();
    let mut text = format!(
        r#"
[[head]]
name = "{name}"
file = "{name}.onnx"
sha256 = "{hash}"
inputs = {inputs:?}
output = "{output}"
kind = "{kind}"
"#
    );
    // writing to a string does not fail
    if row.reading.kind == Kind::Energy {
        let (center, scale) = (row.reading.center, row.reading.scale);
        let _ = write!(text, "center = {center:?}\nscale = {scale:?}\n");
    }
    let _ = writeln!(text, "multiply_accumulates = {}", row.multiply_accumulates);
    text
}

#[cfg(test)]
mod tests {
    use super::super::judge::Reading;
    use super::*;

    #[test]
    fn a_row_becomes_a_head_that_says_how_it_is_read() {
        let mut row = Done::named("grood");
        row.inputs = vec!["logits".to_owned(), "decoder4".to_owned()];
        row.reading = Reading {
            kind: Kind::Energy,
            center: 12.0,
            scale: 4.5,
        };
        row.multiply_accumulates = 123_456;
        let found: toml::Value = toml::from_str(&entry(&row, b"abc")).unwrap();
        let wanted: toml::Value = toml::from_str(
            r#"[[head]]
            name = "grood"
            file = "grood.onnx"
            sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            inputs = ["logits", "decoder4"]
            output = "score"
            kind = "energy"
            center = 12.0
            scale = 4.5
            multiply_accumulates = 123456"#,
        )
        .unwrap();
        assert_eq!(found, wanted);
        assert_eq!(row.score(), "grood".parse().ok());
        row.perturbation = Some(0.01);
        assert_eq!(row.score(), None, "no graph moves pictures");
        row.reading.kind = Kind::Probability;
        let text = entry(&row, b"abc");
        assert!(
            text.contains("kind = \"probability\"") && !text.contains("center"),
            "{text}"
        );
    }
}
