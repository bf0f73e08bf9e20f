//! Recordings of hours and of gigabytes; not in the default run (`make long`).
//!
//! Six hours of sound over a day boundary, by a stand-in microphone whose clock runs sixty times as fast:
//! not one sample is missing by the granule positions of the file the centre gives out. And one video of more
//! than 5 GiB, past the marks of 2 and 4 GiB, in a bundle that needs ZIP64. Both go the whole way: recorded,
//! sealed, sent, exported, verified, played by programs of others, hash equal to the journal's, while the
//! recorder's memory stays where it was (R07, R10, R11, R14).
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a test that is a program, because it takes an hour"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spotcheck_tests::support::checks::{collect, verify};
use spotcheck_tests::support::programs::{HandheldCli, text};
use spotcheck_tests::support::sound::samples;
use spotcheck_tests::support::visit::{Claims, Sealed, World};

const SIX_HOURS_MS: u64 = 6 * 3_600_000;
const FIVE_GIB: u64 = 5 << 30;

/// The recorder's highest and present resident memory, kB.
fn memory(data: &Path) -> (u64, u64) {
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&data.display().to_string()) && line.trim_end().ends_with("recorder") {
            let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let of = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
            };
            return (of("VmHWM:"), of("VmRSS:"));
        }
    }
    (0, 0)
}

fn size_of(folder: &Path) -> u64 {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    listed.filter_map(|entry| entry.metadata().ok()).map(|m| m.len()).sum()
}

/// Records until `enough` says so; prints the memory at each tenth.
fn record(
    h: &HandheldCli,
    case: &str,
    kind: &str,
    total: u64,
    at: impl Fn() -> u64,
) -> Result<Value> {
    let item = text(&h.ok(&["capture", kind, case])?, "/evidence")?;
    let begun = Instant::now();
    let mut tenth = 0;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now = at();
        if now * 10 / total > tenth {
            tenth = now * 10 / total;
            let (high, rss) = memory(&h.data);
            println!(
                "{kind}: {now} of {total} after {} s, recorder {rss} kB, at most {high} kB",
                begun.elapsed().as_secs()
            );
        }
        if now >= total {
            break;
        }
        ensure!(begun.elapsed() < Duration::from_secs(5_400), "it takes too long");
    }
    h.ok(&["capture", "stop", &item])
}

/// Sealed, sent, exported and verified; the media file out of the ZIP, and the journal's words about it.
fn deliver(world: &World, case: &str, media: &str) -> Result<(Member, Value)> {
    let h = &world.handheld;
    let mut arguments = vec!["seal".to_owned(), case.to_owned()];
    arguments.extend(["--incomplete", "长时间录制"].map(str::to_owned));
    for (id, file) in &h.pins {
        arguments.extend(["--signer".to_owned(), format!("{id}={}", file.display())]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let bundle = text(&h.ok(&arguments)?, "/bundle")?;
    let begun = Instant::now();
    // The centre judges a big bundle for a while before it gives its receipt.
    let mut said = h.ok(&["push"])?;
    while said["items"][0]["state"] != "received" {
        ensure!(begun.elapsed() < Duration::from_secs(900), "no receipt: {said}");
        std::thread::sleep(Duration::from_secs(5));
        said = h.ok(&["push"])?;
    }
    println!("sent in {} s", begun.elapsed().as_secs());
    // The centre has it: room for the export.
    std::fs::remove_dir_all(h.data.join("cases").join(case).join("blobs"))?;
    let sealed = Sealed { case: case.to_owned(), bundle, documents: Vec::new() };
    let begun = Instant::now();
    let out = collect(world, &sealed, &world.folder.join("out"))?;
    println!("exported in {} s", begun.elapsed().as_secs());
    let begun = Instant::now();
    let report = verify(&out, false)?;
    ensure!(report["verdict"] == "accepted", "{report}");
    println!("accepted in {} s", begun.elapsed().as_secs());
    let journal = h.ok(&["journal", "--case", case])?;
    let entries = journal["items"].as_array().context("no journal")?;
    let stopped = entries
        .iter()
        .find(|e| e["kind"] == "capture_stopped" && e["subject"] == media)
        .context("no capture_stopped")?
        .clone();
    let days: std::collections::BTreeSet<&str> =
        entries.iter().filter_map(|e| e["wall"].as_str()?.get(..10)).collect();
    println!("days in the journal: {days:?}");
    let member = Member { zip: out.bundle, path: format!("{}/{media}", sealed.bundle) };
    let size = std::fs::metadata(&member.zip)?.len();
    println!("bundle of {size} bytes");
    let hash = member.feed(Command::new("sha256sum").stdout(Stdio::piped()))?;
    ensure!(
        stopped["hash"].as_str() == hash.get(..64),
        "the journal's hash is {}",
        stopped["hash"]
    );
    println!("sha256sum of the exported file is the journal's: {}", hash.get(..64).unwrap_or(""));
    Ok((member, stopped))
}

/// A file in a ZIP, read by a program that nobody here wrote.
struct Member {
    zip: PathBuf,
    path: String,
}

impl Member {
    /// What a program says to the file on its standard input.
    fn feed(&self, program: &mut Command) -> Result<String> {
        let mut unzip = Command::new("unzip")
            .arg("-p")
            .arg(&self.zip)
            .arg(&self.path)
            .stdout(Stdio::piped())
            .spawn()?;
        let from = unzip.stdout.take().context("unzip")?;
        let said = program.stdin(from).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
        ensure!(unzip.wait()?.success(), "unzip");
        let complaint = String::from_utf8_lossy(&said.stderr);
        ensure!(said.status.success() && complaint.is_empty(), "{program:?}: {complaint}");
        Ok(String::from_utf8(said.stdout)?)
    }
}

/// Reads every packet: name of the stream, number of packets.
fn ffprobe(file: &Member) -> Result<String> {
    let arguments = ["-v", "error", "-count_packets", "-show_entries"];
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(arguments).args([
        "stream=codec_name,nb_read_packets",
        "-of",
        "csv=p=0",
        "-i",
        "-",
    ]);
    Ok(file.feed(ffprobe.stdout(Stdio::piped()))?.trim().replace('\n', "; "))
}

fn world(folder: &Path, device: &str) -> Result<(World, String)> {
    let world = World::build(folder, &Claims::DemoCity { seed: 3 }, &[], None)?;
    std::fs::write(&world.handheld.device, device)?;
    let case = text(&world.handheld.ok(&["case", "open", "--task", &world.task])?, "/id")?;
    Ok((world, case))
}

fn sound_of(folder: &Path, total_ms: u64) -> Result<()> {
    let clock = folder.join("clock.toml");
    let device = format!(
        "[camera]\nkind = \"test\"\n[microphone]\nkind = \"test\"\npace = 60\n[clock]\nstand_in = \"{}\"\n",
        clock.display()
    );
    let (world, case) = world(folder, &device)?;
    // Two minutes before midnight in Beijing, by the handheld's clock.
    let asked = Command::new("date").arg("+%s").output()?;
    let now: i64 = String::from_utf8(asked.stdout)?.trim().parse()?;
    let into_the_day = (now + 8 * 3600).rem_euclid(86_400);
    let wall_ms = (86_400 - 120 - into_the_day) * 1000;
    std::fs::write(&clock, format!("wall_ms = {wall_ms}\n"))?;
    let h = &world.handheld;
    let stored = || {
        let said = h.ok(&["unlock"]).unwrap_or_default();
        said["recordings"][0]["stored_ms"].as_u64().unwrap_or(0)
    };
    let item = record(h, &case, "audio", total_ms, stored)?;
    let media = text(&item, "/path")?;
    let (file, stopped) = deliver(&world, &case, &media)?;
    let ogg = folder.join("media.ogg");
    file.feed(Command::new("tee").arg(&ogg).stdout(Stdio::null()))?;
    let (pages, samples) = samples(&ogg)?;
    println!("{pages} pages, each follows the one before, each packet is 960 samples");
    let told = stopped["facts"]["duration_ms"].as_u64().unwrap_or(0);
    println!("{samples} samples = {} ms; the journal says {told} ms", samples / 48);
    ensure!(samples / 48 == told, "samples and journal do not agree");
    println!("ffprobe: {}", ffprobe(&file)?);
    Ok(())
}

fn video_of(folder: &Path, total: u64) -> Result<()> {
    let device = "[camera]\nkind = \"test\"\nwidth = 1920\nheight = 1080\nfps = 30\nnoise = true\n\
                  [microphone]\nkind = \"test\"\n[video]\nwidth = 1920\nheight = 1080\nfps = 30\n\
                  encoders = [\"jpegenc\"]\n";
    let (world, case) = world(folder, device)?;
    let h = &world.handheld;
    let blobs = h.data.join("cases").join(&case).join("blobs");
    let item = record(h, &case, "video", total, || size_of(&blobs))?;
    let media = text(&item, "/path")?;
    let (file, stopped) = deliver(&world, &case, &media)?;
    println!("the journal says {} ms", stopped["facts"]["duration_ms"]);
    println!("ffprobe: {}", ffprobe(&file)?);
    Ok(())
}

const USAGE: &str = "spotcheck-long [audio [MINUTES] | video [MIB]]
Six hours of sound over a day boundary and a video of 5 GiB, or one of them.";

fn main() -> Result<()> {
    match spotcheck_tests::asked_for_help(USAGE, 2) {
        Some(0) => return Ok(()),
        Some(_) => anyhow::bail!("see --help"),
        None => {}
    }
    // Not after an hour of recording.
    anyhow::ensure!(
        ["ffprobe", "unzip"].iter().all(|program| spotcheck_tests::has_program("long", program)),
        "make peers installs it"
    );
    // `audio [MINUTES]`, `video [MIB]`, or both in full.
    let which = std::env::args().nth(1).unwrap_or_default();
    let less: Option<u64> = std::env::args().nth(2).and_then(|text| text.parse().ok());
    // Gigabytes: a folder of the system's for small files may lie in memory.
    let room = spotcheck_tests::root().join("target");
    std::fs::create_dir_all(&room)?;
    let folder = tempfile::tempdir_in(room)?;
    match which.as_str() {
        "audio" => sound_of(folder.path(), less.map_or(SIX_HOURS_MS, |minutes| minutes * 60_000)),
        "video" => video_of(folder.path(), less.map_or(FIVE_GIB, |mib| mib << 20)),
        _ => {
            let (audio, video) = (folder.path().join("audio"), folder.path().join("video"));
            std::fs::create_dir_all(&audio)?;
            std::fs::create_dir_all(&video)?;
            sound_of(&audio, SIX_HOURS_MS)?;
            video_of(&video, FIVE_GIB)
        }
    }
}
