//! A list model that holds a few pages of a long query and fetches the others when they are looked at.
//!
//! A million rows scroll as ten do: `row_data` never blocks; a row that is not here yet is a placeholder
//! and its page is asked for once. Answers to an earlier query are recognised by their revision and
//! dropped.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use slint::{Model, ModelNotify, ModelTracker};

/// Rows of one page.
pub(crate) const PAGE_ROWS: u32 = 100;
/// Pages kept in memory.
const KEPT_PAGES: usize = 8;

/// Asks for `(revision, page)`.
type Wanted = Box<dyn Fn(u64, u32)>;

pub(crate) struct PagedModel<T> {
    pages: RefCell<BTreeMap<u32, Vec<T>>>,
    recent: RefCell<VecDeque<u32>>,
    rows: Cell<usize>,
    /// The number of rows is not known: it grows while full pages come in.
    open_ended: Cell<bool>,
    asked: RefCell<Vec<u32>>,
    revision: Cell<u64>,
    placeholder: T,
    wanted: Wanted,
    notify: ModelNotify,
}

impl<T: Clone + 'static> PagedModel<T> {
    pub(crate) fn new(placeholder: T, wanted: impl Fn(u64, u32) + 'static) -> Rc<Self> {
        Rc::new(Self {
            pages: RefCell::default(),
            recent: RefCell::default(),
            rows: Cell::new(0),
            open_ended: Cell::new(false),
            asked: RefCell::default(),
            revision: Cell::new(0),
            placeholder,
            wanted: Box::new(wanted),
            notify: ModelNotify::default(),
        })
    }

    /// Forgets everything and takes `rows` rows (or an unknown number); returns the new revision.
    pub(crate) fn restart(&self, rows: Option<usize>) -> u64 {
        self.pages.borrow_mut().clear();
        self.recent.borrow_mut().clear();
        self.asked.borrow_mut().clear();
        self.rows.set(rows.unwrap_or(0));
        self.open_ended.set(rows.is_none());
        self.revision.set(self.revision.get().wrapping_add(1));
        self.notify.reset();
        self.revision.get()
    }

    pub(crate) fn is_current(&self, revision: u64) -> bool {
        self.revision.get() == revision
    }

    /// Takes a page; false if it belongs to an earlier query.
    pub(crate) fn accept(&self, revision: u64, page: u32, rows: Vec<T>) -> bool {
        if !self.is_current(revision) {
            return false;
        }
        self.asked.borrow_mut().retain(|asked| *asked != page);
        let begin = row_of(page);
        let count = rows.len();
        self.pages.borrow_mut().insert(page, rows);
        self.touch(page);
        self.drop_old();
        let known = self.rows.get();
        if self.open_ended.get() {
            let full = count == page_rows();
            // One placeholder row at the end asks for the next page when somebody scrolls there.
            let rows = begin.saturating_add(count).saturating_add(usize::from(full));
            if rows != known && begin.saturating_add(count) >= known.saturating_sub(1) {
                self.rows.set(rows);
                if rows > known {
                    self.notify.row_added(known, rows.saturating_sub(known));
                } else {
                    self.notify.row_removed(rows, known.saturating_sub(rows));
                }
            }
        }
        for row in begin..begin.saturating_add(count).min(known) {
            self.notify.row_changed(row);
        }
        true
    }

    /// A page could not be fetched: it may be asked for again.
    pub(crate) fn failed(&self, revision: u64, page: u32) {
        if self.is_current(revision) {
            self.asked.borrow_mut().retain(|asked| *asked != page);
        }
    }

    fn touch(&self, page: u32) {
        let mut recent = self.recent.borrow_mut();
        recent.retain(|kept| *kept != page);
        recent.push_back(page);
    }

    fn drop_old(&self) {
        let mut recent = self.recent.borrow_mut();
        while recent.len() > KEPT_PAGES {
            if let Some(oldest) = recent.pop_front() {
                self.pages.borrow_mut().remove(&oldest);
            }
        }
    }
}

fn page_rows() -> usize {
    usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX)
}

fn row_of(page: u32) -> usize {
    usize::try_from(page).unwrap_or(usize::MAX).saturating_mul(page_rows())
}

impl<T: Clone + 'static> Model for PagedModel<T> {
    type Data = T;

    fn row_count(&self) -> usize {
        self.rows.get()
    }

    fn row_data(&self, row: usize) -> Option<T> {
        if row >= self.rows.get() {
            return None;
        }
        let page = u32::try_from(row.checked_div(page_rows())?).ok()?;
        let within = row.checked_rem(page_rows())?;
        let found = self.pages.borrow().get(&page).map(|rows| rows.get(within).cloned());
        match found {
            Some(Some(data)) => Some(data),
            Some(None) => Some(self.placeholder.clone()),
            None => {
                let fresh = !self.asked.borrow().contains(&page);
                if fresh {
                    self.asked.borrow_mut().push(page);
                    (self.wanted)(self.revision.get(), page);
                }
                Some(self.placeholder.clone())
            }
        }
    }

    fn model_tracker(&self) -> &dyn ModelTracker {
        &self.notify
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Asked = Rc<RefCell<Vec<(u64, u32)>>>;

    fn model() -> (Rc<PagedModel<u32>>, Asked) {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&asked);
        (PagedModel::new(u32::MAX, move |r, p| log.borrow_mut().push((r, p))), asked)
    }

    fn page(n: u32, rows: u32) -> Vec<u32> {
        (0..rows).map(|row| n * PAGE_ROWS + row).collect()
    }

    #[test]
    fn a_row_that_is_not_here_is_asked_for_once() {
        let (model, asked) = model();
        let revision = model.restart(Some(1_000_000));
        assert_eq!(model.row_count(), 1_000_000);
        for row in 0..13 {
            assert_eq!(model.row_data(row), Some(u32::MAX));
        }
        assert_eq!(*asked.borrow(), [(revision, 0)]);
        assert!(model.accept(revision, 0, page(0, PAGE_ROWS)));
        assert_eq!(model.row_data(7), Some(7));
        assert_eq!(asked.borrow().len(), 1);
        assert_eq!(model.row_data(999_999), Some(u32::MAX));
        assert_eq!(model.row_data(1_000_000), None);
    }

    #[test]
    fn only_the_last_pages_stay_in_memory() {
        let (model, _) = model();
        let revision = model.restart(Some(10_000));
        for n in 0..50 {
            model.accept(revision, n, page(n, PAGE_ROWS));
        }
        assert_eq!(model.pages.borrow().len(), KEPT_PAGES);
        assert_eq!(model.row_data(4_999), Some(4_999));
    }

    #[test]
    fn answers_to_an_earlier_query_are_dropped() {
        let (model, _) = model();
        let old = model.restart(None);
        let new = model.restart(None);
        assert!(!model.accept(old, 0, page(0, 3)));
        assert!(model.accept(new, 0, page(0, 2)));
        assert_eq!(model.row_count(), 2);
    }

    #[test]
    fn a_list_of_unknown_length_grows_while_pages_are_full() {
        let (model, asked) = model();
        let revision = model.restart(None);
        model.accept(revision, 0, page(0, PAGE_ROWS));
        assert_eq!(model.row_count(), 101);
        assert_eq!(model.row_data(100), Some(u32::MAX));
        assert_eq!(*asked.borrow(), [(revision, 1)]);
        model.accept(revision, 1, page(1, 30));
        assert_eq!(model.row_count(), 130);
        assert_eq!(model.row_data(129), Some(129));
        // Exactly one page: the promise of more is taken back.
        let revision = model.restart(None);
        model.accept(revision, 0, page(0, PAGE_ROWS));
        model.accept(revision, 1, Vec::new());
        assert_eq!(model.row_count(), 100);
    }
}
