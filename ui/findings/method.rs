//! How a rule finds what it finds: definition, logic, parameters and who set them, what silences it, where it may
//! be wrong, and how to check it on site. From a finding, and by name from the look-up.
//!
//! The texts are the pack's own, so that the page cannot say anything else than what was run.

use std::cell::RefCell;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::rules::{Exclusion, Pack, Param, Rule, SetBy};
use spotcheck_domain::{Amount, TaskId, reference};
use spotcheck_face::{Method, NamedRow, PairItem};

use crate::app::{App, Place};
use crate::findings::suspicion;
use crate::frame::status::{pair, pairs};
use crate::frame::{left, place};
use crate::language::{kept, mark, say, word};

#[derive(Default)]
pub(crate) struct Model {
    /// The rules in force for a task.
    rules: RefCell<Option<(TaskId, Rc<Vec<Rule>>)>>,
    query: RefCell<String>,
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Method<'_>>();
    face.on_search(app.on_with(|app, query: SharedString| {
        query.trim().clone_into(&mut app.method.query.borrow_mut());
        place::remember(app);
        list(app);
    }));
    face.on_open(app.on_with(|app, rule: SharedString| app.go(Place::Method(rule.to_string()))));
    face.on_of_finding(app.on(|app| {
        if let Some((_, finding)) = suspicion::open_finding(app) {
            app.go(Place::Method(finding.rule));
        }
    }));
    face.on_all(app.on(|app| app.go(Place::Methods)));
}

/// Locked: what was typed is the officer's.
pub(crate) fn forget(app: &Rc<App>) {
    app.method.rules.borrow_mut().take();
    app.method.query.borrow_mut().clear();
    let face = app.window.global::<Method<'_>>();
    face.set_query("".into());
    face.set_rules(ModelRc::default());
}

/// What stands in the search.
pub(crate) fn left(app: &App) -> Option<String> {
    Some(app.method.query.borrow().clone()).filter(|query| !query.is_empty())
}

pub(crate) fn enter_list(app: &Rc<App>) {
    if let Some(query) = left::take(app, |left| left.methods.take()) {
        app.window.global::<Method<'_>>().set_query(query.as_str().into());
        *app.method.query.borrow_mut() = query;
    }
    with_rules(app, |app, _| list(app));
}

pub(crate) fn enter(app: &Rc<App>, rule: &str) {
    let rule = rule.to_owned();
    with_rules(app, move |app, rules| {
        // The newest version; of one that the pack does not know (composed on site) there is nothing to tell.
        let found = rules.iter().filter(|r| r.id == rule).max_by_key(|r| r.from);
        draw(app, &rule, found);
    });
}

/// The rules in force for the task, fetched once.
fn with_rules(app: &Rc<App>, then: impl FnOnce(&Rc<App>, &[Rule]) + Send + 'static) {
    let Some(task) = app.task_id() else { return };
    let known = app.method.rules.borrow().as_ref().filter(|(of, _)| *of == task).cloned();
    if let Some((_, rules)) = known {
        return then(app, &rules);
    }
    let of = task.clone();
    app.ask(
        move |desk| desk.rules_in_force(&of),
        move |app, (pack, _): (Pack, _)| {
            let rules = Rc::new(pack.rules);
            *app.method.rules.borrow_mut() = Some((task, Rc::clone(&rules)));
            then(app, &rules);
        },
    );
}

/// Rules that hold every word that was typed, in their order.
fn matching<'a>(rules: &'a [Rule], query: &str) -> Vec<&'a Rule> {
    let query = query.to_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    let holds = |rule: &Rule| {
        let text = format!("{} {} {}", rule.id, rule.name, rule.official.definition);
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let mut found: Vec<&Rule> = rules.iter().filter(|rule| holds(rule)).collect();
    found.sort_by(|a, b| a.id.cmp(&b.id).then(b.from.cmp(&a.from)));
    found.dedup_by(|a, b| a.id == b.id);
    found
}

fn list(app: &Rc<App>) {
    let Some((_, rules)) = app.method.rules.borrow().clone() else { return };
    let query = app.method.query.borrow().clone();
    let found = matching(&rules, &query);
    let face = app.window.global::<Method<'_>>();
    face.set_count(say!("共 {} 条", found.len()).into());
    let rows = found.into_iter().map(|rule| NamedRow {
        id: rule.id.as_str().into(),
        title: format!("{} {}", rule.id, rule.name).into(),
        note: word(rule.grade.light()).into(),
        state: if rule.enabled { "" } else { say!("未启用") }.into(),
        done: false,
    });
    face.set_rules(ModelRc::new(VecModel::from_iter(rows)));
}

/// A natural cause that a rule leaves alone.
fn cause(cause: Exclusion) -> &'static str {
    match cause {
        Exclusion::Chemo => say!("放化疗"),
        Exclusion::Dialysis => say!("透析"),
        Exclusion::Emergency => say!("急诊"),
        Exclusion::Transfer => say!("转院"),
        Exclusion::WardChange => say!("转科"),
        Exclusion::Newborn => say!("分娩与新生儿"),
        Exclusion::Leave => say!("请假、留床"),
        Exclusion::DaySurgery => say!("日间手术"),
        Exclusion::Death => say!("死亡"),
        Exclusion::External => say!("外院检查"),
        Exclusion::TakeHome => say!("出院带药"),
        Exclusion::Identity => say!("性别、年龄存疑"),
        Exclusion::Grouped => say!("按病组付费"),
        Exclusion::Split => say!("拆零"),
    }
}

fn causes(all: &[Exclusion]) -> String {
    all.iter().map(|c| cause(*c)).collect::<Vec<_>>().join(say!("、"))
}

/// What a parameter of a pack is called here.
const PARAMS: &[(&str, &str)] = &[
    ("after_days", mark!("延后天数")),
    ("amount", mark!("限额（元）")),
    ("before_days", mark!("提前天数")),
    ("cap", mark!("上限")),
    ("ceiling", mark!("占比上限")),
    ("count", mark!("个数")),
    ("counting_rule", mark!("计日口径")),
    ("day_minutes", mark!("每日分钟")),
    ("days", mark!("天数")),
    ("factor", mark!("倍数")),
    ("grace_days", mark!("宽限天数")),
    ("high", mark!("高限")),
    ("hours", mark!("小时")),
    ("lag_days", mark!("滞后天数")),
    ("least", mark!("最少件数")),
    ("leave_days", mark!("请假天数")),
    ("low", mark!("低限")),
    ("minutes", mark!("分钟")),
    ("pre_days", mark!("预住院天数")),
    ("quantity", mark!("数量")),
    ("ratio", mark!("单价倍数")),
    ("seconds", mark!("秒数")),
    ("share", mark!("比例")),
    ("shift_minutes", mark!("班次分钟")),
    ("tolerance", mark!("容差")),
    ("unit_minutes", mark!("单位分钟")),
    ("z", mark!("z 值")),
];

/// The word for a parameter; a pack of a region may have others.
fn param(name: &str) -> &str {
    PARAMS.iter().find(|(known, _)| *known == name).map_or(name, |(_, words)| word(words))
}

/// Each parameter with its value, and who set it; or that the region has not loaded it.
fn params(rule: &Rule) -> Vec<PairItem> {
    let told = |(name, of): (&String, &Param)| {
        let value = of.value.map_or_else(
            || say!("当地未装载").to_owned(),
            |v| Amount::from_millionths(v).to_string(),
        );
        let label = match of.origin {
            SetBy::LocalDefault if of.value.is_some() => say!("{}（参考值）", param(name)),
            _ => param(name).to_owned(),
        };
        pair(&label, &value)
    };
    rule.params.iter().map(told).collect()
}

/// What a rule compares, in words: its parameters stand below by themselves.
fn logic(rule: &Rule) -> String {
    let text = &rule.official.logic;
    let text = text.split_once(kept!("参数：")).map_or(text.as_str(), |(before, _)| before);
    in_words(text, rule.params.keys().map(String::as_str).collect())
}

/// A text with the names of parameters in words; what stands for one is not looked into again.
fn in_words(text: &str, mut names: Vec<&str>) -> String {
    let latin = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // The longest first: `days` stands in `leave_days`.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        // With the blanks that set a Latin word off.
        let at = rest.strip_prefix(' ').unwrap_or(rest);
        let inside = next != ' ' && told.chars().next_back().is_some_and(latin);
        let found = names.iter().filter(|_| !inside).find_map(|name| {
            at.strip_prefix(*name)
                .filter(|after| !after.starts_with(latin))
                .map(|after| (*name, after))
        });
        if let Some((name, after)) = found {
            let words = param(name);
            told.push_str(words);
            rest = after.strip_prefix(' ').unwrap_or(after);
            // "z 值" stands for z itself, as in "z值".
            if words.ends_with(kept!("值")) {
                rest = rest.strip_prefix(kept!("值")).unwrap_or(rest);
            }
        } else {
            told.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
    told
}

fn texts(all: &[String]) -> ModelRc<SharedString> {
    ModelRc::new(VecModel::from_iter(all.iter().map(SharedString::from)))
}

/// Where the rule comes from.
fn source(rule: &Rule) -> Vec<PairItem> {
    let mut rows = Vec::new();
    if !rule.official.numbers.is_empty() {
        let numbers: Vec<String> = rule.official.numbers.iter().map(u8::to_string).collect();
        rows.push(pair(say!("国家规则清单"), &say!("第 {} 条", numbers.join(say!("、")))));
    }
    for (title, article) in rule.clause.iter().filter_map(|text| reference::clause(text)) {
        rows.push(pair(&article, title));
    }
    rows.push(pair(say!("规则包"), &rule.pack));
    rows
}

fn definition(rule: &Rule) -> Vec<PairItem> {
    let official = &rule.official;
    let rows = [
        (say!("定义"), official.definition.clone()),
        (say!("逻辑"), logic(rule)),
        (say!("本机怎么读"), rule.reading.clone()),
        (say!("时间区间"), official.range.clone()),
        (say!("应用场景"), official.scene.join(say!("、"))),
    ];
    rows.into_iter().filter(|(_, text)| !text.is_empty()).map(|(l, t)| pair(l, &t)).collect()
}

fn draw(app: &Rc<App>, id: &str, rule: Option<&Rule>) {
    let face = app.window.global::<Method<'_>>();
    face.set_title(rule.map_or(id, |r| r.name.as_str()).into());
    face.set_note(id.into());
    face.set_known(rule.is_some());
    let Some(rule) = rule else { return };
    let light = match rule.grade.light().chars().next() {
        Some('红') => 0,
        Some('黄') => 1,
        _ => 2,
    };
    face.set_light(light);
    face.set_light_words(word(rule.grade.light()).into());
    face.set_definition(pairs(definition(rule)));
    face.set_params(pairs(params(rule)));
    face.set_source(pairs(source(rule)));
    face.set_look(texts(&rule.look));
    face.set_doubts(texts(&rule.doubt));
    let left = causes(&rule.exclude);
    let softer = causes(&rule.downgrade);
    let rows = [(say!("自动排除"), left), (say!("降为待核实"), softer)];
    let rows = rows.into_iter().filter(|(_, text)| !text.is_empty());
    face.set_causes(pairs(rows.map(|(label, text)| pair(label, &text)).collect()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_found_by_id_name_or_definition_and_told_once() {
        let rules = spotcheck_app::rules::national().unwrap().rules;
        let ids = |query: &str| -> Vec<String> {
            matching(&rules, query).into_iter().map(|r| r.id.clone()).collect()
        };
        assert_eq!(ids("a14"), ["A14"]);
        assert!(ids("床位费 住院天数").contains(&"A14".to_owned()));
        assert!(ids("没有这样的规则").is_empty());
        let all = ids("");
        let once: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(once.len(), all.len(), "one entry a rule");
    }

    #[test]
    fn names_of_parameters_are_put_into_words_once() {
        let told = |text: &str| in_words(text, vec!["days", "leave_days", "z"]);
        let (days, z) = (param("days"), param("z"));
        assert_eq!(told("z 大于z值"), format!("{z}大于{z}"));
        assert_eq!(told("超过 days 即提示"), format!("超过{days}即提示"));
        assert_eq!(told("leave_days加days"), format!("{}加{days}", param("leave_days")));
        assert_eq!(told("size、some_days、zoo"), "size、some_days、zoo", "no part of a word");
    }

    /// Whoever asks how a rule finds is told what it compares, where it may be wrong and what settles it.
    #[test]
    fn every_rule_of_the_nation_can_be_told() {
        for rule in spotcheck_app::rules::national().unwrap().rules {
            assert!(definition(&rule).len() >= 2, "{} has no definition", rule.id);
            let said = logic(&rule);
            let twice = ["_", "值值", "值 值", "天数天数"].iter().any(|wrong| said.contains(wrong));
            assert!(!twice, "{}: {said}", rule.id);
            for name in rule.params.keys() {
                assert_ne!(param(name), name, "{} has a parameter without words", rule.id);
            }
            assert!(!rule.look.is_empty(), "{} says nothing to look at", rule.id);
            // `-`: a lead that no article names.
            let cited = rule.clause.iter().any(|c| c != "-") || !rule.official.numbers.is_empty();
            assert!(source(&rule).len() > usize::from(cited), "{} has no source", rule.id);
        }
    }
}
