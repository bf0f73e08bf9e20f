//! What was noticed, for other screens: rows, lights at lines and days, visits and clauses.
//!
//! Principal findings only: what stands under one is told on its page.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_app::rules::Finding;
use spotcheck_domain::time::day_number;
use spotcheck_face::HitItem;

use crate::app::App;
use crate::claims::fees::Marks;
use crate::findings::suspicions::{light_number, principals, title};

/// Clauses that findings about a fee line cite, each once.
pub(crate) fn clauses_of_line(app: &App, mdtrt_id: &str, bkkp_sn: &str) -> Vec<String> {
    let findings = app.suspicions.findings.borrow();
    let own = findings.iter().map(|m| &m.finding).filter(|f| {
        f.mdtrt_id.as_deref() == Some(mdtrt_id) && f.bkkp_sn.iter().any(|line| line == bkkp_sn)
    });
    let all: BTreeSet<String> = own.flat_map(|f| f.clause.iter().cloned()).collect();
    all.into_iter().collect()
}

/// Findings as rows of another screen, weightiest first.
pub(crate) fn hits(app: &App, wanted: impl Fn(&Finding) -> bool) -> Vec<HitItem> {
    let findings = app.suspicions.findings.borrow();
    let order = app.suspicions.order.borrow();
    let all = order.iter().filter_map(|n| Some((*n, &findings.get(*n)?.finding)));
    all.filter(|(_, f)| wanted(f)).map(|(n, f)| hit(n, f)).collect()
}

/// A finding as a row of another screen; `n` is its place.
pub(crate) fn hit(n: usize, finding: &Finding) -> HitItem {
    HitItem {
        n: i32::try_from(n).unwrap_or(i32::MAX),
        light: light_number(finding),
        title: title(finding).into(),
        text: finding.reason.as_str().into(),
    }
}

/// The surest light by line and day of a visit.
pub(crate) fn marks(app: &App, mdtrt_id: &str) -> Marks {
    let mut marks = Marks::default();
    let put = |map: &mut BTreeMap<String, i32>, key: &String, light: i32| {
        let kept = map.entry(key.clone()).or_insert(light);
        *kept = light.min(*kept);
    };
    for finding in principals(&app.suspicions.findings.borrow()).map(|m| &m.finding) {
        if finding.mdtrt_id.as_deref() != Some(mdtrt_id) {
            continue;
        }
        let light = light_number(finding);
        for line in &finding.bkkp_sn {
            put(&mut marks.lines, line, light);
        }
        if let Some(day) = finding.date.as_ref().filter(|_| !finding.bkkp_sn.is_empty()) {
            put(&mut marks.days, day, light);
        }
    }
    marks
}

/// Visits about which something was noticed, with the surest light of each.
pub(crate) fn visits_of_person(app: &App, psn_no: &str) -> BTreeMap<String, i32> {
    let mut visits: BTreeMap<String, i32> = BTreeMap::new();
    for finding in principals(&app.suspicions.findings.borrow()).map(|m| &m.finding) {
        if finding.psn_no.as_deref() != Some(psn_no) {
            continue;
        }
        let light = light_number(finding);
        for visit in finding.mdtrt_id.iter().chain(&finding.also) {
            let kept = visits.entry(visit.clone()).or_insert(light);
            *kept = light.min(*kept);
        }
    }
    visits
}

/// Days on which something was noticed about a person, with the surest light of the day.
pub(crate) fn days_of_person(app: &App, psn_no: &str) -> BTreeMap<i64, i32> {
    let mut days: BTreeMap<i64, i32> = BTreeMap::new();
    for finding in principals(&app.suspicions.findings.borrow()).map(|m| &m.finding) {
        let about = finding.psn_no.as_deref() == Some(psn_no);
        let day = finding.date.as_deref().filter(|_| about).and_then(day_number);
        if let Some(day) = day {
            let light = light_number(finding);
            let kept = days.entry(day).or_insert(light);
            *kept = light.min(*kept);
        }
    }
    days
}
