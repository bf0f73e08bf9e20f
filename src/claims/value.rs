//! One row of a contract table in memory, and its byte form.
//!
//! Rows wait in the encrypted staging area, are compared with stored rows, and are hashed: one compact,
//! unambiguous byte form serves all three. Key bytes sort as SQLite sorts the key columns (NULL first,
//! integers by value, text by its UTF-8 bytes), so that a merge needs no second order.

use spotcheck_domain::claims::Instant;
use spotcheck_domain::{Amount, BeijingTime, Precision};

use crate::error::{Error, Result};
use crate::schema::Entity;

/// One cell, checked and typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// Missing.
    #[default]
    Null,
    /// Money and quantities in millionths, counts.
    Int(i64),
    /// Text.
    Text(String),
    /// A time with its precision.
    Time(Instant),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The time, if it is one.
    #[must_use]
    pub const fn time(&self) -> Option<Instant> {
        match self {
            Self::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// The amount, if it is a number.
    #[must_use]
    pub const fn amount(&self) -> Option<Amount> {
        match self {
            Self::Int(n) => Some(Amount::from_millionths(*n)),
            _ => None,
        }
    }
}

/// A row in the column order of its entity.
pub type Row = Vec<Value>;

#[allow(clippy::cast_possible_truncation, reason = "the low seven bits are what is wanted")]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn get_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    let mut shift = 0_u32;
    loop {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(value);
        }
        shift = shift.checked_add(7)?;
    }
}

const fn zigzag(n: i64) -> u64 {
    (n.cast_unsigned() << 1) ^ (n >> 63).cast_unsigned()
}

const fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ (n & 1).cast_signed().wrapping_neg()
}

/// Appends the row's bytes.
pub fn encode(row: &[Value], out: &mut Vec<u8>) {
    for value in row {
        match value {
            Value::Null => out.push(0),
            Value::Int(n) => {
                out.push(1);
                put_varint(out, zigzag(*n));
            }
            Value::Text(text) => {
                out.push(2);
                put_varint(out, u64::try_from(text.len()).unwrap_or(u64::MAX));
                out.extend_from_slice(text.as_bytes());
            }
            Value::Time(time) => {
                out.extend_from_slice(&[3, time.p.letter().bytes().next().unwrap_or(b's')]);
                put_varint(out, zigzag(time.at.seconds()));
            }
        }
    }
}

fn decode_one(bytes: &mut &[u8]) -> Option<Value> {
    let (tag, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match tag {
        0 => Value::Null,
        1 => Value::Int(unzigzag(get_varint(bytes)?)),
        2 => {
            let length = usize::try_from(get_varint(bytes)?).ok()?;
            let (text, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Value::Text(std::str::from_utf8(text).ok()?.to_owned())
        }
        3 => {
            let (letter, rest) = bytes.split_first()?;
            *bytes = rest;
            let p = match letter {
                b'd' => Precision::Day,
                b'm' => Precision::Minute,
                _ => Precision::Second,
            };
            let at = BeijingTime::from_seconds(unzigzag(get_varint(bytes)?));
            Value::Time(Instant { at, p })
        }
        _ => return None,
    })
}

/// Reads a row of `columns` cells.
///
/// # Errors
/// The bytes are not the form that [`encode`] writes.
pub fn decode(mut bytes: &[u8], columns: usize) -> Result<Row> {
    let mut row = Vec::with_capacity(columns);
    for _ in 0..columns {
        row.push(
            decode_one(&mut bytes)
                .ok_or_else(|| Error::Internal("a staged row cannot be read".to_owned()))?,
        );
    }
    Ok(row)
}

/// Bytes that sort as `ORDER BY key columns` does.
#[must_use]
pub fn key_bytes(entity: &Entity, row: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    for position in entity.key_positions() {
        let number = |out: &mut Vec<u8>, n: i64| {
            out.push(1);
            out.extend_from_slice(&(n.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        };
        match row.get(position).unwrap_or(&Value::Null) {
            Value::Null => out.push(0),
            Value::Int(n) => number(&mut out, *n),
            Value::Time(time) => number(&mut out, time.at.seconds()),
            Value::Text(text) => {
                out.push(2);
                // Text holds no NUL (cell.rs), so NUL ends it and a prefix sorts first.
                out.extend_from_slice(text.as_bytes());
                out.push(0);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Value, decode, encode};
    use proptest::prelude::{any, prop_oneof, proptest};
    use proptest::strategy::{Just, Strategy};
    use spotcheck_domain::claims::Instant;
    use spotcheck_domain::{BeijingTime, Precision};

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Int),
            "\\PC{0,20}".prop_map(Value::Text),
            any::<i64>().prop_map(|s| Value::Time(Instant {
                at: BeijingTime::from_seconds(s),
                p: Precision::Day
            })),
        ]
    }

    proptest! {
        #[test]
        fn bytes_give_the_row_back(row in proptest::collection::vec(value(), 0..30)) {
            let mut bytes = Vec::new();
            encode(&row, &mut bytes);
            assert_eq!(decode(&bytes, row.len()).expect("row"), row);
        }
    }
}
