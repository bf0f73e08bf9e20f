//! What a rule must satisfy before it is loaded: known form, right fields, parameters, words, placeholders.

use std::collections::{BTreeMap, BTreeSet};

use super::Knowledge;
use super::rule::{Form, KernelId, Rule, Selector, Use};
use crate::error::PackError;
use KernelId::{K1, K2, K3, K4, K5, K6, K7, K8, K9, K10, K11, K12, K13, K14, K15};

const fn form(
    kernel: KernelId,
    name: &'static str,
    needs: &'static [&'static str],
    may: &'static [&'static str],
    params: &'static [&'static str],
) -> Form {
    Form { kernel, name, needs, may, params }
}

/// Every form of every kernel. `scope` may stand everywhere; parameters that may stand everywhere are in
/// [`COMMON_PARAMS`].
const FORMS: &[Form] = &[
    form(K1, "line", &["attribute"], &["items", "list", "words"], &[]),
    form(K1, "diagnosis", &["attribute", "list"], &[], &[]),
    form(K1, "operation", &["attribute", "list"], &[], &[]),
    form(K1, "zero_day", &[], &[], &["amount"]),
    form(K1, "insured", &[], &[], &[]),
    form(K1, "staff", &["attribute"], &["items", "words"], &[]),
    form(K2, "pair", &["list", "window"], &["words"], &[]),
    form(K2, "alone", &["list", "other"], &[], &[]),
    form(K2, "levels", &["items"], &[], &[]),
    form(K2, "class", &["list"], &[], &["days"]),
    form(K3, "sum", &["window", "cap"], &["items", "list", "measure", "per", "only"], &[]),
    form(K4, "limit", &[], &["items"], &[]),
    form(K4, "second", &["items"], &[], &["share"]),
    form(K4, "self_pay", &["items"], &[], &[]),
    form(K4, "purchase", &["items"], &[], &["ratio"]),
    form(K5, "readmission", &[], &[], &["days"]),
    form(K5, "elsewhere", &[], &[], &["days"]),
    form(K5, "refill", &["items"], &[], &[]),
    form(K5, "prescriptions", &[], &[], &["count"]),
    form(K6, "stays", &[], &[], &["days"]),
    form(K6, "stays_here", &[], &[], &["days"]),
    form(K6, "elsewhere", &[], &[], &[]),
    form(K6, "here", &[], &[], &[]),
    form(K6, "leave", &["items"], &[], &[]),
    form(K6, "patient", &["words"], &[], &["minutes"]),
    form(K6, "staff", &["words"], &[], &["minutes"]),
    form(K7, "death", &[], &["items"], &["grace_days"]),
    form(K7, "stay", &[], &["items", "other"], &[]),
    form(K7, "report", &[], &[], &["hours"]),
    form(K7, "operation", &[], &[], &[]),
    form(K7, "equipment", &[], &["items"], &[]),
    form(K7, "staff", &[], &["items"], &[]),
    form(K7, "hours", &[], &[], &[]),
    form(K7, "agreement", &[], &[], &[]),
    form(K8, "evidence", &["items", "entity"], &["other", "per", "words"], &[]),
    form(K8, "empty_days", &["items"], &[], &["days"]),
    form(K8, "history", &["items", "other"], &[], &["days"]),
    form(K8, "diagnosis", &[], &[], &[]),
    form(K8, "fields", &[], &["items"], &["ceiling", "count"]),
    form(K8, "fields_share", &[], &["items"], &["ceiling", "count"]),
    form(K8, "list_fields", &[], &[], &[]),
    form(K8, "dx_item", &["list"], &[], &[]),
    form(K8, "op_fee", &["items"], &[], &[]),
    form(K8, "op_dx", &["list"], &[], &[]),
    form(K8, "swapped", &["items"], &[], &[]),
    form(K8, "outside", &["items"], &[], &[]),
    form(K8, "group", &["items", "list"], &[], &[]),
    form(K9, "nursing_days", &["items"], &[], &[]),
    form(K9, "orders", &["items"], &[], &[]),
    form(K9, "events", &["items"], &[], &[]),
    form(K9, "minutes", &["items"], &["words"], &["unit_minutes"]),
    form(K9, "grade", &["list"], &[], &[]),
    form(K9, "prescribed", &["items"], &[], &[]),
    form(K9, "log", &[], &[], &[]),
    form(K10, "supply", &["items"], &[], &[]),
    form(K10, "count", &[], &[], &["share", "least"]),
    form(K10, "goods", &["items"], &[], &[]),
    form(K10, "invoice", &[], &[], &[]),
    form(K11, "staff_minutes", &["list"], &[], &["shift_minutes"]),
    form(K11, "beds", &[], &[], &["share"]),
    form(K11, "doctor_day", &[], &[], &["count"]),
    form(K11, "device_minutes", &["list"], &[], &["day_minutes"]),
    form(K12, "repeat", &[], &[], &[]),
    form(K12, "repeat_elsewhere", &[], &[], &["count"]),
    form(K12, "item", &[], &[], &[]),
    form(K12, "shelf", &[], &[], &[]),
    form(K12, "shelf_elsewhere", &[], &[], &["count"]),
    form(K13, "visits", &[], &[], &["days", "count"]),
    form(K13, "drug", &["items"], &[], &["days", "count"]),
    form(K13, "hoarding", &["items"], &[], &["days", "count", "quantity"]),
    form(K13, "split", &[], &[], &["seconds"]),
    form(K13, "hop", &[], &[], &["minutes"]),
    form(K13, "cards", &[], &[], &["minutes", "count"]),
    form(K13, "cluster", &[], &[], &["count"]),
    form(K13, "doctor_hour", &["items"], &[], &["minutes", "count"]),
    form(K13, "doctor_gap", &["items"], &[], &["seconds", "count"]),
    form(K13, "phones", &[], &[], &["count"]),
    form(K14, "share", &["items"], &[], &["ceiling"]),
    form(K14, "stay_share", &["items", "other"], &[], &["high", "low", "days"]),
    form(K14, "readmission_rate", &[], &[], &["days", "ceiling"]),
    form(K14, "surge", &[], &[], &["factor"]),
    form(K14, "year_end", &[], &[], &["factor", "days"]),
    form(K14, "peer", &[], &[], &["z"]),
    form(K14, "no_diagnosis", &[], &[], &["ceiling"]),
    form(K14, "cost_group", &[], &[], &["z", "count"]),
    form(K14, "short_group", &[], &[], &["share", "count"]),
    form(K14, "concentration", &[], &[], &["ceiling"]),
    form(K14, "waived", &[], &[], &["ceiling"]),
    form(K14, "uncoded", &["items"], &[], &["ceiling"]),
    form(K15, "results", &[], &[], &["count"]),
    form(K15, "notes", &[], &[], &["count"]),
    form(K15, "bills", &[], &[], &["count"]),
];

/// Parameters that any rule may declare.
const COMMON_PARAMS: &[&str] = &[
    "lag_days",
    "tolerance",
    "cap",
    "share",
    "days",
    "before_days",
    "after_days",
    "leave_days",
    "pre_days",
];

/// How a region counts: kernels that do count by it, and the ways they know. What a kernel does not read says nothing
/// about how sure a finding is, so nobody else may declare it.
const COUNTING: &str = "counting_rule";

fn counts_by_rule(rule: &Rule) -> bool {
    match (rule.kernel, rule.usage.form.as_str()) {
        (K3, "sum") => rule.usage.cap.as_deref() == Some("stay"),
        (K2, "levels") | (K6, "leave") => true,
        _ => false,
    }
}

/// Placeholders that kernels fill.
const PLACEHOLDERS: &[&str] = &[
    "date",
    "date_b",
    "item",
    "item_b",
    "qty",
    "cap",
    "excess",
    "unit",
    "days",
    "gap",
    "dx",
    "count",
    "value",
    "price",
    "amount",
    "facility_b",
    "visits",
    "seconds",
    "code",
];

/// What papers for the party must never say before a finding is final (rules.md, Words).
const BANNED: &[&str] = &["违规", "违法", "骗保", "欺诈", "虚假", "罚款"];

/// Values of fields that are words.
const WINDOWS: &[&str] = &["day", "visit", "prescription", "month", "quarter", "year"];
const MEASURES: &[&str] = &["quantity", "amount", "lines", "distinct", "days", "dates"];
const ONLY: &[&str] = &["take_home", "after_incision", "day_by_day"];
const CAPS: &[&str] = &["stay", "stay_hours", "point", "param"];

type Wrong = (String, String);

/// Checks one rule; the error is (field, reason).
pub(super) fn rule(rule: &Rule) -> Result<(), Wrong> {
    let wrong = |field: &str, reason: &str| Err((field.to_owned(), reason.to_owned()));
    if rule.id.is_empty() || !rule.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return wrong("id", "只用字母、数字和连字符");
    }
    for (field, text) in
        [("name", &rule.name), ("name_party", &rule.name_party), ("reason", &rule.reason)]
    {
        if text.trim().is_empty() {
            return wrong(field, "不能为空");
        }
    }
    let (o, one) = (&rule.official, std::slice::from_ref);
    for (field, texts) in [
        ("name", one(&rule.name)),
        ("name_party", one(&rule.name_party)),
        ("reason", one(&rule.reason)),
        ("look", &rule.look),
        ("doubt", &rule.doubt),
        ("reading", one(&rule.reading)),
        ("official.definition", one(&o.definition)),
        ("official.logic", one(&o.logic)),
        ("official.range", one(&o.range)),
    ] {
        let word = |text: &String| BANNED.iter().find(|w| text.contains(**w));
        if let Some(word) = texts.iter().find_map(word) {
            return Err((field.to_owned(), format!("不得出现“{word}”")));
        }
    }
    for (field, text) in [("name_party", &rule.name_party), ("reason", &rule.reason)] {
        placeholders(text).map_err(|reason| (field.to_owned(), reason))?;
    }
    if rule.clause.is_empty() || rule.look.is_empty() || rule.doubt.is_empty() {
        let field = if rule.clause.is_empty() {
            "clause"
        } else if rule.look.is_empty() {
            "look"
        } else {
            "doubt"
        };
        return wrong(field, "不能为空");
    }
    if let Some(bad) = rule.clause.iter().find(|c| !is_clause(c)) {
        return Err(("clause".to_owned(), format!("没有条款 {bad}")));
    }
    if rule.weight > 50 {
        return wrong("weight", "应在 0 与 50 之间");
    }
    if rule.max_hits == 0 {
        return wrong("max_hits", "应大于 0");
    }
    usage(rule)
}

/// Articles of 条例 (国务院令第735号).
const ARTICLES: u32 = 50;

fn is_clause(text: &str) -> bool {
    let (most, rest) = match text.split_at_checked(1) {
        Some(("T", rest)) => (ARTICLES, rest),
        Some(("X", rest)) => (99, rest),
        _ => return text == "-",
    };
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| plain)
    };
    let (article, item) = match rest.split_once('(') {
        Some((article, item)) => (article, item.strip_suffix(')').and_then(number)),
        None => (rest, Some(1)),
    };
    let within = |n: Option<u32>, most: u32| n.is_some_and(|n| (1..=most).contains(&n));
    within(number(article), most) && within(item, 20)
}

fn placeholders(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else {
            return Err("花括号不成对".to_owned());
        };
        if !PLACEHOLDERS.contains(&name) {
            return Err(format!("没有占位符 {{{name}}}"));
        }
        rest = tail;
    }
    Ok(())
}

/// The fields of a use that stand.
fn fields(u: &Use) -> Vec<&'static str> {
    let all = [
        ("items", u.items.is_some()),
        ("other", u.other.is_some()),
        ("list", u.list.is_some()),
        ("window", u.window.is_some()),
        ("measure", u.measure.is_some()),
        ("cap", u.cap.is_some()),
        ("per", u.per.is_some()),
        ("entity", !u.entity.is_empty()),
        ("attribute", u.attribute.is_some()),
        ("only", !u.only.is_empty()),
        ("words", !u.words.is_empty()),
    ];
    all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect()
}

fn usage(rule: &Rule) -> Result<(), Wrong> {
    let u = &rule.usage;
    let form = FORMS.iter().find(|f| f.kernel == rule.kernel && f.name == u.form);
    let Some(form) = form else {
        let reason = format!("内核 {} 没有形式 {}", rule.kernel.as_str(), u.form);
        return Err(("use.form".to_owned(), reason));
    };
    let stand = fields(u);
    if let Some(missing) = form.needs.iter().find(|n| !stand.contains(n)) {
        return Err((format!("use.{missing}"), "缺少这个字段".to_owned()));
    }
    let extra = stand.iter().find(|n| !form.needs.contains(n) && !form.may.contains(n));
    if let Some(extra) = extra {
        return Err((format!("use.{extra}"), format!("形式 {} 没有这个字段", form.name)));
    }
    let one_of = |field: &str, value: &Option<String>, words: &[&str]| match value {
        Some(v) if !words.contains(&v.as_str()) => {
            Err((format!("use.{field}"), format!("应为 {}", words.join("、"))))
        }
        _ => Ok(()),
    };
    one_of("window", &u.window, WINDOWS)?;
    one_of("measure", &u.measure, MEASURES)?;
    one_of("cap", &u.cap, CAPS)?;
    one_of("per", &u.per, &["code", "all"])?;
    let attribute = u.attribute.as_deref();
    let known = match (rule.kernel, u.form.as_str()) {
        (K1, "line") => attribute.is_some_and(crate::kernel::knows_attribute),
        (K1, "diagnosis" | "operation") => attribute.is_some_and(|a| matches!(a, "sex" | "age")),
        (K1, "staff") => attribute.is_some_and(|a| matches!(a, "type" | "insured")),
        _ => true,
    };
    if !known {
        return Err(("use.attribute".to_owned(), "没有这个属性".to_owned()));
    }
    if let Some(bad) = u.entity.iter().find(|e| !crate::kernel::knows_entity(e)) {
        return Err(("use.entity".to_owned(), format!("没有实体 {bad}")));
    }
    if u.only.iter().any(|o| !ONLY.contains(&o.as_str())) {
        return Err(("use.only".to_owned(), format!("应为 {}", ONLY.join("、"))));
    }
    let dates = u.measure.as_deref() == Some("dates");
    if u.only.iter().any(|o| o == "after_incision") && !dates {
        return Err(("use.only".to_owned(), "after_incision 只用于 measure = dates".to_owned()));
    }
    if u.cap.as_deref() == Some("point") && u.list.is_none() {
        return Err(("use.list".to_owned(), "cap = point 需要知识点".to_owned()));
    }
    if u.cap.as_deref() == Some("param") && !rule.params.contains_key("cap") {
        return Err(("params.cap".to_owned(), "缺少参数 cap".to_owned()));
    }
    for (field, selector) in [("items", &u.items), ("other", &u.other)] {
        if selector.as_ref().is_some_and(|s| *s == Selector::default()) {
            return Err((format!("use.{field}"), "没有任何条件".to_owned()));
        }
    }
    if let Some(missing) = form.params.iter().find(|p| !rule.params.contains_key(**p)) {
        return Err((format!("params.{missing}"), format!("缺少参数 {missing}")));
    }
    let known = |p: &String| {
        form.params.contains(&p.as_str())
            || COMMON_PARAMS.contains(&p.as_str())
            || (p == COUNTING && counts_by_rule(rule))
    };
    if let Some(unknown) = rule.params.keys().find(|p| !known(p)) {
        return Err((
            format!("params.{unknown}"),
            format!("形式 {} 没有参数 {unknown}", form.name),
        ));
    }
    let one = crate::book::ONE;
    if rule.param(COUNTING).is_some_and(|v| v != one && v != one.saturating_mul(2)) {
        return Err((format!("params.{COUNTING}"), "应为 1 或 2".to_owned()));
    }
    if let Some(unknown) = rule.local.iter().find(|p| !rule.params.contains_key(*p)) {
        return Err(("local".to_owned(), format!("没有参数 {unknown}")));
    }
    Ok(())
}

/// Units in which a list may say an age.
const AGES: &[&str] = &["岁", "月", "个月", "天", "日"];
const AGES_OF_DIAGNOSES: &[&str] = &["岁以上", "岁以下", "月以下", "个月以下", "天以下", "日以下"];

/// Checks what a rule reads of its points: a limit that is no number, or an age in a unit that nobody knows, would
/// make the rule say something else than its author meant.
fn points(rule: &Rule, list: &str, knowledge: Option<&Knowledge>) -> Result<(), PackError> {
    let u = &rule.usage;
    let ages = match (rule.kernel, u.form.as_str(), u.attribute.as_deref()) {
        (K1, "line", Some("age_max" | "age_min")) => AGES,
        (K1, "diagnosis" | "operation", Some("age")) => AGES_OF_DIAGNOSES,
        _ => &[],
    };
    let counted = matches!((rule.kernel, u.form.as_str()), (K9, "grade") | (K11, _))
        || u.cap.as_deref() == Some("point");
    for point in knowledge.into_iter().flat_map(|k| &k.points) {
        let fail = |field: &str, reason: String| {
            let file = format!("{list}.kp.csv");
            Err(PackError { file, line: point.line, field: field.to_owned(), reason })
        };
        if (counted || !ages.is_empty()) && point.value.is_none() {
            return fail("value", format!("规则 {} 需要数值", rule.id));
        }
        if !ages.is_empty() && !ages.contains(&point.unit.as_str()) {
            return fail("unit", format!("规则 {} 的单位应为 {}", rule.id, ages.join("、")));
        }
    }
    Ok(())
}

/// Files of points that no rule reads: a slip of the pen in the name would leave the rule silent.
pub(super) fn lists<'a>(
    rules: &[Rule],
    names: impl Iterator<Item = &'a String>,
) -> Result<(), PackError> {
    let read: BTreeSet<&String> = rules
        .iter()
        .flat_map(|r| {
            let u = &r.usage;
            let both = [&u.items, &u.other].into_iter().flatten();
            both.filter_map(|s| s.list.as_ref()).chain(&u.list)
        })
        .collect();
    for name in names {
        if !read.contains(name) {
            return Err(PackError {
                file: format!("{name}.kp.csv"),
                line: 0,
                field: "file".to_owned(),
                reason: "没有规则使用这个知识点文件".to_owned(),
            });
        }
    }
    Ok(())
}

/// Checks what only the composed pack can say: every knowledge list that a rule names is there (it may be
/// empty, to be filled by the region), every subsumed rule too.
pub(super) fn pack(
    rules: &[Rule],
    knowledge: &BTreeMap<String, Knowledge>,
) -> Result<(), PackError> {
    for rule in rules {
        let u = &rule.usage;
        let lists = [&u.items, &u.other].into_iter().flatten().filter_map(|s| s.list.as_ref());
        let fail = |field: &str, reason: String| PackError {
            file: rule.file.clone(),
            line: rule.line,
            field: format!("rule {} .{field}", rule.id),
            reason,
        };
        for list in lists.chain(u.list.as_ref()) {
            if !knowledge.contains_key(list) {
                return Err(fail("use.list", format!("没有知识点文件 {list}.kp.csv")));
            }
        }
        if let Some(list) = &u.list {
            points(rule, list, knowledge.get(list))?;
        }
        for id in &rule.subsumes {
            if !rules.iter().any(|r| r.id == *id) {
                return Err(fail("subsumes", format!("没有规则 {id}")));
            }
        }
    }
    Ok(())
}
