//! Invented photos to look at, and claims beyond one visit.

use spotcheck_app::around::AroundQuery;
use spotcheck_app::desk::{Looks, Zeroizing};
use spotcheck_app::rules::around::{Around, Surroundings};
use spotcheck_domain::claims::{DepartmentView, ItemVisit, Page, VisitEvent};
use spotcheck_domain::{Amount, CaseId, TaskId, TroubleResult};

use super::{FakeDesk, claims, papers, trouble};

impl Looks for FakeDesk {
    fn evidence_image(
        &mut self,
        case: &CaseId,
        evidence: &str,
    ) -> TroubleResult<Option<Zeroizing<Vec<u8>>>> {
        self.needs_unlock()?;
        let view = self.case.as_ref().filter(|view| view.id == *case);
        let item = view.and_then(|view| view.evidence.iter().find(|e| e.id == evidence));
        let item =
            item.ok_or_else(|| trouble("FAKE-EVIDENCE", "没有这份证据", "证据都在", "返回"))?;
        let picture = item.media_type.starts_with("image/");
        Ok(picture.then(papers::shelf).flatten().map(Zeroizing::new))
    }

    fn line_events(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        bkkp_sn: &str,
        _: Page,
    ) -> TroubleResult<Vec<VisitEvent>> {
        self.checked(task)?;
        Ok(claims::line_events(mdtrt_id, bkkp_sn))
    }

    fn item_visits(
        &mut self,
        task: &TaskId,
        med_list_codg: &str,
        page: Page,
    ) -> TroubleResult<Vec<ItemVisit>> {
        self.checked(task)?;
        Ok(claims::item_visits(med_list_codg, page))
    }

    fn house_departments(
        &mut self,
        task: &TaskId,
        page: Page,
    ) -> TroubleResult<Vec<DepartmentView>> {
        self.checked(task)?;
        let own = |code: &str, name: &str, caty: Option<&str>, beds: i64, staff| DepartmentView {
            hosp_dept_codg: code.to_owned(),
            hosp_dept_name: Some(name.to_owned()),
            caty: caty.map(str::to_owned),
            aprv_bed_cnt: (beds > 0).then_some(beds),
            hi_crtf_bed_cnt: (beds > 0).then(|| beds.saturating_sub(2)),
            begntime: None,
            endtime: None,
            staff,
        };
        let all = [
            own("A03.01", "内二科", Some("A03.05"), 48, 31),
            own("A03.02", "内一科", Some("A03.01"), 52, 34),
            own("A04", "外科", Some("A04"), 44, 29),
            own("A05", "妇产科", Some("A05"), 36, 22),
            own("A32", "医学影像科", None, 0, 11),
        ];
        Ok(if page.offset == 0 { all.to_vec() } else { Vec::new() })
    }
}

/// The invented persons around a finding. As on the real desk, a doctor's need a reason.
pub(super) fn around(query: &AroundQuery) -> TroubleResult<Surroundings> {
    if let AroundQuery::Staff { reason, .. } = query
        && reason.trim().chars().count() < 4
    {
        let what = "查看医师或科室与药品、耗材、项目的对应数据需要写明原因";
        return Err(trouble("INDICATORS-REASON", what, "没有打开任何数据", "写明原因"));
    }
    let cards = matches!(query, AroundQuery::Cards { .. });
    let visits = claims::item_visits("床", Page::first(40));
    let listed: Vec<Around> = visits
        .iter()
        .zip(0_u64..)
        .map(|(visit, n)| Around {
            psn_no: visit.psn_no.clone(),
            psn_name: visit.psn_name.clone(),
            visits: n.checked_rem(3).unwrap_or(0).saturating_add(1),
            lines: visit.fee_lines,
            amount: visit.amount,
            days: Some(("2026-11-03".to_owned(), "2026-11-18".to_owned())),
            signs: if cards { signs(n) } else { Vec::new() },
        })
        .collect();
    let sum = |of: fn(&Around) -> u64| listed.iter().map(of).sum::<u64>();
    let amount = listed.iter().try_fold(Amount::ZERO, |sum, a| sum.checked_add(a.amount));
    let roles = matches!(query, AroundQuery::Staff { .. }).then_some((212, 360, 148));
    Ok(Surroundings {
        persons: sum(|_| 1),
        visits: sum(|a| a.visits),
        lines: sum(|a| a.lines),
        amount: amount.unwrap_or_default(),
        roles,
        listed,
        notes: Vec::new(),
    })
}

fn signs(n: u64) -> Vec<String> {
    let mut signs = vec![format!("有 {} 天相隔不到 10 分钟", 9_u64.saturating_sub(n).max(1))];
    if n < 3 {
        signs.push(format!("金额相同 {} 次", 6_u64.saturating_sub(n)));
    }
    if n.is_multiple_of(5) {
        signs.push("登记电话相同".to_owned());
    }
    signs
}
