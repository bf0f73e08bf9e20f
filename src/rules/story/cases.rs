//! The worked cases of the pack, run from the file that people read (`packs/national/cases.md`).

use std::collections::BTreeMap;

use super::support::{World, hospital};
use crate::pack::national;

const CASES: &str = include_str!("../packs/national/cases.md");

/// One block: rule, lines, first line in the file.
struct Case<'a> {
    rule: &'a str,
    lines: Vec<&'a str>,
    at: usize,
}

fn cases() -> Vec<Case<'static>> {
    let mut all: Vec<Case<'_>> = Vec::new();
    let mut inside = false;
    for (n, line) in CASES.lines().enumerate() {
        if let Some(rule) = line.strip_prefix("```case ") {
            all.push(Case { rule: rule.trim(), lines: Vec::new(), at: n + 1 });
            inside = true;
        } else if line == "```" {
            inside = false;
        } else if inside {
            all.last_mut().unwrap().lines.push(line);
        }
    }
    all
}

/// `2026-03-02T09:00:00` as the tables have it.
fn time(word: &str) -> String {
    word.replace('T', " ")
}

/// One line of a block; knowledge points are gathered by list.
fn tell(w: &mut World, line: &str, lists: &mut BTreeMap<String, String>) {
    let (act, rest) = line.split_once(' ').unwrap();
    let words: Vec<&str> = rest.split(' ').collect();
    match act {
        "stay" => {
            w.stay(words[0], words[1].parse().unwrap(), words[2].parse().unwrap());
        }
        "visit" => {
            let dx = words.get(5).copied().unwrap_or_default();
            w.visit(words[0], words[1], words[2], &time(words[3]), &time(words[4]), dx);
        }
        "fee" => {
            let more = words.get(6).copied().unwrap_or_default();
            w.fee_with(words[0], words[1], words[2], &time(words[3]), words[4], words[5], more);
        }
        "daily" => {
            let (from, to) = words[2].split_once("..").unwrap();
            let days = from.parse().unwrap()..=to.parse().unwrap();
            w.daily(words[0], words[1], days, words[3]);
        }
        "row" => {
            let (entity, row) = rest.split_once(' ').unwrap();
            w.add(entity, row);
        }
        "list" => {
            let (name, point) = rest.split_once(' ').unwrap();
            let list = lists.entry(name.to_owned()).or_default();
            list.push_str(point);
            list.push('\n');
        }
        other => panic!("no such act: {other}"),
    }
}

/// What a case must give, as its last line says it; empty for none.
fn said(found: &[crate::Finding]) -> String {
    let one = |f: &crate::Finding| {
        let lines = match f.bkkp_sn.len() {
            0 => String::new(),
            n => format!(" lines={n}"),
        };
        let amount = |name: &str, a: Option<spotcheck_domain::Amount>| {
            a.map_or_else(String::new, |a| format!(" {name}={}", a.to_cents()))
        };
        let (gross, fund) = (amount("gross", f.amount), amount("fund", f.fund_amount));
        format!("found{lines}{gross}{fund} {}", f.loss_method.as_str())
    };
    if found.is_empty() {
        "none".to_owned()
    } else {
        found.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn every_worked_case_of_the_pack_comes_out_as_it_is_written() {
    let mut wrong = Vec::new();
    for case in cases() {
        let mut w = hospital();
        let mut lists = BTreeMap::new();
        let (last, told) = case.lines.split_last().unwrap();
        for line in told {
            tell(&mut w, line, &mut lists);
        }
        let overlay: Vec<String> =
            lists.iter().map(|(name, points)| format!("{name}: {}", points.trim_end())).collect();
        let overlay = overlay.first().cloned().unwrap_or_default();
        let found = said(&w.found_with(case.rule, &overlay));
        if found != *last {
            wrong
                .push(format!("line {} {}: written {last:?}, found {found:?}", case.at, case.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Issue 4: the thirty rules that bring the money first have a case, and a case that gives nothing beside it.
#[test]
fn thirty_rules_of_the_pack_have_a_worked_case_and_a_near_miss() {
    let pack = national().unwrap();
    let mut by_rule: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in cases() {
        assert!(pack.rules.iter().any(|r| r.id == case.rule), "{}", case.rule);
        let slot = by_rule.entry(case.rule).or_default();
        match case.lines.last().copied() {
            Some("none") => slot.1 += 1,
            _ => slot.0 += 1,
        }
    }
    assert!(by_rule.len() >= 30, "{}", by_rule.len());
    for (rule, (found, none)) in by_rule {
        assert!(found > 0 && none > 0, "{rule}: {found} with a finding, {none} without");
    }
}
