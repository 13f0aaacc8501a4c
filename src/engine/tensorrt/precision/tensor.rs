//! Constant tensors: f32 to f16.

use half::f16;

use super::element::{FLOAT, FLOAT16};
use super::error::PrecisionError;
use super::field::tensor as field;
use super::wire::{Field, Message, WireError};

/// What rounding to f16 did to the constants of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounding {
    /// Tensors that were converted.
    pub tensors: usize,
    /// Values in them.
    pub values: usize,
    /// Values whose size is below 2^-14: they keep fewer than 11 bits.
    pub subnormal: usize,
    /// Values, not zero before, that became zero. Not counted as subnormal.
    pub zero: usize,
}

impl Rounding {
    pub(super) fn add(&mut self, other: Self) {
        self.tensors += other.tensors;
        self.values += other.values;
        self.subnormal += other.subnormal;
        self.zero += other.zero;
    }
}

/// What is wrong with a part, with the part's name.
pub(super) fn within<'a>(part: &'a str) -> impl Fn(WireError) -> PrecisionError + Copy + 'a {
    move |error| PrecisionError::Wire {
        part: part.to_owned(),
        error,
    }
}

/// How many values the tensor's shape asks for; `None` where that cannot be counted.
pub(super) fn count(dims: &[i64]) -> Option<usize> {
    dims.iter().try_fold(1usize, |product, &dim| {
        product.checked_mul(usize::try_from(dim).ok()?)
    })
}

/// An f32 tensor as f16. The name, the shape and whatever else it carries stay.
pub(super) fn to_half<'a>(
    tensor: &Message<'a>,
    name: &str,
) -> Result<(Message<'a>, Rounding), PrecisionError> {
    let values = read(tensor, name)?;
    let (bytes, rounding) = round(&values, name)?;
    let mut converted = tensor.clone();
    converted.remove(field::FLOAT_DATA);
    converted.set(Field::int(field::DATA_TYPE, FLOAT16 as u64));
    converted.set(Field::bytes(field::RAW_DATA, bytes));
    Ok((converted, rounding))
}

/// A new f16 tensor without a name.
pub(super) fn half<'a>(
    dims: &[i64],
    values: &[f32],
    name: &str,
) -> Result<(Message<'a>, Rounding), PrecisionError> {
    let (bytes, rounding) = round(values, name)?;
    let dims = dims.iter().map(|&d| Field::int(field::DIMS, d as u64));
    let rest = [
        Field::int(field::DATA_TYPE, FLOAT16 as u64),
        Field::bytes(field::RAW_DATA, bytes),
    ];
    Ok((dims.chain(rest).collect(), rounding))
}

fn read(tensor: &Message<'_>, name: &str) -> Result<Vec<f32>, PrecisionError> {
    let wire = within(name);
    if tensor.int(field::DATA_TYPE).map_err(wire)? != FLOAT {
        let what = format!("{name}, which is not f32,");
        return Err(PrecisionError::Unsupported { what });
    }
    for elsewhere in [field::DATA_LOCATION, field::SEGMENT] {
        if tensor.has(elsewhere) && tensor.int(elsewhere).map_err(wire) != Ok(0) {
            let what = format!("{name}, whose values are in another place,");
            return Err(PrecisionError::Unsupported { what });
        }
    }
    let dims = tensor.ints(field::DIMS).map_err(wire)?;
    let mut values = tensor.floats(field::FLOAT_DATA).map_err(wire)?;
    let raw = tensor.one(field::RAW_DATA).map_err(wire)?;
    let raw = raw.map_or(Ok(&[][..]), Field::payload).map_err(wire)?;
    let (chunks, rest) = raw.as_chunks();
    let found = 4 * values.len() + raw.len();
    values.extend(chunks.iter().map(|c| f32::from_le_bytes(*c)));
    let expected = count(&dims);
    if !rest.is_empty() || expected != Some(values.len()) {
        return Err(PrecisionError::TensorSize {
            tensor: name.to_owned(),
            dims,
            expected: expected.and_then(|n| n.checked_mul(4)),
            found,
        });
    }
    Ok(values)
}

/// To the nearest f16, ties to even. Infinities and NaN are what they were.
fn round(values: &[f32], name: &str) -> Result<(Vec<u8>, Rounding), PrecisionError> {
    let mut rounding = Rounding {
        tensors: 1,
        values: values.len(),
        ..Rounding::default()
    };
    let mut beyond = values
        .iter()
        .filter(|v| v.is_finite() && f16::from_f32(**v).is_infinite());
    if let Some(&value) = beyond.next() {
        return Err(PrecisionError::Overflow {
            tensor: name.to_owned(),
            count: 1 + beyond.count(),
            value,
        });
    }
    let mut bytes = Vec::with_capacity(2 * values.len());
    for &value in values {
        let rounded = f16::from_f32(value);
        let lost = value != 0.0 && rounded == f16::ZERO;
        rounding.zero += usize::from(lost);
        let small = rounded != f16::ZERO && rounded.is_finite() && !rounded.is_normal();
        rounding.subnormal += usize::from(small);
        bytes.extend(rounded.to_le_bytes());
    }
    Ok((bytes, rounding))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dims: &[i64], packed: bool, values: &[f32]) -> Message<'static> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let data = if packed {
            field::FLOAT_DATA
        } else {
            field::RAW_DATA
        };
        let dims = dims.iter().map(|&d| Field::int(field::DIMS, d as u64));
        dims.chain([
            Field::int(field::DATA_TYPE, FLOAT as u64),
            Field::text(field::NAME, "w"),
            Field::bytes(data, bytes),
        ])
        .collect()
    }

    fn converted(tensor: &Message<'_>) -> Result<(Vec<f32>, Rounding), PrecisionError> {
        let bytes = tensor.write();
        let (half, rounding) = to_half(&Message::read(&bytes).unwrap(), "w")?;
        let bytes = half.write();
        let half = Message::read(&bytes).unwrap();
        assert_eq!(half.int(field::DATA_TYPE), Ok(FLOAT16));
        assert_eq!(half.text(field::NAME), Ok("w"));
        assert!(!half.has(field::FLOAT_DATA));
        let raw = half
            .one(field::RAW_DATA)
            .unwrap()
            .unwrap()
            .payload()
            .unwrap();
        let values = raw.as_chunks().0.iter();
        Ok((
            values.map(|c| f16::from_le_bytes(*c).to_f32()).collect(),
            rounding,
        ))
    }

    #[test]
    fn rounds_to_the_nearest_and_counts_what_became_small() {
        let tiny = 2f32.powi(-14);
        let values = [
            1.0,
            1.0 + 1.0 / 2048.0,
            65519.0,
            tiny,
            tiny / 3.0,
            1e-9,
            0.0,
            f32::INFINITY,
        ];
        for packed in [false, true] {
            let (rounded, rounding) = converted(&tensor(&[2, 4], packed, &values)).unwrap();
            assert_eq!(rounded[..4], [1.0, 1.0, 65504.0, tiny]);
            assert!((rounded[4] - tiny / 3.0).abs() <= 2f32.powi(-25));
            assert_eq!(rounded[5..], [0.0, 0.0, f32::INFINITY]);
            let expected = Rounding {
                tensors: 1,
                values: 8,
                subnormal: 1,
                zero: 1,
            };
            assert_eq!(rounding, expected);
        }
    }

    #[test]
    fn a_value_beyond_f16_is_an_error_that_names_the_tensor() {
        let error = converted(&tensor(&[3], false, &[1.0, -65520.0, 1e9])).unwrap_err();
        let expected = PrecisionError::Overflow {
            tensor: "w".into(),
            count: 2,
            value: -65520.0,
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn a_shape_that_does_not_fit_the_values_is_an_error() {
        for dims in [&[3][..], &[-1], &[2, -2], &[i64::MAX, i64::MAX], &[0]] {
            let error = converted(&tensor(dims, false, &[1.0, 2.0])).unwrap_err();
            assert!(
                matches!(error, PrecisionError::TensorSize { found: 8, .. }),
                "{error}"
            );
        }
        assert!(converted(&tensor(&[], false, &[1.0])).is_ok(), "a scalar");
    }

    #[test]
    fn values_in_another_file_are_an_error() {
        let mut outside = tensor(&[1], false, &[1.0]);
        outside.set(Field::int(field::DATA_LOCATION, 1));
        let error = converted(&outside).unwrap_err();
        assert!(error.to_string().contains("another place"), "{error}");
    }
}
