//! The node without DDS: everything between a camera message and the flag.

mod cases;
mod eye;
mod outputs;
mod progress;
mod sequences;
mod state_log;
mod what;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::clock::{RosClock, SimClock};
use super::super::listener::Latest;
use super::super::message::CameraMessage;
use super::super::parameters::LiveSettings;
use super::corridor::CorridorUpdater;
use super::judging::Judging;
use super::running::handle_all;
use super::sink::Pictures;
use super::source::{EarlyUpload, InstrumentedSource};
use super::state::ResetRequest;
use super::worker::FrameWorker;
use super::*;
use crate::decide::{SupervisorConfig, Trapezoid, WeakMode};
use crate::engine::{Engine, EngineError, Mode, Perception, Resolution, Upload};
use crate::frame::{Frame, RawImage};
use crate::live::Worker;
use crate::model::{Bundle, ThresholdAt};
use crate::msg::{CameraInfo, DiagnosticStatus, Odometry};
use crate::pipeline::{
    Asked, Choice, FrameHandler, GivenThresholds, Judged, Live, Pipeline, Settings,
};
use crate::repeats::Repeats;
use crate::schedule::{AdmissionConfig, LatencyModel};
use crate::score::ScoreKind;
use crate::stages::{Stage, StageTimes};
use crate::time::{Clock, Stamp};
use crate::watchdog::{BoardReader, Trip, trip};
use eye::Eye;
use what::{Place, What};

const STALE_MS: u32 = 500;
const SIZE: (u32, u32) = (64, 48);
const MAP: (usize, usize) = (16, 12);

/// What the node's parts see of the test.
struct World {
    clock: Arc<SimClock>,
    /// So many ms the machine's clock went on while that one stood still.
    paused_ms: Arc<AtomicU64>,
    board: Arc<Board>,
    hazard: AtomicBool,
    segment_ms: AtomicU64,
    publish_ms: AtomicU64,
    panic: Mutex<Option<Place>>,
    status: Mutex<Option<DiagnosticStatus>>,
    /// What the watchdog handed to whoever publishes the flag.
    flags: Mutex<Vec<bool>>,
    /// Engines that were opened ([`eye::NO_ENGINE`]: none can be), and the one whose uploader was used last.
    opened: AtomicU64,
    uploaded_to: AtomicU64,
}

impl World {
    fn pass(&self, ms: u64) {
        let now = self.clock.now().as_nanos();
        let by = i64::try_from(ms).unwrap() * 1_000_000;
        self.clock.set(Stamp::from_nanos(now + by));
    }

    fn panic_at(&self, place: Place) {
        let due = self.panic.lock().unwrap().take_if(|at| *at == place);
        if due.is_some() {
            trip(&self.board, "lookout-frames", "on purpose");
            // the hook is the process's, and other tests run beside this one
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }

    fn value(&self, key: &str) -> String {
        let status = self.status.lock().unwrap();
        let values = status.as_ref().map(|status| status.values.as_slice());
        let pair = values.unwrap_or_default().iter().find(|p| p.key == key);
        pair.map_or_else(String::new, |pair| pair.value.clone())
    }
}

struct NoPictures(Arc<World>);

impl Pictures for NoPictures {
    fn publish(&mut self, _: &CameraMessage, _: &Judged, _: (&Frame, &Pipeline), _: &LiveSettings) {
        self.0.panic_at(Place::Pictures);
    }
}

static JUDGING: LazyLock<Judging> = LazyLock::new(|| Judging {
    manifest: Arc::new(Bundle::shipped().unwrap().manifest().clone()),
    asked: Asked {
        score: ScoreKind::OBSERVER,
        fallback: ScoreKind::Energy,
        at: ThresholdAt::Fpr1,
        given: GivenThresholds::default(),
    },
    has_stop_levels: false,
});

static SETTINGS: LazyLock<NodeSettings> =
    LazyLock::new(|| NodeSettings::new(&Store::new(&[]).unwrap().0).unwrap());

fn watch(
    settings: &NodeSettings,
    info: Latest<CameraInfo>,
    odometry: Option<Latest<Odometry>>,
    handler: &FrameHandler,
) -> CorridorUpdater {
    let corridor = handler.pipeline().corridor();
    CorridorUpdater::new(settings, "/image", info, odometry, corridor).unwrap()
}

struct Node {
    world: Arc<World>,
    shared: Arc<NodeState>,
    frames: FrameWorker,
    source: InstrumentedSource<()>,
    beat: Box<dyn FnMut(&Beat)>,
    message: CameraMessage,
    number: u8,
    /// The thread of the frames has ended.
    ended: bool,
    deactivated: bool,
}

impl Node {
    fn new(weak_mode: WeakMode) -> Self {
        let clock = Arc::new(SimClock::default());
        clock.set(Stamp::from_nanos(1_700_000_000_000_000_000));
        let hand = Arc::clone(&clock);
        let paused_ms = Arc::<AtomicU64>::default();
        let paused = Arc::clone(&paused_ms);
        let machine =
            move || hand.monotonic() + Duration::from_millis(paused.load(Ordering::Relaxed));
        let board = Board::with_clock(STALE_MS, machine).unwrap();
        let world = Arc::new(World {
            clock: Arc::clone(&clock),
            paused_ms,
            board: Arc::new(board),
            hazard: AtomicBool::new(false),
            segment_ms: AtomicU64::new(0),
            publish_ms: AtomicU64::new(0),
            panic: Mutex::default(),
            status: Mutex::default(),
            flags: Mutex::default(),
            opened: AtomicU64::new(0),
            uploaded_to: AtomicU64::new(0),
        });
        let choice = Choice::new(&JUDGING.manifest, &JUDGING.asked);
        let mut settings = Settings::chosen(AdmissionConfig::default(), choice);
        settings.corridor = Trapezoid::everywhere();
        settings.supervisor = SupervisorConfig {
            confirm_hits: 2,
            confirm_window: 3,
            start_frames: 1,
            fault_clear_frames: 1,
            reset_frames: 2,
            weak_mode,
            ..settings.supervisor
        };
        settings.supervisor.quality.blurred_below = 0;
        settings.supervisor.quality.incomplete_from = 1001;
        settings.supervisor.quality.black_below = 0;
        let live = Live {
            board: Arc::clone(&world.board),
            machine_ages: true,
        };
        let opens = Arc::clone(&world);
        let open = Box::new(move || Eye::open(&opens));
        let mut handler = FrameHandler::assemble(open, settings, Some(live)).unwrap();
        let mut stages = StageTimes::default();
        stages.add(Stage::Segmentation, Duration::from_millis(10));
        let mut whole = stages;
        whole.add(Stage::Observer, Duration::from_millis(10));
        for mode in Mode::ALL {
            for _ in 0..LatencyModel::MIN_DRY_RUNS {
                let times = if mode.observer { &whole } else { &stages };
                handler.pipeline_mut().warm_up(mode, times);
            }
        }
        let seen = Arc::clone(&world);
        let shared = Arc::new(NodeState::new(
            "lookout".to_owned(),
            Arc::clone(&world.board),
            Arc::new(Mutex::new(Store::new(&[]).unwrap().0)),
            Box::new(move |status| {
                *seen.status.lock().unwrap() = Some(status);
                seen.pass(seen.publish_ms.swap(0, Ordering::Relaxed));
                seen.panic_at(Place::Status);
            }),
            Health::new(Limits {
                deadline_ms: 100,
                stale_after_ms: STALE_MS,
            }),
            SETTINGS.live,
        ));
        let clock = Arc::new(RosClock::Simulated(clock));
        shared.set_clock(Arc::clone(&clock));
        let uploader = handler.pipeline().uploader();
        let upload = Arc::new(Mutex::new(EarlyUpload::new(uploader, 0)));
        let frames = FrameWorker {
            corridor: watch(&SETTINGS, Latest::default(), None, &handler),
            shared: Arc::clone(&shared),
            handler,
            pictures: Box::new(NoPictures(Arc::clone(&world))),
            clock,
            upload: Arc::clone(&upload),
            judging: JUDGING.clone(),
            receive_buffer: None,
            commands: shared.take_commands(),
            live: SETTINGS.live,
            version: u64::MAX,
            off: false,
            repeats: Repeats::default(),
        };
        let source = InstrumentedSource {
            source: (),
            shared: Arc::clone(&shared),
            upload,
        };
        let message = CameraMessage::default();
        let sent = Arc::clone(&world);
        let send = move |raised| sent.flags.lock().unwrap().push(raised);
        let beat = Box::new(beats(send, Arc::clone(&shared)));
        Self {
            world,
            shared,
            frames,
            source,
            beat,
            message,
            number: 0,
            ended: false,
            deactivated: false,
        }
    }

    /// What the thread of the frames does; a panic that it does not catch ends it.
    fn frames_do(&mut self, work: impl FnOnce(&mut FrameWorker, &CameraMessage)) {
        if !self.ended {
            let (frames, message) = (&mut self.frames, &self.message);
            self.ended = catch_unwind(AssertUnwindSafe(|| work(frames, message))).is_err();
        }
    }

    /// Gives what a request for a reset was answered, where there was one.
    fn event(&mut self, what: What) -> Option<Result<String, String>> {
        match what {
            What::Frame {
                age_ms,
                hazard,
                segment_ms,
                publish_ms,
                panic,
                other_size,
            } => {
                self.world.pass(33 + age_ms);
                self.world.hazard.store(hazard, Ordering::Relaxed);
                self.world.segment_ms.store(segment_ms, Ordering::Relaxed);
                self.world.publish_ms.store(publish_ms, Ordering::Relaxed);
                *self.world.panic.lock().unwrap() = panic;
                self.number = self.number.wrapping_add(1);
                let old = i64::try_from(age_ms).unwrap() * 1_000_000;
                let stamp = Stamp::from_nanos(self.world.clock.now().as_nanos() - old);
                let width = SIZE.0 + u32::from(other_size);
                self.message.grey(stamp, (width, SIZE.1), self.number % 200);
                self.source.send_ahead(&self.message);
                self.frames_do(|frames, message| frames.handle(message));
                self.world.publish_ms.store(0, Ordering::Relaxed);
                // what it was meant for may not have been reached
                *self.world.panic.lock().unwrap() = None;
            }
            What::Malformed => {
                self.world.pass(33);
                let stamp = Some(self.world.clock.now());
                self.message.malform(stamp, "on purpose".to_owned());
                self.frames_do(|frames, message| frames.handle(message));
            }
            What::Time { ms, hangs } => {
                self.world.pass(ms);
                if !hangs {
                    self.frames_do(|frames, _| frames.idle());
                }
            }
            What::Reset { waits } => {
                let (request, answer) = ResetRequest::new();
                let asked = self.shared.command(request).is_ok();
                if self.ended {
                    // nobody takes it: who asks withdraws it
                    assert!(answer.withdraw());
                    return None;
                }
                assert!(asked);
                let withdrawn = !waits && answer.withdraw();
                self.frames_do(|frames, _| frames.idle());
                let answer = answer.answer.try_recv();
                assert_eq!(answer.is_err(), withdrawn, "answered, or never carried out");
                return answer.ok();
            }
            What::Enable(on) => {
                self.shared.set_enabled(on);
            }
            What::Deactivate => {
                self.shared.hold("the node was deactivated");
                self.deactivated = true;
            }
            What::Activate => {
                let ends = std::mem::take(&mut self.deactivated) && !self.ended;
                if ends {
                    let no_more = |_: &mut CameraMessage| -> Result<bool, String> { Ok(false) };
                    handle_all(no_more, &mut self.frames);
                    self.shared.go_on();
                    self.frames.off = false;
                    let handler = &self.frames.handler;
                    let uploader = handler.pipeline().uploader();
                    let upload = EarlyUpload::new(uploader, handler.repairs());
                    *self.frames.upload.lock().unwrap() = upload;
                }
            }
            What::Lost => {
                let _ = self.world.board.trip(Trip::Panic {
                    thread: "any",
                    message: "on purpose",
                    owned: false,
                });
            }
        }
        None
    }

    /// Two beats of the watchdog.
    fn beats(&mut self) {
        for sequence in 0..2 {
            let snapshot = BoardReader::default().read(&self.world.board);
            (self.beat)(&Beat {
                sequence,
                at: snapshot.at,
                safe_stop: snapshot.safe_stop,
                verdict: snapshot.verdict(),
                cause: snapshot.cause,
                verdict_age: None,
                late_beats: 0,
                sink_failures: 0,
            });
        }
    }
}
