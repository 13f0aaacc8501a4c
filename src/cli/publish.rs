//! A bag played into live topics, at its own pace, with its own clock.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use lookout::bag::{BagReader, MessageBuf};
use lookout::msg::Clock as ClockMessage;
use lookout::repeats::{Kind, Repeats};
use lookout::ros::participant::Environment;
use lookout::ros::publish::{BagPublisher, BagType};
use lookout::ros::qos;
use lookout::shutdown::Shutdown;
use lookout::time::{Clock, PacedClock};

use super::{Ending, camera};

const NODE: &str = "lookout_player";
/// Period of `/clock`; an age is no finer than that.
const CLOCK_PERIOD: Duration = Duration::from_millis(10);
/// How long somebody has to subscribe before the first frame.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(5);
/// A subscriber that we know may not know us yet, and would miss the first frames.
const SETTLE: Duration = Duration::from_millis(300);
const RECEIVE_BUFFER: usize = 1 << 20;

/// Publishes the camera topic of a bag, and `/clock` with the times of its recording, until its end
/// or a signal, which the exit code tells. Capture stamps stay as they are: subscribers use simulated time.
pub(crate) fn run(bag: &Path, topic: Option<&str>, rate: f64) -> anyhow::Result<Ending> {
    let shutdown = Shutdown::on_signals().context("cannot catch signals")?;
    let mut reader = BagReader::open(bag)?;
    let topic = camera::select(&mut reader, topic)?;
    let kind = BagType::of(&topic.type_name)
        .with_context(|| format!("{} is of type {}", topic.name, topic.type_name))?;
    let environment = Environment::of_process()?;
    for warning in &environment.warnings {
        log::warn!("{warning}");
    }
    let context = environment.join(RECEIVE_BUFFER)?;
    let mut node = lookout::ros::node::plain(&context, NODE)?;
    let failed = |e: &dyn std::fmt::Display| anyhow::anyhow!("cannot publish: {e}");
    let mut camera =
        BagPublisher::new(&context, &mut node, &topic.name, kind).map_err(|e| failed(&e))?;
    let time =
        qos::publisher::<ClockMessage, ClockMessage>(&context, &mut node, "/clock", &qos::clock())
            .map_err(|e| failed(&e))?;

    let waiting = Instant::now();
    while camera.readers() == 0 && waiting.elapsed() < SUBSCRIBE_WITHIN {
        if shutdown.wait_for(CLOCK_PERIOD) {
            return Ok(Ending::of(&shutdown));
        }
    }
    if camera.readers() == 0 {
        log::warn!(
            "nobody subscribes to {}; it is published all the same",
            topic.name
        );
    } else if shutdown.wait_for(SETTLE) {
        return Ok(Ending::of(&shutdown));
    }

    let mut message = MessageBuf::new();
    let mut clock: Option<PacedClock> = None;
    let (mut sent, mut lost) = (0u64, 0u64);
    let mut repeats = Repeats::default();
    while reader.read_next(&mut message)? {
        let at = message.log_time();
        let clock = clock.get_or_insert_with(|| PacedClock::new(at, rate));
        loop {
            let tick = ClockMessage {
                clock: clock.now().into(),
            };
            // a tick that is lost is made up for by the next
            let _ = time.publish(tick);
            let left = clock.until(at);
            if left.is_zero() {
                break;
            }
            if shutdown.wait_for(left.min(CLOCK_PERIOD)) {
                log::info!("{sent} frames published");
                return Ok(Ending::of(&shutdown));
            }
        }
        match camera.publish(message.data()) {
            Ok(true) => sent += 1,
            Ok(false) => lost += 1,
            Err(e) => {
                lost += 1;
                let kind = Kind::of_text(&e.to_string());
                if let Some(repeated) = repeats.note(kind, Instant::now()) {
                    log::warn!("{} at {at}: {e}{repeated}", topic.name);
                }
            }
        }
    }
    log::info!("{sent} frames published on {}, {lost} not", topic.name);
    Ok(Ending::Done)
}
