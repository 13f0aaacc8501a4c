//! Camera messages of a bag, and the topic that they are on.

use std::fmt::Display;

use anyhow::bail;
use lookout::bag::{BagError, BagReader, MessageBuf, TopicInfo};
use lookout::frame::{CameraView, CompressedView, ImageView};
use lookout::msg::{CompressedImageRef, HeaderRef, ImageRef, RosMessage, cdr};
use lookout::time::Stamp;

use super::recorder::Recorder;

/// How many topics of a bag are named in one sentence.
const MOST_NAMED: usize = 20;

/// Topics, for a sentence.
pub(crate) fn named<T: Display>(topics: impl Iterator<Item = T>) -> String {
    let mut topics: Vec<String> = topics.map(|topic| topic.to_string()).collect();
    let more = topics.len().saturating_sub(MOST_NAMED);
    topics.truncate(MOST_NAMED);
    match (topics.as_slice(), more) {
        ([], _) => "none".to_owned(),
        (topics, 0) => topics.join(", "),
        (topics, more) => format!("{} and {more} more", topics.join(", ")),
    }
}

/// Chooses the image topic that is read, as [`BagReader::select`] does.
pub(crate) fn select(reader: &mut BagReader, topic: Option<&str>) -> anyhow::Result<TopicInfo> {
    match reader.select(topic) {
        Err(BagError::SeveralTopics { path, .. }) => bail!(
            "{}: there are several image topics; choose one with --topic: {}",
            path.display(),
            named(reader.image_topics())
        ),
        Err(BagError::NoSuchTopic { path, topic, .. }) => bail!(
            "{}: {topic} is no image topic of this bag; image topics: {}",
            path.display(),
            named(reader.image_topics())
        ),
        Err(BagError::NoImages { path, .. }) => bail!(
            "{}: no image topic (sensor_msgs/msg/Image or CompressedImage); topics: {}",
            path.display(),
            named(reader.topics().iter())
        ),
        selected => Ok(selected?),
    }
}

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
