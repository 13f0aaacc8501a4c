//! The trial run of a new engine.

use super::{Engine, EngineError, Mode, Resolution};
use crate::frame::Frame;
use crate::model::Bundle;
use crate::time::Stamp;

/// Runs a new engine on a grey frame of that width and height, or of the least input's, so that broken weights
/// and outputs of another size are found before the first real one.
pub(super) fn try_out(
    engine: &mut dyn Engine,
    bundle: &Bundle,
    size: Option<(u32, u32)>,
) -> Result<(), EngineError> {
    let manifest = bundle.manifest();
    let input = &manifest.input;
    let (resolution, least) = match (input.fixed(), &input.reduced_height) {
        (Some(fixed), _) => (Resolution::Full, (fixed.width, fixed.height)),
        (None, rows) => {
            // a manifest that was read has them
            let side = rows.as_ref().map_or(0, |rows| *rows.get_ref());
            (Resolution::Reduced, (side, side))
        }
    };
    let (width, height) = size.unwrap_or(least);
    let mut grey = Frame::new();
    match grey.reset(width, height, Stamp::default()) {
        Ok(pixels) => pixels.fill(127),
        Err(_) => return Err(EngineError::EmptyFrame),
    }
    let mode = Mode {
        resolution,
        observer: manifest.head.is_some(),
    };
    let name = engine.name();
    let head = manifest.head.as_ref().map(|h| h.output.get_ref().as_str());
    engine
        .run(&grey, mode)?
        .check_finite(name, &manifest.segmentation.logits, head)
}
