//! A copy larger than what the centre keeps of it in memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use age::Encryptor;
use age::x25519::{Identity, Recipient};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::journal::ChainHead;
use spotcheck_wire::copies::CopyLabel;

use super::opened::{DOOR_SCHEMA, Opened, State};
use super::plain::write_open;

const MIB: usize = 1 << 20;

fn sealed(to: &Recipient, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let recipients = std::iter::once(to as &dyn age::Recipient);
    let mut writer = Encryptor::with_recipients(recipients).unwrap().wrap_output(&mut out).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap();
    out
}

/// The most memory that this process ever had, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// A door recording of `segments` times 16 MiB and one fragment after them, and the hash of all of it.
fn copy_of(folder: &Path, identity: Identity, segments: u8) -> (Opened<'_>, String) {
    let to = identity.to_public();
    let rec = folder.join("rec/a0001.ogg");
    fs::create_dir_all(&rec).unwrap();
    let mut list = String::new();
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    for n in 0..segments {
        let plain = vec![n; 16 * MIB];
        hash.update(&plain);
        let bytes = sealed(&to, &plain);
        let name = Hash32::sha256(&bytes).to_string();
        fs::write(folder.join(format!("{name}.age")), &bytes).unwrap();
        list += &format!("{{\"blob\":{{\"ciphertext_sha256\":\"{name}\"}},\"last\":{}}}\n", n + 1);
    }
    fs::write(rec.join("segments.jsonl"), list).unwrap();
    // The last segment covers these; only the fragment after it counts, and of a torn one nothing.
    fs::write(rec.join("f-00000001-1.age"), sealed(&to, b"covered")).unwrap();
    let next = u64::from(segments) + 1;
    fs::write(rec.join(format!("f-{next:08}-1.age")), sealed(&to, b"the end")).unwrap();
    let torn = sealed(&to, &vec![7; MIB]);
    fs::write(rec.join(format!("f-{:08}-1.age", next + 1)), &torn[..torn.len() - 9]).unwrap();
    hash.update(b"the end");
    let (case, device) = ("CASE-01J00000000000000000000000".to_owned(), "D-0001".to_owned());
    let label = CopyLabel {
        schema: "spotcheck-copy/1".to_owned(),
        case: case.clone(),
        device: device.clone(),
        intake_id: "intake-1".to_owned(),
        bundle: None,
        copied: String::new(),
        files: BTreeMap::new(),
    };
    let state = State {
        schema: DOOR_SCHEMA.to_owned(),
        case,
        device,
        kept_ms: 0,
        lines: Vec::new(),
        values: Vec::new(),
    };
    let opened = Opened {
        folder,
        identities: vec![identity],
        label,
        state,
        head: ChainHead::START,
        early: None,
    };
    (opened, hex::encode(hash.finish()))
}

/// 64 MiB of a recording are proven and written out in the memory of a few chunks (5 MB were seen); a single
/// segment whole in memory, in cipher and in the clear, would be 32 MiB more.
#[test]
fn a_copied_recording_is_streamed_whatever_its_length() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("copy");
    let (copy, whole) = copy_of(&folder, Identity::generate(), 4);
    // Making the segments took memory; what the centre takes from here on is counted from a fresh mark.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let running = copy.running().unwrap();
    assert_eq!(running.len(), 1);
    let out = base.path().join("out");
    write_open(&copy, &copy.files().unwrap(), &running, &out).unwrap();
    let taken = peak() - before;
    assert!(taken < 8 * MIB, "{taken} bytes more at most");
    let list = fs::read_to_string(out.join("manifest-sha256.txt")).unwrap();
    assert!(list.contains(&format!("{whole}  data/media/a0001.ogg\n")), "{list}");
    let written = fs::metadata(out.join("data/media/a0001.ogg")).unwrap().len();
    assert_eq!(written, 4 * 16 * MIB as u64 + 7);
}
