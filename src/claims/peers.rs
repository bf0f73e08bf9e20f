//! Figures of the peers (`peer_stat` of claims.md §2): what a visit costs at facilities of one level.
//!
//! The catalogue of partitions already has rows and money sums of every table, so no fee line is read for it.
//! Centre and packages get the same figures; rules compare with them and never recompute them.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension as _;
use spotcheck_domain::Amount;

use crate::cipher::ClaimsKey;
use crate::error::{Error, Result};
use crate::package::PeerStat;
use crate::partition::{BASE, PartitionReader, PartitionStore, REGION};
use crate::schema::MONTHLY;

/// Rule that compares a facility's mean cost of a visit with its peers' (domain.md J11).
const MEAN_COST: &str = "J11";
/// Facilities with fewer visits say nothing about a mean.
const FEW_VISITS: u64 = 30;
/// Fewer peers are no group.
const FEW_PEERS: usize = 5;

fn median(sorted: &[i64]) -> Option<i64> {
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    let (a, b) = (*sorted.get(low)?, *sorted.get(high)?);
    i64::try_from(i128::midpoint(i128::from(a), i128::from(b))).ok()
}

/// Mean cost of a visit by level of the facility: number of facilities, mean, median and median absolute
/// deviation of their means. Levels with fewer than five facilities are left out.
///
/// # Errors
/// The store or a partition refuses.
pub fn peer_stats(store: &dyn PartitionStore, master: &ClaimsKey) -> Result<Vec<PeerStat>> {
    let mut sums: BTreeMap<String, (u64, i64)> = BTreeMap::new();
    let mut levels: BTreeMap<String, String> = BTreeMap::new();
    for partition in store.list(None).map_err(Error::Port)? {
        let code = partition.key.facility.clone();
        if code == REGION {
            continue;
        }
        let own = sums.entry(code.clone()).or_default();
        if partition.key.month == BASE {
            own.0 = partition.tables.get("mdtrt_d").map_or(0, |t| t.rows);
            if partition.tables.contains_key("fixmedins_b") {
                let reader = PartitionReader::open(store, &partition, master)?;
                let sql = "SELECT hosp_lv FROM fixmedins_b WHERE fixmedins_code = ?1";
                let level: Option<Option<String>> = reader
                    .db()
                    .query_row(sql, [&code], |r| r.get(0))
                    .optional()
                    .map_err(Error::sql("fixmedins_b"))?;
                levels.extend(level.flatten().map(|level| (code, level)));
            }
        } else if let Some(sum) = partition.tables.get(MONTHLY) {
            let amount = sum.sums.get("det_item_fee_sumamt").copied().unwrap_or_default();
            own.1 = own.1.saturating_add(amount.millionths());
        }
    }
    let mut groups: BTreeMap<&String, Vec<i64>> = BTreeMap::new();
    for (code, level) in &levels {
        let (visits, total) = sums.get(code).copied().unwrap_or_default();
        let mean = i64::try_from(visits).ok().and_then(|n| total.checked_div(n));
        if let Some(mean) = mean.filter(|_| visits >= FEW_VISITS) {
            groups.entry(level).or_default().push(mean);
        }
    }
    groups.retain(|_, means| means.len() >= FEW_PEERS);
    let stat = |(level, mut means): (&String, Vec<i64>)| {
        means.sort_unstable();
        let middle = median(&means)?;
        let mut off: Vec<i64> =
            means.iter().map(|m| m.saturating_sub(middle).saturating_abs()).collect();
        off.sort_unstable();
        let n = i64::try_from(means.len()).ok()?;
        let mean = means.iter().copied().fold(0_i64, i64::saturating_add).checked_div(n)?;
        let amount = |m: i64| Some(Amount::from_millionths(m));
        Some(PeerStat {
            rule: MEAN_COST.to_owned(),
            grp: format!("hosp_lv={level}"),
            period: "all".to_owned(),
            n: n.unsigned_abs(),
            mean: amount(mean),
            median: amount(middle),
            mad: median(&off).and_then(amount),
            percentiles: BTreeMap::new(),
        })
    };
    Ok(groups.into_iter().filter_map(stat).collect())
}

#[cfg(test)]
mod tests {
    use super::{median, peer_stats};
    use crate::story::Centre;

    /// Six hospitals of one level, 30 visits each: 10, 20, … 60 yuan a visit; one of another level alone.
    #[test]
    fn the_mean_cost_of_a_visit_is_compared_within_a_level() {
        let dir = tempfile::tempdir().unwrap();
        let mut tables = [
            "fixmedins_code,fixmedins_name,hosp_lv\n".to_owned(),
            "mdtrt_id,psn_no,fixmedins_code,med_type,begntime,endtime\n".to_owned(),
            "setl_id,mdtrt_id,psn_no,fixmedins_code,setl_time,medfee_sumamt\n".to_owned(),
            "bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code,fee_ocur_time,cnt,pric,\
             det_item_fee_sumamt\n"
                .to_owned(),
        ];
        for h in 1..=7 {
            let level = if h == 7 { "09" } else { "05" };
            tables[0].push_str(&format!("H{h},示例医院{h},{level}\n"));
            for v in 1..=30 {
                let (id, day, yuan) = (format!("{h}-{v}"), "2026-03-02 09:00:00", h * 10);
                tables[1].push_str(&format!("V{id},P{id},H{h},11,{day},{day}\n"));
                tables[2].push_str(&format!("S{id},V{id},P{id},H{h},{day},{yuan}\n"));
                tables[3]
                    .push_str(&format!("L{id},V{id},S{id},P{id},H{h},{day},1,{yuan},{yuan}\n"));
            }
        }
        let names = ["fixmedins_b", "mdtrt_d", "setl_d", "fee_list_d"];
        for (name, text) in names.into_iter().zip(&tables) {
            std::fs::write(dir.path().join(format!("{name}.csv")), text).unwrap();
        }
        let centre = Centre::new();
        centre.import(dir.path());
        let stats = peer_stats(&centre.store, &centre.master).unwrap();
        assert_eq!(stats.len(), 1, "one hospital is no group");
        let level = &stats[0];
        assert_eq!((level.rule.as_str(), level.grp.as_str(), level.n), ("J11", "hosp_lv=05", 6));
        let cents = |a: Option<spotcheck_domain::Amount>| a.unwrap().to_cents();
        assert_eq!((cents(level.mean), cents(level.median)), ("35.00".into(), "35.00".into()));
        assert_eq!(cents(level.mad), "15.00");
    }

    #[test]
    fn a_median_lies_in_the_middle() {
        assert_eq!([median(&[]), median(&[3]), median(&[1, 4])], [None, Some(3), Some(2)]);
    }
}
