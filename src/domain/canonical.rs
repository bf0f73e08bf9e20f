//! Canonical JSON (RFC 8785) for everything that is hashed or signed.
//!
//! The product's JSON carries integers only (evidence.md §3: ≤ 2^53, money as decimal strings), so a
//! floating-point number in a canonical value is refused here instead of being formatted.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest integer that every JSON reader keeps exactly (2^53).
pub const MAX_SAFE_INTEGER: u64 = 1 << 53;

/// Why a value has no canonical form here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// Not JSON, or not the shape asked for. serde's own words quote values, so they stay in the source.
    #[error("not the JSON expected")]
    Json(#[from] serde_json::Error),
    /// A number that is no integer within ±2^53.
    #[error("number {0} is not an integer within 2^53")]
    Number(String),
    /// The bytes are JSON, but not in canonical form (order, white space, a repeated member).
    #[error("JSON is not in RFC 8785 form")]
    NotCanonical,
}

fn check_numbers(value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match magnitude {
                Some(m) if m <= MAX_SAFE_INTEGER => Ok(()),
                _ => Err(CanonicalError::Number(number.to_string())),
            }
        }
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(members) => members.values().try_for_each(check_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// The RFC 8785 bytes of a value, without a newline at the end.
///
/// # Errors
/// A number that is not an integer within ±2^53, or a value that serde cannot turn into JSON.
pub fn to_canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value)?;
    check_numbers(&value)?;
    Ok(serde_json_canonicalizer::to_vec(&value)?)
}

/// Reads a value and insists that the bytes are its RFC 8785 form, so that one value has one hash.
///
/// # Errors
/// Not JSON, not the shape of `T`, a forbidden number, or another form than RFC 8785 (which also covers
/// repeated members, because they do not survive writing the value again).
pub fn parse_canonical<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    let value: Value = serde_json::from_slice(bytes)?;
    if to_canonical(&value)? != bytes {
        return Err(CanonicalError::NotCanonical);
    }
    Ok(serde_json::from_value(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_chinese_is_kept() {
        let bytes = to_canonical(&json!({"b": 1, "a": "现场\n"})).expect("canonical");
        assert_eq!(String::from_utf8_lossy(&bytes), "{\"a\":\"现场\\n\",\"b\":1}");
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in
            ["{\"b\":1,\"a\":2}", "{\"a\": 1}", "{\"a\":1,\"a\":1}", "{\"a\":1.5}", "{\"a\":1}\n"]
        {
            assert!(parse_canonical::<Value>(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse_canonical::<Value>(b"{\"a\":9007199254740993}").is_err());
        assert!(parse_canonical::<Value>(b"{\"a\":9007199254740992}").is_ok());
    }
}
