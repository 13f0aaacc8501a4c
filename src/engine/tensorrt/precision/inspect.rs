use super::element::{FLOAT, FLOAT16};
use super::error::PrecisionError;
use super::field::{attribute, graph, model, tensor};
use super::node::Node;
use super::operators::is_quantised;
use super::tensor::{count, within};
use super::wire::Message;

named! {
    /// The number format that a graph computes in.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum GraphPrecision {
        /// f32, like every graph of a trainer.
        F32 => "f32",
        /// f16: more of the constants' values are f16 than f32.
        F16 => "f16",
        /// 8 bits where the graph's QuantizeLinear and DequantizeLinear say so.
        Qdq => "int8 (QDQ)",
    }
}

/// What a graph computes in, from its operators and from the format of its constants.
///
/// # Errors
/// A file that is no ONNX model.
pub fn graph_precision(onnx: &[u8]) -> Result<GraphPrecision, PrecisionError> {
    let wire = within("the model");
    let model = Message::read(onnx).map_err(wire)?;
    let graph = model.child(model::GRAPH).map_err(wire)?;
    let graph = graph.ok_or(PrecisionError::NoGraph)?;
    let (mut f32s, mut f16s) = (0usize, 0usize);
    let mut add = |part: &Message<'_>| -> Result<(), PrecisionError> {
        let wire = within("a tensor");
        let values = count(&part.ints(tensor::DIMS).map_err(wire)?).unwrap_or(usize::MAX);
        match part.int(tensor::DATA_TYPE).map_err(wire)? {
            FLOAT => f32s = f32s.saturating_add(values),
            FLOAT16 => f16s = f16s.saturating_add(values),
            _ => {}
        }
        Ok(())
    };
    for field in graph.all(graph::INITIALIZER) {
        add(&Message::read(field.payload().map_err(wire)?).map_err(wire)?)?;
    }
    for field in graph.all(graph::NODE) {
        let node = Node::read(field.payload().map_err(wire)?)?;
        if is_quantised(&node.operator) {
            return Ok(GraphPrecision::Qdq);
        }
        if node.operator == "Constant" {
            for (_, attribute) in node.attributes()? {
                if let Some(value) = attribute.child(attribute::TENSOR).map_err(wire)? {
                    add(&value)?;
                }
            }
        }
    }
    Ok(if f16s > f32s {
        GraphPrecision::F16
    } else {
        GraphPrecision::F32
    })
}
