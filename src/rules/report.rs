//! A run as both command lines tell it: one JSON object, or lines for people.
//!
//! Here and not in the programs, so that centre and handheld say the same about the same facts.

use serde_json::{Value, json};

use crate::engine::{Outcome, Silence};
use crate::finding::{Finding, rank};

/// Findings named one by one to people; the rest is counted.
const NAMED: usize = 20;

/// `findings` (the lines of `audit --json-lines` as objects), their positions in the order in which they are
/// shown (`shown`: principals first, by weight), what was kept silent about, and rules whose hits
/// were too many to be believed.
#[must_use]
pub fn body(outcome: &Outcome) -> Value {
    let findings: Vec<Value> = outcome
        .findings
        .iter()
        .filter_map(|finding| serde_json::from_str(&finding.json_line()).ok())
        .collect();
    let silence = |s: &Silence| json!({ "rule": s.rule, "reason": s.reason, "count": s.count });
    let refused: Vec<String> = outcome.refused.iter().map(ToString::to_string).collect();
    json!({
        "findings": findings,
        "shown": rank(&outcome.findings),
        "silenced": outcome.silences.iter().map(silence).collect::<Vec<_>>(),
        "refused": refused,
    })
}

/// Lights in words with their numbers, then the weightiest findings.
#[must_use]
pub fn lines(outcome: &Outcome) -> Vec<String> {
    let mut lights = std::collections::BTreeMap::<&str, usize>::new();
    for finding in outcome.findings.iter().filter(|f| f.principal) {
        let count = lights.entry(finding.grade.light()).or_default();
        *count = count.saturating_add(1);
    }
    let counted: Vec<String> =
        lights.iter().map(|(light, count)| format!("{light} {count} 条")).collect();
    let mut lines = vec![if counted.is_empty() {
        "没有发现可疑之处".to_owned()
    } else {
        counted.join(",")
    }];
    lines.extend(silent_lines(&outcome.silences));
    let ranked = rank(&outcome.findings);
    lines.extend(ranked.iter().take(NAMED).filter_map(|at| outcome.findings.get(*at)).map(line));
    let rest = ranked.len().saturating_sub(NAMED);
    if rest > 0 {
        lines.push(format!("其余 {rest} 条见 --json-lines"));
    }
    lines
}

/// What was not judged, by reason, with the rules by name: nothing found by a rule that kept silent is no clean bill.
fn silent_lines(silences: &[Silence]) -> Vec<String> {
    let mut by_reason = std::collections::BTreeMap::<&str, Vec<String>>::new();
    let mut rules = std::collections::BTreeSet::<&str>::new();
    for s in silences {
        rules.insert(&s.rule);
        by_reason.entry(&s.reason).or_default().push(format!("{}({})", s.rule, s.count));
    }
    let mut lines = vec![format!(
        "有 {} 条规则在 {} 处因数据、参数不足或自然原因没有判断",
        rules.len(),
        silences.len()
    )];
    let reasons =
        by_reason.iter().map(|(reason, rules)| format!("  {reason}：{}", rules.join("、")));
    lines.extend(reasons);
    lines
}

fn line(finding: &Finding) -> String {
    let amount = finding.amount.map_or_else(String::new, |a| format!("  {} 元", a.to_cents()));
    format!("{}  {}{amount}  {}", finding.grade.light(), finding.rule, finding.reason)
}
