//! `sweep.csv`: a row a drive, appended as it ends, and what the drives have in common.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::cli::closed_loop::{End, Outcome};
use crate::cli::pictures::replace_file;

const ROWS: &str = "sweep.csv";
const IDENTITY: &str = "sweep.json";

/// What all drives of a sweep have in common. Rows that were made otherwise do not belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) lookout: String,
    pub(super) bundle: String,
    pub(super) engine: String,
    pub(super) settings: String,
    pub(super) seconds: f64,
}

impl Identity {
    /// In what it differs from another, in words.
    fn differences(&self, other: &Self) -> String {
        let mut parts = Vec::new();
        for (name, a, b) in [
            ("version of lookout", &self.lookout, &other.lookout),
            ("bundle", &self.bundle, &other.bundle),
            ("engine", &self.engine, &other.engine),
            ("settings", &self.settings, &other.settings),
        ] {
            if a != b {
                parts.push(name);
            }
        }
        if self.seconds != other.seconds {
            parts.push("length of the drives");
        }
        parts.join(", ")
    }
}

/// What tells a drive from the others of the sweep.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) seed: u64,
    /// In thousandths of a km/h, so that drives can be compared.
    speed: u64,
    pub(super) with: String,
}

impl Key {
    pub(super) fn new(seed: u64, speed_kmh: f64, with: &str) -> Self {
        Self {
            seed,
            speed: (speed_kmh * 1e3).round() as u64,
            with: with.to_owned(),
        }
    }

    pub(super) fn speed_kmh(&self) -> f64 {
        self.speed as f64 / 1e3
    }

    /// Name of the file with its frames.
    pub(super) fn strip(&self) -> String {
        format!("{}-{}-{}.jpg", self.seed, self.speed_kmh(), self.with)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, with, .. } = self;
        write!(f, "seed {seed} at {} km/h with {with}", self.speed_kmh())
    }
}

/// What came of a drive. Distances in metres, from the vehicle's front to the thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) seed: u64,
    pub(super) speed_kmh: f64,
    pub(super) with: String,
    pub(super) thing: Option<String>,
    pub(super) end: End,
    pub(super) driven_s: f64,
    pub(super) stop_s: Option<f64>,
    pub(super) false_stop: bool,
    pub(super) false_alarms: usize,
    pub(super) first_visible_m: Option<f32>,
    pub(super) seen_at_m: Option<f32>,
    pub(super) warn_at_m: Option<f32>,
    pub(super) stop_at_m: Option<f32>,
    pub(super) left_m: Option<f32>,
    pub(super) impact_kmh: Option<f64>,
    pub(super) line: String,
}

impl Row {
    pub(super) fn new(key: &Key, o: Outcome) -> Self {
        Self {
            seed: key.seed,
            speed_kmh: key.speed_kmh(),
            with: key.with.clone(),
            thing: o.thing.map(str::to_owned),
            end: o.end,
            driven_s: o.driven_s,
            stop_s: o.stop_s,
            false_stop: o.false_stop,
            false_alarms: o.false_alarms_before,
            first_visible_m: o.first_visible_m,
            seen_at_m: o.seen_at_m,
            warn_at_m: o.warn_at_m,
            stop_at_m: o.stop_at_m,
            left_m: o.left_m,
            impact_kmh: o.impact_kmh,
            line: o.line,
        }
    }

    pub(super) fn key(&self) -> Key {
        Key::new(self.seed, self.speed_kmh, &self.with)
    }

    /// Whether something was on the road, and the vehicle came to a stand before it, and for it.
    pub(super) fn is_in_time(&self) -> bool {
        self.thing.is_some() && self.end == End::Stopped && !self.false_stop
    }
}

/// Whether a sweep was begun in a folder.
pub(super) fn is_begun(folder: &Path) -> bool {
    folder.join(IDENTITY).is_file()
}

/// The rows of a sweep, on disk and here.
pub(super) struct Rows {
    path: PathBuf,
    file: File,
    known: BTreeMap<Key, Row>,
}

impl Rows {
    /// Begins, or goes on where the drives have the same in common.
    pub(super) fn open(folder: &Path, identity: &Identity) -> anyhow::Result<Self> {
        let common = folder.join(IDENTITY);
        if is_begun(folder) {
            let named = || format!("cannot read {}", common.display());
            let text = fs::read_to_string(&common).with_context(named)?;
            let before: Identity = serde_json::from_str(&text).with_context(named)?;
            anyhow::ensure!(
                before == *identity,
                "the drives in {} were made otherwise (other: {}): choose another --out",
                folder.display(),
                identity.differences(&before),
            );
        } else {
            replace_file(&common, |file| {
                Ok(serde_json::to_writer_pretty(file, identity)?)
            })?;
        }
        let path = folder.join(ROWS);
        let known = read(&path)?;
        // over what was there: a row that was cut off by a kill goes
        write(&path, known.values())?;
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file, known })
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.known.contains_key(key)
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Row> {
        self.known.get(key)
    }

    /// Appends a row; it is on disk when this returns.
    pub(super) fn add(&mut self, row: Row) -> anyhow::Result<()> {
        let named = || format!("cannot write {}", self.path.display());
        let text = text(&[&row], false).with_context(named)?;
        // in one piece, so that a kill leaves whole rows
        self.file.write_all(&text).with_context(named)?;
        self.known.insert(row.key(), row);
        Ok(())
    }

    /// Puts the rows in order: those of a sweep that was interrupted are the same as those of one
    /// that was not.
    pub(super) fn sort(&mut self) -> anyhow::Result<()> {
        write(&self.path, self.known.values())
    }
}

fn text(rows: &[&Row], head: bool) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(head)
        .from_writer(Vec::new());
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.into_inner().map_err(|e| e.into_error())?)
}

fn write<'a>(path: &Path, rows: impl Iterator<Item = &'a Row>) -> anyhow::Result<()> {
    let rows: Vec<_> = rows.collect();
    let whole = match rows.is_empty() {
        true => HEAD.as_bytes().to_vec(),
        false => text(&rows, true)?,
    };
    replace_file(path, |file| Ok(file.write_all(&whole)?))
}

/// The first line: [`Row`]'s fields.
const HEAD: &str = "seed,speed_kmh,with,thing,end,driven_s,stop_s,false_stop,false_alarms,\
    first_visible_m,seen_at_m,warn_at_m,stop_at_m,left_m,impact_kmh,line\n";

fn read(path: &Path) -> anyhow::Result<BTreeMap<Key, Row>> {
    let mut known = BTreeMap::new();
    let bytes = match fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(known),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let whole = bytes
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |at| at + 1);
    let mut reader = csv::Reader::from_reader(&bytes[..whole]);
    for row in reader.deserialize() {
        let row: Row = row.with_context(|| format!("cannot read a row of {}", path.display()))?;
        known.insert(row.key(), row);
    }
    Ok(known)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::sweep) fn row(seed: u64, end: End, left_m: Option<f32>) -> Row {
        Row {
            seed,
            speed_kmh: 50.0,
            with: "any".to_owned(),
            thing: Some("deer".to_owned()),
            end,
            driven_s: 9.5,
            stop_s: left_m.map(|_| 7.0),
            false_stop: false,
            false_alarms: 0,
            first_visible_m: Some(57.25),
            seen_at_m: Some(55.0),
            warn_at_m: Some(50.5),
            stop_at_m: left_m.map(|m| m + 20.0),
            left_m,
            impact_kmh: None,
            line: "A deer on the road: seen at 55 m, stop raised; and so on.".to_owned(),
        }
    }

    fn identity() -> Identity {
        Identity {
            lookout: "1".to_owned(),
            bundle: "ab".to_owned(),
            engine: "rten".to_owned(),
            settings: "all".to_owned(),
            seconds: 20.0,
        }
    }

    #[test]
    fn a_sweep_goes_on_after_a_kill_and_comes_to_the_same_rows() {
        let rows = [
            row(0, End::Stopped, Some(21.5)),
            row(1, End::Hit, None),
            row(2, End::Passed, None),
        ];
        let dir = tempfile::tempdir().unwrap();
        let (whole, cut) = (dir.path().join("whole"), dir.path().join("cut"));
        for folder in [&whole, &cut] {
            fs::create_dir(folder).unwrap();
        }
        let mut all = Rows::open(&whole, &identity()).unwrap();
        for row in &rows {
            all.add(row.clone()).unwrap();
        }
        all.sort().unwrap();

        let mut first = Rows::open(&cut, &identity()).unwrap();
        first.add(rows[2].clone()).unwrap();
        // killed in the middle of a row
        first.file.write_all(b"1,50.0,any,de").unwrap();
        let mut again = Rows::open(&cut, &identity()).unwrap();
        assert!(again.has(&rows[2].key()) && !again.has(&rows[1].key()));
        for row in &rows[..2] {
            again.add(row.clone()).unwrap();
        }
        again.sort().unwrap();
        let read = |folder: &Path| fs::read_to_string(folder.join(ROWS)).unwrap();
        assert_eq!(read(&whole), read(&cut));
        assert!(read(&cut).starts_with(HEAD), "{}", read(&cut));
        assert_eq!(
            Rows::open(&cut, &identity()).unwrap().get(&rows[0].key()),
            Some(&rows[0])
        );
    }

    #[test]
    fn rows_that_were_made_otherwise_are_refused_with_what_differs() {
        let dir = tempfile::tempdir().unwrap();
        Rows::open(dir.path(), &identity()).unwrap();
        let other = Identity {
            bundle: "cd".to_owned(),
            seconds: 10.0,
            ..identity()
        };
        let refused = Rows::open(dir.path(), &other).err().unwrap().to_string();
        assert!(
            refused.contains("bundle, length of the drives"),
            "{refused}"
        );
    }
}
