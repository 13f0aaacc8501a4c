//! Score maps in a temporary file, to be gone through a second time.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};

use anyhow::{Context, Result};
use lookout::score::ScoreMap;

/// Takes maps.
pub(super) struct Spill {
    file: BufWriter<File>,
    sizes: Vec<(usize, usize)>,
}

/// Gives them back in their order.
pub(super) struct Spilled {
    file: BufReader<File>,
    sizes: std::vec::IntoIter<(usize, usize)>,
    bytes: Vec<u8>,
}

impl Spill {
    pub(super) fn new() -> Result<Self> {
        let file = tempfile::tempfile().context("cannot make a temporary file for score maps")?;
        Ok(Self {
            file: BufWriter::new(file),
            sizes: Vec::new(),
        })
    }

    pub(super) fn push(&mut self, map: &ScoreMap) -> Result<()> {
        self.sizes.push((map.width(), map.height()));
        for value in map.values() {
            self.file
                .write_all(&value.to_le_bytes())
                .context("cannot write score maps to a temporary file")?;
        }
        Ok(())
    }

    pub(super) fn read(self) -> Result<Spilled> {
        let rewound = || -> std::io::Result<File> {
            let mut file = self.file.into_inner().map_err(|e| e.into_error())?;
            file.rewind()?;
            Ok(file)
        };
        Ok(Spilled {
            file: BufReader::new(rewound().context("cannot read score maps back")?),
            sizes: self.sizes.into_iter(),
            bytes: Vec::new(),
        })
    }
}

impl Spilled {
    /// The next map.
    pub(super) fn next(&mut self, map: &mut ScoreMap) -> Result<()> {
        let (width, height) = self.sizes.next().context("no score map is left")?;
        map.resize(width, height);
        self.bytes.resize(map.values().len() * 4, 0);
        self.file
            .read_exact(&mut self.bytes)
            .context("cannot read score maps back")?;
        let values = self.bytes.as_chunks::<4>().0;
        for (value, bytes) in map.values_mut().iter_mut().zip(values) {
            *value = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_come_back_in_their_order_bit_by_bit() {
        let maps = [
            ScoreMap::from_values(2, 1, vec![0.1, -0.0]).unwrap(),
            ScoreMap::from_values(1, 3, vec![1.0, f32::NAN, 1e-40]).unwrap(),
        ];
        let mut spill = Spill::new().unwrap();
        for map in &maps {
            spill.push(map).unwrap();
        }
        let mut spilled = spill.read().unwrap();
        let bits = |map: &ScoreMap| map.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let mut map = ScoreMap::default();
        for expected in &maps {
            spilled.next(&mut map).unwrap();
            assert_eq!(
                (map.width(), map.height()),
                (expected.width(), expected.height())
            );
            assert_eq!(bits(&map), bits(expected));
        }
        assert!(spilled.next(&mut map).is_err());
    }
}
