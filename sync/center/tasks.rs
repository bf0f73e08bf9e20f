//! Inspection tasks: who goes where, with which handhelds, for which period.

use std::collections::{BTreeMap, BTreeSet};

use spotcheck_domain::task::{PRACTICE, TASK_SCHEMA, Task, TaskOfficer, is_practice_number};
use spotcheck_domain::time::{beijing_date, parse_rfc3339};
use spotcheck_domain::vocabulary::{CredentialKind, Mode};
use spotcheck_domain::{DeviceId, OfficerId, TaskId, rfc3339};

use spotcheck_wire::bundles::BundleState;
use spotcheck_wire::enrol::TicketKind;

use crate::audits::standings;
use crate::ca::DAY_MS;
use crate::centre::Centre;
use crate::claims::facility;
use crate::{Error, Result};

/// Days a task's package may be opened unless told otherwise.
const VALID_DAYS: i64 = 30;

/// A new task.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Id; one is made if there is none.
    pub id: Option<String>,
    /// 定点医药机构编号.
    pub facility: String,
    /// Officer ids, at least two.
    pub officers: Vec<String>,
    /// Device ids.
    pub devices: Vec<String>,
    /// First day, `yyyy-MM-dd`.
    pub period_from: String,
    /// Last day, `yyyy-MM-dd`.
    pub period_to: String,
    /// One line.
    pub title: String,
    /// Mode of the visit.
    pub mode: Mode,
    /// Legal basis, clause by clause.
    pub basis: Vec<String>,
    /// 文号; of a practice task one is given.
    pub document_number: Option<String>,
    /// A task to learn on: marked on every paper, never received back.
    pub practice: bool,
}

fn bad(what: &str) -> Error {
    Error::refused("TASK-INPUT", what, "请更正后重试。")
}

fn is_date(text: &str) -> bool {
    chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .is_ok_and(|date| date.format("%Y-%m-%d").to_string() == text)
}

fn officer(centre: &Centre, id: &str) -> Result<TaskOfficer> {
    let row = centre
        .repo()
        .officer(id)?
        .filter(|o| o.revoked_ms.is_none())
        .ok_or(Error::NotFound { what: "officer", zh: "检查人员" })?;
    Ok(TaskOfficer {
        id: OfficerId::parse(id).map_err(|_| Error::Stored("officer"))?,
        name: row.name,
        agency: row.agency,
        credential_kind: CredentialKind::parse(&row.credential_kind)
            .ok_or(Error::Stored("officer"))?,
        credential_number: row.credential_number,
        credential_valid_until: row.credential_valid_until,
    })
}

/// The law's own basis by mode, where the clerk names none.
fn default_basis(mode: Mode) -> Vec<String> {
    let text: &[&str] = match mode {
        Mode::Enforcement | Mode::Flight | Mode::Joint => {
            &["《医疗保障基金使用监督管理条例》第二十七条"]
        }
        Mode::Agreement | Mode::Daily => {
            &["《医疗保障基金使用监督管理条例》第十一条", "定点医药机构医疗保障服务协议"]
        }
    };
    text.iter().map(|t| (*t).to_owned()).collect()
}

/// `演练〔2026〕7Q4K号`: a series of its own, told from the real ones by its first word.
fn practice_number(id: &TaskId, now_ms: i64) -> String {
    let year: String = beijing_date(now_ms).chars().take(4).collect();
    let letters: Vec<char> = id.as_str().chars().collect();
    let last: String = letters.iter().skip(letters.len().saturating_sub(4)).collect();
    format!("{PRACTICE}〔{year}〕{last}号")
}

/// Enters a task.
///
/// # Errors
/// Unknown facility, officer or device, fewer than two officers, or a bad period.
pub fn new_task(centre: &Centre, new: &NewTask) -> Result<Task> {
    let mut officers = new.officers.clone();
    officers.sort();
    officers.dedup();
    if officers.len() < 2 {
        return Err(bad("现场检查须有至少两名不同的检查人员(行政处罚法第四十二条)。"));
    }
    if !is_date(&new.period_from) || !is_date(&new.period_to) || new.period_from > new.period_to {
        return Err(bad("检查期间须为两个日期 yyyy-MM-dd,且先后正确。"));
    }
    if new.title.trim().is_empty() {
        return Err(bad("任务名称不能为空。"));
    }
    if new.devices.is_empty() {
        return Err(bad("至少需要一台手持机。"));
    }
    let devices = new
        .devices
        .iter()
        .map(|id| {
            // A task may be planned for a handheld that has its ticket and will enrol later.
            let known = match centre.repo().device(id)? {
                Some(device) => device.revoked_ms.is_none(),
                None => {
                    let now = centre.now_ms();
                    centre.repo().has_open_ticket(TicketKind::Device, id, now)?
                }
            };
            if !known {
                return Err(Error::NotFound { what: "device", zh: "手持机" });
            }
            DeviceId::parse(id).map_err(|_| Error::Stored("device"))
        })
        .collect::<Result<Vec<_>>>()?;
    let now = centre.now_ms();
    let id = match &new.id {
        Some(id) => TaskId::parse(id).map_err(|_| bad("任务编号不符合格式。"))?,
        None => TaskId::parse(&format!("T-{}", centre.new_id()))
            .map_err(|_| Error::Stored("task id"))?,
    };
    if centre.repo().task(id.as_str())?.is_some() {
        return Err(bad("该任务编号已经存在。"));
    }
    let document_number = match &new.document_number {
        Some(number) if is_practice_number(number) => {
            return Err(bad("以“演练”开头的文号只用于演练任务(--practice)。"));
        }
        Some(_) if new.practice => return Err(bad("演练任务的文号由系统编排，不能指定。")),
        None if new.practice => Some(practice_number(&id, now)),
        number => number.clone(),
    };
    let task = Task {
        schema: TASK_SCHEMA.to_owned(),
        id,
        title: new.title.trim().to_owned(),
        mode: new.mode,
        basis: if new.basis.is_empty() { default_basis(new.mode) } else { new.basis.clone() },
        document_number,
        facility: facility(centre, &new.facility)?.facility,
        period_from: new.period_from.clone(),
        period_to: new.period_to.clone(),
        officers: new.officers.iter().map(|id| officer(centre, id)).collect::<Result<_>>()?,
        devices,
        valid_from: rfc3339(now.saturating_sub(crate::ca::BACKDATE_MS)),
        valid_until: rfc3339(now.saturating_add(VALID_DAYS.saturating_mul(DAY_MS))),
    };
    centre.repo().add_task(&task, now)?;
    Ok(task)
}

/// Tasks made from the ranked list.
#[derive(Debug)]
pub struct TopTasks {
    /// In the order of the list.
    pub made: Vec<Task>,
    /// Facilities of the list that were passed over, each with the id of its open task.
    pub passed: Vec<(String, TaskId)>,
}

/// The task of each facility that is on its way: it can still be opened, and nothing has come back of it.
fn open_tasks(centre: &Centre) -> Result<BTreeMap<String, TaskId>> {
    let bundles = centre.repo().bundles()?.into_iter();
    let back: BTreeSet<String> =
        bundles.filter(|b| b.state == BundleState::Received).map(|b| b.task).collect();
    let now = centre.now_ms();
    let open = |t: &Task| {
        let practice = t.document_number.as_deref().is_some_and(is_practice_number);
        let valid = parse_rfc3339(&t.valid_until).is_some_and(|until| now <= until);
        !practice && valid && !back.contains(t.id.as_str())
    };
    let tasks = centre.repo().tasks()?.into_iter().filter(open);
    Ok(tasks.map(|t| (t.facility.fixmedins_code, t.id)).collect())
}

/// Enters a task for each of the first `count` facilities of the ranked list that have something to be checked
/// and no open task; what `like` says of facility, id and number is not used.
///
/// # Errors
/// As [`new_task`], before anything was entered where officers, devices or period are wrong; nothing is ranked.
pub fn new_top_tasks(centre: &Centre, like: &NewTask, count: usize) -> Result<TopTasks> {
    let ranked = standings(centre)?.into_iter().filter(|s| s.to_check().findings > 0);
    let open = open_tasks(centre)?;
    let (mut made, mut passed) = (Vec::new(), Vec::new());
    for standing in ranked {
        if made.len() >= count {
            break;
        }
        let code = standing.fixmedins_code;
        if let Some(task) = open.get(&code) {
            passed.push((code, task.clone()));
            continue;
        }
        let own = NewTask { id: None, facility: code, document_number: None, ..like.clone() };
        made.push(new_task(centre, &own)?);
    }
    if made.is_empty() && passed.is_empty() {
        return Err(bad("没有可排序的机构：先运行 audit,或没有待核查的线索。"));
    }
    Ok(TopTasks { made, passed })
}
