//! Findings after the site: where each stands, the next step, what is overdue.
//!
//! A finding comes with the bundle in which officers judged it; from then on every step is appended here, by a
//! named person, in the order that `domain::procedure` allows. What nobody has judged on site has no
//! procedure. Only a final finding is called by the rule's own name; before, only facts are told.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spotcheck_domain::calendar::{after_working_days, date_of};
use spotcheck_domain::procedure::{ANSWER_DAYS, FindingStep, PartyAnswer, Step, check};
use spotcheck_domain::rfc3339;
use spotcheck_domain::time::{beijing_date, day_number, parse_rfc3339};

use crate::centre::Centre;
use crate::judged::catch_up;
use crate::repository::{FindingStateRow, Judged, RectificationRow};
use crate::{Error, Result, rulepacks};

/// Shortest beginning of a key that is looked for.
const SHORTEST: usize = 6;

/// A finding with everything that was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What was said on site, the oldest first; never empty.
    pub site: Vec<Judged>,
    /// Steps at the centre.
    pub states: Vec<FindingStateRow>,
    /// Steps of what is to be put right.
    pub items: Vec<RectificationRow>,
    /// Name of the rule, told once the finding is final.
    name: Option<String>,
}

/// The next step, as somebody wants it.
#[derive(Debug, Clone)]
pub struct NextState {
    /// Where to.
    pub state: FindingStep,
    /// What the party answered.
    pub answer: Option<PartyAnswer>,
    /// Who does it: an officer's id.
    pub by: String,
    /// Why, or the number of the paper.
    pub reason: Option<String>,
    /// Last day of the answer; else [`ANSWER_DAYS`] working days.
    pub due: Option<String>,
}

/// Something whose day is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// Key of the finding.
    pub key: String,
    /// 定点医药机构编号.
    pub fixmedins_code: String,
    /// The item to be put right; `None`: the party's answer.
    pub item: Option<u64>,
    /// What was asked.
    pub text: String,
    /// Last day.
    pub due: String,
}

fn today(centre: &Centre) -> i64 {
    day_number(&beijing_date(centre.now_ms())).unwrap_or(0)
}

fn site_step(judged: &Judged) -> Option<Step> {
    Some(Step {
        state: FindingStep::parse(&judged.state)?,
        answer: None,
        by: judged.officer.clone(),
        day: parse_rfc3339(&judged.at).and_then(|at| day_number(&beijing_date(at))).unwrap_or(0),
        due: None,
        reason: judged.reason.clone(),
    })
}

fn own_step(row: &FindingStateRow) -> Option<Step> {
    Some(Step {
        state: FindingStep::parse(&row.state)?,
        answer: row.answer.as_deref().and_then(PartyAnswer::parse),
        by: row.by.clone(),
        day: day_number(&beijing_date(row.at_ms))?,
        due: row.due.as_deref().and_then(day_number),
        reason: row.reason.clone(),
    })
}

impl Case {
    /// What was said last on site.
    fn newest(&self) -> Result<&Judged> {
        self.site.last().ok_or(Error::Stored("finding"))
    }

    /// All steps, the oldest first.
    fn steps(&self) -> Vec<Step> {
        let site = self.site.iter().filter_map(site_step);
        site.chain(self.states.iter().filter_map(own_step)).collect()
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> FindingStep {
        self.steps().last().map_or(FindingStep::Open, |s| s.state)
    }

    /// What it is called: the rule's name once it is final, before that what was seen.
    #[must_use]
    pub fn title(&self) -> String {
        let facts = self.site.last().map(|j| j.text.clone()).unwrap_or_default();
        match &self.name {
            Some(name) if self.state().is_final() => format!("{name}。{facts}"),
            _ => facts,
        }
    }

    /// Items that are asked for and not done.
    fn open_items(&self) -> Vec<&RectificationRow> {
        let last: BTreeMap<u64, &RectificationRow> = self.items.iter().map(|i| (i.nr, i)).collect();
        let asked = self.items.iter().filter(|i| i.seq == 1);
        asked.filter(|i| last.get(&i.nr).is_some_and(|l| l.state != "done")).collect()
    }

    /// As the command line prints it; `whole`: with its steps and items.
    ///
    /// # Errors
    /// It has no judgement on site.
    pub fn body(&self, whole: bool) -> Result<Value> {
        let judged = self.newest()?;
        let state = self.state();
        let mut body = json!({
            "key": judged.key, "bundle": judged.bundle, "task": judged.task,
            "fixmedins_code": judged.fixmedins_code, "rule": judged.rule, "pack": judged.pack,
            "subject": judged.subject, "title": self.title(), "state": state.as_str(),
            "amount": judged.amount, "fund_amount": judged.fund_amount,
            "loss_method": judged.loss_method,
            "next": state.next().iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        });
        if let (true, Some(members)) = (whole, body.as_object_mut()) {
            let site = self.site.iter().map(|j| {
                json!({"where": "site", "bundle": j.bundle, "state": j.state, "by": j.officer,
                    "at": j.at, "reason": j.reason})
            });
            let own = self.states.iter().map(|s| {
                json!({"where": "centre", "bundle": s.bundle, "state": s.state, "by": s.by,
                    "at": rfc3339(s.at_ms), "reason": s.reason, "answer": s.answer, "due": s.due})
            });
            members.insert("steps".to_owned(), site.chain(own).collect());
            let items = self.items.iter().map(|i| {
                json!({"item": i.nr, "state": i.state, "by": i.by, "at": rfc3339(i.at_ms),
                    "text": i.text, "due": i.due})
            });
            members.insert("items".to_owned(), items.collect());
        }
        Ok(body)
    }
}

/// Gives final findings the names of their rules; the packs are read only where there is one.
fn name_final(centre: &Centre, cases: &mut [Case]) -> Result<()> {
    let mut ended = cases.iter_mut().filter(|c| c.state().is_final()).peekable();
    if ended.peek().is_none() {
        return Ok(());
    }
    let pack = rulepacks::in_force(centre)?;
    for case in ended {
        let rule = case.site.last().map(|j| j.rule.clone()).unwrap_or_default();
        case.name = pack.rules.iter().find(|r| r.id == rule).map(|r| r.name.clone());
    }
    Ok(())
}

/// Findings that were judged on site, by facility and key.
///
/// # Errors
/// Those of the database.
pub fn list(centre: &Centre) -> Result<Vec<Case>> {
    catch_up(centre)?;
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for judged in centre.repo().judged(None)? {
        let case = cases.entry(judged.key.clone()).or_insert_with(|| Case {
            site: Vec::new(),
            states: Vec::new(),
            items: Vec::new(),
            name: None,
        });
        case.site.push(judged);
    }
    for row in centre.repo().finding_states(None)? {
        if let Some(case) = cases.get_mut(&row.key) {
            case.states.push(row);
        }
    }
    for row in centre.repo().rectifications(None)? {
        if let Some(case) = cases.get_mut(&row.key) {
            case.items.push(row);
        }
    }
    let mut cases: Vec<Case> = cases.into_values().collect();
    name_final(centre, &mut cases)?;
    cases.sort_by_cached_key(|c| c.site.last().map(|j| (j.fixmedins_code.clone(), j.key.clone())));
    Ok(cases)
}

/// The one finding whose key begins so.
///
/// # Errors
/// None, or several.
pub fn find(centre: &Centre, key: &str) -> Result<Case> {
    let missing = || Error::NotFound { what: "finding", zh: "线索" };
    if key.len() < SHORTEST {
        return Err(missing());
    }
    let fits = |c: &Case| c.site.last().is_some_and(|j| j.key.starts_with(key));
    let mut found = list(centre)?.into_iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(case), None) => Ok(case),
        (Some(_), Some(_)) => Err(Error::refused(
            "FINDING-SEVERAL",
            "有几条线索的编号都这样开头。",
            "请把编号写长一些。",
        )),
        _ => Err(missing()),
    }
}

/// Only people who are entered act, under their own name.
fn known(centre: &Centre, by: &str) -> Result<()> {
    let officer = centre.repo().officer(by)?.filter(|o| o.revoked_ms.is_none());
    officer.map(|_| ()).ok_or(Error::NotFound { what: "officer", zh: "人员" })
}

fn faster() -> Error {
    Error::refused("FINDING-CHANGED", "另一个人刚刚更改了这条线索。", "请查看后再试。")
}

fn bad_date() -> Error {
    Error::refused("FINDING-DATE", "日期的写法不对。", "写成 2026-12-04。")
}

/// The last day of the party's answer, where none is given.
fn answer_until(centre: &Centre) -> Result<String> {
    let day = after_working_days(today(centre), ANSWER_DAYS).and_then(date_of);
    day.ok_or_else(|| {
        Error::refused(
            "FINDING-CALENDAR",
            "期限跨入的年份还没有节假日表，算不出截止日。",
            "请用 --due 写明截止日。",
        )
    })
}

/// Takes the next step of a finding.
///
/// # Errors
/// The order of states does not allow it, nobody known does it, or somebody else was faster.
pub fn set(centre: &Centre, key: &str, next: &NextState) -> Result<Case> {
    let case = find(centre, key)?;
    known(centre, &next.by)?;
    let due = match (&next.due, next.state) {
        (Some(due), _) => Some(due.clone()),
        (None, FindingStep::PutToParty) => Some(answer_until(centre)?),
        (None, _) => None,
    };
    let due_day = due.as_deref().map(|d| day_number(d).ok_or_else(bad_date)).transpose()?;
    let reason = next.reason.as_deref().map(str::trim).filter(|r| !r.is_empty());
    let step = Step {
        state: next.state,
        answer: next.answer,
        by: next.by.clone(),
        day: today(centre),
        due: due_day,
        reason: reason.map(str::to_owned),
    };
    check(&case.steps(), &step).map_err(Error::from)?;
    let judged = case.newest()?;
    let row = FindingStateRow {
        key: judged.key.clone(),
        seq: case.states.last().map_or(0, |s| s.seq).saturating_add(1),
        bundle: judged.bundle.clone(),
        state: next.state.as_str().to_owned(),
        answer: next.answer.map(|a| a.as_str().to_owned()),
        at_ms: centre.now_ms(),
        by: next.by.clone(),
        reason: step.reason,
        due,
    };
    if !centre.repo().append_finding_state(&row)? {
        return Err(faster());
    }
    centre.record_act(&format!("finding-{}", row.state), &row.key)?;
    find(centre, &row.key)
}

/// Asks for something to be put right (`None`), or says what became of item `nr`.
///
/// # Errors
/// No such finding or item, nobody known, or somebody else was faster.
pub fn rectify(
    centre: &Centre,
    key: &str,
    nr: Option<u64>,
    done: bool,
    by: &str,
    text: &str,
    due: Option<&str>,
) -> Result<Case> {
    let case = find(centre, key)?;
    known(centre, by)?;
    if text.trim().is_empty() {
        return Err(Error::refused(
            "FINDING-REASON",
            "没有写明整改的内容或结果。",
            "请用 --text 写明。",
        ));
    }
    if due.is_some_and(|d| day_number(d).is_none()) {
        return Err(bad_date());
    }
    let (nr, seq, state) = match nr {
        Some(nr) => {
            let last = case.items.iter().rfind(|i| i.nr == nr);
            let last = last.ok_or(Error::NotFound { what: "item", zh: "整改事项" })?;
            (nr, last.seq.saturating_add(1), if done { "done" } else { "not_done" })
        }
        None => {
            let last = case.items.iter().map(|i| i.nr).max().unwrap_or(0);
            (last.saturating_add(1), 1, "asked")
        }
    };
    let row = RectificationRow {
        key: case.newest()?.key.clone(),
        nr,
        seq,
        state: state.to_owned(),
        at_ms: centre.now_ms(),
        by: by.to_owned(),
        text: text.trim().to_owned(),
        due: due.map(str::to_owned),
    };
    if !centre.repo().append_rectification(&row)? {
        return Err(faster());
    }
    centre.record_act(&format!("rectification-{state}"), &row.key)?;
    find(centre, &row.key)
}

/// Answers and items whose last day is over, the oldest first.
///
/// # Errors
/// Those of the database.
pub fn overdue(centre: &Centre) -> Result<Vec<Overdue>> {
    let today = beijing_date(centre.now_ms());
    let mut all = Vec::new();
    for case in list(centre)? {
        let judged = case.newest()?;
        let late = |due: &Option<String>| due.clone().filter(|due| *due < today);
        let mut tell = |item: Option<u64>, text: &str, due: String| {
            all.push(Overdue {
                key: judged.key.clone(),
                fixmedins_code: judged.fixmedins_code.clone(),
                item,
                text: text.to_owned(),
                due,
            });
        };
        if let (FindingStep::PutToParty, Some(last)) = (case.state(), case.states.last())
            && let Some(due) = late(&last.due)
        {
            tell(None, "当事人的陈述和申辩", due);
        }
        for item in case.open_items() {
            if let Some(due) = late(&item.due) {
                tell(Some(item.nr), &item.text, due);
            }
        }
    }
    all.sort_by(|a, b| (&a.due, &a.key, a.item).cmp(&(&b.due, &b.key, b.item)));
    Ok(all)
}
