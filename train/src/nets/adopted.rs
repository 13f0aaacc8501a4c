//! The observer of a network that somebody else trained: the shape of `road`'s, made of whatever activations there are.
//!
//! Sides are halved and rounded up, and brought together again by their own sizes, so that it runs at a network's one odd
//! size too.

use super::backbone::backbone;
use super::observer::fuse;
use super::{LOGITS, OWN_LOGIT};
use crate::graph::{Builder, Conv, Graph, ValueId};

/// The layer that brings the network's colours to those of the observer's backbone: one factor and one
/// offset a colour.
pub const COLOURS: &str = "backbone.colours";

/// What a network shows its observer, beside the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Planes of the logits.
    pub classes: i64,
    /// Pixels along a logit.
    pub stride: i64,
    /// Strides and planes of the activations.
    pub activations: Vec<(i64, i64)>,
    /// Whether the observer looks at the picture with a backbone of its own, beside what it is shown.
    pub backbone: bool,
}

impl Shown {
    /// The input of the observer's graph that is the activation of that number.
    pub fn input(activation: usize) -> String {
        format!("seen{activation}")
    }

    /// The observer. Inputs: `image`, [`LOGITS`], [`Self::input`] of all activations. Outputs as of
    /// [`super::Design::observer`], as large as the logits.
    pub fn observer(&self) -> Graph {
        let mut b = Builder::new("observer");
        let image = b.input("image", 3, 1);
        let logits = b.input(LOGITS, self.classes, self.stride);
        let all = self.activations.iter().enumerate();
        // and whether its sides were rounded down
        let mut seen: Vec<(ValueId, bool)> = all
            .map(|(i, &(stride, planes))| (b.input(&Self::input(i), planes, stride), false))
            .collect();
        if self.backbone {
            seen.extend(context(&mut b, image).map(|value| (value, true)));
        }

        let base = self.stride.max(4);
        let mut near: Vec<ValueId> = vec![];
        let mut stride = base;
        loop {
            let name = format!("near{stride}");
            let x = match near.last() {
                None => {
                    let look = b.conv_bn_relu("look", image, 24, [base + 1; 2], base, 1);
                    b.conv_bn(&name, look, width(stride), [1, 1], 1, 1)
                }
                Some(&finer) => b.conv_bn(&name, finer, width(stride), [3, 3], 2, 1),
            };
            let is_last = stride * 2 > 16;
            let mut sum = x;
            for (i, &value) in seen.iter().enumerate() {
                let own = b.shape(value.0).1;
                let here =
                    own == stride || (near.is_empty() && own < stride) || (is_last && own > stride);
                if here {
                    sum = add_source(&mut b, &format!("{name}.seen{i}"), sum, value);
                }
            }
            if near.is_empty() {
                sum = add_source(&mut b, &format!("{name}.said"), sum, (logits, false));
            }
            near.push(b.relu(&format!("{name}.relu"), sum));
            if is_last {
                break;
            }
            stride *= 2;
        }

        let mut x = near[near.len() - 1];
        for (i, dilation) in [2, 4].into_iter().enumerate() {
            let planes = b.shape(x).0;
            x = b.bottleneck(&format!("far.{i}"), x, planes / 2, dilation);
        }
        for &shallow in near.iter().rev().skip(1) {
            let stride = b.shape(shallow).1;
            let (name, planes) = (format!("up{stride}"), if stride == 4 { 24 } else { 64 });
            let deep = b.conv_bn(&format!("{name}.deep"), x, planes, [1, 1], 1, 1);
            let deep = b.resize_to(&format!("{name}.size"), deep, shallow);
            let lateral = b.conv_bn(&format!("{name}.lateral"), shallow, planes, [1, 1], 1, 1);
            let sum = b.add(&format!("{name}.add"), deep, lateral);
            let sum = b.relu(&format!("{name}.relu"), sum);
            x = b.factorised(&format!("{name}.fuse"), sum, 1);
        }
        let own = b.conv("decide", x, 1, [1, 1]);
        let own = b.resize_to("decide.size", own, logits);
        let own = b.rename(own, OWN_LOGIT);
        fuse(b, own, logits)
    }
}

/// What a backbone of the observer's own makes of the picture: at half its size, as that of `road`.
fn context(b: &mut Builder, image: ValueId) -> [ValueId; 3] {
    let each = Conv {
        out_channels: 3,
        kernel: [1, 1],
        stride: 1,
        padding: [0; 4],
        dilation: [1, 1],
        groups: 3,
        bias: true,
    };
    let small = b.average_pool2("small", image);
    let colours = b.conv_op(COLOURS, small, each);
    backbone(b, colours, [2, 4, 10])
}

/// Planes at a stride.
fn width(stride: i64) -> i64 {
    match stride {
        4 => 32,
        8 => 64,
        _ => 96,
    }
}

/// Adds what is seen, in its own measure and brought to the size of the sum: activations of others are of any magnitude.
fn add_source(
    b: &mut Builder,
    name: &str,
    sum: ValueId,
    (seen, rounded_down): (ValueId, bool),
) -> ValueId {
    let (planes, stride) = b.shape(sum);
    let size = format!("{name}.size");
    // the fewer pixels, the cheaper
    let x = match b.shape(seen).1 > stride {
        true => {
            let x = b.conv_bn(name, seen, planes, [1, 1], 1, 1);
            b.fit_to(&size, x, sum)
        }
        false => {
            let x = match rounded_down {
                true => b.fit_to(&size, seen, sum),
                false => b.resize_to(&size, seen, sum),
            };
            b.conv_bn(name, x, planes, [1, 1], 1, 1)
        }
    };
    b.add(&format!("{name}.add"), sum, x)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tch::{Device, Kind, Tensor, no_grad};

    use super::*;
    use crate::nets::OBSERVER;
    use crate::torch::{Mode, Network};

    /// What the observer gives for noise at that size.
    fn run(shown: &Shown, height: i64, width: i64) -> BTreeMap<String, Tensor> {
        let noise = |planes, stride: i64| {
            let side = |n: i64| (n + stride - 1) / stride;
            Tensor::randn(
                [2, planes, side(height), side(width)],
                (Kind::Float, Device::Cpu),
            )
        };
        let mut inputs = vec![
            ("image".to_owned(), noise(3, 1)),
            (LOGITS.to_owned(), noise(shown.classes, shown.stride)),
        ];
        for (i, &(stride, planes)) in shown.activations.iter().enumerate() {
            inputs.push((Shown::input(i), noise(planes, stride)));
        }
        let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
        let network = Network::new(shown.observer(), Device::Cpu);
        no_grad(|| network.forward(&inputs, Mode::Evaluate)).unwrap()
    }

    #[test]
    fn the_output_is_as_large_as_the_logits_at_every_stride_and_at_odd_sizes() {
        let sets: [&[(i64, i64)]; 3] = [
            &[],
            &[(4, 24), (8, 320), (16, 128)],
            &[(2, 8), (32, 40), (8, 5), (8, 7)],
        ];
        for stride in [1, 2, 4, 8, 16, 32] {
            for (activations, backbone) in sets.into_iter().zip([false, true, true]) {
                let shown = Shown {
                    classes: 19,
                    stride,
                    activations: activations.to_vec(),
                    backbone,
                };
                for (h, w) in [(65, 97), (64, 96)] {
                    let out = run(&shown, h, w);
                    let size = [2, 1, (h + stride - 1) / stride, (w + stride - 1) / stride];
                    assert_eq!(out[OBSERVER].size(), size, "{shown:?}");
                    assert_eq!(out[OWN_LOGIT].size(), size, "{shown:?}");
                }
            }
        }
    }
}
