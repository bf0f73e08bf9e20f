//! P4: sealing a case of 300 photos, about 2 GB, beside `bagit.py` making a bag of as many bytes.
//!
//! The desk of the program, without a window; the camera is the stand-in whose noise does not compress. Hashes ran
//! along at capture, so sealing must not read the media again. Two officers sign, each with a PIN: what stretching
//! the PIN takes is measured by an unlock and taken off, because the budget begins after it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use spotcheck_app::desk::Desk as _;
use spotcheck_domain::{Entropy as _, SeededEntropy};

use crate::data::{self, Scale};
use crate::measure::{Watch, child, number, seconds, told};
use crate::photos::{Photographed, noisy, photographed};
use crate::report::{Met, Report, Row};

/// Child: [`photographed`]'s arguments.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let Photographed { mut desk, officers, case, unlock, capture, .. } = photographed(arguments)?;
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
    let count = match scale {
        Scale::Small => 30,
        Scale::Full => 300,
    };
    let folder = tempfile::tempdir_in(data::folder()?)?;
    let (_world, arguments) = noisy(folder.path(), 4, count)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
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
