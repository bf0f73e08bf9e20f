//! Names as long as they come: for looking at how screens bear them. All of them are invented.

use spotcheck_domain::claims::{FacilityView, PersonHit, PersonView};

use super::FakeDesk;

/// A facility of forty characters.
pub(crate) const LONG_FACILITY: &str =
    "示例自治州样本县人民医院医疗集团总院（样本县第一人民医院暨示例大学附属第三医院）";
/// Its branch, which begins with the same words.
const LONG_BRANCH: &str = "示例自治州样本县人民医院医疗集团总院（样本县第一人民医院）城东演示分院";
/// A person of twenty characters.
pub(crate) const LONG_PERSON: &str = "阿卜杜外力·买买提依明·示例样本演示测试";
/// Officers.
const OFFICERS: [&str; 2] = ["努尔艾合买提·示例江·样本", "古丽巴哈尔·演示·测试"];

impl FakeDesk {
    /// As [`FakeDesk::new`], with names as long as they come.
    #[must_use]
    pub fn with_long_names(mut self) -> Self {
        self.long = true;
        for (card, name) in self.officers.iter_mut().zip(OFFICERS) {
            name.clone_into(&mut card.name);
        }
        for (card, name) in self.tasks.iter_mut().zip([LONG_FACILITY, LONG_BRANCH]) {
            name.clone_into(&mut card.task.facility.fixmedins_name);
            for (officer, name) in card.task.officers.iter_mut().zip(OFFICERS) {
                name.clone_into(&mut officer.name);
            }
        }
        self
    }

    pub(super) fn house(&self, mut view: FacilityView) -> FacilityView {
        if self.long {
            LONG_FACILITY.clone_into(&mut view.fixmedins_name);
        }
        view
    }

    pub(super) fn named(&self, mut hits: Vec<PersonHit>) -> Vec<PersonHit> {
        for hit in hits.iter_mut().filter(|_| self.long) {
            LONG_PERSON.clone_into(&mut hit.psn_name);
        }
        hits
    }

    pub(super) fn one_named(&self, mut view: Option<PersonView>) -> Option<PersonView> {
        for view in view.iter_mut().filter(|_| self.long) {
            LONG_PERSON.clone_into(&mut view.psn_name);
        }
        view
    }
}
