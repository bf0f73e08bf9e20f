//! `capture photo|page|audio|video|stop|mark|cover|uncover|pause|resume|describe`.

use std::time::Duration;

use clap::{Args, Subcommand};
use spotcheck_app::Handheld;
use spotcheck_app::desk::{Desk, EvidenceView, Filing, OnSite, PartyWords, RecordingKind};
use spotcheck_app::page_check::PageFault;
use spotcheck_domain::vocabulary::{Direction, Originality};
use spotcheck_domain::{CaseId, TroubleResult};

use super::Output;
use super::case::case_id;

/// Acts of capturing.
#[derive(Debug, Subcommand)]
pub(crate) enum Capture {
    /// 拍照 / one photo
    Photo {
        /// 案卷；不写则归入在办案卷或到场采集，无须解锁 / case; else the open one, or arrival, without unlocking
        case: Option<String>,
    },
    /// 翻拍文件的一页，拍后检查是否清楚 / one page of a paper, checked afterwards
    Page {
        /// 案卷 / case
        case: String,
        /// 接在哪一组之后；不写则新起一组 / group to go on with; else a new one
        #[arg(long, value_name = "G")]
        group: Option<String>,
        /// 重拍哪一张 / photo that is taken again
        #[arg(long, value_name = "E")]
        again: Option<String>,
    },
    /// 录音 / record sound
    Audio {
        /// 案卷；不写则归入在办案卷或到场采集，无须解锁 / case; else the open one, or arrival, without unlocking
        case: Option<String>,
        /// 录够几秒后停止；不写则一直录到 stop / stop after so many seconds; else until `stop`
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
    },
    /// 录像 / record video
    Video {
        /// 案卷；不写则归入在办案卷或到场采集，无须解锁 / case; else the open one, or arrival, without unlocking
        case: Option<String>,
        /// 录够几秒后停止；不写则一直录到 stop / stop after so many seconds; else until `stop`
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
    /// 遮挡录像画面，声音照录，直到 uncover 或 stop / blank the picture, sound goes on
    Cover {
        /// 证据 / evidence id
        evidence: String,
    },
    /// 恢复录像画面 / show the picture again
    Uncover {
        /// 证据 / evidence id
        evidence: String,
    },
    /// 暂停：记入日志并标记，声音照录，录像遮挡画面 / pause: an entry and a mark, sound goes on, picture blanked
    Pause {
        /// 证据 / evidence id
        evidence: String,
    },
    /// 继续 / end of the pause
    Resume {
        /// 证据 / evidence id
        evidence: String,
    },
    /// 写明证明内容、来源、保管人、原件还是复制件、对谁有利 / say what it proves, whose it is, for whom it speaks
    Describe(Box<Describe>),
}

/// What is said about an item; what is left out stands as not said.
#[derive(Debug, Args)]
pub(crate) struct Describe {
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
    /// 保管人 / who keeps the original
    #[arg(long, value_name = "NAME")]
    keeper: Option<String>,
    /// 原件 original、复制件 copy；不写则照这类证据的本来 / original or copy [default: as its kind is]
    #[arg(long, value_name = "WORD", value_parser = ["original", "copy"])]
    original: Option<String>,
    /// 原件存放处 / where the original is
    #[arg(long, value_name = "PLACE")]
    original_place: Option<String>,
    /// 不利 against、有利 for、中性 neutral / for or against the party
    #[arg(long, value_name = "WORD", value_parser = ["against", "for", "neutral"])]
    direction: Option<String>,
    /// 当事人的意见 / what the party said about it
    #[arg(long, value_name = "WORDS", requires = "opinion_by")]
    opinion: Option<String>,
    /// 是哪一位当事人的意见 / who said it
    #[arg(long, value_name = "PARTY", requires = "opinion")]
    opinion_by: Option<String>,
    /// 属于哪一步 / step of the visit
    #[arg(long, value_name = "S")]
    step: Option<String>,
    /// 说明哪条线索 / finding that it shows
    #[arg(long, value_name = "F")]
    finding: Option<String>,
}

impl Describe {
    fn filing(&self) -> Filing {
        let opinion = self.opinion_by.clone().zip(self.opinion.clone());
        Filing {
            proves: self.proves.clone(),
            source: self.source.clone(),
            keeper: self.keeper.clone(),
            original: self.original.as_deref().and_then(Originality::parse),
            original_place: self.original_place.clone(),
            direction: self.direction.as_deref().and_then(Direction::parse),
            opinion: opinion.map(|(party, text)| PartyWords { party, text, at: String::new() }),
            step: self.step.clone(),
            finding: self.finding.clone(),
        }
    }
}

impl Capture {
    /// Captured without a case: nothing is read, so nothing has to be unlocked.
    pub(crate) fn needs_unlock(&self) -> bool {
        match self {
            Self::Photo { case } | Self::Audio { case, .. } | Self::Video { case, .. } => {
                case.is_some()
            }
            // What runs and is in no case yet has an id of its own, A1, A2 …
            Self::Stop { evidence }
            | Self::Mark { evidence, .. }
            | Self::Cover { evidence }
            | Self::Pause { evidence }
            | Self::Resume { evidence }
            | Self::Uncover { evidence } => !is_early(evidence),
            Self::Page { .. } | Self::Describe(_) => true,
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

fn page(
    handheld: &mut Handheld,
    case: &CaseId,
    group: Option<&str>,
    again: Option<&str>,
) -> TroubleResult<Output> {
    let taken = handheld.capture_page(case, group, again)?;
    let item = handheld.check_page(case, &taken.id)?;
    let Some(page) = &item.page else { return show(&item) };
    let faults = page.verdict.iter().flat_map(|v| &v.faults).map(|f| match f {
        PageFault::NoPage => "没有找到纸面",
        PageFault::Cut => "可能没拍全",
        PageFault::Blurred => "可能模糊",
        PageFault::Glare => "可能反光",
    });
    let said = faults.collect::<Vec<_>>().join("、");
    let said = if said.is_empty() { "清楚".to_owned() } else { format!("{said}，请重拍") };
    let line = format!("{}  {} 第 {} 页  {said}", item.id, page.group, page.n);
    Output::new("capture-page", &item, vec![line])
}

fn cover(handheld: &mut Handheld, evidence: &str, on: bool) -> TroubleResult<Output> {
    let running = handheld.cover_picture(evidence, on)?;
    let words = if on { "画面已遮挡，声音照录" } else { "画面已恢复" };
    Output::new("capture-cover", &running, vec![words.to_owned()])
}

fn pause(handheld: &mut Handheld, evidence: &str, on: bool) -> TroubleResult<Output> {
    let running = handheld.pause_recording(evidence, on)?;
    let words = if on { "已暂停，声音照录" } else { "继续" };
    Output::new("capture-pause", &running, vec![words.to_owned()])
}

/// `capture`.
pub(crate) fn run(handheld: &mut Handheld, args: &Capture) -> TroubleResult<Output> {
    match args {
        Capture::Photo { case } => {
            let case = case.as_deref().map(case_id).transpose()?;
            show(&handheld.capture_photo(case.as_ref())?)
        }
        Capture::Page { case, group, again } => {
            page(handheld, &case_id(case)?, group.as_deref(), again.as_deref())
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
        Capture::Pause { evidence } => pause(handheld, evidence, true),
        Capture::Resume { evidence } => pause(handheld, evidence, false),
        Capture::Cover { evidence } => cover(handheld, evidence, true),
        Capture::Uncover { evidence } => cover(handheld, evidence, false),
        Capture::Describe(said) => {
            let case = case_id(&said.case)?;
            handheld.describe_evidence(&case, &said.evidence, &said.filing())?;
            Output::new("capture-describe", &serde_json::json!({}), vec!["已写明".to_owned()])
        }
    }
}
