//! The package with the export's own lines in it: the persons concerned, their uploaded lines, and the new ones.
//!
//! A rule that counts a day or a month has to see what was uploaded too, so the new lines stand among the
//! uploaded ones of the same persons and nothing else of the house is read twice. Tables that an export cannot
//! bring up to date (orders, executions, results, stock) are not there at all: a rule that needs one is silent,
//! because what was done after the cut-off is 未上传 and not 无.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{BATCH_ROWS, Batch, Column, ColumnSource, Shape, Want, code};
use spotcheck_domain::{BeijingTime, Precision, TroubleResult};

use super::fresh::FreshRow;

/// Numbers of the export's rows in the source begin here: far above those of any table.
const OWN_ROWS: u64 = 1 << 40;

/// Which rows of a table are there.
#[derive(Clone, Copy)]
enum Part {
    /// All.
    Whole,
    /// Those of the persons.
    Persons,
    /// Those of their visits.
    Visits,
}

/// Tables that are there; the others are not.
const TABLES: &[(&str, Part)] = &[
    ("fixmedins_b", Part::Whole),
    ("dept", Part::Whole),
    ("staff", Part::Whole),
    ("fac_unit", Part::Whole),
    ("catalogue", Part::Whole),
    ("psn", Part::Persons),
    ("insu", Part::Persons),
    ("opsp_reg", Part::Persons),
    ("mdtrt_d", Part::Persons),
    ("diag", Part::Visits),
    ("leave", Part::Visits),
    ("setl_d", Part::Visits),
    ("grp", Part::Visits),
    ("fee_list_d", Part::Visits),
];

fn part(entity: &str) -> Option<Part> {
    TABLES.iter().find(|(name, _)| *name == entity).map(|(_, part)| *part)
}

/// What the uploaded lines of an item say about it, and a line of the export takes over.
const OF_ITEM: [&str; 4] = ["hilist_name", "list_type", "med_chrgitm_type", "chrgitm_lv"];

/// What a code of this dictionary stands for.
enum Entry {
    /// The package's own.
    Base(u32),
    /// A text that the package does not have.
    Own(String),
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    of_base: HashMap<u32, u32>,
    of_text: BTreeMap<String, u32>,
    /// What uploaded lines say about the items of the export: by item code, the codes of [`OF_ITEM`].
    items: BTreeMap<String, [u32; 4]>,
}

/// The package as rules see it together with the export.
pub(super) struct Overlay<'a> {
    base: &'a dyn ColumnSource,
    rows: &'a [FreshRow],
    persons: HashSet<u32>,
    visits: HashSet<u32>,
    state: RefCell<State>,
}

impl<'a> Overlay<'a> {
    /// Looks up the persons of the export's visits, and all their visits.
    pub(super) fn new(base: &'a dyn ColumnSource, rows: &'a [FreshRow]) -> TroubleResult<Self> {
        let mut all: Vec<(u32, u32)> = Vec::new();
        base.scan("mdtrt_d", &[code("mdtrt_id"), code("psn_no")], &mut |b| {
            all.extend((0..b.len()).map(|n| (b.code(0, n), b.code(1, n))));
            Ok(())
        })?;
        let names: BTreeSet<&str> = rows.iter().map(|r| r.mdtrt_id.as_str()).collect();
        let mut wanted = HashSet::new();
        for name in names {
            wanted.extend(base.code(name)?);
        }
        let persons: HashSet<u32> =
            all.iter().filter(|(v, p)| wanted.contains(v) && *p != 0).map(|(_, p)| *p).collect();
        let own = all.iter().filter(|(v, p)| persons.contains(p) || wanted.contains(v));
        let visits = own.map(|(v, _)| *v).collect();
        Ok(Self { base, rows, persons, visits, state: RefCell::default() })
    }

    /// The same persons without the export.
    pub(super) fn without_export(&self) -> Self {
        Self {
            base: self.base,
            rows: &[],
            persons: self.persons.clone(),
            visits: self.visits.clone(),
            state: RefCell::default(),
        }
    }

    /// This dictionary's code of one of the package's.
    fn of_base(&self, code: u32) -> TroubleResult<u32> {
        if code == 0 {
            return Ok(0);
        }
        let mut state = self.state.borrow_mut();
        if let Some(own) = state.of_base.get(&code) {
            return Ok(*own);
        }
        if !state.of_text.is_empty() {
            // A source that learns its texts while it is read may bring one that the export had first.
            let text = self.base.texts(&[code])?.into_iter().next().unwrap_or_default();
            if let Some(own) = state.of_text.get(&text).copied() {
                state.of_base.insert(code, own);
                return Ok(own);
            }
        }
        let own = state.add(Entry::Base(code));
        state.of_base.insert(code, own);
        Ok(own)
    }

    fn of_text(&self, text: &str) -> TroubleResult<u32> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(code) = self.base.code(text)? {
            return self.of_base(code);
        }
        let mut state = self.state.borrow_mut();
        if let Some(own) = state.of_text.get(text) {
            return Ok(*own);
        }
        let own = state.add(Entry::Own(text.to_owned()));
        state.of_text.insert(text.to_owned(), own);
        Ok(own)
    }

    fn push(&self, to: &mut Column, shape: Shape, from: &Column, row: usize) -> TroubleResult<()> {
        match shape {
            Shape::Code => to.push_code(self.of_base(from.code(row))?),
            Shape::Time => match from.time(row) {
                Some(t) => to.push_time(t.at.seconds(), t.p),
                None => to.push_null(),
            },
            Shape::Number => match from.number(row) {
                Some(n) => to.push_number(n),
                None => to.push_null(),
            },
            Shape::Text => match from.text(row) {
                Some(t) => to.push_text(t),
                None => to.push_null(),
            },
        }
        Ok(())
    }

    /// The rows of a batch that are wanted, in this dictionary's codes. `key`: position of what chooses.
    fn take(
        &self,
        batch: &Batch,
        wants: &[Want],
        key: Option<(usize, &HashSet<u32>)>,
    ) -> TroubleResult<Batch> {
        let mut own = Batch::new(wants);
        for row in 0..batch.len() {
            if key.is_some_and(|(at, chosen)| !chosen.contains(&batch.code(at, row))) {
                continue;
            }
            own.rows.push(batch.rows.get(row).copied().unwrap_or(0));
            for ((want, to), from) in wants.iter().zip(&mut own.columns).zip(&batch.columns) {
                self.push(to, want.shape, from, row)?;
            }
        }
        Ok(own)
    }

    /// Learns from a batch of uploaded lines what kind of item each item of the export is.
    fn learn(
        &self,
        batch: &Batch,
        wants: &[Want],
        asked: &mut HashMap<u32, bool>,
    ) -> TroubleResult<()> {
        let place = |name: &str| wants.iter().position(|w| w.name == name);
        let Some(item) = place("med_list_codg") else { return Ok(()) };
        let columns = OF_ITEM.map(place);
        for row in 0..batch.len() {
            let code = batch.code(item, row);
            if code == 0 || asked.insert(code, true).is_some() {
                continue;
            }
            let text = self.base.texts(&[code])?.into_iter().next().unwrap_or_default();
            if !self.rows.iter().any(|r| r.code == text) {
                continue;
            }
            let mut own = [0; 4];
            for (to, at) in own.iter_mut().zip(columns) {
                *to = self.of_base(at.map_or(0, |at| batch.code(at, row)))?;
            }
            self.state.borrow_mut().items.insert(text, own);
        }
        Ok(())
    }

    /// The export's lines as a table would have them.
    fn own_lines(&self, rows: &[FreshRow], from: u64, wants: &[Want]) -> TroubleResult<Batch> {
        let mut batch = Batch::new(wants);
        for (row, number) in rows.iter().zip(from..) {
            let known = self.state.borrow().items.get(&row.code).copied().unwrap_or_default();
            let kind = |name: &str| {
                let at = OF_ITEM.iter().position(|n| *n == name);
                at.and_then(|at| known.get(at)).copied().unwrap_or(0)
            };
            batch.rows.push(OWN_ROWS.saturating_add(number));
            for (want, to) in wants.iter().zip(&mut batch.columns) {
                let text = match want.name {
                    "mdtrt_id" => row.mdtrt_id.as_str(),
                    "psn_no" => row.psn_no.as_str(),
                    "med_list_codg" => row.code.as_str(),
                    "hilist_name" | "medins_list_name" => row.name.as_str(),
                    _ => "",
                };
                let number = match want.name {
                    "cnt" => row.cnt,
                    "pric" => row.pric,
                    "det_item_fee_sumamt" => row.amount,
                    _ => None,
                };
                match want.shape {
                    // The catalogue's name where the upload has one: rules know items by it.
                    Shape::Code if kind(want.name) != 0 => to.push_code(kind(want.name)),
                    Shape::Code => to.push_code(self.of_text(text)?),
                    Shape::Text if want.name == "bkkp_sn" => to.push_text(&row.serial()),
                    Shape::Text if !text.is_empty() => to.push_text(text),
                    Shape::Time if want.name == "fee_ocur_time" => {
                        // After everything uploaded of that day: what is too much is the new line.
                        let at = row.day.saturating_mul(86_400).saturating_add(86_399);
                        to.push_time(BeijingTime::from_seconds(at).seconds(), Precision::Day);
                    }
                    Shape::Number => match number {
                        Some(n) => to.push_number(n),
                        None => to.push_null(),
                    },
                    _ => to.push_null(),
                }
            }
        }
        Ok(batch)
    }
}

impl State {
    /// Codes begin at 1: 0 is missing.
    fn add(&mut self, entry: Entry) -> u32 {
        self.entries.push(entry);
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }
}

impl ColumnSource for Overlay<'_> {
    fn rows(&self, entity: &str) -> TroubleResult<u64> {
        if part(entity).is_none() {
            return Ok(0);
        }
        let own = if entity == "fee_list_d" { self.rows.len() } else { 0 };
        Ok(self.base.rows(entity)?.saturating_add(u64::try_from(own).unwrap_or(u64::MAX)))
    }

    fn carries(&self, entity: &str) -> TroubleResult<bool> {
        Ok(part(entity).is_some() && self.base.carries(entity)?)
    }

    fn cutoff(&self, entity: &str) -> TroubleResult<Option<Instant>> {
        self.base.cutoff(entity)
    }

    fn scan(
        &self,
        entity: &str,
        wants: &[Want],
        each: &mut dyn FnMut(&Batch) -> TroubleResult<()>,
    ) -> TroubleResult<()> {
        let Some(part) = part(entity) else { return Ok(()) };
        // The settlement of a group has no visit of its own everywhere: it is chosen by the visit it names.
        let key = match part {
            Part::Whole => None,
            Part::Persons => Some(("psn_no", &self.persons)),
            Part::Visits => Some(("mdtrt_id", &self.visits)),
        };
        let mut asked = wants.to_vec();
        asked.extend(key.map(|(name, _)| code(name)));
        let chosen = key.map(|(_, set)| (wants.len(), set));
        let lines = entity == "fee_list_d";
        let mut known = HashMap::new();
        self.base.scan(entity, &asked, &mut |batch| {
            if lines {
                self.learn(batch, wants, &mut known)?;
            }
            let own = self.take(batch, wants, chosen)?;
            if own.is_empty() { Ok(()) } else { each(&own) }
        })?;
        if lines {
            let mut from = 0_u64;
            for rows in self.rows.chunks(BATCH_ROWS) {
                each(&self.own_lines(rows, from, wants)?)?;
                from = from.saturating_add(u64::try_from(rows.len()).unwrap_or(0));
            }
        }
        Ok(())
    }

    fn code(&self, text: &str) -> TroubleResult<Option<u32>> {
        if let Some(own) = self.state.borrow().of_text.get(text) {
            return Ok(Some(*own));
        }
        self.base.code(text)?.map(|code| self.of_base(code)).transpose()
    }

    fn texts(&self, codes: &[u32]) -> TroubleResult<Vec<String>> {
        let state = self.state.borrow();
        let entry = |code: &u32| {
            let at = usize::try_from(*code).ok()?.checked_sub(1)?;
            state.entries.get(at)
        };
        let base: Vec<u32> = codes
            .iter()
            .map(|code| match entry(code) {
                Some(Entry::Base(base)) => *base,
                _ => 0,
            })
            .collect();
        let texts = self.base.texts(&base)?;
        let own = |(code, text): (&u32, String)| match entry(code) {
            Some(Entry::Own(own)) => own.clone(),
            Some(Entry::Base(_)) => text,
            None => String::new(),
        };
        Ok(codes.iter().zip(texts).map(own).collect())
    }

    fn cell_texts(
        &self,
        entity: &str,
        column: &'static str,
        rows: &[u64],
    ) -> TroubleResult<Vec<Option<String>>> {
        let of_base: Vec<u64> = rows.iter().copied().filter(|r| *r < OWN_ROWS).collect();
        let mut base = self.base.cell_texts(entity, column, &of_base)?.into_iter();
        let cell = |row: &u64| match row.checked_sub(OWN_ROWS) {
            None => base.next().flatten(),
            Some(at) if column == "bkkp_sn" => {
                let at = usize::try_from(at).ok()?;
                self.rows.get(at).map(FreshRow::serial)
            }
            Some(_) => None,
        };
        Ok(rows.iter().map(cell).collect())
    }
}
