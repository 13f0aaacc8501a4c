//! What reads the inputs, through lookout's own interface. Each returns what the reader says.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use lookout::bag::{BagReader, Limits, MessageBuf};
use lookout::calibration::CameraFile;
use lookout::decide::{Calibration, Camera, Ground};
use lookout::frame::file::read_image;
use lookout::frame::{CameraView, CompressedView, Decoder, Frame, ImageView, QualityMeter};
use lookout::model::Bundle;
use lookout::msg::lifecycle_msgs::ChangeStateRequest;
use lookout::msg::parameters::{ListParametersRequest, ParameterNames, SetParametersRequest};
use lookout::msg::std_srvs::SetBoolRequest;
use lookout::msg::{
    CameraInfo, Clock, CompressedImage, CompressedImageRef, Image, ImageRef, Odometry, RosMessage,
    cdr,
};
use lookout::ros::arguments::{Arguments, ParamsFile};
use lookout::ros::names::NodeName;
use lookout::time::Stamp;
use rten_onnx::onnx::ModelProto;
use sha2::{Digest, Sha256};

use crate::formats::{self, Format};
use crate::{adoption, seeds};

/// A reader of one kind of input.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) format: &'static Format,
    /// Ends of the names of files of `../shared/cases` that are seeds too.
    pub(crate) cases: &'static [&'static str],
    pub(crate) seeds: fn() -> anyhow::Result<Vec<Vec<u8>>>,
    /// Reads an input, in a folder of its own; returns what the reader says.
    pub(crate) run: fn(&Path, &[u8]) -> String,
}

pub(crate) static TARGETS: [Target; 12] = [
    Target {
        name: "mcap",
        format: &formats::MCAP,
        cases: &[".mcap"],
        seeds: seeds::mcap,
        run: |folder, input| bag(&put(folder, "bag.mcap", input)),
    },
    Target {
        name: "sqlite",
        format: &formats::SQLITE,
        cases: &[".db3"],
        seeds: seeds::sqlite,
        run: |folder, input| bag(&put(folder, "bag.db3", input)),
    },
    Target {
        name: "metadata",
        format: &formats::TEXT,
        cases: &["metadata.yaml"],
        seeds: seeds::metadata,
        run: metadata,
    },
    Target {
        name: "message",
        format: &formats::CDR,
        cases: &[],
        seeds: seeds::messages,
        run: |_, input| messages(input),
    },
    Target {
        name: "jpeg",
        format: &formats::JPEG,
        cases: &[".jpg"],
        seeds: seeds::jpeg,
        run: picture,
    },
    Target {
        name: "png",
        format: &formats::PNG,
        cases: &[".png"],
        seeds: seeds::png,
        run: picture,
    },
    Target {
        name: "webp",
        format: &formats::WEBP,
        cases: &[],
        seeds: seeds::webp,
        run: picture,
    },
    Target {
        name: "manifest",
        format: &formats::TEXT,
        cases: &["model.toml"],
        seeds: seeds::manifest,
        run: |folder, input| {
            put(folder, "graph.onnx", seeds::GRAPH);
            bundle(folder, input)
        },
    },
    Target {
        name: "graph",
        format: &formats::PROTOBUF,
        cases: &[".onnx"],
        seeds: seeds::graph,
        run: graph,
    },
    Target {
        name: "adopt",
        format: &formats::PROTOBUF,
        cases: &[".onnx"],
        seeds: adoption::seeds,
        run: adoption::adopt,
    },
    Target {
        name: "parameters",
        format: &formats::TEXT,
        cases: &[],
        seeds: seeds::parameters,
        run: parameters,
    },
    Target {
        name: "camera",
        format: &formats::TEXT,
        cases: &[],
        seeds: seeds::camera,
        run: camera,
    },
];

/// What this program itself is tried on: readers that fail on every input that does not begin as the seed.
pub(crate) static BROKEN: [Target; 2] = [
    Target {
        name: "panics",
        format: &formats::TEXT,
        cases: &[],
        seeds: seeds::metadata,
        run: |_, input| {
            assert!(input.starts_with(b"rosbag2"), "another beginning");
            String::new()
        },
    },
    Target {
        name: "grows",
        format: &formats::TEXT,
        cases: &[],
        seeds: seeds::metadata,
        run: |_, input| match input.starts_with(b"rosbag2") {
            true => String::new(),
            false => format!("{} bytes", std::hint::black_box(vec![0u8; 1 << 30]).len()),
        },
    },
];

fn put(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    if let Err(error) = fs::write(&path, bytes) {
        panic!("cannot write {}: {error}", path.display());
    }
    path
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds to an end; a text takes anything.
macro_rules! say {
    ($end:expr, $($what:tt)*) => {{
        let _ = write!($end, $($what)*);
    }};
}

/// Lower than the defaults, which are for pictures of 50 megapixels: what is copied is bounded by them, and
/// it is copied twice.
const LIMITS: Limits = Limits {
    record: 64 << 20,
    inflated_file: 64 << 20,
};

/// Plays a bag as `replay` does, and with `--recover`.
fn bag(path: &Path) -> String {
    let mut end = String::new();
    for recover in [false, true] {
        let opened = match recover {
            true => BagReader::open_recovering_with(path, LIMITS),
            false => BagReader::open_with(path, LIMITS),
        };
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(error) => {
                say!(end, "{error}; ");
                continue;
            }
        };
        match reader.select(None) {
            Ok(_) => say!(end, "plays; "),
            Err(error) => say!(end, "{error}; "),
        }
        let mut message = MessageBuf::new();
        let mut count = 0u32;
        loop {
            match reader.read_next(&mut message) {
                Ok(true) if count < 3 => say!(end, "{}; ", frame(&message)),
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    say!(end, "{error}; ");
                    break;
                }
            }
            count += 1;
        }
        let _ = reader.lost();
        for gap in reader.gaps().list().iter().take(3) {
            say!(end, "{}; ", gap.reason);
        }
        let _ = reader.gaps().seconds();
    }
    end
}

/// What becomes of a message of a camera.
fn frame(message: &MessageBuf) -> String {
    match message.type_name() {
        Image::TYPE => match cdr::from_slice(message.data()) {
            Ok(image) => raw(&image),
            Err(error) => error.to_string(),
        },
        CompressedImage::TYPE => match cdr::from_slice(message.data()) {
            Ok(image) => compressed(&image),
            Err(error) => error.to_string(),
        },
        _ => "another".to_owned(),
    }
}

fn raw(image: &ImageRef<'_>) -> String {
    decode(CameraView::Raw(ImageView {
        stamp: Stamp::from(image.header.stamp),
        width: image.width,
        height: image.height,
        encoding: image.encoding,
        is_bigendian: image.is_bigendian != 0,
        step: image.step,
        data: image.data,
    }))
}

fn compressed(image: &CompressedImageRef<'_>) -> String {
    decode(CameraView::Compressed(CompressedView {
        stamp: Stamp::from(image.header.stamp),
        format: image.format,
        data: image.data,
    }))
}

fn decode(view: CameraView<'_>) -> String {
    let mut frame = Frame::new();
    match Decoder::default().decode(&view, &mut frame) {
        Ok(()) => {
            let whole = u64::from(frame.width()) * u64::from(frame.height()) * 3;
            assert_eq!(
                frame.pixels().len() as u64,
                whole,
                "a frame of another size"
            );
            let _ = QualityMeter::default().measure(&frame);
            "a frame".to_owned()
        }
        Err(error) => {
            assert!(frame.is_empty(), "an error that leaves a picture");
            error.to_string()
        }
    }
}

/// A picture as a camera's message and as a file.
fn picture(folder: &Path, input: &[u8]) -> String {
    let stamp = Stamp::default();
    let format = "rgb8; jpeg compressed bgr8";
    let view = CompressedView {
        stamp,
        format,
        data: input,
    };
    let mut end = decode(CameraView::Compressed(view));
    match read_image(&put(folder, "picture", input)) {
        Ok(_) => end += "; a picture",
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            say!(end, "; {}", cause.unwrap_or_default());
        }
    }
    end
}

fn metadata(folder: &Path, input: &[u8]) -> String {
    if !folder.join("bag_0.mcap").exists() {
        let whole = seeds::mcap().ok().and_then(|mut seeds| seeds.pop());
        put(folder, "bag_0.mcap", &whole.unwrap_or_default());
    }
    put(folder, "metadata.yaml", input);
    bag(folder)
}

/// Everything that the node gets from others.
fn messages(input: &[u8]) -> String {
    let mut end = String::new();
    macro_rules! read {
        ($($kind:ty),*) => {$(
            match cdr::from_slice::<$kind>(input) {
                Ok(_) => end += "whole; ",
                Err(error) => say!(end, "{error}; "),
            }
        )*};
    }
    read!(
        Odometry,
        Clock,
        ParameterNames,
        SetParametersRequest,
        ListParametersRequest,
        ChangeStateRequest,
        SetBoolRequest
    );
    match cdr::from_slice::<CameraInfo>(input) {
        Ok(info) => say!(end, "{}; ", looks(&info.calibration(false))),
        Err(error) => say!(end, "{error}; "),
    }
    match cdr::from_slice::<ImageRef<'_>>(input) {
        Ok(image) => end += &raw(&image),
        Err(error) => say!(end, "{error}; "),
    }
    match cdr::from_slice::<CompressedImageRef<'_>>(input) {
        Ok(image) => end += &compressed(&image),
        Err(error) => say!(end, "{error}; "),
    }
    end
}

/// How an end begins where a bundle was loaded.
const A_BUNDLE: &str = "a bundle";

fn bundle(folder: &Path, manifest: &[u8]) -> String {
    put(folder, "model.toml", manifest);
    match Bundle::load(folder) {
        Ok(bundle) => format!(
            "{A_BUNDLE} of {} thresholds",
            bundle.manifest().thresholds.len()
        ),
        Err(error) => error.to_string(),
    }
}

/// A graph in a bundle; what passes there is given to the reader of rten too.
fn graph(folder: &Path, input: &[u8]) -> String {
    put(folder, "graph.onnx", input);
    let manifest = seeds::manifest_of(&hash(input));
    let mut end = bundle(folder, manifest.as_bytes());
    if end.starts_with(A_BUNDLE) {
        match ModelProto::parse_buf(input) {
            Ok(model) => say!(end, "; a model: {}", model.graph.is_some()),
            Err(error) => say!(end, "; {error}"),
        }
    }
    end
}

/// A camera's file, what its pixels see, and the ground under it.
fn camera(folder: &Path, input: &[u8]) -> String {
    let file = match CameraFile::read(&put(folder, "camera.yaml", input)) {
        Ok(file) => file,
        Err(error) => return error.to_string(),
    };
    let mut end = looks(&file.calibration);
    if let (Ok(camera), Some(mount)) = (Camera::new(&file.calibration), file.mount) {
        match Ground::new(camera, mount) {
            Ok(ground) => say!(end, "; ground at {:?}", ground.point(0.0, 0.0)),
            Err(error) => say!(end, "; {error}"),
        }
    }
    end
}

fn looks(calibration: &Calibration) -> String {
    match Camera::new(calibration) {
        Ok(camera) => {
            let (width, height) = camera.image_size();
            let ray = camera.ray(f64::from(width) / 3.0, f64::from(height));
            format!("{width}x{height}, looks along {ray:?}")
        }
        Err(error) => error.to_string(),
    }
}

fn parameters(folder: &Path, input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let mut end = String::new();
    match ParamsFile::read(&put(folder, "parameters.yaml", input)) {
        Ok(file) => {
            if let Ok(node) = NodeName::new("/", "lookout") {
                let mine = file.of(&node).count();
                say!(end, "{} nodes; {mine} parameters", file.nodes().count());
            }
        }
        Err(error) => say!(end, "{error}"),
    }
    // each line as an argument too
    for line in text.lines().take(5) {
        let arguments = ["--ros-args", "-p", line, "-r", line].map(str::to_owned);
        if let Err(error) = Arguments::parse(&arguments) {
            say!(end, "; {error}");
        }
    }
    end
}
