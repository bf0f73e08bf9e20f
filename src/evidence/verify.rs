//! The whole judgement of a bundle, offline: per signer and per file, what is proven and what is not.
//!
//! Nothing is repaired and nothing stops at the first fault: a clerk who has to say why a bundle is
//! refused needs all of it. What is missing because nobody gave the keys for it is a warning said aloud,
//! never silence (evidence.md §3, referee/README.md). Memory is bounded: media are streamed once.

use std::io::{self, Read, Seek};
use std::path::Path;

use crate::Hash32;
use crate::bag::TAGMANIFEST;
use crate::chain::TrustRoots;
use crate::record::Record;
use crate::statement::Statement;
use crate::tlog::LogKey;

mod contents;
mod journal;
mod proofs;
mod record;
mod report;
mod signers;
mod source;
mod structure;
mod words;

pub use report::{
    FileReport, FileState, Finding, JudgedBy, Report, SignerReport, SignerState, TimeReport,
    Verdict,
};
pub use source::{BagSource, SourceFault};
pub use words::{CODES, explain};

use report::{Findings, SealedBy};
use structure::Structure;

/// With what a bundle is judged.
#[derive(Debug)]
pub struct Options<'a> {
    /// The only certificates trusted for signatures.
    pub roots: &'a TrustRoots,
    /// The only certificates trusted for time stamps.
    pub tsa: Option<&'a TrustRoots>,
    /// Key of the centre's log.
    pub log_key: Option<&'a LogKey>,
    /// A party copy: payload files may be missing.
    pub partial: bool,
    /// The present time in milliseconds since 1970: judged time of signatures without any better.
    pub now_ms: i64,
}

/// Judges a ZIP.
///
/// # Errors
/// I/O only; whatever is wrong with the bundle is in the report.
pub fn verify_zip<R: Read + Seek>(source: R, options: &Options<'_>) -> io::Result<Report> {
    opened(source::open_zip(source), options)
}

/// Judges an unpacked folder.
///
/// # Errors
/// As [`verify_zip`].
pub fn verify_folder(folder: &Path, options: &Options<'_>) -> io::Result<Report> {
    opened(source::open_folder(folder), options)
}

fn opened<S: BagSource>(
    source: Result<S, (SourceFault, Option<String>)>,
    options: &Options<'_>,
) -> io::Result<Report> {
    match source {
        Ok(mut source) => verify_bag(&mut source, options),
        Err((SourceFault::Io(error), _)) => Err(error),
        Err((SourceFault::Bundle(code), path)) => {
            let mut findings = Findings::default();
            findings.error(code, path.as_deref());
            Ok(Report::refused(findings, options.partial))
        }
    }
}

/// What the steps of the judgement share.
struct Judged<'a> {
    options: &'a Options<'a>,
    findings: Findings,
    structure: Structure,
    statement: Option<Statement>,
    record: Option<Record>,
    tagmanifest: Hash32,
}

/// Judges a bag from any source.
///
/// # Errors
/// As [`verify_zip`].
pub fn verify_bag(source: &mut dyn BagSource, options: &Options<'_>) -> io::Result<Report> {
    let mut findings = Findings::default();
    for code in source.warnings() {
        findings.warn(code, None);
    }
    let structure = Structure::read(source, options.partial, &mut findings)?;
    let tagmanifest = Hash32::sha256(structure.tag(TAGMANIFEST).unwrap_or_default());
    let mut judged =
        Judged { options, findings, structure, statement: None, record: None, tagmanifest };
    judged.read_statement();
    let files = judged.judge_contents(source)?;
    judged.judge_names(source.top());
    let log = judged.judge_log();
    let (signers, stamped) = judged.judge_signers(log.received_ms);
    let time = judged.judge_time(&log, stamped);
    let sealed = judged.statement.as_ref().map(SealedBy::of);
    Ok(Report::new(sealed, options.partial, signers, files, time, judged.findings))
}

#[cfg(test)]
mod tests;
