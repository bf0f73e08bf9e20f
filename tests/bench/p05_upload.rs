//! P5: a sealed bundle to the centre over loopback, beside tuspy to the same server and `curl -T` to a plain one.
//!
//! Ours sends its segments in PATCHes of up to 4 MiB, each with a checksum and durable at the centre before the next;
//! so does tuspy, with files as large (a byte more, so that the centre does not know them) and the handheld's
//! own certificate. curl writes to a handler of this program that only syncs, without TLS: what the machine could do.
//! Then the line is cut again and again, and the bytes that went twice are counted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spotcheck_app::desk::Desk as _;
use spotcheck_app::errand::{Brought, Errand, Leg, Stop, Watch};
use spotcheck_app::ports::KeyRing as _;
use spotcheck_domain::{ManualClock, SeededEntropy};
use spotcheck_tests::support::programs::free_port;
use spotcheck_tests::support::visit::World;
use spotcheck_vault::{Vault, VaultOptions};

use crate::data::{self, Scale};
use crate::measure::{child, median, number, object, told};
use crate::photos::{Photographed, noisy, photographed};
use crate::report::{Met, Report, Row};

const ROUNDS: usize = 3;
const PATCH: f64 = 4_194_304.0;
/// Bytes from the handheld after which the line is cut, again and again.
const CUT_AFTER: u64 = 15_000_000;

const TUSPY: &str = r#"
import json, os, sys, time
from tusclient import client
url, cert, key, folder = sys.argv[1:]
c = client.TusClient(url, client_cert=(cert, key))
at, sent = time.perf_counter(), 0
for name in sorted(os.listdir(folder)):
    up = c.uploader(os.path.join(folder, name), chunk_size=4 << 20, upload_checksum=True)
    up.upload()
    sent += up.offset
print(json.dumps({"wall": time.perf_counter() - at, "bytes": sent}))
"#;

/// Child: [`photographed`]'s arguments: sealed, sent; how long the blobs took on their way.
pub(crate) fn run(arguments: &[String]) -> Result<Value> {
    let Photographed { mut desk, officers, case, .. } = photographed(arguments)?;
    let sealed = desk.seal(&case, &officers, Some("测量")).map_err(told)?;
    let journey = desk.set_out(&Errand::Send(sealed.bundle)).map_err(told)?;
    let (mut begun, mut ended, mut total) = (None, None, 0);
    let mut hear = |leg: Leg| {
        begun.get_or_insert_with(Instant::now);
        total = leg.total;
        if leg.done == leg.total && ended.is_none() {
            ended = Some(Instant::now());
        }
    };
    let set_out = Instant::now();
    let brought = journey(&mut Watch { hear: &mut hear, stop: Stop::default() });
    let whole = set_out.elapsed().as_secs_f64();
    let received = matches!(&brought, Brought::Sent { receipt: Ok(_), .. });
    desk.come_home(brought).map_err(told)?;
    ensure!(received, "the bundle was not taken");
    let way = ended.context("not all was sent")?.duration_since(begun.context("nothing was sent")?);
    Ok(json!({
        "case": case.to_string(),
        "wall": way.as_secs_f64(),
        "whole": whole,
        "bytes": total,
    }))
}

/// Child: `DATA OUT`: the handheld's own TLS identity for the peer (invented data, a folder of this run).
pub(crate) fn identity(arguments: &[String]) -> Result<Value> {
    let [data, out] = arguments else { anyhow::bail!("DATA OUT") };
    let (clock, entropy) = (ManualClock::at_ms(0), SeededEntropy::new(5));
    let vault =
        Vault::open(Path::new(data), Arc::new(clock), Arc::new(entropy), VaultOptions::STANDARD)?;
    let (chain, key) = vault.tls_identity().map_err(told)?;
    let roots = vault.enrolment().map_err(told)?.context("not enrolled")?.tls_roots;
    let out = Path::new(out);
    std::fs::write(out.join("chain.pem"), chain)?;
    std::fs::write(out.join("roots.pem"), roots)?;
    let mut openssl = Command::new("openssl")
        .args(["pkey", "-inform", "DER", "-out"])
        .arg(out.join("key.pem"))
        .stdin(Stdio::piped())
        .spawn()
        .context("openssl")?;
    openssl.stdin.take().context("openssl")?.write_all(&key)?;
    ensure!(openssl.wait()?.success(), "openssl pkey");
    Ok(json!({}))
}

/// Copies of the blobs with one byte more: as large, and unknown to the centre.
fn others(blobs: &Path, to: &Path) -> Result<Vec<PathBuf>> {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to)?;
    let mut made = Vec::new();
    for entry in std::fs::read_dir(blobs)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        std::fs::copy(entry.path(), &copy)?;
        std::fs::OpenOptions::new().append(true).open(&copy)?.write_all(b"+")?;
        made.push(copy);
    }
    made.sort();
    Ok(made)
}

/// A server that takes PUTs into files, each synced before its answer.
fn put_server(folder: PathBuf) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            let _ = puts(&stream, &folder.join(n.to_string()));
        }
    });
    Ok(port)
}

fn puts(stream: &TcpStream, file: &Path) -> Result<()> {
    let (mut from, mut to) = (BufReader::with_capacity(1 << 20, stream), stream);
    for n in 0.. {
        let (mut length, mut waits) = (None, false);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().ok();
            }
            waits |= line.starts_with("expect:");
        }
        if waits {
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut out = std::fs::File::create(file.with_extension(n.to_string()))?;
        std::io::copy(&mut from.by_ref().take(length.context("no length")?), &mut out)?;
        out.sync_all()?;
        to.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")?;
    }
    Ok(())
}

/// `curl -T` of all files; seconds.
fn curl(files: &[PathBuf], port: u16) -> Result<f64> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail", "-o", "/dev/null"]);
    for file in files {
        command.arg("-T").arg(file).arg(format!("http://127.0.0.1:{port}/"));
    }
    let begun = Instant::now();
    ensure!(command.stdin(Stdio::null()).status()?.success(), "curl");
    Ok(begun.elapsed().as_secs_f64())
}

/// What went over a line that is cut again and again.
#[derive(Default)]
struct Line {
    bytes: AtomicU64,
    cuts: AtomicU64,
}

/// Listens at `here`, passes everything on to `there`, and cuts after every [`CUT_AFTER`] bytes from the handheld.
fn cutting(here: u16, there: u16) -> Result<Arc<Line>> {
    let listener = TcpListener::bind(("127.0.0.1", here))?;
    let line = Arc::new(Line::default());
    let shared = Arc::clone(&line);
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(("127.0.0.1", there)) else { continue };
            let (Ok(mut back_from), Ok(mut back_to)) = (far.try_clone(), near.try_clone()) else {
                continue;
            };
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back_from, &mut back_to);
                let _ = back_to.shutdown(Shutdown::Both);
            });
            let line = Arc::clone(&shared);
            std::thread::spawn(move || {
                let (mut near, mut far) = (near, far);
                let mut buffer = vec![0; 64 << 10];
                while let Ok(n @ 1..) = near.read(&mut buffer) {
                    if far.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                    let before = line.bytes.fetch_add(n as u64, Ordering::Relaxed);
                    if before / CUT_AFTER != (before + n as u64) / CUT_AFTER {
                        line.cuts.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
                let _ = near.shutdown(Shutdown::Both);
                let _ = far.shutdown(Shutdown::Both);
            });
        }
    });
    Ok(line)
}

pub(crate) fn measure(report: &mut Report, scale: Scale) -> Result<()> {
    let count = match scale {
        Scale::Small => 5,
        Scale::Full => 20,
    };
    let folder = tempfile::tempdir_in(data::folder()?)?;
    let (world, arguments) = noisy(folder.path(), 5, count)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let h = world.handheld.clone();
    let data = h.data.display().to_string();
    let keys = folder.path().join("keys");
    std::fs::create_dir(&keys)?;
    child("identity", &[&data, &keys.display().to_string()])?;
    let python = data::python("tusclient");
    let port = put_server({
        let put = folder.path().join("put");
        std::fs::create_dir(&put)?;
        put
    })?;
    let (mut ours, mut theirs, mut bare, mut whole) = (vec![], vec![], vec![], vec![]);
    let mut bytes = 0.0;
    for _ in 0..ROUNDS {
        let said = child("upload", &arguments)?;
        bytes = number(&said, "bytes")?;
        ours.push(bytes / number(&said, "wall")?);
        whole.push(bytes / number(&said, "whole")?);
        let case = said["case"].as_str().context("case")?;
        let copies = folder.path().join("copies");
        let files = others(&h.data.join("cases").join(case).join("blobs"), &copies)?;
        if let Some(python) = &python {
            let mut tuspy = Command::new(python);
            tuspy.args(["-c", TUSPY]).arg(format!("{}/v1/blobs", world.serving.url));
            tuspy.args([keys.join("chain.pem"), keys.join("key.pem"), copies.clone()]);
            tuspy.env("REQUESTS_CA_BUNDLE", keys.join("roots.pem")).env_remove("CURL_CA_BUNDLE");
            let said = object(tuspy, "tuspy")?;
            theirs.push(number(&said, "bytes")? / number(&said, "wall")?);
        }
        bare.push(bytes / curl(&files, port)?);
        std::fs::remove_dir_all(copies)?;
    }
    let rate = |per_second: f64| format!("{:.0} MB/s", per_second / 1e6);
    let (mine, plain) = (median(&ours), median(&bare));
    let what = format!(
        "upload of {:.0} MB to the centre, TLS, PATCHes up to 4 MiB with checksum, each durable ({} with announcement, \
         commit and receipt; curl -T to a plain handler that syncs each file: {}, {:.2} ×)",
        bytes / 1e6,
        rate(median(&whole)),
        rate(plain),
        mine / plain
    );
    let row = Row::alone("P5", what, rate(mine), "≥ 1.0 × (speed)", Met::Reported);
    if theirs.is_empty() {
        report.peer_missing(row, "tuspy");
    } else {
        let peer = median(&theirs);
        let met = Met::of(mine / peer >= 1.0);
        report.row(Row { met, ..row.beside(format!("tuspy: {}", rate(peer)), mine / peer) });
    }
    // The same over a line that breaks.
    let World { center, serving, .. } = world;
    let here: u16 = serving.url.rsplit(':').next().context("no port")?.parse()?;
    // One centre at a time: its data folder is locked.
    drop(serving);
    let there = free_port()?;
    let _beside = center.serve(there, &[])?;
    let line = cutting(here, there)?;
    let said = child("upload", &arguments)?;
    let (went, cuts) =
        (line.bytes.load(Ordering::Relaxed) as f64, line.cuts.load(Ordering::Relaxed) as f64);
    let twice = (went - number(&said, "bytes")?).max(0.0);
    let per_cut = twice / cuts.max(1.0) / PATCH;
    let what = format!(
        "the same over a line that is cut {cuts} times: {:.1} MB went in all, {:.1} MB more than the blobs",
        went / 1e6,
        twice / 1e6
    );
    report.row(Row::alone(
        "P5",
        what,
        format!("{per_cut:.2} PATCHes of 4 MiB a cut"),
        "≤ 1 a cut",
        Met::of(cuts > 0.0 && per_cut <= 1.0),
    ));
    Ok(())
}
