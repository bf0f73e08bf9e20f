//! The log judged by our verifier, by RFC 6962's own arithmetic and, where installed, by Go's x/mod.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::sync::Arc;

use spotcheck_domain::{ManualClock, SeededEntropy};
use spotcheck_evidence::tlog::{self as judge, LogKey, LogProof};

use super::*;
use crate::db::SqliteStore;
use crate::folder::{Folder, RawKey};

fn open(dir: &std::path::Path) -> Log {
    let folder = Folder::open(dir).unwrap();
    let key = RawKey::generate(&SeededEntropy::new(2));
    let store: Arc<dyn Repository> = Arc::new(SqliteStore::open(&folder.database(), &key).unwrap());
    let objects = Objects::open(&folder).unwrap();
    Log::open(store, objects, "log.example.invalid/test", &SeededEntropy::new(3)).unwrap()
}

fn fill(log: &Log, count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|i| {
            let entry = format!("{{\"n\":{i}}}").into_bytes();
            log.append("test/1", Some(&format!("S-{i}")), &entry).unwrap();
            entry
        })
        .collect()
}

#[test]
fn every_entry_is_proven_and_every_size_is_consistent_with_every_later_one() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let key = LogKey::parse(log.vkey()).unwrap();
    let mut heads = vec![judge::Checkpoint::open(&log.head().unwrap().note, &key).unwrap()];
    let mut entries = Vec::new();
    for i in 0..40_u64 {
        let entry = format!("{{\"n\":{i}}}").into_bytes();
        assert_eq!(log.append("test/1", None, &entry).unwrap().index, i);
        entries.push(entry);
        let checkpoint = judge::Checkpoint::open(&log.head().unwrap().note, &key).unwrap();
        assert_eq!(checkpoint.size, i + 1);
        heads.push(checkpoint);
        for from in 1..=i {
            let proof: Vec<_> = log
                .consistency(from, &log.head().unwrap())
                .unwrap()
                .iter()
                .map(|h| judge::parse_hash(h).unwrap())
                .collect();
            let at = |n: u64| &heads[usize::try_from(n).unwrap()];
            judge::verify_consistency(at(from), at(i + 1), &proof).unwrap();
        }
    }
    for (index, entry) in (0_u64..).zip(&entries) {
        let text = log.proof(index, &log.head().unwrap()).unwrap();
        let proof = LogProof::parse(&text).unwrap();
        assert_eq!(proof.to_text(), text);
        proof.verify(entry, &key).unwrap();
        assert!(proof.verify(b"another", &key).is_err());
    }
}

#[test]
fn a_bundle_is_logged_once_and_the_key_and_entries_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let first = log.append(KIND_BUNDLE, Some("EVID-1"), b"{}").unwrap();
    assert_eq!(log.append(KIND_BUNDLE, Some("EVID-1"), b"{\"other\":1}").unwrap(), first);
    let clock = ManualClock::at_ms(1_795_251_600_000);
    let leaf = log.newest_time(&clock).unwrap();
    assert_eq!(leaf.index, 1);
    assert_eq!(log.newest_time(&clock).unwrap(), leaf);
    let (vkey, state) = (log.vkey().to_owned(), log.head().unwrap());
    drop(log);
    let again = open(dir.path());
    assert_eq!(again.vkey(), vkey);
    assert_eq!(again.head().unwrap(), state);
}

#[test]
fn two_writers_never_make_a_hole_or_a_fork() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let path = dir.path().to_owned();
    let writers: Vec<_> = (0..2)
        .map(|w| {
            let path = path.clone();
            std::thread::spawn(move || {
                let log = open(&path);
                for i in 0..25 {
                    log.append("test/1", Some(&format!("{w}-{i}")), format!("{w}-{i}").as_bytes())
                        .unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let log = open(dir.path());
    let key = LogKey::parse(log.vkey()).unwrap();
    assert_eq!(log.head().unwrap().size, 50);
    for index in 0..50 {
        let leaf = log.repo.leaves(index, 1).unwrap().remove(0);
        LogProof::parse(&log.proof(index, &log.head().unwrap()).unwrap())
            .unwrap()
            .verify(&leaf.entry, &key)
            .unwrap();
    }
}

#[test]
fn tiles_hold_what_the_specification_says() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let entries = fill(&log, 300);
    let get = |path: &str| log.tile(TilePath::parse(path).unwrap()).unwrap();
    assert_eq!(get("0/000").unwrap().len(), 256 * 32);
    assert_eq!(get("0/000"), get("0/000"));
    assert_eq!(get("0/001.p/44").unwrap().len(), 44 * 32);
    assert_eq!(get("0/001.p/45"), None);
    assert_eq!(get("0/001"), None);
    let level1 = get("1/000.p/1").unwrap();
    let leaf0: [u8; 32] = get("0/000").unwrap()[..32].try_into().unwrap();
    assert_eq!(leaf0, record_hash(&entries[0]).0);
    assert_eq!(level1, tree_hash(256, &log.reader()).unwrap().0);
    let bundle = get("entries/001.p/44").unwrap();
    let length = usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
    assert_eq!(&bundle[2..2 + length], entries[256].as_slice());
}

const GO: &str = r#"package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func check(err error) {
	if err != nil {
		fmt.Println("REFUSED", err)
		os.Exit(1)
	}
}

func open(text string, v note.Verifier) (int64, tlog.Hash) {
	n, err := note.Open([]byte(text), note.VerifierList(v))
	check(err)
	lines := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	raw, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	var h tlog.Hash
	copy(h[:], raw)
	return size, h
}

func hashes(lines []string) []tlog.Hash {
	var out []tlog.Hash
	for _, l := range lines {
		raw, err := base64.StdEncoding.DecodeString(l)
		check(err)
		var h tlog.Hash
		copy(h[:], raw)
		out = append(out, h)
	}
	return out
}

// Arguments: vkey proof-file entry-file old-checkpoint-file consistency-file
func main() {
	v, err := note.NewVerifier(os.Args[1])
	check(err)
	proof, err := os.ReadFile(os.Args[2])
	check(err)
	entry, err := os.ReadFile(os.Args[3])
	check(err)
	head, checkpoint, _ := strings.Cut(string(proof), "\n\n")
	lines := strings.Split(head, "\n")
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	check(err)
	size, root := open(checkpoint, v)
	check(tlog.CheckRecord(tlog.RecordProof(hashes(lines[2:])), size, root, index, tlog.RecordHash(entry)))
	if tlog.CheckRecord(tlog.RecordProof(hashes(lines[2:])), size, root, index, tlog.RecordHash([]byte("x"))) == nil {
		fmt.Println("REFUSED another entry passes")
		os.Exit(1)
	}
	old, err := os.ReadFile(os.Args[4])
	check(err)
	oldSize, oldRoot := open(string(old), v)
	f, err := os.Open(os.Args[5])
	check(err)
	var tree []string
	for s := bufio.NewScanner(f); s.Scan(); {
		tree = append(tree, s.Text())
	}
	check(tlog.CheckTree(tlog.TreeProof(hashes(tree)), size, root, oldSize, oldRoot))
	fmt.Println("OK")
}
"#;

#[test]
fn gos_sumdb_accepts_proofs_checkpoints_and_consistency() {
    let have = std::path::Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").exists();
    if !have {
        eprintln!(
            "SKIPPED gos_sumdb_accepts_proofs_checkpoints_and_consistency: golang-golang-x-mod-dev is not installed"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let log = open(&dir.path().join("c"));
    fill(&log, 150);
    let old = log.head().unwrap().note;
    let entries: Vec<Vec<u8>> = (150..300)
        .map(|i| {
            let entry = format!("{{\"later\":{i}}}").into_bytes();
            log.append("test/1", None, &entry).unwrap();
            entry
        })
        .collect();
    let path = dir.path();
    std::fs::write(path.join("main.go"), GO).unwrap();
    std::fs::write(path.join("proof"), log.proof(223, &log.head().unwrap()).unwrap()).unwrap();
    std::fs::write(path.join("entry"), &entries[73]).unwrap();
    std::fs::write(path.join("old"), old).unwrap();
    std::fs::write(
        path.join("tree"),
        log.consistency(150, &log.head().unwrap()).unwrap().join("\n"),
    )
    .unwrap();
    let output = std::process::Command::new("go")
        .args(["run", "main.go", log.vkey(), "proof", "entry", "old", "tree"])
        .current_dir(path)
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOFLAGS", "")
        .output();
    let Ok(output) = output else {
        eprintln!(
            "SKIPPED gos_sumdb_accepts_proofs_checkpoints_and_consistency: go is not installed"
        );
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.trim(), "OK", "{}", String::from_utf8_lossy(&output.stderr));
}
