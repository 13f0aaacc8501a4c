//! The observer of the finished experiment, as it is: what the rows are to be measured by.

use serde::{Deserialize, Serialize};

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

    fn fit(&self, network: &Network, known: &Known<'_>) -> anyhow::Result<()> {
        let own = load_observer(known.design, &known.start.join("observer"), known.device)?;
        network.borrow_from(&own);
        let text = std::fs::read_to_string(known.start.join("fusion.json"))?;
        let all: serde_json::Value = serde_json::from_str(&text)?;
        let fusion: Fusion = serde_json::from_value(all["used"].clone())?;
        fusion.write(network);
        Ok(())
    }
}
