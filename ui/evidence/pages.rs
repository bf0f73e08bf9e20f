//! Papers, one page after another: the camera's other mode.
//!
//! A tap takes a page and the next tap may follow at once. The look at the page comes as a second act of the
//! worker, so that nothing waits for it; what it says stands until the next page, with one key to take that page
//! again.

use std::cell::RefCell;
use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_app::desk::EvidenceView;
use spotcheck_app::page_check::PageFault;
use spotcheck_app::pages::PageOf;
use spotcheck_face::Capture;

use crate::app::App;
use crate::evidence::capture;
use crate::language::say;

/// A paper that is being photographed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Paper {
    /// Known after the first page.
    group: Option<String>,
    /// Newest photo of each page, by number.
    pages: Vec<(u32, String)>,
    /// What was said of the last one.
    said: String,
    /// The page that may be taken again: its number and photo.
    again: Option<(u32, String)>,
    /// It should be: taking it again is what the large key does.
    bad: bool,
}

impl Paper {
    fn next(&self) -> u32 {
        self.pages.iter().map(|(n, _)| *n).max().unwrap_or(0).saturating_add(1)
    }
}

#[derive(Default)]
pub(crate) struct Model {
    paper: RefCell<Option<Paper>>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Capture<'_>>();
    face.on_paper_toggled(app.on(toggle));
    face.on_page_again(app.on(again));
}

/// The camera takes pages now.
pub(crate) fn is_on(app: &App) -> bool {
    app.pages.paper.borrow().is_some()
}

pub(crate) fn forget(app: &App) {
    app.pages.paper.borrow_mut().take();
    draw(app);
}

fn toggle(app: &Rc<App>) {
    let ended = app.pages.paper.borrow_mut().take();
    match ended {
        Some(paper) if !paper.pages.is_empty() => {
            app.toast(&say!("共 {} 页，已归为一组", paper.pages.len()));
        }
        Some(_) => {}
        // Pages belong to a case; at the door there are photos.
        None if app.case_id().is_none() => app.toast(say!("先开始检查，再翻拍文件")),
        None => *app.pages.paper.borrow_mut() = Some(Paper::default()),
    }
    draw(app);
}

/// The next page.
pub(crate) fn shoot(app: &Rc<App>) {
    take(app, None);
}

fn again(app: &Rc<App>) {
    let photo = app.pages.paper.borrow().as_ref().and_then(|p| p.again.clone());
    if let Some((_, photo)) = photo {
        take(app, Some(photo));
    }
}

fn take(app: &Rc<App>, again: Option<String>) {
    let group = app.pages.paper.borrow().as_ref().and_then(|p| p.group.clone());
    let Some(case) = app.case_id() else { return };
    let of = case.clone();
    app.ask(
        move |desk| desk.capture_page(&of, group.as_deref(), again.as_deref()),
        move |app, photo| {
            taken(app, &photo);
            capture::redraw(app);
            let id = photo.id;
            app.ask(move |desk| desk.check_page(&case, &id), |app, photo| checked(app, &photo));
        },
    );
}

fn taken(app: &Rc<App>, photo: &EvidenceView) {
    let Some(page) = &photo.page else { return };
    if let Some(paper) = app.pages.paper.borrow_mut().as_mut() {
        paper.group = Some(page.group.clone());
        paper.pages.retain(|(n, _)| *n != page.n);
        paper.pages.push((page.n, photo.id.clone()));
        paper.said = say!("第 {} 页已存好，正在看是否清楚", page.n);
        paper.again = None;
        paper.bad = false;
    }
    draw(app);
}

fn checked(app: &Rc<App>, photo: &EvidenceView) {
    let Some(page) = &photo.page else { return };
    if let Some(paper) = app.pages.paper.borrow_mut().as_mut() {
        let newest = paper.pages.iter().any(|(n, id)| *n == page.n && *id == photo.id);
        // What is said of an older page does not hide what is said of a page with a fault after it.
        if newest && (paper.again.is_none() || has_fault(page)) {
            paper.said = verdict(page);
            paper.again = Some((page.n, photo.id.clone()));
            paper.bad = has_fault(page);
        }
    }
    draw(app);
}

fn has_fault(page: &PageOf) -> bool {
    page.verdict.as_ref().is_some_and(|v| !v.faults.is_empty())
}

/// What to do, in words.
fn verdict(page: &PageOf) -> String {
    let n = page.n;
    let Some(verdict) = &page.verdict else {
        return say!("第 {} 页没有检查，请自己看一眼", n);
    };
    match verdict.faults.first() {
        None => say!("第 {} 页清楚", n),
        Some(PageFault::NoPage) => say!("第 {} 页没有找到纸面：放在深色底上，整页入画重拍", n),
        Some(PageFault::Cut) => say!("第 {} 页可能没拍全：退后一些，四边都入画重拍", n),
        Some(PageFault::Blurred) => say!("第 {} 页可能模糊：请拿稳重拍", n),
        Some(PageFault::Glare) => say!("第 {} 页可能反光：换个角度避开灯，重拍", n),
    }
}

fn draw(app: &App) {
    let paper = app.pages.paper.borrow().clone();
    let face = app.window.global::<Capture<'_>>();
    face.set_paper(paper.is_some());
    let paper = paper.unwrap_or_default();
    face.set_next_page(say!("拍第 {} 页", paper.next()).into());
    face.set_page_said(paper.said.into());
    face.set_page_bad(paper.bad);
    let again = paper.again.map(|(n, _)| say!("重拍第 {} 页", n));
    face.set_page_again_word(again.unwrap_or_default().into());
}

#[cfg(test)]
mod tests {
    use spotcheck_app::page_check::PageVerdict;

    use super::*;

    #[test]
    fn a_verdict_says_what_may_be_wrong_and_what_to_do() {
        let of = |faults: Vec<PageFault>| {
            let verdict = Some(PageVerdict { faults, ..PageVerdict::default() });
            verdict_of(verdict)
        };
        fn verdict_of(verdict: Option<PageVerdict>) -> String {
            super::verdict(&PageOf { group: "G1".to_owned(), n: 3, superseded_by: None, verdict })
        }
        assert_eq!(of(vec![]), "第 3 页清楚");
        assert_eq!(of(vec![PageFault::Blurred]), "第 3 页可能模糊：请拿稳重拍");
        assert!(of(vec![PageFault::Cut, PageFault::Blurred]).contains("没拍全"));
        assert!(of(vec![PageFault::Glare]).contains("反光"));
        assert!(verdict_of(None).contains("自己看一眼"));
    }
}
