//! Two handhelds on one table, an hour of a visit by a clock of the test's own: the scheduler, the copier, the
//! link under TLS and the shelf are those of the program. Only the camera and the vault are stood in for.

mod chosen;

use std::collections::BTreeMap;
use std::fs;
use std::io::copy;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use secrecy::SecretString;
use spotcheck_app::desk::Desk;
use spotcheck_app::memory::{
    BEGIN_MS, Disk, MemoryCentre, MemoryExports, MemoryForms, MemoryKeys, MemoryMachine,
    MemoryPackages, MemoryPlayer, MemoryPrinter, MemoryProbes, MemoryRecorder, MemoryReferences,
    MemoryVault,
};
use spotcheck_app::ports::{Heard, Key256, NoLocator, Stores};
use spotcheck_app::{Handheld, Ports, Software};
use spotcheck_domain::{BundleId, DeviceId, ManualClock, OfficerId, SeededEntropy, TaskId};
use spotcheck_evidence::Hash32;
use tempfile::TempDir;

use super::*;

/// evidence.md §1: "within 5 minutes".
const FIVE_MINUTES_MS: i64 = 300_000;

/// An agency's TLS root, by which handhelds know each other.
struct Root {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Root {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn keys(&self, id: &str) -> LinkKeys {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), id);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        LinkKeys {
            identity: (chain, key.serialize_der().into()),
            roots: self.pem.clone(),
            intake_id: "intake-1".to_owned(),
            log_key: LOG_KEY.to_owned(),
            me: Partner { device: DeviceId::parse(id).unwrap(), recipient: format!("age1{id}") },
        }
    }
}

/// A log's key of the right form; no receipt is shown in these tests.
const LOG_KEY: &str =
    "log.example.invalid/spotcheck+ebe74a24+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";

fn room(data: &Path, config: &CopyConfig, clock: &Arc<ManualClock>) -> CopyRoom {
    CopyRoom::new(data, config, 1_000, MemoryMachine::default(), clock.clone())
}

/// A handheld whose second copies are kept by a real room.
fn handheld(room: &CopyRoom, clock: &Arc<ManualClock>, disk: &Disk) -> Handheld {
    let vault = MemoryVault::default();
    Handheld::new(Ports {
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(7)),
        keys: Box::new(MemoryKeys::default()),
        blobs: Box::new(vault.clone()),
        recorder: Box::new(MemoryRecorder::new(vault, clock.clone())),
        packages: Box::new(MemoryPackages),
        exports: Box::new(MemoryExports::default()),
        references: Box::new(MemoryReferences::default()),
        forms: Box::new(MemoryForms),
        printer: Box::new(MemoryPrinter::default()),
        machine: Box::new(MemoryMachine::default()),
        centre: Arc::new(Mutex::new(MemoryCentre)),
        stores: Box::new(disk.clone()),
        player: Box::new(MemoryPlayer::new(clock.clone())),
        locator: Arc::new(NoLocator),
        copies: Box::new(room.clone()),
        probes: Box::new(MemoryProbes),
        software: Software {
            name: "spotcheck".to_owned(),
            version: "0.1.0".to_owned(),
            build_ms: 1_700_000_000_000,
        },
    })
}

/// The air between two handhelds: carries while it is up.
fn air(to: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let up = Arc::new(AtomicBool::new(true));
    let carries = Arc::clone(&up);
    std::thread::spawn(move || {
        for here in listener.incoming().flatten() {
            if !carries.load(Ordering::SeqCst) {
                continue;
            }
            let there = TcpStream::connect(to).unwrap();
            for (mut from, mut onto) in [
                (here.try_clone().unwrap(), there.try_clone().unwrap()),
                (there.try_clone().unwrap(), here.try_clone().unwrap()),
            ] {
                std::thread::spawn(move || {
                    let _ = copy(&mut from, &mut onto);
                    let _ = onto.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    (at, up)
}

/// The picture of the invented camera that has this hash; the vault in memory keeps it as it is.
fn picture(sha256: &str) -> Vec<u8> {
    (0..10_000)
        .map(|n: u32| [b"\xff\xd8", n.to_string().as_bytes(), b"\xff\xd9"].concat())
        .find(|bytes| Hash32::sha256(bytes).to_string() == sha256)
        .unwrap()
}

/// Handheld A in a visit, handheld B keeping copies for it.
struct Table {
    _a: TempDir,
    b: TempDir,
    clock: Arc<ManualClock>,
    room: CopyRoom,
    keys: LinkKeys,
    visit: Handheld,
    case: CaseId,
    folder: PathBuf,
    up: Arc<AtomicBool>,
    turns: Turns,
    stop: Stop,
    /// What was captured, and when; a segment stands for the fragments it was made of.
    captured: BTreeMap<String, i64>,
}

impl Drop for Table {
    fn drop(&mut self) {
        self.stop.ask();
    }
}

impl Table {
    fn laid() -> Self {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock::at_ms(BEGIN_MS));
        let root = Root::new();
        let shelf = room(b.path(), &CopyConfig::default(), &clock);
        let stop = Stop::default();
        let (keys_b, ended) = (root.keys("D-0002"), stop.clone());
        let (tell, hear) = channel();
        std::thread::spawn(move || {
            let mut ready = |at| tell.send(at).unwrap();
            shelf.serve(&keys_b, "127.0.0.1:0", &ended, &mut ready).unwrap();
        });
        let (peer, up) = air(hear.recv().unwrap());
        // As rarely as the program allows.
        let config = CopyConfig {
            peer: Some(peer.to_string()),
            every_seconds: 999,
            ..CopyConfig::default()
        };
        let room = room(a.path(), &config, &clock);
        let disk = Disk::default();
        let mut visit = handheld(&room, &clock, &disk);
        visit.pull(None).unwrap();
        let officer = OfficerId::parse("O-0001").unwrap();
        visit.unlock(&officer, &SecretString::from("O-0001")).unwrap();
        let case = visit.open_case(&TaskId::parse("T-2026-0001").unwrap()).unwrap().id;
        let folder = a.path().join("cases").join(case.as_str());
        for inner in ["blobs", "rec/0002"] {
            create_folder(&folder.join(inner)).unwrap();
        }
        // The vault makes this one with its keys: what is captured at the next door belongs there.
        let mut disk = disk;
        let mut store = disk.device_store(&Key256::new([0; 32])).unwrap();
        for (_, arrival) in store.values("arrival").unwrap() {
            let arrival: CaseId = serde_json::from_str(&arrival).unwrap();
            create_folder(&a.path().join("cases").join(arrival.as_str())).unwrap();
        }
        let keys = root.keys("D-0001");
        // Both ends understand each other before the hour begins.
        visit.keep_copies().unwrap();
        room.meet(&keys, room.config.peer.as_deref().unwrap()).unwrap();
        let (turns, captured) = (Turns::default(), BTreeMap::new());
        Self { _a: a, b, clock, room, keys, visit, case, folder, up, turns, stop, captured }
    }

    fn now(&self) -> i64 {
        self.clock.read().wall_ms
    }

    fn on_b(&self, name: &str) -> bool {
        let copy = copy_folder_name(self.case.as_str());
        self.b.path().join("partners/D-0001").join(copy).join(name).is_file()
    }

    /// Captured longer ago than this and not with B.
    fn late(&self, by_ms: i64) -> Vec<&String> {
        let old = self.captured.iter().filter(|(_, at)| self.now() - **at > by_ms);
        old.filter(|(name, _)| !self.on_b(name)).map(|(name, _)| name).collect()
    }

    /// One second of the visit: a fragment every other, a segment a minute, a photo now and then.
    fn second(&mut self, n: u64) {
        self.clock.advance_ms(1_000);
        let now = self.now();
        if n.is_multiple_of(2) {
            let name = format!("rec/0002/{n:08}.age");
            fs::write(self.folder.join(&name), n.to_string()).unwrap();
            self.captured.insert(name, now);
        }
        if n.is_multiple_of(60) {
            let fragments: Vec<String> =
                self.captured.keys().filter(|name| name.starts_with("rec/")).cloned().collect();
            let bytes = format!("segment {n}");
            let segment = format!("{}.age", Hash32::sha256(bytes.as_bytes()));
            fs::write(self.folder.join("blobs").join(&segment), bytes).unwrap();
            let first = fragments.iter().map(|name| self.captured[name]).min().unwrap();
            self.captured.insert(segment, first);
            for name in fragments {
                fs::remove_file(self.folder.join(&name)).unwrap();
                self.captured.remove(&name);
            }
        }
        if n % 100 == 1 {
            let photo = self.visit.capture_photo(Some(&self.case)).unwrap();
            let name = format!("{}.age", photo.sha256);
            fs::write(self.folder.join("blobs").join(&name), picture(&photo.sha256)).unwrap();
            self.captured.entry(name).or_insert(now);
        }
        self.visit.status().unwrap();
        self.turns.follow(self.room.plan_now());
        if self.room.is_due(&self.turns) {
            self.room.turn(&self.keys, &mut self.turns);
        }
    }

    /// The words of the completeness check about second copies.
    fn told(&mut self) -> Vec<String> {
        let missing = self.visit.case(&self.case).unwrap().missing;
        missing.into_iter().filter(|m| m.contains("第二副本")).collect()
    }
}

/// evidence.md §1: what handheld A captured is with B five minutes later at most, also where the link was gone
/// for four minutes in between; where it is gone for longer the completeness check counts what has no copy, and
/// half a minute after it came back nothing lacks one.
#[test]
fn r42_each_sealed_fragment_is_on_the_other_handheld_within_five_minutes() {
    let mut table = Table::laid();
    let mut longest = 0;
    let gone = |n: u64| (600..840).contains(&n) || (1_500..2_100).contains(&n);
    for n in 1..=2_700 {
        table.up.store(!gone(n), Ordering::SeqCst);
        table.second(n);
        let waits = table.captured.iter().filter(|(name, _)| !table.on_b(name));
        longest = waits.map(|(_, at)| table.now() - at).max().unwrap_or(0).max(longest);
        if (1_500..2_130).contains(&n) {
            continue;
        }
        assert_eq!(table.late(FIVE_MINUTES_MS), Vec::<&String>::new(), "second {n}");
    }
    assert!(longest > FIVE_MINUTES_MS, "the long gap was one: {longest} ms");
    assert!(table.captured.len() > 60, "{}", table.captured.len());
    assert!(table.on_b("state.age") && table.on_b(COPY_LABEL));
}

/// The same gap, by the words that the officers read: each photo without a copy is counted, and none before its
/// five minutes are over.
#[test]
fn r42_the_completeness_check_counts_what_the_broken_link_left_without_a_copy() {
    let mut table = Table::laid();
    for n in 1..=200 {
        table.second(n);
    }
    assert_eq!(table.told(), Vec::<String>::new());
    table.up.store(false, Ordering::SeqCst);
    let of_before: Vec<String> = table.captured.keys().cloned().collect();
    for n in 201..=1_000 {
        table.second(n);
        let photos = table.late(FIVE_MINUTES_MS).into_iter().filter(|name| {
            !of_before.contains(*name)
                && fs::read(table.folder.join("blobs").join(name)).is_ok_and(|b| b[0] == 0xff)
        });
        let single = photos.count();
        let told = table.told();
        match single {
            0 => assert_eq!(told, Vec::<String>::new(), "second {n}"),
            _ => assert!(told[0].starts_with(&format!("{single} 件")), "second {n}: {told:?}"),
        }
    }
    assert_eq!(table.told().len(), 1);
    let without = table.visit.copy_views().unwrap().remove(0).without;
    assert!(without > 1, "{without}");
    table.up.store(true, Ordering::SeqCst);
    for n in 1_001..=1_030 {
        table.second(n);
    }
    assert_eq!(table.told(), Vec::<String>::new());
}

/// Handheld A's disk loses one blob, cuts off another, and a bit of a third turns over: nothing of that reaches the
/// copies, neither B's nor the stick's; a new blob that is damaged before its first round reaches none; and when
/// the whole folder is gone the copies are whole.
#[test]
fn r42_a_copy_mirrors_neither_damage_nor_deletion() {
    let mut table = Table::laid();
    let stick = tempfile::tempdir().unwrap();
    let held = table.b.path().join("partners/D-0001").join(copy_folder_name(table.case.as_str()));
    let on_stick = stick.path().join(copy_folder_name(table.case.as_str()));
    let peer = table.room.config.peer.clone().unwrap();
    let round = |table: &Table| {
        let sent = table.room.copy_to_peer(&table.keys, &peer).map(|_| ());
        (sent, table.room.copy_to(&table.keys, stick.path()).map(|_| ()))
    };
    for n in 1..=61 {
        table.second(n);
    }
    let blobs = table.folder.join("blobs");
    let keep = |bytes: &[u8]| {
        let name = format!("{}.age", Hash32::sha256(bytes));
        fs::write(blobs.join(&name), bytes).unwrap();
        name
    };
    let good: Vec<&[u8]> = vec![b"is deleted", b"is cut off", b"has its bit turned over"];
    let names: Vec<String> = good.iter().map(|bytes| keep(bytes)).collect();
    fs::write(table.folder.join("rec/0002/99.age"), "a fragment").unwrap();
    let keys = format!("{}.keys.age", table.case);
    fs::write(table.folder.join(&keys), "the keys of the case").unwrap();
    assert!(matches!(round(&table), (Ok(()), Ok(()))));

    fs::remove_file(blobs.join(&names[0])).unwrap();
    fs::write(blobs.join(&names[1]), "is cut").unwrap();
    fs::write(blobs.join(&names[2]), "has its bit turned oveR").unwrap();
    fs::remove_file(table.folder.join(&keys)).unwrap();
    fs::remove_file(table.folder.join("rec/0002/99.age")).unwrap();
    let never_good = keep(b"a photo that a bad block took");
    fs::write(blobs.join(&never_good), "a photo that").unwrap();
    let whole = |when: &str| {
        for copy in [&held, &on_stick] {
            for (name, bytes) in names.iter().zip(&good) {
                assert_eq!(
                    &fs::read(copy.join(name)).unwrap(),
                    bytes,
                    "{when}: {}",
                    copy.display()
                );
            }
            assert_eq!(fs::read(copy.join(&keys)).unwrap(), b"the keys of the case", "{when}");
            assert!(!copy.join(&never_good).exists(), "{when}");
            assert!(!copy.join("rec/0002/99.age").exists(), "{when}: it became a segment");
        }
    };
    assert!(matches!(round(&table), (Ok(()), Ok(()))));
    whole("damaged");
    let copied = table.room.clone().copied(&table.case).unwrap().unwrap();
    assert!(names.iter().all(|name| copied.files.contains(name)));
    assert!(!copied.files.contains(&never_good), "what no copy holds is counted");

    // A handheld of an older program says what to take and what to forget; B does neither.
    let mut link = PartnerLink::connect(
        address(&peer, "peer").unwrap(),
        &table.keys.identity,
        &table.keys.roots,
    )
    .unwrap();
    let case = table.case.clone();
    assert_eq!(link.folder(&case).put(&names[1], b"is cut").unwrap_err().code, "COPY-REFUSED");
    link.folder(&case).remove(&names).unwrap();
    whole("an older program");

    fs::remove_dir_all(&table.folder).unwrap();
    let (sent, stuck) = round(&table);
    assert_eq!(sent.unwrap_err().code, "COPY-GONE");
    assert_eq!(stuck.unwrap_err().code, "COPY-GONE");
    whole("gone");
}

/// A copy held for another goes, files and keys, once its receipt was seen; not that of another bundle; the desk
/// journals it, also where the program was killed in between.
#[test]
fn a_copy_held_for_another_is_dropped_whole_and_journaled() {
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at_ms(BEGIN_MS));
    let mut room = room(data.path(), &CopyConfig::default(), &clock);
    let mut desk = handheld(&room, &clock, &Disk::default());
    desk.pull(None).unwrap();
    let device = DeviceId::parse("D-0002").unwrap();
    let entropy = SeededEntropy::new(3);
    let mut cases: Vec<CaseId> =
        (0..3).map(|_| CaseId::generate(clock.as_ref(), &entropy)).collect();
    cases.sort();
    let bundle = |n: usize| BundleId::parse(&format!("EVID-01J9Z0Q4X2M8T6V7B3N5KCDE0{n}")).unwrap();
    for (n, case) in cases.iter().enumerate() {
        let mut copy = PartnerShelf::open(&room, &device, case).unwrap();
        for name in ["state.age", "keys-D-0001.age", "rec/0002/00000001.age"] {
            copy.put(name, b"sealed").unwrap();
        }
        let label = serde_json::json!({
            "schema": COPY_SCHEMA, "case": case, "device": device, "intake_id": "intake-1",
            "bundle": bundle(n), "copied": "2026-11-20T09:30:00.000+08:00", "files": {},
        });
        copy.put(COPY_LABEL, label.to_string().as_bytes()).unwrap();
    }
    let held =
        |room: &mut CopyRoom| room.held().unwrap().into_iter().map(|h| h.case).collect::<Vec<_>>();
    assert_eq!(room.held_of(&device).unwrap(), cases);
    let dropped = |n: usize, of: usize, heard| Dropped {
        device: device.clone(),
        case: cases[n].clone(),
        bundle: bundle(of),
        heard,
    };
    let other = room.let_go(&dropped(0, 1, Heard::Receipt)).unwrap_err();
    assert_eq!(other.code, "COPY-NOT-RECEIVED");
    assert_eq!(held(&mut room), cases, "another bundle's receipt drops nothing");
    room.let_go(&dropped(0, 0, Heard::Receipt)).unwrap();
    room.let_go(&dropped(0, 0, Heard::Receipt)).unwrap();
    // Killed between the note and the removal.
    room.write(&format!("dropped/{device}-{}.json", cases[1]), &dropped(1, 1, Heard::Shred))
        .unwrap();
    assert_eq!(held(&mut room), cases[1..]);
    desk.status().unwrap();
    desk.status().unwrap();
    assert_eq!(held(&mut room), cases[2..]);
    let lines: Vec<(String, String)> = desk
        .journal_entries(None)
        .unwrap()
        .iter()
        .filter(|e| e["kind"] == "copy_dropped")
        .map(|e| (e["subject"].as_str().unwrap().to_owned(), e["facts"]["heard"].to_string()))
        .collect();
    let line = |n: usize, heard: &str| (cases[n].to_string(), format!("\"{heard}\""));
    assert_eq!(lines, [line(0, "receipt"), line(1, "shred")]);
    assert_eq!(fs::read_dir(data.path().join("copies/dropped")).unwrap().count(), 0);
}
