//! One finding: what speaks for it and against it, and what the officers make of it on site.
//!
//! Three taps at most: open, verdict, reason. A verdict can be taken back for ten seconds from the toast and
//! at any time by another verdict; the journal keeps every word (rules.md, Finding).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::EvidenceView;
use spotcheck_app::findings::{FindingState, Judgement, SilencedRule, offers_silence};
use spotcheck_app::rules::{Finding, Origin};
use spotcheck_domain::CaseId;
use spotcheck_face::{NamedRow, PairItem, Suspicions};

use crate::app::{App, Place};
use crate::findings::suspicions::{self, Around, Judged, item, staff, state_words};
use crate::findings::{around, compare, finding};
use crate::language::{self, mark, say, word};
use crate::papers::draft;
use crate::words;

/// What is asked before a verdict is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Asking {
    #[default]
    Nothing,
    WhatSeen,
    WhyExcluded,
    WhichEvidence,
    WhySilenced,
}

/// What is often seen where the facts are as the rule says.
const COMMON_SEEN: [&str; 3] = [
    mark!("与病历、执行记录核对一致"),
    mark!("现场实物与明细不符"),
    mark!("当事人当场说明与此一致"),
];
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
    /// Evidence that goes along with the verdict being asked about.
    along: RefCell<Vec<String>>,
    /// The rule that is about to be silenced.
    silencing: RefCell<Option<String>>,
}

/// Evidence offered with a verdict: the newest, because it was just taken.
const OFFERED: usize = 3;

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
    face.on_silence(app.on(|app| {
        if let Some((_, finding)) = open_finding(app) {
            ask_to_silence(app, finding.rule, "");
        }
    }));
    face.on_why_given(app.on_with(|app, why: SharedString| why_given(app, why.trim())));
    face.on_why_proof(app.on_with(|app, id: SharedString| along(app, &id)));
    face.on_why_closed(app.on(close));
    face.on_why_edited(app.on(|app| {
        let words = app.window.global::<Suspicions<'_>>().get_why().to_string();
        draft::note(app, why_name(app), &[words]);
    }));
}

/// Nothing is asked any more.
pub(crate) fn close(app: &Rc<App>) {
    app.suspicions.one.asking.set(Asking::Nothing);
    let face = app.window.global::<Suspicions<'_>>();
    face.set_asking(0);
    face.set_why("".into());
    face.set_why_proofs(ModelRc::default());
    app.suspicions.one.along.borrow_mut().clear();
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

/// Who found the one on the screen.
fn origin(app: &App) -> Option<Origin> {
    app.suspicions.findings.borrow().get(app.suspicions.open.get()).map(|m| m.origin)
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
    face.set_around(ModelRc::new(VecModel::from(same(app, &finding))));
    around::offer(app, &finding);
    finding::enter(app, &key, &finding);
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
    add(say!("计算方法"), word(finding.method_words()).to_owned());
    add(say!("就诊号"), finding.mdtrt_id.clone().unwrap_or_default());
    add(say!("项目编码"), finding.code.clone().unwrap_or_default());
    add(say!("涉及的其他就诊"), finding.also.join(say!("、")));
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
    items.map(|e| proof(e, linked)).collect()
}

fn proof(e: &EvidenceView, linked: &[String]) -> NamedRow {
    NamedRow {
        id: e.id.as_str().into(),
        title: crate::evidence::capture::title(e).into(),
        note: if e.proves.is_empty() { say!("未归类").into() } else { e.proves.as_str().into() },
        state: "".into(),
        done: linked.contains(&e.id),
    }
}

/// The newest evidence that no finding speaks of yet: very likely taken for this one.
fn fresh_proof(app: &App) -> Option<String> {
    let case = app.case.borrow();
    let case = case.as_ref()?;
    let linked = |id: &String| case.findings.iter().any(|card| card.evidence.contains(id));
    case.evidence.iter().rev().map(|e| &e.id).find(|id| !linked(id)).cloned()
}

/// There is evidence that may show it; a difference found in an export has its own already.
fn asks_what_was_seen(app: &App) -> bool {
    let own = open_finding(app).is_some_and(|(_, f)| !compare::evidence(app, &f).is_empty());
    !own && fresh_proof(app).is_some()
}

/// Offers evidence to go along with a verdict; the fresh one is chosen already.
fn offer_proofs(app: &App, fresh: bool) {
    let model = &app.suspicions.one;
    if fresh {
        *model.along.borrow_mut() = fresh_proof(app).into_iter().collect();
    }
    let along = model.along.borrow().clone();
    let case = app.case.borrow();
    let items = case.iter().flat_map(|case| case.evidence.iter().rev()).take(OFFERED);
    let rows: Vec<NamedRow> = items.map(|e| proof(e, &along)).collect();
    app.window.global::<Suspicions<'_>>().set_why_proofs(ModelRc::new(VecModel::from(rows)));
}

fn along(app: &Rc<App>, id: &str) {
    {
        let mut along = app.suspicions.one.along.borrow_mut();
        match along.iter().position(|e| e == id) {
            Some(at) => {
                along.remove(at);
            }
            None => along.push(id.to_owned()),
        }
    }
    offer_proofs(app, false);
}

/// How many other findings share the rule, the item, the people or the person.
fn same(app: &App, finding: &Finding) -> Vec<NamedRow> {
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
            let count =
                suspicions::principals(&findings).filter(|m| around.holds(&m.finding)).count();
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
        // Nothing to link: nothing to ask.
        0 if !asks_what_was_seen(app) => say(app, FindingState::Confirmed, None, Vec::new()),
        0 => ask(app, Asking::WhatSeen),
        1 => ask(app, Asking::WhyExcluded),
        _ => ask(app, Asking::WhichEvidence),
    }
}

fn ask(app: &Rc<App>, asking: Asking) {
    let Some((_, finding)) = open_finding(app) else { return };
    let (number, title, whys): (i32, &str, Vec<String>) = match asking {
        Asking::Nothing => return close(app),
        Asking::WhatSeen => (4, say!("看到了什么"), COMMON_SEEN.map(shown).to_vec()),
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
    let kept = draft::of(app, why_name(app).as_ref()).and_then(|words| words.into_iter().next());
    face.set_why(kept.unwrap_or_default().into());
    face.set_why_title(title.into());
    face.set_why_optional(matches!(asking, Asking::WhichEvidence | Asking::WhatSeen));
    if asking != Asking::WhySilenced {
        offer_proofs(app, true);
    }
    face.set_asking(number);
}

/// Where the words about the open finding are kept until they are given: of this question only.
fn why_name(app: &App) -> Option<String> {
    let (key, _) = open_finding(app)?;
    let asked = app.suspicions.one.asking.get();
    draft::name(app, "why", &format!("{asked:?}/{key}"))
}

/// As the window says it; the record keeps the Chinese words ([`why_given`]).
fn shown(reason: &str) -> String {
    word(reason).to_owned()
}

fn why_given(app: &Rc<App>, why: &str) {
    let asking = app.suspicions.one.asking.get();
    let why = [&COMMON_REASONS[..], &COMMON_SEEN, &COMMON_NEEDS, &SILENCE_REASONS]
        .iter()
        .fold(why, |why, choices| language::behind(why, choices));
    let reason = (!why.is_empty()).then(|| why.to_owned());
    let along = app.suspicions.one.along.borrow().clone();
    draft::done(app, why_name(app));
    close(app);
    app.drop_keyboard();
    match asking {
        Asking::Nothing => {}
        Asking::WhatSeen => say(app, FindingState::Confirmed, reason, along),
        Asking::WhyExcluded => say(app, FindingState::Excluded, reason, along),
        Asking::WhichEvidence => say(app, FindingState::NeedsEvidence, reason, along),
        Asking::WhySilenced => {
            let rule = app.suspicions.one.silencing.borrow_mut().take();
            if let Some(rule) = rule {
                silence(app, rule, reason);
            }
        }
    }
}

/// Why a rule shall be silent, with a reason that may be there already. Asked on a page of that rule.
fn ask_to_silence(app: &Rc<App>, rule: String, reason: &str) {
    let here = open_finding(app).is_some_and(|(_, f)| f.rule == rule)
        && matches!(app.place(), Place::Suspicion(_));
    if !here {
        let of_rule = app.suspicions.findings.borrow().iter().position(|m| m.finding.rule == rule);
        match of_rule {
            Some(n) => app.go(Place::Suspicion(n)),
            None => return,
        }
    }
    *app.suspicions.one.silencing.borrow_mut() = Some(rule);
    ask(app, Asking::WhySilenced);
    app.window.global::<Suspicions<'_>>().set_why(word(reason).into());
}

/// Gives a verdict; what was said before can be brought back for ten seconds.
fn say(app: &Rc<App>, state: FindingState, reason: Option<String>, along: Vec<String>) {
    let Some((key, finding)) = open_finding(app) else { return };
    let before = Judged::of(app).card(&key).cloned();
    let evidence = before.as_ref().map(|c| c.evidence.clone());
    let mut evidence = evidence.unwrap_or_else(|| compare::evidence(app, &finding));
    for id in along {
        if !evidence.contains(&id) {
            evidence.push(id);
        }
    }
    let origin = origin(app);
    let back =
        before.map_or((FindingState::Open, None, Vec::new()), |c| (c.state, c.reason, c.evidence));
    let back = Judgement { state: back.0, reason: back.1, evidence: back.2, origin };
    let rule = finding.rule.clone();
    let why = reason.clone();
    let undone = finding.clone();
    commit(app, finding, Judgement { state, reason, evidence, origin }, move |app| {
        let words = say!("已记：{}", state_words(state));
        let cards = app.case.borrow().as_ref().map(|c| c.findings.clone()).unwrap_or_default();
        let why = why.unwrap_or_default();
        if state == FindingState::Excluded && offers_silence(&cards, &rule, &why) {
            let words = format!("{words}{}", say!("。同一理由多次，可停用这条规则"));
            let silence = move |app: &Rc<App>| ask_to_silence(app, rule, &why);
            let undo = move |app: &Rc<App>| commit(app, undone, back, |app| app.taken_back());
            return app.toast_with_undo_or(&words, undo, (say!("停用"), silence));
        }
        app.toast_with_undo(&words, move |app| commit(app, undone, back, |app| app.taken_back()));
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
    let origin = origin(app);
    commit(app, finding, Judgement { state, reason, evidence: linked, origin }, |_| {});
}

fn silence(app: &Rc<App>, rule: String, reason: Option<String>) {
    let Some(case) = app.case_id() else { return };
    app.mark(
        move |desk| {
            desk.silence_rule(&case, &rule, reason.as_deref())?;
            desk.case(&case)
        },
        |app, view| {
            app.keep_case(view);
            app.back();
            say!("这条规则在本次检查中不再提示").to_owned()
        },
        |_| {},
    );
}

/// Rules that spoke again for a moment are silent for the reasons they were silent for.
fn silence_again(app: &Rc<App>, (case, rules): (CaseId, Vec<(String, String)>)) {
    app.ask(
        move |desk| {
            for (rule, reason) in &rules {
                desk.silence_rule(&case, rule, Some(reason))?;
            }
            desk.case(&case)
        },
        |app, view| {
            app.keep_case(view);
            redraw(app);
        },
    );
}

/// All silenced rules speak again.
pub(crate) fn hear_again(app: &Rc<App>) {
    let Some(case) = app.case_id() else { return };
    let rules: Vec<(String, String)> = {
        let view = app.case.borrow();
        let silenced = view.as_ref().map(|c| c.silenced.iter());
        let pair = |s: &SilencedRule| (s.rule.clone(), s.reason.clone());
        silenced.map(|all| all.map(pair).collect()).unwrap_or_default()
    };
    let back = (case.clone(), rules.clone());
    app.ask(
        move |desk| {
            for (rule, _) in &rules {
                desk.silence_rule(&case, rule, None)?;
            }
            desk.case(&case)
        },
        move |app, view| {
            app.keep_case(view);
            suspicions::draw(app);
            app.toast_with_undo(say!("停用的规则又都提示了"), |app| {
                silence_again(app, back)
            });
        },
    );
}
