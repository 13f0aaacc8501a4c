//! Judging: every score, class counts, sizes around the block's, numbers that are none.
#![allow(unsafe_code, reason = "kernels are launched with addresses")]

use std::time::Instant;

use lookout::decide::{AnomalyMask, MaskStats, threshold};
use lookout::engine::tensorrt::kernels::{
    BlockCounts, JUDGE, JUDGE_BLOCK, JudgeParams, fold, judge_grid,
};
use lookout::engine::{Area, Placement};
use lookout::score::{NO_CLASS, Planes, ScoreKind, ScoreMap, ScoreStats, argmax, score};
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::library::{argument, launch};

/// Logits of one frame.
struct Logits {
    size: (usize, usize),
    classes: usize,
    values: Box<[f32]>,
    /// What a head gave.
    head: Option<Box<[f32]>>,
    center_and_scale: (f32, f32),
}

impl Logits {
    fn random(size: (usize, usize), classes: usize, random: &mut impl Rng) -> Self {
        let pixels = size.0 * size.1;
        // Networks give values between -20 and 40 or so; 100 takes the exponential past its floor.
        let spread = [1.0f32, 20.0, 100.0][random.random_range(0..3)];
        let mut plane = |len: usize| -> Box<[f32]> {
            (0..len)
                .map(|_| random.random_range(-spread..spread))
                .collect()
        };
        Self {
            size,
            classes,
            values: plane(pixels * classes),
            head: Some(plane(pixels)),
            // a logit, a probability, an energy
            center_and_scale: [(0.0, 1.0), (0.5, 1.0 / 24.0), (12.3, 4.5)]
                [random.random_range(0..3)],
        }
    }

    fn pixels(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Ties, what is not finite, and what is only just.
    fn spoil(mut self, random: &mut impl Rng) -> Self {
        let odd = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE / 4.0,
            -0.0,
            0.0,
            12.0,
        ];
        let head = self.head.iter_mut().flat_map(|plane| plane.iter_mut());
        for value in self.values.iter_mut().chain(head) {
            if random.random_range(0..10) == 0 {
                *value = odd[random.random_range(0..odd.len())];
            }
        }
        self
    }
}

/// What the kernel gives, or the CPU path.
struct Judged {
    score: Vec<f32>,
    label: Vec<u8>,
    mask: Vec<u8>,
    figures: (ScoreStats, MaskStats),
    blocks: Vec<BlockCounts>,
}

fn kernel(logits: &Logits, kind: u32, threshold: f32) -> Judged {
    let size = (logits.size.0 as u32, logits.size.1 as u32);
    let whole = Placement {
        input: size,
        picture: Area::all(size),
        logits: size,
        cells: Area::all(size),
    };
    kernel_on(logits, kind, threshold, &whole)
}

/// Judges a part of the planes.
fn kernel_on(logits: &Logits, kind: u32, threshold: f32, placement: &Placement) -> Judged {
    let Area { width, height, .. } = placement.cells;
    let pixels = (width * height) as usize;
    let grid = judge_grid(pixels as u32);
    let (mut score, mut label) = (vec![-1.0f32; pixels], vec![77u8; pixels]);
    let mut mask = vec![77u8; pixels];
    let mut blocks = vec![u32::MAX; grid[0] as usize * BlockCounts::BYTES / 4];
    let (center, scale) = logits.center_and_scale;
    let params = JudgeParams {
        center,
        scale,
        ..JudgeParams::new(kind, logits.classes as u32, threshold, placement)
    };
    let params = params.to_bytes();
    let words = params.as_chunks::<4>().0.iter();
    let words: Vec<u32> = words.map(|&word| u32::from_ne_bytes(word)).collect();
    let head = logits.head.as_ref();
    let head = head.map_or(std::ptr::null(), |plane| plane.as_ptr());
    let values = logits.values.as_ptr();
    let (to_score, to_label) = (score.as_mut_ptr(), label.as_mut_ptr());
    let (to_mask, to_blocks) = (mask.as_mut_ptr(), blocks.as_mut_ptr());
    let params = words.as_ptr();
    let mut arguments = [
        argument(&values),
        argument(&head),
        argument(&params),
        argument(&to_score),
        argument(&to_label),
        argument(&to_mask),
        argument(&to_blocks),
    ];
    // SAFETY: types and order are those of `judge`, and all slices are of the size that it is told.
    unsafe { launch(JUDGE, grid, JUDGE_BLOCK, &mut arguments) };
    let bytes: Vec<u8> = blocks.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let blocks: Vec<_> = BlockCounts::from_bytes(&bytes).collect();
    Judged {
        figures: fold(blocks.iter().copied(), pixels),
        score,
        label,
        mask,
        blocks,
    }
}

fn cpu_path(logits: &Logits, kind: ScoreKind, limit: f32) -> Judged {
    let (width, height) = logits.size;
    let planes = Planes::new(logits.classes, height, width, &logits.values).unwrap();
    let (center, scale) = logits.center_and_scale;
    let head = logits.head.as_ref();
    // as `Head::to_logits`
    let head: Option<Vec<f32>> =
        head.map(|plane| plane.iter().map(|value| (value - center) / scale).collect());
    let head = head.as_ref();
    let head = head.map(|plane| Planes::new(1, height, width, plane).unwrap());
    let mut map = ScoreMap::default();
    let stats = score(kind, planes, head, &mut map).unwrap();
    let mut mask = AnomalyMask::default();
    let counts = threshold(&map, limit, &mut mask);
    let mut label = vec![0; logits.pixels()];
    argmax(planes, &mut label).unwrap();
    let blocks = map.values().chunks(JUDGE_BLOCK[0] as usize).map(|scores| {
        let finite = || scores.iter().copied().filter(|score| score.is_finite());
        let known = scores.iter().filter(|&&score| score <= limit).count();
        BlockCounts {
            anomalous: (scores.len() - known) as u32,
            non_finite: (scores.len() - finite().count()) as u32,
            min: finite().fold(f32::INFINITY, f32::min),
            max: finite().fold(f32::NEG_INFINITY, f32::max),
            sum: finite().map(f64::from).sum::<f64>() as f32,
        }
    });
    Judged {
        figures: (stats, counts),
        blocks: blocks.collect(),
        score: map.values().to_vec(),
        label,
        mask: mask.pixels().to_vec(),
    }
}

/// The same number, or neither is one.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// 256 scores of at most 1, each sum rounded.
const SUM_TOLERANCE: f32 = 256.0 * f32::EPSILON * 256.0;

#[track_caller]
fn assert_same(logits: &Logits, kind: ScoreKind, limit: f32) {
    let found = kernel(logits, JudgeParams::kind_number(kind), limit);
    let expected = cpu_path(logits, kind, limit);
    let what = format!("{kind} of {} at {:?}, {limit}", logits.classes, logits.size);
    // On one machine the logarithms are one library's, so the scores have to be equal too.
    for (at, (&found, &expected)) in found.score.iter().zip(&expected.score).enumerate() {
        assert!(
            same(found, expected),
            "{what}: {found} for {expected} at {at}"
        );
    }
    assert_eq!(found.label, expected.label, "{what}");
    assert_eq!(found.mask, expected.mask, "{what}");
    assert_eq!(found.blocks.len(), expected.blocks.len());
    for (at, (found, expected)) in found.blocks.iter().zip(&expected.blocks).enumerate() {
        let equal = found.anomalous == expected.anomalous
            && found.non_finite == expected.non_finite
            && found.min == expected.min
            && found.max == expected.max
            && (found.sum - expected.sum).abs() <= SUM_TOLERANCE;
        assert!(equal, "{what}: {found:?} for {expected:?} in block {at}");
    }
    let ((score, mask), (score_expected, mask_expected)) = (found.figures, expected.figures);
    assert_eq!(mask, mask_expected, "{what}");
    assert_eq!(score.non_finite, score_expected.non_finite, "{what}");
    assert!(same(score.min, score_expected.min), "{what}");
    assert!(same(score.max, score_expected.max), "{what}");
    let off = (score.mean - score_expected.mean).abs();
    let unknown = score.mean.is_nan() && score_expected.mean.is_nan();
    assert!(unknown || off <= 1e-6, "{what}: mean {off:e} off");
}

#[test]
fn every_score_and_every_number_of_classes() {
    let mut random = Pcg64Mcg::seed_from_u64(7);
    for classes in 2..=20 {
        for kind in ScoreKind::ALL {
            let logits = Logits::random((37, 15), classes, &mut random);
            assert_same(&logits, kind, 0.5);
            assert_same(&logits.spoil(&mut random), kind, 0.5);
        }
    }
    let logits = Logits::random((19, 3), 255, &mut random);
    assert_same(&logits, ScoreKind::Entropy, 0.5);
}

#[test]
fn sizes_around_that_of_a_block() {
    let mut random = Pcg64Mcg::seed_from_u64(8);
    for size in [(1, 1), (255, 1), (16, 16), (257, 1), (511, 1), (120, 88)] {
        for kind in ScoreKind::ALL {
            let logits = Logits::random(size, 11, &mut random);
            assert_same(&logits.spoil(&mut random), kind, 0.4);
        }
    }
}

#[test]
fn a_part_of_the_planes_is_judged_as_if_there_was_nothing_else() {
    let mut random = Pcg64Mcg::seed_from_u64(13);
    let (classes, (width, height)) = (5, (37usize, 29usize));
    let whole = Logits::random((width, height), classes, &mut random).spoil(&mut random);
    for (x, y, across, down) in [
        (0, 4, 37, 21),
        (9, 0, 19, 29),
        (36, 28, 1, 1),
        (3, 2, 30, 20),
    ] {
        let cells = Area {
            x,
            y,
            width: across,
            height: down,
        };
        let cut = |plane: &[f32]| -> Vec<f32> {
            let rows = plane.chunks(width).skip(y as usize).take(down as usize);
            rows.flat_map(|row| &row[x as usize..][..across as usize])
                .copied()
                .collect()
        };
        let planes = whole.values.chunks(width * height);
        let part = Logits {
            size: (across as usize, down as usize),
            classes,
            values: planes.flat_map(cut).collect(),
            head: whole.head.as_deref().map(|plane| cut(plane).into()),
            center_and_scale: whole.center_and_scale,
        };
        let placement = Placement {
            input: (width as u32, height as u32),
            picture: cells,
            logits: (width as u32, height as u32),
            cells,
        };
        for kind in ScoreKind::ALL {
            let found = kernel_on(&whole, JudgeParams::kind_number(kind), 0.5, &placement);
            let expected = cpu_path(&part, kind, 0.5);
            let scores = found.score.iter().zip(&expected.score);
            assert!(
                scores.clone().all(|(a, b)| same(*a, *b)),
                "{kind} {cells:?}"
            );
            assert_eq!(found.label, expected.label, "{kind} {cells:?}");
            assert_eq!(found.mask, expected.mask, "{kind} {cells:?}");
            assert_eq!(found.figures.1, expected.figures.1, "{kind} {cells:?}");
        }
    }
}

#[test]
fn thresholds_at_the_ends_and_none() {
    let mut random = Pcg64Mcg::seed_from_u64(9);
    let logits = Logits::random((40, 30), 11, &mut random).spoil(&mut random);
    for limit in [
        f32::NAN,
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ] {
        for kind in ScoreKind::ALL {
            assert_same(&logits, kind, limit);
        }
    }
}

#[test]
fn a_score_that_lies_on_the_threshold_is_not_anomalous() {
    let mut random = Pcg64Mcg::seed_from_u64(10);
    let logits = Logits::random((32, 8), 5, &mut random);
    for kind in ScoreKind::ALL {
        let scores = kernel(&logits, JudgeParams::kind_number(kind), 0.5).score;
        for limit in scores.iter().copied().take(20) {
            assert_same(&logits, kind, limit);
        }
    }
}

#[test]
fn what_cannot_be_scored_is_unknown_everywhere() {
    let mut random = Pcg64Mcg::seed_from_u64(11);
    let all_unknown = |logits: &Logits, kind: u32| {
        let judged = kernel(logits, kind, 1.0);
        let pixels = logits.pixels();
        assert!(judged.score.iter().all(|score| score.is_nan()));
        assert!(judged.mask.iter().all(|&mask| mask == 255));
        let (score, mask) = judged.figures;
        assert_eq!((score.non_finite, mask.anomalous), (pixels, pixels));
        assert!(score.mean.is_nan() && score.min.is_nan() && score.max.is_nan());
        judged.label
    };
    let mut logits = Logits::random((30, 20), 4, &mut random);
    all_unknown(&logits, ScoreKind::ALL.len() as u32);
    logits.head = None;
    all_unknown(&logits, JudgeParams::kind_number(ScoreKind::OBSERVER));
    for classes in [0, 1, 256] {
        let logits = Logits::random((30, 20), classes, &mut random);
        if classes < 2 {
            all_unknown(&logits, JudgeParams::kind_number(ScoreKind::Energy));
        }
        let label = kernel(&logits, 0, 0.5).label;
        let expected = if classes == 1 { 0 } else { NO_CLASS };
        assert!(label.iter().all(|&id| id == expected), "{classes} classes");
    }
}

#[test]
#[ignore = "prints times"]
fn times_on_this_cpu() {
    let mut random = Pcg64Mcg::seed_from_u64(12);
    for size in [(120, 88), (160, 88), (640, 352)] {
        let logits = Logits::random(size, 11, &mut random);
        for kind in ScoreKind::ALL {
            let start = Instant::now();
            kernel(&logits, JudgeParams::kind_number(kind), 0.5);
            let ms = start.elapsed().as_secs_f64() * 1e3;
            eprintln!("{kind} at {size:?}: {ms:.1} ms");
        }
    }
}
