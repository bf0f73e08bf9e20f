//! Two handhelds of one task: what the tests of the second copy share.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use spotcheck_tests::support::checks::{Out, collect_from, verify};
use spotcheck_tests::support::programs::{HandheldCli, free_port, kill_recorder};
use spotcheck_tests::support::visit::{Sealed, World};

pub(crate) fn arg(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// xorshift64*: seeded and repeatable.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// Handheld B keeps copies for others on a loopback port, until dropped.
pub(crate) struct Keeping {
    child: Child,
    pub(crate) address: String,
}

impl Keeping {
    pub(crate) fn start(b: &HandheldCli) -> Self {
        let listen = format!("127.0.0.1:{}", free_port().unwrap());
        let mut command = b.command(0, &["copy", "serve", &listen]).unwrap();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(said["listening"], listen.as_str());
        Self { child, address: listen }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was confirmed before the newest copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Confirmed {
    pub(crate) notes: Vec<String>,
    pub(crate) photos: usize,
    pub(crate) recordings: usize,
}

/// One file of the exported ZIP.
pub(crate) fn unzip(bundle: &Path, name: &str) -> String {
    let out = Command::new("unzip").args(["-p", &arg(bundle), &format!("*/{name}")]).output();
    String::from_utf8(out.unwrap().stdout).unwrap()
}

pub(crate) fn destroy(a: &HandheldCli) {
    kill_recorder(&a.data);
    fs::remove_dir_all(&a.data).unwrap();
}

/// B goes on with A's case, seals and sends it; the bundle holds everything confirmed before the copy.
pub(crate) fn goes_on(
    world: &World,
    b: &HandheldCli,
    case: &str,
    before: &Confirmed,
    out: &Path,
) -> Out {
    let view = b.ok(&["case", "open", "--task", &world.task]).unwrap();
    assert_eq!(view["id"], case, "the rescued case is the task's open case on B");
    // Marked for the officer: among what the visit lacks, and as a line of the journal.
    let gaps = view["missing"].to_string();
    assert!(gaps.contains("由手持机 D-0001 的第二副本恢复"), "{gaps}");
    b.ok(&["case", "note", case, "在二号机上接着办"]).unwrap();
    let bundle = b.seal_incomplete(case, "手持机一号遗失，撤离", &[0, 1]).unwrap();
    let pushed = b.ok(&["push"]).unwrap();
    let items = pushed["items"].as_array().unwrap();
    let sent = items.iter().find(|i| i["bundle"] == bundle.as_str()).unwrap();
    assert_eq!(sent["state"], "received", "{pushed}");
    // Marked for the centre.
    let shown = world.center.ok(&["bundle", "show", &bundle]).unwrap();
    assert_eq!(
        (shown["rescued_from"].as_str(), shown["device"].as_str()),
        (Some("D-0001"), Some("D-0002")),
        "{shown}"
    );
    let sealed = Sealed { case: case.to_owned(), bundle, documents: Vec::new() };
    let out = collect_from(&world.center, b, &sealed, out).unwrap();
    let report = verify(&out, false).unwrap();
    let warned = report["warnings"].as_array().unwrap();
    assert!(warned.iter().any(|w| w["code"] == "JOURNAL-RESCUED"), "{report}");

    let journal = unzip(&out.bundle, "data/journal.jsonl");
    let record: Value = serde_json::from_str(&unzip(&out.bundle, "data/record.json")).unwrap();
    assert!(
        journal.contains("\"kind\":\"rescued\"") && journal.contains("\"from_device\":\"D-0001\"")
    );
    assert!(unzip(&out.bundle, "bag-info.txt").contains("Spotcheck-Rescued-From: D-0001\n"));
    assert_eq!(record["completeness"]["complete"], false);
    let missing = record["completeness"]["missing"].to_string();
    assert!(missing.contains("D-0001 的第二副本恢复"), "{missing}");
    for note in &before.notes {
        assert!(journal.contains(note.as_str()), "{note} was confirmed and copied");
    }
    let evidence = record["evidence"].as_array().unwrap();
    let of = |kind: &str| evidence.iter().filter(|e| e["media_type"] == kind).count();
    assert!(of("image/jpeg") >= before.photos, "{evidence:?}");
    assert!(of("audio/ogg") >= before.recordings, "{evidence:?}");
    out
}

pub(crate) fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
