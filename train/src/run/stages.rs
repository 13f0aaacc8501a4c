//! The stages that `lookout` itself does: calibration and evaluation, on sets that are written for it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use lookout_scene::Anomaly;

use super::segmentation::RENDER_VALIDATION_SEED;
use super::{Surroundings, ValidationSet, write_set};
use crate::data::{Cutout, Picture, Rendering, SetFile, rendered};

/// Seeds of what is pasted: for thresholds, and for figures.
const SEEDS: [u64; 2] = [7, 11];
/// Rendered validation drives, half of them for thresholds.
const RENDERING: Rendering = Rendering {
    drives: 24,
    frames: 4,
};

/// What the values of the written masks mean: a set without void shows only 0 and 255.
pub(crate) const CONVENTION: [&str; 2] = ["--mask-convention", "lookout"];

/// Writes `sets/calibration` (every second validation picture of all sets, with held-out things
/// pasted where the set says how), `sets/pasted-NAME` (the other pictures, other things),
/// `sets/rendered` and `sets/clean-NAME` (all validation pictures as they are).
pub(super) fn write_sets(
    around: &Surroundings,
    sets: &BTreeMap<String, SetFile>,
    cutouts: &[Cutout],
) -> anyhow::Result<()> {
    let out = around.out.join("sets");
    if out.join("complete").exists() {
        return Ok(());
    }
    let half = |pictures: &[Picture], first: usize| -> Vec<Picture> {
        pictures.iter().skip(first).step_by(2).cloned().collect()
    };
    let calibration = out.join("calibration");
    for (name, set) in sets {
        let Some(part) = &set.validation else {
            continue;
        };
        let pictures = part.load(&around.data)?;
        write_set(pictures.iter(), name, &out.join(format!("clean-{name}")))?;
        let (even, odd) = (half(&pictures, 0), half(&pictures, 1));
        let Some(how) = set.pasted else {
            write_set(even.iter(), name, &calibration)?;
            continue;
        };
        let [even, odd] = [(even, SEEDS[0]), (odd, SEEDS[1])]
            .map(|(pictures, seed)| ValidationSet::pasted(&pictures, how, cutouts, seed));
        write_set(even.pictures.iter(), name, &calibration)?;
        write_set(
            odd.pictures.iter(),
            name,
            &out.join(format!("pasted-{name}")),
        )?;
    }
    let made = rendered(RENDER_VALIDATION_SEED, RENDERING, Anomaly::HeldOut)?;
    let (first, second) = made.split_at(made.len() / 2);
    write_set(first.iter(), "rendered", &calibration)?;
    write_set(second.iter(), "rendered", &out.join("rendered"))?;
    File::create(out.join("complete"))?;
    Ok(())
}

/// Thresholds of these modes, into the bundle.
pub(super) fn calibrate(around: &Surroundings, modes: &[&str]) -> anyhow::Result<()> {
    let set = around.out.join("sets/calibration");
    let text = "every second validation picture of the sets, held-out things pasted (seed 7)";
    for &mode in modes {
        log::info!("calibrates {mode}");
        lookout(
            around,
            &around.out.join("calibration").join(format!("{mode}.toml")),
            |command| {
                command
                    .arg("calibrate")
                    .args([set.join("images"), set.join("masks")]);
                command.args(["--mode", mode, "--write", "--calibration", text]);
                command.args(CONVENTION);
            },
        )?;
    }
    Ok(())
}

/// What the labels of the sets are to a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Labels {
    /// Its classes, by their numbers.
    OfTheClasses,
    /// Classes of others.
    Foreign,
}

/// Figures of every set, as JSON. With foreign labels there is nothing to say of a set without masks.
pub(super) fn evaluate(around: &Surroundings, labels: Labels) -> anyhow::Result<()> {
    let mut folders: Vec<_> = fs::read_dir(around.out.join("sets"))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    folders.retain(|path| path.is_dir() && !path.ends_with("calibration"));
    folders.sort();
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    for set in &folders {
        let clean = name(set).starts_with("clean-");
        if clean && labels == Labels::Foreign {
            continue;
        }
        log::info!("evaluates on {}", name(set));
        let to = around
            .out
            .join("evaluation")
            .join(format!("{}.json", name(set)));
        lookout(around, &to, |command| {
            command.arg("evaluate").arg(set.join("images"));
            // what is clean has labels and no masks
            match clean {
                true => command.arg("-"),
                false => command.arg(set.join("masks")).args(CONVENTION),
            };
            if labels == Labels::OfTheClasses {
                command.arg("--labels").arg(set.join("labels"));
            }
            command.arg("--json");
        })?;
    }
    let real = around.data.join("road_anomaly21_val");
    if real.is_dir() {
        let to = around.out.join("evaluation/road_anomaly21_val.json");
        lookout(around, &to, |command| {
            command
                .arg("evaluate")
                .args([real.join("images"), real.join("masks")]);
            command.args(CONVENTION).arg("--json");
        })?;
    }
    Ok(())
}

fn lookout(
    around: &Surroundings,
    to: &Path,
    arguments: impl FnOnce(&mut Command),
) -> anyhow::Result<()> {
    run_lookout(&around.lookout, &around.out.join("bundle"), to, arguments)
}

/// Runs `lookout` with a bundle; what it prints goes to a file, which is there only when it did not fail.
pub(crate) fn run_lookout(
    program: &Path,
    bundle: &Path,
    to: &Path,
    arguments: impl FnOnce(&mut Command),
) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = to.with_extension("part");
    let out = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
    let mut command = Command::new(program);
    arguments(&mut command);
    command.arg("--bundle").arg(bundle);
    let status = command
        .stdin(Stdio::null())
        .stdout(out)
        .status()
        .with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    fs::rename(&part, to).with_context(|| format!("cannot write {}", to.display()))
}
