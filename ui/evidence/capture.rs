//! Camera, tray, and saying what an item proves.
//!
//! One tap takes a photo on any screen; the viewfinder opens afterwards, so that a blurred one is followed
//! by a better one. What it proves is said later.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slint::{ComponentHandle, ModelRc, SharedString, Timer, TimerMode, VecModel};
use spotcheck_app::desk::{EvidenceView, RecordingKind, RecordingView};
use spotcheck_face::{Capture, Describe, EvidenceItem, PairItem};

use crate::app::{App, Place};
use crate::evidence::{cover, pages, pictures};
use crate::frame::status::{pair, pairs};
use crate::frame::{place, recording};
use crate::language::say;
use crate::papers::draft;
use crate::{images, words};

/// Time between two viewfinder pictures, in milliseconds.
const FRAME_MS: u64 = 100;

#[derive(Default)]
pub(crate) struct Model {
    frames: Timer,
    asked: Cell<bool>,
    item: RefCell<Option<String>>,
}

/// What an item is called on the screen.
fn kind_word(media_type: &str) -> (&'static str, &'static str) {
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
    let describe = app.window.global::<Describe<'_>>();
    describe.on_save(app.on(save));
    describe.on_edited(app.on(|app| {
        let face = app.window.global::<Describe<'_>>();
        let words = [face.get_proves().to_string(), face.get_source().to_string()];
        draft::note(app, draft_name(app), &words);
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

/// The tray as the place where evidence is collected shows it.
pub(crate) fn enter_tray(app: &Rc<App>) {
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
        clear_picture(app);
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
    face.set_tray(say!("未归档 {}", open).into());
    face.set_all(say!("共 {}", rows.len()).into());
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
    app.capture.item.borrow_mut().take();
    app.window.global::<Capture<'_>>().set_items(ModelRc::default());
    clear_picture(app);
}

fn clear_picture(app: &Rc<App>) {
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
        let here = app.capture.item.borrow().as_ref() == Some(&id)
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
pub(crate) fn facts(view: &EvidenceView) -> Vec<PairItem> {
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

pub(crate) fn enter_item(app: &Rc<App>, id: &str) {
    let face = app.window.global::<Describe<'_>>();
    let found =
        app.case.borrow().as_ref().and_then(|c| c.evidence.iter().find(|e| e.id == id).cloned());
    let Some(view) = found else { return };
    *app.capture.item.borrow_mut() = Some(id.to_owned());
    show_picture(app, &view);
    face.set_title(format!("{} {}", view.id, kind_word(&view.media_type).1).into());
    face.set_note(words::day_and_time(&view.begun).into());
    let mut words = draft::of(app, draft_name(app).as_ref()).unwrap_or_default().into_iter();
    face.set_proves(words.next().unwrap_or_else(|| view.proves.clone()).into());
    face.set_source(words.next().unwrap_or_default().into());
    face.set_facts(pairs(facts(&view)));
    face.set_marks(pairs(
        view.marks.iter().map(|(ms, text)| pair(&words::short_time(*ms), text)).collect(),
    ));
}

/// Where what is typed about the open item is kept until it is filed.
fn draft_name(app: &App) -> Option<String> {
    let item = app.capture.item.borrow();
    item.as_ref().and_then(|item| draft::name(app, "evidence", item))
}

fn save(app: &Rc<App>) {
    let face = app.window.global::<Describe<'_>>();
    let proves = face.get_proves().trim().to_owned();
    let source = face.get_source().trim().to_owned();
    let (Some(case), Some(item)) = (app.case_id(), app.capture.item.borrow().clone()) else {
        return;
    };
    if proves.is_empty() {
        return;
    }
    let back = (Place::Describe(item.clone()), proves.clone(), source.clone());
    app.mark(
        move |desk| desk.describe_evidence(&case, &item, &proves, &source),
        |app, ()| {
            draft::done(app, draft_name(app));
            app.back();
            say!("已归档").to_owned()
        },
        move |app| reopen(app, back),
    );
}

/// The words of what was taken back, to be changed.
fn reopen(app: &Rc<App>, (place, proves, source): (Place, String, String)) {
    if app.place() != place {
        app.go(place);
    }
    let face = app.window.global::<Describe<'_>>();
    face.set_proves(proves.into());
    face.set_source(source.into());
}

#[cfg(test)]
mod tests {
    use super::*;

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
        }
    }

    #[test]
    fn the_tray_is_newest_first_with_running_recordings_on_top() {
        let running = [RecordingView {
            evidence: "E3".to_owned(),
            kind: RecordingKind::Audio,
            stored_ms: 5_000,
            level: 3,
            covered: false,
            lost_ms: 0,
            impaired: false,
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
