//! Pulling tasks and sending bundles: what came is stored before it is shown, and *received* is said only
//! after the receipt was checked (sync.md).

use secrecy::SecretString;
use spotcheck_domain::{BundleId, TaskId, TroubleResult};

use crate::chain::set;
use crate::desk::{CaseState, OutboxItem, PullReport};
use crate::handheld::Handheld;
use crate::model::{ONLY, Sent, kind};
use crate::ports::{RescueFolder, SealedBundle};
use crate::troubles;

/// Errors kept per item.
const ERRORS_KEPT: usize = 20;
/// Lines of the device journal sent at once.
const JOURNAL_BATCH: usize = 500;
/// Key of the number of journal lines the centre has.
const JOURNAL_SENT: &str = "journal_sent";

impl Handheld {
    /// Enrols this handheld, or an officer on it, by a ticket's text; returns the id.
    ///
    /// # Errors
    /// A ticket that is no ticket, used or expired; a centre that is not the one the ticket names.
    pub fn enrol(&mut self, ticket: &str, pin: Option<&SecretString>) -> TroubleResult<String> {
        self.ports.centre.enrol(self.ports.keys.as_mut(), ticket, pin)
    }

    pub(crate) fn do_pull(&mut self, task: Option<&TaskId>) -> TroubleResult<PullReport> {
        self.device_id()?;
        let proof = self.time_proof()?;
        let last = proof.as_ref().map(|p| p.checkpoint.clone()).filter(|c| !c.is_empty());
        let keys = self.ports.keys.as_mut();
        let pulled = self.ports.centre.pull(keys, task, last.as_deref())?;
        let mut values = vec![set(kind::PROOF, ONLY, &pulled.proof)?];
        for task in &pulled.tasks {
            values.push(set(kind::TASK, task.id.as_str(), task)?);
        }
        self.device_log()?.commit(vec![], values)?;
        self.packages.clear();
        let name = |list: &[(TaskId, spotcheck_domain::PackageId)]| {
            list.iter().map(|(_, package)| package.to_string()).collect::<Vec<_>>()
        };
        let report = PullReport {
            tasks: u32::try_from(pulled.tasks.len()).unwrap_or(u32::MAX),
            packages: name(&pulled.new_packages),
            unchanged: name(&pulled.unchanged),
        };
        // The full check needs the package key; while locked it waits for the first opening.
        if self.ports.keys.unlocked().is_some() {
            for (task, _) in &pulled.new_packages {
                if self.my_task(task).is_ok() {
                    self.do_check_package(task)?;
                }
            }
        }
        for (task, trouble) in &pulled.refused {
            let draft = self.draft("package_refused")?;
            let draft = draft.about(task.as_str()).fact("code", trouble.code.as_str());
            self.journal_device(draft)?;
        }
        // Everything else is stored; the officer still has to hear of it.
        pulled.refused.into_iter().next().map_or(Ok(report), |(_, trouble)| Err(trouble))
    }

    fn sealed_bundles(&mut self) -> TroubleResult<Vec<(String, SealedBundle)>> {
        self.device_log()?.values(kind::OUTBOX)
    }

    fn sent(&mut self, bundle: &BundleId) -> TroubleResult<Sent> {
        Ok(self.device_log()?.value(kind::SENT, bundle.as_str())?.unwrap_or_default())
    }

    pub(crate) fn do_outbox(&mut self) -> TroubleResult<Vec<OutboxItem>> {
        let mut items = Vec::new();
        for (_, sealed) in self.sealed_bundles()? {
            let sent = self.sent(&sealed.bundle)?;
            items.push(item(&sealed, &sent));
        }
        Ok(items)
    }

    /// Sends what waits; one bad item never blocks the others.
    pub(crate) fn do_push(&mut self) -> TroubleResult<Vec<OutboxItem>> {
        let bundles = self.sealed_bundles()?;
        let mut last_trouble = None;
        for (_, sealed) in &bundles {
            let mut sent = self.sent(&sealed.bundle)?;
            if sent.receipt.is_some() {
                continue;
            }
            if let Err(trouble) = self.send_one(sealed, &mut sent) {
                sent.errors.insert(0, trouble.to_string());
                sent.errors.truncate(ERRORS_KEPT);
                let value = set(kind::SENT, sealed.bundle.as_str(), &sent)?;
                self.device_log()?.commit(vec![], vec![value])?;
                last_trouble = Some(trouble);
            }
        }
        let journal = self.push_journal();
        match last_trouble {
            Some(trouble) => Err(trouble),
            None => {
                journal?;
                self.do_outbox()
            }
        }
    }

    /// Writes sealed bundles into folders (`EVID-….rescue`) that `folder` opens, still encrypted: all that
    /// wait for a receipt, or the one named. Needs no unlocking. Returns each with the bytes of its segments.
    ///
    /// # Errors
    /// No such bundle, a damaged blob, a folder that cannot be written.
    pub fn rescue(
        &mut self,
        only: Option<&BundleId>,
        open: &mut dyn FnMut(&BundleId) -> TroubleResult<Box<dyn RescueFolder>>,
    ) -> TroubleResult<Vec<(BundleId, u64)>> {
        let mut written = Vec::new();
        for (_, sealed) in self.sealed_bundles()? {
            let wanted = match only {
                Some(only) => only == &sealed.bundle,
                None => self.sent(&sealed.bundle)?.receipt.is_none(),
            };
            if !wanted {
                continue;
            }
            let mut folder = open(&sealed.bundle)?;
            let ports = &mut self.ports;
            let bytes = ports.centre.rescue(
                ports.keys.as_mut(),
                ports.blobs.as_mut(),
                &sealed,
                folder.as_mut(),
            )?;
            let draft = self.draft("exported")?.about(sealed.bundle.as_str());
            self.journal_device(draft.fact("form", "rescue").fact("bytes", bytes))?;
            written.push((sealed.bundle, bytes));
        }
        match only {
            Some(_) if written.is_empty() => Err(troubles::unknown("证据包")),
            _ => Ok(written),
        }
    }

    fn send_one(&mut self, sealed: &SealedBundle, sent: &mut Sent) -> TroubleResult<()> {
        let proof = self.time_proof()?.unwrap_or_default();
        let last = (!proof.checkpoint.is_empty()).then_some(proof.checkpoint.clone());
        let mut durable = sent.sent_bytes;
        let ports = &mut self.ports;
        let receipt = ports.centre.send(
            ports.keys.as_mut(),
            ports.blobs.as_mut(),
            sealed,
            last.as_deref(),
            &mut |bytes| durable = bytes,
        );
        sent.sent_bytes = durable;
        let receipt = receipt?;
        let newly_delivered = !sent.delivered;
        sent.delivered = true;
        sent.sent_bytes = total(sealed);
        let mut drafts = Vec::new();
        if newly_delivered {
            drafts.push(self.draft("sent")?.about(sealed.bundle.as_str()));
        }
        let mut values = Vec::new();
        let mut state = CaseState::Sent;
        if let Some(receipt) = receipt {
            drafts.push(
                self.draft("receipt")?
                    .about(sealed.bundle.as_str())
                    .fact("log_index", receipt.log_index)
                    .fact("received", receipt.received.as_str()),
            );
            let newest = larger(checkpoint_of(&receipt.proof), &proof.checkpoint);
            values.push(set(
                kind::PROOF,
                ONLY,
                &crate::ports::TimeProof { checkpoint: newest, ..proof },
            )?);
            sent.receipt = Some(receipt);
            state = CaseState::Received;
        }
        values.push(set(kind::SENT, sealed.bundle.as_str(), sent)?);
        self.device_log()?.commit(drafts, values)?;
        if let Some((case, mut index)) =
            self.case_index()?.into_iter().find(|(case, _)| case == &sealed.case)
        {
            index.state = state;
            self.set_case_index(&case, &index)?;
        }
        Ok(())
    }

    /// The device journal goes along at every sync; the centre checks that it continues.
    fn push_journal(&mut self) -> TroubleResult<()> {
        let mut have: u64 = self.device_log()?.value(JOURNAL_SENT, ONLY)?.unwrap_or(0);
        let lines = self.device_log()?.lines()?;
        let pending: Vec<_> = lines.into_iter().filter(|line| line.seq > have).collect();
        for batch in pending.chunks(JOURNAL_BATCH) {
            let raw: Vec<Vec<u8>> = batch.iter().map(|line| line.line.clone()).collect();
            let from = batch.first().map_or(1, |line| line.seq);
            let keys = self.ports.keys.as_mut();
            have = self.ports.centre.send_device_journal(keys, from, &raw)?;
            let value = set(JOURNAL_SENT, ONLY, &have)?;
            self.device_log()?.commit(vec![], vec![value])?;
        }
        Ok(())
    }

    /// The checked receipt of a bundle, if there is one.
    ///
    /// # Errors
    /// The device store cannot be read.
    pub fn receipt(&mut self, bundle: &BundleId) -> TroubleResult<Option<crate::ports::Receipt>> {
        Ok(self.sent(bundle)?.receipt)
    }

    /// Trust material that a verifier needs: (roots, TSA roots, log key).
    ///
    /// # Errors
    /// Not enrolled.
    pub fn trust(&self) -> TroubleResult<(String, String, String)> {
        let e = self.ports.keys.enrolment()?.ok_or_else(troubles::not_enrolled)?;
        Ok((e.roots, e.tsa_roots, e.log_key))
    }
}

/// The checkpoint is what follows the first empty line of a tlog-proof.
fn checkpoint_of(proof: &str) -> Option<String> {
    proof.split_once("\n\n").map(|(_, checkpoint)| checkpoint.to_owned())
}

/// The newer of two checkpoints of one log: a receipt's may be older than the one pulled.
fn larger(one: Option<String>, other: &str) -> String {
    let size =
        |note: &str| note.lines().nth(1).and_then(|line| line.parse::<u64>().ok()).unwrap_or(0);
    one.filter(|one| size(one) > size(other)).unwrap_or_else(|| other.to_owned())
}

fn total(sealed: &SealedBundle) -> u64 {
    sealed
        .files
        .iter()
        .flat_map(|file| &file.blobs)
        .fold(0_u64, |sum, blob| sum.saturating_add(blob.ciphertext_size))
}

fn item(sealed: &SealedBundle, sent: &Sent) -> OutboxItem {
    let state = match (&sent.receipt, sent.delivered) {
        (Some(_), _) => CaseState::Received,
        (None, true) => CaseState::Sent,
        (None, false) => CaseState::Sealed,
    };
    OutboxItem {
        bundle: sealed.bundle.clone(),
        case: sealed.case.clone(),
        sent_bytes: sent.sent_bytes,
        total_bytes: total(sealed),
        state,
        errors: sent.errors.clone(),
        received: sent.receipt.as_ref().map(|r| r.received.clone()),
        log_index: sent.receipt.as_ref().map(|r| r.log_index),
    }
}
