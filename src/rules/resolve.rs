//! From hits to findings: texts, grades, money, who stands under whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spotcheck_domain::Amount;
use spotcheck_domain::columns::ColumnSource;

use crate::book::{Book, Earlier, NONE, Visit};
use crate::engine::Raw;
use crate::error::{Error, Result};
use crate::finding::{Finding, LossMethod, PENDING, People, render, sort, weight};
use crate::kernel::{Hit, date, sum, traits, yuan};
use crate::loss;
use crate::pack::{Exclusion, Grade, Rule};

/// A hit with what was decided about it.
struct Judged<'p> {
    rule: &'p Rule,
    hit: Hit,
    grade: Grade,
    loss: loss::Loss,
}

/// Texts of dictionary codes, serial numbers of lines and names of other facilities by their code, fetched once for
/// all findings.
struct Names {
    texts: HashMap<u32, String>,
    serials: HashMap<u64, String>,
    houses: HashMap<String, String>,
}

impl Names {
    fn text(&self, code: u32) -> Option<String> {
        self.texts.get(&code).filter(|t| !t.is_empty()).cloned()
    }

    fn fetch(book: &Book, source: &dyn ColumnSource, all: &[Judged<'_>]) -> Result<Self> {
        let mut codes: BTreeSet<u32> = BTreeSet::new();
        let mut rows: BTreeSet<u64> = BTreeSet::new();
        for j in all {
            codes.extend([j.hit.person, j.hit.code]);
            codes.extend(j.hit.executors.iter().copied());
            for visit in std::iter::once(&j.hit.visit).chain(&j.hit.also) {
                if let Some(v) = book.visit(*visit) {
                    codes.extend([v.code, v.doctor]);
                }
            }
            codes.extend(settlement_of(book, &j.hit));
            for (at, _) in &j.hit.lines {
                codes.extend([book.doctor(*at), book.orderer(*at)]);
                rows.extend(row(book, *at));
            }
        }
        codes.remove(&0);
        let codes: Vec<u32> = codes.into_iter().collect();
        let rows: Vec<u64> = rows.into_iter().collect();
        let texts = source.texts(&codes).map_err(Error::Source)?;
        let serials = source.cell_texts("fee_list_d", "bkkp_sn", &rows).map_err(Error::Source)?;
        let serials = rows.into_iter().zip(serials).filter_map(|(r, s)| Some((r, s?)));
        // Of two names the first in their order, so that the rows' order decides nothing.
        let houses = book.houses.iter().map(|(code, name)| (book.text(*code), book.text(*name)));
        let mut houses: Vec<(&str, &str)> = houses.filter(|(_, name)| !name.is_empty()).collect();
        houses.sort_unstable_by(|a, b| b.cmp(a));
        let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        Ok(Self {
            texts: codes.into_iter().zip(texts).collect(),
            serials: serials.collect(),
            houses: houses.into_iter().map(own).collect(),
        })
    }
}

fn row(book: &Book, line: u32) -> Option<u64> {
    book.lines.row(line)
}

/// The settlement of a hit: its own, or the one of all its lines.
fn settlement_of(book: &Book, hit: &Hit) -> Option<u32> {
    let own = book.settlement(hit.settlement).map(|s| s.code);
    let lines: BTreeSet<u32> =
        hit.lines.iter().filter_map(|(at, _)| book.line(*at)).map(|l| l.settlement).collect();
    let only = match (lines.len(), lines.first()) {
        (1, Some(s)) => book.settlement(*s).map(|s| s.code),
        _ => None,
    };
    own.or(only)
}

/// Turns hits into findings, sorted.
pub(crate) fn findings(
    book: &Book,
    source: &dyn ColumnSource,
    raws: Vec<Raw<'_>>,
) -> Result<Vec<Finding>> {
    let mut all: Vec<Judged<'_>> = Vec::new();
    let mut beyond: Vec<(&Rule, Beyond)> = Vec::new();
    for raw in raws {
        if let Some(bound) = raw.beyond {
            let gross = |h: &Hit| loss::of(book, raw.rule, raw.rule.grade, h).gross.unwrap_or(0);
            let more = Beyond {
                hits: u64::try_from(raw.hits.len()).unwrap_or(u64::MAX),
                bound,
                gross: sum(raw.hits.iter().map(gross)),
            };
            // Versions of one rule stand as one.
            match beyond.iter_mut().find(|(rule, _)| rule.id == raw.rule.id) {
                Some((_, all)) => all.add(&more),
                None => beyond.push((raw.rule, more)),
            }
            continue;
        }
        for hit in raw.hits {
            let rule = raw.rule;
            // A doubt makes a V an S; what is less sure already stays so.
            let grade = match rule.grade {
                Grade::V if !hit.doubt.is_empty() => Grade::S,
                grade => grade,
            };
            let loss = loss::of(book, rule, grade, &hit);
            all.push(Judged { rule, hit, grade, loss });
        }
    }
    let names = Names::fetch(book, source, &all)?;
    let principals = principals(book, &all, &names);
    let mut findings: Vec<Finding> = all
        .into_iter()
        .zip(principals)
        .map(|(judged, principal)| finding(book, judged, principal, &names))
        .collect();
    findings.extend(beyond.into_iter().map(|(rule, all)| all.finding(book, rule)));
    sort(&mut findings);
    Ok(findings)
}

/// All hits of a rule that found more than it may.
struct Beyond {
    hits: u64,
    bound: u64,
    gross: i64,
}

impl Beyond {
    const fn add(&mut self, more: &Self) {
        self.hits = self.hits.saturating_add(more.hits);
        self.gross = self.gross.saturating_add(more.gross);
    }

    /// One entry for all of them: a lead, never printed for the party. Either the rule does not fit the house, or
    /// the house does it everywhere; both must be seen.
    fn finding(&self, book: &Book, rule: &Rule) -> Finding {
        let gross = (self.gross > 0).then_some(self.gross);
        let amount = gross.map(|g| format!("，各条金额合计 {} 元", yuan(g))).unwrap_or_default();
        let reason =
            format!("命中 {} 条，超过上限 {}{amount}；没有逐条列出", self.hits, self.bound);
        let grade = rule.grade.max(Grade::L);
        let doubt = "命中过多：规则或参数可能不适用于本机构".to_owned();
        Finding {
            rule: rule.id.clone(),
            pack: rule.pack.clone(),
            grade,
            fixmedins_code: book.facility.fixmedins_code.clone(),
            psn_no: None,
            mdtrt_id: None,
            setl_id: None,
            bkkp_sn: Vec::new(),
            code: None,
            amount: gross.map(Amount::from_millionths),
            fund_amount: None,
            loss_method: LossMethod::N,
            pending: false,
            principal: true,
            reason,
            name: rule.name.clone(),
            party: None,
            reason_party: None,
            elsewhere: false,
            severity: rule.severity,
            clause: rule.clause.clone(),
            weight: weight(rule, grade, gross),
            date: None,
            also: Vec::new(),
            people: People::default(),
            look: rule.look.clone(),
            tried: Vec::new(),
            doubt: std::iter::once(doubt).chain(rule.doubt.iter().cloned()).collect(),
            family: rule.family.clone(),
        }
    }
}

/// How much a finding is the one a line stands under: surer, worse, more dangerous, then by its id.
type Claim<'a> = (Grade, crate::pack::Severity, std::cmp::Reverse<u8>, &'a str, Vec<&'a str>);

fn principals(book: &Book, all: &[Judged<'_>], names: &Names) -> Vec<bool> {
    let serials = |j: &Judged<'_>| -> Vec<&str> {
        let rows = j.hit.lines.iter().filter_map(|(at, _)| row(book, *at));
        let mut texts: Vec<&str> =
            rows.filter_map(|r| names.serials.get(&r)).map(String::as_str).collect();
        texts.sort_unstable();
        texts
    };
    let claims: Vec<Claim<'_>> = all
        .iter()
        .map(|j| {
            let danger = std::cmp::Reverse(j.rule.weight);
            (j.grade, j.rule.severity, danger, j.rule.id.as_str(), serials(j))
        })
        .collect();
    let mut best: HashMap<u32, usize> = HashMap::new();
    for (n, j) in all.iter().enumerate() {
        for (at, _) in &j.hit.lines {
            let better = best.get(at).is_none_or(|b| claims.get(n) < claims.get(*b));
            if better {
                best.insert(*at, n);
            }
        }
    }
    let mut subsumed: BTreeSet<(&str, u32)> = BTreeSet::new();
    for j in all {
        for visit in std::iter::once(j.hit.visit).chain(j.hit.also.iter().copied()) {
            subsumed.extend(j.rule.subsumes.iter().map(|id| (id.as_str(), visit)));
        }
    }
    all.iter()
        .enumerate()
        .map(|(n, j)| {
            let under =
                j.hit.visit != NONE && subsumed.contains(&(j.rule.id.as_str(), j.hit.visit));
            let owns = j.hit.lines.is_empty()
                || j.hit.lines.iter().any(|(at, _)| best.get(at) == Some(&n));
            owns && !under
        })
        .collect()
}

type Facts = BTreeMap<&'static str, String>;

/// The other facility of a fact, and the day of what was settled there.
const HOUSE_B: &str = "facility_b";
const DATE_B: &str = "date_b";

/// What the party may read of a fact with another facility in it.
struct Told {
    facts: Facts,
    /// The hit itself is of a day at the other facility, on which nothing began here.
    elsewhere: bool,
}

/// `None` where no other facility is in it.
fn for_party(book: &Book, hit: &Hit) -> Option<Told> {
    let house = hit.facts.get(HOUSE_B)?;
    if *house == book.facility.fixmedins_code {
        return None;
    }
    let mut facts = hit.facts.clone();
    facts.insert(HOUSE_B, "其他机构".to_owned());
    let there = hit.facts.get(DATE_B);
    let begun = book.visit(hit.visit).and_then(Visit::begin_day);
    let elsewhere =
        hit.day.is_some_and(|day| there.is_some_and(|d| *d == date(day)) && begun != Some(day));
    for (name, is_there) in [(DATE_B, there.is_some()), ("date", elsewhere)] {
        if is_there {
            facts.insert(name, "某日".to_owned());
        }
    }
    Some(Told { facts, elsewhere })
}

fn finding(book: &Book, judged: Judged<'_>, principal: bool, names: &Names) -> Finding {
    let Judged { rule, mut hit, grade, loss } = judged;
    let sorted = |codes: BTreeSet<u32>| -> Vec<String> {
        let mut texts: Vec<String> = codes.into_iter().filter_map(|c| names.text(c)).collect();
        texts.sort_unstable();
        texts
    };
    let lines: Vec<u32> = hit.lines.iter().map(|(at, _)| *at).collect();
    let visit = book.visit(hit.visit);
    let people = People {
        ordering: sorted(lines.iter().map(|at| book.orderer(*at)).collect()),
        billing: sorted(lines.iter().map(|at| book.doctor(*at)).collect()),
        executing: sorted(hit.executors.iter().copied().collect()),
        answerable: sorted(visit.iter().map(|v| v.doctor).collect()),
    };
    let mut serials: Vec<String> =
        lines.iter().filter_map(|at| names.serials.get(&row(book, *at)?).cloned()).collect();
    serials.sort_unstable();
    if let Some(gross) = loss.gross {
        hit.facts.entry("amount").or_insert_with(|| yuan(gross));
    }
    if let Some(code) = names.text(hit.code) {
        hit.facts.entry("code").or_insert(code);
    }
    let told = for_party(book, &hit);
    if let Some(house) = hit.facts.get_mut(HOUSE_B)
        && let Some(name) = names.houses.get(house.as_str())
    {
        house.clone_from(name);
    }
    let reason_from = |facts: &Facts| {
        let mut reason = render(&rule.reason, facts);
        if loss.pending {
            reason.push('(');
            reason.push_str(PENDING);
            reason.push(')');
        }
        reason
    };
    let reason = reason_from(&hit.facts);
    let reason_party =
        told.as_ref().filter(|_| grade.is_for_party()).map(|t| reason_from(&t.facts));
    let facts = told.as_ref().map_or(&hit.facts, |t| &t.facts);
    let party = grade.is_for_party().then(|| render(&rule.name_party, facts));
    let also: BTreeSet<u32> =
        hit.also.iter().filter_map(|v| book.visit(*v)).map(|v| v.code).collect();
    let looked = |e: &&Exclusion| hit.tried & traits::bit(**e) != 0;
    let causes = rule.exclude.iter().chain(&rule.downgrade).filter(looked);
    let mut tried: Vec<String> = Vec::new();
    for word in causes.map(|e| traits::words(*e)).filter(|w| !hit.doubt.contains(w)) {
        if !tried.iter().any(|t| t == word) {
            tried.push(word.to_owned());
        }
    }
    let doubts = hit.doubt.iter().map(|d| (*d).to_owned());
    let past = book.earlier.get(rule.id.as_str());
    Finding {
        rule: rule.id.clone(),
        pack: rule.pack.clone(),
        grade,
        fixmedins_code: book.facility.fixmedins_code.clone(),
        psn_no: names.text(hit.person),
        mdtrt_id: visit.and_then(|v| names.text(v.code)),
        setl_id: settlement_of(book, &hit).and_then(|c| names.text(c)),
        bkkp_sn: serials,
        code: names.text(hit.code),
        amount: loss.gross.map(Amount::from_millionths),
        fund_amount: loss.fund.map(Amount::from_millionths),
        loss_method: if loss.fund.is_some() { loss.method } else { LossMethod::N },
        pending: loss.pending && loss.fund.is_none(),
        principal,
        reason_party: reason_party.filter(|told| *told != reason),
        elsewhere: told.is_some_and(|t| t.elsewhere),
        reason,
        name: rule.name.clone(),
        party,
        severity: rule.severity,
        clause: rule.clause.clone(),
        weight: raised(weight(rule, grade, loss.gross), past),
        date: hit.day.map(date),
        also: sorted(also),
        people,
        look: rule.look.iter().cloned().chain(past.and_then(before)).collect(),
        tried,
        doubt: doubts.chain(rule.doubt.iter().cloned()).collect(),
        family: rule.family.clone(),
    }
}

/// Each earlier finding of the rule at the facility adds as much to the weight, three of them count.
const REPEAT: u32 = 4;
const REPEATS: u32 = 3;

/// What comes back after an inspection stands before what was never seen; what a facility reported of itself
/// raises nothing.
fn raised(weight: u32, past: Option<&Earlier>) -> u32 {
    let times = past.map_or(0, |p| p.found.min(REPEATS));
    weight.saturating_add(times.saturating_mul(REPEAT)).min(100)
}

/// What was found before, as one more thing to look at.
fn before(past: &Earlier) -> Option<String> {
    let mut parts = Vec::new();
    if past.found > 0 {
        parts.push(format!("既往同规则 {} 次", past.found));
    }
    if past.self_checked > 0 {
        parts.push(format!("机构自查报告过 {} 次，核对是否已退回", past.self_checked));
    }
    let last = past.last.map(|day| format!("(最近 {})", date(day))).unwrap_or_default();
    (!parts.is_empty()).then(|| parts.join("；") + &last)
}

#[cfg(test)]
mod tests;
