//! Findings onto a stick, from 收尾: for the office everything, for the party confirmed facts and nothing else.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::findings::Stick;
use spotcheck_app::rules::export::{Audience, Format};
use spotcheck_face::{HandOut, NamedRow};

use crate::app::{App, Place};
use crate::language::say;

/// In the order of the choice.
const FORMATS: [Format; 3] = [Format::Xlsx, Format::Csv, Format::Json];

#[derive(Default)]
pub(crate) struct Model {
    party: Cell<bool>,
    format: Cell<usize>,
    sticks: RefCell<Vec<Stick>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<HandOut<'_>>();
    face.on_audience(app.on_with(|app, n: i32| {
        app.hand_out.party.set(n == 1);
        draw(app);
    }));
    face.on_format(app.on_with(|app, n: i32| {
        app.hand_out.format.set(usize::try_from(n).unwrap_or(0));
        draw(app);
    }));
    face.on_look(app.on(look));
    face.on_write(app.on_with(|app, place: SharedString| write(app, place.to_string())));
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app);
    look(app);
}

/// Which sticks are there now.
fn look(app: &Rc<App>) {
    app.ask(
        |desk| desk.sticks(),
        |app, sticks| {
            *app.hand_out.sticks.borrow_mut() = sticks;
            draw(app);
        },
    );
}

fn draw(app: &App) {
    let model = &app.hand_out;
    let face = app.window.global::<HandOut<'_>>();
    face.set_audiences(words([say!("给办公室"), say!("给对方")]));
    face.set_chosen_audience(i32::from(model.party.get()));
    face.set_formats(words(["XLSX", "CSV", "JSON"]));
    face.set_chosen_format(i32::try_from(model.format.get()).unwrap_or(0));
    face.set_note(
        if model.party.get() {
            say!("只有认定属实的事实、金额和法定义务；没有灯、权重、规则名和处罚条款")
        } else {
            say!("全部线索和认定，含规则、条款和人员；不交给对方")
        }
        .into(),
    );
    let sticks = model.sticks.borrow();
    let row = |stick: &Stick| NamedRow {
        id: stick.place.as_str().into(),
        title: stick.name.as_str().into(),
        ..NamedRow::default()
    };
    face.set_sticks(ModelRc::new(VecModel::from_iter(sticks.iter().map(row))));
}

fn words<const N: usize>(all: [&str; N]) -> ModelRc<SharedString> {
    ModelRc::new(VecModel::from_iter(all.map(SharedString::from)))
}

fn write(app: &Rc<App>, stick: String) {
    let Some(task) = app.task_id() else { return };
    let audience = if app.hand_out.party.get() { Audience::Party } else { Audience::Us };
    let format = FORMATS.get(app.hand_out.format.get()).copied().unwrap_or(Format::Xlsx);
    let findings = app.suspicions.findings.borrow().clone();
    if findings.is_empty() {
        return app.toast(say!("先在线索里核对一遍，再看明细"));
    }
    app.ask_busy(
        say!("正在写到U盘"),
        move |desk| desk.hand_out_findings(&task, &findings, (audience, format), &stick),
        |app, name| {
            if app.place() == Place::HandOut {
                app.back();
            }
            app.toast(&say!("已写到U盘：{}", name));
        },
    );
}
