//! One visit: sums, diagnoses, settlements; fee lines are fetched page by page.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use slint::{ComponentHandle, ModelRc};
use spotcheck_domain::claims::{FeeLine, Instant, Page, SettlementRow, VisitView};
use spotcheck_domain::{Amount, Trouble, mask};
use spotcheck_face::{FeeItem, PairItem, Visit};

use crate::app::App;
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::status::{pair, pairs};
use crate::{trouble, words};

pub(crate) struct Model {
    lines: Rc<PagedModel<FeeItem>>,
    id: RefCell<Option<String>>,
}

impl Model {
    pub(crate) fn new(app: Weak<App>) -> Self {
        let placeholder = FeeItem { loading: true, ..FeeItem::default() };
        let lines = PagedModel::new(placeholder, move |revision, page| {
            if let Some(app) = app.upgrade() {
                fetch(&app, revision, page);
            }
        });
        Self { lines, id: RefCell::default() }
    }
}

/// A fee line as a row: the facility's own name for the item first, the list name where there is none.
pub(crate) fn fee_item(line: &FeeLine) -> FeeItem {
    let name = line.medins_list_name.as_deref().or(line.hilist_name.as_deref());
    let note = format!(
        "{} · {} × {}",
        words::charge_type(line.med_chrgitm_type.as_deref()),
        words::plain(line.cnt),
        words::plain(line.pric),
    );
    FeeItem {
        name: name.unwrap_or("名称未上传").into(),
        note: note.into(),
        time: fee_time(line.fee_ocur_time).into(),
        amount: words::yuan_or_none(line.det_item_fee_sumamt).into(),
        loading: false,
    }
}

fn fee_time(time: Option<Instant>) -> String {
    let text = words::instant(time);
    text.get(5..16).or_else(|| text.get(5..)).unwrap_or(&text).to_owned()
}

/// The fund's part of all settlements that were not taken back.
pub(crate) fn fund_sum(settlements: &[SettlementRow]) -> Option<Amount> {
    settlements
        .iter()
        .filter(|s| s.refd_setl_flag.as_deref() != Some("1"))
        .filter_map(|s| s.fund_pay_sumamt)
        .try_fold(Amount::ZERO, Amount::checked_add)
}

/// Head data of the visit.
pub(crate) fn facts(view: &VisitView) -> Vec<PairItem> {
    let mut facts = vec![
        pair("开始", &words::instant(view.begntime)),
        pair("结束", &words::instant(view.endtime)),
    ];
    let optional = [
        ("科室", &view.adm_dept_name),
        ("床位", &view.adm_bed),
        ("主诊医师", &view.chfpdr_name),
        ("住院号或门诊号", &view.ipt_otp_no),
        ("病案号", &view.medrcdno),
    ];
    for (label, value) in optional {
        if let Some(value) = value {
            facts.push(pair(label, value));
        }
    }
    facts
}

fn diagnoses(view: &VisitView) -> Vec<PairItem> {
    view.diagnoses
        .iter()
        .map(|row| {
            let main = if row.maindiag_flag.as_deref() == Some("1") {
                "主要诊断"
            } else {
                "其他诊断"
            };
            let code = row.diag_code.as_deref().unwrap_or_default();
            let name = row.diag_name.as_deref().unwrap_or("名称未上传");
            pair(main, format!("{name} {code}").trim_end())
        })
        .collect()
}

fn settlements(view: &VisitView) -> Vec<PairItem> {
    let mut facts = Vec::new();
    for row in &view.settlements {
        let taken_back =
            if row.refd_setl_flag.as_deref() == Some("1") { " （已退）" } else { "" };
        facts.push(pair("结算时间", &format!("{}{taken_back}", words::instant(row.setl_time))));
        facts.push(pair("总费用", &words::yuan_or_none(row.medfee_sumamt)));
        facts.push(pair("基金支付", &words::yuan_or_none(row.fund_pay_sumamt)));
        facts.push(pair("个人负担", &words::yuan_or_none(row.psn_pay)));
        facts.push(pair("个人账户", &words::yuan_or_none(row.acct_pay)));
    }
    facts
}

pub(crate) fn connect(app: &Rc<App>) {
    app.window.global::<Visit<'_>>().set_lines(ModelRc::from(app.visit.lines.clone()));
}

pub(crate) fn enter(app: &Rc<App>, mdtrt_id: &str) {
    if app.visit.id.borrow().as_deref() == Some(mdtrt_id) {
        return;
    }
    forget(app);
    let Some(task) = app.task_id() else { return };
    let id = mdtrt_id.to_owned();
    app.ask(
        move |desk| desk.visit(&task, &id, "visit"),
        |app, view| match view {
            Some(view) => draw(app, &view),
            None => trouble::show(
                app,
                &Trouble::new(
                    "UI-VISIT-UNKNOWN",
                    "数据包里没有这次就诊",
                    "数据没有动过",
                    "返回后从人员的就诊列表打开",
                ),
            ),
        },
    );
}

/// Forgets the visit on the screen.
pub(crate) fn forget(app: &Rc<App>) {
    app.visit.id.borrow_mut().take();
    app.visit.lines.restart(Some(0));
    let face = app.window.global::<Visit<'_>>();
    face.set_tab(0);
    face.set_title("".into());
    face.set_note("".into());
    face.set_sum("".into());
    face.set_sum_note("".into());
    face.set_fund("".into());
    face.set_facts(ModelRc::default());
    face.set_diagnoses(ModelRc::default());
    face.set_settlements(ModelRc::default());
}

fn draw(app: &Rc<App>, view: &VisitView) {
    *app.visit.id.borrow_mut() = Some(view.mdtrt_id.clone());
    let face = app.window.global::<Visit<'_>>();
    let begin = words::month_day(view.begntime);
    let end = words::month_day(view.endtime);
    let dates = if end.is_empty() || end == begin { begin } else { format!("{begin} → {end}") };
    face.set_title(format!("{} {dates}", words::visit_type(view.med_type.as_deref())).into());
    let mut note = vec![mask::name(&view.psn_name)];
    note.extend(view.adm_dept_name.clone());
    note.extend(view.dscg_maindiag_name.clone());
    face.set_note(note.join(" · ").into());
    face.set_sum(words::yuan(view.fee_sum).into());
    face.set_sum_note(format!("总费用 · {} 行", words::count(view.fee_lines)).into());
    face.set_fund(words::yuan_or_none(fund_sum(&view.settlements)).into());
    face.set_facts(pairs(facts(view)));
    face.set_diagnoses(pairs(diagnoses(view)));
    face.set_settlements(pairs(settlements(view)));
    app.visit.lines.restart(Some(usize::try_from(view.fee_lines).unwrap_or(usize::MAX)));
}

fn fetch(app: &Rc<App>, revision: u64, page: u32) {
    let (Some(task), Some(id)) = (app.task_id(), app.visit.id.borrow().clone()) else { return };
    let offset = u64::from(page).saturating_mul(u64::from(PAGE_ROWS));
    app.ask_result(
        move |desk| desk.fee_lines(&task, &id, Page { offset, limit: PAGE_ROWS }),
        move |app, result| match result {
            Ok(lines) => {
                app.visit.lines.accept(revision, page, lines.iter().map(fee_item).collect());
            }
            Err(trouble) => {
                app.visit.lines.failed(revision, page);
                trouble::show(app, &trouble);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settlement(fund: &str, taken_back: Option<&str>) -> SettlementRow {
        SettlementRow {
            setl_id: "S".to_owned(),
            setl_time: None,
            medfee_sumamt: None,
            fund_pay_sumamt: Some(Amount::parse(fund).unwrap()),
            psn_pay: None,
            acct_pay: None,
            refd_setl_flag: taken_back.map(str::to_owned),
        }
    }

    #[test]
    fn a_settlement_that_was_taken_back_is_not_counted() {
        let rows =
            [settlement("100.10", Some("0")), settlement("50", None), settlement("7", Some("1"))];
        assert_eq!(fund_sum(&rows), Some(Amount::parse("150.10").unwrap()));
    }

    #[test]
    fn a_line_without_a_name_says_so() {
        let line = FeeLine {
            bkkp_sn: "1".to_owned(),
            setl_id: None,
            fee_ocur_time: None,
            med_list_codg: None,
            hilist_name: None,
            medins_list_name: None,
            list_type: None,
            med_chrgitm_type: Some("01".to_owned()),
            cnt: Some(Amount::parse("3").unwrap()),
            pric: Some(Amount::parse("24.5").unwrap()),
            det_item_fee_sumamt: None,
            bilg_dept_name: None,
            bilg_dr_name: None,
        };
        let item = fee_item(&line);
        assert_eq!((item.name.as_str(), item.amount.as_str()), ("名称未上传", "—"));
        assert_eq!(item.note, "床位费 · 3 × 24.5");
    }
}
