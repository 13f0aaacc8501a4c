//! Each stage and the whole frame, at 480x360, on one thread, with rten and (where its library is
//! found) ONNX Runtime. The frames are CamVid's where they are there, else rendered.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use lookout::decide::{AnomalyMask, RegionFinder, Regions, Trapezoid, threshold};
use lookout::engine::{
    EngineKind, Mode, Options, Preprocessor, find_onnxruntime, input_size, open,
};
use lookout::frame::{CameraView, CompressedView, Decoder, Frame, file};
use lookout::model::{Bundle, ThresholdAt};
use lookout::paint::Painter;
use lookout::pipeline::{Judge, Pipeline, Settings};
use lookout::score::{ScoreKind, ScoreMap, score};
use lookout::time::{Stamp, SteppedClock};
use lookout_scene::{Drive, DriveConfig, Rendered};
use mimalloc::MiMalloc;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

/// As in the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Eight frames of 480x360.
fn frames() -> Vec<Frame> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/camvid/val/images");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    files.sort();
    if !files.is_empty() {
        return files
            .iter()
            .step_by(12)
            .take(8)
            .map(|p| file::read_image(p).unwrap())
            .collect();
    }
    let drive = Drive::new(DriveConfig::default()).unwrap();
    let mut out = Rendered::new();
    let one = |i: usize| {
        drive.render(i * 30, &mut out);
        Frame::from_rgb(Stamp::default(), out.width, out.height, out.rgb.clone()).unwrap()
    };
    (0..8).map(one).collect()
}

fn jpeg(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    let (width, height) = (frame.width() as u16, frame.height() as u16);
    encoder
        .encode(frame.pixels(), width, height, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    bytes
}

/// Compressed at level 6, all of it in one part.
fn png(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, frame.width(), frame.height());
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(frame.pixels()).unwrap();
    writer.finish().unwrap();
    bytes
}

/// What a camera sends to a frame, and beside it what the libraries do alone: without checking that all of
/// the picture is there.
fn decoding(group: &mut BenchmarkGroup<'_, WallTime>, frames: &[Frame]) {
    let jpegs: Vec<_> = frames.iter().map(jpeg).collect();
    let pngs: Vec<_> = frames.iter().map(png).collect();
    let (mut decoder, mut frame) = (Decoder::default(), Frame::new());
    for (format, files) in [("jpeg", &jpegs), ("png", &pngs)] {
        let mut next = files.iter().cycle();
        group.bench_function(format!("decode_{format}"), |b| {
            b.iter(|| {
                let view = CompressedView {
                    stamp: Stamp::default(),
                    format,
                    data: next.next().unwrap(),
                };
                decoder
                    .decode(&CameraView::Compressed(view), &mut frame)
                    .unwrap();
            });
        });
    }
    let mut rgb = vec![0; frames[0].pixels().len()];
    let mut next = jpegs.iter().cycle();
    group.bench_function("decode_jpeg_alone", |b| {
        b.iter(|| {
            let data = ZCursor::new(next.next().unwrap());
            JpegDecoder::new(data).decode_into(&mut rgb).unwrap();
        });
    });
    let mut next = pngs.iter().cycle();
    group.bench_function("decode_png_alone", |b| {
        b.iter(|| {
            let data = Cursor::new(next.next().unwrap());
            let mut reader = png::Decoder::new(data).read_info().unwrap();
            reader.next_frame(&mut rgb).unwrap();
        });
    });
}

fn stages(c: &mut Criterion) {
    let bundle = Bundle::shipped().unwrap();
    let manifest = bundle.manifest();
    let frames = frames();
    let mut next = (0..frames.len()).cycle();
    let mut group = c.benchmark_group("stage");

    decoding(&mut group, &frames);

    let mut preprocessor = Preprocessor::new(&manifest.input);
    group.bench_function("preprocess", |b| {
        b.iter(|| {
            let frame = &frames[next.next().unwrap()];
            let (w, h) = (frame.width(), frame.height());
            let size = input_size(&manifest.input, Mode::FULL.resolution, w, h).unwrap();
            preprocessor.run(frame, size).unwrap();
            black_box(preprocessor.planes());
        });
    });

    let mut engine = open(
        &bundle,
        Options {
            kind: EngineKind::Rten,
            threads: 1,
        },
    )
    .unwrap();
    let perception = engine.run(&frames[0], Mode::FULL).unwrap().clone();
    let mut map = ScoreMap::default();
    for kind in ScoreKind::ALL {
        group.bench_function(format!("score_{kind}"), |b| {
            b.iter(|| {
                let logits = black_box(perception.logits().unwrap());
                score(kind, logits, perception.observer(), &mut map).unwrap()
            });
        });
    }

    let kind = ScoreKind::OBSERVER;
    score(
        kind,
        perception.logits().unwrap(),
        perception.observer(),
        &mut map,
    )
    .unwrap();
    let limit = manifest
        .threshold(kind, Mode::FULL.name(), ThresholdAt::Fpr1)
        .unwrap();
    let (mut mask, mut finder, mut regions) = (
        AnomalyMask::default(),
        RegionFinder::default(),
        Regions::default(),
    );
    finder.min_area = 12;
    let corridor = Trapezoid::default();
    group.bench_function("decide", |b| {
        b.iter(|| {
            threshold(black_box(&map), limit, &mut mask);
            finder.find(&mask, &map, &corridor, &mut regions).unwrap();
        });
    });

    let (mut painter, mut overlay) = (Painter::default(), Vec::new());
    group.bench_function("paint_overlay", |b| {
        b.iter(|| painter.overlay(&frames[next.next().unwrap()], &mask, &mut overlay));
    });
    group.finish();
}

fn whole_frame(c: &mut Criterion) {
    let bundle = Bundle::shipped().unwrap();
    let frames = frames();
    let mut kinds = vec![EngineKind::Rten];
    if find_onnxruntime().is_ok() {
        kinds.push(EngineKind::Ort);
    }
    let mut group = c.benchmark_group("frame_480x360_one_thread");
    group
        .measurement_time(Duration::from_secs(8))
        .sample_size(40);
    for kind in kinds {
        for mode in [Mode::FULL, Mode::FULL_LOGITS] {
            let engine = open(&bundle, Options { kind, threads: 1 }).unwrap();
            let score = if mode.observer {
                ScoreKind::OBSERVER
            } else {
                ScoreKind::MaxLogit
            };
            let settings = Settings::fixed(
                mode,
                Judge {
                    score,
                    threshold: 0.6,
                },
            );
            let mut pipeline = Pipeline::new(engine, settings).unwrap();
            let clock = SteppedClock::default();
            let mut next = (0..frames.len()).cycle();
            group.bench_function(format!("{kind}/{mode}"), |b| {
                b.iter(|| pipeline.process(&frames[next.next().unwrap()], mode, &clock));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, stages, whole_frame);
criterion_main!(benches);
