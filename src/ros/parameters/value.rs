use std::fmt;

/// The value of a parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// None.
    #[default]
    NotSet,
    /// `bool`
    Bool(bool),
    /// `integer`
    Integer(i64),
    /// `double`
    Double(f64),
    /// `string`
    String(String),
    /// `byte_array`
    ByteArray(Vec<u8>),
    /// `bool_array`
    BoolArray(Vec<bool>),
    /// `integer_array`
    IntegerArray(Vec<i64>),
    /// `double_array`
    DoubleArray(Vec<f64>),
    /// `string_array`
    StringArray(Vec<String>),
}

/// The type of a [`Value`]. Displays in words: `an integer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Of no value.
    NotSet,
    /// `bool`
    Bool,
    /// `integer`
    Integer,
    /// `double`
    Double,
    /// `string`
    String,
    /// `byte_array`
    ByteArray,
    /// `bool_array`
    BoolArray,
    /// `integer_array`
    IntegerArray,
    /// `double_array`
    DoubleArray,
    /// `string_array`
    StringArray,
}

impl Value {
    /// Its type.
    pub const fn value_type(&self) -> ValueType {
        match self {
            Self::NotSet => ValueType::NotSet,
            Self::Bool(_) => ValueType::Bool,
            Self::Integer(_) => ValueType::Integer,
            Self::Double(_) => ValueType::Double,
            Self::String(_) => ValueType::String,
            Self::ByteArray(_) => ValueType::ByteArray,
            Self::BoolArray(_) => ValueType::BoolArray,
            Self::IntegerArray(_) => ValueType::IntegerArray,
            Self::DoubleArray(_) => ValueType::DoubleArray,
            Self::StringArray(_) => ValueType::StringArray,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NotSet => "no value",
            Self::Bool => "a bool",
            Self::Integer => "an integer",
            Self::Double => "a double",
            Self::String => "a string",
            Self::ByteArray => "an array of bytes",
            Self::BoolArray => "an array of bools",
            Self::IntegerArray => "an array of integers",
            Self::DoubleArray => "an array of doubles",
            Self::StringArray => "an array of strings",
        })
    }
}
