//! Parts of a graph that are made, and what is asked of them.

use super::{
    Attribute, Dimension, DimensionValue, Shape, TensorProto, TensorType, TypeProto, ValueInfo,
    data_type,
};

/// `AttributeProto.AttributeType` values.
mod attribute_type {
    pub(super) const FLOAT: i32 = 1;
    pub(super) const INT: i32 = 2;
    pub(super) const STRING: i32 = 3;
    pub(super) const TENSOR: i32 = 4;
    pub(super) const INTS: i32 = 7;
}

impl Attribute {
    pub fn float(name: &str, value: f32) -> Self {
        Self {
            f: Some(value),
            ..Self::empty(name, attribute_type::FLOAT)
        }
    }

    pub fn int(name: &str, value: i64) -> Self {
        Self {
            i: Some(value),
            ..Self::empty(name, attribute_type::INT)
        }
    }

    pub fn string(name: &str, value: &str) -> Self {
        Self {
            s: Some(value.into()),
            ..Self::empty(name, attribute_type::STRING)
        }
    }

    pub fn tensor(name: &str, value: TensorProto) -> Self {
        Self {
            t: Some(value),
            ..Self::empty(name, attribute_type::TENSOR)
        }
    }

    pub fn ints(name: &str, values: &[i64]) -> Self {
        Self {
            ints: values.to_vec(),
            ..Self::empty(name, attribute_type::INTS)
        }
    }

    fn empty(name: &str, kind: i32) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            ..Self::default()
        }
    }
}

impl TensorProto {
    pub fn float(name: &str, dims: &[i64], values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self::raw(name, dims, data_type::FLOAT, raw_data)
    }

    pub fn int64(name: &str, values: &[i64]) -> Self {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self::raw(name, &[values.len() as i64], data_type::INT64, raw_data)
    }

    pub fn raw(name: &str, dims: &[i64], data_type: i32, raw_data: Vec<u8>) -> Self {
        Self {
            dims: dims.to_vec(),
            data_type,
            name: name.to_owned(),
            raw_data: Some(raw_data),
            ..Self::default()
        }
    }
}

impl ValueInfo {
    /// An f32 tensor [1, channels, height, width] whose last two sizes are free.
    pub fn planes(name: &str, channels: i64, stride: i64) -> Self {
        let free = |side: &str| {
            let symbol = if stride == 1 {
                side.to_owned()
            } else {
                format!("{side}/{stride}")
            };
            DimensionValue::Named(symbol)
        };
        let fixed = DimensionValue::Fixed;
        let dims = [fixed(1), fixed(channels), free("height"), free("width")];
        Self::tensor(name, data_type::FLOAT, &dims)
    }

    /// A tensor of a type and a shape.
    pub fn tensor(name: &str, elem_type: i32, dims: &[DimensionValue]) -> Self {
        let dim = dims.iter().map(|value| Dimension {
            value: Some(value.clone()),
            denotation: String::new(),
        });
        let shape = Some(Shape { dim: dim.collect() });
        let tensor = Some(TensorType { elem_type, shape });
        Self {
            name: name.to_owned(),
            kind: Some(TypeProto {
                tensor,
                ..TypeProto::default()
            }),
            ..Self::default()
        }
    }

    /// Type of the numbers; 0 where it is no tensor or does not say.
    pub fn elem_type(&self) -> i32 {
        let tensor = self.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
        tensor.map_or(0, |tensor| tensor.elem_type)
    }

    /// The sizes; `None` for one that is free, and for the whole where the graph does not say.
    pub fn sizes(&self) -> Option<Vec<Option<i64>>> {
        let tensor = self.kind.as_ref()?.tensor.as_ref()?;
        let sizes = tensor.shape.as_ref()?.dim.iter().map(|d| match d.value {
            // Paddle writes -1 for a free size
            Some(DimensionValue::Fixed(size)) if size > 0 => Some(size),
            _ => None,
        });
        Some(sizes.collect())
    }
}
