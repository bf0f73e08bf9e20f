//! From what is asked to what is read: one stage per entity, each condition once.

use std::collections::HashMap;

use spotcheck_domain::TroubleResult;
use spotcheck_domain::columns::{Shape, Want};

use super::catalogue::{Catalogue, Dimension, Measure, Term, Test};
use super::entity::{Entity, Field, Joined, Kind, Link, When};
use super::row::{Num, Row, Slot};
use super::words::Words;
use super::world::Needs;

/// What a condition says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    No,
    /// The field was not uploaded.
    Unknown,
    Yes,
}

/// One condition; answers for codes are kept.
pub(crate) struct Cond {
    slot: Slot,
    kind: Kind,
    test: Test,
    memo: HashMap<u32, bool>,
    last: Option<(u32, bool)>,
}

impl Cond {
    /// What it says of a row.
    pub(crate) fn holds(&mut self, row: &Row<'_>, words: &mut Words<'_>) -> TroubleResult<Holds> {
        let yes = |on: bool| if on { Holds::Yes } else { Holds::No };
        match self.kind {
            Kind::Code => {
                let code = row.code(self.slot);
                if let Test::Present(wanted) = self.test {
                    return Ok(yes((code != 0) == wanted));
                }
                if code == 0 {
                    return Ok(Holds::Unknown);
                }
                if let Some((last, on)) = self.last
                    && last == code
                {
                    return Ok(yes(on));
                }
                let on = match self.memo.get(&code) {
                    Some(on) => *on,
                    None => {
                        let on = accepts(&self.test, words.word(code)?);
                        self.memo.insert(code, on);
                        on
                    }
                };
                self.last = Some((code, on));
                Ok(yes(on))
            }
            Kind::Serial => {
                let Slot::Own(at) = self.slot else { return Ok(Holds::Unknown) };
                let there = row.own.is_some_and(|(b, n)| b.text(at, n).is_some());
                Ok(yes(Test::Present(there) == self.test))
            }
            Kind::Whole | Kind::Decimal => Ok(match (&self.test, row.number(self.slot)) {
                (Test::Present(wanted), n) => yes(matches!(n, Num::Is(_)) == *wanted),
                (_, Num::Missing) => Holds::Unknown,
                (Test::Range(from, to), Num::Is(n)) => {
                    yes(from.is_none_or(|from| from <= n) && to.is_none_or(|to| n <= to))
                }
                _ => Holds::No,
            }),
        }
    }
}

fn accepts(test: &Test, word: &str) -> bool {
    match test {
        Test::In(list) => list.iter().any(|w| w == word),
        Test::Not(list) => list.iter().all(|w| w != word),
        Test::Prefix(list) => list.iter().any(|w| word.starts_with(w.as_str())),
        Test::Contains(list) => list.iter().any(|w| word.contains(w.as_str())),
        Test::Range(..) | Test::Present(_) => false,
    }
}

/// What of a row is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Take {
    Count,
    Sum(Slot),
    Codes(Slot),
    Serials(usize),
}

/// One term of a stage.
pub(crate) struct Job {
    pub(crate) instance: usize,
    pub(crate) conds: Vec<usize>,
    pub(crate) take: Take,
    /// Key that is ranked, and where its name is.
    pub(crate) of: Option<(Slot, Option<NameAt>)>,
}

/// Where the name of a key is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NameAt {
    Own(usize),
    Joined(Joined),
}

/// One pass over one entity.
pub(crate) struct Stage {
    pub(crate) entity: &'static Entity,
    pub(crate) wants: Vec<Want>,
    /// Columns of time: begin or moment, and end.
    pub(crate) times: (Option<usize>, Option<usize>),
    pub(crate) link: Option<usize>,
    pub(crate) valid: Option<usize>,
    /// `setl_id` of lines and settlements.
    pub(crate) settlement: Option<usize>,
    pub(crate) conds: Vec<Cond>,
    pub(crate) only: Vec<usize>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) key: Option<(Slot, Option<NameAt>)>,
}

/// A term, and the dimension inside which it is ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) term: String,
    pub(crate) of: Option<Dimension>,
}

/// Everything that is read for one question.
pub(crate) struct Plan {
    pub(crate) stages: Vec<Stage>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) needs: Needs,
}

impl Plan {
    /// The plan for these indicators (growth already followed to its base).
    pub(crate) fn new(
        catalogue: &Catalogue,
        ids: &[String],
        by: Option<Dimension>,
        only: &[(Dimension, String)],
    ) -> Self {
        let mut plan = Self { stages: Vec::new(), instances: Vec::new(), needs: Needs::default() };
        for indicator in ids.iter().filter_map(|id| catalogue.indicators.get(id)) {
            for (id, of) in indicator.formula.terms() {
                let instance = Instance { term: id.to_owned(), of };
                if plan.instances.contains(&instance) {
                    continue;
                }
                let Some(term) = catalogue.terms.get(id) else { continue };
                let at = plan.instances.len();
                plan.instances.push(instance);
                plan.add(term, of, at, by, only);
            }
        }
        plan
    }

    /// Number of a term that was planned.
    pub(crate) fn instance(&self, term: &str, of: Option<Dimension>) -> Option<usize> {
        self.instances.iter().position(|i| i.term == term && i.of == of)
    }

    fn add(
        &mut self,
        term: &Term,
        of: Option<Dimension>,
        instance: usize,
        by: Option<Dimension>,
        only: &[(Dimension, String)],
    ) {
        let known = self.stages.iter().position(|s| s.entity.name == term.entity.name);
        let at = known.unwrap_or_else(|| {
            self.stages.push(Stage::new(term.entity, by, only, &mut self.needs));
            self.stages.len().saturating_sub(1)
        });
        if let Some(stage) = self.stages.get_mut(at) {
            stage.add(term, of, instance, &mut self.needs);
        }
    }
}

fn needs_of(field: Field, needs: &mut Needs) {
    let Field::Joined(joined) = field else { return };
    match joined {
        Joined::Gend | Joined::Age | Joined::PsnType | Joined::Admdvs | Joined::Employer => {
            needs.persons = true;
        }
        Joined::PayWay | Joined::Weight | Joined::PayStd => needs.groups = true,
        _ => {}
    }
}

impl Stage {
    fn new(
        entity: &'static Entity,
        by: Option<Dimension>,
        only: &[(Dimension, String)],
        needs: &mut Needs,
    ) -> Self {
        let mut stage = Self {
            entity,
            wants: Vec::new(),
            times: (None, None),
            link: None,
            valid: None,
            settlement: None,
            conds: Vec::new(),
            only: Vec::new(),
            jobs: Vec::new(),
            key: None,
        };
        if entity.table != "mdtrt_d" {
            stage.fixed(needs);
        }
        stage.key = by.and_then(|d| stage.dimension(d, needs));
        for (dimension, value) in only {
            if let Some((slot, _)) = stage.dimension(*dimension, needs) {
                let at = stage.cond(slot, Kind::Code, Test::In(vec![value.clone()]));
                stage.only.push(at);
            }
        }
        stage
    }

    fn fixed(&mut self, needs: &mut Needs) {
        self.link = Some(match self.entity.link {
            Link::Visit => self.want("mdtrt_id", Shape::Code),
            Link::Settlement => self.want("setl_id", Shape::Code),
            Link::Facility => self.want("fixmedins_code", Shape::Code),
            Link::Equip => {
                needs.equipment = true;
                self.want("equip_no", Shape::Code)
            }
        });
        match self.entity.when {
            When::At(name) => self.times.0 = Some(self.want(name, Shape::Time)),
            When::Between(from, to) => {
                self.times = (Some(self.want(from, Shape::Time)), Some(self.want(to, Shape::Time)));
            }
            When::VisitBegin | When::StayEnd | When::StayDays | When::Always => {}
        }
        if self.entity.valid {
            self.valid = Some(self.want("vali_flag", Shape::Code));
        }
        if matches!(self.entity.table, "setl_d" | "fee_list_d") {
            self.settlement = Some(self.want("setl_id", Shape::Code));
        }
    }

    fn want(&mut self, name: &'static str, shape: Shape) -> usize {
        let want = Want { name, shape };
        if let Some(at) = self.wants.iter().position(|w| *w == want) {
            return at;
        }
        self.wants.push(want);
        self.wants.len().saturating_sub(1)
    }

    fn slot(&mut self, field: Field, kind: Kind, needs: &mut Needs) -> Slot {
        needs_of(field, needs);
        match field {
            Field::Joined(joined) => Slot::Joined(joined),
            Field::Own(name) => Slot::Own(self.want(
                name,
                match kind {
                    Kind::Code => Shape::Code,
                    Kind::Serial => Shape::Text,
                    Kind::Whole | Kind::Decimal => Shape::Number,
                },
            )),
        }
    }

    fn dimension(
        &mut self,
        dimension: Dimension,
        needs: &mut Needs,
    ) -> Option<(Slot, Option<NameAt>)> {
        let field = self.entity.dimension(dimension)?;
        let slot = self.slot(field, Kind::Code, needs);
        let name = match (dimension, field, self.entity.item) {
            (Dimension::Item, _, Some((_, name))) => {
                Some(NameAt::Own(self.want(name, Shape::Code)))
            }
            (Dimension::Doctor, Field::Own(_), _) => {
                Some(NameAt::Own(self.want("bilg_dr_name", Shape::Code)))
            }
            (Dimension::Department, Field::Own(_), _) => None,
            (_, Field::Joined(joined), _) => Some(NameAt::Joined(joined)),
            _ => None,
        };
        Some((slot, name))
    }

    fn cond(&mut self, slot: Slot, kind: Kind, test: Test) -> usize {
        let same = |c: &Cond| c.slot == slot && c.test == test;
        if let Some(at) = self.conds.iter().position(same) {
            return at;
        }
        self.conds.push(Cond { slot, kind, test, memo: HashMap::new(), last: None });
        self.conds.len().saturating_sub(1)
    }

    fn add(&mut self, term: &Term, of: Option<Dimension>, instance: usize, needs: &mut Needs) {
        let mut conds = Vec::new();
        for (name, test) in &term.filter {
            let Some((field, kind)) = self.entity.field(name) else { continue };
            let slot = self.slot(field, kind, needs);
            conds.push(self.cond(slot, kind, test.clone()));
        }
        let mut value = |stage: &mut Self, name: &str| {
            let (field, kind) = stage.entity.field(name)?;
            Some((stage.slot(field, kind, needs), kind))
        };
        let take = match &term.measure {
            Measure::Count => Some(Take::Count),
            Measure::Sum(name) => value(self, name).map(|(slot, _)| Take::Sum(slot)),
            Measure::Distinct(name) => value(self, name).map(|(slot, kind)| match (slot, kind) {
                (Slot::Own(at), Kind::Serial) => Take::Serials(at),
                _ => Take::Codes(slot),
            }),
        };
        let of = of.and_then(|d| self.dimension(d, needs));
        if let Some(take) = take {
            self.jobs.push(Job { instance, conds, take, of });
        }
    }
}
