//! `lookout engine clean`

use anyhow::{Context, bail};
use lookout::engine::tensorrt::cache::{Cleaned, Filter, Key, Removed};
use lookout::engine::tensorrt::machine;
use serde_json::{Value, json};

use super::present::FolderArgs;
use super::print;
use super::words::size;
use crate::cli::pictures::note;

/// Flags of `lookout engine clean`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(super) struct CleanArgs {
    /// Remove all engines.
    #[arg(long, group = "which")]
    all: bool,
    /// Remove engines that do not fit this machine, its driver or its libraries any more, and what
    /// is damaged.
    #[arg(long, group = "which")]
    stale: bool,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    folder: FolderArgs,
    /// As JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &CleanArgs) -> anyhow::Result<()> {
    let cache = args.folder.open()?;
    let cleaned = if args.stale {
        let environment = machine().environment().context(
            "cannot tell which engines fit a machine without a GPU: `--all` removes them all",
        )?;
        let fits = |key: &Key| key.misfits(&environment).is_empty();
        cache.clean(Filter::Unless(&fits), args.dry_run)?
    } else {
        cache.clean(Filter::All, args.dry_run)?
    };
    if args.json {
        print(&summary(&cleaned, args.dry_run))?;
    }
    print_removed(&cleaned, args.dry_run);
    let failed = cleaned
        .removed
        .iter()
        .filter(|r| r.failure.is_some())
        .count();
    if failed > 0 {
        bail!("{failed} of {} could not be removed", cleaned.removed.len());
    }
    Ok(())
}

fn print_removed(cleaned: &Cleaned, dry_run: bool) {
    let done = if dry_run { "would remove" } else { "removed" };
    for removed in &cleaned.removed {
        note(line(removed, done));
    }
    for stem in &cleaned.busy {
        note(format_args!("{stem}: left alone, it is being built"));
    }
    let gone = cleaned
        .removed
        .iter()
        .filter(|r| r.failure.is_none())
        .count();
    let (bytes, kept) = (size(cleaned.bytes()), cleaned.kept);
    note(format_args!("{done} {gone} ({bytes}), kept {kept}"));
}

fn line(removed: &Removed, done: &str) -> String {
    let Removed { entry, failure } = removed;
    let what = match &entry.record {
        Ok(record) => record.key.artefact().to_string(),
        Err(why) => format!("damaged: {why}"),
    };
    let (stem, size) = (&entry.stem, size(entry.bytes));
    match failure {
        None => format!("{stem}: {done}, {size} ({what})"),
        Some(e) => format!("{stem}: cannot be removed: {e} ({what})"),
    }
}

fn summary(cleaned: &Cleaned, dry_run: bool) -> Value {
    let removed = |removed: &Removed| {
        let Removed { entry, failure } = removed;
        json!({
            "stem": entry.stem,
            "bytes": entry.bytes,
            "artefact": entry.record.as_ref().ok().map(|r| r.key.artefact()),
            "problem": entry.record.as_ref().err().map(|e| e.to_string()),
            "failure": failure.as_ref().map(|e| e.to_string()),
        })
    };
    json!({
        "dry_run": dry_run,
        "removed": cleaned.removed.iter().map(removed).collect::<Vec<_>>(),
        "bytes": cleaned.bytes(),
        "kept": cleaned.kept,
        "being_built": cleaned.busy,
    })
}
