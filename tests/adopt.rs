//! `lookout adopt`: networks of one's own become bundles, whole or not at all.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lookout::model::{Bundle, Fit};
use lookout_adopt::proto::{
    Attribute, DimensionValue, EXTERNAL, GraphProto, Model, NodeProto, OperatorSet, Pair,
    TensorProto, ValueInfo, data_type,
};
use support::{Run, command, copy_bundle, finish, snapshot};
use tempfile::TempDir;

/// Columns and rows of the pictures, and of networks of one size.
const SIZE: (u32, u32) = (96, 64);

fn node(op_type: &str, input: &[&str], output: &str, attribute: Vec<Attribute>) -> NodeProto {
    NodeProto {
        input: input.iter().map(|&i| i.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("/{output}"),
        op_type: op_type.to_owned(),
        attribute,
        ..NodeProto::default()
    }
}

fn model(nodes: Vec<NodeProto>, input: ValueInfo, output: ValueInfo) -> Model {
    // two classes, red and not; sure of both
    let weights = [40.0, 0.0, 0.0, -40.0, 0.0, 0.0];
    let graph = GraphProto {
        node: nodes,
        initializer: vec![
            TensorProto::float("w", &[2, 3, 1, 1], &weights),
            TensorProto::float("b", &[2], &[-20.0, 20.0]),
            TensorProto::float("scale", &[], &[1.0 / 255.0]),
            TensorProto::raw("zero", &[], data_type::UINT8, vec![0]),
        ],
        input: vec![input],
        output: vec![output],
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

/// Takes any size of f32 planes in 0 to 1.
fn free() -> Model {
    let nodes = vec![node("Conv", &["x", "w", "b"], "y", vec![])];
    let any = |name, planes| ValueInfo::planes(name, planes, 1);
    model(nodes, any("x", 3), any("y", 2))
}

/// Takes the bytes of a picture of one size and gives labels: the same network in the middle.
fn bytes() -> Model {
    let axes = |axes: &[i64]| vec![Attribute::ints("perm", axes)];
    let nodes = vec![
        node("Transpose", &["in:0"], "planes", axes(&[0, 3, 1, 2])),
        node(
            "DequantizeLinear",
            &["planes", "scale", "zero"],
            "x",
            vec![],
        ),
        node("Conv", &["x", "w", "b"], "y", vec![]),
        node("ArgMax", &["y"], "out:0", vec![Attribute::int("axis", 1)]),
    ];
    let sides = |sides: &[i64]| -> Vec<DimensionValue> {
        sides
            .iter()
            .map(|&side| DimensionValue::Fixed(side))
            .collect()
    };
    let (w, h) = (i64::from(SIZE.0), i64::from(SIZE.1));
    let input = ValueInfo::tensor("in:0", data_type::UINT8, &sides(&[1, h, w, 3]));
    let output = ValueInfo::tensor("out:0", data_type::INT64, &sides(&[1, 1, h, w]));
    model(nodes, input, output)
}

/// A folder with a graph, classes, pictures, labels.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new(model: &Model) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("own.onnx"), model.bytes()).unwrap();
        fs::write(
            dir.path().join("classes.txt"),
            "red 255 0 0\nother things\n",
        )
        .unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    #[track_caller]
    fn adopt(&self, flags: &[&str]) -> Run {
        let mut command = command("adopt");
        command.current_dir(self.dir.path());
        command.args(["own.onnx", "--out", "bundle"]).args(flags);
        finish(command)
    }

    /// Fails with these words, and the folder is as it was.
    #[track_caller]
    fn refuses(&self, flags: &[&str], words: &[&str]) {
        let before = snapshot(self.dir.path());
        self.adopt(flags).fails(words);
        assert!(snapshot(self.dir.path()) == before, "something was written");
    }

    fn bundle(&self) -> Bundle {
        Bundle::load(&self.path("bundle")).unwrap()
    }

    /// Pictures of red from 0 to 255, and labels: 0 where it is over the middle.
    fn pictures(&self) {
        for folder in ["images", "labels"] {
            fs::create_dir(self.path(folder)).unwrap();
        }
        let (w, h) = SIZE;
        for index in 0..3_u32 {
            let red = |x, y| ((7 * x + 13 * y + 50 * index) % 256) as u8;
            let image = image::RgbImage::from_fn(w, h, |x, y| {
                image::Rgb([red(x, y), 255 - (x % 9) as u8, (y * 4) as u8])
            });
            let label =
                image::GrayImage::from_fn(w, h, |x, y| image::Luma([u8::from(red(x, y) < 128)]));
            image
                .save(self.path(&format!("images/{index}.png")))
                .unwrap();
            label
                .save(self.path(&format!("labels/{index}.png")))
                .unwrap();
        }
    }
}

/// A `.npy` file of f32.
fn write_npy(path: &Path, shape: &str, values: impl Iterator<Item = f32>) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.flat_map(|v| v.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

#[test]
fn bytes_in_and_labels_out_become_a_bundle_without_a_flag() {
    let bench = Bench::new(&bytes());
    bench
        .adopt(&["--classes", "classes.txt"])
        .ends_with(0)
        .says(&[
            "found: input \"in:0\": uint8",
            "cut off behind: \"/out:0\" (ArgMax)",
            "rten runs it: a grey frame as 96x64 gives logits of 2x64x96",
            "not stated",
        ]);
    let bundle = bench.bundle();
    let manifest = bundle.manifest();
    let names: Vec<_> = manifest
        .classes
        .get_ref()
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["red", "other things"]);
    assert_eq!(manifest.classes.get_ref()[0].color, [255, 0, 0]);
    let fixed = manifest.input.fixed().unwrap();
    assert_eq!(
        (fixed.width, fixed.height, fixed.fit),
        (96, 64, Fit::Letterbox)
    );
    let card = fs::read_to_string(bench.path("bundle/card.md")).unwrap();
    assert!(
        card.contains("own.onnx") && card.contains("not stated"),
        "{card}"
    );
    // and it is used
    bench.pictures();
    let mut image = command("image");
    image.current_dir(bench.dir.path()).args([
        "images/0.png",
        "--out",
        "out",
        "--bundle",
        "bundle",
    ]);
    image.args([
        "--score",
        "softmax",
        "--threshold",
        "0.4",
        "--engine",
        "rten",
    ]);
    finish(image).ends_with(0);
    let mut check = command("adopt");
    check.args(["--check".into(), bench.path("bundle")]);
    finish(check)
        .ends_with(0)
        .says(&["2 classes, without an observer", "rten runs it"]);
}

#[test]
fn what_the_graph_does_not_tell_is_asked_for_by_the_option_that_says_it() {
    let bench = Bench::new(&free());
    bench.refuses(&[], &["--range", "--mean", "--probe"]);
    bench
        .adopt(&["--range", "0..1", "--licence", "MIT"])
        .ends_with(0);
    let bundle = bench.bundle();
    let manifest = bundle.manifest();
    assert_eq!(manifest.input.std.get_ref(), &[1.0; 3]);
    assert_eq!(manifest.provenance.licence, "MIT");
    assert_eq!(manifest.classes.get_ref()[1].name, "class-1");
    assert_eq!(
        manifest.input.full_height.as_ref().map(|h| *h.get_ref()),
        Some(512)
    );
    bench
        .adopt(&[
            "--force",
            "--mean",
            "123.675,116.28,103.53",
            "--std",
            "58.395,57.12,57.375",
        ])
        .ends_with(0);
    let mean = bench.bundle().manifest().input.mean.get_ref()[0];
    assert!((mean - 0.485).abs() < 1e-6, "{mean}");
}

#[test]
fn a_folder_that_is_there_is_replaced_only_by_force_and_only_by_a_whole_bundle() {
    let bench = Bench::new(&bytes());
    fs::create_dir(bench.path("bundle")).unwrap();
    fs::write(bench.path("bundle/mine"), "mine").unwrap();
    bench.refuses(&[], &["--force"]);
    bench.refuses(&["--force"], &["no model.toml", "not replaced"]);
    fs::write(bench.path("bundle/model.toml"), "").unwrap();
    fs::write(bench.path("bundle/classes.txt"), "red\nnot\n").unwrap();
    bench.refuses(
        &["--force", "--classes", "bundle/classes.txt"],
        &["would be replaced"],
    );
    fs::write(bench.path("classes.txt"), "red\n").unwrap();
    bench.refuses(
        &["--force", "--classes", "classes.txt"],
        &["1 classes", "logits of 2"],
    );
    bench.adopt(&["--force"]).ends_with(0);
    assert!(!bench.path("bundle/mine").exists());
    assert_eq!(
        fs::read_dir(bench.dir.path()).unwrap().count(),
        3,
        "something is left"
    );
}

#[test]
fn probing_with_labels_finds_what_the_network_was_made_for() {
    let bench = Bench::new(&free());
    bench.pictures();
    let flags = ["--probe", "--images", "images", "--labels", "labels"];
    bench
        .adopt(&flags)
        .ends_with(0)
        .says(&["probe 1: 0..1 RGB: mIoU 1.000", "probe 8: "]);
    let bundle = bench.bundle();
    assert_eq!(bundle.manifest().input.std.get_ref(), &[1.0; 3]);
    let card = fs::read_to_string(bench.path("bundle/card.md")).unwrap();
    assert!(card.contains("probed on 3 pictures, by mIoU"), "{card}");
    assert_eq!(
        bundle
            .manifest()
            .input
            .full_height
            .as_ref()
            .map(|h| *h.get_ref()),
        Some(64)
    );
    bench.refuses(&["--force", "--probe"], &["--images"]);
}

#[test]
fn probing_finds_the_order_of_colours() {
    // the first colour of the network is blue
    let mut turned = free();
    let graph = turned.graph.as_mut().unwrap();
    graph.initializer[0] =
        TensorProto::float("w", &[2, 3, 1, 1], &[0.0, 0.0, 40.0, 0.0, 0.0, -40.0]);
    let bench = Bench::new(&turned);
    bench.pictures();
    let flags = ["--probe", "--images", "images", "--labels", "labels"];
    bench
        .adopt(&flags)
        .ends_with(0)
        .says(&["probe 1: 0..1 BGR: mIoU 1.000", "(Gather)"]);
    // one that is given is not tried otherwise, and not turned twice
    for (order, name, other) in [("bgr", "BGR", "RGB"), ("rgb", "RGB", "BGR")] {
        let given = ["--force", "--channel-order", order];
        bench
            .adopt(&[&flags[..], &given].concat())
            .ends_with(0)
            .says(&["probe 4: ", &format!(" 0..1 {name}: mIoU")]);
        let card = fs::read_to_string(bench.path("bundle/card.md")).unwrap();
        assert!(!card.contains(&format!("{other}: mIoU")), "{card}");
        assert_eq!(card.contains("mIoU 1.000"), order == "bgr", "{card}");
        assert_eq!(card.contains("(Gather)"), order == "bgr", "{card}");
    }
}

#[test]
fn pictures_that_are_given_come_into_the_bundle_to_hold_engines_to() {
    let bench = Bench::new(&free());
    bench.pictures();
    let flags = ["--range", "0..1", "--images", "images"];
    bench
        .adopt(&flags)
        .ends_with(0)
        .says(&["put into the bundle: pictures"]);
    let bundle = bench.bundle();
    let held = bundle.pictures().unwrap();
    assert_eq!(held.len(), 3);
    let given = fs::read(bench.path("images/1.png")).unwrap();
    let is_given = |path: &PathBuf| fs::read(path).unwrap() == given;
    assert!(held.iter().any(is_given), "{held:?}");
    assert!(bundle.path().join("acceptance-1.png").is_file());
}

#[test]
fn a_reference_that_differs_is_a_failure_with_its_place() {
    let bench = Bench::new(&free());
    bench.pictures();
    let picture = image::open(bench.path("images/1.png")).unwrap().to_rgb8();
    let logits = |sign: f32| {
        let red = picture
            .pixels()
            .map(move |p| sign * (40.0 * f32::from(p.0[0]) / 255.0 - 20.0));
        red.collect::<Vec<f32>>()
    };
    fs::create_dir(bench.path("theirs")).unwrap();
    let both = [logits(1.0), logits(-1.0)].concat();
    write_npy(
        &bench.path("theirs/1.npy"),
        "(1, 2, 64, 96)",
        both.iter().copied(),
    );
    let flags = [
        "--range",
        "0..1",
        "--images",
        "images",
        "--reference",
        "theirs",
    ];
    bench
        .adopt(&flags)
        .ends_with(0)
        .says(&["reference: ", "the greatest difference is 0.0000"]);
    fs::remove_dir_all(bench.path("bundle")).unwrap();

    let mut wrong = both.clone();
    wrong[10 * 96 + 33] += 0.5;
    write_npy(
        &bench.path("theirs/1.npy"),
        "(1, 2, 64, 96)",
        wrong.into_iter(),
    );
    bench.refuses(&flags, &["column 33, row 10", "nothing was written"]);
    // labels: as many as differ
    let labels = both[..64 * 96]
        .iter()
        .map(|&v| f32::from(u8::from(v < 0.0)));
    write_npy(&bench.path("theirs/1.npy"), "(64, 96)", labels);
    bench.refuses(&flags, &["no output has that shape"]);
}

#[test]
fn broken_graphs_end_with_their_name_and_leave_nothing() {
    let change = |change: fn(&mut GraphProto)| {
        let mut model = free();
        change(model.graph.as_mut().unwrap());
        Bench::new(&model)
    };
    let range = ["--range", "0..1"];
    let cut = Bench::new(&free());
    let whole = free().bytes();
    fs::write(cut.path("own.onnx"), &whole[..whole.len() / 2]).unwrap();
    cut.refuses(&range, &["own.onnx", "at byte"]);
    change(|graph| graph.node[0].input[0] = "y".to_owned()).refuses(&range, &["cycle", "/y"]);
    change(|graph| graph.node[0].op_type = "Frobnicate".to_owned())
        .refuses(&range, &["Frobnicate", "/y"]);
    change(|graph| {
        graph.initializer[1] = TensorProto::float("b", &[2], &[f32::NAN; 2]);
    })
    .refuses(&range, &["\"b\"", "NaN"]);
    // infinite logits: nothing is NaN in the graph, and what comes out is
    change(|graph| {
        graph.initializer[1] = TensorProto::float("b", &[2], &[f32::INFINITY; 2]);
    })
    .refuses(&range, &["not finite", "no engine"]);
    Bench::new(&bytes()).refuses(
        &["--size", "640x480"],
        &["--size", "96 columns and 64 rows"],
    );
}

#[test]
fn a_broken_graph_ends_in_one_sentence_and_leaves_the_bundle_that_is_there() {
    let bench = Bench::new(&free());
    bench.adopt(&["--range", "0..1"]).ends_with(0);
    // two gigabytes that take no room
    let numbers = fs::File::create(bench.path("numbers")).unwrap();
    numbers.set_len(1 << 31).unwrap();
    let whole = free().bytes();
    let change = |change: &dyn Fn(&mut GraphProto)| {
        let mut model = free();
        change(model.graph.as_mut().unwrap());
        model.bytes()
    };
    let beside = |file: &str| {
        change(&|graph| {
            let tensor = &mut graph.initializer[0];
            (tensor.raw_data, tensor.data_location) = (None, EXTERNAL);
            tensor.external_data = vec![Pair {
                key: "location".to_owned(),
                value: file.to_owned(),
            }];
        })
    };
    let kinds = [
        (
            whole[..whole.len() / 2].to_vec(),
            vec!["own.onnx", "at byte"],
        ),
        (
            change(&|graph| graph.node[0].input[0] = "y".to_owned()),
            vec!["cycle", "/y"],
        ),
        (
            change(&|graph| graph.node[0].op_type = "Frobnicate".to_owned()),
            vec!["Frobnicate", "/y"],
        ),
        (
            beside("numbers"),
            vec!["\"numbers\"", "more than a bundle takes"],
        ),
        (beside("../numbers"), vec!["below the graph's folder"]),
        (
            change(&|graph| {
                graph.initializer[1] = TensorProto::float("b", &[2], &[f32::NAN; 2]);
            }),
            vec!["\"b\"", "NaN"],
        ),
    ];
    let names = || {
        let mut names: Vec<_> = fs::read_dir(bench.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = (snapshot(&bench.path("bundle")), names());
    for (graph, words) in kinds {
        fs::write(bench.path("own.onnx"), graph).unwrap();
        let run = bench.adopt(&["--range", "0..1", "--force"]);
        run.fails(&words);
        let errors = run
            .stderr
            .lines()
            .filter(|line| line.contains("cannot adopt"));
        assert_eq!(errors.count(), 1, "{}", run.stderr);
        assert!(
            (snapshot(&bench.path("bundle")), names()) == before,
            "something was written"
        );
    }
}

/// One size, and the labels are made by a comparison: no ArgMax, no logits.
fn labels_alone() -> Model {
    let axes = vec![Attribute::ints("axes", &[1]), Attribute::int("keepdims", 0)];
    let nodes = vec![
        node("Conv", &["x", "w", "b"], "y", vec![]),
        node("ReduceMax", &["y"], "most", axes),
        node("Greater", &["most", "b0"], "sure", vec![]),
        node(
            "Cast",
            &["sure"],
            "labels",
            vec![Attribute::int("to", i64::from(data_type::INT64))],
        ),
    ];
    let (w, h) = (i64::from(SIZE.0), i64::from(SIZE.1));
    let sides = |sides: &[i64]| -> Vec<DimensionValue> {
        let sides = sides.iter();
        sides.map(|&side| DimensionValue::Fixed(side)).collect()
    };
    let input = ValueInfo::tensor("x", data_type::FLOAT, &sides(&[1, 3, h, w]));
    let output = ValueInfo::tensor("labels", data_type::INT64, &sides(&[1, h, w]));
    let mut model = model(nodes, input, output);
    if let Some(graph) = &mut model.graph {
        graph
            .initializer
            .push(TensorProto::float("b0", &[], &[10.0]));
    }
    model
}

#[test]
fn labels_without_logits_make_a_bundle_for_an_observer_alone() {
    let bench = Bench::new(&labels_alone());
    bench.refuses(&["--range", "0..1"], &["no logits", "--classes"]);
    bench
        .adopt(&["--range", "0..1", "--classes", "classes.txt"])
        .ends_with(0)
        .says(&[
            "labels: \"labels\", 96x64, and no logits",
            "softmax, max-logit, entropy and energy are impossible",
            "rten runs it: a grey frame as 96x64 gives logits of 2x64x96",
        ]);
    assert!(bench.bundle().manifest().segmentation.labels_only);
    bench.pictures();
    for score in [&[][..], &["--score", "softmax"]] {
        let mut image = command("image");
        image.current_dir(bench.dir.path());
        image.args(["images/0.png", "--out", "out", "--bundle", "bundle"]);
        image.args(["--threshold", "0.4"]).args(score);
        finish(image).fails(&["labels only", "lookout-train observer"]);
    }
}

#[test]
fn a_bundle_that_was_written_by_hand_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    copy_bundle(folder.path());
    let check = || {
        let mut command = command("adopt");
        command.arg("--check").arg(folder.path());
        finish(command)
    };
    check()
        .ends_with(0)
        .says(&["11 classes, with an observer", "rten runs it"]);
    let path = folder.path().join("model.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("stride = 4", "stride = 5", 1)).unwrap();
    check().fails(&["model.toml:", "stride 5"]);
    fs::write(&path, text.replacen("stride = 4", "stride = 8", 1)).unwrap();
    check().fails(&["rten cannot run it", "shape"]);
}

#[test]
fn a_graph_and_a_place_are_needed() {
    finish(command("adopt")).ends_with(2);
    let bench = Bench::new(&free());
    bench
        .adopt(&["--range", "0..1", "--mean", "0,0,0", "--std", "1,1,1"])
        .ends_with(2);
    bench.adopt(&["--mean", "0,0"]).ends_with(2);
    bench.adopt(&["--size", "0x4"]).ends_with(2);
}
