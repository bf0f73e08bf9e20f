//! One run: the handheld, its recorder or both are killed at a seeded moment of the visit.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spotcheck_tests::support::checks::play;
use spotcheck_tests::support::programs::{CenterCli, kill_recorder};

use crate::check::{Seen, check};
use crate::lab::{Handheld, Lab, Told};
use crate::random::Random;
use crate::story::Story;

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Handheld,
    Recorder,
    Both,
}

/// A single command, killed after a while; what it said if it was faster.
fn interrupted(mut command: Command, after: Duration) -> Result<(Option<Value>, bool)> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    std::thread::sleep(after);
    let alive = child.try_wait()?.is_none();
    let _ = child.kill();
    let output = child.wait_with_output()?;
    let said = serde_json::from_slice::<Value>(&output.stdout).ok();
    Ok((said.filter(|said| said.get("error").is_none()), alive))
}

/// What a run was, and what the check saw.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) seen: Seen,
    /// The kill met a living process.
    pub(crate) alive: bool,
    /// It came within 5 ms after a confirmation.
    pub(crate) close: bool,
}

pub(crate) fn run(lab: &Lab, n: u64, seed: u64) -> Result<Run> {
    let name = format!("kill-{n}");
    let data = lab.folder.join(&name);
    let h = lab.handheld(&name, &data)?;
    let copied = Command::new("cp").arg("-a").arg(&lab.world.handheld.data).arg(&data).status()?;
    ensure!(copied.success(), "cp -a");
    let done = interrupt(lab, &h, n, seed);
    drop(h);
    if let (true, Some(keep)) = (done.is_err(), std::env::var_os("CRASH_KEEP")) {
        Command::new("cp").arg("-a").arg(&data).arg(keep).status()?;
    }
    std::fs::remove_dir_all(&data)?;
    done
}

fn interrupt(lab: &Lab, h: &Handheld, n: u64, seed: u64) -> Result<Run> {
    let mut random = Random::new(seed.wrapping_mul(0x1_0000_0001).wrapping_add(n));
    let story = Story::draw(&mut random, &lab.strokes, &lab.pins());
    let victim = match random.below(10) {
        0..=2 => Victim::Handheld,
        3..=4 => Victim::Recorder,
        _ => Victim::Both,
    };
    let phase = random.below(10);
    let who = random.index(2);
    let mut told = Vec::new();
    let tell =
        |act: &str, said: Value| Told { act: act.to_owned(), said, at: Instant::now(), steps: 0 };
    if story.door {
        let command = h.locked().command(0, &["capture", "audio"])?;
        if phase == 0 {
            let (said, alive) = interrupted(command, Duration::from_millis(random.below(500)))?;
            told.extend(said.map(|said| tell("capture audio", said)));
            return finish(lab, h, who, &told, victim, alive, false);
        }
        told.push(tell("capture audio", h.locked().ok(&["capture", "audio"])?));
    }
    if phase == 1 {
        let command = h.cli.command(0, &["case", "open", "--task", &lab.world.task])?;
        let (said, alive) = interrupted(command, Duration::from_millis(random.below(500)))?;
        told.extend(said.map(|said| tell("case open", said)));
        return finish(lab, h, who, &told, victim, alive, false);
    }
    let open = h.cli.ok(&["case", "open", "--task", &lab.world.task])?;
    let case = open["id"].as_str().context("no case")?.to_owned();
    told.push(tell("case open", open));
    let acts = story.acts(&case);
    let after = random.index(acts.len() - 1);
    let close = n.is_multiple_of(4);
    let delay = Duration::from_micros(random.below(if close { 5_000 } else { 200_000 }));
    let steps = random.below(4) == 0;
    let mut running = h.start(0, &acts)?;
    let mut killed_recorder = None;
    for (index, act) in acts.iter().enumerate() {
        let Some(Ok(line)) = running.lines.next() else { break };
        let said: Value = serde_json::from_str(&line)?;
        if let Some(error) = said.get("error") {
            // Killed while it was starting or taking a photo: said, and nothing was confirmed.
            let code = error["code"].as_str().unwrap_or_default();
            ensure!(killed_recorder.is_some() && code.starts_with("RECORDER-"), "{act}: {said}");
            break;
        }
        told.push(tell(act, said));
        if index == after / 2 && steps {
            // Back by more than the centre's newest signed time, in visits that are delivered too: such a clock
            // counts as not set.
            h.step_clock(if random.half() { -3_600_000 } else { 3_600_000 })?;
        }
        if index == after {
            std::thread::sleep(delay);
            if victim != Victim::Recorder {
                break;
            }
            killed_recorder = Some(Instant::now());
            kill_recorder(&h.cli.data);
        }
    }
    let alive = running.child.try_wait()?.is_none() || killed_recorder.is_some();
    let cut = killed_recorder.unwrap_or_else(Instant::now);
    running.child.kill()?;
    running.child.wait()?;
    if victim == Victim::Both {
        kill_recorder(&h.cli.data);
    }
    // What was printed before the kill and not read yet was confirmed too.
    let begun = told.len() - usize::from(story.door) - 1;
    let unread: Vec<String> = running.lines.by_ref().map_while(Result::ok).collect();
    for (line, act) in unread.iter().zip(acts.iter().skip(begun)) {
        if let Ok(said) = serde_json::from_str::<Value>(line)
            && said.get("error").is_none()
        {
            told.push(tell(act, said));
        }
    }
    let cut = (victim == Victim::Both).then_some(cut);
    says_nothing(&h.cli.data)?;
    let last = told.last().map_or("nothing", |t| t.act.as_str());
    let seen = check(lab, h, who, &told, cut)
        .with_context(|| format!("{victim:?} killed after: {last}"))?;
    if n.is_multiple_of(10) {
        deliver(lab, h, &format!("kill-{n}"), &seen, false)?;
    }
    Ok(Run { seen, alive, close: close && alive })
}

fn finish(
    lab: &Lab,
    h: &Handheld,
    who: usize,
    told: &[Told],
    victim: Victim,
    alive: bool,
    close: bool,
) -> Result<Run> {
    if victim != Victim::Handheld {
        kill_recorder(&h.cli.data);
    }
    let seen = check(lab, h, who, told, None)
        .with_context(|| format!("{victim:?} killed after {} acts", told.len()))?;
    Ok(Run { seen, alive, close })
}

/// R37: whoever finds the handheld now reads nothing of the visit in its files.
fn says_nothing(data: &Path) -> Result<()> {
    let words = ["床上无人", "李四", "第1答", "110101199001011234", "不申请回避"];
    let mut grep = Command::new("grep");
    grep.args(["-r", "-l", "-a", "-F"]).args(words.iter().flat_map(|word| ["-e", word]));
    let found = grep.arg(data).output()?;
    let found = String::from_utf8_lossy(&found.stdout);
    ensure!(found.is_empty(), "words of the visit lie open in {found}");
    Ok(())
}

/// A bundle goes to the centre, is exported and verified, and played if nothing of it was damaged: sound that lost its
/// beginning has no header.
pub(crate) fn deliver(
    lab: &Lab,
    h: &Handheld,
    run: &str,
    seen: &Seen,
    damaged: bool,
) -> Result<()> {
    let bundle = seen.bundle.as_deref().context("no bundle")?;
    let out = lab.folder.join(format!("{run}.out"));
    let done = verify(lab, h, bundle, &out, damaged);
    let _ = std::fs::remove_dir_all(&out);
    done
}

fn verify(lab: &Lab, h: &Handheld, bundle: &str, out: &Path, damaged: bool) -> Result<()> {
    // On a stick: the centre takes one device journal of this handheld, and every run has its own.
    std::fs::create_dir_all(out)?;
    h.cli.ok(&["rescue", "--to", &out.to_string_lossy()])?;
    let stick = out.join(format!("{bundle}.rescue"));
    // A centre as it was: several runs of one visit make several bundles of one number.
    let data = out.join("center");
    let beside = |data: &Path| data.with_extension("key");
    let from = &lab.world.center.data;
    for (from, to) in [(from.clone(), data.clone()), (beside(from), beside(&data))] {
        let copied = Command::new("cp").arg("-a").arg(&from).arg(&to).status()?.success();
        ensure!(copied, "{} could not be copied", from.display());
    }
    let center = CenterCli { data, ..lab.world.center.clone() };
    center.ok(&["bundle", "add", &stick.to_string_lossy()])?;
    let zip = accepted(h, &center, bundle, out)?;
    if damaged { Ok(()) } else { play(&zip, out).map(drop) }
}

/// Exported by the centre, accepted by the verifier, played.
pub(crate) fn judge(h: &Handheld, center: &CenterCli, bundle: &str, out: &Path) -> Result<()> {
    play(&accepted(h, center, bundle, out)?, out).map(drop)
}

fn accepted(h: &Handheld, center: &CenterCli, bundle: &str, out: &Path) -> Result<PathBuf> {
    let zip = out.join("bundle.zip");
    let path = |path: &Path| path.to_string_lossy().into_owned();
    h.cli.ok(&["receipts", "--trust", &path(out)])?;
    center.ok(&["bundle", "export", bundle, "--out", &path(&zip)])?;
    let found = spotcheck_tests::support::checks::Out {
        bundle: zip.clone(),
        roots: out.join("roots.pem"),
        tsa_roots: None,
        log_key: out.join("log-key.txt"),
        receipt: out.join("center.entry.json"),
        pdfs: Vec::new(),
    };
    let report = spotcheck_tests::support::checks::verify(&found, false)?;
    ensure!(report["verdict"] == "accepted", "{report}");
    Ok(zip)
}
