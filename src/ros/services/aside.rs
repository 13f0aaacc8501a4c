use std::pin::pin;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{FutureExt, StreamExt, select_biased};
use ros2_client::{Message, Node, RmwRequestId};

use super::server::{Service, ServiceError, Serving, ThrottledLog, client, give_way, guarded};

/// Requests that wait for the one that is answered.
const WAITING: usize = 8;

/// Serves a service with a function that may take its time: it runs on the thread `thread`, one request
/// after another, and the others are answered meanwhile. Where too many requests wait, the answer is `full`.
///
/// A panic in it is caught, as in [`serve`](super::serve).
pub(super) fn serve_aside<Req, Resp>(
    node: &mut Node,
    name: &str,
    service_type: (&str, &str),
    thread: &'static str,
    full: Resp,
    answer: impl FnMut(Req, &str) -> Resp + Send + 'static,
) -> Result<Serving, ServiceError>
where
    Req: Message + Clone + Send + Sync + 'static,
    Resp: Message + Clone + Default + Send + Sync + 'static,
{
    let service = Service::<Req, Resp>::new(node, name, service_type)?;
    let (ask, mut done) = answers(name, thread, answer)?;
    Ok(async move {
        let mut refusals = ThrottledLog::default();
        let mut requests = pin!(service.server.receive_request_stream());
        loop {
            select_biased! {
                (id, response) = done.select_next_some() => service.respond(id, response),
                request = requests.select_next_some() => match request {
                    Ok((id, request)) => {
                        if ask.try_send((id, request)).is_err() {
                            log::warn!("{}: too many requests wait already", service.name);
                            service.respond(id, full.clone());
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

type Asked<Req> = SyncSender<(RmwRequestId, Req)>;
type Done<Resp> = UnboundedReceiver<(RmwRequestId, Resp)>;

/// The thread that answers. It ends with the sender, once the answer that it works on is done.
fn answers<Req: Send + 'static, Resp: Default + Send + 'static>(
    name: &str,
    thread: &'static str,
    mut answer: impl FnMut(Req, &str) -> Resp + Send + 'static,
) -> Result<(Asked<Req>, Done<Resp>), ServiceError> {
    let (ask, asked): (_, Receiver<(RmwRequestId, Req)>) = sync_channel(WAITING);
    // No more than were asked for, which are bounded.
    let (tell, done): (UnboundedSender<(RmwRequestId, Resp)>, _) = unbounded();
    let name = name.to_owned();
    let work = move || {
        for (id, request) in asked {
            let response = guarded(&name, || answer(request, &client(&id)));
            if tell.unbounded_send((id, response)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new()
        .name(thread.to_owned())
        .spawn(work)
        .map_err(|source| ServiceError::Thread {
            name: thread,
            source,
        })?;
    Ok((ask, done))
}
