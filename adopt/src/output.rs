//! Which tensor is the logits.

use std::collections::HashMap;

use crate::AdoptError;
use crate::input::Layout;
use crate::no_logits::{instances, labels_alone};
use crate::run::Measured;
use crate::tail::{Cut, Resized, Way, from_start};

/// The name of the output that lookout reads.
pub const LOGITS: &str = "logits";
/// Strides that lookout takes.
pub(crate) const STRIDES: [u32; 6] = [1, 2, 4, 8, 16, 32];
/// What is wrong with a shape that has pixels on one axis.
const NO_ROWS: &str = "rows and columns are not two axes of it: export the network with logits of [1, classes, rows, columns]";
/// Numbers of classes that lookout takes.
const CLASSES: std::ops::RangeInclusive<usize> = 2..=254;

/// The logits that were found.
#[derive(Clone, Debug)]
pub struct Logits {
    /// The output that they were found behind.
    pub output: String,
    /// The tensor, as the graph calls it.
    pub tensor: String,
    /// Its shape on the picture that was tried.
    pub shape: Vec<usize>,
    /// Which axis has the classes.
    pub axis: usize,
    /// How many classes.
    pub classes: usize,
    /// Columns and rows.
    pub size: (usize, usize),
    /// Pixels of the picture along a logit; `None` where no stride that lookout takes fits.
    pub stride: Option<u32>,
    /// What is cut off behind them, for people, in the order of the graph.
    pub removed: Vec<String>,
    /// What resizing is cut off.
    pub resized: Vec<Resized>,
    /// They are labels, and no logits are to be had: planes are made of them.
    pub labels: bool,
    /// Why the network's own resizing is in front of them, where it could be cut off.
    pub kept: Option<&'static str>,
    /// They are probabilities that sum to 1 over the classes: the softmax could not be cut off.
    pub probabilities: bool,
}

/// The stride with which a picture of that width and height gives so many logits.
pub(crate) fn stride_of(picture: (u32, u32), size: (usize, usize)) -> Option<u32> {
    STRIDES.into_iter().find(|&stride| {
        let side = |side: u32| side.div_ceil(stride) as usize;
        (side(picture.0), side(picture.1)) == size
    })
}

/// What becomes of the network's own resizing of its logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resize {
    /// It is cut off where lookout gives the same classes without it.
    #[default]
    WhereSame,
    /// It is cut off.
    Cut,
    /// It stays.
    Keep,
}

/// What a person says of the output.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Name of the output that has the logits; `None` where the graph has to tell.
    pub(crate) output: Option<&'a str>,
    /// Where it has the classes.
    pub(crate) layout: Option<Layout>,
    /// What becomes of the network's own resizing.
    pub(crate) resize: Resize,
    /// How many classes there are; `None` where the graph has to tell.
    pub(crate) classes: Option<usize>,
    /// The network takes one size only.
    pub(crate) fixed: bool,
}

impl Asked<'_> {
    /// Whether these resizings are cut off.
    fn cuts(&self, resized: &[Resized]) -> bool {
        match self.resize {
            Resize::WhereSame => self.why_kept(resized).is_none(),
            Resize::Cut => true,
            Resize::Keep => resized.is_empty(),
        }
    }

    /// Why lookout would give other classes without them.
    fn why_kept(&self, resized: &[Resized]) -> Option<&'static str> {
        if resized.iter().any(|r| r.quantised) {
            return Some(
                "it rounds what it gives to steps of the quantisation, and where several classes come to the same step the \
                 first wins",
            );
        }
        // of one size they are put on another grid
        if !self.fixed && resized.iter().any(Resized::is_moved) {
            return Some(
                "it takes them to lie elsewhere than lookout does (align_corners or asymmetric), and in free sizes they cannot \
                 be put there",
            );
        }
        let other = resized.iter().any(|r| !r.is_moved() && !r.is_ours());
        let other = other || resized.iter().any(|r| r.mode != "linear");
        other.then_some(
            "it interpolates otherwise than lookout does, which is linearly with half_pixel",
        )
    }
}

/// Finds the logits among the ways, by the shapes that their tensors had on a picture of that width and height.
pub(crate) fn choose(
    ways: &[Way],
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
    asked: &Asked<'_>,
) -> Result<Logits, AdoptError> {
    let output = asked.output;
    let mut found: Vec<Logits> = vec![];
    let mut reasons = vec![];
    for way in ways {
        if output.is_some_and(|output| output != way.output) {
            continue;
        }
        match of_way(way, measured, picture, asked) {
            Ok(logits) => {
                if !found.iter().any(|other| other.tensor == logits.tensor) {
                    found.push(logits);
                }
            }
            Err(reason) => reasons.push(format!("the output {:?} {reason}", way.output)),
        }
    }
    if output.is_none() {
        instances(ways, measured, picture)?;
    }
    if found.is_empty()
        && let Some(labels) = labels_alone(ways, measured, picture, asked)?
    {
        return Ok(labels);
    }
    // heads that only help in training
    let main = |logits: &&Logits| !logits.output.to_lowercase().contains("aux");
    if found.len() > 1 && found.iter().filter(main).count() == 1 {
        found.retain(|logits| main(&logits));
    }
    // of features and heads that come out too
    let named = |logits: &&Logits| {
        let name = logits.output.to_lowercase();
        ["logits", "out"].contains(&name.as_str())
    };
    if found.len() > 1 && found.iter().filter(named).count() == 1 {
        found.retain(|logits| named(&logits));
    }
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(AdoptError::Output(format!(
            "no logits can be had from the network: {}",
            reasons.join("; ")
        ))),
        several => {
            let names = several.iter().map(|l| {
                let (width, height) = l.size;
                format!("{:?} ({} classes, {width}x{height})", l.output, l.classes)
            });
            Err(AdoptError::Ask {
                cause: format!(
                    "several outputs may be the logits: {}",
                    names.collect::<Vec<_>>().join(", ")
                ),
                option: "--output NAME",
            })
        }
    }
}

/// The deepest tensor of a way that can be logits. Where what a resizing rounds cannot be, what is before it is taken.
fn of_way(
    way: &Way,
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
    asked: &Asked<'_>,
) -> Result<Logits, String> {
    let found = deepest(way, measured, picture, asked);
    if found.is_err() && asked.resize == Resize::WhereSame {
        let cut = Asked {
            resize: Resize::Cut,
            ..*asked
        };
        return deepest(way, measured, picture, &cut);
    }
    found
}

fn deepest(
    way: &Way,
    measured: &HashMap<String, Measured>,
    picture: (u32, u32),
    asked: &Asked<'_>,
) -> Result<Logits, String> {
    let mut reason = None;
    let mut shallow = None;
    let allowed = |cut: &&Cut| asked.cuts(&cut.resized);
    for cut in way.cuts.iter().rev().filter(allowed) {
        let Some(measured) = measured.get(&cut.tensor) else {
            continue;
        };
        match of_cut(way, cut, measured, picture, asked) {
            Ok(logits) if logits.stride.is_some() || !logits.resized.is_empty() => {
                return Ok(logits);
            }
            // may be put on another grid
            Ok(logits) => shallow = shallow.or(Some(logits)),
            Err(why) => {
                reason.get_or_insert(why);
            }
        }
    }
    if let Some(logits) = shallow {
        return Ok(logits);
    }
    let reason = reason.unwrap_or_else(|| "could not be looked at".to_owned());
    let ends = match &way.ends_at {
        Some(node) => format!("; the way back from it ends at the node {node}"),
        None => String::new(),
    };
    Err(format!("{reason}{ends}"))
}

fn of_cut(
    way: &Way,
    cut: &Cut,
    measured: &Measured,
    picture: (u32, u32),
    asked: &Asked<'_>,
) -> Result<Logits, String> {
    let shape = &measured.shape;
    let rank = shape.len();
    let is_map = match shape[..] {
        [1, h, w] | [h, w] => stride_of(picture, (w, h)).is_some(),
        _ => false,
    };
    if is_map && cut.axis.is_none() {
        return Err(format!(
            "has one number a pixel ({shape:?}) and no ArgMax that lookout can follow leads to it, so no logits are to be had, and the scores \
             softmax, max-logit, entropy and energy are impossible: export the network with its logits, or with whole numbers where \
             these are labels"
        ));
    }
    if !(rank == 4 && shape[0] == 1 || rank == 3) {
        return Err(format!(
            "is {shape:?}, and logits are [1, classes, rows, columns]"
        ));
    }
    let first = rank - 3;
    let (planes_first, planes_last) = (first, rank - 1);
    let spatial = |axis: usize| match axis == planes_first {
        true => (shape[rank - 1], shape[rank - 2]),
        false => (shape[first + 1], shape[first]),
    };
    let like_picture = |axis: usize| {
        let (w, h) = spatial(axis);
        // as broad for its height as the picture, to a cell
        let [w, h, pw, ph] = [w, h, picture.0 as usize, picture.1 as usize];
        (w * ph).abs_diff(h * pw) <= ph.max(pw) && w <= pw && h <= ph
    };
    let axis = match (cut.axis, asked.layout) {
        (Some(axis), _) => from_start(axis, rank).ok_or("has an axis of classes outside of it")?,
        (None, Some(Layout::Nchw)) => planes_first,
        (None, Some(Layout::Nhwc)) => planes_last,
        (None, None) => match (like_picture(planes_first), like_picture(planes_last)) {
            (true, false) => planes_first,
            (false, true) => planes_last,
            (true, true) => {
                return Err(format!(
                    "is {shape:?}, in which the classes may be in two places: say which with --output-layout"
                ));
            }
            (false, false) => {
                return Err(format!(
                    "is {shape:?}, which is not of the picture's shape ({}x{}); a network that brings pictures to one size by itself \
                     needs that size: --size WIDTHxHEIGHT",
                    picture.0, picture.1
                ));
            }
        },
    };
    if axis != planes_first && axis != planes_last {
        return Err(format!(
            "is {shape:?} with the classes on axis {axis}, and {NO_ROWS}"
        ));
    }
    let classes = shape[axis];
    if !CLASSES.contains(&classes) {
        return Err(match classes {
            1 => "has one plane, which tells one thing from all others; lookout needs the logits of at least two classes".to_owned(),
            _ => format!("has {classes} classes; lookout takes 2 to 254"),
        });
    }
    let size = spatial(axis);
    match size {
        (0 | 1, 0 | 1) => {
            return Err(format!(
                "is {shape:?}: that is a class for the whole picture, not for its pixels"
            ));
        }
        (0 | 1, _) | (_, 0 | 1) => {
            return Err(format!("is {shape:?}, and {NO_ROWS}"));
        }
        _ => {}
    }
    let mut removed = cut.removed.clone();
    removed.reverse();
    Ok(Logits {
        output: way.output.clone(),
        tensor: cut.tensor.clone(),
        probabilities: sums_to_one(measured, axis),
        shape: shape.clone(),
        axis,
        classes,
        size,
        stride: stride_of(picture, size),
        removed,
        resized: cut.resized.clone(),
        labels: false,
        kept: match asked.resize {
            Resize::WhereSame => way.cuts.iter().find_map(|cut| asked.why_kept(&cut.resized)),
            Resize::Cut | Resize::Keep => None,
        },
    })
}

/// Whether the numbers are probabilities over the classes.
fn sums_to_one(measured: &Measured, axis: usize) -> bool {
    let (shape, values) = (&measured.shape, &measured.values);
    let inner: usize = shape[axis + 1..].iter().product();
    let classes = shape[axis];
    if values.is_empty() || values.iter().any(|v| !(0.0..=1.0).contains(v)) {
        return false;
    }
    let sum = |at: usize| {
        let (outer, within) = (at / inner, at % inner);
        let first = outer * classes * inner + within;
        (0..classes).map(|c| values[first + c * inner]).sum::<f32>()
    };
    (0..values.len() / classes).all(|at| (sum(at) - 1.0).abs() < 1e-2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stride_is_told_by_sizes_that_are_rounded_up() {
        assert_eq!(stride_of((513, 513), (33, 33)), Some(16));
        assert_eq!(stride_of((512, 256), (128, 64)), Some(4));
        assert_eq!(stride_of((513, 513), (32, 32)), None);
    }
}
