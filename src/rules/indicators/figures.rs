//! Formulas over tallies: exact until they are shown.

use super::answer::{Cell, Month, date};
use super::ask::months;
use super::catalogue::{Catalogue, Dimension, Formula, Indicator, Measure};
use super::entity::Kind;
use super::exact::{Exact, Rounded};
use super::plan::Plan;
use super::run::Counted;
use super::tally::Tally;

/// Computes formulas over what was counted.
pub(crate) struct Figures<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) plan: &'a Plan,
    pub(crate) counted: &'a Counted,
    pub(crate) periods: Vec<(i64, i64)>,
    /// The second of them is one to compare with.
    pub(crate) compared: bool,
    /// Tables without rows.
    pub(crate) absent: Vec<&'static str>,
}

/// A figure before rounding.
pub(crate) type Figure = Result<Exact, &'static str>;

const ABSENT: &str = "未上传";
const NO_DENOMINATOR: &str = "分母为零";
const TOO_LARGE: &str = "超出范围";

impl Figures<'_> {
    pub(crate) fn tally(
        &self,
        term: &str,
        of: Option<Dimension>,
        at: (usize, Option<usize>),
    ) -> Option<&Tally> {
        let instance = self.plan.instance(term, of)?;
        let tallies = self.counted.tallies.get(instance)?.get(at.0)?;
        match at.1 {
            None => Some(&tallies.all),
            Some(key) => tallies.part(key),
        }
    }

    /// Millionths for sums of decimals.
    pub(crate) fn unit(&self, term: &str) -> i128 {
        let Some(term) = self.catalogue.terms.get(term) else { return 1 };
        match &term.measure {
            Measure::Sum(field) => match term.entity.field(field) {
                Some((_, Kind::Decimal)) => 1_000_000,
                _ => 1,
            },
            _ => 1,
        }
    }

    fn term(&self, term: &str, of: Option<Dimension>, at: (usize, Option<usize>)) -> Figure {
        let known = self.catalogue.terms.get(term).ok_or(ABSENT)?;
        if self.absent.contains(&known.entity.table) {
            return Err(ABSENT);
        }
        match self.tally(term, of, at) {
            Some(t) if t.rows == 0 && t.missing > 0 => Err(ABSENT),
            Some(t) => Exact::new(t.value, self.unit(term)).ok_or(TOO_LARGE),
            None => Ok(Exact::whole(0)),
        }
    }

    /// The `n` largest of a ranking: (key code, sum), largest first.
    pub(crate) fn ranking(
        &self,
        term: &str,
        of: Dimension,
        at: (usize, Option<usize>),
    ) -> Vec<(u32, i128)> {
        let Some(tally) = self.tally(term, Some(of), at) else { return Vec::new() };
        tally.ranked.iter().map(|(key, sum)| (*key, *sum)).collect()
    }

    fn top(&self, term: &str, of: Dimension, n: usize, at: (usize, Option<usize>)) -> Figure {
        self.term(term, Some(of), at)?;
        let mut sums: Vec<i128> = self.ranking(term, of, at).into_iter().map(|r| r.1).collect();
        sums.sort_unstable_by(|a, b| b.cmp(a));
        let sum = sums.into_iter().take(n).fold(0_i128, i128::saturating_add);
        Exact::new(sum, self.unit(term)).ok_or(TOO_LARGE)
    }

    pub(crate) fn figure(&self, formula: &Formula, at: (usize, Option<usize>)) -> Figure {
        let days = || {
            let (from, to) = self.periods.get(at.0).copied().unwrap_or((0, 0));
            Exact::whole(i128::from(to.saturating_sub(from).saturating_add(1)))
        };
        let hundred = Exact::whole(100);
        let quotient = |a: Exact, b: Exact| {
            if b.is_zero() { Err(NO_DENOMINATOR) } else { a.by(b).ok_or(TOO_LARGE) }
        };
        let percent = |a: Exact, b: Exact| quotient(a, b)?.times(hundred).ok_or(TOO_LARGE);
        match formula {
            Formula::Value(a) => self.term(a, None, at),
            Formula::Ratio(a, b) => quotient(self.term(a, None, at)?, self.term(b, None, at)?),
            Formula::Share(a, b) => percent(self.term(a, None, at)?, self.term(b, None, at)?),
            Formula::PerDay(a) => quotient(self.term(a, None, at)?, days()),
            Formula::UsePerDay(a, b) => {
                let able = self.term(b, None, at)?.times(days()).ok_or(TOO_LARGE)?;
                percent(self.term(a, None, at)?, able)
            }
            Formula::Difference(a, b) => {
                self.term(a, None, at)?.less(self.term(b, None, at)?).ok_or(TOO_LARGE)
            }
            Formula::Growth(of) => {
                let of = self.catalogue.indicators.get(of).ok_or(ABSENT)?;
                if !self.compared || at.0 != 0 {
                    return Err("没有对比期");
                }
                growth(self.figure(&of.formula, at)?, self.figure(&of.formula, (1, at.1))?)
            }
            Formula::Top(a, of, n) => self.top(a, *of, *n, at),
            Formula::TopShare(a, of, n) => {
                percent(self.top(a, *of, *n, at)?, self.term(a, Some(*of), at)?)
            }
        }
    }

    fn cell(&self, indicator: &Indicator, at: (usize, Option<usize>)) -> (Cell, Option<Exact>) {
        let mut cell = Cell::default();
        let formula = match &indicator.formula {
            Formula::Growth(of) => self.catalogue.indicators.get(of).map(|i| &i.formula),
            own => Some(own),
        };
        let terms = formula.map(Formula::terms).unwrap_or_default();
        for tally in terms.iter().filter_map(|(t, of)| self.tally(t, *of, at)) {
            cell.rows = cell.rows.saturating_add(tally.rows);
            cell.missing = cell.missing.saturating_add(tally.missing);
        }
        match self.figure(&indicator.formula, at) {
            Ok(exact) => match exact.round(indicator.decimals) {
                Some(rounded) => {
                    cell.value = Some(rounded.to_string());
                    return (cell, Some(exact));
                }
                None => cell.why = Some(TOO_LARGE.to_owned()),
            },
            Err(why) => cell.why = Some(why.to_owned()),
        }
        (cell, None)
    }

    /// A cell beside its twin of the other period, and the growth.
    pub(crate) fn pair(
        &self,
        indicator: &Indicator,
        key: Option<usize>,
    ) -> (Cell, Option<Cell>, Option<String>) {
        let (cell, exact) = self.cell(indicator, (0, key));
        let is_growth = matches!(indicator.formula, Formula::Growth(_));
        if !self.compared || is_growth {
            return (cell, None, None);
        }
        let (other, base) = self.cell(indicator, (1, key));
        let grown = exact.zip(base).and_then(|(a, b)| growth(a, b).ok());
        let grown = grown.and_then(|g| g.round(2)).map(|g| g.to_string());
        (cell, Some(other), grown)
    }

    /// The figure by month: of this period, or of the one to compare with. None of a growth, which is itself
    /// about two periods.
    pub(crate) fn months(&self, indicator: &Indicator, other: bool) -> Vec<Month> {
        if matches!(indicator.formula, Formula::Growth(_)) || (other && !self.compared) {
            return Vec::new();
        }
        let whole = if self.compared { 2 } else { 1 };
        let of = |period: Option<&(i64, i64)>| period.map_or(0, |p| months(*p).len());
        let own = of(self.periods.first());
        let (skip, take) =
            if other { (own.saturating_add(whole), of(self.periods.get(1))) } else { (whole, own) };
        let parts = self.periods.iter().enumerate().skip(skip).take(take);
        parts
            .map(|(at, (from, to))| {
                let (cell, _) = self.cell(indicator, (at, None));
                Month { from: date(*from), to: date(*to), cell }
            })
            .collect()
    }

    pub(crate) fn rounded(&self, indicator: &Indicator, key: usize) -> Option<Rounded> {
        self.figure(&indicator.formula, (0, Some(key))).ok()?.round(indicator.decimals)
    }
}

/// In percent of what was; nothing grows from zero or less.
pub(crate) fn growth(now: Exact, was: Exact) -> Figure {
    if !was.is_positive() {
        return Err("对比期为零");
    }
    let grown = now.less(was).and_then(|d| d.by(was));
    grown.and_then(|g| g.times(Exact::whole(100))).ok_or(TOO_LARGE)
}
