//! GROOD (arXiv 2312.14427), per pixel and in closed form.
//!
//! A class is the mean of its features, and one more prototype stands for what is unknown: features
//! that were mixed halfway with those of the second likeliest class, at an early layer, and passed
//! through the rest. The logits of a pixel are its distances to all prototypes, negative; what is
//! compared is the gradient of their loss with respect to the unknown prototype,
//! `q (h - p) / |h - p|`, where q is the probability of the unknown. The score is the squared distance
//! to the nearest of some gradients of known pixels: squared, because a root near zero is nothing but
//! rounding, and no order changes.

use serde::{Deserialize, Serialize};
use tch::{Kind as Number, Tensor, no_grad};

use super::{FEATURES, Kind, Known, Method, MethodError, SCORE, Seen, distances, read, within};
use crate::data::CLASSES;
use crate::graph::{Builder, Conv, Graph, Reduce, ValueId};
use crate::nets::Design;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grood {
    /// What is made of the gradient.
    pub score: GroodScore,
    /// Gradients that are kept of each class.
    pub centres: i64,
    /// Share of the own features in the mix, 0 to 1.
    pub mix: f64,
}

/// What is made of the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroodScore {
    /// Squared distance to the nearest that is known.
    Nearest,
    /// Its length, which is the probability of the unknown prototype.
    Length,
}

/// The last layers' inputs, at 1/8 and 1/4: what is mixed.
const EARLY: [&str; 2] = ["decoder8", "detail4"];
/// A distance below this is none.
const LEAST: f32 = 1e-6;
/// Rows that the centres are made of, at most.
const ROWS: i64 = 2000;

impl Method for Grood {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        within("centres", self.centres, 1..=256)?;
        within("mix", self.mix, 0.0..=1.0)?;
        let mut b = Builder::new("head");
        let features = read(&mut b, design, FEATURES)?;
        let [gradient, unknown] = gradient(&mut b, features, CLASSES);
        let score = match self.score {
            GroodScore::Length => b.rename(unknown, SCORE),
            GroodScore::Nearest => {
                let all = distances::squared(&mut b, "known", gradient, self.centres * CLASSES);
                b.reduce(SCORE, all, Reduce::Min)
            }
        };
        Ok(b.finish(&[score, gradient]))
    }

    fn kind(&self) -> Kind {
        match self.score {
            GroodScore::Nearest => Kind::Energy,
            GroodScore::Length => Kind::Probability,
        }
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        let pixels = &known.pixels;
        let classes = class_means(&pixels.features, &pixels.label);
        let unknown = self.unknown_prototype(known)?;
        write(network, &Tensor::cat(&[classes, unknown], 0))?;
        if self.score == GroodScore::Length {
            return Ok(());
        }
        let right = pixels.logits.argmax(1, false).eq_tensor(&pixels.label);
        let right = pixels.select(&right.nonzero().squeeze_dim(1));
        let planes = super::as_planes(&right.features);
        let out = no_grad(|| network.forward(&[(FEATURES, &planes)], Mode::Evaluate))?;
        let gradients = super::as_rows(&out["gradient"]).to_kind(Number::Double);
        write_known(network, &gradients, &right.label, self.centres)
    }
}

/// The gradient, as many planes as the features have, and the probability of the unknown prototype.
fn gradient(b: &mut Builder, features: ValueId, classes: i64) -> [ValueId; 2] {
    let planes = b.shape(features).0;
    let squared = distances::squared(b, "prototypes", features, classes + 1);
    let distance = b.sqrt("distance", squared);
    let logits = b.affine("likeness", distance, -1.0, 0.0);
    let all = b.softmax("probabilities", logits);
    // the last plane
    let unknown = b.conv("unknown", all, 1, [1, 1]);
    let far = b.conv("far", distance, 1, [1, 1]);
    let away = b.conv_op("away", features, each_plane(planes));
    let far = b.clip("not_none", far, LEAST, f32::MAX);
    let weight = b.div("weight", unknown, far);
    [b.mul("gradient", away, weight), unknown]
}

/// A factor and an offset for each plane.
fn each_plane(planes: i64) -> Conv {
    Conv {
        out_channels: planes,
        kernel: [1, 1],
        stride: 1,
        padding: [0; 4],
        dilation: [1, 1],
        groups: planes,
        bias: true,
    }
}

/// Puts the prototypes [K + 1, C] in, the unknown one last.
fn write(network: &Network, prototypes: &Tensor) -> anyhow::Result<()> {
    let last = prototypes.size()[0] - 1;
    distances::write(network, "prototypes", prototypes)?;
    let unknown = prototypes.get(last);
    network.set("away.weight", &unknown.ones_like())?;
    network.set("away.bias", &-unknown)?;
    let mut pick = vec![0.0f32; last as usize + 1];
    pick[last as usize] = 1.0;
    for name in ["unknown.weight", "far.weight"] {
        network.set(name, &Tensor::from_slice(&pick))?;
    }
    for name in ["unknown.bias", "far.bias"] {
        network.set(name, &Tensor::from_slice(&[0.0f32]))?;
    }
    Ok(())
}

fn write_known(
    network: &Network,
    gradients: &Tensor,
    label: &Tensor,
    each: i64,
) -> anyhow::Result<()> {
    let mut centres = vec![];
    for class in 0..CLASSES {
        let own = label.eq(class).nonzero().squeeze_dim(1);
        let own = own.narrow(0, 0, own.size()[0].min(ROWS));
        if own.size()[0] > 0 {
            centres.push(distances::k_means(&gradients.index_select(0, &own), each));
        }
    }
    let centres = Tensor::cat(&centres, 0);
    // too few: some stand twice
    let wanted = Tensor::arange(each * CLASSES, (Number::Int64, centres.device()));
    let centres = centres.index_select(0, &wanted.remainder(centres.size()[0]));
    distances::write(network, "known", &centres)?;
    Ok(())
}

/// Means [K, C] of the rows of each class; of all rows for a class without.
fn class_means(rows: &Tensor, label: &Tensor) -> Tensor {
    super::gaussians::Gaussians::of(rows, label, CLASSES).means
}

impl Grood {
    /// The mean of mixed features, [1, C].
    fn unknown_prototype(&self, known: &Known<'_>) -> anyhow::Result<Tensor> {
        let mut b = Builder::new("tail");
        let design = known.design;
        let end = design
            .end(&mut b, CLASSES)
            .ok_or(MethodError::NoEnd { design })?;
        let tail = Network::new(b.finish(&end), known.device);
        tail.borrow_from(known.segmentation);
        let seen = known.frames.iter().map(|p| known.see_picture(p));
        let seen: Vec<Seen> = seen.collect::<anyhow::Result<_>>()?;
        let means = [0, 1].map(|i| early_means(&seen, EARLY[i], 2 - i as i64));
        let mut all = vec![];
        for seen in &seen {
            let second = seen.logits().topk(2, 1, true, true).1.select(1, 1);
            let mixed = [0, 1].map(|i| {
                let second = thinned(&second, 2 - i as i64);
                seen.value(EARLY[i]).map(|own| {
                    let other = means[i].index_select(0, &second.flatten(0, -1));
                    let size = own.size();
                    let other = other.reshape([size[0], size[2], size[3], size[1]]);
                    own * self.mix + other.permute([0, 3, 1, 2]) * (1.0 - self.mix)
                })
            });
            let [Some(deep), Some(shallow)] = mixed else {
                anyhow::bail!("the networks have no {EARLY:?}");
            };
            let inputs = [(EARLY[0], &deep), (EARLY[1], &shallow)];
            let out = no_grad(|| tail.forward(&inputs, Mode::Evaluate))?;
            let rows = super::as_rows(&out[FEATURES]).to_kind(Number::Double);
            all.push(rows.mean_dim([0i64].as_slice(), true, Number::Double));
        }
        anyhow::ensure!(!all.is_empty(), "there are no pictures to mix");
        let all = Tensor::cat(&all, 0);
        Ok(all.mean_dim([0i64].as_slice(), true, Number::Double))
    }
}

/// Every so many pixels in both directions one.
fn thinned(classes: &Tensor, every: i64) -> Tensor {
    let size = classes.size();
    classes
        .slice(1, 0, size[1], every)
        .slice(2, 0, size[2], every)
}

/// Mean of an early activation over the pixels that are seen as each class, [K, C].
fn early_means(seen: &[Seen], name: &str, every: i64) -> Tensor {
    let (mut rows, mut classes) = (vec![], vec![]);
    for seen in seen {
        if let Some(value) = seen.value(name) {
            rows.push(super::as_rows(value));
            let class = seen.logits().argmax(1, false);
            classes.push(thinned(&class, every).flatten(0, -1));
        }
    }
    let means = class_means(&Tensor::cat(&rows, 0), &Tensor::cat(&classes, 0));
    means.to_kind(Number::Float)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;

    /// The gradient's planes, then the probability, for prototypes of one class and the unknown.
    fn gradient_at(h: &[f64], class: &[f64], unknown: &[f64]) -> Vec<f64> {
        let planes = h.len() as i64;
        let mut b = Builder::new("head");
        let features = b.input(FEATURES, planes, 4);
        let [gradient, probability] = gradient(&mut b, features, 1);
        let both = b.concat("both", &[gradient, probability]);
        let network = Network::new(b.finish(&[both]), tch::Device::Cpu);
        let prototypes = Tensor::from_slice(&[class, unknown].concat()).reshape([2, planes]);
        write(&network, &prototypes).unwrap();
        forward(&network, &[(FEATURES, &plane(h))])
    }

    fn near(found: &[f64], wanted: &[f64], by: f64) {
        let apart = found.iter().zip(wanted).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) < by, "{found:?} {wanted:?}");
    }

    #[test]
    fn the_gradient_is_that_computed_by_hand() {
        // distances 1 and 3: logits -1 and -3
        let found = gradient_at(&[1.0, 0.0], &[0.0, 0.0], &[4.0, 0.0]);
        near(&found, &[-0.119_202_9, 0.0, 0.119_202_9], 1e-6);
    }

    #[test]
    fn the_closed_form_agrees_with_finite_differences() {
        // the loss of the likelier class, here in double precision
        let loss = |h: [f64; 3], p: [f64; 3], o: [f64; 3]| {
            let far = |c: [f64; 3]| {
                let sum: f64 = h.iter().zip(c).map(|(a, b)| (a - b) * (a - b)).sum();
                -sum.sqrt()
            };
            let (s, u) = (far(p), far(o));
            (s.exp() + u.exp()).ln() - s
        };
        let (h, p, o) = ([0.4, -1.1, 0.7], [0.0, -0.5, 1.0], [1.5, 0.3, -0.2]);
        let found = gradient_at(&h, &p, &o);
        for i in 0..3 {
            let (mut more, mut less) = (o, o);
            more[i] += 1e-5;
            less[i] -= 1e-5;
            let slope = (loss(h, p, more) - loss(h, p, less)) / 2e-5;
            assert!((found[i] - slope).abs() < 1e-6, "{i}: {} {slope}", found[i]);
        }
    }

    #[test]
    fn moving_everything_alike_changes_nothing() {
        let (h, p, o) = ([1.0, 0.5], [0.0, 0.0], [4.0, 1.0]);
        let moved = |v: [f64; 2]| [v[0] + 2.5, v[1] - 1.25];
        let found = gradient_at(&moved(h), &moved(p), &moved(o));
        near(&found, &gradient_at(&h, &p, &o), 1e-5);
    }

    #[test]
    fn a_pixel_that_is_kept_scores_nothing() {
        let grood = Grood {
            score: GroodScore::Nearest,
            centres: 1,
            mix: 0.5,
        };
        let network = Network::new(grood.graph(Design::Road).unwrap(), tch::Device::Cpu);
        tch::manual_seed(4);
        let prototypes = Tensor::randn([12, 48], (Number::Double, tch::Device::Cpu));
        write(&network, &prototypes).unwrap();
        let rows = Tensor::randn([11, 48], (Number::Float, tch::Device::Cpu));
        let planes = super::super::as_planes(&rows);
        let out = network
            .forward(&[(FEATURES, &planes)], Mode::Evaluate)
            .unwrap();
        let gradients = super::super::as_rows(&out["gradient"]).to_kind(Number::Double);
        let label = Tensor::arange(11, (Number::Int64, tch::Device::Cpu));
        write_known(&network, &gradients, &label, 1).unwrap();
        let score =
            |x: &Tensor| network.forward(&[(FEATURES, x)], Mode::Evaluate).unwrap()[SCORE].copy();
        assert!(score(&planes).abs().max().double_value(&[]) < 1e-6);
        let other = score(&(planes + 0.5)).min().double_value(&[]);
        assert!(other > 1e-6, "{other}");
    }
}
