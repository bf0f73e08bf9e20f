//! Annex `spotcheck-rule-draft/1`: rules that an officer composed on site, as a pack that the centre can try.
//!
//! One file that holds the files of an ordinary rule pack as text, with the handheld's signature over their
//! listing, so that it can be read, checked and tried without the bundle that brought it. The bundle's own
//! signatures cover it as well. Nothing in it is in force before the centre or an officer has signed it there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spotcheck_domain::{DeviceId, OfficerId, to_canonical};

use crate::EvidenceError;
use crate::form::{Checker, parse_exact};

/// Schema named in the file and in record.json.
pub const DRAFT_SCHEMA: &str = "spotcheck-rule-draft/1";
/// Where it stands in the bag.
pub const DRAFT_PATH: &str = "data/annex/rule-draft.json";

/// A draft pack in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDraft {
    /// Always [`DRAFT_SCHEMA`].
    pub schema: String,
    /// Who composed the rules.
    pub officers: Vec<OfficerId>,
    /// The handheld that signed.
    pub device: DeviceId,
    /// RFC 3339.
    pub made: String,
    /// Texts of the pack's files by name.
    pub files: BTreeMap<String, String>,
    /// Detached CMS over the pack's listing (DER, lower-case hex).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl RuleDraft {
    /// The file's bytes.
    ///
    /// # Errors
    /// A value that does not fit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        self.check()?;
        Ok(to_canonical(self)?)
    }

    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`EvidenceError::OtherSchema`] for a later version, else what does not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        crate::record::expect_schema(bytes, DRAFT_SCHEMA)?;
        let draft: Self = parse_exact(bytes)?;
        draft.check()?;
        Ok(draft)
    }

    /// With a detached CMS (DER) over the pack's listing.
    #[must_use]
    pub fn signed(self, der: &[u8]) -> Self {
        Self { signature: Some(hex::encode(der)), ..self }
    }

    /// The signature as bytes; `None` where there is none.
    #[must_use]
    pub fn signature_der(&self) -> Option<Vec<u8>> {
        self.signature.as_ref().and_then(|text| hex::decode(text).ok())
    }

    fn check(&self) -> Result<(), EvidenceError> {
        let c = Checker::new(DRAFT_SCHEMA);
        c.that("schema", self.schema == DRAFT_SCHEMA)?;
        c.time("made", &self.made)?;
        // Names are files of a pack and never a way out of it.
        let plain = |name: &String| {
            !name.is_empty()
                && !name.starts_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        c.that("files", !self.files.is_empty() && self.files.keys().all(plain))?;
        let der = |text: &String| hex::decode(text).is_ok_and(|der| !der.is_empty());
        c.that("signature", self.signature.as_ref().is_none_or(der))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"device":"D-0001","files":{"own.toml":"","pack.toml":"name = \"own-draft\"\n"},"made":"2026-11-20T10:05:41.000+08:00","officers":["O-0017"],"schema":"spotcheck-rule-draft/1","signature":"3000"}"#;

    #[test]
    fn the_form_is_closed_and_names_lead_nowhere() {
        let draft = RuleDraft::parse(ONE.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(draft.to_bytes().unwrap()).unwrap(), ONE);
        assert_eq!(draft.signature_der(), Some(vec![0x30, 0]));
        for (from, to) in [
            ("\"own.toml\"", "\"../own.toml\""),
            ("\"own.toml\"", "\".own\""),
            ("\"3000\"", "\"30 00\""),
            ("\"3000\"", "\"\""),
            ("rule-draft/1", "rule-draft/2"),
            ("\"made\":", "\"more\":1,\"made\":"),
        ] {
            assert!(RuleDraft::parse(ONE.replace(from, to).as_bytes()).is_err(), "{to}");
        }
    }
}
