//! Which column of a source is which column of the contract.

use std::collections::BTreeMap;

use crate::schema::{Entity, UPLOAD_TIME};

/// DBF field names end here.
const DBF_NAME: usize = 10;

/// The columns of one table, matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnMap {
    /// For each source column: position in the entity.
    pub(crate) targets: Vec<Option<usize>>,
    /// Source column with the upload time.
    pub(crate) upload: Option<usize>,
    /// Source columns that are not used.
    pub(crate) ignored: Vec<String>,
    /// Required contract columns that no source column gives.
    pub(crate) missing: Vec<&'static str>,
}

/// One way to find a column by its name.
type Find<'a> = &'a dyn Fn(&str) -> Option<usize>;

impl ColumnMap {
    /// Matches names in any case, aliases, and (DBF) names that were cut to ten characters if only one
    /// contract column begins so.
    pub(crate) fn new(entity: &Entity, names: &[String], cut_names: bool) -> Self {
        let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
        let mut targets = vec![None; names.len()];
        let mut upload = None;
        let exact = |name: &str| entity.position(&name.to_lowercase());
        let alias = |name: &str| entity.resolve(name);
        let cut = |name: &str| if cut_names { by_prefix(entity, name) } else { None };
        // The contract's own names go first: an alias never displaces them.
        let rounds: [Find<'_>; 3] = [&exact, &alias, &cut];
        for find in rounds {
            for (source, name) in names.iter().enumerate() {
                let Some(target) = targets.get_mut(source) else { continue };
                if target.is_some() {
                    continue;
                }
                if let Some(position) = find(name)
                    && let std::collections::btree_map::Entry::Vacant(e) = taken.entry(position)
                {
                    e.insert(source);
                    *target = Some(position);
                }
            }
        }
        let mut ignored = Vec::new();
        for (source, name) in names.iter().enumerate() {
            if targets.get(source).copied().flatten().is_some() {
                continue;
            }
            let lower = name.to_lowercase();
            if upload.is_none() && UPLOAD_TIME.contains(&lower.as_str()) {
                upload = Some(source);
            } else if !name.starts_with('_') {
                ignored.push(name.clone());
            }
        }
        let missing = entity
            .columns
            .iter()
            .enumerate()
            .filter(|(n, c)| c.required && !may_fill_in(entity, c.name) && !taken.contains_key(n))
            .map(|(_, c)| c.name)
            .collect();
        Self { targets, upload, ignored, missing }
    }
}

/// True for a facility that the importer finds out where a row names none; the facilities' own table must.
pub(crate) fn may_fill_in(entity: &Entity, column: &str) -> bool {
    column == "fixmedins_code" && entity.name != "fixmedins_b"
}

fn by_prefix(entity: &Entity, name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    if name.len() != DBF_NAME {
        return None;
    }
    let own = entity.columns.iter().enumerate().map(|(n, c)| (c.name, n));
    let aliases = entity.aliases.iter().filter_map(|(a, c)| Some((*a, entity.position(c)?)));
    let mut hits: Vec<usize> =
        own.chain(aliases).filter(|(n, _)| n.starts_with(&name)).map(|(_, p)| p).collect();
    hits.dedup();
    match hits.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ColumnMap;
    use crate::schema::entity;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn any_order_any_case_aliases_and_unknown_columns() {
        let fee = entity("fee_list_d").expect("entity");
        let header =
            names(&["DET_ITEM_FEE_SUMAMT", "MDTRT_ID", "feedetl_sn", "HIS_ROW", "UPDT_TIME"]);
        let map = ColumnMap::new(fee, &header, false);
        assert_eq!(map.targets[0], fee.position("det_item_fee_sumamt"));
        assert_eq!(map.targets[2], fee.position("bkkp_sn"));
        assert_eq!(map.ignored, names(&["HIS_ROW"]));
        assert_eq!(map.upload, Some(4));
        assert!(map.missing.is_empty());
    }

    #[test]
    fn the_contract_name_wins_over_its_alias() {
        let fee = entity("fee_list_d").expect("entity");
        let map = ColumnMap::new(fee, &names(&["feedetl_sn", "bkkp_sn", "mdtrt_id"]), false);
        assert_eq!(map.targets[1], fee.position("bkkp_sn"));
        assert_eq!(map.ignored, names(&["feedetl_sn"]));
    }

    #[test]
    fn names_cut_by_dbf_are_used_only_if_they_are_clear() {
        let setl = entity("setl_d").expect("entity");
        let header = names(&["SETL_ID", "MDTRT_ID", "MEDFEE_SUM", "FUND_PAY_S"]);
        let map = ColumnMap::new(setl, &header, true);
        assert_eq!(map.targets[2], setl.position("medfee_sumamt"));
        assert_eq!(map.targets[3], setl.position("fund_pay_sumamt"));
        let fee = entity("fee_list_d").expect("entity");
        let map = ColumnMap::new(fee, &names(&["MEDINS_LIS", "BKKP_SN", "MDTRT_ID"]), true);
        assert_eq!(map.ignored, names(&["MEDINS_LIS"]));
    }

    #[test]
    fn a_missing_key_column_is_named() {
        let fee = entity("fee_list_d").expect("entity");
        let map = ColumnMap::new(fee, &names(&["bkkp_sn"]), false);
        assert_eq!(map.missing, vec!["mdtrt_id"]);
    }
}
