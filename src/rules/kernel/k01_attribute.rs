//! K1, form `line`: an item is limited to persons, visits or facilities with an attribute.

use super::{Compiled, Cx, Hit, Mask, Out, Points, Probe, any_dx, plain};
use crate::book::{Line, Sex, Visit, flag};
use crate::pack::Point;

/// The attribute that a rule compares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Sex,
    AgeMax,
    AgeMin,
    Level,
    MedType,
    Insurance,
    Department,
    DiseaseList,
    DiagnosisNeeded,
    DiagnosisBanned,
    Listed,
    Unit,
    Ward,
    SelfPaid,
    Registered,
    FacilityType,
    Machine,
}

/// Words of `use.attribute`.
const ATTRIBUTES: &[(&str, Attribute)] = &[
    ("sex", Attribute::Sex),
    ("age_max", Attribute::AgeMax),
    ("age_min", Attribute::AgeMin),
    ("level", Attribute::Level),
    ("med_type", Attribute::MedType),
    ("insutype", Attribute::Insurance),
    ("dept", Attribute::Department),
    ("disease", Attribute::DiseaseList),
    ("dx", Attribute::DiagnosisNeeded),
    ("no_dx", Attribute::DiagnosisBanned),
    ("listed", Attribute::Listed),
    ("unit", Attribute::Unit),
    ("ward", Attribute::Ward),
    ("self_paid", Attribute::SelfPaid),
    ("registered", Attribute::Registered),
    ("fixmedins_type", Attribute::FacilityType),
    ("machine", Attribute::Machine),
];

/// True if a word is an attribute of lines.
pub(crate) fn knows(word: &str) -> bool {
    ATTRIBUTES.iter().any(|(w, _)| *w == word)
}

struct LineProbe {
    attribute: Attribute,
    items: Mask,
    points: Option<Points>,
}

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let word = cx.rule.usage.attribute.as_deref().unwrap_or_default();
    let attribute = ATTRIBUTES.iter().find(|(w, _)| *w == word).map(|(_, a)| *a);
    let attribute = attribute.ok_or_else(|| format!("没有属性 {word}"))?;
    match attribute {
        Attribute::Unit => cx.needs_table("fac_unit")?,
        Attribute::Registered => cx.needs_table("opsp_reg")?,
        Attribute::Machine => cx.needs_table("equip")?,
        _ => {}
    }
    let list = cx.rule.usage.list.clone();
    let mut items = cx.mask(cx.rule.usage.items.as_ref())?;
    if let Some(name) = &list {
        let points = cx.points(name, false)?;
        for (n, on) in items.0.iter_mut().enumerate() {
            let item = u32::try_from(n).unwrap_or(u32::MAX);
            *on = *on && points.names(item);
        }
        return Ok(Box::new(LineProbe { attribute, items, points: Some(points) }));
    }
    Ok(Box::new(LineProbe { attribute, items, points: None }))
}

impl Probe for LineProbe {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let mut found: Vec<(Line, String)> = Vec::new();
        for line in cx.charges(visit, &self.items) {
            let Some(day) = line.day() else {
                out.silent("费用发生时间缺失");
                continue;
            };
            match self.judge(cx, visit, line, day) {
                Ok(None) => {}
                Ok(Some(value)) => found.push((line, value)),
                Err(why) => out.silent(why),
            }
        }
        found.sort_by_key(|(l, _)| (l.item, l.time, l.at));
        for group in found.chunk_by(|a, b| a.0.item == b.0.item) {
            let Some((first, value)) = group.first() else { continue };
            let hit = Hit::of_visit(cx, visit)
                .item(cx, first.item)
                .fact("value", value.clone())
                .fact("count", group.len().to_string())
                .fact("qty", plain(super::sum(group.iter().map(|(l, _)| l.quantity))))
                .lines(group.iter().map(|(l, _)| *l));
            let hit = match first.day() {
                Some(day) => hit.on(day),
                None => hit,
            };
            out.hit(cx, hit);
        }
    }
}

impl LineProbe {
    /// `Ok(Some(value))`: outside the limit, with what was found; `Err`: cannot be judged, and why.
    fn judge(
        &self,
        cx: Cx<'_>,
        visit: &Visit,
        line: Line,
        day: i64,
    ) -> Result<Option<String>, &'static str> {
        let listed: Vec<&Point> = match &self.points {
            Some(points) => points.at(cx, line.item, day).collect(),
            None => Vec::new(),
        };
        if self.points.is_some() && listed.is_empty() {
            return Ok(None);
        }
        let allowed = |value: &str| {
            let mut any = listed.iter().flat_map(|p| p.words());
            any.any(|w| w == value)
        };
        let limited = |field: &str, value: &str, missing: &'static str| {
            if value.is_empty() {
                Err(missing)
            } else {
                Ok((!allowed(value)).then(|| told(field, value)))
            }
        };
        let person = cx.book.person(visit.person);
        match self.attribute {
            Attribute::Sex => match person.map_or(Sex::Unknown, |p| p.sex) {
                Sex::Unknown => Err("性别缺失"),
                Sex::Male => Ok((!allowed("1")).then(|| "男".to_owned())),
                Sex::Female => Ok((!allowed("2")).then(|| "女".to_owned())),
            },
            Attribute::AgeMax | Attribute::AgeMin => {
                let birth = person.and_then(|p| p.birth).ok_or("出生日期缺失")?;
                self.age(&listed, birth, day)
            }
            Attribute::Level => limited("hosp_lv", &cx.book.facility.hosp_lv, "机构等级缺失"),
            Attribute::FacilityType => {
                limited("fixmedins_type", &cx.book.facility.fixmedins_type, "机构类型缺失")
            }
            Attribute::MedType => limited("med_type", cx.book.text(visit.med_type), "医疗类别缺失"),
            Attribute::Insurance => limited("insutype", cx.book.text(visit.insutype), "险种缺失"),
            Attribute::Department => {
                let name = cx.book.text(visit.dept_name);
                if name.is_empty() {
                    return Err("科室名称缺失");
                }
                let fits = listed.iter().flat_map(|p| p.words()).any(|w| name.contains(w));
                Ok((!fits).then(|| name.to_owned()))
            }
            Attribute::DiseaseList => {
                let disease = cx.book.disease(line.at);
                limited("dise_codg", cx.book.text(disease), "门慢特病种缺失")
            }
            Attribute::DiagnosisNeeded | Attribute::DiagnosisBanned => {
                let all = cx.diagnoses(visit);
                if all.is_empty() {
                    return Err("诊断缺失");
                }
                let fits = any_dx(&all, listed.iter().flat_map(|p| p.words()));
                let wrong = fits == (self.attribute == Attribute::DiagnosisBanned);
                Ok(wrong.then(|| all.join("、")))
            }
            Attribute::Listed => Ok(Some("在目录内".to_owned())),
            Attribute::Unit => {
                let fits = cx.book.units.iter().any(|u| {
                    let (kind, name) = (cx.book.text(u.kind), cx.book.text(u.name));
                    let open = u.begin.is_none_or(|i| i.at.day() <= day)
                        && u.end.is_none_or(|i| i.at.day() >= day);
                    let mut words = cx.rule.usage.words.iter();
                    open && words.any(|w| kind == w || name.contains(w.as_str()))
                });
                Ok((!fits).then(|| cx.rule.usage.words.join("、")))
            }
            Attribute::Ward => self.ward(cx, visit, line),
            Attribute::Machine => machine(cx, &listed, line),
            Attribute::SelfPaid => {
                Ok(line.has(flag::COVERED).then(|| "符合政策范围金额大于零".to_owned()))
            }
            Attribute::Registered => {
                let disease = cx.book.disease(line.at);
                if disease == 0 {
                    return Err("门慢特病种缺失");
                }
                let fits = cx.book.registrations.of(visit.person).iter().any(|r| {
                    r.disease == disease
                        && r.begin.is_none_or(|i| i.at.day() <= day)
                        && r.end.is_none_or(|i| i.at.day() >= day)
                });
                Ok((!fits).then(|| told("dise_codg", cx.book.text(disease))))
            }
        }
    }

    /// The point's value in years (岁), months (月) or days (天). A birthday counts: who is 14 today is not under 14.
    fn age(&self, listed: &[&Point], birth: i64, day: i64) -> Result<Option<String>, &'static str> {
        let days = day.saturating_sub(birth);
        if days < 0 {
            return Err("出生日期晚于费用日期");
        }
        let years = years_between(birth, day);
        let mut wrong = !listed.is_empty();
        let mut known = false;
        for point in listed {
            let Some(limit) = point.value else { continue };
            known = true;
            let limit = limit.div_euclid(crate::book::ONE);
            let age = in_unit(&point.unit, birth, day);
            let fits = match self.attribute {
                Attribute::AgeMax => age <= limit,
                _ => age >= limit,
            };
            wrong = wrong && !fits;
        }
        if !known {
            return Err("知识点没有年龄");
        }
        let words = if years == 0 { format!("{days}天") } else { format!("{years}岁") };
        Ok(wrong.then_some(words))
    }

    /// The stay never was in a unit of the wanted kind: neither department, ward nor billing department.
    fn ward(&self, cx: Cx<'_>, visit: &Visit, line: Line) -> Result<Option<String>, &'static str> {
        let names = [visit.dept_name, visit.ward, cx.book.department(line.at)];
        let known: Vec<&str> =
            names.iter().map(|c| cx.book.text(*c)).filter(|t| !t.is_empty()).collect();
        if known.is_empty() {
            return Err("科室和病区缺失");
        }
        if visit.adm_dept != visit.dscg_dept {
            return Err("转过科，在科记录不全");
        }
        let words = &cx.rule.usage.words;
        let fits = known.iter().any(|n| words.iter().any(|w| n.contains(w.as_str())));
        Ok((!fits).then(|| known.join("/")))
    }
}

/// B16: the machines that can do the item are all of a kind below what the item is paid for.
fn machine(cx: Cx<'_>, listed: &[&Point], line: Line) -> Result<Option<String>, &'static str> {
    if line.has(flag::ELSEWHERE) {
        return Ok(None);
    }
    let code = cx.book.item(line.item).map_or("", |i| &*i.med_list_codg);
    let able = cx.book.equipment.iter().filter(|e| e.items.iter().any(|c| **c == *code));
    let names: Vec<String> = able.map(|e| format!("{}{}", cx.book.text(e.name), e.model)).collect();
    if names.is_empty() {
        return Err("没有登记能做该项目的设备");
    }
    let fits = |name: &String| listed.iter().flat_map(|p| p.words()).any(|w| name.contains(w));
    Ok((!names.iter().any(fits)).then(|| names.join("、")))
}

/// A code as people read it: the word of its table, and the code itself to look it up by. What no table knows is
/// said to be a code.
fn told(field: &str, code: &str) -> String {
    match spotcheck_domain::codes::name(field, code) {
        Some(name) => format!("{name}({code})"),
        None => format!("代码{code}"),
    }
}

/// An age in the unit of a point; the pack was checked, so it is one of these.
pub(super) fn in_unit(unit: &str, birth: i64, day: i64) -> i64 {
    match unit.strip_suffix("以下").or_else(|| unit.strip_suffix("以上")).unwrap_or(unit) {
        "天" | "日" => day.saturating_sub(birth),
        "月" | "个月" => months_between(birth, day),
        _ => years_between(birth, day),
    }
}

/// Whole months between two days.
fn months_between(from: i64, to: i64) -> i64 {
    use chrono::Datelike as _;
    use spotcheck_domain::BeijingTime;
    let date = |day: i64| {
        let seconds = day.saturating_mul(crate::book::DAY_S);
        BeijingTime::from_seconds(seconds).naive().map(|n| n.date())
    };
    let (Some(a), Some(b)) = (date(from), date(to)) else { return 0 };
    let month = |d: chrono::NaiveDate| {
        i64::from(d.year()).saturating_mul(12).saturating_add(i64::from(d.month0()))
    };
    month(b).saturating_sub(month(a)).saturating_sub(i64::from(b.day() < a.day()))
}

/// Whole years between two days.
pub(super) fn years_between(from: i64, to: i64) -> i64 {
    use chrono::Datelike as _;
    use spotcheck_domain::BeijingTime;
    let date = |day: i64| {
        let seconds = day.saturating_mul(crate::book::DAY_S);
        BeijingTime::from_seconds(seconds).naive().map(|n| n.date())
    };
    let (Some(a), Some(b)) = (date(from), date(to)) else { return 0 };
    let years = i64::from(b.year()).saturating_sub(i64::from(a.year()));
    let before = (b.month(), b.day()) < (a.month(), a.day());
    years.saturating_sub(i64::from(before))
}
