//! Listening on the time line and beside an interview: one scrubber over the visit, keys, and what happened where.
//!
//! Where it stands is asked of the desk while it plays, five times a second; leaving the visit's screens, the lock
//! and the end of the case let go of it. The axis is the visit's own time (boot time), so setting the clock moves
//! nothing on it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle, ModelRc, Timer, TimerMode, VecModel};
use spotcheck_app::playing::{PlayAct, PlayView};
use spotcheck_app::ports::Picture;
use spotcheck_app::timeline::{Moment, MomentKind, Span, Timeline as Visit};
use spotcheck_face::{Player, SpanItem, TickItem};

use crate::app::{App, Place};
use crate::evidence::timeline;
use crate::frame::trouble;
use crate::language::say;
use crate::{images, words};

/// How often a playing recording is looked at, in milliseconds.
const LOOK_MS: u64 = 200;
/// How often a video at rest is looked at after a jump.
const PATIENCE: u32 = 10;
/// What 退 15 秒 and 进 15 秒 move by.
const SKIP_MS: u64 = 15_000;
/// A mark this close behind is the present one: 上一处 goes to the one before it.
const NEAR_MS: u64 = 2_000;
/// A visit is drawn as this long at least, in milliseconds.
const LEAST_MS: u64 = 60_000;
/// Pixels across of a photo beside the track.
const THUMB: u32 = 160;

#[derive(Default)]
pub(crate) struct Model {
    view: RefCell<Option<PlayView>>,
    timer: Timer,
    asked: Cell<bool>,
    picture: Cell<u64>,
    /// Looks that a video at rest is still given: its picture comes a little later.
    looks: Cell<u32>,
    zoomed: Cell<bool>,
    /// The photo beside the track.
    thumb: RefCell<Option<String>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Player<'_>>();
    face.on_toggle(app.on(toggle));
    face.on_zoom(app.on(|app| {
        app.player.zoomed.set(!app.player.zoomed.get());
        draw(app);
    }));
    face.on_skip(app.on_with(|app, way: i32| skip(app, way > 0)));
    face.on_mark(app.on_with(|app, way: i32| next_mark(app, way > 0)));
    face.on_headphones(app.on(|app| act(app, PlayAct::Headphones)));
    face.on_close(app.on(|app| act(app, PlayAct::Close)));
    face.on_open_here(app.on(|app| {
        let here = here(app);
        if let Some(moment) = here {
            timeline::open_moment(app, &moment);
        }
    }));
    let weak = Rc::downgrade(app);
    face.on_words_at(move |part| {
        let app = weak.upgrade();
        app.map_or_else(String::new, |app| clock_words(&app, at_part(&app, part))).into()
    });
    let weak = Rc::downgrade(app);
    face.on_sought(move |part, row| {
        if let Some(app) = weak.upgrade() {
            sought(&app, at_part(&app, part), row == 1);
        }
    });
}

/// Every other screen: nothing plays behind somebody's back.
pub(crate) fn leave(app: &Rc<App>, place: &Place) {
    let hears = matches!(place, Place::Timeline | Place::Interview(_));
    if !hears && app.player.view.borrow().is_some() {
        forget(app);
        app.ask(|desk| desk.play(&PlayAct::Close), |_, _| {});
    }
}

/// Locked: nothing of it stays in memory.
pub(crate) fn forget(app: &App) {
    app.player.timer.stop();
    app.player.view.borrow_mut().take();
    app.player.thumb.borrow_mut().take();
    app.player.zoomed.set(false);
    clear(app);
}

fn clear(app: &App) {
    let face = app.window.global::<Player<'_>>();
    face.set_open(false);
    face.set_playing(false);
    face.set_hushed(false);
    face.set_has_picture(false);
    face.set_picture(slint::Image::default());
    face.set_has_here_picture(false);
    face.set_here_picture(slint::Image::default());
    app.player.picture.set(0);
}

/// Has the desk do something with the player and draws what is then.
fn act(app: &Rc<App>, act: PlayAct) {
    app.player.looks.set(PATIENCE);
    app.ask(move |desk| desk.play(&act), |app, view| keep(app, view, None));
}

/// Goes to a place of a recording and plays from there.
pub(crate) fn hear(app: &Rc<App>, evidence: &str, at_ms: u64) {
    go(app, evidence, at_ms, true);
}

fn go(app: &Rc<App>, evidence: &str, at_ms: u64, play: bool) {
    let Some(case) = app.case.borrow().as_ref().map(|case| case.id.clone()) else { return };
    let same = app.player.view.borrow().as_ref().is_some_and(|view| view.evidence == evidence);
    let evidence = evidence.to_owned();
    app.player.looks.set(PATIENCE);
    app.ask(
        move |desk| {
            let first =
                if same { PlayAct::Seek(at_ms) } else { PlayAct::Open { case, evidence, at_ms } };
            let view = desk.play(&first)?;
            if play { desk.play(&PlayAct::Play) } else { Ok(view) }
        },
        |app, view| keep(app, view, None),
    );
}

fn toggle(app: &Rc<App>) {
    let playing = app.player.view.borrow().as_ref().map(|view| view.now.playing);
    match playing {
        Some(true) => act(app, PlayAct::Pause),
        Some(false) => act(app, PlayAct::Play),
        None => {
            let first = app.timeline.visit().spans.first().map(|span| span.evidence.clone());
            if let Some(first) = first {
                hear(app, &first, 0);
            }
        }
    }
}

fn skip(app: &Rc<App>, forward: bool) {
    let now = app.player.view.borrow().as_ref().map(|view| view.now.clone());
    let Some(now) = now else { return };
    let at = if forward {
        now.position_ms.saturating_add(SKIP_MS).min(now.duration_ms)
    } else {
        now.position_ms.saturating_sub(SKIP_MS)
    };
    act(app, PlayAct::Seek(at));
}

/// Milliseconds of the visit that are played now.
fn visit_ms(app: &App) -> Option<u64> {
    let view = app.player.view.borrow();
    let view = view.as_ref()?;
    let visit = app.timeline.visit();
    let span = visit.spans.iter().find(|span| span.evidence == view.evidence)?;
    Some(span.from_ms.saturating_add(view.now.position_ms))
}

/// Something that one would look for.
const fn is_landmark(moment: &Moment) -> bool {
    moment.mark
        || matches!(
            moment.kind,
            MomentKind::Photo | MomentKind::Talk | MomentKind::Paper | MomentKind::Finding
        )
}

/// The next or the previous of `places` (milliseconds of the visit, in order) seen from `now`.
fn neighbour<T>(places: &[(u64, T)], now: u64, forward: bool) -> Option<&T> {
    let found = if forward {
        places.iter().find(|(at, _)| *at > now.saturating_add(NEAR_MS.div_euclid(4)))
    } else {
        places.iter().rev().find(|(at, _)| at.saturating_add(NEAR_MS) < now)
    };
    found.map(|(_, place)| place)
}

fn next_mark(app: &Rc<App>, forward: bool) {
    let (Some(now), Some(open)) = (visit_ms(app), open_evidence(app)) else { return };
    let target = {
        let visit = app.timeline.visit();
        let heard = visit.moments.iter().filter(|m| is_landmark(m)).filter_map(|moment| {
            let own = moment.heard.iter().find(|(evidence, _)| *evidence == open);
            let (evidence, ms) = own.or_else(|| moment.heard.first())?.clone();
            let span = visit.spans.iter().find(|span| span.evidence == evidence)?;
            Some((span.from_ms.saturating_add(ms), (evidence, ms)))
        });
        let mut places: Vec<_> = heard.collect();
        places.sort();
        neighbour(&places, now, forward).cloned()
    };
    match target {
        Some((evidence, ms)) => {
            let playing = app.player.view.borrow().as_ref().is_some_and(|v| v.now.playing);
            go(app, &evidence, ms, playing);
        }
        None => app.toast(if forward { say!("后面没有了") } else { say!("前面没有了") }),
    }
}

fn open_evidence(app: &App) -> Option<String> {
    app.player.view.borrow().as_ref().map(|view| view.evidence.clone())
}

/// From and length of the track, milliseconds of the visit.
fn track(visit: &Visit, zoomed: Option<&str>) -> (u64, u64) {
    if let Some(span) = zoomed.and_then(|id| visit.spans.iter().find(|s| s.evidence == id)) {
        return (span.from_ms, span.length_ms.max(1_000));
    }
    let ends = visit.spans.iter().map(Span::until_ms);
    let last = ends.chain(visit.moments.iter().map(|m| m.at_ms)).max().unwrap_or(0);
    (0, last.max(LEAST_MS))
}

fn shown_track(app: &App) -> (u64, u64) {
    let open = open_evidence(app).filter(|_| app.player.zoomed.get());
    track(&app.timeline.visit(), open.as_deref())
}

/// Milliseconds of the visit at a part of the track.
fn at_part(app: &App, part: f32) -> u64 {
    let (from, length) = shown_track(app);
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place under a finger, between 0 and the length of a visit"
    )]
    let into = (f64::from(part.clamp(0.0, 1.0)) * length as f64) as u64;
    from.saturating_add(into)
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a place on a screen"
)]
fn part_of(ms: u64, (from, length): (u64, u64)) -> f32 {
    (ms.saturating_sub(from) as f64 / length.max(1) as f64) as f32
}

/// The recording that a finger means: one of this row that ran there, else any that did, else the next one.
pub(crate) fn meant(visit: &Visit, at_ms: u64, video: bool) -> Option<(String, u64)> {
    let holds = |span: &&Span| span.from_ms <= at_ms && at_ms <= span.until_ms();
    let mut there: Vec<&Span> = visit.spans.iter().filter(holds).collect();
    there.sort_by_key(|span| span.video != video);
    let after = visit.spans.iter().filter(|s| s.from_ms > at_ms).min_by_key(|s| s.from_ms);
    let last = visit.spans.iter().max_by_key(|s| s.until_ms());
    let span = there.first().copied().or(after).or(last)?;
    Some((span.evidence.clone(), at_ms.saturating_sub(span.from_ms).min(span.length_ms)))
}

fn sought(app: &Rc<App>, at_ms: u64, video: bool) {
    let target = meant(&app.timeline.visit(), at_ms, video);
    let playing = app.player.view.borrow().as_ref().is_none_or(|view| view.now.playing);
    if let Some((evidence, ms)) = target {
        go(app, &evidence, ms, playing);
    }
}

/// The clock's time at a moment of the visit: the wall time of the nearest entry before it, and what passed since.
fn clock_words(app: &App, at_ms: u64) -> String {
    let visit = app.timeline.visit();
    let before = visit.moments.iter().rev().find(|m| m.at_ms <= at_ms);
    let Some(nearest) = before.or_else(|| visit.moments.first()) else { return String::new() };
    let Some(wall) = spotcheck_domain::time::parse_rfc3339(&nearest.wall) else {
        return String::new();
    };
    let (at, then) = (i64::try_from(at_ms), i64::try_from(nearest.at_ms));
    let passed = at.unwrap_or(0).saturating_sub(then.unwrap_or(0));
    let wall = spotcheck_domain::rfc3339(wall.saturating_add(passed));
    wall.get(11..19).unwrap_or_default().to_owned()
}

/// Looks at the player, only while it plays.
fn poll(app: &Rc<App>) {
    if app.player.asked.get() {
        return;
    }
    app.player.asked.set(true);
    let known = app.player.picture.get();
    app.ask_result(
        move |desk| {
            let view = desk.playing()?;
            let video = view.as_ref().is_some_and(|view| view.video);
            let picture = if video { desk.play_picture(known)? } else { None };
            Ok((view, picture))
        },
        |app, result| {
            app.player.asked.set(false);
            match result {
                Ok((view, picture)) => keep(app, view, picture),
                Err(trouble) => tracing::warn!(code = trouble.code, "No look at the player."),
            }
        },
    );
}

fn keep(app: &Rc<App>, view: Option<PlayView>, picture: Option<Picture>) {
    // Locked meanwhile: what comes late is not shown.
    if !matches!(app.place(), Place::Timeline | Place::Interview(_)) {
        return;
    }
    let before = app.player.view.replace(view);
    let face = app.window.global::<Player<'_>>();
    let now = app.player.view.borrow().clone();
    let other = before.as_ref().map(|v| &v.evidence) != now.as_ref().map(|v| &v.evidence);
    if other {
        clear(app);
    }
    if let Some(picture) = picture {
        app.player.picture.set(picture.number);
        if let Some(image) = images::of_rgb(&picture) {
            face.set_picture(image);
            face.set_has_picture(true);
        }
    }
    let Some(now) = now else {
        app.player.timer.stop();
        clear(app);
        draw(app);
        return;
    };
    let looks = app.player.looks.get();
    app.player.looks.set(looks.saturating_sub(1));
    if now.now.playing || (now.video && looks > 0) {
        let weak = Rc::downgrade(app);
        if !app.player.timer.running() {
            let look = Duration::from_millis(LOOK_MS);
            app.player.timer.start(TimerMode::Repeated, look, move || {
                if let Some(app) = weak.upgrade() {
                    poll(&app);
                }
            });
        }
    } else {
        app.player.timer.stop();
    }
    if let Some(trouble) = &now.now.trouble {
        app.player.timer.stop();
        trouble::show(app, trouble);
    }
    draw(app);
}

/// What happened last at the present place.
fn here(app: &App) -> Option<Moment> {
    let now = visit_ms(app)?;
    let visit = app.timeline.visit();
    let before =
        visit.moments.iter().filter(|m| is_landmark(m) && m.at_ms <= now.saturating_add(500));
    before.max_by_key(|m| m.at_ms).cloned()
}

/// Where recordings were paused on a track.
fn paused(visit: &Visit, track: (u64, u64)) -> Vec<SpanItem> {
    let all = visit.spans.iter().flat_map(|s| s.pauses.iter().map(move |pause| (s.video, pause)));
    let shown = all.filter(|(_, (_, until))| *until > track.0).map(|(video, (from, until))| {
        let from = if *from < track.0 { 0.0 } else { part_of(*from, track) };
        let width = (part_of(*until, track) - from).max(0.0);
        SpanItem { row: i32::from(video), from, width, own: true }
    });
    shown.filter(|pause| pause.from <= 1.0).collect()
}

/// Bars and ticks of a track.
pub(crate) fn band(visit: &Visit, track: (u64, u64)) -> (Vec<SpanItem>, Vec<TickItem>) {
    let inside = |from: f32, width: f32| from <= 1.0 && from + width >= 0.0;
    let bars = visit.spans.iter().filter_map(|span| {
        let end = part_of(span.until_ms(), track);
        let from = if span.from_ms < track.0 { 0.0 } else { part_of(span.from_ms, track) };
        let item =
            SpanItem { row: i32::from(span.video), from, width: (end - from).max(0.0), own: true };
        (inside(from, item.width) && span.until_ms() > track.0).then_some(item)
    });
    let mut ticks: Vec<TickItem> = Vec::new();
    for moment in visit.moments.iter().filter(|m| is_landmark(m)) {
        let from = part_of(moment.at_ms, track);
        // Two of a kind that would lie on each other are one.
        let near = |t: &&TickItem| t.kind == timeline::picture(moment) && from - t.from < 0.035;
        if moment.at_ms >= track.0 && from <= 1.0 && !ticks.iter().any(|t| near(&t)) {
            ticks.push(TickItem { from, kind: timeline::picture(moment) });
        }
    }
    (bars.collect(), ticks)
}

/// Everything but the pictures.
pub(crate) fn draw(app: &Rc<App>) {
    let face = app.window.global::<Player<'_>>();
    let track = shown_track(app);
    let (bars, ticks) = band(&app.timeline.visit(), track);
    face.set_there(!app.timeline.visit().spans.is_empty());
    face.set_bars(ModelRc::new(VecModel::from(bars)));
    let pauses = paused(&app.timeline.visit(), track);
    face.set_pauses(ModelRc::new(VecModel::from(pauses)));
    face.set_ticks(ModelRc::new(VecModel::from(ticks)));
    let minute = |ms| clock_words(app, ms).get(..5).unwrap_or_default().to_owned();
    face.set_begun(minute(track.0).into());
    face.set_ended(minute(track.0.saturating_add(track.1)).into());
    face.set_zoomed(app.player.zoomed.get());
    let view = app.player.view.borrow().clone();
    let now = visit_ms(app);
    face.set_open(view.is_some());
    face.set_hushed(view.as_ref().is_some_and(|view| view.hushed));
    face.set_position(now.map_or(-1.0, |now| part_of(now, track).clamp(0.0, 1.0)));
    face.set_time(now.map_or_else(String::new, |now| clock_words(app, now)).into());
    let Some(view) = view else {
        timeline::choose(app, None);
        return;
    };
    face.set_playing(view.now.playing);
    let name = if view.video { say!("录像") } else { say!("录音") };
    let (at, of) =
        (words::short_time(view.now.position_ms), words::short_time(view.now.duration_ms));
    face.set_short(format!("{at} / {of}").into());
    face.set_words(say!("{} {} · {} / {}", name, view.evidence, at, of).into());
    let broken = view.now.damaged.first().map_or_else(String::new, |(from, to)| {
        say!("{} 到 {} 读不出来，已跳过", words::short_time(*from), words::short_time(*to))
    });
    face.set_damaged(broken.into());
    show_here(app);
}

fn show_here(app: &Rc<App>) {
    let face = app.window.global::<Player<'_>>();
    let here = here(app);
    timeline::choose(app, here.as_ref());
    let photo = here.as_ref().filter(|m| m.kind == MomentKind::Photo);
    let photo = photo.and_then(|m| m.evidence.clone());
    face.set_here_kind(here.as_ref().map_or(-1, timeline::picture));
    if let Some(here) = &here {
        let said = here.said.as_ref().map(|(asked, said)| say!("问 {} 答 {}", asked, said));
        face.set_here_title(here.title.as_str().into());
        face.set_here_text(said.unwrap_or_else(|| here.note.clone()).into());
        face.set_here_opens(here.evidence.is_some() || here.document.is_some());
    }
    if *app.player.thumb.borrow() == photo {
        return;
    }
    face.set_has_here_picture(false);
    *app.player.thumb.borrow_mut() = photo.clone();
    let case = app.case.borrow().as_ref().map(|case| case.id.clone());
    let (Some(photo), Some(case)) = (photo, case) else { return };
    let wanted = photo.clone();
    app.ask_result(
        move |desk| {
            Ok(desk.photo(&case, &photo)?.and_then(|b| images::thumbnail(&b, (THUMB, u32::MAX))))
        },
        move |app, result| {
            let still = app.player.thumb.borrow().as_ref() == Some(&wanted);
            match result {
                Ok(Some(pixels)) if still => {
                    let face = app.window.global::<Player<'_>>();
                    face.set_here_picture(images::image(pixels));
                    face.set_has_here_picture(true);
                }
                Ok(_) => {}
                Err(trouble) => tracing::warn!(code = trouble.code, "No photo beside the track."),
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(evidence: &str, video: bool, from_ms: u64, length_ms: u64) -> Span {
        let evidence = evidence.to_owned();
        Span { evidence, video, from_ms, length_ms, live: false, pauses: Vec::new() }
    }

    fn visit() -> Visit {
        Visit {
            spans: vec![
                span("E1", false, 600_000, 1_800_000),
                span("E2", true, 900_000, 60_000),
                span("E3", false, 3_000_000, 600_000),
            ],
            ..Visit::default()
        }
    }

    #[test]
    fn a_finger_means_what_ran_there() {
        let visit = visit();
        let at = |ms, video| meant(&visit, ms, video).unwrap();
        assert_eq!(at(930_000, false), ("E1".to_owned(), 330_000));
        assert_eq!(at(930_000, true), ("E2".to_owned(), 30_000));
        assert_eq!(at(700_000, true), ("E1".to_owned(), 100_000), "no video there");
        assert_eq!(at(2_600_000, false), ("E3".to_owned(), 0), "nothing there: the next one");
        assert_eq!(at(9_000_000, false), ("E3".to_owned(), 600_000), "behind the last one");
        assert_eq!(meant(&Visit::default(), 5, false), None);
    }

    #[test]
    fn the_track_is_the_visit_or_one_recording() {
        let visit = visit();
        assert_eq!(track(&visit, None), (0, 3_600_000));
        assert_eq!(track(&Visit::default(), None), (0, LEAST_MS));
        let (bars, _) = band(&visit, (0, 3_600_000));
        assert_eq!(bars.len(), 3);
        assert!((bars[0].from - 1.0 / 6.0).abs() < 0.001 && (bars[0].width - 0.5).abs() < 0.001);
        assert_eq!(bars[1].row, 1);
        let near = track(&visit, Some("E2"));
        assert_eq!(near, (900_000, 60_000));
        assert_eq!(band(&visit, near).0.len(), 2, "what ran at the same time");
    }

    #[test]
    fn a_pause_stands_on_the_track_of_its_recording() {
        let mut visit = visit();
        visit.spans[0].pauses = vec![(1_200_000, 1_800_000)];
        let bands = paused(&visit, (0, 3_600_000));
        assert_eq!((bands.len(), bands[0].row), (1, 0));
        assert!((bands[0].from - 1.0 / 3.0).abs() < 0.001);
        assert!((bands[0].width - 1.0 / 6.0).abs() < 0.001);
        assert!(
            paused(&visit, (3_000_000, 600_000)).is_empty(),
            "not on another recording's track"
        );
    }

    #[test]
    fn the_mark_that_is_just_heard_is_not_the_previous_one() {
        let places = [(1_000, 'a'), (5_000, 'b'), (9_000, 'c')];
        assert_eq!(neighbour(&places, 6_000, false), Some(&'a'));
        assert_eq!(neighbour(&places, 7_500, false), Some(&'b'));
        assert_eq!(neighbour(&places, 5_100, true), Some(&'c'));
        assert_eq!(neighbour(&places, 9_000, true), None);
    }
}
