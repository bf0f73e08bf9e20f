//! Camera and tray.
//!
//! One tap takes a photo on any screen; the viewfinder opens afterwards, so that a blurred one is followed
//! by a better one. What it proves is said later.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle, ModelRc, SharedString, Timer, TimerMode, VecModel};
use spotcheck_app::desk::{EvidenceView, RecordingKind, RecordingView};
use spotcheck_face::{Capture, EvidenceItem};

use crate::app::{App, Place};
use crate::evidence::{cover, describe, pages, pictures};
use crate::frame::{left, place, recording};
use crate::language::say;
use crate::{images, words};

/// Time between two viewfinder pictures, in milliseconds.
const FRAME_MS: u64 = 100;

#[derive(Default)]
pub(crate) struct Model {
    frames: Timer,
    asked: Cell<bool>,
    /// Which part of the tray is shown: one of [`ALL`], [`UNFILED`], [`FOR_PARTY`].
    filter: Cell<i32>,
}

/// The whole tray.
const ALL: i32 = 0;
/// What has no words yet.
const UNFILED: i32 = 1;
/// What speaks for the party: it is looked for as well as what speaks against it.
const FOR_PARTY: i32 = 2;

/// What an item is called on the screen.
pub(crate) fn kind_word(media_type: &str) -> (&'static str, &'static str) {
    if media_type.starts_with("image/") {
        ("photo", say!("照片"))
    } else if media_type.starts_with("video/") {
        ("video", say!("录像"))
    } else if media_type.starts_with("audio/") {
        ("audio", say!("录音"))
    } else {
        ("data", say!("电子数据"))
    }
}

/// The tray: newest first, running recordings on top.
pub(crate) fn items(evidence: &[EvidenceView], running: &[RecordingView]) -> Vec<EvidenceItem> {
    let live = running.iter().map(|r| EvidenceItem {
        id: r.evidence.as_str().into(),
        title: format!(
            "{} {}",
            r.evidence,
            if r.kind == RecordingKind::Video { say!("录像") } else { say!("录音") }
        )
        .into(),
        note: say!("已存 {}", words::short_time(r.stored_ms)).into(),
        kind: if r.kind == RecordingKind::Video { "video".into() } else { "audio".into() },
        filed: false,
        live: true,
        ..EvidenceItem::default()
    });
    let kept =
        evidence.iter().rev().filter(|e| !running.iter().any(|r| r.evidence == e.id)).map(item);
    live.chain(kept).collect()
}

/// `E3 照片`.
pub(crate) fn title(view: &EvidenceView) -> String {
    format!("{} {}", view.id, kind_word(&view.media_type).1)
}

fn item(view: &EvidenceView) -> EvidenceItem {
    let (kind, _) = kind_word(&view.media_type);
    let mut note = vec![words::time_of_day(&view.begun), words::bytes(view.size)];
    if !view.marks.is_empty() {
        note.push(say!("标记 {}", view.marks.len()));
    }
    if view.recovered {
        note.push(say!("中断后补存").to_owned());
    }
    if let Some(page) = &view.page {
        note.push(match &page.superseded_by {
            Some(by) => say!("第 {} 页，已由 {} 重拍", page.n, by),
            None => say!("{} 第 {} 页", page.group, page.n),
        });
    }
    if view.filing.speaks_for_party() {
        note.push(say!("有利当事人").to_owned());
    }
    if !view.proves.is_empty() {
        note.push(view.proves.clone());
    }
    EvidenceItem {
        id: view.id.as_str().into(),
        title: title(view).into(),
        note: note.join(" · ").into(),
        kind: kind.into(),
        filed: !view.proves.is_empty()
            || view.page.as_ref().is_some_and(|page| page.superseded_by.is_some()),
        ..EvidenceItem::default()
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Capture<'_>>();
    face.on_shoot(app.on(
        |app| {
            if pages::is_on(app) { pages::shoot(app) } else { shoot(app, false) }
        },
    ));
    face.on_video(app.on(video));
    face.on_sort(app.on(|app| {
        if let Some(way) = place::to_tab(&app.way(), Place::Collect.tab()) {
            app.restart_at(&way);
        }
    }));
    face.on_open(app.on_with(|app, id: SharedString| app.go(Place::Describe(id.to_string()))));
    face.on_same(app.on_with(|app, id: SharedString| describe::file_alike(app, &id)));
    face.on_choose(app.on_with(|app, n: i32| {
        app.capture.filter.set(n);
        place::remember(app);
        draw(app);
    }));
}

/// The key in the bottom bar and the hardware key.
pub(crate) fn photo_anywhere(app: &Rc<App>) {
    let known = app.case_id().is_some() && !matches!(app.place(), Place::Unlock | Place::Capture);
    shoot(app, known);
}

fn shoot(app: &Rc<App>, then_open: bool) {
    let case = app.case_id();
    app.ask(
        move |desk| desk.capture_photo(case.as_ref()),
        move |app, photo| {
            if then_open && app.place() == Place::Opening {
                app.replace(Place::Capture);
            } else if then_open {
                app.go(Place::Capture);
            } else {
                redraw(app);
            }
            app.toast(&say!("已拍照 {} · 已加密存好", photo.id));
        },
    );
}

/// Fetches the case again for the tray, only where it is shown.
pub(crate) fn redraw(app: &Rc<App>) {
    if shows_tray(app) {
        app.refresh_case(|app| {
            draw(app);
            fetch_pictures(app);
        });
    }
}

fn shows_tray(app: &App) -> bool {
    matches!(app.place(), Place::Capture | Place::Collect)
}

fn video(app: &Rc<App>) {
    let running = app
        .recording
        .running
        .borrow()
        .iter()
        .find(|r| r.kind == RecordingKind::Video)
        .map(|r| r.evidence.clone());
    match running {
        Some(evidence) => recording::stop_one(app, evidence),
        None => recording::start(app, RecordingKind::Video),
    }
}

/// The video key says what a tap would do now; the tray shows how much is stored.
pub(crate) fn show_running(app: &Rc<App>) {
    let running = app.recording.running.borrow().iter().any(|r| r.kind == RecordingKind::Video);
    app.window.global::<Capture<'_>>().set_video_running(running);
    cover::show(app);
    if shows_tray(app) {
        draw(app);
    }
}

/// Which part of the tray is listed.
pub(crate) fn left(app: &App) -> Option<i32> {
    Some(app.capture.filter.get()).filter(|filter| *filter != ALL)
}

/// The tray as the place where evidence is collected shows it.
pub(crate) fn enter_tray(app: &Rc<App>) {
    if let Some(filter) = left::take(app, |left| left.tray.take()) {
        app.capture.filter.set(filter);
    }
    draw(app);
    redraw(app);
}

pub(crate) fn enter(app: &Rc<App>) {
    let face = app.window.global::<Capture<'_>>();
    let facility = app.task.borrow().as_ref().map(|c| c.task.facility.fixmedins_name.clone());
    face.set_place(facility.unwrap_or_default().into());
    draw(app);
    redraw(app);
    look(app);
    let weak = Rc::downgrade(app);
    app.capture.frames.start(TimerMode::Repeated, Duration::from_millis(FRAME_MS), move || {
        if let Some(app) = weak.upgrade() {
            look(&app);
        }
    });
}

/// Stops the viewfinder on every other screen.
pub(crate) fn leave(app: &Rc<App>, place: &Place) {
    if !matches!(place, Place::Describe(_)) {
        describe::clear_picture(app);
    }
    if *place != Place::Capture {
        app.capture.frames.stop();
        let face = app.window.global::<Capture<'_>>();
        face.set_has_frame(false);
        face.set_frame(slint::Image::default());
    }
}

/// One picture, never two requests at once. Decoding is the worker's.
fn look(app: &Rc<App>) {
    if app.capture.asked.get() {
        return;
    }
    app.capture.asked.set(true);
    app.ask_result(
        |desk| Ok(desk.viewfinder()?.and_then(|bytes| images::decode(&bytes))),
        |app, result| {
            app.capture.asked.set(false);
            match result {
                Ok(Some(pixels)) if app.place() == Place::Capture => {
                    let face = app.window.global::<Capture<'_>>();
                    face.set_frame(images::image(pixels));
                    face.set_has_frame(true);
                }
                Ok(_) => {}
                Err(trouble) => tracing::warn!(code = trouble.code, "No viewfinder picture."),
            }
        },
    );
}

fn draw(app: &Rc<App>) {
    let evidence = app.case.borrow().as_ref().map(|c| c.evidence.clone()).unwrap_or_default();
    let mut rows = items(&evidence, &app.recording.running.borrow());
    for row in &mut rows {
        if let Some(picture) = pictures::small(app, &row.id) {
            row.picture = picture;
            row.pictured = true;
        }
    }
    let open = rows.iter().filter(|row| !row.filed && !row.live).count();
    let face = app.window.global::<Capture<'_>>();
    face.set_tray(say!("未归类 ({})", open).into());
    face.set_open_items(i32::try_from(open).unwrap_or(i32::MAX));
    face.set_like(describe::last_words(app).into());
    face.set_all(say!("共 {}", rows.len()).into());
    let filter = app.capture.filter.get();
    let speaks = |id: &str| evidence.iter().any(|e| e.id == id && e.filing.speaks_for_party());
    rows.retain(|row| match filter {
        UNFILED => !row.filed,
        FOR_PARTY => speaks(&row.id),
        _ => true,
    });
    face.set_filter(filter);
    face.set_items(ModelRc::new(VecModel::from(rows)));
}

/// The pictures of the tray, newest first, one after another while the tray is shown.
fn fetch_pictures(app: &Rc<App>) {
    if app.place() != Place::Collect {
        return;
    }
    let case = app.case.borrow();
    let photos = case.iter().flat_map(|c| c.evidence.iter().rev());
    let photos: Vec<String> =
        photos.filter(|e| e.media_type.starts_with("image/")).map(|e| e.id.clone()).collect();
    drop(case);
    pictures::fetch_small(app, photos, draw);
}

/// Drops what was shown of evidence.
pub(crate) fn forget(app: &Rc<App>) {
    pictures::forget(app);
    app.capture.filter.set(ALL);
    app.window.global::<Capture<'_>>().set_items(ModelRc::default());
    describe::forget(app);
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_app::desk::Filing;

    fn photo(id: &str, proves: &str) -> EvidenceView {
        EvidenceView {
            id: id.to_owned(),
            path: format!("data/media/{id}.jpg"),
            media_type: "image/jpeg".to_owned(),
            begun: "2026-11-24T10:31:24.000+08:00".to_owned(),
            ended: "2026-11-24T10:31:24.000+08:00".to_owned(),
            size: 1_200_000,
            sha256: "ab".repeat(32),
            proves: proves.to_owned(),
            marks: Vec::new(),
            recovered: false,
            page: None,
            filing: Filing::default(),
        }
    }

    #[test]
    fn the_tray_is_newest_first_with_running_recordings_on_top() {
        let running = [RecordingView {
            evidence: "E3".to_owned(),
            kind: RecordingKind::Audio,
            stored_ms: 5_000,
            level: 3,
            paused: false,
            covered: false,
            lost_ms: 0,
            impaired: false,
            idle_ms: 0,
            behind_ms: 0,
            ended: false,
        }];
        let rows = items(&[photo("E1", "药架"), photo("E2", "")], &running);
        let ids: Vec<&str> = rows.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids, ["E3", "E2", "E1"]);
        assert_eq!(rows.iter().map(|r| r.filed).collect::<Vec<_>>(), [false, false, true]);
        assert!(rows[0].live);
        assert_eq!(rows[2].note, "10:31 · 1.2 MB · 药架");
        let export = EvidenceView { media_type: "text/csv".to_owned(), ..photo("E4", "") };
        assert_eq!(title(&export), "E4 电子数据");
    }
}
