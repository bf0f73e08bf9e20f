//! The fees of a visit as one list: heads of days, and under an open day its lines, page by page.
//!
//! Days come as a summary, lines through [`PagedModel`]: folding costs nothing and a stay of ten thousand
//! lines scrolls as one of ten does. Lines lie in time order, so a day is a run of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use slint::{Model, ModelNotify, ModelTracker};
use spotcheck_domain::claims::{FeeLine, FeeShare};
use spotcheck_domain::time::day_number;
use spotcheck_face::FeeItem;

use crate::frame::status;
use crate::language::say;
use crate::paged::{PAGE_ROWS, PagedModel};
use crate::words;

/// Heights of a day's head and of a line, as the face draws them.
const HEAD_PX: usize = 48;
const LINE_PX: usize = 60;
/// A visit of no more lines is shown unfolded.
const FEW_LINES: u64 = 30;

struct Day {
    head: FeeItem,
    /// Place of its first line among all lines.
    first: usize,
    lines: usize,
    /// Worth coming into view first: marked by a rule, or, where none marks any, with repeated items.
    striking: bool,
}

/// Which light stands at a line.
type Lights = BTreeMap<String, i32>;

pub(crate) struct Fees {
    lines: Rc<PagedModel<FeeItem>>,
    days: RefCell<Vec<Day>>,
    lights: RefCell<Lights>,
    revision: Cell<u64>,
    /// The striking day that was come to last.
    at: Cell<Option<usize>>,
    notify: ModelNotify,
}

/// Order, execution or record as the face takes it: 0 not uploaded, 1 there, 2 not found.
const fn trace(state: Option<bool>) -> i32 {
    match state {
        None => 0,
        Some(true) => 1,
        Some(false) => 2,
    }
}

/// A fee line as a row: the facility's own name for the item first, the list name where there is none.
pub(crate) fn fee_item(line: &FeeLine, lights: &Lights) -> FeeItem {
    let name = line.medins_list_name.as_deref().or(line.hilist_name.as_deref());
    let time = words::instant(line.fee_ocur_time);
    let note = format!(
        "{}{} × {}",
        time.get(11..16).map(|t| format!("{t} · ")).unwrap_or_default(),
        words::plain(line.cnt),
        words::plain(line.pric),
    );
    FeeItem {
        id: line.bkkp_sn.as_str().into(),
        name: name.unwrap_or(say!("名称未上传")).into(),
        note: note.into(),
        amount: words::plain_cents(line.det_item_fee_sumamt).into(),
        light: lights.get(&line.bkkp_sn).copied().unwrap_or(-1),
        ordered: trace(line.ordered),
        executed: trace(line.executed),
        recorded: trace(line.recorded),
        ..FeeItem::default()
    }
}

fn day_head(share: &FeeShare, light: i32, open: bool) -> FeeItem {
    let name = share.of.as_deref().map_or(say!("日期未上传"), |d| d.get(5..10).unwrap_or(d));
    let weekday = share.of.as_deref().and_then(day_number).map(status::weekday);
    let mut note: Vec<String> = weekday.map(str::to_owned).into_iter().collect();
    note.push(say!("{} 行", words::count(share.lines)));
    if share.repeated > 0 {
        note.push(say!("同日同项 {} 种", words::count(share.repeated)));
    }
    let note = note.join(" · ");
    FeeItem {
        head: true,
        open,
        name: name.into(),
        note: note.into(),
        amount: words::yuan(share.amount).into(),
        light,
        ..FeeItem::default()
    }
}

/// What the rules say about the lines of a visit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    /// The surest light by line (`bkkp_sn`).
    pub(crate) lines: Lights,
    /// The surest light by day (`yyyy-MM-dd`).
    pub(crate) days: BTreeMap<String, i32>,
}

impl Fees {
    pub(crate) fn new(wanted: impl Fn(u64, u32) + 'static) -> Rc<Self> {
        let placeholder = FeeItem { loading: true, light: -1, ..FeeItem::default() };
        Rc::new(Self {
            lines: PagedModel::new(placeholder, wanted),
            days: RefCell::default(),
            lights: RefCell::default(),
            revision: Cell::new(0),
            at: Cell::new(None),
            notify: ModelNotify::default(),
        })
    }

    /// Takes new days; what was there is forgotten.
    pub(crate) fn restart(&self, shares: &[FeeShare], marks: Marks) {
        let all: u64 = shares.iter().map(|s| s.lines).fold(0, u64::saturating_add);
        let any_striking = !marks.days.is_empty() || shares.iter().any(|s| s.repeated > 0);
        let mut first = 0_usize;
        let mut days = Vec::with_capacity(shares.len());
        for (n, share) in shares.iter().enumerate() {
            let lines = usize::try_from(share.lines).unwrap_or(usize::MAX);
            let light = share.of.as_ref().and_then(|d| marks.days.get(d)).copied();
            // What somebody will want to see first is open: a marked day, else the first.
            let striking = light.is_some() || (marks.days.is_empty() && share.repeated > 0);
            let open = all <= FEW_LINES || striking || (n == 0 && !any_striking);
            let head = day_head(share, light.unwrap_or(-1), open);
            days.push(Day { head, first, lines, striking });
            first = first.saturating_add(lines);
        }
        *self.days.borrow_mut() = days;
        *self.lights.borrow_mut() = marks.lines;
        self.at.set(self.days.borrow().iter().position(|day| day.striking));
        self.revision.set(self.lines.restart(Some(first)));
        self.notify.reset();
    }

    /// Pixels above the first striking day; 0 where there is none.
    pub(crate) fn start(&self) -> i32 {
        self.at.get().map_or(0, |day| self.above(day))
    }

    /// Days that a rule marked.
    pub(crate) fn marked_days(&self) -> usize {
        self.days.borrow().iter().filter(|day| day.head.light >= 0).count()
    }

    /// Goes to the next day that a rule marked, after the last the first again, and unfolds it: its place in
    /// pixels from the top.
    pub(crate) fn next_marked(&self) -> Option<i32> {
        let (next, row) = {
            let days = self.days.borrow();
            let from = self.at.get().map_or(0, |at| at.saturating_add(1));
            let marked = |n: &usize| days.get(*n).is_some_and(|day| day.head.light >= 0);
            let next = (from..days.len()).chain(0..from.min(days.len())).find(marked)?;
            let row: usize = days
                .iter()
                .take(next)
                .map(|d| if d.head.open { d.lines.saturating_add(1) } else { 1 })
                .fold(0, usize::saturating_add);
            (next, (!days.get(next)?.head.open).then_some(row))
        };
        if let Some(row) = row {
            self.fold(row);
        }
        self.at.set(Some(next));
        Some(self.above(next))
    }

    /// Pixels above a day's head.
    fn above(&self, day: usize) -> i32 {
        let height = |day: &Day| {
            let lines = if day.head.open { day.lines } else { 0 };
            HEAD_PX.saturating_add(lines.saturating_mul(LINE_PX))
        };
        let above = self.days.borrow().iter().take(day).map(height).fold(0, usize::saturating_add);
        i32::try_from(above).unwrap_or(0)
    }

    /// Takes a page of lines.
    pub(crate) fn accept(&self, revision: u64, page: u32, lines: &[FeeLine]) {
        let rows: Vec<FeeItem> = {
            let lights = self.lights.borrow();
            lines.iter().map(|line| fee_item(line, &lights)).collect()
        };
        let count = rows.len();
        if !self.lines.accept(revision, page, rows) {
            return;
        }
        let size = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
        let begin = usize::try_from(page).unwrap_or(usize::MAX).saturating_mul(size);
        for row in self.rows_of(begin, begin.saturating_add(count)) {
            self.notify.row_changed(row);
        }
    }

    /// A page could not be fetched: it may be asked for again.
    pub(crate) fn failed(&self, revision: u64, page: u32) {
        self.lines.failed(revision, page);
    }

    /// Opens or closes the day whose head is in `row`.
    pub(crate) fn fold(&self, row: usize) {
        let (lines, open) = {
            let mut days = self.days.borrow_mut();
            let Some((day, None)) = place(&days, row) else { return };
            let Some(day) = days.get_mut(day) else { return };
            day.head.open = !day.head.open;
            (day.lines, day.head.open)
        };
        self.notify.row_changed(row);
        let below = row.saturating_add(1);
        if open {
            self.notify.row_added(below, lines);
        } else {
            self.notify.row_removed(below, lines);
        }
    }

    /// Rows in which lines `begin..end` stand, of those that are unfolded.
    fn rows_of(&self, begin: usize, end: usize) -> Vec<usize> {
        let mut rows = Vec::new();
        let mut row = 0_usize;
        for day in self.days.borrow().iter() {
            row = row.saturating_add(1);
            if !day.head.open {
                continue;
            }
            for n in 0..day.lines {
                let line = day.first.saturating_add(n);
                if (begin..end).contains(&line) {
                    rows.push(row.saturating_add(n));
                }
            }
            row = row.saturating_add(day.lines);
        }
        rows
    }
}

/// The day of a row, and the line within all lines unless the row is the day's head.
fn place(days: &[Day], row: usize) -> Option<(usize, Option<usize>)> {
    let mut left = row;
    for (n, day) in days.iter().enumerate() {
        if left == 0 {
            return Some((n, None));
        }
        left = left.saturating_sub(1);
        let lines = if day.head.open { day.lines } else { 0 };
        if left < lines {
            return Some((n, Some(day.first.saturating_add(left))));
        }
        left = left.saturating_sub(lines);
    }
    None
}

impl Model for Fees {
    type Data = FeeItem;

    fn row_count(&self) -> usize {
        let days = self.days.borrow();
        days.iter()
            .map(|d| if d.head.open { d.lines.saturating_add(1) } else { 1 })
            .fold(0, usize::saturating_add)
    }

    fn row_data(&self, row: usize) -> Option<FeeItem> {
        let (head, line) = {
            let days = self.days.borrow();
            let (day, line) = place(&days, row)?;
            (days.get(day).map(|d| d.head.clone()), line)
        };
        match line {
            None => head,
            Some(line) => self.lines.row_data(line),
        }
    }

    fn model_tracker(&self) -> &dyn ModelTracker {
        &self.notify
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_domain::Amount;

    fn share(day: &str, lines: u64) -> FeeShare {
        FeeShare {
            of: Some(day.to_owned()),
            lines,
            amount: Amount::parse("12.30").unwrap(),
            repeated: 0,
        }
    }

    fn line(n: usize) -> FeeLine {
        FeeLine {
            bkkp_sn: format!("L{n}"),
            setl_id: None,
            fee_ocur_time: None,
            med_list_codg: None,
            hilist_name: Some(format!("项目 {n}")),
            medins_list_name: None,
            list_type: None,
            med_chrgitm_type: Some("01".to_owned()),
            cnt: Some(Amount::parse("3").unwrap()),
            pric: Some(Amount::parse("24.5").unwrap()),
            det_item_fee_sumamt: None,
            bilg_dept_name: None,
            bilg_dr_name: None,
            ordered: Some(true),
            executed: Some(false),
            recorded: None,
        }
    }

    #[test]
    fn a_line_without_a_name_says_so_and_shows_what_goes_with_it() {
        let mut bare = line(1);
        bare.hilist_name = None;
        let item = fee_item(&bare, &Lights::new());
        assert_eq!((item.name.as_str(), item.amount.as_str()), ("名称未上传", "—"));
        assert_eq!(item.note, "3 × 24.5");
        assert_eq!((item.ordered, item.executed, item.recorded, item.light), (1, 2, 0, -1));
    }

    #[test]
    fn the_next_marked_day_is_unfolded_and_after_the_last_comes_the_first() {
        let fees = Fees::new(|_, _| {});
        let mut marks = Marks::default();
        marks.days.insert("2026-11-10".to_owned(), 1);
        marks.days.insert("2026-11-12".to_owned(), 0);
        let days = ["2026-11-09", "2026-11-10", "2026-11-11", "2026-11-12"];
        fees.restart(&days.map(|day| share(day, 50)), marks);
        let px = |heads: usize, lines: usize| i32::try_from(heads * HEAD_PX + lines * LINE_PX).ok();
        assert_eq!((fees.marked_days(), Some(fees.start())), (2, px(1, 0)));
        fees.fold(53);
        assert!(!fees.row_data(53).unwrap().open, "somebody folded the second one");
        assert_eq!(fees.next_marked(), px(3, 50));
        assert!(fees.row_data(53).unwrap().open);
        assert_eq!(fees.next_marked(), px(1, 0));
        fees.restart(&days.map(|day| share(day, 50)), Marks::default());
        assert_eq!((fees.marked_days(), fees.next_marked()), (0, None));
    }

    #[test]
    fn days_fold_and_the_marked_one_is_open() {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&asked);
        let fees = Fees::new(move |_, page| log.borrow_mut().push(page));
        let mut marks = Marks::default();
        marks.days.insert("2026-11-10".to_owned(), 0);
        marks.lines.insert("L101".to_owned(), 0);
        fees.restart(&[share("2026-11-09", 100), share("2026-11-10", 2)], marks);
        assert_eq!(fees.row_count(), 1 + 1 + 2);
        assert!(!fees.row_data(0).unwrap().open);
        assert_eq!(fees.row_data(1).unwrap().note, "周二 · 2 行");
        assert!(fees.row_data(2).unwrap().loading);
        assert_eq!(*asked.borrow(), [1], "the page of lines 100 and 101 only");
        fees.accept(fees.revision.get(), 1, &[line(100), line(101)]);
        assert_eq!(fees.row_data(3).unwrap().name, "项目 101");
        assert_eq!(fees.row_data(3).unwrap().light, 0);
        fees.fold(0);
        assert_eq!(fees.row_count(), 104);
        fees.fold(0);
        fees.fold(3);
        assert_eq!(fees.row_count(), 4, "a line is no head");
        fees.fold(1);
        assert_eq!(fees.row_count(), 2);
        assert!(fees.row_data(2).is_none());
    }
}
