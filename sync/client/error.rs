//! What can go wrong between handheld and centre, and the words a person reads about it.
//!
//! Every error knows its code and whether trying again may help; what is *safe* depends on what was being
//! done, so the act is joined only at the border ([`Error::during`]). A problem document of the centre
//! keeps its own code (prefixed) because support staff will look for it in the centre's log.

use std::io;

use spotcheck_app::errand::CANCELLED;
use spotcheck_domain::Trouble;
use spotcheck_wire::problem::{Problem, code};

/// Result inside this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What was being done; decides the sentence about what is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Enrolment by ticket.
    Enrol,
    /// Fetching tasks and packages.
    Pull,
    /// Sending a sealed bundle.
    Send,
    /// Sending the device journal.
    Journal,
    /// Writing a rescue export.
    Rescue,
    /// Second copies between handhelds.
    Copy,
}

impl Act {
    /// What is safe, whatever happened.
    #[must_use]
    pub const fn safe(self) -> &'static str {
        match self {
            Self::Enrol => "手持机没有保存任何新内容，原有数据未改动。",
            Self::Pull => "手持机上已有的任务和数据包未改动，可继续使用。",
            Self::Send => "证据包完整、加密地保存在手持机上；中心已收到的部分不会重传。",
            Self::Journal => "设备日志完整保存在手持机上。",
            Self::Copy => "案卷在本机完整、加密地保存；另一台手持机已收到的部分不会重传。",
            Self::Rescue => "证据包完整、加密地保存在手持机上；已写出的部分不会重写。",
        }
    }
}

/// What is wrong with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketFault {
    /// The text is not a ticket.
    Form,
    /// Its 24 hours are over.
    Expired,
    /// An officer's ticket on a handheld that is not enrolled.
    DeviceFirst,
    /// A device ticket on a handheld that is enrolled as another device.
    AlreadyEnrolled,
    /// An officer's ticket without a PIN.
    PinMissing,
}

/// What is wrong with a data package on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackageFault {
    /// Names, sizes or members are not those of a package.
    Form,
    /// Fewer bytes came than the package has, again and again.
    Truncated,
    /// Other bytes came than the package has.
    Hash,
    /// The centre's signature over package.json does not hold.
    Signature,
}

/// What is wrong with a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptFault {
    /// The log entry does not name this bundle, tag manifest and device.
    Entry,
    /// The entry is not proven to be in the log.
    Proof,
    /// The log does not continue the one seen before.
    Log,
    /// The revocation list does not verify.
    Crl,
    /// A time stamp is not over the signature it names.
    TimeStamp,
}

/// Everything that can go wrong here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection, or it broke and did not come back.
    #[error("no connection to the centre: {0}")]
    Offline(String),
    /// Somebody asked to stop.
    #[error("stopped on request")]
    Cancelled,
    /// TLS: not the centre that was enrolled with (or that the ticket names).
    #[error("the server is not the trusted centre: {0}")]
    FalseCentre(String),
    /// TLS: a certificate of the centre is not valid at the judged time.
    #[error("a certificate of the centre is not valid at the judged time: {0}")]
    CentreCertificateTime(String),
    /// TLS: the centre refuses the certificate of this handheld.
    #[error("the centre refuses this handheld's certificate: {0}")]
    DeviceRefused(String),
    /// The centre says no by a problem document.
    #[error("the centre answered {} {}", .0.status, .0.code)]
    Problem(Box<Problem>),
    /// What came is not an answer of the protocol.
    #[error("not an answer of the protocol: {0}")]
    Protocol(String),
    /// No common protocol version.
    #[error("centre speaks protocol {min} to {max}")]
    Version {
        /// Lowest version the centre speaks.
        min: u32,
        /// Highest version the centre speaks.
        max: u32,
    },
    /// The handheld is not enrolled yet.
    #[error("not enrolled")]
    NotEnrolled,
    /// The ticket cannot be used.
    #[error("ticket: {0:?}")]
    Ticket(TicketFault),
    /// What came back at enrolment is not what the ticket's centre signed for this request.
    #[error("enrolment answer refused: {0}")]
    FalseEnrolment(String),
    /// The log does not continue the one seen before, or a checkpoint is not signed by its key.
    #[error("log: {0}")]
    Log(String),
    /// The time entry is not proven.
    #[error("time entry: {0}")]
    TimeEntry(String),
    /// A revocation list does not verify.
    #[error("revocation list: {0}")]
    Crl(String),
    /// A package is refused.
    #[error("package {fault:?}: {cause}")]
    Package {
        /// What is wrong.
        fault: PackageFault,
        /// File name and library message.
        cause: String,
    },
    /// A receipt is refused.
    #[error("receipt {fault:?}: {cause}")]
    Receipt {
        /// What is wrong.
        fault: ReceiptFault,
        /// Library message.
        cause: String,
    },
    /// A blob of the vault is not what the bundle says.
    #[error("blob {index} of {path} is damaged")]
    BlobDamaged {
        /// Path in the bag.
        path: String,
        /// Number of the segment.
        index: u32,
    },
    /// The centre gave an upload address that is not its own.
    #[error("upload address: {0}")]
    UploadAddress(String),
    /// The centre has verified the bundle and says it does not hold.
    #[error("bundle rejected: {0}")]
    Rejected(String),
    /// The bundle is kept apart at the centre.
    #[error("bundle kept apart until a clerk accepts it")]
    Quarantined,
    /// Reading or writing the handheld's own files.
    #[error("file system: {0}")]
    Disk(#[from] io::Error),
    /// A port of the handheld said no; passed on as it is.
    #[error("{}: {}", .0.code, .0.cause)]
    Port(Box<Trouble>),
    /// The link to a handheld nearby: nobody there, nobody we know, or it broke.
    #[error("link to a handheld nearby: {0}")]
    Link(String),
    /// A handheld nearby does not keep this.
    #[error("the handheld nearby refused: {0}")]
    Partner(String),
    /// The client cannot be set up (TLS configuration, runtime).
    #[error("set-up: {0}")]
    SetUp(String),
}

impl Error {
    /// True for one file on this handheld that is damaged or gone: everything else is sound.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::BlobDamaged { .. } => true,
            Self::Port(trouble) => {
                matches!(trouble.code.as_str(), "VAULT-BLOB-DAMAGED" | "VAULT-BLOB-MISSING")
            }
            _ => false,
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::Port(Box::new(trouble))
    }
}

struct Words {
    code: String,
    message: String,
    advice: String,
    verdict: bool,
}

fn words(code: &str, message: &str, advice: &str) -> Words {
    Words {
        code: code.to_owned(),
        message: message.to_owned(),
        advice: advice.to_owned(),
        verdict: false,
    }
}

fn verdict(code: &str, message: &str, advice: &str) -> Words {
    Words { verdict: true, ..words(code, message, advice) }
}

impl Error {
    /// Trying again later may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Offline(_) | Self::Quarantined | Self::Link(_) => true,
            Self::Problem(problem) => {
                problem.retryable || matches!(problem.status, 429 | 502..=504)
            }
            Self::Package { fault, .. } => matches!(fault, PackageFault::Truncated),
            Self::Port(trouble) => trouble.retryable,
            _ => false,
        }
    }

    /// The code a person can tell to support.
    #[must_use]
    pub fn code(&self) -> String {
        self.words().code
    }

    fn words(&self) -> Words {
        match self {
            Self::Offline(_) => words(
                "SYNC-OFFLINE",
                "现在连不上中心，或者连接中断。",
                "有网络时会自动继续，也可以稍后手动重试。",
            ),
            Self::Cancelled => {
                words(CANCELLED, "已按要求停下。", "需要时再次开始，从停下的地方继续。")
            }
            Self::FalseCentre(_) => verdict(
                "SYNC-FALSE-CENTRE",
                "对方不是已登记的中心：它的证书不可信。",
                "不要继续。换一个网络再试；仍然如此，请报告中心管理员。",
            ),
            Self::CentreCertificateTime(_) => words(
                "SYNC-CERT-TIME",
                "按本机时间，中心的证书尚未生效或已过期。",
                "核对手持机的日期和时间；时间正确仍然如此，请报告中心管理员。",
            ),
            Self::DeviceRefused(_) => words(
                "SYNC-DEVICE-REFUSED",
                "中心不接受本手持机的证书。",
                "请中心管理员查看本手持机的登记状态。",
            ),
            Self::Problem(problem) => problem_words(problem),
            Self::Protocol(_) => {
                words("SYNC-PROTOCOL", "中心的回答不符合协议。", "请报告中心管理员并提供代码。")
            }
            Self::Version { .. } => {
                words("SYNC-VERSION", "手持机与中心的软件版本不能互通。", "请更新手持机软件。")
            }
            Self::NotEnrolled => {
                words("SYNC-NOT-ENROLLED", "本手持机尚未登记。", "先用中心发的登记票登记本手持机。")
            }
            Self::Ticket(fault) => ticket_words(*fault),
            Self::FalseEnrolment(_) => verdict(
                "ENROL-FALSE-CENTRE",
                "登记的回答不是登记票所指的中心签发的，已拒绝。",
                "不要继续。可能有人冒充中心：换一个网络，向中心索取新的登记票，并报告管理员。",
            ),
            Self::Log(_) => verdict(
                "SYNC-LOG",
                "中心的公开日志与以前看到的不一致，或者签名不对。",
                "请立即报告中心管理员：日志可能被改动。",
            ),
            Self::TimeEntry(_) => {
                verdict("SYNC-TIME", "中心的时间记录没有得到日志证明。", "请报告中心管理员。")
            }
            Self::Crl(_) => verdict("SYNC-CRL", "中心的吊销列表签名不对。", "请报告中心管理员。"),
            Self::Package { fault, .. } => package_words(*fault),
            Self::Receipt { fault, .. } => receipt_words(*fault),
            Self::BlobDamaged { path, index } => verdict(
                "SYNC-BLOB-DAMAGED",
                &format!("手持机上的文件 {path} 第 {index} 段与封存时不一致，未发送。"),
                "不要删除任何内容；请用救援导出把证据包交给中心。",
            ),
            Self::UploadAddress(_) => {
                verdict("SYNC-UPLOAD-URL", "中心给出的上传地址不属于中心。", "请报告中心管理员。")
            }
            Self::Rejected(_) => verdict(
                "SYNC-REJECTED",
                "中心核验证据包没有通过。",
                "证据包仍在手持机上，不要删除；请联系中心管理员查看原因。",
            ),
            Self::Quarantined => words(
                "SYNC-QUARANTINED",
                "本手持机已被吊销：证据包已送达，由中心单独存放，等待人工确认。",
                "请联系中心管理员确认接收。",
            ),
            Self::Disk(error) if error.kind() == io::ErrorKind::StorageFull => words(
                "SYNC-DISK-FULL",
                "手持机存储空间不足。",
                "先上传并清理已收讫的证据包，再重试。",
            ),
            Self::Disk(_) => {
                words("SYNC-DISK", "手持机读写文件出错。", "重启后再试；仍然如此，请报告管理员。")
            }
            Self::Port(trouble) => words(&trouble.code, &trouble.message, &trouble.advice),
            Self::Link(_) => words(
                "COPY-LINK",
                "连不上旁边的手持机，或者连接中断。",
                "确认两台手持机在同一局域网、对方程序开着；会自动再试。",
            ),
            Self::Partner(code) => words(
                "COPY-REFUSED",
                &format!("旁边的手持机没有收下这份副本({code})。"),
                "看对方剩余空间；也可以把副本存到 U 盘。",
            ),
            Self::SetUp(_) => words(
                "SYNC-SETUP",
                "手持机的网络组件无法启动。",
                "重启程序；仍然如此，请报告管理员。",
            ),
        }
    }

    /// The trouble of this error while doing `act`.
    #[must_use]
    pub fn during(self, act: Act) -> Trouble {
        if let Self::Port(trouble) = self {
            return *trouble;
        }
        let retryable = self.is_retryable();
        let cause = self.to_string();
        let mut words = self.words();
        // At enrolment a TLS chain to another CA *is* the false centre of the ticket.
        if act == Act::Enrol && matches!(self, Self::FalseCentre(_)) {
            words = Self::FalseEnrolment(String::new()).words();
        }
        let mut trouble =
            Trouble::new(&words.code, &words.message, act.safe(), &words.advice).because(cause);
        trouble.retryable = retryable;
        trouble.verdict = words.verdict;
        trouble
    }
}

impl From<Error> for Trouble {
    /// For callers that do not know the act: the most cautious sentence that is true for all of them.
    fn from(error: Error) -> Self {
        let mut trouble = error.during(Act::Pull);
        if trouble.safe == Act::Pull.safe() {
            "手持机上已有的数据未改动。".clone_into(&mut trouble.safe);
        }
        trouble
    }
}

fn ticket_words(fault: TicketFault) -> Words {
    match fault {
        TicketFault::Form => {
            words("ENROL-TICKET-FORM", "这不是有效的登记票。", "重新扫描或粘贴完整的登记票。")
        }
        TicketFault::Expired => words(
            "ENROL-TICKET-EXPIRED",
            "登记票已过期。",
            "核对手持机的日期和时间；无误则向中心索取新的登记票。",
        ),
        TicketFault::DeviceFirst => words(
            "ENROL-DEVICE-FIRST",
            "这是人员登记票，但本手持机尚未登记。",
            "先用设备登记票登记本手持机。",
        ),
        TicketFault::AlreadyEnrolled => words(
            "ENROL-ALREADY",
            "本手持机已登记为另一台设备。",
            "请向中心索取本设备编号的登记票。",
        ),
        TicketFault::PinMissing => {
            words("ENROL-PIN", "登记人员需要设置 PIN。", "输入 PIN 后重试。")
        }
    }
}

fn package_words(fault: PackageFault) -> Words {
    match fault {
        PackageFault::Form => {
            verdict("SYNC-PACKAGE-FORM", "数据包的内容清单不对，已拒绝。", "请中心重新制作数据包。")
        }
        PackageFault::Truncated => words(
            "SYNC-PACKAGE-TRUNCATED",
            "数据包没有下载完整，未启用。",
            "已下载的部分保留，联网后继续下载。",
        ),
        PackageFault::Hash => verdict(
            "SYNC-PACKAGE-HASH",
            "数据包文件与清单的哈希不符，已拒绝。",
            "重新下载；仍然如此，请中心重新制作。",
        ),
        PackageFault::Signature => verdict(
            "SYNC-PACKAGE-SIGNATURE",
            "数据包不是中心签发的：签名不对，已拒绝。",
            "不要使用其他来源的数据包；请报告中心管理员。",
        ),
    }
}

fn receipt_words(fault: ReceiptFault) -> Words {
    let advice = "证据包不会标记为已收讫，也不会被清理；请报告中心管理员。";
    match fault {
        ReceiptFault::Entry => verdict("SYNC-RECEIPT-ENTRY", "回执不是这个证据包的回执。", advice),
        ReceiptFault::Proof => {
            verdict("SYNC-RECEIPT-PROOF", "回执没有得到中心公开日志的证明。", advice)
        }
        ReceiptFault::Log => {
            verdict("SYNC-RECEIPT-LOG", "回执所在的日志与以前看到的日志不一致。", advice)
        }
        ReceiptFault::Crl => verdict("SYNC-RECEIPT-CRL", "回执附带的吊销列表签名不对。", advice),
        ReceiptFault::TimeStamp => {
            verdict("SYNC-RECEIPT-TSR", "回执附带的时间戳与签名不符。", advice)
        }
    }
}

fn problem_words(problem: &Problem) -> Words {
    let contact = "请联系中心管理员并提供代码。";
    match problem.code.as_str() {
        code::TICKET => words(
            "ENROL-TICKET",
            "中心不接受这张登记票：已用过、已过期或不存在。",
            "向中心索取新的登记票。",
        ),
        code::CSR => words("ENROL-CSR", "中心不接受本机的证书申请。", contact),
        code::UNAUTHENTICATED => words("SYNC-DEVICE-UNKNOWN", "中心不认识本手持机。", contact),
        code::EXPIRED => words(
            "SYNC-DEVICE-EXPIRED",
            "本手持机的证书已过期。",
            "证据包仍可上传；请联系中心更新证书。",
        ),
        code::REVOKED => {
            words("SYNC-DEVICE-REVOKED", "本手持机已被中心吊销：只能上交已封存的证据包。", contact)
        }
        code::CLIENT_TOO_OLD => words(
            "SYNC-CLIENT-TOO-OLD",
            "手持机软件版本太旧，不能再领取任务。",
            "请更新软件；已封存的证据包仍可上传。",
        ),
        code::CONFLICT => verdict("SYNC-CONFLICT", "中心已有同一编号、内容不同的证据包。", contact),
        code::JOURNAL_GAP => words("SYNC-JOURNAL-GAP", "设备日志与中心已有的部分接不上。", contact),
        code::BUSY => words("SYNC-CENTRE-BUSY", "中心正忙或空间不足。", "稍后会自动重试。"),
        code::INTERNAL => {
            words("SYNC-CENTRE-ERROR", "中心内部出错。", "稍后重试；仍然如此，请报告中心管理员。")
        }
        other => words(&format!("SYNC-{}", plain_code(other)), "中心拒绝了请求。", contact),
    }
}

/// A foreign code may not carry anything but capitals, digits and hyphens into our interface.
pub(crate) fn plain_code(text: &str) -> String {
    let code: String = text
        .chars()
        .filter(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '-')
        .take(40)
        .collect();
    if code.is_empty() { "PROBLEM".to_owned() } else { code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_safe_comes_from_the_act_and_codes_stay() {
        let trouble = Error::Offline("refused".to_owned()).during(Act::Send);
        assert_eq!(trouble.code, "SYNC-OFFLINE");
        assert!(trouble.retryable && !trouble.verdict);
        assert!(trouble.safe.contains("证据包"));
        let trouble = Error::FalseCentre("x".to_owned()).during(Act::Enrol);
        assert_eq!((trouble.code.as_str(), trouble.verdict), ("ENROL-FALSE-CENTRE", true));
        let trouble = Error::FalseCentre("x".to_owned()).during(Act::Pull);
        assert_eq!(trouble.code, "SYNC-FALSE-CENTRE");
    }

    #[test]
    fn a_foreign_problem_code_cannot_smuggle_text() {
        let problem = Problem::new(418, "TEA<b>-1\u{202e}", "", "");
        assert_eq!(Error::Problem(Box::new(problem)).code(), "SYNC-TEA-1");
        let problem = Problem::new(503, "", "", "").retry_after(3);
        let error = Error::Problem(Box::new(problem));
        assert!(error.is_retryable());
        assert_eq!(error.code(), "SYNC-PROBLEM");
    }
}
