//! One rule with its official attributes, parameters and the use it makes of its kernel.

use std::collections::BTreeMap;

use serde::Deserialize;
use spotcheck_domain::words;

use super::Origin;

words!(
    /// The kernels of domain.md §4.5.
    KernelId {
        /// Refund netting: a step of its own, no rule may name it.
        K0 = "K0";
        /// Attribute limit.
        K1 = "K1";
        /// Pair.
        K2 = "K2";
        /// Frequency and sum.
        K3 = "K3";
        /// Price.
        K4 = "K4";
        /// Gap.
        K5 = "K5";
        /// Overlap.
        K6 = "K6";
        /// Event outside an interval.
        K7 = "K7";
        /// No match.
        K8 = "K8";
        /// Quantity against records.
        K9 = "K9";
        /// Balance of stock.
        K10 = "K10";
        /// Capacity.
        K11 = "K11";
        /// Trace codes.
        K12 = "K12";
        /// Sliding window.
        K13 = "K13";
        /// Ratio and outlier.
        K14 = "K14";
        /// Similarity.
        K15 = "K15";
    }
);

words!(
    /// How sure a rule is (domain.md §4.5): the best grade comes first.
    Grade {
        /// 可直接核对.
        V = "V";
        /// 待核实.
        S = "S";
        /// 线索.
        L = "L";
        /// 统计.
        Z = "Z";
    }
);

impl Grade {
    /// Light with words (rules.md): never a colour alone.
    #[must_use]
    pub const fn light(self) -> &'static str {
        match self {
            Self::V => "红·可直接核对",
            Self::S => "黄·待核实",
            Self::L | Self::Z => "绿·线索跟踪",
        }
    }

    /// True if findings of the grade may stand on papers for the party.
    #[must_use]
    pub const fn is_for_party(self) -> bool {
        matches!(self, Self::V | Self::S)
    }
}

words!(
    /// How bad it would be.
    Severity {
        /// High.
        High = "H";
        /// Middle.
        Middle = "M";
        /// Low.
        Low = "L";
    }
);

words!(
    /// Where a rule looks.
    Scope {
        /// 住院.
        Inpatient = "inpatient";
        /// 日间手术.
        DaySurgery = "day_surgery";
        /// 普通门诊等.
        Outpatient = "outpatient";
        /// 急诊.
        Emergency = "emergency";
        /// 门诊慢特病、特药.
        Chronic = "chronic";
        /// 药店.
        Pharmacy = "pharmacy";
    }
);

words!(
    /// Natural causes that a rule leaves alone or is less sure about (domain.md §4.6, §4.7).
    Exclusion {
        /// 放化疗 (Z51.0, Z51.1, Z51.8).
        Chemo = "chemo";
        /// 透析 (Z49, Z99.2, N18.5 and above, N18.0).
        Dialysis = "dialysis";
        /// 急诊 (med_type 13, 24).
        Emergency = "emergency";
        /// 转院 (dscg_way 2, 3; med_type 23).
        Transfer = "transfer";
        /// Another department at discharge than at admission.
        WardChange = "ward_change";
        /// A newborn (≤ 28 days), or a delivery or newborn on the account of who may be the mother: no man, 14 to 55 years
        /// (O34, O42, O60–O75, O80–O84, Z37, Z38, P00–P96, operations 72–74).
        Newborn = "newborn";
        /// Leave or bed retention.
        Leave = "leave";
        /// 日间手术.
        DaySurgery = "day_surgery";
        /// 死亡 (dscg_way 5).
        Death = "death";
        /// 外院检查 (etip_flag).
        External = "external";
        /// 出院带药 (dscg_tkdrug_flag).
        TakeHome = "take_home";
        /// Sex or birth of the person missing or in disagreement with a female-only or male-only diagnosis.
        Identity = "identity";
        /// Paid by DRG/DIP.
        Grouped = "grouped";
        /// Split packs.
        Split = "split";
    }
);

/// A parameter of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Millionths; `None`: to be loaded by the region, silent until then.
    pub value: Option<i64>,
    /// Who set it.
    pub origin: Origin,
    /// Source id of domain.md, or why it is so.
    pub source: String,
}

/// Which items a rule means: parts are joined by "and", members of a part by "or".
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selector {
    /// `med_chrgitm_type`.
    pub charge: Vec<String>,
    /// `list_type`.
    pub list_type: Vec<String>,
    /// `chrgitm_lv`.
    pub level: Vec<String>,
    /// The name holds one of these.
    pub name: Vec<String>,
    /// The name holds none of these.
    pub not_name: Vec<String>,
    /// `med_list_codg`, `*` at the end for a prefix.
    pub code: Vec<String>,
    /// A knowledge list.
    pub list: Option<String>,
}

/// What a rule does with its kernel; which fields may stand is the kernel's business ([`Form`]).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Use {
    /// The kernel's form.
    pub form: String,
    /// The items charged.
    pub items: Option<Selector>,
    /// The other side of a pair.
    pub other: Option<Selector>,
    /// Knowledge list with the limits.
    pub list: Option<String>,
    /// `day`, `visit`, `prescription`, `month`, `quarter`, `year`.
    pub window: Option<String>,
    /// `quantity`, `amount`, `lines`, `distinct`, `days` (of supply), `dates` (days with a charge).
    pub measure: Option<String>,
    /// What the sum is compared with: `stay`, `stay_hours`, `point`, `param`.
    pub cap: Option<String>,
    /// `code` (each item) or `all` (all together).
    pub per: Option<String>,
    /// Where to look.
    pub scope: Vec<Scope>,
    /// Entities that the rule compares with.
    pub entity: Vec<String>,
    /// Attribute, for K1.
    pub attribute: Option<String>,
    /// Only lines with these marks: `take_home`; `after_incision`: after the first operation, where there is one;
    /// `day_by_day`: not the last day of a stay where it was written for all of it.
    pub only: Vec<String>,
    /// Words of unit kinds, event kinds and the like; for pairs, parts of the body, `|` between the names of one.
    pub words: Vec<String>,
}

/// A form of a kernel: which fields of [`Use`] and which parameters it takes.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Kernel.
    pub kernel: KernelId,
    /// `use.form`.
    pub name: &'static str,
    /// Fields of `use` that must stand.
    pub needs: &'static [&'static str],
    /// Fields of `use` that may stand.
    pub may: &'static [&'static str],
    /// Parameters that must be declared.
    pub params: &'static [&'static str],
}

/// Attributes of the 两库 (domain.md §4.1), columns and not prose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Official {
    /// 定义.
    pub definition: String,
    /// 逻辑.
    pub logic: String,
    /// 规则运行结果类型.
    pub result: String,
    /// 时间区间.
    pub range: String,
    /// 医疗机构级别.
    pub level: Vec<String>,
    /// 机构类型.
    pub facility: Vec<String>,
    /// 应用场景.
    pub scene: Vec<String>,
    /// 监管费用类型.
    pub fee: Vec<String>,
    /// 监管环节.
    pub stage: Vec<String>,
    /// 参保险种.
    pub insurance: Vec<String>,
    /// Numbers of the 88-rule list.
    pub numbers: Vec<u8>,
}

/// One version of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A01–J12, or a local id.
    pub id: String,
    /// Name for us.
    pub name: String,
    /// A statement of fact for the party, with placeholders.
    pub name_party: String,
    /// Which kernel.
    pub kernel: KernelId,
    /// How.
    pub usage: Use,
    /// Parameters by name.
    pub params: BTreeMap<String, Param>,
    /// How sure.
    pub grade: Grade,
    /// How bad.
    pub severity: Severity,
    /// Danger, 0–50; money adds up to 50 more.
    pub weight: u8,
    /// Law ids of domain.md: `T38(1)`, `X23`.
    pub clause: Vec<String>,
    /// Official attributes.
    pub official: Official,
    /// Reason in one sentence, with placeholders.
    pub reason: String,
    /// What to look at to settle it.
    pub look: Vec<String>,
    /// Why it may be wrong: exclusions not tried.
    pub doubt: Vec<String>,
    /// Natural causes that silence the rule.
    pub exclude: Vec<Exclusion>,
    /// Natural causes that make a V an S.
    pub downgrade: Vec<Exclusion>,
    /// Parameters without which a V is an S.
    pub local: Vec<String>,
    /// Which reading of the rule's text was chosen.
    pub reading: String,
    /// First day in force.
    pub from: i64,
    /// Last day in force.
    pub to: i64,
    /// More hits than this and the rule is refused; see [`Rule::bound`].
    pub max_hits: u32,
    /// Rules of one family tell one fact; centre and device merge by it.
    pub family: String,
    /// Rules whose findings on the same visit stand under this one.
    pub subsumes: Vec<String>,
    /// The lines are where the fact shows, not what was lost: no loss by item (method N).
    pub no_loss: bool,
    /// Only lines in which the fund took part are judged: what a patient paid alone is no loss of the fund.
    pub fund: bool,
    /// Runs.
    pub enabled: bool,
    /// The pack it comes from, `name@version`.
    pub pack: String,
    /// The file inside the pack.
    pub file: String,
    /// Line of its `id`.
    pub line: usize,
}

/// Hits a rule may give in a small house if it does not say.
pub(super) const MAX_HITS: u32 = 100_000;

impl Rule {
    /// A parameter's value in millionths; `None` if it is not loaded.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<i64> {
        self.params.get(name)?.value
    }

    /// A parameter as a whole number.
    #[must_use]
    pub fn whole(&self, name: &str) -> Option<i64> {
        self.param(name).map(|v| v.div_euclid(1_000_000))
    }

    /// Hits that are believed in a house of so many fee lines. What is wrong with every twentieth line of a large
    /// house may be true; a bound below 100,000 is the author's own and does not grow.
    #[must_use]
    pub fn bound(&self, lines: u64) -> u64 {
        let own = u64::from(self.max_hits);
        if self.max_hits < MAX_HITS { own } else { own.max(lines.div_euclid(20)) }
    }

    /// True if the rule was in force on a day.
    #[must_use]
    pub const fn in_force(&self, day: i64) -> bool {
        self.from <= day && day <= self.to
    }
}
