//! What can go wrong with keys, blobs and recordings, and the words for it.
//!
//! Causes carry our own ids and library messages only: no PIN, no key, no plaintext ever goes into an
//! error. Each variant has one stable code, so that support can search for it.

use std::io;

use spotcheck_domain::{CanonicalError, CaseId, OfficerId, Trouble};
use spotcheck_evidence::EvidenceError;

/// Everything the vault can refuse or fail at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A file could not be read, written or made durable.
    #[error("{action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// keys.db said something unexpected.
    #[error("keys.db: {0}")]
    Sql(#[from] rusqlite::Error),
    /// keys.db does not open with this device's secret, or is damaged.
    #[error("keys.db cannot be read with this device's secret: {0}")]
    KeysUnreadable(String),
    /// keys.db was written by a later version.
    #[error("keys.db has version {found}, newest known is {known}")]
    KeysNewer {
        /// Version found.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// Device secret or keys.db is gone while other data is there (R25, R31: never create empty).
    #[error("{0} is missing although the data folder is in use")]
    Missing(&'static str),
    /// The device secret has the wrong length.
    #[error("device secret is damaged")]
    SecretDamaged,
    /// No enrolment yet.
    #[error("device is not enrolled")]
    NotEnrolled,
    /// Requests come first.
    #[error("no pending key request for {0}")]
    NothingPending(String),
    /// A certificate that came back is not ours, or cannot be read.
    #[error("certificate: {0}")]
    Certificate(&'static str),
    /// An age recipient that came back cannot be read.
    #[error("recipient {0} is not an X25519 age recipient")]
    Recipient(&'static str),
    /// The policy cannot be read.
    #[error("policy cannot be read")]
    Policy,
    /// Policy forbids keeping keys under a file.
    #[error("policy forbids file protection")]
    FileProtection,
    /// PIN shorter or simpler than the policy demands.
    #[error("PIN needs {least} characters, letters needed: {letters}")]
    PinWeak {
        /// Least number of characters.
        least: u32,
        /// At least one letter is needed.
        letters: bool,
    },
    /// Wrong PIN.
    #[error("wrong PIN for {0}")]
    PinWrong(OfficerId),
    /// Too many wrong PINs: wait.
    #[error("wait {0} ms before the next PIN")]
    PinDelay(i64),
    /// The hardware counted too many wrong PINs and answers none for a while, not even the right one.
    #[error("the security chip is locked out after too many wrong PINs")]
    PinLocked,
    /// The TPM cannot be used.
    #[error("TPM: {0}")]
    Tpm(String),
    /// The keys were made with another TPM, or this one was cleared.
    #[error("keys of another TPM: {0}")]
    TpmOther(String),
    /// The token is needed and is not there, or is another one.
    #[error("token: {0}")]
    Token(String),
    /// The token's own PIN is wrong; the token counts.
    #[error("wrong PIN of the token")]
    TokenPin,
    /// No such officer here.
    #[error("officer {0} has no key here")]
    NoOfficer(OfficerId),
    /// Nobody has unlocked.
    #[error("locked")]
    Locked,
    /// The officer who unlocked has no key of this case.
    #[error("no key of {0} for the officer who unlocked")]
    NoCaseKey(CaseId),
    /// The case was never opened here.
    #[error("case {0} is not known here")]
    NoCase(CaseId),
    /// The case exists already.
    #[error("case {0} exists already")]
    CaseExists(CaseId),
    /// The keys of the case were destroyed.
    #[error("keys of {0} were destroyed")]
    CaseShredded(CaseId),
    /// No package identity, or none for this officer yet.
    #[error("no package identity for the officer who unlocked")]
    NoPackageKey,
    /// A wrapped package key is not for this handheld, or damaged.
    #[error("wrapped package key cannot be opened")]
    PackageKey,
    /// Something sealed does not open: damaged or exchanged.
    #[error("{0} does not open: damaged or exchanged")]
    Sealed(&'static str),
    /// A blob is missing.
    #[error("blob {0} is missing")]
    BlobMissing(String),
    /// A blob or what is in it is not what was stored.
    #[error("blob {0} is damaged")]
    BlobDamaged(String),
    /// A recording with this name exists already.
    #[error("recording {0} exists already")]
    RecordingExists(String),
    /// Paths or files of a recording do not fit each other.
    #[error("recording {name}: {what}")]
    Recording {
        /// Folder name of the recording.
        name: String,
        /// What does not fit.
        what: &'static str,
    },
    /// A cryptographic library refused (out of memory, broken key).
    #[error("{0} failed")]
    Crypto(&'static str),
    /// Journal line, hash or signature could not be made.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Our own JSON could not be made or read.
    #[error(transparent)]
    Json(#[from] CanonicalError),
}

impl VaultError {
    /// An I/O failure with what was being done.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }

    /// A second factor is asked for, and there is none or its PIN was not given.
    pub(crate) fn no_token() -> Self {
        Self::Token("not connected, or its PIN was not given".to_owned())
    }

    /// Trying again later may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::PinDelay(_) | Self::PinLocked | Self::Io { .. })
    }

    fn words(&self) -> (&'static str, String, &'static str, &'static str) {
        const KEPT: &str = "已保存的内容没有改动";
        const SEALED: &str = "已采集的内容仍加密保存，没有丢失";
        const SUPPORT: &str = "请不要清空数据目录，把错误代码告诉中心；案卷可用“救援导出”带走";
        let s = str::to_owned;
        let full = || {
            let advice = "请腾出空间(上传或导出已封存的证据包)后重试";
            ("VAULT-DISK-FULL", s("存储空间已满，没有写入"), KEPT, advice)
        };
        match self {
            Self::Io { source, .. } if is_full(source) => full(),
            Self::Sql(error) if sql_is_full(error) => full(),
            Self::Io { .. } => {
                ("VAULT-IO", s("读写存储失败"), KEPT, "请重试；仍失败时更换存储或联系中心")
            }
            Self::Sql(_) => ("VAULT-KEYS-DB", s("密钥库读写失败"), KEPT, SUPPORT),
            Self::KeysUnreadable(_) => (
                "VAULT-KEYS-UNREADABLE",
                s("密钥库打不开：已损坏，或不是本机的密钥库"),
                SEALED,
                SUPPORT,
            ),
            Self::KeysNewer { .. } => {
                ("VAULT-KEYS-NEWER", s("密钥库由更新的版本写成"), KEPT, "请安装新版本后再打开")
            }
            Self::Missing(_) => (
                "VAULT-KEYS-MISSING",
                s("数据目录中缺少本机密钥，已停止以免生成空的密钥库"),
                SEALED,
                SUPPORT,
            ),
            Self::SecretDamaged => {
                ("VAULT-SECRET-DAMAGED", s("本机密钥文件已损坏"), SEALED, SUPPORT)
            }
            Self::NotEnrolled => {
                ("VAULT-NOT-ENROLLED", s("本机尚未登记"), KEPT, "请先用中心发的登记票登记本机")
            }
            Self::NothingPending(_) => {
                ("VAULT-NOTHING-PENDING", s("没有等待中的证书申请"), KEPT, "请重新开始登记")
            }
            Self::Certificate(_) => (
                "VAULT-CERTIFICATE",
                s("中心发来的证书与本机申请的密钥不符或无法读取"),
                "没有保存任何证书",
                "请重新登记；再次出现时联系中心",
            ),
            Self::Recipient(_) => (
                "VAULT-RECIPIENT",
                s("中心发来的加密公钥无法读取"),
                "没有保存任何内容",
                "请重新登记；再次出现时联系中心",
            ),
            Self::Policy => ("VAULT-POLICY", s("中心的策略无法读取"), KEPT, "请重新拉取或联系中心"),
            Self::FileProtection => (
                "VAULT-FILE-PROTECTION",
                s("策略不允许用文件保护密钥"),
                KEPT,
                "请换用带安全芯片的设备，或由中心修改策略",
            ),
            Self::PinWeak { least, letters } => (
                "VAULT-PIN-WEAK",
                format!(
                    "口令太短：至少 {least} 个字符{}",
                    if *letters { ", 并含字母" } else { "" }
                ),
                KEPT,
                "请换一个口令",
            ),
            Self::PinWrong(_) => ("VAULT-PIN-WRONG", s("口令不对"), KEPT, "请核对人员和口令后重试"),
            Self::PinDelay(ms) => (
                "VAULT-PIN-DELAY",
                format!("口令连续输错，请等待 {} 秒", seconds_up(*ms)),
                SEALED,
                "到时间后再输入；录音录像不受影响",
            ),
            Self::PinLocked => (
                "VAULT-PIN-LOCKED",
                s("口令输错次数过多，安全芯片已锁定，现在正确的口令也不能用"),
                SEALED,
                "请按安全芯片的规定时间等待后再试；录音录像不受影响",
            ),
            Self::Tpm(_) => (
                "VAULT-TPM",
                s("安全芯片不能使用"),
                KEPT,
                "请重启后再试；仍不成功时由中心用第二副本或托管密钥恢复",
            ),
            Self::TpmOther(_) => (
                "VAULT-TPM-OTHER",
                s("本机密钥不是这个安全芯片的，或芯片被清空过"),
                KEPT,
                "请不要清空数据目录；由中心用第二副本或托管密钥恢复",
            ),
            Self::Token(_) => (
                "VAULT-TOKEN",
                s("需要插入本人的密钥设备(UKey)，现在没有找到"),
                KEPT,
                "请插好本人的密钥设备后重试",
            ),
            Self::TokenPin => (
                "VAULT-TOKEN-PIN",
                s("密钥设备的口令不对"),
                KEPT,
                "请核对密钥设备的口令；输错次数过多时设备会自行锁定",
            ),
            Self::NoOfficer(_) => {
                ("VAULT-NO-OFFICER", s("该人员在本机没有密钥"), KEPT, "请先登记该人员")
            }
            Self::Locked => ("VAULT-LOCKED", s("尚未解锁"), SEALED, "请先解锁"),
            Self::NoCaseKey(_) => (
                "VAULT-NO-CASE-KEY",
                s("该人员没有这个案件的密钥"),
                SEALED,
                "请由本案检查人员解锁一次，之后新登记的本案人员即可打开",
            ),
            Self::NoCase(_) => ("VAULT-NO-CASE", s("本机没有这个案件"), KEPT, "请核对案件编号"),
            Self::CaseExists(_) => {
                ("VAULT-CASE-EXISTS", s("案件已经存在"), KEPT, "请直接打开该案件")
            }
            Self::CaseShredded(_) => (
                "VAULT-CASE-SHREDDED",
                s("该案件的密钥已按规定销毁"),
                KEPT,
                "需要时向中心调取该案件的证据包",
            ),
            Self::NoPackageKey => (
                "VAULT-NO-PACKAGE-KEY",
                s("该人员还没有数据包密钥"),
                KEPT,
                "请由已有数据包密钥的人员解锁一次",
            ),
            Self::PackageKey => (
                "VAULT-PACKAGE-KEY",
                s("数据包密钥打不开：不是发给本机的，或已损坏"),
                KEPT,
                "请重新拉取数据包；再次出现时联系中心",
            ),
            Self::Sealed(_) => ("VAULT-SEALED-DAMAGED", s("加密保存的密钥已损坏"), SEALED, SUPPORT),
            Self::BlobMissing(_) => {
                ("VAULT-BLOB-MISSING", s("缺少一份已保存的文件"), "其他内容没有改动", SUPPORT)
            }
            Self::BlobDamaged(_) => (
                "VAULT-BLOB-DAMAGED",
                s("一份已保存的文件与登记的哈希不符"),
                "其他内容没有改动",
                SUPPORT,
            ),
            Self::RecordingExists(_) => (
                "VAULT-RECORDING-EXISTS",
                s("同名录音录像已经存在"),
                KEPT,
                "请先结束或恢复上一段录制",
            ),
            Self::Recording { .. } => (
                "VAULT-RECORDING",
                s("录音录像的保存目录不完整或不一致"),
                "已写入的片段原样保留",
                SUPPORT,
            ),
            Self::Crypto(_) => ("VAULT-CRYPTO", s("加密运算失败"), KEPT, "请重启程序后重试"),
            Self::Evidence(_) => ("VAULT-EVIDENCE", s("生成日志行或签名失败"), KEPT, SUPPORT),
            Self::Json(_) => ("VAULT-FORMAT", s("内部数据格式不对"), KEPT, SUPPORT),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// SQLite also calls it full when it cannot grow the shared memory file of its write-ahead log.
fn sql_is_full(error: &rusqlite::Error) -> bool {
    let grow = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|e| e.extended_code == grow)
}

const fn seconds_up(ms: i64) -> i64 {
    ms.saturating_add(999).div_euclid(1000)
}

impl From<VaultError> for Trouble {
    fn from(error: VaultError) -> Self {
        let (code, message, safe, advice) = error.words();
        let mut trouble = Self::new(code, &message, safe, advice).because(&error);
        trouble.retryable = error.is_retryable();
        trouble.verdict = matches!(error, VaultError::PinWrong(_));
        trouble
    }
}
