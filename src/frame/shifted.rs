//! Whether the rows of a picture are shifted, as they are below a loss in a raw image.
//!
//! Where bytes are lost, all that follows moves forward. From there down to the end the left and the
//! right border of the scene meet inside the picture: one sharp step, a *seam*, at the same column of
//! every row. At the picture's own border, from the end of a row to the start of the next, there is
//! no step in turn, because both sides are neighbours in the scene. Nothing that stands in a whole
//! picture does the second, and little reaches the bottom for the first.
//!
//! The channels of a pixel are three bytes like any others here, so that losses which rotate the
//! channels look the same.

use super::Frame;

/// Rows that are looked at, at most: evenly spread.
const ROWS: usize = 200;
/// Seams that are followed at a time.
const SEAMS: usize = 256;
/// Bytes that a seam is judged by on either side: two pixels.
const REACH: usize = 6;
/// Bytes that a border is judged by on either side: three pixels.
const BORDER_REACH: usize = 9;
/// No seam is looked for within five pixels of the picture's border: columns there are often dark.
const MARGIN: usize = 15;
/// Seams so many bytes from each other are one: under two pixels.
const APART: usize = 5;
/// Seams within 32 pixels of each other are the two edges of a line or a pole.
const NEAR: usize = 96;
/// So much a row counts at most, for or against a seam: grey levels, summed over a pixel's bytes.
const BOUND: i16 = 12;
/// The rows begin to be moved within the height over this from the top of a seam.
const TOP_OFF: usize = 18;
/// What a byte of two rows differs by, at most: an edge between the rows is not all.
const APART_AT_MOST: u8 = 60;
/// A border without a brighter channel is a bar or a frame before the lens.
const DARK: u8 = 24;

/// How far up from the bottom one seam stands out and the picture's border does not, in thousandths of
/// the height. Another near it counts against it, as lines and poles have two edges, and half of the
/// best one anywhere. A compressed image may only have lost bytes before it was compressed, and its seam is blurred:
/// a fifth counts where the rows do not begin to be moved at the seam's top. Does not allocate.
pub(super) fn shifted_rows(frame: &Frame) -> u16 {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (row, rows) = (3 * width, height.saturating_sub(1).min(ROWS));
    if rows == 0 || row <= 2 * MARGIN {
        return 0;
    }
    // Where each row begins, from the bottom up, and how much its border stands out.
    let mut all = [(0, 0); ROWS];
    for (k, one) in all.iter_mut().take(rows).enumerate() {
        let start = (height - 1 - k * (height - 1) / rows) * row;
        *one = (start, border(frame.pixels(), start));
    }
    let all = all.get(..rows).unwrap_or_default();
    let mut peaks = Peaks {
        best: 0,
        at: MARGIN,
        second: 0,
    };
    let mut most = [0; SEAMS];
    let end = row - MARGIN + 1;
    for first in (MARGIN..end).step_by(SEAMS) {
        let seams = SEAMS.min(end - first);
        let most = &mut most[..seams];
        follow(frame.pixels(), all, first, most);
        for (at, &evidence) in (first..).zip(&*most) {
            peaks.add(at, evidence);
        }
    }
    let first = peaks.at.saturating_sub(NEAR).max(MARGIN);
    let most = &mut most[..(peaks.at + NEAR + 1).min(end) - first];
    follow(frame.pixels(), all, first, most);
    let others = (first..).zip(&*most);
    let others = others.filter(|(at, _)| at.abs_diff(peaks.at) > APART);
    let near = others.map(|(_, &evidence)| evidence).max().unwrap_or(0);
    let evidence = peaks.best - near.max(peaks.second / 2);
    // At most 200 rows of 12; the evidence of none is negative, or above the best.
    let share = (evidence as u32 * 1000 / (rows as u32 * BOUND as u32)) as u16;
    match share == 0
        || !frame.is_compressed()
        || is_moved_from(frame, peaks.at, top(frame.pixels(), all, peaks.at))
    {
        true => share,
        false => share / 5,
    }
}

/// Where the row begins at which the seam from byte `seam` of a row on has most ahead of the border.
fn top(pixels: &[u8], rows: &[(usize, i16)], seam: usize) -> usize {
    let (mut sum, mut most, mut top) = (0, 0, 0);
    for &(start, border) in rows {
        let from = start + seam - REACH;
        let mut sharp = [0];
        let bytes = pixels.get(from..from + 12).unwrap_or_default();
        sharpness(bytes, &mut [0; 9], &mut sharp);
        sum += sharp[0] - border;
        if sum >= most {
            (most, top) = (sum, start);
        }
    }
    top
}

/// Whether somewhere about the row that begins at `top` two rows fit each other better where the lower is moved so
/// that its seam is the picture's border, by a tenth. An edge that only looks like a seam stands in rows that fit as
/// they are.
fn is_moved_from(frame: &Frame, seam: usize, top: usize) -> bool {
    let (row, height) = (3 * frame.width() as usize, frame.height() as usize);
    let (middle, off) = (top / row, height / TOP_OFF);
    let row_of = |y: usize| {
        frame
            .pixels()
            .get(y * row..(y + 1) * row)
            .unwrap_or_default()
    };
    let first = middle.saturating_sub(off).max(1);
    (first..(middle + off + 1).min(height.saturating_sub(1))).any(|y| {
        let (above, below) = (row_of(y - 1), row_of(y + 1));
        let parts = below.split_at_checked(seam).zip(above.get(row - seam..));
        let Some(((end, start), tail)) = parts else {
            return false;
        };
        let moved = apart(end, tail) + apart(start, above);
        // half a level more on both sides, so that noise alone fits in neither way
        let noise = row as u64 / 2;
        10 * (moved + noise) < 9 * (apart(below, above) + noise)
    })
}

/// Sum of what the bytes of two rows differ by, as far as both go.
fn apart(a: &[u8], b: &[u8]) -> u64 {
    let bytes = a.iter().zip(b);
    bytes
        .map(|(a, b)| u64::from(a.abs_diff(*b).min(APART_AT_MOST)))
        .sum()
}

/// Adds up from the bottom what the seams from byte `first` of a row on have ahead of the border, and
/// keeps the most that each ever had.
fn follow(pixels: &[u8], rows: &[(usize, i16)], first: usize, most: &mut [i16]) {
    let count = most.len();
    let (mut steps, mut sharp) = ([0; SEAMS + 8], [0; SEAMS]);
    let mut sums = [0i16; SEAMS];
    most.fill(0);
    let (Some(steps), Some(sharp)) = (steps.get_mut(..count + 8), sharp.get_mut(..count)) else {
        return;
    };
    for &(start, border) in rows {
        let from = start + first - REACH;
        let bytes = pixels.get(from..from + count + 11).unwrap_or_default();
        sharpness(bytes, steps, sharp);
        // At most 200 times 24.
        for ((sum, most), &sharp) in sums.iter_mut().zip(&mut *most).zip(&*sharp) {
            *sum += sharp - border;
            *most = (*most).max(*sum);
        }
    }
}

/// How much sharper the step across each seam is than the steps a pixel before and after, within
/// [`BOUND`]. The first of `bytes` lies [`REACH`] before the first seam; there are eleven more bytes
/// and eight more steps than seams.
fn sharpness(bytes: &[u8], steps: &mut [u8], sharp: &mut [i16]) {
    for ((step, &a), &b) in steps.iter_mut().zip(bytes).zip(bytes.iter().skip(3)) {
        *step = a.abs_diff(b);
    }
    for (sharp, steps) in sharp.iter_mut().zip(steps.windows(9)) {
        let byte = |i: usize| i16::from(steps[i + 3]) - i16::from(steps[i].max(steps[i + 6]));
        *sharp = (byte(0) + byte(1) + byte(2)).clamp(-BOUND, BOUND);
    }
}

/// How much the step to a row from the end of the row before stands out. One that is dark or without
/// any noise says nothing of the scene, and counts as a border.
fn border(pixels: &[u8], start: usize) -> i16 {
    let around = start.saturating_sub(BORDER_REACH)..start + BORDER_REACH;
    let around = pixels.get(around).unwrap_or_default();
    let dark = around.iter().all(|&value| value <= DARK);
    let flat = around
        .iter()
        .zip(around.iter().skip(3))
        .all(|(a, b)| a == b);
    if dark || flat {
        return BOUND;
    }
    let mut sharp = [0];
    let nearer = around.get(BORDER_REACH - REACH..).unwrap_or_default();
    sharpness(nearer, &mut [0; 9], &mut sharp);
    sharp[0].max(0)
}

/// The two seams that stand out most.
struct Peaks {
    best: i16,
    at: usize,
    second: i16,
}

impl Peaks {
    /// Takes in the next seam, from left to right.
    fn add(&mut self, at: usize, evidence: i16) {
        let near = at - self.at <= APART;
        if evidence > self.best {
            if !near {
                self.second = self.best;
            }
            (self.best, self.at) = (evidence, at);
        } else if !near {
            self.second = self.second.max(evidence);
        }
    }
}

#[cfg(test)]
#[path = "shifted_tests.rs"]
mod tests;
