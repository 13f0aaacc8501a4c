//! Camera messages of a bag.

use lookout::bag::MessageBuf;
use lookout::frame::{CameraView, CompressedView, ImageView};
use lookout::msg::{CompressedImageRef, HeaderRef, ImageRef, RosMessage, cdr};
use lookout::time::Stamp;

use super::recorder::Recorder;

/// A camera message of either type, borrowed from the bag's buffer.
pub(crate) enum Camera<'a> {
    Raw(ImageRef<'a>),
    Compressed(CompressedImageRef<'a>),
}

impl<'a> Camera<'a> {
    pub(crate) fn parse(message: &'a MessageBuf) -> Result<Self, cdr::CdrError> {
        let camera = match message.type_name() == <ImageRef<'_> as RosMessage>::TYPE {
            true => Self::Raw(cdr::from_slice(message.data())?),
            false => Self::Compressed(cdr::from_slice(message.data())?),
        };
        camera.header().stamp.checked()?;
        Ok(camera)
    }

    fn header(&self) -> HeaderRef<'a> {
        match self {
            Self::Raw(m) => m.header,
            Self::Compressed(m) => m.header,
        }
    }

    /// Capture stamp.
    pub(crate) fn stamp(&self) -> Stamp {
        self.header().stamp.into()
    }

    /// Frame id of the camera.
    pub(crate) fn frame_id(&self) -> &'a str {
        self.header().frame_id
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
