//! `capture photo|audio|video|stop|mark|describe`.

use std::time::Duration;

use clap::Subcommand;
use spotcheck_app::Handheld;
use spotcheck_app::desk::{Desk, EvidenceView, RecordingKind};
use spotcheck_domain::TroubleResult;

use super::Output;
use super::case::case_id;

/// Acts of capturing.
#[derive(Debug, Subcommand)]
pub(crate) enum Capture {
    /// 拍照 / one photo
    Photo {
        /// 案卷;不写则归入在办案卷或到场采集,无须解锁 / case; else the open one, or arrival, without unlocking
        case: Option<String>,
    },
    /// 录音 / record sound
    Audio {
        /// 案卷;不写则归入在办案卷或到场采集,无须解锁 / case; else the open one, or arrival, without unlocking
        case: Option<String>,
        /// 录够几秒后停止;不写则一直录到 stop / stop after so many seconds; else until `stop`
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
    },
    /// 录像 / record video
    Video {
        /// 案卷;不写则归入在办案卷或到场采集,无须解锁 / case; else the open one, or arrival, without unlocking
        case: Option<String>,
        /// 录够几秒后停止;不写则一直录到 stop / stop after so many seconds; else until `stop`
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
    },
    /// 停止录音录像 / stop a recording
    Stop {
        /// 证据 / evidence id
        evidence: String,
    },
    /// 标记 / a mark in a running recording
    Mark {
        /// 证据 / evidence id
        evidence: String,
        /// 内容 / words
        words: String,
    },
    /// 写明证明内容和来源 / say what it proves and where it comes from
    Describe {
        /// 案卷 / case
        case: String,
        /// 证据 / evidence id
        evidence: String,
        /// 证明内容 / what it proves
        #[arg(long)]
        proves: String,
        /// 来源 / source
        #[arg(long, default_value = "")]
        source: String,
    },
}

impl Capture {
    /// Captured without a case: nothing is read, so nothing has to be unlocked.
    pub(crate) fn needs_unlock(&self) -> bool {
        match self {
            Self::Photo { case } | Self::Audio { case, .. } | Self::Video { case, .. } => {
                case.is_some()
            }
            // What runs and is in no case yet has an id of its own, A1, A2 …
            Self::Stop { evidence } | Self::Mark { evidence, .. } => !is_early(evidence),
            Self::Describe { .. } => true,
        }
    }
}

fn is_early(evidence: &str) -> bool {
    evidence.starts_with('A')
}

fn show(item: &EvidenceView) -> TroubleResult<Output> {
    let lines =
        vec![format!("{}  {}  {} 字节  SHA-256 {}", item.id, item.path, item.size, item.sha256)];
    Output::new("capture", item, lines)
}

fn record(
    handheld: &mut Handheld,
    case: Option<&str>,
    kind: RecordingKind,
    seconds: Option<u64>,
) -> TroubleResult<Output> {
    let case = case.map(case_id).transpose()?;
    let started = handheld.start_recording(case.as_ref(), kind)?;
    let Some(seconds) = seconds else {
        let lines = vec![format!("{} 正在录制", started.evidence)];
        return Output::new("capture-running", &started, lines);
    };
    let wanted_ms = seconds.saturating_mul(1000);
    loop {
        let now = handheld.status()?.recordings;
        let running = now.iter().find(|r| r.evidence == started.evidence);
        if running.is_none_or(|r| r.stored_ms >= wanted_ms) {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    show(&handheld.stop_recording(&started.evidence)?)
}

/// `capture`.
pub(crate) fn run(handheld: &mut Handheld, args: &Capture) -> TroubleResult<Output> {
    match args {
        Capture::Photo { case } => {
            let case = case.as_deref().map(case_id).transpose()?;
            show(&handheld.capture_photo(case.as_ref())?)
        }
        Capture::Audio { case, seconds } => {
            record(handheld, case.as_deref(), RecordingKind::Audio, *seconds)
        }
        Capture::Video { case, seconds } => {
            record(handheld, case.as_deref(), RecordingKind::Video, *seconds)
        }
        Capture::Stop { evidence } => show(&handheld.stop_recording(evidence)?),
        Capture::Mark { evidence, words } => {
            handheld.mark_recording(evidence, words)?;
            Output::new("capture-mark", &serde_json::json!({}), vec!["已标记".to_owned()])
        }
        Capture::Describe { case, evidence, proves, source } => {
            handheld.describe_evidence(&case_id(case)?, evidence, proves, source)?;
            Output::new("capture-describe", &serde_json::json!({}), vec!["已写明".to_owned()])
        }
    }
}
