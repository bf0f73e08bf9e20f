//! One visit on a disk that remembers every step, and many power cuts in it.
//!
//! Each cut takes the log up to some step, draws what storage kept of it, and starts the handheld again on
//! that state with another boot. Every third one is cut again while it recovers; every tenth goes to the centre, is
//! verified and decoded.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::check::{Seen, check};
use crate::disk::{Logged, Nodes, Step};
use crate::kill::deliver;
use crate::lab::{Lab, Told};
use crate::mount::{Mounted, locked};
use crate::power::{Storage, cut};
use crate::random::Random;
use crate::story::Story;

/// A visit that went through, with everything the disk was told.
pub(crate) struct Tape {
    base: Nodes,
    log: Vec<Logged>,
    told: Vec<Told>,
}

/// Records a visit.
pub(crate) fn record(lab: &Lab, n: u64, seed: u64) -> Result<Tape> {
    let mut random = Random::new(seed.wrapping_mul(0x1_0000_0003).wrapping_add(n));
    let story = Story::draw(&mut random, &lab.strokes, &lab.pins());
    let name = format!("tape-{n}");
    let mounted = Mounted::new(lab.nodes.clone(), &lab.folder.join(&name))?;
    let h = lab.handheld(&name, &mounted.at)?;
    let disk = Arc::clone(&mounted.disk);
    let tell = |act: &str, said: Value| Told {
        act: act.to_owned(),
        said,
        at: Instant::now(),
        steps: locked(&disk).log().len(),
    };
    let mut told = Vec::new();
    if story.door {
        told.push(tell("capture audio", h.locked().ok(&["capture", "audio"])?));
    }
    told.push(tell("case open", h.cli.ok(&["case", "open", "--task", &lab.world.task])?));
    let case = told.last().and_then(|t| t.said["id"].as_str()).context("no case")?.to_owned();
    let acts = story.acts(&case);
    let mut running = h.start(0, &acts)?;
    for act in &acts {
        let line = running.lines.next().with_context(|| format!("nothing said to: {act}"))??;
        let said: Value = serde_json::from_str(&line)?;
        anyhow::ensure!(said.get("error").is_none(), "{act}: {said}");
        told.push(tell(act, said));
    }
    drop(running);
    let disk = locked(&mounted.disk);
    Ok(Tape { base: disk.base().clone(), log: disk.log().to_vec(), told })
}

impl Tape {
    pub(crate) fn steps(&self) -> usize {
        self.log.len()
    }

    /// Everything of the tape up to a step, as if storage had lost nothing.
    pub(crate) fn whole(&self, random: &mut Random) -> (Nodes, usize) {
        let until = self.place(random);
        let mut log = self.log[..until].to_vec();
        let synced: Vec<u64> =
            self.base.keys().copied().chain(log.iter().filter_map(made)).collect();
        log.extend(
            synced.into_iter().map(|ino| Logged { at: Instant::now(), step: Step::Sync { ino } }),
        );
        (cut(&self.base, &log, Storage::Journalled, random), until)
    }

    /// What was confirmed up to a step.
    pub(crate) fn told_until(&self, until: usize) -> Vec<Told> {
        self.told.iter().filter(|t| t.steps <= until).cloned().collect()
    }

    /// Where the `n`th cut comes, and what storage does: half of them right at a confirmation.
    fn place(&self, random: &mut Random) -> usize {
        let near = self.told.get(random.index(self.told.len())).map_or(0, |t| t.steps);
        match random.below(2) {
            0 => (near + random.index(6)).min(self.log.len()),
            _ => random.index(self.log.len() + 1),
        }
    }
}

const fn made(logged: &Logged) -> Option<u64> {
    match &logged.step {
        Step::Make { ino, .. } => Some(*ino),
        _ => None,
    }
}

/// One power cut, and perhaps another one during the recovery; what the checks saw.
pub(crate) fn power_cut(lab: &Lab, tape: &Tape, n: u64, seed: u64) -> Result<Vec<Seen>> {
    let mut random = Random::new(seed.wrapping_mul(0x1_0000_0005).wrapping_add(n));
    let until = tape.place(&mut random);
    let storage = if random.half() { Storage::Journalled } else { Storage::Loose };
    let log = &tape.log[..until];
    let told = tape.told_until(until);
    let at = tape.log.get(until).or_else(|| tape.log.last()).map(|logged| logged.at);
    let nodes = cut(&tape.base, log, storage, &mut random);
    let last = told.last().map_or("nothing", |t| t.act.as_str());
    let what = format!("{storage:?}, step {until} of {}, after: {last}", tape.log.len());
    let again = random.below(3) == 0;
    let (seen, second) = restart(lab, nodes, (n, 1), &told, at, &mut random, storage, again)
        .context(what.clone())?;
    let mut all = vec![seen];
    if let Some(nodes) = second {
        let (seen, _) = restart(lab, nodes, (n, 2), &told, None, &mut random, storage, false)
            .with_context(|| format!("{what}; cut again during the recovery"))?;
        all.push(seen);
    }
    Ok(all)
}

/// The handheld on a crash state; and, if wanted, a crash state out of this restart.
#[allow(clippy::too_many_arguments, reason = "one call in two places")]
fn restart(
    lab: &Lab,
    nodes: Nodes,
    (n, boot): (u64, u64),
    told: &[Told],
    at: Option<Instant>,
    random: &mut Random,
    storage: Storage,
    again: bool,
) -> Result<(Seen, Option<Nodes>)> {
    let name = format!("cut-{n}");
    let mounted = Mounted::new(nodes, &lab.folder.join(&name))?;
    let h = lab.handheld(&name, &mounted.at)?;
    h.reboot(2 * n + boot)?;
    let checked = check(lab, &h, random.index(2), told, at);
    let disk = locked(&mounted.disk);
    if checked.is_err()
        && let Some(folder) = std::env::var_os("CRASH_KEEP")
    {
        crate::keep(&std::path::Path::new(&folder).join(&name), disk.base())?;
    }
    let seen = checked?;
    let second = again.then(|| {
        let until = random.index(disk.log().len() + 1);
        cut(disk.base(), &disk.log()[..until], storage, random)
    });
    drop(disk);
    if boot == 1 && n.is_multiple_of(10) {
        deliver(lab, &h, &name, &seen, false).context("delivered after the cut")?;
    }
    Ok((seen, second))
}
