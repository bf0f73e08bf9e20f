//! What a pack says of indicators: terms, formulas, dimensions, guards, warnings, topics.

use spotcheck_domain::words;
use std::collections::BTreeMap;

use super::entity::Entity;
use crate::error::PackError;

words!(
    /// By what a figure is broken down. Of a visit's lines and settlements it is the visit's own value, so
    /// that numerator and denominator of a quotient fall under the same key.
    Dimension {
        /// `fixmedins_code`.
        Facility = "facility", "机构";
        /// `adm_dept_codg` of the visit.
        Department = "department", "科室";
        /// `wardarea_bed` of the visit.
        Ward = "ward", "病区";
        /// `dscg_maindiag_code` of the visit.
        Disease = "disease", "病种";
        /// `psn_no`.
        Person = "person", "参保人";
        /// `emp_no` of the person.
        Employer = "employer", "单位";
        /// `med_type` of the visit.
        VisitType = "visit_type", "医疗类别";
        /// `insutype` of the visit.
        Insurance = "insurance", "险种";
        /// `bilg_dr_code` of a line, `chfpdr_code` of a visit.
        Doctor = "doctor", "医师";
        /// `med_list_codg` of a line.
        Item = "item", "项目";
    }
);

words!(
    /// Which way is the better one.
    Good {
        /// More is better.
        Up = "up", "越高越好";
        /// Less is better.
        Down = "down", "越低越好";
        /// Neither: watch the change.
        Watch = "watch", "看变化";
    }
);

words!(
    /// Where a threshold comes from.
    Origin {
        /// Set by an official paper.
        Official = "official", "官方";
        /// Ours, until the region sets its own.
        LocalDefault = "local_default", "暂定";
        /// Set by the region.
        Local = "local", "本地";
    }
);

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Test {
    /// One of these.
    In(Vec<String>),
    /// None of these.
    Not(Vec<String>),
    /// Begins with one of these.
    Prefix(Vec<String>),
    /// Contains one of these.
    Contains(Vec<String>),
    /// From and to, both included, in the field's stored unit.
    Range(Option<i64>, Option<i64>),
    /// Uploaded, or not.
    Present(bool),
}

/// What of the rows of a term is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// Rows.
    Count,
    /// Sum of a field.
    Sum(String),
    /// Different values of a field; serial numbers are told apart inside a visit.
    Distinct(String),
}

/// A count, sum or number of different values over one entity and a filter.
#[derive(Debug, Clone)]
pub struct Term {
    /// Id, lower case.
    pub id: String,
    /// Name in formulas.
    pub name: String,
    /// Which rows, and by which time.
    pub(crate) entity: &'static Entity,
    /// What is counted.
    pub measure: Measure,
    /// All must hold.
    pub filter: BTreeMap<String, Test>,
}

impl Term {
    /// True where single drugs or consumables can be told from the rows: only they are counted.
    #[must_use]
    pub fn is_drug(&self) -> bool {
        const DRUGS: &[&str] = &["08", "09", "10", "11"];
        let charge = self.filter.get("med_chrgitm_type");
        let all = |test: Option<&Test>, drug: &dyn Fn(&str) -> bool| matches!(test, Some(Test::In(words)) if words.iter().all(|w| drug(w)));
        let named = |field: &str| {
            self.filter.get(field).is_some_and(|test| !matches!(test, Test::Present(_)))
        };
        let list = &["101", "102", "103", "104", "301"];
        all(charge, &|w| DRUGS.contains(&w))
            || all(self.filter.get("list_type"), &|w| list.contains(&w))
            || ((named("med_list_codg") || named("hilist_name"))
                && !all(charge, &|w| !DRUGS.contains(&w)))
    }
}

/// How terms become a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// A term as it is.
    Value(String),
    /// First by second.
    Ratio(String, String),
    /// First by second, in percent.
    Share(String, String),
    /// A term by the days of the period.
    PerDay(String),
    /// First by second times the days of the period, in percent.
    UsePerDay(String, String),
    /// First less second.
    Difference(String, String),
    /// Another indicator against the other period, in percent of it.
    Growth(String),
    /// The `n` largest of a dimension, and their sum.
    Top(String, Dimension, usize),
    /// The `n` largest of a dimension as a share of all, in percent.
    TopShare(String, Dimension, usize),
}

impl Formula {
    /// Terms that it needs itself, each with the dimension inside which it is ranked.
    #[must_use]
    pub fn terms(&self) -> Vec<(&str, Option<Dimension>)> {
        match self {
            Self::Value(a) | Self::PerDay(a) => vec![(a, None)],
            Self::Ratio(a, b)
            | Self::Share(a, b)
            | Self::UsePerDay(a, b)
            | Self::Difference(a, b) => {
                vec![(a, None), (b, None)]
            }
            Self::Growth(_) => Vec::new(),
            Self::Top(a, of, _) | Self::TopShare(a, of, _) => vec![(a, Some(*of))],
        }
    }
}

/// A figure.
#[derive(Debug, Clone)]
pub struct Indicator {
    /// e.g. `I041`.
    pub id: String,
    /// Name on screen.
    pub name: String,
    /// How it is computed.
    pub formula: Formula,
    /// e.g. `元`, `%`, `人次`.
    pub unit: String,
    /// Decimals at output, half up.
    pub decimals: u8,
    /// Which way is better.
    pub good: Good,
    /// By what it may be broken down.
    pub dimensions: Vec<Dimension>,
    /// Dimensions that open only with a reason (against 统方).
    pub guarded: Vec<Dimension>,
    /// Where the figure comes from.
    pub source: String,
    /// What a reader must know.
    pub note: String,
    /// File and line, for refusals.
    pub(crate) place: Place,
}

/// A combination of dimensions that opens only with a reason and is never exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// e.g. `医师×药品`.
    pub name: String,
    /// All of them in use: broken down by, narrowed to, or ranked inside.
    pub dimensions: Vec<Dimension>,
    /// Only where the figure counts drugs or consumables alone.
    pub drugs: bool,
}

/// An indicator beyond a threshold, and who is told.
#[derive(Debug, Clone)]
pub struct Warning {
    /// e.g. `W01`.
    pub id: String,
    /// Statement of fact.
    pub name: String,
    /// Its indicator.
    pub indicator: String,
    /// Raised above it (millionths).
    pub above: Option<i64>,
    /// Raised below it (millionths).
    pub below: Option<i64>,
    /// Official, local or for the time being.
    pub origin: Origin,
    /// Roles.
    pub tell: Vec<String>,
    /// Where the threshold comes from.
    pub source: String,
    /// File and line, for refusals.
    pub(crate) place: Place,
}

/// A page made of indicators.
#[derive(Debug, Clone)]
pub struct Topic {
    /// e.g. `T01`.
    pub id: String,
    /// Title.
    pub name: String,
    /// Ids in the order of the page.
    pub indicators: Vec<String>,
    /// Suggested breakdown.
    pub by: Option<Dimension>,
    /// File and line, for refusals.
    pub(crate) place: Place,
}

/// Where something stands in a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// All of a pack.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Terms by id.
    pub terms: BTreeMap<String, Term>,
    /// Indicators by id.
    pub indicators: BTreeMap<String, Indicator>,
    /// Guards.
    pub guards: Vec<Guard>,
    /// Warnings by id.
    pub warnings: BTreeMap<String, Warning>,
    /// Topics by id.
    pub topics: BTreeMap<String, Topic>,
}

impl Catalogue {
    /// The formula in words, as the page shows it.
    #[must_use]
    pub fn formula_text(&self, formula: &Formula) -> String {
        let name = |id: &str| self.terms.get(id).map_or_else(|| id.to_owned(), |t| t.name.clone());
        match formula {
            Formula::Value(a) => name(a),
            Formula::Ratio(a, b) => format!("{} ÷ {}", name(a), name(b)),
            Formula::Share(a, b) => format!("{} ÷ {} × 100", name(a), name(b)),
            Formula::PerDay(a) => format!("{} ÷ 期间天数", name(a)),
            Formula::UsePerDay(a, b) => format!("{} ÷ ({} × 期间天数) × 100", name(a), name(b)),
            Formula::Difference(a, b) => format!("{} − {}", name(a), name(b)),
            Formula::Growth(id) => {
                let of = self.indicators.get(id).map_or(id.as_str(), |i| i.name.as_str());
                format!("(本期{of} − 对比期{of}) ÷ 对比期{of} × 100")
            }
            Formula::Top(a, of, n) => format!("{}按{}排序的前 {n} 位", name(a), of.zh()),
            Formula::TopShare(a, of, n) => {
                format!("{}按{}排序的前 {n} 位合计 ÷ {} × 100", name(a), of.zh(), name(a))
            }
        }
    }

    /// True if an indicator, broken down and narrowed by these dimensions, is guarded against 统方.
    #[must_use]
    pub fn is_guarded(&self, indicator: &Indicator, used: &[Dimension]) -> bool {
        let formula = match &indicator.formula {
            Formula::Growth(of) => match self.indicators.get(of) {
                Some(of) => &of.formula,
                None => &indicator.formula,
            },
            own => own,
        };
        let terms = formula.terms();
        let mut all: Vec<Dimension> = used.to_vec();
        all.extend(terms.iter().filter_map(|t| t.1));
        let drugs = terms.iter().any(|t| self.terms.get(t.0).is_some_and(Term::is_drug));
        let hit = |g: &Guard| (drugs || !g.drugs) && g.dimensions.iter().all(|d| all.contains(d));
        used.iter().any(|d| indicator.guarded.contains(d)) || self.guards.iter().any(hit)
    }

    /// True if the formula of an indicator counts drugs or consumables alone in one of its terms.
    #[must_use]
    pub(crate) fn counts_drugs(&self, formula: &Formula) -> bool {
        formula.terms().iter().any(|t| self.terms.get(t.0).is_some_and(Term::is_drug))
    }

    /// Reads the file of a pack; see [`Catalogue::check`] for what only the whole can say.
    pub(crate) fn read(file: &crate::pack::File<'_>) -> Result<Self, PackError> {
        super::read::read(file)
    }

    /// Checks the composed catalogue.
    pub(crate) fn check(&self) -> Result<(), PackError> {
        super::check::check(self)
    }

    /// This catalogue laid over another: what has the same id replaces it, guards are only ever added.
    #[must_use]
    pub(crate) fn over(self, base: &Self) -> Self {
        let mut all = base.clone();
        all.terms.extend(self.terms);
        all.indicators.extend(self.indicators);
        all.warnings.extend(self.warnings);
        all.topics.extend(self.topics);
        for guard in self.guards {
            if !all.guards.contains(&guard) {
                all.guards.push(guard);
            }
        }
        all
    }
}
