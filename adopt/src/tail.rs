//! The way from an output back to logits: what makes labels, probabilities or a larger picture of them is left behind.

use crate::graph::{self, View, describe, operator};
use crate::proto::NodeProto;

/// Nodes that are looked at behind logits, and as many again behind labels: a network has about ten there. Each cut says what is
/// behind it, so the memory for a row of nodes grows with its square.
const LONGEST: usize = 64;

/// A tensor that may be the logits.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Its name.
    pub tensor: String,
    /// Which axis has the classes, where an operator behind it says so; from the end where it is negative.
    pub axis: Option<i64>,
    /// What is cut off behind it, the last first, for people.
    pub removed: Vec<String>,
    /// The resizing that is cut off, where there is one, in the order of the graph.
    pub resized: Vec<Resized>,
}

/// A resizing of logits that is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resized {
    /// How it interpolates: `linear`, ...
    pub mode: String,
    /// Where it takes pixels to be: `half_pixel`, `align_corners`, ...
    pub coordinates: String,
    /// What it gave was rounded to steps of a quantised network.
    pub quantised: bool,
}

impl Resized {
    /// Whether it takes logits to lie elsewhere than lookout does.
    pub fn is_moved(&self) -> bool {
        ["align_corners", "asymmetric"].contains(&self.coordinates.as_str())
    }

    /// Whether lookout makes logits larger in the same way.
    pub fn is_ours(&self) -> bool {
        let half = ["half_pixel", "pytorch_half_pixel"].contains(&self.coordinates.as_str());
        self.mode == "linear" && half && !self.quantised
    }
}

/// The way back from an output.
#[derive(Clone, Debug)]
pub struct Way {
    /// The output.
    pub output: String,
    /// It has labels, or what was made of labels.
    pub labels: bool,
    /// Its type is one of whole numbers.
    pub whole: bool,
    /// Tensors that may be the logits, the deepest last.
    pub cuts: Vec<Cut>,
    /// The node that the way ends at, where there is one.
    pub ends_at: Option<String>,
}

/// The way back from an output.
pub(crate) fn way(view: &View<'_>, output: &str) -> Way {
    match labels(view, output) {
        Some((start, axis, removed)) => logits(view, output, true, start, Some(axis), removed),
        None => logits(view, output, false, output, None, vec![]),
    }
}

/// The `ArgMax` that an output's labels come from: what it reads, its axis, what is behind its input.
fn labels<'a>(view: &View<'a>, output: &'a str) -> Option<(&'a str, i64, Vec<String>)> {
    let mut removed = vec![];
    let mut at = output;
    // a way that goes round was refused before, so this ends
    loop {
        let node = view.producer(at)?;
        if removed.len() == LONGEST {
            return None;
        }
        removed.push(describe(node));
        let constant = |place: usize| {
            let name = node.input.get(place);
            name.is_some_and(|name| view.constant(name).is_some())
        };
        let place = match operator(node) {
            "ArgMax" => {
                let axis = graph::int(node, "axis").unwrap_or(0);
                return Some((node.input.first()?, axis, removed));
            }
            "TopK" if node.output.get(1).is_some_and(|name| name == at) => {
                let axis = graph::int(node, "axis").unwrap_or(-1);
                return Some((node.input.first()?, axis, removed));
            }
            "Cast" | "Squeeze" | "Unsqueeze" | "Reshape" | "Transpose" | "Identity" | "Resize"
            | "Upsample" | "Clip" | "QuantizeLinear" | "DequantizeLinear" | "Flatten" | "Slice"
            | "Expand" | "OneHot" => 0,
            // a palette
            "Gather" if constant(0) => 1,
            "Gather" if constant(1) => 0,
            "Mul" | "Add" | "Sub" | "Div" if constant(1) => 0,
            "Mul" | "Add" if constant(0) => 1,
            _ => return None,
        };
        at = node.input.get(place)?;
    }
}

/// From a tensor with an axis of classes back to where the classes are made.
fn logits(
    view: &View<'_>,
    output: &str,
    labels: bool,
    start: &str,
    axis: Option<i64>,
    removed: Vec<String>,
) -> Way {
    let mut step = Cut {
        tensor: start.to_owned(),
        axis,
        removed,
        resized: vec![],
    };
    let mut cuts = vec![step.clone()];
    // only taken off where something before it is too
    let mut pending = false;
    let mut ends_at = None;
    let longest = step.removed.len() + LONGEST;
    while let Some(node) = view.producer(&step.tensor) {
        if step.removed.len() == longest {
            ends_at = Some(describe(node));
            break;
        }
        let kind = operator(node);
        let is_last = step.removed.is_empty();
        let whole = match kind {
            "Identity" | "Dropout" | "Cast" => !pending,
            "Transpose" => match through_transpose(node, step.axis) {
                Some(axis) => {
                    step.axis = axis;
                    !pending
                }
                None => break,
            },
            "Squeeze" | "Unsqueeze" => match through_squeeze(view, node, step.axis) {
                Some(axis) => {
                    step.axis = axis;
                    !pending
                }
                None => break,
            },
            "Softmax" | "LogSoftmax" => {
                let default = if view.opset < 13 { 1 } else { -1 };
                let own = graph::int(node, "axis").unwrap_or(default);
                step.axis = step.axis.or(Some(own));
                true
            }
            "Sigmoid" => true,
            "Resize" | "Upsample" => {
                step.resized
                    .insert(0, resized(node, kind, view.opset, pending));
                true
            }
            "QuantizeLinear" if is_last => true,
            "QuantizeLinear" | "DequantizeLinear" => false,
            _ => {
                ends_at = Some(describe(node));
                break;
            }
        };
        let Some(before) = node.input.first() else {
            break;
        };
        pending = !whole;
        step.removed.push(describe(node));
        step.tensor.clone_from(before);
        if whole {
            cuts.push(step.clone());
        }
    }
    Way {
        output: output.to_owned(),
        labels,
        whole: view.has_whole_numbers(output),
        cuts,
        ends_at,
    }
}

/// The axis before a `Transpose`. `None` where the node has no permutation, or one without that axis.
fn through_transpose(node: &NodeProto, axis: Option<i64>) -> Option<Option<i64>> {
    let Some(axis) = axis else {
        return Some(None);
    };
    let axes = graph::ints(node, "perm")?;
    let at = from_start(axis, axes.len())?;
    axes.get(at).map(|&axis| Some(axis))
}

/// The axis before the first axis was taken out or put in; `None` for another one.
fn through_squeeze(view: &View<'_>, node: &NodeProto, axis: Option<i64>) -> Option<Option<i64>> {
    let axes = match graph::ints(node, "axes") {
        Some(axes) => axes.to_vec(),
        // all sides of 1, of which a picture of classes has one
        None if operator(node) == "Squeeze" && node.input.len() == 1 => vec![0],
        None => {
            let tensor = view.constant(node.input.get(1)?)?;
            let few = crate::numbers::few(tensor)?;
            few.iter().map(|&v| v as i64).collect()
        }
    };
    if axes != [0] {
        return None;
    }
    // from the end nothing changes
    Some(match (operator(node), axis) {
        ("Squeeze", Some(axis @ 0..)) => Some(axis + 1),
        ("Unsqueeze", Some(axis @ 1..)) => Some(axis - 1),
        (_, axis) => axis,
    })
}

/// An axis that may be counted from the end.
pub(crate) fn from_start(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis + rank } else { axis };
    (0..rank).contains(&axis).then_some(axis as usize)
}

fn resized(node: &NodeProto, kind: &str, opset: i64, quantised: bool) -> Resized {
    let old = kind == "Upsample" || opset < 11;
    let default = if old { "asymmetric" } else { "half_pixel" };
    let coordinates = graph::text(node, "coordinate_transformation_mode").unwrap_or(default);
    let mode = graph::text(node, "mode").unwrap_or("nearest");
    // pixels get the logit at or before them, which so lies in the middle of its pixels
    let floors = old || graph::text(node, "nearest_mode") == Some("floor");
    let coordinates = match (mode, coordinates) {
        ("nearest", "asymmetric") if floors => "half_pixel",
        (_, coordinates) => coordinates,
    };
    Resized {
        mode: mode.to_owned(),
        coordinates: coordinates.to_owned(),
        quantised,
    }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;
