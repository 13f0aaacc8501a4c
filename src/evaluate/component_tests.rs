use super::*;
use proptest::prelude::*;

/// A picture drawn in letters: `#` anomalous, `?` ignored, the rest known.
fn labels(rows: &[&str]) -> Vec<u8> {
    let label = |letter: u8| match letter {
        b'#' => ANOMALOUS,
        b'?' => IGNORE,
        _ => NORMAL,
    };
    rows.iter().flat_map(|row| row.bytes()).map(label).collect()
}

/// A mask drawn in letters: `#` over the threshold.
fn mask(rows: &[&str]) -> Vec<u8> {
    let pixel = |letter: u8| if letter == b'#' { 255 } else { 0 };
    rows.iter().flat_map(|row| row.bytes()).map(pixel).collect()
}

fn things(width: usize, labels: &[u8]) -> Components {
    let mut components = Components::default();
    components.find(width, labels.len(), |at| labels[at] == ANOMALOUS);
    components
}

fn segments(min: u32, truth: &[&str], over: &[&str]) -> Segments {
    let (width, labels) = (truth[0].len(), labels(truth));
    let mut segments = Segments::new(min);
    let truth = things(width, &labels);
    segments.add(width, &truth, &mask(over), &labels).unwrap();
    segments
}

#[track_caller]
fn near(got: Option<f64>, expected: f64) {
    assert!(
        got.is_some_and(|got| (got - expected).abs() < 1e-12),
        "{got:?}, expected {expected}"
    );
}

#[test]
fn pixels_that_touch_at_a_corner_are_one_component_and_edges_do_not_wrap() {
    #[rustfmt::skip]
    let labels = labels(&[
        "#..#.",
        ".#.##",
        "...#.",
        "#...#",
    ]);
    let components = things(5, &labels);
    let sizes: Vec<_> = components
        .items()
        .iter()
        .map(|c| (c.area, c.width, c.height))
        .collect();
    assert_eq!(sizes, [(2, 2, 2), (5, 2, 4), (1, 1, 1)]);
    #[rustfmt::skip]
    assert_eq!(components.numbers(), [
        1, 0, 0, 2, 0,
        0, 1, 0, 2, 2,
        0, 0, 0, 2, 0,
        3, 0, 0, 0, 2,
    ]);
}

#[test]
fn branches_that_meet_late_are_one_component() {
    let labels = labels(&["#.#.#", "#.#.#", "#####"]);
    assert_eq!(things(5, &labels).items().len(), 1);
    // one column wide, and nothing at all
    assert_eq!(things(1, &[1, 0, 1, 1]).items().len(), 2);
    assert!(things(0, &[]).items().is_empty());
}

#[test]
fn siou_and_ppv_of_one_thing_are_those_computed_by_hand() {
    // the thing has 4 pixels, the detection 6, 2 of them on it: 2 / (4 + 4), 2 / 6
    let truth = ["####......", ".........."];
    let over = ["..######..", ".........."];
    let metrics = segments(1, &truth, &over).metrics();
    near(metrics.siou, 2.0 / 8.0);
    near(metrics.ppv, 2.0 / 6.0);
    // sIoU reaches .25 only; PPV reaches .25 and .30. So F1 is 1 at .25 and 0 at the other ten.
    near(metrics.f1, 1.0 / 11.0);
    assert_eq!((metrics.things, metrics.detections), (1, 1));
}

#[test]
fn a_detection_over_two_things_does_not_count_against_either() {
    // things of 2 and 3 pixels, one detection of all of it and the pixel between them
    let metrics = segments(1, &["##.###"], &["######"]).metrics();
    // 2 / (2 + 1) and 3 / (3 + 1); without the adjustment 2 / 6 and 3 / 6
    near(metrics.siou, f64::midpoint(2.0 / 3.0, 3.0 / 4.0));
    near(metrics.ppv, 5.0 / 6.0);
    // 2/3 reaches .25 ... .65 (nine levels), 3/4 all eleven, PPV all: F1 is 1 at nine levels and
    // 2 / (2 + 1) at two
    near(metrics.f1, (9.0 + 2.0 * 2.0 / 3.0) / 11.0);
}

#[test]
fn a_thing_under_several_detections_gets_all_of_them() {
    let metrics = segments(1, &["######.."], &["##..#.#."]).metrics();
    // detections: 2 on it; 1 on it; 1 beside it
    near(metrics.siou, 3.0 / 6.0);
    near(metrics.ppv, (1.0 + 1.0 + 0.0) / 3.0);
    assert_eq!(metrics.detections, 3);
}

#[test]
fn ignored_pixels_are_neither_thing_nor_detection() {
    let metrics = segments(1, &["##??.."], &["######"]).metrics();
    // what is over the ignored pixels is cut away, which leaves two detections of 2 pixels
    near(metrics.siou, 1.0);
    near(metrics.ppv, 0.5);
    assert_eq!(metrics.detections, 2);
}

#[test]
fn small_detections_are_dropped_and_small_things_are_ignored_with_what_is_on_them() {
    // minimum 10 pixels: a detection of 9 is dropped; a thing of 1 pixel (under 2) is ignored, so
    // that the detection of 10 on it has only 9 pixels that count, none on a thing
    let truth = ["#.........", "..........", "##########", "##########"];
    let over = ["##########", "..........", "..........", "#########."];
    let metrics = segments(10, &truth, &over).metrics();
    assert_eq!((metrics.things, metrics.detections), (1, 1));
    near(metrics.siou, 0.0);
    near(metrics.ppv, 0.0);
    near(metrics.f1, 0.0);
}

#[test]
fn component_figures_are_undefined_where_there_is_nothing_and_zero_where_all_is_wrong() {
    let nothing = segments(1, &["...."], &["...."]).metrics();
    assert_eq!((nothing.siou, nothing.ppv, nothing.f1), (None, None, None));
    let wrong = segments(1, &["...."], &["#..."]).metrics();
    assert_eq!((wrong.siou, wrong.ppv), (None, Some(0.0)));
    near(wrong.f1, 0.0);
    let missed = segments(1, &["#..."], &["...."]).metrics();
    assert_eq!(
        (missed.siou, missed.ppv, missed.f1),
        (Some(0.0), None, Some(0.0))
    );
}

#[test]
fn components_are_pooled_over_pictures() {
    let mut segments = segments(1, &["####"], &["####"]);
    let missed = labels(&["#..."]);
    segments
        .add(4, &things(4, &missed), &[0; 4], &missed)
        .unwrap();
    let metrics = segments.metrics();
    near(metrics.siou, 0.5);
    near(metrics.ppv, 1.0);
    near(metrics.f1, 2.0 / 3.0);
    assert!(
        segments
            .add(4, &things(4, &missed), &[0; 3], &missed)
            .is_err()
    );
}

#[test]
fn a_thing_is_found_from_a_fifth_of_its_pixels_on() {
    let mut counts = Things::default();
    let truth = things(10, &[ANOMALOUS; 10]);
    for (pixels, found) in [(1, 0), (2, 1), (10, 1)] {
        let mask: Vec<u8> = (0..10).map(|at| u8::from(at < pixels)).collect();
        let here = counts.add(&truth, &mask).unwrap();
        assert_eq!(here, Found { found, things: 1 }, "{pixels}");
    }
    assert_eq!(counts.metrics().all.share, Some(2.0 / 3.0));
    assert!(counts.add(&truth, &[0]).is_err());
}

#[test]
fn things_are_sorted_by_the_longer_side() {
    // lines of 5, 6, 15, 16, 47 and 48 pixels, upright and level; only the longest is found
    let mut counts = Things::default();
    for side in [5usize, 6, 15, 16, 47, 48] {
        let line = vec![ANOMALOUS; side];
        let mask = vec![u8::from(side == 48); side];
        for width in [1, side] {
            counts.add(&things(width, &line), &mask).unwrap();
        }
    }
    let metrics = counts.metrics();
    let rows: Vec<_> = metrics
        .classes
        .iter()
        .map(|c| (c.from, c.to, c.found, c.things))
        .collect();
    assert_eq!(
        rows,
        [
            (0, Some(6), 0, 2),
            (6, Some(16), 0, 4),
            (16, Some(48), 0, 4),
            (48, None, 2, 2)
        ]
    );
    assert_eq!((metrics.all.found, metrics.all.things), (2, 12));
    assert_eq!(Things::default().metrics().all.share, None);
}

#[test]
fn flagged_is_a_share_of_each_pictures_known_pixels() {
    let mut flagged = Flagged::default();
    // ten pictures of four known pixels: nine with one flagged, one with all; and one of which
    // nothing is known
    let known = [NORMAL, NORMAL, NORMAL, NORMAL, ANOMALOUS, IGNORE];
    for _ in 0..9 {
        let share = flagged.add(&[255, 0, 0, 0, 255, 255], &known).unwrap();
        assert_eq!(share, Some(0.25));
    }
    flagged.add(&[255; 6], &known).unwrap();
    assert_eq!(flagged.add(&[255], &[IGNORE]), Ok(None));
    let metrics = flagged.metrics();
    near(metrics.mean, (9.0 * 0.25 + 1.0) / 10.0);
    assert_eq!((metrics.p90, metrics.pictures), (Some(0.25), 10));
    flagged.add(&[255; 6], &known).unwrap();
    // two of eleven are over a quarter, so nine tenths are not reached before 1
    assert_eq!(flagged.metrics().p90, Some(1.0));
    assert_eq!(Flagged::default().metrics().p90, None);
    assert!(flagged.add(&[0], &[]).is_err());
}

#[test]
fn the_benchmarks_threshold_is_the_one_of_the_best_f1() {
    // Down: 4 P, 3 N, 2 P, 1 N. F1: 2/(1+2), 2/(2+2), 4/(3+2), 4/(4+2): best under step 2.
    let mut histogram = BinaryHistogram::new();
    for (step, positive) in [(4, true), (3, false), (2, true), (1, false)] {
        histogram.add(step as f32 / 65535.0, positive);
    }
    let best = histogram.threshold_at_best_f1().unwrap();
    assert_eq!(best.threshold, (1.5f64 / 65535.0) as f32);
    assert_eq!((best.tpr, best.fpr), (Some(1.0), Some(0.5)));
    let mut known = BinaryHistogram::new();
    known.add(0.5, false);
    assert_eq!(known.threshold_at_best_f1(), None);
}

/// By filling from each pixel.
fn filled(width: usize, labels: &[u8]) -> Vec<u32> {
    let mut numbers = vec![0; labels.len()];
    let mut count = 0;
    for start in 0..labels.len() {
        if labels[start] != ANOMALOUS || numbers[start] != 0 {
            continue;
        }
        count += 1;
        let mut waiting = vec![start];
        while let Some(at) = waiting.pop() {
            if labels[at] != ANOMALOUS || numbers[at] != 0 {
                continue;
            }
            numbers[at] = count;
            let (x, y) = ((at % width) as isize, (at / width) as isize);
            for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
                let (x, y) = (x + dx, y + dy);
                let rows = (labels.len() / width) as isize;
                if (0..width as isize).contains(&x) && (0..rows).contains(&y) {
                    waiting.push(y as usize * width + x as usize);
                }
            }
        }
    }
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn components_equal_those_filled_from_each_pixel(
        width in 1usize..12,
        pixels in prop::collection::vec(prop::bool::ANY, 0..140),
    ) {
        let rows = pixels.len() / width;
        let labels: Vec<u8> = pixels[..rows * width].iter().map(|&p| u8::from(p)).collect();
        let components = things(width, &labels);
        prop_assert_eq!(components.numbers(), filled(width, &labels));
    }
}
