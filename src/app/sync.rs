//! Enrolment, the outbox and its way out without a network; what travels by network is an errand
//! ([`crate::errand`]).
//!
//! *Received* is said only after the receipt was checked (sync.md).

use secrecy::SecretString;
use spotcheck_domain::{BundleId, TroubleResult};

use crate::desk::{CaseState, OutboxItem};
use crate::handheld::Handheld;
use crate::model::{Sent, kind};
use crate::ports::{Chosen, RescueFolder, SealedBundle};
use crate::troubles;

impl Handheld {
    /// Enrols this handheld, or an officer on it, by a ticket's text; returns the id.
    ///
    /// # Errors
    /// A ticket that is no ticket, used or expired; a centre that is not the one the ticket names.
    pub fn enrol(&mut self, ticket: &str, pin: Option<&SecretString>) -> TroubleResult<String> {
        Self::centre_now(&self.ports.centre)?.enrol(self.ports.keys.as_mut(), ticket, pin)
    }

    pub(crate) fn sealed_bundles(&mut self) -> TroubleResult<Vec<(String, SealedBundle)>> {
        self.device_log()?.values(kind::OUTBOX)
    }

    pub(crate) fn sent(&mut self, bundle: &BundleId) -> TroubleResult<Sent> {
        Ok(self.device_log()?.value(kind::SENT, bundle.as_str())?.unwrap_or_default())
    }

    pub(crate) fn do_outbox(&mut self) -> TroubleResult<Vec<OutboxItem>> {
        let mut items = Vec::new();
        for (_, sealed) in self.sealed_bundles()? {
            let sent = self.sent(&sealed.bundle)?;
            let mut item = item(&sealed, &sent);
            if self.ports.keys.unlocked().is_some() {
                let task = self.task(&sealed.task).ok();
                item.fixmedins_name = task.map(|task| task.facility.fixmedins_name);
            }
            items.push(item);
        }
        Ok(items)
    }

    /// Writes sealed bundles into folders (`EVID-….rescue`) that `folder` opens, still encrypted: all that
    /// wait for a receipt, or the one named. Needs no unlocking. Returns each with the bytes of its segments and the
    /// number of those that are damaged here and were left out.
    ///
    /// # Errors
    /// No such bundle, a folder that cannot be written.
    pub fn rescue(
        &mut self,
        only: Option<&BundleId>,
        open: &mut dyn FnMut(&BundleId) -> TroubleResult<Box<dyn RescueFolder>>,
    ) -> TroubleResult<Vec<(BundleId, u64, u32)>> {
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
            let (bytes, damaged) = Self::centre_now(&ports.centre)?.rescue(
                ports.keys.as_mut(),
                ports.blobs.as_mut(),
                &sealed,
                folder.as_mut(),
            )?;
            let draft = self.draft("exported")?.about(sealed.bundle.as_str());
            let mut draft = draft.fact("form", "rescue").fact("bytes", bytes);
            if damaged > 0 {
                draft = draft.fact("damaged", damaged);
            }
            self.journal_device(draft)?;
            written.push((sealed.bundle, bytes, damaged));
        }
        match only {
            Some(_) if written.is_empty() => Err(troubles::unknown("证据包")),
            _ => Ok(written),
        }
    }

    /// Cases that are not sealed: a rescue takes them along as they lie, also where one is damaged. With them the
    /// prepared arrival case, if something waits in it. Needs no unlocking.
    ///
    /// # Errors
    /// The device's store cannot be read.
    pub fn unsealed_cases(&mut self) -> TroubleResult<Vec<Chosen>> {
        let cases = self.case_index()?.into_iter();
        let open = cases.filter(|(_, i)| i.state == CaseState::Open && !i.practice);
        let mut found: Vec<Chosen> =
            open.map(|(case, i)| Chosen { case, bundle: Some(i.bundle) }).collect();
        if let Some(case) = self.arrival()?
            && self.waits_in(&case)?
        {
            found.push(Chosen { case, bundle: None });
        }
        Ok(found)
    }

    /// Journals that cases left this handheld as they lie, still encrypted.
    ///
    /// # Errors
    /// The device's store cannot be written.
    pub fn rescued_as_they_lie(&mut self, cases: &[Chosen]) -> TroubleResult<()> {
        for chosen in cases {
            let draft = self.draft("exported")?.about(chosen.case.as_str());
            self.journal_device(draft.fact("form", "rescue"))?;
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

/// Bytes of all segments.
pub(crate) fn total(sealed: &SealedBundle) -> u64 {
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
        fixmedins_name: None,
        sent_bytes: sent.sent_bytes,
        total_bytes: total(sealed),
        state,
        errors: sent.errors.clone(),
        received: sent.receipt.as_ref().map(|r| r.received.clone()),
        log_index: sent.receipt.as_ref().map(|r| r.log_index),
    }
}
