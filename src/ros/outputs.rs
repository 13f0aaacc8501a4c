//! What the node publishes of frames. Nothing here waits for a subscriber: see
//! [`Outlet`].
//!
//! Pictures are worth making only where somebody subscribes: ask [`Outputs::wants`], which costs
//! a load from memory. Names are absolute and remapped when they come here.

use std::io;

use ros2_client::dds::rustdds::QosPolicies;
use ros2_client::{Context, CreateError, Node};
use thiserror::Error;

use super::drawing::Drawing;
use super::outlet::{Outlet, Refilled};
use super::qos;
use super::subscribers::{Offer, Subscribers, Wanted};
use crate::decide::{AnomalyMask, Regions};
use crate::frame::Frame;
use crate::msg::{
    CompressedImage, Detection2DArray, Float64, Header, HeaderRef, Image, RosMessage,
};
use crate::score::ScoreMap;

/// What compressed masks and score maps are, as image_transport writes it.
const PNG_FORMAT: &str = "mono8; png compressed ";
/// What the overlay is.
const JPEG_FORMAT: &str = "rgb8; jpeg compressed bgr8";

named! {
    /// Outputs that are made only where somebody subscribes, by their names before remapping.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Output {
        /// `~/output/anomaly_mask`
        AnomalyMask => "~/output/anomaly_mask",
        /// `~/output/anomaly_mask/compressed`
        AnomalyMaskCompressed => "~/output/anomaly_mask/compressed",
        /// `~/output/score_map/compressed`
        ScoreMap => "~/output/score_map/compressed",
        /// `~/output/regions`
        Regions => "~/output/regions",
        /// `~/debug/overlay/compressed`
        Overlay => "~/debug/overlay/compressed",
        /// `~/debug/processing_time_ms`
        ProcessingTime => "~/debug/processing_time_ms",
        /// `~/debug/pipeline_latency_ms`
        PipelineLatency => "~/debug/pipeline_latency_ms",
    }
}

impl Output {
    /// The ROS type.
    const fn kind(self) -> &'static str {
        match self {
            Self::AnomalyMask => Image::TYPE,
            Self::AnomalyMaskCompressed | Self::ScoreMap | Self::Overlay => CompressedImage::TYPE,
            Self::Regions => Detection2DArray::TYPE,
            Self::ProcessingTime | Self::PipelineLatency => Float64::TYPE,
        }
    }

    const fn qos(self) -> QosPolicies {
        match self {
            Self::AnomalyMask | Self::AnomalyMaskCompressed | Self::ScoreMap => qos::picture(),
            Self::Regions | Self::ProcessingTime | Self::PipelineLatency => qos::small(),
            Self::Overlay => qos::overlay(),
        }
    }
}

/// Why there are no outputs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A topic that cannot be published.
    #[error("cannot publish {topic}: {source}")]
    Create {
        /// The topic.
        topic: String,
        /// What RustDDS says.
        source: CreateError,
    },
    /// The thread that looks for subscribers.
    #[error("cannot look for subscribers: {0}")]
    Thread(io::Error),
}

/// Publishes what is seen in frames; its buffers are kept.
pub struct Outputs {
    anomaly_mask: Refilled<Image>,
    anomaly_mask_compressed: Refilled<CompressedImage>,
    score_map: Refilled<CompressedImage>,
    regions: Refilled<Detection2DArray>,
    overlay: Refilled<CompressedImage>,
    processing_time: Outlet<Float64>,
    pipeline_latency: Outlet<Float64>,
    drawing: Drawing,
    wanted: Wanted,
    // keeps `wanted` up to date
    _subscribers: Subscribers,
}

impl Outputs {
    /// Publishes at the node. `name` says what each output is called.
    ///
    /// # Errors
    /// What RustDDS says, or no thread.
    pub fn new(
        context: &Context,
        node: &mut Node,
        name: impl Fn(Output) -> String,
    ) -> Result<Self, OutputError> {
        let subscribers = {
            let offers = Output::ALL.map(|o| Offer::new(&name(o), o.kind(), o.qos()));
            Subscribers::watch(context.domain_participant(), offers.into())
                .map_err(OutputError::Thread)?
        };
        let mut make = Make {
            context,
            node,
            name,
        };
        Ok(Self {
            anomaly_mask: make.refilled(Output::AnomalyMask)?,
            anomaly_mask_compressed: make.refilled(Output::AnomalyMaskCompressed)?,
            score_map: make.refilled(Output::ScoreMap)?,
            regions: make.refilled(Output::Regions)?,
            overlay: make.refilled(Output::Overlay)?,
            processing_time: make.outlet(Output::ProcessingTime)?,
            pipeline_latency: make.outlet(Output::PipelineLatency)?,
            drawing: Drawing::default(),
            wanted: subscribers.wanted(),
            _subscribers: subscribers,
        })
    }

    /// Whether somebody subscribes.
    pub fn wants(&self, output: Output) -> bool {
        self.wanted.is_wanted(output as usize)
    }

    /// The anomaly mask, mono8, 0 or 255. False, here and below, where it was dropped.
    pub fn publish_mask(&mut self, header: HeaderRef<'_>, mask: &AnomalyMask) -> bool {
        let Some((width, height)) = size(mask.width(), mask.height()) else {
            return false;
        };
        self.anomaly_mask.publish(|image| {
            put(&mut image.header, header);
            (image.width, image.height, image.step) = (width, height, width);
            write(&mut image.encoding, "mono8");
            image.data.clear();
            image.data.extend_from_slice(mask.pixels());
            true
        })
    }

    /// The anomaly mask as PNG.
    pub fn publish_mask_compressed(&mut self, header: HeaderRef<'_>, mask: &AnomalyMask) -> bool {
        let drawing = &mut self.drawing;
        self.anomaly_mask_compressed.publish(|image| {
            put(&mut image.header, header);
            write(&mut image.format, PNG_FORMAT);
            let size = (mask.width(), mask.height());
            drawing.png(size, mask.pixels(), &mut image.data)
        })
    }

    /// The score map as PNG: 0 known .. 255 unknown, or no number.
    pub fn publish_score_map(&mut self, header: HeaderRef<'_>, map: &ScoreMap) -> bool {
        let drawing = &mut self.drawing;
        self.score_map.publish(|image| {
            put(&mut image.header, header);
            write(&mut image.format, PNG_FORMAT);
            drawing.scores(map, &mut image.data)
        })
    }

    /// The regions as boxes in pixels of the camera's picture of `picture` columns and rows.
    /// `map` is the size of the score map that they were found in.
    pub fn publish_regions(
        &mut self,
        header: HeaderRef<'_>,
        regions: &Regions,
        map: (usize, usize),
        picture: (u32, u32),
    ) -> bool {
        self.regions.publish(|array| {
            put(&mut array.header, header);
            super::drawing::boxes(header, regions, map, picture, &mut array.detections)
        })
    }

    /// The frame with the anomalous area marked, as JPEG of `quality` 1 ..= 100 and at most
    /// `max_width` columns.
    pub fn publish_overlay(
        &mut self,
        header: HeaderRef<'_>,
        frame: &Frame,
        mask: &AnomalyMask,
        quality: u8,
        max_width: u32,
    ) -> bool {
        let drawing = &mut self.drawing;
        self.overlay.publish(|image| {
            put(&mut image.header, header);
            write(&mut image.format, JPEG_FORMAT);
            drawing.overlay(frame, mask, quality, max_width, &mut image.data)
        })
    }

    /// How long the last frame took, in ms.
    pub fn publish_processing_time(&self, ms: f64) -> bool {
        self.processing_time.send(Float64 { data: ms })
    }

    /// Age of the last frame's capture stamp at publication, in ms.
    pub fn publish_pipeline_latency(&self, ms: f64) -> bool {
        self.pipeline_latency.send(Float64 { data: ms })
    }

    /// Messages that were not sent, of all topics here.
    pub fn dropped(&self) -> u64 {
        self.anomaly_mask.dropped()
            + self.anomaly_mask_compressed.dropped()
            + self.score_map.dropped()
            + self.regions.dropped()
            + self.overlay.dropped()
            + self.processing_time.dropped()
            + self.pipeline_latency.dropped()
    }
}

/// Makes the publishers of [`Outputs`].
struct Make<'a, F> {
    context: &'a Context,
    node: &'a mut Node,
    name: F,
}

impl<F: Fn(Output) -> String> Make<'_, F> {
    fn refilled<T>(&mut self, output: Output) -> Result<Refilled<T>, OutputError>
    where
        T: RosMessage + serde::Serialize + Default,
    {
        let topic = (self.name)(output);
        Refilled::new(self.context, self.node, &topic, &output.qos())
    }

    fn outlet<T>(&mut self, output: Output) -> Result<Outlet<T>, OutputError>
    where
        T: RosMessage + serde::Serialize,
    {
        let topic = (self.name)(output);
        Outlet::new(self.context, self.node, &topic, &output.qos())
    }
}

fn size(width: usize, height: usize) -> Option<(u32, u32)> {
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

/// Over what is there, so that the buffer is kept.
fn write(to: &mut String, text: &str) {
    to.clear();
    to.push_str(text);
}

pub(super) fn put(to: &mut Header, header: HeaderRef<'_>) {
    to.stamp = header.stamp;
    write(&mut to.frame_id, header.frame_id);
}

#[cfg(test)]
#[path = "outputs_tests.rs"]
mod tests;
