//! The troubles that the use cases themselves find, in the words the officer reads.

use std::fmt::Display;

use spotcheck_domain::Trouble;

const ALL_KEPT: &str = "此前已确认的内容都已保存";

/// A journal entry could not be made.
pub(crate) fn journal(cause: impl Display) -> Trouble {
    Trouble::new("CASE-JOURNAL", "这一步没有写入日志，因此没有生效", ALL_KEPT, "请重做这一步")
        .because(cause)
}

/// A stored value is not what this program writes.
pub(crate) fn stored(cause: impl Display) -> Trouble {
    Trouble::new(
        "CASE-VALUE",
        "案卷中有一项内容读不出来",
        "案卷原样保留，其余内容不受影响",
        "不要删除任何文件，用“救援导出”交中心恢复",
    )
    .because(cause)
}

/// As [`stored`]; serde's own message is left out, because it quotes values.
#[allow(clippy::needless_pass_by_value, reason = "the form that map_err hands over")]
pub(crate) fn stored_json(cause: serde_json::Error) -> Trouble {
    stored(format_args!("JSON {:?}, column {}", cause.classify(), cause.column()))
}

/// Nobody has unlocked.
pub(crate) fn locked() -> Trouble {
    Trouble::new("APP-LOCKED", "手持机处于锁定状态", "数据仍然加密", "先由检查人员输入口令解锁")
}

/// The handheld has not been enrolled.
pub(crate) fn not_enrolled() -> Trouble {
    Trouble::new(
        "APP-NOT-ENROLLED",
        "这台手持机还没有登记",
        "没有任何数据受影响",
        "用中心签发的登记票据登记:spotcheck enroll --ticket FILE",
    )
}

/// No such thing.
pub(crate) fn unknown(what: &str) -> Trouble {
    Trouble::new("APP-UNKNOWN", &format!("没有找到这个{what}"), ALL_KEPT, "核对编号后再试")
}

/// The officer is not on the task.
pub(crate) fn not_your_task() -> Trouble {
    Trouble::new(
        "TASK-NOT-YOURS",
        "当前检查人员不在这项任务的名单里",
        "没有打开任何数据",
        "由任务名单内的检查人员解锁，或请中心调整任务",
    )
}

/// No package was pulled.
pub(crate) fn no_package() -> Trouble {
    Trouble::new(
        "PACKAGE-NONE",
        "这项任务的数据包还没有下载",
        "没有任何数据受影响",
        "在办公室联网后执行“领取任务”",
    )
}

/// The package was never fully checked, or changed since.
pub(crate) fn unchecked_package() -> Trouble {
    Trouble::new(
        "PACKAGE-UNCHECKED",
        "数据包没有通过完整核验，或核验后文件有变化",
        "数据包没有被打开",
        "重新做一次完整核验；仍不通过时联网重新下载",
    )
}

/// A sealed case takes nothing more.
pub(crate) fn sealed() -> Trouble {
    Trouble::new(
        "CASE-SEALED",
        "案卷已经封存，不能再增加内容",
        "封存的内容完整保留",
        "需要补充时另开新案卷，封存后会指向原证据包",
    )
}

/// A case database that has less than the device's own journal says it had, or other lines.
pub(crate) fn case_behind(found: u64, noted: u64) -> Trouble {
    Trouble::new(
        "CASE-BEHIND",
        "案卷数据库与本机日志记下的不一致：可能被换成了以前的副本",
        "没有在它上面继续写；文件原样保留，其他案卷照常",
        "不要删除任何文件；在另一台手持机上用第二副本接着办，或用“救援导出”交中心核对",
    )
    .because(format!("{found} lines, {noted} noted"))
    .as_verdict()
}

/// A mark that cannot be taken back any more.
pub(crate) fn mark_over() -> Trouble {
    Trouble::new(
        "MARK-OVER",
        "这一步不能再撤销：之后又有新的操作用到了它",
        ALL_KEPT,
        "在原来的页面改正；日志会记下前后两次",
    )
}

/// A gate that blocks closing a document or the case.
pub(crate) fn gate(code: &str, missing: &[String], duty: &str) -> Trouble {
    Trouble::new(
        code,
        &format!("还缺：{}", missing.join("；")),
        "已填写、已采集的内容都已保存；随时可以中止/撤离",
        duty,
    )
    .as_verdict()
}

/// The form does not know this field, or the document is closed.
pub(crate) fn document(message: &str, advice: &str) -> Trouble {
    Trouble::new("DOC-STATE", message, ALL_KEPT, advice)
}

/// Nobody has set the clock and nobody spoke for the time.
pub(crate) fn clock_not_set() -> Trouble {
    Trouble::new(
        "CLOCK-NOT-SET",
        "手持机的时钟没有设置(早于出厂时间或中心签过的时间)，暂不能签字",
        "采集、填写都照常保存，并已标明时钟未设置",
        "先对时(卫星、网络或联网领取任务)；不能对时时，在“设备”里由两名检查人员共同登记当前时间",
    )
    .as_verdict()
}

/// A recording problem.
pub(crate) fn recording(message: &str, advice: &str) -> Trouble {
    Trouble::new("REC-STATE", message, "已存盘的录音录像都在", advice)
}

/// A chain that does not hold.
pub(crate) fn broken_chain(cause: impl Display) -> Trouble {
    Trouble::new(
        "JOURNAL-BROKEN",
        "日志链条不连续",
        "日志原样保留，没有改动",
        "停止使用本机，用“救援导出”交中心核查",
    )
    .because(cause)
    .as_verdict()
}

/// The second copy of another handheld's case cannot be used.
pub(crate) fn copy(code: &str, message: &str, advice: &str) -> Trouble {
    Trouble::new(code, message, "副本没有改动；本机已有的内容不受影响", advice)
}

/// A paper of the case whose file is damaged: it cannot be left out, since the record speaks of it.
pub(crate) fn damaged_paper(path: &str) -> Trouble {
    Trouble::new(
        "SEAL-DAMAGED",
        &format!("案卷中的文件 {path} 已损坏，没有完好的副本，不能封存"),
        ALL_KEPT,
        "接上存有第二副本的 U 盘或连上旁边的手持机再封存；都没有时用“救援导出”交中心恢复",
    )
}

/// The log of a recording is not what the case journal says of it.
pub(crate) fn broken_log(evidence: &str, cause: impl Display) -> Trouble {
    Trouble::new(
        "JOURNAL-LOG",
        &format!("录音录像 {evidence} 的录制日志与案卷日志不符"),
        "日志和录音录像原样保留，没有改动",
        "停止使用本机，用“救援导出”交中心核查",
    )
    .because(cause)
    .as_verdict()
}
