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
