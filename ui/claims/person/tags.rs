//! What has to be known of a person before anything else, as tags under the name.

use std::rc::Rc;

use spotcheck_domain::claims::{Instant, PersonView, VisitElsewhere};
use spotcheck_face::AlertItem;

use crate::app::App;
use crate::frame::noticed;
use crate::language::say;
use crate::words;

/// Death, registered chronic disease, stays that overlap, and how much was noticed.
pub(crate) fn tags(
    app: &Rc<App>,
    view: &PersonView,
    elsewhere: &[VisitElsewhere],
) -> Vec<AlertItem> {
    let mut lights = [0_usize; 3];
    for hit in noticed::hits(app, |f| f.psn_no.as_ref() == Some(&view.psn_no)) {
        if let Some(count) = usize::try_from(hit.light).ok().and_then(|n| lights.get_mut(n)) {
            *count = count.saturating_add(1);
        }
    }
    said(view, elsewhere, lights)
}

fn said(
    view: &PersonView,
    elsewhere: &[VisitElsewhere],
    [red, yellow, _]: [usize; 3],
) -> Vec<AlertItem> {
    let mut tags: Vec<AlertItem> = Vec::new();
    let mut tag = |light: i32, text: String| tags.push(AlertItem { text: text.into(), light });
    if let Some(died) = view.die_date {
        tag(-1, say!("死亡 {}", died.display()));
    }
    match overlaps(view, elsewhere) {
        0 => {}
        n => tag(-1, say!("重叠住院 {}", n)),
    }
    if red > 0 {
        tag(0, say!("红 {}", red));
    }
    if yellow > 0 {
        tag(1, say!("黄 {}", yellow));
    }
    match view.chronic.as_slice() {
        [] => {}
        [one] => tag(-1, say!("慢特病 {}", one.dise_name.as_deref().unwrap_or(&one.dise_codg))),
        many => tag(-1, say!("慢特病 {} 种", many.len())),
    }
    tags
}

/// Pairs of stays, here and elsewhere, that share more than the day on which one ends and the next begins.
fn overlaps(view: &PersonView, elsewhere: &[VisitElsewhere]) -> usize {
    let stay = |begin: Option<Instant>, end: Option<Instant>, med: Option<&str>| {
        let begin = begin?.at.day();
        words::is_stay(med).then(|| (begin, end.map_or(begin, |e| e.at.day())))
    };
    let own = view.visits.iter().filter_map(|v| stay(v.begntime, v.endtime, v.med_type.as_deref()));
    let away = elsewhere.iter().filter_map(|v| stay(v.begntime, v.endtime, v.med_type.as_deref()));
    let mut stays: Vec<(i64, i64)> = own.chain(away).collect();
    stays.sort_unstable();
    let later = |n: usize| stays.iter().skip(n.saturating_add(1));
    let pairs = stays.iter().enumerate();
    pairs.map(|(n, (_, end))| later(n).filter(|(begin, _)| begin < end).count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::fake_desk::FakeDesk;
    use spotcheck_app::desk::Desk;
    use spotcheck_domain::{BeijingTime, Precision};

    fn day(n: i64) -> Option<Instant> {
        Some(Instant { at: BeijingTime::from_seconds(n * 86_400), p: Precision::Day })
    }

    fn words(tags: &[AlertItem]) -> Vec<&str> {
        tags.iter().map(|t| t.text.as_str()).collect()
    }

    #[test]
    fn what_matters_most_stands_first() {
        let mut desk = FakeDesk::new();
        let task = desk.tasks().unwrap()[0].task.id.clone();
        desk.check_package(&task).unwrap();
        let mut view = desk.person(&task, "P-0001", "test").unwrap().unwrap();
        let mut elsewhere = desk.elsewhere(&task, "P-0001", None).unwrap();
        assert_eq!(words(&said(&view, &elsewhere, [0, 0, 4])), ["慢特病 高血压"]);
        view.die_date = day(20_000);
        elsewhere[0].med_type = Some("21".to_owned());
        let stay = &view.visits[0];
        let begin = stay.begntime.unwrap().at.day();
        elsewhere[0].begntime = day(begin + 2);
        elsewhere[0].endtime = day(begin + 5);
        assert_eq!(
            words(&said(&view, &elsewhere, [2, 3, 0])),
            ["死亡 2024-10-04", "重叠住院 1", "红 2", "黄 3", "慢特病 高血压"]
        );
        elsewhere[0].begntime = stay.endtime;
        elsewhere[0].endtime = day(begin + 30);
        assert_eq!(overlaps(&view, &elsewhere), 0, "moved from one house to the next on one day");
    }
}
