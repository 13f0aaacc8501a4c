//! Values and descriptions as messages.

use thiserror::Error;

use super::{Changeable, Declared, Range, Value, ValueType};
use crate::msg::parameters::{
    FloatingPointRange, IntegerRange, ParameterDescriptor, ParameterType, ParameterValue,
};

/// A message names a type that there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no parameter type {0}")]
pub struct UnknownType(pub u8);

impl ValueType {
    /// As in messages: one of [`ParameterType`].
    pub const fn number(self) -> u8 {
        match self {
            Self::NotSet => ParameterType::NOT_SET,
            Self::Bool => ParameterType::BOOL,
            Self::Integer => ParameterType::INTEGER,
            Self::Double => ParameterType::DOUBLE,
            Self::String => ParameterType::STRING,
            Self::ByteArray => ParameterType::BYTE_ARRAY,
            Self::BoolArray => ParameterType::BOOL_ARRAY,
            Self::IntegerArray => ParameterType::INTEGER_ARRAY,
            Self::DoubleArray => ParameterType::DOUBLE_ARRAY,
            Self::StringArray => ParameterType::STRING_ARRAY,
        }
    }
}

impl From<&Value> for ParameterValue {
    fn from(value: &Value) -> Self {
        let mut message = Self {
            parameter_type: value.value_type().number(),
            ..Self::default()
        };
        match value {
            Value::NotSet => {}
            Value::Bool(value) => message.bool_value = *value,
            Value::Integer(value) => message.integer_value = *value,
            Value::Double(value) => message.double_value = *value,
            Value::String(value) => message.string_value.clone_from(value),
            Value::ByteArray(value) => message.byte_array_value.clone_from(value),
            Value::BoolArray(value) => message.bool_array_value.clone_from(value),
            Value::IntegerArray(value) => message.integer_array_value.clone_from(value),
            Value::DoubleArray(value) => message.double_array_value.clone_from(value),
            Value::StringArray(value) => message.string_array_value.clone_from(value),
        }
        message
    }
}

impl TryFrom<ParameterValue> for Value {
    type Error = UnknownType;

    fn try_from(message: ParameterValue) -> Result<Self, UnknownType> {
        Ok(match message.parameter_type {
            ParameterType::NOT_SET => Self::NotSet,
            ParameterType::BOOL => Self::Bool(message.bool_value),
            ParameterType::INTEGER => Self::Integer(message.integer_value),
            ParameterType::DOUBLE => Self::Double(message.double_value),
            ParameterType::STRING => Self::String(message.string_value),
            ParameterType::BYTE_ARRAY => Self::ByteArray(message.byte_array_value),
            ParameterType::BOOL_ARRAY => Self::BoolArray(message.bool_array_value),
            ParameterType::INTEGER_ARRAY => Self::IntegerArray(message.integer_array_value),
            ParameterType::DOUBLE_ARRAY => Self::DoubleArray(message.double_array_value),
            ParameterType::STRING_ARRAY => Self::StringArray(message.string_array_value),
            number => return Err(UnknownType(number)),
        })
    }
}

impl From<&Declared> for ParameterDescriptor {
    fn from(declared: &Declared) -> Self {
        let mut constraints = Vec::new();
        let (mut doubles, mut integers) = (Vec::new(), Vec::new());
        match &declared.range {
            Range::Any => {}
            Range::Integer(range) => integers.push(IntegerRange {
                from_value: *range.start(),
                to_value: *range.end(),
                step: 1,
            }),
            Range::Double(range) => doubles.push(FloatingPointRange {
                from_value: *range.start(),
                to_value: *range.end(),
                step: 0.0,
            }),
            Range::OneOf(choices) => constraints.push(format!("one of {}", choices.join(", "))),
        }
        match declared.changeable {
            Changeable::Anytime => {}
            Changeable::Unconfigured => {
                constraints.push("changed only while the node is unconfigured".to_owned());
            }
            Changeable::AtStart => constraints.push("set at start only".to_owned()),
        }
        Self {
            name: declared.name.clone(),
            parameter_type: declared.default.value_type().number(),
            description: declared.description.to_owned(),
            additional_constraints: constraints.join("; "),
            read_only: declared.changeable == Changeable::AtStart,
            dynamic_typing: false,
            floating_point_range: doubles,
            integer_range: integers,
        }
    }
}
