//! A person's year at a glance: stays and visits as strokes, and the lights of what was noticed.

use std::collections::BTreeMap;
use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};
use spotcheck_domain::Amount;
use spotcheck_domain::claims::{Instant, PersonView, VisitElsewhere};
use spotcheck_domain::time::{beijing_date, day_number};
use spotcheck_face::{CountItem, LightItem, Person, SpanItem};

use super::NEAR_DAYS;
use crate::app::App;
use crate::frame::noticed;
use crate::language::say;
use crate::words;

/// First day and length of a year.
fn year_days(year: i32) -> Option<(i64, i64)> {
    let begin = day_number(&format!("{year:04}-01-01"))?;
    let end = day_number(&format!("{:04}-01-01", year.saturating_add(1)))?;
    Some((begin, end.saturating_sub(begin)))
}

/// A part of the year, 0 to 1.
fn part(days: i64, length: i64) -> f32 {
    let thousandths = days.saturating_mul(10_000).checked_div(length.max(1)).unwrap_or(0);
    f32::from(i16::try_from(thousandths).unwrap_or(i16::MAX)) / 10_000.0
}

pub(crate) fn year_of(time: Option<Instant>) -> Option<i32> {
    time?.display().get(0..4)?.parse().ok()
}

/// 0 stay, 1 outpatient, 2 pharmacy.
fn lane(med_type: Option<&str>) -> i32 {
    if words::is_stay(med_type) {
        0
    } else if med_type == Some("41") {
        2
    } else {
        1
    }
}

pub(crate) struct Year {
    pub(crate) spans: Vec<SpanItem>,
    pub(crate) counts: Vec<CountItem>,
    pub(crate) words: String,
}

/// The year's picture and its three numbers; the numbers are of this facility.
pub(crate) fn year_picture(view: &PersonView, elsewhere: &[VisitElsewhere], year: i32) -> Year {
    let mut spans = Vec::new();
    let Some((first, length)) = year_days(year) else {
        return Year { spans, counts: Vec::new(), words: String::new() };
    };
    let mut add = |begin: Option<Instant>, end: Option<Instant>, med: Option<&str>, own: bool| {
        let Some(begin) = begin.map(|t| t.at.day().saturating_sub(first)) else { return false };
        let end = end.map_or(begin, |t| t.at.day().saturating_sub(first)).max(begin);
        if end < 0 || begin >= length {
            return false;
        }
        let from = begin.max(0);
        let width = end.min(length).saturating_sub(from);
        let row = lane(med);
        spans.push(SpanItem {
            row,
            from: part(from, length),
            width: if row == 0 { part(width, length) } else { 0.0 },
            own,
        });
        true
    };
    let (mut stays, mut days, mut others) = (0_u64, 0_i64, 0_u64);
    let mut fund = Amount::ZERO;
    for v in &view.visits {
        if !add(v.begntime, v.endtime, v.med_type.as_deref(), true) {
            continue;
        }
        if words::is_stay(v.med_type.as_deref()) {
            stays = stays.saturating_add(1);
            if let (Some(begin), Some(end)) = (v.begntime, v.endtime) {
                days = days.saturating_add(end.at.day().saturating_sub(begin.at.day()).max(0));
            }
        } else {
            others = others.saturating_add(1);
        }
        fund = fund.checked_add(v.fund_pay_sumamt).unwrap_or(fund);
    }
    let mut away = 0_u64;
    for v in elsewhere {
        away = away.saturating_add(u64::from(add(
            v.begntime,
            v.endtime,
            v.med_type.as_deref(),
            false,
        )));
    }
    let words = say!(
        "{} 年：本院住院 {} 次共 {} 天，门诊购药 {} 次，他处 {} 次",
        year,
        stays,
        days,
        others,
        away
    );
    let count =
        |value: String, label: String| CountItem { value: value.into(), label: label.into() };
    let counts = vec![
        count(say!("{} 次", stays), say!("住院 {} 天", days)),
        count(say!("{} 次", others), say!("门诊、购药").to_owned()),
        count(words::yuan(fund), say!("基金支付").to_owned()),
    ];
    Year { spans, counts, words }
}

/// The marks of a year. Marks that would lie over each other are one, and it is the surest of them, on its own
/// day: the list tells them apart, but a red one is never hidden behind a green one.
fn marks(days: &BTreeMap<i64, i32>, begin: i64, length: i64) -> Vec<LightItem> {
    let mut wanted: Vec<(i32, i64)> = days
        .iter()
        .map(|(day, light)| (*light, day.saturating_sub(begin)))
        .filter(|(_, day)| (0..length).contains(day))
        .collect();
    wanted.sort_unstable();
    let mut kept: Vec<(i64, i32)> = Vec::new();
    for (light, day) in wanted {
        if kept.iter().all(|(other, _)| other.abs_diff(day) > NEAR_DAYS.unsigned_abs()) {
            kept.push((day, light));
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|(day, light)| LightItem { from: part(day, length), light }).collect()
}

pub(crate) fn draw_year(app: &Rc<App>) {
    let Some((view, _)) = app.person.view() else { return };
    let elsewhere = app.person.elsewhere.borrow().clone();
    let year = app.person.year.get();
    let years = view
        .visits
        .iter()
        .map(|v| v.begntime)
        .chain(elsewhere.iter().map(|v| v.begntime))
        .filter_map(year_of);
    let (first, last) = years.fold((year, year), |(a, b), y| (a.min(y), b.max(y)));
    let picture = year_picture(&view, &elsewhere, year);
    let face = app.window.global::<Person<'_>>();
    face.set_year(say!("{} 年", year).into());
    face.set_earlier(first < year);
    face.set_later(last > year);
    face.set_spans(ModelRc::new(VecModel::from(picture.spans)));
    face.set_counts(ModelRc::new(VecModel::from(picture.counts)));
    face.set_year_words(picture.words.into());
    let mut lights = Vec::new();
    let mut now = -1.0;
    if let Some((begin, length)) = year_days(year) {
        lights = marks(&noticed::days_of_person(app, &view.psn_no), begin, length);
        let today = day_number(&beijing_date(app.clock.read().wall_ms));
        if let Some(today) =
            today.map(|t| t.saturating_sub(begin)).filter(|t| (0..length).contains(t))
        {
            now = part(today, length);
        }
    }
    face.set_lights(ModelRc::new(VecModel::from(lights)));
    face.set_now(now);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is surest is seen: a green mark a week earlier does not stand in front of it.
    #[test]
    fn the_surest_light_of_a_cluster_is_kept() {
        let shown = |days: &[(i64, i32)]| -> Vec<i32> {
            let days: BTreeMap<i64, i32> = days.iter().copied().collect();
            marks(&days, 0, 365).iter().map(|mark| mark.light).collect()
        };
        assert_eq!(shown(&[(10, 2), (17, 0), (24, 1)]), [0], "red of green, red, yellow");
        assert_eq!(shown(&[(10, 2), (20, 1)]), [1]);
        assert_eq!(shown(&[(10, 0), (26, 2), (30, 1)]), [0, 1], "two clusters");
        assert_eq!(shown(&[(-3, 0), (5, 2), (365, 0)]), [2], "another year has its own picture");
        let days = BTreeMap::from([(10, 2), (17, 0)]);
        assert!((marks(&days, 0, 365)[0].from - part(17, 365)).abs() < 0.0001, "on its own day");
    }
}
