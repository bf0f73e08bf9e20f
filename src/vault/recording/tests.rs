//! Recordings that end well, are killed at any point, or find their last file cut at any byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spotcheck_app::desk::RecordingKind;
use spotcheck_app::ports::{BlobVault, KeyRing, RecordingOrder, RecordingOutcome};
use spotcheck_domain::{CaseId, Clock, DeviceId};
use spotcheck_evidence::journal::JournalEntry;
use spotcheck_evidence::{FileHashes, Hash32};

use super::layout::{self, LOG, SEGMENTS};
use super::{FragmentAck, RecordingWriter, SEGMENT_BYTES};
use crate::tests::support::{PIN, Rig, ZHANG, files};

/// An enrolled, locked handheld with an open case, and the recording it is about to make.
pub(super) struct Story {
    pub(super) rig: Rig,
    pub(super) case: CaseId,
    pub(super) order: RecordingOrder,
    pub(super) folder: PathBuf,
}

pub(super) fn order(case: &CaseId, number: u32) -> RecordingOrder {
    RecordingOrder {
        case: case.clone(),
        path: format!("data/media/{number:04}.ogg"),
        log_path: format!("data/media/{number:04}.log.jsonl"),
        kind: RecordingKind::Audio,
        first_prev: "0".repeat(64),
        device: DeviceId::parse("D-0001").unwrap(),
    }
}

impl Story {
    /// A case is open, and the handheld is locked: recording needs no key.
    pub(super) fn new() -> Self {
        let mut rig = Rig::enrolled();
        let case = rig.open_case();
        rig.vault.lock();
        let folder = rig.vault.case_folder(&case).join("rec/0002.ogg");
        Self { rig, order: order(&case, 2), case, folder }
    }

    pub(super) fn case_folder(&self) -> PathBuf {
        self.rig.vault.case_folder(&self.case)
    }

    pub(super) fn writer(&self) -> RecordingWriter {
        let recipients = self.rig.vault.recipients(&self.case).unwrap();
        let clock: Arc<dyn Clock> = self.rig.clock.clone();
        let folder = self.case_folder();
        RecordingWriter::create(&folder, &self.order, &recipients, clock).unwrap()
    }

    pub(super) fn push(
        &self,
        writer: &mut RecordingWriter,
        number: u64,
        media_ms: u64,
    ) -> FragmentAck {
        self.rig.clock.advance_ms(i64::try_from(media_ms).unwrap());
        writer.push(&fragment(number), media_ms).unwrap()
    }

    /// A new process, 张三 unlocks, everything that was cut off is closed.
    pub(super) fn recover(&mut self) -> Vec<RecordingOutcome> {
        self.rig.restart();
        self.rig.unlock(ZHANG, PIN);
        let closed = self.rig.vault.recover_recordings(&self.case).unwrap();
        closed
            .into_iter()
            .map(|(order, outcome)| {
                assert_eq!(order, self.order);
                outcome
            })
            .collect()
    }

    pub(super) fn check(&mut self, outcome: &RecordingOutcome, expected: &[u8], log_lines: u64) {
        self.rig.unlock(ZHANG, PIN);
        let media = self.rig.vault.read(&self.case, &outcome.media).unwrap();
        assert!(media.as_slice() == expected, "the media file is not what was recorded");
        let hashes = FileHashes::of(expected);
        assert_eq!(outcome.media.sha256, hashes.sha256.to_string());
        assert_eq!(outcome.media.sm3, hashes.sm3.to_string());
        assert_eq!(outcome.media.size, hashes.size);
        let total: u64 = outcome.media.blobs.iter().map(|b| b.size).sum();
        assert_eq!(total, hashes.size);
        let log = self.rig.vault.read(&self.case, &outcome.log).unwrap();
        assert_eq!(
            check_log(&log, &self.order),
            (log_lines, outcome.log_first.clone(), outcome.log_head.clone())
        );
        assert_eq!(outcome.fragments, log_lines);
        let left = files(&self.folder);
        let lists = |file: &str| file.ends_with("order.json") || file.ends_with("outcome.json");
        assert!(left.iter().all(|file| lists(&file.to_string_lossy())), "only these: {left:?}");
    }
}

/// The log is one chain with numbered fragments; returns lines, hash of the first, hash of the last.
fn check_log(log: &[u8], order: &RecordingOrder) -> (u64, String, String) {
    let mut prev = order.first_prev.clone();
    let mut first = String::new();
    let mut lines = 0;
    for line in log.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap();
        let entry = JournalEntry::parse(line).unwrap();
        lines += 1;
        assert_eq!(entry.seq, lines);
        assert_eq!(entry.prev.to_string(), prev);
        assert_eq!(entry.fact_number("fragment"), Some(lines));
        assert_eq!(entry.subject.as_deref(), Some(order.path.as_str()));
        assert!(entry.officer.is_none());
        prev = Hash32::sha256(line).to_string();
        if lines == 1 {
            first = prev.clone();
        }
    }
    (lines, first, prev)
}

pub(super) fn fragment(number: u64) -> Vec<u8> {
    format!("<fragment {number:06}>").repeat(40).into_bytes()
}

pub(super) fn media(fragments: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    fragments.flat_map(fragment).collect()
}

/// What a kill leaves: the writer is gone, its files are not.
fn kill(writer: RecordingWriter) {
    drop(writer);
}

#[test]
fn a_recording_while_locked_becomes_segments_and_a_log() {
    let mut story = Story::new();
    let mut writer = story.writer();
    let mut first_line = None;
    for number in 1..=75 {
        let ack = story.push(&mut writer, number, 2_000);
        assert_eq!((ack.number, ack.stored_ms), (number, number * 2_000));
        first_line.get_or_insert(ack.line);
        let fragments = files(&story.folder)
            .iter()
            .filter(|p| p.file_name().unwrap().to_str().unwrap().starts_with("f-"))
            .count() as u64;
        assert_eq!(
            fragments,
            number % 30,
            "a fragment is on disk at its ack, a segment replaces 30"
        );
    }
    let outcome = writer.close().unwrap();
    assert!(!outcome.recovered);
    assert_eq!(outcome.duration_ms, 150_000);
    assert_eq!(outcome.media.blobs.len(), 3);
    assert_eq!(outcome.log_first, first_line.unwrap().to_string());
    story.check(&outcome, &media(1..=75), 75);

    // Told again until it is settled (a crash between close and journal loses nothing), then gone.
    assert_eq!(story.recover(), std::slice::from_ref(&outcome));
    assert_eq!(story.recover(), [outcome]);
    story.rig.vault.settle_recording(&story.case, &story.order.path).unwrap();
    story.rig.vault.settle_recording(&story.case, &story.order.path).unwrap();
    assert!(story.recover().is_empty());
    assert!(!story.folder.exists());
}

#[test]
fn sixteen_mebibytes_close_a_segment_too() {
    let story = Story::new();
    let mut writer = story.writer();
    let cluster = vec![0x1a; 9 * 1024 * 1024];
    writer.push(&cluster, 1_000).unwrap();
    writer.push(&cluster, 1_000).unwrap();
    writer.push(&cluster[..1024 * 1024], 1_000).unwrap();
    let outcome = writer.close().unwrap();
    let sizes: Vec<u64> = outcome.media.blobs.iter().map(|b| b.size / 1024 / 1024).collect();
    assert_eq!(sizes, [18, 1]);
    assert!(outcome.media.blobs[0].size >= SEGMENT_BYTES);
}

#[test]
fn r06_r19_a_kill_at_any_fragment_loses_nothing_that_was_acknowledged() {
    let mut story = Story::new();
    for stop in [1_u64, 2, 3, 4, 5, 6, 7, 8, 9, 12] {
        let mut writer = story.writer();
        for number in 1..=stop {
            story.push(&mut writer, number, 15_000);
        }
        kill(writer);
        let outcomes = story.recover();
        assert_eq!(outcomes.len(), 1, "stopped after {stop}");
        assert!(outcomes[0].recovered);
        assert_eq!(outcomes[0].duration_ms, stop * 15_000);
        assert_eq!(outcomes[0].media.blobs.len() as u64, stop.div_ceil(4));
        story.check(&outcomes[0], &media(1..=stop), stop);
        story.rig.vault.settle_recording(&story.case, &story.order.path).unwrap();
        story.rig.vault.lock();
    }
}

#[test]
fn a_kill_before_the_first_fragment_leaves_nothing_to_close() {
    let mut story = Story::new();
    kill(story.writer());
    assert!(story.recover().is_empty());
    assert!(!story.folder.exists());
    // A stop before the first fragment is an error, not an empty file.
    let writer = story.writer();
    assert!(writer.close().is_err());
    assert!(!story.folder.exists());
}

#[test]
fn r02_r05_a_running_recording_is_left_alone_and_cannot_be_begun_twice() {
    let mut story = Story::new();
    let mut writer = story.writer();
    story.push(&mut writer, 1, 1_000);
    let unfinished = story.rig.vault.unfinished_recordings(&story.case).unwrap();
    assert_eq!(unfinished.len(), 1);
    assert!(unfinished[0].running && unfinished[0].outcome.is_none());
    assert!(story.recover().is_empty());
    story.push(&mut writer, 2, 1_000);

    let recipients = story.rig.vault.recipients(&story.case).unwrap();
    let folder = story.case_folder();
    let clock: Arc<dyn Clock> = story.rig.clock.clone();
    let again = RecordingWriter::create(&folder, &story.order, &recipients, clock.clone());
    assert_eq!(spotcheck_domain::Trouble::from(again.unwrap_err()).code, "VAULT-RECORDING-EXISTS");
    // R05: a second recorder beside it is fine.
    let mut second =
        RecordingWriter::create(&folder, &order(&story.case, 3), &recipients, clock).unwrap();
    second.push(b"video", 1_000).unwrap();
    second.close().unwrap();
    assert!(story.rig.vault.settle_recording(&story.case, &story.order.path).is_err());

    let outcome = writer.close().unwrap();
    story.check(&outcome, &media(1..=2), 2);
    let unfinished = story.rig.vault.unfinished_recordings(&story.case).unwrap();
    assert_eq!(unfinished.iter().filter(|u| u.outcome.is_some() && !u.running).count(), 2);
}

#[test]
fn the_recovery_of_a_cut_recording_needs_an_unlocked_officer() {
    let mut story = Story::new();
    let mut writer = story.writer();
    story.push(&mut writer, 1, 1_000);
    kill(writer);
    story.rig.restart();
    let error = story.rig.vault.recover_recordings(&story.case).unwrap_err();
    assert_eq!(spotcheck_domain::Trouble::from(error).code, "VAULT-LOCKED");
    assert_eq!(story.recover().len(), 1);
}

/// Copies a case folder back to an earlier state.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

struct Frozen {
    case_folder: PathBuf,
    kept: tempfile::TempDir,
}

impl Frozen {
    fn take(case_folder: &Path) -> Self {
        let kept = tempfile::tempdir().unwrap();
        copy(case_folder, kept.path());
        Self { case_folder: case_folder.to_owned(), kept }
    }

    fn restore(&self) {
        fs::remove_dir_all(&self.case_folder).unwrap();
        copy(self.kept.path(), &self.case_folder);
    }
}

#[test]
fn r06_the_last_fragment_cut_at_any_byte_costs_that_fragment_only() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=7 {
        story.push(&mut writer, number, 15_000);
    }
    kill(writer);
    let frozen = Frozen::take(&story.case_folder());
    let last = story.folder.join(layout::fragment_name(7, 15_000));
    let whole = fs::read(&last).unwrap();
    for cut in (0..whole.len()).step_by(23).chain([whole.len() - 1]) {
        frozen.restore();
        fs::write(&last, &whole[..cut]).unwrap();
        let outcomes = story.recover();
        assert_eq!(outcomes.len(), 1, "cut at {cut}");
        // Its line stays in the log: the fragment was durable once, and the chain is never rewritten.
        story.check(&outcomes[0], &media(1..=6), 7);
        assert_eq!(outcomes[0].duration_ms, 90_000);
    }
}

#[test]
fn r06_the_log_cut_at_any_byte_is_completed_from_the_fragments() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=3 {
        story.push(&mut writer, number, 1_000);
    }
    kill(writer);
    let frozen = Frozen::take(&story.case_folder());
    let log = story.folder.join(LOG);
    let whole = fs::read(&log).unwrap();
    for cut in (0..=whole.len()).step_by(17).chain([whole.len() - 1]) {
        frozen.restore();
        fs::write(&log, &whole[..cut]).unwrap();
        let outcomes = story.recover();
        assert_eq!(outcomes.len(), 1, "cut at {cut}");
        story.check(&outcomes[0], &media(1..=3), 3);
    }
}

#[test]
fn a_segment_cut_off_between_any_two_steps_is_closed_once() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=3 {
        story.push(&mut writer, number, 15_000);
    }
    let case_folder = story.case_folder();
    let before = Frozen::take(&case_folder);
    story.push(&mut writer, 4, 15_000);
    let after = Frozen::take(&case_folder);
    kill(writer);
    let segments = fs::read(after.kept.path().join("rec/0002.ogg").join(SEGMENTS)).unwrap();
    let fourth = layout::fragment_name(4, 15_000);

    // Fragment 4 itself was never stored.
    before.restore();
    let outcome = story.recover().remove(0);
    story.check(&outcome, &media(1..=3), 3);

    // The segment has its name, but no fragment was removed yet.
    after.restore();
    for number in 1..=3 {
        let name = layout::fragment_name(number, 15_000);
        fs::copy(before.kept.path().join("rec/0002.ogg").join(&name), story.folder.join(&name))
            .unwrap();
    }
    fs::write(story.folder.join(&fourth), b"removed next").unwrap();
    let outcome = story.recover().remove(0);
    story.check(&outcome, &media(1..=4), 4);
    assert_eq!(outcome.media.blobs.len(), 1);

    // The line was written, the segment has no name yet; or the line is torn.
    for cut in [segments.len(), segments.len() - 1, segments.len() / 2, 0] {
        before.restore();
        fs::write(story.folder.join(SEGMENTS), &segments[..cut]).unwrap();
        fs::create_dir_all(case_folder.join("blobs")).unwrap();
        fs::write(case_folder.join("blobs/.tmp-left.age"), b"half").unwrap();
        let outcome = story.recover().remove(0);
        story.check(&outcome, &media(1..=3), 3);
        assert_eq!(outcome.media.blobs.len(), 1);
        assert!(!case_folder.join("blobs/.tmp-left.age").exists());
    }
}

#[test]
fn a_recovery_that_is_cut_itself_starts_again() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=6 {
        story.push(&mut writer, number, 15_000);
    }
    kill(writer);
    let case_folder = story.case_folder();
    let frozen = Frozen::take(&case_folder);
    let first = story.recover().remove(0);
    // As if it had been cut after its last segment got its name, before the outcome was written.
    let segment = first.media.blobs[1].clone();
    let blob = format!("blobs/{}.age", segment.ciphertext_sha256);
    let bytes = fs::read(case_folder.join(&blob)).unwrap();
    frozen.restore();
    fs::write(case_folder.join(&blob), bytes).unwrap();
    let line = layout::SegmentLine { first: 5, last: 6, media_ms: 30_000, blob: segment };
    let mut lines = fs::read(story.folder.join(SEGMENTS)).unwrap();
    lines.extend(spotcheck_domain::to_canonical(&line).unwrap());
    lines.push(b'\n');
    fs::write(story.folder.join(SEGMENTS), lines).unwrap();
    let second = story.recover().remove(0);
    assert_eq!(second.media, first.media);
    story.check(&second, &media(1..=6), 6);
}

#[test]
fn r23_a_damaged_segment_waits_and_removes_nothing() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=5 {
        story.push(&mut writer, number, 15_000);
    }
    kill(writer);
    let blobs = story.case_folder().join("blobs");
    let segment = files(&blobs).remove(0);
    let good = fs::read(&segment).unwrap();
    fs::write(&segment, &good[..good.len() - 2]).unwrap();
    story.rig.restart();
    story.rig.unlock(ZHANG, PIN);
    let before = files(&story.folder);
    assert_eq!(story.rig.vault.recover_recordings(&story.case).unwrap(), []);
    assert_eq!(story.rig.vault.unfinished_recordings(&story.case).unwrap().len(), 1);
    assert_eq!(files(&story.folder), before);
    // R23: once the blob is back, everything works.
    fs::write(&segment, &good).unwrap();
    let outcome = story.recover().remove(0);
    story.check(&outcome, &media(1..=5), 5);
}

#[test]
fn r08_a_full_disk_stops_cleanly_and_keeps_what_was_acknowledged() {
    let mut story = Story::new();
    let mut writer = story.writer();
    story.push(&mut writer, 1, 1_000);
    // The folder takes no new file: the place of the next fragment is a folder already.
    fs::create_dir_all(story.folder.join(layout::fragment_name(2, 1_000)).join("x")).unwrap();
    assert!(writer.push(&fragment(2), 1_000).is_err());
    assert_eq!(writer.stored_ms(), 1_000);
    fs::remove_dir_all(story.folder.join(layout::fragment_name(2, 1_000))).unwrap();
    story.push(&mut writer, 2, 1_000);
    let outcome = writer.close().unwrap();
    story.check(&outcome, &media(1..=2), 2);
}

#[test]
fn r58_a_stepped_clock_changes_neither_duration_nor_order() {
    let mut story = Story::new();
    let mut writer = story.writer();
    story.push(&mut writer, 1, 1_000);
    story.rig.clock.step_wall_to_ms(1_795_000_000_000 - 3_600_000);
    story.push(&mut writer, 2, 1_000);
    story.rig.clock.step_wall_to_ms(1_795_000_000_000 + 3_600_000);
    story.push(&mut writer, 3, 1_000);
    let outcome = writer.close().unwrap();
    assert_eq!(outcome.duration_ms, 3_000);
    story.check(&outcome, &media(1..=3), 3);
}
