//! A subscriber that stands still, in a process of its own.

use ros2_client::dds::rustdds::{self, QosPolicyBuilder, policy};

use super::super::test_log::logged;
use super::*;

/// The subscriber of the next tests, in a process that can be stopped; says what it gets.
#[test]
#[ignore = "helper of another test"]
fn subscriber_process() {
    if std::env::var_os("LOOKOUT_TEST_SUBSCRIBER").is_none() {
        return;
    }
    let (context, mut node) = node("stopped", "SUBNET");
    let threads = TransportThreads::count();
    let qos = qos::picture();
    let reader = qos::subscribe::<Image, Image>(&context, &mut node, "/stopped", &qos).unwrap();
    while threads.run(&context) {
        if let Some((message, _)) = reader.take().unwrap() {
            writeln!(std::io::stdout(), "\ngot {}", message.header.stamp.nanosec).unwrap();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Ends with the test.
struct Subscriber {
    process: Child,
    newest: Arc<AtomicU32>,
}

impl Subscriber {
    fn start() -> Self {
        let name = "ros::network_tests::stopped::subscriber_process";
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--ignored", "--nocapture"])
            .env("LOOKOUT_TEST_SUBSCRIBER", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let newest = Arc::new(AtomicU32::new(0));
        let (out, found) = (process.stdout.take().unwrap(), Arc::clone(&newest));
        thread::spawn(move || {
            let lines = BufReader::new(out).lines().map_while(Result::ok);
            let numbers = lines.filter_map(|l| l.strip_prefix("got ")?.parse().ok());
            numbers.for_each(|number| found.store(number, Ordering::Relaxed));
        });
        Self { process, newest }
    }

    fn newest(&self) -> u32 {
        self.newest.load(Ordering::Relaxed)
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "opens sockets"]
fn a_subscriber_that_stands_still_holds_up_nobody() {
    let mut pair = pair("still");
    let qos = qos::picture();
    let outlet = Outlet::<Image>::new(&pair.here, &mut pair.here_node, "/stopped", &qos).unwrap();
    let other = pair.subscription::<Image>("/stopped", &qos);
    let subscriber = Subscriber::start();
    let mut number = 0;
    let mut send = || {
        number += 1;
        thread::sleep(Duration::from_millis(3));
        let message = image(number, 10_560);
        let started = Instant::now();
        assert!(outlet.send(message), "message {number} was dropped");
        (number, started.elapsed())
    };
    wait_for("message at the subscriber", || {
        send();
        subscriber.newest() > 0
    });

    subscriber.signal("-STOP");
    let before = resident_kb();
    let (mut slowest, mut got) = (Duration::ZERO, 0);
    for _ in 0..1000 {
        slowest = slowest.max(send().1);
        got += u32::from(other.take().unwrap().is_some());
    }
    let grown = resident_kb().saturating_sub(before);
    assert_eq!(outlet.dropped(), 0);
    assert!(got > 900, "the other subscriber got {got} of 1000");
    assert!(slowest < Duration::from_millis(50), "{slowest:?}");
    assert!(grown < 32_000, "{grown} kB more");

    // Continued, its transport has survived, and it gets what is sent from now on.
    let stopped_until = send().0;
    subscriber.signal("-CONT");
    wait_for("a new message at the subscriber", || {
        send();
        subscriber.newest() > stopped_until
    });
}

#[test]
#[ignore = "opens sockets"]
fn messages_that_find_no_room_are_dropped_at_once_counted_and_logged_once_a_row() {
    const ROOM: i32 = 4;
    let mut pair = pair("full");
    // room for no more than is kept, so that a subscriber that acknowledges nothing fills it
    let qos = QosPolicyBuilder::new()
        .reliable(rustdds::Duration::ZERO)
        .durability(policy::Durability::Volatile)
        .history(policy::History::KeepLast { depth: ROOM })
        .resource_limits(policy::ResourceLimits {
            max_samples: ROOM,
            max_instances: 1,
            max_samples_per_instance: ROOM,
        })
        .build();
    let outlet = Outlet::<Image>::new(&pair.here, &mut pair.here_node, "/stopped", &qos).unwrap();
    let subscriber = Subscriber::start();
    let mut number = 0;
    let (mut slowest, mut refused) = (Duration::ZERO, 0);
    let mut send = || {
        number += 1;
        thread::sleep(Duration::from_millis(3));
        let message = image(number, 1000);
        let started = Instant::now();
        let sent = outlet.send(message);
        slowest = slowest.max(started.elapsed());
        refused += u64::from(!sent);
        (number, sent)
    };
    let lines = logged(|| {
        wait_for("message at the subscriber", || {
            send();
            subscriber.newest() > 0
        });
        subscriber.signal("-STOP");
        let sent = (0..100).filter(|_| send().1).count();
        assert!(sent <= 10, "{sent} of 100 found room");
        let stopped_until = send().0;
        subscriber.signal("-CONT");
        wait_for("a new message at the subscriber", || {
            send();
            subscriber.newest() > stopped_until
        });
    });
    assert!(slowest < Duration::from_millis(50), "{slowest:?}");
    assert!(refused >= 90, "{refused}");
    assert_eq!(outlet.dropped(), refused);
    let of_topic: Vec<_> = lines.iter().filter(|l| l.contains("/stopped: ")).collect();
    assert!(of_topic.len() >= 2, "{lines:?}");
    for (at, line) in of_topic.iter().enumerate() {
        let words = ["the network takes no message", "publishing again"][at % 2];
        assert!(line.contains(words), "{lines:?}");
    }
}
