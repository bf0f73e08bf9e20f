//! The opening words of a visit: shown to be read aloud, and entered as read.
//!
//! Who they were read to hears them; what proves it is the recording that runs. So the entry names the text by
//! its hash and each running recording with the place in it, and the recording gets a mark there.

use serde::{Deserialize, Serialize};
use spotcheck_domain::time::rfc3339;
use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;

use crate::chain::set;
use crate::desk::Opening;
use crate::handheld::Handheld;
use crate::model::{Evidence, ONLY, kind};
use crate::troubles;

/// Kind of the value: when they were read.
const OPENING: &str = "opening";
/// Words of the mark.
const MARK: &str = "已宣读开场告知";

/// That they were read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    at_ms: i64,
    text_sha256: String,
}

fn digest(paragraphs: &[String]) -> String {
    Hash32::sha256(paragraphs.join("\n").as_bytes()).to_string()
}

impl Handheld {
    pub(crate) fn do_opening(&mut self, case: &CaseId) -> TroubleResult<Opening> {
        let meta = self.meta(case)?;
        let paragraphs = self.ports.forms.opening(&meta.task, self.now_ms())?;
        Ok(Opening { paragraphs, read: self.opening_read_at(case)? })
    }

    /// When the words were read, RFC 3339.
    pub(crate) fn opening_read_at(&mut self, case: &CaseId) -> TroubleResult<Option<String>> {
        let read: Option<Read> = self.case_chain(case)?.value(OPENING, ONLY)?;
        Ok(read.map(|read| rfc3339(read.at_ms)))
    }

    /// Enters the words as read. A second time is another entry: at another place they are read again.
    pub(crate) fn do_opening_read(
        &mut self,
        case: &CaseId,
        paragraphs: &[String],
    ) -> TroubleResult<()> {
        self.open_meta(case)?;
        if paragraphs.is_empty() {
            return Err(troubles::document("没有可宣读的内容", "重新打开开场告知页"));
        }
        let text_sha256 = digest(paragraphs);
        let mut recordings = Vec::new();
        let mut values = Vec::new();
        for running in self.running.clone().into_iter().filter(|r| r.case == *case) {
            let at_ms = self.recording_view(&running)?.stored_ms;
            let item: Option<Evidence> =
                self.case_chain(case)?.value(kind::EVIDENCE, &running.evidence)?;
            let Some(mut item) = item else { continue };
            item.marks.push((at_ms, MARK.to_owned()));
            values.push(set(kind::EVIDENCE, &running.evidence, &item)?);
            recordings.push(serde_json::json!({"evidence": running.evidence, "at_ms": at_ms}));
        }
        let draft = self
            .draft("note")?
            .fact("what", "opening_read")
            .fact("text", MARK)
            .fact("text_sha256", text_sha256.as_str())
            .fact("paragraphs", paragraphs.to_vec())
            .fact("recordings", recordings);
        values.push(set(OPENING, ONLY, &Read { at_ms: self.now_ms(), text_sha256 })?);
        self.commit_mark(case, "宣读开场告知", draft, values)?;
        Ok(())
    }
}
