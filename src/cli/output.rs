//! How results reach the caller: one JSON object, or Chinese lines for people.

use serde::Serialize;
use serde_json::{Map, Value};
use spotcheck_domain::{Trouble, TroubleResult};

/// What a sub-command has to say.
pub(crate) struct Output {
    /// `spotcheck-<command>/1` without prefix and version.
    command: &'static str,
    body: Value,
    lines: Vec<String>,
}

impl Output {
    /// A result with its JSON body and the lines people read.
    pub(crate) fn new<T: Serialize>(
        command: &'static str,
        body: &T,
        lines: Vec<String>,
    ) -> TroubleResult<Self> {
        let body = serde_json::to_value(body).map_err(|cause| {
            Trouble::new("CLI-OUTPUT", "结果无法输出", "操作本身已经完成", "联系技术支持")
                .because(cause)
        })?;
        Ok(Self { command, body, lines })
    }

    /// Lines that are the result itself, with or without `--json`.
    pub(crate) const fn raw(lines: Vec<String>) -> Self {
        Self { command: "", body: Value::Null, lines }
    }

    /// Prints to standard output.
    #[allow(clippy::print_stdout, reason = "this is the one place where results are printed")]
    pub(crate) fn print(self, json: bool) {
        if json && !self.command.is_empty() {
            println!("{}", self.json());
        } else {
            for line in self.lines {
                println!("{line}");
            }
        }
    }

    /// One object: members of the body, or the body under `items` where it is a list.
    fn json(self) -> Value {
        let mut object = Map::new();
        object.insert("schema".to_owned(), format!("spotcheck-{}/1", self.command).into());
        match self.body {
            Value::Object(members) => {
                object.extend(members.into_iter().filter(|(key, _)| key != "schema"));
            }
            Value::Null => {}
            other => {
                object.insert("items".to_owned(), other);
            }
        }
        Value::Object(object)
    }
}

/// Prints a trouble: JSON on standard output, Chinese on standard error.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place where errors are printed"
)]
pub(crate) fn print_trouble(trouble: &Trouble, json: bool) {
    if json {
        println!("{}", serde_json::json!({ "error": trouble }));
    } else {
        eprintln!("安全：    {}", trouble.safe);
        eprintln!("发生了：  {}", trouble.message);
        eprintln!("怎么办：  {}", trouble.advice);
        eprintln!("代码：    {}", trouble.code);
    }
}
