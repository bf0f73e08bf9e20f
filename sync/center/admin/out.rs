//! What a command prints.

use std::io::Write;

use serde_json::{Value, json};
use spotcheck_domain::Trouble;

/// Result of a command in both forms.
#[derive(Debug)]
pub(super) struct Output {
    json: Value,
    text: String,
    /// False where a check says no: exit code 1.
    pub(super) passed: bool,
    /// True where a part of the work could not be done: exit code 3.
    pub(super) incomplete: bool,
    quiet: bool,
}

impl Output {
    /// `body` must be an object; `schema` is set on it.
    pub(super) fn new(schema: &str, body: Value, text: impl Into<String>) -> Self {
        let mut json = json!({ "schema": format!("spotcheck-{schema}/1") });
        if let (Some(members), Value::Object(body)) = (json.as_object_mut(), body) {
            for (name, value) in body {
                if name != "schema" {
                    members.insert(name, value);
                }
            }
        }
        Self { json, text: text.into(), passed: true, incomplete: false, quiet: false }
    }

    pub(super) fn failed_check(mut self) -> Self {
        self.passed = false;
        self
    }

    pub(super) fn incomplete(mut self, incomplete: bool) -> Self {
        self.incomplete = incomplete;
        self
    }

    /// All was printed before: one command prints one object.
    pub(super) fn said_already(mut self) -> Self {
        self.quiet = true;
        self
    }

    pub(super) fn print(&self, json: bool) {
        if self.quiet {
            return;
        }
        let mut out = std::io::stdout().lock();
        // A reader that went away is no error of ours.
        let _ = if json {
            writeln!(out, "{}", self.json)
        } else {
            writeln!(out, "{}", self.text.trim_end())
        };
        let _ = out.flush();
    }
}

pub(super) fn print_trouble(trouble: &Trouble, json: bool) {
    if json {
        let error = json!({ "error": {
            "code": trouble.code, "message": trouble.message,
            "safe": trouble.safe, "advice": trouble.advice,
        }});
        println!("{error}");
    } else {
        eprintln!("安全：{}", trouble.safe);
        eprintln!("发生了：{}", trouble.message);
        eprintln!("怎么办：{}", trouble.advice);
        eprintln!("代码：{}", trouble.code);
    }
}
