//! Whether a JPEG holds all of its picture: every block is counted, without being decoded.
//!
//! A decoder goes on where data is missing and fills up with grey; a picture that lost packets on its
//! way would look whole to whoever asks only whether it decoded. Here the coded data of every scan is
//! walked through, code by code: it must hold exactly the blocks that the header promises, restart
//! markers in their order, and nothing left over.
//!
//! Sequential and progressive Huffman coding after ITU-T T.81 (annexes B, F and G). Values are skipped,
//! not read, so this takes a fraction of the time of decoding. Where a code or a value goes on after the
//! data ends, the picture is cut off; where a whole byte is left after the last block, something was
//! put in, repeated or lost: the codes found their step again by chance, but not their number.

mod damage;
mod huffman;
mod scan;
mod standard;
#[cfg(test)]
mod tests;

pub(super) use damage::{Damage, Layout};
use huffman::{Bits, Table};
use scan::{Band, Component, Member, Walk};
pub(super) use standard::with_standard_tables;

use super::MAX_PIXELS;

/// What no scan of a progressive picture has sent yet.
const NEVER: u8 = u8::MAX;

/// Colours of a picture, and of what is printed. More are allowed, and nobody has them; each takes memory.
const MOST_COMPONENTS: usize = 4;
/// Scans of a picture; encoders make about ten. One without coefficients takes a few bytes and as much time as
/// any other.
const MOST_SCANS: u32 = 100;

/// What the segments have said so far.
struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    components: Vec<Component>,
    /// Of interleaved scans: units in a row, and rows of units.
    units: (usize, usize),
    progressive: bool,
    restart: usize,
    dc: [Option<Box<Table>>; 4],
    ac: [Option<Box<Table>>; 4],
    /// First value of each quantisation table: that of the mean of a block.
    quantisation: [u32; 4],
    /// Of progressive pictures: by component, for each block which coefficients are not zero.
    significant: Vec<Vec<u64>>,
    /// Of progressive pictures: by component, how many bits of each coefficient are still to come.
    missing: Vec<[u8; 64]>,
    layout: Layout,
    scans: u32,
    blocks: u64,
}

/// Counts the blocks of a JPEG.
///
/// # Errors
/// The first [`Damage`] that is found. What is not Huffman-coded is not looked into.
pub(super) fn check(data: &[u8]) -> Result<Layout, Damage> {
    let mut reader = Reader {
        data,
        at: 2,
        components: vec![],
        units: (0, 0),
        progressive: false,
        restart: 0,
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        quantisation: [1; 4],
        significant: vec![],
        missing: vec![],
        layout: Layout::Together,
        scans: 0,
        blocks: 0,
    };
    if !data.starts_with(&[0xff, 0xd8]) {
        return Err(Damage::Header("it does not begin as a JPEG does"));
    }
    loop {
        match reader.marker()? {
            0xd9 => return reader.finish(),
            // arithmetic coding, lossless and hierarchical pictures: no decoder of ours reads them
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Ok(Layout::Together),
            marker @ 0xc0..=0xc2 => reader.frame(marker == 0xc2)?,
            0xc4 => reader.tables()?,
            0xdb => reader.quantisation()?,
            0xdd => {
                let segment = reader.segment()?;
                let [high, low] = *segment else {
                    return Err(Damage::Header("its restart interval has no length"));
                };
                reader.restart = usize::from(u16::from_be_bytes([high, low]));
            }
            0xda => reader.scan()?,
            0x01 | 0xd0..=0xd7 => {}
            _ => {
                reader.segment()?;
            }
        }
    }
}

const CUT: Damage = Damage::Header("cut off: there is no end-of-image marker after the picture");

impl<'a> Reader<'a> {
    fn marker(&mut self) -> Result<u8, Damage> {
        match self.data.get(self.at) {
            Some(0xff) => {}
            Some(_) => return Err(Damage::Header("bytes that belong to no segment")),
            None => return Err(CUT),
        }
        while self.data.get(self.at) == Some(&0xff) {
            self.at += 1;
        }
        let marker = *self.data.get(self.at).ok_or(CUT)?;
        self.at += 1;
        Ok(marker)
    }

    fn segment(&mut self) -> Result<&'a [u8], Damage> {
        let [high, low] = *self.data.get(self.at..self.at + 2).ok_or(CUT)? else {
            return Err(CUT);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let from = self.at + 2;
        let to = self.at + length;
        let segment = self.data.get(from..to).ok_or(CUT)?;
        self.at = to;
        Ok(segment)
    }

    fn frame(&mut self, progressive: bool) -> Result<(), Damage> {
        const WRONG: Damage = Damage::Header("its frame header contradicts itself");
        let segment = self.segment()?;
        let [_, h1, h0, w1, w0, count, rest @ ..] = segment else {
            return Err(WRONG);
        };
        let height = usize::from(u16::from_be_bytes([*h1, *h0]));
        let width = usize::from(u16::from_be_bytes([*w1, *w0]));
        if !self.components.is_empty() || rest.len() != 3 * usize::from(*count) {
            return Err(WRONG);
        }
        if usize::from(*count) > MOST_COMPONENTS {
            return Err(Damage::Header("it has more than four components"));
        }
        self.progressive = progressive;
        for part in rest.chunks_exact(3) {
            let (horizontal, vertical) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) {
                return Err(WRONG);
            }
            self.components.push(Component {
                id: part[0],
                horizontal,
                vertical,
                quantisation: usize::from(part[2]),
                ..Component::default()
            });
        }
        let most = |of: fn(&Component) -> usize| self.components.iter().map(of).max();
        let (Some(h), Some(v)) = (most(|c| c.horizontal), most(|c| c.vertical)) else {
            return Err(WRONG);
        };
        if width == 0 || height == 0 {
            return Err(Damage::Header("its frame header says no size"));
        }
        if (width * height) as u64 > MAX_PIXELS {
            return Err(Damage::TooLarge);
        }
        self.units = (width.div_ceil(8 * h), height.div_ceil(8 * v));
        for c in &mut self.components {
            c.columns = (width * c.horizontal).div_ceil(8 * h);
            c.rows = (height * c.vertical).div_ceil(8 * v);
            c.padded_columns = self.units.0 * c.horizontal;
            c.padded_rows = self.units.1 * c.vertical;
            if progressive {
                self.significant
                    .push(vec![0; c.padded_columns * c.padded_rows]);
                self.missing.push([NEVER; 64]);
            }
        }
        self.check_sampling()
    }

    /// Decoders take samplings that nobody has for others, and show other colours.
    fn check_sampling(&self) -> Result<(), Damage> {
        let [brightness, first, second, black @ ..] = &self.components[..] else {
            return Ok(());
        };
        let sampling = |c: &Component| (c.horizontal, c.vertical);
        let whole = brightness.horizontal % first.horizontal == 0
            && brightness.vertical % first.vertical == 0;
        let alike = sampling(first) == sampling(second)
            && black.iter().all(|c| sampling(c) == sampling(brightness));
        (whole && alike).then_some(()).ok_or(Damage::Sampling)
    }

    fn tables(&mut self) -> Result<(), Damage> {
        const WRONG: Damage = Damage::Header("a code table is cut off or contradicts itself");
        let mut rest = self.segment()?;
        while let [kind, tail @ ..] = rest {
            let (counts, tail) = tail.split_at_checked(16).ok_or(WRONG)?;
            let total = counts.iter().map(|&c| usize::from(c)).sum();
            let (values, tail) = tail.split_at_checked(total).ok_or(WRONG)?;
            let of_coefficients = kind >> 4 != 0;
            let table = Table::new(counts, values, of_coefficients).ok_or(WRONG)?;
            let tables = if of_coefficients {
                &mut self.ac
            } else {
                &mut self.dc
            };
            *tables.get_mut(usize::from(kind & 15)).ok_or(WRONG)? = Some(Box::new(table));
            rest = tail;
        }
        Ok(())
    }

    fn quantisation(&mut self) -> Result<(), Damage> {
        const WRONG: Damage = Damage::Header("a quantisation table is cut off");
        let mut rest = self.segment()?;
        while let [kind, tail @ ..] = rest {
            let wide = kind >> 4 != 0;
            let (values, tail) = tail
                .split_at_checked(if wide { 128 } else { 64 })
                .ok_or(WRONG)?;
            let first = match wide {
                true => u32::from(u16::from_be_bytes([values[0], values[1]])),
                false => u32::from(values[0]),
            };
            *self
                .quantisation
                .get_mut(usize::from(kind & 15))
                .ok_or(WRONG)? = first;
            rest = tail;
        }
        Ok(())
    }

    fn scan(&mut self) -> Result<(), Damage> {
        const WRONG: Damage = Damage::Header("a scan header contradicts the frame header");
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return Err(Damage::Header("it has more scans than any encoder writes"));
        }
        let segment = self.segment()?;
        let [count, rest @ ..] = segment else {
            return Err(WRONG);
        };
        let (parts, band) = rest
            .split_at_checked(2 * usize::from(*count))
            .ok_or(WRONG)?;
        let [from, to, depth] = *band else {
            return Err(WRONG);
        };
        let mut members = vec![];
        for part in parts.chunks_exact(2) {
            let index = self.components.iter().position(|c| c.id == part[0]);
            let index = index.ok_or(WRONG)?;
            self.components[index].has_scan = true;
            members.push(Member {
                component: self.components[index],
                index,
                blocks: 1,
                dc: self
                    .dc
                    .get(usize::from(part[1] >> 4))
                    .and_then(Option::as_deref),
                ac: self
                    .ac
                    .get(usize::from(part[1] & 15))
                    .and_then(Option::as_deref),
                mean: 0,
                most: 0,
            });
        }
        let alone = members.len() == 1;
        for member in &mut members {
            if !alone {
                member.blocks = member.component.horizontal * member.component.vertical;
            }
            let table = member.component.quantisation;
            let step = *self.quantisation.get(table).ok_or(WRONG)?;
            let shift = if self.progressive { depth & 15 } else { 0 };
            let step = step.max(1) << shift.min(13);
            // eight times the mean of 8-bit values around zero, and a step for rounding
            member.most = 8 * 128 / step + 1;
        }
        let band = match self.progressive {
            true => Band {
                from,
                to,
                refines: depth >> 4 != 0,
            },
            false => Band {
                from: 0,
                to: 63,
                refines: false,
            },
        };
        if members.is_empty() || band.to > 63 || band.from > band.to || (band.from > 0 && !alone) {
            return Err(WRONG);
        }
        if self.progressive {
            // the bits before these, of the same coefficients, must be there
            let before = if band.refines { depth >> 4 } else { NEVER };
            for member in &members {
                for missing in
                    &mut self.missing[member.index][usize::from(band.from)..=usize::from(band.to)]
                {
                    if *missing != before {
                        return Err(Damage::Scans);
                    }
                    *missing = depth & 15;
                }
            }
        } else if members.len() < self.components.len() {
            self.layout = Layout::Apart;
            // nobody writes others so, and not all decoders read them
            if self.components[1..]
                .iter()
                .any(|c| c.horizontal * c.vertical > 1)
            {
                return Err(Damage::Sampling);
            }
        }
        let units = match &members[..] {
            [one] => one.component.columns * one.component.rows,
            _ => self.units.0 * self.units.1,
        };
        let mut walk = Walk {
            bits: Bits::new(self.data, self.at),
            band,
            progressive: self.progressive,
            end_of_band: 0,
            blocks: self.blocks,
        };
        let mut restarts = 0u8;
        let mut until_restart = self.restart;
        for unit in 0..units {
            if self.restart > 0 && until_restart == 0 {
                until_restart = self.restart;
                let marker = walk.bits.end()?;
                let found = self.data[marker + 1];
                if found != 0xd0 + restarts {
                    let expected = restarts;
                    return Err(Damage::Restart { expected, found });
                }
                restarts = (restarts + 1) & 7;
                members.iter_mut().for_each(|m| m.mean = 0);
                walk.bits = Bits::new(self.data, marker + 2);
                walk.end_of_band = 0;
            }
            until_restart = until_restart.wrapping_sub(1);
            for member in &mut members {
                let c = member.component;
                // where a block lies matters only where scans build on each other
                if !self.progressive {
                    for _ in 0..member.blocks {
                        walk.sequential_block(member)?;
                    }
                    continue;
                }
                if alone {
                    let (x, y) = (unit % c.columns, unit / c.columns);
                    walk.progressive_block(
                        member,
                        &mut self.significant,
                        y * c.padded_columns + x,
                    )?;
                    continue;
                }
                let (x, y) = (unit % self.units.0, unit / self.units.0);
                for dy in 0..c.vertical {
                    for dx in 0..c.horizontal {
                        let row = y * c.vertical + dy;
                        let at = row * c.padded_columns + x * c.horizontal + dx;
                        walk.progressive_block(member, &mut self.significant, at)?;
                    }
                }
            }
        }
        self.blocks = walk.blocks;
        self.at = walk.bits.end()?;
        // a restart marker after the last interval is tolerated by every decoder
        if let Some(0xd0..=0xd7) = self.data.get(self.at + 1) {
            self.at += 2;
        }
        Ok(())
    }

    fn finish(&self) -> Result<Layout, Damage> {
        let whole = !self.components.is_empty() && self.components.iter().all(|c| c.has_scan);
        let complete = self.missing.iter().flatten().all(|&missing| missing == 0);
        (whole && complete)
            .then_some(self.layout)
            .ok_or(Damage::Scans)
    }
}
