//! Where the parts of an input are, and what must be put right for a reader to look at the rest of it.

use std::ops::Range;

/// What is known of a kind of input.
pub(crate) struct Format {
    /// Where its parts are, as far as they can be made out; in any order, and within each other.
    pub(crate) parts: fn(&[u8]) -> Vec<Range<usize>>,
    /// Puts checksums right, and lengths that nothing else depends on.
    pub(crate) mend: fn(&mut [u8]),
    /// Words of the format.
    pub(crate) words: &'static [&'static str],
}

pub(crate) const MCAP: Format = Format {
    parts: mcap,
    mend: mend_mcap,
    words: &["zstd", "lz4", "cdr", "sensor_msgs/msg/Image"],
};

pub(crate) const SQLITE: Format = Format {
    parts: pages,
    mend: |_| {},
    words: &["CREATE TABLE", "messages", "topics", "WITHOUT ROWID", "cdr"],
};

pub(crate) const JPEG: Format = Format {
    parts: markers,
    mend: |_| {},
    words: &[],
};

pub(crate) const PNG: Format = Format {
    parts: png,
    mend: mend_png,
    words: &[
        "PLTE", "tRNS", "IDAT", "acTL", "fcTL", "fdAT", "IEND", "iCCP", "zTXt",
    ],
};

pub(crate) const WEBP: Format = Format {
    parts: riff,
    mend: mend_riff,
    words: &[
        "VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP", "EXIF",
    ],
};

pub(crate) const PROTOBUF: Format = Format {
    parts: protobuf,
    mend: |_| {},
    words: &["location", "Constant", "Loop"],
};

pub(crate) const CDR: Format = Format {
    parts: words,
    mend: |_| {},
    words: &[
        "rgb8",
        "bgr8",
        "mono16",
        "nv12",
        "yuv422",
        "bayer_rggb8",
        "bayer_grbg16",
        "jpeg",
    ],
};

pub(crate) const TEXT: Format = Format {
    parts: lines,
    mend: |_| {},
    words: &[
        "[",
        "]",
        "{",
        "}",
        ": ",
        ", ",
        "- ",
        "\n",
        "&a ",
        "*a",
        "<<: ",
        "!!binary ",
        "? ",
        "| ",
        "\"",
        "#",
        "[[",
        "..",
        "/",
        "../",
        "~",
        "null",
        "true",
        ".nan",
        "1e999",
        "0x",
        "-1",
        "18446744073709551616",
        "ros__parameters:",
        "/**:",
        "version: ",
        "relative_file_paths:",
        "FILE",
        "zstd",
        "\u{feff}",
        "\0",
    ],
};

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    let all = bytes.iter().rev();
    Some(all.fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

/// The end of a part that begins with `head` bytes and says how many more there are.
fn end(from: usize, head: usize, length: u64, all: usize) -> Option<usize> {
    let length = usize::try_from(length).ok()?;
    let end = from.checked_add(head)?.checked_add(length)?;
    (end <= all).then_some(end)
}

/// Where the records of an MCAP chunk are that is not compressed.
fn inside_chunk(bytes: &[u8], chunk: &Range<usize>) -> Option<Range<usize>> {
    let name = number(bytes, chunk.start + 9 + 28, 4)?;
    let from = chunk.start + 9 + 28 + 4 + 8;
    (name == 0 && from <= chunk.end).then_some(from..chunk.end)
}

fn mcap(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut parts = records(bytes, 8..bytes.len());
    for at in 0..parts.len() {
        if bytes[parts[at].start] == 0x06
            && let Some(inside) = inside_chunk(bytes, &parts[at])
        {
            parts.extend(records(bytes, inside));
        }
    }
    parts
}

fn records(bytes: &[u8], range: Range<usize>) -> Vec<Range<usize>> {
    let (mut parts, mut at) = (vec![], range.start);
    while let Some(length) = number(&bytes[..range.end.min(bytes.len())], at + 1, 8) {
        let Some(end) = end(at, 9, length, range.end) else {
            break;
        };
        parts.push(at..end);
        at = end;
    }
    parts
}

/// Zero stands for "no checksum".
fn mend_mcap(bytes: &mut [u8]) {
    for part in records(bytes, 8..bytes.len()) {
        let at = match bytes[part.start] {
            0x06 => part.start + 9 + 24,
            0x0f => part.start + 9,
            _ => continue,
        };
        if let Some(checksum) = bytes.get_mut(at..at + 4) {
            checksum.fill(0);
        }
    }
}

fn pages(bytes: &[u8]) -> Vec<Range<usize>> {
    let size = bytes.get(16..18);
    let size = size.map_or(0, |s| usize::from(s[0]) << 8 | usize::from(s[1]));
    let size = size.max(512);
    let header = 0..bytes.len().min(100);
    let pages = (0..bytes.len()).step_by(size);
    let pages = pages.map(|at| at..(at + size).min(bytes.len()));
    std::iter::once(header).chain(pages).collect()
}

fn markers(bytes: &[u8]) -> Vec<Range<usize>> {
    let starts = bytes.windows(2).enumerate();
    let starts = starts.filter(|(_, pair)| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
    until_next(starts.map(|(at, _)| at), bytes.len())
}

fn lines(bytes: &[u8]) -> Vec<Range<usize>> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    until_next(
        std::iter::once(0).chain(ends.map(|(at, _)| at + 1)),
        bytes.len(),
    )
}

fn until_next(starts: impl Iterator<Item = usize>, all: usize) -> Vec<Range<usize>> {
    let starts: Vec<usize> = starts.chain([all]).collect();
    let pairs = starts.windows(2).map(|pair| pair[0]..pair[1]);
    pairs.filter(|part| part.start < part.end).collect()
}

fn png(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut parts, mut at) = (vec![], 8);
    while let Some(length) = bytes.get(at..at + 4) {
        let length = length
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        let Some(end) = end(at, 12, length, bytes.len()) else {
            break;
        };
        parts.push(at..end);
        at = end;
    }
    parts
}

fn mend_png(bytes: &mut [u8]) {
    for part in png(bytes) {
        let checksum = crc32fast::hash(&bytes[part.start + 4..part.end - 4]);
        bytes[part.end - 4..part.end].copy_from_slice(&checksum.to_be_bytes());
    }
}

fn riff(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut parts, mut at) = (vec![], 12);
    while let Some(length) = number(bytes, at + 4, 4) {
        let Some(end) = end(at, 8, length + length % 2, bytes.len()) else {
            break;
        };
        parts.push(at..end);
        // the picture of an animation has chunks of its own behind its place
        at += match bytes.get(at..at + 4) {
            Some(b"ANMF") => 8 + 16,
            _ => end - at,
        };
    }
    parts
}

fn mend_riff(bytes: &mut [u8]) {
    let length = (bytes.len().saturating_sub(8) as u32).to_le_bytes();
    if let Some(place) = bytes.get_mut(4..8) {
        place.copy_from_slice(&length);
    }
}

fn protobuf(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut parts = vec![];
    fields(bytes, 0..bytes.len(), 0, &mut parts);
    parts
}

/// The fields of a message, and those in them, where a field looks like a message. False where this does not.
fn fields(bytes: &[u8], range: Range<usize>, depth: u32, parts: &mut Vec<Range<usize>>) -> bool {
    let (mut at, had) = (range.start, parts.len());
    let all = &bytes[..range.end];
    while at < range.end && parts.len() < 5000 {
        let from = at;
        let whole = varint(all, &mut at).is_some_and(|tag| match tag & 7 {
            0 => varint(all, &mut at).is_some(),
            1 | 5 => {
                at += if tag & 7 == 1 { 8 } else { 4 };
                at <= range.end
            }
            2 => {
                let Some(end) = varint(all, &mut at).and_then(|l| end(at, 0, l, range.end)) else {
                    return false;
                };
                if depth < 8 {
                    fields(bytes, at..end, depth + 1, parts);
                }
                at = end;
                true
            }
            _ => false,
        });
        if !whole {
            parts.truncate(had);
            return false;
        }
        parts.push(from..at);
    }
    true
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn words(bytes: &[u8]) -> Vec<Range<usize>> {
    let starts = (0..bytes.len()).step_by(4);
    starts.map(|at| at..(at + 4).min(bytes.len())).collect()
}
