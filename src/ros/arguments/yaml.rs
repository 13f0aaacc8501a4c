//! Values of parameters as YAML writes them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::super::parameters::Value;

/// A YAML node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    /// Keys in the order of the text.
    Map(Vec<(String, Tree)>),
    List(Vec<Tree>),
    Scalar(Value),
    Null,
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Tree, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        // as the reader of ROS 2 takes them
        legacy_octal_numbers: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

/// Reads the value of one parameter. Nothing is the empty string.
pub(super) fn value(text: &str) -> Result<Value, String> {
    match parse(text).map_err(|e| format!("the value is no YAML: {e}"))? {
        Tree::Map(_) => Err("the value is a map; put a text with a colon in quotes".to_owned()),
        Tree::Null => Ok(Value::String(text.trim().to_owned())),
        tree => tree.into_value(),
    }
}

impl Tree {
    /// A scalar, or a list of scalars of one type.
    pub(super) fn into_value(self) -> Result<Value, String> {
        match self {
            Self::Scalar(value) => Ok(value),
            Self::Null => Err("has no value".to_owned()),
            Self::Map(_) => Err("is a map, not a value".to_owned()),
            Self::List(items) => list(items),
        }
    }
}

fn list(items: Vec<Tree>) -> Result<Value, String> {
    let mut array = Value::NotSet;
    for item in items {
        let Tree::Scalar(item) = item else {
            return Err("is a list of something other than plain values".to_owned());
        };
        match (&mut array, item) {
            (Value::BoolArray(array), Value::Bool(item)) => array.push(item),
            (Value::IntegerArray(array), Value::Integer(item)) => array.push(item),
            (Value::DoubleArray(array), Value::Double(item)) => array.push(item),
            (Value::StringArray(array), Value::String(item)) => array.push(item),
            (Value::NotSet, Value::Bool(item)) => array = Value::BoolArray(vec![item]),
            (Value::NotSet, Value::Integer(item)) => array = Value::IntegerArray(vec![item]),
            (Value::NotSet, Value::Double(item)) => array = Value::DoubleArray(vec![item]),
            (Value::NotSet, Value::String(item)) => array = Value::StringArray(vec![item]),
            (array, item) => {
                let (array, item) = (array.value_type(), item.value_type());
                return Err(format!("is a list of different types: {item} in {array}"));
            }
        }
    }
    Ok(array)
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Integer(value)))
    }

    /// What is too large for an integer is a double, as for ROS 2.
    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(match i64::try_from(value) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Double(value as f64),
        }))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Double(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::String(value)))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}
