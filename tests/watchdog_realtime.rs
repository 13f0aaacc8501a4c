//! What is asked of the system is either in force afterwards or refused with a warning that says
//! what to do. In a process of its own, because locked memory and the logger are the process's.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex, Once};
use std::thread;

use lookout::watchdog::{Applied, Board, Realtime, Request, Watchdog, WatchdogConfig};
use rustix::thread::{CpuSet, sched_getaffinity};
use thread_priority::{RealtimeThreadSchedulePolicy, ThreadSchedulePolicy};

static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Kept;

impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Warn {
            WARNINGS.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn keep_warnings() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Kept).unwrap();
        log::set_max_level(log::LevelFilter::Warn);
    });
}

fn warned(target: &str) -> Vec<String> {
    let all = WARNINGS.lock().unwrap();
    let of_target = all.iter().filter(|warning| warning.starts_with(target));
    of_target.cloned().collect()
}

/// Each answer that is a refusal was logged, and nothing else.
fn check_warnings(target: &str, applied: &Applied) {
    let refused = applied.answers.iter().filter(|a| a.refusal.is_some());
    let refused: Vec<String> = refused.map(|answer| answer.to_string()).collect();
    assert_eq!(warned(target), refused);
}

fn cpus_of(set: &CpuSet) -> Vec<u16> {
    (0..1024)
        .filter(|cpu| set.is_set(usize::from(*cpu)))
        .collect()
}

fn cpus(cpus: &[u16]) -> Realtime {
    Realtime {
        cpus: cpus.to_vec(),
        ..Realtime::default()
    }
}

/// `SCHED_FIFO`'s priority, of the calling thread.
fn fifo_priority() -> Option<i32> {
    let own = thread_priority::thread_native_id();
    let (policy, parameters) = thread_priority::thread_schedule_policy_param(own).unwrap();
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    (policy == fifo).then_some(parameters.sched_priority)
}

#[test]
fn w16_nothing_is_asked_for_by_default() {
    keep_warnings();
    let before = sched_getaffinity(None).unwrap();
    let realtime = Realtime::default();
    assert_eq!(realtime.apply_to_thread("idle"), Applied::default());
    assert_eq!(realtime.lock_process_memory(), Applied::default());
    assert_eq!(sched_getaffinity(None).unwrap(), before);
    assert_eq!(fifo_priority(), None);
    assert!(warned("idle").is_empty());
}

#[test]
fn w16_processors_are_in_force() {
    keep_warnings();
    let work = || {
        let allowed = cpus_of(&sched_getaffinity(None).unwrap());
        let wanted = [*allowed.last().unwrap()];
        let applied = cpus(&wanted).apply_to_thread("affine");
        assert!(applied.all_granted(), "{applied:?}");
        assert_eq!(applied.answers[0].request, Request::Cpus(wanted.to_vec()));
        assert_eq!(cpus_of(&sched_getaffinity(None).unwrap()), wanted);
        assert!(warned("affine").is_empty());
    };
    thread::spawn(work).join().unwrap();
}

#[test]
fn w16_processors_that_are_not_there_are_refused() {
    keep_warnings();
    let work = || {
        let before = sched_getaffinity(None).unwrap();
        let allowed = cpus_of(&before);
        let missing = (0..1024).find(|cpu| !allowed.contains(cpu)).unwrap();

        let none = cpus(&[missing]).apply_to_thread("nowhere");
        assert!(!none.all_granted());
        assert_eq!(sched_getaffinity(None).unwrap(), before, "as it was");
        check_warnings("nowhere", &none);
        let text = none.answers[0].to_string();
        assert!(text.contains("this thread may run on"), "{text}");

        // the kernel grants what it can of a set; that is not what was asked for
        let some = cpus(&[allowed[0], missing]).apply_to_thread("partly");
        assert!(!some.all_granted());
        check_warnings("partly", &some);
    };
    thread::spawn(work).join().unwrap();
}

#[test]
fn w16_fifo_is_in_force_or_refused_with_advice() {
    keep_warnings();
    let work = || {
        let realtime = Realtime {
            fifo_priority: Some(3),
            ..Realtime::default()
        };
        let applied = realtime.apply_to_thread("fifo");
        assert_eq!(applied.answers.len(), 1);
        check_warnings("fifo", &applied);
        match &applied.answers[0].refusal {
            None => assert_eq!(fifo_priority(), Some(3)),
            Some(refusal) => {
                assert_eq!(fifo_priority(), None);
                assert!(!refusal.why.is_empty() && !refusal.advice.is_empty());
            }
        }
    };
    thread::spawn(work).join().unwrap();
}

#[test]
fn w16_memory_is_locked_or_refused_with_advice() {
    keep_warnings();
    let realtime = Realtime {
        lock_memory: true,
        ..Realtime::default()
    };
    let applied = realtime.lock_process_memory();
    assert_eq!(applied.answers.len(), 1);
    check_warnings("process", &applied);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
    let kib: Option<u64> = locked.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
    match &applied.answers[0].refusal {
        None => assert!(kib.unwrap() > 0, "{locked:?}"),
        Some(refusal) => assert!(refusal.advice.contains("ulimit -l"), "{refusal:?}"),
    }
    let _ = rustix::mm::munlockall();
}

#[test]
fn w16_a_watchdog_that_is_refused_beats_all_the_same() {
    keep_warnings();
    let allowed = cpus_of(&sched_getaffinity(None).unwrap());
    let missing = (0..1024).find(|cpu| !allowed.contains(cpu)).unwrap();
    let board = Arc::new(Board::new(300).unwrap());
    let config = WatchdogConfig {
        realtime: cpus(&[missing]),
        ..WatchdogConfig::default()
    };
    let (send, beats) = std::sync::mpsc::channel();
    let watchdog = Watchdog::start(&board, &config, move |beat| {
        let _ = send.send((beat.sequence, thread::current().name().map(str::to_owned)));
    })
    .unwrap();
    assert!(!watchdog.applied().all_granted());
    check_warnings("lookout-watchdog", watchdog.applied());
    let name = Some("lookout-watchdog".to_owned());
    assert_eq!(beats.recv().unwrap(), (0, name));
    assert!(watchdog.stop());
}
