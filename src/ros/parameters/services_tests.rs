use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::channel::oneshot;
use ros2_client::dds::rustdds::DomainParticipantBuilder;
use ros2_client::service::Client;
use ros2_client::{Context, Name, NodeName, NodeOptions};

use super::*;
use crate::msg::parameters::{Parameter, ParameterType};
use crate::ros::parameters::Value;

const PATIENCE: Duration = Duration::from_secs(10);

struct Active(Arc<Mutex<Vec<&'static str>>>);

impl Host for Active {
    fn phase(&self) -> Phase {
        Phase::Active
    }

    fn stamp(&self) -> Time {
        Time { sec: 5, nanosec: 6 }
    }

    fn agrees(&self, _: &Store) -> Result<(), String> {
        Ok(())
    }

    fn changed(&mut self, names: &[&'static str], store: &Store) {
        assert!(names.iter().all(|name| store.get(name).is_some()));
        self.0.lock().unwrap().extend(names);
    }
}

fn node(name: &str) -> Node {
    let participant = DomainParticipantBuilder::new(77).build().unwrap();
    let context = Context::from_domain_participant(participant).unwrap();
    let options = NodeOptions::new().enable_rosout(false);
    let name = NodeName::new("/front", name).unwrap();
    context.new_node(name, options).unwrap()
}

fn client<Q: Message + Clone + 'static, A: Message + 'static>(
    node: &mut Node,
    name: &str,
    kind: &str,
) -> Client<Q, A> {
    let name = Name::parse(&format!("/front/lookout/{name}")).unwrap();
    let kind = ServiceTypeName::new("rcl_interfaces", kind);
    node.create_client(ServiceMapping::Enhanced, &name, &kind, REQUESTS, REQUESTS)
        .unwrap()
}

/// Asks until there is an answer: nobody is there before discovery is through.
fn call<Q: Message + Clone + 'static, A: Message + 'static>(client: &Client<Q, A>, ask: &Q) -> A {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        client.send_request(ask.clone()).unwrap();
        for _ in 0..50 {
            if let Ok(Some((_, answer))) = client.receive_response() {
                return answer;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    panic!("no answer");
}

fn to(name: &str, value: Value) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value: (&value).into(),
    }
}

#[test]
#[ignore = "opens sockets: run it in a network of its own"]
fn another_participant_lists_gets_sets_and_describes() {
    let mut served = node("lookout");
    let names = Names::new("lookout", "/front", &[]).unwrap();
    let services = ParameterServices::new(&mut served, &names).unwrap();
    let store = SharedStore::default();
    let changed = Arc::new(Mutex::new(Vec::new()));
    let (stop, stopped) = oneshot::channel::<()>();
    let (shared, host) = (store.clone(), Active(changed.clone()));
    let thread = thread::spawn(move || {
        let serve = services.serve(shared, host).boxed_local();
        futures::executor::block_on(futures::future::select(serve, stopped));
    });

    let mut asking = node("asking");
    let topic = asking
        .create_topic(
            &Name::parse("/parameter_events").unwrap(),
            MessageTypeName::new("rcl_interfaces", "ParameterEvent"),
            &EVENTS,
        )
        .unwrap();
    let events = asking
        .create_subscription::<ParameterEvent>(&topic, None)
        .unwrap();

    let list: Client<ListParametersRequest, ListParametersResponse> =
        client(&mut asking, "list_parameters", "ListParameters");
    let camera = ListParametersRequest {
        prefixes: vec!["camera".to_owned()],
        depth: 0,
    };
    let listed = call(&list, &camera).result;
    assert_eq!(
        listed.names,
        [
            "camera.file",
            "camera.height_m",
            "camera.pitch_deg",
            "camera.pitch_uncertainty_deg",
            "camera.roll_deg",
            "camera.yaw_deg"
        ]
    );
    assert_eq!(listed.prefixes, ["camera"]);

    let set: Client<SetParametersRequest, SetParametersResponse> =
        client(&mut asking, "set_parameters", "SetParameters");
    let parameters = vec![
        to("threshold", Value::Double(0.75)),
        to("deadline_ms", Value::Integer(50)),
    ];
    let results = call(&set, &SetParametersRequest { parameters }).results;
    assert!(results[0].successful, "{results:?}");
    assert_eq!(
        results[1].reason,
        "deadline_ms can be changed only while the node is unconfigured (it is active)"
    );
    assert_eq!(changed.lock().unwrap()[0], "threshold");
    assert_eq!(lock(&store).get("threshold"), Some(&Value::Double(0.75)));

    let set_together: Client<SetParametersRequest, SetParametersAtomicallyResponse> = client(
        &mut asking,
        "set_parameters_atomically",
        "SetParametersAtomically",
    );
    let parameters = vec![
        to("overlay_quality", Value::Integer(10)),
        to("threshold", Value::Double(2.0)),
    ];
    let result = call(&set_together, &SetParametersRequest { parameters }).result;
    assert_eq!(result.reason, "threshold: 2 is not in 0 ..= 1");

    let asked = ParameterNames {
        names: vec!["threshold".to_owned(), "overlay_quality".to_owned()],
    };
    let get: Client<ParameterNames, GetParametersResponse> =
        client(&mut asking, "get_parameters", "GetParameters");
    let values = call(&get, &asked).values;
    assert_eq!(values[0].double_value, 0.75);
    assert_eq!(values[1].integer_value, 80);
    let types: Client<ParameterNames, GetParameterTypesResponse> =
        client(&mut asking, "get_parameter_types", "GetParameterTypes");
    let numbers = call(&types, &asked).types;
    assert_eq!(numbers, [ParameterType::DOUBLE, ParameterType::INTEGER]);
    let describe: Client<ParameterNames, DescribeParametersResponse> =
        client(&mut asking, "describe_parameters", "DescribeParameters");
    let descriptors = call(&describe, &asked).descriptors;
    assert_eq!(descriptors[0].floating_point_range[0].to_value, 1.0);
    assert_eq!(descriptors[1].integer_range[0].to_value, 100);

    let begin = Instant::now();
    let event = loop {
        assert!(begin.elapsed() < PATIENCE, "no event");
        match events.take() {
            Ok(Some((event, _))) if !event.changed_parameters.is_empty() => break event,
            _ => thread::sleep(Duration::from_millis(10)),
        }
    };
    assert_eq!(event.node, "/front/lookout");
    assert_eq!(event.stamp, Time { sec: 5, nanosec: 6 });
    let expected = [to("threshold", Value::Double(0.75))];
    assert_eq!(event.changed_parameters, expected);

    stop.send(()).unwrap();
    thread.join().unwrap();
}
