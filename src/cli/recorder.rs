//! The annotated bag: what went in and what was said of it, as a rosbag2.

use std::path::Path;

use jpeg_encoder::{ColorType, Encoder};
use lookout::bag::{BagError, BagWriter, Qos, Summary, TopicId};
use lookout::decide::{AnomalyMask, Verdict};
use lookout::evaluate::bin_of;
use lookout::msg::{Bool, CompressedImageRef, DiagnosticStatus, HeaderRef, ImageRef, RosMessage};
use lookout::score::ScoreMap;
use lookout::status::Networks;
use lookout::time::Stamp;
use serde::Serialize;

const MASK: &str = "/lookout/output/anomaly_mask";
const OVERLAY: &str = "/lookout/debug/overlay/compressed";
const SCORE_MAP: &str = "/lookout/output/score_map";
const SAFE_STOP: &str = "/lookout/output/safe_stop";
const STATUS: &str = "/lookout/output/status";
const OVERLAY_QUALITY: u8 = 85;

/// Refuses a camera topic that has the name of one of our outputs.
pub(crate) fn check_topic(name: &str) -> anyhow::Result<()> {
    let ours = [MASK, OVERLAY, SCORE_MAP, SAFE_STOP, STATUS].contains(&name);
    anyhow::ensure!(
        !ours,
        "{name} is an output of lookout: choose the camera's --topic"
    );
    Ok(())
}

/// Writes `annotated/`.
pub(crate) struct Recorder {
    bag: BagWriter,
    mask: TopicId,
    overlay: TopicId,
    score_map: TopicId,
    safe_stop: TopicId,
    status: TopicId,
    camera: Option<TopicId>,
    bundle_hash: String,
    note: String,
    jpeg: Vec<u8>,
    scores: Vec<u8>,
}

/// Where and when the frame was taken; on every message.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    /// When the camera's message was recorded.
    pub(crate) log_time: Stamp,
    /// Capture stamp.
    pub(crate) stamp: Stamp,
    /// Frame id of the camera.
    pub(crate) frame_id: &'a str,
}

impl<'a> At<'a> {
    fn header(&self) -> HeaderRef<'a> {
        HeaderRef {
            stamp: self.stamp.into(),
            frame_id: self.frame_id,
        }
    }
}

impl Recorder {
    /// Begins `folder`, which must not hold a bag. The networks are named in every status.
    pub(crate) fn create(folder: &Path, networks: Networks<'_>) -> Result<Self, BagError> {
        let mut bag = BagWriter::create(folder, "annotated")?;
        Ok(Self {
            mask: bag.add_topic::<ImageRef<'_>>(MASK, Qos::Reliable)?,
            overlay: bag.add_topic::<CompressedImageRef<'_>>(OVERLAY, Qos::Reliable)?,
            score_map: bag.add_topic::<ImageRef<'_>>(SCORE_MAP, Qos::Reliable)?,
            safe_stop: bag.add_topic::<Bool>(SAFE_STOP, Qos::Latched)?,
            status: bag.add_topic::<DiagnosticStatus>(STATUS, Qos::Latched)?,
            camera: None,
            bundle_hash: networks.bundle_hash.to_owned(),
            note: networks.note.to_owned(),
            jpeg: Vec::new(),
            scores: Vec::new(),
            bag,
        })
    }

    /// Copies the camera's message.
    pub(crate) fn camera<M: RosMessage + Serialize>(
        &mut self,
        topic: &str,
        log_time: Stamp,
        message: &M,
    ) -> Result<(), BagError> {
        let id = match self.camera {
            Some(id) => id,
            None => *self
                .camera
                .insert(self.bag.add_topic::<M>(topic, Qos::Sensor)?),
        };
        self.bag.write(id, log_time, message)
    }

    /// The anomaly mask, mono8 at the resolution of the score map.
    pub(crate) fn mask(&mut self, at: At<'_>, mask: &AnomalyMask) -> Result<(), BagError> {
        let image = ImageRef {
            header: at.header(),
            height: mask.height() as u32,
            width: mask.width() as u32,
            encoding: "mono8",
            is_bigendian: 0,
            step: mask.width() as u32,
            data: mask.pixels(),
        };
        self.bag.write(self.mask, at.log_time, &image)
    }

    /// The score map, mono16: 0 known .. 65535 unknown (or not a number).
    pub(crate) fn score_map(&mut self, at: At<'_>, map: &ScoreMap) -> Result<(), BagError> {
        self.scores.clear();
        let levels = map.values().iter().map(|&score| bin_of(score));
        self.scores.extend(levels.flat_map(u16::to_le_bytes));
        let image = ImageRef {
            header: at.header(),
            height: map.height() as u32,
            width: map.width() as u32,
            encoding: "mono16",
            is_bigendian: 0,
            step: 2 * map.width() as u32,
            data: &self.scores,
        };
        self.bag.write(self.score_map, at.log_time, &image)
    }

    /// The coloured overlay as JPEG; `rgb` is packed RGB8. Frames too large for JPEG (over 65535
    /// in a direction) get none.
    pub(crate) fn overlay(
        &mut self,
        at: At<'_>,
        rgb: &[u8],
        size: (u32, u32),
    ) -> Result<(), BagError> {
        self.jpeg.clear();
        let (Ok(width), Ok(height)) = (u16::try_from(size.0), u16::try_from(size.1)) else {
            return Ok(());
        };
        let encoder = Encoder::new(&mut self.jpeg, OVERLAY_QUALITY);
        if let Err(e) = encoder.encode(rgb, width, height, ColorType::Rgb) {
            log::warn!("no overlay for {}: {e}", at.stamp);
            return Ok(());
        }
        let image = CompressedImageRef {
            header: at.header(),
            format: "jpeg",
            data: &self.jpeg,
        };
        self.bag.write(self.overlay, at.log_time, &image)
    }

    /// The overlay written last, as JPEG.
    pub(crate) fn last_overlay(&self) -> &[u8] {
        &self.jpeg
    }

    /// Flag and status of a verdict.
    pub(crate) fn verdict(&mut self, log_time: Stamp, verdict: &Verdict) -> Result<(), BagError> {
        let data = verdict.safe_stop;
        self.bag.write(self.safe_stop, log_time, &Bool { data })?;
        let networks = Networks {
            bundle_hash: &self.bundle_hash,
            note: &self.note,
            ..Networks::default()
        };
        let status = DiagnosticStatus::of_verdict(verdict, networks, None);
        self.bag.write(self.status, log_time, &status)
    }

    /// Ends the bag.
    pub(crate) fn finish(self) -> Result<Summary, BagError> {
        self.bag.finish()
    }
}
