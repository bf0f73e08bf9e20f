//! What can go wrong at the centre, and the words a person gets for it.
//!
//! One enum for the crate: the command line turns it into [`Trouble`], the protocol into a problem document
//! (`server::problem`). The technical cause goes to the log only; it names our own ids and library messages,
//! never a value of claims, forms or recordings.

use spotcheck_domain::Trouble;

/// Result of the centre's own operations.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong at the centre.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system said no.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
    /// The database said no.
    #[error("database: {0}")]
    Db(#[from] rusqlite::Error),
    /// The key does not open the database.
    #[error("the key does not open the database")]
    WrongKey,
    /// The key file cannot be used.
    #[error("key file: {0}")]
    KeyFile(&'static str),
    /// A newer program wrote this database.
    #[error("database version {found} is newer than {known}")]
    NewerDatabase {
        /// Version found.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// Another process serves this data folder.
    #[error("data folder is in use by process {holder}")]
    InUse {
        /// Its pid, as far as known.
        holder: String,
    },
    /// A certificate, request or revocation list could not be made or read.
    #[error("certificate: {0}")]
    Certificate(String),
    /// Encryption or decryption of an age file.
    #[error("age: {0}")]
    Age(String),
    /// The transparency log.
    #[error("log: {0}")]
    Log(String),
    /// Something we stored ourselves does not read back.
    #[error("stored value damaged: {0}")]
    Stored(&'static str),
    /// No such thing.
    #[error("no such {what}")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// Its Chinese name.
        zh: &'static str,
    },
    /// The request makes no sense as it is.
    #[error("{code}")]
    Refused {
        /// Stable code.
        code: &'static str,
        /// 发生了什么.
        message: String,
        /// 怎么办.
        advice: String,
    },
    /// TLS or HTTP set-up.
    #[error("network: {0}")]
    Net(String),
    /// Told by another layer.
    #[error("{code}: {cause}", code = .0.code, cause = .0.cause)]
    Told(Box<Trouble>),
}

impl Error {
    /// Names what was tried when the operating system said no.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// A request that makes no sense as it is.
    pub(crate) fn refused(
        code: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::Refused { code, message: message.into(), advice: advice.into() }
    }

    /// Trying again later may help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Db(rusqlite::Error::SqliteFailure(error, _)) => matches!(
                error.code,
                rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked
            ),
            Self::Told(trouble) => trouble.retryable,
            Self::Io { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::Told(Box::new(trouble))
    }
}

impl From<rcgen::Error> for Error {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

const SAFE: &str = "中心已有的数据没有改变。";

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        let retryable = error.is_retryable();
        let mut trouble = match error {
            Error::Told(trouble) => return *trouble,
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Self::new("CENTRE-DISK-FULL", "磁盘已满。", SAFE, "请清理磁盘或扩容后重试。")
            }
            Error::Io { .. } => Self::new(
                "CENTRE-IO",
                "读写文件失败。",
                SAFE,
                "请检查数据目录的权限和磁盘，然后重试。",
            ),
            Error::Db(_) => Self::new(
                "CENTRE-DATABASE",
                "数据库操作失败。",
                SAFE,
                "请重试；仍然失败时查看日志并联系维护人员。",
            ),
            Error::WrongKey => Self::new(
                "CENTRE-KEY",
                "密钥打不开数据库。",
                "数据库没有被改动。",
                "请用 --key-file 指定建立数据目录时的密钥文件。",
            ),
            Error::KeyFile(what) => Self::new(
                "CENTRE-KEY-FILE",
                &format!("密钥文件不可用：{what}。"),
                SAFE,
                "密钥文件须为 64 个十六进制字符，权限 0600。",
            ),
            Error::NewerDatabase { .. } => Self::new(
                "CENTRE-DATABASE-NEWER",
                "数据库由更新版本的程序写成。",
                "数据库没有被改动。",
                "请使用新版本的 spotcheck-center。",
            ),
            Error::InUse { holder } => Self::new(
                "CENTRE-IN-USE",
                &format!("数据目录正被另一进程使用(进程号 {holder})。"),
                SAFE,
                "请先停止该进程。",
            ),
            Error::Certificate(_) => {
                Self::new("CENTRE-CERTIFICATE", "证书处理失败。", SAFE, "请查看日志。")
            }
            Error::Age(_) => Self::new(
                "CENTRE-AGE",
                "加密文件处理失败。",
                SAFE,
                "请查看日志；原始密文仍然保留。",
            ),
            Error::Log(_) => {
                Self::new("CENTRE-LOG", "透明日志处理失败。", SAFE, "请查看日志后重试。")
            }
            Error::Stored(_) => Self::new(
                "CENTRE-STORED",
                "已存数据读不出来。",
                "没有写入任何内容。",
                "请从备份恢复，并保留现有数据目录以供检查。",
            ),
            Error::NotFound { zh, .. } => Self::new(
                "CENTRE-NOT-FOUND",
                &format!("没有这个{zh}。"),
                SAFE,
                "请用 list 子命令查看现有编号。",
            ),
            Error::Refused { code, message, advice } => Self::new(code, &message, SAFE, &advice),
            Error::Net(_) => Self::new(
                "CENTRE-NET",
                "网络服务启动失败。",
                SAFE,
                "请检查 --listen 地址是否已被占用。",
            ),
        };
        trouble.retryable = retryable;
        trouble.because(cause)
    }
}
