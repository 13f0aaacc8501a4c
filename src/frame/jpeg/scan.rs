//! Through the blocks of one scan.

use super::Damage;
use super::huffman::{Bits, END, LOOK, MOST_AC_BITS, MOST_DC_BITS, Table};

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
    pub(super) dc: Option<&'a Table>,
    pub(super) ac: Option<&'a Table>,
    /// Mean of the last block, in steps of the quantisation.
    pub(super) mean: i32,
    /// Greatest mean, positive or negative, that a picture can have.
    pub(super) most: u32,
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
    pub(super) fn block(
        &mut self,
        member: &mut Member<'_>,
        significant: &mut [Vec<u64>],
        at: usize,
    ) -> Result<(), Damage> {
        let band = self.band;
        if !self.progressive {
            let (Some(dc), Some(ac)) = (member.dc, member.ac) else {
                return Err(Damage::NoTables);
            };
            self.dc_value(dc, member)?;
            let k = self.plain_values(ac);
            if k < 64 {
                self.ac_values(ac, k, &mut 0)?;
            } else if k > 64 && k < usize::from(END) {
                let blocks = self.blocks;
                return Err(Damage::Code { blocks });
            }
        } else if band.from == 0 {
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
    #[inline]
    fn dc_value(&mut self, table: &Table, member: &mut Member<'_>) -> Result<(), Damage> {
        let (size, value) = match self.bits.short_value(table) {
            Some(both) => both,
            None => self.long_value(table)?,
        };
        // values of the lower half are negative
        let is_negative = value < (1 << size) >> 1;
        let below = if is_negative { (1 << size) - 1 } else { 0 };
        member.mean += value as i32 - below;
        if member.mean.unsigned_abs() > member.most {
            let blocks = self.blocks;
            return Err(Damage::Code { blocks });
        }
        Ok(())
    }

    /// As [`Bits::short_value`], of any code.
    #[cold]
    fn long_value(&mut self, table: &Table) -> Result<(u32, u32), Damage> {
        let size = u32::from(self.code(table)?);
        if size > MOST_DC_BITS {
            let blocks = self.blocks;
            return Err(Damage::Code { blocks });
        }
        let value = self.bits.peek() >> (16 - size);
        match self.bits.skip(size) {
            true => Ok((size, value)),
            false => Err(self.short()),
        }
    }

    /// The coefficients of a sequential block, as far as their codes are short. Returns which one is
    /// next: 64 or [`END`] and more at the end of the block.
    fn plain_values(&mut self, table: &Table) -> usize {
        let mut k = 1;
        while k < 64 {
            if self.bits.held < 48 {
                self.bits.fill();
            }
            let (mut buffer, mut held) = (self.bits.buffer, self.bits.held);
            // two codes and values are 52 bits at most: often several pairs fit
            let mut is_plain = true;
            while k < 64 && is_plain {
                let steps = table.steps[(buffer >> (64 - LOOK)) as usize];
                let ends = k + usize::from(steps.first.1) >= 64;
                let (bits, further) = if ends { steps.first } else { steps.both };
                is_plain = bits > 0 && u32::from(bits) <= held;
                if is_plain {
                    buffer <<= bits;
                    held -= u32::from(bits);
                    k += usize::from(further);
                }
            }
            let moved = held != self.bits.held;
            (self.bits.buffer, self.bits.held) = (buffer, held);
            if !is_plain && !moved {
                return k;
            }
        }
        k
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
                let blocks = self.blocks;
                return Err(Damage::Code { blocks });
            }
            *block |= 1 << k;
            k += 1;
            if !self.bits.skip(size) {
                return Err(self.short());
            }
        }
        // sixteen zeros may end a block, but not reach beyond it
        let blocks = self.blocks;
        (k <= to + 1).then_some(()).ok_or(Damage::Code { blocks })
    }

    /// Blocks after this one whose band is at its end too.
    fn run_length(&mut self, bits: usize) -> Result<u32, Damage> {
        if !self.progressive {
            let blocks = self.blocks;
            return Err(Damage::Code { blocks });
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
