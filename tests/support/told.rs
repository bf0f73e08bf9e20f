//! Something that was confirmed to the officer, and whether it still holds: by its content, never by a count.
#![expect(clippy::indexing_slicing, reason = "a JSON value that lacks a member is null")]

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What a handheld says of a case after whatever happened to it.
#[derive(Debug, Default)]
pub struct Holds {
    /// `case show`.
    pub case: Value,
    /// `doc show` of each document.
    pub documents: Vec<Value>,
    /// `journal --case`.
    pub journal: Value,
    /// `receipts`.
    pub receipts: Value,
}

/// The members of a list.
#[must_use]
pub fn list<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    value[name].as_array().map(|a| a.iter().collect()).unwrap_or_default()
}

/// The word after an option of an act, as `--proves`.
fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| *word == name)?;
    words.get(at.saturating_add(1)).copied()
}

impl Holds {
    fn document(&self, id: &str) -> &Value {
        self.documents.iter().find(|d| d["card"]["id"] == id).unwrap_or(&Value::Null)
    }

    fn evidence(&self, is: impl Fn(&Value) -> bool) -> bool {
        list(&self.case, "evidence").into_iter().any(is)
    }

    fn entry(&self, is: impl Fn(&Value) -> bool) -> bool {
        list(&self.journal, "items").into_iter().any(is)
    }

    /// Insists that an act of the command line, without words of several parts, still holds with what was said
    /// of it.
    ///
    /// # Errors
    /// It does not; an act that nothing is known of.
    pub fn insist(&self, act: &str, said: &Value) -> Result<()> {
        let held = self.held(act, said).with_context(|| format!("nobody judges: {act}"))?;
        ensure!(held, "confirmed and lost: {act}, told as {said}");
        Ok(())
    }

    fn held(&self, act: &str, said: &Value) -> Option<bool> {
        let words: Vec<&str> = act.split(' ').collect();
        let word = |n: usize| words.get(n).copied().unwrap_or_default();
        let given = |name: &str| option(&words, name).unwrap_or_default();
        let doc = || self.document(word(3));
        Some(match (word(0), word(1)) {
            ("case", "certificate") => list(&self.case, "officers")
                .iter()
                .any(|o| o["id"] == word(3) && !o["certificate_shown"].is_null()),
            ("case", "step") => list(&self.case, "steps").iter().any(|s| {
                (s["id"] == said["step"] || said["step"].is_null())
                    && s["title"] == given("--title")
            }),
            ("case", "end-step") => list(&self.case, "steps")
                .iter()
                .any(|s| s["id"] == word(3) && !s["ended"].is_null()),
            ("case", "note") => self.entry(|e| e["facts"]["text"] == word(3)),
            ("case", "party") => list(&self.case, "parties")
                .iter()
                .any(|p| p["name"] == given("--name") && p["post"] == given("--post")),
            ("case", "clock") => self.entry(|e| e["kind"] == "clock_not_set"),
            // The camera's own bytes: what the shutter said is what the case has.
            ("capture", "photo") => self.evidence(|e| {
                said["sha256"].is_string()
                    && e["sha256"] == said["sha256"]
                    && e["size"] == said["size"]
                    && e["media_type"] == "image/jpeg"
            }),
            ("capture", "describe") => self.evidence(|e| {
                e["id"] == word(3)
                    && e["proves"] == given("--proves")
                    && e["filing"]["source"].as_str().is_none_or(|s| s == given("--source"))
            }),
            ("capture", "mark") => self.entry(|e| e["facts"]["text"] == word(3)),
            ("capture", "stop") => self.evidence(|e| {
                said["sha256"].is_string()
                    && e["sha256"] == said["sha256"]
                    && e["size"] == said["size"]
            }),
            ("capture", "audio" | "video") => {
                // What began at the door has another number by now.
                let door = said["evidence"].as_str().is_none_or(|id| id.starts_with('A'));
                self.entry(|e| {
                    e["kind"] == "capture_started"
                        && (door || e["facts"]["evidence"] == said["evidence"])
                })
            }
            ("doc", "new") => {
                let known = self.document(said["card"]["id"].as_str().unwrap_or_default());
                known["card"]["form"] == said["card"]["form"]
                    && known["card"]["party"] == said["card"]["party"]
            }
            ("doc", "answer") => list(doc(), "answers")
                .iter()
                .any(|a| a["question"] == given("--question") && a["answer"] == given("--answer")),
            ("doc", "fill") => {
                list(doc(), "fields").iter().any(|f| f["key"] == word(4) && f["value"] == word(5))
            }
            ("doc", "freeze") => {
                doc()["content_sha256"].is_string()
                    && doc()["content_sha256"] == said["content_sha256"]
            }
            ("doc", "sign") => list(doc(), "signatures").iter().any(|s| s["signer"] == word(4)),
            ("doc", "refuse") => list(doc(), "refused")
                .iter()
                .any(|r| r["party"] == word(4) && r["reason"] == given("--reason")),
            ("findings", "judge") => {
                let judged =
                    |f: &&Value| f["key"] == given("--key") && f["state"] == given("--state");
                list(&self.case, "findings").iter().any(judged)
            }
            ("seal", _) => {
                self.case["state"] != "open"
                    && self.case["bundle"].is_string()
                    && (said["bundle"].is_null() || self.case["bundle"] == said["bundle"])
            }
            ("push", _) => list(&self.receipts, "items").iter().any(|i| i["state"] == "received"),
            _ => return None,
        })
    }
}
