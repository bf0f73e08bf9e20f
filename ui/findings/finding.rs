//! What stands behind the finding on the screen: whose stay, who had to do with it, its lines, what it cites.
//!
//! Names of patients stay covered here; the look is an access record. Articles are for the officers: the party
//! is shown duties only ([`crate::claims::showing`]).

use std::cell::RefCell;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::findings::FindingLook;
use spotcheck_app::rules::{Finding, Merged};
use spotcheck_domain::claims::{FeeLine, VisitView};
use spotcheck_domain::{mask, reference};
use spotcheck_face::{Found, HitItem, NamedRow, PairItem};

use crate::app::{App, Place};
use crate::claims::person;
use crate::findings::{suspicion, suspicions};
use crate::frame::status::{pair, pairs};
use crate::frame::{errand, noticed};
use crate::language::{say, word};
use crate::words;

#[derive(Default)]
pub(crate) struct Model {
    /// The finding's key and what was looked up for it.
    look: RefCell<Option<(String, FindingLook)>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Found<'_>>();
    face.on_line(app.on_with(|app, line: SharedString| {
        let open = suspicion::open_finding(app);
        if let Some(visit) = open.and_then(|(_, finding)| finding.mdtrt_id) {
            app.go(Place::Line(visit, line.to_string()));
        }
    }));
    face.on_clause(app.on_with(|app, id: SharedString| app.go(Place::Entry(id.to_string()))));
    face.on_other(app.on_with(|app, n: i32| {
        app.go(Place::Suspicion(usize::try_from(n).unwrap_or(0)));
    }));
    face.on_run_rule(app.on(|app| {
        if let Some((_, finding)) = suspicion::open_finding(app) {
            run_rule(app, finding.rule);
        }
    }));
}

/// Nothing of it is left under the lock.
pub(crate) fn forget(app: &Rc<App>) {
    app.suspicions.found.look.borrow_mut().take();
    clear(app);
}

fn clear(app: &App) {
    let face = app.window.global::<Found<'_>>();
    face.set_who("".into());
    face.set_who_note("".into());
    face.set_people(ModelRc::default());
    face.set_lines(ModelRc::default());
    face.set_lines_note("".into());
    face.set_clauses(ModelRc::default());
    face.set_under(ModelRc::default());
    face.set_under_title("".into());
}

/// Looks the finding on the screen up, once.
pub(crate) fn enter(app: &Rc<App>, key: &str, finding: &Finding) {
    let known = app.suspicions.found.look.borrow().as_ref().is_some_and(|(of, _)| of == key);
    if known {
        return draw(app, finding);
    }
    app.suspicions.found.look.borrow_mut().take();
    clear(app);
    draw(app, finding);
    let Some(task) = app.task_id() else { return };
    let (key, asked) = (key.to_owned(), finding.clone());
    let finding = finding.clone();
    app.ask(
        move |desk| desk.look_finding(&task, &asked),
        move |app, look| {
            let open = suspicion::open_finding(app).is_some_and(|(now, _)| now == key);
            if open && matches!(app.place(), Place::Suspicion(_)) {
                *app.suspicions.found.look.borrow_mut() = Some((key, look));
                draw(app, &finding);
            }
        },
    );
}

fn draw(app: &App, finding: &Finding) {
    let face = app.window.global::<Found<'_>>();
    let (title, hits) = others(&app.suspicions.findings.borrow(), app.suspicions.open.get());
    face.set_under_title(title.into());
    face.set_under(ModelRc::new(VecModel::from(hits)));
    let look = app.suspicions.found.look.borrow();
    let Some((_, look)) = look.as_ref() else { return };
    let (who, note) = who(look);
    face.set_who(who.into());
    face.set_who_note(note.into());
    face.set_people(pairs(people(look)));
    face.set_lines(ModelRc::new(VecModel::from_iter(look.lines.iter().map(line))));
    let all = finding.bkkp_sn.len();
    let note = match look.lines.len() {
        shown if shown < all => say!("{} 行，先列 {} 行", all, shown),
        _ => say!("{} 行，点一行看依据", all),
    };
    face.set_lines_note(note.into());
    face.set_clauses(ModelRc::new(VecModel::from(clauses(finding, look))));
}

/// `甄*例 · 06 床 · 11-09 → 11-18`, and what kind of visit it was.
fn who(look: &FindingLook) -> (String, String) {
    if let Some(view) = &look.visit {
        return (stay(view), kind(view));
    }
    match &look.person {
        Some(view) => (mask::name(&view.psn_name), person::note(view)),
        None => (String::new(), String::new()),
    }
}

fn stay(view: &VisitView) -> String {
    let mut parts = vec![mask::name(&view.psn_name)];
    if let Some(bed) = &view.adm_bed {
        parts.push(say!("{} 床", bed.trim_end_matches('床').trim()));
    }
    let (begin, end) = (words::month_day(view.begntime), words::month_day(view.endtime));
    parts.push(if end.is_empty() || end == begin { begin } else { format!("{begin} → {end}") });
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

fn kind(view: &VisitView) -> String {
    let mut parts = vec![words::visit_type(view.med_type.as_deref())];
    parts.extend(view.adm_dept_name.clone());
    parts.extend(view.dscg_maindiag_name.clone());
    parts.join(" · ")
}

/// Who ordered, carried out, billed and answers for it, by name.
fn people(look: &FindingLook) -> Vec<PairItem> {
    look.people
        .iter()
        .map(|(capacity, code, name)| {
            let capacity = match capacity.as_str() {
                "ordering" => say!("开单"),
                "executing" => say!("执行"),
                "billing" => say!("计费"),
                _ => say!("主管"),
            };
            pair(capacity, &format!("{} · {code}", word(name)))
        })
        .collect()
}

fn line(line: &FeeLine) -> NamedRow {
    let name = line.medins_list_name.as_deref().or(line.hilist_name.as_deref());
    let mut note = vec![words::month_day(line.fee_ocur_time)];
    note.push(format!("{} × {}", words::plain(line.cnt), words::plain(line.pric)));
    note.extend(line.bilg_dept_name.clone());
    note.extend(line.bilg_dr_name.clone());
    NamedRow {
        id: line.bkkp_sn.as_str().into(),
        title: name.unwrap_or(say!("名称未上传")).into(),
        note: note.join(" · ").into(),
        state: words::yuan_or_none(line.det_item_fee_sumamt).into(),
        done: false,
    }
}

/// The articles in force; where the reference data has none, what the rule names.
fn clauses(finding: &Finding, look: &FindingLook) -> Vec<NamedRow> {
    if look.clauses.is_empty() {
        let named = finding.clause.iter().filter_map(|text| reference::clause(text));
        return named
            .map(|(title, article)| NamedRow {
                title: format!("{article} {title}").into(),
                ..NamedRow::default()
            })
            .collect();
    }
    let row = |hit: &reference::ReferenceHit| NamedRow {
        id: hit.id.as_str().into(),
        title: match &hit.article {
            Some(article) => format!("{article} {}", hit.title),
            None => hit.title.clone(),
        }
        .into(),
        ..NamedRow::default()
    };
    look.clauses.iter().map(row).collect()
}

/// One fee line has one principal finding, others under it (rules.md): those under a principal one, or the one
/// that a secondary one stands under.
fn others(findings: &[Merged], open: usize) -> (&'static str, Vec<HitItem>) {
    let Some(here) = findings.get(open).map(|m| &m.finding) else { return ("", Vec::new()) };
    let same_line = |f: &Finding| f.bkkp_sn.iter().any(|line| here.bkkp_sn.contains(line));
    let whole = |f: &Finding| f.bkkp_sn.is_empty() || here.bkkp_sn.is_empty();
    let hits = findings
        .iter()
        .enumerate()
        .filter(|(n, m)| {
            let f = &m.finding;
            *n != open
                && here.mdtrt_id.is_some()
                && f.mdtrt_id == here.mdtrt_id
                && f.principal != here.principal
                && (same_line(f) || whole(f))
        })
        .map(|(n, m)| noticed::hit(n, &m.finding))
        .collect();
    let title =
        if here.principal { say!("同一明细还涉及") } else { say!("这条列在它之下") };
    (title, hits)
}

/// One chosen rule over the whole package, at once; what it finds takes the place of what it found before.
pub(crate) fn run_rule(app: &Rc<App>, rule: String) {
    let Some(task) = app.task_id() else { return };
    let words = say!("正在只按 {} 核对", rule);
    let work = vec![(Errand::Audit(task.clone(), Some(vec![rule.clone()])), words)];
    errand::run(app, work, move |app, home| match home {
        Ok(Some(Home::Audited(outcome))) if app.task_id().as_ref() == Some(&task) => {
            let found = outcome.findings.iter().filter(|f| f.rule == rule).count();
            let silent: u64 =
                outcome.silences.iter().filter(|s| s.rule == rule).map(|s| s.count).sum();
            suspicions::keep_rule(app, &rule, *outcome);
            let said = match silent {
                0 => say!("{} 核对完：{} 条", rule, found),
                silent => say!("{} 核对完：{} 条，{} 处未判断", rule, found, silent),
            };
            app.toast(&said);
        }
        Ok(_) => {}
        Err(trouble) => errand::show_trouble(app, &trouble),
    });
}
