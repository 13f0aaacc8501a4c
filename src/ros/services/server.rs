use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt, poll_fn};
use ros2_client::error::CreateError;
use ros2_client::qos::{Durability, History, WhenFull};
use ros2_client::service::Server;
use ros2_client::{Message, Name, Node, QosProfile, RmwRequestId, ServiceMapping, ServiceTypeName};

use crate::ros::names::NameError;
use crate::watchdog::panic_message;

/// A future that serves one service and never ends.
pub type Serving = BoxFuture<'static, ()>;

/// Why a service is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A remap rule makes an invalid name of a service's.
    #[error(transparent)]
    Remapped(#[from] NameError),
    /// The name is not an absolute name of ROS 2.
    #[error("{name:?} is not a valid service name: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// DDS refuses.
    #[error("cannot create {name}: {reason}")]
    Create {
        /// The name of the service or topic.
        name: String,
        /// What DDS says.
        reason: String,
    },
    /// The system starts no thread.
    #[error("cannot start the thread {name}")]
    Thread {
        /// Its name.
        name: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The QoS of services in `rclcpp`: reliable, volatile, the last 10.
///
/// A response that finds no room, because some client has not acknowledged thousands before it, is
/// given up at once: a client that hangs must not stop the others' answers.
#[must_use]
pub fn service_qos() -> QosProfile {
    QosProfile::subscription_default()
        .reliability_reliable(WhenFull::Fail)
        .durability(Durability::Volatile)
        .history(History::KeepLast { depth: 10 })
}

/// An absolute name, of any number of parts.
pub(in crate::ros) fn absolute(name: &str) -> Result<Name, ServiceError> {
    let wrong = |reason: String| ServiceError::Name {
        name: name.to_owned(),
        reason,
    };
    let parsed = Name::parse(name).map_err(|error| wrong(error.to_string()))?;
    if parsed.is_absolute() {
        Ok(parsed)
    } else {
        Err(wrong("it does not start with a slash".to_owned()))
    }
}

pub(in crate::ros) fn not_created(name: &str) -> impl FnOnce(CreateError) -> ServiceError {
    let name = name.to_owned();
    move |error| ServiceError::Create {
        name,
        reason: error.to_string(),
    }
}

/// A service of the node.
pub(super) struct Service<Req: Message, Resp: Message> {
    pub(super) name: String,
    pub(super) server: Server<Req, Resp>,
}

impl<Req, Resp> Service<Req, Resp>
where
    Req: Message + Clone + 'static,
    Resp: Message + 'static,
{
    /// `name` absolute, `service_type` like `("std_srvs", "Trigger")`.
    pub(super) fn new(
        node: &mut Node,
        name: &str,
        service_type: (&str, &str),
    ) -> Result<Self, ServiceError> {
        let server = node
            .create_server(
                ServiceMapping::Enhanced,
                &absolute(name)?,
                &ServiceTypeName::new(service_type.0, service_type.1),
                service_qos(),
                service_qos(),
            )
            .map_err(not_created(name))?;
        Ok(Self {
            name: name.to_owned(),
            server,
        })
    }

    pub(super) fn respond(&self, to: RmwRequestId, response: Resp) {
        if let Err(error) = self.server.send_response(to, response) {
            log::warn!("{}: a response is lost: {error}", self.name);
        }
    }
}

/// Serves a service with a function that answers each request, of the client that is named, quickly:
/// the others wait for it.
///
/// A panic in it is caught, and answered with the default response, which says that nothing was
/// done.
///
/// # Errors
/// The name is no absolute one, or DDS refuses.
pub fn serve<Req, Resp>(
    node: &mut Node,
    name: &str,
    service_type: (&str, &str),
    mut answer: impl FnMut(Req, &str) -> Resp + Send + 'static,
) -> Result<Serving, ServiceError>
where
    Req: Message + Clone + Send + Sync + 'static,
    Resp: Message + Default + Send + Sync + 'static,
{
    let service = Service::new(node, name, service_type)?;
    Ok(async move {
        let mut refusals = ThrottledLog::default();
        let mut requests = pin!(service.server.receive_request_stream());
        while let Some(request) = requests.next().await {
            match request {
                Ok((id, request)) => {
                    let response = guarded(&service.name, || answer(request, &client(&id)));
                    service.respond(id, response);
                }
                Err(error) => refusals.note(&service.name, &error),
            }
            give_way().await;
        }
        log::error!("{}: no more requests come", service.name);
    }
    .boxed())
}

/// How a client is called in DDS.
pub(super) fn client(id: &RmwRequestId) -> String {
    format!("{:?}", id.writer_gid)
}

/// What `work` returns, or the default where it panics; the node ends then.
pub(super) fn guarded<T: Default>(name: &str, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        log::error!("{name}: panic: {}", panic_message(panic.as_ref()));
        T::default()
    })
}

/// Lets the other futures of the thread run once.
pub(super) async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Logs what is wrong with requests, at most once a second: anybody on the network can send them.
#[derive(Default)]
pub(super) struct ThrottledLog {
    last: Option<Instant>,
    suppressed: u64,
}

impl ThrottledLog {
    const PAUSE: Duration = Duration::from_secs(1);

    pub(super) fn note(&mut self, name: &str, error: &dyn std::fmt::Display) {
        if self.last.is_some_and(|last| last.elapsed() < Self::PAUSE) {
            self.suppressed = self.suppressed.saturating_add(1);
            return;
        }
        self.last = Some(Instant::now());
        match std::mem::take(&mut self.suppressed) {
            0 => log::warn!("{name}: a request is dropped: {error}"),
            more => log::warn!("{name}: a request is dropped, and {more} before it: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_requests_are_counted_between_two_lines_of_the_log() {
        let mut log = ThrottledLog::default();
        for _ in 0..50 {
            log.note("reset", &"no request");
        }
        // the first is logged at once, and the others wait
        let first = log.last;
        assert!(first.is_some());
        assert_eq!(log.suppressed, 49);
        log.last = first.and_then(|at| at.checked_sub(ThrottledLog::PAUSE));
        log.note("reset", &"no request");
        assert_eq!(log.suppressed, 0);
        assert!(log.last >= first);
    }
}
