//! Who subscribes to what, asked of the discovery by a thread of its own every 100 ms, so that
//! nobody asks on the frame path.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};

use ros2_client::dds::rustdds::{DomainParticipant, QosPolicies};

use super::qos;

/// A topic that is published, as matching needs it.
#[derive(Clone, Debug)]
pub struct Offer {
    topic: String,
    kind: String,
    qos: QosPolicies,
}

impl Offer {
    /// Of a ROS topic, a ROS type and the QoS of the writer.
    pub fn new(topic: &str, kind: &str, qos: QosPolicies) -> Self {
        Self {
            topic: qos::dds_topic(topic),
            kind: qos::dds_type(kind),
            qos,
        }
    }

    /// Readers of other processes that match it now.
    pub fn readers(&self, participant: &DomainParticipant) -> usize {
        let discovered = participant.discovered_readers();
        let asked = discovered
            .iter()
            .map(|reader| &reader.subscription_topic_data);
        asked
            .filter(|asked| {
                asked.topic_name() == &self.topic
                    && asked.type_name() == &self.kind
                    && self.qos.compliance_failure_wrt(&asked.qos()).is_none()
            })
            .count()
    }
}

/// Which of up to 32 topics have a subscriber; clones see the same.
#[derive(Clone, Debug, Default)]
pub struct Wanted(Arc<AtomicU32>);

impl Wanted {
    /// Whether the topic at that place of the list has one. As old as 100 ms.
    pub fn is_wanted(&self, place: usize) -> bool {
        place < 32 && self.0.load(Ordering::Relaxed) >> place & 1 == 1
    }
}

/// Keeps a [`Wanted`] up to date until it is dropped.
pub struct Subscribers {
    wanted: Wanted,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Subscribers {
    /// Watches up to 32 topics.
    ///
    /// # Errors
    /// No thread, or more topics than 32.
    pub fn watch(participant: DomainParticipant, offers: Vec<Offer>) -> io::Result<Self> {
        if offers.len() > 32 {
            return Err(io::Error::other("32 topics can be watched"));
        }
        let wanted = Wanted::default();
        let (stop, stopped) = channel::<()>();
        let found = Arc::clone(&wanted.0);
        let thread = Builder::new()
            .name("lookout-matches".to_owned())
            .spawn(move || {
                loop {
                    let bits = offers.iter().enumerate().fold(0, |bits, (at, offer)| {
                        bits | u32::from(offer.readers(&participant) > 0) << at
                    });
                    found.store(bits, Ordering::Relaxed);
                    match stopped.recv_timeout(qos::DISCOVERY_PERIOD) {
                        Err(RecvTimeoutError::Timeout) => {}
                        Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        Ok(Self {
            wanted,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What is known, for other threads.
    pub fn wanted(&self) -> Wanted {
        self.wanted.clone()
    }
}

impl Drop for Subscribers {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread that looks for subscribers panicked");
        }
    }
}
