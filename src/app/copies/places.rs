//! Where personal data of a case were copied to: an entry of the device journal for each new place.
//!
//! A second copy is encrypted, and still everything about the persons in a case lies in one more place. The schedule
//! goes there every few minutes; what has to be told is that it began to (evidence.md §2).

use spotcheck_domain::{CaseId, TroubleResult};

use crate::chain::set;
use crate::handheld::Handheld;
use crate::ports::Chosen;

/// Kind of the places that the journal names, by case, in the device store.
const COPIED_TO: &str = "copied_to";

/// A handheld by its id alone: its address changes from day to day and says nothing.
fn named(place: &str) -> &str {
    place.split_once(" (").map_or(place, |(device, _)| device)
}

impl Handheld {
    /// Enters copies at places that the journal does not name yet. Needs no unlocking.
    pub(super) fn journal_places(&mut self, cases: &[Chosen]) -> TroubleResult<()> {
        for Chosen { case, .. } in cases {
            let Some(copied) = self.ports.copies.copied(case)? else { continue };
            let place = named(&copied.place).to_owned();
            let known: Option<Vec<String>> = self.device_log()?.value(COPIED_TO, case.as_str())?;
            let mut known = known.unwrap_or_default();
            if known.contains(&place) {
                continue;
            }
            let draft = self
                .draft("data_copied")?
                .about(case.as_str())
                .fact("what", "second_copy")
                .fact("encrypted", true)
                .fact("to", place.as_str())
                .fact("files", u64::try_from(copied.files.len()).unwrap_or(u64::MAX));
            known.push(place);
            let value = set(COPIED_TO, case.as_str(), &known)?;
            self.device_log()?.commit(vec![draft], vec![value])?;
        }
        Ok(())
    }

    /// After a copy that somebody called for: entered now, not only when the next state is kept.
    ///
    /// # Errors
    /// The device's store cannot be read or written.
    pub fn copies_were_made(&mut self) -> TroubleResult<()> {
        let mut cases: Vec<CaseId> = self.case_index()?.into_iter().map(|(case, _)| case).collect();
        cases.extend(self.arrival()?);
        let cases: Vec<Chosen> =
            cases.into_iter().map(|case| Chosen { case, bundle: None }).collect();
        self.journal_places(&cases)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_handheld_is_named_without_its_address_and_a_stick_by_its_folder() {
        assert_eq!(super::named("D-0002 (192.0.2.7:4711)"), "D-0002");
        assert_eq!(super::named("/media/stick"), "/media/stick");
    }
}
