//! K6: two intervals that cannot both be true overlap.
//!
//! Days of admission and discharge are left out wherever days are compared, and an interval known to the day
//! only never overlaps another of the same day (claims.md §1).

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::Precision;
use spotcheck_domain::claims::Instant;

use super::{Compiled, Cx, Hit, Mask, Out, Probe, date, date_of, traits};
use crate::book::{Elsewhere, Event, EventKind, Line, Moment, Person, Visit, VisitKind, flag};
use crate::pack::Exclusion;

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    match cx.rule.usage.form.as_str() {
        "stays" => {
            cx.needs_table("psn_other")?;
            Ok(Box::new(Stays { least: cx.whole("days")? }))
        }
        "stays_here" => Ok(Box::new(StaysHere { least: cx.whole("days")? })),
        "elsewhere" => {
            cx.needs_table("psn_other")?;
            Ok(Box::new(DuringStay { here: false }))
        }
        "here" => Ok(Box::new(DuringStay { here: true })),
        "leave" => {
            cx.needs_table("leave")?;
            Ok(Box::new(OnLeave { items: cx.mask(cx.rule.usage.items.as_ref())? }))
        }
        "patient" | "staff" => {
            cx.needs_table("exec")?;
            let of_staff = cx.rule.usage.form == "staff";
            Ok(Box::new(Events {
                of_staff,
                least_s: cx.whole("minutes")?.saturating_mul(60),
                seen: BTreeMap::new(),
            }))
        }
        form => Err(format!("K6 没有形式 {form}")),
    }
}

/// A06: two stays in two facilities share at least N whole days.
struct Stays {
    least: i64,
}

impl Probe for Stays {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if visit.kind != VisitKind::Inpatient {
            return;
        }
        let (Some(begin), Some(end)) = (visit.begin_day(), visit.end_day()) else { return };
        for other in cx.book.elsewhere.of(visit.person) {
            let (Some(from), Some(to)) = (other.begin.get(), other.end.get()) else { continue };
            if other.drug || other.kind != VisitKind::Inpatient {
                continue;
            }
            let shared = end.min(to.at.day()).saturating_sub(begin.max(from.at.day()));
            if shared >= self.least {
                let hit = Hit::of_visit(cx, visit)
                    .fact("days", shared.to_string())
                    .fact("facility_b", cx.book.text(other.facility))
                    .fact("date_b", date_of(other.begin.get()))
                    .lines(cx.book.charges(visit))
                    .on(begin);
                out.hit(cx, hit);
            }
        }
    }
}

/// A06-1: two stays in this house, and at least N days of both (the days on which one ends and the other begins left
/// out) on which both were billed. A long stay that is settled in parts may be registered twice from its first day
/// on; its parts are billed one after the other.
struct StaysHere {
    least: i64,
}

impl Probe for StaysHere {
    fn person(&mut self, cx: Cx<'_>, person: &Person, out: &mut Out<'_>) {
        let stays = cx.book.visits_of(person).iter().filter(|v| v.kind == VisitKind::Inpatient);
        let stays: Vec<&Visit> = stays.collect();
        for (n, later) in stays.iter().enumerate() {
            let found = stays.iter().take(n).find_map(|earlier| {
                let both = billed_in_both(cx, earlier, later);
                let days = i64::try_from(both.len()).unwrap_or(i64::MAX);
                (days >= self.least && days > 0).then_some((*earlier, both))
            });
            let Some((earlier, both)) = found else { continue };
            let lines =
                cx.book.charges(later).filter(|l| l.day().is_some_and(|d| both.contains(&d)));
            let mut hit = Hit::of_visit(cx, later)
                .fact("days", both.len().to_string())
                .fact("date_b", date_of(earlier.begin))
                .lines(lines);
            hit.also.push(earlier.at);
            out.hit(
                cx,
                match both.first() {
                    Some(day) => hit.on(*day),
                    None => hit,
                },
            );
        }
    }
}

/// The days that two stays share and on which both were billed.
fn billed_in_both(cx: Cx<'_>, a: &Visit, b: &Visit) -> BTreeSet<i64> {
    let spans = (a.begin_day().zip(a.end_day()), b.begin_day().zip(b.end_day()));
    let (Some((a0, a1)), Some((b0, b1))) = spans else { return BTreeSet::new() };
    let (from, to) = (a0.max(b0), a1.min(b1));
    if from >= to {
        return BTreeSet::new();
    }
    let days = |v: &Visit| -> BTreeSet<i64> {
        let days = cx.book.charges(v).filter_map(Line::day);
        days.filter(|d| *d >= from && *d < to).collect()
    };
    days(a).intersection(&days(b)).copied().collect()
}

/// A04, A05: an outpatient or pharmacy visit strictly inside a stay (its first and last day left out).
struct DuringStay {
    here: bool,
}

impl Probe for DuringStay {
    fn person(&mut self, cx: Cx<'_>, person: &Person, out: &mut Out<'_>) {
        let visits = cx.book.visits_of(person);
        for stay in visits.iter().filter(|v| v.kind == VisitKind::Inpatient) {
            let (Some(begin), Some(end)) = (stay.begin_day(), stay.end_day()) else { continue };
            let inside =
                |i: Option<Instant>| i.map(|i| i.at.day()).filter(|d| *d > begin && *d < end);
            if self.here {
                let wanted = |v: &&Visit| v.kind.is_outpatient() && v.kind != VisitKind::Emergency;
                for other in visits.iter().filter(wanted) {
                    let Some(day) = inside(other.begin) else { continue };
                    let external = cx.rule.exclude.contains(&Exclusion::External);
                    let mut lines: Vec<Line> = cx.charges_all(other).collect();
                    lines.retain(|l| !(external && l.has(flag::ELSEWHERE)));
                    if lines.is_empty()
                        || cx.book.leaves.of(stay.at).iter().any(|l| on_leave(l, day))
                    {
                        continue;
                    }
                    if let Some(why) = unpaid(cx, other) {
                        out.silent(why);
                        continue;
                    }
                    let mut hit =
                        Hit::of_visit(cx, other).fact("date_b", date(begin)).lines(lines).on(day);
                    hit.also.push(stay.at);
                    out.hit(cx, hit);
                }
                continue;
            }
            let wanted = |e: &&Elsewhere| {
                !e.drug
                    && matches!(
                        e.kind,
                        VisitKind::Outpatient | VisitKind::Chronic | VisitKind::Pharmacy
                    )
            };
            for other in cx.book.elsewhere.of(stay.person).iter().filter(wanted) {
                let Some(day) = inside(other.begin.get()) else { continue };
                let fund = other.fund.get().unwrap_or(0);
                if fund <= 0 {
                    // 个账家庭共济 and purchases from one's own account are no stay-at-home sign.
                    out.silent("他处结算没有统筹支付");
                    continue;
                }
                if cx.book.leaves.of(stay.at).iter().any(|l| on_leave(l, day)) {
                    out.silent("当日请假");
                    continue;
                }
                let external = cx.rule.exclude.contains(&Exclusion::External);
                if external && sent_out(cx, stay, day) {
                    out.silent(traits::words(Exclusion::External));
                    continue;
                }
                let hit = Hit::of_visit(cx, stay)
                    .tried(Exclusion::External)
                    .fact("facility_b", cx.book.text(other.facility))
                    .fact("date_b", date(day))
                    .amount(other.total.get().unwrap_or(0))
                    .on(day);
                out.hit(cx, hit);
            }
        }
    }
}

/// The house itself had something examined elsewhere for the stay that day.
fn sent_out(cx: Cx<'_>, stay: &Visit, day: i64) -> bool {
    cx.book.charges(stay).any(|l| l.has(flag::ELSEWHERE) && l.day() == Some(day))
}

/// Why a bill at the house itself is no sign: the fund took no part in it, or nobody knows whether it did.
fn unpaid(cx: Cx<'_>, visit: &Visit) -> Option<&'static str> {
    let mut live = cx.book.settlements_of(visit).iter().filter(|s| !s.cancelled).peekable();
    if live.peek().is_none() {
        return Some("门诊没有未冲销的结算");
    }
    let funds: Vec<Option<i64>> = live.map(|s| s.fund).collect();
    if funds.iter().any(|f| *f > Some(0)) {
        return None;
    }
    // 个账家庭共济 and what is paid from one's own account, as at other houses (A04).
    let unknown = funds.contains(&None);
    Some(if unknown {
        "门诊结算的统筹支付金额缺失"
    } else {
        "门诊结算没有统筹支付"
    })
}

fn on_leave(leave: &crate::book::Leave, day: i64) -> bool {
    leave.begin.is_some_and(|i| i.at.day() <= day) && leave.end.is_none_or(|i| i.at.day() >= day)
}

/// A24: charges on days wholly on leave; the days of going and coming back are left out, and bed retention
/// is no service (the pack leaves such items out by name).
struct OnLeave {
    items: Mask,
}

impl Probe for OnLeave {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let leaves = cx.book.leaves.of(visit.at);
        if leaves.is_empty() {
            return;
        }
        let mut found = Vec::new();
        for line in cx.charges(visit, &self.items) {
            let Some(day) = line.day() else { continue };
            // Where a bed is paid for while its patient is on leave.
            let bed = cx.book.item(line.item).is_some_and(|i| *i.med_chrgitm_type == *"01");
            if bed && cx.counts_second_way() {
                continue;
            }
            let away = leaves.iter().any(|l| {
                l.begin.is_some_and(|i| i.at.day() < day) && l.end.is_some_and(|i| i.at.day() > day)
            });
            if away {
                found.push(line);
            }
        }
        if let Some(first) = found.first().copied() {
            let hit = Hit::of_visit(cx, visit)
                .item(cx, first.item)
                .fact("count", found.len().to_string())
                .lines(found);
            let hit = match first.day() {
                Some(day) => hit.on(day),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}

/// B28 (one patient) and I03 (one member of staff): events at the same time for longer than N minutes.
struct Events {
    of_staff: bool,
    least_s: i64,
    /// Events by who is busy: staff or nothing.
    seen: BTreeMap<u32, Vec<(u32, Event)>>,
}

impl Events {
    fn clash(&self, a: &Event, b: &Event) -> bool {
        let exact = |i: Moment| i.get().filter(|i| i.p != Precision::Day).map(|i| i.at.seconds());
        let (Some(a0), Some(a1), Some(b0), Some(b1)) =
            (exact(a.begin), exact(a.end), exact(b.begin), exact(b.end))
        else {
            return false;
        };
        a1.min(b1).saturating_sub(a0.max(b0)) > self.least_s
    }
}

/// A nurse may circulate between two rooms; only who is a doctor, or of unknown kind, is meant.
fn may_be_doctor(cx: Cx<'_>, staff: u32) -> bool {
    let kinds = cx.book.staff.get(&staff).map_or(&[][..], |rows| rows);
    let mut known = kinds.iter().map(|s| cx.book.text(s.kind)).filter(|k| !k.is_empty()).peekable();
    known.peek().is_none() || known.any(|k| k == "1")
}

fn meant(cx: Cx<'_>, event: &Event) -> bool {
    let kind = match event.kind {
        EventKind::Operation => "oprn",
        EventKind::Treatment => "treat",
        EventKind::Exam => "exam",
        EventKind::Anaesthesia => "anst",
        _ => return false,
    };
    cx.rule.usage.words.iter().any(|w| w == kind)
}

impl Probe for Events {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let all = cx.book.events.of(visit.at).iter();
        let events: Vec<&Event> = all.filter(|e| meant(cx, e)).collect();
        if self.of_staff {
            for event in events.into_iter().filter(|e| e.staff != 0) {
                self.seen.entry(event.staff).or_default().push((visit.at, *event));
            }
            return;
        }
        for (n, b) in events.iter().enumerate() {
            let other = events.iter().take(n).find(|a| {
                let same = a.item == b.item && a.name == b.name;
                !same && self.clash(a, b)
            });
            if let (Some(a), Some(begin)) = (other, b.begin.get()) {
                let mut hit = Hit::of_visit(cx, visit)
                    .fact("item", cx.book.text(b.name))
                    .fact("item_b", cx.book.text(a.name))
                    .on(begin.at.day());
                hit.executors = vec![a.staff, b.staff];
                out.hit(cx, hit);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for (staff, mut events) in std::mem::take(&mut self.seen) {
            if !may_be_doctor(cx, staff) {
                out.silent("执行人员登记为非医师");
                continue;
            }
            events.sort_by_key(|(_, e)| (e.begin.get().map(|i| i.at.seconds()), e.serial));
            for (n, (own, b)) in events.iter().enumerate() {
                let other = events
                    .iter()
                    .take(n)
                    .rev()
                    .take(20)
                    .find(|(other, a)| other != own && self.clash(a, b));
                let (Some((also, a)), Some(visit), Some(begin)) =
                    (other, cx.book.visit(*own), b.begin.get())
                else {
                    continue;
                };
                let mut hit = Hit::of_visit(cx, visit)
                    .fact("item", cx.book.text(b.name))
                    .fact("item_b", cx.book.text(a.name))
                    .on(begin.at.day());
                hit.executors = vec![staff];
                hit.also.push(*also);
                out.hit(cx, hit);
            }
        }
    }
}
