//! Operators on planes [1, planes, rows, columns]: convolutions, pools, norms.

use tch::{Kind, Tensor};

use super::node::Node;
use super::{Fault, unsupported};

/// A window that goes over planes, in rows and columns.
struct Window {
    kernel: [i64; 2],
    stride: [i64; 2],
    dilation: [i64; 2],
    /// Top, left, bottom, right.
    pads: [i64; 4],
}

impl Window {
    fn new(node: &Node, x: &Tensor, kernel: Option<&[i64]>) -> Result<Self, Fault> {
        let (Some(&[kh, kw]), 4) = (kernel, x.dim()) else {
            return unsupported("only windows of rows and columns are known");
        };
        let pair = |name: &str| match node.ints(name) {
            Some(&[h, w]) => [h, w],
            _ => [1, 1],
        };
        let (kernel, stride, dilation) = ([kh, kw], pair("strides"), pair("dilations"));
        let mut window = Self {
            kernel,
            stride,
            dilation,
            pads: [0; 4],
        };
        let size = x.size();
        for (axis, side) in [size[2], size[3]].into_iter().enumerate() {
            let total = || {
                let steps = (side + stride[axis] - 1) / stride[axis];
                ((steps - 1) * stride[axis] + window.taps(axis) - side).max(0)
            };
            let [before, after] = match node.text("auto_pad", "NOTSET") {
                "SAME_UPPER" => [total() / 2, total() - total() / 2],
                "SAME_LOWER" => [total() - total() / 2, total() / 2],
                "VALID" => [0, 0],
                _ => match node.ints("pads") {
                    Some(&[t, l, b, r]) => [[t, b], [l, r]][axis],
                    _ => [0, 0],
                },
            };
            window.pads[axis] = before;
            window.pads[axis + 2] = after;
        }
        Ok(window)
    }

    /// Pixels from the first to the last tap.
    fn taps(&self, axis: usize) -> i64 {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// The pads as libtorch orders them, from the last axis on.
    fn torch_pads(&self) -> [i64; 4] {
        let [top, left, bottom, right] = self.pads;
        [left, right, top, bottom]
    }

    fn is_even(&self) -> bool {
        let [top, left, bottom, right] = self.pads;
        (top, left) == (bottom, right)
    }
}

fn kernel<'a>(node: &'a Node, size: &'a [i64]) -> Option<&'a [i64]> {
    node.ints("kernel_shape").or(size.get(2..))
}

pub(super) fn conv(
    node: &Node,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor, Fault> {
    let size = weight.size();
    let window = Window::new(node, x, kernel(node, &size))?;
    let padded = match window.is_even() {
        true => x.shallow_clone(),
        false => x.f_constant_pad_nd(window.torch_pads())?,
    };
    let padding = match window.is_even() {
        true => [window.pads[0], window.pads[1]],
        false => [0, 0],
    };
    let (stride, dilation) = (window.stride, window.dilation);
    Ok(padded.f_conv2d(
        weight,
        bias,
        stride,
        padding,
        dilation,
        node.int("group", 1),
    )?)
}

pub(super) fn conv_transpose(
    node: &Node,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor, Fault> {
    if node.has("output_shape") || !matches!(node.text("auto_pad", "NOTSET"), "NOTSET" | "VALID") {
        return unsupported("a ConvTranspose with output_shape or auto_pad is not known");
    }
    let size = weight.size();
    let window = Window::new(node, x, kernel(node, &size))?;
    let more = match node.ints("output_padding") {
        Some(&[h, w]) => [h, w],
        _ => [0, 0],
    };
    let none: Option<&Tensor> = None;
    let (stride, dilation, groups) = (window.stride, window.dilation, node.int("group", 1));
    let mut y = x.f_conv_transpose2d(weight, none, stride, [0, 0], [0, 0], groups, dilation)?;
    // all of it first; then what the pads leave, and what is beyond is 0
    y = y.f_constant_pad_nd([0, more[1], 0, more[0]])?;
    for axis in 0..2 {
        let (before, after) = (window.pads[axis], window.pads[axis + 2]);
        let dim = axis as i64 + 2;
        let length = y.size()[axis + 2] - before - after;
        y = y.f_narrow(dim, before, length)?;
    }
    match bias {
        Some(bias) => Ok(y.f_add(&bias.f_reshape([1, -1, 1, 1])?)?),
        None => Ok(y),
    }
}

/// MaxPool or AveragePool.
pub(super) fn pool(node: &Node, x: &Tensor, max: bool) -> Result<Tensor, Fault> {
    if node.int("storage_order", 0) != 0 {
        return unsupported("a MaxPool of another storage order is not known");
    }
    let mut window = Window::new(node, x, node.ints("kernel_shape"))?;
    if !max && window.dilation != [1, 1] {
        return unsupported("an AveragePool with dilations is not known");
    }
    let counted = window.torch_pads();
    if node.int("ceil_mode", 0) == 1 {
        let size = x.size();
        for axis in 0..2 {
            let (before, after) = (window.pads[axis], window.pads[axis + 2]);
            let (side, stride) = (size[axis + 2], window.stride[axis]);
            let room = side + before + after - window.taps(axis);
            let mut steps = (room + stride - 1) / stride + 1;
            // a window does not begin in the padding behind
            if (steps - 1) * stride >= side + before {
                steps -= 1;
            }
            window.pads[axis + 2] += ((steps - 1) * stride - room).max(0);
        }
    }
    let (kernel, stride, pads) = (window.kernel, window.stride, window.torch_pads());
    let padded = pads != [0; 4];
    if max {
        let x = match padded {
            true => x.f_pad(pads, "constant", f64::NEG_INFINITY)?,
            false => x.shallow_clone(),
        };
        return Ok(x.f_max_pool2d(kernel, stride, [0, 0], window.dilation, false)?);
    }
    let mean = |x: &Tensor| x.f_avg_pool2d(kernel, stride, [0, 0], false, true, None);
    if !padded {
        return Ok(mean(x)?);
    }
    // which pixels count: those of the picture, perhaps the padding, never what a last window lacks
    let size = x.size();
    let ones = Tensor::f_ones([1, 1, size[2], size[3]], (Kind::Float, x.device()))?;
    let ones = match node.int("count_include_pad", 0) {
        1 => ones.f_pad(counted, "constant", 1.0)?,
        _ => ones.f_constant_pad_nd(counted)?,
    };
    let rest: Vec<i64> = pads.iter().zip(counted).map(|(all, c)| all - c).collect();
    let share = mean(&ones.f_constant_pad_nd(&rest)?)?;
    Ok(mean(&x.f_constant_pad_nd(pads)?)?.f_div(&share)?)
}

pub(super) fn batch_norm(node: &Node, x: &Tensor, numbers: [&Tensor; 4]) -> Result<Tensor, Fault> {
    if node.int("training_mode", 0) != 0 {
        return unsupported(
            "it is in training mode, and has no fixed statistics; export in evaluation mode",
        );
    }
    let [weight, bias, mean, variance] = numbers.map(Some);
    let epsilon = node.float("epsilon", 1e-5);
    Ok(x.f_batch_norm(weight, bias, mean, variance, false, 0.0, epsilon, false)?)
}

pub(super) fn instance_norm(
    node: &Node,
    x: &Tensor,
    scale: &Tensor,
    bias: &Tensor,
) -> Result<Tensor, Fault> {
    let (none, epsilon) = (None::<&Tensor>, node.float("epsilon", 1e-5));
    Ok(x.f_instance_norm(
        Some(scale),
        Some(bias),
        none,
        none,
        true,
        0.0,
        epsilon,
        false,
    )?)
}

pub(super) fn layer_norm(
    node: &Node,
    x: &Tensor,
    scale: &Tensor,
    bias: Option<&Tensor>,
) -> Result<Tensor, Fault> {
    let size = x.size();
    let axis = node.int("axis", -1);
    let from = if axis < 0 {
        axis + size.len() as i64
    } else {
        axis
    } as usize;
    let normed = size.get(from..).unwrap_or_default();
    let epsilon = node.float("epsilon", 1e-5);
    Ok(x.f_layer_norm(normed, Some(scale), bias, epsilon, false)?)
}

/// Planes to pixels.
pub(super) fn depth_to_space(node: &Node, x: &Tensor) -> Result<Tensor, Fault> {
    let block = node.int("blocksize", 1);
    if node.text("mode", "DCR") == "CRD" {
        return Ok(x.f_pixel_shuffle(block)?);
    }
    let &[n, c, h, w] = x.size().as_slice() else {
        return unsupported("only planes of rows and columns are known");
    };
    let planes = c / (block * block).max(1);
    let x = x.f_reshape([n, block, block, planes, h, w])?;
    let x = x.f_permute([0, 3, 4, 1, 5, 2])?;
    Ok(x.f_reshape([n, planes, h * block, w * block])?)
}

/// Pixels to planes.
pub(super) fn space_to_depth(node: &Node, x: &Tensor) -> Result<Tensor, Fault> {
    let block = node.int("blocksize", 1).max(1);
    let &[n, c, h, w] = x.size().as_slice() else {
        return unsupported("only planes of rows and columns are known");
    };
    let x = x.f_reshape([n, c, h / block, block, w / block, block])?;
    let x = x.f_permute([0, 3, 5, 1, 2, 4])?;
    Ok(x.f_reshape([n, c * block * block, h / block, w / block])?)
}
