//! What can go wrong between the handheld and paper, and how it is said to a person.
//!
//! Two questions decide the words: is the frozen document safe (always), and may a sheet have come out
//! already (then printing again needs a look at the tray first).

use spotcheck_domain::Trouble;

/// Errors of this crate. Texts in them are words of ours or keywords of the IPP registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not an `ipp`, `ipps`, `http` or `https` address, or one with a password in it.
    #[error("not a printer address")]
    Uri,
    /// No connection.
    #[error("printer cannot be reached: {0}")]
    Unreachable(String),
    /// Connected, but no answer in time.
    #[error("printer does not answer in time")]
    Timeout,
    /// Its certificate is not trusted.
    #[error("certificate of the printer is not trusted")]
    Tls,
    /// An answer that is not IPP, or lacks what it must have.
    #[error("answer is not IPP: {0}")]
    Protocol(String),
    /// Stopped, or takes no jobs; reasons in words.
    #[error("printer not ready")]
    NotReady(Vec<String>),
    /// Takes neither PDF nor PWG raster that we can make.
    #[error("printer takes neither PDF nor PWG raster")]
    Format,
    /// An IPP status that is none of the above.
    #[error("printer refuses: status {0:#06x}")]
    Refused(i16),
    /// The job was ended by the printer; reasons in words.
    #[error("job aborted by the printer")]
    Aborted(Vec<String>),
    /// The job was cancelled at the printer.
    #[error("job cancelled")]
    Canceled,
    /// The job did not end in time; reasons in words.
    #[error("job not finished in time")]
    Stuck {
        /// Printer's job number.
        job: i32,
        /// Reasons in words.
        reasons: Vec<String>,
    },
    /// The printer forgot the job.
    #[error("printer no longer knows the job")]
    Forgotten,
    /// A bitmap whose size does not fit its bytes.
    #[error("bitmap of a page is malformed")]
    Bitmap,
    /// No runtime or client could be made.
    #[error("no client: {0}")]
    Client(String),
}

const SAFE: &str = "文书已定稿保存，没有丢失。";

fn listed(reasons: &[String]) -> String {
    if reasons.is_empty() { "原因不明".to_owned() } else { reasons.join("、") }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let trouble = match &error {
            Error::Uri => Self::new(
                "PRINT-URI",
                "打印机地址不对。",
                SAFE,
                "地址应为 ipp://主机[:端口]/路径，不得含用户名和密码。",
            ),
            Error::Unreachable(_) => Self::new(
                "PRINT-UNREACHABLE",
                "连接不上打印机。",
                SAFE,
                "请检查打印机是否开机、是否在同一网络，然后重试；也可换一台打印机或改用手写。",
            )
            .retry(),
            Error::Timeout => Self::new(
                "PRINT-TIMEOUT",
                "打印机没有按时应答。",
                "文书已定稿保存，没有丢失；可能已有纸张打出。",
                "请先查看出纸口，再决定是否重打。",
            )
            .retry(),
            Error::Tls => Self::new(
                "PRINT-TLS",
                "打印机的证书不受信任。",
                SAFE,
                "请核对打印机，或请管理员登记该打印机的证书。",
            ),
            Error::Protocol(_) => Self::new(
                "PRINT-PROTOCOL",
                "该地址的应答不是打印机的应答。",
                SAFE,
                "请核对打印机地址。",
            ),
            Error::NotReady(reasons) => Self::new(
                "PRINT-NOT-READY",
                &format!("打印机现在不能打印：{}。", listed(reasons)),
                SAFE,
                "请按提示处理打印机后重试。",
            )
            .retry(),
            Error::Format => Self::new(
                "PRINT-FORMAT",
                "打印机不接受本机能提供的文件格式。",
                SAFE,
                "请换一台支持 PDF 或 PWG 光栅的打印机，或把 PDF 拷到对方打印机打印。",
            ),
            Error::Refused(_) => Self::new(
                "PRINT-REFUSED",
                "打印机拒绝了这次打印。",
                SAFE,
                "请查看打印机面板上的提示后重试。",
            )
            .retry(),
            Error::Aborted(reasons) => Self::new(
                "PRINT-ABORTED",
                &format!("打印被打印机中止：{}。", listed(reasons)),
                "文书已定稿保存，没有丢失；可能已有纸张打出。",
                "请收回已打出的纸张，处理后重打；未用的纸张注明作废。",
            )
            .retry(),
            Error::Canceled => Self::new(
                "PRINT-CANCELED",
                "打印已取消。",
                "文书已定稿保存，没有丢失；可能已有纸张打出。",
                "请收回已打出的纸张；需要时重打。",
            ),
            Error::Stuck { reasons, .. } => Self::new(
                "PRINT-STUCK",
                &format!("打印还没有完成：{}。", listed(reasons)),
                "文书已定稿保存，没有丢失；打印机上的作业还在。",
                "请处理打印机，作业会继续；不要马上重打，以免多出一份。",
            )
            .retry(),
            Error::Forgotten => Self::new(
                "PRINT-FORGOTTEN",
                "打印机不再保留这次打印的记录，无法确认是否完成。",
                "文书已定稿保存，没有丢失；可能已有纸张打出。",
                "请查看出纸口，核对页数。",
            ),
            Error::Bitmap | Error::Client(_) => Self::new(
                "PRINT-INTERNAL",
                "打印数据无法生成。",
                SAFE,
                "请把错误代码和时间告诉中心。",
            ),
        };
        trouble.because(&error)
    }
}
