//! CDR, the wire format of ROS 2 messages, with its encapsulation header.
//!
//! A serialised message is four bytes of header (two of them say which encoding, two are
//! options) and the body (OMG DDS-XTypes 7.6.2). Plain CDR is read in both byte orders and
//! written little-endian, as ROS 2 does on every machine it supports.

use byteorder::{BigEndian, LittleEndian};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::{CameraInfo, CompressedImage, Image, Odometry, RosMessage};

const HEADER: usize = 4;
const CDR_BE: u16 = 0x0000;
const CDR_LE: u16 = 0x0001;

/// Bytes that may follow the body: DDS pads a payload to a multiple of four.
const MAX_PADDING: usize = 3;

/// Why bytes are no message of the wanted type, or a message could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CdrError {
    /// Not even an encapsulation header.
    #[error("{len} bytes are too few for a serialised message, its header alone takes 4")]
    TooShort {
        /// Bytes there are.
        len: usize,
    },
    /// Not plain CDR: a parameter list, XCDR2, or no serialised message at all.
    #[error(
        "encapsulation {id:#06x} is not supported: only plain CDR, 0x0000 (big-endian) and \
         0x0001 (little-endian)"
    )]
    UnsupportedEncapsulation {
        /// The first two bytes, as a big-endian number.
        id: u16,
    },
    /// The body ends early or holds what the type does not allow.
    #[error("{len} bytes of CDR are no {type_name}: {reason}")]
    Malformed {
        /// The type that was asked for.
        type_name: &'static str,
        /// Bytes of the whole message.
        len: usize,
        /// What the reader says.
        reason: String,
    },
    /// The body goes on after the message: it is of another type.
    #[error("{type_name} takes {used} of {len} bytes of CDR: they are of another type")]
    TrailingBytes {
        /// The type that was asked for.
        type_name: &'static str,
        /// Bytes of the message, its header included.
        used: usize,
        /// Bytes there are.
        len: usize,
    },
    /// The message says when something was in a way that is no time.
    #[error(
        "the stamp {sec} s + {nanosec} ns is not a valid time: its nanoseconds are a second or more"
    )]
    Stamp {
        /// Seconds.
        sec: i32,
        /// Nanoseconds.
        nanosec: u32,
    },
    /// The message cannot be written (a sequence of more than 2^32 elements).
    #[error("cannot serialise {type_name}: {reason}")]
    Serialise {
        /// The type.
        type_name: &'static str,
        /// What the writer says.
        reason: String,
    },
}

/// Serialises a message, header included.
///
/// # Errors
/// The type holds something that CDR has no form for.
pub fn to_vec<T: Serialize>(message: &T) -> Result<Vec<u8>, CdrError> {
    let mut buffer = Vec::new();
    to_buf(message, &mut buffer)?;
    Ok(buffer)
}

/// Serialises a message, header included, over what `buffer` held; allocates only when the
/// buffer is too small.
///
/// # Errors
/// As [`to_vec`]; the buffer is then empty.
pub fn to_buf<T: Serialize>(message: &T, buffer: &mut Vec<u8>) -> Result<(), CdrError> {
    buffer.clear();
    buffer.extend_from_slice(&[0, 1, 0, 0]);
    cdr_encoding::to_writer::<T, LittleEndian, _>(&mut *buffer, message).map_err(|error| {
        buffer.clear();
        CdrError::Serialise {
            type_name: name_of::<T>(),
            reason: error.to_string(),
        }
    })
}

/// Reads a message, which may borrow from `bytes`.
///
/// Lengths inside of the message are checked against the bytes that are left before anything is
/// allocated for them, so memory is bounded by the size of the input.
///
/// # Errors
/// Too short, another encoding than plain CDR, a body that ends early, text that is not UTF-8, or
/// more than the padding of three bytes left over at the end.
pub fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, CdrError> {
    let Some((&[high, low, _, _], body)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(CdrError::TooShort { len: bytes.len() });
    };
    let result = match u16::from_be_bytes([high, low]) {
        CDR_LE => cdr_encoding::from_bytes::<T, LittleEndian>(body),
        CDR_BE => cdr_encoding::from_bytes::<T, BigEndian>(body),
        id => return Err(CdrError::UnsupportedEncapsulation { id }),
    };
    let type_name = name_of::<T>();
    let (message, used) = result.map_err(|error| CdrError::Malformed {
        type_name,
        len: bytes.len(),
        reason: error.to_string(),
    })?;
    let used = HEADER + used;
    if bytes.len() > used + MAX_PADDING {
        return Err(CdrError::TrailingBytes {
            type_name,
            used,
            len: bytes.len(),
        });
    }
    Ok(message)
}

/// The ROS name of a message that bags hold; another type as it is called here.
fn name_of<T>() -> &'static str {
    let path = std::any::type_name::<T>();
    let (path, _) = path.split_once('<').unwrap_or((path, ""));
    let name = path.rsplit_once("::").map_or(path, |(_, name)| name);
    let name = name.strip_suffix("Ref").unwrap_or(name);
    let known = [
        Image::TYPE,
        CompressedImage::TYPE,
        CameraInfo::TYPE,
        Odometry::TYPE,
    ];
    let mut named = known.into_iter();
    let is_it = |ros: &&str| ros.rsplit_once('/').is_some_and(|(_, last)| last == name);
    named.find(is_it).unwrap_or(name)
}

/// A string borrowed from the buffer. The library only hands out strings that last no longer
/// than a call, but on the wire a string is a sequence of bytes with a zero at its end, and those
/// it does lend.
pub(super) fn borrowed_str<'de, D: Deserializer<'de>>(from: D) -> Result<&'de str, D::Error> {
    let bytes: &'de [u8] = serde_bytes::deserialize(from)?;
    // Some vendors write the empty string without its zero.
    let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    std::str::from_utf8(text).map_err(D::Error::custom)
}
