//! What a network wants the colours of a picture to be: (value / 255 - mean) / std.

use crate::AdoptError;
use crate::graph::{View, describe, operator};
use crate::numbers::few;
use crate::proto::{TensorProto, data_type};

/// Mean and standard deviation of red, green and blue, in 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// Mean.
    pub mean: [f32; 3],
    /// Standard deviation.
    pub std: [f32; 3],
}

impl Normalisation {
    /// 0 to 1.
    pub const UNIT: Self = Self::same(0.0, 1.0);
    /// -1 to 1.
    pub const SIGNED: Self = Self::same(0.5, 0.5);
    /// 0 to 255, as the bytes are.
    pub const BYTES: Self = Self::same(0.0, 1.0 / 255.0);
    /// By the means of ImageNet.
    pub const IMAGENET: Self = Self {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };
    /// The usual ones, with their names.
    pub const USUAL: [(&'static str, Self); 4] = [
        ("0..1", Self::UNIT),
        ("ImageNet", Self::IMAGENET),
        ("-1..1", Self::SIGNED),
        ("0..255", Self::BYTES),
    ];

    const fn same(mean: f32, std: f32) -> Self {
        Self {
            mean: [mean; 3],
            std: [std; 3],
        }
    }

    /// From what a person gives. Where a number is over 1, all are in 0 to 255.
    ///
    /// # Errors
    /// A number that is not finite, a standard deviation that is not above 0.
    pub fn given(mean: [f32; 3], std: [f32; 3]) -> Result<Self, AdoptError> {
        let wrong = |option, cause: String| AdoptError::Option { option, cause };
        if let Some(m) = mean.iter().find(|m| !m.is_finite()) {
            return Err(wrong("--mean", format!("{m} is not finite")));
        }
        if let Some(s) = std.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            return Err(wrong("--std", format!("{s} is not above 0")));
        }
        let bytes = mean.iter().chain(&std).any(|&v| v > 1.0);
        let scale = |v: f32| if bytes { v / 255.0 } else { v };
        Ok(Self {
            mean: mean.map(scale),
            std: std.map(scale),
        })
    }
}

impl std::fmt::Display for Normalisation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mean, std } = self;
        write!(f, "mean {mean:?}, std {std:?} of 0..1")
    }
}

/// The normalisation that the first nodes behind an input tell, and how.
pub(crate) fn hint(view: &View<'_>, input: &str) -> Option<(Normalisation, String)> {
    let mut at = input.to_owned();
    for _ in 0..16 {
        let node = view.consumers(&at).next()?;
        // the other number of a sum, a product, ...
        let other = || {
            let others = node.input.iter().filter(|name| **name != at);
            let constants = others.filter_map(|name| view.constant(name));
            constants.filter_map(few).next()
        };
        let largest = |values: Vec<f64>| values.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        let found = match operator(node) {
            "Cast" | "Transpose" | "Identity" | "Gather" | "Slice" => None,
            "Sub" | "Add" => match largest(other()?) {
                // a mean of bytes, a mean of 0 to 1
                v if v > 1.5 => Some(Normalisation::BYTES),
                v if v > 0.0 && v < 1.0 => Some(Normalisation::UNIT),
                _ => return None,
            },
            "Div" => match largest(other()?) {
                v if v >= 50.0 => Some(Normalisation::BYTES),
                _ => return None,
            },
            "Mul" => match largest(other()?) {
                v if v <= 0.02 => Some(Normalisation::BYTES),
                // times 2, less 1
                2.0 => Some(Normalisation::UNIT),
                _ => return None,
            },
            "QuantizeLinear" => {
                let constant = |place: usize| {
                    let name = node.input.get(place)?;
                    view.constant(name)
                };
                Some(of_range(quantised(constant(1)?, constant(2))?)?)
            }
            _ => return None,
        };
        if let Some(found) = found {
            return Some((
                found,
                format!("the node {} behind the input", describe(node)),
            ));
        }
        at = node.output.first()?.clone();
    }
    None
}

/// What a quantisation can hold.
fn quantised(scale: &TensorProto, zero: Option<&TensorProto>) -> Option<(f64, f64)> {
    let first = |tensor| few(tensor)?.first().copied();
    let (scale, offset) = (first(scale)?, zero.map_or(Some(0.0), first)?);
    let (low, high) = match zero.map(|tensor| tensor.data_type) {
        None | Some(data_type::UINT8) => (0.0, 255.0),
        Some(data_type::INT8) => (-128.0, 127.0),
        Some(_) => return None,
    };
    Some(((low - offset) * scale, (high - offset) * scale))
}

fn of_range((low, high): (f64, f64)) -> Option<Normalisation> {
    let near = |a: f64, b: f64| (low - a).abs() < 0.1 * (b - a) && (high - b).abs() < 0.1 * (b - a);
    match () {
        () if near(0.0, 1.0) => Some(Normalisation::UNIT),
        () if near(-1.0, 1.0) => Some(Normalisation::SIGNED),
        () if near(0.0, 255.0) => Some(Normalisation::BYTES),
        () if near(-2.118, 2.64) => Some(Normalisation::IMAGENET),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{GraphProto, NodeProto};

    fn told(op_type: &str, constants: Vec<TensorProto>) -> Option<Normalisation> {
        let mut input = vec!["x".to_owned()];
        input.extend(constants.iter().map(|tensor| tensor.name.clone()));
        let graph = GraphProto {
            node: vec![NodeProto {
                input,
                output: vec!["y".to_owned()],
                op_type: op_type.to_owned(),
                ..NodeProto::default()
            }],
            initializer: constants,
            ..GraphProto::default()
        };
        hint(&View::new(&graph, 17), "x").map(|(normalisation, _)| normalisation)
    }

    #[test]
    fn the_first_node_tells_what_the_colours_are() {
        let number = |name: &str, value| TensorProto::float(name, &[1], &[value]);
        let zero = |kind, value| TensorProto::raw("zero", &[], kind, vec![value]);
        for (op_type, constants, expected) in [
            ("Sub", vec![number("c", 123.7)], Some(Normalisation::BYTES)),
            ("Sub", vec![number("c", 0.485)], Some(Normalisation::UNIT)),
            ("Div", vec![number("c", 255.0)], Some(Normalisation::BYTES)),
            (
                "Mul",
                vec![number("c", 1.0 / 255.0)],
                Some(Normalisation::BYTES),
            ),
            ("Mul", vec![number("c", 0.7)], None),
            ("Conv", vec![number("c", 255.0)], None),
            (
                "QuantizeLinear",
                vec![number("scale", 1.0 / 128.0), zero(data_type::INT8, 0)],
                Some(Normalisation::SIGNED),
            ),
            (
                "QuantizeLinear",
                vec![number("scale", 1.0 / 255.0), zero(data_type::UINT8, 0)],
                Some(Normalisation::UNIT),
            ),
            (
                "QuantizeLinear",
                vec![number("scale", 0.3), zero(data_type::UINT8, 0)],
                None,
            ),
        ] {
            assert_eq!(
                told(op_type, constants.clone()),
                expected,
                "{op_type} {constants:?}"
            );
        }
    }
}
