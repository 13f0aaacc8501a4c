//! Rules `from:=to` and `name:=value`.

use super::super::names::{check_namespace, check_node_name};
use super::{ParameterArgument, yaml};

/// A remap rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remap {
    /// The node that it is for, by its name without namespace; all without it.
    pub node: Option<String>,
    /// What gets another name.
    pub from: RemapFrom,
    /// The other name, not expanded.
    pub to: String,
}

/// What gets another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemapFrom {
    /// `__node` or `__name`: the node.
    NodeName,
    /// `__ns`: its namespace.
    Namespace,
    /// A topic or a service of this name, not expanded.
    Name(String),
    /// `rostopic://`: a topic.
    Topic(String),
    /// `rosservice://`: a service.
    Service(String),
}

impl Remap {
    /// Whether the rule is for a node of this name.
    pub fn is_for(&self, node: &str) -> bool {
        self.node.as_deref().is_none_or(|name| name == node)
    }
}

const TOPIC: &str = "rostopic://";
const SERVICE: &str = "rosservice://";

pub(super) fn remap(text: &str) -> Result<Remap, String> {
    let (from, mut to) = text.split_once(":=").ok_or("there is no :=")?;
    let (node, from) = if from.starts_with(TOPIC) || from.starts_with(SERVICE) {
        (None, from)
    } else {
        for_node(from)?
    };
    if from.is_empty() || to.is_empty() {
        return Err("a side of := is empty".to_owned());
    }
    let from = if from == "__node" || from == "__name" {
        check_node_name(to).map_err(|e| e.to_string())?;
        RemapFrom::NodeName
    } else if from == "__ns" {
        check_namespace(to).map_err(|e| e.to_string())?;
        RemapFrom::Namespace
    } else if let Some(from) = from.strip_prefix(TOPIC) {
        to = to.strip_prefix(TOPIC).unwrap_or(to);
        RemapFrom::Topic(from.to_owned())
    } else if let Some(from) = from.strip_prefix(SERVICE) {
        to = to.strip_prefix(SERVICE).unwrap_or(to);
        RemapFrom::Service(from.to_owned())
    } else {
        RemapFrom::Name(from.to_owned())
    };
    let to = to.to_owned();
    Ok(Remap { node, from, to })
}

pub(super) fn parameter(text: &str) -> Result<ParameterArgument, String> {
    let (name, value) = text.split_once(":=").ok_or("there is no :=")?;
    let (node, name) = for_node(name)?;
    if name.is_empty() {
        return Err("names no parameter".to_owned());
    }
    Ok(ParameterArgument::One {
        node,
        name: name.to_owned(),
        value: yaml::value(value)?,
    })
}

/// Takes the node's name off `node:rest`.
fn for_node(text: &str) -> Result<(Option<String>, &str), String> {
    match text.split_once(':') {
        None => Ok((None, text)),
        Some((node, rest)) => {
            check_node_name(node).map_err(|e| e.to_string())?;
            Ok((Some(node.to_owned()), rest))
        }
    }
}
