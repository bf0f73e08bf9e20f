//! What can go wrong when packs are read and rules are run, and how it is said to a person.

use serde::{Deserialize, Serialize};
use spotcheck_domain::Trouble;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a pack is refused: always with file, line, field and reason (issue 4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{}: {field}: {reason}", self.place())]
pub struct PackError {
    /// Name of the file inside the pack.
    pub file: String,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// The field, e.g. `rule A14 .kernel`.
    pub field: String,
    /// Why, in words for the author of the pack.
    pub reason: String,
}

impl PackError {
    /// `rules.toml:12`; the file alone where it is meant as a whole.
    #[must_use]
    pub fn place(&self) -> String {
        if self.line == 0 { self.file.clone() } else { format!("{}:{}", self.file, self.line) }
    }

    /// The same in words.
    fn place_zh(&self) -> String {
        if self.line == 0 {
            self.file.clone()
        } else {
            format!("{} 第 {} 行", self.file, self.line)
        }
    }
}

/// Everything that stops the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A pack is refused; the old one stays in force.
    #[error("pack refused: {0}")]
    Pack(#[from] PackError),
    /// The source of the columns refused.
    #[error("{0}")]
    Source(Trouble),
    /// The source has no facility, or not the wanted one.
    #[error("no such facility in the source")]
    NoFacility,
    /// A rule was asked for that the pack does not have: its id.
    #[error("no such rule in the pack")]
    NoRule(String),
    /// Something was asked of the indicators that they do not know: what, in words for the officer.
    #[error("the indicators cannot answer that")]
    Ask(String),
    /// The caller stopped the run.
    #[error("cancelled")]
    Cancelled,
    /// A file of findings could not be made.
    #[error("the file of findings could not be made")]
    Export,
    /// A file of truth or findings is not what it should be.
    #[error("{file}, line {line}: unreadable")]
    Unreadable {
        /// Which of the two.
        file: &'static str,
        /// Line, from 1.
        line: usize,
    },
}

impl Error {
    /// True if trying again later may help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Source(trouble) => trouble.retryable,
            Self::Cancelled => true,
            Self::Pack(_)
            | Self::NoFacility
            | Self::NoRule(_)
            | Self::Ask(_)
            | Self::Export
            | Self::Unreadable { .. } => false,
        }
    }
}

const SAFE: &str = "数据包、已有疑点和证据都没有改动";

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let cause = error.to_string();
        let trouble = match &error {
            Error::Source(trouble) => return trouble.clone(),
            Error::Pack(p) => Self::new(
                "RULES-PACK",
                &format!("规则包有误：{} {}:{}", p.place_zh(), p.field, p.reason),
                "原规则包继续有效",
                "请规则包的作者按提示改正后重新发布",
            )
            .as_verdict(),
            Error::NoFacility => Self::new(
                "RULES-NO-FACILITY",
                "数据中没有这个机构",
                SAFE,
                "检查机构编号，或先导入该机构的数据",
            ),
            Error::NoRule(id) => Self::new(
                "RULES-NO-RULE",
                &format!("规则包中没有规则 {id}"),
                SAFE,
                "用 spotcheck rules list 查看规则编号",
            ),
            Error::Ask(what) => Self::new(
                "INDICATORS-ASK",
                what,
                SAFE,
                "用 spotcheck indicators --list 查看可用的指标、专题和维度",
            ),
            Error::Export => {
                Self::new("RULES-EXPORT", "疑点文件写不出来", SAFE, "改用 CSV，或减少条数后再导出")
            }
            Error::Cancelled => cancelled(),
            Error::Unreadable { file, line } => Self::new(
                "RULES-SCORE",
                &format!("{file} 第 {line} 行读不懂"),
                SAFE,
                "truth.csv 由 demo-data --truth 写出，疑点由 audit --json-lines 写出",
            ),
        };
        trouble.because(cause)
    }
}

/// The trouble of a run that the caller stopped.
pub(crate) fn cancelled() -> Trouble {
    Trouble::new("RULES-CANCELLED", "规则运行已停止", SAFE, "需要时重新运行").retry()
}
