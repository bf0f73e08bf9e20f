//! One finding: what speaks for it and against it, and what the officers make of it on site.
//!
//! Three taps at most: open, verdict, reason. A verdict can be taken back for ten seconds from the toast and
//! at any time by another verdict; the journal keeps every word (rules.md, Finding).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::findings::{FindingState, Judgement, offers_silence};
use spotcheck_app::rules::Finding;
use spotcheck_face::{NamedRow, PairItem, Suspicions};

use crate::app::{App, Place};
use crate::language::{self, mark, say, word};
use crate::suspicions::{self, Around, Judged, item, staff, state_words};
use crate::{compare, words};

/// What is asked before a verdict is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Asking {
    #[default]
    Nothing,
    WhyExcluded,
    WhichEvidence,
    WhySilenced,
}

/// Reasons that fit many exclusions, after the finding's own doubts.
const COMMON_REASONS: [&str; 4] = [
    mark!("已核对病历，有医嘱和执行记录"),
    mark!("已退费"),
    mark!("上传数据有误，以纸质记录为准"),
    mark!("本地政策允许"),
];
/// What is usually still needed, after what the rule says to look at.
const COMMON_NEEDS: [&str; 3] =
    [mark!("调取病历原件"), mark!("询问经办医务人员"), mark!("核对设备或执行日志")];

/// Why a rule is silenced for a visit.
const SILENCE_REASONS: [&str; 3] =
    [mark!("参数与本地规定不符"), mark!("本机构不适用"), mark!("现场无法核对")];

#[derive(Default)]
pub(crate) struct Model {
    asking: Cell<Asking>,
    /// Places of the list the finding was opened from, for 下一条.
    among: RefCell<Vec<usize>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Suspicions<'_>>();
    face.on_visit(app.on(|app| {
        if let Some(visit) = open_finding(app).and_then(|(_, f)| f.mdtrt_id) {
            app.go(Place::Visit(visit));
        }
    }));
    face.on_next(app.on(|app| {
        if let Some(next) = next_place(app) {
            app.replace(Place::Suspicion(next));
        }
    }));
    face.on_judge(app.on_with(judge));
    face.on_link(app.on_with(|app, id: SharedString| link(app, &id)));
    face.on_look_around(app.on_with(|app, id: SharedString| look_around(app, &id)));
    face.on_silence(app.on(|app| ask(app, Asking::WhySilenced)));
    face.on_why_given(app.on_with(|app, why: SharedString| why_given(app, why.trim())));
    face.on_why_closed(app.on(close));
}

/// Nothing is asked any more.
pub(crate) fn close(app: &Rc<App>) {
    app.suspicions.one.asking.set(Asking::Nothing);
    let face = app.window.global::<Suspicions<'_>>();
    face.set_asking(0);
    face.set_why("".into());
}

/// Back closes the question first.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    let open = matches!(app.place(), Place::Suspicion(_))
        && app.suspicions.one.asking.get() != Asking::Nothing;
    if open {
        close(app);
    }
    open
}

/// The finding on the screen with its key.
pub(crate) fn open_finding(app: &App) -> Option<(String, Finding)> {
    let findings = app.suspicions.findings.borrow();
    findings.get(app.suspicions.open.get()).map(|m| (m.key.clone(), m.finding.clone()))
}

fn next_place(app: &App) -> Option<usize> {
    let among = app.suspicions.one.among.borrow();
    let here = among.iter().position(|n| *n == app.suspicions.open.get())?;
    among.get(here.checked_add(1)?).copied()
}

pub(crate) fn enter(app: &Rc<App>, n: usize) {
    if app.suspicions.findings.borrow().get(n).is_none() {
        return;
    }
    if app.suspicions.open.replace(n) != n || app.suspicions.one.among.borrow().is_empty() {
        close(app);
    }
    let places = app.suspicions.places(&Judged::of(app));
    let mut among = app.suspicions.one.among.borrow_mut();
    // A verdict may take the finding off a filtered list; the walk goes on along the old one.
    if places.contains(&n) || !among.contains(&n) {
        *among = places;
    }
    drop(among);
    draw(app);
}

fn draw(app: &Rc<App>) {
    let Some((key, finding)) = open_finding(app) else { return };
    let n = app.suspicions.open.get();
    let judged = Judged::of(app);
    let state = judged.state(&key);
    let face = app.window.global::<Suspicions<'_>>();
    face.set_one(item(n, &finding, state));
    let origin = app.suspicions.findings.borrow().get(n).map_or("", |m| word(m.origin.zh()));
    face.set_facts(ModelRc::new(VecModel::from(facts(&finding, origin))));
    face.set_doubts(ModelRc::new(VecModel::from(doubts(&finding))));
    let look: Vec<SharedString> = finding.look.iter().map(|l| l.as_str().into()).collect();
    face.set_look(ModelRc::new(VecModel::from(look)));
    face.set_has_visit(finding.mdtrt_id.is_some());
    let among = app.suspicions.one.among.borrow().clone();
    let place = match among.iter().position(|p| *p == n) {
        Some(at) => say!("线索 {} / {}", at.saturating_add(1), among.len()),
        None => say!("线索").to_owned(),
    };
    face.set_place(place.into());
    face.set_has_next(next_place(app).is_some());
    face.set_can_judge(app.case_id().is_some());
    face.set_verdict(match state {
        Some(FindingState::Confirmed) => 0,
        Some(FindingState::Excluded) => 1,
        Some(FindingState::NeedsEvidence) => 2,
        _ => -1,
    });
    face.set_verdict_words(state.map_or("", state_words).into());
    let card = judged.card(&key);
    let note = card.map(|c| {
        let mut note = vec![words::day_and_time(&c.judged)];
        note.extend(c.reason.clone());
        if !c.evidence.is_empty() {
            note.push(say!("证据 {}", c.evidence.join(say!("、"))));
        }
        note.join(" · ")
    });
    face.set_verdict_note(note.unwrap_or_default().into());
    let linked = card.map(|c| c.evidence.clone()).unwrap_or_default();
    face.set_proofs(ModelRc::new(VecModel::from(proofs(app, &linked))));
    face.set_around(ModelRc::new(VecModel::from(around(app, &finding))));
}

fn facts(finding: &Finding, origin: &str) -> Vec<PairItem> {
    let mut pairs = Vec::new();
    let mut add = |label: &str, value: String| {
        if !value.is_empty() {
            pairs.push(PairItem { label: label.into(), value: value.into() });
        }
    };
    add(say!("日期"), finding.date.clone().unwrap_or_default());
    add(say!("涉及金额"), finding.amount.map(words::yuan).unwrap_or_default());
    add(say!("基金"), finding.fund_amount.map(words::yuan).unwrap_or_default());
    add(say!("计算方法"), word(finding.loss_method.zh()).to_owned());
    add(say!("就诊号"), finding.mdtrt_id.clone().unwrap_or_default());
    add(
        say!("明细"),
        match finding.bkkp_sn.len() {
            0 => String::new(),
            count => say!("{} 行", count),
        },
    );
    add(say!("规则"), format!("{} · {} · {origin}", finding.rule, finding.pack));
    pairs
}

/// Causes that were looked for and not found, then those that only the place can tell.
fn doubts(finding: &Finding) -> Vec<NamedRow> {
    let row = |text: &String, state: &str, done: bool| NamedRow {
        title: text.as_str().into(),
        state: state.into(),
        done,
        ..NamedRow::default()
    };
    let tried = finding.tried.iter().map(|t| row(t, say!("已排除"), true));
    tried.chain(finding.doubt.iter().map(|d| row(d, say!("现场看"), false))).collect()
}

/// Evidence of the case, newest first, with what is linked already.
fn proofs(app: &App, linked: &[String]) -> Vec<NamedRow> {
    let case = app.case.borrow();
    let Some(case) = case.as_ref() else { return Vec::new() };
    let items = case.evidence.iter().rev();
    items
        .map(|e| NamedRow {
            id: e.id.as_str().into(),
            title: crate::capture::title(e).into(),
            note: if e.proves.is_empty() {
                say!("未归档").into()
            } else {
                e.proves.as_str().into()
            },
            state: "".into(),
            done: linked.contains(&e.id),
        })
        .collect()
}

/// How many other findings share the rule, the item, the people or the person.
fn around(app: &App, finding: &Finding) -> Vec<NamedRow> {
    let mut kinds: Vec<(String, String, Around)> = Vec::new();
    kinds.push((
        "rule".to_owned(),
        say!("同一规则").to_owned(),
        Around::Rule(finding.rule.clone()),
    ));
    if let Some(code) = &finding.code {
        kinds.push(("item".to_owned(), say!("同一项目").to_owned(), Around::Item(code.clone())));
    }
    let mut seen: Vec<&String> = Vec::new();
    for code in staff(finding) {
        if !seen.contains(&code) {
            seen.push(code);
            let text = say!("同一医师 {}", code);
            kinds.push((format!("staff:{code}"), text, Around::Staff(code.clone())));
        }
    }
    if let Some(person) = &finding.psn_no {
        kinds.push((
            "person".to_owned(),
            say!("同一患者").to_owned(),
            Around::Person(person.clone()),
        ));
    }
    let findings = app.suspicions.findings.borrow();
    kinds
        .into_iter()
        .filter_map(|(id, title, around)| {
            let count = findings.iter().filter(|m| around.holds(&m.finding)).count();
            (count > 1).then(|| NamedRow {
                id: id.into(),
                title: title.into(),
                state: say!("{} 条", count).into(),
                ..NamedRow::default()
            })
        })
        .collect()
}

fn look_around(app: &Rc<App>, id: &str) {
    let Some((_, finding)) = open_finding(app) else { return };
    let around = match id {
        "rule" => Some(Around::Rule(finding.rule)),
        "item" => finding.code.map(Around::Item),
        "person" => finding.psn_no.map(Around::Person),
        other => other.strip_prefix("staff:").map(|code| Around::Staff(code.to_owned())),
    };
    *app.suspicions.around.borrow_mut() = around;
    app.go(Place::Suspicions);
}

fn judge(app: &Rc<App>, n: i32) {
    match n {
        0 => say(app, FindingState::Confirmed, None),
        1 => ask(app, Asking::WhyExcluded),
        _ => ask(app, Asking::WhichEvidence),
    }
}

fn ask(app: &Rc<App>, asking: Asking) {
    let Some((_, finding)) = open_finding(app) else { return };
    let (number, title, whys): (i32, &str, Vec<String>) = match asking {
        Asking::Nothing => return close(app),
        Asking::WhyExcluded => {
            let own = finding.doubt.iter().chain(&finding.tried).cloned();
            (1, say!("为什么排除"), own.chain(COMMON_REASONS.map(shown)).collect())
        }
        Asking::WhichEvidence => {
            let own = finding.look.iter().cloned();
            (2, say!("还要什么证据"), own.chain(COMMON_NEEDS.map(shown)).collect())
        }
        Asking::WhySilenced => {
            (3, say!("为什么不再提示这条规则"), SILENCE_REASONS.map(shown).to_vec())
        }
    };
    app.suspicions.one.asking.set(asking);
    let face = app.window.global::<Suspicions<'_>>();
    let whys: Vec<SharedString> = whys.iter().map(|w| w.as_str().into()).collect();
    face.set_whys(ModelRc::new(VecModel::from(whys)));
    face.set_why("".into());
    face.set_why_title(title.into());
    face.set_why_optional(asking == Asking::WhichEvidence);
    face.set_asking(number);
}

/// As the window says it; the record keeps the Chinese words ([`why_given`]).
fn shown(reason: &str) -> String {
    word(reason).to_owned()
}

fn why_given(app: &Rc<App>, why: &str) {
    let asking = app.suspicions.one.asking.get();
    let why = [&COMMON_REASONS[..], &COMMON_NEEDS, &SILENCE_REASONS]
        .iter()
        .fold(why, |why, choices| language::behind(why, choices));
    let reason = (!why.is_empty()).then(|| why.to_owned());
    close(app);
    app.drop_keyboard();
    match asking {
        Asking::Nothing => {}
        Asking::WhyExcluded => say(app, FindingState::Excluded, reason),
        Asking::WhichEvidence => say(app, FindingState::NeedsEvidence, reason),
        Asking::WhySilenced => {
            let Some((_, finding)) = open_finding(app) else { return };
            silence(app, finding.rule, reason);
        }
    }
}

/// Gives a verdict; what was said before can be brought back for ten seconds.
fn say(app: &Rc<App>, state: FindingState, reason: Option<String>) {
    let Some((key, finding)) = open_finding(app) else { return };
    let before = Judged::of(app).card(&key).cloned();
    let evidence = before.as_ref().map(|c| c.evidence.clone());
    let evidence = evidence.unwrap_or_else(|| compare::evidence(app, &finding.rule));
    let back = before
        .map_or(Judgement { state: FindingState::Open, reason: None, evidence: Vec::new() }, |c| {
            Judgement { state: c.state, reason: c.reason, evidence: c.evidence }
        });
    let rule = finding.rule.clone();
    let why = reason.clone();
    let undone = finding.clone();
    commit(app, finding, Judgement { state, reason, evidence }, move |app| {
        let mut words = say!("已记：{}", state_words(state));
        let cards = app.case.borrow().as_ref().map(|c| c.findings.clone()).unwrap_or_default();
        if state == FindingState::Excluded
            && offers_silence(&cards, &rule, &why.unwrap_or_default())
        {
            words.push_str(say!("。同一理由多次，可停用这条规则"));
        }
        app.toast_with_undo(&words, move |app| commit(app, undone, back, |_| {}));
    });
}

fn commit(
    app: &Rc<App>,
    finding: Finding,
    judgement: Judgement,
    then: impl FnOnce(&Rc<App>) + Send + 'static,
) {
    let Some(case) = app.case_id() else { return };
    app.ask(
        move |desk| {
            desk.judge_finding(&case, &finding, &judgement)?;
            desk.case(&case)
        },
        move |app, view| {
            app.keep_case(view);
            redraw(app);
            then(app);
        },
    );
}

fn redraw(app: &Rc<App>) {
    match app.place() {
        Place::Suspicion(_) => draw(app),
        Place::Suspicions => suspicions::draw(app),
        _ => {}
    }
}

/// Links an evidence item to the finding, or takes the link away.
fn link(app: &Rc<App>, evidence: &str) {
    let Some((key, finding)) = open_finding(app) else { return };
    let card = Judged::of(app).card(&key).cloned();
    let (state, reason, mut linked) =
        card.map_or((FindingState::Open, None, Vec::new()), |c| (c.state, c.reason, c.evidence));
    if let Some(at) = linked.iter().position(|e| e == evidence) {
        linked.remove(at);
    } else {
        linked.push(evidence.to_owned());
    }
    commit(app, finding, Judgement { state, reason, evidence: linked }, |_| {});
}

fn silence(app: &Rc<App>, rule: String, reason: Option<String>) {
    let Some(case) = app.case_id() else { return };
    app.ask(
        move |desk| {
            desk.silence_rule(&case, &rule, reason.as_deref())?;
            desk.case(&case)
        },
        |app, view| {
            app.keep_case(view);
            app.back();
            app.toast(say!("这条规则在本次检查中不再提示"));
        },
    );
}

/// All silenced rules speak again.
pub(crate) fn hear_again(app: &Rc<App>) {
    let Some(case) = app.case_id() else { return };
    let rules: Vec<String> = {
        let view = app.case.borrow();
        let silenced = view.as_ref().map(|c| c.silenced.iter().map(|s| s.rule.clone()));
        silenced.map(Iterator::collect).unwrap_or_default()
    };
    app.ask(
        move |desk| {
            for rule in &rules {
                desk.silence_rule(&case, rule, None)?;
            }
            desk.case(&case)
        },
        |app, view| {
            app.keep_case(view);
            suspicions::draw(app);
        },
    );
}
