//! Operators that move numbers and compute none.

use tch::{Kind, Tensor};

use super::constants;
use super::node::Node;
use super::{Fault, unsupported};

/// Whole numbers of a tensor.
pub(super) fn list(t: &Tensor) -> Result<Vec<i64>, Fault> {
    Ok(Vec::try_from(t.to_kind(Kind::Int64).f_flatten(0, -1)?)?)
}

/// Numbers of a tensor.
pub(super) fn numbers(t: &Tensor) -> Result<Vec<f32>, Fault> {
    Ok(Vec::try_from(t.to_kind(Kind::Float).f_flatten(0, -1)?)?)
}

/// Numbers that are an attribute in some opsets and an input in others.
pub(super) fn either(
    node: &Node,
    name: &str,
    input: Option<&Tensor>,
) -> Result<Option<Vec<i64>>, Fault> {
    match (input, node.ints(name)) {
        (Some(t), _) => list(t).map(Some),
        (None, Some(values)) => Ok(Some(values.to_vec())),
        (None, None) => Ok(None),
    }
}

/// An axis of that many, counted from the front.
fn axis(at: i64, rank: usize) -> Result<usize, Fault> {
    let rank = rank as i64;
    match (-rank..rank).contains(&at) {
        true => Ok(at.rem_euclid(rank) as usize),
        false => unsupported(format!("there is no axis {at} of {rank}")),
    }
}

pub(super) fn shape(node: &Node, x: &Tensor) -> Result<Tensor, Fault> {
    let size = x.size();
    let rank = size.len() as i64;
    let end = |name: &str, or: i64| {
        let at = node.int(name, or);
        (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize
    };
    let (from, to) = (end("start", 0), end("end", rank));
    let sides = Tensor::from_slice(size.get(from..to).unwrap_or_default());
    // all numbers of a graph are on one device
    Ok(sides.to(x.device()))
}

pub(super) fn reshape(node: &Node, x: &Tensor, shape: &Tensor) -> Result<Tensor, Fault> {
    let (mut shape, size) = (list(shape)?, x.size());
    if node.int("allowzero", 0) == 0 {
        for (side, &before) in shape.iter_mut().zip(&size) {
            if *side == 0 {
                *side = before;
            }
        }
    }
    Ok(x.f_reshape(&shape)?)
}

pub(super) fn flatten(node: &Node, x: &Tensor) -> Result<Tensor, Fault> {
    let size = x.size();
    let at = node.int("axis", 1);
    let at = if at < 0 { at + size.len() as i64 } else { at };
    let front: i64 = size.iter().take(at.max(0) as usize).product();
    Ok(x.f_reshape([front, -1])?)
}

pub(super) fn transpose(node: &Node, x: &Tensor) -> Result<Tensor, Fault> {
    let reversed: Vec<i64> = (0..x.dim() as i64).rev().collect();
    Ok(x.f_permute(node.ints("perm").unwrap_or(&reversed))?)
}

pub(super) fn squeeze(node: &Node, x: &Tensor, axes: Option<&Tensor>) -> Result<Tensor, Fault> {
    match either(node, "axes", axes)? {
        Some(axes) => Ok(x.f_squeeze_dims(&axes)?),
        None => Ok(x.f_squeeze()?),
    }
}

pub(super) fn unsqueeze(node: &Node, x: &Tensor, axes: Option<&Tensor>) -> Result<Tensor, Fault> {
    let axes = either(node, "axes", axes)?.unwrap_or_default();
    let rank = x.dim() + axes.len();
    let mut at = axes
        .iter()
        .map(|&a| axis(a, rank))
        .collect::<Result<Vec<_>, _>>()?;
    at.sort_unstable();
    let mut y = x.shallow_clone();
    for axis in at {
        y = y.f_unsqueeze(axis as i64)?;
    }
    Ok(y)
}

pub(super) fn slice(node: &Node, x: &Tensor, rest: &[Option<&Tensor>]) -> Result<Tensor, Fault> {
    let given = |i: usize| rest.get(i).copied().flatten();
    let (Some(starts), Some(ends)) = (
        either(node, "starts", given(0))?,
        either(node, "ends", given(1))?,
    ) else {
        return unsupported("it does not say where it begins and ends");
    };
    let all: Vec<i64> = (0..starts.len() as i64).collect();
    let axes = either(node, "axes", given(2))?.unwrap_or(all);
    let steps = match given(3) {
        Some(steps) => list(steps)?,
        None => vec![1; starts.len()],
    };
    let mut y = x.shallow_clone();
    for (((start, end), at), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let at = axis(at, y.dim())?;
        let side = y.size()[at];
        let from_front = |i: i64| if i < 0 { i.saturating_add(side) } else { i };
        let (start, end) = (from_front(start), from_front(end));
        if step == 0 {
            return unsupported("its step is 0");
        }
        let picked: Vec<i64> = match step > 0 {
            true => (start.clamp(0, side)..end.clamp(0, side))
                .step_by(step as usize)
                .collect(),
            false => {
                let (first, last) = (start.clamp(-1, side - 1), end.clamp(-1, side - 1));
                let down = (last + 1..=first).rev();
                down.step_by(step.unsigned_abs() as usize).collect()
            }
        };
        let dim = at as i64;
        y = match (step, picked.first()) {
            (1, Some(&first)) => y.f_narrow(dim, first, picked.len() as i64)?,
            _ => y.f_index_select(dim, &Tensor::from_slice(&picked).to(y.device()))?,
        };
    }
    Ok(y)
}

pub(super) fn split(node: &Node, x: &Tensor, sizes: Option<&Tensor>) -> Result<Vec<Tensor>, Fault> {
    let at = axis(node.int("axis", 0), x.dim())?;
    let side = x.size()[at];
    let sizes = match either(node, "split", sizes)? {
        Some(sizes) => sizes,
        None => {
            let parts = node.outputs.len().max(1) as i64;
            let each = (side + parts - 1) / parts;
            (0..parts)
                .map(|i| (side - i * each).clamp(0, each))
                .collect()
        }
    };
    Ok(x.f_split_with_sizes(&sizes, at as i64)?)
}

pub(super) fn gather(node: &Node, x: &Tensor, index: &Tensor) -> Result<Tensor, Fault> {
    let at = axis(node.int("axis", 0), x.dim())?;
    let size = x.size();
    let flat: Vec<i64> = list(index)?
        .into_iter()
        .map(|i| if i < 0 { i + size[at] } else { i })
        .collect();
    let flat = Tensor::from_slice(&flat).to(x.device());
    let mut shape = size[..at].to_vec();
    shape.extend(index.size());
    shape.extend(&size[at + 1..]);
    Ok(x.f_index_select(at as i64, &flat)?.f_reshape(&shape)?)
}

pub(super) fn expand(x: &Tensor, shape: &Tensor) -> Result<Tensor, Fault> {
    let (mut shape, size) = (list(shape)?, x.size());
    while shape.len() < size.len() {
        shape.insert(0, 1);
    }
    let offset = shape.len() - size.len();
    for (side, &before) in shape[offset..].iter_mut().zip(&size) {
        if *side == 1 {
            *side = before;
        }
    }
    Ok(x.f_expand(&shape, false)?)
}

pub(super) fn concat(node: &Node, xs: &[Option<&Tensor>]) -> Result<Tensor, Fault> {
    let all: Vec<&Tensor> = xs.iter().flatten().copied().collect();
    Ok(Tensor::f_cat(&all, node.int("axis", 1))?)
}

pub(super) fn pad(node: &Node, x: &Tensor, rest: &[Option<&Tensor>]) -> Result<Tensor, Fault> {
    let given = |i: usize| rest.get(i).copied().flatten();
    let Some(pads) = either(node, "pads", given(0))? else {
        return unsupported("it does not say how much");
    };
    let value = match given(1) {
        Some(value) => super::first(value),
        None => node.float("value", 0.0),
    };
    let rank = x.dim();
    let axes = match given(2) {
        Some(axes) => list(axes)?,
        None => (0..rank as i64).collect(),
    };
    // libtorch counts axes from the last
    let mut torch = vec![0; 2 * rank];
    for (i, &at) in axes.iter().enumerate() {
        let back = rank - 1 - axis(at, rank)?;
        let (before, after) = (pads.get(i), pads.get(i + axes.len()));
        torch[2 * back] = before.copied().unwrap_or(0);
        torch[2 * back + 1] = after.copied().unwrap_or(0);
    }
    while torch.ends_with(&[0, 0]) {
        torch.truncate(torch.len() - 2);
    }
    if torch.is_empty() {
        return Ok(x.shallow_clone());
    }
    Ok(match node.text("mode", "constant") {
        "constant" => x.f_pad(&torch, "constant", value)?,
        "reflect" => x.f_pad(&torch, "reflect", None)?,
        "edge" => x.f_pad(&torch, "replicate", None)?,
        other => return unsupported(format!("its mode {other:?} is not known")),
    })
}

pub(super) fn constant_of_shape(node: &Node, shape: &Tensor) -> Result<Tensor, Fault> {
    let value = match node.tensor("value") {
        Some(value) => match constants::read(value) {
            Ok(value) => value,
            Err(error) => return unsupported(error.to_string()),
        },
        None => Tensor::from(0f32),
    };
    let value = value.to(shape.device());
    let size = list(shape)?;
    let ones = vec![1; size.len()];
    Ok(value
        .f_reshape(&ones)?
        .f_expand(&size, false)?
        .f_contiguous()?)
}
