//! `lookout adopt --check`: a bundle that was written by hand.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lookout::model::Bundle;

use super::engines;
use crate::cli::pictures::note;

/// Loads a bundle and tries it, with each of its heads.
pub(super) fn run(folder: &Path) -> Result<()> {
    let bundle = Bundle::load(folder)
        .with_context(|| format!("{} is no bundle that can be used", folder.display()))?;
    let manifest = bundle.manifest();
    note(format_args!(
        "bundle {} {} ({}): {} classes, {}",
        manifest.name,
        manifest.version,
        bundle.short_hash(),
        manifest.classes.get_ref().len(),
        match manifest.head {
            Some(_) => "with an observer",
            None => "without an observer",
        }
    ));
    try_all(&bundle, folder)?;
    for head in &manifest.other_heads {
        let score = head.score();
        note(match head.multiply_accumulates {
            Some(count) => format!("head {score} ({count} multiply-accumulates at 480x352):"),
            None => format!("head {score}:"),
        });
        try_all(&bundle.clone().choose(score)?, folder).with_context(|| format!("head {score}"))?;
    }
    Ok(())
}

/// Runs the bundle, with the head that was chosen, on every engine that is there.
fn try_all(bundle: &Bundle, folder: &Path) -> Result<()> {
    let nodes = lookout_adopt::load::decode(bundle.segmentation(), folder)
        .map(|model| model.graph.map_or(vec![], |graph| graph.node))
        .unwrap_or_default();
    let nodes: Vec<_> = nodes
        .into_iter()
        .map(|node| (node.name, node.op_type))
        .collect();
    let tried = engines::try_all(bundle, &nodes);
    tried.print();
    if !tried.any() {
        bail!("no engine that is there can run the bundle");
    }
    Ok(())
}
