//! A node that is ready to be run.

use lookout_adopt::graph::describe;
use lookout_adopt::proto::{Attribute, NodeProto, TensorProto};

/// Rounding to the steps of a quantisation and clamping to its range; made of two nodes of the graph.
pub(super) const FAKE_QUANTIZE: &str = "QuantizeLinear, DequantizeLinear";

/// A node with its inputs and outputs as numbers of tensors.
#[derive(Debug)]
pub(super) struct Node {
    /// For people.
    pub(super) name: String,
    /// The operator, with its domain where it is not one of ONNX's own.
    pub(super) operator: String,
    attributes: Vec<Attribute>,
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<Option<usize>>,
    /// What no later node reads.
    pub(super) last_read: Vec<usize>,
    /// Least and greatest whole number of a quantisation.
    pub(super) range: (i64, i64),
}

impl Node {
    pub(super) fn new(node: &NodeProto) -> Self {
        let operator = match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        };
        Self {
            name: describe(node),
            operator,
            attributes: node.attribute.clone(),
            inputs: vec![],
            outputs: vec![],
            last_read: vec![],
            range: (0, 255),
        }
    }

    pub(super) fn input(&self, i: usize) -> Option<usize> {
        self.inputs.get(i).copied().flatten()
    }

    pub(super) fn reads(&self) -> impl Iterator<Item = usize> + use<> {
        self.inputs.clone().into_iter().flatten()
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name == name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    pub(super) fn int(&self, name: &str, or: i64) -> i64 {
        self.attribute(name).and_then(|a| a.i).unwrap_or(or)
    }

    pub(super) fn float(&self, name: &str, or: f64) -> f64 {
        let value = self.attribute(name).and_then(|a| a.f);
        value.map_or(or, f64::from)
    }

    pub(super) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    pub(super) fn floats(&self, name: &str) -> Option<&[f32]> {
        self.attribute(name).map(|a| a.floats.as_slice())
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute(name).and_then(|a| a.t.as_ref())
    }

    pub(super) fn text<'a>(&'a self, name: &str, or: &'a str) -> &'a str {
        let text = self.attribute(name).and_then(|a| a.s.as_deref());
        text.and_then(|t| std::str::from_utf8(t).ok()).unwrap_or(or)
    }
}
