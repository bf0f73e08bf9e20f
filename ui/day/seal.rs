//! Completeness and seal: two officers, each with their own PIN, one after the other.

use std::cell::RefCell;
use std::rc::Rc;

use secrecy::SecretString;
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{CaseState, CaseView, SealReport};
use spotcheck_domain::OfficerId;
use spotcheck_face::{OfficerItem, PairItem, Seal, Shell};

use crate::app::{App, Place};
use crate::day::pin::{Pad, Typed};
use crate::frame::status::{pair, pairs};
use crate::frame::{recording, trouble};
use crate::language::{say, told};
use crate::papers::draft;
use crate::words;

/// Officers who must sign at least (行政处罚法 art. 42: not fewer than two).
const LEAST_SIGNERS: usize = 2;

pub(crate) struct Model {
    pin: RefCell<Pad>,
    typing: RefCell<Option<OfficerId>>,
    pins: RefCell<Vec<(OfficerId, Typed)>>,
    /// Who types the PIN of a token, too.
    tokens: RefCell<Vec<OfficerId>>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            pin: RefCell::new(Pad::new()),
            typing: RefCell::default(),
            pins: RefCell::default(),
            tokens: RefCell::default(),
        }
    }
}

/// Officers of the case; `typed` are those whose PIN is here.
pub(crate) fn officer_items(case: &CaseView, typed: &[OfficerId]) -> Vec<OfficerItem> {
    case.officers
        .iter()
        .map(|officer| {
            let done = typed.contains(&officer.id);
            let note = match (officer.has_key, done) {
                (false, _) => say!("本机没有这位的签名密钥"),
                (true, true) => say!("PIN 已输入"),
                (true, false) => say!("等本人输入 PIN"),
            };
            OfficerItem {
                id: officer.id.as_str().into(),
                name: officer.name.as_str().into(),
                note: note.into(),
                chosen: false,
                done,
                usable: officer.has_key && !done,
            }
        })
        .collect()
}

/// The big number and its two lines.
pub(crate) fn head(case: &CaseView, leaving: bool) -> (String, String, String) {
    let missing = case.missing.len();
    if missing == 0 && leaving {
        let note = say!("没有做完就离开的，写明原因再封存");
        ("0".to_owned(), say!("项要补").to_owned(), note.to_owned())
    } else if missing == 0 {
        ("0".to_owned(), say!("项要补，可以封存").to_owned(), say!("各项齐全").to_owned())
    } else {
        (
            missing.to_string(),
            say!("项要补").to_owned(),
            say!("也可现在离开：封存为“不完整”，并列出所缺").to_owned(),
        )
    }
}

/// What was sealed.
pub(crate) fn report_pairs(report: &SealReport) -> Vec<PairItem> {
    let complete = if report.missing.is_empty() {
        say!("完整").to_owned()
    } else {
        say!("不完整，列出 {} 项", report.missing.len())
    };
    vec![
        pair(say!("证据包"), report.bundle.as_str()),
        pair(say!("完整性"), &complete),
        pair(say!("内容"), &say!("{} 个文件 · {}", report.files, words::bytes(report.bytes))),
        pair(say!("摘要"), &words::head_digits(&report.tagmanifest_sha256)),
    ]
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Seal<'_>>();
    face.on_choose(app.on_with(|app, id: SharedString| {
        if let Ok(id) = OfficerId::parse(&id) {
            app.seal.pin.borrow_mut().clear();
            *app.seal.typing.borrow_mut() = Some(id);
            draw(app);
        }
    }));
    face.on_press(app.on_with(|app, key: SharedString| {
        app.seal.pin.borrow_mut().buffer().press(&key);
        dots(app);
    }));
    face.on_erase(app.on(|app| {
        app.seal.pin.borrow_mut().buffer().erase();
        dots(app);
    }));
    face.on_replace(app.on_with(|app, all: SharedString| {
        app.seal.pin.borrow_mut().buffer().replace(&all);
        dots(app);
    }));
    face.on_pin_done(app.on(pin_done));
    face.on_pin_stop(app.on(|app| {
        stop_typing(app);
        draw(app);
    }));
    face.on_seal(app.on(seal));
    face.on_reason_edited(app.on(|app| {
        let reason = app.window.global::<Seal<'_>>().get_reason().to_string();
        draft::note(app, draft::name(app, "seal", "reason"), &[reason]);
    }));
    face.on_sync(app.on(|app| {
        // Practice travels nowhere; what is left is to wipe it.
        app.replace(if app.is_practice() { Place::Finish } else { Place::Sync });
    }));
}

pub(crate) fn enter(app: &Rc<App>, leaving: bool) {
    forget(app);
    let face = app.window.global::<Seal<'_>>();
    face.set_leaving(leaving);
    let kept = draft::of(app, draft::name(app, "seal", "reason").as_ref());
    face.set_reason(kept.and_then(|words| words.into_iter().next()).unwrap_or_default().into());
    face.set_report(ModelRc::default());
    app.ask(
        |desk| desk.status(),
        |app, now| {
            use spotcheck_domain::vocabulary::KeyProtection;
            let letters = now.key_protection == KeyProtection::File;
            app.window.global::<Seal<'_>>().set_letters(letters);
            let tokens = now.officers.into_iter().filter(|card| card.token);
            *app.seal.tokens.borrow_mut() = tokens.map(|card| card.id).collect();
        },
    );
    draw(app);
    app.refresh_case(draw);
}

/// Forgets the PINs.
pub(crate) fn forget(app: &Rc<App>) {
    stop_typing(app);
    app.seal.pins.borrow_mut().clear();
}

fn stop_typing(app: &Rc<App>) {
    app.seal.pin.borrow_mut().clear();
    app.seal.typing.borrow_mut().take();
    dots(app);
}

/// Closes the PIN pad before the screen itself is left.
pub(crate) fn step_back(app: &Rc<App>) -> bool {
    if !matches!(app.place(), Place::Seal { .. }) || app.seal.typing.borrow().is_none() {
        return false;
    }
    stop_typing(app);
    draw(app);
    true
}

fn dots(app: &Rc<App>) {
    let (typed, enough) = {
        let pin = app.seal.pin.borrow();
        (pin.typed(), pin.enough())
    };
    let face = app.window.global::<Seal<'_>>();
    face.set_typed(typed);
    face.set_enough(enough);
}

fn draw(app: &Rc<App>) {
    let Some(case) = app.case.borrow().clone() else { return };
    let typed: Vec<OfficerId> =
        app.seal.pins.borrow().iter().map(|(officer, _)| officer.clone()).collect();
    let face = app.window.global::<Seal<'_>>();
    let (count, title, note) = head(&case, face.get_leaving());
    face.set_note(say!("日志头 {}", words::head_digits(&case.journal_head)).into());
    face.set_count(count.into());
    face.set_head(title.into());
    face.set_head_note(note.into());
    let missing: Vec<SharedString> = case.missing.iter().map(|m| told(m).into()).collect();
    face.set_missing(ModelRc::new(VecModel::from(missing)));
    face.set_officers(ModelRc::new(VecModel::from(officer_items(&case, &typed))));
    face.set_ready(case.state == CaseState::Open && typed.len() >= LEAST_SIGNERS);
    let typing = app.seal.typing.borrow().clone();
    let name = typing
        .as_ref()
        .and_then(|id| case.officers.iter().find(|o| &o.id == id))
        .map(|o| o.name.clone());
    face.set_typing_name(name.unwrap_or_default().into());
    face.set_hint(say!("请另一位回避").into());
    face.set_of_token(app.seal.pin.borrow().at_token());
    face.set_typing(typing.map(|id| id.to_string()).unwrap_or_default().into());
    dots(app);
}

fn pin_done(app: &Rc<App>) {
    let typing = app.seal.typing.borrow().clone();
    let Some(officer) = typing else { return };
    let token = app.seal.tokens.borrow().contains(&officer);
    let typed = app.seal.pin.borrow_mut().done(token);
    if let Some(typed) = typed {
        app.seal.pins.borrow_mut().push((officer, typed));
        stop_typing(app);
    }
    draw(app);
}

fn seal(app: &Rc<App>) {
    let Some(case) = app.case_id() else { return };
    let typed: Vec<(OfficerId, Typed)> = app.seal.pins.borrow_mut().drain(..).collect();
    let face = app.window.global::<Seal<'_>>();
    let reason = face.get_reason().trim().to_owned();
    // The case is closed with it: its name has to be known before.
    let kept = draft::name(app, "seal", "reason");
    app.window.global::<Shell<'_>>().set_busy(say!("正在封存：停录、清单、两人签名").into());
    app.ask_result(
        move |desk| {
            let reason = (!reason.is_empty()).then_some(reason.as_str());
            let pins: Vec<(OfficerId, SecretString)> = typed
                .into_iter()
                .map(|(who, typed)| (who.clone(), typed.present(desk, &who)))
                .collect();
            let report = desk.seal(&case, &pins, reason)?;
            Ok((report, desk.case(&case)?, desk.status()?))
        },
        move |app, result| {
            app.window.global::<Shell<'_>>().set_busy("".into());
            match result {
                Ok((report, case, now)) => {
                    draft::done(app, kept);
                    app.keep_case(case);
                    recording::show(app, &now);
                    draw(app);
                    let face = app.window.global::<Seal<'_>>();
                    face.set_report(pairs(report_pairs(&report)));
                    let missing: Vec<SharedString> =
                        report.missing.iter().map(|m| told(m).into()).collect();
                    face.set_missing(ModelRc::new(VecModel::from(missing)));
                    app.toast(say!("已封存"));
                }
                // A wrong PIN is not said to belong to one or the other: both type again.
                Err(trouble) => {
                    draw(app);
                    trouble::show(app, &trouble);
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::fake_desk::FakeDesk;
    use spotcheck_app::desk::Desk;

    #[test]
    fn an_officer_types_once_and_nobody_without_a_key() {
        let mut desk = FakeDesk::new();
        let task = desk.tasks().unwrap()[0].task.id.clone();
        let officer = desk.status().unwrap().officers[0].id.clone();
        desk.unlock(&officer, &SecretString::from(crate::testkit::fake_desk::FIRST_PIN)).unwrap();
        let mut case = desk.open_case(&task).unwrap();
        case.officers[1].has_key = false;
        let first = case.officers[0].id.clone();
        let items = officer_items(&case, std::slice::from_ref(&first));
        assert!(items[0].done && !items[0].usable);
        assert!(!items[1].done && !items[1].usable);
        assert_eq!(head(&case, false).0, case.missing.len().to_string());
    }
}
