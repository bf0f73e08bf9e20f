//! What a comparison found is kept with the case, so that it is listed again after a lock or a restart.
//!
//! The table itself leaves memory at the lock; comparing again would cost the officer the whole way by thumb.
//! What was judged stands in the case anyway; this keeps what nobody has said anything about yet.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{TaskId, TroubleResult};
use spotcheck_rules::Finding;

use super::ComparedView;
use crate::chain::set;
use crate::handheld::Handheld;
use crate::model::{ONLY, kind};
use crate::troubles;

/// Findings of the last comparison of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFindings {
    /// Name of the file.
    pub name: String,
    /// The item of the case that the file became: goes with every judgement as evidence.
    pub evidence: Option<String>,
    /// Differences, then what rules say of the export's own lines.
    pub findings: Vec<Finding>,
}

/// As the case keeps it.
#[derive(Serialize, Deserialize)]
struct Stored {
    name: String,
    evidence: Option<String>,
    /// Each as [`Finding::body`] writes it.
    findings: Vec<String>,
}

impl Handheld {
    /// In the case whose evidence the file is; a comparison outside a case is not kept.
    pub(super) fn keep_compared(
        &mut self,
        task: &TaskId,
        view: &ComparedView,
    ) -> TroubleResult<()> {
        let held = self.export.as_ref().filter(|held| held.task == *task);
        let Some(case) = held.and_then(|held| held.case.clone()) else { return Ok(()) };
        self.open_meta(&case)?;
        let all = view.all();
        let stored = Stored {
            name: view.name.clone(),
            evidence: view.evidence.clone(),
            findings: all.iter().map(Finding::body).collect(),
        };
        let text = format!(
            "医院系统导出与上传数据比对：不一致 {} 条，导出中未上传的明细按规则 {} 条",
            view.findings.len(),
            view.fresh.findings.len()
        );
        let mut draft = self.draft("note")?.fact("what", "compared").fact("text", text);
        if let Some(evidence) = &view.evidence {
            draft = draft.about(evidence.as_str());
        }
        self.commit(&case, vec![draft], vec![set(kind::COMPARED, ONLY, &stored)?])?;
        Ok(())
    }

    pub(crate) fn do_compared_findings(
        &mut self,
        task: &TaskId,
    ) -> TroubleResult<Option<KeptFindings>> {
        let newest = self.case_index()?.into_iter().rev().find(|(_, index)| index.task == *task);
        let Some((case, _)) = newest else { return Ok(None) };
        let Some(stored) = self.case_chain(&case)?.value::<Stored>(kind::COMPARED, ONLY)? else {
            return Ok(None);
        };
        let findings = stored.findings.iter().map(|body| Finding::parse(body, None));
        let findings = findings.collect::<Result<Vec<_>, _>>().map_err(troubles::stored)?;
        Ok(Some(KeptFindings { name: stored.name, evidence: stored.evidence, findings }))
    }
}
