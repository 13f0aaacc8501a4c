//! The number format of a graph: told, and changed from f32 to f16.
//!
//! A strongly typed TensorRT network (the only kind that TensorRT 11 and TensorRT-RTX build) takes its
//! formats from the graph: there is no switch any more that lets the builder choose f16. So the graph
//! itself is made f16 here, and what the builder is given can be checked against what was asked for.
//!
//! The graph is edited on the level of protobuf fields (`wire`). What is not changed goes through
//! byte for byte, fields of newer ONNX versions and of exporters included. Generated messages were the
//! other way: `prost` drops the fields that it does not know, and the crates that keep them carry
//! the whole of ONNX for the dozen field numbers that are needed here.

mod attribute;
mod convert;
mod error;
mod inspect;
mod names;
mod node;
mod operators;
mod plan;
mod tensor;

pub use convert::{Converted, convert, to_fp16};
pub use error::{PrecisionError, WireError};
pub use inspect::{GraphPrecision, graph_precision};
pub use tensor::Rounding;

use crate::model::wire;

/// `TensorProto.DataType` of the ONNX specification.
mod element {
    pub(super) const FLOAT: i64 = 1;
    pub(super) const INT64: i64 = 7;
    pub(super) const BOOL: i64 = 9;
    pub(super) const FLOAT16: i64 = 10;
}

/// Field numbers of onnx.proto3.
mod field {
    pub(super) mod model {
        pub(in super::super) const GRAPH: u32 = 7;
        pub(in super::super) const OPSET_IMPORT: u32 = 8;
        pub(in super::super) const TRAINING_INFO: u32 = 20;
        pub(in super::super) const FUNCTIONS: u32 = 25;
    }
    pub(super) mod opset {
        pub(in super::super) const DOMAIN: u32 = 1;
        pub(in super::super) const VERSION: u32 = 2;
    }
    pub(super) mod graph {
        pub(in super::super) const NODE: u32 = 1;
        pub(in super::super) const INITIALIZER: u32 = 5;
        pub(in super::super) const INPUT: u32 = 11;
        pub(in super::super) const OUTPUT: u32 = 12;
        pub(in super::super) const VALUE_INFO: u32 = 13;
        pub(in super::super) const SPARSE_INITIALIZER: u32 = 15;
    }
    pub(super) mod node {
        pub(in super::super) const INPUT: u32 = 1;
        pub(in super::super) const OUTPUT: u32 = 2;
        pub(in super::super) const NAME: u32 = 3;
        pub(in super::super) const OP_TYPE: u32 = 4;
        pub(in super::super) const ATTRIBUTE: u32 = 5;
        pub(in super::super) const DOMAIN: u32 = 7;
    }
    pub(super) mod attribute {
        pub(in super::super) const NAME: u32 = 1;
        pub(in super::super) const FLOAT: u32 = 2;
        pub(in super::super) const INT: u32 = 3;
        pub(in super::super) const TENSOR: u32 = 5;
        pub(in super::super) const FLOATS: u32 = 7;
        pub(in super::super) const TYPE: u32 = 20;
        /// Values of [`TYPE`].
        pub(in super::super) const IS_INT: u64 = 2;
        pub(in super::super) const IS_TENSOR: u64 = 4;
    }
    pub(super) mod tensor {
        pub(in super::super) const DIMS: u32 = 1;
        pub(in super::super) const DATA_TYPE: u32 = 2;
        pub(in super::super) const SEGMENT: u32 = 3;
        pub(in super::super) const FLOAT_DATA: u32 = 4;
        pub(in super::super) const NAME: u32 = 8;
        pub(in super::super) const RAW_DATA: u32 = 9;
        pub(in super::super) const DATA_LOCATION: u32 = 14;
    }
    pub(super) mod value_info {
        pub(in super::super) const NAME: u32 = 1;
        pub(in super::super) const TYPE: u32 = 2;
    }
    pub(super) mod type_proto {
        pub(in super::super) const TENSOR: u32 = 1;
        /// Of the tensor type.
        pub(in super::super) const ELEMENT: u32 = 1;
    }
}

#[cfg(test)]
mod tests;
