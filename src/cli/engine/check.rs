//! `lookout engine check`: an engine held against the reference on a bundle's pictures.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use lookout::engine::{compare, open_unchecked, reference};
use lookout::score::ScoreKind;
use serde_json::json;

use crate::cli::EngineArgs;
use crate::cli::listing;
use crate::cli::pictures::note;

/// Flags of `lookout engine check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Folder with pictures (JPEG, PNG, WebP); those of the bundle without it.
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Head of the bundle that runs; the observer without it.
    #[arg(long, value_name = "NAME")]
    score: Option<ScoreKind>,
    /// What was found as JSON on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> Result<()> {
    let bundle = args.engine.bundle(args.score)?;
    let name = &bundle.manifest().name;
    let pictures: Vec<PathBuf> = match &args.images {
        Some(folder) => listing::list(folder)?.into_iter().map(|p| p.path).collect(),
        None => bundle.pictures()?,
    };
    ensure!(
        !pictures.is_empty(),
        "the bundle {name} has no pictures to compare on: give --images DIR, or name some in [acceptance] of \
         its model.toml"
    );
    let options = args.engine.options();
    let mut reference =
        reference(&bundle, options.threads).context("there is no reference engine")?;
    let mut other = open_unchecked(&bundle, options)?;
    ensure!(
        other.name() != reference.name(),
        "{} is the reference itself for the bundle {name}: name another engine by --engine",
        other.name()
    );
    let found = compare(&bundle, reference.as_mut(), other.as_mut(), &pictures)?;
    let limits = &bundle.manifest().acceptance;
    let accepted = found.iter().all(|agreement| agreement.is_within(limits));
    for agreement in &found {
        note(agreement.line(&pictures));
    }
    let engine = other.description();
    if args.json {
        super::print(&json!({
            "bundle": bundle.hash(),
            "reference": reference.description(),
            "engine": engine,
            "pictures": pictures.iter().map(|p| p.display().to_string()).collect::<Vec<_>>(),
            "label_agreement_limit": limits.label_agreement.get_ref(),
            "score_difference_limit": limits.score_difference.get_ref(),
            "modes": found,
            "accepted": accepted,
        }))?;
    }
    let words = limits.line();
    if !accepted {
        let failed = found.iter().filter(|a| !a.is_within(limits));
        let failed: Vec<_> = failed.map(|a| a.line(&pictures)).collect();
        let failed = failed.join("; ");
        bail!("{engine} is not accepted for the bundle {name}: {failed}; {words}");
    }
    note(format_args!(
        "{engine} is accepted for the bundle {name}: {words}"
    ));
    Ok(())
}
