//! Operators that rten runs otherwise than ONNX says. It refuses most of what it cannot do by itself; these it takes and
//! computes something else (rten 0.27). `tests/operators.rs` holds what is left against ONNX Runtime.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use rten_onnx::onnx::{AttributeProto, DataType, GraphProto, ModelProto, NodeProto};

/// The operator sets whose operators were compared.
const OPSETS: RangeInclusive<i64> = 7..=26;

/// The first operator of a graph that rten would run otherwise, in words; `None` where it runs all as
/// ONNX says, or where the bytes are no graph.
pub(super) fn refused(bytes: &[u8]) -> Option<String> {
    let model = ModelProto::parse_buf(bytes).ok()?;
    let graph = model.graph.as_ref()?;
    let mut sets = model.opset_import.iter();
    let own = sets.find(|set| is_onnx(set.domain.as_deref()));
    match own.and_then(|set| set.version) {
        Some(opset) if OPSETS.contains(&opset) => in_graph(graph, opset),
        // an empty graph is refused for what it lacks
        _ if graph.node.is_empty() => None,
        opset => Some(format!(
            "the graph's operators are of opset {}, and rten was compared with ONNX Runtime in \
             {OPSETS:?} only",
            opset.map_or("none".to_owned(), |opset| opset.to_string())
        )),
    }
}

fn is_onnx(domain: Option<&str>) -> bool {
    matches!(domain, None | Some("" | "ai.onnx"))
}

fn in_graph(graph: &GraphProto, opset: i64) -> Option<String> {
    let floats = floats(graph);
    let named = |node: &NodeProto| {
        let why = otherwise(node, opset, &floats)?;
        let name = node.name.as_deref().unwrap_or_default();
        let kind = node.op_type.as_deref().unwrap_or_default();
        Some(format!(
            "rten would not compute what the node {name:?} ({kind}) says: {why}; ONNX Runtime can \
             (--engine ort)"
        ))
    };
    let attributes = || graph.node.iter().flat_map(|node| &node.attribute);
    (graph.node.iter().find_map(named)).or_else(|| {
        attributes()
            .filter_map(|a| a.g.as_ref())
            .find_map(|g| in_graph(g, opset))
    })
}

/// Names of constants that are no whole numbers by their type.
fn floats(graph: &GraphProto) -> HashSet<&str> {
    let is_float = |kind: Option<DataType>| {
        let all = [DataType::FLOAT, DataType::FLOAT16, DataType::DOUBLE];
        kind.is_some_and(|kind| all.contains(&kind))
    };
    let initializers = graph.initializer.iter();
    let initializers = initializers.map(|t| (t.name.as_deref(), t.data_type));
    let nodes = graph.node.iter().flat_map(|node| {
        let name = node.output.first().map(String::as_str);
        let kinds = node.attribute.iter().map(|a| match a.f {
            Some(_) => Some(DataType::FLOAT),
            None => a.t.as_ref().and_then(|t| t.data_type),
        });
        let constant = node.op_type.as_deref() == Some("Constant");
        kinds
            .filter(move |_| constant)
            .map(move |kind| (name, kind))
    });
    let all = initializers.chain(nodes);
    all.filter(|(_, kind)| is_float(*kind))
        .filter_map(|(name, _)| name)
        .collect()
}

/// What is different.
fn otherwise(node: &NodeProto, opset: i64, floats: &HashSet<&str>) -> Option<String> {
    if !is_onnx(node.domain.as_deref()) {
        return None;
    }
    let attribute = |name: &str| -> Option<&AttributeProto> {
        node.attribute
            .iter()
            .find(|a| a.name.as_deref() == Some(name))
    };
    let text = |name: &str| attribute(name).and_then(|a| a.s.as_deref());
    let number = |name: &str| attribute(name).and_then(|a| a.i);
    let given = |place: usize| node.input.get(place).is_some_and(|name| !name.is_empty());
    let why = match node.op_type.as_deref()? {
        "Resize" if text("mode") == Some("cubic") => {
            "it interpolates linearly where the mode is cubic"
        }
        // over all axes from this one on, as one
        "Softmax" | "LogSoftmax" if opset < 13 && number("axis") != Some(-1) => {
            return Some(format!(
                "in opset {opset} it takes all axes from {} on together, and rten takes one",
                number("axis").unwrap_or(1)
            ));
        }
        "AveragePool" | "Conv" | "ConvTranspose" | "MaxPool"
            if text("auto_pad") == Some("SAME_LOWER") =>
        {
            "it pads SAME_LOWER as SAME_UPPER"
        }
        "ArgMax" | "ArgMin" => "it takes the last of equal values, not the first",
        "Asinh" | "Softplus" => "large values become infinite",
        // UINT8, INT8, BOOL
        "Cast" if matches!(number("to"), Some(2 | 3 | 9)) => {
            "it cuts off what is out of range, and truth values stay the numbers that they were"
        }
        "CastLike" => "it does not know truth values",
        "ConvInteger" => "its sums are wrong",
        "MatMulInteger" if given(3) => "it misreads the second zero point",
        "GRU" | "LSTM" if given(4) => "it goes on behind the ends of sequences",
        "NonMaxSuppression" => "it wants the corners of boxes in order, and does not limit",
        "Range" if node.input.iter().any(|name| floats.contains(name.as_str())) => {
            "it adds up rounding errors"
        }
        "Sign" => "it makes 1 of 0",
        "SplitToSequence" if number("keepdims") == Some(0) => "it keeps sides of 1",
        kind if kind.starts_with("Reduce")
            && number("noop_with_empty_axes").is_some_and(|n| n != 0) =>
        {
            "it was found wrong with noop_with_empty_axes where no axes are given"
        }
        "Attention" | "BitCast" | "RMSNormalization" | "RotaryEmbedding" | "Swish" => {
            "it was not compared with ONNX Runtime"
        }
        _ => return None,
    };
    Some(why.to_owned())
}

#[cfg(test)]
mod tests {
    use rten_onnx::onnx::{OperatorSetIdProto, TensorProto};

    use super::*;

    fn graph(kind: &str, attribute: Option<AttributeProto>, opset: i64) -> Vec<u8> {
        let node = NodeProto {
            name: Some("/head/it".to_owned()),
            op_type: Some(kind.to_owned()),
            attribute: attribute.into_iter().collect(),
            ..NodeProto::default()
        };
        let model = ModelProto {
            graph: Some(GraphProto {
                node: vec![node],
                ..GraphProto::default()
            }),
            opset_import: vec![OperatorSetIdProto {
                domain: None,
                version: Some(opset),
            }],
            ..ModelProto::default()
        };
        model.write_buf().unwrap()
    }

    fn text(name: &str, value: &str) -> Option<AttributeProto> {
        Some(AttributeProto {
            name: Some(name.to_owned()),
            s: Some(value.to_owned()),
            ..AttributeProto::default()
        })
    }

    fn number(name: &str, value: i64) -> Option<AttributeProto> {
        Some(AttributeProto {
            name: Some(name.to_owned()),
            i: Some(value),
            ..AttributeProto::default()
        })
    }

    #[test]
    fn what_rten_would_compute_otherwise_is_refused_by_name() {
        for (bytes, words) in [
            (graph("Resize", text("mode", "cubic"), 17), "linearly"),
            (graph("Softmax", number("axis", 1), 11), "all axes from 1"),
            (graph("LogSoftmax", None, 9), "opset 9"),
            (
                graph("Conv", text("auto_pad", "SAME_LOWER"), 17),
                "SAME_UPPER",
            ),
            (graph("Cast", number("to", 9), 17), "truth values"),
            (
                graph("ReduceL2", number("noop_with_empty_axes", 1), 18),
                "axes",
            ),
            (graph("ArgMax", None, 17), "the first"),
        ] {
            let why = refused(&bytes).unwrap();
            assert!(why.contains("/head/it") && why.contains(words), "{why}");
        }
        for bytes in [
            graph("Resize", text("mode", "linear"), 17),
            graph("Softmax", number("axis", 1), 13),
            graph("Softmax", number("axis", -1), 11),
            graph("Cast", number("to", 1), 17),
            graph("Conv", None, 7),
            b"no graph".to_vec(),
        ] {
            assert_eq!(refused(&bytes), None);
        }
    }

    #[test]
    fn an_operator_set_that_was_not_compared_is_refused() {
        for opset in [6, 27] {
            let why = refused(&graph("Conv", None, opset)).unwrap();
            assert!(why.contains(&format!("opset {opset}")), "{why}");
        }
    }

    #[test]
    fn a_range_of_fractions_is_told_from_one_of_whole_numbers() {
        let range = |kind| {
            let step = TensorProto {
                name: Some("step".to_owned()),
                data_type: Some(kind),
                ..TensorProto::default()
            };
            let node = NodeProto {
                op_type: Some("Range".to_owned()),
                input: ["first", "end", "step"].map(str::to_owned).to_vec(),
                ..NodeProto::default()
            };
            let graph = GraphProto {
                node: vec![node],
                initializer: vec![step],
                ..GraphProto::default()
            };
            in_graph(&graph, 17)
        };
        assert!(range(DataType::FLOAT).is_some_and(|why| why.contains("rounding")));
        assert_eq!(range(DataType::INT64), None);
    }
}
