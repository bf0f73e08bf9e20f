//! The visit as its journal tells it: a band over the whole of it, and each moment in words.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::timeline::{Moment, MomentKind, Timeline as Visit};
use spotcheck_domain::time::parse_rfc3339;
use spotcheck_face::{MomentItem, SpanItem, Timeline};

use crate::app::{App, Place};
use crate::language::{mark, say, word};
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

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Timeline<'_>>();
    face.on_choose(app.on_with(|app, n: i32| {
        app.timeline.filter.set(usize::try_from(n).unwrap_or(0));
        draw(app);
    }));
    face.on_open(app.on_with(open));
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app);
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

const fn picture(kind: MomentKind) -> i32 {
    match kind {
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

/// Bars and ticks as parts of the visit, which is a minute long at least.
pub(crate) fn band(visit: &Visit) -> Vec<SpanItem> {
    let at = |wall: &str| parse_rfc3339(wall);
    let walls = visit.moments.iter().map(|m| m.wall.as_str());
    let walls = walls.chain(visit.spans.iter().flat_map(|s| [s.begun.as_str(), s.ended.as_str()]));
    let times: Vec<i64> = walls.filter_map(at).collect();
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return Vec::new();
    };
    let whole = last.saturating_sub(*first).max(60_000);
    #[allow(clippy::cast_precision_loss, reason = "a place on a screen")]
    let part = |ms: i64| ms as f32 / whole as f32;
    let place = |wall: &str| at(wall).map(|ms| part(ms.saturating_sub(*first)));
    let bars = visit.spans.iter().filter_map(|span| {
        let (from, to) = (place(&span.begun)?, place(&span.ended)?);
        Some(SpanItem { row: i32::from(span.video), from, width: (to - from).max(0.0), own: true })
    });
    let ticks = visit.moments.iter().filter_map(|moment| {
        let shown = !matches!(moment.kind, MomentKind::Sound | MomentKind::Video);
        let from = place(&moment.wall).filter(|_| shown)?;
        Some(SpanItem { row: 2, from, width: 0.0, own: true })
    });
    bars.chain(ticks).collect()
}

fn draw(app: &Rc<App>) {
    let face = app.window.global::<Timeline<'_>>();
    let visit = app.timeline.visit.borrow();
    let filter = app.timeline.filter.get();
    let names = FILTERS.iter().map(|(name, _)| SharedString::from(word(name)));
    face.set_filters(ModelRc::new(VecModel::from_iter(names)));
    face.set_filter(i32::try_from(filter).unwrap_or(0));
    let edge =
        |moment: Option<&Moment>| moment.map_or_else(String::new, |m| words::time_of_day(&m.wall));
    face.set_begun(edge(visit.moments.first()).into());
    face.set_ended(edge(visit.moments.last()).into());
    face.set_note(say!("案卷日志 {} 条", visit.entries).into());
    let chain = match (&visit.head, visit.entries) {
        (_, 0) => "",
        (Some(_), _) => say!("链条完好"),
        (None, _) => say!("链条有断裂，以核验结果为准"),
    };
    face.set_chain(chain.into());
    face.set_spans(ModelRc::new(VecModel::from(band(&visit))));
    let rows = chosen(&visit, filter).into_iter().map(|moment| MomentItem {
        time: words::time_of_day(&moment.wall).into(),
        kind: picture(moment.kind),
        title: moment.title.as_str().into(),
        note: moment.note.as_str().into(),
        evidence: moment.evidence.as_deref().unwrap_or_default().into(),
        document: moment.document.as_deref().unwrap_or_default().into(),
    });
    face.set_moments(ModelRc::new(VecModel::from_iter(rows)));
}

/// The evidence or the document that a moment is about.
fn open(app: &Rc<App>, n: i32) {
    let place = {
        let visit = app.timeline.visit.borrow();
        let rows = chosen(&visit, app.timeline.filter.get());
        let moment = usize::try_from(n).ok().and_then(|n| rows.get(n).copied().cloned());
        moment.and_then(|m| {
            m.evidence.map(Place::Describe).or_else(|| m.document.map(Place::Document))
        })
    };
    if let Some(place) = place {
        app.go(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_app::timeline::Span;

    fn moment(wall: &str, kind: MomentKind) -> Moment {
        Moment {
            seq: 1,
            wall: wall.to_owned(),
            kind,
            title: String::new(),
            note: String::new(),
            evidence: None,
            document: None,
        }
    }

    #[test]
    fn the_band_is_as_long_as_the_visit_and_shows_what_ran_when() {
        let visit = Visit {
            spans: vec![Span {
                evidence: "E1".to_owned(),
                video: true,
                begun: "2026-11-24T10:00:00+08:00".to_owned(),
                ended: "2026-11-24T10:30:00+08:00".to_owned(),
            }],
            moments: vec![
                moment("2026-11-24T09:30:00+08:00", MomentKind::Step),
                moment("2026-11-24T10:30:00+08:00", MomentKind::Photo),
            ],
            entries: 2,
            head: None,
        };
        let band = band(&visit);
        assert_eq!(band.len(), 3);
        assert!((band[0].from - 0.5).abs() < 0.001 && (band[0].width - 0.5).abs() < 0.001);
        assert_eq!((band[0].row, band[1].row), (1, 2));
        assert!((band[2].from - 1.0).abs() < 0.001);
        assert!(super::band(&Visit::default()).is_empty());
    }
}
