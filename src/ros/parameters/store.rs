use thiserror::Error;

use super::settings::{self, SettingsError};
use super::{Changeable, Declared, Phase, Value, ValueType, declared};
use crate::ros::arguments::{Override, ParameterOrigin};

/// What separates the parts of a name.
const SEPARATOR: char = '.';

/// Why a value was not taken.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SetError {
    /// There is no such parameter.
    #[error("no such parameter: {name}{}", did_you_mean(.nearest))]
    Undeclared {
        /// The name.
        name: String,
        /// The declared name that looks most like it.
        nearest: Option<&'static str>,
    },
    /// The value has another type than the parameter.
    #[error("{name} is {must_be}, not {is}{}", write_it(*.is, *.must_be))]
    Type {
        /// Which parameter.
        name: String,
        /// Type of the value.
        is: ValueType,
        /// Type of the parameter.
        must_be: ValueType,
    },
    /// The value is not one that the parameter can have.
    #[error("{name}: {value} is not in {allowed}")]
    OutOfRange {
        /// Which parameter.
        name: String,
        /// The value.
        value: String,
        /// What it could be.
        allowed: String,
    },
    /// It is loaded with another value.
    #[error("{name} can be changed only while the node is unconfigured (it is {phase})")]
    Configured {
        /// Which parameter.
        name: String,
        /// Where the node is.
        phase: Phase,
    },
    /// It is set when the node starts.
    #[error("{name} can be set only when the node starts")]
    AtStart {
        /// Which parameter.
        name: String,
    },
    /// It cannot be together with the others.
    #[error(transparent)]
    Together(#[from] SettingsError),
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

fn write_it(is: ValueType, must_be: ValueType) -> &'static str {
    match (is, must_be) {
        (ValueType::Integer, ValueType::Double) => ": write 1.0 for 1",
        (ValueType::Bool | ValueType::Integer | ValueType::Double, ValueType::String) => {
            ": put it in quotes"
        }
        _ => "",
    }
}

/// A parameter that was given to the node at its start and cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{given_by}: {error}")]
pub struct DeclareError {
    /// Where it was given; `parameters` where several cannot be together.
    pub given_by: String,
    /// What is wrong.
    pub error: SetError,
}

/// A parameter that was given to the node at its start and that it has not. Displays as a warning.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{given_by}: no such parameter: {name}{}", did_you_mean(.nearest))]
pub struct Undeclared {
    /// Its name.
    pub name: String,
    /// The declared name that looks most like it.
    pub nearest: Option<&'static str>,
    /// Where it was given.
    pub given_by: ParameterOrigin,
}

/// What a list of parameters shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names in their alphabetical order.
    pub names: Vec<&'static str>,
    /// What precedes the last dot in them, each once.
    pub prefixes: Vec<&'static str>,
}

/// The values of all declared parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// In the order of the table.
    values: Vec<Value>,
}

impl Default for Store {
    /// All at their defaults.
    fn default() -> Self {
        let values = declared().iter().map(|entry| entry.default.clone());
        Self {
            values: values.collect(),
        }
    }
}

impl Store {
    /// The defaults, and what was given at start over them. What was given for parameters that do
    /// not exist is handed back, to be warned of; rclcpp does not even do that.
    ///
    /// # Errors
    /// A value of another type, out of its range, or that cannot be with the others. As with
    /// rclcpp, an integer is no double.
    pub fn new(overrides: &[Override]) -> Result<(Self, Vec<Undeclared>), DeclareError> {
        let mut store = Self::default();
        let mut undeclared = Vec::new();
        for given in overrides {
            let Some((index, entry)) = find(&given.name) else {
                undeclared.push(Undeclared {
                    name: given.name.clone(),
                    nearest: nearest(&given.name),
                    given_by: given.source.clone(),
                });
                continue;
            };
            entry.check(&given.value).map_err(|error| DeclareError {
                error,
                given_by: given.source.to_string(),
            })?;
            store.values[index] = given.value.clone();
        }
        settings::check(&store).map_err(|error| DeclareError {
            error: error.into(),
            given_by: "parameters".to_owned(),
        })?;
        Ok((store, undeclared))
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value> {
        find(name).map(|(index, _)| &self.values[index])
    }

    /// All parameters and their values, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Declared, &Value)> {
        declared().iter().zip(&self.values)
    }

    /// The declaration of a parameter.
    pub fn describe(name: &str) -> Option<&'static Declared> {
        find(name).map(|(_, entry)| entry)
    }

    /// Sets all or none of them; gives the names of those that have another value now. To set a
    /// parameter to the value that it has is never refused for the time, unless it can be set at
    /// start only.
    ///
    /// # Errors
    /// The first reason not to.
    pub fn set(
        &mut self,
        parameters: &[(String, Value)],
        phase: Phase,
    ) -> Result<Vec<&'static str>, SetError> {
        let mut candidate = self.clone();
        let mut changed = Vec::new();
        for (name, value) in parameters {
            let Some((index, entry)) = find(name) else {
                let nearest = nearest(name);
                let name = name.clone();
                return Err(SetError::Undeclared { name, nearest });
            };
            if entry.changeable == Changeable::AtStart {
                return Err(SetError::AtStart { name: name.clone() });
            }
            entry.check(value)?;
            let fixed =
                entry.changeable == Changeable::Unconfigured && phase != Phase::Unconfigured;
            if candidate.values[index] != *value {
                if fixed {
                    let name = name.clone();
                    return Err(SetError::Configured { name, phase });
                }
                candidate.values[index] = value.clone();
                changed.push(entry.name.as_str());
            }
        }
        settings::check(&candidate)?;
        *self = candidate;
        Ok(changed)
    }

    /// The parameters under some prefixes. Without prefixes, all whose names have at most `depth`
    /// parts; with them, those that are called as a prefix, and those under it with at most `depth`
    /// further parts. A depth of 0 is any depth.
    pub fn list(prefixes: &[impl AsRef<str>], depth: u64) -> Listing {
        let shallow = |name: &str| {
            let separators = name.matches(SEPARATOR).count();
            depth == 0 || u64::try_from(separators).is_ok_and(|n| n < depth)
        };
        let under = |name: &str, prefix: &str| match name.strip_prefix(prefix) {
            Some("") => true,
            Some(rest) => rest.strip_prefix(SEPARATOR).is_some_and(shallow),
            None => false,
        };
        let wanted = |name: &str| match prefixes {
            [] => shallow(name),
            _ => prefixes.iter().any(|prefix| under(name, prefix.as_ref())),
        };
        let names = declared().iter().map(|entry| entry.name.as_str());
        let mut names: Vec<_> = names.filter(|name| wanted(name)).collect();
        names.sort_unstable();
        let mut listing = Listing::default();
        for name in names {
            listing.names.push(name);
            if let Some((prefix, _)) = name.rsplit_once(SEPARATOR)
                && !listing.prefixes.contains(&prefix)
            {
                listing.prefixes.push(prefix);
            }
        }
        listing
    }
}

fn find(name: &str) -> Option<(usize, &'static Declared)> {
    let mut entries = declared().iter().enumerate();
    entries.find(|(_, entry)| entry.name == name)
}

/// The declared name that can be meant by another one.
fn nearest(name: &str) -> Option<&'static str> {
    // a longer one is no slip of the fingers, and its distance is not cheap
    if name.len() > 80 {
        return None;
    }
    let distances = declared().iter().map(|entry| {
        let distance = strsim::damerau_levenshtein(name, &entry.name);
        (distance, entry.name.as_str())
    });
    let (distance, nearest) = distances.min()?;
    (distance <= 2.max(name.len() / 3)).then_some(nearest)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
