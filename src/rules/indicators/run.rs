//! One pass per entity over the columns, for one or two periods with their months and any one dimension.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spotcheck_domain::TroubleResult;
use spotcheck_domain::columns::{Batch, ColumnSource, Want, code, number};

use super::answer::{self, Answer, Note};
use super::ask::{Ask, BehindAsk, year_before};
use super::behind::{self, Found};
use super::catalogue::{Catalogue, Formula};
use super::entity::{Link, When};
use super::plan::{Holds, NameAt, Plan, Stage, Take};
use super::row::{Num, Row, Slot};
use super::tally::Tallies;
use super::words::Words;
use super::world::{Visit, World, day_of, each};
use crate::book::NONE;
use crate::engine::{Stage as Progress, Watch};
use crate::error::{Error, Result, cancelled};

/// What counting has seen beside the tallies.
#[derive(Debug, Default, Clone)]
pub(crate) struct Aside {
    /// Rows without the time that would place them.
    pub(crate) untimed: u64,
    /// Rows whose visit, settlement or facility is not in the data.
    pub(crate) unplaced: u64,
}

/// Everything counted.
pub(crate) struct Counted {
    /// Per term, per period.
    pub(crate) tallies: Vec<Vec<Tallies>>,
    /// Dictionary code → number of the key.
    pub(crate) keys: HashMap<u32, usize>,
    /// Names by key code: the last seen and, where there are several, all.
    pub(crate) names: HashMap<u32, BTreeSet<u32>>,
    pub(crate) aside: BTreeMap<&'static str, Aside>,
    pub(crate) found: Vec<Found>,
    /// Rows behind the asked figure, by term.
    pub(crate) behind: BTreeMap<usize, u64>,
}

/// Computes what is asked.
///
/// # Errors
/// What the source says, [`Error::Ask`], no such facility, or the watch stopped it.
pub fn compute(
    source: &dyn ColumnSource,
    catalogue: &Catalogue,
    ask: &Ask,
    watch: &mut dyn Watch,
) -> Result<Answer> {
    let chosen = ask.choose(catalogue)?;
    let grows = chosen.computed.iter().filter_map(|id| catalogue.indicators.get(id));
    let grows = grows.into_iter().any(|i| matches!(i.formula, Formula::Growth(_)));
    let mut ask = ask.clone();
    if grows && ask.against.is_none() {
        ask.against = Some(year_before(ask.period));
    }
    let mut plan = Plan::new(catalogue, &chosen.computed, ask.by, &ask.only);
    let mut words = Words::new(source);
    if !watch.progress(Progress::Load, 0, 1) {
        return Err(Error::Cancelled);
    }
    let mut world = World::load(source, &mut words, ask.facility.as_deref(), plan.needs)?;
    let periods = ask.periods();
    let mut counter = Counter {
        periods: &periods,
        by: ask.by.is_some(),
        behind: ask.behind.clone(),
        words: &mut words,
        counted: Counted {
            tallies: vec![vec![Tallies::default(); periods.len()]; plan.instances.len()],
            keys: HashMap::new(),
            names: HashMap::new(),
            aside: BTreeMap::new(),
            found: Vec::new(),
            behind: BTreeMap::new(),
        },
        holds: Vec::new(),
    };
    counter.settlements(source, &mut world, &mut plan.stages)?;
    for stage in &mut plan.stages {
        match stage.entity.table {
            "setl_d" => {}
            "mdtrt_d" => counter.visits(&world, stage)?,
            _ => counter.stream(source, &world, stage, watch)?,
        }
    }
    if !watch.progress(Progress::Findings, 0, 1) {
        return Err(Error::Cancelled);
    }
    let counted = counter.counted;
    let mut notes: Vec<Note> = Vec::new();
    for stage in &plan.stages {
        let aside = counted.aside.get(stage.entity.name).cloned().unwrap_or_default();
        notes.extend(answer::entity_notes(source, stage.entity, &aside, &periods)?);
    }
    let behind = behind::rows(source, &plan, &ask, &counted, &mut words)?;
    answer::answer(source, catalogue, &ask, &chosen, &plan, &counted, &mut words, notes, behind)
}

struct Counter<'a, 'w> {
    periods: &'a [(i64, i64)],
    by: bool,
    behind: Option<BehindAsk>,
    words: &'a mut Words<'w>,
    counted: Counted,
    /// What the conditions say of the row at hand; kept for its memory.
    holds: Vec<Holds>,
}

/// Reads `setl_d` once for all stages over it and remembers which settlements were taken back.
const SETTLEMENT: &[Want] = &[
    code("setl_id"),
    code("mdtrt_id"),
    code("refd_setl_flag"),
    code("init_setl_id"),
    code("vali_flag"),
    number("medfee_sumamt"),
];

impl Counter<'_, '_> {
    fn settlements(
        &mut self,
        source: &dyn ColumnSource,
        world: &mut World,
        stages: &mut [Stage],
    ) -> Result<()> {
        let wanted = |s: &Stage| {
            matches!(s.entity.table, "setl_d" | "fee_list_d") || s.entity.link == Link::Settlement
        };
        if !stages.iter().any(wanted) {
            return Ok(());
        }
        // The columns of every stage behind those that tell what was taken back.
        let mut wants = SETTLEMENT.to_vec();
        let mut offsets = Vec::new();
        for stage in stages.iter().filter(|s| s.entity.table == "setl_d") {
            offsets.push(wants.len());
            wants.extend(stage.wants.iter().copied());
        }
        let keep = !offsets.is_empty();
        let mut kept: Vec<Batch> = Vec::new();
        let mut took_back = std::collections::HashSet::new();
        let words = &mut *self.words;
        let mut row = |world: &mut World, b: &Batch, n: usize| -> TroubleResult<()> {
            if words.word(b.code(4, n))? == "0" {
                return Ok(());
            }
            if let Some(visit) = world.by_visit.get(b.code(1, n)) {
                world.settled.set(b.code(0, n), u32::try_from(visit).unwrap_or(NONE));
            }
            if words.word(b.code(2, n))? == "1" || b.number(5, n).is_some_and(|t| t < 0) {
                took_back.insert(b.code(0, n));
                world.gone.insert(b.code(0, n));
                if b.code(3, n) != 0 {
                    world.gone.insert(b.code(3, n));
                }
            }
            Ok(())
        };
        if source.rows("setl_d").map_err(Error::Source)? > 0 {
            source
                .scan("setl_d", &wants, &mut |batch| {
                    (0..batch.len()).try_for_each(|n| row(world, batch, n))?;
                    if keep {
                        kept.push(batch.clone());
                    }
                    Ok(())
                })
                .map_err(Error::Source)?;
        }
        let own = stages.iter_mut().filter(|s| s.entity.table == "setl_d");
        for (stage, offset) in own.zip(offsets) {
            let refunds = stage.entity.name == "refund";
            for batch in &mut kept {
                // A view of the stage's own columns: they lie behind the others in their order.
                let end = offset.saturating_add(stage.wants.len());
                let columns = batch.columns.get(offset..end).unwrap_or_default().to_vec();
                let view = Batch { columns, rows: std::mem::take(&mut batch.rows) };
                for n in 0..view.len() {
                    let id = stage.settlement.map_or(0, |at| view.code(at, n));
                    let wanted =
                        if refunds { took_back.contains(&id) } else { !world.gone.contains(&id) };
                    if wanted {
                        self.row(world, stage, &view, n).map_err(Error::Source)?;
                    }
                }
                batch.rows = view.rows;
            }
        }
        Ok(())
    }

    fn visits(&mut self, world: &World, stage: &mut Stage) -> Result<()> {
        for visit in &world.visits {
            let stay = matches!(stage.entity.when, When::StayEnd | When::StayDays);
            if stay && !visit.stay {
                continue;
            }
            let row = Row {
                world,
                own: None,
                visit: Some(visit),
                facility: visit.facility,
                group: None,
                bed_days: 0,
            };
            self.place(stage, &row, 0).map_err(Error::Source)?;
        }
        Ok(())
    }

    fn stream(
        &mut self,
        source: &dyn ColumnSource,
        world: &World,
        stage: &mut Stage,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let table = stage.entity.table;
        let all = source.rows(table).map_err(Error::Source)?;
        let (mut done, mut stopped) = (0_u64, false);
        let wants = stage.wants.clone();
        let result = each(source, table, &wants, |batch, n| {
            if n == 0 {
                done = done.saturating_add(u64::try_from(batch.len()).unwrap_or(0));
                if !watch.progress(Progress::Lines, done, all) {
                    stopped = true;
                    return Err(cancelled());
                }
            }
            self.row(world, stage, batch, n)
        });
        if stopped { Err(Error::Cancelled) } else { result }
    }

    /// Finds the place of a row of a table.
    fn row(
        &mut self,
        world: &World,
        stage: &mut Stage,
        batch: &Batch,
        n: usize,
    ) -> TroubleResult<()> {
        if let Some(at) = stage.valid
            && self.words.word(batch.code(at, n))? == "0"
        {
            return Ok(());
        }
        let settlement = stage.settlement.map_or(0, |at| batch.code(at, n));
        if stage.entity.name == "line" && world.gone.contains(&settlement) {
            return Ok(());
        }
        let link = stage.link.map_or(0, |at| batch.code(at, n));
        let visit: Option<&Visit> = match stage.entity.link {
            Link::Visit => world.visit(link),
            Link::Settlement => world.settled.get(link).and_then(|at| world.visits.get(at)),
            Link::Facility | Link::Equip => None,
        };
        let facility = match (stage.entity.link, visit) {
            (Link::Facility, _) => Some(link),
            (Link::Equip, _) => world.equipment.get(&link).copied(),
            (_, visit) => visit.map(|v| v.facility),
        };
        let Some(facility) = facility else {
            let aside = self.counted.aside.entry(stage.entity.name).or_default();
            aside.unplaced = aside.unplaced.saturating_add(1);
            return Ok(());
        };
        if visit.is_none() && !world.has_facility(facility, self.words)? {
            return Ok(());
        }
        let group = world.groups.get(&settlement);
        let row = Row { world, own: Some((batch, n)), visit, facility, group, bed_days: 0 };
        self.place(stage, &row, batch.rows.get(n).copied().unwrap_or(0))
    }

    /// Counts a row in each period it belongs to.
    fn place(&mut self, stage: &mut Stage, row: &Row<'_>, number: u64) -> TroubleResult<()> {
        let moment = |at: Option<usize>| {
            let (batch, n) = row.own?;
            batch.time(at?, n).map(|t| day_of(t.at.seconds()))
        };
        let begun = || row.visit.and_then(|v| v.begin).map(day_of);
        let day = match stage.entity.when {
            When::At(_) => moment(stage.times.0),
            When::VisitBegin | When::StayDays => begun(),
            When::StayEnd => match row.visit.and_then(|v| v.end) {
                Some(end) => Some(day_of(end)),
                // Still in: no discharge, and nothing is missing.
                None => return Ok(()),
            },
            When::Between(..) | When::Always => Some(0),
        };
        let Some(day) = day else {
            let aside = self.counted.aside.entry(stage.entity.name).or_default();
            aside.untimed = aside.untimed.saturating_add(1);
            return Ok(());
        };
        let periods = self.periods;
        for (p, period) in periods.iter().copied().enumerate() {
            let mut row = *row;
            let inside = match stage.entity.when {
                When::Always => true,
                When::Between(..) => {
                    let from = moment(stage.times.0).is_none_or(|d| d <= period.1);
                    from && moment(stage.times.1).is_none_or(|d| d >= period.0)
                }
                When::StayDays => {
                    row.bed_days = row.visit.and_then(|v| v.days_within(period)).unwrap_or(0);
                    row.bed_days > 0
                }
                _ => period.0 <= day && day <= period.1,
            };
            if inside {
                self.count(stage, &row, p, number)?;
            }
        }
        Ok(())
    }

    fn count(
        &mut self,
        stage: &mut Stage,
        row: &Row<'_>,
        period: usize,
        number: u64,
    ) -> TroubleResult<()> {
        let mut holds = std::mem::take(&mut self.holds);
        holds.clear();
        for cond in &mut stage.conds {
            holds.push(cond.holds(row, self.words)?);
        }
        let result = self.judged(stage, row, period, number, &holds);
        self.holds = holds;
        result
    }

    fn judged(
        &mut self,
        stage: &Stage,
        row: &Row<'_>,
        period: usize,
        number: u64,
        holds: &[Holds],
    ) -> TroubleResult<()> {
        let says = |at: &usize| holds.get(*at).copied().unwrap_or(Holds::Unknown);
        if stage.only.iter().any(|at| says(at) != Holds::Yes) {
            return Ok(());
        }
        let mut key = None;
        let mut key_code = 0;
        if let (true, Some((slot, name))) = (self.by, stage.key) {
            key_code = row.code(slot);
            let next = self.counted.keys.len();
            key = Some(*self.counted.keys.entry(key_code).or_insert(next));
            self.name(key_code, name, row);
        }
        for job in &stage.jobs {
            if job.conds.iter().any(|at| says(at) == Holds::No) {
                continue;
            }
            let unknown = job.conds.iter().any(|at| says(at) == Holds::Unknown);
            let ranked = job.of.map(|(slot, _)| row.code(slot));
            if let Some((slot, name)) = job.of {
                self.name(row.code(slot), name, row);
            }
            let taken = if unknown { None } else { take(job.take, row) };
            let own = self.counted.tallies.get_mut(job.instance).and_then(|t| t.get_mut(period));
            let Some(own) = own else { continue };
            own.each(key, |tally| match taken {
                None => tally.miss(),
                Some(Taken::Amount(amount)) => tally.add(amount, ranked),
                Some(Taken::Value(value)) => tally.see(value),
                Some(Taken::Nothing) => {}
            });
            let wanted = self.behind.as_ref().filter(|_| period == 0);
            if let (Some(behind), Some(Taken::Amount(_) | Taken::Value(_))) = (wanted, taken) {
                let here = match &behind.key {
                    None => true,
                    Some(key) => self.words.word(key_code)? == key,
                };
                if here {
                    let total = self.counted.behind.entry(job.instance).or_default();
                    *total = total.saturating_add(1);
                }
                if here && self.counted.found.len() < behind::KEPT {
                    let settlement =
                        stage.settlement.and_then(|at| row.own.map(|(b, n)| b.code(at, n)));
                    self.counted.found.push(Found {
                        instance: job.instance,
                        table: stage.entity.table,
                        row: number,
                        visit: row.visit.map_or(0, |v| v.id),
                        person: row.visit.map_or(0, |v| v.psn),
                        settlement: settlement.unwrap_or(0),
                    });
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, key: u32, at: Option<NameAt>, row: &Row<'_>) {
        let name = match at {
            None => 0,
            Some(NameAt::Own(at)) => row.code(Slot::Own(at)),
            Some(NameAt::Joined(joined)) => row.name(joined),
        };
        if name != 0 {
            self.counted.names.entry(key).or_default().insert(name);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Taken {
    Amount(i128),
    Value(u64),
    /// There is no such value, and nothing is missing.
    Nothing,
}

/// What a row gives; `None` if it was not uploaded.
fn take(take: Take, row: &Row<'_>) -> Option<Taken> {
    match take {
        Take::Count => Some(Taken::Amount(1)),
        Take::Sum(slot) => match row.number(slot) {
            Num::Missing => None,
            Num::Never => Some(Taken::Nothing),
            Num::Is(n) => Some(Taken::Amount(i128::from(n))),
        },
        Take::Codes(slot) => match row.code(slot) {
            0 => None,
            code => Some(Taken::Value(u64::from(code))),
        },
        Take::Serials(at) => {
            let (batch, n) = row.own?;
            let text = batch.text(at, n)?;
            let visit = row.visit.map_or(0, |v| v.id);
            Some(Taken::Value(hash(visit, text)))
        }
    }
}

/// FNV-1a over visit and serial number: serial numbers are told apart inside a visit.
fn hash(visit: u32, text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in visit.to_le_bytes().into_iter().chain(text.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}
