//! Blobs: what age of others reads, what damage does, what is on disk when a call returns.

use std::fs;

use spotcheck_app::ports::{BlobVault, KeyRing};
use spotcheck_evidence::Hash32;

use super::support::{LI, OTHER_PIN, PIN, Rig, ZHANG, files, identity_file, run};

#[test]
fn debian_age_opens_a_blob_with_intake_escrow_or_case_and_with_nothing_else() {
    const TEST: &str = "debian_age_opens_a_blob_with_intake_escrow_or_case_and_with_nothing_else";
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let jpeg = b"\xff\xd8\xff\xe0 a photo \xff\xd9";
    rig.vault.lock();
    let file = rig.vault.put(&case, "data/media/0001.jpg", jpeg).unwrap();
    assert_eq!(file.sha256, Hash32::sha256(jpeg).to_string());
    assert_eq!(file.sm3, Hash32::sm3(jpeg).to_string());
    assert_eq!((file.size, file.blobs.len()), (15, 1));
    assert_eq!(file.blobs[0].intake_id, "intake-2026-11");
    assert_eq!(rig.vault.read(&case, &file).unwrap_err().code, "VAULT-LOCKED");

    let sealed = rig.vault.ciphertext(&case, &file.blobs[0]).unwrap();
    assert_eq!(file.blobs[0].ciphertext_size, sealed.len() as u64);
    rig.unlock(ZHANG, PIN);
    let case_identity = rig.vault.state().case_keys(&case).unwrap().identity.clone();
    for (name, identity) in
        [("intake", &rig.intake), ("escrow", &rig.escrow), ("case", &case_identity)]
    {
        let identity = identity_file(rig.dir.path(), name, identity);
        let Some((opened, plain)) = run(TEST, "age", &["-d", "-i", &identity], &sealed) else {
            return;
        };
        assert!(opened, "{name}");
        assert_eq!(plain, jpeg);
    }
    let stranger = age::x25519::Identity::generate();
    let stranger = identity_file(rig.dir.path(), "stranger", &stranger);
    assert!(!run(TEST, "age", &["-d", "-i", &stranger], &sealed).unwrap().0);
}

#[test]
fn a_file_is_durable_and_whole_when_put_returns() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let file = rig.vault.put(&case, "data/documents/0001-v1.pdf", &[7; 100_000]).unwrap();
    let empty = rig.vault.put(&case, "data/empty", b"").unwrap();
    let folder = rig.vault.case_folder(&case).join("blobs");
    let names: Vec<_> = files(&folder);
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|p| p.extension().is_some_and(|e| e == "age")), "no temporary file");
    assert!(folder.join(format!("{}.age", file.blobs[0].ciphertext_sha256)).exists());
    rig.restart();
    rig.unlock(ZHANG, PIN);
    assert!(rig.vault.read(&case, &file).unwrap().as_slice() == [7; 100_000]);
    assert_eq!(rig.vault.read(&case, &empty).unwrap().as_slice(), b"");
}

#[test]
fn r15_damaged_missing_and_exchanged_blobs_are_told_apart_from_good_ones() {
    let mut rig = Rig::enrolled();
    rig.enrol(LI, "李四", OTHER_PIN);
    let case = rig.open_case();
    let file = rig.vault.put(&case, "data/a", b"first").unwrap();
    let other = rig.vault.put(&case, "data/b", b"other").unwrap();
    let folder = rig.vault.case_folder(&case).join("blobs");
    let path = folder.join(format!("{}.age", file.blobs[0].ciphertext_sha256));
    let good = fs::read(&path).unwrap();
    let code = |rig: &mut Rig| rig.vault.read(&case, &file).unwrap_err().code;

    for bad in [&good[..good.len() - 1], &good[1..], b""] {
        fs::write(&path, bad).unwrap();
        assert_eq!(code(&mut rig), "VAULT-BLOB-DAMAGED");
        assert!(rig.vault.ciphertext(&case, &file.blobs[0]).is_err(), "damage is never uploaded");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(code(&mut rig), "VAULT-BLOB-MISSING");
    fs::write(&path, &good).unwrap();
    rig.vault.read(&case, &file).unwrap();

    // R15: the blob of another item is refused even though it opens.
    let mut exchanged = file.clone();
    exchanged.blobs = other.blobs;
    assert_eq!(rig.vault.read(&case, &exchanged).unwrap_err().code, "VAULT-BLOB-DAMAGED");
    let mut outside = file.clone();
    outside.blobs[0].ciphertext_sha256 = "../../keys.db".to_owned();
    assert_eq!(rig.vault.read(&case, &outside).unwrap_err().code, "VAULT-BLOB-MISSING");
}

#[test]
fn twenty_megabytes_go_in_and_out() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let scan: Vec<u8> = (0..20_000_000_u32).map(|i| (i % 251) as u8).collect();
    let file = rig.vault.put(&case, "data/media/0009.jpg", &scan).unwrap();
    assert!(rig.vault.read(&case, &file).unwrap().as_slice() == scan);
}

/// So many items are put and read, before and after a restart; handles stay few.
fn handles_for(items: usize) {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let (before, mut most) = (open(), 0);
    let mut kept = Vec::with_capacity(items);
    for n in 0..items {
        let bytes = format!("photo {n}");
        kept.push(
            rig.vault.put(&case, &format!("data/media/{n:05}.jpg"), bytes.as_bytes()).unwrap(),
        );
        most = most.max(open());
    }
    rig.restart();
    rig.unlock(ZHANG, PIN);
    for (n, file) in kept.iter().enumerate() {
        assert_eq!(
            rig.vault.read(&case, file).unwrap().as_slice(),
            format!("photo {n}").as_bytes()
        );
        most = most.max(open());
    }
    // Other tests may run in this process.
    assert!(most <= before + 64, "{before} handles at the beginning, {most} at most");
}

#[test]
fn r40_handles_do_not_grow_with_items() {
    handles_for(300);
}

#[test]
#[ignore = "twenty thousand fsynced files take minutes"]
fn r40_twenty_thousand_items_with_a_few_handles() {
    handles_for(20_000);
}

/// Highest resident size of this process so far, KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// R14: a photo of 108 megapixels is some 45 MB of JPEG. Storing it never decodes it: its bytes, sealed once more, are all
/// the memory it takes (the budget of the list is 256 MB).
#[test]
fn r14_a_photo_of_45_megabytes_is_stored_in_twice_its_size() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let mut photo = vec![0_u8; 45 << 20];
    photo
        .iter_mut()
        .zip(0_u32..)
        .for_each(|(byte, n)| *byte = (n.wrapping_mul(2_654_435_761) >> 24) as u8);
    let before = peak_kib();
    let stored = rig.vault.put(&case, "data/media/0001.jpg", &photo).unwrap();
    let grew = peak_kib() - before;
    assert_eq!(stored.size, 45 << 20);
    // Sealed in one piece that grows: at most twice its size while it is copied.
    assert!(grew < 2 * 45 * 1024 + 8 * 1024, "peak grew by {grew} KiB");
    eprintln!("45 MiB stored, peak grew by {grew} KiB");
}

/// R13: two thousand photos of one case. What the first hundred took is what all of them take.
#[test]
fn r13_two_thousand_photos_take_no_more_memory_than_a_hundred() {
    let mut rig = Rig::enrolled();
    let case = rig.open_case();
    let photo = vec![0x5a_u8; 64 << 10];
    let (mut after_100, mut handles) = (0, 0);
    for n in 0..2_000 {
        rig.vault.put(&case, &format!("data/media/{n:05}.jpg"), &photo).unwrap();
        if n == 99 {
            after_100 = peak_kib();
            handles = fs::read_dir("/proc/self/fd").unwrap().count();
        }
    }
    let grew = peak_kib() - after_100;
    let more = fs::read_dir("/proc/self/fd").unwrap().count().abs_diff(handles);
    eprintln!("2,000 photos: peak grew by {grew} KiB after the first hundred, {more} handles");
    assert!(grew < 4 * 1024, "peak grew by {grew} KiB");
    assert!(more <= 16, "{more} more handles");
}
