//! Through the blocks of one scan.

use super::Damage;
use super::huffman::{BLOCK, Bits, MOST_AC_BITS, MOST_DC_BITS, Table};

#[derive(Clone, Copy, Default)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) horizontal: usize,
    pub(super) vertical: usize,
    /// Blocks in a row and rows of blocks that the picture covers.
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// The same with those that only fill the last interleaved units.
    pub(super) padded_columns: usize,
    pub(super) padded_rows: usize,
    pub(super) has_scan: bool,
    pub(super) quantisation: usize,
}

/// A component in a scan.
pub(super) struct Member<'a> {
    pub(super) component: Component,
    pub(super) index: usize,
    /// Blocks of it in a unit of the scan.
    pub(super) blocks: usize,
    pub(super) dc: Option<&'a Table>,
    pub(super) ac: Option<&'a Table>,
    /// Mean of the last block, in steps of the quantisation.
    pub(super) mean: i32,
    /// Greatest mean, positive or negative, that a picture can have.
    pub(super) most: u32,
}

impl Member<'_> {
    /// Takes the size and the bits of the difference to the next mean; whether a picture can have that mean.
    #[inline]
    fn follows(&mut self, (size, value): (u32, u32)) -> bool {
        // values of the lower half are negative
        let is_negative = value < (1 << size) >> 1;
        let below = if is_negative { (1 << size) - 1 } else { 0 };
        self.mean += value as i32 - below;
        self.mean.unsigned_abs() <= self.most
    }
}

/// Which coefficients a scan is about.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) refines: bool,
}

/// Through the blocks of one scan.
pub(super) struct Walk<'a> {
    pub(super) bits: Bits<'a>,
    pub(super) band: Band,
    pub(super) progressive: bool,
    /// Blocks that still have no new coefficient in this band.
    pub(super) end_of_band: u32,
    pub(super) blocks: u64,
}

impl Walk<'_> {
    /// A block of a sequential picture.
    #[inline]
    pub(super) fn sequential_block(&mut self, member: &mut Member<'_>) -> Result<(), Damage> {
        let (Some(dc), Some(ac)) = (member.dc, member.ac) else {
            return Err(Damage::NoTables);
        };
        let mut bits = self.bits;
        bits.fill();
        let mut next = 1;
        if let Some(difference) = bits.short_value(dc) {
            if !member.follows(difference) {
                return Err(self.no_code());
            }
            next = bits.skip_coefficients(ac);
            self.bits = bits;
        } else {
            self.dc_value(dc, member)?;
        }
        if next != BLOCK {
            self.ac_values(ac, next, &mut 0)?;
        }
        self.blocks += 1;
        Ok(())
    }

    /// Block `at` of a component of a progressive picture.
    pub(super) fn progressive_block(
        &mut self,
        member: &mut Member<'_>,
        significant: &mut [Vec<u64>],
        at: usize,
    ) -> Result<(), Damage> {
        let band = self.band;
        if band.from == 0 {
            match band.refines {
                true => {
                    self.bits.bit().ok_or(self.short())?;
                }
                false => self.dc_value(member.dc.ok_or(Damage::NoTables)?, member)?,
            }
        } else {
            let block = significant
                .get_mut(member.index)
                .and_then(|plane| plane.get_mut(at))
                .ok_or(Damage::Scans)?;
            let ac = member.ac.ok_or(Damage::NoTables)?;
            match band.refines {
                true => self.refine(ac, block)?,
                false => self.ac_values(ac, usize::from(band.from), block)?,
            }
        }
        self.blocks += 1;
        Ok(())
    }

    fn no_code(&self) -> Damage {
        let blocks = self.blocks;
        Damage::Code { blocks }
    }

    fn short(&self) -> Damage {
        let blocks = self.blocks;
        Damage::Short { blocks }
    }

    #[inline]
    fn code(&mut self, table: &Table) -> Result<u8, Damage> {
        let bits = self.bits.peek();
        let held = self.bits.held;
        let found = table.find(bits);
        let Some((length, value)) = found else {
            let blocks = self.blocks;
            // the zeros after the end may be no code
            return Err(match held < 16 {
                true => self.short(),
                false => Damage::Code { blocks },
            });
        };
        match self.bits.skip(length) {
            true => Ok(value),
            false => Err(self.short()),
        }
    }

    /// The mean of a block, as the difference to that of the block before.
    fn dc_value(&mut self, table: &Table, member: &mut Member<'_>) -> Result<(), Damage> {
        let size = u32::from(self.code(table)?);
        if size > MOST_DC_BITS {
            return Err(self.no_code());
        }
        let value = self.bits.peek() >> (16 - size);
        if !self.bits.skip(size) {
            return Err(self.short());
        }
        match member.follows((size, value)) {
            true => Ok(()),
            false => Err(self.no_code()),
        }
    }

    /// The coefficients from `from` to the end of the band; notes in `block` which are not zero.
    fn ac_values(&mut self, table: &Table, from: usize, block: &mut u64) -> Result<(), Damage> {
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return Ok(());
        }
        let to = usize::from(self.band.to);
        let mut k = from;
        while k <= to {
            let value = self.code(table)?;
            let (run, size) = (usize::from(value >> 4), u32::from(value & 15));
            if size == 0 {
                if run == 15 {
                    k += 16;
                    continue;
                }
                if run > 0 {
                    self.end_of_band = self.run_length(run)?;
                }
                return Ok(());
            }
            k += run;
            if k > to || size > MOST_AC_BITS {
                return Err(self.no_code());
            }
            *block |= 1 << k;
            k += 1;
            if !self.bits.skip(size) {
                return Err(self.short());
            }
        }
        // sixteen zeros may end a block, but not reach beyond it
        (k <= to + 1).then_some(()).ok_or(self.no_code())
    }

    /// Blocks after this one whose band is at its end too.
    fn run_length(&mut self, bits: usize) -> Result<u32, Damage> {
        if !self.progressive {
            return Err(self.no_code());
        }
        let more = self.bits.peek() >> (16 - bits);
        match self.bits.skip(bits as u32) {
            true => Ok((1 << bits) + more - 1),
            false => Err(self.short()),
        }
    }

    /// One bit more of the coefficients that are not zero, and new ones between them.
    fn refine(&mut self, table: &Table, block: &mut u64) -> Result<(), Damage> {
        let (mut k, to) = (usize::from(self.band.from), usize::from(self.band.to));
        if self.end_of_band == 0 {
            while k <= to {
                let value = self.code(table)?;
                let (mut run, size) = (usize::from(value >> 4), value & 15);
                let blocks = self.blocks;
                match size {
                    0 if run < 15 => {
                        self.end_of_band = 1;
                        if run > 0 {
                            self.end_of_band += self.run_length(run)?;
                        }
                        break;
                    }
                    0 => {}
                    1 => {
                        self.bits.bit().ok_or(self.short())?;
                    }
                    _ => return Err(Damage::Code { blocks }),
                }
                // over the coefficients that are not zero, and `run` that are
                loop {
                    if k > to {
                        if size == 1 {
                            return Err(Damage::Code { blocks });
                        }
                        break;
                    }
                    if *block & 1 << k != 0 {
                        self.bits.bit().ok_or(self.short())?;
                    } else if run == 0 {
                        if size == 1 {
                            *block |= 1 << k;
                        }
                        k += 1;
                        break;
                    } else {
                        run -= 1;
                    }
                    k += 1;
                }
            }
        }
        if self.end_of_band > 0 {
            while k <= to {
                if *block & 1 << k != 0 {
                    self.bits.bit().ok_or(self.short())?;
                }
                k += 1;
            }
            self.end_of_band -= 1;
        }
        Ok(())
    }
}
