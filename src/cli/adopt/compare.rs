//! `--reference`: what the network's own framework gave, against what comes out here.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lookout_adopt::network::Network;
use lookout_adopt::normalisation::Normalisation;
use lookout_adopt::output::LOGITS;
use lookout_adopt::probe::Candidate;
use lookout_adopt::reference::{self, Difference, LIMIT};
use lookout_adopt::run::{Measured, Runner as _, Session};

use super::engines::Runner;
use super::pictures::{self, Pictures};
use crate::cli::pictures::note;

/// Compares every `.npy` of a folder; a line each.
pub(super) fn compare(
    network: &Network,
    normalisation: Normalisation,
    folder: &Path,
    pictures: Option<&Pictures>,
) -> Result<Vec<String>> {
    let pairs = pairs(folder, pictures)?;
    let mut logits = Runner
        .open(network.graph.clone())
        .map_err(anyhow::Error::msg)?;
    // labels and larger logits of the network's own end; an engine may not run that
    let (graph, names) = network.whole();
    let mut whole = Runner.open(graph).map(|session| (session, names));
    // the order of colours is in the graph
    let candidate = Candidate {
        name: "",
        normalisation,
        order: Default::default(),
    };
    let mut lines = vec![];
    let mut failed = 0;
    for (npy, picture) in &pairs {
        let array = reference::read_npy(npy)?;
        let size = |original| network.front.fixed.unwrap_or(original);
        let planes = pictures::read(picture, size)?;
        if planes.size != planes.original {
            let (from, to) = (planes.original, planes.size);
            note(format_args!(
                "reference: {} is {}x{} and is stretched to {}x{}; a framework that does so otherwise gives other numbers",
                picture.display(),
                from.0,
                from.1,
                to.0,
                to.1
            ));
        }
        let input = candidate.planes(&planes.values);
        let run = |session: &mut Box<dyn Session>, names: &[String]| {
            session
                .run(planes.size, &input, names)
                .map_err(anyhow::Error::msg)
        };
        let first = [LOGITS.to_owned()];
        let mut outputs: Vec<(String, Measured)> = first
            .iter()
            .cloned()
            .zip(run(&mut logits, &first)?)
            .collect();
        if let Ok((session, names)) = &mut whole
            && let Ok(made) = run(session, names)
        {
            outputs.extend(names.iter().cloned().zip(made));
        }
        let difference = reference::compare(&array, &outputs, network.logits.classes)
            .map_err(|why| match &whole {
                Ok(_) => anyhow::Error::msg(why),
                Err(e) => {
                    anyhow::anyhow!("{why}; the network's own outputs cannot be run here: {e}")
                }
            })
            .with_context(|| npy.display().to_string())?;
        failed += usize::from(difference.greatest > LIMIT);
        let line = words(&difference, picture, planes.original);
        note(format_args!("reference: {line}"));
        lines.push(line);
    }
    if failed > 0 {
        let mut nodes = network.nodes.iter();
        let rounding = match nodes.any(|(_, operator)| operator == "DequantizeLinear") {
            true => {
                ". The network is quantised, and engines round its sums otherwise: compare with the one that made the references \
                 (for ONNX Runtime, ORT_DYLIB_PATH names its library)"
            }
            false => "",
        };
        bail!(
            "{failed} of {} references differ by more than {LIMIT}: the normalisation, the order of colours or the layout is not \
             the framework's, or its pictures were prepared otherwise{rounding}; nothing was written",
            pairs.len()
        );
    }
    Ok(lines)
}

fn words(difference: &Difference, picture: &Path, (width, height): (u32, u32)) -> String {
    let pixel = |share: f64, side: u32| (share * f64::from(side)) as u32;
    let (x, y) = difference.place;
    let (x, y) = (pixel(x, width), pixel(y, height));
    let (theirs, ours) = difference.values;
    let (picture, output) = (picture.display(), &difference.output);
    match difference.labels {
        true => format!(
            "{picture} against {output:?}: {:.4} % of the labels differ; the first at column {x}, row {y}, theirs {theirs}, ours \
             {ours}",
            difference.greatest * 100.0
        ),
        false => format!(
            "{picture} against {output:?}: the greatest difference is {:.6}, at column {x}, row {y}, theirs {theirs}, ours {ours}",
            difference.greatest
        ),
    }
}

/// Each array with its picture.
fn pairs(folder: &Path, pictures: Option<&Pictures>) -> Result<Vec<(PathBuf, PathBuf)>> {
    let cannot = || format!("cannot read the folder {}", folder.display());
    let mut arrays = vec![];
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension() == Some(OsStr::new("npy")) {
            arrays.push(path);
        }
    }
    arrays.sort_unstable();
    if arrays.is_empty() {
        bail!(
            "no .npy file in {}: save the framework's outputs with numpy.save",
            folder.display()
        );
    }
    let beside = |npy: &Path| {
        let mut all = ["png", "jpg", "jpeg", "webp"].into_iter();
        all.find_map(|extension| Some(npy.with_extension(extension)).filter(|path| path.is_file()))
    };
    let pair = |npy: PathBuf| {
        let stem = npy.file_stem().unwrap_or_default();
        let picture = beside(&npy).or_else(|| pictures?.named(stem));
        let none = || {
            format!(
                "{} has no picture of its name beside it or in --images",
                npy.display()
            )
        };
        let picture = picture.with_context(none)?;
        Ok((npy, picture))
    };
    arrays.into_iter().map(pair).collect()
}
