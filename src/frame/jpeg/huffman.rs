//! Code tables, and the bits that they are looked up by.

use super::Damage;

/// Bits of a difference of means that an 8-bit picture needs at most.
pub(super) const MOST_DC_BITS: u32 = 11;
/// Bits of any value but a mean that an 8-bit picture needs at most.
pub(super) const MOST_AC_BITS: u32 = 10;
/// The lowest and the highest bit of every byte.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;
/// Bits that one look into a code table covers.
pub(super) const LOOK: u32 = 10;

/// A Huffman table: what a look at the next bits says.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next [`LOOK`] bits: length of the code and its value; length 0 where it is longer.
    look: [(u8, u8); 1 << LOOK],
    /// By the next [`LOOK`] bits, for a table of coefficients: the one or two steps that they begin with.
    pub(super) steps: [Steps; 1 << LOOK],
    /// By length: codes below this, left-aligned to 16 bits, are of at most that length.
    limit: [u32; 17],
    /// By length: what is added to a code to find its value.
    offset: [i32; 17],
    values: Vec<u8>,
}

/// What the next bits say of a block's coefficients: bits of codes and values together, and how many
/// coefficients further they lead; no bits where it is not that plain.
#[derive(Clone, Copy, Default)]
pub(super) struct Steps {
    pub(super) first: (u8, u8),
    /// With the code after it, where that can be seen.
    pub(super) both: (u8, u8),
}

/// Further than any block: its end.
pub(super) const END: u8 = 128;

impl Steps {
    /// Of a code with its length and value.
    fn one((length, value): (u8, u8)) -> Self {
        let (run, size) = (value >> 4, value & 15);
        let first = match value {
            0x00 => (length, END),
            0xf0 => (length, 16),
            _ if (1..=MOST_AC_BITS as u8).contains(&size) => (length + size, run + 1),
            _ => (0, 0),
        };
        Self { first, both: first }
    }
}

impl Table {
    pub(super) fn new(counts: &[u8], values: &[u8], of_coefficients: bool) -> Option<Self> {
        let mut table = Self {
            look: [(0, 0); 1 << LOOK],
            steps: [Steps::default(); 1 << LOOK],
            limit: [0; 17],
            offset: [0; 17],
            values: values.to_vec(),
        };
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            table.offset[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                if code >= 1 << length {
                    return None;
                }
                if length <= LOOK {
                    let from = (code << (LOOK - length)) as usize;
                    let to = from + (1 << (LOOK - length));
                    let found = (length as u8, values[index]);
                    table.look[from..to].fill(found);
                    if of_coefficients {
                        table.steps[from..to].fill(Steps::one(found));
                    }
                }
                code += 1;
                index += 1;
            }
            table.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        if of_coefficients {
            table.pair();
        }
        Some(table)
    }

    /// Adds the second step wherever its code can be seen too; its own value may reach beyond.
    fn pair(&mut self) {
        for index in 0..1usize << LOOK {
            let (bits, further) = self.steps[index].first;
            let next = index << bits & ((1 << LOOK) - 1);
            let (length, _) = self.look[next];
            let (more, on) = self.steps[next].first;
            if bits > 0 && further != END && more > 0 && u32::from(bits + length) <= LOOK {
                self.steps[index].both = (bits + more, further.saturating_add(on));
            }
        }
    }

    /// Length and value of the code that the next 16 bits begin with.
    pub(super) fn find(&self, bits: u32) -> Option<(u32, u8)> {
        let (length, value) = self.look[(bits >> (16 - LOOK)) as usize];
        if length > 0 {
            return Some((u32::from(length), value));
        }
        let length = (LOOK + 1..=16).find(|&l| bits < self.limit[l as usize])?;
        let index = (bits >> (16 - length)) as i32 + self.offset[length as usize];
        let value = self.values.get(usize::try_from(index).ok()?)?;
        Some((length, *value))
    }
}

/// The coded data up to the next marker.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// Next byte that is not in the buffer.
    at: usize,
    /// The next bits, from the top.
    pub(super) buffer: u64,
    /// Bits of the buffer that are of the data.
    pub(super) held: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        let (buffer, held) = (0, 0);
        Self {
            data,
            at,
            buffer,
            held,
        }
    }

    /// Puts whole bytes into the buffer, up to a marker or the end of the data.
    #[inline]
    pub(super) fn fill(&mut self) {
        if let Some(next) = self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_be_bytes(*next);
            // no byte of it is all ones: the complement has no zero byte
            let ones = !word;
            if ones.wrapping_sub(LOW_BITS) & !ones & HIGH_BITS == 0 {
                self.buffer |= word >> self.held;
                let bytes = (64 - self.held) / 8;
                // bits beyond the last whole byte come again with the next
                self.held += 8 * bytes;
                self.buffer &= !(u64::MAX.checked_shr(self.held).unwrap_or(0));
                self.at += bytes as usize;
                return;
            }
        }
        self.fill_slowly();
    }

    fn fill_slowly(&mut self) {
        while self.held <= 56 {
            let Some(&byte) = self.data.get(self.at) else {
                return;
            };
            if byte == 0xff {
                // a stuffed zero follows a byte of all ones; anything else is a marker
                if self.data.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer |= u64::from(byte) << (56 - self.held);
            self.held += 8;
        }
    }

    /// The next 16 bits; zeros where the data has ended.
    #[inline]
    pub(super) fn peek(&mut self) -> u32 {
        if self.held < 32 {
            self.fill();
        }
        (self.buffer >> 48) as u32
    }

    /// Takes up to 31 bits; false where the data has fewer.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) -> bool {
        if self.held < count {
            self.fill();
            if self.held < count {
                return false;
            }
        }
        self.buffer <<= count;
        self.held -= count;
        true
    }

    /// Size and bits of the value that the next code announces, and takes both; `None`, with nothing
    /// taken, where it is not a short code with a plausible value or the data may end in it.
    #[inline]
    pub(super) fn short_value(&mut self, table: &Table) -> Option<(u32, u32)> {
        if self.held < 32 {
            self.fill();
        }
        let (length, size) = table.look[(self.buffer >> (64 - LOOK)) as usize];
        let (length, size) = (u32::from(length), u32::from(size));
        if length == 0 || size > MOST_DC_BITS || length + size > self.held {
            return None;
        }
        let after = self.buffer << length;
        // no shift by 64 where there is no value
        let value = (after >> 1 >> (63 - size)) as u32;
        self.buffer = after << size;
        self.held -= length + size;
        Some((size, value))
    }

    /// The next bit.
    pub(super) fn bit(&mut self) -> Option<bool> {
        let bit = self.peek() >> 15 == 1;
        self.skip(1).then_some(bit)
    }

    /// Ends a run of blocks: the bits that fill the last byte are dropped. Then a marker must follow;
    /// zeros and bytes of all ones before it are filling. Returns where the marker is.
    pub(super) fn end(&mut self) -> Result<usize, Damage> {
        let mut left = (self.held / 8) as usize;
        let whole = self.buffer << (self.held % 8);
        let mut is_filling = whole == 0;
        let mut at = self.at;
        loop {
            match self.data.get(at..) {
                Some([0xff, 0, ..]) => {
                    (left, is_filling) = (left + 1, false);
                    at += 2;
                }
                Some([0xff, 0xff, ..]) => at += 1,
                Some([0xff, _, ..]) => break,
                Some([byte, _, ..]) => {
                    left += 1;
                    is_filling &= *byte == 0;
                    at += 1;
                }
                _ => {
                    return Err(Damage::Header(
                        "cut off: no marker follows the picture's data",
                    ));
                }
            }
        }
        if left > 0 && !is_filling {
            return Err(Damage::LeftOver { bytes: left });
        }
        Ok(at)
    }
}
