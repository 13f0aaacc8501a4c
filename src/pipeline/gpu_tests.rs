//! The GPU's own times on their way from the engine to whoever profiles.

use super::*;
use crate::engine::{GpuTimes, Resolution};
use crate::frame::{CameraView, ImageView};
use crate::score::ScoreKind;
use crate::stages::Stage;

const MS: Duration = Duration::from_millis(1);
const SIZE: (u32, u32) = (64, 48);

fn times() -> GpuTimes {
    GpuTimes {
        enqueue: MS,
        preprocess: 2 * MS,
        segmentation: 3 * MS,
        observer: 4 * MS,
        judge: MS,
        download: MS,
    }
}

/// Tells the times of a GPU on every second frame, from the first on, and has no second after the third.
struct Seldom {
    perception: Perception,
    frames: u32,
}

impl Engine for Seldom {
    fn name(&self) -> &'static str {
        "seldom"
    }

    fn description(&self) -> String {
        self.name().to_owned()
    }

    fn has_observer(&self) -> bool {
        true
    }

    fn segment(&mut self, _: &Frame, _: Resolution) -> Result<(), EngineError> {
        let known = self.frames.is_multiple_of(2);
        self.perception.set_gpu(known.then(times));
        self.frames += 1;
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        match self.frames {
            1..=3 => Ok(()),
            _ => Err(EngineError::NoObserver),
        }
    }

    fn perception(&self) -> &Perception {
        &self.perception
    }
}

fn handler() -> FrameHandler {
    let (score, threshold) = (ScoreKind::OBSERVER, 0.5);
    let settings = Settings::fixed(Mode::FULL, Judge { score, threshold });
    let engine = Seldom {
        perception: {
            let observer = Some(vec![-6.0; 16 * 12]);
            Perception::of_planes((16, 12), vec![0.0; 2 * 16 * 12], observer)
        },
        frames: 0,
    };
    let open: OpenEngine = Box::new(|| Err(EngineError::NoObserver));
    FrameHandler::new(
        Pipeline::new(Box::new(engine), settings).unwrap(),
        None,
        open,
    )
}

#[test]
fn a_frame_has_the_gpu_times_of_its_own_run_or_none() {
    let mut handler = handler();
    let clock = SteppedClock::default();
    let data = vec![90; (SIZE.0 * SIZE.1 * 3) as usize];
    let mut told = Vec::new();
    for i in 1..=5 {
        let stamp = Stamp::from_nanos(i * 50_000_000);
        clock.set(stamp);
        let view = CameraView::Raw(ImageView {
            stamp,
            width: SIZE.0,
            height: SIZE.1,
            encoding: "rgb8",
            is_bigendian: false,
            step: SIZE.0 * 3,
            data: &data,
        });
        let judged = handler.run(Ok(view), Some(stamp), &clock, &mut ());
        told.push((judged.error.is_none(), judged.gpu()));
        if let Some(outcome) = &judged.outcome {
            let stages = outcome.times.stages();
            assert_eq!(stages.get(Stage::Segmentation), Some(Duration::ZERO));
            assert_eq!(stages.get(Stage::Observer), None, "the GPU's are no stages");
        }
    }
    let known = Some(times());
    assert_eq!(
        told,
        [
            (true, known),
            (true, None),
            (true, known),
            (false, None),
            (false, None),
        ]
    );
    let malformed = handler.run(Err("no picture".to_owned()), None, &clock, &mut ());
    assert_eq!(malformed.gpu(), None);
}
