//! What the node does in the transitions of its life cycle.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ros2_client::{Context, Node};

use super::super::clock::RosClock;
use super::super::diagnostics::{CleanMeans, EngineWords, Limits};
use super::super::input::CameraSubscription;
use super::super::lifecycle::{Managed, State};
use super::super::listener::{Listener, Subscriptions};
use super::super::names::Names;
use super::super::parameters::NodeSettings;
use super::super::participant::ReceiveBuffer;
use super::super::qos;
use super::corridor::CorridorUpdater;
use super::judging::Judging;
use super::running::{Idle, Running};
use super::sink::Pictures;
use super::state::NodeState;
use crate::calibration::StopFile;
use crate::engine::{EngineFactory, Judges, Mode};
use crate::frame::{CameraView, ImageView};
use crate::model::{Bundle, Manifest, ThresholdAt};
use crate::msg::{CameraInfo, Clock as ClockMessage, Odometry};
use crate::pipeline::{Asked, Choice, FrameHandler, Live, OpenEngine, Settings};
use crate::schedule::LatencyModel;
use crate::score::ScoreKind;
use crate::status::Networks;
use crate::time::Stamp;
use crate::watchdog::{LatchedTrip, Trip};

/// Counted runs of every mode before the first frame; one more is not counted. The admission plans
/// with no mode before it has seen [`LatencyModel::MIN_DRY_RUNS`].
const DRY_RUNS: usize = 10;
const _: () = assert!(DRY_RUNS >= LatencyModel::MIN_DRY_RUNS);
/// Size of the frame that they run on: what the camera's will be is not known yet, and this is a
/// common one.
const DRY_SIZE: (u32, u32) = (1280, 720);
/// Compared in the modes without a head, where a head's score is asked for.
const FALLBACK: ScoreKind = ScoreKind::Energy;

/// The node between its transitions.
pub(super) struct ManagedNode {
    pub(super) shared: Arc<NodeState>,
    pub(super) context: Context,
    pub(super) node: Arc<Mutex<Node>>,
    pub(super) names: Names,
    pub(super) open: EngineFactory,
    /// Made once; with whoever handles frames while the node is active.
    pub(super) pictures: Option<Box<dyn Pictures>>,
    pub(super) receive_buffer: Option<ReceiveBuffer>,
    pub(super) configured: Option<Configured>,
    /// Of the STOP in which the last supervisor was forgotten.
    pub(super) stopped_at: Option<Stamp>,
    pub(super) running: Option<Running>,
}

/// From `configure` to `cleanup`.
pub(super) struct Configured {
    pub(super) settings: NodeSettings,
    pub(super) camera: CameraSubscription,
    pub(super) clock: Arc<RosClock>,
    pub(super) judging: Judging,
    /// With whoever handles frames while the node is active.
    pub(super) idle: Option<Idle>,
    // what it listens to ends with it
    _listener: Listener,
}

impl Managed for ManagedNode {
    fn configure(&mut self) -> Result<(), String> {
        let configured = self.load();
        match configured {
            Ok(configured) => {
                self.configured = Some(configured);
                Ok(())
            }
            Err(reason) => {
                self.forget();
                Err(reason)
            }
        }
    }

    fn activate(&mut self) -> Result<(), String> {
        self.start()
    }

    fn deactivate(&mut self) -> Result<(), String> {
        // before anything is waited for
        self.shared.hold("the node was deactivated");
        self.stop()
    }

    fn cleanup(&mut self) -> Result<(), String> {
        self.forget();
        Ok(())
    }

    fn shutdown(&mut self, _: State) -> Result<(), String> {
        self.shared.hold("the node shuts down");
        let stopped = self.stop();
        self.forget();
        stopped
    }

    fn recover(&mut self, during: State) -> Result<(), String> {
        self.stop()?;
        self.forget();
        match &self.pictures {
            Some(_) => Ok(()),
            None => Err(format!(
                "the outputs were lost in a panic while {}",
                during.name()
            )),
        }
    }

    fn unrepaired(&mut self, why: &str) {
        // whoever started the process starts it again
        let thread = thread::current();
        let _ = self.shared.board.trip(Trip::Panic {
            thread: thread.name().unwrap_or("(unnamed)"),
            message: why,
            owned: false,
        });
    }

    fn repaired(&mut self, panic: LatchedTrip) {
        // everything that the panic may have left half done is gone
        self.shared.board.acknowledge(panic);
    }
}

impl ManagedNode {
    /// Reads the parameters, loads the bundle, opens and warms the engine, subscribes.
    fn load(&mut self) -> Result<Configured, String> {
        let settings = {
            let store = self.shared.store.lock();
            let store = store.unwrap_or_else(PoisonError::into_inner);
            NodeSettings::new(&store).map_err(|e| e.to_string())?
        };
        let bundle = match &settings.bundle {
            Some(folder) => Bundle::load(folder)
                .map_err(|e| format!("cannot use the bundle in {}: {e}", folder.display()))?,
            None => {
                Bundle::shipped().map_err(|e| format!("cannot use the built-in bundle: {e}"))?
            }
        };
        // the observer, which is the default, runs where the bundle has one, and the logits stand in where not
        let bundle = match settings.score {
            ScoreKind::OBSERVER => bundle,
            score => bundle.choose(score).map_err(|e| format!("score: {e}"))?,
        };
        let bundle_hash = bundle.short_hash().to_owned();
        let manifest = Arc::new(bundle.manifest().clone());
        let asked = Asked {
            score: settings.score,
            fallback: FALLBACK,
            at: ThresholdAt::Fpr1,
            given: settings.live.thresholds,
        };
        let choice = Choice::new(&manifest, &asked);
        let pipeline_settings =
            Settings::chosen(settings.admission, choice).with(&settings.for_pipeline(), &manifest);
        pipeline_settings.best_mode().map_err(|e| e.to_string())?;
        let pipeline_settings = match &settings.stop_file {
            Some(path) => StopFile::read(path)
                .and_then(|file| file.applied(path, &bundle, pipeline_settings))
                .map_err(|e| format!("stop_file: {e}"))?,
            None => pipeline_settings,
        };
        let judging = Judging {
            manifest: Arc::clone(&manifest),
            asked,
            has_stop_levels: !pipeline_settings.stop_levels.is_empty(),
        };
        self.shared.set_judging(Some(judging.clone()));
        let note = pipeline_settings.note();
        self.shared.set_networks(Networks {
            bundle_hash: &bundle_hash,
            note: &note,
            judges: pipeline_settings.judges,
        });
        for note in pipeline_settings.notes() {
            log::warn!("{note}");
        }

        let (options, factory) = (settings.engine_options(), Arc::clone(&self.open));
        let shared = Arc::clone(&self.shared);
        let open: OpenEngine =
            Box::new(move || shared.progress.opening(|| factory(&bundle, options)));
        let live = Live {
            board: Arc::clone(&self.shared.board),
            machine_ages: true,
        };
        // the flag is up until the first verdict under these settings
        let mut handler = FrameHandler::assemble(open, pipeline_settings, Some(live))
            .map_err(|e| e.to_string())?;
        if let Some(since) = self.stopped_at {
            handler.keep_stop(since);
            log::warn!(
                "the node begins in STOP: the frame of {since} confirmed it before the node was configured \
                 again, and it holds until a reset"
            );
        }
        let pipeline = handler.pipeline();
        self.shared.health().configured(
            EngineWords {
                name: pipeline.engine_name().to_owned(),
                description: pipeline.engine_description().to_owned(),
                mode: pipeline.settings().best_mode().map_or("none", Mode::name),
                bundle: manifest.name.clone(),
                bundle_hash,
                stop_promise: pipeline.settings().stop_levels.promise().to_owned(),
                note,
                left_out: pipeline.settings().left_out.join("; "),
                judges: pipeline.settings().judges,
                clean_means: clean_means(&manifest, pipeline.settings().judges),
            },
            Limits {
                deadline_ms: settings.admission.deadline_ms,
                stale_after_ms: settings.stale_after_ms,
            },
        );
        if let Err(why) = warm_up(&mut handler) {
            // a panic of the dry run goes with the engine: nobody else would acknowledge it
            handler.discard();
            return Err(why);
        }
        self.subscribe(settings, handler, judging)
    }

    fn subscribe(
        &mut self,
        settings: NodeSettings,
        handler: FrameHandler,
        judging: Judging,
    ) -> Result<Configured, String> {
        let topic = |name: &str| {
            let full = self.names.topic(name).map_err(|e| e.to_string())?;
            Ok::<String, String>(full.as_str().to_owned())
        };
        let failed =
            |topic: &str, e: &dyn std::fmt::Display| format!("cannot subscribe to {topic}: {e}");
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        let context = &self.context;

        let transport = settings.image_transport;
        let image = topic(transport.topic())?;
        let camera = CameraSubscription::new(context, &mut node, &image, transport)
            .map_err(|e| failed(&image, &e))?;
        self.shared.health().camera.clone_from(&image);

        let board = Arc::clone(&self.shared.board);
        let mut subscriptions = Subscriptions::new(move || board.now());
        let name = topic("~/input/camera_info")?;
        let info =
            qos::subscribe::<CameraInfo, CameraInfo>(context, &mut node, &name, &qos::input())
                .map_err(|e| failed(&name, &e))?;
        let info = subscriptions.latest(&name, info);
        self.shared.health().camera_info.clone_from(&name);
        let odometry = match settings.use_odometry {
            true => {
                let name = topic("~/input/odometry")?;
                let odometry =
                    qos::subscribe::<Odometry, Odometry>(context, &mut node, &name, &qos::input())
                        .map_err(|e| failed(&name, &e))?;
                Some(subscriptions.latest(&name, odometry))
            }
            false => None,
        };
        let clock = match settings.use_sim_time {
            false => RosClock::system(),
            true => {
                let clock = RosClock::simulated();
                let name = topic("/clock")?;
                let messages = qos::subscribe::<ClockMessage, ClockMessage>(
                    context,
                    &mut node,
                    &name,
                    &qos::clock(),
                )
                .map_err(|e| failed(&name, &e))?;
                if let RosClock::Simulated(shown) = &clock {
                    let shown = Arc::clone(shown);
                    subscriptions.each(&name, messages, move |m| shown.set(m.clock.into()));
                }
                clock
            }
        };
        let clock = Arc::new(clock);
        self.shared.set_clock(Arc::clone(&clock));
        let corridor = handler.pipeline().corridor();
        let corridor = CorridorUpdater::new(&settings, &image, info, odometry, corridor)?;
        let listener = subscriptions
            .listen()
            .map_err(|e| format!("cannot listen: {e}"))?;
        Ok(Configured {
            settings,
            camera,
            clock,
            judging,
            idle: Some(Idle { handler, corridor }),
            _listener: listener,
        })
    }

    /// Undoes `configure`, but for a latched STOP: that only a reset ends.
    fn forget(&mut self) {
        // before anything else goes: what panics on its way out must not take the STOP with it
        let configured = self.configured.as_mut();
        if let Some(idle) = configured.and_then(|configured| configured.idle.take()) {
            self.stopped_at = idle.handler.stopped_at();
            idle.handler.discard();
        }
        self.configured = None;
        self.shared.set_judging(None);
        self.shared.set_clock(Arc::new(RosClock::system()));
        self.shared.health().no_engine();
    }
}

/// What clean frames score on average in each mode that is judged, where the bundle says it.
fn clean_means(manifest: &Manifest, judges: Judges) -> CleanMeans {
    Mode::ALL.map(|mode| {
        let judge = judges.of(mode)?;
        manifest.clean_mean(judge.score, mode.name())
    })
}

/// Runs every mode on a grey frame, so that buffers are there and the admission has times to begin
/// with.
fn warm_up(handler: &mut FrameHandler) -> Result<(), String> {
    let (width, height) = DRY_SIZE;
    let grey = vec![128; (width * height * 3) as usize];
    let view = CameraView::Raw(ImageView {
        stamp: Stamp::default(),
        width,
        height,
        encoding: "rgb8",
        is_bigendian: false,
        step: width * 3,
        data: &grey,
    });
    handler.dry_run(&view, DRY_RUNS)
}
