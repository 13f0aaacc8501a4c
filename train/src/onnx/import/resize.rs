//! Resize and Upsample, in all their ways but cubic ones.

use tch::{Kind, Tensor};

use super::node::Node;
use super::shapes::{list, numbers};
use super::{Fault, unsupported};

/// How sides change.
struct Plan<'a> {
    linear: bool,
    coordinates: &'a str,
    rounding: &'a str,
    /// For each axis: sides before and after, and how many times larger.
    axes: Vec<(i64, i64, f32)>,
}

/// Resize, by the scales or the sizes that it is given; Upsample, by scales.
pub(super) fn resize(
    node: &Node,
    opset: i64,
    x: &Tensor,
    rest: &[Option<&Tensor>],
) -> Result<Tensor, Fault> {
    let linear = match node.text("mode", "nearest") {
        "nearest" => false,
        "linear" | "bilinear" => true,
        other => {
            return unsupported(format!(
                "its mode {other:?} is not known, only nearest and linear"
            ));
        }
    };
    if node.int("antialias", 0) != 0
        || node.text("keep_aspect_ratio_policy", "stretch") != "stretch"
    {
        return unsupported("antialias and keep_aspect_ratio_policy are not known");
    }
    // before opset 11 there is one way, and scales are the second input
    let old = opset < 11;
    let coordinates = match old {
        true => "asymmetric",
        false => node.text("coordinate_transformation_mode", "half_pixel"),
    };
    let rounding = match old {
        true => "old",
        false => node.text("nearest_mode", "round_prefer_floor"),
    };
    let given = |i: usize| rest.get(i).copied().flatten().filter(|t| t.numel() > 0);
    let (scales, sizes) = match old {
        true => (given(0), None),
        false => (given(1), given(2)),
    };
    let before = x.size();
    let rank = before.len();
    let at: Vec<usize> = match node.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|&a| a.rem_euclid(rank as i64) as usize)
            .collect(),
        None => (0..rank).collect(),
    };
    let mut axes: Vec<(i64, i64, f32)> = before.iter().map(|&n| (n, n, 1.0)).collect();
    let scales = match (scales, node.floats("scales")) {
        (Some(scales), _) => Some(numbers(scales)?),
        (None, Some(scales)) => Some(scales.to_vec()),
        (None, None) => None,
    };
    match (scales, sizes) {
        (_, Some(sizes)) => {
            for (&axis, size) in at.iter().zip(list(sizes)?) {
                axes[axis].1 = size;
                axes[axis].2 = size as f32 / axes[axis].0 as f32;
            }
        }
        (Some(scales), None) => {
            for (&axis, scale) in at.iter().zip(scales) {
                axes[axis].1 = (axes[axis].0 as f32 * scale).floor() as i64;
                axes[axis].2 = scale;
            }
        }
        (None, None) => return unsupported("it has neither scales nor sizes"),
    }
    let plan = Plan {
        linear,
        coordinates,
        rounding,
        axes,
    };
    plan.run(x)
}

impl Plan<'_> {
    fn run(&self, x: &Tensor) -> Result<Tensor, Fault> {
        if let Some(y) = self.by_libtorch(x)? {
            return Ok(y);
        }
        let mut y = x.shallow_clone();
        for (axis, &(before, after, scale)) in self.axes.iter().enumerate() {
            if before == after && scale == 1.0 {
                continue;
            }
            let at = self.places(before, after, scale)?;
            y = match self.linear {
                true => mix(&y, axis, before, &at)?,
                false => {
                    let at: Vec<i64> = at.iter().map(|&v| self.round(v, scale, before)).collect();
                    y.f_index_select(axis as i64, &Tensor::from_slice(&at).to(x.device()))?
                }
            };
        }
        Ok(y)
    }

    /// The usual ways, which libtorch has.
    fn by_libtorch(&self, x: &Tensor) -> Result<Option<Tensor>, Fault> {
        let [(_, _, 1.0), (_, _, 1.0), rows, columns] = self.axes[..] else {
            return Ok(None);
        };
        let corners = match self.coordinates {
            "align_corners" => true,
            "half_pixel" => false,
            "pytorch_half_pixel" if rows.1 > 1 && columns.1 > 1 => false,
            _ => return Ok(None),
        };
        if !self.linear {
            return Ok(None);
        }
        let size = [rows.1, columns.1];
        let times = [rows.2, columns.2].map(f64::from);
        let y = x.f_upsample_bilinear2d(size, corners, times[0], times[1])?;
        Ok(Some(y))
    }

    /// For each pixel after, where it was before; in f32, as in the engines, or what is half way between two pixels falls to
    /// another one.
    fn places(&self, before: i64, after: i64, scale: f32) -> Result<Vec<f32>, Fault> {
        let (n, m) = (before as f32, after as f32);
        let half = |i: f32| (i + 0.5) / scale - 0.5;
        let place = |i: f32| match self.coordinates {
            "half_pixel" => Some(half(i)),
            "pytorch_half_pixel" => Some(if after > 1 { half(i) } else { 0.0 }),
            "align_corners" => Some(if after > 1 {
                i * (n - 1.0) / (m - 1.0)
            } else {
                0.0
            }),
            "asymmetric" => Some(i / scale),
            "half_pixel_symmetric" => Some(n / 2.0 * (1.0 - m / (scale * n)) + half(i)),
            _ => None,
        };
        let all: Option<Vec<f32>> = (0..after).map(|i| place(i as f32)).collect();
        match all {
            Some(all) => Ok(all),
            None => unsupported(format!(
                "its coordinate_transformation_mode {:?} is not known",
                self.coordinates
            )),
        }
    }

    fn round(&self, at: f32, scale: f32, side: i64) -> i64 {
        let nearest = match self.rounding {
            "round_prefer_ceil" => (at + 0.5).floor(),
            "floor" => at.floor(),
            "ceil" => at.ceil(),
            "old" if scale < 1.0 => at.ceil(),
            "old" => at.floor(),
            _ => (at - 0.5).ceil(),
        };
        (nearest as i64).clamp(0, side - 1)
    }
}

/// Between the two pixels that are nearest to each place.
fn mix(x: &Tensor, axis: usize, side: i64, at: &[f32]) -> Result<Tensor, Fault> {
    let at: Vec<f32> = at.iter().map(|v| v.clamp(0.0, (side - 1) as f32)).collect();
    let low: Vec<i64> = at.iter().map(|v| v.floor() as i64).collect();
    let high: Vec<i64> = low.iter().map(|v| (v + 1).min(side - 1)).collect();
    let share: Vec<f32> = at.iter().map(|v| v - v.floor()).collect();
    let mut shape = vec![1; x.dim()];
    shape[axis] = -1;
    let share = Tensor::from_slice(&share)
        .to(x.device())
        .f_reshape(&shape)?;
    let pick = |index: &[i64]| {
        let index = Tensor::from_slice(index).to(x.device());
        x.to_kind(Kind::Float).f_index_select(axis as i64, &index)
    };
    let (low, high) = (pick(&low)?, pick(&high)?);
    Ok(low.f_add(&high.f_sub(&low)?.f_mul(&share)?)?)
}
