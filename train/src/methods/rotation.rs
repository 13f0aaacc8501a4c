//! Self-supervision by rotation (Hendrycks et al., NeurIPS 2019): a head tells by which of four
//! quarter turns a crop was turned, cell by cell at 1/32. At run time nothing is turned, and a cell
//! scores the surprise of that in bits: -log2 p(upright), which is brought to the size of the logits.

use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use super::{FrameLoss, Known, Method, MethodError, SCORE, Step, Training, read};
use crate::data::Batch;
use crate::graph::{Builder, Graph, ValueId};
use crate::nets::Design;
use crate::torch::{Mode, Network};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {}

const TURNS: i64 = 4;

impl Method for Rotation {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        let mut b = Builder::new("head");
        let context = read(&mut b, design, "context32")?;
        let hidden = b.conv_bn_relu("hidden", context, 48, [3, 3], 1, 1);
        let turns = b.conv("turns", hidden, TURNS, [1, 1]);
        let bits = bits(&mut b, turns);
        let at16 = b.upsample2("bits16", bits);
        let at8 = b.upsample2("bits8", at16);
        let score = b.upsample2(SCORE, at8);
        Ok(b.finish(&[score, turns]))
    }

    fn training(&self) -> Training<'_> {
        Training::Frames(self)
    }

    fn fit(&self, network: &Network, _known: &Known<'_>) -> anyhow::Result<()> {
        write(network)
    }
}

fn bits(b: &mut Builder, turns: ValueId) -> ValueId {
    let energy = b.energy("energy", turns);
    let upright = b.conv("upright", turns, 1, [1, 1]);
    let log = b.add("log", energy, upright);
    b.affine("bits", log, -std::f32::consts::LOG2_E, 0.0)
}

/// The plane of the first turn, none.
fn write(network: &Network) -> anyhow::Result<()> {
    let first = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 0.0]);
    network.set("upright.weight", &first)?;
    network.set("upright.bias", &Tensor::from_slice(&[0.0f32]))?;
    Ok(())
}

/// The middle square of [N, C, H, W], each picture turned by as many quarters as `turns` says.
fn turned(image: &Tensor, turns: &[i64]) -> Tensor {
    let size = image.size();
    let side = size[2].min(size[3]);
    let square = image
        .narrow(2, (size[2] - side) / 2, side)
        .narrow(3, (size[3] - side) / 2, side);
    let each = turns.iter().enumerate();
    let each = each.map(|(i, &k)| square.narrow(0, i as i64, 1).rot90(k, [2, 3]));
    Tensor::cat(&each.collect::<Vec<_>>(), 0)
}

impl FrameLoss for Rotation {
    fn loss(
        &self,
        network: &Network,
        batch: &Batch,
        known: &Known<'_>,
        _step: Step,
    ) -> anyhow::Result<Tensor> {
        let image = batch.image.to(known.device);
        let turns = Tensor::randint(TURNS, [image.size()[0]], (Kind::Int64, known.device));
        let seen = known.see(&turned(&image, &Vec::<i64>::try_from(&turns)?))?;
        let out = network.forward(&seen.inputs(), Mode::Train)?;
        Ok(entropy(&out["turns"], &turns))
    }
}

/// Cross entropy of every cell with the turn of its picture.
fn entropy(cells: &Tensor, turns: &Tensor) -> Tensor {
    let size = cells.size();
    let target = turns
        .reshape([-1, 1, 1])
        .expand([size[0], size[2], size[3]], false);
    cells.cross_entropy_loss::<Tensor>(&target, None, Reduction::Mean, -100, 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{forward, plane};
    use super::*;

    #[test]
    fn a_cell_that_says_nothing_scores_two_bits_and_a_certain_one_none() {
        let mut b = Builder::new("head");
        let turns = b.input("turns", TURNS, 32);
        let out = bits(&mut b, turns);
        let network = Network::new(b.finish(&[out]), tch::Device::Cpu);
        write(&network).unwrap();
        let score = |z: &[f64]| forward(&network, &[("turns", &plane(z))])[0];
        assert!((score(&[0.3; 4]) - 2.0).abs() < 1e-5);
        assert!(score(&[40.0, 0.0, 0.0, 0.0]).abs() < 1e-5);
        // three of six: one bit
        assert!((score(&[3f64.ln(), 0.0, 0.0, 0.0]) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn turns_add_up_and_four_are_none() {
        let image = Tensor::arange(2 * 32 * 32, (Kind::Float, tch::Device::Cpu));
        let image = image.reshape([2, 1, 32, 32]);
        assert_eq!(turned(&image, &[0, 4]), image);
        assert_eq!(
            turned(&turned(&image, &[1, 3]), &[1, 2]),
            turned(&image, &[2, 5])
        );
        assert_ne!(turned(&image, &[1, 1]), image);
    }

    #[test]
    fn turning_the_picture_once_more_moves_every_target_by_one() {
        // cells of a network that sees which corner is bright, here a table of four
        let bright = |corner: i64| {
            let image = Tensor::zeros([1, 1, 32, 32], (Kind::Float, tch::Device::Cpu));
            let (y, x) = ((corner / 2) * 16, (corner % 2) * 16);
            let _ = image.narrow(2, y, 16).narrow(3, x, 16).fill_(1.0);
            image
        };
        let corner = |image: &Tensor| {
            let means = image.avg_pool2d([16, 16], [16, 16], [0, 0], false, true, None);
            means.flatten(1, -1).argmax(1, false).int64_value(&[0])
        };
        // counter-clockwise: top left, bottom left, bottom right, top right
        let order = [0, 2, 3, 1];
        for k in 0..4usize {
            let image = turned(&bright(order[0]), &[k as i64]);
            assert_eq!(corner(&image), order[k]);
            assert_eq!(corner(&turned(&image, &[1])), order[(k + 1) % 4]);
        }
        // and the loss of shifted targets is that of cells shifted back
        tch::manual_seed(2);
        let cells = Tensor::randn([3, 4, 2, 2], (Kind::Float, tch::Device::Cpu));
        let turns = Tensor::from_slice(&[0i64, 1, 3]);
        let moved = (&turns + 1i64).remainder(4);
        let loss = entropy(&cells.roll([1i64].as_slice(), [1i64].as_slice()), &moved);
        assert!((loss - entropy(&cells, &turns)).abs().double_value(&[]) < 1e-6);
    }
}
