//! A recorder that really is another process: killed with SIGKILL, and measured for memory.
//!
//! The test program starts itself again with one test chosen and a variable set; without the variable that
//! test does nothing. What the child told before it died is the list of what must be there afterwards.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use spotcheck_app::ports::{BlobVault, RecordingOrder};
use spotcheck_domain::ManualClock;

use super::RecordingWriter;
use super::tests::{Story, fragment};
use crate::Recipients;

const JOB: &str = "SPOTCHECK_VAULT_TEST_JOB";
const MEGABYTE: usize = 1 << 20;

fn start(test: &str, story: &Story, kind: &str) -> Child {
    let job = serde_json::json!({
        "kind": kind,
        "folder": story.case_folder(),
        "order": story.order,
        "recipients": story.rig.vault.recipients(&story.case).unwrap(),
    });
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", test])
        .env(JOB, job.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

const CHILD: &str = "recording::child_tests::the_child";

#[test]
fn the_child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job: serde_json::Value = serde_json::from_str(&job).unwrap();
    let order: RecordingOrder = serde_json::from_value(job["order"].clone()).unwrap();
    let recipients: Recipients = serde_json::from_value(job["recipients"].clone()).unwrap();
    let folder = Path::new(job["folder"].as_str().unwrap());
    let clock = Arc::new(ManualClock::at_ms(1_795_000_000_000));
    let mut writer = RecordingWriter::create(folder, &order, &recipients, clock).unwrap();
    let mut out = std::io::stdout();
    if job["kind"] == "memory" {
        let cluster = vec![0x1f; MEGABYTE];
        writer.push(&cluster, 1_000).unwrap();
        let before = peak_kib();
        for _ in 1..34 {
            writer.push(&cluster, 1_000).unwrap();
        }
        writer.close().unwrap();
        writeln!(out, "\ngrew {}", peak_kib() - before).unwrap();
        return;
    }
    for number in 1_u64.. {
        let ack = writer.push(&fragment(number), 15_000).unwrap();
        writeln!(out, "\nack {}", ack.number).unwrap();
        out.flush().unwrap();
    }
}

/// Reads the child's lines that begin with `word`, as numbers.
fn told(child: &mut Child, word: &str) -> impl Iterator<Item = u64> + use<> {
    let prefix = format!("{word} ");
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(move |line| line.strip_prefix(&prefix).and_then(|n| n.parse().ok()))
}

#[test]
fn r06_r19_sigkill_of_the_recorder_loses_nothing_that_it_acknowledged() {
    // Right after an acknowledgement: around segment ends (every 4 fragments) and in between.
    for stop_after in [1_u64, 3, 4, 5, 8, 11, 16, 17] {
        let mut story = Story::new();
        let mut child = start(CHILD, &story, "record");
        let mut acks = told(&mut child, "ack");
        let mut last = acks.find(|n| *n == stop_after).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still told before the signal reached it.
        last = acks.last().unwrap_or(last);

        let outcome = story.recover().remove(0);
        assert!(outcome.recovered);
        let media = story.rig.vault.read(&story.case, &outcome.media).unwrap();
        let whole = outcome.duration_ms / 15_000;
        assert!(whole >= last, "acknowledged {last}, recovered {whole}");
        assert!(whole <= last + 1, "a fragment nobody knows of");
        let expected: Vec<u8> = (1..=whole).flat_map(fragment).collect();
        assert!(media.as_slice() == expected, "stopped after {last}");
        assert_eq!(outcome.fragments, whole);
    }
}

#[test]
fn r14_a_long_recording_takes_the_memory_of_two_segments() {
    let story = Story::new();
    let mut child = start(CHILD, &story, "memory");
    let grew = told(&mut child, "grew").last().unwrap();
    assert!(child.wait().unwrap().success());
    // 34 MiB recorded; 16 MiB of plaintext wait for their segment, 16 MiB are its ciphertext.
    assert!(grew < 48 * 1024, "peak grew by {grew} KiB");
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
