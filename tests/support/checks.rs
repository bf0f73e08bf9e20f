//! What stories and demo do with a finished bundle: fetch it, and let verifiers judge it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::programs::{CenterCli, HandheldCli, program, read};
use super::visit::{Sealed, World};

/// What lies in the out folder after [`collect`].
#[derive(Debug, Clone)]
pub struct Out {
    /// `bundle.zip`.
    pub bundle: PathBuf,
    /// `roots.pem`.
    pub roots: PathBuf,
    /// `tsa-roots.pem`, where the centre uses time stamps.
    pub tsa_roots: Option<PathBuf>,
    /// `log-key.txt`.
    pub log_key: PathBuf,
    /// `receipt/center.entry.json`.
    pub receipt: PathBuf,
    /// PDFs of the documents.
    pub pdfs: Vec<PathBuf>,
}

/// Puts bundle, trust material, receipt and PDFs into one folder.
///
/// # Errors
/// Any of the programs refuses.
pub fn collect(world: &World, sealed: &Sealed, folder: &Path) -> Result<Out> {
    collect_from(&world.center, &world.handheld, sealed, folder)
}

/// [`collect`] for a bundle that another handheld sealed.
///
/// # Errors
/// Any of the programs refuses.
pub fn collect_from(
    center: &CenterCli,
    h: &HandheldCli,
    sealed: &Sealed,
    folder: &Path,
) -> Result<Out> {
    std::fs::create_dir_all(folder)?;
    let arg = |path: &Path| path.to_string_lossy().into_owned();
    h.ok(&["receipts", "--trust", &arg(folder)])?;
    let receipt = folder.join("receipt");
    h.ok(&["receipts", "--bundle", &sealed.bundle, "--to", &arg(&receipt)])?;
    let bundle = folder.join("bundle.zip");
    center.ok(&["bundle", "export", &sealed.bundle, "--out", &arg(&bundle)])?;
    let mut pdfs = Vec::new();
    for document in &sealed.documents {
        let pdf = folder.join(format!("{document}.pdf"));
        h.ok(&["doc", "export", &sealed.case, document, "--out", &arg(&pdf)])?;
        pdfs.push(pdf);
    }
    let tsa_roots = Some(folder.join("tsa-roots.pem")).filter(|p| p.is_file());
    Ok(Out {
        bundle,
        roots: folder.join("roots.pem"),
        tsa_roots,
        log_key: folder.join("log-key.txt"),
        receipt: receipt.join("center.entry.json"),
        pdfs,
    })
}

/// Runs `spotcheck-verify --json`; the report.
///
/// # Errors
/// The bundle is not accepted.
pub fn verify(out: &Out, stamps: bool) -> Result<Value> {
    let mut command = Command::new(program("spotcheck-verify")?);
    command.arg(&out.bundle).arg("--trust").arg(&out.roots).arg("--log-key").arg(&out.log_key);
    if let (true, Some(tsa)) = (stamps, &out.tsa_roots) {
        command.arg("--tsa").arg(tsa);
    }
    read(&command.arg("--json").output()?)?.ok().context("spotcheck-verify")
}

/// Runs `spotcheck-verify --partial --json` over a party's copy; the report.
///
/// # Errors
/// The copy is not accepted.
pub fn verify_partial(out: &Out) -> Result<Value> {
    let mut command = Command::new(program("spotcheck-verify")?);
    command.arg(&out.bundle).arg("--trust").arg(&out.roots).arg("--log-key").arg(&out.log_key);
    read(&command.args(["--partial", "--json"]).output()?)?.ok().context("spotcheck-verify")
}

/// Unpacks a bundle and decodes every recording in it from the first to the last byte, without a complaint of the
/// decoder; their number. None where the programs of others are not installed.
///
/// # Errors
/// It cannot be unpacked; a recording does not decode.
pub fn play(zip: &Path, out: &Path) -> Result<Option<usize>> {
    let has = |program| crate::has_program("checks::play", program);
    if !has("unzip") || !has("ffmpeg") {
        return Ok(None);
    }
    let unzipped = Command::new("unzip").args(["-q", "-o"]).arg(zip).arg("-d").arg(out).status()?;
    ensure!(unzipped.success(), "unzip");
    let listed =
        Command::new("find").arg(out).args(["-name", "*.ogg", "-o", "-name", "*.mkv"]).output()?;
    let listed = String::from_utf8(listed.stdout)?;
    for media in listed.lines() {
        let decode = ["-v", "error", "-xerror", "-i", media, "-f", "null", "-"];
        let decoded = Command::new("ffmpeg").args(decode).stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&decoded.stderr);
        ensure!(decoded.status.success() && said.trim().is_empty(), "{media}: {said}");
    }
    Ok(Some(listed.lines().count()))
}

/// Runs the referee's script over the bundle: programs that nobody of this project wrote.
///
/// # Errors
/// The script does not accept it.
pub fn referee(script: &Path, out: &Out) -> Result<()> {
    let mut command = Command::new("bash");
    command.arg(script).arg(&out.bundle).arg(&out.roots);
    if let Some(tsa) = &out.tsa_roots {
        command.arg(tsa);
    }
    let ran = command.output()?;
    ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    Ok(())
}
