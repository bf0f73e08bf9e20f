//! Letting go of second copies: a bundle with a receipt needs none, and a shredded case must have none.
//!
//! Whoever holds the copy learns it from the handheld whose case it is, over the link, or from the centre at
//! its own sync. Either shows the receipt: an entry of the log that the holder checks against the key it was
//! enrolled with. Without it nothing is dropped, whoever asks.

use spotcheck_domain::{CaseId, TroubleResult};

use crate::desk::CaseState;
use crate::handheld::Handheld;
use crate::model::CaseIndex;
use crate::ports::{Dropped, Heard, HeldCopy, Released};

impl Handheld {
    /// Says which cases are past their receipt, each with its proof.
    pub(super) fn release_copies(&mut self, gone: Vec<(CaseId, CaseIndex)>) -> TroubleResult<()> {
        let shredded = |index: &CaseIndex| index.state == CaseState::Shredded;
        let known = gone.iter().map(|(case, index)| (case.clone(), shredded(index))).collect();
        if self.kept.released == known {
            return Ok(());
        }
        let mut released = Vec::new();
        for (case, index) in gone {
            let receipt = self.receipt(&index.bundle)?;
            let Some(receipt) = receipt else { continue };
            released.push(Released {
                case,
                shredded: shredded(&index),
                bundle: index.bundle,
                entry: receipt.entry,
                proof: receipt.proof,
            });
        }
        self.ports.copies.release(&released)?;
        self.kept.released = known;
        Ok(())
    }

    /// Drops copies whose bundle the centre has received. What cannot be dropped now is asked for again.
    pub(crate) fn drop_settled(&mut self, settled: &[HeldCopy]) {
        for copy in settled {
            let Some(bundle) = copy.bundle.clone() else { continue };
            let (device, case) = (copy.device.clone(), copy.case.clone());
            let dropped = Dropped { device, case, bundle, heard: Heard::Centre };
            if let Err(trouble) = self.ports.copies.drop_held(&dropped) {
                tracing::warn!(code = %trouble.code, "A copy held for another handheld stays.");
            }
        }
        self.journal_dropped_if_any();
    }

    /// The same where nothing else may fail because of it.
    pub(crate) fn journal_dropped_if_any(&mut self) {
        if let Err(trouble) = self.journal_dropped() {
            tracing::warn!(code = %trouble.code, "A dropped copy is journaled later.");
        }
    }

    /// One line in the device journal for each copy that was dropped, by the desk or beside it.
    ///
    /// # Errors
    /// A store or folder that cannot be read or written.
    pub(crate) fn journal_dropped(&mut self) -> TroubleResult<()> {
        for dropped in self.ports.copies.dropped()? {
            let draft = self.draft("copy_dropped")?.about(dropped.case.as_str());
            let draft = draft
                .fact("from_device", dropped.device.as_str())
                .fact("bundle", dropped.bundle.as_str())
                .fact("heard", dropped.heard.as_str());
            self.journal_device(draft)?;
            self.ports.copies.journaled(&dropped)?;
        }
        Ok(())
    }
}
