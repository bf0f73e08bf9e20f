//! Against 统方: who opens how many breakdowns of drugs by doctor or department.
//!
//! The handheld writes a reason into its journal before it shows one (rules.md). Here they are counted by officer
//! and day when the journal comes in; who opens more than the policy's number is written down as an act of the
//! centre and told in its log.

use std::collections::BTreeSet;

use spotcheck_evidence::journal::JournalEntry;

use crate::centre::Centre;
use crate::repository::GuardedView;
use crate::{Error, Result};

/// Kind of the device journal.
const GUARDED_VIEWED: &str = "guarded_viewed";
const PER_DAY: &str = "guarded.per_day";
/// Views by one officer on one day that nobody needs to be told of, unless the policy says otherwise.
const DEFAULT_PER_DAY: u64 = 20;
/// `yyyy-MM-dd` of an RFC 3339 time.
const DATE_CHARS: usize = 10;

/// The guarded view that a line of a device journal tells of.
pub(crate) fn view_of(entry: &JournalEntry) -> Option<GuardedView> {
    if entry.kind != GUARDED_VIEWED {
        return None;
    }
    let fact = |name: &str| entry.fact_text(name).unwrap_or_default().to_owned();
    Some(GuardedView {
        seq: entry.seq,
        officer: entry.officer.as_ref().map(ToString::to_string).unwrap_or_default(),
        day: entry.wall.get(..DATE_CHARS).unwrap_or_default().to_owned(),
        task: entry.subject.clone().unwrap_or_default(),
        indicators: fact("indicators"),
        dimensions: fact("by"),
        reason: fact("reason"),
    })
}

/// Views of one officer on one day up to which nobody is told.
///
/// # Errors
/// Those of the database.
pub fn per_day(centre: &Centre) -> Result<u64> {
    let Some(stored) = centre.repo().setting(PER_DAY)? else { return Ok(DEFAULT_PER_DAY) };
    let text = String::from_utf8(stored).ok().and_then(|t| t.parse().ok());
    text.ok_or(Error::Stored("guarded views per day"))
}

/// Sets that number.
///
/// # Errors
/// Those of the database.
pub fn put_per_day(centre: &Centre, most: u64) -> Result<()> {
    centre.repo().put_setting(PER_DAY, most.to_string().as_bytes())
}

/// Tells of officers and days that are above the number with these views.
///
/// # Errors
/// Those of the database.
pub(crate) fn tell(centre: &Centre, device: &str, views: &[GuardedView]) -> Result<()> {
    let days: BTreeSet<(&str, &str)> =
        views.iter().map(|v| (v.officer.as_str(), v.day.as_str())).collect();
    let most = if days.is_empty() { 0 } else { per_day(centre)? };
    for (officer, day) in days {
        for count in centre.repo().guarded_counts(Some((officer, day)))? {
            if count.views > most {
                let views = count.views;
                tracing::warn!(
                    device,
                    officer,
                    day,
                    views,
                    most,
                    "An officer opened many guarded breakdowns."
                );
                centre.record_act("guarded-many", &format!("{officer} {day} {views}"))?;
            }
        }
    }
    Ok(())
}
