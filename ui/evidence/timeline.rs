//! The visit as its journal tells it: each moment in words, and a jump to where it can be heard.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::DocumentState;
use spotcheck_app::timeline::{Moment, MomentKind, Timeline as Visit};
use spotcheck_face::{MomentItem, Timeline};

use crate::app::{App, Place};
use crate::evidence::player;
use crate::frame::{left, place};
use crate::language::{kept, mark, say, word};
use crate::words;

/// What can be chosen: its words, and the kinds that it shows (none: all).
const FILTERS: [(&str, &[MomentKind]); 6] = [
    (mark!("全部"), &[]),
    (mark!("录音录像"), &[MomentKind::Sound, MomentKind::Video]),
    (mark!("照片"), &[MomentKind::Photo]),
    (mark!("问答文书"), &[MomentKind::Talk, MomentKind::Paper]),
    (mark!("认定"), &[MomentKind::Finding]),
    (mark!("过程"), &[MomentKind::Step, MomentKind::Other]),
];

#[derive(Default)]
pub(crate) struct Model {
    visit: RefCell<Visit>,
    filter: Cell<usize>,
}

impl Model {
    pub(crate) fn visit(&self) -> Ref<'_, Visit> {
        self.visit.borrow()
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Timeline<'_>>();
    face.on_choose(app.on_with(|app, n: i32| {
        app.timeline.filter.set(usize::try_from(n).unwrap_or(0));
        place::remember(app);
        draw(app);
    }));
    face.on_open(app.on_with(open));
}

/// Which kinds are listed.
pub(crate) fn left(app: &App) -> Option<usize> {
    Some(app.timeline.filter.get()).filter(|filter| *filter > 0)
}

pub(crate) fn enter(app: &Rc<App>) {
    if let Some(filter) = left::take(app, |left| left.moments.take()) {
        app.timeline.filter.set(filter);
    }
    draw(app);
    load(app);
}

/// Fetches the visit; also for whoever hears an answer without looking at the time line.
pub(crate) fn load(app: &Rc<App>) {
    let Some(case) = app.case.borrow().as_ref().map(|case| case.id.clone()) else { return };
    app.ask(
        move |desk| desk.timeline(&case),
        |app, visit| {
            *app.timeline.visit.borrow_mut() = visit;
            draw(app);
        },
    );
}

/// Locked: nothing of the visit stays in memory.
pub(crate) fn forget(app: &App) {
    *app.timeline.visit.borrow_mut() = Visit::default();
    app.timeline.filter.set(0);
}

pub(crate) fn picture(moment: &Moment) -> i32 {
    match moment.kind {
        _ if moment.mark => 8,
        MomentKind::Paper if moment.title.contains(kept!("签字")) => 9,
        MomentKind::Paper if moment.title.starts_with(kept!("打印")) => 10,
        MomentKind::Sound => 0,
        MomentKind::Video => 1,
        MomentKind::Photo => 2,
        MomentKind::Talk => 3,
        MomentKind::Paper => 4,
        MomentKind::Finding => 5,
        MomentKind::Step => 6,
        MomentKind::Other => 7,
    }
}

fn chosen(visit: &Visit, filter: usize) -> Vec<&Moment> {
    let kinds = FILTERS.get(filter).map_or(&[][..], |(_, kinds)| kinds);
    visit.moments.iter().filter(|m| kinds.is_empty() || kinds.contains(&m.kind)).collect()
}

fn draw(app: &Rc<App>) {
    let face = app.window.global::<Timeline<'_>>();
    let visit = app.timeline.visit.borrow();
    let filter = app.timeline.filter.get();
    let names = FILTERS.iter().map(|(name, _)| SharedString::from(word(name)));
    face.set_filters(ModelRc::new(VecModel::from_iter(names)));
    face.set_filter(i32::try_from(filter).unwrap_or(0));
    face.set_note(say!("案卷日志 {} 条", visit.entries).into());
    let chain = match (&visit.head, visit.entries) {
        (_, 0) => "",
        (Some(_), _) => say!("链条完好"),
        (None, _) => say!("链条有断裂，以核验结果为准"),
    };
    face.set_chain(chain.into());
    let rows = chosen(&visit, filter).into_iter().map(|moment| MomentItem {
        time: words::time_of_day(&moment.wall).into(),
        kind: picture(moment),
        title: moment.title.as_str().into(),
        note: moment.said.as_ref().map_or(&moment.note, |(_, answer)| answer).as_str().into(),
        heard: !moment.heard.is_empty(),
        opens: moment.evidence.is_some() || moment.document.is_some(),
    });
    face.set_moments(ModelRc::new(VecModel::from_iter(rows)));
    drop(visit);
    player::draw(app);
}

/// Shows which of the rows is played.
pub(crate) fn choose(app: &App, moment: Option<&Moment>) {
    let visit = app.timeline.visit.borrow();
    let rows = chosen(&visit, app.timeline.filter.get());
    let n = moment.and_then(|moment| rows.iter().position(|row| row.seq == moment.seq));
    let n = n.and_then(|n| i32::try_from(n).ok()).unwrap_or(-1);
    drop(visit);
    app.window.global::<Timeline<'_>>().set_chosen(n);
}

/// A moment that can be heard is jumped to; any other one opens what it is about.
fn open(app: &Rc<App>, n: i32) {
    let moment = {
        let visit = app.timeline.visit.borrow();
        let rows = chosen(&visit, app.timeline.filter.get());
        usize::try_from(n).ok().and_then(|n| rows.get(n).copied().cloned())
    };
    let Some(moment) = moment else { return };
    match moment.heard.first() {
        Some((evidence, ms)) => player::hear(app, evidence, *ms),
        None => open_moment(app, &moment),
    }
}

/// The evidence or the document that a moment is about; an interview that goes on is gone back to.
pub(crate) fn open_moment(app: &Rc<App>, moment: &Moment) {
    let document = moment.document.clone().map(|id| {
        let case = app.case.borrow();
        let card = case.as_ref().and_then(|c| c.documents.iter().find(|d| d.id == id));
        let talks = card.is_some_and(|d| d.form == "W04" && d.state == DocumentState::Draft);
        if talks { Place::Interview(id) } else { Place::Document(id) }
    });
    if let Some(place) = moment.evidence.clone().map(Place::Describe).or(document) {
        app.go(place);
    }
}
