//! Numbers of a graph as tensors: f32 for all floats and for bytes, which are quantised numbers; i64 for other whole ones.

use lookout_adopt::proto::{TensorProto, data_type};
use tch::{Kind, Tensor};

use super::ImportError;
use super::node::Node;

/// A tensor of the graph.
pub(super) fn read(tensor: &TensorProto) -> Result<Tensor, ImportError> {
    let wrong = |why: String| ImportError::Numbers {
        tensor: tensor.name.clone(),
        why,
    };
    let count = tensor.dims.iter().try_fold(1_i64, |n, &d| n.checked_mul(d));
    let count = count.filter(|&n| n >= 0);
    let count = count.ok_or_else(|| wrong(format!("its shape is {:?}", tensor.dims)))? as usize;
    let (kind, size) = match tensor.data_type {
        data_type::FLOAT => (Kind::Float, 4),
        data_type::DOUBLE => (Kind::Double, 8),
        data_type::FLOAT16 => (Kind::Half, 2),
        data_type::BFLOAT16 => (Kind::BFloat16, 2),
        data_type::INT64 => (Kind::Int64, 8),
        data_type::INT32 => (Kind::Int, 4),
        data_type::UINT8 => (Kind::Uint8, 1),
        data_type::INT8 => (Kind::Int8, 1),
        data_type::BOOL => (Kind::Bool, 1),
        other => return Err(wrong(format!("they are of {}", data_type::name(other)))),
    };
    let raw = tensor.raw_data.as_deref().filter(|raw| !raw.is_empty());
    let typed;
    let bytes = match raw {
        Some(raw) => raw,
        None => {
            typed = typed_bytes(tensor);
            &typed
        }
    };
    if bytes.len() != count * size {
        let found = bytes.len() / size;
        return Err(wrong(format!(
            "there are {found}, and {count} in its shape"
        )));
    }
    let value = Tensor::f_from_data_size(bytes, &tensor.dims, kind);
    let value = value.map_err(|e| wrong(e.to_string()))?;
    Ok(value.to_kind(used(kind)))
}

/// The type that numbers of that one are computed in.
fn used(kind: Kind) -> Kind {
    match kind {
        Kind::Int64 | Kind::Int => Kind::Int64,
        Kind::Bool => Kind::Bool,
        _ => Kind::Float,
    }
}

/// Numbers that are in the fields of their type.
fn typed_bytes(tensor: &TensorProto) -> Vec<u8> {
    let ints = || tensor.int32_data.iter();
    match tensor.data_type {
        data_type::FLOAT => of(tensor.float_data.iter().map(|v| v.to_le_bytes())),
        data_type::DOUBLE => of(tensor.double_data.iter().map(|v| v.to_le_bytes())),
        data_type::INT64 => of(tensor.int64_data.iter().map(|v| v.to_le_bytes())),
        data_type::INT32 => of(ints().map(|v| v.to_le_bytes())),
        data_type::FLOAT16 | data_type::BFLOAT16 => of(ints().map(|&v| (v as u16).to_le_bytes())),
        _ => of(ints().map(|&v| [v as u8])),
    }
}

fn of<const N: usize>(numbers: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    numbers.flatten().collect()
}

/// What a node `Constant` holds, and its type.
pub(super) fn of_node(node: &Node) -> Result<(Tensor, i32), ImportError> {
    if let Some(tensor) = node.tensor("value") {
        return Ok((read(tensor)?, tensor.data_type));
    }
    let (float, int) = (data_type::FLOAT, data_type::INT64);
    if node.has("value_float") {
        return Ok((Tensor::from(node.float("value_float", 0.0) as f32), float));
    }
    if node.has("value_int") {
        return Ok((Tensor::from(node.int("value_int", 0)), int));
    }
    if let Some(values) = node.floats("value_floats") {
        return Ok((Tensor::from_slice(values), float));
    }
    match node.ints("value_ints") {
        Some(values) => Ok((Tensor::from_slice(values), int)),
        None => Err(ImportError::Numbers {
            tensor: node.name.clone(),
            why: "it is no tensor of numbers".to_owned(),
        }),
    }
}

/// Least and greatest number of a quantised type; bytes where nothing says which.
pub(super) fn range(data_type: Option<i32>) -> (i64, i64) {
    const UINT16: i32 = 4;
    const INT16: i32 = 5;
    match data_type {
        Some(data_type::INT8) => (-128, 127),
        Some(UINT16) => (0, 65_535),
        Some(INT16) => (-32_768, 32_767),
        _ => (0, 255),
    }
}
