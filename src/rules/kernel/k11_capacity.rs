//! K11: more work than people, machines or beds can do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiled, Cx, Hit, Mask, Out, Points, Probe, muldiv, plain};
use crate::book::{Line, ONE, Visit, VisitKind};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    match cx.rule.usage.form.as_str() {
        "staff_minutes" => {
            cx.needs_table("exec")?;
            let list = cx.rule.usage.list.as_deref().unwrap_or_default();
            let known = cx.knowledge(list).is_some_and(|k| !k.points.is_empty());
            if !known {
                return Err(format!("知识点 {list} 未装载"));
            }
            let minutes = cx.need("shift_minutes")?;
            Ok(Box::new(StaffMinutes { minutes, days: BTreeMap::new() }))
        }
        "beds" => Ok(Box::new(Beds { share: cx.need("share")?, days: BTreeMap::new() })),
        "doctor_day" => Ok(Box::new(DoctorDay { most: cx.whole("count")?, days: BTreeMap::new() })),
        "device_minutes" => {
            cx.needs_table("equip")?;
            let list = cx.rule.usage.list.as_deref().unwrap_or_default();
            let points = cx.points(list, false)?;
            let minutes = cx.need("day_minutes")?;
            Ok(Box::new(DeviceMinutes {
                mask: points.mask(),
                points,
                minutes,
                days: BTreeMap::new(),
            }))
        }
        form => Err(format!("K11 没有形式 {form}")),
    }
}

/// B25, I06: per therapist and day, the standard minutes of what was executed against the shift. What was billed for
/// it that day is named, so that somebody can go through the bills; which of them is too many nobody can say.
struct StaffMinutes {
    minutes: i64,
    /// By staff and day.
    days: BTreeMap<(u32, i64), Shift>,
}

/// A day of one therapist.
#[derive(Default)]
struct Shift {
    minutes: i64,
    events: u32,
    visits: BTreeSet<u32>,
    lines: BTreeSet<u32>,
}

impl Probe for StaffMinutes {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        let events = cx.book.events.of(visit.at);
        if events.is_empty() {
            return;
        }
        for e in events.iter().filter(|e| e.staff != 0) {
            let Some(day) = e.begin.get().map(|i| i.at.day()) else { continue };
            let code = cx.book.text(e.item);
            let name = cx.book.text(e.name);
            let list = cx.rule.usage.list.as_deref().unwrap_or_default();
            let points = cx.knowledge(list).map_or(&[][..], |k| &k.points);
            let in_force =
                |p: &&crate::pack::Point| p.from <= day && day <= p.to && p.code.fits(code, name);
            let Some(minutes) = points.iter().find(in_force).and_then(|p| p.value) else {
                continue;
            };
            let total = muldiv(minutes, e.quantity.get().unwrap_or(ONE), ONE);
            let same = |l: &Line| {
                let item = cx.book.item(l.item);
                let named = |i: &crate::book::Item| !name.is_empty() && *i.name == *name;
                let own = item.is_some_and(|i| (e.item != 0 && i.code == e.item) || named(i));
                own && l.day() == Some(day)
            };
            let slot = self.days.entry((e.staff, day)).or_default();
            slot.minutes = slot.minutes.saturating_add(total);
            slot.events = slot.events.saturating_add(1);
            slot.visits.insert(visit.at);
            slot.lines.extend(cx.charges_all(visit).filter(same).map(|l| l.at));
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for ((staff, day), shift) in std::mem::take(&mut self.days) {
            if shift.minutes > self.minutes {
                let mut hit = Hit::of_facility()
                    .fact("qty", plain(shift.minutes))
                    .fact("cap", plain(self.minutes))
                    .fact("excess", plain(shift.minutes.saturating_sub(self.minutes)))
                    .fact("count", shift.events.to_string())
                    .lines(shift.lines.iter().filter_map(|at| cx.book.line(*at)))
                    .on(day);
                hit.executors = vec![staff];
                hit.also = shift.visits.into_iter().collect();
                out.hit(cx, hit);
            }
        }
    }
}

/// A13: persons in bed at midnight against the approved beds.
struct Beds {
    share: i64,
    days: BTreeMap<i64, i64>,
}

impl Probe for Beds {
    fn visit(&mut self, _cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        let (Some(begin), Some(end)) = (visit.begin_day(), visit.end_day()) else { return };
        // A stay of years is a missing discharge.
        if visit.kind != VisitKind::Inpatient || end.saturating_sub(begin) > 366 {
            return;
        }
        for day in begin..end {
            let slot = self.days.entry(day).or_default();
            *slot = slot.saturating_add(1);
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        let Some(beds) = cx.book.facility.aprv_bed_cnt.filter(|b| *b > 0) else {
            out.silent("核定床位数缺失");
            return;
        };
        // Half a bed counts: it is the product that is compared, not a rounded number of beds.
        let allowed = beds.saturating_mul(self.share);
        for (day, present) in std::mem::take(&mut self.days) {
            if present.saturating_mul(ONE) > allowed {
                let hit = Hit::of_facility()
                    .fact("qty", present.to_string())
                    .fact("cap", beds.to_string())
                    .fact("excess", present.saturating_sub(beds).to_string())
                    .on(day);
                out.hit(cx, hit);
            }
        }
    }
}

/// I05: persons whom one doctor billed on one day as outpatients.
struct DoctorDay {
    most: i64,
    days: BTreeMap<(u32, i64), BTreeSet<u32>>,
}

impl Probe for DoctorDay {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        if let (true, Some(day), true) =
            (cx.in_scope(visit.kind), visit.begin_day(), visit.doctor != 0)
        {
            self.days.entry((visit.doctor, day)).or_default().insert(visit.person);
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for ((doctor, day), persons) in std::mem::take(&mut self.days) {
            let count = i64::try_from(persons.len()).unwrap_or(i64::MAX);
            if count > self.most {
                let mut hit = Hit::of_facility()
                    .fact("count", count.to_string())
                    .fact("cap", self.most.to_string())
                    .on(day);
                hit.executors = vec![doctor];
                out.hit(cx, hit);
            }
        }
    }
}

/// B26 (capacity): standard minutes of what was billed on a day against all machines that can do it.
struct DeviceMinutes {
    points: Points,
    mask: Mask,
    minutes: i64,
    days: BTreeMap<(u32, i64), Vec<Line>>,
}

impl Probe for DeviceMinutes {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, _out: &mut Out<'_>) {
        for line in cx.charges(visit, &self.mask) {
            if let (Some(day), Some(item)) = (line.day(), cx.book.item(line.item)) {
                self.days.entry((item.code, day)).or_default().push(line);
            }
        }
    }

    fn finish(&mut self, cx: Cx<'_>, out: &mut Out<'_>) {
        for ((_, day), lines) in std::mem::take(&mut self.days) {
            let Some(first) = lines.first().copied() else { continue };
            let Some(item) = cx.book.item(first.item) else { continue };
            let able =
                |e: &&crate::book::Equipment| e.items.iter().any(|c| **c == *item.med_list_codg);
            let devices = cx.book.equipment.iter().filter(able).count();
            let Some(each) = self.points.at(cx, first.item, day).find_map(|p| p.value) else {
                continue;
            };
            if devices == 0 {
                out.silent("没有对应设备");
                continue;
            }
            let billed = super::sum(lines.iter().map(|l| l.quantity));
            let needed = muldiv(billed, each, ONE);
            let have = self.minutes.saturating_mul(i64::try_from(devices).unwrap_or(1));
            if needed > have {
                let most = muldiv(have, ONE, each);
                let excess = billed.saturating_sub(most);
                let mut hit = Hit::of_facility()
                    .item(cx, first.item)
                    .fact("qty", plain(billed))
                    .fact("cap", plain(most))
                    .fact("excess", plain(excess))
                    .on(day);
                hit.apportion(lines.iter().copied(), excess, billed);
                out.hit(cx, hit);
            }
        }
    }
}
