//! Visits, their persons and their settlements: the frame into which everything else is put.
//!
//! Visits lie by person and begin, settlements by visit and time. Where times do not decide, the numbers of
//! the visits do, not the place in the file or in its dictionary.

use std::collections::{BTreeMap, HashMap};

use spotcheck_domain::claims::Instant;
use spotcheck_domain::columns::{code, number, text, time};

use super::NONE;
use super::load::{Loader, hash64, row_number};
use super::types::{Person, Settlement, Sex, Visit, VisitKind};
use crate::error::{Error, Result};

impl Loader<'_> {
    pub(super) fn visits(&mut self) -> Result<()> {
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
            if l.is(b.code(14, n), "0")? {
                l.book.counts.invalid = l.book.counts.invalid.saturating_add(1);
                return Ok(());
            }
            if b.code(2, n) != l.book.facility.code {
                return Ok(());
            }
            for at in [3, 4, 7, 8, 9] {
                l.want_text(b.code(at, n));
            }
            l.want_icd(b.code(12, n));
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

    pub(super) fn people(&mut self) -> Result<()> {
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

    pub(super) fn settle(&mut self) -> Result<()> {
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
            number("inscp_amt"),
        ];
        let mut all: Vec<Settlement> = Vec::new();
        let mut cancels: Vec<(u32, Option<i64>)> = Vec::new();
        self.each("setl_d", &wants, |l, b, n| {
            let visit = l.visits.get(b.code(1, n));
            if visit == NONE {
                return Ok(());
            }
            if l.is(b.code(10, n), "0")? {
                l.book.counts.invalid = l.book.counts.invalid.saturating_add(1);
                return Ok(());
            }
            let id = b.code(0, n);
            let (way, group, standard) = groups.get(&id).copied().unwrap_or_default();
            let pay_way = Some(way).filter(|w| *w != 0);
            let clearing = b.code(3, n);
            let by_item = match pay_way {
                Some(way) => l.is(way, "item")?,
                None => l.is(clearing, "01")?,
            };
            let refund = l.is(b.code(8, n), "1")? || b.number(4, n).is_some_and(|t| t < 0);
            if refund && b.code(9, n) != 0 {
                cancels.push((b.code(9, n), b.number(4, n)));
            }
            l.want_text(pay_way.unwrap_or(clearing));
            all.push(Settlement {
                code: id,
                visit,
                at: b.time(2, n),
                total: b.number(4, n),
                fund: b.number(5, n),
                covered: b.number(11, n),
                own: b.number(6, n),
                cash: b.number(7, n),
                cancelled: refund,
                takes_back: refund.then(|| b.code(9, n)),
                all_back: false,
                by_item,
                pay_way: pay_way.unwrap_or(clearing),
                group,
                standard,
            });
            Ok(())
        })?;
        cancels.sort_unstable();
        for s in &mut all {
            let first = cancels.partition_point(|(code, _)| *code < s.code);
            let own = cancels.iter().skip(first).take_while(|(code, _)| *code == s.code);
            // Refunds of less than the whole are of some lines, which lines of their own name.
            let sum = |all: Option<i64>, back: Option<i64>| {
                all.zip(back).map(|(all, back)| all.saturating_add(back.saturating_abs()))
            };
            let back = own.map(|(_, back)| *back).fold(None, |all: Option<Option<i64>>, back| {
                Some(sum(all.unwrap_or(Some(0)), back))
            });
            (s.cancelled, s.all_back) = match (back, s.total) {
                (None, _) => (s.cancelled, false),
                (Some(Some(back)), Some(total)) => (s.cancelled || back >= total, back >= total),
                _ => (true, false),
            };
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
}
