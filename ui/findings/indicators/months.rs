//! A figure by calendar month: two lines over one axis, and the numbers of both in a list.
//!
//! The n-th month of the other period stands under the n-th of this one. A month without a figure breaks the line;
//! nothing is drawn across it. The axis begins at zero unless something lies below it.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};
use spotcheck_app::rules::indicators::{Line, Month};
use spotcheck_face::{FigureItem, Indicators, TrendItem};

use super::{number, signed, with_unit};
use crate::app::App;
use crate::words;

/// What separates the two days in an id.
const BETWEEN: &str = "..";
/// Names of months under the chart at most.
const NAMES: usize = 12;

fn id(month: &Month) -> String {
    format!("{}{BETWEEN}{}", month.from, month.to)
}

/// First and last day of an id.
pub(super) fn of(id: &str) -> Option<(String, String)> {
    let (from, to) = id.split_once(BETWEEN)?;
    Some((from.to_owned(), to.to_owned()))
}

fn value(month: &Month) -> Option<f32> {
    month.cell.value.as_ref().and_then(|v| v.parse::<f32>().ok()).filter(|v| v.is_finite())
}

fn small(n: usize) -> f32 {
    f32::from(u16::try_from(n).unwrap_or(u16::MAX))
}

/// Points of one line, each with the stretch to the next one.
fn points(months: &[Month], slots: usize, (low, high): (f32, f32)) -> Vec<TrendItem> {
    let across = |n: usize| (small(n) + 0.5) / small(slots.max(1));
    let range = if high > low { high - low } else { 1.0 };
    let up = |v: f32| (v - low) / range;
    let every = slots.div_ceil(NAMES).max(1);
    months
        .iter()
        .enumerate()
        .map(|(n, month)| {
            let here = value(month);
            let next = months.get(n.saturating_add(1)).and_then(value).filter(|_| here.is_some());
            let named = n.checked_rem(every) == Some(0);
            TrendItem {
                x: across(n),
                y: here.map_or(0.0, up),
                shown: here.is_some(),
                to_x: across(n.saturating_add(1)),
                to_y: next.map_or(0.0, up),
                joined: next.is_some(),
                name: if named { words::month_number(&month.from).into() } else { "".into() },
            }
        })
        .collect()
}

/// Lowest and highest of both lines, zero among them.
fn bounds(line: &Line) -> (f32, f32) {
    let values = line.months.iter().chain(&line.months_against).filter_map(value);
    values.fold((0.0, 0.0), |(low, high), v| (v.min(low), v.max(high)))
}

/// Draws both lines.
pub(super) fn draw(app: &Rc<App>, line: &Line, other: &str) {
    let face = app.window.global::<Indicators<'_>>();
    let both = bounds(line);
    let slots = line.months.len().max(line.months_against.len());
    let model = |months: &[Month]| ModelRc::new(VecModel::from(points(months, slots, both)));
    face.set_months(model(&line.months));
    face.set_months_other(model(&line.months_against));
    let highest = line.months.iter().chain(&line.months_against).filter(|m| value(m).is_some());
    let highest = highest.max_by(|a, b| {
        value(a).unwrap_or(0.0).total_cmp(&value(b).unwrap_or(0.0)).then(b.from.cmp(&a.from))
    });
    let top = highest.map(|m| with_unit(m.cell.value.as_ref(), &line.unit));
    face.set_months_top(top.unwrap_or_default().into());
    face.set_other_name(other.into());
}

/// No chart.
pub(super) fn clear(app: &Rc<App>) {
    let face = app.window.global::<Indicators<'_>>();
    face.set_months(ModelRc::default());
    face.set_months_other(ModelRc::default());
    face.set_monthly(false);
}

/// The numbers of the chart, oldest first.
pub(super) fn items(line: &Line, other: &str) -> Vec<FigureItem> {
    let all = line.months.iter().chain(&line.months_against);
    let most = all.map(|m| number(m.cell.value.as_ref())).fold(0.0, f32::max);
    let share = |v: Option<&String>| if most > 0.0 { number(v) / most } else { 0.0 };
    line.months
        .iter()
        .enumerate()
        .map(|(n, month)| {
            let beside = line.months_against.get(n).and_then(|m| m.cell.value.as_ref());
            FigureItem {
                id: id(month).into(),
                name: words::month(&id(month)).into(),
                value: with_unit(month.cell.value.as_ref(), &line.unit).into(),
                other: beside
                    .map_or_else(String::new, |v| {
                        format!("{other} {}", with_unit(Some(v), &line.unit))
                    })
                    .into(),
                growth: signed(growth(month.cell.value.as_ref(), beside).as_ref()).into(),
                share: share(month.cell.value.as_ref()),
                other_share: share(beside),
                ..FigureItem::default()
            }
        })
        .collect()
}

/// In percent of what was, two decimals; nothing grows from zero or less, or from what was not uploaded.
fn growth(now: Option<&String>, was: Option<&String>) -> Option<String> {
    let cents = |v: Option<&String>| spotcheck_domain::Amount::parse(v?).ok();
    let (now, was) = (cents(now)?.millionths(), cents(was)?.millionths());
    if was <= 0 {
        return None;
    }
    let wide = i128::from(now.checked_sub(was)?).checked_mul(10_000)?;
    let whole = i128::from(was);
    let (sign, wide) = (if wide < 0 { "-" } else { "" }, wide.checked_abs()?);
    let hundredths = wide.checked_mul(2)?.checked_add(whole)?.checked_div(whole.checked_mul(2)?)?;
    let (units, rest) = (hundredths.checked_div(100)?, hundredths.checked_rem(100)?);
    Some(format!("{sign}{units}.{rest:02}"))
}

#[cfg(test)]
mod tests {
    use spotcheck_app::rules::indicators::Cell;

    use super::*;

    fn month(from: &str, value: Option<&str>) -> Month {
        let cell = Cell { value: value.map(str::to_owned), ..Cell::default() };
        Month { from: from.to_owned(), to: from.to_owned(), cell }
    }

    #[test]
    fn a_month_without_a_figure_breaks_the_line() {
        let months = [
            month("2026-01-01", Some("10")),
            month("2026-02-01", None),
            month("2026-03-01", Some("20")),
            month("2026-04-01", Some("0")),
        ];
        let drawn = points(&months, 4, (0.0, 20.0));
        assert_eq!(drawn.iter().map(|p| p.shown).collect::<Vec<_>>(), [true, false, true, true]);
        assert_eq!(drawn.iter().map(|p| p.joined).collect::<Vec<_>>(), [false, false, true, false]);
        assert!((drawn[0].y - 0.5).abs() < 0.001 && (drawn[2].y - 1.0).abs() < 0.001);
        assert!((drawn[0].x - 0.125).abs() < 0.001);
        assert_eq!(drawn[2].name, "3");
    }

    #[test]
    fn growth_is_of_what_was() {
        let text = |v: &str| v.to_owned();
        let of = |now: &str, was: &str| growth(Some(&text(now)), Some(&text(was)));
        assert_eq!(of("110", "100").as_deref(), Some("10.00"));
        assert_eq!(of("90.50", "100").as_deref(), Some("-9.50"));
        assert_eq!(of("1", "3").as_deref(), Some("-66.67"));
        assert_eq!(of("1", "0"), None);
        assert_eq!(growth(None, Some(&text("3"))), None);
    }

    #[test]
    fn an_id_tells_its_days() {
        let january = month("2026-01-06", None);
        assert_eq!(of(&id(&january)), Some(("2026-01-06".to_owned(), "2026-01-06".to_owned())));
        assert_eq!(of("D01"), None);
    }
}
