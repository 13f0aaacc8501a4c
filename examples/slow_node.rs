//! `lookout node` with an engine that takes so many milliseconds longer for every frame, and with a thread that
//! panics as soon as a file is there.
//!
//! ```text
//! slow_node MS [FILE] --ros-args ...
//! ```
//!
//! `.ci/ros/check_staleness.py` and `.ci/ros/check_truth.py` run it against real peers.

use std::env;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use log::LevelFilter;
use lookout::engine::{self, Engine, EngineError, Options, Perception, Resolution};
use lookout::frame::Frame;
use lookout::model::Bundle;
use lookout::ros::arguments::Arguments;
use lookout::ros::node;
use lookout::ros::rosout::RosLogger;
use lookout::shutdown::Shutdown;
use mimalloc::MiMalloc;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

struct SlowEngine {
    inner: Box<dyn Engine>,
    longer: Duration,
}

impl Engine for SlowEngine {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn description(&self) -> String {
        format!("{}, {:?} slower", self.inner.description(), self.longer)
    }

    fn has_observer(&self) -> bool {
        self.inner.has_observer()
    }

    fn segment(&mut self, frame: &Frame, resolution: Resolution) -> Result<(), EngineError> {
        thread::sleep(self.longer);
        self.inner.segment(frame, resolution)
    }

    fn observe(&mut self) -> Result<(), EngineError> {
        self.inner.observe()
    }

    fn perception(&self) -> &Perception {
        self.inner.perception()
    }
}

/// On a thread that nobody looks after.
fn panic_at(file: &Path) {
    while !file.exists() {
        thread::sleep(Duration::from_millis(10));
    }
    panic!("a panic on purpose");
}

fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::on_signals()?;
    let usage = "usage: slow_node MS [FILE] --ros-args ...";
    let mut arguments = env::args().skip(1).peekable();
    let mut word = || arguments.next_if(|word| !word.starts_with("--"));
    let longer = Duration::from_millis(word().ok_or(usage)?.parse()?);
    if let Some(file) = word() {
        thread::spawn(move || panic_at(Path::new(&file)));
    }
    let arguments = Arguments::parse(&arguments.collect::<Vec<_>>())?;
    let rosout = RosLogger::new(LevelFilter::Info).install()?;
    let open = move |bundle: &Bundle, options: Options| -> Result<Box<dyn Engine>, EngineError> {
        let inner = engine::open(bundle, options)?;
        Ok(Box::new(SlowEngine { inner, longer }))
    };
    let ended = node::run(&arguments, Arc::new(open), &rosout, &shutdown);
    if let Err(error) = &ended {
        log::error!("{error}");
    }
    log::logger().flush();
    Ok(ended?)
}
