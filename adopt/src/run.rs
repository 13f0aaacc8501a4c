//! Graphs are run here by whoever has an engine: shapes are looked at, not guessed.

use crate::AdoptError;
use crate::proto::{GraphProto, Model, ValueInfo};

/// Opens graphs for running.
pub trait Runner {
    /// Opens a graph, ONNX bytes, whose input is [`crate::input::IMAGE`].
    ///
    /// # Errors
    /// Why no engine can run it, in words.
    fn open(&mut self, graph: Vec<u8>) -> Result<Box<dyn Session>, String>;
}

/// A graph that can be run.
pub trait Session {
    /// Runs it on planes of red, green and blue of that width and height, and gives the outputs of these names.
    ///
    /// # Errors
    /// Why it cannot be run, in words.
    fn run(
        &mut self,
        size: (u32, u32),
        planes: &[f32],
        outputs: &[String],
    ) -> Result<Vec<Measured>, String>;
}

/// An output that came out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Its sides.
    pub shape: Vec<usize>,
    /// Its numbers; whole ones too. Empty where they are of a type that is not looked at.
    pub values: Vec<f32>,
}

/// The bytes of a graph with these tensors as its outputs.
pub(crate) fn with_outputs(model: &Model, outputs: &[String]) -> Result<Vec<u8>, AdoptError> {
    let mut model = model.clone();
    if let Some(graph) = &mut model.graph {
        set_outputs(graph, outputs)?;
    }
    Ok(model.bytes())
}

/// Makes these tensors the outputs, without shapes, and leaves what they need.
fn set_outputs(graph: &mut GraphProto, outputs: &[String]) -> Result<(), AdoptError> {
    let bare = |name: &String| ValueInfo {
        name: name.clone(),
        ..ValueInfo::default()
    };
    let former = std::mem::take(&mut graph.output);
    let known = |name: &String| former.iter().find(|output| output.name == *name);
    graph.output = outputs
        .iter()
        .map(|name| {
            let mut info = bare(name);
            // its type, but not its shape, which may be of another size
            if let Some(tensor) = known(name).and_then(|v| v.kind.as_ref()?.tensor.as_ref()) {
                info = ValueInfo::tensor(name, tensor.elem_type, &[]);
                if let Some(tensor) = info.kind.as_mut().and_then(|kind| kind.tensor.as_mut()) {
                    tensor.shape = None;
                }
            }
            info
        })
        .collect();
    crate::graph::prune(graph)
}

/// What tensors of a graph are on a plain grey picture of that width and height.
pub(crate) fn measure(
    runner: &mut dyn Runner,
    model: &Model,
    size: (u32, u32),
    grey: f32,
    tensors: &[String],
) -> Result<Vec<Measured>, AdoptError> {
    let graph = with_outputs(model, tensors)?;
    let mut session = runner.open(graph).map_err(AdoptError::Run)?;
    let planes = vec![grey; 3 * size.0 as usize * size.1 as usize];
    let measured = session.run(size, &planes, tensors);
    measured.map_err(AdoptError::Run)
}
