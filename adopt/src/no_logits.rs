//! Outputs that are no logits: labels alone, and what networks have that find things.

use std::collections::HashMap;

use crate::AdoptError;
use crate::output::{Asked, Logits, stride_of};
use crate::run::Measured;
use crate::tail::Way;

/// An output of labels that no `ArgMax` leads to, where there is one.
pub(crate) fn labels_alone(
    ways: &[Way],
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
    asked: &Asked<'_>,
) -> Result<Option<Logits>, AdoptError> {
    let named = |way: &&Way| asked.output.is_none_or(|output| output == way.output);
    let alone = ways
        .iter()
        .filter(named)
        .filter(|way| way.whole && !way.labels);
    for way in alone {
        let Some(shape) = measured.get(&way.output).map(|m| &m.shape) else {
            continue;
        };
        let (axis, size) = match shape[..] {
            [h, w] | [1, h, w] => (0, (w, h)),
            [1, 1, h, w] => (1, (w, h)),
            [1, h, w, 1] => (3, (w, h)),
            _ => continue,
        };
        let Some(stride) = stride_of(picture, size) else {
            continue;
        };
        let Some(classes) = asked.classes else {
            return Err(AdoptError::Ask {
                cause: format!(
                    "the output {:?} has labels and no ArgMax leads to it, so no logits are to be had, and the graph does not \
                     tell how many classes there are",
                    way.output
                ),
                option: "--classes FILE",
            });
        };
        return Ok(Some(Logits {
            output: way.output.clone(),
            tensor: way.output.clone(),
            shape: shape.clone(),
            axis,
            classes,
            size,
            stride: Some(stride),
            removed: vec![],
            resized: vec![],
            labels: true,
            kept: None,
            probabilities: false,
        }));
    }
    Ok(None)
}

/// Refuses networks that find things and not classes of pixels: beside planes they have rows of boxes or queries.
pub(crate) fn instances(
    ways: &[Way],
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
) -> Result<(), AdoptError> {
    let shape = |way: &Way| {
        let first = way.cuts.first()?;
        Some(&measured.get(&first.tensor)?.shape)
    };
    let planes = ways.iter().filter_map(shape).any(|shape| shape.len() == 4);
    let pixels = (picture.0 as usize) * (picture.1 as usize);
    for way in ways {
        let Some(shape) = shape(way) else {
            continue;
        };
        // [1, rows, columns] and [rows, columns] are maps
        let is_map = match shape[..] {
            [.., h, w] => h * w * 1024 >= pixels && stride_of(picture, (w, h)).is_some(),
            _ => true,
        };
        if planes && matches!(shape.len(), 2 | 3) && !is_map {
            return Err(AdoptError::Output(format!(
                "this looks like a network that finds things (boxes, queries, masks of instances), not one that gives each \
                 pixel a class: its output {:?} is {shape:?}. lookout needs dense logits, [1, classes, rows, columns]; if one of \
                 its outputs is that, name it with --output",
                way.output
            )));
        }
    }
    Ok(())
}
