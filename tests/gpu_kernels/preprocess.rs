//! Preprocessing: every encoding, odd sizes, padding, growing and shrinking.
#![allow(unsafe_code, reason = "kernels are launched with addresses")]

use std::path::Path;
use std::time::Instant;

use lookout::engine::tensorrt::kernels::{
    FrameParams, InputParams, PREPROCESS, PREPROCESS_BLOCK, Taps, preprocess_grid,
};
use lookout::engine::{Area, Placement, Preprocessor, Resolution, input_size};
use lookout::frame::{Encoding, Frame, FrameError, file};
use lookout::model::{Bundle, Input};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use crate::library::{argument, launch};
use crate::message::{Message, suits};

fn input() -> Input {
    Bundle::shipped().unwrap().manifest().input.clone()
}

/// What is in no plane: a kernel that leaves a place out leaves this there.
const UNWRITTEN: f32 = -12345.0;

/// What the kernel is told of a message, and the tables that it is told of.
struct Frames {
    params: FrameParams,
    _tables: [Box<[u32]>; 2],
}

/// At an address that 4 divides, and not a byte more.
fn aligned(taps: &Taps) -> Box<[u32]> {
    let mut bytes = taps.bytes().to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let words = bytes.as_chunks::<4>().0.iter();
    words.map(|&word| u32::from_ne_bytes(word)).collect()
}

/// For a frame of that size in the input.
fn frames(message: &Message, size: (u32, u32)) -> Frames {
    let (width, height) = message.size;
    let tables = [(width, size.0), (height, size.1)]
        .map(|(source, target)| aligned(&Taps::new(source, target).unwrap()));
    Frames {
        params: FrameParams {
            pixels: message.data.as_ptr() as u64,
            columns: tables[0].as_ptr() as u64,
            rows: tables[1].as_ptr() as u64,
            width,
            height,
            step: message.step,
            encoding: FrameParams::encoding_number(message.encoding),
            big_endian: message.big_endian.into(),
            reserved: 0,
        },
        _tables: tables,
    }
}

fn kernel(frames: &Frames, size: (u32, u32), input: &Input) -> Vec<f32> {
    placed(frames, size, Area::all(size), input)
}

fn placed(frames: &Frames, size: (u32, u32), picture: Area, input: &Input) -> Vec<f32> {
    let mut out = vec![UNWRITTEN; 3 * size.0 as usize * size.1 as usize];
    // The kernel gets the bytes that a device would get, in words to be aligned.
    let bytes = frames.params.to_bytes();
    let words: Vec<u64> = bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|&word| u64::from_ne_bytes(word))
        .collect();
    let (frame, to) = (words.as_ptr(), out.as_mut_ptr());
    let params = InputParams::new(input, size, picture);
    let mut arguments = [argument(&frame), argument(&to), argument(&params)];
    // SAFETY: types and order are those of `preprocess`; message and tables belong together.
    unsafe {
        let grid = preprocess_grid(size);
        launch(PREPROCESS, grid, PREPROCESS_BLOCK, &mut arguments);
    }
    out
}

fn cpu_path(message: &Message, size: (u32, u32), input: &Input) -> Vec<f32> {
    let mut preprocessor = Preprocessor::new(input);
    preprocessor.run(&message.decode().unwrap(), size).unwrap();
    preprocessor.planes().to_vec()
}

/// Where the kernel differs from the CPU path, in words.
fn difference(message: &Message, size: (u32, u32), input: &Input) -> Option<String> {
    let expected = cpu_path(message, size, input);
    let found = kernel(&frames(message, size), size, input);
    assert_eq!(found.len(), expected.len());
    let differs = |at: &usize| found[*at].to_bits() != expected[*at].to_bits();
    let first = (0..found.len()).find(differs)?;
    Some(format!(
        "{} {:?} step {} to {size:?}: {} of {} values, at {first} {} for {}",
        message.encoding,
        message.size,
        message.step,
        (0..found.len()).filter(differs).count(),
        found.len(),
        found[first],
        expected[first],
    ))
}

fn assert_same(message: &Message, size: (u32, u32), input: &Input) {
    if let Some(difference) = difference(message, size, input) {
        panic!("{difference}");
    }
}

#[test]
fn every_encoding_and_every_awkward_size() {
    let input = input();
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let sources = [
        (1, 1),
        (1, 7),
        (7, 1),
        (2, 2),
        (2, 3),
        (3, 2),
        (4, 6),
        (33, 17),
        (64, 48),
        (250, 122),
        (321, 241),
    ];
    let targets = [(1, 1), (32, 32), (96, 64), (67, 41)];
    for encoding in Encoding::ALL {
        for source in sources {
            for (at, target) in targets.into_iter().enumerate() {
                let (padding, big_endian) = ([0, 1, 6, 64][at], at % 2 == 1);
                let message = Message::random(encoding, source, padding, big_endian, &mut random);
                if suits(encoding, source) {
                    assert_same(&message, target, &input);
                } else {
                    let refused = matches!(message.decode(), Err(FrameError::BadSize { .. }));
                    assert!(refused, "{encoding} {source:?}");
                }
            }
        }
    }
}

#[test]
fn a_camera_4096_wide() {
    let input = input();
    let mut random = Pcg64Mcg::seed_from_u64(4);
    for encoding in Encoding::ALL {
        let message = Message::random(encoding, (4096, 542), 4, true, &mut random);
        assert_same(&message, (640, 96), &input);
    }
}

#[test]
fn a_frame_that_does_not_fill_the_input_lies_where_the_cpu_path_puts_it() {
    let input = input();
    let mut random = Pcg64Mcg::seed_from_u64(9);
    for encoding in Encoding::ALL {
        let message = Message::random(encoding, (64, 48), 0, false, &mut random);
        for (x, y, width, height) in [
            (0, 8, 97, 50),
            (20, 0, 40, 65),
            (1, 2, 3, 4),
            (96, 64, 1, 1),
        ] {
            let picture = Area {
                x,
                y,
                width,
                height,
            };
            let placement = Placement {
                input: (97, 65),
                picture,
                logits: (97, 65),
                cells: picture,
            };
            let mut preprocessor = Preprocessor::new(&input);
            let frame = message.decode().unwrap();
            preprocessor.place(&frame, &placement).unwrap();
            let found = placed(
                &frames(&message, (width, height)),
                (97, 65),
                picture,
                &input,
            );
            let same = found.iter().zip(preprocessor.planes());
            assert!(
                same.clone().all(|(a, b)| a.to_bits() == b.to_bits()),
                "{encoding} {picture:?}"
            );
        }
    }
}

#[test]
fn real_pictures_at_both_resolutions() {
    let input = input();
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/camvid/val/images");
    let Ok(entries) = std::fs::read_dir(&pictures) else {
        eprintln!("skipped, no {}", pictures.display());
        return;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    // One in ten; the drive is filmed at few frames a second, so they differ.
    let frames: Vec<Frame> = paths
        .iter()
        .step_by(10)
        .map(|path| file::read_image(path).unwrap())
        .collect();
    assert!(frames.len() >= 10, "{} pictures", frames.len());
    for (at, frame) in frames.iter().enumerate() {
        for encoding in Encoding::ALL {
            let message = Message::of(frame, encoding, at as u32);
            for resolution in [Resolution::Full, Resolution::Reduced] {
                let size = input_size(&input, resolution, frame.width(), frame.height());
                assert_same(&message, size.unwrap(), &input);
            }
        }
    }
}

#[test]
fn what_does_not_fit_gives_nan() {
    let input = input();
    let mut random = Pcg64Mcg::seed_from_u64(5);
    let (source, size) = ((64, 48), (96, 64));
    let message = Message::random(Encoding::Rgb8, source, 0, false, &mut random);
    let expect_nan = |what: &str, change: &dyn Fn(&mut FrameParams)| {
        let mut frames = frames(&message, size);
        change(&mut frames.params);
        let out = kernel(&frames, size, &input);
        assert!(out.iter().all(|value| value.is_nan()), "{what}");
    };
    expect_nan("an unknown encoding", &|params| {
        params.encoding = Encoding::ALL.len() as u32;
    });
    expect_nan("the width of another frame", &|params| params.width += 1);
    expect_nan("the height of another frame", &|params| params.height += 1);
    for other in [(95, 64), (96, 63)] {
        let tables = frames(&message, other);
        let out = kernel(&tables, size, &input);
        assert!(
            out.iter().all(|value| value.is_nan()),
            "tables to {other:?}"
        );
    }
}

#[test]
#[ignore = "prints times"]
fn times_on_this_cpu() {
    let input = input();
    let mut random = Pcg64Mcg::seed_from_u64(6);
    eprintln!("| encoding | 640x480 | 1920x1080 | 3840x2160 |\n|---|---|---|---|");
    for encoding in Encoding::ALL {
        let times = [(640, 480), (1920, 1080), (3840, 2160)].map(|source| {
            let message = Message::random(encoding, source, 0, false, &mut random);
            let frames = frames(&message, (640, 352));
            let start = Instant::now();
            kernel(&frames, (640, 352), &input);
            format!("{:.1} ms", start.elapsed().as_secs_f64() * 1e3)
        });
        eprintln!("| {encoding} | {} |", times.join(" | "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        // Faults are planted on purpose, and what finds them is no regression.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn any_message_is_preprocessed_as_on_the_cpu_path(
        encoding in 0..Encoding::ALL.len(),
        (width, height) in (1u32..200, 1u32..120),
        padding in 0u32..9,
        target in (1u32..160, 1u32..100),
        big_endian: bool,
        seed: u64,
    ) {
        let encoding = Encoding::ALL[encoding];
        let size = match encoding {
            _ if suits(encoding, (width, height)) => (width, height),
            _ => (width.next_multiple_of(2), height.next_multiple_of(2)),
        };
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let message = Message::random(encoding, size, padding, big_endian, &mut random);
        let difference = difference(&message, target, &input());
        prop_assert!(difference.is_none(), "{}", difference.unwrap_or_default());
    }
}
