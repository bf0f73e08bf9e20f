//! Findings: what a rule found, in words and figures that a person can check.
//!
//! The JSON line has exactly the members of rules.md; everything else (people, clause, what to look at, why
//! it may be wrong) is in the full object that goes with the package.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use spotcheck_domain::Amount;

use crate::pack::{Grade, Rule, Severity};

/// How an amount was found (rules.md, Loss).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum LossMethod {
    /// Exact sum of lines.
    A,
    /// Difference of two payment standards.
    B,
    /// Correct group against items.
    C,
    /// Proportional.
    D,
    /// No fund loss shown yet.
    N,
}

impl LossMethod {
    /// The letter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::N => "N",
        }
    }

    /// The method in words, as every printed amount must name it.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::A => "按明细逐笔计算(估算)",
            Self::B => "两个支付标准之差(估算)",
            Self::C => "正确病组与按项目之差(估算)",
            Self::D => "按比例推算(估算)",
            Self::N => "尚未显示基金损失",
        }
    }
}

/// Who had to do with it, by staff code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct People {
    /// 开单.
    pub ordering: Vec<String>,
    /// 执行.
    pub executing: Vec<String>,
    /// 计费.
    pub billing: Vec<String>,
    /// 主管.
    pub answerable: Vec<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "national field names and the names of rules.md")]
pub struct Finding {
    pub rule: String,
    pub pack: String,
    /// After natural causes were looked for: may be below the rule's own.
    pub grade: Grade,
    pub fixmedins_code: String,
    pub psn_no: Option<String>,
    pub mdtrt_id: Option<String>,
    pub setl_id: Option<String>,
    pub bkkp_sn: Vec<String>,
    pub code: Option<String>,
    pub amount: Option<Amount>,
    pub fund_amount: Option<Amount>,
    pub loss_method: LossMethod,
    /// It is the one finding under which at least one of its lines stands, or it has no lines.
    pub principal: bool,
    pub reason: String,
    /// Name for us.
    pub name: String,
    /// Statement of fact for the party; `None` for grades L and Z, which are never printed for it.
    pub party: Option<String>,
    pub severity: Severity,
    pub clause: Vec<String>,
    /// Danger and money, 0–100: decides the order.
    pub weight: u32,
    /// Day of the fact, `yyyy-MM-dd`.
    pub date: Option<String>,
    /// The other visits that the fact rests on.
    pub also: Vec<String>,
    pub people: People,
    pub look: Vec<String>,
    /// Natural causes that were looked for and not found.
    pub tried: Vec<String>,
    /// Why it may be wrong: what was found or could not be looked for.
    pub doubt: Vec<String>,
    pub family: String,
}

/// Exactly the members of rules.md, in its order.
#[derive(Serialize)]
struct LineForm<'a> {
    rule: &'a str,
    pack: &'a str,
    grade: &'a str,
    fixmedins_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    psn_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mdtrt_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setl_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    bkkp_sn: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fund_amount: Option<String>,
    loss_method: LossMethod,
    principal: bool,
    reason: &'a str,
}

#[derive(Serialize)]
struct BodyForm<'a> {
    #[serde(flatten)]
    line: LineForm<'a>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_party: Option<&'a str>,
    light: &'static str,
    severity: &'static str,
    weight: u32,
    clause: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    also: &'a [String],
    people: &'a People,
    look: &'a [String],
    tried: &'a [String],
    doubt: &'a [String],
    family: &'a str,
}

impl Finding {
    fn line_form(&self) -> LineForm<'_> {
        LineForm {
            rule: &self.rule,
            pack: &self.pack,
            grade: self.grade.as_str(),
            fixmedins_code: &self.fixmedins_code,
            psn_no: self.psn_no.as_deref(),
            mdtrt_id: self.mdtrt_id.as_deref(),
            setl_id: self.setl_id.as_deref(),
            bkkp_sn: &self.bkkp_sn,
            code: self.code.as_deref(),
            amount: self.amount.map(Amount::to_cents),
            fund_amount: self.fund_amount.map(Amount::to_cents),
            loss_method: self.loss_method,
            principal: self.principal,
            reason: &self.reason,
        }
    }

    /// The line of `audit --json-lines`.
    #[must_use]
    pub fn json_line(&self) -> String {
        serde_json::to_string(&self.line_form()).unwrap_or_default()
    }

    /// The whole finding as one JSON object: the line's members first.
    #[must_use]
    pub fn body(&self) -> String {
        let form = BodyForm {
            line: self.line_form(),
            name: &self.name,
            name_party: self.party.as_deref(),
            light: self.grade.light(),
            severity: self.severity.as_str(),
            weight: self.weight,
            clause: &self.clause,
            date: self.date.as_deref(),
            also: &self.also,
            people: &self.people,
            look: &self.look,
            tried: &self.tried,
            doubt: &self.doubt,
            family: &self.family,
        };
        serde_json::to_string(&form).unwrap_or_default()
    }

    /// By what the same fact from centre and device is one (rules.md, Finding).
    #[must_use]
    pub fn merge_key(
        &self,
    ) -> (String, Option<String>, Option<String>, Vec<String>, Option<String>) {
        let lines = self.bkkp_sn.clone();
        // Without a visit or lines the family alone would melt different days into one.
        let loose = lines.is_empty() || self.mdtrt_id.is_none();
        let date = if loose { self.date.clone() } else { None };
        (self.family.clone(), self.mdtrt_id.clone(), self.psn_no.clone(), lines, date)
    }
}

/// All findings as JSON lines, each ended by a line feed.
#[must_use]
pub fn json_lines(findings: &[Finding]) -> String {
    findings.iter().map(|f| format!("{}\n", f.json_line())).collect()
}

/// Puts findings of the centre and of the device together: the same fact once, the centre's first.
#[must_use]
pub fn merge(centre: Vec<Finding>, device: Vec<Finding>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let all = centre.into_iter().chain(device);
    let mut merged: Vec<Finding> = all.filter(|f| seen.insert(f.merge_key())).collect();
    sort(&mut merged);
    merged
}

/// The order of files and lists: rule, `mdtrt_id`, first `bkkp_sn`; then what else tells findings apart.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| {
            (
                f.mdtrt_id.clone(),
                f.bkkp_sn.clone(),
                f.psn_no.clone(),
                f.date.clone(),
                f.code.clone(),
            )
        };
        a.rule.cmp(&b.rule).then_with(|| key(a).cmp(&key(b))).then_with(|| a.reason.cmp(&b.reason))
    });
}

/// By what findings are put in order: principals first, then weight, the surer first, then money.
pub(crate) type RankKey = (bool, Reverse<u32>, Grade, Reverse<Option<Amount>>, usize);

/// The key of a finding at a position.
pub(crate) const fn rank_key(
    principal: bool,
    weight: u32,
    grade: Grade,
    amount: Option<Amount>,
    at: usize,
) -> RankKey {
    (!principal, Reverse(weight), grade, Reverse(amount), at)
}

/// The order in which findings are shown: positions of principals by weight, the surer first at equal
/// weight, then the secondary ones.
#[must_use]
pub fn rank(findings: &[Finding]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_cached_key(|n| {
        findings.get(*n).map(|f| rank_key(f.principal, f.weight, f.grade, f.amount, *n))
    });
    order
}

/// Steps of the money part of the weight: each reached adds 4, 68 in all.
const MONEY_YUAN: [i64; 17] = [
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
    500_000, 1_000_000, 5_000_000,
];

/// Danger of the rule (up to 30) and money of the finding (up to 70), 0–100.
///
/// Money decides: with few people on site, what is most is looked at first, and the danger of a rule moves a
/// finding by less than a power of ten. Where no loss is shown (the bill of a whole stay that was only cut in
/// two, a lead), the bill counts by a hundredth.
pub(crate) fn weight(rule: &Rule, grade: Grade, gross: Option<i64>) -> u32 {
    weigh(rule.weight, rule.no_loss || !grade.is_for_party(), gross)
}

/// [`weight`] without a rule of a pack; `lead`: no loss is shown.
pub(crate) fn weigh(danger: impl Into<u32>, lead: bool, gross: Option<i64>) -> u32 {
    let yuan = gross.unwrap_or(0).div_euclid(1_000_000);
    let yuan = if lead { yuan.div_euclid(100) } else { yuan };
    let steps = MONEY_YUAN.iter().filter(|step| yuan >= **step).count();
    let money = u32::try_from(steps).unwrap_or(0).saturating_mul(4).min(70);
    let danger = danger.into().min(50).saturating_mul(3).div_euclid(5);
    danger.saturating_add(money)
}

/// Replaces `{name}` by its fact; a fact that is not there shows as a dash.
pub(crate) fn render(template: &str, facts: &BTreeMap<&'static str, String>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            rest = after;
            continue;
        };
        let value = facts.get(name).map(String::as_str).filter(|v| !v.is_empty());
        text.push_str(value.unwrap_or("—"));
        rest = tail;
    }
    text.push_str(rest);
    text
}
