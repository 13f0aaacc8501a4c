//! CutMix (Yun et al., ICCV 2019), per pixel: a box of another picture is pasted with its labels, so no
//! label has to be mixed, and the last layers are trained on. The seam is nothing unknown: no method
//! here is told that it is.

use std::ops::Range;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::trunk::{Quarter, entropy};
use super::{FrameLoss, Known, Method, MethodError, Scenes, Step, Training, tail, within};
use crate::data::{Batch, Canvas, Rng};
use crate::graph::Graph;
use crate::nets::{Design, LOGITS};
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutMix {
    /// Share of the frames that a box is pasted into.
    pub probability: f64,
}

impl Method for CutMix {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        within("probability", self.probability, 0.0..=1.0)?;
        tail::with_energy(design)
    }

    fn classes(&self) -> Option<&'static str> {
        Some(LOGITS)
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }
}

impl FrameLoss for CutMix {
    fn alter(&self, canvas: &mut Canvas, scenes: &Scenes, rng: &mut Rng) {
        if !rng.random_bool(self.probability) {
            return;
        }
        let (width, height) = (canvas.width, canvas.height);
        let other = scenes.another(canvas, rng);
        // Beta(1, 1)
        let kept = rng.random_range(0.0..=1.0);
        mix(canvas, &other, &region(width, height, kept, rng));
    }

    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        _step: Step,
    ) -> anyhow::Result<Tensor> {
        let seen = known.see(&batch.image.to(known.device))?;
        let out = network.forward(&seen.inputs(), Mode::Train)?;
        Ok(entropy(&out[LOGITS], &Quarter::of(batch, known.device)))
    }
}

/// Columns and rows of a box whose sides are sqrt(1 - kept) of the frame's, its middle anywhere.
fn region(width: usize, height: usize, kept: f64, rng: &mut Rng) -> [Range<usize>; 2] {
    let share = (1.0 - kept).sqrt();
    [width, height].map(|n| {
        let half = n as f64 * share / 2.0;
        let middle = rng.random_range(0.0..n as f64);
        let at = |v: f64| v.round().clamp(0.0, n as f64) as usize;
        at(middle - half)..at(middle + half)
    })
}

/// Colours and labels of the box become those of the other frame.
fn mix(canvas: &mut Canvas, other: &Canvas, [columns, rows]: &[Range<usize>; 2]) {
    let width = canvas.width;
    for y in rows.clone() {
        let row = y * width + columns.start..y * width + columns.end;
        let colours = 3 * row.start..3 * row.end;
        canvas.rgb[colours.clone()].copy_from_slice(&other.rgb[colours]);
        canvas.label[row.clone()].copy_from_slice(&other.label[row.clone()]);
        canvas.outlier[row.clone()].copy_from_slice(&other.outlier[row]);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn as_many_labels_are_of_the_other_frame_as_the_box_is_large() {
        for seed in 0..50 {
            let mut rng = Rng::seed_from_u64(seed);
            let mut canvas = Canvas::filled(96, 64, [0.2; 3]);
            canvas.label.fill(3);
            let mut other = Canvas::filled(96, 64, [0.8; 3]);
            other.label.fill(8);
            let kept = f64::from(u8::try_from(seed).unwrap()) / 50.0;
            let [columns, rows] = region(96, 64, kept, &mut rng);
            mix(&mut canvas, &other, &[columns.clone(), rows.clone()]);
            let count = canvas.label.iter().filter(|&&l| l == 8).count();
            assert_eq!(count, columns.len() * rows.len());
            for (i, &l) in canvas.label.iter().enumerate() {
                assert_eq!(canvas.rgb[3 * i], if l == 8 { 0.8 } else { 0.2 });
            }
            assert!(
                canvas.outlier.iter().all(|&o| o == 0),
                "the seam is nothing unknown"
            );
        }
    }

    #[test]
    fn a_frame_that_is_kept_whole_stays_and_one_that_is_not_kept_may_be_covered() {
        let mut rng = Rng::seed_from_u64(3);
        let [columns, rows] = region(96, 64, 1.0, &mut rng);
        assert_eq!(columns.len() * rows.len(), 0);
        let most = (0..200)
            .map(|_| region(96, 64, 0.0, &mut rng))
            .map(|r| r[0].len());
        assert!(most.max() > Some(90));
    }
}
