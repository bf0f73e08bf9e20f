//! Figures after a lock: the topic and the periods that were chosen, and one figure computed anew.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::indicators::IndicatorQuery;
use spotcheck_app::rules::indicators::{Answer, Line};
use spotcheck_face::{FigureItem, Indicators};

use super::{RANKED, compute, forget, show_one, warning};
use crate::app::{App, Place};
use crate::findings::span::{Chosen, Span};
use crate::frame::left;

/// What was chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Left {
    /// Id of the topic.
    topic: String,
    span: Chosen,
}

/// As it stands now.
pub(crate) fn left(app: &App) -> Option<Left> {
    let model = &app.indicators;
    let catalogue = model.catalogue.borrow();
    let topic = catalogue.as_ref()?.topics.keys().nth(model.topic.get()).cloned()?;
    let here = model.task.borrow().is_some() && *model.task.borrow() == app.task_id();
    here.then(|| Left { topic, span: model.span.borrow().chosen() })
}

/// As it stood before the lock.
fn come_back(app: &App, left: &Left) {
    let model = &app.indicators;
    let at = {
        let catalogue = model.catalogue.borrow();
        catalogue.as_ref().and_then(|c| c.topics.keys().position(|id| *id == left.topic))
    };
    model.topic.set(at.unwrap_or(0));
    model.span.borrow_mut().choose(left.span);
}

/// Begins with the open task, unless that was done: its catalogue and periods.
pub(super) fn with_catalogue(app: &Rc<App>, then: impl FnOnce(&Rc<App>) + Send + 'static) {
    let Some(card) = app.task.borrow().clone() else { return };
    if app.indicators.task.borrow().as_ref() == Some(&card.task.id) {
        return then(app);
    }
    forget(app);
    *app.indicators.task.borrow_mut() = Some(card.task.id.clone());
    *app.indicators.span.borrow_mut() = Span::of(&card.task.period_from, &card.task.period_to);
    let task = card.task.id;
    app.ask(
        move |desk| desk.catalogue(&task),
        |app, catalogue| {
            let topics: Vec<SharedString> =
                catalogue.topics.values().map(|t| t.name.as_str().into()).collect();
            app.window.global::<Indicators<'_>>().set_topics(ModelRc::new(VecModel::from(topics)));
            *app.indicators.catalogue.borrow_mut() = Some(Rc::new(catalogue));
            if let Some(left) = left::take(app, |left| left.indicators.take()) {
                come_back(app, &left);
            }
            then(app);
        },
    );
}

/// A figure of an answer, and what its warning says.
pub(super) fn told(answer: &Answer, id: &str) -> Option<(Line, String)> {
    let line = answer.indicators.iter().find(|line| line.id == id)?;
    Some((line.clone(), warning(answer, id)))
}

/// After a lock nothing but the name of the figure is left: it is computed anew.
pub(super) fn fetch_one(app: &Rc<App>, id: String) {
    let face = app.window.global::<Indicators<'_>>();
    face.set_title("".into());
    face.set_one(FigureItem::default());
    with_catalogue(app, move |app| {
        app.indicators.owed.set(true);
        let name = {
            let catalogue = app.indicators.catalogue.borrow();
            let own = catalogue.as_ref().and_then(|c| c.indicators.get(&id));
            own.map(|own| own.name.clone()).unwrap_or_default()
        };
        let face = app.window.global::<Indicators<'_>>();
        face.set_title(name.into());
        face.set_span(app.indicators.span.borrow().words().into());
        let (period, against) = app.indicators.span.borrow().periods();
        let query = IndicatorQuery {
            ids: vec![id.clone()],
            period,
            against,
            limit: RANKED,
            ..IndicatorQuery::default()
        };
        compute(app, query, move |app, answer| {
            let here = app.place() == Place::Indicator(id.clone());
            if let Some((line, warned)) = told(&answer, &id).filter(|_| here) {
                show_one(app, line, &warned);
            }
        });
    });
}
