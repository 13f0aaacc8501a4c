//! A bench: a TOML file that says which methods are compared, on what, and how long they are trained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lookout::score::{HeadName, ScoreKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::data::{AugmentConfig, DataError, LabelKind, SetFile};
use crate::methods::{Config, MethodError, Training};
use crate::nets::Design;
use crate::run::BundleText;

/// `experiments/bench.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bench {
    /// Which networks.
    pub design: Design,
    /// Folder of a finished experiment: its segmentation network is what all methods read.
    pub start: PathBuf,
    /// Each row is done once for each seed.
    pub seeds: Vec<u64>,
    /// Names of the data sets, `experiments/sets/NAME.toml`; one class a pixel.
    pub sets: Vec<String>,
    /// Folders with cut-out objects, relative to the data folder.
    pub cutouts: Vec<PathBuf>,
    /// What is learnt from.
    pub learn: Learn,
    /// Validation pictures of each set.
    pub judged: usize,
    /// How methods that are trained are trained, all alike.
    pub training: TrainingPlan,
    /// What the bundle is called and says of itself.
    pub bundle: BundleText,
    /// The methods.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

/// What is learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learn {
    /// Training pictures of each set.
    pub pictures: usize,
    /// Labelled pixels of each class of each of them, at most.
    pub pixels: usize,
    /// Of the pictures of each set, those that whole frames are looked at.
    pub frames: usize,
}

/// How methods that are trained are trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingPlan {
    /// Steps on labelled pixels.
    pub pixel_steps: usize,
    /// Steps on frames.
    pub frame_steps: usize,
    /// Frames of a step.
    pub batch: usize,
    /// Size of a frame.
    pub sample: AugmentConfig,
    /// Highest learning rate; nothing decays.
    pub rate: f64,
}

/// One method of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What it is called in the table, in a bundle and in file names.
    pub name: String,
    /// What it is.
    pub method: Config,
}

/// What is wrong with a bench, found before anything is trained.
#[derive(Debug, Error)]
pub enum BenchError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It says something unknown.
    #[error("cannot read {path}: {source}")]
    Text {
        /// File.
        path: PathBuf,
        /// What and where.
        source: toml::de::Error,
    },
    /// A row's method cannot be.
    #[error("row {row:?}: {source}")]
    Method {
        /// Name of the row.
        row: String,
        /// Why.
        source: MethodError,
    },
    /// Two rows have one name.
    #[error("two rows are named {row:?}: give each a name of its own")]
    Twice {
        /// The name.
        row: String,
    },
    /// A row's name cannot name a file.
    #[error("the row's name {row:?} must be 1 to 32 small letters, digits and hyphens")]
    Name {
        /// The name.
        row: String,
    },
    /// A row has the name of a score that every bundle may have, and is not that.
    #[error("the row's name {row:?} is that of a score of another method: give it another name")]
    Taken {
        /// The name.
        row: String,
    },
    /// A number that leaves nothing to do.
    #[error("{what} is empty or 0: nothing can be done with that")]
    Nothing {
        /// Which.
        what: &'static str,
    },
    /// Samples that the networks cannot take.
    #[error("frames of {width}x{height} cannot be: both sides must be multiples of 32, from 32 on")]
    Sample {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// A set whose labels are not of one class a pixel.
    #[error("the set {set:?} is {kind:?}: the bench takes sets with one class a pixel only")]
    Labels {
        /// Name of the set.
        set: String,
        /// What its labels say.
        kind: LabelKind,
    },
    /// A set cannot be read.
    #[error(transparent)]
    Set(#[from] DataError),
}

impl Bench {
    /// Reads one with its sets, which lie beside it in `sets/`, and checks all.
    ///
    /// # Errors
    /// Where a file is missing, says something unknown, or a row cannot be done.
    pub fn read(path: &Path) -> Result<(Self, BTreeMap<String, SetFile>), BenchError> {
        let text = fs::read_to_string(path).map_err(|source| BenchError::Io {
            path: path.to_owned(),
            source,
        })?;
        let bench: Self = toml::from_str(&text).map_err(|source| BenchError::Text {
            path: path.to_owned(),
            source,
        })?;
        bench.check()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let sets = SetFile::read(&folder.join("sets"), &bench.sets)?;
        for (name, set) in &sets {
            if set.kind != LabelKind::Plain {
                let (set, kind) = (name.clone(), set.kind);
                return Err(BenchError::Labels { set, kind });
            }
        }
        Ok((bench, sets))
    }

    fn check(&self) -> Result<(), BenchError> {
        let counts = [
            ("seeds", self.seeds.len()),
            ("sets", self.sets.len()),
            ("row", self.rows.len()),
            ("judged", self.judged),
            ("learn.pictures", self.learn.pictures),
            ("learn.pixels", self.learn.pixels),
            ("learn.frames", self.learn.frames),
        ];
        let plan = &self.training;
        let trained = self.rows.iter().map(|r| r.method.method().training());
        let (mut pixels, mut frames) = (false, false);
        trained.for_each(|t| match t {
            Training::None => {}
            Training::Pixels(_) => pixels = true,
            Training::Frames(_) => frames = true,
        });
        let plans = [
            ("training.pixel_steps", pixels, plan.pixel_steps),
            ("training.frame_steps", frames, plan.frame_steps),
            ("training.batch", frames, plan.batch),
        ];
        let used = plans.into_iter().filter(|p| p.1).map(|p| (p.0, p.2));
        if let Some((what, _)) = counts.into_iter().chain(used).find(|c| c.1 == 0) {
            return Err(BenchError::Nothing { what });
        }
        let AugmentConfig { width, height } = plan.sample;
        if [width, height].iter().any(|n| *n == 0 || n % 32 != 0) {
            return Err(BenchError::Sample { width, height });
        }
        let mut names = BTreeSet::new();
        for row in &self.rows {
            let name = row.name.clone();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if HeadName::new(&name).is_none() || !name.chars().all(plain) {
                return Err(BenchError::Name { row: name });
            }
            if !names.insert(name.clone()) {
                return Err(BenchError::Twice { row: name });
            }
            let is_taken = ScoreKind::ALL.iter().any(|kind| kind.name() == name);
            let method = serde_json::to_value(&row.method).unwrap_or_default();
            if is_taken && method["name"] != *name {
                return Err(BenchError::Taken { row: name });
            }
            let graph = row.method.method().graph(self.design);
            graph.map_err(|source| BenchError::Method { row: name, source })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"
seeds = [1]
sets = ["camvid"]
cutouts = []
judged = 4
learn = { pictures = 4, pixels = 4, frames = 2 }
start = "models/road/training"
[training]
pixel_steps = 2
frame_steps = 2
batch = 2
rate = 1e-3
sample = { width = 64, height = 64 }
[bundle]
name = "methods"
version = "1"
description = ""
data = ""
licence = ""
"#;

    fn why(rows: &str, change: (&str, &str)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.toml");
        let text = format!("design = \"road\"{HEAD}{rows}").replacen(change.0, change.1, 1);
        fs::write(&path, text).unwrap();
        let sets = folder.path().join("sets");
        fs::create_dir(&sets).unwrap();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/sets");
        for name in ["camvid.toml", "idd.toml"] {
            fs::copy(own.join(name), sets.join(name)).unwrap();
        }
        match Bench::read(&path) {
            Ok(_) => String::new(),
            Err(why) => why.to_string(),
        }
    }

    const NONE: (&str, &str) = ("", "");

    fn row(name: &str, method: &str) -> String {
        format!("[[row]]\nname = \"{name}\"\nmethod = {{ {method} }}\n")
    }

    #[test]
    fn the_shipped_bench_can_be_done() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/bench.toml");
        let (bench, sets) = Bench::read(&path).unwrap();
        assert_eq!(sets.len(), bench.sets.len());
    }

    #[test]
    fn the_planes_of_the_shipped_bench_are_as_large_as_the_logits() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/bench.toml");
        for row in Bench::read(&path).unwrap().0.rows {
            let method = row.method.method();
            let graph = method.graph(Design::Road).unwrap();
            let plane = graph.value(graph.find(method.output()).unwrap());
            assert_eq!((plane.channels, plane.stride), (1, 4), "{}", row.name);
        }
    }

    #[test]
    fn each_mistake_is_named_before_anything_is_done() {
        let good = row("energy", "name = 'energy'");
        assert_eq!(why(&good, NONE), "");
        for (rows, change, words) in [
            (row("e", "name = 'enrgy'"), NONE, "unknown variant `enrgy`"),
            (
                row("c", "name = 'cutpaste'"),
                ("\"road\"", "\"small\""),
                "row \"c\": it reads the activation \"detail4\"",
            ),
            (
                row("v", "name = 'vim', dimensions = 48"),
                NONE,
                "row \"v\": dimensions = 48 is out of range: it must be 1 to 47",
            ),
            (
                row(
                    "a",
                    "name = 'ash', shape = 'b', by = 'pixel', percentile = 99.0",
                ),
                NONE,
                "row \"a\": percentile = 99 is out of range: it must be 0 to 95",
            ),
            (
                row(
                    "g",
                    "name = 'grood', score = 'nearest', centres = 0, mix = 0.5",
                ),
                NONE,
                "row \"g\": centres = 0",
            ),
            (
                [&*good, &*good].concat(),
                NONE,
                "two rows are named \"energy\"",
            ),
            (
                row("a/b", "name = 'energy'"),
                NONE,
                "\"a/b\" must be 1 to 32 small letters",
            ),
            (
                row("observer", "name = 'energy'"),
                NONE,
                "\"observer\" is that of a score of another method",
            ),
            (
                good.clone(),
                ("judged = 4", "judged = 0"),
                "judged is empty or 0",
            ),
            (good.clone(), ("[1]", "[]"), "seeds is empty or 0"),
            (good.clone(), ("height = 64", "height = 65"), "64x65"),
            (
                good.clone(),
                ("\"camvid\"", "\"idd\""),
                "the set \"idd\" is Choices",
            ),
            (good, ("judged", "jugded"), "`jugded`"),
        ] {
            let found = why(&rows, change);
            assert!(found.contains(words), "{words}: {found}");
        }
    }
}
