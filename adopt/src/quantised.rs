//! Networks in whole numbers of 8 bits (Q and DQ nodes): the same numbers in a form that more engines take.

use std::collections::HashSet;

use crate::graph::{View, describe, free_name, operator};
use crate::numbers::few;
use crate::proto::{GraphProto, NodeProto};

/// Where bytes are joined and then become floats, they become floats first and are joined then: the numbers are the same,
/// and rten and TensorRT join floats only. What was changed, for people.
pub(crate) fn join_floats(graph: &mut GraphProto, opset: i64) -> Vec<String> {
    let mut changed = vec![];
    // for each joining, the node that makes floats of it
    let mut moved: Vec<(usize, NodeProto)> = vec![];
    {
        let view = View::new(graph, opset);
        let outputs: HashSet<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
        for (at, node) in graph.node.iter().enumerate() {
            let Some(joined) = node.output.first() else {
                continue;
            };
            let mut readers = view.consumers(joined);
            let (Some(reader), None) = (readers.next(), readers.next()) else {
                continue;
            };
            // one scale for all, not one a plane
            let scale = reader.input.get(1).and_then(|name| view.constant(name));
            let whole = scale.and_then(few).is_some_and(|scales| scales.len() == 1);
            let fits = operator(node) == "Concat"
                && operator(reader) == "DequantizeLinear"
                && reader.input.first() == Some(joined);
            if fits && whole && !outputs.contains(joined.as_str()) {
                changed.push(format!(
                    "{} is before {}, so that floats are joined and not bytes",
                    describe(reader),
                    describe(node)
                ));
                moved.push((at, reader.clone()));
            }
        }
    }
    for (at, reader) in moved {
        let inputs = graph.node[at].input.clone();
        let mut floats = vec![];
        for (place, input) in inputs.into_iter().enumerate() {
            let name = free_name(graph, &format!("lookout_joined_{at}_{place}"));
            let mut node = reader.clone();
            node.input[0] = input;
            node.output = vec![name.clone()];
            node.name.clone_from(&name);
            graph.node.push(node);
            floats.push(name);
        }
        graph.node[at].input = floats;
        graph.node[at].output.clone_from(&reader.output);
        graph.node.retain(|node| node.name != reader.name);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Attribute, TensorProto, ValueInfo, data_type};

    fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
        NodeProto {
            input: input.iter().map(|&i| i.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: op_type.to_owned(),
            ..NodeProto::default()
        }
    }

    fn graph(scales: &[f32]) -> GraphProto {
        let mut concat = node("Concat", &["a", "b"], "joined");
        concat.attribute = vec![Attribute::int("axis", 1)];
        let output = ValueInfo {
            name: "out".to_owned(),
            ..ValueInfo::default()
        };
        GraphProto {
            node: vec![
                concat,
                node("DequantizeLinear", &["joined", "scale", "zero"], "floats"),
                node("Relu", &["floats"], "out"),
            ],
            initializer: vec![
                TensorProto::float("scale", &[scales.len() as i64], scales),
                TensorProto::raw("zero", &[], data_type::UINT8, vec![3]),
            ],
            input: ["a", "b"]
                .map(|name| ValueInfo::tensor(name, data_type::UINT8, &[]))
                .to_vec(),
            output: vec![output],
            ..GraphProto::default()
        }
    }

    #[test]
    fn floats_are_joined_and_not_bytes() {
        let mut joined = graph(&[0.5]);
        assert_eq!(join_floats(&mut joined, 13).len(), 1);
        crate::graph::prune(&mut joined).unwrap();
        let kinds: Vec<_> = joined.node.iter().map(|n| n.op_type.as_str()).collect();
        assert_eq!(
            kinds,
            ["DequantizeLinear", "DequantizeLinear", "Concat", "Relu"]
        );
        for (node, from) in joined.node.iter().zip(["a", "b"]) {
            assert!(["a", "b"].contains(&node.input[0].as_str()), "{from}");
            assert_eq!(node.input[1..], ["scale", "zero"]);
        }
        assert_eq!(joined.node[2].output, ["floats"]);
    }

    #[test]
    fn a_scale_a_plane_stays_where_it_is() {
        let mut joined = graph(&[0.5, 0.25]);
        assert!(join_floats(&mut joined, 13).is_empty());
        assert_eq!(joined, graph(&[0.5, 0.25]));
    }
}
