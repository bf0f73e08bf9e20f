//! What stands behind a finding: whose stay it is, who had to do with it, the fee lines, the articles cited.

use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::{ClaimsReader, FeeLine, PersonView, VisitView};
use spotcheck_domain::reference::{ReferenceHit, ReferenceReader, clause, in_force};
use spotcheck_domain::time::day_number;
use spotcheck_domain::{TaskId, TroubleResult};
use spotcheck_rules::Finding;

use super::{names_nobody, people};
use crate::handheld::Handheld;

/// Lines of a finding that are listed one by one; the others stand in the visit.
const LINES: usize = 60;

/// A finding with the names and lines behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingLook {
    /// The stay or visit, where it is about one.
    pub visit: Option<VisitView>,
    /// The person, where it is about one and no visit says who.
    pub person: Option<PersonView>,
    /// Who had to do with it: (`ordering` …, national code, name).
    pub people: Vec<(String, String, String)>,
    /// Its fee lines in order of time; at most 60.
    pub lines: Vec<FeeLine>,
    /// Articles that its rule cites, in force on its day.
    pub clauses: Vec<ReferenceHit>,
}

impl FindingLook {
    /// Looks a finding up in the claims and in what is in force.
    ///
    /// # Errors
    /// Those of the readers.
    pub fn of(
        finding: &Finding,
        claims: &dyn ClaimsReader,
        references: &[&dyn ReferenceReader],
    ) -> TroubleResult<Self> {
        let visit = match &finding.mdtrt_id {
            Some(visit) => claims.visit(visit)?,
            None => None,
        };
        let person = match (&visit, &finding.psn_no) {
            (None, Some(person)) => claims.person(person)?,
            _ => None,
        };
        let people =
            if names_nobody(&finding.people) { Vec::new() } else { people(finding, claims)? };
        let mut lines = Vec::new();
        if let Some(visit) = &finding.mdtrt_id {
            for line in finding.bkkp_sn.iter().take(LINES) {
                lines.extend(claims.fee_line(visit, line)?);
            }
        }
        lines.sort_by_key(|l: &FeeLine| l.fee_ocur_time.map(|t| t.at));
        let clauses = Self::cited(finding, references)?;
        Ok(Self { visit, person, people, lines, clauses })
    }

    /// The articles that a finding's rule cites.
    ///
    /// # Errors
    /// Those of the readers.
    pub fn cited(
        finding: &Finding,
        references: &[&dyn ReferenceReader],
    ) -> TroubleResult<Vec<ReferenceHit>> {
        let on = finding.date.as_deref().and_then(day_number);
        let day = |text: &Option<String>| text.as_deref().and_then(day_number);
        let held =
            |hit: &ReferenceHit| on.is_none_or(|on| in_force(day(&hit.begin), day(&hit.end), on));
        let mut cited: Vec<ReferenceHit> = Vec::new();
        for (title, article) in finding.clause.iter().filter_map(|text| clause(text)) {
            for reader in references {
                cited.extend(reader.articles(title, &article)?.into_iter().filter(held));
            }
        }
        cited.dedup_by(|a, b| a.id == b.id);
        Ok(cited)
    }
}

impl Handheld {
    /// The look is an access record of the person it is about.
    pub(crate) fn do_look_finding(
        &mut self,
        task: &TaskId,
        finding: &Finding,
    ) -> TroubleResult<FindingLook> {
        let mut look = FindingLook::of(finding, self.reader(task)?, &[])?;
        look.clauses = FindingLook::cited(finding, &self.references(Some(task))?)?;
        let person = match (&look.visit, &look.person) {
            (Some(visit), _) => Some(&visit.psn_no),
            (None, Some(person)) => Some(&person.psn_no),
            (None, None) => None,
        };
        if let Some(person) = person {
            self.access(task, &format!("psn_no:{person}"), "finding", None)?;
        }
        Ok(look)
    }
}
