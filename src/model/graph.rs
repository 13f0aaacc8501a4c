//! What is looked at in an ONNX graph before an engine gets it.

use rten_onnx::onnx::{DataLocation, GraphProto, ModelProto, TensorProto};

/// A tensor whose numbers are not in the graph's own file, and the file that it names.
///
/// The bundle's hashes do not cover such a file, and an engine that gets a graph from memory looks for
/// it in the folder that the program happens to be in.
pub(super) fn external_tensor(bytes: &[u8]) -> Option<(String, String)> {
    // what is no graph is refused by the engine, in its own words
    let model = ModelProto::parse_buf(bytes).ok()?;
    in_graph(model.graph.as_ref()?)
}

fn in_graph(graph: &GraphProto) -> Option<(String, String)> {
    let attributes = || graph.node.iter().flat_map(|node| &node.attribute);
    graph
        .initializer
        .iter()
        .chain(attributes().filter_map(|a| a.t.as_ref()))
        .find_map(external)
        .or_else(|| attributes().filter_map(|a| a.g.as_ref()).find_map(in_graph))
}

fn external(tensor: &TensorProto) -> Option<(String, String)> {
    if tensor.data_location != Some(DataLocation::EXTERNAL) && tensor.external_data.is_empty() {
        return None;
    }
    let location = |key: &str| {
        let mut entries = tensor.external_data.iter();
        entries.find(|entry| entry.key.as_deref() == Some(key))
    };
    let file = location("location").and_then(|entry| entry.value.clone());
    Some((
        tensor.name.clone().unwrap_or_default(),
        file.unwrap_or_default(),
    ))
}
