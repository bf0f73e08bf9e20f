//! Reading a book: facility, visits, persons, settlements, lines; then the rest in `side`.
//!
//! Each entity is scanned once. Lines are put into their order by counting per visit and sorting inside a
//! visit, because a comparison sort over 12 M lines would cost more than reading them.

use std::collections::{BTreeMap, HashMap};

use spotcheck_domain::TroubleResult;
use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{Batch, ColumnSource, Want, code, number, text, time};
use spotcheck_domain::time::Precision;

use super::types::{Facility, Item, Person, Settlement, Sex, Visit, VisitKind};
use super::{Book, NO_TIME, NONE, flag, side};
use crate::engine::{Stage, Watch};
use crate::error::{Error, Result};
use crate::netting::{NetLine, NetState, net};

/// What loading saw, for the report that goes with the findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadCounts {
    /// Fee lines read.
    pub lines: u64,
    /// Lines whose visit is not in the data: no rule looks at them.
    pub lines_without_visit: u64,
    /// Lines and visits marked invalid (`vali_flag` = 0).
    pub invalid: u64,
    /// Refunds whose original is not in the data.
    pub orphan_refunds: u64,
    /// Lines with something left after netting.
    pub charges: u64,
}

/// FNV-1a, never 0: equality of texts that are compared inside one visit or one table.
#[must_use]
pub(crate) fn hash64(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.max(1)
}

/// The number of up to nine digits at the end of a text, 0 if there is none.
pub(super) fn last_number(text: &str) -> u32 {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).take(9).count();
    let from = text.len().saturating_sub(digits);
    text.get(from..).and_then(|t| t.parse().ok()).unwrap_or(0)
}

/// Index by dictionary code: codes are dense, so a vector beats a map.
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

    pub(crate) fn get(&self, code: u32) -> u32 {
        usize::try_from(code).ok().and_then(|at| self.0.get(at)).copied().unwrap_or(NONE)
    }
}

/// `usize` as a row number.
pub(crate) fn row_number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(NONE)
}

/// Where loading stands: source, book so far, indexes by code.
pub(crate) struct Loader<'a> {
    pub(crate) source: &'a dyn ColumnSource,
    pub(crate) book: Book,
    pub(crate) visits: ByCode,
    pub(crate) persons: ByCode,
    pub(crate) settlements: ByCode,
    /// Codes whose texts rules compare.
    pub(crate) wanted_texts: std::collections::BTreeSet<u32>,
    /// Visit and hash of `drord_no` of every order, sorted.
    pub(crate) order_numbers: Vec<(u32, u64)>,
    /// What was executed under which order: visit, hash of `drord_no`, `item_code`, `item_name`; sorted.
    pub(crate) executed: Vec<(u32, u64, u32, u32)>,
    memo: HashMap<u32, Box<str>>,
}

/// Everything that claims.md §1 and §2 know and rules may look at.
const ENTITIES: &[&str] = &[
    "fixmedins_b",
    "dept",
    "staff",
    "psn",
    "insu",
    "mdtrt_d",
    "diag",
    "setl_d",
    "fee_list_d",
    "drord",
    "exec",
    "leave",
    "opsp_reg",
    "inv_check",
    "inv_change",
    "inv_purchase",
    "inv_purchase_return",
    "inv_sale",
    "inv_sale_return",
    "trace",
    "equip",
    "equip_log",
    "grp",
    "setl_list",
    "oprn",
    "lab",
    "exam",
    "vital",
    "rx",
    "note",
    "remind",
    "selfpay",
    "fac_unit",
    "budget",
    "hist",
    "catalogue",
    "psn_other",
    "peer_stat",
];

/// Reads a book from a source. `facility` chooses one of several facilities in the source; `None` takes the
/// only one.
///
/// # Errors
/// What the source says, [`Error::NoFacility`], or [`Error::Cancelled`].
pub fn load(
    source: &dyn ColumnSource,
    facility: Option<&str>,
    watch: &mut dyn Watch,
) -> Result<Book> {
    let mut loader = Loader {
        source,
        book: Book::default(),
        visits: ByCode::default(),
        persons: ByCode::default(),
        settlements: ByCode::default(),
        wanted_texts: std::collections::BTreeSet::new(),
        order_numbers: Vec::new(),
        executed: Vec::new(),
        memo: HashMap::new(),
    };
    for name in ENTITIES {
        loader.book.rows.insert(name, source.rows(name).map_err(Error::Source)?);
        if let Some(cutoff) = source.cutoff(name).map_err(Error::Source)? {
            loader.book.cutoffs.insert(name, cutoff);
        }
    }
    let steps: [fn(&mut Loader<'_>) -> Result<()>; 5] =
        [|l| l.visits(), |l| l.people(), |l| l.settle(), side::load_before_lines, side::load];
    loader.facility(facility)?;
    for (n, step) in steps.into_iter().enumerate() {
        let (done, all) = (u64::try_from(n).unwrap_or(0), 6);
        if !watch.progress(Stage::Load, done, all) {
            return Err(Error::Cancelled);
        }
        if n == 4 {
            loader.fee_lines(watch)?;
        }
        step(&mut loader)?;
    }
    loader.texts()?;
    Ok(loader.book)
}

impl Loader<'_> {
    /// Scans an entity, row by row.
    pub(crate) fn each(
        &mut self,
        entity: &'static str,
        wants: &[Want],
        mut row: impl FnMut(&mut Self, &Batch, usize) -> TroubleResult<()>,
    ) -> Result<()> {
        if !self.book.has(entity) {
            return Ok(());
        }
        let source = self.source;
        source
            .scan(entity, wants, &mut |batch| {
                for n in 0..batch.len() {
                    row(self, batch, n)?;
                }
                Ok(())
            })
            .map_err(Error::Source)
    }

    /// The text of a code that repeats often (code values): asked for once.
    pub(crate) fn word(&mut self, code: u32) -> TroubleResult<Box<str>> {
        if code == 0 {
            return Ok("".into());
        }
        if let Some(text) = self.memo.get(&code) {
            return Ok(text.clone());
        }
        let text: Box<str> =
            self.source.texts(&[code])?.into_iter().next().unwrap_or_default().into();
        self.memo.insert(code, text.clone());
        Ok(text)
    }

    /// Remembers that rules will compare the text of a code.
    pub(crate) fn want_text(&mut self, code: u32) {
        if code != 0 {
            self.wanted_texts.insert(code);
        }
    }

    fn facility(&mut self, wanted: Option<&str>) -> Result<()> {
        let wants = [
            code("fixmedins_code"),
            code("fixmedins_type"),
            code("hosp_lv"),
            number("aprv_bed_cnt"),
            number("hi_crtf_bed_cnt"),
        ];
        let mut found = Vec::new();
        self.each("fixmedins_b", &wants, |l, b, n| {
            let name = l.word(b.code(0, n))?;
            if wanted.is_none_or(|w| *w == *name) {
                found.push(Facility {
                    code: b.code(0, n),
                    fixmedins_code: name.into(),
                    fixmedins_type: l.word(b.code(1, n))?.into(),
                    hosp_lv: l.word(b.code(2, n))?.into(),
                    aprv_bed_cnt: b.number(3, n),
                    hi_crtf_bed_cnt: b.number(4, n),
                });
            }
            Ok(())
        })?;
        found.sort_by(|a, b| a.fixmedins_code.cmp(&b.fixmedins_code));
        match found.into_iter().next() {
            Some(facility) => {
                self.book.facility = facility;
                Ok(())
            }
            None => Err(Error::NoFacility),
        }
    }

    fn visits(&mut self) -> Result<()> {
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
            code("dscg_dept_codg"),
            code("wardarea_bed"),
            code("chfpdr_code"),
            code("dscg_maindiag_code"),
            code("dscg_way"),
            code("vali_flag"),
        ];
        let mut visits = Vec::new();
        self.each("mdtrt_d", &wants, |l, b, n| {
            if *l.word(b.code(14, n))? == *"0" {
                l.book.counts.invalid = l.book.counts.invalid.saturating_add(1);
                return Ok(());
            }
            if b.code(2, n) != l.book.facility.code {
                return Ok(());
            }
            for at in [3, 4, 7, 8, 9, 12] {
                l.want_text(b.code(at, n));
            }
            visits.push(Visit {
                code: b.code(0, n),
                person: b.code(1, n),
                kind: VisitKind::of(&l.word(b.code(3, n))?),
                med_type: b.code(3, n),
                insutype: b.code(4, n),
                begin: b.time(5, n),
                end: b.time(6, n),
                adm_dept: b.code(7, n),
                dept_name: b.code(8, n),
                dscg_dept: b.code(9, n),
                ward: b.code(10, n),
                doctor: b.code(11, n),
                main_dx: b.code(12, n),
                way: l.word(b.code(13, n))?.parse().unwrap_or(0),
                ..Visit::default()
            });
            Ok(())
        })?;
        let when = |i: Option<Instant>| i.map(|i| (i.at.seconds(), i.p));
        visits.sort_by_key(|v| (v.person, when(v.begin), when(v.end), v.code));
        self.break_ties(&mut visits)?;
        self.book.visits = visits;
        Ok(())
    }

    /// Two visits of one person that begin and end together: their numbers decide, not the dictionary.
    fn break_ties(&self, visits: &mut [Visit]) -> Result<()> {
        let same = |a: &Visit, b: &Visit| (a.person, a.begin, a.end) == (b.person, b.begin, b.end);
        for tied in visits.chunk_by_mut(same).filter(|c| c.len() > 1) {
            let codes: Vec<u32> = tied.iter().map(|v| v.code).collect();
            let texts = self.source.texts(&codes).map_err(Error::Source)?;
            let names: BTreeMap<u32, String> = codes.into_iter().zip(texts).collect();
            tied.sort_by(|a, b| names.get(&a.code).cmp(&names.get(&b.code)));
        }
        Ok(())
    }

    fn people(&mut self) -> Result<()> {
        let mut persons: Vec<Person> = Vec::new();
        let mut visits = std::mem::take(&mut self.book.visits);
        for (n, visit) in visits.iter_mut().enumerate() {
            let at = row_number(n);
            if persons.last().is_none_or(|p| p.code != visit.person) {
                self.persons.set(visit.person, row_number(persons.len()));
                let code = visit.person;
                persons.push(Person { code, visits: (at, at), ..Person::default() });
            }
            visit.person = row_number(persons.len().saturating_sub(1));
            visit.at = at;
            if let Some(person) = persons.last_mut() {
                person.visits.1 = at.saturating_add(1);
            }
            self.visits.set(visit.code, at);
        }
        self.book.visits = visits;
        self.book.persons = persons;
        let wants = [
            code("psn_no"),
            code("gend"),
            time("brdy"),
            text("tel"),
            code("emp_no"),
            time("die_date"),
        ];
        self.each("psn", &wants, |l, b, n| {
            let at = l.persons.get(b.code(0, n));
            let sex = match &*l.word(b.code(1, n))? {
                "1" => Sex::Male,
                "2" => Sex::Female,
                _ => Sex::Unknown,
            };
            if let Some(p) = usize::try_from(at).ok().and_then(|n| l.book.persons.get_mut(n)) {
                p.sex = sex;
                p.birth = b.time(2, n).map(|i| i.at.day());
                p.tel = b.text(3, n).filter(|t| t.len() >= 7).map_or(0, hash64);
                p.employer = b.code(4, n);
                p.death = b.time(5, n);
            }
            Ok(())
        })
    }

    fn settle(&mut self) -> Result<()> {
        let mut groups: HashMap<u32, (u32, u32, Option<i64>)> = HashMap::new();
        let wants = [code("setl_id"), code("pay_way"), code("grp_code"), number("pay_std_amt")];
        self.each("grp", &wants, |l, b, n| {
            l.want_text(b.code(2, n));
            groups.insert(b.code(0, n), (b.code(1, n), b.code(2, n), b.number(3, n)));
            Ok(())
        })?;
        let wants = [
            code("setl_id"),
            code("mdtrt_id"),
            time("setl_time"),
            code("clr_way"),
            number("medfee_sumamt"),
            number("fund_pay_sumamt"),
            number("psn_pay"),
            number("cash_payamt"),
            code("refd_setl_flag"),
            code("init_setl_id"),
            code("vali_flag"),
        ];
        let mut all: Vec<Settlement> = Vec::new();
        let mut cancels: Vec<u32> = Vec::new();
        self.each("setl_d", &wants, |l, b, n| {
            let visit = l.visits.get(b.code(1, n));
            if visit == NONE {
                return Ok(());
            }
            if *l.word(b.code(10, n))? == *"0" {
                l.book.counts.invalid = l.book.counts.invalid.saturating_add(1);
                return Ok(());
            }
            let id = b.code(0, n);
            let (way, group, standard) = groups.get(&id).copied().unwrap_or_default();
            let pay_way = Some(way).filter(|w| *w != 0);
            let clearing = b.code(3, n);
            let by_item = match pay_way {
                Some(way) => *l.word(way)? == *"item",
                None => *l.word(clearing)? == *"01",
            };
            let refund = *l.word(b.code(8, n))? == *"1" || b.number(4, n).is_some_and(|t| t < 0);
            if refund && b.code(9, n) != 0 {
                cancels.push(b.code(9, n));
            }
            l.want_text(pay_way.unwrap_or(clearing));
            all.push(Settlement {
                code: id,
                visit,
                at: b.time(2, n),
                total: b.number(4, n),
                fund: b.number(5, n),
                own: b.number(6, n),
                cash: b.number(7, n),
                cancelled: refund,
                by_item,
                pay_way: pay_way.unwrap_or(clearing),
                group,
                standard,
            });
            Ok(())
        })?;
        cancels.sort_unstable();
        for s in &mut all {
            s.cancelled |= cancels.binary_search(&s.code).is_ok();
        }
        let when = |i: Option<Instant>| i.map(|i| (i.at.seconds(), i.p));
        all.sort_by_key(|s| (s.visit, when(s.at), s.total, s.fund, s.code));
        for (n, s) in all.iter().enumerate() {
            let at = row_number(n);
            self.settlements.set(s.code, at);
            let visit = usize::try_from(s.visit).ok().and_then(|v| self.book.visits.get_mut(v));
            if let Some(visit) = visit {
                if visit.settlements.1 == 0 {
                    visit.settlements.0 = at;
                }
                visit.settlements.1 = at.saturating_add(1);
            }
        }
        self.book.settlements = all;
        Ok(())
    }

    fn fee_lines(&mut self, watch: &mut dyn Watch) -> Result<()> {
        let wants = [
            code("mdtrt_id"),
            text("bkkp_sn"),
            text("init_feedetl_sn"),
            code("setl_id"),
            time("fee_ocur_time"),
            code("med_list_codg"),
            code("hilist_name"),
            code("medins_list_name"),
            code("list_type"),
            code("med_chrgitm_type"),
            code("chrgitm_lv"),
            number("cnt"),
            number("pric"),
            number("det_item_fee_sumamt"),
            number("inscp_amt"),
            code("bilg_dept_codg"),
            code("bilg_dr_code"),
            code("acord_dr_code"),
            text("rx_drord_no"),
            text("drord_no"),
            number("prd_days"),
            code("dscg_tkdrug_flag"),
            code("etip_flag"),
            code("rx_circ_flag"),
            code("dise_codg"),
            code("vali_flag"),
        ];
        let rows = self.book.rows.get("fee_list_d").copied().unwrap_or(0);
        let mut raw = Raw::with_capacity(usize::try_from(rows).unwrap_or(0));
        let mut items: HashMap<[u32; 5], u32> = HashMap::new();
        let mut last = ByCode::default();
        let mut keys: Vec<[u32; 5]> = Vec::new();
        let orders = std::mem::take(&mut self.order_numbers);
        let executed = std::mem::take(&mut self.executed);
        let mut stopped = false;
        let result = self.each("fee_list_d", &wants, |l, b, n| {
            let lines = l.book.counts.lines.saturating_add(1);
            l.book.counts.lines = lines;
            if lines & 0xfffff == 0 && !watch.progress(Stage::Lines, lines, rows) {
                stopped = true;
                return Err(crate::error::cancelled());
            }
            l.want_text(b.code(24, n));
            let visit = l.visits.get(b.code(0, n));
            if visit == NONE {
                l.book.counts.lines_without_visit =
                    l.book.counts.lines_without_visit.saturating_add(1);
                return Ok(());
            }
            if *l.word(b.code(25, n))? == *"0" {
                l.book.counts.invalid = l.book.counts.invalid.saturating_add(1);
                return Ok(());
            }
            let name = if b.code(6, n) == 0 { b.code(7, n) } else { b.code(6, n) };
            let key = [b.code(5, n), name, b.code(8, n), b.code(9, n), b.code(10, n)];
            let known = last.get(key[0]);
            let same = usize::try_from(known).ok().and_then(|at| keys.get(at)) == Some(&key);
            let item = if same {
                known
            } else {
                let new = row_number(keys.len());
                let at = *items.entry(key).or_insert(new);
                if at == new {
                    keys.push(key);
                }
                last.set(key[0], at);
                at
            };
            let mut flags = 0_u16;
            let mut set = |bit: u16, on: bool| flags |= if on { bit } else { 0 };
            let at = b.time(4, n);
            set(flag::DAY, at.is_some_and(|i| i.p == Precision::Day));
            set(flag::QUANTITY, b.number(11, n).is_some());
            set(flag::PRICE, b.number(12, n).is_some());
            set(flag::AMOUNT, b.number(13, n).is_some());
            set(flag::COVERED, b.number(14, n).is_some_and(|a| a > 0));
            set(flag::TAKE_HOME, *l.word(b.code(21, n))? == *"1");
            set(flag::ELSEWHERE, *l.word(b.code(22, n))? == *"1");
            set(flag::CIRCULATED, *l.word(b.code(23, n))? == *"1");
            set(flag::PRESCRIBED, b.text(18, n).is_some());
            let order = b.text(19, n).map(hash64);
            set(flag::ORDERED, order.is_some_and(|o| orders.binary_search(&(visit, o)).is_ok()));
            let other = |o: u64| {
                let from = executed.partition_point(|e| (e.0, e.1) < (visit, o));
                let own = executed.iter().skip(from).take_while(|e| (e.0, e.1) == (visit, o));
                let mut own = own.filter(|e| e.2 != 0 || e.3 != 0).peekable();
                let same = |e: &(u32, u64, u32, u32)| {
                    (e.2 != 0 && e.2 == b.code(5, n)) || (e.3 != 0 && e.3 == name)
                };
                own.peek().is_some() && !own.any(same)
            };
            set(flag::SWAPPED, order.is_some_and(other));
            raw.visit.push(visit);
            raw.serial.push(b.text(1, n).map_or(0, hash64));
            raw.number.push(b.text(1, n).map_or(0, last_number));
            if let Some(original) = b.text(2, n) {
                raw.originals
                    .push((row_number(raw.serial.len().saturating_sub(1)), hash64(original)));
            }
            let c = &mut l.book.lines;
            c.settlement.push(l.settlements.get(b.code(3, n)));
            c.item.push(item);
            c.time.push(at.map_or(NO_TIME, |i| i.at.seconds()));
            c.flags.push(flags);
            c.quantity.push(b.number(11, n).unwrap_or(0));
            c.price.push(b.number(12, n).unwrap_or(0));
            c.amount.push(b.number(13, n).unwrap_or(0));
            c.department.push(b.code(15, n));
            c.doctor.push(b.code(16, n));
            c.orderer.push(b.code(17, n));
            c.prescription.push(b.text(18, n).map_or(0, hash64));
            let days = b.number(20, n).unwrap_or(0).div_euclid(super::ONE).clamp(0, 10_000);
            c.days.push(u16::try_from(days).unwrap_or(0));
            c.disease.push(b.code(24, n));
            c.row.push(b.rows.get(n).copied().unwrap_or(0));
            Ok(())
        });
        if stopped {
            return Err(Error::Cancelled);
        }
        result?;
        self.name_items(&keys)?;
        raw.order(&mut self.book);
        raw.net(&mut self.book);
        Ok(())
    }

    fn name_items(&mut self, keys: &[[u32; 5]]) -> Result<()> {
        for key in keys {
            let word = |l: &mut Self, code| l.word(code).map_err(Error::Source);
            let item = Item {
                code: key[0],
                med_list_codg: word(self, key[0])?,
                name: word(self, key[1])?,
                list_type: word(self, key[2])?,
                med_chrgitm_type: word(self, key[3])?,
                chrgitm_lv: word(self, key[4])?,
            };
            self.book.items.push(item);
        }
        Ok(())
    }

    /// Fetches the texts that rules compare.
    fn texts(&mut self) -> Result<()> {
        let codes: Vec<u32> = std::mem::take(&mut self.wanted_texts).into_iter().collect();
        let texts = self.source.texts(&codes).map_err(Error::Source)?;
        self.book.texts =
            codes.into_iter().zip(texts.into_iter().map(String::into_boxed_str)).collect();
        Ok(())
    }
}

/// What of the lines is needed only until they are in order.
#[derive(Debug, Default)]
struct Raw {
    visit: Vec<u32>,
    serial: Vec<u64>,
    /// The number at the end of `bkkp_sn`: of lines at one time the higher one came later.
    number: Vec<u32>,
    /// Line and hash of `init_feedetl_sn`; few lines have one.
    originals: Vec<(u32, u64)>,
}

impl Raw {
    fn with_capacity(rows: usize) -> Self {
        let rows = rows.min(1 << 25);
        Self {
            visit: Vec::with_capacity(rows),
            serial: Vec::with_capacity(rows),
            number: Vec::with_capacity(rows),
            originals: Vec::new(),
        }
    }

    /// Brings all columns into the order (visit, time, number at the end of the serial).
    fn order(&mut self, book: &mut Book) {
        let lines = self.visit.len();
        let mut starts = vec![0_u32; book.visits.len().saturating_add(1)];
        for visit in &self.visit {
            if let Some(s) = usize::try_from(*visit).ok().and_then(|v| starts.get_mut(v)) {
                *s = s.saturating_add(1);
            }
        }
        let mut at = 0_u32;
        for s in &mut starts {
            let count = *s;
            *s = at;
            at = at.saturating_add(count);
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; lines];
        for (n, visit) in self.visit.iter().enumerate() {
            let slot = usize::try_from(*visit).ok().and_then(|v| next.get_mut(v));
            if let Some(slot) = slot {
                if let Some(place) = usize::try_from(*slot).ok().and_then(|p| order.get_mut(p)) {
                    *place = row_number(n);
                }
                *slot = slot.saturating_add(1);
            }
        }
        self.visit = Vec::new();
        let (time, number, serial) = (&book.lines.time, &self.number, &self.serial);
        let key = |n: &u32| {
            let n = usize::try_from(*n).unwrap_or(usize::MAX);
            (time.get(n).copied(), number.get(n).copied(), serial.get(n).copied())
        };
        for (v, visit) in book.visits.iter_mut().enumerate() {
            let from = starts.get(v).copied().unwrap_or(0);
            let to = starts.get(v.saturating_add(1)).copied().unwrap_or(from);
            visit.lines = (from, to);
            let bounds = usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0);
            if let Some(own) = order.get_mut(bounds) {
                own.sort_unstable_by_key(key);
            }
        }
        self.number = Vec::new();
        let l = &mut book.lines;
        gather(&mut l.settlement, &order);
        gather(&mut l.item, &order);
        gather(&mut l.time, &order);
        gather(&mut l.flags, &order);
        gather(&mut l.quantity, &order);
        gather(&mut l.price, &order);
        gather(&mut l.amount, &order);
        gather(&mut l.department, &order);
        gather(&mut l.doctor, &order);
        gather(&mut l.orderer, &order);
        gather(&mut l.disease, &order);
        gather(&mut l.prescription, &order);
        gather(&mut l.days, &order);
        gather(&mut l.row, &order);
        gather(&mut self.serial, &order);
        let originals: HashMap<u32, u64> = self.originals.drain(..).collect();
        if !originals.is_empty() {
            for (new, old) in order.iter().enumerate() {
                if let Some(hash) = originals.get(old) {
                    self.originals.push((row_number(new), *hash));
                }
            }
        }
    }

    /// K0, visit by visit, and the flags that follow from it.
    fn net(self, book: &mut Book) {
        let originals: HashMap<u32, u64> = self.originals.into_iter().collect();
        let mut buffer: Vec<NetLine> = Vec::new();
        let Book { visits, lines, settlements, counts, .. } = book;
        for visit in visits.iter() {
            buffer.clear();
            let cancelled = cancelled_without_lines(lines, settlements, visit);
            let range = usize::try_from(visit.lines.0).unwrap_or(0)
                ..usize::try_from(visit.lines.1).unwrap_or(0);
            let pick = |n: usize| -> Option<NetLine> {
                let serial = *self.serial.get(n)?;
                let original = originals.get(&row_number(n)).copied().unwrap_or(0);
                let (quantity, amount) = (*lines.quantity.get(n)?, *lines.amount.get(n)?);
                let line = NetLine::new(serial, original, *lines.item.get(n)?, quantity, amount);
                let cancelled = cancelled.contains(lines.settlement.get(n)?);
                Some(NetLine { time: *lines.time.get(n)?, cancelled, ..line })
            };
            buffer.extend(range.clone().filter_map(pick));
            net(&mut buffer);
            for (n, line) in range.zip(&buffer) {
                if let (Some(q), Some(a), Some(f)) =
                    (lines.quantity.get_mut(n), lines.amount.get_mut(n), lines.flags.get_mut(n))
                {
                    (*q, *a) = (line.quantity, line.amount);
                    if line.is_charge() && *f & flag::QUANTITY != 0 {
                        *f |= flag::CHARGE;
                        counts.charges = counts.charges.saturating_add(1);
                    }
                    if line.state == NetState::Orphan {
                        *f |= flag::ORPHAN;
                        counts.orphan_refunds = counts.orphan_refunds.saturating_add(1);
                    }
                }
            }
        }
    }
}

/// Cancelled settlements of a visit, if no cancelling settlement has negative lines of its own: then the
/// lines themselves say nothing of the cancelling.
fn cancelled_without_lines(
    lines: &super::Lines,
    settlements: &[Settlement],
    visit: &Visit,
) -> Vec<u32> {
    let (from, to) = visit.settlements;
    let state = |at: u32| usize::try_from(at).ok().and_then(|n| settlements.get(n));
    let gone: Vec<u32> = (from..to).filter(|at| state(*at).is_some_and(|s| s.cancelled)).collect();
    if gone.is_empty() {
        return gone;
    }
    let negative = |n: usize| {
        lines.quantity.get(n).is_some_and(|q| *q < 0) || lines.amount.get(n).is_some_and(|a| *a < 0)
    };
    let range =
        usize::try_from(visit.lines.0).unwrap_or(0)..usize::try_from(visit.lines.1).unwrap_or(0);
    let told = range
        .filter(|n| negative(*n))
        .filter_map(|n| lines.settlement.get(n).copied())
        .any(|s| gone.contains(&s));
    if told { Vec::new() } else { gone }
}

fn gather<T: Copy>(column: &mut Vec<T>, order: &[u32]) {
    let pick = |n: &u32| usize::try_from(*n).ok().and_then(|n| column.get(n)).copied();
    let sorted: Vec<T> = order.iter().filter_map(pick).collect();
    *column = sorted;
}
