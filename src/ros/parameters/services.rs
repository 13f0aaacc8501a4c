//! The six parameter services of a node, and `/parameter_events`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{BoxStream, StreamExt, select_all};
use ros2_client::qos::History;
use ros2_client::service::{RmwRequestId, Server};
use ros2_client::{
    Message, MessageTypeName, Node, Publisher, QosProfile, ServiceMapping, ServiceTypeName,
};

use super::{Phase, Store, answers};
use crate::msg::Time;
use crate::msg::parameters::{
    DescribeParametersResponse, GetParameterTypesResponse, GetParametersResponse,
    ListParametersRequest, ListParametersResponse, ParameterEvent, ParameterNames,
    SetParametersAtomicallyResponse, SetParametersRequest, SetParametersResponse,
};
use crate::ros::names::Names;
use crate::ros::services::{ServiceError, absolute, not_created};

impl Message for ParameterNames {}
impl Message for GetParametersResponse {}
impl Message for GetParameterTypesResponse {}
impl Message for DescribeParametersResponse {}
impl Message for SetParametersRequest {}
impl Message for SetParametersResponse {}
impl Message for SetParametersAtomicallyResponse {}
impl Message for ListParametersRequest {}
impl Message for ListParametersResponse {}
impl Message for ParameterEvent {}

/// Reliable and volatile as rclcpp's, which keeps 1000 where a few are enough: what comes in is kept
/// in memory, at whatever size the peer chose.
const REQUESTS: QosProfile = reliable(10);

/// As rclcpp's.
const EVENTS: QosProfile = reliable(1000);

const fn reliable(depth: usize) -> QosProfile {
    QosProfile::publisher_default().history(History::KeepLast { depth })
}

/// The parameters, for the services and for whoever configures the node.
pub type SharedStore = Arc<Mutex<Store>>;

/// The node as far as its parameters are concerned. Called with the store locked, which must not
/// be locked again: what configures the node enters [`Phase::Configuring`] first and locks the
/// store to read it then, so that nothing is changed afterwards that was read before.
pub trait Host {
    /// Where the node is in its life.
    fn phase(&self) -> Phase;

    /// The present on the node's clock.
    fn stamp(&self) -> Time;

    /// Whether it can go on with these values, before they hold.
    ///
    /// # Errors
    /// Why not: they are refused with that.
    fn agrees(&self, candidate: &Store) -> Result<(), String>;

    /// These parameters have another value now.
    fn changed(&mut self, names: &[&'static str], store: &Store);
}

/// The servers and the publisher.
pub struct ParameterServices {
    node: String,
    get: Server<ParameterNames, GetParametersResponse>,
    types: Server<ParameterNames, GetParameterTypesResponse>,
    describe: Server<ParameterNames, DescribeParametersResponse>,
    list: Server<ListParametersRequest, ListParametersResponse>,
    set: Server<SetParametersRequest, SetParametersResponse>,
    set_together: Server<SetParametersRequest, SetParametersAtomicallyResponse>,
    events: Publisher<ParameterEvent>,
}

enum Request {
    Get(ParameterNames),
    Types(ParameterNames),
    Describe(ParameterNames),
    List(ListParametersRequest),
    Set(SetParametersRequest),
    SetTogether(SetParametersRequest),
}

type Requests<'a> = BoxStream<'a, Result<(RmwRequestId, Request), String>>;

impl ParameterServices {
    /// Makes them; `names` are those of the node that has them.
    ///
    /// The node has a publisher of `/parameter_events` already, which `ros2_client` makes for its
    /// own parameters and which cannot be switched off or used for others. It stays silent.
    ///
    /// # Errors
    /// A name is not valid, or DDS does not make one of them.
    pub fn new(node: &mut Node, names: &Names) -> Result<Self, ServiceError> {
        let topic = names.topic("/parameter_events")?;
        let event = MessageTypeName::new("rcl_interfaces", "ParameterEvent");
        let dds_topic = node
            .create_topic(&absolute(topic.as_str())?, event, &EVENTS)
            .map_err(not_created(topic.as_str()))?;
        let events = node
            .create_publisher(&dds_topic, None)
            .map_err(not_created(topic.as_str()))?;
        Ok(Self {
            node: names.node().to_string(),
            get: server(node, names, "get_parameters", "GetParameters")?,
            types: server(node, names, "get_parameter_types", "GetParameterTypes")?,
            describe: server(node, names, "describe_parameters", "DescribeParameters")?,
            list: server(node, names, "list_parameters", "ListParameters")?,
            set: server(node, names, "set_parameters", "SetParameters")?,
            set_together: server(
                node,
                names,
                "set_parameters_atomically",
                "SetParametersAtomically",
            )?,
            events,
        })
    }

    /// Publishes all parameters as new ones, then answers requests, for ever: to stop, drop the
    /// future.
    pub async fn serve(self, store: SharedStore, mut host: impl Host) {
        self.publish_all(&store, &host);
        let mut requests = select_all(self.requests());
        while let Some(request) = requests.next().await {
            let sent = match request {
                Ok((id, request)) => self.answer(id, request, &store, &mut host).await,
                Err(e) => Err(e),
            };
            if let Err(e) = sent {
                log::warn!("parameter service: {e}");
            }
        }
    }

    fn requests(&self) -> [Requests<'_>; 6] {
        [
            requests(&self.get, Request::Get),
            requests(&self.types, Request::Types),
            requests(&self.describe, Request::Describe),
            requests(&self.list, Request::List),
            requests(&self.set, Request::Set),
            requests(&self.set_together, Request::SetTogether),
        ]
    }

    async fn answer(
        &self,
        id: RmwRequestId,
        request: Request,
        store: &Mutex<Store>,
        host: &mut impl Host,
    ) -> Result<(), String> {
        let sent = match request {
            Request::Get(request) => {
                let response = answers::get(&lock(store), &request.names);
                self.get.async_send_response(id, response).await
            }
            Request::Types(request) => {
                let response = answers::types(&request.names);
                self.types.async_send_response(id, response).await
            }
            Request::Describe(request) => {
                let response = answers::describe(&request.names);
                self.describe.async_send_response(id, response).await
            }
            Request::List(request) => {
                let response = answers::list(&request.prefixes, request.depth);
                self.list.async_send_response(id, response).await
            }
            Request::Set(request) => {
                let (response, events) = {
                    let mut store = lock(store);
                    let (response, changes) =
                        answers::set_each(&mut store, request.parameters, host);
                    (response, report_changes(&store, &changes, host, &self.node))
                };
                self.publish(events);
                self.set.async_send_response(id, response).await
            }
            Request::SetTogether(request) => {
                let (response, events) = {
                    let mut store = lock(store);
                    let (response, changed) =
                        answers::set_together(&mut store, request.parameters, host);
                    let changes = if changed.is_empty() {
                        vec![]
                    } else {
                        vec![changed]
                    };
                    (response, report_changes(&store, &changes, host, &self.node))
                };
                self.publish(events);
                self.set_together.async_send_response(id, response).await
            }
        };
        sent.map_err(|e| format!("a response was not sent: {e}"))
    }

    fn publish_all(&self, store: &Mutex<Store>, host: &impl Host) {
        let store = lock(store);
        let names = store.iter().map(|(entry, _)| entry.name.as_str());
        let event = ParameterEvent {
            stamp: host.stamp(),
            node: self.node.clone(),
            new_parameters: names
                .filter_map(|name| answers::parameter(&store, name))
                .collect(),
            ..ParameterEvent::default()
        };
        drop(store);
        self.publish(vec![event]);
    }

    fn publish(&self, events: Vec<ParameterEvent>) {
        for event in events {
            if let Err(e) = self.events.publish(event) {
                log::warn!("a change of parameters was not published: {e}");
            }
        }
    }
}

/// Reports each change to the host, and makes an event of it.
fn report_changes(
    store: &Store,
    changes: &[Vec<&'static str>],
    host: &mut impl Host,
    node: &str,
) -> Vec<ParameterEvent> {
    let mut events = Vec::new();
    for names in changes {
        host.changed(names, store);
        let changed = names
            .iter()
            .filter_map(|name| answers::parameter(store, name));
        events.push(ParameterEvent {
            stamp: host.stamp(),
            node: node.to_owned(),
            changed_parameters: changed.collect(),
            ..ParameterEvent::default()
        });
    }
    events
}

/// The store is whole after any panic: it is replaced in one move.
fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

fn server<Q: Message + Clone + 'static, A: Message + 'static>(
    node: &mut Node,
    names: &Names,
    name: &str,
    type_name: &str,
) -> Result<Server<Q, A>, ServiceError> {
    let full = names.service(&format!("~/{name}"))?;
    node.create_server(
        ServiceMapping::Enhanced,
        &absolute(full.as_str())?,
        &ServiceTypeName::new("rcl_interfaces", type_name),
        REQUESTS,
        REQUESTS,
    )
    .map_err(not_created(full.as_str()))
}

fn requests<'a, Q: Message + Send + Sync + 'static, A: Message + Send + Sync + 'static>(
    server: &'a Server<Q, A>,
    kind: fn(Q) -> Request,
) -> Requests<'a> {
    let stream = server.receive_request_stream().map(move |received| {
        let (id, request) = received.map_err(|e| format!("a request cannot be read: {e}"))?;
        Ok((id, kind(request)))
    });
    stream.boxed()
}

#[cfg(test)]
#[path = "services_tests.rs"]
mod tests;
