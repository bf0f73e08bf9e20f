//! The facility: head data, departments with beds and licensed subjects, and staff, paged and searchable.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString};
use spotcheck_domain::TroubleResult;
use spotcheck_domain::claims::{DepartmentView, FacilityView, Page};
use spotcheck_domain::reference::grade_of;
use spotcheck_face::{House, NamedRow, PairItem};

use crate::app::App;
use crate::claims::persons;
use crate::frame::status::{pair, pairs};
use crate::frame::{left, place, trouble};
use crate::language::say;
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::words;

/// What is listed.
const DEPARTMENTS: i32 = 1;
const STAFF: i32 = 2;

pub(crate) struct Model {
    rows: Rc<PagedModel<NamedRow>>,
    mode: Cell<i32>,
    query: RefCell<String>,
    view: RefCell<Option<FacilityView>>,
}

impl Model {
    pub(crate) fn new(app: Weak<App>) -> Self {
        let waiting = NamedRow { title: "…".into(), ..NamedRow::default() };
        let rows = PagedModel::new(waiting, move |revision, page| {
            if let Some(app) = app.upgrade() {
                fetch(&app, revision, page);
            }
        });
        Self { rows, mode: Cell::new(0), query: RefCell::default(), view: RefCell::default() }
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<House<'_>>();
    face.set_rows(ModelRc::from(Rc::clone(&app.house.rows)));
    face.on_choose(app.on_with(|app, mode: i32| {
        app.house.mode.set(mode);
        app.window.global::<House<'_>>().set_mode(mode);
        app.drop_keyboard();
        place::remember(app);
        list(app);
    }));
    face.on_search(app.on_with(|app, query: SharedString| {
        query.trim().clone_into(&mut app.house.query.borrow_mut());
        place::remember(app);
        list(app);
    }));
}

pub(crate) fn forget(app: &Rc<App>) {
    app.house.rows.restart(Some(0));
    app.house.mode.set(0);
    app.house.query.borrow_mut().clear();
    app.house.view.borrow_mut().take();
    let face = app.window.global::<House<'_>>();
    face.set_mode(0);
    face.set_query("".into());
    face.set_title("".into());
    face.set_facts(ModelRc::default());
}

/// What was listed, and what was typed to find somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Left {
    mode: i32,
    query: String,
}

/// As it stands now.
pub(crate) fn left(app: &App) -> Option<Left> {
    let left = Left { mode: app.house.mode.get(), query: app.house.query.borrow().clone() };
    Some(left).filter(|left| *left != Left::default())
}

pub(crate) fn enter(app: &Rc<App>) {
    if let Some(left) = left::take(app, |left| left.house.take()) {
        app.house.mode.set(left.mode);
        app.window.global::<House<'_>>().set_query(left.query.as_str().into());
        *app.house.query.borrow_mut() = left.query;
        list(app);
    }
    app.window.global::<House<'_>>().set_mode(app.house.mode.get());
    draw(app);
    let Some(task) = app.task_id() else { return };
    app.ask(
        move |desk| desk.facility(&task),
        |app, view| {
            *app.house.view.borrow_mut() = Some(view);
            draw(app);
        },
    );
}

fn draw(app: &Rc<App>) {
    let view = app.house.view.borrow().clone();
    let Some(view) = view else { return };
    let face = app.window.global::<House<'_>>();
    face.set_title(view.fixmedins_name.as_str().into());
    face.set_facts(pairs(facts(&view)));
}

/// `定点医疗机构`, as far as the code is known.
fn kind(code: Option<&str>) -> String {
    match code {
        Some("1") => say!("定点医疗机构").to_owned(),
        Some("2") => say!("定点零售药店").to_owned(),
        Some(other) => other.to_owned(),
        None => say!("未上传").to_owned(),
    }
}

/// `二级（05）`.
fn level(code: Option<&str>) -> String {
    let Some(code) = code else { return say!("未上传").to_owned() };
    let grade = match grade_of(code) {
        Some("3") => say!("三级"),
        Some("2") => say!("二级"),
        Some("1") => say!("一级"),
        Some(_) => say!("未定级"),
        None => return code.to_owned(),
    };
    say!("{}（{}）", grade, code)
}

fn beds(count: Option<i64>) -> String {
    count.map_or_else(|| say!("未上传").to_owned(), |n| say!("{} 张", n))
}

fn facts(view: &FacilityView) -> Vec<PairItem> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| say!("未上传").to_owned());
    vec![
        pair(say!("名称"), &view.fixmedins_name),
        pair(say!("机构编码"), &view.fixmedins_code),
        pair(say!("类别"), &kind(view.fixmedins_type.as_deref())),
        pair(say!("等级"), &level(view.hosp_lv.as_deref())),
        pair(say!("统一社会信用代码"), &or_none(&view.uscc)),
        pair(say!("批准床位"), &beds(view.aprv_bed_cnt)),
        pair(say!("医保认定床位"), &beds(view.hi_crtf_bed_cnt)),
        pair(say!("地址"), &or_none(&view.addr)),
        pair(say!("参保人"), &words::count(view.persons)),
        pair(say!("就诊"), &words::count(view.visits)),
        pair(say!("结算"), &words::count(view.settlements)),
        pair(say!("费用明细"), &words::count(view.fee_lines)),
    ]
}

/// A department: its code, licensed subject, beds, staff, and whether it was closed.
fn department(view: &DepartmentView) -> NamedRow {
    let mut note = vec![view.hosp_dept_codg.clone()];
    note.push(match &view.caty {
        Some(caty) => say!("科目 {}", caty),
        None => say!("科目未上传").to_owned(),
    });
    if let Some(beds) = view.aprv_bed_cnt {
        note.push(say!("批准 {} 张", beds));
    }
    if let Some(beds) = view.hi_crtf_bed_cnt {
        note.push(say!("医保 {} 张", beds));
    }
    if let Some(end) = view.endtime {
        note.push(say!("至 {}", words::instant(Some(end))));
    }
    NamedRow {
        id: view.hosp_dept_codg.as_str().into(),
        title: view.hosp_dept_name.as_deref().unwrap_or(&view.hosp_dept_codg).into(),
        note: note.join(" · ").into(),
        state: say!("医护 {} 人", view.staff).into(),
        done: false,
    }
}

/// Begins the list again.
fn list(app: &Rc<App>) {
    if app.house.mode.get() == 0 {
        app.house.rows.restart(Some(0));
        return;
    }
    let revision = app.house.rows.restart(None);
    fetch(app, revision, 0);
}

fn fetch(app: &Rc<App>, revision: u64, page: u32) {
    let Some(task) = app.task_id() else { return };
    let mode = app.house.mode.get();
    let query = app.house.query.borrow().clone();
    let offset = u64::from(page).saturating_mul(u64::from(PAGE_ROWS));
    let of = Page { offset, limit: PAGE_ROWS };
    app.ask_result(
        move |desk| {
            Ok(match mode {
                DEPARTMENTS => Listed::Departments(desk.house_departments(&task, of)?),
                STAFF => Listed::Staff(desk.search_staff(&task, &query, of)?),
                _ => Listed::Departments(Vec::new()),
            })
        },
        move |app, result: TroubleResult<Listed>| match result {
            Ok(found) => {
                let rows: Vec<NamedRow> = match found {
                    Listed::Departments(all) => all.iter().map(department).collect(),
                    Listed::Staff(all) => all.iter().map(persons::staff_named).collect(),
                };
                let none = page == 0 && rows.is_empty();
                if app.house.rows.accept(revision, page, rows) {
                    app.window.global::<House<'_>>().set_none(none);
                }
            }
            Err(trouble) => {
                app.house.rows.failed(revision, page);
                trouble::show(app, &trouble);
            }
        },
    );
}

enum Listed {
    Departments(Vec<DepartmentView>),
    Staff(Vec<spotcheck_domain::claims::StaffHit>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_told_in_words_with_its_code_and_never_guessed() {
        assert_eq!(level(Some("05")), "二级（05）");
        assert_eq!(level(Some("11")), "未定级（11）");
        assert_eq!(level(Some("88")), "88");
        assert_eq!(level(None), "未上传");
        assert_eq!((kind(Some("2")), kind(Some("9"))), ("定点零售药店".to_owned(), "9".to_owned()));
    }

    #[test]
    fn a_department_tells_what_was_uploaded_of_it() {
        let view = DepartmentView {
            hosp_dept_codg: "A03".to_owned(),
            hosp_dept_name: None,
            caty: Some("A03.05".to_owned()),
            aprv_bed_cnt: Some(24),
            hi_crtf_bed_cnt: None,
            begntime: None,
            endtime: None,
            staff: 12,
        };
        let row = department(&view);
        assert_eq!((row.title.as_str(), row.state.as_str()), ("A03", "医护 12 人"));
        assert_eq!(row.note, "A03 · 科目 A03.05 · 批准 24 张");
    }
}
