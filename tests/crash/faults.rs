//! Storage that refuses (EIO, ENOSPC) in the middle of a visit, and storage that lies (flipped bits).
//!
//! A refused write or read is told clearly and costs only what was not confirmed; once storage works
//! again, so does the handheld. A flipped bit may cost the file it is in, never another one, never an answer to `status`
//! without words, and never an empty store in the place of a damaged one; in a list of a recording it costs nothing. The
//! case is sealed and goes home after it, and the centre and the verifier accept what is left.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spotcheck_tests::support::programs::{Ran, kill_recorder};

use crate::check::{Seen, check};
use crate::cuts::Tape;
use crate::disk::{Fault, Faults, Kind, Nodes, ROOT};
use crate::kill::deliver;
use crate::lab::{Handheld, Lab, Told};
use crate::mount::{Mounted, locked};
use crate::random::Random;
use crate::story::Story;

fn chinese(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)))
}

/// Done, or refused in words.
fn clear(ran: &Ran) -> Result<bool> {
    if ran.code == 0 {
        return Ok(true);
    }
    let error = &ran.json["error"];
    let words = ["message", "safe", "advice"].iter().all(|member| chinese(&error[*member]));
    ensure!(words && matches!(ran.code, 1 | 3), "exit {}: {} {}", ran.code, ran.json, ran.stderr);
    Ok(false)
}

/// Storage refuses for a while; what was confirmed before and after is there.
pub(crate) fn refuse(lab: &Lab, n: u64, seed: u64) -> Result<(Seen, u64)> {
    let mut random = Random::new(seed.wrapping_mul(0x1_0000_0009).wrapping_add(n));
    let story = Story::draw(&mut random, &lab.strokes, &lab.pins());
    let name = format!("fault-{n}");
    let mounted = Mounted::new(lab.nodes.clone(), &lab.folder.join(&name))?;
    let h = lab.handheld(&name, &mounted.at)?;
    let tell = |act: &str, said: Value| Told {
        act: act.to_owned(),
        said,
        at: std::time::Instant::now(),
        steps: 0,
    };
    let mut told = Vec::new();
    if story.door {
        told.push(tell("capture audio", h.locked().ok(&["capture", "audio"])?));
    }
    told.push(tell("case open", h.cli.ok(&["case", "open", "--task", &lab.world.task])?));
    let case = told.last().and_then(|t| t.said["id"].as_str()).context("no case")?.to_owned();
    let acts = story.acts(&case);
    let fail_at = random.index(acts.len());
    let error = [Fault::Io, Fault::Full, Fault::Read][random.index(3)];
    let count = random.half().then(|| 1 + random.below(20));
    let mut running = h.start(0, &acts)?;
    for (index, act) in acts.iter().enumerate() {
        if index == fail_at {
            let after = Some(random.below(30));
            locked(&mounted.disk).faults = Faults { after, count, error: Some(error), refused: 0 };
        }
        let Some(Ok(line)) = running.lines.next() else { break };
        let said: Value = serde_json::from_str(&line)?;
        if said.get("error").is_some() {
            let words = ["message", "safe", "advice"].iter();
            ensure!(words.clone().all(|m| chinese(&said["error"][*m])), "{act}: {said}");
            break;
        }
        told.push(tell(act, said));
    }
    drop(running);
    // Asked while storage still refuses: an answer or a clear word.
    for act in [&["status"][..], &["journal", "--verify"]] {
        clear(&h.locked().run_as(0, act)?).with_context(|| format!("{act:?} meanwhile"))?;
    }
    let open = h.cli.run_as(0, &["case", "open", "--task", &lab.world.task])?;
    clear(&open).context("case open while storage refuses")?;
    let refused = locked(&mounted.disk).faults.refused;
    locked(&mounted.disk).faults = Faults::default();
    let what = format!("{error:?} ×{count:?} at: {}", acts[fail_at]);
    let seen = check(lab, &h, random.index(2), &told, None).with_context(|| what.clone());
    if seen.is_err()
        && let Some(folder) = std::env::var_os("CRASH_KEEP")
    {
        let nodes = locked(&mounted.disk).nodes.clone();
        crate::keep(&std::path::Path::new(&folder).join(&name), &nodes)?;
    }
    Ok((seen?, refused))
}

/// Every file below the data folder: (path, inode).
fn files(nodes: &Nodes) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut todo = vec![(String::new(), ROOT)];
    while let Some((path, ino)) = todo.pop() {
        match nodes.get(&ino).map(|node| &node.kind) {
            Some(Kind::Folder(names)) => {
                todo.extend(names.iter().map(|(name, ino)| (format!("{path}/{name}"), *ino)));
            }
            Some(Kind::File(bytes)) if !bytes.is_empty() => found.push((path, ino)),
            Some(Kind::File(_) | Kind::Socket) | None => {}
        }
    }
    found.sort();
    found
}

/// One bit of one file is another one.
pub(crate) fn flip(lab: &Lab, tape: &Tape, n: u64, seed: u64) -> Result<()> {
    let mut random = Random::new(seed.wrapping_mul(0x1_0000_000b).wrapping_add(n));
    let (mut nodes, until) = tape.whole(&mut random);
    let all: Vec<_> = files(&nodes)
        .into_iter()
        .filter(|(path, _)| {
            // What was being written when the power went has no name yet.
            let unnamed = path.contains("/.tmp-");
            !unnamed && !path.ends_with("-shm") && !path.contains(".log") && !path.contains("lock")
        })
        .collect();
    // Half of them where the visit lies; the package is checked by hashes elsewhere.
    let near: Vec<_> = all.iter().filter(|(path, _)| path.starts_with("/cases")).cloned().collect();
    let from = if random.half() && !near.is_empty() { &near } else { &all };
    let (path, ino) = from[random.index(from.len())].clone();
    let Some(node) = nodes.get_mut(&ino) else { return Ok(()) };
    let Kind::File(bytes) = &mut node.kind else { return Ok(()) };
    let length = bytes.len();
    let at = random.index(length);
    Arc::make_mut(bytes)[at] ^= 1 << random.below(8);
    let name = format!("flip-{n}");
    let mounted = Mounted::new(nodes, &lab.folder.join(&name))?;
    let h = lab.handheld(&name, &mounted.at)?;
    h.reboot(n + 1)?;
    let told = tape.told_until(until);
    let damaged = path.ends_with(".age");
    let done = if path.contains("/rec/") && !damaged {
        // What the lists of a recording say, something else says too.
        check(lab, &h, 0, &told, None).map(Some)
    } else {
        look(lab, &h, &path)
    };
    let done = done.and_then(|seen| match seen {
        Some(seen) => deliver(lab, &h, &name, &seen, damaged).context("delivered after the flip"),
        None => Ok(()),
    });
    let done = done.with_context(|| format!("{path}, byte {at} of {length}, after {until} steps"));
    kill_recorder(&h.cli.data);
    let disk = locked(&mounted.disk);
    let still = files(&disk.nodes).iter().any(|(found, _)| *found == path);
    let recording = path.contains("/rec/") || path.ends_with("-wal");
    ensure!(still || recording || done.is_err(), "{path} is gone");
    done
}

fn look(lab: &Lab, h: &Handheld, path: &str) -> Result<Option<Seen>> {
    let mut all = true;
    for act in [&["status"][..], &["tasks"], &["journal", "--verify"], &["receipts"]] {
        all &= clear(&h.cli.run_as(0, act)?).with_context(|| format!("{act:?}"))?;
    }
    let open = h.cli.run_as(0, &["case", "open", "--task", &lab.world.task])?;
    let opened = clear(&open).context("case open")?;
    // A damaged blob or recording costs itself: unlocking, the case and writing go on.
    if path.contains("/blobs/") || path.contains("/rec/") {
        ensure!(all && opened, "{} keeps everything else away", open.json);
        let case = open.json["id"].as_str().context("no case")?;
        let note = h.cli.run_as(0, &["case", "note", case, "损坏之后"])?;
        if note.code != 0 {
            // Damaged after the seal: the bundle waits for its second copy.
            ensure!(note.error_code() == "CASE-SEALED", "{}", note.json);
            return Ok(None);
        }
        let pins = lab.pins();
        let mut seal = vec!["seal", case, "--incomplete", "存储损坏，撤离"];
        for pin in &pins {
            seal.extend(["--signer", pin]);
        }
        let sealed = h.cli.run_as(0, &seal)?;
        if clear(&sealed).context("seal")? {
            let bundle = sealed.json["bundle"].as_str().map(str::to_owned);
            return Ok(Some(Seen { case: Some(case.to_owned()), bundle, ..Seen::default() }));
        }
        // A paper of the case that is damaged cannot be left out; anything else can.
        let words = ["SEAL-DAMAGED", "CASE-SEALED"];
        ensure!(words.contains(&sealed.error_code()), "not sealed: {}", sealed.json);
    }
    Ok(None)
}
