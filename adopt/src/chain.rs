//! Nodes that are put into a graph, one after the other.

use crate::graph::free_name;
use crate::proto::{Attribute, GraphProto, NodeProto, TensorProto};

/// A row of nodes, from one tensor on.
pub(crate) struct Chain<'a> {
    graph: &'a mut GraphProto,
    opset: i64,
    /// What the last node makes.
    at: String,
    made: Vec<NodeProto>,
    /// Names that were given here.
    count: usize,
    stem: &'static str,
}

impl<'a> Chain<'a> {
    /// From a tensor on; the names of what is made begin with `stem`.
    pub(crate) fn new(
        graph: &'a mut GraphProto,
        opset: i64,
        from: &str,
        stem: &'static str,
    ) -> Self {
        Self {
            graph,
            opset,
            at: from.to_owned(),
            made: vec![],
            count: 0,
            stem,
        }
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// A node on what the last one made, and on constants.
    pub(crate) fn step(
        &mut self,
        op_type: &str,
        constants: Vec<TensorProto>,
        attribute: Vec<Attribute>,
    ) {
        let mut input = vec![self.at.clone()];
        input.extend(constants.into_iter().map(|tensor| self.constant(tensor)));
        self.node(op_type, input, attribute);
    }

    /// A node on a constant, and on what the last one made.
    pub(crate) fn step_behind(&mut self, op_type: &str, constant: TensorProto) {
        let input = vec![self.constant(constant), self.at.clone()];
        self.node(op_type, input, vec![]);
    }

    fn constant(&mut self, tensor: TensorProto) -> String {
        let name = self.name();
        self.made.push(NodeProto {
            output: vec![name.clone()],
            name: name.clone(),
            op_type: "Constant".to_owned(),
            attribute: vec![Attribute::tensor("value", tensor)],
            ..NodeProto::default()
        });
        name
    }

    fn node(&mut self, op_type: &str, input: Vec<String>, attribute: Vec<Attribute>) {
        let name = self.name();
        self.made.push(NodeProto {
            input,
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op_type.to_owned(),
            attribute,
            ..NodeProto::default()
        });
        self.at = name;
    }

    pub(crate) fn cast(&mut self, kind: i32) {
        let to = Attribute::int("to", i64::from(kind));
        self.step("Cast", vec![], vec![to]);
    }

    pub(crate) fn transpose(&mut self, axes: &[i64]) {
        let perm = Attribute::ints("perm", axes);
        self.step("Transpose", vec![], vec![perm]);
    }

    /// `Squeeze` or `Unsqueeze` of one axis; from opset 13 on the axis is an input.
    pub(crate) fn squeeze(&mut self, op_type: &str, axis: i64) {
        if self.opset < 13 {
            let axes = Attribute::ints("axes", &[axis]);
            self.step(op_type, vec![], vec![axes]);
        } else {
            self.step(op_type, vec![TensorProto::int64("", &[axis])], vec![]);
        }
    }

    /// Puts the nodes into the graph; the last makes a tensor of that name.
    pub(crate) fn end(mut self, name: &str) {
        if let Some(last) = self.made.last_mut() {
            last.output = vec![name.to_owned()];
            self.graph.node.append(&mut self.made);
        }
    }

    fn name(&mut self) -> String {
        self.count += 1;
        free_name(self.graph, &format!("{}_{}", self.stem, self.count))
    }
}
