//! Findings as JSON: the line of `audit --json-lines`, and the whole object that is stored and packed.
//!
//! What is written is read again without loss, so that a package shows the centre's findings before the
//! handheld's own run has ended. Amounts are the exception: the JSON has them to the cent, as every output;
//! who stores findings keeps the exact amounts beside it.

use serde::{Deserialize, Serialize};
use spotcheck_domain::Amount;

use super::{Finding, LossMethod, People};
use crate::error::{Error, Result};
use crate::pack::{Grade, Severity};

/// Exactly the members of rules.md, in its order.
#[derive(Serialize)]
struct LineForm<'a> {
    rule: &'a str,
    pack: &'a str,
    grade: &'a str,
    fixmedins_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    psn_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mdtrt_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setl_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    bkkp_sn: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fund_amount: Option<String>,
    loss_method: LossMethod,
    principal: bool,
    reason: &'a str,
}

#[derive(Serialize)]
struct BodyForm<'a> {
    #[serde(flatten)]
    line: LineForm<'a>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_party: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_party: Option<&'a str>,
    /// Only where it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    elsewhere: bool,
    /// Only where it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pending: bool,
    light: &'static str,
    severity: &'static str,
    weight: u32,
    clause: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    also: &'a [String],
    people: &'a People,
    look: &'a [String],
    tried: &'a [String],
    doubt: &'a [String],
    family: &'a str,
}

/// The same object read back; what a later writer adds is ignored.
#[derive(Deserialize)]
struct ReadForm {
    rule: String,
    pack: String,
    grade: Grade,
    fixmedins_code: String,
    psn_no: Option<String>,
    mdtrt_id: Option<String>,
    setl_id: Option<String>,
    #[serde(default)]
    bkkp_sn: Vec<String>,
    code: Option<String>,
    amount: Option<String>,
    fund_amount: Option<String>,
    loss_method: LossMethod,
    principal: bool,
    reason: String,
    name: String,
    #[serde(default)]
    pending: bool,
    name_party: Option<String>,
    reason_party: Option<String>,
    #[serde(default)]
    elsewhere: bool,
    severity: Severity,
    weight: u32,
    clause: Vec<String>,
    date: Option<String>,
    also: Vec<String>,
    people: People,
    look: Vec<String>,
    tried: Vec<String>,
    doubt: Vec<String>,
    family: String,
}

const UNREADABLE: Error = Error::Unreadable { file: "finding", line: 1 };

fn yuan(text: Option<String>) -> Result<Option<Amount>> {
    text.map(|t| Amount::parse(&t).map_err(|_| UNREADABLE)).transpose()
}

impl Finding {
    fn line_form(&self) -> LineForm<'_> {
        LineForm {
            rule: &self.rule,
            pack: &self.pack,
            grade: self.grade.as_str(),
            fixmedins_code: &self.fixmedins_code,
            psn_no: self.psn_no.as_deref(),
            mdtrt_id: self.mdtrt_id.as_deref(),
            setl_id: self.setl_id.as_deref(),
            bkkp_sn: &self.bkkp_sn,
            code: self.code.as_deref(),
            amount: self.amount.map(Amount::to_cents),
            fund_amount: self.fund_amount.map(Amount::to_cents),
            loss_method: self.loss_method,
            principal: self.principal,
            reason: &self.reason,
        }
    }

    /// The line of `audit --json-lines`.
    #[must_use]
    pub fn json_line(&self) -> String {
        serde_json::to_string(&self.line_form()).unwrap_or_default()
    }

    /// The whole finding as one JSON object: the line's members first.
    #[must_use]
    pub fn body(&self) -> String {
        let form = BodyForm {
            line: self.line_form(),
            name: &self.name,
            name_party: self.party.as_deref(),
            reason_party: self.reason_party.as_deref(),
            elsewhere: self.elsewhere,
            pending: self.pending,
            light: self.grade.light(),
            severity: self.severity.as_str(),
            weight: self.weight,
            clause: &self.clause,
            date: self.date.as_deref(),
            also: &self.also,
            people: &self.people,
            look: &self.look,
            tried: &self.tried,
            doubt: &self.doubt,
            family: &self.family,
        };
        serde_json::to_string(&form).unwrap_or_default()
    }

    /// Reads what [`Self::body`] wrote. `exact` are the amounts (gross, fund) as they were stored beside it;
    /// without them those of the JSON count, to the cent.
    ///
    /// # Errors
    /// [`Error::Unreadable`]: it is no such object.
    pub fn parse(body: &str, exact: Option<(Option<Amount>, Option<Amount>)>) -> Result<Self> {
        let form: ReadForm = serde_json::from_str(body).map_err(|_| UNREADABLE)?;
        let (amount, fund_amount) = match exact {
            Some(exact) => exact,
            None => (yuan(form.amount)?, yuan(form.fund_amount)?),
        };
        Ok(Self {
            grade: form.grade,
            severity: form.severity,
            amount,
            fund_amount,
            rule: form.rule,
            pack: form.pack,
            fixmedins_code: form.fixmedins_code,
            psn_no: form.psn_no,
            mdtrt_id: form.mdtrt_id,
            setl_id: form.setl_id,
            bkkp_sn: form.bkkp_sn,
            code: form.code,
            loss_method: form.loss_method,
            pending: form.pending,
            principal: form.principal,
            reason: form.reason,
            name: form.name,
            party: form.name_party,
            reason_party: form.reason_party,
            elsewhere: form.elsewhere,
            weight: form.weight,
            clause: form.clause,
            date: form.date,
            also: form.also,
            people: form.people,
            look: form.look,
            tried: form.tried,
            doubt: form.doubt,
            family: form.family,
        })
    }
}
