//! Second copies from the window: where they go is an act of an officer, and so is going on from one.

use spotcheck_domain::task::Task;
use spotcheck_domain::{CaseId, TaskId, TroubleResult};

use super::RescuedCase;
use crate::desk::{SecondCopies, SecondCopiesView};
use crate::handheld::Handheld;
use crate::model::kind;
use crate::ports::{CopyPlan, FoundCopy};
use crate::troubles;

/// An officer changed where copies go (device journal).
const PLANNED: &str = "copies_planned";

/// An address of a handheld nearby as an officer types it: a host and a port.
fn checked(address: &str) -> TroubleResult<()> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(1..) => Ok(()),
        _ => {
            Err(troubles::copy("COPY-ADDRESS", "对方的地址写得不对", "照对方屏幕上的“本机地址”写"))
        }
    }
}

impl SecondCopies for Handheld {
    fn second_copies(&mut self) -> TroubleResult<SecondCopiesView> {
        let me = self.officer()?;
        let tasks: Vec<(String, Task)> = self.device_log()?.values(kind::TASK)?;
        let index = self.case_index()?;
        let facility = |case: &CaseId| {
            let own = index.iter().find(|(id, _)| id == case);
            let own = own.filter(|(_, i)| i.officers.contains(&me))?;
            let task = tasks.iter().find(|(_, t)| t.id == own.1.task);
            task.map(|(_, t)| t.facility.fixmedins_name.clone())
        };
        let views = self.copy_views()?;
        let cases = views.into_iter().map(|view| (facility(&view.case), view)).collect();
        let sticks = self.ports.exports.sticks()?;
        let own = self.device_id().ok();
        let copies = &mut self.ports.copies;
        let mut found = copies.found(&sticks)?;
        found.retain(|copy| own.as_ref().is_none_or(|own| copy.device != own.as_str()));
        Ok(SecondCopiesView {
            cases,
            plan: copies.plan()?,
            rounds: copies.rounds(),
            addresses: copies.addresses(),
            sticks,
            found,
        })
    }

    fn plan_copies(&mut self, plan: &CopyPlan) -> TroubleResult<()> {
        self.officer()?;
        if let Some(peer) = &plan.peer {
            checked(peer)?;
        }
        if let Some(listen) = &plan.listen {
            checked(listen)?;
        }
        if self.ports.copies.plan()? == *plan {
            return Ok(());
        }
        // What nobody could read is no secret; where it goes is for the journal in general terms only.
        let draft = self
            .draft(PLANNED)?
            .fact("folder", plan.folder.is_some())
            .fact("peer", plan.peer.is_some())
            .fact("listen", plan.listen.is_some());
        self.journal_device(draft)?;
        self.ports.copies.set_plan(plan)?;
        // There is something to copy at once.
        self.keep_copies_if_configured();
        Ok(())
    }

    fn go_on_from(
        &mut self,
        copy: &FoundCopy,
        task: Option<&TaskId>,
    ) -> TroubleResult<RescuedCase> {
        let mut folder = self.ports.copies.open_found(copy)?;
        self.rescue_case(&copy.case, task, folder.as_mut())
    }

    fn rescue_to(&mut self, stick: &str) -> TroubleResult<(u32, u32)> {
        self.officer()?;
        if !self.ports.exports.sticks()?.iter().any(|s| s.place == stick) {
            return Err(troubles::copy("COPY-STICK-GONE", "这个 U 盘已经拔下", "插好后再找一次"));
        }
        let link = self.link_keys()?;
        let mut room = self.ports.copies.export_to(stick)?;
        let bundles = self.rescue(None, &mut |bundle| room.bundle(bundle))?;
        let cases = self.unsealed_cases()?;
        room.cases(&link, &cases)?;
        self.rescued_as_they_lie(&cases)?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok((count(bundles.len()), count(cases.len())))
    }

    fn only_here(&mut self, case: &CaseId) -> TroubleResult<u32> {
        self.officer()?;
        let Some((case, index)) = self.case_index()?.into_iter().find(|(id, _)| id == case) else {
            return Ok(0);
        };
        Ok(self.copy_view(case, &index)?.map_or(0, |view| view.without))
    }
}
