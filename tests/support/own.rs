//! A bundle of somebody's own: small graphs whose results are known.
//!
//! The segmentation network has three classes, red, green and blue; each logit is `20 * ` the mean of that
//! colour over its pixels, 0 to 1. The observer's logit is `20 * red - 10`.

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
        let graph = self.graph("logits", 3, &classes, &[0.0; 3]);
        let mut text = format!(
            "format = 1\nname = \"own\"\nversion = \"1.0.0\"\ndescription = \"colours\"\n\
             [input]\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n{}\n\
             [segmentation]\nfile = \"s.onnx\"\nsha256 = \"{}\"\nimage = \"image\"\nlogits = \"logits\"\n\
             stride = {stride}\n\
             [provenance]\ndata = \"none\"\nlicence = \"none\"\ntraining = \"by hand\"\n",
            self.input,
            keep(folder, "s.onnx", &graph),
        );
        for (name, color) in [
            ("red", [255, 0, 0]),
            ("green", [0, 255, 0]),
            ("blue", [0, 0, 255]),
        ] {
            text += &format!("[[class]]\nname = \"{name}\"\ncolor = {color:?}\n");
        }
        if self.observer {
            let graph = self.graph("unknown", 1, &weights(0), &[-10.0]);
            let hash = keep(folder, "o.onnx", &graph);
            text += &format!(
                "[observer]\nfile = \"o.onnx\"\nsha256 = \"{hash}\"\noutput = \"unknown\"\n"
            );
        }
        fs::write(folder.join("model.toml"), text + self.more).unwrap();
        folder.to_owned()
    }

    /// A convolution over blocks of the image. An observer gets the logits too, and has no use for them.
    fn graph(&self, output: &str, planes: i64, weights: &[f32], bias: &[f32]) -> Vec<u8> {
        let stride = self.stride;
        let (rows, columns) = self.size.map_or((None, None), |(r, c)| (Some(r), Some(c)));
        let cells = |side: Option<i64>| side.map(|side| (side + stride - 1) / stride);
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
            input: ["image", "weights", "bias"].map(str::to_owned).to_vec(),
            output: vec![output.to_owned()],
            attribute: vec![
                numbers("kernel_shape", vec![stride, stride]),
                numbers("strides", vec![stride, stride]),
                padding,
            ],
            ..NodeProto::default()
        };
        let mut input = vec![value("image", 3, rows, columns)];
        if output != "logits" {
            input.push(value("logits", 3, cells(rows), cells(columns)));
        }
        let model = ModelProto {
            ir_version: Some(8),
            graph: Some(GraphProto {
                node: vec![conv],
                initializer: vec![
                    tensor("weights", vec![planes, 3, stride, stride], weights),
                    tensor("bias", vec![planes], bias),
                ],
                input,
                output: vec![value(output, planes, cells(rows), cells(columns))],
                ..GraphProto::default()
            }),
            opset_import: vec![OperatorSetIdProto {
                domain: None,
                version: Some(17),
            }],
            ..ModelProto::default()
        };
        model.write_buf().unwrap()
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
