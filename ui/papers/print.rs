//! Printing a frozen document.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::desk::{PrintReport, PrinterView};
use spotcheck_face::{PairItem, Print, PrinterItem};

use crate::app::App;
use crate::frame::status::{pair, pairs};
use crate::language::say;
use crate::papers::{document, served};
use crate::words;

/// Copies that one order may ask for.
const MOST_COPIES: u32 = 20;

#[derive(Default)]
pub(crate) struct Model {
    document: RefCell<Option<String>>,
    printers: RefCell<Vec<PrinterView>>,
    chosen: RefCell<Option<String>>,
    copies: Cell<u32>,
}

/// Printers as rows.
pub(crate) fn printer_items(printers: &[PrinterView], chosen: Option<&str>) -> Vec<PrinterItem> {
    printers
        .iter()
        .map(|p| PrinterItem {
            id: p.uri.as_str().into(),
            name: p.name.as_str().into(),
            state: p.state.as_str().into(),
            chosen: chosen == Some(p.uri.as_str()),
        })
        .collect()
}

/// What came of a print; the journal head also stands on the paper.
pub(crate) fn report_pairs(report: &PrintReport) -> Vec<PairItem> {
    vec![
        pair(say!("作业号"), &report.job.to_string()),
        pair(say!("页数"), &say!("{} 页 × {} 份", report.pages, report.copies)),
        pair(say!("日志头"), &words::head_digits(&report.journal_head)),
    ]
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Print<'_>>();
    face.on_refresh(app.on(look));
    face.on_choose(app.on_with(|app, uri: SharedString| {
        *app.print.chosen.borrow_mut() = Some(uri.to_string());
        draw(app);
    }));
    face.on_more(app.on_with(|app, step: i32| {
        let copies = app.print.copies.get().saturating_add_signed(step).clamp(1, MOST_COPIES);
        app.print.copies.set(copies);
        draw(app);
    }));
    face.on_print(app.on(print));
}

pub(crate) fn enter(app: &Rc<App>, id: &str) {
    if app.print.document.borrow().as_deref() != Some(id) {
        *app.print.document.borrow_mut() = Some(id.to_owned());
        app.print.copies.set(1);
        app.window.global::<Print<'_>>().set_report(ModelRc::default());
    }
    let title = app
        .document
        .view
        .borrow()
        .as_ref()
        .map(|v| say!("{} · 第 {} 版", v.card.title, v.card.version));
    app.window.global::<Print<'_>>().set_title(title.unwrap_or_default().into());
    draw(app);
    look(app);
}

fn look(app: &Rc<App>) {
    app.window.global::<Print<'_>>().set_looked(false);
    app.ask(
        |desk| desk.printers(),
        |app, printers| {
            let mut chosen = app.print.chosen.borrow_mut();
            if !printers.iter().any(|p| Some(&p.uri) == chosen.as_ref()) {
                *chosen = printers.first().map(|p| p.uri.clone());
            }
            drop(chosen);
            *app.print.printers.borrow_mut() = printers;
            app.window.global::<Print<'_>>().set_looked(true);
            draw(app);
        },
    );
}

fn draw(app: &Rc<App>) {
    let chosen = app.print.chosen.borrow().clone();
    let items = printer_items(&app.print.printers.borrow(), chosen.as_deref());
    let face = app.window.global::<Print<'_>>();
    served::draw(app);
    face.set_ready(items.iter().any(|i| i.chosen));
    face.set_printers(ModelRc::new(VecModel::from(items)));
    face.set_copies(i32::try_from(app.print.copies.get()).unwrap_or(1));
}

fn print(app: &Rc<App>) {
    let document = app.print.document.borrow().clone();
    let printer = app.print.chosen.borrow().clone();
    let case = app.case.borrow().as_ref().map(|c| c.id.clone());
    let (Some(case), Some(document), Some(printer)) = (case, document, printer) else { return };
    let copies = app.print.copies.get();
    app.ask_busy(
        say!("正在打印"),
        move |desk| {
            let report = desk.print(&case, &document, &printer, copies)?;
            Ok((report, desk.document(&case, &document)?))
        },
        |app, (report, view)| {
            document::keep(app, view);
            served::draw(app);
            app.window.global::<Print<'_>>().set_report(pairs(report_pairs(&report)));
            app.toast(say!("已送到打印机"));
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_job_pages_and_head() {
        let report = PrintReport {
            job: 41,
            pages: 2,
            copies: 3,
            journal_head: "3f9a17c08b2ed471".to_owned(),
        };
        let facts: Vec<String> =
            report_pairs(&report).iter().map(|f| f.value.to_string()).collect();
        assert_eq!(facts, ["41", "2 页 × 3 份", "3f9a 17c0 8b2e d471"]);
    }
}
