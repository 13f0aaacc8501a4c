//! Pictures that are made more familiar before they are judged (ODIN, and without data of unknown things in
//! Generalized ODIN, Hsu et al., CVPR 2020): a step against the sign of the score's gradient. Known things are
//! said to gain more by it than unknown ones. It needs a way back through both networks for every
//! frame, so no head can do it: it is in the table only.

use tch::{Kind, Tensor, no_grad};

use super::{Seen, see};
use crate::torch::{Mode, Network};

/// The steps that are tried, in units of the normalised picture.
const STEPS: [f64; 6] = [0.0025, 0.005, 0.01, 0.02, 0.04, 0.08];

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Perturbation<'a> {
    /// What makes logits and activations of a picture.
    pub(crate) segmentation: &'a Network,
    /// The head.
    pub(crate) head: &'a Network,
    /// Name of its score plane.
    pub(crate) output: &'a str,
}

impl Perturbation<'_> {
    /// What is seen of the picture after a step of `epsilon`.
    pub(crate) fn of(&self, seen: &Seen, epsilon: f64) -> anyhow::Result<Seen> {
        self.moved(seen, &self.direction(seen)?, epsilon)
    }

    /// The step after which known things have the lowest mean score.
    pub(crate) fn tune(&self, known: &[Seen]) -> anyhow::Result<f64> {
        let mut sums = STEPS.map(|epsilon| (0.0, epsilon));
        for seen in known {
            let direction = self.direction(seen)?;
            for (sum, epsilon) in &mut sums {
                let moved = self.moved(seen, &direction, *epsilon)?;
                let out = no_grad(|| self.head.forward(&moved.inputs(), Mode::Evaluate))?;
                *sum += out[self.output].mean(Kind::Double).double_value(&[]);
            }
        }
        let least = sums.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        Ok(least.map_or(STEPS[0], |(_, epsilon)| epsilon))
    }

    /// Where the score rises, -1, 0 or 1 for each value of the picture.
    fn direction(&self, seen: &Seen) -> anyhow::Result<Tensor> {
        let image = seen.image().detach().copy().set_requires_grad(true);
        let again = Seen::with_gradient(self.segmentation, image)?;
        let out = self.head.forward(&again.inputs(), Mode::Evaluate)?;
        let sum = out[self.output].sum(Kind::Float);
        let gradient = Tensor::run_backward(&[sum], &[again.image()], false, false);
        Ok(gradient[0].sign().detach())
    }

    fn moved(&self, seen: &Seen, direction: &Tensor, epsilon: f64) -> anyhow::Result<Seen> {
        see(self.segmentation, seen.image() - direction * epsilon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Builder;
    use crate::methods::SCORE;

    #[test]
    fn each_value_of_the_picture_goes_one_step_to_where_the_score_falls() {
        // features are 2 r - 3 g + 0 b, the score is their negative
        let mut b = Builder::new("segmentation");
        let image = b.input("image", 3, 1);
        let features = b.conv("features", image, 1, [1, 1]);
        let segmentation = Network::new(b.finish(&[features]), tch::Device::Cpu);
        let weight = Tensor::from_slice(&[2.0f32, -3.0, 0.0]);
        segmentation.set("features.weight", &weight).unwrap();
        let mut b = Builder::new("head");
        let features = b.input("features", 1, 1);
        let score = b.affine(SCORE, features, -1.0, 0.0);
        let head = Network::new(b.finish(&[score]), tch::Device::Cpu);
        let perturbation = Perturbation {
            segmentation: &segmentation,
            head: &head,
            output: SCORE,
        };
        let image = Tensor::from_slice(&[0.5f32, 0.25, 0.1]).reshape([1, 3, 1, 1]);
        let seen = see(&segmentation, image).unwrap();
        let moved = perturbation.of(&seen, 0.125).unwrap();
        let found: Vec<f32> = moved.image().flatten(0, -1).try_into().unwrap();
        assert_eq!(found, [0.625, 0.125, 0.1]);
        // the score is linear: the largest step is the best
        assert_eq!(perturbation.tune(&[seen]).unwrap(), 0.08);
    }
}
