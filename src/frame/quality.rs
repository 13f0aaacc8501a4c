//! Whether a picture can be used at all: is it new, bright enough, not blown out, in focus, all there.
//!
//! The numbers are taken from a grid of at most [`GRID`] cells a side with four pixels each, so that
//! they mean the same at every resolution and cost the same from 480x360 on. Only the fingerprint
//! reads every pixel, and the search for shifted rows two hundred rows.

use serde::Serialize;

use super::Frame;
use super::shifted::shifted_rows;

/// Cells along the longer side of the picture.
const GRID: usize = 160;
/// How far apart the cells of the coarse second difference are.
const LAG: usize = 4;
/// A channel from this value on is clipped: encoders leave a few levels below 255.
const CLIPPED: u8 = 250;
/// Cells hold the luma of four pixels with four parts each.
const PARTS: usize = 16;
/// Root mean square of the coarse second difference, in grey levels, under which there is nothing
/// in the picture but noise.
const LEAST_CONTRAST: u64 = 3;

/// What can be said of a picture without knowing what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quality {
    /// CRC-32 of size and pixels: the same for the same picture.
    pub fingerprint: u32,
    /// Luma that one in a hundred cells reaches, 0 ..= 255: a picture without any bright spot is
    /// black.
    pub bright: u8,
    /// Pixels with a clipped channel, in parts per million of the half of the picture (upper or
    /// lower) that has fewer: a bright sky alone does not count.
    pub clipped_ppm: u32,
    /// Fine structure as a share of coarse structure, in thousandths: root mean squares of second
    /// differences 1/160 and 4/160 of the longer side apart. About 600 in a sharp picture, under
    /// 150 in one that is blurred by a hundredth of its width; 0 without any contrast; `None` where
    /// the picture is too small (under nine pixels or cells a side).
    pub sharpness: Option<u16>,
    /// The longest run of rows in the lower half that equal the row above, cell by cell, in thousandths
    /// of the picture's height; clipped rows do not count. Sensor noise keeps two rows of a road from
    /// being equal, so a long run is what a receiver has filled in for data that it lost.
    pub repeated_rows: u16,
    /// How far up from the bottom both borders of the scene meet inside the picture, at one column, and
    /// the picture's own borders fit each other, in thousandths of the height: rows below a loss in a
    /// raw image. Above 500 where half of the picture is shifted, under 40 in a whole one. Of a compressed
    /// image, which may only have lost bytes before it was compressed, it is a fifth of that where the rows do
    /// not begin to be moved at the seam's top.
    pub shifted_rows: u16,
}

/// Measures pictures in a buffer of its own, made once.
#[derive(Clone, Debug)]
pub struct QualityMeter {
    cells: Vec<i32>,
}

impl Default for QualityMeter {
    /// Allocates what it will ever need: 100 KiB.
    fn default() -> Self {
        Self {
            cells: vec![0; GRID * GRID],
        }
    }
}

impl QualityMeter {
    /// Measures a picture; does not allocate. An empty frame is black.
    pub fn measure(&mut self, frame: &Frame) -> Quality {
        let size = (frame.width() as usize, frame.height() as usize);
        let (columns, rows) = grid(size);
        let clipped = self.fill(frame, (columns, rows));
        let cells = self.cells.get(..columns * rows).unwrap_or_default();
        Quality {
            fingerprint: fingerprint(frame),
            bright: bright(cells),
            clipped_ppm: fewer_clipped(clipped, columns, rows),
            sharpness: sharpness(cells, columns),
            repeated_rows: repeated_rows(cells, columns),
            shifted_rows: shifted_rows(frame),
        }
    }

    /// Sums the luma of four pixels a cell and counts the clipped ones in the upper and the lower
    /// half of the grid.
    fn fill(&mut self, frame: &Frame, (columns, rows): (usize, usize)) -> [u32; 2] {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        // Byte offsets of a cell's two columns in a row.
        let mut offsets = [(0, 0); GRID];
        for (i, offset) in offsets.iter_mut().take(columns).enumerate() {
            let (first, second) = pair(i, width, columns);
            *offset = (first * 3, second * 3);
        }
        let offsets = offsets.get(..columns).unwrap_or_default();
        let mut clipped = [0; 2];
        let cell_rows = self.cells.chunks_exact_mut(columns.max(1)).take(rows);
        for (j, cells) in cell_rows.enumerate() {
            let (first, second) = pair(j, height, rows);
            let row = |y: usize| {
                let start = y * width * 3;
                frame
                    .pixels()
                    .get(start..start + width * 3)
                    .unwrap_or_default()
            };
            let (upper, lower) = (row(first), row(second));
            let half = usize::from(j * 2 >= rows);
            for (cell, &(a, b)) in cells.iter_mut().zip(offsets) {
                let samples = [(upper, a), (upper, b), (lower, a), (lower, b)];
                *cell = 0;
                for (row, at) in samples {
                    // In range by the grid; what were not would be black.
                    let &[r, g, b] = row
                        .get(at..)
                        .and_then(<[u8]>::first_chunk)
                        .unwrap_or(&[0, 0, 0]);
                    *cell += i32::from(r) + 2 * i32::from(g) + i32::from(b);
                    clipped[half] += u32::from(r.max(g).max(b) >= CLIPPED);
                }
            }
        }
        clipped
    }
}

/// Cells a side: the longer has [`GRID`], the shape is the picture's, none is under a pixel.
fn grid((width, height): (usize, usize)) -> (usize, usize) {
    let longer = width.max(height);
    let cells = |side: usize| {
        if longer <= GRID {
            side
        } else {
            (side * GRID / longer).max(1)
        }
    };
    (cells(width), cells(height))
}

/// The two pixels that stand for cell `i` of `cells` along a side of `pixels`.
fn pair(i: usize, pixels: usize, cells: usize) -> (usize, usize) {
    let (from, to) = (i * pixels / cells, (i + 1) * pixels / cells);
    (from, from + (to - from) / 2)
}

fn fingerprint(frame: &Frame) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame.width().to_le_bytes());
    hasher.update(&frame.height().to_le_bytes());
    hasher.update(frame.pixels());
    hasher.finalize()
}

fn bright(cells: &[i32]) -> u8 {
    let mut histogram = [0usize; 256];
    for &cell in cells {
        histogram[(cell as usize / PARTS).min(255)] += 1;
    }
    let mut above = 0;
    for (luma, count) in histogram.iter().enumerate().rev() {
        above += count;
        if above > 0 && above * 100 >= cells.len() {
            return luma as u8;
        }
    }
    0
}

fn fewer_clipped(clipped: [u32; 2], columns: usize, rows: usize) -> u32 {
    let lower = rows / 2;
    let ppm = |count: u32, rows: usize| {
        let samples = (columns * rows * 4) as u64;
        (u64::from(count) * 1_000_000).checked_div(samples)
    };
    // A picture of one row has no other half.
    let halves = [ppm(clipped[0], rows - lower), ppm(clipped[1], lower)];
    halves.into_iter().flatten().min().unwrap_or(0) as u32
}

fn repeated_rows(cells: &[i32], columns: usize) -> u16 {
    let Some(rows) = cells.len().checked_div(columns).filter(|&rows| rows > 0) else {
        return 0;
    };
    let row = |y: usize| {
        cells
            .get(y * columns..(y + 1) * columns)
            .unwrap_or_default()
    };
    let clipped = i32::from(CLIPPED) * PARTS as i32;
    let (mut longest, mut run) = (0, 0);
    for y in rows.div_ceil(2).max(1)..rows {
        let repeated = row(y) == row(y - 1) && row(y).iter().any(|&cell| cell < clipped);
        run = if repeated { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    (longest * 1000 / rows) as u16
}

fn sharpness(cells: &[i32], columns: usize) -> Option<u16> {
    let rows = cells.len().checked_div(columns)?;
    if columns <= 2 * LAG || rows <= 2 * LAG {
        return None;
    }
    let (mut fine, mut coarse) = (0u64, 0u64);
    for y in LAG..rows - LAG {
        let row = |y: usize| {
            cells
                .get(y * columns..(y + 1) * columns)
                .unwrap_or_default()
        };
        let (here, up, down) = (row(y), row(y - 1), row(y + 1));
        let (far_up, far_down) = (row(y - LAG), row(y + LAG));
        for (x, window) in here.windows(2 * LAG + 1).enumerate() {
            let twice = 2 * window[LAG];
            let square = |d: i32| i64::from(d).unsigned_abs().pow(2);
            fine += square(window[LAG - 1] + window[LAG + 1] - twice)
                + square(up[x + LAG] + down[x + LAG] - twice);
            coarse += square(window[0] + window[2 * LAG] - twice)
                + square(far_up[x + LAG] + far_down[x + LAG] - twice);
        }
    }
    let differences = 2 * ((columns - 2 * LAG) * (rows - 2 * LAG)) as u64;
    if coarse < differences * (LEAST_CONTRAST * PARTS as u64).pow(2) {
        return Some(0);
    }
    // At most 51200 squares of 8160: a million times that fits.
    Some((fine * 1_000_000 / coarse).isqrt().min(u16::MAX.into()) as u16)
}

#[cfg(test)]
#[path = "quality_tests.rs"]
mod tests;
