//! How good the rules are: findings against what is known to be wrong.
//!
//! `truth.csv` (of `demo-data --truth`, or of others) says what was planted; the findings are the lines of
//! `audit --json-lines`. A finding is right if a violation of its own rule stands behind it: they share a
//! line, or, where one of the two names no lines, the visit, the person or the item; where neither names any of
//! them, as of a share of the whole house or a group of persons, the house. Whoever is shown the first hundred
//! findings does not ask under which rule a line is wrong, so there a finding counts as true if it shares a line
//! with any violation. Money counts as reached only as far as the findings shown name it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use spotcheck_domain::Amount;

use crate::error::{Error, Result};
use crate::finding::{Member, group, rank_key, weight};
use crate::pack::{Grade, Pack};

/// The shape of [`Score::body`].
pub const SCHEMA: &str = "spotcheck-rules-score/1";

/// One row of `truth.csv`. Further columns are allowed; missing ones are empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[allow(missing_docs, reason = "national field names")]
pub struct Planted {
    /// Which story: one story may break several rules.
    pub story: String,
    /// Rule id.
    pub rule: String,
    /// `violation`, `near_miss` or `trap`.
    pub kind: String,
    #[serde(default)]
    pub mdtrt_id: String,
    /// Lines, separated by blanks.
    #[serde(default)]
    pub bkkp_sn: String,
    /// Money wrong, in yuan.
    #[serde(default)]
    pub amount: String,
    #[serde(default)]
    pub fixmedins_code: String,
    #[serde(default)]
    pub psn_no: String,
    /// `med_list_codg`, for what is about an item of the whole house.
    #[serde(default)]
    pub code: String,
}

/// One line of `audit --json-lines`.
#[derive(Debug, Clone, Default, Deserialize)]
#[allow(missing_docs, reason = "national field names and the names of rules.md")]
pub struct Found {
    pub rule: String,
    #[serde(default)]
    pub grade: String,
    #[serde(default)]
    pub fixmedins_code: String,
    #[serde(default)]
    pub psn_no: String,
    #[serde(default)]
    pub mdtrt_id: String,
    #[serde(default)]
    pub bkkp_sn: Vec<String>,
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub amount: String,
    #[serde(default)]
    pub principal: bool,
    /// As it was shown; only whole findings carry it, lines of `audit --json-lines` do not.
    pub weight: Option<u32>,
}

/// Findings and truth of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleScore {
    /// Violations planted.
    pub planted: u64,
    /// Of them found.
    pub reached: u64,
    /// Findings.
    pub found: u64,
    /// Of them with a violation of the rule behind them.
    pub right: u64,
    /// Not right, but on a line that another rule's violation is about.
    pub beside: u64,
    /// On a near miss or a natural cause.
    pub fell_for: u64,
}

/// The first findings as they are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct First {
    /// How many are shown.
    pub shown: u64,
    /// Of them true.
    pub right: u64,
    /// Planted money that they name.
    pub money: Amount,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Score {
    /// By rule id.
    pub rules: BTreeMap<String, RuleScore>,
    /// Findings by grade.
    pub grades: BTreeMap<String, u64>,
    /// Money planted.
    pub planted: Amount,
    /// Of it named by any finding.
    pub reached: Amount,
    /// The first 20 shown.
    pub first20: First,
    /// The first 100 shown.
    pub first100: First,
    /// The first 20 entries where findings of one pattern stand as one (`patterns`). An entry is true if nine
    /// of ten of its findings are.
    pub entries20: First,
    /// The first 100 entries.
    pub entries100: First,
    /// Violations that nothing found: story and rule.
    pub missed: Vec<(String, String)>,
    /// Findings with nothing behind them: rule, visit, first line.
    pub wrong: Vec<(String, String, String)>,
    /// Rules of findings that neither carry a weight nor are in the pack: they were put in order without one.
    pub unweighed: BTreeSet<String>,
}

/// Reads `truth.csv`.
///
/// # Errors
/// Not CSV, or a column of story, rule or kind is missing.
pub fn read_truth(text: &str) -> Result<Vec<Planted>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize().enumerate();
    rows.map(|(n, row)| row.map_err(|_| unreadable("truth.csv", n.saturating_add(2)))).collect()
}

/// Reads the lines of `audit --json-lines`.
///
/// # Errors
/// A line that is no finding.
pub fn read_findings(text: &str) -> Result<Vec<Found>> {
    let lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    lines
        .map(|(n, l)| {
            serde_json::from_str(l).map_err(|_| unreadable("findings", n.saturating_add(1)))
        })
        .collect()
}

fn unreadable(file: &'static str, line: usize) -> Error {
    Error::Unreadable { file, line }
}

/// A planted row, ready to be compared.
struct Row<'a> {
    planted: &'a Planted,
    lines: BTreeSet<&'a str>,
    violation: bool,
}

impl Row<'_> {
    fn shares_a_line(&self, f: &Found) -> bool {
        let visit = self.planted.mdtrt_id.is_empty()
            || f.mdtrt_id.is_empty()
            || self.planted.mdtrt_id == f.mdtrt_id;
        visit && f.bkkp_sn.iter().any(|l| self.lines.contains(l.as_str()))
    }

    /// They are about the same.
    fn is_of(&self, f: &Found) -> bool {
        let (p, known) = (self.planted, |a: &str, b: &str| !a.is_empty() && !b.is_empty());
        if known(&p.fixmedins_code, &f.fixmedins_code) && p.fixmedins_code != f.fixmedins_code {
            return false;
        }
        if !self.lines.is_empty() && !f.bkkp_sn.is_empty() {
            return self.shares_a_line(f);
        }
        if known(&p.mdtrt_id, &f.mdtrt_id) {
            return p.mdtrt_id == f.mdtrt_id;
        }
        if known(&p.psn_no, &f.psn_no) {
            return p.psn_no == f.psn_no;
        }
        if known(&p.code, &f.code) {
            return p.code == f.code;
        }
        names_a_house(p) && is_of_a_house(f) && p.fixmedins_code == f.fixmedins_code
    }
}

/// The row is about a house as a whole, or about a group in it: it names nothing else.
fn names_a_house(p: &Planted) -> bool {
    let others = [&p.mdtrt_id, &p.psn_no, &p.code, &p.bkkp_sn];
    others.into_iter().all(String::is_empty) && !p.fixmedins_code.is_empty()
}

/// So is the finding.
fn is_of_a_house(f: &Found) -> bool {
    [&f.mdtrt_id, &f.psn_no, &f.code].into_iter().all(String::is_empty) && f.bkkp_sn.is_empty()
}

/// Places of planted rows by what a finding may name.
#[derive(Default)]
struct Index<'a> {
    by_line: BTreeMap<&'a str, Vec<usize>>,
    by_visit: BTreeMap<&'a str, Vec<usize>>,
    by_person: BTreeMap<&'a str, Vec<usize>>,
    by_code: BTreeMap<&'a str, Vec<usize>>,
    by_house: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn new(rows: &[Row<'a>]) -> Self {
        let mut index = Self::default();
        for (n, row) in rows.iter().enumerate() {
            let p = row.planted;
            for line in &row.lines {
                index.by_line.entry(line).or_default().push(n);
            }
            index.by_visit.entry(p.mdtrt_id.as_str()).or_default().push(n);
            index.by_person.entry(p.psn_no.as_str()).or_default().push(n);
            index.by_code.entry(p.code.as_str()).or_default().push(n);
            if names_a_house(p) {
                index.by_house.entry(p.fixmedins_code.as_str()).or_default().push(n);
            }
        }
        index
    }

    /// Rows that a finding may be about.
    fn near(&self, f: &Found) -> BTreeSet<usize> {
        let of = |map: &BTreeMap<&str, Vec<usize>>, key: &str| -> Vec<usize> {
            if key.is_empty() { Vec::new() } else { map.get(key).cloned().unwrap_or_default() }
        };
        let lines = f.bkkp_sn.iter().flat_map(|l| of(&self.by_line, l));
        let others = [
            of(&self.by_visit, &f.mdtrt_id),
            of(&self.by_person, &f.psn_no),
            of(&self.by_code, &f.code),
            if is_of_a_house(f) { of(&self.by_house, &f.fixmedins_code) } else { Vec::new() },
        ];
        lines.chain(others.into_iter().flatten()).collect()
    }
}

/// Compares; `pack` is the pack of that run and gives the weights by which findings are shown, where they do not
/// carry their own. A rule that it does not have weighs nothing and is named ([`Score::unweighed`]).
#[must_use]
pub fn score(truth: &[Planted], findings: &[Found], pack: &Pack) -> Score {
    let rows: Vec<Row<'_>> = truth
        .iter()
        .map(|p| Row {
            planted: p,
            lines: p.bkkp_sn.split_whitespace().collect(),
            violation: p.kind == "violation",
        })
        .collect();
    let index = Index::new(&rows);
    let mut score = Score::default();
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    // Which stories a finding names, by finding.
    let mut stories: Vec<BTreeSet<&str>> = Vec::with_capacity(findings.len());
    for f in findings {
        let near: Vec<usize> = index.near(f).into_iter().collect();
        let row = |n: &usize| rows.get(*n);
        let own: Vec<usize> = near
            .iter()
            .copied()
            .filter(|n| row(n).is_some_and(|r| r.planted.rule == f.rule && r.is_of(f)))
            .collect();
        let right: Vec<usize> =
            own.iter().copied().filter(|n| row(n).is_some_and(|r| r.violation)).collect();
        let beside: Vec<usize> = near
            .iter()
            .copied()
            .filter(|n| row(n).is_some_and(|r| r.violation && r.shares_a_line(f)))
            .collect();
        reached.extend(right.iter().copied());
        let named = right.iter().chain(&beside).filter_map(row).map(|r| r.planted.story.as_str());
        let named: BTreeSet<&str> = named.collect();
        let of_rule = score.rules.entry(f.rule.clone()).or_default();
        add(&mut of_rule.found);
        if !right.is_empty() {
            add(&mut of_rule.right);
        } else {
            if !beside.is_empty() {
                add(&mut of_rule.beside);
            }
            if !own.is_empty() {
                add(&mut of_rule.fell_for);
            }
            let first = f.bkkp_sn.first().cloned().unwrap_or_default();
            if named.is_empty() {
                score.wrong.push((f.rule.clone(), f.mdtrt_id.clone(), first));
            }
        }
        add(score.grades.entry(f.grade.clone()).or_default());
        stories.push(named);
    }
    for (n, r) in rows.iter().enumerate().filter(|(_, r)| r.violation) {
        let of_rule = score.rules.entry(r.planted.rule.clone()).or_default();
        add(&mut of_rule.planted);
        if reached.contains(&n) {
            add(&mut of_rule.reached);
        } else {
            score.missed.push((r.planted.story.clone(), r.planted.rule.clone()));
        }
    }
    let money = money_of(&rows);
    score.planted = sum(money.values().copied());
    let known: BTreeSet<&str> = pack.rules.iter().map(|r| r.id.as_str()).collect();
    let strange = findings.iter().filter(|f| f.weight.is_none() && !known.contains(&*f.rule));
    score.unweighed = strange.map(|f| f.rule.clone()).collect();
    let weights = weights(findings, pack);
    let order = shown(&weights);
    let single: Vec<Vec<usize>> = order.into_iter().map(|n| vec![n]).collect();
    let entries: Vec<Vec<usize>> = group(&weights).into_iter().map(|p| p.members).collect();
    let first = |shown: &[Vec<usize>], count: usize| {
        let mut left = money.clone();
        let mut first = First::default();
        for members in shown.iter().take(count) {
            add(&mut first.shown);
            let mut right = 0_usize;
            for n in members {
                let (Some(f), Some(named)) = (findings.get(*n), stories.get(*n)) else { continue };
                right = right.saturating_add(usize::from(!named.is_empty()));
                let mut names = amount(&f.amount).max(Amount::ZERO);
                for story in named {
                    if let Some(open) = left.get_mut(story) {
                        let part = names.min(*open);
                        *open = open.checked_sub(part).unwrap_or_default();
                        names = names.checked_sub(part).unwrap_or_default();
                        first.money = sum([first.money, part].into_iter());
                    }
                }
            }
            if right.saturating_mul(10) >= members.len().saturating_mul(9) {
                add(&mut first.right);
            }
        }
        first
    };
    score.first20 = first(&single, 20);
    score.first100 = first(&single, 100);
    score.entries20 = first(&entries, 20);
    score.entries100 = first(&entries, 100);
    score.reached = first(&single, usize::MAX).money;
    score
}

fn add(n: &mut u64) {
    *n = n.saturating_add(1);
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap_or(Amount::ZERO)
}

fn sum(all: impl Iterator<Item = Amount>) -> Amount {
    all.fold(Amount::ZERO, |a, b| a.checked_add(b).unwrap_or(a))
}

/// Planted money by story.
fn money_of<'a>(rows: &[Row<'a>]) -> BTreeMap<&'a str, Amount> {
    let mut money: BTreeMap<&str, Amount> = BTreeMap::new();
    for r in rows.iter().filter(|r| r.violation) {
        let slot = money.entry(r.planted.story.as_str()).or_insert(Amount::ZERO);
        *slot = sum([*slot, amount(&r.planted.amount)].into_iter());
    }
    money
}

/// The findings with the weights by which they are shown.
fn weights<'a>(findings: &'a [Found], pack: &Pack) -> Vec<Member<'a>> {
    let member = |f: &'a Found| {
        let gross = Amount::parse(&f.amount).ok();
        let rule = pack.rules.iter().find(|r| r.id == f.rule);
        let grade = Grade::parse(&f.grade).unwrap_or(Grade::Z);
        Member {
            facility: &f.fixmedins_code,
            rule: &f.rule,
            code: &f.code,
            principal: f.principal,
            weight: f.weight.unwrap_or_else(|| {
                rule.map_or(0, |r| weight(r, grade, gross.map(Amount::millionths)))
            }),
            grade,
            amount: gross,
        }
    };
    findings.iter().map(member).collect()
}

/// Positions of the findings in the order in which they are shown.
fn shown(weights: &[Member<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_cached_key(|n| {
        let m = weights.get(*n)?;
        Some(rank_key(m.principal, m.weight, m.grade, m.amount, *n))
    });
    order
}

/// Part of a whole in thousandths; 1000 where there is no whole.
fn permille(part: u64, whole: u64) -> u64 {
    part.saturating_mul(1_000).checked_div(whole).unwrap_or(1_000)
}

fn ratio(part: u64, whole: u64) -> String {
    let p = permille(part, whole);
    format!("{}.{:03}", p.div_euclid(1_000), p.rem_euclid(1_000))
}

fn share(part: Amount, whole: Amount) -> String {
    let of = |a: Amount| u64::try_from(a.millionths().max(0)).unwrap_or(0);
    ratio(of(part).div_euclid(1_000), of(whole).div_euclid(1_000))
}

impl Score {
    /// As one JSON object of schema [`SCHEMA`].
    #[must_use]
    pub fn body(&self) -> Value {
        let rules: Vec<Value> = self
            .rules
            .iter()
            .map(|(id, r)| {
                json!({
                    "rule": id, "planted": r.planted, "reached": r.reached, "found": r.found,
                    "right": r.right, "beside": r.beside, "fell_for": r.fell_for,
                    "precision": ratio(r.right, r.found), "recall": ratio(r.reached, r.planted),
                })
            })
            .collect();
        let first = |f: First| {
            json!({
                "shown": f.shown, "true": f.right, "money": f.money.to_cents(),
                "share_of_money": share(f.money, self.planted),
            })
        };
        let missed = self.missed.iter().map(|(story, rule)| json!({"story": story, "rule": rule}));
        let wrong = self
            .wrong
            .iter()
            .map(|(rule, visit, line)| json!({"rule": rule, "mdtrt_id": visit, "bkkp_sn": line}));
        json!({
            "schema": SCHEMA,
            "rules": rules,
            "grades": self.grades,
            "planted_money": self.planted.to_cents(),
            "reached_money": self.reached.to_cents(),
            "first_20": first(self.first20),
            "first_100": first(self.first100),
            "first_20_entries": first(self.entries20),
            "first_100_entries": first(self.entries100),
            "missed": missed.collect::<Vec<_>>(),
            "wrong": wrong.collect::<Vec<_>>(),
            "unweighed": self.unweighed,
        })
    }

    /// For people: a table of rules, then the totals.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec!["规则    埋入  找到  疑点  属实  精确率  召回率".to_owned()];
        lines.extend(self.rules.iter().map(|(id, r)| {
            let (precision, recall) = (ratio(r.right, r.found), ratio(r.reached, r.planted));
            format!(
                "{id:<6}{:>6}{:>6}{:>6}{:>6}   {precision}   {recall}",
                r.planted, r.reached, r.found, r.right
            )
        }));
        for (name, f) in [
            ("前 20 条", self.first20),
            ("前 100 条", self.first100),
            ("同类合并后前 20 项", self.entries20),
            ("同类合并后前 100 项", self.entries100),
        ] {
            lines.push(format!(
                "{name}:{} 条中 {} 条属实，涉及埋入金额的 {}",
                f.shown,
                f.right,
                share(f.money, self.planted)
            ));
        }
        lines.push(format!(
            "埋入金额 {} 元，疑点涉及 {} 元；未找到 {} 处，无依据疑点 {} 条",
            self.planted.to_cents(),
            self.reached.to_cents(),
            self.missed.len(),
            self.wrong.len()
        ));
        if !self.unweighed.is_empty() {
            let rules: Vec<&str> = self.unweighed.iter().map(String::as_str).collect();
            lines.push(format!(
                "这些规则不在所给的规则包里，排序时没有权重：{}；用 --pack 指出运行时的规则包",
                rules.join(" ")
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests;
