//! Unlock: who, PIN, and the first sentence about what is safe.

use std::cell::RefCell;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{OfficerCard, Status};
use spotcheck_domain::OfficerId;
use spotcheck_domain::time::beijing_date;
use spotcheck_domain::vocabulary::KeyProtection;
use spotcheck_face::{OfficerItem, Shell, Unlock};

use crate::app::{App, Place};
use crate::day::pin::Pad;
use crate::frame::{place, recording, settings, status, trouble, typing};
use crate::language::{say, told, word};
use crate::papers::draft;

pub(crate) struct Model {
    pin: RefCell<Pad>,
    officers: RefCell<Vec<OfficerCard>>,
    chosen: RefCell<Option<OfficerId>>,
    /// What was safe at the start; shown again on the first screen after unlocking.
    pub(crate) safe: RefCell<String>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            pin: RefCell::new(Pad::new()),
            officers: RefCell::default(),
            chosen: RefCell::default(),
            safe: RefCell::default(),
        }
    }
}

/// The officers as cards; the chosen one carries the tick.
pub(crate) fn officer_items(
    officers: &[OfficerCard],
    chosen: Option<&OfficerId>,
    today: &str,
) -> Vec<OfficerItem> {
    officers
        .iter()
        .map(|officer| OfficerItem {
            id: officer.id.as_str().into(),
            name: officer.name.as_str().into(),
            note: if officer.certificate_until.as_str() < today {
                say!("证书已于 {} 到期", officer.certificate_until).into()
            } else {
                say!("证书至 {}", officer.certificate_until).into()
            },
            chosen: chosen == Some(&officer.id),
            done: false,
            usable: true,
        })
        .collect()
}

/// One line about the device under the product's name.
pub(crate) fn device_line(now: &Status) -> String {
    let device = now.device.as_ref().map_or(say!("未登记"), |d| d.as_str());
    format!("{} · {}", device, word(now.key_protection.zh()))
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Unlock<'_>>();
    face.on_choose(app.on_with(|app, id: SharedString| {
        if let Ok(id) = OfficerId::parse(&id) {
            *app.unlock.chosen.borrow_mut() = Some(id);
            app.unlock.pin.borrow_mut().clear();
            draw(app);
        }
    }));
    face.on_press(app.on_with(|app, key: SharedString| {
        app.unlock.pin.borrow_mut().buffer().press(&key);
        dots(app);
    }));
    face.on_erase(app.on(|app| {
        app.unlock.pin.borrow_mut().buffer().erase();
        dots(app);
    }));
    face.on_replace(app.on_with(|app, all: SharedString| {
        app.unlock.pin.borrow_mut().buffer().replace(&all);
        dots(app);
    }));
    face.on_unlock(app.on(unlock));
    app.window.global::<Shell<'_>>().on_lock(app.on(lock));
}

pub(crate) fn enter(app: &Rc<App>) {
    app.unlock.pin.borrow_mut().clear();
    draw(app);
    app.ask(
        |desk| desk.status(),
        |app, now| {
            recording::show(app, &now);
            show(app, &now);
        },
    );
}

fn show(app: &Rc<App>, now: &Status) {
    let mut chosen = app.unlock.chosen.borrow_mut();
    if !now.officers.iter().any(|o| Some(&o.id) == chosen.as_ref()) {
        *chosen = now.officers.first().map(|o| o.id.clone());
    }
    drop(chosen);
    *app.unlock.officers.borrow_mut() = now.officers.clone();
    *app.unlock.safe.borrow_mut() = now.safe.clone();
    let face = app.window.global::<Unlock<'_>>();
    face.set_device(device_line(now).into());
    face.set_date(status::date_line(app.clock.read().wall_ms).into());
    face.set_safe(told(&now.safe).into());
    face.set_enrolled(now.device.is_some() && !now.officers.is_empty());
    face.set_clock_set(now.clock_set);
    face.set_letters(now.key_protection == KeyProtection::File);
    draw(app);
}

fn draw(app: &Rc<App>) {
    let today = beijing_date(app.clock.read().wall_ms);
    let items =
        officer_items(&app.unlock.officers.borrow(), app.unlock.chosen.borrow().as_ref(), &today);
    let face = app.window.global::<Unlock<'_>>();
    face.set_officers(ModelRc::new(VecModel::from(items)));
    let at_token = app.unlock.pin.borrow().at_token();
    face.set_hint(
        if at_token {
            say!("插好密钥设备(UKey)，输入它的 PIN")
        } else {
            say!("输入 PIN")
        }
        .into(),
    );
    face.set_more(needs_token(app) && !at_token);
    dots(app);
}

fn dots(app: &Rc<App>) {
    let (typed, enough) = {
        let pin = app.unlock.pin.borrow();
        (pin.typed(), pin.enough())
    };
    let face = app.window.global::<Unlock<'_>>();
    face.set_typed(typed);
    face.set_enough(enough);
}

fn needs_token(app: &App) -> bool {
    let chosen = app.unlock.chosen.borrow();
    app.unlock.officers.borrow().iter().any(|card| Some(&card.id) == chosen.as_ref() && card.token)
}

fn unlock(app: &Rc<App>) {
    let Some(officer) = app.unlock.chosen.borrow().clone() else { return };
    let typed = app.unlock.pin.borrow_mut().done(needs_token(app));
    draw(app);
    let Some(typed) = typed else { return };
    app.window.global::<Shell<'_>>().set_busy(say!("正在解锁").into());
    app.ask_result(
        move |desk| {
            let pin = typed.present(desk, &officer);
            desk.unlock(&officer, &pin)?;
            desk.status()
        },
        |app, result| {
            app.window.global::<Shell<'_>>().set_busy("".into());
            match result {
                Ok(now) => {
                    recording::show(app, &now);
                    *app.unlock.safe.borrow_mut() = now.safe;
                    settings::welcome(app);
                    typing::welcome(app);
                    draft::welcome(app);
                    place::resume(app);
                }
                Err(trouble) => {
                    app.window.global::<Unlock<'_>>().set_hint(trouble::card(&trouble).happened);
                    trouble::show(app, &trouble);
                }
            }
        },
    );
}

/// Drops all keys; recordings go on, and what was on the screen is forgotten.
pub(crate) fn lock(app: &Rc<App>) {
    if app.place() == Place::Unlock {
        return;
    }
    draft::store(app);
    place::store(app);
    app.ask(
        |desk| {
            desk.lock()?;
            desk.status()
        },
        |app, now| {
            recording::show(app, &now);
            app.forget();
            app.restart_at(&[Place::Unlock]);
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_officer_is_chosen_and_says_how_long_the_certificate_lasts() {
        let id = |text: &str| OfficerId::parse(text).unwrap();
        let cards: Vec<OfficerCard> = ["O-1", "O-2"]
            .into_iter()
            .map(|o| OfficerCard {
                id: id(o),
                name: format!("示例{o}"),
                certificate_until: "2027-01-31".to_owned(),
                token: false,
            })
            .collect();
        let items = officer_items(&cards, Some(&id("O-2")), "2027-01-31");
        assert_eq!(items.iter().map(|i| i.chosen).collect::<Vec<_>>(), [false, true]);
        assert_eq!(items[0].note, "证书至 2027-01-31");
        let later = officer_items(&cards, None, "2027-02-01");
        assert_eq!(later[0].note, "证书已于 2027-01-31 到期");
    }
}
