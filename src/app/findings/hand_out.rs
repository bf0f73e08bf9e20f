//! Findings onto a stick: for the office, or for the party, which reads confirmed facts and nothing else.

use serde::{Deserialize, Serialize};
use spotcheck_domain::time::beijing_date;
use spotcheck_domain::{TaskId, TroubleResult};
use spotcheck_rules::Merged;
use spotcheck_rules::export::{Audience, Format};

use crate::handheld::Handheld;

/// A stick that is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stick {
    /// For [`crate::desk::Desk::hand_out_findings`].
    pub place: String,
    /// Its name.
    pub name: String,
}

impl Handheld {
    pub(crate) fn do_sticks(&mut self) -> TroubleResult<Vec<Stick>> {
        self.officer()?;
        self.ports.exports.sticks()
    }

    /// Writes the file under a name of its own and gives the name back; nothing is overwritten.
    pub(crate) fn do_hand_out_findings(
        &mut self,
        task: &TaskId,
        findings: &[Merged],
        (audience, format): (Audience, Format),
        stick: &str,
    ) -> TroubleResult<String> {
        let bytes = self.do_export_findings(task, findings, audience, format)?;
        let what = if audience == Audience::Party { "事实清单" } else { "线索清单" };
        let day = beijing_date(self.now_ms());
        let name = format!("{what}-{day}.{}", format.as_str());
        self.ports.exports.write(stick, &name, &bytes)
    }
}
