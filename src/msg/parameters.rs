//! Parameters of nodes: the messages and services of `rcl_interfaces`.

use serde::{Deserialize, Serialize};

use super::Time;

/// `rcl_interfaces/msg/ParameterType`: which field of a [`ParameterValue`] counts.
#[derive(Clone, Copy, Debug)]
pub struct ParameterType;

impl ParameterType {
    /// No value.
    pub const NOT_SET: u8 = 0;
    /// `bool_value`.
    pub const BOOL: u8 = 1;
    /// `integer_value`.
    pub const INTEGER: u8 = 2;
    /// `double_value`.
    pub const DOUBLE: u8 = 3;
    /// `string_value`.
    pub const STRING: u8 = 4;
    /// `byte_array_value`.
    pub const BYTE_ARRAY: u8 = 5;
    /// `bool_array_value`.
    pub const BOOL_ARRAY: u8 = 6;
    /// `integer_array_value`.
    pub const INTEGER_ARRAY: u8 = 7;
    /// `double_array_value`.
    pub const DOUBLE_ARRAY: u8 = 8;
    /// `string_array_value`.
    pub const STRING_ARRAY: u8 = 9;
}

/// `rcl_interfaces/msg/ParameterValue`: a value of one of ten types; only the field that
/// `parameter_type` names counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterValue {
    /// One of [`ParameterType`]; called `type` in the definition.
    pub parameter_type: u8,
    /// For [`ParameterType::BOOL`].
    pub bool_value: bool,
    /// For [`ParameterType::INTEGER`].
    pub integer_value: i64,
    /// For [`ParameterType::DOUBLE`].
    pub double_value: f64,
    /// For [`ParameterType::STRING`].
    pub string_value: String,
    /// For [`ParameterType::BYTE_ARRAY`].
    #[serde(with = "serde_bytes")]
    pub byte_array_value: Vec<u8>,
    /// For [`ParameterType::BOOL_ARRAY`].
    pub bool_array_value: Vec<bool>,
    /// For [`ParameterType::INTEGER_ARRAY`].
    pub integer_array_value: Vec<i64>,
    /// For [`ParameterType::DOUBLE_ARRAY`].
    pub double_array_value: Vec<f64>,
    /// For [`ParameterType::STRING_ARRAY`].
    pub string_array_value: Vec<String>,
}

/// `rcl_interfaces/msg/Parameter`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its full name, parts separated by dots.
    pub name: String,
    /// Its value.
    pub value: ParameterValue,
}

/// `rcl_interfaces/msg/FloatingPointRange`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FloatingPointRange {
    /// Least value.
    pub from_value: f64,
    /// Largest value.
    pub to_value: f64,
    /// Distance of allowed values; 0: any.
    pub step: f64,
}

/// `rcl_interfaces/msg/IntegerRange`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegerRange {
    /// Least value.
    pub from_value: i64,
    /// Largest value.
    pub to_value: i64,
    /// Distance of allowed values; 0: any.
    pub step: u64,
}

/// `rcl_interfaces/msg/ParameterDescriptor`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterDescriptor {
    /// Name of the parameter.
    pub name: String,
    /// One of [`ParameterType`]; called `type` in the definition.
    pub parameter_type: u8,
    /// For people.
    pub description: String,
    /// What the ranges cannot say, for people.
    pub additional_constraints: String,
    /// Cannot be changed once it is declared.
    pub read_only: bool,
    /// May change its type.
    pub dynamic_typing: bool,
    /// At most one, for doubles.
    pub floating_point_range: Vec<FloatingPointRange>,
    /// At most one, for integers.
    pub integer_range: Vec<IntegerRange>,
}

/// `rcl_interfaces/msg/SetParametersResult`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetParametersResult {
    /// Whether it was set.
    pub successful: bool,
    /// Why not; empty where it was.
    pub reason: String,
}

/// `rcl_interfaces/msg/ListParametersResult`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListParametersResult {
    /// Full names of parameters.
    pub names: Vec<String>,
    /// What precedes the last dot of those names.
    pub prefixes: Vec<String>,
}

/// `rcl_interfaces/msg/ParameterEvent`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ParameterEvent {
    /// When they changed.
    pub stamp: Time,
    /// The node, with its namespace.
    pub node: String,
    /// Declared since the last event.
    pub new_parameters: Vec<Parameter>,
    /// Set since the last event.
    pub changed_parameters: Vec<Parameter>,
    /// Undeclared since the last event.
    pub deleted_parameters: Vec<Parameter>,
}

/// Request of `rcl_interfaces/srv/GetParameters`, `GetParameterTypes` and `DescribeParameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterNames {
    /// Full names.
    pub names: Vec<String>,
}

/// Response of `rcl_interfaces/srv/GetParameters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetParametersResponse {
    /// In the order of the names.
    pub values: Vec<ParameterValue>,
}

/// Response of `rcl_interfaces/srv/GetParameterTypes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetParameterTypesResponse {
    /// In the order of the names, each one of [`ParameterType`].
    #[serde(with = "serde_bytes")]
    pub types: Vec<u8>,
}

/// Response of `rcl_interfaces/srv/DescribeParameters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DescribeParametersResponse {
    /// In the order of the names.
    pub descriptors: Vec<ParameterDescriptor>,
}

/// Request of `rcl_interfaces/srv/SetParameters` and `SetParametersAtomically`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SetParametersRequest {
    /// Which, and to what.
    pub parameters: Vec<Parameter>,
}

/// Response of `rcl_interfaces/srv/SetParameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetParametersResponse {
    /// In the order of the parameters.
    pub results: Vec<SetParametersResult>,
}

/// Response of `rcl_interfaces/srv/SetParametersAtomically`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetParametersAtomicallyResponse {
    /// Of all of them.
    pub result: SetParametersResult,
}

/// Request of `rcl_interfaces/srv/ListParameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListParametersRequest {
    /// Names, or what precedes a dot of names; empty: every parameter.
    pub prefixes: Vec<String>,
    /// How many parts after the prefix; 0: any number.
    pub depth: u64,
}

/// Response of `rcl_interfaces/srv/ListParameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListParametersResponse {
    /// What was found.
    pub result: ListParametersResult,
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
