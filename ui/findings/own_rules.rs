//! The rules that an officer composed: kept under the officer's own key, run again one by one or all together.
//!
//! Each says when it last ran and what it found then. What a rule finds takes the place of what it found before; in a
//! case it also stands in the journal and goes into the draft pack of the bundle ([`spotcheck_app::composed`]).

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use spotcheck_app::composed::RanRule;
use spotcheck_app::desk::Own;
use spotcheck_app::errand::{Errand, Home};
use spotcheck_app::rules::Outcome;
use spotcheck_app::rules::compose::{Composed, lists};
use spotcheck_domain::time::rfc3339;
use spotcheck_face::NamedRow;

use crate::app::App;
use crate::findings::compose;
use crate::findings::suspicions::{self, Around};
use crate::frame::errand;
use crate::language::{say, word};
use crate::words;

/// Schema of what an officer keeps.
const SCHEMA: &str = "spotcheck-own-rules/2";
/// The one before: rules without when they ran.
const FIRST: &str = "spotcheck-own-rules/1";
/// Rules that are kept, newest first.
const KEPT: usize = 20;

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    schema: String,
    rules: Vec<T>,
}

/// What was kept; of a form that this program does not know: nothing.
fn read(text: &str) -> Vec<RanRule> {
    let now = serde_json::from_str::<Kept<RanRule>>(text).ok().filter(|k| k.schema == SCHEMA);
    if let Some(kept) = now {
        return kept.rules;
    }
    let first = serde_json::from_str::<Kept<Composed>>(text).ok().filter(|k| k.schema == FIRST);
    let rules = first.map(|k| k.rules).unwrap_or_default();
    rules.into_iter().map(|rule| RanRule { rule, last: None, hits: None }).collect()
}

fn written(rules: &[RanRule]) -> String {
    let kept = Kept { schema: SCHEMA.to_owned(), rules: rules.to_vec() };
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The newest first, each once.
fn put(rules: &mut Vec<RanRule>, ran: RanRule) {
    rules.retain(|other| other.rule != ran.rule);
    rules.insert(0, ran);
    rules.truncate(KEPT);
}

/// One of them in the list: what it says, when it last ran, what it found.
pub(crate) fn row(ran: &RanRule) -> NamedRow {
    let mut note = vec![ran.rule.id(), word(ran.rule.whose.zh()).to_owned()];
    note.push(match &ran.last {
        Some(last) => say!("上次 {}", words::day_and_time(last)),
        None => say!("还没有运行").to_owned(),
    });
    NamedRow {
        title: ran.rule.sentence().into(),
        note: note.join(" · ").into(),
        state: ran.hits.map_or_else(String::new, |hits| say!("{} 条", words::count(hits))).into(),
        ..NamedRow::default()
    }
}

/// This officer's rules, and the lists that rules can be made of.
pub(crate) fn load(app: &Rc<App>) {
    app.ask_result(
        |desk| desk.own(Own::Rules),
        |app, kept| {
            *app.compose.saved.borrow_mut() = read(&kept.ok().flatten().unwrap_or_default());
            compose::draw(app);
        },
    );
    let Some(task) = app.task_id() else { return };
    app.ask_result(
        move |desk| desk.rules_in_force(&task).map(|(pack, _)| lists(&pack)),
        |app, found| {
            *app.compose.lists.borrow_mut() = found.unwrap_or_default();
            compose::draw(app);
        },
    );
}

/// Runs rules one after the other over the package; then shows what the only one, or all of them, found.
pub(crate) fn run(app: &Rc<App>, rules: Vec<Composed>) {
    if app.task_id().is_none() || app.compose.running.replace(true) {
        return;
    }
    for rule in rules.iter().rev() {
        let known = app.compose.saved.borrow().iter().find(|ran| ran.rule == *rule).cloned();
        let ran = known.unwrap_or_else(|| RanRule { rule: rule.clone(), last: None, hits: None });
        keep(app, ran);
    }
    compose::draw(app);
    let alone = rules.len() == 1;
    let mut rules = rules;
    rules.reverse();
    next(app, rules, (alone, 0));
}

fn next(app: &Rc<App>, mut rules: Vec<Composed>, (alone, total): (bool, usize)) {
    let (Some(task), Some(rule)) = (app.task_id(), rules.pop()) else {
        app.compose.running.set(false);
        compose::draw(app);
        if !alone {
            app.toast(&say!("全部核对完：{} 条，仍要核实", total));
        }
        return;
    };
    let work =
        (Errand::Compose(task, Box::new(rule.clone())), say!("正在按自编规则核对").to_owned());
    errand::run_in_turn(app, vec![work], move |app, home| {
        // Locked meanwhile: nobody is there to look at it.
        if !app.compose.running.get() {
            return;
        }
        match home {
            Ok(Some(Home::Audited(outcome))) => {
                let found = outcome.findings.len();
                came_home(app, &rule, *outcome, alone);
                next(app, rules, (alone, total.saturating_add(found)));
            }
            Ok(_) => stop(app),
            Err(trouble) => {
                stop(app);
                errand::show_trouble(app, &trouble);
            }
        }
    });
}

fn stop(app: &Rc<App>) {
    app.compose.running.set(false);
    compose::draw(app);
}

fn came_home(app: &Rc<App>, rule: &Composed, outcome: Outcome, alone: bool) {
    let id = rule.id();
    let refused = outcome.refused.first().map(ToString::to_string);
    let told = outcome.silences.first().map(|s| s.reason.clone());
    let count = outcome.findings.len();
    let now = rfc3339(app.clock.read().wall_ms);
    let hits = u64::try_from(count).ok();
    keep(app, RanRule { rule: rule.clone(), last: Some(now), hits });
    suspicions::add(app, &id, outcome.findings);
    if !alone {
        return;
    }
    app.compose.running.set(false);
    compose::draw(app);
    match (count, refused, told) {
        (0, Some(why), _) => app.toast(&why),
        (0, None, Some(why)) => app.toast(&say!("没有找到。未判断的：{}", why)),
        (0, None, None) => app.toast(say!("没有找到符合的")),
        (count, ..) => {
            suspicions::show_around(app, Around::Rule(id));
            app.toast(&say!("找到 {} 条，仍要核实", count));
        }
    }
}

/// For the next visit, and for the case.
fn keep(app: &Rc<App>, ran: RanRule) {
    put(&mut app.compose.saved.borrow_mut(), ran.clone());
    let json = written(&app.compose.saved.borrow());
    let case = app.case_id();
    app.ask(
        move |desk| {
            desk.keep_own(Own::Rules, &json)?;
            case.map_or(Ok(()), |case| desk.keep_rule_of_case(&case, &ran))
        },
        |_, ()| {},
    );
}

#[cfg(test)]
mod tests {
    use spotcheck_app::rules::compose::Pick;

    use super::*;

    fn rule(word: &str) -> Composed {
        Composed { items: vec![Pick::Word(word.to_owned())], ..Composed::default() }
    }

    #[test]
    fn rules_of_an_earlier_version_are_kept_and_the_newest_stands_first() {
        let old = Kept { schema: FIRST.to_owned(), rules: vec![rule("静脉"), rule("床位")] };
        let mut rules = read(&serde_json::to_string(&old).unwrap());
        assert_eq!((rules.len(), rules[0].last.clone()), (2, None));
        let last = Some("2026-11-20T10:05:41.000+08:00".to_owned());
        put(&mut rules, RanRule { rule: rule("床位"), last, hits: Some(3) });
        assert_eq!((rules.len(), rules[0].hits), (2, Some(3)));
        assert_eq!(read(&written(&rules)), rules);
        for n in 0..30 {
            put(&mut rules, RanRule { rule: rule(&n.to_string()), last: None, hits: None });
        }
        assert_eq!((rules.len(), rules[0].rule.clone()), (KEPT, rule("29")));
        assert!(read("{}").is_empty() && read("").is_empty());
    }
}
