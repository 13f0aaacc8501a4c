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
const LOOK: u32 = 12;
/// Bits that the buffer holds at least when it is filled, away from the end. Two [`Steps`] take no more: 26
/// each, of a code of 16 bits and a value, or [`LOOK`] and a value that begins with their last one.
const FULL: u32 = 56;

/// A Huffman table: what a look at the next bits says.
pub(super) struct Table {
    /// By the next [`LOOK`] bits: length of the code and its value; length 0 where it is longer.
    look: [(u8, u8); 1 << LOOK],
    /// By the next [`LOOK`] bits, for a table of coefficients: the steps that they begin with.
    steps: [Steps; 1 << LOOK],
    /// By length: codes below this, left-aligned to 16 bits, are of at most that length.
    limit: [u32; 17],
    /// By length: what is added to a code to find its value.
    offset: [i32; 17],
    values: Vec<u8>,
}

/// Coefficients of a block.
pub(super) const BLOCK: usize = 64;
/// Further than any block: its end.
const END: u16 = 128;

/// From one coefficient of a block to another, over codes and values.
#[derive(Clone, Copy)]
struct Steps(u16);

impl Steps {
    /// Codes that have to be looked at one by one.
    const UNSEEN: Self = Self::new(0, BLOCK as u16);

    const fn new(bits: u16, further: u16) -> Self {
        Self(further << 6 | bits)
    }

    /// Over a code with its length and value; `None` where no 8-bit picture has it.
    fn one((length, value): (u8, u8)) -> Option<Self> {
        let (run, size) = (value >> 4, value & 15);
        match value {
            0x00 => Some(Self::new(length.into(), END)),
            0xf0 => Some(Self::new(length.into(), 16)),
            _ if (1..=MOST_AC_BITS as u8).contains(&size) => {
                Some(Self::new((length + size).into(), u16::from(run) + 1))
            }
            _ => None,
        }
    }

    /// Bits of codes and values together: fewer than 64.
    #[inline]
    fn bits(self) -> u32 {
        u32::from(self.0 & 63)
    }

    /// How many coefficients further; [`END`] and those before it where the block ends.
    #[inline]
    fn further(self) -> usize {
        usize::from(self.0 >> 6)
    }
}

/// Lays out the steps of `codes`, by the bits that come after those of `before`; the last value of the
/// steps may reach beyond the bits.
fn lay(steps: &mut [Steps], codes: &[(u8, u8)], before: Option<Steps>) {
    steps.fill(before.unwrap_or(Steps::UNSEEN));
    let before = before.unwrap_or(Steps(0));
    let room = steps.len().ilog2();
    let mut rest = steps;
    for &code in codes {
        if u32::from(code.0) > room {
            break;
        }
        let Some((these, others)) = rest.split_at_mut_checked(1 << (room - u32::from(code.0)))
        else {
            return;
        };
        rest = others;
        let Some(step) = Steps::one(code) else {
            continue;
        };
        let ends = step.further() >= usize::from(END);
        if !ends && before.further() + step.further() >= BLOCK {
            continue;
        }
        let both = Steps(before.0 + step.0);
        if ends || step.bits() >= room {
            these.fill(both);
        } else if let Some((first, others)) = these.split_at_mut_checked(1 << (room - step.bits()))
        {
            lay(first, codes, Some(both));
            // whatever the value is
            for same in others.chunks_exact_mut(first.len()) {
                same.copy_from_slice(first);
            }
        }
    }
}

impl Table {
    /// Of codes of each length, and what they stand for.
    pub(super) fn new(counts: &[u8], values: &[u8], of_coefficients: bool) -> Option<Self> {
        let mut table = Self {
            look: [(0, 0); 1 << LOOK],
            steps: [Steps::UNSEEN; 1 << LOOK],
            limit: [0; 17],
            offset: [0; 17],
            values: values.to_vec(),
        };
        let mut codes = [(0, 0); 256];
        let (mut code, mut index) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            table.offset[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                if code >= 1 << length {
                    return None;
                }
                let found = (length as u8, values[index]);
                *codes.get_mut(index)? = found;
                if length <= LOOK {
                    let from = (code << (LOOK - length)) as usize;
                    let to = from + (1 << (LOOK - length));
                    table.look[from..to].fill(found);
                }
                code += 1;
                index += 1;
            }
            table.limit[length as usize] = code << (16 - length);
            code <<= 1;
        }
        if of_coefficients {
            lay(&mut table.steps, &codes[..index], None);
        }
        Some(table)
    }

    /// The steps over the next code alone, whatever its length. `None` where no picture can have these bits.
    fn step(&self, buffer: u64) -> Option<Steps> {
        let (length, value) = self.find((buffer >> 48) as u32)?;
        Steps::one((length as u8, value))
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
#[derive(Clone, Copy)]
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

    /// Puts whole bytes into the buffer, up to a marker or the end of the data: [`FULL`] bits or more where
    /// there are so many. What the buffer has beyond the bits that it holds comes again with the next byte.
    #[inline]
    pub(super) fn fill(&mut self) {
        if let Some(next) = self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_be_bytes(*next);
            // no byte of it is all ones: the complement has no zero byte
            let ones = !word;
            if ones.wrapping_sub(LOW_BITS) & !ones & HIGH_BITS == 0 {
                self.buffer |= word >> self.held;
                self.at += ((63 - self.held) / 8) as usize;
                self.held |= FULL;
                return;
            }
        }
        *self = self.filled_slowly();
    }

    /// By value and not inlined: in the loops above this, everything else stays in registers.
    #[inline(never)]
    fn filled_slowly(mut self) -> Self {
        while self.held < FULL {
            let Some(&byte) = self.data.get(self.at) else {
                break;
            };
            if byte == 0xff {
                // a stuffed zero follows a byte of all ones; anything else is a marker
                if self.data.get(self.at + 1) != Some(&0) {
                    break;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer |= u64::from(byte) << (56 - self.held);
            self.held += 8;
        }
        self
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

    /// Goes from one coefficient of a sequential block to the next, from the second on, as far as codes are
    /// short and the data does not end. Returns which one is next: [`BLOCK`] at the end of the block, more
    /// where the codes lead beyond it.
    #[inline]
    pub(super) fn skip_coefficients(&mut self, table: &Table) -> usize {
        let mut at = 1;
        loop {
            self.fill();
            if self.held < FULL {
                return at;
            }
            for _ in 0..2 {
                let mut steps = table.steps[(self.buffer >> (64 - LOOK)) as usize];
                let mut next = at + steps.further();
                if next < BLOCK {
                    self.take(steps);
                    at = next;
                    continue;
                }
                // with its last coefficient a block is full, and has no code for its end
                if next & BLOCK != 0 {
                    match table.step(self.buffer) {
                        Some(step) => steps = step,
                        None => return at,
                    }
                    next = at + steps.further();
                }
                self.take(steps);
                at = next;
                if at >= BLOCK {
                    return if at < usize::from(END) { at } else { BLOCK };
                }
            }
        }
    }

    /// Goes over bits that the buffer holds.
    #[inline]
    fn take(&mut self, steps: Steps) {
        // by the lowest six bits
        self.buffer = self.buffer.wrapping_shl(steps.0.into());
        self.held -= steps.bits();
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
        let whole = self.buffer & !(u64::MAX >> self.held);
        let mut is_filling = whole << (self.held % 8) == 0;
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
