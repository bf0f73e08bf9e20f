//! Why the window could not be opened or kept open.
//!
//! Troubles of the desk never come out here: they are shown as cards inside the window.

use spotcheck_domain::Trouble;

/// Errors of the face itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No window system or screen could be used.
    #[error("no window: {0}")]
    Platform(#[from] slint::PlatformError),
    /// The worker thread could not be started.
    #[error("worker thread: {0}")]
    Worker(#[from] std::io::Error),
    /// A control, text or answer that was expected did not come (tests and demo only).
    #[error("{0}")]
    Missing(String),
    /// A picture could not be drawn or written (tests and demo only).
    #[error("picture: {0}")]
    Picture(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let trouble = match error {
            Error::Platform(_) => Self::new(
                "UI-NO-WINDOW",
                "打不开窗口",
                "数据没有动过，录音不受影响",
                "检查显示设备后再启动；也可以用子命令完成同样的事",
            ),
            Error::Worker(_) => Self::new(
                "UI-NO-WORKER",
                "程序的工作线程没有启动",
                "数据没有动过",
                "关掉其他程序后再启动",
            ),
            Error::Missing(_) | Error::Picture(_) => {
                Self::new("UI-DRIVER", "自动操作没有做成", "数据没有动过", "把日志交给支持人员")
            }
        };
        trouble.because(error)
    }
}
