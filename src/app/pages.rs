//! Papers photographed one page after another: a group of photos, 第 1…n 页.
//!
//! Each page is an evidence item of its own, sealed as the camera gave it before anybody looks at it; the group
//! and the number only say what belongs together. The look at it comes afterwards and beside the next tap, and
//! what it finds is advice. A page that is taken again supersedes the earlier one, which stays: nothing is ever
//! deleted, and somebody may have to show that the second picture shows the same paper.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{CaseId, TroubleResult};
use zeroize::Zeroizing;

use crate::capture::{Kept, view};
use crate::chain::set;
use crate::desk::EvidenceView;
use crate::handheld::Handheld;
use crate::model::{Evidence, kind};
use crate::page_check::{PageVerdict, judge};
use crate::troubles;

/// Pages that wait for a look; a tap a second is faster than anybody turns pages.
const WAITING: usize = 8;

/// Which page of which group a photo is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageOf {
    /// `G1` …
    pub group: String,
    /// 1, 2 …
    pub n: u32,
    /// The photo that was taken instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// What the look at it found; `None` until then, and where it could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<PageVerdict>,
}

impl PageOf {
    /// How the photo came about, for the record.
    pub(crate) fn method(&self) -> String {
        let page = format!("现场翻拍文件({} 第 {} 页)", self.group, self.n);
        match &self.superseded_by {
            Some(by) => format!("{page}，已由 {by} 重拍代替"),
            None => page,
        }
    }
}

/// Photos that were taken and not looked at yet: evidence id and bytes.
#[derive(Default)]
pub(crate) struct Unlooked(Vec<(String, Zeroizing<Vec<u8>>)>);

impl Unlooked {
    fn push(&mut self, evidence: &str, jpeg: Zeroizing<Vec<u8>>) {
        if self.0.len() >= WAITING {
            self.0.remove(0);
        }
        self.0.push((evidence.to_owned(), jpeg));
    }

    fn take(&mut self, evidence: &str) -> Option<Zeroizing<Vec<u8>>> {
        let place = self.0.iter().position(|(id, _)| id == evidence)?;
        Some(self.0.remove(place).1)
    }

    /// At the lock.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Handheld {
    /// The next page of a group (a new one where none is named), or a page once more.
    pub(crate) fn do_capture_page(
        &mut self,
        case: &CaseId,
        group: Option<&str>,
        again: Option<&str>,
    ) -> TroubleResult<EvidenceView> {
        self.open_meta(case)?;
        let items: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let pages = || items.iter().filter_map(|(_, item)| item.page.as_ref());
        let page = match again {
            Some(id) => {
                let old = items.iter().find(|(of, _)| of == id).and_then(|(_, i)| i.page.as_ref());
                let old = old.filter(|page| page.superseded_by.is_none());
                let old = old.ok_or_else(|| troubles::unknown("页"))?;
                PageOf { verdict: None, ..old.clone() }
            }
            None => {
                let group = group.map_or_else(|| next_group(pages()), str::to_owned);
                let n = pages().filter(|p| p.group == group).map(|p| p.n).max().unwrap_or(0);
                PageOf { group, n: n.saturating_add(1), superseded_by: None, verdict: None }
            }
        };
        let begun_ms = self.now_ms();
        let jpeg = self.ports.recorder.photo()?;
        let kept = Kept {
            extension: "jpg",
            media_type: "image/jpeg",
            bytes: &jpeg,
            begun_ms,
            source: "",
            page: Some(page),
        };
        let taken = self.keep(case, &kept)?;
        if let Some(id) = again {
            self.supersede(case, id, &taken.id)?;
        }
        self.unlooked.push(&taken.id, jpeg);
        Ok(taken)
    }

    fn supersede(&mut self, case: &CaseId, old: &str, by: &str) -> TroubleResult<()> {
        let mut item: Evidence = self
            .case_chain(case)?
            .value(kind::EVIDENCE, old)?
            .ok_or_else(|| troubles::unknown("证据"))?;
        if let Some(page) = &mut item.page {
            page.superseded_by = Some(by.to_owned());
        }
        let draft = self
            .draft("note")?
            .about(old)
            .fact("what", "page_retaken")
            .fact("by", by)
            .fact("text", format!("{old} 已由 {by} 重拍代替，两张都保留"));
        self.commit(case, vec![draft], vec![set(kind::EVIDENCE, old, &item)?])?;
        Ok(())
    }

    /// Looks at a page that was taken a moment ago. One that is gone from memory stays without a verdict.
    pub(crate) fn do_check_page(
        &mut self,
        case: &CaseId,
        evidence: &str,
    ) -> TroubleResult<EvidenceView> {
        self.open_meta(case)?;
        let mut item: Evidence = self
            .case_chain(case)?
            .value(kind::EVIDENCE, evidence)?
            .ok_or_else(|| troubles::unknown("证据"))?;
        if let (Some(page), Some(jpeg)) = (&mut item.page, self.unlooked.take(evidence)) {
            let verdict = judge(&self.ports.recorder.grey(&jpeg)?);
            let faults: Vec<&str> = verdict.faults.iter().map(|fault| fault.as_str()).collect();
            let draft = self
                .draft("note")?
                .about(evidence)
                .fact("what", "page_checked")
                .fact("group", page.group.as_str())
                .fact("page", page.n)
                .fact("faults", faults);
            page.verdict = Some(verdict);
            self.commit(case, vec![draft], vec![set(kind::EVIDENCE, evidence, &item)?])?;
        }
        view(evidence, &item).ok_or_else(|| troubles::unknown("证据"))
    }
}

fn next_group<'a>(pages: impl Iterator<Item = &'a PageOf>) -> String {
    let numbers = pages.filter_map(|page| page.group.strip_prefix('G')?.parse::<u32>().ok());
    format!("G{}", numbers.max().unwrap_or(0).saturating_add(1))
}
