//! Bayer patterns to RGB by bilinear interpolation.

/// Fills `rgb` from samples behind a colour filter; `sample` reads that of a column from a row.
///
/// `red` is the column and row (0 or 1) of the first red pixel; blue lies diagonally to it. A
/// pixel keeps the colour that it measured; each other colour is the rounded mean of the nearest
/// pixels that measured it (two or four). Over the edge the picture is mirrored without
/// repeating the edge, which keeps the pattern. The picture is at least 2 x 2.
pub(super) fn bilinear(
    data: &[u8],
    step: usize,
    width: usize,
    red: (usize, usize),
    sample: impl Fn(&[u8], usize) -> u8,
    rgb: &mut [u8],
) {
    let height = rgb.len() / (width * 3).max(1);
    if width < 2 || height < 2 {
        return;
    }
    let row = |y: usize| data.get(y * step..(y + 1) * step);
    for (y, to) in rgb.chunks_exact_mut(width * 3).enumerate() {
        let (above, below) = neighbours(y, height);
        let (Some(above), Some(here), Some(below)) = (row(above), row(y), row(below)) else {
            return;
        };
        let red_row = y % 2 == red.1;
        for (x, to) in to.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (left, right) = neighbours(x, width);
            let own = sample(here, x);
            let (west, east) = (sample(here, left), sample(here, right));
            let (north, south) = (sample(above, x), sample(below, x));
            let red_column = x % 2 == red.0;
            *to = if red_row == red_column {
                // A red or a blue pixel: green on four sides, the other colour on the diagonals.
                let cross = mean4([west, east, north, south]);
                let corners = mean4([
                    sample(above, left),
                    sample(above, right),
                    sample(below, left),
                    sample(below, right),
                ]);
                if red_row {
                    [own, cross, corners]
                } else {
                    [corners, cross, own]
                }
            } else if red_row {
                [mean2(west, east), own, mean2(north, south)]
            } else {
                [mean2(north, south), own, mean2(west, east)]
            };
        }
    }
}

/// The indices before and after `at`, mirrored at the ends of `0..len`; `len` is at least 2.
const fn neighbours(at: usize, len: usize) -> (usize, usize) {
    let before = if at == 0 { 1 } else { at - 1 };
    let after = if at + 1 == len { len - 2 } else { at + 1 };
    (before, after)
}

const fn mean2(a: u8, b: u8) -> u8 {
    (a as u16 + b as u16).div_ceil(2) as u8
}

fn mean4(values: [u8; 4]) -> u8 {
    ((values.iter().map(|&v| u16::from(v)).sum::<u16>() + 2) / 4) as u8
}
