//! Compares two folders that `lookout score` wrote: `compare_scores A B [LIMIT]`.
//!
//! Says how far the scores are apart, and how many pixels differ in class and in mask. Fails where B lacks a
//! picture of A or has it at another size, or where more than LIMIT per cent of all classes or of all mask
//! pixels differ.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use image::{DynamicImage, GrayImage};

/// A score of 1 in 16 bits.
const ONE: f64 = 65535.0;

/// Pixels that differ.
#[derive(Default)]
struct Differing {
    pixels: u64,
    /// Largest share of one picture, and which.
    worst: (f64, String),
}

impl Differing {
    fn add(&mut self, name: &str, a: &[u8], b: &[u8]) {
        let pixels = a.iter().zip(b).filter(|(a, b)| a != b).count();
        self.pixels += pixels as u64;
        let share = pixels as f64 / a.len().max(1) as f64;
        if share > self.worst.0 {
            self.worst = (share, name.to_owned());
        }
    }

    /// In per cent.
    fn share(&self, of: u64) -> f64 {
        100.0 * self.pixels as f64 / of.max(1) as f64
    }

    fn tell(&self, what: &str, of: u64) -> String {
        let (share, pixels) = (self.share(of), self.pixels);
        let (worst, name) = (100.0 * self.worst.0, &self.worst.1);
        match pixels {
            0 => format!("{what}: no pixel differs"),
            _ => format!(
                "{what}: {share:.4} % of the pixels differ ({pixels}), at most {worst:.4} % of one \
                 picture ({name})"
            ),
        }
    }
}

fn main() -> Result<()> {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (a, b, limit) = match args.as_slice() {
        [a, b] => (PathBuf::from(a), PathBuf::from(b), None),
        [a, b, limit] => {
            let limit = limit.to_str().and_then(|l| l.parse::<f64>().ok());
            let limit = limit.filter(|l| (0.0..=100.0).contains(l));
            (
                a.into(),
                b.into(),
                Some(limit.context("LIMIT is not a percentage")?),
            )
        }
        _ => bail!("usage: compare_scores A B [LIMIT]"),
    };
    let mut names = names(&a.join("score"))?;
    names.sort_unstable();
    ensure!(!names.is_empty(), "no PNG in {}", a.join("score").display());

    let (mut pixels, mut sum, mut largest) = (0, 0, (0, String::new()));
    let (mut classes, mut masks) = (Differing::default(), Differing::default());
    for name in &names {
        let shown = name.to_string_lossy();
        let [a_score, b_score] = both(&a, &b, "score", name)?;
        let (DynamicImage::ImageLuma16(a_score), DynamicImage::ImageLuma16(b_score)) =
            (a_score, b_score)
        else {
            bail!("score/{shown} is not 16-bit grey");
        };
        let size = a_score.dimensions();
        ensure!(size == b_score.dimensions(), "score/{shown} has two sizes");
        for (a, b) in a_score.as_raw().iter().zip(b_score.as_raw()) {
            let apart = a.abs_diff(*b);
            sum += u64::from(apart);
            if apart > largest.0 {
                largest = (apart, shown.to_string());
            }
        }
        pixels += a_score.as_raw().len() as u64;
        for (kind, differing) in [("class", &mut classes), ("mask", &mut masks)] {
            let [a, b] = both(&a, &b, kind, name)?.map(grey);
            let named = || format!("{kind}/{shown} is not 8-bit grey");
            let (a, b) = (a.with_context(named)?, b.with_context(named)?);
            let same = a.dimensions() == size && b.dimensions() == size;
            ensure!(same, "{kind}/{shown} has not the size of score/{shown}");
            differing.add(&shown, a.as_raw(), b.as_raw());
        }
    }

    let mut out = std::io::stdout().lock();
    let mean = sum as f64 / pixels.max(1) as f64 / ONE;
    let most = f64::from(largest.0) / ONE;
    writeln!(out, "{} pictures, {pixels} pixels", names.len())?;
    write!(out, "score: {mean:.6} apart on average, at most {most:.6}")?;
    match largest.0 {
        0 => writeln!(out)?,
        _ => writeln!(out, " ({})", largest.1)?,
    }
    writeln!(out, "{}", classes.tell("class", pixels))?;
    writeln!(out, "{}", masks.tell("mask", pixels))?;
    if let Some(limit) = limit {
        for (what, differing) in [("classes", &classes), ("mask pixels", &masks)] {
            let share = differing.share(pixels);
            ensure!(
                share <= limit,
                "{share:.4} % of the {what} differ: more than {limit} %"
            );
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<OsString>> {
    let cannot = || format!("cannot read {}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let name = entry.with_context(cannot)?.file_name();
        if Path::new(&name).extension().is_some_and(|e| e == "png") {
            names.push(name);
        }
    }
    Ok(names)
}

/// The picture of that name in both folders.
fn both(a: &Path, b: &Path, kind: &str, name: &OsString) -> Result<[DynamicImage; 2]> {
    let read = |folder: &Path| {
        let path = folder.join(kind).join(name);
        image::open(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok([read(a)?, read(b)?])
}

fn grey(image: DynamicImage) -> Option<GrayImage> {
    match image {
        DynamicImage::ImageLuma8(image) => Some(image),
        _ => None,
    }
}
