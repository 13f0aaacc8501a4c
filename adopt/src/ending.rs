//! How the logits come out: of the type, the layout and the grid that lookout reads.

use crate::AdoptError;
use crate::chain::Chain;
use crate::graph::{free_name, rename};
use crate::input::Front;
use crate::output::{LOGITS, Logits, STRIDES};
use crate::proto::{GraphProto, TensorProto, data_type};

/// Makes the chosen tensor come out as [`LOGITS`], f32 [1, classes, rows, columns]; what was put behind it, for people,
/// and the stride.
pub(crate) fn attach(
    graph: &mut GraphProto,
    opset: i64,
    logits: &Logits,
    front: &Front,
    other_floats: bool,
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
    if logits.labels {
        chain.cast(data_type::FLOAT);
    }
    if logits.shape.len() == 2 {
        chain.squeeze("Unsqueeze", 0);
    }
    if logits.shape.len() < 4 {
        chain.squeeze("Unsqueeze", 0);
        put_in.push("the logits are put into a batch of one (Unsqueeze)".to_owned());
    }
    if other_floats && !logits.labels {
        chain.cast(data_type::FLOAT);
        put_in.push("the logits become float32 (Cast)".to_owned());
    }
    if logits.axis + 1 == logits.shape.len() {
        chain.transpose(&[0, 3, 1, 2]);
        put_in.push("the classes of pixels become planes of classes (Transpose)".to_owned());
    }
    if logits.labels {
        planes(&mut chain, logits.classes);
        put_in.push(
            "a plane is made for each class: 10 where a pixel has its label, 0 elsewhere (Cast, Sub, Abs, Mul, Add, Relu)"
                .to_owned(),
        );
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

/// Planes of classes from one of labels in f32: 10 where the label is the plane's, 0 elsewhere. Every engine has these
/// operators in f32; `Equal` and `OneHot` not all.
fn planes(chain: &mut Chain<'_>, classes: usize) {
    let numbers: Vec<f32> = (0..classes).map(|class| class as f32).collect();
    let number = |value| TensorProto::float("", &[], &[value]);
    let numbers = TensorProto::float("", &[1, classes as i64, 1, 1], &numbers);
    chain.step("Sub", vec![numbers], vec![]);
    chain.step("Abs", vec![], vec![]);
    chain.step("Mul", vec![number(-10.0)], vec![]);
    chain.step("Add", vec![number(10.0)], vec![]);
    chain.step("Relu", vec![], vec![]);
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
    let other = logits.resized.iter().rfind(|r| r.is_moved());
    let other = other.map(|r| r.coordinates.as_str());
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
}
