//! Killed while a sealed bundle is on its way: the handheld, or the centre.
//!
//! Each run has a centre of its own, because a centre takes one device journal of a handheld and no fork of
//! it. All of them answer at the port that the handheld was enrolled with, each in a network of its own.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spotcheck_tests::support::programs::{CenterCli, program, read, text};

use crate::kill::judge;
use crate::lab::{Handheld, Lab};
use crate::random::Random;

/// Whether networks of one's own can be made here.
pub(crate) fn possible() -> Result<(), String> {
    let tried = Command::new("unshare").args(["-n", "ip", "link", "set", "lo", "up"]).output();
    match tried {
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A centre in a network of its own; ended when dropped.
struct Beside {
    child: Child,
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Beside {
    fn serve(center: &CenterCli, port: &str) -> Result<Self> {
        let serve = "ip link set lo up && exec \"$@\"";
        let child = Command::new("unshare")
            .args(["-n", "sh", "-c", serve, "sh"])
            .arg(program("spotcheck-center")?)
            .arg("--data")
            .arg(&center.data)
            .args(["--json", "serve", "--listen", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child })
    }

    /// The command in this centre's network; the process id stays the command's.
    fn beside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--net=/proc/{}/ns/net", self.child.id())).arg("--");
        inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        inside
    }

    /// Sends until it is received: a centre that was just started may not listen yet.
    fn push(&self, h: &Handheld) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let ran = read(&self.beside(&h.cli.command(0, &["push"])?).output()?)?;
            if ran.code == 0 || begun.elapsed() > Duration::from_secs(20) {
                return ran.ok().context("push after the restart");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

pub(crate) fn run(lab: &Lab, n: u64, seed: u64) -> Result<bool> {
    let mut random = Random::new(seed.wrapping_mul(0x1_0000_0007).wrapping_add(n));
    let name = format!("send-{n}");
    let (sealed, bundle) = lab.sealed().context("nothing was sealed")?;
    let data = lab.folder.join(&name);
    let copy = |from: &std::path::Path, to: &std::path::Path| -> Result<()> {
        let copied = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
        ensure!(copied.success(), "cp -a");
        Ok(())
    };
    copy(sealed, &data)?;
    let center =
        CenterCli { data: lab.folder.join(format!("center-{n}")), ..lab.world.center.clone() };
    copy(&lab.world.center.data, &center.data)?;
    // The key file lies beside the data folder.
    for beside in std::fs::read_dir(&lab.folder)? {
        let beside = beside?;
        let file = beside.file_name().to_string_lossy().into_owned();
        if let Some(rest) = file.strip_prefix("center.").filter(|rest| *rest != "log") {
            std::fs::copy(beside.path(), lab.folder.join(format!("center-{n}.{rest}")))?;
        }
    }
    let out = lab.folder.join(format!("send-{n}.out"));
    std::fs::create_dir_all(&out)?;
    let done = interrupt(lab, &name, &data, &center, bundle, &mut random, &out);
    for folder in [&data, &center.data, &out] {
        let _ = std::fs::remove_dir_all(folder);
    }
    done
}

fn interrupt(
    lab: &Lab,
    name: &str,
    data: &std::path::Path,
    center: &CenterCli,
    bundle: &str,
    random: &mut Random,
    out: &std::path::Path,
) -> Result<bool> {
    let h = lab.handheld(name, data)?;
    let port = lab.world.serving.url.rsplit(':').next().context("no port")?;
    let mut centre = Beside::serve(center, port)?;
    // It answers when the tasks can be fetched again.
    let begun = Instant::now();
    while !read(&centre.beside(&h.cli.command(0, &["pull"])?).output()?)?.code.eq(&0) {
        ensure!(begun.elapsed() < Duration::from_secs(20), "the centre does not answer");
    }
    let mut push = centre.beside(&h.cli.command(0, &["push"])?);
    let mut child = push.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    std::thread::sleep(Duration::from_millis(random.below(700)));
    let alive = child.try_wait()?.is_none();
    if random.below(3) == 0 {
        // Only the centre dies; the handheld says so and keeps everything.
        drop(centre);
        let ran = read(&child.wait_with_output()?)?;
        ensure!(ran.code == 0 || !ran.error_code().is_empty(), "no clear word: {}", ran.stderr);
        centre = Beside::serve(center, port)?;
    } else {
        child.kill()?;
        child.wait()?;
    }
    ensure!(text(&h.locked().ok(&["status"])?, "/safe")?.starts_with("安全："));
    centre.push(&h)?;
    let receipts = h.cli.ok(&["receipts"])?;
    let all = receipts["items"].as_array().cloned().unwrap_or_default();
    let received = |item: &Value| item["bundle"] == bundle && item["state"] == "received";
    ensure!(all.iter().any(received), "no receipt: {receipts}");
    judge(&h, center, bundle, out)?;
    Ok(alive)
}
