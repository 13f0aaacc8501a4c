use std::collections::VecDeque;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::stub::Stub;
use super::*;

/// What a callback is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Succeed,
    Fail,
    Panic,
}

/// Does what the script says, then succeeds, and notes its calls.
struct Scripted {
    script: VecDeque<Script>,
    calls: Arc<Mutex<Vec<String>>>,
    /// Why something could not be repaired.
    unrepaired: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn call(&mut self, name: String) -> Result<(), String> {
        self.calls.lock().unwrap().push(name.clone());
        match self.script.pop_front().unwrap_or(Script::Succeed) {
            Script::Succeed => Ok(()),
            Script::Fail => Err(format!("{name} fails")),
            // Without the panic hook, which would fill the output.
            Script::Panic => std::panic::resume_unwind(Box::new(format!("{name} panics"))),
        }
    }
}

impl Managed for Scripted {
    fn configure(&mut self) -> Result<(), String> {
        self.call("configure".into())
    }
    fn activate(&mut self) -> Result<(), String> {
        self.call("activate".into())
    }
    fn deactivate(&mut self) -> Result<(), String> {
        self.call("deactivate".into())
    }
    fn cleanup(&mut self) -> Result<(), String> {
        self.call("cleanup".into())
    }
    fn shutdown(&mut self, from: State) -> Result<(), String> {
        self.call(format!("shutdown from {from}"))
    }
    fn recover(&mut self, during: State) -> Result<(), String> {
        self.call(format!("recover during {during}"))
    }
    fn unrepaired(&mut self, why: &str) {
        self.unrepaired.lock().unwrap().push(why.to_owned());
    }
}

struct Node {
    lifecycle: Lifecycle,
    calls: Arc<Mutex<Vec<String>>>,
    unrepaired: Arc<Mutex<Vec<String>>>,
    events: Arc<Mutex<Vec<Event>>>,
}

fn node(script: &[Script]) -> Node {
    let (calls, events) = (Arc::default(), Arc::<Mutex<Vec<Event>>>::default());
    let managed = Scripted {
        script: script.iter().copied().collect(),
        calls: Arc::clone(&calls),
        unrepaired: Arc::default(),
    };
    let unrepaired = Arc::clone(&managed.unrepaired);
    let noted = Arc::clone(&events);
    let sink = move |event: &Event| noted.lock().unwrap().push(event.clone());
    Node {
        lifecycle: Lifecycle::new(managed, sink),
        calls,
        unrepaired,
        events,
    }
}

impl Node {
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn transitions(&self) -> Vec<u8> {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        events.iter().map(|event| event.transition.id()).collect()
    }
}

#[test]
fn a_life_calls_back_and_gives_out_every_transition() {
    let node = node(&[]);
    let steps = [
        (Request::CONFIGURE, State::Inactive),
        (Request::ACTIVATE, State::Active),
        (Request::DEACTIVATE, State::Inactive),
        (Request::CLEANUP, State::Unconfigured),
        (Request::Id(5), State::Finalized),
    ];
    for (request, state) in steps {
        assert_eq!(node.lifecycle.change(&request), Ok(state));
        assert_eq!(node.lifecycle.state(), state);
    }
    let calls = [
        "configure",
        "activate",
        "deactivate",
        "cleanup",
        "shutdown from unconfigured",
    ];
    assert_eq!(node.calls(), calls);
    assert_eq!(node.transitions(), [1, 10, 3, 30, 4, 40, 2, 20, 5, 50]);
    assert_eq!(node.lifecycle.failure(), None);
}

#[test]
fn a_failed_configure_leads_back_and_its_reason_is_kept_until_one_succeeds() {
    let node = node(&[Script::Fail]);
    let failed = node.lifecycle.change(&Request::CONFIGURE).unwrap_err();
    assert_eq!(
        failed.to_string(),
        "cannot configure: configure fails; the state is unconfigured"
    );
    assert_eq!(node.lifecycle.state(), State::Unconfigured);
    assert_eq!(node.transitions(), [1, 11]);

    assert!(matches!(
        node.lifecycle.change(&Request::ACTIVATE),
        Err(ChangeError::Refused(_))
    ));
    assert_eq!(node.lifecycle.failure().unwrap().reason, "configure fails");
    node.lifecycle.change(&Request::CONFIGURE).unwrap();
    assert_eq!(node.lifecycle.failure(), None);
}

#[test]
fn a_panic_is_an_error_that_is_recovered_from_or_final() {
    use Script::{Fail, Panic, Succeed};
    let recovered = node(&[Panic, Succeed]);
    let failed = recovered.lifecycle.change(&Request::CONFIGURE).unwrap_err();
    assert!(failed.to_string().contains("configure panics"), "{failed}");
    assert_eq!(recovered.lifecycle.state(), State::Unconfigured);
    assert_eq!(
        recovered.calls(),
        ["configure", "recover during configuring"]
    );
    assert_eq!(recovered.transitions(), [1, 12, 60]);
    assert!(recovered.lifecycle.failure().is_some());
    assert!(recovered.unrepaired.lock().unwrap().is_empty());

    for (script, last) in [(Fail, 61), (Panic, 62)] {
        let node = node(&[Succeed, Succeed, Panic, script]);
        node.lifecycle.change(&Request::CONFIGURE).unwrap();
        node.lifecycle.change(&Request::ACTIVATE).unwrap();
        let failed = node.lifecycle.change(&Request::SHUTDOWN).unwrap_err();
        let text = failed.to_string();
        assert!(text.contains("shutdown from active panics; "), "{text}");
        assert!(text.contains("recover during shuttingdown"), "{text}");
        assert_eq!(node.lifecycle.state(), State::Finalized);
        let unrepaired = node.unrepaired.lock().unwrap();
        assert!(
            matches!(&unrepaired[..], [why] if text.contains(why.as_str())),
            "{unrepaired:?}"
        );
        assert_eq!(node.transitions()[4..], [7, 52, last]);
    }
}

#[test]
fn without_a_recovery_of_its_own_a_node_that_panics_is_finalized() {
    let fragile = Stub {
        configure: || std::panic::resume_unwind(Box::new("glass")),
        activate: Ok(()),
    };
    let lifecycle = Lifecycle::new(fragile, |_| ());
    lifecycle.change(&Request::CONFIGURE).unwrap_err();
    assert_eq!(lifecycle.state(), State::Finalized);
}

#[test]
fn a_sink_that_panics_does_not_leave_the_node_between_two_states() {
    let managed = Scripted {
        script: VecDeque::new(),
        calls: Arc::default(),
        unrepaired: Arc::default(),
    };
    let lifecycle = Lifecycle::new(managed, |_| std::panic::resume_unwind(Box::new("sink")));
    assert_eq!(lifecycle.change(&Request::CONFIGURE), Ok(State::Inactive));
    assert_eq!(lifecycle.change(&Request::ACTIVATE), Ok(State::Active));
}

#[test]
fn an_event_becomes_a_message_with_all_of_it() {
    let node = node(&[]);
    node.lifecycle.change(&Request::CONFIGURE).unwrap();
    let message = node.events.lock().unwrap()[1].to_message(7);
    assert_eq!(message.timestamp, 7);
    assert_eq!(
        (message.transition.id, message.transition.label.as_str()),
        (10, "transition_success")
    );
    assert_eq!((message.start_state.id, message.goal_state.id), (10, 2));
    assert_eq!(message.goal_state.label, "inactive");
}

#[test]
fn while_a_callback_runs_the_state_is_told_and_other_changes_are_refused() {
    let ((entered, inside), (let_go, go)) = (channel(), channel());
    let slow = Stub {
        configure: move || {
            entered.send(()).unwrap();
            go.recv().unwrap();
            Ok(())
        },
        activate: Ok(()),
    };
    let lifecycle = Arc::new(Lifecycle::new(slow, |_| ()));
    let changing = {
        let lifecycle = Arc::clone(&lifecycle);
        thread::spawn(move || lifecycle.change(&Request::CONFIGURE))
    };
    inside.recv().unwrap();
    let asked = Instant::now();
    assert_eq!(lifecycle.state(), State::Configuring);
    for request in [Request::CONFIGURE, Request::SHUTDOWN, Request::Id(10)] {
        let refused = lifecycle.change(&request).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("no transition {request} in state configuring")
        );
    }
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "nobody waited for the callback"
    );
    assert_eq!(lifecycle.state(), State::Configuring);
    let_go.send(()).unwrap();
    assert_eq!(changing.join().unwrap(), Ok(State::Inactive));
}

fn script() -> impl Strategy<Value = Script> {
    prop_oneof![
        6 => Just(Script::Succeed),
        1 => Just(Script::Fail),
        1 => Just(Script::Panic),
    ]
}

proptest! {
    /// The state, the events and the calls tell one story, whatever happens.
    #[test]
    fn active_is_reached_through_callbacks_that_succeeded(
        script in prop::collection::vec(script(), 0..60),
        ids in prop::collection::vec(1u8..=7, 1..40),
    ) {
        let node = node(&script);
        for id in ids {
            let before = node.lifecycle.state();
            let result = node.lifecycle.change(&Request::Id(id));
            let after = node.lifecycle.state();
            prop_assert!(after.is_primary());
            match result {
                Ok(state) => prop_assert_eq!(state, after),
                Err(ChangeError::Failed { state, failure }) => {
                    prop_assert_eq!(state, after);
                    prop_assert_eq!(node.lifecycle.failure(), Some(failure));
                }
                Err(ChangeError::Refused(_)) => prop_assert_eq!(before, after),
            }
        }
        let mut state = State::Unconfigured;
        let (mut configured, mut activated) = (false, false);
        for event in node.events.lock().unwrap().iter() {
            prop_assert_eq!(event.transition.start(), state, "no gap");
            state = event.transition.goal();
            match event.transition.id() {
                10 => configured = true,
                30 => activated = true,
                40 => activated = false,
                20 | 50..=62 => (configured, activated) = (false, false),
                _ => {}
            }
            prop_assert!(state != State::Active || configured && activated);
        }
        prop_assert_eq!(state, node.lifecycle.state());
        let entered = node.events.lock().unwrap();
        let entered = entered.iter().filter(|event| !event.transition.goal().is_primary()).count();
        prop_assert_eq!(entered, node.calls().len(), "one call a transition state");
    }
}
