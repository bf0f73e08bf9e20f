//! What the rules did not judge: rule, reason, how often. A missing value silences a rule there, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::rules::{Outcome, PackError, Silence};
use spotcheck_face::{NamedRow, Unjudged};

use crate::app::App;
use crate::findings::finding;
use crate::language::say;

/// What a whole run did not judge.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    silences: Vec<Silence>,
    /// Rules that found more than they may: none of it is shown.
    refused: Vec<PackError>,
}

impl Gaps {
    /// Those of a run.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        Self { silences: outcome.silences.clone(), refused: outcome.refused.clone() }
    }

    /// A run of one rule tells about that rule anew.
    pub(crate) fn replace(&mut self, rule: &str, outcome: &Outcome) {
        let about = |field: &str| field.contains(&format!("rule {rule} "));
        self.silences.retain(|s| s.rule != rule);
        self.refused.retain(|r| !about(&r.field));
        self.silences.extend(outcome.silences.iter().filter(|s| s.rule == rule).cloned());
        self.refused.extend(outcome.refused.iter().filter(|r| about(&r.field)).cloned());
    }

    /// Rules that said nothing somewhere.
    fn rules(&self) -> usize {
        let silent: BTreeSet<&str> = self.silences.iter().map(|s| s.rule.as_str()).collect();
        silent.len().saturating_add(self.refused.len())
    }

    /// For the list of findings; empty where everything was judged.
    pub(crate) fn words(&self) -> String {
        match self.rules() {
            0 => String::new(),
            rules => say!("未判断 {} 条规则", rules),
        }
    }

    fn rows(&self, names: &BTreeMap<String, String>) -> Vec<NamedRow> {
        let title = |rule: &str| match names.get(rule) {
            Some(name) => format!("{rule} {name}"),
            None => rule.to_owned(),
        };
        let refused = self.refused.iter().map(|r| NamedRow {
            id: rule_of(&r.field).into(),
            title: title(rule_of(&r.field)).into(),
            note: r.reason.as_str().into(),
            state: "".into(),
            done: true,
        });
        let silent = self.silences.iter().map(|s| NamedRow {
            id: s.rule.as_str().into(),
            title: title(&s.rule).into(),
            note: s.reason.as_str().into(),
            state: say!("{} 处", s.count).into(),
            done: false,
        });
        refused.chain(silent).collect()
    }
}

/// `A14` of `rule A14 .max_hits`.
fn rule_of(field: &str) -> &str {
    field.split_whitespace().nth(1).unwrap_or(field)
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Unjudged<'_>>();
    face.on_run(app.on_with(|app, rule: SharedString| finding::run_rule(app, rule.to_string())));
}

pub(crate) fn enter(app: &Rc<App>) {
    draw(app, &BTreeMap::new());
    let Some(task) = app.task_id() else { return };
    app.ask(
        move |desk| desk.rules_in_force(&task),
        |app, (pack, _)| {
            draw(app, &pack.rules.into_iter().map(|rule| (rule.id, rule.name)).collect());
        },
    );
}

fn draw(app: &App, names: &BTreeMap<String, String>) {
    let face = app.window.global::<Unjudged<'_>>();
    let gaps = app.suspicions.gaps.borrow();
    face.set_note(gaps.words().into());
    face.set_rows(ModelRc::new(VecModel::from(gaps.rows(names))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(rule: &str, reason: &str, count: u64) -> Silence {
        Silence { rule: rule.to_owned(), reason: reason.to_owned(), count }
    }

    /// rules.md: a value that is missing silences the rule there and says so.
    #[test]
    fn a_silent_rule_is_counted_once_and_tells_every_reason() {
        let refused = PackError {
            file: "rules.toml".to_owned(),
            line: 12,
            field: "rule B03 .max_hits".to_owned(),
            reason: "命中 9 万条，多于 1 万条".to_owned(),
        };
        let outcome = Outcome {
            silences: vec![
                silence("A14", "住院床位计价口径未加载", 1),
                silence("A20", "缺少字段 exe_time", 3),
                silence("A20", "未上传", 7),
            ],
            refused: vec![refused],
            ..Outcome::default()
        };
        let mut gaps = Gaps::of(&outcome);
        assert_eq!(gaps.words(), "未判断 3 条规则");
        let names = BTreeMap::from([("A20".to_owned(), "执行记录缺失".to_owned())]);
        let rows = gaps.rows(&names);
        assert_eq!((rows[0].id.as_str(), rows[0].done), ("B03", true));
        assert_eq!(rows[3].title, "A20 执行记录缺失");
        assert_eq!((rows[3].note.as_str(), rows[3].state.as_str()), ("未上传", "7 处"));
        gaps.replace("A20", &Outcome::default());
        gaps.replace("B03", &Outcome::default());
        assert_eq!(gaps.words(), "未判断 1 条规则");
    }
}
