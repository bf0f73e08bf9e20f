//! The crash laboratory: kills and power cuts at seeded moments of a visit (R06, R19, R21, R26, R30, R31).
//!
//! The driver keeps its own list of everything that was confirmed to the officer, outside the data folder.
//! After each kill or cut a fresh handheld must know all of it, has lost at most two seconds of a
//! recording, says in its first sentence what is safe, and goes on until the case is sealed.
//!
//! `make crash N=50 SEED=7` repeats a sample; `spotcheck-crash --kills N --cuts N --seed S` is behind it.
//! `CRASH_ONLY=n` runs one number alone, `CRASH_KEEP=DIR` keeps what failed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_lossless,
    reason = "tests may panic"
)]

mod check;
mod cuts;
mod disk;
mod faults;
mod kill;
mod lab;
mod mount;
mod power;
mod random;
mod send;
mod story;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::disk::{Kind, Nodes, ROOT};
use crate::lab::Lab;

/// Two at a time.
const WORKERS: usize = 2;
/// Cuts out of one visit.
const CUTS_OF_A_TAPE: u64 = 10;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs `one` for 0 … `count` − 1 on all workers; failures by number.
fn each(count: u64, one: impl Fn(u64) -> anyhow::Result<()> + Sync) -> BTreeMap<u64, String> {
    let next = AtomicU64::new(0);
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    if number("CRASH_ONLY").is_some_and(|only| only != n) {
                        continue;
                    }
                    let begun = Instant::now();
                    let done = one(n);
                    if std::env::var_os("CRASH_VERBOSE").is_some() {
                        eprintln!("run {n}: {} ms", begun.elapsed().as_millis());
                    }
                    if let Err(error) = done {
                        eprintln!("run {n} failed: {error:#}");
                        failures.lock().unwrap().insert(n, format!("{error:#}"));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

/// A crash state as a folder, to be looked at.
fn keep(to: &Path, nodes: &Nodes) -> std::io::Result<()> {
    let mut todo = vec![(ROOT, to.to_owned())];
    while let Some((ino, path)) = todo.pop() {
        match nodes.get(&ino).map(|node| &node.kind) {
            Some(Kind::Folder(names)) => {
                std::fs::create_dir_all(&path)?;
                todo.extend(names.iter().map(|(name, ino)| (*ino, path.join(name))));
            }
            Some(Kind::File(bytes)) => std::fs::write(&path, bytes.as_slice())?,
            Some(Kind::Socket) | None => {}
        }
    }
    Ok(())
}

/// What a batch came to.
#[derive(Debug, Default)]
struct Sum {
    runs: u64,
    alive: u64,
    close: u64,
    cut_off: u64,
    lost_ms: u64,
}

fn kills(lab: &Lab, count: u64, seed: u64) -> (Sum, BTreeMap<u64, String>) {
    let sum = Mutex::new(Sum::default());
    let failures = each(count, |n| {
        let run = kill::run(lab, n, seed)?;
        let mut sum = sum.lock().unwrap();
        sum.runs += 1;
        sum.alive += u64::from(run.alive);
        sum.close += u64::from(run.close);
        sum.cut_off += u64::from(run.seen.cut_off);
        sum.lost_ms = sum.lost_ms.max(run.seen.lost_ms);
        Ok(())
    });
    (sum.into_inner().unwrap(), failures)
}

fn power_cuts(lab: &Lab, count: u64, seed: u64) -> (Sum, BTreeMap<u64, String>) {
    let sum = Mutex::new(Sum::default());
    let tapes = count.div_ceil(CUTS_OF_A_TAPE);
    let failures = each(tapes, |t| {
        let tape = cuts::record(lab, t, seed)?;
        let of_this = CUTS_OF_A_TAPE.min(count - t * CUTS_OF_A_TAPE);
        let mut failed = Vec::new();
        for n in 0..of_this {
            match cuts::power_cut(lab, &tape, t * CUTS_OF_A_TAPE + n, seed) {
                Ok(all) => {
                    let mut sum = sum.lock().unwrap();
                    for seen in all {
                        sum.runs += 1;
                        sum.cut_off += u64::from(seen.cut_off);
                        sum.lost_ms = sum.lost_ms.max(seen.lost_ms);
                    }
                }
                Err(error) => failed.push(format!("cut {n}: {error:#}")),
            }
        }
        anyhow::ensure!(failed.is_empty(), "{}", failed.join("\n  "));
        sum.lock().unwrap().alive += tape.steps() as u64;
        Ok(())
    });
    (sum.into_inner().unwrap(), failures)
}

/// A number among the arguments, as `--kills 50`.
fn argument(name: &str) -> Option<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)?.parse().ok()
}

fn commit() -> String {
    let asked =
        std::process::Command::new("git").args(["describe", "--always", "--dirty"]).output();
    asked.map_or_else(
        |_| String::new(),
        |out| String::from_utf8_lossy(&out.stdout).trim().to_owned(),
    )
}

const USAGE: &str =
    "spotcheck-crash [--seed S] [--kills N] [--cuts N] [--sends N] [--faults N] [--flips N]
Kills, power cuts, refusing and lying storage; without arguments a short run of everything.";

fn main() -> anyhow::Result<std::process::ExitCode> {
    if let Some(code) = spotcheck_tests::asked_for_help(USAGE, 0) {
        return Ok(code.into());
    }
    let seed = argument("--seed").unwrap_or(20_261_122);
    let (kill_count, cut_count) =
        (argument("--kills").unwrap_or(6), argument("--cuts").unwrap_or(6));
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    let mut lab = Lab::build(folder.path())?;
    eprintln!("commit {}, laboratory built in {} ms", commit(), begun.elapsed().as_millis());
    let mut failures = BTreeMap::new();
    if kill_count > 0 {
        let begun = Instant::now();
        let (sum, failed) = kills(&lab, kill_count, seed);
        println!(
            "seed {seed}: {} kills in {} s: {} met a living process, {} within 5 ms after a \
             confirmation, {} recordings cut off, at most {} ms lost, {} failures",
            sum.runs,
            begun.elapsed().as_secs(),
            sum.alive,
            sum.close,
            sum.cut_off,
            sum.lost_ms,
            failed.len()
        );
        failures.extend(failed.into_iter().map(|(n, why)| (format!("kill {n}"), why)));
    }
    let send_count = argument("--sends").unwrap_or(0);
    if send_count > 0 {
        if let Err(why) = send::possible() {
            spotcheck_tests::skip("crash::sends", &format!("no network of one's own: {why}"));
        } else {
            lab.seal_one()?;
            let alive = AtomicU64::new(0);
            let begun = Instant::now();
            let failed = each(send_count, |n| {
                alive.fetch_add(u64::from(send::run(&lab, n, seed)?), Ordering::Relaxed);
                Ok(())
            });
            println!(
                "seed {seed}: {send_count} kills while sending in {} s: {} met a living process, {} \
                 failures",
                begun.elapsed().as_secs(),
                alive.into_inner(),
                failed.len()
            );
            failures.extend(failed.into_iter().map(|(n, why)| (format!("send {n}"), why)));
        }
    }
    let (fault_count, flip_count) =
        (argument("--faults").unwrap_or(0), argument("--flips").unwrap_or(0));
    if cut_count + fault_count + flip_count > 0 {
        match mount::Mounted::new(lab.nodes.clone(), &folder.path().join("trial")) {
            Ok(trial) => drop(trial),
            Err(error) => {
                spotcheck_tests::skip("crash::power_cuts", &format!("no FUSE here: {error}"));
                return Ok(end(&failures));
            }
        }
        let refused = AtomicU64::new(0);
        let begun = Instant::now();
        let failed = each(fault_count, |n| {
            refused.fetch_add(faults::refuse(&lab, n, seed)?.1, Ordering::Relaxed);
            Ok(())
        });
        println!(
            "seed {seed}: {fault_count} visits with EIO (writing, reading) or ENOSPC in {} s: {} acts of \
             the disk refused, {} failures",
            begun.elapsed().as_secs(),
            refused.into_inner(),
            failed.len()
        );
        failures.extend(failed.into_iter().map(|(n, why)| (format!("fault {n}"), why)));
        let begun = Instant::now();
        let failed = each(flip_count.div_ceil(CUTS_OF_A_TAPE), |t| {
            let tape = cuts::record(&lab, t, seed)?;
            for n in 0..CUTS_OF_A_TAPE.min(flip_count - t * CUTS_OF_A_TAPE) {
                faults::flip(&lab, &tape, t * CUTS_OF_A_TAPE + n, seed)?;
            }
            Ok(())
        });
        println!(
            "seed {seed}: {flip_count} flipped bits in {} s, {} failures",
            begun.elapsed().as_secs(),
            failed.len()
        );
        failures.extend(failed.into_iter().map(|(n, why)| (format!("flip {n}"), why)));
        let begun = Instant::now();
        let (sum, failed) = power_cuts(&lab, cut_count, seed);
        println!(
            "seed {seed}: {} power cuts in {} s: {} steps on tape, {} recordings cut off, at most \
             {} ms lost, {} failures",
            sum.runs,
            begun.elapsed().as_secs(),
            sum.alive,
            sum.cut_off,
            sum.lost_ms,
            failed.len()
        );
        failures.extend(failed.into_iter().map(|(n, why)| (format!("tape {n}"), why)));
    }
    Ok(end(&failures))
}

fn end(failures: &BTreeMap<String, String>) -> std::process::ExitCode {
    for (run, why) in failures {
        println!("{run}: {why}");
    }
    std::process::ExitCode::from(u8::from(!failures.is_empty()))
}
