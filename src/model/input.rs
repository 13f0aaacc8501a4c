//! `[input]` of a manifest: what the networks want to see, and at which size.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

/// Sides that follow from a number of rows are multiples of this: the networks halve their input five times
/// at most.
const SIDE_STEP: u32 = 32;
/// The longest side of an input in pixels.
pub(crate) const MAX_SIDE: u32 = lookout_adopt::input::MAX_SIDE;

/// What the networks want to see: RGB planes, (value / 255 - mean) / std; and how large. A network that takes
/// any size has `full_height` and `reduced_height`, one that takes a single size has `fixed`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Mean of R, G, B in 0..=1.
    pub mean: Spanned<[f32; 3]>,
    /// Standard deviation of R, G, B in 0..=1.
    pub std: Spanned<[f32; 3]>,
    /// Input rows at full resolution, a multiple of 32. The width follows from the frame's shape.
    pub full_height: Option<Spanned<u32>>,
    /// Input rows at reduced resolution.
    pub reduced_height: Option<Spanned<u32>>,
    /// The one size of networks that take no other.
    pub fixed: Option<Spanned<FixedInput>>,
}

/// The one size that the networks take. There is no reduced resolution then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedInput {
    /// Columns, 1 to 2048.
    pub width: u32,
    /// Rows, 1 to 2048.
    pub height: u32,
    /// How a frame of another shape comes to that size.
    pub fit: Fit,
}

/// How a frame comes to the one size that the networks take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Fit {
    /// The frame keeps its shape, as large as it fits, in the middle; the rest of the input has the mean
    /// colour, and what the networks make of the rest is cut off.
    Letterbox,
    /// The frame is stretched to the input, and loses its shape.
    Stretch,
}

impl TryFrom<String> for Fit {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "letterbox" => Ok(Self::Letterbox),
            "stretch" => Ok(Self::Stretch),
            "crop" => Err(
                "fit \"crop\" is not supported: the networks would not see the edges of the frame, and nothing \
                 there may pass for safe; take \"letterbox\", or crop the camera's pictures before lookout \
                 gets them"
                    .to_owned(),
            ),
            _ => Err(format!("fit {name:?} is not letterbox or stretch")),
        }
    }
}

impl Input {
    /// The one size that the networks take, where they take no other.
    pub fn fixed(&self) -> Option<FixedInput> {
        self.fixed.as_ref().map(|fixed| *fixed.get_ref())
    }

    /// The first thing that the form allows and the meaning does not.
    pub(super) fn problem(&self) -> Option<(Range<usize>, String)> {
        self.size_problem().or_else(|| self.value_problem())
    }

    fn size_problem(&self) -> Option<(Range<usize>, String)> {
        let heights = [
            ("full_height", &self.full_height),
            ("reduced_height", &self.reduced_height),
        ];
        if let Some(fixed) = &self.fixed {
            if let Some((name, rows)) = heights.iter().find_map(|(n, r)| Some((n, r.as_ref()?))) {
                let text = format!(
                    "[input] has both {name} and fixed: networks that take one size have no other, remove \
                     {name}, or fixed where they take any size"
                );
                return Some((rows.span(), text));
            }
            let FixedInput { width, height, .. } = *fixed.get_ref();
            let sides = [("width", width), ("height", height)];
            let wrong = |(_, side): &&(&str, u32)| !(1..=MAX_SIDE).contains(side);
            let (name, side) = sides.iter().find(wrong)?;
            let text = format!("{name} {side} of fixed is not in 1..={MAX_SIDE}");
            return Some((fixed.span(), text));
        }
        for (name, rows) in heights {
            let Some(rows) = rows else {
                let text = format!(
                    "[input] has no {name}: give full_height and reduced_height, or, for networks that take \
                     one size only, fixed = {{ width, height, fit }}"
                );
                return Some((self.mean.span(), text));
            };
            let r = *rows.get_ref();
            if r == 0 || !r.is_multiple_of(SIDE_STEP) || r > MAX_SIDE {
                let text = format!("{name} {r} is not a multiple of {SIDE_STEP} up to {MAX_SIDE}");
                return Some((rows.span(), text));
            }
        }
        None
    }

    fn value_problem(&self) -> Option<(Range<usize>, String)> {
        if let Some(m) = self.mean.get_ref().iter().find(|m| !m.is_finite()) {
            return Some((self.mean.span(), format!("mean {m} is not finite")));
        }
        let positive = |s: &&f32| !(s.is_finite() && **s > 0.0);
        let s = self.std.get_ref().iter().find(positive)?;
        Some((self.std.span(), format!("std {s} is not above 0")))
    }
}
