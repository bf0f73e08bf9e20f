//! A bundle before and after it is closed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spotcheck_domain::{BundleId, DeviceId, TaskId, rfc3339, to_canonical};

use super::{Person, StampPlan, TestLog, TestTsa};
use crate::bag::{BagInfo, PayloadFile, TAGMANIFEST, TagFile, tag_files};
use crate::chain::certificate_to_pem;
use crate::cms::sign_detached;
use crate::entry::{BundleEntry, LogEntry};
use crate::record::{JOURNAL_PATH, RECORD_PATH};
use crate::statement::STATEMENT_PATH;
use crate::zip::ZipWriter;
use crate::{FileHashes, Hash32};

/// Everything that goes into a bundle, still to be changed.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The bundle's id.
    pub bundle: String,
    /// Payload but record.json and journal.jsonl.
    pub payload: BTreeMap<String, Vec<u8>>,
    /// record.json.
    pub record: Value,
    /// Lines of journal.jsonl; `seq` and `prev` are made anew by [`Self::close`] unless `chained`.
    pub journal: Vec<Value>,
    /// True: the journal is written as it stands.
    pub chained: bool,
    /// statement.json; signers' certificates are filled in by [`Self::close`].
    pub statement: Value,
    /// Further tag files: checkpoint, time entry, CRLs.
    pub tags: BTreeMap<String, Vec<u8>>,
    /// True: the hash of the journal's last line is made that of record.json.
    pub fix_sealed: bool,
}

impl Parts {
    /// Exchanges the content of a payload file everywhere: file, record.json, journal.
    pub fn replace_payload(&mut self, path: &str, bytes: Vec<u8>) {
        let hashes = FileHashes::of(&bytes);
        fn walk(value: &mut Value, path: &str, hashes: &FileHashes) {
            match value {
                Value::Object(members) => {
                    if members.get("path").and_then(Value::as_str) == Some(path) {
                        members.insert("sha256".into(), json!(hashes.sha256));
                        members.insert("size".into(), json!(hashes.size));
                        if members.contains_key("sm3") {
                            members.insert("sm3".into(), json!(hashes.sm3));
                        }
                    }
                    members.values_mut().for_each(|v| walk(v, path, hashes));
                }
                Value::Array(items) => items.iter_mut().for_each(|v| walk(v, path, hashes)),
                _ => {}
            }
        }
        walk(&mut self.record, path, &hashes);
        for line in self.journal.iter_mut().filter(|l| l["subject"] == path && !l["hash"].is_null())
        {
            line["hash"] = json!(hashes.sha256);
        }
        self.payload.insert(path.to_owned(), bytes);
    }

    /// The first line of a kind.
    pub fn line(&mut self, kind: &str) -> &mut Value {
        self.journal.iter_mut().find(|l| l["kind"] == kind).unwrap()
    }

    /// Chains the journal and gives its bytes; `sealed` counts the lines.
    pub fn chain_journal(&mut self) -> Vec<u8> {
        let count = self.journal.len();
        let mut bytes = Vec::new();
        let mut prev = Hash32::ZERO;
        for (n, line) in self.journal.iter_mut().enumerate() {
            if !self.chained {
                line["seq"] = json!(n + 1);
                line["prev"] = json!(prev);
                if line["kind"] == "sealed" && self.fix_sealed {
                    line["facts"]["entries"] = json!(count);
                }
            }
            let text = to_canonical(line).unwrap();
            prev = Hash32::sha256(&text);
            bytes.extend(text);
            bytes.push(b'\n');
        }
        bytes
    }

    /// Hash of each line as it would be written now.
    #[must_use]
    pub fn line_hashes(&self) -> Vec<Hash32> {
        let bytes = self.clone().chain_journal();
        bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(Hash32::sha256).collect()
    }

    /// Writes record and journal, makes the tag files and signs with `people`, who also become the
    /// signers of statement.json (its other members stay).
    #[must_use]
    pub fn close(mut self, people: &[Person]) -> Bag {
        let record = to_canonical(&self.record).unwrap();
        if self.fix_sealed
            && let Some(last) = self.journal.last_mut()
        {
            last["hash"] = json!(Hash32::sha256(&record));
        }
        let journal = self.chain_journal();
        let mut files = self.payload.clone();
        files.insert(RECORD_PATH.to_owned(), record);
        files.insert(JOURNAL_PATH.to_owned(), journal);
        let signers: Vec<Value> = people
            .iter()
            .map(|p| {
                json!({"role": p.role, "id": p.id, "name": p.name,
                       "certificate_sha256": Hash32::sha256(&p.chain[0])})
            })
            .collect();
        if self.statement["signers"].is_null() {
            self.statement["signers"] = json!(signers);
        }
        files.insert(STATEMENT_PATH.to_owned(), to_canonical(&self.statement).unwrap());
        files.extend(self.tags.clone());
        for person in people {
            let path = format!("certificates/{}.pem", person.role);
            files.insert(path, person.chain_pem().into_bytes());
        }
        let mut bag = Bag {
            top: self.bundle,
            task: self.record["task"]["id"].as_str().unwrap_or("T").to_owned(),
            files,
        };
        bag.recompute();
        bag.sign(people);
        bag
    }
}

/// A closed bundle as a map of files, still to be tampered with.
#[derive(Debug, Clone)]
pub struct Bag {
    /// Top folder.
    pub top: String,
    task: String,
    /// All files, late ones too.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Bag {
    /// Makes manifests and bag-info anew, as an honest writer would.
    pub fn recompute(&mut self) {
        let payload: Vec<PayloadFile> = self
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("data/"))
            .map(|(path, bytes)| PayloadFile { path: path.clone(), hashes: FileHashes::of(bytes) })
            .collect();
        let others = self
            .files
            .iter()
            .filter(|(path, _)| {
                (path.starts_with("metadata/") || path.starts_with("certificates/"))
                    && *path != crate::bag::MANIFEST_SM3
            })
            .map(|(path, bytes)| TagFile::new(path.clone(), bytes.clone()))
            .collect();
        let info = BagInfo {
            bundle: BundleId::parse(&self.top).unwrap(),
            task: TaskId::parse(&self.task).unwrap(),
            date: "2026-11-20".to_owned(),
            software: "spotcheck testkit".to_owned(),
            rescued_from: None,
        };
        for file in tag_files(&info, &payload, others).unwrap() {
            self.files.insert(file.path, file.bytes);
        }
    }

    /// Makes only the tag manifest anew, over whatever tag files are there.
    pub fn recompute_tagmanifest(&mut self) {
        let tags = self
            .files
            .iter()
            .filter(|(path, _)| {
                !path.starts_with("data/")
                    && !crate::bag::is_late_path(path)
                    && *path != TAGMANIFEST
            })
            .map(|(path, bytes)| (path.as_str(), Hash32::sha256(bytes)));
        let text = crate::bag::manifest(tags.collect()).unwrap();
        self.files.insert(TAGMANIFEST.to_owned(), text.into_bytes());
    }

    /// SHA-256 of the signed bytes.
    #[must_use]
    pub fn tagmanifest(&self) -> Hash32 {
        Hash32::sha256(&self.files[TAGMANIFEST])
    }

    /// Signs anew.
    pub fn sign(&mut self, people: &[Person]) {
        for person in people {
            let p7s = sign_detached(
                &self.tagmanifest(),
                &person.key(),
                &person.chain[..person.chain.len().saturating_sub(1).max(1)],
                Some(super::SEALED_MS),
            );
            self.files.insert(format!("signatures/{}.p7s", person.role), p7s.unwrap());
        }
    }

    /// Time stamps over all signatures.
    pub fn stamp(&mut self, tsa: &TestTsa, at_ms: i64) {
        let stamps: Vec<_> = self
            .files
            .iter()
            .filter_map(|(path, bytes)| {
                let role = path.strip_prefix("signatures/")?.strip_suffix(".p7s")?;
                let stamp = tsa.stamp(bytes, &StampPlan::at(at_ms));
                Some((format!("timestamps/{role}.tsr"), stamp))
            })
            .collect();
        self.files.extend(stamps);
    }

    /// The centre's receipt.
    pub fn receive(&mut self, log: &TestLog, at_ms: i64) {
        let statement: Value = serde_json::from_slice(&self.files[STATEMENT_PATH]).unwrap();
        let entry = LogEntry::Bundle(BundleEntry {
            bundle: BundleId::parse(&self.top).unwrap(),
            tagmanifest_sha256: self.tagmanifest(),
            device: DeviceId::parse(statement["device"]["id"].as_str().unwrap()).unwrap(),
            received: rfc3339(at_ms),
        })
        .to_bytes()
        .unwrap();
        let index = log.append(&entry);
        let proof = log.prove(index, log.size());
        self.files.insert("receipts/center.entry.json".to_owned(), entry);
        self.files.insert("receipts/center.tlog-proof".to_owned(), proof.to_text().into_bytes());
    }

    /// Puts a certificate file in place of another.
    pub fn put_certificate(&mut self, role: &str, certificate: &[u8]) {
        let pem = certificate_to_pem(certificate).into_bytes();
        self.files.insert(format!("certificates/{role}.pem"), pem);
    }

    /// As a ZIP, by the product's own writer.
    #[must_use]
    pub fn zip(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Vec::new());
        for (path, bytes) in &self.files {
            zip.add_bytes(&format!("{}/{path}", self.top), bytes).unwrap();
        }
        zip.finish().unwrap()
    }

    /// As a party copy: only the payload under `keep`.
    #[must_use]
    pub fn party_copy(&self, keep: &str) -> Self {
        let mut copy = self.clone();
        copy.files.retain(|path, _| !path.starts_with("data/") || path.starts_with(keep));
        copy
    }
}
