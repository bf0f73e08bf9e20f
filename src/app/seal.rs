//! Sealing: the journal's last line, the tag files, the signatures, the outbox.
//!
//! Two halves, so that a kill in between loses nothing: first everything that runs is stopped and the
//! last line is committed together with what it speaks of; then tag files are made, signed and handed to
//! the outbox in one transaction. The second half can be repeated: it asks for the PINs again and works
//! from what the first half stored. PINs are tried before the last line is written.

use std::collections::BTreeMap;

use secrecy::SecretString;
use spotcheck_domain::time::{beijing_date, rfc3339};
use spotcheck_domain::{CaseId, OfficerId, TroubleResult};
use spotcheck_evidence::Hash32;
use spotcheck_evidence::bag::{self, BagInfo, PayloadFile, TagFile};
use spotcheck_evidence::chain::certificates_from_pem;
use spotcheck_evidence::journal::EntryDraft;
use spotcheck_evidence::record::{JOURNAL_PATH, RECORD_PATH, Relation, RelationKind};
use spotcheck_evidence::statement::{
    CHECKPOINT_PATH, Device, NotBefore, ROLE_DEVICE, STATEMENT_PATH, STATEMENT_SCHEMA, Signer,
    Software, Statement, StatementTime, Suite,
};
use spotcheck_evidence::tlog::Checkpoint;

use crate::capture::hash;
use crate::chain::set;
use crate::desk::{CaseState, SealReport};
use crate::handheld::Handheld;
use crate::model::{Annex, Evidence, Meta, ONLY, Sealing, kind};
use crate::ports::{SealedBundle, StoredFile, TimeProof};
use crate::record_builder::{SealFacts, hashes};
use crate::troubles;

/// Certificate chains by role: (role, PEM).
type Chains = Vec<(String, String)>;

/// What is signed to try a PIN before anything is written.
pub(crate) const PIN_TRIAL: &[u8] = b"spotcheck pin trial";

impl Handheld {
    pub(crate) fn do_seal(
        &mut self,
        case: &CaseId,
        pins: &[(OfficerId, SecretString)],
        incomplete_reason: Option<&str>,
    ) -> TroubleResult<SealReport> {
        let meta = self.meta(case)?;
        if meta.done {
            return Err(troubles::sealed());
        }
        let signers = signers(&meta, pins)?;
        self.stop_playing();
        if self.time_proof()?.is_none() {
            return Err(troubles::document(
                "手持机没有中心的时间证明，不能封存",
                "联网执行一次“领取任务”后再封存；证据都已保存",
            ));
        }
        let now = self.ports.clock.read();
        for (officer, pin) in pins {
            let signed = self.ports.keys.sign_as_officer(officer, pin, PIN_TRIAL, &now);
            self.tried(officer, signed)?;
        }
        let meta = if meta.sealing.is_some() {
            meta
        } else {
            self.write_last_line(case, &meta, &signers, incomplete_reason)?
        };
        self.finish_seal(case, &meta, pins)
    }

    /// First half: stop, annexes, record, last line.
    fn write_last_line(
        &mut self,
        case: &CaseId,
        meta: &Meta,
        signers: &[OfficerId],
        reason: Option<&str>,
    ) -> TroubleResult<Meta> {
        let running: Vec<String> =
            self.running.iter().filter(|r| &r.case == case).map(|r| r.evidence.clone()).collect();
        for evidence in running {
            self.do_stop_recording(&evidence)?;
        }
        self.look_before_the_seal(case)?;
        let mut missing = self.missing_in_visit(case)?;
        let reason = reason.map(str::trim).filter(|r| !r.is_empty());
        if !missing.is_empty() && reason.is_none() {
            return Err(troubles::gate(
                "SEAL-INCOMPLETE",
                &missing,
                "补齐后封存；或填写原因，作为未完成的检查封存并撤离",
            ));
        }
        if self.leave_out_damaged(case)? {
            missing = self.missing_in_visit(case)?;
        }
        for (path, schema, bytes) in self.annexes_of(case, meta)? {
            let file = self.ports.blobs.put(case, &path, &bytes)?;
            let draft = self
                .draft("annex_added")?
                .about(path.as_str())
                .fact("schema", schema)
                .hashed(hash(&file.sha256)?);
            let annex = Annex { schema: schema.to_owned(), file };
            self.commit(case, vec![draft], vec![set(kind::ANNEX, &path, &annex)?])?;
        }
        self.seal_speaks_for_the_clock(case, signers)?;
        let earlier = self.earlier_bundles(meta)?;
        let sealed_ms = self.now_ms();
        let facts = SealFacts {
            sealed_ms,
            signers,
            missing: &missing,
            reason: reason.filter(|_| !missing.is_empty()),
            day_no: u64::try_from(earlier.len()).unwrap_or(0).saturating_add(1),
            relations: earlier,
        };
        let record = self.build_record(case, meta, facts)?;
        let bytes = record.to_bytes().map_err(troubles::stored)?;
        let record = self.ports.blobs.put(case, RECORD_PATH, &bytes)?;
        // A step found now gets its line first: the last line counts all lines.
        let like = self.draft("clock_stepped")?;
        self.case_chain(case)?.mark_step(&like)?;
        let clock_steps = self.clock_steps(case)?;
        let before = self.case_chain(case)?.head();
        let draft = EntryDraft::sealed(
            self.officer()?,
            self.device_id()?,
            hash(&record.sha256)?,
            before,
            signers,
        );
        let meta = Meta {
            sealing: Some(Sealing { sealed_ms, record, missing, clock_steps }),
            ..meta.clone()
        };
        self.commit(case, vec![draft], vec![set(kind::META, ONLY, &meta)?])?;
        Ok(meta)
    }

    /// Bundles of the same task that were sealed before: this one points back to them.
    fn earlier_bundles(&mut self, meta: &Meta) -> TroubleResult<Vec<Relation>> {
        let sealed: Vec<(String, SealedBundle)> = self.device_log()?.values(kind::OUTBOX)?;
        sealed
            .into_iter()
            .filter(|(_, s)| s.task == meta.task.id)
            .map(|(_, s)| {
                Ok(Relation {
                    kind: RelationKind::Supplements,
                    tagmanifest_sha256: hash(&s.tagmanifest_sha256)?,
                    bundle: s.bundle,
                })
            })
            .collect()
    }

    fn clock_steps(&mut self, case: &CaseId) -> TroubleResult<u64> {
        let steps = self.case_chain(case)?.lines()?;
        let needle = b"\"kind\":\"clock_stepped\"";
        let count =
            steps.iter().filter(|l| l.line.windows(needle.len()).any(|w| w == needle)).count();
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Every payload file of the case but the journal.
    pub(crate) fn payload(&mut self, case: &CaseId) -> TroubleResult<Vec<StoredFile>> {
        let mut files = BTreeMap::new();
        let mut add = |file: &StoredFile| {
            files.insert(file.path.clone(), file.clone());
        };
        let evidence: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        for (_, item) in &evidence {
            item.file.iter().chain(&item.log).for_each(&mut add);
        }
        let annexes: Vec<(String, Annex)> = self.case_chain(case)?.values(kind::ANNEX)?;
        for (_, annex) in &annexes {
            add(&annex.file);
        }
        for (_, document) in self.all_documents(case)? {
            if let Some(frozen) = &document.frozen {
                add(&frozen.elements);
                add(&frozen.pdf);
            }
            document.signed_pdf.iter().for_each(&mut add);
            document.signatures.iter().for_each(|s| add(&s.svg));
        }
        Ok(files.into_values().collect())
    }

    /// Second half: journal file, tag files, signatures, outbox.
    fn finish_seal(
        &mut self,
        case: &CaseId,
        meta: &Meta,
        pins: &[(OfficerId, SecretString)],
    ) -> TroubleResult<SealReport> {
        let sealing = meta.sealing.clone().ok_or_else(|| troubles::unknown("封存"))?;
        let mut journal = Vec::new();
        for line in self.case_chain(case)?.lines()? {
            journal.extend_from_slice(&line.line);
            journal.push(b'\n');
        }
        let journal = self.ports.blobs.put(case, JOURNAL_PATH, &journal)?;
        let mut files = self.payload(case)?;
        files.push(sealing.record.clone());
        files.push(journal);
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));

        let proof = self.time_proof()?.unwrap_or_default();
        let (statement, chains) = self.statement(meta, &sealing, pins, &proof)?;
        let payload = files
            .iter()
            .map(|f| Ok(PayloadFile { path: f.path.clone(), hashes: hashes(f)? }))
            .collect::<TroubleResult<Vec<_>>>()?;
        let info = BagInfo {
            bundle: meta.bundle.clone(),
            task: meta.task.id.clone(),
            date: beijing_date(sealing.sealed_ms),
            software: format!("{} {}", self.ports.software.name, self.ports.software.version),
            rescued_from: meta.rescued.as_ref().map(|r| r.from.clone()),
        };
        let others = other_tag_files(statement, &chains, &proof);
        let mut tags = bag::tag_files(&info, &payload, others).map_err(troubles::stored)?;
        let signed = tags
            .iter()
            .find(|t| t.path == bag::TAGMANIFEST)
            .map(|t| t.bytes.clone())
            .ok_or_else(|| troubles::unknown("清单"))?;
        let at = self.ports.clock.read();
        let device_p7s = self.ports.keys.sign_as_device(&signed, &at)?;
        tags.push(TagFile::new("signatures/device.p7s", device_p7s));
        for (n, (officer, pin)) in (1_usize..).zip(pins) {
            let p7s = self.ports.keys.sign_as_officer(officer, pin, &signed, &at)?;
            tags.push(TagFile::new(format!("signatures/inspector-{n}.p7s"), p7s));
        }
        let tagmanifest_sha256 = Hash32::sha256(&signed).to_string();
        let sealed = SealedBundle {
            bundle: meta.bundle.clone(),
            case: case.clone(),
            task: meta.task.id.clone(),
            tagmanifest_sha256: tagmanifest_sha256.clone(),
            tag_files: tags.into_iter().map(|t| (t.path, t.bytes)).collect(),
            case_keys: self.ports.keys.case_escrow(case)?,
            files: files.clone(),
        };
        let mut index = self.index_of(case)?;
        index.state = CaseState::Sealed;
        let practice = index.practice;
        let draft = self
            .draft("sealed")?
            .about(meta.bundle.as_str())
            .fact("entries", self.case_chain(case)?.head().seq)
            .fact("tagmanifest_sha256", tagmanifest_sha256.as_str())
            .hashed(hash(&tagmanifest_sha256)?);
        let mut values = vec![set(kind::CASE, case.as_str(), &index)?];
        if !practice {
            // Only what is in the outbox can be sent, exported or pointed back to.
            values.push(set(kind::OUTBOX, meta.bundle.as_str(), &sealed)?);
        }
        self.device_log()?.commit(vec![draft], values)?;
        self.visit_open(case, false);
        let done = Meta { done: true, ..meta.clone() };
        self.commit(case, vec![], vec![set(kind::META, ONLY, &done)?])?;
        Ok(SealReport {
            bundle: meta.bundle.clone(),
            tagmanifest_sha256,
            files: u32::try_from(files.len()).unwrap_or(u32::MAX),
            bytes: files.iter().fold(0, |sum, f| sum.saturating_add(f.size)),
            missing: sealing.missing,
        })
    }

    /// statement.json and the certificate chains by role.
    fn statement(
        &mut self,
        meta: &Meta,
        sealing: &Sealing,
        pins: &[(OfficerId, SecretString)],
        proof: &TimeProof,
    ) -> TroubleResult<(Vec<u8>, Chains)> {
        let enrolment = self.ports.keys.enrolment()?.ok_or_else(troubles::not_enrolled)?;
        let mut chains = vec![(ROLE_DEVICE.to_owned(), enrolment.evidence_chain.clone())];
        let mut signers = vec![signer(
            ROLE_DEVICE,
            &format!("手持机 {}", enrolment.device),
            enrolment.device.as_str(),
            &enrolment.evidence_chain,
        )?];
        for (n, (officer, _)) in (1_usize..).zip(pins) {
            let role = format!("inspector-{n}");
            let chain = self.ports.keys.officer_chain(officer)?;
            let named = meta.task.officers.iter().find(|o| &o.id == officer);
            let name = named.map_or_else(|| officer.to_string(), |o| o.name.clone());
            signers.push(signer(&role, &name, officer.as_str(), &chain)?);
            chains.push((role, chain));
        }
        let checkpoint = Checkpoint::peek(&proof.checkpoint).map_err(troubles::stored)?;
        let earliest_ms = self.earliest_ms();
        let statement = Statement {
            schema: STATEMENT_SCHEMA.to_owned(),
            bundle: meta.bundle.clone(),
            suite: Suite::P256,
            signers,
            software: Software {
                name: self.ports.software.name.clone(),
                version: self.ports.software.version.clone(),
            },
            device: Device { id: enrolment.device, model: self.ports.machine.model() },
            key_protection: self.ports.keys.protection(),
            time: StatementTime {
                not_before: NotBefore::of(&checkpoint),
                sealed: rfc3339(sealing.sealed_ms),
                clock_steps: sealing.clock_steps,
                clock_set: sealing.sealed_ms >= earliest_ms,
            },
        };
        Ok((statement.to_bytes().map_err(troubles::stored)?, chains))
    }
}

/// Two different officers of the task at least, each once.
pub(crate) fn signers(
    meta: &Meta,
    pins: &[(OfficerId, SecretString)],
) -> TroubleResult<Vec<OfficerId>> {
    let ids: Vec<OfficerId> = pins.iter().map(|(id, _)| id.clone()).collect();
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    let on_task = ids.iter().all(|id| meta.task.officers.iter().any(|o| &o.id == id));
    if unique.len() != ids.len() || !(2..=9).contains(&ids.len()) || !on_task {
        return Err(troubles::document(
            "封存需要任务名单内两名不同的检查人员各自签名",
            "请两名检查人员分别输入自己的口令",
        ));
    }
    Ok(ids)
}

fn signer(role: &str, name: &str, id: &str, chain: &str) -> TroubleResult<Signer> {
    let chain = certificates_from_pem(chain.as_bytes()).map_err(troubles::stored)?;
    let leaf = chain.first().ok_or_else(|| troubles::stored("no certificate"))?;
    Ok(Signer {
        role: role.to_owned(),
        name: name.to_owned(),
        id: id.to_owned(),
        certificate_sha256: Hash32::sha256(leaf),
    })
}

fn other_tag_files(
    statement: Vec<u8>,
    chains: &[(String, String)],
    proof: &TimeProof,
) -> Vec<TagFile> {
    let mut files = vec![
        TagFile::new(STATEMENT_PATH, statement),
        TagFile::new(CHECKPOINT_PATH, proof.checkpoint.as_bytes()),
        TagFile::new("metadata/time.entry.json", proof.time_entry.as_bytes()),
        TagFile::new("metadata/time.tlog-proof", proof.time_proof.as_bytes()),
    ];
    for (name, crl) in &proof.crls {
        files.push(TagFile::new(format!("metadata/crl/{name}"), crl.as_bytes()));
    }
    for (role, chain) in chains {
        files.push(TagFile::new(format!("certificates/{role}.pem"), chain.as_bytes()));
    }
    files
}
