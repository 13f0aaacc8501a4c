//! The numbers that join the observer's logit with the energy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

use crate::torch::Network;

/// `join[0] * own + join[1] * (energy - usual) * scale + bias`, where `usual` and `scale` are the
/// class's own, weighed by the class probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fusion {
    /// Mean energy of the pixels of each class.
    pub usual: Vec<f32>,
    /// One over the standard deviation of the energy of each class.
    pub scale: Vec<f32>,
    /// Weights of the own logit and of the standardised energy.
    pub join: [f32; 2],
    /// Added at the end.
    pub bias: f32,
}

impl Fusion {
    /// Passes the observer's own logit through.
    pub fn none(classes: i64) -> Self {
        Self {
            usual: vec![0.0; classes as usize],
            scale: vec![1.0; classes as usize],
            join: [1.0, 0.0],
            bias: 0.0,
        }
    }

    /// Puts the numbers into the observer's graph.
    pub fn write(&self, observer: &Network) {
        let values = BTreeMap::from([
            ("fusion.usual.weight", self.usual.clone()),
            ("fusion.scale.weight", self.scale.clone()),
            ("fusion.join.weight", self.join.to_vec()),
            ("fusion.join.bias", vec![self.bias]),
            ("fusion.usual.bias", vec![0.0]),
            ("fusion.scale.bias", vec![0.0]),
        ]);
        no_grad(|| {
            for (name, value) in values {
                let mut own = observer.parameters()[name].shallow_clone();
                let value = Tensor::from_slice(&value).reshape(own.size());
                own.copy_(&value.to_kind(Kind::Float));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::super::observer::fuse;
    use super::super::{LOGITS, OBSERVER, OWN_LOGIT};
    use super::*;
    use crate::graph::Builder;
    use crate::torch::Mode;

    /// Two pixels of two classes. Logits (ln 3, 0) have the probabilities 3/4 and 1/4 and the energy
    /// -ln 4, which is (-1.386294 + 1.25) * 2.5 = -0.340736 from the usual; (0, 0) have halves and -ln 2,
    /// which is (-0.693147 + 1.5) * 3 = 2.420559 from it.
    #[test]
    fn the_graph_joins_logit_and_energy_as_by_hand() {
        let mut b = Builder::new("observer");
        let own = b.input(OWN_LOGIT, 1, 4);
        let logits = b.input(LOGITS, 2, 4);
        let network = Network::new(fuse(b, own, logits), Device::Cpu);
        let own = Tensor::from_slice(&[1.0f32, -1.0]).reshape([1, 1, 1, 2]);
        let logits = Tensor::from_slice(&[3f32.ln(), 0.0, 0.0, 0.0]).reshape([1, 2, 1, 2]);
        let joined = |fusion: &Fusion| {
            fusion.write(&network);
            let inputs = [(OWN_LOGIT, &own), (LOGITS, &logits)];
            let out = &network.forward(&inputs, Mode::Evaluate).unwrap()[OBSERVER];
            [0, 1].map(|x| out.double_value(&[0, 0, 0, x]))
        };
        let fusion = Fusion {
            usual: vec![-1.0, -2.0],
            scale: vec![2.0, 4.0],
            join: [2.0, 3.0],
            bias: 0.5,
        };
        let found = joined(&fusion);
        assert!((found[0] - 1.477_791).abs() < 1e-5, "{found:?}");
        assert!((found[1] - 5.761_675).abs() < 1e-5, "{found:?}");
        assert_eq!(joined(&Fusion::none(2)), [1.0, -1.0]);
    }
}
