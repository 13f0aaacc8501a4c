//! Answers every image at once: the node's way in and out, with nothing in between.
//!
//! ```text
//! ros_echo IMAGE_TOPIC ANSWER_TOPIC
//! ```
//!
//! Images come in as they do in `lookout node` (the reader that holds two, the thread that drains
//! it, the newest-only mailbox) and the answer is a `DiagnosticStatus` that goes out as a verdict
//! does. Its values are in nanoseconds: `capture_stamp` is the image's, `taken` the time of day when
//! the frame was out of the mailbox and in the worker's hands, `answered` the one just before the
//! answer was handed to its publisher. `.ci/ros/bench_transport.py` sets it beside rclpy. It ends at
//! SIGINT or SIGTERM.

use std::env;
use std::error::Error;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lookout::live::{self, Worker};
use lookout::msg::{DiagnosticStatus, KeyValue};
use lookout::ros::input::{CameraSubscription, ImageTransport};
use lookout::ros::message::CameraMessage;
use lookout::ros::node;
use lookout::ros::outlet::Outlet;
use lookout::ros::participant::Environment;
use lookout::ros::qos;
use lookout::shutdown::Shutdown;
use mimalloc::MiMalloc;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What the node asks for when it is not told otherwise.
const RECEIVE_BUFFER: usize = 8 << 20;
/// As the node's worker.
const TICK: Duration = Duration::from_millis(50);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

struct Echo {
    answers: Outlet<DiagnosticStatus>,
}

impl Worker<CameraMessage> for Echo {
    fn handle(&mut self, message: &CameraMessage) {
        let taken = time_of_day();
        let Some(stamp) = message.stamp() else {
            return;
        };
        self.answers.send(DiagnosticStatus {
            level: DiagnosticStatus::OK,
            name: "echo".to_owned(),
            message: message.view().err().unwrap_or_default().to_owned(),
            hardware_id: String::new(),
            values: vec![
                KeyValue::new("capture_stamp", stamp.as_nanos().to_string()),
                KeyValue::new("bytes", message.len().to_string()),
                KeyValue::new("taken", taken.to_string()),
                KeyValue::new("answered", time_of_day().to_string()),
            ],
        });
    }

    fn replaced(&mut self, _: u64) {}

    fn idle(&mut self) {}
}

fn time_of_day() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_nanos())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(images), Some(answers), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: ros_echo IMAGE_TOPIC ANSWER_TOPIC".into());
    };
    let shutdown = Shutdown::on_signals()?;
    let context = Environment::of_process()?.join(RECEIVE_BUFFER)?;
    let mut node = node::plain(&context, "echo")?;
    let mut echo = Echo {
        answers: Outlet::new(&context, &mut node, &answers, &qos::status())?,
    };
    let camera = CameraSubscription::new(&context, &mut node, &images, ImageTransport::Raw)?;
    let source = camera.source();
    let stopper = source.stopper();
    thread::spawn(move || {
        while !shutdown.wait_for(LOOK_AGAIN) {}
        stopper.stop();
    });
    live::run(source, &mut echo, TICK).1?;
    Ok(())
}
