//! Where the officer is: screens that lie above one another, and how they outlive a lock or a kill.
//!
//! The way back is kept under the officer's own key, because it names persons. Screens that hold half an act
//! (a PIN, a seal, 示证) are not come back to: the way then ends before them.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slint::TimerMode;
use spotcheck_app::desk::Own;
use spotcheck_domain::{TaskId, TroubleResult};
use spotcheck_face::Screen;

use crate::app::App;
use crate::claims::showing;
use crate::day::{custody, task};
use crate::findings::suspicions;
use crate::frame::left::{self, Left};
use crate::language::mark;

/// Schema of what is kept.
const SCHEMA: &str = "spotcheck-places/1";
/// So much later the way is stored, in milliseconds: leafing from screen to screen is not a write each.
const STORE_MS: u64 = 1_500;

/// Where the officer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Unlock,
    Today,
    Task(TaskId),
    Party,
    Persons,
    Person(String),
    Visit(String),
    Collect,
    Capture,
    Describe(String),
    Opening,
    Interview(String),
    Document(String),
    Print(String),
    Finish,
    Timeline,
    Seal {
        leaving: bool,
    },
    Sync,
    Status,
    Suspicions,
    Suspicion(usize),
    Showing(showing::What),
    Indicators,
    Indicator(String),
    Compose,
    Compare,
    Lookup,
    Entry(String),
    Line(String, String),
    Unjudged,
    Around,
    HandOut,
    House,
    Methods,
    Method(String),
    SelfCheck,
    Custody(custody::Act),
    Copies,
    /// Nothing to be seen: the screen is turned to somebody else.
    Cover,
}

/// The places of the work space, left to right. The first is the task itself.
pub(crate) const TABS: [&str; 6] =
    [mark!("概览"), mark!("线索"), mark!("查找"), mark!("依据"), mark!("取证"), mark!("收尾")];

impl Place {
    pub(crate) const fn screen(&self) -> Screen {
        match self {
            Self::Unlock => Screen::Unlock,
            Self::Today => Screen::Today,
            Self::Task(_) => Screen::Task,
            Self::Party => Screen::Party,
            Self::Persons => Screen::Persons,
            Self::Person(_) => Screen::Person,
            Self::Visit(_) => Screen::Visit,
            Self::Collect => Screen::Collect,
            Self::Capture => Screen::Capture,
            Self::Describe(_) => Screen::Describe,
            Self::Opening => Screen::Opening,
            Self::Interview(_) => Screen::Interview,
            Self::Document(_) => Screen::Document,
            Self::Print(_) => Screen::Print,
            Self::Finish => Screen::Finish,
            Self::Timeline => Screen::Timeline,
            Self::Seal { .. } => Screen::Seal,
            Self::Sync => Screen::Sync,
            Self::Status => Screen::Status,
            Self::Suspicions => Screen::Suspicions,
            Self::Suspicion(_) => Screen::Suspicion,
            Self::Showing(_) => Screen::Showing,
            Self::Indicators => Screen::Indicators,
            Self::Indicator(_) => Screen::Indicator,
            Self::Compose => Screen::Compose,
            Self::Compare => Screen::Compare,
            Self::Lookup => Screen::Lookup,
            Self::Entry(_) => Screen::Entry,
            Self::Line(..) => Screen::Line,
            Self::Unjudged => Screen::Unjudged,
            Self::Around => Screen::Around,
            Self::HandOut => Screen::HandOut,
            Self::House => Screen::House,
            Self::Methods => Screen::Methods,
            Self::Method(_) => Screen::Method,
            Self::SelfCheck => Screen::SelfCheck,
            Self::Custody(_) => Screen::Custody,
            Self::Copies => Screen::Copies,
            Self::Cover => Screen::Cover,
        }
    }

    /// 撤离 stands in the header as long as a case is open: wherever somebody is when it gets hot, except where
    /// it is asked for already and where nobody is known.
    pub(crate) const fn in_case(&self) -> bool {
        !matches!(self, Self::Unlock | Self::Seal { .. })
    }

    /// Screens that show something of one task; those of a practice task are marked.
    pub(crate) const fn of_task(&self) -> bool {
        !matches!(
            self,
            Self::Unlock
                | Self::Today
                | Self::Sync
                | Self::Status
                | Self::SelfCheck
                | Self::Custody(_)
                | Self::Copies
        )
    }

    /// Which of the places of the work space this is; −1: none of them.
    pub(crate) const fn tab(&self) -> i32 {
        match self {
            Self::Task(_) => 0,
            Self::Suspicions => 1,
            Self::Persons => 2,
            Self::Lookup => 3,
            Self::Collect => 4,
            Self::Finish => 5,
            _ => -1,
        }
    }

    /// Can be come back to after a lock or a kill.
    const fn lasts(&self) -> bool {
        !matches!(
            self,
            Self::Unlock
                | Self::Party
                | Self::Print(_)
                | Self::Seal { .. }
                | Self::Suspicion(_)
                | Self::Unjudged
                | Self::Around
                | Self::HandOut
                | Self::Showing(_)
                | Self::Custody(_)
                | Self::Cover
        )
    }
}

/// The way to another of the places: always one step above the task.
pub(crate) fn to_tab(nav: &[Place], tab: i32) -> Option<Vec<Place>> {
    let task = nav.iter().position(|place| matches!(place, Place::Task(_)))?;
    let mut way: Vec<Place> = nav.iter().take(task.saturating_add(1)).cloned().collect();
    match tab {
        0 => {}
        1 => way.push(Place::Suspicions),
        2 => way.push(Place::Persons),
        3 => way.push(Place::Lookup),
        4 => way.push(Place::Collect),
        5 => way.push(Place::Finish),
        _ => return None,
    }
    Some(way)
}

#[derive(Serialize, Deserialize)]
struct Kept {
    schema: String,
    places: Vec<Place>,
    /// What stood on the screens of the task.
    #[serde(default)]
    left: Left,
}

/// The part of a way that can be come back to, as it is kept, with what stood on its screens.
pub(crate) fn to_json(nav: &[Place], left: Left) -> String {
    let places = nav.iter().take_while(|place| place.lasts()).cloned().collect();
    serde_json::to_string(&Kept { schema: SCHEMA.to_owned(), places, left }).unwrap_or_default()
}

/// A kept way, and what stood on its screens; of a form this program does not know: none.
pub(crate) fn from_json(text: &str) -> (Vec<Place>, Left) {
    let kept = serde_json::from_str::<Kept>(text).ok().filter(|kept| kept.schema == SCHEMA);
    let lasting = |places: Vec<Place>| places.into_iter().take_while(Place::lasts).collect();
    kept.map(|kept| (lasting(kept.places), kept.left)).unwrap_or_default()
}

/// Stores the way a little later.
pub(crate) fn remember(app: &Rc<App>) {
    if app.place() == Place::Unlock {
        return;
    }
    let weak = Rc::downgrade(app);
    app.way_timer.start(TimerMode::SingleShot, Duration::from_millis(STORE_MS), move || {
        if let Some(app) = weak.upgrade().filter(|app| app.place() != Place::Unlock) {
            store(&app);
        }
    });
}

/// Stores the way now.
pub(crate) fn store(app: &Rc<App>) {
    app.way_timer.stop();
    let way = to_json(&app.way(), left::collect(app));
    let stored = move |desk: &mut dyn spotcheck_app::desk::Desk| -> TroubleResult<()> {
        desk.keep_own(Own::Places, &way)
    };
    app.ask_result(stored, |_, kept| {
        if let Err(trouble) = kept {
            tracing::warn!(code = %trouble.code, "The way back was not stored.");
        }
    });
}

/// After an unlock: back to where this officer was, else home.
pub(crate) fn resume(app: &Rc<App>) {
    app.ask_result(
        |desk| desk.own(Own::Places),
        |app, kept| {
            let (way, left) = from_json(&kept.ok().flatten().unwrap_or_default());
            let task = way.iter().find_map(|place| match place {
                Place::Task(task) => Some(task.clone()),
                _ => None,
            });
            let Some(task) = task else {
                return app.restart_at(if way.is_empty() { &[Place::Today] } else { &way });
            };
            task::load(app, &task, move |app, ready| {
                // The task was withdrawn, or its package has to be checked first.
                let known = app.task_id().is_some();
                let far = way.iter().position(|place| matches!(place, Place::Task(_)));
                let far = match (known, ready) {
                    (true, true) => way.len(),
                    (true, false) => far.unwrap_or(0).saturating_add(1),
                    (false, _) => 0,
                };
                let way: Vec<Place> = way.into_iter().take(far).collect();
                if ready {
                    left::bring_back(app, left);
                }
                app.restart_at(if way.is_empty() { &[Place::Today] } else { &way });
                if ready {
                    suspicions::run_unasked(app);
                }
            });
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Vec<Place> {
        let task = TaskId::parse("T-2026-0001").unwrap();
        vec![Place::Today, Place::Task(task), Place::Persons, Place::Person("P-1".to_owned())]
    }

    #[test]
    fn a_way_is_kept_up_to_the_first_half_act() {
        let mut nav = way();
        let left = Left { tray: Some(2), ..Left::default() };
        let json = |nav: &[Place]| to_json(nav, left.clone());
        assert_eq!(from_json(&json(&nav)), (nav.clone(), left.clone()));
        nav.push(Place::Seal { leaving: true });
        nav.push(Place::Sync);
        assert_eq!(from_json(&json(&nav)).0, way());
        assert!(from_json("").0.is_empty());
        let later = json(&nav).replace("spotcheck-places/1", "spotcheck-places/2");
        assert!(from_json(&later).0.is_empty());
        // Kept by an older program: the way, and nothing that was typed.
        let older = r#"{"schema":"spotcheck-places/1","places":["today"]}"#;
        assert_eq!(from_json(older), (vec![Place::Today], Left::default()));
    }

    #[test]
    fn another_place_of_the_work_space_lies_right_above_the_task() {
        let there = to_tab(&way(), 4).unwrap();
        assert_eq!(there.last(), Some(&Place::Collect));
        assert_eq!(there.len(), 3);
        assert_eq!(to_tab(&way(), 0).unwrap().len(), 2);
        assert!(to_tab(&[Place::Today], 1).is_none());
        assert!(to_tab(&way(), 6).is_none());
    }
}
