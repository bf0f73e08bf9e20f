//! Looking things up: what was in force on the day of a fee, for the officer who stands in front of it.
//!
//! Reference data are public. They come with the packages (one file for all tasks, checked with them) and,
//! beside it, from what officers added on this handheld, which is always marked so. Nothing here opens a
//! patient's data except `do_look_up_line`, which begins at a line that is on the screen already.

mod line;

use spotcheck_domain::claims::Page;
use spotcheck_domain::reference::{
    EntryKind, KindHits, ReferenceDocument, ReferenceEntry, ReferenceQuery, ReferenceReader,
    SourceReport,
};
use spotcheck_domain::task::Task;
use spotcheck_domain::time::day_number;
use spotcheck_domain::{TaskId, Trouble, TroubleResult};

pub use line::{LineLimit, LineReference, line_reference};

use crate::handheld::Handheld;
use crate::model::{Checked, kind};
use crate::troubles;

/// A question to the reference data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUp {
    /// Words; several narrow each other.
    pub text: String,
    /// Only what was in force on this day, `yyyy-MM-dd`.
    pub on: Option<String>,
    /// Kinds wanted; none: all.
    pub kinds: Vec<EntryKind>,
    /// The page of each kind.
    pub page: Page,
}

impl LookUp {
    /// The first answers of every kind.
    #[must_use]
    pub fn first(text: &str, on: Option<&str>, limit: u32) -> Self {
        let on = on.map(str::to_owned);
        Self { text: text.to_owned(), on, kinds: Vec::new(), page: Page::first(limit) }
    }
}

/// A file that an officer adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedSource {
    /// Name without folders.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Kind of all entries, where the file does not say.
    pub kind: Option<EntryKind>,
    /// First day in force, `yyyy-MM-dd`, where the file does not say.
    pub valid_from: Option<String>,
    /// Last day in force.
    pub valid_until: Option<String>,
}

fn bad_date() -> Trouble {
    Trouble::new("LOOKUP-DATE", "日期的写法不对", "没有执行任何操作", "写成 2025-03-14")
}

fn nothing() -> Trouble {
    Trouble::new(
        "LOOKUP-NONE",
        "本机还没有参考资料",
        "没有改动任何数据",
        "在办公室联网领取任务并核验数据包，或用“导入政策”添加文件",
    )
}

pub(crate) fn day(text: Option<&str>) -> TroubleResult<Option<i64>> {
    text.map(|t| day_number(t).ok_or_else(bad_date)).transpose()
}

/// What is open of the reference data.
#[derive(Default)]
pub(crate) struct Opened {
    /// Of which task's package; `None` inside: the newest of all.
    package: Option<(Option<TaskId>, Box<dyn ReferenceReader>)>,
    added: Option<Box<dyn ReferenceReader>>,
}

impl Opened {
    /// What there is, the centre's before the officers'.
    fn readers(&self) -> Vec<&dyn ReferenceReader> {
        let package = self.package.as_ref().map(|(_, reader)| reader.as_ref());
        package.into_iter().chain(self.added.as_deref()).collect()
    }
}

/// Answers of several files as one: by kind, best first, the centre's before what was added.
pub(crate) fn ask(
    readers: &[&dyn ReferenceReader],
    query: &ReferenceQuery<'_>,
) -> TroubleResult<Vec<KindHits>> {
    if let [only] = readers {
        return only.look_up(query);
    }
    // Pages of a joint list are cut from joint answers, so each file is asked from its beginning.
    let skip = usize::try_from(query.page.offset).unwrap_or(usize::MAX);
    let limit = usize::try_from(query.page.limit).unwrap_or(usize::MAX);
    let offset = u32::try_from(query.page.offset).unwrap_or(u32::MAX);
    let page = Page::first(query.page.limit.saturating_add(offset));
    let mut joint: Vec<KindHits> = Vec::new();
    for reader in readers {
        for answers in reader.look_up(&ReferenceQuery { page, ..query.clone() })? {
            match joint.iter_mut().find(|k| k.kind == answers.kind) {
                Some(known) => {
                    known.hits.extend(answers.hits);
                    known.more |= answers.more;
                }
                None => joint.push(answers),
            }
        }
    }
    for answers in &mut joint {
        answers.hits.sort_by_key(|hit| hit.matched);
        answers.more |= answers.hits.len() > skip.saturating_add(limit);
        answers.hits = answers.hits.drain(..).skip(skip).take(limit).collect();
    }
    joint.retain(|answers| !answers.hits.is_empty());
    joint.sort_by_key(|answers| answers.kind);
    Ok(joint)
}

impl Handheld {
    /// Forgets what is open; a package or an addition may have changed.
    pub(crate) fn close_references(&mut self) {
        self.opened = Opened::default();
    }

    /// Opens what there is for a task, or the newest of all packages without one.
    pub(crate) fn references(
        &mut self,
        task: Option<&TaskId>,
    ) -> TroubleResult<Vec<&dyn ReferenceReader>> {
        if let Some(task) = task {
            self.my_task(task)?;
        }
        let have = self.opened.package.as_ref().is_some_and(|(of, _)| of.as_ref() == task);
        if !have {
            self.opened.package = None;
            let source = match task {
                Some(task) => Some((task.clone(), self.last_check(task)?)),
                None => self.newest_package()?,
            };
            if let Some((of, checked)) = source {
                let at = self.ports.clock.read();
                let keys = self.ports.keys.as_ref();
                let opened =
                    self.ports.references.of_package(&of, keys, &at, &checked.fingerprint)?;
                self.opened.package = opened.map(|reader| (task.cloned(), reader));
            }
        }
        if self.opened.added.is_none() {
            self.opened.added = self.ports.references.added()?;
        }
        let readers = self.opened.readers();
        if readers.is_empty() { Err(nothing()) } else { Ok(readers) }
    }

    /// The newest package that passed its check and is still what was checked. Package ids are in the order
    /// of their making.
    fn newest_package(&mut self) -> TroubleResult<Option<(TaskId, Checked)>> {
        let tasks: Vec<(String, Task)> = self.device_log()?.values(kind::TASK)?;
        let mut newest = None;
        for (_, task) in tasks {
            let checked: Option<Checked> =
                self.device_log()?.value(kind::CHECKED, task.id.as_str())?;
            let found = self.readable_package(&task.id);
            let (Some(checked), Some(found)) = (checked, found) else { continue };
            let newer = newest.as_ref().is_none_or(|(id, _, _)| *id < found.id);
            if found.fingerprint == checked.fingerprint && newer {
                newest = Some((found.id, task.id, checked));
            }
        }
        Ok(newest.map(|(_, task, checked)| (task, checked)))
    }

    pub(crate) fn do_look_up(
        &mut self,
        task: Option<&TaskId>,
        query: &LookUp,
    ) -> TroubleResult<Vec<KindHits>> {
        let on = day(query.on.as_deref())?;
        let readers = self.references(task)?;
        let (text, kinds) = (query.text.as_str(), query.kinds.as_slice());
        ask(&readers, &ReferenceQuery { text, on, kinds, page: query.page })
    }

    pub(crate) fn do_reference_entry(
        &mut self,
        task: Option<&TaskId>,
        id: &str,
    ) -> TroubleResult<Option<ReferenceEntry>> {
        for reader in self.references(task)? {
            if let Some(entry) = reader.entry(id)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    pub(crate) fn do_reference_documents(
        &mut self,
        task: Option<&TaskId>,
    ) -> TroubleResult<Vec<(bool, ReferenceDocument)>> {
        self.references(task)?;
        let mut all = Vec::new();
        if let Some((_, reader)) = &self.opened.package {
            all.extend(reader.documents()?.into_iter().map(|d| (false, d)));
        }
        if let Some(reader) = &self.opened.added {
            all.extend(reader.documents()?.into_iter().map(|d| (true, d)));
        }
        Ok(all)
    }

    pub(crate) fn do_look_up_line(
        &mut self,
        task: &TaskId,
        mdtrt_id: &str,
        bkkp_sn: &str,
        clauses: &[String],
    ) -> TroubleResult<LineReference> {
        let reader = self.reader(task)?;
        let line = reader.fee_line(mdtrt_id, bkkp_sn)?;
        let line = line.ok_or_else(|| troubles::unknown("费用明细"))?;
        let hosp_lv = reader.facility()?.hosp_lv;
        line_reference(&self.references(Some(task))?, line, hosp_lv, clauses)
    }

    pub(crate) fn do_add_reference(&mut self, source: &AddedSource) -> TroubleResult<SourceReport> {
        self.officer()?;
        day(source.valid_from.as_deref())?;
        day(source.valid_until.as_deref())?;
        let report = self.ports.references.add(source)?;
        self.close_references();
        // Hash and counts only: the words stand in the file itself.
        let draft = self
            .draft("reference_added")?
            .about(&report.sha256)
            .fact("entries", report.entries())
            .fact("rejected", report.rejected);
        self.journal_device(draft)?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
