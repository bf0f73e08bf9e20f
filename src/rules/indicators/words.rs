//! Texts of dictionary codes, and codes for the few words that no column carries.

use std::collections::HashMap;

use spotcheck_domain::TroubleResult;
use spotcheck_domain::columns::ColumnSource;

use crate::book::VisitKind;

/// Codes of words of our own: beyond every dictionary.
const OWN: u32 = 0x8000_0000;

/// Words that filters name and no column carries.
const OWN_WORDS: &[&str] = &[
    "inpatient",
    "day_surgery",
    "outpatient",
    "emergency",
    "chronic",
    "pharmacy",
    "other",
    "no",
    "yes",
];

/// Code of the kind of a visit.
pub(crate) const fn kind_code(kind: VisitKind) -> u32 {
    let at = match kind {
        VisitKind::Inpatient => 0,
        VisitKind::DaySurgery => 1,
        VisitKind::Outpatient => 2,
        VisitKind::Emergency => 3,
        VisitKind::Chronic => 4,
        VisitKind::Pharmacy => 5,
        VisitKind::Unknown => 6,
    };
    OWN | at
}

/// Code of `no` or `yes`.
pub(crate) const fn yes_code(yes: bool) -> u32 {
    OWN | if yes { 8 } else { 7 }
}

/// Asks a source for texts, each once.
pub(crate) struct Words<'a> {
    source: &'a dyn ColumnSource,
    memo: HashMap<u32, Box<str>>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(source: &'a dyn ColumnSource) -> Self {
        Self { source, memo: HashMap::new() }
    }

    /// The text of a code; empty for 0.
    pub(crate) fn word(&mut self, code: u32) -> TroubleResult<&str> {
        let source = self.source;
        if let std::collections::hash_map::Entry::Vacant(vacant) = self.memo.entry(code) {
            let text = if code == 0 {
                String::new()
            } else if code & OWN != 0 {
                let at = usize::try_from(code & !OWN).unwrap_or(usize::MAX);
                OWN_WORDS.get(at).copied().unwrap_or_default().to_owned()
            } else {
                source.texts(&[code])?.into_iter().next().unwrap_or_default()
            };
            vacant.insert(text.into());
        }
        Ok(self.memo.get(&code).map_or("", |text| text))
    }
}

/// Names of `med_type` (research: dictionary.md §2).
const MED_TYPES: &[(&str, &str)] = &[
    ("11", "普通门诊"),
    ("12", "门诊挂号"),
    ("13", "急诊"),
    ("14", "门诊慢特病"),
    ("15", "特药"),
    ("16", "中医特色门诊"),
    ("19", "意外伤害门诊"),
    ("21", "普通住院"),
    ("22", "外伤住院"),
    ("23", "转外诊治住院"),
    ("24", "急诊转住院"),
    ("25", "异地住院"),
    ("26", "单病种住院"),
    ("27", "自主就医"),
    ("28", "日间手术"),
    ("41", "定点药店购药"),
    ("51", "生育门诊"),
    ("52", "生育住院"),
    ("53", "计划生育手术费"),
];

/// Names of `insutype`.
const INSUTYPES: &[(&str, &str)] = &[
    ("310", "职工基本医疗保险"),
    ("320", "公务员医疗补助"),
    ("330", "大额医疗费用补助"),
    ("340", "离休人员医疗保障"),
    ("390", "城乡居民基本医疗保险"),
    ("510", "生育保险"),
];

/// The name of a code that has one without any table of the package.
pub(crate) fn known_name(dimension: super::Dimension, code: &str) -> Option<&'static str> {
    let table = match dimension {
        super::Dimension::VisitType => MED_TYPES,
        super::Dimension::Insurance => INSUTYPES,
        _ => return None,
    };
    table.iter().find(|t| t.0 == code).map(|t| t.1)
}
