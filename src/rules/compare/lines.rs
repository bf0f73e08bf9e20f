//! The lines of one visit against each other: what agrees, what cancels, what differs and how.
//!
//! Key is item × day; inside it quantity, price and amount are held against each other as multisets, then as
//! sums, because many systems export a day in one line where the upload has several. Only what is left after
//! that, after netting of refunds, and after a look at other days, is a difference. Greedy in a fixed order,
//! so that equal input gives equal output.

use std::collections::BTreeMap;

use super::Class;
use super::uploaded::NO;
use super::value::{same_money, same_price};

/// A line of either side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) item: u32,
    /// Names and the facility's own code: by these an item is known under another national code.
    pub(super) names: [u32; 3],
    pub(super) day: i32,
    pub(super) cnt: i64,
    pub(super) pric: i64,
    pub(super) amount: i64,
    /// Number of the line itself where both sides have it; 0: none.
    pub(super) serial: u32,
    /// Position on its side.
    pub(super) at: usize,
}

/// Lines that differ.
#[derive(Debug)]
pub(super) struct Apart {
    pub(super) class: Class,
    pub(super) his: Vec<Line>,
    pub(super) uploaded: Vec<Line>,
}

/// What one visit, or all, came to.
#[derive(Debug, Default)]
pub(super) struct Result {
    pub(super) apart: Vec<Apart>,
    pub(super) matched: u64,
    /// Positions of uploaded lines that agree or differ: both are known to the export.
    pub(super) known: Vec<usize>,
    pub(super) netted: u64,
    pub(super) young: u64,
    pub(super) young_amount: i64,
    /// Young lines of which no part was uploaded.
    pub(super) young_lines: Vec<Line>,
}

/// Pairs tried one by one at most; beyond, only equal order counts.
const MAX_PAIRS: usize = 250_000;

/// A known number equals a known number; an unknown one equals everything.
const fn agrees(one: i64, other: i64) -> bool {
    one == NO || other == NO || one == other
}

const fn price_agrees(one: i64, other: i64) -> bool {
    one == NO || other == NO || same_price(one, other)
}

const fn money_agrees(one: i64, other: i64) -> bool {
    one == NO || other == NO || same_money(one, other)
}

/// Quantity, price and amount agree, and at least one of quantity and amount is known on both sides.
const fn equal(h: &Line, u: &Line) -> bool {
    let known = (h.cnt != NO && u.cnt != NO) || (h.amount != NO && u.amount != NO);
    known
        && agrees(h.cnt, u.cnt)
        && price_agrees(h.pric, u.pric)
        && money_agrees(h.amount, u.amount)
}

const fn is_negative(line: &Line) -> bool {
    (line.cnt != NO && line.cnt < 0) || (line.amount != NO && line.amount < 0)
}

/// What differs first: item, quantity, price, amount, day.
fn class_of(h: &Line, u: &Line) -> Option<Class> {
    if h.item != u.item {
        Some(Class::Item)
    } else if !agrees(h.cnt, u.cnt) {
        Some(Class::Quantity)
    } else if !price_agrees(h.pric, u.pric) {
        Some(Class::Price)
    } else if !money_agrees(h.amount, u.amount) {
        Some(Class::Amount)
    } else if h.day != u.day {
        Some(Class::Date)
    } else {
        None
    }
}

/// Sum of a number over lines; `NO` if one is missing.
fn sum(lines: &[Line], of: impl Fn(&Line) -> i64) -> i64 {
    let mut sum = 0_i64;
    for line in lines {
        let n = of(line);
        if n == NO {
            return NO;
        }
        sum = sum.saturating_add(n);
    }
    sum
}

/// Several lines as one: sums of quantity and amount; the price where all have the same.
pub(super) fn together(lines: &[Line]) -> Option<Line> {
    let first = lines.first()?;
    let same = lines.iter().all(|l| price_agrees(l.pric, first.pric) && l.pric != NO);
    Some(Line {
        cnt: sum(lines, |l| l.cnt),
        amount: sum(lines, |l| l.amount),
        pric: if same { first.pric } else { NO },
        ..*first
    })
}

/// The sums of both sides agree; every line may be rounded by half a cent.
fn sums_agree(his: &[Line], uploaded: &[Line]) -> bool {
    let (Some(h), Some(u)) = (together(his), together(uploaded)) else { return false };
    let lines = i64::try_from(his.len().max(uploaded.len())).unwrap_or(i64::MAX);
    let slack = lines.saturating_sub(1).saturating_mul(5_000).saturating_add(9_999);
    let money = h.amount == NO
        || u.amount == NO
        || h.amount.saturating_sub(u.amount).saturating_abs() <= slack;
    let known = (h.cnt != NO && u.cnt != NO) || (h.amount != NO && u.amount != NO);
    known && agrees(h.cnt, u.cnt) && money
}

/// Whether a line of the export can be a line of the upload.
type Fits<'a> = &'a dyn Fn(&Line, &Line) -> bool;

/// Both sides of one key.
type Group = (Vec<Line>, Vec<Line>);

fn groups<K: Ord>(his: Vec<Line>, up: Vec<Line>, key: impl Fn(&Line) -> K) -> BTreeMap<K, Group> {
    let mut groups: BTreeMap<K, Group> = BTreeMap::new();
    for line in his {
        groups.entry(key(&line)).or_default().0.push(line);
    }
    for line in up {
        groups.entry(key(&line)).or_default().1.push(line);
    }
    for (his, up) in groups.values_mut() {
        his.sort_by_key(|l| (l.day, l.cnt, l.pric, l.amount, l.at));
        up.sort_by_key(|l| (l.day, l.cnt, l.pric, l.amount, l.at));
    }
    groups
}

/// Takes pairs that fit out of both lists; of several that fit the nearest day.
fn take(
    his: &mut Vec<Line>,
    up: &mut Vec<Line>,
    fits: impl Fn(&Line, &Line) -> bool,
) -> Vec<(Line, Line)> {
    let mut pairs = Vec::new();
    // Most of what fits stands in the same place of both lists.
    let small = his.len().saturating_mul(up.len()) <= MAX_PAIRS;
    let mut left = Vec::new();
    let mut next = 0_usize;
    for h in his.drain(..) {
        let near = if small {
            let candidates = up.iter().enumerate().filter(|(_, u)| fits(&h, u));
            candidates.min_by_key(|(at, u)| (u.day.abs_diff(h.day), *at)).map(|(at, _)| at)
        } else {
            while up
                .get(next)
                .is_some_and(|u| (u.day, u.cnt, u.pric) < (h.day, h.cnt, h.pric) && !fits(&h, u))
            {
                next = next.saturating_add(1);
            }
            up.get(next).filter(|u| fits(&h, u)).map(|_| next)
        };
        match near {
            // For long lists nothing is moved: the place is only passed.
            Some(at) if small => pairs.push((h, up.remove(at))),
            Some(at) => {
                if let Some(u) = up.get(at) {
                    pairs.push((h, *u));
                }
                next = at.saturating_add(1);
            }
            None => left.push(h),
        }
    }
    if !small {
        let used: std::collections::BTreeSet<usize> = pairs.iter().map(|(_, u)| u.at).collect();
        up.retain(|u| !used.contains(&u.at));
    }
    *his = left;
    pairs
}

/// Where the lines of a visit stand on their way through the steps.
struct Visit<'r> {
    his: Vec<Line>,
    up: Vec<Line>,
    /// The last day of which everything should have been uploaded.
    settled: i32,
    out: &'r mut Result,
}

impl Visit<'_> {
    fn matched(&mut self, his: usize, up: &[Line]) {
        self.out.matched = self.out.matched.saturating_add(u64::try_from(his).unwrap_or(0));
        self.out.known.extend(up.iter().map(|u| u.at));
    }

    fn apart(&mut self, class: Class, his: Vec<Line>, uploaded: Vec<Line>) {
        self.out.known.extend(uploaded.iter().map(|u| u.at));
        self.out.apart.push(Apart { class, his, uploaded });
    }

    const fn is_young(&self, line: &Line) -> bool {
        line.day > self.settled
    }

    fn young(&mut self, lines: &[Line]) {
        for line in lines {
            self.out.young = self.out.young.saturating_add(1);
            let amount = if line.amount == NO { 0 } else { line.amount };
            self.out.young_amount = self.out.young_amount.saturating_add(amount);
        }
    }

    /// Lines with the same number are the same line, whatever else they say.
    fn by_serial(&mut self) {
        if self.his.iter().all(|h| h.serial == 0) {
            return;
        }
        let (with, without): (Vec<Line>, Vec<Line>) =
            std::mem::take(&mut self.his).into_iter().partition(|h| h.serial != 0);
        let (up_with, up_without) =
            std::mem::take(&mut self.up).into_iter().partition(|u| u.serial != 0);
        (self.his, self.up) = (without, up_without);
        for (_, (mut his, mut up)) in groups(with, up_with, |l| l.serial) {
            for (h, u) in take(&mut his, &mut up, |_, _| true) {
                match class_of(&h, &u) {
                    None => self.matched(1, &[u]),
                    Some(class) => self.apart(class, vec![h], vec![u]),
                }
            }
            self.his.append(&mut his);
            self.up.append(&mut up);
        }
    }

    /// The same item on the same day: line by line, then as sums.
    fn by_day(&mut self) {
        let (his, up) = (std::mem::take(&mut self.his), std::mem::take(&mut self.up));
        for (_, (mut his, mut up)) in groups(his, up, |l| (l.item, l.day)) {
            for (_, u) in take(&mut his, &mut up, equal) {
                self.matched(1, &[u]);
            }
            let one = his.len() == 1 && up.len() == 1;
            if !his.is_empty() && !up.is_empty() && !one && sums_agree(&his, &up) {
                self.matched(his.len(), &up);
            } else {
                self.his.append(&mut his);
                self.up.append(&mut up);
            }
        }
    }

    /// What was charged and taken back is nothing, on either side and across days.
    fn net(&mut self) {
        let (his, up) = (std::mem::take(&mut self.his), std::mem::take(&mut self.up));
        for (_, (mut his, mut up)) in groups(his, up, |l| l.item) {
            let refunds = his.iter().chain(&up).any(is_negative);
            if refunds && !his.is_empty() && !up.is_empty() && sums_agree(&his, &up) {
                self.matched(his.len(), &up);
                continue;
            }
            if refunds {
                let cancelled = cancel(&mut his).len();
                let cancelled = u64::try_from(cancelled).unwrap_or(0);
                self.out.netted = self.out.netted.saturating_add(cancelled);
                let both = cancel(&mut up);
                self.out.known.extend(both.iter().map(|u| u.at));
                let still = his.iter().chain(&up).any(is_negative);
                if still && !his.is_empty() && !up.is_empty() && sums_agree(&his, &up) {
                    self.matched(his.len(), &up);
                    continue;
                }
            }
            self.his.append(&mut his);
            self.up.append(&mut up);
        }
    }

    /// Taken back in the export, still charged in the upload.
    fn refunds(&mut self, all: &[Line]) {
        let (back, rest): (Vec<Line>, Vec<Line>) =
            std::mem::take(&mut self.his).into_iter().partition(is_negative);
        self.his = rest;
        for h in back {
            if self.is_young(&h) {
                self.young(&[h]);
                continue;
            }
            let charged = |u: &&Line| u.item == h.item && !is_negative(u);
            let size = |u: &&Line| {
                let same = u.cnt != NO && h.cnt != NO && u.cnt == h.cnt.saturating_neg();
                (!same, u.day > h.day, u.day.abs_diff(h.day), u.at)
            };
            match all.iter().filter(charged).min_by_key(size) {
                Some(u) => self.apart(Class::Refund, vec![h], vec![*u]),
                None => self.his.push(h),
            }
        }
    }

    /// The same line on another day.
    fn moved(&mut self) {
        let (his, up) = (std::mem::take(&mut self.his), std::mem::take(&mut self.up));
        for (_, (mut his, mut up)) in groups(his, up, |l| l.item) {
            for (h, u) in take(&mut his, &mut up, equal) {
                self.apart(Class::Date, vec![h], vec![u]);
            }
            self.his.append(&mut his);
            self.up.append(&mut up);
        }
    }

    /// The same item on the same day with other figures.
    fn figures(&mut self) {
        let (his, up) = (std::mem::take(&mut self.his), std::mem::take(&mut self.up));
        for (_, (mut his, mut up)) in groups(his, up, |l| (l.item, l.day)) {
            if his.is_empty() || up.is_empty() {
                self.his.append(&mut his);
                self.up.append(&mut up);
                continue;
            }
            let (Some(h), Some(u)) = (together(&his), together(&up)) else { continue };
            let less = |one: i64, other: i64| one == NO || other == NO || one <= other;
            if self.is_young(&h) && less(u.cnt, h.cnt) && less(u.amount, h.amount) {
                // The rest of the day has not been uploaded yet.
                self.young(&his);
                self.matched(0, &up);
            } else if his.len() == up.len() {
                let same_price = take(&mut his, &mut up, |h, u| h.pric != NO && h.pric == u.pric);
                let rest: Vec<(Line, Line)> = his.into_iter().zip(up).collect();
                for (h, u) in same_price.into_iter().chain(rest) {
                    match class_of(&h, &u) {
                        None => self.matched(1, &[u]),
                        Some(class) => self.apart(class, vec![h], vec![u]),
                    }
                }
            } else {
                let class = class_of(&h, &u).unwrap_or(Class::Amount);
                self.apart(class, his, up);
            }
        }
    }

    /// Another item on the same day: the same name, or own code, under another national code. The same money
    /// under another name is not enough: those stay two differences.
    fn items(&mut self) {
        let named = |h: &Line, u: &Line| h.names.iter().any(|n| *n != 0 && u.names.contains(n));
        let passes: [Fits<'_>; 2] = [&|h, u| named(h, u) && equal(h, u), &named];
        for fits in passes {
            let (his, up) = (std::mem::take(&mut self.his), std::mem::take(&mut self.up));
            for (_, (mut his, mut up)) in groups(his, up, |l| l.day) {
                for (h, u) in take(&mut his, &mut up, |h, u| h.item != u.item && fits(h, u)) {
                    self.apart(Class::Item, vec![h], vec![u]);
                }
                self.his.append(&mut his);
                self.up.append(&mut up);
            }
        }
    }

    fn rest(&mut self) {
        let (young, old): (Vec<Line>, Vec<Line>) =
            std::mem::take(&mut self.his).into_iter().partition(|h| self.is_young(h));
        self.young(&young);
        self.out.young_lines.extend(young);
        for h in old {
            self.apart(Class::HisOnly, vec![h], Vec::new());
        }
        for u in std::mem::take(&mut self.up) {
            // Not known to the export: whoever reads the result decides what that means.
            self.out.apart.push(Apart {
                class: Class::UploadedOnly,
                his: Vec::new(),
                uploaded: vec![u],
            });
        }
    }
}

/// Takes out what was charged and taken back in full on one side.
fn cancel(lines: &mut Vec<Line>) -> Vec<Line> {
    let (mut back, mut charged): (Vec<Line>, Vec<Line>) =
        std::mem::take(lines).into_iter().partition(is_negative);
    let neg = |n: i64| if n == NO { NO } else { n.saturating_neg() };
    let pairs = take(&mut back, &mut charged, |b, c| {
        // Some systems also write the price of what is taken back as a negative one.
        let price = b.pric == NO || c.pric == NO || same_price(b.pric.saturating_abs(), c.pric);
        let known = (b.cnt != NO && c.cnt != NO) || (b.amount != NO && c.amount != NO);
        known && agrees(neg(b.cnt), c.cnt) && money_agrees(neg(b.amount), c.amount) && price
    });
    lines.append(&mut charged);
    lines.append(&mut back);
    pairs.into_iter().flat_map(|(b, c)| [b, c]).collect()
}

/// Compares the lines of one visit. `settled`: the last day of which everything should have been uploaded.
pub(super) fn compare(his: Vec<Line>, uploaded: Vec<Line>, settled: i32, out: &mut Result) {
    let all = uploaded.clone();
    let mut visit = Visit { his, up: uploaded, settled, out };
    visit.by_serial();
    visit.by_day();
    visit.net();
    visit.refunds(&all);
    visit.moved();
    visit.figures();
    visit.items();
    visit.rest();
}
