//! A camera message as it came in, or why it could not be read; its buffers are kept.

use std::cell::RefCell;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer};

use super::input::ImageTransport;
use crate::frame::{CameraView, CompressedView, ImageView};
use crate::msg::{CompressedImageRef, HeaderRef, ImageRef};
use crate::time::Stamp;

/// The most bytes of a picture, raw or compressed (64 MB): 4K in colour takes 25.
pub const MAX_BYTES: usize = 64_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Empty,
    Raw,
    Compressed,
    Malformed,
}

/// One message of the camera, owned.
#[derive(Debug, Default)]
pub struct CameraMessage {
    kind: Kind,
    stamp: Option<Stamp>,
    frame_id: String,
    width: u32,
    height: u32,
    step: u32,
    is_bigendian: bool,
    /// Encoding or format; of a malformed message, what is wrong.
    text: String,
    data: Vec<u8>,
}

impl CameraMessage {
    /// The picture.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn view(&self) -> Result<CameraView<'_>, &str> {
        let stamp = self.stamp.unwrap_or_default();
        match self.kind {
            Kind::Empty => Err("no message yet"),
            Kind::Malformed => Err(&self.text),
            Kind::Raw => Ok(CameraView::Raw(ImageView {
                stamp,
                width: self.width,
                height: self.height,
                encoding: &self.text,
                is_bigendian: self.is_bigendian,
                step: self.step,
                data: &self.data,
            })),
            Kind::Compressed => Ok(CameraView::Compressed(CompressedView {
                stamp,
                format: &self.text,
                data: &self.data,
            })),
        }
    }

    /// When the picture was taken; none where the message does not even say that.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// The coordinate frame of the camera; empty where the message does not say.
    pub fn frame_id(&self) -> &str {
        &self.frame_id
    }

    /// The header that everything made of this message gets.
    pub fn header(&self) -> HeaderRef<'_> {
        HeaderRef {
            stamp: self.stamp.unwrap_or_default().into(),
            frame_id: &self.frame_id,
        }
    }

    /// Bytes of the picture; 0 where there is none.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// A message that cannot be used; the buffers stay.
    pub(super) fn malform(&mut self, stamp: Option<Stamp>, why: String) {
        self.kind = Kind::Malformed;
        self.stamp = stamp;
        self.text = why;
        self.data.clear();
        if stamp.is_none() {
            self.frame_id.clear();
        }
    }

    /// Header, text and bytes; false where the message turned out malformed.
    fn take(&mut self, header: HeaderRef<'_>, text: &str, data: &[u8]) -> bool {
        self.frame_id.clear();
        self.frame_id.push_str(header.frame_id);
        if let Err(error) = header.stamp.checked() {
            self.malform(None, error.to_string());
            return false;
        }
        let stamp = Some(header.stamp.into());
        if data.len() > MAX_BYTES {
            let bytes = data.len();
            self.malform(stamp, format!("{bytes} bytes, {MAX_BYTES} are the most"));
            return false;
        }
        self.stamp = stamp;
        self.text.clear();
        self.text.push_str(text);
        self.data.clear();
        self.data.extend_from_slice(data);
        true
    }

    /// A grey picture.
    #[cfg(test)]
    pub(super) fn grey(&mut self, stamp: Stamp, (width, height): (u32, u32), value: u8) {
        self.kind = Kind::Raw;
        self.stamp = Some(stamp);
        (self.width, self.height, self.step) = (width, height, width);
        "mono8".clone_into(&mut self.text);
        self.data.clear();
        self.data.resize((width * height) as usize, value);
    }

    fn take_raw(&mut self, image: &ImageRef<'_>) {
        if self.take(image.header, image.encoding, image.data) {
            self.kind = Kind::Raw;
            (self.width, self.height, self.step) = (image.width, image.height, image.step);
            self.is_bigendian = image.is_bigendian != 0;
        }
    }

    fn take_compressed(&mut self, image: &CompressedImageRef<'_>) {
        if self.take(image.header, image.format, image.data) {
            self.kind = Kind::Compressed;
        }
    }
}

/// Reads a message into one that exists.
#[derive(Clone, Copy)]
pub(super) struct Fill<'a> {
    into: &'a RefCell<&'a mut CameraMessage>,
    transport: ImageTransport,
}

impl<'a> Fill<'a> {
    pub(super) fn new(into: &'a RefCell<&'a mut CameraMessage>, transport: ImageTransport) -> Self {
        Self { into, transport }
    }
}

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        let mut message = self.into.borrow_mut();
        match self.transport {
            ImageTransport::Raw => message.take_raw(&ImageRef::deserialize(from)?),
            ImageTransport::Compressed => {
                message.take_compressed(&CompressedImageRef::deserialize(from)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
