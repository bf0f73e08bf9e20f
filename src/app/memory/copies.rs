//! What the twins keep for a second copy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use spotcheck_domain::{CaseId, TroubleResult};

use super::guard;
use crate::ports::{Blob, Copied, Copies, CopyFolder, Partner};

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

    fn choose(&mut self, _cases: &[CaseId]) -> TroubleResult<()> {
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
}
