//! What `lookout adopt` reads: graphs that somebody else's exporter wrote.

use std::path::Path;

use anyhow::Result;
use lookout_adopt::activations::Wanted;
use lookout_adopt::input::InputOptions;
use lookout_adopt::load;
use lookout_adopt::network::{Network, Options};
use lookout_adopt::output::Resize;
use lookout_adopt::proto::{
    Attribute, DimensionValue, EXTERNAL, GraphProto, Model, NodeProto, OperatorSet, Pair,
    TensorProto, ValueInfo, data_type,
};
use lookout_adopt::run::{Measured, Runner, Session};
use lookout_adopt::walk;

/// In place of an engine: no tensor has numbers, each has the shape that its name stands for.
struct Shapes;

impl Runner for Shapes {
    fn open(&mut self, graph: Vec<u8>) -> Result<Box<dyn Session>, String> {
        walk::check(&graph).map_err(|fault| fault.reason.to_owned())?;
        Ok(Box::new(Self))
    }
}

impl Session for Shapes {
    fn run(
        &mut self,
        (width, height): (u32, u32),
        _: &[f32],
        outputs: &[String],
    ) -> Result<Vec<Measured>, String> {
        let shape = |name: &String| {
            let hash = crc32fast::hash(name.as_bytes()) as usize;
            let stride = 1 << (hash % 7);
            let (rows, columns) = (height as usize / stride, width as usize / stride);
            let planes = 1 + hash / 7 % 20;
            match hash / 140 % 8 {
                0 => vec![1, rows, columns, planes],
                1 => vec![rows, columns],
                _ => vec![1, planes, rows, columns],
            }
        };
        let measured = outputs.iter().map(|name| Measured {
            shape: shape(name),
            values: vec![],
        });
        Ok(measured.collect())
    }
}

/// Adopts a network as it is, and as one that a person has said something of. What is made must be a graph.
pub(crate) fn adopt(folder: &Path, input: &[u8]) -> String {
    let (graph, numbers) = (folder.join("own.onnx"), folder.join("numbers"));
    for (path, bytes) in [(&graph, input), (&numbers, &[0; 64])] {
        if let Err(error) = std::fs::write(path, bytes) {
            panic!("cannot write {}: {error}", path.display());
        }
    }
    let model = match load::read(&graph) {
        Ok(model) => model,
        Err(error) => return error.to_string(),
    };
    let said = Options {
        input: InputOptions {
            size: Some((96, 64)),
            ..InputOptions::default()
        },
        activations: Wanted::None,
        resize: Resize::Keep,
        ..Options::default()
    };
    let ends = [Options::default(), said].map(|options| {
        match Network::adopt(model.clone(), &options, &mut Shapes) {
            Ok(network) => {
                let (whole, names) = network.whole();
                for graph in [&network.graph, &whole] {
                    let written = walk::check_known(graph);
                    assert!(written.is_ok(), "what was written is no graph: {written:?}");
                }
                let found = network.found().join(", ");
                let differs = network.differs().unwrap_or_default();
                format!("{found}, {} outputs {differs}", names.len())
            }
            Err(error) => error.to_string(),
        }
    });
    ends.join("; ")
}

fn node(op_type: &str, input: &[&str], output: &str, attribute: Vec<Attribute>) -> NodeProto {
    NodeProto {
        input: input.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("/{output}"),
        op_type: op_type.to_owned(),
        attribute,
        ..NodeProto::default()
    }
}

/// A network whose size is free, with labels behind its logits; one of one size for a picture's bytes, quantised, with
/// numbers beside it.
pub(crate) fn seeds() -> Result<Vec<Vec<u8>>> {
    let model = |graph, version| Model {
        ir_version: 8,
        producer_name: "seed".to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version,
        }],
        ..Model::default()
    };
    let float = |name: &str, dims: &[i64]| {
        let all = dims.iter().product::<i64>();
        TensorProto::float(name, dims, &vec![0.5; all as usize])
    };
    let free = GraphProto {
        node: vec![
            node("Sub", &["picture", "mean"], "centred", vec![]),
            node("Div", &["centred", "std"], "normal", vec![]),
            node(
                "Conv",
                &["normal", "w"],
                "features",
                vec![Attribute::ints("strides", &[4, 4])],
            ),
            node("Relu", &["features"], "active", vec![]),
            node("Conv", &["active", "v"], "logits", vec![]),
            node(
                "Resize",
                &["logits", "", "fourfold"],
                "large",
                vec![Attribute::string("mode", "linear")],
            ),
            node(
                "Softmax",
                &["large"],
                "sure",
                vec![Attribute::int("axis", 1)],
            ),
            node(
                "ArgMax",
                &["sure"],
                "labels",
                vec![Attribute::int("axis", 1)],
            ),
        ],
        initializer: vec![
            float("mean", &[1, 3, 1, 1]),
            float("std", &[1, 3, 1, 1]),
            float("w", &[4, 3, 1, 1]),
            float("v", &[2, 4, 1, 1]),
            TensorProto::float("fourfold", &[4], &[1.0, 1.0, 4.0, 4.0]),
        ],
        input: vec![ValueInfo::planes("picture", 3, 1)],
        output: vec![
            ValueInfo::tensor("labels", data_type::INT64, &[]),
            ValueInfo::planes("logits", 2, 4),
        ],
        ..GraphProto::default()
    };
    let mut beside = TensorProto::raw("w", &[4, 3, 1, 1], data_type::INT8, vec![]);
    beside.raw_data = None;
    beside.data_location = EXTERNAL;
    beside.external_data = [("location", "numbers"), ("offset", "16"), ("length", "12")]
        .map(|(key, value)| Pair {
            key: key.to_owned(),
            value: value.to_owned(),
        })
        .into();
    let fixed = |name: &str, kind, sides: [i64; 4]| {
        ValueInfo::tensor(name, kind, &sides.map(DimensionValue::Fixed))
    };
    let zero = |name: &str, kind| TensorProto::raw(name, &[], kind, vec![0]);
    let bytes = GraphProto {
        node: vec![
            node(
                "DequantizeLinear",
                &["picture", "scale", "z"],
                "real",
                vec![],
            ),
            node(
                "Transpose",
                &["real"],
                "planes",
                vec![Attribute::ints("perm", &[0, 3, 1, 2])],
            ),
            node("DequantizeLinear", &["w", "scale", "y"], "weights", vec![]),
            node("Conv", &["planes", "weights"], "scores", vec![]),
            node("QuantizeLinear", &["scores", "scale", "z"], "steps", vec![]),
            node("DequantizeLinear", &["steps", "scale", "z"], "out", vec![]),
        ],
        initializer: vec![
            TensorProto::float("scale", &[], &[0.25]),
            zero("z", data_type::UINT8),
            zero("y", data_type::INT8),
            beside,
        ],
        input: vec![fixed("picture", data_type::UINT8, [1, 64, 96, 3])],
        output: vec![fixed("out", data_type::FLOAT, [1, 4, 64, 96])],
        ..GraphProto::default()
    };
    Ok(vec![model(free, 17).bytes(), model(bytes, 13).bytes()])
}
