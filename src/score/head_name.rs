use std::fmt;

/// Name of a head, kept in place: scores are copied with every verdict.
///
/// 1 to [`LONGEST`](Self::LONGEST) ASCII letters, digits, `-` and `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeadName {
    /// Zeros behind the name, so that names compare as their bytes do.
    bytes: [u8; Self::LONGEST],
    length: u8,
}

impl HeadName {
    /// Bytes of the longest name.
    pub const LONGEST: usize = 32;
    /// The first of the heads.
    pub const OBSERVER: Self = Self::copied(b"observer");

    /// The name; `None` where it is none.
    pub fn new(name: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let fits = (1..=Self::LONGEST).contains(&name.len());
        (fits && name.bytes().all(plain)).then(|| Self::copied(name.as_bytes()))
    }

    /// What is longer is cut off.
    const fn copied(name: &[u8]) -> Self {
        let mut bytes = [0; Self::LONGEST];
        let mut length = 0;
        while length < name.len() && length < Self::LONGEST {
            bytes[length] = name[length];
            length += 1;
        }
        Self {
            bytes,
            length: length as u8,
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..self.length.into()).unwrap_or_default();
        // all of it is ASCII
        std::str::from_utf8(name).unwrap_or_default()
    }
}

impl fmt::Debug for HeadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
