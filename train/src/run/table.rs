//! All figures of some runs, side by side: a row a figure, a column a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::StepRecord;

/// What is taken of an evaluation.
const PARTS: [&str; 6] = [
    "/anomaly/observer",
    "/components/observer",
    "/things/observer",
    "/flagged/observer",
    "/segmentation/miou",
    "/error_detection/observer",
];

/// Figures of a run by name.
type Figures = BTreeMap<String, f64>;

/// The table of these run folders, in Markdown.
///
/// # Errors
/// Where a file of a run cannot be read.
pub fn table(runs: &[impl AsRef<Path>]) -> anyhow::Result<String> {
    let columns = runs
        .iter()
        .map(|run| {
            let run = run.as_ref();
            let name = run.file_name().unwrap_or_default().to_string_lossy();
            Ok((name.into_owned(), figures(run)?))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(markdown(&columns))
}

fn markdown(columns: &[(String, Figures)]) -> String {
    let names: BTreeSet<&String> = columns.iter().flat_map(|(_, f)| f.keys()).collect();
    let mut text = String::from("| figure |");
    // writing to a string does not fail
    for (run, _) in columns {
        let _ = write!(text, " {run} |");
    }
    text += "\n|---|";
    text += &"---:|".repeat(columns.len());
    for name in names {
        let _ = write!(text, "\n| {name} |");
        for (_, figures) in columns {
            let _ = match figures.get(name) {
                Some(v) if v.fract() == 0.0 => write!(text, " {v} |"),
                Some(v) => write!(text, " {v:.4} |"),
                None => write!(text, "  |"),
            };
        }
    }
    text + "\n"
}

/// What a run folder has: the best validation of both trainings, the fusion, the evaluations.
fn figures(run: &Path) -> anyhow::Result<Figures> {
    let mut all = Figures::new();
    for network in ["segmentation", "observer"] {
        let dir = run.join(network);
        if let Some((record, steps)) = best(&dir)? {
            all.insert(format!("{network}: steps"), steps);
            all.insert(format!("{network}: best step"), record.step as f64);
            leaves(network, &record.validation.unwrap_or(Value::Null), &mut all);
        }
    }
    if let Some(fusion) = read(&run.join("fusion.json"))? {
        leaves("fusion", &fusion["validation"], &mut all);
    }
    let evaluation = run.join("evaluation");
    if evaluation.is_dir() {
        for entry in fs::read_dir(&evaluation)? {
            let path = entry?.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let Some(report) = read(&path)? else { continue };
            for part in PARTS {
                if let Some(value) = report.pointer(part) {
                    leaves(&format!("{stem}{part}"), value, &mut all);
                }
            }
        }
    }
    Ok(all)
}

/// The line of the best step, and how many steps were done.
fn best(dir: &Path) -> anyhow::Result<Option<(StepRecord, f64)>> {
    let (Some(last), path) = (read(&dir.join("last.json"))?, dir.join("metrics.jsonl")) else {
        return Ok(None);
    };
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    for line in text.lines() {
        let record: StepRecord = serde_json::from_str(line)?;
        if record.validation.is_some() && Some(record.step as u64) == last["best_step"].as_u64() {
            return Ok(Some((record, last["step"].as_f64().unwrap_or(0.0))));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> anyhow::Result<Option<Value>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(path)?;
    let value = serde_json::from_str(&text);
    Ok(Some(value.with_context(|| {
        format!("cannot read {}", path.display())
    })?))
}

/// Every number below `value`, under its path.
fn leaves(name: &str, value: &Value, into: &mut Figures) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(&format!("{name}/{key}"), value, into);
            }
        }
        Value::Array(values) => {
            for (i, value) in values.iter().enumerate() {
                leaves(&format!("{name}/{i}"), value, into);
            }
        }
        Value::Number(number) => {
            into.extend(number.as_f64().map(|v| (name.to_owned(), v)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_a_run_lacks_is_an_empty_cell() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| dir.path().join(name));
        for (run, ap) in [(&a, Some(0.25)), (&b, None)] {
            fs::create_dir_all(run.join("segmentation")).unwrap();
            let write = |name: &str, text: &str| {
                fs::write(run.join("segmentation").join(name), text).unwrap();
            };
            write("last.json", r#"{"step": 40, "best": 0.5, "best_step": 20}"#);
            let line = |step, miou| {
                format!(
                    r#"{{"step": {step}, "rate": 0.1, "loss": 1.0, "validation": {{"miou": {miou}}}, "seconds": 1.0}}"#
                )
            };
            write("metrics.jsonl", &[line(20, 0.5), line(40, 0.4)].join("\n"));
            if let Some(ap) = ap {
                let text =
                    format!(r#"{{"validation": {{"camvid": {{"joined": {{"ap": {ap}}}}}}}}}"#);
                fs::write(run.join("fusion.json"), text).unwrap();
            }
        }
        let text = table(&[a, b]).unwrap();
        assert!(
            text.starts_with("| figure | a | b |\n|---|---:|---:|"),
            "{text}"
        );
        assert!(
            text.contains("| fusion/camvid/joined/ap | 0.2500 |  |"),
            "{text}"
        );
        assert!(
            text.contains("| segmentation/miou | 0.5000 | 0.5000 |"),
            "{text}"
        );
        assert!(text.contains("| segmentation: steps | 40 | 40 |"), "{text}");
    }
}
