//! Files of parameters, in the form that ROS 2 reads.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::super::names::NodeName;
use super::super::parameters::Value;
use super::yaml::{self, Tree};
use super::{Arguments, ParameterArgument};

/// A larger file is not a parameter file.
const MAX_BYTES: u64 = 1 << 20;

/// Bytes of a node's or a parameter's full name at most. Every value under a long one would have a name of
/// its own of that length.
const LONGEST_NAME: usize = 255;

/// The key under which parameters are.
const PARAMETERS: &str = "ros__parameters";

/// A file of parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamsFile {
    sections: Vec<Section>,
}

/// The parameters under one node's name.
#[derive(Clone, Debug, PartialEq)]
struct Section {
    /// The name, with its leading slash; `*` is any one part, `**` any number of them.
    node: String,
    parameters: Vec<(String, Value)>,
}

/// Why a file cannot be used.
#[derive(Debug, Error)]
pub enum ParamsFileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Too large for what it should be.
    #[error("{}: more than {MAX_BYTES} bytes: this is not a parameter file", .0.display())]
    TooLarge(PathBuf),
    /// Not YAML.
    #[error("{}: {reason}", path.display())]
    Yaml {
        /// Which.
        path: PathBuf,
        /// Why, and where.
        reason: String,
    },
    /// Not the form of a file of parameters.
    #[error("{}: {node}: {reason}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// The keys down to what is wrong.
        node: String,
        /// What is wrong.
        reason: String,
    },
    /// A value that no parameter can have.
    #[error("{}: {node}: {name} {reason}", path.display())]
    Value {
        /// Which.
        path: PathBuf,
        /// The node that it is for.
        node: String,
        /// Full name of the parameter.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

impl ParamsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is not a parameter file.
    pub fn read(path: &Path) -> Result<Self, ParamsFileError> {
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
            .map_err(|source| ParamsFileError::Io {
                path: path.to_owned(),
                source,
            })?;
        if text.len() as u64 > MAX_BYTES {
            return Err(ParamsFileError::TooLarge(path.to_owned()));
        }
        Self::parse(&text, path)
    }

    /// Reads a text; `path` is for what is said of it.
    ///
    /// # Errors
    /// It is not a parameter file.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ParamsFileError> {
        let mut sections = Vec::new();
        match yaml::parse(text) {
            Ok(Tree::Null) => {}
            Ok(tree) => nodes(tree, "", path, &mut sections)?,
            Err(reason) => {
                let path = path.to_owned();
                return Err(ParamsFileError::Yaml { path, reason });
            }
        }
        Ok(Self { sections })
    }

    /// The parameters for a node: those of every section whose name matches the node's full name,
    /// in the order of the file.
    pub fn of<'a>(&'a self, node: &NodeName) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let node = node.to_string();
        let matching = move |section: &&Section| matches(&section.node, &node);
        let sections = self.sections.iter().filter(matching);
        sections.flat_map(|section| {
            let parameters = section.parameters.iter();
            parameters.map(|(name, value)| (name.as_str(), value))
        })
    }

    /// The names of all sections.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.node.as_str())
    }
}

/// Goes down the names of namespaces and nodes.
fn nodes(
    tree: Tree,
    above: &str,
    path: &Path,
    sections: &mut Vec<Section>,
) -> Result<(), ParamsFileError> {
    let wrong = |node: &str, reason: &str| {
        Err(ParamsFileError::Form {
            path: path.to_owned(),
            node: node.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let here = if above.is_empty() { "top level" } else { above };
    let Tree::Map(entries) = tree else {
        return wrong(here, "a value where nodes and ros__parameters are");
    };
    for (key, tree) in entries {
        if key == PARAMETERS {
            if above.is_empty() {
                return wrong(PARAMETERS, "is under no node's name");
            }
            let mut parameters = Vec::new();
            match tree {
                Tree::Map(entries) => flatten(entries, "", above, path, &mut parameters)?,
                Tree::Null => {}
                _ => return wrong(above, "ros__parameters is not a map"),
            }
            sections.push(Section {
                node: above.to_owned(),
                parameters,
            });
        } else if tree != Tree::Null {
            let name = key.trim_matches('/');
            let below = format!("{}/{name}", above.trim_end_matches('/'));
            if below.len() > LONGEST_NAME {
                return wrong(here, "has a name in it that is too long for a node");
            }
            nodes(tree, &below, path, sections)?;
        }
    }
    Ok(())
}

/// Joins the names of nested maps with dots.
fn flatten(
    entries: Vec<(String, Tree)>,
    above: &str,
    node: &str,
    path: &Path,
    parameters: &mut Vec<(String, Value)>,
) -> Result<(), ParamsFileError> {
    for (key, tree) in entries {
        let name = match above {
            "" => key,
            above => format!("{above}.{key}"),
        };
        if name.len() > LONGEST_NAME {
            return Err(ParamsFileError::Value {
                path: path.to_owned(),
                node: node.to_owned(),
                reason: format!(
                    "is a name of {} bytes, {LONGEST_NAME} are the most",
                    name.len()
                ),
                name: name.chars().take(40).collect(),
            });
        }
        match tree {
            Tree::Map(entries) => flatten(entries, &name, node, path, parameters)?,
            tree => match tree.into_value() {
                Ok(value) => parameters.push((name, value)),
                Err(reason) => {
                    return Err(ParamsFileError::Value {
                        path: path.to_owned(),
                        node: node.to_owned(),
                        name,
                        reason,
                    });
                }
            },
        }
    }
    Ok(())
}

/// Whether a section's name matches a full name.
fn matches(pattern: &str, name: &str) -> bool {
    fn parts(text: &str) -> Vec<&str> {
        text.split('/').filter(|part| !part.is_empty()).collect()
    }
    let (pattern, name) = (parts(pattern), parts(name));
    // which heads of the name the pattern so far matches, by their length
    let mut heads = vec![false; name.len() + 1];
    heads[0] = true;
    for part in pattern {
        if part == "**" {
            let first = heads.iter().position(|&head| head).unwrap_or(heads.len());
            heads[first..].fill(true);
        } else {
            for i in (0..name.len()).rev() {
                heads[i + 1] = heads[i] && (part == "*" || part == name[i]);
            }
            heads[0] = false;
        }
    }
    heads.last() == Some(&true)
}

/// Where a parameter's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterOrigin {
    /// A file of parameters.
    File(PathBuf),
    /// `-p`
    CommandLine,
}

impl fmt::Display for ParameterOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::CommandLine => f.write_str("-p"),
        }
    }
}

/// A value that a node's parameter gets at start.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Full name of the parameter.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Who says so.
    pub source: ParameterOrigin,
}

/// What arguments and files say about a node's parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Each parameter once, as it was said last.
    pub parameters: Vec<Override>,
    /// Files that say nothing about the node, and the nodes that they are for.
    pub for_others: Vec<(PathBuf, Vec<String>)>,
}

impl Overrides {
    fn put(&mut self, name: &str, value: &Value, source: &ParameterOrigin) {
        let new = Override {
            name: name.to_owned(),
            value: value.clone(),
            source: source.clone(),
        };
        let mut parameters = self.parameters.iter_mut();
        match parameters.find(|parameter| parameter.name == name) {
            Some(parameter) => *parameter = new,
            None => self.parameters.push(new),
        }
    }
}

impl Arguments {
    /// What the arguments say about the parameters of a node. Files are read now.
    ///
    /// Arguments and sections count in their order, the last one wins, whether it names the node
    /// or a pattern. (For rclcpp, a section's place is where its name came up first.)
    ///
    /// # Errors
    /// A file that cannot be read or used.
    pub fn overrides(&self, node: &NodeName) -> Result<Overrides, ParamsFileError> {
        let mut overrides = Overrides::default();
        for argument in &self.parameters {
            match argument {
                ParameterArgument::File(path) => {
                    let file = ParamsFile::read(path)?;
                    let source = ParameterOrigin::File(path.clone());
                    for (name, value) in file.of(node) {
                        overrides.put(name, value, &source);
                    }
                    let full = node.to_string();
                    if !file.nodes().any(|section| matches(section, &full)) {
                        let others = file.nodes().map(str::to_owned).collect();
                        overrides.for_others.push((path.clone(), others));
                    }
                }
                ParameterArgument::One {
                    node: only,
                    name,
                    value,
                } => {
                    if only.as_deref().is_none_or(|only| only == node.name()) {
                        overrides.put(name, value, &ParameterOrigin::CommandLine);
                    }
                }
            }
        }
        Ok(overrides)
    }
}

#[cfg(test)]
#[path = "params_file_tests.rs"]
mod tests;
