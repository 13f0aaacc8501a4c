use std::ops::RangeInclusive;

use super::store::SetError;
use super::{Value, ValueType};

/// Bytes of a string that can be set.
const LONGEST_STRING: usize = 4096;

/// When a parameter may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changeable {
    /// At any time; the next frame sees it.
    Anytime,
    /// While nothing is loaded with it.
    Unconfigured,
    /// Never after the node's start.
    AtStart,
}

named! {
    /// Where a node is in its life, as far as its parameters are concerned.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Phase {
        /// Nothing is loaded.
        Unconfigured => "unconfigured",
        /// It is being loaded, with the parameters as they were before.
        Configuring => "configuring",
        /// Loaded; frames are not judged.
        Inactive => "inactive",
        /// Frames are judged.
        Active => "active",
        /// At its end.
        Finalized => "finalized",
    }
}

/// The values that a parameter can have.
#[derive(Clone, Debug, PartialEq)]
pub enum Range {
    /// All of its type.
    Any,
    /// Integers, both ends included.
    Integer(RangeInclusive<i64>),
    /// Doubles, both ends included; NaN never is.
    Double(RangeInclusive<f64>),
    /// These strings.
    OneOf(Vec<&'static str>),
}

/// A parameter of the node.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Full name, parts separated by dots.
    pub name: String,
    /// Its value unless another is given; its type is the parameter's.
    pub default: Value,
    /// What else it can be.
    pub range: Range,
    /// In words, with the unit.
    pub description: &'static str,
    /// When.
    pub changeable: Changeable,
}

impl Declared {
    /// Whether a value has the type and is in the range.
    ///
    /// # Errors
    /// It has not, or is not.
    pub fn check(&self, value: &Value) -> Result<(), SetError> {
        let (is, must_be) = (value.value_type(), self.default.value_type());
        if is != must_be {
            let name = self.name.clone();
            return Err(SetError::Type { name, is, must_be });
        }
        let out_of_range = |value: String, allowed: String| {
            let name = self.name.clone();
            Err(SetError::OutOfRange {
                name,
                value,
                allowed,
            })
        };
        match (&self.range, value) {
            (Range::Integer(range), Value::Integer(value)) if !range.contains(value) => {
                out_of_range(
                    value.to_string(),
                    format!("{} ..= {}", range.start(), range.end()),
                )
            }
            (Range::Double(range), Value::Double(value)) if !range.contains(value) => out_of_range(
                value.to_string(),
                format!("{} ..= {}", range.start(), range.end()),
            ),
            (Range::OneOf(choices), Value::String(value)) if !choices.contains(&value.as_str()) => {
                out_of_range(format!("{value:?}"), choices.join(", "))
            }
            (_, Value::String(value)) if value.len() > LONGEST_STRING => out_of_range(
                format!("a string of {} bytes", value.len()),
                format!("0 ..= {LONGEST_STRING} bytes"),
            ),
            _ => Ok(()),
        }
    }

    /// Its type.
    pub const fn value_type(&self) -> ValueType {
        self.default.value_type()
    }
}
