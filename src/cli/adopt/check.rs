//! `lookout adopt --check`: a bundle that was written by hand.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lookout::model::Bundle;

use super::engines;
use crate::cli::pictures::note;

/// Loads a bundle and runs it on every engine that is there.
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
        match manifest.observer {
            Some(_) => "with an observer",
            None => "without an observer",
        }
    ));
    let nodes = lookout_adopt::load::decode(bundle.segmentation(), folder)
        .map(|model| model.graph.map_or(vec![], |graph| graph.node))
        .unwrap_or_default();
    let nodes: Vec<_> = nodes
        .into_iter()
        .map(|node| (node.name, node.op_type))
        .collect();
    let tried = engines::try_all(&bundle, &nodes);
    tried.print();
    if !tried.any() {
        bail!("no engine that is there can run the bundle");
    }
    Ok(())
}
