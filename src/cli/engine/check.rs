//! `lookout engine check`: an engine held against the reference on a bundle's pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use lookout::engine::{
    Agreement, Asked, Engine, Mode, Options, OrtEngine, RtenEngine, find_onnxruntime,
};
use lookout::frame::file::read_image;
use lookout::model::Bundle;
use lookout::score::ScoreKind;
use serde_json::json;

use crate::cli::EngineArgs;
use crate::cli::listing;
use crate::cli::pictures::{self, note};

/// Flags of `lookout engine check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Folder with pictures (JPEG, PNG, WebP); those of the bundle without it.
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// What was found as JSON on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> Result<()> {
    let bundle = args.engine.bundle()?;
    let pictures = match &args.images {
        Some(folder) => listing::list(folder)?.into_iter().map(|p| p.path).collect(),
        None => bundle.pictures()?,
    };
    ensure!(
        !pictures.is_empty(),
        "the bundle {} has no pictures to compare on: give --images DIR, or name some in [acceptance] of its \
         model.toml",
        bundle.manifest().name
    );
    let options = args.engine.options();
    let mut reference = reference(&bundle, options)?;
    let mut other = args.engine.open(&bundle)?;
    ensure!(
        other.name() != reference.name(),
        "{} is the reference itself for the bundle {}: name another engine by --engine",
        other.name(),
        bundle.manifest().name
    );
    let found = compare(&bundle, reference.as_mut(), other.as_mut(), &pictures)?;
    let limits = &bundle.manifest().acceptance;
    let accepted = found.iter().all(|agreement| agreement.is_within(limits));
    for agreement in &found {
        note(words(agreement, &pictures));
    }
    if args.json {
        super::print(&json!({
            "bundle": bundle.hash(),
            "reference": reference.description(),
            "engine": other.description(),
            "pictures": pictures.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
            "label_agreement_limit": limits.label_agreement.get_ref(),
            "score_difference_limit": limits.score_difference.get_ref(),
            "modes": found,
            "accepted": accepted,
        }))?;
    }
    let limits = format!(
        "labels have to agree on {:.2} %, and scores to differ by {:.4} at most",
        f64::from(*limits.label_agreement.get_ref()) * 100.0,
        limits.score_difference.get_ref()
    );
    let (name, engine) = (&bundle.manifest().name, other.description());
    if !accepted {
        let failed = found
            .iter()
            .filter(|a| !a.is_within(&bundle.manifest().acceptance));
        let failed: Vec<_> = failed.map(|a| words(a, &pictures)).collect();
        bail!(
            "{engine} is not accepted for the bundle {name}: {}; {limits}",
            failed.join("; ")
        );
    }
    note(format_args!(
        "{engine} is accepted for the bundle {name}: {limits}"
    ));
    Ok(())
}

/// What every engine is held to: the built-in one or, where it cannot run the graphs, ONNX Runtime.
fn reference(bundle: &Bundle, options: Options) -> Result<Box<dyn Engine>> {
    let built_in = match RtenEngine::load(bundle, options.threads) {
        Ok(engine) => return Ok(Box::new(engine)),
        Err(e) => e,
    };
    note(format_args!(
        "the built-in engine cannot be the reference, ONNX Runtime is: {built_in}"
    ));
    let library = find_onnxruntime().context("there is no reference engine")?;
    let engine = OrtEngine::load(bundle, &library, options.threads);
    Ok(Box::new(engine.context("there is no reference engine")?))
}

/// Every mode that the bundle has, with the observer where there is one.
fn compare(
    bundle: &Bundle,
    reference: &mut dyn Engine,
    other: &mut dyn Engine,
    pictures: &[PathBuf],
) -> Result<Vec<Agreement>> {
    let manifest = bundle.manifest();
    let score = Asked::score_of(manifest, ScoreKind::Observer);
    let modes = Mode::ALL.into_iter();
    let modes = modes.filter(|m| m.observer == score.needs_observer() && m.check(manifest).is_ok());
    let mut found: Vec<_> = modes
        .map(|mode| (mode, Agreement::new(mode, score)))
        .collect();
    let bar = pictures::progress(pictures.len());
    for path in pictures {
        let frame = read_image(path)?;
        let named = || path.display().to_string();
        for (mode, agreement) in &mut found {
            let want = reference.run(&frame, *mode).with_context(named)?;
            let got = other.run(&frame, *mode).with_context(named)?;
            agreement.add(want, got).with_context(named)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(found.into_iter().map(|(_, agreement)| agreement).collect())
}

fn words(agreement: &Agreement, pictures: &[PathBuf]) -> String {
    let worst = pictures.get(agreement.worst_picture);
    format!(
        "mode {}, {} pictures: labels agree on {:.2} %, the greatest difference of {} is {:.4} ({})",
        agreement.mode,
        agreement.pictures,
        agreement.label_agreement * 100.0,
        agreement.score,
        agreement.score_difference,
        worst
            .map(PathBuf::as_path)
            .unwrap_or(Path::new(""))
            .display(),
    )
}
