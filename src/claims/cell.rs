//! From a cell as a source gave it to a checked value: the dirt of real exports is handled here.
//!
//! "The importer accepts and reports, never guesses silently" (claims.md §1). A cell is either read
//! exactly or refused with a reason that a clerk understands; nothing is rounded, cut or corrected.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use spotcheck_domain::claims::Instant;
use spotcheck_domain::time::BEIJING_OFFSET_S;
pub use spotcheck_domain::written::{time, trim};
use spotcheck_domain::{Amount, AmountError, BeijingTime, Precision};

use crate::schema::{Column, Kind};
use crate::value::Value;

/// A cell as read: text files give text only, spreadsheets numbers and dates too.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell<'a> {
    /// Nothing there.
    #[default]
    Empty,
    /// Text, not trimmed.
    Text(Cow<'a, str>),
    /// An exact whole number (SQL result of a mapping).
    Int(i64),
    /// A floating-point number: a spreadsheet's number or a REAL of a mapping.
    Real(f64),
    /// A date cell of a spreadsheet.
    Time(NaiveDateTime, Precision),
    /// The text could not be decoded, or the cell holds an error value.
    Bad(&'static str),
}

impl Cell<'_> {
    /// The same cell, owned.
    #[must_use]
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Empty => Cell::Empty,
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Int(n) => Cell::Int(n),
            Self::Real(x) => Cell::Real(x),
            Self::Time(t, p) => Cell::Time(t, p),
            Self::Bad(reason) => Cell::Bad(reason),
        }
    }

    /// The cell as text for staging tables and reject files; a bad cell gives `None`.
    #[must_use]
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Empty => Some(Cow::Borrowed("")),
            Self::Text(text) => Some(Cow::Borrowed(trim(text))),
            Self::Int(n) => Some(Cow::Owned(n.to_string())),
            Self::Real(x) => Some(Cow::Owned(real_text(*x).unwrap_or_else(|_| x.to_string()))),
            Self::Time(at, p) => Some(Cow::Owned(BeijingTime::from_naive(*at).display(*p))),
            Self::Bad(_) => None,
        }
    }
}

/// Largest whole number that a spreadsheet keeps exactly: 15 digits.
const SHEET_DIGITS: f64 = 1e15;

/// The decimal with at most six places that is nearest to a number, if it differs by less than 1e-7.
///
/// # Errors
/// The number is not finite, too large, or carries more places.
pub fn real_text(x: f64) -> Result<String, &'static str> {
    const TOO_PRECISE: &str = "小数超过6位";
    if !x.is_finite() || x.abs() >= SHEET_DIGITS {
        return Err("数字过大，末位已丢失");
    }
    let text = format!("{x:.6}");
    let nearest: f64 = text.parse().map_err(|_| TOO_PRECISE)?;
    if (nearest - x).abs() >= 1e-7 {
        return Err(TOO_PRECISE);
    }
    let short = text.trim_end_matches('0').trim_end_matches('.');
    Ok(if short == "-0" { "0".to_owned() } else { short.to_owned() })
}

/// Reads one cell for one column.
///
/// # Errors
/// The reason in Chinese, without the value.
pub fn read(column: &Column, cell: &Cell<'_>) -> Result<Value, &'static str> {
    let value = match column.kind {
        Kind::Money | Kind::Quantity => amount(cell)?,
        Kind::Int => whole(cell)?,
        Kind::Time => time_cell(cell)?,
        Kind::Code(width) => text_cell(cell)?.map_or(Value::Null, |t| Value::Text(pad(t, width))),
        Kind::TraceCodes => text_cell(cell)?
            .map(|t| trace_codes(&t))
            .transpose()?
            .flatten()
            .map_or(Value::Null, Value::Text),
        Kind::Id | Kind::Serial | Kind::Name | Kind::Text => {
            text_cell(cell)?.map_or(Value::Null, Value::Text)
        }
    };
    if column.required && value == Value::Null {
        return Err("必填项为空");
    }
    Ok(value)
}

fn text_cell(cell: &Cell<'_>) -> Result<Option<String>, &'static str> {
    Ok(match cell {
        Cell::Empty => None,
        Cell::Text(text) => {
            let text = trim(text);
            if text.contains('\u{fffd}') {
                return Err("编码错误");
            }
            if text.contains('\0') {
                return Err("含有空字符");
            }
            (!text.is_empty()).then(|| text.to_owned())
        }
        Cell::Int(n) => Some(n.to_string()),
        // A long number in a number cell has lost its last digits: Excel keeps fifteen.
        Cell::Real(x) => Some(real_text(*x)?),
        Cell::Time(at, p) => Some(BeijingTime::from_naive(*at).display(*p)),
        Cell::Bad(reason) => return Err(reason),
    })
}

fn pad(text: String, width: u8) -> String {
    let width = usize::from(width);
    if text.len() < width && text.bytes().all(|b| b.is_ascii_digit()) {
        format!("{text:0>width$}")
    } else {
        text
    }
}

fn amount(cell: &Cell<'_>) -> Result<Value, &'static str> {
    let Some(text) = text_cell(cell)? else { return Ok(Value::Null) };
    match Amount::parse(&text) {
        Ok(amount) => Ok(Value::Int(amount.millionths())),
        Err(AmountError::TooPrecise) => Err("小数超过6位"),
        Err(AmountError::OutOfRange) => Err("数值超出范围"),
        Err(_) => Err("不是数字"),
    }
}

fn whole(cell: &Cell<'_>) -> Result<Value, &'static str> {
    let Some(text) = text_cell(cell)? else { return Ok(Value::Null) };
    let text = text.split_once('.').map_or(text.as_str(), |(whole, rest)| {
        if rest.bytes().all(|b| b == b'0') { whole } else { text.as_str() }
    });
    text.parse().map(Value::Int).map_err(|_| "不是整数")
}

fn time_cell(cell: &Cell<'_>) -> Result<Value, &'static str> {
    if let Cell::Time(at, p) = cell {
        return Ok(Value::Time(Instant { at: BeijingTime::from_naive(*at), p: *p }));
    }
    let Some(text) = text_cell(cell)? else { return Ok(Value::Null) };
    time(&text).map(Value::Time).ok_or("不是日期或时间")
}

/// Trace codes as `a,b,c` from a plain code, a list, or the array form
/// `[{"drug_trac_codg":"8…"}]` (also spelled `drug_trac_code`).
fn trace_codes(text: &str) -> Result<Option<String>, &'static str> {
    let codes: Vec<String> = if text.starts_with(['[', '{']) {
        let json: serde_json::Value =
            serde_json::from_str(text).map_err(|_| "追溯码数组不是有效的JSON")?;
        let items = match json {
            serde_json::Value::Array(items) => items,
            other => vec![other],
        };
        items.iter().map(trace_code_of).collect::<Option<_>>().ok_or("追溯码数组格式不对")?
    } else {
        text.split([',', ';', '|', '、', ',', ';', ' ', '\t', '\n', '\r'])
            .filter(|code| !code.is_empty())
            .map(str::to_owned)
            .collect()
    };
    Ok((!codes.is_empty()).then(|| codes.join(",")))
}

fn trace_code_of(item: &serde_json::Value) -> Option<String> {
    let code = match item {
        serde_json::Value::Object(members) => {
            members.get("drug_trac_codg").or_else(|| members.get("drug_trac_code"))?
        }
        other => other,
    };
    match code {
        serde_json::Value::String(code) => Some(trim(code).to_owned()),
        serde_json::Value::Number(code) if !code.is_f64() => Some(code.to_string()),
        _ => None,
    }
}

/// A spreadsheet's serial day number as calendar time; a whole day has the precision of a day.
#[must_use]
pub fn sheet_time(serial: f64, epoch_1904: bool) -> Option<(NaiveDateTime, Precision)> {
    if !serial.is_finite() || !(0.0..3_000_000.0).contains(&serial) {
        return None;
    }
    let serial = if epoch_1904 { serial + 1462.0 } else { serial };
    // Serial 60 is 1900-02-29, a day that never was; earlier serials count from one day later.
    let base = if serial < 60.0 { (1899, 12, 31) } else { (1899, 12, 30) };
    let base = NaiveDate::from_ymd_opt(base.0, base.1, base.2)?;
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    let (days, seconds) = (serial.trunc() as i64, (serial.fract() * 86_400.0).round() as i64);
    let at = base
        .and_time(NaiveTime::MIN)
        .checked_add_signed(TimeDelta::try_days(days)?)?
        .checked_add_signed(TimeDelta::try_seconds(seconds)?)?;
    Some((at, if seconds == 0 { Precision::Day } else { Precision::Second }))
}

/// Milliseconds since the Unix epoch as Beijing seconds (for comparing with cut-offs).
#[must_use]
pub fn beijing_of_unix_ms(unix_ms: i64) -> i64 {
    DateTime::from_timestamp_millis(unix_ms)
        .map_or(0, |t| t.timestamp().saturating_add(i64::from(BEIJING_OFFSET_S)))
}

#[cfg(test)]
mod tests;
