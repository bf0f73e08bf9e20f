//! What a fresh process must still know of everything that was confirmed, and that work goes on.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spotcheck_tests::support::programs::{kill_recorder, text};
use spotcheck_tests::support::told::{Holds, list};

use crate::lab::{Handheld, Lab, Told};

/// A recording may lose so much before the cut.
const LOSS_MS: u64 = 2_000;

/// What one check saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) case: Option<String>,
    pub(crate) bundle: Option<String>,
    /// Largest loss of a recording that was cut off, ms.
    pub(crate) lost_ms: u64,
    pub(crate) cut_off: u32,
}

/// The recordings that were told of: evidence id, when, and what the stop said if it was told.
fn recordings(told: &[Told]) -> Vec<(String, &Told, Option<&Told>)> {
    let begun = told
        .iter()
        .filter(|t| t.act.starts_with("capture audio") || t.act.starts_with("capture video"));
    begun
        .filter_map(|t| {
            let id = t.said["evidence"].as_str()?.to_owned();
            // What was recorded at the door is the first item of the case.
            let id = if id.starts_with('A') { "E1".to_owned() } else { id };
            let stop = told.iter().find(|s| s.act == format!("capture stop {id}"));
            Some((id, t, stop))
        })
        .collect()
}

/// Everything after a restart: the sentence, what was confirmed, the journals, the recordings; then the work
/// goes on until the case is sealed. `cut`: when the recordings were cut off, if they were.
pub(crate) fn check(
    lab: &Lab,
    h: &Handheld,
    who: usize,
    told: &[Told],
    cut: Option<Instant>,
) -> Result<Seen> {
    let mut seen = Seen::default();
    // The first sentence, before anybody unlocks.
    let status = h.locked().ok(&["status"]).context("status")?;
    let safe = text(&status, "/safe")?;
    ensure!(safe.starts_with("安全："), "{safe}");
    let open_told = told.iter().find(|t| t.act == "case open");
    let tasks = h.cli.run_as(who, &["tasks"])?.ok().context("unlock")?;
    let known = tasks.pointer("/items/0/case/id").and_then(Value::as_str).map(str::to_owned);
    if let Some(open) = open_told {
        ensure!(known.as_deref() == open.said["id"].as_str(), "the case is lost: {tasks}");
    }
    let case = match known {
        Some(case) if open_told.is_some() => case,
        // Cut off before it was confirmed: opening it again continues it, or begins it.
        _ => h.open(&lab.world.task).context("case open")?,
    };
    let mut acts = vec![
        "unlock".to_owned(),
        format!("case show {case}"),
        format!("journal --case {case}"),
        format!("journal --verify --case {case}"),
        "journal --verify".to_owned(),
        "receipts".to_owned(),
    ];
    let has_doc = told.iter().any(|t| t.act.starts_with("doc new"));
    if has_doc {
        acts.push(format!("doc show {case} D1"));
    }
    let said = h.all(who, &acts)?;
    let show = &said[1];
    let holds = Holds {
        case: show.clone(),
        journal: said[2].clone(),
        receipts: said[5].clone(),
        documents: said.iter().skip(6).cloned().collect(),
    };
    let entries = list(&holds.journal, "items");
    for t in told.iter().filter(|t| t.act != "case open") {
        holds.insist(&t.act, &t.said)?;
    }
    let sealed = show["state"] != "open";
    let running = list(&said[0], "recordings").len();
    for (id, begun, stop) in recordings(told) {
        let item = list(show, "evidence").into_iter().find(|e| e["id"] == id.as_str()).cloned();
        if let Some(stop) = stop {
            let item = item.with_context(|| format!("{id} was stopped and is lost"))?;
            // At the door the stop was told with its own number; the hash is the same.
            ensure!(item["sha256"] == stop.said["sha256"], "{id} is not what the stop said");
            continue;
        }
        let stopped = entries
            .iter()
            .find(|e| e["kind"] == "capture_stopped" && e["facts"]["evidence"] == id.as_str());
        let Some(stopped) = stopped else {
            ensure!(running > 0 && !sealed, "{id} neither runs nor was closed: {safe}");
            ensure!(safe.contains("仍在录制"), "{id} runs, and before unlocking it said: {safe}");
            continue;
        };
        ensure!(item.is_some(), "{id} was closed and is not among the evidence");
        let kept = stopped["facts"]["duration_ms"].as_u64().unwrap_or(0);
        if stopped["facts"]["recovered"] == true {
            seen.cut_off += 1;
            let told_ms = begun.said["stored_ms"].as_u64().unwrap_or(0);
            ensure!(kept >= told_ms, "{id}: {kept} ms of {told_ms} ms confirmed");
            if let Some(cut) = cut {
                let ran = cut.saturating_duration_since(begun.at).as_millis();
                let lost = u64::try_from(ran)?.saturating_add(told_ms).saturating_sub(kept);
                seen.lost_ms = seen.lost_ms.max(lost);
                ensure!(lost <= LOSS_MS, "{id}: {lost} ms of the recording are lost");
            }
        }
    }
    if let (Some(_), true) = (cut, seen.cut_off > 0 && open_told.is_some()) {
        ensure!(safe.contains("缺 ≤ 2 秒"), "a cut-off recording is not told: {safe}");
    }
    seen.bundle = show["bundle"].as_str().map(str::to_owned);
    if !sealed {
        // A seal that was cut off half-way is finished by sealing again; else everything can be added.
        let note = h.cli.run_as(who, &["case", "note", &case, "重新开机后继续"])?;
        let half_sealed = note.error_code() == "CASE-SEALED";
        ensure!(note.code == 0 || half_sealed, "work does not go on: {}", note.json);
        let pins = lab.pins();
        let mut seal = vec!["seal", &case, "--incomplete", "中断后撤离"];
        for pin in &pins {
            seal.extend(["--signer", pin]);
        }
        let said = h.cli.run_as(who, &seal)?.ok().context("the case cannot be sealed")?;
        seen.bundle = said["bundle"].as_str().map(str::to_owned);
    }
    kill_recorder(&h.cli.data);
    seen.case = Some(case);
    Ok(seen)
}
