//! Indicators of the task's facility, and the guard against 统方.
//!
//! What breaks drugs down by doctor or department opens only with a reason. The reason is in the device journal
//! before anything is computed, and so at the centre at the next push, which can see who opens many.

use serde::{Deserialize, Serialize};
use spotcheck_domain::claims::ClaimsReader;
use spotcheck_domain::task::Task;
use spotcheck_domain::time::day_number;
use spotcheck_domain::{TaskId, Trouble, TroubleResult};
use spotcheck_rules::indicators::{Answer, Ask, BehindAsk, Catalogue, Dimension, compute};

use crate::handheld::Handheld;

/// What an officer wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IndicatorQuery {
    /// A topic.
    pub topic: Option<String>,
    /// Indicator ids; with none and no topic: all.
    pub ids: Vec<String>,
    /// Broken down by.
    pub by: Option<Dimension>,
    /// Only rows under these keys.
    pub only: Vec<(Dimension, String)>,
    /// First and last day, `yyyy-MM-dd`; absent: the period of the task.
    pub period: Option<(String, String)>,
    /// The period to compare with.
    pub against: Option<(String, String)>,
    /// Keys per indicator at most; 0: all.
    pub limit: usize,
    /// Rows behind the only indicator wanted: under this key, or (`None` inside) all of them.
    pub behind: Option<Option<String>>,
    /// The figures by month too.
    #[serde(default)]
    pub months: bool,
    /// Why a breakdown that is guarded is opened.
    pub reason: Option<String>,
    /// Never answers what is guarded, whatever the reason: for everything that leaves the screen.
    pub export: bool,
}

/// Keys behind a figure at most: what stands for them is read as somebody looks.
const BEHIND_ROWS: usize = 20_000;

/// Shortest reason, in characters.
const REASON_CHARS: usize = 4;

fn period(text: Option<&(String, String)>) -> TroubleResult<Option<(i64, i64)>> {
    let Some((from, to)) = text else { return Ok(None) };
    match (day_number(from), day_number(to)) {
        (Some(from), Some(to)) if from <= to => Ok(Some((from, to))),
        _ => Err(Trouble::new(
            "INDICATORS-PERIOD",
            "期间的写法不对，或开始晚于结束",
            "没有执行任何操作",
            "写成 2026-01-01..2026-06-30",
        )),
    }
}

impl IndicatorQuery {
    /// The question to the indicators; the task gives the period where none is said.
    fn ask(&self, task: &Task) -> TroubleResult<Ask> {
        let own = (task.period_from.clone(), task.period_to.clone());
        let span = period(Some(self.period.as_ref().unwrap_or(&own)))?.unwrap_or_default();
        let behind = self.behind.clone().map(|key| BehindAsk { key, limit: BEHIND_ROWS });
        Ok(Ask {
            ids: self.ids.clone(),
            topic: self.topic.clone(),
            by: self.by,
            only: self.only.clone(),
            period: span,
            against: period(self.against.as_ref())?,
            facility: None,
            limit: self.limit,
            behind,
            months: self.months,
        })
    }
}

fn no_export() -> Trouble {
    Trouble::new(
        "INDICATORS-GUARDED",
        "医师或科室与药品、耗材、项目的对应数据不得导出、打印或写入案卷",
        "没有导出任何数据",
        "在手持机界面写明原因后查看；需要取证时从疑点的明细进入",
    )
}

fn no_reason() -> Trouble {
    Trouble::new(
        "INDICATORS-REASON",
        "查看医师或科室与药品、耗材、项目的对应数据需要写明原因",
        "没有打开任何数据",
        "写明与本次检查有关的原因，原因会记入设备日志并报告中心",
    )
}

impl Handheld {
    /// The figures of the packs in force for the task: a region's own come with its package; without one, the
    /// nation's.
    pub(crate) fn do_catalogue(&mut self, task: &TaskId) -> TroubleResult<Catalogue> {
        match self.do_rules_in_force(task) {
            Ok((pack, _)) => Ok(pack.indicators),
            Err(trouble) if ["PACKAGE-NONE", "PACKAGE-UNCHECKED"].contains(&&*trouble.code) => {
                Ok(spotcheck_rules::national()?.indicators)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Checks a query against the guard and writes the reason down; what comes back may be computed.
    pub(crate) fn may_ask(
        &mut self,
        task: &TaskId,
        query: &IndicatorQuery,
    ) -> TroubleResult<(Ask, Catalogue)> {
        let own = self.my_task(task)?;
        // Without a package nothing will be computed; the guard is asked all the same, by the national figures.
        let catalogue = self.do_catalogue(task)?;
        let ask = query.ask(&own)?;
        if ask.is_guarded(&catalogue)? {
            if query.export {
                return Err(no_export());
            }
            let dimensions: Vec<&str> = ask.dimensions().iter().map(|d| d.as_str()).collect();
            let what: Vec<String> =
                query.topic.clone().into_iter().chain(query.ids.iter().cloned()).collect();
            let reason = query.reason.as_deref();
            self.tell_guarded(task, &what.join(","), &dimensions.join("×"), reason)?;
        }
        Ok((ask, catalogue))
    }
}

impl Handheld {
    /// The reason for what is guarded goes into the device journal before anything is read; without one nothing is.
    pub(crate) fn tell_guarded(
        &mut self,
        task: &TaskId,
        what: &str,
        by: &str,
        reason: Option<&str>,
    ) -> TroubleResult<()> {
        let reason = reason.map(str::trim).unwrap_or_default();
        if reason.chars().count() < REASON_CHARS {
            return Err(no_reason());
        }
        let draft = self
            .draft("guarded_viewed")?
            .about(task.as_str())
            .fact("indicators", what)
            .fact("by", by)
            .fact("reason", reason);
        self.journal_device(draft)
    }
}

/// Computes over an open package.
pub(crate) fn answer(
    reader: &dyn ClaimsReader,
    catalogue: &Catalogue,
    ask: &Ask,
    watch: &mut dyn spotcheck_rules::Watch,
) -> TroubleResult<Answer> {
    let columns = reader.columns();
    Ok(compute(columns.as_ref(), catalogue, ask, watch)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use secrecy::SecretString;
    use spotcheck_domain::{ManualClock, OfficerId, TaskId};

    use super::{Dimension, IndicatorQuery};
    use crate::desk::Desk as _;
    use crate::memory::{BEGIN_MS, Disk, handheld};

    /// rules.md, against 统方: a reason first, in the journal before anything is computed; never an export.
    #[test]
    fn drugs_by_doctor_open_with_a_reason_that_is_journaled_and_are_never_exported() {
        let (disk, clock) = (Disk::default(), Arc::new(ManualClock::at_ms(BEGIN_MS)));
        let mut h = handheld(&disk, &clock, 1);
        h.pull(None).unwrap();
        let officer = OfficerId::parse("O-0001").unwrap();
        h.unlock(&officer, &SecretString::from("O-0001".to_owned())).unwrap();
        let task = TaskId::parse("T-2026-0001").unwrap();
        let catalogue = spotcheck_rules::national().unwrap().indicators;
        let drug = catalogue.indicators.values().find(|i| i.name == "药品费").unwrap().id.clone();
        let plain = IndicatorQuery { ids: vec![drug.clone()], ..IndicatorQuery::default() };
        let guarded = IndicatorQuery { by: Some(Dimension::Doctor), ..plain.clone() };
        let code = |h: &mut crate::Handheld, query: &IndicatorQuery| {
            h.may_ask(&task, query).map(|_| ()).map_err(|trouble| trouble.code)
        };
        let viewed = |h: &mut crate::Handheld| {
            let entries = h.journal_entries(None).unwrap();
            entries.into_iter().filter(|e| e["kind"] == "guarded_viewed").collect::<Vec<_>>()
        };
        assert_eq!(code(&mut h, &plain), Ok(()));
        assert_eq!(code(&mut h, &guarded), Err("INDICATORS-REASON".to_owned()));
        let short = IndicatorQuery { reason: Some(" 看 ".to_owned()), ..guarded.clone() };
        assert_eq!(code(&mut h, &short), Err("INDICATORS-REASON".to_owned()));
        let reason = Some("核对现场发现的重复收费".to_owned());
        let told = IndicatorQuery { reason, ..guarded };
        let export = IndicatorQuery { export: true, ..told.clone() };
        assert_eq!(code(&mut h, &export), Err("INDICATORS-GUARDED".to_owned()));
        assert!(viewed(&mut h).is_empty());
        assert_eq!(code(&mut h, &told), Ok(()));
        let lines = viewed(&mut h);
        assert_eq!(lines.len(), 1);
        let said = lines[0].to_string();
        for word in ["核对现场发现的重复收费", "doctor", drug.as_str(), "T-2026-0001"] {
            assert!(said.contains(word), "{said}");
        }
        let odd = Some(("2026-02-30".to_owned(), "2026-03-01".to_owned()));
        let odd = IndicatorQuery { period: odd, ..plain };
        assert_eq!(code(&mut h, &odd), Err("INDICATORS-PERIOD".to_owned()));
    }
}
