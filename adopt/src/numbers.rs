//! The numbers of a tensor.

use crate::proto::{TensorProto, data_type};

/// More numbers than this are not looked at one by one: means, scales, shapes and axes have fewer.
const FEW: i64 = 4096;

/// The numbers of a small tensor; `None` for a large one, or one of another type.
pub(crate) fn few(tensor: &TensorProto) -> Option<Vec<f64>> {
    let count = tensor.dims.iter().try_fold(1_i64, |all, &side| {
        all.checked_mul(side)
            .filter(|&all| (0..=FEW).contains(&all))
    })?;
    let mut values: Vec<f64> = match &tensor.raw_data {
        Some(raw) if !raw.is_empty() => match tensor.data_type {
            data_type::FLOAT => of(raw, |b| f64::from(f32::from_le_bytes(b))),
            data_type::DOUBLE => of(raw, f64::from_le_bytes),
            data_type::FLOAT16 => of(raw, |b| half(u16::from_le_bytes(b))),
            data_type::INT64 => of(raw, |b| i64::from_le_bytes(b) as f64),
            data_type::INT32 => of(raw, |b| f64::from(i32::from_le_bytes(b))),
            data_type::UINT8 => of(raw, |b: [u8; 1]| f64::from(b[0])),
            data_type::INT8 => of(raw, |b| f64::from(i8::from_le_bytes(b))),
            _ => return None,
        },
        _ => match tensor.data_type {
            data_type::FLOAT => tensor.float_data.iter().map(|&v| f64::from(v)).collect(),
            data_type::DOUBLE => tensor.double_data.clone(),
            data_type::INT64 => tensor.int64_data.iter().map(|&v| v as f64).collect(),
            data_type::FLOAT16 => tensor.int32_data.iter().map(|&v| half(v as u16)).collect(),
            data_type::INT32 | data_type::UINT8 | data_type::INT8 => {
                tensor.int32_data.iter().map(|&v| f64::from(v)).collect()
            }
            _ => return None,
        },
    };
    values.truncate(count as usize);
    (values.len() == count as usize).then_some(values)
}

/// How many of the numbers are NaN.
pub(crate) fn nans(tensor: &TensorProto) -> usize {
    let raw = tensor.raw_data.as_deref().unwrap_or_default();
    let count = |all: &[bool]| all.iter().filter(|&&nan| nan).count();
    match tensor.data_type {
        data_type::FLOAT => {
            let raw = raw.as_chunks().0.iter();
            let raw = raw.filter(|b| f32::from_le_bytes(**b).is_nan()).count();
            raw + tensor.float_data.iter().filter(|v| v.is_nan()).count()
        }
        data_type::DOUBLE => {
            let raw = raw.as_chunks().0.iter();
            let raw = raw.filter(|b| f64::from_le_bytes(**b).is_nan()).count();
            raw + tensor.double_data.iter().filter(|v| v.is_nan()).count()
        }
        data_type::FLOAT16 => {
            let raw = raw.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b));
            let typed = tensor.int32_data.iter().map(|&v| v as u16);
            let nan = |bits: u16| bits & 0x7fff > 0x7c00;
            count(&raw.chain(typed).map(nan).collect::<Vec<_>>())
        }
        data_type::BFLOAT16 => {
            let raw = raw.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b));
            let typed = tensor.int32_data.iter().map(|&v| v as u16);
            let nan = |bits: u16| bits & 0x7fff > 0x7f80;
            count(&raw.chain(typed).map(nan).collect::<Vec<_>>())
        }
        _ => 0,
    }
}

fn of<const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    raw.as_chunks()
        .0
        .iter()
        .map(|bytes| number(*bytes))
        .collect()
}

/// The number that 16 bits of a float16 stand for.
pub(crate) fn half(bits: u16) -> f64 {
    let (exponent, fraction) = ((bits >> 10) & 31, f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 0 { size } else { -size }
}
