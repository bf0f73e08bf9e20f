//! P4: sealing a case of 300 photos, about 2 GB, beside `bagit.py` making a bag of as many bytes.
//!
//! The desk of the program, without a window; the camera is the stand-in whose noise does not compress. Hashes ran
//! along at capture, so sealing must not read the media again. Two officers sign, each with a PIN: what stretching
//! the PIN takes is measured by an unlock and taken off, because the budget begins after it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use secrecy::SecretString;
use serde_json::{Value, json};
use spotcheck_app::desk::Desk as _;
use spotcheck_domain::{Entropy as _, OfficerId, SeededEntropy, TaskId};
use spotcheck_tests::support::programs::program;
use spotcheck_tests::support::visit::Claims;

use crate::data::{self, Scale};
use crate::measure::{Watch, child, number, seconds, told};
use crate::report::{Met, Report, Row};

/// Child: `DATA DEVICE TASK COUNT PIN PIN`.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let [data, device, task, count, pins @ ..] = arguments else {
        anyhow::bail!("DATA DEVICE TASK COUNT PIN PIN")
    };
    let (mut desk, _lock) =
        spotcheck_handheld::open(Path::new(data), Path::new(device), &program("spotcheck")?)
            .map_err(told)?;
    let officers: Vec<(OfficerId, SecretString)> = pins
        .iter()
        .enumerate()
        .filter_map(|(n, pin)| {
            Some((
                OfficerId::parse(&format!("O-{:04}", n + 1)).ok()?,
                SecretString::from(pin.clone()),
            ))
        })
        .collect();
    let (first, pin) = officers.first().context("no officer")?;
    let begun = Instant::now();
    desk.unlock(first, pin).map_err(told)?;
    let unlock = begun.elapsed().as_secs_f64();
    let task = TaskId::parse(task).ok().context("task")?;
    let case = desk.open_case(&task).map_err(told)?.id;
    let begun = Instant::now();
    for _ in 0..count.parse::<usize>()? {
        desk.capture_photo(Some(&case)).map_err(told)?;
    }
    let capture = begun.elapsed().as_secs_f64();
    let watch = Watch::start();
    let sealed = desk.seal(&case, &officers, Some("测量")).map_err(told)?;
    Ok(json!({
        "unlock": unlock,
        "capture": capture,
        "wall": watch.wall(),
        "cpu": watch.cpu(),
        "files": sealed.files,
        "bytes": sealed.bytes,
    }))
}

/// `bagit.py` over as many files and bytes; seconds, the bag synced.
fn bag(folder: &Path, files: u64, bytes: u64) -> Result<Option<f64>> {
    let Some(python) = data::python("bagit") else { return Ok(None) };
    let bag = folder.join("bag");
    std::fs::create_dir_all(&bag)?;
    let mut buffer = vec![0; usize::try_from(bytes / files.max(1))?];
    for n in 0..files {
        SeededEntropy::new(n).fill(&mut buffer);
        std::fs::File::create(bag.join(format!("{n:04}.jpg")))?.write_all(&buffer)?;
    }
    rustix::fs::sync();
    let begun = Instant::now();
    let status = Command::new(python)
        .args(["-m", "bagit", "--sha256", "--quiet"])
        .arg(&bag)
        .stdin(Stdio::null())
        .status()?;
    ensure!(status.success(), "bagit.py: {status}");
    rustix::fs::sync();
    Ok(Some(begun.elapsed().as_secs_f64()))
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    // Photos of 8 megapixels of noise are about 7 MB each.
    let count = match scale {
        Scale::Small => 30,
        Scale::Full => 300,
    };
    let folder = tempfile::tempdir_in(data::folder()?)?;
    let world =
        crate::p06_start::world(&folder.path().join("world"), &Claims::DemoCity { seed: 4 })?;
    let h = &world.handheld;
    let device = "[camera]\nkind = \"test\"\nnoise = true\nwidth = 3264\nheight = 2448\nfps = 5\n\n[microphone]\nkind = \"test\"\n";
    std::fs::write(&h.device, device)?;
    let pins: Vec<String> = h
        .pins
        .iter()
        .map(|(_, file)| Ok(std::fs::read_to_string(file)?.trim().to_owned()))
        .collect::<Result<_>>()?;
    let (data, file) = (h.data.display().to_string(), h.device.display().to_string());
    let count = count.to_string();
    let mut arguments = vec![data.as_str(), &file, &world.task, &count];
    arguments.extend(pins.iter().map(String::as_str));
    let said = child("seal", &arguments)?;
    let (wall, unlock) = (number(&said, "wall")?, number(&said, "unlock")?);
    let after = (wall - 2.0 * unlock).max(0.0);
    let bytes = number(&said, "bytes")?;
    let what = format!(
        "seal a case of {} files, {:.2} GB, two signers ({} with both PINs, {} CPU)",
        said["files"],
        bytes / 1e9,
        seconds(wall),
        seconds(number(&said, "cpu")?)
    );
    let row = Row::alone("P4", what, seconds(after), "≤ 1 s after the PIN", Met::of(after <= 1.0));
    match bag(folder.path(), number(&said, "files")? as u64, bytes as u64)? {
        Some(peer) => report.row(row.beside(format!("bagit.py: {}", seconds(peer)), after / peer)),
        None => report.peer_missing(row, "bagit.py"),
    }
    Ok(())
}
