//! The small text forms that all `/1` schemas share: ids, times, decimals, paths.
//!
//! The serde types hold plain strings where the schema has a pattern, so that records are easy to build;
//! this is where the patterns are held, once, for writer and verifier alike.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use spotcheck_domain::{CanonicalError, parse_canonical, to_canonical};

use crate::EvidenceError;
use spotcheck_domain::canonical::MAX_SAFE_INTEGER;
use spotcheck_domain::id::is_plain_id;
use spotcheck_domain::time::parse_rfc3339;

/// For nullable members: without it serde takes a missing member for `null`, and `/1` has no optional
/// members.
pub(crate) fn required<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// Reads a value whose RFC 8785 form are exactly these bytes. serde also takes an array for a struct;
/// writing the value again shows that, and any member that was dropped.
pub(crate) fn parse_exact<T: DeserializeOwned + Serialize>(
    bytes: &[u8],
) -> Result<T, EvidenceError> {
    let value: T = parse_canonical(bytes)?;
    if to_canonical(&value)? == bytes {
        Ok(value)
    } else {
        Err(CanonicalError::NotCanonical.into())
    }
}

/// `2026-11-20T09:30:00[.120](Z|+08:00)` and a time of the calendar.
pub(crate) fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else { return false };
    let zone = rest.strip_prefix(".000").unwrap_or(rest);
    matches!(zone, "Z" | "+00:00" | "-00:00") && parse_rfc3339(text).is_some()
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]{1,6})?`
pub(crate) fn is_decimal(text: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(|f| digits(f) && f.len() <= 6)
}

/// `party-[1-9][0-9]*`
pub(crate) fn is_party(text: &str) -> bool {
    numbered(text, "party-").is_some()
}

/// `inspector-[1-9]`
pub(crate) fn is_inspector(text: &str) -> bool {
    numbered(text, "inspector-").is_some_and(|n| n.len() == 1)
}

fn numbered<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let number = text.strip_prefix(prefix)?;
    let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    (plain && !number.is_empty()).then_some(number)
}

/// `[a-z]+/[a-z0-9.+-]+`
pub(crate) fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, sub)| {
        !kind.is_empty()
            && kind.bytes().all(|b| b.is_ascii_lowercase())
            && !sub.is_empty()
            && sub.bytes().all(|b| {
                b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-')
            })
    })
}

/// `[a-z][a-z0-9-]*/[1-9][0-9]*`
pub(crate) fn is_schema_name(text: &str) -> bool {
    text.split_once('/').is_some_and(|(name, major)| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !major.is_empty()
            && !major.starts_with('0')
            && major.bytes().all(|b| b.is_ascii_digit())
    })
}

/// `[a-z]+(_[a-z]+)*`
pub(crate) fn is_kind(text: &str) -> bool {
    text.split('_').all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()))
}

/// A lower-case UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// 16 lower-case hex digits: a journal head as printed.
pub(crate) fn is_head16(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Walks a value and stops at the first member that does not fit.
pub(crate) struct Checker {
    schema: &'static str,
    place: Vec<String>,
}

pub(crate) type Checked = Result<(), EvidenceError>;

impl Checker {
    pub(crate) fn new(schema: &'static str) -> Self {
        Self { schema, place: Vec::new() }
    }

    /// The error for `member` at the present place.
    pub(crate) fn fault(&self, member: &str) -> EvidenceError {
        let mut at = self.place.join(".");
        if !at.is_empty() && !member.is_empty() {
            at.push('.');
        }
        at.push_str(member);
        EvidenceError::Schema { schema: self.schema, at }
    }

    pub(crate) fn that(&self, member: &str, holds: bool) -> Checked {
        if holds { Ok(()) } else { Err(self.fault(member)) }
    }

    /// Checks inside member `name`.
    pub(crate) fn within(
        &mut self,
        name: impl Into<String>,
        check: impl FnOnce(&mut Self) -> Checked,
    ) -> Checked {
        self.place.push(name.into());
        let result = check(self);
        self.place.pop();
        result
    }

    /// Checks every element of an array.
    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        items: &[T],
        mut check: impl FnMut(&mut Self, &T) -> Checked,
    ) -> Checked {
        for (n, item) in items.iter().enumerate() {
            self.within(format!("{name}[{n}]"), |c| check(c, item))?;
        }
        Ok(())
    }

    pub(crate) fn text(&self, member: &str, value: &str) -> Checked {
        self.that(member, !value.is_empty())
    }

    pub(crate) fn opt_text(&self, member: &str, value: Option<&String>) -> Checked {
        self.that(member, value.is_none_or(|t| !t.is_empty()))
    }

    pub(crate) fn id(&self, member: &str, value: &str) -> Checked {
        self.that(member, is_plain_id(value))
    }

    pub(crate) fn opt_id(&self, member: &str, value: Option<&String>) -> Checked {
        self.that(member, value.is_none_or(|t| is_plain_id(t)))
    }

    /// Ids, none twice.
    pub(crate) fn ids(&self, member: &str, values: &[String]) -> Checked {
        let unique: std::collections::BTreeSet<_> = values.iter().collect();
        self.that(member, unique.len() == values.len() && values.iter().all(|v| is_plain_id(v)))
    }

    pub(crate) fn texts(&self, member: &str, values: &[String]) -> Checked {
        self.that(member, values.iter().all(|v| !v.is_empty()))
    }

    pub(crate) fn time(&self, member: &str, value: &str) -> Checked {
        self.that(member, is_time(value))
    }

    pub(crate) fn opt_time(&self, member: &str, value: Option<&String>) -> Checked {
        self.that(member, value.is_none_or(|t| is_time(t)))
    }

    pub(crate) fn opt_decimal(&self, member: &str, value: Option<&String>) -> Checked {
        self.that(member, value.is_none_or(|t| is_decimal(t)))
    }

    pub(crate) fn party(&self, member: &str, value: &str) -> Checked {
        self.that(member, is_party(value))
    }

    /// An integer from `least` to 2^53.
    pub(crate) fn int(&self, member: &str, value: u64, least: u64) -> Checked {
        self.that(member, (least..=MAX_SAFE_INTEGER).contains(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_follow_the_patterns_of_the_schemas() {
        for good in ["2026-11-20T09:30:00+08:00", "2026-11-20T09:30:00.120Z"] {
            assert!(is_time(good), "{good}");
        }
        for bad in [
            "2026-11-20 09:30:00+08:00",
            "2026-11-20T09:30:00",
            "2026-11-20T09:30:00.12Z",
            "2026-13-20T09:30:00Z",
            "2026-11-20T09:30:00z",
            "",
        ] {
            assert!(!is_time(bad), "{bad}");
        }
        for good in ["0", "-0.5", "1234.56", "0.000001", "10"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", "-", "01", ".5", "1.", "1.0000001", "1e3", "+1", "1,000"] {
            assert!(!is_decimal(bad), "{bad}");
        }
        assert!(is_party("party-10") && !is_party("party-0") && !is_party("party-"));
        assert!(is_inspector("inspector-9") && !is_inspector("inspector-10"));
        assert!(
            is_media_type("image/svg+xml") && !is_media_type("Image/x") && !is_media_type("a/")
        );
        assert!(
            is_schema_name("sheet-bed/1") && !is_schema_name("sheet/0") && !is_schema_name("x")
        );
        assert!(is_kind("case_opened") && !is_kind("case__opened") && !is_kind("Case"));
        assert!(is_uuid("6f0c6f0a-3a52-4c0e-9a43-7d2b5c1e0001") && !is_uuid("6F0C"));
    }
}
