//! Rows behind a figure as a list tells them: what was billed, when, to whom (covered), and for how much.
//!
//! A figure gives keys, up to tens of thousands; what stands for them is read page by page as somebody looks.

use std::collections::BTreeMap;

use spotcheck_domain::claims::{ClaimsReader, Instant, VisitView};
use spotcheck_domain::{Amount, TroubleResult, mask};
use spotcheck_rules::indicators::BehindRow;

/// One row. What the facility has not uploaded is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BehindTold {
    /// Whose it is, covered; empty where the visit is not in the package.
    pub person: String,
    /// Kind of the visit (`med_type`).
    pub med_type: Option<String>,
    /// The visit's beginning and end.
    pub visit: (Option<Instant>, Option<Instant>),
    /// What was billed; of a line.
    pub item: Option<String>,
    /// When it was billed; of a line.
    pub at: Option<Instant>,
    /// The line's amount, else the visit's fees.
    pub amount: Option<Amount>,
}

/// What stands for the keys, in their order.
pub(crate) fn told(
    reader: &dyn ClaimsReader,
    rows: &[BehindRow],
) -> TroubleResult<Vec<BehindTold>> {
    let mut visits: BTreeMap<&str, Option<VisitView>> = BTreeMap::new();
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        if !visits.contains_key(row.mdtrt_id.as_str()) {
            visits.insert(&row.mdtrt_id, reader.visit(&row.mdtrt_id)?);
        }
        let visit = visits.get(row.mdtrt_id.as_str()).and_then(Option::as_ref);
        let mut told = visit.map_or_else(BehindTold::default, |visit| BehindTold {
            person: mask::name(&visit.psn_name),
            med_type: visit.med_type.clone(),
            visit: (visit.begntime, visit.endtime),
            amount: Some(visit.fee_sum),
            ..BehindTold::default()
        });
        if !row.bkkp_sn.is_empty() {
            let line = reader.fee_line(&row.mdtrt_id, &row.bkkp_sn)?;
            told.item = line
                .as_ref()
                .and_then(|l| l.medins_list_name.clone().or_else(|| l.hilist_name.clone()));
            told.at = line.as_ref().and_then(|l| l.fee_ocur_time);
            told.amount = line.as_ref().and_then(|l| l.det_item_fee_sumamt);
        } else if let (false, Some(visit)) = (row.setl_id.is_empty(), visit) {
            let own = visit.settlements.iter().find(|s| s.setl_id == row.setl_id);
            told.at = own.and_then(|s| s.setl_time);
            told.amount = own.and_then(|s| s.medfee_sumamt).or(told.amount);
        }
        all.push(told);
    }
    Ok(all)
}
