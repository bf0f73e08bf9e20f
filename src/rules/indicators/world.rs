//! What every row is joined with: visits, their persons, settlements' groups, facilities.
//!
//! Held in memory while the other entities stream by; texts stay codes.

use std::collections::{HashMap, HashSet};

use spotcheck_domain::TroubleResult;
use spotcheck_domain::columns::{Batch, ColumnSource, Want, code, number, time};

use super::words::{Words, kind_code, yes_code};
use crate::book::{NONE, VisitKind};
use crate::error::{Error, Result};

/// Index by dictionary code.
#[derive(Debug, Default)]
pub(crate) struct ByCode(Vec<u32>);

impl ByCode {
    pub(crate) fn set(&mut self, code: u32, value: u32) {
        let at = usize::try_from(code).unwrap_or(0);
        if self.0.len() <= at {
            self.0.resize(at.saturating_add(1), NONE);
        }
        if let Some(slot) = self.0.get_mut(at) {
            *slot = value;
        }
    }

    pub(crate) fn get(&self, code: u32) -> Option<usize> {
        let found = usize::try_from(code).ok().and_then(|at| self.0.get(at)).copied()?;
        if found == NONE { None } else { usize::try_from(found).ok() }
    }
}

/// One visit.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) id: u32,
    pub(crate) psn: u32,
    pub(crate) facility: u32,
    pub(crate) kind: u32,
    pub(crate) stay: bool,
    pub(crate) med_type: u32,
    pub(crate) insutype: u32,
    pub(crate) begin: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) department: (u32, u32),
    pub(crate) ward: u32,
    pub(crate) doctor: (u32, u32),
    pub(crate) disease: (u32, u32),
    pub(crate) dscg_way: u32,
    /// Days to the next stay of the person; `None`: there is none.
    pub(crate) to_next: Option<i64>,
    /// Code of yes or no: the next stay has the same main diagnosis (first three characters).
    pub(crate) same_next: u32,
}

const DAY: i64 = 86_400;

/// Day of a Beijing second.
pub(crate) const fn day_of(second: i64) -> i64 {
    second.div_euclid(DAY)
}

impl Visit {
    /// Days of a stay: the day of discharge does not count, but one day at least.
    pub(crate) fn days(&self) -> Option<i64> {
        let (begin, end) = (day_of(self.begin?), day_of(self.end?));
        let days = end.saturating_sub(begin);
        (self.stay && days >= 0).then_some(days.max(1))
    }

    /// Days of a stay inside a period; one that has not ended goes on.
    pub(crate) fn days_within(&self, (from, to): (i64, i64)) -> Option<i64> {
        let begin = day_of(self.begin?);
        let last = match self.end {
            Some(end) => day_of(end).saturating_sub(1).max(begin),
            None => to,
        };
        Some(last.min(to).saturating_sub(begin.max(from)).saturating_add(1).max(0))
    }
}

/// What is known of a person.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Person {
    pub(crate) gend: u32,
    pub(crate) birth: Option<i64>,
    pub(crate) employer: (u32, u32),
    pub(crate) psn_type: u32,
    pub(crate) admdvs: u32,
}

/// A row of `grp`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) pay_way: u32,
    pub(crate) weight: Option<i64>,
    pub(crate) pay_std: Option<i64>,
}

/// Everything rows are joined with.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) visits: Vec<Visit>,
    pub(crate) by_visit: ByCode,
    persons: Vec<Person>,
    by_person: ByCode,
    pub(crate) groups: HashMap<u32, Group>,
    /// Settlement → visit.
    pub(crate) settled: ByCode,
    /// Settlements that were taken back, and those that took them back.
    pub(crate) gone: HashSet<u32>,
    /// Device → facility.
    pub(crate) equipment: HashMap<u32, u32>,
    pub(crate) facility_names: HashMap<u32, u32>,
    /// Only this facility, if one was asked for.
    pub(crate) only_facility: Option<String>,
}

/// Which tables are needed beside the visits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    pub(crate) persons: bool,
    pub(crate) groups: bool,
    pub(crate) equipment: bool,
}

/// Scans a table row by row.
pub(crate) fn each(
    source: &dyn ColumnSource,
    table: &str,
    wants: &[Want],
    mut row: impl FnMut(&Batch, usize) -> TroubleResult<()>,
) -> Result<()> {
    if source.rows(table).map_err(Error::Source)? == 0 {
        return Ok(());
    }
    source
        .scan(table, wants, &mut |batch| (0..batch.len()).try_for_each(|n| row(batch, n)))
        .map_err(Error::Source)
}

impl World {
    pub(crate) fn load(
        source: &dyn ColumnSource,
        words: &mut Words<'_>,
        facility: Option<&str>,
        needs: Needs,
    ) -> Result<Self> {
        let mut world = Self { only_facility: facility.map(str::to_owned), ..Self::default() };
        let mut known = facility.is_none();
        each(source, "fixmedins_b", &[code("fixmedins_code"), code("fixmedins_name")], |b, n| {
            known |= Some(words.word(b.code(0, n))?) == facility;
            world.facility_names.insert(b.code(0, n), b.code(1, n));
            Ok(())
        })?;
        if !known {
            return Err(Error::NoFacility);
        }
        if needs.persons {
            world.load_persons(source)?;
        }
        world.load_visits(source, words)?;
        world.follow(words)?;
        if needs.groups {
            let wants = [
                code("setl_id"),
                code("pay_way"),
                number("weight_or_score"),
                number("pay_std_amt"),
            ];
            each(source, "grp", &wants, |b, n| {
                let group = Group {
                    pay_way: b.code(1, n),
                    weight: b.number(2, n),
                    pay_std: b.number(3, n),
                };
                world.groups.insert(b.code(0, n), group);
                Ok(())
            })?;
        }
        if needs.equipment {
            each(source, "equip", &[code("equip_no"), code("fixmedins_code")], |b, n| {
                world.equipment.insert(b.code(0, n), b.code(1, n));
                Ok(())
            })?;
        }
        Ok(world)
    }

    /// True if rows of a facility are asked for.
    pub(crate) fn has_facility(&self, code: u32, words: &mut Words<'_>) -> TroubleResult<bool> {
        match &self.only_facility {
            None => Ok(true),
            Some(only) => Ok(words.word(code)? == only),
        }
    }

    pub(crate) fn visit(&self, code: u32) -> Option<&Visit> {
        self.visits.get(self.by_visit.get(code)?)
    }

    pub(crate) fn person(&self, visit: &Visit) -> Person {
        let found = self.by_person.get(visit.psn).and_then(|at| self.persons.get(at));
        found.copied().unwrap_or_default()
    }

    fn load_persons(&mut self, source: &dyn ColumnSource) -> Result<()> {
        let wants = [
            code("psn_no"),
            code("gend"),
            time("brdy"),
            code("emp_no"),
            code("emp_name"),
            code("psn_type"),
            code("insu_admdvs"),
        ];
        each(source, "psn", &wants, |b, n| {
            let at = u32::try_from(self.persons.len()).unwrap_or(NONE);
            self.by_person.set(b.code(0, n), at);
            self.persons.push(Person {
                gend: b.code(1, n),
                birth: b.time(2, n).map(|t| t.at.day()),
                employer: (b.code(3, n), b.code(4, n)),
                psn_type: b.code(5, n),
                admdvs: b.code(6, n),
            });
            Ok(())
        })
    }

    fn load_visits(&mut self, source: &dyn ColumnSource, words: &mut Words<'_>) -> Result<()> {
        let wants = [
            code("mdtrt_id"),
            code("psn_no"),
            code("fixmedins_code"),
            code("med_type"),
            code("insutype"),
            time("begntime"),
            time("endtime"),
            code("adm_dept_codg"),
            code("adm_dept_name"),
            code("wardarea_bed"),
            code("chfpdr_code"),
            code("chfpdr_name"),
            code("dscg_maindiag_code"),
            code("dscg_maindiag_name"),
            code("dscg_way"),
            code("vali_flag"),
        ];
        each(source, "mdtrt_d", &wants, |b, n| {
            if words.word(b.code(15, n))? == "0" || !self.has_facility(b.code(2, n), words)? {
                return Ok(());
            }
            let kind = VisitKind::of(words.word(b.code(3, n))?);
            let at = u32::try_from(self.visits.len()).unwrap_or(NONE);
            self.by_visit.set(b.code(0, n), at);
            self.visits.push(Visit {
                id: b.code(0, n),
                psn: b.code(1, n),
                facility: b.code(2, n),
                kind: kind_code(kind),
                stay: kind.is_stay(),
                med_type: b.code(3, n),
                insutype: b.code(4, n),
                begin: b.time(5, n).map(|t| t.at.seconds()),
                end: b.time(6, n).map(|t| t.at.seconds()),
                department: (b.code(7, n), b.code(8, n)),
                ward: b.code(9, n),
                doctor: (b.code(10, n), b.code(11, n)),
                disease: (b.code(12, n), b.code(13, n)),
                dscg_way: b.code(14, n),
                to_next: None,
                same_next: yes_code(false),
            });
            Ok(())
        })
    }

    /// Finds the next stay of each stay: the earliest of the person that begins at or after the discharge.
    fn follow(&mut self, words: &mut Words<'_>) -> Result<()> {
        let mut stays: Vec<usize> = Vec::new();
        for (n, v) in self.visits.iter().enumerate() {
            if v.stay && v.begin.is_some() {
                stays.push(n);
            }
        }
        let key = |n: &usize| self.visits.get(*n).map(|v| (v.psn, v.begin));
        stays.sort_by_key(key);
        let mut found: Vec<(usize, i64, u32)> = Vec::new();
        let same_person = |a: &usize, b: &usize| key(a).map(|k| k.0) == key(b).map(|k| k.0);
        for own in stays.chunk_by(same_person) {
            for at in own {
                let Some(visit) = self.visits.get(*at) else { continue };
                let Some(end) = visit.end else { continue };
                let from = own.partition_point(|n| key(n).and_then(|k| k.1) < Some(end));
                let later = own.get(from..).unwrap_or_default().iter().filter(|n| *n != at);
                let mut begin = None;
                let mut same = false;
                for next in later.filter_map(|n| self.visits.get(*n)) {
                    if begin.is_some() && next.begin != begin {
                        break;
                    }
                    begin = next.begin;
                    same |= same_disease(visit.disease.0, next.disease.0, words)?;
                }
                if let Some(begin) = begin {
                    let gap = day_of(begin).saturating_sub(day_of(end));
                    found.push((*at, gap, yes_code(same)));
                }
            }
        }
        for (at, gap, same) in found {
            if let Some(visit) = self.visits.get_mut(at) {
                (visit.to_next, visit.same_next) = (Some(gap), same);
            }
        }
        Ok(())
    }
}

/// Equal in the first three characters; two that are missing are not equal.
fn same_disease(a: u32, b: u32, words: &mut Words<'_>) -> Result<bool> {
    if a == 0 || b == 0 {
        return Ok(false);
    }
    let head = |text: &str| -> String { text.chars().take(3).collect() };
    let one = head(words.word(a).map_err(Error::Source)?);
    Ok(one == head(words.word(b).map_err(Error::Source)?))
}
