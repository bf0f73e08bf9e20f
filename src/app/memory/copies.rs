//! What the twins keep for a second copy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use spotcheck_domain::{BundleId, CaseId, Trouble, TroubleResult};

use super::guard;
use crate::copies::LinkKeys;
use crate::findings::Stick;
use crate::ports::{
    Blob, Chosen, Copied, Copies, CopyFolder, CopyPlan, CopyRound, Dropped, ExportRoom, FoundCopy,
    HeldCopy, Partner, Released, RescueFolder,
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
    /// Where copies go.
    pub plan: Arc<Mutex<CopyPlan>>,
    /// What a rescue export wrote: names of bundles and cases.
    pub exported: Arc<Mutex<Vec<String>>>,
}

/// A rescue export that only notes what it is given.
struct Noted(Arc<Mutex<Vec<String>>>);

impl RescueFolder for Noted {
    fn has(&mut self, _name: &str, _bytes: &[u8]) -> TroubleResult<bool> {
        Ok(false)
    }

    fn put(&mut self, _name: &str, _bytes: &[u8]) -> TroubleResult<()> {
        Ok(())
    }
}

impl ExportRoom for Noted {
    fn bundle(&mut self, bundle: &BundleId) -> TroubleResult<Box<dyn RescueFolder>> {
        guard(&self.0).push(bundle.to_string());
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }

    fn cases(&mut self, _keys: &LinkKeys, cases: &[Chosen]) -> TroubleResult<()> {
        guard(&self.0).extend(cases.iter().map(|c| c.case.to_string()));
        Ok(())
    }
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

    fn plan(&mut self) -> TroubleResult<CopyPlan> {
        Ok(guard(&self.plan).clone())
    }

    fn set_plan(&mut self, plan: &CopyPlan) -> TroubleResult<()> {
        *guard(&self.plan) = plan.clone();
        Ok(())
    }

    fn rounds(&mut self) -> Vec<CopyRound> {
        Vec::new()
    }

    fn addresses(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn found(&mut self, _sticks: &[Stick]) -> TroubleResult<Vec<FoundCopy>> {
        Ok(Vec::new())
    }

    fn open_found(&mut self, _copy: &FoundCopy) -> TroubleResult<Box<dyn CopyFolder>> {
        Err(Trouble::new("COPY-NONE", "没有这份副本", "没有改动任何数据", "重新查找"))
    }

    fn export_to(&mut self, _folder: &str) -> TroubleResult<Box<dyn ExportRoom>> {
        Ok(Box::new(Noted(Arc::clone(&self.exported))))
    }
}
