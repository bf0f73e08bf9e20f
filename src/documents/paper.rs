//! Long words on paper, and pages as grey pixels for printers that take no PDF.

use serde_json::Value;

/// Longest run of characters without a place to break, before one is offered.
const MAX_UNBROKEN: usize = 18;
/// Zero-width space: breaks a line, prints nothing.
const BREAK_HERE: char = '\u{200b}';

/// A page as 8-bit grey, 0 black, rows from the top without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrayPage {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width × height` bytes.
    pub pixels: Vec<u8>,
}

/// The elements with places to break offered inside long unbroken runs (links, hashes, numbers without
/// spaces), which would otherwise run over the edge of the sheet. For layout only; the hash covers the
/// elements as they are.
pub(crate) fn breakable(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(breakable_text(text)),
        Value::Array(items) => Value::Array(items.iter().map(breakable).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(k, v)| (k.clone(), breakable(v))).collect())
        }
        other => other.clone(),
    }
}

fn breakable_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = 0_usize;
    for c in text.chars() {
        // Han characters and what stands between them break anywhere; letters, digits and signs do not.
        let tight = u32::from(c) < 0x2e80 && !c.is_whitespace();
        run = if tight { run.saturating_add(1) } else { 0 };
        if run > MAX_UNBROKEN {
            out.push(BREAK_HERE);
            run = 1;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_runs_get_places_to_break() {
        assert_eq!(breakable_text("编号 91330000MA27X0000X 正常"), "编号 91330000MA27X0000X 正常");
        assert_eq!(breakable_text("现场检查"), "现场检查");
        assert_eq!(breakable_text(&"a".repeat(40)).chars().filter(|c| *c == BREAK_HERE).count(), 2);
    }
}
