//! The comparison as a whole: visits side by side, what the file must cover, persons, notes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spotcheck_domain::columns::ColumnSource;
use spotcheck_domain::grid::Grid;
use spotcheck_domain::{Amount, BeijingTime, Precision, Trouble, TroubleResult};

use super::book::{Items, Link};
use super::fresh::{self, FreshRow};
use super::his::{self, His, Row};
use super::layout::Layout;
use super::lines::{self, Apart, Line};
use super::uploaded::{NO, Uploaded, no_visits, shown};
use super::value::{self, Id};
use super::{Class, Compared, Counts, Difference, Field, Options, Scope, Side, ready};
use crate::engine::{Stage, Watch};
use crate::error::cancelled;

/// Visits of the period that must be in the file before the others count as missing.
const PERIOD_VISITS: usize = 5;
/// Of visits in the file, the share of those that may be absent from it: where more are, somebody chose some patients, and
/// nobody is told that the others were never treated.
const ABSENT_SHARE: (usize, usize) = (1, 4);
/// Lines of one kind of fee without any match from which on the file counts as without that kind.
const KIND_LINES: usize = 20;
/// Visits between two looks at the watch.
const WATCH_VISITS: usize = 64;

/// Compares a table with what was uploaded.
///
/// # Errors
/// A needed field is not paired, no visit of the file is in the package, the source refuses, or stopped.
pub fn run(
    grid: &Grid,
    layout: &Layout,
    options: &Options,
    uploaded: &mut Uploaded,
    source: &dyn ColumnSource,
    watch: &mut dyn Watch,
) -> TroubleResult<Compared> {
    let missing = ready(&options.pairing);
    if !missing.is_empty() {
        return Err(Trouble::new(
            "COMPARE-FIELD",
            &format!("还没有对应的列：{}", missing.join("、")),
            "没有改动任何数据",
            "为这些项目各选一列",
        )
        .as_verdict());
    }
    let his = his::read(grid, layout, &options.pairing, uploaded);
    let wanted: BTreeSet<u32> =
        his.rows.iter().filter_map(|r| r.visit).chain(his.incomplete.iter().copied()).collect();
    if wanted.is_empty() {
        return Err(no_visits());
    }
    uploaded.load_lines(source, &wanted, watch)?;
    let people = match options.pairing.get(&Field::PersonNo) {
        Some(_) => uploaded.person_numbers(),
        None => BTreeSet::new(),
    };
    let mut run = Run { grid, options, uploaded, his, out: empty(), seen: BTreeSet::new(), people };
    run.settle_days();
    run.lines(watch)?;
    run.persons();
    run.strangers();
    run.absent();
    run.note();
    Ok(run.finish())
}

const fn empty() -> Compared {
    Compared {
        differences: Vec::new(),
        counts: Counts {
            rows: 0,
            skipped: 0,
            unreadable: 0,
            matched: 0,
            netted: 0,
            young: 0,
            unknown_visits: 0,
            unknown_rows: 0,
            uploaded: 0,
            outside: 0,
        },
        young_amount: Amount::ZERO,
        bad: Vec::new(),
        days: None,
        scope: Scope::Visits,
        cutoff: None,
        notes: Vec::new(),
        fresh: Vec::new(),
    }
}

struct Run<'a> {
    grid: &'a Grid,
    options: &'a Options,
    uploaded: &'a Uploaded,
    his: His,
    out: Compared,
    /// Visits of the package that have rows in the file.
    seen: BTreeSet<u32>,
    /// Numbers of all persons of the package, where the file has a column of them.
    people: BTreeSet<String>,
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn day_text(day: i64) -> String {
    BeijingTime::from_seconds(day.saturating_mul(86_400)).display(Precision::Day)
}

fn texted(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl Run<'_> {
    fn column(&self, field: Field) -> Option<usize> {
        self.options.pairing.get(&field).copied()
    }

    fn cell(&self, field: Field, row: usize) -> &str {
        self.column(field).map_or("", |c| self.grid.cell(row, c))
    }

    fn settle_days(&mut self) {
        let days = self.his.rows.iter().map(|r| i64::from(r.day));
        let (first, last) = (days.clone().min(), days.max());
        self.out.days = first.zip(last).map(|(f, l)| (day_text(f), day_text(l)));
        self.out.cutoff = self.uploaded.cutoff.map(day_text);
        let c = &mut self.out.counts;
        c.rows = self.his.all;
        c.skipped = self.his.skipped;
        c.unreadable = self.his.unreadable;
    }

    fn range(&self) -> (i32, i32) {
        let days = self.his.rows.iter().map(|r| r.day);
        (days.clone().min().unwrap_or(0), days.max().unwrap_or(0))
    }

    /// The last day of which everything should have been uploaded.
    fn settled(&self) -> i32 {
        let Some(cutoff) = self.uploaded.cutoff else { return i32::MAX };
        i32::try_from(cutoff.saturating_sub(self.options.lag_days)).unwrap_or(i32::MAX)
    }

    /// Without codes names are compared: those of the catalogue, or the facility's own.
    fn local_names(&self) -> bool {
        let Some(column) = self.column(Field::ItemName) else { return false };
        let (mut own, mut catalogue) = (0_u64, 0_u64);
        let step = self.his.rows.len().checked_div(2_000).unwrap_or(0).max(1);
        for row in self.his.rows.iter().step_by(step) {
            let Some(visit) = row.visit else { continue };
            let name = value::name(self.grid.cell(row.at, column));
            let has = |of: fn(&super::uploaded::Line) -> u32| {
                let lines = self.uploaded.lines_of(visit).iter();
                lines.take(5_000).any(|l| value::name(self.uploaded.text(of(l))) == name)
            };
            own = own.saturating_add(u64::from(has(|l| l.local_name)));
            catalogue = catalogue.saturating_add(u64::from(has(|l| l.name)));
        }
        own > catalogue
    }

    fn lines(&mut self, watch: &mut dyn Watch) -> TroubleResult<()> {
        let mut items = Items::new(self.uploaded, &self.options.pairing, self.local_names());
        let mut serials: HashMap<String, u32> = HashMap::new();
        let mut serial = |text: &str| match value::id(text) {
            Id::Is(id) => {
                let next = u32::try_from(serials.len()).unwrap_or(u32::MAX).saturating_add(1);
                *serials.entry(id).or_insert(next)
            }
            _ => 0,
        };
        let serial_column = self.column(Field::Serial);
        let mut visits: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for (at, row) in self.his.rows.iter().enumerate() {
            let Some(visit) = row.visit else { continue };
            let (item, names) = items.of_row(self.grid, &self.options.pairing, row.at);
            let number = serial_column.map_or(0, |c| serial(self.grid.cell(row.at, c)));
            visits.entry(visit).or_default().push(Line {
                item,
                names,
                day: row.day,
                cnt: row.cnt,
                pric: row.pric,
                amount: row.amount,
                serial: number,
                at,
            });
        }
        self.seen = visits.keys().copied().chain(self.his.incomplete.iter().copied()).collect();
        let settled = self.settled();
        let all = count(visits.len());
        let mut result = lines::Result::default();
        // The national code that goes with an item, for rows of the export that have none.
        let mut codes: HashMap<u32, u32> = HashMap::new();
        for (done, (visit, his)) in visits.into_iter().enumerate() {
            let from = self.uploaded.visit(visit).map_or(0, |v| v.from);
            let mut up = Vec::new();
            for (line, at) in self.uploaded.lines_of(visit).iter().zip(from..) {
                let (item, names) = items.of_line(self.uploaded, line);
                codes.entry(item).or_insert(line.code);
                let number = serial_column.map_or(0, |_| serial(self.uploaded.serial(line)));
                up.push(Line {
                    item,
                    names,
                    day: line.day,
                    cnt: line.cnt,
                    pric: line.pric,
                    amount: line.amount,
                    serial: number,
                    at,
                });
            }
            self.out.counts.uploaded = self.out.counts.uploaded.saturating_add(count(up.len()));
            lines::compare(his, up, settled, &mut result);
            let looked = done.checked_rem(WATCH_VISITS) == Some(0);
            if looked && !watch.progress(Stage::Rules, count(done), all) {
                return Err(cancelled());
            }
        }
        if items.link() == Link::Name {
            self.out.notes.push("文件没有项目编码，按项目名称核对；同名不同码看不出来".to_owned());
        }
        self.take(result, &codes);
        Ok(())
    }

    /// A row of the export as a line that rules can judge.
    fn fresh_row(&self, line: &Line, young: bool, codes: &HashMap<u32, u32>) -> Option<FreshRow> {
        let row = self.his.rows.get(line.at)?;
        let visit = self.uploaded.visit(row.visit?)?;
        let own = self.cell(Field::ItemCode, row.at).trim();
        let code = match value::id(own) {
            Id::Is(_) => own.to_owned(),
            _ => codes
                .get(&line.item)
                .map_or_else(String::new, |c| self.uploaded.text(*c).to_owned()),
        };
        Some(FreshRow {
            number: row.number,
            mdtrt_id: self.uploaded.text(visit.mdtrt_id).to_owned(),
            psn_no: self.uploaded.text(visit.person).to_owned(),
            day: i64::from(row.day),
            code,
            name: self.cell(Field::ItemName, row.at).trim().to_owned(),
            cnt: fresh::cell(row.cnt),
            pric: fresh::cell(row.pric),
            amount: fresh::cell(row.amount),
            young,
        })
    }

    /// Turns what differs into differences, and leaves out what this file cannot speak about.
    fn take(&mut self, result: lines::Result, codes: &HashMap<u32, u32>) {
        let c = &mut self.out.counts;
        (c.matched, c.netted, c.young) = (result.matched, result.netted, result.young);
        self.out.young_amount = Amount::from_millionths(result.young_amount);
        let (first, last) = self.range();
        let kind = |at: usize| self.uploaded.lines.get(at).map_or(0, |l| l.kind);
        let known: BTreeSet<u32> = result.known.iter().map(|at| kind(*at)).collect();
        let mut strange: BTreeMap<u32, usize> = BTreeMap::new();
        for apart in result.apart.iter().filter(|a| a.class == Class::UploadedOnly) {
            for line in &apart.uploaded {
                let n = strange.entry(kind(line.at)).or_default();
                *n = n.saturating_add(1);
            }
        }
        strange.retain(|k, n| !known.contains(k) && *n >= KIND_LINES && !known.is_empty());
        let mut outside = 0_u64;
        let mut kept = Vec::new();
        for apart in result.apart {
            let cannot_say = apart.class == Class::UploadedOnly
                && apart.uploaded.iter().any(|u| {
                    let line = self.uploaded.lines.get(u.at);
                    u.day < first
                        || u.day > last
                        || strange.contains_key(&kind(u.at))
                        || line.is_some_and(|l| self.his.incomplete.contains(&l.visit))
                });
            if cannot_say {
                outside = outside.saturating_add(1);
            } else {
                kept.push(apart);
            }
        }
        self.out.counts.outside = outside;
        if !strange.is_empty() {
            self.out.notes.push(format!(
                "有 {} 类费用在文件中一行也没有，可能导出时没有选中，其明细未判断",
                strange.len()
            ));
        }
        let old = kept.iter().filter(|a| a.class == Class::HisOnly).flat_map(|a| &a.his);
        let mut rows: Vec<FreshRow> = old
            .map(|line| (line, false))
            .chain(result.young_lines.iter().map(|line| (line, true)))
            .filter_map(|(line, young)| self.fresh_row(line, young, codes))
            .collect();
        rows.sort_by_key(|r| r.number);
        self.out.fresh = rows;
        let differences: Vec<Difference> = kept.iter().map(|a| self.difference(a)).collect();
        self.out.differences.extend(differences);
    }

    fn side_of_row(&self, lines: &[Line]) -> Option<Side> {
        let whole = lines::together(lines)?;
        let row = self.his.rows.get(whole.at)?;
        let code = texted(self.cell(Field::ItemCode, row.at))
            .or_else(|| texted(self.cell(Field::LocalCode, row.at)));
        Some(Side {
            day: Some(day_text(i64::from(whole.day))),
            code,
            name: texted(self.cell(Field::ItemName, row.at)),
            cnt: shown(whole.cnt),
            pric: shown(whole.pric),
            amount: shown(whole.amount),
            person: None,
            lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        })
    }

    fn side_of_line(&self, lines: &[Line]) -> Option<Side> {
        let whole = lines::together(lines)?;
        let line = self.uploaded.lines.get(whole.at)?;
        let text = |code: u32| texted(self.uploaded.text(code));
        Some(Side {
            day: (whole.day != i32::MIN).then(|| day_text(i64::from(whole.day))),
            code: text(line.code).or_else(|| text(line.local)),
            name: text(line.name).or_else(|| text(line.local_name)),
            cnt: shown(whole.cnt),
            pric: shown(whole.pric),
            amount: shown(whole.amount),
            person: None,
            lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
        })
    }

    fn difference(&self, apart: &Apart) -> Difference {
        let visit = apart
            .uploaded
            .first()
            .and_then(|u| self.uploaded.lines.get(u.at).map(|l| l.visit))
            .or_else(|| self.his.rows.get(apart.his.first()?.at)?.visit);
        let his = self.side_of_row(&apart.his);
        let uploaded = self.side_of_line(&apart.uploaded);
        let amount = |side: &Option<Side>| side.as_ref().map(|s| s.amount);
        let excess = match (amount(&his), amount(&uploaded)) {
            // What was taken back and is still charged.
            (Some(back), Some(_)) if apart.class == Class::Refund => {
                back.and_then(|b| Amount::ZERO.checked_sub(b))
            }
            (Some(h), Some(u)) => u.zip(h).and_then(|(u, h)| u.checked_sub(h)),
            (None, Some(u)) => u,
            (Some(h), None) => h.and_then(|h| Amount::ZERO.checked_sub(h)),
            (None, None) => None,
        };
        let numbers = apart.his.iter().filter_map(|h| self.his.rows.get(h.at)).map(|r| r.number);
        let serials = apart.uploaded.iter().filter_map(|u| self.uploaded.lines.get(u.at));
        let mut difference = self.about(apart.class, visit);
        difference.rows = numbers.collect();
        difference.bkkp_sn = serials.map(|l| self.uploaded.serial(l).to_owned()).collect();
        Difference { his, uploaded, excess, ..difference }
    }

    /// An empty difference of a visit.
    fn about(&self, class: Class, visit: Option<u32>) -> Difference {
        let visit = visit.and_then(|v| self.uploaded.visit(v));
        let text = |code: u32| texted(self.uploaded.text(code));
        Difference {
            class,
            mdtrt_id: visit.and_then(|v| text(v.mdtrt_id)),
            psn_no: visit.and_then(|v| text(v.person)),
            his: None,
            uploaded: None,
            excess: None,
            rows: Vec::new(),
            bkkp_sn: Vec::new(),
        }
    }

    /// One difference per visit and other person.
    fn persons(&mut self) {
        let (name_at, number_at) = (self.column(Field::PersonName), self.column(Field::PersonNo));
        let mut told: BTreeMap<(u32, u32, u32), Vec<&Row>> = BTreeMap::new();
        for row in &self.his.rows {
            let Some(visit) = row.visit else { continue };
            let code = |column: Option<usize>| column.map_or(0, |c| self.grid.code(row.at, c));
            told.entry((visit, code(name_at), code(number_at))).or_default().push(row);
        }
        let mut found = Vec::new();
        let mut visits: BTreeSet<(u32, u32)> = BTreeSet::new();
        for ((visit, name, number), rows) in told {
            let Some(person) = self.uploaded.visit(visit).map(|v| v.person) else { continue };
            let known = self.uploaded.persons.get(&person).cloned().unwrap_or_default();
            let his_name = value::name(self.grid.text(name));
            let other_name = !his_name.is_empty()
                && !known.name.is_empty()
                && !value::same_person(&his_name, &known.name);
            let number_text = self.grid.text(number);
            let other_number = match value::id(number_text) {
                Id::Is(id) if !id.contains('*') => {
                    let own = [self.uploaded.text(person), known.certno.as_str()];
                    let same = own.iter().any(|o| value::id(o) == Id::Is(id.clone()));
                    // A number of another kind (a card) says nothing.
                    !same && self.people.contains(&id)
                }
                _ => false,
            };
            if !(other_name || other_number) || !visits.insert((visit, name)) {
                continue;
            }
            let mut difference = self.about(Class::Person, Some(visit));
            let side = |person: Option<String>, lines: usize| Side {
                person,
                lines: u32::try_from(lines).unwrap_or(u32::MAX),
                ..Side::default()
            };
            let shown_name = texted(self.grid.text(name)).or_else(|| texted(number_text));
            difference.his = Some(side(shown_name, rows.len()));
            difference.uploaded = Some(side(texted(&known.name), 0));
            difference.rows = rows.iter().map(|r| r.number).take(50).collect();
            found.push(difference);
        }
        self.out.differences.extend(found);
    }

    /// Visits that the package does not know: who pays himself was never uploaded, so that only an insured
    /// person's visit is a difference.
    fn strangers(&mut self) {
        let mut unknown: BTreeMap<u32, Vec<&Row>> = BTreeMap::new();
        for row in self.his.rows.iter().filter(|r| r.visit.is_none()) {
            unknown.entry(row.cell).or_default().push(row);
        }
        if unknown.is_empty() {
            return;
        }
        let settled = self.settled();
        let mut found = Vec::new();
        let (mut young, mut young_amount, mut visits, mut rows_of) = (0_u64, 0_i64, 0_u64, 0_u64);
        for rows in unknown.into_values() {
            let amount = |r: &&Row| if r.amount == NO { 0 } else { r.amount };
            let sum = rows.iter().map(amount).fold(0_i64, i64::saturating_add);
            if rows.iter().any(|r| r.day > settled) {
                young = young.saturating_add(count(rows.len()));
                young_amount = young_amount.saturating_add(sum);
                continue;
            }
            let is_insured = rows.iter().any(|r| {
                let number = value::id(self.cell(Field::PersonNo, r.at));
                matches!(number, Id::Is(id) if self.people.contains(&id))
            });
            if !is_insured {
                visits = visits.saturating_add(1);
                rows_of = rows_of.saturating_add(count(rows.len()));
                continue;
            }
            let mut difference = self.about(Class::HisOnly, None);
            difference.his = Some(Side {
                day: rows.iter().map(|r| r.day).min().map(|d| day_text(i64::from(d))),
                amount: shown(sum),
                lines: u32::try_from(rows.len()).unwrap_or(u32::MAX),
                ..Side::default()
            });
            difference.excess = shown(sum.saturating_neg());
            difference.rows = rows.iter().map(|r| r.number).take(50).collect();
            found.push(difference);
        }
        self.out.differences.extend(found);
        let c = &mut self.out.counts;
        c.young = c.young.saturating_add(young);
        (c.unknown_visits, c.unknown_rows) = (visits, rows_of);
        let sum = self.out.young_amount.millionths().saturating_add(young_amount);
        self.out.young_amount = Amount::from_millionths(sum);
    }

    /// Visits of the upload that are not in the file, where the file must have them.
    fn absent(&mut self) {
        let (first, last) = self.range();
        let kinds: BTreeSet<u32> =
            self.seen.iter().filter_map(|v| self.uploaded.visit(*v)).map(|v| v.med_type).collect();
        let inside = |day: i64| day >= i64::from(first) && day <= i64::from(last);
        let absent: Vec<u32> = (0_u32..)
            .zip(&self.uploaded.visits)
            .filter(|(at, v)| {
                let t = v.total;
                !self.seen.contains(at)
                    && t.lines > 0
                    && inside(t.first)
                    && inside(t.last)
                    && (v.begin == NO || inside(v.begin))
                    && kinds.contains(&v.med_type)
            })
            .map(|(at, _)| at)
            .collect();
        let most = self.seen.len().saturating_mul(ABSENT_SHARE.0).checked_div(ABSENT_SHARE.1);
        let enough = self.seen.len() >= PERIOD_VISITS && absent.len() <= most.unwrap_or(0);
        let period = match self.options.scope {
            Scope::Auto => enough && self.his.lost == 0,
            Scope::Visits => false,
            Scope::Period => true,
        };
        self.out.scope = if period { Scope::Period } else { Scope::Visits };
        if !period {
            if !absent.is_empty() {
                self.out.notes.push(format!(
                    "同期另有 {} 次已上传的就诊不在文件里，文件可能只含部分病人，未判断",
                    absent.len()
                ));
            }
            return;
        }
        for visit in absent {
            let Some(total) = self.uploaded.visit(visit).map(|v| v.total) else { continue };
            let mut difference = self.about(Class::UploadedOnly, Some(visit));
            difference.uploaded = Some(Side {
                day: Some(day_text(total.first)),
                amount: shown(total.sum),
                lines: total.lines,
                ..Side::default()
            });
            difference.excess = shown(total.sum);
            self.out.differences.push(difference);
        }
    }

    fn note(&mut self) {
        let c = self.out.counts;
        let moved = self.out.differences.iter().filter(|d| d.class == Class::Date).count();
        let mut notes = Vec::new();
        if count(moved).saturating_mul(3) > c.matched && moved > 10 {
            notes.push(
                "很多行只有日期不同：所选日期列可能不是费用发生日期，请换一列再比".to_owned(),
            );
        }
        if c.unreadable > 0 {
            notes.push(format!(
                "有 {} 行读不出，已逐行列明，未比对；涉及的就诊不判断“HIS中没有”",
                c.unreadable
            ));
        }
        if self.his.carried > 0 {
            notes.push(format!(
                "有 {} 行就诊号为空(合并单元格)，按上一行的就诊号处理",
                self.his.carried
            ));
        }
        if self.his.marked > 0 {
            notes.push(format!(
                "有 {} 行标为“已退”，文件中没有对应负数行时请核对是否已上传退费",
                self.his.marked
            ));
        }
        if c.young > 0 {
            notes.push(format!("有 {} 行晚于上传截止，按“未上传”计，不是差异", c.young));
        }
        if c.unknown_visits > 0 {
            notes.push(format!(
                "有 {} 次就诊({} 行)不在医保数据中：自费或未上传，未判断",
                c.unknown_visits, c.unknown_rows
            ));
        }
        if self.grid.cut() > 0 {
            notes.push(format!("有 {} 个单元格过长，只读了前面部分", self.grid.cut()));
        }
        self.out.notes.extend(notes);
    }

    fn finish(mut self) -> Compared {
        self.out.bad = std::mem::take(&mut self.his.bad);
        let side =
            |d: &Difference| d.uploaded.clone().or_else(|| d.his.clone()).unwrap_or_default();
        self.out.differences.sort_by_cached_key(|d| {
            let side = side(d);
            let place = (d.mdtrt_id.clone(), side.day, side.code, side.name);
            (d.class, place, d.rows.clone(), d.bkkp_sn.clone())
        });
        self.out
    }
}
