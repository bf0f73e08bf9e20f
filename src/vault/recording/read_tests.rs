//! Reading a recording back part by part: while it runs, after it ended, and around what is damaged.

use std::fs;

use spotcheck_app::ports::{BlobVault, KeyRing, RecordingBytes};

use super::tests::{Story, fragment, media};
use crate::tests::support::{PIN, ZHANG};

/// Everything from a byte on, as a player reads it.
fn rest(bytes: &mut dyn RecordingBytes, from: u64) -> Vec<u8> {
    let mut all = Vec::new();
    let mut at = from;
    while let Some((begin, part)) = bytes.read(at).unwrap() {
        let skip = usize::try_from(at - begin).unwrap();
        all.extend_from_slice(&part[skip..]);
        at = begin + part.len() as u64;
    }
    all
}

/// A recording can be heard up to its last stored fragment while it runs; places stay what they were when
/// fragments become a segment, and when it ends.
#[test]
fn a_running_recording_is_read_up_to_its_last_fragment() {
    let mut story = Story::new();
    let mut writer = story.writer();
    story.rig.unlock(ZHANG, PIN);
    let mut bytes = story.rig.vault.recording(&story.case, &story.order.path, None).unwrap();
    assert!(bytes.parts().unwrap().is_empty() && bytes.read(0).unwrap().is_none());
    // Segments close with the fourth and the eighth.
    let mut behind = 0;
    for number in 1..=9 {
        story.push(&mut writer, number, 15_000);
        let so_far = media(1..=number);
        assert!(rest(bytes.as_mut(), 0) == so_far, "after fragment {number}");
        assert!(rest(bytes.as_mut(), behind) == so_far[usize::try_from(behind).unwrap()..]);
        let parts = bytes.parts().unwrap();
        let end = parts.iter().fold(0, |at, part| {
            assert_eq!(part.from, at, "no hole");
            at + part.size
        });
        assert_eq!(end, so_far.len() as u64);
        assert!(parts.len() as u64 == number / 4 + number % 4);
        behind = end;
    }
    let outcome = writer.close().unwrap();
    assert!(rest(bytes.as_mut(), 0) == media(1..=9), "the one that was open goes on");
    let file = Some(&outcome.media);
    let mut closed = story.rig.vault.recording(&story.case, &story.order.path, file).unwrap();
    story.rig.vault.settle_recording(&story.case, &story.order.path).unwrap();
    assert!(rest(closed.as_mut(), 0) == media(1..=9));
    assert!(
        rest(bytes.as_mut(), behind - 1) == media(1..=9)[usize::try_from(behind - 1).unwrap()..]
    );
}

/// R19: what plays ends with the lock; no part is read without the keys, and a locked handheld opens none.
#[test]
fn r19_nothing_is_read_while_locked() {
    let mut story = Story::new();
    let mut writer = story.writer();
    story.push(&mut writer, 1, 1_000);
    assert!(story.rig.vault.recording(&story.case, &story.order.path, None).is_err());
    story.rig.unlock(ZHANG, PIN);
    let mut bytes = story.rig.vault.recording(&story.case, &story.order.path, None).unwrap();
    assert!(bytes.read(0).unwrap().is_some());
    story.rig.vault.lock();
    assert_eq!(bytes.read(0).unwrap_err().code, "VAULT-LOCKED");
}

/// One bit of a segment: that part is told as damaged, every other one is read. A fragment that does not open is
/// left out, as the recovery will leave it out.
#[test]
fn a_damaged_part_is_told_and_the_others_are_read() {
    let mut story = Story::new();
    let mut writer = story.writer();
    for number in 1..=8 {
        story.push(&mut writer, number, 15_000);
    }
    story.push(&mut writer, 9, 1_000);
    story.push(&mut writer, 10, 1_000);
    story.rig.unlock(ZHANG, PIN);
    let mut bytes = story.rig.vault.recording(&story.case, &story.order.path, None).unwrap();
    let parts = bytes.parts().unwrap();
    assert_eq!(parts.len(), 4);
    let (_, second) = bytes.read(parts[1].from).unwrap().unwrap();
    assert!(second.as_slice() == media(5..=8));
    let flip = |path: &std::path::Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() - 20;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let blobs = story.case_folder().join("blobs");
    // The segment whose ciphertext is not the second one's.
    for entry in fs::read_dir(&blobs).unwrap() {
        let path = entry.unwrap().path();
        flip(&path);
        if bytes.read(parts[1].from).is_ok() {
            break;
        }
        flip(&path);
    }
    assert_eq!(bytes.read(0).unwrap_err().code, "VAULT-BLOB-DAMAGED");
    assert!(bytes.read(parts[1].from).unwrap().unwrap().1.as_slice() == media(5..=8));
    flip(&story.folder.join("f-000009-1000.age"));
    let mut fresh = story.rig.vault.recording(&story.case, &story.order.path, None).unwrap();
    let left = fresh.parts().unwrap();
    assert_eq!(left.len(), 3);
    let (from, tenth) = fresh.read(left[2].from).unwrap().unwrap();
    assert_eq!(from, left[2].from);
    assert!(tenth.as_slice() == fragment(10));
}
