//! Whether what lies on the storage is still what was captured, and what becomes of an item that is not.
//!
//! A blob's name is the hash of its bytes, so it is read and compared without a key. That is done beside the work, a
//! little at a time, and whole by the self-check; the seal itself reads no media (budgets.md P4): it looks at sizes,
//! and reads only what is suspected. A damaged blob is fetched again from the second copy where there is one; an
//! item without a good copy is taken out of the case before the seal and named in what is missing, so that one bad
//! block does not hold up everything else.

use std::collections::BTreeSet;

use spotcheck_domain::{CaseId, TroubleResult};
use spotcheck_evidence::Hash32;

use crate::chain::set;
use crate::handheld::Handheld;
use crate::model::{Evidence, ONLY, kind};
use crate::ports::{RecordingOutcome, StoredFile};
use crate::troubles;

/// Kind of what was lost of a recording that was closed around damage: in how many places, and milliseconds.
const DAMAGED: &str = "damaged";
/// Kind of the sentence about an item that was taken out.
const TAKEN_OUT: &str = "taken_out";
/// Bytes read in one minute beside the work.
const A_LITTLE: u64 = 16 << 20;

/// Kind of the list of damaged blobs in the device's store: found by one program, known to the next.
const BAD: &str = "media_bad";
/// So long the seal may read what nobody has read yet, in milliseconds of the second that it has (budgets.md P4).
const SEAL_MS: i64 = 250;
/// And so many bytes, in portions of so many.
const SEAL_BYTES: u64 = 64 << 20;
const PORTION: u64 = 4 << 20;

/// What is known of blobs, by the SHA-256 of their ciphertext: good ones since this program began.
#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) good: BTreeSet<String>,
    bad: BTreeSet<String>,
    /// The list of an earlier program was read.
    remembered: bool,
}

impl Media {
    fn suspects(&self, file: &StoredFile) -> bool {
        file.blobs.iter().any(|blob| self.bad.contains(&blob.ciphertext_sha256))
    }
}

fn files(item: &Evidence) -> impl Iterator<Item = &StoredFile> {
    item.file.iter().chain(&item.log)
}

/// What the officer reads, and what stands in the sealed record.
fn words(id: &str, item: &Evidence, taken_out: bool) -> String {
    let hash = item.file.as_ref().map_or_else(String::new, |file| file.sha256.clone());
    let what = if taken_out { "未收入本次封存" } else { "封存时将不收入" };
    format!("{id} 的加密文件已损坏，没有完好的副本，{what}（{}，SHA-256 {hash}）", item.path)
}

impl Handheld {
    /// Reads a little of what was not read yet since the program began.
    pub(crate) fn look_over_a_little(&mut self) -> TroubleResult<()> {
        let mut most = A_LITTLE;
        for case in self.cases_in_hand()? {
            if most == 0 {
                break;
            }
            let before = self.media.good.len();
            let bad = self.ports.blobs.look_over(&case, most, &mut self.media.good)?;
            if self.media.good.len() > before {
                // One case a minute.
                most = 0;
            }
            self.media_found(bad)?;
        }
        Ok(())
    }

    /// Blobs that were found damaged, and good ones among those that once were. Kept for the next program.
    pub(crate) fn media_found(&mut self, bad: Vec<String>) -> TroubleResult<()> {
        self.remember_media()?;
        let before = self.media.bad.clone();
        let good = &self.media.good;
        self.media.bad.retain(|hash| !good.contains(hash));
        self.media.bad.extend(bad);
        if self.media.bad != before {
            let value = set(BAD, ONLY, &self.media.bad)?;
            self.device_log()?.commit(vec![], vec![value])?;
        }
        Ok(())
    }

    fn remember_media(&mut self) -> TroubleResult<()> {
        if !self.media.remembered {
            let known: Option<BTreeSet<String>> = self.device_log()?.value(BAD, ONLY)?;
            self.media.bad.extend(known.unwrap_or_default());
            self.media.remembered = true;
        }
        Ok(())
    }

    /// Reads as much of what nobody has read yet as a seal has time for; of a usual visit that is all.
    fn read_in_the_time_there_is(&mut self, case: &CaseId) -> TroubleResult<()> {
        let begun = self.ports.clock.read().boottime_ms;
        let mut read = 0_u64;
        while read < SEAL_BYTES
            && self.ports.clock.read().boottime_ms.saturating_sub(begun) < SEAL_MS
        {
            let before = self.media.good.len();
            let bad = self.ports.blobs.look_over(case, PORTION, &mut self.media.good)?;
            self.media_found(bad)?;
            if self.media.good.len() == before {
                break;
            }
            read = read.saturating_add(PORTION);
        }
        Ok(())
    }

    /// Looks at every file that goes into the seal by its size, and reads those that are suspected; so they are
    /// named before anybody decides to seal without them.
    ///
    /// # Errors
    /// A paper of the case is damaged, which no record can do without.
    pub(crate) fn look_before_the_seal(&mut self, case: &CaseId) -> TroubleResult<()> {
        self.read_in_the_time_there_is(case)?;
        let evidence: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        let media: BTreeSet<&str> =
            evidence.iter().flat_map(|(_, item)| files(item)).map(|f| f.path.as_str()).collect();
        let mut bad = Vec::new();
        for file in self.payload(case)? {
            for blob in &file.blobs {
                let hash = &blob.ciphertext_sha256;
                if !self.media.bad.contains(hash) && self.ports.blobs.lies(case, blob)? {
                    continue;
                }
                match self.ports.blobs.ciphertext(case, blob) {
                    Ok(_) => {
                        self.media.good.insert(hash.clone());
                    }
                    Err(trouble) if is_damage(&trouble.code) => {
                        if !media.contains(file.path.as_str()) {
                            return Err(troubles::damaged_paper(&file.path).because(trouble.code));
                        }
                        bad.push(hash.clone());
                    }
                    Err(trouble) => return Err(trouble),
                }
            }
        }
        self.media_found(bad)
    }

    /// Items of which no good copy is to be had leave the case, and recordings that waited for one are closed around
    /// what they lack. True if there were any.
    pub(crate) fn leave_out_damaged(&mut self, case: &CaseId) -> TroubleResult<bool> {
        let mut any = false;
        let evidence: Vec<(String, Evidence)> = self.case_chain(case)?.values(kind::EVIDENCE)?;
        if evidence.iter().any(|(_, item)| item.recording.is_some() && item.ended_ms.is_none()) {
            for (order, outcome) in self.ports.recorder.recover_around(case)? {
                self.close_recording(case, &order.path, &outcome, false)?;
                any = true;
            }
        }
        for (id, mut item) in evidence {
            if !files(&item).any(|file| self.media.suspects(file)) {
                continue;
            }
            let said = words(&id, &item, true);
            let mut draft =
                self.draft("note")?.about(id.as_str()).fact("what", "damaged_and_taken_out");
            draft = draft.fact("path", item.path.as_str());
            if let Some(hash) = item.file.as_ref().and_then(|file| Hash32::parse(&file.sha256)) {
                draft = draft.hashed(hash);
            }
            (item.file, item.log) = (None, None);
            let values = vec![set(kind::EVIDENCE, &id, &item)?, set(TAKEN_OUT, &id, &said)?];
            self.commit(case, vec![draft], values)?;
            any = true;
        }
        Ok(any)
    }

    /// What is missing of recordings and pictures, in one sentence each.
    pub(crate) fn damaged_media(
        &mut self,
        case: &CaseId,
        evidence: &[(String, Evidence)],
    ) -> TroubleResult<Vec<String>> {
        self.remember_media()?;
        let mut said = Vec::new();
        let around: Vec<(String, (u32, u64))> = self.case_chain(case)?.values(DAMAGED)?;
        for (id, (places, lost_ms)) in around {
            let seconds = lost_ms.div_ceil(1_000);
            said.push(format!("{id} 存储损坏 {places} 处，缺约 {seconds} 秒，其余完整"));
        }
        let out: Vec<(String, String)> = self.case_chain(case)?.values(TAKEN_OUT)?;
        said.extend(out.into_iter().map(|(_, words)| words));
        for (id, item) in evidence {
            if files(item).any(|file| self.media.suspects(file)) {
                said.push(words(id, item, false));
            }
            let unended = item.recording.is_some() && item.ended_ms.is_none();
            let runs = self.running.iter().any(|r| r.path == item.path && &r.case == case);
            if unended && !runs && self.ports.recorder.holds_unclosed(case, &item.path)? {
                said.push(format!("{id} 有一段存储损坏，没有完好的副本，封存时只收其余部分"));
            }
        }
        Ok(said)
    }

    /// What the recovery closed a recording around.
    pub(crate) fn note_damage(
        &mut self,
        id: &str,
        outcome: &RecordingOutcome,
    ) -> TroubleResult<Vec<(String, String, String)>> {
        if outcome.damaged == 0 {
            return Ok(Vec::new());
        }
        Ok(vec![set(DAMAGED, id, &(outcome.damaged, outcome.damaged_ms))?])
    }
}

/// Codes of a blob that is not what its name says.
pub(crate) fn is_damage(code: &str) -> bool {
    matches!(code, "VAULT-BLOB-DAMAGED" | "VAULT-BLOB-MISSING")
}
