//! One node on tensors.

use lookout_adopt::proto::data_type;
use tch::{Kind, Tensor};

use super::node::{FAKE_QUANTIZE, Node};
use super::planes::{
    batch_norm, conv, conv_transpose, depth_to_space, instance_norm, layer_norm, pool,
    space_to_depth,
};
use super::resize::resize;
use super::shapes::{
    concat, constant_of_shape, either, expand, flatten, gather, pad, reshape, shape, slice, split,
    squeeze, transpose, unsqueeze,
};
use super::{Fault, first, unsupported};

/// All operators that are known.
const KNOWN: [&str; 79] = [
    "Abs",
    "Add",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "Log",
    "MatMul",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "PRelu",
    "Pad",
    "Pow",
    "QuantizeLinear",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Round",
    "Shape",
    "Sigmoid",
    "Sign",
    "Size",
    "Slice",
    "Softmax",
    "Softplus",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "Upsample",
    "Where",
    FAKE_QUANTIZE,
    "LogSoftmax",
    "Mish",
    "Constant",
];

/// Refuses an operator that is not known, before anything is run.
pub(super) fn check(node: &Node) -> Result<(), Fault> {
    match KNOWN.contains(&node.operator.as_str()) {
        true => Ok(()),
        false => unsupported("its operator is not known to the trainer"),
    }
}

/// The outputs of a node for its inputs.
pub(super) fn apply(
    node: &Node,
    opset: i64,
    inputs: &[Option<&Tensor>],
) -> Result<Vec<Tensor>, Fault> {
    let given = |i: usize| inputs.get(i).copied().flatten();
    let need = |i: usize| match given(i) {
        Some(input) => Ok(input),
        None => unsupported(format!("it has no input {i}")),
    };
    let rest = inputs.get(1..).unwrap_or_default();
    let x = need(0)?;
    if node.operator == "Split" {
        return split(node, x, given(1));
    }
    let y = match node.operator.as_str() {
        "Conv" => conv(node, x, need(1)?, given(2))?,
        "ConvTranspose" => conv_transpose(node, x, need(1)?, given(2))?,
        "MaxPool" => pool(node, x, true)?,
        "AveragePool" => pool(node, x, false)?,
        "GlobalAveragePool" => x.f_mean_dim(planes(x).as_slice(), true, None::<Kind>)?,
        "GlobalMaxPool" => x.f_amax(planes(x), true)?,
        "BatchNormalization" => batch_norm(node, x, [need(1)?, need(2)?, need(3)?, need(4)?])?,
        "InstanceNormalization" => instance_norm(node, x, need(1)?, need(2)?)?,
        "LayerNormalization" => layer_norm(node, x, need(1)?, given(2))?,
        "Resize" | "Upsample" => resize(node, opset, x, rest)?,
        "DepthToSpace" => depth_to_space(node, x)?,
        "SpaceToDepth" => space_to_depth(node, x)?,
        "MatMul" => x.f_matmul(need(1)?)?,
        "Gemm" => gemm(node, x, need(1)?, given(2))?,
        "Shape" => shape(node, x)?,
        "Size" => Tensor::from(x.numel() as i64).to(x.device()),
        "Reshape" => reshape(node, x, need(1)?)?,
        "Flatten" => flatten(node, x)?,
        "Transpose" => transpose(node, x)?,
        "Squeeze" => squeeze(node, x, given(1))?,
        "Unsqueeze" => unsqueeze(node, x, given(1))?,
        "Slice" => slice(node, x, rest)?,
        "Gather" => gather(node, x, need(1)?)?,
        "Expand" => expand(x, need(1)?)?,
        "Tile" => x.f_repeat(super::shapes::list(need(1)?)?)?,
        "Concat" => concat(node, inputs)?,
        "Pad" => pad(node, x, rest)?,
        "ConstantOfShape" => constant_of_shape(node, x)?,
        "Where" => need(1)?.f_where_self(x, need(2)?)?,
        "Cast" => cast(node, x)?,
        "QuantizeLinear" => quantize(node, x, need(1)?, given(2))?,
        "DequantizeLinear" => dequantize(node, x, need(1)?, given(2))?,
        FAKE_QUANTIZE => fake_quantize(node, x, need(1)?, given(2))?,
        operator if operator.starts_with("Reduce") => reduce(node, opset, x, given(1))?,
        "Softmax" | "LogSoftmax" => softmax(node, opset, x)?,
        "Max" | "Min" | "Sum" => joined(&node.operator, inputs)?,
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Equal" | "Less" | "Greater" => {
            two(&node.operator, x, need(1)?)?
        }
        _ => one(node, x, rest)?,
    };
    // Dropout and BatchNormalization may name more outputs, which nothing reads in use
    Ok(vec![y])
}

/// The axes of rows, columns and what is behind them.
fn planes(x: &Tensor) -> Vec<i64> {
    (2..x.dim() as i64).collect()
}

/// Element by element, of one tensor.
fn one(node: &Node, x: &Tensor, rest: &[Option<&Tensor>]) -> Result<Tensor, Fault> {
    let given = |i: usize| rest.get(i).copied().flatten();
    Ok(match node.operator.as_str() {
        "Identity" | "Dropout" => x.shallow_clone(),
        "Relu" => x.f_relu()?,
        "LeakyRelu" => {
            let below = x
                .f_clamp_max(0.0)?
                .f_mul_scalar(node.float("alpha", 0.01))?;
            x.f_clamp_min(0.0)?.f_add(&below)?
        }
        "PRelu" => match given(0) {
            Some(slope) => x
                .f_clamp_min(0.0)?
                .f_add(&x.f_clamp_max(0.0)?.f_mul(slope)?)?,
            None => return unsupported("it has no slope"),
        },
        "Elu" => {
            let below = x
                .f_clamp_max(0.0)?
                .f_expm1()?
                .f_mul_scalar(node.float("alpha", 1.0))?;
            x.f_clamp_min(0.0)?.f_add(&below)?
        }
        "Clip" => {
            let mut y = x.shallow_clone();
            let bound = |i: usize, name: &str| match given(i) {
                Some(t) => Some(first(t)),
                None => node.has(name).then(|| node.float(name, 0.0)),
            };
            if let Some(low) = bound(0, "min") {
                y = y.f_clamp_min(low)?;
            }
            match bound(1, "max") {
                Some(high) => y.f_clamp_max(high)?,
                None => y,
            }
        }
        "HardSigmoid" => {
            let line = x.f_mul_scalar(node.float("alpha", 0.2))?;
            line.f_add_scalar(node.float("beta", 0.5))?
                .f_clamp(0.0, 1.0)?
        }
        "HardSwish" => x.f_hardswish()?,
        "Mish" => x.f_mish()?,
        "Softplus" => x.f_softplus()?,
        "Gelu" => x.f_gelu(node.text("approximate", "none"))?,
        "Sigmoid" => x.f_sigmoid()?,
        "Tanh" => x.f_tanh()?,
        "Erf" => x.f_erf()?,
        "Exp" => x.f_exp()?,
        "Log" => x.f_log()?,
        "Sqrt" => x.f_sqrt()?,
        "Abs" => x.f_abs()?,
        "Neg" => x.f_neg()?,
        "Sign" => x.f_sign()?,
        "Reciprocal" => x.f_reciprocal()?,
        "Floor" => x.f_floor()?,
        "Ceil" => x.f_ceil()?,
        "Round" => x.f_round()?,
        "Not" => x.f_logical_not()?,
        _ => return unsupported("its operator is not known to the trainer"),
    })
}

/// Element by element, of two tensors.
fn two(operator: &str, a: &Tensor, b: &Tensor) -> Result<Tensor, Fault> {
    let whole = a.kind() == Kind::Int64 && b.kind() == Kind::Int64;
    Ok(match operator {
        "Add" => a.f_add(b)?,
        "Sub" => a.f_sub(b)?,
        "Mul" => a.f_mul(b)?,
        "Div" if whole => a.f_div_tensor_mode(b, "trunc")?,
        "Div" => a.f_div(b)?,
        "Pow" => a.f_pow(b)?,
        "Equal" => a.f_eq_tensor(b)?,
        "Less" => a.f_lt_tensor(b)?,
        _ => a.f_gt_tensor(b)?,
    })
}

/// Element by element, of any number of tensors.
fn joined(operator: &str, all: &[Option<&Tensor>]) -> Result<Tensor, Fault> {
    let mut all = all.iter().flatten();
    let Some(first) = all.next() else {
        return unsupported("it has no inputs");
    };
    let mut y = first.shallow_clone();
    for x in all {
        y = match operator {
            "Max" => y.f_maximum(x)?,
            "Min" => y.f_minimum(x)?,
            _ => y.f_add(x)?,
        };
    }
    Ok(y)
}

fn reduce(node: &Node, opset: i64, x: &Tensor, axes: Option<&Tensor>) -> Result<Tensor, Fault> {
    let axes = either(node, "axes", axes)?.filter(|axes| !axes.is_empty());
    if axes.is_none() && opset >= 13 && node.int("noop_with_empty_axes", 0) == 1 {
        return Ok(x.shallow_clone());
    }
    let axes = axes.unwrap_or_else(|| (0..x.dim() as i64).collect());
    let keep = node.int("keepdims", 1) == 1;
    Ok(match node.operator.as_str() {
        "ReduceMean" => x.f_mean_dim(axes.as_slice(), keep, None::<Kind>)?,
        "ReduceSum" => x.f_sum_dim_intlist(axes.as_slice(), keep, None::<Kind>)?,
        "ReduceMax" => x.f_amax(&axes, keep)?,
        _ => x.f_amin(&axes, keep)?,
    })
}

fn softmax(node: &Node, opset: i64, x: &Tensor) -> Result<Tensor, Fault> {
    let over = |x: &Tensor, axis: i64| match node.operator.as_str() {
        "Softmax" => x.f_softmax(axis, None::<Kind>),
        _ => x.f_log_softmax(axis, None::<Kind>),
    };
    if opset >= 13 {
        return Ok(over(x, node.int("axis", -1))?);
    }
    // before, it is over all axes from that one on
    let (size, axis) = (x.size(), node.int("axis", 1));
    let axis = if axis < 0 {
        axis + size.len() as i64
    } else {
        axis
    };
    let front: i64 = size.iter().take(axis.max(0) as usize).product();
    Ok(over(&x.f_reshape([front, -1])?, 1)?.f_reshape(&size)?)
}

fn gemm(node: &Node, a: &Tensor, b: &Tensor, c: Option<&Tensor>) -> Result<Tensor, Fault> {
    let turned = |t: &Tensor, name: &str| match node.int(name, 0) {
        0 => Ok(t.shallow_clone()),
        _ => t.f_transpose(0, 1),
    };
    let product = turned(a, "transA")?.f_matmul(&turned(b, "transB")?)?;
    let product = product.f_mul_scalar(node.float("alpha", 1.0))?;
    Ok(match c {
        Some(c) => product.f_add(&c.f_mul_scalar(node.float("beta", 1.0))?)?,
        None => product,
    })
}

/// Floats stay f32. Planes that become whole numbers stay f32 too, cut to whole numbers, and the gradient passes: they are a
/// picture on its way to where it becomes floats again.
fn cast(node: &Node, x: &Tensor) -> Result<Tensor, Fault> {
    let to = node.int("to", 1) as i32;
    Ok(match to {
        to if data_type::is_float(to) => x.to_kind(Kind::Float),
        data_type::BOOL => x.to_kind(Kind::Bool),
        _ if x.kind() == Kind::Float && x.dim() > 2 => {
            let whole = x.detach().f_trunc()?;
            x.f_add(&whole.f_sub(&x.detach())?)?
        }
        _ => x.to_kind(Kind::Int64),
    })
}

fn fake_quantize(
    node: &Node,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
) -> Result<Tensor, Fault> {
    if scale.numel() != 1 {
        return unsupported("activations that are quantised with a scale a plane are not known");
    }
    let (low, high) = node.range;
    let zero = zero.map_or(0, |zero| first(zero) as i64);
    Ok(x.f_fake_quantize_per_tensor_affine(first(scale), zero, low, high)?)
}

/// Whole numbers, as floats.
fn quantize(
    node: &Node,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
) -> Result<Tensor, Fault> {
    let steps = fake_quantize(node, x, scale, zero)?.f_div_scalar(first(scale))?;
    Ok(match zero {
        Some(zero) => steps.f_add_scalar(first(zero))?,
        None => steps,
    })
}

fn dequantize(
    node: &Node,
    x: &Tensor,
    scale: &Tensor,
    zero: Option<&Tensor>,
) -> Result<Tensor, Fault> {
    if node.int("block_size", 0) != 0 {
        return unsupported("numbers that are quantised in blocks are not known");
    }
    // one scale a plane lies along its axis
    let along = |t: &Tensor| -> Result<Tensor, Fault> {
        let t = t.to_kind(Kind::Float);
        if t.numel() == 1 {
            return Ok(t.f_reshape([])?);
        }
        let mut shape = vec![1; x.dim()];
        let axis = node.int("axis", 1).rem_euclid(x.dim().max(1) as i64);
        shape[axis as usize] = -1;
        Ok(t.f_reshape(&shape)?)
    };
    let mut y = x.to_kind(Kind::Float);
    if let Some(zero) = zero {
        y = y.f_sub(&along(zero)?)?;
    }
    Ok(y.f_mul(&along(scale)?)?)
}
