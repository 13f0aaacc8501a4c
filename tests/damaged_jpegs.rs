//! Whether JPEGs whose data was lost, swapped or repeated on its way are told from whole ones.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use lookout::frame::{CameraView, CompressedView, Decoder, Frame, FrameError};
use lookout::time::Stamp;
use lookout_scene::{Drive, DriveConfig, Rendered};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

fn decode(data: &[u8]) -> Result<Frame, FrameError> {
    let mut frame = Frame::new();
    let view = CompressedView {
        stamp: Stamp::default(),
        format: "jpeg",
        data,
    };
    Decoder::default().decode(&CameraView::Compressed(view), &mut frame)?;
    Ok(frame)
}

/// What a viewer shows that makes the best of damaged data; `None` where it shows nothing.
fn shown(data: &[u8]) -> Option<Vec<u8>> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    { decoder }.decode().ok()
}

/// Whether more than 2 % of the pixels differ by more than 16 levels.
fn differs_visibly(whole: &[u8], damaged: &[u8]) -> bool {
    let pixels = whole.chunks_exact(3).zip(damaged.chunks_exact(3));
    let far = |a: &[u8], b: &[u8]| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 16);
    let different = pixels.filter(|(a, b)| far(a, b)).count();
    whole.len() != damaged.len() || different * 50 > whole.len() / 3
}

/// The picture, coded in one of all the ways that the crate knows.
fn encoded(frame: &Frame, rng: &mut Pcg64Mcg) -> Vec<u8> {
    const SAMPLING: [SamplingFactor; 3] = [
        SamplingFactor::F_1_1,
        SamplingFactor::F_2_1,
        SamplingFactor::F_2_2,
    ];
    let mut data = vec![];
    let mut encoder = Encoder::new(&mut data, [40, 75, 95][rng.random_range(0..3)]);
    encoder.set_sampling_factor(SAMPLING[rng.random_range(0..3)]);
    encoder.set_progressive(rng.random_bool(0.3));
    // not both: the encoder's optimised tables lack codes of the differences after a restart
    match rng.random_range(0..5) {
        0 | 1 => encoder.set_restart_interval([1, 7, 40][rng.random_range(0..3)]),
        2 | 3 => encoder.set_optimized_huffman_tables(true),
        _ => {}
    }
    let (width, height) = (frame.width() as u16, frame.height() as u16);
    encoder
        .encode(frame.pixels(), width, height, ColorType::Rgb)
        .unwrap();
    data
}

/// Where the coded data of the first scan begins.
fn coded_data(jpeg: &[u8]) -> usize {
    let mut at = 2;
    loop {
        let marker = jpeg[at + 1];
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if marker == 0xda {
            return at;
        }
    }
}

const KINDS: [&str; 4] = ["cut", "hole", "swapped", "repeated"];

/// The JPEG without a part of its coded data, or with parts of the size of packets swapped or
/// repeated; its end marker stays. `None` where it is too small for that.
fn damaged(jpeg: &[u8], kind: &str, rng: &mut Pcg64Mcg) -> Option<Vec<u8>> {
    let (head, rest) = jpeg.split_at(coded_data(jpeg));
    let (coded, end) = rest.split_at(rest.len().checked_sub(2)?);
    if coded.len() < 6000 {
        return None;
    }
    let packet = rng.random_range(512..1500);
    let hole = rng.random_range(512..3072);
    let at = rng.random_range(0..coded.len() - hole.max(2 * packet));
    let (before, after) = coded.split_at(at);
    let coded = match kind {
        "cut" => coded[..coded.len() * rng.random_range(20..95) / 100].to_vec(),
        "hole" => [before, &after[hole..]].concat(),
        "swapped" => {
            let (first, after) = after.split_at(packet);
            let (second, after) = after.split_at(packet);
            [before, second, first, after].concat()
        }
        _ => [before, &after[..packet], after].concat(),
    };
    Some([head, &coded, end].concat())
}

/// Eight frames of as many rendered drives.
fn pictures() -> Vec<Frame> {
    let mut out = Rendered::new();
    let frame = |seed| {
        let config = DriveConfig {
            seed,
            ..DriveConfig::default()
        };
        let drive = Drive::new(config).unwrap();
        drive.render(drive.frame_count() / 2, &mut out);
        Frame::from_rgb(Stamp::default(), out.width, out.height, out.rgb.clone()).unwrap()
    };
    (0..8).map(frame).collect()
}

/// Files of `tests/interop/write_jpegs.py`, by other encoders; none without the variable.
fn of_other_encoders() -> Vec<(String, Vec<u8>)> {
    let Ok(folder) = std::env::var("LOOKOUT_JPEGS") else {
        eprintln!("without other encoders: LOOKOUT_JPEGS names no folder");
        return vec![];
    };
    let files = std::fs::read_dir(Path::new(&folder)).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} is empty");
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap())
    };
    files.iter().map(read).collect()
}

#[test]
fn damaged_jpegs_are_refused_and_whole_ones_are_not() {
    let mut rng = Pcg64Mcg::seed_from_u64(3);
    let mut jpegs = of_other_encoders();
    let mut sources = pictures();
    let real = jpegs.iter().filter_map(|(_, jpeg)| decode(jpeg).ok());
    sources.extend(real.take(100));
    for i in 0..(jpegs.len() / 2).max(200) {
        let source = &sources[i % sources.len()];
        jpegs.push((format!("ours_{i}"), encoded(source, &mut rng)));
    }

    if std::env::var_os("LOOKOUT_JPEGS").is_some() {
        assert!(jpegs.len() >= 2000, "{} whole ones", jpegs.len());
    }
    let refused = jpegs.iter().filter_map(|(name, jpeg)| {
        let error = decode(jpeg).err()?;
        Some(format!("{name}: {error}"))
    });
    assert_eq!(refused.collect::<Vec<_>>(), [""; 0]);

    let (mut visible, mut missed, mut tried) = (0, vec![], 0);
    while tried < 1000 {
        let (name, jpeg) = &jpegs[rng.random_range(0..jpegs.len())];
        let kind = KINDS[tried % KINDS.len()];
        let Some(bad) = damaged(jpeg, kind, &mut rng) else {
            continue;
        };
        tried += 1;
        let whole = shown(jpeg).unwrap();
        if shown(&bad).is_none_or(|bad| differs_visibly(&whole, &bad)) {
            visible += 1;
            if decode(&bad).is_ok() {
                missed.push(format!("{name} {kind}"));
            }
        }
    }
    eprintln!(
        "{} whole, 1000 damaged, {visible} visibly; not found: {missed:?}",
        jpegs.len()
    );
    assert!(visible > 700, "{visible} of 1000 differ visibly");
    assert!(missed.len() * 100 <= visible, "of {visible}: {missed:?}");
}
