//! Fixed arrays of any length, for `#[serde(with = "array")]`: serde's own go up to 32 elements.
//! In CDR a fixed array has no length before it, so it is written as a tuple.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserializer, Serializer};

pub(super) fn serialize<S: Serializer, const N: usize>(
    values: &[f64; N],
    to: S,
) -> Result<S::Ok, S::Error> {
    let mut tuple = to.serialize_tuple(N)?;
    for value in values {
        tuple.serialize_element(value)?;
    }
    tuple.end()
}

pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
    from: D,
) -> Result<[f64; N], D::Error> {
    from.deserialize_tuple(N, Values::<N>)
}

struct Values<const N: usize>;

impl<'de, const N: usize> Visitor<'de> for Values<N> {
    type Value = [f64; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let mut out = [0.0; N];
        for (at, value) in out.iter_mut().enumerate() {
            *value = values
                .next_element()?
                .ok_or_else(|| A::Error::invalid_length(at, &self))?;
        }
        Ok(out)
    }
}
