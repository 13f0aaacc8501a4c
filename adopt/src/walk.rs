//! What is looked at in an ONNX graph before an engine or a decoder gets it.
//!
//! The bytes are gone through field by field here, and not by an engine's reader: that of rten-onnx 0.27
//! reserves what a length claims before it looks whether that is there, goes round for ever in a number
//! that does not end, and goes down as deep as the file says. What passes here can be given to it.
//!
//! Encoding: <https://protobuf.dev/programming-guides/encoding/>; the numbers of fields are those of
//! onnx.proto.

use std::ops::Range;

/// Messages in messages. A graph in a node of a graph is three of them.
const DEEPEST: usize = 64;
/// Nodes, attributes, tensors, ... in a file. One that is empty takes two bytes there, and some hundred
/// in the memory of a reader.
const MOST_MESSAGES: usize = 200_000;

/// Why bytes are no graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Byte of the file.
    pub at: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// Goes through a whole graph.
///
/// # Errors
/// The first field that is cut off, has no end or is too deep. What the fields mean is left to the
/// engines.
pub fn check(bytes: &[u8]) -> Result<(), Fault> {
    walk(bytes, false)
}

/// The same, and refuses fields that [`crate::proto`] does not have, which would be lost where a graph is
/// decoded and written again.
///
/// # Errors
/// As [`check`], and the first field that is not known.
pub fn check_known(bytes: &[u8]) -> Result<(), Fault> {
    walk(bytes, true)
}

fn walk(bytes: &[u8], known: bool) -> Result<(), Fault> {
    let mut walk = Walk { messages: 0, known };
    walk.message(Kind::Model, Fields { bytes, at: 0 }, 0)
}

/// The messages that have others in them, or whose fields are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ModelProto`.
    Model,
    /// `TrainingInfoProto`.
    Training,
    /// `FunctionProto`.
    Function,
    /// `GraphProto`.
    Graph,
    /// `NodeProto`.
    Node,
    /// `AttributeProto`.
    Attribute,
    /// `TensorProto`.
    Tensor,
    /// `SparseTensorProto`.
    SparseTensor,
    /// `ValueInfoProto`.
    ValueInfo,
    /// `TypeProto`.
    Type,
    /// `TypeProto.Tensor`.
    TensorType,
    /// `TypeProto.Sequence`.
    SequenceType,
    /// `TensorShapeProto`.
    Shape,
    /// Nothing in it is a message.
    Leaf,
}

impl Kind {
    /// Which message a field holds.
    pub fn within(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => {
                Some(Self::Graph)
            }
            (Self::Model, 20) => Some(Self::Training),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Some(Self::Tensor)
            }
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            (Self::Graph, 11..=13) => Some(Self::ValueInfo),
            (Self::ValueInfo, 2) | (Self::SequenceType, 1) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::Type, 4) => Some(Self::SequenceType),
            (Self::TensorType, 2) => Some(Self::Shape),
            // opsets, pairs of texts, sides
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Some(Self::Leaf),
            _ => None,
        }
    }
}

impl Kind {
    /// Whether `proto` has that field.
    fn has(self, number: u64) -> bool {
        match self {
            Self::Model => matches!(number, 1..=8 | 14 | 20 | 25 | 26),
            Self::Function => matches!(number, 1 | 4..=14),
            Self::Graph => matches!(number, 1 | 2 | 5 | 10..=16),
            Self::Node => matches!(number, 1..=10),
            Self::Attribute => matches!(number, 1..=11 | 13..=15 | 20..=23),
            Self::Tensor => matches!(number, 1..=14 | 16),
            Self::SparseTensor => matches!(number, 1..=3),
            Self::ValueInfo => matches!(number, 1..=4),
            Self::Type => matches!(number, 1 | 4..=9),
            Self::TensorType => matches!(number, 1 | 2),
            Self::Shape => number == 1,
            // kept as the bytes that they are
            Self::Training | Self::SequenceType | Self::Leaf => true,
        }
    }
}

/// Fields of a tensor.
mod tensor {
    pub(super) const FLOATS: u64 = 4;
    pub(super) const INTS: u64 = 5;
    pub(super) const LONGS: u64 = 7;
    pub(super) const DOUBLES: u64 = 10;
    pub(super) const UNSIGNED: u64 = 11;
}

struct Walk {
    messages: usize,
    /// Refuse what is not known.
    known: bool,
}

impl Walk {
    fn message(&mut self, kind: Kind, mut fields: Fields<'_>, depth: usize) -> Result<(), Fault> {
        let at = fields.at;
        let fault = |reason| Err(Fault { at, reason });
        self.messages += 1;
        if self.messages > MOST_MESSAGES {
            return fault("it has more than 200000 parts");
        }
        if depth == DEEPEST {
            return fault("its parts are in each other, more than 64 deep");
        }
        while let Some(field) = fields.next()? {
            if self.known && !kind.has(field.number) {
                return fault("it has a field that is not known, which would be lost");
            }
            let Value::Bytes(range) = field.value else {
                continue;
            };
            if let Some(kind) = kind.within(field.number) {
                self.message(kind, fields.inside(range), depth + 1)?;
            } else if kind == Kind::Tensor {
                packed(field.number, fields.inside(range))?;
            }
        }
        Ok(())
    }
}

/// Numbers that lie behind each other must end where their field does: a reader that goes by the numbers
/// would lose its place.
fn packed(number: u64, mut values: Fields<'_>) -> Result<(), Fault> {
    let whole = match number {
        tensor::FLOATS => values.left().is_multiple_of(4),
        tensor::DOUBLES => values.left().is_multiple_of(8),
        tensor::INTS | tensor::LONGS | tensor::UNSIGNED => {
            while values.left() > 0 {
                values.number()?;
            }
            true
        }
        _ => true,
    };
    whole.then_some(()).ok_or(Fault {
        at: values.at,
        reason: "the numbers of a tensor are cut off",
    })
}

/// What a field holds.
enum Value {
    /// A number of its own.
    Number,
    /// A text, a message, numbers: where in the file.
    Bytes(Range<usize>),
}

struct Field {
    number: u64,
    value: Value,
}

/// The fields of one message.
#[derive(Clone, Copy)]
struct Fields<'a> {
    /// The file up to the end of the message.
    bytes: &'a [u8],
    /// Never beyond that.
    at: usize,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<Field>, Fault> {
        if self.left() == 0 {
            return Ok(None);
        }
        let at = self.at;
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => self.number().map(|_| Value::Number)?,
            1 => self.take(8, at).map(|_| Value::Number)?,
            2 => {
                let length = self.number()?;
                Value::Bytes(self.take(length, at)?)
            }
            5 => self.take(4, at).map(|_| Value::Number)?,
            _ => {
                let reason = "a field is of a kind that protobuf does not have";
                return Err(Fault { at, reason });
            }
        };
        let number = tag >> 3;
        Ok(Some(Field { number, value }))
    }

    /// A number of seven bits a byte, the lowest first.
    fn number(&mut self) -> Result<u64, Fault> {
        let at = self.at;
        let fault = |reason| Fault { at, reason };
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes.get(self.at);
            let byte = *byte.ok_or(fault("a number is cut off"))?;
            self.at += 1;
            // 9 times 7 bits, and one
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(fault("a number has more than 64 bits"))
    }

    fn take(&mut self, length: u64, field: usize) -> Result<Range<usize>, Fault> {
        let length = usize::try_from(length).ok();
        let Some(length) = length.filter(|length| *length <= self.left()) else {
            let reason = "a field goes on beyond the end of what it is in";
            return Err(Fault { at: field, reason });
        };
        let from = self.at;
        self.at += length;
        Ok(from..self.at)
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The fields of a message that is in this one.
    fn inside(&self, range: Range<usize>) -> Self {
        Self {
            bytes: &self.bytes[..range.end],
            at: range.start,
        }
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
