//! Patterns: what is shown as one entry of a list.
//!
//! Where a house bills the same thing wrongly four hundred times, four hundred entries hide everything else, and
//! nobody on site opens them one by one. So findings of one rule about one item (without item: of one rule) stand
//! as one entry at the place of their sum; its members stay findings of their own, each judged for itself.

use std::collections::BTreeMap;

use spotcheck_domain::Amount;

use super::{Finding, RankKey, money_steps, rank_key};
use crate::pack::Grade;

/// What an entry is made of, of one finding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) facility: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) code: &'a str,
    pub(crate) principal: bool,
    pub(crate) weight: u32,
    pub(crate) grade: Grade,
    pub(crate) amount: Option<Amount>,
}

/// Findings of one rule about one item: one entry of the list that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Positions of its findings, weightiest first; never empty.
    pub members: Vec<usize>,
    /// Gross amount of its principal findings; `None` where none has one.
    pub amount: Option<Amount>,
    /// Weight of the entry, 0–100: that of the first member and what the sum adds to its money.
    pub weight: u32,
}

/// Findings as the entries of a list, weightiest first. Secondary findings come last, in entries of their own.
#[must_use]
pub fn patterns<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Pattern> {
    let member = |f: &'a Finding| Member {
        facility: &f.fixmedins_code,
        rule: &f.rule,
        code: f.code.as_deref().unwrap_or_default(),
        principal: f.principal,
        weight: f.weight,
        grade: f.grade,
        amount: f.amount,
    };
    let members: Vec<Member<'_>> = findings.into_iter().map(member).collect();
    group(&members)
}

/// By what entries are put in order: as single findings, by their first member.
type Placed = (RankKey, Pattern);

pub(crate) fn group(all: &[Member<'_>]) -> Vec<Pattern> {
    // A grade that a doubt made lower is an entry of its own: its light is another.
    let mut by: BTreeMap<(bool, &str, &str, &str, Grade), Vec<usize>> = BTreeMap::new();
    for (n, m) in all.iter().enumerate() {
        by.entry((!m.principal, m.facility, m.rule, m.code, m.grade)).or_default().push(n);
    }
    let key = |n: usize, weight: Option<u32>, amount: Option<Amount>| {
        all.get(n).map(|m| rank_key(m.principal, weight.unwrap_or(m.weight), m.grade, amount, n))
    };
    let mut placed: Vec<Placed> = Vec::with_capacity(by.len());
    for mut members in by.into_values() {
        members.sort_by_key(|n| key(*n, None, all.get(*n).and_then(|m| m.amount)));
        let amounts = members.iter().filter_map(|n| all.get(*n)?.amount);
        let amount = amounts.fold(None, |sum: Option<Amount>, a| {
            Some(sum.map_or(a, |s| s.checked_add(a).unwrap_or(s)))
        });
        let Some(first) = members.first().and_then(|n| all.get(*n)) else { continue };
        let steps = |a: Option<Amount>| money_steps(a.map_or(0, Amount::millionths));
        let more = steps(amount).saturating_sub(steps(first.amount));
        let weight = first.weight.saturating_add(more).min(100);
        let Some(place) = members.first().and_then(|n| key(*n, Some(weight), amount)) else {
            continue;
        };
        placed.push((place, Pattern { members, amount, weight }));
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, pattern)| pattern).collect()
}

#[cfg(test)]
mod tests {
    use super::{Member, group};
    use crate::pack::Grade;
    use spotcheck_domain::Amount;

    fn member<'a>(rule: &'a str, code: &'a str, weight: u32, yuan: &str) -> Member<'a> {
        let amount = Amount::parse(yuan).ok();
        let (facility, principal, grade) = ("H1", true, Grade::S);
        Member { facility, rule, code, principal, weight, grade, amount }
    }

    /// Forty small sums of one pattern are one entry, above a single larger sum.
    #[test]
    fn forty_small_sums_of_one_pattern_stand_above_one_larger_sum() {
        let mut all: Vec<Member<'_>> =
            (0..40).map(|_| member("A14", "B001", 24, "40.00")).collect();
        all.push(member("B22", "M005", 38, "300.00"));
        let shown = group(&all);
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[0].members.len(), 40);
        assert_eq!(shown[0].amount.unwrap().to_cents(), "1600.00");
        assert_eq!(shown[1].members, [40]);
    }

    #[test]
    fn what_is_less_sure_and_what_is_secondary_are_entries_of_their_own() {
        let sure = Member { grade: Grade::V, ..member("A14", "B001", 50, "40.00") };
        let under = Member { principal: false, ..member("A14", "B001", 90, "4000.00") };
        let all = [under, member("A14", "B001", 50, "40.00"), sure];
        let shown: Vec<Vec<usize>> = group(&all).into_iter().map(|p| p.members).collect();
        assert_eq!(shown, [vec![2], vec![1], vec![0]]);
    }
}
