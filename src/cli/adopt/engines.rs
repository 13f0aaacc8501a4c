//! The engines that are there, and what they say of a network.

use std::time::{Duration, Instant};

use lookout::engine::{EngineError, EngineKind, Mode, Options, RawGraph, Resolution, explain_rten};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::time::Stamp;
use lookout_adopt::input::IMAGE;
use lookout_adopt::run::{self, Measured, Session};

use crate::cli::pictures::note;

/// Runs graphs for the adoption.
pub(super) struct Runner;

struct Opened(RawGraph);

impl run::Runner for Runner {
    fn open(&mut self, graph: Vec<u8>) -> Result<Box<dyn Session>, String> {
        let graph = RawGraph::open(graph, Options::default().threads)?;
        Ok(Box::new(Opened(graph)))
    }
}

impl Session for Opened {
    fn run(
        &mut self,
        (width, height): (u32, u32),
        planes: &[f32],
        outputs: &[String],
    ) -> Result<Vec<Measured>, String> {
        let shape = [1, 3, height as usize, width as usize];
        let made = self.0.run(IMAGE, shape, planes, outputs)?;
        let measured = made.into_iter().map(|tensor| Measured {
            shape: tensor.shape,
            values: tensor.values,
        });
        Ok(measured.collect())
    }
}

/// What the engines made of a bundle.
pub(super) struct Tried(Vec<(&'static str, Result<Ran, Failed>)>);

/// An engine ran it.
struct Ran {
    input: (u32, u32),
    logits: (usize, usize, usize),
    took: Duration,
}

enum Failed {
    /// It is not there.
    Absent(String),
    /// It cannot run the network.
    Refused(String),
}

/// Loads a bundle on every engine that is there, and runs it on a grey frame. `nodes` are names and operators, for engines
/// that tell the name only.
pub(super) fn try_all(bundle: &Bundle, nodes: &[(String, String)]) -> Tried {
    let engines = [
        ("rten", EngineKind::Rten),
        ("ONNX Runtime", EngineKind::Ort),
        ("TensorRT", EngineKind::TensorRt),
    ];
    let of = |(name, kind)| {
        let ran = try_one(bundle, kind).map_err(|e| match e {
            EngineError::NoOnnxRuntime { .. } => {
                Failed::Absent("its library was not found (pip install onnxruntime)".to_owned())
            }
            EngineError::NoTensorRt { message } => Failed::Absent(message),
            _ => Failed::Refused(with_operator(words(&e, bundle), nodes)),
        });
        (name, ran)
    };
    Tried(engines.map(of).into())
}

fn try_one(bundle: &Bundle, kind: EngineKind) -> Result<Ran, EngineError> {
    let options = Options {
        kind,
        ..Options::default()
    };
    let mut engine = lookout::engine::open(bundle, options)?;
    let input = &bundle.manifest().input;
    let (width, height) = match (input.fixed(), &input.full_height) {
        (Some(fixed), _) => (fixed.width, fixed.height),
        (None, Some(rows)) => (rows.get_ref() * 4 / 3 / 32 * 32, *rows.get_ref()),
        (None, None) => return Err(EngineError::EmptyFrame),
    };
    let mut grey = Frame::new();
    match grey.reset(width, height, Stamp::default()) {
        Ok(pixels) => pixels.fill(127),
        Err(_) => return Err(EngineError::EmptyFrame),
    }
    let mode = Mode {
        resolution: Resolution::Full,
        observer: bundle.manifest().head.is_some(),
    };
    // the first is slower
    engine.run(&grey, mode)?;
    let began = Instant::now();
    let perception = engine.run(&grey, mode)?;
    let took = began.elapsed();
    let (columns, rows) = perception.size();
    let classes = perception.logits().map_or(0, |logits| logits.channels());
    Ok(Ran {
        input: perception.input_size(),
        logits: (classes, rows, columns),
        took,
    })
}

/// What an engine says, with the node's name where rten has none for what it joined.
fn words(error: &EngineError, bundle: &Bundle) -> String {
    let text = error.to_string();
    let text = ["rten: ", "ort: "]
        .iter()
        .find_map(|name| text.strip_prefix(name))
        .unwrap_or(&text);
    let segmentation = &bundle.manifest().segmentation;
    let explained = || {
        let fixed = bundle.manifest().input.fixed();
        let (width, height) = fixed.map_or((320, 256), |fixed| (fixed.width, fixed.height));
        let shape = [1, 3, height as usize, width as usize];
        let outputs = [segmentation.logits.clone()];
        explain_rten(
            bundle.segmentation().to_vec(),
            &segmentation.image,
            shape,
            &outputs,
        )
    };
    match text.contains("operator \"\"") {
        true => explained().unwrap_or_else(|| text.to_owned()),
        false => text.to_owned(),
    }
}

/// Adds the operator of a node that a message names.
fn with_operator(mut message: String, nodes: &[(String, String)]) -> String {
    let named = |name: &str| {
        let quoted = [format!("\"{name}\""), format!("'{name}'")];
        quoted.iter().any(|quoted| message.contains(quoted))
    };
    let node = nodes.iter().find(|(name, _)| named(name));
    if let Some((name, operator)) = node
        && !message.contains(operator.as_str())
    {
        message.push_str(&format!(" (the node {name:?} is a {operator})"));
    }
    message
}

impl Tried {
    /// Whether any can run it.
    pub(super) fn any(&self) -> bool {
        self.0.iter().any(|(_, ran)| ran.is_ok())
    }

    /// A line an engine.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(name, ran): &(&str, Result<Ran, Failed>)| match ran {
            Ok(Ran {
                input: (width, height),
                logits: (classes, rows, columns),
                took,
            }) => format!(
                "{name} runs it: a grey frame as {width}x{height} gives logits of {classes}x{rows}x{columns}, in {:.0} ms",
                took.as_secs_f64() * 1e3
            ),
            Err(Failed::Absent(why)) => format!("{name} was not tried: {why}"),
            Err(Failed::Refused(why)) => format!("{name} cannot run it: {why}"),
        };
        self.0.iter().map(line).collect()
    }

    /// The same for people, with which engine to take.
    pub(super) fn print(&self) {
        for line in self.lines() {
            note(format_args!("engine: {line}"));
        }
        let refused = |ran: &Result<Ran, Failed>| matches!(ran, Err(Failed::Refused(_)));
        let ran = self.0.iter().find(|(_, ran)| ran.is_ok());
        if let Some((name, _)) = ran
            && self.0.iter().any(|(_, ran)| refused(ran))
        {
            let flag = match *name {
                "ONNX Runtime" => "ort",
                "TensorRT" => "tensorrt",
                other => other,
            };
            note(format_args!("engine: take {name} for it (--engine {flag})"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_of_a_node_is_added_where_an_engine_names_the_node_only() {
        let nodes = [("/head/up".to_owned(), "Resize".to_owned())];
        let with = |message: &str| with_operator(message.to_owned(), &nodes);
        let added = "in node \"/head/up\": no (the node \"/head/up\" is a Resize)";
        assert_eq!(with("in node \"/head/up\": no"), added);
        assert_eq!(
            with("Resize node. Name:'/head/up'"),
            "Resize node. Name:'/head/up'"
        );
        assert_eq!(with("something else"), "something else");
    }
}
