//! Reading and layering the files.
//!
//! Each file is read strictly on its own first, so that a fault is told with its own line; then the tables
//! are laid over each other and the sum is judged.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::DeviceConfig;

/// A value or file that cannot be used: where, which key, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {key}: {message}", .file.display())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Line from 1; 0 if no line is to blame.
    pub line: usize,
    /// The key, dotted; empty if the file as a whole is to blame.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl ConfigError {
    /// The sentence for the screen.
    #[must_use]
    pub fn in_chinese(&self) -> String {
        let file = self.file.display();
        let key = if self.key.is_empty() { String::new() } else { format!("“{}”", self.key) };
        match self.line {
            0 => format!("配置文件 {file} {key}有误：{}。", self.message),
            line => format!("配置文件 {file} 第 {line} 行{key}有误：{}。", self.message),
        }
    }
}

/// One file of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Where it lies.
    pub path: PathBuf,
    /// Its absence is an error (`--device`), not a matter of course (`/etc`).
    pub required: bool,
}

/// The sum of all layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The values.
    pub config: DeviceConfig,
    /// Which file gave which value, by dotted key; keys that are absent have their default.
    pub origins: BTreeMap<String, PathBuf>,
}

impl DeviceConfig {
    /// Reads one text as if it were the only layer.
    ///
    /// # Errors
    /// [`ConfigError`] with `file`, line and key.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let config = strict(text, file)?;
        config.first_fault().map_or(Ok(config), |(key, why)| Err(at_key(text, file, key, why)))
    }

    /// Lays the files over the defaults, later ones over earlier ones, key by key.
    ///
    /// # Errors
    /// [`ConfigError`]: unreadable file, unknown key, wrong type, value out of range.
    pub fn load(layers: &[Layer]) -> Result<Loaded, ConfigError> {
        let mut sum = toml::Table::new();
        let mut origins = BTreeMap::new();
        let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
        for layer in layers {
            let text = match std::fs::read_to_string(&layer.path) {
                Ok(text) => text,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && !layer.required => continue,
                Err(e) => return Err(whole(&layer.path, format!("无法读取({e})"))),
            };
            strict(&text, &layer.path)?;
            let table: toml::Table = text.parse().map_err(|e| from_toml(&text, &layer.path, &e))?;
            lay_over(&mut sum, table, "", &layer.path, &mut origins);
            texts.insert(layer.path.clone(), text);
        }
        let config = Self::deserialize(toml::Value::Table(sum)).map_err(|e| {
            let file = layers.last().map(|l| l.path.clone()).unwrap_or_default();
            whole(&file, e.message().to_owned())
        })?;
        match config.first_fault() {
            None => Ok(Loaded { config, origins }),
            Some((key, why)) => {
                // A missing key is blamed on the file that chose the kind.
                let section = key.split('.').next().unwrap_or(key);
                let file = origins
                    .get(key)
                    .or_else(|| origins.get(&format!("{section}.kind")))
                    .cloned()
                    .unwrap_or_default();
                let text = texts.get(&file).map_or("", String::as_str);
                Err(at_key(text, &file, key, why))
            }
        }
    }
}

fn strict(text: &str, file: &Path) -> Result<DeviceConfig, ConfigError> {
    toml::from_str(text).map_err(|e| from_toml(text, file, &e))
}

fn whole(file: &Path, message: String) -> ConfigError {
    ConfigError { file: file.to_owned(), line: 0, key: String::new(), message }
}

fn lay_over(
    sum: &mut toml::Table,
    upper: toml::Table,
    prefix: &str,
    file: &Path,
    origins: &mut BTreeMap<String, PathBuf>,
) {
    for (key, value) in upper {
        let dotted = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match (sum.get_mut(&key), value) {
            (Some(toml::Value::Table(lower)), toml::Value::Table(upper)) => {
                lay_over(lower, upper, &dotted, file, origins);
            }
            (_, toml::Value::Table(upper)) => {
                let mut fresh = toml::Table::new();
                lay_over(&mut fresh, upper, &dotted, file, origins);
                sum.insert(key, toml::Value::Table(fresh));
            }
            (_, value) => {
                origins.insert(dotted, file.to_owned());
                sum.insert(key, value);
            }
        }
    }
}

fn from_toml(text: &str, file: &Path, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or(0..0);
    ConfigError {
        file: file.to_owned(),
        line: line_of(text, span.start),
        key: key_at(text, &span),
        message: error.message().to_owned(),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count().saturating_add(1)
}

/// The dotted key of the line in which `span` begins: its section and what stands before `=`.
fn key_at(text: &str, span: &Range<usize>) -> String {
    let line = line_of(text, span.start);
    let mut section = String::new();
    let mut key = String::new();
    for content in text.lines().take(line) {
        let content = content.trim();
        if let Some(name) = content.strip_prefix('[') {
            section = name.trim_matches(|c| c == '[' || c == ']' || c == ' ').to_owned();
            key.clear();
        } else {
            key = content.split('=').next().unwrap_or_default().trim().to_owned();
        }
    }
    match (section.is_empty(), key.is_empty()) {
        (true, _) => key,
        (false, true) => section,
        (false, false) => format!("{section}.{key}"),
    }
}

/// A fault of a value: its line is looked up in the text.
fn at_key(text: &str, file: &Path, key: &str, message: String) -> ConfigError {
    let found = (1..=text.lines().count()).find(|line| {
        let start = text.lines().take(line.saturating_sub(1)).map(|l| l.len().saturating_add(1));
        key_at(text, &(start.sum()..0)) == key
    });
    ConfigError { file: file.to_owned(), line: found.unwrap_or(0), key: key.to_owned(), message }
}

#[cfg(test)]
mod tests;
