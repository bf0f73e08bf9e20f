//! K13, `doctor_hour` and `doctor_gap`: more prescriptions under one doctor's number than a person can write.
//!
//! A prescription is one number in one visit, and is written when its first line is. `doctor_hour` (H06) counts
//! them in a sliding window; `doctor_gap` (I04) counts how often two of different persons follow each other
//! within seconds on one day. Leads only: who was logged in is to be found out on site.

use std::collections::BTreeMap;

use super::{Compiled, Cx, Hit, Mask, Out, Probe};
use crate::book::{DAY_S, Line, Visit, flag};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    let count = usize::try_from(cx.whole("count")?).unwrap_or(usize::MAX);
    let of_hour = cx.rule.usage.form == "doctor_hour";
    let span = if of_hour { cx.whole("minutes")?.saturating_mul(60) } else { cx.whole("seconds")? };
    Ok(Box::new(Doctors { items, count, of_hour, span, written: BTreeMap::new() }))
}

/// One prescription.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Written {
    at: i64,
    line: u32,
    person: u32,
}

struct Doctors {
    items: Mask,
    count: usize,
    of_hour: bool,
    span: i64,
    /// By doctor.
    written: BTreeMap<u32, Vec<Written>>,
}

impl Probe for Doctors {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut first: BTreeMap<(u32, u32), Line> = BTreeMap::new();
        for line in cx.charges(visit, &self.items) {
            let own = cx.book.orderer(line.at);
            let doctor = if own == 0 { cx.book.doctor(line.at) } else { own };
            let number = cx.book.prescription(line.at);
            if doctor == 0 || number == 0 {
                continue;
            }
            if line.day().is_none() || line.has(flag::DAY) {
                out.silent("开方时间不到秒");
                continue;
            }
            first.entry((doctor, number)).or_insert(line);
        }
        for ((doctor, _), line) in first {
            let written = Written { at: line.time, line: line.at, person: visit.person };
            self.written.entry(doctor).or_default().push(written);
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for mut all in std::mem::take(&mut self.written).into_values() {
            all.sort_unstable();
            let of_day = |w: &Written| w.at.div_euclid(DAY_S);
            for day in all.chunk_by(|a, b| of_day(a) == of_day(b)) {
                let found = if self.of_hour { self.busiest(day) } else { self.close(day) };
                let Some(day) = day.first().map(of_day).filter(|_| found.len() > self.count) else {
                    continue;
                };
                let hit = Hit::of_facility()
                    .fact("count", found.len().to_string())
                    .fact("seconds", self.span.to_string())
                    .lines(found.iter().filter_map(|w| cx.book.line(w.line)))
                    .on(day);
                out.hit(cx, hit);
            }
        }
    }
}

impl Doctors {
    /// The prescriptions of the busiest window of a day, the first such.
    fn busiest<'d>(&self, day: &'d [Written]) -> Vec<&'d Written> {
        let mut best: Vec<&Written> = Vec::new();
        for (n, first) in day.iter().enumerate() {
            let within = |w: &&Written| w.at < first.at.saturating_add(self.span);
            let own: Vec<&Written> = day.iter().skip(n).take_while(within).collect();
            if own.len() > best.len() {
                best = own;
            }
        }
        best
    }

    /// Prescriptions that follow one of another person within the span; two of one second follow each other.
    fn close<'d>(&self, day: &'d [Written]) -> Vec<&'d Written> {
        let follows = |b: &&Written| {
            let near = |a: &&Written| {
                a.at <= b.at && b.at.saturating_sub(a.at) < self.span && a.person != b.person
            };
            let from = day.partition_point(|a| a.at <= b.at.saturating_sub(self.span));
            day.iter().skip(from).take_while(|a| a.at <= b.at).any(|a| near(&a))
        };
        day.iter().filter(follows).collect()
    }
}
