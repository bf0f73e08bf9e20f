//! K7: something happened outside the interval in which it could: after death, outside the stay, before the
//! machine was in use, while the member of staff was away, outside opening hours.

use std::collections::BTreeMap;

use spotcheck_domain::Precision;
use spotcheck_domain::claims::Instant;

use super::{Compiled, Cx, Hit, Mask, Out, Probe, date_of, traits};
use crate::book::{Line, NO_TIME, Visit, flag};
use crate::pack::Exclusion;

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    let form = match cx.rule.usage.form.as_str() {
        "death" => Form::Death,
        "stay" => Form::Stay,
        "report" => {
            if !cx.book.has("lab") && !cx.book.has("exam") && !cx.book.has("exec") {
                return Err("检验检查记录未装载".to_owned());
            }
            Form::Report { grace_s: cx.whole("hours")?.saturating_mul(3_600) }
        }
        "operation" => {
            cx.needs_table("oprn")?;
            Form::Operation
        }
        "equipment" => {
            cx.needs_table("equip")?;
            Form::Equipment { devices: devices(cx) }
        }
        "staff" => {
            cx.needs_table("staff")?;
            Form::Staff
        }
        "hours" => Form::Hours { open: hours(cx)? },
        "agreement" => {
            cx.needs_table("fac_unit")?;
            Form::Agreement
        }
        form => return Err(format!("K7 没有形式 {form}")),
    };
    let exams = match &cx.rule.usage.other {
        Some(other) => cx.mask(Some(other))?,
        None => Mask::default(),
    };
    Ok(Box::new(After { items, exams, form }))
}

enum Form {
    /// A07.
    Death,
    /// A19.
    Stay,
    /// A20.
    Report { grace_s: i64 },
    /// F15.
    Operation,
    /// B27: item → devices.
    Equipment { devices: BTreeMap<u32, Vec<usize>> },
    /// I02.
    Staff,
    /// H09: seconds of the day.
    Hours { open: (i64, i64) },
    /// H10.
    Agreement,
}

struct After {
    items: Mask,
    /// What may be done for a stay before it begins (A19).
    exams: Mask,
    form: Form,
}

/// Which devices can do an item: their `item_codes` name it.
fn devices(cx: Cx<'_>) -> BTreeMap<u32, Vec<usize>> {
    let mut by_item: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, item) in cx.book.items.iter().enumerate() {
        let able = |(_, e): &(usize, &crate::book::Equipment)| {
            e.items.iter().any(|c| **c == *item.med_list_codg)
        };
        let own: Vec<usize> =
            cx.book.equipment.iter().enumerate().filter(able).map(|d| d.0).collect();
        if !own.is_empty() {
            by_item.insert(u32::try_from(at).unwrap_or(u32::MAX), own);
        }
    }
    by_item
}

/// Digits and colons as a keyboard in Chinese mode writes them; whatever stands for "to" is a hyphen.
fn half_width(c: char) -> char {
    match c {
        '～' | '~' | '—' | '–' | '－' | '−' | '〜' | '至' | '到' => '-',
        '：' => ':',
        '０'..='９' => {
            let digit = u32::from(c).saturating_sub(u32::from('０'));
            char::from_digit(digit, 10).unwrap_or(c)
        }
        _ => c,
    }
}

/// Opening hours of `fac_unit` (`unit_type` hours, value `08:00-21:30`).
fn hours(cx: Cx<'_>) -> Result<(i64, i64), String> {
    let clock = |text: &str| -> Option<i64> {
        let (h, m) = text.trim().split_once(':')?;
        let (h, m): (i64, i64) = (h.parse().ok()?, m.parse().ok()?);
        Some(h.saturating_mul(3_600).saturating_add(m.saturating_mul(60)))
    };
    let unit = cx.book.units.iter().find(|u| cx.book.text(u.kind) == "hours");
    let span = unit.and_then(|u| {
        let value: String = u.value.chars().map(half_width).collect();
        let (from, to) = value.split_once('-')?;
        Some((clock(from)?, clock(to)?))
    });
    span.ok_or_else(|| "营业时间未装载".to_owned())
}

/// True if `late` is certainly after `end`: a time known to the day only counts as the whole day.
pub(super) fn is_after(late: i64, late_day_only: bool, end: Instant) -> bool {
    if late_day_only || end.p == Precision::Day {
        late.div_euclid(crate::book::DAY_S) > end.at.day()
    } else {
        late > end.at.seconds()
    }
}

impl Probe for After {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        match &self.form {
            Form::Death => self.death(cx, visit, out),
            Form::Stay => self.stay(cx, visit, out),
            Form::Report { grace_s } => report(cx, visit, *grace_s, out),
            Form::Operation => operation(cx, visit, out),
            Form::Equipment { devices } => self.equipment(cx, visit, devices, out),
            Form::Staff => self.staff(cx, visit, out),
            Form::Hours { open } => outside_hours(cx, visit, *open, out),
            Form::Agreement => agreement(cx, visit, out),
        }
    }
}

fn group(cx: Cx<'_>, visit: &Visit, lines: Vec<Line>, value: String, out: &mut Out<'_>) {
    let Some(first) = lines.first().copied() else { return };
    let hit = Hit::of_visit(cx, visit)
        .item(cx, first.item)
        .fact("count", lines.len().to_string())
        .fact("value", value)
        .lines(lines);
    let hit = match first.day() {
        Some(day) => hit.on(day),
        None => hit,
    };
    out.hit(cx, hit);
}

impl After {
    /// A day's grace: the last day of a stay that ended by death is billed afterwards.
    fn death(&self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let Some(death) = cx.book.person(visit.person).and_then(|p| p.death) else { return };
        let grace = cx.rule.whole("grace_days").unwrap_or(1);
        let last = death.at.day().saturating_add(grace);
        let late = |l: &Line| l.day().is_some_and(|d| d > last);
        let lines: Vec<Line> = cx.charges(visit, &self.items).filter(late).collect();
        group(cx, visit, lines, date_of(Some(death)), out);
    }

    /// Day against day: bills are written at midnight in many houses.
    fn stay(&self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let Some((begin, end)) = visit.begin_day().zip(visit.end_day()) else {
            out.silent("在院或入出院日期缺失");
            return;
        };
        let before = cx.rule.whole("before_days").unwrap_or(0);
        let after = cx.rule.whole("after_days").unwrap_or(0);
        // 预住院: tests of the clinic days before are settled with the stay.
        let tested = begin.saturating_sub(cx.rule.whole("pre_days").unwrap_or(0));
        let mut lines = Vec::new();
        for line in cx.charges(visit, &self.items) {
            let Some(day) = line.day() else {
                out.silent("费用发生时间缺失");
                continue;
            };
            let early = day < begin.saturating_sub(before);
            if early && day >= tested && self.exams.has(line.item) {
                out.silent("入院前的检查检验，可能是预住院");
            } else if early || day > end.saturating_add(after) {
                lines.push(line);
            }
        }
        group(cx, visit, lines, date_of(visit.end), out);
    }

    /// All devices that could do it were not in use yet, or stopped, on that day.
    fn equipment(
        &self,
        cx: Cx<'_>,
        visit: &Visit,
        devices: &BTreeMap<u32, Vec<usize>>,
        out: &mut Out<'_>,
    ) {
        let mut lines = Vec::new();
        for line in cx.charges(visit, &self.items) {
            let (Some(own), Some(day)) = (devices.get(&line.item), line.day()) else { continue };
            if line.has(flag::ELSEWHERE) {
                continue;
            }
            let usable = own.iter().filter_map(|n| cx.book.equipment.get(*n)).any(|e| {
                let started = e.in_use.is_none_or(|i| i.at.day() <= day);
                let stopped = e.stop_from.is_some_and(|i| i.at.day() < day)
                    && e.stop_to.is_none_or(|i| i.at.day() > day);
                started && !stopped
            });
            if !usable {
                lines.push(line);
            }
        }
        group(cx, visit, lines, String::new(), out);
    }

    /// The doctor's every engagement had ended before, or began after, that day.
    fn staff(&self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let mut found: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in cx.charges(visit, &self.items) {
            let doctor = match cx.book.orderer(line.at) {
                0 => cx.book.doctor(line.at),
                orderer => orderer,
            };
            let (Some(rows), Some(day)) = (cx.book.staff.get(&doctor), line.day()) else {
                continue;
            };
            let away = rows.iter().all(|s| {
                s.end.is_some_and(|i| i.at.day() < day) || s.begin.is_some_and(|i| i.at.day() > day)
            });
            if away {
                found.entry(doctor).or_default().push(line);
            }
        }
        for lines in found.into_values() {
            group(cx, visit, lines, String::new(), out);
        }
    }
}

/// A20: a specimen taken or an examination done after discharge. The report may come later (pathology), so
/// only the doing counts, and only where it is known to more than the day.
fn report(cx: Cx<'_>, visit: &Visit, grace_s: i64, out: &mut Out<'_>) {
    let Some(end) = visit.end else { return };
    for r in cx.book.reports.of(visit.at) {
        let Some(done) = r.done.get() else {
            out.silent("采样或检查时间缺失");
            continue;
        };
        let late = done.at.seconds().saturating_sub(grace_s);
        if is_after(late, done.p == Precision::Day, end) {
            let mut hit = Hit::of_visit(cx, visit)
                .fact("item", cx.book.text(r.name))
                .fact("value", date_of(visit.end));
            let code = r.item;
            let same = |l: &Line| cx.book.item(l.item).is_some_and(|i| i.code == code && code != 0);
            // What another house examines is done when that house does it. A report without a code cannot be
            // compared with the lines.
            if code != 0 && cx.rule.exclude.contains(&Exclusion::External) {
                if cx.book.charges(visit).any(|l| same(&l) && l.has(flag::ELSEWHERE)) {
                    out.silent(traits::words(Exclusion::External));
                    continue;
                }
                hit = hit.tried(Exclusion::External);
            }
            let lines: Vec<Line> = cx.book.charges(visit).filter(same).take(1).collect();
            out.hit(cx, hit.lines(lines).on(done.at.day()));
        }
    }
}

/// F15: an operation of the settlement list outside the stay.
fn operation(cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
    let Some((begin, end)) = visit.begin_day().zip(visit.end_day()) else { return };
    for o in cx.book.operations.of(visit.at) {
        let Some(at) = o.at else { continue };
        let day = at.at.day();
        if day < begin || day > end {
            let hit = Hit::of_visit(cx, visit)
                .fact("item", cx.book.text(o.name))
                .fact("value", date_of(visit.end))
                .on(day);
            out.hit(cx, hit);
        }
    }
}

/// H09: settled outside opening hours, known to the minute.
fn outside_hours(cx: Cx<'_>, visit: &Visit, (from, to): (i64, i64), out: &mut Out<'_>) {
    for s in cx.book.settlements_of(visit).iter().filter(|s| !s.cancelled) {
        let Some(at) = s.at else { continue };
        if at.p == Precision::Day {
            out.silent("结算时间只到日");
            continue;
        }
        let clock = at.at.seconds().rem_euclid(crate::book::DAY_S);
        // Midnight to the second is a system's default, not a clock.
        let open =
            if from <= to { (from..=to).contains(&clock) } else { clock >= from || clock <= to };
        if clock != 0 && !open {
            let hit = Hit::of_visit(cx, visit)
                .fact("value", at.display())
                .lines(cx.book.charges(visit))
                .on(at.at.day());
            out.hit(cx, hit);
        }
    }
}

/// H10: settled in a period in which the agreement was suspended (`unit_type` suspension).
fn agreement(cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
    let suspended: Vec<_> =
        cx.book.units.iter().filter(|u| cx.book.text(u.kind) == "suspension").collect();
    for s in cx.book.settlements_of(visit).iter().filter(|s| !s.cancelled && s.fund > Some(0)) {
        let Some(day) = s.at.map(|i| i.at.day()) else { continue };
        let inside = suspended.iter().any(|u| {
            u.begin.is_some_and(|i| i.at.day() < day) && u.end.is_none_or(|i| i.at.day() > day)
        });
        // A stay that began before the suspension may be settled in it.
        if inside && visit.begin_day() == Some(day) {
            let lines = cx.book.charges(visit).filter(|l| l.time != NO_TIME);
            let hit = Hit::of_visit(cx, visit).lines(lines).on(day);
            out.hit(cx, hit);
        }
    }
}
