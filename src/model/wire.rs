//! Protobuf messages as lists of fields: read without a schema, edited, written.
//!
//! Fields that are not edited are written as the very bytes that were read.
//! Encoding: <https://protobuf.dev/programming-guides/encoding/>.

use std::borrow::Cow;

use thiserror::Error;

/// Why bytes are no protobuf message. Offsets are bytes from the start of the message in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// The message ends inside a field.
    #[error("it ends inside the field at byte {at}")]
    Truncated {
        /// Where the field starts.
        at: usize,
    },
    /// A number has more than 64 bits.
    #[error("the number at byte {at} has more than 64 bits")]
    Overlong {
        /// Where the number starts.
        at: usize,
    },
    /// A wire type that is unknown or long deprecated (groups), or field number 0.
    #[error("the tag {tag} at byte {at} is not one of protobuf's")]
    Tag {
        /// Where the field starts.
        at: usize,
        /// The tag.
        tag: u64,
    },
    /// A field has another wire type than the schema gives it.
    #[error("field {number} is of another wire type")]
    Kind {
        /// Field number.
        number: u32,
    },
    /// A text is not UTF-8.
    #[error("field {number} is not UTF-8")]
    Utf8 {
        /// Field number.
        number: u32,
    },
    /// A field that holds one message is there more than once. Protobuf would merge them; no exporter
    /// writes that.
    #[error("field {number} is there more than once")]
    Repeated {
        /// Field number.
        number: u32,
    },
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    /// A text, bytes or a message.
    Bytes(Cow<'a, [u8]>),
    Fixed32([u8; 4]),
}

/// One field: its number, what it holds, and the bytes that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    number: u32,
    value: Value<'a>,
    /// Tag and payload as they were read: a number may be written in more bytes than it needs.
    /// `None` for a field that was made here.
    read: Option<&'a [u8]>,
}

impl<'a> Field<'a> {
    pub(crate) fn int(number: u32, value: u64) -> Self {
        Self::made(number, Value::Varint(value))
    }

    pub(crate) fn bytes(number: u32, value: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::made(number, Value::Bytes(value.into()))
    }

    pub(crate) fn text(number: u32, value: &str) -> Self {
        Self::bytes(number, value.as_bytes().to_vec())
    }

    pub(crate) fn message(number: u32, message: &Message<'_>) -> Self {
        Self::bytes(number, message.write())
    }

    fn made(number: u32, value: Value<'a>) -> Self {
        let read = None;
        Self {
            number,
            value,
            read,
        }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// A text, bytes or a message, borrowed from what was read.
    pub(crate) fn payload(&self) -> Result<&'a [u8], WireError> {
        match self.value {
            Value::Bytes(Cow::Borrowed(bytes)) => Ok(bytes),
            _ => Err(self.wrong_kind()),
        }
    }

    /// A text, borrowed from what was read.
    pub(crate) fn as_text(&self) -> Result<&'a str, WireError> {
        let number = self.number;
        std::str::from_utf8(self.payload()?).map_err(|_| WireError::Utf8 { number })
    }

    fn wrong_kind(&self) -> WireError {
        WireError::Kind {
            number: self.number,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if let Some(read) = self.read {
            return out.extend_from_slice(read);
        }
        let mut tag = |wire: u64| write_varint(u64::from(self.number) << 3 | wire, out);
        match &self.value {
            Value::Varint(value) => {
                tag(0);
                write_varint(*value, out);
            }
            Value::Fixed64(bytes) => {
                tag(1);
                out.extend_from_slice(bytes);
            }
            Value::Bytes(bytes) => {
                tag(2);
                write_varint(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            Value::Fixed32(bytes) => {
                tag(5);
                out.extend_from_slice(bytes);
            }
        }
    }
}

/// A message as its fields, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) fields: Vec<Field<'a>>,
}

impl<'a> Message<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut cursor = Cursor { bytes, at: 0 };
        let mut fields = vec![];
        while cursor.at < bytes.len() {
            let start = cursor.at;
            let (number, value) = cursor.field()?;
            let read = bytes.get(start..cursor.at);
            fields.push(Field {
                number,
                value,
                read,
            });
        }
        Ok(Self { fields })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = vec![];
        for field in &self.fields {
            field.write(&mut out);
        }
        out
    }

    /// Every field of that number.
    pub(crate) fn all(&self, number: u32) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(move |f| f.number == number)
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.all(number).next().is_some()
    }

    /// The one field of that number.
    pub(crate) fn one(&self, number: u32) -> Result<Option<&Field<'a>>, WireError> {
        let mut all = self.all(number);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(WireError::Repeated { number }),
            (one, None) => Ok(one),
        }
    }

    /// The message that the one field of that number holds.
    pub(crate) fn child(&self, number: u32) -> Result<Option<Message<'a>>, WireError> {
        let read = |field: &Field<'a>| Message::read(field.payload()?);
        self.one(number)?.map(read).transpose()
    }

    /// A text; empty where there is none.
    pub(crate) fn text(&self, number: u32) -> Result<&'a str, WireError> {
        self.one(number)?.map_or(Ok(""), Field::as_text)
    }

    /// A number; 0 where there is none.
    pub(crate) fn int(&self, number: u32) -> Result<i64, WireError> {
        match self.one(number)?.map(|f| &f.value) {
            None => Ok(0),
            // negative numbers are written in two's complement
            Some(Value::Varint(value)) => Ok(*value as i64),
            Some(_) => Err(WireError::Kind { number }),
        }
    }

    /// Repeated numbers, packed or not.
    pub(crate) fn ints(&self, number: u32) -> Result<Vec<i64>, WireError> {
        let mut values = vec![];
        for field in self.all(number) {
            match &field.value {
                Value::Varint(value) => values.push(*value as i64),
                Value::Bytes(bytes) => {
                    let mut cursor = Cursor { bytes, at: 0 };
                    while cursor.at < bytes.len() {
                        values.push(cursor.varint()? as i64);
                    }
                }
                _ => return Err(field.wrong_kind()),
            }
        }
        Ok(values)
    }

    /// Repeated f32, packed or not.
    pub(crate) fn floats(&self, number: u32) -> Result<Vec<f32>, WireError> {
        let mut values = vec![];
        for field in self.all(number) {
            match &field.value {
                Value::Fixed32(bytes) => values.push(f32::from_le_bytes(*bytes)),
                Value::Bytes(bytes) => {
                    let (chunks, []) = bytes.as_chunks() else {
                        return Err(WireError::Truncated { at: 0 });
                    };
                    values.extend(chunks.iter().map(|c| f32::from_le_bytes(*c)));
                }
                _ => return Err(field.wrong_kind()),
            }
        }
        Ok(values)
    }

    /// Puts a field in the place of the one of its number, or at the end.
    pub(crate) fn set(&mut self, field: Field<'a>) {
        let place = self.fields.iter_mut().find(|f| f.number == field.number);
        match place {
            Some(place) => *place = field,
            None => self.fields.push(field),
        }
    }

    /// Takes every field of that number out.
    pub(crate) fn remove(&mut self, number: u32) {
        self.fields.retain(|f| f.number != number);
    }
}

impl<'a> FromIterator<Field<'a>> for Message<'a> {
    fn from_iter<T: IntoIterator<Item = Field<'a>>>(fields: T) -> Self {
        Self {
            fields: fields.into_iter().collect(),
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn field(&mut self) -> Result<(u32, Value<'a>), WireError> {
        let at = self.at;
        let tag = self.varint()?;
        // 29 bits
        let number = match u32::try_from(tag >> 3) {
            Ok(number) if number > 0 && number < 1 << 29 => number,
            _ => return Err(WireError::Tag { at, tag }),
        };
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(*self.chunk(at)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(Cow::Borrowed(self.take(length, at)?))
            }
            5 => Value::Fixed32(*self.chunk(at)?),
            _ => return Err(WireError::Tag { at, tag }),
        };
        Ok((number, value))
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let at = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(WireError::Truncated { at })?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Overlong { at })
    }

    fn take(&mut self, length: u64, at: usize) -> Result<&'a [u8], WireError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = usize::try_from(length).ok().and_then(|n| rest.get(..n));
        let taken = taken.ok_or(WireError::Truncated { at })?;
        self.at += taken.len();
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self, at: usize) -> Result<&'a [u8; N], WireError> {
        let taken = self.take(N as u64, at)?;
        taken.first_chunk().ok_or(WireError::Truncated { at })
    }
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
