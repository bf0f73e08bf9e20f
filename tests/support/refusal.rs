//! A clear error: code, what happened, what is safe, what to do, in JSON and on paper's words; never a panic.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::programs::{CenterCli, HandheldCli, Ran, read, text};

/// True if there is Chinese in it.
fn chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// Insists on exit code, code and the three Chinese texts; gives the error object.
///
/// # Errors
/// Anything is different, or a panic shows on standard error.
pub fn clear(ran: &Ran, exit: i32, code: &str) -> Result<Value> {
    let said = format!("exit {} {} {}", ran.code, ran.json, ran.stderr);
    ensure!(ran.code == exit, "exit {exit} expected for {code}: {said}");
    ensure!(ran.error_code() == code, "{code} expected: {said}");
    ensure!(!ran.stderr.contains("panicked"), "a panic: {said}");
    for member in ["message", "safe", "advice"] {
        let text = ran.json.pointer(&format!("/error/{member}")).and_then(Value::as_str);
        ensure!(text.is_some_and(chinese), "{member} is not Chinese: {said}");
    }
    Ok(ran.json.get("error").cloned().unwrap_or_default())
}

/// The words that a person reads instead.
fn clear_text(ran: &Ran, exit: i32, code: &str) -> Result<()> {
    let said = &ran.stderr;
    ensure!(ran.code == exit, "exit {} instead of {exit}: {said}", ran.code);
    for label in ["安全", "发生了", "怎么办", "代码"] {
        let line = said.lines().find(|line| line.starts_with(label));
        let line = line.with_context(|| format!("no line {label}: {said}"))?;
        let rest = line.trim_start_matches(label).trim_start_matches([':', '：']).trim();
        ensure!(!rest.is_empty(), "nothing after {label}: {said}");
        ensure!(label != "代码" || rest == code, "{code} expected: {said}");
    }
    Ok(())
}

impl HandheldCli {
    /// Runs twice, as JSON and as text, and insists on the same clear refusal; gives the error object.
    ///
    /// # Errors
    /// It is not refused, or not clearly.
    pub fn refused_as(
        &self,
        who: usize,
        arguments: &[&str],
        exit: i32,
        code: &str,
    ) -> Result<Value> {
        let what = || format!("spotcheck {arguments:?}");
        let error = clear(&self.run_as(who, arguments)?, exit, code).with_context(what)?;
        let json = self.command(who, arguments)?;
        let mut text = std::process::Command::new(json.get_program());
        text.args(json.get_args().filter(|argument| *argument != "--json"));
        text.stdin(std::process::Stdio::null()).envs(self.environment.iter().cloned());
        clear_text(&read(&text.output()?)?, exit, code).with_context(what)?;
        Ok(error)
    }

    /// [`HandheldCli::refused_as`] for the first officer.
    ///
    /// # Errors
    /// It is not refused, or not clearly.
    pub fn refused(&self, arguments: &[&str], exit: i32, code: &str) -> Result<Value> {
        self.refused_as(0, arguments, exit, code)
    }

    /// What a fresh process knows: tasks, the case, its journal and documents. Ids of the device's own
    /// journal and free space move with every unlocking and are left out.
    ///
    /// # Errors
    /// Anything of it cannot be shown, or a journal does not hold.
    pub fn state(&self, case: &str) -> Result<Value> {
        let tasks = self.ok(&["tasks"])?;
        let show = self.ok(&["case", "show", case])?;
        let journal = self.ok(&["journal", "--case", case])?;
        self.ok(&["journal", "--case", case, "--verify"])?;
        self.ok(&["journal", "--verify"])?;
        let mut documents = Vec::new();
        for card in show.get("documents").and_then(Value::as_array).into_iter().flatten() {
            let id = card.get("id").and_then(Value::as_str).unwrap_or_default();
            let mut view = self.ok(&["doc", "show", case, id])?;
            // A draft ends "now" until it is frozen.
            for field in view.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten()
            {
                if field.get("key").is_some_and(|key| key == "ended") {
                    field["value"] = Value::Null;
                }
            }
            documents.push(view);
        }
        let outbox = self.ok(&["receipts"])?;
        Ok(serde_json::json!({
            "tasks": tasks, "case": show, "journal": journal, "documents": documents, "outbox": outbox,
        }))
    }

    /// A photo, a note, and the case sealed as unfinished by the first two officers; gives (case, bundle).
    ///
    /// # Errors
    /// The program refuses.
    pub fn seal_unfinished(&self, task: &str) -> Result<(String, String)> {
        let case = text(&self.ok(&["case", "open", "--task", task])?, "/id")?;
        self.ok(&["capture", "photo", &case])?;
        self.ok(&["case", "note", &case, "撤离前的一句"])?;
        let bundle = self.seal_incomplete(&case, "撤离", &[0, 1])?;
        Ok((case, bundle))
    }

    /// Seals a case as unfinished by the officers at these places; gives the bundle.
    ///
    /// # Errors
    /// The program refuses.
    pub fn seal_incomplete(&self, case: &str, reason: &str, signers: &[usize]) -> Result<String> {
        let mut arguments = ["seal", case, "--incomplete", reason].map(str::to_owned).to_vec();
        for (id, file) in signers.iter().filter_map(|who| self.pins.get(*who)) {
            arguments.extend(["--signer".to_owned(), format!("{id}={}", file.display())]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        text(&self.ok(&arguments)?, "/bundle")
    }

    /// The same handheld over a copy of its data folder.
    ///
    /// # Errors
    /// The copy could not be made.
    pub fn copied(&self, to: &std::path::Path) -> Result<Self> {
        let done = std::process::Command::new("cp").arg("-a").arg(&self.data).arg(to).status()?;
        ensure!(done.success(), "cp -a");
        Ok(Self { data: to.to_owned(), ..self.clone() })
    }
}

impl CenterCli {
    /// Runs twice, as JSON and as text, and insists on the same clear refusal; gives the error object.
    ///
    /// # Errors
    /// It is not refused, or not clearly.
    pub fn refused(&self, arguments: &[&str], exit: i32, code: &str) -> Result<Value> {
        let what = || format!("spotcheck-center {arguments:?}");
        let json = self.command(arguments)?;
        let mut text = std::process::Command::new(json.get_program());
        text.args(json.get_args().filter(|argument| *argument != "--json"));
        text.stdin(std::process::Stdio::null()).envs(self.environment.iter().cloned());
        let ran = read(&self.command(arguments)?.output()?)?;
        let error = clear(&ran, exit, code).with_context(what)?;
        clear_text(&read(&text.output()?)?, exit, code).with_context(what)?;
        Ok(error)
    }
}
