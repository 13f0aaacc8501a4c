//! How common the classes are, put back into the logits.
//!
//! Rare classes weigh more in the loss, or they would not be learnt. A network trained so sees them
//! where they are not: of a class that weighs w times it is as sure as if it were w times as common.
//! So `strength * ln w` is taken off its logit, in the bias of the last convolution; the strength is
//! chosen on training pictures (Menon et al., "Long-tail learning via logit adjustment", ICLR 2021).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use lookout::evaluate::Confusion;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad};

use super::loss::class_weights;
use super::segmentation::{load_segmentation, spread, to_input};
use super::to_size;
use crate::data::{CLASSES, LabelKind, Picture, SetFile, VOID};
use crate::nets::{Design, LOGITS};
use crate::torch::{Mode, Network};

/// `prior.json` of a segmentation run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Prior {
    /// What is taken off the logarithm of a class's weight, 0 to 1.
    strength: f64,
    /// What is taken off the logits, by class.
    shift: Vec<f32>,
    /// Mean mIoU of the sets' training pictures, by strength.
    miou: BTreeMap<String, f64>,
}

/// Its name in the folder of a segmentation run.
const FILE: &str = "prior.json";
/// The strengths that are tried.
const STRENGTHS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Most training pictures of a set that they are tried on.
const PICTURES: usize = 100;

impl Prior {
    /// Of the run in `dir`, where it has one.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path)?;
        let prior = serde_json::from_str(&text);
        prior.with_context(|| format!("cannot read {}", path.display()))
    }

    /// Chooses the strength for the finished run in `dir`, on training pictures of the sets whose
    /// labels say one class a pixel, and writes the file. Does nothing where it is there.
    pub(super) fn fit(
        dir: &Path,
        design: Design,
        data: &Path,
        files: &BTreeMap<String, SetFile>,
        device: Device,
    ) -> anyhow::Result<()> {
        if dir.join(FILE).exists() {
            return Ok(());
        }
        let mut sets = vec![];
        for file in files.values() {
            sets.push(file.load(data)?);
        }
        let weights = class_weights(&sets);
        let network = load_segmentation(design, dir, device)?;
        let mut tried = vec![];
        for set in sets.into_iter().filter(|s| s.kind == LabelKind::Plain) {
            tried.push(tables(&network, &spread(set.pictures, PICTURES), &weights)?);
        }
        let prior = Self::choose(&tried, &weights)?;
        log::info!("prior: strength {}, {:?}", prior.strength, prior.miou);
        let text = serde_json::to_string_pretty(&prior)?;
        fs::write(dir.join(FILE), text)?;
        Ok(())
    }

    /// The strength with the best mean mIoU; of equal ones the least.
    fn choose(tried: &[[Confusion; STRENGTHS.len()]], weights: &Tensor) -> anyhow::Result<Self> {
        let mean = |i: usize| {
            let each = tried.iter().filter_map(|set| set[i].metrics().miou);
            each.sum::<f64>() / tried.len().max(1) as f64
        };
        let mut strength = (0.0, mean(0));
        let mut miou = BTreeMap::new();
        for (i, s) in STRENGTHS.into_iter().enumerate() {
            miou.insert(s.to_string(), mean(i));
            if mean(i) > strength.1 {
                strength = (s, mean(i));
            }
        }
        Ok(Self {
            strength: strength.0,
            shift: (weights.log() * strength.0).try_into()?,
            miou,
        })
    }

    /// Takes the shift off the network's logits.
    pub(super) fn apply(&self, network: &Network) {
        let mut bias = network.parameters()[&format!("{LOGITS}.bias")].shallow_clone();
        let shift = Tensor::from_slice(&self.shift).reshape(bias.size());
        no_grad(|| bias.copy_(&(&bias - shift.to_device(bias.device()))));
    }
}

/// What the network takes the pictures' pixels for, by strength.
fn tables(
    network: &Network,
    pictures: &[Picture],
    weights: &Tensor,
) -> anyhow::Result<[Confusion; STRENGTHS.len()]> {
    let empty = || Confusion::new(CLASSES as usize, Some(VOID));
    let mut tables = [empty()?, empty()?, empty()?, empty()?, empty()?];
    for p in pictures {
        let image = to_input(p);
        let out = no_grad(|| network.forward(&[("image", &image)], Mode::Evaluate))?;
        let logits = to_size(&out[LOGITS], p.height as i64, p.width as i64);
        count(&mut tables, &logits, &p.label, weights)?;
    }
    Ok(tables)
}

/// Counts a picture of [1, C, H, W] logits into the tables.
fn count(
    tables: &mut [Confusion; STRENGTHS.len()],
    logits: &Tensor,
    label: &[u8],
    weights: &Tensor,
) -> anyhow::Result<()> {
    let log = weights.log().reshape([1, -1, 1, 1]);
    let label: Vec<u8> = label.iter().map(|&l| l.min(VOID)).collect();
    for (table, strength) in tables.iter_mut().zip(STRENGTHS) {
        let class = (logits - &log * strength).argmax(1, false);
        let class: Vec<u8> = class.to_kind(Kind::Uint8).flatten(0, -1).try_into()?;
        table.add_slice(&class, &label)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1000 pixels, every tenth of class 1, and logits whose evidence for it is noisy; a network that
    /// was trained with class 1 at weight w adds ln w to it.
    fn fitted(weight: f32) -> Prior {
        tch::manual_seed(1);
        let label: Vec<u8> = (0..1000).map(|i| u8::from(i % 10 == 0)).collect();
        let truth: Vec<f32> = label.iter().map(|&l| f32::from(l)).collect();
        let noise = Tensor::randn([1000], (Kind::Float, Device::Cpu));
        // two unit Gaussians, 2 apart: the log of their ratio at x is 2 x - 2; the prior is 1 to 9
        let x = Tensor::from_slice(&truth) * 2.0 + noise;
        let z = x * 2.0 - 2.0 - 9f64.ln() + f64::from(weight.ln());
        let logits = Tensor::full([1, CLASSES, 1000, 1], -99.0, (Kind::Float, Device::Cpu));
        let _ = logits.narrow(1, 0, 1).fill_(0.0);
        logits.narrow(1, 1, 1).copy_(&z.reshape([1, 1, 1000, 1]));
        let mut weights = vec![1f32; CLASSES as usize];
        weights[1] = weight;
        let weights = Tensor::from_slice(&weights);
        let empty = || Confusion::new(CLASSES as usize, Some(VOID)).unwrap();
        let mut tables = [empty(), empty(), empty(), empty(), empty()];
        count(&mut tables, &logits, &label, &weights).unwrap();
        Prior::choose(&[tables], &weights).unwrap()
    }

    #[test]
    fn a_class_that_weighed_more_in_the_loss_is_believed_less() {
        let prior = fitted(20.0);
        assert!(prior.strength >= 0.5, "{prior:?}");
        let expected = prior.strength as f32 * 20f32.ln();
        assert!((prior.shift[1] - expected).abs() < 1e-5, "{prior:?}");
        assert!(prior.shift[0].abs() < 1e-6);
        assert!(prior.miou["0"] < prior.miou[&prior.strength.to_string()]);
    }

    #[test]
    fn equal_weights_change_nothing() {
        let prior = fitted(1.0);
        assert_eq!(prior.strength, 0.0);
        assert!(prior.shift.iter().all(|&s| s == 0.0));
    }
}
