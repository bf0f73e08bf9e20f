//! Filing an item: what it proves, where it comes from, who keeps it, for whom it speaks, step and finding.
//!
//! One screen. What the visit already knows is proposed: the step that runs, the finding that is open, that the photo
//! of a page is a copy which the inspected house keeps. What the party said about it has no phrases and nothing
//! proposed. A push to the right in the tray files the next item like the last one.

use std::cell::RefCell;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseView, EvidenceView, Filing, PartyWords};
use spotcheck_app::findings::FindingState;
use spotcheck_domain::vocabulary::{Direction, Originality, PartyKind};
use spotcheck_face::{Describe, NamedRow, PairItem};

use crate::app::{App, Place};
use crate::evidence::{capture, pictures};
use crate::findings::suspicion;
use crate::frame::status::{pair, pairs};
use crate::language::{mark, say, word};
use crate::papers::draft;
use crate::words;

/// For whom it speaks, in the words of the keys.
const DIRECTIONS: [(Direction, &str); 3] = [
    (Direction::Against, mark!("不利")),
    (Direction::For, mark!("有利")),
    (Direction::Neutral, mark!("中性")),
];
/// Original or copy, in the words of the keys.
const ORIGINALS: [(Originality, &str); 2] =
    [(Originality::Original, mark!("原件")), (Originality::Copy, mark!("复制件"))];

#[derive(Default)]
pub(crate) struct Model {
    item: RefCell<Option<String>>,
    /// What is chosen; the words that are typed are the face's.
    chosen: RefCell<Filing>,
    /// Who said what is entered as the party's words.
    speaker: RefCell<String>,
    /// The item that was filed last.
    last: RefCell<Option<String>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Describe<'_>>();
    face.on_save(app.on(save));
    face.on_edited(app.on(keep));
    face.on_choose_direction(app.on_with(|app, id: SharedString| {
        choose(app, |chosen| chosen.direction = Direction::parse(&id));
    }));
    face.on_choose_original(app.on_with(|app, id: SharedString| {
        choose(app, |chosen| chosen.original = Originality::parse(&id));
    }));
    face.on_choose_step(app.on_with(|app, id: SharedString| {
        choose(app, |chosen| chosen.step = named(&id));
    }));
    face.on_choose_finding(app.on_with(|app, id: SharedString| {
        choose(app, |chosen| chosen.finding = named(&id));
    }));
    face.on_choose_speaker(app.on_with(|app, id: SharedString| {
        *app.describe.speaker.borrow_mut() = id.to_string();
        choose(app, |_| {});
    }));
}

fn named(id: &str) -> Option<String> {
    (!id.is_empty()).then(|| id.to_owned())
}

fn choose(app: &Rc<App>, set: impl FnOnce(&mut Filing)) {
    set(&mut app.describe.chosen.borrow_mut());
    keep(app);
    draw(app);
}

/// Locked: nothing of it stays in memory.
pub(crate) fn forget(app: &Rc<App>) {
    app.describe.item.borrow_mut().take();
    *app.describe.chosen.borrow_mut() = Filing::default();
    app.describe.speaker.borrow_mut().clear();
    app.describe.last.borrow_mut().take();
    let face = app.window.global::<Describe<'_>>();
    for clear in [
        Describe::set_proves,
        Describe::set_source,
        Describe::set_keeper,
        Describe::set_original_place,
        Describe::set_opinion,
    ] {
        clear(&face, "".into());
    }
    face.set_parties(ModelRc::default());
    face.set_findings(ModelRc::default());
    clear_picture(app);
}

pub(crate) fn clear_picture(app: &Rc<App>) {
    let face = app.window.global::<Describe<'_>>();
    face.set_picture(slint::Image::default());
    face.set_pictured(false);
    face.set_no_picture("".into());
    face.set_large(false);
}

/// The picture of the open item, above what is said about it.
fn show_picture(app: &Rc<App>, view: &EvidenceView) {
    clear_picture(app);
    if !view.media_type.starts_with("image/") {
        return;
    }
    let face = app.window.global::<Describe<'_>>();
    face.set_no_picture(say!("正在打开照片").into());
    let id = view.id.clone();
    pictures::fetch_large(app, &view.id, move |app, picture| {
        let here = app.describe.item.borrow().as_ref() == Some(&id)
            && matches!(app.place(), Place::Describe(_));
        if !here {
            return;
        }
        let face = app.window.global::<Describe<'_>>();
        match picture {
            Some(picture) => {
                face.set_picture(picture);
                face.set_pictured(true);
                face.set_no_picture("".into());
            }
            None => face.set_no_picture(say!("照片打不开，原件仍在").into()),
        }
    });
}

/// Facts of one item, as its record keeps them.
fn facts(view: &EvidenceView) -> Vec<PairItem> {
    let mut facts = vec![pair(say!("开始"), &words::day_and_time(&view.begun))];
    if view.ended != view.begun {
        facts.push(pair(say!("结束"), &words::day_and_time(&view.ended)));
    }
    facts.push(pair(say!("大小"), &words::bytes(view.size)));
    facts.push(pair(say!("摘要"), &words::head_digits(&view.sha256)));
    if view.recovered {
        facts.push(pair(say!("说明"), say!("录制中断，之后补存")));
    }
    facts
}

/// What the visit already knows of an item that nobody has said anything about.
fn proposed(case: &CaseView, view: &EvidenceView, finding: Option<String>) -> Filing {
    let step = case.steps.iter().rev().find(|step| step.ended.is_none());
    let wanted = case.findings.iter().rev().find(|f| f.state == FindingState::NeedsEvidence);
    let house =
        case.parties.iter().find(|p| PartyKind::parse(&p.kind) == Some(PartyKind::Facility));
    let exported = !["image/", "audio/", "video/"].iter().any(|m| view.media_type.starts_with(m));
    let copy = view.page.is_some() || exported;
    Filing {
        original: Some(if copy { Originality::Copy } else { Originality::Original }),
        keeper: house.filter(|_| copy).map(|party| party.name.clone()),
        step: step.map(|step| step.id.clone()),
        finding: finding.or_else(|| wanted.map(|card| card.id.clone())),
        ..Filing::default()
    }
}

/// The card of the finding from which somebody came here.
fn finding_on_the_way(app: &App, case: &CaseView) -> Option<String> {
    let from = app.way().iter().any(|place| matches!(place, Place::Suspicion(_)));
    let (key, _) = suspicion::open_finding(app).filter(|_| from)?;
    case.findings.iter().find(|card| card.key == key).map(|card| card.id.clone())
}

pub(crate) fn enter_item(app: &Rc<App>, id: &str) {
    let case = app.case.borrow().clone();
    let Some(case) = case else { return };
    let Some(view) = case.evidence.iter().find(|e| e.id == id).cloned() else { return };
    *app.describe.item.borrow_mut() = Some(id.to_owned());
    show_picture(app, &view);
    let face = app.window.global::<Describe<'_>>();
    face.set_title(format!("{} {}", view.id, capture::kind_word(&view.media_type).1).into());
    face.set_note(words::day_and_time(&view.begun).into());
    face.set_choosing(0);
    let fresh = view.filing.is_empty() && view.proves.is_empty();
    let drafted = draft::of(app, draft_name(app).as_ref());
    let said = match drafted.as_deref().map(read) {
        Some(drafted) => drafted,
        None if fresh => proposed(&case, &view, finding_on_the_way(app, &case)),
        None => Filing { proves: view.proves.clone(), ..view.filing.clone() },
    };
    fill(app, &said);
    face.set_facts(pairs(facts(&view)));
    face.set_marks(pairs(
        view.marks.iter().map(|(ms, text)| pair(&words::short_time(*ms), text)).collect(),
    ));
}

/// Puts words and choices onto the screen.
fn fill(app: &Rc<App>, said: &Filing) {
    let face = app.window.global::<Describe<'_>>();
    let words = |words: &Option<String>| SharedString::from(words.as_deref().unwrap_or_default());
    face.set_proves(said.proves.as_str().into());
    face.set_source(said.source.as_str().into());
    face.set_keeper(words(&said.keeper));
    face.set_original_place(words(&said.original_place));
    let opinion = said.opinion.as_ref();
    face.set_opinion(opinion.map_or("", |o| o.text.as_str()).into());
    *app.describe.speaker.borrow_mut() =
        opinion.map_or_else(|| usual_speaker(app), |o| o.party.clone());
    *app.describe.chosen.borrow_mut() = said.clone();
    draw(app);
}

/// Who most likely said it: the person that was met last, else the house.
fn usual_speaker(app: &App) -> String {
    let case = app.case.borrow();
    let parties = case.as_ref().map_or(&[][..], |case| case.parties.as_slice());
    let person =
        parties.iter().rev().find(|p| PartyKind::parse(&p.kind) == Some(PartyKind::Person));
    person.or(parties.first()).map(|party| party.id.clone()).unwrap_or_default()
}

fn row(id: &str, title: &str, chosen: bool) -> NamedRow {
    NamedRow { id: id.into(), title: title.into(), done: chosen, ..NamedRow::default() }
}

/// What can be chosen, and what is.
fn draw(app: &Rc<App>) {
    let face = app.window.global::<Describe<'_>>();
    let chosen = app.describe.chosen.borrow().clone();
    let speaker = app.describe.speaker.borrow().clone();
    let case = app.case.borrow().clone();
    let Some(case) = case else { return };
    let model = |rows: Vec<NamedRow>| ModelRc::new(VecModel::from(rows));
    let direction = chosen.direction.unwrap_or(Direction::Neutral);
    let directions =
        DIRECTIONS.iter().map(|(d, name)| row(d.as_str(), word(name), *d == direction));
    face.set_directions(model(directions.collect()));
    let original = chosen.original.unwrap_or(Originality::Original);
    let originals = ORIGINALS.iter().map(|(o, name)| row(o.as_str(), word(name), *o == original));
    face.set_originals(model(originals.collect()));
    face.set_copy(original == Originality::Copy);
    let none = |chosen: &Option<String>| row("", say!("都不是"), chosen.is_none());
    let steps =
        case.steps.iter().map(|s| row(&s.id, &s.title, chosen.step.as_ref() == Some(&s.id)));
    let steps: Vec<_> = steps.chain([none(&chosen.step)]).collect();
    let findings = case.findings.iter().filter(|f| f.state != FindingState::Excluded);
    let findings = findings.map(|f| {
        row(&f.id, &format!("{} {}", f.id, f.title), chosen.finding.as_ref() == Some(&f.id))
    });
    let findings: Vec<_> = findings.chain([none(&chosen.finding)]).collect();
    let parties: Vec<_> =
        case.parties.iter().map(|p| row(&p.id, &p.name, p.id == speaker)).collect();
    let now = |rows: &[NamedRow]| {
        let row = rows.iter().find(|row| row.done).or(rows.last());
        row.map(|row| row.title.clone()).unwrap_or_default()
    };
    face.set_step(now(&steps));
    face.set_finding(now(&findings));
    face.set_speaker(now(&parties));
    face.set_has_steps(steps.len() > 1);
    face.set_has_findings(findings.len() > 1);
    face.set_steps(model(steps));
    face.set_findings(model(findings));
    face.set_parties(model(parties));
}

/// All that stands on the screen.
fn said(app: &App) -> Filing {
    let face = app.window.global::<Describe<'_>>();
    let optional = |words: SharedString| named(words.trim());
    let chosen = app.describe.chosen.borrow().clone();
    let copy = chosen.original == Some(Originality::Copy);
    let party = app.describe.speaker.borrow().clone();
    let opinion = optional(face.get_opinion()).filter(|_| !party.is_empty());
    Filing {
        proves: face.get_proves().trim().to_owned(),
        source: face.get_source().trim().to_owned(),
        keeper: optional(face.get_keeper()),
        original_place: optional(face.get_original_place()).filter(|_| copy),
        opinion: opinion.map(|text| PartyWords { party, text, at: String::new() }),
        ..chosen
    }
}

/// Where what is said about the open item is kept until it is filed.
fn draft_name(app: &App) -> Option<String> {
    let item = app.describe.item.borrow();
    item.as_ref().and_then(|item| draft::name(app, "evidence", item))
}

/// Keeps it like words that are typed.
fn keep(app: &Rc<App>) {
    let said = said(app);
    let rest = Filing { proves: String::new(), source: String::new(), ..said.clone() };
    let rest = serde_json::to_string(&rest).unwrap_or_default();
    draft::note(app, draft_name(app), &[said.proves, said.source, rest]);
}

/// The other way round; words of an earlier version have no third part.
fn read(words: &[String]) -> Filing {
    let rest = words.get(2).and_then(|json| serde_json::from_str(json).ok());
    let word = |n: usize| words.get(n).cloned().unwrap_or_default();
    Filing { proves: word(0), source: word(1), ..rest.unwrap_or_default() }
}

fn save(app: &Rc<App>) {
    let filing = said(app);
    let (Some(case), Some(item)) = (app.case_id(), app.describe.item.borrow().clone()) else {
        return;
    };
    if filing.proves.is_empty() {
        return;
    }
    let back = (Place::Describe(item.clone()), filing.clone());
    *app.describe.last.borrow_mut() = Some(item.clone());
    app.mark(
        move |desk| desk.describe_evidence(&case, &item, &filing),
        |app, ()| {
            draft::done(app, draft_name(app));
            app.back();
            say!("已归类").to_owned()
        },
        move |app| {
            // What was taken back stands there again, to be changed.
            let (place, filing) = back;
            if app.place() != place {
                app.go(place);
            }
            fill(app, &filing);
        },
    );
}

/// The item whose words the next one gets: the one filed last, else the newest that has any.
fn last_filed<'a>(app: &App, case: &'a CaseView) -> Option<&'a EvidenceView> {
    let last = app.describe.last.borrow();
    let mut filed = case.evidence.iter().rev().filter(|e| !e.proves.is_empty()).peekable();
    let newest = filed.peek().copied();
    filed.find(|e| last.as_ref() == Some(&e.id)).or(newest)
}

/// What it proves; empty where nothing is filed.
pub(crate) fn last_words(app: &App) -> String {
    let case = app.case.borrow();
    let last = case.as_ref().and_then(|case| last_filed(app, case));
    last.map(|view| view.proves.clone()).unwrap_or_default()
}

/// The filing of `last` for another item: its words, place and finding; the step that runs now; original or copy by
/// the item's own kind. What the party said about one item is not put into its mouth for another.
fn alike(case: &CaseView, last: &EvidenceView, view: &EvidenceView) -> Filing {
    let own = proposed(case, view, None);
    let same_kind = last.filing.original.is_none_or(|said| own.original == Some(said));
    Filing {
        proves: last.proves.clone(),
        direction: last.filing.direction,
        finding: last.filing.finding.clone(),
        step: own.step.or_else(|| last.filing.step.clone()),
        source: last.filing.source.clone(),
        keeper: if same_kind { last.filing.keeper.clone() } else { own.keeper },
        original_place: last.filing.original_place.clone().filter(|_| same_kind),
        original: own.original,
        opinion: None,
    }
}

/// Files an item like the last one, in one movement; ten seconds to take it back.
pub(crate) fn file_alike(app: &Rc<App>, id: &str) {
    let filing = {
        let case = app.case.borrow();
        let Some(case) = case.as_ref() else { return };
        let view = case.evidence.iter().find(|e| e.id == id && e.proves.is_empty());
        match (last_filed(app, case), view) {
            (Some(last), Some(view)) => alike(case, last, view),
            _ => return,
        }
    };
    let (Some(case), id) = (app.case_id(), id.to_owned()) else { return };
    let words = filing.proves.clone();
    *app.describe.last.borrow_mut() = Some(id.clone());
    let draft = draft::name(app, "evidence", &id);
    let title = id.clone();
    app.mark(
        move |desk| desk.describe_evidence(&case, &id, &filing),
        move |app, ()| {
            draft::done(app, draft);
            capture::redraw(app);
            say!("{} 已归类：{}", title, words)
        },
        capture::redraw,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_an_earlier_version_are_read() {
        let said = read(&["药架".to_owned(), "药库".to_owned()]);
        assert_eq!(said, Filing::new("药架", "药库"));
        let rest = Filing { keeper: Some("李四".to_owned()), ..Filing::default() };
        let rest = serde_json::to_string(&rest).unwrap();
        let said = read(&["药架".to_owned(), String::new(), rest]);
        assert_eq!((said.proves.as_str(), said.keeper.as_deref()), ("药架", Some("李四")));
    }
}
