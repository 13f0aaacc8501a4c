//! Two participants in one process. Run where the network is private:
//! `unshare -rn bash -c 'ip link set lo up; exec "$@"' _ cargo test --release ros::services -- --ignored`

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ros2_client::service::Client;
use ros2_client::{
    Context, Message, MessageTypeName, Name, Node, NodeName, NodeOptions, ServiceMapping,
    ServiceTypeName,
};

use super::*;
use crate::msg::lifecycle_msgs::{
    ChangeStateRequest, ChangeStateResponse, EmptyRequest, GetAvailableStatesResponse,
    GetAvailableTransitionsResponse, GetStateResponse, Transition, TransitionEvent,
};
use crate::msg::std_srvs::{SetBoolRequest, SetBoolResponse, TriggerResponse};
use crate::ros::lifecycle::stub::Stub;
use crate::ros::lifecycle::{Lifecycle, Request, State};

struct Handlers {
    lifecycle: Lifecycle,
    enabled: AtomicBool,
    /// What the next reset waits for.
    waits_for: Mutex<Option<Receiver<()>>>,
}

impl Control for Handlers {
    fn reset(&self, _: &str) -> Result<String, String> {
        let waits_for = self.waits_for.lock().unwrap().take();
        if let Some(go) = waits_for {
            let _ = go.recv_timeout(LIMIT);
        }
        if self.enabled.load(Ordering::SeqCst) {
            Err("nothing to reset".into())
        } else {
            std::panic::resume_unwind(Box::new("reset panics"))
        }
    }
    fn enable(&self, on: bool, _: &str) -> Result<String, String> {
        self.enabled.store(on, Ordering::SeqCst);
        Ok(format!("enabled: {on}"))
    }
    fn state(&self) -> State {
        self.lifecycle.state()
    }
    fn change_state(&self, request: &Request) -> bool {
        self.lifecycle.change(request).is_ok()
    }
}

fn participant(name: &str) -> (Context, Node) {
    let context = Context::new().unwrap();
    let name = NodeName::new("/front/left", name).unwrap();
    let node = context.new_node(name, NodeOptions::new()).unwrap();
    (context, node)
}

fn private(name: &str) -> String {
    name.replace('~', "/front/left/lookout")
}

fn client<Req, Resp>(node: &mut Node, name: &str, service_type: (&str, &str)) -> Client<Req, Resp>
where
    Req: Message + Clone + 'static,
    Resp: Message + 'static,
{
    node.create_client(
        ServiceMapping::Enhanced,
        &Name::parse(&private(name)).unwrap(),
        &ServiceTypeName::new(service_type.0, service_type.1),
        service_qos(),
        service_qos(),
    )
    .unwrap()
}

const LIMIT: Duration = Duration::from_secs(20);

/// Asks once, and waits for that answer.
fn ask<Req, Resp>(client: &Client<Req, Resp>, request: Req) -> Resp
where
    Req: Message + Clone + 'static,
    Resp: Message + 'static,
{
    let id = client.send_request(request).unwrap();
    answer(client, LIMIT, |to| to == id).expect("an answer in time")
}

fn answer<Req, Resp>(
    client: &Client<Req, Resp>,
    limit: Duration,
    wanted: impl Fn(ros2_client::RmwRequestId) -> bool,
) -> Option<Resp>
where
    Req: Message + Clone + 'static,
    Resp: Message + 'static,
{
    let began = Instant::now();
    while began.elapsed() < limit {
        match client.receive_response().unwrap() {
            Some((id, response)) if wanted(id) => return Some(response),
            Some(_) => {}
            None => thread::sleep(Duration::from_millis(2)),
        }
    }
    None
}

/// Asks until the two have found each other.
fn meet<Req, Resp>(client: &Client<Req, Resp>, request: Req)
where
    Req: Message + Clone + 'static,
    Resp: Message + 'static,
{
    let met = (0..100).any(|_| {
        client.send_request(request.clone()).unwrap();
        answer(client, Duration::from_millis(200), |_| true).is_some()
    });
    assert!(met, "no answer at all");
    // Those to what was asked before.
    while answer(client, Duration::from_millis(300), |_| true).is_some() {}
}

#[test]
#[ignore = "opens sockets"]
fn every_service_answers_a_client_on_the_network() {
    let (_context, mut node) = participant("lookout");
    let events = transition_events(&mut node, &private("~/transition_event"), || 7).unwrap();
    let slow = Stub {
        configure: || {
            thread::sleep(Duration::from_secs(1));
            Ok(())
        },
        activate: Err("not today".to_owned()),
    };
    let handlers = Arc::new(Handlers {
        lifecycle: Lifecycle::new(slow, events),
        enabled: AtomicBool::new(true),
        waits_for: Mutex::default(),
    });
    let control: Arc<dyn Control> = Arc::<Handlers>::clone(&handlers);
    let servers = control_servers(&mut node, private, &control).unwrap();
    assert_eq!(servers.len(), 7);
    let services = Services::start(servers).unwrap();

    let (_asking, mut peer) = participant("peer");
    let trigger = ("std_srvs", "Trigger");
    let set_bool = ("std_srvs", "SetBool");
    let transitions = ("lifecycle_msgs", "GetAvailableTransitions");
    let reset = client::<EmptyRequest, TriggerResponse>(&mut peer, "~/reset", trigger);
    let enable = client::<SetBoolRequest, SetBoolResponse>(&mut peer, "~/enable", set_bool);
    let garbage = client::<u8, SetBoolResponse>(&mut peer, "~/enable", set_bool);
    let state = ("lifecycle_msgs", "GetState");
    let state = client::<EmptyRequest, GetStateResponse>(&mut peer, "~/get_state", state);
    let change = ("lifecycle_msgs", "ChangeState");
    let change =
        client::<ChangeStateRequest, ChangeStateResponse>(&mut peer, "~/change_state", change);
    let states = ("lifecycle_msgs", "GetAvailableStates");
    let states = client::<EmptyRequest, GetAvailableStatesResponse>(
        &mut peer,
        "~/get_available_states",
        states,
    );
    let available = client::<EmptyRequest, GetAvailableTransitionsResponse>(
        &mut peer,
        "~/get_available_transitions",
        transitions,
    );
    let graph = client::<EmptyRequest, GetAvailableTransitionsResponse>(
        &mut peer,
        "~/get_transition_graph",
        transitions,
    );
    let topic = peer
        .create_topic(
            &Name::parse(&private("~/transition_event")).unwrap(),
            MessageTypeName::new("lifecycle_msgs", "TransitionEvent"),
            &service_qos(),
        )
        .unwrap();
    let heard = peer
        .create_subscription::<TransitionEvent>(&topic, None)
        .unwrap();

    let by = |id, label: &str| ChangeStateRequest {
        transition: Transition {
            id,
            label: label.into(),
        },
    };
    let empty = EmptyRequest::default;
    meet(&reset, empty());
    meet(&enable, SetBoolRequest { data: true });
    meet(&garbage, 1);
    meet(&state, empty());
    meet(&change, by(99, ""));
    meet(&states, empty());
    meet(&available, empty());
    meet(&graph, empty());

    assert_eq!(
        ask(&state, empty()).current_state,
        State::Unconfigured.into()
    );
    let response = ask(&reset, empty());
    assert_eq!(
        (response.success, response.message.as_str()),
        (false, "nothing to reset")
    );
    assert_eq!(ask(&states, empty()).available_states.len(), 11);
    assert_eq!(ask(&graph, empty()).available_transitions.len(), 25);
    let ids = |response: GetAvailableTransitionsResponse| {
        let of = response.available_transitions;
        of.iter().map(|it| it.transition.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(ask(&available, empty())), [1, 5]);

    // A handler that panics says no, and goes on.
    let response = ask(&enable, SetBoolRequest { data: false });
    assert_eq!(
        (response.success, response.message.as_str()),
        (true, "enabled: false")
    );
    assert_eq!(ask(&reset, empty()), TriggerResponse::default());

    // What is no boolean is dropped, and what comes after it is answered.
    let dropped = garbage.send_request(7).unwrap();
    assert!(ask(&enable, SetBoolRequest { data: true }).success);
    assert_eq!(ask(&reset, empty()).message, "nothing to reset");
    assert!(answer(&garbage, Duration::from_millis(100), |id| id == dropped).is_none());

    // While a reset waits, the others answer.
    let (let_go, go) = channel();
    *handlers.waits_for.lock().unwrap() = Some(go);
    let waits = reset.send_request(empty()).unwrap();
    assert!(ask(&enable, SetBoolRequest { data: true }).success);
    assert!(answer(&reset, Duration::from_millis(100), |id| id == waits).is_none());
    let_go.send(()).unwrap();
    let response = answer(&reset, LIMIT, |id| id == waits).expect("an answer in time");
    assert_eq!(response.message, "nothing to reset");

    // While a change runs, the others answer.
    let asked = Instant::now();
    let configure = change.send_request(by(1, "")).unwrap();
    let next = change.send_request(by(0, "cleanup")).unwrap();
    let mut seen = Vec::new();
    let configured = loop {
        let now = ask(&state, empty()).current_state.label;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        let first = answer(&change, Duration::from_millis(20), |id| id == configure);
        if let Some(response) = first {
            break response;
        }
        assert!(asked.elapsed() < LIMIT, "no answer to the change");
    };
    assert!(configured.success);
    assert!(asked.elapsed() >= Duration::from_secs(1));
    assert!(seen.contains(&"configuring".to_owned()), "{seen:?}");
    let cleaned = answer(&change, LIMIT, |id| id == next).expect("the second in its turn");
    assert!(cleaned.success);
    assert!(ask(&change, by(1, "")).success);
    assert!(
        !ask(&change, by(0, "activate")).success,
        "its callback fails"
    );
    assert_eq!(ask(&state, empty()).current_state, State::Inactive.into());

    // More requests than any queue holds.
    for _ in 0..500 {
        state.send_request(empty()).unwrap();
    }
    assert_eq!(ask(&state, empty()).current_state.id, 2);

    let mut events = Vec::new();
    while let Ok(Some((event, _))) = heard.take() {
        assert_eq!(event.timestamp, 7);
        events.push(event.transition.id);
    }
    assert_eq!(events, [1, 10, 2, 20, 1, 10, 3, 31]);

    assert!(services.stop(), "it ends in time");
}

#[test]
#[ignore = "opens sockets"]
fn a_name_that_is_not_absolute_is_an_error() {
    let (_context, mut node) = participant("lookout");
    for name in ["reset", "~/reset", "/a//reset", "/a/b/", "", "/1a"] {
        let served = serve(
            &mut node,
            name,
            ("std_srvs", "Trigger"),
            |_: EmptyRequest, _| TriggerResponse::default(),
        );
        let error = served.map(|_| ()).unwrap_err();
        assert!(
            matches!(error, ServiceError::Name { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_server_that_panics_takes_no_other_with_it() {
    let (answered, answers) = std::sync::mpsc::channel();
    let panics: Serving = Box::pin(async { std::panic::resume_unwind(Box::new("server")) });
    let ends: Serving = Box::pin(async {});
    let works: Serving = Box::pin(async move {
        for turn in 0..3 {
            server::give_way().await;
            answered.send(turn).unwrap();
        }
        std::future::pending::<()>().await;
    });
    let services = Services::start(vec![panics, ends, works]).unwrap();
    let answers: Vec<i32> = (0..3)
        .map(|_| answers.recv_timeout(LIMIT).unwrap())
        .collect();
    assert_eq!(answers, [0, 1, 2]);
    assert!(services.stop());
}

#[test]
fn stopping_does_not_wait_for_a_handler_that_hangs() {
    let (let_go, go) = std::sync::mpsc::channel::<()>();
    let go = Mutex::new(go);
    let (entered, inside) = std::sync::mpsc::channel();
    let hangs: Serving = Box::pin(async move {
        entered.send(()).unwrap();
        let _ = go.lock().unwrap().recv();
    });
    let services = Services::start(vec![hangs]).unwrap();
    inside.recv_timeout(LIMIT).unwrap();
    let asked = Instant::now();
    assert!(!services.stop());
    assert!(asked.elapsed() < Duration::from_secs(5));
    drop(let_go);
}

#[test]
fn a_server_that_always_has_work_can_be_stopped() {
    let busy: Serving = Box::pin(async {
        loop {
            server::give_way().await;
        }
    });
    let services = Services::start(vec![busy]).unwrap();
    thread::sleep(Duration::from_millis(10));
    assert!(services.stop());
}
