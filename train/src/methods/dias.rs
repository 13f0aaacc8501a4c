//! DIAS (Moon et al., ECCV 2022), per pixel: a copycat network, half as wide, learns to mimic what the
//! frozen network makes of a picture. Where its activations take the place of the true ones, inside
//! random shapes, they are a moderately hard fake, whose label is half smoothed; pasted things of no
//! class are the plain fakes, whose label is all classes alike. The last layers are trained on.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::trunk::{Quarter, entropy, mean_where};
use super::{FrameLoss, Known, Method, MethodError, SCORE, Scenes, Step, Training, tail};
use crate::data::{Batch, Canvas, Rng, random_shapes};
use crate::graph::{Builder, Graph};
use crate::nets::{Design, LOGITS};
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dias {
    /// Weight of the fakes.
    pub weight: f64,
}

/// Smoothing of the labels of moderately hard fakes.
const MODERATE: f64 = 0.5;
/// Radius of the shapes, in pixels.
const RADIUS: (f32, f32) = (12.0, 80.0);
/// What is mimicked, and what the copy is called.
const COPIED: [(&str, &str); 2] = [("detail4", "copy4"), ("decoder8", "copy8")];

impl Method for Dias {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let logits = tail::tail(&mut b, design)?;
        let score = b.energy(SCORE, logits);
        let image = b.input("image", 3, 1);
        let x = b.patchify("copy.look", image, 16, 4);
        let x = b.relu("copy.look.relu", x);
        let near = b.factorised("copy.near", x, 1);
        let copy4 = b.conv(COPIED[0].1, near, 32, [1, 1]);
        let x = b.patchify("copy.down", near, 32, 2);
        let x = b.relu("copy.down.relu", x);
        let x = b.factorised("copy.far", x, 2);
        let copy8 = b.conv(COPIED[1].1, x, 64, [1, 1]);
        Ok(b.finish(&[score, logits, copy4, copy8]))
    }

    fn classes(&self) -> Option<&'static str> {
        Some(LOGITS)
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }
}

impl FrameLoss for Dias {
    fn alter(&self, canvas: &mut Canvas, scenes: &Scenes, rng: &mut Rng) {
        canvas.attack = random_shapes(canvas.width, canvas.height, 2, RADIUS, rng);
        scenes.paste_unknown(canvas, rng);
    }

    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        _step: Step,
    ) -> anyhow::Result<Tensor> {
        let seen = known.see(&batch.image.to(known.device))?;
        let inputs = seen.inputs();
        let out = network.forward(&inputs, Mode::Train)?;
        let quarter = Quarter::of(batch, known.device);
        let mut loss = entropy(&out[LOGITS], &quarter);
        let shape = batch.attack.to(known.device);
        let mut mixed = vec![];
        for (own, copy) in COPIED {
            let given = inputs.iter().find(|i| i.0 == own).map(|i| i.1);
            let (Some(given), copy) = (given, &out[copy]) else {
                anyhow::bail!("the networks have no {own}");
            };
            loss += (copy - given).abs().mean(Kind::Float);
            mixed.push((own, injected(given, copy, &shape)));
        }
        let mut inputs: Vec<(&str, &Tensor)> = mixed.iter().map(|(n, t)| (*n, t)).collect();
        inputs.extend(seen.inputs().into_iter().filter(|i| i.0 == "image"));
        let faked = &network.forward(&inputs, Mode::Train)?[LOGITS];
        let size = faked.size();
        let inside = shape
            .upsample_nearest2d([size[2], size[3]], None, None)
            .squeeze_dim(1);
        let inside = inside.gt(0.0).logical_and(&quarter.known);
        let label = quarter.label.clamp_max(size[1] - 1);
        let moderate = smoothed(faked, &label, MODERATE);
        let plain = smoothed(&out[LOGITS], &label, 1.0);
        let fakes = mean_where(&moderate, &inside) + mean_where(&plain, &quarter.unknown);
        Ok(loss + fakes * (self.weight / 2.0))
    }
}

/// The copy inside the shape, the own outside; no gradient goes back into the copy.
fn injected(own: &Tensor, copy: &Tensor, shape: &Tensor) -> Tensor {
    let size = own.size();
    let shape = shape
        .upsample_nearest2d([size[2], size[3]], None, None)
        .gt(0.0);
    copy.detach().where_self(&shape, own)
}

/// Cross entropy with a label of which so much is spread over all classes, [N, h, w].
fn smoothed(logits: &Tensor, label: &Tensor, smoothing: f64) -> Tensor {
    let logp = logits.log_softmax(1, Kind::Float);
    let own = -logp.gather(1, &label.unsqueeze(1), false).squeeze_dim(1);
    let all = -logp.mean_dim([1i64].as_slice(), false, Kind::Float);
    own * (1.0 - smoothing) + all * smoothing
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOAT: (Kind, tch::Device) = (Kind::Float, tch::Device::Cpu);

    #[test]
    fn where_the_copy_is_the_own_nothing_changes_and_outside_nothing_ever_does() {
        tch::manual_seed(5);
        let [own, copy] = [0, 1].map(|_| Tensor::randn([1, 3, 4, 4], FLOAT));
        let shape = Tensor::zeros([1, 1, 16, 16], FLOAT);
        let _ = shape.narrow(3, 8, 8).fill_(1.0);
        assert_eq!(injected(&own, &own, &shape), own);
        let mixed = injected(&own, &copy, &shape);
        assert_eq!(mixed.narrow(3, 0, 2), own.narrow(3, 0, 2));
        assert_eq!(mixed.narrow(3, 2, 2), copy.narrow(3, 2, 2));
    }

    #[test]
    fn no_gradient_of_the_classifier_reaches_the_copycat() {
        let own = Tensor::ones([1, 1, 2, 2], FLOAT).set_requires_grad(true);
        let copy = Tensor::ones([1, 1, 2, 2], FLOAT).set_requires_grad(true);
        let shape = Tensor::ones([1, 1, 8, 8], FLOAT);
        let _ = shape.narrow(3, 0, 4).fill_(0.0);
        let mixed = injected(&own, &copy, &shape).square().sum(Kind::Float);
        mixed.backward();
        assert!(!copy.grad().defined());
        let gradient: Vec<f32> = own.grad().flatten(0, -1).try_into().unwrap();
        assert_eq!(gradient, [2.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn a_label_that_is_all_classes_alike_is_met_by_equal_probabilities() {
        let label = Tensor::from_slice(&[1i64]).reshape([1, 1, 1]);
        let loss = |z: [f32; 4]| {
            let z = Tensor::from_slice(&z).reshape([1, 4, 1, 1]);
            smoothed(&z, &label, 1.0).double_value(&[0, 0, 0])
        };
        assert!((loss([0.4; 4]) - 4f64.ln()).abs() < 1e-6);
        assert!(loss([0.4, 0.5, 0.4, 0.4]) > 4f64.ln());
        assert!(loss([0.0, 3.0, 0.0, 0.0]) > 4f64.ln());
    }
}
