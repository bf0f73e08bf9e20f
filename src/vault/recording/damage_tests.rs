//! What storage may do to lines that were not synced, and what a damaged recording must not do to others.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spotcheck_app::ports::{BlobVault, KeyRing};
use spotcheck_domain::CaseId;

use super::layout::{self, LOG, SEGMENTS};
use super::tests::{Story, order};
use crate::Spare;
use crate::tests::support::{PIN, ZHANG};

/// Found by the crash laboratory's rules: an append that was not synced may lack a sector in its middle and
/// still end with LF. It was never told, so the recording closes without it (R26, R30).
#[test]
fn r30_a_last_line_torn_in_its_middle_costs_nothing_that_was_told() {
    for file in [LOG, SEGMENTS] {
        let mut story = Story::new();
        let mut writer = story.writer();
        for number in 1..=5 {
            story.push(&mut writer, number, 15_000);
        }
        drop(writer);
        let path = story.folder.join(file);
        let mut bytes = fs::read(&path).unwrap();
        assert!(!bytes.is_empty(), "{file}");
        bytes.extend_from_slice(b"{\"first\":5,\0\0\0\0\0\0\0}\n");
        fs::write(&path, bytes).unwrap();
        let outcome = story.recover().remove(0);
        story.check(&outcome, &super::tests::media(1..=5), 5);
    }
}

/// R07: after a power cut a file may have its length and no bytes, or a length that nobody ever wrote. Zeros are no
/// evidence: the recording ends with the last fragment that opens, and its length is that of these.
#[test]
fn r07_a_tail_of_zeros_is_no_evidence() {
    for longer in [0, 4096, 3 << 20] {
        let mut story = Story::new();
        let mut writer = story.writer();
        for number in 1..=7 {
            story.push(&mut writer, number, 15_000);
        }
        drop(writer);
        let last = story.folder.join(layout::fragment_name(7, 15_000));
        let length = fs::read(&last).unwrap().len();
        fs::write(&last, vec![0; length + longer]).unwrap();
        // Room that was taken for a fragment that never came.
        let never = story.folder.join(layout::fragment_name(8, 15_000));
        fs::write(&never, vec![0; length]).unwrap();
        let outcome = story.recover().remove(0);
        story.check(&outcome, &super::tests::media(1..=6), 7);
        assert_eq!(outcome.duration_ms, 90_000);
    }
}

/// Five fragments of fifteen seconds: four of them a segment, the last one left over.
fn five() -> Story {
    let story = Story::new();
    let mut writer = story.writer();
    for number in 1..=5 {
        story.push(&mut writer, number, 15_000);
    }
    drop(writer);
    story
}

/// What a folder holds, to be put back.
fn kept(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// R23, R30: one flipped bit in any list of a cut-off recording costs nothing: the media, the whole log and its chain
/// are what they would have been, and so the bundle is taken.
#[test]
fn r23_a_flipped_bit_in_a_list_costs_nothing() {
    for file in ["order.json", LOG, SEGMENTS] {
        let lines = {
            let story = five();
            let length = fs::read(story.folder.join(file)).unwrap().len();
            let step = length / 9;
            (0..9).map(|n| n * step + n).chain([length - 1]).collect::<Vec<_>>()
        };
        for (n, at) in lines.into_iter().enumerate() {
            let mut story = five();
            let path = story.folder.join(file);
            let mut bytes = fs::read(&path).unwrap();
            let log = fs::read(story.folder.join(LOG)).unwrap();
            bytes[at] ^= 1 << (n % 8);
            fs::write(&path, bytes).unwrap();
            let outcome = story.recover().pop();
            let outcome = outcome.unwrap_or_else(|| panic!("{file}, byte {at}"));
            assert_eq!((outcome.damaged, outcome.duration_ms), (0, 75_000), "{file}, byte {at}");
            story.check(&outcome, &super::tests::media(1..=5), 5);
            let stored = story.rig.vault.read(&story.case, &outcome.log).unwrap();
            // The last line is named by nothing yet: a bit in it may cost that line, which is then written anew.
            if outcome.log_damaged == 0 && file == LOG && at < log.len() * 4 / 5 {
                assert_eq!(stored.as_slice(), log, "byte {at}");
            }
        }
    }
}

/// R23: a sector of zeros, a list that is gone: the second copy says what the first one said, and a log is written anew
/// behind its last good line, with a line for every fragment and the number of damaged ones told.
#[test]
fn r23_a_lost_sector_costs_no_recording() {
    for file in ["order.json", LOG, SEGMENTS] {
        for gone in [false, true] {
            let mut story = five();
            let path = story.folder.join(file);
            if gone {
                fs::remove_file(&path).unwrap();
            } else {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle..(middle + 200).min(middle * 2)].fill(0);
                fs::write(&path, bytes).unwrap();
            }
            let outcome = story.recover().pop();
            let outcome = outcome.unwrap_or_else(|| panic!("{file}, gone: {gone}"));
            story.check(&outcome, &super::tests::media(1..=5), 5);
            // The fifth fragment is still here and says its own line.
            let anew = if file != LOG {
                0..=0
            } else if gone {
                4..=4
            } else {
                1..=3
            };
            assert!(anew.contains(&outcome.log_damaged), "{file}: {}", outcome.log_damaged);
        }
    }
}

/// R23: the recorder itself reads its log back when it stops: what storage changed meanwhile is mended, the last line
/// too, because the writer knows how the log ends.
#[test]
fn r23_a_running_recorder_notices_what_storage_did_to_its_log() {
    for from_the_end in [1, 40, 400, 900] {
        let mut story = Story::new();
        let mut writer = story.writer();
        for number in 1..=5 {
            story.push(&mut writer, number, 15_000);
        }
        let path = story.folder.join(LOG);
        let log = fs::read(&path).unwrap();
        let mut bytes = log.clone();
        let at = bytes.len() - from_the_end;
        bytes[at] ^= 4;
        fs::write(&path, bytes).unwrap();
        let outcome = writer.close().unwrap();
        assert_eq!(outcome.log_damaged, 0);
        story.check(&outcome, &super::tests::media(1..=5), 5);
        assert_eq!(story.rig.vault.read(&story.case, &outcome.log).unwrap().as_slice(), log);
    }
}

/// R23: how it ended is kept until the journal has it, and does not change meanwhile.
#[test]
fn r23_an_outcome_that_storage_damaged_says_what_it_said() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=5 {
        story.push(&mut writer, number, 15_000);
    }
    let outcome = writer.close().unwrap();
    let before = kept(&story.folder);
    let path = story.folder.join("outcome.json");
    let length = fs::read(&path).unwrap().len();
    for at in [0, length / 3, length / 2, length - 1] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(story.recover(), std::slice::from_ref(&outcome), "byte {at}");
        for (path, bytes) in &before {
            fs::write(path, bytes).unwrap();
        }
    }
    fs::write(&path, vec![0; length]).unwrap();
    assert_eq!(story.recover(), [outcome]);
}

/// The file of a segment, by its place in the list.
fn segment(story: &Story, index: usize) -> PathBuf {
    let list = fs::read_to_string(story.folder.join(SEGMENTS)).unwrap();
    let line: serde_json::Value = serde_json::from_str(list.lines().nth(index).unwrap()).unwrap();
    let hash = line["blob"]["ciphertext_sha256"].as_str().unwrap();
    story.case_folder().join("blobs").join(format!("{hash}.age"))
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Three segments of a minute and a quarter of a minute after them, cut off.
fn cut_off() -> Story {
    let story = Story::new();
    let mut writer = story.writer();
    for number in 1..=13 {
        story.push(&mut writer, number, 15_000);
    }
    drop(writer);
    story
}

/// R23: whichever segment of a cut-off recording is damaged or gone, the recording waits for a good copy; the seal
/// closes everything else of it, in order, and how much is missing is told; the damaged file stays. The log still has
/// every line.
#[test]
fn r23_a_recording_is_closed_around_a_damaged_segment() {
    for lost in 0..3_u64 {
        for gone in [false, true] {
            let mut story = cut_off();
            let file = segment(&story, usize::try_from(lost).unwrap());
            if gone {
                fs::remove_file(&file).unwrap();
            } else {
                flip(&file);
            }
            assert_eq!(story.recover(), [], "it waits for a good copy");
            let (_, outcome) = story.rig.vault.recover_around(&story.case).unwrap().remove(0);
            let (first, last) = (lost * 4 + 1, lost * 4 + 4);
            let mut expected = if first > 1 { super::tests::media(1..=first - 1) } else { vec![] };
            expected.extend(super::tests::media(last + 1..=13));
            story.check(&outcome, &expected, 13);
            assert_eq!((outcome.damaged, outcome.damaged_ms), (1, 60_000), "{lost} {gone}");
            assert_eq!(outcome.duration_ms, 135_000);
            let indexes: Vec<u32> = outcome.media.blobs.iter().map(|b| b.index).collect();
            assert_eq!(indexes, [0, 1, 2]);
        }
    }
}

/// The same with a second copy at hand: nothing is missing.
#[test]
fn r23_a_damaged_segment_is_fetched_from_the_second_copy_first() {
    struct Copy(PathBuf);
    impl Spare for Copy {
        fn blob(&self, keys: &dyn KeyRing, _: &CaseId, name: &str) -> Option<Vec<u8>> {
            // Asks for what the link asks for: the vault must not hold its own lock meanwhile.
            keys.enrolment().unwrap().unwrap();
            fs::read(self.0.join(name)).ok()
        }
    }
    let mut story = cut_off();
    let aside = tempfile::tempdir().unwrap();
    let damaged = [segment(&story, 0), segment(&story, 2)];
    for file in &damaged {
        fs::copy(file, aside.path().join(file.file_name().unwrap())).unwrap();
    }
    flip(&damaged[0]);
    fs::remove_file(&damaged[1]).unwrap();
    story.rig.restart();
    story.rig.vault.set_spare(Arc::new(Copy(aside.path().to_owned())));
    story.rig.unlock(ZHANG, PIN);
    let (_, outcome) = story.rig.vault.recover_recordings(&story.case).unwrap().remove(0);
    story.check(&outcome, &super::tests::media(1..=13), 13);
    assert_eq!((outcome.damaged, outcome.damaged_ms), (0, 0));

    // Damaged again, after it was closed: whoever reads it gets the good copy too, and it lies here again.
    flip(&damaged[0]);
    story.rig.unlock(ZHANG, PIN);
    let media = story.rig.vault.read(&story.case, &outcome.media).unwrap();
    assert_eq!(media.as_slice(), super::tests::media(1..=13));
    let blob = outcome.media.blobs[0].clone();
    flip(&damaged[0]);
    story.rig.vault.lock();
    story.rig.vault.ciphertext(&story.case, &blob).unwrap();
    let mut known = BTreeSet::new();
    let bad = story.rig.vault.look_over(&story.case, u64::MAX, &mut known).unwrap();
    assert_eq!((bad.len(), known.len()), (0, 5), "four segments and the log");
    fs::remove_dir_all(aside.path()).unwrap();
    flip(&damaged[0]);
    let error = story.rig.vault.ciphertext(&story.case, &blob).unwrap_err();
    assert_eq!(error.code, "VAULT-BLOB-DAMAGED");
    let bad = story.rig.vault.look_over(&story.case, u64::MAX, &mut BTreeSet::new()).unwrap();
    assert_eq!(bad, [blob.ciphertext_sha256]);
}

/// One recording has lost a segment: the officer can unlock, the other one is closed, nothing is removed,
/// and the list of unfinished recordings still names it.
#[test]
fn a_damaged_recording_stays_alone_with_its_damage() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=5 {
        story.push(&mut writer, number, 15_000);
    }
    drop(writer);
    let other = order(&story.case, 3);
    let recipients = story.rig.vault.recipients(&story.case).unwrap();
    let clock = story.rig.clock.clone();
    let mut writer =
        super::RecordingWriter::create(&story.case_folder(), &other, &recipients, clock).unwrap();
    writer.push(b"other", 1_000).unwrap();
    drop(writer);
    let blobs = story.case_folder().join("blobs");
    let segment = fs::read_dir(&blobs).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).unwrap();

    story.rig.restart();
    story.rig.unlock(ZHANG, PIN);
    let closed = story.rig.vault.recover_recordings(&story.case).unwrap();
    let closed: Vec<&str> = closed.iter().map(|(order, _)| order.path.as_str()).collect();
    assert_eq!(closed, [other.path.as_str()]);
    let left = story.rig.vault.unfinished_recordings(&story.case).unwrap();
    let damaged = left.iter().find(|r| r.order == story.order).unwrap();
    assert!(damaged.outcome.is_none() && !damaged.running);
    assert_eq!(damaged.stored_ms, 75_000);
    assert!(story.rig.vault.holds_unclosed(&story.case, &story.order.path).unwrap());
    assert!(!story.rig.vault.holds_unclosed(&story.case, &other.path).unwrap());
    assert!(segment.exists());

    // The same with an order that cannot be read: the others are listed.
    fs::write(story.folder.join(layout::ORDER), b"{}").unwrap();
    fs::write(story.folder.join("second-order.json"), b"{}").unwrap();
    assert_eq!(story.rig.vault.unfinished_recordings(&story.case).unwrap().len(), 1);
    assert!(story.rig.vault.holds_unclosed(&story.case, &story.order.path).unwrap());
    assert!(story.folder.exists());
}

/// R09: what the sound card lost stands in the line of the fragment that follows it, once, and is counted at the end; after
/// a kill too, because the log says it and not a process.
#[test]
fn r09_lost_sound_stands_in_the_log_and_survives_a_kill() {
    for killed in [false, true] {
        let mut story = Story::new();
        let mut writer = story.writer();
        story.push(&mut writer, 1, 1_000);
        writer.lost(1, 300);
        story.push(&mut writer, 2, 1_000);
        writer.lost(1, 300);
        story.push(&mut writer, 3, 1_000);
        writer.lost(3, 340);
        story.push(&mut writer, 4, 1_000);
        let log = fs::read_to_string(story.folder.join(LOG)).unwrap();
        let said: Vec<(u64, u64)> = log
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let fact = |name: &str| line["facts"][name].as_u64().unwrap_or(0);
                (fact("gaps"), fact("lost_ms"))
            })
            .collect();
        assert_eq!(said, [(0, 0), (1, 300), (0, 0), (2, 40)]);
        let outcome = if killed {
            drop(writer);
            story.recover().remove(0)
        } else {
            writer.close().unwrap()
        };
        assert_eq!((outcome.gaps, outcome.lost_ms, outcome.recovered), (3, 340, killed));
        assert_eq!(outcome.duration_ms, 4_000, "nothing stands in the place of what was lost");
    }
}
