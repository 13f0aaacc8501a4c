//! Whole graphs.

mod build;
mod fuzz;

use super::element::{FLOAT, FLOAT16, INT64};
use super::field::{attribute, graph, type_proto, value_info};
use super::node::Node;
use super::wire::{Field, Message};
use super::*;
use build::{Graph, cast_to, choice, floats, graph_of, network, nodes, shipped, weights};

#[test]
fn everything_becomes_f16_but_the_ends_and_the_scales() {
    let onnx = network().bytes();
    let converted = convert(&onnx).unwrap();
    let expected = [
        "image.f16 = Cast(image) to 10",
        "conv = Conv(image.f16 w)",
        "features.f16 = Relu(conv)",
        "features = Cast(features.f16) to 1",
        "score.f16 = Resize(features.f16  scales)",
        "score = Cast(score.f16) to 1",
    ];
    assert_eq!(nodes(&converted.onnx), expected);
    assert_eq!(
        weights(&converted.onnx),
        [("w".into(), FLOAT16), ("scales".into(), FLOAT)]
    );
    assert_eq!((converted.casts, converted.rounding.values), (3, 9));
    let (before, after) = (graph_of(&onnx), graph_of(&converted.onnx));
    for ends in [graph::INPUT, graph::OUTPUT] {
        let same = before.all(ends).eq(after.all(ends));
        assert!(same, "inputs and outputs are what they were");
    }
    let element = |field: &Field<'_>| {
        let info = Message::read(field.payload().unwrap()).unwrap();
        let kind = info.child(value_info::TYPE).unwrap().unwrap();
        kind.child(type_proto::TENSOR)
            .unwrap()
            .unwrap()
            .int(type_proto::ELEMENT)
            .unwrap()
    };
    let elements: Vec<i64> = after.all(graph::VALUE_INFO).map(element).collect();
    assert_eq!(
        elements,
        [FLOAT16, FLOAT],
        "the output's name is the cast's now"
    );
    let unknown = Message::read(&converted.onnx).unwrap();
    assert_eq!(unknown.text(1999), Ok("kept"));
}

#[test]
fn the_precision_is_told() {
    let onnx = network().bytes();
    assert_eq!(graph_precision(&onnx), Ok(GraphPrecision::F32));
    assert_eq!(
        graph_precision(&to_fp16(&onnx).unwrap()),
        Ok(GraphPrecision::F16)
    );
    let quantised = network().node("QuantizeLinear", "score w w", "q").bytes();
    assert_eq!(graph_precision(&quantised), Ok(GraphPrecision::Qdq));
    let error = convert(&quantised).unwrap_err();
    assert!(matches!(error, PrecisionError::Quantised { .. }), "{error}");
    assert_eq!(graph_precision(&[]), Err(PrecisionError::NoGraph));
}

#[test]
fn shape_arithmetic_stays_f32() {
    // twice as large as `image`, computed in floats as old exporters do, and a share of the width
    let onnx = Graph::default()
        .input("image", FLOAT)
        .output("y")
        .weights("two", &[2.0])
        .weights("none", &[])
        .node("Shape", "image", "shape")
        .node_with("Cast", "shape", "sizes", &[cast_to(FLOAT)])
        .node("Mul", "sizes two", "twice")
        .node_with("Cast", "twice", "wanted", &[cast_to(INT64)])
        .node("Resize", "image none none wanted", "large")
        .node("Div", "large twice", "y")
        .bytes();
    let converted = to_fp16(&onnx).unwrap();
    let expected = [
        "shape = Shape(image)",
        "sizes = Cast(shape) to 1",
        "twice = Mul(sizes two)",
        "wanted = Cast(twice) to 7",
        "image.f16 = Cast(image) to 10",
        "large = Resize(image.f16 none none wanted)",
        "twice.f16 = Cast(twice) to 10",
        "y.f16 = Div(large twice.f16)",
        "y = Cast(y.f16) to 1",
    ];
    assert_eq!(nodes(&converted), expected);
    assert_eq!(
        weights(&converted),
        [("two".into(), FLOAT), ("none".into(), FLOAT)]
    );
}

#[test]
fn a_constant_for_both_stays_and_is_cast_for_those_who_want_f16() {
    let graph = |value| {
        Graph::default()
            .input("image", FLOAT)
            .output("y")
            .weights("c", &[value])
            .node("Add", "image c", "sum")
            .node("ReduceSum", "sum", "total")
            .node("Add", "total c", "again")
            .node("Resize", "again - c", "y")
            .bytes()
    };
    let converted = to_fp16(&graph(1.0)).unwrap();
    let expected = [
        "image.f16 = Cast(image) to 10",
        "c.f16 = Cast(c) to 10",
        "sum = Add(image.f16 c.f16)",
        "sum.f32 = Cast(sum) to 1",
        "total = ReduceSum(sum.f32)",
        "total.f16 = Cast(total) to 10",
        "again = Add(total.f16 c.f16)",
        "y.f16 = Resize(again  c)",
        "y = Cast(y.f16) to 1",
    ];
    assert_eq!(nodes(&converted), expected);
    assert_eq!(weights(&converted), [("c".into(), FLOAT)]);
    let error = convert(&graph(1e6)).unwrap_err();
    assert!(
        error.to_string().starts_with("c: 1 values are beyond f16"),
        "{error}"
    );
}

#[test]
fn constants_of_every_form_become_f16() {
    let value = choice(
        "value",
        Field::message(attribute::TENSOR, &floats("", &[0.1])),
    );
    let one = choice("value_float", Field::bytes(attribute::FLOATS, vec![]));
    let list = choice(
        "value_floats",
        Field::bytes(attribute::FLOATS, 3f32.to_le_bytes().to_vec()),
    );
    let onnx = Graph::default()
        .input("image", FLOAT)
        .input("shape", INT64)
        .output("y")
        .node_with("Constant", "", "a", &[value])
        .node_with("Constant", "", "b", &[one])
        .node_with("Constant", "", "c", &[list])
        .node("ConstantOfShape", "shape", "zeros")
        .node_with("Cast", "shape", "cast", &[cast_to(FLOAT)])
        .node("Sum", "image a b c zeros cast", "y")
        .bytes();
    let converted = convert(&onnx).unwrap();
    let graph = graph_of(&converted.onnx);
    let mut chosen = vec![];
    for field in graph.all(graph::NODE) {
        let node = Node::read(field.payload().unwrap()).unwrap();
        if matches!(
            node.operator.as_str(),
            "Constant" | "ConstantOfShape" | "Cast"
        ) {
            chosen.push((node.outputs[0], node.chosen_type().unwrap()));
            assert_eq!(node.attributes().unwrap().len(), 1);
        }
    }
    let half = |name| (name, FLOAT16);
    let expected = ["a", "b", "c", "zeros", "cast", "image.f16"].map(half);
    assert_eq!(chosen[..6], expected);
    assert_eq!(chosen[6..], [("y", FLOAT)]);
    assert_eq!(converted.rounding.values, 4);
}

#[test]
fn what_cannot_be_converted_is_named() {
    let base = || Graph::default().input("x", FLOAT).output("y");
    let case = |graph: Graph| convert(&graph.bytes()).unwrap_err().to_string();
    assert_eq!(
        case(base().node("LSTM", "x", "y")),
        "node y: operator LSTM cannot be converted to f16"
    );
    assert_eq!(
        case(base().node("Relu", "z", "y")),
        "node y reads z, which nothing before it makes"
    );
    assert_eq!(case(base().node("Relu", "x", "x")), "x is made twice");
    assert_eq!(
        case(base()),
        "node graph output reads y, which nothing before it makes"
    );
    assert_eq!(
        case(base().weights("w", &[1.0, 7e4]).node("Add", "x w", "y")),
        "w: 1 values are beyond f16, the first is 70000"
    );
    let error = convert(&network().of_opset(10)).unwrap_err();
    assert_eq!(error, PrecisionError::Opset { found: 10, min: 11 });
}

#[test]
fn the_shipped_graphs_fit_into_f16() {
    // a cast an input and an output; a Resize's scales stay
    for (file, casts, scales) in [("segmentation.onnx", 1 + 5, 2), ("observer.onnx", 6 + 1, 1)] {
        let onnx = shipped(file);
        let converted = convert(&onnx).unwrap();
        assert_eq!(converted.casts, casts, "{file}");
        assert_eq!(graph_precision(&converted.onnx), Ok(GraphPrecision::F16));
        let weights = weights(&converted.onnx);
        let stay = weights.iter().filter(|(_, element)| *element == FLOAT);
        assert_eq!(stay.count(), scales, "{file}");
        assert_eq!(converted.rounding.tensors, weights.len() - scales);
        assert!(
            converted.onnx.len() < onnx.len() * 6 / 10,
            "{file}: half of the size"
        );
        let nodes = nodes(&converted.onnx);
        assert_eq!(
            nodes.len(),
            graph_of(&onnx).all(graph::NODE).count() + casts
        );
    }
}

#[test]
fn a_converted_graph_converts_again_to_the_same_weights() {
    let once = to_fp16(&network().bytes()).unwrap();
    let twice = convert(&once).unwrap();
    assert_eq!(weights(&twice.onnx), weights(&once));
    assert_eq!(twice.rounding.values, 0);
}
