//! Batches prepared on a thread of their own, the same whatever the moment a run was resumed.

use std::thread;

use crossbeam::channel::{Receiver, bounded};
use rand::SeedableRng;
use tch::{Kind, Tensor};

use super::{Canvas, Rng};

/// Tensors of one training step.
#[derive(Debug)]
pub struct Batch {
    /// [N, 3, H, W] f32, 0..=1.
    pub image: Tensor,
    /// [N, H, W] i64 class ids.
    pub label: Tensor,
    /// [N, 1, H, W] f32, 1 where the attack may act.
    pub attack: Tensor,
    /// [N, H, W] f32: where something unknown is, what a pixel of it weighs; else 0.
    pub outlier: Tensor,
}

/// The generator of one sample of one step.
pub fn sample_rng(seed: u64, step: usize, index: usize) -> Rng {
    let mix = |a: u64, b: u64| (a ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    Rng::seed_from_u64(mix(mix(seed, step as u64 + 1), index as u64 + 1))
}

impl Batch {
    /// Stacks samples of one size.
    pub fn stack(samples: &[Canvas]) -> Batch {
        let (n, h, w) = match samples.first() {
            Some(s) => (samples.len() as i64, s.height as i64, s.width as i64),
            None => (0, 0, 0),
        };
        let all = |f: &dyn Fn(&Canvas) -> Tensor, shape: &[i64]| {
            let parts: Vec<Tensor> = samples.iter().map(f).collect();
            Tensor::cat(&parts, 0).reshape(shape)
        };
        Batch {
            // the samples are interleaved: this permutation is also libtorch's channels-last
            image: all(&|s| Tensor::from_slice(&s.rgb), &[n, h, w, 3]).permute([0, 3, 1, 2]),
            label: all(&|s| Tensor::from_slice(&s.label), &[n, h, w]).to_kind(Kind::Int64),
            attack: all(&|s| Tensor::from_slice(&s.attack), &[n, 1, h, w]),
            outlier: all(&|s| Tensor::from_slice(&s.outlier), &[n, h, w]).to_kind(Kind::Float),
        }
    }
}

/// Makes the steps `first..last` ahead of their use, a few at a time.
pub struct Prefetch {
    batches: Receiver<Vec<Canvas>>,
}

impl Prefetch {
    /// `make(step)` gives the samples of a step; it must depend on nothing but the step.
    pub fn new(
        first: usize,
        last: usize,
        make: impl Fn(usize) -> Vec<Canvas> + Send + 'static,
    ) -> Self {
        let (send, batches) = bounded(3);
        thread::spawn(move || {
            for step in first..last {
                if send.send(make(step)).is_err() {
                    break;
                }
            }
        });
        Self { batches }
    }
}

impl Iterator for Prefetch {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        self.batches
            .recv()
            .ok()
            .map(|samples| Batch::stack(&samples))
    }
}
