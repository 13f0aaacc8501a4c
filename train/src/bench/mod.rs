//! The methods in one table: same networks, same data, same steps.

mod bundle;
mod card;
mod config;
mod judge;
mod line;
mod material;
mod page;
mod plots;
mod row;
mod table;
mod thresholds;
mod times;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
pub use config::{Bench, BenchError, Learn, Row, TrainingPlan};
use tch::Device;

use crate::data::SetFile;
use crate::nets::OBSERVER;
use material::{Material, write_calibration};
use row::Done;
use thresholds::Calibration;

/// Where a bench finds and leaves things.
#[derive(Clone, Debug)]
pub struct Place {
    /// The bench's file; `sets/` lies beside it.
    pub file: PathBuf,
    /// Folder of what is made: `rows/NAME-SEED/` and the table.
    pub out: PathBuf,
    /// Folder of all data.
    pub data: PathBuf,
    /// The program `lookout`, which makes the bundle's thresholds.
    pub lookout: PathBuf,
    /// Threads of the engines that heads are timed on.
    pub threads: usize,
}

impl Place {
    fn row(&self, name: &str, seed: u64) -> PathBuf {
        self.out.join("rows").join(format!("{name}-{seed}"))
    }
}

/// Does all rows that are not finished, makes the rows of the first seed heads of one bundle, `bundle/`, with
/// thresholds and a card, times them, and writes `table.csv`, `table.json` and `table.html`. Killed
/// anywhere, it goes on behind the last row, time and threshold that was finished.
///
/// # Errors
/// Where the bench cannot be done, data cannot be read, or a row was begun with another
/// configuration.
pub fn run(place: &Place, device: Device) -> anyhow::Result<()> {
    let (bench, sets) = Bench::read(&place.file)?;
    anyhow::ensure!(
        place.lookout.is_file(),
        "there is no program {}: build it with `cargo build --release -p lookout`, or say where it is with --lookout",
        place.lookout.display()
    );
    make_rows(place, &bench, &sets, device)?;
    let mut done = vec![];
    for (row, seed) in rows(&bench) {
        done.extend(Done::read(&place.row(&row.name, seed), &bench, row)?);
    }
    let bundle = place.out.join("bundle");
    let folder = |d: &Done| place.row(&d.name, d.seed);
    bundle::write(&bench, &done, folder, &bundle)?;
    time_heads(place, &bench, &sets, &bundle, &mut done)?;
    write(&place.out.join("table.csv"), &table::csv(&done))?;
    write(
        &place.out.join("table.json"),
        &serde_json::to_string_pretty(&done)?,
    )?;
    write(
        &place.out.join("table.html"),
        &page::html(&bench, place.threads, &done),
    )?;

    let set = place.out.join("calibration/set");
    write_calibration(&bench, &sets, &place.data, &set)?;
    let calibration = Calibration {
        lookout: &place.lookout,
        bundle: &bundle,
        set: &set,
    };
    calibration.add_own(&place.out.join("calibration"))?;
    for row in first_seed(&bench, &done) {
        match row.score().filter(|kind| kind.needs_head()) {
            Some(kind) if row.output != OBSERVER => calibration.add_head(kind, &folder(row))?,
            _ => {}
        }
    }
    write(
        &bundle.join("card.md"),
        &card::markdown(&bench, place, &done),
    )
}

/// Each row with each seed.
fn rows(bench: &Bench) -> impl Iterator<Item = (&Row, u64)> {
    let seeds = bench.seeds.iter();
    seeds.flat_map(move |&seed| bench.rows.iter().map(move |row| (row, seed)))
}

/// The finished rows that are in the bundle, as far as a graph can be.
fn first_seed<'a>(bench: &'a Bench, done: &'a [Done]) -> impl Iterator<Item = &'a Done> {
    let first = bench.seeds.first();
    done.iter().filter(move |d| Some(&d.seed) == first)
}

fn make_rows(
    place: &Place,
    bench: &Bench,
    sets: &BTreeMap<String, SetFile>,
    device: Device,
) -> anyhow::Result<()> {
    let mut missing = vec![];
    for (row, seed) in rows(bench) {
        if Done::read(&place.row(&row.name, seed), bench, row)?.is_none() {
            missing.push((row, seed));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let material = Material::load(bench, sets, &place.data, device)?;
    for &seed in &bench.seeds {
        let of_seed = missing.iter().filter(|m| m.1 == seed).map(|m| m.0);
        let of_seed: Vec<&Row> = of_seed.collect();
        if of_seed.is_empty() {
            continue;
        }
        let known = material.known(bench, seed)?;
        for row in of_seed {
            log::info!("{}, seed {seed}", row.name);
            let folder = place.row(&row.name, seed);
            row::make(bench, row, seed, &material, &known, &folder)
                .with_context(|| format!("row {:?}, seed {seed}", row.name))?;
        }
    }
    Ok(())
}

/// Pictures that heads are timed on.
const FRAMES: usize = 8;

fn time_heads(
    place: &Place,
    bench: &Bench,
    sets: &BTreeMap<String, SetFile>,
    bundle: &Path,
    done: &mut [Done],
) -> anyhow::Result<()> {
    let part = sets.values().find_map(|set| set.validation.as_ref());
    let part = part.context("no set has a validation part")?;
    let frames = times::frames(&part.load_some(&place.data, FRAMES)?)?;
    let first = bench.seeds.first();
    for d in done.iter_mut().filter(|d| Some(&d.seed) == first) {
        let Some(kind) = d.score() else {
            continue;
        };
        let file = place.row(&d.name, d.seed).join("times.json");
        d.times = times::measured(bundle, kind, &frames, place.threads, &file)
            .with_context(|| format!("row {:?}", d.name))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
