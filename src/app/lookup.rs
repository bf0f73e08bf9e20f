//! Opening the package of a task and looking at persons, each look an access record (claims.md §3).

use spotcheck_domain::TaskId;
use spotcheck_domain::TroubleResult;
use spotcheck_domain::claims::{ClaimsReader, PersonView, VisitElsewhere, VisitView};
use spotcheck_domain::time::rfc3339;
use spotcheck_evidence::journal::EntryDraft;

use crate::desk::{CaseState, PackageState};
use crate::handheld::Handheld;
use crate::model::{Checked, kind};
use crate::ports::PackageOnDisk;
use crate::troubles;

impl Handheld {
    /// The last full check that said yes; without it a package is not opened.
    pub(crate) fn last_check(&mut self, task: &TaskId) -> TroubleResult<Checked> {
        self.device_log()?
            .value(kind::CHECKED, task.as_str())?
            .ok_or_else(troubles::unchecked_package)
    }

    /// The claims of a task; opened once per unlocking.
    pub(crate) fn reader(&mut self, task: &TaskId) -> TroubleResult<&dyn ClaimsReader> {
        self.my_task(task)?;
        if !self.packages.contains_key(task) {
            let checked = self.last_check(task)?;
            let at = self.ports.clock.read();
            let keys = self.ports.keys.as_mut();
            let opened = self.ports.packages.open(task, keys, &at, &checked.fingerprint)?;
            self.packages.insert(task.clone(), opened);
        }
        self.packages.get(task).map(|p| p.reader.as_ref()).ok_or_else(troubles::no_package)
    }

    /// The package, if it can be read at all: a damaged one keeps nobody from tasks, case and camera.
    /// Whoever opens or checks it hears what is wrong.
    pub(crate) fn readable_package(&mut self, task: &TaskId) -> Option<PackageOnDisk> {
        self.ports.packages.find(task).unwrap_or_else(|trouble| {
            tracing::warn!(code = %trouble.code, "A package cannot be read.");
            None
        })
    }

    /// The package of a task as it lies on the device.
    pub(crate) fn package_state(&mut self, task: &TaskId) -> TroubleResult<Option<PackageState>> {
        let Some(found) = self.readable_package(task) else { return Ok(None) };
        let checked: Option<Checked> = self.device_log()?.value(kind::CHECKED, task.as_str())?;
        Ok(Some(package_state(&found, checked.as_ref())))
    }

    pub(crate) fn do_person(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        screen: &str,
    ) -> TroubleResult<Option<PersonView>> {
        let view = self.reader(task)?.person(psn_no)?;
        if view.is_some() {
            self.access(task, &format!("psn_no:{psn_no}"), screen, None)?;
        }
        Ok(view)
    }

    pub(crate) fn do_elsewhere(
        &mut self,
        task: &TaskId,
        psn_no: &str,
        reason: Option<&str>,
    ) -> TroubleResult<Vec<VisitElsewhere>> {
        let mut visits = self.reader(task)?.elsewhere(psn_no)?;
        match reason.map(str::trim).filter(|r| !r.is_empty()) {
            Some(reason) => {
                self.access(task, &format!("psn_no:{psn_no}"), "elsewhere", Some(reason))?;
            }
            None => visits.iter_mut().for_each(|v| v.diag_name = None),
        }
        Ok(visits)
    }

    pub(crate) fn do_visit(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        screen: &str,
    ) -> TroubleResult<Option<VisitView>> {
        let view = self.reader(task)?.visit(mdtrt_id)?;
        if let Some(visit) = &view {
            self.access(task, &format!("psn_no:{}", visit.psn_no), screen, None)?;
        }
        Ok(view)
    }

    /// The access record: in the case journal while a case of the task is open, else in the device's.
    pub(crate) fn access(
        &mut self,
        task: &TaskId,
        subject: &str,
        screen: &str,
        reason: Option<&str>,
    ) -> TroubleResult<()> {
        let mut draft = self.draft("person_viewed")?.about(subject).fact("screen", screen);
        if let Some(reason) = reason {
            draft = draft.fact("reason", reason);
        }
        self.tell(task, draft)
    }

    /// The access record of a list of persons that leaves the handheld, as a command line's does: what kind of
    /// list and how many stood in it; never for whom was looked. On the window's lists, masked as they are, opening a
    /// person is the record.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn tell_listed(&mut self, task: &TaskId, list: &str, count: usize) -> TroubleResult<()> {
        if count == 0 {
            return Ok(());
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let draft = self.draft("person_viewed")?.about(task.as_str()).fact("screen", "cli");
        self.tell(task, draft.fact("list", list).fact("count", count))
    }

    /// A line in the open case of the task, else in the device journal.
    pub(crate) fn tell(&mut self, task: &TaskId, draft: EntryDraft) -> TroubleResult<()> {
        let open = self
            .case_index()?
            .into_iter()
            .find(|(_, index)| &index.task == task && index.state == CaseState::Open);
        match open {
            // A case whose last line is written takes nothing more, though it is not sealed through yet.
            Some((case, _)) if self.open_meta(&case).is_ok() => {
                self.commit(&case, vec![draft], vec![])?;
                Ok(())
            }
            _ => self.journal_device(draft),
        }
    }
}

pub(crate) fn package_state(found: &PackageOnDisk, checked: Option<&Checked>) -> PackageState {
    let checked = checked.filter(|c| c.fingerprint == found.fingerprint);
    PackageState {
        id: found.id.to_string(),
        sha256: found.sha256.clone(),
        size: found.size,
        checked: checked.map(|c| rfc3339(c.at_ms)),
        valid_until: found.valid_until.clone(),
        cutoff: found.cutoff.clone(),
    }
}
