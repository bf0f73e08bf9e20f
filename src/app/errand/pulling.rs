//! Fetching, and the full check of what was fetched.

use spotcheck_domain::{ClockReading, PackageId, TaskId, TroubleResult};

use super::{Brought, Home, Journey, lock};
use crate::chain::set;
use crate::desk::PullReport;
use crate::handheld::Handheld;
use crate::model::{Checked, ONLY, kind};
use crate::ports::{PackageOnDisk, Pulled};
use crate::{lookup, troubles};

impl Handheld {
    pub(super) fn set_out_to_pull(&mut self, task: Option<TaskId>) -> TroubleResult<Journey> {
        self.device_id()?;
        let last = self.last_checkpoint()?;
        let centre = self.ports.centre.clone();
        let mut keys = self.ports.keys.handle();
        let held = self.ports.copies.held()?;
        Ok(Box::new(move |watch| {
            let mut centre = lock(&centre);
            let mut pulled = centre.pull(keys.as_mut(), task.as_ref(), last.as_deref(), watch);
            if let Ok(pulled) = &mut pulled
                && !held.is_empty()
            {
                let seen = Some(pulled.proof.checkpoint.as_str());
                match centre.received(keys.as_mut(), &held, seen) {
                    Ok(settled) => pulled.settled = settled,
                    // Copies stay: asked again at the next sync.
                    Err(trouble) => tracing::warn!(code = %trouble.code, "Not heard of copies."),
                }
            }
            Brought::Pulled(pulled)
        }))
    }

    pub(super) fn home_from_pull(&mut self, pulled: Pulled) -> TroubleResult<Home> {
        let mut values = vec![set(kind::PROOF, ONLY, &pulled.proof)?];
        for task in &pulled.tasks {
            values.push(set(kind::TASK, task.id.as_str(), task)?);
        }
        self.device_log()?.commit(vec![], values)?;
        self.drop_settled(&pulled.settled);
        self.packages.clear();
        self.close_references();
        let names = |list: &[(TaskId, PackageId)]| {
            list.iter().map(|(_, package)| package.to_string()).collect::<Vec<_>>()
        };
        let report = PullReport {
            tasks: u32::try_from(pulled.tasks.len()).unwrap_or(u32::MAX),
            packages: names(&pulled.new_packages),
            unchanged: names(&pulled.unchanged),
        };
        if let Some(id) = &pulled.new_intake {
            let draft = self.draft("note")?.fact("what", "intake_key_changed");
            self.journal_device(draft.fact("intake_id", id.as_str()))?;
        }
        for (task, trouble) in &pulled.refused {
            let draft = self.draft("package_refused")?;
            let draft = draft.about(task.as_str()).fact("code", trouble.code.as_str());
            self.journal_device(draft)?;
        }
        // The full check needs the package key; while locked it waits for the first opening.
        let mut check = Vec::new();
        for (task, _) in pulled.new_packages {
            if self.ports.keys.unlocked().is_some() && self.my_task(&task).is_ok() {
                check.push(task);
            }
        }
        let refused = pulled.refused.into_iter().next().map(|(_, trouble)| trouble);
        Ok(Home::Pulled { report, check, refused })
    }

    pub(super) fn set_out_to_check(&mut self, task: &TaskId) -> TroubleResult<Journey> {
        self.my_task(task)?;
        self.packages.remove(task);
        self.close_references();
        let found = match self.ports.packages.find(task) {
            Ok(found) => found.ok_or_else(troubles::no_package)?,
            Err(trouble) => {
                let draft = self.draft("package_refused")?.about(task.as_str());
                self.journal_device(draft.fact("code", trouble.code.clone()))?;
                return Err(trouble);
            }
        };
        let at = self.ports.clock.read();
        let task = task.clone();
        let mut packages = self.ports.packages.handle();
        let mut keys = self.ports.keys.handle();
        Ok(Box::new(move |_| {
            let verdict = packages.check(&task, keys.as_mut(), &at);
            Brought::Checked { task, found, at, verdict }
        }))
    }

    pub(super) fn home_from_check(
        &mut self,
        task: &TaskId,
        found: &PackageOnDisk,
        at: &ClockReading,
        verdict: TroubleResult<()>,
    ) -> TroubleResult<Home> {
        let draft = match &verdict {
            Ok(()) => self.draft("package_checked")?.fact("sha256", found.sha256.clone()),
            Err(trouble) => self.draft("package_refused")?.fact("code", trouble.code.clone()),
        };
        let checked = Checked {
            fingerprint: found.fingerprint.clone(),
            sha256: found.sha256.clone(),
            at_ms: at.wall_ms,
        };
        let mut values = Vec::new();
        if verdict.is_ok() {
            values.push(set(kind::CHECKED, task.as_str(), &checked)?);
        }
        self.device_log()?.commit(vec![draft.about(found.id.as_str())], values)?;
        verdict?;
        Ok(Home::Checked(lookup::package_state(found, Some(&checked))))
    }
}
