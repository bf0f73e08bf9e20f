//! K1, other forms: the limit is on a diagnosis, an operation, a stay, a settlement or a member of staff.

use super::k01_attribute::{in_unit, years_between};
use super::{Compiled, Cx, Hit, Mask, Out, Probe, date, yuan};
use crate::book::{Person, Sex, Visit, VisitKind};
use crate::pack::{Matcher, Point};

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let list = || -> Result<(), String> {
        let name = cx.rule.usage.list.as_deref().unwrap_or_default();
        let known = cx.knowledge(name).is_some_and(|k| !k.points.is_empty());
        if known { Ok(()) } else { Err(format!("知识点 {name} 未装载")) }
    };
    match cx.rule.usage.form.as_str() {
        "diagnosis" => {
            list()?;
            Ok(Box::new(Coded { operations: false }))
        }
        "operation" => {
            cx.needs_table("oprn")?;
            list()?;
            Ok(Box::new(Coded { operations: true }))
        }
        "zero_day" => Ok(Box::new(ZeroDay { least: cx.need("amount")? })),
        "insured" => {
            cx.needs_table("insu")?;
            Ok(Box::new(Insured))
        }
        "staff" => {
            cx.needs_table("staff")?;
            Ok(Box::new(StaffProbe { items: cx.mask(cx.rule.usage.items.as_ref())? }))
        }
        form => Err(format!("K1 没有形式 {form}")),
    }
}

/// F05, F08, F09: sex or age of the person against the codes of diagnoses or operations.
struct Coded {
    operations: bool,
}

impl Probe for Coded {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let Some(person) = cx.book.person(visit.person) else { return };
        let Some(day) = visit.begin_day() else { return };
        let name = cx.rule.usage.list.as_deref().unwrap_or_default();
        let Some(list) = cx.knowledge(name) else { return };
        let codes: Vec<&str> = if self.operations {
            cx.book.operations.of(visit.at).iter().map(|o| cx.book.text(o.code)).collect()
        } else {
            cx.diagnoses(visit)
        };
        for code in codes {
            let in_force = |p: &&Point| p.from <= day && day <= p.to && p.code.fits(code, "");
            // The longest prefix is the point that means the code; the others are more general.
            let point = list.points.iter().filter(in_force).max_by_key(|p| length(&p.code));
            let Some(point) = point else { continue };
            match against(cx, point, person, day) {
                Ok(None) => {}
                Ok(Some(value)) => {
                    let hit = Hit::of_visit(cx, visit).fact("dx", code).fact("value", value);
                    out.hit(cx, hit.on(day));
                    return;
                }
                Err(why) => {
                    out.silent(why);
                    return;
                }
            }
        }
    }
}

fn length(matcher: &Matcher) -> usize {
    match matcher {
        Matcher::Code(c) | Matcher::Prefix(c) => c.len(),
        Matcher::Words(_) => 0,
    }
}

/// The point allows a sex (`text`) or an age (`value`, unit 岁以上, 岁以下, 月以下, 天以下).
fn against(
    cx: Cx<'_>,
    point: &Point,
    person: &Person,
    day: i64,
) -> Result<Option<String>, &'static str> {
    if cx.rule.usage.attribute.as_deref() == Some("sex") {
        let (own, word) = match person.sex {
            Sex::Unknown => return Err("性别缺失"),
            Sex::Male => ("1", "男"),
            Sex::Female => ("2", "女"),
        };
        return Ok((!point.words().any(|w| w == own)).then(|| word.to_owned()));
    }
    let birth = person.birth.ok_or("出生日期缺失")?;
    let limit = point.value.ok_or("知识点没有年龄")?.div_euclid(crate::book::ONE);
    let days = day.saturating_sub(birth);
    if days < 0 {
        return Err("出生日期晚于就诊日期");
    }
    let years = years_between(birth, day);
    let age = in_unit(&point.unit, birth, day);
    let fits = if point.unit.ends_with("以下") { age <= limit } else { age >= limit };
    Ok((!fits).then(|| format!("{years}岁")))
}

/// A08: a stay that ends on its first day, above an amount, that was no death, transfer or day surgery.
struct ZeroDay {
    least: i64,
}

impl Probe for ZeroDay {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if visit.kind != VisitKind::Inpatient || visit.begin_day() != visit.end_day() {
            return;
        }
        let Some(day) = visit.begin_day() else { return };
        let lines: Vec<_> = cx.book.charges(visit).collect();
        let amount = super::sum(lines.iter().map(|l| l.amount));
        if amount > self.least {
            let hit = Hit::of_visit(cx, visit).fact("amount", yuan(amount)).lines(lines).on(day);
            out.hit(cx, hit);
        }
    }
}

/// Settlements on days on which the person was in no insurance period of that kind.
struct Insured;

impl Probe for Insured {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        let periods = cx.book.insured.of(visit.person);
        if !cx.in_scope(visit.kind) {
            return;
        }
        if periods.is_empty() || periods.iter().any(|p| p.begin.is_none()) {
            out.silent("参保时段缺失");
            return;
        }
        let Some(day) = visit.begin_day() else { return };
        // Who is insured on one day of a stay is so for the stay; fees paid late count back, as far as the region says.
        let last = visit.end_day().unwrap_or(day).max(day);
        let early = cx.rule.whole("before_days").unwrap_or(0);
        let late = cx.rule.whole("after_days").unwrap_or(0);
        let inside = periods.iter().any(|p| {
            p.begin.is_some_and(|i| i.at.day().saturating_sub(early) <= last)
                && p.end.is_none_or(|i| i.at.day().saturating_add(late) >= day)
        });
        let paid = cx.book.settlements_of(visit).iter().any(|s| !s.cancelled && s.fund > Some(0));
        if !inside && paid {
            let hit = Hit::of_visit(cx, visit).lines(cx.book.charges(visit)).on(day);
            out.hit(cx, hit);
        }
    }
}

/// I01, I07: who billed or ordered is of the wrong kind (`type`) or must not settle (`hi_dr_flag`).
struct StaffProbe {
    items: Mask,
}

impl Probe for StaffProbe {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut found = std::collections::BTreeMap::<u32, (Vec<_>, String)>::new();
        for line in cx.charges(visit, &self.items) {
            let doctor = match cx.book.orderer(line.at) {
                0 => cx.book.doctor(line.at),
                orderer => orderer,
            };
            let (Some(rows), Some(day)) = (cx.book.staff.get(&doctor), line.day()) else {
                out.silent(if doctor == 0 {
                    "开单人员缺失"
                } else {
                    "人员不在医执人员表"
                });
                continue;
            };
            let now: Vec<_> = rows
                .iter()
                .filter(|s| {
                    s.begin.is_none_or(|i| i.at.day() <= day)
                        && s.end.is_none_or(|i| i.at.day() >= day)
                })
                .collect();
            let wrong = if cx.rule.usage.attribute.as_deref() == Some("insured") {
                !now.is_empty() && now.iter().all(|s| s.insured == Some(false))
            } else {
                let kind = |s: &&&crate::book::Staff| !cx.book.text(s.kind).is_empty();
                let known: Vec<_> = now.iter().filter(kind).collect();
                let allowed = |s: &&&&crate::book::Staff| {
                    cx.rule.usage.words.iter().any(|w| w == cx.book.text(s.kind))
                };
                !known.is_empty() && !known.iter().any(|s| allowed(&s))
            };
            if wrong {
                let entry = found.entry(doctor).or_default();
                entry.0.push(line);
                entry.1 = date(day);
            }
        }
        for (_, (lines, last)) in found {
            let Some(first) = lines.first().copied() else { continue };
            let hit = Hit::of_visit(cx, visit)
                .item(cx, first.item)
                .fact("count", lines.len().to_string())
                .fact("value", last)
                .lines(lines);
            out.hit(cx, hit);
        }
    }
}
