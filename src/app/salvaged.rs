//! A case database of which damaged pages had to be left behind (R27): told once, kept in the record for good.
//!
//! The store has made a new file of what could be read and says so in a value; here it becomes a line of both
//! journals, a sentence for the officer, and, where something was lost, one of the gaps of the visit.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{CaseId, TroubleResult};

use crate::chain::set;
use crate::handheld::Handheld;
use crate::model::{Meta, ONLY, kind};
use crate::ports::{SALVAGED, SALVAGED_KEY};

/// How the sentence begins.
pub(crate) const SALVAGED_WORDS: &str = "案卷数据库有";

/// What the store says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Salvaged {
    pages: u32,
    lost_values: u32,
    kept: String,
    told: bool,
}

impl Salvaged {
    fn words(&self) -> String {
        let lost = match self.lost_values {
            0 => "内容没有损失".to_owned(),
            n => format!("至多 {n} 项内容读不出来"),
        };
        format!(
            "{SALVAGED_WORDS} {} 页损坏，已把能读的抢救到新文件，{lost}；损坏的文件原样保留",
            self.pages
        )
    }
}

impl Handheld {
    fn salvaged(&mut self, case: &CaseId) -> TroubleResult<Option<Salvaged>> {
        match self.cases.get_mut(case) {
            Some(chain) => chain.value(SALVAGED, SALVAGED_KEY),
            None => Ok(None),
        }
    }

    /// Tells of a case that was just opened, if its store says so and nobody was told yet.
    pub(crate) fn tell_salvage(&mut self, case: &CaseId) -> TroubleResult<()> {
        let Some(found) = self.salvaged(case)?.filter(|found| !found.told) else { return Ok(()) };
        let draft = self
            .draft("salvaged")?
            .fact("pages", found.pages)
            .fact("lost_values", found.lost_values)
            .fact("kept", found.kept.as_str());
        let Some(chain) = self.cases.get_mut(case) else { return Ok(()) };
        // A sealed journal takes no more lines.
        let meta: Option<Meta> = chain.value(kind::META, ONLY)?;
        let open = meta.is_some_and(|meta| meta.sealing.is_none() && !meta.done);
        let lines = if open { vec![draft.clone()] } else { Vec::new() };
        let told = set(SALVAGED, SALVAGED_KEY, &Salvaged { told: true, ..found.clone() })?;
        chain.commit(lines, vec![told])?;
        self.journal_device(draft.about(case.as_str()))?;
        self.safe = format!("安全：{}", found.words());
        Ok(())
    }

    /// What a salvage cost, as a gap of the visit.
    pub(crate) fn lost_in_salvage(&mut self, case: &CaseId) -> TroubleResult<Option<String>> {
        let found = self.salvaged(case)?.filter(|found| found.lost_values > 0);
        Ok(found.map(|found| found.words()))
    }
}
