//! Annex `spotcheck-findings/1`: every finding about which an officer has said something, in full.
//!
//! record.json names a finding with its sums and people, but its form has no room for lines, days, codes and
//! clauses. Without them nobody at the centre could say which fee lines were confirmed. The names are those of
//! the line of `audit --json-lines` and of the finding in the package (rules.md); what does not apply is absent.

use serde::{Deserialize, Serialize};
use spotcheck_domain::{OfficerId, to_canonical};

use crate::EvidenceError;
use crate::form::{Checker, is_decimal, parse_exact};
use crate::record::{FindingState, LossMethod};

/// Schema named in the annex and in record.json.
pub const FINDINGS_SCHEMA: &str = "spotcheck-findings/1";
/// Where it stands in the bag.
pub const FINDINGS_PATH: &str = "data/annex/findings.json";

/// The annex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// Always [`FINDINGS_SCHEMA`].
    pub schema: String,
    /// In the order of record.json.
    pub findings: Vec<JudgedFinding>,
}

/// Who had to do with a finding, by national staff code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingPeople {
    /// 开单.
    pub ordering: Vec<String>,
    /// 执行.
    pub executing: Vec<String>,
    /// 计费.
    pub billing: Vec<String>,
    /// 主管.
    pub answerable: Vec<String>,
}

/// One finding with what was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "national field names and the names of rules.md")]
pub struct JudgedFinding {
    /// Id in record.json.
    pub id: String,
    /// The same fact has the same key in every run, at the centre and on the handheld.
    pub key: String,
    pub rule: String,
    pub pack: String,
    pub grade: String,
    pub fixmedins_code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psn_no: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mdtrt_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setl_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bkkp_sn: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fund_amount: Option<String>,
    pub loss_method: LossMethod,
    /// The loss is for the agency to reckon.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    pub principal: bool,
    /// The sentence with the figures.
    pub reason: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_party: Option<String>,
    pub light: String,
    pub severity: String,
    pub weight: u64,
    pub clause: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    pub also: Vec<String>,
    pub people: FindingPeople,
    pub look: Vec<String>,
    pub tried: Vec<String>,
    pub doubt: Vec<String>,
    pub family: String,
    /// `centre`, `device`, `both`; absent where that was not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    pub state: FindingState,
    /// Why, in the officer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// Evidence items of record.json that show it.
    pub evidence: Vec<String>,
    pub officer: OfficerId,
    /// RFC 3339.
    pub judged: String,
}

impl Findings {
    /// The annex's bytes.
    ///
    /// # Errors
    /// A value that does not fit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EvidenceError> {
        self.check()?;
        Ok(to_canonical(self)?)
    }

    /// Reads and checks the annex.
    ///
    /// # Errors
    /// [`EvidenceError::OtherSchema`] for a later version, else what does not fit.
    pub fn parse(bytes: &[u8]) -> Result<Self, EvidenceError> {
        crate::record::expect_schema(bytes, FINDINGS_SCHEMA)?;
        let annex: Self = parse_exact(bytes)?;
        annex.check()?;
        Ok(annex)
    }

    fn check(&self) -> Result<(), EvidenceError> {
        let mut c = Checker::new(FINDINGS_SCHEMA);
        c.that("schema", self.schema == FINDINGS_SCHEMA)?;
        c.each("findings", &self.findings, |c, f| {
            c.id("id", &f.id)?;
            c.text("key", &f.key)?;
            c.text("rule", &f.rule)?;
            c.text("pack", &f.pack)?;
            c.text("reason", &f.reason)?;
            c.that("amount", f.amount.as_deref().is_none_or(is_decimal))?;
            c.that("fund_amount", f.fund_amount.as_deref().is_none_or(is_decimal))?;
            // Without a line an exclusion says why; so does record.json.
            let told = f.state != FindingState::Excluded || f.state_reason.is_some();
            c.that("state_reason", told)?;
            let known = ["centre", "device", "both"];
            c.that("origin", f.origin.as_deref().is_none_or(|o| known.contains(&o)))?;
            for evidence in &f.evidence {
                c.id("evidence", evidence)?;
            }
            c.time("judged", &f.judged)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"findings":[{"also":[],"amount":"40.00","bkkp_sn":["M1-L1","M1-L2"],"clause":["T38(3)"],"code":"001105000010000","date":"2026-03-05","doubt":[],"evidence":["E1"],"family":"A14","fixmedins_code":"H99010100001","grade":"V","id":"F1","judged":"2026-11-20T10:05:41.000+08:00","key":"00","light":"红·可直接核对","look":[],"loss_method":"N","mdtrt_id":"M1","name":"床位费超天数","officer":"O-0017","pack":"national@2026.11","pending":true,"people":{"answerable":["D1"],"billing":[],"executing":[],"ordering":[]},"principal":true,"reason":"床位费 9 天，住院 7 天","rule":"A14","severity":"middle","state":"confirmed","tried":[],"weight":70}],"schema":"spotcheck-findings/1"}"#;

    #[test]
    fn the_form_is_closed_and_what_does_not_apply_is_absent() {
        let annex = Findings::parse(ONE.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(annex.to_bytes().unwrap()).unwrap(), ONE);
        assert_eq!(annex.findings[0].bkkp_sn.len(), 2);
        for (from, to) in [
            ("\"also\":[]", "\"also\":[],\"also2\":[]"),
            ("\"amount\":\"40.00\"", "\"amount\":\"40,00\""),
            ("\"state\":\"confirmed\"", "\"state\":\"excluded\""),
            ("\"state\":\"confirmed\"", "\"state\":\"guilty\""),
            ("findings/1", "findings/2"),
        ] {
            assert!(Findings::parse(ONE.replace(from, to).as_bytes()).is_err(), "{to}");
        }
    }
}
