//! What the kernels share: how a rule is compiled, what it sees, how it tells what it found.
//!
//! A kernel turns a rule into a [`Probe`]. The engine walks the book once and hands every visit and person to
//! every probe, so that all rules run in one pass. A probe never decides about exclusions, grades or money:
//! it says which lines, how much of each, and the facts of the sentence; [`Out`] does the rest, the same for
//! all kernels.

mod k01_attribute;
mod k01_subject;
mod k02_alone;
mod k02_pair;
mod k03_frequency;
mod k04_price;
mod k05_gap;
mod k06_overlap;
mod k07_after;
mod k08_fields;
mod k08_group;
mod k08_kept;
mod k08_missing;
mod k08_nomatch;
mod k08_swapped;
mod k09_quantity;
mod k09_written;
mod k10_balance;
mod k10_goods;
mod k11_capacity;
mod k12_elsewhere;
mod k12_trace;
mod k13_doctor;
mod k13_window;
mod k14_outlier;
mod k14_short;
mod k15_similar;
mod numbers;
mod paid;
pub(crate) mod traits;

use std::collections::{BTreeMap, HashMap};

pub(crate) use numbers::{date, date_of, excess_lines, month, muldiv, percent, plain, sum, yuan};

use crate::book::{Book, Line, NONE, Person, Visit, VisitKind, flag};
use crate::pack::{Exclusion, KernelId, Knowledge, Matcher, Pack, Point, Rule, Scope, Selector};

/// Days that uploads usually lag behind (claims.md §1), where the pack does not say.
pub(crate) const LAG_DAYS: i64 = 3;

/// What a probe sees.
#[derive(Clone, Copy)]
pub(crate) struct Cx<'a> {
    pub(crate) book: &'a Book,
    pub(crate) pack: &'a Pack,
    pub(crate) rule: &'a Rule,
}

/// One rule, compiled for one book.
pub(crate) trait Probe {
    /// A visit, in the order of persons and begins.
    fn visit(&mut self, _cx: Cx<'_>, _visit: &Visit, _out: &mut Out<'_>) {}
    /// A person after the person's visits.
    fn person(&mut self, _cx: Cx<'_>, _person: &Person, _out: &mut Out<'_>) {}
    /// The facility after everything.
    fn finish(&mut self, _cx: Cx<'_>, _out: &mut Out<'_>) {}
}

/// A probe, or why the rule is silent over the whole book.
pub(crate) type Compiled = Result<Box<dyn Probe>, String>;

/// Compiles a rule. The pack was checked, so an unknown form cannot come here; it would be silent.
pub(crate) fn compile(cx: Cx<'_>) -> Compiled {
    match cx.rule.kernel {
        KernelId::K0 => Err("K0 不是规则".to_owned()),
        KernelId::K1 => match cx.rule.usage.form.as_str() {
            "line" => k01_attribute::compile(cx),
            _ => k01_subject::compile(cx),
        },
        KernelId::K2 => match cx.rule.usage.form.as_str() {
            "alone" => k02_alone::compile(cx),
            _ => k02_pair::compile(cx),
        },
        KernelId::K3 => k03_frequency::compile(cx),
        KernelId::K4 => k04_price::compile(cx),
        KernelId::K5 => k05_gap::compile(cx),
        KernelId::K6 => k06_overlap::compile(cx),
        KernelId::K7 => k07_after::compile(cx),
        KernelId::K8 => match cx.rule.usage.form.as_str() {
            "evidence" | "empty_days" | "history" => k08_nomatch::compile(cx),
            "fields" | "fields_share" => k08_fields::compile(cx),
            "group" => k08_group::compile(cx),
            "swapped" | "outside" => k08_swapped::compile(cx),
            _ => k08_missing::compile(cx),
        },
        KernelId::K9 => match cx.rule.usage.form.as_str() {
            "grade" | "prescribed" => k09_written::compile(cx),
            _ => k09_quantity::compile(cx),
        },
        KernelId::K10 => match cx.rule.usage.form.as_str() {
            "goods" => k10_goods::compile(cx),
            _ => k10_balance::compile(cx),
        },
        KernelId::K11 => k11_capacity::compile(cx),
        KernelId::K12 => match cx.rule.usage.form.as_str() {
            "repeat_elsewhere" | "shelf_elsewhere" => k12_elsewhere::compile(cx),
            _ => k12_trace::compile(cx),
        },
        KernelId::K13 => match cx.rule.usage.form.as_str() {
            "doctor_hour" | "doctor_gap" => k13_doctor::compile(cx),
            _ => k13_window::compile(cx),
        },
        KernelId::K14 => match cx.rule.usage.form.as_str() {
            "short_group" => k14_short::compile(cx),
            _ => k14_outlier::compile(cx),
        },
        KernelId::K15 => k15_similar::compile(cx),
    }
}

/// True if K1 compares lines by this attribute.
pub(crate) fn knows_attribute(word: &str) -> bool {
    k01_attribute::knows(word)
}

/// True if K8 knows this kind of record.
pub(crate) fn knows_entity(word: &str) -> bool {
    k08_nomatch::knows(word)
}

/// Something found, before grade and money.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hit {
    /// Visit number or [`NONE`].
    pub(crate) visit: u32,
    /// Other visits that the fact rests on.
    pub(crate) also: Vec<u32>,
    /// Code of the person, 0 if none.
    pub(crate) person: u32,
    /// Settlement number or [`NONE`].
    pub(crate) settlement: u32,
    /// Lines and how much of their amount is meant.
    pub(crate) lines: Vec<(u32, i64)>,
    /// Code of the item, 0 if none.
    pub(crate) code: u32,
    /// Gross amount where there are no lines.
    pub(crate) gross: Option<i64>,
    /// Facts for the sentences.
    pub(crate) facts: BTreeMap<&'static str, String>,
    /// `exec_psn_code` of those who executed.
    pub(crate) executors: Vec<u32>,
    /// Day of the fact.
    pub(crate) day: Option<i64>,
    /// How the stay should have been paid, where the kernel knows that it was paid wrongly as a whole.
    pub(crate) correct: Option<Correct>,
    /// The amounts of the lines are of what was in the fund's scope.
    pub(crate) scoped: bool,
    /// The amounts of the lines are shares of one excess, not what is wrong with each.
    pub(crate) apportioned: bool,
    /// Lines whose share of the fund stands for a gross amount that no line can be named for.
    pub(crate) basis: Vec<u32>,
    /// Less sure than the rule, and why.
    pub(crate) doubt: Vec<&'static str>,
    /// Natural causes that were looked for and are not in sight, as bits of [`traits::bit`].
    pub(crate) tried: u32,
}

/// The right payment of a whole stay (细则 X35).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Correct {
    /// By a group with this standard, in millionths.
    Standard(i64),
    /// Item by item.
    Items,
}

impl Hit {
    pub(crate) fn of_visit(cx: Cx<'_>, visit: &Visit) -> Self {
        let person = cx.book.person(visit.person).map_or(0, |p| p.code);
        let hit = Self { visit: visit.at, person, settlement: NONE, ..Self::default() };
        hit.fact("date", date_of(visit.begin))
    }

    pub(crate) fn of_person(person: &Person) -> Self {
        Self { visit: NONE, person: person.code, settlement: NONE, ..Self::default() }
    }

    pub(crate) fn of_facility() -> Self {
        Self { visit: NONE, settlement: NONE, ..Self::default() }
    }

    pub(crate) fn fact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.facts.insert(name, value.into());
        self
    }

    /// Adds a line with its whole amount.
    pub(crate) fn line(mut self, line: Line) -> Self {
        self.lines.push((line.at, line.amount));
        self
    }

    pub(crate) fn lines(mut self, lines: impl IntoIterator<Item = Line>) -> Self {
        self.lines.extend(lines.into_iter().map(|l| (l.at, l.amount)));
        self
    }

    pub(crate) fn on(mut self, day: i64) -> Self {
        self.day = Some(day);
        self.facts.insert("date", date(day));
        self
    }

    /// All lines of a day, each with its part of the excess: which of them is too many nobody can say.
    pub(crate) fn apportion(
        &mut self,
        lines: impl Iterator<Item = Line>,
        excess: i64,
        billed: i64,
    ) {
        self.lines = lines.map(|l| (l.at, muldiv(l.amount, excess, billed))).collect();
        self.apportioned = self.lines.len() > 1;
    }

    /// Names the item of the finding.
    pub(crate) fn item(mut self, cx: Cx<'_>, item: u32) -> Self {
        if let Some(item) = cx.book.item(item) {
            self.code = item.code;
            self.facts.insert("item", item.name.to_string());
        }
        self
    }

    /// The kernel itself looked for a cause at lines.
    pub(crate) fn tried(mut self, cause: Exclusion) -> Self {
        self.tried |= traits::bit(cause);
        self
    }

    pub(crate) fn amount(mut self, gross: i64) -> Self {
        self.gross = Some(gross);
        self
    }
}

/// How often a rule was silent, and why.
pub(crate) type Silences = BTreeMap<String, u64>;

/// Where a probe tells what it found.
pub(crate) struct Out<'a> {
    pub(crate) hits: &'a mut Vec<Hit>,
    pub(crate) silent: &'a mut Silences,
    pub(crate) traits: &'a traits::Traits,
    /// The rule rests on knowledge points that nobody has confirmed yet.
    pub(crate) soft: bool,
}

impl Out<'_> {
    /// A finding, unless a natural cause of `rule.exclude` is in sight at one of its visits.
    ///
    /// A rule about a loss of the fund tells no line that the patient paid alone, and nothing of a visit of which
    /// no other line is left.
    pub(crate) fn hit(&mut self, cx: Cx<'_>, mut hit: Hit) {
        if !cx.paid_only(&mut hit) {
            self.silent(paid::SELF_PAID);
            return;
        }
        let day = hit.day.or_else(|| first_day(cx, &hit));
        if day.is_some_and(|d| !cx.rule.in_force(d)) {
            return;
        }
        let mut seen = 0;
        let mut tried = hit.tried | lines_tried(cx, &hit);
        for visit in std::iter::once(hit.visit).chain(hit.also.iter().copied()) {
            if let Some(visit) = cx.book.visit(visit) {
                seen |= self.traits.of(cx.book, visit);
                tried |= traits::AT_VISITS;
            }
        }
        if let Some(why) = cx.rule.exclude.iter().find(|e| seen & traits::bit(**e) != 0) {
            self.silent(traits::words(*why));
            return;
        }
        let mut hit = Hit { day, tried: tried & !seen, ..hit };
        let softer = cx.rule.downgrade.iter().filter(|e| seen & traits::bit(**e) != 0);
        hit.doubt.extend(softer.map(|e| traits::words(*e)));
        if cx.rule.local.iter().any(|name| is_default(cx.rule, name)) {
            hit.doubt.push("本地计算口径未装载");
        }
        if self.soft {
            hit.doubt.push("知识点为本地默认，待地方确认");
        }
        hit.doubt.extend(cx.unknown_payer(&hit));
        self.hits.push(hit);
    }

    /// The rule says nothing here, and why.
    pub(crate) fn silent(&mut self, why: &str) {
        match self.silent.get_mut(why) {
            Some(n) => *n = n.saturating_add(1),
            None => {
                self.silent.insert(why.to_owned(), 1);
            }
        }
    }
}

/// True if a list of the rule holds points that are only local defaults.
pub(crate) fn is_soft(pack: &Pack, rule: &Rule) -> bool {
    use crate::pack::Origin;
    let u = &rule.usage;
    let lists = [&u.items, &u.other].into_iter().flatten().filter_map(|s| s.list.as_ref());
    let mut points = lists.chain(u.list.as_ref()).filter_map(|l| pack.knowledge.get(l));
    points.any(|k| k.points.iter().any(|p| p.origin == Origin::LocalDefault))
}

fn is_default(rule: &Rule, name: &str) -> bool {
    use crate::pack::Origin;
    rule.params.get(name).is_none_or(|p| p.value.is_none() || p.origin == Origin::LocalDefault)
}

/// Causes that lines tell: looked for where the hit has lines and none of them has the flag.
fn lines_tried(cx: Cx<'_>, hit: &Hit) -> u32 {
    if hit.lines.is_empty() {
        return 0;
    }
    let any = hit.lines.iter().fold(0, |any, (at, _)| any | cx.book.lines.flags(*at));
    let told = [(Exclusion::External, flag::ELSEWHERE), (Exclusion::TakeHome, flag::TAKE_HOME)];
    let clear = told.iter().filter(|(_, flag)| any & flag == 0);
    clear.fold(0, |tried, (cause, _)| tried | traits::bit(*cause))
}

fn first_day(cx: Cx<'_>, hit: &Hit) -> Option<i64> {
    let line = hit.lines.first().and_then(|(at, _)| cx.book.line(*at)).and_then(Line::day);
    line.or_else(|| cx.book.visit(hit.visit).and_then(Visit::begin_day))
}

/// Which items a selector means, by item number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask(Vec<bool>);

impl Mask {
    /// True if no item of the book is meant.
    pub(crate) fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    pub(crate) fn has(&self, item: u32) -> bool {
        usize::try_from(item).ok().and_then(|n| self.0.get(n)).copied().unwrap_or(false)
    }
}

/// Points of a list by item number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Points {
    list: String,
    by_item: Vec<Vec<u32>>,
}

impl Points {
    /// True if some point names the item.
    pub(crate) fn names(&self, item: u32) -> bool {
        let own = usize::try_from(item).ok().and_then(|n| self.by_item.get(n));
        own.is_some_and(|p| !p.is_empty())
    }

    /// The points that name an item and were in force on a day.
    pub(crate) fn at<'a>(
        &'a self,
        cx: Cx<'a>,
        item: u32,
        day: i64,
    ) -> impl Iterator<Item = &'a Point> {
        let own = usize::try_from(item).ok().and_then(|n| self.by_item.get(n));
        let list = cx.knowledge(&self.list).map_or(&[][..], |k| &k.points);
        own.into_iter()
            .flatten()
            .filter_map(|n| list.get(usize::try_from(*n).ok()?))
            .filter(move |p| p.from <= day && day <= p.to)
    }

    /// The items that some point names.
    pub(crate) fn mask(&self) -> Mask {
        Mask(self.by_item.iter().map(|p| !p.is_empty()).collect())
    }
}

impl<'a> Cx<'a> {
    pub(crate) fn knowledge(self, name: &str) -> Option<&'a Knowledge> {
        self.pack.knowledge.get(name)
    }

    /// Compiles a selector; `Err` if no item of the book is meant.
    pub(crate) fn mask(self, selector: Option<&Selector>) -> Result<Mask, String> {
        let Some(s) = selector else { return Ok(Mask(vec![true; self.book.items.len()])) };
        let list = match &s.list {
            Some(name) => Some(self.points(name, false)?),
            None => None,
        };
        let one =
            |words: &[String], value: &str| words.is_empty() || words.iter().any(|w| w == value);
        let code = |code: &str| {
            s.code.is_empty()
                || s.code.iter().any(|c| match c.strip_suffix('*') {
                    Some(prefix) => code.starts_with(prefix),
                    None => code == c,
                })
        };
        let named = |words: &[String], name: &str| words.iter().any(|w| name.contains(w.as_str()));
        let fits = |i: &crate::book::Item| {
            one(&s.charge, &i.med_chrgitm_type)
                && one(&s.list_type, &i.list_type)
                && one(&s.level, &i.chrgitm_lv)
                && code(&i.med_list_codg)
                && (s.name.is_empty() || named(&s.name, &i.name))
                && !named(&s.not_name, &i.name)
        };
        let listed = |n: usize| match &list {
            Some(points) => points.names(u32::try_from(n).unwrap_or(NONE)),
            None => true,
        };
        let all = self.book.items.iter().enumerate();
        Ok(Mask(all.map(|(n, i)| fits(i) && listed(n)).collect()))
    }

    /// The points of a list by item (the second one of pairs if asked); `Err` if it is not loaded.
    pub(crate) fn points(self, name: &str, second: bool) -> Result<Points, String> {
        let list = self.knowledge(name).filter(|k| !k.points.is_empty());
        let list = list.ok_or_else(|| format!("知识点 {name} 未装载"))?;
        let mut exact: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut others: Vec<(u32, &Matcher)> = Vec::new();
        for (n, point) in list.points.iter().enumerate() {
            let n = u32::try_from(n).unwrap_or(NONE);
            match if second { point.code_b.as_ref() } else { Some(&point.code) } {
                Some(Matcher::Code(code)) => exact.entry(code).or_default().push(n),
                Some(other) => others.push((n, other)),
                None => {}
            }
        }
        let of = |i: &crate::book::Item| {
            let mut own = exact.get(&*i.med_list_codg).cloned().unwrap_or_default();
            let fits = others.iter().filter(|(_, m)| m.fits(&i.med_list_codg, &i.name));
            own.extend(fits.map(|(n, _)| *n));
            own
        };
        let by_item = self.book.items.iter().map(of).collect();
        Ok(Points { list: name.to_owned(), by_item })
    }

    /// The value of a parameter, or why the rule is silent.
    pub(crate) fn need(self, name: &str) -> Result<i64, String> {
        self.rule.param(name).ok_or_else(|| format!("参数 {name} 未装载"))
    }

    /// A whole number.
    pub(crate) fn whole(self, name: &str) -> Result<i64, String> {
        Ok(self.need(name)?.div_euclid(crate::book::ONE))
    }

    /// An entity that the rule compares with must be there at all.
    pub(crate) fn needs_table(self, entity: &str) -> Result<(), String> {
        if self.book.has(entity) { Ok(()) } else { Err(format!("数据表 {entity} 未装载")) }
    }

    /// The region counts the second way (`counting_rule` 2); 1 and not loaded are the first one.
    pub(crate) fn counts_second_way(self) -> bool {
        self.rule.whole("counting_rule") == Some(2)
    }

    /// The lag of uploads in days.
    pub(crate) fn lag(self) -> i64 {
        self.rule.whole("lag_days").unwrap_or(LAG_DAYS)
    }

    /// True if the rule looks at this kind of visit.
    pub(crate) fn in_scope(self, kind: VisitKind) -> bool {
        let scope = &self.rule.usage.scope;
        let word = match kind {
            VisitKind::Inpatient => Scope::Inpatient,
            VisitKind::DaySurgery => Scope::DaySurgery,
            VisitKind::Outpatient => Scope::Outpatient,
            VisitKind::Emergency => Scope::Emergency,
            VisitKind::Chronic => Scope::Chronic,
            VisitKind::Pharmacy => Scope::Pharmacy,
            VisitKind::Unknown => return scope.is_empty(),
        };
        scope.is_empty() || scope.contains(&word)
    }

    /// The charges of a visit that a mask means, that were made while the rule was in force, and that the
    /// rule's line exclusions leave: of a rule about the fund's money those in which the fund took part.
    pub(crate) fn charges<'m>(
        self,
        visit: &Visit,
        mask: &'m Mask,
    ) -> impl Iterator<Item = Line> + use<'a, 'm> {
        self.beside(visit, mask).filter(move |l| self.judges(l.flags))
    }

    /// As [`Self::charges`], whoever paid: what stands beside an accused line, and is not accused itself.
    pub(crate) fn beside<'m>(
        self,
        visit: &Visit,
        mask: &'m Mask,
    ) -> impl Iterator<Item = Line> + use<'a, 'm> {
        let mut skip = 0;
        for e in &self.rule.exclude {
            skip |= match e {
                Exclusion::External => flag::ELSEWHERE,
                Exclusion::TakeHome => flag::TAKE_HOME,
                _ => 0,
            };
        }
        let rule = self.rule;
        let home = rule.usage.only.iter().any(|o| o == "take_home");
        let only = if home { flag::TAKE_HOME } else { 0 };
        let wanted = move |item, flags| mask.has(item) && flags & skip == 0 && flags & only == only;
        let in_force = move |l: &Line| l.day().is_none_or(|d| rule.in_force(d));
        self.book.lines.charges(visit, wanted).filter(in_force)
    }

    /// All charges of a visit made while the rule was in force.
    pub(crate) fn charges_all(self, visit: &Visit) -> impl Iterator<Item = Line> + use<'a> {
        let rule = self.rule;
        self.book.charges(visit).filter(move |l| l.day().is_none_or(|d| rule.in_force(d)))
    }

    /// Name of an item.
    pub(crate) fn item_name(self, item: u32) -> &'a str {
        self.book.item(item).map_or("", |i| &i.name)
    }

    /// The diagnoses of a visit as texts, the main one of the visit included.
    pub(crate) fn diagnoses(self, visit: &Visit) -> Vec<&'a str> {
        let listed = self.book.diagnoses.of(visit.at).iter().map(|d| d.code);
        let mut all: Vec<&str> = listed
            .chain(std::iter::once(visit.main_dx))
            .map(|code| self.book.text(code))
            .filter(|t| !t.is_empty())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Main diagnosis, first three characters; empty if there is none.
    pub(crate) fn main_dx3(self, visit: &Visit) -> &'a str {
        let text = self.book.text(self.main_dx(visit));
        text.get(..3).unwrap_or(text)
    }

    /// Code of the main diagnosis: of the visit, else of its list.
    pub(crate) fn main_dx(self, visit: &Visit) -> u32 {
        if visit.main_dx != 0 {
            return visit.main_dx;
        }
        let main = self.book.diagnoses.of(visit.at).iter().find(|d| d.main);
        main.map_or(0, |d| d.code)
    }
}

/// True if one of the diagnoses begins with one of the prefixes.
pub(crate) fn any_dx<'p>(all: &[&str], mut prefixes: impl Iterator<Item = &'p str>) -> bool {
    prefixes.any(|p| all.iter().any(|d| d.starts_with(p)))
}
