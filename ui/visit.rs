//! One visit: what its fees consist of, the lines by day, orders and records, diagnoses, settlements.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_domain::claims::{
    FeeFilter, FeeShare, FeeSummary, Page, SettlementRow, VisitEvent, VisitView,
};
use spotcheck_domain::{Amount, Trouble, mask};
use spotcheck_face::{BarItem, EventItem, PairItem, Visit};

use crate::app::{App, Place};
use crate::fees::{Fees, Marks};
use crate::language::{say, word};
use crate::paged::PAGE_ROWS;
use crate::status::{pair, pairs};
use crate::{suspicions, trouble, words};

/// Bars of the chart; what is smaller goes into 其他.
const BARS: usize = 6;
/// Most events of a visit that are shown.
const EVENTS: u32 = 3_000;

pub(crate) struct Model {
    fees: Rc<Fees>,
    view: RefCell<Option<VisitView>>,
    summary: RefCell<FeeSummary>,
    filter: RefCell<FeeFilter>,
    /// 0 all, n the nth kind of the summary.
    kind: Cell<usize>,
}

impl Model {
    pub(crate) fn new(app: Weak<App>) -> Self {
        let fees = Fees::new(move |revision, page| {
            if let Some(app) = app.upgrade() {
                fetch(&app, revision, page);
            }
        });
        Self {
            fees,
            view: RefCell::default(),
            summary: RefCell::default(),
            filter: RefCell::default(),
            kind: Cell::new(0),
        }
    }

    /// The list of fees; 示证 shows the same one.
    pub(crate) fn fees(&self) -> &Rc<Fees> {
        &self.fees
    }

    /// The visit on the screen.
    pub(crate) fn view(&self) -> Option<VisitView> {
        self.view.borrow().clone()
    }

    /// The kind of fee that the lines are narrowed to.
    pub(crate) fn kind_words(&self) -> Option<String> {
        let place = self.kind.get().checked_sub(1)?;
        let summary = self.summary.borrow();
        summary.kinds.get(place).map(|k| words::charge_type(k.of.as_deref()).to_owned())
    }

    /// Days of the fees as they are shown.
    pub(crate) fn days(&self) -> Vec<FeeShare> {
        self.summary.borrow().days.clone()
    }
}

/// The fund's part of all settlements that were not taken back.
pub(crate) fn fund_sum(settlements: &[SettlementRow]) -> Option<Amount> {
    settlements
        .iter()
        .filter(|s| s.refd_setl_flag.as_deref() != Some("1"))
        .filter_map(|s| s.fund_pay_sumamt)
        .try_fold(Amount::ZERO, Amount::checked_add)
}

/// Shares of the whole, largest first; what does not fit is put together, nothing is left out.
pub(crate) fn bars(kinds: &[FeeShare]) -> Vec<BarItem> {
    let sum = |shares: &[FeeShare]| {
        let parts = shares.iter().map(|k| i128::from(k.amount.millionths()).max(0));
        parts.fold(0_i128, i128::saturating_add)
    };
    let all = sum(kinds).max(1);
    let most = kinds.first().map_or(1, |k| i128::from(k.amount.millionths()).abs()).max(1);
    let cut = if kinds.len() > BARS { BARS.saturating_sub(1) } else { kinds.len() };
    let (shown, rest) = kinds.split_at(cut);
    let mut items: Vec<BarItem> = shown
        .iter()
        .map(|kind| {
            let label = words::charge_type(kind.of.as_deref());
            bar(label.trim_end_matches('费'), kind.amount, all, most)
        })
        .collect();
    if !rest.is_empty() {
        let amount = rest.iter().try_fold(Amount::ZERO, |a, k| a.checked_add(k.amount));
        items.push(bar(say!("其他"), amount.unwrap_or_default(), all, most));
    }
    items
}

fn bar(label: &str, amount: Amount, all: i128, most: i128) -> BarItem {
    let part = i128::from(amount.millionths()).max(0);
    let in_thousandths = |whole: i128| {
        let n = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0).clamp(0, 1_000);
        u16::try_from(n).unwrap_or(1_000)
    };
    let percent = in_thousandths(all).saturating_add(5).checked_div(10).unwrap_or(0);
    BarItem {
        label: label.into(),
        share: f32::from(in_thousandths(most)) / 1_000.0,
        percent: format!("{percent}%").into(),
        value: words::plain_cents(Some(amount)).into(),
    }
}

/// An event as a row.
pub(crate) fn event_item(event: &VisitEvent) -> EventItem {
    let begin = words::instant(event.begntime);
    let end = event.endtime.map(|t| t.display()).filter(|e| *e != begin);
    let mut note = Vec::new();
    if let Some(end) = &end {
        note.push(say!("至 {}", end.get(5..16).or_else(|| end.get(5..)).unwrap_or(end)));
    }
    note.extend(event.who.clone());
    EventItem {
        time: begin.get(5..16).or_else(|| begin.get(5..)).unwrap_or(&begin).into(),
        kind: word(event.kind.zh()).into(),
        name: event.name.as_deref().unwrap_or(say!("名称未上传")).into(),
        note: note.join(" · ").into(),
    }
}

/// Head data of the visit.
pub(crate) fn facts(view: &VisitView) -> Vec<PairItem> {
    let mut facts = vec![
        pair(say!("开始"), &words::instant(view.begntime)),
        pair(say!("结束"), &words::instant(view.endtime)),
    ];
    let optional = [
        (say!("科室"), &view.adm_dept_name),
        (say!("病区床位"), &view.wardarea_bed),
        (say!("床位"), &view.adm_bed),
        (say!("主诊医师"), &view.chfpdr_name),
        (say!("住院号或门诊号"), &view.ipt_otp_no),
        (say!("病案号"), &view.medrcdno),
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
                say!("主要诊断")
            } else {
                say!("其他诊断")
            };
            let code = row.diag_code.as_deref().unwrap_or_default();
            let name = row.diag_name.as_deref().unwrap_or(say!("名称未上传"));
            pair(main, format!("{name} {code}").trim_end())
        })
        .collect()
}

fn settlements(view: &VisitView) -> Vec<PairItem> {
    let mut facts = Vec::new();
    for row in &view.settlements {
        let taken_back =
            if row.refd_setl_flag.as_deref() == Some("1") { say!("（已退）") } else { "" };
        facts.push(pair(
            say!("结算时间"),
            &format!("{}{taken_back}", words::instant(row.setl_time)),
        ));
        facts.push(pair(say!("总费用"), &words::yuan_or_none(row.medfee_sumamt)));
        facts.push(pair(say!("基金支付"), &words::yuan_or_none(row.fund_pay_sumamt)));
        facts.push(pair(say!("个人负担"), &words::yuan_or_none(row.psn_pay)));
        facts.push(pair(say!("个人账户"), &words::yuan_or_none(row.acct_pay)));
    }
    facts
}

/// `住院 11-09 → 11-18`.
pub(crate) fn title(view: &VisitView) -> String {
    let begin = words::month_day(view.begntime);
    let end = words::month_day(view.endtime);
    let dates = if end.is_empty() || end == begin { begin } else { format!("{begin} → {end}") };
    format!("{} {dates}", words::visit_type(view.med_type.as_deref()))
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Visit<'_>>();
    face.set_rows(ModelRc::from(app.visit.fees.clone()));
    face.on_open_line(app.on_with(|app, line: SharedString| {
        if let Place::Visit(visit) = app.place() {
            app.go(Place::Line(visit, line.to_string()));
        }
    }));
    face.on_fold(app.on_with(|app, row: i32| {
        app.visit.fees.fold(usize::try_from(row).unwrap_or(usize::MAX));
    }));
    face.on_choose_kind(app.on_with(|app, n: i32| choose_kind(app, n)));
    face.on_hit(app.on_with(|app, n: i32| {
        app.go(Place::Suspicion(usize::try_from(n).unwrap_or(0)));
    }));
    face.on_person(app.on(|app| {
        let person = app.visit.view.borrow().as_ref().map(|v| v.psn_no.clone());
        if let Some(person) = person {
            app.go(Place::Person(person));
        }
    }));
}

pub(crate) fn enter(app: &Rc<App>, mdtrt_id: &str) {
    if app.visit.view.borrow().as_ref().is_some_and(|v| v.mdtrt_id == mdtrt_id) {
        return;
    }
    forget(app);
    let Some(task) = app.task_id() else { return };
    let id = mdtrt_id.to_owned();
    app.ask(
        move |desk| {
            let Some(view) = desk.visit(&task, &id, "visit")? else { return Ok(None) };
            let summary = desk.fee_summary(&task, &id, &FeeFilter::default())?;
            let events = desk.visit_events(&task, &id, Page::first(EVENTS))?;
            Ok(Some((view, summary, events)))
        },
        |app, found| match found {
            Some((view, summary, events)) => draw(app, view, summary, &events),
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
    app.visit.view.borrow_mut().take();
    *app.visit.summary.borrow_mut() = FeeSummary::default();
    *app.visit.filter.borrow_mut() = FeeFilter::default();
    app.visit.kind.set(0);
    app.visit.fees.restart(&[], Marks::default());
    let face = app.window.global::<Visit<'_>>();
    face.set_tab(0);
    face.set_chart(true);
    face.set_kind(0);
    face.set_title("".into());
    face.set_note("".into());
    face.set_sum("".into());
    face.set_sum_note("".into());
    face.set_fund("".into());
    face.set_bars(ModelRc::default());
    face.set_kinds(ModelRc::default());
    face.set_events(ModelRc::default());
    face.set_hits(ModelRc::default());
    face.set_facts(ModelRc::default());
    face.set_diagnoses(ModelRc::default());
    face.set_settlements(ModelRc::default());
}

fn draw(app: &Rc<App>, view: VisitView, summary: FeeSummary, events: &[VisitEvent]) {
    let face = app.window.global::<Visit<'_>>();
    face.set_title(title(&view).into());
    let mut note = vec![mask::name(&view.psn_name)];
    note.extend(view.adm_dept_name.clone());
    note.extend(view.dscg_maindiag_name.clone());
    face.set_note(note.join(" · ").into());
    face.set_sum(words::yuan(view.fee_sum).into());
    face.set_sum_note(say!("总费用 · {} 行", words::count(view.fee_lines)).into());
    face.set_fund(words::yuan_or_none(fund_sum(&view.settlements)).into());
    face.set_bars(ModelRc::new(VecModel::from(bars(&summary.kinds))));
    let mut kinds: Vec<SharedString> = vec![say!("全部").into()];
    kinds.extend(summary.kinds.iter().map(|k| words::charge_type(k.of.as_deref()).into()));
    face.set_kinds(ModelRc::new(VecModel::from(kinds)));
    let events: Vec<EventItem> = events.iter().map(event_item).collect();
    face.set_events(ModelRc::new(VecModel::from(events)));
    face.set_facts(pairs(facts(&view)));
    face.set_diagnoses(pairs(diagnoses(&view)));
    face.set_settlements(pairs(settlements(&view)));
    let hits = suspicions::hits(app, |f| {
        f.mdtrt_id.as_ref() == Some(&view.mdtrt_id) || f.also.contains(&view.mdtrt_id)
    });
    face.set_hits(ModelRc::new(VecModel::from(hits)));
    let id = view.mdtrt_id.clone();
    *app.visit.summary.borrow_mut() = summary;
    *app.visit.view.borrow_mut() = Some(view);
    list_fees(app, &id);
}

/// Lists the days of the summary anew, the first striking one in view.
fn list_fees(app: &Rc<App>, mdtrt_id: &str) {
    app.visit.fees.restart(&app.visit.days(), suspicions::marks(app, mdtrt_id));
    let face = app.window.global::<Visit<'_>>();
    // The same place again must be scrolled to as well.
    face.set_start(0);
    face.set_start(app.visit.fees.start());
}

fn choose_kind(app: &Rc<App>, n: i32) {
    let Ok(n) = usize::try_from(n) else { return };
    let Some(id) = app.visit.view.borrow().as_ref().map(|v| v.mdtrt_id.clone()) else { return };
    let wanted = match n.checked_sub(1) {
        None => None,
        Some(place) => {
            let summary = app.visit.summary.borrow();
            let Some(kind) = summary.kinds.get(place) else { return };
            Some(kind.of.clone().unwrap_or_default())
        }
    };
    let Some(task) = app.task_id() else { return };
    let filter = FeeFilter { med_chrgitm_type: wanted };
    app.visit.kind.set(n);
    app.window.global::<Visit<'_>>().set_kind(i32::try_from(n).unwrap_or(0));
    let (asked, of) = (id.clone(), filter.clone());
    app.ask(
        move |desk| desk.fee_summary(&task, &asked, &of),
        move |app, summary| {
            let current = app.visit.view.borrow().as_ref().is_some_and(|v| v.mdtrt_id == id);
            if current && app.visit.kind.get() == n {
                // With the list that it narrows: until then lines are fetched for the one that is shown.
                *app.visit.filter.borrow_mut() = filter;
                app.visit.summary.borrow_mut().days = summary.days;
                list_fees(app, &id);
            }
        },
    );
}

fn fetch(app: &Rc<App>, revision: u64, page: u32) {
    let (Some(task), Some(view)) = (app.task_id(), app.visit.view()) else { return };
    let filter = app.visit.filter.borrow().clone();
    let offset = u64::from(page).saturating_mul(u64::from(PAGE_ROWS));
    let page_wanted = Page { offset, limit: PAGE_ROWS };
    app.ask_result(
        move |desk| desk.fee_lines(&task, &view.mdtrt_id, &filter, page_wanted),
        move |app, result| match result {
            Ok(lines) => app.visit.fees.accept(revision, page, &lines),
            Err(trouble) => {
                app.visit.fees.failed(revision, page);
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
    fn nothing_is_left_out_of_the_chart() {
        let kind = |of: &str, amount: &str| FeeShare {
            of: Some(of.to_owned()),
            lines: 1,
            amount: Amount::parse(amount).unwrap(),
            repeated: 0,
        };
        let all = [
            kind("09", "400"),
            kind("03", "300"),
            kind("05", "100"),
            kind("04", "100"),
            kind("01", "50"),
            kind("07", "30"),
            kind("08", "20"),
        ];
        let bars = bars(&all);
        assert_eq!(bars.len(), BARS);
        assert_eq!((bars[0].label.as_str(), bars[0].percent.as_str()), ("西药", "40%"));
        assert_eq!((bars[5].label.as_str(), bars[5].value.as_str()), ("其他", "50.00"));
        assert!((bars[0].share - 1.0).abs() < 0.001 && (bars[1].share - 0.75).abs() < 0.001);
    }
}
