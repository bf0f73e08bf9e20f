//! Which period is looked at, and which one stands beside it: a few that are usual, or any two.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_domain::time::day_number;
use spotcheck_domain::{BeijingTime, Precision, Trouble};
use spotcheck_face::Indicators;

use crate::app::App;
use crate::findings::indicators;
use crate::frame::{place, trouble};
use crate::language::{mark, say, word};

/// First and last day, `yyyy-MM-dd`.
type Period = (String, String);

/// First and last day, counted from 1970-01-01.
type Days = (i64, i64);

/// What a period is called; in words only when it is shown, because the language may change meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Whole,
    Year(i64),
    Last,
    Typed,
}

impl Name {
    fn words(self) -> String {
        match self {
            Self::Whole => say!("整个检查期间").to_owned(),
            Self::Year(year) => say!("{} 年", year),
            Self::Last => say!("最后 90 天").to_owned(),
            Self::Typed => say!("自定期间").to_owned(),
        }
    }
}

/// Two periods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// What can be chosen: name and days; the last one is typed.
    choices: Vec<(Name, Days)>,
    chosen: usize,
    /// 0 none, 1 the same days a year before, 2 as many days right before, 3 typed.
    against: usize,
    typed: Days,
    typed_other: Days,
}

/// What stands beside it.
const OTHERS: [&str; 4] =
    [mark!("上年同期"), mark!("前一段同样长"), mark!("不对照"), mark!("自定对照")];
/// How the other period is called beside a figure.
const OTHER_WORDS: [&str; 4] = [mark!("上年"), mark!("前段"), "", mark!("对照")];

fn text(day: i64) -> String {
    BeijingTime::from_seconds(day.saturating_mul(86_400)).display(Precision::Day)
}

fn year_of(day: i64) -> i64 {
    text(day).get(0..4).and_then(|y| y.parse().ok()).unwrap_or(1970)
}

/// The same date of the year before; the 29th of February becomes the 28th.
fn year_before(day: i64) -> i64 {
    let date = text(day);
    let rest = date.get(4..).unwrap_or_default();
    let year = year_of(day).saturating_sub(1);
    let rest = if rest == "-02-29" { "-02-28" } else { rest };
    day_number(&format!("{year:04}{rest}")).unwrap_or_else(|| day.saturating_sub(365))
}

/// What was chosen among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Chosen {
    /// The days themselves, where a year or the whole period was chosen.
    days: Days,
    /// They were typed.
    by_hand: bool,
    against: usize,
    other: Days,
}

impl Span {
    /// What stands now.
    pub(crate) fn chosen(&self) -> Chosen {
        let by_hand = self.chosen.saturating_add(1) == self.choices.len();
        Chosen { days: self.days(), by_hand, against: self.against, other: self.typed_other }
    }

    /// As it stood before.
    pub(crate) fn choose(&mut self, kept: Chosen) {
        let typed = self.choices.len().saturating_sub(1);
        let offered = self.choices.iter().take(typed).position(|c| c.1 == kept.days);
        match offered.filter(|_| !kept.by_hand) {
            Some(at) => self.chosen = at,
            None => {
                self.chosen = typed;
                self.typed = kept.days;
            }
        }
        self.against = kept.against.min(OTHERS.len().saturating_sub(1));
        self.typed_other = kept.other;
    }

    /// The period of a task, its calendar years and its end.
    pub(crate) fn of(from: &str, to: &str) -> Self {
        let (from, to) = (day_number(from).unwrap_or(0), day_number(to).unwrap_or(0));
        let mut choices = vec![(Name::Whole, (from, to))];
        for year in year_of(from)..=year_of(to) {
            let days =
                (day_number(&format!("{year:04}-01-01")), day_number(&format!("{year:04}-12-31")));
            if let (Some(first), Some(last)) = days
                && choices.len() < 5
                && (from, to) != (first.max(from), last.min(to))
            {
                choices.push((Name::Year(year), (first.max(from), last.min(to))));
            }
        }
        choices.push((Name::Last, (to.saturating_sub(89).max(from), to)));
        choices.push((Name::Typed, (from, to)));
        Self { choices, chosen: 0, against: 0, typed: (from, to), typed_other: (from, to) }
    }

    fn days(&self) -> Days {
        let typed = self.chosen.saturating_add(1) == self.choices.len();
        let chosen = self.choices.get(self.chosen).map(|c| c.1).unwrap_or_default();
        if typed { self.typed } else { chosen }
    }

    fn other(&self) -> Option<Days> {
        let (from, to) = self.days();
        match self.against {
            0 => Some((year_before(from), year_before(to))),
            1 => {
                let last = from.saturating_sub(1);
                Some((last.saturating_sub(to.saturating_sub(from)), last))
            }
            2 => None,
            _ => Some(self.typed_other),
        }
    }

    /// As the desk is asked.
    pub(crate) fn periods(&self) -> (Option<Period>, Option<Period>) {
        let words = |(from, to): Days| (text(from), text(to));
        (Some(words(self.days())), self.other().map(words))
    }

    /// `2026-01-01 至 2026-11-23 · 对照 上年同期`.
    pub(crate) fn words(&self) -> String {
        let (from, to) = self.days();
        let days = say!("{} 至 {}", text(from), text(to));
        match self.other() {
            None => days,
            Some((a, b)) if self.against == 3 => {
                say!("{} · 对照 {} 至 {}", days, text(a), text(b))
            }
            Some(_) => {
                let other = OTHERS.get(self.against).copied().unwrap_or_default();
                say!("{} · 对照{}", days, word(other))
            }
        }
    }

    /// The other period's name beside a figure.
    pub(crate) fn other_words(&self) -> &'static str {
        word(OTHER_WORDS.get(self.against).copied().unwrap_or_default())
    }
}

pub(crate) fn connect(app: &Rc<App>) {
    let face = app.window.global::<Indicators<'_>>();
    face.on_change_span(app.on(open));
    face.on_choose_span(app.on_with(|app, n: i32| {
        app.indicators.span.borrow_mut().chosen = usize::try_from(n).unwrap_or(0);
        draw(app);
    }));
    face.on_choose_other(app.on_with(|app, n: i32| {
        app.indicators.span.borrow_mut().against = usize::try_from(n).unwrap_or(0);
        draw(app);
    }));
    face.on_span_done(app.on(done));
}

fn draw(app: &Rc<App>) {
    let span = app.indicators.span.borrow().clone();
    let face = app.window.global::<Indicators<'_>>();
    face.set_spans(ModelRc::new(VecModel::from_iter(
        span.choices.iter().map(|c| SharedString::from(c.0.words())),
    )));
    face.set_others(ModelRc::new(VecModel::from_iter(OTHERS.map(word).map(SharedString::from))));
    face.set_chosen_span(i32::try_from(span.chosen).unwrap_or(0));
    face.set_chosen_other(i32::try_from(span.against).unwrap_or(0));
}

fn open(app: &Rc<App>) {
    let span = app.indicators.span.borrow().clone();
    let face = app.window.global::<Indicators<'_>>();
    face.set_from(text(span.typed.0).into());
    face.set_to(text(span.typed.1).into());
    face.set_other_from(text(span.typed_other.0).into());
    face.set_other_to(text(span.typed_other.1).into());
    draw(app);
    face.set_choosing(true);
}

fn done(app: &Rc<App>) {
    let face = app.window.global::<Indicators<'_>>();
    let read = |from: SharedString, to: SharedString| {
        let days = (day_number(from.trim()), day_number(to.trim()));
        match days {
            (Some(from), Some(to)) if from <= to => Some((from, to)),
            _ => None,
        }
    };
    let own = read(face.get_from(), face.get_to());
    let other = read(face.get_other_from(), face.get_other_to());
    let (Some(own), Some(other)) = (own, other) else {
        return trouble::show(
            app,
            &Trouble::new(
                "UI-PERIOD",
                "期间的写法不对，或开始晚于结束",
                "原来的数字还在，没有重新计算",
                "写成 2026-01-01 这样的日期",
            ),
        );
    };
    {
        let mut span = app.indicators.span.borrow_mut();
        span.typed = own;
        span.typed_other = other;
    }
    app.drop_keyboard();
    face.set_choosing(false);
    place::remember(app);
    indicators::compute_topic(app);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_period_is_the_same_days_a_year_before_or_as_many_right_before() {
        let mut span = Span::of("2024-02-29", "2026-06-30");
        let names: Vec<String> = span.choices.iter().map(|c| c.0.words()).collect();
        assert_eq!(
            names,
            ["整个检查期间", "2024 年", "2025 年", "2026 年", "最后 90 天", "自定期间"]
        );
        let (own, other) = span.periods();
        assert_eq!(own, Some(("2024-02-29".to_owned(), "2026-06-30".to_owned())));
        assert_eq!(other, Some(("2023-02-28".to_owned(), "2025-06-30".to_owned())));
        span.chosen = 2;
        span.against = 1;
        assert_eq!(span.periods().1, Some(("2024-01-02".to_owned(), "2024-12-31".to_owned())));
        let mut again = Span::of("2024-02-29", "2026-06-30");
        again.choose(span.chosen());
        assert_eq!(again, span, "as it was left");
        span.against = 2;
        assert_eq!(span.periods().1, None);
        assert_eq!(span.words(), "2025-01-01 至 2025-12-31");
    }
}
