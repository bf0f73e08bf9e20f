//! A figure by month is what the figure of that month is, whatever stands beside it.

use super::*;

/// The months of both periods, cut off where the period is; each equal to a question about that month alone.
#[rstest]
#[case("医疗费总额")]
#[case("药品费占比")]
#[case("平均住院日")]
#[case("实际占用床日")]
#[case("日均医疗费")]
#[case("核定床位使用率")]
#[case("就诊人数")]
fn a_month_is_what_it_is_alone(#[case] name: &str) {
    let source = hospital();
    let asked = ask(&source, name, |a| {
        a.period = period("2026-01-06", "2026-03-31");
        a.against = Some(period("2025-12-01", "2026-01-05"));
        a.months = true;
    });
    let line = &asked.indicators[0];
    let days = |months: &[super::super::Month]| -> Vec<(String, String)> {
        months.iter().map(|m| (m.from.clone(), m.to.clone())).collect()
    };
    let texts = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    assert_eq!(
        days(&line.months),
        texts(&[
            ("2026-01-06", "2026-01-31"),
            ("2026-02-01", "2026-02-28"),
            ("2026-03-01", "2026-03-31")
        ])
    );
    assert_eq!(
        days(&line.months_against),
        texts(&[("2025-12-01", "2025-12-31"), ("2026-01-01", "2026-01-05")])
    );
    for month in line.months.iter().chain(&line.months_against) {
        let alone = ask(&source, name, |a| a.period = period(&month.from, &month.to));
        assert_eq!(month.cell, alone.indicators[0].cell, "{name} {}", month.from);
    }
    // What was asked beside it is as if no month had been asked for.
    let plain = ask(&source, name, |a| {
        a.period = period("2026-01-06", "2026-03-31");
        a.against = Some(period("2025-12-01", "2026-01-05"));
    });
    let plain = &plain.indicators[0];
    assert_eq!(
        (&line.cell, &line.against, &line.growth),
        (&plain.cell, &plain.against, &plain.growth)
    );
    assert!(plain.months.is_empty());
}

/// Without another period nothing is compared, although there are months behind the first one.
#[test]
fn months_are_no_period_to_compare_with() {
    let source = hospital();
    let asked = ask(&source, "金额前 20 位的药品", |a| a.months = true);
    let line = &asked.indicators[0];
    assert_eq!((line.months.len(), line.months_against.len()), (3, 0));
    assert_eq!((&line.against, &line.growth), (&None, &None));
    assert!(line.list.iter().all(|p| p.against.is_none()), "{:?}", line.list);
    let grown = ask(&source, "医疗费总额增幅", |a| a.months = true);
    assert!(grown.indicators[0].months.is_empty(), "a growth is about two periods itself");
}
