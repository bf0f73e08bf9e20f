//! Which duties block closing a document, and what a complete visit has (inspection.md).
//!
//! Gates block closing, never capturing and never leaving; each names the duty it serves.

use spotcheck_domain::task::Task;
use spotcheck_domain::time::beijing_date;
use spotcheck_domain::vocabulary::Mode;
use spotcheck_domain::{CaseId, TroubleResult};

use crate::handheld::Handheld;
use crate::model::{Document, Evidence, Rescued, kind};

/// Duty behind the two-officer gate.
pub(crate) const TWO_OFFICERS: &str = "行政处罚法第四十二条、基金监管条例第二十七条：执法人员不少于两人，并出示执法证件。请第二名检查人员出示证件后再定稿";

/// True where two shown credentials are asked for before a document closes.
pub(crate) const fn needs_two_credentials(mode: Mode) -> bool {
    matches!(mode, Mode::Enforcement | Mode::Flight | Mode::Joint | Mode::Agreement)
}

impl Handheld {
    /// Officers of the task whose credential was not shown yet, as gaps.
    pub(crate) fn missing_credentials(
        &mut self,
        case: &CaseId,
        task: &Task,
    ) -> TroubleResult<Vec<String>> {
        if !needs_two_credentials(task.mode) {
            return Ok(Vec::new());
        }
        let shown: Vec<(String, i64)> = self.case_chain(case)?.values(kind::SHOWN)?;
        let count = task
            .officers
            .iter()
            .filter(|o| shown.iter().any(|(id, _)| id == o.id.as_str()))
            .count();
        Ok(if count >= 2 {
            Vec::new()
        } else {
            task.officers
                .iter()
                .filter(|o| !shown.iter().any(|(id, _)| id == o.id.as_str()))
                .map(|o| format!("{}未出示证件", o.name))
                .collect()
        })
    }

    /// Officers of the task whose signing certificate has run out, as gaps (R51). Nothing is held up by it: what is
    /// sealed says so, and a later bundle, signed under a renewed certificate, points back to it.
    fn expired_certificates(&mut self, task: &Task) -> TroubleResult<Vec<String>> {
        let today = beijing_date(self.now_ms());
        let cards = self.ports.keys.officers()?;
        let ended = cards.iter().filter(|card| {
            card.certificate_until < today && task.officers.iter().any(|o| o.id == card.id)
        });
        Ok(ended
            .map(|card| {
                format!("{}的签名证书已于 {} 到期，须续期后补签", card.name, card.certificate_until)
            })
            .collect())
    }

    /// Gaps of the whole visit by name; empty means complete.
    pub(crate) fn missing_in_visit(&mut self, case: &CaseId) -> TroubleResult<Vec<String>> {
        let meta = self.meta(case)?;
        let mut missing = self.missing_credentials(case, &meta.task)?;
        let documents: Vec<(String, Document)> = self.case_chain(case)?.values(kind::DOCUMENT)?;
        if !documents.iter().any(|(_, d)| d.form == "W03") {
            missing.push("没有制作现场检查笔录".to_owned());
        }
        for (id, document) in &documents {
            let title = &document.title;
            if document.frozen.is_none() {
                missing.push(format!("{title}({id})尚未定稿"));
            } else if document.signatures.is_empty() && document.prints.is_empty() {
                missing.push(format!("{title}({id})尚未签字或打印"));
            }
        }
        let evidence: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let tray = evidence
            .iter()
            .filter(|(_, e)| e.file.is_some() && e.proves.is_empty() && !e.is_superseded())
            .count();
        if tray > 0 {
            missing.push(format!("{tray} 件证据未写明证明内容"));
        }
        let single = self.without_copy(case, &evidence)?;
        if single > 0 {
            missing.push(format!("{single} 件证据超过 5 分钟还没有第二副本"));
        }
        missing.extend(self.expired_certificates(&meta.task)?);
        missing.extend(self.damaged_media(case, &evidence)?);
        missing.extend(meta.rescued.iter().map(Rescued::words));
        missing.extend(self.lost_in_salvage(case)?);
        Ok(missing)
    }
}
