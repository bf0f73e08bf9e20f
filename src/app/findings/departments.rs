//! Departments of visits, so that a list of findings can be narrowed to one.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::columns::{ColumnSource, code};
use spotcheck_domain::{TaskId, TroubleResult};

use crate::handheld::Handheld;

/// Visits (`mdtrt_id`) with their department (`adm_dept_name`), of those asked for; one without is left out.
pub(crate) fn departments(
    source: &dyn ColumnSource,
    visits: &BTreeSet<String>,
) -> TroubleResult<BTreeMap<String, String>> {
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    source.scan("mdtrt_d", &[code("mdtrt_id"), code("adm_dept_name")], &mut |batch| {
        let rows = 0..batch.len();
        pairs.extend(rows.map(|n| (batch.code(0, n), batch.code(1, n))).filter(|p| p.1 != 0));
        Ok(())
    })?;
    let ids: Vec<u32> = pairs.iter().map(|p| p.0).collect();
    let names: BTreeSet<u32> = pairs.iter().map(|p| p.1).collect();
    let names: Vec<u32> = names.into_iter().collect();
    let words: BTreeMap<u32, String> = names.iter().copied().zip(source.texts(&names)?).collect();
    let ids = source.texts(&ids)?.into_iter();
    Ok(ids
        .zip(&pairs)
        .filter(|(id, _)| visits.contains(id))
        .filter_map(|(id, (_, name))| Some((id, words.get(name)?.clone())))
        .collect())
}

impl Handheld {
    pub(crate) fn do_departments(
        &mut self,
        task: &TaskId,
        visits: &BTreeSet<String>,
    ) -> TroubleResult<BTreeMap<String, String>> {
        departments(self.reader(task)?.columns().as_ref(), visits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_domain::columns::{Cell, MemoryColumns};

    #[test]
    fn only_the_visits_asked_for_and_none_without_a_department() {
        let mut columns = MemoryColumns::new();
        for (id, name) in [("M1", "内二科"), ("M2", "外科"), ("M3", ""), ("M4", "内二科")] {
            let row = [("mdtrt_id", Cell::text(id)), ("adm_dept_name", Cell::text(name))];
            columns.add("mdtrt_d", &row);
        }
        let wanted = ["M1", "M3", "M4"].map(str::to_owned).into();
        let found = departments(&columns, &wanted).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found["M4"], "内二科");
    }
}
