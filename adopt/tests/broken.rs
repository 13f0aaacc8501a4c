//! Graphs that are broken, and numbers that are not where they should be: each is named, and nothing is read or made.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;
use std::path::Path;

use lookout_adopt::load::read;
use lookout_adopt::network::{Network, Options};
use lookout_adopt::proto::{
    Attribute, DimensionValue, EXTERNAL, GraphProto, Model, NodeProto, OperatorSet, Pair,
    TensorProto, ValueInfo,
};
use lookout_adopt::run::{Runner, Session};
use prost::Message;

/// An engine that is not there.
struct Nobody;

impl Runner for Nobody {
    fn open(&mut self, _: Vec<u8>) -> Result<Box<dyn Session>, String> {
        Err("nobody runs it".to_owned())
    }
}

fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: input.iter().map(|&i| i.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("node {output}"),
        op_type: op_type.to_owned(),
        ..NodeProto::default()
    }
}

/// image -> Conv -> Relu -> logits.
fn model() -> Model {
    let graph = GraphProto {
        node: vec![
            node("Conv", &["image", "w"], "c"),
            node("Relu", &["c"], "logits"),
        ],
        initializer: vec![TensorProto::float("w", &[2, 3, 1, 1], &[0.5; 6])],
        input: vec![ValueInfo::planes("image", 3, 1)],
        output: vec![ValueInfo::planes("logits", 2, 1)],
        ..GraphProto::default()
    };
    Model {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: 17,
        }],
        ..Model::default()
    }
}

fn changed(change: impl FnOnce(&mut GraphProto)) -> Model {
    let mut model = model();
    change(model.graph.as_mut().unwrap());
    model
}

#[track_caller]
fn is_refused(bytes: &[u8], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.onnx");
    fs::write(&path, bytes).unwrap();
    refuses(&path, words);
}

#[track_caller]
fn refuses(path: &Path, words: &[&str]) {
    let error = read(path).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
}

#[test]
fn every_cut_of_a_graph_is_refused_or_lacks_something_by_name() {
    let bytes = model().encode_to_vec();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.onnx");
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        if let Ok(model) = read(&path) {
            // cut between two fields: the opset is gone
            assert!(model.opset_import.is_empty(), "{length}");
        }
    }
    is_refused(&bytes[..bytes.len() / 2], &["own.onnx", "at byte"]);
    is_refused(b"", &["it is empty"]);
    is_refused(b"<html>", &["own.onnx"]);
}

#[test]
fn no_change_of_a_byte_brings_anything_down() {
    let bytes = model().encode_to_vec();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.onnx");
    let mut read_well = 0;
    for at in 0..bytes.len() {
        for value in [0, 1, 3, 0x7f, 0x80, 0xff, bytes[at] ^ 8] {
            let mut changed = bytes.clone();
            changed[at] = value;
            fs::write(&path, &changed).unwrap();
            if let Ok(model) = read(&path) {
                read_well += 1;
                assert!(Network::adopt(model, &Options::default(), &mut Nobody).is_err());
            }
        }
    }
    assert!(read_well > 100, "{read_well}");
}

#[test]
fn a_field_that_nobody_knows_is_refused_and_not_lost() {
    let mut bytes = model().encode_to_vec();
    // field 99, a number
    bytes.extend([0x98, 0x06, 1]);
    is_refused(&bytes, &["not known", "lost"]);
}

#[test]
fn a_graph_that_is_read_and_written_is_the_same() {
    let mut model = changed(|graph| {
        graph.doc_string = "words".to_owned();
        graph.sparse_initializer.push(Default::default());
        graph.quantization_annotation.push(Default::default());
        graph.metadata_props.push(Pair::default());
        let mut attribute = Attribute::ints("axes", &[1, -1]);
        attribute.tp = Some(vec![1, 2]);
        graph.node[0].attribute.push(attribute);
    });
    model.training_info.push(vec![]);
    model.functions.push(Default::default());
    let bytes = model.encode_to_vec();
    assert_eq!(Model::decode(&bytes[..]).unwrap(), model);
}

#[test]
fn a_cycle_is_named_by_a_node_in_it() {
    let model = changed(|graph| graph.node[0].input[0] = "logits".to_owned());
    is_refused(&model.encode_to_vec(), &["cycle", "node"]);
    // one that is long does not end the stack
    let model = changed(|graph| {
        graph.node[0].input[0] = "t60000".to_owned();
        let chain =
            (0..60_000).map(|at| node("Relu", &[&format!("t{at}")], &format!("t{}", at + 1)));
        graph.node.extend(chain);
        graph.node.push(node("Relu", &["c"], "t0"));
    });
    is_refused(&model.encode_to_vec(), &["cycle"]);
}

#[test]
fn tensors_without_a_maker_or_with_two_are_named() {
    let model = changed(|graph| graph.node[1].input[0] = "lost".to_owned());
    is_refused(&model.encode_to_vec(), &["\"lost\"", "node logits"]);
    let model = changed(|graph| graph.node[0].output[0] = "logits".to_owned());
    is_refused(&model.encode_to_vec(), &["two nodes", "\"logits\""]);
    let model = changed(|graph| graph.output[0].name = "absent".to_owned());
    is_refused(&model.encode_to_vec(), &["\"absent\""]);
}

#[test]
fn nan_weights_are_named() {
    let broken = changed(|graph| {
        graph.initializer[0] = TensorProto::float("w", &[2, 3, 1, 1], &[f32::NAN; 6]);
    });
    let error = Network::adopt(broken, &Options::default(), &mut Nobody).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the tensor \"w\" has 6 numbers that are NaN: the weights are broken, and no output can be relied on"
    );
}

#[test]
fn what_an_engine_says_is_told() {
    let error = Network::adopt(model(), &Options::default(), &mut Nobody).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("nobody runs it") && error.contains("--size"),
        "{error}"
    );
}

/// The model with its numbers in a file, as its entries say.
fn beside(entries: &[(&str, &str)]) -> Vec<u8> {
    let model = changed(|graph| {
        let tensor = &mut graph.initializer[0];
        tensor.raw_data = None;
        tensor.data_location = EXTERNAL;
        let pair = |(key, value): &(&str, &str)| Pair {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        tensor.external_data = entries.iter().map(pair).collect();
    });
    model.encode_to_vec()
}

#[test]
fn numbers_beside_a_graph_are_put_into_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.onnx");
    let numbers: Vec<u8> = (0..32).collect();
    fs::write(folder.path().join("numbers"), &numbers).unwrap();
    fs::write(
        &path,
        beside(&[("location", "numbers"), ("offset", "4"), ("length", "24")]),
    )
    .unwrap();
    let tensor = &read(&path).unwrap().graph.unwrap().initializer[0];
    assert_eq!(tensor.raw_data.as_deref(), Some(&numbers[4..28]));
    assert_eq!((tensor.data_location, tensor.external_data.len()), (0, 0));
}

#[test]
fn numbers_outside_of_the_folder_are_not_read() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, [0; 64]).unwrap();
    let folder = tempfile::tempdir_in(outside.path()).unwrap();
    let path = folder.path().join("own.onnx");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, folder.path().join("link")).unwrap();
    for (file, words) in [
        ("../secret", "below the graph's folder"),
        (secret.to_str().unwrap(), "below the graph's folder"),
        ("", "below the graph's folder"),
        ("link", "a link out of"),
        ("absent", "cannot read it"),
        (".", "no regular file"),
    ] {
        fs::write(&path, beside(&[("location", file)])).unwrap();
        refuses(&path, &["\"w\"", &format!("{file:?}"), words]);
    }
}

#[test]
fn numbers_that_are_too_many_or_too_few_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.onnx");
    // two gigabytes that take no room
    let numbers = fs::File::create(folder.path().join("numbers")).unwrap();
    numbers.set_len(1 << 31).unwrap();
    for (entries, words) in [
        (vec![("location", "numbers")], "more than a bundle takes"),
        (
            vec![
                ("location", "numbers"),
                ("offset", "2147483640"),
                ("length", "24"),
            ],
            "24 from byte",
        ),
        (
            vec![("location", "numbers"), ("length", "many")],
            "\"many\"",
        ),
        (
            vec![
                ("location", "numbers"),
                ("offset", "18446744073709551615"),
                ("length", "2"),
            ],
            "from byte",
        ),
    ] {
        fs::write(&path, beside(&entries)).unwrap();
        refuses(&path, &["\"w\"", "\"numbers\"", words]);
    }
}

#[test]
fn a_file_that_is_no_file_or_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    refuses(folder.path(), &["no regular file"]);
    let path = folder.path().join("own.onnx");
    refuses(&path, &["cannot read", "own.onnx"]);
    fs::File::create(&path).unwrap().set_len(1 << 31).unwrap();
    refuses(&path, &["2147483648 bytes"]);
}

#[test]
fn pictures_and_outputs_that_no_bundle_takes_are_refused_before_anything_is_run() {
    let sides = [1, 3, 100_000, 90_000].map(DimensionValue::Fixed);
    let large = changed(|graph| graph.input[0] = ValueInfo::tensor("image", 1, &sides));
    let many = changed(|graph| graph.output = vec![graph.output[0].clone(); 101]);
    for (model, words) in [
        (
            large,
            "90000 columns by 100000 rows, and a bundle takes sides of 1 to 2048",
        ),
        (many, "101 outputs"),
    ] {
        let error = Network::adopt(model, &Options::default(), &mut Nobody).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_tensor_that_no_memory_holds_is_refused_with_its_node() {
    let model = changed(|graph| {
        let sides = TensorProto::int64("sides", &[1, 2, 200_000, 200_000]);
        graph.initializer.push(sides);
        graph.node[1] = node("ConstantOfShape", &["sides"], "huge");
        graph.node.push(node("Add", &["c", "huge"], "logits"));
    });
    let error = Network::adopt(model, &Options::default(), &mut Nobody).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("(ConstantOfShape)"), "{text}");
    assert!(text.contains("80000000000 numbers"), "{text}");
}
