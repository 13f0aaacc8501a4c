//! Of which form a network's input is: type, layout, sizes.

use crate::AdoptError;
use crate::graph::{self, View, describe, operator};
use crate::input::{InputOptions, Layout, MAX_SIDE};
use crate::proto::{GraphProto, ValueInfo, data_type};

/// The type that lookout can make of a picture.
pub(crate) fn check_kind(input: &ValueInfo) -> Result<i32, AdoptError> {
    let kind = input.elem_type();
    match kind {
        data_type::FLOAT | data_type::FLOAT16 | data_type::DOUBLE | data_type::UINT8 => Ok(kind),
        data_type::INT32 | data_type::INT64 => Ok(kind),
        0 => Err(AdoptError::Input(format!(
            "the input {:?} is no tensor",
            input.name
        ))),
        other => Err(AdoptError::Input(format!(
            "the input {:?} is of {}; lookout feeds float32, float16, float64, uint8, int32 or int64: export the network with \
             one of them",
            input.name,
            data_type::name(other)
        ))),
    }
}

/// What was found of an input.
pub(crate) struct Shape {
    pub(crate) layout: Layout,
    /// Pictures; `None` where their number is free or there is no such axis.
    pub(crate) batch: Option<i64>,
    pub(crate) rank: usize,
    /// Width and height.
    pub(crate) size: (Option<i64>, Option<i64>),
    /// How the layout is known.
    pub(crate) because: String,
}

/// Layout and sizes of an input.
pub(crate) fn shape(
    graph: &GraphProto,
    opset: i64,
    input: &ValueInfo,
    options: &InputOptions,
) -> Result<Shape, AdoptError> {
    let name = &input.name;
    let sizes = input.sizes().unwrap_or_else(|| vec![None; 4]);
    let rank = sizes.len();
    let (batch, first, last) = match sizes[..] {
        [batch, first, _, last] => (batch, first, last),
        [first, _, last] => (None, first, last),
        _ => {
            return Err(AdoptError::Input(format!(
                "the input {name:?} has {rank} axes; a picture has four (pictures, colours, rows, columns) or three"
            )));
        }
    };
    let (layout, because) = match (options.layout, first, last) {
        (Some(layout), ..) => (layout, "as --input-layout says"),
        (None, Some(3), Some(3)) => {
            return Err(AdoptError::Ask {
                cause: format!("the input {name:?} has 3 in the places of both layouts"),
                option: "--input-layout nchw or --input-layout nhwc",
            });
        }
        (None, Some(3), _) => (Layout::Nchw, "by the 3 in its shape"),
        (None, _, Some(3)) => (Layout::Nhwc, "by the 3 in its shape"),
        (None, Some(channels @ (1 | 2 | 4..=12)), _) | (None, _, Some(channels @ (1 | 4)))
            if first.is_some() || last.is_some() =>
        {
            return Err(wrong_channels(name, channels));
        }
        _ => match first_layout(&View::new(graph, opset), name) {
            Some((layout, node)) => {
                return with_layout(
                    sizes,
                    batch,
                    layout,
                    format!("by the node {node} behind it"),
                    name,
                );
            }
            None => {
                return Err(AdoptError::Ask {
                    cause: format!(
                        "the graph does not tell which axis of the input {name:?} has the colours"
                    ),
                    option: "--input-layout nchw or --input-layout nhwc",
                });
            }
        },
    };
    with_layout(sizes, batch, layout, because.to_owned(), name)
}

fn wrong_channels(name: &str, channels: i64) -> AdoptError {
    AdoptError::Input(format!(
        "the input {name:?} has {channels} channels; lookout feeds the three colours of one picture"
    ))
}

fn with_layout(
    sizes: Vec<Option<i64>>,
    batch: Option<i64>,
    layout: Layout,
    because: String,
    name: &str,
) -> Result<Shape, AdoptError> {
    let rank = sizes.len();
    let picture = &sizes[rank - 3..];
    let (channels, height, width) = match layout {
        Layout::Nchw => (picture[0], picture[1], picture[2]),
        Layout::Nhwc => (picture[2], picture[0], picture[1]),
    };
    match channels {
        None | Some(3) => Ok(Shape {
            layout,
            batch,
            rank,
            size: (width, height),
            because,
        }),
        Some(channels) => Err(wrong_channels(name, channels)),
    }
}

/// Width and height where the network takes one size only, or a person says one.
pub(crate) fn fixed_size(
    name: &str,
    (width, height): (Option<i64>, Option<i64>),
    options: &InputOptions,
) -> Result<Option<(u32, u32)>, AdoptError> {
    let asked = options.size;
    let sides = 1..=MAX_SIDE;
    let fits = |side: Option<i64>, asked: u32| side.is_none_or(|side| side == i64::from(asked));
    match (asked, width, height) {
        (Some((w, h)), ..) if fits(width, w) && fits(height, h) => Ok(asked),
        (Some((w, h)), ..) => {
            let side = |side: Option<i64>| side.map_or("any".to_owned(), |side| side.to_string());
            Err(AdoptError::Option {
                option: "--size",
                cause: format!(
                    "the input {name:?} takes {} columns and {} rows, not {w} and {h}",
                    side(width),
                    side(height)
                ),
            })
        }
        (None, Some(w), Some(h)) => match (u32::try_from(w), u32::try_from(h)) {
            (Ok(w), Ok(h)) if sides.contains(&w) && sides.contains(&h) => Ok(Some((w, h))),
            _ => Err(AdoptError::Input(format!(
                "the input {name:?} is {w} columns by {h} rows, and a bundle takes sides of 1 to {MAX_SIDE}: export the \
                 network for smaller pictures"
            ))),
        },
        (None, None, None) => Ok(None),
        _ => Err(AdoptError::Ask {
            cause: format!("one side of the input {name:?} is fixed and the other is free"),
            option: "--size WIDTHxHEIGHT",
        }),
    }
}

/// The layout that the first node tells that is not the same for both.
fn first_layout(view: &View<'_>, input: &str) -> Option<(Layout, String)> {
    let mut at = input.to_owned();
    for _ in 0..32 {
        let node = view.consumers(&at).next()?;
        let layout = match operator(node) {
            "Conv" | "BatchNormalization" | "QLinearConv" => Some(Layout::Nchw),
            "Transpose" => match graph::ints(node, "perm") {
                Some([0, 3, 1, 2]) => Some(Layout::Nhwc),
                Some([0, 2, 3, 1]) => Some(Layout::Nchw),
                _ => return None,
            },
            "Sub" | "Div" | "Mul" | "Add" | "Cast" | "Identity" | "Clip" | "QuantizeLinear"
            | "DequantizeLinear" => None,
            _ => return None,
        };
        if let Some(layout) = layout {
            return Some((layout, describe(node)));
        }
        at = node.output.first()?.clone();
    }
    None
}
