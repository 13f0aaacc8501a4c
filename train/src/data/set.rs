//! Data sets as data: one TOML file a set says where its pictures are, which of them are kept for
//! validation, and how it is drawn from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::picture::sorted_files;
use super::{DataError, Picture, Rng, load_pictures};

/// A set's file, `experiments/sets/NAME.toml`. Folders are relative to the data folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetFile {
    /// Share of the samples that are drawn from it, relative to the other sets.
    pub weight: f64,
    /// Smallest and largest scale of the augmentation, where 1 brings the picture to the height of
    /// a sample.
    pub scale: (f32, f32),
    /// What the labels say.
    #[serde(default)]
    pub kind: LabelKind,
    /// What is trained on.
    pub train: Part,
    /// What is validated on; no picture of it may be in `train`.
    pub validation: Option<Part>,
    /// How unknown things are pasted into the validation part, where they are.
    pub pasted: Option<Pasted>,
}

/// How unknown things are pasted into validation pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pasted {
    /// Standing on their row, as large as a camera 1.4 m above the ground sees things of 0.35 to
    /// 1.9 m there.
    Standing,
    /// On the ground, their longer side 6 to 200 pixels, log-uniformly.
    Sized,
}

/// What a set's labels say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelKind {
    /// One class a pixel, or void.
    #[default]
    Plain,
    /// Also "one of these classes" ([`super::CHOICES`]).
    Choices,
    /// As plain, but things of no class may be in the picture under a class's label: the observer is
    /// not trained on it.
    Coarse,
}

/// Some of the pictures of a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Folder of pictures.
    pub images: PathBuf,
    /// Folder of labels, `STEM.png`.
    pub labels: PathBuf,
    /// Only pictures whose stems begin with one of these; empty for all.
    #[serde(default)]
    pub only: Vec<String>,
    /// No pictures whose stems begin with one of these.
    #[serde(default)]
    pub without: Vec<String>,
}

impl Part {
    fn holds(&self, stem: &str) -> bool {
        let begins = |prefixes: &[String]| prefixes.iter().any(|p| stem.starts_with(p.as_str()));
        (self.only.is_empty() || begins(&self.only)) && !begins(&self.without)
    }

    /// The pictures.
    ///
    /// # Errors
    /// Where one cannot be read, or there is none.
    pub fn load(&self, data: &Path) -> Result<Vec<Picture>, DataError> {
        let (images, labels) = (data.join(&self.images), data.join(&self.labels));
        let pictures = load_pictures(&images, &labels, |stem| self.holds(stem))?;
        if pictures.is_empty() {
            return Err(DataError::Empty { path: images });
        }
        Ok(pictures)
    }
}

impl Part {
    /// At most `count` of the pictures, evenly spread.
    ///
    /// # Errors
    /// As of [`Self::load`].
    pub fn load_some(&self, data: &Path, count: usize) -> Result<Vec<Picture>, DataError> {
        let images = data.join(&self.images);
        let stem = |path: PathBuf| path.file_stem().map(|s| s.to_string_lossy().into_owned());
        let all = sorted_files(&images)?.into_iter().filter_map(stem);
        let all: Vec<String> = all.filter(|stem| self.holds(stem)).collect();
        let every = all.len().div_ceil(count.max(1)).max(1);
        let chosen: BTreeSet<String> = all.into_iter().step_by(every).collect();
        if chosen.is_empty() {
            return Err(DataError::Empty { path: images });
        }
        load_pictures(&images, &data.join(&self.labels), |stem| {
            chosen.contains(stem)
        })
    }
}

/// The training pictures of a set, in memory.
#[derive(Debug)]
pub struct TrainingSet {
    /// Share of the samples, relative to the other sets.
    pub weight: f64,
    /// Range of scales of the augmentation.
    pub scale: (f32, f32),
    /// What the labels say.
    pub kind: LabelKind,
    /// The pictures, at least one.
    pub pictures: Vec<Picture>,
}

impl SetFile {
    /// Reads the files `NAME.toml` of a folder.
    ///
    /// # Errors
    /// Where one is missing or says something unknown.
    pub fn read(folder: &Path, names: &[String]) -> Result<BTreeMap<String, Self>, DataError> {
        let read = |name: &String| {
            let path = folder.join(format!("{name}.toml"));
            let text = std::fs::read_to_string(&path).map_err(|source| DataError::Io {
                path: path.clone(),
                source,
            })?;
            match toml::from_str(&text) {
                Ok(set) => Ok((name.clone(), set)),
                Err(source) => Err(DataError::Description { path, source }),
            }
        };
        names.iter().map(read).collect()
    }

    /// Loads the pictures that are trained on.
    ///
    /// # Errors
    /// Where one cannot be read.
    pub fn load(&self, data: &Path) -> Result<TrainingSet, DataError> {
        Ok(TrainingSet {
            weight: self.weight,
            scale: self.scale,
            kind: self.kind,
            pictures: self.train.load(data)?,
        })
    }
}

/// Draws from several sets by their weights.
#[derive(Debug)]
pub struct Mixture {
    /// The sets.
    pub sets: Vec<TrainingSet>,
    total: f64,
}

impl Mixture {
    /// Of these sets, which must not be empty.
    pub fn new(sets: Vec<TrainingSet>) -> Self {
        let total = sets.iter().map(|s| s.weight).sum();
        Self { sets, total }
    }

    /// A set by weight, and a picture of it by chance.
    pub fn draw(&self, rng: &mut Rng) -> (&TrainingSet, &Picture) {
        let mut at = rng.random_range(0.0..self.total);
        let mut chosen = &self.sets[0];
        for set in &self.sets {
            chosen = set;
            at -= set.weight;
            if at < 0.0 {
                break;
            }
        }
        let index = rng.random_range(0..chosen.pictures.len());
        (chosen, &chosen.pictures[index])
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn part(only: &[&str], without: &[&str]) -> Part {
        let owned = |v: &[&str]| v.iter().map(|s| (*s).to_owned()).collect();
        Part {
            images: "images".into(),
            labels: "labels".into(),
            only: owned(only),
            without: owned(without),
        }
    }

    #[test]
    fn prefixes_split_a_folder_without_an_overlap() {
        let train = part(&[], &["a_27", "a_28"]);
        let validation = part(&["a_27", "a_28"], &[]);
        for stem in ["a_2699", "a_2700", "a_2899", "a_2900", "a_27"] {
            assert_ne!(train.holds(stem), validation.holds(stem), "{stem}");
        }
        assert!(validation.holds("a_2755"));
    }

    #[test]
    fn an_unknown_key_in_a_set_file_is_an_error() {
        let text = "weight = 1.0\nscale = [0.5, 2.0]\n[train]\nimages = 'i'\nlabels = 'l'\n";
        let set: SetFile = toml::from_str(text).unwrap();
        assert_eq!(set.kind, LabelKind::Plain);
        assert!(toml::from_str::<SetFile>(&format!("wieght = 2.0\n{text}")).is_err());
    }

    #[test]
    fn sets_are_drawn_by_their_weights() {
        let set = |class: u8, weight| TrainingSet {
            weight,
            scale: (1.0, 1.0),
            kind: LabelKind::Plain,
            pictures: vec![Picture {
                width: 1,
                height: 1,
                rgb: vec![0; 3],
                label: vec![class],
                outlier: vec![0],
            }],
        };
        let mixture = Mixture::new(vec![set(0, 3.0), set(1, 1.0)]);
        let mut rng = Rng::seed_from_u64(1);
        let first = (0..4000).filter(|_| mixture.draw(&mut rng).1.label == [0]);
        let share = first.count() as f64 / 4000.0;
        assert!((share - 0.75).abs() < 0.03, "{share}");
    }
}
