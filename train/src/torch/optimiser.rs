//! AdamW and an exponential average of the weights, with state that can be saved.
//!
//! libtorch's own optimisers cannot give their state to Rust, so a resumed run could not go on as
//! it was; hence these two.

use std::collections::BTreeMap;

use tch::{Tensor, no_grad};
use thiserror::Error;

use super::Network;

/// A saved state lacks a tensor or has it in another shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("tensor {name} has shape {found:?}, not {expected:?}")]
pub struct StateError {
    /// Name of the tensor.
    pub name: String,
    /// Shape wanted.
    pub expected: Vec<i64>,
    /// Shape found, `None` where it is absent.
    pub found: Option<Vec<i64>>,
}

/// The saved tensor that `own` is to be overwritten with.
fn saved<'a>(
    state: &'a BTreeMap<String, Tensor>,
    name: &str,
    own: &Tensor,
) -> Result<&'a Tensor, StateError> {
    let (expected, found) = (own.size(), state.get(name));
    match found {
        Some(t) if t.size() == expected => Ok(t),
        _ => Err(StateError {
            name: name.to_owned(),
            expected,
            found: found.map(Tensor::size),
        }),
    }
}

/// AdamW (Loshchilov & Hutter, arXiv 1711.05101) with decoupled decay on convolution weights only.
#[derive(Debug)]
pub struct AdamW {
    parameters: Vec<(String, Tensor)>,
    /// What the rate is multiplied by, for each parameter.
    factors: Vec<f64>,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
    steps: i64,
    decay: f64,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;

impl AdamW {
    /// For all trainable parameters of a network.
    pub fn new(network: &Network, decay: f64) -> Self {
        let parameters = network.trainable();
        let zeros = || {
            parameters
                .iter()
                .map(|(_, t)| t.detach().zeros_like())
                .collect()
        };
        Self {
            first: zeros(),
            second: zeros(),
            factors: vec![1.0; parameters.len()],
            parameters,
            steps: 0,
            decay,
        }
    }

    /// Parameters whose names begin so learn at `factor` times the rate.
    pub fn slow_down(&mut self, prefix: &str, factor: f64) {
        for ((name, _), own) in self.parameters.iter().zip(&mut self.factors) {
            if name.starts_with(prefix) {
                *own = factor;
            }
        }
    }

    /// One step down the gradient of `loss`.
    pub fn step(&mut self, loss: &Tensor, rate: f64) {
        for (_, p) in &mut self.parameters {
            p.zero_grad();
        }
        loss.backward();
        self.steps += 1;
        let (c1, c2) = (
            1.0 - BETA1.powi(self.steps as i32),
            1.0 - BETA2.powi(self.steps as i32),
        );
        no_grad(|| {
            let moments = self.first.iter_mut().zip(&mut self.second);
            let parameters = self.parameters.iter_mut().zip(&self.factors);
            for (((_, p), factor), (m, v)) in parameters.zip(moments) {
                let rate = rate * factor;
                let g = p.grad();
                if !g.defined() {
                    continue;
                }
                let _ = m.lerp_(&g, 1.0 - BETA1);
                let _ = v.lerp_(&(&g * &g), 1.0 - BETA2);
                if p.dim() == 4 && self.decay > 0.0 {
                    let _ = p.g_mul_scalar_(1.0 - rate * self.decay);
                }
                let denominator = (&*v / c2).sqrt_() + EPS;
                let update = &*m / denominator * (rate / c1);
                let _ = p.g_sub_(&update);
            }
        });
    }

    /// State by name, to be saved.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let mut all = BTreeMap::new();
        for (i, (name, _)) in self.parameters.iter().enumerate() {
            all.insert(format!("{name}.first"), self.first[i].shallow_clone());
            all.insert(format!("{name}.second"), self.second[i].shallow_clone());
        }
        all
    }

    /// Takes the state of [`Self::state`] back.
    ///
    /// # Errors
    /// Where a tensor is missing or its shape differs; nothing is half restored then.
    pub fn restore(
        &mut self,
        state: &BTreeMap<String, Tensor>,
        steps: i64,
    ) -> Result<(), StateError> {
        let mut moments = vec![];
        for (i, (name, _)) in self.parameters.iter().enumerate() {
            moments.push((
                saved(state, &format!("{name}.first"), &self.first[i])?,
                saved(state, &format!("{name}.second"), &self.second[i])?,
            ));
        }
        self.steps = steps;
        no_grad(|| {
            for (i, (first, second)) in moments.into_iter().enumerate() {
                self.first[i].copy_(first);
                self.second[i].copy_(second);
            }
        });
        Ok(())
    }
}

/// Exponential moving average of parameters and running statistics; what is evaluated and exported.
#[derive(Debug)]
pub struct Average {
    values: BTreeMap<String, Tensor>,
}

impl Average {
    /// Starts at the network's values.
    pub fn new(network: &Network) -> Self {
        let copy = |(n, t): (&String, &Tensor)| (n.clone(), t.detach().copy());
        Self {
            values: network.parameters().iter().map(copy).collect(),
        }
    }

    /// Moves towards the network's values; short memory in the first steps.
    pub fn update(&mut self, network: &Network, step: i64) {
        let keep = (step as f64 / (step as f64 + 50.0)).min(0.999);
        no_grad(|| {
            for (name, value) in &mut self.values {
                let _ = value.lerp_(&network.parameters()[name], 1.0 - keep);
            }
        });
    }

    /// The averaged values by name.
    pub fn values(&self) -> &BTreeMap<String, Tensor> {
        &self.values
    }

    /// Takes the values of [`Self::values`] back.
    ///
    /// # Errors
    /// Where a tensor is missing or its shape differs; nothing is half restored then.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateError> {
        for (name, value) in &self.values {
            saved(state, name, value)?;
        }
        no_grad(|| {
            for (name, value) in &mut self.values {
                value.copy_(&state[name]);
            }
        });
        Ok(())
    }
}
