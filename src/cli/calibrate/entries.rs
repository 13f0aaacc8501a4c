//! Thresholds in a bundle's manifest: put in, everything else as it was.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use lookout::model::{Bundle, Manifest, ThresholdEntry};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use crate::cli::pictures::{self, note};

/// Puts the entries into the manifest of a bundle and loads the bundle again.
pub(super) fn write(folder: &Path, entries: &[ThresholdEntry]) -> Result<()> {
    let named = folder.join("model.toml");
    // a link stays a link
    let path = named
        .canonicalize()
        .with_context(|| format!("cannot find {}", named.display()))?;
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let edited = with_entries(&text, entries).with_context(|| path.display().to_string())?;
    pictures::replace_file(&path, |file| Ok(file.write_all(edited.as_bytes())?))?;
    let bundle = Bundle::load(folder)?;
    note(format_args!(
        "{} written, the bundle's hash is now {}",
        path.display(),
        bundle.hash()
    ));
    Ok(())
}

/// A manifest with the entries in it, everything else as it was.
fn with_entries(text: &str, entries: &[ThresholdEntry]) -> Result<String> {
    let mut document: DocumentMut = text.parse()?;
    put_entries(&mut document, entries)?;
    let edited = document.to_string();
    // what cannot be read again is not written
    toml::from_str::<Manifest>(&edited)?;
    Ok(edited)
}

/// Sets the entries of the same score and mode, and adds those that there are none of.
pub(super) fn put_entries(document: &mut DocumentMut, entries: &[ThresholdEntry]) -> Result<()> {
    let tables = document
        .entry("threshold")
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .context("thresholds are not in [[threshold]] tables")?;
    for entry in entries {
        let is = |table: &Table, key: &str, text: &str| {
            table.get(key).and_then(Item::as_str) == Some(text)
        };
        let same = |t: &Table| is(t, "score", entry.score.name()) && is(t, "mode", &entry.mode);
        if let Some(table) = tables.iter_mut().find(|t| same(t)) {
            fill(table, entry);
        } else {
            let mut table = Table::new();
            fill(&mut table, entry);
            tables.push(table);
        }
    }
    Ok(())
}

fn fill(table: &mut Table, entry: &ThresholdEntry) {
    put(table, "score", value(entry.score.name()));
    put(table, "mode", value(entry.mode.as_str()));
    match entry.tpr95 {
        Some(threshold) => put(table, "tpr95", value(shortest(threshold))),
        // what was there is of another calibration
        None => drop(table.remove("tpr95")),
    }
    put(table, "fpr1", value(shortest(entry.fpr1)));
    put(table, "calibration", value(entry.calibration.as_str()));
    match entry.clean_mean {
        Some(range) => {
            let range: Array = range.into_iter().map(shortest).collect();
            put(table, "clean_mean", value(range));
        }
        None => drop(table.remove("clean_mean")),
    }
}

/// Sets a value and keeps the comment beside the old one.
fn put(table: &mut Table, key: &str, mut new: Item) {
    let decor = table
        .get(key)
        .and_then(Item::as_value)
        .map(|v| v.decor().clone());
    if let (Some(decor), Some(new)) = (decor, new.as_value_mut()) {
        *Value::decor_mut(new) = decor;
    }
    match table.get_mut(key) {
        Some(item) => *item = new,
        None => {
            table.insert(key, new);
        }
    }
}

/// The double whose digits are the fewest that give this float again.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookout::score::ScoreKind;

    fn some(score: ScoreKind, tpr95: f32) -> ThresholdEntry {
        let mode = "full+observer".to_owned();
        ThresholdEntry {
            score,
            mode,
            tpr95: Some(tpr95),
            fpr1: 0.75,
            calibration: "test".into(),
            clean_mean: None,
        }
    }

    #[test]
    fn entries_replace_their_own_and_keep_comments_and_others() {
        let text = "\
# head
name = \"x\" # beside

# about the observer
[[threshold]]
score = \"observer\"
mode = \"full+observer\"
tpr95 = 0.1 # low
fpr1 = 0.2
calibration = \"old\"

[[threshold]]
score = \"observer\"
mode = \"reduced+observer\"
tpr95 = 0.3
fpr1 = 0.4
calibration = \"old\"

# the end
[provenance]
data = \"d\"
";
        let mut document: DocumentMut = text.parse().unwrap();
        let entries = [
            some(ScoreKind::OBSERVER, 0.62),
            some(ScoreKind::Energy, 0.1),
        ];
        put_entries(&mut document, &entries).unwrap();
        let edited = document.to_string();
        for kept in [
            "# head\n",
            "# beside",
            "# about the observer\n[[thr",
            "# the end\n[prov",
        ] {
            assert!(edited.contains(kept), "{kept}: {edited}");
        }
        assert!(edited.contains("tpr95 = 0.62 # low\nfpr1 = 0.75\ncalibration = \"test\"\n"));
        assert!(edited.contains("tpr95 = 0.3\n") && edited.contains("score = \"energy\"\n"));
        let again: toml::Table = toml::from_str(&edited).unwrap();
        assert_eq!(again["threshold"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn thresholds_are_written_so_that_the_same_float_is_read() {
        let half_step = (-0.5f64 / 65535.0) as f32;
        for threshold in [half_step, 0.0, 0.1, 0.312_345_6, 1.0] {
            let mut document = DocumentMut::new();
            put_entries(&mut document, &[some(ScoreKind::Softmax, threshold)]).unwrap();
            #[derive(serde::Deserialize)]
            struct Read {
                threshold: Vec<ThresholdEntry>,
            }
            let read: Read = toml::from_str(&document.to_string()).unwrap();
            assert_eq!(read.threshold, [some(ScoreKind::Softmax, threshold)]);
        }
    }

    #[test]
    fn a_calibration_without_anomalies_takes_the_old_tpr95_away() {
        let mut document: DocumentMut = DocumentMut::new();
        put_entries(&mut document, &[some(ScoreKind::Energy, 0.62)]).unwrap();
        let without = ThresholdEntry {
            tpr95: None,
            ..some(ScoreKind::Energy, 0.0)
        };
        put_entries(&mut document, &[without]).unwrap();
        let edited = document.to_string();
        assert!(
            edited.contains("fpr1 = 0.75") && !edited.contains("tpr95"),
            "{edited}"
        );
    }
}
