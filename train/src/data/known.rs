//! Known things cut from labelled pictures. Pasted elsewhere they stay known: their edges look like
//! those of pasted unknown things, so a network that learns edges instead of things is told.

use rand::RngExt;

use super::cutouts::Match;
use super::{Canvas, Cutout, Picture, Rng, paste};

/// Classes that are cut out: sign, car, pedestrian, bicyclist.
const CUT: [u8; 4] = [6, 8, 9, 10];
/// Smallest and largest area of a thing in pixels.
const AREA: std::ops::RangeInclusive<usize> = 80..=20_000;

/// A thing of a known class with its matte.
#[derive(Clone, Debug)]
pub struct KnownThing {
    /// Class id.
    pub class: u8,
    /// Colours and matte.
    pub cutout: Cutout,
}

/// Cuts the things out of a picture that do not touch its border: 8-connected regions of one class.
pub fn known_things(picture: &Picture) -> Vec<KnownThing> {
    let (w, h) = (picture.width, picture.height);
    let mut taken = vec![false; w * h];
    let mut things = vec![];
    for start in 0..w * h {
        let class = picture.label[start];
        if taken[start] || !CUT.contains(&class) {
            continue;
        }
        let region = region(picture, start, &mut taken);
        let (left, right) = bounds(region.iter().map(|i| i % w));
        let (top, bottom) = bounds(region.iter().map(|i| i / w));
        let inside = left > 0 && top > 0 && right + 1 < w && bottom + 1 < h;
        if !inside || !AREA.contains(&region.len()) {
            continue;
        }
        let (width, height) = (right - left + 1, bottom - top + 1);
        let mut rgba = vec![0; 4 * width * height];
        for i in region {
            let to = 4 * ((i / w - top) * width + i % w - left);
            rgba[to..to + 3].copy_from_slice(&picture.rgb[3 * i..3 * i + 3]);
            rgba[to + 3] = 255;
        }
        things.push(KnownThing {
            class,
            cutout: Cutout {
                name: String::new(),
                width,
                height,
                rgba,
            },
        });
    }
    things
}

/// The pixels of the region around `start`, which are taken.
fn region(picture: &Picture, start: usize, taken: &mut [bool]) -> Vec<usize> {
    let (w, h) = (picture.width, picture.height);
    let class = picture.label[start];
    let mut region = vec![start];
    taken[start] = true;
    let mut next = 0;
    while let Some(&i) = region.get(next) {
        next += 1;
        let (x, y) = (i % w, i / w);
        for ny in y.saturating_sub(1)..(y + 2).min(h) {
            for nx in x.saturating_sub(1)..(x + 2).min(w) {
                let n = ny * w + nx;
                if !taken[n] && picture.label[n] == class {
                    taken[n] = true;
                    region.push(n);
                }
            }
        }
    }
    region
}

fn bounds(values: impl Iterator<Item = usize>) -> (usize, usize) {
    values.fold((usize::MAX, 0), |(lo, hi), v| (lo.min(v), hi.max(v)))
}

/// Pastes a known thing somewhere: its pixels get its label, and are no outliers.
pub fn paste_known(canvas: &mut Canvas, things: &[KnownThing], rng: &mut Rng) {
    if things.is_empty() {
        return;
    }
    let thing = &things[rng.random_range(0..things.len())];
    let scaled = thing.cutout.scaled(rng.random_range(0.6f32..1.8));
    let x = rng.random_range(0.02f32..0.98) * canvas.width as f32;
    let y = rng.random_range(0.35f32..0.95) * canvas.height as f32;
    let (flip, matching) = (rng.random_bool(0.5), Match::strong(rng));
    paste(
        canvas,
        &scaled,
        (x as i64, y as i64),
        flip,
        &matching,
        |canvas, at| {
            canvas.label[at] = thing.class;
            canvas.outlier[at] = 0;
        },
    );
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// A grey road with a green sign of 10 by 12 in it, and a car at the border.
    fn picture() -> Picture {
        let (width, height) = (60, 40);
        let class = |i: usize| {
            let (x, y) = (i % width, i / width);
            match (x, y) {
                (20..30, 10..22) => 6,
                (50.., 20..) => 8,
                _ => 3,
            }
        };
        let label: Vec<u8> = (0..width * height).map(class).collect();
        let colour = |&c: &u8| if c == 6 { [0, 200, 0] } else { [90; 3] };
        Picture {
            width,
            height,
            rgb: label.iter().flat_map(colour).collect(),
            outlier: vec![0; label.len()],
            label,
        }
    }

    #[test]
    fn things_at_the_border_are_not_cut() {
        let things = known_things(&picture());
        assert_eq!(things.len(), 1);
        assert_eq!(things[0].class, 6);
        assert_eq!((things[0].cutout.width, things[0].cutout.height), (10, 12));
    }

    #[test]
    fn pasted_known_things_get_their_label_and_no_outlier() {
        let things = known_things(&picture());
        let mut pasted = 0;
        for seed in 0..30 {
            let mut canvas = Canvas::filled(80, 60, [0.5; 3]);
            canvas.label.fill(3);
            canvas.outlier.fill(2);
            paste_known(&mut canvas, &things, &mut Rng::seed_from_u64(seed));
            for (&label, &outlier) in canvas.label.iter().zip(&canvas.outlier) {
                assert_eq!(label == 6, outlier == 0, "seed {seed}");
            }
            pasted += canvas.label.iter().filter(|&&l| l == 6).count();
        }
        assert!(pasted > 30 * 40, "{pasted} pixels");
    }
}
