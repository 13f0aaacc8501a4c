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
