//! The engine: which lane a frame takes, and what the CPU is shown of it.

use std::time::Instant;

use super::NAME;
use super::lane::{Gpu, Lane};
use super::part::Wanted;
use super::slots::{Slots, Taken};
use super::{Loaded, TensorRtError};
use crate::engine::placement::cut;
use crate::engine::{
    Engine, EngineError, EngineTimes, GpuTimes, Judges, Mode, Perception, Placement, Resolution,
    Upload,
};
use crate::frame::{Frame, RawImage};
use crate::model::Bundle;

/// A bundle's networks on TensorRT.
pub struct TensorRtEngine {
    // dropped before what they run on
    lanes: [Option<Lane>; 2],
    slots: Slots,
    gpu: Gpu,
    bundle: Bundle,
    description: String,
    /// Narrowest and widest input of each resolution.
    widths: [(i64, i64); 2],
    judges: Judges,
    perception: Perception,
    /// What was segmented last, and is done; none after a failure.
    segmented: Option<Resolution>,
}

/// The place of a resolution among lanes, and its profile among the engines'. No frame comes so far that the fallback's
/// is asked for: its networks are another engine's.
pub(super) const fn place(resolution: Resolution) -> usize {
    match resolution {
        Resolution::Full => 0,
        Resolution::Reduced | Resolution::Fallback => 1,
    }
}

impl TensorRtEngine {
    /// Around engines that were read; tries them on a grey frame.
    pub(super) fn new(bundle: &Bundle, loaded: Loaded) -> Result<Self, EngineError> {
        let Loaded {
            gpu,
            upload,
            description,
            camera,
        } = loaded;
        let image = &bundle.manifest().segmentation.image;
        let mut widths = [(0, 0); 2];
        for &resolution in Resolution::of(&bundle.manifest().input) {
            let profile = place(resolution);
            let range = gpu.segmentation.profile_shape(image, profile);
            let range = range.map_err(TensorRtError::from)?;
            widths[profile] = range.map_or((0, 0), |range| (range.min[3], range.max[3]));
        }
        if let Some(fixed) = bundle.manifest().input.fixed() {
            // there is nothing to choose
            widths[0] = (fixed.width.into(), fixed.width.into());
        }
        let bytes = 3 * camera.0 as usize * camera.1 as usize;
        let mut engine = Self {
            lanes: [None, None],
            slots: Slots::new(upload, bytes)?,
            gpu,
            bundle: bundle.clone(),
            description,
            widths,
            judges: Judges::default(),
            perception: Perception::default(),
            segmented: None,
        };
        crate::engine::trial::try_out(&mut engine, bundle, Some(camera))?;
        Ok(engine)
    }

    /// What the parts of a resolution bring back. With any judge at all, logits stay on the GPU.
    fn wanted(judges: &Judges, resolution: Resolution) -> [Wanted; 2] {
        let judging = judges.modes().next().is_some();
        [false, true].map(|observer| {
            let mode = Mode {
                resolution,
                observer,
            };
            match (judging, judges.of(mode)) {
                (false, _) => Wanted::Logits,
                (true, None) => Wanted::Nothing,
                (true, Some(_)) => Wanted::Judgement,
            }
        })
    }

    /// How a frame lies in the networks' input, where the engines take it.
    fn placement(&self, frame: &Frame, resolution: Resolution) -> Result<Placement, EngineError> {
        let (width, height) = (frame.width(), frame.height());
        let placement = Placement::new(self.bundle.manifest(), resolution, width, height)?;
        let (least, most) = self.widths[place(resolution)];
        if (least..=most).contains(&i64::from(placement.input.0)) {
            return Ok(placement);
        }
        let outside = TensorRtError::OutsideProfile {
            camera_width: width,
            camera_height: height,
            width: placement.input.0,
            least,
            most,
        };
        Err(outside.into())
    }

    /// Makes the lane of a resolution where there is none for frames that lie so.
    fn prepare(
        &mut self,
        resolution: Resolution,
        placement: Placement,
    ) -> Result<bool, EngineError> {
        let at = place(resolution);
        if self.lanes[at]
            .as_ref()
            .is_some_and(|lane| lane.placement == placement)
        {
            return Ok(false);
        }
        // its memory first: there may not be enough for both
        self.lanes[at] = None;
        let wanted = Self::wanted(&self.judges, resolution);
        let lane = Lane::new(&self.gpu, self.bundle.manifest(), at, placement, wanted)?;
        self.lanes[at] = Some(lane);
        Ok(true)
    }

    /// Starts the mandatory part.
    fn start(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        let placement = self.placement(frame, resolution)?;
        if self.prepare(resolution, placement)? {
            // The other one too, at this first frame of a size: when the deadline asks for it, there is no
            // time to make it.
            let other = match resolution {
                Resolution::Full => Resolution::Reduced,
                Resolution::Reduced | Resolution::Fallback => Resolution::Full,
            };
            if let Ok(placement) = self.placement(frame, other) {
                self.prepare(other, placement)?;
            }
        }
        let lane = self.lanes[place(resolution)].as_mut();
        let lane = lane.ok_or(EngineError::NothingSegmented)?;
        let taken = message(&mut self.slots, &self.gpu, frame)?;
        let judges = [false, true].map(|observer| {
            self.judges.of(Mode {
                resolution,
                observer,
            })
        });
        let started = lane.start(&taken, judges);
        // also where that failed: how far it came is not known
        self.slots.release(&taken, &self.gpu.stream)?;
        Ok(started?)
    }

    /// Waits for the mandatory part and takes what it made.
    fn finish(&mut self, resolution: Resolution) -> Result<(), EngineError> {
        let lane = self.lanes[place(resolution)].as_mut();
        let lane = lane.ok_or(EngineError::NothingSegmented)?;
        let part = &lane.segmentation;
        part.wait().map_err(TensorRtError::from)?;
        let p = &mut self.perception;
        let mode = Mode {
            resolution,
            observer: false,
        };
        let Placement {
            input,
            logits,
            cells,
            ..
        } = lane.placement;
        let size = (cells.width as usize, cells.height as usize);
        let taken = match (part.results.wanted, self.judges.of(mode)) {
            (Wanted::Logits, _) => part.results.logits(&mut p.logits),
            (Wanted::Judgement, Some(judge)) => {
                p.is_scored = true;
                part.results.judgement(judge, size, &mut p.scored)
            }
            _ => Ok(()),
        };
        taken.map_err(TensorRtError::from)?;
        if part.results.wanted == Wanted::Logits {
            cut(&mut p.logits, lane.classes, logits, cells);
        }
        (p.classes, p.input) = (lane.classes, input);
        (p.width, p.height) = size;
        let [preprocess, segmentation, judge, download] = part.stages();
        p.times.gpu = Some(GpuTimes {
            preprocess,
            segmentation,
            judge,
            download,
            ..GpuTimes::default()
        });
        self.segmented = Some(resolution);
        Ok(())
    }

    /// Waits for the optional part and takes what it made.
    fn finish_observer(&mut self, resolution: Resolution) -> Result<(), EngineError> {
        let lane = self.lanes[place(resolution)].as_mut();
        let lane = lane.ok_or(EngineError::NothingSegmented)?;
        let part = lane.head.as_ref().ok_or(EngineError::NoObserver)?;
        part.wait().map_err(TensorRtError::from)?;
        let p = &mut self.perception;
        let mode = Mode {
            resolution,
            observer: true,
        };
        let Placement { logits, cells, .. } = lane.placement;
        let taken = match (part.results.wanted, self.judges.of(mode)) {
            (Wanted::Logits, _) => {
                p.has_observer = true;
                part.results.logits(&mut p.observer)
            }
            (Wanted::Judgement, Some(judge)) => {
                p.is_scored = true;
                let size = (cells.width as usize, cells.height as usize);
                part.results.judgement(judge, size, &mut p.scored)
            }
            _ => Ok(()),
        };
        taken.map_err(TensorRtError::from)?;
        if part.results.wanted == Wanted::Logits {
            cut(&mut p.observer, 1, logits, cells);
            if let Some(head) = &self.bundle.manifest().head {
                head.to_logits(&mut p.observer);
            }
        }
        let [observer, judge, download] = part.stages();
        let gpu = p.times.gpu.get_or_insert_default();
        gpu.observer = observer;
        gpu.judge += judge;
        gpu.download += download;
        Ok(())
    }

    /// Nothing of the frame is to be seen after a failure.
    fn or_forget(&mut self, done: Result<(), EngineError>) -> Result<(), EngineError> {
        if done.is_err() {
            self.forget();
        }
        done
    }

    /// What is left of an earlier frame must not pass for this one's.
    fn forget(&mut self) {
        self.segmented = None;
        self.perception.clear();
    }

    fn start_observer(&mut self, resolution: Resolution) -> Result<(), EngineError> {
        let lane = self.lanes[place(resolution)].as_mut();
        let lane = lane.ok_or(EngineError::NothingSegmented)?;
        let part = lane.head.as_mut().ok_or(EngineError::NoObserver)?;
        Ok(part.launch(&[]).map_err(TensorRtError::from)?)
    }

    fn segment_both(&mut self, frame: &Frame, mode: Mode) -> Result<(), EngineError> {
        let began = Instant::now();
        self.start(frame, mode.resolution)?;
        self.start_observer(mode.resolution)?;
        let enqueue = began.elapsed();
        self.finish(mode.resolution)?;
        let segmented = began.elapsed();
        self.finish_observer(mode.resolution)?;
        self.perception.times = EngineTimes {
            preprocess: enqueue,
            segmentation: segmented - enqueue,
            observer: began.elapsed() - segmented,
            gpu: self
                .perception
                .times
                .gpu
                .map(|gpu| GpuTimes { enqueue, ..gpu }),
        };
        Ok(())
    }
}

/// The frame's message: the one that is on its way already, or the frame itself.
fn message(slots: &mut Slots, gpu: &Gpu, frame: &Frame) -> Result<Taken, EngineError> {
    let same = |m: &super::slots::Message| {
        (m.stamp, m.width, m.height) == (frame.stamp(), frame.width(), frame.height())
    };
    if let Some(taken) = slots.take(&gpu.stream, same)? {
        return Ok(taken);
    }
    let image = RawImage::of(frame).map_err(|_| EngineError::EmptyFrame)?;
    slots.stage(&image)?;
    let taken = slots.take(&gpu.stream, |_| true)?;
    taken.ok_or(EngineError::EmptyFrame)
}

impl Engine for TensorRtEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn has_observer(&self) -> bool {
        self.gpu.head.is_some()
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        self.forget();
        let began = Instant::now();
        let started = self.start(frame, resolution);
        let enqueue = began.elapsed();
        let done = started.and_then(|()| self.finish(resolution));
        self.or_forget(done)?;
        let times = &mut self.perception.times;
        times.preprocess = enqueue;
        times.segmentation = began.elapsed() - enqueue;
        if let Some(gpu) = &mut times.gpu {
            gpu.enqueue = enqueue;
        }
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        let resolution = self.segmented.ok_or(EngineError::NothingSegmented)?;
        if !self.has_observer() {
            return Err(EngineError::NoObserver);
        }
        let began = Instant::now();
        let started = self.start_observer(resolution);
        let enqueue = began.elapsed();
        let done = started.and_then(|()| self.finish_observer(resolution));
        self.or_forget(done)?;
        let times = &mut self.perception.times;
        times.observer = began.elapsed();
        if let Some(gpu) = &mut times.gpu {
            gpu.enqueue += enqueue;
        }
        Ok(())
    }

    fn run(&mut self, frame: &Frame, mode: Mode) -> Result<&Perception, EngineError> {
        if mode.observer && !self.has_observer() {
            return Err(EngineError::NoObserver);
        }
        if mode.observer {
            self.forget();
            // back to back on the GPU: nobody waits in between
            let done = self.segment_both(frame, mode);
            self.or_forget(done)?;
        } else {
            self.segment(frame, mode.resolution)?;
        }
        Ok(&self.perception)
    }

    fn perception(&self) -> &Perception {
        &self.perception
    }

    fn set_judges(&mut self, judges: Judges) {
        for resolution in [Resolution::Full, Resolution::Reduced] {
            let (now, then) = (&self.judges, &judges);
            if Self::wanted(now, resolution) != Self::wanted(then, resolution) {
                // captured for other results; the next frame makes it anew
                self.lanes[place(resolution)] = None;
            }
        }
        self.judges = judges;
        self.forget();
    }

    fn uploader(&self) -> Option<Box<dyn Upload>> {
        Some(Box::new(self.slots.ahead()))
    }

    fn stage(&mut self, image: Option<&RawImage<'_>>) -> Result<bool, EngineError> {
        match image {
            Some(image) => self.slots.stage(image).map(|()| true).map_err(Into::into),
            None => {
                self.slots.forget();
                Ok(false)
            }
        }
    }
}

impl std::fmt::Debug for TensorRtEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TensorRtEngine")
            .field("description", &self.description)
            .field("bundle", &self.bundle)
            .finish_non_exhaustive()
    }
}
