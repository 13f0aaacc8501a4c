//! Camera messages on their way in: counted, and their pixels sent ahead.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::message::CameraMessage;
use super::state::NodeState;
use crate::engine::Upload;
use crate::frame::{CameraView, Limits, RawImage};
use crate::live::Source;
use crate::watchdog::{Contained, contain};

/// Sends pixels to the engine before their frame's turn, from the thread that takes messages.
pub(super) struct EarlyUpload {
    pub(super) uploader: Option<Box<dyn Upload>>,
    /// The panic that ended it.
    pub(super) broken: Option<Contained>,
    /// Of the engine that it belongs to.
    pub(super) repairs: u64,
}

impl EarlyUpload {
    pub(super) fn new(uploader: Option<Box<dyn Upload>>, repairs: u64) -> Self {
        Self {
            uploader,
            broken: None,
            repairs,
        }
    }
}

/// A source whose messages are counted, and their pixels sent ahead to an engine that takes them.
pub(super) struct InstrumentedSource<S> {
    pub(super) source: S,
    pub(super) shared: Arc<NodeState>,
    pub(super) upload: Arc<Mutex<EarlyUpload>>,
}

impl<S: Source<CameraMessage>> Source<CameraMessage> for InstrumentedSource<S> {
    fn fetch(&mut self, message: &mut CameraMessage) -> Result<bool, String> {
        let more = self.source.fetch(message)?;
        if more {
            let at = self.shared.at();
            self.shared.health().received(at);
            self.send_ahead(message);
        }
        Ok(more)
    }
}

impl<S> InstrumentedSource<S> {
    pub(super) fn send_ahead(&mut self, message: &CameraMessage) {
        let mut early = self.upload.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(uploader), Ok(CameraView::Raw(view))) = (&mut early.uploader, message.view())
        else {
            return;
        };
        if let Ok(image) = RawImage::check(&view, Limits::default()) {
            // an engine that breaks must not take the camera's thread with it; nor may one be used on
            // that did
            match contain(|| uploader.upload(&image)) {
                Ok(Ok(())) => {}
                Ok(Err(e)) => log::debug!("a frame is not sent ahead: {e}"),
                Err(panic) => {
                    early.uploader = None;
                    early.broken = Some(panic);
                }
            }
        }
    }
}
