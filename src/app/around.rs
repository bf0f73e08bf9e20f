//! Everyone around a finding: all lines of a doctor or an item, and cards settled beside a card.
//!
//! What a doctor did is guarded against 统方 (rules.md): it needs a reason, which is in the device journal before
//! anything is read, and so at the centre, which sees who looks at many. There is no file, no paper and no entry of
//! the case that it could go into; opening a person from the list is an access record as everywhere.

use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::ClaimsReader;
use spotcheck_domain::{TaskId, TroubleResult};
use spotcheck_rules::Finding;
use spotcheck_rules::around::{Ask, Surroundings, look};

use crate::errand::{Brought, Journey, Told, Watch};
use crate::handheld::Handheld;
use crate::packs;

/// The rule that knows how near two cards have to be.
const CARDS_RULE: &str = "H02";
/// Minutes where it does not say.
const CARDS_MINUTES: i64 = 10;

/// What an officer wants to see around a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AroundQuery {
    /// All lines of a doctor, by person; only for a reason.
    Staff {
        /// National staff code.
        code: String,
        /// Why, at least four characters.
        reason: String,
    },
    /// All lines of an item (`med_list_codg`), by person.
    Item(String),
    /// Cards settled beside those of a person or of some visits.
    Cards {
        /// The person.
        psn_no: Option<String>,
        /// Visits where the finding names no person.
        visits: Vec<String>,
    },
}

impl AroundQuery {
    /// The cards around a finding: of its person, else of the visits that it rests on; `None` where it has neither.
    #[must_use]
    pub fn cards(finding: &Finding) -> Option<Self> {
        let visits = match finding.psn_no {
            Some(_) => Vec::new(),
            None => finding.mdtrt_id.iter().chain(&finding.also).cloned().collect(),
        };
        let there = finding.psn_no.is_some() || !visits.is_empty();
        there.then(|| Self::Cards { psn_no: finding.psn_no.clone(), visits })
    }
}

impl Handheld {
    /// Inside a task only, and a doctor only for a reason that is written down first.
    fn may_look_around(&mut self, task: &TaskId, query: &AroundQuery) -> TroubleResult<()> {
        self.my_task(task)?;
        match query {
            AroundQuery::Staff { reason, .. } => {
                self.tell_guarded(task, "around", "doctor×person", Some(reason))
            }
            AroundQuery::Item(_) | AroundQuery::Cards { .. } => Ok(()),
        }
    }

    /// The guard stands before the journey.
    pub(crate) fn set_out_to_look_around(
        &mut self,
        task: &TaskId,
        query: &AroundQuery,
    ) -> TroubleResult<Journey> {
        let checked = self.last_check(task)?;
        self.may_look_around(task, query)?;
        let at = self.ports.clock.read();
        let (task, query) = (task.clone(), query.clone());
        let mut packages = self.ports.packages.handle();
        let mut keys = self.ports.keys.handle();
        Ok(Box::new(move |watch| {
            let found = packages
                .open(&task, keys.as_mut(), &at, &checked.fingerprint)
                .and_then(|opened| around(opened.reader.as_ref(), query, watch));
            Brought::Around(found.map(Box::new))
        }))
    }
}

fn around(
    reader: &dyn ClaimsReader,
    query: AroundQuery,
    watch: &mut Watch<'_>,
) -> TroubleResult<Surroundings> {
    let ask = match query {
        AroundQuery::Staff { code, .. } => Ask::Staff(code),
        AroundQuery::Item(code) => Ask::Item(code),
        AroundQuery::Cards { psn_no, visits } => {
            let (pack, _) = packs::in_force(reader)?;
            let rule = pack.rules.iter().rev().find(|r| r.id == CARDS_RULE);
            let minutes = rule.and_then(|r| r.whole("minutes")).unwrap_or(CARDS_MINUTES);
            Ask::Cards { psn_no, visits, minutes }
        }
    };
    let columns = reader.columns();
    Ok(look(columns.as_ref(), &ask, &mut Told(watch))?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::SecretString;
    use spotcheck_domain::{ManualClock, OfficerId, TaskId};

    use super::AroundQuery;
    use crate::desk::Desk as _;
    use crate::errand::Errand;
    use crate::memory::{BEGIN_MS, Disk, handheld};

    /// rules.md, against 统方: whom a doctor treated opens only inside a task and with a reason, and the reason is
    /// journaled before anything is read; an item and cards are no breakdown of a doctor.
    #[test]
    fn a_doctor_s_patients_open_with_a_reason_that_the_centre_will_read() {
        let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
        let mut h = handheld(&disk, &clock, 1);
        h.pull(None).unwrap();
        let task = TaskId::parse("T-2026-0001").unwrap();
        let staff = |reason: &str| AroundQuery::Staff {
            code: "D001".to_owned(),
            reason: reason.to_owned(),
        };
        assert!(h.may_look_around(&task, &staff("核对重复收费")).is_err(), "locked");
        let officer = OfficerId::parse("O-0001").unwrap();
        h.unlock(&officer, &SecretString::from("O-0001".to_owned())).unwrap();
        let viewed = |h: &mut crate::Handheld| {
            let entries = h.journal_entries(None).unwrap();
            entries.into_iter().filter(|e| e["kind"] == "guarded_viewed").collect::<Vec<_>>()
        };
        let code = |h: &mut crate::Handheld, query: &AroundQuery| {
            h.may_look_around(&task, query).map_err(|trouble| trouble.code)
        };
        assert_eq!(code(&mut h, &staff(" 看看 ")), Err("INDICATORS-REASON".to_owned()));
        let item = AroundQuery::Item("E1".to_owned());
        assert_eq!(code(&mut h, &item), Ok(()));
        assert!(viewed(&mut h).is_empty());
        assert_eq!(code(&mut h, &staff("核对同一医师的重复收费")), Ok(()));
        let lines = viewed(&mut h);
        assert_eq!(lines.len(), 1);
        let said = lines[0].to_string();
        for word in ["核对同一医师的重复收费", "doctor", "T-2026-0001"] {
            assert!(said.contains(word), "{said}");
        }
        let other = TaskId::parse("T-2026-0404").unwrap();
        assert!(h.may_look_around(&other, &item).is_err(), "only inside a task");
        // Without a package there is nothing to look at, and nothing is written down for it.
        let errand = Errand::Around(task.clone(), Box::new(staff("核对同一医师的重复收费")));
        assert!(h.set_out(&errand).is_err());
        assert_eq!(viewed(&mut h).len(), 1);
    }
}
