//! Operators that rten runs otherwise than ONNX says. It refuses most of what it cannot do by itself;
//! these it takes and computes something else (rten 0.27, its `onnx_registry.rs`).

use rten_onnx::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto};

/// The first operator of a graph that rten would run otherwise, in words; `None` where it runs all as
/// ONNX says, or where the bytes are no graph.
pub(super) fn refused(bytes: &[u8]) -> Option<String> {
    let model = ModelProto::parse_buf(bytes).ok()?;
    let mut sets = model.opset_import.iter();
    let own = sets.find(|set| set.domain.as_deref().unwrap_or_default().is_empty());
    let opset = own.and_then(|set| set.version).unwrap_or(i64::MAX);
    in_graph(model.graph.as_ref()?, opset)
}

fn in_graph(graph: &GraphProto, opset: i64) -> Option<String> {
    let named = |node: &NodeProto| {
        let why = otherwise(node, opset)?;
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

/// What is different.
fn otherwise(node: &NodeProto, opset: i64) -> Option<String> {
    if !matches!(node.domain.as_deref(), None | Some("" | "ai.onnx")) {
        return None;
    }
    let attribute = |name: &str| -> Option<&AttributeProto> {
        node.attribute
            .iter()
            .find(|a| a.name.as_deref() == Some(name))
    };
    let text = |name: &str| attribute(name).and_then(|a| a.s.as_deref());
    let number = |name: &str| attribute(name).and_then(|a| a.i);
    match node.op_type.as_deref()? {
        "Resize" if text("mode") == Some("cubic") => {
            Some("it interpolates linearly where the mode is cubic".to_owned())
        }
        // over all axes from this one on, as one
        "Softmax" | "LogSoftmax" | "Hardmax" if opset < 13 && number("axis") != Some(-1) => {
            Some(format!(
                "in opset {opset} it takes all axes from {} on together, and rten takes one",
                number("axis").unwrap_or(1)
            ))
        }
        // scale and bias of a group there, of a plane from opset 21 on
        "GroupNormalization" if opset < 21 => Some(format!(
            "in opset {opset} scale and bias are those of a group, not of a plane"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rten_onnx::onnx::OperatorSetIdProto;

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
            (graph("GroupNormalization", None, 18), "of a group"),
        ] {
            let why = refused(&bytes).unwrap();
            assert!(why.contains("/head/it") && why.contains(words), "{why}");
        }
        for bytes in [
            graph("Resize", text("mode", "linear"), 17),
            graph("Softmax", number("axis", 1), 13),
            graph("Softmax", number("axis", -1), 11),
            graph("GroupNormalization", None, 21),
            graph("Conv", None, 7),
            b"no graph".to_vec(),
        ] {
            assert_eq!(refused(&bytes), None);
        }
    }
}
