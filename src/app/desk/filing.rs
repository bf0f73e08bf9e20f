//! What is said about an item of evidence.

use serde::{Deserialize, Serialize};
use spotcheck_domain::vocabulary::{Direction, Originality};

/// What an item proves and where it comes from: all that record.json has about it beyond the capture itself.
/// Said once as a whole; what is left out stands as not said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filing {
    /// What it proves.
    pub proves: String,
    /// Where it comes from.
    pub source: String,
    /// Who keeps the original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keeper: Option<String>,
    /// Original or copy; `None`: as this kind of item is (an exported file is a copy, a photo an original).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Originality>,
    /// Where the original is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_place: Option<String>,
    /// For or against the party; `None`: neutral.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// What the party said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opinion: Option<PartyWords>,
    /// Step of the visit it belongs to, `S1` ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Finding it shows, `F1` ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
}

/// What a party said about an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyWords {
    /// `party-1` …
    pub party: String,
    /// The words.
    pub text: String,
    /// RFC 3339: when it was entered; the handheld fills it in.
    #[serde(default)]
    pub at: String,
}

impl Filing {
    /// What it proves and its source, and nothing else.
    #[must_use]
    pub fn new(proves: &str, source: &str) -> Self {
        Self { proves: proves.to_owned(), source: source.to_owned(), ..Self::default() }
    }

    /// It speaks for the party.
    #[must_use]
    pub fn speaks_for_party(&self) -> bool {
        self.direction == Some(Direction::For)
    }

    /// Nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
