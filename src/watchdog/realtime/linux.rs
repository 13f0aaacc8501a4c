use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, CpuSet, capabilities, sched_getaffinity, sched_setaffinity};
use thread_priority::{
    Error, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

use super::{Numbers, Refusal};

pub(super) fn run_fifo(priority: u8) -> Result<(), Refusal> {
    let value = ThreadPriorityValue::try_from(priority).map_err(|error| Refusal {
        why: error,
        advice: "choose 1 to 99".to_owned(),
    })?;
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let priority_of = ThreadPriority::Crossplatform(value);
    set_thread_priority_and_policy(thread_native_id(), priority_of, fifo).map_err(|error| {
        let why = match error {
            Error::OS(code) => io::Error::from_raw_os_error(code).to_string(),
            other => other.to_string(),
        };
        let limit = getrlimit(Resource::Rtprio).current;
        fifo_refusal(priority, limit, why)
    })
}

/// `limit` is the highest priority that the process may ask for; none: any.
fn fifo_refusal(priority: u8, limit: Option<u64>, why: String) -> Refusal {
    let advice = match limit {
        Some(limit) if limit < priority.into() => format!(
            "the limit is {limit}: raise it (`ulimit -r {priority}`, `LimitRTPRIO={priority}` for \
             systemd, `--ulimit rtprio={priority}` for docker) or give CAP_SYS_NICE"
        ),
        _ => "the limit allows it: the control group may have no real-time budget, or a container \
              may forbid the call"
            .to_owned(),
    };
    Refusal { why, advice }
}

pub(super) fn run_on(cpus: &[u16]) -> Result<(), Refusal> {
    let mut wanted = CpuSet::new();
    for cpu in cpus.iter().map(|cpu| usize::from(*cpu)) {
        if cpu < CpuSet::MAX_CPU {
            wanted.set(cpu);
        }
    }
    let before = sched_getaffinity(None);
    let refused = |why: String| Refusal {
        why,
        advice: match &before {
            Ok(set) => format!("this thread may run on {}", Numbers(&members(set))),
            Err(_) => "see /proc/self/status, Cpus_allowed_list".to_owned(),
        },
    };
    sched_setaffinity(None, &wanted)
        .map_err(|error| refused(io::Error::from(error).to_string()))?;
    // Of a set that it cannot grant in full the kernel takes what it can, without a word.
    match sched_getaffinity(None) {
        Ok(got) if got == wanted => Ok(()),
        Ok(got) => Err(refused(format!("only {} of them", Numbers(&members(&got))))),
        Err(error) => Err(refused(io::Error::from(error).to_string())),
    }
}

fn members(set: &CpuSet) -> Vec<u16> {
    (0..=super::LAST_CPU)
        .filter(|cpu| usize::from(*cpu) < CpuSet::MAX_CPU && set.is_set(usize::from(*cpu)))
        .collect()
}

pub(super) fn lock_memory() -> Result<(), Refusal> {
    let limit = getrlimit(Resource::Memlock).current;
    let privileged =
        capabilities(None).is_ok_and(|c| c.effective.contains(CapabilitySet::IPC_LOCK));
    if let Some(bytes) = limit.filter(|_| !privileged) {
        return Err(memory_refusal(bytes));
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).map_err(|error| Refusal {
        why: io::Error::from(error).to_string(),
        advice: "see `ulimit -l` and CAP_IPC_LOCK; a container may forbid the call".to_owned(),
    })
}

/// Below a limit the lock might be granted now, and an allocation that goes over it would fail later
/// on, which ends the process: so it is not asked for.
fn memory_refusal(bytes: u64) -> Refusal {
    Refusal {
        why: format!(
            "the limit of {} KiB would make later allocations fail",
            bytes / 1024
        ),
        advice: "lift it (`ulimit -l unlimited`, `LimitMEMLOCK=infinity` for systemd, \
                 `--ulimit memlock=-1` for docker) or give CAP_IPC_LOCK"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w16_a_refusal_says_what_to_do() {
        let no = || "Operation not permitted".to_owned();
        let limited = fifo_refusal(50, Some(0), no());
        assert!(limited.advice.contains("ulimit -r 50"), "{limited:?}");
        assert!(limited.advice.contains("CAP_SYS_NICE"), "{limited:?}");
        for limit in [None, Some(50), Some(99)] {
            let allowed = fifo_refusal(50, limit, no());
            assert!(!allowed.advice.contains("ulimit"), "{allowed:?}");
        }
        let memory = memory_refusal(8 << 20);
        assert!(memory.why.contains("8192 KiB"), "{memory:?}");
        assert!(memory.advice.contains("ulimit -l unlimited"), "{memory:?}");
    }
}
