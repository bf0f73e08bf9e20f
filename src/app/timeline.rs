//! One visit as it went: what the case journal says, oldest first, in words.
//!
//! Nothing is computed here that the journal does not say: a moment is a line of it, a span is a recording from
//! its first stored sound to its last. Kinds that this version does not know are shown by their name, because
//! leaving one out would make a gap where there is none (evidence.md §2, kinds are open).

mod axis;
mod clock;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spotcheck_domain::{CaseId, TroubleResult};

use self::clock::VisitClock;
use crate::desk::{AnswerView, CaseView, RecordingKind};
use crate::findings::{FindingState, state_words};
use crate::handheld::Handheld;
use crate::model::{Document, Evidence, kind};

pub use self::axis::Axis;

/// What a moment is about; chooses its picture and whether a filter shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    /// Sound.
    Sound,
    /// Video.
    Video,
    /// A photo, or a file taken from the facility.
    Photo,
    /// Questions and answers.
    Talk,
    /// Documents: begun, frozen, signed, printed.
    Paper,
    /// What was said about a finding.
    Finding,
    /// Certificates, parties, steps, notes, the seal.
    Step,
    /// Views of personal data, and what only a technician asks for.
    Other,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Number of the line.
    pub seq: u64,
    /// RFC 3339, as the handheld's clock stood.
    pub wall: String,
    /// Milliseconds from the beginning of the visit, by boot time.
    pub at_ms: u64,
    /// What it is about.
    pub kind: MomentKind,
    /// A mark in a recording.
    pub mark: bool,
    /// In words.
    pub title: String,
    /// What goes with it; may be empty.
    pub note: String,
    /// The evidence item it is about, `E1` ….
    pub evidence: Option<String>,
    /// The document it is about.
    pub document: Option<String>,
    /// Question and answer.
    pub said: Option<(String, String)>,
    /// Where it can be heard or seen: recordings that ran, and milliseconds into each.
    pub heard: Vec<(String, u64)>,
}

/// A recording on the time line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// `E1` …
    pub evidence: String,
    /// With pictures.
    pub video: bool,
    /// Milliseconds from the beginning of the visit.
    pub from_ms: u64,
    /// Milliseconds stored.
    pub length_ms: u64,
    /// It still runs.
    pub live: bool,
    /// Where it was paused: from and until, in milliseconds from the beginning of the visit.
    #[serde(default)]
    pub pauses: Vec<(u64, u64)>,
}

impl Span {
    /// Milliseconds from the beginning of the visit at its end.
    #[must_use]
    pub const fn until_ms(&self) -> u64 {
        self.from_ms.saturating_add(self.length_ms)
    }
}

/// A recording, as the time line needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `E1` …
    pub evidence: String,
    /// With pictures.
    pub video: bool,
    /// It still runs.
    pub live: bool,
    /// Boot time on it.
    pub axis: Axis,
}

/// What a journal is told with.
#[derive(Debug, Default)]
pub struct Told {
    /// Recordings, oldest first.
    pub recordings: Vec<Recorded>,
    /// Answers by document and number: the journal has their hashes only.
    pub answers: BTreeMap<(String, u64), AnswerView>,
    /// SHA-256 of the last line; `None` where the chain is broken.
    pub head: Option<String>,
}

/// A visit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Recordings, oldest first.
    pub spans: Vec<Span>,
    /// Everything else that happened, oldest first.
    pub moments: Vec<Moment>,
    /// Number of lines of the journal.
    pub entries: u64,
    /// SHA-256 of the last line; `None` where the chain is broken.
    pub head: Option<String>,
}

fn text<'a>(entry: &'a Value, pointer: &str) -> &'a str {
    entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(entry: &Value, pointer: &str) -> u64 {
    entry.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// `1 分 05 秒`.
fn lasted(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!("{} 分 {:02} 秒", seconds / 60, seconds % 60)
}

/// What a line says: kind, title, note; `None` for a line that only goes with another one.
pub(crate) fn words(entry: &Value, case: &CaseView) -> Option<(MomentKind, String, String)> {
    use MomentKind::{Finding, Other, Paper, Photo, Sound, Step, Talk, Video};
    let said = |kind, title: &str| Some((kind, title.to_owned(), String::new()));
    let noted = |kind, title: String, note: &str| Some((kind, title, note.to_owned()));
    let fact = |name: &str| text(entry, &format!("/facts/{name}"));
    let subject = text(entry, "/subject");
    let medium = match fact("media_type") {
        "audio/ogg" => Some((Sound, "录音")),
        "video/x-matroska" => Some((Video, "录像")),
        _ => None,
    };
    let paper = || {
        let card = case.documents.iter().find(|d| d.id == fact("document") || d.id == subject);
        card.map_or("文书", |card| card.title.as_str())
    };
    match text(entry, "/kind") {
        "case_opened" => said(Step, "开始检查"),
        "certificate_shown" => {
            let officer = case.officers.iter().find(|o| o.id.as_str() == subject);
            noted(Step, format!("{} 出示证件", officer.map_or(subject, |o| &o.name)), "")
        }
        kind @ ("step_begun" | "step_ended") => {
            let title = case.steps.iter().find(|s| s.id == subject).map_or(subject, |s| &s.title);
            let act = if kind == "step_begun" { "开始" } else { "结束" };
            noted(Step, format!("{act} {title}"), "")
        }
        "capture_started" => {
            let (kind, name) = medium?;
            noted(kind, format!("开始{name} {}", fact("evidence")), "")
        }
        "capture_stopped" => {
            let id = fact("evidence");
            let item = case.evidence.iter().find(|e| e.id == id);
            let proves = item.map_or("", |e| e.proves.as_str());
            match medium {
                Some((kind, name)) if item.is_some_and(|e| e.recovered) => {
                    noted(kind, format!("{name} {id} 被中断后恢复"), "中断处最多缺 2 秒")
                }
                Some((kind, name)) => {
                    let lasted = lasted(number(entry, "/facts/duration_ms"));
                    noted(kind, format!("停止{name} {id}"), &lasted)
                }
                None if fact("media_type").starts_with("image/") => {
                    noted(Photo, format!("照片 {id}"), proves)
                }
                None => noted(Photo, format!("电子数据 {id}"), proves),
            }
        }
        "capture_failed" => noted(Sound, format!("没有录成 {}", fact("evidence")), fact("code")),
        "note" => match fact("what") {
            "paused" => {
                let item = case.evidence.iter().find(|e| e.id == subject);
                let video = item.is_some_and(|e| e.media_type.starts_with("video/"));
                noted(if video { Video } else { Sound }, format!("暂停 {subject}"), "")
            }
            "resumed" if fact("by") == "stop" => {
                noted(Sound, format!("继续 {subject}"), "录制结束时仍在暂停")
            }
            "resumed" => noted(Sound, format!("继续 {subject}"), ""),
            what @ ("picture_blanked" | "picture_shown") => {
                let act = if what == "picture_blanked" { "遮挡画面" } else { "恢复画面" };
                noted(Video, format!("{act} {subject}"), "声音照录")
            }
            "mark" => noted(Sound, format!("标记 {subject}"), fact("text")),
            "played_with_headphones" => {
                noted(Sound, format!("用耳机听 {}", fact("played")), "录音仍在进行")
            }
            "evidence_described" => noted(Photo, format!("写明 {subject} 证明什么"), ""),
            "opening_read" => said(Talk, "宣读开场告知"),
            "page_checked" => noted(Photo, format!("检查 {subject} 拍得是否清楚"), ""),
            "page_retaken" => noted(Photo, format!("重拍 {subject}"), fact("text")),
            "encoder_changed" => {
                noted(Video, format!("{} 换用软件编码", fact("evidence")), fact("failed"))
            }
            "damaged_and_taken_out" => {
                noted(Other, format!("{subject} 已损坏，从清单取出"), "损坏的文件原样保留")
            }
            "compared" => noted(Finding, "与现场新导出的数据比对".to_owned(), fact("text")),
            "taken_back" => noted(Step, format!("撤销 {}", fact("was")), ""),
            "document_begun" => noted(Paper, format!("开始写 {}", paper()), ""),
            "party_added" => {
                let party = case.parties.iter().find(|p| p.id == subject);
                noted(Step, format!("登记 {}", party.map_or(subject, |p| &p.name)), "")
            }
            _ if !fact("text").is_empty() => noted(Step, "备注".to_owned(), fact("text")),
            other => noted(Other, format!("备注 {other}"), ""),
        },
        "answer_added" => noted(Talk, format!("第 {} 问", number(entry, "/facts/n")), paper()),
        "answer_changed" => noted(Talk, format!("改第 {} 问", number(entry, "/facts/n")), paper()),
        "document_frozen" => noted(Paper, format!("定稿 {}", paper()), ""),
        "document_signed" if subject.ends_with(".pdf") => {
            let who = fact("signer");
            let officer = case.officers.iter().find(|o| o.id.as_str() == who);
            let party = case.parties.iter().find(|p| p.id == who);
            let name = officer.map(|o| &o.name).or(party.map(|p| &p.name));
            noted(Paper, format!("{} 签字", name.map_or(who, String::as_str)), paper())
        }
        "document_printed" => {
            let copies = number(entry, "/facts/copies");
            noted(Paper, format!("打印 {}", paper()), &format!("{copies} 份"))
        }
        "document_corrected" => noted(Paper, format!("更正 {}", paper()), ""),
        "document_refused" => {
            let by = case.parties.iter().find(|p| p.id == fact("by"));
            noted(Paper, format!("拒绝签字 {}", paper()), by.map_or("", |p| &p.name))
        }
        "copy_given" => {
            let copies = number(entry, "/facts/copies");
            noted(Paper, format!("交付 {}", paper()), &format!("{copies} 份"))
        }
        "refusal" => noted(Step, "对方拒绝检查".to_owned(), paper()),
        "finding_state" => {
            let card = case.findings.iter().find(|f| f.id == subject);
            let state = entry.pointer("/facts/state").cloned().unwrap_or_default();
            let state = serde_json::from_value::<FindingState>(state).map(state_words);
            let state = state.unwrap_or_else(|_| fact("state"));
            noted(Finding, card.map_or(subject, |f| &f.title).to_owned(), state)
        }
        "person_viewed" => said(Other, "查看人员资料"),
        "data_printed" => said(Other, "打印个人资料"),
        "data_copied" => said(Other, "复制个人资料"),
        "data_exported" => said(Other, "导出个人资料"),
        "clock_stepped" => said(Other, "时钟跳变"),
        "handover" => said(Step, "交接"),
        "approval" => said(Step, "负责人批准"),
        "measure" => noted(Step, "采取措施".to_owned(), paper()),
        "clock_not_set" => noted(Other, "本机时钟没有校准".to_owned(), fact("says")),
        "salvaged" => noted(Other, "案卷损坏后抢救".to_owned(), "损坏的文件原样保留"),
        "rescued" => noted(Step, "从第二副本接续".to_owned(), fact("from_device")),
        "keys_recovered" => said(Step, "由保管人恢复密钥"),
        "sealed" => said(Step, "封存"),
        // Their act has a line of its own.
        "document_rendered" | "document_signed" | "log_closed" | "annex_added" => None,
        other => noted(Other, other.to_owned(), "本版本不认得这种记录"),
    }
}

/// Where an entry can be heard: by the recording it names itself, else by its boot time.
fn heard(entry: &Value, recordings: &[Recorded]) -> Vec<(String, u64)> {
    let (boot, boottime) = clock::place(entry);
    let facts = |name: &str| text(entry, &format!("/facts/{name}"));
    let is_mark = matches!(facts("what"), "mark" | "paused" | "resumed");
    let own = if is_mark { text(entry, "/subject") } else { facts("audio") };
    let told = entry.pointer("/facts/at_ms").and_then(Value::as_u64);
    let places = recordings.iter().filter_map(|recorded| {
        let named = told.filter(|_| recorded.evidence == own);
        let at = named.or_else(|| recorded.axis.at(boot, boottime))?;
        Some((recorded.evidence == own, recorded.video, recorded.evidence.clone(), at))
    });
    let mut places: Vec<_> = places.collect();
    // The one it names first, then sound, then pictures.
    places.sort_by_key(|(own, video, ..)| (!*own, *video));
    places.into_iter().map(|(.., evidence, at)| (evidence, at)).collect()
}

/// Where a recording was paused, in milliseconds from its beginning; the last one may still last.
fn pauses(entries: &[Value], evidence: &str) -> Vec<(u64, Option<u64>)> {
    let mut pauses: Vec<(u64, Option<u64>)> = Vec::new();
    for entry in entries.iter().filter(|entry| text(entry, "/subject") == evidence) {
        let at_ms = number(entry, "/facts/at_ms");
        match (text(entry, "/facts/what"), pauses.last_mut()) {
            ("paused", _) => pauses.push((at_ms, None)),
            ("resumed", Some((_, until))) => *until = Some(at_ms),
            _ => {}
        }
    }
    pauses
}

/// The visit that a journal tells.
#[must_use]
pub fn timeline(entries: &[Value], case: &CaseView, told: Told) -> Timeline {
    let Told { recordings, answers, head } = told;
    let beginnings = recordings.iter().map(|recorded| recorded.axis.beginning());
    let clock = VisitClock::of(entries, beginnings);
    let spans = recordings.iter().filter_map(|recorded| {
        let (boot, begun) = recorded.axis.beginning();
        let (from_ms, length_ms) = (clock.at(boot, begun)?, recorded.axis.length_ms());
        Some(Span {
            evidence: recorded.evidence.clone(),
            video: recorded.video,
            from_ms,
            length_ms,
            live: recorded.live,
            pauses: pauses(entries, &recorded.evidence)
                .into_iter()
                .map(|(from, until)| {
                    let until = until.unwrap_or(length_ms).min(length_ms);
                    (from_ms.saturating_add(from), from_ms.saturating_add(until))
                })
                .collect(),
        })
    });
    let taken_back: BTreeSet<u64> = entries
        .iter()
        .filter(|entry| text(entry, "/facts/what") == "taken_back")
        .map(|entry| number(entry, "/facts/entry"))
        .collect();
    let moments = entries.iter().filter_map(|entry| {
        let (kind, title, note) = words(entry, case)?;
        let gone = taken_back.contains(&number(entry, "/seq"));
        let note = if gone { "后来撤销了".to_owned() } else { note };
        let fact = text(entry, "/facts/evidence");
        let is_recording = |id: &str| recordings.iter().any(|r| r.evidence == id);
        let named = |id: &str| {
            let known = is_recording(id) || case.evidence.iter().any(|e| e.id == id);
            known.then(|| id.to_owned())
        };
        let document = text(entry, "/facts/document");
        let written = |id: &str| case.documents.iter().any(|d| d.id == id).then(|| id.to_owned());
        let document = written(document).or_else(|| written(text(entry, "/subject")));
        let answer = document
            .as_ref()
            .filter(|_| kind == MomentKind::Talk && !gone)
            .and_then(|id| answers.get(&(id.clone(), number(entry, "/facts/n"))));
        let (boot, boottime) = clock::place(entry);
        Some(Moment {
            seq: number(entry, "/seq"),
            wall: text(entry, "/wall").to_owned(),
            at_ms: clock.at(boot, boottime).unwrap_or_default(),
            kind,
            mark: text(entry, "/facts/what") == "mark" && !gone,
            title,
            note,
            evidence: named(fact).or_else(|| named(text(entry, "/subject"))),
            said: answer.map(|a| (a.question.clone(), a.answer.clone())),
            document,
            heard: heard(entry, &recordings),
        })
    });
    Timeline {
        spans: spans.collect(),
        moments: moments.collect(),
        entries: u64::try_from(entries.len()).unwrap_or(u64::MAX),
        head,
    }
}

impl Handheld {
    pub(crate) fn do_timeline(&mut self, case: &CaseId) -> TroubleResult<Timeline> {
        let view = self.case_view(case)?;
        let entries = self.journal_entries(Some(case))?;
        // A broken chain is told, not hidden behind an empty page.
        let head = self.verify_journal(Some(case)).ok().map(|(_, head)| head);
        let mut answers = BTreeMap::new();
        for (id, document) in self.case_chain(case)?.values::<Document>(kind::DOCUMENT)? {
            for answer in document.answers {
                answers.insert((id.clone(), u64::from(answer.view.n)), answer.view);
            }
        }
        let recordings = self.recorded(case, &entries)?;
        Ok(timeline(&entries, &view, Told { recordings, answers, head }))
    }

    /// Recordings of a case with something in them, also those that run.
    fn recorded(&mut self, case: &CaseId, entries: &[Value]) -> TroubleResult<Vec<Recorded>> {
        let mut all = Vec::new();
        for (id, item) in self.case_chain(case)?.values::<Evidence>(kind::EVIDENCE)? {
            let Some(recording) = item.recording else { continue };
            let log = self.ports.blobs.recording_log(case, &item.path, item.log.as_ref());
            let axis = match log {
                Ok(log) => Axis::of_log(&log),
                Err(trouble) => {
                    tracing::warn!(code = %trouble.code, "A recording log cannot be read.");
                    None
                }
            };
            let Some(axis) = axis.or_else(|| by_journal(entries, &id)) else { continue };
            all.push(Recorded {
                evidence: id,
                video: recording == RecordingKind::Video,
                live: item.ended_ms.is_none(),
                axis,
            });
        }
        Ok(all)
    }
}

/// Where a recording began and how long it is, by the journal alone.
fn by_journal(entries: &[Value], evidence: &str) -> Option<Axis> {
    let of = |kind: &str| {
        let fact = |e: &&Value| text(e, "/facts/evidence") == evidence && text(e, "/kind") == kind;
        entries.iter().find(fact)
    };
    let started = of("capture_started")?;
    let length_ms = number(of("capture_stopped")?, "/facts/duration_ms");
    let (boot, boottime) = clock::place(started);
    let ahead = i64::try_from(number(started, "/facts/ahead_ms")).unwrap_or(0);
    Some(Axis::begun(boot, boottime.saturating_sub(ahead), length_ms))
}
