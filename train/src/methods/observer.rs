//! The observer of the finished experiment, as it is: what the rows are to be measured by.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tch::Device;

use super::{Kind, Known, Method, MethodError};
use crate::data::CLASSES;
use crate::graph::Graph;
use crate::nets::{Design, Fusion, OBSERVER};
use crate::run::load_observer;
use crate::torch::Network;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observer {}

impl Method for Observer {
    fn graph(&self, design: Design) -> Result<Graph, MethodError> {
        Ok(design.observer(CLASSES))
    }

    fn output(&self) -> &'static str {
        OBSERVER
    }

    fn kind(&self) -> Kind {
        Kind::Logit
    }

    /// It did, elsewhere.
    fn learns(&self) -> bool {
        false
    }

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        network.borrow_from(&shipped(known.design, &known.start, known.device)?);
        Ok(())
    }
}

/// The observer of a finished experiment's folder, joined with the energy as it ships.
pub(crate) fn shipped(design: Design, start: &Path, device: Device) -> anyhow::Result<Network> {
    let observer = load_observer(design.observer(CLASSES), &start.join("observer"), device)?;
    let path = start.join("fusion.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let all: serde_json::Value = serde_json::from_str(&text)?;
    let fusion: Fusion = serde_json::from_value(all["used"].clone())?;
    fusion.write(&observer);
    Ok(observer)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tch::{Kind, Tensor};

    use super::*;
    use crate::nets::OWN_LOGIT;
    use crate::torch::{AdamW, Average, Checkpoint, Mode};

    /// What `network` makes of the pictures and activations that this seed draws.
    fn seen(network: &Network) -> BTreeMap<String, Tensor> {
        tch::manual_seed(3);
        let graph = network.graph();
        let inputs: Vec<(String, Tensor)> = graph
            .inputs
            .iter()
            .map(|&id| {
                let value = graph.value(id);
                let side = 64 / value.stride;
                let plane =
                    Tensor::rand([1, value.channels, side, side], (Kind::Float, Device::Cpu));
                (value.name.clone(), plane)
            })
            .collect();
        let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(n, t)| (n.as_str(), t)).collect();
        network.forward(&inputs, Mode::Evaluate).unwrap()
    }

    #[test]
    fn the_row_is_the_observer_of_the_experiment_with_its_fusion() {
        let dir = tempfile::tempdir().unwrap();
        let design = Design::Small;
        tch::manual_seed(1);
        let trained = Network::new(design.observer(CLASSES), Device::Cpu);
        let folder = dir.path().join("observer");
        fs::create_dir(&folder).unwrap();
        let best = Checkpoint::new(&folder, "best");
        let state = (AdamW::new(&trained, 0.0), Average::new(&trained));
        best.save(&trained, &state.0, &state.1, &0).unwrap();
        let fusion = Fusion {
            join: [2.0, 0.0],
            bias: 0.5,
            ..Fusion::none(CLASSES)
        };
        let fitted = serde_json::json!({ "used": fusion });
        fs::write(dir.path().join("fusion.json"), fitted.to_string()).unwrap();

        let row = Network::new((Observer {}).graph(design).unwrap(), Device::Cpu);
        row.borrow_from(&shipped(design, dir.path(), Device::Cpu).unwrap());
        let (row, trained) = (seen(&row), seen(&trained));
        assert!(row[OWN_LOGIT].equal(&trained[OWN_LOGIT]));
        let joined = &trained[OWN_LOGIT] * 2.0 + 0.5;
        let most = (&row[OBSERVER] - joined).abs().max().double_value(&[]);
        assert!(most < 1e-5, "{most}");
    }
}
