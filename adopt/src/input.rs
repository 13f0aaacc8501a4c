//! Which input of a network takes the picture, of which form it is, and what is put before it so that it takes what lookout
//! feeds: f32 [1, 3, H, W], red, green, blue.

use crate::AdoptError;
use crate::chain::Chain;
use crate::form::{Shape, check_kind, fixed_size, shape};
use crate::graph::{self, View, free_name, operator};
use crate::proto::{
    Attribute, DimensionValue, GraphProto, Model, TensorProto, ValueInfo, data_type,
};

/// The name of the input that lookout feeds.
pub const IMAGE: &str = "image";
/// The longest side in pixels of a picture that a network gets.
pub const MAX_SIDE: u32 = 2048;

/// Where the colours are in a picture's tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A plane a colour.
    Nchw,
    /// Three numbers a pixel.
    Nhwc,
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Self::Nchw => "[N, colours, rows, columns]",
            Self::Nhwc => "[N, rows, columns, colours]",
        }
    }
}

/// Which colour comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as OpenCV has it.
    Bgr,
}

/// What a person says of the input.
#[derive(Clone, Copy, Debug, Default)]
pub struct InputOptions {
    /// Where the colours are.
    pub layout: Option<Layout>,
    /// Which colour comes first.
    pub order: ChannelOrder,
    /// Width and height, for a network whose sizes are free.
    pub size: Option<(u32, u32)>,
}

/// What was found of the input, and done.
#[derive(Clone, Debug)]
pub struct Front {
    /// The input's name in the graph as it came.
    pub name: String,
    /// Type of its numbers, of [`data_type`].
    pub kind: i32,
    /// Pictures that it was exported for at once; 1 where that is free.
    pub batch: i64,
    /// Width and height, where the network takes one size only.
    pub fixed: Option<(u32, u32)>,
    /// What was found and why, for people, a line each.
    pub found: Vec<String>,
    /// What was put in, for people.
    pub put_in: Vec<String>,
}

impl Front {
    /// Whether the network takes the bytes of a picture as they are, so that its normalisation is in the graph.
    pub fn takes_bytes(&self) -> bool {
        !data_type::is_float(self.kind)
    }
}

/// Makes a graph take [`IMAGE`].
///
/// # Errors
/// No input that a picture fits, more than one, a type or a number of colours that lookout does not feed; what the graph
/// does not say.
pub fn fit(model: &mut Model, options: &InputOptions) -> Result<Front, AdoptError> {
    let opset = graph::opset(model);
    // from version 4 on, numbers are no inputs
    model.ir_version = model.ir_version.max(4);
    let Some(graph) = &mut model.graph else {
        return Err(AdoptError::Broken("it has no graph".to_owned()));
    };
    let input = {
        let view = View::new(graph, opset);
        let all: Vec<&ValueInfo> = view.fed().collect();
        let is_read = |input: &&&ValueInfo| view.consumers(&input.name).next().is_some();
        // what no node reads need not be fed
        let read: Vec<&ValueInfo> = all.iter().filter(is_read).copied().collect();
        let fed = if read.is_empty() { all } else { read };
        match fed[..] {
            [one] => one.clone(),
            [] => return Err(AdoptError::Input("the network has no input".to_owned())),
            _ => {
                let names: Vec<_> = fed.iter().map(|v| format!("{:?}", v.name)).collect();
                return Err(AdoptError::Input(format!(
                    "the network has {} inputs ({}), and lookout feeds one picture: export it with the others as constants",
                    fed.len(),
                    names.join(", ")
                )));
            }
        }
    };
    let name = input.name.clone();
    let kind = check_kind(&input)?;
    let Shape {
        layout,
        batch,
        rank,
        size: (width, height),
        because,
    } = shape(graph, opset, &input, options)?;
    let mut found = vec![format!(
        "input {name:?}: {} {} {}",
        data_type::name(kind),
        layout.name(),
        because
    )];
    let fixed = fixed_size(&name, (width, height), options)?;
    found.push(match fixed {
        Some((width, height)) => {
            format!("it takes one size only: {width} columns, {height} rows")
        }
        None => "its size is free".to_owned(),
    });
    let mut put_in = vec![];
    match batch {
        Some(1) => {}
        None if rank == 3 => {}
        None => put_in.push("the number of pictures, which was free, is 1".to_owned()),
        Some(n) => {
            let changed = one_of_batch(graph, opset, n);
            put_in.push(format!(
                "the number of pictures is 1 and not {n}, in {changed} shapes within the graph too"
            ));
        }
    }
    let image = IMAGE.to_owned();
    if name != IMAGE && free_name(graph, IMAGE) != IMAGE {
        let other = free_name(graph, "image_inside");
        graph::rename(graph, IMAGE, &other);
    }
    // the chain must end in the old name, which may be the new one
    let old = match name == IMAGE {
        true => {
            let old = free_name(graph, "image_adapted");
            graph::rename(graph, IMAGE, &old);
            old
        }
        false => name.clone(),
    };
    let casts = kind == data_type::UINT8 && only_cast(&View::new(graph, opset), &old);
    let mut chain = Chain::new(graph, opset, IMAGE, "lookout_image");
    if options.order == ChannelOrder::Bgr {
        let axis = Attribute::int("axis", 1);
        let order = TensorProto::int64("", &[2, 1, 0]);
        chain.step("Gather", vec![order], vec![axis]);
        put_in.push("the colours are put in the order blue, green, red (Gather)".to_owned());
    }
    to_kind(&mut chain, kind, casts, opset, &mut put_in);
    if layout == Layout::Nhwc {
        chain.transpose(&[0, 2, 3, 1]);
        put_in.push("planes of colours become colours of pixels (Transpose)".to_owned());
    }
    if rank == 3 {
        chain.squeeze("Squeeze", 0);
        put_in.push("the one picture is taken out of its batch (Squeeze)".to_owned());
    }
    match chain.is_empty() {
        true => {
            drop(chain);
            graph::rename(graph, &old, &image);
        }
        false => chain.end(&old),
    }
    // Older versions of ONNX list initializers among the inputs. Only the picture stays an input.
    let side = |fixed: Option<u32>, name: &str| match fixed {
        Some(side) => DimensionValue::Fixed(i64::from(side)),
        None => DimensionValue::Named(name.to_owned()),
    };
    let (columns, rows) = (fixed.map(|f| f.0), fixed.map(|f| f.1));
    let one = DimensionValue::Fixed;
    let dims = [one(1), one(3), side(rows, "height"), side(columns, "width")];
    graph.input = vec![ValueInfo::tensor(&image, data_type::FLOAT, &dims)];
    // shapes of before, which are only hints
    graph.value_info.clear();
    Ok(Front {
        name,
        kind,
        batch: batch.unwrap_or(1),
        fixed,
        found,
        put_in,
    })
}

/// Whether all that reads a tensor makes floating-point numbers of it first, so that it may be one.
fn only_cast(view: &View<'_>, tensor: &str) -> bool {
    let mut open = vec![tensor.to_owned()];
    for _ in 0..32 {
        let Some(tensor) = open.pop() else {
            return true;
        };
        for node in view.consumers(&tensor) {
            match operator(node) {
                "Cast" => {
                    let to = graph::int(node, "to").and_then(|to| i32::try_from(to).ok());
                    if !to.is_some_and(data_type::is_float) {
                        return false;
                    }
                }
                // they move numbers and do not look at them
                "Transpose" | "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" | "Slice"
                | "Gather"
                    if node.input.first() == Some(&tensor) =>
                {
                    open.extend(node.output.first().cloned());
                }
                _ => return false,
            }
        }
    }
    false
}

/// From f32 to the numbers that the network takes.
fn to_kind(chain: &mut Chain<'_>, kind: i32, casts: bool, opset: i64, put_in: &mut Vec<String>) {
    let name = data_type::name(kind);
    match kind {
        data_type::FLOAT => {}
        data_type::UINT8 if opset >= 10 && !casts => {
            // rounds, as 254.99998 is 255, and ends at 0 and 255: in one operator that all engines have
            let scale = TensorProto::float("", &[], &[1.0]);
            let zero = TensorProto::raw("", &[], data_type::UINT8, vec![0]);
            chain.step("QuantizeLinear", vec![scale, zero], vec![]);
            put_in.push("0 to 255 in float32 become uint8 (QuantizeLinear)".to_owned());
        }
        _ if data_type::is_float(kind) => {
            chain.cast(kind);
            put_in.push(format!("float32 becomes {name} (Cast)"));
        }
        _ => {
            // 254.99998 is 255
            if opset >= 11 {
                chain.step("Round", vec![], vec![]);
            } else {
                let half = TensorProto::float("", &[], &[0.5]);
                chain.step("Add", vec![half], vec![]);
                chain.step("Floor", vec![], vec![]);
            }
            if casts {
                put_in.push(format!(
                    "the picture is rounded and stays float32, since the graph makes floats of its {name} at once"
                ));
            } else {
                chain.cast(kind);
                put_in.push(format!("float32 is rounded and becomes {name} (Cast)"));
            }
        }
    }
}

/// Shapes within the graph that begin with the number of pictures begin with 1; how many there are.
fn one_of_batch(graph: &mut GraphProto, opset: i64, batch: i64) -> usize {
    let mut changes: Vec<(usize, usize, Vec<i64>)> = vec![];
    {
        let view = View::new(graph, opset);
        for (at, node) in graph.node.iter().enumerate() {
            let is_number = |name: &String| view.constant(name).is_some();
            let place = match operator(node) {
                // of weights, whose sides are no pictures
                "Reshape" | "Expand" if node.input.first().is_some_and(is_number) => continue,
                "Reshape" | "Expand" => 1,
                "ConstantOfShape" => 0,
                "Resize" => 3,
                _ => continue,
            };
            let shape = node.input.get(place).and_then(|name| view.constant(name));
            let Some(shape) = shape.and_then(crate::numbers::few) else {
                continue;
            };
            if shape.len() > 1 && shape[0] == batch as f64 {
                let mut shape: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
                shape[0] = 1;
                changes.push((at, place, shape));
            }
        }
    }
    let count = changes.len();
    for (at, place, shape) in changes {
        let name = free_name(graph, &format!("lookout_shape_{at}"));
        graph.initializer.push(TensorProto::int64(&name, &shape));
        graph.node[at].input[place] = name;
    }
    count
}
