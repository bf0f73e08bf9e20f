//! Which characters of a form cannot stand on paper, found before freezing.
//!
//! A missing glyph must never become an empty box in a signed document, and a control or direction
//! character must never make paper read differently from the data. So both are named, field by field, and
//! freezing waits until they are gone.

use std::fmt;

use serde_json::Value;

use crate::fonts::has_glyph;

/// One character that cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unprintable {
    /// Label of the field (Chinese), or its key where it has no label.
    pub field: String,
    /// The character.
    pub character: char,
}

impl fmt::Display for Unprintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(U+{:04X})", self.field, u32::from(self.character))
    }
}

/// True if `c` may stand in a field: the font shows it, and it is neither a control nor an invisible
/// character.
#[must_use]
pub fn is_printable(c: char) -> bool {
    if c == '\n' {
        return true;
    }
    let invisible = c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{3164}'
                | '\u{ffa0}'
                | '\u{feff}'
        )
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}');
    !invisible && has_glyph(c)
}

/// Puts line ends and tabs into one form, as every field is stored: CRLF and CR become LF, a tab becomes
/// two full-width spaces.
#[must_use]
pub fn tidy(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "\u{3000}\u{3000}")
}

/// Every unprintable character in the strings of `elements`, each once per field; `label` turns the
/// outermost key into words.
#[must_use]
pub fn unprintable(elements: &Value, label: &dyn Fn(&str) -> String) -> Vec<Unprintable> {
    let mut found = Vec::new();
    match elements {
        Value::Object(members) => {
            for (key, value) in members {
                collect(value, &label(key), &mut found);
            }
        }
        other => collect(other, &label(""), &mut found),
    }
    found.sort();
    found.dedup();
    found
}

/// The elements with □ in place of what cannot be printed: for previews of drafts only.
pub(crate) fn boxed(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            Value::String(text.chars().map(|c| if is_printable(c) { c } else { '□' }).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(boxed).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(k, v)| (k.clone(), boxed(v))).collect())
        }
        other => other.clone(),
    }
}

fn collect(value: &Value, field: &str, found: &mut Vec<Unprintable>) {
    match value {
        Value::String(text) => found.extend(
            text.chars()
                .filter(|c| !is_printable(*c))
                .map(|character| Unprintable { field: field.to_owned(), character }),
        ),
        Value::Array(items) => items.iter().for_each(|item| collect(item, field, found)),
        Value::Object(members) => members.values().for_each(|item| collect(item, field, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_font_lacks_and_what_deceives_the_eye_is_named() {
        let found = unprintable(
            &json!({"content": "正常\u{202e}文字😀", "answers": [{"answer": "a\u{0}b"}], "n": 1}),
            &|key| key.to_owned(),
        );
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["answers(U+0000)", "content(U+202E)", "content(U+1F600)"]);
    }

    #[test]
    fn ordinary_text_passes() {
        let text = "#import \"x\"; *粗* $a^2$ \\ <a> @b 10％〔2026〕①㎡\u{3000}“引号”——……\n第二段";
        assert!(text.chars().all(is_printable));
        assert_eq!(tidy("a\r\nb\rc\td"), "a\nb\nc\u{3000}\u{3000}d");
    }
}
