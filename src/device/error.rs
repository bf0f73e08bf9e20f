//! What can go wrong with the device, and the words in which a person learns of it.
//!
//! Causes are library messages and our own names of things (element, path of a device node); never a value
//! that was captured.

use spotcheck_domain::Trouble;
use spotcheck_evidence::media::MediaError;

use crate::config::ConfigError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `device.toml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another process writes into this data folder.
    #[error("data folder is in use by process {}", .pid.map_or_else(|| "?".to_owned(), |p| p.to_string()))]
    DataLocked {
        /// The holder, as it wrote itself into the lock file.
        pid: Option<u32>,
    },
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// GStreamer is not usable at all.
    #[error("GStreamer: {0}")]
    GStreamer(String),
    /// No microphone answers.
    #[error("no microphone: {0}")]
    NoMicrophone(String),
    /// No camera answers.
    #[error("no camera: {0}")]
    NoCamera(String),
    /// The camera runs but gives no picture.
    #[error("the camera gave no picture in time")]
    NoPicture,
    /// None of the configured encoders works here.
    #[error("no video encoder works: {0}")]
    NoEncoder(String),
    /// A pipeline could not be built or broke.
    #[error("pipeline {what}: {cause}")]
    Pipeline {
        /// Which one.
        what: &'static str,
        /// GStreamer's message.
        cause: String,
    },
    /// One of two devices is gone; the recording goes on with the other.
    #[error("recording goes on without {0}")]
    Impaired(String),
    /// The muxer wrote what our cutter does not understand.
    #[error("container: {0}")]
    Container(&'static str),
    /// Nothing of the recording is stored yet, or nothing that can be read.
    #[error("nothing to play")]
    NothingToPlay,
    /// What is stored is no recording of ours.
    #[error("cannot be played: {0}")]
    Unplayable(#[from] MediaError),
    /// The player broke, or has no loudspeaker.
    #[error("player: {0}")]
    Player(String),
    /// The recorder process cannot be started.
    #[error("recorder does not start: {0}")]
    RecorderStart(String),
    /// The recorder process is gone.
    #[error("recorder is gone: {0}")]
    RecorderGone(String),
    /// The recorder process does not answer in time.
    #[error("recorder does not answer")]
    RecorderTimeout,
    /// The recorder speaks another version, or nonsense.
    #[error("recorder protocol: {0}")]
    RecorderProtocol(String),
    /// No recording with this key.
    #[error("no such recording")]
    NoSuchRecording,
    /// A recording with this key runs already.
    #[error("recording runs already")]
    AlreadyRunning,
    /// A picture cannot be decoded; it is kept as it came.
    #[error("the picture cannot be decoded")]
    Picture,
    /// A recording of sound has no picture to blank.
    #[error("the recording has no picture")]
    NotFilming,
    /// Sound or pictures did not arrive in time after the start.
    #[error("no first fragment in time")]
    NoFirstFragment,
}

impl Error {
    pub(crate) fn io(what: &'static str, source: impl Into<std::io::Error>) -> Self {
        Self::Io { what, source: source.into() }
    }

    pub(crate) fn pipeline(what: &'static str, cause: impl std::fmt::Display) -> Self {
        Self::Pipeline { what, cause: cause.to_string() }
    }

    /// Trying again later may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::DataLocked { .. }
                | Self::NoMicrophone(_)
                | Self::NoCamera(_)
                | Self::NoPicture
                | Self::NoFirstFragment
                | Self::RecorderStart(_)
                | Self::RecorderGone(_)
                | Self::RecorderTimeout
        )
    }
}

const SAFE_STORED: &str = "已写入存储的片段都已加密保存，没有丢失。";
const SAFE_NOTHING: &str = "已保存的数据没有改动。";

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let trouble = match &error {
            Error::Config(e) => Self::new(
                "DEVICE-CONFIG",
                &e.in_chinese(),
                SAFE_NOTHING,
                "请按提示修改 device.toml 中的这一项后重新启动。",
            ),
            Error::DataLocked { pid } => Self::new(
                "DEVICE-DATA-LOCKED",
                &pid.map_or_else(
                    || "数据目录正被另一个现场稽核进程使用。".to_owned(),
                    |p| format!("数据目录正被另一个现场稽核进程使用(进程号 {p})。"),
                ),
                "数据目录没有被改动。",
                "请先关闭另一个现场稽核程序，再重试。",
            ),
            Error::Io { .. } => Self::new(
                "DEVICE-SYSTEM",
                "操作系统拒绝了一项操作。",
                SAFE_NOTHING,
                "请检查存储空间和权限后重试；仍不行请联系技术支持。",
            ),
            Error::GStreamer(_) => Self::new(
                "DEVICE-GSTREAMER",
                "音视频组件无法使用。",
                SAFE_NOTHING,
                "请安装 GStreamer 1.22 及以上的基础插件和 good 插件。",
            ),
            Error::NoMicrophone(_) => Self::new(
                "DEVICE-MICROPHONE",
                "没有可用的麦克风。",
                SAFE_STORED,
                "请检查麦克风是否接好、是否被其他程序占用，再重试。",
            ),
            Error::NoCamera(_) => Self::new(
                "DEVICE-CAMERA",
                "没有可用的摄像头。",
                SAFE_STORED,
                "请检查摄像头是否接好、是否被其他程序占用，再重试。",
            ),
            Error::NoPicture => Self::new(
                "DEVICE-NO-PICTURE",
                "摄像头没有在规定时间内给出画面。",
                SAFE_STORED,
                "请重新拍摄；仍不行请重新插拔摄像头。",
            ),
            Error::NoEncoder(_) => Self::new(
                "DEVICE-ENCODER",
                "没有可用的视频编码器。",
                SAFE_STORED,
                "请改用录音和拍照，并联系技术支持安装编码插件。",
            ),
            Error::Pipeline { .. } | Error::Container(_) => Self::new(
                "DEVICE-CAPTURE",
                "采集中断。",
                SAFE_STORED,
                "请重新开始录制；原录制会自动收尾保存。",
            ),
            Error::NothingToPlay => Self::new(
                "PLAY-NOTHING",
                "这段录音录像还没有存下能放的内容。",
                SAFE_STORED,
                "录几秒后再放。",
            ),
            Error::Unplayable(_) => Self::new(
                "PLAY-FORMAT",
                "这段录音录像的格式读不懂，放不出来。",
                SAFE_NOTHING,
                "原件没有动过；封存回传后由中心检查。",
            ),
            Error::Player(_) => Self::new(
                "PLAY-DEVICE",
                "回放中断。",
                SAFE_NOTHING,
                "请检查扬声器或耳机后再放；原件没有动过。",
            ),
            Error::Impaired(_) => Self::new(
                "DEVICE-IMPAIRED",
                "录像中途失去了画面或声音，其余部分仍在录制。",
                SAFE_STORED,
                "请检查摄像头和麦克风；需要时停止后重新开始录制。",
            ),
            Error::RecorderStart(_) => Self::new(
                "RECORDER-START",
                "录制进程无法启动。",
                SAFE_NOTHING,
                "请重试；仍不行请重新启动手持机。",
            ),
            Error::RecorderGone(_) => Self::new(
                "RECORDER-GONE",
                "录制进程已退出。",
                SAFE_STORED,
                "请重新开始录制；中断的录制会自动收尾保存。",
            ),
            Error::RecorderTimeout => Self::new(
                "RECORDER-TIMEOUT",
                "录制进程没有及时答复。",
                "正在进行的录制不受影响，已写入存储的片段都已加密保存。",
                "请稍后重试；仍不行请停止这段录制，已录的部分会自动收尾保存。",
            ),
            Error::RecorderProtocol(_) => Self::new(
                "RECORDER-PROTOCOL",
                "录制进程与本程序版本不一致。",
                SAFE_STORED,
                "请结束正在进行的录制，然后重新启动程序。",
            ),
            Error::NoSuchRecording => Self::new(
                "RECORDER-UNKNOWN",
                "没有这个正在进行的录制。",
                SAFE_STORED,
                "请在证据列表中查看；中断的录制会自动收尾保存。",
            ),
            Error::AlreadyRunning => {
                Self::new("RECORDER-RUNNING", "这个录制已经在进行。", SAFE_STORED, "无需重复开始。")
            }
            Error::Picture => Self::new(
                "DEVICE-PICTURE",
                "照片已存好，但没能检查它是否清楚。",
                SAFE_STORED,
                "请自己看一眼照片是否清楚，需要时再拍一张。",
            ),
            Error::NotFilming => Self::new(
                "DEVICE-NOT-FILMING",
                "这一段只录声音，没有画面可以遮挡。",
                SAFE_STORED,
                "遮挡画面只对录像有用。",
            ),
            Error::NoFirstFragment => Self::new(
                "RECORDER-NO-FIRST",
                "录制启动后没有收到声音或画面。",
                SAFE_NOTHING,
                "请检查麦克风和摄像头后重新开始。",
            ),
        };
        let retryable = error.is_retryable();
        let trouble = trouble.because(&error);
        if retryable { trouble.retry() } else { trouble }
    }
}
