//! Helpers for mapping SQL: `to_time`, `gend`, `money`, `sha_id`, `lookup`, `dsum` (claims.md §1).

use std::collections::BTreeMap;

use ring::digest;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};
use spotcheck_domain::Amount;

use crate::cell;

/// An argument as text; `None` for NULL.
fn text(value: ValueRef<'_>) -> Result<Option<String>> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Integer(n) => Some(n.to_string()),
        ValueRef::Real(x) => Some(cell::real_text(x).unwrap_or_else(|_| x.to_string())),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(std::str::from_utf8(bytes).map_err(|e| fail(&e.to_string()))?.to_owned())
        }
    })
}

fn fail(message: &str) -> Error {
    Error::UserFunctionError(message.to_owned().into())
}

fn present(context: &Context<'_>, n: usize) -> Result<Option<String>> {
    let text = text(context.get_raw(n))?;
    Ok(text.map(|t| cell::trim(&t).to_owned()).filter(|t| !t.is_empty()))
}

/// Exact decimal text; what is no number comes back as it is, so that the row check rejects that one row
/// and names the column.
fn money(text: &str) -> String {
    Amount::parse(text).map_or_else(|_| text.to_owned(), |a| a.to_string())
}

fn gender(text: Option<String>) -> &'static str {
    match text.unwrap_or_default().to_lowercase().as_str() {
        "m" | "male" | "男" | "男性" | "1" | "01" => "1",
        "f" | "female" | "女" | "女性" | "2" | "02" => "2",
        _ => "9",
    }
}

/// Exact sum; NULL and empty texts are skipped, no value at all gives NULL, as SUM does.
struct ExactSum;

impl Aggregate<(i128, bool), Option<String>> for ExactSum {
    fn init(&self, _context: &mut Context<'_>) -> Result<(i128, bool)> {
        Ok((0, false))
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut (i128, bool)) -> Result<()> {
        if let Some(text) = present(context, 0)? {
            let amount = Amount::parse(&text).map_err(|e| fail(&format!("dsum: {e}")))?;
            sum.0 = sum
                .0
                .checked_add(i128::from(amount.millionths()))
                .ok_or_else(|| fail("dsum: out of range"))?;
            sum.1 = true;
        }
        Ok(())
    }

    fn finalize(
        &self,
        _context: &mut Context<'_>,
        sum: Option<(i128, bool)>,
    ) -> Result<Option<String>> {
        match sum {
            Some((sum, true)) => {
                let sum = i64::try_from(sum).map_err(|_| fail("dsum: out of range"))?;
                Ok(Some(Amount::from_millionths(sum).to_string()))
            }
            _ => Ok(None),
        }
    }
}

/// Installs the helpers.
pub(super) fn install(
    db: &Connection,
    lookups: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("to_time", 1, pure, |c| {
        Ok(present(c, 0)?.and_then(|t| cell::time(&t)).map(|t| t.display()))
    })?;
    db.create_scalar_function("gend", 1, pure, |c| Ok(gender(present(c, 0)?)))?;
    db.create_scalar_function("money", 1, pure, |c| Ok(present(c, 0)?.map(|t| money(&t))))?;
    db.create_scalar_function("sha_id", -1, pure, |c| {
        let mut joined = Vec::new();
        for n in 0..c.len() {
            if n > 0 {
                joined.push(0x1f);
            }
            joined.extend_from_slice(text(c.get_raw(n))?.unwrap_or_default().as_bytes());
        }
        let hash = hex::encode(digest::digest(&digest::SHA256, &joined));
        Ok(hash.get(..24).unwrap_or_default().to_owned())
    })?;
    let lookups = lookups.clone();
    db.create_scalar_function("lookup", 2, pure, move |c| {
        let (Some(name), key) = (text(c.get_raw(0))?, text(c.get_raw(1))?) else {
            return Ok(None);
        };
        let table = lookups.get(&name).ok_or_else(|| fail(&format!("no [lookup.{name}]")))?;
        Ok(key.and_then(|k| table.get(cell::trim(&k)).cloned()))
    })?;
    db.create_aggregate_function("dsum", 1, pure, ExactSum)
}
