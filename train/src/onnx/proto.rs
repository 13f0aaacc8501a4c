//! The messages of the ONNX format (onnx.proto3) that an exported network needs.
//!
//! Field numbers are those of the ONNX specification, IR version 8. Repeated numbers are not packed,
//! as in the files of other exporters: not every reader takes both.

use prost::Message;

/// `TensorProto.DataType` and `AttributeProto.AttributeType` values.
pub(super) const FLOAT: i32 = 1;
const INT64: i32 = 7;
const ATTRIBUTE_INT: i32 = 2;
const ATTRIBUTE_STRING: i32 = 3;
const ATTRIBUTE_INTS: i32 = 7;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub(super) ir_version: i64,
    #[prost(string, tag = "2")]
    pub(super) producer_name: String,
    #[prost(string, tag = "3")]
    pub(super) producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int64, optional, tag = "3")]
    pub(super) i: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) s: Option<Vec<u8>>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub(super) ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    pub(super) kind: i32,
}

impl Attribute {
    pub(super) fn int(name: &str, value: i64) -> Self {
        Self {
            i: Some(value),
            ..Self::empty(name, ATTRIBUTE_INT)
        }
    }

    pub(super) fn string(name: &str, value: &str) -> Self {
        Self {
            s: Some(value.into()),
            ..Self::empty(name, ATTRIBUTE_STRING)
        }
    }

    pub(super) fn ints(name: &str, values: &[i64]) -> Self {
        Self {
            ints: values.to_vec(),
            ..Self::empty(name, ATTRIBUTE_INTS)
        }
    }

    fn empty(name: &str, kind: i32) -> Self {
        Self {
            name: name.to_owned(),
            i: None,
            s: None,
            ints: vec![],
            kind,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) raw_data: Vec<u8>,
}

impl TensorProto {
    pub(super) fn float(name: &str, dims: &[i64], values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self {
            dims: dims.to_vec(),
            data_type: FLOAT,
            name: name.to_owned(),
            raw_data,
        }
    }

    pub(super) fn int64(name: &str, values: &[i64]) -> Self {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self {
            dims: vec![values.len() as i64],
            data_type: INT64,
            name: name.to_owned(),
            raw_data,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(super) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub(super) dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    pub(super) value: Option<DimensionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum DimensionValue {
    /// Fixed size.
    #[prost(int64, tag = "1")]
    Fixed(i64),
    /// Named free size.
    #[prost(string, tag = "2")]
    Named(String),
}

impl ValueInfo {
    /// An f32 tensor [1, channels, height, width] whose last two sizes are free.
    pub(super) fn planes(name: &str, channels: i64, stride: i64) -> Self {
        let free = |side: &str| {
            let symbol = if stride == 1 {
                side.to_owned()
            } else {
                format!("{side}/{stride}")
            };
            DimensionValue::Named(symbol)
        };
        let values = [
            DimensionValue::Fixed(1),
            DimensionValue::Fixed(channels),
            free("height"),
            free("width"),
        ];
        let dim = values.map(|v| Dimension { value: Some(v) }).to_vec();
        let tensor = TensorType {
            elem_type: FLOAT,
            shape: Some(Shape { dim }),
        };
        let kind = TypeProto {
            tensor: Some(tensor),
        };
        Self {
            name: name.to_owned(),
            kind: Some(kind),
        }
    }
}
