//! One visit: what its fees consist of, the lines by day, orders and records, diagnoses, settlements.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_domain::claims::{
    EventKind, FeeFilter, FeeShare, FeeSummary, Page, VisitEvent, VisitView,
};
use spotcheck_domain::{Amount, Trouble, mask};
use spotcheck_face::{BarItem, EventItem, PairItem, Visit};

use crate::app::{App, Place};
use crate::claims::fees::{Fees, Marks};
use crate::frame::status::{pair, pairs};
use crate::frame::{left, noticed, place, trouble};
use crate::language::{say, word};
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::words;

/// Bars of the chart; what is smaller goes into 其他.
const BARS: usize = 6;

/// What the lines can be narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Narrow {
    All,
    /// One item (code, name): it was come from there.
    Item(String, String),
    /// Lines that a rule marked.
    Marked,
    /// The same item more than once a day.
    Repeated,
    /// Without an order or prescription.
    Unordered,
    /// One kind of fee.
    Kind(Option<String>),
}

impl Narrow {
    fn words(&self) -> &str {
        match self {
            Self::All => say!("全部"),
            Self::Item(_, name) => name,
            Self::Marked => say!("有线索"),
            Self::Repeated => say!("同日同项"),
            Self::Unordered => say!("无医嘱"),
            Self::Kind(kind) => words::charge_type(kind.as_deref()),
        }
    }

    fn filter(&self, marks: &Marks) -> FeeFilter {
        let any = FeeFilter::default();
        match self {
            Self::All => any,
            Self::Item(code, _) => FeeFilter { med_list_codg: Some(code.clone()), ..any },
            Self::Marked => FeeFilter { only: Some(marks.lines.keys().cloned().collect()), ..any },
            Self::Repeated => FeeFilter { repeated: true, ..any },
            Self::Unordered => FeeFilter { unordered: true, ..any },
            Self::Kind(kind) => {
                FeeFilter { med_chrgitm_type: Some(kind.clone().unwrap_or_default()), ..any }
            }
        }
    }
}

/// What the lines of a visit were narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Left {
    mdtrt_id: String,
    /// Code and name of the item that the visit was opened for.
    item: Option<(String, String)>,
    chosen: Narrow,
}

/// As they stand now.
pub(crate) fn left(app: &App) -> Option<Left> {
    let model = &app.visit;
    let mdtrt_id = model.view.borrow().as_ref().map(|view| view.mdtrt_id.clone())?;
    let chosen = model.choices.borrow().get(model.kind.get()).cloned()?;
    let left = Left { mdtrt_id, item: model.item.borrow().clone(), chosen };
    Some(left).filter(|left| left.chosen != Narrow::All)
}

/// What there is to narrow to: nothing is offered that cannot be there.
fn choices(
    item: Option<&(String, String)>,
    summary: &FeeSummary,
    marks: &Marks,
    any_order: bool,
) -> Vec<Narrow> {
    let mut all = vec![Narrow::All];
    all.extend(item.map(|(code, name)| Narrow::Item(code.clone(), name.clone())));
    if !marks.lines.is_empty() {
        all.push(Narrow::Marked);
    }
    if summary.days.iter().any(|day| day.repeated > 0) {
        all.push(Narrow::Repeated);
    }
    if any_order {
        all.push(Narrow::Unordered);
    }
    all.extend(summary.kinds.iter().map(|kind| Narrow::Kind(kind.of.clone())));
    all
}

pub(crate) struct Model {
    fees: Rc<Fees>,
    view: RefCell<Option<VisitView>>,
    summary: RefCell<FeeSummary>,
    filter: RefCell<FeeFilter>,
    choices: RefCell<Vec<Narrow>>,
    /// Which of the choices; 0 all.
    kind: Cell<usize>,
    /// The item that the next visit is opened for.
    item: RefCell<Option<(String, String)>>,
    events: Rc<PagedModel<EventItem>>,
}

impl Model {
    pub(crate) fn new(app: Weak<App>) -> Self {
        let of_events = app.clone();
        let fees = Fees::new(move |revision, page| {
            if let Some(app) = app.upgrade() {
                fetch(&app, revision, page);
            }
        });
        let placeholder = EventItem { name: "…".into(), ..EventItem::default() };
        let events = PagedModel::new(placeholder, move |revision, page| {
            if let Some(app) = of_events.upgrade() {
                fetch_events(&app, revision, page);
            }
        });
        Self {
            fees,
            view: RefCell::default(),
            summary: RefCell::default(),
            filter: RefCell::default(),
            choices: RefCell::default(),
            kind: Cell::new(0),
            item: RefCell::default(),
            events,
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

    /// What the lines are narrowed to.
    pub(crate) fn kind_words(&self) -> Option<String> {
        let chosen = self.choices.borrow().get(self.kind.get()).cloned()?;
        (chosen != Narrow::All).then(|| chosen.words().to_owned())
    }

    /// Only what was noticed is listed: by the rules, or because it stands there twice or without an order.
    pub(crate) fn lists_noticed(&self) -> bool {
        let chosen = self.choices.borrow().get(self.kind.get()).cloned();
        matches!(chosen, Some(Narrow::Marked | Narrow::Repeated | Narrow::Unordered))
    }

    /// Days of the fees as they are shown.
    pub(crate) fn days(&self) -> Vec<FeeShare> {
        self.summary.borrow().days.clone()
    }

    /// The same for the party: that an item stands twice on a day is a hint, and ours.
    pub(crate) fn days_for_party(&self) -> Vec<FeeShare> {
        self.days().into_iter().map(|day| FeeShare { repeated: 0, ..day }).collect()
    }
}

/// The fund's part of all settlements that stand.
pub(crate) fn fund_sum(view: &VisitView) -> Option<Amount> {
    view.standing().filter_map(|s| s.fund_pay_sumamt).try_fold(Amount::ZERO, Amount::checked_add)
}

/// Whether the lines add up to what was settled, to the cent, and whether they do not.
pub(crate) fn settled_words(view: &VisitView) -> (String, bool) {
    match view.beyond_settled() {
        None if view.standing().next().is_none() => {
            (say!("还没有结算，无从比对").to_owned(), false)
        }
        None => (say!("结算没有总费用，无从比对").to_owned(), false),
        Some(Amount::ZERO) => (say!("明细合计与结算一致").to_owned(), false),
        Some(more) if more > Amount::ZERO => (say!("明细合计比结算多 {}", words::yuan(more)), true),
        Some(less) => {
            let less = Amount::ZERO.checked_sub(less).unwrap_or(less);
            (say!("明细合计比结算少 {}", words::yuan(less)), true)
        }
    }
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
        result: event.result.as_deref().unwrap_or_default().into(),
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
    face.set_events(ModelRc::from(app.visit.events.clone()));
    face.on_next_day(app.on(|app| {
        if let Some(place) = app.visit.fees.next_marked() {
            scroll_to(app, place);
        }
    }));
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

/// Opens a visit with the lines of one item.
pub(crate) fn open_for(app: &Rc<App>, mdtrt_id: String, code: String, name: String) {
    forget(app);
    *app.visit.item.borrow_mut() = Some((code, name));
    app.go(Place::Visit(mdtrt_id));
}

pub(crate) fn enter(app: &Rc<App>, mdtrt_id: &str) {
    if app.visit.view.borrow().as_ref().is_some_and(|v| v.mdtrt_id == mdtrt_id) {
        return;
    }
    let mut item = app.visit.item.borrow_mut().take();
    let left = left::take(app, |left| left.visit.take());
    let left = left.filter(|left| left.mdtrt_id == mdtrt_id && item.is_none());
    if let Some(left) = &left {
        item.clone_from(&left.item);
    }
    forget(app);
    *app.visit.item.borrow_mut() = item;
    let Some(task) = app.task_id() else { return };
    let id = mdtrt_id.to_owned();
    app.ask(
        move |desk| {
            let Some(view) = desk.visit(&task, &id, "visit")? else { return Ok(None) };
            let summary = desk.fee_summary(&task, &id, &FeeFilter::default())?;
            let events = desk.visit_events(&task, &id, Page::first(PAGE_ROWS))?;
            Ok(Some((view, summary, events)))
        },
        move |app, found| match found {
            Some((view, summary, events)) => {
                draw(app, view, summary, &events);
                if let Some(left) = left {
                    let there = app.visit.choices.borrow().iter().position(|c| *c == left.chosen);
                    choose_kind(app, there.and_then(|n| i32::try_from(n).ok()).unwrap_or(0));
                }
            }
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
    app.visit.choices.borrow_mut().clear();
    app.visit.item.borrow_mut().take();
    app.visit.events.restart(Some(0));
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
    face.set_settled("".into());
    face.set_settled_off(false);
    face.set_marked_days(0);
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
    face.set_fund(words::yuan_or_none(fund_sum(&view)).into());
    let (settled, off) = settled_words(&view);
    face.set_settled(settled.into());
    face.set_settled_off(off);
    face.set_bars(ModelRc::new(VecModel::from(bars(&summary.kinds))));
    let any_order =
        events.iter().any(|e| matches!(e.kind, EventKind::Order | EventKind::Prescription));
    let item = app.visit.item.borrow().clone();
    let marks = noticed::marks(app, &view.mdtrt_id);
    let choices = choices(item.as_ref(), &summary, &marks, any_order);
    let kinds: Vec<SharedString> = choices.iter().map(|c| c.words().into()).collect();
    *app.visit.choices.borrow_mut() = choices;
    face.set_kinds(ModelRc::new(VecModel::from(kinds)));
    let revision = app.visit.events.restart(None);
    app.visit.events.accept(revision, 0, events.iter().map(event_item).collect());
    face.set_facts(pairs(facts(&view)));
    face.set_diagnoses(pairs(diagnoses(&view)));
    face.set_settlements(pairs(settlements(&view)));
    let hits = noticed::hits(app, |f| {
        f.mdtrt_id.as_ref() == Some(&view.mdtrt_id) || f.also.contains(&view.mdtrt_id)
    });
    face.set_hits(ModelRc::new(VecModel::from(hits)));
    let id = view.mdtrt_id.clone();
    *app.visit.summary.borrow_mut() = summary;
    *app.visit.view.borrow_mut() = Some(view);
    list_fees(app, &id);
    if item.is_some() {
        choose_kind(app, 1);
    }
}

/// Every line again, whatever was chosen.
pub(crate) fn list_all(app: &Rc<App>) {
    app.visit.fees.restart(&[], Marks::default());
    choose_kind(app, 0);
}

/// Lists the days of the summary anew, the first striking one in view; before the party no mark stands on them.
fn list_fees(app: &Rc<App>, mdtrt_id: &str) {
    let shown = matches!(app.place(), Place::Showing(_));
    let marks = if shown { Marks::default() } else { noticed::marks(app, mdtrt_id) };
    let days = if shown { app.visit.days_for_party() } else { app.visit.days() };
    app.visit.fees.restart(&days, marks);
    let face = app.window.global::<Visit<'_>>();
    face.set_marked_days(i32::try_from(app.visit.fees.marked_days()).unwrap_or(0));
    scroll_to(app, app.visit.fees.start());
}

fn scroll_to(app: &Rc<App>, place: i32) {
    let face = app.window.global::<Visit<'_>>();
    face.set_start(place);
    // The same place again must be scrolled to as well.
    face.set_turn(face.get_turn().wrapping_add(1));
}

fn choose_kind(app: &Rc<App>, n: i32) {
    let Ok(n) = usize::try_from(n) else { return };
    let Some(id) = app.visit.view.borrow().as_ref().map(|v| v.mdtrt_id.clone()) else { return };
    let Some(chosen) = app.visit.choices.borrow().get(n).cloned() else { return };
    let filter = chosen.filter(&noticed::marks(app, &id));
    let Some(task) = app.task_id() else { return };
    app.visit.kind.set(n);
    place::remember(app);
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

fn fetch_events(app: &Rc<App>, revision: u64, page: u32) {
    let (Some(task), Some(view)) = (app.task_id(), app.visit.view()) else { return };
    let offset = u64::from(page).saturating_mul(u64::from(PAGE_ROWS));
    let wanted = Page { offset, limit: PAGE_ROWS };
    app.ask_result(
        move |desk| desk.visit_events(&task, &view.mdtrt_id, wanted),
        move |app, result| match result {
            Ok(events) => {
                let rows = events.iter().map(event_item).collect();
                app.visit.events.accept(revision, page, rows);
            }
            Err(trouble) => {
                app.visit.events.failed(revision, page);
                trouble::show(app, &trouble);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::fake_desk::FakeDesk;
    use spotcheck_app::desk::Desk;
    use spotcheck_domain::claims::SettlementRow;

    fn settlement(id: &str, total: &str, takes_back: Option<&str>) -> SettlementRow {
        let amount = Some(Amount::parse(total).unwrap());
        SettlementRow {
            setl_id: id.to_owned(),
            setl_time: None,
            medfee_sumamt: amount,
            fund_pay_sumamt: amount,
            psn_pay: None,
            acct_pay: None,
            refd_setl_flag: takes_back.map(|_| "1".to_owned()),
            init_setl_id: takes_back.map(str::to_owned),
        }
    }

    fn visit() -> VisitView {
        let mut desk = FakeDesk::new();
        let task = desk.tasks().unwrap()[0].task.id.clone();
        desk.check_package(&task).unwrap();
        desk.visit(&task, "P-0001-V1", "test").unwrap().unwrap()
    }

    /// claims.md: what was taken back is kept and netted: neither the refund nor what it refunds counts.
    #[test]
    fn lines_are_compared_with_the_settlements_that_stand_to_the_cent() {
        let mut view = visit();
        assert_eq!(settled_words(&view), ("明细合计与结算一致".to_owned(), false));
        view.standing_sum = Amount::parse("4439.48").unwrap();
        assert_eq!(settled_words(&view), ("明细合计比结算多 ¥11.99".to_owned(), true));
        view.settlements = vec![
            settlement("S-1", "9000.00", None),
            settlement("S-2", "-9000.00", Some("S-1")),
            settlement("S-3", "4439.49", None),
        ];
        assert_eq!(settled_words(&view), ("明细合计比结算少 ¥0.01".to_owned(), true));
        assert_eq!(fund_sum(&view), Amount::parse("4439.49").ok());
        view.standing_sum = Amount::parse("4439.49").unwrap();
        assert!(!settled_words(&view).1);
        view.settlements.truncate(2);
        assert_eq!(settled_words(&view).0, "还没有结算，无从比对");
        view.settlements =
            vec![SettlementRow { medfee_sumamt: None, ..settlement("S-1", "1", None) }];
        assert_eq!(settled_words(&view).0, "结算没有总费用，无从比对");
    }

    #[test]
    fn what_cannot_be_there_is_not_offered() {
        let mut summary = FeeSummary::default();
        let mut marks = Marks::default();
        assert_eq!(choices(None, &summary, &marks, false), [Narrow::All]);
        summary.kinds.push(FeeShare { of: None, lines: 1, amount: Amount::ZERO, repeated: 0 });
        summary.days.push(FeeShare { of: None, lines: 1, amount: Amount::ZERO, repeated: 1 });
        marks.lines.insert("L1".to_owned(), 0);
        let item = ("C".to_owned(), "床位费".to_owned());
        let all = choices(Some(&item), &summary, &marks, true);
        let words: Vec<&str> = all.iter().map(Narrow::words).collect();
        assert_eq!(words[..5], ["全部", "床位费", "有线索", "同日同项", "无医嘱"]);
        assert_eq!(all[2].filter(&marks).only, Some(vec!["L1".to_owned()]));
        assert_eq!(all[5].filter(&marks).med_chrgitm_type.as_deref(), Some(""));
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
