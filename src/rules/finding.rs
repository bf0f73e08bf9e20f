//! Findings: what a rule found, in words and figures that a person can check.
//!
//! The JSON line has exactly the members of rules.md; everything else (people, clause, what to look at, why
//! it may be wrong) is in the full object that goes with the package.

mod body;
mod merge;
mod pattern;

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spotcheck_domain::Amount;

use crate::pack::{Grade, Rule, Severity};

pub(crate) use pattern::{Member, group};

pub use merge::{Merged, Origin, merge};
pub use pattern::{Pattern, patterns};

/// Hex digits of a finding's key.
const KEY_DIGITS: usize = 32;

/// How an amount was found (rules.md, Loss).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::A, Self::B, Self::C, Self::D, Self::N];

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
            Self::C => "病组支付标准与按项目之差(估算)",
            Self::D => "按比例推算(估算)",
            Self::N => "尚未显示基金损失",
        }
    }
}

/// What stands for the method where the agency has to reckon the loss (rules.md, Loss).
pub const PENDING: &str = "基金损失待经办核算";

/// The method of an amount in words: the only place where it is told whether N means that no loss is shown, or
/// that the loss of a stay paid by group is for the agency to reckon.
#[must_use]
pub const fn method_words(method: LossMethod, pending: bool) -> &'static str {
    match (method, pending) {
        (LossMethod::N, true) => PENDING,
        (method, _) => method.zh(),
    }
}

/// Who had to do with it, by staff code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What the fund lost is for the agency to reckon: the stay was paid by group, or nobody knows how. The
    /// method is then N, which alone says no more than that no loss is shown yet.
    pub pending: bool,
    /// It is the one finding under which at least one of its lines stands, or it has no lines.
    pub principal: bool,
    pub reason: String,
    /// Name for us.
    pub name: String,
    /// Statement of fact for the party; `None` for grades L and Z, which are never printed for it.
    pub party: Option<String>,
    /// [`Self::reason`] as the party may read it, where that differs: without another facility's name and days.
    pub reason_party: Option<String>,
    /// Day and amount are those of a settlement at another facility: neither is for the party.
    pub elsewhere: bool,
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

impl Finding {
    /// How its amount was found, in words: see [`method_words`].
    #[must_use]
    pub const fn method_words(&self) -> &'static str {
        method_words(self.loss_method, self.pending)
    }

    /// As the party may read it: what another facility did is told without its name, its days and its money.
    /// `None` for what is never shown to the party.
    #[must_use]
    pub fn for_party(&self) -> Option<Self> {
        if !self.grade.is_for_party() || self.party.is_none() {
            return None;
        }
        let mut told = self.clone();
        if let Some(reason) = told.reason_party.take() {
            told.reason = reason;
        }
        if told.elsewhere {
            (told.date, told.amount, told.fund_amount) = (None, None, None);
        }
        Some(told)
    }

    /// By what the same fact from centre and device is one (rules.md, Finding).
    #[must_use]
    pub fn merge_key(
        &self,
    ) -> (String, Option<String>, Option<String>, Vec<String>, Option<String>) {
        let lines = self.bkkp_sn.clone();
        // Without a visit or lines the family alone would melt different days into one.
        let loose = lines.is_empty() || self.mdtrt_id.is_none();
        let mut date = if loose { self.date.clone() } else { None };
        // Two drugs of one count, or of one person, are two facts.
        if let (true, Some(code)) = (lines.is_empty(), &self.code) {
            date = Some(format!("{} {code}", date.unwrap_or_default()));
        }
        (self.family.clone(), self.mdtrt_id.clone(), self.psn_no.clone(), lines, date)
    }

    /// The same fact has the same key in every run, at the centre and on the handheld: 32 hex digits of
    /// SHA-256 over [`Self::merge_key`].
    #[must_use]
    pub fn key(&self) -> String {
        let json = serde_json::to_string(&self.merge_key()).unwrap_or_default();
        let mut key = hex::encode(Sha256::digest(json.as_bytes()));
        key.truncate(KEY_DIGITS);
        key
    }
}

/// All findings as JSON lines, each ended by a line feed.
#[must_use]
pub fn json_lines(findings: &[Finding]) -> String {
    findings.iter().map(|f| format!("{}\n", f.json_line())).collect()
}

/// The order of files and lists: rule, `mdtrt_id`, first `bkkp_sn`; then what else tells findings apart.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(order);
}

fn order(a: &Finding, b: &Finding) -> Ordering {
    let key = |f: &Finding| {
        (f.mdtrt_id.clone(), f.bkkp_sn.clone(), f.psn_no.clone(), f.date.clone(), f.code.clone())
    };
    a.rule.cmp(&b.rule).then_with(|| key(a).cmp(&key(b))).then_with(|| a.reason.cmp(&b.reason))
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
    let gross = gross.unwrap_or(0);
    let money = money_steps(if lead { gross.div_euclid(100) } else { gross });
    let danger = danger.into().min(50).saturating_mul(3).div_euclid(5);
    danger.saturating_add(money)
}

/// The money part of a weight.
pub(crate) fn money_steps(millionths: i64) -> u32 {
    let yuan = millionths.div_euclid(1_000_000);
    let steps = MONEY_YUAN.iter().filter(|step| yuan >= **step).count();
    u32::try_from(steps).unwrap_or(0).saturating_mul(4).min(70)
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
