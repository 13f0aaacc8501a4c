//! The canonical text of a key: `name = value` lines of TOML, sorted by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::super::Precision;
use super::digest::Digest;
use super::fields::FORMAT;
use super::key::{
    Artefact, Device, Flavour, Graph, KernelRecipe, Key, Library, PlanRecipe, Profile, Recipe,
    ShapeRange,
};

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not TOML of the right form.
    #[error("not a key: {0}")]
    Form(String),
    /// It is of another version of lookout.
    #[error("format {0}, and this lookout has {FORMAT}")]
    Format(u32),
    /// A field that this kind of artefact has is missing or of no meaning.
    #[error("not a key: no valid {0}")]
    Field(&'static str),
    /// It means a key, but is not spelled as one is.
    #[error("not in the one form that a key has")]
    NotCanonical,
}

/// The text as TOML sees it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    #[expect(dead_code, reason = "read before; here so that it is a known field")]
    format: u32,
    artefact: Artefact,
    source: Digest,
    gpu: String,
    compute_capability: String,
    multiprocessors: u32,
    driver: String,
    tensorrt: Option<String>,
    tensorrt_flavour: Option<Flavour>,
    precision: Option<Precision>,
    dla: Option<u32>,
    workspace: Option<u64>,
    optimization_level: Option<u8>,
    detailed_profile: Option<bool>,
    calibration: Option<Digest>,
    #[serde(default)]
    flag: BTreeMap<String, bool>,
    profiles: Option<usize>,
    #[serde(default)]
    profile: BTreeMap<String, BTreeMap<String, String>>,
    nvrtc: Option<String>,
    options: Option<usize>,
    #[serde(default)]
    option: BTreeMap<String, String>,
}

/// Alone, to tell another format from nonsense.
#[derive(Deserialize)]
struct OnlyFormat {
    format: u32,
}

impl Key {
    /// The canonical text: equal for equal keys, different for different ones.
    pub fn text(&self) -> String {
        let fields = self.fields();
        let lines = fields
            .iter()
            .map(|(name, field)| format!("{name} = {}\n", field.toml));
        lines.collect()
    }

    /// The key of a canonical text.
    ///
    /// # Errors
    /// Any text that [`Key::text`] does not give.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let form = |e: toml::de::Error| KeyError::Form(e.message().to_owned());
        let OnlyFormat { format } = toml::from_str(text).map_err(form)?;
        if format != FORMAT {
            return Err(KeyError::Format(format));
        }
        let key = toml::from_str::<Parts>(text).map_err(form)?.key()?;
        // what the parts above let through, such as a plan's key with the version of NVRTC
        if key.text() != text {
            return Err(KeyError::NotCanonical);
        }
        Ok(key)
    }
}

impl Parts {
    fn key(self) -> Result<Key, KeyError> {
        let compute_capability = self
            .compute_capability
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .ok_or(KeyError::Field("compute_capability"))?;
        let device = Device {
            gpu: self.gpu,
            compute_capability,
            multiprocessors: self.multiprocessors,
            driver: self.driver,
        };
        let graph = match self.artefact {
            Artefact::Segmentation => Graph::Segmentation,
            Artefact::Observer => Graph::Observer,
            Artefact::Kernels => {
                let mut options = Vec::new();
                for option in numbered(self.options, self.option)? {
                    options.push(option.ok_or(KeyError::Field("option"))?);
                }
                let nvrtc = self.nvrtc.ok_or(KeyError::Field("nvrtc"))?;
                let recipe = Recipe::Kernels(KernelRecipe { nvrtc, options });
                return Ok(Key {
                    source: self.source,
                    device,
                    recipe,
                });
            }
        };
        let library = Library {
            flavour: self
                .tensorrt_flavour
                .ok_or(KeyError::Field("tensorrt_flavour"))?,
            version: self.tensorrt.ok_or(KeyError::Field("tensorrt"))?,
        };
        let recipe = Recipe::Plan(PlanRecipe {
            graph,
            library,
            precision: self.precision.ok_or(KeyError::Field("precision"))?,
            dla: self.dla,
            workspace: self.workspace,
            optimization_level: self.optimization_level,
            detailed_profile: self
                .detailed_profile
                .ok_or(KeyError::Field("detailed_profile"))?,
            calibration: self.calibration,
            flags: self.flag.into_keys().collect(),
            profiles: numbered(self.profiles, self.profile)?
                .into_iter()
                // a profile without inputs has no line of its own
                .map(|inputs| profile(inputs.unwrap_or_default()))
                .collect::<Result<_, _>>()?,
        });
        Ok(Key {
            source: self.source,
            device,
            recipe,
        })
    }
}

/// The values of names `0`, `1` and so on, as many as there shall be.
fn numbered<T>(
    count: Option<usize>,
    mut values: BTreeMap<String, T>,
) -> Result<Vec<Option<T>>, KeyError> {
    // no more memory than this for a number that somebody wrote
    const MOST: usize = 1024;
    match count {
        Some(n) if n <= MOST => Ok((0..n).map(|i| values.remove(&i.to_string())).collect()),
        _ => Err(KeyError::Field("number of profiles or options")),
    }
}

fn profile(inputs: BTreeMap<String, String>) -> Result<Profile, KeyError> {
    let range = |(input, text): (String, String)| {
        let range = shape_range(&text).ok_or(KeyError::Field("profile"))?;
        Ok((input, range))
    };
    inputs.into_iter().map(range).collect()
}

fn shape_range(text: &str) -> Option<ShapeRange> {
    let mut shapes = text.split(' ').map(shape);
    let range = ShapeRange {
        min: shapes.next()??,
        opt: shapes.next()??,
        max: shapes.next()??,
    };
    shapes.next().is_none().then_some(range)
}

fn shape(text: &str) -> Option<Vec<u32>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split('x').map(|side| side.parse().ok()).collect()
}
