//! The methods in one table: same networks, same data, same steps.

mod bundle;
mod config;
mod judge;
mod material;
mod page;
mod row;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
pub use config::{Bench, BenchError, Learn, Row, TrainingPlan};
use tch::Device;

use material::Material;
use row::Done;

/// Where a bench finds and leaves things.
#[derive(Clone, Debug)]
pub struct Place {
    /// The bench's file; `sets/` lies beside it.
    pub file: PathBuf,
    /// Folder of what is made: `rows/NAME-SEED/` and the table.
    pub out: PathBuf,
    /// Folder of all data.
    pub data: PathBuf,
}

/// Does all rows that are not finished, then writes `table.csv`, `table.json` and `table.html`, and the
/// rows as heads of one bundle, `bundle/`.
///
/// # Errors
/// Where the bench cannot be done, data cannot be read, or a row was begun with another
/// configuration.
pub fn run(place: &Place, device: Device) -> anyhow::Result<()> {
    let (bench, sets) = Bench::read(&place.file)?;
    let rows: Vec<(&Row, u64)> = bench
        .seeds
        .iter()
        .flat_map(|&seed| bench.rows.iter().map(move |row| (row, seed)))
        .collect();
    let folder = |row: &Row, seed: u64| place.out.join("rows").join(format!("{}-{seed}", row.name));
    let mut missing = vec![];
    for &(row, seed) in &rows {
        if Done::read(&folder(row, seed), &bench, row)?.is_none() {
            missing.push((row, seed));
        }
    }
    if !missing.is_empty() {
        let material = Material::load(&bench, &sets, &place.data, device)?;
        for seed in &bench.seeds {
            let of_seed: Vec<&Row> = missing
                .iter()
                .filter(|m| m.1 == *seed)
                .map(|m| m.0)
                .collect();
            if of_seed.is_empty() {
                continue;
            }
            let known = material.known(&bench, *seed)?;
            for row in of_seed {
                log::info!("{}, seed {seed}", row.name);
                row::make(&bench, row, *seed, &material, &known, &folder(row, *seed))
                    .with_context(|| format!("row {:?}, seed {seed}", row.name))?;
            }
        }
    }
    let mut done = vec![];
    for &(row, seed) in &rows {
        done.extend(Done::read(&folder(row, seed), &bench, row)?);
    }
    write(&place.out.join("table.csv"), &table::csv(&done))?;
    write(
        &place.out.join("table.json"),
        &serde_json::to_string_pretty(&done)?,
    )?;
    write(&place.out.join("table.html"), &page::html(&bench, &done))?;
    let of = |d: &Done| {
        place
            .out
            .join("rows")
            .join(format!("{}-{}", d.name, d.seed))
    };
    bundle::write(&bench, &done, of, &place.out.join("bundle"))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
