//! Two handhelds over a real link: what is kept, what makes a copy go, and two versions of the program.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use rcgen::KeyPair;
use rustls::{ServerConnection, StreamOwned};
use spotcheck_app::copies::LinkKeys;
use spotcheck_app::errand::Stop;
use spotcheck_app::ports::{CopyFolder, Dropped, Heard, Partner, Released};
use spotcheck_domain::{BundleId, CaseId, DeviceId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::entry::{BundleEntry, LogEntry};
use spotcheck_wire::copies::{Answer, Call, PARTNER_SCHEMA_1};

use super::{PartnerLink, PartnerShelf, receive, send, serve_partners, server_config};
use crate::tests::NOW_MS;
use crate::tests::authority::{Ca, Kind};
use crate::tests::log::TestLog;

const BUNDLE: &str = "EVID-01M7VBK5C0SAMP1E0000000001";
const CASE: &str = "CASE-01M7VBK5C0SAMP1E0000000001";

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A shelf in memory for one handheld's one case.
#[derive(Clone, Default)]
struct Shelf {
    files: Files,
    dropped: Arc<Mutex<Vec<Dropped>>>,
}

struct Folder(Files);

impl CopyFolder for Folder {
    fn names(&mut self) -> TroubleResult<BTreeMap<String, u64>> {
        Ok(self.0.lock().unwrap().iter().map(|(n, b)| (n.clone(), b.len() as u64)).collect())
    }
    fn get(&mut self, name: &str) -> TroubleResult<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
    fn put(&mut self, name: &str, bytes: &[u8]) -> TroubleResult<()> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
    fn remove(&mut self, names: &[String]) -> TroubleResult<()> {
        self.0.lock().unwrap().retain(|name, _| !names.contains(name));
        Ok(())
    }
}

impl PartnerShelf for Shelf {
    fn open(&self, _: &DeviceId, _: &CaseId) -> TroubleResult<Box<dyn CopyFolder>> {
        Ok(Box::new(Folder(self.files.clone())))
    }
    fn held_of(&self, _: &DeviceId) -> TroubleResult<Vec<CaseId>> {
        let some = !self.files.lock().unwrap().is_empty();
        Ok(some.then(|| CaseId::parse(CASE).unwrap()).into_iter().collect())
    }
    fn let_go(&self, dropped: &Dropped) -> TroubleResult<()> {
        self.files.lock().unwrap().clear();
        self.dropped.lock().unwrap().push(dropped.clone());
        Ok(())
    }
}

struct Town {
    ca: Ca,
    log: TestLog,
    shelf: Shelf,
    stop: Stop,
}

impl Drop for Town {
    fn drop(&mut self) {
        self.stop.ask();
    }
}

impl Town {
    fn new() -> Self {
        let log = TestLog::new("centre.example/log", 7);
        Self { ca: Ca::new("示例根"), log, shelf: Shelf::default(), stop: Stop::default() }
    }

    fn keys(&self, id: &str) -> LinkKeys {
        let key = KeyPair::generate().unwrap();
        let chain = self.ca.issue(Kind::ClientTls, id, &[], &key, NOW_MS).pem();
        LinkKeys {
            identity: (chain, key.serialize_der().into()),
            roots: self.ca.pem(),
            intake_id: "intake-1".to_owned(),
            log_key: self.log.vkey(),
            me: Partner { device: DeviceId::parse(id).unwrap(), recipient: "age1".to_owned() },
        }
    }

    /// D-0002 keeps copies.
    fn keeper(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let (keys, stop) = (self.keys("D-0002"), self.stop.clone());
        let shelf: Arc<dyn PartnerShelf> = Arc::new(self.shelf.clone());
        std::thread::spawn(move || serve_partners(&listener, &keys, &shelf, &stop));
        at
    }

    fn link(&self, to: SocketAddr) -> PartnerLink {
        let keys = self.keys("D-0001");
        PartnerLink::connect(to, &keys.identity, &keys.roots).unwrap()
    }

    /// A receipt as the log has it.
    fn received(&mut self, device: &str, bundle: &str) -> Released {
        let entry = LogEntry::Bundle(BundleEntry {
            bundle: BundleId::parse(bundle).unwrap(),
            tagmanifest_sha256: Hash32::sha256(b"tags"),
            device: DeviceId::parse(device).unwrap(),
            received: "2026-11-21T10:00:00.000+08:00".to_owned(),
        });
        let entry = entry.to_bytes().unwrap();
        let index = self.log.append(&entry);
        Released {
            case: CaseId::parse(CASE).unwrap(),
            bundle: BundleId::parse(BUNDLE).unwrap(),
            entry: String::from_utf8(entry).unwrap(),
            proof: self.log.proof(index, self.log.size()),
            shredded: false,
        }
    }

    fn kept(&self) -> usize {
        self.shelf.files.lock().unwrap().len()
    }
}

/// evidence.md §1: before the receipt a copy is kept, whatever the other end says; after it, it goes.
#[test]
fn a_copy_goes_by_its_own_handhelds_receipt_and_by_nothing_less() {
    let mut town = Town::new();
    let mut link = town.link(town.keeper());
    let case = CaseId::parse(CASE).unwrap();
    for name in ["state.age", "keys-D-0002.age", "copy.json"] {
        link.folder(&case).put(name, b"sealed").unwrap();
    }
    let good = town.received("D-0001", BUNDLE);
    let mut foreign = TestLog::new("centre.example/log", 8);
    let index = foreign.append(good.entry.as_bytes());
    let bad = [
        Released { proof: String::new(), ..good.clone() },
        Released { proof: foreign.proof(index, 1), ..good.clone() },
        Released { entry: good.entry.replace("10:00", "11:00"), ..good.clone() },
        town.received("D-0003", BUNDLE),
        town.received("D-0001", "EVID-01M7VBK5C0SAMP1E0000000002"),
        Released { shredded: true, entry: String::new(), ..good.clone() },
    ];
    for (n, bad) in bad.into_iter().enumerate() {
        assert_eq!(link.release(&[bad]).unwrap(), 0, "case {n}");
        assert_eq!(town.kept(), 3, "case {n}");
    }
    let other = Released {
        case: CaseId::parse("CASE-01M7VBK5C0SAMP1E0000000009").unwrap(),
        ..good.clone()
    };
    assert_eq!(link.release(&[other, good.clone()]).unwrap(), 1, "only what is held is let go");
    assert_eq!(town.kept(), 0);
    assert_eq!(link.release(std::slice::from_ref(&good)).unwrap(), 0, "nothing is held any more");
    link.folder(&case).put("state.age", b"sealed").unwrap();
    assert_eq!(link.release(&[Released { shredded: true, ..good }]).unwrap(), 1);
    let heard: Vec<Heard> = town.shelf.dropped.lock().unwrap().iter().map(|d| d.heard).collect();
    assert_eq!(heard, [Heard::Receipt, Heard::Shred]);
}

/// A handheld of before: it refuses the newer greeting and knows four calls. Copies go there, nothing is released.
#[test]
fn a_handheld_of_version_1_still_gets_copies_and_is_never_told_to_let_go() {
    let mut town = Town::new();
    let keys = town.keys("D-0002");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let old = std::thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        let config = server_config(&keys.identity, &keys.roots).unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
        let mut calls = Vec::new();
        while let Ok(Some(call)) = receive::<serde_json::Value>(&mut stream) {
            let op = call["op"].as_str().unwrap().to_owned();
            let answer = match (op.as_str(), call["schema"].as_str()) {
                ("hello", Some(PARTNER_SCHEMA_1)) => {
                    Answer::Hello { device: "D-0002".to_owned(), recipient: "age1".to_owned() }
                }
                ("names", _) => Answer::Names(BTreeMap::new()),
                _ => Answer::Refused { code: "COPY-SCHEMA".to_owned() },
            };
            calls.push(op);
            send(&mut stream, &answer).unwrap();
        }
        calls
    });
    let mut link = town.link(at);
    let case = CaseId::parse(CASE).unwrap();
    assert!(link.folder(&case).names().unwrap().is_empty());
    let released = town.received("D-0001", BUNDLE);
    assert_eq!(link.release(&[released]).unwrap(), 0);
    drop(link);
    assert_eq!(old.join().unwrap(), ["hello", "hello", "names"]);
}

/// And the other way round: who greets in the words of version 1 is answered.
#[test]
fn a_handheld_of_version_1_may_bring_its_copies() {
    let town = Town::new();
    let keys = town.keys("D-0001");
    let config = super::client_config(&keys.identity, &keys.roots).unwrap();
    let tcp = std::net::TcpStream::connect(town.keeper()).unwrap();
    let name = rustls_pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let connection = rustls::ClientConnection::new(config, name).unwrap();
    let mut stream = StreamOwned::new(connection, tcp);
    send(&mut stream, &Call::Hello { schema: PARTNER_SCHEMA_1.to_owned() }).unwrap();
    let answer: Answer = receive(&mut stream).unwrap().unwrap();
    assert!(matches!(answer, Answer::Hello { device, .. } if device == "D-0002"));
    send(&mut stream, &Call::Names { case: CASE.to_owned() }).unwrap();
    assert_eq!(receive::<Answer>(&mut stream).unwrap(), Some(Answer::Names(BTreeMap::new())));
}
