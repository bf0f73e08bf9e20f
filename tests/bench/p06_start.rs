//! P6: the program from its start to a drawn unlock screen, in a real window, and what it draws at rest.
//!
//! The window opens on a virtual X server (Xvfb). Slint itself tells the frames: its report comes once a second,
//! for the first time one second after the first frame. So the start is the first report less a second, and the
//! later reports are the redraws of a window that nobody touches. There is no peer.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use spotcheck_tests::support::programs::{HandheldCli, program};
use spotcheck_tests::support::visit::{Claims, World};

use crate::data::Scale;
use crate::measure::{median, seconds};
use crate::report::{Met, Report, Row};

/// Seconds that the window is left alone.
const REST: u64 = 12;

/// A virtual screen of 480×800; ended when dropped.
struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    fn open() -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "480x800x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb")?;
        let stdout = server.stdout.take().context("Xvfb says nothing")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { server, display: format!(":{}", line.trim()) })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What one start showed.
struct Started {
    /// To the first frame.
    seconds: f64,
    /// Frames of each second after the first three.
    frames: Vec<u32>,
    /// Processor hundredths used in the last ten seconds.
    ticks: f64,
    /// kB resident at the unlock screen.
    rss: f64,
}

/// A field of `/proc/PID/status`, kB, or processor hundredths of `/proc/PID/stat`.
fn status(pid: u32, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}

fn ticks(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or(f64::NAN);
    field(11) + field(12)
}

fn window(screen: &Screen, h: &HandheldCli) -> Result<Command> {
    let mut command = Command::new(program("spotcheck")?);
    command.arg("--data").arg(&h.data).arg("--device").arg(&h.device);
    command.env("DISPLAY", &screen.display).env_remove("WAYLAND_DISPLAY").stdin(Stdio::null());
    Ok(command)
}

/// What `watch` says of the program with its window at the unlock screen, ten seconds after its start.
#[cfg(feature = "bench-face")]
pub(crate) fn resting<T>(h: &HandheldCli, watch: impl Fn(u32) -> T) -> Result<T> {
    let screen = Screen::open()?;
    let mut window = window(&screen, h)?;
    let mut child = window.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    std::thread::sleep(Duration::from_secs(10));
    let said = watch(child.id());
    let ended = child.try_wait()?;
    child.kill()?;
    child.wait()?;
    anyhow::ensure!(ended.is_none(), "the window closed by itself");
    Ok(said)
}

fn start(screen: &Screen, h: &HandheldCli, rest: u64) -> Result<Started> {
    let begun = Instant::now();
    let mut child = window(screen, h)?
        .env("SLINT_DEBUG_PERFORMANCE", "refresh_lazy,console")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take().context("no standard error")?;
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let frames = line.split("frames per second: ").nth(1);
            if let Some(n) = frames.and_then(|f| f.split_whitespace().next()?.parse::<u32>().ok())
                && tell.send((Instant::now(), n)).is_err()
            {
                break;
            }
        }
    });
    let first = told.recv_timeout(Duration::from_secs(60)).context("the window drew nothing")?;
    let pid = child.id();
    let mut frames = Vec::new();
    let mut begin = f64::NAN;
    while frames.len() < usize::try_from(rest)? {
        let Ok((_, n)) = told.recv_timeout(Duration::from_secs(5)) else { break };
        frames.push(n);
        if frames.len() == 2 {
            begin = ticks(pid);
        }
    }
    let used = ticks(pid) - begin;
    let rss = status(pid, "VmRSS:");
    child.kill()?;
    child.wait()?;
    Ok(Started {
        seconds: first.0.duration_since(begun).as_secs_f64() - 1.0,
        frames: frames.into_iter().skip(2).collect(),
        ticks: used,
        rss,
    })
}

/// A small enrolled handheld with a checked package.
pub(crate) fn world(folder: &Path, claims: &Claims) -> Result<World> {
    let world = World::build(folder, claims, &[], None)?;
    world.handheld.ok(&["tasks"])?;
    Ok(world)
}

pub(crate) fn measure(report: &mut Report, _scale: Scale) -> Result<()> {
    let row = |ours: String, met| {
        Row::alone("P6", "program start to drawn unlock screen, real window", ours, "≤ 400 ms", met)
    };
    if !spotcheck_tests::has_program("bench P6", "Xvfb") {
        report.row(row("NOT MEASURED: no Xvfb".to_owned(), Met::Reported));
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let world = world(folder.path(), &Claims::DemoCity { seed: 6 })?;
    let screen = Screen::open()?;
    let starts: Vec<Started> = (0..5)
        .map(|n| start(&screen, &world.handheld, if n == 4 { REST } else { 0 }))
        .collect::<Result<_>>()?;
    let times: Vec<f64> = starts.iter().map(|s| s.seconds).collect();
    let middle = median(&times);
    report.row(row(seconds(middle), Met::of(middle <= 0.4)));
    let last = starts.last().context("no start")?;
    // The clock on the screen changes once a minute: one second of these may draw.
    let drawn = last.frames.iter().filter(|n| **n > 0).count();
    let what = format!(
        "redraws at rest, second by second {:?} (the clock draws once a minute); {:.2} % of a core; RSS {:.0} MB at the unlock screen",
        last.frames,
        last.ticks / last.frames.len().max(1) as f64,
        last.rss * 1024.0 / 1e6,
    );
    report.row(Row::alone(
        "P6",
        what,
        format!("{drawn} s with any"),
        "0 per second",
        Met::of(drawn <= 1),
    ));
    Ok(())
}
