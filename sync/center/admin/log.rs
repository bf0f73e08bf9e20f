//! The transparency log.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::LogCommand;
use super::config::write_new;
use super::out::Output;
use super::{Context, Result};

pub(super) fn log(context: &Context, command: &LogCommand) -> Result<Output> {
    let centre = context.open()?;
    let log = centre.log();
    match command {
        LogCommand::Show { from, count } => {
            let mut text = String::new();
            let entries: Vec<Value> = centre
                .repo()
                .leaves(*from, *count)?
                .into_iter()
                .map(|leaf| {
                    let entry = String::from_utf8_lossy(&leaf.entry).into_owned();
                    let _ = writeln!(text, "{}  {entry}", leaf.index);
                    json!({ "index": leaf.index, "entry": entry })
                })
                .collect();
            let body = json!({ "size": log.head()?.size, "entries": entries });
            Ok(Output::new("log-show", body, text))
        }
        LogCommand::Key { out } => {
            let key = log.vkey().to_owned();
            if let Some(path) = out {
                write_new(path, format!("{key}\n").as_bytes(), 0o644)?;
            }
            Ok(Output::new("log-key", json!({ "key": key, "out": out }), key))
        }
        LogCommand::Checkpoint => {
            let head = log.head()?;
            let body = json!({ "size": head.size, "checkpoint": head.note });
            Ok(Output::new("log-checkpoint", body, head.note))
        }
        LogCommand::Time => {
            let leaf = log.append_time(centre.clock().as_ref())?;
            let entry = String::from_utf8_lossy(&leaf.entry).into_owned();
            let body = json!({ "index": leaf.index, "entry": entry });
            Ok(Output::new("log-time", body, entry))
        }
    }
}
