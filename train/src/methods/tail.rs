//! What methods that train the segmentation network's last layers have in common: those layers on what
//! is frozen in front of them, and the free energy of their logits.

use super::{MethodError, SCORE};
use crate::data::CLASSES;
use crate::graph::{Builder, Graph, ValueId};
use crate::nets::Design;

/// Declares the layers; returns their logits. Their weights begin as they are in the segmentation
/// network, whose names they have.
pub(super) fn tail(b: &mut Builder, design: Design) -> Result<ValueId, MethodError> {
    let end = design.end(b, CLASSES);
    end.map(|[_, logits]| logits)
        .ok_or(MethodError::NoEnd { design })
}

/// The layers, and the free energy of their logits.
pub(super) fn with_energy(design: Design) -> Result<Graph, MethodError> {
    let mut b = Builder::new("head");
    let logits = tail(&mut b, design)?;
    let score = b.energy(SCORE, logits);
    Ok(b.finish(&[score, logits]))
}
