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

named! {
    /// The type of a [`Value`]. Displays in words: `an integer`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ValueType {
        /// Of no value.
        NotSet => "no value",
        /// `bool`
        Bool => "a bool",
        /// `integer`
        Integer => "an integer",
        /// `double`
        Double => "a double",
        /// `string`
        String => "a string",
        /// `byte_array`
        ByteArray => "an array of bytes",
        /// `bool_array`
        BoolArray => "an array of bools",
        /// `integer_array`
        IntegerArray => "an array of integers",
        /// `double_array`
        DoubleArray => "an array of doubles",
        /// `string_array`
        StringArray => "an array of strings",
    }
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
