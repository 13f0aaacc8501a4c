//! Contact sheets of the worst and the best pictures.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use jpeg_encoder::{ColorType, Encoder};
use lookout::decide::AnomalyMask;
use lookout::evaluate::ANOMALOUS;
use lookout::frame::{Frame, file::read_image};
use lookout::paint::Painter;
use lookout::time::Stamp;

use super::Set;
use super::evaluator::Evaluator;
use crate::cli::listing;
use crate::cli::pictures::{self, FolderLock};

/// Pictures on a sheet.
const TILES: usize = 24;
/// Longest side of a panel, in pixels.
const SIDE: u32 = 320;
/// Panels beside each other on a sheet.
const ACROSS: usize = 6;
/// Between rows, in pixels.
const GAP: u32 = 4;
const QUALITY: u8 = 90;
const BEST: &str = "best.jpg";
const WORST: &str = "worst.jpg";
const NAMES: &str = "sheets.txt";

/// One picture on a sheet: its panels from left to right.
type Tile = Vec<Frame>;

/// Makes the folder, and refuses one in which a sheet would replace a picture.
pub(super) fn check(folder: &Path, set: &Set) -> Result<FolderLock> {
    let outputs = [BEST, WORST].map(|name| folder.join(name));
    listing::spare_inputs(&set.pictures, &outputs)?;
    pictures::output_dir(folder, true)
}

/// Writes both sheets and the list of what is on them.
pub(super) fn write(folder: &Path, evaluator: &mut Evaluator, set: &Set) -> Result<()> {
    let ranks = evaluator.figures().iter().enumerate();
    let mut ranked: Vec<(f64, usize)> = ranks
        .filter_map(|(at, figures)| Some((figures.rank?, at)))
        .collect();
    if ranked.is_empty() {
        bail!("no picture can be ranked for --sheets: there is no threshold, or nothing is known");
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut names = legend(evaluator);
    let worst: Vec<_> = ranked.iter().map(|r| r.1).take(TILES).collect();
    let best: Vec<_> = ranked.iter().rev().map(|r| r.1).take(TILES).collect();
    for (name, places) in [(WORST, worst), (BEST, best)] {
        let tiles = places.iter().map(|&at| tile(evaluator, set, at));
        let tiles = tiles.collect::<Result<Vec<_>>>()?;
        let columns = columns(&tiles);
        let _ = writeln!(
            names,
            "\n{name}\n row column    rank  found  flagged  picture"
        );
        for (place, &at) in places.iter().enumerate() {
            let f = evaluator.figures()[at];
            let _ = writeln!(
                names,
                "{:>4} {:>6} {:>7.4} {:>6} {:>7.2}%  {}",
                place / columns + 1,
                place % columns + 1,
                f.rank.unwrap_or(f64::NAN),
                format!("{}/{}", f.found.found, f.found.things),
                f.flagged.unwrap_or(f64::NAN) * 100.0,
                set.pictures[at].path.display()
            );
        }
        save(&folder.join(name), &sheet(&tiles)?)?;
    }
    pictures::replace_file(&folder.join(NAMES), |file| {
        Ok(file.write_all(names.as_bytes())?)
    })
}

/// What is on the sheets, and in which order.
fn legend(evaluator: &Evaluator) -> String {
    let truth = evaluator.truth();
    let score = evaluator.counts().first();
    let mask = match score.and_then(|c| Some((c.kind, c.threshold?))) {
        Some((kind, threshold)) => format!("the mask of {kind} over {threshold:.4}"),
        None => "no mask, for want of a threshold".to_owned(),
    };
    let mut text = format!("Each picture, from left to right: with {mask}");
    for (there, what) in [
        (truth.masks, "; with the true mask"),
        (truth.labels, "; its classes"),
    ] {
        text += if there { what } else { "" };
    }
    text += match (truth.masks, truth.labels) {
        (false, true) => ".\nRanked by mIoU.\n",
        _ => {
            ".\nRanked by the share of the anomalous pixels in the mask (1 where there are none) \
             less the share of the known pixels in it.\n"
        }
    };
    text
}

/// The panels of one picture.
fn tile(evaluator: &mut Evaluator, set: &Set, at: usize) -> Result<Tile> {
    let path = &set.pictures[at].path;
    let named = || path.display().to_string();
    let frame = read_image(path)?;
    let size = fit((frame.width(), frame.height()));
    let truth = set.masks.as_ref();
    let truth = truth.map(|masks| masks.labels(at, None)).transpose()?;
    let (mask, classes) = evaluator.look(&frame, size).with_context(named)?;
    let small = resized(&frame, size).with_context(named)?;
    let mut painter = Painter::default();
    let mut panels = Vec::new();
    let truth = truth.and_then(|(labels, of)| reduced(&labels, of, size));
    for mask in [Some(mask), truth].into_iter().flatten() {
        let mut rgb = Vec::new();
        painter.overlay(&small, &mask, &mut rgb);
        panels.push(rgb);
    }
    if set.labels.is_some() {
        let colours = evaluator.colours();
        let colour = |&id: &u8| colours.get(usize::from(id)).copied().unwrap_or_default();
        panels.push(classes.iter().flat_map(colour).collect());
    }
    let panel = |rgb| Frame::from_rgb(frame.stamp(), size.0, size.1, rgb).with_context(named);
    panels.into_iter().map(panel).collect()
}

/// A picture at the size of a panel.
fn resized(frame: &Frame, (width, height): (u32, u32)) -> Result<Frame> {
    let from = ImageRef::new(
        frame.width(),
        frame.height(),
        frame.pixels(),
        PixelType::U8x3,
    )?;
    let mut to = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
    Resizer::new().resize(&from, &mut to, &options)?;
    Ok(Frame::from_rgb(
        frame.stamp(),
        width,
        height,
        to.into_vec(),
    )?)
}

/// The size of a panel for a picture of this size.
fn fit((width, height): (u32, u32)) -> (u32, u32) {
    let longer = width.max(height).max(1);
    let side = |of: u32| (u64::from(of) * u64::from(SIDE) / u64::from(longer)).max(1) as u32;
    (side(width), side(height))
}

/// The anomalous pixels of labels at another size; a single one still shows.
fn reduced(labels: &[u8], from: (u32, u32), to: (u32, u32)) -> Option<AnomalyMask> {
    let [width, height, columns, rows] = [from.0, from.1, to.0, to.1].map(|side| side as usize);
    let mut pixels = vec![0; columns * rows];
    for (y, row) in labels.chunks(width.max(1)).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, l)| **l == ANOMALOUS) {
            pixels[y * rows / height * columns + x * columns / width] = 255;
        }
    }
    AnomalyMask::from_pixels(columns, rows, pixels)
}

/// Tiles beside each other.
fn columns(tiles: &[Tile]) -> usize {
    let panels = tiles.iter().map(|tile| tile.len()).max().unwrap_or(1);
    (ACROSS / panels.max(1)).max(1)
}

/// The tiles, row by row, on black.
fn sheet(tiles: &[Tile]) -> Result<Frame> {
    let columns = columns(tiles);
    let size = |of: fn(&Frame) -> u32| {
        let panels = tiles.iter().flatten();
        panels.map(of).max().unwrap_or(1)
    };
    let (width, height) = (size(Frame::width), size(Frame::height));
    let panels = tiles.iter().map(|tile| tile.len()).max().unwrap_or(1);
    let rows = tiles.len().div_ceil(columns);
    let across = width * (columns * panels) as u32;
    let down = (height + GAP) * rows as u32;
    let mut pixels = vec![0; across as usize * down as usize * 3];
    for (at, tile) in tiles.iter().enumerate() {
        let top = at / columns * (height + GAP) as usize;
        for (panel, picture) in tile.iter().enumerate() {
            let left = (at % columns * panels + panel) * width as usize;
            let row = picture.width() as usize * 3;
            for (y, from) in picture.pixels().chunks(row).enumerate() {
                let to = ((top + y) * across as usize + left) * 3;
                pixels[to..to + row].copy_from_slice(from);
            }
        }
    }
    Ok(Frame::from_rgb(Stamp::default(), across, down, pixels)?)
}

fn save(path: &Path, sheet: &Frame) -> Result<()> {
    let (width, height) = (
        u16::try_from(sheet.width())?,
        u16::try_from(sheet.height())?,
    );
    pictures::replace_file(path, |file| {
        Encoder::new(file, QUALITY).encode(sheet.pixels(), width, height, ColorType::Rgb)?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_keep_the_shape_of_their_pictures() {
        for (picture, panel) in [
            ((1280, 720), (320, 180)),
            ((480, 360), (320, 240)),
            ((100, 200), (160, 320)),
            ((10_000, 1), (320, 1)),
        ] {
            assert_eq!(fit(picture), panel);
        }
    }

    #[test]
    fn a_single_anomalous_pixel_shows_on_a_panel() {
        let mut labels = vec![0; 64 * 32];
        labels[31 * 64 + 63] = ANOMALOUS;
        let mask = reduced(&labels, (64, 32), (4, 2)).unwrap();
        assert_eq!(mask.pixels(), [0, 0, 0, 0, 0, 0, 0, 255]);
    }

    #[test]
    fn tiles_stand_in_rows_in_their_order() {
        let panel = |v: u8| Frame::from_rgb(Stamp::default(), 2, 3, vec![v; 2 * 3 * 3]).unwrap();
        // two panels a tile, so three tiles a row
        let tiles: Vec<Tile> = (1..=4)
            .map(|v| vec![panel(v * 10), panel(v * 10 + 1)])
            .collect();
        let sheet = sheet(&tiles).unwrap();
        assert_eq!((sheet.width(), sheet.height()), (2 * 6, 2 * (3 + GAP)));
        let at = |x: u32, y: u32| sheet.pixels()[(y * sheet.width() + x) as usize * 3];
        let across: Vec<u8> = (0..6).map(|i| at(2 * i, 0)).collect();
        assert_eq!(across, [10, 11, 20, 21, 30, 31]);
        assert_eq!(
            (at(0, 3 + GAP), at(2, 3 + GAP), at(4, 3 + GAP)),
            (40, 41, 0)
        );
    }
}
