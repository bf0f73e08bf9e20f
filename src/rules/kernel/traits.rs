//! Natural causes at a visit: what makes an honest visit look odd (domain.md §4.7, rules.md).
//!
//! They are looked for only where a rule would fire, and every silence they cause is counted.

use std::collections::HashMap;

use crate::book::{Book, Sex, Visit, VisitKind};
use crate::pack::Exclusion;

/// The bit of a cause.
pub(crate) fn bit(cause: Exclusion) -> u32 {
    1_u32.checked_shl(cause as u32).unwrap_or(0)
}

/// The causes that [`Traits::of`] looks for at a visit; those of lines ([`Exclusion::External`],
/// [`Exclusion::TakeHome`], [`Exclusion::Split`]) are not among them.
pub(crate) const AT_VISITS: u32 = !(1_u32 << Exclusion::External as u32
    | 1 << Exclusion::TakeHome as u32
    | 1 << Exclusion::Split as u32);

/// The cause in words, for counts and for "why it may be wrong".
pub(crate) const fn words(cause: Exclusion) -> &'static str {
    match cause {
        Exclusion::Chemo => "放化疗",
        Exclusion::Dialysis => "透析",
        Exclusion::Emergency => "急诊",
        Exclusion::Transfer => "转院",
        Exclusion::WardChange => "转科",
        Exclusion::Newborn => "分娩或新生儿",
        Exclusion::Leave => "请假或包床",
        Exclusion::DaySurgery => "日间手术",
        Exclusion::Death => "死亡离院",
        Exclusion::External => "外院检查",
        Exclusion::TakeHome => "出院带药",
        Exclusion::Identity => "性别、出生日期缺失或与诊断不一致",
        Exclusion::Grouped => "按病组(种)付费",
        Exclusion::Split => "拆零",
    }
}

/// Diagnoses by what they say.
const CHEMO: [&str; 5] = ["Z51.0", "Z51.1", "Z51.2", "Z51.5", "Z51.8"];
/// Dialysis itself, and kidneys that need it: stage 5, by the older edition N18.0; an earlier stage is no dialysis.
const DIALYSIS: [&str; 6] = ["Z49", "Z99.2", "N18.0", "N18.5", "N18.6", "N18.7"];
/// A delivery, or what brings one about: labour and delivery, the scar of an earlier section (O34), the waters (O42).
const BIRTH: [&str; 24] = [
    "O34", "O42", "O60", "O61", "O62", "O63", "O64", "O65", "O66", "O67", "O68", "O69", "O70",
    "O71", "O72", "O73", "O74", "O75", "O80", "O81", "O82", "O83", "O84", "Z37",
];
/// Operations of a delivery (ICD-9-CM-3).
const DELIVERY: [&str; 3] = ["72", "73", "74"];
const FEMALE: [&str; 7] = ["O", "C53", "C54", "C56", "N80", "N83", "D25"];
const MALE: [&str; 5] = ["N40", "N41", "N47", "C61", "C62"];
/// A birth or a disease of the newborn: natural on the account of somebody who may be the mother, and of nobody else.
const OF_NEWBORN: u32 = 1 << 29;
const FEMALE_ONLY: u32 = 1 << 30;
const MALE_ONLY: u32 = 1 << 31;

/// What each diagnosis code of a book says.
#[derive(Debug, Default)]
pub(crate) struct Traits {
    by_dx: HashMap<u32, u32>,
}

impl Traits {
    /// Reads the codes once.
    pub(crate) fn new(book: &Book) -> Self {
        let mut by_dx = HashMap::new();
        let listed = book.diagnoses.all().iter().map(|d| d.code);
        for code in listed.chain(book.visits.iter().map(|v| v.main_dx)) {
            by_dx.entry(code).or_insert_with(|| of_code(book.text(code)));
        }
        Self { by_dx }
    }

    /// The causes in sight at a visit, as bits.
    pub(crate) fn of(&self, book: &Book, visit: &Visit) -> u32 {
        let dx = |code: u32| self.by_dx.get(&code).copied().unwrap_or(0);
        let listed = book.diagnoses.of(visit.at).iter().map(|d| dx(d.code));
        let mut seen = listed.fold(dx(visit.main_dx), |all, one| all | one);
        let mut operations = book.operations.of(visit.at).iter().map(|o| book.text(o.code));
        let delivered = operations.any(|o| DELIVERY.iter().any(|d| o.starts_with(d)));
        let of_newborn = seen & OF_NEWBORN != 0 || delivered;
        let mut set = |cause: Exclusion, on: bool| seen |= if on { bit(cause) } else { 0 };
        let med_type = book.text(visit.med_type);
        set(Exclusion::Emergency, visit.kind == VisitKind::Emergency || med_type.starts_with("24"));
        set(Exclusion::Transfer, matches!(visit.way, 2 | 3) || med_type.starts_with("23"));
        let changed =
            visit.adm_dept != 0 && visit.dscg_dept != 0 && visit.adm_dept != visit.dscg_dept;
        set(Exclusion::WardChange, changed);
        set(Exclusion::Death, visit.way == 5);
        set(Exclusion::DaySurgery, visit.kind == VisitKind::DaySurgery);
        set(Exclusion::Leave, !book.leaves.of(visit.at).is_empty());
        let settlements = book.settlements_of(visit);
        let by_item = !settlements.is_empty() && settlements.iter().all(|s| s.by_item);
        set(Exclusion::Grouped, visit.kind.is_stay() && !by_item);
        let person = book.person(visit.person);
        let age = person.and_then(|p| Some(visit.begin_day()?.saturating_sub(p.birth?)));
        let sex = person.map_or(Sex::Unknown, |p| p.sex);
        let mother =
            sex != Sex::Male && age.is_none_or(|days| (14 * 365..56 * 365).contains(&days));
        let infant = age.is_some_and(|days| days <= 28);
        set(Exclusion::Newborn, infant || (mother && of_newborn));
        let against = match sex {
            Sex::Unknown => true,
            Sex::Male => seen & FEMALE_ONLY != 0,
            Sex::Female => seen & MALE_ONLY != 0,
        };
        set2(&mut seen, against || person.is_none_or(|p| p.birth.is_none()));
        seen
    }
}

fn set2(seen: &mut u32, identity: bool) {
    if identity {
        *seen |= bit(Exclusion::Identity);
    }
}

fn of_code(text: &str) -> u32 {
    let any = |prefixes: &[&str]| prefixes.iter().any(|p| text.starts_with(p));
    let mut seen = 0;
    for (on, bits) in [
        (any(&CHEMO), bit(Exclusion::Chemo)),
        (any(&DIALYSIS), bit(Exclusion::Dialysis)),
        (any(&BIRTH) || text.starts_with('P') || text.starts_with("Z38"), OF_NEWBORN),
        (any(&FEMALE), FEMALE_ONLY),
        (any(&MALE), MALE_ONLY),
    ] {
        seen |= if on { bits } else { 0 };
    }
    seen
}
