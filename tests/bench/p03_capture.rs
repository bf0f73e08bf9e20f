//! P3: the capture path, one gibibyte: encrypted to three recipients, hashed twice over (SHA-256, SM3), fsynced.
//!
//! Beside it `tee >(sha256sum) | age -r … -r … -r …` into one file, then `sync`. Files as they come from a camera
//! (16 MiB) go through the vault once. A recording writes everything twice, first as fragments of 1–2 s and then as
//! segments, so that no more than two seconds can be lost: that is reported, with its bytes. Both sides write to the
//! same disk; processor seconds stand beside the wall time, because the disk is not ours alone.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spotcheck_app::desk::RecordingKind;
use spotcheck_app::ports::RecordingOrder;
use spotcheck_domain::{CaseId, DeviceId, ManualClock, SeededEntropy};
use spotcheck_vault::{Recipients, RecordingWriter, put_blob};

use crate::data::{self, Scale};
use crate::measure::{Watch, child, children_cpu, median, number, seconds};
use crate::report::{Met, Report, Row};

const MIB: usize = 1 << 20;
/// A file of the camera, and the largest segment.
const FILE: usize = 16 * MIB;
/// About 1.5 s of video as the stand-in camera gives it.
const FRAGMENT: usize = 3 * MIB / 2;

/// Bytes that do not compress and differ from file to file.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    spotcheck_domain::Entropy::fill(&SeededEntropy::new(seed), &mut bytes);
    bytes
}

fn recipient() -> Result<String> {
    let made = Command::new("age-keygen").output().context("age-keygen")?;
    let text = String::from_utf8_lossy(&made.stdout).into_owned();
    let line = text.lines().find_map(|l| l.split("public key: ").nth(1));
    Ok(line.context("age-keygen says no public key")?.to_owned())
}

/// Child: `FOLDER BYTES files|recording R R R`.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let [folder, size, what, case, intake, escrow] = arguments else {
        anyhow::bail!("FOLDER BYTES files|recording R R R")
    };
    let (folder, size) = (Path::new(folder), size.parse::<usize>()?);
    let to = Recipients {
        case: case.clone(),
        intake: intake.clone(),
        escrow: escrow.clone(),
        intake_id: "intake-2026-11".to_owned(),
    };
    let source = bytes(FILE + size.div_ceil(FILE), 3);
    if what == "files" {
        let watch = Watch::start();
        for n in 0..size.div_ceil(FILE) {
            // Each begins one byte further on: no two are equal.
            put_blob(folder, &to, &format!("data/media/{n:04}.bin"), &source[n..n + FILE])?;
        }
        return Ok(json!({ "wall": watch.wall(), "cpu": watch.cpu() }));
    }
    let clock = ManualClock::at_ms(1_795_138_200_000);
    let order = RecordingOrder {
        case: CaseId::generate(&clock, &SeededEntropy::new(4)),
        path: "data/media/0001.mkv".to_owned(),
        log_path: "data/media/0001.log.jsonl".to_owned(),
        kind: RecordingKind::Video,
        first_prev: "0".repeat(64),
        device: DeviceId::parse("D-0001").ok().context("device")?,
    };
    let watch = Watch::start();
    let mut writer = RecordingWriter::create(folder, &order, &to, Arc::new(clock))?;
    let mut slowest: f64 = 0.0;
    for n in 0..size.div_ceil(FRAGMENT) {
        let begun = std::time::Instant::now();
        writer.push(&source[n..n + FRAGMENT], 1_500)?;
        slowest = slowest.max(begun.elapsed().as_secs_f64());
    }
    writer.close()?;
    Ok(json!({ "wall": watch.wall(), "cpu": watch.cpu(), "slowest": slowest }))
}

/// The pipe of the peers; wall and processor seconds.
fn pipe(source: &Path, out: &Path, to: &[String; 3]) -> Result<(f64, f64)> {
    // As `tee >(sha256sum)`, with a named pipe: bash does not wait for the former, and its work would not count.
    let script = "set -eo pipefail; mkfifo \"$2.pipe\"; sha256sum <\"$2.pipe\" >\"$2.sum\" & \
        tee \"$2.pipe\" <\"$1\" | age -r \"$3\" -r \"$4\" -r \"$5\" -o \"$2\"; wait; sync \"$2\"";
    let cpu = children_cpu();
    let begun = std::time::Instant::now();
    let status = Command::new("bash")
        .args(["-c", script, "bash"])
        .args([source, out])
        .args(to)
        .stdin(Stdio::null())
        .status()?;
    ensure!(status.success(), "tee | age: {status}");
    Ok((begun.elapsed().as_secs_f64(), children_cpu() - cpu))
}

fn emptied(folder: &Path) -> Result<PathBuf> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder)?;
    rustix::fs::sync();
    Ok(folder.to_owned())
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    let size = match scale {
        Scale::Small => 128 * MIB,
        Scale::Full => 1024 * MIB,
    };
    let folder = data::folder()?.join("capture");
    if !spotcheck_tests::has_program("bench P3", "age-keygen") {
        let row = Row::alone("P3", "capture path", "not measured", "≥ 0.8 ×", Met::Reported);
        report.peer_missing(row, "age");
        return Ok(());
    }
    let to = [recipient()?, recipient()?, recipient()?];
    let source = emptied(&folder)?.join("source.bin");
    let mut file = std::fs::File::create(&source)?;
    for n in 0..size / FILE {
        file.write_all(&bytes(FILE, 100 + n as u64))?;
    }
    file.sync_all()?;
    let text = size.to_string();
    let (mut files, mut recording, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        for (what, list) in [("files", &mut files), ("recording", &mut recording)] {
            let out = emptied(&folder.join("case"))?.display().to_string();
            list.push(child("capture", &[&out, &text, what, &to[0], &to[1], &to[2]])?);
        }
        let out = emptied(&folder.join("case"))?;
        theirs.push(pipe(&source, &out.join("media.age"), &to)?);
    }
    std::fs::remove_dir_all(&folder)?;
    let of = |list: &[Value], name: &str| -> Result<f64> {
        Ok(median(&list.iter().map(|v| number(v, name)).collect::<Result<Vec<_>>>()?))
    };
    let (peer, peer_cpu) = (
        median(&theirs.iter().map(|t| t.0).collect::<Vec<_>>()),
        median(&theirs.iter().map(|t| t.1).collect::<Vec<_>>()),
    );
    let rate = |s: f64| format!("{:.0} MiB/s", (size / MIB) as f64 / s);
    let peer_text =
        format!("tee, sha256sum, age, sync: {} ({} CPU)", rate(peer), seconds(peer_cpu));
    let (wall, cpu) = (of(&files, "wall")?, of(&files, "cpu")?);
    let what = format!(
        "capture path, {} MiB in files of 16 MiB, encrypted, SHA-256 and SM3, fsynced",
        size / MIB
    );
    let ours = format!("{} ({} CPU)", rate(wall), seconds(cpu));
    let row = Row::alone("P3", what, ours, "≥ 0.8 × (speed)", Met::of(peer / wall >= 0.8));
    report.row(row.beside(peer_text.clone(), peer / wall));
    let (wall, cpu) = (of(&recording, "wall")?, of(&recording, "cpu")?);
    let what = format!(
        "the same as one recording: fragments of 1.5 MiB (1.5 s), written again as segments; slowest fragment {}",
        seconds(of(&recording, "slowest")?)
    );
    let ours = format!("{} ({} CPU)", rate(wall), seconds(cpu));
    report.row(
        Row::alone("P3", what, ours, "reported", Met::Reported).beside(peer_text, peer / wall),
    );
    Ok(())
}
