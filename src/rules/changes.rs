//! What another pack would say about the same data: findings that come, that go, and what that is in money.
//!
//! A draft is tried on history before it is signed: whoever writes a rule sees whom it would point at, and
//! whom it would let go (issue 4, item 6).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use spotcheck_domain::Amount;

use crate::finding::Finding;
use crate::pack::{Pack, Rule};

/// Figures of one rule before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Findings that only the other pack gives.
    pub new: u64,
    /// Findings that the other pack gives no more.
    pub gone: u64,
    /// Findings that both give.
    pub kept: u64,
    /// Gross amount of all findings before.
    #[serde(serialize_with = "cents")]
    pub amount_before: Amount,
    /// Gross amount of all findings after.
    #[serde(serialize_with = "cents")]
    pub amount_after: Amount,
}

fn cents<S: serde::Serializer>(amount: &Amount, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&amount.to_cents())
}

/// What changes.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// By rule; rules without any finding are left out.
    pub rules: BTreeMap<String, Change>,
    /// Only after.
    pub new: Vec<Finding>,
    /// Only before.
    pub gone: Vec<Finding>,
}

fn add(to: &mut Amount, amount: Option<Amount>) {
    *to = to.checked_add(amount.unwrap_or_default()).unwrap_or(*to);
}

impl Changes {
    /// Adds what changes at one facility. The same fact told by the same rule is the same finding.
    pub fn compare(&mut self, before: Vec<Finding>, after: Vec<Finding>) {
        let mut old: BTreeMap<(String, String), Vec<Finding>> = BTreeMap::new();
        for finding in before {
            let change = self.rules.entry(finding.rule.clone()).or_default();
            add(&mut change.amount_before, finding.amount);
            old.entry((finding.rule.clone(), finding.key())).or_default().push(finding);
        }
        for finding in after {
            let change = self.rules.entry(finding.rule.clone()).or_default();
            add(&mut change.amount_after, finding.amount);
            let known = old.get_mut(&(finding.rule.clone(), finding.key())).and_then(Vec::pop);
            if known.is_some() {
                change.kept = change.kept.saturating_add(1);
            } else {
                change.new = change.new.saturating_add(1);
                self.new.push(finding);
            }
        }
        for finding in old.into_values().flatten() {
            let change = self.rules.entry(finding.rule.clone()).or_default();
            change.gone = change.gone.saturating_add(1);
            self.gone.push(finding);
        }
    }

    /// Rules of which anything changes: findings or money.
    pub fn changed(&self) -> impl Iterator<Item = (&String, &Change)> {
        let moved = |c: &Change| c.new > 0 || c.gone > 0 || c.amount_before != c.amount_after;
        self.rules.iter().filter(move |(_, c)| moved(c))
    }
}

/// Knowledge lists that a rule reads.
fn lists(rule: &Rule) -> impl Iterator<Item = &String> {
    let u = &rule.usage;
    let selectors = [&u.items, &u.other].into_iter().flatten().filter_map(|s| s.list.as_ref());
    selectors.chain(&u.list)
}

/// Ids of rules that a pack has otherwise than its base: other versions, parameters or knowledge points.
#[must_use]
pub fn changed_rules(base: &Pack, pack: &Pack) -> Vec<String> {
    let versions = |of: &Pack, id: &str| -> Vec<Rule> {
        let mut own: Vec<Rule> = of.rules.iter().filter(|r| r.id == id).cloned().collect();
        // Where a rule stands is no change of it.
        own.iter_mut().for_each(|r| r.line = 0);
        own
    };
    let touched: BTreeSet<&String> = pack
        .knowledge
        .iter()
        .filter(|(name, points)| base.knowledge.get(*name) != Some(points))
        .map(|(name, _)| name)
        .collect();
    let reads = |id: &str| {
        pack.rules.iter().filter(|r| r.id == id).flat_map(lists).any(|l| touched.contains(l))
    };
    let ids = pack.ids().into_iter();
    ids.filter(|id| reads(id) || versions(base, id) != versions(pack, id))
        .map(str::to_owned)
        .collect()
}
