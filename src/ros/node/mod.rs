//! The node: everything of this module joined.
//!
//! | thread | does |
//! |---|---|
//! | `lookout-source` | takes camera messages and keeps the newest |
//! | `lookout-frames` | judges it; the verdict goes out, then the pictures |
//! | `lookout-watchdog` | repeats the flag, whatever the others do |
//! | `lookout-services` | answers services |
//! | `lookout-listen` | small topics: camera_info, odometry, clock |
//! | the caller's | diagnostics, until the process is to end |

mod control;
mod corridor;
mod error;
mod judging;
mod managed;
mod progress;
mod report;
mod running;
mod sink;
mod source;
mod state;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ros2_client::{Context, Node, NodeOptions};

use super::alive::TransportThreads;
use super::arguments::Arguments;
use super::camera_diagnosis::CameraDiagnosis;
use super::diagnostics::{Health, Limits};
use super::input::ImageTransport;
use super::lifecycle::{Lifecycle, Request, State};
use super::names::{NameError, Names};
use super::outlet::Outlet;
use super::outputs::{Output, Outputs};
use super::parameters::{NodeSettings, ParameterServices, Store};
use super::participant::{Environment, ReceiveBuffer};
use super::qos;
use super::rosout::Rosout;
use super::services::{Control, Services, control_servers, transition_events};
use crate::engine::EngineFactory;
use crate::msg::{Bool, DiagnosticArray, DiagnosticStatus};
use crate::pipeline::watch;
use crate::shutdown::Shutdown;
use crate::watchdog::{Beat, Board};
use control::NodeControl;
pub use error::NodeError;
use error::not_made;
use managed::ManagedNode;
use state::NodeState;

/// Name without a remap rule.
pub const DEFAULT_NAME: &str = "lookout";
const DEFAULT_NAMESPACE: &str = "/";

/// How long the end waits for a transition.
const SHUT_DOWN_WITHIN: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long the last messages have to get out.
const SEND_LAST_WITHIN: Duration = Duration::from_millis(150);

/// Runs the node until `shutdown`; then the flag is up, the last status is out, and all of it ends
/// within a second. `open` opens its engines.
///
/// # Errors
/// The node cannot begin, or cannot go on. A bundle or an engine that cannot be opened is not an error: the
/// node logs the reason and stays unconfigured.
pub fn run(
    arguments: &Arguments,
    open: EngineFactory,
    rosout: &Rosout,
    shutdown: &Shutdown,
) -> Result<(), NodeError> {
    let names = Names::new(DEFAULT_NAME, DEFAULT_NAMESPACE, &arguments.remaps)?;
    let overrides = arguments.overrides(names.node())?;
    for (file, nodes) in &overrides.for_others {
        log::warn!(
            "{} says nothing about {}, only about {}",
            file.display(),
            names.node(),
            nodes.join(", ")
        );
    }
    let (store, undeclared) = Store::new(&overrides.parameters)?;
    for unknown in &undeclared {
        log::warn!("{unknown}");
    }
    let settings = NodeSettings::new(&store)?;

    let environment = Environment::of_process()?;
    for warning in &environment.warnings {
        log::warn!("{warning}");
    }
    let requested = settings.socket_receive_buffer_bytes as usize;
    let context = environment.join(requested)?;
    let transport = TransportThreads::count();
    let receive_buffer = ReceiveBuffer::measure(requested)
        .inspect_err(|e| log::warn!("cannot tell the size of receive buffers: {e}"))
        .ok();
    let mut node = make_node(&context, &names)?;

    let _rosout = match arguments.log.rosout {
        true => Some(
            rosout
                .attach(
                    &context,
                    &mut node,
                    names.topic("/rosout")?.as_str(),
                    &logger_name(&names),
                )
                .map_err(|e| not_made("/rosout")(&e))?,
        ),
        false => None,
    };
    if settings.realtime.lock_memory {
        settings.realtime.lock_process_memory();
    }

    // the flag first: it is up before anything else can be asked for
    let board = Arc::new(Board::new(settings.stale_after_ms)?);
    let topic = full(&names, "~/output/safe_stop")?;
    let flag = Outlet::<Bool>::new(&context, &mut node, &topic, &qos::safe_stop())?;
    // outlives the watchdog: what a publisher has not sent yet goes with it
    let flag = Arc::new(flag);
    let topic = full(&names, "~/output/status")?;
    let status = Outlet::<DiagnosticStatus>::new(&context, &mut node, &topic, &qos::status())?;
    let mut health = Health::new(Limits {
        deadline_ms: settings.admission.deadline_ms,
        stale_after_ms: settings.stale_after_ms,
    });
    health.camera = full(&names, settings.image_transport.topic())?;
    let shared = Arc::new(NodeState::new(
        names.node().to_string().trim_start_matches('/').to_owned(),
        Arc::clone(&board),
        Arc::new(Mutex::new(store)),
        Box::new(move |message| {
            status.send(message);
        }),
        health,
        settings.live,
    ));
    let sent = Arc::clone(&flag);
    // what is not sent is counted and logged there; the next beat is tried at its time
    let send = move |data| {
        sent.send(Bool { data });
    };
    let beats = beats(send, Arc::clone(&shared));
    let watchdog = watch(&board, &settings.watchdog(), beats)?;

    let topic = full(&names, "/diagnostics")?;
    let diagnostics =
        Outlet::<DiagnosticArray>::new(&context, &mut node, &topic, &qos::diagnostics())?;
    let mut topics = Vec::new();
    for output in Output::ALL {
        topics.push(full(&names, output.name())?);
    }
    let outputs = Outputs::new(&context, &mut node, |output| {
        topics[output as usize].clone()
    })?;
    let event_topic = full(&names, "~/transition_event")?;
    let stamps = Arc::clone(&shared);
    let now = move || u64::try_from(stamps.stamp().as_nanos()).unwrap_or(0);
    let events = transition_events(&mut node, &event_topic, now)
        .map_err(|e| not_made("~/transition_event")(&e))?;

    let parameter_services = ParameterServices::new(&mut node, &names)
        .map_err(|e| not_made("parameter services")(&e))?;
    let node = Arc::new(Mutex::new(node));
    let managed = ManagedNode {
        shared: Arc::clone(&shared),
        context: context.clone(),
        node: Arc::clone(&node),
        names: names.clone(),
        open,
        pictures: Some(Box::new(outputs)),
        receive_buffer,
        configured: None,
        stopped_at: None,
        running: None,
    };
    let lifecycle = Arc::new(Lifecycle::new(managed, events));
    let control = NodeControl {
        shared: Arc::clone(&shared),
        lifecycle: Arc::clone(&lifecycle),
    };
    control.note_lifecycle();
    let service_name = |name: &str| {
        let full = names.service(name);
        full.map_or_else(|e| e.name, |full| full.as_str().to_owned())
    };
    let for_services: Arc<dyn Control> = Arc::new(control.clone());
    let mut servers = {
        let mut node = node.lock().unwrap_or_else(PoisonError::into_inner);
        control_servers(&mut node, service_name, &for_services)
            .map_err(|e| not_made("services")(&e))?
    };
    servers.push(Box::pin(
        parameter_services.serve(Arc::clone(&shared.store), control.clone()),
    ));
    warn_of_unused_remaps(&names);
    let services = Services::start(servers).map_err(|e| not_made("the services' thread")(&e))?;
    log::info!("node {} is up", names.node());

    if settings.autostart {
        start(control.clone());
    }
    let sending = || transport.run(&context);
    let transport = settings.image_transport;
    let mut diagnosis = CameraDiagnosis::new(&full(&names, transport.topic())?, transport);
    let participant = context.domain_participant();
    let mut why = || {
        // it may have changed while the node was unconfigured
        if let Some((topic, transport)) = camera(&names, &shared) {
            diagnosis.set_camera(topic, transport);
        }
        diagnosis.why(&participant)
    };
    let ended = report::report(
        &control,
        &|array| {
            diagnostics.send(array);
        },
        rosout,
        shutdown,
        (&sending, &mut why),
    );

    shut_down(&lifecycle);
    watchdog.stop();
    services.stop();
    // reliable messages need a turn or two of the network
    thread::sleep(SEND_LAST_WITHIN);
    drop(flag);
    log::info!("node {} ends", names.node());
    ended
}

fn full(names: &Names, topic: &str) -> Result<String, NameError> {
    names.topic(topic).map(|full| full.as_str().to_owned())
}

/// The topic and the transport that the parameters name now.
fn camera(names: &Names, shared: &NodeState) -> Option<(String, ImageTransport)> {
    let store = shared.store.lock().unwrap_or_else(PoisonError::into_inner);
    let transport = NodeSettings::new(&store).ok()?.image_transport;
    Some((full(names, transport.topic()).ok()?, transport))
}

fn make_node(context: &Context, names: &Names) -> Result<Node, NodeError> {
    let what = names.node().to_string();
    let failed = not_made(&what);
    let name = ros2_client::NodeName::new(names.node().namespace(), names.node().name())
        .map_err(|e| failed(&format!("{e:?}")))?;
    let options = NodeOptions::new()
        .enable_rosout(false)
        .start_parameter_services(false);
    context.new_node(name, options).map_err(|e| failed(&e))
}

/// A node of that name in the root namespace that does nothing by itself.
///
/// # Errors
/// The name is not valid, or DDS refuses.
pub fn plain(context: &Context, name: &str) -> Result<Node, NodeError> {
    make_node(context, &Names::new(name, DEFAULT_NAMESPACE, &[])?)
}

/// Name of the logger, as rclcpp makes it of `/namespace/name`: `namespace.name`.
fn logger_name(names: &Names) -> String {
    names
        .node()
        .to_string()
        .trim_start_matches('/')
        .replace('/', ".")
}

/// What the watchdog does with a beat: the flag goes out.
fn beats(
    send: impl Fn(bool) + Send + 'static,
    shared: Arc<NodeState>,
) -> impl FnMut(&Beat) + Send + 'static {
    move |beat| {
        send(beat.safe_stop);
        shared.beat(beat);
    }
}

/// A rule that matches nothing is a typing error, or is meant for another node.
fn warn_of_unused_remaps(names: &Names) {
    // subscribed when the node is configured
    const INPUTS: [&str; 5] = [
        "~/input/image",
        "~/input/image/compressed",
        "~/input/camera_info",
        "~/input/odometry",
        "/clock",
    ];
    for name in INPUTS {
        let _ = names.topic(name);
    }
    for rule in names.unused() {
        log::warn!(
            "the remapping {rule} matches no topic or service of this node; its inputs are {}",
            INPUTS.join(", ")
        );
    }
}

/// Configures and activates the node, on a thread of its own: the diagnostics go on meanwhile.
fn start(control: NodeControl) {
    let body = move || {
        let _ =
            control.change_state(&Request::CONFIGURE) && control.change_state(&Request::ACTIVATE);
    };
    let thread = thread::Builder::new()
        .name("lookout-start".to_owned())
        .spawn(body);
    if let Err(e) = thread {
        log::error!("cannot start by itself: {e}");
    }
}

/// Ends the work, if that can be done in time.
fn shut_down(lifecycle: &Arc<Lifecycle>) {
    let ending = Arc::clone(lifecycle);
    let began = Instant::now();
    let thread = thread::Builder::new()
        .name("lookout-shutdown".to_owned())
        .spawn(move || {
            // what runs now cannot be shut down before it is done
            while !ending.state().is_primary() {
                thread::sleep(LOOK_AGAIN);
            }
            if ending.state() != State::Finalized {
                // that logs what comes of it
                let _ = ending.change(&Request::SHUTDOWN);
            }
        });
    let Ok(thread) = thread else {
        return;
    };
    while !thread.is_finished() && began.elapsed() < SHUT_DOWN_WITHIN {
        thread::sleep(LOOK_AGAIN);
    }
    match lifecycle.state() {
        _ if thread.is_finished() => {}
        State::Configuring => log::info!("the process ends while the node is configured"),
        _ => log::warn!("what runs now does not end: the process ends without it"),
    }
}
