//! An inspection task as the centre sends it and the handheld shows it.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{CredentialKind, Mode};
use crate::{DeviceId, OfficerId, TaskId};

/// An officer as named in a task: who acts, and under which credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOfficer {
    /// Id, equal to the `serialNumber` of the officer's certificate.
    pub id: OfficerId,
    /// Name on documents.
    pub name: String,
    /// Authority or agency.
    pub agency: String,
    /// 执法证 or 工作证.
    pub credential_kind: CredentialKind,
    /// Number of the credential.
    pub credential_number: String,
    /// Last day of validity, `yyyy-MM-dd`.
    pub credential_valid_until: Option<String>,
}

/// The facility to be inspected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFacility {
    /// 定点医药机构编号.
    pub fixmedins_code: String,
    /// 定点医药机构名称.
    pub fixmedins_name: String,
    /// 统一社会信用代码.
    pub uscc: Option<String>,
    /// Address.
    pub addr: Option<String>,
}

/// A task (`spotcheck-task/1`), stored at the centre, sent to the handhelds it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// `spotcheck-task/1`.
    pub schema: String,
    /// The task.
    pub id: TaskId,
    /// One line that names it, e.g. `示例医院住院费用现场核查`.
    pub title: String,
    /// Mode of the visit.
    pub mode: Mode,
    /// Legal basis, clause by clause.
    pub basis: Vec<String>,
    /// 文号 of the notice.
    pub document_number: Option<String>,
    /// Facility.
    pub facility: TaskFacility,
    /// First day of the period under check, `yyyy-MM-dd`.
    pub period_from: String,
    /// Last day of the period under check, `yyyy-MM-dd`.
    pub period_to: String,
    /// Officers who act; at least two sign.
    pub officers: Vec<TaskOfficer>,
    /// Handhelds that may pull the package.
    pub devices: Vec<DeviceId>,
    /// RFC 3339: the package may be opened from then …
    pub valid_from: String,
    /// … until then.
    pub valid_until: String,
}

/// What the document number of a practice task begins with. Nothing else makes a task one: the number stands
/// on every paper, in record.json and in every list, so no copy of a practice record can lose the word.
pub const PRACTICE: &str = "演练";

impl Task {
    /// True for a task that officers learn on: its papers are marked, its bundle never leaves the handheld,
    /// and it may be wiped at any time.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        self.document_number.as_deref().is_some_and(is_practice_number)
    }
}

/// True for the number of a practice task.
#[must_use]
pub fn is_practice_number(number: &str) -> bool {
    number.trim_start().starts_with(PRACTICE)
}

/// Schema name of [`Task`].
pub const TASK_SCHEMA: &str = "spotcheck-task/1";
