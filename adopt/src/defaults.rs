//! Attributes that a graph leaves to their defaults and that rten wants to be there: the same numbers, said.

use crate::graph::{View, ints, operator, text};
use crate::proto::{Attribute, GraphProto, NodeProto, TensorProto};

/// Says strides, dilations and pads of convolutions and pools that do not say them; how many nodes were changed.
pub(crate) fn say(graph: &mut GraphProto, opset: i64) -> usize {
    let missing: Vec<(usize, Vec<Attribute>)> = {
        let view = View::new(graph, opset);
        let nodes = graph.node.iter().enumerate();
        let all = nodes.map(|(at, node)| (at, of(&view, node)));
        all.filter(|(_, missing)| !missing.is_empty()).collect()
    };
    let count = missing.len();
    for (at, mut attributes) in missing {
        graph.node[at].attribute.append(&mut attributes);
    }
    count
}

fn of(view: &View<'_>, node: &NodeProto) -> Vec<Attribute> {
    let dilates = match operator(node) {
        "Conv" | "ConvTranspose" => true,
        "MaxPool" => view.opset >= 10,
        "AveragePool" => false,
        _ => return vec![],
    };
    // batch and planes come before the sides of a kernel
    let weight = node.input.get(1).and_then(|name| weight(view, name));
    let sides = match (ints(node, "kernel_shape"), weight) {
        (Some(sides), _) => sides.len(),
        (None, Some(weight)) if operator(node).starts_with("Conv") => {
            weight.dims.len().saturating_sub(2)
        }
        _ => return vec![],
    };
    let mut missing = vec![];
    let mut say = |name: &str, values: Vec<i64>| {
        if ints(node, name).is_none() {
            missing.push(Attribute::ints(name, &values));
        }
    };
    say("strides", vec![1; sides]);
    if dilates {
        say("dilations", vec![1; sides]);
    }
    if matches!(text(node, "auto_pad"), None | Some("NOTSET")) {
        say("pads", vec![0; 2 * sides]);
    }
    missing
}

/// The numbers of a weight, also where they are quantised.
fn weight<'a>(view: &View<'a>, name: &str) -> Option<&'a TensorProto> {
    view.constant(name).or_else(|| {
        let node = view.producer(name)?;
        let from = node.input.first()?;
        (operator(node) == "DequantizeLinear").then(|| view.constant(from))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_convolution_leaves_to_its_defaults_is_said() {
        let node = |attribute| NodeProto {
            input: vec!["x".to_owned(), "w".to_owned()],
            op_type: "Conv".to_owned(),
            attribute,
            ..NodeProto::default()
        };
        let mut graph = GraphProto {
            node: vec![
                node(vec![Attribute::ints("strides", &[2, 2])]),
                node(vec![Attribute::string("auto_pad", "SAME_UPPER")]),
            ],
            initializer: vec![TensorProto::float("w", &[1, 1, 3, 3], &[0.0; 9])],
            ..GraphProto::default()
        };
        assert_eq!(say(&mut graph, 17), 2);
        let [first, second] = &graph.node[..] else {
            panic!("{:?}", graph.node)
        };
        assert_eq!(ints(first, "strides"), Some(&[2, 2][..]));
        assert_eq!(ints(first, "dilations"), Some(&[1, 1][..]));
        assert_eq!(ints(first, "pads"), Some(&[0, 0, 0, 0][..]));
        assert_eq!(ints(second, "pads"), None);
        assert_eq!(say(&mut graph, 17), 0);
    }
}
