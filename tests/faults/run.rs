//! A live run in this process with faults in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lookout::decide::{Failure, State, Verdict};
use lookout::engine::{
    self, Engine, EngineError, EngineKind, Mode, Options, Perception, Resolution,
};
use lookout::frame::{CameraView, CompressedView, Frame};
use lookout::live::{self, LiveError, Worker};
use lookout::model::{Bundle, ThresholdAt};
use lookout::pipeline::{
    Asked, Choice, FrameHandler, GivenThresholds, Judged, Live, OpenEngine, PartialSettings,
    Pipeline, Settings, Sink, watch,
};
use lookout::schedule::AdmissionConfig;
use lookout::score::ScoreKind;
use lookout::stages::{FrameFate, StageTimes};
use lookout::time::{Clock, PacedClock, Stamp};
use lookout::watchdog::{Beat, WatchdogConfig};

use super::{DEADLINE_MS, HEARTBEAT_MS, STALE_MS, TICK, alone, pictures, stamp};

/// What an engine does to a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum EngineFault {
    Panics,
    /// For so many seconds.
    Hangs(u64),
    /// Every logit has this value.
    Gives(f32),
}

/// What a source does in place of its next message, or before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SourceFault {
    Dies,
    Panics,
    /// For so long.
    Stalls(Duration),
}

/// With the number of the frame that each of them comes at; those of the engine count all that were segmented.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) engine: &'static [(u64, EngineFault)],
    pub(super) source: Option<(usize, SourceFault)>,
    /// When the clock of the stamps is moved, and by how many milliseconds.
    pub(super) clock: Option<(Duration, i64)>,
}

struct FaultyEngine {
    inner: Box<dyn Engine>,
    faults: &'static [(u64, EngineFault)],
    segmented: Arc<AtomicU64>,
    /// In place of what the networks gave.
    spoilt: Option<Perception>,
}

impl Engine for FaultyEngine {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn description(&self) -> String {
        self.inner.description()
    }

    fn has_observer(&self) -> bool {
        self.inner.has_observer()
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        let number = self.segmented.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.iter().find(|(at, _)| *at == number);
        self.spoilt = None;
        match fault {
            Some((_, EngineFault::Panics)) => panic!("a panic on purpose"),
            Some((_, EngineFault::Hangs(seconds))) => thread::sleep(Duration::from_secs(*seconds)),
            _ => {}
        }
        self.inner.segment(frame, resolution)?;
        if let Some((_, EngineFault::Gives(value))) = fault {
            let size = self.inner.perception().size();
            let plane = vec![*value; size.0 * size.1];
            let logits = [plane.as_slice(), &plane].concat();
            self.spoilt = Some(Perception::of_planes(size, logits, Some(plane)));
        }
        Ok(())
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        self.inner.observe()
    }

    fn perception(&self) -> &Perception {
        self.spoilt
            .as_ref()
            .unwrap_or_else(|| self.inner.perception())
    }
}

struct SteppingClock {
    inner: PacedClock,
    step: Option<(Duration, i64)>,
}

impl Clock for SteppingClock {
    fn now(&self) -> Stamp {
        let now = self.inner.now();
        match self.step {
            Some((after, ms)) if self.monotonic() >= after => {
                Stamp::from_nanos(now.as_nanos() + ms * 1_000_000)
            }
            _ => now,
        }
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }
}

/// The number of a frame.
#[derive(Default)]
struct Message(usize);

impl Message {
    fn stamp(&self) -> Stamp {
        stamp(self.0)
    }

    fn view(&self) -> CameraView<'static> {
        CameraView::Compressed(CompressedView {
            stamp: self.stamp(),
            format: "jpeg",
            data: &pictures()[self.0 % pictures().len()],
        })
    }
}

/// So many frames, each at its time.
fn source(
    frames: usize,
    fault: Option<(usize, SourceFault)>,
) -> impl FnMut(&mut Message) -> Result<bool, String> {
    let began = Instant::now();
    let mut next = 0;
    move |message| {
        if next == frames {
            return Ok(false);
        }
        match fault.filter(|(at, _)| *at == next) {
            Some((_, SourceFault::Dies)) => return Err("died on purpose".to_owned()),
            Some((_, SourceFault::Panics)) => panic!("a panic on purpose"),
            Some((_, SourceFault::Stalls(time))) => thread::sleep(time),
            None => {}
        }
        message.0 = next;
        next += 1;
        let due = message.stamp().saturating_since(stamp(0));
        thread::sleep(due.saturating_sub(began.elapsed()));
        Ok(true)
    }
}

/// The verdicts on frames.
#[derive(Default)]
struct Verdicts(Vec<Verdict>);

impl Sink for Verdicts {
    fn verdict(&mut self, _: &Judged) {}

    fn pictures(&mut self, _: &Judged, _: &Frame, _: &Pipeline) {}

    fn done(&mut self, judged: &Judged, _: StageTimes) {
        if judged.fate == FrameFate::InTime {
            let age = judged.age.unwrap();
            let deadline = Duration::from_millis(DEADLINE_MS.into());
            assert!(age <= deadline, "{age:?} old and not late");
        }
        self.0.push(judged.verdict);
    }
}

struct Frames<'a> {
    handler: FrameHandler,
    clock: &'a dyn Clock,
    verdicts: Verdicts,
}

impl Worker<Message> for Frames<'_> {
    fn handle(&mut self, message: &Message) {
        let view = Ok(message.view());
        let stamp = Some(message.stamp());
        self.handler
            .run(view, stamp, self.clock, &mut self.verdicts);
    }

    fn replaced(&mut self, _: u64) {}

    fn idle(&mut self) {
        self.handler.tick(self.clock);
    }
}

pub(super) struct Run {
    pub(super) ended: Result<(), LiveError>,
    pub(super) beats: Vec<Beat>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) repairs: u64,
}

impl Run {
    /// So many frames with those faults.
    pub(super) fn of(faults: Faults, frames: usize) -> Self {
        let _alone = alone();
        let segmented = Arc::new(AtomicU64::new(0));
        let bundle = Bundle::shipped().unwrap();
        let admission = AdmissionConfig {
            deadline_ms: DEADLINE_MS,
            ..AdmissionConfig::default()
        };
        let (observer, fallback) = (ScoreKind::OBSERVER, ScoreKind::Energy);
        let asked = Asked {
            score: observer,
            fallback,
            at: ThresholdAt::Fpr1,
            given: GivenThresholds::default(),
        };
        let judges = Choice::new(bundle.manifest(), &asked).judges;
        let set = PartialSettings {
            // these tests are of faults, and not of how fast the machine is
            least_mode: Some(Mode::REDUCED_LOGITS),
            ..PartialSettings::default()
        };
        let settings = Settings::deadline(admission, judges).with(&set, bundle.manifest());
        assert_eq!(settings.supervisor.stale_after_ms, STALE_MS);

        let counter = Arc::clone(&segmented);
        let open: OpenEngine = Box::new(move || -> Result<Box<dyn Engine>, EngineError> {
            let options = Options {
                kind: EngineKind::Rten,
                ..Options::default()
            };
            Ok(Box::new(FaultyEngine {
                inner: engine::open(&bundle, options)?,
                faults: faults.engine,
                segmented: Arc::clone(&counter),
                spoilt: None,
            }))
        });
        let live = Live::of_recording(&settings).unwrap();
        let board = Arc::clone(&live.board);
        // none of the faults comes in a dry run
        segmented.store(1 << 62, Ordering::Relaxed);
        let mut handler = FrameHandler::assemble(open, settings, Some(live)).unwrap();
        handler.dry_run(&Message(0).view(), 20).unwrap();
        segmented.store(0, Ordering::Relaxed);

        let config = WatchdogConfig {
            period_ms: HEARTBEAT_MS,
            ..WatchdogConfig::default()
        };
        let beats = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&beats);
        let watchdog = watch(&board, &config, move |beat| {
            heard.lock().unwrap().push(beat.clone());
        })
        .unwrap();
        let clock = SteppingClock {
            inner: PacedClock::new(stamp(0), 1.0),
            step: faults.clock,
        };
        let mut worker = Frames {
            handler,
            clock: &clock,
            verdicts: Verdicts::default(),
        };
        let (_, ended) = live::run(source(frames, faults.source), &mut worker, TICK);
        if ended.is_err() {
            worker.handler.fail(Failure::Source, &clock);
        }
        assert!(watchdog.stop());
        let run = Self {
            ended,
            beats: beats.lock().unwrap().drain(..).collect(),
            verdicts: worker.verdicts.0,
            repairs: worker.handler.repairs(),
        };
        run.check();
        run
    }

    /// What holds in every run, whatever its faults.
    #[track_caller]
    fn check(&self) {
        let (first, last) = (self.beats.first().unwrap(), self.beats.last().unwrap());
        assert!(first.safe_stop, "the flag starts raised");
        assert!(last.safe_stop, "and ends raised");
        for beat in self.beats.iter().filter(|beat| !beat.safe_stop) {
            let age = beat.verdict_age.unwrap();
            let limit = Duration::from_millis(STALE_MS.into());
            assert!(age <= limit, "a flag that is down on a verdict of {age:?}");
        }
    }

    pub(super) fn was_down(&self) -> bool {
        self.beats.iter().any(|beat| !beat.safe_stop)
    }

    pub(super) fn says(&self, words: &str) -> bool {
        let mut causes = self.beats.iter().map(|beat| beat.cause.to_string());
        causes.any(|cause| cause.contains(words))
    }

    /// The beat in which the flag rose for a cause, after it was down.
    #[track_caller]
    pub(super) fn rose(&self, cause: &str) -> &Beat {
        let pairs = self.beats.windows(2).map(|pair| (&pair[0], &pair[1]));
        let mut rises = pairs.filter(|(before, after)| !before.safe_stop && after.safe_stop);
        let found = rises.find(|(_, after)| after.cause.code() == cause);
        found.map(|(_, after)| after).unwrap_or_else(|| {
            let causes = self.beats.iter().map(|b| (b.safe_stop, b.cause.code()));
            panic!("no rise for {cause}: {:?}", causes.collect::<Vec<_>>())
        })
    }

    /// That the flag went down again after a frame with this reason. That frame.
    #[track_caller]
    pub(super) fn recovers(&self, reason: &str) -> Verdict {
        let reasons = self.verdicts.iter().map(|v| v.reason.code());
        let at = reasons.clone().position(|code| code == reason);
        let at =
            at.unwrap_or_else(|| panic!("none is {reason}: {:?}", reasons.collect::<Vec<_>>()));
        let after = &self.verdicts[at..];
        assert_eq!(after[0].state, State::Fault);
        let is_good = |v: &Verdict| matches!(v.state, State::Ok | State::Warn);
        assert!(after.iter().any(is_good), "never good again after {reason}");
        after[0]
    }
}
