//! One visit: package, officers, parties, steps, tools, documents.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseState, CaseView, DocumentState, EvidenceView, StepView, TaskCard};
use spotcheck_app::errand::Errand;
use spotcheck_domain::claims::FacilityView;
use spotcheck_domain::vocabulary::PartyKind;
use spotcheck_domain::{OfficerId, TaskId, mask};
use spotcheck_face::{CountItem, NamedRow, StepItem, Task};

use crate::app::{App, Place};
use crate::day::today;
use crate::evidence::opening;
use crate::findings::{indicators, suspicions};
use crate::frame::errand;
use crate::language::{mark, say, word};
use crate::papers::interview;
use crate::words;

/// Steps of a visit in their order (inspection.md), with the kind that the record keeps.
const STEPS: [(&str, &str); 7] = [
    ("arrive", mark!("到场、出示证件")),
    ("inform", mark!("告知与权利")),
    ("freeze", mark!("固定数据")),
    ("check", mark!("现场核查")),
    ("opinion", mark!("事实认定与意见")),
    ("feedback", mark!("反馈会")),
    ("return", mark!("清点退还")),
];

/// The visit's steps: 0 not begun, 1 going on, 2 done.
pub(crate) fn step_items(done: &[StepView]) -> Vec<StepItem> {
    STEPS
        .iter()
        .map(|(kind, title)| {
            let step = done.iter().rev().find(|s| s.kind == *kind);
            let (state, note) = match step {
                None => (0, say!("未开始").to_owned()),
                Some(StepView { begun, ended: None, .. }) => {
                    (1, say!("{} 开始", words::time_of_day(begun)))
                }
                Some(StepView { begun, ended: Some(ended), .. }) => {
                    (2, format!("{} – {}", words::time_of_day(begun), words::time_of_day(ended)))
                }
            };
            StepItem { kind: (*kind).into(), title: word(title).into(), note: note.into(), state }
        })
        .collect()
}

/// Officers with the moment their credential was shown.
pub(crate) fn officer_rows(case: &CaseView) -> (Vec<NamedRow>, String) {
    let rows: Vec<NamedRow> = case
        .officers
        .iter()
        .map(|officer| {
            let shown = officer.certificate_shown.as_deref();
            NamedRow {
                id: officer.id.as_str().into(),
                title: officer.name.as_str().into(),
                note: shown
                    .map_or_else(
                        || say!("证件未出示").to_owned(),
                        |time| say!("证件已出示 {}", words::time_of_day(time)),
                    )
                    .into(),
                state: "".into(),
                done: shown.is_some(),
            }
        })
        .collect();
    let shown = rows.iter().filter(|row| row.done).count();
    let note = say!("{}/{} 已出示证件", shown, rows.len());
    (rows, note)
}

/// Parties; persons are masked, organisations are not.
pub(crate) fn party_rows(case: &CaseView) -> Vec<NamedRow> {
    case.parties
        .iter()
        .map(|party| {
            let kind = PartyKind::parse(&party.kind);
            let name = if kind == Some(PartyKind::Facility) {
                party.name.clone()
            } else {
                mask::name(&party.name)
            };
            let kind = kind.map_or(party.kind.as_str(), |kind| word(kind.zh()));
            let note = party
                .post
                .as_deref()
                .filter(|post| !post.is_empty())
                .map_or_else(|| kind.to_owned(), |post| format!("{kind} · {post}"));
            NamedRow {
                id: party.id.as_str().into(),
                title: name.into(),
                note: note.into(),
                state: "".into(),
                done: false,
            }
        })
        .collect()
}

/// Documents with where they stand.
pub(crate) fn document_rows(case: &CaseView) -> Vec<NamedRow> {
    case.documents
        .iter()
        .map(|document| NamedRow {
            id: document.id.as_str().into(),
            title: document.title.as_str().into(),
            note: if document.version > 0 {
                say!("{} · 第 {} 版", document.form, document.version)
            } else {
                document.form.clone()
            }
            .into(),
            state: words::document_state(document.state).into(),
            done: matches!(document.state, DocumentState::Signed | DocumentState::Refused),
        })
        .collect()
}

/// Four numbers of the package.
pub(crate) fn counts(facility: &FacilityView) -> Vec<CountItem> {
    [
        (facility.persons, say!("参保人")),
        (facility.visits, say!("就诊")),
        (facility.settlements, say!("结算")),
        (facility.fee_lines, say!("费用明细")),
    ]
    .into_iter()
    .map(|(number, label)| CountItem { value: words::count(number).into(), label: label.into() })
    .collect()
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Task<'_>>();
    face.on_do_next(app.on(do_next));
    face.on_check_package(app.on(check_package));
    face.on_pull(app.on(|app| today::pull(app, app.task_id())));
    face.on_open_case(app.on(open_case));
    face.on_show_certificate(app.on_with(|app, id: SharedString| {
        let (Some(case), Ok(id)) = (app.case_id(), OfficerId::parse(&id)) else { return };
        app.mark(
            move |desk| {
                desk.show_certificate(&case, &id)?;
                desk.case(&case)
            },
            |app, case| {
                keep_and_draw(app, case);
                say!("已记下出示证件").to_owned()
            },
            |_| {},
        );
    }));
    face.on_step(app.on_with(|app, kind: SharedString| step(app, &kind)));
    face.on_add_party(app.on(|app| app.go(Place::Party)));
    face.on_suspect(app.on(|app| app.go(Place::Suspicions)));
    face.on_house(app.on(|app| app.go(Place::House)));
    face.on_figures(app.on(|app| app.go(Place::Indicators)));
    face.on_interview(app.on_with(|app, party: SharedString| interview::begin(app, &party)));
    face.on_inspect(app.on(|app| write(app, "W03")));
    face.on_refusal(app.on(|app| write(app, "W25")));
    face.on_document(app.on_with(|app, id: SharedString| {
        app.go(Place::Document(id.to_string()));
    }));
    face.on_seal(app.on(|app| app.go(Place::Seal { leaving: false })));
    face.on_sync(app.on(|app| app.go(Place::Sync)));
}

pub(crate) fn enter(app: &Rc<App>, id: &TaskId) {
    if app.task_id().as_ref() == Some(id) {
        draw(app);
    } else {
        app.task.borrow_mut().take();
        app.drop_case();
        draw_empty(app);
    }
    load(app, id, |app, ready| {
        draw(app);
        if ready && matches!(app.place(), Place::Task(_)) {
            suspicions::run_unasked(app);
        }
    });
}

/// Fetches a task with its facility and case and keeps them; `then` hears whether its package can be used.
pub(crate) fn load(app: &Rc<App>, id: &TaskId, then: impl FnOnce(&Rc<App>, bool) + Send + 'static) {
    let id = id.clone();
    app.ask(
        move |desk| {
            let card = desk.tasks()?.into_iter().find(|card| card.task.id == id);
            let ready =
                card.as_ref().and_then(|c| c.package.as_ref()).is_some_and(|p| p.checked.is_some());
            // Whoever has not passed the full check is not opened here.
            let facility = if ready { Some(desk.facility(&id)?) } else { None };
            let case = match card.as_ref().and_then(|c| c.case.as_ref()) {
                Some(case) => Some(desk.case(&case.id)?),
                None => None,
            };
            Ok((card, facility, case))
        },
        |app, (card, facility, case)| {
            *app.task.borrow_mut() = card;
            match case {
                Some(case) => app.keep_case(case),
                None => app.drop_case(),
            }
            let numbers = facility.as_ref().map(counts).unwrap_or_default();
            app.window.global::<Task<'_>>().set_counts(ModelRc::new(VecModel::from(numbers)));
            then(app, facility.is_some());
        },
    );
}

fn draw_empty(app: &Rc<App>) {
    let face = app.window.global::<Task<'_>>();
    face.set_facility("".into());
    face.set_note("".into());
    face.set_counts(ModelRc::default());
    face.set_has_package(false);
    face.set_case_open(false);
    face.set_sealed(false);
    face.set_goes_on(false);
}

/// Draws from what is kept.
pub(crate) fn draw(app: &Rc<App>) {
    let card = app.task.borrow().clone();
    let case = app.case.borrow().clone();
    let face = app.window.global::<Task<'_>>();
    face.set_suspicions(suspicions::count_words(app).into());
    face.set_indicators(indicators::words().into());
    if let Some(card) = &card {
        draw_task(&face, card);
    }
    face.set_case_open(case.is_some());
    if let Some(case) = &case {
        draw_case(&face, case);
    } else {
        face.set_sealed(false);
        face.set_goes_on(false);
        face.set_case_note(say!("开始检查后可以取证").into());
        face.set_tray("".into());
    }
}

fn draw_task(face: &Task<'_>, card: &TaskCard) {
    let task = &card.task;
    face.set_facility(task.facility.fixmedins_name.as_str().into());
    let number = task.document_number.as_deref().unwrap_or(&task.title);
    face.set_note(format!("{} · {number}", word(task.mode.zh())).into());
    face.set_period(say!("{} 至 {}", task.period_from, task.period_to).into());
    face.set_has_package(card.package.is_some());
    face.set_package_checked(card.package.as_ref().is_some_and(|p| p.checked.is_some()));
    face.set_package(
        say!("{} 至 {} · {}", task.period_from, task.period_to, {
            card.package
                .as_ref()
                .map_or_else(|| say!("先取回").to_owned(), |p| words::bytes(p.size))
        })
        .into(),
    );
}

/// What is to be done next: from the top of the page down, and the seal when nothing is missing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    Certificate(OfficerId),
    Opening,
    Party,
    Collect,
    Seal,
}

fn next(case: &CaseView) -> Next {
    match case.officers.iter().find(|o| o.certificate_shown.is_none()) {
        Some(officer) => Next::Certificate(officer.id.clone()),
        None if case.opening_read.is_none() => Next::Opening,
        None if case.parties.is_empty() => Next::Party,
        None if case.missing.is_empty() => Next::Seal,
        None => Next::Collect,
    }
}

impl Next {
    fn words(&self) -> &'static str {
        match self {
            Self::Certificate(_) => say!("出示证件"),
            Self::Opening => say!("去宣读开场告知"),
            Self::Party => say!("登记当事人"),
            Self::Collect => say!("去取证"),
            Self::Seal => say!("完整性与封存"),
        }
    }
}

fn do_next(app: &Rc<App>) {
    let next = app.case.borrow().as_ref().map(next);
    let shell = || app.window.global::<spotcheck_face::Shell<'_>>();
    match next {
        Some(Next::Certificate(officer)) => {
            app.window.global::<Task<'_>>().invoke_show_certificate(officer.as_str().into());
        }
        Some(Next::Opening) => app.window.global::<Task<'_>>().invoke_opening(),
        Some(Next::Party) => app.go(Place::Party),
        Some(Next::Collect) => shell().invoke_go(Place::Collect.tab()),
        Some(Next::Seal) => app.window.global::<Task<'_>>().invoke_seal(),
        None => {}
    }
}

fn draw_case(face: &Task<'_>, case: &CaseView) {
    face.set_next(next(case).words().into());
    let (officers, note) = officer_rows(case);
    face.set_sealed(case.state != CaseState::Open);
    let over = matches!(case.state, CaseState::Open | CaseState::Shredded);
    face.set_goes_on(!over);
    face.set_case_note(
        say!("{} 开始 · {}", words::day_and_time(&case.opened), words::case_state(case.state))
            .into(),
    );
    face.set_officers(ModelRc::new(VecModel::from(officers)));
    face.set_officers_note(note.into());
    face.set_opening_note(opening::note(case.opening_read.as_deref()).into());
    face.set_opening_done(case.opening_read.is_some());
    face.set_parties(ModelRc::new(VecModel::from(party_rows(case))));
    face.set_steps(ModelRc::new(VecModel::from(step_items(&case.steps))));
    face.set_documents(ModelRc::new(VecModel::from(document_rows(case))));
    let superseded = |e: &EvidenceView| e.page.as_ref().is_some_and(|p| p.superseded_by.is_some());
    let open = case.evidence.iter().filter(|e| e.proves.is_empty() && !superseded(e)).count();
    face.set_tray(say!("共 {} · 未归类 {}", case.evidence.len(), open).into());
    face.set_missing(
        match (case.state, case.missing.len()) {
            (CaseState::Open, 0) => say!("各项齐全，可以封存").to_owned(),
            (CaseState::Open, n) => say!("{} 项要补", n),
            (state, _) => words::case_state(state).to_owned(),
        }
        .into(),
    );
}

fn keep_and_draw(app: &Rc<App>, case: CaseView) {
    app.keep_case(case);
    // Opening, too, is possible from more than one place.
    app.show();
}

/// What the full check looks at.
pub(crate) const CHECKING: &str = mark!("正在核对数据包：签名、摘要、完整性、条数");

fn check_package(app: &Rc<App>) {
    let Some(task) = app.task_id() else { return };
    let errand = (Errand::Check(task), word(CHECKING).to_owned());
    errand::run(app, vec![errand], |app, home| {
        app.show();
        match home {
            Ok(_) => app.toast(say!("数据包核对无误")),
            Err(trouble) => errand::show_trouble(app, &trouble),
        }
    });
}

fn open_case(app: &Rc<App>) {
    let Some(task) = app.task_id() else { return };
    app.ask(move |desk| desk.open_case(&task), keep_and_draw);
}

fn step(app: &Rc<App>, kind: &str) {
    let Some(case) = app.case_id() else { return };
    let Some((kind, title)) = STEPS.iter().find(|(k, _)| *k == kind).copied() else { return };
    let running = app.case.borrow().as_ref().and_then(|c| {
        c.steps.iter().find(|s| s.kind == kind && s.ended.is_none()).map(|s| s.id.clone())
    });
    let begins = running.is_none();
    app.mark(
        move |desk| {
            match running {
                Some(step) => desk.end_step(&case, &step)?,
                None => {
                    desk.begin_step(&case, kind, title)?;
                }
            }
            desk.case(&case)
        },
        move |app, case| {
            keep_and_draw(app, case);
            let title = word(title);
            if begins { say!("已开始：{}", title) } else { say!("已结束：{}", title) }
        },
        |_| {},
    );
}

/// A record of this form: the draft that is there, else a new one.
fn write(app: &Rc<App>, form: &'static str) {
    let Some(case) = app.case_id() else { return };
    let there = app.case.borrow().as_ref().and_then(|c| {
        c.documents
            .iter()
            .rev()
            .find(|d| d.form == form && d.state == DocumentState::Draft)
            .map(|d| d.id.clone())
    });
    match there {
        Some(id) => app.go(Place::Document(id)),
        None => app.ask(
            move |desk| desk.new_document(&case, form, None),
            |app, document| app.go(Place::Document(document.card.id)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(kind: &str, ended: Option<&str>) -> StepView {
        StepView {
            id: "S1".to_owned(),
            kind: kind.to_owned(),
            title: String::new(),
            begun: "2026-11-24T09:02:00.000+08:00".to_owned(),
            ended: ended.map(str::to_owned),
        }
    }

    #[test]
    fn steps_are_done_going_on_or_not_begun() {
        let steps = [step("arrive", Some("2026-11-24T09:06:00.000+08:00")), step("inform", None)];
        let items = step_items(&steps);
        assert_eq!(items.iter().map(|s| s.state).collect::<Vec<_>>(), [2, 1, 0, 0, 0, 0, 0]);
        assert_eq!(items[0].note, "09:02 – 09:06");
        assert_eq!(items[1].note, "09:02 开始");
    }
}
