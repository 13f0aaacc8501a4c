//! Broken inputs for everything that lookout reads.
//!
//! ```text
//! lookout-fuzz                           every target, a minute together
//! lookout-fuzz --seconds 600 jpeg png    these targets
//! lookout-fuzz --input FILE jpeg         one input again
//! ```
//! A *target* reads one kind of input through lookout's own interface. Its *seeds* are small inputs that
//! are whole. A seed is changed a few times at random, mostly where the format has its numbers and
//! between its parts, and read. What the reader says (without digits and quoted texts) is the *end* of an
//! input; an input that comes to a new end is kept and changed further, so the search goes deeper without
//! the compiler's help. Any panic, abort, more memory or more time than a reader may take is a failure.
//!
//! Each target runs in a process of its own, which writes every input down before it reads it. So an
//! input is there whatever way the process ends.

mod adoption;
mod formats;
mod guard;
mod memory;
mod mutate;
mod seeds;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Parser;
use rand::{RngExt, SeedableRng};

use guard::Guard;
use mutate::Rng;
use targets::{BROKEN, TARGETS, Target};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Inputs that came to an end of their own; more make no better search.
const MOST_KEPT: usize = 1000;

/// Feeds broken inputs to what lookout reads
#[derive(Debug, Parser)]
struct Arguments {
    /// Targets; all of them where none is named
    targets: Vec<String>,
    /// Seconds for all targets together
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Where the random numbers begin [default: the time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder for inputs that fail
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    out: PathBuf,
    /// Reads this input, and nothing else
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Is the process of one target
    #[arg(long, hide = true)]
    child: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut targets: Vec<&Target> = vec![];
    for name in &arguments.targets {
        let mut all = TARGETS.iter().chain(&BROKEN);
        let found = all.find(|target| target.name == name);
        targets.push(found.with_context(|| {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            format!("there is no target {name}; there are {}", names.join(", "))
        })?);
    }
    if targets.is_empty() {
        targets.extend(&TARGETS);
    }
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make the folder {}", arguments.out.display()))?;
    if let Some(input) = &arguments.input {
        let [target] = targets[..] else {
            bail!("name the one target that is to read the input");
        };
        let input = fs::read(input).with_context(|| format!("cannot read {}", input.display()))?;
        let end = Guard::new(target, &arguments.out)?.run(&input)?;
        eprintln!("{}: {end}", target.name);
        return Ok(ExitCode::SUCCESS);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = arguments
        .seed
        .unwrap_or_else(|| now.map_or(0, |time| time.as_secs()));
    if arguments.child {
        let [target] = targets[..] else {
            bail!("a process has one target");
        };
        search(target, &arguments, seed)?;
        return Ok(ExitCode::SUCCESS);
    }
    let share = (arguments.seconds / targets.len() as u64).max(1);
    let mut failed = false;
    for target in targets {
        failed |= !run_child(target, &arguments, share, seed)?;
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Runs a target in a process of its own; false where an input made it fail, which is then kept.
fn run_child(target: &Target, arguments: &Arguments, seconds: u64, seed: u64) -> Result<bool> {
    let me = std::env::current_exe().context("cannot find this program")?;
    let status = Command::new(&me)
        .args([target.name, "--child", "--seconds", &seconds.to_string()])
        .args(["--seed", &seed.to_string(), "--out"])
        .arg(&arguments.out)
        .status()
        .with_context(|| format!("cannot start {}", me.display()))?;
    let current = guard::current(target, &arguments.out);
    if status.success() {
        return Ok(true);
    }
    let Ok(input) = fs::read(&current) else {
        bail!("{}: {status}, and without an input", target.name);
    };
    let hash = crc32fast::hash(&input);
    let kept = arguments.out.join(format!("{}-{hash:08x}", target.name));
    fs::rename(&current, &kept).with_context(|| format!("cannot keep {}", current.display()))?;
    eprintln!(
        "FAILED  {}: {status}, with {}; again:\n    {}",
        target.name,
        kept.display(),
        again(&kept, target)
    );
    Ok(false)
}

fn again(kept: &Path, target: &Target) -> String {
    let profile = if cfg!(debug_assertions) {
        ""
    } else {
        "--release "
    };
    format!(
        "cargo run {profile}-p lookout-fuzz -- --input {} {}",
        kept.display(),
        target.name
    )
}

/// Changes seeds, and what came of them, until the time is over.
fn search(target: &Target, arguments: &Arguments, seed: u64) -> Result<()> {
    let mut guard = Guard::new(target, &arguments.out)?;
    let mut rng = Rng::seed_from_u64(seed);
    let mut kept = seeds::of(target)?;
    if kept.is_empty() {
        bail!("{}: no seeds", target.name);
    }
    let mut ends = std::collections::HashSet::new();
    for seed in &kept {
        ends.insert(shape_of(&guard.run(seed)?));
    }
    let until = Instant::now() + Duration::from_secs(arguments.seconds);
    let mut inputs = kept.len();
    while Instant::now() < until {
        let mut input = kept[rng.random_range(0..kept.len())].clone();
        let other = &kept[rng.random_range(0..kept.len())];
        mutate::mutate(&mut input, other, target.format, &mut rng);
        inputs += 1;
        if ends.insert(shape_of(&guard.run(&input)?)) {
            if kept.len() < MOST_KEPT {
                kept.push(input);
            } else {
                let at = rng.random_range(0..kept.len());
                kept[at] = input;
            }
        }
    }
    eprintln!(
        "{:<12} {inputs} inputs, {} ends, {} s (--seed {seed})",
        target.name,
        ends.len(),
        arguments.seconds
    );
    guard.finish()
}

/// A text without digits and without what is in quotes: two inputs that differ there only came to the same
/// end.
fn shape_of(end: &str) -> u32 {
    let outside = end.split('"').step_by(2);
    let plain: String = outside
        .flat_map(|part| part.chars().filter(|c| !c.is_ascii_digit()))
        .take(500)
        .collect();
    crc32fast::hash(plain.as_bytes())
}
