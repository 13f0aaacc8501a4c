//! Names of nodes, topics and services: what is valid, what a relative name stands for, and what
//! remap rules make of it.
//!
//! ```
//! use lookout::ros::arguments::Arguments;
//! use lookout::ros::names::Names;
//!
//! let line = ["--ros-args", "-r", "__ns:=/front", "-r", "~/input/image:=/camera/image_raw"];
//! let arguments = Arguments::parse(&line.map(str::to_owned))?;
//! let names = Names::new("lookout", "/", &arguments.remaps)?;
//! assert_eq!(names.topic("~/output/status")?.as_str(), "/front/lookout/output/status");
//! assert_eq!(names.topic("~/input/image")?.as_str(), "/camera/image_raw");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use super::arguments::{Remap, RemapFrom};

/// Bytes of a topic's name, which DDS limits to 255 with the prefix that ROS 2 puts before it.
const LONGEST_TOPIC: usize = 255 - 8;
/// Bytes of a namespace: a topic in it has a slash and a character at least.
const LONGEST_NAMESPACE: usize = LONGEST_TOPIC - 2;
/// Bytes of a node's name.
const LONGEST_NODE: usize = 255;

/// A name that ROS 2 does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} {name:?} {reason}")]
pub struct NameError {
    /// What it should have named.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

fn refuse(what: &'static str, name: &str, reason: impl Into<String>) -> NameError {
    NameError {
        what,
        name: name.to_owned(),
        reason: reason.into(),
    }
}

/// Checks the name of a node, without its namespace.
///
/// # Errors
/// Empty, too long, begins with a digit, or has other characters than ASCII letters, digits and
/// underscores.
pub fn check_node_name(name: &str) -> Result<(), NameError> {
    let what = "node name";
    if name.len() > LONGEST_NODE {
        return Err(refuse(what, name, format!("is longer than {LONGEST_NODE}")));
    }
    token(name).map_err(|reason| refuse(what, name, reason))
}

/// Checks a namespace: `/`, or a full name.
///
/// # Errors
/// Does not begin with a slash, ends with one, or is otherwise no name.
pub fn check_namespace(namespace: &str) -> Result<(), NameError> {
    if namespace == "/" {
        return Ok(());
    }
    check_full("namespace", namespace, LONGEST_NAMESPACE)
}

/// Checks the full name of a topic or service.
fn check_full(what: &'static str, name: &str, longest: usize) -> Result<(), NameError> {
    let refused = |reason: String| Err(refuse(what, name, reason));
    let Some(rest) = name.strip_prefix('/') else {
        return refused("does not begin with a slash".to_owned());
    };
    if name.len() > longest {
        return refused(format!("is longer than {longest}"));
    }
    if rest.is_empty() || rest.ends_with('/') {
        return refused("ends with a slash".to_owned());
    }
    rest.split('/')
        .try_for_each(|part| token(part).map_err(|reason| refuse(what, name, reason)))
}

/// What is between two slashes.
fn token(text: &str) -> Result<(), String> {
    let Some(first) = text.chars().next() else {
        return Err("has an empty part".to_owned());
    };
    if let Some(bad) = text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && *c != '_')
    {
        return Err(format!(
            "has the character {bad:?}: only letters, digits and underscores are allowed"
        ));
    }
    if first.is_ascii_digit() {
        return Err(format!("has a part that begins with a digit: {text:?}"));
    }
    Ok(())
}

/// A node's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeName {
    namespace: String,
    name: String,
}

impl NodeName {
    /// From valid parts.
    ///
    /// # Errors
    /// One of them is not valid.
    pub fn new(namespace: &str, name: &str) -> Result<Self, NameError> {
        check_namespace(namespace)?;
        check_node_name(name)?;
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The namespace, with its leading slash.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name without namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A name in the node's namespace.
    fn beside(&self, name: &str) -> String {
        match self.namespace.as_str() {
            "/" => format!("/{name}"),
            namespace => format!("{namespace}/{name}"),
        }
    }

    /// The full name that a topic's or service's name stands for: `~` is the node's full name,
    /// `{node}` its name, `{ns}` and `{namespace}` its namespace, and what does not begin with a
    /// slash is in its namespace.
    ///
    /// # Errors
    /// Not a valid name, before or after that.
    pub fn expand(&self, name: &str) -> Result<FullName, NameError> {
        let refused = |reason: &str| Err(refuse("name", name, reason));
        let mut full = String::new();
        let mut rest = name;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((key, after)) = after.split_once('}') else {
                return refused("has a { without its }");
            };
            full.push_str(before);
            full.push_str(match key {
                "node" => &self.name,
                // The root namespace is the slash that follows it.
                "ns" | "namespace" if self.namespace == "/" && after.starts_with('/') => "",
                "ns" | "namespace" => &self.namespace,
                _ => return refused("has braces round something other than node, ns, namespace"),
            });
            rest = after;
        }
        full.push_str(rest);
        let full = match full.strip_prefix('~') {
            Some("") => self.to_string(),
            Some(rest) if rest.starts_with('/') => format!("{self}{rest}"),
            Some(_) => return refused("has a ~ that no slash follows"),
            None if full.starts_with('/') => full,
            None if full.is_empty() => return refused("is empty"),
            None => self.beside(&full),
        };
        match check_full("name", &full, LONGEST_TOPIC) {
            Ok(()) => Ok(FullName(full)),
            Err(e) => Err(refuse("name", name, e.reason)),
        }
    }
}

impl fmt::Display for NodeName {
    /// The full name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.beside(&self.name))
    }
}

/// The full, valid name of a topic or service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FullName(String);

impl FullName {
    /// With its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A remap rule of one node, both sides expanded.
#[derive(Clone, Debug)]
struct Rule {
    /// As it was given.
    text: String,
    /// Whether a name matched it.
    used: Arc<AtomicBool>,
    from: FullName,
    to: FullName,
    topics: bool,
    services: bool,
}

/// A node's name and the names of its topics and services, remapped.
#[derive(Clone, Debug)]
pub struct Names {
    node: NodeName,
    rules: Vec<Rule>,
}

impl Names {
    /// Applies the rules to the node's own name and namespace, and prepares those for its topics
    /// and services. Of several that apply, the first counts. A rule for one node names it as it
    /// is called before (for `__node`) or after (all others) its own name was remapped.
    ///
    /// # Errors
    /// A name that is not valid, also in a rule that nothing uses.
    pub fn new(name: &str, namespace: &str, remaps: &[Remap]) -> Result<Self, NameError> {
        let renamed = |from: RemapFrom, name: &str| {
            let mut rules = remaps.iter().filter(|rule| rule.is_for(name));
            rules.find(|rule| rule.from == from).map(|rule| &rule.to)
        };
        let name = renamed(RemapFrom::NodeName, name).map_or(name, String::as_str);
        let namespace = renamed(RemapFrom::Namespace, name).map_or(namespace, String::as_str);
        let node = NodeName::new(namespace, name)?;
        let mut rules = Vec::new();
        for rule in remaps.iter().filter(|rule| rule.is_for(node.name())) {
            let (from, topics, services) = match &rule.from {
                RemapFrom::NodeName | RemapFrom::Namespace => continue,
                RemapFrom::Name(from) => (from, true, true),
                RemapFrom::Topic(from) => (from, true, false),
                RemapFrom::Service(from) => (from, false, true),
            };
            rules.push(Rule {
                text: format!("{from}:={}", rule.to),
                used: Arc::default(),
                from: node.expand(from)?,
                to: node.expand(&rule.to)?,
                topics,
                services,
            });
        }
        Ok(Self { node, rules })
    }

    /// The node's name.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// The full name of a topic.
    ///
    /// # Errors
    /// `name` is not valid.
    pub fn topic(&self, name: &str) -> Result<FullName, NameError> {
        self.remapped(name, |rule| rule.topics)
    }

    /// The full name of a service.
    ///
    /// # Errors
    /// `name` is not valid.
    pub fn service(&self, name: &str) -> Result<FullName, NameError> {
        self.remapped(name, |rule| rule.services)
    }

    /// The rules for topics and services that no name has matched until now.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let unused = |rule: &&Rule| !rule.used.load(Ordering::Relaxed);
        self.rules
            .iter()
            .filter(unused)
            .map(|rule| rule.text.as_str())
    }

    fn remapped(&self, name: &str, applies: fn(&Rule) -> bool) -> Result<FullName, NameError> {
        let full = self.node.expand(name)?;
        let mut rules = self.rules.iter().filter(|rule| applies(rule));
        match rules.find(|rule| rule.from == full) {
            Some(rule) => {
                rule.used.store(true, Ordering::Relaxed);
                Ok(rule.to.clone())
            }
            None => Ok(full),
        }
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
