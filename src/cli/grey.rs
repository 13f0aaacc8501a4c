//! PNG files whose values mean something: masks and labels.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lookout::frame::MAX_PIXELS;
use lookout::frame::file::{png_decoder, read_bytes};
use png::{BitDepth, ColorType};

/// A picture of one value a pixel.
#[derive(Debug)]
pub(crate) struct Grey {
    /// Columns and rows.
    pub(crate) size: (u32, u32),
    /// Row by row.
    pub(crate) pixels: Vec<u8>,
    /// It was written in grey of one bit, so that 1 may stand for 1 or for white.
    pub(crate) one_bit: bool,
}

impl Grey {
    /// Refuses a picture of another size than the one it belongs to.
    pub(crate) fn expect_size(&self, path: &Path, size: (u32, u32), of: &Path) -> Result<()> {
        if self.size != size {
            let ((w, h), (ow, oh)) = (self.size, size);
            bail!(
                "{} is {w}x{h}, {} is {ow}x{oh}",
                path.display(),
                of.display()
            );
        }
        Ok(())
    }
}

/// Where in a picture, for messages.
pub(crate) fn place(at: usize, size: (u32, u32)) -> String {
    let width = size.0.max(1) as usize;
    format!("column {}, row {}", at % width, at / width)
}

/// Reads a PNG of grey in 1, 8 or 16 bits, of colours that are all grey, or of a palette. A
/// palette of greys counts by its greys, another one by its indices. Values of 16 bits are 0 to
/// 255, or these in 257ths of white; alpha is opaque. A file that is not whole is refused, as a picture is.
pub(crate) fn read_grey(path: &Path) -> Result<Grey> {
    let named = || path.display().to_string();
    let file = read_bytes(path)?;
    let mut decoder = png_decoder(&file);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder
        .read_info()
        .with_context(|| format!("{} is no PNG that can be read", path.display()))?;
    let info = reader.info();
    let (size, colour, depth) = (info.size(), info.color_type, info.bit_depth);
    let palette = info.palette.as_deref().map(<[u8]>::to_vec);
    if matches!(depth, BitDepth::Two | BitDepth::Four) && colour == ColorType::Grayscale {
        bail!(
            "{}: grey of {} bits; write it in 8 bits, or as a palette",
            path.display(),
            depth as u8
        );
    }
    let count = u64::from(size.0) * u64::from(size.1);
    if count > MAX_PIXELS {
        bail!(
            "{}: {count} pixels, at most {MAX_PIXELS} are read",
            path.display()
        );
    }
    let bytes = reader.output_buffer_size().with_context(named)?;
    let mut rows = vec![0; bytes];
    let line = reader.next_frame(&mut rows).with_context(named)?.line_size;
    reader.finish().with_context(named)?;
    let greys = palette.as_deref().and_then(greys);
    let mut values = Vec::with_capacity(count as usize);
    for row in rows.chunks(line.max(1)) {
        for column in 0..size.0 as usize {
            let at = values.len();
            let Some(value) = value(row, column, colour, depth) else {
                bail!(
                    "{}: a pixel in colour, or not opaque, at {}; values are grey. Where this is \
                     the picture for people, --mask-suffix and --label-suffix choose another file",
                    path.display(),
                    place(at, size)
                );
            };
            let value = match &greys {
                Some(greys) => greys.get(usize::from(value)).copied().map(u16::from),
                None => Some(value),
            };
            let none = || format!("{}: no such colour in its palette", path.display());
            values.push(value.with_context(none)?);
        }
    }
    let pixels = bytes_of(&values).map_err(|at| {
        anyhow::anyhow!(
            "{}: value {} at {}; values of 16 bits are 0 to 255, or 257 times that",
            path.display(),
            values[at],
            place(at, size)
        )
    })?;
    Ok(Grey {
        size,
        pixels,
        one_bit: depth == BitDepth::One && colour == ColorType::Grayscale,
    })
}

/// The value of one pixel; `None` where it is no grey, or not opaque.
fn value(row: &[u8], column: usize, colour: ColorType, depth: BitDepth) -> Option<u16> {
    let bits = depth as usize;
    let sample = |at: usize| match depth {
        BitDepth::Sixteen => Some(u16::from_be_bytes([
            *row.get(2 * at)?,
            *row.get(2 * at + 1)?,
        ])),
        BitDepth::Eight => Some(u16::from(*row.get(at)?)),
        _ => {
            let byte = row.get(at * bits / 8)?;
            let right = 8 - bits - at * bits % 8;
            Some(u16::from(byte >> right) & ((1 << bits) - 1))
        }
    };
    let first = column * colour.samples();
    let grey = sample(first)?;
    let opaque = if depth == BitDepth::Sixteen {
        u16::MAX
    } else {
        255
    };
    let (same, alpha) = match colour {
        ColorType::Grayscale | ColorType::Indexed => (1, None),
        ColorType::GrayscaleAlpha => (1, Some(first + 1)),
        ColorType::Rgb => (3, None),
        ColorType::Rgba => (3, Some(first + 3)),
    };
    let equal = (first..first + same).all(|at| sample(at) == Some(grey));
    let seen = alpha.is_none_or(|at| sample(at) == Some(opaque));
    (equal && seen).then_some(grey)
}

/// The greys of a palette, where all of its colours are grey.
fn greys(palette: &[u8]) -> Option<Vec<u8>> {
    let colours = palette.as_chunks::<3>().0;
    let grey = |[r, g, b]: &[u8; 3]| (r == g && g == b).then_some(*r);
    colours.iter().map(grey).collect()
}

/// Values of 8 bits, or the place of the first value that is larger.
fn bytes_of(values: &[u16]) -> Result<Vec<u8>, usize> {
    let wide = values.iter().any(|&value| value > 255);
    let byte = |(at, &value): (usize, &u16)| match value {
        value if !wide => Ok(value as u8),
        // half of white, as some write it
        0x8000 => Ok(128),
        value if value % 257 == 0 => Ok((value / 257) as u8),
        _ => Err(at),
    };
    values.iter().enumerate().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Header = (ColorType, BitDepth, &'static [u8]);

    fn written(header: Header, width: u32, height: u32, bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut encoder = png::Encoder::new(file.reopen().unwrap(), width, height);
        encoder.set_color(header.0);
        encoder.set_depth(header.1);
        if !header.2.is_empty() {
            encoder.set_palette(header.2);
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(bytes).unwrap();
        writer.finish().unwrap();
        file
    }

    #[test]
    fn a_value_is_the_same_however_it_is_written() {
        use BitDepth::{Eight, One, Sixteen, Two};
        use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
        let coloured = &[0, 0, 0, 255, 0, 0, 0, 255, 0];
        let grey = &[0, 0, 0, 128, 128, 128, 255, 255, 255];
        let cases: &[(Header, &[u8], &[u8])] = &[
            ((Grayscale, Eight, &[]), &[0, 1, 255], &[0, 1, 255]),
            ((Grayscale, One, &[]), &[0b0110_0000], &[0, 1, 1]),
            (
                (Grayscale, Sixteen, &[]),
                &[0, 0, 0, 1, 0, 255],
                &[0, 1, 255],
            ),
            (
                (Grayscale, Sixteen, &[]),
                &[0, 0, 128, 128, 255, 255],
                &[0, 128, 255],
            ),
            (
                (Grayscale, Sixteen, &[]),
                &[0, 0, 128, 0, 255, 255],
                &[0, 128, 255],
            ),
            (
                (Rgb, Eight, &[]),
                &[0, 0, 0, 7, 7, 7, 255, 255, 255],
                &[0, 7, 255],
            ),
            (
                (GrayscaleAlpha, Eight, &[]),
                &[0, 255, 1, 255, 2, 255],
                &[0, 1, 2],
            ),
            (
                (Rgba, Eight, &[]),
                &[0, 0, 0, 255, 1, 1, 1, 255, 9, 9, 9, 255],
                &[0, 1, 9],
            ),
            // by its indices, and by its greys
            ((Indexed, Two, coloured), &[0b0001_1000], &[0, 1, 2]),
            ((Indexed, Eight, coloured), &[2, 1, 0], &[2, 1, 0]),
            ((Indexed, Two, grey), &[0b0001_1000], &[0, 128, 255]),
        ];
        for &(header, bytes, expected) in cases {
            let file = written(header, 3, 1, bytes);
            let read = read_grey(file.path()).unwrap();
            assert_eq!(read.pixels, expected, "{header:?}");
            assert_eq!(read.size, (3, 1));
            assert_eq!(read.one_bit, header.1 == One && header.0 == Grayscale);
        }
    }

    #[test]
    fn rows_that_end_within_a_byte_are_read_row_by_row() {
        let bytes = [0b1000_0000, 0b0100_0000, 0, 0b1000_0000];
        let file = written((ColorType::Grayscale, BitDepth::One, &[]), 9, 2, &bytes);
        let mut expected = [0; 18];
        for at in [0, 17] {
            expected[at] = 1;
        }
        expected[9 - 1] = 0;
        // the second byte of the first row holds one pixel, its highest bit
        let read = read_grey(file.path()).unwrap();
        assert_eq!(read.pixels, expected);
    }

    #[test]
    fn what_has_no_one_meaning_is_refused_with_its_place() {
        use BitDepth::{Eight, Four, Sixteen};
        use ColorType::{Grayscale, Rgb, Rgba};
        let cases: &[(Header, &[u8], &str)] = &[
            ((Grayscale, Four, &[]), &[0x01], "grey of 4 bits"),
            ((Rgb, Eight, &[]), &[0, 0, 0, 1, 2, 1], "column 1, row 0"),
            (
                (Rgba, Eight, &[]),
                &[0, 0, 0, 255, 1, 1, 1, 9],
                "not opaque",
            ),
            (
                (Grayscale, Sixteen, &[]),
                &[255, 255, 1, 2],
                "value 258 at column 1",
            ),
        ];
        for &(header, bytes, words) in cases {
            let file = written(header, 2, 1, bytes);
            let text = format!("{:#}", read_grey(file.path()).unwrap_err());
            assert!(text.contains(words), "{words}: {text}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "noise").unwrap();
        let text = format!("{:#}", read_grey(file.path()).unwrap_err());
        assert!(text.contains("no PNG"), "{text}");
    }
    #[test]
    fn a_file_whose_parts_are_swapped_or_missing_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut encoder = png::Encoder::new(file.reopen().unwrap(), 64, 64);
        encoder.set_color(ColorType::Grayscale);
        // so that parts can be swapped without a trace but in the checksum of all
        encoder.set_compression(png::Compression::NoCompression);
        encoder.set_filter(png::Filter::NoFilter);
        let mut writer = encoder.write_header().unwrap();
        let pixels: Vec<u8> = (0..64 * 64u32).map(|i| (i * i % 251) as u8).collect();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        let whole = std::fs::read(file.path()).unwrap();

        // signature and header take 33 bytes, the end 12
        let (begin, rest) = whole.split_at(33);
        let (data, end) = rest.split_at(rest.len() - 12);
        let data = &data[8..data.len() - 4];
        let (head, data) = data.split_at(7);
        // whole rows, each with the byte of its filter
        let (upper, lower) = data.split_at(32 * 65);
        let (lower, tail) = lower.split_at(32 * 65);
        let read = |parts: &[&[u8]]| {
            let mut png = begin.to_vec();
            for part in parts {
                let chunk = [&b"IDAT"[..], part].concat();
                png.extend((part.len() as u32).to_be_bytes());
                png.extend(&chunk);
                png.extend(crc32fast::hash(&chunk).to_be_bytes());
            }
            png.extend(end);
            std::fs::write(file.path(), png).unwrap();
            read_grey(file.path())
        };
        assert_eq!(read(&[head, upper, lower, tail]).unwrap().pixels, pixels);
        for parts in [
            [head, lower, upper, tail],
            [head, upper, upper, tail],
            [head, upper, lower, &tail[..2]],
        ] {
            let error = read(&parts).unwrap_err();
            let name = file.path().display().to_string();
            assert!(format!("{error:#}").contains(&name), "{error:#}");
        }
    }

    #[test]
    fn a_pointer_of_git_lfs_is_named_as_such() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 19\n";
        std::fs::write(file.path(), pointer).unwrap();
        let text = format!("{:#}", read_grey(file.path()).unwrap_err());
        assert!(text.contains("git lfs pull"), "{text}");
    }
}
