//! What the twins keep for a second copy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use spotcheck_domain::{CaseId, TroubleResult};

use super::guard;
use crate::ports::{
    Blob, Chosen, Copied, Copies, CopyFolder, Dropped, HeldCopy, Partner, Released,
};

/// Sealed files by case and name.
type Files = BTreeMap<(CaseId, String), Vec<u8>>;

/// Files kept beside cases; shared by clones.
#[derive(Debug, Clone, Default)]
pub struct MemoryCopies {
    files: Arc<Mutex<Files>>,
    /// True: copies are wanted without being asked for.
    pub wanted: bool,
    /// What a copier would have written down.
    pub copied: Arc<Mutex<Option<Copied>>>,
    /// What is held for other handhelds.
    pub held: Arc<Mutex<Vec<HeldCopy>>>,
    /// What was dropped and not journaled yet.
    pub dropped: Arc<Mutex<Vec<Dropped>>>,
    /// What whoever holds copies is told.
    pub released: Arc<Mutex<Vec<Released>>>,
}

impl MemoryCopies {
    /// What was kept under a name.
    #[must_use]
    pub fn kept(&self, case: &CaseId, name: &str) -> Option<Vec<u8>> {
        guard(&self.files).get(&(case.clone(), name.to_owned())).cloned()
    }
}

impl Copies for MemoryCopies {
    fn configured(&self) -> bool {
        self.wanted
    }

    fn keep(&mut self, case: &CaseId, name: &str, sealed: &[u8]) -> TroubleResult<()> {
        guard(&self.files).insert((case.clone(), name.to_owned()), sealed.to_vec());
        Ok(())
    }

    fn choose(&mut self, _cases: &[Chosen]) -> TroubleResult<()> {
        Ok(())
    }

    fn release(&mut self, cases: &[Released]) -> TroubleResult<()> {
        *guard(&self.released) = cases.to_vec();
        Ok(())
    }

    fn partners(&mut self) -> TroubleResult<Vec<Partner>> {
        Ok(Vec::new())
    }

    fn copied(&mut self, _case: &CaseId) -> TroubleResult<Option<Copied>> {
        Ok(guard(&self.copied).clone())
    }

    fn bring(
        &mut self,
        _case: &CaseId,
        _from: &mut dyn CopyFolder,
        _recordings: &BTreeSet<String>,
    ) -> TroubleResult<u32> {
        Ok(0)
    }

    fn holds(&mut self, _case: &CaseId, _blob: &Blob) -> TroubleResult<bool> {
        Ok(true)
    }

    fn forget(&mut self, case: &CaseId) -> TroubleResult<()> {
        guard(&self.files).retain(|(of, _), _| of != case);
        Ok(())
    }

    fn held(&mut self) -> TroubleResult<Vec<HeldCopy>> {
        Ok(guard(&self.held).clone())
    }

    fn drop_held(&mut self, dropped: &Dropped) -> TroubleResult<()> {
        guard(&self.held).retain(|h| h.device != dropped.device || h.case != dropped.case);
        guard(&self.dropped).push(dropped.clone());
        Ok(())
    }

    fn dropped(&mut self) -> TroubleResult<Vec<Dropped>> {
        Ok(guard(&self.dropped).clone())
    }

    fn journaled(&mut self, dropped: &Dropped) -> TroubleResult<()> {
        guard(&self.dropped).retain(|d| d != dropped);
        Ok(())
    }
}
