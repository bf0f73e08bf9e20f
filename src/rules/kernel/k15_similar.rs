//! K15: results, notes or bills of different persons that are the same to the letter.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiled, Cx, Hit, Out, Probe};
use crate::book::{Visit, VisitKind};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let form = match cx.rule.usage.form.as_str() {
        "results" => {
            cx.needs_table("exec")?;
            Form::Results
        }
        "notes" => {
            cx.needs_table("note")?;
            Form::Notes
        }
        "bills" => Form::Bills,
        form => return Err(format!("K15 没有形式 {form}")),
    };
    Ok(Box::new(Similar { form, count: cx.whole("count")?, seen: BTreeMap::new() }))
}

enum Form {
    /// B32: `result_hash` of images and result vectors.
    Results,
    /// F14: course notes of one author.
    Notes,
    /// 门诊雷同: the same items and quantities by one doctor on one day.
    Bills,
}

/// Person, visit, day.
type Who = (u32, u32, i64);

struct Similar {
    form: Form,
    count: i64,
    /// What is equal → who has it: person, visit, day.
    seen: BTreeMap<(u64, u64), BTreeSet<Who>>,
}

impl Similar {
    fn add(&mut self, key: (u64, u64), visit: &Visit, day: i64) {
        self.seen.entry(key).or_default().insert((visit.person, visit.at, day));
    }
}

impl Probe for Similar {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        match self.form {
            Form::Results => {
                for e in cx.book.events.of(visit.at).iter().filter(|e| e.result != 0) {
                    let day = e.begin.get().map_or(0, |i| i.at.day());
                    self.add((e.result, u64::from(e.item)), visit, day);
                }
            }
            Form::Notes => {
                for n in cx.book.notes.of(visit.at).iter().filter(|n| n.text != 0) {
                    let day = n.at.map_or(0, |i| i.at.day());
                    self.add((n.text, u64::from(n.author)), visit, day);
                }
            }
            Form::Bills => {
                let (Some(day), true) = (visit.begin_day(), visit.doctor != 0) else { return };
                if visit.kind == VisitKind::Inpatient {
                    return;
                }
                let mut bill: Vec<(u32, i64)> =
                    cx.charges_all(visit).map(|l| (l.item, l.quantity)).collect();
                if bill.len() < 5 {
                    return;
                }
                bill.sort_unstable();
                let mut hash = 0xcbf2_9ce4_8422_2325_u64;
                for (item, quantity) in bill {
                    for part in [u64::from(item), quantity.cast_unsigned(), day.cast_unsigned()] {
                        hash = (hash ^ part).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
                    }
                }
                self.add((hash, u64::from(visit.doctor)), visit, day);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for same in std::mem::take(&mut self.seen).into_values() {
            let persons: BTreeSet<u32> = same.iter().map(|s| s.0).collect();
            let count = i64::try_from(persons.len()).unwrap_or(i64::MAX);
            if count < self.count {
                continue;
            }
            // Who copied from whom is not known, so no visit stands for the others.
            let day = same.iter().map(|s| s.2).min().unwrap_or(0);
            let mut hit = Hit::of_facility().fact("count", count.to_string()).on(day);
            hit.also = same.iter().map(|s| s.1).collect();
            out.hit(cx, hit);
        }
    }
}
