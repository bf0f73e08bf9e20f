//! Rules of the packs in force over what the export has and the upload has not (rules.md: the rules run on it too).
//!
//! Only rules that judge by what an export carries run: item, day, quantity, price, amount, with the person, the
//! stay and the catalogue of the package. What they find is less sure than the same over uploaded lines: the
//! export is the party's, its columns were paired by hand, and nothing of it was paid yet.

use std::collections::BTreeSet;

use spotcheck_domain::columns::ColumnSource;

use super::overlay::Overlay;
use crate::engine::{Options, Outcome, Silence, Watch, audit};
use crate::error::Result;
use crate::finding::{Finding, LossMethod};
use crate::pack::{Grade, KernelId, Pack, Rule};

/// Before the number of a line that only the export has.
const SERIAL: &str = "HIS:";
/// Before the family of what a rule says of such a line: it is no fact of the upload.
const FAMILY: &str = "F13:";

/// A line of the export that was not uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshRow {
    /// Row number of the file.
    pub number: u32,
    /// The package's visit.
    pub mdtrt_id: String,
    /// Its person.
    pub psn_no: String,
    /// Day of the fee, counted from 1970-01-01.
    pub day: i64,
    /// `med_list_codg`; empty: the row cannot be judged.
    pub code: String,
    /// Name as it stands in the file; may be empty.
    pub name: String,
    /// Quantity in millionths.
    pub cnt: Option<i64>,
    /// Price in millionths.
    pub pric: Option<i64>,
    /// Amount in millionths.
    pub amount: Option<i64>,
    /// Younger than the cut-off: 未上传.
    pub young: bool,
}

impl FreshRow {
    /// What stands for `bkkp_sn` of this line.
    #[must_use]
    pub fn serial(&self) -> String {
        format!("{SERIAL}{}", self.number)
    }
}

/// What the rules say of the export's own lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreshFindings {
    /// One finding per fact, each about at least one line of the export.
    pub findings: Vec<Finding>,
    /// Rules that ran.
    pub rules: u64,
    /// Lines that were judged.
    pub rows: u64,
    /// Lines without an item code that the upload knows.
    pub without_code: u64,
    /// What was not judged, and why.
    pub silences: Vec<Silence>,
}

/// True for what came out of comparing an export: a difference, or a rule over the export's own lines.
#[must_use]
pub fn is_of_export(finding: &Finding) -> bool {
    finding.rule == super::RULE || finding.family.starts_with(FAMILY)
}

/// True if an export carries all that a rule looks at.
fn can_run(rule: &Rule) -> bool {
    let form = rule.usage.form.as_str();
    let by_lines = match rule.kernel {
        KernelId::K1 => form == "line",
        KernelId::K2 => matches!(form, "pair" | "levels"),
        KernelId::K3 => form == "sum",
        KernelId::K4 => form == "limit",
        KernelId::K7 => matches!(form, "death" | "stay"),
        KernelId::K9 => form == "nursing_days",
        _ => false,
    };
    rule.enabled && by_lines
}

/// `第 12、13 行`.
fn rows_of(finding: &Finding) -> String {
    let rows: BTreeSet<u32> =
        finding.bkkp_sn.iter().filter_map(|line| line.strip_prefix(SERIAL)?.parse().ok()).collect();
    let shown: Vec<String> = rows.iter().take(5).map(ToString::to_string).collect();
    let more =
        if rows.len() > shown.len() { format!(" 等 {} 行", rows.len()) } else { String::new() };
    format!("第 {} 行{more}", shown.join("、"))
}

/// As it stands in the list: no fund loss, at most grade S, with where it stands in the file.
fn told(mut finding: Finding) -> Finding {
    let own = finding.bkkp_sn.iter().filter(|line| line.starts_with(SERIAL)).count();
    let place = if own == 0 {
        "(与医院系统导出中未上传的明细一起看)".to_owned()
    } else if own < finding.bkkp_sn.len() {
        format!("(医院系统导出文件{}，未上传，其余明细已上传)", rows_of(&finding))
    } else {
        format!("(医院系统导出文件{}，未上传)", rows_of(&finding))
    };
    for reason in std::iter::once(&mut finding.reason).chain(&mut finding.reason_party) {
        reason.push_str(&place);
    }
    if finding.grade == Grade::V {
        finding.grade = Grade::S;
    }
    if let Some(party) = &mut finding.party {
        party.push_str(&place);
    }
    (finding.fund_amount, finding.loss_method, finding.pending) = (None, LossMethod::N, false);
    finding.family = format!("{FAMILY}{}", finding.family);
    finding.look.insert(0, "导出文件中的原行".to_owned());
    finding.doubt.push("明细还没有上传，上传前医院可能更正".to_owned());
    finding.doubt.push("导出由被检查机构提供，列的对应由检查人员指定".to_owned());
    finding
}

/// Runs the rules that can over lines of an export that were not uploaded.
///
/// # Errors
/// What the source says, or stopped.
pub fn judge(
    rows: &[FreshRow],
    source: &dyn ColumnSource,
    pack: &Pack,
    watch: &mut dyn Watch,
) -> Result<FreshFindings> {
    let known: Vec<FreshRow> = rows.iter().filter(|r| !r.code.is_empty()).cloned().collect();
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let mut out = FreshFindings {
        rows: count(known.len()),
        without_code: count(rows.len().saturating_sub(known.len())),
        ..FreshFindings::default()
    };
    if known.is_empty() {
        return Ok(out);
    }
    let ids: BTreeSet<String> =
        pack.rules.iter().filter(|r| can_run(r)).map(|r| r.id.clone()).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    out.rules = count(ids.len());
    let overlay = Overlay::new(source, &known).map_err(crate::error::Error::Source)?;
    let options = Options { rules: Some(&ids), ..Options::default() };
    // What the uploaded lines say by themselves is known already.
    let old = audit(&overlay.without_export(), pack, options, watch)?;
    let old: BTreeSet<String> = old.findings.iter().map(Finding::key).collect();
    let Outcome { findings, silences, refused, .. } = audit(&overlay, pack, options, watch)?;
    out.findings = findings.into_iter().filter(|f| !old.contains(&f.key())).map(told).collect();
    out.silences = silences;
    out.silences.extend(refused.into_iter().map(|r| Silence {
        rule: r.field.clone(),
        reason: r.to_string(),
        count: 1,
    }));
    Ok(out)
}

/// A number of the comparison as a cell.
pub(super) fn cell(number: i64) -> Option<i64> {
    (number != super::uploaded::NO).then_some(number)
}

#[cfg(test)]
mod tests;
