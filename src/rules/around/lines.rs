//! All lines of one doctor or of one item, by person.

use std::collections::{HashMap, HashSet};

use spotcheck_domain::columns::{Batch, ColumnSource, code, number, time};

use super::{Surroundings, Tally, finish, persons_of_visits};
use crate::engine::{Stage, Watch};
use crate::error::{Error, Result, cancelled};

/// What the lines of one visit come to.
#[derive(Default)]
struct Visit {
    person: u32,
    lines: u64,
    amount: i64,
    first: Option<i64>,
    last: Option<i64>,
}

/// Columns that every look reads.
const VISIT: usize = 0;
const PERSON: usize = 1;
const ITEM: usize = 2;
const TIME: usize = 3;
const AMOUNT: usize = 4;
const VALID: usize = 5;
const ORDERED: usize = 6;
const BILLED: usize = 7;

/// Lines that `wanted` takes, by visit; invalid ones are none.
fn scan(
    source: &dyn ColumnSource,
    watch: &mut dyn Watch,
    wanted: &mut dyn FnMut(&Batch, usize) -> bool,
) -> Result<HashMap<u32, Visit>> {
    let wants = [
        code("mdtrt_id"),
        code("psn_no"),
        code("med_list_codg"),
        time("fee_ocur_time"),
        number("det_item_fee_sumamt"),
        code("vali_flag"),
        code("acord_dr_code"),
        code("bilg_dr_code"),
    ];
    let all = source.rows("fee_list_d").map_err(Error::Source)?;
    let mut visits: HashMap<u32, Visit> = HashMap::new();
    let mut flags: HashMap<u32, bool> = HashMap::new();
    let mut done = 0_u64;
    let scanned = source.scan("fee_list_d", &wants, &mut |b| {
        for n in 0..b.len() {
            if !wanted(b, n) {
                continue;
            }
            let flag = b.code(VALID, n);
            let valid = match flags.get(&flag) {
                Some(valid) => *valid,
                None => {
                    let valid =
                        flag == 0 || source.texts(&[flag])?.first().is_none_or(|t| t != "0");
                    flags.insert(flag, valid);
                    valid
                }
            };
            if !valid {
                continue;
            }
            let visit = visits.entry(b.code(VISIT, n)).or_default();
            if visit.person == 0 {
                visit.person = b.code(PERSON, n);
            }
            visit.lines = visit.lines.saturating_add(1);
            visit.amount = visit.amount.saturating_add(b.number(AMOUNT, n).unwrap_or(0));
            if let Some(day) = b.time(TIME, n).map(|t| t.at.day()) {
                visit.first = Some(visit.first.map_or(day, |d| d.min(day)));
                visit.last = Some(visit.last.map_or(day, |d| d.max(day)));
            }
        }
        done = done.saturating_add(u64::try_from(b.len()).unwrap_or(0));
        if watch.progress(Stage::Lines, done, all) { Ok(()) } else { Err(cancelled()) }
    });
    scanned.map_err(Error::Source)?;
    Ok(visits)
}

fn by_person(
    source: &dyn ColumnSource,
    visits: HashMap<u32, Visit>,
) -> Result<HashMap<u32, Tally>> {
    let of = persons_of_visits(source)?;
    let mut persons: HashMap<u32, Tally> = HashMap::new();
    for (id, visit) in visits {
        // The visit knows its person; a line is asked only where the visit is not there.
        let person = of.get(&id).copied().filter(|p| *p != 0).unwrap_or(visit.person);
        let tally = persons.entry(person).or_default();
        tally.visits = tally.visits.saturating_add(1);
        tally.lines = tally.lines.saturating_add(visit.lines);
        tally.amount = tally.amount.saturating_add(visit.amount);
        visit.first.into_iter().chain(visit.last).for_each(|day| tally.on(day));
    }
    Ok(persons)
}

pub(super) fn item(
    source: &dyn ColumnSource,
    item: &str,
    watch: &mut dyn Watch,
) -> Result<Surroundings> {
    let mut wanted = Wanted::new(source, item);
    let visits = scan(source, watch, &mut |b, n| wanted.is(b.code(ITEM, n)))?;
    finish(source, by_person(source, visits)?)
}

pub(super) fn staff(
    source: &dyn ColumnSource,
    staff: &str,
    watch: &mut dyn Watch,
) -> Result<Surroundings> {
    let executed = executed(source, staff)?;
    let mut wanted = Wanted::new(source, staff);
    let mut roles = (0_u64, 0_u64, 0_u64);
    let visits = scan(source, watch, &mut |b, n| {
        let ordered = wanted.is(b.code(ORDERED, n));
        let billed = wanted.is(b.code(BILLED, n));
        let done = executed.contains(&(b.code(VISIT, n), b.code(ITEM, n)));
        roles.0 = roles.0.saturating_add(u64::from(ordered));
        roles.1 = roles.1.saturating_add(u64::from(billed));
        roles.2 = roles.2.saturating_add(u64::from(done));
        ordered || billed || done
    })?;
    let mut out = finish(source, by_person(source, visits)?)?;
    out.roles = Some(roles);
    if executed.is_empty() {
        out.notes.push("没有这名医师的执行记录，只按开单和记账计".to_owned());
    }
    Ok(out)
}

/// Visits and items that somebody carried out.
fn executed(source: &dyn ColumnSource, staff: &str) -> Result<HashSet<(u32, u32)>> {
    let mut wanted = Wanted::new(source, staff);
    let mut pairs = HashSet::new();
    let wants = [code("mdtrt_id"), code("item_code"), code("exec_psn_code")];
    let scanned = source.scan("exec", &wants, &mut |b| {
        for n in 0..b.len() {
            if b.code(1, n) != 0 && wanted.is(b.code(2, n)) {
                pairs.insert((b.code(0, n), b.code(1, n)));
            }
        }
        Ok(())
    });
    scanned.map_err(Error::Source)?;
    Ok(pairs)
}

/// The code of one text in a source that may learn its texts only while it is read.
struct Wanted<'a> {
    source: &'a dyn ColumnSource,
    text: &'a str,
    code: Option<u32>,
    others: HashSet<u32>,
}

impl<'a> Wanted<'a> {
    fn new(source: &'a dyn ColumnSource, text: &'a str) -> Self {
        Self { source, text, code: None, others: HashSet::new() }
    }

    fn is(&mut self, code: u32) -> bool {
        if code == 0 {
            return false;
        }
        if let Some(own) = self.code {
            return own == code;
        }
        if !self.others.insert(code) {
            return false;
        }
        let text = self.source.texts(&[code]).unwrap_or_default();
        let is = text.first().is_some_and(|t| t == self.text);
        if is {
            self.code = Some(code);
            self.others = HashSet::new();
        }
        is
    }
}
