//! What the observer reads besides the logits: tensors within the network.

use std::collections::{HashMap, HashSet};

use crate::AdoptError;
use crate::chain::Chain;
use crate::graph::{View, free_name, operator, rename};
use crate::input::IMAGE;
use crate::output::{LOGITS, stride_of};
use crate::proto::{GraphProto, Model, ValueInfo, data_type};
use crate::run::{Measured, Runner, measure};

/// Strides that are looked for: finer ones are large and say little, coarser ones are rare.
const STRIDES: [u32; 4] = [4, 8, 16, 32];
/// Tensors that are looked at in one run on a picture of 512x512; fewer on a larger one, as all are held at once.
const AT_ONCE: u64 = 24;

/// Which activations come out for the observer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The last at each stride of 4, 8, 16 and 32.
    #[default]
    Last,
    /// None.
    None,
    /// These, by the names that the graph has for them.
    Named(Vec<String>),
}

/// A tensor that comes out for the observer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The name of the output.
    pub name: String,
    /// The tensor, as the graph called it.
    pub tensor: String,
    /// Planes.
    pub channels: usize,
    /// Pixels of the picture along one of its.
    pub stride: u32,
}

/// Chooses activations and makes them outputs behind the logits.
pub(crate) fn attach(
    model: &mut Model,
    wanted: &Wanted,
    classes: usize,
    runner: &mut dyn Runner,
    tried: ((u32, u32), f32),
    other_floats: bool,
) -> Result<Vec<Activation>, AdoptError> {
    let chosen = match wanted {
        Wanted::None => vec![],
        Wanted::Last => last(model, classes, runner, tried)?,
        Wanted::Named(names) => named(model, names, runner, tried)?,
    };
    let opset = crate::graph::opset(model);
    let Some(graph) = &mut model.graph else {
        return Ok(chosen);
    };
    for activation in &chosen {
        if other_floats {
            let mut chain = Chain::new(graph, opset, &activation.tensor, "lookout_activation");
            chain.cast(data_type::FLOAT);
            chain.end(&activation.name);
        } else if activation.name != activation.tensor {
            rename(graph, &activation.tensor, &activation.name);
        }
    }
    Ok(chosen)
}

/// The last tensor before the logits at each stride.
fn last(
    model: &Model,
    classes: usize,
    runner: &mut dyn Runner,
    (size, grey): ((u32, u32), f32),
) -> Result<Vec<Activation>, AdoptError> {
    let Some(graph) = &model.graph else {
        return Ok(vec![]);
    };
    let candidates = candidates(graph);
    let mut found: Vec<Activation> = vec![];
    let pixels = (u64::from(size.0) * u64::from(size.1)).max(1);
    let at_once = (AT_ONCE * 512 * 512 / pixels).clamp(3, AT_ONCE);
    for some in candidates.chunks(at_once as usize) {
        if found.len() == STRIDES.len() {
            break;
        }
        let measured = measure(runner, model, size, grey, some)?;
        for (tensor, measured) in some.iter().zip(measured) {
            let Some((channels, stride)) = plane(&measured, size) else {
                continue;
            };
            let known = found.iter().any(|other| other.stride == stride);
            // planes of classes are logits of a part of the network, not features
            if STRIDES.contains(&stride) && !known && channels != classes {
                found.push(Activation {
                    name: free_name(graph, &format!("activation{stride}")),
                    tensor: tensor.clone(),
                    channels,
                    stride,
                });
            }
        }
    }
    found.sort_by_key(|activation| activation.stride);
    Ok(found)
}

/// Tensors that may hold features, those nearest to the logits first.
fn candidates(graph: &GraphProto) -> Vec<String> {
    let is_feature = |kind: &str| {
        let kinds = [
            "Relu",
            "Clip",
            "LeakyRelu",
            "PRelu",
            "Elu",
            "HardSwish",
            "Gelu",
            "Mul",
            "Add",
            "Sum",
            "Concat",
            "Conv",
            "BatchNormalization",
            "InstanceNormalization",
            "MaxPool",
            "AveragePool",
        ];
        kinds.contains(&kind)
    };
    let view = View::new(graph, 0);
    // The graph is pruned and sorted, so every node comes before the logits or makes them. The logits themselves are
    // not an activation.
    let mut behind: Vec<&str> = vec![LOGITS];
    let mut at = LOGITS;
    while let Some(node) = view.producer(at) {
        match operator(node) {
            "Conv" | "Gemm" => break,
            _ => {
                let mut read = node
                    .input
                    .iter()
                    .filter(|name| view.constant(name).is_none());
                let (Some(before), None) = (read.next(), read.next()) else {
                    break;
                };
                behind.push(before);
                at = before;
            }
        }
    }
    let seen = from_picture(graph);
    let nodes = graph.node.iter().rev();
    nodes
        .filter(|node| is_feature(operator(node)))
        .filter_map(|node| node.output.first())
        .filter(|name| !behind.contains(&name.as_str()) && seen.contains(name.as_str()))
        .cloned()
        .collect()
}

/// Tensors of an ordered graph that come from the picture's colours, not from its size or from numbers alone.
fn from_picture(graph: &GraphProto) -> HashSet<&str> {
    let mut seen = HashSet::from([IMAGE]);
    for node in &graph.node {
        let reads = node.input.iter().any(|name| seen.contains(name.as_str()));
        if reads && !matches!(operator(node), "Shape" | "Size") {
            seen.extend(node.output.iter().map(String::as_str));
        }
    }
    seen
}

/// Activations that a person names.
fn named(
    model: &Model,
    names: &[String],
    runner: &mut dyn Runner,
    (size, grey): ((u32, u32), f32),
) -> Result<Vec<Activation>, AdoptError> {
    let Some(graph) = &model.graph else {
        return Ok(vec![]);
    };
    let view = View::new(graph, 0);
    let option = "--activations";
    for name in names {
        if view.producer(name).is_none() {
            return Err(AdoptError::Option {
                option,
                cause: format!("no node before the logits makes a tensor {name:?}"),
            });
        }
    }
    let measured = measure(runner, model, size, grey, names)?;
    let all: HashMap<&String, &Measured> = names.iter().zip(&measured).collect();
    let activation = |name: &String| match all.get(name).and_then(|m| plane(m, size)) {
        Some((channels, stride)) => Ok(Activation {
            name: free_name(graph, &format!("activation_{name}")),
            tensor: name.clone(),
            channels,
            stride,
        }),
        None => Err(AdoptError::Option {
            option,
            cause: format!(
                "{name:?} is {:?}, not [1, planes, rows, columns] with a stride of 1, 2, 4, 8, 16 or 32",
                all.get(name).map(|m| &m.shape)
            ),
        }),
    };
    names.iter().map(activation).collect()
}

/// Planes and stride of a tensor that lies over the picture.
fn plane(measured: &Measured, size: (u32, u32)) -> Option<(usize, u32)> {
    match measured.shape[..] {
        [1, channels, h, w] if channels > 1 => Some((channels, stride_of(size, (w, h))?)),
        _ => None,
    }
}

/// The outputs of a finished graph.
pub(crate) fn outputs(
    classes: usize,
    stride: u32,
    activations: &[Activation],
    fixed: Option<(u32, u32)>,
) -> Vec<ValueInfo> {
    let logits = (LOGITS, classes, stride);
    let others = activations
        .iter()
        .map(|a| (a.name.as_str(), a.channels, a.stride));
    let info = |(name, channels, stride): (&str, usize, u32)| match fixed {
        None => ValueInfo::planes(name, channels as i64, i64::from(stride)),
        Some((width, height)) => {
            let sides = [
                1,
                channels as i64,
                i64::from(height.div_ceil(stride)),
                i64::from(width.div_ceil(stride)),
            ];
            let sides = sides.map(crate::proto::DimensionValue::Fixed);
            ValueInfo::tensor(name, data_type::FLOAT, &sides)
        }
    };
    std::iter::once(logits).chain(others).map(info).collect()
}
