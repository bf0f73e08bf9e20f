//! From a fee line to everything that was in force for it on its day.

use serde::{Deserialize, Serialize};
use spotcheck_domain::Amount;
use spotcheck_domain::TroubleResult;
use spotcheck_domain::claims::{FeeLine, Page};
use spotcheck_domain::reference::{
    EntryKind, LevelLimit, Match, ReferenceEntry, ReferenceHit, ReferenceQuery, ReferenceReader,
    clause, day_text, in_force, limit_for,
};
use spotcheck_domain::time::day_number;

use super::ask;

/// Policies and cases shown for one name of an item.
const MOST: u32 = 10;

/// What one source says about the price of a line's item on the line's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineLimit {
    /// Entry that says it.
    pub id: String,
    /// Limit for the facility's level; `None`: the source has limits, none of them for this level, or the
    /// level was not uploaded.
    pub limit: Option<LevelLimit>,
    /// Unit of the limit.
    pub unit: Option<String>,
    /// Price of the line above the limit, if it is above: arithmetic, no judgement.
    pub over: Option<Amount>,
    /// From when the source has this limit, `yyyy-MM-dd`.
    pub begin: Option<String>,
    /// An officer added the source on this handheld.
    pub added: bool,
}

/// A fee line with what was in force for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReference {
    /// The line.
    pub line: FeeLine,
    /// Its day, `yyyy-MM-dd`; `None`: not uploaded, so nothing below is narrowed to a day.
    pub on: Option<String>,
    /// `hosp_lv` of the facility, if uploaded.
    pub hosp_lv: Option<String>,
    /// The item in full as it was in force: the newest version of its day, the centre's before an added one.
    pub item: Option<ReferenceEntry>,
    /// Price limits in force that day. Several sources may differ: the first is that of `item`.
    pub limits: Vec<LineLimit>,
    /// Payment restrictions in force that day, each once.
    pub restrictions: Vec<String>,
    /// All versions of the item, newest first, also those not in force.
    pub versions: Vec<ReferenceHit>,
    /// Knowledge points of the code in force that day.
    pub points: Vec<ReferenceHit>,
    /// Articles that the rules cite for the line, in force that day.
    pub clauses: Vec<ReferenceHit>,
    /// Articles and numbered paragraphs that name the item.
    pub articles: Vec<ReferenceHit>,
    /// Typical cases that name the item.
    pub cases: Vec<ReferenceHit>,
}

const fn is_priced(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Item | EntryKind::Drug | EntryKind::Consumable)
}

fn held(hit: &ReferenceHit, on: Option<i64>) -> bool {
    let day = |text: &Option<String>| text.as_deref().and_then(day_number);
    on.is_none_or(|on| in_force(day(&hit.begin), day(&hit.end), on))
}

/// Newest beginning first; what says none comes last; the centre's before what was added.
fn newest_first(hits: &mut [ReferenceHit]) {
    hits.sort_by(|a, b| (&b.begin, a.added).cmp(&(&a.begin, b.added)));
}

/// Names by which policies may call an item: as it stands, and without what is in brackets.
fn names(line: &FeeLine, item: Option<&ReferenceEntry>) -> Vec<String> {
    let known = [line.hilist_name.as_deref(), item.map(|i| i.head.title.as_str())];
    let mut names: Vec<String> = Vec::new();
    for name in known.into_iter().flatten() {
        let bare = name.split(['(', '\u{ff08}', '[', '〔']).next().unwrap_or_default().trim();
        for name in [name.trim(), bare] {
            // One character names nothing.
            if name.chars().count() > 1 && !names.iter().any(|n| n == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// Everything that readers know about a line of a facility of this level. `clauses`: those that rules cite
/// for it, e.g. `T38(3)`.
///
/// # Errors
/// Those of the readers.
pub fn line_reference(
    readers: &[&dyn ReferenceReader],
    line: FeeLine,
    hosp_lv: Option<String>,
    clauses: &[String],
) -> TroubleResult<LineReference> {
    let on = line.fee_ocur_time.map(|t| t.at.day());
    let (mut versions, mut points) = (Vec::new(), Vec::new());
    if let Some(code) = line.med_list_codg.as_deref().filter(|c| !c.is_empty()) {
        for reader in readers {
            for hit in reader.by_code(code)? {
                if is_priced(hit.kind) {
                    versions.push(hit);
                } else if hit.kind == EntryKind::Point && held(&hit, on) {
                    points.push(hit);
                }
            }
        }
    }
    newest_first(&mut versions);
    let in_force: Vec<&ReferenceHit> = versions.iter().filter(|hit| held(hit, on)).collect();
    let mut item = None;
    if let Some(hit) = in_force.first() {
        for reader in readers {
            item = item.or(reader.entry(&hit.id)?);
        }
    }
    let over = |limit: &LevelLimit| {
        let over = line.pric?.checked_sub(limit.amount)?;
        (over > Amount::ZERO).then_some(over)
    };
    let limits = in_force.iter().filter(|hit| !hit.limits.is_empty()).map(|hit| {
        let limit = limit_for(&hit.limits, hosp_lv.as_deref()).cloned();
        LineLimit {
            id: hit.id.clone(),
            over: limit.as_ref().and_then(over),
            limit,
            unit: hit.unit.clone(),
            begin: hit.begin.clone(),
            added: hit.added,
        }
    });
    let limits = limits.collect();
    let mut restrictions: Vec<String> = Vec::new();
    for restriction in in_force.iter().filter_map(|hit| hit.restriction.clone()) {
        if !restrictions.contains(&restriction) {
            restrictions.push(restriction);
        }
    }
    let mut cited: Vec<ReferenceHit> = Vec::new();
    for (title, article) in clauses.iter().filter_map(|text| clause(text)) {
        for reader in readers {
            let found = reader.articles(title, &article)?;
            cited.extend(found.into_iter().filter(|hit| held(hit, on)));
        }
    }
    cited.dedup_by(|a, b| a.id == b.id);
    let (mut articles, mut cases) = (Vec::new(), Vec::new());
    for name in names(&line, item.as_ref()) {
        let kinds = &[EntryKind::Article, EntryKind::Case];
        let query = ReferenceQuery { text: &name, on, kinds, page: Page::first(MOST) };
        for hit in ask(readers, &query)?.into_iter().flat_map(|k| k.hits) {
            let list = if hit.kind == EntryKind::Case { &mut cases } else { &mut articles };
            let known = |h: &ReferenceHit| h.id == hit.id;
            if !list.iter().any(known) && !cited.iter().any(known) {
                list.push(hit);
            }
        }
    }
    for hit in versions.iter_mut().chain(&mut points).chain(&mut cited) {
        hit.matched = Match::Code;
    }
    Ok(LineReference {
        on: on.map(day_text),
        hosp_lv,
        item,
        limits,
        restrictions,
        points,
        clauses: cited,
        articles,
        cases,
        versions,
        line,
    })
}
