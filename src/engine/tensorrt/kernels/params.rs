//! What a launch is told, laid out as in `params.cuh`.

use crate::engine::{Area, Placement, Preprocessor};
use crate::frame::Encoding;
use crate::model::Input;
use crate::score::ScoreKind;

/// One camera message in device memory, and how its axes are resized.
///
/// The message has passed the checks of [`Decoder`](crate::frame::Decoder): its bytes are
/// `step * height` (nv12 and nv21: `step * height * 3 / 2`), and its size suits the encoding.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameParams {
    /// Device address of the message's bytes.
    pub pixels: u64,
    /// Device address of the [`Taps`](super::Taps) from `width` to the frame's columns in the input.
    pub columns: u64,
    /// Device address of the [`Taps`](super::Taps) from `height` to the frame's rows in the input.
    pub rows: u64,
    /// Columns of the picture.
    pub width: u32,
    /// Rows of the picture.
    pub height: u32,
    /// Bytes from one row to the next.
    pub step: u32,
    /// See [`encoding_number`](Self::encoding_number).
    pub encoding: u32,
    /// Byte order of 16-bit samples: 1 big, 0 little.
    pub big_endian: u32,
    /// 0.
    pub reserved: u32,
}

const _: () = assert!(size_of::<FrameParams>() == 48 && align_of::<FrameParams>() == 8);

impl FrameParams {
    /// What the kernel calls an encoding: its place in [`Encoding::ALL`].
    pub fn encoding_number(encoding: Encoding) -> u32 {
        place(&Encoding::ALL, encoding)
    }

    /// The bytes to copy to the device.
    pub fn to_bytes(&self) -> [u8; 48] {
        let wide = [self.pixels, self.columns, self.rows];
        let narrow = [
            self.width,
            self.height,
            self.step,
            self.encoding,
            self.big_endian,
            self.reserved,
        ];
        let wide = wide.into_iter().flat_map(u64::to_ne_bytes);
        joined(wide.chain(narrow.into_iter().flat_map(u32::to_ne_bytes)))
    }
}

/// Size and normalisation of the network's input, and where the frame lies in it; handed over by value.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputParams {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The frame's first column.
    pub left: u32,
    /// The frame's first row.
    pub top: u32,
    /// The frame's columns.
    pub across: u32,
    /// The frame's rows.
    pub down: u32,
    /// Factors of red, green and blue, which are `0 ..= 255`.
    pub scale: [f32; 3],
    /// Added to red, green and blue after that.
    pub offset: [f32; 3],
}

const _: () = assert!(size_of::<InputParams>() == 48 && align_of::<InputParams>() == 4);

impl InputParams {
    /// For a bundle's normalisation and an input of that width and height, with the frame in that part of it.
    pub fn new(input: &Input, (width, height): (u32, u32), picture: Area) -> Self {
        let (scale, offset) = Preprocessor::normalisation(input);
        Self {
            width,
            height,
            left: picture.x,
            top: picture.y,
            across: picture.width,
            down: picture.height,
            scale,
            offset,
        }
    }
}

/// How pixels are judged.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeParams {
    /// See [`kind_number`](Self::kind_number).
    pub kind: u32,
    /// Planes of logits, `2 ..= 255`.
    pub classes: u32,
    /// Columns of what is judged.
    pub width: u32,
    /// Rows of what is judged.
    pub height: u32,
    /// Scores above it are anomalous; NaN makes every pixel so.
    pub threshold: f32,
    /// Place in a plane of the first value that is judged.
    pub first: u32,
    /// From one row of a plane to the next.
    pub pitch: u32,
    /// From one plane to the next.
    pub plane: u32,
    /// `(value - center) / scale` is the logit of what a head gave, see
    /// [`Head::center_and_scale`](crate::model::Head::center_and_scale).
    pub center: f32,
    /// See `center`.
    pub scale: f32,
}

const _: () = assert!(size_of::<JudgeParams>() == 40 && align_of::<JudgeParams>() == 4);

impl JudgeParams {
    /// What the kernel calls a score: 0 for that of a head, the others follow in the order of
    /// [`ScoreKind::OF_LOGITS`].
    pub fn kind_number(kind: ScoreKind) -> u32 {
        match kind {
            ScoreKind::Head(_) => 0,
            of_logits => 1 + place(&ScoreKind::OF_LOGITS, of_logits),
        }
    }

    /// Of the frame's part of the planes; `threshold` NaN makes every pixel anomalous. A head's plane is taken
    /// for logits.
    pub fn new(kind: u32, classes: u32, threshold: f32, placement: &Placement) -> Self {
        let Placement { logits, cells, .. } = placement;
        Self {
            kind,
            classes,
            width: cells.width,
            height: cells.height,
            threshold,
            first: cells.y * logits.0 + cells.x,
            pitch: logits.0,
            plane: logits.0 * logits.1,
            center: 0.0,
            scale: 1.0,
        }
    }

    /// The bytes to copy to the device.
    pub fn to_bytes(&self) -> [u8; 40] {
        let fields = [
            self.kind,
            self.classes,
            self.width,
            self.height,
            self.threshold.to_bits(),
            self.first,
            self.pitch,
            self.plane,
            self.center.to_bits(),
            self.scale.to_bits(),
        ];
        joined(fields.into_iter().flat_map(u32::to_ne_bytes))
    }
}

/// Past the end, which the kernels take for unknown, were a list not to hold all there are.
fn place<T: PartialEq>(all: &[T], one: T) -> u32 {
    let place = all.iter().position(|other| *other == one);
    place.unwrap_or(all.len()) as u32
}

fn joined<const N: usize>(mut bytes: impl Iterator<Item = u8>) -> [u8; N] {
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// A number a field, so that its bytes are found where the field lies.
    #[test]
    fn bytes_lie_where_the_fields_do() {
        let frame = FrameParams {
            pixels: 1,
            columns: 2,
            rows: 3,
            width: 4,
            height: 5,
            step: 6,
            encoding: 7,
            big_endian: 8,
            reserved: 9,
        };
        let bytes = frame.to_bytes();
        let wide = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        let narrow = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(wide(offset_of!(FrameParams, pixels)), 1);
        assert_eq!(wide(offset_of!(FrameParams, columns)), 2);
        assert_eq!(wide(offset_of!(FrameParams, rows)), 3);
        assert_eq!(narrow(offset_of!(FrameParams, width)), 4);
        assert_eq!(narrow(offset_of!(FrameParams, height)), 5);
        assert_eq!(narrow(offset_of!(FrameParams, step)), 6);
        assert_eq!(narrow(offset_of!(FrameParams, encoding)), 7);
        assert_eq!(narrow(offset_of!(FrameParams, big_endian)), 8);
        assert_eq!(narrow(offset_of!(FrameParams, reserved)), 9);

        let judge = JudgeParams {
            kind: 1,
            classes: 2,
            width: 3,
            height: 4,
            threshold: 0.5,
            first: 5,
            pitch: 6,
            plane: 7,
            center: 8.5,
            scale: 9.5,
        };
        let bytes = judge.to_bytes();
        let narrow = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(narrow(offset_of!(JudgeParams, kind)), 1);
        assert_eq!(narrow(offset_of!(JudgeParams, classes)), 2);
        assert_eq!(narrow(offset_of!(JudgeParams, width)), 3);
        assert_eq!(narrow(offset_of!(JudgeParams, height)), 4);
        assert_eq!(narrow(offset_of!(JudgeParams, first)), 5);
        assert_eq!(narrow(offset_of!(JudgeParams, pitch)), 6);
        assert_eq!(narrow(offset_of!(JudgeParams, plane)), 7);
        let float = |at: usize| f32::from_bits(narrow(at));
        assert_eq!(float(offset_of!(JudgeParams, threshold)), 0.5);
        assert_eq!(float(offset_of!(JudgeParams, center)), 8.5);
        assert_eq!(float(offset_of!(JudgeParams, scale)), 9.5);
    }
}
