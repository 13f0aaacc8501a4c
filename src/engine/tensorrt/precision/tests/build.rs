//! Graphs for tests, built field by field.

use super::super::element::FLOAT;
use super::super::field::{attribute, graph, model, node, opset, tensor, type_proto, value_info};
use super::super::node::Node;
use super::super::wire::{Field, Message};

/// A graph to be, of any operator set.
#[derive(Default)]
pub(super) struct Graph(Vec<Field<'static>>);

impl Graph {
    pub(super) fn info(mut self, number: u32, name: &str, element: i64) -> Self {
        let of = message([Field::int(type_proto::ELEMENT, element as u64)]);
        let kind = message([Field::message(type_proto::TENSOR, &of)]);
        let info = [
            Field::text(value_info::NAME, name),
            Field::message(value_info::TYPE, &kind),
        ];
        self.0.push(Field::message(number, &message(info)));
        self
    }

    pub(super) fn input(self, name: &str, element: i64) -> Self {
        self.info(graph::INPUT, name, element)
    }

    pub(super) fn output(self, name: &str) -> Self {
        self.info(graph::OUTPUT, name, FLOAT)
    }

    pub(super) fn weights(mut self, name: &str, values: &[f32]) -> Self {
        self.0
            .push(Field::message(graph::INITIALIZER, &floats(name, values)));
        self
    }

    pub(super) fn node(self, operator: &str, inputs: &str, output: &str) -> Self {
        self.node_with(operator, inputs, output, &[])
    }

    /// Operands in one text, with blanks between; `-` for one that is left out.
    pub(super) fn node_with(
        mut self,
        op: &str,
        inputs: &str,
        output: &str,
        attributes: &[Message<'_>],
    ) -> Self {
        let operand = |name: &str| Field::text(node::INPUT, if name == "-" { "" } else { name });
        let fields = inputs
            .split_whitespace()
            .map(operand)
            .chain([
                Field::text(node::OUTPUT, output),
                Field::text(node::OP_TYPE, op),
            ])
            .chain(
                attributes
                    .iter()
                    .map(|a| Field::message(node::ATTRIBUTE, a)),
            );
        self.0.push(Field::message(graph::NODE, &fields.collect()));
        self
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.of_opset(17)
    }

    pub(super) fn of_opset(self, version: u64) -> Vec<u8> {
        message([
            Field::int(1, 8),
            // a field that ONNX does not have
            Field::text(1999, "kept"),
            Field::message(model::GRAPH, &message(self.0)),
            Field::message(
                model::OPSET_IMPORT,
                &message([Field::int(opset::VERSION, version)]),
            ),
        ])
        .write()
    }
}

pub(super) fn message(fields: impl IntoIterator<Item = Field<'static>>) -> Message<'static> {
    fields.into_iter().collect()
}

pub(super) fn floats(name: &str, values: &[f32]) -> Message<'static> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    message([
        Field::int(tensor::DIMS, values.len() as u64),
        Field::int(tensor::DATA_TYPE, FLOAT as u64),
        Field::text(tensor::NAME, name),
        Field::bytes(tensor::RAW_DATA, bytes),
    ])
}

pub(super) fn choice(name: &str, field: Field<'static>) -> Message<'static> {
    message([Field::text(attribute::NAME, name), field])
}

pub(super) fn cast_to(element: i64) -> Message<'static> {
    choice("to", Field::int(attribute::INT, element as u64))
}

pub(super) fn graph_of(onnx: &[u8]) -> Message<'_> {
    Message::read(onnx)
        .unwrap()
        .child(model::GRAPH)
        .unwrap()
        .unwrap()
}

/// The nodes, one a line: `output = Operator(inputs)`, a Cast with its target.
pub(super) fn nodes(onnx: &[u8]) -> Vec<String> {
    let graph = graph_of(onnx);
    let nodes = graph
        .all(graph::NODE)
        .map(|f| Node::read(f.payload().unwrap()).unwrap());
    let text = |n: Node<'_>| {
        let target = match n.operator.as_str() {
            "Cast" => format!(" to {}", n.chosen_type().unwrap()),
            _ => String::new(),
        };
        let (outputs, inputs) = (n.outputs.join(" "), n.inputs.join(" "));
        format!("{outputs} = {}({inputs}){target}", n.operator)
    };
    nodes.map(text).collect()
}

/// Names and element types of the initializers.
pub(super) fn weights(onnx: &[u8]) -> Vec<(String, i64)> {
    let graph = graph_of(onnx);
    let read = |f: &Field<'_>| {
        let message = Message::read(f.payload().unwrap()).unwrap();
        let name = message.text(tensor::NAME).unwrap().to_owned();
        (name, message.int(tensor::DATA_TYPE).unwrap())
    };
    graph.all(graph::INITIALIZER).map(read).collect()
}

/// image -> Conv -> features (an output too) -> Resize -> score
pub(super) fn network() -> Graph {
    Graph::default()
        .input("image", FLOAT)
        .output("features")
        .output("score")
        .weights("w", &[0.5; 9])
        .weights("scales", &[1.0, 1.0, 2.0, 2.0])
        .node("Conv", "image w", "conv")
        .node("Relu", "conv", "features")
        .node("Resize", "features - scales", "score")
        .info(graph::VALUE_INFO, "conv", FLOAT)
        .info(graph::VALUE_INFO, "score", FLOAT)
}

pub(super) fn shipped(file: &str) -> Vec<u8> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read(root.join("models/road").join(file)).unwrap()
}
