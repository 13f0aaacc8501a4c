//! Which tensor is the logits, and how it comes out.

use std::collections::HashMap;

use crate::AdoptError;
use crate::chain::Chain;
use crate::graph::{free_name, rename};
use crate::input::{Front, Layout};
use crate::proto::{GraphProto, TensorProto, data_type};
use crate::run::Measured;
use crate::tail::{Cut, Resized, Way, from_start};

/// The name of the output that lookout reads.
pub const LOGITS: &str = "logits";
/// Strides that lookout takes.
pub(crate) const STRIDES: [u32; 6] = [1, 2, 4, 8, 16, 32];
/// Numbers of classes that lookout takes.
const CLASSES: std::ops::RangeInclusive<usize> = 2..=254;

/// The logits that were found.
#[derive(Clone, Debug)]
pub struct Logits {
    /// The output that they were found behind.
    pub output: String,
    /// The tensor, as the graph calls it.
    pub tensor: String,
    /// Its shape on the picture that was tried.
    pub shape: Vec<usize>,
    /// Which axis has the classes.
    pub axis: usize,
    /// How many classes.
    pub classes: usize,
    /// Columns and rows.
    pub size: (usize, usize),
    /// Pixels of the picture along a logit; `None` where no stride that lookout takes fits.
    pub stride: Option<u32>,
    /// What is cut off behind them, for people, in the order of the graph.
    pub removed: Vec<String>,
    /// What resizing is cut off.
    pub resized: Vec<Resized>,
    /// They are probabilities that sum to 1 over the classes: the softmax could not be cut off.
    pub probabilities: bool,
}

/// The stride with which a picture of that width and height gives so many logits.
pub(crate) fn stride_of(picture: (u32, u32), size: (usize, usize)) -> Option<u32> {
    STRIDES.into_iter().find(|&stride| {
        let side = |side: u32| side.div_ceil(stride) as usize;
        (side(picture.0), side(picture.1)) == size
    })
}

/// What a person says of the output.
pub(crate) struct Asked<'a> {
    /// Name of the output that has the logits; `None` where the graph has to tell.
    pub(crate) output: Option<&'a str>,
    /// Where it has the classes.
    pub(crate) layout: Option<Layout>,
    /// Cut no resizing off.
    pub(crate) keep_resize: bool,
}

/// Finds the logits among the ways, by the shapes that their tensors had on a picture of that width and height.
pub(crate) fn choose(
    ways: &[Way],
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
    asked: &Asked<'_>,
) -> Result<Logits, AdoptError> {
    let output = asked.output;
    let mut found: Vec<Logits> = vec![];
    let mut reasons = vec![];
    for way in ways {
        if output.is_some_and(|output| output != way.output) {
            continue;
        }
        match of_way(way, measured, picture, asked) {
            Ok(logits) => {
                if !found.iter().any(|other| other.tensor == logits.tensor) {
                    found.push(logits);
                }
            }
            Err(reason) => reasons.push(format!("the output {:?} {reason}", way.output)),
        }
    }
    if output.is_none() {
        instances(ways, measured, picture)?;
    }
    // heads that only help in training
    let main = |logits: &&Logits| !logits.output.to_lowercase().contains("aux");
    if found.len() > 1 && found.iter().filter(main).count() == 1 {
        found.retain(|logits| main(&logits));
    }
    // of features and heads that come out too
    let named = |logits: &&Logits| {
        let name = logits.output.to_lowercase();
        ["logits", "out"].contains(&name.as_str())
    };
    if found.len() > 1 && found.iter().filter(named).count() == 1 {
        found.retain(|logits| named(&logits));
    }
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(AdoptError::Output(format!(
            "no logits can be had from the network: {}",
            reasons.join("; ")
        ))),
        several => {
            let names = several.iter().map(|l| {
                let (width, height) = l.size;
                format!("{:?} ({} classes, {width}x{height})", l.output, l.classes)
            });
            Err(AdoptError::Ask {
                cause: format!(
                    "several outputs may be the logits: {}",
                    names.collect::<Vec<_>>().join(", ")
                ),
                option: "--output NAME",
            })
        }
    }
}

/// Refuses networks that find things and not classes of pixels: beside planes they have rows of boxes or queries.
fn instances(
    ways: &[Way],
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
) -> Result<(), AdoptError> {
    let shape = |way: &Way| {
        let first = way.cuts.first()?;
        Some(&measured.get(&first.tensor)?.shape)
    };
    let planes = ways.iter().filter_map(shape).any(|shape| shape.len() == 4);
    let pixels = (picture.0 as usize) * (picture.1 as usize);
    for way in ways {
        let Some(shape) = shape(way) else {
            continue;
        };
        // [1, rows, columns] and [rows, columns] are maps
        let is_map = match shape[..] {
            [.., h, w] => h * w * 1024 >= pixels && stride_of(picture, (w, h)).is_some(),
            _ => true,
        };
        if planes && matches!(shape.len(), 2 | 3) && !is_map {
            return Err(AdoptError::Output(format!(
                "this looks like a network that finds things (boxes, queries, masks of instances), not one that gives each \
                 pixel a class: its output {:?} is {shape:?}. lookout needs dense logits, [1, classes, rows, columns]; if one of \
                 its outputs is that, name it with --output",
                way.output
            )));
        }
    }
    Ok(())
}

/// The deepest tensor of a way that can be logits.
fn of_way(
    way: &Way,
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
    asked: &Asked<'_>,
) -> Result<Logits, String> {
    let mut reason = None;
    let mut shallow = None;
    let allowed = |cut: &&Cut| !asked.keep_resize || cut.resized.is_empty();
    for cut in way.cuts.iter().rev().filter(allowed) {
        let Some(measured) = measured.get(&cut.tensor) else {
            continue;
        };
        match of_cut(way, cut, measured, picture, asked.layout) {
            Ok(logits) if logits.stride.is_some() || !logits.resized.is_empty() => {
                return Ok(logits);
            }
            // may be put on another grid
            Ok(logits) => shallow = shallow.or(Some(logits)),
            Err(why) => {
                reason.get_or_insert(why);
            }
        }
    }
    if let Some(logits) = shallow {
        return Ok(logits);
    }
    let reason = reason.unwrap_or_else(|| "could not be looked at".to_owned());
    let ends = match &way.ends_at {
        Some(node) => format!("; the way back from it ends at the node {node}"),
        None => String::new(),
    };
    Err(format!("{reason}{ends}"))
}

fn of_cut(
    way: &Way,
    cut: &Cut,
    measured: &Measured,
    picture: (u32, u32),
    layout: Option<Layout>,
) -> Result<Logits, String> {
    let shape = &measured.shape;
    let rank = shape.len();
    let is_map = match shape[..] {
        [1, h, w] | [h, w] => stride_of(picture, (w, h)).is_some(),
        _ => false,
    };
    if is_map && cut.axis.is_none() {
        return Err(format!(
            "has one number a pixel ({shape:?}) and no ArgMax leads to it, so no logits are to be had, and the scores \
             softmax, max-logit, entropy and energy are impossible: export the network with its logits"
        ));
    }
    if !(rank == 4 && shape[0] == 1 || rank == 3) {
        return Err(format!(
            "is {shape:?}, and logits are [1, classes, rows, columns]"
        ));
    }
    let first = rank - 3;
    let (planes_first, planes_last) = (first, rank - 1);
    let spatial = |axis: usize| match axis == planes_first {
        true => (shape[rank - 1], shape[rank - 2]),
        false => (shape[first + 1], shape[first]),
    };
    let like_picture = |axis: usize| {
        let (w, h) = spatial(axis);
        // as broad for its height as the picture, to a cell
        let [w, h, pw, ph] = [w, h, picture.0 as usize, picture.1 as usize];
        (w * ph).abs_diff(h * pw) <= ph.max(pw) && w <= pw && h <= ph
    };
    let axis = match (cut.axis, layout) {
        (Some(axis), _) => from_start(axis, rank).ok_or("has an axis of classes outside of it")?,
        (None, Some(Layout::Nchw)) => planes_first,
        (None, Some(Layout::Nhwc)) => planes_last,
        (None, None) => match (like_picture(planes_first), like_picture(planes_last)) {
            (true, false) => planes_first,
            (false, true) => planes_last,
            (true, true) => {
                return Err(format!(
                    "is {shape:?}, in which the classes may be in two places: say which with --output-layout"
                ));
            }
            (false, false) => {
                return Err(format!(
                    "is {shape:?}, which is not of the picture's shape ({}x{}); a network that brings pictures to one size by itself \
                     needs that size: --size WIDTHxHEIGHT",
                    picture.0, picture.1
                ));
            }
        },
    };
    if axis != planes_first && axis != planes_last {
        return Err(format!("is {shape:?} with the classes on axis {axis}"));
    }
    let classes = shape[axis];
    if !CLASSES.contains(&classes) {
        return Err(match classes {
            1 => "has one plane, which tells one thing from all others; lookout needs the logits of at least two classes".to_owned(),
            _ => format!("has {classes} classes; lookout takes 2 to 254"),
        });
    }
    let size = spatial(axis);
    if size.0 < 2 || size.1 < 2 {
        return Err(format!(
            "is {shape:?}: that is a class for the whole picture, not for its pixels"
        ));
    }
    let mut removed = cut.removed.clone();
    removed.reverse();
    Ok(Logits {
        output: way.output.clone(),
        tensor: cut.tensor.clone(),
        probabilities: sums_to_one(measured, axis),
        shape: shape.clone(),
        axis,
        classes,
        size,
        stride: stride_of(picture, size),
        removed,
        resized: cut.resized.clone(),
    })
}

/// Whether the numbers are probabilities over the classes.
fn sums_to_one(measured: &Measured, axis: usize) -> bool {
    let (shape, values) = (&measured.shape, &measured.values);
    let inner: usize = shape[axis + 1..].iter().product();
    let classes = shape[axis];
    if values.is_empty() || values.iter().any(|v| !(0.0..=1.0).contains(v)) {
        return false;
    }
    let sum = |at: usize| {
        let (outer, within) = (at / inner, at % inner);
        let first = outer * classes * inner + within;
        (0..classes).map(|c| values[first + c * inner]).sum::<f32>()
    };
    (0..values.len() / classes).all(|at| (sum(at) - 1.0).abs() < 1e-2)
}

/// Makes the chosen tensor come out as [`LOGITS`], f32 [1, classes, rows, columns]; what was put behind it, for people,
/// and the stride.
pub(crate) fn attach(
    graph: &mut GraphProto,
    opset: i64,
    logits: &Logits,
    front: &Front,
    half: bool,
) -> Result<(Vec<String>, u32), AdoptError> {
    let mut put_in = vec![];
    let mut tensor = logits.tensor.clone();
    if graph_has(graph, LOGITS) {
        let other = free_name(graph, "logits_inside");
        rename(graph, LOGITS, &other);
        if tensor == LOGITS {
            tensor = other;
        }
    }
    let grid = grid(logits, front)?;
    let mut chain = Chain::new(graph, opset, &tensor, "lookout_logits");
    if logits.shape.len() == 3 {
        chain.squeeze("Unsqueeze", 0);
        put_in.push("the logits are put into a batch of one (Unsqueeze)".to_owned());
    }
    if half {
        chain.cast(data_type::FLOAT);
        put_in.push("the logits become float32 (Cast)".to_owned());
    }
    if logits.axis + 1 == logits.shape.len() {
        chain.transpose(&[0, 3, 1, 2]);
        put_in.push("the classes of pixels become planes of classes (Transpose)".to_owned());
    }
    if logits.probabilities {
        // none is 0, whose logarithm is not finite
        chain.step("Add", vec![TensorProto::float("", &[], &[1e-12])], vec![]);
        chain.step("Log", vec![], vec![]);
        put_in.push(
            "the network gives probabilities, and their Softmax is not a node that can be cut off: their logarithms are the \
             logits (Log). The scores max-logit and energy say no more than softmax then"
                .to_owned(),
        );
    }
    let stride = match grid {
        Grid::Own(stride) => stride,
        Grid::Other {
            stride,
            columns,
            rows,
            why,
        } => {
            let [(from_w, to_w), (from_h, to_h)] =
                [(columns.from, columns.to), (rows.from, rows.to)];
            let across = TensorProto::float(
                "",
                &[from_w as i64, to_w as i64],
                &transposed(&columns.weights, from_w),
            );
            let down = TensorProto::float("", &[to_h as i64, from_h as i64], &rows.weights);
            chain.step("MatMul", vec![across], vec![]);
            chain.step_behind("MatMul", down);
            put_in.push(format!(
                "the logits are put on the grid that lookout reads, {to_w}x{to_h} (two MatMul): {why}"
            ));
            stride
        }
    };
    match chain.is_empty() {
        true => {
            drop(chain);
            rename(graph, &tensor, LOGITS);
        }
        false => chain.end(LOGITS),
    }
    Ok((put_in, stride))
}

fn graph_has(graph: &GraphProto, name: &str) -> bool {
    free_name(graph, name) != name
}

/// Where the logits lie in the picture.
enum Grid {
    /// As lookout takes them to.
    Own(u32),
    /// Otherwise: they are interpolated.
    Other {
        stride: u32,
        columns: Weights,
        rows: Weights,
        why: &'static str,
    },
}

/// Linear interpolation of a side: a row of weights for each of `to` from each of `from`.
struct Weights {
    from: usize,
    to: usize,
    weights: Vec<f32>,
}

/// What the graph's own resizing says of where logits lie, against what lookout takes.
fn grid(logits: &Logits, front: &Front) -> Result<Grid, AdoptError> {
    // the last of them says where the picture's pixels are
    let mut coordinates = logits.resized.iter().map(|r| r.coordinates.as_str());
    let other = coordinates.rfind(|c| ["align_corners", "asymmetric"].contains(c));
    match (front.fixed, other, logits.stride) {
        (_, None, Some(stride)) => Ok(Grid::Own(stride)),
        (None, Some(_), Some(stride)) => Ok(Grid::Own(stride)),
        (None, _, None) => {
            let (w, h) = logits.size;
            Err(AdoptError::Output(format!(
                "the logits are {w}x{h}, which no stride of 1, 2, 4, 8, 16 or 32 gives: give the network one size with --size \
                 WIDTHxHEIGHT, so that they can be interpolated"
            )))
        }
        (Some(picture), other, _) => {
            let stride = finer(picture, logits.size, other.is_some());
            let side = |from: usize, pixels: u32| {
                weights(from, pixels.div_ceil(stride) as usize, pixels, other)
            };
            Ok(Grid::Other {
                stride,
                columns: side(logits.size.0, picture.0),
                rows: side(logits.size.1, picture.1),
                why: match other {
                    Some("align_corners") => {
                        "the network's own Resize takes the first and the last of them to lie on the edges (align_corners)"
                    }
                    Some(_) => {
                        "the network's own Resize takes them to lie in the corners of their pixels (asymmetric)"
                    }
                    None => "no stride of 1, 2, 4, 8, 16 or 32 gives their number",
                },
            })
        }
    }
}

/// The stride of the grid that logits are put on: that of their own where they stay where they are, a quarter of it where
/// they move, so that little of their sharpness is lost.
fn finer(picture: (u32, u32), size: (usize, usize), moved: bool) -> u32 {
    let pixels = f64::from(picture.0) / size.0 as f64;
    let wanted = if moved { pixels / 4.0 } else { pixels };
    let near = |stride: &u32| (f64::from(*stride) / wanted).ln().abs();
    STRIDES
        .into_iter()
        .min_by(|a, b| near(a).total_cmp(&near(b)))
        .unwrap_or(1)
}

/// The weights of `from` logits in `to` cells that cover so many pixels evenly, from edge to edge.
fn weights(from: usize, to: usize, pixels: u32, coordinates: Option<&str>) -> Weights {
    let [n, side] = [from as f64, f64::from(pixels)];
    let mut weights = vec![0.0; from * to];
    for (cell, row) in weights.chunks_exact_mut(from).enumerate() {
        // the pixel in the middle of the cell
        let pixel = (cell as f64 + 0.5) * side / to as f64 - 0.5;
        let at = match coordinates {
            Some("align_corners") => pixel * (n - 1.0) / (side - 1.0).max(1.0),
            Some("asymmetric") => pixel * n / side,
            _ => (pixel + 0.5) * n / side - 0.5,
        };
        let at = at.clamp(0.0, n - 1.0);
        let near = (at as usize).min(from - 1);
        let far = (near + 1).min(from - 1);
        let weight = at - near as f64;
        row[near] += (1.0 - weight) as f32;
        row[far] += weight as f32;
    }
    Weights { from, to, weights }
}

/// Rows become columns.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    let column = |c: usize| (0..rows).map(move |r| values[r * columns + c]);
    (0..columns).flat_map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_on_the_edges_are_interpolated_to_the_middles_of_cells() {
        // 3 logits at the pixels 0, 4 and 8 of 9; three cells of three pixels have their middles at 1, 4 and 7
        let w = weights(3, 3, 9, Some("align_corners"));
        assert_eq!(w.weights, [0.75, 0.25, 0.0, 0.0, 1.0, 0.0, 0.0, 0.25, 0.75]);
        let same = weights(3, 3, 9, None);
        assert_eq!(same.weights, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(
            transposed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3),
            [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]
        );
    }

    #[test]
    fn a_stride_is_told_by_sizes_that_are_rounded_up() {
        assert_eq!(stride_of((513, 513), (33, 33)), Some(16));
        assert_eq!(stride_of((512, 256), (128, 64)), Some(4));
        assert_eq!(stride_of((513, 513), (32, 32)), None);
    }
}
