//! P7: scrolling the fee lines of the longest visit, drawn by the software renderer at 480×800; RSS of P6.
//!
//! The window and the desk are those of the program, over a package that a real centre built; only the display is
//! missing, so that drawing alone is timed: into a buffer that stays, what changed and no more, as a window on a
//! display is drawn. Work of the UI thread is the wheel's event, what moves, and the answers of the desk that have
//! come; fetching is the worker's.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spotcheck_device::SystemClock;
use spotcheck_device::config::ClockConfig;
use spotcheck_tests::support::programs::program;
use spotcheck_tests::support::visit::Claims;
use spotcheck_ui::FaceOptions;
use spotcheck_ui::testkit::canvas::Canvas;
use spotcheck_ui::testkit::face::Face;

use crate::data::{LARGE, Scale};
use crate::measure::{child, number, percentile, seconds, told};
use crate::report::{Met, Report, Row};

const FRAMES: usize = 1_000;
const ROUNDS: usize = 3;

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Back to the list of tasks: an unlock leads to where the run before was left. The label of the facility's row.
fn home(face: &Face, facility: &str) -> Result<String> {
    loop {
        if let Some(row) = face.controls().into_iter().find(|c| c.label.contains(facility)) {
            return Ok(row.label);
        }
        face.tap("返回")?;
    }
}

/// Child: `DATA DEVICE PIN FACILITY PERSON`.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let [data, device, pin, facility, person] = arguments else {
        anyhow::bail!("DATA DEVICE PIN FACILITY PERSON")
    };
    let (desk, _lock) =
        spotcheck_handheld::open(Path::new(data), Path::new(device), &program("spotcheck")?)
            .map_err(told)?;
    let clock = Arc::new(SystemClock::new(&ClockConfig::default()));
    let options =
        FaceOptions { input: Some(spotcheck_handheld::text_input()), ..FaceOptions::new(clock) };
    let canvas = Canvas::select()?;
    let face = Face::open(Box::new(desk), &options, (480, 800))?;
    face.tap("检查员甲")?;
    face.fill("PIN", pin)?;
    face.tap("解锁")?;
    let row = home(&face, facility)?;
    canvas.draw();
    let rss = rss_kib();
    face.tap(&row)?;
    if face.controls().iter().any(|c| c.label == "开始检查") {
        face.tap("开始检查")?;
    }
    face.tap("查找")?;
    face.fill("查询", person)?;
    let labels = face.controls();
    let hit = labels.iter().find(|c| c.label.contains('*')).context("nobody was found")?;
    face.tap(&hit.label)?;
    face.tap("打开最近一次就诊")?;
    let (mut frames, mut events) = (Vec::new(), Vec::new());
    for n in 0..FRAMES {
        let down = n % 500 < 250;
        let begun = Instant::now();
        face.wheel(if down { -60.0 } else { 60.0 })?;
        events.push(begun.elapsed().as_secs_f64());
        face.settle()?;
        let begun = Instant::now();
        if canvas.draw() {
            frames.push(begun.elapsed().as_secs_f64());
        }
    }
    home(&face, facility)?;
    ensure!(frames.len() > FRAMES / 2, "the list did not move: {} frames", frames.len());
    Ok(json!({
        "rss_kib": rss,
        "frame_p50": percentile(&frames, 50.0),
        "frame_p99": percentile(&frames, 99.0),
        "frame_worst": percentile(&frames, 100.0),
        "event_p50": percentile(&events, 50.0),
        "event_p99": percentile(&events, 99.0),
        "event_worst": percentile(&events, 100.0),
    }))
}

/// A handheld with the package of a city of that size: what [`run`] asks for, and how long the visit is. Made once, like
/// the other data; the centre's part of it is removed.
fn handheld(lines: u64) -> Result<Value> {
    let folder = crate::data::folder()?.join("data").join(format!("handheld-{lines}"));
    let made = folder.join("made.json");
    if let Ok(bytes) = std::fs::read(&made) {
        return Ok(serde_json::from_slice(&bytes)?);
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    crate::data::ensure_room(&folder, lines)?;
    let city = folder.join("city").display().to_string();
    let planted = child("city", &[&folder.display().to_string(), &lines.to_string()])?;
    let world =
        crate::p06_start::world(&folder.join("world"), &Claims::Folder { from: city.into() })?;
    let h = &world.handheld;
    let tasks = h.ok(&["tasks"])?;
    let facility =
        tasks["items"][0]["task"]["facility"]["fixmedins_name"].as_str().context("facility")?;
    // Of many people, the one whose newest visit has most lines.
    let hits = h.ok(&["search", "persons", "--task", &world.task, "--limit", "60", "王"])?;
    let mut longest = (0, String::new());
    for hit in hits["items"].as_array().into_iter().flatten() {
        let number = hit["psn_no"].as_str().context("psn_no")?;
        let view = h.ok(&["person", "--task", &world.task, number])?;
        let lines = view["visits"][0]["fee_lines"].as_u64().unwrap_or(0);
        if lines > longest.0 {
            longest = (lines, number.to_owned());
        }
    }
    let pin = std::fs::read_to_string(&h.pins.first().context("no officer")?.1)?;
    let (data, device) = (h.data.display().to_string(), h.device.display().to_string());
    let arguments = json!([data, device, pin.trim(), facility, longest.1]);
    let said = json!({ "arguments": arguments, "visit": longest.0, "city": planted["lines"] });
    std::fs::remove_dir_all(folder.join("city"))?;
    drop(world);
    std::fs::remove_dir_all(folder.join("world/center"))?;
    std::fs::write(made, said.to_string())?;
    Ok(said)
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    let made = handheld(match scale {
        Scale::Small => scale.lines(),
        Scale::Full => LARGE,
    })?;
    let arguments: Vec<&str> =
        made["arguments"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // One frame of a thousand that the machine gave to somebody else is not ours: of three runs the middle one.
    let mut runs = (0..ROUNDS).map(|_| child("scroll", &arguments)).collect::<Result<Vec<_>>>()?;
    runs.sort_by(|a, b| {
        let worst = |run: &Value| number(run, "frame_worst").unwrap_or(f64::MAX);
        worst(a).total_cmp(&worst(b))
    });
    // Who was led elsewhere by the unlock had opened the package before it came to the list.
    let rss = runs.iter().filter_map(|run| number(run, "rss_kib").ok()).fold(f64::MAX, f64::min);
    let rss = rss * 1024.0 / 1e6;
    let said = runs.swap_remove(ROUNDS / 2);
    let row = Row::alone(
        "P6",
        "RSS at the task list",
        format!("{rss:.0} MB"),
        "≤ 80 MB",
        Met::of(rss <= 80.0),
    );
    report.row(row);
    let (p99, worst) = (number(&said, "frame_p99")?, number(&said, "frame_worst")?);
    let what = format!(
        "{FRAMES} turns of the wheel, each drawn at 480×800 while scrolling a visit of {} lines, city of {} lines: median {}, p99, worst",
        made["visit"],
        made["city"],
        seconds(number(&said, "frame_p50")?)
    );
    let met = Met::of(p99 <= 0.004 && worst <= 0.016);
    let ours = format!("{}, {}", seconds(p99), seconds(worst));
    report.row(Row::alone("P7", what, ours, "p99 ≤ 4 ms, worst ≤ 16 ms", met));
    let p99 = number(&said, "event_p99")?;
    let what = format!(
        "UI thread work per event: median {}, worst {}; p99",
        seconds(number(&said, "event_p50")?),
        seconds(number(&said, "event_worst")?)
    );
    report.row(Row::alone("P7", what, seconds(p99), "p99 ≤ 2 ms", Met::of(p99 <= 0.002)));
    Ok(())
}
