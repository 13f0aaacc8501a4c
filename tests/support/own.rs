//! A bundle of somebody's own: small graphs whose results are known.
//!
//! The segmentation network has three classes, red, green and blue; each logit is `20 * ` the mean of that
//! colour over its pixels, 0 to 1. The observer's logit is `20 * red - 10`.
//!
//! Where there are heads, the segmentation network has an activation `features`, half of its logits, and with red,
//! green and blue from 0 to 1 the heads give
//! - `blueless`, a logit, of the features: `2 * red - 4 * blue + 1`;
//! - `brightness`, an energy with center 10 and scale 5, of the logits: `10 * (red + green + blue)`;
//! - `share`, a probability, of the image: `red / 4 + green / 2 + blue / 8`. It needs a stride of 1.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};
use sha2::{Digest, Sha256};

/// What the bundle is like.
pub(crate) struct Own {
    /// `[input]` after mean and std.
    pub(crate) input: &'static str,
    /// Rows and columns that the graphs take; any where there are none.
    pub(crate) size: Option<(i64, i64)>,
    pub(crate) stride: i64,
    pub(crate) observer: bool,
    pub(crate) heads: bool,
    /// The rest of the manifest.
    pub(crate) more: &'static str,
}

impl Own {
    /// 65 rows and 97 columns, letterboxed, a logit a pixel, without observer and thresholds.
    pub(crate) const FIXED: Self = Self {
        input: "fixed = { width = 97, height = 65, fit = \"letterbox\" }",
        size: Some((65, 97)),
        stride: 1,
        observer: false,
        heads: false,
        more: "",
    };

    /// Any size.
    pub(crate) const FREE: Self = Self {
        input: "full_height = 96\nreduced_height = 64",
        size: None,
        ..Self::FIXED
    };

    /// Writes it into a new folder.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let stride = self.stride;
        let weights = |row: usize| -> Vec<f32> {
            let cells = (stride * stride) as usize;
            let of = |colour| {
                vec![
                    if colour == row {
                        20.0 / cells as f32
                    } else {
                        0.0
                    };
                    cells
                ]
            };
            (0..3).flat_map(of).collect()
        };
        let classes: Vec<f32> = (0..3).flat_map(weights).collect();
        let mut graph = self.graph(&["image"], "logits", stride, &classes, &[0.0; 3]);
        let mut given = vec!["image", "logits"];
        let mut activations = "";
        if self.heads {
            self.add_features(&mut graph);
            given.push("features");
            activations = "activations = [\"features\"]\n";
        }
        let mut text = format!(
            "format = 1\nname = \"own\"\nversion = \"1.0.0\"\ndescription = \"colours\"\n\
             [input]\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n{}\n\
             [segmentation]\nfile = \"s.onnx\"\nsha256 = \"{}\"\nimage = \"image\"\nlogits = \"logits\"\n\
             stride = {stride}\n{activations}\
             [provenance]\ndata = \"none\"\nlicence = \"none\"\ntraining = \"by hand\"\n",
            self.input,
            keep(folder, "s.onnx", &graph.write_buf().unwrap()),
        );
        for (name, color) in [
            ("red", [255, 0, 0]),
            ("green", [0, 255, 0]),
            ("blue", [0, 0, 255]),
        ] {
            text += &format!("[[class]]\nname = \"{name}\"\ncolor = {color:?}\n");
        }
        if self.observer {
            let graph = self.graph(&given, "unknown", stride, &weights(0), &[-10.0]);
            let hash = keep(folder, "o.onnx", &graph.write_buf().unwrap());
            text += &format!(
                "[observer]\nfile = \"o.onnx\"\nsha256 = \"{hash}\"\noutput = \"unknown\"\n"
            );
        }
        if self.heads {
            text += &self.head(folder, "blueless", "features", &[0.2, 0.0, -0.4], 1.0);
            text += "kind = \"logit\"\nmultiply_accumulates = 1000\n";
            text += &self.head(folder, "brightness", "logits", &[0.5; 3], 0.0);
            text += "kind = \"energy\"\ncenter = 10.0\nscale = 5\n";
            text += &self.head(folder, "share", "image", &[0.25, 0.5, 0.125], 0.0);
            text += "kind = \"probability\"\n";
        }
        fs::write(folder.join("model.toml"), text + self.more).unwrap();
        folder.to_owned()
    }

    /// Writes a head that adds up three planes, each with its weight; its table, without its kind.
    fn head(
        &self,
        folder: &Path,
        name: &str,
        input: &str,
        weights: &[f32; 3],
        bias: f32,
    ) -> String {
        let file = format!("{name}.onnx");
        let graph = self.graph(&[input], name, 1, weights, &[bias]);
        let hash = keep(folder, &file, &graph.write_buf().unwrap());
        format!(
            "[[head]]\nname = \"{name}\"\nfile = \"{file}\"\nsha256 = \"{hash}\"\ninputs = [\"{input}\"]\n\
             output = \"{name}\"\n"
        )
    }

    /// Rows and columns of the image, or of the logits and all that is as large.
    fn sides(&self, tensor: &str) -> (Option<i64>, Option<i64>) {
        let stride = if tensor == "image" { 1 } else { self.stride };
        let cells = |side: i64| Some((side + stride - 1) / stride);
        self.size.map_or((None, None), |(rows, columns)| {
            (cells(rows), cells(columns))
        })
    }

    fn value(&self, tensor: &str, planes: i64) -> ValueInfoProto {
        let (rows, columns) = self.sides(tensor);
        value(tensor, planes, rows, columns)
    }

    fn add_features(&self, model: &mut ModelProto) {
        let graph = model.graph.as_mut().unwrap();
        graph.node.push(NodeProto {
            name: Some("halve".to_owned()),
            op_type: Some("Mul".to_owned()),
            input: ["logits", "half"].map(str::to_owned).to_vec(),
            output: vec!["features".to_owned()],
            ..NodeProto::default()
        });
        graph.initializer.push(tensor("half", vec![1], &[0.5]));
        graph.output.push(self.value("features", 3));
    }

    /// A convolution over blocks of the first of the inputs, of so many pixels a side. An observer gets the others too,
    /// and has no use for them.
    pub(crate) fn graph(
        &self,
        inputs: &[&str],
        output: &str,
        block: i64,
        weights: &[f32],
        bias: &[f32],
    ) -> ModelProto {
        let planes = bias.len() as i64;
        let numbers = |name: &str, ints: Vec<i64>| AttributeProto {
            name: Some(name.to_owned()),
            ints,
            r#type: Some(AttributeType::INTS),
            ..AttributeProto::default()
        };
        let padding = AttributeProto {
            name: Some("auto_pad".to_owned()),
            s: Some("SAME_UPPER".to_owned()),
            r#type: Some(AttributeType::STRING),
            ..AttributeProto::default()
        };
        let conv = NodeProto {
            name: Some("conv".to_owned()),
            op_type: Some("Conv".to_owned()),
            input: [inputs[0], "weights", "bias"].map(str::to_owned).to_vec(),
            output: vec![output.to_owned()],
            attribute: vec![
                numbers("kernel_shape", vec![block, block]),
                numbers("strides", vec![block, block]),
                padding,
            ],
            ..NodeProto::default()
        };
        ModelProto {
            ir_version: Some(8),
            graph: Some(GraphProto {
                node: vec![conv],
                initializer: vec![
                    tensor("weights", vec![planes, 3, block, block], weights),
                    tensor("bias", vec![planes], bias),
                ],
                input: inputs.iter().map(|name| self.value(name, 3)).collect(),
                output: vec![self.value(output, planes)],
                ..GraphProto::default()
            }),
            opset_import: vec![OperatorSetIdProto {
                domain: None,
                version: Some(17),
            }],
            ..ModelProto::default()
        }
    }
}

fn tensor(name: &str, dims: Vec<i64>, values: &[f32]) -> TensorProto {
    let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: Some(name.to_owned()),
        dims,
        data_type: Some(DataType::FLOAT),
        raw_data: Some(RefCell::new(raw)),
        ..TensorProto::default()
    }
}

fn value(name: &str, planes: i64, rows: Option<i64>, columns: Option<i64>) -> ValueInfoProto {
    let side = |value: Option<i64>, name: &str| Dimension {
        dim_value: value,
        dim_param: value.is_none().then(|| name.to_owned()),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(TypeProtoTensor {
                elem_type: Some(DataType::FLOAT),
                shape: Some(TensorShapeProto {
                    dim: vec![
                        side(Some(1), ""),
                        side(Some(planes), ""),
                        side(rows, "rows"),
                        side(columns, "columns"),
                    ],
                }),
            }),
            sequence: None,
        }),
    }
}

/// Writes a file of a bundle; its hash.
pub(crate) fn keep(folder: &Path, name: &str, bytes: &[u8]) -> String {
    fs::write(folder.join(name), bytes).unwrap();
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
