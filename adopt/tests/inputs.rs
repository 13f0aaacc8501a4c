//! What is found of an input, and what is put before the network.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use lookout_adopt::input::{ChannelOrder, Front, IMAGE, InputOptions, Layout, fit};
use lookout_adopt::normalisation::Normalisation;
use lookout_adopt::proto::{
    Attribute, DimensionValue, GraphProto, Model, NodeProto, OperatorSet, TensorProto, ValueInfo,
    data_type,
};

fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: input.iter().map(|&i| i.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: op_type.to_owned(),
        ..NodeProto::default()
    }
}

/// A network whose input `x` is of that type and those sides, 0 for a free one.
fn model(kind: i32, sides: &[i64], nodes: Vec<NodeProto>) -> Model {
    let sides: Vec<_> = sides
        .iter()
        .map(|&side| match side {
            0 => DimensionValue::Named("free".to_owned()),
            side => DimensionValue::Fixed(side),
        })
        .collect();
    let graph = GraphProto {
        node: nodes,
        initializer: vec![TensorProto::int64("shape", &[4, -1])],
        input: vec![ValueInfo::tensor("x", kind, &sides)],
        ..GraphProto::default()
    };
    Model {
        ir_version: 3,
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: 17,
        }],
        ..Model::default()
    }
}

fn conv() -> Vec<NodeProto> {
    vec![node("Conv", &["x"], "y")]
}

/// The operators in front, and what was found.
fn fitted(mut model: Model, options: &InputOptions) -> (Vec<String>, Front, Model) {
    let known = model.graph.as_ref().unwrap().node.len();
    let front = fit(&mut model, options).unwrap();
    let graph = model.graph.as_ref().unwrap();
    assert_eq!(graph.input.len(), 1);
    assert_eq!(graph.input[0].name, IMAGE);
    assert_eq!(graph.input[0].elem_type(), data_type::FLOAT);
    let kinds = graph.node[known..].iter().map(|node| node.op_type.clone());
    let kinds = kinds.filter(|kind| kind != "Constant").collect();
    (kinds, front, model)
}

#[track_caller]
fn refused(mut model: Model, options: &InputOptions, words: &str) {
    let error = fit(&mut model, options).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn planes_of_f32_only_get_another_name() {
    let options = InputOptions::default();
    let (kinds, front, model) = fitted(model(data_type::FLOAT, &[0, 3, 0, 0], conv()), &options);
    assert!(kinds.is_empty(), "{kinds:?}");
    assert_eq!(front.fixed, None);
    assert_eq!(model.graph.unwrap().node[0].input[0], IMAGE);
    assert_eq!(model.ir_version, 4);
}

#[test]
fn each_form_gets_what_it_needs() {
    use data_type::{FLOAT, FLOAT16, INT32, UINT8};
    let rgb = InputOptions::default();
    let bgr = InputOptions {
        order: ChannelOrder::Bgr,
        ..rgb
    };
    for (kind, sides, options, expected) in [
        (FLOAT, &[1, 8, 9, 3][..], rgb, &["Transpose"][..]),
        (FLOAT16, &[1, 3, 8, 9], rgb, &["Cast"]),
        (UINT8, &[1, 8, 9, 3], rgb, &["QuantizeLinear", "Transpose"]),
        (INT32, &[1, 3, 8, 9], rgb, &["Round", "Cast"]),
        (FLOAT, &[1, 3, 8, 9], bgr, &["Gather"]),
        (
            UINT8,
            &[8, 9, 3],
            bgr,
            &["Gather", "QuantizeLinear", "Transpose", "Squeeze"],
        ),
    ] {
        let (kinds, front, _) = fitted(model(kind, sides, conv()), &options);
        assert_eq!(kinds, expected, "{sides:?}");
        assert_eq!(front.fixed, Some((9, 8)));
        assert_eq!(front.takes_bytes(), matches!(kind, UINT8 | INT32));
    }
}

#[test]
fn bytes_that_become_floats_at_once_stay_floats() {
    let cast = |to| {
        let mut cast = node("Cast", &["x"], "f");
        cast.attribute = vec![Attribute::int("to", i64::from(to))];
        model(data_type::UINT8, &[1, 3, 8, 9], vec![cast])
    };
    let options = InputOptions::default();
    assert_eq!(fitted(cast(data_type::FLOAT), &options).0, ["Round"]);
    assert_eq!(
        fitted(cast(data_type::INT32), &options).0,
        ["QuantizeLinear"]
    );
}

#[test]
fn the_layout_is_told_by_the_first_operator_or_asked_for() {
    let free = |kind: &str, perm: &[i64]| {
        let mut first = node(kind, &["x"], "y");
        if !perm.is_empty() {
            first.attribute = vec![Attribute::ints("perm", perm)];
        }
        model(data_type::FLOAT, &[0, 0, 0, 0], vec![first])
    };
    let options = InputOptions::default();
    assert!(fitted(free("Conv", &[]), &options).0.is_empty());
    assert_eq!(
        fitted(free("Transpose", &[0, 3, 1, 2]), &options).0,
        ["Transpose"]
    );
    refused(free("Shape", &[]), &options, "--input-layout");
    let given = InputOptions {
        layout: Some(Layout::Nhwc),
        ..options
    };
    assert_eq!(fitted(free("Shape", &[]), &given).0, ["Transpose"]);
}

#[test]
fn what_is_no_picture_of_one_size_or_any_is_refused() {
    let options = InputOptions::default();
    for (sides, words) in [
        (&[1, 4, 8, 9][..], "4 channels"),
        (&[1, 3, 8, 3], "--input-layout"),
        (&[1, 3, 8, 0], "--size"),
        (&[3, 8], "2 axes"),
        (&[1, 1, 8, 9], "1 channels"),
    ] {
        refused(model(data_type::FLOAT, sides, conv()), &options, words);
    }
    refused(
        model(data_type::INT8, &[1, 3, 8, 9], conv()),
        &options,
        "int8",
    );
    let other = InputOptions {
        size: Some((16, 16)),
        ..options
    };
    refused(
        model(data_type::FLOAT, &[1, 3, 8, 9], conv()),
        &other,
        "9 columns and 8 rows",
    );
    let (_, front, _) = fitted(model(data_type::FLOAT, &[1, 3, 0, 0], conv()), &other);
    assert_eq!(front.fixed, Some((16, 16)));
}

#[test]
fn shapes_that_begin_with_the_batch_begin_with_one() {
    let nodes = vec![node("Reshape", &["x", "shape"], "y")];
    let options = InputOptions::default();
    let (_, front, model) = fitted(model(data_type::FLOAT, &[4, 3, 8, 9], nodes), &options);
    assert!(
        front.put_in[0].contains("1 and not 4"),
        "{:?}",
        front.put_in
    );
    let graph = model.graph.unwrap();
    let name = &graph.node[0].input[1];
    let shape = graph.initializer.iter().find(|t| t.name == *name).unwrap();
    assert_eq!(shape, &TensorProto::int64(name, &[1, -1]));
}

#[test]
fn means_of_bytes_are_told_from_means_of_0_to_1() {
    let bytes = Normalisation::given([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]).unwrap();
    let unit = Normalisation::IMAGENET;
    for (a, b) in bytes
        .mean
        .iter()
        .chain(&bytes.std)
        .zip(unit.mean.iter().chain(&unit.std))
    {
        assert!((a - b).abs() < 1e-6, "{bytes}");
    }
    assert_eq!(Normalisation::given(unit.mean, unit.std).unwrap(), unit);
    for (mean, std, words) in [
        ([f32::NAN; 3], [1.0; 3], "--mean"),
        ([0.0; 3], [0.0; 3], "--std"),
    ] {
        let error = Normalisation::given(mean, std).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
