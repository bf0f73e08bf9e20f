//! The one form in which anything that went wrong reaches a person.
//!
//! Principle 6 of the face: what is safe comes first, then what happened, what to do, and a code. Every
//! port returns [`Trouble`]; libraries keep their own error enums and turn them into it at the border, so
//! that the technical cause goes to the log and the words go to the screen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Shorthand for results of ports and use cases.
pub type TroubleResult<T> = Result<T, Trouble>;

/// A user-visible error: code, what happened, what is safe, what to do (Chinese texts).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Stable code such as `VAULT-PIN-WRONG`; never changes once released.
    pub code: String,
    /// 发生了什么.
    pub message: String,
    /// 什么是安全的.
    pub safe: String,
    /// 怎么办.
    pub advice: String,
    /// Trying again later may help.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retryable: bool,
    /// A *check* said no (exit code 1), rather than the check could not be run (exit code 3).
    #[serde(skip)]
    pub verdict: bool,
    /// Technical cause for the log: our own ids and library messages, never values of a package or form.
    #[serde(skip)]
    pub cause: String,
}

impl Trouble {
    /// A trouble with its four parts.
    #[must_use]
    pub fn new(code: &str, message: &str, safe: &str, advice: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            safe: safe.to_owned(),
            advice: advice.to_owned(),
            retryable: false,
            verdict: false,
            cause: String::new(),
        }
    }

    /// Adds the technical cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = cause.to_string();
        self
    }

    /// Marks that trying again later may help.
    #[must_use]
    pub fn retry(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Marks a check that says no.
    #[must_use]
    #[allow(clippy::wrong_self_convention, reason = "reads like the other builder steps")]
    pub fn as_verdict(mut self) -> Self {
        self.verdict = true;
        self
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "安全：{} 发生了：{} 怎么办：{} 代码：{}",
            self.safe, self.message, self.advice, self.code
        )
    }
}

impl std::error::Error for Trouble {}
