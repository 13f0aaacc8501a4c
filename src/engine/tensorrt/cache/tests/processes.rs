//! Several at once, and those that die over it.

use std::process::{Child, Command};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;

/// Names the folder to a process that this test started.
const FOLDER: &str = "LOOKOUT_TEST_CACHE_FOLDER";
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn threads_that_want_the_same_at_once_build_it_once() {
    let bench = Bench::new();
    let (builds, start) = (AtomicUsize::new(0), Barrier::new(8));
    std::thread::scope(|scope| {
        for i in 0..8 {
            // one cache for all, and one for each as in a process of its own
            let own = (i % 2 == 0).then(|| bench.reopened());
            let (bench, builds, start) = (&bench, &builds, &start);
            scope.spawn(move || {
                let cache = own.as_ref().unwrap_or(&bench.cache);
                start.wait();
                let Ok(fetched) = cache.get_or_build(&key(), || {
                    builds.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(50));
                    Ok::<_, Infallible>(b"plan".to_vec())
                });
                assert_eq!(fetched.bytes, b"plan");
            });
        }
    });
    assert_eq!(builds.into_inner(), 1);
    assert_eq!(bench.files().len(), 2);
}

#[test]
fn one_that_waits_for_a_build_that_fails_builds_itself() {
    let bench = Bench::new();
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let failed = bench.cache.get_or_build(&key(), || {
                start.wait();
                std::thread::sleep(Duration::from_millis(50));
                Err("out of memory")
            });
            assert!(failed.is_err());
        });
        start.wait();
        let (fetched, built) = fetch(&bench.cache, &key(), b"plan");
        assert!(built);
        assert_eq!(fetched.bytes, b"plan");
    });
}

/// Starts the test of a name in a process of its own.
fn start(test: &str, folder: &Path) -> Child {
    let module = module_path!().split_once("::").unwrap().1;
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{test}"), "--ignored"])
        .env(FOLDER, folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// None in a run of all ignored tests.
fn folder_of_parent() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Waits for a file to appear.
#[track_caller]
fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < PATIENCE, "no {}", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
#[ignore = "started by processes_that_want_the_same_at_once_build_it_once"]
fn builds_slowly() {
    let Some(folder) = folder_of_parent() else {
        return;
    };
    let ready = tempfile::NamedTempFile::with_prefix_in("ready.", &folder).unwrap();
    wait_for(&folder.join("go"));
    let cache = Cache::open(&folder).unwrap();
    let Ok(fetched) = cache.get_or_build(&key(), || {
        tempfile::Builder::new()
            .prefix("built.")
            .disable_cleanup(true)
            .tempfile_in(&folder)
            .unwrap();
        std::thread::sleep(Duration::from_millis(100));
        Ok::<_, Infallible>(b"plan".to_vec())
    });
    assert_eq!(fetched.bytes, b"plan");
    drop(ready);
}

#[test]
fn processes_that_want_the_same_at_once_build_it_once() {
    let bench = Bench::new();
    let mut processes: Vec<Child> = (0..3)
        .map(|_| start("builds_slowly", bench.dir.path()))
        .collect();
    let count = |start: &str| {
        bench
            .files()
            .iter()
            .filter(|n| n.starts_with(start))
            .count()
    };
    let waiting = Instant::now();
    while count("ready.") < processes.len() {
        assert!(waiting.elapsed() < PATIENCE, "they do not start");
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::write(bench.dir.path().join("go"), b"").unwrap();
    for process in &mut processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(count("built."), 1);
    assert!(!fetch(&bench.cache, &key(), b"another plan").1);
}

#[test]
#[ignore = "started by a_builder_that_dies_leaves_nothing_that_hurts"]
fn dies_while_it_builds() {
    let Some(folder) = folder_of_parent() else {
        return;
    };
    let cache = Cache::open(&folder).unwrap();
    let Ok(_) = cache.get_or_build(&key(), || {
        fs::write(folder.join("building"), b"").unwrap();
        std::thread::sleep(PATIENCE);
        Ok::<_, Infallible>(b"plan".to_vec())
    });
}

#[test]
fn a_builder_that_dies_leaves_nothing_that_hurts() {
    let bench = Bench::new();
    let mut process = start("dies_while_it_builds", bench.dir.path());
    wait_for(&bench.dir.path().join("building"));
    let store = bench.cache.store.as_ref().unwrap();
    assert!(
        store.try_lock(&key().stem()).unwrap().is_none(),
        "it holds the lock"
    );
    let cleaned = bench.cache.clean(Filter::All, false).unwrap();
    assert_eq!(cleaned.busy, [key().stem()]);
    process.kill().unwrap();
    process.wait().unwrap();
    // as if it had died a little later, while it wrote
    let half = bench
        .dir
        .path()
        .join(format!(".{}.x1Y2z3.tmp", key().stem()));
    fs::write(&half, b"pl").unwrap();
    let lock = bench.path(&key(), "lock");
    assert!(lock.exists(), "its lock file is still there");

    let (fetched, built) = fetch(&bench.cache, &key(), b"plan");
    assert!(built);
    assert_eq!(reasons(&fetched), ["there is none"]);
    assert!(!half.exists() && !lock.exists());
    assert!(!fetch(&bench.reopened(), &key(), b"another plan").1);
}
