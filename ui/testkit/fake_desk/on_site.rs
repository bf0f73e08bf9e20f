//! The invented camera.

use spotcheck_app::budget::{Budget, Charge, Rates, Reading};
use spotcheck_app::desk::{EvidenceView, OnSite, Opening, RecordingKind, RecordingView};
use spotcheck_app::page_check::{PageFault, PageVerdict};
use spotcheck_app::pages::PageOf;
use spotcheck_domain::{CaseId, TroubleResult};

use super::{FakeDesk, trouble};

impl OnSite for FakeDesk {
    fn cover_picture(&mut self, evidence: &str, on: bool) -> TroubleResult<RecordingView> {
        let found = self.running.iter_mut().find(|r| r.evidence == evidence);
        let Some(running) = found else {
            return Err(trouble("FAKE-NOT-RUNNING", "这一段已经停了", "已录的都在", "不用再遮"));
        };
        running.covered = on || running.paused;
        Ok(running.clone())
    }

    fn pause_recording(&mut self, evidence: &str, on: bool) -> TroubleResult<RecordingView> {
        let found = self.running.iter_mut().find(|r| r.evidence == evidence);
        let Some(running) = found else {
            return Err(trouble("FAKE-NOT-RUNNING", "这一段已经停了", "已录的都在", "不用再暂停"));
        };
        running.paused = on;
        running.covered = on && running.kind == RecordingKind::Video;
        self.played.pauses.push((evidence.to_owned(), running.stored_ms, on));
        Ok(running.clone())
    }

    fn opening(&mut self, case: &CaseId) -> TroubleResult<Opening> {
        let view = self.open_view(case)?;
        let paragraphs = [
            "现在是2026年11月24日09时50分，地点在示例市青禾医院。本次检查全程录音录像，现在已经开始录制。",
            "我们是示例市医疗保障局的执法人员：周演示，行政执法证号示例-0017；吴样例，行政执法证号示例-0023。这是我们的执法证件，请您查看、核对。我们不出示执法证件的，您有权拒绝检查。",
            "依据《医疗保障基金使用监督管理条例》第二十七条，今天对示例市青禾医院自2026年1月1日至2026年11月23日使用医疗保障基金的情况进行监督检查。",
            "您认为我们与本次检查有直接利害关系，或者有其他关系可能影响公正执法的，有权申请回避。请问您是否申请回避？",
            "以上内容，请问您听清楚了吗？",
        ];
        let read = view.opening_read.clone();
        Ok(Opening { paragraphs: paragraphs.map(str::to_owned).to_vec(), read })
    }

    fn opening_read(&mut self, case: &CaseId, paragraphs: &[String]) -> TroubleResult<()> {
        self.remember();
        let now = self.pass_time();
        if !paragraphs.is_empty() {
            self.open_view(case)?.opening_read = Some(now);
        }
        Ok(())
    }

    fn capture_page(
        &mut self,
        case: &CaseId,
        group: Option<&str>,
        again: Option<&str>,
    ) -> TroubleResult<EvidenceView> {
        self.pass_time();
        let mut photo = self.item(self.next_evidence(), "image/jpeg", 0);
        let view = self.open_view(case)?;
        let pages = || view.evidence.iter().filter_map(|e| e.page.as_ref());
        let n = pages().map(|p| p.n).max().unwrap_or(0).saturating_add(1);
        let old = again.and_then(|id| view.evidence.iter_mut().find(|e| e.id == id));
        let mut page = PageOf {
            group: group.unwrap_or("G1").to_owned(),
            n,
            superseded_by: None,
            verdict: None,
        };
        if let Some(old) = old.and_then(|old| old.page.as_mut()) {
            page.n = old.n;
            old.superseded_by = Some(photo.id.clone());
        }
        photo.page = Some(page);
        view.evidence.push(photo.clone());
        Ok(photo)
    }

    /// The second page is out of focus the first time.
    fn check_page(&mut self, case: &CaseId, evidence: &str) -> TroubleResult<EvidenceView> {
        let view = self.open_view(case)?;
        let again = view
            .evidence
            .iter()
            .any(|e| e.page.as_ref().is_some_and(|p| p.superseded_by.as_deref() == Some(evidence)));
        let found = view.evidence.iter_mut().find(|e| e.id == evidence);
        let Some(item) = found else {
            return Err(trouble("FAKE-PAGE", "没有这一页", "已存的都在", "再拍一次"));
        };
        if let Some(page) = &mut item.page {
            let blurred = page.n == 2 && !again;
            let faults = if blurred { vec![PageFault::Blurred] } else { Vec::new() };
            page.verdict = Some(PageVerdict { faults, ..PageVerdict::default() });
        }
        Ok(item.clone())
    }
}

/// Room for a day, or for `minutes`.
pub(super) fn budget(minutes: Option<u64>) -> Budget {
    let rates = Rates::default();
    let free = match minutes {
        Some(minutes) => minutes.saturating_mul(rates.video_minute).saturating_add(240_000_000),
        None => 48_600_000_000,
    };
    let charge = Some(Charge { percent: 82, charging: false, minutes: Some(410) });
    spotcheck_app::budget::budget(&Reading { free, rates, running_minute: None, charge })
}
