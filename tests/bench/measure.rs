//! Clocks, memory and children: what every measure needs.
//!
//! Processor time is told beside wall time because other work on the machine lengthens only the latter.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use spotcheck_domain::Trouble;

/// A trouble of the product as an error of this program.
pub(crate) fn told(cause: impl Into<Trouble>) -> anyhow::Error {
    let trouble: Trouble = cause.into();
    anyhow::anyhow!("{} {}", trouble.code, trouble.message)
}

/// Wall and processor seconds since it was started, of this process.
pub(crate) struct Watch {
    wall: Instant,
    cpu: f64,
}

fn cpu_seconds() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self { wall: Instant::now(), cpu: cpu_seconds() }
    }

    pub(crate) fn wall(&self) -> f64 {
        self.wall.elapsed().as_secs_f64()
    }

    pub(crate) fn cpu(&self) -> f64 {
        cpu_seconds() - self.cpu
    }
}

/// The highest resident memory of this process so far, KiB.
pub(crate) fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A child's answer with its peak of memory.
pub(crate) fn with_memory(mut said: Value) -> Value {
    if let Some(members) = said.as_object_mut() {
        members.insert("peak_kib".to_owned(), json!(peak_kib()));
    }
    said
}

/// True if others want more processors than there are: a time by the wall is then theirs as much as ours, and
/// short times are judged by processor time, which the report says.
pub(crate) fn loaded() -> bool {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let minute = load.split(' ').next().and_then(|l| l.parse::<f64>().ok()).unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    minute > 1.5 * cores as f64
}

/// User and system seconds of all children that were waited for, by `/proc` (in hundredths).
pub(crate) fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    // cutime and cstime are fields 16 and 17 of proc(5); two stand before the split.
    (field(13) + field(14)) / 100.0
}

/// Runs this program again for one measure and reads the object that it prints.
pub(crate) fn child(name: &str, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--child", name]).args(arguments);
    object(command, name)
}

/// Runs a program and reads the last line of its output as JSON.
pub(crate) fn object(mut command: Command, name: &str) -> Result<Value> {
    let output = command.stdin(Stdio::null()).output().with_context(|| name.to_owned())?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{name}: {} {said}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let last = said
        .lines()
        .rev()
        .find(|l| l.starts_with('{'))
        .with_context(|| format!("{name} said nothing"))?;
    Ok(serde_json::from_str(last)?)
}

/// A number of a child's answer.
pub(crate) fn number(said: &Value, name: &str) -> Result<f64> {
    said[name].as_f64().with_context(|| format!("no {name} in {said}"))
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// The smallest value that at least `percent` of all do not exceed.
pub(crate) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// Takes a file out of the system's page cache, so that the next reader reads the disk.
pub(crate) fn forget(path: &Path) -> Result<()> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    file.sync_all()?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

pub(crate) fn seconds(s: f64) -> String {
    if s < 0.1 { format!("{:.2} ms", s * 1e3) } else { format!("{s:.2} s") }
}

pub(crate) fn mebibytes(kib: f64) -> String {
    format!("{:.0} MB", kib * 1024.0 / 1e6)
}

/// Knuth's generator: the same draws on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }
}
