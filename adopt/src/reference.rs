//! What a network's own framework made of a picture, against what came out here.

use std::path::Path;

use crate::AdoptError;
use crate::probe::argmax;
use crate::run::Measured;

/// More bytes than this are not read.
const MAX_BYTES: u64 = 1 << 30;
/// The greatest difference that passes, of a logit, or as a share of labels.
pub const LIMIT: f64 = 1e-2;

/// An array of a `.npy` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its sides and numbers.
    pub numbers: Measured,
    /// They are whole numbers: labels.
    pub whole: bool,
}

/// How far two maps are apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// With which output it was compared.
    pub output: String,
    /// The greatest difference of a number; of labels, the share that differs.
    pub greatest: f64,
    /// Where the greatest is, or the first: column and row as a share of the picture.
    pub place: (f64, f64),
    /// The two numbers there, theirs first.
    pub values: (f32, f32),
    /// It is of labels.
    pub labels: bool,
}

/// Reads a `.npy` file.
///
/// # Errors
/// A file that cannot be read, is no such file, has another order or type of numbers, or is cut off.
pub fn read_npy(path: &Path) -> Result<Array, AdoptError> {
    let read = |cause| AdoptError::Read {
        path: path.to_owned(),
        cause,
    };
    let size = std::fs::metadata(path).map_err(read)?.len();
    if size > MAX_BYTES {
        return Err(AdoptError::TooLarge {
            path: path.to_owned(),
            size,
            limit: MAX_BYTES,
        });
    }
    let bytes = std::fs::read(path).map_err(read)?;
    parse_npy(&bytes).map_err(|cause| AdoptError::Npy {
        path: path.to_owned(),
        cause,
    })
}

fn parse_npy(bytes: &[u8]) -> Result<Array, String> {
    let cut = || "it is cut off".to_owned();
    let rest = bytes
        .strip_prefix(b"\x93NUMPY")
        .ok_or("it is no .npy file: save it with numpy.save")?;
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
            (u32::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            (u32::from_le_bytes(*length), rest)
        }
        other => return Err(format!("version {other} of .npy is not known")),
    };
    let (header, data) = rest.split_at_checked(length as usize).ok_or_else(cut)?;
    let header = String::from_utf8_lossy(header);
    let field = |name: &str| {
        let (_, rest) = header.split_once(&format!("'{name}':"))?;
        Some(rest.trim_start())
    };
    if !field("fortran_order").is_some_and(|text| text.starts_with("False")) {
        return Err(
            "its numbers are in Fortran's order: save it with numpy.ascontiguousarray".to_owned(),
        );
    }
    let kind = field("descr").and_then(|text| text.strip_prefix('\'')?.split('\'').next());
    let shape = field("shape").and_then(|text| text.strip_prefix('(')?.split(')').next());
    let (Some(kind), Some(shape)) = (kind, shape) else {
        return Err("its header does not say type and shape".to_owned());
    };
    let sides = shape
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty());
    let shape: Vec<usize> = sides
        .map(|side| side.parse().map_err(|_| format!("{side:?} is no side")))
        .collect::<Result<_, _>>()?;
    let all = shape
        .iter()
        .try_fold(1_usize, |all, &side| all.checked_mul(side));
    let (values, whole) = match kind {
        "<f4" => (of(data, f32::from_le_bytes), false),
        "<f8" => (of(data, |b| f64::from_le_bytes(b) as f32), false),
        "<f2" => (
            of(data, |b| crate::numbers::half(u16::from_le_bytes(b)) as f32),
            false,
        ),
        "|u1" => (of(data, |b: [u8; 1]| f32::from(b[0])), true),
        "|i1" => (of(data, |b| f32::from(i8::from_le_bytes(b))), true),
        "<u2" => (of(data, |b| f32::from(u16::from_le_bytes(b))), true),
        "<i2" => (of(data, |b| f32::from(i16::from_le_bytes(b))), true),
        "<i4" => (of(data, |b| i32::from_le_bytes(b) as f32), true),
        "<i8" => (of(data, |b| i64::from_le_bytes(b) as f32), true),
        other => {
            return Err(format!(
                "its numbers are of the type {other}, which is not read"
            ));
        }
    };
    if Some(values.len()) != all {
        return Err(format!(
            "it has {} numbers and says that it is {shape:?}",
            values.len()
        ));
    }
    Ok(Array {
        numbers: Measured { shape, values },
        whole,
    })
}

fn of<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks()
        .0
        .iter()
        .map(|bytes| number(*bytes))
        .collect()
}

/// Holds a framework's array against the outputs of the same shape: the difference to the nearest of them.
///
/// # Errors
/// No output has that shape, in words.
pub fn compare(
    reference: &Array,
    outputs: &[(String, Measured)],
    classes: usize,
) -> Result<Difference, String> {
    let wanted = sides(&reference.numbers.shape);
    // planes of classes may stand for labels
    let labels = |m: &Measured| {
        let sides = sides(&m.shape);
        match sides[..] {
            [c, h, w] if c == classes && m.values.len() == c * h * w => {
                let label = |at| argmax(&m.values, c, h * w, at) as f32;
                Some((vec![h, w], (0..h * w).map(label).collect::<Vec<f32>>()))
            }
            _ => None,
        }
    };
    let mut nearest: Option<Difference> = None;
    for (name, output) in outputs {
        let all = reference.numbers.values.len();
        let difference = if sides(&output.shape) == wanted && output.values.len() == all {
            apart(name, reference, &output.values, &wanted)
        } else if reference.whole
            && let Some((sides, values)) = labels(output)
            && sides == wanted
        {
            apart(name, reference, &values, &wanted)
        } else {
            continue;
        };
        if nearest
            .as_ref()
            .is_none_or(|other| difference.greatest < other.greatest)
        {
            nearest = Some(difference);
        }
    }
    if let Some(nearest) = nearest {
        return Ok(nearest);
    }
    let there: Vec<String> = outputs
        .iter()
        .map(|(name, output)| format!("{name:?} is {:?}", output.shape))
        .collect();
    Err(format!(
        "it is {:?}, and no output has that shape: {}",
        reference.numbers.shape,
        there.join(", ")
    ))
}

/// Without sides of 1 in front of rows and columns.
fn sides(shape: &[usize]) -> Vec<usize> {
    let mut sides = shape;
    while let [1, rest @ ..] = sides
        && rest.len() >= 2
    {
        sides = rest;
    }
    sides.to_vec()
}

fn apart(name: &str, reference: &Array, values: &[f32], sides: &[usize]) -> Difference {
    let theirs = &reference.numbers.values;
    let mut worst = (0, 0.0_f64);
    let mut other = 0_usize;
    for (at, (a, b)) in theirs.iter().zip(values).enumerate() {
        let apart = match (a - b).abs() {
            // both the same infinity, or both none
            _ if a == b || a.is_nan() && b.is_nan() => 0.0,
            d if d.is_nan() => f64::INFINITY,
            d => f64::from(d),
        };
        other += usize::from(apart != 0.0);
        if apart > worst.1 {
            worst = (at, apart);
        }
    }
    let at = worst.0;
    // the last two sides are rows and columns, but for colours of pixels
    let (rows, columns) = match sides[..] {
        [.., rows, columns] => (rows, columns),
        _ => (1, values.len()),
    };
    let share = |at: usize, of: usize| (at as f64 + 0.5) / of.max(1) as f64;
    let columns = columns.max(1);
    Difference {
        output: name.to_owned(),
        greatest: match reference.whole {
            true => other as f64 / values.len().max(1) as f64,
            false => worst.1,
        },
        place: (
            share(at % columns, columns),
            share(at / columns % rows.max(1), rows),
        ),
        values: (
            theirs.get(at).copied().unwrap_or_default(),
            values.get(at).copied().unwrap_or_default(),
        ),
        labels: reference.whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn an_array_is_read_with_its_shape_and_type() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";
        let data: Vec<u8> = [1.5_f32, -2.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let array = parse_npy(&npy(header, &data)).unwrap();
        assert_eq!(array.numbers.shape, [1, 2]);
        assert_eq!(array.numbers.values, [1.5, -2.0]);
        assert!(!array.whole);
        for (bytes, words) in [
            (npy(header, &data[..4]), "1 numbers"),
            (npy(&header.replace("False", "True"), &data), "Fortran"),
            (npy(&header.replace("<f4", "<c8"), &data), "<c8"),
            (b"PK\x03\x04".to_vec(), "no .npy"),
            (b"\x93NUMPY\x01\x00\xff".to_vec(), "cut off"),
        ] {
            let error = parse_npy(&bytes).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn the_place_of_the_greatest_difference_is_told() {
        let output = |shape: &[usize], values: &[f32]| {
            let (shape, values) = (shape.to_vec(), values.to_vec());
            ("logits".to_owned(), Measured { shape, values })
        };
        let array = |shape: &[usize], values: &[f32], whole| Array {
            numbers: output(shape, values).1,
            whole,
        };
        let ours = [output(&[1, 2, 1, 2], &[0.0, 1.0, 1.0, 0.0])];
        let theirs = array(&[2, 1, 2], &[0.0, 1.0, 1.0, 0.5], false);
        let difference = compare(&theirs, &ours, 2).unwrap();
        assert_eq!(difference.greatest, 0.5);
        assert_eq!(difference.place, (0.75, 0.5));
        assert_eq!(difference.values, (0.5, 0.0));
        // labels against the class of the greatest logit
        let labels = array(&[1, 2], &[1.0, 1.0], true);
        let difference = compare(&labels, &ours, 2).unwrap();
        assert_eq!((difference.greatest, difference.labels), (0.5, true));
        let other = array(&[3, 3], &[0.0; 9], true);
        assert!(compare(&other, &ours, 2).unwrap_err().contains("no output"));
    }
}
