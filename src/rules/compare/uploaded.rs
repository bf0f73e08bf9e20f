//! The upload's side: visits, persons, and the fee lines of the visits that are in the file.
//!
//! A package of a county hospital has 12 M fee lines, an export a fiftieth of that: the lines are scanned
//! once, those of visits in the file are kept, of all others only first day, last day and sum.

use std::collections::{BTreeSet, HashMap};

use spotcheck_domain::columns::{ColumnSource, code, number, text, time};
use spotcheck_domain::{Amount, Trouble, TroubleResult};

use super::value::{self, Id};
use crate::engine::{Stage, Watch};
use crate::error::cancelled;

/// Stands for no number and no day.
pub(super) const NO: i64 = i64::MIN;

/// A visit of the package.
#[derive(Debug, Clone, Default)]
pub(super) struct Visit {
    pub(super) mdtrt_id: u32,
    pub(super) person: u32,
    pub(super) med_type: u32,
    pub(super) begin: i64,
    pub(super) end: i64,
    /// Lines that are kept, as a range of [`Uploaded::lines`].
    pub(super) from: usize,
    pub(super) to: usize,
    /// Of a visit that is not in the file.
    pub(super) total: Total,
}

/// The lines of a visit that is not in the file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    pub(super) lines: u32,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) sum: i64,
}

/// A fee line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) visit: u32,
    pub(super) day: i32,
    pub(super) code: u32,
    pub(super) local: u32,
    pub(super) name: u32,
    pub(super) local_name: u32,
    pub(super) kind: u32,
    pub(super) settlement: u32,
    pub(super) cnt: i64,
    pub(super) pric: i64,
    pub(super) amount: i64,
    /// Where its number stands among all numbers.
    serial: (u32, u32),
}

/// A person.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) certno: String,
}

/// What was uploaded, as far as a file needs it.
#[derive(Debug, Default)]
pub struct Uploaded {
    pub(super) fixmedins_code: String,
    pub(super) visits: Vec<Visit>,
    pub(super) lines: Vec<Line>,
    pub(super) persons: HashMap<u32, Person>,
    pub(super) cutoff: Option<i64>,
    serials: String,
    texts: HashMap<u32, String>,
    /// Comparable form of `mdtrt_id`, `ipt_otp_no`, `medrcdno` to visits.
    numbers: [HashMap<String, Vec<u32>>; 3],
    /// Visits whose lines are here.
    loaded: Option<BTreeSet<u32>>,
}

/// Which number of a visit a column carries.
pub(super) const NUMBERS: usize = 3;

impl Uploaded {
    /// Reads visits and persons; the lines come with `load_lines`.
    ///
    /// # Errors
    /// What the source says, or stopped.
    pub fn heads(source: &dyn ColumnSource, watch: &mut dyn Watch) -> TroubleResult<Self> {
        let mut all = Self::default();
        let mut facility = 0;
        source.scan("fixmedins_b", &[code("fixmedins_code")], &mut |b| {
            if facility == 0 {
                facility = b.code(0, 0);
            }
            Ok(())
        })?;
        let wants = [
            code("mdtrt_id"),
            code("psn_no"),
            code("med_type"),
            time("begntime"),
            time("endtime"),
            text("ipt_otp_no"),
            text("medrcdno"),
            code("vali_flag"),
            code("fixmedins_code"),
        ];
        let rows = source.rows("mdtrt_d")?;
        let mut numbers: Vec<(u32, usize, String)> = Vec::new();
        let mut valid: Vec<u32> = Vec::new();
        source.scan("mdtrt_d", &wants, &mut |b| {
            for n in 0..b.len() {
                let day = |at| b.time(at, n).map_or(NO, |t| t.at.day());
                let index = u32::try_from(all.visits.len()).unwrap_or(u32::MAX);
                for (which, column) in [(1, 5), (2, 6)] {
                    if let Some(number) = b.text(column, n) {
                        numbers.push((index, which, number.to_owned()));
                    }
                }
                valid.push(b.code(7, n));
                if facility == 0 {
                    facility = b.code(8, n);
                }
                all.visits.push(Visit {
                    mdtrt_id: b.code(0, n),
                    person: b.code(1, n),
                    med_type: b.code(2, n),
                    begin: day(3),
                    end: day(4),
                    ..Visit::default()
                });
            }
            let done = u64::try_from(all.visits.len()).unwrap_or(u64::MAX);
            if watch.progress(Stage::Load, done, rows) { Ok(()) } else { Err(cancelled()) }
        })?;
        source.scan("psn", &[code("psn_no"), text("psn_name"), text("certno")], &mut |b| {
            for n in 0..b.len() {
                let of = |at| b.text(at, n).unwrap_or_default();
                let person =
                    Person { name: value::name(of(1)), certno: of(2).trim().to_uppercase() };
                all.persons.insert(b.code(0, n), person);
            }
            Ok(())
        })?;
        let mut codes: BTreeSet<u32> =
            all.visits.iter().flat_map(|v| [v.mdtrt_id, v.person, v.med_type]).collect();
        codes.extend(&valid);
        codes.insert(facility);
        all.resolve(source, codes)?;
        all.fixmedins_code = all.text(facility).to_owned();
        for (index, visit) in all.visits.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            numbers.push((index, 0, all.text(visit.mdtrt_id).to_owned()));
        }
        for (index, which, number) in numbers {
            let at = usize::try_from(index).unwrap_or(usize::MAX);
            if valid.get(at).is_some_and(|v| all.text(*v) == "0") {
                continue;
            }
            let (Id::Is(number), Some(map)) = (value::id(&number), all.numbers.get_mut(which))
            else {
                continue;
            };
            let visits = map.entry(number).or_default();
            if visits.last() != Some(&index) {
                visits.push(index);
            }
        }
        all.cutoff = source.cutoff("fee_list_d")?.map(|c| c.at.day());
        Ok(all)
    }

    fn resolve(&mut self, source: &dyn ColumnSource, codes: BTreeSet<u32>) -> TroubleResult<()> {
        let new: Vec<u32> =
            codes.into_iter().filter(|c| *c != 0 && !self.texts.contains_key(c)).collect();
        for (code, text) in new.iter().zip(source.texts(&new)?) {
            self.texts.insert(*code, text);
        }
        Ok(())
    }

    /// Settlements that were taken back as a whole, and those that take back: their lines cancel each other.
    fn void_settlements(source: &dyn ColumnSource) -> TroubleResult<BTreeSet<u32>> {
        let wants = [code("setl_id"), code("refd_setl_flag"), code("init_setl_id")];
        let mut seen: Vec<(u32, u32, u32)> = Vec::new();
        source.scan("setl_d", &wants, &mut |b| {
            seen.extend((0..b.len()).map(|n| (b.code(0, n), b.code(1, n), b.code(2, n))));
            Ok(())
        })?;
        let yes = source.code("1")?.unwrap_or(u32::MAX);
        let taken = seen.iter().filter(|(_, flag, _)| *flag == yes);
        Ok(taken.flat_map(|(id, _, first)| [*id, *first]).filter(|c| *c != 0).collect())
    }

    /// Reads the fee lines of the visits that `wanted` names, and totals of all others.
    ///
    /// # Errors
    /// What the source says, or stopped.
    pub(super) fn load_lines(
        &mut self,
        source: &dyn ColumnSource,
        wanted: &BTreeSet<u32>,
        watch: &mut dyn Watch,
    ) -> TroubleResult<()> {
        if self.loaded.as_ref() == Some(wanted) {
            return Ok(());
        }
        self.loaded = None;
        let void = Self::void_settlements(source)?;
        let index: HashMap<u32, u32> =
            self.visits.iter().zip(0_u32..).map(|(v, n)| (v.mdtrt_id, n)).collect();
        let wants = [
            code("mdtrt_id"),
            time("fee_ocur_time"),
            code("med_list_codg"),
            code("hilist_name"),
            code("medins_list_codg"),
            code("medins_list_name"),
            code("med_chrgitm_type"),
            code("setl_id"),
            number("cnt"),
            number("pric"),
            number("det_item_fee_sumamt"),
            code("vali_flag"),
            text("bkkp_sn"),
        ];
        let rows = source.rows("fee_list_d")?;
        self.lines.clear();
        self.serials.clear();
        for visit in &mut self.visits {
            (visit.from, visit.to, visit.total) = (0, 0, Total::default());
        }
        let mut done = 0_u64;
        // Whether a code means "not valid" is known only after the scan that brings it.
        let mut invalid: Vec<(usize, u32)> = Vec::new();
        let (lines, serials, visits) = (&mut self.lines, &mut self.serials, &mut self.visits);
        source.scan("fee_list_d", &wants, &mut |b| {
            for n in 0..b.len() {
                let Some(visit) = index.get(&b.code(0, n)).copied() else { continue };
                if void.contains(&b.code(7, n)) {
                    continue;
                }
                let day = b.time(1, n).map_or(NO, |t| t.at.day());
                let amount = b.number(10, n).unwrap_or(NO);
                if !wanted.contains(&visit) {
                    let at = usize::try_from(visit).unwrap_or(usize::MAX);
                    if let Some(v) = visits.get_mut(at) {
                        let t = &mut v.total;
                        if day != NO {
                            t.first = if t.lines == 0 { day } else { t.first.min(day) };
                            t.last = if t.lines == 0 { day } else { t.last.max(day) };
                        }
                        t.lines = t.lines.saturating_add(1);
                        t.sum = t.sum.saturating_add(if amount == NO { 0 } else { amount });
                    }
                    continue;
                }
                let from = serials.len();
                serials.push_str(b.text(12, n).unwrap_or_default());
                if b.code(11, n) != 0 {
                    invalid.push((lines.len(), b.code(11, n)));
                }
                let end = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                lines.push(Line {
                    visit,
                    day: i32::try_from(day).unwrap_or(i32::MIN),
                    code: b.code(2, n),
                    name: b.code(3, n),
                    local: b.code(4, n),
                    local_name: b.code(5, n),
                    kind: b.code(6, n),
                    settlement: b.code(7, n),
                    cnt: b.number(8, n).unwrap_or(NO),
                    pric: b.number(9, n).unwrap_or(NO),
                    amount,
                    serial: (end(from), end(serials.len())),
                });
            }
            done = done.saturating_add(u64::try_from(b.len()).unwrap_or(0));
            if watch.progress(Stage::Lines, done, rows) { Ok(()) } else { Err(cancelled()) }
        })?;
        let no = source.code("0")?;
        if let Some(no) = no {
            let gone: BTreeSet<usize> =
                invalid.iter().filter(|(_, flag)| *flag == no).map(|(at, _)| *at).collect();
            if !gone.is_empty() {
                let mut at = 0_usize;
                self.lines.retain(|_| {
                    let keep = !gone.contains(&at);
                    at = at.saturating_add(1);
                    keep
                });
            }
        }
        // A stable order, whatever the order of the file: by visit, day, number.
        let serials = std::mem::take(&mut self.serials);
        let of = |line: &Line| slice(&serials, line.serial);
        self.lines.sort_by(|a, b| (a.visit, a.day, of(a)).cmp(&(b.visit, b.day, of(b))));
        self.serials = serials;
        for (at, line) in self.lines.iter().enumerate() {
            let visit = usize::try_from(line.visit).unwrap_or(usize::MAX);
            if let Some(visit) = self.visits.get_mut(visit) {
                if visit.to == 0 {
                    visit.from = at;
                }
                visit.to = at.saturating_add(1);
            }
        }
        let codes = self
            .lines
            .iter()
            .flat_map(|l| [l.code, l.name, l.local, l.local_name, l.kind, l.settlement])
            .collect();
        self.resolve(source, codes)?;
        self.loaded = Some(wanted.clone());
        Ok(())
    }

    /// Every number that a person has, in comparable form.
    pub(super) fn person_numbers(&self) -> BTreeSet<String> {
        let numbers =
            self.persons.iter().flat_map(|(code, p)| [self.text(*code), p.certno.as_str()]);
        numbers
            .filter_map(|number| match value::id(number) {
                Id::Is(id) => Some(id),
                _ => None,
            })
            .collect()
    }

    /// The text of a code of the package.
    pub(super) fn text(&self, code: u32) -> &str {
        self.texts.get(&code).map_or("", String::as_str)
    }

    /// Number of a fee line.
    pub(super) fn serial(&self, line: &Line) -> &str {
        slice(&self.serials, line.serial)
    }

    /// A visit.
    pub(super) fn visit(&self, at: u32) -> Option<&Visit> {
        self.visits.get(usize::try_from(at).ok()?)
    }

    /// The kept lines of a visit.
    pub(super) fn lines_of(&self, visit: u32) -> &[Line] {
        self.visit(visit).and_then(|v| self.lines.get(v.from..v.to)).unwrap_or_default()
    }

    /// Visits with this number (see [`NUMBERS`]).
    pub(super) fn by_number(&self, which: usize, number: &str) -> &[u32] {
        self.numbers.get(which).and_then(|m| m.get(number)).map_or(&[], Vec::as_slice)
    }

    /// Visits in the package.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.visits.len()
    }
}

fn slice(all: &str, at: (u32, u32)) -> &str {
    let place = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    all.get(place(at.0)..place(at.1)).unwrap_or_default()
}

/// An amount for output.
pub(super) fn shown(number: i64) -> Option<Amount> {
    (number != NO).then(|| Amount::from_millionths(number))
}

/// Nothing to compare with.
pub(super) fn no_visits() -> Trouble {
    Trouble::new(
        "COMPARE-NO-VISIT",
        "文件中没有一个就诊号出现在数据包里",
        "没有改动任何数据",
        "核对就诊号这一列；也可能是别的机构或别的期间的导出",
    )
    .as_verdict()
}
