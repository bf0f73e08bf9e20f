//! Words of searches and filters as an officer left them: there again after a lock or a kill.
//!
//! They are kept with the way back, under the officer's own key, because somebody's name may be among them. A screen
//! takes what is its own when it is opened; until then it is carried on, so that a second lock does not lose it.

use serde::{Deserialize, Serialize};
use spotcheck_domain::TaskId;

use crate::app::App;
use crate::claims::{basis, house, persons, visit};
use crate::evidence::{capture, timeline};
use crate::findings::{indicators, method, suspicions};

/// What was typed and chosen, by screen; `None`: as the screen begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Left {
    /// The task that it is about.
    pub(crate) task: Option<TaskId>,
    pub(crate) persons: Option<persons::Left>,
    pub(crate) visit: Option<visit::Left>,
    pub(crate) basis: Option<basis::Left>,
    pub(crate) house: Option<house::Left>,
    pub(crate) findings: Option<suspicions::Left>,
    /// What was typed into the search of rules.
    pub(crate) methods: Option<String>,
    pub(crate) indicators: Option<indicators::Left>,
    /// Which of the tray is listed.
    pub(crate) tray: Option<i32>,
    /// Which kinds of moments are listed.
    pub(crate) moments: Option<usize>,
}

/// What the screens hold now; of those that were not opened since, what they are owed.
pub(crate) fn collect(app: &App) -> Left {
    let task = app.task_id();
    let owed = Some(app.left.borrow().clone()).filter(|left| left.task == task).unwrap_or_default();
    if task.is_none() {
        return Left::default();
    }
    Left {
        task,
        persons: owed.persons.or_else(|| persons::left(app)),
        visit: owed.visit.or_else(|| visit::left(app)),
        basis: owed.basis.or_else(|| basis::left(app)),
        house: owed.house.or_else(|| house::left(app)),
        findings: owed.findings.or_else(|| suspicions::left(app)),
        methods: owed.methods.or_else(|| method::left(app)),
        indicators: owed.indicators.or_else(|| indicators::left(app)),
        tray: owed.tray.or_else(|| capture::left(app)),
        moments: owed.moments.or_else(|| timeline::left(app)),
    }
}

/// After an unlock: the screens will take it.
pub(crate) fn bring_back(app: &App, left: Left) {
    *app.left.borrow_mut() = left;
}

/// Nothing of it stays under the lock.
pub(crate) fn forget(app: &App) {
    *app.left.borrow_mut() = Left::default();
}

/// What a screen is owed, once; nothing of another task.
pub(crate) fn take<T>(app: &App, own: impl FnOnce(&mut Left) -> Option<T>) -> Option<T> {
    let task = app.task_id();
    let mut left = app.left.borrow_mut();
    if left.task != task || task.is_none() {
        return None;
    }
    own(&mut left)
}
