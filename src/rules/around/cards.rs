//! Cards settled beside the same card (domain.md H02, 敛卡连刷): whoever collects cards swipes them one after the
//! other, again and again.
//!
//! Beside means within some minutes before or after. One such moment is a busy till; the same two cards on several
//! days, for the same money, at the same doctor, under one telephone or with neighbouring numbers are facts that
//! somebody can ask about. They are facts about cards and say nothing about persons.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use spotcheck_domain::Precision;
use spotcheck_domain::columns::{Batch, ColumnSource, code, number, text, time};

use super::{Surroundings, Tally, count, finish};
use crate::engine::{Stage, Watch};
use crate::error::{Error, Result, cancelled};

/// Numbers of persons this near to each other are neighbours.
const NEIGHBOURS: u64 = 3;

/// A settlement that stands.
#[derive(Clone, Copy)]
struct Settled {
    at: i64,
    person: u32,
    visit: u32,
    doctor: u32,
    amount: i64,
}

/// What one card has in common with the other.
#[derive(Default)]
struct Beside {
    settled: BTreeSet<(i64, u32, i64)>,
    days: BTreeSet<i64>,
    same_amount: u64,
    same_doctor: u64,
}

/// Person and doctor of every visit.
fn visits(source: &dyn ColumnSource) -> Result<HashMap<u32, (u32, u32)>> {
    let mut of = HashMap::new();
    let wants = [code("mdtrt_id"), code("psn_no"), code("chfpdr_code")];
    let scanned = source.scan("mdtrt_d", &wants, &mut |b| {
        of.extend((0..b.len()).map(|n| (b.code(0, n), (b.code(1, n), b.code(2, n)))));
        Ok(())
    });
    scanned.map_err(Error::Source)?;
    Ok(of)
}

/// Settlements that were taken back, and those that take back.
fn void(source: &dyn ColumnSource) -> Result<HashSet<u32>> {
    let wants = [code("setl_id"), code("refd_setl_flag"), code("init_setl_id")];
    let mut flagged: Vec<(u32, u32, u32)> = Vec::new();
    let scanned = source.scan("setl_d", &wants, &mut |b| {
        let row = |n| (b.code(0, n), b.code(1, n), b.code(2, n));
        flagged.extend((0..b.len()).map(row).filter(|r| r.1 != 0));
        Ok(())
    });
    scanned.map_err(Error::Source)?;
    let yes = source.code("1").map_err(Error::Source)?.unwrap_or(u32::MAX);
    let back = flagged.into_iter().filter(|(_, flag, _)| *flag == yes);
    Ok(back.flat_map(|(id, _, first)| [id, first]).filter(|c| *c != 0).collect())
}

/// Settlements one by one.
struct Tills<'a> {
    source: &'a dyn ColumnSource,
    visits: HashMap<u32, (u32, u32)>,
    void: HashSet<u32>,
}

impl Tills<'_> {
    /// Hands every settlement that stands to `each`; the number of those without a time of day.
    fn walk(&self, watch: &mut dyn Watch, each: &mut dyn FnMut(Settled)) -> Result<u64> {
        let wants = [
            code("setl_id"),
            code("mdtrt_id"),
            code("psn_no"),
            time("setl_time"),
            number("medfee_sumamt"),
        ];
        let all = self.source.rows("setl_d").map_err(Error::Source)?;
        let (mut dateless, mut done) = (0_u64, 0_u64);
        let scanned = self.source.scan("setl_d", &wants, &mut |b| {
            for n in 0..b.len() {
                if self.void.contains(&b.code(0, n)) {
                    continue;
                }
                match self.read(b, n) {
                    Some(settled) => each(settled),
                    None => dateless = dateless.saturating_add(1),
                }
            }
            done = done.saturating_add(count(b.len()));
            if watch.progress(Stage::Lines, done, all) { Ok(()) } else { Err(cancelled()) }
        });
        scanned.map_err(Error::Source)?;
        Ok(dateless)
    }

    /// `None` where only the day is known: it says nothing about minutes (claims.md §1).
    fn read(&self, b: &Batch, n: usize) -> Option<Settled> {
        let at = b.time(3, n).filter(|t| matches!(t.p, Precision::Second | Precision::Minute))?;
        let visit = b.code(1, n);
        let (person, doctor) = self.visits.get(&visit).copied().unwrap_or_default();
        let person = if person == 0 { b.code(2, n) } else { person };
        Some(Settled {
            at: at.at.seconds(),
            person,
            visit,
            doctor,
            amount: b.number(4, n).unwrap_or(0),
        })
    }
}

/// What is known of a person beside the number.
#[derive(Default, Clone)]
struct Card {
    tel: String,
    number: String,
}

fn cards(source: &dyn ColumnSource) -> Result<HashMap<u32, Card>> {
    let mut all = HashMap::new();
    let wants = [code("psn_no"), text("tel")];
    let scanned = source.scan("psn", &wants, &mut |b| {
        for n in 0..b.len() {
            let tel = b.text(1, n).unwrap_or_default().trim().to_owned();
            all.insert(b.code(0, n), Card { tel, number: String::new() });
        }
        Ok(())
    });
    scanned.map_err(Error::Source)?;
    Ok(all)
}

/// The same beginning, and ends that lie near each other.
fn neighbours(a: &str, b: &str) -> bool {
    let split = |text: &str| -> Option<(usize, u64)> {
        let digits = text.bytes().rev().take_while(u8::is_ascii_digit).take(9).count();
        let at = text.len().checked_sub(digits)?;
        Some((at, text.get(at..)?.parse().ok()?))
    };
    match (split(a), split(b)) {
        (Some((at, x)), Some((bt, y))) => {
            a != b && at == bt && a.get(..at) == b.get(..bt) && x.abs_diff(y) <= NEIGHBOURS
        }
        _ => false,
    }
}

pub(super) fn look(
    source: &dyn ColumnSource,
    (person, around): (Option<&str>, &[String]),
    minutes: i64,
    watch: &mut dyn Watch,
) -> Result<Surroundings> {
    let tills = Tills { source, visits: visits(source)?, void: void(source)? };
    let known = |text: &str| source.code(text).map_err(Error::Source);
    let person = person.map(known).transpose()?.flatten();
    let mut chosen = HashSet::new();
    for visit in around {
        chosen.extend(known(visit)?);
    }
    let seconds = minutes.max(0).saturating_mul(60);
    // First the moments of the card itself, then who else was there: a house has millions of settlements.
    let mut anchors: Vec<Settled> = Vec::new();
    let dateless = tills.walk(watch, &mut |s| {
        if Some(s.person) == person || chosen.contains(&s.visit) {
            anchors.push(s);
        }
    })?;
    anchors.sort_by_key(|s| (s.at, s.person));
    let own: HashSet<u32> = anchors.iter().map(|s| s.person).collect();
    let mut beside: HashMap<u32, Beside> = HashMap::new();
    tills.walk(watch, &mut |s| {
        let from = anchors.partition_point(|a| a.at < s.at.saturating_sub(seconds));
        let near = anchors.iter().skip(from).take_while(|a| a.at <= s.at.saturating_add(seconds));
        let near: Vec<&Settled> = near.filter(|a| a.person != s.person).collect();
        if near.is_empty() || s.person == 0 {
            return;
        }
        let b = beside.entry(s.person).or_default();
        b.settled.insert((s.at, s.visit, s.amount));
        b.days.insert(s.at.div_euclid(86_400));
        let same = |of: &dyn Fn(&Settled) -> bool| u64::from(near.iter().any(|a| of(a)));
        let money = same(&|a| a.amount == s.amount && s.amount > 0);
        let doctor = same(&|a| a.doctor == s.doctor && s.doctor != 0);
        b.same_amount = b.same_amount.saturating_add(money);
        b.same_doctor = b.same_doctor.saturating_add(doctor);
    })?;
    let mut out = finish(source, tallies(source, beside, &own, person, minutes)?)?;
    if anchors.is_empty() {
        out.notes.push("这张卡没有带时刻的结算，看不出前后".to_owned());
    }
    if dateless > 0 {
        out.notes.push(format!("有 {dateless} 笔结算只有日期没有时刻，不在其中"));
    }
    Ok(out)
}

/// Facts of each card, and the cards under the same telephone that were never beside.
fn tallies(
    source: &dyn ColumnSource,
    mut beside: HashMap<u32, Beside>,
    own: &HashSet<u32>,
    person: Option<u32>,
    minutes: i64,
) -> Result<HashMap<u32, Tally>> {
    let mut cards = cards(source)?;
    let mut anchors: BTreeSet<u32> = own.iter().copied().filter(|p| *p != 0).collect();
    anchors.extend(person);
    let tels: BTreeMap<String, u32> = anchors
        .iter()
        .filter_map(|p| Some((cards.get(p)?.tel.clone(), *p)))
        .filter(|(tel, _)| !tel.is_empty())
        .collect();
    for (code, card) in &cards {
        if tels.get(&card.tel).is_some_and(|p| p != code) {
            beside.entry(*code).or_default();
        }
    }
    let wanted: Vec<u32> = beside.keys().copied().chain(anchors.iter().copied()).collect();
    for (code, number) in wanted.iter().zip(source.texts(&wanted).map_err(Error::Source)?) {
        cards.entry(*code).or_default().number = number;
    }
    let number = |code: &u32| cards.get(code).map(|c| c.number.as_str()).unwrap_or_default();
    let mut all = HashMap::new();
    for (code, b) in beside {
        let tel = cards.get(&code).map(|c| c.tel.as_str()).unwrap_or_default();
        let same_tel = tels.get(tel).is_some_and(|p| *p != code);
        let near = anchors.iter().any(|a| *a != code && neighbours(number(a), number(&code)));
        let mut signs = Vec::new();
        let days = count(b.days.len());
        if days > 0 {
            signs.push(format!("有 {days} 天相隔不到 {minutes} 分钟"));
        }
        if b.same_amount > 0 {
            signs.push(format!("金额相同 {} 次", b.same_amount));
        }
        if b.same_doctor > 0 {
            signs.push(format!("同一医师 {} 次", b.same_doctor));
        }
        if same_tel {
            signs.push("登记电话相同".to_owned());
        }
        if near {
            signs.push("人员编号相邻".to_owned());
        }
        let visits: BTreeSet<u32> = b.settled.iter().map(|s| s.1).collect();
        let mut tally = Tally {
            visits: count(visits.len()),
            lines: count(b.settled.len()),
            amount: b.settled.iter().map(|s| s.2).fold(0_i64, i64::saturating_add),
            signs,
            rank: (
                days.saturating_add(u64::from(same_tel)).saturating_add(u64::from(near)),
                b.same_amount,
                b.same_doctor,
            ),
            ..Tally::default()
        };
        b.days.into_iter().for_each(|day| tally.on(day));
        all.insert(code, tally);
    }
    Ok(all)
}
