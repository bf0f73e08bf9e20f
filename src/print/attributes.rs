//! What a printer and a job say about themselves.

use ipp::attribute::{IppAttributeGroup, IppAttributes};
use ipp::model::DelimiterTag;
use ipp::value::IppValue;
use serde::{Deserialize, Serialize};

use crate::words::{job_reasons, printer_reasons};

/// `printer-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrinterState {
    /// 空闲.
    Idle,
    /// 正在打印.
    Processing,
    /// 停止.
    Stopped,
    /// It does not say.
    Unknown,
}

impl PrinterState {
    /// The word on screen.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Idle => "空闲",
            Self::Processing => "正在打印",
            Self::Stopped => "已停止",
            Self::Unknown => "状态不明",
        }
    }
}

/// A printer's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrinterInfo {
    /// Address as given.
    pub uri: String,
    /// `printer-info`, else make and model, else the address.
    pub name: String,
    /// State.
    pub state: PrinterState,
    /// Reasons in words; may be there in any state (`纸张不多`).
    pub reasons: Vec<String>,
    /// Takes new jobs.
    pub accepting: bool,
    /// `document-format-supported`.
    pub formats: Vec<String>,
    /// Resolutions for PWG raster, dpi, both directions equal, ascending.
    pub raster_dpi: Vec<u32>,
    /// `pwg-raster-document-type-supported`.
    pub raster_types: Vec<String>,
    /// `media-supported`.
    pub media: Vec<String>,
    /// Largest `copies` of one job.
    pub copies_max: u32,
}

impl PrinterInfo {
    /// State and reasons in one line, e.g. `已停止：缺纸`.
    #[must_use]
    pub fn words(&self) -> String {
        let state = self.state.zh();
        let refusing = if self.accepting { "" } else { "(不接受作业)" };
        if self.reasons.is_empty() {
            format!("{state}{refusing}")
        } else {
            format!("{state}{refusing}：{}", self.reasons.join("、"))
        }
    }

    /// Takes PDF.
    #[must_use]
    pub fn takes_pdf(&self) -> bool {
        self.formats.iter().any(|f| f == "application/pdf")
    }

    /// Resolution for 8-bit grey PWG raster, if it takes that: 300 dpi or the nearest above, at most 600.
    #[must_use]
    pub fn raster_resolution(&self) -> Option<u32> {
        if !self.formats.iter().any(|f| f == "image/pwg-raster")
            || !self.raster_types.iter().any(|t| t == "sgray_8")
        {
            return None;
        }
        let fit = |dpi: &&u32| (300..=600).contains(*dpi);
        self.raster_dpi
            .iter()
            .find(fit)
            .or_else(|| self.raster_dpi.last().filter(|d| **d < 300))
            .copied()
    }

    pub(crate) fn read(uri: &str, attributes: &IppAttributes) -> Option<Self> {
        let group = attributes.first_of(DelimiterTag::PrinterAttributes)?;
        let name = ["printer-info", "printer-make-and-model", "printer-name"]
            .iter()
            .find_map(|key| text(group, key).filter(|t| !t.trim().is_empty()))
            .unwrap_or_else(|| uri.to_owned());
        let state = match integer(group, "printer-state") {
            Some(3) => PrinterState::Idle,
            Some(4) => PrinterState::Processing,
            Some(5) => PrinterState::Stopped,
            _ => PrinterState::Unknown,
        };
        let mut raster_dpi: Vec<u32> = values(group, "pwg-raster-document-resolution-supported")
            .filter_map(|value| match value {
                // Unit 3 is dots per inch.
                IppValue::Resolution { cross_feed, feed, units: 3 } if cross_feed == feed => {
                    u32::try_from(*feed).ok()
                }
                _ => None,
            })
            .collect();
        raster_dpi.sort_unstable();
        let copies_max = values(group, "copies-supported")
            .find_map(|value| match value {
                IppValue::RangeOfInteger { max, .. } => u32::try_from(*max).ok(),
                _ => None,
            })
            .unwrap_or(1);
        Some(Self {
            uri: uri.to_owned(),
            // Somebody else's machine speaks: one line, no control characters.
            name: name.chars().filter(|c| !c.is_control()).take(60).collect(),
            state,
            reasons: printer_reasons(&texts(group, "printer-state-reasons")),
            accepting: values(group, "printer-is-accepting-jobs")
                .find_map(|v| if let IppValue::Boolean(b) = v { Some(*b) } else { None })
                .unwrap_or(true),
            formats: texts(group, "document-format-supported"),
            raster_dpi,
            raster_types: texts(group, "pwg-raster-document-type-supported"),
            media: texts(group, "media-supported"),
            copies_max,
        })
    }
}

/// `job-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// 等待.
    Pending,
    /// 搁置.
    Held,
    /// 正在打印.
    Processing,
    /// 中途停下.
    Stopped,
    /// 已取消.
    Canceled,
    /// 被中止.
    Aborted,
    /// 已完成.
    Completed,
}

impl JobState {
    /// The word on screen.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Pending => "等待打印",
            Self::Held => "被搁置",
            Self::Processing => "正在打印",
            Self::Stopped => "中途停下",
            Self::Canceled => "已取消",
            Self::Aborted => "被打印机中止",
            Self::Completed => "已完成",
        }
    }

    /// Nothing more will happen.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Canceled | Self::Aborted | Self::Completed)
    }
}

/// A job's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// Printer's job number.
    pub id: i32,
    /// State.
    pub state: JobState,
    /// Reasons in words.
    pub reasons: Vec<String>,
    /// Sides printed so far, where the printer counts.
    pub pages_done: Option<u32>,
}

impl JobStatus {
    pub(crate) fn read(attributes: &IppAttributes) -> Option<Self> {
        let group = attributes.first_of(DelimiterTag::JobAttributes)?;
        let state = match integer(group, "job-state")? {
            3 => JobState::Pending,
            4 => JobState::Held,
            5 => JobState::Processing,
            6 => JobState::Stopped,
            7 => JobState::Canceled,
            8 => JobState::Aborted,
            9 => JobState::Completed,
            _ => return None,
        };
        let pages_done = ["job-impressions-completed", "job-media-sheets-completed"]
            .iter()
            .find_map(|key| integer(group, key))
            .and_then(|n| u32::try_from(n).ok());
        Some(Self {
            id: integer(group, "job-id")?,
            state,
            reasons: job_reasons(&texts(group, "job-state-reasons")),
            pages_done,
        })
    }
}

fn values<'a>(group: &'a IppAttributeGroup, name: &str) -> impl Iterator<Item = &'a IppValue> {
    group.get(name).into_iter().flat_map(|attribute| attribute.value())
}

fn texts(group: &IppAttributeGroup, name: &str) -> Vec<String> {
    values(group, name).filter_map(value_text).collect()
}

fn text(group: &IppAttributeGroup, name: &str) -> Option<String> {
    values(group, name).find_map(value_text)
}

fn value_text(value: &IppValue) -> Option<String> {
    match value {
        IppValue::Keyword(s) => Some(s.to_string()),
        IppValue::NameWithoutLanguage(s) | IppValue::NameWithLanguage { name: s, .. } => {
            Some(s.to_string())
        }
        IppValue::TextWithoutLanguage(s) | IppValue::TextWithLanguage { text: s, .. } => {
            Some(s.to_string())
        }
        IppValue::MimeMediaType(s) => Some(s.to_string()),
        IppValue::Uri(s) => Some(s.to_string()),
        _ => None,
    }
}

fn integer(group: &IppAttributeGroup, name: &str) -> Option<i32> {
    values(group, name).find_map(|value| match value {
        IppValue::Integer(n) | IppValue::Enum(n) => Some(*n),
        _ => None,
    })
}
