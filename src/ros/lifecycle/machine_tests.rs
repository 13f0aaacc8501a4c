use proptest::prelude::*;

use super::*;
use State::{
    Activating, Active, CleaningUp, Configuring, Deactivating, ErrorProcessing, Finalized,
    Inactive, ShuttingDown, Unconfigured,
};

/// What a node with `rcl_lifecycle` of Jazzy answered to `get_transition_graph` (`ros-jazzy-rclpy`
/// 7.1.5, `LifecycleNode`): id, label, id and label of the start, id and label of the goal.
const ANSWERED: [(u8, &str, u8, &str, u8, &str); 25] = [
    (1, "configure", 1, "unconfigured", 10, "configuring"),
    (10, "transition_success", 10, "configuring", 2, "inactive"),
    (
        11,
        "transition_failure",
        10,
        "configuring",
        1,
        "unconfigured",
    ),
    (
        12,
        "transition_error",
        10,
        "configuring",
        15,
        "errorprocessing",
    ),
    (2, "cleanup", 2, "inactive", 11, "cleaningup"),
    (
        20,
        "transition_success",
        11,
        "cleaningup",
        1,
        "unconfigured",
    ),
    (21, "transition_failure", 11, "cleaningup", 2, "inactive"),
    (
        22,
        "transition_error",
        11,
        "cleaningup",
        15,
        "errorprocessing",
    ),
    (3, "activate", 2, "inactive", 13, "activating"),
    (30, "transition_success", 13, "activating", 3, "active"),
    (31, "transition_failure", 13, "activating", 2, "inactive"),
    (
        32,
        "transition_error",
        13,
        "activating",
        15,
        "errorprocessing",
    ),
    (4, "deactivate", 3, "active", 14, "deactivating"),
    (40, "transition_success", 14, "deactivating", 2, "inactive"),
    (41, "transition_failure", 14, "deactivating", 3, "active"),
    (
        42,
        "transition_error",
        14,
        "deactivating",
        15,
        "errorprocessing",
    ),
    (5, "shutdown", 1, "unconfigured", 12, "shuttingdown"),
    (6, "shutdown", 2, "inactive", 12, "shuttingdown"),
    (7, "shutdown", 3, "active", 12, "shuttingdown"),
    (50, "transition_success", 12, "shuttingdown", 4, "finalized"),
    (51, "transition_failure", 12, "shuttingdown", 4, "finalized"),
    (
        52,
        "transition_error",
        12,
        "shuttingdown",
        15,
        "errorprocessing",
    ),
    (
        60,
        "transition_success",
        15,
        "errorprocessing",
        1,
        "unconfigured",
    ),
    (
        61,
        "transition_failure",
        15,
        "errorprocessing",
        4,
        "finalized",
    ),
    (
        62,
        "transition_error",
        15,
        "errorprocessing",
        4,
        "finalized",
    ),
];

/// What the same node answered to `get_available_states`.
const STATES: [(u8, &str); 11] = [
    (0, "unknown"),
    (1, "unconfigured"),
    (2, "inactive"),
    (3, "active"),
    (4, "finalized"),
    (10, "configuring"),
    (11, "cleaningup"),
    (12, "shuttingdown"),
    (13, "activating"),
    (14, "deactivating"),
    (15, "errorprocessing"),
];

#[test]
fn graph_and_states_are_those_of_rcl_lifecycle() {
    let graph = Transition::GRAPH.map(|it| {
        let (start, goal) = (it.start(), it.goal());
        let (id, label) = (it.id(), it.label());
        (id, label, start.id(), start.name(), goal.id(), goal.name())
    });
    assert_eq!(graph, ANSWERED);
    assert_eq!(State::ALL.map(|state| (state.id(), state.name())), STATES);
}

/// The machine as the design page of managed nodes draws it, written by hand: a request by its id,
/// the state it starts at and where success, failure and error lead to.
const REQUESTS: [(u8, &str, State, [State; 3]); 7] = [
    (
        1,
        "configure",
        Unconfigured,
        [Inactive, Unconfigured, ErrorProcessing],
    ),
    (
        2,
        "cleanup",
        Inactive,
        [Unconfigured, Inactive, ErrorProcessing],
    ),
    (3, "activate", Inactive, [Active, Inactive, ErrorProcessing]),
    (4, "deactivate", Active, [Inactive, Active, ErrorProcessing]),
    (
        5,
        "shutdown",
        Unconfigured,
        [Finalized, Finalized, ErrorProcessing],
    ),
    (
        6,
        "shutdown",
        Inactive,
        [Finalized, Finalized, ErrorProcessing],
    ),
    (
        7,
        "shutdown",
        Active,
        [Finalized, Finalized, ErrorProcessing],
    ),
];
const RECOVERY: [State; 3] = [Unconfigured, Finalized, Finalized];

#[test]
fn every_transition_state_can_be_finished_in_every_way() {
    for state in State::ALL {
        for outcome in [Outcome::Success, Outcome::Failure, Outcome::Error] {
            let mut machine = Machine { state };
            let finished = machine.finish(outcome);
            assert_eq!(
                finished.is_none(),
                state.is_primary(),
                "{state} {outcome:?}"
            );
        }
    }
}

#[test]
fn only_a_callback_leads_out_of_a_transition_state() {
    let states = [
        Configuring,
        CleaningUp,
        ShuttingDown,
        Activating,
        Deactivating,
        ErrorProcessing,
    ];
    for state in states {
        let ids = (0..=255).map(Request::Id);
        let labels = [
            "transition_success",
            "transition_error",
            "shutdown",
            "activate",
        ];
        for request in ids.chain(labels.map(|label| Request::Label(label.into()))) {
            let mut machine = Machine { state };
            assert!(machine.begin(&request).is_err(), "{state} {request}");
            assert_eq!(machine.state(), state);
        }
    }
}

#[test]
fn a_label_goes_before_an_id() {
    let asked = |id, label: &str| {
        Request::from(msg::Transition {
            id,
            label: label.to_owned(),
        })
    };
    assert_eq!(asked(3, ""), Request::Id(3));
    assert_eq!(asked(0, "shutdown"), Request::SHUTDOWN);
    assert_eq!(asked(1, "shutdown"), Request::SHUTDOWN);

    let mut machine = Machine::default();
    assert_eq!(machine.begin(&asked(1, "shutdown")).unwrap().id(), 5);
    let mut machine = Machine::default();
    assert!(machine.begin(&asked(1, "no such label")).is_err());
    assert!(
        machine.begin(&asked(0, "")).is_err(),
        "create is no transition"
    );
    assert!(machine.begin(&asked(8, "")).is_err(), "neither is destroy");
}

#[test]
fn what_is_refused_is_told_in_one_short_line() {
    let label = "x\n".repeat(1000);
    let refused = Machine::default()
        .begin(&Request::Label(label.into()))
        .unwrap_err();
    let text = refused.to_string();
    assert!(!text.contains('\n') && text.len() < 200, "{text}");
    assert!(text.ends_with("in state unconfigured"), "{text}");
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Success),
        1 => Just(Outcome::Failure),
        1 => Just(Outcome::Error),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    const LABELS: [&str; 6] = [
        "configure",
        "cleanup",
        "activate",
        "deactivate",
        "shutdown",
        "destroy",
    ];
    prop_oneof![
        8 => (1u8..=4).prop_map(Request::Id),
        2 => any::<u8>().prop_map(Request::Id),
        3 => prop::sample::select(&LABELS[..4]).prop_map(|label| Request::Label(label.into())),
        1 => prop::sample::select(&LABELS[..]).prop_map(|label| Request::Label(label.into())),
    ]
}

proptest! {
    #[test]
    fn any_sequence_of_requests_goes_by_the_table(
        steps in prop::collection::vec((request(), outcome(), outcome()), 0..60),
    ) {
        let mut machine = Machine::default();
        let mut expected = Unconfigured;
        let (mut configured, mut activated) = (false, false);
        for (request, outcome, recovery) in steps {
            let line = REQUESTS.iter().find(|(id, label, start, _)| {
                *start == expected
                    && match &request {
                        Request::Id(asked) => asked == id,
                        Request::Label(asked) => asked == label,
                    }
            });
            let Some((id, _, _, goals)) = line else {
                let refused = machine.begin(&request).unwrap_err();
                prop_assert_eq!(refused.state, expected);
                prop_assert_eq!(machine.state(), expected);
                continue;
            };
            prop_assert_eq!(machine.begin(&request).unwrap().id(), *id);
            prop_assert!(machine.begin(&request).is_err());
            machine.finish(outcome).unwrap();
            expected = goals[outcome as usize];
            prop_assert_eq!(machine.state(), expected);
            if expected == ErrorProcessing {
                machine.finish(recovery).unwrap();
                expected = RECOVERY[recovery as usize];
                prop_assert_eq!(machine.state(), expected);
            }

            // What has succeeded, and was not undone since.
            let succeeded = outcome == Outcome::Success;
            match *id {
                1 => configured = succeeded,
                3 => activated = succeeded,
                2 | 4 if succeeded => activated = false,
                _ => {}
            }
            if matches!(expected, Unconfigured | Finalized) {
                (configured, activated) = (false, false);
            }
            prop_assert_eq!(machine.state() == Active, configured && activated);
        }
    }
}
