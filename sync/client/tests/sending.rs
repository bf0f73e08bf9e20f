//! Upload stories: cuts, kills and refusals on the way of a bundle to the centre.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use rstest::rstest;
use spotcheck_app::errand::{Leg, Stop, Watch};
use spotcheck_app::ports::{
    Blob, BlobVault, Centre, Receipt, RecordingBytes, SealedBundle, StoredFile,
};
use spotcheck_domain::{BundleId, CaseId, TaskId, Trouble, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_wire::bundles::BundleState;
use spotcheck_wire::problem::code;
use zeroize::Zeroizing;

use super::NOW_MS;
use super::centre::FakeCentre;
use super::enrolment::{client_at, enrolled};
use super::keyring::MemoryKeyRing;
use super::pulling::noise;
use crate::CentreClient;
use crate::tus::MAX_PART_BYTES;

/// A vault in memory that counts how often it is read.
#[derive(Default)]
pub(crate) struct MemoryVault {
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
    pub(crate) reads: u32,
}

impl BlobVault for MemoryVault {
    fn handle(&self) -> Box<dyn BlobVault> {
        panic!("the client works with the handle it is given")
    }
    fn put(&mut self, _: &CaseId, _: &str, _: &[u8]) -> TroubleResult<StoredFile> {
        Err(Trouble::new("TEST-UNUSED", "", "", ""))
    }
    fn read(&mut self, _: &CaseId, _: &StoredFile) -> TroubleResult<Zeroizing<Vec<u8>>> {
        Err(Trouble::new("TEST-UNUSED", "", "", ""))
    }
    fn ciphertext(&mut self, _: &CaseId, blob: &Blob) -> TroubleResult<Vec<u8>> {
        self.reads += 1;
        Ok(self.blobs[&blob.ciphertext_sha256].clone())
    }
    fn recording(
        &self,
        _: &CaseId,
        _: &str,
        _: Option<&StoredFile>,
    ) -> TroubleResult<Box<dyn RecordingBytes>> {
        Err(Trouble::new("TEST-UNUSED", "", "", ""))
    }
    fn recording_log(
        &mut self,
        _: &CaseId,
        _: &str,
        _: Option<&StoredFile>,
    ) -> TroubleResult<Zeroizing<Vec<u8>>> {
        Err(Trouble::new("TEST-UNUSED", "", "", ""))
    }
    fn remove_shredded(&mut self, _: &CaseId) -> TroubleResult<()> {
        Err(Trouble::new("TEST-UNUSED", "", "", ""))
    }
}

/// A bundle with one file of blobs of these sizes.
pub(crate) fn bundle(sizes: &[usize]) -> (SealedBundle, MemoryVault) {
    let mut vault = MemoryVault::default();
    let mut blobs = Vec::new();
    for (n, size) in sizes.iter().enumerate() {
        let bytes = noise(*size, 100 + n as u64);
        let sha256 = Hash32::sha256(&bytes).to_string();
        blobs.push(Blob {
            path: "data/media/0001.ogg".to_owned(),
            index: n as u32,
            ciphertext_sha256: sha256.clone(),
            ciphertext_size: *size as u64,
            plaintext_sha256: "0".repeat(64),
            size: *size as u64,
            intake_id: "intake-1".to_owned(),
        });
        vault.blobs.insert(sha256, bytes);
    }
    let file = StoredFile {
        path: "data/media/0001.ogg".to_owned(),
        sha256: "0".repeat(64),
        sm3: "0".repeat(64),
        size: 1,
        blobs,
    };
    let sealed = SealedBundle {
        bundle: BundleId::parse("EVID-01M7VBK5C0SAMP1E0000000001").unwrap(),
        case: CaseId::parse("CASE-01M7VBK5C0SAMP1E0000000001").unwrap(),
        task: TaskId::parse("T-2026-0001").unwrap(),
        tagmanifest_sha256: "ab".repeat(32),
        tag_files: vec![
            ("bagit.txt".to_owned(), b"BagIt-Version: 1.0\n".to_vec()),
            ("signatures/device.p7s".to_owned(), b"a signature".to_vec()),
        ],
        files: vec![file],
        case_keys: b"age".to_vec(),
    };
    (sealed, vault)
}

pub(crate) struct World {
    pub(crate) centre: FakeCentre,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) client: CentreClient,
    pub(crate) keys: MemoryKeyRing,
    pub(crate) bundle: SealedBundle,
    pub(crate) vault: MemoryVault,
    pub(crate) progress: Vec<u64>,
}

impl World {
    pub(crate) fn new(sizes: &[usize]) -> Self {
        let (centre, folder) = (FakeCentre::new(), tempfile::tempdir().unwrap());
        let (client, keys) = enrolled(&centre, folder.path());
        let (bundle, vault) = bundle(sizes);
        Self { centre, folder, client, keys, bundle, vault, progress: Vec::new() }
    }

    pub(crate) fn send(&mut self) -> Result<Option<Receipt>, Trouble> {
        let progress = &mut self.progress;
        let mut watch =
            Watch { hear: &mut |leg: Leg| progress.push(leg.done), stop: Stop::default() };
        self.client.send(&mut self.keys, &mut self.vault, &self.bundle, None, &mut watch)
    }

    fn total(&self) -> usize {
        self.vault.blobs.values().map(Vec::len).sum()
    }

    fn check_delivered(&self) {
        let inner = self.centre.inner();
        assert_eq!(inner.delivered, self.vault.blobs);
    }
}

fn remembered(folder: &Path) -> usize {
    let state = folder.join(crate::STATE_FOLDER);
    let names = std::fs::read_dir(state).map(|entries| {
        entries
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("upload-"))
            .count()
    });
    names.unwrap_or(0)
}

#[test]
fn a_bundle_travels_whole_and_only_once() {
    let mut world = World::new(&[3_000_000, 700, 5_000_000]);
    let receipt = world.send().unwrap().unwrap();
    assert_eq!(receipt.bundle, world.bundle.bundle);
    assert_eq!(receipt.log_index, 1);
    world.check_delivered();
    assert_eq!(world.centre.inner().patched, world.total());
    assert!(world.progress.is_sorted());
    assert_eq!(world.progress.last(), Some(&(world.total() as u64)));
    assert_eq!(remembered(world.folder.path()), 0);
    let announcement = world.centre.inner().announcement.clone().unwrap();
    assert_eq!(announcement.tag_files[1].bytes, b"a signature");
    assert_eq!(announcement.case_keys, b"age");
    // Sent again (the answer was lost): nothing travels, the same receipt comes.
    let again = world.send().unwrap().unwrap();
    assert_eq!(again.entry, receipt.entry);
    assert_eq!((world.centre.inner().patched, world.vault.reads), (world.total(), 3));
}

#[test]
fn a_cut_costs_at_most_the_part_that_was_under_way() {
    let mut world = World::new(&[9_000_000]);
    world.centre.inner().mischief.cut_patches = VecDeque::from([100_000, usize::MAX, 200_000]);
    world.send().unwrap().unwrap();
    world.check_delivered();
    let again = world.centre.inner().patched - world.total();
    assert!((300_000..=2 * MAX_PART_BYTES as usize).contains(&again), "sent twice: {again}");
    assert_eq!(world.centre.inner().uploads.len(), 1, "one upload, resumed");
}

#[test]
fn a_killed_handheld_goes_on_where_the_centre_stands() {
    let mut world = World::new(&[9_000_000]);
    // 512 KiB and 1 MiB arrive, then nothing gets through any more.
    let cuts = [usize::MAX, usize::MAX].into_iter().chain([1; 64]);
    world.centre.inner().mischief.cut_patches = cuts.collect();
    let trouble = world.send().unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.retryable), ("SYNC-OFFLINE", true));
    assert!(trouble.safe.contains("证据包") && remembered(world.folder.path()) == 1);
    let before = world.centre.inner().patched;
    world.centre.inner().mischief.cut_patches.clear();
    world.client = client_at(world.folder.path(), NOW_MS);
    world.progress.clear();
    world.send().unwrap().unwrap();
    world.check_delivered();
    let sent = world.centre.inner().patched - before;
    assert_eq!(sent, world.total() - 3 * (512 << 10), "only the rest");
    assert_eq!(world.progress[..2], [0, 3 * (512 << 10)]);
    assert_eq!(remembered(world.folder.path()), 0);
}

#[rstest]
#[case::checksum(vec![460])]
#[case::offset(vec![409])]
#[case::locked(vec![423, 423])]
#[case::overloaded(vec![503])]
fn a_part_that_is_refused_is_sent_again(#[case] statuses: Vec<u16>) {
    let mut world = World::new(&[1_000_000]);
    world.centre.inner().mischief.patch_status = statuses.into();
    world.send().unwrap().unwrap();
    world.check_delivered();
}

#[test]
fn an_upload_that_the_centre_forgot_begins_again() {
    let mut world = World::new(&[1_000_000]);
    world.centre.inner().mischief.patch_status = VecDeque::from([404]);
    world.send().unwrap().unwrap();
    world.check_delivered();
    assert_eq!(world.centre.inner().uploads.len(), 2);
    // But not for ever.
    let mut world = World::new(&[1_000]);
    world.centre.inner().mischief.patch_status = [410; 50].into();
    assert_eq!(world.send().unwrap_err().code, "SYNC-PROTOCOL");
    // A centre that refuses a part each time is given up for now.
    let mut world = World::new(&[1_000]);
    world.centre.inner().mischief.patch_status = [460; 50].into();
    let trouble = world.send().unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.retryable), ("SYNC-OFFLINE", true));
}

#[test]
fn evidence_is_not_sent_to_an_address_that_is_not_the_centres() {
    let mut world = World::new(&[1_000]);
    world.centre.inner().mischief.foreign_uploads = Some("https://127.0.0.1:1".to_owned());
    let trouble = world.send().unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.verdict), ("SYNC-UPLOAD-URL", true));
    assert_eq!(remembered(world.folder.path()), 0);
}

#[test]
fn a_damaged_blob_is_named_and_the_others_travel() {
    let mut world = World::new(&[1_000, 2_000, 3_000]);
    let damaged = world.bundle.files[0].blobs[1].ciphertext_sha256.clone();
    world.vault.blobs.get_mut(&damaged).unwrap()[7] ^= 1;
    let trouble = world.send().unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.verdict), ("SYNC-BLOB-DAMAGED", true));
    assert!(trouble.message.contains("data/media/0001.ogg"));
    assert_eq!(world.centre.inner().delivered.len(), 2);
}

#[test]
fn a_receipt_that_is_not_there_yet_is_no_error() {
    let mut world = World::new(&[1_000]);
    world.centre.inner().mischief.stuck = Some(BundleState::Verifying);
    assert_eq!(world.send(), Ok(None));
    world.centre.inner().mischief.stuck = None;
    assert!(world.send().unwrap().is_some());
}

#[rstest]
#[case(BundleState::Rejected, "SYNC-REJECTED", false)]
#[case(BundleState::Quarantined, "SYNC-QUARANTINED", true)]
fn what_the_centre_did_with_the_bundle_is_said(
    #[case] state: BundleState,
    #[case] code: &str,
    #[case] retryable: bool,
) {
    let mut world = World::new(&[1_000]);
    world.centre.inner().mischief.stuck = Some(state);
    let trouble = world.send().unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.retryable), (code, retryable));
    assert!(trouble.safe.contains("证据包"));
}

#[test]
fn refusals_of_the_centre_keep_their_codes() {
    let mut world = World::new(&[1_000]);
    world.centre.inner().mischief.problem = Some(code::CONFLICT);
    let trouble = world.send().unwrap_err();
    assert_eq!((trouble.code.as_str(), trouble.verdict), ("SYNC-CONFLICT", true));
}

#[test]
fn the_device_journal_arrives_in_order() {
    let mut world = World::new(&[]);
    let lines: Vec<Vec<u8>> = (1..=3000).map(|n| format!("{{\"seq\":{n}}}").into_bytes()).collect();
    assert_eq!(world.client.send_device_journal(&mut world.keys, 1, &lines).unwrap(), 3000);
    assert_eq!(world.centre.inner().journal[2999], "{\"seq\":3000}");
    assert_eq!(world.client.send_device_journal(&mut world.keys, 3001, &[]).unwrap(), 3000);
    // The centre was restored from a backup: the handheld learns where to go on.
    world.centre.inner().journal.truncate(2990);
    let next = vec![b"{\"seq\":3001}".to_vec()];
    assert_eq!(world.client.send_device_journal(&mut world.keys, 3001, &next).unwrap(), 2990);
    let rest: Vec<Vec<u8>> =
        (2991..=3001).map(|n| format!("{{\"seq\":{n}}}").into_bytes()).collect();
    assert_eq!(world.client.send_device_journal(&mut world.keys, 2991, &rest).unwrap(), 3001);
    // Lines that the centre has otherwise are a contradiction, not a loss.
    let trouble = world.client.send_device_journal(&mut world.keys, 1, &next).unwrap_err();
    assert_eq!(trouble.code, "SYNC-JOURNAL-GAP");
}

#[test]
fn r49_a_clock_at_1970_does_not_keep_evidence_on_the_handheld() {
    let mut world = World::new(&[1_000]);
    world.client = client_at(world.folder.path(), 0);
    assert!(world.send().unwrap().is_some());
    // The receipt's entry is signed time as well.
    assert_eq!(world.client.judged_ms(), NOW_MS);
}

/// R47: every other request is lost, cut or refused, and for a while the centre does not even know the handheld. There
/// is no token that could be used up: what is queued stays queued and arrives whole, once.
#[test]
fn r47_a_flaky_centre_costs_patience_and_never_the_queue() {
    let mut world = World::new(&[3_000_000, 700, 1_500_000]);
    world.centre.inner().mischief.cut_patches =
        (0..8).flat_map(|n| [usize::MAX, 70_000 * n]).collect();
    world.centre.inner().mischief.patch_status = VecDeque::from([503, 423, 460]);
    let mut refused = 0;
    for code in [code::UNAUTHENTICATED, code::EXPIRED, code::UNAUTHENTICATED] {
        world.centre.inner().mischief.problem = Some(code);
        let trouble = world.send().unwrap_err();
        assert!(trouble.safe.contains("证据包"), "{trouble:?}");
        refused += 1;
        world.centre.inner().mischief.problem = None;
        if world.send().is_ok_and(|receipt| receipt.is_some()) {
            break;
        }
    }
    assert!(refused >= 1);
    assert!(world.send().unwrap().is_some());
    world.check_delivered();
}

/// R52: a clock decades ahead. The centre's certificate seems to have run out, which is said and is no verdict on the
/// evidence; nothing is dropped or half sent, and once the clock is right everything arrives.
#[rstest]
#[case::the_end_of_32_bits(2_147_483_648_000)]
#[case::the_year_2099(4_102_415_999_000)]
fn r52_a_clock_far_ahead_is_said_and_everything_arrives_once_it_is_set(#[case] wall_ms: i64) {
    let mut world = World::new(&[1_000]);
    world.client = client_at(world.folder.path(), wall_ms);
    let trouble = world.send().unwrap_err();
    assert_eq!(trouble.code, "SYNC-CERT-TIME", "{trouble:?}");
    assert!(trouble.safe.contains("证据包") && !trouble.advice.is_empty());
    assert!(world.centre.inner().announcement.is_none());
    world.client = client_at(world.folder.path(), NOW_MS);
    assert!(world.send().unwrap().is_some());
    world.check_delivered();
}
