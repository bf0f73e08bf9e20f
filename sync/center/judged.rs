//! What officers made of findings, read out of received bundles, and the false-alarm figures of rules.
//!
//! A rule is as good as what is left of its findings when somebody has looked. The record of a bundle says the
//! state of each finding at sealing, its journal says which finding of the rules it is and why a rule was
//! silenced. A bundle is read when it is received; what was received before this was known is read when the
//! figures are first wanted. The same finding on two days of one task is one: what was said last counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use spotcheck_evidence::journal::{JournalEntry, kinds};
use spotcheck_evidence::record::{JOURNAL_PATH, RECORD_PATH, Record, RelationKind};
use spotcheck_wire::bundles::Announcement;

use crate::bundles::payload;
use crate::centre::Centre;
use crate::repository::{Judged, JudgedBundle, Silenced};
use crate::{Error, Result};

/// Kinds of the case journal that only the rules use.
const RULE_SILENCED: &str = "rule_silenced";
const RULE_HEARD_AGAIN: &str = "rule_heard_again";

/// What the journal says last about a finding.
#[derive(Default)]
struct Told {
    key: String,
    officer: String,
    at: String,
}

/// What record and journal of a bundle say; `None` where they do not read back.
fn extract(
    bundle: &str,
    record: &[u8],
    journal: &[u8],
    shown: &dyn Fn(&str) -> Result<BTreeMap<String, String>>,
) -> Result<Option<JudgedBundle>> {
    let Ok(record) = Record::parse(record) else { return Ok(None) };
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let mut silent: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    for line in journal.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let Ok(entry) = JournalEntry::parse(line) else { return Ok(None) };
        let Some(subject) = entry.subject.clone() else { continue };
        let officer = entry.officer.as_ref().map(ToString::to_string).unwrap_or_default();
        match entry.kind.as_str() {
            kinds::FINDING_STATE => {
                let key = entry.fact_text("finding").unwrap_or_default().to_owned();
                told.insert(subject, Told { key, officer, at: entry.wall });
            }
            RULE_SILENCED => {
                let reason = entry.fact_text("reason").unwrap_or_default().to_owned();
                silent.insert(subject, (reason, officer, entry.wall));
            }
            RULE_HEARD_AGAIN => {
                silent.remove(&subject);
            }
            _ => {}
        }
    }
    let task = record.task.id.to_string();
    let package = record.task.package.as_ref().map(|p| p.id.clone());
    let mut packs = package.as_deref().map(shown).transpose()?.unwrap_or_default();
    let fixmedins_code = record.facility.fixmedins_code.clone();
    let mut judged = Vec::new();
    for f in record.findings {
        let said = told.remove(&f.id).unwrap_or_default();
        let (rule, pack) = f.rule.map_or_else(Default::default, |r| {
            let pack = format!("{}@{}", r.pack, r.version);
            (r.id, pack)
        });
        if !rule.is_empty() {
            packs.entry(rule.clone()).or_insert_with(|| pack.clone());
        }
        judged.push(Judged {
            bundle: bundle.to_owned(),
            task: task.clone(),
            fixmedins_code: fixmedins_code.clone(),
            key: if said.key.is_empty() { format!("{bundle}/{}", f.id) } else { said.key },
            nr: f.id,
            rule,
            pack,
            state: f.state.as_str().to_owned(),
            reason: f.reason,
            officer: said.officer,
            at: said.at,
            subject: f.subject,
            text: f.text,
            amount: f.amount,
            fund_amount: f.fund_amount,
            loss_method: f.loss_method.map(|m| m.as_str().to_owned()),
        });
    }
    let silenced = silent.into_iter().map(|(rule, (reason, officer, at))| Silenced {
        bundle: bundle.to_owned(),
        task: task.clone(),
        pack: packs.get(&rule).cloned().unwrap_or_default(),
        rule,
        reason,
        officer,
        at,
    });
    let place = |r: &&spotcheck_evidence::record::Relation| r.kind == RelationKind::Supersedes;
    let supersedes = record.relations.iter().filter(place).map(|r| r.bundle.to_string());
    Ok(Some(JudgedBundle {
        bundle: bundle.to_owned(),
        supersedes: supersedes.collect(),
        silenced: silenced.collect(),
        task,
        package,
        fixmedins_code,
        judged,
    }))
}

/// Reads a bundle whose whole bag was judged good, once more if need be: the same bundle gives the same rows.
///
/// # Errors
/// Those of the database; a record that does not read back is told and left out.
pub(crate) fn read_bundle(centre: &Centre, announcement: &Announcement) -> Result<()> {
    let record = payload(centre, announcement, RECORD_PATH)?;
    let journal = payload(centre, announcement, JOURNAL_PATH)?;
    let shown = |package: &str| {
        let rows = centre.repo().shown_in(package)?;
        Ok(rows.into_iter().map(|s| (s.rule, s.pack)).collect())
    };
    let read = match (record, journal) {
        (Some(record), Some(journal)) => extract(&announcement.bundle, &record, &journal, &shown)?,
        _ => None,
    };
    let Some(read) = read else {
        tracing::warn!(bundle = %announcement.bundle, "What was judged in a bundle is unreadable.");
        return Ok(());
    };
    centre.repo().put_judged(&read, centre.now_ms())
}

/// Reads what was received before its findings were read.
///
/// # Errors
/// Those of the database.
pub fn catch_up(centre: &Centre) -> Result<()> {
    for id in centre.repo().unread_bundles()? {
        let row = centre.repo().bundle(&id)?.ok_or(Error::Stored("bundle"))?;
        match read_bundle(centre, &row.announcement) {
            // A blob that was lost meanwhile keeps nobody from the other bundles.
            Err(Error::Io { .. }) => tracing::warn!(bundle = %id, "A bundle cannot be read."),
            other => other?,
        }
    }
    Ok(())
}

/// What became of the findings of one rule of one pack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RuleFigures {
    /// The rule.
    pub rule: String,
    /// `name@version` of its pack; empty where nothing tells it.
    pub pack: String,
    /// Findings in the packages of the visits; absent where no package counted them.
    pub shown: Option<u64>,
    /// 事实属实.
    pub confirmed: u64,
    /// 已排除.
    pub excluded: u64,
    /// 需补证.
    pub needs_evidence: u64,
    /// Taken back to open.
    pub open: u64,
    /// Visits that silenced the rule.
    pub silenced: u64,
    /// Why findings were excluded: reason → findings.
    pub excluded_for: BTreeMap<String, u64>,
    /// Why it was silenced: reason → visits.
    pub silenced_for: BTreeMap<String, u64>,
    /// Excluded among confirmed and excluded, in percent with one decimal, half up.
    pub false_alarms: Option<String>,
}

fn share(part: u64, all: u64) -> Option<String> {
    let permille = part.checked_mul(2000)?.checked_add(all)?.checked_div(all.checked_mul(2)?)?;
    Some(format!("{}.{}", permille.checked_div(10)?, permille.checked_rem(10)?))
}

/// Figures by rule and pack, of all rules or one.
///
/// # Errors
/// Those of the database.
pub fn statistics(centre: &Centre, rule: Option<&str>) -> Result<Vec<RuleFigures>> {
    catch_up(centre)?;
    let mut all: BTreeMap<(String, String), RuleFigures> = BTreeMap::new();
    let mut of = |rule: &str, pack: &str, change: &dyn Fn(&mut RuleFigures)| {
        let key = (rule.to_owned(), pack.to_owned());
        let fresh = || RuleFigures { rule: rule.into(), pack: pack.into(), ..Default::default() };
        change(all.entry(key).or_insert_with(fresh));
    };
    for s in centre.repo().shown()? {
        of(&s.rule, &s.pack, &|f| f.shown = Some(f.shown.unwrap_or(0).saturating_add(s.shown)));
    }
    let rows = centre.repo().judged(None)?;
    let last: BTreeMap<(&str, &str), &Judged> =
        rows.iter().map(|j| ((j.task.as_str(), j.key.as_str()), j)).collect();
    // What was decided after the party was heard is truer than what was seen first.
    let later: BTreeMap<String, (String, Option<String>)> = centre
        .repo()
        .finding_states(None)?
        .into_iter()
        .map(|s| (s.key, (s.state, s.reason)))
        .collect();
    for j in last.values().filter(|j| !j.rule.is_empty()) {
        let site = (j.state.clone(), j.reason.clone());
        let (state, reason) = later.get(&j.key).cloned().unwrap_or(site);
        let reason = reason.unwrap_or_default();
        of(&j.rule, &j.pack, &|f| match state.as_str() {
            "excluded" => {
                f.excluded = f.excluded.saturating_add(1);
                let n = f.excluded_for.entry(reason.clone()).or_default();
                *n = n.saturating_add(1);
            }
            "needs_evidence" => f.needs_evidence = f.needs_evidence.saturating_add(1),
            "open" => f.open = f.open.saturating_add(1),
            _ => f.confirmed = f.confirmed.saturating_add(1),
        });
    }
    let quiet = centre.repo().silenced()?;
    let mut seen = BTreeSet::new();
    for s in quiet.iter().rev().filter(|s| seen.insert((&s.task, &s.rule))) {
        of(&s.rule, &s.pack, &|f| {
            f.silenced = f.silenced.saturating_add(1);
            let n = f.silenced_for.entry(s.reason.clone()).or_default();
            *n = n.saturating_add(1);
        });
    }
    let mut figures: Vec<RuleFigures> =
        all.into_values().filter(|f| rule.is_none_or(|rule| rule == f.rule)).collect();
    for f in &mut figures {
        f.false_alarms = share(f.excluded, f.confirmed.saturating_add(f.excluded));
    }
    Ok(figures)
}
