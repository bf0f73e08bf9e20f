//! Which column is which: proposals with confidence, samples and other candidates.
//!
//! Values beat words. First the column of visit numbers is found: the one whose values are visits of the
//! package. From then on every row can be held against the uploaded lines of its own visit, and a column is
//! a code column because its codes are codes of that visit, a price because it is that item's price there.
//! Quantity, price and amount are chosen together, and quantity × price must give the amount. Header words
//! decide only where values do not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use spotcheck_domain::TroubleResult;
use spotcheck_domain::columns::ColumnSource;
use spotcheck_domain::grid::Grid;

use super::his::{Memo, stay, which_number};
use super::layout::{Layout, is_no_data};
use super::uploaded::{Line, NO, Uploaded};
use super::value::{self, Id};
use super::words::speaks;
use super::{Field, Pairing};
use crate::engine::Watch;

/// Candidates that are offered for a field.
pub const MAX_CANDIDATES: usize = 6;
/// From this confidence on a proposal needs no look of its own.
pub const SURE: u32 = 80;
/// Rows that are looked at, spread over the file.
const SAMPLE_ROWS: usize = 3_000;
/// Rows that must be comparable before values say anything.
const ENOUGH: u64 = 8;
/// Numeric columns that take part in the choice of quantity, price and amount.
const MAX_NUMERIC: usize = 12;

/// A value of a column and the row that it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Row number of the file.
    pub row: u32,
    /// The cell.
    pub text: String,
}

/// A column that may be the field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Column, from 0.
    pub column: usize,
    /// Its header.
    pub header: String,
    /// 0–100.
    pub confidence: u32,
    /// Share of looked-at values that the package has in the same place, in percent; `None`: could not be
    /// tried.
    pub agree: Option<u32>,
    /// The first three different values.
    pub samples: Vec<Sample>,
    /// Something the officer must know, e.g. digits that were lost.
    pub warning: Option<String>,
}

/// What is proposed for a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The field.
    pub field: Field,
    /// The proposed column: the first candidate, or none.
    pub column: Option<usize>,
    /// Ranked, at most [`MAX_CANDIDATES`].
    pub candidates: Vec<Candidate>,
}

impl Proposal {
    /// Confidence of the proposal; 0 without one.
    #[must_use]
    pub fn confidence(&self) -> u32 {
        let proposed = self.candidates.iter().find(|c| Some(c.column) == self.column);
        proposed.map_or(0, |c| c.confidence)
    }
}

/// Agreement of a column with a field: rows that agree, rows that could be tried.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    hits: u64,
    all: u64,
}

impl Share {
    const fn add(&mut self, hit: bool) {
        self.all = self.all.saturating_add(1);
        if hit {
            self.hits = self.hits.saturating_add(1);
        }
    }

    fn percent(self) -> Option<u32> {
        if self.all < ENOUGH {
            return None;
        }
        let percent = self.hits.saturating_mul(100).checked_div(self.all)?;
        u32::try_from(percent).ok()
    }
}

/// Confidence out of values and words.
fn confidence(agree: Option<u32>, word: u32) -> u32 {
    match agree {
        Some(agree) => {
            let sum = agree.saturating_mul(85).saturating_add(word.saturating_mul(15));
            sum.checked_div(100).unwrap_or(0)
        }
        None => word.saturating_mul(6).checked_div(10).unwrap_or(0),
    }
}

/// Proposes a column for every field. Loads the lines of the visits in the file.
///
/// # Errors
/// What the source says, or stopped.
pub fn propose(
    grid: &Grid,
    layout: &Layout,
    uploaded: &mut Uploaded,
    source: &dyn ColumnSource,
    watch: &mut dyn Watch,
) -> TroubleResult<Vec<Proposal>> {
    let mut pairs = Pairs::new(grid, layout);
    pairs.visit(uploaded);
    let column = pairs.best(Field::Visit);
    let days = pairs.best_day_by_words();
    let wanted = pairs.visits_of(uploaded, column, days);
    uploaded.load_lines(source, &wanted, watch)?;
    let pairs = pairs.against(uploaded, column, days);
    Ok(pairs.proposals())
}

/// The officer's pairing out of proposals: those that have a column.
#[must_use]
pub fn proposed(proposals: &[Proposal]) -> Pairing {
    proposals.iter().filter_map(|p| Some((p.field, p.column?))).collect()
}

struct Pairs<'g> {
    grid: &'g Grid,
    layout: &'g Layout,
    rows: Vec<usize>,
    scores: BTreeMap<(Field, usize), (Share, u32)>,
    chosen: BTreeMap<Field, usize>,
}

impl<'g> Pairs<'g> {
    fn new(grid: &'g Grid, layout: &'g Layout) -> Self {
        let data: Vec<usize> = (layout.first()..grid.height())
            .filter(|row| !is_no_data(grid, layout, *row, None))
            .collect();
        let step = data.len().checked_div(SAMPLE_ROWS).unwrap_or(0).max(1);
        let rows = data.into_iter().step_by(step).collect();
        let mut pairs =
            Self { grid, layout, rows, scores: BTreeMap::new(), chosen: BTreeMap::new() };
        for field in Field::ALL {
            for column in 0..grid.width() {
                let word =
                    if layout.header.is_some() { speaks(*field, layout.name(column)) } else { 0 };
                pairs.scores.insert((*field, column), (Share::default(), word));
            }
        }
        pairs
    }

    fn set(&mut self, field: Field, column: usize, share: Share) {
        if let Some(score) = self.scores.get_mut(&(field, column)) {
            score.0 = share;
        }
    }

    fn confidence(&self, field: Field, column: usize) -> u32 {
        let (share, word) = self.scores.get(&(field, column)).copied().unwrap_or_default();
        confidence(share.percent(), word)
    }

    fn free(&self, column: usize) -> bool {
        !self.chosen.values().any(|c| *c == column)
    }

    fn best(&self, field: Field) -> Option<usize> {
        (0..self.grid.width())
            .filter(|c| self.free(*c) && self.confidence(field, *c) >= 30)
            .max_by_key(|c| (self.confidence(field, *c), std::cmp::Reverse(*c)))
    }

    fn choose(&mut self, field: Field) {
        if let Some(column) = self.best(field) {
            self.chosen.insert(field, column);
        }
    }

    /// Visit numbers: the column whose values are visits of the package.
    fn visit(&mut self, uploaded: &Uploaded) {
        for column in 0..self.grid.width() {
            let mut memo = Memo::new(self.grid, Some(column), value::id);
            let ids: Vec<Id> = self.rows.iter().filter_map(|row| memo.get(*row)).collect();
            let (_, hits, all) = which_number(uploaded, ids.into_iter());
            self.set(Field::Visit, column, Share { hits, all });
        }
        self.choose(Field::Visit);
    }

    /// A first guess of the day, only to tell several stays under one number apart.
    fn best_day_by_words(&self) -> Option<usize> {
        let is_day = |column: usize| {
            let mut memo = Memo::new(self.grid, Some(column), value::day);
            let mut share = Share::default();
            for row in self.rows.iter().take(200) {
                if let Some(day) = memo.get(*row) {
                    share.add(day.is_some());
                }
            }
            share.percent().unwrap_or(0) >= 80
        };
        (0..self.grid.width())
            .filter(|c| is_day(*c))
            .max_by_key(|c| (self.confidence(Field::FeeTime, *c), std::cmp::Reverse(*c)))
    }

    /// The visits of every row of the file: their lines will be needed.
    fn visits_of(
        &self,
        uploaded: &Uploaded,
        column: Option<usize>,
        days: Option<usize>,
    ) -> BTreeSet<u32> {
        let all: Vec<usize> = (self.layout.first()..self.grid.height()).collect();
        let found = self.resolve(uploaded, column.or(self.chosen_visit()), days, &all);
        found.into_iter().flatten().collect()
    }

    fn chosen_visit(&self) -> Option<usize> {
        self.chosen.get(&Field::Visit).copied()
    }

    fn resolve(
        &self,
        uploaded: &Uploaded,
        column: Option<usize>,
        days: Option<usize>,
        rows: &[usize],
    ) -> Vec<Option<u32>> {
        let mut ids = Memo::new(self.grid, column, value::id);
        let mut day = Memo::new(self.grid, days, value::day);
        let seen: Vec<Id> = rows.iter().filter_map(|row| ids.get(*row)).collect();
        let (which, _, _) = which_number(uploaded, seen.into_iter());
        let mut last = None;
        rows.iter()
            .map(|row| {
                let id = match ids.get(*row) {
                    Some(Id::Is(id)) => {
                        last = Some(id.clone());
                        id
                    }
                    // Under a merged cell.
                    None => last.clone()?,
                    _ => return None,
                };
                let day = day.get(*row).flatten().unwrap_or(0);
                stay(uploaded, uploaded.by_number(which, &id), day)
            })
            .collect()
    }

    /// All other fields against the lines of each row's own visit.
    fn against(mut self, uploaded: &Uploaded, column: Option<usize>, days: Option<usize>) -> Self {
        let visit = self.chosen_visit().or(column);
        let rows = self.rows.clone();
        let visits = self.resolve(uploaded, visit, days, &rows);
        let known: Vec<(usize, u32)> =
            rows.iter().zip(visits).filter_map(|(row, v)| Some((*row, v?))).collect();
        let view = View::new(uploaded, &known);
        for column in 0..self.grid.width() {
            for field in [
                Field::ItemCode,
                Field::LocalCode,
                Field::ItemName,
                Field::PersonName,
                Field::PersonNo,
                Field::Settlement,
                Field::Serial,
            ] {
                let share = view.share(self.grid, column, field, &known);
                self.set(field, column, share);
            }
        }
        self.items();
        for field in [Field::PersonName, Field::PersonNo, Field::Settlement, Field::Serial] {
            self.choose(field);
        }
        let mine = view.lines_of_items(self.grid, &self.chosen, &known);
        for column in 0..self.grid.width() {
            let mut memo = Memo::new(self.grid, Some(column), value::day);
            let mut share = Share::default();
            for ((row, _), lines) in known.iter().zip(&mine) {
                if let Some(day) = memo.get(*row) {
                    let day = day.and_then(|d| i32::try_from(d).ok());
                    share.add(day.is_some_and(|d| lines.iter().any(|l| l.day == d)));
                }
            }
            self.set(Field::FeeTime, column, share);
        }
        self.choose(Field::FeeTime);
        self.figures(&known, &mine);
        self.refund();
        self
    }

    /// Codes and name: the three of them can each have a column.
    fn items(&mut self) {
        let mut order = [Field::ItemCode, Field::LocalCode, Field::ItemName];
        let best =
            |pairs: &Self, field| pairs.best(field).map_or(0, |c| pairs.confidence(field, c));
        // The surest first: it takes its column from the others.
        order.sort_by_key(|f| std::cmp::Reverse(best(self, *f)));
        for field in order {
            self.choose(field);
        }
    }

    /// Quantity, price and amount together.
    fn figures(&mut self, known: &[(usize, u32)], mine: &[Vec<Line>]) {
        let mut numeric = Vec::new();
        for column in (0..self.grid.width()).filter(|c| self.free(*c)) {
            let mut memo = Memo::new(self.grid, Some(column), value::number);
            let mut share = Share::default();
            for row in &self.rows {
                if let Some(number) = memo.get(*row) {
                    share.add(number.is_some());
                }
            }
            if share.percent().unwrap_or(0) >= 90 {
                numeric.push(column);
            }
        }
        let fields = [Field::Cnt, Field::Pric, Field::Amount];
        for column in &numeric {
            let mut memo = Memo::new(self.grid, Some(*column), value::number);
            let mut shares = [Share::default(); 3];
            for ((row, _), lines) in known.iter().zip(mine) {
                let Some(Some(number)) = memo.get(*row) else { continue };
                if lines.is_empty() {
                    continue;
                }
                let cnt = |l: &Line| l.cnt != NO && l.cnt == number;
                let pric = |l: &Line| l.pric != NO && value::same_price(l.pric, number);
                let amount = |l: &Line| l.amount != NO && value::same_money(l.amount, number);
                let found =
                    [lines.iter().any(cnt), lines.iter().any(pric), lines.iter().any(amount)];
                for (share, hit) in shares.iter_mut().zip(found) {
                    share.add(hit);
                }
            }
            for (field, share) in fields.into_iter().zip(shares) {
                self.set(field, *column, share);
            }
        }
        numeric.sort_by_key(|c| {
            let best = fields.iter().map(|f| self.confidence(*f, *c)).max().unwrap_or(0);
            (std::cmp::Reverse(best), *c)
        });
        numeric.truncate(MAX_NUMERIC);
        // The same few rows for every triple, read once.
        let step = self.rows.len().checked_div(100).unwrap_or(0).max(1);
        let few: Vec<usize> = self.rows.iter().step_by(step).copied().collect();
        let read: BTreeMap<usize, Vec<Option<i64>>> = numeric
            .iter()
            .map(|c| (*c, few.iter().map(|r| value::number(self.grid.cell(*r, *c))).collect()))
            .collect();
        let of = |field: Field, column: Option<usize>| {
            column.map_or(0, |c| self.confidence(field, c).saturating_sub(25))
        };
        let options: Vec<Option<usize>> =
            std::iter::once(None).chain(numeric.iter().map(|c| Some(*c))).collect();
        let mut best: Option<(u32, [Option<usize>; 3])> = None;
        for cnt in &options {
            for pric in &options {
                for amount in &options {
                    let twice = |a: &Option<usize>, b: &Option<usize>| a.is_some() && a == b;
                    if twice(cnt, pric) || twice(cnt, amount) || twice(pric, amount) {
                        continue;
                    }
                    let sum = of(Field::Cnt, *cnt)
                        .saturating_add(of(Field::Pric, *pric))
                        .saturating_add(of(Field::Amount, *amount));
                    let sum = match (cnt, pric, amount) {
                        (Some(c), Some(p), Some(a)) => {
                            sum.saturating_add(multiplies(&read, *c, *p, *a))
                        }
                        _ => sum,
                    };
                    if best.as_ref().is_none_or(|(most, _)| sum > *most) {
                        best = Some((sum, [*cnt, *pric, *amount]));
                    }
                }
            }
        }
        for (field, column) in fields.into_iter().zip(best.map_or([None; 3], |(_, c)| c)) {
            if let Some(column) = column.filter(|c| self.confidence(field, *c) >= 30) {
                self.chosen.insert(field, column);
            }
        }
    }

    /// A mark has few different values and a header that says so.
    fn refund(&mut self) {
        let Some(column) = (0..self.grid.width())
            .filter(|c| self.free(*c))
            .max_by_key(|c| (self.confidence(Field::Refund, *c), std::cmp::Reverse(*c)))
        else {
            return;
        };
        let different: BTreeSet<u32> =
            self.rows.iter().map(|row| self.grid.code(*row, column)).collect();
        if self.confidence(Field::Refund, column) >= 30 && different.len() <= 8 {
            self.chosen.insert(Field::Refund, column);
        }
    }

    fn candidate(&self, field: Field, column: usize) -> Candidate {
        let (share, _) = self.scores.get(&(field, column)).copied().unwrap_or_default();
        let mut samples: Vec<Sample> = Vec::new();
        let mut lost = 0_u64;
        for row in &self.rows {
            let text = self.grid.cell(*row, column);
            if value::lossy(text) {
                lost = lost.saturating_add(1);
            }
            let new = !text.is_empty() && samples.iter().all(|s| s.text != text);
            if samples.len() < 3 && new {
                samples.push(Sample { row: self.grid.number(*row), text: text.to_owned() });
            }
        }
        let is_id =
            matches!(field, Field::Visit | Field::PersonNo | Field::Settlement | Field::Serial);
        let warning = (is_id && lost > 0).then(|| {
            "有号码被表格软件改成科学计数，末位已丢失，这些行不比对；请机构按文本格式重新导出"
                .to_owned()
        });
        Candidate {
            column,
            header: self.layout.name(column).to_owned(),
            confidence: self.confidence(field, column),
            agree: share.percent(),
            samples,
            warning,
        }
    }

    fn proposals(&self) -> Vec<Proposal> {
        Field::ALL
            .iter()
            .map(|field| {
                let column = self.chosen.get(field).copied();
                let mut ranked: Vec<usize> = (0..self.grid.width())
                    .filter(|c| Some(*c) == column || self.confidence(*field, *c) > 0)
                    .collect();
                ranked.sort_by_key(|c| {
                    let confidence = self.confidence(*field, *c);
                    (Some(*c) != column, std::cmp::Reverse(confidence), *c)
                });
                let candidates = ranked
                    .into_iter()
                    .take(MAX_CANDIDATES)
                    .map(|c| self.candidate(*field, c))
                    .collect();
                Proposal { field: *field, column, candidates }
            })
            .collect()
    }
}

/// In how many of a hundred rows quantity × price is the amount, to the cent.
fn multiplies(
    read: &BTreeMap<usize, Vec<Option<i64>>>,
    cnt: usize,
    pric: usize,
    amount: usize,
) -> u32 {
    let column = |c: usize| read.get(&c).map_or(&[][..], Vec::as_slice).iter();
    let mut share = Share::default();
    for ((c, p), a) in column(cnt).zip(column(pric)).zip(column(amount)) {
        let (Some(c), Some(p), Some(a)) = (c, p, a) else { continue };
        let product = i128::from(*c).saturating_mul(i128::from(*p)).checked_div(1_000_000);
        let product = product.and_then(|p| i64::try_from(p).ok());
        share.add(product.is_some_and(|p| value::same_money(p, *a)));
    }
    share.percent().unwrap_or(0)
}

/// The values of each visit, in comparable form.
struct View<'u> {
    uploaded: &'u Uploaded,
    /// Per visit: codes, own codes, names, settlements, numbers of lines.
    values: BTreeMap<u32, [BTreeSet<String>; 5]>,
}

fn id_text(text: &str) -> String {
    match value::id(text) {
        Id::Is(id) => id,
        _ => String::new(),
    }
}

impl<'u> View<'u> {
    fn new(uploaded: &'u Uploaded, known: &[(usize, u32)]) -> Self {
        let mut values: BTreeMap<u32, [BTreeSet<String>; 5]> = BTreeMap::new();
        for (_, visit) in known {
            if values.contains_key(visit) {
                continue;
            }
            let sets = values.entry(*visit).or_default();
            let [codes, locals, names, settlements, serials] = sets;
            for line in uploaded.lines_of(*visit) {
                codes.insert(id_text(uploaded.text(line.code)));
                locals.insert(id_text(uploaded.text(line.local)));
                names.insert(value::name(uploaded.text(line.name)));
                names.insert(value::name(uploaded.text(line.local_name)));
                settlements.insert(id_text(uploaded.text(line.settlement)));
                serials.insert(id_text(uploaded.serial(line)));
            }
            for set in sets {
                set.remove("");
            }
        }
        Self { uploaded, values }
    }

    fn share(&self, grid: &Grid, column: usize, field: Field, known: &[(usize, u32)]) -> Share {
        let mut share = Share::default();
        let mut ids = Memo::new(grid, Some(column), value::id);
        let mut names = Memo::new(grid, Some(column), |text: &str| value::name(text));
        let which = match field {
            Field::ItemCode => 0,
            Field::LocalCode => 1,
            Field::ItemName => 2,
            Field::Settlement => 3,
            _ => 4,
        };
        for (row, visit) in known {
            let Some(sets) = self.values.get(visit) else { continue };
            match field {
                Field::PersonName => {
                    let (Some(name), Some(person)) = (names.get(*row), self.person(*visit)) else {
                        continue;
                    };
                    let own = self.uploaded.persons.get(&person).map(|p| p.name.as_str());
                    share.add(own.is_some_and(|own| value::same_person(&name, own)));
                }
                Field::PersonNo => {
                    let (Some(id), Some(person)) = (ids.get(*row), self.person(*visit)) else {
                        continue;
                    };
                    let Id::Is(id) = id else { continue };
                    let certno = self.uploaded.persons.get(&person).map(|p| p.certno.as_str());
                    let own = [self.uploaded.text(person), certno.unwrap_or_default()];
                    share.add(own.iter().any(|o| id_text(o) == id));
                }
                Field::ItemName => {
                    let set = sets.get(which).filter(|set| !set.is_empty());
                    if let (Some(name), Some(set)) = (names.get(*row), set) {
                        share.add(set.contains(&name));
                    }
                }
                _ => {
                    let set = sets.get(which).filter(|set| !set.is_empty());
                    if let (Some(id), Some(set)) = (ids.get(*row), set) {
                        share.add(matches!(id, Id::Is(id) if set.contains(&id)));
                    }
                }
            }
        }
        share
    }

    fn person(&self, visit: u32) -> Option<u32> {
        self.uploaded.visit(visit).map(|v| v.person).filter(|p| *p != 0)
    }

    /// The uploaded lines of each row's own item; of its visit where no item column was found.
    fn lines_of_items(
        &self,
        grid: &Grid,
        chosen: &BTreeMap<Field, usize>,
        known: &[(usize, u32)],
    ) -> Vec<Vec<Line>> {
        let column = |field: Field| chosen.get(&field).copied();
        let mut code = Memo::new(grid, column(Field::ItemCode), value::id);
        let mut local = Memo::new(grid, column(Field::LocalCode), value::id);
        let mut name = Memo::new(grid, column(Field::ItemName), |text: &str| value::name(text));
        let mut per_item: BTreeMap<(u32, u32, u32, u32), Vec<Line>> = BTreeMap::new();
        known
            .iter()
            .map(|(row, visit)| {
                let cell = |field: Field| column(field).map_or(0, |c| grid.code(*row, c));
                let key =
                    (*visit, cell(Field::ItemCode), cell(Field::LocalCode), cell(Field::ItemName));
                if let Some(lines) = per_item.get(&key) {
                    return lines.clone();
                }
                let (code, local, name) = (code.get(*row), local.get(*row), name.get(*row));
                let lines = self.uploaded.lines_of(*visit).iter();
                let same = |line: &&Line| match (&code, &local, &name) {
                    (Some(Id::Is(id)), _, _) => *id == id_text(self.uploaded.text(line.code)),
                    (_, Some(Id::Is(id)), _) => *id == id_text(self.uploaded.text(line.local)),
                    (_, _, Some(name)) => [line.name, line.local_name]
                        .iter()
                        .any(|n| value::name(self.uploaded.text(*n)) == *name),
                    _ => true,
                };
                let found: Vec<Line> = lines.filter(same).take(500).copied().collect();
                per_item.insert(key, found.clone());
                found
            })
            .collect()
    }
}
