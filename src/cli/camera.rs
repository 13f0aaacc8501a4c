//! Camera messages of a bag.

use lookout::bag::MessageBuf;
use lookout::frame::{CameraView, CompressedView, ImageView};
use lookout::msg::{CompressedImageRef, ImageRef, RosMessage, cdr};
use lookout::time::Stamp;

use super::recorder::Recorder;

/// A camera message of either type, borrowed from the bag's buffer.
pub(crate) enum Camera<'a> {
    Raw(ImageRef<'a>),
    Compressed(CompressedImageRef<'a>),
}

impl<'a> Camera<'a> {
    pub(crate) fn parse(message: &'a MessageBuf) -> Result<Self, cdr::CdrError> {
        if message.type_name() == <ImageRef<'_> as RosMessage>::TYPE {
            return cdr::from_slice(message.data()).map(Self::Raw);
        }
        cdr::from_slice(message.data()).map(Self::Compressed)
    }

    /// Capture stamp.
    pub(crate) fn stamp(&self) -> Stamp {
        match self {
            Self::Raw(m) => m.header.stamp.into(),
            Self::Compressed(m) => m.header.stamp.into(),
        }
    }

    /// Frame id of the camera.
    pub(crate) fn frame_id(&self) -> &'a str {
        match self {
            Self::Raw(m) => m.header.frame_id,
            Self::Compressed(m) => m.header.frame_id,
        }
    }

    /// For the decoder.
    pub(crate) fn view(&self) -> CameraView<'a> {
        let stamp = self.stamp();
        match self {
            Self::Raw(m) => CameraView::Raw(ImageView {
                stamp,
                width: m.width,
                height: m.height,
                encoding: m.encoding,
                is_bigendian: m.is_bigendian != 0,
                step: m.step,
                data: m.data,
            }),
            Self::Compressed(m) => CameraView::Compressed(CompressedView {
                stamp,
                format: m.format,
                data: m.data,
            }),
        }
    }

    /// Copies it into the annotated bag.
    pub(crate) fn record(
        &self,
        to: &mut Recorder,
        topic: &str,
        log_time: Stamp,
    ) -> anyhow::Result<()> {
        match self {
            Self::Raw(m) => to.camera(topic, log_time, m)?,
            Self::Compressed(m) => to.camera(topic, log_time, m)?,
        }
        Ok(())
    }
}
