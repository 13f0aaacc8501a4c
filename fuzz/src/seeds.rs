//! Small inputs that are whole. Further ones lie in `seeds/TARGET`, and in `../shared/cases` where that is.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::Result;
use image::{ImageFormat, RgbImage, RgbaImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use lookout::bag::{BagWriter, Qos};
use lookout::msg::lifecycle_msgs::ChangeStateRequest;
use lookout::msg::parameters::{Parameter, SetParametersRequest};
use lookout::msg::std_srvs::SetBoolRequest;
use lookout::msg::{
    CameraInfo, Clock, CompressedImage, Header, Image, Odometry, RosMessage, Time, cdr,
};
use lookout::time::Stamp;
use rten_onnx::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TypeProto,
    ValueInfoProto,
};

use crate::targets::{self, Target};

/// Larger files are no good seeds: most changes of them change nothing.
const LONGEST: u64 = 64 << 10;

type Seeds = Vec<Vec<u8>>;

/// All seeds of a target.
pub(crate) fn of(target: &Target) -> Result<Seeds> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    gather(&here.join("seeds").join(target.name), &mut files);
    let mut cases = vec![];
    gather(&here.join("../../shared/cases"), &mut cases);
    cases.retain(|path| {
        let name = path.to_string_lossy();
        target.cases.iter().any(|end| name.ends_with(end))
    });
    files.append(&mut cases);
    files.sort();
    let mut seeds = (target.seeds)()?;
    for file in files {
        if fs::metadata(&file)?.len() <= LONGEST {
            seeds.push(fs::read(file)?);
        }
    }
    Ok(seeds)
}

/// All files below a folder, which need not be there.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => gather(&path, files),
            false => files.push(path),
        }
    }
}

fn drawn(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let texture = (x * 31 + y * 17 + x * y) % 64;
        image::Rgb([(x * 5 + texture) as u8, (y * 7) as u8, texture as u8 * 3])
    })
}

fn header(at: i32) -> Header {
    Header {
        stamp: Time {
            sec: at,
            nanosec: 500,
        },
        frame_id: "camera".to_owned(),
    }
}

fn raw_image(encoding: &str, bytes: u32, rows: u32) -> Image {
    let (width, height) = (8, 6);
    Image {
        header: header(1),
        height,
        width,
        encoding: encoding.to_owned(),
        is_bigendian: 0,
        step: width * bytes,
        data: (0..width * bytes * rows).map(|i| (i * 37) as u8).collect(),
    }
}

fn compressed_image(data: Vec<u8>) -> CompressedImage {
    CompressedImage {
        header: header(2),
        format: "rgb8; jpeg compressed bgr8".to_owned(),
        data,
    }
}

pub(crate) fn messages() -> Result<Seeds> {
    let mut seeds = vec![
        cdr::to_vec(&CameraInfo {
            header: header(3),
            distortion_model: "plumb_bob".to_owned(),
            d: vec![0.1, 0.2, 0.0, 0.0, 0.3],
            ..CameraInfo::default()
        })?,
        cdr::to_vec(&Odometry::default())?,
        cdr::to_vec(&Clock::default())?,
        cdr::to_vec(&SetParametersRequest {
            parameters: vec![
                Parameter {
                    name: "deadline_ms".to_owned(),
                    ..Parameter::default()
                };
                3
            ],
        })?,
        cdr::to_vec(&ChangeStateRequest::default())?,
        cdr::to_vec(&SetBoolRequest::default())?,
    ];
    for (encoding, bytes, rows) in [
        ("rgb8", 3, 6),
        ("bgra8", 4, 6),
        ("mono16", 2, 6),
        ("rgb16", 6, 6),
        ("yuv422_yuy2", 2, 6),
        ("nv12", 1, 9),
        ("bayer_grbg8", 1, 6),
        ("bayer_rggb16", 2, 6),
    ] {
        seeds.push(cdr::to_vec(&raw_image(encoding, bytes, rows))?);
    }
    for data in jpeg()?.into_iter().take(2).chain(png()?) {
        seeds.push(cdr::to_vec(&compressed_image(data))?);
    }
    Ok(seeds)
}

pub(crate) fn jpeg() -> Result<Seeds> {
    let mut seeds = vec![];
    let picture = drawn(40, 24);
    for (sampling, progressive, restart) in [
        (SamplingFactor::F_1_1, false, 0),
        (SamplingFactor::F_2_2, false, 0),
        (SamplingFactor::F_2_1, false, 2),
        (SamplingFactor::F_1_1, true, 0),
        (SamplingFactor::F_2_2, true, 0),
        (SamplingFactor::F_4_1, true, 0),
    ] {
        let mut data = vec![];
        let mut encoder = Encoder::new(&mut data, 70);
        encoder.set_sampling_factor(sampling);
        encoder.set_progressive(progressive);
        if restart > 0 {
            encoder.set_restart_interval(restart);
        }
        encoder.encode(&picture, 40, 24, ColorType::Rgb)?;
        seeds.push(data);
    }
    for (colour, channels) in [(ColorType::Luma, 1), (ColorType::Cmyk, 4)] {
        let mut data = vec![];
        let bytes: Vec<u8> = (0..40 * 24 * channels)
            .map(|i: u32| (i * 7) as u8)
            .collect();
        Encoder::new(&mut data, 60).encode(&bytes, 40, 24, colour)?;
        seeds.push(data);
    }
    Ok(seeds)
}

pub(crate) fn png() -> Result<Seeds> {
    use png::{BitDepth, ColorType};
    let mut seeds = vec![];
    for (colour, depth, animated) in [
        (ColorType::Grayscale, BitDepth::One, false),
        (ColorType::Grayscale, BitDepth::Eight, true),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen, false),
        (ColorType::Rgb, BitDepth::Eight, false),
        (ColorType::Rgb, BitDepth::Sixteen, false),
        (ColorType::Rgba, BitDepth::Eight, false),
        (ColorType::Indexed, BitDepth::Two, false),
        (ColorType::Indexed, BitDepth::Eight, false),
    ] {
        let mut out = vec![];
        let mut encoder = png::Encoder::new(&mut out, 11, 5);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == ColorType::Indexed {
            encoder.set_palette(vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
            encoder.set_trns(vec![0, 100]);
        }
        if animated {
            encoder.set_animated(2, 0)?;
        }
        let row = (11 * colour.samples() * depth as usize).div_ceil(8);
        let bytes: Vec<u8> = (0..5 * row).map(|i| (i * 3 % 4) as u8).collect();
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        if animated {
            writer.write_image_data(&bytes)?;
        }
        writer.finish()?;
        seeds.push(out);
    }
    Ok(seeds)
}

pub(crate) fn webp() -> Result<Seeds> {
    let mut rgb = Cursor::new(vec![]);
    drawn(20, 14).write_to(&mut rgb, ImageFormat::WebP)?;
    let mut rgba = Cursor::new(vec![]);
    let picture = RgbaImage::from_fn(9, 7, |x, y| {
        image::Rgba([x as u8 * 20, y as u8 * 30, 5, 200])
    });
    picture.write_to(&mut rgba, ImageFormat::WebP)?;
    Ok(vec![rgb.into_inner(), rgba.into_inner()])
}

/// A bag of ours, with chunks that are compressed, and one without chunks.
pub(crate) fn mcap() -> Result<Seeds> {
    let folder = tempfile::tempdir()?;
    let bag = folder.path().join("seed");
    let mut writer = BagWriter::create(&bag, "seed")?;
    let raw = writer.add_topic::<Image>("/camera/image_raw", Qos::Sensor)?;
    let coded = writer.add_topic::<CompressedImage>("/camera/compressed", Qos::Sensor)?;
    let jpeg = jpeg()?.swap_remove(1);
    for at in 0..4i64 {
        let time = Stamp::from_nanos(1_700_000_000_000_000_000 + at * 100_000_000);
        writer.write(raw, time, &raw_image("rgb8", 3, 6))?;
        writer.write(coded, time, &compressed_image(jpeg.clone()))?;
        if at == 1 {
            writer.flush()?;
        }
    }
    writer.finish()?;
    let ours = fs::read(bag.join("seed_0.mcap"))?;

    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let record = |opcode: u8, parts: &[&[u8]]| {
        let body = parts.concat();
        [&[opcode][..], &(body.len() as u64).to_le_bytes(), &body].concat()
    };
    let schema = record(
        3,
        &[&[1, 0], &text(Image::TYPE), &text("ros2msg"), &text("")],
    );
    let channel = record(
        4,
        &[&[9, 0], &[1, 0], &text("/image"), &text("cdr"), &[0; 4]],
    );
    let message = cdr::to_vec(&raw_image("mono8", 1, 6))?;
    let message = record(5, &[&[9, 0], &[0; 4], &[7; 8], &[7; 8], &message]);
    let inside = [&schema[..], &channel, &message, &message].concat();
    let size = (inside.len() as u64).to_le_bytes();
    let chunk = record(6, &[&[0; 16], &size, &[0; 4], &text(""), &size, &inside]);
    let end = record(15, &[&[0; 4]]);
    let magic = b"\x89MCAP0\r\n";
    let bare = [&magic[..], &inside, &message, &end].concat();
    let chunked = [&magic[..], &chunk, &chunk, &end].concat();
    Ok(vec![bare, chunked, ours])
}

pub(crate) fn sqlite() -> Result<Seeds> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("seed.db3");
    let db = rusqlite::Connection::open(&path)?;
    db.execute_batch(
        "PRAGMA page_size = 512;
         CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, \
         serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);
         CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp \
         INTEGER NOT NULL, data BLOB NOT NULL);
         CREATE INDEX timestamp_idx ON messages (timestamp ASC);
         INSERT INTO topics VALUES (1, '/image', 'sensor_msgs/msg/Image', 'cdr', ''), \
         (2, '/flag', 'std_msgs/msg/Bool', 'cdr', '');",
    )?;
    let image = cdr::to_vec(&raw_image("bgr8", 3, 6))?;
    for time in 0..12 {
        db.execute(
            "INSERT INTO messages(topic_id, timestamp, data) VALUES (?1, ?2, ?3)",
            rusqlite::params![1 + time % 2, time * 1000, image],
        )?;
    }
    db.close().map_err(|(_, error)| error)?;
    Ok(vec![fs::read(path)?])
}

pub(crate) fn metadata() -> Result<Seeds> {
    let folder = tempfile::tempdir()?;
    let bag = folder.path().join("bag");
    let mut writer = BagWriter::create(&bag, "bag")?;
    writer.add_topic::<Image>("/camera/image_raw", Qos::Sensor)?;
    writer.finish()?;
    Ok(vec![fs::read(bag.join("metadata.yaml"))?])
}

/// What the manifests of the seeds name: a model with nothing in it.
pub(crate) const GRAPH: &[u8] = &[0x08, 0x08];

/// A manifest of one graph with this hash.
pub(crate) fn manifest_of(hash: &str) -> String {
    format!(
        r#"format = 1
name = "seed"
version = "0.1.0"
description = "nothing"
[input]
mean = [0.4, 0.4, 0.4]
std = [0.3, 0.3, 0.3]
full_height = 352
reduced_height = 224
[segmentation]
file = "graph.onnx"
sha256 = "{hash}"
image = "image"
logits = "logits"
stride = 4
activations = ["a", "b"]
[observer]
file = "graph.onnx"
sha256 = "{hash}"
output = "observer"
[[head]]
name = "distance"
file = "graph.onnx"
sha256 = "{hash}"
inputs = ["logits", "b"]
output = "distance"
kind = "energy"
center = 1.5
scale = 2
[provenance]
data = "none"
licence = "none"
training = "none"
[[class]]
name = "road"
color = [128, 64, 128]
[[class]]
name = "sky"
color = [0, 0, 255]
[[threshold]]
score = "observer"
mode = "full+observer"
tpr95 = 0.5
fpr1 = 0.7
calibration = "none"
"#
    )
}

pub(crate) fn manifest() -> Result<Seeds> {
    let whole = manifest_of(&targets::hash(GRAPH));
    let shipped = include_str!("../../models/road/model.toml");
    let one_size = whole
        .replace(
            "full_height = 352",
            "fixed = { width = 97, height = 65, fit = \"letterbox\" }",
        )
        .replace("reduced_height = 224\n", "")
        .replace("tpr95 = 0.5\n", "")
        + "[acceptance]\nlabel_agreement = 0.9\n";
    let seeds = [whole, shipped.to_owned(), one_size];
    Ok(seeds.map(String::into_bytes).into())
}

pub(crate) fn graph() -> Result<Seeds> {
    let tensor = |name: &str| TensorProto {
        name: Some(name.to_owned()),
        dims: vec![2, 2],
        float_data: vec![0.5; 4],
        int64_data: vec![1, -1, 300],
        double_data: vec![0.25; 2],
        ..TensorProto::default()
    };
    let value = |name: &str| ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto::default()),
    };
    let attribute = |name: &str| AttributeProto {
        name: Some(name.to_owned()),
        i: Some(-1),
        ints: vec![1, 2, 3],
        floats: vec![0.5, 0.25],
        ..AttributeProto::default()
    };
    let node = |attributes: Vec<AttributeProto>| NodeProto {
        name: Some("/layer/Conv".to_owned()),
        op_type: Some("Conv".to_owned()),
        input: vec!["image".to_owned(), "weight".to_owned()],
        output: vec!["logits".to_owned()],
        attribute: attributes,
        ..NodeProto::default()
    };
    let graph = |nodes| GraphProto {
        node: nodes,
        initializer: vec![tensor("weight"), tensor("bias")],
        input: vec![value("image")],
        output: vec![value("logits")],
        ..GraphProto::default()
    };
    let plain = graph(vec![node(vec![attribute("pads")]); 3]);
    let constant = AttributeProto {
        t: Some(tensor("constant")),
        ..attribute("value")
    };
    let body = AttributeProto {
        g: Some(plain.clone()),
        ..attribute("body")
    };
    let nested = graph(vec![node(vec![constant]), node(vec![body])]);
    let mut seeds = vec![GRAPH.to_vec()];
    for graph in [plain, nested] {
        let model = ModelProto {
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto {
                domain: None,
                version: Some(17),
            }],
            ..ModelProto::default()
        };
        seeds.push(model.write_buf()?);
    }
    Ok(seeds)
}

pub(crate) fn camera() -> Result<Seeds> {
    Ok([
        include_str!("../../calibration/cameras/plumb_bob.yaml"),
        include_str!("../../calibration/cameras/rational_polynomial.yaml"),
        include_str!("../../calibration/cameras/equidistant.yaml"),
    ]
    .map(|text| text.as_bytes().to_vec())
    .into())
}

pub(crate) fn parameters() -> Result<Seeds> {
    let shipped = include_str!("../../launch/config/lookout.param.yaml");
    let lists =
        "/**:\n  ros__parameters:\n    a: [1, 2]\n    b: {c: true, d: &x 0o17}\n    e: *x\n";
    let places =
        "/ns:\n  lookout:\n    ros__parameters: {supervisor.hits: 3}\n  '*': {ros__parameters: }\n";
    let arguments = "lookout:camera.deadline_ms:=100\n/image:=/camera/{node}/~image\n__ns:=/a\n";
    Ok([shipped, lists, places, arguments]
        .map(|text| text.as_bytes().to_vec())
        .into())
}
