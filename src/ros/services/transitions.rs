use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{FutureExt, StreamExt, select_biased};
use ros2_client::{Node, RmwRequestId};

use super::Control;
use super::server::{Service, ServiceError, Serving, ThrottledLog, give_way, guarded};
use crate::msg::lifecycle_msgs::{ChangeStateRequest, ChangeStateResponse};
use crate::ros::lifecycle::Request;

const THREAD: &str = "lookout-change";

/// Requests that wait for the one that runs. Any more are answered with no.
const WAITING: usize = 8;

type Asked = (RmwRequestId, Request);
type Done = (RmwRequestId, bool);

/// Serves `change_state`: the changes run one after another on a thread of their own, in the order
/// of the requests, and each is answered when it is done.
pub(super) fn serve_transitions(
    node: &mut Node,
    name: &str,
    control: Arc<dyn Control>,
) -> Result<Serving, ServiceError> {
    let service = Service::<ChangeStateRequest, ChangeStateResponse>::new(
        node,
        name,
        ("lifecycle_msgs", "ChangeState"),
    )?;
    let (ask, mut done) = changes(name, control)?;
    Ok(async move {
        let mut refusals = ThrottledLog::default();
        let mut requests = pin!(service.server.receive_request_stream());
        loop {
            select_biased! {
                (id, success) = done.select_next_some() => {
                    service.respond(id, ChangeStateResponse { success });
                }
                request = requests.select_next_some() => match request {
                    Ok((id, request)) => {
                        if ask.try_send((id, request.transition.into())).is_err() {
                            log::warn!("{}: too many requests wait already", service.name);
                            service.respond(id, ChangeStateResponse { success: false });
                        }
                    }
                    Err(error) => refusals.note(&service.name, &error),
                },
            }
            give_way().await;
        }
    }
    .boxed())
}

/// The thread that makes the changes. It ends with the sender, once the change that runs is done.
fn changes(
    name: &str,
    control: Arc<dyn Control>,
) -> Result<(SyncSender<Asked>, UnboundedReceiver<Done>), ServiceError> {
    let (ask, asked): (_, Receiver<Asked>) = sync_channel(WAITING);
    // No more than were asked for, which are bounded.
    let (tell, done): (UnboundedSender<Done>, _) = unbounded();
    let name = name.to_owned();
    let work = move || {
        for (id, request) in asked {
            let success = guarded(&name, || control.change_state(&request));
            if tell.unbounded_send((id, success)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(work)
        .map_err(|source| ServiceError::Thread {
            name: THREAD,
            source,
        })?;
    Ok((ask, done))
}
