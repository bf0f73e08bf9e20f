//! Second copies of the invented handheld: a place that was chosen has everything at once.

use spotcheck_app::copies::{CopyView, RescuedCase};
use spotcheck_app::desk::{CaseState, Desk as _, SecondCopies, SecondCopiesView};
use spotcheck_app::ports::{CopyPlace, CopyPlan, CopyRound, FoundCopy};
use spotcheck_domain::{CaseId, TaskId, TroubleResult, rfc3339};

use super::{FakeDesk, id, trouble};

/// The case of a colleague's handheld that was dropped down the stairs.
const BESIDE: &str = "CASE-01M7VBK5C0SAMP1E0000000009";

impl FakeDesk {
    fn single(&self) -> u32 {
        let placed = self.plan.folder.is_some() || self.plan.peer.is_some();
        let items = self.case.as_ref().map_or(0, |case| case.evidence.len());
        if placed { 0 } else { u32::try_from(items).unwrap_or(u32::MAX) }
    }

    /// Where the copy of the open case lies.
    fn copied_to(&self) -> Option<String> {
        self.plan.folder.clone().or_else(|| Some(format!("SC-0433 ({})", self.plan.peer.as_ref()?)))
    }
}

impl SecondCopies for FakeDesk {
    fn second_copies(&mut self) -> TroubleResult<SecondCopiesView> {
        self.needs_unlock()?;
        let open = self.case.as_ref().filter(|case| case.state == CaseState::Open);
        let place = self.copied_to();
        let cases = open.map(|case| {
            let view = CopyView {
                case: case.id.clone(),
                copied: place.as_ref().map(|_| rfc3339(self.now_ms)),
                place: place.clone(),
                files: u32::try_from(case.evidence.len()).unwrap_or(u32::MAX),
                without: self.single(),
                state: true,
            };
            let own = self.tasks.iter().find(|card| card.task.id == case.task);
            (own.map(|card| card.task.facility.fixmedins_name.clone()), view)
        });
        let went = |place, there: bool| {
            there.then_some(CopyRound { place, at_ms: self.now_ms, done: Ok(1) })
        };
        let rounds = [
            went(CopyPlace::Folder, self.plan.folder.is_some()),
            went(CopyPlace::Peer, self.plan.peer.is_some()),
            went(CopyPlace::Listen, self.plan.listen.is_some()),
        ];
        let beside = FoundCopy {
            device: "SC-0433".to_owned(),
            case: id(BESIDE),
            copied: Some("2026-11-24T09:31:00.000+08:00".to_owned()),
            folder: format!("partners/SC-0433/{BESIDE}.copy"),
            stick: None,
        };
        Ok(SecondCopiesView {
            cases: cases.into_iter().collect(),
            plan: self.plan.clone(),
            rounds: rounds.into_iter().flatten().collect(),
            addresses: vec!["192.168.43.17".to_owned()],
            found: if self.rescued { Vec::new() } else { vec![beside] },
            sticks: self.sticks()?,
        })
    }

    fn plan_copies(&mut self, plan: &CopyPlan) -> TroubleResult<()> {
        self.needs_unlock()?;
        if plan.peer.as_ref().is_some_and(|peer| !peer.contains(':')) {
            return Err(trouble(
                "COPY-ADDRESS",
                "对方的地址写得不对",
                "副本没有改动；本机已有的内容不受影响",
                "照那台屏幕上的“本机地址”写",
            ));
        }
        self.plan = plan.clone();
        Ok(())
    }

    fn go_on_from(
        &mut self,
        copy: &FoundCopy,
        _task: Option<&TaskId>,
    ) -> TroubleResult<RescuedCase> {
        self.needs_unlock()?;
        self.rescued = true;
        Ok(RescuedCase {
            case: copy.case.clone(),
            from: id(&copy.device),
            kept: copy.copied.clone().unwrap_or_default(),
            entries: 84,
            files: 31,
            unnamed: 0,
        })
    }

    fn rescue_to(&mut self, _stick: &str) -> TroubleResult<(u32, u32)> {
        self.needs_unlock()?;
        let waiting = self.outbox.iter().filter(|i| i.state != CaseState::Received).count();
        Ok((u32::try_from(waiting).unwrap_or(u32::MAX), u32::from(self.case.is_some())))
    }

    fn only_here(&mut self, _case: &CaseId) -> TroubleResult<u32> {
        self.needs_unlock()?;
        Ok(self.single())
    }
}
