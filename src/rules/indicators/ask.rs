//! What is asked of the indicators, and which figures that means.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Catalogue, Dimension, Formula};
use crate::error::{Error, Result};

/// Months of one period at most: ten years.
const MOST_MONTHS: usize = 120;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// Indicator ids; with none and no topic: all.
    pub ids: Vec<String>,
    /// A topic.
    pub topic: Option<String>,
    /// Broken down by.
    pub by: Option<Dimension>,
    /// Only rows under these keys.
    pub only: Vec<(Dimension, String)>,
    /// First and last day (since 1970).
    pub period: (i64, i64),
    /// The period to compare with; growth without one takes the same days a year before.
    pub against: Option<(i64, i64)>,
    /// Which facility of the source; `None`: all of it.
    pub facility: Option<String>,
    /// Keys per indicator at most, largest first; 0: all.
    pub limit: usize,
    /// The rows behind one figure.
    pub behind: Option<BehindAsk>,
    /// The figures of the whole by calendar month too, of both periods.
    pub months: bool,
}

/// The rows behind the figure of the only asked indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BehindAsk {
    /// A key of the breakdown; `None`: all rows of the figure.
    pub key: Option<String>,
    /// Rows per term at most.
    pub limit: usize,
}

/// Which indicators an ask means, and which of them cannot be broken down or narrowed so.
pub(crate) struct Chosen {
    pub(crate) shown: Vec<String>,
    /// Shown ones with their reason for not being computed.
    pub(crate) unfit: BTreeMap<String, String>,
    /// Those that are computed, with the bases of growth.
    pub(crate) computed: Vec<String>,
}

impl Ask {
    /// The period, the one to compare with, and where months are asked for those of both in their order.
    pub(crate) fn periods(&self) -> Vec<(i64, i64)> {
        let mut all: Vec<(i64, i64)> = std::iter::once(self.period).chain(self.against).collect();
        if self.months {
            let parts: Vec<(i64, i64)> = all.iter().flat_map(|p| months(*p)).collect();
            all.extend(parts);
        }
        all
    }

    /// Every dimension that the ask uses.
    #[must_use]
    pub fn dimensions(&self) -> Vec<Dimension> {
        self.by.into_iter().chain(self.only.iter().map(|o| o.0)).collect()
    }

    /// True if something of the answer is guarded against 统方.
    ///
    /// # Errors
    /// [`Error::Ask`] where the ask cannot be answered.
    pub fn is_guarded(&self, catalogue: &Catalogue) -> Result<bool> {
        let chosen = self.choose(catalogue)?;
        let used = self.dimensions();
        let lines = self.behind.is_some();
        Ok(chosen.shown.iter().filter_map(|id| catalogue.indicators.get(id)).any(|i| {
            let mut used = used.clone();
            // The rows behind a figure about drugs name the drugs.
            if lines && catalogue.counts_drugs(&i.formula) {
                used.push(Dimension::Item);
            }
            !chosen.unfit.contains_key(&i.id) && catalogue.is_guarded(i, &used)
        }))
    }

    pub(crate) fn choose(&self, catalogue: &Catalogue) -> Result<Chosen> {
        let mut shown = self.ids.clone();
        if let Some(topic) = &self.topic {
            let known = catalogue.topics.get(topic);
            let known = known.ok_or_else(|| Error::Ask(format!("没有专题 {topic}")))?;
            shown.extend(known.indicators.iter().cloned());
        } else if shown.is_empty() {
            shown.extend(catalogue.indicators.keys().cloned());
        }
        let mut seen = BTreeSet::new();
        shown.retain(|id| seen.insert(id.clone()));
        if self.period.0 > self.period.1 || self.against.is_some_and(|(a, b)| a > b) {
            return Err(Error::Ask("期间的开始晚于结束".to_owned()));
        }
        let used = self.dimensions();
        let mut unfit = BTreeMap::new();
        let mut computed = Vec::new();
        for id in &shown {
            let indicator = catalogue.indicators.get(id);
            let indicator = indicator.ok_or_else(|| Error::Ask(format!("没有指标 {id}")))?;
            if let Some(d) = used.iter().find(|d| !indicator.dimensions.contains(d)) {
                let reason = format!("指标 {id} 不能按 {} 细分或限定", d.zh());
                if self.ids.contains(id) {
                    return Err(Error::Ask(reason));
                }
                unfit.insert(id.clone(), format!("不能按{}细分或限定", d.zh()));
                continue;
            }
            computed.push(id.clone());
            if let Formula::Growth(of) = &indicator.formula {
                computed.push(of.clone());
            }
        }
        if self.behind.is_some() && self.ids.len() != 1 {
            return Err(Error::Ask("查看明细时应只给一个指标".to_owned()));
        }
        Ok(Chosen { shown, unfit, computed })
    }
}

/// The calendar months of a period; the first and the last as far as they lie in it.
pub(crate) fn months((from, to): (i64, i64)) -> Vec<(i64, i64)> {
    let day_of = |date: chrono::NaiveDate| {
        date.signed_duration_since(chrono::NaiveDate::default()).num_days()
    };
    let (mut found, mut begin) = (Vec::new(), from);
    while begin <= to && found.len() < MOST_MONTHS {
        let date = chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(begin));
        let next = date
            .and_then(|d| chrono::Datelike::with_day(&d, 1))
            .and_then(|d| d.checked_add_months(chrono::Months::new(1)));
        let Some(next) = next else { break };
        let last = day_of(next).saturating_sub(1).min(to);
        found.push((begin, last));
        begin = day_of(next);
    }
    found
}

/// The same days a year before.
pub(crate) fn year_before((from, to): (i64, i64)) -> (i64, i64) {
    let back = |day: i64| {
        let date = chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(day));
        let date = date.and_then(|d| d.checked_sub_months(chrono::Months::new(12)));
        date.map_or(day, |d| d.signed_duration_since(chrono::NaiveDate::default()).num_days())
    };
    (back(from), back(to))
}
