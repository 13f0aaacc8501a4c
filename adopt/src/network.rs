//! A network from its graph to one that lookout runs.

use std::collections::HashMap;

use crate::activations::{self, Activation, Wanted};
use crate::chain::Chain;
use crate::graph::{self, View};
use crate::input::{self, Front, InputOptions, Layout};
use crate::normalisation::{self, Normalisation};
use crate::output::{self, Logits, Resize};
use crate::proto::{Model, TensorProto, ValueInfo, data_type};
use crate::run::{Measured, Runner, measure};
use crate::tail::{self, Resized};
use crate::{AdoptError, defaults, ending, load, numbers, quantised, softplus};

/// Width and height of the pictures that a network of free size is tried on.
const TRIED: [(u32, u32); 2] = [(320, 256), (192, 128)];

/// Numbers that a tensor made of nothing may have: 1 GiB of them.
const MOST_NUMBERS: f64 = 268_435_456.0;

/// Outputs that the logits are looked for behind.
const MOST_OUTPUTS: usize = 100;

/// What a person says of the network.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Of its input.
    pub input: InputOptions,
    /// Which output has the logits, or what is made of them.
    pub output: Option<String>,
    /// How many classes there are; where a graph has labels alone it does not tell.
    pub classes: Option<usize>,
    /// Where that has the classes.
    pub output_layout: Option<Layout>,
    /// What becomes of the network's own resizing of the logits.
    pub resize: Resize,
    /// What comes out for the observer.
    pub activations: Wanted,
}

/// A network that lookout runs, and what was done to it.
#[derive(Clone, Debug)]
pub struct Network {
    /// The graph, ONNX bytes: [`input::IMAGE`] in, [`output::LOGITS`] and the activations out.
    pub graph: Vec<u8>,
    /// The graph with the same input and the outputs that it came with.
    whole: Model,
    /// Its input.
    pub front: Front,
    /// Its logits, as they were found.
    pub logits: Logits,
    /// Pixels of the picture along a logit that comes out.
    pub stride: u32,
    /// What was changed within the network, for people.
    pub changed: Vec<String>,
    /// What was put behind the logits, for people.
    pub put_behind: Vec<String>,
    /// What comes out for the observer.
    pub activations: Vec<Activation>,
    /// The normalisation that the graph tells, and how.
    pub hint: Option<(Normalisation, String)>,
    /// Version of ONNX's own operators.
    pub opset: i64,
    /// Who wrote the graph, as it says.
    pub producer: String,
    /// Name and operator of every node, for messages of engines that name a node only.
    pub nodes: Vec<(String, String)>,
}

impl Network {
    /// Makes lookout's network of a graph.
    ///
    /// # Errors
    /// What is wrong with the graph, what lookout cannot make of it, and what has to be said by an option.
    pub fn adopt(
        mut model: Model,
        options: &Options,
        runner: &mut dyn Runner,
    ) -> Result<Self, AdoptError> {
        let opset = graph::opset(&model);
        let producer = format!("{} {}", model.producer_name, model.producer_version);
        let Some(graph) = &mut model.graph else {
            return Err(AdoptError::Broken("it has no graph".to_owned()));
        };
        graph::prune(graph)?;
        graph::name_nodes(graph);
        let mut changed = quantised::join_floats(graph, opset);
        match softplus::in_parts(graph) {
            0 => {}
            count => changed.push(format!(
                "Softplus is computed in parts, so that large values stay finite in every engine (nodes: {count})"
            )),
        }
        match defaults::say(graph, opset) {
            0 => {}
            count => changed.push(format!(
                "strides, dilations or pads that were left to their defaults are said now (nodes: {count})"
            )),
        }
        let hint = {
            let view = View::new(graph, opset);
            let name = view.fed().next().map(|input| input.name.clone());
            name.and_then(|name| normalisation::hint(&view, &name))
        };
        check_numbers(&mut model)?;
        if let Some(graph) = &model.graph {
            check_sizes(&View::new(graph, opset))?;
        }
        let front = input::fit(&mut model, &options.input)?;
        if let Some(graph) = &mut model.graph {
            // what was put in stands at the end
            graph::prune(graph)?;
        }
        let whole = model.clone();
        let grey = if front.takes_bytes() { 127.0 } else { 0.5 };
        let sizes = match front.fixed {
            Some(size) => vec![size],
            None => TRIED.to_vec(),
        };
        let ways = ways(&model, opset)?;
        let mut chosen: Vec<Logits> = vec![];
        for &size in &sizes {
            let all = tensors(&ways);
            let measured = measured(runner, &model, (size, grey), &all)
                .map_err(|error| explained(error, &front, size))?;
            let asked = output::Asked {
                output: options.output.as_deref(),
                layout: options.output_layout,
                resize: options.resize,
                classes: options.classes,
                fixed: front.fixed.is_some(),
            };
            chosen.push(output::choose(&ways, &measured, size, &asked)?);
        }
        let Some(logits) = chosen.first().cloned() else {
            return Err(AdoptError::Output("nothing was tried".to_owned()));
        };
        if let Some(other) = chosen.iter().find(|other| other.stride != logits.stride) {
            return Err(AdoptError::Output(format!(
                "the logits of a picture of {}x{} are {:?}, those of one of {}x{} are {:?}: lookout needs one stride for all. \
                 Give the network one size with --size WIDTHxHEIGHT",
                TRIED[0].0, TRIED[0].1, logits.size, TRIED[1].0, TRIED[1].1, other.size
            )));
        }
        let other_floats = has_other_floats(&mut model);
        let Some(graph) = &mut model.graph else {
            return Err(AdoptError::Broken("it has no graph".to_owned()));
        };
        let (put_behind, stride) = ending::attach(graph, opset, &logits, &front, other_floats)?;
        graph.output = activations::outputs(logits.classes, stride, &[], front.fixed);
        graph::prune(graph)?;
        let tried = (sizes[0], grey);
        let activations = activations::attach(
            &mut model,
            &options.activations,
            logits.classes,
            runner,
            tried,
            other_floats,
        )?;
        if let Some(graph) = &mut model.graph {
            graph.output = activations::outputs(logits.classes, stride, &activations, front.fixed);
            graph::prune(graph)?;
            graph::name_nodes(graph);
        }
        let nodes = model.graph.iter().flat_map(|graph| &graph.node);
        let nodes = nodes.map(|node| (node.name.clone(), node.op_type.clone()));
        let nodes = nodes.collect();
        Ok(Self {
            graph: model.bytes(),
            whole,
            front,
            logits,
            stride,
            changed,
            put_behind,
            activations,
            hint,
            opset,
            producer: producer.trim().to_owned(),
            nodes,
        })
    }

    /// The graph with lookout's input and the outputs that it came with, in f32 where they were other floats, and their names.
    pub fn whole(&self) -> (Vec<u8>, Vec<String>) {
        let mut model = self.whole.clone();
        let mut names = vec![];
        if let Some(graph) = &mut model.graph {
            for at in 0..graph.output.len() {
                let name = graph.output[at].name.clone();
                if is_other_float(graph.output[at].elem_type()) {
                    let inner = graph::free_name(graph, "other_float");
                    graph::rename(graph, &name, &inner);
                    let mut chain = Chain::new(graph, self.opset, &inner, "lookout_whole");
                    chain.cast(data_type::FLOAT);
                    chain.end(&name);
                    graph.output[at] = ValueInfo {
                        name: name.clone(),
                        ..ValueInfo::default()
                    };
                }
                names.push(name);
            }
        }
        (model.bytes(), names)
    }

    /// What lookout does otherwise than the network's own end, in words.
    pub fn differs(&self) -> Option<String> {
        let ours = |resized: &&Resized| !resized.is_ours();
        let resized = self.logits.resized.iter().rfind(ours)?;
        let moved = self.put_behind.iter().any(|text| text.contains("grid"));
        let quantised = match resized.quantised {
            true => ", and rounds what comes out to steps of its quantisation",
            false => "",
        };
        let text = format!(
            "the network makes its logits larger in its own way ({}, {}{quantised})",
            resized.mode, resized.coordinates
        );
        match (moved, resized.coordinates.as_str()) {
            (true, _) => Some(format!(
                "{text}; lookout reads them from its own grid, so classes differ on edges by about a pixel"
            )),
            (false, "align_corners" | "asymmetric") => Some(format!(
                "{text}, and lookout with half_pixel: what they show is moved by up to half a logit, {} pixels. With --size \
                 WIDTHxHEIGHT they are put where they belong",
                self.stride / 2
            )),
            (false, _) => Some(format!("{text}, and lookout linearly, with half_pixel")),
        }
    }
}

fn ways(model: &Model, opset: i64) -> Result<Vec<tail::Way>, AdoptError> {
    let Some(graph) = &model.graph else {
        return Ok(vec![]);
    };
    let count = graph.output.len();
    if count == 0 {
        return Err(AdoptError::Output(
            "the graph has no output: export the network with its logits as one".to_owned(),
        ));
    }
    if count > MOST_OUTPUTS {
        return Err(AdoptError::Output(format!(
            "the network has {count} outputs, and lookout looks for the logits behind at most {MOST_OUTPUTS}: export it with \
             the logits as its output"
        )));
    }
    let view = View::new(graph, opset);
    let outputs = graph.output.iter();
    Ok(outputs
        .map(|output| tail::way(&view, &output.name))
        .collect())
}

/// What tensors are on a grey picture. Where not all can be computed at once, each alone: an engine may have no operator for
/// an end that is cut off.
///
/// # Errors
/// Why all cannot be computed, where none can.
fn measured(
    runner: &mut dyn Runner,
    model: &Model,
    (size, grey): ((u32, u32), f32),
    tensors: &[String],
) -> Result<HashMap<String, Measured>, AdoptError> {
    let error = match measure(runner, model, size, grey, tensors) {
        Ok(measured) => return Ok(tensors.iter().cloned().zip(measured).collect()),
        Err(error) => error,
    };
    let mut each = HashMap::new();
    for tensor in tensors {
        let alone = measure(runner, model, size, grey, std::slice::from_ref(tensor));
        if let Some(measured) = alone.ok().and_then(|all| all.into_iter().next()) {
            each.insert(tensor.clone(), measured);
        }
    }
    match each.is_empty() {
        true => Err(error),
        false => Ok(each),
    }
}

/// Why a network does not run, where its form says more than the engine.
fn explained(error: AdoptError, front: &Front, (width, height): (u32, u32)) -> AdoptError {
    let AdoptError::Run(why) = error else {
        return error;
    };
    AdoptError::Run(match front.batch {
        2.. => format!(
            "the network was exported for {} pictures at once and does not run with one: {why}. Export it with a batch of one \
             picture",
            front.batch
        ),
        _ if front.fixed.is_none() => format!(
            "the network says that its size is free, but does not run on a picture of {width}x{height}: {why}. If it takes one \
             size only, give it with --size WIDTHxHEIGHT"
        ),
        _ => why,
    })
}

/// Every tensor that may be the logits, once.
fn tensors(ways: &[tail::Way]) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    for cut in ways.iter().flat_map(|way| &way.cuts) {
        if !all.contains(&cut.tensor) {
            all.push(cut.tensor.clone());
        }
    }
    all
}

/// Refuses numbers that are NaN.
fn check_numbers(model: &mut Model) -> Result<(), AdoptError> {
    load::tensors(
        model,
        &mut |tensor: &mut TensorProto| match numbers::nans(tensor) {
            0 => Ok(()),
            count => Err(AdoptError::NaN {
                tensor: tensor.name.clone(),
                count,
            }),
        },
    )
}

/// Refuses tensors that no memory holds: an engine would end the program.
fn check_sizes(view: &View<'_>) -> Result<(), AdoptError> {
    for node in &view.graph.node {
        let place = match graph::operator(node) {
            "ConstantOfShape" => 0,
            "Expand" => 1,
            _ => continue,
        };
        let sides = node.input.get(place).and_then(|name| view.constant(name));
        let count: f64 = sides
            .and_then(numbers::few)
            .map_or(0.0, |s| s.iter().product());
        if count > MOST_NUMBERS {
            return Err(AdoptError::Broken(format!(
                "the node {} makes a tensor of {count} numbers; at most {MOST_NUMBERS} are taken",
                graph::describe(node)
            )));
        }
    }
    Ok(())
}

/// Whether numbers are floats of another size than the 32 bits that lookout reads.
fn is_other_float(kind: i32) -> bool {
    kind != data_type::FLOAT && data_type::is_float(kind)
}

/// Whether anything in the graph is another float than f32, so that what comes out may be.
fn has_other_floats(model: &mut Model) -> bool {
    let is = |tensor: &mut TensorProto| match is_other_float(tensor.data_type) {
        true => Err(()),
        false => Ok(()),
    };
    let casts = model
        .graph
        .iter()
        .flat_map(|graph| &graph.node)
        .any(|node| {
            let to = graph::int(node, "to").and_then(|to| i32::try_from(to).ok());
            graph::operator(node) == "Cast" && to.is_some_and(is_other_float)
        });
    casts || load::tensors(model, &mut { is }).is_err()
}
