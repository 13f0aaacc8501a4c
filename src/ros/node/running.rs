//! From `activate` to `deactivate`: the thread that handles frames.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::super::input::Stopper;
use super::super::message::CameraMessage;
use super::corridor::CorridorUpdater;
use super::managed::ManagedNode;
use super::source::{EarlyUpload, InstrumentedSource};
use super::worker::FrameWorker;
use crate::decide::Failure;
use crate::live::{self, LiveError, Source};
use crate::pipeline::FrameHandler;
use crate::repeats::Repeats;
use crate::watchdog::{Trip, panic_message};

/// Without a message for so long, the supervisor is asked what it thinks of that.
const TICK: Duration = Duration::from_millis(50);

/// What handles frames, while it does not.
pub(super) struct Idle {
    pub(super) handler: FrameHandler,
    pub(super) corridor: CorridorUpdater,
}

/// The thread that handles frames. It gives back what it was handed.
pub(super) struct Running {
    stopper: Stopper,
    thread: JoinHandle<Option<FrameWorker>>,
}

impl ManagedNode {
    /// Begins the handling of frames.
    pub(super) fn start(&mut self) -> Result<(), String> {
        let configured = self.configured.as_mut().ok_or("not configured")?;
        let (hand_over, handed) = sync_channel::<(InstrumentedSource<_>, FrameWorker)>(1);
        let realtime = configured.settings.realtime.clone();
        let body = move || {
            let (source, mut frames) = handed.recv().ok()?;
            realtime.apply_to_thread("frames");
            handle_all(source, &mut frames);
            Some(frames)
        };
        // before it is handed anything: where no thread can be had, all of that would be gone
        let thread = thread::Builder::new()
            .name("lookout-frames".to_owned())
            .spawn(body)
            .map_err(|e| format!("cannot start the frames' thread: {e}"))?;

        let pictures = self.pictures.take().ok_or("outputs are in use")?;
        let Some(Idle { handler, corridor }) = configured.idle.take() else {
            self.pictures = Some(pictures);
            return Err("frames are handled already".to_owned());
        };
        let source = configured.camera.source();
        let stopper = source.stopper();
        let uploader = handler.pipeline().uploader();
        let upload = Arc::new(Mutex::new(EarlyUpload::new(uploader, handler.repairs())));
        let frames = FrameWorker {
            shared: Arc::clone(&self.shared),
            handler,
            pictures,
            clock: Arc::clone(&configured.clock),
            corridor,
            upload: Arc::clone(&upload),
            judging: configured.judging.clone(),
            receive_buffer: self.receive_buffer.take(),
            commands: self.shared.take_commands(),
            live: self.shared.live(),
            version: u64::MAX,
            off: false,
            repeats: Repeats::default(),
        };
        let source = InstrumentedSource {
            source,
            shared: Arc::clone(&self.shared),
            upload,
        };
        self.shared.go_on();
        self.running = Some(Running { stopper, thread });
        let handed = hand_over.send((source, frames));
        handed.map_err(|_| "the frames' thread ended at its start".to_owned())
    }

    /// Ends the handling of frames; the flag is up then.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        let Some(Running { stopper, thread }) = self.running.take() else {
            return Ok(());
        };
        stopper.stop();
        self.shared.end_commands();
        let frames = thread.join().map_err(|panic| {
            format!(
                "the frames' thread panicked: {}",
                panic_message(panic.as_ref())
            )
        })?;
        let Some(FrameWorker {
            handler,
            pictures,
            corridor,
            ..
        }) = frames
        else {
            return Err("the frames' thread ended at its start".to_owned());
        };
        self.pictures = Some(pictures);
        if let Some(configured) = &mut self.configured {
            configured.idle = Some(Idle { handler, corridor });
        }
        Ok(())
    }
}

/// Handles messages until the source ends. Where a side breaks, nobody takes camera messages any more, and
/// the process has to start anew.
pub(super) fn handle_all(source: impl Source<CameraMessage>, frames: &mut FrameWorker) {
    let (_, ended) = live::run(source, frames, TICK);
    match &ended {
        Ok(()) => frames.fail(Failure::Disabled),
        // its thread's panic holds the flag up
        Err(LiveError::WorkerPanicked(_)) => {}
        Err(_) => frames.fail(Failure::Source),
    }
    match &ended {
        // what broke while no frames were judged: nobody else knows of its trip, which would hold the flag up
        // for good
        Ok(()) => frames.renew_uploader(),
        Err(e) => {
            let _ = frames.shared.board.trip(Trip::Panic {
                thread: "lookout-frames",
                message: &e.to_string(),
                owned: false,
            });
        }
    }
}
