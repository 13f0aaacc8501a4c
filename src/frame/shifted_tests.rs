use super::*;
use crate::time::Stamp;

const SIZE: (u32, u32) = (160, 120);

/// Noise that is the same each time, 0 ..= 6.
fn noise(x: u32, y: u32) -> u8 {
    let mut state = x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b);
    state ^= state >> 15;
    state = state.wrapping_mul(0x2c1b_3c6d);
    (state >> 16) as u8 % 7
}

/// A picture of the colours that `of` gives for x and y, with noise.
fn picture((width, height): (u32, u32), of: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let noisy = |(x, y)| of(x, y).map(|value| value + noise(x, y));
    let rgb = pixels.flat_map(noisy).collect();
    Frame::from_rgb(Stamp::default(), width, height, rgb).unwrap()
}

/// Brighter from left to right, so that its borders do not fit each other.
fn road(size: (u32, u32)) -> Frame {
    picture(size, |x, _| {
        let light = (x * 100 / size.0) as u8;
        [60 + light, 60 + light, 70 + light]
    })
}

/// Lost bytes at a place; the end is filled from the picture itself.
fn lost(frame: &Frame, at: usize, count: usize) -> Frame {
    let (width, height) = (frame.width(), frame.height());
    let mut rgb = frame.pixels().to_vec();
    rgb.copy_within(at + count.., at);
    Frame::from_rgb(frame.stamp(), width, height, rgb).unwrap()
}

#[test]
fn a_whole_picture_is_not_shifted_though_its_rows_could_be() {
    assert_eq!(shifted_rows(&road(SIZE)), 0);
}

#[test]
fn rows_below_a_loss_are_counted_whatever_was_lost_and_where() {
    let whole = road(SIZE);
    let row = 3 * SIZE.0 as usize;
    for lost_rows in [90, 60, 30] {
        // pixels and parts of pixels: the channels change their places
        for count in [60, 61, 62, 240, 479 - 60, 2 * row + 100] {
            let at = (SIZE.1 as usize - lost_rows) * row + 77;
            let share = usize::from(shifted_rows(&lost(&whole, at, count)));
            let expected = lost_rows * 1000 / SIZE.1 as usize;
            // the last rows are whole again, and speak against it
            assert!(
                (expected * 3 / 4..=expected).contains(&share),
                "{lost_rows} rows, {count} bytes: {share}"
            );
        }
    }
}

#[test]
fn rows_fit_better_moved_only_where_they_are() {
    let whole = road(SIZE);
    let row = 3 * SIZE.0 as usize;
    for lost_rows in [90, 60, 30] {
        for count in [60, 61, 240, 2 * row + 100] {
            let at = (SIZE.1 as usize - lost_rows) * row + 77;
            let seam = row - count % row;
            // the top is known to a few rows
            for off in [0, 3, 5] {
                let top = at - 77 + off * row;
                assert!(
                    is_moved_from(&lost(&whole, at, count), seam, top),
                    "{count} {off}"
                );
                assert!(!is_moved_from(&whole, seam, top), "{count} {off}");
            }
        }
    }
}

#[test]
fn a_loss_is_seen_at_every_width() {
    for width in [64, 100, 171, 300, 641] {
        let whole = road((width, 90));
        let shifted = lost(&whole, 3000, 3 * (width as usize / 2));
        assert!(shifted_rows(&shifted) > 500, "{width} wide");
        assert_eq!(shifted_rows(&whole), 0, "{width} wide");
    }
}

#[test]
fn large_pictures_are_looked_at_in_some_rows_from_top_to_bottom() {
    let whole = road((400, 1000));
    assert_eq!(shifted_rows(&whole), 0);
    let share = shifted_rows(&lost(&whole, 500 * 1200, 600));
    assert!((400..=500).contains(&share), "{share}");
}

#[test]
fn bars_at_both_sides_are_no_shift() {
    // black bars leave no step at the border
    let bars = picture(SIZE, |x, _| {
        if (20..140).contains(&x) {
            [90; 3]
        } else {
            [4; 3]
        }
    });
    assert_eq!(shifted_rows(&bars), 0);
    // grey ones without noise
    let mut rgb = bars.pixels().to_vec();
    for (i, value) in rgb.iter_mut().enumerate() {
        let x = i / 3 % SIZE.0 as usize;
        if !(20..140).contains(&x) {
            *value = 128;
        }
    }
    let grey = Frame::from_rgb(Stamp::default(), SIZE.0, SIZE.1, rgb).unwrap();
    assert_eq!(shifted_rows(&grey), 0);
}

#[test]
fn what_stands_before_the_same_light_at_both_borders_counts_little_if_it_has_two_edges() {
    let with = |columns: std::ops::Range<u32>| {
        shifted_rows(&picture(SIZE, |x, y| {
            let inside = columns.contains(&x) && y >= 60;
            if inside { [30; 3] } else { [90; 3] }
        }))
    };
    for width in [1, 2, 3, 10, 30] {
        assert!(
            with(70..70 + width) < 30,
            "{width}: {}",
            with(70..70 + width)
        );
    }
    let broad = with(40..120);
    assert!((150..=260).contains(&broad), "{broad}");
}

#[test]
fn the_two_best_seams_are_kept_and_what_is_beside_one_is_part_of_it() {
    let mut peaks = Peaks {
        best: 0,
        at: MARGIN,
        second: 0,
    };
    for (at, evidence) in [(15, 3), (40, 90), (43, 100), (47, 95), (60, 80), (300, 20)] {
        peaks.add(at, evidence);
    }
    assert_eq!((peaks.best, peaks.at, peaks.second), (100, 43, 80));
    peaks.add(400, 130);
    assert_eq!((peaks.best, peaks.at, peaks.second), (130, 400, 100));
}

#[test]
fn any_size_is_looked_at() {
    for (width, height) in [(1, 1), (10, 10), (11, 2), (700, 1), (1, 700), (3000, 3)] {
        shifted_rows(&picture((width, height), |x, y| [(x ^ y) as u8 / 2; 3]));
    }
    assert_eq!(shifted_rows(&Frame::new()), 0);
}
